"""Sales over columns: those of a chunk of events, with what tells them apart."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.basics.validation import LARGEST
from journeykit.columns.chunk import mapped
from journeykit.columns.touch_columns import instants_of_column
from journeykit.journey.measure.sales import amount_in
from journeykit.model.bad_row import BadRow
from journeykit.placing.event_columns import contact_keys, event_marks
from journeykit.placing.event_properties import properties_of
from journeykit.placing.funnel_rows import amount_of, name_of
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.cells import instant_reader, is_missing
from journeykit.tables.event_log import EVENT_COLUMNS, is_property
from journeykit.tables.header import missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.contact_index import ContactIndex
    from journeykit.placing.event_properties import Faults
    from journeykit.placing.funnel_rows import Asked, SalesMet
    from journeykit.tables.arrow.adapters import Part


class SalesTaken(NamedTuple):
    """The sales of a chunk.

    Attributes:
        contact: the places of their contacts, -1 for one who was not placed.
        at: their instants.
        is_timed: whether that could be read.
        is_won: whether they were won.
        amount: what was paid.
        is_amount: whether that is known.
        is_bad: whether something else is there.
        one: the first half of each contact's key.
        mark: what tells a sale from others of its contact.
        can_be_twin: whether the row can be used; one that cannot is no other's twin.
    """

    contact: np.ndarray
    at: np.ndarray
    is_timed: np.ndarray
    is_won: np.ndarray
    amount: np.ndarray
    is_amount: np.ndarray
    is_bad: np.ndarray
    one: np.ndarray
    mark: np.ndarray
    can_be_twin: np.ndarray

    @property
    def counted(self) -> Sequence[np.ndarray]:
        """What is counted."""
        return self[:7]

    @property
    def told(self) -> Sequence[np.ndarray]:
        """What tells them apart."""
        return self[7:]


class SaleReader:
    """Reads sales from chunks of a table of events. Chunks may be read at once.

    Args:
        asked: what is asked.
        index: the contacts who were placed.
        met: remembers what was met.
    """

    def __init__(self, asked: Asked, index: ContactIndex, met: SalesMet) -> None:
        self.source = open_source(asked.events, "events", typed=is_property, zone=asked.zone)
        self._asked = asked
        self._index = index
        self._met = met
        self._instant = instant_reader(asked.zone, bounded=True)
        self._lock = threading.Lock()
        self.source.needed = EVENT_COLUMNS[:3]
        if self.source.columns is not None:
            places = places_of(self.source.columns, self.source.source)
            for column in EVENT_COLUMNS[:3]:
                if column not in places:
                    raise missing_column(column, self.source.columns, self.source.source)

    def read(self, part: Part | BadRow) -> SalesTaken | None:
        """The sales of a chunk; None where it has none."""
        if isinstance(part, BadRow):
            return None
        _, names, arrays = part
        places = places_of(names, self.source.source)
        if "event" not in places:
            return None
        asked = self._asked
        event = mapped(Column(arrays[places["event"]]), name_of)
        used = np.bincount(event.codes, minlength=len(event.values)) > 0
        met = {name for name, is_used in zip(event.values, used.tolist(), strict=True) if is_used and name is not None}
        with self._lock:
            self._met.events |= met
        is_sale = np.array([name is not None and name in (asked.won, asked.lost) for name in event.values], np.bool_)
        rows = np.flatnonzero(is_sale[event.codes])
        if not len(rows):
            return None
        is_won = np.array([name == asked.won for name in event.values], np.bool_)[event.codes[rows]]
        return self._taken(names, [Column(own).take(rows) for own in arrays], places, is_won)

    def _taken(
        self, names: Sequence[str], columns: list[Column], places: dict[str, int], is_won: np.ndarray
    ) -> SalesTaken:
        asked, rows = self._asked, len(is_won)
        unknown: Faults = {}
        untimed: Faults = {}
        unread: Faults = {}
        unnamed: Faults = {}
        one, two = contact_keys(columns, places, rows, unknown)
        at = instants_of_column(columns, places, rows, untimed, "at", self._instant)
        wanted = [] if asked.amount is None else [asked.amount]
        properties = properties_of(names, columns, places, unread, asked.spelt, wanted)
        there = {
            label
            for label in properties.names - self._met.properties
            if label not in properties.columns or _says_something(properties.columns[label])
        }
        with self._lock:
            self._met.properties |= there
        called = mapped(columns[places["event"]], name_of)
        marks = event_marks(columns, places, rows, unnamed, called, at, properties)
        contact = self._index.find(one, two).astype(np.int64)
        contact[list(unknown)] = -1
        column = None if asked.amount is None else properties.columns.get(asked.amount)
        amount, is_amount, is_bad = _amounts(column, rows)
        if asked.amount is not None and unread:
            # What cannot be read may have had one.
            is_bad[list(unread)] |= ~is_amount[list(unread)]
        is_timed, can_be_twin = np.ones(rows, np.bool_), np.ones(rows, np.bool_)
        is_timed[list(untimed)] = False
        can_be_twin[[*unknown, *untimed, *unread, *unnamed]] = False
        return SalesTaken(contact, at, is_timed, is_won, amount, is_amount, is_bad, one, marks, can_be_twin)


def _says_something(column: Column) -> bool:
    """Whether a cell of a column is not empty."""
    if column.numbers is not None:
        return bool(column.numbers[1].any())
    return any(not is_missing(column.value(row)) for row in range(len(column)))


def _amounts(column: Column | None, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Amounts, where they are known, and where something else is there."""
    nothing = np.zeros(rows, np.bool_)
    if column is None:
        return np.zeros(rows, np.float64), nothing, nothing.copy()
    plain = column.numbers
    if plain is not None:
        numbers, known = plain
        good = known & (numbers >= -LARGEST) & (numbers <= LARGEST)
        return np.where(good, numbers, 0).astype(np.float64), good, known & ~good
    read = [amount_of(value) for value in column.values]
    numbers_of = [amount_in(value) for value in read]
    codes = column.codes
    return (
        np.array([0.0 if number is None else number for number in numbers_of], np.float64)[codes],
        np.array([number is not None for number in numbers_of], np.bool_)[codes],
        np.array(
            [value is not None and number is None for value, number in zip(read, numbers_of, strict=True)], np.bool_
        )[codes],
    )
