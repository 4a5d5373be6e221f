"""The nightly job over columns: tables in, a table of decisions and a summary out."""

from __future__ import annotations

import os
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa

from journeykit.basics.clock import day_date
from journeykit.basics.validation import shown
from journeykit.columns.decision_counts import Counts
from journeykit.columns.decision_rows import ClaimIds, account_column, dictionaries
from journeykit.columns.row_causes import RowCause
from journeykit.columns.unknown_counts import count_unknowns
from journeykit.engine.data_needs import DATA_NEEDS
from journeykit.errors import ModelError
from journeykit.job.account_groups import AccountGroups
from journeykit.job.arm_chunks import ArmChunks
from journeykit.job.chunk_decider import ChunkDecider
from journeykit.job.claim_counts import NOTHING, ClaimCounts
from journeykit.job.count_days import COUNTED, count_days
from journeykit.job.fallback import Fallback
from journeykit.job.fallback_counts import FallbackCounts
from journeykit.job.inputs import Inputs
from journeykit.job.ledger_tables import RESERVED, Messages
from journeykit.job.run import Run
from journeykit.job.table_reader import TableReader
from journeykit.job.table_reservations import TableReservations
from journeykit.job.table_waiting import TableWaiting
from journeykit.model.bad_row import BadRow
from journeykit.model.outcome import Outcome
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.decision_schema import decision_schema, selected
from journeykit.tables.arrow.frames import native
from journeykit.tables.arrow.write_decisions import batch_writer, folder_batch_writer, ids_as_text
from journeykit.tables.cells import is_missing, read_id, read_text
from journeykit.tables.header import fold_name
from journeykit.tables.output_selection import EVERYTHING, OutputSelection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.claim_block import Label
    from journeykit.columns.contact_index import ContactIndex
    from journeykit.engine.contact_group import ContactGroup
    from journeykit.engine.decider import HasDecider
    from journeykit.job.chunk_state import ChunkState
    from journeykit.job.run import Picker, RunOptions
    from journeykit.job.summary import Summary
    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.model.claim import Scored
    from journeykit.model.contact import Contact
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.partitions import Partition

THREADS = 4
"""So many threads at most where nobody says how many: each takes memory of its own."""


class DecidedPart(NamedTuple):
    """What became of a chunk of contacts.

    Attributes:
        batch: rows of the table of decisions.
        contact: of each of them the row of its contact in the chunk; so where all outcomes are given.
        state: the chunk.
        undecided: the rows of contacts that have no decision.
    """

    batch: pa.RecordBatch
    contact: np.ndarray
    state: ChunkState
    undecided: list[int]


