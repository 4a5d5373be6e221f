"""Several tables as one: the rows of each, one table after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.tables.arrow.arrow_table import ArrowTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from journeykit.model.bad_row import BadRow
    from journeykit.tables.arrow.adapters import Part


class TableSeries(ArrowTable):
    """Tables one after the other, each with its own columns.

    Args:
        tables: the tables; what messages call the first is what they call all of it.

    Example:
        >>> import pyarrow as pa
        >>> from journeykit.tables.arrow.open_arrow import open_source
        >>> one, two = (open_source(pa.table({"contact_id": [name]}), "touches") for name in ("anna", "ben"))
        >>> [arrays[0].to_pylist() for _, _, arrays in TableSeries([one, two]).parts(lambda name: True)]
        [['anna'], ['ben']]
    """

    def __init__(self, tables: Sequence[ArrowTable]) -> None:
        self._tables = tables
        self.source = tables[0].source
        self.columns = None
        counts = [table.count for table in tables]
        self.count = None if None in counts else sum(count or 0 for count in counts)

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns of all of them, as far as they were met."""
        return tuple(dict.fromkeys(name for table in self._tables for name in table.names))

    def parts(self, wanted: Callable[[str], bool], groups: Sequence[int] | None = None) -> Iterator[Part | BadRow]:
        """The chunks of each table, in order; see `ArrowTable`."""
        del groups
        for table in self._tables:
            table.needed = self.needed
            yield from table.parts(wanted)
