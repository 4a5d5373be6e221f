"""Bad rows of a slice: they say whose they are, as rows have no numbers on Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.bad_row_file import by_contact
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


def slice_bad_rows(tables: Mapping[str, pa.Table]) -> BadRows:
    """What counts the bad rows of a slice, and keeps all of them."""
    found = BadRows(keep=None, is_part=True)
    found.rows.update({name: table.num_rows for name, table in tables.items()})
    return found


def told_bad_rows(bad: BadRows, tables: Mapping[str, pa.Table]) -> BadRows:
    """The same with the contacts' ids in place of numbers of rows; the first ones, by contact.

    Args:
        bad: the bad rows of a slice.
        tables: its tables, as they were read.
    """
    found = BadRows()
    picks = [(name, open_source(table, name).pick) for name, table in tables.items()]
    found.merge(bad.with_rows(by_contact(bad.first, picks)))
    return found
