"""What a job did: the summary of a run, as plain data and as lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.clock import clock, micros, moment
from journeykit.basics.validation import MILLIONTH
from journeykit.basics.version import VERSION
from journeykit.job.claim_counts import NOTHING
from journeykit.job.table_quality import TableQuality
from journeykit.model.mismatch import Mismatch
from journeykit.model.mismatch import lines as mismatch_lines
from journeykit.model.outcome import Outcome
from journeykit.model.prices import Prices
from journeykit.model.quota import Usage
from journeykit.tables import BadRow, instant_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from journeykit.engine.attention import Attention
    from journeykit.engine.ruleset import Ruleset
    from journeykit.model.campaign import Campaign
    from journeykit.model.claim import Scored
    from journeykit.playbook.playbook import Playbook

_SHOWN = 10


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
            many claims need a score, have none, and are denied for that first. By ``opt_out_cost``, how many claims may
            cost the value of the contact's stage, which is not known; where ``on_missing.stage`` is ``deny``, how many
            are denied for that first.
        bad_rows: how many rows could not be used.
        bad_kinds: by table, column and what would have been allowed, how many of them.
        bad_first: the first of them.
        unknown_touches: how many touches belong to contacts that were not decided.
        unknown_scores: likewise, scores.
        notes: what a person should look at.
        unknown: of how many contacts the audience of a campaign or of a cap is unknown, because data is missing or
            cannot be read. A campaign does not select them; what a cap does then is for ``on_missing.cap`` to say.
        arms: with experiments, by arm, how many contacts were decided, what was granted to them is worth (``value``),
            and how many claims have each outcome; those in no arm are ``(none)``.
        mismatches: where data and playbook do not match: words that the playbook does not know, columns that it asks
            for and a table lacks, types that a comparison can never meet.
        rows: by table, how many rows were read.
        policy: the policy's name.
        policy_class: the class of the policy, which tells your own from others.
        inputs: the tables that were given besides contacts: some of ``touches``, ``scores`` and ``claims``.
        version: the version of the library.
        engine: which engine did the work: ``columns`` or ``one``.
        durations: by phase of the work, the seconds that it took.
        tables: how good each table was: its columns, bad rows, what is missing.
        output: the columns of the table of decisions, with what each holds.
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
    arms: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    tables: Mapping[str, TableQuality] = field(factory=dict, eq=False)
    output: Mapping[str, str] = field(factory=dict, eq=False)

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
            **({"arms": {name: dict(counts) for name, counts in self.arms.items()}} if self.arms else {}),
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
            "tables": {name: own.to_dict() for name, own in self.tables.items()},
            "output": {"columns": dict(self.output)},
        }

    def traced(self) -> tuple[dict[str, Any], dict[str, Mapping[str, int]]]:
        """What a span of the run says, and what counters count, each by what it is."""
        names = ("run_id", "playbook", "engine", "contacts", "claims", "written", "value", "bad_rows")
        counts = {"contacts": {"": self.contacts}, "rows_written": {"": self.written}, "claims": self.outcomes}
        bad = {name: own.bad_rows for name, own in self.tables.items()}
        return {name: getattr(self, name) for name in names}, {**counts, "bad_rows": bad}

    def _run(self) -> dict[str, Any]:
        seconds = {phase: round(taken, 3) for phase, taken in self.durations.items()}
        return {"version": VERSION, "engine": self.engine, "seconds": seconds}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from self._warnings()
        yield from self._heading()
        yield from (_usage_line(usage) for usage in self.quotas)
        yield from _counts("outcomes", self.outcomes)
        yield from _counts("reasons", self.reasons)
        yield from _counts("rules", self.rules)
        for title, groups in (("teams", self.teams), ("stages", self.stages), ("channels", self.channels)):
            granted = {name: counts.get(Outcome.GRANTED, 0) for name, counts in groups.items()}
            if not granted.get(NOTHING, 1):
                # Claims that are about none, of which none went, tell nothing.
                del granted[NOTHING]
            yield from _counts(f"granted by {title[:-1]}", granted)
        for name, counts in self.arms.items():
            granted = counts.get(Outcome.GRANTED, 0)
            yield f"arm {name}: {counts['contacts']:,} contacts, granted {granted:,}, value {counts['value']:,.6g}"
        for name, counts in self.missing.items():
            yield f"missing {name}: {counts['claims']:,} claims, {counts['setting']}"
        yield from _counts("unknown (contacts)", self.unknown)
        if self.bad_rows:
            yield f"bad rows: {self.bad_rows:,}"
            yield from (f"  {bad}" for bad in self.bad_first[:_SHOWN])
            if self.bad_rows > _SHOWN:
                yield f"  ... and {self.bad_rows - min(_SHOWN, len(self.bad_first)):,} more"
        yield from self._remarks()

    def _remarks(self) -> Iterator[str]:
        for count, what in ((self.unknown_touches, "touches"), (self.unknown_scores, "scores")):
            if count:
                yield f"{count:,} {what} belong to contacts that were not decided"
        yield from (f"note: {note}" for note in self.notes)

    def _warnings(self) -> Iterator[str]:
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

    def _heading(self) -> Iterator[str]:
        span = instant_text(moment(micros(self.at)))
        if self.until is not None:
            span += f" to {instant_text(moment(micros(self.until)))}"
        policy = "" if self.policy in ("", "weighted") else f", policy {self.policy}"
        yield f"run {self.run_id}, playbook {self.playbook[:12]}{policy}, {span}"
        engine = "columnar engine" if self.engine == "columns" else "row engine"
        yield f"{self.contacts:,} contacts, {self.claims:,} claims, {self.written:,} rows written by the {engine}"
        yield from self._worth()

    def _repr_html_(self) -> str:
        from journeykit.job.summary_page import summary_page

        remarks = [*self._warnings(), *self._remarks()]
        return summary_page(self._heading(), self.to_dict(), remarks)

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
    if usage.before:
        parts.append(f"{usage.before:,.6g} of it before this run")
    if usage.reserved is not None and usage.reserved != usage.usage:
        parts.append(f"reserved {usage.reserved:,.6g}")
    for name, number in (("price", usage.price), ("excess", usage.excess), ("shortfall", usage.shortfall)):
        if number:
            parts.append(f"{name} {number:,.6g}")
    about = f"{usage.of}, {usage.period}" if usage.period else usage.of
    if usage.arm is not None:
        about += f", {usage.arm or 'in no arm'}"
    return f"quota {usage.name} ({about}): {', '.join(parts)}" + (f"; {usage.note}" if usage.note else "")


def _counts(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    found = list(counts.items())
    if found:
        text = ", ".join(f"{name} {count:,}" for name, count in found[:_SHOWN])
        yield f"{title}: {text}" + (f", and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else "")


def plan_notes(playbook: Playbook, at: datetime, until: datetime | None, *, derived: bool) -> Iterator[str]:
    """What a run cannot do that its playbook seems to ask for: several messages of a campaign, days beyond the run."""
    local = clock(playbook.timezone)
    first, last = local.day(micros(at)), local.day(micros(until or at))
    again = [own.id for own in playbook.campaigns or () if derived and until and _goes_again(own, first, last)]
    if again:
        yield (
            f"a plan gives a contact one message of a campaign at most: {_some(again)} may go more than once (repeat); "
            "decide again after its message for the next, give it dates, or ask for each date in a table of claims"
        )
    for quota in playbook.quotas:
        # Dates are those of each contact: elsewhere it may be a day earlier or later.
        if quota.during is not None and not any(quota.has_day(day) for day in range(first - 1, last + 2)):
            start, end = quota.during
            yield f"the quota {quota.name!r} counts nothing: it is about {start} to {end}, and the run about other days"


def _goes_again(campaign: Campaign, first: int, last: int) -> bool:
    """Whether a campaign may be meant to go more than once within some local days."""
    # Each step of a series, and each date, is a claim of its own.
    own = campaign.series is not None or campaign.dates is not None
    return not (own or campaign.paused or campaign.repeat == 1 or first == last)


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


_SCORES = {"propensity": "propensities", "opt_out": "an opt_out", "uplift": "uplifts"}


def scored_notes(attention: Attention, scored: Scored) -> Iterator[str]:
    """Which campaigns need scores only because the table of scores names them."""
    needs = attention.needs_of(scored)
    for kind, what in _SCORES.items():
        names = sorted(getattr(needs, kind) - getattr(attention.needs, kind))
        if names:
            yield (
                f"the scores table has {what} for {_some(names)}: claims of these campaigns that have none are "
                "denied (missing_data, rule 'score')"
            )


def cost_notes(
    attention: Attention, playbook: Playbook, scored: Scored, costless: Collection[str] | None
) -> Iterator[str]:
    """The campaigns whose messages should bear the cost of opt-outs, and of which nobody says how likely one is.

    Args:
        attention: what an opt-out costs.
        playbook: the playbook.
        scored: what the table of scores has.
        costless: the campaigns of claims that were brought with neither a weight nor an opt_out; None where campaigns
            claim.
    """
    if not attention.is_priced:
        return
    known = {own[0] for own in scored if own[1:] == ("opt_out",)} | attention.needs.opt_out
    claiming = [own.id for own in playbook.campaigns or () if not own.paused] if costless is None else costless
    names = sorted(name for name in claiming if attention.bears(name) and name not in known)
    if names:
        yield (
            f"opt_out_cost takes nothing from the weights of {_some(names)}: no opt_out of theirs is known; give "
            "scores with a column opt_out, as journeykit learn writes them"
        )


def uplift_notes(
    attention: Attention, playbook: Playbook, scored: Scored, upliftless: Collection[str] | None
) -> Iterator[str]:
    """The campaigns that ask for an uplift, and of which nobody says what a message changes: all of them pass.

    Args:
        attention: what each campaign asks for.
        playbook: the playbook.
        scored: what the table of scores has.
        upliftless: the campaigns of claims that were brought without an uplift; None where campaigns claim.
    """
    if not attention.least:
        return
    known = {own[0] for own in scored if own[1:] == ("uplift",)} | attention.needs.uplift
    claiming = [own.id for own in playbook.campaigns or () if not own.paused] if upliftless is None else upliftless
    names = sorted(name for name in claiming if name in attention.least and name not in known)
    if names:
        yield (
            f"min_uplift does nothing to claims of {_some(names)} that have no uplift: give scores with a column "
            "uplift, as journeykit learn --uplift writes them"
        )


def event_notes(ruleset: Ruleset, unknown: int, *, given: bool, kept: bool, met: Collection[str]) -> Iterator[str]:
    """What is to be said of events: that nobody gave them, that nobody asks for them, that some belong to nobody.

    Args:
        ruleset: the rules.
        unknown: how many events belong to contacts that were not decided.
        given: whether a table of events is given.
        kept: whether the ledger keeps any.
        met: the names of all that are at hand.
    """
    asked = ruleset.events_asked
    yield from asked.unmet(met) if given or kept else asked.silence
    if given and not asked:
        yield "events are given, and no rule or rest asks for any: the table was not read"
    if unknown:
        yield f"{unknown:,} events belong to contacts that were not decided"
