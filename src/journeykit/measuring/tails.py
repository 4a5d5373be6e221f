"""Tails of distributions: Student's for any degrees of freedom, and chi-squared."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from journeykit.journey.measure.intervals import normal_quantile, student_quantile

_MANY = 1_000
"""With so many degrees of freedom parts of one make no difference."""
_STEPS, _CLOSE = 60, 1e-12


def student_reach(level: float, degrees: float) -> float:
    """How many standard errors an interval of a level reaches to both sides, by Student's distribution.

    As `student_quantile`, for degrees of freedom that are no whole number, as Welch's are. With the tangent of an angle
    for the variable over the root of the degrees, the density is a power of the cosine, which Gauss and Legendre's
    rule of 64 points adds up.

    Args:
        level: the level of confidence, between 0 and 1.
        degrees: of freedom, 1 or more.

    Raises:
        ModelError: for a level that is not between 0 and 1.

    Example:
        >>> round(student_reach(0.95, 2), 3), round(student_reach(0.95, 2.5), 3)
        (4.303, 3.575)
    """
    if degrees > _MANY:
        return student_quantile(level, round(degrees))
    points, weights = _rule()
    scale = 2 / math.sqrt(math.pi) * math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2))
    # The angle of the normal quantile is too small, and the probability is concave in it: Newton's steps never pass it.
    angle = math.atan(normal_quantile(level) / math.sqrt(degrees))
    for _ in range(_STEPS):
        within = scale * angle / 2 * float(weights @ np.cos(angle / 2 * (points + 1)) ** (degrees - 1))
        step = (level - within) / (scale * math.cos(angle) ** (degrees - 1))
        angle += step
        if step < _CLOSE * angle:
            break
    return math.tan(angle) * math.sqrt(degrees)


@cache
def _rule() -> tuple[np.ndarray, np.ndarray]:
    points, weights = np.polynomial.legendre.leggauss(64)
    return points, weights


def chi_squared_tail(value: float, degrees: int) -> float:
    """The probability that a chi-squared variable is as large as a value, or larger.

    The finite sums of Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.4.4 and 26.4.5.

    Args:
        value: 0 or more.
        degrees: of freedom, a whole number from 1 on.

    Example:
        >>> round(chi_squared_tail(3.841, 1), 4), round(chi_squared_tail(5.991, 2), 4)
        (0.05, 0.05)
    """
    half = value / 2
    # The terms are taken by their logarithms, so that a large value overflows nothing.
    if degrees % 2:
        powers = [power + 0.5 for power in range(degrees // 2)]
        first = math.erfc(math.sqrt(half))
    else:
        powers = [float(power) for power in range(degrees // 2)]
        first = 0.0
    if not half:
        return 1.0
    return first + sum(math.exp(power * math.log(half) - half - math.lgamma(power + 1)) for power in powers)
