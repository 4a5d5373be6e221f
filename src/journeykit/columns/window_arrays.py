"""Room over columns: what the windows of one contact hold, and when there will be room again.

The same measures as `journeykit.engine.window_usage`, on arrays. The contents of a window are kept as linked spans,
one list for each cell (a cap, and one of the groups in which it counts).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.clock import day_number
from journeykit.kernels.interface.rules import (
    BETWEEN,
    CALENDAR,
    DAYS,
    DECISION,
    EVER,
    ROLLING,
    RUNNING,
    STRETCH,
    WINDOWS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.model.window import Window

_MICROSECOND = timedelta(microseconds=1)
_KINDS = {
    "rolling": ROLLING,
    "days": DAYS,
    "calendar": CALENDAR,
    "between": BETWEEN,
    "ever": EVER,
    "running": RUNNING,
    "decision": DECISION,
}
_UNITS = {"day": 1, "week": 7, "month": 101, "quarter": 103, "year": 112}


def windows_of(windows: Sequence[Window], zones: Mapping[str, int], playbook: str) -> np.ndarray:
    """Windows as numbers (`WINDOWS`), given the numbers of zones and the playbook's zone."""
    return np.array([_numbers(window, zones, playbook) for window in windows], WINDOWS)


def _numbers(window: Window, zones: Mapping[str, int], playbook: str) -> tuple[int, ...]:
    kind = _KINDS[window.kind]
    if kind == DAYS and window.stretch is not None:
        kind = STRETCH
    span = window.length // _MICROSECOND if window.length is not None else window.day_count or 0
    period = window.period or window.stretch or "day"
    zone = -1 if window.zone == "contact" else zones[playbook if window.zone == "playbook" else window.zone]
    shift = 0 if period != "week" else 3 if window.week_start == "monday" else 4
    first, last = (0 if edge is None else day_number(edge) for edge in (window.first, window.last))
    return kind, int(span), _UNITS[period], window.every, shift, zone, first, last
