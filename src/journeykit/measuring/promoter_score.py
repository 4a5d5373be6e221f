"""The net promoter score of those who answered a survey, with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.journey.measure.intervals import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Iterable

LOWEST, HIGHEST = 0, 10
"""The answers to how likely somebody is to recommend us."""
PROMOTER, PASSIVE = 9, 7
"""The lowest answers of promoters and of passives."""
_ADDED_ENDS, _ADDED = 0.75, 3
FEW_ANSWERS = 30
"""With fewer answers a score is said to be small."""


@frozen(kw_only=True)
class PromoterScore:
    """The net promoter score: the percentage of promoters (9 and 10) less that of detractors (0 to 6).

    The interval is the adjusted Wald interval AW(3, T), which Rocks found best, with few answers too ("Interval
    estimation for the Net Promoter Score", The American Statistician 70, 2016): three quarters of an answer are added
    to the promoters, as much to the detractors, and one and a half to the passives; then the mean of 1, 0 and -1 has
    its normal interval. It never leaves -100 to 100, and always has the score in it.

    Attributes:
        promoters: how many answered 9 or 10.
        passives: how many answered 7 or 8.
        detractors: how many answered 0 to 6.
        low: the lower end of the interval; None without answers.
        high: its upper end.

    Example:
        >>> found = PromoterScore.of([10, 9, 9, 8, 7, 3])
        >>> f"{found.score:.1f} from {found.low:.1f} to {found.high:.1f}, of {found.answers}"
        '33.3 from -26.7 to 71.2, of 6'
    """

    promoters: int
    passives: int
    detractors: int
    low: float | None
    high: float | None

    @classmethod
    def of(cls, answers: Iterable[float], level: float = 0.95) -> PromoterScore:
        """The score of answers from 0 to 10.

        Args:
            answers: one for each contact; what lies between two whole numbers belongs to the lower one.
            level: the level of confidence.

        Raises:
            ModelError: for a level that is not between 0 and 1.
        """
        whole = [math.floor(own) for own in answers]
        promoters = sum(own >= PROMOTER for own in whole)
        passives = sum(PASSIVE <= own < PROMOTER for own in whole)
        return cls.counted(promoters, passives, len(whole) - promoters - passives, level)

    @classmethod
    def counted(cls, promoters: int, passives: int, detractors: int, level: float = 0.95) -> PromoterScore:
        """The score of so many promoters, passives and detractors.

        Raises:
            ModelError: for a level that is not between 0 and 1.
        """
        deviate = normal_quantile(level)
        counts = {"promoters": promoters, "passives": passives, "detractors": detractors}
        answers = promoters + passives + detractors
        if not answers:
            return cls(**counts, low=None, high=None)
        number = answers + _ADDED
        up, down = (promoters + _ADDED_ENDS) / number, (detractors + _ADDED_ENDS) / number
        half = deviate * math.sqrt((up + down - (up - down) ** 2) / number)
        score = 100 * (promoters - detractors) / answers  # to the last bit the property's own
        low, high = 100 * (up - down - half), 100 * (up - down + half)
        return cls(**counts, low=max(-100.0, min(low, score)), high=min(100.0, max(high, score)))

    @property
    def answers(self) -> int:
        """How many answered."""
        return self.promoters + self.passives + self.detractors

    @property
    def score(self) -> float | None:
        """From -100 to 100; None without answers."""
        return 100 * (self.promoters - self.detractors) / self.answers if self.answers else None

    @property
    def is_small(self) -> bool:
        """Whether it rests on few answers."""
        return self.answers < FEW_ANSWERS

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = ("answers", "promoters", "passives", "detractors", "score", "low", "high", "is_small")
        return {name: getattr(self, name) for name in names}
