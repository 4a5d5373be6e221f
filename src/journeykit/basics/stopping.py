"""Signals that end a process: they end its work as an exception does, once, and not while something is being closed."""

from __future__ import annotations

import _thread
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import FrameType

_CLOSING = ("__exit__", "__del__")
"""Functions that close something: an exception there would leave it half closed, or be lost."""
_STEP = 0.01
_LONGEST = 8.0
"""After so many seconds a process that has got a signal does not wait any more for what it is doing."""


class _Stop:
    """The signal that ends the work, if one has come.

    Attributes:
        left: files and folders that are being written.
        is_written: whether an output has got its place.
    """

    def __init__(self) -> None:
        self.left: set[Path] = set()
        self.is_written = False
        self.error: BaseException | None = None
        self.is_raised = False
        self.is_over = False
        self.lock = _thread.allocate_lock()

    def is_waiting(self) -> bool:
        """Whether a signal waits until nothing is being closed any more."""
        return self.error is not None and not self.is_raised

    def check(self) -> None:
        """Raise the error of the signal that waits: this is a good place."""
        if self.error is not None and not self.is_raised and threading.current_thread() is threading.main_thread():
            self.is_raised = True
            raise self.error

    def remove_left(self) -> None:
        """Remove what is half-written and still there, at the end of a process that was stopped."""
        for path in list(self.left):
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.unlink()


STOP = _Stop()


@contextmanager
def stopped_by(
    errors: Mapping[int, Callable[[], BaseException]], leave: Callable[[int], object] | None
) -> Iterator[None]:
    """Let signals end what is done here as exceptions do. Only the first counts; it waits while something is closed.

    Args:
        errors: what is raised, by signal.
        leave: called with the signal where the work has not ended in time; the process ends after it, without the files
            that were half-written. None never ends the process; else the signals are not listened to any more after
            one has come, for the process is to end.
    """
    STOP.is_written, STOP.error, STOP.is_raised, STOP.is_over = False, None, False, False

    def stop(number: int, frame: FrameType | None) -> None:
        if STOP.error is None:
            STOP.error = errors[number]()
            # The module threading takes locks that the thread interrupted here may hold.
            _thread.start_new_thread(_follow, (number, leave))
        if not STOP.is_raised and not _is_closing(frame):
            STOP.is_raised = True
            raise STOP.error

    before = {number: signal.signal(number, stop) for number in errors}
    try:
        yield
    finally:
        if leave is None or STOP.error is None:
            with STOP.lock:
                STOP.is_over = True
            for number, handler in before.items():
                signal.signal(number, handler)


def _is_closing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name in _CLOSING:
            return True
        frame = frame.f_back
    return False


def _follow(number: int, leave: Callable[[int], object] | None) -> None:
    """Send the signal again until it was raised, and end the process where it does not end by itself."""
    until = time.monotonic() + _LONGEST
    while not STOP.is_over:
        time.sleep(_STEP)
        if leave is not None and time.monotonic() > until:
            STOP.remove_left()
            leave(number)
            os._exit(128 + number)
        with STOP.lock:
            if STOP.is_waiting() and not STOP.is_over:
                if sys.platform == "win32":
                    signal.raise_signal(number)
                else:
                    signal.pthread_kill(threading.main_thread().ident or 0, number)
