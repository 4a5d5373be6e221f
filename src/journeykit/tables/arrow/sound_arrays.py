"""Whether Arrow arrays that others made can be read at all: kernels and Arrow itself take their word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.errors import DataError
from journeykit.tables.arrow.arrays import as_numpy

if TYPE_CHECKING:
    from collections.abc import Iterable

_BYTES = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}


def need_sound(column: Any, name: str, source: str) -> None:
    """Refuse a column whose offsets lie outside of its bytes or are out of order, or whose codes have no value.

    Whether texts are UTF-8 is not looked at here: a text that is not is a bad cell.

    Args:
        column: an Arrow array, or a chunked one.
        name: the column's name.
        source: what messages call its table.

    Raises:
        DataError: naming the table and the column.
    """
    try:
        for array in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
            _check(array)
    except pa.ArrowException as error:
        raise DataError(f"the Arrow array is broken: {error}", source=source, field=name) from error


def need_all_sound(names: Iterable[str], columns: Iterable[Any], source: str) -> None:
    """Refuse columns as `need_sound` does, of those that are Arrow arrays."""
    for name, column in zip(names, columns, strict=True):
        if isinstance(column, pa.Array | pa.ChunkedArray):
            need_sound(column, name, source)


def _check(array: pa.Array) -> None:
    """Look at an array.

    Raises:
        pa.ArrowException: if it is broken.
    """
    kind = array.type
    # Buffers that are too small, before anything reads them.
    array.validate()
    if isinstance(array, pa.ExtensionArray):
        _check(array.storage)
    elif kind in _BYTES:
        _as_bytes(array).validate(full=True)
    elif pa.types.is_dictionary(kind):
        _check(array.dictionary)
        bounds = pc.min_max(array.indices).as_py()
        if bounds["min"] is not None and not 0 <= bounds["min"] <= bounds["max"] < len(array.dictionary):
            raise pa.ArrowInvalid(f"codes from {bounds['min']} to {bounds['max']} of {len(array.dictionary)} values")
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets = as_numpy(array.offsets) if len(array) else np.zeros(1, np.int64)
        if offsets[0] < 0 or offsets[-1] > len(array.values) or (offsets[1:] < offsets[:-1]).any():
            raise pa.ArrowInvalid("the offsets of lists are out of order, or outside of their members")
        _check(array.values)
    elif not _is_of_one_width(kind):
        array.validate(full=True)


def _as_bytes(array: pa.Array) -> pa.Array:
    """Texts as bytes; as they are where this pyarrow cannot look at them so."""
    try:
        return array.view(_BYTES[array.type])
    except pa.ArrowException:
        return array


def _is_of_one_width(kind: pa.DataType) -> bool:
    """Whether each value takes its place in one buffer, which cannot be broken once it is large enough."""
    return bool(pa.types.is_primitive(kind) or pa.types.is_null(kind) or pa.types.is_decimal(kind))
