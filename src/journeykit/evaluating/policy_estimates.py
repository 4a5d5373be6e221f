"""What other decisions would have brought, from a log whose decisions were made by chance: on plain arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.basics.validation import shown
from journeykit.errors import ModelError
from journeykit.evaluating.mean_estimate import AMOUNT, NUMBER, RATE, MeanEstimate, MeanGap
from journeykit.journey.measure.intervals import normal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Numbers = NDArray[np.float64]
    Places = NDArray[np.int64]

SELF_NORMALISED, DOUBLY_ROBUST = "self_normalised", "doubly_robust"
"""The estimators."""
_MORE = {RATE: 40, AMOUNT: 150, NUMBER: 150}
"""By what outcomes are: so many answers count as evidence that they spread alike, whatever the weight."""


@frozen(kw_only=True)
class PolicyEstimate:
    """What other decisions would have brought, by one estimator.

    Attributes:
        method: ``self_normalised`` or ``doubly_robust``.
        found: the mean per message of the other decisions.
        difference: what it is more than that of the log's messages.
    """

    method: str
    found: MeanEstimate
    difference: MeanGap

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"method": self.method, **self.found.to_dict(), "difference": self.difference.to_dict()}


@frozen(kw_only=True)
class PolicyEstimates:
    """What the log's messages brought, and what other decisions would have brought.

    Attributes:
        log: the mean over the log's messages.
        found: the estimates for the other decisions, the self-normalised one first.
        size: the effective sample size: as many messages, weighing the same, would tell as much of the other decisions.
        answers: as many answers, weighing the same, would tell as much of them.
        unsupported: how many of the other decisions' messages the log could not have sent.
        weight: what the log's messages weigh in all.
        expected: what they are expected to weigh: the other decisions' messages that the log could have sent.
        weight_error: the standard error of the difference of the two.
    """

    log: MeanEstimate
    found: tuple[PolicyEstimate, ...]
    size: float
    answers: float
    unsupported: float
    weight: float
    expected: float
    weight_error: float

    def by(self, method: str) -> PolicyEstimate:
        """That of one estimator.

        Raises:
            KeyError: if it was not made.
        """
        for own in self.found:
            if own.method == method:
                return own
        raise KeyError(method)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = ("size", "answers", "unsupported", "weight", "expected")
        return {
            "log": self.log.to_dict(),
            **{name: getattr(self, name) for name in names},
            "found": [own.to_dict() for own in self.found],
        }


def estimate_policy(
    *,
    sent: ArrayLike,
    chance: ArrayLike,
    wanted: ArrayLike,
    outcome: ArrayLike,
    unit: ArrayLike | None = None,
    expected: ArrayLike | None = None,
    kind: str | None = None,
    level: float = 0.95,
) -> PolicyEstimates:
    """Estimate what other decisions would have brought.

    A message that the log sent with chance p, and that the other decisions send with chance q, represents q / p
    messages of theirs. The self-normalised estimate is the weighted mean of the outcomes (Swaminathan and Joachims,
    "The self-normalized estimator for counterfactual learning", NIPS 2015), times the messages of the other decisions.
    The doubly robust one takes what is expected of each of their messages, and adds the weighted errors of this
    expectation where the log shows them (Dudík, Langford and Li, "Doubly robust policy evaluation and learning", ICML
    2011): it is right where the chances are, or where what is expected is.

    Variances are by unit, and linearised. What two messages of a unit have in common adds to them. Where few answers
    weigh much, their own variance is too small, and a bootstrap's too; it is drawn towards that of outcomes which
    spread alike whatever the weight, as Kish's effective sample size takes it ("Survey Sampling", 1965). In simulations
    this covers the truth about as often as it says, where a bootstrap by unit does so far too rarely.

    Args:
        sent: by claim, whether the log sent it.
        chance: by claim, with which chance the log sent it; 0 or nan where it could not.
        wanted: by claim, with which chance the other decisions send it: 0 or 1 without chance.
        outcome: by claim, what the message brought: 1 for an answer, or an amount. Of claims that were not sent it is
            not read.
        unit: by claim, the number of its contact (or account), from 0 on; None for one each.
        expected: by claim, what is expected of it, by what did not see the unit's own outcomes; None for no doubly
            robust estimate.
        kind: what the outcomes are: ``rate`` (0 or 1), ``amount`` (from 0 on) or ``number``; None for what they look
            like.
        level: the level of confidence of the intervals.

    Raises:
        ModelError: for arrays of different lengths, a chance that is not from 0 to 1, a claim that was sent with chance
            0, an outcome that is no number, or outcomes that are not of their kind.

    Example:
        >>> found = estimate_policy(
        ...     sent=[1, 0, 1, 0], chance=[0.5, 0.5, 0.5, 0.5], wanted=[1, 0, 0, 1], outcome=[1, 0, 0, 0]
        ... )
        >>> found.by("self_normalised").found.mean, found.size, found.log.mean
        (1.0, 1.0, 0.5)
    """
    rows = _Rows.of(sent, chance, wanted, outcome, unit, expected)
    return _Estimating(rows, kind, normal_quantile(level)).found()


@frozen(kw_only=True)
class _Rows:
    sent: NDArray[np.bool_]
    chance: Numbers
    wanted: Numbers
    outcome: Numbers
    unit: Places
    expected: Numbers | None

    @classmethod
    def of(cls, *given: ArrayLike | None) -> _Rows:
        sizes = [np.shape(own) for own in given if own is not None]
        if len(set(sizes)) > 1 or len(sizes[0]) != 1:
            raise ModelError(f"all arrays are lists of one length, found shapes {', '.join(map(str, sizes))}")
        sent, chance, wanted, outcome, unit, expected = given
        is_sent = np.asarray(sent, np.bool_)
        made = cls(
            sent=is_sent,
            chance=np.nan_to_num(np.asarray(chance, np.float64)),
            wanted=np.asarray(wanted, np.float64),
            outcome=np.where(is_sent, np.asarray(outcome, np.float64), 0.0),
            unit=np.arange(len(is_sent)) if unit is None else np.asarray(unit, np.int64),
            expected=None if expected is None else np.asarray(expected, np.float64),
        )
        made.check()
        return made

    def check(self) -> None:
        for name in ("chance", "wanted"):
            own = getattr(self, name)
            bad = own[~((own >= 0) & (own <= 1))]
            if len(bad):
                raise ModelError(f"{name} is from 0 to 1, found {shown(float(bad[0]))}", field=name)
        if (self.sent & (self.chance == 0)).any():
            raise ModelError("a claim that was sent had a chance above 0, found 0", field="chance")
        for name in ("outcome", "expected"):
            own = getattr(self, name)
            if own is not None and not np.isfinite(own).all():
                raise ModelError(f"{name} must be finite numbers", field=name)
        if len(self.unit) and self.unit.min() < 0:
            raise ModelError(f"unit is a number from 0 on, found {self.unit.min()}", field="unit")


class _Estimating:
    """The estimates from rows; the rows that were sent, and the others only where something is expected of them."""

    def __init__(self, rows: _Rows, kind: str | None, reach: float) -> None:
        self._rows, self._reach = rows, reach
        self._units = int(rows.unit.max()) + 1 if len(rows.unit) else 0
        place = np.flatnonzero(rows.sent)
        self._unit, self._outcome = rows.unit[place], rows.outcome[place]
        self._weight = rows.wanted[place] / rows.chance[place]
        self._expected = None if rows.expected is None else rows.expected[place]
        self._kind = _kind_of(self._outcome, rows.expected, kind)

    def found(self) -> PolicyEstimates:
        rows, weight = self._rows, self._weight
        possible = rows.chance > 0
        expected = float(rows.wanted[possible].sum())
        log = self._weighted(np.ones(len(self._unit)), float(len(self._unit)))
        made = [(SELF_NORMALISED, self._weighted(weight, float(rows.wanted.sum())))]
        if rows.expected is not None:
            made.append((DOUBLY_ROBUST, self._robust(rows.expected)))
        found = [PolicyEstimate(method=name, found=own, difference=MeanGap.between(own, log)) for name, own in made]
        off = self._by_unit(self._unit, weight) - self._by_unit(rows.unit[possible], rows.wanted[possible])
        return PolicyEstimates(
            log=log,
            found=tuple(found),
            size=_kish(weight),
            answers=_kish(weight[self._outcome != 0]),
            unsupported=float(rows.wanted.sum()) - expected,
            weight=float(weight.sum()),
            expected=expected,
            weight_error=math.sqrt(float((off * off).sum())),
        )

    def _weighted(self, weight: Numbers, messages: float) -> MeanEstimate:
        """The weighted mean of the outcomes."""
        whole = float(weight.sum())
        if not whole > 0:
            return self._estimate(None, messages, np.zeros(0), np.zeros(self._units))
        mean = float((weight * self._outcome).sum()) / whole
        parts = weight * (self._outcome - mean) / whole
        alone = self._alone(weight, mean, whole)
        return self._estimate(mean, messages, parts, self._by_unit(self._unit, parts), alone, self._size(weight))

    def _robust(self, expected: Numbers) -> MeanEstimate:
        """What is expected, and by how much the log's messages say that it is wrong."""
        rows, messages = self._rows, float(self._rows.wanted.sum())
        # Where the log could send none of the messages, nothing says how wrong it is what is expected of them.
        if not rows.wanted[rows.chance > 0].sum() > 0 or self._expected is None:
            return self._estimate(None, messages, np.zeros(0), np.zeros(self._units))
        wrong = self._weight * (self._outcome - self._expected)
        mean = float((rows.wanted * expected).sum() + wrong.sum()) / messages
        influence = self._by_unit(rows.unit, rows.wanted * (expected - mean) / messages)
        influence += self._by_unit(self._unit, wrong / messages)
        alone = self._alone(self._weight, self._expected, messages)
        # What is added may take a rate out of what rates can be.
        mean = min(max(mean, 0.0), 1.0) if self._kind == RATE else mean
        return self._estimate(mean, messages, wrong / messages, influence, alone, self._size(self._weight))

    def _alone(self, weight: Numbers, centre: Numbers | float, whole: float) -> float:
        """The variance that messages have each by itself, in a weighted sum of outcomes over a whole.

        The squares of a few outcomes with much weight say little of it, and are mostly too small; that all outcomes
        spread alike says more, if less exactly. So it is the mean of both, as if there were so many answers more, of
        which the latter is true.
        """
        total = float(weight.sum())
        if not total > 0:
            return 0.0
        squares = np.square(self._outcome - centre)
        seen = float((weight * weight * squares).sum())
        alike = float((weight * squares).sum()) / total * float((weight * weight).sum())
        answers, more = _kish(weight * np.abs(self._outcome)), _MORE[self._kind]
        return (answers * seen + more * alike) / (answers + more) / whole**2

    def _estimate(
        self,
        mean: float | None,
        messages: float,
        parts: Numbers,
        influence: Numbers,
        alone: float = 0.0,
        size: float = 0.0,
    ) -> MeanEstimate:
        common = max(0.0, float((influence * influence).sum() - (parts * parts).sum()))
        return MeanEstimate.of(
            mean,
            messages=messages,
            error=math.sqrt(alone + common),
            size=size,
            kind=self._kind,
            reach=self._reach,
            influence=influence,
        )

    def _size(self, weight: Numbers) -> float:
        """As many independent messages tell as much, where outcomes do not say what those of a unit have in common."""
        return min(_kish(weight), float(len(np.unique(self._unit[weight > 0]))))

    def _by_unit(self, unit: Places, values: Numbers) -> Numbers:
        return np.bincount(unit, values, self._units).astype(np.float64, copy=False)


def _kish(weight: Numbers) -> float:
    squares = float((weight * weight).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def _kind_of(outcome: Numbers, expected: Numbers | None, kind: str | None) -> str:
    """What outcomes are: the first kind that they may be of; or the one that is given, if they may be of it."""
    may_be = {
        RATE: bool(((outcome == 0) | (outcome == 1)).all())
        and (expected is None or bool(((expected >= 0) & (expected <= 1)).all())),
        AMOUNT: bool((outcome >= 0).all()),
        NUMBER: True,
    }
    if kind is not None and kind not in may_be:
        raise ModelError(f"kind is one of {', '.join(may_be)}, found {shown(kind)}", field="kind")
    if kind is not None and not may_be[kind]:
        raise ModelError(f"outcomes, or what is expected of them, are not of kind {kind!r}", field="kind")
    return kind or next(own for own, fits in may_be.items() if fits)
