"""A playbook file that is replaced while a process decides by it."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

from journeykit import Arbiter, JourneykitError, Playbook


class LivePlaybook:
    """The arbiter of the newest playbook of a file, as far as it can be used.

    A playbook is read, checked and compiled whole; then one assignment puts its arbiter in place. Who asks takes
    `arbiter` once, and works by that to the end. Where a new file cannot be used, the arbiter of before stays.

    Args:
        path: the file. It is replaced by renaming: a file that is written where it is may be read half-written.
        options: what `Arbiter` takes beside the playbook, such as ``policies``.

    Raises:
        PlaybookError: where the very first playbook cannot be used, for then there is nothing to decide by.
        OSError: likewise.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        self.path = Path(path)
        self.options = options
        self.problem: str | None = None
        """Why the newest file is not used; None where it is."""
        self._reading = Lock()
        self._seen = self._state()
        self.arbiter = Arbiter(Playbook.load(self.path), **options)

    def refresh(self) -> bool:
        """Look at the file again; whether there is a new arbiter."""
        with self._reading:  # two threads that see the new file at once load it once
            try:
                state = self._state()
                if state == self._seen:
                    return False
                found = Arbiter(Playbook.load(self.path), **self.options)
            except (JourneykitError, OSError) as error:
                # Looked at again next time: what is wrong may be with the disk, not with the playbook.
                self.problem = str(error)
                return False
            changed = found.fingerprint != self.arbiter.fingerprint
            self.arbiter, self._seen, self.problem = found, state, None
            return changed

    def _state(self) -> tuple[int, ...]:
        """What changes when the file is replaced."""
        found = self.path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns
