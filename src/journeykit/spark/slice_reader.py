"""Slices: Arrow tables made of buckets, in which all rows of a contact are together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import frozen

from journeykit.spark.row_keys import spread_keys
from journeykit.tables.arrow.arrays import numbers, one_piece, texts
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ORDERED = ("contacts", "scores", "claims")
"""The tables of whose rows one comes before another; the order of touches and events means nothing."""
MARK = -1
"""The place of a row that has no rows of a table, and says that its bucket is there."""


@frozen
class SliceReader:
    """Makes slices of buckets that come sorted by their labels, whole buckets in each. Can be pickled.

    Attributes:
        schemas: by name, the columns of each table.
        read: by name, the columns that buckets have; the others are empty.
        order: columns by which rows of one contact are put in order, and for each whether the largest comes first.
        least: so many bytes make a slice; a bucket that has more is one slice all the same.
    """

    schemas: Mapping[str, pa.Schema]
    read: Mapping[str, tuple[str, ...]]
    order: tuple[tuple[str, bool], ...] = ()
    least: int = 2**25

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, pa.Table]]:
        """The slices of buckets; none where there are no buckets."""
        held: list[list[pa.Table]] = [[] for _ in self.schemas]
        size, last = 0, None
        for batch in batches:
            columns = (batch.column(place) for place in range(3))
            for label, place, stream in zip(*columns, strict=True):
                if place.as_py() == MARK:
                    continue
                bucket = label.as_py()
                if bucket != last and size >= self.least:
                    yield self._slice(held)
                    held, size = [[] for _ in self.schemas], 0
                # A copy, since numbers in the middle of other bytes need not be where processors want them.
                data = pa.py_buffer(stream.as_py())
                held[place.as_py()].append(pa.ipc.open_stream(data).read_all())
                size += data.size
                last = bucket
        if size:
            yield self._slice(held)

    def empty(self) -> dict[str, pa.Table]:
        """A slice without rows."""
        return {name: schema.empty_table() for name, schema in self.schemas.items()}

    def _slice(self, held: list[list[pa.Table]]) -> dict[str, pa.Table]:
        return {
            name: self._table(name, pieces) if pieces else schema.empty_table()
            for (name, schema), pieces in zip(self.schemas.items(), held, strict=True)
        }

    def _table(self, name: str, pieces: list[pa.Table]) -> pa.Table:
        table = pa.concat_tables(pieces).combine_chunks()
        if name in ORDERED:
            table = in_order(table, self.order)
        columns = dict(zip(self.read[name], table.columns, strict=True))
        return pa.table(
            [
                columns[own.name] if own.name in columns else pa.nulls(table.num_rows, own.type)
                for own in self.schemas[name]
            ],
            names=self.schemas[name].names,
        )


def in_order(table: pa.Table, order: Iterable[tuple[str, bool]] = (), keys: np.ndarray | None = None) -> pa.Table:
    """The rows of a table by contact, those of one contact in an order that does not depend on how they came.

    Args:
        table: the table.
        order: the columns that go first, by name whatever its case, and for each whether the largest comes first;
            those that the table has not are not looked at. Then come all columns. Empty cells are last.
        keys: by row, a number; rows with one number are put in order. None for that of the contact.
    """
    keys = spread_keys(table) if keys is None else keys
    rows = np.argsort(keys, kind="stable")
    again = keys[rows[1:]] == keys[rows[:-1]]
    tied = np.append(again, False) | np.append(False, again) if len(rows) else again
    if tied.any():
        some = rows[tied]
        rows[tied] = some[_by_content(table.take(numbers(some, pa.int64())), keys[some], order)]
    return table.take(numbers(rows, pa.int64())).combine_chunks()


def _by_content(table: pa.Table, keys: np.ndarray, order: Iterable[tuple[str, bool]]) -> np.ndarray:
    """The places of rows in order: by key, by the columns that go first, by all columns."""
    folds = [fold_name(name) for name in table.column_names]
    first = [(folds.index(fold_name(name)), falls) for name, falls in order if fold_name(name) in folds]
    rest = [(place, False) for place in range(table.num_columns)]
    columns = {"0": numbers(keys, pa.uint64())}
    how = [("0", "ascending")]
    for place, falls in first + rest:
        how.append((str(len(how)), "descending" if falls else "ascending"))
        columns[how[-1][0]] = _sortable(one_piece(table.column(place)))
    found: np.ndarray = pc.sort_indices(pa.table(columns), sort_keys=how).to_numpy()
    return found.astype(np.int64)


def has_order(kind: pa.DataType) -> bool:
    """Whether values of a type are less and greater than others."""
    return not (pa.types.is_nested(kind) or pa.types.is_null(kind) or isinstance(kind, pa.BaseExtensionType))


def _sortable(array: pa.Array) -> pa.Array:
    """An array of values that have an order; of those that have none, how they are written."""
    if pa.types.is_null(array.type):
        return numbers(np.zeros(len(array), np.int8), pa.int8())
    return array if has_order(array.type) else texts([repr(value) for value in array.to_pylist()])
