"""The formats of tables: which there are, and what every table that is read can say of itself."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from journeykit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.model.bad_row import BadRow

FORMATS = ("csv", "jsonl", "parquet")
"""The formats of tables."""
ENDINGS = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
    ".parquet": "parquet",
}
"""The endings of files, and the format that each means."""

RawRow = tuple[int, tuple[str, ...], Sequence[Any]]
"""The number of a row, the names of its columns, and its values."""


class TableFile(Protocol):
    """A table that is read row by row."""

    @property
    def source(self) -> str:
        """What messages call it."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of its columns; None where each row brings its own."""

    @property
    def count(self) -> int | None:
        """How many rows it has; None where that is not known."""

    @property
    def naive(self) -> tuple[str, ...]:
        """The columns of instants without an offset, which were read as text."""

    @property
    def mixed(self) -> tuple[tuple[str, int, str], ...]:
        """The columns of numbers that are text because of other cells: each with the row and the text of the first."""

    def rows(self) -> Iterator[RawRow | BadRow]:
        """The rows in order. A row that cannot be read comes as a `BadRow`."""
        ...


TableSource = str | os.PathLike[str] | Iterable[Mapping[str, Any]]
"""Where a table comes from: a file, or rows as mappings."""


def format_of(path: str | os.PathLike[str]) -> str | None:
    """The format that the ending of a file means, or None.

    Example:
        >>> format_of("decisions.csv.gz"), format_of("decisions.xlsx")
        ('csv', None)
    """
    name = os.fspath(path).lower()
    return next((form for ending, form in ENDINGS.items() if name.endswith(ending)), None)


def is_part(path: str) -> bool:
    """Whether a file of this name, in a folder that is read as one table, is a part of the table.

    Example:
        >>> is_part("part-0.parquet"), is_part("_SUCCESS"), is_part(".part-0.parquet")
        (True, False, False)
    """
    name = os.path.basename(path)  # noqa: PTH119  (a text is all that is needed)
    return name.lower().endswith(".parquet") and not name.startswith((".", "_"))


CALLED: dict[str, str] = {}
"""What messages call files that users do not know, by path: those in which standard input is kept."""


def called(path: str) -> str:
    """What messages call a file."""
    return CALLED.get(path, path)


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Whatever goes wrong with the file itself becomes our error."""
    try:
        yield
    except (OSError, EOFError, zlib.error, ValueError) as error:
        if isinstance(error, DataError):
            raise
        said = getattr(error, "strerror", None) or str(error)
        raise DataError(f"the file cannot be read: {said}", source=called(path)) from error
