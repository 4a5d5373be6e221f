"""Learners of uplift: what a message adds to the chance of a response, against contacts that are held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray
from scipy.special import expit

from journeykit.learning.level_tables import LevelTables
from journeykit.learning.model_candidates import (
    BOOSTING,
    LOGISTIC,
    ChanceScorer,
    TrainingRows,
    boosted_columns,
    estimator_candidate,
    fit_boosting,
    fit_logistic,
    level_design,
    level_lines,
    one_thread,
    tables_of_lines,
)

if TYPE_CHECKING:
    from journeykit.learning.feature_matrix import FeatureMatrix

LearnerKind = Literal["T", "X"]
LEARNER_KINDS: tuple[LearnerKind, ...] = ("T", "X")
_PENALTIES = np.geomspace(1, 1e6, 25)
_TREES = 50


@frozen
class LearnerFits:
    """What fits the parts of a learner.

    Attributes:
        chance: fits chances to rows with their labels, and a seed.
        effect: fits numbers to rows with these, and a seed: for the X-learner.
    """

    chance: Callable[[TrainingRows, int], ChanceScorer]
    effect: Callable[[TrainingRows, NDArray[np.float64], int], LevelTables]


@frozen(eq=False)
class LearnedUplift:
    """A fitted learner.

    Attributes:
        kind: ``T`` or ``X``.
        messaged: the chance of a response with a message.
        held: the chance without one.
        messaged_effect: of the X-learner, the effects that rows with a message show; else None.
        held_effect: the effects that rows without a message show.
    """

    kind: LearnerKind
    messaged: ChanceScorer
    held: ChanceScorer
    messaged_effect: LevelTables | None = None
    held_effect: LevelTables | None = None

    @classmethod
    def fit(
        cls, kind: LearnerKind, rows: TrainingRows, treated: NDArray[np.bool_], fits: LearnerFits, seed: int = 0
    ) -> LearnedUplift:
        """Fit a learner.

        The T-learner has two models, one of contacts that could get the message and one of those held out; the uplift
        is the difference of their chances. Where one side has few contacts, its model is poor and so is the difference.
        The X-learner asks of each contact what happened beyond what the other side's model expects, has two models of
        these differences, and weighs them so that the one that leans on the larger side counts more: Künzel, Sekhon,
        Bickel and Yu, "Metalearners for estimating heterogeneous treatment effects using machine learning", Proceedings
        of the National Academy of Sciences 116, 2019.

        Args:
            kind: which.
            rows: the rows. Each side has contacts who responded, and contacts who did not.
            treated: by row, whether the contact could get the message.
            fits: what fits its parts.
            seed: of what is drawn.

        Example:
            >>> from journeykit.learning import Feature, FeatureMatrix
            >>> number = np.arange(8000)
            >>> matrix = FeatureMatrix((Feature("kind"),), number[:, None] % 2)
            >>> treated = number % 4 < 2
            >>> label = np.where(treated, number % 2 == 1, number % 8 > 5)
            >>> rows = TrainingRows.of(matrix, label)
            >>> learned = LearnedUplift.fit("T", rows, treated, LEARNERS["logistic"])
            >>> learned.uplift(matrix, rows.levels, np.full(8000, 0.5))[:2].round(1).tolist()
            [-0.5, 0.5]
        """
        messaged, held = (fits.chance(rows.drawn(np.flatnonzero(side)), seed) for side in (treated, ~treated))
        found = cls("T", messaged, held)
        return found if kind == "T" else found.crossed(rows, treated, fits, seed)

    def crossed(self, rows: TrainingRows, treated: NDArray[np.bool_], fits: LearnerFits, seed: int) -> LearnedUplift:
        """The X-learner over the models of a T-learner; the same arguments."""
        got, kept = (rows.drawn(np.flatnonzero(side)) for side in (treated, ~treated))
        added = got.label - expit(self.held.log_odds(got.matrix, got.levels))
        missed = expit(self.messaged.log_odds(kept.matrix, kept.levels)) - kept.label
        return evolve(
            self,
            kind="X",
            messaged_effect=fits.effect(got, added, seed),
            held_effect=fits.effect(kept, missed, seed),
        )

    def chances(
        self, matrix: FeatureMatrix, levels: NDArray[np.int32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """By row, the chance of a response with a message, and the one without."""
        return expit(self.messaged.log_odds(matrix, levels)), expit(self.held.log_odds(matrix, levels))

    def uplift(
        self, matrix: FeatureMatrix, levels: NDArray[np.int32], chance: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What a message adds to the chance of a response, from -1 to 1.

        Args:
            matrix: the features.
            levels: their levels.
            chance: by row, the share of contacts that could get the message.
        """
        if self.messaged_effect is None or self.held_effect is None:
            messaged, held = self.chances(matrix, levels)
            return messaged - held
        # The effects that contacts with a message show lean on what was learned of those held out, and the other way
        # round: each is weighed by the size of the side it leans on.
        shown = chance * self.held_effect.sums(levels) + (1 - chance) * self.messaged_effect.sums(levels)
        return np.clip(shown, -1.0, 1.0)


