"""Mending: contact by contact, in a hashed order, what can be had of the room that the others leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.validation import MILLIONTH
from journeykit.kernels import improve
from journeykit.kernels.interface.problem_arrays import QuotaBudget

if TYPE_CHECKING:
    from journeykit.columns.capacity import Capacity
    from journeykit.kernels import PriceWorkspace
    from journeykit.kernels.interface.problem_arrays import ProblemPool

_FEW = 1000
"""Where fewer than one unit of so many moves, no further sweep is made."""


def quota_budget(room: Capacity, left: np.ndarray, dear: float) -> QuotaBudget:
    """The rows of quotas of which so much is left; a broken hard row costs `dear` for one unit of it."""
    uses = (room.fixed != 0) | ((room.factor != 0) & (room.column >= 0))
    kind, row = np.nonzero(uses)
    fine = np.where(room.hard, dear, room.ceiling) * MILLIONTH / room.unit
    return QuotaBudget(
        fixed=room.fixed,
        column=room.column,
        factor=room.factor,
        touched=np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(kind, minlength=len(uses)))]),
        rows=row.astype(np.int64),
        left=left.copy(),
        fine=fine,
        hard=room.hard,
        change=np.zeros(room.rows, np.int64),
    )


def by_hash(pool: ProblemPool) -> np.ndarray:
    """The units in the order of their keys."""
    return np.argsort(pool.key, kind="stable")


def improve_all(
    pool: ProblemPool, budget: QuotaBudget, taken: np.ndarray, workspace: PriceWorkspace, sweeps: int
) -> int:
    """Mend all units, again and again as long as it pays, so many times at most; how many moves were made."""
    units = by_hash(pool)
    total = 0
    for _ in range(sweeps):
        moves = improve(pool, budget, units, taken, workspace)
        total += int(moves)
        if moves * _FEW <= len(units):
            break
    return total
