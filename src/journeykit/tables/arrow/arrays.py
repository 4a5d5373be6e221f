"""Arrow arrays made from what NumPy and Python hold, without a look at pandas.

`pyarrow.array` imports pandas, where that is installed, only to ask whether it was given something of its kind: half a
second for a question whose answer is known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence


def numbers(values: np.ndarray, kind: pa.DataType, missing: np.ndarray | None = None) -> pa.Array:
    """An array of numbers or instants; those that are missing become null."""
    values = np.ascontiguousarray(values)
    valid = None
    if missing is not None and missing.any():
        valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(values)])


def flags(values: np.ndarray) -> pa.Array:
    """An array of truth values."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))])


def texts(values: Sequence[str | None]) -> pa.Array:
    """An array of texts (large strings); None becomes null."""
    coded = [b"" if value is None else value.encode() for value in values]
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(value) for value in coded], out=offsets[1:])
    valid = None
    if None in values:
        known = np.array([value is not None for value in values], np.bool_)
        valid = pa.py_buffer(np.packbits(known, bitorder="little"))
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(b"".join(coded))]
    return pa.Array.from_buffers(pa.large_string(), len(values), buffers)


def words(values: Sequence[str | None]) -> pa.Array:
    """The same, as strings of the usual kind."""
    return texts(values).cast(pa.string())


def coded(codes: np.ndarray, names: pa.Array, *, missing: bool = False) -> pa.Array:
    """A dictionary-encoded array; negative codes are null where some may be missing."""
    codes = codes.astype(np.int32, copy=False)
    indices = numbers(np.maximum(codes, 0) if missing else codes, pa.int32(), codes < 0 if missing else None)
    return pa.DictionaryArray.from_arrays(indices, names)


def one_piece(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as one array."""
    if isinstance(column, pa.Array):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def as_numpy(array: pa.Array) -> np.ndarray:
    """The numbers, codes or instants of an array, without a copy; where it is null there may be anything."""
    _, data = array.buffers()
    if pa.types.is_boolean(array.type):
        return _bits(data, array)
    kind = np.dtype(array.type.to_pandas_dtype()) if not pa.types.is_temporal(array.type) else np.dtype(np.int64)
    return np.frombuffer(data, kind)[array.offset : array.offset + len(array)] if len(array) else np.zeros(0, kind)


def is_known(array: pa.Array) -> np.ndarray:
    """Where an array is not null."""
    validity = array.buffers()[0]
    return np.ones(len(array), np.bool_) if validity is None or not array.null_count else _bits(validity, array)


def _bits(buffer: pa.Buffer, array: pa.Array) -> np.ndarray:
    if not len(array):
        return np.zeros(0, np.bool_)
    found = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")
    return found[array.offset : array.offset + len(array)].view(np.bool_)
