"""The job over columns: tables in, a table of decisions and a summary out."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from datetime import datetime
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.basics.clock import DAY, FOREVER, clock, day_number, first_and_last, micros, moment
from journeykit.basics.threads import at_once
from journeykit.basics.validation import check_text
from journeykit.calendar import DayTally
from journeykit.columns.accounts import Accounts
from journeykit.columns.chunk import Chunk
from journeykit.columns.claim_columns import ClaimTable, Label, claim_block_inputs, gathered, openings_asked, wishes_at
from journeykit.columns.column import Column
from journeykit.columns.columnar_engine import ColumnarEngine, oldest_of
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.counts import Counts
from journeykit.columns.days import count_days
from journeykit.columns.decision_rows import ClaimIds, decision_batch, decision_schema, dictionaries, rows_batch
from journeykit.columns.quota_arrays import need_no_columns
from journeykit.columns.reserving import (
    Late,
    Messages,
    decisions_of,
    granted_of,
    histories,
    mark_opt_outs,
    protect,
    touches_table,
)
from journeykit.columns.score_columns import ScoreTable
from journeykit.columns.sources import Source, native, open_source, picker
from journeykit.columns.stretches import ROWS, Stretch, stretches_of
from journeykit.columns.touch_columns import TouchReader, TouchShapes, history_of
from journeykit.columns.unknown_counts import count_unknowns, survey_readings
from journeykit.columns.word_counts import count_words, survey_source
from journeykit.columns.worker import Worker
from journeykit.columns.writing import batch_writer, ids_as_text
from journeykit.engine.contact_group import ContactGroup, ContactInputs, grouped
from journeykit.errors import DataError, ModelError
from journeykit.job import GAPS, Summary, Tally, calendar_of, check_ledger_use, inputs_of, summarise
from journeykit.kernels.interface.codes import BAD
from journeykit.kernels.interface.contact_arrays import SCORES, ClaimArrays, QuotaChoiceArrays, ScoreArrays, TouchArrays
from journeykit.ledger.run import LedgerRun, Proposal
from journeykit.ledger.transaction import LONGEST
from journeykit.model.bad_row import BadRow
from journeykit.model.claim import Claim, Score
from journeykit.model.mismatch import Mismatches
from journeykit.model.outcome import Outcome
from journeykit.model.touch import COUNTING, Touch
from journeykit.quotas.quota_run import QuotaRun, choose_together, pooled
from journeykit.quotas.round_problem import problem_of_round
from journeykit.tables.bad_row_file import write_bad_rows
from journeykit.tables.bad_rows import BadRows, refuse_useless_tables
from journeykit.tables.cells import BadCellError, read_id
from journeykit.tables.claims import CLAIM_COLUMNS
from journeykit.tables.columns import fold_name, missing_column, places_of
from journeykit.tables.contacts import ContactPlan, contact_notes, forbids, is_attribute
from journeykit.tables.doubles import Doubles
from journeykit.tables.file_identity import changed_error
from journeykit.tables.outputs import need_apart
from journeykit.tables.scores import key_of
from journeykit.tables.spellings import Spellings
from journeykit.tables.touches import refuse_useless
from journeykit.tables.words import Words
from journeykit.unknowns import Readings, Unknowns
from journeykit.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.calendar import Calendar
    from journeykit.columns.sources import Part
    from journeykit.columns.worker import BlockResult
    from journeykit.engine.decider import Decided, GroupDecision, HasDecider
    from journeykit.kernels.interface.contact_arrays import Contacts
    from journeykit.kernels.interface.problems import ProblemPool
    from journeykit.ledger import BaseLedger
    from journeykit.ledger.answers import DecisionInputs
    from journeykit.ledger.reservation import Reservation
    from journeykit.ledger.run import Again
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision

THREADS = 2
_AHEAD = 3 * 366
_MOST_TOUCHES = 2_048
"""The kernels look at touches again and again: a contact with more is decided by the one-contact engine, which sorts
them once."""
_Result = TypeVar("_Result")
_NOTHING = QuotaChoiceArrays(
    known=0,
    exempt_first=np.zeros(1, np.int64),
    exempt=np.zeros(0, np.int32),
    main_first=np.zeros(1, np.int64),
    main=np.zeros(0, np.int32),
)


class TableJob:
    """Tables to decide, by the columnar engine.

    Args:
        arbiter: who decides.
        contacts: who: a dataframe, a path, a folder or dataset of Parquet files, or rows as mappings.
        touches: the history, likewise.
        scores: what models say, likewise.
        claims: what is asked for, likewise; None derives claims from the campaigns' audiences.
        at: the instant of the decisions, aware.
        until: the last instant of a plan, aware, or None.
        explain: whether rows tell also what was displaced and what weight would have won.
        everything: whether denied claims are given too.
        run_id: the name of the run; None makes one from playbook, ``at`` and ``until``.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None for
            any number.
        bad_rows: a file (CSV, JSON lines or Parquet) in which bad rows are kept whole, once all is decided; or None.
        progress: is told, every now and then, how many contacts are done, and of how many where that is known.
        threads: how many chunks are decided at once.
        ledger: where the history is read, beside the touches that are given, and what is granted is reserved; a run
            that was begun before goes on.
        watch: where the job says how far it is; it gets one of its own otherwise.
        strict: whether tables that do not match the playbook are refused before anything is decided or reserved.
    """

    def __init__(
        self,
        arbiter: HasDecider,
        contacts: Any = None,
        touches: Any = None,
        scores: Any = None,
        claims: Any = None,
        *,
        at: datetime,
        until: datetime | None = None,
        explain: bool = False,
        everything: bool = False,
        run_id: str | None = None,
        zone: str | None = None,
        max_bad: int | str | None = None,
        progress: Callable[[int, int | None], None] | None = None,
        threads: int | None = None,
        ledger: BaseLedger | None = None,
        strict: bool = False,
        dry_run: bool = False,
        keep_decisions: bool = False,
        watch: Watch | None = None,
        bad_rows: str | os.PathLike[str] | None = None,
    ) -> None:
        check_ledger_use(ledger, dry_run=dry_run, keep_decisions=keep_decisions)
        if contacts is None and claims is None:
            raise DataError("either contacts or claims must be given")
        first_and_last(at, until)
        self.watch = watch or Watch()
        self.watch.begin("reading")
        self.decider = decider = arbiter.decider
        self.at = at
        self.until = until
        self.explain = explain
        # What is kept is whole, whatever is written.
        self.everything = everything or keep_decisions
        self._writes_denied = everything
        if run_id is not None:
            check_text(run_id, "run_id")
        self.inputs = inputs_of(touches, scores, claims)
        self.run_id = run_id or decider.run_id(at, until, self.inputs)
        self.bad = BadRows(max_bad, keep=100 if bad_rows is None else None)
        self._bad_file = bad_rows
        self.mismatches = Mismatches()
        self._unknowns = Unknowns(decider, at)
        self.written = 0
        self._progress = progress
        self._threads = threads or min(THREADS, os.cpu_count() or 1)
        self._zone = None if zone is None else clock(zone).zone
        self._given = claims if contacts is None else contacts
        self._sources = {"contacts": contacts, "touches": touches, "scores": scores, "claims": claims}
        self._spellings = Spellings.of(decider.playbook)
        self._words = {
            name: Words(name, decider.playbook, decider.ruleset.vocabulary)
            for name, given in self._sources.items()
            if given is not None
        }
        self._doubles = Doubles.of(decider.playbook)
        self._restricted = np.zeros(0, np.int64)
        self._bad_touches = self._good_touches = 0
        self._claims: ClaimTable | None = None
        self._claim_source = (
            None
            if claims is None
            else open_source(claims, "claims", typed=lambda name: fold_name(name) not in CLAIM_COLUMNS, zone=self._zone)
        )
        self._touches = None if touches is None else open_source(touches, "touches", zone=self._zone)
        self._score_source = None if scores is None else open_source(scores, "scores", zone=self._zone)
        found = None if contacts is None else self._source(contacts)
        self._opened_tables = {
            "contacts": found,
            "touches": self._touches,
            "scores": self._score_source,
            "claims": self._claim_source,
        }
        self._plans: dict[tuple[str, ...], ContactPlan] = {}
        if found is not None:
            self._contacts: Source = found
        if strict:
            self._refuse_mismatches()
        if found is None:
            self._contacts = self._source(None)
        self._notes = tuple(
            contact_notes(
                self._contacts.source,
                self._contacts.columns or (),
                self._contacts.naive,
                self._spellings,
            )
        )
        self._tally = Tally(decider.playbook)
        self._days = None if until is None else DayTally(decider.playbook, at, until)
        self._counts: Counts | None = None
        self._unknown_touches = self._unknown_scores = 0
        self._parts = TouchShapes()
        self._undecided: list[int] = []
        self._workers: SimpleQueue[Worker] = SimpleQueue()
        self._accounts: Accounts | None = None
        self.ledger: LedgerRun | None = None
        self._known: Source | None = None
        self._settled: dict[int, tuple[Contact, Decided]] = {}
        if ledger is not None:
            self.ledger = LedgerRun(
                ledger,
                decider,
                run_id=self.run_id,
                at=at,
                until=until,
                explain=explain,
                dry_run=dry_run,
                keep=keep_decisions,
            )
            self._known = open_source(touches_table(self.ledger), "ledger")
            self.ledger.tell(self.mismatches)
            self.watch.detail = self.ledger.progress
        self._latest = micros(at)
        # Where the contacts that are decided now start, and marks of their ids.
        self._start = 0
        self._marks = np.zeros(0, np.uint32)
        self._run: QuotaRun | None = None
        self._used = np.zeros(sum(1 for quota in decider.playbook.quotas for _ in quota.sides), np.int64)
        self._contacts.needed = ("contact_id",)
        if self._contacts.columns is not None:
            places = places_of(self._contacts.columns, self._contacts.source)
            if "contact_id" not in places:
                raise missing_column("contact_id", self._contacts.columns, self._contacts.source)

    def _refuse_mismatches(self) -> None:
        """Refuse tables that do not match the playbook."""
        found = Mismatches()
        for name, source in self._opened_tables.items():
            if source is not None:
                words = Words(name, self.decider.playbook, self.decider.ruleset.vocabulary)
                found.merge(survey_source(source, words))
        contacts = self._opened_tables["contacts"]
        if contacts is not None:
            readings = Readings(self.decider.playbook)
            survey_readings(contacts, readings, self.plan)
            readings.tell(found)
        found.refuse()

    def _own_notes(self) -> Iterator[str]:
        if self.engine.weigher.by_rows:
            yield (
                f"policy {self.decider.playbook.policy!r} has no weigh_columns (or rank_columns), "
                "and was asked claim by claim"
            )

    def _source(self, contacts: Any) -> Source:
        """The contacts; where there is no table of them, those who have claims."""
        if contacts is not None:
            return open_source(contacts, "contacts", typed=is_attribute, texts=self._spellings.texts, zone=self._zone)
        self._claims = self._read_claims()
        assert self._claims is not None  # noqa: S101  (one of the two is given)
        found = open_source(pa.table({"contact_id": pa.array(self._claims.whose(), pa.large_string())}), "contacts")
        found.source = self._claims.source.source
        return found

    def _read_claims(self) -> ClaimTable | None:
        if self._claims is None and self._claim_source is not None:
            self._claims = ClaimTable(
                self._claim_source,
                self.decider.playbook,
                zone=self._zone,
                bad=self.bad,
                words=self._words["claims"],
                found=self.mismatches,
            )
        return self._claims

    # Reading

    def plan(self, names: tuple[str, ...]) -> ContactPlan:
        """What to do with columns of these names."""
        plan = self._plans.get(names)
        if plan is None:
            if len(self._plans) > 1000:
                self._plans.clear()
            places = places_of(names, self._contacts.source)
            plan = self._plans[names] = ContactPlan(names, places, self._spellings, self._zone)
        return plan

    def contact_parts(self, wanted: Callable[[str], bool]) -> Iterator[Part]:
        """Some columns of the table of contacts, chunk by chunk; rows that cannot be read are left out."""
        return (part for part in self._contacts.parts(wanted) if not isinstance(part, BadRow))

    def _meet(self, stretch: Stretch | None) -> tuple[ContactIndex, np.ndarray]:
        """Meet the contacts of a stretch by their ids; who was met before."""
        met = ContactIndex((self._contacts.count or 0) if stretch is None else ROWS)
        again = []
        marks = []
        row = 0
        groups = None if stretch is None else stretch.contacts
        parts = (
            part
            for part in self._contacts.parts(lambda name: fold_name(name) == "contact_id", groups)
            if not isinstance(part, BadRow)
        )
        for chunk in self._at_once(lambda part: Chunk(self.plan(part[1]), part[2], part[0]), parts):
            again.append(met.add(chunk.one, chunk.two, row, chunk.odd))
            marks.append(_marks(chunk))
            row += chunk.rows
        self._marks = np.concatenate(marks) if marks else np.zeros(0, np.uint32)
        return met, np.concatenate(again) if again else np.zeros(0, np.bool_)

    def _find_doubles(self, stretch: Stretch | None, met: ContactIndex, again: np.ndarray, start: int) -> None:
        """What later rows of contacts forbid; where that is anything, the one-contact engine decides the first row."""
        self._restricted = np.zeros(0, np.int64)
        if not again.any():
            return
        firsts: list[int] = []
        row = 0
        groups = None if stretch is None else stretch.contacts
        for part in self._contacts.parts(lambda name: forbids(fold_name(name)), groups):
            if isinstance(part, BadRow):
                continue
            chunk = Chunk(self.plan(part[1]), part[2], part[0])
            rows = np.flatnonzero(again[row : row + chunk.rows])
            whose = met.find(chunk.one, chunk.two)
            for own in rows.tolist():
                key = chunk.ids[own].as_py()
                with suppress(ModelError):
                    self._doubles.add(chunk.plan.restrictions(key, [column.value(own) for column in chunk.columns]))
                if key in self._doubles:
                    firsts.append(start + int(whose[own]))
            row += chunk.rows
        self._restricted = np.unique(np.array(firsts, np.int64))

    def _numbered(self, parts: Iterable[Part | BadRow]) -> Iterator[tuple[Part, int] | BadRow]:
        """Chunks of contacts, each with the number of its first row; all of those that were met, and no others.

        Raises:
            DataError: if the table has more or fewer rows than when the contacts were met.
        """
        row = 0
        for part in parts:
            if isinstance(part, BadRow):
                yield part
            else:
                yield part, row
                row = self._stop(part, row)
        if row != len(self._marks):
            raise self._other_length(row)

    def _stop(self, part: Part, start: int) -> int:
        """The number of the row after a chunk.

        Raises:
            DataError: if so many rows were not met.
        """
        stop = start + (len(part[2][0]) if part[2] else 0)
        if stop > len(self._marks):
            raise self._other_length(stop, "at least ")
        return stop

    def _other_length(self, rows: int, least: str = "") -> DataError:
        before, after = self._start + len(self._marks), self._start + rows
        return changed_error(self._contacts.source, f"it had {before:,} rows, and has {least}{after:,} now")

    def _need_same(self, chunk: Chunk, row: int) -> None:
        """Refuse contacts that are not those who were met as these rows: history and claims are joined by the row."""
        own = row - self._start
        before = self._marks[own : own + chunk.rows]
        if len(before) < chunk.rows:
            raise self._other_length(own + chunk.rows, "at least ")
        other = np.flatnonzero(before != _marks(chunk))
        if len(other):
            first = int(other[0])
            raise changed_error(
                self._contacts.source,
                f"contact id {chunk.ids[first].as_py()!r} is in the row of another one",
                chunk.number + first,
            )

    def _history(self, met: ContactIndex, contacts: int, stretch: Stretch | None) -> TouchArrays:
        taken = self._known_touches(met)
        if self._touches is None and not taken:
            return TouchArrays(
                first=np.zeros(contacts + 1, np.int64), at=np.zeros(0, np.int64), shape=np.zeros(0, np.int32)
            )
        reader, before = self._reader, self.bad.total
        read = None if reader is None else partial(reader.read, met=met)
        for found in () if read is None else self._at_once(read, self._touch_parts(stretch)):
            if stretch is None or found.group in stretch.fresh:
                for bad in found.bad:
                    self.bad.add(bad)
                self.mismatches.merge(found.found)
                self._good_touches += found.good
                self._unknown_touches += found.good
            self._unknown_touches -= found.met
            if len(found.at):
                self._latest = max(self._latest, int(found.at.max()))
                taken.append(found)
        self._bad_touches += self.bad.total - before
        self._refuse_useless_touches(before, stretch)
        # A touch may know when its campaign ends.
        ends = (day_number(parts["campaign_ends"]) for parts in self._parts.list if "campaign_ends" in parts)
        self._latest = max([self._latest, *(day * DAY for day in ends)])
        return history_of(taken, contacts)

    def _refuse_useless_touches(self, before: int, stretch: Stretch | None) -> None:
        """Refuse touches that have rows, none of which can be used."""
        if self._touches is None or self._good_touches or self.bad.total == before:
            return
        reader = self._touch_reader(self._touches)
        if stretch is not None and reader is not None:
            # So far a part was read: nothing is decided before the rest is known to be as bad.
            for part in self._touches.parts(TouchReader.wanted):
                if isinstance(part, tuple) and reader.read((part, -1), ContactIndex()).good:
                    return
        refuse_useless(self.bad, before, 0)

    def _known_touches(self, met: ContactIndex) -> list[Any]:
        """The touches that the ledger knows of the contacts of this table."""
        reader = None if self._known is None else self._touch_reader(self._known)
        if self._known is None or reader is None:
            return []
        parts = ((part, -1) for part in self._known.parts(TouchReader.wanted))
        taken = [found for found in self._at_once(lambda part: reader.read(part, met), parts) if len(found.at)]
        self._latest = max([self._latest, *(int(found.at.max()) for found in taken)])
        return taken

    def _touch_parts(self, stretch: Stretch | None) -> Iterator[tuple[Part, int] | BadRow]:
        """Chunks of touches, each with the group of rows from which it comes."""
        assert self._touches is not None  # noqa: S101  (the caller looked)
        for group in (None,) if stretch is None else stretch.touches:
            for part in self._touches.parts(TouchReader.wanted, None if group is None else [group]):
                yield part if isinstance(part, BadRow) else (part, -1 if group is None else group)

    def _touch_reader(self, source: Source | None) -> TouchReader | None:
        if source is None:
            return None
        compiled = self.decider.ruleset

        def counted(parts: Mapping[str, Any]) -> bool:
            campaign = compiled.campaigns.get(parts.get("campaign") or "")
            return parts.get("status", "sent") in COUNTING and campaign is not None and campaign.repeat is not None

        oldest = oldest_of(self.decider.playbook, micros(self.at))
        return TouchReader(
            source,
            self._parts,
            zone=self._zone,
            oldest=oldest,
            counted=counted,
            vocabulary=compiled.vocabulary,
            words=self._words["touches"] if source is self._touches else None,
        )

    def _at_once(self, work: Callable[[Any], _Result], parts: Iterable[Any]) -> Iterator[_Result]:
        """What becomes of chunks, in their order; rows that cannot be read are counted as bad."""

        def good() -> Iterator[Any]:
            for part in parts:
                if isinstance(part, BadRow):
                    self.bad.add(part)
                else:
                    yield part

        return at_once(work, good(), self._threads)

    # Deciding

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows of the table of decisions, in chunks. Once only."""
        stretches: list[Stretch] | list[None] = [None]
        quotas = self.decider.playbook.quotas
        if self.decider.ruleset.per_account:
            self._accounts = Accounts(self)
        elif not quotas and self._claim_source is None and self._score_source is None and self.ledger is None:
            stretches = stretches_of(self._contacts, self._touches) or [None]
        self._reader = self._touch_reader(self._touches)
        workers: SimpleQueue[Worker] | None = None
        start = 0
        for stretch in stretches:
            self.watch.begin("reading")
            self._start = start
            met, again = self._meet(stretch)
            self._find_doubles(stretch, met, again, start)
            history = self._history(met, len(again), stretch)
            if workers is None:
                self._prepare(met, len(again), in_stretches=stretch is not None)
                workers = self._workers
                for _ in range(self._threads):
                    workers.put(Worker(self.engine))
            del met
            if quotas:
                self.watch.begin("choosing")
                self._allocate(again, history, workers)
            self.watch.begin("deciding")
            yield from self._decide_stretch(stretch, again, history, workers, start)
            start += len(again)
        if self._run is not None:
            assert self._counts is not None  # noqa: S101  (made before anything is decided)
            self._run.confirm(self._counts.usage + self._used)
        if self._undecided and self._touches is not None:
            self._unknown_touches += self._touches_lost()
        claims = self._claims
        if claims is not None:
            lost = np.isin(claims.contact, np.array(self._undecided, np.int64)) | (claims.contact < 0)
            claims.refuse(np.flatnonzero(lost & (claims.faults == 0)))
        self._told(self._tally.contacts)
        self.watch.end()
        tables = {name: own for name, own in self._opened_tables.items() if own is not None}
        if self._bad_file is not None:
            picked = {name: (own.source, picker(own)) for name, own in tables.items()}
            write_bad_rows(self._bad_file, self.bad.first, picked)
        self.bad.rows.update((own.source, own.count) for own in tables.values() if own.count is not None)
        refuse_useless_tables(self.bad, {name: own.source for name, own in tables.items()}, self._tally.contacts)
        self.bad.check()

    def _told(self, total: int | None) -> None:
        """Tell how many contacts are done."""
        self.watch.count(self._tally.contacts, total)
        if self._progress is not None:
            self._progress(self._tally.contacts, total)

    def _prepare(self, met: ContactIndex, contacts: int, *, in_stretches: bool) -> None:
        """Read scores and claims, and lay the playbook out."""
        playbook = self.decider.playbook
        scores = None
        if self._score_source is not None:
            scores = ScoreTable(
                self._score_source, playbook, bad=self.bad, words=self._words["scores"], found=self.mismatches
            )
        claims = self._read_claims()
        openings, lists = openings_asked(self.decider.ruleset, () if claims is None else claims.asks)
        if claims is None:
            need_no_columns(playbook)
        dates = [] if claims is None else claims.dates
        self.engine = engine = ColumnarEngine(
            self.decider,
            at=self.at,
            until=self.until,
            explain=self.explain,
            everything=self.everything,
            openings=openings,
            dates=dates,
            numbers=() if claims is None else tuple(claims.numbers),
            scored=() if scores is None else scores.scored,
        )
        self._score_table = scores
        # Where only a part of the history is known by now, what may come is allowed for.
        engine.latest = max(self._latest, engine.now + _AHEAD * DAY) if in_stretches else self._latest
        self._counts = Counts(engine.layout)
        self._scores = _no_scores(contacts, len(engine.layout.list))
        if scores is not None:
            self._scores, self._unknown_scores = scores.join(met, contacts, engine.layout)
        self._asked = None if claims is None else claim_block_inputs(claims, met, contacts, engine.layout, lists)
        labels: Sequence[Label] = [(opening, None, None) for opening in range(len(openings))]
        if self._asked is not None:
            labels = self._asked.labels
        self._labels = ClaimIds(engine.layout, self.run_id, labels)
        self._numbers: dict[object, int] = {opening: number for number, opening in enumerate(openings)}
        # All rules have their numbers from here on, whichever chunk comes first.
        engine.moment()

    def _decide_stretch(
        self, stretch: Stretch | None, again: np.ndarray, history: TouchArrays, workers: SimpleQueue[Worker], first: int
    ) -> Iterator[pa.RecordBatch]:
        shapes = self._shapes()
        groups = None if stretch is None else stretch.contacts

        def decide(given: tuple[Part, int], apart: Sequence[int] = ()) -> _Done:
            part, start = given
            stop = self._stop(part, start)
            own = _slice(history, start, stop)
            done = self._decide(workers, part, again[start:stop], own, shapes, first + start, apart)
            return done if self.ledger is None else done._replace(without=partial(decide, given))

        chunks = self._at_once(decide, self._numbered(self._contacts.parts(lambda _: True, groups)))
        for done in chunks if self._accounts is None else self._accounts.settled(chunks):
            yield from self._finish(done)

    def _shapes(self) -> Any:
        """The kinds of touches, as far as they were met."""
        return self.engine.layout.shapes(self._parts.list, self._claim_ids)

    @property
    def _claim_ids(self) -> Mapping[str, int]:
        """The numbers of the claims' ids."""
        return {} if self._asked is None else self._asked.ids

    # Quotas

    def _allocate(self, again: np.ndarray, history: TouchArrays, workers: SimpleQueue[Worker]) -> None:
        """Choose for all contacts together, so that the quotas hold; from then on that is what they get."""
        if self._accounts is not None:
            self._allocate_accounts(again, history)
            return
        decider, shapes = self.decider, self._shapes()
        self._run = run = QuotaRun(
            decider.playbook,
            self.engine.layout,
            fingerprint=decider.fingerprint,
            contacts=len(again),
            threads=self._threads,
            ranks=self.engine.weigher.ranker is not None,
        )
        for obeys in run.contests:

            def work(given: tuple[Part, int], obeys: int = obeys) -> list[tuple[ProblemPool, np.ndarray]]:
                part, start = given
                stop = self._stop(part, start)
                return self._pool(workers, part, again[start:stop], _slice(history, start, stop), shapes, start, obeys)

            found = self._numbered(self._contacts.parts(lambda _: True))
            parts = (pair for pair in found if not isinstance(pair, BadRow))
            run.settle(obeys, pooled(at_once(work, parts, self._threads)))
        self.engine.charge(run.charges)
        if self.ledger is not None:
            self.ledger.charges = run.charges

    def _pool(
        self,
        workers: SimpleQueue[Worker],
        part: Part,
        again: np.ndarray,
        history: TouchArrays,
        shapes: Any,
        row: int,
        obeys: int,
    ) -> list[tuple[ProblemPool, np.ndarray]]:
        """The problems of a chunk's contacts, and whose they are."""
        run = self._run
        assert run is not None  # noqa: S101  (the caller made it)
        worker = workers.get()
        try:
            chunk, people, odd, wishes, scores = self._opened(part, again, history, row)
            given = run.part(row, row + chunk.rows)
            found, left = worker.pool(chunk, people, history, shapes, scores, wishes, given, obeys, several=run.several)
        finally:
            workers.put(worker)
        pools = [(pool, contact + row) for pool, contact in found]
        opened = _Opened(chunk, again, history, scores, row)
        for own in sorted({*np.flatnonzero(odd).tolist(), *left.tolist()}):
            group = self._group(opened, own)
            try:
                rounds = None if group is None else self.decider.rounds(group, run.choice(row + own))
            except ModelError:
                continue
            contest = None if rounds is None else rounds.contest if obeys else rounds.exempt
            if contest is not None and contest.items:
                pool = problem_of_round(
                    contest, self.engine.layout.quotas, self._numbers, int(chunk.one[own]), several=run.several
                )
                if pool.units and len(pool.item):
                    pools.append((pool, np.array([row + own])))
        return pools

    def _group(self, opened: _Opened, row: int) -> ContactGroup | None:
        """A contact of a chunk, as the one-contact engine takes it; None for one that cannot be decided.

        What is wrong with it is said where the rows are written.
        """
        try:
            contact = self._contact(opened, row)
        except (BadCellError, ModelError):
            return None
        return self.group([contact], {contact.id: self.inputs_of(opened, row, contact.id, BadRows())})

    def group(self, contacts: Sequence[Contact], inputs: Mapping[str, ContactInputs]) -> ContactGroup:
        """Contacts that are decided together, with what belongs to them."""
        group = ContactGroup(contacts, inputs, at=self.at, until=self.until, scored=self.engine.scored)
        if self.ledger is not None:
            group.colleagues = self.ledger.colleagues(group)
        return group

    def decide_group(self, group: ContactGroup, row: int) -> GroupDecision:
        """Decide a contact by the one-contact engine, as the run chose for it where it did; and count what it uses."""
        run = self._run
        found = self.decider.decide_group(
            group,
            explain=self.explain,
            run_id=self.run_id,
            choice=None if run is None else run.choice(row),
            charges=None if run is None else run.charges,
        )
        self.count_used(found)
        return found

    def _allocate_accounts(self, again: np.ndarray, history: TouchArrays) -> None:
        """The same where accounts are decided together: all by the one-contact engine."""
        assert self._accounts is not None  # noqa: S101  (the caller looked)
        alone: dict[str, ContactGroup] = {}
        for pair in self._numbered(self._contacts.parts(lambda _: True)):
            if isinstance(pair, BadRow):
                continue
            part, start = pair
            stop = self._stop(part, start)
            own = _slice(history, start, stop)
            chunk, _, _, _, scores = self._opened(part, again[start:stop], own, start)
            opened = _Opened(chunk, again[start:stop], own, scores, start)
            for row in range(chunk.rows):
                group = self._group(opened, row)
                if group is not None:
                    alone[group.contacts[0].id] = group

        def together(contacts: list[Contact]) -> ContactGroup:
            return self.group(contacts, {own.id: alone[own.id].inputs[own.id] for own in contacts})

        groups = grouped((group.contacts[0] for group in alone.values()), together, by_account=True)
        self._run = run = choose_together(self.decider, groups, claims=self._claims is not None, threads=self._threads)
        if self.ledger is not None:
            self.ledger.charges = run.charges
        self._accounts.chosen = {
            contact.id: (run.choice(number), run.charges)
            for number, group in enumerate(groups)
            for contact in group.contacts
        }

    def _touches_lost(self) -> int:
        """How many touches belong to contacts that could not be decided; those that are too old to matter too."""
        assert self._touches is not None  # noqa: S101  (the caller looked)
        wanted = np.array(self._undecided, np.int64)
        met = ContactIndex()
        row = 0
        for part in self._contacts.parts(lambda name: fold_name(name) == "contact_id"):
            if not isinstance(part, BadRow):
                chunk = Chunk(self.plan(part[1]), part[2], part[0])
                if not self._start:
                    # Of a table in stretches, the marks of the last one are left.
                    self._need_same(chunk, row)
                met.add(chunk.one, chunk.two, row, chunk.odd | ~np.isin(np.arange(row, row + chunk.rows), wanted))
                row += chunk.rows
        reader = TouchReader(self._touches, TouchShapes(), zone=self._zone, oldest=-FOREVER, counted=lambda _: True)
        parts = (part for part in self._touches.parts(reader.wanted) if not isinstance(part, BadRow))
        return sum(reader.read((part, -1), met).met for part in parts)

    def _decide(
        self,
        workers: SimpleQueue[Worker],
        part: Part,
        again: np.ndarray,
        history: TouchArrays,
        shapes: Any,
        row: int,
        apart: Sequence[int] = (),
    ) -> _Done:
        worker = workers.get()
        try:
            chunk, people, odd, wishes, scores = self._opened(part, again, history, row, apart)
            found = Mismatches()
            if "contacts" in self._words:
                count_words(self._words["contacts"], places_of(part[1], ""), chunk.columns, found)
            given = _NOTHING if self._run is None else self._run.part(row, row + chunk.rows)
            answers = worker.decide(chunk, people, history, shapes, scores, wishes, self._labels.when, given)
            column = chunk.columns[chunk.plan.id] if chunk.plan.id is not None else None
            ids = _ids_as_given(column, chunk)
            accounts = next((chunk.columns[place] for place, name, _ in chunk.plan.fields if name == "account"), None)
            batch = decision_batch(self.engine, self._labels, chunk, answers, self.run_id, ids, accounts)
            return _Done(chunk, again, history, scores, answers, batch, ids, odd, row, found)
        finally:
            workers.put(worker)

    def _opened(
        self, part: Part, again: np.ndarray, history: TouchArrays, row: int, apart: Sequence[int] = ()
    ) -> tuple[Chunk, Contacts, np.ndarray, ClaimArrays | None, ScoreArrays]:
        """A chunk for the kernels: the contacts, who of them the one-contact engine must decide, claims and scores."""
        number, names, arrays = part
        chunk = Chunk(self.plan(names), arrays, number)
        self._need_same(chunk, row)
        people = self.engine.crowd.people(chunk)
        odd = chunk.odd | again
        odd[list(apart)] = True
        odd |= np.diff(history.first) > _MOST_TOUCHES
        restricted = self._restricted
        odd[restricted[(restricted >= row) & (restricted < row + chunk.rows)] - row] = True
        if self.ledger is not None:
            odd |= np.diff(chunk.offsets) > LONGEST
            protect(self.ledger, chunk, people, odd)
        wishes = None
        if self._asked is not None:
            wishes = _own_wishes(self._asked.wishes, row, row + chunk.rows)
            odd |= self._asked.odd[row : row + chunk.rows] | self._timely_dated(wishes)
        if not self.engine.can or (wishes is not None and self.engine.weigher.by_rows):
            odd[:] = True
        people.person["traits"][odd] |= BAD
        scores = (
            _no_scores(chunk.rows, len(self.engine.layout.list))
            if self._score_source is None
            else _own_scores(self._scores, row, row + chunk.rows)
        )
        return chunk, people, odd, wishes, scores

    def _timely_dated(self, wishes: ClaimArrays) -> np.ndarray:
        """The contacts with a claim of its own date or instant whose audience asks for time, which is asked then."""
        timely = self.engine.layout.parts["openings"]["timely"][wishes.asked["opening"]] >= 0
        whose = np.repeat(np.arange(len(wishes.first) - 1), np.diff(wishes.first))
        return np.bincount(whose[timely & (wishes.asked["own"] >= 0)], minlength=len(wishes.first) - 1) > 0

    def _finish(self, done: _Done) -> Iterator[pa.RecordBatch]:
        """Count a chunk, and let the one-contact engine decide what was left."""
        self.mismatches.merge(done.found)
        if self.ledger is not None and self._accounts is None:
            done = self._reserve(self.ledger, done)
        assert self._counts is not None  # noqa: S101  (made before anything is decided)
        self._counts.add(done.answers.tally, self.engine.layout.rules.list)
        for late in done.late:
            self._counts.add(late.tally, self.engine.layout.rules.list)
        odd = set(np.flatnonzero(done.odd).tolist())
        left = sorted((odd | set(done.answers.left.tolist())).difference(*(late.rows for late in done.late)))
        self._tally.contacts += done.chunk.rows - len(left)
        count_unknowns(self._unknowns, done.chunk, left)
        batch = done.batch
        decided = [] if self.ledger is None or not self.ledger.keeps else self._rows_of_others(done, left)
        if left or done.late:
            batch = self._with_left(done, left, decided)
        if self.ledger is not None and self.ledger.keeps:
            self._keep(self.ledger, done, batch, decided)
            if not self._writes_denied:
                outcomes = pc.cast(batch["outcome"], pa.string())
                batch = batch.filter(pc.not_equal(outcomes, Outcome.DENIED.value))
        self.written += batch.num_rows
        if self._days is not None:
            count_days(self._days, batch)
        self._told(self._contacts.count)
        if batch.num_rows:
            yield batch

    def _reserve(self, ledger: LedgerRun, done: _Done) -> _Done:
        """Reserve what a chunk grants; those whom the ledger decides again are left out of it."""
        names = done.chunk.ids.to_pylist()
        messages = Messages(self.engine, self._labels, self._asked, self._claims)
        granted = granted_of(done.batch, done.answers.rows, names, done.scores, done.start, messages)
        contacts: dict[int, Contact] = {}

        def group_of(row: int) -> ContactGroup | None:
            group = self._group(_Opened(*done[:4], done.start), row)
            if group is not None:
                contacts[row] = group.contacts[0]
            return group

        proposals = [Proposal((names[row],), None, own, partial(group_of, row)) for row, own in granted.items()]
        run = self._run
        apart = {*np.flatnonzero(done.odd).tolist(), *done.answers.left.tolist()}
        ledger.check_none(name for row, name in enumerate(names) if row not in granted and row not in apart)
        for row in sorted(apart):
            contact = self.read_contact(done, row)
            if contact is None:
                continue
            group = self.group([contact], {contact.id: self.inputs_of(done, row, contact.id)})
            found = self.decide_group(group, done.start + row)
            self._settled[row] = contact, found.decided[0]
            proposal = ledger.proposal(found)
            if proposal is not None:
                proposals.append(proposal)
        late: list[Late] = []
        rows_of = {names[row]: row for row in granted}
        together = None if run is not None else partial(self._decide_late, done, rows_of, contacts, late)
        again = ledger.settle(sorted(proposals, key=lambda proposal: proposal.names), together)
        places = rows_of | {names[row]: row for row in self._settled}
        settled = {row for own in late for row in own.rows}
        for name, decision in again.items():
            row = places[name]
            if row in settled:
                continue
            if row in self._settled:
                contact, (_, counted) = self._settled[row]
            else:
                contact, counted = self._contact(done, row), 0
            self._settled[row] = contact, (decision, counted)
        apart_now = [places[name] for name in again if places[name] in granted]
        if not apart_now or done.without is None:
            return done
        if run is not None:
            self._count_chosen(done, apart_now)
        return done.without(apart_now)._replace(late=tuple(late))

    def _decide_late(
        self,
        done: _Done,
        rows_of: Mapping[str, int],
        contacts: Mapping[int, Contact],
        late: list[Late],
        asks: Mapping[str, DecisionInputs],
        accept: Callable[[str, Decision], bool],
    ) -> Again:
        """Decide contacts of a chunk again, with what the ledger knows by now; see `journeykit.ledger.run.Together`.

        Those whom the kernels cannot decide are left to the one-contact engine.
        """
        own = {rows_of[name]: asked for name, asked in asks.items() if name in rows_of}
        while own:
            decided, found = self._decide_rows(done, contacts, own)
            good = {
                row: asked for row, asked in own.items() if row in found and accept(asked.contacts[0].id, found[row][0])
            }
            if len(good) == len(own):
                late.append(decided)
                return {asked.contacts[0].id: found[row] for row, asked in own.items()}
            own = good
        return {}

    def _decide_rows(
        self, done: _Done, contacts: Mapping[int, Contact], asks: Mapping[int, DecisionInputs]
    ) -> tuple[Late, dict[int, tuple[Decision, list[Reservation]]]]:
        """Some contacts of a chunk, decided with other touches and opt-outs; those that the kernels can decide."""
        engine = self.engine
        rows = np.array(sorted(asks), np.int64)
        chunk = done.chunk.take(rows)
        people = engine.crowd.people(chunk)
        odd = chunk.odd | mark_opt_outs(people, [(contacts[row], asks[row].contacts[0]) for row in rows.tolist()])
        people.person["traits"][odd] |= BAD
        history, shapes = histories([asks[row].touches for row in rows.tolist()])
        scores = done.scores
        first, places = gathered(scores.first, rows)
        scores = ScoreArrays(
            first=first, score=scores.score[places], chance=scores.chance.copy(), worth=scores.worth.copy()
        )
        wishes = None if self._asked is None else wishes_at(self._asked.wishes, done.start + rows)
        worker = self._workers.get()
        try:
            answers = worker.decide(
                chunk,
                people,
                history,
                engine.layout.shapes(shapes, self._claim_ids),
                scores,
                wishes,
                self._labels.when,
                _NOTHING,
            )
            column = chunk.columns[chunk.plan.id] if chunk.plan.id is not None else None
            accounts = next((chunk.columns[place] for place, name, _ in chunk.plan.fields if name == "account"), None)
            ids = _ids_as_given(column, chunk)
            batch = decision_batch(engine, self._labels, chunk, answers, self.run_id, ids, accounts)
        finally:
            self._workers.put(worker)
        unable = odd.copy()
        unable[answers.left] = True
        able = {row: asks[row] for row in rows[~unable].tolist()}
        found = answers.rows.copy()
        found["contact"] = rows[found["contact"]]
        messages = Messages(engine, self._labels, self._asked, self._claims)
        granted = granted_of(batch, found, done.chunk.ids.to_pylist(), done.scores, done.start, messages)
        return (
            Late(rows.tolist(), batch, found["contact"], answers.tally),
            decisions_of(granted, able, self.decider),
        )

    def _count_chosen(self, done: _Done, rows: Sequence[int]) -> None:
        """Count what a run chose for contacts who were decided again: the recount of the quotas is about that."""
        for row in rows:
            group = self._group(_Opened(*done[:4], done.start), row)
            assert group is not None  # noqa: S101  (it was decided)
            self.decide_group(group, done.start + row)

    @staticmethod
    def _rows_of_others(done: _Done, left: Sequence[int]) -> list[int]:
        """The rows of the contacts of a chunk who were not left to the one-contact engine."""
        return np.setdiff1d(np.arange(done.chunk.rows), np.array(left, np.int64)).tolist()

    def _keep(self, ledger: LedgerRun, done: _Done, batch: pa.RecordBatch, decided: Sequence[int]) -> None:
        """Let the ledger keep what was decided of a chunk."""
        rows: dict[str, list[tuple[Any, ...]]] = {}
        cells = zip(*(batch[name].to_pylist() for name in batch.schema.names), strict=True)
        for name, row in zip(batch["contact_id"].to_pylist(), cells, strict=True):
            rows.setdefault(read_id(name), []).append(row)
        names, zone = done.chunk.ids.to_pylist(), self.decider.playbook.timezone
        ledger.keep((names[row], done.chunk.contact(row).timezone or zone, rows.get(names[row], [])) for row in decided)

    def _with_left(self, done: _Done, left: Sequence[int], decided: list[int]) -> pa.RecordBatch:
        """A chunk with those that the one-contact engine decided, who are added to the rows that are decided."""
        rows, whose = [], []
        for row in left:
            found = self._decide_one(done, row)
            if found is None:
                self._unmet(done, row)
            else:
                decided.append(row)
                kept = [own for own in found.rows if self.everything or own.outcome is not Outcome.DENIED]
                rows += kept
                whose += [row] * len(kept)
        pieces = [(done.batch, done.answers.rows["contact"]), *((late.batch, late.whose) for late in done.late)]
        if rows:
            ids = done.ids.take(pa.array(whose)).to_pylist()
            pieces.append((rows_batch(rows, ids, done.batch.schema), np.array(whose)))
        if len(pieces) == 1:
            return done.batch
        table = pa.Table.from_batches([batch for batch, _ in pieces]).unify_dictionaries()
        order = np.argsort(np.concatenate([own for _, own in pieces]), kind="stable")
        return table.take(pa.array(order)).combine_chunks().to_batches()[0]

    def _unmet(self, done: _Done, row: int) -> None:
        """What belongs to a contact that cannot be decided belongs to nobody."""
        if done.again[row]:
            return
        self._undecided.append(done.start + row)
        if self._score_table is not None:
            self._unknown_scores += int(self._score_table.counts[done.start + row])

    def _decide_one(self, done: _Done, row: int) -> Decision | None:
        if self._accounts is not None:
            return self._accounts.decision(done.start + row)
        if self.ledger is not None:
            known = self._settled.pop(row, None)
            return None if known is None else self.counted(done, row, known[0], *known[1])
        contact = self.read_contact(done, row)
        if contact is None:
            return None
        group = self.group([contact], {contact.id: self.inputs_of(done, row, contact.id)})
        decision, counted = self.decide_group(group, done.start + row).decided[0]
        return self.counted(done, row, contact, decision, counted)

    def count_used(self, found: GroupDecision) -> None:
        """Count what contacts that the one-contact engine decided use of the quotas."""
        if found.used:
            self._used += np.array(found.used, np.int64)

    def read_contact(self, done: _Done, row: int) -> Contact | None:
        """The contact of a row; None, and a bad row is counted, where it cannot be one."""
        source, number = self._contacts.source, done.chunk.number + row
        try:
            return self._contact(done, row)
        except BadCellError as bad:
            column = getattr(bad, "__notes__", ["contact_id"])[0]
            self.bad.add(BadRow(source, number, column, bad.found, bad.allowed))
        except ModelError as error:
            self.bad.add(BadRow(source, number, error.field, "a row that cannot be", str(error)))
        return None

    def inputs_of(self, done: _Opened | _Done, row: int, key: str, bad: BadRows | None = None) -> ContactInputs:
        """What the tables hold of a contact."""
        claims, counted = self._claims_of(done, row, key, bad)
        return ContactInputs(self._touches_of(done, row), claims, self._scores_of(done, row), counted)

    def counted(
        self, done: _Done, row: int, contact: Contact, decision: Decision | ModelError, counted: int
    ) -> Decision | None:
        """Count what was decided; None, and a bad row, where it could not be."""
        source, number = self._contacts.source, done.chunk.number + row
        if isinstance(decision, ModelError):
            self.bad.add(BadRow(source, number, decision.field, "a contact that cannot be decided", str(decision)))
            return None
        fault = self._tally.count(contact, decision, counted)
        self._unknowns.count(contact)
        if fault is not None:
            self.bad.add(BadRow(source, number, "", fault, "data by which all claims can be decided"))
        return decision

    def _contact(self, done: _Opened | _Done, row: int) -> Contact:
        if done.again[row]:
            key = done.chunk.ids[row].as_py()
            raise BadCellError(key, "one row for each contact")
        found = self._doubles.applied(done.chunk.contact(row))
        return found if self.ledger is None else self.ledger.protected(found)

    def _touches_of(self, done: _Opened | _Done, row: int) -> list[Touch]:
        history = done.history
        places = slice(int(history.first[row]), int(history.first[row + 1]))
        return [
            Touch(at=moment(at), **self._parts.list[shape])
            for at, shape in zip(history.at[places].tolist(), history.shape[places].tolist(), strict=True)
        ]

    def _scores_of(self, done: _Opened | _Done, row: int) -> dict[str | tuple[str, str | None], Score]:
        scores, openings = done.scores, self.engine.layout.list
        found = scores.score[int(scores.first[row]) : int(scores.first[row + 1])].tolist()
        return {
            key_of(openings[opening].campaign.id, openings[opening].content_id): Score(
                propensity=_or_none(propensity), value=_or_none(value)
            )
            for opening, propensity, value in found
        }

    def _claims_of(
        self, done: _Opened | _Done, row: int, key: str, bad: BadRows | None = None
    ) -> tuple[list[Claim] | None, int]:
        if self._claims is None:
            return None, 0
        rows = self._claims.rows_of(done.start + row)
        return self._claims.claims(key, rows, self._claims.number, bad)

    # Giving

    def table(self) -> Any:
        """The table of decisions, of the kind of the table of contacts."""
        return self._native(list(self.batches()))

    def tables(self, done: Callable[[TableJob], object]) -> Iterator[Any]:
        """The table of decisions in pieces, of the kind of the table of contacts; then ``done`` is given the job."""
        for batch in self.batches():
            yield self._native([batch])
        done(self)

    def _native(self, batches: list[pa.RecordBatch]) -> Any:
        schema = batches[0].schema if batches else decision_schema(self._kind_of_ids())
        if any(batch.schema != schema for batch in batches):
            # Whole numbers in some chunks and text in others: text then, in all.
            batches = [ids_as_text(batch) for batch in batches]
            schema = batches[0].schema
        table = pa.Table.from_batches(batches, schema)
        return native(table.unify_dictionaries(), self._given)

    def _kind_of_ids(self) -> pa.DataType:
        for part in self._contacts.parts(lambda name: fold_name(name) == "contact_id"):
            if not isinstance(part, BadRow) and part[2]:
                array = Column(part[2][0]).array
                if array is not None and pa.types.is_integer(array.type):
                    return array.type
                break
        return pa.large_string()

    def write(self, out: str | os.PathLike[str], *, form: str | None = None) -> Summary:
        """Decide all and write the table of decisions, which appears whole or not at all.

        Args:
            out: the file; ``-`` is standard output.
            form: ``csv``, ``jsonl`` or ``parquet``; None for what the ending says.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows; nothing is written then.
            OSError: if the file cannot be written.
        """
        self._keep_inputs(out)
        with batch_writer(out, form, lambda: dictionaries(self.engine, self._labels, self.run_id)) as write:
            for batch in self.batches():
                write(batch)
        return self.summary()

    def _keep_inputs(self, out: str | os.PathLike[str]) -> None:
        """Refuse to write the decisions over, or into, a table that they are made from."""
        need_apart(out, self._sources)

    def summary(self) -> Summary:
        """What was done."""
        counts = self._counts
        assert counts is not None  # noqa: S101  (there is a summary of what was decided)
        openings = self.engine.layout.list
        teams, channels = (
            (counts.by(names) for names in zip(*((o.team_name, o.channel) for o in openings), strict=True))
            if openings
            else ({}, {})
        )
        total = self._tally.plus(
            (counts.outcomes(), counts.reasons(), counts.by_rule()),
            (teams, counts.by_stage(), channels),
            dict(zip(GAPS, counts.missing.tolist(), strict=True)),
            counts.value,
        )
        return summarise(
            total,
            self.decider,
            at=self.at,
            until=self.until,
            run_id=self.run_id,
            inputs=self.inputs,
            written=self.written,
            bad=self.bad,
            unknown_touches=self._unknown_touches,
            unknown_scores=self._unknown_scores,
            derived=self._claims is None,
            notes=(
                *self._notes,
                *self._doubles.notes(self._contacts.source),
                *self._own_notes(),
                *(() if self.ledger is None else self.ledger.notes()),
            ),
            scored=self.engine.scored,
            run=self._run,
            mismatches=self._all_mismatches(),
            bad_touches=self._bad_touches,
            rows={
                name: own.count
                for name, own in self._opened_tables.items()
                if own is not None and own.count is not None
            },
            engine="columns",
            durations=dict(self.watch.durations),
            fallen=None if self.ledger is None else self.ledger.fallen,
            unknowns=self._unknowns,
        )

    def _all_mismatches(self) -> Mismatches:
        """What was found in the rows, and in the columns."""
        found = Mismatches()
        found.merge(self.mismatches)
        for name, words in self._words.items():
            source = self._opened_tables[name]
            words.name(() if source is None else source.names)
            words.finish(found)
        return found

    def calendar(self) -> Calendar:
        """What is granted and deferred so far, on each day of the plan.

        Raises:
            ModelError: without ``until``, since a single instant has no days.
        """
        return calendar_of(self._days)


