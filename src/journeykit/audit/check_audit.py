"""The audit of checks of one's own: whether they allow what was granted."""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.model.claim import Claim
from journeykit.policies.claim_check import Check, verdict_of
from journeykit.policies.policy import Context
from journeykit.rule.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.model.campaign import Campaign
    from journeykit.model.claim import Scores
    from journeykit.model.contact import Contact
    from journeykit.model.content import Content
    from journeykit.model.outcome import Grant
    from journeykit.model.touch import Touch
    from journeykit.playbook.playbook import Playbook

_SCORED = ("propensity", "value", "spread", "opt_out", "uplift")


def faults_of_checks(
    checks: Sequence[Check],
    claim: Claim,
    contact: Contact,
    context: Context,
) -> Iterator[tuple[str, str]]:
    """What checks say against a claim: ``refused``, or ``invalid`` where a check fails; and the words for it."""
    for check in checks:
        try:
            if not verdict_of(check, claim, contact, context):
                yield "refused", f"the check {check.name!r} does not allow it"
        except Exception as error:  # noqa: BLE001  (a check is foreign code: whatever it raises is its fault)
            yield "invalid", f"the check {check.name!r} failed: {type(error).__name__}: {error}"


def asked_claim(grant: Grant, asked: Claim | None, scores: Scores) -> Claim:
    """The claim that a grant answers, as a check sees it: the content and channel that were granted, and scores."""
    found = asked or Claim(campaign=grant.campaign, at=grant.date)
    found = evolve(found, content=grant.content, channel=grant.channel)
    score = scores.get((grant.campaign, grant.content or "")) or scores.get(grant.campaign)
    if score is None:
        return found
    lacking = (name for name in _SCORED if getattr(found, name) is None)
    return evolve(found, **{name: getattr(score, name) for name in lacking})


def seen_by(contact: Contact, values: Mapping[str, Any]) -> Contact:
    """The contact as checks see it: with the segments of the playbook too."""
    # A copy, not attrs' evolve: what the contact did stays with it.
    seen = copy(contact)
    object.__setattr__(seen, "segments", values["segments"])
    return seen


def context_of(
    playbook: Playbook,
    campaign: Campaign,
    content: Content | None,
    contact: Contact,
    at: datetime,
    touches: Sequence[Touch],
) -> Context:
    """What a check may look at besides claim and contact; the base weight is that without levers and patience."""
    team = next((own for own in playbook.teams or () if own.name == campaign.team), None)
    stage = role = 1.0
    if content is not None:
        stage = 1.0 if contact.stage is None else content.stage_fit(contact.stage)
        role = 1.0 if contact.role is None else content.role_fit(contact.role)
    weight = math.nan if isinstance(campaign.weight, Expression) else campaign.weight
    base = weight * (1.0 if content is None else content.weight) * (team.lever if team else 1.0) * stage * role
    preference = 1.0 if content is None else contact.preferences.get(content.channel, 1.0)
    about = set() if content is None else {*content.topics, *content.solutions}
    interest = 1.0 + (0.0 if about.isdisjoint(contact.interests) else playbook.interest_lift)
    return Context(
        at,
        playbook,
        campaign,
        content,
        team,
        base,
        stage,
        role,
        preference,
        interest,
        touches=lambda: tuple(sorted(touches, key=lambda touch: touch.micros)),
    )
