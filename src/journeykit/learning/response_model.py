"""The model of one response: the chance that a message is answered, and how sure that chance is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen
from scipy.special import expit

from journeykit.learning.chance_calibration import ChanceCalibration
from journeykit.learning.chance_spread import ChanceSpread
from journeykit.learning.level_encoder import LevelEncoder
from journeykit.learning.model_candidates import ChanceScorer
from journeykit.learning.model_card import ModelCard
from journeykit.learning.smoothed_rates import SmoothedRates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeykit.learning.feature_matrix import Feature, FeatureMatrix


@frozen(eq=False, kw_only=True, repr=False)
class ResponseModel:
    """The chance that a message is answered, learned from messages before.

    Attributes:
        name: the response, or ``opt_out``.
        encoder: the features, and how they become levels.
        rates: the rates by campaign and stage.
        scorer: the model that was chosen; None where that is the rates.
        spread: how sure the scorer is; None without one.
        calibration: what makes its chances agree with later messages; None where these were too few.
        card: what there is to know of it.
    """

    name: str
    encoder: LevelEncoder
    rates: SmoothedRates
    scorer: ChanceScorer | None
    spread: ChanceSpread | None
    calibration: ChanceCalibration | None
    card: ModelCard

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features that it needs, with the classes that it knows."""
        return tuple(own.feature for own in self.encoder.features)

    def chances(self, matrix: FeatureMatrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The chance that each message is answered, and the spread of that chance.

        Args:
            matrix: the features of the messages: those of the model, in any order. Classes are found by their names;
                one that the model does not know is rare or was never seen.

        Returns:
            The chance, and its standard deviation: how far the chance itself may be off, not how answers scatter.

        Raises:
            ModelError: for a matrix of other features.
        """
        matrix = self.encoder.ordered(matrix)
        log_odds, variance = self._uncalibrated(matrix)
        if self.calibration is not None:
            variance = self.calibration.slope**2 * variance + self.calibration.variance(log_odds)
            log_odds = self.calibration.calibrated(log_odds)
        chance = expit(log_odds)
        return chance, chance * (1 - chance) * np.sqrt(variance)

    def _uncalibrated(self, matrix: FeatureMatrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.scorer is None or self.spread is None:
            return self.rates.log_odds(matrix)
        levels = self.encoder.levels(matrix)
        # Of a campaign nothing is known more surely than its own messages say, however much it is like others.
        variance = np.maximum(self.spread.variance(levels), self.rates.own_variance(matrix))
        return self.scorer.log_odds(matrix, levels), variance

    def __repr__(self) -> str:
        return f"<ResponseModel of {self.name!r}: {self.card.chosen}>"
