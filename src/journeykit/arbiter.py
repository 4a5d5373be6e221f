"""The arbiter: a playbook, compiled.

It looks at a contact's claims, its history and a moment, and gives every claim an outcome and a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.validation import all_of, check_text
from journeykit.engine.contact_group import ContactGroup, ContactInputs
from journeykit.engine.decider import Decider, as_dict
from journeykit.engine.decision_auditor import DecisionAuditor
from journeykit.engine.selection import NODE_BUDGET
from journeykit.errors import ModelError, missing
from journeykit.kernels import has_kernels
from journeykit.model.claim import NEEDS_CLAIMS
from journeykit.model.contact import Contact
from journeykit.model.decision import Decision
from journeykit.playbook.playbook import Playbook
from journeykit.policies.claim_check import Check, checks_of
from journeykit.policies.policy import Policy

if TYPE_CHECKING:
    import os
    from datetime import datetime

    from journeykit.audit import Violation
    from journeykit.job import Summary
    from journeykit.job.calendar import Calendar
    from journeykit.job.run import Run
    from journeykit.journey import Event
    from journeykit.ledger import BaseLedger
    from journeykit.model.claim import Claim, Scored, Scores
    from journeykit.model.prices import Prices  # noqa: TC004  (loaded where it is needed)
    from journeykit.model.touch import Touch
    from journeykit.model.tripped_guards import TrippedGuards  # noqa: TC004  (loaded where it is needed)


_NOTHING: tuple[Any, ...] = ((), None, None)
"""The touches, claims and events of a contact of which none are given."""


@frozen(eq=False)
class Arbiter(DecisionAuditor):
    """A playbook, compiled once and asked many times. Immutable, thread-safe, picklable.

    Attributes:
        playbook: the rule set.
        policies: your own policies by name; the playbook's ``policy`` chooses among these and the built-in ones.
        prices: prices of the playbook's quotas, by which single contacts are steered: a claim that uses a quota is
            charged its price, one that fills a minimum is paid for it. They do not enforce a quota. None decides
            single contacts as if there were no quotas; a run over tables finds prices of its own.
        node_budget: the most nodes one search visits before it settles for the best set it has seen. The decision
            then says ``optimal=False`` and gives the bound.
        checks: your own checks of eligibility; see `journeykit.policies.Check`.
        guards: tripped guards, as `journeykit measure --guards-out` writes them: their campaigns are paused.

    Raises:
        PolicyError: for an unknown name, or an object that is no policy.
        ModelError: for an object that is no check.
        DataError: for prices of another playbook.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Cap, Claim, Contact, Window
        >>> gatekeeper = Arbiter(Playbook(caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))]))
        >>> anna = Contact(id="anna", consent=["email"])
        >>> claims = [Claim(campaign=name, channel="email", weight=w) for name, w in [("news", 1), ("launch", 8)]]
        >>> decision = gatekeeper.decide(anna, claims=claims, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> [(row.campaign, str(row.reason)) for row in decision.rows]
        [('launch', 'granted'), ('news', 'outbid')]
    """

    playbook: Playbook = field()
    policies: Mapping[str, Policy] = field(factory=dict, converter=as_dict)
    prices: Prices | None = field(default=None)
    node_budget: int = field(default=NODE_BUDGET, kw_only=True)
    checks: tuple[Check, ...] = field(default=(), converter=checks_of, kw_only=True)
    guards: TrippedGuards | None = field(default=None, kw_only=True)
    decider: Decider = field(init=False, repr=False)

    @decider.default
    def _compile(self) -> Decider:
        return Decider(self.playbook, self.policies, self.prices, self.node_budget, self.checks, guards=self.guards)

    def __reduce__(self) -> tuple[object, ...]:
        how = partial(Arbiter, node_budget=self.node_budget, checks=self.checks, guards=self.guards)
        return how, (self.playbook, dict(self.policies), self.prices)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the playbook, which every row carries."""
        return self.decider.fingerprint

    @property
    def policy_identity(self) -> str:
        """What tells the policy from others: its class and its fields."""
        return self.decider.policy_identity

    def decide(
        self,
        contact: Contact,
        touches: Iterable[Touch] = (),
        claims: Iterable[Claim] | None = None,
        *,
        at: datetime,
        until: datetime | None = None,
        scores: Scores | None = None,
        scored: Scored = (),
        events: Iterable[Event] | None = None,
        explain: bool = False,
        run_id: str | None = None,
        ledger: BaseLedger | None = None,
        key: str | None = None,
        dry_run: bool = False,
        waiting: bool = False,
    ) -> Decision:
        """Decide all claims on a contact's attention.

        With a ledger the history comes from it, and what is granted is reserved in the same transaction: another
        call for the same contact waits meanwhile, so that no two can take the last slot.

        Args:
            contact: who.
            touches: the history, planned and reserved touches included, in any order. Those that name a colleague and
                the same account count in caps per account, and only there; those of other contacts do not count.
            claims: what is asked for; None makes one claim of every campaign's every content.
            at: the instant of the decision, aware. The clock is never read.
            until: the last instant of a plan, aware; a claim may then take one slot of each local day.
            scores: by campaign id: propensity and value for claims that do not bring their own. A score of one content
                is given by the pair of campaign and content id, and goes before that of the campaign.
            scored: the ids of campaigns whose claims need a score, besides those that say so (`Campaign.scored`).
            events: what the contact did, in any order, for rules that ask ``count``, ``sum``, ``last`` or
                ``days_since`` of events; those after ``at`` do not count. None where nothing is at hand: what such
                rules ask is then unknown. An empty list says that there were none. Those that a ledger keeps are added.
            explain: whether the rows tell also what was displaced and what weight would have won.
            run_id: a name for the run; by default a hash of playbook, policy, prices, version of the library, ``at``
                and ``until``. With a ledger, one decides a contact once: asked again, it gives the same decision. By
                default each decision is then of its own.
            ledger: where the history is, and what is granted becomes a reservation; its id is the row's
                `decision_id`. What ``touches`` tells counts beside it, and must be what the ledger does not know.
                Opt-outs of the ledger win over the contact's own data. With caps per account the colleagues' touches
                come from the ledger too.
            key: with a ledger, what makes this decision one that is given once: asked again with the same key, the
                same decision comes back and nothing is reserved twice.
            dry_run: with a ledger, whether it is a rehearsal: the ledger is read, nothing is reserved, and neither key
                nor run is remembered.
            waiting: with a ledger, whether claims that wait there compete too, weighed afresh; see
                `BaseLedger.waiting`. One of ``claims`` that asks for the same replaces the one that waits.

        Returns:
            The decision; its rows are worked out when they are first read.

        Raises:
            ModelError: for an argument that cannot be, such as a naive ``at``.
            DataError: for a key or run that has decided something else before.
            LedgerError: where the ledger cannot be used; nothing is reserved then.
        """
        found: object = contact
        if not isinstance(found, Contact):
            raise ModelError(f"contact must be a Contact, found {type(found).__name__}", field="contact")
        if events is not None and ledger is None:
            contact = self.decider.ruleset.with_events(contact, events, at)
        if run_id is not None or ledger is None or waiting:
            _check_names(run_id, key, ledger, dry_run=dry_run, waiting=waiting, claims=claims)
        if ledger is None and not self.decider.by_account:
            inputs = {contact.id: ContactInputs(touches, claims, scores)}
            group = ContactGroup((contact,), inputs, at=at, until=until, scored=scored)
            return self.decider.decide(group, explain=explain, run_id=run_id)[0]
        return self._decide_group(
            (contact,),
            touches,
            None if claims is None else {contact.id: claims},
            None if scores is None else {contact.id: scores},
            events=None if events is None else {contact.id: events},
            when={"at": at, "until": until, "scored": scored},
            explain=explain,
            run_id=run_id,
            ledger=ledger,
            key=key,
            dry_run=dry_run,
            waiting=waiting,
        )[0]

    def _decide_group(
        self,
        contacts: tuple[Contact, ...],
        touches: Iterable[Touch],
        claims: Mapping[str, Iterable[Claim]] | None,
        scores: Mapping[str, Scores] | None,
        *,
        ledger: BaseLedger | None,
        explain: bool,
        run_id: str | None,
        events: Mapping[str, Iterable[Event]] | None,
        when: Mapping[str, Any],
        **how: Any,
    ) -> tuple[Decision, ...]:
        """Decide contacts together, with a ledger where there is one."""
        if ledger is None:
            group = ContactGroup.of(contacts, touches, claims, scores, **when)
            return self.decider.decide(group, explain=explain, run_id=run_id)
        from journeykit.ledger.decide import decide

        how |= {"events": events, "explain": explain, "run_id": run_id}
        return decide(self.decider, ledger, contacts, touches, claims, scores, **how, **when)

    def decide_account(
        self,
        contacts: Iterable[Contact],
        touches: Iterable[Touch] = (),
        claims: Mapping[str, Iterable[Claim]] | None = None,
        *,
        at: datetime,
        until: datetime | None = None,
        scores: Mapping[str, Scores] | None = None,
        scored: Scored = (),
        events: Mapping[str, Iterable[Event]] | None = None,
        explain: bool = False,
        run_id: str | None = None,
        ledger: BaseLedger | None = None,
        key: str | None = None,
        dry_run: bool = False,
        waiting: bool = False,
    ) -> tuple[Decision, ...]:
        """Decide all claims on the attention of one account's contacts, together.

        Caps per account count the touches and claims of all of them; every other rule looks at one contact. The sum
        over all contacts is the best there is; where hundreds of claims compete for the same room it may be a little
        less, and the decisions then say ``optimal=False``. The bound is one for all: each decision has its own total
        for a bound, and what the joint bound is above them is added to the first contact in the text order of ids.

        Args:
            contacts: who: all of one account, or one without.
            touches: the account's history, in any order; each says its contact where there are several. Those of
                colleagues who are not decided now count too, in caps per account only, if they say the account.
            claims: what is asked for, by contact id; None makes one claim of every campaign's every content, for each.
            at: as for `decide`.
            until: as for `decide`.
            scores: by contact id, and then as for `decide`.
            scored: as for `decide`.
            events: by contact id, and then as for `decide`; who is not in it did nothing.
            explain: as for `decide`.
            run_id: as for `decide`.
            ledger: as for `decide`: the history of all of them, and of their account, comes from it, and what is
                granted to any of them is reserved in one transaction. While it goes on nobody else decides one of them.
            key: as for `decide`, for all of them together; `BaseLedger.decision` gives it again by key and contact.
            dry_run: as for `decide`.
            waiting: as for `decide`.

        Returns:
            One decision for each contact, in the order given.

        Raises:
            ModelError: for contacts of several accounts, a contact that is given twice, and touches or claims that
                are nobody's.
            DataError: for a key or run that has decided something else, or only some of them, before.
            LedgerError: where the ledger cannot be used; nothing is reserved then.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit import Cap, Claim, Contact, Window
            >>> cap = Cap(name="one a week for an account", max=1, per="account", window=Window.rolling("7d"))
            >>> arbiter = Arbiter(Playbook(caps=[cap]))
            >>> anna, ben = (Contact(id=name, account="acme", consent=["email"]) for name in ("anna", "ben"))
            >>> asked = {"anna": [Claim(campaign="news", channel="email", weight=1)]}
            >>> asked["ben"] = [Claim(campaign="launch", channel="email", weight=8)]
            >>> found = arbiter.decide_account([anna, ben], claims=asked, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
            >>> [(row.contact, str(row.reason), row.lost_to) for decision in found for row in decision.rows]
            [('anna', 'outbid', ('launch',)), ('ben', 'granted', ())]
        """
        given = all_of(Contact, contacts, "contacts")
        _check_names(run_id, key, ledger, dry_run=dry_run and bool(given), waiting=waiting, claims=claims)
        if not given:
            return ()
        if events is not None and ledger is None:
            ruleset = self.decider.ruleset
            given = tuple(ruleset.with_events(contact, events.get(contact.id, ()), at) for contact in given)
        return self._decide_group(
            given,
            touches,
            claims,
            scores,
            events=events,
            when={"at": at, "until": until, "scored": scored},
            explain=explain,
            run_id=run_id,
            ledger=ledger,
            key=key,
            dry_run=dry_run,
            waiting=waiting,
            together=True,
        )

    def decide_many(
        self,
        contacts: Iterable[
            Contact
            | tuple[Contact, Iterable[Touch]]
            | tuple[Contact, Iterable[Touch], Iterable[Claim] | None]
            | tuple[Contact, Iterable[Touch], Iterable[Claim] | None, Iterable[Event] | None]
        ],
        *,
        at: datetime,
        until: datetime | None = None,
        explain: bool = False,
        run_id: str | None = None,
    ) -> Iterator[Decision]:
        """Decide contact by contact, as they come; nothing is kept.

        Args:
            contacts: contacts, or tuples of a contact and its touches, its claims and its events, the last ones of
                which may be left out.
            at: as for `decide`.
            until: as for `decide`.
            explain: as for `decide`.
            run_id: as for `decide`.
        """
        for given in contacts:
            own: tuple[Any, ...] = given if isinstance(given, tuple) else (given,)
            contact, touches, claims, events = (*own, *_NOTHING[len(own) - 1 :])
            yield self.decide(
                contact, touches, claims, at=at, until=until, events=events, explain=explain, run_id=run_id
            )

    def decide_table(
        self,
        contacts: Any,
        touches: Any = None,
        scores: Any = None,
        claims: Any = None,
        *,
        at: datetime,
        until: datetime | None = None,
        events: Any = None,
        explain: bool = False,
        everything: bool = False,
        outcomes: str | None = None,
        columns: Iterable[str] | None = None,
        stream: bool = False,
        out: str | os.PathLike[str] | None = None,
        partition: str | None = None,
        append: bool = False,
        zone: str | None = None,
        run_id: str | None = None,
        max_bad: int | str | None = None,
        bad_rows: str | os.PathLike[str] | None = None,
        progress: Callable[[int, int | None], None] | None = None,
        summary: Callable[[Summary], object] | None = None,
        calendar: Callable[[Calendar], object] | None = None,
        ledger: BaseLedger | None = None,
        strict: bool = False,
        dry_run: bool = False,
        keep_decisions: bool = False,
        waiting: bool = False,
        threads: int | None = None,
    ) -> Any:
        """Decide tables: the same decisions as `decide`, row for row, for millions of contacts.

        Where journeykit was installed without its extension module the contacts are decided one by one, far slower.

        A table is a dataframe of pandas, Polars, PyArrow or DuckDB, or anything else that speaks Arrow's PyCapsule
        interface; the path of a Parquet, CSV or JSON lines file, of a folder of Parquet files, or a list of such; a
        dataset of pyarrow; or rows as mappings. The columns are those of the file formats.

        Args:
            contacts: who; None where claims are given, whose contacts are then taken.
            touches: the history.
            scores: what models say.
            claims: what is asked for; None makes one claim of every campaign's every content.
            at: the instant of the decisions, aware.
            until: the last instant of a plan, aware.
            events: what contacts did (``contact_id``, ``event``, ``at``, and properties), for rules that ask ``count``,
                ``sum``, ``last`` or ``days_since`` of events; those after ``at`` do not count.
            explain: whether the columns ``displaced`` and ``needs`` are filled.
            everything: whether denied claims are given too, not only granted and deferred ones.
            outcomes: ``granted`` for granted claims alone, what a sender needs; ``all`` as ``everything``; None for
                granted and deferred ones. The summary counts all claims either way.
            columns: the names of the columns, in the order in which they are given; None for all. What is not named is
                not made.
            stream: whether to give tables piece by piece, as an iterator.
            out: a file to which to write; it appears whole or not at all.
            partition: ``day``, ``channel`` or ``team``: ``out`` is then a folder of Parquet files, in folders like
                ``channel=email``.
            append: whether ``out`` is a log: a folder to which each run adds a folder of its own, ``run=NAME``. A run
                that is repeated replaces what it wrote before.
            zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
            run_id: a name for the run; by default a hash of playbook, ``at`` and ``until``.
            max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None
                for any number.
            bad_rows: a file (CSV, JSON lines or Parquet) in which bad rows are kept whole, with what is wrong; or None.
            progress: called every now and then with the number of contacts that are done, and of all where known.
            summary: is given the summary of the run once all is decided.
            calendar: is given the calendar of the plan once all is decided; needs ``until``.
            ledger: where the history is read, beside the touches that are given, and what is granted is reserved. A run
                that was begun before, and killed, goes on, and gives what an undisturbed one would have given.
            strict: whether tables that do not match the playbook are refused before anything is decided or reserved:
                words that it does not know, columns that it asks for and a table lacks, types that a comparison can
                never meet. Words that differ in case or blanks alone are let pass.
            dry_run: with a ledger, whether it is a rehearsal: nothing is reserved, and no mark of the run is left.
            keep_decisions: with a ledger, whether it keeps what was decided of each contact, denied claims too;
                `BaseLedger.decision` and ``journeykit ledger explain`` read it.
            waiting: with a ledger, whether claims that wait there compete, beside those of ``claims``.
            threads: how many chunks of contacts are decided at once; None for one on each processor, up to four. The
                answer does not depend on it.

        Returns:
            The table of decisions, of the caller's kind (a table of PyArrow for paths and mappings); with ``stream``
            an iterator of such; with ``out`` the summary. Ids are kept as they came. Texts that come again and again
            are dictionary-encoded (categorical).

        Raises:
            DataError: for a table that cannot be used, or too many bad rows.
            MissingExtraError: without the extra ``columns``.
            ModelError: for an argument that cannot be, such as a calendar without ``until``.

        Example:
            >>> from datetime import UTC, datetime
            >>> playbook = Playbook.from_dict({
            ...     "content": [{"id": "note", "channel": "email"}],
            ...     "campaigns": [{"id": "launch", "content": ["note"], "audience": "score >= 40"}],
            ... })
            >>> contacts = [{"contact_id": n, "score": 20 * n, "consent_email": True} for n in (1, 2, 3)]
            >>> table = Arbiter(playbook).decide_table(contacts, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
            >>> table.select(["contact_id", "campaign_id", "outcome"]).to_pylist()[0]
            {'contact_id': 2, 'campaign_id': 'launch', 'outcome': 'granted'}
        """
        for name, asked in (("partition", partition is not None), ("append", append)):
            if asked and out is None:
                raise ModelError(f"{name} is about a folder that is written: give out too", field=name)
        goes_to: dict[str, Any] | None = None if out is None else {"out": out, "partition": partition, "append": append}
        kind: type[TableJob | TablesByRows]
        try:
            if has_kernels():
                from journeykit.job import TableJob

                kind = TableJob
            else:
                from journeykit.job import TablesByRows

                kind = TablesByRows
        except ImportError as error:
            raise missing(error.name, "columns", "decide_table") from error
        job = kind(
            self,
            contacts,
            touches,
            scores,
            claims,
            events,
            at=at,
            until=until,
            explain=explain,
            everything=everything,
            outcomes=outcomes,
            columns=columns,
            run_id=run_id,
            zone=zone,
            max_bad=max_bad,
            bad_rows=bad_rows,
            progress=progress,
            ledger=ledger,
            strict=strict,
            dry_run=dry_run,
            keep_decisions=keep_decisions,
            waiting=waiting,
            threads=threads,
            goes_to=goes_to,
        )
        if calendar is not None:
            # What cannot be is said before the work.
            job.calendar()

        def tell(done: Run) -> None:
            if summary is not None:
                summary(done.summary())
            if calendar is not None:
                calendar(done.calendar())

        if stream and out is None:
            return job.pieces(tell)
        found = job.table() if goes_to is None else job.write(**goes_to)
        tell(job)
        return found

    def run_id(self, at: datetime, until: datetime | None = None, inputs: Iterable[str] = ()) -> str:
        """The default name of a run: a hash of all that makes one run decide otherwise than another.

        Args:
            at: the instant of the decisions.
            until: the last instant of a plan, or None.
            inputs: which tables are given besides contacts: some of ``touches``, ``scores`` and ``claims``.
        """
        return self.decider.run_id(at, until, inputs)

    def arm_of(self, contact: Contact) -> str | None:
        """The arm in which a contact is, as ``experiment:arm``; several are separated by ``;``; None for none."""
        return self.decider.of(contact).arm

    def audit_quotas(
        self,
        decisions: Iterable[Decision],
        claims: Mapping[str, Iterable[Claim]] | None = None,
        *,
        ledger: BaseLedger | None = None,
    ) -> tuple[Violation, ...]:
        """Add up from scratch what the decisions of a run granted, and check the hard quotas.

        Args:
            decisions: of all contacts of the run, such as `journeykit.job.Job.decisions` gives.
            claims: by contact id, the claims that were decided; None where they came from the campaigns.
            ledger: where else messages are reserved, which count in quotas with a window; None for nowhere.
        """
        from journeykit.audit.quota_audit import quota_violations

        given, earlier = all_of(Decision, decisions, "decisions"), []
        if ledger is not None:
            own = {row.decision_id for decision in given for row in decision.rows if row.outcome == "granted"}
            with ledger.reading() as transaction:
                earlier = [held for held in transaction.decided() if held.id not in own]
        return tuple(quota_violations(self.playbook, given, claims, earlier))


def _check_names(
    run_id: str | None, key: str | None, ledger: BaseLedger | None, *, dry_run: bool, waiting: bool, claims: object
) -> None:
    """Refuse what needs a ledger without one, and claims that wait where none is brought."""
    if run_id is not None:
        check_text(run_id, "run_id")
    if ledger is None and key is not None:
        raise ModelError("a key needs a ledger that remembers it", field="key")
    if ledger is None and dry_run:
        raise ModelError("dry_run is about a ledger: give ledger too", field="dry_run")
    if ledger is None and waiting:
        raise ModelError("waiting is about a ledger: give ledger too", field="waiting")
    if waiting and claims is None:
        raise ModelError(NEEDS_CLAIMS, field="waiting")
