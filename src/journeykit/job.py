"""The nightly job: tables of contacts, touches, scores and claims in, a table of decisions and a summary out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import evolve, field, frozen

from journeykit.account_groups import decided_by_account
from journeykit.basics.clock import clock, day_number, first_and_last, micros, moment
from journeykit.basics.validation import MILLIONTH, check_text
from journeykit.calendar import DayTally
from journeykit.eligibility import NEEDS_SCORE
from journeykit.engine.contact_group import ContactGroup, ContactInputs, grouped
from journeykit.errors import DataError, MissingExtraError, ModelError
from journeykit.journey import Journey
from journeykit.model.contact import Contact
from journeykit.model.mismatch import Mismatch, Mismatches
from journeykit.model.mismatch import lines as mismatch_lines
from journeykit.model.outcome import Outcome, Reason
from journeykit.model.quota import Usage
from journeykit.prices import Prices
from journeykit.tables import (
    DECISIONS,
    BadRow,
    BadRows,
    Claims,
    Contacts,
    History,
    Scores,
    Source,
    Spellings,
    decision_cells,
    instant_text,
    table_writer,
)
from journeykit.tables.bad_row_file import picker, write_bad_rows
from journeykit.tables.bad_rows import refuse_useless_tables
from journeykit.tables.doubles import Doubles, rereadable
from journeykit.tables.file_identity import IdTrail
from journeykit.tables.formats import called
from journeykit.tables.outputs import need_apart
from journeykit.tables.survey import survey
from journeykit.tables.touches import refuse_useless
from journeykit.tables.words import Words
from journeykit.unknowns import Unknowns
from journeykit.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo

    from journeykit.calendar import Calendar
    from journeykit.engine.decider import Decided, Decider, HasDecider
    from journeykit.ledger import BaseLedger
    from journeykit.ledger.fallen import Fallen
    from journeykit.ledger.run import LedgerRun
    from journeykit.model.campaign import Campaign
    from journeykit.model.content import Content
    from journeykit.model.decision import Decision
    from journeykit.model.outcome import Row
    from journeykit.playbook.playbook import Playbook
    from journeykit.quotas.quota_run import QuotaRun

Progress = Callable[[int, int | None], None]
"""Is told how many contacts are done, and of how many where that is known."""
_NONE = "(none)"
_OTHER = "(other)"
_KINDS = 100
"""So many kinds of faults are told apart; what comes later is another one."""
_SHOWN = 10
_AT_ONCE = 500
"""So many contacts are decided before what is granted to them is reserved."""
_TABLES = ("contacts", "touches", "scores", "claims")
_COMPETED = frozenset({Reason.CAPPED, Reason.CONFLICT, Reason.REQUIRES, Reason.QUOTA_FULL, Reason.OUTBID})
"""The reasons for which a claim lost that was eligible, and worth it."""
GAPS = ("timezone", "stage", "role", "consent", "stage_value", "score")
"""What contacts can lack."""


@frozen(kw_only=True)
class Inputs:
    """The tables that a job reads: files (CSV, JSON lines, Parquet), or rows as mappings.

    Attributes:
        contacts: who; may be left out where claims are given, whose contacts are then taken.
        touches: the history.
        scores: what models say.
        claims: what is asked for; None derives claims from the campaigns' audiences.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.

    Raises:
        ModelError: for an unknown zone.
        DataError: where neither contacts nor claims are given.
    """

    contacts: Source | None = None
    touches: Source | None = None
    scores: Source | None = None
    claims: Source | None = None
    zone: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.contacts is None and self.claims is None:
            raise DataError("either contacts or claims must be given")
        if self.zone is not None:
            clock(self.zone)


@frozen(kw_only=True)
class Summary:
    """What a job did.

    Attributes:
        run_id: the name of the run.
        playbook: the playbook's fingerprint.
        at: the instant of the decisions.
        until: the last instant of a plan, or None.
        contacts: how many contacts were decided.
        claims: how many claims they had.
        written: how many rows were written.
        value: the sum of weight less reserve over what was granted.
        bound: no choice, contact by contact, is worth more; with quotas, no choice for all of them has a larger value
            less penalties.
        penalties: what the soft quotas cost that do not hold; 0 without quotas.
        quotas: what became of each quota.
        prices: the prices of the quotas, for decisions on single contacts; None without quotas.
        unproven: for how many contacts the node budget ended the search before the proof.
        outcomes: how many claims have each outcome.
        reasons: likewise, each reason.
        rules: how many losing claims each rule stops, whatever else does; of claims that were not eligible, how many it
            stops first.
        teams: by team, how many claims have each outcome.
        stages: likewise, by the contact's stage.
        channels: likewise, by channel.
        missing: what contacts lack though a claim asks for it: by ``timezone``, ``stage``, ``role`` and ``consent``,
            what the playbook says to do then (``setting``), and how many claims it was done for (``claims``). By
            ``stage_value``, for how many claims content says what it advances, while the value of the contact's stage
            or of one that it advances to is not known; the claim then weighs what it would without. By ``score``, how
            many claims need a score, have none, and are denied for that first.
        bad_rows: how many rows could not be used.
        bad_kinds: by table, column and what would have been allowed, how many of them.
        bad_first: the first of them.
        unknown_touches: how many touches belong to contacts that were not decided.
        unknown_scores: likewise, scores.
        notes: what a person should look at.
        unknown: of how many contacts the audience of a campaign or of a cap is unknown, because data is missing or
            cannot be read. A campaign does not select them; what a cap does then is for ``on_missing.cap`` to say.
        mismatches: where data and playbook do not match: words that the playbook does not know, columns that it asks
            for and a table lacks, types that a comparison can never meet.
        rows: by table, how many rows were read.
        policy: the policy's name.
        policy_class: the class of the policy, which tells your own from others.
        inputs: the tables that were given besides contacts: some of ``touches``, ``scores`` and ``claims``.
        version: the version of the library.
        engine: which engine did the work: ``columns`` or ``one``.
        durations: by phase of the work, the seconds that it took.
        bad_touches: how many of the bad rows are touches, which then protect nobody.
    """

    run_id: str
    playbook: str
    at: datetime
    until: datetime | None
    contacts: int
    claims: int
    written: int
    value: float
    bound: float
    unproven: int
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    rules: Mapping[str, int]
    teams: Mapping[str, Mapping[str, int]]
    stages: Mapping[str, Mapping[str, int]]
    channels: Mapping[str, Mapping[str, int]]
    missing: Mapping[str, Mapping[str, Any]]
    bad_rows: int
    bad_kinds: Mapping[tuple[str, str, str], int]
    bad_first: tuple[BadRow, ...]
    unknown_touches: int
    unknown_scores: int
    notes: tuple[str, ...]
    penalties: float = 0.0
    quotas: tuple[Usage, ...] = ()
    prices: Prices | None = None
    mismatches: tuple[Mismatch, ...] = ()
    bad_touches: int = 0
    rows: Mapping[str, int] = field(factory=dict)
    policy: str = ""
    policy_class: str = ""
    inputs: tuple[str, ...] = ()
    version: str = ""
    engine: str = field(default="one", eq=False)
    durations: Mapping[str, float] = field(factory=dict, eq=False)
    unknown: Mapping[str, int] = field(factory=dict)

    @property
    def gap(self) -> float:
        """How far value less penalties may be from the best, as a share of the bound."""
        short = self.bound - (self.value - self.penalties)
        return 0.0 if short <= 0 else short / max(abs(self.bound), 1 / MILLIONTH)

    def to_dict(self, *, run: bool = False) -> dict[str, Any]:
        """The summary as plain data, equal for equal input.

        Args:
            run: whether to tell also how the work was done: engine, version of the library, seconds by phase.
        """
        return {
            **(self._run() if run else {}),
            "run_id": self.run_id,
            "playbook": self.playbook,
            "at": self.at.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "contacts": self.contacts,
            "claims": self.claims,
            "written": self.written,
            "value": self.value,
            "bound": self.bound,
            "penalties": self.penalties,
            "gap": self.gap,
            "quotas": [usage.to_dict() for usage in self.quotas],
            "unproven": self.unproven,
            "outcomes": dict(self.outcomes),
            "reasons": dict(self.reasons),
            "rules": dict(self.rules),
            "teams": {name: dict(counts) for name, counts in self.teams.items()},
            "stages": {name: dict(counts) for name, counts in self.stages.items()},
            "channels": {name: dict(counts) for name, counts in self.channels.items()},
            "missing": {name: dict(counts) for name, counts in self.missing.items()},
            "bad_rows": {
                "count": self.bad_rows,
                "kinds": [
                    {"source": source, "field": name, "allowed": allowed, "count": count}
                    for (source, name, allowed), count in self.bad_kinds.items()
                ],
                "first": [str(bad) for bad in self.bad_first],
            },
            "unknown_touches": self.unknown_touches,
            "unknown_scores": self.unknown_scores,
            "notes": list(self.notes),
            "bad_touches": self.bad_touches,
            "unknown": dict(self.unknown),
            "mismatches": [mismatch.to_dict() for mismatch in self.mismatches],
            "rows": dict(self.rows),
            "policy": {"name": self.policy, "class": self.policy_class},
            "inputs": list(self.inputs),
            "version": self.version,
        }

    def _run(self) -> dict[str, Any]:
        from journeykit import __version__

        seconds = {phase: round(taken, 3) for phase, taken in self.durations.items()}
        return {"version": __version__, "engine": self.engine, "seconds": seconds}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.bad_touches:
            rows = "1 row" if self.bad_touches == 1 else f"{self.bad_touches:,} rows"
            yield f"touches: {rows} could not be used, and no cap, conflict or repeat sees them"
        usable = self.rows.get("touches", 0) - self.bad_touches
        if self.unknown_touches and self.unknown_touches == usable:
            yield (
                f"touches: none of {usable:,} belongs to a contact that was decided, so no cap, conflict or repeat "
                "sees a history; are ids written alike in both tables?"
            )
        yield from mismatch_lines(self.mismatches)
        span = instant_text(moment(micros(self.at)))
        if self.until is not None:
            span += f" to {instant_text(moment(micros(self.until)))}"
        policy = "" if self.policy in ("", "weighted") else f", policy {self.policy}"
        yield f"run {self.run_id}, playbook {self.playbook[:12]}{policy}, {span}"
        yield f"{self.contacts:,} contacts, {self.claims:,} claims, {self.written:,} rows written"
        yield from self._worth()
        yield from (_usage_line(usage) for usage in self.quotas)
        yield from _counts("outcomes", self.outcomes)
        yield from _counts("reasons", self.reasons)
        yield from _counts("rules", self.rules)
        for title, groups in (("teams", self.teams), ("stages", self.stages), ("channels", self.channels)):
            granted = {name: counts.get(Outcome.GRANTED, 0) for name, counts in groups.items()}
            yield from _counts(f"granted by {title[:-1]}", granted)
        for name, counts in self.missing.items():
            yield f"missing {name}: {counts['claims']:,} claims, {counts['setting']}"
        yield from _counts("unknown (contacts)", self.unknown)
        if self.bad_rows:
            yield f"bad rows: {self.bad_rows:,}"
            yield from (f"  {bad}" for bad in self.bad_first[:_SHOWN])
            if self.bad_rows > _SHOWN:
                yield f"  ... and {self.bad_rows - min(_SHOWN, len(self.bad_first)):,} more"
        for count, what in ((self.unknown_touches, "touches"), (self.unknown_scores, "scores")):
            if count:
                yield f"{count:,} {what} belong to contacts that were not decided"
        yield from (f"note: {note}" for note in self.notes)

    def _worth(self) -> Iterator[str]:
        if self.quotas:
            worth = f"value {self.value:,.8g}"
            if self.penalties:
                worth += f" less penalties {self.penalties:,.6g} is {self.value - self.penalties:,.8g}"
            yield f"{worth}; no choice is worth more than {self.bound:,.8g} (gap {self.gap:.4%})"
        else:
            yield f"value {self.value:,.6g}" + ("" if not self.unproven else f", bound {self.bound:,.6g}")


def _usage_line(usage: Usage) -> str:
    """One line about a quota."""
    limits = [f"at most {usage.max:,g}"] if usage.max is not None else []
    limits += [f"at least {usage.min:,g}"] if usage.min is not None else []
    parts = [f"{usage.usage:,.6g} of {' and '.join(limits)}"]
    if usage.reserved is not None and usage.reserved != usage.usage:
        parts.append(f"reserved {usage.reserved:,.6g}")
    for name, number in (("price", usage.price), ("excess", usage.excess), ("shortfall", usage.shortfall)):
        if number:
            parts.append(f"{name} {number:,.6g}")
    return f"quota {usage.name} ({usage.of}): {', '.join(parts)}" + (f"; {usage.note}" if usage.note else "")


def _counts(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    found = list(counts.items())
    if found:
        text = ", ".join(f"{name} {count:,}" for name, count in found[:_SHOWN])
        yield f"{title}: {text}" + (f", and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else "")


class Tally:
    """What a summary counts, kept small while the contacts pass."""

    def __init__(self, playbook: Playbook) -> None:
        self.playbook = playbook
        self.contacts = 0
        self.value = 0
        self.bound = 0
        self.unproven = 0
        self.rows: Counter[tuple[str | None, ...]] = Counter()
        self.rules: Counter[str] = Counter()
        self._sums: list[Counter[str]] = [Counter(), Counter()]
        self._groups: list[dict[str | None, Counter[str]]] = [{}, {}, {}]
        self.missing: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._asks = Asks(playbook)
        contents = playbook.content or ()
        self._stages = {stage.name for stage in (playbook.journey or Journey()).stages}
        self._stages.update(stage for content in contents for stage in content.stages or ())
        self._channels = {content.channel for content in contents}

    def count(self, contact: Contact, decision: Decision, counted: int = 0) -> str | None:
        """Count a contact; so many of his claims are counted as bad rows already.

        Returns:
            What is wrong with a claim of his that is not, where that is no fault of the policy; else None.
        """
        self.contacts += 1
        # In millionths, so that the sum is exact and hangs on no order.
        self.value += round(decision.total * MILLIONTH)
        self.bound += round(decision.bound * MILLIONTH)
        self.unproven += not decision.optimal
        stage, rows = contact.stage, self.rows
        gaps = contact.timezone is None or stage is None or contact.role is None or self._lacks_consent(contact)
        gaps = gaps or self._asks.values
        if stage is not None and stage not in self._stages:
            stage = _OTHER
        invalid = []
        for row in decision.rows:
            channel = row.channel
            if row.reason is Reason.INVALID:
                invalid.append(row.note)
                # Whatever a bad claim says stands there.
                channel = channel if channel is None or channel in self._channels else _OTHER
            else:
                if gaps or channel is None:
                    self.missing.update(self._asks.gaps(contact, row))
                if row.reason is Reason.MISSING_DATA and row.rule == NEEDS_SCORE:
                    self.missing["score"] += 1
            rows[row.outcome, row.reason, row.team, stage, channel] += 1
            if row.binding:
                # Of a claim that was not eligible the others are known only where rows explain.
                self.rules.update(row.binding if row.reason in _COMPETED else row.binding[:1])
        return self._count_faults(invalid, counted) if invalid else None

    def plus(
        self,
        sums: Sequence[Counter[str]],
        groups: Sequence[Mapping[str | None, Counter[str]]],
        missing: Mapping[str, int],
        value: int,
    ) -> Tally:
        """This tally and what was counted elsewhere.

        Args:
            sums: how many claims have each outcome and reason, and how many losing ones each rule stops.
            groups: by team, stage and channel, how many claims have each outcome.
            missing: how many claims lack which data.
            value: the value of what was granted, proven to be the best, in millionths.
        """
        found = Tally(self.playbook)
        vars(found).update(vars(self))
        found._sums = [Counter(more) for more in sums[:2]]
        found.rules = self.rules + Counter(sums[2])
        found._groups = [dict(group) for group in groups]
        stages: dict[str | None, Counter[str]] = {}
        for name, counts in groups[1].items():
            known = name if name is None or name in self._stages else _OTHER
            stages.setdefault(known, Counter()).update(counts)
        found._groups[1] = stages
        found.missing = self.missing + Counter(missing)
        found.value += value
        found.bound += value
        return found

    def _count_faults(self, notes: list[str], counted: int) -> str | None:
        """Count by kind; neither the policy nor a cap is asked about a claim that is bad itself."""
        found = None
        for note in notes:
            kind = self._kind(note)
            if kind is None and counted:
                counted -= 1
                continue
            if not note.startswith("policy "):
                found = found or note[:200]
            kind = kind or note.partition(", found")[0][:80]
            if kind not in self.faults and len(self.faults) >= _KINDS:
                kind = _OTHER
            self.faults[kind] += 1
            self._examples.setdefault(kind, note[:200])
        return found

    def _kind(self, note: str) -> str | None:
        failed = f"policy {self.playbook.policy!r} failed: "
        if note.startswith(failed):
            return failed + note[len(failed) :].partition(":")[0][:80]
        if note.startswith("policy "):
            return "policy"
        return next((start for cap in self.playbook.caps if note.startswith(start := f"cap {cap.name!r}: ")), None)

    @staticmethod
    def _lacks_consent(contact: Contact) -> bool:
        return contact.consent is None or "*" not in contact.consent

    def by(self, place: int) -> dict[str, int]:
        """How many claims have each outcome (place 0) or reason (1)."""
        found: Counter[str] = Counter(self._sums[place])
        for key, count in self.rows.items():
            found[str(key[place] or _NONE)] += count
        return _sorted(found)

    def by_rule(self) -> dict[str, int]:
        """How many losing claims each rule stops."""
        return _sorted(self.rules)

    def outcomes_by(self, place: int) -> dict[str, dict[str, int]]:
        """By team (place 2), stage (3) or channel (4), how many claims have each outcome."""
        found: dict[str, Counter[str]] = {}
        for name, counts in self._groups[place - 2].items():
            if counts.total():
                found.setdefault(str(name or _NONE), Counter()).update(counts)
        for key, count in self.rows.items():
            found.setdefault(str(key[place] or _NONE), Counter())[str(key[0])] += count
        return {name: {str(o): found[name][o] for o in Outcome if found[name][o]} for name in sorted(found)}

    def missing_data(self) -> dict[str, dict[str, Any]]:
        """How many claims lack which data, and what the playbook says to do then."""
        settings = self.playbook.on_missing
        return {
            # Without a value of the stage, or a score that is needed, there is one thing to do, and so no setting.
            name: {
                "setting": getattr(settings, name, "deny" if name == "score" else "allow"),
                "claims": self.missing[name],
            }
            for name in GAPS
            if self.missing[name]
        }

    def notes(self) -> Iterator[str]:
        """What a person should look at."""
        if self.unproven:
            yield f"the search for {self.unproven:,} contacts ended at the node budget, before the proof"
        for kind, count in self.faults.most_common(_SHOWN):
            yield f"{self._examples[kind]} ({count:,} claim{'s' * (count != 1)})"


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by name, the largest first."""
    return dict(sorted(((name, n) for name, n in counts.items() if n), key=lambda item: (-item[1], item[0])))


