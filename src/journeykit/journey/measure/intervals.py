"""Shares with intervals, and times of which some are not over yet."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.validation import is_number, shown
from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MANY = 1_000
"""With so many degrees of freedom Student's distribution is almost the normal one."""
QUARTERS = (0.25, 0.5, 0.75)
# Products of many factors miss a half by their last digits; so R's survfit looks for quantiles with a tolerance too.
_TOLERANCE = 1e-9


def normal_quantile(level: float) -> float:
    """How many standard errors an interval of a level reaches to both sides.

    Raises:
        ModelError: for a level that is not between 0 and 1.

    Example:
        >>> round(normal_quantile(0.95), 3)
        1.96
    """
    if not is_number(level) or not 0 < level < 1:
        raise ModelError(f"level must be a number between 0 and 1, ends excluded, found {shown(level)}", field="level")
    from statistics import NormalDist

    return NormalDist().inv_cdf(0.5 + level / 2)


def student_quantile(level: float, degrees: int) -> float:
    """How many standard errors an interval of a level for a mean reaches to both sides, by Student's distribution.

    The probabilities are the finite sums of Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 and
    26.7.4; for very many degrees of freedom the first term of 26.7.5.

    Args:
        level: the level of confidence.
        degrees: of freedom: one less than there are values.

    Raises:
        ModelError: for a level that is not between 0 and 1.

    Example:
        >>> [round(student_quantile(0.95, degrees), 3) for degrees in (1, 2, 10, 30)]
        [12.706, 4.303, 2.228, 2.042]
    """
    deviate = normal_quantile(level)
    if degrees > _MANY:
        return deviate + (deviate**3 + deviate) / (4 * degrees)
    # The angle whose tangent is the quantile over the root of the degrees lies between none and a right one.
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < level else (low, middle)
    return math.tan(low) * math.sqrt(degrees)


def _within(angle: float, degrees: int) -> float:
    """The probability that Student's variable lies within plus and minus the tangent of an angle, scaled."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term, total = (cosine, cosine) if odd else (1.0, 1.0)
    for power in range(2 + odd, degrees - 1, 2):
        term *= cosine * cosine * (power - 1) / power
        total += term
    if odd:
        return 2 / math.pi * (angle + (sine * total if degrees > 1 else 0.0))
    return sine * total


@frozen
class Share:
    """So many of so many, with an interval for the probability behind it.

    The interval is Wilson's score interval ("Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 1927), which is good for small numbers too, and for none or all
    of them.

    Attributes:
        part: how many.
        whole: of how many.
        low: the lower end of the interval; None of nothing.
        high: its upper end.

    Example:
        >>> share = Share.of(15, 148)
        >>> f"{share.rate:.4f} from {share.low:.4f} to {share.high:.4f}"
        '0.1014 from 0.0624 to 0.1605'
    """

    part: int
    whole: int
    low: float | None
    high: float | None

    @classmethod
    def of(cls, part: int, whole: int, level: float = 0.95) -> Share:
        """A share, with the interval of a level of confidence.

        Raises:
            ModelError: for a level that is not between 0 and 1.
        """
        deviate = normal_quantile(level)
        if not whole:
            return cls(part, whole, None, None)
        rate, square = part / whole, deviate * deviate / whole
        middle = (rate + square / 2) / (1 + square)
        half = math.sqrt(rate * (1 - rate) * square + square * square / 4) / (1 + square)
        # At none and at all the ends are the rate itself, but for the last digit.
        return cls(part, whole, max(0.0, min(middle - half, rate)), min(1.0, max(middle + half, rate)))

    @property
    def rate(self) -> float | None:
        """The share; None of nothing."""
        return self.part / self.whole if self.whole else None

    def to_dict(self) -> dict[str, Any]:
        """The share as plain data."""
        return {"part": self.part, "whole": self.whole, "rate": self.rate, "low": self.low, "high": self.high}


def remaining(ended: Iterable[int], going: Iterable[int]) -> Iterator[tuple[int, float]]:
    """The product-limit estimate of how many remain after a time, where some times are not over yet.

    Kaplan and Meier, "Nonparametric estimation from incomplete observations", Journal of the American Statistical
    Association 53, 1958. Who is last seen at a time at which others end counts as one who could have ended then.

    Args:
        ended: the lengths of what is over.
        going: the lengths, so far, of what still goes on.

    Yields:
        Each length at which something ended, and the share that lasts longer.

    Example:
        >>> [(length, round(share, 3)) for length, share in remaining([2, 5], [3])]
        [(2, 0.667), (5, 0.0)]
    """
    over, open_ = sorted(ended), sorted(going)
    total, share, done, seen = len(over) + len(open_), 1.0, 0, 0
    while done < len(over):
        length = over[done]
        after = bisect_right(over, length, done)
        seen = bisect_left(open_, length, seen)
        share *= 1 - (after - done) / (total - done - seen)
        done = after
        yield length, share


def times_by(ended: Iterable[int], going: Iterable[int], parts: Sequence[float] = QUARTERS) -> tuple[int | None, ...]:
    """The times by which parts have ended, by `remaining`: each the first at which no more than the rest remains.

    Args:
        ended: the lengths of what is over.
        going: the lengths, so far, of what still goes on.
        parts: which, in ascending order.

    Returns:
        One for each part; None where so many have not been seen to end.

    Example:
        >>> times_by([2, 5], [3])
        (2, 5, 5)
        >>> times_by([2], [3, 3, 3])
        (2, None, None)
    """
    over, open_ = sorted(ended), sorted(going)
    found: list[int | None] = []
    share, done, seen = 1.0, 0, 0
    while done < len(over) and len(found) < len(parts):
        # Up to the next length of one that goes on nobody drops out, and the factors of the product telescope.
        seen = bisect_left(open_, over[done], seen)
        after = bisect_right(over, open_[seen], done) if seen < len(open_) else len(over)
        at_risk = len(over) + len(open_) - done - seen
        rest = share * (at_risk - (after - done)) / at_risk
        while len(found) < len(parts) and rest <= (wanted := 1 - parts[len(found)] + _TOLERANCE):
            found.append(over[done + max(math.ceil(at_risk * (1 - wanted / share)), 1) - 1])
        share, done = rest, after
    return (*found, *[None] * (len(parts) - len(found)))


def quantiles(values: Iterable[int], parts: Sequence[float] = QUARTERS) -> tuple[int | None, ...]:
    """The smallest values that at least a part of them does not exceed; None of no values.

    Example:
        >>> quantiles([4, 1, 3, 2])
        (1, 2, 3)
    """
    ordered = sorted(values)
    return tuple(ordered[max(math.ceil(len(ordered) * part) - 1, 0)] if ordered else None for part in parts)
