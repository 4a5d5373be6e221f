"""Cells of tables of decisions, a column at a time, whatever the format of the table holds them as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import define

from journeykit.basics.clock import micros
from journeykit.basics.validation import shown
from journeykit.errors import DataError, ModelError, closest
from journeykit.tables.arrow.arrays import as_numpy, flags, is_known, numbers, texts
from journeykit.tables.cells import BadCellError, escaped, instant_reader, is_missing, read_id, read_list, read_number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import tzinfo

    from journeykit.tables.arrow.column import Column

_INSTANT = pa.timestamp("us", "UTC")
_LIST = pa.list_(pa.string())
_CELL = "a text"


class TextNumbers:
    """The different texts of a column, each with a number that it keeps.

    Attributes:
        texts: the texts by number.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._number: dict[str, int] = {}
        self._array: pa.Array | None = None

    def number(self, text: str) -> int:
        """The number of a text."""
        found = self._number.setdefault(text, len(self.texts))
        if found == len(self.texts):
            self.texts.append(text)
            self._array = None
        return found

    @property
    def array(self) -> pa.Array:
        """The texts as an array."""
        if self._array is None:
            self._array = pa.array(self.texts, pa.string())
        return self._array


@define
class CellReader:
    """Reads the columns of a chunk.

    Attributes:
        source: what messages call the table.
        zone: the zone in which instants without an offset are meant.
        number: the number of the chunk's first row.
    """

    source: str
    zone: tzinfo | None
    number: int = 1

    def coded(
        self,
        name: str,
        column: Column,
        words: TextNumbers,
        *,
        is_filled: bool = False,
        allowed: Collection[str] | None = None,
    ) -> pa.DictionaryArray:
        """Texts by the numbers of words."""
        used = np.bincount(column.codes, minlength=len(column.values))
        found = np.full(len(column.values) + 1, -1, np.int32)
        for place, (value, count) in enumerate(zip(column.values, used, strict=False)):
            if not count:
                continue
            text = _text(value)
            if text is None:
                if is_filled:
                    self._refuse(name, column, place, f"one of {', '.join(allowed)}" if allowed else _CELL)
                continue
            if allowed is not None and text not in allowed:
                self._refuse(name, column, place, f"one of {', '.join(allowed)}", closest(text, allowed))
            found[place] = words.number(text)
        codes = found[column.codes]
        missing = codes < 0
        codes[missing] = 0
        array = words.array
        return pa.DictionaryArray.from_arrays(numbers(codes, pa.int32(), missing), array)

    def texts(self, name: str, column: Column, *, is_filled: bool = False, large: bool = False) -> pa.Array:
        """Texts that hardly come again, such as ids."""
        kind = pa.large_string() if large else pa.string()
        found = _plain_texts(column, kind)
        if found is None:
            found = self._each(name, column, _id if is_filled else _text, texts).cast(kind)
        if is_filled and found.null_count:
            self._refuse_row(name, int(np.flatnonzero(~is_known(found))[0]), None, "an id")
        return found

    def numbers(self, name: str, column: Column) -> pa.Array:
        """Numbers; NaN is nothing."""
        if column.numbers is not None:
            given, known = column.numbers
            return numbers(given.astype(np.float64, copy=False), pa.float64(), ~known)
        found = _parsed_numbers(column)
        if found is not None:
            return found
        return self._each(name, column, _read_number, lambda values: pa.array(values, pa.float64()))

    def instants(self, name: str, column: Column, *, is_filled: bool = False) -> pa.Array:
        """Instants in UTC."""
        found = _told_instants(column)
        if found is None:
            read = instant_reader(self.zone, bounded=True)
            found = self._each(
                name,
                column,
                lambda value: None if is_missing(value) else micros(read(value)),
                lambda values: pa.array(values, pa.int64()).cast(_INSTANT),
            )
        if is_filled and found.null_count:
            self._refuse_row(name, int(np.flatnonzero(~is_known(found))[0]), None, "an instant")
        return found

    def lists(self, name: str, column: Column) -> pa.Array:
        """Lists of texts; nothing is an empty list."""
        array = column.array
        if array is not None and (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
            members = array.flatten()
            if pa.types.is_dictionary(members.type):
                members = members.dictionary_decode()
            lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
            first = np.append(0, np.cumsum(lengths, dtype=np.int64)).astype(np.int32)
            return pa.ListArray.from_arrays(numbers(first, pa.int32()), members.cast(pa.string()))
        return self._each(name, column, _read_list, lambda values: pa.array(values, _LIST))

    def _each(
        self, name: str, column: Column, read: Callable[[Any], Any], make: Callable[[list[Any]], pa.Array]
    ) -> pa.Array:
        """What a reader makes of each different value, row by row."""
        used = np.bincount(column.codes, minlength=len(column.values))
        found: list[Any] = [None] * len(column.values)
        for place, (value, count) in enumerate(zip(column.values, used, strict=False)):
            if count:
                try:
                    found[place] = read(value)
                except BadCellError as error:
                    self._refuse(name, column, place, error.allowed)
                except ModelError as error:
                    self._refuse(name, column, place, str(error))
        return make(found or [None]).take(numbers(column.codes.astype(np.int64, copy=False), pa.int64()))

    def _refuse(self, name: str, column: Column, place: int, allowed: str, hint: str | None = None) -> None:
        row = int(np.flatnonzero(column.codes == place)[0])
        self._refuse_row(name, row, column.values[place], allowed, hint)

    def _refuse_row(self, name: str, row: int, value: Any, allowed: str, hint: str | None = None) -> None:
        meant = f"; did you mean {hint!r}?" if hint else ""
        said = "nothing" if is_missing(value) else shown(value)
        raise DataError(
            f"found {said}; allowed is {allowed}{meant}", source=self.source, row=self.number + row, field=name
        )


def _text(value: Any) -> str | None:
    """A cell as text; what is none of Python's texts is written as Python writes it."""
    return None if is_missing(value) else escaped(value if isinstance(value, str) else str(value))


def _id(value: Any) -> str | None:
    return None if is_missing(value) else read_id(value)


def _read_number(value: Any) -> float | None:
    return None if is_missing(value) else read_number(value)


def _read_list(value: Any) -> list[str]:
    return [] if is_missing(value) else read_list(value)


def _plain_texts(column: Column, kind: pa.DataType) -> pa.Array | None:
    """Texts of an array of texts; None where a cell must be looked at."""
    array = column.array
    if array is None or not len(array):
        return None
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return None
    try:
        array.validate(full=True)
    except pa.ArrowException:
        return None
    lengths = pc.binary_length(pc.utf8_ltrim_whitespace(array))
    blank = as_numpy(lengths) == 0
    if blank.any():
        array = pc.if_else(flags(blank), pa.scalar(None, array.type), array)
    return array.cast(kind)


def _parsed_numbers(column: Column) -> pa.Array | None:
    """Numbers that are written as Arrow reads them; None where a cell must be looked at."""
    found = _parsed(column, pa.float64())
    if found is None:
        return None
    return found if np.isfinite(as_numpy(found)[is_known(found)]).all() else None


def _told_instants(column: Column) -> pa.Array | None:
    """Instants with an offset, also written as Arrow reads them; None where a cell must be looked at."""
    if column.instants is None:
        return _parsed(column, _INSTANT)
    found, known = column.instants
    return numbers(found, _INSTANT, ~known)


def _parsed(column: Column, kind: pa.DataType) -> pa.Array | None:
    found = _plain_texts(column, pa.large_string())
    if found is None:
        return None
    try:
        return found.cast(kind)
    except pa.ArrowException:
        return None