class Asks:
    """Which data of a contact a claim asks for.

    Attributes:
        values: whether some content asks for the value of a stage.
    """

    def __init__(self, playbook: Playbook) -> None:
        self.playbook = playbook
        self.campaigns: dict[str, Campaign] = {campaign.id: campaign for campaign in playbook.campaigns or ()}
        self.contents: dict[str, Content] = {content.id: content for content in playbook.content or ()}
        self.values = any(content.advances for content in self.contents.values())
        self._values = {} if playbook.journey is None else playbook.journey.values
        self._known: dict[tuple[str, str | None, str | None], frozenset[str]] = {}

    def gaps(self, contact: Contact, row: Row) -> Iterator[str]:
        """What the contact lacks of it."""
        key = (row.campaign, row.content, row.channel)
        asked = self._known.get(key)
        if asked is None:
            if len(self._known) > 10_000:
                self._known.clear()
            asked = self._known[key] = frozenset(self.asked(*key))
        if contact.timezone is None and "timezone" in asked:
            yield "timezone"
        if contact.stage is None and "stage" in asked:
            yield "stage"
        if contact.role is None and "role" in asked:
            yield "role"
        if "stage_value" in asked and self.contents[row.content or ""].stage_gain(contact.stage, self._values) is None:
            yield "stage_value"
        if "consent" in asked:
            channel, consent = row.channel, contact.consent
            if consent is None or channel is None or (channel not in consent and "*" not in consent):
                yield "consent"

    def asked(self, campaign_id: str, content_id: str | None, channel: str | None) -> Iterator[str]:
        """The kinds of data that a claim asks for."""
        campaign = self.campaigns.get(campaign_id)
        content = self.contents.get(content_id or "")
        if content is not None and content.stages is not None:
            yield "stage"
        if content is not None and content.roles is not None:
            yield "role"
        if content is not None and content.advances is not None:
            yield "stage_value"
        if campaign is None or campaign.needs_consent:
            yield "consent"
        if self._is_local(campaign, content, channel):
            yield "timezone"

    def _is_local(self, campaign: Campaign | None, content: Content | None, channel: str | None) -> bool:
        if campaign is not None and (campaign.starts or campaign.ends or campaign.dates):
            return True
        if self.playbook.schedule and (campaign is None or campaign.obeys_quiet_hours):
            return True
        facets = self.playbook.facets(campaign, content) | ({"channel": (channel,)} if channel else {})
        return (campaign is None or campaign.obeys_caps) and any(
            cap.window.is_local and cap.where.matches(facets) and cap.keys_of(facets) for cap in self.playbook.caps
        )


