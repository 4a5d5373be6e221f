"""The nightly job, contact by contact: rows of contacts, touches, scores and claims in, decisions out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Unpack
from uuid import uuid4

from attrs import evolve

from journeykit.engine.contact_group import ContactInputs
from journeykit.errors import DataError, ModelError, missing
from journeykit.job.account_groups import AccountGroups
from journeykit.job.inputs import TABLES, Inputs
from journeykit.job.run import Run
from journeykit.job.table_survey import survey
from journeykit.kernels import has_kernels
from journeykit.model.contact import Contact
from journeykit.tables import (
    BadRow,
    ClaimTable,
    ContactTable,
    ScoreTable,
    TouchTable,
    decision_cells,
    table_writer,
)
from journeykit.tables.bad_row_file import picker
from journeykit.tables.doubles import rereadable
from journeykit.tables.event_log import EventLog
from journeykit.tables.file_identity import IdTrail
from journeykit.tables.formats import called, format_of
from journeykit.tables.output_selection import OutputSelection, cells_at
from journeykit.tables.touch_table import refuse_useless, touch_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from journeykit.engine.contact_group import ContactGroup
    from journeykit.engine.decider import Decided, HasDecider
    from journeykit.job.account_groups import Group
    from journeykit.job.run import Picker, RunOptions
    from journeykit.job.summary import Summary
    from journeykit.journey import Event
    from journeykit.ledger import BaseLedger
    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.ledger.transaction import EventRow
    from journeykit.model.claim import Scored
    from journeykit.model.decision import Decision
    from journeykit.model.outcome import Row
    from journeykit.tables import TableSource

_AT_ONCE = 500
"""So many decisions are kept in the ledger at once."""


class RowJob(Run):
    """Tables to decide: iterate `decisions`, then ask for the `summary`.

    Contacts pass one by one. What grows with the data is the packed history, scores and claims by contact, and the
    set of contact ids. Where the playbook has caps per account, the contacts of an account wait for the last of them,
    and those after them wait too.

    Args:
        arbiter: the arbiter, or its decider.
        inputs: the tables.
        only: the id of the one contact that is wanted; None for all. Where the playbook has caps per account, the
            contact's colleagues are decided together with the contact.
        options: as for `journeykit.job.run.Run`: ``at``, ``until``, ``explain``, ``run_id``, ``max_bad``,
            ``bad_rows``, ``progress``, ``ledger``, ``watch``, ``strict``, ``dry_run``, ``keep_decisions``,
            ``outcomes``, ``columns``, ``goes_to``.

    Raises:
        DataError: for a table that cannot be used, touches of which no row can be used, and where ``strict`` refuses.
        ModelError: for a plan that ends before it starts.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Playbook
        >>> inputs = Inputs(
        ...     contacts=[{"contact_id": "anna", "consent": "email"}],
        ...     claims=[{"contact_id": "anna", "campaign_id": "launch", "channel": "email", "weight": 8}],
        ... )
        >>> job = RowJob(Arbiter(Playbook()), inputs, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> [grant.campaign for _, decision in job.decisions() for grant in decision.granted]
        ['launch']
        >>> job.summary().outcomes
        {'granted': 1}
    """

    kind = "one"

    def __init__(
        self, arbiter: HasDecider, inputs: Inputs, *, only: str | None = None, **options: Unpack[RunOptions]
    ) -> None:
        super().__init__(arbiter, inputs, **options)
        self._is_whole = only is None
        # One contact alone keeps no quota: prices steer the choice, where there are any.
        self._has_quotas = bool(self.decider.playbook.quotas) and only is None
        with self.watch.guarding():
            self._open(inputs, only)

    def _open(self, inputs: Inputs, only: str | None) -> None:
        """Read the tables, but for the contacts, and begin the run in the ledger."""
        if self._strict or self._bad_file is not None:
            inputs = evolve(inputs, **{name: rereadable(getattr(inputs, name)) for name in TABLES})
            self.tables = {name: getattr(inputs, name) for name in self.tables}
        if self._strict:
            vocabulary = self.decider.ruleset.vocabulary
            survey(self.decider.playbook, self.tables, zone=self.zone, vocabulary=vocabulary).refuse()
            self.need_events()
            self.need_guards()
        self._last: dict[str, int] | None = {}
        self._trail: IdTrail | None = None
        wanted = self._open_contacts(inputs.contacts, None if only is None else frozenset([only]))
        self._history = TouchTable() if inputs.touches is None else self._read_touches(inputs.touches, wanted)
        self._scores, self._claims = ScoreTable(), None
        if inputs.scores is not None:
            with self.watch.table("scores"):
                self._scores = ScoreTable.read(inputs.scores, only=wanted, **self._read("scores"))
        if inputs.claims is not None:
            with self.watch.table("claims"):
                self._claims = ClaimTable.read(inputs.claims, zone=self.zone, only=wanted, **self._read("claims"))
        self._events = None if inputs.events is None else self._read_events(inputs.events, wanted)
        self._ledger_history = TouchTable()
        self._kept_events: dict[str, list[EventRow]] = {}
        self.open_ledger()
        if self.ledger is not None:
            history = self.known_touches(None if wanted is None else sorted(wanted))
            rows = (touch_cells(held.touch()) for held in history)
            self._ledger_history = TouchTable.read(rows, vocabulary=self.decider.ruleset.vocabulary)
            self._join_events(self.ledger, wanted)

    def _read(self, name: str) -> dict[str, Any]:
        """How the rows of a table are read."""
        own = {"playbook": self.decider.playbook, "bad": self.bad, "words": self.words[name]}
        return {**own, "found": self.mismatches}

    def _open_contacts(self, source: TableSource | None, wanted: frozenset[str] | None) -> frozenset[str] | None:
        """Open the contacts; which of them are decided, or None for all."""
        self._contacts: ContactTable | None = None
        if source is None:
            return wanted
        if self.decider.by_account:
            source, wanted = self._survey(source, wanted)
        self._contacts = ContactTable(
            source,
            spellings=self.spellings,
            zone=self.zone,
            bad=self.bad,
            only=wanted,
            words=self.words["contacts"],
            found=self.mismatches,
            doubles=self.doubles,
        )
        if self._trail is not None:
            self._trail.all = wanted is None
        self._notes = self._contacts.notes
        return wanted

    def _read_touches(self, source: TableSource, wanted: frozenset[str] | None) -> TouchTable:
        """The history; one that has rows, none of which can be used, is refused."""
        before, words = self.bad.total, self.words["touches"]
        with self.watch.table("touches"):
            history = TouchTable.read(
                source,
                zone=self.zone,
                bad=self.bad,
                only=wanted,
                vocabulary=words.vocabulary,
                words=words,
                found=self.mismatches,
            )
        self.bad_touches = self.bad.total - before
        self.quality.widen("touches", history.span)
        if wanted is None:
            refuse_useless(self.bad, before, history.good)
        return history

    def _read_events(self, source: TableSource, wanted: frozenset[str] | None) -> EventLog | None:
        """What contacts did; None where no rule asks for it."""
        asked = self.decider.ruleset.events_asked
        if not asked:
            return None
        names = {*asked.numbers, *asked.values}
        with self.watch.table("events"):
            log = EventLog.read(source, zone=self.zone, bad=self.bad, properties=names, only=wanted)
        self.bad.refuse_useless(log.source, log.rows)
        self.count_events(log.met)
        self.words["events"].name(log.columns)
        self.quality.widen("events", log.span)
        return log

    def _join_events(self, ledger: LedgerRun, wanted: frozenset[str] | None) -> None:
        """Read the events that the ledger keeps, where rules ask for events."""
        from journeykit.ledger.event_keeping import events_as_of, had_events

        self.has_kept_events = bool(self.decider.ruleset.events_asked) and had_events(ledger.ledger, ledger.mark)
        if self.has_kept_events:
            for row in events_as_of(ledger.ledger, ledger.mark, None if wanted is None else sorted(wanted)):
                self._kept_events.setdefault(row.contact, []).append(row)
            self.count_events({}, {row.event for rows in self._kept_events.values() for row in rows})

    def _survey(self, source: TableSource, wanted: frozenset[str] | None) -> tuple[TableSource, frozenset[str] | None]:
        """Read the contacts once before: where each account ends and, of one contact, which colleagues there are."""
        if not isinstance(source, str | os.PathLike) and iter(source) is source:
            if wanted is None:
                # What can be read only once is not kept: where accounts end is seen at its end.
                self._last = None
                return source, None
            source = list(source)
        last: dict[str, int] = {}
        accounts: dict[str, str | None] = {}
        contacts = ContactTable(source, spellings=self.spellings, zone=self.zone)
        self._trail = trail = IdTrail(contacts.source)
        for number, contact in contacts:
            trail.add(number, contact.id)
            if contact.account is not None:
                last[contact.account] = number
            if wanted is not None:
                accounts[contact.id] = contact.account
        self._last = last
        if wanted is not None:
            mine = {accounts.get(name) for name in wanted} - {None}
            wanted |= {name for name, account in accounts.items() if account in mine}
        return source, wanted

    # Deciding

    def decisions(self) -> Iterator[tuple[Contact, Decision]]:
        """Each contact with its decision, in the order of the contacts. Once only: what was taken is gone.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows.
        """
        with self.watch.guarding():
            yield from self._decisions()

    def _decisions(self) -> Iterator[tuple[Contact, Decision]]:
        total, contacts = self._opened()
        done = 0
        kept: list[tuple[str, str, list[tuple[Any, ...]]]] = []
        for number, contact, decided in self._decided(contacts):
            decision = self.count(number, contact, decided)
            if decision is None:
                continue
            if self._days is not None:
                self._days.count(decision.rows)
            if self.ledger is not None and self.ledger.keeps:
                kept.append((contact.id, decision.timezone, [decision_cells(row) for row in decision.rows]))
                if len(kept) == _AT_ONCE:
                    self.ledger.keep(kept)
                    kept = []
            yield contact, decision
            done += 1
            if done % 64 == 0:
                self.tell_progress(done, total)
        if self.ledger is not None and kept:
            self.ledger.keep(kept)
        if self._claims is not None:
            self._claims.refuse_rest("a contact of the table of contacts")
        self.tell_progress(done, done)
        self.finish()

    def _opened(self) -> tuple[int | None, Iterable[tuple[int, Contact]]]:
        """How many contacts there are, where that is known, and the contacts; those with claims without a table."""
        contacts: Iterable[tuple[int, Contact]]
        if self._contacts is not None:
            contacts = self._contacts if self._trail is None else self._trail.compared(self._contacts)
            return self._contacts.count, self._protected(contacts)
        assert self._claims is not None  # noqa: S101  (one of the two is given)
        names = self.with_waiting(self._claims)
        contacts = ((number, Contact(id=key)) for number, key in enumerate(names, 1))
        return len(names), self._protected(contacts)

    def _protected(self, contacts: Iterable[tuple[int, Contact]]) -> Iterator[tuple[int, Contact]]:
        """The contacts, with the ledger's opt-outs applied, and with what they did."""
        for number, contact in contacts:
            try:
                found = contact if self.ledger is None else self.ledger.protected(contact)
            except ModelError as error:
                self.bad.add(self.of_contact(BadRow.of_error(self.contact_source, number, error), contact.id))
            else:
                if self._events is not None or self.has_kept_events:
                    told = [] if self._events is None else self._events.take(found.id)
                    told += self._kept(found.id)
                    found = self.decider.ruleset.with_events(found, told, self.at)
                yield number, found

    def _kept(self, contact: str) -> list[Event]:
        """What the ledger keeps of what a contact did, which is then let go."""
        if not self._kept_events:
            return []
        from journeykit.ledger.event_keeping import event_of

        return [event_of(row) for row in self._kept_events.pop(contact, ())]

    def _decided(self, contacts: Iterable[tuple[int, Contact]]) -> Iterator[tuple[int, Contact, Decided]]:
        """The contacts with their decisions, in the order of their rows."""
        self.watch.begin("choosing" if self._has_quotas else "deciding")
        groups = AccountGroups(contacts, self._last, together=self.decider.by_account)
        made = self._choose(groups.hold()) if self._has_quotas else None
        # One contact alone is explained, and nothing is reserved.
        yield from self.decide_groups(groups, self.ledger if self._is_whole else None, made)
        if self.quota_run is not None:
            self.quota_run.confirm(self.used)

    def _choose(self, groups: list[Group]) -> list[ContactGroup]:
        """Choose for all groups together, so that the quotas hold; the groups with what belongs to them."""
        try:
            from journeykit.quotas.arm_quotas import choose_for_groups
        except ImportError as error:
            raise missing(error.name, "quotas", "a run with quotas") from error
        made = [self.group([contact for _, contact in rows]) for rows in groups]
        run = choose_for_groups(self.decider, made, claims=self.claims_given, threads=1, sides=self.sides)
        self.quota_run = self.choices = run
        if self.ledger is not None:
            self.ledger.charges = run.charges
        self.watch.begin("deciding")
        return made

    def group(self, contacts: list[Contact]) -> ContactGroup:
        """Contacts that are decided together, with what belongs to them."""
        return self.group_of(contacts, {contact.id: self._taken(contact) for contact in contacts})

    def _taken(self, contact: Contact) -> ContactInputs:
        """What the tables hold of a contact, which is then let go."""
        touches, claims, counted = self._history.take(contact.id) + self._ledger_history.take(contact.id), None, 0
        if self._claims is not None:
            claims = self._claims.take(contact.id)
            counted = self._claims.taken_bad
            claims = self.competing(contact.id, claims)
        return ContactInputs(touches, claims, self._scores.take(contact.id), counted)

    def write(
        self,
        out: str | os.PathLike[str],
        *,
        form: str | None = None,
        everything: bool = False,
        partition: str | None = None,
        append: bool = False,
    ) -> Summary:
        """Decide all and write the table of decisions, which appears whole or not at all.

        Args:
            out: the file; ``-`` is standard output; with ``partition`` a folder of Parquet files.
            form: ``csv``, ``jsonl`` or ``parquet``; None for what the ending says.
            everything: whether denied claims are written too; else what the option ``outcomes`` says.
            partition: ``day``, ``channel`` or ``team``, by which rows are put into the files of a folder; None for a
                file. See `journeykit.tables.partitioning.Partitioning`.
            append: whether ``out`` is a log: a folder to which each run adds a folder of its own, ``run=NAME``. A run
                that is repeated replaces what it wrote before.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows; nothing is written then.
            OSError: if the file cannot be written.
        """
        output = OutputSelection.of("all", self.output.columns) if everything else self.output
        with self.writing():
            folder = self.folder_for(out, partition, append=append)
            if folder is None:
                self._write_file(output, out, form)
            else:
                from journeykit.tables.folder_output import folder_writer

                with folder_writer(folder, output.columns) as write_row:
                    self._write(output, write_row)
        return self.summary()

    def _write_file(self, output: OutputSelection, out: str | os.PathLike[str], form: str | None) -> None:
        """Decide all, and write the rows to a file."""
        places = cells_at(output.columns)
        with table_writer(out, output.kinds, form) as write:

            def write_cells(row: Row) -> None:
                cells = decision_cells(row)
                write([cells[place] for place in places])

            self._write(output, write_cells)

    def _write(self, output: OutputSelection, write: Callable[[Row], object]) -> None:
        """Decide all, and write the rows that are given."""
        for _, decision in self.decisions():
            for row in output.rows(decision.rows):
                write(row)
                self.written += 1

    # What the summary asks for

    @property
    def sources(self) -> dict[str, str]:
        """The tables that were given, and what their bad rows call them."""
        given = self.tables.items()
        return {name: called(os.fspath(own)) if isinstance(own, str | os.PathLike) else name for name, own in given}

    @property
    def contact_source(self) -> str:
        """What bad rows call the table from which the contacts are."""
        table = self._claims if self._contacts is None else self._contacts
        return "" if table is None else table.source

    @property
    def unknown_touches(self) -> int:
        """How many touches belong to contacts that were not decided."""
        return len(self._history)

    @property
    def unknown_scores(self) -> int:
        """Likewise, scores."""
        return len(self._scores)

    @property
    def unknown_events(self) -> int:
        """Likewise, events."""
        return 0 if self._events is None else len(self._events)

    def scored(self) -> Scored:
        """The campaigns for which the table of scores has what, as pairs."""
        return self._scores.scored

    def costless(self) -> Collection[str] | None:
        """The campaigns of claims that are brought with neither weight nor opt_out; None where campaigns claim."""
        return None if self._claims is None else self._claims.costless

    def upliftless(self) -> Collection[str] | None:
        """The campaigns of claims that are brought without an uplift; None where campaigns claim."""
        return None if self._claims is None else self._claims.upliftless

    def picker(self, name: str) -> Picker:
        """How rows of a table are read again."""
        return picker(self.tables[name], name)

    def kinds(self, name: str) -> Mapping[str, str]:
        """The kinds of a table's columns, where each has one: those of Parquet files."""
        given = self.tables[name]
        if not isinstance(given, str | os.PathLike) or not (os.path.isdir(given) or format_of(given) == "parquet"):  # noqa: PTH112
            return {}
        from journeykit.tables.arrow.parquet_files import files_at

        return files_at(os.fspath(given)).kinds

    def own_notes(self) -> Iterator[str]:
        """What a person should know of this job besides."""
        if not has_kernels():
            yield "journeykit's extension module is not built: contacts were decided one by one"

    def refuse_useless(self) -> None:
        """Refuse tables that have rows, none of which can be used; of one contact alone that says nothing."""
        if self._is_whole:
            super().refuse_useless()


def decide_one(
    arbiter: HasDecider,
    inputs: Inputs,
    contact: str,
    *,
    at: datetime,
    until: datetime | None = None,
    ledger: BaseLedger | None = None,
    run_id: str | None = None,
) -> tuple[Contact, Decision, tuple[BadRow, ...]]:
    """One contact of the tables, its decision with explanations, and the first rows that could not be used.

    Args:
        arbiter: the arbiter, or its decider; and so on as for `RowJob`.
        inputs: the tables.
        contact: the contact's id.
        at: the instant of the decision.
        until: the last instant of a plan, or None.
        ledger: where history and opt-outs are read too; nothing is reserved.
        run_id: with a ledger, a run that was begun: the history is that of its beginning. None takes that of now.

    Raises:
        DataError: if no usable row has this contact.
    """
    if ledger is not None and run_id is not None:
        with ledger.reading() as transaction:
            if transaction.run(run_id) is None:
                raise DataError(f"the ledger knows no run {run_id!r}", source="ledger")
    own = run_id if ledger is None or run_id is not None else uuid4().hex
    job = RowJob(
        arbiter,
        inputs,
        at=at,
        until=until,
        explain=True,
        only=contact,
        ledger=ledger,
        run_id=own,
        dry_run=ledger is not None,
    )
    for found, decision in job.decisions():
        if found.id == contact:
            # Who come after are not asked for.
            job.end_trace()
            return found, decision, tuple(job.bad.first)
    faults = "".join(f"\n  {bad}" for bad in job.bad.first[:5])
    raise DataError(f"there is no usable row of contact {contact!r}" + (f"; bad rows:{faults}" if faults else ""))
