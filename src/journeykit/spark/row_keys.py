"""Keys of rows: which contact a row of any table is about."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from journeykit.columns.chunk import id_keys
from journeykit.tables.arrow.arrays import one_piece
from journeykit.tables.arrow.column import Column
from journeykit.tables.header import fold_name


class RowKeys(NamedTuple):
    """The keys of ids by row, as `journeykit.columns.chunk.id_keys` makes them.

    Attributes:
        one: the first half.
        two: the second half.
        bad: which rows have no id that can be read.
    """

    one: np.ndarray
    two: np.ndarray
    bad: np.ndarray


def keys_of(table: pa.Table, name: str = "contact_id") -> RowKeys:
    """The keys of a column of ids; where the table has none, no row has one."""
    place = next((place for place, own in enumerate(table.column_names) if fold_name(own) == name), None)
    column = None if place is None else Column(one_piece(table.column(place)))
    return RowKeys(*id_keys(column, table.num_rows))


def spread_keys(table: pa.Table) -> np.ndarray:
    """A key of each row: that of its contact; where no id can be read, one of all that the row says.

    Rows without an id may be many, and should not all be in one place.
    """
    one, _, bad = keys_of(table)
    if bad.any():
        one = one.copy()
        one[bad] = _content_keys(table.filter(pa.array(bad)))
    return one


def _content_keys(table: pa.Table) -> np.ndarray:
    found = np.zeros(table.num_rows, np.uint64)
    # Bytes are hashed as they are, be they text or not.
    as_text = pc.CastOptions(pa.large_string(), allow_invalid_utf8=True)
    for column in table.columns:
        # What cannot be written as text, such as a list, tells rows apart no further.
        with suppress(pa.ArrowException):
            text = one_piece(column.cast(options=as_text)).fill_null("")
            found = found * np.uint64(0x9E3779B97F4A7C15) + id_keys(Column(text), table.num_rows)[0]
    return found ^ found >> np.uint64(29)