class Job:
    """Tables to decide: iterate `decisions`, then ask for the `summary`.

    Contacts pass one by one. What grows with the data is the packed history, scores and claims by contact, and the
    set of contact ids. Where the playbook has caps per account, the contacts of an account wait for the last of them,
    and those after them wait too.

    Args:
        arbiter: who decides.
        inputs: the tables.
        at: the instant of the decisions, aware.
        until: the last instant of a plan, aware, or None.
        explain: whether rows tell also what was displaced and what weight would have won.
        run_id: the name of the run; None makes one from playbook, ``at`` and ``until``.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None for
            any number.
        bad_rows: a file (CSV, JSON lines or Parquet) in which bad rows are kept whole, once all is decided; or None.
        progress: is told, every now and then, how many contacts are done, and of how many where that is known.
        only: the id of the one contact that is wanted; None for all. Where the playbook has caps per account, his
            colleagues are decided with him.
        ledger: where the history is read, beside the touches that are given, and what is granted is reserved; a run
            that was begun before goes on.
        watch: where the job says how far it is; it gets one of its own otherwise.
        strict: whether tables that do not match the playbook are refused before anything is decided or reserved: words
            that it does not know, columns that it asks for and a table lacks, types that a comparison can never meet.
        dry_run: whether it is a rehearsal: the ledger is read, nothing is reserved, and no mark of the run is left.
        keep_decisions: whether the ledger keeps what was decided of each contact; `BaseLedger.decision` reads it.

    Raises:
        DataError: for a table that cannot be used, touches of which no row can be used, and where ``strict`` refuses.

    Raises:
        ModelError: for a plan that ends before it starts.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Playbook
        >>> inputs = Inputs(
        ...     contacts=[{"contact_id": "anna", "consent": "email"}],
        ...     claims=[{"contact_id": "anna", "campaign_id": "launch", "channel": "email", "weight": 8}],
        ... )
        >>> job = Job(Arbiter(Playbook()), inputs, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> [grant.campaign for _, decision in job.decisions() for grant in decision.granted]
        ['launch']
        >>> job.summary().outcomes
        {'granted': 1}
    """

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
        progress: Progress | None = None,
        only: str | None = None,
        ledger: BaseLedger | None = None,
        strict: bool = False,
        dry_run: bool = False,
        keep_decisions: bool = False,
        watch: Watch | None = None,
        bad_rows: str | os.PathLike[str] | None = None,
    ) -> None:
        check_ledger_use(ledger, dry_run=dry_run, keep_decisions=keep_decisions)
        first_and_last(at, until)
        self.watch = watch or Watch()
        self.watch.begin("reading")
        self.decider = decider = arbiter.decider
        self.at = at
        self.until = until
        self.explain = explain
        if run_id is not None:
            check_text(run_id, "run_id")
        self.inputs = inputs_of(inputs.touches, inputs.scores, inputs.claims)
        self.run_id = run_id or decider.run_id(at, until, self.inputs)
        self.bad = BadRows(max_bad, keep=100 if bad_rows is None else None)
        self._bad_file = bad_rows
        self.mismatches = Mismatches()
        self._unknowns = Unknowns(decider, at)
        self.written = 0
        self._inputs = inputs
        self._progress = progress
        self._tally = Tally(decider.playbook)
        self._is_whole = only is None
        # For one contact alone quotas hold nothing: prices steer him, where there are any.
        self._has_quotas = bool(decider.playbook.quotas) and only is None
        self._run: QuotaRun | None = None
        self._days = None if until is None else DayTally(decider.playbook, at, until)
        self._notes: tuple[str, ...] = ()
        zone = None if inputs.zone is None else clock(inputs.zone).zone
        playbook, bad = decider.playbook, self.bad
        vocabulary = decider.ruleset.vocabulary
        self._words = {name: Words(name, playbook, vocabulary) for name in _TABLES if getattr(inputs, name) is not None}
        if strict or bad_rows is not None:
            inputs = self._inputs = evolve(inputs, **{name: rereadable(getattr(inputs, name)) for name in _TABLES})
        if strict:
            sources = {name: getattr(inputs, name) for name in _TABLES}
            survey(playbook, sources, zone=zone, vocabulary=vocabulary).refuse()
        self._contacts: Contacts | None = None
        self._last: dict[str, int] | None = {}
        self._trail: IdTrail | None = None
        wanted = None if only is None else frozenset([only])
        contacts = inputs.contacts
        if contacts is not None:
            spellings = Spellings.of(playbook)
            if decider.ruleset.per_account:
                contacts, wanted = self._survey(contacts, spellings, wanted)
            self._contacts = Contacts(
                contacts,
                spellings=spellings,
                zone=zone,
                bad=bad,
                only=wanted,
                words=self._words["contacts"],
                found=self.mismatches,
                doubles=Doubles.of(playbook),
            )
            trail: IdTrail | None = self._trail
            if trail is not None:
                trail.all = wanted is None
            self._notes = self._contacts.notes
        self._history = History()
        self._bad_touches = 0
        if inputs.touches is not None:
            self._history = self._read_touches(inputs.touches, zone, wanted)
        self._scores = Scores()
        if inputs.scores is not None:
            self._scores = Scores.read(
                inputs.scores,
                playbook=playbook,
                bad=bad,
                only=wanted,
                words=self._words["scores"],
                found=self.mismatches,
            )
        self._claims: Claims | None = None
        if inputs.claims is not None:
            self._claims = Claims.read(
                inputs.claims,
                playbook=playbook,
                zone=zone,
                bad=bad,
                only=wanted,
                words=self._words["claims"],
                found=self.mismatches,
            )
        self._ledger: LedgerRun | None = None
        # One contact alone is explained, and nothing is reserved.
        self._reserves = ledger is not None and only is None
        self._known = History()
        if ledger is not None:
            from journeykit.ledger.run import LedgerRun, touch_row

            self._ledger = LedgerRun(
                ledger,
                decider,
                run_id=self.run_id,
                at=at,
                until=until,
                explain=explain,
                dry_run=dry_run,
                keep=keep_decisions,
            )
            self._ledger.tell(self.mismatches)
            self.watch.detail = self._ledger.progress
            history = self._ledger.history(None if wanted is None else sorted(wanted))
            self._known = History.read(map(touch_row, history), vocabulary=vocabulary)

    def _read_touches(self, source: Source, zone: tzinfo | None, wanted: frozenset[str] | None) -> History:
        """The history; one that has rows, none of which can be used, is refused."""
        before, words = self.bad.total, self._words["touches"]
        history = History.read(
            source,
            zone=zone,
            bad=self.bad,
            only=wanted,
            vocabulary=words.vocabulary,
            words=words,
            found=self.mismatches,
        )
        self._bad_touches = self.bad.total - before
        if wanted is None:
            refuse_useless(self.bad, before, history.good)
        return history

    def _survey(
        self, source: Source, spellings: Spellings, wanted: frozenset[str] | None
    ) -> tuple[Source, frozenset[str] | None]:
        """Read the contacts once before: where each account ends and, of one contact, who his colleagues are."""
        if not isinstance(source, str | os.PathLike) and iter(source) is source:
            if wanted is None:
                # What can be read only once is not kept: where accounts end is seen at its end.
                self._last = None
                return source, None
            source = list(source)
        zone = None if self._inputs.zone is None else clock(self._inputs.zone).zone
        last: dict[str, int] = {}
        accounts: dict[str, str | None] = {}
        contacts = Contacts(source, spellings=spellings, zone=zone)
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

    def decisions(self) -> Iterator[tuple[Contact, Decision]]:
        """Each contact with its decision, in the order of the contacts. Once only: what was taken is gone.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows.
        """
        source, total, contacts = self._whom()
        done = 0
        kept: list[tuple[str, str, list[tuple[Any, ...]]]] = []
        self.watch.begin("choosing" if self._has_quotas else "deciding")
        decided = self._together(contacts) if self._has_quotas else self._decided(contacts)
        for number, contact, (decision, counted) in decided:
            if isinstance(decision, ModelError):
                allowed = "a contact that cannot be decided"
                self.bad.add(BadRow(source, number, decision.field, allowed, str(decision)))
                continue
            fault = self._tally.count(contact, decision, counted)
            self._unknowns.count(contact)
            if fault is not None:
                self.bad.add(BadRow(source, number, "", fault, "data by which all claims can be decided"))
            if self._days is not None:
                self._days.count(decision.rows)
            if self._ledger is not None and self._ledger.keeps:
                kept.append((contact.id, decision.timezone, [decision_cells(row) for row in decision.rows]))
                if len(kept) == _AT_ONCE:
                    self._ledger.keep(kept)
                    kept = []
            yield contact, decision
            done += 1
            if done % 64 == 0:
                self._told(done, total)
        if self._ledger is not None and kept:
            self._ledger.keep(kept)
        if self._claims is not None:
            self._claims.refuse_rest("a contact of the table of contacts")
        self._told(done, done)
        self.watch.end()
        if self._bad_file is not None:
            tables = {name: (own, picker(getattr(self._inputs, name), name)) for name, own in self._names()}
            write_bad_rows(self._bad_file, self.bad.first, tables)
        if self._is_whole:
            refuse_useless_tables(self.bad, dict(self._names()), self._tally.contacts)
        self.bad.check()

    def _told(self, done: int, total: int | None) -> None:
        self.watch.count(done, total)
        if self._progress is not None:
            self._progress(done, total)

    def _names(self) -> Iterator[tuple[str, str]]:
        """The tables that were given, and what their bad rows call them."""
        for name in _TABLES:
            source = getattr(self._inputs, name)
            if source is not None:
                yield name, called(os.fspath(source)) if isinstance(source, str | os.PathLike) else name

    def _whom(self) -> tuple[str, int | None, Iterable[tuple[int, Contact]]]:
        if self._contacts is not None:
            contacts = self._contacts if self._trail is None else self._trail.compared(self._contacts)
            return self._contacts.source, self._contacts.count, self._protected(contacts)
        assert self._claims is not None  # noqa: S101  (one of the two is given)
        made = ((number, Contact(id=key)) for number, key in enumerate(self._claims, 1))
        return self._claims.source, len(self._claims), self._protected(made)

    def _protected(self, contacts: Iterable[tuple[int, Contact]]) -> Iterable[tuple[int, Contact]]:
        """The contacts, to whom the ledger's opt-outs have been applied."""
        run = self._ledger
        return contacts if run is None else self._protected_by(run, contacts)

    def _protected_by(self, run: LedgerRun, contacts: Iterable[tuple[int, Contact]]) -> Iterator[tuple[int, Contact]]:
        source = self._claims.source if self._contacts is None and self._claims is not None else ""
        source = source if self._contacts is None else self._contacts.source
        for number, contact in contacts:
            try:
                found = run.protected(contact)
            except ModelError as error:
                self.bad.add(BadRow(source, number, error.field, "a row that cannot be", str(error)))
            else:
                yield number, found

    def _decided(self, contacts: Iterable[tuple[int, Contact]]) -> Iterator[tuple[int, Contact, Decided]]:
        if self.decider.ruleset.per_account:
            yield from decided_by_account(contacts, self._last, self._decide)
            return
        if self._ledger is None or not self._reserves:
            for number, contact in contacts:
                yield number, contact, self._decide([contact])[0]
            return
        rest = iter(contacts)
        while some := list(islice(rest, _AT_ONCE)):
            found = self._ledger.decided([self._group([contact]) for _, contact in some])
            for (number, contact), decided in zip(some, found, strict=True):
                yield number, contact, decided.decided[0]

    def _decide(self, contacts: list[Contact]) -> list[Decided]:
        group = self._group(contacts)
        if self._ledger is not None and self._reserves:
            return self._ledger.decided([group])[0].decided
        return self.decider.decide_group(group, explain=self.explain, run_id=self.run_id).decided

    def _group(self, contacts: list[Contact]) -> ContactGroup:
        """Contacts that are decided together, with what belongs to them."""
        inputs = {contact.id: self._inputs_of(contact) for contact in contacts}
        group = ContactGroup(contacts, inputs, at=self.at, until=self.until, scored=self._scores.scored)
        if self._ledger is not None:
            group.colleagues = self._ledger.colleagues(group)
        return group

    def _together(self, contacts: Iterable[tuple[int, Contact]]) -> Iterator[tuple[int, Contact, Decided]]:
        """Decisions that keep the quotas: of all contacts together, who are held until all are known."""
        try:
            from journeykit.quotas.quota_run import choose_together
        except ImportError as error:
            raise MissingExtraError("quotas", "a run with quotas") from error
        given = list(contacts)
        groups = grouped([own for _, own in given], self._group, by_account=self.decider.by_account)
        run = self._run = choose_together(self.decider, groups, claims=self._claims is not None, threads=1)
        charges = run.charges
        chosen = [(run.choice(number), charges) for number in range(len(groups))]
        if self._ledger is None:
            how: dict[str, Any] = {"explain": self.explain, "run_id": self.run_id, "charges": charges}
            pairs = zip(groups, chosen, strict=True)
            found = [self.decider.decide_group(group, choice=choice, **how) for group, (choice, _) in pairs]
        else:
            self._ledger.charges = charges
            found = self._ledger.decided(groups, chosen)
        known: dict[str, Decided] = {}
        for own in found:
            known.update(zip((contact.id for contact in own.group.contacts), own.decided, strict=True))
        run.confirm_groups(found)
        self.watch.begin("deciding")
        for number, contact in given:
            yield number, contact, known.pop(contact.id)

    def _inputs_of(self, contact: Contact) -> ContactInputs:
        """What the tables hold of a contact, which is then let go."""
        touches, claims, counted = self._history.take(contact.id) + self._known.take(contact.id), None, 0
        if self._claims is not None:
            claims = self._claims.take(contact.id)
            counted = self._claims.taken_bad
        return ContactInputs(touches, claims, self._scores.take(contact.id), counted)

    def write(self, out: str | os.PathLike[str], *, form: str | None = None, everything: bool = False) -> Summary:
        """Decide all and write the table of decisions, which appears whole or not at all.

        Args:
            out: the file; ``-`` is standard output.
            form: ``csv``, ``jsonl`` or ``parquet``; None for what the ending says.
            everything: whether denied claims are written too.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows; nothing is written then.
            OSError: if the file cannot be written.
        """
        self._keep_inputs(out)
        with table_writer(out, DECISIONS, form) as write:
            for _, decision in self.decisions():
                for row in decision.rows:
                    if everything or row.outcome is not Outcome.DENIED:
                        write(decision_cells(row))
                        self.written += 1
        return self.summary()

    def _keep_inputs(self, out: str | os.PathLike[str]) -> None:
        """Refuse to write the decisions over, or into, a table that they are made from."""
        need_apart(out, {name: getattr(self._inputs, name) for name in _TABLES})

    def summary(self) -> Summary:
        """What was done so far."""
        return summarise(
            self._tally,
            self.decider,
            at=self.at,
            until=self.until,
            run_id=self.run_id,
            inputs=self.inputs,
            written=self.written,
            bad=self.bad,
            unknown_touches=len(self._history),
            unknown_scores=len(self._scores),
            derived=self._claims is None,
            notes=(*self._notes, *self._double_notes(), *(() if self._ledger is None else self._ledger.notes())),
            scored=self._scores.scored,
            run=self._run,
            mismatches=self._all_mismatches(),
            bad_touches=self._bad_touches,
            rows={name: self.bad.rows[source] for name, source in self._names() if source in self.bad.rows},
            durations=dict(self.watch.durations),
            fallen=None if self._ledger is None else self._ledger.fallen,
            unknowns=self._unknowns,
        )

    def _double_notes(self) -> Iterator[str]:
        found = self._contacts
        if found is not None and found.doubles is not None:
            yield from found.doubles.notes(found.source)

    def _all_mismatches(self) -> Mismatches:
        """What was found in the rows so far, and in the columns."""
        found = Mismatches()
        found.merge(self.mismatches)
        for words in self._words.values():
            words.finish(found)
        return found

    def calendar(self) -> Calendar:
        """What is granted and deferred so far, on each day of the plan.

        Raises:
            ModelError: without ``until``, since a single instant has no days.
        """
        return calendar_of(self._days)


