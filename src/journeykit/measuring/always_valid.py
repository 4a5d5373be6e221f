"""Intervals that hold at every look: how many standard errors they reach to both sides."""

from __future__ import annotations

import math
from functools import cache

from journeykit.basics.validation import is_number, shown
from journeykit.errors import ModelError
from journeykit.journey.measure.intervals import normal_quantile

FEWEST = 20
"""With fewer responses in an arm there is no such interval: normal tails that far out need more."""


def look_multiplier(progress: float, level: float = 0.95) -> float:
    """How many standard errors an always-valid interval reaches to both sides.

    An interval for one look, such as 1.96 standard errors, misses the truth sooner or later when somebody looks every
    day. This one covers the truth at all looks together, with the probability of the level, however often somebody
    looks and whenever they stop. It is the asymptotic confidence sequence with a normal mixture of Waudby-Smith,
    Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (Annals
    of Statistics, 2024). There a sum with the variance V strays less than ``sqrt((V r + 1) / r log((V r + 1) /
    alpha^2))``, with ``r`` their ``rho^2``; so it reaches ``sqrt((x + 1) / x log((x + 1) / alpha^2))`` standard errors,
    with ``x = V r``. It is narrowest where ``x - log(x + 1) = -2 log(alpha)`` (their closed form for rho is an
    approximation of this), and there reaches ``sqrt(x + 1)``. ``r`` puts that place at the horizon.

    The variance grows with the responses. Here it is taken to grow evenly with time, so that ``x`` is a number of the
    calendar alone and depends on nothing that the messages did. Where responses come early and then fade, looks
    resemble each other more than is assumed, and the interval is wider than it need be. Where they come ever faster, it
    is narrower; looking once a day that is too little to matter: see the page on looking early. That a contact who
    responded once responds again makes looks resemble each other more, too.

    Args:
        progress: the part of the horizon that is over, above 0: 0.5 after 30 of 60 days; 1 and more from its end on.
        level: the level of confidence.

    Raises:
        ModelError: for a progress that is not above 0, or a level that is not between 0 and 1.

    Example:
        >>> [round(look_multiplier(day / 60), 2) for day in (1, 10, 30, 60, 120)]
        [7.13, 3.44, 3.08, 3.04, 3.06]
    """
    if not is_number(progress) or not 0 < progress < math.inf:
        raise ModelError(f"progress must be a number above 0, found {shown(progress)}", field="progress")
    normal_quantile(level)  # refuses a level that cannot be
    scale = _narrowest(1 - level) * progress
    return math.sqrt((scale + 1) / scale * (math.log1p(scale) - 2 * math.log(1 - level)))


@cache
def _narrowest(alpha: float) -> float:
    """The x at which the interval is narrowest, by Newton's method from above."""
    doubt = -2 * math.log(alpha)
    x = 2 * doubt + 2
    for _ in range(60):
        x -= (x - math.log1p(x) - doubt) * (1 + x) / x
    return x
