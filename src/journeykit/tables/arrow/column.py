"""Columns: a column of a table as codes and distinct values, or as numbers.

What a cell means is said once, by the readers of `journeykit.tables.cells`; here they are asked once for each
distinct value.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.rule.values import NUMBER, READERS, is_empty
from journeykit.tables.arrow.arrays import as_numpy, is_known, numbers, texts
from journeykit.tables.arrow.arrow_values import in_microseconds, is_uuid, python_value, python_values, uuid_texts
from journeykit.tables.cells import plain_decimal

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

_EXACT = 2.0**53
"""Floats from here on do not hold every whole number."""


class Column:
    """One column of a chunk.

    Args:
        array: an Arrow array, or a list of Python values.
    """

    def __init__(self, array: pa.Array | Sequence[Any]) -> None:
        found = _plain(array) if isinstance(array, pa.Array) else array
        self.array = found if isinstance(found, pa.Array) else None
        self._values: Sequence[Any] = () if isinstance(found, pa.Array) else found
        self._read_as: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return len(self._values) if self.array is None else len(self.array)

    @cached_property
    def _coded(self) -> tuple[np.ndarray, list[Any]]:
        array = self.array
        if array is None:
            return _factorised(self._values)
        if pa.types.is_null(array.type):
            return np.zeros(len(array), np.int64), [None]
        if pa.types.is_boolean(array.type):
            # Nothing is as quick as three codes.
            codes = as_numpy(array).astype(np.int64)
            if array.null_count:
                codes[~is_known(array)] = 2
            return codes, [False, True, None]
        if pa.types.is_nested(array.type) and not pa.types.is_dictionary(array.type):
            return _factorised(python_values(array))
        if not pa.types.is_dictionary(array.type):
            try:
                array = array.dictionary_encode()
            except pa.ArrowException:
                return _factorised(python_values(array))
        values = [*python_values(array.dictionary), None]
        codes = as_numpy(array.indices).astype(np.int64)
        if array.indices.null_count:
            codes[~is_known(array.indices)] = len(values) - 1
        return codes, values

    @property
    def codes(self) -> np.ndarray:
        """By row, the place of its value among the distinct ones."""
        return self._coded[0]

    @property
    def values(self) -> list[Any]:
        """The values that occur, as Python's own; some may be listed twice, and some may not occur."""
        return self._coded[1]

    def value(self, row: int) -> Any:
        """The value of one row."""
        if self.array is None:
            return self._values[row]
        return python_value(self.array[row])

    def among(self, words: Container[Any]) -> np.ndarray:
        """By row, whether the value is among some words."""
        found: np.ndarray = np.array([value in words for value in self.values] or [False], np.bool_)[self.codes]
        return found

    def take(self, rows: np.ndarray) -> Column:
        """Some of its rows."""
        if self.array is None:
            return Column([self._values[row] for row in rows.tolist()])
        return Column(self.array.take(numbers(rows.astype(np.int64, copy=False), pa.int64())))

    @property
    def data(self) -> Any:
        """What it is made of: an Arrow array, or a list of values."""
        return self._values if self.array is None else self.array

    def cells(self) -> list[Any]:
        """All values, row by row."""
        return list(self._values) if self.array is None else python_values(self.array)

    def read(self, read: Callable[[Any], Any]) -> tuple[np.ndarray, list[Any]]:
        """Codes, and what a reader makes of each distinct value: an `Unread` where it refuses."""
        return self.codes, [_read(read, value) for value in self.values]

    @cached_property
    def numbers(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Numbers and whether each is known; None where the column is none of plain numbers."""
        array = self.array
        if array is None or not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
            return None
        if pa.types.is_float16(array.type) or array.type == pa.uint64():
            return None
        known = is_known(array)
        found = as_numpy(array)
        if array.null_count:
            # A scalar of pyarrow would load pandas, where that is installed.
            found = np.where(known, found, found.dtype.type(0))
        if found.dtype.kind == "f":
            found = found.astype(np.float64, copy=False)
            known = known & ~np.isnan(found)
        else:
            found = found.astype(np.int64, copy=False)
        return found, known

    @cached_property
    def as_numbers(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Numbers as rules read them and whether each is known, of texts too; None where that is not exact."""
        if self.numbers is not None:
            return self.numbers
        values = self.read_as(NUMBER)
        known = np.array([value is not None for value in values], np.bool_)
        if any(type(value) not in (int, float) or abs(value) > _EXACT for value in values if value is not None):
            return None
        numbers = np.array([0.0 if value is None else float(value) for value in values], np.float64)
        return numbers[self.codes], known[self.codes]

    def read_as(self, kind: str) -> list[Any]:
        """What each of the distinct values is for a comparison of a kind, None for unknown; worked out once."""
        found = self._read_as.get(kind)
        if found is None:
            read = READERS[kind]
            found = self._read_as[kind] = [None if is_empty(value) else read(value) for value in self.values]
        return found

    @cached_property
    def instants(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Microseconds since 1970 and whether each is known; None where the column is none of aware instants."""
        array = self.array
        if array is None or not pa.types.is_timestamp(array.type) or array.type.tz is None:
            return None
        whole = array.cast(pa.int64())
        return as_numpy(whole.fill_null(0) if array.null_count else whole), is_known(array)


class Unread:
    """A value that a reader refused."""


UNREAD = Unread()


def _read(read: Callable[[Any], Any], value: Any) -> Any:
    from journeykit.errors import ModelError
    from journeykit.tables.cells import BadCellError

    try:
        return read(value)
    except (BadCellError, ModelError):
        return UNREAD


def _plain(array: pa.Array) -> pa.Array | list[Any]:
    """An array of the kinds that are told apart here, or its values where none of them can hold these."""
    kind = array.type
    if is_uuid(kind):
        return texts(uuid_texts(array))
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage)
    if pa.types.is_timestamp(kind) and (kind.unit != "us" or kind.tz not in (None, "UTC")):
        counted = in_microseconds(array)
        return python_values(array) if counted is None else counted
    if pa.types.is_decimal(kind):
        found = array.cast(pa.float64())
        # Ids may be larger than what a float holds exactly.
        return (
            [plain_decimal(value) for value in array.to_pylist()]
            if pc.any(pc.greater_equal(pc.abs(found), _EXACT)).as_py()
            else found
        )
    if pa.types.is_dictionary(kind) and kind.value_type in (pa.string_view(), pa.binary_view()):
        # Arrow cannot decode a dictionary of views.
        return pa.DictionaryArray.from_arrays(array.indices, _plain(array.dictionary))
    if pa.types.is_dictionary(kind) and (pa.types.is_decimal(kind.value_type) or is_uuid(kind.value_type)):
        return _plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(array))
    if kind in (pa.string_view(), pa.binary_view()):
        return array.cast(pa.large_string() if kind == pa.string_view() else pa.large_binary())
    return array


def _factorised(values: Sequence[Any]) -> tuple[np.ndarray, list[Any]]:
    """Codes and distinct values of Python objects; 1, 1.0 and True are told apart."""
    known: dict[Any, int] = {}
    found: list[Any] = []
    codes = np.empty(len(values), np.int64)
    for row, value in enumerate(values):
        try:
            code = known.setdefault(_key(value), len(found))
        except TypeError:
            code = len(found)
        if code == len(found):
            found.append(value)
        codes[row] = code
    return codes, found


def _key(value: Any) -> Any:
    """What tells values apart that Python calls equal: 1 and True, and one instant written with two offsets."""
    if type(value) is list:
        return list, tuple(_key(part) for part in value)
    if type(value) is datetime:
        return datetime, value.isoformat()
    return type(value), value
