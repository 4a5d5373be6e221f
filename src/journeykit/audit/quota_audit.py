"""The audit of quotas: what was granted to all contacts, added up from scratch.

Like `journeykit.audit`, nothing here is shared with the engine. Each quota is read as the design words it, and the
messages of all decisions are added up one by one, as fractions, so that nothing is rounded.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from journeykit.audit.violation import Violation
from journeykit.basics.clock import clock, micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from journeykit.model.claim import Claim
    from journeykit.model.decision import Decision
    from journeykit.model.outcome import Row
    from journeykit.model.quota import Quota
    from journeykit.playbook.playbook import Playbook

_BILLIONTH = Fraction(1, 10**9)
_EPOCH = date(1970, 1, 1).toordinal()
_Period = tuple[str, str]
"""A quota's name, and the period of its window, for people; an empty text without one."""


def quota_violations(
    playbook: Playbook,
    decisions: Iterable[Decision],
    claims: Mapping[str, Iterable[Claim]] | None = None,
    earlier: Iterable[Any] = (),
) -> Iterator[Violation]:
    """Every hard quota that the decisions of a run break together.

    With several tiers, a policy that ranks, or claims that need not obey caps, minima and shares are soft, whatever
    they say. A quota with a window is looked at period by period, together with what was reserved earlier; where that
    alone is more than the maximum, the decisions break it if they add to it.

    Args:
        playbook: the rule set.
        decisions: of all contacts of the run.
        claims: by contact id, the claims that were decided; None where they came from the campaigns.
        earlier: the reservations of a ledger that count besides, in quotas with a window.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Contact, Playbook
        >>> playbook = Playbook.from_dict({
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "campaigns": [{"id": "meetup", "content": ["note"]}],
        ...     "quotas": [{"name": "seats", "max": 1}],
        ... })
        >>> noon, people = datetime(2026, 11, 5, 12, tzinfo=UTC), [Contact(id=n, consent=["email"]) for n in "ab"]
        >>> each_alone = [Arbiter(playbook).decide(person, at=noon) for person in people]
        >>> [str(found) for found in quota_violations(playbook, each_alone)]
        ['seats: 2 of at most 1']
    """
    used: Counter[_Period] = Counter()
    granted: Counter[_Period] = Counter()
    before: Counter[_Period] = Counter()
    for decision in decisions:
        asked = list((claims or {}).get(decision.contact, ()))
        for row in decision.rows:
            if row.outcome == "granted":
                claim = _claim_of(row, asked)
                for quota in playbook.quotas:
                    assert row.send_at is not None  # noqa: S101  (it was granted)
                    period = _period_of(playbook, quota, row.send_at)
                    if period is not None and _is_on_a_day(quota, decision, row):
                        granted[period] += 1
                        used[period] += _amount(playbook, quota, row, claim)  # type: ignore[assignment]
    for held in earlier:
        for quota in playbook.quotas:
            period = None if quota.window is None else _period_of(playbook, quota, held.at)
            if period is not None:
                granted[period] += 1
                before[period] += _held_amount(playbook, quota, held)  # type: ignore[assignment]
    several = _has_levels(playbook)
    found: dict[str, list[_Period]] = {}
    for period in granted:
        found.setdefault(period[0], []).append(period)
    nothing = [("", "")]
    every = ((quota, period) for quota in playbook.quotas for period in found.get(quota.name, nothing))
    for quota, period in every:
        total = Fraction(used[period]) + Fraction(before[period])
        for limit, kind, is_max in ((quota.max, "at most", True), (quota.min, "at least", False)):
            if limit is None or not (is_max if quota.hard is None else quota.hard):
                continue
            if several and (not is_max or quota.of == "share"):
                continue
            bound, shown = Fraction(limit), total
            slack = _BILLIONTH * max(1, granted[period])
            if quota.of == "share":
                bound *= granted[period]
            over = total > bound + slack and (not before[period] or used[period] > 0)
            if over if is_max else total < bound - slack:
                when = f" in {period[1]}" if period[1] else ""
                yield Violation(quota.name, f"{float(shown):g} of {kind} {float(bound):g}{when}")


def _has_levels(playbook: Playbook) -> bool:
    """Whether claims are settled in turn: by tiers, or by the ranks of a policy of the library, in an arm too."""
    arms = [arm.changes.policy for experiment in playbook.experiments for arm in experiment.arms]
    policies = {playbook.policy, *arms}
    levels = {
        (own.obeys_caps, own.tier, own.priority if "ranked" in policies else 0) for own in playbook.campaigns or ()
    }
    return len(levels) > 1 or "first_come" in policies


