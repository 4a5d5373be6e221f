"""The models that compete for a response: logistic regression, boosted trees, and estimators of users."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.errors import ModelError
from journeykit.learning.feature_matrix import FeatureMatrix
from journeykit.learning.level_encoder import LevelEncoder
from journeykit.learning.level_tables import LevelTables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scipy.sparse import csr_matrix


BASELINE = "rates"
"""What the baseline is called: smoothed rates by campaign and stage."""
LOGISTIC, BOOSTING = "logistic", "boosting"
"""What the models that come with the library are called."""
RIDGE = 0.1
"""The variance of what a level adds to the log-odds, beforehand: scikit-learn's C."""
FURTHEST = 16.0
"""Log-odds are cut here, at one in nine million, so that no chance is said to be 0 or 1."""
_TREES = 200
_ROWS = 1 << 17


class ChanceScorer(Protocol):
    """A fitted model: the log-odds that a message is answered."""

    def log_odds(self, matrix: FeatureMatrix, levels: NDArray[np.int32]) -> NDArray[np.float64]:
        """The log-odds of each row, before they are calibrated.

        Args:
            matrix: the features of the rows, in the encoder's order.
            levels: the same as levels, of shape (features, rows).
        """


@frozen(eq=False)
class TrainingRows:
    """Messages to learn from.

    Attributes:
        encoder: how features become levels.
        matrix: the features.
        levels: their levels.
        label: which messages were answered.
    """

    encoder: LevelEncoder
    matrix: FeatureMatrix
    levels: NDArray[np.int32]
    label: NDArray[np.bool_]

    @classmethod
    def of(cls, matrix: FeatureMatrix, label: NDArray[np.bool_]) -> TrainingRows:
        """The messages of a matrix; their levels are learned from them."""
        encoder = LevelEncoder.of(matrix)
        return cls(encoder, matrix, encoder.levels(matrix), label)

    def drawn(self, rows: NDArray[np.int64]) -> TrainingRows:
        """Some of them, with the same levels."""
        return TrainingRows(self.encoder, self.matrix.select(rows), self.levels[:, rows], self.label[rows])


ModelCandidate = "Callable[[TrainingRows, int], ChanceScorer]"
"""What fits a model to messages, with a seed."""


def fit_logistic(rows: TrainingRows, seed: int) -> LevelTables:
    """Logistic regression on levels: each adds to the log-odds, and numbers have a straight line besides.

    Coefficients have a penalty (ridge), so that levels of few messages stay near the rest: beforehand a level is
    expected to change the log-odds by about 0.3, which is scikit-learn's C = 0.1.

    Args:
        rows: the messages.
        seed: not needed; the optimum is one.
    """
    from sklearn.linear_model import LogisticRegression

    lines = level_lines(rows.encoder)
    design = level_design(rows, lines)
    model = LogisticRegression(C=RIDGE, max_iter=1000, random_state=seed).fit(design, rows.label)
    return tables_of_lines(float(model.intercept_[0]), model.coef_[0], lines, rows.encoder.totals)


def tables_of_lines(
    base: float, coefficients: NDArray[np.float64], lines: Mapping[int, NDArray[np.float64]], totals: Sequence[int]
) -> LevelTables:
    """The tables of a linear model of `level_design`.

    Args:
        base: its intercept.
        coefficients: those of the lines, then those of the levels.
        lines: the lines.
        totals: how many levels each feature has.
    """
    singles, start = {}, len(lines)
    for at, total in enumerate(totals):
        singles[at] = coefficients[start : start + total].copy()
        start += total
    for coefficient, (at, line) in zip(coefficients, lines.items(), strict=False):
        singles[at] += coefficient * line
    return LevelTables(base, singles)


def level_lines(encoder: LevelEncoder) -> dict[int, NDArray[np.float64]]:
    """For each number the mean of each level, of mean 0 and deviation 1; levels that are no number have 0."""
    found = {}
    for at, own in enumerate(encoder.features):
        if own.size > 1 and own.feature.kind == "number":
            line = np.zeros(own.total)
            deviation = own.means.std()
            line[: own.size] = (own.means - own.means.mean()) / deviation if deviation else 0.0
            found[at] = line
    return found


def level_design(rows: TrainingRows, lines: Mapping[int, NDArray[np.float64]]) -> csr_matrix:
    """A column for each line, then one for each level of each feature."""
    from scipy.sparse import csr_matrix

    levels, encoder = rows.levels, rows.encoder
    count, totals = levels.shape[1], encoder.totals
    firsts = len(lines) + np.cumsum([0, *totals])
    places = [np.full(count, at, np.int32) for at in range(len(lines))]
    places += [own + np.int32(first) for own, first in zip(levels, firsts[:-1], strict=True)]
    values = [line[levels[at]] for at, line in lines.items()] + [np.ones(count)] * len(totals)
    width = len(places)
    indices = np.array(places, np.int32).T.ravel() if places else np.empty(0, np.int32)
    data = np.array(values).T.ravel() if values else np.empty(0)
    return csr_matrix((data, indices, np.arange(count + 1) * width), shape=(count, int(firsts[-1])))


