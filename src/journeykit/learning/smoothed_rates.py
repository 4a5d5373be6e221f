"""Rates by campaign and stage, smoothed where messages are few: what every other model is compared with."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy.special import betaln

from journeykit.learning.feature_matrix import Feature, FeatureMatrix

GROUPS = ("campaign", "stage")
"""The features whose rates are taken, as far as there are such."""
DIFFERENCES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""How much groups may differ: standard deviations of their log-odds, each as likely as the others beforehand."""


@frozen(eq=False, kw_only=True)
class SmoothedRates:
    """The rate of each campaign, and of each stage of it, drawn toward the rate of all where messages are few.

    A campaign's rate has a beta distribution around the rate of all, and that of a stage one around the campaign's
    (a hierarchical beta-binomial model). How far they lie apart is not known beforehand: each of `DIFFERENCES` counts
    by how likely it makes the responses that were seen. So a campaign that was never seen has the rate of all, and
    the uncertainty of how campaigns differ. Where no message was answered, or each was, all have one rate.

    Attributes:
        groups: the features by which rates are taken, with their classes.
        chances: the mean of the rate for each class of each; two more classes are "missing" and "never seen".
        variances: its variance.
        own_variances: the variance of the log-odds of the rate of the first group alone, of the same shape.

    Example:
        >>> features = (Feature("campaign", "category", ("news", "sale")),)
        >>> matrix = FeatureMatrix(features, [[0.0]] * 1000 + [[1.0]] * 10)
        >>> label = np.arange(1010) % 10 == 0
        >>> rates = SmoothedRates.of(matrix, label)
        >>> chance, variance = rates.rates(matrix.select([0, 1000]))
        >>> chance.round(3).tolist(), np.sqrt(variance).round(3).tolist()
        ([0.1, 0.1], [0.009, 0.043])
    """

    groups: tuple[Feature, ...]
    chances: NDArray[np.float64]
    variances: NDArray[np.float64]
    own_variances: NDArray[np.float64]

    @classmethod
    def of(cls, matrix: FeatureMatrix, label: NDArray[np.bool_]) -> SmoothedRates:
        """The rates of messages.

        Args:
            matrix: their features.
            label: which were answered.
        """
        groups = tuple(own for name in GROUPS for own in matrix.features if own.name == name and own.kind == "category")
        shape = tuple(len(own.classes) + 2 for own in groups)
        places, size = _places(groups, matrix), int(np.prod(shape, dtype=np.int64))
        # A row for each class of the first group, and a column for each of the second; one where there is none.
        wide = (*shape, 1, 1)[:2]
        messages = np.bincount(places, minlength=size).reshape(wide).astype(np.float64)
        answered = np.bincount(places, weights=label, minlength=size).reshape(wide).astype(np.float64)
        differences = tuple(DIFFERENCES if at < len(groups) else (0.0,) for at in range(2))
        if answered.sum() in (0, messages.sum()):
            return cls._of_one_kind(groups, shape, messages.sum(), answered.sum())
        chances, variances = _hierarchy(messages, answered, differences)
        # Of the first group alone, whatever the second.
        whole = (messages.sum(axis=1, keepdims=True), answered.sum(axis=1, keepdims=True))
        chance, own = _hierarchy(*whole, (differences[0], (0.0,)))
        own /= (chance * (1 - chance)) ** 2
        return cls(
            groups=groups,
            chances=chances.reshape(shape),
            variances=variances.reshape(shape),
            own_variances=np.repeat(own, wide[1], axis=1).reshape(shape),
        )

    @classmethod
    def _of_one_kind(
        cls, groups: tuple[Feature, ...], shape: tuple[int, ...], messages: float, answered: float
    ) -> SmoothedRates:
        """Where none was answered, or all were, nothing tells groups apart: they have one rate.

        It has Jeffreys' beta distribution: half a message of each kind is added.
        """
        chance = (answered + 0.5) / (messages + 1)
        variance = chance * (1 - chance) / (messages + 2)
        return cls(
            groups=groups,
            chances=np.full(shape, chance),
            variances=np.full(shape, variance),
            own_variances=np.full(shape, variance / (chance * (1 - chance)) ** 2),
        )

    def rates(self, matrix: FeatureMatrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The rate of each message's campaign and stage, and its variance."""
        places = _places(self.groups, matrix)
        return self.chances.ravel()[places], self.variances.ravel()[places]

    def log_odds(self, matrix: FeatureMatrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The log-odds of each rate, and their variance."""
        places = _places(self.groups, matrix)
        square = (self.chances * (1 - self.chances)) ** 2
        table = np.log(self.chances) - np.log1p(-self.chances)
        return table.ravel()[places], (self.variances / square).ravel()[places]

    def own_variance(self, matrix: FeatureMatrix) -> NDArray[np.float64]:
        """The variance of the log-odds of the rate of each message's campaign, whatever its stage."""
        return self.own_variances.ravel()[_places(self.groups, matrix)]


def _places(groups: tuple[Feature, ...], matrix: FeatureMatrix) -> NDArray[np.int64]:
    """The cell of each row: its classes as one number."""
    places = np.zeros(len(matrix), np.int64)
    for own in groups:
        given = matrix.features[matrix.names.index(own.name)]
        known = {name: at for at, name in enumerate(own.classes)}
        missing, unseen = len(known), len(known) + 1
        by_class = np.array([*(known.get(name, unseen) for name in given.classes), missing], np.int64)
        values = matrix.column(own.name)
        places = (
            places * (unseen + 1) + by_class[np.where(np.isnan(values), len(given.classes), values).astype(np.int64)]
        )
    return places


def _hierarchy(
    messages: NDArray[np.float64], answered: NDArray[np.float64], differences: tuple[tuple[float, ...], ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and variances of the rates of cells, of shape (groups, cells).

    Means of groups and of all weigh each cell by how much it says, which is not its number of messages alone: cells
    differ too (the random-effects mean, DerSimonian and Laird, Controlled Clinical Trials 7, 1986).
    """
    # With no message of either kind the rate of all would be sure; half a message of each is added.
    pooled = (answered.sum() + 0.5) / (messages.sum() + 1)
    noise = pooled * (1 - pooled)
    likely, found = [], []
    for wide, narrow in product(*differences):
        between, within = (noise / (_strength(own, pooled) + 1) for own in (wide, narrow))
        says = messages / (noise + within * messages)
        known = says.sum(axis=1)
        rates = (says * answered / np.maximum(messages, 1)).sum(axis=1) / np.maximum(known, 1e-12)
        weight = known / (1 + between * known)
        # One message of the pooled rate besides, so that no mean is 0 or 1.
        sure = 1 / (weight.sum() + 1 / noise)
        mean = ((weight * rates).sum() + pooled / noise) * sure
        kept = 1 / (1 + between * known)
        group = kept * mean + (1 - kept) * rates
        variance = kept * between + kept**2 * sure
        strength = _strength(narrow, group)[:, None]
        total = strength + messages
        chance = (strength * group[:, None] + answered) / total
        spread = chance * (1 - chance) / (total + 1) + (strength / total) ** 2 * variance[:, None]
        found.append((chance, spread))
        # The means are integrated out: Laplace's approximation.
        likely.append(
            _evidence(strength, group[:, None], messages, answered)
            - ((group - mean) ** 2 / between).sum() / 2
            + (np.log(kept).sum() + np.log(sure)) / 2
        )
    share = np.exp(np.array(likely) - max(likely))
    share /= share.sum()
    means, spreads = (np.array(own) for own in zip(*found, strict=True))
    mean = np.tensordot(share, means, 1)
    return mean, np.tensordot(share, means**2 + spreads, 1) - mean**2


def _strength(difference: float, chance: Any) -> Any:
    """How many messages a beta distribution is worth whose log-odds have this deviation, to the first order."""
    return np.maximum(1 / (max(difference, 1e-4) ** 2 * chance * (1 - chance)) - 1, 0.5)


def _evidence(strength: Any, mean: Any, messages: NDArray[np.float64], answered: NDArray[np.float64]) -> float:
    """The logarithm of how likely answers are where rates have a beta distribution."""
    yes, no = strength * mean, strength * (1 - mean)
    return float((betaln(yes + answered, no + messages - answered) - betaln(yes, no)).sum())
