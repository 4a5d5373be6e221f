"""What one playbook or table decided, counted while the contacts pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.validation import MILLIONTH
from journeykit.comparing.decided_rows import GRANTED, OUTCOMES, REASONS, STATES
from journeykit.model.outcome import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeykit.comparing.decided_rows import DecidedRows

_COMPETED = frozenset(
    {
        Reason.GRANTED,
        Reason.NOT_WORTH_IT,
        Reason.RESTING,
        Reason.CAPPED,
        Reason.CONFLICT,
        Reason.REQUIRES,
        Reason.QUOTA_FULL,
        Reason.OUTBID,
    }
)
"""The reasons of claims that pass all checks of eligibility."""
COUNTS = ("claims", "granted", "deferred", "value")
"""What is counted of each contact; the value in millionths."""
ELIGIBLE = "eligible"
"""What is counted besides where groups are compared: the claims that could be granted."""
_IS_ELIGIBLE = np.repeat([own in _COMPETED for own in REASONS], len(OUTCOMES))


class SideTally:
    """What one side decided: by claim, and by contact.

    Args:
        counts_eligible: whether the claims that could be granted are counted too.

    Attributes:
        states: by number of a claim and state, how many.
        value: by number of a claim, the weights of those that were granted, in millionths.
    """

    def __init__(self, *, counts_eligible: bool = False) -> None:
        self._names = (*COUNTS, ELIGIBLE) if counts_eligible else COUNTS
        self.states = np.zeros((0, STATES), np.int64)
        self.value = np.zeros(0, np.int64)
        self._contacts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in self._names}
        self._decided: list[NDArray[np.bool_]] = []

    def add(self, rows: DecidedRows, start: int, decided: NDArray[np.bool_], claims: int) -> None:
        """Count the decisions of some contacts.

        Args:
            rows: the decisions.
            start: the number of the first contact.
            decided: which contacts have a decision.
            claims: how many numbers of claims there are by now.
        """
        self._grow(claims)
        codes = rows.claim * np.int32(STATES) + rows.state
        self.states += np.bincount(codes, minlength=claims * STATES).reshape(claims, STATES)
        granted = rows.take(np.flatnonzero(rows.state == GRANTED))
        worth = millionths(granted.weight)
        self.value += _sums(granted.claim, worth, claims)
        contact, count = rows.contact - start, len(decided)
        own = contact * len(OUTCOMES) + rows.state % len(OUTCOMES)
        outcomes = np.bincount(own, minlength=count * len(OUTCOMES)).reshape(count, len(OUTCOMES))
        found = [outcomes.sum(axis=1), outcomes[:, 0], outcomes[:, 1], _sums(granted.contact - start, worth, count)]
        if ELIGIBLE in self._names:
            found.append(np.bincount(contact[_IS_ELIGIBLE[rows.state]], minlength=count))
        for name, values in zip(self._names, found, strict=True):
            self._contacts[name].append(values)
        self._decided.append(decided)

    def _grow(self, claims: int) -> None:
        more = claims - len(self.states)
        if more:
            self.states = np.concatenate([self.states, np.zeros((more, STATES), np.int64)])
            self.value = np.concatenate([self.value, np.zeros(more, np.int64)])

    def by_contact(self, name: str) -> NDArray[np.int64]:
        """By number of a contact, one of `COUNTS`."""
        return np.concatenate([np.zeros(0, np.int64), *self._contacts[name]])

    @property
    def decided(self) -> NDArray[np.bool_]:
        """By number of a contact, whether there is a decision."""
        return np.concatenate([np.zeros(0, np.bool_), *self._decided])


def millionths(weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Weights in millionths, whose sum depends on no order; those that are not known count as nothing."""
    found: NDArray[np.int64] = np.rint(np.nan_to_num(weight) * MILLIONTH).astype(np.int64)
    return found


def _sums(place: NDArray[np.integer], worth: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """By place, what is there in all."""
    low, high = worth & 0xFFFFF, worth >> 20
    # Sums of floats are exact as long as they are whole and below 2**53; of each half they are.
    parts = [np.bincount(place, half, minlength=count).astype(np.int64) for half in (low, high)]
    return parts[0] + (parts[1] << 20)