def _marks(chunk: Chunk) -> np.ndarray:
    """A mark of each id, by which a second reading of the contacts is compared with the first."""
    return (chunk.one >> np.uint64(32)).astype(np.uint32)


def _own_scores(scores: ScoreArrays, start: int, stop: int) -> ScoreArrays:
    first = scores.first[start : stop + 1]
    # Each thread works on numbers of its own.
    return ScoreArrays(
        first=first - first[0],
        score=scores.score[int(first[0]) : int(first[-1])],
        chance=scores.chance.copy(),
        worth=scores.worth.copy(),
    )


def _own_wishes(wishes: ClaimArrays, start: int, stop: int) -> ClaimArrays:
    first = wishes.first[start : stop + 1]
    low, high = int(first[0]), int(first[-1])
    return ClaimArrays(first=first - low, asked=wishes.asked[low:high], own=wishes.own, number=wishes.number[low:high])


class _Opened(NamedTuple):
    """A chunk, with what belongs to its contacts."""

    chunk: Chunk
    again: np.ndarray
    history: TouchArrays
    scores: ScoreArrays
    start: int


class _Done(NamedTuple):
    """A chunk that is decided."""

    chunk: Chunk
    again: np.ndarray
    history: TouchArrays
    scores: ScoreArrays
    answers: BlockResult
    batch: pa.RecordBatch
    ids: pa.Array
    odd: np.ndarray
    start: int
    found: Mismatches
    without: Callable[[Sequence[int]], _Done] | None = None
    late: Sequence[Late] = ()


def _or_none(number: float) -> float | None:
    return None if math.isnan(number) else number


def _slice(history: TouchArrays, start: int, stop: int) -> TouchArrays:
    first = history.first[start : stop + 1]
    low, high = int(first[0]), int(first[-1])
    return TouchArrays(first=first - low, at=history.at[low:high], shape=history.shape[low:high])


def _no_scores(rows: int, openings: int) -> ScoreArrays:
    return ScoreArrays(
        first=np.zeros(rows + 1, np.int64),
        score=np.zeros(0, SCORES),
        chance=np.full(openings + 1, np.nan),
        worth=np.full(openings + 1, np.nan),
    )


def _ids_as_given(column: Column | None, chunk: Chunk) -> pa.Array:
    """The ids as they came: whole numbers or text."""
    if column is not None and column.array is not None and pa.types.is_integer(column.array.type):
        return column.array
    return chunk.ids
