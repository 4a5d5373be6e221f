"""An order of rows that does not depend on how they arrived, where it matters which of several comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.basics.clock import clock
from journeykit.columns.touch_columns import instants_of_column
from journeykit.placing.event_marks import marks_of, stirred
from journeykit.spark.row_keys import keys_of, spread_keys
from journeykit.tables.arrow.arrays import numbers, one_piece, texts
from journeykit.tables.arrow.column import Column
from journeykit.tables.cells import instant_reader
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


_INSTANT = "at, read"


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


def events_in_order(events: pa.Table, order: Iterable[tuple[str, bool]] = ()) -> pa.Table:
    """Events of which those with one ``event_id`` are in an order of their own.

    The first of them counts, and Spark has no first row: where `order` says nothing, the earliest is taken and, of one
    instant, the first by what its cells say. Events without an id are told apart by all their cells, so that none of
    them needs to be first.
    """
    if not events.num_rows or "event_id" not in map(fold_name, events.column_names):
        return events
    own = keys_of(events, "event_id")
    alone = stirred(np.arange(events.num_rows, dtype=np.uint64))
    keys = np.where(own.bad, alone, stirred(spread_keys(events)) ^ own.one)
    at = [own for own in events.schema if fold_name(own.name) == "at"]
    if not at or pa.types.is_timestamp(at[0].type):
        return in_order(events, [*order, ("at", False)], keys)
    # The same instant may be written in many ways.
    read = events.append_column(_INSTANT, _instants(events.column(at[0].name)))
    return in_order(read, [*order, (_INSTANT, False)], keys).drop_columns([_INSTANT])


def _instants(at: pa.ChunkedArray) -> pa.Array:
    """The instants of a column, those without an offset as of UTC, nothing where they cannot be read."""
    reader = instant_reader(clock("UTC").zone, bounded=True)
    faults: dict[int, tuple[str, str, str]] = {}
    found = instants_of_column([Column(one_piece(at))], {"at": 0}, len(at), faults, "at", reader)
    missing = np.zeros(len(at), np.bool_)
    missing[list(faults)] = True
    return numbers(found, pa.int64(), missing)


ORDERS: Mapping[str, Callable[[pa.Table, tuple[tuple[str, bool], ...]], pa.Table]] = {
    "contacts": in_order,
    "scores": in_order,
    "claims": in_order,
    "events": events_in_order,
}
"""The tables of whose rows one comes before another, and how they are put in order; that of touches means nothing."""


def rows_in_order(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables of a slice with their touches in order, too."""
    return {name: touches_in_order(table) if name == "touches" else table for name, table in tables.items()}


def touches_in_order(touches: pa.Table) -> pa.Table:
    """Touches of which those of one contact and instant are in an order of their own, that of their cells."""
    keys = spread_keys(touches)
    for name, column in zip(touches.column_names, touches.columns, strict=True):
        # Instants that are texts may be written in two ways: then all touches of a contact are put in order.
        if fold_name(name) == "sent_at" and pa.types.is_timestamp(column.type):
            keys = stirred(keys) ^ marks_of(Column(one_piece(column).cast(pa.int64())), name)
    return in_order(touches, [("sent_at", False)], keys)
