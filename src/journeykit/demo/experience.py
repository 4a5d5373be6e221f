"""What a replay has learned by a morning, and how likely a redemption is after that."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIOR_MAILINGS = 20
"""How many mailings the first guess is worth."""
PRIOR_RATE = 0.1
"""The first guess: one mailing in ten is redeemed."""
OWN_PRIOR = 2
"""How many redeemed mailings a household needs, over what all households do, before its own record counts half."""


class Experience:
    """What was granted, and what came back, up to the day before.

    Only the replay's own grants teach it anything: what a mailing that it did not send would have brought is as
    unknown to it as the future. A mailing counts as redeemed from the day after its first redemption on.

    The chance of a redemption is that of the team, times what the household does more or less than others:

    - ``rate = (redeemed + 20 * 0.1) / (granted + 20)`` over everything;
    - ``team = (team's redeemed + 20 * rate) / (team's granted + 20)``;
    - ``own = (household's redeemed + 2) / (household's granted * rate + 2)``;
    - ``chance = min(1, team * own)``.

    Example:
        >>> experience = Experience()
        >>> round(experience.chance("type A", 7), 6)
        0.1
        >>> experience.grant("type A", 7, day=100, redemptions=[103])
        >>> experience.wake(104)
        >>> round(experience.chance("type A", 7), 6)
        0.202988
    """

    def __init__(self) -> None:
        self._granted: Counter[str | int] = Counter()
        self._redeemed: Counter[str | int] = Counter()
        self._coming: list[tuple[int, str, int]] = []

    def grant(self, team: str, household: int, *, day: int, redemptions: Sequence[int]) -> None:
        """Take note of a mailing; its redemptions are looked at only once their days are over.

        Args:
            team: whose it is.
            household: to whom it goes.
            day: when it goes.
            redemptions: the days on which its coupons were redeemed, in order.
        """
        for key in ("", team, household):
            self._granted[key] += 1
        first = next((redeemed for redeemed in redemptions if redeemed >= day), None)
        if first is not None:
            heapq.heappush(self._coming, (first, team, household))

    def wake(self, day: int) -> None:
        """Learn what came back before a day."""
        while self._coming and self._coming[0][0] < day:
            _, team, household = heapq.heappop(self._coming)
            for key in ("", team, household):
                self._redeemed[key] += 1

    def chance(self, team: str, household: int) -> float:
        """How likely a household is to redeem a team's mailing."""
        rate = self._rate("", PRIOR_RATE)
        own = (self._redeemed[household] + OWN_PRIOR) / (self._granted[household] * rate + OWN_PRIOR)
        return min(1.0, self._rate(team, rate) * own)

    def _rate(self, key: str, prior: float) -> float:
        return (self._redeemed[key] + PRIOR_MAILINGS * prior) / (self._granted[key] + PRIOR_MAILINGS)
