"""The report on what messages did: as text, as a page, as plain data and as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
from attrs import field, frozen

from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.measuring.facet_measures import FacetMeasures
from journeykit.measuring.group_measures import GroupMeasures
from journeykit.measuring.measure_tables import group_rows
from journeykit.measuring.ratio_interval import Draws

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


MEASURES: Mapping[str, str] = {
    "by": "text",
    "group": "text",
    "measure": "text",
    "messages": "number",
    "contacts": "number",
    "young": "number",
    "young_responded": "number",
    "settled": "number",
    "responded": "number",
    "rate": "number",
    "low": "number",
    "high": "number",
    "method": "text",
    "is_small": "text",
    "events": "number",
    "value": "number",
    "value_per_message": "number",
    "value_low": "number",
    "value_high": "number",
    "cost": "number",
    "value_per_cost": "number",
    "per_thousand": "number",
}
"""The columns of the table of measures, with the kind of each. What a row does not have is empty."""


class ReportBlock(Protocol):
    """A part of the report of its own, such as differences between arms.

    Attributes:
        name: the key under which it is found in plain data.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    def notes(self) -> Iterable[str]:
        """What is to be said of it, a line each."""

    def tables(self) -> Iterable[ReportTable]:
        """It as tables for people."""

    def to_dict(self) -> Any:
        """It as plain data."""

    def rows(self) -> Iterable[Mapping[str, Any]]:
        """It as rows of the table of measures: cells by column of `MEASURES`, those that it has."""


@frozen(kw_only=True, repr=False)
class MeasureReport:
    """What messages did: how many were answered, what that was worth, and what it did harm.

    Attributes:
        since: the first instant of the messages.
        until: the instant at which observation ended; messages are from before it.
        unit: what intervals are drawn over: ``contact``, or ``account`` where contacts are decided together.
        draws: how they are drawn.
        everything: the measures of all messages.
        facets: the measures by each facet that was asked for.
        pressure: opt-outs and complaints by how many messages the contact had in the days before; None where there
            are no such events.
        harms: each opt-out and complaint with the message that it followed, an Arrow table with the columns of `HARMS`;
            None likewise.
        blocks: parts of their own: differences between arms, and so on.
        counts: what became of the rows of the tables, by response: see `Credits`.
        notes: what is to be said: of the tables, and of how facets were found.
    """

    since: datetime
    until: datetime
    unit: str
    draws: Draws
    everything: GroupMeasures
    facets: tuple[FacetMeasures, ...]
    pressure: FacetMeasures | None = None
    harms: pa.Table | None = field(default=None, eq=False)
    blocks: tuple[ReportBlock, ...] = ()
    counts: Mapping[str, Any] = field(factory=dict)
    notes: tuple[str, ...] = ()

    def by(self, name: str) -> FacetMeasures:
        """The measures by a facet, as ``--by`` names it.

        Raises:
            KeyError: if it was not asked for.
        """
        for own in self.facets:
            if own.name == name:
                return own
        raise KeyError(name)

    def block(self, name: str) -> ReportBlock | None:
        """A part by its name; None where there is none."""
        return next((own for own in self.blocks if own.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; instants are ISO text, rates from 0 to 1."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "unit": self.unit,
            "level": self.draws.level,
            "samples": self.draws.number,
            "seed": self.draws.seed,
            "all": self.everything.to_dict(),
            "by": {own.name: [group.to_dict() for group in own.groups] for own in self.facets},
            "pressure": None if self.pressure is None else [own.to_dict() for own in self.pressure.groups],
            **{own.name: own.to_dict() for own in self.blocks},
            "counts": dict(self.counts),
            "notes": list(self.notes),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of measures, with the columns of `MEASURES`: a row for each group and response."""
        empty = dict.fromkeys(MEASURES)
        parts = [group_rows("", (self.everything,))]
        parts += [group_rows(own.name, own.groups) for own in (*self.facets, *filter(None, (self.pressure,)))]
        for part in (*parts, *(own.rows() for own in self.blocks)):
            for cells in part:
                yield {**empty, **cells}

    def _heading(self) -> Iterator[str]:
        own = self.everything
        since, until = (f"{at:%Y-%m-%d %H:%M}" for at in (self.since, self.until))
        yield f"{own.messages:,} messages to {own.contacts:,} contacts, from {since} to {until} (UTC)."
        draws = f"{self.draws.number:,} samples, seed {self.draws.seed}"
        yield (
            f"Intervals are at {100 * self.draws.level:g} %: Wilson's where each {self.unit} counts once, else a "
            f"bootstrap by {self.unit} ({draws}); what rests on few is small."
        )
        # Parts of the report may have the same to say.
        yield from dict.fromkeys((*self.notes, *(note for block in self.blocks for note in block.notes())))

    def _tables(self) -> Iterator[ReportTable]:
        yield FacetMeasures(facets=(), groups=(self.everything,)).table("All messages")
        for own in self.facets:
            yield own.table()
        if self.pressure is not None:
            yield self.pressure.table("Opt-outs and complaints by messages before")
        for block in self.blocks:
            yield from block.tables()

    def __str__(self) -> str:
        return text(self._heading(), self._tables())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return page(self._heading(), self._tables())
