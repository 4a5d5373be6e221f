"""The standard streams of a process whose caller may have closed them."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_OUTPUT = "standard output"
"""What messages call it."""


@contextmanager
def open_streams() -> Iterator[None]:
    """Standard streams that can be written to: words on the error stream that nobody takes are lost, and harm nothing.

    A closed standard output fails where something is written to it: answers must not get lost in silence.
    """
    before = sys.stdout, sys.stderr
    # Python leaves them out where they are closed, whatever the type says.
    given = cast("tuple[TextIO | None, TextIO | None]", before)
    if None in given or sys.stdin is None:
        _fill_descriptors()
    sys.stdout = before[0] if given[0] is not None else io.TextIOWrapper(io.BufferedWriter(_Closed()))
    sys.stderr = cast("TextIO", _Words(given[1]))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _fill_descriptors() -> None:
    """Open what the caller closed, lest the first file that is opened takes its number, and gets what is said there."""
    while (found := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(found)


class _Closed(io.RawIOBase):
    """A standard output that is closed."""

    def writable(self) -> bool:
        return True

    def write(self, _: object) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), STANDARD_OUTPUT)


class _Words:
    """An error stream that takes what it can."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if anybody takes it."""
        if self._stream is not None:
            with suppress(OSError, ValueError):
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if anybody takes it."""
        if self._stream is not None:
            with suppress(OSError, ValueError):
                self._stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
