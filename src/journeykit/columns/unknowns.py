"""Unknowns over columns: of whom audiences are unknown, and which cells no comparison can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.civil import EPOCH
from journeykit.columns.people import rule_columns
from journeykit.fields import shown
from journeykit.rule.values import MOMENT, NUMBER, TRUTH, is_empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.column import Column
    from journeykit.columns.people import Chunk
    from journeykit.unknowns import Reading, Unknowns


def count_unknowns(unknowns: Unknowns, chunk: Chunk, left: Sequence[int]) -> None:
    """Count the contacts of a chunk but those that are left to the one-contact engine, which are counted one by one."""
    keep = np.ones(chunk.rows, np.bool_)
    keep[list(left)] = False
    for text, unknown in chunk.unknown.items():
        unknowns.unknown[text] += int(np.count_nonzero(unknown & keep))
    if not unknowns.readings:
        return
    columns = rule_columns(chunk)
    for place, reading in enumerate(unknowns.readings):
        column = columns.get(reading.path) or columns.get(reading.path.partition(".")[0])
        if column is None:
            continue
        if "." not in reading.path and (known := _known_of_kind(column, reading.kind)) is not None:
            unknowns.add_cells(place, int(np.count_nonzero(known & keep)), 0, None)
        else:
            _count_values(unknowns, place, reading, column, keep)


def _known_of_kind(column: Column, kind: str) -> np.ndarray | None:
    """Which cells of a column that is of a kind throughout are not empty; None where it is of none."""
    if kind == NUMBER and column.numbers is not None:
        return column.numbers[1]
    if kind == MOMENT and column.instants is not None:
        return column.instants[1]
    array = column.array
    if kind == TRUTH and array is not None and pa.types.is_boolean(array.type):
        return column.codes != 2
    return None


def _count_values(unknowns: Unknowns, place: int, reading: Reading, column: Column, keep: np.ndarray) -> None:
    key = reading.path if "." not in reading.path else reading.path.partition(".")[0]
    used = np.bincount(column.codes[keep], minlength=len(column.values))
    values = [
        reading.get({key: value}, EPOCH) if number else None
        for value, number in zip(column.values, used.tolist(), strict=True)
    ]
    filled = np.array([not is_empty(value) for value in values], np.bool_)
    readable = column.read_as(reading.kind) if "." not in reading.path else list(map(reading.read, values))
    wrong = filled & np.array([value is None for value in readable], np.bool_)
    examples = [shown(values[code]) for code in np.flatnonzero(wrong & (used > 0)).tolist()]
    unknowns.add_cells(place, int(used[filled].sum()), int(used[wrong].sum()), min(examples, default=None))
