"""How good chances are: log loss, Brier's score, and groups of about one chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from journeykit.learning.model_card import CalibrationGroup, ModelScores

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GROUPS = 10


def losses(log_odds: NDArray[np.float64], label: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The log loss of each message: minus the logarithm of the chance of what happened."""
    return np.logaddexp(0, np.where(label, -log_odds, log_odds))


def scores_of(log_odds: NDArray[np.float64], label: NDArray[np.bool_]) -> ModelScores:
    """The mean log loss and the mean of Brier's score, of one message or more."""
    return ModelScores(
        log_loss=float(losses(log_odds, label).mean()), brier=float(((expit(log_odds) - label) ** 2).mean())
    )


def gain_of(baseline: NDArray[np.float64], own: NDArray[np.float64], contact: NDArray[np.int64]) -> tuple[float, float]:
    """How much lower one model's losses are than the baseline's, in the mean, and the standard error by contact."""
    difference = baseline - own
    gain = float(difference.mean())
    _, place = np.unique(contact, return_inverse=True)
    sums = np.bincount(place, weights=difference - gain)
    return gain, float(np.sqrt((sums**2).sum()) / len(difference))


def calibration_groups(log_odds: NDArray[np.float64], label: NDArray[np.bool_]) -> tuple[CalibrationGroup, ...]:
    """Messages in ten groups of about equally many, by ascending chance; equal chances are in one group."""
    chance = expit(log_odds)
    cuts = np.unique(np.quantile(chance, np.linspace(0, 1, _GROUPS + 1)[1:-1], method="lower"))
    place = np.searchsorted(cuts, chance)
    messages = np.bincount(place, minlength=len(cuts) + 1)
    answered = np.bincount(place, weights=label, minlength=len(cuts) + 1)
    sums = np.bincount(place, weights=chance, minlength=len(cuts) + 1)
    return tuple(
        CalibrationGroup(messages=int(own), answered=int(yes), chance=float(total / own))
        for own, yes, total in zip(messages, answered, sums, strict=True)
        if own
    )