def inputs_of(touches: object, scores: object, claims: object) -> tuple[str, ...]:
    """The names of the tables that are given besides contacts."""
    given = {"touches": touches, "scores": scores, "claims": claims}
    return tuple(name for name, table in given.items() if table is not None)


def _version() -> str:
    from journeykit import __version__

    return __version__


def calendar_of(days: DayTally | None) -> Calendar:
    """What a plan's days have counted; without a plan there are none."""
    if days is None:
        raise ModelError("a calendar is that of a plan; give until, its last instant", field="until")
    return days.calendar()


def summarise(
    tally: Tally,
    decider: Decider,
    *,
    at: datetime,
    until: datetime | None,
    run_id: str,
    inputs: tuple[str, ...],
    written: int,
    bad: BadRows,
    unknown_touches: int,
    unknown_scores: int,
    notes: Iterable[str],
    scored: Iterable[str] = (),
    run: QuotaRun | None = None,
    derived: bool = False,
    mismatches: Mismatches | None = None,
    bad_touches: int = 0,
    rows: Mapping[str, int] | None = None,
    engine: str = "one",
    durations: Mapping[str, float] | None = None,
    fallen: Fallen | None = None,
    unknowns: Unknowns | None = None,
) -> Summary:
    """What a tally has counted, as a summary; with what a run with quotas came to."""
    outcomes = tally.by(0)
    told = Mismatches()
    if mismatches is not None:
        told.merge(mismatches)
    if unknowns is not None:
        unknowns.readings.tell(told)
    return Summary(
        run_id=run_id,
        playbook=decider.fingerprint,
        at=at,
        until=until,
        contacts=tally.contacts,
        claims=sum(outcomes.values()),
        written=written,
        value=tally.value / MILLIONTH,
        bound=tally.bound / MILLIONTH if run is None else run.bound,
        penalties=0.0 if run is None else run.penalties,
        quotas=() if run is None else run.usages(fallen),
        prices=None if run is None else run.prices,
        unproven=tally.unproven,
        outcomes=outcomes,
        reasons=tally.by(1),
        rules=tally.by_rule(),
        teams=tally.outcomes_by(2),
        stages=tally.outcomes_by(3),
        channels=tally.outcomes_by(4),
        missing=tally.missing_data(),
        bad_rows=bad.total,
        bad_kinds=dict(sorted(bad.kinds.items(), key=lambda item: (-item[1], item[0]))),
        bad_first=tuple(bad.first[:_KINDS]),
        unknown_touches=unknown_touches,
        unknown_scores=unknown_scores,
        notes=(
            *notes,
            *_plan_notes(decider.playbook, at, until, derived=derived),
            *_scored_notes(decider, scored),
            *tally.notes(),
            *(() if run is None else run.notes()),
        ),
        mismatches=tuple(told),
        bad_touches=bad_touches,
        rows=rows or {},
        policy=decider.playbook.policy,
        policy_class=type(decider.policy).__module__ + "." + type(decider.policy).__qualname__,
        inputs=inputs,
        version=_version(),
        engine=engine,
        durations=durations or {},
        unknown={} if unknowns is None else unknowns.by_rule(),
    )


