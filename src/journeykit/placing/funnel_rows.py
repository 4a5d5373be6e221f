"""What `journeykit.placing.funnel` reads of tables beside paths, row by row: segments of contacts, and sales."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from journeykit.errors import DataError, closest
from journeykit.journey.measure.estimates import estimate
from journeykit.journey.placement import Event
from journeykit.journey.walk import identity
from journeykit.playbook.playbook import Playbook
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import BadCellError, instant_reader, is_missing, read_id, read_number, read_text
from journeykit.tables.column_names import Spellings
from journeykit.tables.contact_table import ContactTable
from journeykit.tables.event_log import flat_properties, is_property, read_properties, spelt_by
from journeykit.tables.header import RowLayout, cell_of
from journeykit.tables.read_rows import open_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from journeykit.journey.measure.estimates import Estimates
    from journeykit.journey.placing_results import Placements

SEGMENTS = "segments"
"""What tells contacts apart by all their segments."""
_OWN = {"contact_id": "id", "account_id": "account"}


@frozen
class Asked:
    """What is asked of tables beside paths.

    Attributes:
        playbook: whose journey and segments.
        events: the table of events.
        contacts: the table of contacts, or None.
        at: the instant at which observation ended.
        by: the folded name of the column that tells contacts apart, or `SEGMENTS`; None for none.
        won: the event of a sale that was won; None where sales do not matter.
        lost: the event of one that was lost, or None.
        amount: the property that says what was paid, or None.
        zone: in which instants without an offset are meant.
    """

    playbook: Playbook
    events: Any
    contacts: Any
    at: datetime
    by: str | None
    won: str | None
    lost: str | None
    amount: str | None
    zone: tzinfo | None

    @property
    def spellings(self) -> Spellings:
        """How the columns of contacts are written."""
        found = Spellings.of(self.playbook)
        return found if self.by in (None, SEGMENTS) else evolve(found, attributes={self.by: (self.by,)})

    @property
    def field(self) -> str:
        """The name by which contacts know what tells them apart."""
        return _OWN.get(self.by or "", self.by or "")

    @property
    def spelt(self) -> Callable[[str], tuple[str, ...]]:
        """How the properties of events are written."""
        return spelt_by([] if self.amount is None else [self.amount])

    def need_column(self, met: Collection[str], source: str) -> None:
        """Refuse a column by which contacts cannot be told apart.

        Args:
            met: what contacts have.
            source: their table.

        Raises:
            DataError: if it is not among what was met.
        """
        if self.by is not None and self.field not in met:
            raise DataError(f"no contact has {self.by!r}{_hint(self.by, met)}", source=source)


def _hint(word: str, allowed: Iterable[str]) -> str:
    there = sorted(allowed)
    hint = closest(word, there)
    return f"; did you mean {hint!r}?" if hint else f"; there is {', '.join(there)}"


def measured_rows(asked: Asked, placements: Placements, bad: BadRows) -> tuple[Estimates, Counter[str], SalesMet]:
    """The estimates, how many sales were not used, by why, and what was met among events."""
    segments = None if asked.by is None else segments_by_contact(asked, bad)
    sales = None
    if asked.won is not None:
        known = None if asked.contacts is None else frozenset(row[0] for row in placements.stages())
        sales = SaleRows(asked, known)
    journey = asked.playbook.journey
    assert journey is not None  # noqa: S101  (its contacts were placed)
    found = estimate(journey, placements.stays(), asked.at, segments=segments, sales=sales)
    return found, Counter() if sales is None else sales.ignored, SalesMet() if sales is None else sales.met


def segments_by_contact(asked: Asked, bad: BadRows) -> dict[str, Any]:
    """By contact, what tells them apart."""
    found: dict[str, Any] = {}
    met: set[str] = set()
    table = ContactTable(asked.contacts, spellings=asked.spellings, zone=asked.zone, bad=bad)
    for _, contact in table:
        if asked.by == SEGMENTS:
            found[contact.id] = asked.playbook.segments_of(contact, asked.at)
        else:
            values = contact.values()
            met.update(values)
            found[contact.id] = values.get(asked.field)
    if found and asked.by != SEGMENTS:
        asked.need_column(met, table.source)
    return found


class SalesMet:
    """What was met among events.

    Attributes:
        events: the names of events.
        properties: the properties of sales, where one says something.
    """

    def __init__(self) -> None:
        self.events: set[str] = set()
        self.properties: set[str] = set()

    def notes(self, asked: Asked) -> Iterator[str]:
        """What is to be said of events and properties that were asked for and not met."""
        journey = asked.playbook.journey
        known = self.events | (set() if journey is None else journey.compiled_transitions.events)
        for event in filter(None, (asked.won, asked.lost)):
            if event not in self.events:
                hint = closest(event, sorted(known))
                said = "" if hint is None else f"; did you mean {hint!r}?"
                yield f"there is no event {event!r}: no sale is taken from it{said}"
        if asked.amount is not None and asked.won in self.events and asked.amount not in self.properties:
            hint = closest(asked.amount, sorted(self.properties))
            said = "" if hint is None else f"; did you mean {hint!r}?"
            yield f"no sale has the property {asked.amount!r}: none has an amount{said}"


class SaleRows:
    """The sales of a table of events: rows of contact, instant, amount and whether it was won.

    As in placing, an event is there once, by its ``event_id`` or else by all that its row says, and events of contacts
    who are not known are not used. Both are counted in ``ignored``.

    Args:
        asked: what is asked.
        known: the contacts who are known; None for everybody.

    Attributes:
        ignored: how many were not used, by why.
        met: what was met among events.
    """

    def __init__(self, asked: Asked, known: frozenset[str] | None = None) -> None:
        self.ignored: Counter[str] = Counter()
        self.met = SalesMet()
        self._asked = asked
        self._known = known
        self._instant = instant_reader(asked.zone, bounded=True)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        asked, met = self._asked, set[Any]()
        file = open_table(asked.events, "events", typed=is_property, zone=asked.zone)
        for _, columns, places, values in RowLayout(file, ("contact_id", "event", "at"), BadRows()).rows():
            event = name_of(cell_of(places, "event", values))
            if event is None:
                continue
            self.met.events.add(event)
            if event not in (asked.won, asked.lost):
                continue
            contact = _or_none(read_id, cell_of(places, "contact_id", values))
            at = _or_none(self._instant, cell_of(places, "at", values))
            parts = self._properties(columns, places, values)
            key = None if contact is None or at is None else _same(event, contact, at, parts, places, values)
            if key is not None and key in met:
                self.ignored["sale_duplicate"] += 1
                continue
            met.add(key)
            if self._known is not None and contact not in self._known:
                self.ignored["sale_unknown_contact"] += 1
                continue
            amount = None
            if asked.amount is not None:
                own = parts or dict(self._flat(columns, values))
                amount = amount_of(own.get(asked.amount, None if parts is not None else _UNREADABLE))
            yield contact, at, amount, event == asked.won

    def _flat(self, columns: Sequence[str], values: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        return (
            (label, value)
            for label, value in flat_properties(columns, values, self._asked.spelt)
            if not is_missing(value)
        )

    def _properties(
        self, columns: Sequence[str], places: Mapping[str, int], values: Sequence[Any]
    ) -> dict[str, Any] | None:
        """The properties of a row; None where they cannot be read."""
        flat = dict(self._flat(columns, values))
        self.met.properties.update(flat)
        try:
            parts = read_properties(cell_of(places, "properties", values))
        except BadCellError:
            return None
        self.met.properties.update(parts)
        return parts | flat


_UNREADABLE = object()
"""The amount of a sale whose properties cannot be read: it is not a number, and is counted."""


def _same(
    event: str,
    contact: str,
    at: datetime,
    parts: dict[str, Any] | None,
    places: Mapping[str, int],
    values: Sequence[Any],
) -> Any:
    """What tells a sale from others, as in placing; None for a row that cannot be used, which is no other's twin."""
    own = cell_of(places, "event_id", values)
    name = None if is_missing(own) else _or_none(read_id, own)
    if parts is None or (name is None and not is_missing(own)):
        return None
    return contact, identity(Event(event, at, parts, name))


def _or_none(read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except BadCellError:
        return None


def name_of(value: Any) -> str | None:
    """The name of an event, as placing reads it; None for anything else."""
    found: str | None = None if is_missing(value) else _or_none(read_text, value)
    return found


def amount_of(cell: Any) -> Any:
    """A cell as a number or None; what is neither stays what it is, to be counted."""
    try:
        return None if is_missing(cell) else read_number(cell)
    except BadCellError:
        return cell
