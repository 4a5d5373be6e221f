"""What became of the contacts and events of a placement, as numbers that add up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import Factory, define

from journeykit.journey.placing_results import NOTED, PlacingSummary
from journeykit.placing.journey_columns import property_notes
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from journeykit.journey import Journey


@define(kw_only=True)
class PlacingTally:
    """What became of contacts and events, of all or of some of the contacts: parts add up to the whole, in any order.

    Attributes:
        contacts: how many contacts were placed.
        events: how many rows of events could be read.
        stages: by stage, how many contacts are there.
        steps: how many steps their paths have.
        noted: as of `PlacingSummary`.
        unknown_events: the names that the journey does not ask for.
        properties: the properties that events have.
        large: how many contacts fell back to the row engine, as their sums are too large.
        rows: by table, how many rows it has, where that is known.
        bad: the rows that could not be used.

    Example:
        >>> whole = PlacingTally(contacts=2, stages=Counter(new=2), unknown_events={"visit"})
        >>> whole.merge(PlacingTally(contacts=1, stages=Counter(loyal=1)))
        >>> whole.contacts, dict(whole.stages), whole.unknown_events
        (3, {'new': 2, 'loyal': 1}, {'visit'})
    """

    contacts: int = 0
    events: int = 0
    stages: Counter[str] = Factory(Counter)
    steps: int = 0
    noted: Counter[str] = Factory(Counter)
    unknown_events: set[str] = Factory(set)
    properties: set[str] = Factory(set)
    large: int = 0
    rows: Counter[str] = Factory(Counter)
    bad: BadRows = Factory(BadRows)

    def merge(self, other: PlacingTally) -> None:
        """Count what a part has counted that has other contacts; it is not changed."""
        for name in ("contacts", "events", "steps", "large"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("stages", "noted", "unknown_events", "properties", "rows"):
            getattr(self, name).update(getattr(other, name))
        self.bad.merge(other.bad)

    def summary(self, journey: Journey, at: datetime, notes: Iterable[str] = ()) -> PlacingSummary:
        """The same as a summary.

        Args:
            journey: the journey.
            at: the instant for which contacts were placed.
            notes: what else is worth knowing of the tables, whatever their rows.
        """
        found = f"{self.large:,} contacts were" if self.large > 1 else "1 contact was"
        large = f"{found} placed by the row engine: their sums are larger than 9e12"
        return PlacingSummary(
            at=at,
            contacts=self.contacts,
            events=self.events,
            stages={stage.name: self.stages[stage.name] for stage in journey.stages},
            steps=self.steps,
            noted={name: self.noted[name] for name in NOTED if self.noted[name]},
            unknown_events=tuple(sorted(self.unknown_events)),
            bad_rows=self.bad.total,
            bad=tuple(self.bad.first),
            rows=dict(self.rows),
            notes=(
                *((large,) if self.large else ()),
                *notes,
                *(property_notes(journey, self.properties) if self.events else ()),
            ),
        )
