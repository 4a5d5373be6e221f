"""What happened to contacts, in the order of time: how much of it was before an instant, and what came last."""

from __future__ import annotations

from typing import Self

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.measuring.rows_by_contact import in_time

STAGE = "stage"
"""The feature, and the attribute of contacts, that says where on the journey they are."""


@frozen(eq=False)
class Timeline:
    """What happened to owners (contacts, or contacts and campaigns), those of each in the order of time.

    Attributes:
        first: where the rows of each owner start, and one more.
        at: by row, the instant, in microseconds since 1970.
        code: by row, what happened: a number whose meaning the user knows.

    Example:
        >>> own = Timeline.of(np.array([1, 0, 1]), np.array([9, 5, 3]), np.array([2, 0, 1]), 2)
        >>> own.first.tolist(), own.at.tolist(), own.code.tolist()
        ([0, 1, 3], [5, 3, 9], [0, 1, 2])
        >>> own.before(np.array([0, 1, 1]), np.array([5, 5, 10])).tolist()
        [0, 1, 2]
    """

    first: NDArray[np.int64]
    at: NDArray[np.int64]
    code: NDArray[np.int64]

    @classmethod
    def of(cls, owner: NDArray[np.int64], at: NDArray[np.int64], code: NDArray[np.int64], owners: int) -> Self:
        """What happened, in any order; what an owner of -1 did is left out. Of one instant, as the rows come."""
        first, order = in_time(owner, owners, at)
        return cls(first, at[order], code[order])

    @property
    def owners(self) -> int:
        """How many owners there are."""
        return len(self.first) - 1

    def of_owners(self, owners: NDArray[np.int64]) -> Self:
        """Some of the owners, numbered anew in this order; one of -1 has nothing."""
        here = owners >= 0
        low = self.first[np.where(here, owners, 0)]
        size = np.where(here, self.first[np.where(here, owners + 1, 0)] - low, 0)
        first = np.concatenate([[0], np.cumsum(size)])
        rows = np.arange(first[-1]) + np.repeat(low - first[:-1], size)
        return type(self)(first, self.at[rows], self.code[rows])

    def by_group(self, group: NDArray[np.int64], groups: int) -> Self:
        """Each owner parted by what happened: the owner's number times `groups` and the group is the new number.

        Args:
            group: by code, the group; -1 for none, which is left out.
            groups: how many groups there are.
        """
        own = group[self.code] if len(group) else np.zeros(0, np.int64)
        owner = np.repeat(np.arange(self.owners), np.diff(self.first)) * groups + own
        rows = np.flatnonzero(own >= 0)
        rows = rows[np.argsort(owner[rows], kind="stable")]
        first = np.zeros(self.owners * groups + 1, np.int64)
        np.cumsum(np.bincount(owner[rows], minlength=self.owners * groups), out=first[1:])
        return type(self)(first, self.at[rows], self.code[rows])

    def before(self, owner: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
        """How much happened to owners before instants; at an instant itself is not before it."""
        low, high = self.first[owner], self.first[owner + 1]
        begin = low.copy()
        rows = np.flatnonzero(low < high)
        while len(rows):
            middle = (low[rows] + high[rows]) // 2
            is_before = self.at[middle] < at[rows]
            low[rows] = np.where(is_before, middle + 1, low[rows])
            high[rows] = np.where(is_before, high[rows], middle)
            rows = rows[low[rows] < high[rows]]
        found: NDArray[np.int64] = low - begin
        return found

    def last(self, owner: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of what happened last to owners before instants; -1 for nothing."""
        count = self.before(owner, at)
        found: NDArray[np.int64] = np.where(count > 0, self.first[owner] + count - 1, -1)
        return found
