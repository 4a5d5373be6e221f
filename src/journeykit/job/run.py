"""A run over tables: what a job does whichever engine decides, from opening the tables to the summary."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Required, TypedDict

from attrs import evolve

from journeykit.basics.clock import clock, first_and_last
from journeykit.basics.validation import check_text
from journeykit.basics.watch import Watch
from journeykit.engine.contact_group import ContactGroup
from journeykit.engine.counted_quotas import need_ledger
from journeykit.engine.unknowns import Unknowns
from journeykit.errors import DataError, ModelError
from journeykit.job.arm_counts import ArmCounts
from journeykit.job.calendar import DayTally
from journeykit.job.decision_tally import DecisionTally
from journeykit.job.inputs import TABLES
from journeykit.job.ledger_options import check_ledger_options, ledger_run_of, paused_by_ledger
from journeykit.job.run_counts import RunCounts
from journeykit.job.run_facts import RunFacts
from journeykit.job.run_output import output_of
from journeykit.job.table_quality import QualityCounts
from journeykit.ledger.begun_run import BegunRun
from journeykit.model.claim import NEEDS_CLAIMS
from journeykit.model.mismatch import Mismatches
from journeykit.tables import BadRow, BadRows, Spellings
from journeykit.tables.bad_row_file import by_contact, write_bad_rows
from journeykit.tables.bad_row_list import refuse_useless_tables
from journeykit.tables.doubles import Doubles
from journeykit.tables.output_selection import OutputSelection
from journeykit.tables.words import Words

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.engine.contact_group import ContactInputs, QuotaChoice
    from journeykit.engine.decider import Decided, GroupDecision, HasDecider
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.job.account_groups import AccountGroups
    from journeykit.job.calendar import Calendar
    from journeykit.job.claim_counts import ClaimCounts
    from journeykit.job.fallback_counts import FallbackCounts
    from journeykit.job.inputs import Inputs, Progress
    from journeykit.job.summary import Summary
    from journeykit.ledger import BaseLedger
    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.ledger.reservation import Reservation
    from journeykit.ledger.run_waiting import RunWaiting
    from journeykit.model.claim import Claim, Scored
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.quotas.chosen_claims import ChosenClaims
    from journeykit.quotas.quota_run import QuotaRun
    from journeykit.tables.folder_output import FolderOutput

    class RunOptions(TypedDict, total=False):
        """The options of a run; see `Run`."""

        at: Required[datetime]
        until: datetime | None
        explain: bool
        run_id: str | None
        max_bad: int | str | None
        bad_rows: str | os.PathLike[str] | None
        progress: Progress | None
        ledger: BaseLedger | BegunRun | None
        strict: bool
        dry_run: bool
        keep_decisions: bool
        waiting: bool
        watch: Watch | None
        outcomes: str | None
        columns: Iterable[str] | None
        goes_to: Mapping[str, Any] | None

    Picker = Callable[[frozenset[int]], Iterable[tuple[int, Any]]]


_ALLOWED = "claims that can all be decided: mend what this names"
_AT_ONCE = 500
"""So many groups are decided before what is granted to them is reserved."""


class Run:
    """One run over tables. `RowJob` and `TableJob` read them and decide; all else is here.

    Args:
        arbiter: the arbiter, or its decider.
        inputs: the tables.
        at: the instant of the decisions, aware.
        until: the last instant of a plan, aware, or None.
        explain: whether rows also have the columns ``displaced`` and ``needs``.
        run_id: the name of the run; None makes one from playbook, ``at`` and ``until``.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None for
            any number.
        bad_rows: a file (CSV, JSON lines or Parquet) in which bad rows are kept whole, once all is decided; or None.
        progress: is called, every now and then, with the number of contacts that are done, and of all where known.
        ledger: where the history is read, beside the touches that are given, and where what is granted is reserved; a
            run that was begun before goes on. Or a run that was begun there, of which these tables are a part.
        watch: where the job says how far it is; None for a watch of its own.
        strict: whether tables that do not match the playbook are refused before anything is decided or reserved:
            words that it does not know, columns that it asks for and a table lacks, types that a comparison can never
            meet; and whether a run without events is, where rests or rules ask for them.
        dry_run: whether it is a rehearsal: the ledger is read, nothing is reserved, and no mark of the run is left.
        keep_decisions: whether the ledger keeps what was decided of each contact; `BaseLedger.decision` reads it.
        waiting: whether claims that wait in the ledger compete, beside those that are brought.
        outcomes: which rows are given: ``granted`` for granted claims alone, ``all`` for denied ones too; None for
            granted and deferred claims. The summary counts all of them.
        columns: the names of the columns of the table of decisions, in the order in which they are given; None for all.
        goes_to: what `write` will be given as ``out``, ``partition`` and ``append``: what is in the way is refused at
            once, before a ledger knows of the run. None where that is not known yet.

    Attributes:
        output: which rows and columns are given.
        written: how many rows were written.
        bad: the rows that could not be used.
        ledger: the run in the ledger, or None.
        quota_run: what the run chose so that its quotas hold, once it has chosen; None without quotas.
        choices: what that is for each contact; for a part of a run, which does not choose, it is given.
        sides: the sides of the quotas; of those with a window what is left of each of the run's periods.
        used: by side of the quotas, what was granted by the row engine uses.
        arms: what was counted by arm; None without experiments.
        tables: the tables that are given, by name.
        inputs: their names, without the contacts.
        quality: what is counted of the tables for their quality.
        words: for each of them, what its words are compared with.
        mismatches: where data and playbook do not match, as far as rows were read.

    Raises:
        ModelError: for a plan that ends before it starts, options of a ledger without one, and unknown outcomes or
            columns.
    """

    kind: ClassVar[str]
    """The engine, as a summary names it."""
    is_part: ClassVar[bool] = False
    """Whether the tables are a part of those of a larger run, which says whether a table can be used at all."""

    def __init__(
        self,
        arbiter: HasDecider,
        inputs: Inputs,
        *,
        at: datetime,
        until: datetime | None = None,
        explain: bool = False,
        run_id: str | None = None,
        max_bad: int | str | None = None,
        bad_rows: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
        ledger: BaseLedger | BegunRun | None = None,
        strict: bool = False,
        dry_run: bool = False,
        keep_decisions: bool = False,
        waiting: bool = False,
        watch: Watch | None = None,
        outcomes: str | None = None,
        columns: Iterable[str] | None = None,
        goes_to: Mapping[str, Any] | None = None,
    ) -> None:
        self.output = OutputSelection.of(outcomes, columns)
        check_ledger_options(ledger, dry_run=dry_run, keep_decisions=keep_decisions, waiting=waiting)
        if waiting and inputs.claims is None:
            raise ModelError(NEEDS_CLAIMS, field="waiting")
        first_and_last(at, until)
        self.watch = watch or Watch()
        self.watch.begin_run({"engine": self.kind, "at": at.isoformat(), "until": until and until.isoformat()})
        self.watch.begin("reading")
        if run_id is not None:
            check_text(run_id, "run_id")
        self.decider = decider = paused_by_ledger(arbiter.decider, ledger, writes=not dry_run)
        self.at, self.until, self.explain = at, until, explain
        self.tables = {name: given for name in TABLES if (given := getattr(inputs, name)) is not None}
        self.inputs = tuple(name for name in self.tables if name != "contacts")
        self.run_id = run_id or decider.run_id(at, until, self.inputs)
        self.written = self.bad_touches = 0
        keep = 100 if bad_rows is None and not self.is_part else None
        self.bad = BadRows(max_bad, keep, is_part=self.is_part, whose=self._whose if self.is_part else None)
        self.ledger: LedgerRun | None = None
        self.has_kept_events = False
        self._events_met: set[str] = set()
        self.waiting: RunWaiting | None = None
        self._competes = waiting
        self.quota_run: QuotaRun | None = None
        self.choices: ChosenClaims | None = None
        self.sides = [side for quota in decider.playbook.quotas for side in quota.sides]
        if ledger is None:
            need_ledger(decider.ruleset.counted)
        self.used = [0] * len(self.sides)
        self._begun = ledger if isinstance(ledger, BegunRun) else None
        self._store = ledger.ledger if isinstance(ledger, BegunRun) else ledger
        self._dry_run, self._keeps = dry_run, keep_decisions
        self._bad_file, self._progress, self._strict = bad_rows, progress, strict
        self._writes = False
        self.zone = None if inputs.zone is None else clock(inputs.zone).zone
        playbook, vocabulary = decider.playbook, decider.ruleset.vocabulary
        self.mismatches = Mismatches()
        self.words = {name: Words(name, playbook, vocabulary) for name in self.tables}
        self.spellings, self.doubles = Spellings.of(playbook), Doubles.of(playbook)
        self.quality = QualityCounts(decider, self.words, self.spellings, self.bad)
        self._unknowns = Unknowns(decider, at)
        self._tally = DecisionTally(playbook, decider.arms)
        self.arms = None if decider.arms is None else ArmCounts()
        # Of touches of series, which the ledger has: how many there are of each campaign and content.
        self._steps: Counter[tuple[str, str]] = Counter()
        self._days = None if until is None else DayTally(playbook, at, until)
        self._notes: tuple[str, ...] = ()
        if goes_to is not None:
            with self.watch.guarding():
                self.folder_for(**goes_to)

    # What each job has of its own

    @property
    def sources(self) -> dict[str, str]:
        """The tables that were given, and what their bad rows call them."""
        raise NotImplementedError

    @property
    def contact_source(self) -> str:
        """What bad rows call the table from which the contacts are."""
        raise NotImplementedError

    @property
    def unknown_touches(self) -> int:
        """How many touches belong to contacts that were not decided."""
        raise NotImplementedError

    @property
    def unknown_scores(self) -> int:
        """Likewise, scores."""
        raise NotImplementedError

    @property
    def unknown_events(self) -> int:
        """Likewise, events."""
        raise NotImplementedError

    def group(self, contacts: list[Contact]) -> ContactGroup:
        """Contacts that are decided together, with what belongs to them."""
        raise NotImplementedError

    def scored(self) -> Scored:
        """The campaigns for which the table of scores has what, as pairs."""
        raise NotImplementedError

    def costless(self) -> Collection[str] | None:
        """The campaigns of claims that are brought with neither weight nor opt_out; None where campaigns claim."""
        raise NotImplementedError

    def upliftless(self) -> Collection[str] | None:
        """The campaigns of claims that are brought without an uplift; None where campaigns claim."""
        raise NotImplementedError

    def picker(self, name: str) -> Picker:
        """How rows of a table are read again."""
        raise NotImplementedError

    def kinds(self, name: str) -> Mapping[str, str]:
        """The kinds of a table's columns, where each has one."""
        raise NotImplementedError

    def total(self) -> ClaimCounts:
        """What was counted of all contacts and their claims so far."""
        return self._tally.counts()

    def usage(self) -> list[int]:
        """By side of the quotas, what was granted so far uses."""
        return list(self.used)

    def finish_words(self) -> None:
        """Tell the words of each table which columns it has, where that is not known yet."""

    def own_notes(self) -> Iterator[str]:
        """What a person should know of this job besides."""
        return iter(())

    def own_contacts(self) -> Iterable[str]:
        """The ids of the contacts of the tables, where these are a part of a run in a ledger."""
        raise ModelError("a part of a run in a ledger is decided by the columnar engine alone", field="ledger")

    def fallback_counts(self) -> FallbackCounts | None:
        """Which contacts of a columnar job the row engine decided; None where it decides all."""
        return None

    # Beginning

    def known_touches(self, contacts: Sequence[str] | None = None) -> Iterator[Reservation]:
        """The touches that the ledger knew when the run began, of all or some contacts; those of series are counted."""
        assert self.ledger is not None  # noqa: S101  (there is a ledger)
        series = self.decider.ruleset.series
        for own in self.ledger.history(contacts):
            if own.campaign in series:
                self._steps[own.campaign, own.content or ""] += 1
            yield own

    def count_events(self, given: Mapping[str, int], kept: Iterable[str] = ()) -> None:
        """Count the names of events: of those that a table gives, those that the playbook does not know.

        Args:
            given: by name, how many events the table has.
            kept: the names of those that the ledger keeps.
        """
        self._events_met |= {*given, *kept}
        words = self.words.get("events")
        if words is not None:
            for name, rows in given.items():
                for finding in words.cell("event", name):
                    words.count(finding, rows, self.mismatches)

    def need_events(self) -> None:
        """Refuse a run that is to be strict, where rules or rests ask for events and none are at hand.

        Raises:
            DataError: saying what would protect nobody, and what to give.
        """
        silence = self.decider.ruleset.events_asked.silence
        if not silence or "events" in self.tables:
            return
        if self._store is not None:
            with self._store.reading() as transaction:
                if transaction.has_events():
                    return
        what_to_do = "give a table of events (--events), or keep them in the ledger (`journeykit ledger events`)"
        raise DataError("\n".join([*silence, what_to_do]), source="events")

    def need_guards(self) -> None:
        """Refuse a run that is to be strict, where guards of the playbook were not asked, or do not fit it.

        Raises:
            DataError: saying what would pause nothing.
        """
        found = [note.removeprefix("guards: ") for note in self.decider.guard_notes()]
        if found:
            raise DataError("\n".join(found), source="guards")

    def open_ledger(self) -> None:
        """Begin the run in the ledger, if there is one."""
        if self._store is None:
            return
        when = {"run_id": self.run_id, "at": self.at, "until": self.until}
        how = {**when, "explain": self.explain, "dry_run": self._dry_run, "keep": self._keeps}
        self.ledger = ledger_run_of(self._begun or self._store, self.decider, self.own_contacts, how)
        self.ledger.tell(self.mismatches)
        if self.claims_given:
            from journeykit.ledger.run_waiting import RunWaiting

            self.waiting = RunWaiting(self.ledger, competes=self._competes)
            self.ledger.waiting = self.waiting
        self.watch.detail = self.ledger.progress
        if self.decider.ruleset.counted:
            self.sides = self.ledger.sides
            self.used = [0] * len(self.sides)

    @property
    def claims_given(self) -> bool:
        """Whether claims are given; else they are derived from the campaigns' audiences."""
        return "claims" in self.tables

    def with_waiting(self, names: Iterable[str]) -> list[str]:
        """The contacts that have claims, and those of whom claims wait that compete."""
        return list(dict.fromkeys((*names, *(() if self.waiting is None else self.waiting.contacts()))))

    def competing(self, contact: str, claims: list[Claim]) -> list[Claim]:
        """The claims of a contact, with those that wait where they compete."""
        return claims if self.waiting is None else self.waiting.claims(contact, claims)

    # Deciding

    def count(self, number: int, contact: Contact, decided: Decided) -> Decision | None:
        """Count what was decided of a contact; None, and a bad row, where it could not be decided.

        Args:
            number: the number of the contact's row.
            contact: the contact.
            decided: what was decided.
        """
        decision, counted = decided
        if isinstance(decision, ModelError):
            self.bad.add(self.of_contact(BadRow.of_error(self.contact_source, number, decision), contact.id))
            return None
        fault = self._tally.count(contact, decision, counted)
        if self.arms is not None:
            self.arms.count(decision)
        self._unknowns.count(contact)
        if fault is not None:
            held = None if self.waiting is None else self.waiting.bad_row(decision, fault)
            self.bad.add(held or self.of_contact(BadRow(self.contact_source, number, "", fault, _ALLOWED), contact.id))
        if self.waiting is not None:
            self.waiting.decided(contact.id, decision)
        return decision

    def of_contact(self, bad: BadRow, contact: str) -> BadRow:
        """A bad row about a contact; where contacts come from claims, their numbers are those of no rows."""
        return bad if "contacts" in self.tables else evolve(bad, row=0, contact=contact)

    def chosen(self, number: int) -> tuple[QuotaChoice, QuotaCharges] | None:
        """What the run chose for a contact or group, by number, and at which prices; None without quotas."""
        run = self.choices
        return None if run is None else (run.choice(number), run.charges)

    def group_of(self, contacts: Sequence[Contact], inputs: Mapping[str, ContactInputs]) -> ContactGroup:
        """Contacts that are decided together, with what belongs to them and what the ledger knows of colleagues."""
        group = ContactGroup(contacts, inputs, at=self.at, until=self.until, scored=self.scored())
        if self.ledger is not None:
            group.colleagues = self.ledger.colleagues(group)
        return group

    def decide(self, group: ContactGroup, chosen: tuple[QuotaChoice, QuotaCharges] | None = None) -> GroupDecision:
        """Decide the contacts of a group by the row engine, as the run chose for them where it did."""
        choice, charges = chosen or (None, None)
        keep = None if choice is not None or self.ledger is None else self.ledger.keep_to
        found = self.decider.decide_group(
            group, explain=self.explain, run_id=self.run_id, choice=choice, charges=charges, keep_to=keep
        )
        return self._counted(found)

    def decide_groups(
        self, groups: AccountGroups, ledger: LedgerRun | None, made: Sequence[ContactGroup] | None = None
    ) -> Iterator[tuple[int, Contact, Decided]]:
        """The contacts of groups with their decisions, in the order of their rows.

        Args:
            groups: the groups.
            ledger: where what is granted is reserved; None for nowhere.
            made: the groups with what belongs to them, where that is known already.
        """
        held: list[tuple[int, Contact, Decided]] = []
        numbered = enumerate(groups)
        # Without quotas an account is decided once it is whole, before rows after it are read.
        waits = self.decider.by_account and made is None
        while some := list(islice(numbered, 1 if ledger is None or waits else _AT_ONCE)):
            chosen = [self.chosen(number) for number, _ in some]
            own = [
                self.group([contact for _, contact in rows]) if made is None else made[number] for number, rows in some
            ]
            if ledger is None:
                found = list(map(self.decide, own, chosen))
            else:
                found = list(map(self._counted, ledger.decided(own, chosen)))
            for (_, rows), decided in zip(some, found, strict=True):
                for pair, one in zip(rows, decided.decided, strict=True):
                    heappush(held, (*pair, one))
            while held and held[0][0] < groups.next_row:
                yield heappop(held)

    def _counted(self, found: GroupDecision) -> GroupDecision:
        """What was decided of a group, counted against the quotas."""
        if found.used:
            self.used = [before + more for before, more in zip(self.used, found.used, strict=True)]
        return found

    def tell_progress(self, done: int, total: int | None) -> None:
        """Tell how many contacts are done, and of how many where that is known."""
        self.watch.count(done, total)
        if self._progress is not None:
            self._progress(done, total)

    def finish(self) -> None:
        """End the run: keep its bad rows, and refuse tables of which too little could be used.

        Raises:
            DataError: for too many bad rows, or a table without one that can be used.
        """
        if self.waiting is not None:
            self.waiting.flush()
        self.watch.end()
        if self._bad_file is not None:
            tables = {name: (source, self.picker(name)) for name, source in self.sources.items()}
            write_bad_rows(self._bad_file, self.bad.first, tables)
        self.refuse_useless()
        self.bad.check()
        if not self._writes:
            self.end_trace()

    def end_trace(self) -> None:
        """The run is over: its span says what was done."""
        self.watch.end()
        if self.watch.is_traced:
            self.watch.end_run(*self.summary().traced())

    def refuse_useless(self) -> None:
        """Refuse tables that have rows, none of which can be used."""
        refuse_useless_tables(self.bad, self.sources, self._tally.contacts)

    def folder_for(
        self, out: str | os.PathLike[str], partition: str | None = None, *, append: bool = False
    ) -> FolderOutput | None:
        """The folder of the decisions, None for a file; see `journeykit.job.run_output.output_of`."""
        zone, columns = self.decider.playbook.timezone, self.output.columns
        run = self.run_id, self.at, self.until, self.decider.fingerprint
        return output_of(out, partition, append=append, run=run, tables=self.tables, columns=columns, zone=zone)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The run is over once what is written meanwhile has its place."""
        self._writes = True
        with self.watch.guarding():
            yield
        self.end_trace()

    # What was done

    @property
    def facts(self) -> RunFacts:
        """What is known of the run whatever its rows say."""
        return RunFacts(
            decider=self.decider,
            run_id=self.run_id,
            at=self.at,
            until=self.until,
            engine=self.kind,
            tables=self.tables,
            sources=self.sources,
            contact_source=self.contact_source,
            columns=self.output.columns,
        )

    def counts(self) -> RunCounts:
        """What was counted so far, as a value of its own; bad rows of a part of the tables say whose they are."""
        self.finish_words()
        readings, costless, upliftless = self._unknowns.readings, self.costless(), self.upliftless()
        return RunCounts(
            claims=self.total(),
            written=self.written,
            restricted=len(self.doubles.changed),
            bad=self._bad_by_contact() if self.is_part else self.bad,
            bad_touches=self.bad_touches,
            unknown_touches=self.unknown_touches,
            unknown_scores=self.unknown_scores,
            unknown_events=self.unknown_events,
            mismatches=self.mismatches,
            unknown=self._unknowns.unknown,
            cells=readings.counted(),
            columns={name: dict(words.names) for name, words in self.words.items()},
            kinds={name: dict(self.kinds(name)) for name in self.tables},
            spans=dict(self.quality.spans),
            steps=self._steps,
            events=self._events_met,
            has_kept_events=self.has_kept_events,
            arms=self.arms,
            days=None if self._days is None else self._days.counted,
            notes=dict.fromkeys((*self._notes, *self.own_notes())),
            fallback=self.fallback_counts(),
            usage=self.usage(),
            ledger=None if self.ledger is None else self.ledger.counts,
            scored=set(self.scored()),
            costless=None if costless is None else set(costless),
            upliftless=None if upliftless is None else set(upliftless),
            durations=dict(self.watch.durations),
        )

    def _bad_by_contact(self) -> BadRows:
        """The bad rows of a part of the tables, by contact."""
        found = BadRows()
        found.merge(self.bad.with_rows(self._whose(self.bad.first)))
        return found

    def _whose(self, rows: Sequence[BadRow]) -> list[BadRow]:
        """Bad rows of a part of the tables: numbers of rows say nothing there, and whose row it is does."""
        return by_contact(rows, [(source, self.picker(name)) for name, source in self.sources.items()])

    def summary(self) -> Summary:
        """What was done so far."""
        return self.facts.summary(self.counts(), quotas=self.quota_run, ledger=self.ledger)

    def calendar(self) -> Calendar:
        """What is granted and deferred so far, on each day of the plan.

        Raises:
            ModelError: without ``until``, since a single instant has no days.
        """
        if self._days is None:
            raise ModelError("a calendar is that of a plan; give until, its last instant", field="until")
        return self._days.calendar()
