"""Columns of ids, instants and numbers, read by the kernels where these are built, else value by value."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.basics.clock import micros
from journeykit.basics.ids import contact_key, stir
from journeykit.basics.validation import LARGEST
from journeykit.kernels import has_kernels
from journeykit.rule.values import NUMBER
from journeykit.tables.arrow.adapters import array_of
from journeykit.tables.arrow.arrays import is_known, numbers, one_piece, texts
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.cells import BadCellError, id_or_none, is_missing, read_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Faults = dict[int, tuple[str, str, str]]
"""By row, the column that is wrong, what was found and what is allowed."""


def thread_count(given: int | None) -> int:
    """How many threads work at once: those that are asked for, or one for each processor, up to four."""
    return given or min(4, os.cpu_count() or 1)


def blame(column: Column | None, rows: np.ndarray, name: str, read: Callable[[Any], Any], faults: Faults) -> None:
    """Say of rows that a reader refuses, what is wrong with them."""
    for row in rows.tolist():
        try:
            read(None if column is None else column.value(row))
        except BadCellError as error:
            faults.setdefault(row, (name, error.found, error.allowed))


def id_halves(column: Column | None, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The keys of a column of ids, in two halves, and which of them a reader of cells must look at."""
    if has_kernels():
        from journeykit.columns.chunk import id_keys

        return id_keys(column, rows)
    if column is None:
        return np.zeros(rows, np.uint64), np.zeros(rows, np.uint64), np.ones(rows, np.bool_)
    codes, read = column.read(read_id)
    bad = np.array([value is UNREAD for value in read], np.bool_)[codes]
    found = [(0, 0) if value is UNREAD else contact_key(value) for value in read]
    halves = np.array(found, np.uint64).reshape(len(found), 2)[codes]
    return halves[:, 0], halves[:, 1], bad


def id_marks(column: Column | None, rows: int, name: str, faults: Faults) -> np.ndarray:
    """One number for each id, the same for equal ones; 0 where there is none.

    Ids that cannot be read are faults of their rows.
    """
    if column is None:
        return np.zeros(rows, np.uint64)
    one, two, bad = id_halves(column, rows)
    found: np.ndarray = one ^ _stirred(two)
    # No id has the number of none.
    found[found == 0] = 1
    array = column.array
    if array is not None and array.null_count:
        missing = ~is_known(array)
        found[missing] = 0
        bad &= ~missing
    for row in np.flatnonzero(bad).tolist():
        value = column.value(row)
        if is_missing(value):
            found[row] = 0
            continue
        try:
            read_id(value)
        except BadCellError as error:
            faults.setdefault(row, (name, error.found, error.allowed))
    return found


def id_column(values: Any) -> pa.Array:
    """A column of ids as texts, null where there is none: of a blank cell, and of one that is no id.

    Example:
        >>> id_column(pa.array([101.0, None, 1.5])).to_pylist(), id_column(pa.array(["a", " "])).to_pylist()
        (['101', None, None], ['a', None])
    """
    whole = one_piece(values)
    if pa.types.is_string(whole.type) or pa.types.is_large_string(whole.type):
        is_blank = pc.equal(pc.utf8_trim_whitespace(whole), "")
        return pc.if_else(is_blank, pa.scalar(None, pa.large_string()), whole.cast(pa.large_string()))
    column = Column(whole)
    found = texts([None if is_missing(value) else id_or_none(value) for value in column.values] or [None])
    return found.take(numbers(column.codes, pa.int64()))


def id_mark(value: str) -> int:
    """The same for one id.

    Example:
        >>> id_mark("hello") == int(id_marks(Column(["hello"]), 1, "id", {})[0])
        True
    """
    one, two = contact_key(value)
    return one ^ stir(two) or 1


def _stirred(value: np.ndarray) -> np.ndarray:
    from journeykit.basics.ids import STIR_FIRST, STIR_SECOND

    shift = np.uint64(33)
    value = (value ^ value >> shift) * np.uint64(STIR_FIRST)
    value = (value ^ value >> shift) * np.uint64(STIR_SECOND)
    found: np.ndarray = value ^ value >> shift
    return found


def instants(
    columns: Sequence[Column],
    places: Mapping[str, int],
    rows: int,
    faults: Faults,
    name: str,
    read: Callable[[Any], Any],
) -> np.ndarray:
    """The instants of a column, in microseconds since 1970; a cell that cannot be read is a fault of its row."""
    if has_kernels():
        from journeykit.columns.touch_columns import instants_of_column

        return instants_of_column(columns, places, rows, faults, name, read)
    if name not in places:
        blame(None, np.arange(rows), name, read, faults)
        return np.zeros(rows, np.int64)
    column = columns[places[name]]
    codes, values = column.read(lambda value: micros(read(value)))
    refused = np.array([value is UNREAD for value in values], np.bool_)[codes]
    blame(column, np.flatnonzero(refused), name, read, faults)
    found: np.ndarray = np.array([0 if value is UNREAD else value for value in values], np.int64)[codes]
    return found


def floats(column: Column | None, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, nan where there is none, and which cells hold something that is no number, or is beyond 1e9."""
    if column is None:
        return np.full(rows, np.nan), np.zeros(rows, np.bool_)
    plain = column.numbers
    if plain is not None:
        given, known = plain
        found = np.where(known, given.astype(np.float64), np.nan)
        bad = np.abs(found) > LARGEST
        found[bad] = np.nan
        return found, bad
    values = column.read_as(NUMBER)
    good = np.array([_is_number(value) for value in values], np.bool_)
    bad = ~good & ~np.array([is_missing(value) for value in column.values], np.bool_)
    found = np.array([float(value) if fine else np.nan for value, fine in zip(values, good, strict=True)], np.float64)
    return found[column.codes], bad[column.codes]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def as_array(given: Any) -> pa.Array:
    """A column as an Arrow array; values of several kinds are written as texts."""
    found = array_of(list(given)) if not isinstance(given, pa.Array) else given
    if isinstance(found, pa.Array):
        return found
    return texts([None if is_missing(value) else str(value) for value in found])


def joined_arrays(parts: Sequence[pa.Array]) -> pa.ChunkedArray:
    """The parts of a column as one; where they are of several kinds, as texts."""
    kinds = {part.type for part in parts if not pa.types.is_null(part.type)}
    if len(kinds) == 1:
        kind = kinds.pop()
        return pa.chunked_array([part.cast(kind) if pa.types.is_null(part.type) else part for part in parts])
    if not kinds:
        return pa.chunked_array(parts, pa.null())
    return pa.chunked_array(
        [as_array([None if cell is None else str(cell) for cell in part.to_pylist()]) for part in parts]
    )
