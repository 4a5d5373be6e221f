"""The numbers of a column of scores, read at once where they are plain."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.validation import LARGEST
from journeykit.tables.arrow.column import UNREAD
from journeykit.tables.cells import is_no_number
from journeykit.tables.score_table import SCORE_READERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeykit.tables.arrow.column import Column

_ENDS = {
    "propensity": (0, 1),
    "value": (-LARGEST, LARGEST),
    "spread": (0, LARGEST),
    "opt_out": (0, 1),
    "uplift": (-1, 1),
}
"""Between which numbers each column of a score lies, as its reader has it."""


def numbers_of_scores(name: str, column: Column) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column of scores, NaN where there is none, and which rows their reader refuses.

    Args:
        name: which column, one of `SCORE_READERS`.
        column: its cells.
    """
    plain = column.numbers
    if plain is None:
        codes, cells = column.read(partial(float_or_nan, SCORE_READERS[name]))
        refused = np.array([cell is UNREAD for cell in cells], np.bool_)[codes]
        return np.array([np.nan if cell is UNREAD else cell for cell in cells], np.float64)[codes], refused
    # Hardly two numbers of a score are alike: they are not read one by one.
    found, known = plain
    low, high = _ENDS[name]
    return np.where(known, found, np.nan), known & ~((found >= low) & (found <= high))


def float_or_nan(read: Callable[[Any], float], value: Any) -> float:
    """A number as its reader has it; NaN where there is none."""
    return float("nan") if is_no_number(value) else float(read(value))
