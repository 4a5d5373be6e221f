"""Rates by campaign and stage, smoothed where messages are few: what every other model is compared with."""

from __future__ import annotations

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
    the uncertainty of how campaigns differ.

    Attributes:
        groups: the features by which rates are taken, with their classes.
        chances: the mean of the rate for each class of each; two more classes are "missing" and "never seen".
        variances: its variance.
        own_variances: the variance by the first group alone, of the same shape.

    Example:
        >>> features = (Feature("campaign", "category", ("news", "sale")),)
        >>> matrix = FeatureMatrix(features, [[0.0]] * 1000 + [[1.0]] * 10)
        >>> label = np.arange(1010) % 10 == 0
        >>> rates = SmoothedRates.of(matrix, label)
        >>> chance, variance = rates.rates(matrix.select([0, 1000]))
        >>> chance.round(3).tolist(), np.sqrt(variance).round(3).tolist()
        ([0.1, 0.1], [0.009, 0.021])
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
        places = _places(groups, matrix)
        size = int(np.prod(shape, dtype=np.int64))
        messages = np.bincount(places, minlength=size).reshape(shape).astype(np.float64)
        answered = np.bincount(places, weights=label, minlength=size).reshape(shape)
        # With no message of either kind the rate of all would be sure; half a message of each is added.
        chance = np.asarray((answered.sum() + 0.5) / (messages.sum() + 1))
        variance = chance * (1 - chance) / (messages.sum() + 2)
        chances, variances, own = chance, variance, variance
        for level in range(1, len(shape) + 1):
            below = tuple(range(level, len(shape)))
            chances, variances = _smoothed(
                chances[..., None], variances[..., None], messages.sum(axis=below), answered.sum(axis=below)
            )
            own = variances if level == 1 else np.broadcast_to(own[..., None], variances.shape)
        return cls(groups=groups, chances=chances, variances=variances, own_variances=np.array(own))

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
        square = (self.chances * (1 - self.chances)) ** 2
        return (self.own_variances / square).ravel()[_places(self.groups, matrix)]


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


def _smoothed(
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    messages: NDArray[np.float64],
    answered: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of the rate of each group, whose rates lie around a mean that is known so well."""
    likely, chances, variances = [], [], []
    for difference in DIFFERENCES:
        # A beta distribution of this strength has this standard deviation of log-odds, to the first order.
        strength = np.maximum(1 / (difference**2 * mean * (1 - mean)) - 1, 0.5)
        yes, no = strength * mean, strength * (1 - mean)
        likely.append((betaln(yes + answered, no + messages - answered) - betaln(yes, no)).sum())
        chance = (yes + answered) / (strength + messages)
        kept = strength / (strength + messages)
        chances.append(chance)
        variances.append(chance * (1 - chance) / (strength + messages + 1) + kept**2 * variance)
    share = np.exp(np.array(likely) - max(likely))
    share /= share.sum()
    chance = np.tensordot(share, chances, 1)
    square = np.tensordot(share, np.square(chances) + np.array(variances), 1)
    return chance, square - chance**2
