"""The spread of a chance: how much what messages say of its levels leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen
from scipy.special import expit

from journeykit.learning.level_tables import LevelTables
from journeykit.learning.model_candidates import RIDGE, level_design, level_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from journeykit.learning.model_candidates import TrainingRows

_SAMPLE = 20_000
_CELLS = 20_000_000
"""So many numbers at most are held at a time for a sample of rows."""


@frozen(eq=False)
class ChanceSpread:
    """The variance of the log-odds that a model gives, by the levels of a row.

    It is that of a logistic regression on these levels, with the model's chances, after the messages were seen
    (Laplace's approximation, MacKay, "The evidence framework applied to classification networks", 1992): small where
    many messages had these levels, and that of the ridge beforehand for levels that none had. Messages of one contact
    are no independent ones: information is divided by how much more the sums of contacts' residuals vary than they
    would (the design effect). The variance is kept as tables, whose product is within some percent of it.

    Attributes:
        tables: of the logarithm of the variance.
        most: the variance where no level was seen before, which is never passed.
    """

    tables: LevelTables
    most: float

    @classmethod
    def of(
        cls, rows: TrainingRows, log_odds: NDArray[np.float64], contact: NDArray[np.int64], seed: int
    ) -> ChanceSpread:
        """The spread of a model.

        Args:
            rows: the messages from which the model was learned.
            log_odds: what it gives for them.
            contact: the number of the contact of each.
            seed: of the sample of messages for which the variance is computed exactly.
        """
        chance = expit(log_odds)
        information = chance * (1 - chance) / _design_effect(chance, rows.label, contact)
        lines = level_lines(rows.encoder)
        design = _with_one(level_design(rows, lines))
        penalty = np.full(design.shape[1], 1 / RIDGE)
        penalty[0] = 0.0
        held = (design.multiply(information[:, None]).T @ design).toarray()
        covariance = np.linalg.inv(held + np.diag(penalty))
        levels = _sampled(rows, min(_SAMPLE, _CELLS // len(penalty)), np.random.default_rng(seed))
        probes = _with_one(level_design(evolve(rows, levels=levels), lines))
        variance = np.asarray(probes.multiply(probes @ covariance).sum(axis=1)).ravel()
        most = RIDGE * len(rows.encoder.totals) + float(1 / information.sum())
        return cls(_additive(rows.encoder.totals, levels, np.log(variance)), most)

    def variance(self, levels: NDArray[np.int32]) -> NDArray[np.float64]:
        """The variance of each row, of levels of shape (features, rows)."""
        return np.minimum(np.exp(self.tables.sums(levels)), self.most)


def _design_effect(chance: NDArray[np.float64], label: NDArray[np.bool_], contact: NDArray[np.int64]) -> float:
    """How much more the sums of contacts' residuals vary than those of independent messages; 1 or more."""
    _, place = np.unique(contact, return_inverse=True)
    sums = np.bincount(place, weights=label - chance)
    return max(1.0, float((sums**2).sum() / (chance * (1 - chance)).sum()))


def _with_one(design: csr_matrix) -> csr_matrix:
    from scipy.sparse import csr_matrix, hstack

    return csr_matrix(hstack([np.ones((design.shape[0], 1)), design]))


def _sampled(rows: TrainingRows, count: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Levels of messages by chance; of half of them about one level is another one, so that each level is seen."""
    found = rows.levels[:, rng.integers(0, rows.levels.shape[1], count)]
    any_level = (rng.random(found.shape) * np.array(rows.encoder.totals)[:, None]).astype(np.int32)
    changed = rng.random(found.shape) < 1 / max(len(found), 1)
    changed[:, count // 2 :] = False
    return np.where(changed, any_level, found)


def _additive(totals: tuple[int, ...], levels: NDArray[np.int32], values: NDArray[np.float64]) -> LevelTables:
    """The tables whose sums are nearest to values, by least squares."""
    from scipy.sparse import csr_matrix

    firsts = np.cumsum([0, *totals])
    indices = (levels + firsts[:-1, None]).T.ravel()
    count, width = levels.shape[1], len(totals)
    design = csr_matrix((np.ones(len(indices)), indices, np.arange(count + 1) * width), shape=(count, firsts[-1]))
    middle = float(values.mean())
    # The next-to-nothing penalty makes the solution one, since each feature's columns add up to the same.
    held = (design.T @ design).toarray() + np.eye(firsts[-1])
    found = np.linalg.solve(held, design.T @ (values - middle))
    singles = {at: found[start : start + total] for at, (start, total) in enumerate(zip(firsts, totals, strict=False))}
    return LevelTables(middle, singles)
