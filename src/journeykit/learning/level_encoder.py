"""Features as levels: each value becomes one of a few numbered levels, learned from examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.errors import ModelError, closest
from journeykit.learning.feature_matrix import Feature, FeatureMatrix

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BINS = 20
"""A number has at most so many levels."""
MOST_CLASSES = 100
"""And so has a category: its most frequent classes."""
_BLOCK = 1 << 14
"""So many rows are taken at a time, so that they stay in the processor's cache."""
LEAST_MESSAGES = 10
"""A class of fewer messages is rare, and has no level of its own."""


@frozen(eq=False, kw_only=True)
class FeatureLevels:
    """The levels of one feature.

    A number has levels between cuts. A category has a level for each frequent class. After these come two more: of
    values that are missing (or infinite), and of classes that are rare or were never seen.

    Attributes:
        feature: which, with its classes when it was learned.
        cuts: of a number, what lies between neighbouring levels, ascending.
        levels: of a category, the level of each class.
        size: how many levels there are before the last two.
        means: of a number, the mean value in each of these levels, as a share of the largest.
        infinite: how many values of the examples were infinite.
    """

    feature: Feature
    cuts: NDArray[np.float64]
    levels: NDArray[np.int32]
    size: int
    means: NDArray[np.float64]
    infinite: int

    @classmethod
    def of(cls, feature: Feature, values: NDArray[np.float64]) -> FeatureLevels:
        """The levels of a feature, from its values in the examples."""
        if feature.kind == "category":
            return cls._of_classes(feature, values)
        finite = values[np.isfinite(values)]
        cuts = _cuts(finite)
        size = len(cuts) + 1 if len(finite) else 0
        places = np.searchsorted(cuts, finite)
        counts = np.bincount(places, minlength=size)
        # Huge values do not overflow where they are shares of the largest.
        shares = finite / max(np.abs(finite).max(initial=0.0), np.finfo(np.float64).tiny)
        means = np.bincount(places, weights=shares, minlength=size) / np.maximum(counts, 1)
        infinite = int(np.isinf(values).sum())
        return cls(feature=feature, cuts=cuts, levels=np.empty(0, np.int32), size=size, means=means, infinite=infinite)

    @classmethod
    def _of_classes(cls, feature: Feature, values: NDArray[np.float64]) -> FeatureLevels:
        known = values[np.isfinite(values)].astype(np.int64)
        counts = np.bincount(known, minlength=len(feature.classes))
        ranked = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
        kept = np.sort(ranked[counts[ranked] >= LEAST_MESSAGES])
        levels = np.full(len(feature.classes), len(kept) + 1, np.int32)
        levels[kept] = np.arange(len(kept))
        nothing = np.empty(0)
        return cls(feature=feature, cuts=nothing, levels=levels, size=len(kept), means=nothing, infinite=0)

    @property
    def missing(self) -> int:
        """The level of values that are missing; the one after it is that of rare classes."""
        return self.size

    @property
    def total(self) -> int:
        """How many levels there are, with the last two."""
        return self.size + 2

    def of_values(self, feature: Feature, values: NDArray[np.float64]) -> NDArray[np.int32]:
        """The level of each value of a matrix, in which the feature may have other classes."""
        if self.feature.kind == "category":
            by_class = np.append(self._by_class(feature.classes), np.int32(self.missing))
            return by_class.take(np.where(np.isnan(values), len(feature.classes), values).astype(np.intp))
        # Counting the cuts below a value is faster than to search for its place, as there are few.
        found = np.zeros(len(values), np.uint8)
        for cut in self.cuts.tolist():
            found += values > cut
        levels = found.astype(np.int32)
        levels[~np.isfinite(values)] = self.missing
        return levels

    def _by_class(self, classes: tuple[str, ...]) -> NDArray[np.int32]:
        if classes == self.feature.classes:
            return self.levels
        known = dict(zip(self.feature.classes, self.levels.tolist(), strict=True))
        return np.array([known.get(name, self.size + 1) for name in classes], np.int32)


def _cuts(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What lies between levels of about equally many values; equal values are in one level."""
    distinct = np.unique(values)
    if len(distinct) > MOST_BINS:
        shares = np.linspace(0, 1, MOST_BINS + 1)[1:-1]
        ends = np.unique(np.quantile(values, shares, method="lower"))
        places = np.searchsorted(distinct, ends)
        places = places[places + 1 < len(distinct)]
    else:
        places = np.arange(max(len(distinct) - 1, 0))
    # The mean of two neighbours, in a way that large numbers do not overflow.
    return distinct[places] / 2 + distinct[places + 1] / 2


@frozen(eq=False)
class LevelEncoder:
    """The levels of all features.

    Attributes:
        features: the levels of each.

    Example:
        >>> matrix = FeatureMatrix((Feature("touches_7d"),), [[0.0], [3.0], [3.0], [np.nan]])
        >>> LevelEncoder.of(matrix).levels(matrix).tolist()
        [[0, 1, 1, 2]]
    """

    features: tuple[FeatureLevels, ...]

    @classmethod
    def of(cls, matrix: FeatureMatrix) -> LevelEncoder:
        """The levels of features, from examples."""
        return cls(tuple(FeatureLevels.of(own, matrix.values[:, at]) for at, own in enumerate(matrix.features)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(own.feature.name for own in self.features)

    @property
    def totals(self) -> tuple[int, ...]:
        """How many levels each feature has."""
        return tuple(own.total for own in self.features)

    def levels(self, matrix: FeatureMatrix) -> NDArray[np.int32]:
        """The levels of a matrix of these features in this order, of shape (features, rows)."""
        found = np.empty((len(self.features), len(matrix)), np.int32)
        for start in range(0, len(matrix), _BLOCK):
            rows = slice(start, start + _BLOCK)
            columns = np.ascontiguousarray(matrix.values[rows].T)
            for at, own in enumerate(self.features):
                found[at, rows] = own.of_values(matrix.features[at], columns[at])
        return found

    def ordered(self, matrix: FeatureMatrix) -> FeatureMatrix:
        """A matrix with its features in the order of the encoder.

        Raises:
            ModelError: for a matrix of other features.
        """
        places = self._places(matrix)
        if places == [*range(len(places))]:
            return matrix
        return FeatureMatrix(tuple(matrix.features[at] for at in places), matrix.values[:, places])

    def _places(self, matrix: FeatureMatrix) -> list[int]:
        given = {own.name: own for own in matrix.features}
        _refuse("the model knows no feature", [name for name in given if name not in self.names], self.names)
        _refuse("the rows lack the feature", [name for name in self.names if name not in given], given)
        for own in self.features:
            kind = given[own.feature.name].kind
            if kind != own.feature.kind:
                raise ModelError(
                    f"{own.feature.name!r} is a {own.feature.kind} in the model, and a {kind} in the rows",
                    field=own.feature.name,
                )
        return [matrix.names.index(name) for name in self.names]


def _refuse(message: str, wrong: list[str], allowed: Iterable[str]) -> None:
    if wrong:
        near = closest(wrong[0], allowed)
        hint = f" (did you mean {near!r}?)" if near else ""
        names = ", ".join(map(repr, wrong))
        raise ModelError(f"{message}{'s' if len(wrong) > 1 else ''} {names}{hint}", field=wrong[0])
