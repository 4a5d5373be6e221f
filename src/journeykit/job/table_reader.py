"""Reading the tables of a columnar job: contacts in chunks, joined with their touches, scores and claims."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from journeykit.basics.clock import DAY, micros
from journeykit.basics.threads import at_once
from journeykit.columns.chunk import Chunk
from journeykit.columns.claim_block import claim_block_inputs, openings_asked
from journeykit.columns.claim_columns import ClaimEncoder
from journeykit.columns.columnar_engine import ColumnarEngine
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.kept_scores import KeptScores
from journeykit.columns.quota_arrays import need_no_columns
from journeykit.columns.rest_marks import ignored_and_rests
from journeykit.columns.row_causes import MOST_TOUCHES, CauseMarks, RowCause
from journeykit.columns.score_columns import ScoreEncoder
from journeykit.columns.touch_columns import history_of
from journeykit.columns.unknown_counts import survey_readings
from journeykit.columns.word_counts import count_words, survey_source
from journeykit.engine.contact_group import ContactInputs
from journeykit.engine.unknowns import Readings
from journeykit.errors import ModelError
from journeykit.job.chunk_parts import (
    claims_between,
    cut,
    dated_where_timely,
    maybe_replaced,
    no_scores,
    touches_between,
)
from journeykit.job.chunk_state import ChunkState, own_scores
from journeykit.job.ledger_tables import events_table, protect
from journeykit.job.touch_join import TouchJoin
from journeykit.job.twin_keys import restricted_again, restricted_by
from journeykit.kernels.interface.codes import BAD
from journeykit.kernels.interface.contact_arrays import ScoreArrays, TouchArrays
from journeykit.ledger.event_keeping import had_events
from journeykit.ledger.transaction import LONGEST
from journeykit.model.bad_row import BadRow
from journeykit.model.mismatch import Mismatches
from journeykit.placing.decision_events import DecisionEvents
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.arrow.partitions import ROWS, partitions_of
from journeykit.tables.cells import BadCellError
from journeykit.tables.claim_table import is_number
from journeykit.tables.contact_table import TWICE, ContactPlan, contact_notes, forbids, is_attribute
from journeykit.tables.event_log import is_property
from journeykit.tables.file_identity import changed_error
from journeykit.tables.header import fold_name, missing_column, places_of
from journeykit.tables.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from journeykit.columns.claim_block import ClaimBlockInputs
    from journeykit.columns.event_counts import EventCounts
    from journeykit.columns.touch_columns import TouchesTaken
    from journeykit.errors import DataError
    from journeykit.job.run import Run
    from journeykit.kernels.interface.contact_arrays import ScoreArrays, TouchArrays
    from journeykit.model.claim import Claim, Scored
    from journeykit.model.contact import Contact
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.arrow.partitions import Partition
    from journeykit.tables.bad_row_list import BadRows

_AHEAD = 3 * 366
_HELD = 2**28
"""So many bytes of contacts are kept from the reading of their ids until they are decided; more are read twice."""
_Made = TypeVar("_Made")


class TableReader:
    """The tables of a columnar job. Contacts are read twice: for their ids, to join the other tables, and whole.

    Args:
        run: the run, which counts bad rows and mismatches.
        threads: how many chunks are read at once.

    Attributes:
        sources: the tables by name.
        contacts: the contacts; those who have claims, where there is no table of contacts.
        claims: what is asked for; None where campaigns say it.
        asked: the claims by contact, once the playbook is laid out; None likewise.
        parts: the kinds of touches, as far as they were met.
        start: the number of the first contact that is decided now.
        history: the touches of the contacts that are decided now.
        touches: joins the touches.
        unknown_scores: how many scores belong to contacts that were not decided.
        unknown_events: likewise, events.
        undecided: the numbers of contacts that could not be decided.
        scored: for which campaigns scores have what, besides those that are read, where these are a part of a table.
        asks: what is asked for by claims, likewise, where it must have the same numbers in all parts.
        arms: the combinations of arms that share the quotas, where other parts have contacts of some of them.
    """

    engine: ColumnarEngine
    scored: Scored = ()
    asks: Sequence[tuple[Any, ...]] = ()
    arms: Sequence[int] = ()

    def __init__(self, run: Run, threads: int) -> None:
        self.run = run
        self.threads = threads
        self.sources = {name: self._open(name, given) for name, given in run.tables.items()}
        self.claims: ClaimEncoder | None = None
        self.asked: ClaimBlockInputs | None = None
        self.touches = TouchJoin(run, self.sources.get("touches"), self.at_once)
        self.parts = self.touches.parts
        self.start = 0
        self.history: TouchArrays
        self.unknown_scores = 0
        self.undecided: list[int] = []
        self._plans: dict[tuple[str, ...], ContactPlan] = {}
        self._repeated = np.zeros(0, np.bool_)
        # Rows two of whose keys are one name: they are bad, but what they forbid holds.
        self._twins: list[BadRow] = []
        self._restricted = np.zeros(0, np.int64)
        self._marks = np.zeros(0, np.uint32)
        self._held: list[Chunk | BadRow] | None = None
        self._score_table: ScoreEncoder | None = None
        self._events: EventCounts | None = None
        self._event_rows: np.ndarray | None = None
        self.unknown_events = 0
        self._scores: ScoreArrays

    def _open(self, name: str, given: Any) -> ArrowTable:
        zone = self.run.zone
        if name == "contacts":
            texts = self.run.spellings.texts
            return open_source(given, name, typed=is_attribute, wanted=self.is_needed, texts=texts, zone=zone)
        typed = {"claims": is_number, "events": is_property}
        return open_source(given, name, typed=typed.get(name, lambda _: False), zone=zone)

    @property
    def count(self) -> int:
        """How many contacts are joined now, whether they can be decided or not."""
        return len(self._repeated)

    @property
    def unknown_touches(self) -> int:
        """How many touches belong to contacts that were not decided."""
        return self.touches.unknown

    # Opening

    def refuse_mismatches(self) -> None:
        """Refuse tables that do not match the playbook."""
        found, decider = Mismatches(), self.run.decider
        for name, source in self.sources.items():
            found.merge(survey_source(source, Words(name, decider.playbook, decider.ruleset.vocabulary)))
        if "contacts" in self.sources:
            readings = Readings(decider.playbook)
            survey_readings(self.sources["contacts"], readings, partial(self._plan_of, self.sources["contacts"].source))
            readings.tell(found)
        found.refuse()

    def open_contacts(self) -> tuple[str, ...]:
        """Open the contacts, or take those who have claims; what a person should look at."""
        source = self.sources.get("contacts")
        if source is None:
            claims = self._read_claims()
            ids = pa.table({"contact_id": pa.array(self.run.with_waiting(claims.contact_ids()), pa.large_string())})
            source = open_source(ids, "contacts")
            source.source = claims.source.source
        self.contacts = source
        source.needed = ("contact_id",)
        return tuple(contact_notes(source.source, source.columns or (), source.naive, self.run.spellings))

    def open_ledger(self) -> None:
        """Open the touches that the ledger knows, and look whether the contacts can be told apart."""
        if self.run.ledger is not None:
            self.touches.open_ledger()
        columns, source = self.contacts.columns, self.contacts.source
        if columns is not None and "contact_id" not in places_of(columns, source):
            raise missing_column("contact_id", columns, source)

    def contact_ids(self) -> Iterator[str]:
        """The ids of the contacts, as far as they can be read."""
        for chunk in self.chunks(_is_id):
            yield from (name for name in chunk.ids.to_pylist() if name is not None)

    def stretches(self) -> Sequence[Partition | None]:
        """What can be decided apart with touches of its own; None is all of it."""
        decider = self.run.decider
        alone = self.sources.keys() <= {"contacts", "touches"} and self.run.ledger is None
        if decider.by_account or decider.playbook.quotas or not alone:
            return [None]
        return partitions_of(self.contacts, self.touches.source) or [None]

    def _read_claims(self) -> ClaimEncoder:
        if self.claims is None:
            self.claims = ClaimEncoder(
                self.sources["claims"],
                self.run.decider.playbook,
                zone=self.run.zone,
                bad=self.run.bad,
                words=self.run.words["claims"],
                found=self.run.mismatches,
            )
        return self.claims

    def plan(self, names: tuple[str, ...]) -> ContactPlan:
        """What to do with columns of these names."""
        return self._plan_of(self.contacts.source, names)

    def _plan_of(self, source: str, names: tuple[str, ...]) -> ContactPlan:
        plan = self._plans.get(names)
        if plan is None:
            if len(self._plans) > 1000:
                self._plans.clear()
            plan = self._plans[names] = ContactPlan(names, places_of(names, source), self.run.spellings, self.run.zone)
        return plan

    def chunks(self, wanted: Callable[[str], bool], stretch: Partition | None = None) -> Iterator[Chunk]:
        """Some columns of the contacts, chunk by chunk; rows that cannot be read are left out."""
        for part in self.contacts.parts(wanted, None if stretch is None else stretch.contacts):
            if not isinstance(part, BadRow):
                yield self._chunk(part)

    def _chunk(self, part: Part) -> Chunk:
        return Chunk(self.plan(part[1]), part[2], part[0])

    def _chunk_or_bad(self, part: Part | BadRow) -> Chunk | BadRow:
        return part if isinstance(part, BadRow) else self._chunk(part)

    def at_once(self, work: Callable[[Any], _Made], parts: Iterable[Any]) -> Iterator[_Made]:
        """What becomes of chunks, in their order; rows that cannot be read are counted as bad, each in its place."""

        def work_on(part: Any) -> _Made | BadRow:
            return part if isinstance(part, BadRow) else work(part)

        for made in at_once(work_on, parts, self.threads):
            if isinstance(made, BadRow):
                self.run.bad.add(made)
            else:
                yield made

    # Joining

    def join(self, stretch: Partition | None) -> ContactIndex:
        """Read the ids of the contacts that are decided next, and join their touches."""
        self.start += len(self._marks)
        watch = self.run.watch
        with watch.table("contacts"):
            met = self._index(stretch)
            self._restricted = self._find_restricted(stretch, met)
        with watch.table("touches"):
            taken = self.touches.read(met, stretch)
        with watch.table("events"):
            self._join_events(met, taken)
        self.history = history_of(taken, len(self._repeated))
        return met

    def _join_events(self, met: ContactIndex, taken: list[TouchesTaken]) -> None:
        """Read what the contacts did, where rules ask for it; their rests are added to their touches."""
        run, source = self.run, self.sources.get("events")
        asked = run.decider.ruleset.events_asked
        kept = None
        if asked and run.ledger is not None and had_events(run.ledger.ledger, run.ledger.mark):
            run.has_kept_events = True
            kept = open_source(events_table(run.ledger), "ledger", typed=is_property)
        if not asked or (source is None and kept is None):
            return
        end = micros(run.at)
        read = DecisionEvents(source, kept, asked, zone=run.zone, end=end, bad=run.bad, threads=self.threads)
        self._events = read.join(met, len(self._repeated))
        self._event_rows, self.unknown_events = read.of, int(read.of[-1])
        run.count_events(read.given, read.kept)
        run.quality.widen("events", read.span)
        taken += ignored_and_rests(run.decider.ruleset, self._events, taken, self.parts, end)

    def _index(self, stretch: Partition | None) -> ContactIndex:
        """Read the ids, and note which rows are of a contact that an earlier row has."""
        met = ContactIndex((self.contacts.count or 0) if stretch is None else ROWS)
        repeated, marks = [np.zeros(0, np.bool_)], [np.zeros(0, np.uint32)]
        row = 0
        groups = None if stretch is None else stretch.contacts
        held: list[Chunk | BadRow] | None = [] if self._can_hold(groups) else None
        self._held = held
        parts = self.contacts.parts(_is_id if held is None else self.is_needed, groups)
        for chunk in at_once(self._chunk_or_bad, parts, self.threads):
            if held is not None:
                held.append(chunk)
            if isinstance(chunk, BadRow):
                if chunk.pairs:
                    self._twins.append(chunk)
                continue
            repeated.append(met.add(chunk.one, chunk.two, row, chunk.apart))
            marks.append(_marks(chunk))
            row += chunk.rows
        self._marks, self._repeated = np.concatenate(marks), np.concatenate(repeated)
        return met

    def _can_hold(self, groups: Sequence[int] | None) -> bool:
        """Whether the contacts are kept until they are decided, once they are read: they are not read again then."""
        decider = self.run.decider
        if decider.by_account or decider.playbook.quotas:
            # They are read several times, and what is worked out of them in between takes more than they do.
            return False
        size = self.contacts.bytes_read([name for name in self.contacts.names if self.is_needed(name)], groups)
        return size is not None and size <= _HELD

    def is_needed(self, name: str) -> bool:
        """Whether a column of the contacts is read: an attribute only if something asks for it."""
        fold = fold_name(name)
        if not is_attribute(name) or fold in self.run.spellings.attributes:
            return True
        words = self.run.words.get("contacts")
        # Policies and checks of the user's own may look at all of them.
        return self.run.decider.shows_history or (words is not None and fold in words.columns)

    def _find_restricted(self, stretch: Partition | None, met: ContactIndex) -> np.ndarray:
        """The numbers of contacts to whom a later row forbids something, which is noted."""
        chunks = self.chunks(lambda name: forbids(fold_name(name)), stretch) if self._repeated.any() else ()
        places = [*restricted_again(chunks, self._repeated, self.run, met), *restricted_by(self._twins, self.run, met)]
        return np.unique(np.array(places, np.int64) + self.start)

    def lay_out(self, met: ContactIndex, *, everything: bool, in_stretches: bool) -> ColumnarEngine:
        """Read scores and claims, lay the playbook out, and join them to the contacts."""
        run, playbook = self.run, self.run.decider.playbook
        if "scores" in self.sources:
            words, source = run.words["scores"], self.sources["scores"]
            read = partial(ScoreEncoder, source, playbook, bad=run.bad, words=words, found=run.mismatches)
            with run.watch.table("scores"):
                self._score_table = source.encoded(read) if isinstance(source, KeptScores) else read()
        with run.watch.table("claims") if "claims" in self.sources else nullcontext():
            claims = self._read_claims() if "claims" in self.sources else None
        scores = self._score_table
        openings, lists = openings_asked(run.decider.ruleset, (*self.asks, *(() if claims is None else claims.asks)))
        del lists[: len(self.asks)]
        asked: dict[str, Any] = {"at": run.at, "until": run.until, "explain": run.explain}
        if claims is None:
            need_no_columns(playbook)
        else:
            asked |= {"openings": openings, "dates": claims.dates, "numbers": tuple(claims.numbers)}
            asked["brings_cost"] = claims.brings_cost
        known = () if scores is None else {*scores.scored, *self.scored}
        self.engine = engine = ColumnarEngine(
            run.decider, everything=everything, scored=known, sides=run.sides, **asked
        )
        # Where only a part of the history is known by now, what may come is allowed for.
        engine.latest = max(self.touches.latest, engine.now + _AHEAD * DAY) if in_stretches else self.touches.latest
        contacts = len(self._repeated)
        self._scores = no_scores(contacts, len(engine.layout.list))
        if scores is not None:
            self._scores, self.unknown_scores = scores.join(met, contacts, engine.layout)
        if claims is not None:
            self.asked = claim_block_inputs(claims, met, contacts, engine.layout, lists)
        return engine

    # Chunks

    def numbered_parts(self, stretch: Partition | None = None) -> Iterator[tuple[Part | Chunk, int] | BadRow]:
        """Chunks of contacts, each with the number of its first row; all of those that were met, and no others.

        Chunks that would have very many decisions are cut.

        Raises:
            DataError: if the table has more or fewer rows than when the contacts were met.
        """
        claims = len(self.engine.layout.list)
        first = None if self.asked is None else self.asked.claims.first[self.start :]
        row = 0
        for part in self._parts_or_held(stretch):
            if isinstance(part, BadRow):
                yield part
            else:
                stop = self._stop(part, row)
                yield from cut(part, row, claims, first)
                row = stop
        if row != len(self._marks):
            raise self._other_length(row)

    def _parts_or_held(self, stretch: Partition | None) -> Iterator[Part | Chunk | BadRow]:
        """The contacts: those that were kept, each of which is let go, or else read again."""
        if self._held is None:
            yield from self.contacts.parts(self.is_needed, None if stretch is None else stretch.contacts)
            return
        held, self._held = self._held[::-1], None
        while held:
            yield held.pop()

    def _stop(self, part: Part | Chunk, start: int) -> int:
        """The number of the row after a chunk.

        Raises:
            DataError: if so many rows were not met.
        """
        if isinstance(part, Chunk):
            return start + part.rows
        stop = start + (len(part[2][0]) if part[2] else 0)
        if stop > len(self._marks):
            raise self._other_length(stop, "at least ")
        return stop

    def _other_length(self, rows: int, least: str = "") -> DataError:
        before, after = self.start + len(self._marks), self.start + rows
        return changed_error(self.contacts.source, f"it had {before:,} rows, and has {least}{after:,} now")

    def _need_same(self, chunk: Chunk, row: int) -> None:
        """Refuse contacts that are not those who were met as these rows: history and claims are joined by the row."""
        before = self._marks[row : row + chunk.rows]
        if len(before) < chunk.rows:
            raise self._other_length(row + chunk.rows, "at least ")
        other = np.flatnonzero(before != _marks(chunk))
        if len(other):
            first = int(other[0])
            raise changed_error(
                self.contacts.source,
                f"contact id {chunk.ids[first].as_py()!r} is where another one was",
                chunk.number + first,
            )

    def state(self, given: tuple[Part | Chunk, int]) -> ChunkState:
        """A chunk for the kernels: its contacts, what belongs to them, and who falls back to the row engine."""
        part, row = given
        stop = self._stop(part, row)
        if isinstance(part, Chunk):
            chunk = part
        else:
            chunk = self._chunk(part)
            self._need_same(chunk, row)
        if self._events is not None:
            chunk.events = self._events.of(np.arange(self.start + row, self.start + stop))
        people = self.engine.encoder.contacts(chunk)
        history, repeated, start = touches_between(self.history, row, stop), self._repeated[row:stop], self.start + row
        marks = CauseMarks(chunk.rows)
        marks.mark(chunk.apart | repeated, RowCause.CELL)
        marks.mark(np.diff(history.first) > MOST_TOUCHES, RowCause.TOUCHES)
        restricted = self._restricted
        marks.mark(restricted[(restricted >= start) & (restricted < start + chunk.rows)] - start, RowCause.DOUBLE)
        if self.run.ledger is not None:
            marks.mark(np.diff(chunk.offsets) > LONGEST, RowCause.CELL)
            marks.mark(protect(self.run.ledger, chunk, people), RowCause.OPT_OUT)
        claims = None
        if self.asked is not None:
            claims = claims_between(self.asked.claims, start, start + chunk.rows)
            marks.mark(self.asked.apart[start : start + chunk.rows], RowCause.CLAIM)
            marks.mark(dated_where_timely(claims, self.engine.layout), RowCause.TIMELY_CLAIM)
        marks.mark(maybe_replaced(history, self.parts.list, self.engine, brought=claims is not None), RowCause.REPLACED)
        if self.run.waiting is not None:
            marks.mark(self.run.waiting.places(chunk.ids.to_pylist()), RowCause.WAITING)
        apart = marks.apart if self.engine.can else np.ones(chunk.rows, np.bool_)
        people.person["traits"][apart] |= BAD
        found = Mismatches()
        if "contacts" in self.run.words:
            count_words(self.run.words["contacts"], places_of(chunk.plan.columns, ""), chunk.columns, found)
        return ChunkState(
            chunk=chunk,
            start=start,
            repeated=repeated,
            people=people,
            history=history,
            scores=self._own_scores(start, start + chunk.rows),
            claims=claims,
            apart=apart,
            cause=marks.cause,
            mismatches=found,
        )

    def _own_scores(self, start: int, stop: int) -> ScoreArrays:
        if self._score_table is None:
            return no_scores(stop - start, len(self.engine.layout.list))
        first = self._scores.first[start : stop + 1]
        return own_scores(self._scores, first - first[0], slice(int(first[0]), int(first[-1])))

    # One contact

    def contact(self, state: ChunkState, row: int) -> Contact:
        """The contact of a row.

        Raises:
            BadCellError: if a cell cannot be read, or an earlier row has the contact.
            ModelError: if the row cannot be a contact.
        """
        if state.repeated[row]:
            raise BadCellError(state.chunk.ids[row].as_py(), TWICE)
        found = self.run.doubles.applied(state.chunk.contact(row))
        if state.chunk.events is not None:
            found = found.with_events(state.chunk.events.history(row))
        return found if self.run.ledger is None else self.run.ledger.protected(found)

    def can_read(self, state: ChunkState, row: int) -> bool:
        """Whether the contact of a row can be read."""
        try:
            self.contact(state, row)
        except (BadCellError, ModelError):
            return False
        return True

    def contact_inputs(self, state: ChunkState, row: int, key: str, bad: BadRows | None = None) -> ContactInputs:
        """What the tables hold of a contact; bad claims are counted in `bad`, or in the run."""
        claims, counted = self._claims_of(state, row, key, bad)
        scores = state.scores_of_one(row, self.engine.layout.list)
        return ContactInputs(state.touches_of_one(row, self.parts.list), claims, scores, counted)

    def _claims_of(self, state: ChunkState, row: int, key: str, bad: BadRows | None) -> tuple[list[Claim] | None, int]:
        if self.claims is None:
            return None, 0
        claims, counted = self.claims.claims(key, self.claims.rows_of(state.start + row), self.claims.number, bad)
        return self.run.competing(key, claims), counted

    # What is left

    def lose(self, state: ChunkState, rows: Sequence[int]) -> None:
        """Note contacts that cannot be decided: what belongs to them belongs to nobody."""
        for row in rows:
            if not state.repeated[row]:
                self.undecided.append(state.start + row)
                if self._score_table is not None:
                    self.unknown_scores += int(self._score_table.counts[state.start + row])
                if self._event_rows is not None:
                    self.unknown_events += int(self._event_rows[state.start + row])

    def finish(self) -> None:
        """Count what belongs to nobody, once all contacts are decided."""
        if self.undecided and self.touches.source is not None:
            self.touches.unknown += self._touches_lost()
        if self.claims is not None:
            lost = np.isin(self.claims.contact, np.array(self.undecided, np.int64)) | (self.claims.contact < 0)
            self.claims.refuse(np.flatnonzero(lost & (self.claims.faults == 0)))

    def _touches_lost(self) -> int:
        """How many touches belong to contacts that could not be decided; those that are too old to matter too."""
        wanted = np.array(self.undecided, np.int64)
        met = ContactIndex()
        row = 0
        for chunk in self.chunks(_is_id):
            if not self.start:
                # Of a table in stretches, the marks of the last one are left.
                self._need_same(chunk, row)
            met.add(chunk.one, chunk.two, row, chunk.apart | ~np.isin(np.arange(row, row + chunk.rows), wanted))
            row += chunk.rows
        return self.touches.count(met)


def _is_id(name: str) -> bool:
    return fold_name(name) == "contact_id"


def _marks(chunk: Chunk) -> np.ndarray:
    """A mark of each id, by which a second reading of the contacts is compared with the first."""
    return (chunk.one >> np.uint64(32)).astype(np.uint32)
