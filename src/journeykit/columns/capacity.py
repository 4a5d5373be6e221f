"""The rows of quotas: what claims use of each, and how much there is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Capacity(NamedTuple):
    """The rows of quotas: of each, what kinds of items use, and how much there is.

    Attributes:
        fixed: by kind and row, what any item of the kind uses, in the row's whole units.
        column: by row, the column of the pool that is added up, or -1.
        factor: by kind and row, what that column is multiplied with.
        bound: by row, how much there is.
        unit: by row, how many of its whole units make one of the quota's.
        ceiling: by row, the most that its price can be: the penalty of a soft one, infinity for a hard one.
    """

    fixed: np.ndarray
    column: np.ndarray
    factor: np.ndarray
    bound: np.ndarray
    unit: np.ndarray
    ceiling: np.ndarray

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.bound)

    @property
    def hard(self) -> np.ndarray:
        """By row, whether it must hold."""
        return np.isinf(self.ceiling)

    def usage(self, counts: np.ndarray, sums: np.ndarray) -> np.ndarray:
        """What items use, given by kind how many there are and what they have of each column; any leading axes."""
        found = counts @ self.fixed
        for row in np.flatnonzero(self.column >= 0).tolist():
            found[..., row] += (sums[..., self.column[row]] * self.factor[:, row]).sum(axis=-1)
        return found

    def but(self, **values: np.ndarray) -> Capacity:
        """The same rows with other values."""
        return self._replace(**values)
