"""Clocks over columns: local days and times of zones, from each zone's own transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.basics.clock import DAY, clock
from journeykit.kernels.interface.rules import OFTEN, Zones

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


Answers = tuple[bool | None, ...]
"""What the audiences of hours say of a contact, one by one: true, false or unknown."""


class LocalKind(NamedTuple):
    """Contacts that are alike in all that local times ask of them.

    Attributes:
        zone: their time zone.
        answers: what the audiences of hours say of them; without any all are unknown.
        times: the times of day at which claims go, in microseconds; without any those for all.
    """

    zone: str
    answers: Answers = ()
    times: tuple[int, ...] = ()


class LocalKinds:
    """Kinds of contacts, by number: their time zones, what the audiences of hours say of them, and their send times.

    Attributes:
        list: the kinds, in the order of their first appearance.

    Example:
        >>> kinds = LocalKinds(["UTC"])
        >>> kinds.add("Europe/Skopje"), kinds.add("UTC", (True,)), kinds.add("UTC"), kinds.names
        (1, 2, 0, ['UTC', 'Europe/Skopje', 'UTC'])
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.list: list[LocalKind] = []
        self._number: dict[LocalKind, int] = {}
        for name in names:
            self.add(name)

    def add(self, name: str, answers: Answers = (), times: tuple[int, ...] = ()) -> int:
        """The number of a kind."""
        kind = LocalKind(name, answers, times)
        number = self._number.setdefault(kind, len(self.list))
        if number == len(self.list):
            self.list.append(kind)
        return number

    @property
    def names(self) -> list[str]:
        """By number, the time zone."""
        return [kind.zone for kind in self.list]


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
