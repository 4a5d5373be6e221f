"""Placing the contacts of a table: the engine is chosen from the journey, before a byte is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import evolve

from journeykit.basics.clock import clock, micros
from journeykit.model.bad_row import BadRow
from journeykit.placing.column_placing import ColumnPlacing
from journeykit.placing.program import NotColumnarError, Program
from journeykit.placing.rows import place_rows
from journeykit.placing.table_placements import TablePlacements
from journeykit.tables.arrow.adapters import batches_to_rows
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.contact_table import is_attribute
from journeykit.tables.event_log import is_property
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from journeykit.journey import Journey
    from journeykit.tables.arrow.arrow_table import ArrowTable


def place_table(
    journey: Journey,
    events: Any,
    contacts: Any,
    at: datetime,
    *,
    zone: str | None = None,
    timezone: str = "UTC",
    threads: int | None = None,
    max_bad: int | str | None = None,
    bad: BadRows | None = None,
) -> TablePlacements:
    """Place the contacts of a table; see `Journey.place_table`. Bad rows are counted in ``bad``, where it is given."""
    counted = bad or BadRows(max_bad)
    known = None if zone is None else clock(zone).zone
    clock(timezone)
    try:
        program = Program(journey)
    except NotColumnarError as refused:
        note = f"the contacts were placed one by one, which is slower: columns do not know {str(refused)!r}"
        return _place_rows(journey, events, contacts, at, known, timezone, counted, note)
    used = threads or min(4, os.cpu_count() or 1)
    return ColumnPlacing(journey, program, micros(at), known, timezone, used, counted).done(events, contacts, at)


def _place_rows(
    journey: Journey,
    events: Any,
    contacts: Any,
    at: datetime,
    zone: tzinfo | None,
    timezone: str,
    bad: BadRows,
    note: str,
) -> TablePlacements:
    """One by one: a rule of the journey asks what columns do not know."""
    log, kind = _as_rows(events, "events", zone, is_property)
    people = None
    if contacts is not None:
        people, kind = _as_rows(contacts, "contacts", zone, is_attribute)
    found = place_rows(journey, log, people, at, zone=zone, timezone=timezone, bad=bad)
    summary = evolve(found.summary, notes=(note, *found.summary.notes))
    placed = TablePlacements.of(journey, found.placements, summary, kind)
    placed.tally = found.tally
    return placed


def _as_rows(
    source: Any, name: str, zone: tzinfo | None, typed: Callable[[str], bool]
) -> tuple[Any, pa.DataType | None]:
    """A table as it is read row by row, and the kind of its ids where they are whole numbers, all of them."""
    paths = isinstance(source, list | tuple) and source and isinstance(source[0], str | os.PathLike)
    if isinstance(source, list | tuple | Iterator) and not isinstance(source, pa.RecordBatchReader) and not paths:
        return source, None
    opened = open_source(source, name, typed=typed, zone=zone)
    kind = _kind_of_ids(opened)
    return source if isinstance(source, str | os.PathLike) else batches_to_rows(opened.parts(lambda _: True)), kind


def _kind_of_ids(source: ArrowTable) -> pa.DataType | None:
    for part in source.parts(lambda name: fold_name(name) == "contact_id"):
        if isinstance(part, BadRow) or not isinstance(part[2][0], pa.Array):
            return None
        return part[2][0].type if pa.types.is_integer(part[2][0].type) else None
    return None
