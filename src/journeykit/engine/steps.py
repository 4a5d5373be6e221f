"""Steps: when it is the turn of a step of a series."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from journeykit.basics.clock import FOREVER
from journeykit.engine.candidate import message_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.engine.candidate import Candidate, Winner
    from journeykit.engine.contact_facts import ContactFacts

_MICROSECOND = timedelta(microseconds=1)


def step_rule(candidate: Candidate) -> str:
    """The rule that a step breaks before its turn: the step that must go before it; or the one that passed it over."""
    step = candidate.passed or candidate.before
    assert step is not None  # noqa: S101  (asked of steps that wait only)
    return f"step {step.content_id} of {candidate.claim.campaign}"


def is_step_before(candidate: Candidate, other: Candidate) -> bool:
    """Whether a claim is for the step that must go before a candidate, and of the same id."""
    return (
        candidate.passed is None
        and candidate.before is not None
        and other.message is not None
        and other.message.step == candidate.before.step
        and (other.claim.campaign, other.claim.id) == (candidate.claim.campaign, candidate.claim.id)
    )


def gap_ends(facts: ContactFacts, candidate: Candidate, when: int) -> int:
    """From when on a step may go, where the one before it goes at an instant."""
    series = message_of(candidate).campaign.series
    assert series is not None  # noqa: S101  (asked of steps only)
    gap = series.gap
    if gap.length is not None:
        return when + gap.length // _MICROSECOND
    return facts.clock.day_start(facts.clock.day(when) + (gap.days or 0))


def turn_from(facts: ContactFacts, candidate: Candidate, winners: Iterable[Winner]) -> int:
    """From when on it is the turn of a step, by the history and what was granted; `FOREVER` for never.

    A claim with an id follows touches and winners of that id alone.
    """
    if candidate.passed is not None:
        return FOREVER
    if candidate.before is None:
        return -FOREVER
    claim = candidate.claim
    touches = facts.history.steps.get((claim.campaign, candidate.before.content_id or ""), ())
    instants = [at for at, own in touches if claim.id in (None, own)]
    instants += [winner.at for winner in winners if is_step_before(candidate, winner.candidate)]
    return min((gap_ends(facts, candidate, when) for when in instants), default=FOREVER)
