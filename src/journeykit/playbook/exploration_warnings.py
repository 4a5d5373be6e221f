"""Warnings of exploration: what draws nothing, or nothing that anybody could learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.model.exploration import Exploration
    from journeykit.playbook.sections import Sections

_FEW_DRAWS = 10


def find_exploration_warnings(playbook: Sections) -> Iterator[Problem]:
    """What the section `explore` can hardly be meant to say."""
    how = playbook.explore
    if how is None:
        return
    if how.share == 0:
        yield Problem.warning("explore.share", "no contact is drawn: nothing is explored, and every chance is 0 or 1")
    elif how.share == 1:
        message = "every contact is drawn: none is decided by the weights as they are"
        yield Problem.warning("explore.share", message)
    if how.draws < _FEW_DRAWS:
        message = f"a contact has {how.draws} vectors of weights: chances come in coarse steps, and many are 0"
        yield Problem.warning("explore.draws", message)
    if reason := _idle(playbook, how):
        yield Problem.warning("explore", f"draws nothing: {reason}")


def _idle(playbook: Sections, how: Exploration) -> str | None:
    """Why nothing is drawn that makes a difference; None where something may be."""
    if how.method == "thompson" and _policies(playbook) == {"first_come"}:
        return "the policy 'first_come' does not look at a propensity, and thompson draws propensities; use uniform"
    campaigns = playbook.campaigns
    if campaigns is None:
        return None
    if campaigns and not any(own.obeys_caps for own in campaigns):
        return "no campaign obeys caps (obeys_caps: false), and only those that do take part"
    rivals = bool(playbook.caps or playbook.conflicts or playbook.quotas)
    # Contents of one campaign exclude each other.
    rivals = rivals or any(len(own.content) > 1 and own.series is None and not own.split for own in campaigns)
    if how.method == "uniform" and not rivals:
        return "without caps, conflicts and quotas no claims compete"
    return None


def _policies(playbook: Sections) -> set[str]:
    arms = [arm.changes.policy for experiment in playbook.experiments for arm in experiment.arms]
    return {playbook.policy, *(name for name in arms if name is not None)}
