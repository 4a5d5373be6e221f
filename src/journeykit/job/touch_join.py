"""Touches of a columnar job: those of the table and those that the ledger knows, joined to the contacts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import DAY, FOREVER, day_number, micros
from journeykit.columns.columnar_engine import oldest_of
from journeykit.columns.contact_index import ContactIndex
from journeykit.columns.touch_columns import TouchReader, TouchShapes
from journeykit.job.ledger_tables import touches_table
from journeykit.model.bad_row import BadRow
from journeykit.model.touch import COUNTING
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.touch_table import refuse_useless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from journeykit.columns.touch_columns import TouchesTaken
    from journeykit.job.run import Run
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.arrow.partitions import Partition


class TouchJoin:
    """Reads touches, and joins them to contacts.

    Args:
        run: the run, which counts bad rows and mismatches.
        source: the table of touches; None where none is given.
        at_once: reads chunks at once, in their order, and counts rows that cannot be read.

    Attributes:
        source: the table of touches.
        parts: the kinds of touches, as far as they were met.
        unknown: how many touches belong to contacts that were not decided.
        latest: the last instant that a touch is about, or that of the decisions if it is later.
    """

    def __init__(self, run: Run, source: ArrowTable | None, at_once: Callable[[Any, Any], Iterator[Any]]) -> None:
        self._run = run
        self.source = source
        self._at_once = at_once
        self.parts = TouchShapes()
        self.unknown = 0
        self.latest = micros(run.at)
        self._good = 0
        self._known: ArrowTable | None = None

    def open_ledger(self) -> None:
        """Open the touches that the ledger knows."""
        self._known = open_source(touches_table(self._run.known_touches()), "ledger")

    def read(self, met: ContactIndex, stretch: Partition | None) -> list[TouchesTaken]:
        """The touches of the contacts that were met: those of the ledger, and those that are given.

        Args:
            met: the contacts.
            stretch: the part of the tables that is decided now; None for all.
        """
        run = self._run
        taken = self._join_known(met)
        before = run.bad.total
        if self.source is not None:
            read = partial(self._reader.read, index=met)
            for found in self._at_once(read, self._parts(self.source, stretch)):
                if stretch is None or found.group in stretch.fresh:
                    for bad in found.bad:
                        run.bad.add(bad)
                    run.mismatches.merge(found.found)
                    self._good += found.good
                    self.unknown += found.good
                self.unknown -= found.known
                run.quality.widen("touches", found.span)
                if len(found.at):
                    self.latest = max(self.latest, int(found.at.max()))
                    taken.append(found)
            run.bad_touches += run.bad.total - before
            self._refuse_useless(self.source, before, stretch)
        # A touch may know when its campaign ends.
        ends = (day_number(parts["campaign_ends"]) for parts in self.parts.list if "campaign_ends" in parts)
        self.latest = max([self.latest, *(day * DAY for day in ends)])
        return taken

    def _refuse_useless(self, source: ArrowTable, before: int, stretch: Partition | None) -> None:
        """Refuse touches that have rows, none of which can be used."""
        if self._good or self._run.bad.total == before or self._run.is_part:
            return
        if stretch is not None:
            # So far a part was read: nothing is decided before the rest is known to be as bad.
            reader = self._reader_of(source)
            for part in source.parts(TouchReader.wanted):
                if isinstance(part, tuple) and reader.read((part, -1), ContactIndex()).good:
                    return
        refuse_useless(self._run.bad, before, 0)

    def _join_known(self, met: ContactIndex) -> list[Any]:
        """The touches that the ledger knows of the contacts of this table."""
        if self._known is None:
            return []
        reader = self._reader_of(self._known)
        parts = ((part, -1) for part in self._known.parts(TouchReader.wanted))
        taken = [found for found in self._at_once(lambda part: reader.read(part, met), parts) if len(found.at)]
        self.latest = max([self.latest, *(int(found.at.max()) for found in taken)])
        return taken

    @staticmethod
    def _parts(source: ArrowTable, stretch: Partition | None) -> Iterator[tuple[Part, int] | BadRow]:
        """Chunks of touches, each with the group of rows from which it comes."""
        for group in (None,) if stretch is None else stretch.touches:
            for part in source.parts(TouchReader.wanted, None if group is None else [group]):
                yield part if isinstance(part, BadRow) else (part, -1 if group is None else group)

    def begin(self) -> None:
        """Look whether the columns of the touches are there, before anything is read."""
        if self.source is not None:
            self._reader = self._reader_of(self.source)

    def _reader_of(self, source: ArrowTable) -> TouchReader:
        compiled, now = self._run.decider.ruleset, micros(self._run.at)
        further = compiled.events_asked.ignored_reach
        oldest = min(oldest_of(rules, now, further) for rules in self._run.decider.playbooks)

        def counted(parts: Mapping[str, Any]) -> bool:
            campaign = compiled.campaigns.get(parts.get("campaign") or "")
            counts = campaign is not None and (campaign.repeat is not None or campaign.patience is not None)
            return counts and parts.get("status", "sent") in COUNTING

        return TouchReader(
            source,
            self.parts,
            zone=self._run.zone,
            oldest=-FOREVER if self._run.decider.shows_history else oldest,
            counted=counted,
            vocabulary=compiled.vocabulary,
            words=self._run.words["touches"] if source is self.source else None,
        )

    def count(self, met: ContactIndex) -> int:
        """How many touches of the table are of contacts that were met, however old."""
        assert self.source is not None  # noqa: S101  (it is asked where there are touches)
        reader = TouchReader(self.source, TouchShapes(), zone=self._run.zone, oldest=-FOREVER, counted=lambda _: True)
        parts = (part for part in self.source.parts(reader.wanted) if not isinstance(part, BadRow))
        return sum(reader.read((part, -1), met).known for part in parts)
