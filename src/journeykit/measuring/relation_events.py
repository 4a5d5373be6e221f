"""All events of contacts, as columns: what is a sign of life, what is a survey, and what has a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from journeykit.basics.ids import STIR_FIRST
from journeykit.measuring.cell_columns import floats, instants
from journeykit.measuring.event_parts import known_of_events
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.cells import BadCellError, instant_reader
from journeykit.tables.event_log import EVENT_COLUMNS, is_property, read_event, spelt_by
from journeykit.tables.header import missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from journeykit.measuring.cell_columns import Faults
    from journeykit.measuring.contact_numbers import ContactNumbers
    from journeykit.tables import TableSource
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.bad_row_list import BadRows


@frozen(eq=False, kw_only=True)
class RelationEvents:
    """Events, each once: one that is in the table again, by its ``event_id`` or in everything, counts once.

    Attributes:
        contact: the number of the contact; -1 for one who is in no table of contacts.
        at: the instant, in microseconds since 1970.
        name: the place of its name in `names`.
        names: the names of events that there are.
        numbers: by property that was asked for, its numbers; nan where there is none.
        no_number: by property, whether there is something else than a number.
        repeated: how many rows were there again.
    """

    contact: NDArray[np.int64]
    at: NDArray[np.int64]
    name: NDArray[np.int64]
    names: tuple[str, ...]
    numbers: Mapping[str, NDArray[np.float64]] = field(factory=dict)
    no_number: Mapping[str, NDArray[np.bool_]] = field(factory=dict)
    repeated: int = 0

    def is_named(self, *names: str) -> NDArray[np.bool_]:
        """Whether each event has one of some names."""
        return np.array([own in names for own in self.names] or [False], np.bool_)[self.name]


class RelationEventReader:
    """Reads all events of a table.

    Args:
        source: the table.
        properties: the properties that are read as numbers.
        contacts: the numbers of contacts who are known.
        zone: the zone in which instants without an offset are meant.
        bad: where bad rows are counted.

    Raises:
        DataError: for a table that cannot be read.
    """

    def __init__(
        self,
        source: TableSource,
        properties: Sequence[str],
        *,
        contacts: ContactNumbers,
        zone: tzinfo | None,
        bad: BadRows,
    ) -> None:
        self._properties = tuple(dict.fromkeys(properties))
        self._contacts = contacts
        self._bad = bad
        self._number: dict[str, int] = {}
        self._instant = instant_reader(zone, bounded=True)
        self._spelt = spelt_by(self._properties)
        self.rows = 0
        self.source = open_source(source, "events", typed=is_property, zone=zone)
        self.source.needed = EVENT_COLUMNS[:3]
        if self.source.columns is not None:
            places = places_of(self.source.columns, self.source.source)
            for column in EVENT_COLUMNS[:3]:
                if column not in places:
                    raise missing_column(column, self.source.columns, self.source.source)

    def read(self) -> RelationEvents:
        """All events.

        Raises:
            DataError: for a table that cannot be read.
        """
        parts = []
        for part in self.source.parts(lambda _: True):
            if isinstance(part, BadRow):
                self._bad.add(part)
            else:
                parts.append(self._part(part))
        self._bad.rows[self.source.source] = self.rows
        kinds = [np.int64, np.int64, np.int64, np.uint64, *(np.float64, np.bool_) * len(self._properties)]
        columns = [
            np.concatenate([part[place] for part in parts] or [np.zeros(0, kind)]) for place, kind in enumerate(kinds)
        ]
        kept = first_of_each(columns[0], columns[1], columns[3])
        contact, at, name = (column[kept] for column in columns[:3])
        more = [column[kept] for column in columns[4:]]
        return RelationEvents(
            contact=contact,
            at=at,
            name=name,
            names=tuple(self._number),
            numbers=dict(zip(self._properties, more[::2], strict=True)),
            no_number=dict(zip(self._properties, more[1::2], strict=True)),
            repeated=len(columns[0]) - len(kept),
        )

    def _part(self, part: Part) -> list[np.ndarray]:
        number, names, arrays = part
        places = places_of(names, self.source.source)
        columns = [Column(array) for array in arrays]
        rows = len(columns[0]) if columns else 0
        self.rows += rows
        faults: Faults = {}
        name = self._names(columns[places["event"]] if "event" in places else Column([None] * rows), faults)
        at = instants(columns, places, rows, faults, "at", self._instant)
        whose = columns[places["contact_id"]] if "contact_id" in places else None
        contact = self._contacts.find(whose, rows, faults)
        known, mark, _ = known_of_events(names, columns, places, rows, faults, at, self._spelt, self._properties)
        found = [contact, at, name, mark]
        for own in self._properties:
            found += floats(known.get(own), rows)
        for row in sorted(faults):
            self._bad.add(BadRow(self.source.source, number + row, *faults[row]))
        if not faults:
            return found
        good = np.ones(rows, np.bool_)
        good[list(faults)] = False
        return [column[good] for column in found]

    def _names(self, column: Column, faults: Faults) -> np.ndarray:
        codes, read = column.read(read_event)
        used = np.bincount(codes, minlength=len(read)) > 0
        for own, is_used in zip(read, used.tolist(), strict=True):
            if is_used and own is not UNREAD:
                self._number.setdefault(own, len(self._number))
        for row in np.flatnonzero(np.array([own is UNREAD for own in read], np.bool_)[codes]).tolist():
            try:
                read_event(column.value(row))
            except BadCellError as error:
                faults[row] = ("event", error.found, error.allowed)
        found = [0 if own is UNREAD else self._number.get(own, 0) for own in read]
        numbers: np.ndarray = np.array(found, np.int64)[codes]
        return numbers


def first_of_each(contact: np.ndarray, at: np.ndarray, mark: np.ndarray) -> np.ndarray:
    """The rows that are no repetitions: of equal events of a contact the first is kept; all of strangers are."""
    # One number for each event of each contact: few rows share one without being the same, and these are looked at.
    key = mark ^ contact.astype(np.uint64) * np.uint64(STIR_FIRST)
    order = np.argsort(key)
    twin = np.flatnonzero(key[order][1:] == key[order][:-1])
    rows = np.unique(np.concatenate([order[twin], order[twin + 1]]))
    again = rows[np.lexsort((at[rows], mark[rows], contact[rows]))]
    same = (contact[again][1:] == contact[again][:-1]) & (mark[again][1:] == mark[again][:-1])
    kept = np.ones(len(key), np.bool_)
    kept[again[1:][same & (contact[again][1:] >= 0)]] = False
    return np.flatnonzero(kept)
