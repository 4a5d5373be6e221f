"""Learners of uplift, tried on contacts that they have not learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.learning.uplift_curve import RobustOutcomes
from journeykit.learning.uplift_learners import LearnedUplift, LearnerFits, LearnerKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.learning.model_candidates import TrainingRows
    from journeykit.learning.uplift_rows import UpliftRows

FOLDS = 3
_NARROW = 1e-12
"""Predictions that spread less than this are all the same."""


@frozen(eq=False)
class CampaignMeans:
    """What messages add, by campaign: how far scores go back to a mean, and what that is.

    Attributes:
        effect: by campaign, the mean effect of messages.
        middle: by campaign, the mean of a learner's predictions.
        slope: what part of a learner's differences within a campaign is kept.
    """

    effect: NDArray[np.float64]
    middle: NDArray[np.float64]
    slope: float

    def calibrated(self, guess: NDArray[np.float64], campaign: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predictions with the campaigns' means, and differences that hold for other contacts."""
        found = self.effect[campaign]
        if self.slope:
            found = found + self.slope * (guess - self.middle[campaign])
        return np.clip(found, -1.0, 1.0)

    @classmethod
    def of(
        cls,
        guess: NDArray[np.float64],
        effect: NDArray[np.float64],
        campaign: NDArray[np.int64],
        means: NDArray[np.float64],
    ) -> CampaignMeans:
        """From predictions of a learner for contacts that it has not learned from.

        The slope is that of the effects over the predictions, within campaigns: the best linear predictor of
        Chernozhukov, Demirer, Duflo and Fernandez-Val, "Fisher-Schultz lecture: generic machine learning inference on
        heterogeneous treatment effects in randomized experiments", Econometrica 93, 2025, cut to 0 to 1.

        Args:
            guess: by row, the prediction.
            effect: by row, the doubly robust score of the effect.
            campaign: by row, the campaign.
            means: by campaign, the mean effect.
        """
        count = np.maximum(np.bincount(campaign, minlength=len(means)), 1)
        middle = np.bincount(campaign, guess, len(means)) / count
        apart = guess - middle[campaign]
        spread = float(apart @ apart)
        slope = float(apart @ effect) / spread if spread > _NARROW * len(guess) else 0.0
        return cls(means, middle, min(max(slope, 0.0), 1.0))


@frozen(eq=False)
class UpliftTrial:
    """What learners say of contacts that they have not learned from.

    Attributes:
        guess: by name of the learner, by row, what it says a message adds.
        outcomes: the doubly robust outcomes.
        fold: by row, the part of the contacts that it belongs to.
    """

    guess: Mapping[str, NDArray[np.float64]]
    outcomes: RobustOutcomes
    fold: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        rows: UpliftRows,
        training: TrainingRows,
        chance: NDArray[np.float64],
        learners: Mapping[str, LearnerFits],
        seed: int,
    ) -> UpliftTrial:
        """Fit every learner on some contacts and ask it of the others, until each contact was asked of.

        Args:
            rows: the rows; both sides have responses and refusals in good number, or there are no learners.
            training: the same, as learners take them.
            chance: by row, the share of contacts that could get the message.
            learners: by name, what fits the parts of a learner.
            seed: of the parts.
        """
        fold = folds_of(rows.contact, seed)
        count = len(rows)
        guess: dict[str, NDArray[np.float64]] = {}
        sides = [_rates(rows)]
        for name, fits in learners.items():
            sides.append((np.zeros(count), np.zeros(count)))
            for part in range(FOLDS):
                out = np.flatnonzero(fold == part)
                asked, others = training.drawn(out), np.flatnonzero(fold != part)
                for own in fit_learners(training.drawn(others), rows.treated[others], fits, seed):
                    found = guess.setdefault(learner_name(own.kind, name), np.zeros(count))
                    found[out] = own.uplift(asked.matrix, asked.levels, chance[out])
                    sides[-1][0][out], sides[-1][1][out] = own.chances(asked.matrix, asked.levels)
        messaged, held = min(sides, key=lambda own: _missed(rows, *own))
        outcomes = RobustOutcomes.of(rows.label, rows.treated, chance, messaged=messaged, held=held)
        return cls(guess, outcomes, fold)

    def calibrated(
        self, guess: NDArray[np.float64], campaign: NDArray[np.int64], means: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Predictions of a learner, with a slope from the other parts of the contacts."""
        found = np.zeros(len(guess))
        for part in range(FOLDS):
            out = self.fold == part
            own = CampaignMeans.of(guess[~out], self.outcomes.effect[~out], campaign[~out], means)
            found[out] = own.calibrated(guess[out], campaign[out])
        return found


def fit_learners(
    rows: TrainingRows, treated: NDArray[np.bool_], fits: LearnerFits, seed: int
) -> Iterator[LearnedUplift]:
    """The learners of both kinds."""
    plain = LearnedUplift.fit("T", rows, treated, fits, seed)
    yield plain
    yield plain.crossed(rows, treated, fits, seed)


def learner_name(kind: LearnerKind, name: str) -> str:
    """How a learner is called."""
    return f"{kind}-learner, {name}"


def folds_of(unit: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """By row, the part that it belongs to: all rows of a contact belong to one.

    Example:
        >>> folds_of(np.array([7, 7, 3, 9]), 0).tolist()
        [0, 0, 2, 1]
    """
    known, place = np.unique(unit, return_inverse=True)
    found: NDArray[np.int64] = (np.random.default_rng(seed).permutation(len(known)) % FOLDS)[place]
    return found


def _rates(rows: UpliftRows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By row, the rates of its campaign with messages and without, as Laplace's rule says them."""
    found = []
    for side in (rows.treated, ~rows.treated):
        own = rows.campaign[side]
        size = len(rows.campaigns)
        count, responses = np.bincount(own, minlength=size), np.bincount(own, rows.label[side], size)
        found.append(((responses + 1) / (count + 2))[rows.campaign])
    return found[0], found[1]


def _missed(rows: UpliftRows, messaged: NDArray[np.float64], held: NDArray[np.float64]) -> float:
    """The mean square of what chances do not say of what happened (Brier's score)."""
    return float(((rows.label - np.where(rows.treated, messaged, held)) ** 2).mean())
