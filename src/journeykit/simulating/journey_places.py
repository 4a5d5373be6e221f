"""Where contacts are on a journey: by columns, or contact by contact where the extension module was not built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import clock
from journeykit.kernels import has_kernels
from journeykit.placing.rows import place_rows
from journeykit.placing.table_placements import TablePlacements
from journeykit.tables.arrow.open_arrow import as_rows

if TYPE_CHECKING:
    from datetime import datetime

    from journeykit.journey.journey import Journey


def journey_places(
    journey: Journey,
    events: Any,
    contacts: Any,
    at: datetime,
    *,
    zone: str | None,
    timezone: str,
    threads: int | None = None,
) -> TablePlacements:
    """Place contacts; see `Journey.place_table`.

    Args:
        journey: the journey.
        events: what contacts did.
        contacts: the contacts; None for all who did something.
        at: the instant.
        zone: the zone in which instants without an offset are meant.
        timezone: in which the dates among attributes begin, of a contact without a time zone.
        threads: how many blocks of contacts are placed at once.
    """
    if has_kernels():
        from journeykit.placing.place import place_table

        return place_table(journey, events, contacts, at, zone=zone, timezone=timezone, threads=threads)
    known = None if zone is None else clock(zone).zone
    log, people = as_rows(events, "events"), as_rows(contacts, "contacts")
    found = place_rows(journey, log, people, at, zone=known, timezone=timezone)
    return TablePlacements.of(journey, found.placements, found.summary)
