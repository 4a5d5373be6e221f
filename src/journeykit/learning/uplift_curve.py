"""What messages add, for contacts that nothing was learned from: doubly robust effects, and the uplift curve."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.journey.measure.intervals import student_quantile

_CURVE_POINTS = 20
_FEWEST = 2
"""One contact alone says nothing of an error."""


@frozen(kw_only=True)
class MeanEffect:
    """A mean over rows, with an interval whose unit is the contact.

    Attributes:
        mean: the mean; nan of no rows.
        error: its standard error; nan with fewer than two contacts.
        low: the lower end of the interval; nan likewise.
        high: its upper end.
        rows: how many rows.
        units: of how many contacts they are.

    Example:
        >>> found = MeanEffect.of(np.array([1.0, 0.0, 1.0, 0.0]), np.array([0, 1, 2, 3]))
        >>> f"{found.mean} from {found.low:.2f} to {found.high:.2f}"
        '0.5 from -0.42 to 1.42'
    """

    mean: float
    error: float
    low: float
    high: float
    rows: int
    units: int

    @classmethod
    def of(cls, effect: NDArray[np.float64], unit: NDArray[np.int64], level: float = 0.95) -> MeanEffect:
        """The mean of a value by row, with Student's interval for the sums of contacts.

        Args:
            effect: by row, the value.
            unit: by row, the number of the contact.
            level: the level of confidence.
        """
        rows = len(effect)
        if not rows:
            return cls(mean=math.nan, error=math.nan, low=math.nan, high=math.nan, rows=0, units=0)
        mean = float(effect.mean())
        place = np.unique(unit, return_inverse=True)[1]
        sums = np.bincount(place, effect - mean)
        units = len(sums)
        error, half = math.nan, math.nan
        if units >= _FEWEST:
            error = math.sqrt(float((sums * sums).sum()) * units / (units - 1)) / rows
            half = student_quantile(level, units - 1) * error
        return cls(mean=mean, error=error, low=mean - half, high=mean + half, rows=rows, units=units)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; null for what is not known."""
        found = {name: getattr(self, name) for name in ("mean", "error", "low", "high", "rows", "units")}
        return {name: None if isinstance(own, float) and math.isnan(own) else own for name, own in found.items()}


@frozen(eq=False, kw_only=True)
class RobustOutcomes:
    """By row, what would be expected with a message and without one, corrected by what happened.

    These are the scores of the doubly robust estimator of Robins, Rotnitzky and Zhao ("Estimation of regression
    coefficients when some regressors are not always observed", Journal of the American Statistical Association 89,
    1994): their means are right where either the expectations or the chances are. The chances of a holdout are known.

    Attributes:
        messaged: by row, the score of the outcome with a message.
        held: the score of the outcome without one.

    Example:
        >>> label, treated, half = np.array([1.0, 0.0]), np.array([True, False]), np.array([0.5, 0.5])
        >>> found = RobustOutcomes.of(label, treated, half, messaged=half, held=half)
        >>> found.messaged.tolist(), found.held.tolist()
        ([1.5, 0.5], [0.5, -0.5])
    """

    messaged: NDArray[np.float64]
    held: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        outcome: NDArray[Any],
        treated: NDArray[np.bool_],
        chance: NDArray[np.float64],
        *,
        messaged: NDArray[np.float64],
        held: NDArray[np.float64],
    ) -> RobustOutcomes:
        """The scores.

        Args:
            outcome: by row, what happened: 1 for a response, or what it was worth.
            treated: whether the row's contact could get the message, and was not held out.
            chance: the chance of that, above 0 and below 1.
            messaged: what is expected with a message, learned from other contacts.
            held: what is expected without one, likewise.
        """
        return cls(
            messaged=messaged + np.where(treated, (outcome - messaged) / chance, 0.0),
            held=held + np.where(treated, 0.0, (outcome - held) / (1 - chance)),
        )

    @property
    def effect(self) -> NDArray[np.float64]:
        """By row, the score of what the message adds."""
        return self.messaged - self.held

    def value(self, send: NDArray[np.bool_]) -> NDArray[np.float64]:
        """By row, the score of the outcome where messages go to some rows and to no others."""
        return np.where(send, self.messaged, self.held)


@frozen(eq=False, kw_only=True)
class UpliftCurve:
    """What messages add when they go to the best rows first, as far as a prediction knows them.

    At each share of the rows, the curve is the sum of the effects of the rows with the largest predictions, per row of
    all. Rows with equal predictions go together, in a straight line. The straight line from nothing to all is what
    messages to rows by chance would add; the area between is the Qini coefficient of Radcliffe, "Using control groups
    to target on predicted lift", Direct Marketing Analytics Journal, 2007, here of doubly robust effects.

    Attributes:
        share: the shares at which the curve is given, from 0 to 1.
        gain: the curve there.
        area: the mean height of the curve.
        qini: the area above the straight line. Below 0 it is worse than chance.

    Example:
        >>> effect, guess = np.array([0.0, 2.0, 0.0, 2.0]), np.array([0.1, 0.7, 0.2, 0.6])
        >>> curve = UpliftCurve.of(effect, guess, np.arange(4))
        >>> curve.area.mean, curve.qini.mean, curve.gain[-1]
        (0.75, 0.25, 1.0)
    """

    share: tuple[float, ...]
    gain: tuple[float, ...]
    area: MeanEffect
    qini: MeanEffect

    @classmethod
    def of(
        cls, effect: NDArray[np.float64], guess: NDArray[np.float64], unit: NDArray[np.int64], level: float = 0.95
    ) -> UpliftCurve:
        """The curve.

        Args:
            effect: by row, the doubly robust score of the effect (`RobustOutcomes`), or another one without bias.
            guess: by row, the prediction, learned from other contacts.
            unit: by row, the number of the contact.
            level: the level of confidence.
        """
        behind = rows_behind(guess)
        order = np.argsort(-guess, kind="stable")
        # Between rows of equal predictions the curve is straight, as if each had the mean effect of them all.
        place = np.unique(guess, return_inverse=True)[1]
        alike = np.bincount(place, effect) / np.bincount(place) if len(effect) else effect
        curve = np.append(0.0, np.cumsum(alike[place][order])) / max(len(effect), 1)
        share = np.linspace(0, 1, _CURVE_POINTS + 1)
        gain = np.interp(share, np.linspace(0, 1, len(curve)), curve) if len(effect) else np.full(len(share), math.nan)
        return cls(
            share=tuple(share.tolist()),
            gain=tuple(gain.tolist()),
            area=MeanEffect.of(effect * behind, unit, level),
            qini=MeanEffect.of(effect * (behind - 0.5), unit, level),
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "share": list(self.share),
            "gain": [None if math.isnan(own) else own for own in self.gain],
            "area": self.area.to_dict(),
            "qini": self.qini.to_dict(),
        }


def rows_behind(guess: NDArray[np.float64]) -> NDArray[np.float64]:
    """By row, the share of rows with smaller predictions; rows with the same one count half.

    A row's effect is below the curve from its own place on: so the area under the curve is the mean of the effects,
    each times this share, and has the error of a mean.

    Example:
        >>> rows_behind(np.array([0.1, 0.7, 0.1, 0.6])).tolist()
        [0.25, 0.875, 0.25, 0.625]
    """
    place, count = np.unique(guess, return_inverse=True, return_counts=True)[1:]
    middle = np.cumsum(count) - count / 2
    found: NDArray[np.float64] = middle[place] / max(len(guess), 1)
    return found
