"""Messages in three parts, by time: to fit, to choose, and to check."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

PARTS = (0.6, 0.2, 0.2)
"""The shares of the three parts."""
_LEAST = 0.5
"""Where a part has less than this of its share, since many messages have one instant, contacts are split instead."""


@frozen(eq=False)
class TimeSplit:
    """Which message is in which part.

    Contacts recur: a contact may have messages in all three parts, as the contacts that are scored later had before.

    Attributes:
        part: 0, 1 or 2 for each message.
        by_time: whether the parts follow each other in time; False where too many messages have one instant, so that
            each contact is in one part.

    Example:
        >>> TimeSplit.of(np.arange(10), np.zeros(10, int), seed=0).part.tolist()
        [0, 0, 0, 0, 0, 0, 1, 1, 2, 2]
    """

    part: NDArray[np.int8]
    by_time: bool

    @classmethod
    def of(cls, at: NDArray[np.int64], contact: NDArray[np.int64], seed: int) -> TimeSplit:
        """Split messages at two instants; all of one instant are in one part."""
        part = _cut(at)
        counts = np.bincount(part, minlength=3)
        if (counts >= _LEAST * np.array(PARTS) * len(at)).all():
            return cls(part, by_time=True)
        return cls(_cut(shuffled(contact, seed)), by_time=False)


def _cut(order: NDArray[np.int64]) -> NDArray[np.int8]:
    if not len(order):
        return np.empty(0, np.int8)
    ranked = np.sort(order)
    shares = np.cumsum(PARTS)[:2]
    cuts = ranked[np.minimum(np.round(shares * len(order)).astype(int), len(order) - 1)]
    return np.searchsorted(cuts, order, side="right").astype(np.int8)


def shuffled(contact: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """A number for each message, the same for all of one contact, in an order by chance."""
    distinct, place = np.unique(contact, return_inverse=True)
    found: NDArray[np.int64] = np.random.default_rng(seed).permutation(len(distinct))[place]
    return found
