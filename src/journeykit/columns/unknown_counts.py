"""Unknowns over columns: of whom audiences are unknown, and which cells no comparison can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.basics.clock import EPOCH
from journeykit.basics.validation import shown
from journeykit.columns.chunk import Chunk, rule_columns
from journeykit.rule.values import MOMENT, NUMBER, TEXT, TRUTH, is_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from journeykit.engine.unknowns import Readings, Unknowns
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.arrow.column import Column
    from journeykit.tables.contact_table import ContactPlan


def count_unknowns(unknowns: Unknowns, chunk: Chunk, left: Sequence[int]) -> None:
    """Count the contacts of a chunk but those that fall back to the row engine, which are counted one by one."""
    keep = np.ones(chunk.rows, np.bool_)
    keep[list(left)] = False
    for text, unknown in chunk.unknown.items():
        unknowns.unknown[text] += int(np.count_nonzero(unknown & keep))
    count_readings(unknowns.readings, chunk, keep)


def count_readings(readings: Readings, chunk: Chunk, keep: np.ndarray | None = None) -> None:
    """Count the cells of a chunk that cannot be read as what rules compare with.

    Args:
        readings: what rules read.
        chunk: the contacts.
        keep: which rows are counted; None for all.
    """
    if not readings.list:
        return
    columns = rule_columns(chunk)
    keep = np.ones(chunk.rows, np.bool_) if keep is None else keep
    for place, reading in enumerate(readings.list):
        # A dotted name is a column of its own, or a part of another one's value.
        head = reading.path.partition(".")[0]
        if head != reading.path and head in columns and reading.path in columns:
            _count_rows(readings, place, {name: columns[name] for name in (reading.path, head)}, keep)
            continue
        key = reading.path if reading.path in columns else head
        column = columns.get(key)
        if column is None:
            continue
        if key == reading.path and reading.kind == TEXT and _has_text_throughout(column):
            readings.add_cells(place, int(np.count_nonzero(_filled(column) & keep)), 0, None)
            continue
        known = _known_of_kind(column, reading.kind) if key == reading.path else None
        if known is not None:
            readings.add_cells(place, int(np.count_nonzero(known & keep)), 0, None)
        else:
            _count_values(readings, place, key, column, keep)


def _has_text_throughout(column: Column) -> bool:
    """Whether each cell of a column has a text, whatever it holds."""
    if column.array is None:
        return False
    kind = column.array.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or (pa.types.is_primitive(kind) and (not pa.types.is_timestamp(kind) or kind.tz is not None))
    )


def _filled(column: Column) -> np.ndarray:
    """Which cells of a column are not empty."""
    if column.numbers is not None:
        return column.numbers[1]
    filled: np.ndarray = np.array([not is_empty(value) for value in column.values] or [False], np.bool_)[column.codes]
    return filled


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


def _count_rows(readings: Readings, place: int, columns: dict[str, Column], keep: np.ndarray) -> None:
    """Count, row by row, what is in a column of a dotted name, and where that is empty in a part of another one."""
    reading = readings.list[place]
    for row in np.flatnonzero(keep).tolist():
        cells = {name: column.value(row) for name, column in columns.items()}
        value = reading.get({name: cell for name, cell in cells.items() if not is_empty(cell)}, EPOCH)
        if not is_empty(value):
            wrong = reading.read(value) is None
            readings.add_cells(place, 1, int(wrong), shown(value) if wrong else None)


def _count_values(readings: Readings, place: int, key: str, column: Column, keep: np.ndarray) -> None:
    reading = readings.list[place]
    used = np.bincount(column.codes[keep], minlength=len(column.values))
    values = [
        reading.get({key: value}, EPOCH) if number else None
        for value, number in zip(column.values, used.tolist(), strict=True)
    ]
    filled = np.array([not is_empty(value) for value in values], np.bool_)
    readable = column.read_as(reading.kind) if key == reading.path else list(map(reading.read, values))
    wrong = filled & np.array([value is None for value in readable], np.bool_)
    examples = [shown(values[code]) for code in np.flatnonzero(wrong & (used > 0)).tolist()]
    readings.add_cells(place, int(used[filled].sum()), int(used[wrong].sum()), min(examples, default=None))


def survey_readings(source: ArrowTable, readings: Readings, plan: Callable[[tuple[str, ...]], ContactPlan]) -> None:
    """Count the cells of a table of contacts that cannot be read as what rules compare with, of all its rows.

    Args:
        source: the contacts.
        readings: what rules read, which are counted.
        plan: what to do with columns of such names.
    """
    if not readings.list:
        return
    for part in source.parts(lambda _: True):
        if isinstance(part, tuple):
            number, names, arrays = part
            count_readings(readings, Chunk(plan(names), arrays, number))