def _period_of(playbook: Playbook, quota: Quota, at: datetime) -> _Period | None:
    """The quota, and the period of its window in which an instant lies; None where it counts nothing then."""
    window = quota.window
    if window is None:
        return quota.name, ""
    if window.kind == "ever":
        return quota.name, "ever"
    zone = playbook.timezone if window.zone == "playbook" else window.zone
    day = clock(zone).moment(micros(at)).date()
    if window.kind == "between":
        assert window.first is not None and window.last is not None  # noqa: S101, PT018  (of such a window)
        return (quota.name, f"{window.first} to {window.last}") if window.first <= day <= window.last else None
    months = (day.year - 1970) * 12 + day.month - 1
    first_weekday = 3 if window.week_start == "monday" else 4
    number = {
        "day": day.toordinal() - _EPOCH,
        "week": (day.toordinal() - _EPOCH + first_weekday) // 7,
        "month": months,
        "quarter": months // 3,
        "year": day.year - 1970,
    }[str(window.period)]
    return quota.name, f"{window.period} {number // window.every}"


def _held_amount(playbook: Playbook, quota: Quota, held: Any) -> Fraction:
    """How much of what a quota adds up a reservation has, as it was when it was decided."""
    campaign = next((own for own in playbook.campaigns or () if own.id == held.campaign), None)
    content = next((own for own in playbook.content or () if own.id == held.content), None)
    own = {name: values for name, values in held.touch().own_facets().items() if values or name in held.without}
    facets = {name: values for name, values in (playbook.facets(campaign, content) | own).items() if values}
    if not quota.where.matches(facets):
        return Fraction(0)
    if quota.of in ("count", "share"):
        return Fraction(1)
    if quota.of == "responses":
        return Fraction(1 if held.propensity is None else held.propensity)
    numbers = {name.strip().casefold(): value for name, value in held.numbers.items()}
    named = {"value": held.weight, "cost": held.cost}
    return Fraction((named[quota.of] if quota.of in named else numbers.get(quota.of.strip().casefold())) or 0)


def _is_on_a_day(quota: Quota, decision: Decision, row: Row) -> bool:
    if quota.during is None:
        return True
    assert row.send_at is not None  # noqa: S101  (it was granted)
    local = clock(decision.timezone).moment(micros(row.send_at)).date()
    return quota.during[0] <= local <= quota.during[1]


def _claim_of(row: Row, asked: Iterable[Claim]) -> Claim | None:
    """The claim that a row answers; of claims for the same thing one counts, and this is the one."""
    same = [
        claim
        for claim in asked
        if claim.campaign == row.campaign
        and claim.at == row.date
        and claim.id == row.claim
        and claim.content in (None, row.content)
        and claim.channel in (None, row.channel)
    ]
    return min(same, key=_standing, default=None)


def _standing(claim: Claim) -> tuple[Any, ...]:
    """The heaviest counts; then the one with the smaller numbers, of which none at all is the largest."""
    asked_at = None if claim.asked_at is None else micros(claim.asked_at)
    parts = claim.propensity, claim.value, claim.cost, asked_at, claim.spread, claim.opt_out, claim.uplift
    return (
        claim.weight is None,
        -(claim.weight or 0),
        *((part is None, part or 0) for part in parts),
        "" if claim.expires is None else claim.expires.isoformat(),
        sorted(claim.numbers.items()),
        sorted(claim.facets.items()),
    )


def _amount(playbook: Playbook, quota: Quota, row: Row, claim: Claim | None) -> Fraction:
    """How much of what a quota adds up one message has."""
    campaign = next((own for own in playbook.campaigns or () if own.id == row.campaign), None)
    content = next((own for own in playbook.content or () if own.id == row.content), None)
    facets = playbook.facets(campaign, content, None if claim is None else claim.facets) | {"campaign": (row.campaign,)}
    facets |= {name: (value,) for name, value in (("channel", row.channel), ("content", row.content)) if value}
    if not quota.where.matches(facets):
        return Fraction(0)
    if quota.of in ("count", "share"):
        return Fraction(1)
    if quota.of == "value":
        return Fraction(row.weight or 0)
    if quota.of == "cost":
        own = None if claim is None else claim.cost
        return Fraction((campaign.cost if campaign else None) or 0 if own is None else own)
    if quota.of == "responses":
        chance = row.propensity if claim is None or claim.propensity is None else claim.propensity
        return Fraction(1 if chance is None else chance)
    numbers = {} if claim is None else {name.strip().casefold(): value for name, value in claim.numbers.items()}
    column = quota.of.strip().casefold()
    if column in ("propensity", "spread", "opt_out", "uplift") and column not in numbers:
        return Fraction(getattr(claim, column, None) or 0)
    return Fraction(numbers.get(column, 0))
