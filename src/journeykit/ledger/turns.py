"""Turns: so many at once, and those who wait in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """Places for so many threads.

    A pool of connections gives one that is free to the thread that looks first: of hundreds that wait some are passed
    over for seconds. Here a place goes to the thread that has waited longest.

    Args:
        places: how many.

    Example:
        >>> turns = Turns(1)
        >>> turns.take(0), turns.take(0)
        (True, False)
    """

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._free = places
        self._waiting: deque[threading.Lock] = deque()

    def take(self, patience: float) -> bool:
        """Wait for a place for so many seconds; whether there was one."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=patience):
            return True
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        # It was given in the last moment.
        return True

    def give(self) -> None:
        """Give a place away: to the thread that has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
