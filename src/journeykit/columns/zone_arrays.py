"""Clocks over columns: local days and times of zones, from each zone's own transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.clock import DAY, clock
from journeykit.kernels.interface.rules import OFTEN, Zones

if TYPE_CHECKING:
    from collections.abc import Sequence


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
