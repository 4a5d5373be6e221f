"""Choices at prices: what each unit of a slice would choose at several prices of the quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from journeykit.columns.capacity import Capacity
from journeykit.quotas.kept_choices import distinct_choices

if TYPE_CHECKING:
    import numpy as np

    from journeykit.kernels.interface.problem_arrays import Charges
    from journeykit.quotas.offers import Offers
    from journeykit.quotas.pool_slice import PoolSlice


class ChoicesAt:
    """The distinct choices at several prices, those at the best prices first.

    Args:
        charges: what the prices take, all in one.
        room: the rows of the quotas.
        best: by row, the best prices.
        is_hard: whether choosing is hard.
        keeps: whether what is chosen is kept, price by price, and the closest calls of all that is kept are looked at;
            so where choosing is hard.
    """

    def __init__(
        self, charges: Charges, room: Capacity, best: np.ndarray, *, is_hard: bool, keeps: bool = False
    ) -> None:
        self.charges = charges
        self.room = room
        self.best = best
        self.is_hard = is_hard
        self.keeps = keeps

    def __call__(self, own: PoolSlice) -> Offers:
        """The choices of the units of a slice; the same where they are asked for again at once."""
        return own.once(self, lambda: self._choose(own))

    def _choose(self, own: PoolSlice) -> Offers:
        if not self.keeps:
            return own.offers(self.charges, is_hard=self.is_hard)
        prices = range(len(self.charges.kind))
        kept = [own.kept_at(one_price(self.charges, price)) for price in prices]
        return distinct_choices(own.pool, self.room, kept, self.best)


@frozen(eq=False)
class EveryChoice:
    """Every choice that the units have in a room, of which there are no more than so many."""

    room: Capacity
    most: int

    def __call__(self, own: PoolSlice) -> Offers:
        """The choices of the units of a slice."""
        return own.once(self, lambda: own.all_offers(self.room, self.most))


def one_price(charges: Charges, price: int) -> Charges:
    """What one of several prices takes."""
    return charges.but(kind=charges.kind[price : price + 1], slope=charges.slope[price : price + 1])
