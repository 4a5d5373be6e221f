"""Differences between arms, with an interval for one look and one that holds at every look."""

from __future__ import annotations

import math
from typing import Any

from attrs import frozen

from journeykit.journey.measure.intervals import normal_quantile
from journeykit.measuring.always_valid import FEWEST, look_multiplier
from journeykit.measuring.arm_outcomes import ArmOutcomes
from journeykit.measuring.tails import student_reach

Ends = tuple[float, float] | None


@frozen(kw_only=True)
class Difference:
    """The outcome per contact of an arm less that of another, over all contacts assigned, messaged or not.

    Attributes:
        arm: the outcomes of the arm.
        against: those of the arm that it is compared with.
        level: the level of confidence of both intervals.
        difference: mean less mean; None where an arm has no contact.
        fixed: the ends of the interval for one look, at the end of the horizon. Of rates, where every outcome is 0 or
            1, Newcombe's hybrid of two score intervals ("Interval estimation for the difference between independent
            proportions", Statistics in Medicine 17, 1998, method 10); of other outcomes Welch's ("The generalization
            of Student's problem when several different population variances are involved", Biometrika 34, 1947). None
            where the outcomes of an arm say nothing of their error.
        always: the ends of the interval that holds at every look: more standard errors to both sides
            (`look_multiplier`). With the arms' means as what is expected of each contact, the mean of the outcomes
            weighted by one over the arm's share is the difference of the means, and its variance the sum of theirs. Of
            rates the hybrid again. Of other outcomes the standard error is Welch's, or that of outcomes which spread
            alike in both arms where it is larger: an arm of few contacts that happens to lack the large amounts has too
            small a mean and too small an error at once. None with fewer than 20 responding contacts in an arm, or where
            no horizon is given.

    Example:
        >>> from journeykit.measuring import ArmOutcomes
        >>> mens, none = ArmOutcomes.counted("mens", 21_307, 3_894), ArmOutcomes.counted("none", 21_306, 2_262)
        >>> found = Difference.between(mens, none, progress=1)
        >>> print(f"{found.difference:.4f}, {found.fixed[0]:.4f} to {found.fixed[1]:.4f}")
        0.0766, 0.0700 to 0.0832
        >>> print(f"{found.always[0]:.4f} to {found.always[1]:.4f}, in all {found.worth:,.0f} visits")
        0.0663 to 0.0869, in all 1,632 visits
    """

    arm: ArmOutcomes
    against: ArmOutcomes
    level: float
    difference: float | None
    fixed: Ends
    always: Ends

    @classmethod
    def between(
        cls, arm: ArmOutcomes, against: ArmOutcomes, *, progress: float | None = None, level: float = 0.95
    ) -> Difference:
        """The difference between two arms.

        Args:
            arm: the outcomes of the arm.
            against: those of the arm that it is compared with.
            progress: the part of the horizon that is over: 0.5 after 30 of 60 days. Without it there is no interval
                that holds at every look.
            level: the level of confidence.

        Raises:
            ModelError: for a level that is not between 0 and 1, or a progress that is not above 0.
        """
        reach = normal_quantile(level)
        often = None if progress is None else look_multiplier(progress, level)
        difference, fixed, always = None, None, None
        if arm.mean is not None and against.mean is not None:
            difference = arm.mean - against.mean
            is_rate, degrees = arm.is_rate and against.is_rate, _welch_degrees(arm, against)
            if is_rate:
                fixed = _hybrid(arm, against, reach)
            elif degrees is not None:
                fixed = _around(difference, student_reach(level, degrees) * _welch_error(arm, against))
            if often is not None and min(arm.responding, against.responding) >= FEWEST:
                if is_rate:
                    always = _hybrid(arm, against, often)
                elif degrees is not None:
                    error = max(_welch_error(arm, against), _pooled_error(arm, against))
                    always = _around(difference, often * error)
        return cls(arm=arm, against=against, level=level, difference=difference, fixed=fixed, always=always)

    @property
    def worth(self) -> float | None:
        """What the difference comes to in all: times the contacts of the arm."""
        return None if self.difference is None else self.difference * self.arm.contacts

    @property
    def worth_fixed(self) -> Ends:
        """The interval of the worth for one look."""
        return _times(self.fixed, self.arm.contacts)

    @property
    def worth_always(self) -> Ends:
        """The interval of the worth that holds at every look."""
        return _times(self.always, self.arm.contacts)

    @property
    def is_found(self) -> bool:
        """Whether the interval that holds at every look leaves out 0: chance alone hardly gives that."""
        return self.always is not None and not self.always[0] <= 0 <= self.always[1]

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain data."""
        return {
            "arm": self.arm.name,
            "against": self.against.name,
            "level": self.level,
            "difference": self.difference,
            "fixed": self.fixed,
            "always": self.always,
            "found": self.is_found,
            "worth": self.worth,
            "worth_fixed": self.worth_fixed,
            "worth_always": self.worth_always,
        }


def wilson(rate: float, size: float, reach: float) -> tuple[float, float]:
    """Wilson's score interval of a rate, at so many standard errors; `Share` says where it is from.

    Example:
        >>> low, high = wilson(15 / 148, 148, 1.96)
        >>> round(low, 4), round(high, 4)
        (0.0624, 0.1605)
    """
    square = reach * reach / size
    middle = (rate + square / 2) / (1 + square)
    half = math.sqrt(rate * (1 - rate) * square + square * square / 4) / (1 + square)
    return max(0.0, min(middle - half, rate)), min(1.0, max(middle + half, rate))


def _hybrid(arm: ArmOutcomes, against: ArmOutcomes, reach: float) -> Ends:
    one, other = arm.mean, against.mean
    if one is None or other is None:
        return None
    one_low, one_high = wilson(one, arm.size, reach)
    other_low, other_high = wilson(other, against.size, reach)
    low = one - other - math.hypot(one - one_low, other_high - other)
    high = one - other + math.hypot(one_high - one, other - other_low)
    # At a difference of 1 the end is the difference itself, but for the last digit.
    return max(low, -1.0), min(high, 1.0)


def _welch_degrees(arm: ArmOutcomes, against: ArmOutcomes) -> float | None:
    """Welch's degrees of freedom; None where an arm has no error, or one of 0 that a single outcome more may end."""
    if not arm.error or not against.error:
        return None
    one, other = arm.error**2, against.error**2
    return (one + other) ** 2 / (one * one / (arm.units - 1) + other * other / (against.units - 1))


def _welch_error(arm: ArmOutcomes, against: ArmOutcomes) -> float:
    return math.hypot(arm.error or 0, against.error or 0)


def _pooled_error(arm: ArmOutcomes, against: ArmOutcomes) -> float:
    """The standard error of the difference where outcomes spread in both arms as they do in both together."""
    spread = sum((own.error or 0) ** 2 * own.contacts**2 for own in (arm, against))
    return math.sqrt(spread / (arm.contacts * against.contacts))


def _around(middle: float, half: float) -> Ends:
    return middle - half, middle + half


def _times(ends: Ends, contacts: int) -> Ends:
    return None if ends is None else (ends[0] * contacts, ends[1] * contacts)
