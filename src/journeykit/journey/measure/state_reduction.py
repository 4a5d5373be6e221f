"""Equations of Markov chains, solved directly: stage after stage is taken out of the chain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def solve(
    moves: Sequence[Sequence[float]], leaving: Sequence[float], right: Sequence[Sequence[float]]
) -> list[list[float]]:
    """The X of ``(D - P) X = right``, where P are ways between states and D, diagonal, is what goes out of each.

    This is Gaussian elimination in the form of Grassmann, Taksar and Heyman ("Regenerative analysis and steady state
    distributions for Markov chains", Operations Research 33(5), 1985): a state is taken out, and who would go there
    goes on to where it leads. Nothing is ever subtracted, so that nothing is lost where almost everybody stays, and no
    pivoting is needed.

    Args:
        moves: by state, the weight of the way to each other state; what leads to itself does not matter.
        leaving: by state, the weight of the way out of all of them. From every state there is some way out.
        right: by state, the right-hand sides.

    Raises:
        ZeroDivisionError: where a state has no way out.

    Example:
        >>> solve([[0, 0.5], [0.25, 0]], [0.5, 0.25], [[1], [0.5]])
        [[2.0], [2.0]]
    """
    rows, leaving = [list(row) for row in moves], list(leaving)
    found = [list(row) for row in right]
    out = [0.0] * len(rows)
    for state in reversed(range(len(rows))):
        own = rows[state] = rows[state][:state]
        out[state] = leaving[state] + math.fsum(own)
        for before in range(state):
            share = rows[before][state] / out[state]
            if share:
                rows[before][:state] = _plus(rows[before][:state], own, share)
                leaving[before] += share * leaving[state]
                found[before] = _plus(found[before], found[state], share)
    for state, row in enumerate(rows):
        for before, weight in enumerate(row):
            if weight:
                found[state] = _plus(found[state], found[before], weight)
        found[state] = [entry / out[state] for entry in found[state]]
    return found


def _plus(row: Sequence[float], other: Sequence[float], share: float) -> list[float]:
    return [entry + share * more for entry, more in zip(row, other, strict=True)]
