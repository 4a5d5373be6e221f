"""The events of a run of decisions, over columns: read once, and put together by contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.clock import wider
from journeykit.basics.threads import at_once
from journeykit.columns.event_counts import EventCounts
from journeykit.columns.touch_columns import span_of
from journeykit.journey.event_history import CAMPAIGN
from journeykit.kernels import sort_events
from journeykit.model.bad_row import BadRow
from journeykit.model.touch import IGNORED
from journeykit.placing.contact_events import ContactEvents
from journeykit.placing.event_columns import EventReader, rank_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from journeykit.columns.contact_index import ContactIndex
    from journeykit.journey.event_history import EventsAsked
    from journeykit.placing.event_columns import Taken
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.bad_row_list import BadRows

_BLOCK = 32_768
"""Contacts whose events are sorted at once."""


class DecisionEvents:
    """Reads a table of events for a run of decisions.

    Args:
        source: the table that is given; None for none.
        kept: the table of those that a ledger keeps; None likewise. One of the two is given.
        asked: what rules ask for.
        zone: the zone in which instants without an offset are meant.
        end: the instant of the decisions, in microseconds since 1970; later events do not count.
        bad: where bad rows are counted.
        threads: how many chunks are read at once.

    Attributes:
        rows: how many rows of the table that is given could be read.
        of: by contact, how many of them are theirs; the last is how many belong to nobody.
        span: the earliest and the latest of their instants, in microseconds; None without any.
        given: by name, how many of them there are.
        kept: the names of those that the ledger keeps.
    """

    def __init__(
        self,
        source: ArrowTable | None,
        kept: ArrowTable | None,
        asked: EventsAsked,
        *,
        zone: tzinfo | None,
        end: int,
        bad: BadRows,
        threads: int,
    ) -> None:
        self._source = source
        self._kept = kept
        self._asked = asked
        # One reader for both, so that one code is one value.
        self._reader = EventReader(source or kept, asked, zone, needs_ids=False)  # type: ignore[arg-type]
        self._end = end
        self._bad = bad
        self._threads = threads
        self._ignored = asked.events.index(IGNORED) if IGNORED in asked.events else -1
        self.rows = 0
        self.of = np.zeros(1, np.uint32)
        self.span: tuple[int, int] | None = None
        self.given: Mapping[str, int] = {}
        self.kept: frozenset[str] = frozenset()

    def join(self, met: ContactIndex, contacts: int) -> EventCounts:
        """The events of the contacts that were met, by the numbers of their rows.

        Raises:
            DataError: if the table has rows, none of which can be used.
        """
        self.of = np.zeros(contacts + 1, np.uint32)
        log = self._taken(met)
        large = log.too_large(contacts)
        found = log.arrays(contacts, np.zeros(0, np.int64))
        has_ids = self._reader.has_ids or self._kept is not None

        def arrange(begin: int) -> None:
            sort_events(found, begin, min(begin + _BLOCK, contacts), has_ids)

        for _ in at_once(arrange, range(0, contacts, _BLOCK), self._threads):
            pass
        known = self._reader.known
        return EventCounts(found, self._asked, known, {part: rank_of(own) for part, own in known.items()}, large)

    def _taken(self, met: ContactIndex) -> ContactEvents:
        log = ContactEvents(len(self._asked.numbers), len(self._asked.values))
        if self._source is not None:
            self.rows = self._add(log, self._source, met)
            self.given = dict(self._reader.met)
            self._reader.met.clear()
            if self._source.count is not None:
                self._bad.rows[self._source.source] = self._source.count
            self._bad.refuse_useless(self._source.source, self.rows)
        if self._kept is not None:
            self._add(log, self._kept, met)
            self.kept = frozenset(self._reader.met)
        return log

    def _add(self, log: ContactEvents, source: ArrowTable, met: ContactIndex) -> int:
        """Add the events of a table; how many rows could be read."""
        rows = 0

        def read(part: Any) -> Any:
            taken = self._reader.read(part)
            return taken if isinstance(taken, BadRow) else (taken, met.find(taken.one, taken.two))

        # All columns are read: they tell events without ids apart.
        for found in at_once(read, source.parts(lambda _: True), self._threads):
            if isinstance(found, BadRow):
                self._bad.add(found)
                continue
            taken, contact = found
            for bad in taken.bad:
                self._bad.add(bad)
            rows += len(taken.at)
            if source is self._source:
                self.span = wider(self.span, span_of(taken.at))
                np.add.at(self.of, contact, 1)  # nobody is -1, the last
            log.add(contact, taken, (contact >= 0) & (taken.at <= self._end) & self._is_wanted(taken))
        return rows

    def _is_wanted(self, taken: Taken) -> np.ndarray:
        wanted: np.ndarray = taken.names < len(self._asked.events)
        if self._asked.any_answer:
            wanted |= taken.values[self._asked.values[CAMPAIGN]] >= 0
        if self._ignored >= 0:
            # Which touches are ignored is worked out, and no row of a table.
            wanted &= taken.names != self._ignored
        return wanted
