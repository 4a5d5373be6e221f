"""A pool in parts: slices that are asked questions, wherever they lie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from attrs import frozen

from journeykit.columns.problem_pool import GrowingPool, units_of
from journeykit.quotas.pool_facts import FactsOf, PoolFacts
from journeykit.quotas.pool_slice import PoolSlice
from journeykit.quotas.settlement import UnitNumbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from journeykit.kernels.interface.problem_arrays import ProblemPool

_Answer = TypeVar("_Answer")


class PoolParts(ABC):
    """A pool, however it is cut.

    Questions and changes are functions of a slice. They are called where the slices are, and more often than once, so
    they must be fit to travel and must not remember anything.

    Args:
        kinds: how many kinds of items there are.
        columns: how many columns quotas add up.
        threads: how many pieces of what is here are worked on at once.

    Attributes:
        few: a pool of at most so many items is put together into one slice, since that is quicker.
    """

    few = 0

    def __init__(self, kinds: int, columns: int, threads: int = 1) -> None:
        self.kinds = kinds
        self.columns = columns
        self.threads = threads

    @abstractmethod
    def ask(self, question: Callable[[PoolSlice], _Answer]) -> list[_Answer]:
        """The answers of all slices."""

    @abstractmethod
    def become(self, change: Callable[[PoolSlice], PoolSlice]) -> PoolParts:
        """The pool with all slices changed."""

    def keep(self) -> PoolParts:
        """The pool, the slices of which need not be changed again each time that they are asked."""
        return self

    def forget(self) -> None:  # noqa: B027  (where slices are not here, nothing is kept)
        """Let go what slices keep of choices."""

    @property
    def is_here(self) -> bool:
        """Whether the pool is one slice that is here."""
        return False

    @cached_property
    def facts(self) -> PoolFacts:
        """The facts of the pool."""
        nothing = GrowingPool(self.columns)
        own = FactsOf(self.kinds)
        return PoolFacts.together(self.ask(own) or [own(PoolSlice(nothing.pool, nothing.contact))])

    def some(self, question: Callable[[PoolSlice], SomeUnits]) -> GatheredUnits:
        """Some units of all slices, here."""
        parts = sorted(self.ask(question), key=lambda own: own.number)
        number = np.repeat([own.number for own in parts], [len(own.unit) for own in parts]).astype(np.int64)
        unit = np.concatenate([np.zeros(0, np.int64), *(own.unit for own in parts)])
        taken = np.concatenate([np.zeros(0, np.bool_), *(own.taken for own in parts)])
        if len(parts) == 1:
            pool = parts[0].pool
        else:
            growing = GrowingPool(self.columns)
            for own in parts:
                growing.add(own.pool, own.unit)
            pool = growing.pool
        found = PoolSlice(pool, np.arange(pool.units), threads=self.threads)
        found.taken = taken
        return GatheredUnits(found, number, unit)


class LocalPool(PoolParts):
    """A pool the slices of which are here."""

    def __init__(self, slices: Iterable[PoolSlice], kinds: int, columns: int) -> None:
        self.slices = list(slices)
        super().__init__(kinds, columns, max((own.threads for own in self.slices), default=1))

    def ask(self, question: Callable[[PoolSlice], _Answer]) -> list[_Answer]:
        """The answers of all slices."""
        return [question(own) for own in self.slices]

    def become(self, change: Callable[[PoolSlice], PoolSlice]) -> LocalPool:
        """The pool with all slices changed."""
        return LocalPool([change(own) for own in self.slices], self.kinds, self.columns)

    @property
    def is_here(self) -> bool:
        """Whether the pool is one slice that is here."""
        return len(self.slices) == 1

    def forget(self) -> None:
        """Let go what slices keep of choices."""
        for own in self.slices:
            own.forget()


class SomeUnits(NamedTuple):
    """Some units of a slice.

    Attributes:
        number: the number of the slice.
        unit: the units.
        pool: their problems, in this order.
        taken: by item, whether it is granted.
    """

    number: int
    unit: np.ndarray
    pool: ProblemPool
    taken: np.ndarray

    @classmethod
    def of(cls, own: PoolSlice, units: np.ndarray, taken: np.ndarray | None = None) -> SomeUnits:
        """Some units of a slice, of which something is taken; nothing where that is not said."""
        pool = own.pool
        taken = np.zeros(len(pool.item), np.bool_) if taken is None else taken
        if len(units) == pool.units:
            return cls(own.number, units, pool, taken)
        items = np.zeros(pool.units, np.bool_)
        items[units] = True
        return cls(own.number, units, units_of(pool, units), taken[np.repeat(items, np.diff(pool.first))])


class GatheredUnits(NamedTuple):
    """Some units of a pool, put together.

    Attributes:
        slice: their problems, and what is taken of them.
        number: by unit, the number of the slice from which it is.
        unit: by unit, which one of that slice it is.
    """

    slice: PoolSlice
    number: np.ndarray
    unit: np.ndarray

    def items(self, taken: np.ndarray, units: np.ndarray) -> UnitNumbers:
        """What some of the units are granted, by item its place in its unit; -1 for a unit that is granted nothing."""
        pool = self.slice.pool
        item = np.flatnonzero(taken)
        owner = np.searchsorted(pool.first, item, side="right") - 1
        mine = units[owner]
        item, owner = item[mine], owner[mine]
        nothing = units.copy()
        nothing[owner] = False
        without = np.flatnonzero(nothing)
        unit = np.concatenate([owner, without])
        place = np.concatenate([item - pool.first[owner], np.full(len(without), -1, np.int64)])
        return UnitNumbers(self.number[unit], self.unit[unit], place)


@frozen(eq=False)
class UnitsBelow:
    """Asks for the units whose keys lie below a limit."""

    limit: int

    def __call__(self, own: PoolSlice) -> SomeUnits:
        """The units of a slice."""
        # Murmur's high bits, stirred: blocks are told apart by the low ones.
        return SomeUnits.of(own, np.flatnonzero(own.pool.key < np.uint64(self.limit)))


def itself(own: PoolSlice) -> PoolSlice:
    """Asks for the slices themselves."""
    return own


def every_unit(own: PoolSlice) -> SomeUnits:
    """Asks for all units."""
    return SomeUnits.of(own, np.arange(own.pool.units))
