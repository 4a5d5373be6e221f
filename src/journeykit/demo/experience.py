"""What a replay has learned by a morning, and how likely a redemption is after that."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HORIZON = 28
"""After how many days it is settled whether a mailing was redeemed in time."""
DIGITS = 3
"""Losses are given with so many: versions of scikit-learn differ in later ones."""
PRIOR_MAILINGS = 20
"""How many mailings the first guess is worth."""
PRIOR_RATE = 0.1
"""The first guess: one mailing in ten is redeemed."""
OWN_PRIOR = 2
"""How many redemptions must be expected of a household before its own record counts for half."""


class Experience:
    """How the mailings went that were granted at least four weeks ago.

    Only the replay's own grants teach it: the result of a mailing that the replay did not send is as unknown as the
    future. A mailing counts from the 28th day on, as redeemed if it was by then: a younger one may still be redeemed,
    and would make every new campaign look bad.

    The chance of a redemption is that of the team, times what the household does more or less than others:

    - ``rate = (redeemed + 20 * 0.1) / (granted + 20)`` over everything;
    - ``team = (team's redeemed + 20 * rate) / (team's granted + 20)``;
    - ``own = (household's redeemed + 2) / (household's granted * rate + 2)``;
    - ``chance = min(1, team * own)``.

    Example:
        >>> experience = Experience()
        >>> experience.chance("type A", 7)
        0.1
        >>> experience.grant("type A", 7, day=100, redemptions=[103])
        >>> experience.wake(127)
        >>> experience.chance("type A", 7)
        0.1
        >>> experience.wake(128)
        >>> round(experience.chance("type A", 7), 6)
        0.257143

    """

    def __init__(self) -> None:
        self._granted: Counter[str | int] = Counter()
        self._redeemed: Counter[str | int] = Counter()
        self._open: deque[tuple[int, str, int, bool]] = deque()

    def grant(self, team: str, household: int, *, day: int, redemptions: Sequence[int]) -> None:
        """Note a mailing, on the same day as the one before it or later.

        Args:
            team: the team that sends it.
            household: the household that gets it.
            day: the day on which it goes out.
            redemptions: the days on which its coupons were redeemed; they are learned four weeks later.
        """
        redeemed = any(day <= on < day + HORIZON for on in redemptions)
        self._open.append((day + HORIZON, team, household, redeemed))

    def wake(self, day: int) -> None:
        """Learn, on the morning of a day, how the mailings went that are now four weeks old."""
        while self._open and self._open[0][0] <= day:
            _, team, household, redeemed = self._open.popleft()
            for key in ("", team, household):
                self._granted[key] += 1
                self._redeemed[key] += redeemed

    def chance(self, team: str, household: int) -> float:
        """How likely a household is to redeem a team's mailing within four weeks."""
        rate = self._rate("", PRIOR_RATE)
        own = (self._redeemed[household] + OWN_PRIOR) / (self._granted[household] * rate + OWN_PRIOR)
        return min(1.0, self._rate(team, rate) * own)

    def _rate(self, key: str, prior: float) -> float:
        return (self._redeemed[key] + PRIOR_MAILINGS * prior) / (self._granted[key] + PRIOR_MAILINGS)