@contextmanager
def one_thread() -> Iterator[None]:
    """Trees are made by one thread: sums have one order, so that a seed gives one model, on a busy machine fast too."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="openmp"):
        yield


@one_thread()
def fit_boosting(rows: TrainingRows, seed: int) -> LevelTables:
    """Gradient boosting of trees over levels, each tree with two features at most.

    So the model is a sum of functions of pairs of features (Lou, Caruana, Gehrke and Hooker, KDD 2013), which is kept
    as tables.

    Args:
        rows: the messages.
        seed: of the part of them that says when to stop.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    features = rows.encoder.features
    model = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=_TREES,
        max_leaf_nodes=6,
        min_samples_leaf=50,
        l2_regularization=5.0,
        interaction_cst="pairwise",
        categorical_features=[own.feature.kind == "category" for own in features],
        early_stopping=True,
        random_state=seed,
    )
    model.fit(boosted_columns(rows.encoder, rows.levels), rows.label)

    def log_odds(levels: NDArray[np.int32]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = model.decision_function(boosted_columns(rows.encoder, levels))
        return found

    totals = rows.encoder.totals
    # Trees take a class that they never saw for one of the others.
    return LevelTables.of(log_odds, totals, combinations(range(len(features)), 2)).averaged(rows.levels, totals)


def boosted_columns(encoder: LevelEncoder, levels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Levels as boosting takes them: rows by features, missing numbers as NaN."""
    found = levels.T.astype(np.float64)
    for at, own in enumerate(encoder.features):
        if own.feature.kind == "number" and own.size:  # trees take no column of nothing but NaN
            found[levels[at] >= own.missing, at] = np.nan
    return found


@frozen(eq=False)
class EstimatorScorer:
    """A fitted estimator of the user.

    Attributes:
        estimator: with ``predict_proba``.
        encoder: the levels of its columns.
        fills: of each number, the median, which missing values get.
    """

    estimator: Any
    encoder: LevelEncoder
    fills: NDArray[np.float64]

    def log_odds(self, matrix: FeatureMatrix, levels: NDArray[np.int32]) -> NDArray[np.float64]:
        """The log-odds of each row, of the probability that the estimator gives."""
        found = np.empty(len(matrix))
        for start in range(0, len(found), _ROWS):
            part = slice(start, start + _ROWS)
            columns = estimator_columns(self.encoder, matrix.select(part), levels[:, part], self.fills)
            found[part] = self._log_odds(columns)
        return found

    def _log_odds(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        try:
            given = np.asarray(self.estimator.predict_proba(columns), np.float64)
        except Exception as error:
            own = type(self.estimator).__name__
            raise ModelError(f"predict_proba of {own} fails: {type(error).__name__}: {error}") from error
        classes = [*getattr(self.estimator, "classes_", (False, True))]
        if given.shape != (len(columns), 2) or len(classes) != 2:
            raise ModelError(
                f"predict_proba gives an array of shape {given.shape}, expected {(len(columns), 2)}: the probabilities "
                "of not answered and answered"
            )
        chance = given[:, classes.index(True)]
        if not ((chance >= 0) & (chance <= 1)).all():
            raise ModelError("predict_proba gives what is no probability")
        with np.errstate(divide="ignore"):
            return np.clip(np.log(chance) - np.log1p(-chance), -FURTHEST, FURTHEST)


def estimator_columns(
    encoder: LevelEncoder, matrix: FeatureMatrix, levels: NDArray[np.int32], fills: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What an estimator of the user is given: 64-bit floats, a row for each message, nothing missing.

    Each number has two columns, in the order of features: its value (the median of the examples where it is missing),
    and 1 where it is missing. Each category has a column of 0 and 1 for each frequent class, then one for "missing"
    and one for "rare or never seen".
    """
    columns = []
    for at, own in enumerate(encoder.features):
        if own.feature.kind == "number":
            is_missing = levels[at] == own.missing
            columns += [np.where(is_missing, fills[at], matrix.values[:, at]), is_missing.astype(np.float64)]
        else:
            columns += [(levels[at] == level).astype(np.float64) for level in range(own.total)]
    return np.array(columns).T.reshape(len(matrix), len(columns))


def estimator_candidate(estimator: Any) -> Callable[[TrainingRows, int], ChanceScorer]:
    """What fits an estimator of the user; its own random state counts, not the seed.

    Raises:
        ModelError: for what is no estimator.
    """
    for method in ("fit", "predict_proba"):
        if not callable(getattr(estimator, method, None)):
            raise ModelError(f"expected an estimator with fit and predict_proba, found {type(estimator).__name__}")

    def fit(rows: TrainingRows, seed: int) -> ChanceScorer:  # noqa: ARG001
        fills = np.array([_median(own) for own in rows.matrix.values.T])
        columns = estimator_columns(rows.encoder, rows.matrix, rows.levels, fills)
        own = copy.deepcopy(estimator)
        fitted = own.fit(columns, rows.label.astype(np.int64))
        return EstimatorScorer(own if fitted is None else fitted, rows.encoder, fills)

    return fit


def _median(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else 0.0
