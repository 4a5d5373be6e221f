"""Undecided units: those whose choice the prices leave open, and what they might choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from attrs import frozen

from journeykit.columns.problem_pool import spread
from journeykit.quotas.choices_at import ChoicesAt, EveryChoice
from journeykit.quotas.settlement import TakenSums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.capacity import Capacity
    from journeykit.kernels.interface.problem_arrays import ProblemPool
    from journeykit.quotas.offers import Offers
    from journeykit.quotas.pool_slice import PoolSlice

_HASH = np.uint64(0x9E3779B97F4A7C15)


class UndecidedUnits(NamedTuple):
    """The undecided units of some slices.

    Attributes:
        number: by unit, the number of its slice.
        unit: which one of that slice it is.
        same: a hash of its choices: of equal ones, units are in one line.
        regret: how much its second best choice falls short of the best one.
        key: the order in which units take turns.
        first: what all units, the decided ones too, come to with the first choice of each.
        heads: the choices of the first unit of each line, as far as that line may have to be looked at.
    """

    number: np.ndarray
    unit: np.ndarray
    same: np.ndarray
    regret: np.ndarray
    key: np.ndarray
    first: TakenSums
    heads: LineHeads

    @classmethod
    def together(cls, parts: Sequence[UndecidedUnits]) -> UndecidedUnits:
        """The undecided units of all slices."""
        first = parts[0].first
        for part in parts[1:]:
            first = first.plus(part.first)
        heads = LineHeads.together([part.heads for part in parts])
        return cls(
            number=np.concatenate([part.number for part in parts]),
            unit=np.concatenate([part.unit for part in parts]),
            same=np.concatenate([part.same for part in parts]),
            regret=np.concatenate([part.regret for part in parts]),
            key=np.concatenate([part.key for part in parts]),
            first=first,
            heads=heads,
        )


class LineHeads(NamedTuple):
    """The choices of units, each of which is one of a line of equal ones.

    Attributes:
        number: by unit, the number of its slice.
        unit: which one of that slice it is.
        first: where the choices of each unit start, and one more.
        value: by choice, what it is worth, in millionths.
        start: where the items of each choice start, and one more.
        kind: by item, its kind.
        column: by item, what it has of each column.
    """

    number: np.ndarray
    unit: np.ndarray
    first: np.ndarray
    value: np.ndarray
    start: np.ndarray
    kind: np.ndarray
    column: np.ndarray

    @classmethod
    def of(cls, number: int, pool: ProblemPool, offers: Offers, heads: np.ndarray) -> LineHeads:
        """The choices of units of a slice, given by their places among those that choose."""
        first = offers.first
        widths = np.diff(first)[heads]
        offer = offers.offer[spread(first[heads], widths)]
        sizes = offer["item_to"] - offer["item_from"]
        item = np.repeat(pool.first[offer["unit"]], sizes) + offers.item[spread(offer["item_from"], sizes)]
        return cls(
            number=np.full(len(heads), number, np.int64),
            unit=offers.offer["unit"][first[heads]],
            first=_starts(widths),
            value=offer["value"].copy(),
            start=_starts(sizes),
            kind=pool.item["kind"][item],
            column=pool.column[item],
        )

    @classmethod
    def together(cls, parts: Sequence[LineHeads]) -> LineHeads:
        """Those of several slices."""
        whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in cls._fields}
        for name in ("first", "start"):
            whole[name] = _starts(np.concatenate([np.diff(getattr(part, name)) for part in parts]))
        return cls(**whole)

    def usage(self, room: Capacity) -> np.ndarray:
        """By choice and row, what it uses."""
        owner = np.repeat(np.arange(len(self.value)), np.diff(self.start))
        found = np.zeros((len(self.value), room.rows), np.int64)
        for row in range(room.rows):
            use = room.fixed[self.kind, row]
            if room.column[row] >= 0:
                use = use + self.column[:, room.column[row]] * room.factor[self.kind, row]
            used = np.flatnonzero(use)
            np.add.at(found[:, row], owner[used], use[used])
        return found

    def some(self, units: np.ndarray) -> LineHeads:
        """Some of the units, in the order in which they are given."""
        widths = np.diff(self.first)[units]
        choice = spread(self.first[units], widths)
        sizes = np.diff(self.start)[choice]
        item = spread(self.start[choice], sizes)
        return LineHeads(
            number=self.number[units],
            unit=self.unit[units],
            first=_starts(widths),
            value=self.value[choice],
            start=_starts(sizes),
            kind=self.kind[item],
            column=self.column[item],
        )


@frozen(eq=False)
class AskUndecided:
    """Asks for the undecided units at several prices.

    Attributes:
        choices: what units choose at the prices.
        kinds: how many kinds of items there are.
        limit: the most lines that are looked at.
    """

    choices: ChoicesAt | EveryChoice
    kinds: int
    limit: int

    def __call__(self, own: PoolSlice) -> UndecidedUnits:
        """The undecided units of a slice."""
        offers, pool = self.choices(own), own.pool
        first = offers.first
        widths = np.diff(first)
        several = np.flatnonzero(widths > 1)
        offer = offers.offer
        same, regret = _hashes(offers)[several], _regrets(offers)[several]
        unit = offer["unit"][first[:-1]][several]
        key = pool.key[unit]
        # The first unit of each line; the closest calls, where there are more lines than a master has room for.
        order = np.lexsort((key, same))
        head = order[np.flatnonzero(np.concatenate([[True], np.diff(same[order]) != 0]))] if len(order) else order
        head = head[np.lexsort((key[head], regret[head]))[: self.limit]]
        return UndecidedUnits(
            number=np.full(len(unit), own.number, np.int64),
            unit=unit,
            same=same,
            regret=regret,
            key=key,
            first=TakenSums.of(own, own.items_of(offers, first[:-1]), self.kinds),
            heads=LineHeads.of(own.number, pool, offers, several[head]),
        )


def _hashes(offers: Offers) -> np.ndarray:
    """By unit, a hash of its choices in their order."""
    offer, first = offers.offer, offers.first
    mixed = (offer["one"].astype(np.uint64) * _HASH) ^ offer["two"].astype(np.uint64)
    place = np.arange(len(offer)) - np.repeat(first[:-1], np.diff(first))
    mixed = mixed * (2 * place.astype(np.uint64) + np.uint64(1)) + (place.astype(np.uint64) << np.uint64(7))
    return np.add.reduceat(mixed, first[:-1]) if len(offer) else np.zeros(0, np.uint64)


def _regrets(offers: Offers) -> np.ndarray:
    """By unit, how much its second best choice falls short of the best one."""
    offer, first = offers.offer, offers.first
    if not len(offer):
        return np.zeros(0, np.int64)
    widths = np.diff(first)
    best = np.maximum.reduceat(offer["worth"], first[:-1])
    short = np.repeat(best, widths) - offer["worth"]
    short[offer["worth"] == np.repeat(best, widths)] = 2**62
    regret = np.minimum.reduceat(short, first[:-1])
    regret[regret == 2**62] = 0
    return regret


def _starts(sizes: np.ndarray) -> np.ndarray:
    """Where things of some sizes start, and one more."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
