"""Event counts: what rules ask of events, as columns of a chunk of contacts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from journeykit.basics.validation import MILLIONTH
from journeykit.columns.chunk import coded_values
from journeykit.columns.claim_block import gathered
from journeykit.journey.event_history import CAMPAIGN, EventHistory, campaign_in
from journeykit.kernels.interface.journey_arrays import GOOD
from journeykit.model.touch import IGNORED
from journeykit.tables.arrow.arrays import numbers
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.journey.event_history import EventsAsked
    from journeykit.kernels.interface.journey_arrays import EventArrays
    from journeykit.rule import Aggregate


class EventCounts:
    """The events of a run, by contact.

    Args:
        log: the events up to the instant of the decisions; each contact's in the order of time, duplicates without a
            name.
        asked: what rules ask for; the places of its names are the numbers of the events.
        known: by property of which the last is asked for, its distinct values, in the order of their codes.
        rank: likewise, their ranks among those of one instant.
        large: the contacts one of whose sums may be too large for 64 bits.
    """

    def __init__(
        self,
        log: EventArrays,
        asked: EventsAsked,
        known: Mapping[str, Sequence[Any]],
        rank: Mapping[str, np.ndarray],
        large: np.ndarray,
    ) -> None:
        self.log = log
        self.asked = asked
        self.known = known
        self.rank = rank
        self.large = large
        self.number = {name: number for number, name in enumerate(asked.events)}
        # The touches that were ignored: where each contact's start, and one more; and the instants, in their order.
        self.ignored = np.zeros(len(log.first), np.int64), np.zeros(0, np.int64)

    @cached_property
    def everything(self) -> tuple[np.ndarray, np.ndarray]:
        """All events, by contact: by event whose, and which one it is."""
        first = self.log.first
        return np.repeat(np.arange(len(first) - 1), np.diff(first)), self.log.order

    def set_ignored(self, contact: np.ndarray, at: np.ndarray) -> None:
        """Add the touches that were ignored: whose, and the instants at which that was known."""
        order = np.lexsort((at, contact))
        first = np.zeros(len(self.log.first), np.int64)
        np.cumsum(np.bincount(contact, minlength=len(first) - 1), out=first[1:])
        self.ignored = first, at[order]

    def of(self, contacts: np.ndarray) -> ChunkEvents:
        """The events of some contacts, by their numbers."""
        return ChunkEvents(self, contacts)


class ChunkEvents:
    """The events of a chunk of contacts.

    Args:
        counts: those of all.
        contacts: by row of the chunk, the number of the contact.
    """

    def __init__(self, counts: EventCounts, contacts: np.ndarray) -> None:
        self._counts = counts
        self._contacts = contacts
        self._named: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def take(self, rows: np.ndarray) -> ChunkEvents:
        """Those of some rows."""
        return ChunkEvents(self._counts, self._contacts[rows])

    def column(self, part: Aggregate, now: Any) -> Column:
        """What the events add up to, by row.

        Args:
            part: what is asked.
            now: the instant at which, in microseconds since 1970, for all rows or by row; not before the decision's.
        """
        rows, at, events = self._of(part.event)
        if part.length is not None:
            since = now if np.ndim(now) == 0 else now[rows]
            kept = at > since - part.length
            rows, at, events = rows[kept], at[kept], events[kept]
        if part.kind == "count":
            return Column(numbers(np.bincount(rows, minlength=len(self._contacts)), pa.int64()))
        if part.kind == "latest":
            return self._latest(rows, at)
        assert part.part is not None  # noqa: S101  (sums and lasts look at a property)
        return self._sum(rows, events, part.part) if part.kind == "sum" else self._last(rows, events, part.part)

    def history(self, row: int) -> EventHistory:
        """What the contact of a row did, for the row engine."""
        log, asked = self._counts.log, self._counts.asked
        contact = int(self._contacts[row])
        own = log.order[int(log.first[contact]) : int(log.first[contact + 1])]
        events = {name: own[log.name[own] == number] for name, number in self._counts.number.items()}
        return EventHistory(
            instants={name: tuple(log.at[some].tolist()) for name, some in events.items()},
            sums={(name, part): self._added(events[name], part) for name, part in asked.sums},
            lasts={(name, part): self._values(events[name], part) for name, part in asked.lasts},
            campaigns={name: self._campaigns(events[name]) for name in sorted(asked.told)},
            answers=self._answers(own) if asked.answers else (),
        )

    def _campaigns(self, events: np.ndarray) -> tuple[tuple[int, str | None], ...]:
        """Events with the campaigns that they name."""
        log, known = self._counts.log, self._counts.known[CAMPAIGN]
        codes = log.value[self._counts.asked.values[CAMPAIGN]][events].tolist()
        names = [campaign_in({CAMPAIGN: known[code]}) if code >= 0 else None for code in codes]
        return tuple(zip(log.at[events].tolist(), names, strict=True))

    def _answers(self, events: np.ndarray) -> tuple[tuple[int, str, str], ...]:
        """The events that may be responses."""
        log, asked = self._counts.log, self._counts.asked
        events = events[log.name[events] >= 0]
        names = [asked.events[number] if number < len(asked.events) else "" for number in log.name[events].tolist()]
        told = zip(self._campaigns(events), names, strict=True)
        return tuple((at, name, campaign) for (at, campaign), name in told if campaign and asked.is_answer(name))

    @cached_property
    def _all(self) -> tuple[np.ndarray, np.ndarray]:
        """The events of the chunk: by event the row, and which one it is."""
        log = self._counts.log
        first, places = gathered(log.first, self._contacts)
        return np.repeat(np.arange(len(self._contacts)), np.diff(first)), log.order[places]

    def _of(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The events of one name: by event the row, the instant, and which one it is."""
        if name not in self._named:
            self._named[name] = self._ignored() if name == IGNORED else self._those(self._counts.number[name])
        return self._named[name]

    def _those(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        log = self._counts.log
        rows, events = self._all
        own = np.flatnonzero(log.name[events] == number)
        return rows[own], log.at[events[own]], events[own]

    def _ignored(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The touches that were ignored, which are no events of the table and have no properties."""
        first, at = self._counts.ignored
        starts, places = gathered(first, self._contacts)
        rows = np.repeat(np.arange(len(self._contacts)), np.diff(starts))
        return rows, at[places], np.zeros(len(places), np.int64)

    def _latest(self, rows: np.ndarray, at: np.ndarray) -> Column:
        found = np.zeros(len(self._contacts), np.int64)
        missing = np.ones(len(self._contacts), np.bool_)
        # Events come in the order of time: of those of one row the last stays.
        found[rows], missing[rows] = at, False
        return Column(numbers(found, pa.timestamp("us", "UTC"), missing))

    def _sum(self, rows: np.ndarray, events: np.ndarray, part: str) -> Column:
        rows, amounts = self._amounts(rows, events, part)
        # Sums that wrap around come back: the difference of two of them is exact where it fits.
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(amounts)])
        first = np.searchsorted(rows, np.arange(len(self._contacts) + 1))
        found = (sums[first[1:]] - sums[first[:-1]]).astype(np.float64)
        for row in np.flatnonzero(np.isin(self._contacts, self._counts.large)).tolist():
            found[row] = float(sum(amounts[first[row] : first[row + 1]].tolist()))
        return Column(numbers(found / MILLIONTH, pa.float64()))

    def _last(self, rows: np.ndarray, events: np.ndarray, part: str) -> Column:
        codes = self._counts.log.value[self._counts.asked.values[part]][events]
        good = codes >= 0
        rows, events, codes = rows[good], events[good], codes[good]
        order = np.lexsort((self._counts.rank[part][codes], self._counts.log.at[events], rows))
        known = [*self._counts.known[part], None]
        found = np.full(len(self._contacts), len(known) - 1, np.int64)
        found[rows[order]] = codes[order]
        return coded_values(found, known)

    def _amounts(self, rows: np.ndarray, events: np.ndarray, part: str) -> tuple[np.ndarray, np.ndarray]:
        log, place = self._counts.log, self._counts.asked.numbers[part]
        good = log.state[place][events] == GOOD
        return rows[good], log.number[place][events[good]]

    def _added(self, events: np.ndarray, part: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        log, sums = self._counts.log, [0]
        events, amounts = self._amounts(events, events, part)
        for amount in amounts.tolist():
            sums.append(sums[-1] + amount)
        return tuple(log.at[events].tolist()), tuple(sums)

    def _values(self, events: np.ndarray, part: str) -> tuple[tuple[int, ...], tuple[Any, ...]]:
        log, known = self._counts.log, self._counts.known[part]
        codes = log.value[self._counts.asked.values[part]][events]
        events, codes = events[codes >= 0], codes[codes >= 0]
        order = np.lexsort((self._counts.rank[part][codes], log.at[events]))
        return tuple(log.at[events[order]].tolist()), tuple(known[code] for code in codes[order].tolist())
