"""Placing the contacts of a table on their journey, one by one: the readable engine, which keeps the evidence."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError, MissingExtraError
from journeykit.journey.placing_results import PATHS, STAGES, Placements, PlacingSummary
from journeykit.journey.walk import place
from journeykit.model.bad_row import BadRow
from journeykit.model.contact import Contact
from journeykit.placing.journey_columns import ENTERED_AT, ENTRY_STAGE, asked_properties, spellings_of, wanted_of
from journeykit.placing.placing_tally import PlacingTally
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import BadCellError, instant_reader, is_missing, read_text
from journeykit.tables.contact_table import ContactTable
from journeykit.tables.event_log import EventLog
from journeykit.tables.write_rows import write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from journeykit.journey import Journey, Placement
    from journeykit.placing.table_placements import TablePlacements
    from journeykit.tables.formats import TableSource


class RowPlacements(Placements):
    """Where contacts are, worked out one by one.

    Args:
        journey: the journey.
        placements: of each contact.
        tally: what became of contacts and events.
        summary: the same as a summary.
    """

    engine = "one"

    def __init__(
        self, journey: Journey, placements: list[Placement], tally: PlacingTally, summary: PlacingSummary
    ) -> None:
        self.journey = journey
        self.placements = placements
        self.tally = tally
        self.summary = summary

    @cached_property
    def _columns(self) -> TablePlacements:
        try:
            from journeykit.placing.table_placements import TablePlacements
        except ImportError as error:
            raise MissingExtraError("columns", "a table of placements") from error
        return TablePlacements.of(self.journey, self.placements, self.summary)

    @property
    def table(self) -> Any:
        """A row for each contact, as an Arrow table."""
        return self._columns.table

    @property
    def paths(self) -> Any:
        """A row for each step of each path, as an Arrow table."""
        return self._columns.paths

    def write_parquet(self, path: str, name: str) -> None:
        """Write ``table`` or ``paths`` to a Parquet file."""
        kinds, rows = (STAGES, self.stages()) if name == "table" else (PATHS, self.steps())
        write_rows(path, kinds, rows, "parquet")

    def stages(self) -> Iterator[tuple[Any, ...]]:
        """A row for each contact."""
        owners = {stage.name: stage.owner for stage in self.journey.stages}
        for own in self.placements:
            last = own.path[-1] if own.path else None
            yield (
                own.contact,
                own.stage,
                last and last.since,
                owners[own.stage],
                len(own.path),
                last.transition.label if last is not None and last.transition is not None else None,
                last and last.evidence.at,
            )

    def steps(self) -> Iterator[tuple[Any, ...]]:
        """A row for each step of each path."""
        places = {id(way): place for place, way in enumerate(self.journey.transitions)}
        for own in self.placements:
            before = None
            for number, step in enumerate(own.path):
                way = step.transition
                yield (
                    own.contact,
                    number,
                    step.stage,
                    step.since,
                    before,
                    -1 if way is None else places[id(way)],
                    None if way is None else way.label,
                    step.evidence.at,
                )
                before = step.stage

    def counts(self) -> tuple[dict[str, int], dict[int, int]]:
        """How many contacts are on each stage, and took each transition; see `Placements`."""
        on = Counter(own.stage for own in self.placements if own.path)
        moves = Counter(row[5] for row in self.steps() if row[5] >= 0)
        return dict(sorted(on.items())), dict(sorted(moves.items()))

    def origins(self) -> dict[tuple[int, str], int]:
        """How many contacts took each transition from each stage."""
        return dict(sorted(Counter((row[5], row[4]) for row in self.steps() if row[5] >= 0).items()))


def place_rows(
    journey: Journey,
    events: TableSource,
    contacts: TableSource | None,
    at: datetime,
    *,
    zone: tzinfo | None = None,
    timezone: str = "UTC",
    max_bad: int | str | None = None,
    bad: BadRows | None = None,
) -> RowPlacements:
    """Place contacts one by one; see `Journey.place_table`. Bad rows are counted in ``bad``, where it is given."""
    bad = bad or BadRows(max_bad)
    log = EventLog.read(events, zone=zone, bad=bad, properties=asked_properties(journey))
    unknown = set(log.names() - journey.compiled_transitions.events)
    noted: Counter[str] = Counter()
    instant = instant_reader(zone, bounded=True)
    placements = []
    people: Iterator[tuple[int, Contact]]
    noticed: tuple[str, ...] = ()
    if contacts is None:
        people = ((0, Contact(id=key)) for key in log.contacts)
    else:
        spellings = spellings_of(journey)
        table = ContactTable(contacts, spellings=spellings, zone=zone, bad=bad, wanted=wanted_of(spellings))
        people, noticed = iter(table), table.notes
    for number, contact in people:
        try:
            placement = place_contact(journey, log, contact, at, instant, timezone, noted)
        except BadCellError as error:
            bad.add(BadRow(table.source, number, ENTERED_AT, error.found, error.allowed))
            continue
        noted.update(placement.noted)
        noted["not_entered"] += not placement.path
        placements.append(placement)
    noted["unknown_contact"] += len(log)
    bad.refuse_useless(log.source, log.rows)
    if contacts is not None:
        bad.refuse_useless(table.source, len(placements))
    bad.check()
    read = {"contacts": None if contacts is None else table.source, "events": log.source}
    stages = Counter(placement.stage for placement in placements)
    tally = PlacingTally(
        contacts=len(placements),
        events=log.rows,
        stages=stages,
        steps=sum(len(placement.path) for placement in placements),
        noted=noted,
        unknown_events=unknown,
        properties=log.properties,
        rows=Counter({name: bad.rows[source] for name, source in read.items() if source in bad.rows}),
        bad=bad,
    )
    return RowPlacements(journey, placements, tally, tally.summary(journey, at, (*noticed, *log.notes)))


def place_contact(
    journey: Journey,
    log: EventLog,
    contact: Contact,
    at: datetime,
    instant: Any,
    timezone: str,
    noted: Counter[str],
) -> Placement:
    """Where one contact is, by the events of a log, which are then let go.

    Raises:
        BadCellError: if the contact's ``entered_at`` cannot be read.
    """
    entry = _entry_of(journey, contact, instant, noted)
    zone = contact.timezone or timezone
    events, ways = log.take(contact.id), journey.compiled_transitions
    return place(ways, events, at, contact.values(), contact=contact.id, timezone=zone, **entry)


def _entry_of(journey: Journey, contact: Contact, instant: Any, noted: Counter[str]) -> dict[str, Any]:
    """Where and when a contact enters, as the row says."""
    found: dict[str, Any] = {}
    stage, since = contact.attributes.get(ENTRY_STAGE), contact.attributes.get(ENTERED_AT)
    if not is_missing(stage):
        name = _text(stage)
        if name in journey.compiled_transitions.leaving:
            found["stage"] = name
        else:
            noted["unknown_stage"] += 1
    if not is_missing(since):
        found["start"] = instant(since)
    return found


def _text(value: Any) -> str | None:
    try:
        return read_text(value)
    except BadCellError:
        return None


def place_one(
    journey: Journey,
    events: TableSource,
    contacts: TableSource | None,
    contact: str,
    at: datetime,
    *,
    zone: tzinfo | None = None,
    timezone: str = "UTC",
) -> Placement:
    """Where one contact of a table is, with all the evidence; the arguments are those of `place_rows`.

    Raises:
        DataError: if neither table has them.
    """
    log = EventLog.read(events, zone=zone, properties=asked_properties(journey))
    person = Contact(id=contact)
    if contacts is not None:
        spellings = spellings_of(journey)
        table = ContactTable(
            contacts, spellings=spellings, zone=zone, only=frozenset([contact]), wanted=wanted_of(spellings)
        )
        found = next((found for _, found in table), None)
        if found is None:
            raise DataError(f"there is no contact {contact!r} that can be used", source=table.source)
        person = found
    elif contact not in log.contacts:
        raise DataError(f"there is no event of {contact!r} that can be used", source="events")
    return place_contact(journey, log, person, at, instant_reader(zone, bounded=True), timezone, Counter())