def _plan_notes(playbook: Playbook, at: datetime, until: datetime | None, *, derived: bool) -> Iterator[str]:
    """What a run cannot do that its playbook seems to ask for: several messages of a campaign, days beyond the run."""
    local = clock(playbook.timezone)
    first, last = local.day(micros(at)), local.day(micros(until or at))
    again = [own.id for own in playbook.campaigns or () if derived and until and _goes_again(own, first, last)]
    if again:
        yield (
            f"a plan gives a contact one message of a campaign at most: {_some(again)} may go more than once (repeat, "
            "dates); decide again after its message for the next, or ask for each date in a table of claims"
        )
    for quota in playbook.quotas:
        # Dates are those of each contact: elsewhere it may be a day earlier or later.
        if quota.during is not None and not any(quota.has_day(day) for day in range(first - 1, last + 2)):
            start, end = quota.during
            yield f"the quota {quota.name!r} counts nothing: it is about {start} to {end}, and the run about other days"


def _goes_again(campaign: Campaign, first: int, last: int) -> bool:
    """Whether a campaign may be meant to go more than once within some local days."""
    if campaign.paused or campaign.repeat == 1 or first == last:
        return False
    return campaign.dates is None or sum(first <= day_number(day) <= last for day in campaign.dates) > 1


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def _scored_notes(decider: Decider, scored: Iterable[str]) -> Iterator[str]:
    """Which campaigns need scores because the scores table names them."""
    names = sorted(set(scored) - decider.ruleset.scored)
    if names:
        text = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
        yield (
            f"the scores table has propensities for {text}: claims of these campaigns that have none are denied "
            "(missing_data, rule 'score')"
        )


def check_ledger_use(ledger: BaseLedger | None, *, dry_run: bool, keep_decisions: bool) -> None:
    """Refuse what needs a ledger without one, and what goes not together."""
    for name, asked in (("dry_run", dry_run), ("keep_decisions", keep_decisions)):
        if asked and ledger is None:
            raise ModelError(f"{name} is about a ledger: give ledger too", field=name)
    if dry_run and keep_decisions:
        raise ModelError("a rehearsal (dry_run) keeps nothing: leave out keep_decisions", field="keep_decisions")


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
        arbiter: who decides; and so on as for `Job`.
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
    job = Job(
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
            return found, decision, tuple(job.bad.first)
    faults = "".join(f"\n  {bad}" for bad in job.bad.first[:5])
    raise DataError(f"there is no usable row of contact {contact!r}" + (f"; bad rows:{faults}" if faults else ""))
