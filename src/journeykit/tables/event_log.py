"""The table of events, held by contact."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import micros, wider
from journeykit.journey import Event
from journeykit.model.bad_row import BadRow
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import BadCellError, instant_reader, is_missing, read_id, read_text
from journeykit.tables.contact_table import mixed_notes
from journeykit.tables.header import RowLayout, cell_of, fold_name
from journeykit.tables.read_rows import open_table

if TYPE_CHECKING:
    from datetime import tzinfo

    from journeykit.tables.formats import TableFile, TableSource

EVENT_COLUMNS = ("contact_id", "event", "at", "event_id", "properties")
_NAME = "the name of an event"
_OBJECT = "a mapping of names to values, or the text of a JSON object"


def is_property(name: str) -> bool:
    """Whether a column is a property of events, and none of their own fields."""
    return fold_name(name) not in EVENT_COLUMNS


def spelt_by(names: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """How a journey writes the properties that columns bring in whatever case; others as the columns do.

    Example:
        >>> spelt_by(["amount"])("AMOUNT"), spelt_by(["amount"])(" Room")
        (('amount',), ('Room',))
    """
    known: dict[str, tuple[str, ...]] = {}
    for name in sorted(set(names)):
        known[fold_name(name)] = (*known.get(fold_name(name), ()), name)
    return lambda column: known.get(fold_name(column)) or (column.strip(),)


def read_event(value: Any) -> str:
    """The name of an event."""
    try:
        found = read_text(value)
    except BadCellError as bad:
        raise BadCellError(value, _NAME) from bad
    if found is None:
        raise BadCellError(None, _NAME)
    return found


def read_properties(value: Any) -> dict[str, Any]:
    """Properties that come together in one cell; empty ones are left out."""
    if is_missing(value):
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadCellError(value, _OBJECT) from None
    if isinstance(value, list):  # Arrow's maps come as pairs
        try:
            value = dict(value)
        except (TypeError, ValueError):
            raise BadCellError(value, _OBJECT) from None
    if not isinstance(value, Mapping):
        raise BadCellError(value, _OBJECT)
    return {str(name): own for name, own in value.items() if not is_missing(own)}


def flat_properties(
    columns: Sequence[str], values: Sequence[Any], spelt: Callable[[str], tuple[str, ...]]
) -> Iterator[tuple[str, Any]]:
    """The properties of a row that have a column of their own, as a journey writes them."""
    for column, value in zip(columns, values, strict=True):
        for own in spelt(column) if is_property(column) else ():
            yield own, value


def read_events(
    file: TableFile,
    zone: tzinfo | None,
    bad: BadRows,
    spelt: Callable[[str], tuple[str, ...]],
    properties: set[str],
    met: dict[str, None] | None = None,
) -> Iterator[tuple[int, str, Event]]:
    """The rows of a table of events, each with its number and its contact, as they come.

    Args:
        file: the table.
        zone: the zone in which instants without an offset are meant.
        bad: where bad rows are counted.
        spelt: how the properties of columns are written.
        properties: the properties that there are; added to.
        met: the names of columns, as they are met; added to.
    """
    before: tuple[str, ...] = ()
    instant = instant_reader(zone, bounded=True)
    for number, columns, places, values in RowLayout(file, EVENT_COLUMNS[:3], bad).rows():
        if met is not None and columns is not before:
            met.update(dict.fromkeys(columns))
            before = columns
        column = "contact_id"
        try:
            key = read_id(cell_of(places, column, values))
            column = "event"
            name = read_event(cell_of(places, column, values))
            column = "at"
            at = instant(cell_of(places, column, values))
            micros(at)
            column = "event_id"
            own = cell_of(places, column, values)
            identity = None if is_missing(own) else read_id(own)
            column = "properties"
            parts = read_properties(cell_of(places, column, values))
        except BadCellError as error:
            bad.add(BadRow(file.source, number, column, error.found, error.allowed))
            continue
        properties.update(parts)
        for own, value in flat_properties(columns, values, spelt):
            properties.add(own)
            if not is_missing(value):
                parts[own] = value
        yield number, key, Event(name, at, parts, identity)


class EventLog:
    """Events by contact.

    Attributes:
        contacts: how many contacts they are of.
        source: the table.
        rows: how many rows could be read.
        properties: the properties that there are.
        notes: what looks like a mistake in them.
        met: by name, how many there are of all contacts.
        columns: the names of the table's columns.
        span: the earliest and the latest of their instants, in microseconds; None without any.

    Example:
        >>> rows = [{"contact_id": "anna", "event": "purchase", "at": "2026-11-02T09:00Z", "amount": 12}]
        >>> EventLog.read(rows).take("anna")[0].properties
        {'amount': 12}
    """

    def __init__(self) -> None:
        self._of: dict[str, list[Event]] = {}
        self.source = "events"
        self.rows = 0
        self.properties: set[str] = set()
        self.notes: tuple[str, ...] = ()
        self.met: Counter[str] = Counter()
        self.columns: dict[str, None] = {}
        self.span: tuple[int, int] | None = None

    @classmethod
    def read(
        cls,
        source: TableSource,
        *,
        zone: tzinfo | None = None,
        bad: BadRows | None = None,
        properties: Iterable[str] = (),
        only: Collection[str] | None = None,
    ) -> EventLog:
        """Read a table of events: ``contact_id``, ``event``, ``at``, and what else is known of them.

        ``event_id`` tells an event from others; ``properties`` holds properties together; every other column is a
        property of that name, as `properties` write it where the case alone differs. Of ``only`` some contacts the
        events are kept, where that is given. The other arguments and the errors are those of `ContactTable`.
        """
        log = cls()
        file = open_table(source, "events", typed=is_property, zone=zone)
        log.source = file.source
        log.columns.update(dict.fromkeys(file.columns or ()))
        log.notes = tuple(mixed_notes(file.source, file.mixed, frozenset(map(fold_name, properties))))
        bad = bad if bad is not None else BadRows()
        for _, key, event in read_events(file, zone, bad, spelt_by(properties), log.properties, log.columns):
            log.rows += 1
            log.met[event.event] += 1
            at = micros(event.at)
            log.span = wider(log.span, (at, at))
            if only is None or key in only:
                log._of.setdefault(key, []).append(event)
        return log

    @property
    def contacts(self) -> tuple[str, ...]:
        """Whose events are here, in the order in which they were met."""
        return tuple(self._of)

    def take(self, contact: str) -> list[Event]:
        """The events of a contact, which are then let go."""
        return self._of.pop(contact, [])

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def names(self) -> set[str]:
        """The names of all events that are here."""
        return {event.event for events in self._of.values() for event in events}
