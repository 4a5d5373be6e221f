"""How many remain after a time, with an interval, where some times are not over yet and some began unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.basics.clock import DAY
from journeykit.journey.measure.intervals import normal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_TOLERANCE = 1e-9


@frozen(eq=False, kw_only=True)
class SurvivalCurve:
    """The product-limit estimate of how many remain after a time, with an interval at each time.

    Kaplan and Meier, "Nonparametric estimation from incomplete observations", Journal of the American Statistical
    Association 53, 1958. The interval is that of the log of the negative log of the share, with Greenwood's variance
    (Kalbfleisch and Prentice, "The Statistical Analysis of Failure Time Data", 1980), so that it stays within 0 and 1.
    From where nobody remains it reaches from 0 to its last upper end.

    Attributes:
        lengths: the times at which something ended, ascending, in microseconds.
        at_risk: how many were observed at each of these times, just before.
        ended: how many ended then.
        share: the share that lasts longer.
        low: the lower ends of the intervals.
        high: their upper ends.
        count: how many were observed, all together.
        seen_until: the longest time that was observed, in microseconds; 0 of nothing.

    Example:
        >>> curve = SurvivalCurve.of([2, 3, 5], [True, False, True])
        >>> curve.lengths.tolist(), curve.at_risk.tolist(), curve.share.round(3).tolist()
        ([2, 5], [3, 1], [0.667, 0.0])
    """

    lengths: NDArray[np.int64]
    at_risk: NDArray[np.int64]
    ended: NDArray[np.int64]
    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: int
    seen_until: int

    @classmethod
    def of(
        cls, lengths: ArrayLike, ended: ArrayLike, entered: ArrayLike | None = None, level: float = 0.95
    ) -> SurvivalCurve:
        """The curve of times.

        Args:
            lengths: how long each was observed to last, in microseconds.
            ended: whether it ended then; else it went on.
            entered: how long each had lasted when it was first observed; by default all were from the start. One that
                ended before it could be observed is not among them, so that it counts only from then on.
            level: the level of confidence.

        Raises:
            ModelError: for a level that is not between 0 and 1.
        """
        deviate = normal_quantile(level)
        length, over = np.asarray(lengths, np.int64), np.asarray(ended, np.bool_)
        begun = np.full(len(length), -1, np.int64) if entered is None else np.asarray(entered, np.int64)
        seen = length > begun
        length, over, begun = length[seen], over[seen], begun[seen]
        times, ends = np.unique(length[over], return_counts=True)
        at_risk = np.searchsorted(np.sort(begun), times) - np.searchsorted(np.sort(length), times)
        share = np.cumprod(1 - ends / at_risk)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(np.cumsum(ends / (at_risk * (at_risk - ends))))
            logs = np.log(share)
            low, high = (np.exp(-np.exp(np.log(-logs) + sign * deviate * error / -logs)) for sign in (1, -1))
        gone = share == 0
        low[gone] = 0.0
        high[gone] = next(iter(high[~gone][::-1]), 1.0)
        return cls(
            lengths=times,
            at_risk=at_risk,
            ended=ends,
            share=share,
            low=low,
            high=high,
            count=len(length),
            seen_until=int(length.max(initial=0)),
        )

    def after(self, length: int) -> tuple[float, float, float]:
        """The share that lasts longer than a time, and the ends of its interval.

        Args:
            length: the time, in microseconds.
        """
        place = int(np.searchsorted(self.lengths, length, "right")) - 1
        if place < 0:
            return 1.0, 1.0, 1.0
        return float(self.share[place]), float(self.low[place]), float(self.high[place])

    def fewest(self, length: int) -> int:
        """How few were observed when something ended, up to a time; all of them, where nothing did.

        Args:
            length: the time, in microseconds.
        """
        return int(self.at_risk[self.lengths <= length].min(initial=self.count))

    @property
    def median(self) -> int | None:
        """The time after which no more than half remain, in microseconds; None where that is not seen."""
        reached = np.flatnonzero(self.share <= 0.5 + _TOLERANCE)
        return int(self.lengths[reached[0]]) if len(reached) else None

    def to_dict(self) -> dict[str, Any]:
        """The curve as plain data; times are days of 24 hours."""
        return {
            "count": self.count,
            "median_days": None if self.median is None else self.median / DAY,
            "days": (self.lengths / DAY).tolist(),
            **{name: getattr(self, name).tolist() for name in ("at_risk", "ended", "share", "low", "high")},
        }
