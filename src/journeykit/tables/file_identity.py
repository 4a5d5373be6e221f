"""The identity of a file: a job that reads a file twice notices when it is no longer the same."""

from __future__ import annotations

import os
import zlib
from array import array
from typing import TYPE_CHECKING

from journeykit.errors import DataError
from journeykit.tables.formats import called

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from journeykit.model.contact import Contact


class FileIdentity:
    """Which file it was when it was first opened, and what it held, as far as the file system tells.

    Contacts are read twice, for their ids and to be decided. Where the file is another one by then, or has grown, rows
    would go to the wrong contacts.

    Args:
        path: the file.

    Raises:
        OSError: if there is no such file.
    """

    __slots__ = ("_first", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._first = _marks(path)

    def check(self, handle: int | None = None) -> None:
        """Refuse a file that is not the one that was opened first.

        Args:
            handle: the open file; None looks at what is there under the name now.

        Raises:
            DataError: if it was replaced, has grown or shrunk, or was written to.
            OSError: if there is no such file any more.
        """
        found = _marks(self.path if handle is None else handle)
        if found != self._first:
            raise changed_error(called(self.path), _difference(self._first, found))

    def check_end(self) -> None:
        """Refuse a file that was written to while it was read; one that another took the place of was read whole.

        Raises:
            DataError: if it was written to.
        """
        try:
            found = _marks(self.path)
        except OSError:
            # It was removed while it was open, which does not change what was read.
            return
        if found[:2] == self._first[:2] and found != self._first:
            raise changed_error(called(self.path), _difference(self._first, found))


def _marks(file: str | int) -> tuple[int, int, int, int]:
    """Device and inode, then size and the time of the last change in nanoseconds."""
    found = os.stat(file)  # noqa: PTH116  (of a handle too)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _difference(before: tuple[int, int, int, int], after: tuple[int, int, int, int]) -> str:
    if before[2] != after[2]:
        return f"it had {before[2]:,} bytes, and has {after[2]:,} now"
    return "it was replaced" if before[:2] != after[:2] else "it was written to"


class IdTrail:
    """The ids of a first reading of contacts, by row, four bytes each, with which the second one is compared.

    Args:
        source: the table.

    Attributes:
        all: whether the second reading gives all contacts of the first.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.all = True
        self._marks = array("I")
        self._count = 0

    def add(self, row: int, contact: str) -> None:
        """Remember the contact of a row; rows come in order."""
        self._marks.extend([0] * (row + 1 - len(self._marks)))
        self._marks[row] = zlib.crc32(contact.encode())
        self._count += 1

    def compared(self, contacts: Iterable[tuple[int, Contact]]) -> Iterator[tuple[int, Contact]]:
        """The contacts of a second reading, as long as they are those of the first.

        Raises:
            DataError: at the first that is not, or if some are missing.
        """
        count = 0
        for row, contact in contacts:
            if row >= len(self._marks) or self._marks[row] != zlib.crc32(contact.id.encode()):
                raise changed_error(self.source, f"contact id {contact.id!r} is where another one was", row)
            count += 1
            yield row, contact
        if self.all and count != self._count:
            raise changed_error(self.source, f"it had {self._count:,} contacts, and has {count:,} now")


def changed_error(source: str, found: str, row: int | None = None) -> DataError:
    """The error for a table that is no longer what it was when the job began to read it.

    Args:
        source: the table.
        found: what differs.
        row: the first row that differs, where that is known.
    """
    message = (
        f"the table changed while the job was reading it: {found}; nothing is written. Run it again when nothing "
        "writes to the table, or give it a copy"
    )
    return DataError(message, source=source, row=row)
