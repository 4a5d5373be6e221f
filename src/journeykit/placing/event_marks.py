"""Marks: numbers that tell events apart by all that is known of them, as `journeykit.journey.walk.identity` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from journeykit.basics.ids import STIR_FIRST, STIR_SECOND, contact_key
from journeykit.columns.chunk import text_buffers
from journeykit.kernels import hash_ids, mark_texts
from journeykit.rule.values import typed
from journeykit.tables.arrow.arrays import texts
from journeykit.tables.cells import is_missing, is_unicode

if TYPE_CHECKING:
    from journeykit.tables.arrow.column import Column

_FIRST, _SECOND, _SHIFT = np.uint64(STIR_FIRST), np.uint64(STIR_SECOND), np.uint64(33)
_EXACT = 2**53


def stirred(value: np.ndarray) -> np.ndarray:
    """Murmur's finalizer, over columns."""
    value = value ^ value >> _SHIFT
    value = value * _FIRST
    value = value ^ value >> _SHIFT
    value = value * _SECOND
    return value ^ value >> _SHIFT


def kind_of(value: Any) -> tuple[str | None, Any]:
    """The kind of a cell, None where it is empty or unknown, and its value as it compares."""
    return (None, None) if is_missing(value) else typed(value)


def marks_of(column: Column, label: str) -> np.ndarray:
    """What tells the values of a column apart, mixed with its name; 0 where there is none."""
    salt = contact_key(label)[0]
    plain = column.numbers
    if plain is not None:
        numbers, known = plain
        return np.where(known, stirred(_number_marks(numbers) ^ np.uint64(salt)), np.uint64(0))
    array = _plain_texts(column.array)
    if array is not None:
        found = np.zeros(len(array), np.uint64)
        mark_texts(*text_buffers(array), salt, found)
        return found
    return marks_of_values(column.values, salt)[column.codes]


def marks_of_values(values: list[Any], salt: int) -> np.ndarray:
    """The same for values of Python; the salt is what the name adds."""
    found = np.zeros(len(values), np.uint64)
    written: list[tuple[int, str]] = []
    missing = np.zeros(len(values), np.bool_)
    for place, value in enumerate(values):
        kind, own = kind_of(value)
        if kind is None:
            missing[place] = True
        elif kind == "number":
            found[place] = _number_marks(np.array([own if type(own) is int else float(own)]))[0]
        else:
            text = own if kind == "text" and is_unicode(own) else ascii(own)
            written.append((place, f"{kind}:{text}"))
    if written:
        places = [place for place, _ in written]
        one, two = np.zeros(len(places), np.uint64), np.zeros(len(places), np.uint64)
        hash_ids(*text_buffers(texts([text for _, text in written])), one, two, np.zeros(len(places), np.bool_))
        found[places] = one ^ stirred(two)
    return np.where(missing, np.uint64(0), stirred(found ^ np.uint64(salt)))


def _plain_texts(array: pa.Array | None) -> pa.Array | None:
    """Texts in UTF-8 as they are hashed, nothing where they are null; None for anything else."""
    if array is None or not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return None
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return None
    if array.null_count:
        array = array.fill_null("")
    return array.cast(pa.large_string())


def _number_marks(numbers: np.ndarray) -> np.ndarray:
    """The same for equal numbers, whole or not; whole ones that no float is are told apart all the same."""
    if numbers.dtype.kind == "i":
        floats = numbers.astype(np.float64)
        rest = numbers - floats.astype(np.int64) if len(numbers) and np.abs(numbers).max() > _EXACT else 0
        return (floats + 0.0).view(np.uint64) + np.asarray(rest).astype(np.uint64)
    if numbers.dtype.kind != "f":
        return np.array([contact_key(repr(number))[0] for number in numbers.tolist()], np.uint64)
    return (numbers.astype(np.float64) + 0.0).view(np.uint64)
