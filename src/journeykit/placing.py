"""Placing all contacts of a table on their journey.

Two engines do it: this one, contact by contact, and `journeykit.columns.placing`, over columns. Both give the same
paths.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError
from journeykit.journey.placements import NOTED, PATHS, STAGES, PlacingSummary
from journeykit.journey.walk import place
from journeykit.model.bad_row import BadRow
from journeykit.model.contact import Contact
from journeykit.tables.bad_rows import BadRows
from journeykit.tables.cells import BadCellError, instant_reader, is_missing, read_text
from journeykit.tables.contacts import Contacts
from journeykit.tables.events import EventLog
from journeykit.tables.spellings import Spellings, texts_of
from journeykit.tables.writing import table_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    import pyarrow as pa

    from journeykit.journey import Journey, Placement
    from journeykit.tables.formats import Source


ENTRY_STAGE, ENTERED_AT = "entry_stage", "entered_at"
"""The columns of contacts that say on which stage one enters the journey, and when."""


class PlacedRows:
    """Where contacts are, worked out one by one.

    Args:
        journey: the journey.
        placements: of each contact.
        summary: what became of contacts and events.
    """

    def __init__(self, journey: Journey, placements: list[Placement], summary: PlacingSummary) -> None:
        self.journey = journey
        self.placements = placements
        self.summary = summary

    @property
    def table(self) -> pa.Table:
        """A row for each contact, as an Arrow table."""
        return _arrow_table(STAGES, self.stages())

    @property
    def paths(self) -> pa.Table:
        """A row for each step of each path, as an Arrow table."""
        return _arrow_table(PATHS, self.steps())

    def write_parquet(self, path: str, name: str) -> None:
        """Write ``table`` or ``paths`` to a Parquet file."""
        write_rows(path, *((STAGES, self.stages()) if name == "table" else (PATHS, self.steps())), form="parquet")

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


def _arrow_table(columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> pa.Table:
    import pyarrow as pa

    kinds = {"text": pa.string(), "whole": pa.int64(), "instant": pa.timestamp("us", "UTC")}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    return pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema)


def spellings_of(journey: Journey) -> Spellings:
    """How a journey writes the names of the attributes that its rules read."""
    rules = [way.when for way in journey.transitions] + [stage.qualified for stage in journey.stages]
    paths = {path for rule in rules if rule is not None for path in rule.names}
    names = {*paths, *(path.partition(".")[0] for path in paths), ENTRY_STAGE, ENTERED_AT}
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.casefold(), []).append(name)
    texts = texts_of(rule for rule in rules if rule is not None)
    return Spellings(attributes={fold: tuple(own) for fold, own in found.items()}, texts=texts)


def asked_properties(journey: Journey) -> tuple[str, ...]:
    """The properties of events that a journey's rules ask for."""
    asked = (*journey.compiled_transitions.sums.values(), *journey.compiled_transitions.lasts.values())
    return tuple(dict.fromkeys(part for parts in asked for part in parts))


def property_notes(journey: Journey, there: Container[str]) -> tuple[str, ...]:
    """What is to be said of properties that a journey asks for and no event has."""
    missing = sorted(part for part in asked_properties(journey) if part not in there)
    return tuple(f"no event has the property {part!r}, which a rule of the journey asks for" for part in missing)


def wanted_of(spellings: Spellings) -> Callable[[str], bool]:
    """Which columns of contacts a placement looks at, by folded name: a fault in another one is none here."""
    names = {*spellings.attributes, "contact_id", "timezone"}
    if "account" in names:
        names.add("account_id")
    return names.__contains__


def place_rows(
    journey: Journey,
    events: Source,
    contacts: Source | None,
    at: datetime,
    *,
    zone: tzinfo | None = None,
    timezone: str = "UTC",
    max_bad: int | str | None = None,
) -> PlacedRows:
    """Place contacts one by one; see `Journey.place_table`."""
    bad = BadRows(max_bad)
    log = EventLog.read(events, zone=zone, bad=bad, properties=asked_properties(journey))
    unknown = tuple(sorted(log.names() - journey.compiled_transitions.events))
    noted: Counter[str] = Counter()
    instant = instant_reader(zone, bounded=True)
    placements = []
    people: Iterator[tuple[int, Contact]]
    noticed: tuple[str, ...] = ()
    if contacts is None:
        people = ((0, Contact(id=key)) for key in log.contacts)
    else:
        spellings = spellings_of(journey)
        table = Contacts(contacts, spellings=spellings, zone=zone, bad=bad, wanted=wanted_of(spellings))
        people, noticed = iter(table), table.notes
    for number, contact in people:
        given: dict[str, Any] = {"contact": contact.id, "timezone": contact.timezone or timezone}
        try:
            given |= _entry(journey, contact, instant, noted)
        except BadCellError as error:
            bad.add(BadRow(table.source, number, ENTERED_AT, error.found, error.allowed))
            continue
        placement = place(journey.compiled_transitions, log.take(contact.id), at, contact.values(), **given)
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
    summary = PlacingSummary(
        at=at,
        contacts=len(placements),
        events=log.rows,
        stages={stage.name: stages[stage.name] for stage in journey.stages},
        steps=sum(len(placement.path) for placement in placements),
        noted={name: noted[name] for name in NOTED if noted[name]},
        unknown_events=unknown,
        bad_rows=bad.total,
        bad=tuple(bad.first),
        rows={name: bad.rows[source] for name, source in read.items() if source in bad.rows},
        notes=(*noticed, *log.notes, *(property_notes(journey, log.properties) if log.rows else ())),
    )
    return PlacedRows(journey, placements, summary)


def _entry(journey: Journey, contact: Contact, instant: Any, noted: Counter[str]) -> dict[str, Any]:
    """Where and when a contact enters, as his row says."""
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
    events: Source,
    contacts: Source | None,
    contact: str,
    at: datetime,
    *,
    zone: tzinfo | None = None,
    timezone: str = "UTC",
) -> Placement:
    """Where one contact of a table is, with all the evidence; the arguments are those of `place_rows`.

    Raises:
        DataError: if neither table has him.
    """
    log = EventLog.read(events, zone=zone, properties=asked_properties(journey))
    person = Contact(id=contact)
    if contacts is not None:
        spellings = spellings_of(journey)
        table = Contacts(
            contacts, spellings=spellings, zone=zone, only=frozenset([contact]), wanted=wanted_of(spellings)
        )
        found = next((found for _, found in table), None)
        if found is None:
            raise DataError(f"there is no contact {contact!r} that can be used", source=table.source)
        person = found
    elif contact not in log.contacts:
        raise DataError(f"there is no event of {contact!r} that can be used", source="events")
    given = _entry(journey, person, instant_reader(zone, bounded=True), Counter())
    return place(
        journey.compiled_transitions,
        log.take(contact),
        at,
        person.values(),
        contact=contact,
        timezone=person.timezone or timezone,
        **given,
    )


def write_rows(path: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]], form: str | None = None) -> None:
    """Write rows to a file, which appears whole or not at all; ``-`` is standard output."""
    with table_writer(path, columns, form) as write:
        for row in rows:
            write(row)
