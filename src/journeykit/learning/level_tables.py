"""Log-odds as sums over tables: one entry for each feature's level, and for each pair of levels."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from journeykit.learning.feature_matrix import FeatureMatrix

_BLOCK = 1 << 15
"""So many rows are summed at a time, so that they stay in the processor's cache."""
_PROBES = 1 << 16
"""A function is asked about so many rows at a time."""


@frozen(eq=False)
class LevelTables:
    """A sum over tables of levels: fast to ask for millions of rows, and plain numbers to keep.

    Attributes:
        base: what every row gets.
        singles: by the place of a feature, what each of its levels adds.
        pairs: the places of two features, and what each pair of levels adds, of shape (levels, levels).

    Example:
        >>> tables = LevelTables(-1.0, {0: np.array([0.0, 0.5])})
        >>> tables.sums(np.array([[0, 1, 1]])).tolist()
        [-1.0, -0.5, -0.5]
    """

    base: float
    singles: dict[int, NDArray[np.float64]]
    pairs: tuple[tuple[int, int, NDArray[np.float64]], ...] = ()

    @classmethod
    def of(
        cls,
        function: Callable[[NDArray[np.int32]], NDArray[np.float64]],
        totals: Sequence[int],
        pairs: Iterable[tuple[int, int]],
    ) -> LevelTables:
        """The tables of a function that is a sum of functions of two features at most.

        Each value is what the function gives there, less what its parts give; all other features are at level 0
        ("cut-HDMR", Rabitz and Alis, Journal of Mathematical Chemistry 25, 1999). For such a sum this is exact.

        Args:
            function: takes levels of shape (features, rows).
            totals: how many levels each feature has.
            pairs: the pairs of features that it may depend on together.
        """
        wanted = [*pairs]
        grids: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((), ())]
        grids += [((one,), (totals[one],)) for one in range(len(totals))]
        grids += [(pair, (totals[pair[0]], totals[pair[1]])) for pair in wanted]
        values = _probed(function, len(totals), grids)
        base = float(values[0])
        singles = {own[0]: table - base for (own, _), table in zip(grids, values, strict=True) if len(own) == 1}
        both = {
            own: table - base - singles[own[0]][:, None] - singles[own[1]][None, :]
            for (own, _), table in zip(grids, values, strict=True)
            if len(own) == 2
        }
        # What is left of a pair that plays no part is rounding.
        found = tuple((own[0], own[1], table) for own, table in both.items() if np.abs(table).max() > 1e-9)
        return cls(base, {at: table for at, table in singles.items() if table.any()}, found)

    def averaged(self, levels: NDArray[np.int32], totals: Sequence[int]) -> LevelTables:
        """The same, where a level that no message had adds what the feature adds on average.

        Args:
            levels: those of the messages, of shape (features, messages).
            totals: how many levels each feature has.

        Example:
            >>> tables = LevelTables(0.0, {0: np.array([1.0, 4.0, 9.0])})
            >>> tables.averaged(np.array([[0, 0, 1]]), [3]).singles[0].tolist()
            [1.0, 4.0, 2.0]
        """
        counts = [np.bincount(own, minlength=total) for own, total in zip(levels, totals, strict=True)]
        singles = {at: _averaged(table, counts[at]) for at, table in self.singles.items()}
        pairs = [
            (one, other, _averaged(_averaged(table, counts[one]).T, counts[other]).T)
            for one, other, table in self.pairs
        ]
        return LevelTables(self.base, singles, tuple(pairs))

    def sums(self, levels: NDArray[np.int32]) -> NDArray[np.float64]:
        """The sum for each row, of levels of shape (features, rows)."""
        found = np.full(levels.shape[1], self.base)
        singles, pairs = self._merged()
        for start in range(0, len(found), _BLOCK):
            own, total = levels[:, start : start + _BLOCK], found[start : start + _BLOCK]
            for at, table in singles:
                total += table.take(own[at])
            for one, other, width, table in pairs:
                total += table.take(own[one] * width + own[other])
        return found

    def log_odds(self, matrix: FeatureMatrix, levels: NDArray[np.int32]) -> NDArray[np.float64]:  # noqa: ARG002
        """The sum for each row: tables of log-odds need its levels alone."""
        return self.sums(levels)

    def _merged(
        self,
    ) -> tuple[list[tuple[int, NDArray[np.float64]]], list[tuple[int, int, int, NDArray[np.float64]]]]:
        """The tables to look up: what a feature adds alone goes into the first pair that has it."""
        free = dict(self.singles)
        merged = []
        for one, other, table in self.pairs:
            whole = table.copy()
            if one in free:
                whole += free.pop(one)[:, None]
            if other in free:
                whole += free.pop(other)[None, :]
            merged.append((one, other, whole.shape[1], whole.ravel()))
        return [*free.items()], merged


def _averaged(table: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """A table whose rows of no count are the mean of the others, by their counts."""
    found = table.copy()
    found[count == 0] = np.average(table, axis=0, weights=count)
    return found


def _probed(
    function: Callable[[NDArray[np.int32]], NDArray[np.float64]],
    features: int,
    grids: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
) -> list[NDArray[np.float64]]:
    """What a function gives on each grid of levels; the features that a grid does not have are at level 0."""
    sizes = [int(np.prod(shape, dtype=np.int64)) for _, shape in grids]
    rows = np.zeros((features, sum(sizes)), np.int32)
    ends = np.cumsum([0, *sizes])
    for (own, shape), (start, end) in zip(grids, pairwise(ends), strict=True):
        for at, places in zip(own, np.indices(shape), strict=True):
            rows[at, start:end] = places.ravel()
    parts = [function(rows[:, start : start + _PROBES]) for start in range(0, rows.shape[1], _PROBES)]
    values = np.concatenate(parts)
    return [values[start:end].reshape(shape) for (_, shape), (start, end) in zip(grids, pairwise(ends), strict=True)]
