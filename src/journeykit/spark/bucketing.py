"""Bucketing: rows of a table are put into buckets by their contacts, or by these contacts' accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from attrs import frozen

from journeykit.columns.contact_index import ContactIndex
from journeykit.spark.row_keys import keys_of, spread_keys
from journeykit.spark.slice_reader import SliceReader
from journeykit.tables.arrow.arrays import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BUCKETED = "bucket int, place int, rows binary"
"""The columns of buckets: the label, the place of the table among those of the run, and rows in Arrow's format."""
_HELD = 2**26
"""After so many bytes of a table, its rows are given in buckets."""


@frozen
class Bucketing:
    """Gives the rows of a table in buckets, some ten megabytes at a time. For ``mapInArrow``.

    Attributes:
        place: the place of the table among those of the run.
        labels: the labels of the buckets.
        names: the names of its columns.
    """

    place: int
    labels: Sequence[int]
    names: Sequence[str]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The buckets of batches."""
        held: list[pa.RecordBatch] = []
        size = 0
        for batch in batches:
            held.append(batch)
            size += batch.nbytes
            if size >= _HELD:
                yield self._buckets(held)
                held, size = [], 0
        if held:
            yield self._buckets(held)

    def _buckets(self, held: list[pa.RecordBatch]) -> pa.RecordBatch:
        table = pa.Table.from_batches(held).combine_chunks().rename_columns(list(self.names))
        return bucketed(table, self.place, spread_keys(table), self.labels)


@frozen
class AccountBucketing:
    """Gives the rows of slices of whole contacts in buckets by account. For ``mapInArrow``.

    Each contact is of the account that the first of its rows names, and all its rows go there. Contacts without an
    account, and rows of contacts that are not in the table of contacts, stay by their contact.

    Attributes:
        slices: makes slices of the batches that come.
        labels: the labels of the buckets.
    """

    slices: SliceReader
    labels: Sequence[int]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The buckets of all tables."""
        for tables in self.slices(batches):
            contacts = tables["contacts"]
            met, groups = ContactIndex(contacts.num_rows), _account_keys(contacts)
            one, two, bad = keys_of(contacts)
            met.add(one, two, 0, bad)
            for place, (name, table) in enumerate(tables.items()):
                if table.num_rows:
                    row = met.find(*keys_of(table)[:2])
                    own = spread_keys(table)
                    known = row >= 0
                    own[known] = groups[row[known]]
                    yield bucketed(table.select(self.slices.read[name]), place, own, self.labels)


def _account_keys(contacts: pa.Table) -> np.ndarray:
    """By row, the key of the account; of the contact where it has none."""
    accounts = keys_of(contacts, "account_id")
    return np.where(accounts.bad, spread_keys(contacts), accounts.one)


def bucketed(table: pa.Table, place: int, keys: np.ndarray, labels: Sequence[int]) -> pa.RecordBatch:
    """The rows of a table in buckets: those of each bucket as one text of bytes, a stream in Arrow's format."""
    # Numbers of 16 bits are sorted several times as fast.
    small = np.uint16 if len(labels) < 1 << 16 else np.int64
    buckets = ((keys >> np.uint64(32)) % np.uint64(len(labels))).astype(small)
    rows = np.argsort(buckets, kind="stable")
    first = np.searchsorted(buckets[rows], np.arange(len(labels) + 1)).tolist()
    ordered = table.take(numbers(rows, pa.int64())).combine_chunks()
    filled = [bucket for bucket in range(len(labels)) if first[bucket] < first[bucket + 1]]
    arrays = [
        pa.array([labels[bucket] for bucket in filled], pa.int32()),
        pa.array([place] * len(filled), pa.int32()),
        _streams(ordered.slice(first[bucket], first[bucket + 1] - first[bucket]) for bucket in filled),
    ]
    return pa.RecordBatch.from_arrays(arrays, names=["bucket", "place", "rows"])


def _streams(tables: Iterable[pa.Table]) -> pa.Array:
    """A stream of each table, one after the other in one buffer: no bytes are copied again."""
    sink, ends = pa.BufferOutputStream(), [0]
    for table in tables:
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        ends.append(sink.tell())
    buffers = [None, pa.py_buffer(np.array(ends, np.int32)), sink.getvalue()]
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, buffers)
