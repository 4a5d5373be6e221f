"""Records: tables of numbers that kernels read by name.

A kernel that takes one table of records compiles much faster than one that takes an array for each of its fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def record(integers: str, floats: str = "") -> np.dtype:
    """The type of a record: names of whole numbers (int64), then of floats (float64)."""
    fields = [(name, np.int64) for name in integers.split()] + [(name, np.float64) for name in floats.split()]
    return np.dtype(fields, align=True)


def records(kind: np.dtype, **columns: object) -> np.ndarray:
    """A table of records from its columns, all of one length."""
    size = max((len(column) for column in columns.values()), default=0)  # type: ignore[arg-type]
    found = np.zeros(size, kind)
    for name, column in columns.items():
        found[name] = column
    return found


def joined(kind: np.dtype, parts: Sequence[np.ndarray]) -> np.ndarray:
    """Tables of records one after the other; as words, since NumPy joins records field by field, which is slow."""
    words = [np.ascontiguousarray(part).view(np.int64) for part in parts]
    return np.concatenate([np.zeros(0, np.int64), *words]).view(kind)
