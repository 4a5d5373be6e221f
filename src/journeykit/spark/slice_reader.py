"""Slices: Arrow tables made of buckets, in which all rows of a contact are together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
from attrs import frozen

from journeykit.spark.row_order import ORDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
        if name in ORDERS:
            table = ORDERS[name](table, self.order)
        columns = dict(zip(self.read[name], table.columns, strict=True))
        return pa.table(
            [
                columns[own.name] if own.name in columns else pa.nulls(table.num_rows, own.type)
                for own in self.schemas[name]
            ],
            names=self.schemas[name].names,
        )
