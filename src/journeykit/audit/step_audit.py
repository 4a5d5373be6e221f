"""The audit of series: whether a step went in its turn."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from journeykit.basics.clock import Clock
    from journeykit.model.campaign import Campaign
    from journeykit.model.window import Lag


@frozen
class StepMark:
    """A touch or a granted claim of a series.

    Attributes:
        at: when, in microseconds.
        step: the content; None where that is not known.
        claim: the id of the claim, or None.
    """

    at: int
    step: str | None
    claim: str | None


def faults_of_step(
    campaign: Campaign,
    own: StepMark,
    history: Sequence[StepMark],
    granted: Sequence[StepMark],
    local: Clock,
    is_refused: Callable[[str], bool],
) -> Iterator[str]:
    """What is wrong with a granted step: one before it has not gone, or not long enough ago.

    Args:
        campaign: the series.
        own: the step.
        history: the touches of the series.
        granted: the granted claims of the series.
        local: the contact's clock.
        is_refused: whether the contact is refused a step.
    """
    if campaign.series is None or own.step is None:
        return
    place, skips = campaign.content.index(own.step), campaign.if_lost == "skip"
    mine = [mark for mark in history if own.claim in (None, mark.claim)]
    gone = {mark.step for mark in mine}
    passed = [step for step in campaign.content[place + 1 :] if step in gone]
    if skips and passed and own.step not in gone:
        yield f"{own.step} was passed over, and {passed[0]} has gone"
    gap = campaign.series.gap
    marks = [*mine, *(mark for mark in granted if mark.claim == own.claim)]
    for step in reversed(campaign.content[:place]):
        if any(mark.step == step and _is_over(gap, mark.at, own.at, local) for mark in marks):
            return
        if not skips or step in gone or not is_refused(step):
            yield f"{own.step} goes after {step} and a gap of {gap}"
            return


def _is_over(gap: Lag, since: int, at: int, local: Clock) -> bool:
    if gap.length is None:
        return local.day(at) - local.day(since) >= (gap.days or 0)
    return timedelta(microseconds=at - since) >= gap.length
