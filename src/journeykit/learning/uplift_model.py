"""The model of uplift: learned from contacts dealt out by a hash, chosen by contacts it has not learned from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from journeykit.errors import ModelError
from journeykit.journey.measure.funnel_report import counted
from journeykit.learning.level_encoder import LevelEncoder
from journeykit.learning.model_candidates import TrainingRows
from journeykit.learning.uplift_card import CampaignUplift, TriedLearner, UpliftCard
from journeykit.learning.uplift_curve import MeanEffect, UpliftCurve, rows_behind
from journeykit.learning.uplift_learners import LEARNER_KINDS, LearnedUplift, learners_of
from journeykit.learning.uplift_trial import CampaignMeans, UpliftTrial, learner_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from journeykit.learning.feature_matrix import Feature, FeatureMatrix
    from journeykit.learning.uplift_learners import LearnerFits
    from journeykit.learning.uplift_rows import UpliftRows

CAMPAIGN = "campaign"
MEANS = "campaign means"
"""The baseline: every contact has the uplift of the campaign."""
FEWEST = 20
"""So many contacts who responded and so many who did not are on both sides, or nothing but means are learned."""
_SURE = 2
"""A learner is better than the means by so many standard errors: the best of several is so by chance more often."""


@frozen(eq=False, kw_only=True)
class UpliftModel:
    """What messages add to the chance of a response.

    Attributes:
        response: the response.
        encoder: the features that it asks for, and how they become levels.
        campaigns: the campaigns that had contacts on both sides.
        means: what is kept of the learner's predictions.
        learner: the learner; None where each contact has the campaign's mean.
        card: what is known of it.
    """

    response: str
    encoder: LevelEncoder
    campaigns: tuple[CampaignUplift, ...]
    means: CampaignMeans
    learner: LearnedUplift | None
    card: UpliftCard

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features that it asks for, with the classes that it knows."""
        return tuple(own.feature for own in self.encoder.features)

    def uplift(self, matrix: FeatureMatrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the next message adds to the chance of a response, and the spread of that.

        Both are nan for campaigns of which no contact was held out: nobody knows them.

        Args:
            matrix: the features: those of the model, in any order. Classes are found by their names.

        Returns:
            By row, the uplift, from -1 to 1, and how far the mean of its campaign may be off: a standard deviation.

        Raises:
            ModelError: for a matrix of other features.
        """
        matrix = self.encoder.ordered(matrix)
        place = matrix.column(CAMPAIGN)
        classes = matrix.features[matrix.names.index(CAMPAIGN)].classes
        number = {own.campaign: at for at, own in enumerate(self.campaigns)}
        of_class = np.array([*(number.get(name, -1) for name in classes), -1], np.int64)
        campaign = of_class[np.where(np.isnan(place), -1, place).astype(np.int64)]
        found = np.full(len(matrix), np.nan)
        rows = np.flatnonzero(campaign >= 0)
        guess = np.zeros(len(rows))
        if self.learner is not None and len(rows):
            chance = np.array([own.chance for own in self.campaigns])[campaign[rows]]
            asked = matrix.select(rows)
            guess = self.learner.uplift(asked, self.encoder.levels(asked), chance)
        found[rows] = self.means.calibrated(guess, campaign[rows])
        errors = np.array([own.error for own in self.campaigns] + [np.nan])
        return found, errors[campaign]


def fit_uplift(
    response: str,
    rows: UpliftRows,
    *,
    candidates: Mapping[str, Any] | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> UpliftModel:
    """Learn what messages add to the chance of a response.

    T-learners and X-learners over the models of the library are fitted on two thirds of the contacts and asked of the
    others, three times. What they say of differences between contacts of a campaign is kept as far as it holds for
    those others. A learner is used where the area under its uplift curve is larger than that of the campaigns' means by
    more than two standard errors; of several, the one that is nearest to the doubly robust effects. Then it is fitted
    on all contacts. Else every contact has the mean of the campaign.

    Args:
        response: the name of the response.
        rows: contacts that could get messages, and contacts held out.
        candidates: by name, estimators with ``fit`` and ``predict_proba`` over which there are learners besides;
            `estimator_columns` says what they are given.
        seed: of the parts into which contacts are divided, and of all else that is drawn.
        level: the level of confidence of the intervals.

    Raises:
        ModelError: where no campaign has contacts on both sides.
    """
    learners = learners_of(candidates or {})
    used, notes = _compared(rows)
    chance = (np.bincount(used.campaign, used.treated) / np.bincount(used.campaign))[used.campaign]
    if not _is_enough(used):
        notes.append(
            f"Fewer than {FEWEST} contacts who responded, or who did not, on one side: all have the campaign's mean."
        )
        learners = {}
    training = TrainingRows.of(used.matrix, used.label)
    trial = UpliftTrial.of(used, training, chance, learners, seed)
    effect = trial.outcomes.effect
    compared = _means(used, effect, level)
    means = np.array([own.kept for own in compared])
    plain = means[used.campaign]
    guesses = {name: trial.calibrated(own, used.campaign, means) for name, own in trial.guess.items()}
    slopes = {name: CampaignMeans.of(own, effect, used.campaign, means) for name, own in trial.guess.items()}
    tried = [_tried(name, own, plain, effect, used, slopes[name].slope, level) for name, own in guesses.items()]
    better = [own for own in tried if own.over_means.mean > _SURE * own.over_means.error]
    chosen = max(better, key=lambda own: own.nearer.mean).name if better else MEANS
    guess = guesses.get(chosen, plain)
    card = UpliftCard(
        response=response,
        chosen=chosen,
        contacts=len(np.unique(used.contact)),
        campaigns=compared,
        tried=(_tried(MEANS, plain, plain, effect, used, 0.0, level), *tried),
        **_worth(trial, guess > 0, used.contact, level),
        features=used.matrix.names,
        left_out=used.left_out,
        notes=tuple(notes),
    )
    return UpliftModel(
        response=response,
        encoder=training.encoder,
        campaigns=compared,
        means=slopes.get(chosen, CampaignMeans(means, np.zeros(len(means)), 0.0)),
        learner=_refitted(training, used.treated, learners, chosen, seed),
        card=card,
    )


def _compared(rows: UpliftRows) -> tuple[UpliftRows, list[str]]:
    """The rows of campaigns with contacts on both sides, and what is to be said of the others."""
    sides = [np.bincount(rows.campaign[side], minlength=len(rows.campaigns)) for side in (rows.treated, ~rows.treated)]
    both = (sides[0] > 0) & (sides[1] > 0)
    notes = [
        f"campaign {name!r} has {found}"
        for name, messaged, held in zip(rows.campaigns, *(own.tolist() for own in sides), strict=True)
        if (found := _one_side(messaged, held)) is not None
    ]
    if not both.any():
        why = "; ".join(notes) or "there are no rows"
        raise ModelError(f"no campaign has contacts who could get its messages and contacts held out: {why}")
    notes = [f"C{note.removeprefix('c')}: its uplift is not known." for note in notes]
    known = both[rows.campaign]
    number = np.cumsum(both) - 1
    names = tuple(name for name, own in zip(rows.campaigns, both.tolist(), strict=True) if own)
    kept = rows.select(known)
    return evolve(kept, campaign=number[kept.campaign], campaigns=names), notes


def _one_side(messaged: int, held: int) -> str | None:
    if messaged and held:
        return None
    if messaged:
        return f"{counted(messaged, 'contact')} who could get its messages and none held out"
    if held:
        return f"{counted(held, 'contact')} held out and none who could get its messages"
    return "no contacts"


def _is_enough(rows: UpliftRows) -> bool:
    """Whether both sides have responses and refusals in good number."""
    counts = [np.count_nonzero((rows.treated == side) & (rows.label == label)) for side in (0, 1) for label in (0, 1)]
    return bool(min(counts) >= FEWEST)


def _means(rows: UpliftRows, effect: NDArray[np.float64], level: float) -> tuple[CampaignUplift, ...]:
    """The mean effect of each campaign, those of few contacts drawn towards the mean of all."""
    found, variances = [], []
    for place in range(len(rows.campaigns)):
        own = rows.select(rows.campaign == place)
        found.append(MeanEffect.of(effect[rows.campaign == place], own.contact, level))
        variances.append(sum(_variance(own.label[side]) for side in (own.treated, ~own.treated)))
    kept = drawn_together([own.mean for own in found], variances)
    messaged = np.bincount(rows.campaign[rows.treated], minlength=len(found)).tolist()
    return tuple(
        CampaignUplift(
            campaign=name,
            messaged=messaged[place],
            held=own.rows - messaged[place],
            effect=own,
            error=math.sqrt(variances[place]),
            kept=mean,
        )
        for place, (name, own, mean) in enumerate(zip(rows.campaigns, found, kept, strict=True))
    )


def _variance(label: NDArray[np.bool_]) -> float:
    """The variance of a rate, with one response and one refusal more than there were, so that it is never 0."""
    rate = (label.sum() + 1) / (len(label) + 2)
    return float(rate * (1 - rate) / len(label))


def drawn_together(means: Sequence[float], variances: Sequence[float]) -> list[float]:
    """Means of groups, each drawn towards the mean of all as far as its own error leaves it open.

    How much groups really differ is estimated as DerSimonian and Laird do ("Meta-analysis in clinical trials",
    Controlled Clinical Trials 7, 1986).

    Args:
        means: by group, the mean.
        variances: by group, the square of its standard error, above 0.

    Example:
        >>> [round(own, 3) for own in drawn_together([0.1, 0.3, 0.2], [0.0001, 0.0001, 0.04])]
        [0.101, 0.299, 0.2]
    """
    mean, variance = np.array(means), np.array(variances)
    weight = 1 / variance
    middle = (weight @ mean) / weight.sum()
    beyond = weight @ (mean - middle) ** 2 - (len(mean) - 1)
    scale = weight.sum() - (weight @ weight) / weight.sum()
    between = max(beyond / scale, 0.0) if len(mean) > 1 else 0.0
    middle = np.average(mean, weights=1 / (variance + between))
    kept: list[float] = (middle + (mean - middle) * between / (between + variance)).tolist()
    return kept if len(mean) > 1 else mean.tolist()


def _tried(
    name: str,
    guess: NDArray[np.float64],
    plain: NDArray[np.float64],
    effect: NDArray[np.float64],
    rows: UpliftRows,
    slope: float,
    level: float,
) -> TriedLearner:
    over = effect * (rows_behind(guess) - rows_behind(plain))
    return TriedLearner(
        name=name,
        curve=UpliftCurve.of(effect, guess, rows.contact, level),
        over_means=MeanEffect.of(over, rows.contact, level),
        nearer=MeanEffect.of((effect - plain) ** 2 - (effect - guess) ** 2, rows.contact, level),
        slope=slope,
    )


def _worth(trial: UpliftTrial, send: NDArray[np.bool_], unit: NDArray[np.int64], level: float) -> dict[str, Any]:
    """What messages to some rows would have brought, against messages to all and to nobody."""
    some, every, none = (trial.outcomes.value(own) for own in (send, np.ones_like(send), np.zeros_like(send)))
    values = {
        "above_zero": some,
        "everyone": every,
        "nobody": none,
        "over_everyone": some - every,
        "over_nobody": some - none,
    }
    found = {name: MeanEffect.of(own, unit, level) for name, own in values.items()}
    return {"share": float(send.mean()), **found}


def _refitted(
    rows: TrainingRows, treated: NDArray[np.bool_], learners: Mapping[str, LearnerFits], chosen: str, seed: int
) -> LearnedUplift | None:
    """The learner that was chosen, fitted on all contacts."""
    for name, fits in learners.items():
        for kind in LEARNER_KINDS:
            if learner_name(kind, name) == chosen:
                return LearnedUplift.fit(kind, rows, treated, fits, seed)
    return None
