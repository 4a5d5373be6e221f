"""A ledger whose process dies once in the middle of its work, for tests of killed executors."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path

from journeykit.ledger import Ledger


class MortalLedger(Ledger):
    """A ledger that kills its process at its n-th transaction, half of whose work is done, unless another did.

    Args:
        url: the address.
        token: a file; who removes it dies.
        nth: at which transaction.
    """

    def __init__(self, url, token, nth, **more):
        super().__init__(url, **more)
        self.token = str(token)
        self.nth = nth
        self.parent = os.getpid()

    def __reduce__(self):
        # The driver lives on.
        return _in_worker, (self.url.render_as_string(hide_password=False), self.token, self.nth, self.parent)

    @contextmanager
    def transaction(self, *args, **how):
        """A transaction; the last one of a process is never kept."""
        with super().transaction(*args, **how) as found:
            yield found
            self.nth -= 1
            if self.nth <= 0 and os.getpid() != self.parent:
                with suppress(FileNotFoundError):
                    Path(self.token).unlink()
                    os.kill(os.getpid(), signal.SIGKILL)


def _in_worker(url, token, nth, parent):
    found = MortalLedger(url, token, nth, patience=900)
    found.parent = parent
    return found
