"""What had happened by an instant: the rows of a table until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.clock import FOREVER, micros
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.arrow.kept_table import KeptTable
from journeykit.tables.cells import instant_reader
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from datetime import tzinfo

    from numpy.typing import NDArray

    from journeykit.tables.arrow.adapters import Part


def rows_until(table: KeptTable, name: str, last: int, zone: tzinfo | None) -> KeptTable:
    """The rows of a table that are not later than an instant; those with one that cannot be read stay.

    Args:
        table: the table.
        name: the column of instants.
        last: the instant, in microseconds since 1970.
        zone: the zone in which instants without an offset are meant.
    """
    kept: list[Part | BadRow] = []
    for part in table.kept:
        if isinstance(part, BadRow):
            kept.append(part)
            continue
        number, names, arrays = part
        place = next((place for place, own in enumerate(names) if fold_name(own) == name), None)
        later = np.zeros(0, np.bool_) if place is None else instants_of(Column(arrays[place]), zone, -FOREVER) > last
        if later.any():
            rows = np.flatnonzero(~later)
            arrays = [Column(own).take(rows).data for own in arrays]
        if not later.all() or not len(later):
            kept.append((number, names, arrays))
    return KeptTable(table.source, kept, table.columns, table)


def instants_of(column: Column, zone: tzinfo | None, unread: int) -> NDArray[np.int64]:
    """A column of instants in microseconds since 1970.

    Args:
        column: the column.
        zone: the zone in which instants without an offset are meant.
        unread: the number of a cell that cannot be read.
    """
    if column.instants is not None:
        whole, known = column.instants
        return np.where(known, whole, unread)
    read = instant_reader(zone, bounded=True)
    codes, values = column.read(lambda cell: micros(read(cell)))
    found: NDArray[np.int64] = np.array([unread if own is UNREAD else own for own in values] or [unread], np.int64)[
        codes
    ]
    return found
