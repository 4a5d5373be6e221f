"""An order of rows that does not depend on how they arrived, where it matters which of several comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.placing.event_marks import marks_of, stirred
from journeykit.spark.row_keys import keys_of, spread_keys
from journeykit.spark.slice_reader import in_order
from journeykit.tables.arrow.arrays import one_piece
from journeykit.tables.arrow.column import Column
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Mapping


def rows_in_order(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables of a slice with their touches and events in order."""
    order = {"events": events_in_order, "touches": touches_in_order}
    return {name: order[name](table) if name in order else table for name, table in tables.items()}


def events_in_order(events: pa.Table) -> pa.Table:
    """Events of which those with one ``event_id`` are in an order of their own.

    The first of them counts, and Spark has no first row: the earliest is taken and, of one instant, the first by what
    its cells say. Events without an id are told apart by all their cells, so that none of them needs to be first.
    """
    if not events.num_rows or "event_id" not in map(fold_name, events.column_names):
        return events
    own = keys_of(events, "event_id")
    alone = stirred(np.arange(events.num_rows, dtype=np.uint64))
    keys = np.where(own.bad, alone, stirred(spread_keys(events)) ^ own.one)
    return in_order(events, [("at", False)], keys)


def touches_in_order(touches: pa.Table) -> pa.Table:
    """Touches of which those of one contact and instant are in an order of their own, that of their cells."""
    keys = spread_keys(touches)
    for name, column in zip(touches.column_names, touches.columns, strict=True):
        # Instants that are texts may be written in two ways: then all touches of a contact are put in order.
        if fold_name(name) == "sent_at" and pa.types.is_timestamp(column.type):
            keys = stirred(keys) ^ marks_of(Column(one_piece(column).cast(pa.int64())), name)
    return in_order(touches, [("sent_at", False)], keys)
