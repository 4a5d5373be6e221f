"""Means per message with intervals that hold where few messages weigh much, and differences of two of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from journeykit.measuring.differences import wilson

Numbers = NDArray[np.float64]
Ends = tuple[float, float] | None

RATE, AMOUNT, NUMBER = "rate", "amount", "number"
"""What a mean is of: outcomes of 0 or 1; outcomes from 0 on; any numbers."""


@frozen(eq=False, kw_only=True)
class MeanEstimate:
    """A mean per message, and what it comes to over all messages.

    Attributes:
        kind: what it is of: ``rate``, ``amount`` or ``number``.
        messages: how many messages it is over; expected ones need not be whole.
        mean: the mean; None where no message says anything of it.
        error: its standard error.
        ends: the ends of its interval; None where nothing is known of its error.
        influence: by unit, how far the mean moves with it.

    Example:
        >>> told = {"messages": 50, "kind": "rate", "reach": 1.96, "influence": np.zeros(0)}
        >>> found = MeanEstimate.of(0.2, error=0.04, size=100, **told)
        >>> round(found.total, 2), [round(end, 3) for end in found.ends]
        (10.0, [0.133, 0.289])
    """

    kind: str
    messages: float
    mean: float | None
    error: float
    ends: Ends
    influence: Numbers = field(repr=False)

    @classmethod
    def of(
        cls,
        mean: float | None,
        *,
        messages: float,
        error: float,
        size: float,
        kind: str,
        reach: float,
        influence: Numbers,
    ) -> MeanEstimate:
        """A mean with its interval.

        Of a rate it is Wilson's, at as many independent messages as would have this error. Of amounts it is that of a
        gamma distribution with this mean and error, by Wilson and Hilferty, "The distribution of chi-square", PNAS 17,
        1931; of other numbers, and of a mean that is not above 0, the normal one.

        Args:
            mean: the mean.
            messages: how many messages it is over.
            error: its standard error; 0 where the outcomes do not spread.
            size: as many independent messages tell as much of a rate that none or all of them have.
            kind: what it is of.
            reach: how many standard errors the interval reaches to both sides.
            influence: by unit, how far the mean moves with it.
        """
        # Where no message says how far the mean may be wrong, it has no interval.
        ends = None if mean is None or not size > 0 else _ends(mean, error, size, kind, reach)
        return cls(kind=kind, messages=messages, mean=mean, error=error, ends=ends, influence=influence)

    @property
    def total(self) -> float | None:
        """The mean times the messages."""
        return None if self.mean is None else self.mean * self.messages

    @property
    def total_ends(self) -> Ends:
        """The interval of the total: how many messages there are is known."""
        return times(self.ends, self.messages)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = ("messages", "mean", "ends", "total", "total_ends")
        return {name: getattr(self, name) for name in names}


@frozen(kw_only=True)
class MeanGap:
    """The difference of two means, and of what they come to.

    The interval joins those of both means (Zou and Donner, "Construction of confidence limits about effect measures: a
    general approach", Statistics in Medicine 27, 2008), with their correlation: the same contacts are behind both.

    Attributes:
        mean: the difference per message; None where one mean is not known.
        ends: its interval.
        total: the difference over all messages.
        total_ends: its interval.
    """

    mean: float | None
    ends: Ends
    total: float | None
    total_ends: Ends

    @classmethod
    def between(cls, one: MeanEstimate, other: MeanEstimate) -> MeanGap:
        """One mean less another, over the same units."""
        if one.mean is None or other.mean is None or one.total is None or other.total is None:
            return cls(mean=None, ends=None, total=None, total_ends=None)
        alike = _correlation(one.influence, other.influence)
        return cls(
            mean=one.mean - other.mean,
            ends=_joined(one.mean, one.ends, other.mean, other.ends, alike),
            total=one.total - other.total,
            total_ends=_joined(one.total, one.total_ends, other.total, other.total_ends, alike),
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: getattr(self, name) for name in ("mean", "ends", "total", "total_ends")}


def times(ends: Ends, number: float) -> Ends:
    """The ends of an interval of a multiple."""
    return None if ends is None else (ends[0] * number, ends[1] * number)


def _ends(mean: float, error: float, size: float, kind: str, reach: float) -> Ends:
    if kind == RATE:
        spread = mean * (1 - mean)
        return wilson(mean, spread / error**2 if spread > 0 and error > 0 else size, reach)
    if not error > 0:
        return None
    if kind == AMOUNT and mean > 0:
        shape = (mean / error) ** 2
        low, high = (1 - 1 / (9 * shape) + side * reach / (3 * math.sqrt(shape)) for side in (-1, 1))
        return min(mean, mean * max(low, 0.0) ** 3), max(mean, mean * high**3)
    return mean - reach * error, mean + reach * error


def _correlation(one: Numbers, other: Numbers) -> float:
    square = float((one * one).sum() * (other * other).sum())
    return 0.0 if not square > 0 else max(-1.0, min(1.0, float((one * other).sum()) / math.sqrt(square)))


def _joined(one: float, ends: Ends, other: float, its_ends: Ends, alike: float) -> Ends:
    if ends is None or its_ends is None:
        return None

    def reach(own: float, its: float) -> float:
        return math.sqrt(max(0.0, own * own - 2 * alike * own * its + its * its))

    gap = one - other
    return gap - reach(one - ends[0], its_ends[1] - other), gap + reach(ends[1] - one, other - its_ends[0])
