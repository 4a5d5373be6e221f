"""What placing a table of contacts gives, whichever engine does it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from attrs import field, frozen

from journeykit.model.bad_row import BadRow

STAGES: dict[str, str] = {
    "contact_id": "text",
    "stage": "text",
    "since": "instant",
    "owner": "text",
    "steps": "whole",
    "transition": "text",
    "evidence_at": "instant",
}
"""The columns of a table of stages, with the kind of each; see `journeykit.tables.table_writer`."""


PATHS: dict[str, str] = {
    "contact_id": "text",
    "step": "whole",
    "stage": "text",
    "since": "instant",
    "from_stage": "text",
    "transition": "whole",
    "label": "text",
    "evidence_at": "instant",
}
"""The columns of a table of paths; ``transition`` is its place in the journey, -1 where a contact entered it."""


@frozen
class PlacingSummary:
    """What became of the contacts and events of a table.

    Attributes:
        at: the instant for which they were placed.
        contacts: how many were placed.
        events: how many rows of events could be read.
        stages: by stage, how many contacts are there.
        steps: how many steps their paths have.
        noted: what was noted, by what, of those that occurred: ``not_entered`` and ``unknown_stage`` of contacts (who
            are then on the first stage); ``unknown_contact``, ``future``, ``duplicate`` of events that were not used;
            ``unknown_event`` of those whose name the journey does not ask for (they break a silence all the same);
            ``not_qualified``, ``not_again`` and ``other_stage`` of those that were to take a transition and took none
            (`journeykit.journey.Untaken`);
            ``not_a_number`` and ``not_comparable`` of properties.
        unknown_events: the names that the journey does not ask for.
        bad_rows: how many rows could not be used.
        bad: the first of them.
        notes: what else is worth knowing.
        rows: by table, how many rows it has, where that is known.
    """

    at: datetime
    contacts: int
    events: int
    stages: Mapping[str, int]
    steps: int
    noted: Mapping[str, int] = field(factory=dict)
    unknown_events: tuple[str, ...] = ()
    bad_rows: int = 0
    bad: tuple[BadRow, ...] = ()
    notes: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "at": self.at.isoformat(),
            "contacts": self.contacts,
            "events": self.events,
            "rows": dict(self.rows),
            "stages": dict(self.stages),
            "steps": self.steps,
            "noted": dict(self.noted),
            "unknown_events": list(self.unknown_events),
            "bad_rows": self.bad_rows,
            "bad": [str(row) for row in self.bad],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        told = f"{self.contacts:,} contacts and {self.events:,} events placed at {self.at:%Y-%m-%d %H:%M}"
        lines = [f"{told}, {self.steps:,} steps"]
        width = max(map(len, self.stages), default=0)
        lines += [f"  {name:<{width}}  {count:>11,}" for name, count in self.stages.items()]
        for name, count in self.noted.items():
            names = self.unknown_events if name == "unknown_event" else ()
            some = f" ({', '.join(names[:8])}{', ...' if len(names) > 8 else ''})" if names else ""
            lines.append(f"{_WORDS[name]}: {count:,}{some}")
        if self.bad_rows:
            lines.append(f"rows that could not be used: {self.bad_rows:,}")
            lines += [f"  {row}" for row in self.bad[:5]]
            if self.bad_rows > 5:
                lines.append(f"  ... and {self.bad_rows - 5:,} more")
        return "\n".join([*lines, *self.notes])


_WORDS = {
    "not_entered": "contacts who have not entered the journey yet",
    "unknown_stage": "contacts whose entry stage the journey does not have, who entered on its first one",
    "unknown_contact": "events of contacts who are not known, not used",
    "future": "events after the instant, not used",
    "duplicate": "events that were there before, not used",
    "unknown_event": "events that the journey does not ask for, which only break a silence",
    "not_qualified": "events that took no transition, as a stage did not let the contact in (qualified)",
    "not_again": "events that took no transition, as a stage could not be entered again then",
    "other_stage": "events that took no transition, as they take none from the contact's stage",
    "not_a_number": "properties that are no numbers of at most 1e9, not added up",
    "not_comparable": "properties that are neither numbers, texts nor booleans, left out",
}


NOTED = tuple(_WORDS)


class Placements(ABC):
    """Where contacts are, and how they came there: what both engines give.

    Attributes:
        engine: which engine placed them: ``one`` or ``columns``.
        summary: what became of contacts and events.
    """

    engine: ClassVar[str]
    summary: PlacingSummary

    @property
    @abstractmethod
    def table(self) -> Any:
        """An Arrow table with a row for each contact, with the columns of `STAGES`."""

    @property
    @abstractmethod
    def paths(self) -> Any:
        """An Arrow table with a row for each step of each path, with the columns of `PATHS`."""

    @abstractmethod
    def write_parquet(self, path: str, name: str) -> None:
        """Write ``table`` or ``paths`` to a Parquet file.

        Raises:
            OSError: if the file cannot be written.
        """

    @abstractmethod
    def stages(self) -> Iterator[tuple[Any, ...]]:
        """A row for each contact, with the columns of `STAGES`; ids are text."""

    @abstractmethod
    def steps(self) -> Iterator[tuple[Any, ...]]:
        """A row for each step of each path, with the columns of `PATHS`; ids are text."""

    def stays(self) -> Iterator[tuple[str, str, Any]]:
        """A row for each step: the contact, the stage, and since when (aware, or in microseconds since 1970)."""
        return ((contact, stage, since) for contact, _, stage, since, *_ in self.steps())

    @abstractmethod
    def counts(self) -> tuple[dict[str, int], dict[int, int]]:
        """How many contacts are on each stage, and how many took each transition, by its place in the journey.

        Contacts who have not entered the journey count nowhere.
        """

    @abstractmethod
    def origins(self) -> dict[tuple[int, str], int]:
        """How many contacts took each transition from each stage."""
