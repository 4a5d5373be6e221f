"""A table that is kept as it was read, to be read again and again, with other columns or with more rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.arrays import one_piece
from journeykit.tables.arrow.arrow_table import ArrowTable
from journeykit.tables.arrow.column import Column
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from journeykit.tables.arrow.adapters import Part

_LARGE = 2**17
"""Rows that came after are put together into chunks of about so many at most, so that threads can share them."""


class KeptTable(ArrowTable):
    """A table that is kept as it was read: its chunks, and the rows that cannot be read.

    Args:
        source: what messages call it.
        kept: its chunks in order.
        columns: the names of its columns; None where each row brings its own.
        like: another one whose instants and numbers were read as text in the same way; None for none.
        added: how many of its chunks, the last ones, came by `followed_by`.

    Attributes:
        kept: its chunks in order.
        rows: how many rows they have, without those that cannot be read.
    """

    def __init__(
        self,
        source: str,
        kept: Sequence[Part | BadRow],
        columns: Sequence[str] | None,
        like: ArrowTable | None = None,
        *,
        added: int = 0,
    ) -> None:
        self.source, self._added = source, added
        self.kept = tuple(kept)
        self.columns = None if columns is None else tuple(columns)
        self.naive, self.mixed = ((), ()) if like is None else (like.naive, like.mixed)
        self.rows = sum(rows_of(part) for part in self.kept if not isinstance(part, BadRow))
        self.count = self.rows + sum(isinstance(part, BadRow) for part in self.kept)

    @classmethod
    def of(cls, table: ArrowTable) -> Self:
        """A table, read once and for all.

        Raises:
            DataError: for a table that cannot be read.
        """
        return cls(table.source, list(table.parts(lambda _: True)), table.columns, table)

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns."""
        if self.columns is not None:
            return self.columns
        return tuple(dict.fromkeys(name for part in self.chunks() for name in part[1]))

    def bytes_read(self, names: Sequence[str], groups: Sequence[int] | None = None) -> int:  # noqa: ARG002
        """Nothing: it is in memory already."""
        return 0

    def chunks(self) -> Iterator[Part]:
        """Its chunks, whole, without the rows that cannot be read."""
        return (part for part in self.kept if not isinstance(part, BadRow))

    def parts(
        self,
        wanted: Callable[[str], bool],
        groups: Sequence[int] | None = None,  # noqa: ARG002  (there are none)
    ) -> Iterator[Part | BadRow]:
        """The chunks in order, with the columns that are wanted; see `ArrowTable`."""
        for part in self.kept:
            if isinstance(part, BadRow):
                yield part
                continue
            number, names, arrays = part
            places = [place for place, name in enumerate(names) if wanted(name)]
            yield number, tuple(names[place] for place in places), [arrays[place] for place in places]

    def changed(self, columns: Mapping[str, Callable[[Any, int, int], Any]]) -> Self:
        """The same rows with other columns.

        Args:
            columns: by name, what makes a chunk's column of the one of the same folded name (None where there is none),
                the place of the chunk's first row and that of the row after its last. What it gives None for stays.
        """
        kept: list[Part | BadRow] = []
        start = 0
        for part in self.kept:
            if isinstance(part, BadRow):
                kept.append(part)
                continue
            stop = start + rows_of(part)
            kept.append(_changed(part, columns, start, stop))
            start = stop
        names = self.columns
        if names is not None:
            folded = {fold_name(own) for own in names}
            names = (*names, *(name for name in columns if fold_name(name) not in folded))
        return type(self)(self.source, kept, names, self)

    def followed_by(self, batches: Iterable[pa.RecordBatch]) -> Self:
        """The same rows, and more after them.

        What is added bit by bit is put together, so that a thousand additions are a few chunks.

        Args:
            batches: the rows; of one table all have the same columns, or some of them.
        """
        kept, number, added = list(self.kept), self.count or 0, self._added
        names = self.columns
        for batch in batches:
            kept.append((number + 1, tuple(batch.schema.names), list(batch.columns)))
            number += batch.num_rows
            added += 1
            while added > 1 and (both := _together(kept[-2], kept[-1])) is not None:
                kept[-2:] = [both]
                added -= 1
            if names is not None:
                known = {fold_name(own) for own in names}
                names = (*names, *(own for own in batch.schema.names if fold_name(own) not in known))
        return type(self)(self.source, kept, names, self, added=added)


def rows_of(part: Part) -> int:
    """How many rows a chunk has."""
    return len(Column(part[2][0])) if part[2] else 0


def _together(one: Part | BadRow, other: Part | BadRow) -> Part | None:
    """Two chunks as one; None where the first is far larger, both are large, or their columns differ in kind."""
    if isinstance(one, BadRow) or isinstance(other, BadRow):
        return None
    rows, more = rows_of(one), rows_of(other)
    if rows > 2 * more or rows + more > _LARGE:
        return None
    tables = [pa.table(dict(zip(names, arrays, strict=True))) for _, names, arrays in (one, other)]
    kinds = [{own.name: own.type for own in table.schema} for table in tables]
    if any(kinds[1].get(name, kind) != kind for name, kind in kinds[0].items()):
        return None
    table = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
    return one[0], tuple(table.column_names), [one_piece(own) for own in table.columns]


def _changed(part: Part, columns: Mapping[str, Callable[[Any, int, int], Any]], start: int, stop: int) -> Part:
    number, names, arrays = part
    places = {fold_name(name): place for place, name in enumerate(names)}
    new_names, new_arrays = list(names), list(arrays)
    for name, make in columns.items():
        place = places.get(fold_name(name))
        made = make(None if place is None else arrays[place], start, stop)
        if made is None:
            continue
        if place is None:
            new_names.append(name)
            new_arrays.append(made)
        else:
            new_arrays[place] = made
    return number, tuple(new_names), new_arrays
