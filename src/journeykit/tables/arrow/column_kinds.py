"""Kinds of columns, as a summary names them, whatever types of Arrow hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

ANY = "any"
"""The kind of a column of which each cell has a kind of its own."""
_KINDS: tuple[tuple[str, Callable[[pa.DataType], bool]], ...] = (
    ("text", pa.types.is_string),
    ("text", pa.types.is_large_string),
    ("text", lambda kind: kind == pa.string_view()),
    ("truth", pa.types.is_boolean),
    ("whole", pa.types.is_integer),
    ("number", pa.types.is_floating),
    ("number", pa.types.is_decimal),
    ("date", pa.types.is_date),
    ("nothing", pa.types.is_null),
)


def kind_of(kind: pa.DataType) -> str:
    """The kind of a column.

    ``text``, ``truth``, ``whole`` and ``number`` speak for themselves. ``instant`` has an offset, ``local instant`` has
    none; ``texts`` is a list of texts, and ``list`` another one; ``any`` is everything else.

    Example:
        >>> kind_of(pa.dictionary(pa.int32(), pa.string())), kind_of(pa.timestamp("ns")), kind_of(pa.list_(pa.string()))
        ('text', 'local instant', 'texts')
    """
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if pa.types.is_timestamp(kind):
        return "instant" if kind.tz else "local instant"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "texts" if kind_of(kind.value_type) == "text" else "list"
    return next((name for name, is_own in _KINDS if is_own(kind)), ANY)
