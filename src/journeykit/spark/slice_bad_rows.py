"""Bad rows of a slice: they say whose they are, as rows have no numbers on Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.bad_row_file import by_contact
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from journeykit.model.bad_row import BadRow

_HELD = 5_000
"""After so many bad rows, only the first ones by contact are held."""


class SliceBadRows(BadRows):
    """Counts the bad rows of a slice, and keeps the first ones by contact, however many there are.

    Args:
        tables: the tables of the slice, as they are read.
    """

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        super().__init__(keep=None, is_part=True)
        self._tables = tables
        self.rows.update({name: table.num_rows for name, table in tables.items()})

    def add(self, bad: BadRow, *, is_useless: bool = True) -> None:
        """Count a row."""
        super().add(bad, is_useless=is_useless)
        if len(self.first) >= _HELD:
            self.first = self.told().first

    def told(self) -> BadRows:
        """The same with the contacts' ids in place of numbers of rows; the first ones, by contact."""
        found = BadRows()
        picks = [(name, open_source(table, name).pick) for name, table in self._tables.items()]
        found.merge(self.with_rows(by_contact(self.first, picks)))
        return found
