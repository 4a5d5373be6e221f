"""How far a job is, for the person who waits: a bar on a terminal, elsewhere a line of the log now and then."""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from journeykit.basics.watch import LOG, Watch
from journeykit.kernels import has_kernels

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGE = 10_000
"""After so many contacts that are decided one by one, it is said that the extension would be quicker."""
_SLOW = (
    "the extension module is not built, and contacts are decided one by one: "
    "install journeykit again where a C++20 compiler is"
)


_STEP = 1.0
_PATIENCE = 2.0
"""After so many seconds in which no contact was counted, a terminal shows what is going on."""


class ProgressBar:
    """How far the work is, on standard error: a bar where that is a terminal, else what `Watch` says in the log.

    Args:
        quiet: whether nothing of this is shown.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._is_quiet = quiet
        self.shown = sys.stderr.isatty() and not quiet
        self.began = self.last = time.monotonic()
        self._has_told = quiet or has_kernels()
        self.watch = Watch()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        if self.shown:
            self._open.enter_context(self._waiting())
        elif not self._is_quiet:
            self._open.enter_context(_log_on_stderr())
            self._open.enter_context(self.watch.beating())
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Show what is going on while no contact is counted, as when tables are read or a choice is made for all."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(_STEP):
                if time.monotonic() - self.last >= _PATIENCE:
                    print(f"\r\x1b[K{self.watch.text()}", end="", file=sys.stderr, flush=True)

        thread = threading.Thread(target=look, name="journeykit progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def __call__(self, done: int, total: int | None) -> None:
        """Show how many contacts are done, a few times a second."""
        if not self._has_told and max(done, total or 0) >= _LARGE:
            self._has_told = True
            print(f"journeykit: {_SLOW}", file=sys.stderr)
        now = time.monotonic()
        if not self.shown or now - self.last < 0.2:
            return
        self.last = now
        rate = done / max(now - self.began, 1e-9)
        text = f"{done:,} contacts, {rate:,.0f}/s"
        if total:
            filled = 24 * done // total
            text = f"[{'#' * filled}{'.' * (24 - filled)}] {100 * done // total}% {text}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Let the log speak on standard error meanwhile, where nobody has said where it goes."""
    handlers = [*LOG.handlers, *logging.getLogger().handlers]
    if not all(isinstance(own, logging.NullHandler) for own in handlers):
        yield
        return
    handler, level = logging.StreamHandler(sys.stderr), LOG.level
    handler.setFormatter(logging.Formatter("journeykit: %(asctime)s %(message)s", "%H:%M:%S"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(level)
