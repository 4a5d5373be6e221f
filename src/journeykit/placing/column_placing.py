"""Placing the contacts of a table on their journey, over columns: the same paths as one by one, for millions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.basics.clock import EPOCH, moment
from journeykit.basics.threads import at_once
from journeykit.basics.validation import shown
from journeykit.columns.chunk import Chunk, id_texts, ids_as_given, rule_columns
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.rule_masks import RuleMasks
from journeykit.columns.touch_columns import instants_of_column
from journeykit.kernels import sort_events, walk_journeys
from journeykit.kernels.interface.journey_arrays import (
    DUPLICATE,
    MISSING,
    NOT_A_NUMBER,
    NOT_AGAIN,
    NOT_COMPARABLE,
    NOT_QUALIFIED,
    OTHER_STAGE,
    STEPS,
    UNKNOWN_EVENT,
    ContactEntry,
    EventArrays,
    PathRecords,
    WalkState,
)
from journeykit.model.bad_row import BadRow
from journeykit.model.contact import Contact
from journeykit.placing.contact_events import ContactEvents
from journeykit.placing.event_columns import EventReader, rank_of
from journeykit.placing.journey_columns import (
    ENTERED_AT,
    ENTRY_STAGE,
    asked_properties,
    spellings_of,
    wanted_of,
)
from journeykit.placing.placing_tally import PlacingTally
from journeykit.placing.rows import place_contact
from journeykit.placing.table_placements import TablePlacements, one_kind
from journeykit.tables.arrow.adapters import batches_to_rows, some_rows
from journeykit.tables.arrow.arrays import as_numpy, flags, numbers
from journeykit.tables.arrow.arrays import texts as texts_of
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import BadCellError, instant_reader, is_missing, read_text
from journeykit.tables.contact_table import ContactPlan, contact_notes, is_attribute, mixed_notes
from journeykit.tables.event_log import EventLog, is_property
from journeykit.tables.header import fold_name, missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo

    from journeykit.journey import Journey, Placement
    from journeykit.placing.program import Program
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.arrow_table import ArrowTable

_BLOCK = 32_768
"""Contacts who are walked with at once."""


class ColumnPlacing:
    """Places the contacts of one table. A contact whose sums are too large for 64 bits falls back to the row engine.

    Args:
        journey: the journey.
        program: its rules.
        end: the instant for which contacts are placed, in microseconds since 1970.
        zone: the zone in which instants without an offset are meant.
        timezone: in which the dates among attributes begin, of a contact without a time zone.
        threads: how many blocks of contacts are walked with at once.
        bad: where bad rows are counted.
    """

    def __init__(
        self,
        journey: Journey,
        program: Program,
        end: int,
        zone: tzinfo | None,
        timezone: str,
        threads: int,
        bad: BadRows,
    ) -> None:
        self.journey = journey
        self.program = program
        self.end = end
        self.zone = zone
        self.timezone = timezone
        self.threads = threads
        self.bad = bad
        self.noted: Counter[str] = Counter()
        self.notes: tuple[str, ...] = ()
        self.met = ContactIndex()
        # By row of contacts that was met: which contact it is, or -1.
        self.contact_of: list[np.ndarray] = []
        self.ids: list[pa.Array] = []
        self.said: list[np.ndarray] = []
        self.entry: list[np.ndarray] = []
        self.start: list[np.ndarray] = []
        self.count = 0
        # The places of contacts whose sums do not fit.
        self.too_large: np.ndarray = np.zeros(0, np.int64)
        self.stage = {stage.name: number for number, stage in enumerate(journey.stages)}
        self.instant = instant_reader(zone, bounded=True)

    def done(self, events: Any, contacts: Any, at: datetime) -> TablePlacements:
        """Read the tables, and place everybody.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows.
        """
        known: ArrowTable | None = None
        if contacts is not None:
            texts = spellings_of(self.journey).texts
            known = open_source(contacts, "contacts", typed=is_attribute, texts=texts, zone=self.zone)
            self.read_contacts(known)
        source = open_source(events, "events", typed=is_property, zone=self.zone)
        reader = EventReader(source, self.program, self.zone, needs_ids=contacts is None)
        log, rows = self.read_events(source, reader, contacts is None)
        found = self.walked(log, reader)
        if len(self.too_large):
            found = found.but(self._fallback(found.ids, known, source))
        stages = np.bincount(found.last, minlength=len(self.stage))
        self.noted["not_entered"] += found.waiting
        for own in filter(None, (known, source)):
            if own.count is not None:
                self.bad.rows[own.source] = own.count
        self.bad.refuse_useless(source.source, rows)
        if known is not None:
            self.bad.refuse_useless(known.source, self.count)
        self.bad.check()
        tables = {"contacts": known, "events": source}
        found.tally = PlacingTally(
            contacts=self.count,
            events=rows,
            stages=Counter(dict(zip(self.stage, stages.tolist(), strict=True))),
            steps=len(found.step("contact")),
            noted=self.noted,
            unknown_events=reader.unknown,
            properties=reader.properties,
            large=len(self.too_large),
            rows=Counter(
                {name: own.count for name, own in tables.items() if own is not None and own.count is not None}
            ),
            bad=self.bad,
        )
        asked = frozenset(map(fold_name, asked_properties(self.journey)))
        notes = (*self.notes, *mixed_notes(source.source, source.mixed, asked))
        found.summary = found.tally.summary(self.journey, at, notes)
        return found

    # Contacts

    def read_contacts(self, source: ArrowTable) -> None:
        """Read who is placed."""
        source.needed = ["contact_id"]
        if source.columns is not None and "contact_id" not in places_of(source.columns, source.source):
            raise missing_column("contact_id", source.columns, source.source)
        spellings = spellings_of(self.journey)
        self.notes = tuple(contact_notes(source.source, source.columns or (), source.naive, spellings))
        self.met = ContactIndex(source.count or 0)
        row = 0
        for chunk in self._chunks(source, self.bad):
            self._take(chunk, row, source.source)
            row += chunk.rows

    def _chunks(self, source: ArrowTable, bad: BadRows) -> Iterator[Chunk]:
        spellings = spellings_of(self.journey)
        is_wanted = wanted_of(spellings)
        for part in source.parts(lambda name: is_wanted(fold_name(name))):
            if isinstance(part, BadRow):
                bad.add(part)
                continue
            number, names, arrays = part
            places = {fold: place for fold, place in places_of(names, source.source).items() if is_wanted(fold)}
            yield Chunk(ContactPlan(names, places, spellings, self.zone), arrays, number)

    def _take(self, chunk: Chunk, row: int, source: str) -> None:
        nameless = chunk.apart.copy()
        again = self.met.add(chunk.one, chunk.two, row, nameless)
        for place, _, read in chunk.plan.fields:
            column = chunk.columns[place]
            refused = np.array([value is UNREAD for value in column.read(_or_none(read))[1]], np.bool_)
            if refused.any():
                chunk.apart |= refused[column.codes]
        for place in np.flatnonzero(chunk.apart & ~again).tolist():
            try:
                chunk.contact(place)
            except BadCellError as error:
                field = getattr(error, "__notes__", ["contact_id"])[0]
                self.bad.add(BadRow(source, chunk.number + place, field, error.found, error.allowed))
            else:
                chunk.apart[place] = False
        for place in np.flatnonzero(again).tolist():
            allowed = "one row for each contact"
            self.bad.add(BadRow(source, chunk.number + place, "contact_id", shown(chunk.ids[place].as_py()), allowed))
        start = self._starts(chunk, again, source)
        good = ~chunk.apart & ~again
        contact = np.full(chunk.rows, -1, np.int32)
        contact[good] = np.arange(self.count, self.count + np.count_nonzero(good))
        self.count += int(np.count_nonzero(good))
        self.contact_of.append(contact)
        own = None if chunk.plan.id is None else chunk.columns[chunk.plan.id]
        self.ids.append(ids_as_given(own, chunk.ids, good))
        self.start.append(start[good])
        self.entry.append(self._entries(chunk)[good])
        self.said.append(self._said(chunk)[:, good])

    def _column(self, chunk: Chunk, name: str) -> Column | None:
        return next((chunk.columns[place] for place, names in chunk.plan.attributes if name in names), None)

    def _starts(self, chunk: Chunk, again: np.ndarray, source: str) -> np.ndarray:
        """When each contact enters; a row whose cell cannot be read is bad."""
        column = self._column(chunk, ENTERED_AT)
        if column is None:
            return np.full(chunk.rows, MISSING, np.int64)
        missing = np.array([is_missing(value) for value in column.values], np.bool_)[column.codes]
        told = np.flatnonzero(~missing)
        faults: dict[int, tuple[str, str, str]] = {}
        found = np.full(chunk.rows, MISSING, np.int64)
        found[told] = instants_of_column(
            [column.take(told)], {ENTERED_AT: 0}, len(told), faults, ENTERED_AT, self.instant
        )
        for place, fault in faults.items():
            row = int(told[place])
            if not chunk.apart[row] and not again[row]:
                self.bad.add(BadRow(source, chunk.number + row, *fault))
                chunk.apart[row] = True
        return found

    def _entries(self, chunk: Chunk) -> np.ndarray:
        """The stage on which each contact enters."""
        column = self._column(chunk, ENTRY_STAGE)
        if column is None:
            return np.zeros(chunk.rows, np.int64)
        codes, values = column.read(_or_none(read_text))
        places = [0 if value is None else self.stage.get(value, -1) for value in values]
        found: np.ndarray = np.array(places, np.int64)[codes]
        return found

    def _said(self, chunk: Chunk) -> np.ndarray:
        """What each condition that looks at attributes alone says of each contact."""
        found = np.full((len(self.program.said), chunk.rows), 2, np.int8)
        if self.program.said:
            masks = RuleMasks(rule_columns(chunk), chunk.rows, EPOCH, ["UTC"], np.zeros(chunk.rows, np.int64))
            for number, node in self.program.said.values():
                true, false = masks.pair_of(node)
                found[number][true] = 1
                found[number][false] = 0
        return found

    # Events

    def read_events(self, source: ArrowTable, reader: EventReader, everybody: bool) -> tuple[EventArrays, int]:
        """The events by contact, and how many rows could be read."""
        rows, row = 0, 0
        log = ContactEvents(len(self.program.numbers), len(self.program.values))
        contact_of = np.concatenate(self.contact_of) if self.contact_of else np.zeros(0, np.int32)
        # All properties are read: they tell events without ids apart.
        for taken in at_once(reader.read, source.parts(lambda _: True), self.threads):
            if isinstance(taken, BadRow):
                self.bad.add(taken)
                continue
            for bad in taken.bad:
                self.bad.add(bad)
            count = len(taken.at)
            rows += count
            if everybody:
                again = self.met.add(taken.one, taken.two, row, np.zeros(count, np.bool_))
                fresh = np.full(count, -1, np.int32)
                fresh[~again] = np.arange(self.count, self.count + count - np.count_nonzero(again))
                self.count += int(count - np.count_nonzero(again))
                self.contact_of.append(fresh)
                self.ids.append(taken.ids.filter(flags(~again)))
                row += count
            found = self.met.find(taken.one, taken.two)
            if not everybody:
                # Rows of contacts that cannot be used are met, and nobody's.
                found = np.where(found >= 0, contact_of[found], -1) if len(contact_of) else found
                self.noted["unknown_contact"] += int(np.count_nonzero(found < 0))
            late = (taken.at > self.end) & (found >= 0)
            self.noted["future"] += int(np.count_nonzero(late))
            good = (found >= 0) & ~late
            log.add(found, taken, good)
        if everybody and self.contact_of:
            log.renumber(np.concatenate(self.contact_of))
        self.too_large = log.too_large(self.count)
        return log.arrays(self.count, self.too_large), rows

    # The row engine, for contacts whose sums are too large

    def _fallback(self, ids: pa.Array, known: ArrowTable | None, events: ArrowTable) -> dict[int, Placement]:
        """Where the contacts are whose sums are too large, by their places."""
        texts = ids.cast(pa.large_string()).take(numbers(self.too_large, pa.int64())).to_pylist()
        wanted = texts_of(texts)
        contacts = {own: Contact(id=own) for own in texts} if known is None else self._contacts_of(known)
        rows = batches_to_rows(_with_ids(events, wanted))
        log = EventLog.read(rows, zone=self.zone, properties=asked_properties(self.journey))
        found = {}
        for place, own in zip(self.too_large.tolist(), texts, strict=True):
            placed = place_contact(
                self.journey, log, contacts[own], moment(self.end), self.instant, self.timezone, Counter()
            )
            self.noted.update({name: count for name, count in placed.noted.items() if name in _KINDS})
            found[place] = placed
        return found

    def _contacts_of(self, known: ArrowTable) -> dict[str, Contact]:
        """The contacts whose sums are too large, read again."""
        found = {}
        for chunk, of in zip(self._chunks(known, BadRows()), self.contact_of, strict=True):
            for row in np.flatnonzero(np.isin(of, self.too_large)).tolist():
                contact = chunk.contact(row)
                found[contact.id] = contact
        return found

    # The way

    def walked(self, log: EventArrays, reader: EventReader) -> TablePlacements:
        """Walk with everybody through the journey."""
        program, count = self.program, self.count
        routes = program.routes(reader.known)
        entry = _joined(self.entry, np.int64) if self.entry else np.zeros(count, np.int64)
        self.noted["unknown_stage"] += int(np.count_nonzero(entry < 0))
        entry = np.maximum(entry, 0)
        said = np.concatenate(self.said, axis=1) if self.said else self._said_of_nobody(count)
        ranks = [rank_of(values) for values in reader.known.values()]
        rank = np.zeros((len(ranks), max(map(len, ranks), default=0)), np.int64)
        for own, found in enumerate(ranks):
            rank[own, : len(found)] = found
        whose = ContactEntry(
            said=said,
            stage=entry,
            start=_joined(self.start, np.int64) if self.start else np.full(count, MISSING, np.int64),
            rank=rank,
        )

        def block(begin: int) -> tuple[list[PathRecords], list[int], np.ndarray]:
            stop = min(begin + _BLOCK, count)
            sort_events(log, begin, stop, reader.has_ids)
            memory, total = _memory(program), np.zeros(STEPS, np.int64)
            counted = np.zeros(STEPS, np.int64)
            made, used, room = [], [], 2 * _BLOCK
            while begin < stop:
                paths = _room(room)
                reached, full = walk_journeys(routes, log, whose, memory, paths, counted, total, begin, stop, self.end)
                if reached == begin:
                    # One contact alone takes more: nobody's path is cut.
                    room *= 4
                    continue
                made.append(paths)
                used.append(full)
                begin = reached
            return made, used, total

        pieces: dict[str, list[np.ndarray]] = {name: [] for name in PathRecords.fields}
        for made, used, total in at_once(block, range(0, count, _BLOCK), self.threads):
            for paths, full in zip(made, used, strict=True):
                for name, parts in pieces.items():
                    parts.append(getattr(paths, name)[:full].copy())
            for name, kind in _KINDS.items():
                self.noted[name] += int(total[kind])
        steps = {name: _joined(own, PathRecords.fields[name][0]) for name, own in pieces.items()}
        return TablePlacements(self.journey, one_kind(self.ids), entry, steps)

    def _said_of_nobody(self, count: int) -> np.ndarray:
        """What conditions say where there is no table of contacts: nothing but an id is known of anybody."""
        ids = one_kind(self.ids).cast(pa.large_string())
        found = np.full((len(self.program.said), count), 2, np.int8)
        columns = {"id": Column(ids), "segments": Column([()] * count), "interests": Column([()] * count)}
        masks = RuleMasks(columns, count, EPOCH, ["UTC"], np.zeros(count, np.int64))
        for number, node in self.program.said.values():
            true, false = masks.pair_of(node)
            found[number][true], found[number][false] = 1, 0
        return found


_KINDS = {
    "duplicate": DUPLICATE,
    "unknown_event": UNKNOWN_EVENT,
    "not_qualified": NOT_QUALIFIED,
    "not_again": NOT_AGAIN,
    "other_stage": OTHER_STAGE,
    "not_a_number": NOT_A_NUMBER,
    "not_comparable": NOT_COMPARABLE,
}


def _memory(program: Program) -> WalkState:
    stages, events = len(program.journey.stages), len(program.events)

    def room(size: int, kind: Any = np.int64) -> np.ndarray:
        return np.zeros(max(1, size), kind)

    return WalkState(
        latest=np.zeros(events, np.int64),
        fresh=np.zeros(events, np.int64),
        refused=np.zeros(events, np.int64),
        low=room(program.total_count),
        total=room(program.total_count),
        left=np.zeros(stages, np.int64),
        spent=room(len(program.ways), np.bool_),
        passed=np.zeros(stages, np.int64),
        value=room(len(program.lasts)),
        value_at=room(len(program.lasts)),
        stack=room(program.depth, np.int8),
    )


def _room(size: int) -> PathRecords:
    return PathRecords(**{name: np.empty(size, kind) for name, (kind, _) in PathRecords.fields.items()})


def _joined(parts: Sequence[np.ndarray], kind: Any) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def _with_ids(source: ArrowTable, wanted: pa.Array) -> Iterator[Part | BadRow]:
    """The rows of some contacts."""
    for part in source.parts(lambda _: True):
        if isinstance(part, BadRow):
            continue
        _, names, arrays = part
        place = places_of(names, source.source).get("contact_id")
        if place is not None:
            rows = np.flatnonzero(as_numpy(pc.is_in(id_texts(Column(arrays[place]))[0], value_set=wanted)))
            yield some_rows(part, rows)


def _or_none(read: Any) -> Any:
    return lambda value: None if is_missing(value) else read(value)
