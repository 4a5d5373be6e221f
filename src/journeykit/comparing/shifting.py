"""Sensitivity: what one more and one less of each rule's number is worth, exactly, by deciding again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from journeykit.basics.validation import MILLIONTH, shown
from journeykit.comparing.rule_number import RESERVE, RuleNumber, rule_numbers
from journeykit.comparing.sensitivity_report import RuleSensitivity, Sensitivity, ShiftEffect
from journeykit.comparing.shift_job import Shift, ShiftJob
from journeykit.comparing.shift_runs import ShiftRuns
from journeykit.engine.decider import Decider
from journeykit.errors import ModelError
from journeykit.kernels import has_kernels
from journeykit.placing.funnel import repeatable
from journeykit.playbook.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from journeykit.comparing.shift_sums import ShiftSum
    from journeykit.engine.decider import HasDecider
    from journeykit.job.summary import Summary
    from journeykit.policies.policy import Policy


def sensitivity(
    playbook: Playbook | HasDecider | str | os.PathLike[str],
    contacts: Any = None,
    touches: Any = None,
    scores: Any = None,
    claims: Any = None,
    *,
    at: datetime,
    until: datetime | None = None,
    events: Any = None,
    only: str | Iterable[str] | None = None,
    units: Mapping[str, float] | None = None,
    policies: Mapping[str, Policy] | None = None,
    zone: str | None = None,
    max_bad: int | str | None = None,
    threads: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    announce: Callable[[int, int], object] | None = None,
) -> Sensitivity:
    """What one more and one less of each rule's number is worth, as ``journeykit compare --sensitivity`` does.

    The numbers are the most of each cap, the lag of each conflict, the gap of each series, the most and the least of
    each quota, and the reserve. Each is changed alone, by one unit, and decided again: the value is exact, not a
    slope. All decisions are valued alike: by what the granted messages are worth above the reserve that the playbook
    has now.

    Without quotas a contact's decision depends on nobody else. All is then decided in one pass over the tables, and by
    a changed number only those contacts are decided again whom it may concern. With quotas, experiments, exploration
    or caps per account, and without the extension module, each number takes whole runs; with quotas their values are
    as good as the certified gap of each run, and `ShiftEffect.ends` says from what to what the best value differs.

    Args:
        playbook: the rule set, the path of its file, or an `Arbiter`.
        contacts: as for `Arbiter.decide_table`; and so are the next ones.
        touches: the history.
        scores: what models say.
        claims: what is asked for; None makes one claim of every campaign's every content.
        at: the instant of the decisions, aware.
        until: the last instant of a plan, aware.
        events: what contacts did, for rules that ask for it.
        only: the names of the rules that are wanted; that of a series is the campaign's id, and that of the reserve is
            ``reserve``. None for all.
        units: by name of a rule, what one more is. By default 1 message or point of a cap, 1 day of a lag or gap (an
            hour where it is an exact length), 1 of what a quota adds up, a hundredth of a share; of the reserve a
            tenth of it, since no other number says how large weights are, or where it is 0, a tenth of the median of
            the campaigns' weights, in one digit.
        policies: your own policies by name, for a playbook that names one.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``).
        threads: how many chunks of contacts are decided at once; None for one on each processor, up to four.
        progress: called every now and then with the number of contacts that are done, and of all where known.
        announce: called before each run over all contacts with its number and how many there will be.

    Raises:
        DataError: for a table that cannot be used, or too many bad rows.
        InfeasibleError: where no decision keeps all hard quotas of the playbook as it is.
        MissingExtraError: without the extra ``columns``; with quotas, without the extra ``quotas``.
        ModelError: for a name that no rule with a number has, a unit that is not above 0, what is no playbook, and
            quotas with a window, which a ledger counts.
        PlaybookError: for a file that is no valid playbook.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Cap, OnMissing, Playbook, Window
        >>> caps = [Cap(name="one a day", max=1, window=Window.calendar("day"))]
        >>> playbook = Playbook(caps=caps, on_missing=OnMissing(consent="allow"))
        >>> claims = [
        ...     {"contact_id": who, "campaign_id": what, "channel": "email", "weight": worth}
        ...     for who in ("anna", "ben") for what, worth in (("news", 1), ("launch", 8))
        ... ]
        >>> found = sensitivity(playbook, claims=claims, at=datetime(2026, 11, 5, 10, tzinfo=UTC), only="one a day")
        >>> found.of("one a day").more.value
        2.0
    """
    decider = _decider_of(playbook, policies or {})
    _refuse_counted(decider)
    numbers = rule_numbers(decider.playbook, only=only, units=units)
    shifts = [
        Shift(place, direction, _shifted(decider, changed))
        for place, number in enumerate(numbers)
        for direction in (1, -1)
        if (changed := number.shifted(decider.playbook, direction)) is not None
    ]
    tables = [repeatable(table) for table in (contacts, touches, scores, claims, events)]
    options: dict[str, Any] = {"at": at, "until": until, "zone": zone, "max_bad": max_bad, "threads": threads}
    options["progress"] = progress
    if _needs_runs(decider):
        runs = ShiftRuns(numbers, tables, options, announce)
        summary = runs.run(decider, shifts)
        return _report(decider, numbers, shifts, summary, runs.binds, runs.sums, runs.gaps, len(shifts) + 1)
    if announce is not None:
        announce(1, 1)
    job = ShiftJob(decider, numbers, shifts, *tables, **options)
    for _ in job.batches():
        # The rows of the decisions themselves are not wanted.
        pass
    return _report(decider, numbers, shifts, job.summary(), job.binds, job.sums, [None] * len(shifts), 1)


def _decider_of(given: Any, policies: Mapping[str, Policy]) -> Decider:
    if isinstance(given, str | os.PathLike):
        given = Playbook.load(given)
    found = Decider(given, policies) if isinstance(given, Playbook) else getattr(given, "decider", None)
    if not isinstance(found, Decider):
        raise ModelError(f"a playbook, its path or an Arbiter is asked, found {shown(given)}", field="playbook")
    return found


def _refuse_counted(decider: Decider) -> None:
    """Refuse quotas that count over all runs: no ledger is read here."""
    counted = decider.ruleset.counted
    if counted:
        raise ModelError(
            f"quotas with a window are counted in a ledger, which is not read here: {counted.names}; leave the window "
            "out in a copy of the playbook, to ask about this run alone",
            field="quotas",
        )


def _shifted(decider: Decider, playbook: Playbook) -> Decider:
    """A decider by a playbook one of whose numbers is another; all that is drawn by hash stays."""
    return Decider(
        playbook,
        decider.policies,
        decider.prices,
        decider.budget,
        decider.checks,
        whole=decider.fingerprint,
        guards=decider.guards,
        pauses=decider.pauses,
    )


def _needs_runs(decider: Decider) -> bool:
    """Whether contacts depend on each other, or on more than their rules' numbers."""
    playbook = decider.playbook
    is_alone = not (playbook.quotas or playbook.experiments or playbook.explore or decider.by_account)
    return not (is_alone and has_kernels())


