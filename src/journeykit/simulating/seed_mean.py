"""The mean over worlds, with its interval."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.journey.measure.intervals import student_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_quantile = lru_cache(maxsize=8)(student_quantile)
"""The same one for all measures and days."""


@frozen
class SeedMean:
    """A mean over worlds.

    The interval is Student's for the mean of independent worlds. It says how sure the mean is, given the scores and
    chances; that these may be wrong is not in it.

    Attributes:
        mean: the mean.
        low: the lower end of the interval; None with one world.
        high: its upper end.

    Example:
        >>> import numpy as np
        >>> found = SeedMean.of(np.array([8.0, 10.0, 12.0]), 0.95)
        >>> found.mean, round(found.low, 6), round(found.high, 6)
        (10.0, 5.031725, 14.968275)
    """

    mean: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, values: NDArray[np.float64], level: float, *, least: float = -math.inf) -> SeedMean:
        """The mean of what worlds have given.

        Args:
            values: by world.
            level: the level of confidence.
            least: less cannot be.
        """
        mean = math.fsum(values.tolist()) / len(values)
        if len(values) == 1:
            return cls(mean)
        spread = math.sqrt(math.fsum(((values - mean) ** 2).tolist()) / (len(values) - 1))
        reach = _quantile(level, len(values) - 1) * spread / math.sqrt(len(values))
        return cls(mean, max(mean - reach, min(least, mean)), mean + reach)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"mean": self.mean, "low": self.low, "high": self.high}
