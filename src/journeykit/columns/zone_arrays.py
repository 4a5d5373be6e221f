"""Clocks over columns: local days and times of zones, from each zone's own transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.clock import DAY, clock
from journeykit.kernels.interface.rules import OFTEN, Zones

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


Answers = tuple[bool | None, ...]
"""What the audiences of hours say of a contact, one by one: true, false or unknown."""


class LocalKinds:
    """Kinds of contacts, by number: their time zones, and what the audiences of hours say of them.

    Attributes:
        list: the kinds, in the order of their first appearance.

    Example:
        >>> kinds = LocalKinds(["UTC"])
        >>> kinds.add("Europe/Skopje"), kinds.add("UTC", (True,)), kinds.add("UTC"), kinds.names
        (1, 2, 0, ['UTC', 'Europe/Skopje', 'UTC'])
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.list: list[tuple[str, Answers]] = []
        self._number: dict[tuple[str, Answers], int] = {}
        for name in names:
            self.add(name)

    def add(self, name: str, answers: Answers = ()) -> int:
        """The number of a kind; without answers all are unknown."""
        number = self._number.setdefault((name, answers), len(self.list))
        if number == len(self.list):
            self.list.append((name, answers))
        return number

    @property
    def names(self) -> list[str]:
        """By number, the time zone."""
        return [name for name, _ in self.list]


def zones_of(names: Sequence[str], low: int, high: int) -> Zones:
    """The offsets of zones, by name, from one instant to another."""
    first, since, offset = [0], list[int](), list[int]()
    for name in names:
        for at, ahead in clock(name).offsets(low - 3 * DAY, high + 3 * DAY):
            since.append(at if len(since) > first[-1] else -OFTEN)
            offset.append(ahead)
        first.append(len(since))
    return Zones(
        first=np.array(first, np.int64),
        since=np.array(since, np.int64),
        offset=np.array(offset, np.int64),
        low=int(low),
        high=int(high),
    )