def _report(
    decider: Decider,
    numbers: Sequence[RuleNumber],
    shifts: Sequence[Shift],
    summary: Summary,
    binds: Sequence[int],
    sums: Sequence[ShiftSum | None],
    gaps: Sequence[tuple[float, float] | None],
    runs: int,
) -> Sensitivity:
    effects: dict[tuple[int, int], ShiftEffect] = {}
    for (place, direction, _), found, ends in zip(shifts, sums, gaps, strict=True):
        number = numbers[place]
        # Of another reserve the bounds are of another value.
        effects[place, direction] = _effect(number, direction, found, None if number.kind == RESERVE else ends)
    rules = [
        RuleSensitivity(rule=own, binds=binds[place], more=effects.get((place, 1)), less=effects.get((place, -1)))
        for place, own in enumerate(numbers)
    ]
    penalties = sum(1 for own in effects.values() if own.penalties)
    return Sensitivity(
        playbook=decider.fingerprint,
        name=decider.playbook.name,
        at=summary.at,
        until=summary.until,
        contacts=summary.contacts,
        messages=summary.outcomes.get("granted", 0),
        value=summary.value,
        rules=tuple(sorted(rules, key=lambda own: own.order)),
        runs=runs,
        notes=tuple(_notes(decider, summary, penalties)),
    )


def _effect(
    number: RuleNumber, direction: int, found: ShiftSum | None, ends: tuple[float, float] | None
) -> ShiftEffect:
    after = number.after(direction)
    assert after is not None  # noqa: S101  (a shift has a number)
    if found is None:
        return ShiftEffect(number=after, value=None, messages=None, contacts=None, decided=0)
    return ShiftEffect(
        number=after,
        value=found.value / MILLIONTH,
        messages=found.messages,
        contacts=found.contacts,
        decided=found.decided,
        penalties=found.penalties,
        ends=ends,
    )


def _notes(decider: Decider, summary: Summary, penalties: int) -> Sequence[str]:
    found = []
    if decider.playbook.quotas:
        found.append(
            f"With quotas a value is as good as the gap of each run ({summary.gap:.4%} as the playbook is): JSON and "
            "the table have the range in which the best one lies."
        )
    if penalties:
        found.append(
            f"By {penalties:,} of these numbers soft quotas cost more or less, which is not in the value: JSON and the "
            "table have it."
        )
    if decider.playbook.experiments:
        found.append("In each arm of an experiment the arm's own number is changed by the same unit.")
    if summary.unproven:
        found.append(f"The search for {summary.unproven:,} contacts was cut short: their differences are not exact.")
    if summary.bad_rows:
        found.append(f"Bad rows, which count nowhere: {summary.bad_rows:,}.")
    return found
