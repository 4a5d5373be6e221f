"""The table of contacts, for measures: one row of each contact, by their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.measuring.cell_columns import as_array, joined_arrays
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.arrays import numbers as number_array
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.contact_table import is_attribute
from journeykit.tables.header import fold_name, missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import tzinfo
    from typing import Any

    from journeykit.measuring.cell_columns import Faults
    from journeykit.measuring.contact_numbers import ContactNumbers
    from journeykit.tables import TableSource
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.bad_row_list import BadRows


class ContactRows:
    """A table of contacts. Of several rows of a contact the first counts; the others are bad rows.

    Args:
        source: the table.
        numbers: the numbers of contacts; added to.
        zone: the zone in which instants without an offset are meant.
        bad: where bad rows are counted.
        only: the folded names of the columns that are kept; None for all.

    Attributes:
        names: by folded name, how the table writes the columns that are kept.

    Raises:
        DataError: for a table that cannot be read.
    """

    def __init__(
        self,
        source: TableSource,
        numbers: ContactNumbers,
        *,
        zone: tzinfo | None,
        bad: BadRows,
        only: Container[str] | None,
    ) -> None:
        self._numbers = numbers
        self._bad = bad
        self._only = only
        self._columns: dict[str, list[pa.Array]] = {}
        self._owners: list[np.ndarray] = []
        self._rows = 0
        self.names: dict[str, str] = {}
        self.table = open_source(source, "contacts", typed=is_attribute, zone=zone)
        self.table.needed = ["contact_id"]
        if self.table.columns is not None and "contact_id" not in places_of(self.table.columns, self.table.source):
            raise missing_column("contact_id", self.table.columns, self.table.source)
        for part in self.table.parts(self._wanted):
            if isinstance(part, BadRow):
                bad.add(part)
            else:
                self._take(part)

    def _wanted(self, name: str) -> bool:
        fold = fold_name(name)
        return fold == "contact_id" or self._only is None or fold in self._only

    def _take(self, part: Part) -> None:
        number, names, arrays = part
        places = places_of(names, self.table.source)
        rows = len(Column(arrays[0])) if arrays else 0
        faults: Faults = {}
        column = Column(arrays[places["contact_id"]]) if "contact_id" in places else None
        before = self._numbers.count
        contact = self._numbers.meet(column, rows, faults)
        first = np.zeros(rows, np.bool_)
        first[np.unique(contact, return_index=True)[1]] = True
        # All numbers so far are of this table.
        first &= contact >= before
        for row in np.flatnonzero(~first & (contact >= 0)).tolist():
            assert column is not None  # noqa: S101  (else no id could be read)
            faults[row] = ("contact_id", repr(column.value(row)), "one row for each contact")
        for row in sorted(faults):
            self._bad.add(BadRow(self.table.source, number + row, *faults[row]))
        kept = np.flatnonzero(first)
        self._owners.append(contact[kept])
        for fold, place in places.items():
            if fold != "contact_id" and self._wanted(fold):
                # Parts before this one may have lacked the column.
                own = self._columns.setdefault(fold, [pa.nulls(self._rows)] if self._rows else [])
                own.append(as_array(arrays[place]).take(number_array(kept, pa.int64())))
                self.names.setdefault(fold, names[place].strip())
        self._rows += len(kept)
        for own in self._columns.values():
            lacking = self._rows - sum(map(len, own))
            if lacking:
                own.append(pa.nulls(lacking))

    def row_of(self, contacts: int) -> np.ndarray:
        """By number of a contact, the row that is theirs; -1 for those who are not in the table."""
        found = np.full(contacts, -1, np.int64)
        owners = np.concatenate(self._owners) if self._owners else np.zeros(0, np.int64)
        found[owners] = np.arange(len(owners))
        return found

    def column(self, fold: str) -> Any:
        """A column, by its folded name."""
        return joined_arrays(self._columns[fold])