class TableJob(Run):
    """Tables to decide, by the columnar engine.

    Args:
        arbiter: the arbiter, or its decider.
        contacts: a dataframe, a path, a folder or dataset of Parquet files, or rows as mappings.
        touches: the history, likewise.
        scores: what models say, likewise.
        claims: what is asked for, likewise; None derives claims from the campaigns' audiences.
        everything: whether denied claims are given too; else what the option ``outcomes`` says.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        threads: how many chunks are decided at once; None for one on each processor, up to four. The rows do not
            depend on it.
        options: as for `journeykit.job.run.Run`: ``at``, ``until``, ``explain``, ``run_id``, ``max_bad``,
            ``bad_rows``, ``progress``, ``ledger``, ``watch``, ``strict``, ``dry_run``, ``keep_decisions``,
            ``outcomes``, ``columns``, ``goes_to``.
    """

    kind = "columns"
    chunks: ChunkDecider

    def __init__(
        self,
        arbiter: HasDecider,
        contacts: Any = None,
        touches: Any = None,
        scores: Any = None,
        claims: Any = None,
        events: Any = None,
        *,
        everything: bool = False,
        zone: str | None = None,
        threads: int | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        inputs = Inputs(contacts=contacts, touches=touches, scores=scores, claims=claims, events=events, zone=zone)
        super().__init__(arbiter, inputs, **options)
        self.output = OutputSelection.of(options.get("outcomes"), self.output.columns, everything=everything)
        # What batches have, which a folder asks more of.
        self.given = self.output
        self.made = self._made()
        with self.watch.guarding():
            self._open(_checked_threads(threads), has_contacts=contacts is not None)
        self._fallback = Fallback(self, self.reader)
        self._reservations: TableReservations | None = None
        # The places of contacts that wait for others of their accounts.
        self._places: dict[str, tuple[ChunkState, int]] = {}
        self._fallen = np.zeros(len(RowCause), np.int64)

    def _open(self, threads: int, *, has_contacts: bool) -> None:
        """Open the tables, and begin the run in the ledger."""
        self.reader = TableReader(self, threads)
        if self._strict:
            self.reader.refuse_mismatches()
            self.need_events()
            self.need_guards()
        if self._competes and not has_contacts and self._begun is None:
            # The contacts are those who have claims, and those of whom claims wait.
            self.open_ledger()
        self._notes = self.reader.open_contacts()
        if self.ledger is None:
            self.open_ledger()
        self.reader.open_ledger()

    def _made(self) -> OutputSelection:
        """Which rows and columns are made: what is given, what a ledger keeps, and what a calendar counts."""
        if self._keeps:
            return EVERYTHING
        made = self.given if self._days is None else self.given.widened(Outcome.DEFERRED, COUNTED)
        if self._store is None:
            return made
        return made.widened(Outcome.DEFERRED if self.claims_given else Outcome.GRANTED, RESERVED)

    def own_contacts(self) -> Iterable[str]:
        """The ids of the contacts of the tables, where these are a part of a run."""
        return self.reader.contact_ids()

    # Deciding

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows of the table of decisions, in chunks. Once only."""
        return (part.batch for part in self.parts() if part.batch.num_rows)

    def parts(self) -> Iterator[DecidedPart]:
        """The rows of the table of decisions, in chunks, with their contacts. Once only."""
        with self.watch.guarding():
            yield from self._parts()

    def _parts(self) -> Iterator[DecidedPart]:
        reader = self.reader
        last = self._last_rows() if self.decider.by_account else None
        reader.touches.begin()
        for number, stretch in enumerate(reader.stretches()):
            self.watch.begin("reading")
            met = reader.join(stretch)
            if not number:
                self._lay_out(met, in_stretches=stretch is not None)
            del met
            if self.decider.playbook.quotas:
                self.watch.begin("choosing")
                self._choose()
            self.watch.begin("deciding")
            yield from self._decided(stretch, last)
        if self.choices is not None:
            self.choices.confirm(self.usage())
        reader.finish()
        self.tell_progress(self._tally.contacts, self._tally.contacts)
        for name, own in reader.sources.items():
            # Events that nobody asks for are not read, be their number known.
            if own.count is not None and (name != "events" or self.decider.ruleset.events_asked):
                self.bad.rows[own.source] = own.count
        self.finish()

    def _lay_out(self, met: ContactIndex, *, in_stretches: bool) -> None:
        """Lay the playbook out for what the tables ask."""
        reader = self.reader
        everything = self.made.last is Outcome.DENIED
        engine = reader.lay_out(met, everything=everything, in_stretches=in_stretches)
        engine.last_outcome = self.made.last_number
        asked = reader.asked
        labels: Sequence[Label] = [
            (opening, None if day is None else day_date(day), None)
            for opening, day in enumerate(engine.layout.own_days)
        ]
        names = ClaimIds(engine.layout, self.run_id, labels if asked is None else asked.labels, self.made.columns)
        self._counts = Counts(engine.layout)
        ids = {} if asked is None else asked.ids
        how: dict[str, Any] = {"threads": reader.threads, "coded": self._writes}
        if self.decider.arms is None or self.decider.by_account:
            self.chunks = ChunkDecider(engine, names, ids, self.made.columns, **how)
        else:
            self.chunks = ArmChunks(engine, names, ids, self.made.columns, reader=reader, sides=self.sides, **how)
        if self.ledger is not None and not self.decider.by_account:
            messages = Messages(engine, names, asked, reader.claims)
            self._reservations = TableReservations(self, self.ledger, reader, self._fallback, messages)
        self._waiting = None if self.waiting is None else TableWaiting(self.waiting, reader)
        # All rules have their numbers from here on, whichever chunk comes first.
        engine.moment()

    def _choose(self) -> None:
        """Choose for all contacts together, so that the quotas hold; from then on that is what they get."""
        from journeykit.job.table_quotas import choose_for_all

        self.quota_run = self.choices = choose_for_all(self, self.reader, self.chunks, self._fallback)
        if self.ledger is not None:
            self.ledger.charges = self.choices.charges

    def _decided(self, stretch: Partition | None, last: dict[str, int] | None) -> Iterator[DecidedPart]:
        """The rows of the contacts that are joined now."""
        shapes = self.chunks.shapes(self.reader.parts.list)

        def decide(given: tuple[Part | Chunk, int]) -> ChunkState:
            state, run = self.reader.state(given), self.choices
            # Accounts are chosen for by group, and decided by the row engine.
            return self.chunks.decided(state, shapes, None if self.decider.by_account else run)

        chunks = self.reader.at_once(decide, self.reader.numbered_parts(stretch))
        for state in chunks if last is None else self._with_accounts(chunks, last):
            yield self._finished(state)

    def _with_accounts(self, chunks: Iterable[ChunkState], last: dict[str, int]) -> Iterator[ChunkState]:
        """The chunks in their order, each once all its contacts are decided, account by account."""
        held: deque[ChunkState] = deque()
        counted = self._fallback.counted

        def contacts() -> Iterator[tuple[int, Contact]]:
            for state in chunks:
                held.append(state)
                for row in range(state.chunk.rows):
                    contact = self._fallback.contact(state, row)
                    if contact is None:
                        counted[state.start + row] = None
                    else:
                        self._places[contact.id] = state, row
                        yield state.start + row, contact

        for number, contact, decided in self.decide_groups(AccountGroups(contacts(), last), self.ledger):
            while number >= held[0].stop:
                yield held.popleft()
            counted[number] = self.count(held[0].row_number(number - held[0].start), contact, decided)
        yield from held

    def group(self, contacts: list[Contact]) -> ContactGroup:
        """Contacts that are decided together, with what belongs to them."""
        places = ((contact.id, self._places.pop(contact.id)) for contact in contacts)
        inputs = {key: self.reader.contact_inputs(*place, key) for key, place in places}
        return self.group_of(contacts, inputs)

    def _last_rows(self) -> dict[str, int]:
        """By account, the last row that names it."""
        last: dict[str, int] = {}
        start = 0
        for chunk in self.reader.chunks(lambda name: fold_name(name) in ("contact_id", "account_id")):
            column = account_column(chunk)
            if column is not None:
                codes, values = column.read(lambda value: None if is_missing(value) else read_text(value))
                rows = np.full(len(values), -1, np.int64)
                np.maximum.at(rows, codes, np.arange(start, start + chunk.rows))
                named = zip(values, rows.tolist(), strict=True)
                last.update((value, row) for value, row in named if isinstance(value, str) and row >= 0)
            start += chunk.rows
        return last

    def _finished(self, state: ChunkState) -> DecidedPart:
        """Reserve and count what is decided of a chunk, and give its rows."""
        self.mismatches.merge(state.mismatches)
        if self._reservations is not None:
            state = self._reservations.reserve(state)
        for piece in state.pieces:
            self._counts.add(piece.answers.tally, self.chunks.engine.layout.rules.list)
        if self.arms is not None:
            self.chunks.count(state, self.arms)
        if self._waiting is not None:
            self._waiting.decided(state)
        apart = np.flatnonzero(state.apart)
        self._tally.add_contacts(state.chunk.rows - len(apart))
        count_unknowns(self._unknowns, state.chunk, apart.tolist())
        batch, contact, undecided = self._fallback.merged(state, self.made)
        self.reader.lose(state, undecided)
        self._fallen += np.bincount(state.cause[np.setdiff1d(apart, undecided)], minlength=len(RowCause))
        if self.ledger is not None and self.ledger.keeps:
            self._keep(self.ledger, state, batch, np.setdiff1d(np.arange(state.chunk.rows), undecided).tolist())
        if self._days is not None:
            count_days(self._days, batch)
        if self.made != self.given:
            batch = selected(batch, self.given)
        self.written += batch.num_rows
        self.tell_progress(self._tally.contacts, self.reader.contacts.count)
        return DecidedPart(batch, contact, state, undecided)

    def _keep(self, ledger: LedgerRun, state: ChunkState, batch: pa.RecordBatch, decided: Sequence[int]) -> None:
        """Let the ledger keep what was decided of a chunk."""
        rows: dict[str, list[tuple[Any, ...]]] = {}
        cells = zip(*(batch[name].to_pylist() for name in batch.schema.names), strict=True)
        for name, row in zip(batch["contact_id"].to_pylist(), cells, strict=True):
            rows.setdefault(read_id(name), []).append(row)
        names, zone = state.chunk.ids.to_pylist(), self.decider.playbook.timezone
        ledger.keep(
            (names[row], state.chunk.contact(row).timezone or zone, rows.get(names[row], [])) for row in decided
        )

    # Giving

    def table(self) -> Any:
        """The table of decisions, of the kind of the table of contacts."""
        return self._native(list(self.batches()))

    def pieces(self, done: Callable[[TableJob], object]) -> Iterator[Any]:
        """The table of decisions in pieces, of the kind of the table of contacts; then ``done`` is given the job."""
        for batch in self.batches():
            yield self._native([batch])
        done(self)

    def _native(self, batches: list[pa.RecordBatch]) -> Any:
        schema = batches[0].schema if batches else decision_schema(self._kind_of_ids(), self.output.columns)
        if any(batch.schema != schema for batch in batches):
            # Whole numbers in some chunks and text in others: text then, in all.
            batches = [ids_as_text(batch) for batch in batches]
            schema = batches[0].schema
        table = pa.Table.from_batches(batches, schema)
        return native(table.unify_dictionaries(), self.tables.get("contacts", self.tables.get("claims")))

    def _kind_of_ids(self) -> pa.DataType:
        for part in self.reader.contacts.parts(lambda name: fold_name(name) == "contact_id"):
            if not isinstance(part, BadRow) and part[2]:
                array = Column(part[2][0]).array
                if array is not None and pa.types.is_integer(array.type):
                    return array.type
                break
        return pa.large_string()

    def write(
        self,
        out: str | os.PathLike[str],
        *,
        form: str | None = None,
        partition: str | None = None,
        append: bool = False,
    ) -> Summary:
        """Decide all and write the table of decisions, which appears whole or not at all.

        Args:
            out: the file; ``-`` is standard output; with ``partition`` a folder of Parquet files.
            form: ``csv``, ``jsonl`` or ``parquet``; None for what the ending says.
            partition: ``day``, ``channel`` or ``team``, by which rows are put into the files of a folder; None for a
                file. See `journeykit.tables.partitioning.Partitioning`.
            append: whether ``out`` is a log: a folder to which each run adds a folder of its own, ``run=NAME``. A run
                that is repeated replaces what it wrote before.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows; nothing is written then.
            OSError: if the file cannot be written.
        """
        columns = self.output.columns
        known = lambda: dictionaries(self.chunks.engine, self.chunks.labels, self.chunks.names)  # noqa: E731
        with self.writing():
            folder = self.folder_for(out, partition, append=append)
            if folder is None:
                writer = batch_writer(out, form, known, columns)
            else:
                self.given = self.output.widened(Outcome.GRANTED, folder.needs)
                self.made = self._made()
                writer = folder_batch_writer(folder, known, columns)
            with writer as write:
                for batch in self.batches():
                    write(batch)
        return self.summary()

    # What the summary asks for

    @property
    def sources(self) -> dict[str, str]:
        """The tables that were given, and what their bad rows call them."""
        return {name: own.source for name, own in self.reader.sources.items()}

    @property
    def contact_source(self) -> str:
        """What bad rows call the table from which the contacts are."""
        return self.reader.contacts.source

    @property
    def unknown_touches(self) -> int:
        """How many touches belong to contacts that were not decided."""
        return self.reader.unknown_touches

    @property
    def unknown_scores(self) -> int:
        """Likewise, scores."""
        return self.reader.unknown_scores

    @property
    def unknown_events(self) -> int:
        """Likewise, events."""
        return self.reader.unknown_events

    def scored(self) -> Scored:
        """The campaigns for which the table of scores has what, as pairs."""
        return self.chunks.engine.scored

    def costless(self) -> Collection[str] | None:
        """The campaigns of claims that are brought with neither weight nor opt_out; None where campaigns claim."""
        return None if self.reader.claims is None else self.reader.claims.costless

    def upliftless(self) -> Collection[str] | None:
        """The campaigns of claims that are brought without an uplift; None where campaigns claim."""
        return None if self.reader.claims is None else self.reader.claims.upliftless

    def picker(self, name: str) -> Picker:
        """How rows of a table are read again."""
        return self.reader.sources[name].pick

    def kinds(self, name: str) -> Mapping[str, str]:
        """The kinds of a table's columns, where each has one."""
        return self.reader.sources[name].kinds

    def finish_words(self) -> None:
        """Tell the words of each table which columns it has."""
        for name, words in self.words.items():
            words.name(self.reader.sources[name].names)

    def fallback_counts(self) -> FallbackCounts:
        """Which contacts the row engine decided, and why."""
        return FallbackCounts(list(self.chunks.causes), list(self.chunks.asked_by_rows), self._fallen.tolist())

    def usage(self) -> list[int]:
        """By side of the quotas, what was granted so far uses: by the kernels, and by the row engine."""
        found: list[int] = (self._counts.usage + np.array(self.used, np.int64)).tolist()
        return found

    def total(self) -> ClaimCounts:
        """What was counted of all contacts and their claims so far: by the kernels, and by the row engine."""
        counts, openings, found = self._counts, self.chunks.engine.layout.list, self._tally.counts()
        drawn, without_chance = counts.explored.tolist()
        own = ClaimCounts(
            value=counts.value,
            # What the kernels decide is proven to be the best.
            bound=counts.value,
            drawn=drawn,
            without_chance=without_chance,
            outcomes=counts.outcomes(),
            reasons=counts.reasons(),
            rules=counts.by_rule(),
            teams=_named(counts.by([own.team_name for own in openings])),
            channels=_named(counts.by([own.channel for own in openings])),
            missing=Counter(dict(zip(DATA_NEEDS, counts.missing.tolist(), strict=True))),
        )
        found.merge(own)
        for stage, outcomes in counts.by_stage().items():
            name = str(self._tally.stage_name(stage) or NOTHING)
            found.stages.setdefault(name, Counter()).update(outcomes)
        return found


def _named(groups: Mapping[str | None, Counter[str]]) -> dict[str, Counter[str]]:
    """Groups by name; those of no name are called so."""
    found: dict[str, Counter[str]] = {}
    for name, counts in groups.items():
        found.setdefault(name or NOTHING, Counter()).update(counts)
    return found


def _checked_threads(threads: Any) -> int:
    """How many threads there are."""
    if threads is None:
        return min(THREADS, os.cpu_count() or 1)
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ModelError(f"threads is a whole number from 1 on, found {shown(threads)}", field="threads")
    return threads
