"""Facts of a pool: how many problems it has, and of what size their numbers are."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from attrs import frozen

from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.kernels import hard_items, sizes_by_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.columns.capacity import Capacity
    from journeykit.quotas.pool_slice import PoolSlice

NONE = -(2**62)
_AT_ONCE = 2**20
"""Items are added up so many at a time: copies of all would be what takes memory."""


class PoolFacts(NamedTuple):
    """What is known of a pool before it is settled.

    Attributes:
        units: how many units there are.
        items: how many items.
        most: the largest value of an item; `NONE` where there is none.
        least: the least one, and 0.
        widest: the most items of one unit; 1 at least.
        hard: how many items take a search with a good bound.
        counts: by kind, how many items there are.
        value: by kind, what they are worth without sign, in two parts.
        column: by kind and column, what they have of it without sign.
        total: by column, the same as floats, which cannot run over.
        highest: by column, the most that an item has of it, and the most with the sign turned.
        levels: the levels of items, in order; none where there is one.
        leveled: by level and kind, how many items there are.
    """

    units: int
    items: int
    most: int
    least: int
    widest: int
    hard: int
    counts: np.ndarray
    value: np.ndarray
    column: np.ndarray
    total: np.ndarray
    highest: np.ndarray
    levels: np.ndarray
    leveled: np.ndarray

    @property
    def largest(self) -> int:
        """The largest value of an item, whatever its sign; 1 at least."""
        return max(self.most, -self.least, 1)

    def largest_weight(self, reserve: float) -> float:
        """The largest weight of a run, in weight; 1 where there is none above 0."""
        most = self.most + scaled(reserve, MILLIONTH)
        return most / MILLIONTH if most > 0 else 1.0

    def largest_uses(self, room: Capacity) -> np.ndarray:
        """By row, the most that one item uses, without sign."""
        found = np.abs(room.fixed).max(axis=0, initial=0).astype(np.float64)
        for row in np.flatnonzero(room.column >= 0).tolist():
            if self.items:
                found[row] = float(max(self.highest[:, room.column[row]].tolist()))
        return found

    def users(self, room: Capacity) -> np.ndarray:
        """By row, how many items use it."""
        found: np.ndarray = self.counts @ uses_of(room).astype(np.int64)
        return found

    def scales(self, room: Capacity) -> np.ndarray:
        """By row, a price of the size that prices have: what items that use it are worth, by what they use."""
        found = np.ones(room.rows)
        for row in range(room.rows):
            column, mine = room.column[row], room.fixed[:, row] != 0
            used = [int(n) * abs(int(use)) for n, use in zip(self.counts, room.fixed[:, row], strict=True)]
            if column >= 0:
                mine = room.factor[:, row] != 0
                used = [int(total) for total in self.column[:, column]]
            high, low = (int(part) for part in self.value[mine].sum(axis=0))
            worth = Fraction((high << 20) + low, MILLIONTH)
            use = Fraction(sum(use for use, own in zip(used, mine.tolist(), strict=True) if own), int(room.unit[row]))
            if worth and use:
                found[row] = float(worth / use)
        return found

    def kinds_of(self, levels: Iterable[int]) -> np.ndarray:
        """The kinds of items of some levels, by their places; where there is one level, all."""
        counts = self.leveled[list(levels)].sum(axis=0) if len(self.levels) else self.counts
        return np.flatnonzero(counts)

    @classmethod
    def together(cls, parts: Iterable[PoolFacts]) -> PoolFacts:
        """The facts of a pool, of those of its slices."""
        own = list(parts)
        levels = np.unique(np.concatenate([part.levels for part in own]))
        leveled = np.zeros((len(levels), len(own[0].counts)), np.int64)
        for part in own:
            leveled[np.searchsorted(levels, part.levels)] += part.leveled
        return cls(
            units=sum(part.units for part in own),
            items=sum(part.items for part in own),
            most=max(part.most for part in own),
            least=min(part.least for part in own),
            widest=max(part.widest for part in own),
            hard=sum(part.hard for part in own),
            counts=np.sum([part.counts for part in own], axis=0),
            value=np.sum([part.value for part in own], axis=0),
            column=np.sum([part.column for part in own], axis=0),
            total=np.sum([part.total for part in own], axis=0),
            highest=np.max([part.highest for part in own], axis=0),
            levels=levels,
            leveled=leveled,
        )


@frozen(eq=False)
class FactsOf:
    """Asks a slice for its facts, where there are so many kinds of items."""

    kinds: int

    def __call__(self, own: PoolSlice) -> PoolFacts:
        """The facts of a slice."""
        pool = own.pool
        columns = pool.column.shape[1]
        counts, values = np.zeros(self.kinds, np.int64), np.zeros((self.kinds, 2), np.int64)
        column = np.zeros((self.kinds, columns), np.int64)
        sizes_by_kind(pool, counts, values, column)
        total, highest = np.zeros(columns), np.full((2, columns), -(2**63), np.int64)
        for start in range(0, len(pool.item), _AT_ONCE):
            part = pool.column[start : start + _AT_ONCE]
            total += np.abs(part.astype(np.float64)).sum(axis=0)
            highest = np.maximum(highest, [part.max(axis=0), -part.min(axis=0)])
        levels, leveled = np.zeros(0, np.int64), np.zeros((0, self.kinds), np.int64)
        if len(pool.level):
            levels, place = np.unique(pool.level, return_inverse=True)
            pairs = place.reshape(-1) * self.kinds + pool.item["kind"]
            leveled = np.bincount(pairs, minlength=len(levels) * self.kinds).reshape(len(levels), self.kinds)
        return PoolFacts(
            units=pool.units,
            items=len(pool.item),
            most=int(pool.item["value"].max(initial=NONE)),
            least=int(pool.item["value"].min(initial=0)),
            widest=pool.widest,
            hard=int(hard_items(pool)),
            counts=counts,
            value=values,
            column=column,
            total=total,
            highest=highest,
            levels=levels,
            leveled=leveled,
        )


def uses_of(room: Capacity) -> np.ndarray:
    """By kind and row, whether items of the kind use it."""
    found: np.ndarray = (room.fixed != 0) | ((room.factor != 0) & (room.column >= 0))
    return found
