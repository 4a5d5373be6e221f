"""Mending: contact by contact, in a hashed order, what can be had of the room that the others leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from journeykit.basics.validation import MILLIONTH
from journeykit.columns.problem_pool import spread
from journeykit.kernels import improve
from journeykit.kernels.interface.problem_arrays import QuotaBudget
from journeykit.quotas.pool_facts import uses_of
from journeykit.quotas.pool_parts import SomeUnits
from journeykit.quotas.settlement import Settlement, TakenSums

if TYPE_CHECKING:
    from journeykit.columns.capacity import Capacity
    from journeykit.kernels import PriceWorkspace
    from journeykit.kernels.interface.problem_arrays import ProblemPool
    from journeykit.quotas.pool_facts import PoolFacts
    from journeykit.quotas.pool_parts import PoolParts
    from journeykit.quotas.pool_slice import PoolSlice

_ITEMS, _LEAST, _WIDER = 400_000, 1_000, 8
"""So many items of all rows, and so many of each at least, belong to contacts that take turns at first."""
_SWEEPS = 4
_FEW = 1000
"""Where fewer than one unit of so many moves, no further sweep is made."""


def quota_budget(room: Capacity, left: np.ndarray, dear: float) -> QuotaBudget:
    """The rows of quotas of which so much is left; a broken hard row costs `dear` for one unit of it."""
    uses = uses_of(room)
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


@frozen(eq=False)
class UnitsToImprove:
    """Asks for units that may move, and what they get by a settlement.

    Attributes:
        settlement: what all units get.
        shares: by kind, the share of the units that may move for the sake of its items, in the order of their turns.
    """

    settlement: Settlement
    shares: np.ndarray

    def __call__(self, own: PoolSlice) -> SomeUnits:
        """The units of a slice."""
        pool, taken = own.pool, self.settlement.taken(own)
        turn = pool.key.astype(np.float64) / 2.0**64
        sizes = np.diff(pool.first)
        units = np.flatnonzero((turn <= self.shares.max()) & (sizes > 0))
        sizes = sizes[units]
        if len(units) and self.shares.min() < 1.0:
            kind = pool.item["kind"][spread(pool.first[units], sizes)]
            own_turn = self.shares[kind] >= np.repeat(turn[units], sizes)
            units = units[np.logical_or.reduceat(own_turn, np.cumsum(sizes) - sizes)]
        return SomeUnits.of(own, units, taken)


def improved(
    pools: PoolParts, room: Capacity, settlement: Settlement, granted: TakenSums, dear: float
) -> tuple[Settlement, TakenSums]:
    """A settlement that is mended, and what it comes to.

    Where very many contacts use a row, the first of them take turns: it is a little that is left of it. Only where a
    hard row is broken still, more of them do.

    Args:
        pools: the problems.
        room: the rows of the quotas.
        settlement: what all units get.
        granted: what that comes to.
        dear: what a unit beyond a hard row is taken to cost.
    """
    most = max(_LEAST, _ITEMS // room.rows)
    while True:
        shares = _shares(pools.facts, room, most)
        found = pools.some(UnitsToImprove(settlement, shares))
        own, before = found.slice, found.slice.taken
        budget = quota_budget(room, room.bound - room.usage(granted.counts, granted.sums), dear)
        taken = before.copy()
        with own.workspace() as workspace:
            improve_all(own.pool, budget, taken, workspace, _SWEEPS)
        if shares.min() >= 1.0 or not (budget.left < 0)[room.hard].any():
            break
        most *= _WIDER
    unlike = np.flatnonzero(taken != before)
    moved = np.zeros(own.pool.units, np.bool_)
    moved[np.searchsorted(own.pool.first, unlike, side="right") - 1] = True
    kinds = pools.kinds
    total = granted.plus(TakenSums.of(own, unlike[taken[unlike]], kinds))
    total = total.plus(TakenSums.of(own, unlike[before[unlike]], kinds), -1)
    return settlement._replace(changed=found.items(taken, moved)), total


def _shares(facts: PoolFacts, room: Capacity, most: int) -> np.ndarray:
    """By kind, the share of the units that may move: of each row that it uses, so many items."""
    with np.errstate(divide="ignore"):
        share = np.minimum(1.0, most / facts.users(room))
    if (share >= 1.0).all():
        return np.ones(len(room.fixed))
    return np.where(uses_of(room), share, 0.0).max(axis=1)


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