def fit_linear_effect(rows: TrainingRows, effect: NDArray[np.float64], seed: int) -> LevelTables:  # noqa: ARG001
    """Ridge regression on levels: each adds to the effect, and numbers have a straight line besides.

    The penalty is that of the least generalised cross-validation: Golub, Heath and Wahba, "Generalized cross-validation
    as a method for choosing a good ridge parameter", Technometrics 21, 1979.

    Args:
        rows: the rows.
        effect: by row, the number that is learned.
        seed: not needed; the optimum is one.
    """
    lines = level_lines(rows.encoder)
    design = level_design(rows, lines)
    mean = np.asarray(design.mean(axis=0)).ravel()
    middle, count = float(effect.mean()), len(effect)
    products = (design.T @ design).toarray() - count * np.outer(mean, mean)
    coefficients = _ridge(products, design.T @ effect - count * middle * mean, effect - middle)
    return tables_of_lines(middle - float(mean @ coefficients), coefficients, lines, rows.encoder.totals)


def _ridge(
    products: NDArray[np.float64], answers: NDArray[np.float64], effect: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The coefficients with the least generalised cross-validation.

    Args:
        products: the centred columns, times each other.
        answers: the centred columns, times what they are to explain.
        effect: what they are to explain, centred.
    """
    sizes, ways = np.linalg.eigh(products)
    sizes = np.maximum(sizes, 0.0)
    turned, count = ways.T @ answers, len(effect)
    best, found = np.inf, np.zeros(len(answers))
    for penalty in _PENALTIES:
        own = turned / (sizes + penalty)
        missed = float(effect @ effect) - 2 * float(turned @ own) + float(sizes @ own**2)
        free = count - 1 - float((sizes / (sizes + penalty)).sum())
        score = missed / free**2 if free > 1 else np.inf
        if score < best:
            best, found = score, ways @ own
    return found


@one_thread()
def fit_boosted_effect(rows: TrainingRows, effect: NDArray[np.float64], seed: int) -> LevelTables:
    """Gradient boosting of trees over levels, each tree with two features at most; small, as effects are.

    Args:
        rows: the rows.
        effect: by row, the number that is learned.
        seed: of what is drawn.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    features = rows.encoder.features
    model = HistGradientBoostingRegressor(
        max_iter=_TREES,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=100,
        l2_regularization=1.0,
        interaction_cst="pairwise",
        categorical_features=[own.feature.kind == "category" for own in features],
        early_stopping=False,
        random_state=seed,
    )
    model.fit(boosted_columns(rows.encoder, rows.levels), effect)

    def effects(levels: NDArray[np.int32]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = model.predict(boosted_columns(rows.encoder, levels))
        return found

    totals = rows.encoder.totals
    # Trees take a class that they never saw for one of the others.
    return LevelTables.of(effects, totals, combinations(range(len(features)), 2)).averaged(rows.levels, totals)


LEARNERS: Mapping[str, LearnerFits] = {
    LOGISTIC: LearnerFits(fit_logistic, fit_linear_effect),
    BOOSTING: LearnerFits(fit_boosting, fit_boosted_effect),
}
"""What learners are made of, by name."""


def learners_of(candidates: Mapping[str, Any]) -> dict[str, LearnerFits]:
    """The learners that are tried: those of the library, and those over estimators of the user.

    Args:
        candidates: by name, estimators with ``fit`` and ``predict_proba``. Over such a one, effects are linear.

    Raises:
        ModelError: for what is no estimator.
    """
    own = {name: LearnerFits(estimator_candidate(one), fit_linear_effect) for name, one in candidates.items()}
    return {**LEARNERS, **own}
