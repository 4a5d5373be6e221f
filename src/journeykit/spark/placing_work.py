"""Placing the contacts of a slice on their journey."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
from attrs import frozen

from journeykit.journey import Journey
from journeykit.placing.place import place_table
from journeykit.spark.row_order import rows_in_order
from journeykit.spark.slice_bad_rows import SliceBadRows
from journeykit.tables.header import places_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeykit.placing.placing_tally import PlacingTally
    from journeykit.placing.table_placements import TablePlacements
    from journeykit.tables.bad_row_list import BadRows


@frozen(kw_only=True)
class PlacingWork:
    """Places the contacts of slices.

    Attributes:
        journey: the journey.
        at: the instant for which contacts are placed.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        timezone: in which the dates among attributes begin.
        has_paths: whether the rows are those of paths, and not those of stages.
    """

    journey: Journey
    at: datetime
    zone: str | None = None
    timezone: str = "UTC"
    has_paths: bool = False

    def __call__(self, tables: Mapping[str, pa.Table]) -> tuple[pa.Table, PlacingTally]:
        """Where the contacts of a slice are, and what was counted."""
        tables = rows_in_order(tables)
        bad = SliceBadRows(tables)
        found = self.placed(tables, bad)
        found.tally.bad = bad.told()
        return found.paths if self.has_paths else found.table, found.tally

    def schema(self, found: TablePlacements, empty: Mapping[str, pa.Table]) -> pa.Schema:
        """The columns of the rows: ids as they come where they are whole numbers.

        Args:
            found: the placement of tables without rows.
            empty: these tables.
        """
        rows = found.paths if self.has_paths else found.table
        own = empty.get("contacts", empty["events"])
        kind = own.schema.field(places_of(own.column_names, "contacts")["contact_id"]).type
        ids = kind if pa.types.is_integer(kind) else pa.string()
        return pa.schema(
            [pa.field("contact_id", ids), *(rows.schema.field(place) for place in range(1, rows.num_columns))]
        )

    def placed(self, tables: Mapping[str, pa.Table], bad: BadRows) -> TablePlacements:
        """The placements of a slice, whose bad rows are counted."""
        return place_table(
            self.journey,
            tables["events"],
            tables.get("contacts"),
            self.at,
            zone=self.zone,
            timezone=self.timezone,
            threads=1,
            bad=bad,
        )
