"""A table as batches of Arrow arrays: what every kind of it can say and do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.errors import DataError
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.adapters import Part, batches_to_rows, some_rows
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


CHUNK = 65_536


class ArrowTable:
    """A table that can be read again and again.

    Attributes:
        source: what messages call it.
        columns: the names of its columns; None where each row brings its own.
        count: how many rows it has, where that is known.
        naive: the columns of instants without an offset, which were read as text.
        mixed: the columns of numbers that are text because of other cells; see `TableFile`.
        needed: the columns without which it cannot be used; set by its reader.
    """

    source: str
    columns: tuple[str, ...] | None
    count: int | None
    naive: tuple[str, ...] = ()
    mixed: tuple[tuple[str, int, str], ...] = ()
    needed: Sequence[str] = ()

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns, as far as they were met."""
        return self.columns or ()

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of its columns, where each has one; see `journeykit.tables.arrow.column_kinds.kind_of`."""
        return {}

    def parts(self, wanted: Callable[[str], bool], groups: Sequence[int] | None = None) -> Iterator[Part | BadRow]:
        """The chunks in order, with the columns that are wanted. A row that cannot be read comes as a `BadRow`.

        Args:
            wanted: which columns, by name.
            groups: which groups of rows of a Parquet file; None for all, and for what has no groups.
        """
        del groups
        return self.batches(tuple(name for name in self.names if wanted(name)))

    def bytes_read(self, names: Sequence[str], groups: Sequence[int] | None = None) -> int | None:
        """About how many bytes some columns have once they are read; None where that is not known.

        Args:
            names: the columns.
            groups: which groups of rows; as of `parts`.
        """
        del names, groups
        return None

    def batches(self, names: tuple[str, ...]) -> Iterator[Part | BadRow]:
        """The chunks in order, with some columns."""
        raise NotImplementedError  # each kind of table has its own

    def pick(self, wanted: frozenset[int]) -> Iterator[tuple[int, Any]]:
        """Rows of some numbers, read again as mappings; see `journeykit.tables.bad_row_file`."""
        for part in self.parts(lambda _: True):
            if not isinstance(part, BadRow):
                number, _, arrays = part
                rows = len(Column(arrays[0])) if arrays else 0
                places = sorted(own - number for own in wanted if number <= own < number + rows)
                found = batches_to_rows([some_rows(part, np.array(places, np.int64))])
                yield from zip([number + place for place in places], found, strict=True)


class Range(NamedTuple):
    """Between which ids a group of rows lies, and how many rows it has."""

    low: Any
    high: Any
    rows: int


def need_different_names(names: Sequence[str], source: str) -> None:
    """Refuse a table two columns of which have one name.

    Raises:
        DataError: naming the column.
    """
    if len(set(names)) != len(names):
        twice = next(own for own in names if list(names).count(own) > 1)
        raise DataError(f"two columns have the name {twice!r}; rename one or leave it out", source=source)
