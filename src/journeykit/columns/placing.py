"""Placing the contacts of a table on their journey, over columns: the same paths as one by one, for millions."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from attrs import evolve

from journeykit.basics.clock import EPOCH, clock, micros
from journeykit.basics.threads import at_once
from journeykit.columns.arrows import coded, numbers, texts
from journeykit.columns.chunk import Chunk, ids_as_given, rule_columns
from journeykit.columns.column import UNREAD, Column
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.events import EventReader, rank_of
from journeykit.columns.rule_masks import RuleMasks
from journeykit.columns.sources import open_source
from journeykit.columns.stage_rules import NotColumnarError, Program
from journeykit.columns.touch_columns import instants_of_column
from journeykit.journey.placements import NOTED, PATHS, STAGES, PlacingSummary
from journeykit.kernels import contact_offsets, sort_events, walk_journeys
from journeykit.kernels.interface.journeys import (
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
from journeykit.placing import ENTERED_AT, ENTRY_STAGE, asked_properties, place_rows, property_notes, spellings_of
from journeykit.placing import wanted_of as wanted_contacts
from journeykit.tables.bad_rows import BadRows
from journeykit.tables.cells import BadCellError, instant_reader, is_missing, read_text
from journeykit.tables.columns import fold_name, missing_column, places_of
from journeykit.tables.contacts import ContactPlan, contact_notes, is_attribute, mixed_notes
from journeykit.tables.events import is_property
from journeykit.tables.writing import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from journeykit.columns.sources import Source
    from journeykit.journey import Journey

_LARGEST_SUM = 9e18
"""Sums of a contact up to here, in millionths, are sure to be exact in 64 bits."""
_BLOCK = 32_768
"""Contacts who are walked with at once."""
_INSTANT = pa.timestamp("us", "UTC")
_KINDS_OF = {"text": pa.string(), "instant": _INSTANT, "whole": pa.int64()}


class ColumnPlacements:
    """Where contacts are, and how they came there, as columns.

    Attributes:
        journey: the journey.
        table: a row for each contact: ``contact_id`` as it came, ``stage``, ``since`` (null for one who is not on the
            journey), ``owner`` of the stage, ``steps`` of his path, the ``transition`` that led him there (its label;
            null where he entered) and ``evidence_at``, the instant of the last event on which it rests.
        paths: a row for each step: ``contact_id``, ``step`` (from 0), ``stage``, ``since``, ``from_stage``,
            ``transition`` (its place in the journey, -1 where he entered), its ``label``, and ``evidence_at``.
        summary: what became of contacts and events.
    """

    def __init__(self, journey: Journey, ids: pa.Array, entry: np.ndarray, steps: dict[str, np.ndarray]) -> None:
        self.journey = journey
        self.summary: PlacingSummary
        self._ids = ids
        self._entry = entry
        self._steps = steps
        self._first = np.zeros(len(ids) + 1, np.int64)
        np.cumsum(np.bincount(steps["contact"], minlength=len(ids)), out=self._first[1:])
        self._names = [stage.name for stage in journey.stages]

    @property
    def waiting(self) -> int:
        """How many contacts have not entered the journey."""
        return int(np.count_nonzero(self._first[1:] == self._first[:-1]))

    @property
    def last(self) -> np.ndarray:
        """The stage of each contact, by its place in the journey."""
        first, steps = self._first, self._steps
        found = self._entry.copy()
        entered = first[1:] > first[:-1]
        found[entered] = steps["stage"][first[1:][entered] - 1]
        return found

    @cached_property
    def table(self) -> pa.Table:
        """A row for each contact."""
        first, steps = self._first, self._steps
        entered = first[1:] > first[:-1]
        stage = self.last
        if entered.any():
            at = np.maximum(first[1:] - 1, 0)
            since, way, evidence = steps["since"][at], steps["way"][at].astype(np.int64), steps["evidence"][at]
        else:
            since = way = evidence = np.zeros(len(stage), np.int64)
        way = np.where(entered, way, -1)
        return pa.table(
            {
                "contact_id": self._ids,
                "stage": coded(stage, texts(self._names)),
                "since": numbers(since, _INSTANT, ~entered),
                "owner": self._owners(stage),
                "steps": numbers((first[1:] - first[:-1]).astype(np.int32), pa.int32()),
                "transition": self._labels(way),
                "evidence_at": numbers(evidence, _INSTANT, ~entered | (evidence == MISSING)),
            }
        )

    @cached_property
    def paths(self) -> pa.Table:
        """A row for each step of each path."""
        steps, first = self._steps, self._first
        contact, stage, way = steps["contact"], steps["stage"], steps["way"].astype(np.int64)
        number = np.arange(len(contact)) - first[:-1][contact] if len(contact) else np.zeros(0, np.int64)
        before = np.where(number > 0, np.roll(stage, 1), -1)
        return pa.table(
            {
                "contact_id": self._ids.take(numbers(contact.astype(np.int64), pa.int64())),
                "step": numbers(number.astype(np.int32), pa.int32()),
                "stage": coded(stage, texts(self._names)),
                "since": numbers(steps["since"], _INSTANT),
                "from_stage": coded(before, texts(self._names), missing=True),
                "transition": numbers(way.astype(np.int32), pa.int32()),
                "label": self._labels(way),
                "evidence_at": numbers(steps["evidence"], _INSTANT, steps["evidence"] == MISSING),
            }
        )

    def write_parquet(self, path: str, name: str) -> None:
        """Write ``table`` or ``paths`` to a Parquet file, with the columns that `table_writer` would give it.

        Raises:
            OSError: if the file cannot be written.
        """
        table: pa.Table = getattr(self, name)
        kinds = STAGES if name == "table" else PATHS
        with whole_file(path) as file:
            pq.write_table(table.cast(pa.schema([(own, _KINDS_OF[kind]) for own, kind in kinds.items()])), file)

    def _owners(self, stage: np.ndarray) -> pa.Array:
        owners = [own.owner for own in self.journey.stages]
        known = list(dict.fromkeys(owner for owner in owners if owner is not None))
        codes = np.array([-1 if owner is None else known.index(owner) for owner in owners], np.int64)
        return coded(codes[stage], texts(known), missing=True)

    def _labels(self, way: np.ndarray) -> pa.Array:
        return coded(way, texts([own.label for own in self.journey.transitions]), missing=True)

    def stages(self) -> Iterator[tuple[Any, ...]]:
        """A row for each contact, as Python values; ids are text."""
        return _rows(self.table)

    def steps(self) -> Iterator[tuple[Any, ...]]:
        """A row for each step of each path, as Python values; ids are text."""
        return _rows(self.paths)


def _one_kind(ids: Sequence[pa.Array]) -> pa.Array:
    """Ids in one array: as text, where not all are numbers of one kind."""
    kinds = {array.type for array in ids}
    if len(kinds) != 1:
        ids = [array.cast(pa.large_string()) for array in ids]
    return pa.concat_arrays(ids) if ids else texts([])


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches(max_chunksize=65_536):
        ids, *rest = (column.to_pylist() for column in batch.columns)
        yield from zip(map(str, ids), *rest, strict=True)


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
) -> ColumnPlacements:
    """Place the contacts of a table; see `Journey.place_table`."""
    known = None if zone is None else clock(zone).zone
    clock(timezone)
    events, contacts = _twice(events), _twice(contacts)
    try:
        job = _Job(journey, Program(journey), micros(at), known, threads or min(4, os.cpu_count() or 1), max_bad)
        return job.done(events, contacts, at)
    except NotColumnarError as refused:
        note = f"the contacts were placed one by one, which is slower: columns do not know {str(refused)!r}"
        return _one_by_one(journey, events, contacts, at, known, timezone, max_bad, note)


class _Job:
    def __init__(
        self, journey: Journey, program: Program, end: int, zone: tzinfo | None, threads: int, max_bad: int | str | None
    ) -> None:
        self.journey = journey
        self.program = program
        self.end = end
        self.zone = zone
        self.threads = threads
        self.bad = BadRows(max_bad)
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
        self.stage = {stage.name: number for number, stage in enumerate(journey.stages)}
        self.instant = instant_reader(zone, bounded=True)

    def done(self, events: Any, contacts: Any, at: datetime) -> ColumnPlacements:
        known: Source | None = None
        if contacts is not None:
            texts = spellings_of(self.journey).texts
            known = open_source(contacts, "contacts", typed=is_attribute, texts=texts, zone=self.zone)
            self.read_contacts(known)
        source = open_source(events, "events", typed=is_property, zone=self.zone)
        reader = EventReader(source, self.program, self.zone)
        log, rows = self.read_events(source, reader, contacts is None)
        found = self.walked(log, reader)
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
        found.summary = PlacingSummary(
            at=at,
            contacts=self.count,
            events=rows,
            stages=dict(zip(self.stage, stages.tolist(), strict=True)),
            steps=len(found._steps["contact"]),  # noqa: SLF001  (likewise)
            noted={name: self.noted[name] for name in NOTED if self.noted[name]},
            unknown_events=tuple(sorted(reader.unknown)),
            bad_rows=self.bad.total,
            bad=tuple(self.bad.first),
            rows={name: own.count for name, own in tables.items() if own is not None and own.count is not None},
            notes=(
                *self.notes,
                *mixed_notes(source.source, source.mixed, frozenset(map(fold_name, asked_properties(self.journey)))),
                *(property_notes(self.journey, reader.properties) if rows else ()),
            ),
        )
        return found

    # Contacts

    def read_contacts(self, source: Source) -> None:
        source.needed = ["contact_id"]
        if source.columns is not None and "contact_id" not in places_of(source.columns, source.source):
            raise missing_column("contact_id", source.columns, source.source)
        spellings = spellings_of(self.journey)
        self.notes = tuple(contact_notes(source.source, source.columns or (), source.naive, spellings))
        is_wanted = wanted_contacts(spellings)
        self.met = ContactIndex(source.count or 0)
        row = 0
        for part in source.parts(lambda name: is_wanted(fold_name(name))):
            if isinstance(part, BadRow):
                self.bad.add(part)
                continue
            number, names, arrays = part
            places = {fold: place for fold, place in places_of(names, source.source).items() if is_wanted(fold)}
            chunk = Chunk(ContactPlan(names, places, spellings, self.zone), arrays, number)
            self._take(chunk, row, source.source)
            row += chunk.rows

    def _take(self, chunk: Chunk, row: int, source: str) -> None:
        nameless = chunk.odd.copy()
        again = self.met.add(chunk.one, chunk.two, row, nameless)
        for place, _, read in chunk.plan.fields:
            column = chunk.columns[place]
            refused = np.array([value is UNREAD for value in column.read(_or_none(read))[1]], np.bool_)
            if refused.any():
                chunk.odd |= refused[column.codes]
        for place in np.flatnonzero(chunk.odd & ~again).tolist():
            try:
                chunk.contact(place)
            except BadCellError as error:
                field = getattr(error, "__notes__", ["contact_id"])[0]
                self.bad.add(BadRow(source, chunk.number + place, field, error.found, error.allowed))
            else:
                chunk.odd[place] = False
        for place in np.flatnonzero(again).tolist():
            allowed = "one row for each contact"
            self.bad.add(BadRow(source, chunk.number + place, "contact_id", repr(chunk.ids[place].as_py()), allowed))
        start = self._starts(chunk, again, source)
        good = ~chunk.odd & ~again
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
            if not chunk.odd[row] and not again[row]:
                self.bad.add(BadRow(source, chunk.number + row, *fault))
                chunk.odd[row] = True
        return found

    def _entries(self, chunk: Chunk) -> np.ndarray:
        """The stage on which each contact enters."""
        column = self._column(chunk, ENTRY_STAGE)
        if column is None:
            return np.zeros(chunk.rows, np.int64)
        codes, values = column.read(_or_none(read_text))
        places = [0 if value is None else self.stage.get(value, -1) for value in values]
        return np.array(places, np.int64)[codes]

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

    def read_events(self, source: Source, reader: EventReader, everybody: bool) -> tuple[EventArrays, int]:
        """The events by contact, and how many rows could be read."""
        rows, row = 0, 0
        whose, ats, names, marks = [], [], [], []
        sums: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in self.program.numbers]
        values: list[list[np.ndarray]] = [[] for _ in self.program.values]
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
                self.ids.append(taken.ids.filter(pa.array(~again)))
                row += count
            found = self.met.find(taken.one, taken.two)
            if not everybody:
                # Rows of contacts that cannot be used are met, and nobody's.
                found = np.where(found >= 0, contact_of[found], -1) if len(contact_of) else found
                self.noted["unknown_contact"] += int(np.count_nonzero(found < 0))
            late = (taken.at > self.end) & (found >= 0)
            self.noted["future"] += int(np.count_nonzero(late))
            good = (found >= 0) & ~late
            whose.append(found[good])
            ats.append(taken.at[good])
            names.append(taken.names[good])
            marks.append(taken.marks[good])
            for pairs, (amount, state) in zip(sums, taken.numbers, strict=True):
                pairs.append((amount[good], state[good]))
            for codes, code in zip(values, taken.values, strict=True):
                codes.append(code[good])
        contact = _joined(whose, np.int32)
        if everybody and len(contact):
            contact = np.concatenate(self.contact_of)[contact]
        return self._log(contact, ats, names, marks, sums, values), rows

    def _log(
        self,
        contact: np.ndarray,
        ats: list[np.ndarray],
        names: list[np.ndarray],
        marks: list[np.ndarray],
        sums: list[list[tuple[np.ndarray, np.ndarray]]],
        values: list[list[np.ndarray]],
    ) -> EventArrays:
        first = np.zeros(self.count + 1, np.int64)
        np.cumsum(np.bincount(contact, minlength=self.count), out=first[1:])
        count = len(contact)
        place = np.empty(count, np.int64)
        contact_offsets(contact, first[:-1].copy(), place)

        def put(parts: Sequence[np.ndarray], kind: Any) -> np.ndarray:
            found = np.empty(count, kind)
            found[place] = _joined(parts, kind)
            return found

        for pairs in sums:
            amounts = np.abs(_joined([amount for amount, _ in pairs], np.int64)).astype(np.float64)
            if count and np.bincount(contact, amounts).max() > _LARGEST_SUM:
                raise NotColumnarError("a sum of more than 9e12")
        number = np.zeros((len(sums), count), np.int64)
        state = np.zeros((len(sums), count), np.int8)
        for own, pairs in enumerate(sums):
            number[own] = put([amount for amount, _ in pairs], np.int64)
            state[own] = put([how for _, how in pairs], np.int8)
        value = np.zeros((len(values), count), np.int32)
        for own, codes in enumerate(values):
            value[own] = put(codes, np.int32)
        return EventArrays(
            first=first,
            order=np.arange(count, dtype=np.int64),
            at=put(ats, np.int64),
            name=put(names, np.int16),
            mark=put(marks, np.uint64),
            number=number,
            state=state,
            value=value,
        )

    # The way

    def walked(self, log: EventArrays, reader: EventReader) -> ColumnPlacements:
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
        return ColumnPlacements(self.journey, _one_kind(self.ids), entry, steps)

    def _said_of_nobody(self, count: int) -> np.ndarray:
        """What conditions say where there is no table of contacts: nothing but an id is known of anybody."""
        ids = _one_kind(self.ids).cast(pa.large_string())
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


def _or_none(read: Any) -> Any:
    return lambda value: None if is_missing(value) else read(value)


# One by one, where a rule has what columns do not know


def _one_by_one(
    journey: Journey,
    events: Any,
    contacts: Any,
    at: datetime,
    zone: tzinfo | None,
    timezone: str,
    max_bad: int | str | None,
    note: str,
) -> ColumnPlacements:
    found = place_rows(
        journey,
        _mappings(events, "events", zone, is_property),
        None if contacts is None else _mappings(contacts, "contacts", zone, is_attribute),
        at,
        zone=zone,
        timezone=timezone,
        max_bad=max_bad,
    )
    stage = {own.name: number for number, own in enumerate(journey.stages)}
    ways = {id(way): place for place, way in enumerate(journey.transitions)}
    steps = [(number, step) for number, own in enumerate(found.placements) for step in own.path]
    ids = texts([str(own.contact) for own in found.placements])
    kind = _kind_of_ids(events if contacts is None else contacts)
    made = ColumnPlacements(
        journey,
        ids if kind is None else ids.cast(kind),
        np.array([stage[own.stage] for own in found.placements], np.int64),
        {
            "contact": np.array([number for number, _ in steps], np.int32),
            "stage": np.array([stage[step.stage] for _, step in steps], np.int16),
            "since": np.array([micros(step.since) for _, step in steps], np.int64),
            "way": np.array([ways.get(id(step.transition), -1) for _, step in steps], np.int16),
            "evidence": np.array(
                [MISSING if step.evidence.at is None else micros(step.evidence.at) for _, step in steps], np.int64
            ),
        },
    )
    made.summary = evolve(found.summary, notes=(note, *found.summary.notes))
    return made


def _twice(source: Any) -> Any:
    """A table that can be read again."""
    return list(source) if isinstance(source, Iterator) else source


def _kind_of_ids(source: Any) -> pa.DataType | None:
    """The kind of the ids of a table, where they are whole numbers, all of them."""
    opened = None if isinstance(source, list | tuple) else open_source(source, "contacts")
    for part in opened.parts(lambda name: fold_name(name) == "contact_id") if opened is not None else ():
        if isinstance(part, BadRow) or not isinstance(part[2][0], pa.Array):
            return None
        return part[2][0].type if pa.types.is_integer(part[2][0].type) else None
    return None


def _mappings(source: Any, name: str, zone: tzinfo | None, typed: Any) -> Any:
    """Whatever a table comes as, as the one-contact engine reads it."""
    paths = isinstance(source, list | tuple) and source and isinstance(source[0], str | os.PathLike)
    if isinstance(source, str | os.PathLike) or (isinstance(source, list | tuple) and not paths):
        return source
    return (
        dict(zip(names, values, strict=True))
        for part in open_source(source, name, typed=typed, zone=zone).parts(lambda _: True)
        if not isinstance(part, BadRow)  # only files and rows have such
        for _, names, arrays in [part]
        for values in zip(*(Column(array).cells() for array in arrays), strict=True)
    )
