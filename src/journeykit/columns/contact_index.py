"""Keys over columns: hashes of ids, who was met before, and who is in a holdout.

The hashes are those of `journeykit.basics.ids` and `journeykit.model.holdout`, over Arrow's own buffers: no text
becomes a Python object.
"""

from __future__ import annotations

import numpy as np

from journeykit.kernels import index_add, index_find, index_move


class ContactIndex:
    """Which keys were met, and as which row: 16 bytes for each key, and slots of 8 bytes, two thirds full at most.

    Args:
        expected: how many keys there will be, where that is known.
    """

    def __init__(self, expected: int = 0) -> None:
        self.count = 0
        self._slots = np.zeros(_slots_for(expected), np.uint64)
        self._keys = np.empty((expected, 2), np.uint64)

    def add(self, one: np.ndarray, two: np.ndarray, start: int, skip: np.ndarray) -> np.ndarray:
        """Meet keys as rows numbered from `start`; whether each was met before. Those to skip are not met."""
        stop = start + len(one)
        if stop > len(self._keys):
            keys = np.empty((max(stop, 2 * len(self._keys)), 2), np.uint64)
            keys[: len(self._keys)] = self._keys
            self._keys = keys
        size = _slots_for(self.count + len(one))
        if size > len(self._slots):
            slots = np.zeros(size, np.uint64)
            index_move(self._slots, self._keys, slots)
            self._slots = slots
        again = np.zeros(len(one), np.bool_)
        self.count += index_add(one, two, start, skip, self._slots, self._keys, again)
        return again

    def find(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        """The rows as which keys were met; -1 where they were not."""
        found = np.empty(len(one), np.int32)
        index_find(one, two, self._slots, self._keys, found)
        return found


def _slots_for(keys: int) -> int:
    """How many slots so many keys need: a power of two."""
    return max(1024, 1 << (keys * 3 // 2).bit_length()) if keys else 1024
