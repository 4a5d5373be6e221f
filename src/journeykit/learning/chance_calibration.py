"""Calibration: chances made to agree with how often later messages were answered."""

from __future__ import annotations

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray
from scipy.special import expit

LEAST_OF_EACH = 50
"""With fewer messages of either kind, answered or not, nothing is calibrated."""
_STEPS = 50


@frozen(eq=False, kw_only=True)
class ChanceCalibration:
    """Log-odds, calibrated by a straight line: Platt's method on log-odds, with scikit-learn's logistic regression.

    J. Platt, "Probabilistic outputs for support vector machines", 1999. A slope below 1 says that the model's chances
    lie too far apart. Beforehand it is 1, give or take 1, which matters where messages say little of it.

    Attributes:
        intercept: of the line.
        slope: of the line, 0 or more.
        covariance: of both, of shape (2, 2).
    """

    intercept: float
    slope: float
    covariance: NDArray[np.float64]

    @classmethod
    def of(cls, log_odds: NDArray[np.float64], label: NDArray[np.bool_]) -> ChanceCalibration | None:
        """The line for messages that the model has not seen; None where they are too few."""
        from sklearn.linear_model import LogisticRegression

        if min(label.sum(), (~label).sum()) < LEAST_OF_EACH:
            return None
        middle, scale = float(log_odds.mean()), float(log_odds.std())
        slope = 1.0
        if scale > 1e-9:
            # The penalty is next to nothing.
            model = LogisticRegression(C=1e6).fit(((log_odds - middle) / scale)[:, None], label)
            slope = float(model.coef_[0, 0]) / scale
            line = slope * (log_odds - middle) + float(model.intercept_[0])
            variance = float(_covariance(log_odds, line, varies=True)[1, 1])
            # Where log-odds hardly differ, a slope by chance may be anything: it is drawn towards 1.
            slope = max(0.0, 1 + (slope - 1) / (1 + variance))
        found = cls(intercept=0.0, slope=slope, covariance=np.zeros((2, 2))).anchored(log_odds, label)
        return evolve(found, covariance=_covariance(log_odds, found.calibrated(log_odds), varies=scale > 1e-9))

    def anchored(self, log_odds: NDArray[np.float64], label: NDArray[np.bool_]) -> ChanceCalibration:
        """The same slope, with the intercept at which chances add up to the messages that were answered."""
        # Newton's steps, each cut, for a function that only rises.
        goal, intercept = float(label.sum()), -self.slope * float(log_odds.mean())
        for _ in range(_STEPS):
            chance = expit(intercept + self.slope * log_odds)
            step = (goal - chance.sum()) / max((chance * (1 - chance)).sum(), 1e-9)
            intercept += float(np.clip(step, -2, 2))
            if abs(step) < 1e-12:
                break
        return evolve(self, intercept=intercept)

    def calibrated(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log-odds of calibrated chances."""
        return self.intercept + self.slope * log_odds

    def variance(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the line itself adds to the variance of calibrated log-odds."""
        own, both, slope = self.covariance[0, 0], self.covariance[0, 1], self.covariance[1, 1]
        found: NDArray[np.float64] = own + log_odds * (2 * both + slope * log_odds)
        return np.maximum(found, 0)


def _covariance(log_odds: NDArray[np.float64], calibrated: NDArray[np.float64], *, varies: bool) -> NDArray[np.float64]:
    """The inverse of the information that messages hold on the line."""
    chance = expit(calibrated)
    weight = chance * (1 - chance)
    if not varies:
        return np.diag([1 / weight.sum(), 0.0])
    design = np.stack([np.ones(len(log_odds)), log_odds])
    found: NDArray[np.float64] = np.linalg.inv((design * weight) @ design.T)
    return found
