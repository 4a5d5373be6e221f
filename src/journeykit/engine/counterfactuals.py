"""Counterfactuals: what a granted candidate displaced, and what weight a losing one would have needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.validation import LARGEST, MILLIONTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.engine.arbitration import Arbitration
    from journeykit.engine.candidate import Candidate
    from journeykit.engine.round import Round


def displaced_by(arbitration: Arbitration, candidate: Candidate, at: int) -> int | None:
    """The value, in millionths, of what a claim granted at an instant pushed out; None in a large account."""
    round_ = arbitration.round_of(candidate)
    if not (round_.searched and arbitration.rounds.main.searched):
        return None
    gain = round_.gain(candidate, at)
    if round_ is arbitration.rounds.main:
        return round_.solve(without=candidate).total - (round_.reached - gain)
    left = arbitration.rounds.round([rival for rival in round_.candidates if rival is not candidate], ())
    rest = arbitration.rounds.round(arbitration.rounds.main.candidates, left.result.winners)
    return left.answer.total + rest.answer.total - (round_.reached + arbitration.rounds.main.reached - gain)


def needs_of(arbitration: Arbitration, candidate: Candidate) -> float | None:
    """The smallest weight with which a losing claim would have been granted; None where no weight would do.

    With the claim forced in, the others reach less than the best total by some amount: the claim must be worth
    that much, or one millionth more where the tie goes against it.
    """
    round_ = arbitration.round_of(candidate)
    now = round_.answer
    if not now.optimal:
        return None
    forced = round_.solve(force=candidate)
    if candidate not in _granted_in(round_, forced.chosen) or not forced.optimal:
        return None
    levels = sorted(set(now.totals) | set(forced.totals) | {candidate.level})
    # At the prices of a run it may be among the best though the run, which had to keep the quotas, left it out.
    mine = [round_.items[item][1] for item in now.chosen if round_.items[item][0] is candidate]
    own = sum(round_.gain(candidate, at) for at in mine)
    for level in levels:
        short = now.totals.get(level, 0) - forced.totals.get(level, 0) - (own if level == candidate.level else 0)
        if level == candidate.level:
            break
        if short > 0:
            return None
        if short < 0:
            break
    at = next(round_.items[item][1] for item in forced.chosen if round_.items[item][0] is candidate)
    least = arbitration.facts.reserve + arbitration.facts.charge(candidate, at) + max(1, short)
    for weight in (least, least + 1):
        if weight <= LARGEST * MILLIONTH and candidate in _granted_in(
            round_, round_.solve(weights={candidate: weight}).chosen
        ):
            return weight / MILLIONTH
    return None


def _granted_in(round_: Round, chosen: Sequence[int]) -> set[Candidate]:
    return {round_.items[item][0] for item in chosen}
