"""Keys over columns: hashes of ids, who was met before, and who is in a holdout.

The hashes are those of `journeykit.basics.ids` and `journeykit.model.holdout`, over Arrow's own buffers: no text
becomes a Python object.
"""

from __future__ import annotations

import numpy as np

from journeykit.kernels import index_add, index_find, index_move


class ContactIndex:
    """Which keys were met, and as which row: a table with open addressing, two thirds full at most."""

    def __init__(self, expected: int = 0) -> None:
        size = 1024
        while size * 2 < expected * 3:
            size *= 2
        self._make(size)

    def _make(self, size: int) -> None:
        self.one, self.two = np.zeros(size, np.uint64), np.zeros(size, np.uint64)
        self.row = np.full(size, -1, np.int32)
        self.count = 0

    def add(self, one: np.ndarray, two: np.ndarray, start: int, skip: np.ndarray) -> np.ndarray:
        """Meet keys as rows numbered from `start`; whether each was met before. Those to skip are not met."""
        if (self.count + len(one)) * 3 > len(self.row) * 2:
            old = self.one, self.two, self.row
            size = len(self.row)
            while (self.count + len(one)) * 3 > size * 2:
                size *= 2
            count = self.count
            self._make(size)
            index_move(*old, self.one, self.two, self.row)
            self.count = count
        again = np.zeros(len(one), np.bool_)
        self.count += index_add(one, two, start, skip, self.one, self.two, self.row, again)
        return again

    def find(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        """The rows as which keys were met; -1 where they were not."""
        found = np.empty(len(one), np.int32)
        index_find(one, two, self.one, self.two, self.row, found)
        return found
