"""The audit of single claims: what they weigh, and until when they may go."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import day_number, micros

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.basics.clock import Clock
    from journeykit.model.campaign import Campaign
    from journeykit.model.claim import Claim
    from journeykit.model.outcome import Grant
    from journeykit.playbook.playbook import Playbook


def is_in_time(claim: Claim, campaign: Campaign | None, grant: Grant, local: Clock) -> bool:
    """Whether a claim may still go at the instant of a grant."""
    sent, expires, asked_at = grant.send_at, claim.expires, claim.asked_at
    if isinstance(expires, datetime) and sent > expires:
        return False
    day = local.day(micros(sent))
    if expires is not None and not isinstance(expires, datetime) and day > day_number(expires):
        return False
    wait = None if campaign is None else campaign.wait
    if wait is None or asked_at is None:
        return True
    if wait.length is not None:
        return sent - asked_at <= wait.length
    return day - local.day(micros(asked_at)) <= (wait.days or 0)


def own_weight(claim: Claim, campaign: Campaign | None, last: int | None, now: int) -> float:
    """The weight that a claim brings, times the patience of its campaign.

    Args:
        claim: the claim.
        campaign: its campaign, where the playbook knows it.
        last: the instant of the contact's last touch of the campaign, or None.
        now: the instant of the decision.
    """
    weight = claim.weight or 0.0
    if campaign is None or campaign.patience is None or weight <= 0:
        return weight
    since = micros(claim.asked_at) if last is None and claim.asked_at is not None else last
    is_long = since is not None and now - since > campaign.patience.length
    return weight * campaign.patience.factor if is_long else weight


def faults_of_owner(
    playbook: Playbook, stage: str | None, campaign: Campaign, team: Sequence[str] | None
) -> Iterator[str]:
    """Why a message's team may not speak to a contact on a stage."""
    stages = playbook.journey.stages if playbook.journey else ()
    if stage is None or stage in campaign.stages or all(own.owner is None for own in stages):
        return
    teams = [own for own in playbook.teams or () if (own.name,) == team]
    spoken = {name for own in teams for name in (own.department, *own.speaks)} or {"marketing"}
    if "everywhere" in spoken:
        return
    if all(own.name != stage for own in stages):
        yield f"the journey does not have the stage {stage}, so nobody knows who owns it"
    for own in stages:
        if own.name == stage and own.owner is not None and own.owner not in spoken:
            yield f"the stage {stage} is owned by {own.owner}"


def standing(claim: Claim) -> tuple[Any, ...]:
    """The place of a claim among several that ask for the same; the first counts."""
    asked_at = None if claim.asked_at is None else micros(claim.asked_at)
    parts = claim.propensity, claim.value, claim.cost, asked_at, claim.spread, claim.opt_out, claim.uplift
    return (
        claim.weight is None,
        -(claim.weight or 0),
        *((part is None, part or 0) for part in parts),
        "" if claim.expires is None else claim.expires.isoformat(),
        sorted(claim.numbers.items()),
        claim.content is None,
        sorted(claim.facets.items()),
    )
