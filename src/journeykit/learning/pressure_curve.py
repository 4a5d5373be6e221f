"""What one more message risks, by how many the contact had in the days before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from journeykit.journey.measure.funnel_report import ReportTable
from journeykit.journey.measure.intervals import Share, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from journeykit.learning.examples import Examples

WEEK = "touches_7d"
"""The feature that counts the messages of a week."""
_SINGLE = 10
"""Up to so many messages before are told apart; more are one step."""


@frozen(kw_only=True)
class PressureStep:
    """Messages before which their contacts had equally many others.

    Attributes:
        before: how many others; of the last step at least so many.
        is_last: whether it is the last step, of all that are more.
        seen: how many messages there were, and how many were answered by an opt-out, with Wilson's interval.
        chance: the learned chance of an opt-out, on the mean of these messages.
        low: the lower end of its interval.
        high: the upper end.
    """

    before: int
    is_last: bool
    seen: Share
    chance: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "before": self.before,
            "is_last": self.is_last,
            "messages": self.seen.whole,
            "opt_outs": self.seen.part,
            "rate": self.seen.rate,
            "rate_low": self.seen.low,
            "rate_high": self.seen.high,
            "chance": self.chance,
            "low": self.low,
            "high": self.high,
        }


@frozen(kw_only=True)
class PressureCurve:
    """The chance that an opt-out follows a message, as a function of pressure: what was seen, and what is learned.

    Attributes:
        feature: what is counted: messages in the 7 days before, say.
        steps: by how many there were.
    """

    feature: str
    steps: tuple[PressureStep, ...]

    @classmethod
    def of(
        cls,
        examples: Examples,
        chance: NDArray[np.float64],
        spread: NDArray[np.float64],
        *,
        feature: str = WEEK,
        level: float = 0.95,
    ) -> PressureCurve:
        """The curve over messages that a model has learned from.

        Args:
            examples: the messages.
            chance: by message, the learned chance of an opt-out.
            spread: by message, the spread of that chance.
            feature: a feature that counts messages before.
            level: the level of confidence.
        """
        before = examples.matrix.column(feature)
        reach = normal_quantile(level)
        steps = []
        for count in range(_SINGLE + 1):
            is_last = count == _SINGLE
            rows = np.flatnonzero(before >= count if is_last else before == count)
            if not len(rows):
                continue
            # Errors of chances for like messages go together: their mean has the mean of them.
            mean, half = float(chance[rows].mean()), reach * float(spread[rows].mean())
            seen = Share.of(int(examples.label[rows].sum()), len(rows), level)
            low, high = max(mean - half, 0.0), min(mean + half, 1.0)
            steps.append(PressureStep(before=count, is_last=is_last, seen=seen, chance=mean, low=low, high=high))
        return cls(feature=feature, steps=tuple(steps))

    def tables(self) -> Iterator[ReportTable]:
        """The curve as a table for people."""
        days = self.feature.removeprefix("touches_").removesuffix("d")
        when = f"in the {days} days before" if days.isdigit() else "before"
        yield ReportTable(
            f"Opt-outs after a message, by how many others the contact had {when}",
            ("others", "messages", "opt-outs", "rate", "from", "to", "learned", "from", "to"),
            [_cells(own) for own in self.steps],
            1,
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"feature": self.feature, "steps": [own.to_dict() for own in self.steps]}


def _cells(own: PressureStep) -> tuple[str, ...]:
    ends = (own.seen.rate, own.seen.low, own.seen.high, own.chance, own.low, own.high)
    told = ("" if value is None else f"{100 * value:.2f} %" for value in ends)
    return (f"{own.before}{' or more' if own.is_last else ''}", f"{own.seen.whole:,}", f"{own.seen.part:,}", *told)
