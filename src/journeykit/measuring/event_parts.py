"""Events, read chunk by chunk, as far as responses ask for them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.basics.clock import moment
from journeykit.basics.threads import at_once
from journeykit.journey import Event
from journeykit.journey.event_history import CAMPAIGN
from journeykit.journey.walk import identity
from journeykit.kernels import has_kernels
from journeykit.kernels.interface.credit_arrays import NO_CAMPAIGN
from journeykit.measuring.cell_columns import floats, id_mark, id_marks, instants
from journeykit.measuring.touch_parts import DECISION
from journeykit.model.bad_row import BadRow
from journeykit.model.response import WELL_KNOWN
from journeykit.rule.values import as_text, is_empty
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.cells import BadCellError, instant_reader, is_missing, read_id
from journeykit.tables.event_log import (
    EVENT_COLUMNS,
    flat_properties,
    is_property,
    read_event,
    read_properties,
    spelt_by,
)
from journeykit.tables.header import missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from journeykit.measuring.cell_columns import Faults
    from journeykit.measuring.contact_numbers import ContactNumbers
    from journeykit.model.response import Response
    from journeykit.tables import TableSource
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.bad_row_list import BadRows


_MANY = 1_000
"""Among more names than these nobody looks for the nearest."""


class EventPart(NamedTuple):
    """What was read of a chunk of events; other events, and rows that cannot be used, are left out.

    Attributes:
        row: the number of the row, counted from 1.
        contact: the number of the contact; -1 for one who is not known.
        at: the instant, in microseconds since 1970.
        name: the number of the name.
        mark: what tells it from others of the contact.
        campaign: the number of the campaign that it names.
        decision: the mark of the decision that it names; 0 for none.
        value: by property that is a value, the numbers; nan where there is none.
        no_number: likewise, whether there is something else than a number.
    """

    row: np.ndarray
    contact: np.ndarray
    at: np.ndarray
    name: np.ndarray
    mark: np.ndarray
    campaign: np.ndarray
    decision: np.ndarray
    value: list[np.ndarray]
    no_number: list[np.ndarray]

    def take(self, rows: np.ndarray) -> EventPart:
        """Some of the events."""
        return EventPart(*([part[rows] for part in own] if isinstance(own, list) else own[rows] for own in self))  # type: ignore[arg-type]


class EventsRead(NamedTuple):
    """What was read of a chunk: its events, bad rows, number of rows, names, other names by count, and properties."""

    part: EventPart
    bad: list[BadRow]
    rows: int
    names: frozenset[str]
    others: Mapping[str, int]
    properties: Collection[str]


class EventParts:
    """A table of events.

    Args:
        source: the table.
        responses: the playbook's.
        contacts: the numbers of contacts.
        campaign_number: the number of a campaign, by its name.
        zone: the zone in which instants without an offset are meant.
        bad: where bad rows are counted.
        threads: how many chunks are read at once.

    Attributes:
        names: the names of events that are read, each with its number.
        values: the properties that are values, each with its number.
        seen: the names of events that there are, as far as they are read.
        others: how many events have another name.
        other_names: by these names, how many, as far as the names are few.
        properties: the names of the properties that events have.

    Raises:
        DataError: for a table that cannot be read.
    """

    def __init__(
        self,
        source: TableSource,
        responses: Sequence[Response],
        *,
        contacts: ContactNumbers,
        campaign_number: Callable[[str], int],
        zone: tzinfo | None,
        bad: BadRows,
        threads: int = 1,
    ) -> None:
        self._threads = threads
        known = dict.fromkeys(own.event for own in (*responses, *WELL_KNOWN))
        self.names = {name: number for number, name in enumerate(known)}
        values = dict.fromkeys(own.value for own in responses if own.value is not None)
        self.values = {name: number for number, name in enumerate(values)}
        self.seen: set[str] = set()
        self.other_names: Counter[str] = Counter()
        self.properties: set[str] = set()
        self.others = 0
        self.rows = 0
        self._contacts = contacts
        self._campaign_number = campaign_number
        self._asked = (CAMPAIGN, DECISION, *self.values)
        self._spelt = spelt_by(self._asked)
        self._instant = instant_reader(zone, bounded=True)
        self._bad = bad
        self.source = open_source(source, "events", typed=is_property, zone=zone)
        self.source.needed = EVENT_COLUMNS[:3]
        if self.source.columns is not None:
            places = places_of(self.source.columns, self.source.source)
            for column in EVENT_COLUMNS[:3]:
                if column not in places:
                    raise missing_column(column, self.source.columns, self.source.source)

    def __iter__(self) -> Iterator[EventPart]:
        for read in at_once(self._read, self.source.parts(lambda _: True), self._threads):
            if isinstance(read, BadRow):
                self._bad.add(read)
                continue
            for row in read.bad:
                self._bad.add(row)
            self.rows += read.rows
            self.others += read.rows - len(read.bad) - len(read.part.at)
            self.seen |= read.names
            self.properties |= set(read.properties)
            for name, count in read.others.items():
                if name in self.other_names or len(self.other_names) < _MANY:
                    self.other_names[name] += count
            yield read.part

    def _read(self, part: Part | BadRow) -> EventsRead | BadRow:
        """What a chunk holds; several may be read at once."""
        if isinstance(part, BadRow):
            return part
        number, names, arrays = part
        places = places_of(names, self.source.source)
        columns = [Column(array) for array in arrays]
        rows = len(columns[0]) if columns else 0
        faults: Faults = {}
        name = self._names(columns[places["event"]] if "event" in places else Column([None] * rows), faults)
        known = [own for own, place in self.names.items() if (name == place).any()]
        strange = _others(columns[places["event"]], self.names) if "event" in places else {}
        bad = [BadRow(self.source.source, number + row, *faults[row]) for row in sorted(faults)]
        wanted = np.flatnonzero(name >= 0)
        if len(wanted) < rows:
            columns = [column.take(wanted) for column in columns]
        found, more, met = self._wanted(names, columns, places, wanted + number, name[wanted])
        bad = sorted([*bad, *more], key=lambda own: own.row)
        return EventsRead(found, bad, rows, frozenset(known), strange, met)

    def _names(self, column: Column, faults: Faults) -> np.ndarray:
        """The numbers of the names; -1 for those that nothing asks for, and for what is no name: a fault."""
        codes, read = column.read(read_event)
        for row in np.flatnonzero(np.array([own is UNREAD for own in read], np.bool_)[codes]).tolist():
            try:
                read_event(column.value(row))
            except BadCellError as error:
                faults[row] = ("event", error.found, error.allowed)
        numbers = [-1 if own is UNREAD else self.names.get(own, -1) for own in read]
        found: np.ndarray = np.array(numbers, np.int16)[codes]
        return found

    def _wanted(
        self,
        names: Sequence[str],
        columns: list[Column],
        places: Mapping[str, int],
        numbers: np.ndarray,
        name: np.ndarray,
    ) -> tuple[EventPart, list[BadRow], Collection[str]]:
        rows, faults = len(numbers), dict[int, tuple[str, str, str]]()
        at = instants(columns, places, rows, faults, "at", self._instant)
        contact = self._contacts.find(columns[places["contact_id"]] if "contact_id" in places else None, rows, faults)
        known, mark, met = known_of_events(names, columns, places, rows, faults, at, self._spelt, self._asked)
        decision = id_marks(known.get(DECISION), rows, DECISION, faults)
        campaign = self._campaigns(known.get(CAMPAIGN), rows)
        values = [floats(known.get(own), rows) for own in self.values]
        bad = [BadRow(self.source.source, int(numbers[row]), *faults[row]) for row in sorted(faults)]
        good = np.ones(rows, np.bool_)
        good[list(faults)] = False
        part = EventPart(
            row=numbers,
            contact=contact,
            at=at,
            name=name,
            mark=mark,
            campaign=campaign,
            decision=decision,
            value=[own for own, _ in values],
            no_number=[own for _, own in values],
        )
        return part.take(good) if faults else part, bad, met

    def _campaigns(self, column: Column | None, rows: int) -> np.ndarray:
        if column is None:
            return np.full(rows, NO_CAMPAIGN, np.int32)
        codes, values = column.codes, [as_text(value) for value in column.values]
        found = [NO_CAMPAIGN if own is None or is_empty(own) else self._campaign_number(own) for own in values]
        numbers: np.ndarray = np.array(found, np.int32)[codes]
        return numbers


def known_of_events(
    names: Sequence[str],
    columns: list[Column],
    places: Mapping[str, int],
    rows: int,
    faults: Faults,
    at: np.ndarray,
    spelt: Callable[[str], tuple[str, ...]],
    asked: Sequence[str],
) -> tuple[Mapping[str, Column], np.ndarray, Collection[str]]:
    """The properties of events that are asked for, what tells each from others of its contact, and all their names."""
    read = _by_kernels if has_kernels() else _by_value
    return read(names, columns, places, rows, faults, at, spelt, asked)


def _others(column: Column, known: Collection[str]) -> dict[str, int]:
    """By the names of events that nothing asks for, how many, where a chunk has but a few."""
    if len(column.values) >= _MANY:
        return {}
    codes, values = column.read(read_event)
    found: Counter[str] = Counter()
    for own, count in zip(values, np.bincount(codes, minlength=len(values)).tolist(), strict=True):
        if isinstance(own, str) and own not in known and count:
            found[own] += count
    return dict(found)


def _by_kernels(
    names: Sequence[str],
    columns: list[Column],
    places: Mapping[str, int],
    rows: int,
    faults: Faults,
    at: np.ndarray,
    spelt: Callable[[str], tuple[str, ...]],
    asked: Sequence[str],
) -> tuple[Mapping[str, Column], np.ndarray, Collection[str]]:
    """The properties that are asked for, what tells each event from others, and the names of all properties."""
    from journeykit.columns.chunk import mapped
    from journeykit.placing.event_columns import event_marks
    from journeykit.placing.event_properties import properties_of

    found = properties_of(names, columns, places, faults, spelt, asked)
    called = mapped(columns[places["event"]], read_event) if "event" in places else Column([None] * rows)
    return found.columns, event_marks(columns, places, rows, faults, called, at, found), found.names


def _by_value(
    names: Sequence[str],
    columns: list[Column],
    places: Mapping[str, int],
    rows: int,
    faults: Faults,
    at: np.ndarray,
    spelt: Callable[[str], tuple[str, ...]],
    asked: Sequence[str],
) -> tuple[Mapping[str, Column], np.ndarray, Collection[str]]:
    """The same without the kernels, row by row."""
    cells = [column.cells() for column in columns]
    known: list[dict[str, Any]] = []
    mark = np.zeros(rows, np.uint64)
    for row in range(rows):
        values = [column[row] for column in cells]
        try:
            parts = read_properties(values[places["properties"]] if "properties" in places else None)
            own = values[places["event_id"]] if "event_id" in places else None
            identifier = None if is_missing(own) else read_id(own)
        except BadCellError as error:
            column = (
                "properties" if "properties" in places and not _is_read(values[places["properties"]]) else "event_id"
            )
            faults.setdefault(row, (column, error.found, error.allowed))
            parts, identifier = {}, None
        for label, value in flat_properties(names, values, spelt):
            if not is_missing(value):
                parts[label] = value
        known.append(parts)
        if row not in faults:
            event = Event(read_event(values[places["event"]]), moment(int(at[row])), parts, identifier)
            mark[row] = id_mark(repr(identity(event)))
    met = {label for label, _ in flat_properties(names, [None] * len(names), spelt)}
    return {label: Column([parts.get(label) for parts in known]) for label in asked}, mark, met.union(*known)


def _is_read(value: Any) -> bool:
    try:
        read_properties(value)
    except BadCellError:
        return False
    return True
