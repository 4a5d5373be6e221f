"""Levels of a pool: tiers and ranks, which are settled one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from journeykit.columns.problem_pool import stage_of

if TYPE_CHECKING:
    from journeykit.quotas.pool_slice import PoolSlice


@frozen(eq=False)
class Leveled:
    """Changes slices so that the levels of items are numbered, by tier and rank.

    Attributes:
        tier: by kind, the tier of its items.
        pairs: the pairs of tier and rank that there are, in order.
    """

    tier: np.ndarray
    pairs: np.ndarray

    def __call__(self, own: PoolSlice) -> PoolSlice:
        """A slice with numbered levels."""
        if not own.pool.units:
            return own
        known, number = np.unique(own.pool.level, return_inverse=True)
        place = {(tier, rank): at for at, (tier, rank) in enumerate(self.pairs.tolist())}
        tiers = np.unique(self.pairs[:, 0])
        table = np.array([[place.get((tier, rank), -1) for rank in known.tolist()] for tier in tiers.tolist()])
        level = table[np.searchsorted(tiers, self.tier[own.pool.item["kind"]]), number.reshape(-1)]
        return type(own)(
            own.pool.but(level=level.astype(np.int64)), own.contact, threads=own.threads, number=own.number
        )


@frozen(eq=False)
class LevelOf:
    """Changes slices so that the items of one level are settled, in the room that earlier ones leave."""

    level: int

    def __call__(self, own: PoolSlice) -> PoolSlice:
        """A slice of which this level is settled."""
        found = own.but(own.whole)
        found.settle_now(*stage_of(own.whole, own.taken, self.level))
        return found
