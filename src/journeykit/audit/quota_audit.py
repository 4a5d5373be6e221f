"""The audit of quotas: what was granted to all contacts, added up from scratch.

Like `journeykit.audit`, nothing here is shared with the engine. Each quota is read as the design words it, and the
messages of all decisions are added up one by one, as fractions, so that nothing is rounded.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from journeykit.audit.violation import Violation
from journeykit.basics.clock import clock, micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from journeykit.model.claim import Claim
    from journeykit.model.decision import Decision
    from journeykit.model.outcome import Row
    from journeykit.model.quota import Quota
    from journeykit.playbook.playbook import Playbook

_BILLIONTH = Fraction(1, 10**9)


def quota_violations(
    playbook: Playbook, decisions: Iterable[Decision], claims: Mapping[str, Iterable[Claim]] | None = None
) -> Iterator[Violation]:
    """Every hard quota that the decisions of a run break together.

    With several tiers, or claims that need not obey caps, minima and shares are soft, whatever they say.

    Args:
        playbook: the rule set.
        decisions: of all contacts of the run.
        claims: by contact id, the claims that were decided; None where they came from the campaigns.

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
    used: Counter[str] = Counter()
    granted: Counter[str] = Counter()
    for decision in decisions:
        asked = list((claims or {}).get(decision.contact, ()))
        for row in decision.rows:
            if row.outcome == "granted":
                claim = _claim_of(row, asked)
                for quota in playbook.quotas:
                    if _is_on_a_day(quota, decision, row):
                        granted[quota.name] += 1
                        used[quota.name] += _amount(playbook, quota, row, claim)  # type: ignore[assignment]
    levels = {(campaign.obeys_caps, campaign.tier) for campaign in playbook.campaigns or ()}
    for quota in playbook.quotas:
        total = Fraction(used[quota.name])
        for limit, kind, is_max in ((quota.max, "at most", True), (quota.min, "at least", False)):
            if limit is None or not (is_max if quota.hard is None else quota.hard):
                continue
            if len(levels) > 1 and (not is_max or quota.of == "share"):
                continue
            bound, shown = Fraction(limit), total
            slack = _BILLIONTH * max(1, granted[quota.name])
            if quota.of == "share":
                bound *= granted[quota.name]
            if (total > bound + slack) if is_max else (total < bound - slack):
                yield Violation(quota.name, f"{float(shown):g} of {kind} {float(bound):g}")


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
    parts = claim.propensity, claim.value, claim.cost, asked_at
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
    return Fraction(numbers.get(quota.of.strip().casefold(), 0))
