"""A settlement: what the units of a pool get, said in so few words that it can be sent to wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from attrs import frozen

from journeykit.columns.problem_pool import spread
from journeykit.kernels import add_up

if TYPE_CHECKING:
    from journeykit.quotas.choices_at import ChoicesAt, EveryChoice
    from journeykit.quotas.pool_slice import PoolSlice


class UnitNumbers(NamedTuple):
    """A number for some units of a pool.

    Attributes:
        slice: the numbers of their slices.
        unit: which ones of these they are.
        value: the numbers.
    """

    slice: np.ndarray
    unit: np.ndarray
    value: np.ndarray

    def of(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The units of a slice, and their numbers."""
        mine = self.slice == number
        return self.unit[mine], self.value[mine]


def no_numbers() -> UnitNumbers:
    """Numbers of no units."""
    return UnitNumbers(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))


class Settlement(NamedTuple):
    """What all units get.

    Attributes:
        choices: the choices of each unit, of which the first is its own; None where nothing is chosen but what is said
            of single units.
        picked: units that get another of their choices, and the place of that; -1 for nothing.
        changed: items of units for which a choice of their own is said, by the places of the items in the units; -1 for
            a unit without any.
    """

    choices: ChoicesAt | EveryChoice | None
    picked: UnitNumbers
    changed: UnitNumbers

    def taken(self, own: PoolSlice) -> np.ndarray:
        """By item of a slice, whether it is granted."""
        pool = own.pool
        found = np.zeros(len(pool.item), np.bool_)
        if self.choices is not None:
            offers = self.choices(own)
            picked = offers.first[:-1].copy()
            place = np.full(pool.units, -1, np.int64)
            place[offers.offer["unit"][picked]] = np.arange(len(picked))
            unit, value = self.picked.of(own.number)
            picked[place[unit]] = np.where(value >= 0, picked[place[unit]] + value, -1)
            found[own.items_of(offers, picked[picked >= 0])] = True
        unit, value = self.changed.of(own.number)
        ones = np.unique(unit)
        found[spread(pool.first[ones], np.diff(pool.first)[ones])] = False
        some = value >= 0
        found[pool.first[unit[some]] + value[some]] = True
        return found


@frozen(eq=False)
class Granted:
    """Changes slices so that a settlement is part of what is granted."""

    settlement: Settlement

    def __call__(self, own: PoolSlice) -> PoolSlice:
        """A slice with what is granted of it."""
        taken, found = self.settlement.taken(own), own.but(own.pool)
        if own.which is None:
            found.taken = taken
        else:
            found.taken = own.taken.copy()
            found.taken[own.which[taken]] = True
        return found


class TakenSums(NamedTuple):
    """What some items come to.

    Attributes:
        counts: by kind, how many there are.
        sums: by kind and column, what they have of it.
        value: what they are worth, in millionths.
    """

    counts: np.ndarray
    sums: np.ndarray
    value: int

    @classmethod
    def of(cls, own: PoolSlice, items: np.ndarray, kinds: int) -> TakenSums:
        """What some items of a slice come to."""
        counts, sums = np.zeros(kinds, np.int64), np.zeros((kinds, own.pool.column.shape[1]), np.int64)
        add_up(own.pool, items, counts, sums)
        return cls(counts, sums, int(own.pool.item["value"][items].sum()))

    def plus(self, other: TakenSums, times: int = 1) -> TakenSums:
        """The sum of both."""
        return TakenSums(
            self.counts + times * other.counts, self.sums + times * other.sums, self.value + times * other.value
        )
