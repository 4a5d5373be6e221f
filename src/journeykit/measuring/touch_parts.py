"""Touches, read chunk by chunk: whose, when, and what each is apart from that."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from attrs import frozen

from journeykit.basics.threads import at_once
from journeykit.columns.word_counts import cells_at, combinations
from journeykit.measuring.cell_columns import as_array, id_marks, instants
from journeykit.measuring.contact_numbers import KeyedIds, keyed_ids
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.arrays import numbers as number_array
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.cells import instant_reader
from journeykit.tables.header import fold_name, missing_column, places_of
from journeykit.tables.touch_table import SHAPE, TOUCH_COLUMNS, shape_parts, shape_readers

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from datetime import tzinfo

    from journeykit.measuring.cell_columns import Faults
    from journeykit.measuring.contact_numbers import ContactNumbers
    from journeykit.playbook.vocabulary import Vocabulary
    from journeykit.tables import TableSource
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.bad_row_list import BadRows

DECISION = "decision_id"
_SENT_AT = "sent_at"
LEDGER_ID = "id"
"""What a ledger calls the decision in its export of touches."""
_TEXTS = (DECISION, LEDGER_ID, "account_id", "stage", "arm")


class TouchPart(NamedTuple):
    """What was read of a chunk of touches; rows that cannot be used are left out.

    Attributes:
        contact: the numbers of the contacts, in the order in which they were met.
        at: the instants, in microseconds since 1970.
        kind: what each is apart from whose and when: its place in `TouchParts.kinds`.
        decision: the marks of the decision ids; 0 for none.
        columns: what else the table has, by folded name.
        numbers: the numbers of the rows in the table.
    """

    contact: np.ndarray
    at: np.ndarray
    kind: np.ndarray
    decision: np.ndarray
    columns: dict[str, pa.Array]
    numbers: RowNumbers


@frozen
class RowNumbers:
    """The numbers of the rows of a chunk, as far as they can be used.

    Attributes:
        first: the number of the first row of the chunk, counted from 1.
        lost: the places of the rows that cannot be used, ascending.

    Example:
        >>> RowNumbers(first=101, lost=(0, 2)).of(1)
        104
    """

    first: int
    lost: tuple[int, ...] = ()

    def of(self, place: int) -> int:
        """The number of a row, by its place among those that can be used."""
        for lost in self.lost:
            if lost > place:
                break
            place += 1
        return self.first + place


class TouchParts:
    """A table of touches.

    Args:
        source: the table.
        numbers: the numbers of contacts; added to.
        vocabulary: the playbook's words.
        zone: the zone in which instants without an offset are meant.
        bad: where bad rows are counted.
        only: the folded names of the columns that are kept besides those that say what a touch is; None for all.
        threads: how many chunks are read at once.

    Attributes:
        kinds: what touches are apart from whose and when, as `Touch` takes it.
        names: by folded name, how the table writes the columns that are kept.
        rows: how many rows there are.

    Raises:
        DataError: for a table that cannot be read.
    """

    def __init__(
        self,
        source: TableSource,
        numbers: ContactNumbers,
        *,
        vocabulary: Vocabulary | None,
        zone: tzinfo | None,
        bad: BadRows,
        only: Container[str] | None,
        threads: int = 1,
    ) -> None:
        self._numbers = numbers
        self._threads = threads
        self._lock = threading.Lock()
        self._readers = shape_readers(vocabulary)
        self._bad = bad
        self._only = only
        self._instant = instant_reader(zone, bounded=True)
        self._number: dict[Any, int] = {}
        self.kinds: list[dict[str, Any]] = []
        self.names: dict[str, str] = {}
        self.rows = 0
        self.source = open_source(source, "touches", typed=self._is_own, zone=zone)
        self.source.needed = TOUCH_COLUMNS[:2]
        if self.source.columns is not None:
            places = places_of(self.source.columns, self.source.source)
            for column in TOUCH_COLUMNS[:2]:
                if column not in places:
                    raise missing_column(column, self.source.columns, self.source.source)

    def _is_own(self, name: str) -> bool:
        """Whether a column is one of the user's own, which has a kind as a whole."""
        return fold_name(name) not in (*TOUCH_COLUMNS, *_TEXTS)

    def _wanted(self, name: str) -> bool:
        fold = fold_name(name)
        return fold in TOUCH_COLUMNS or fold in (DECISION, LEDGER_ID) or self._only is None or fold in self._only

    def __iter__(self) -> Iterator[TouchPart]:
        for read in at_once(self._read, self.source.parts(self._wanted), self._threads):
            if isinstance(read, BadRow):
                self._bad.add(read)
                continue
            part, ids, bad = read
            for row in bad:
                self._bad.add(row)
            self.rows += len(part.at) + len(bad)
            yield part._replace(contact=self._numbers.numbers(ids))

    def _read(self, part: Part | BadRow) -> tuple[TouchPart, KeyedIds, list[BadRow]] | BadRow:
        """What a chunk holds but for the numbers of its contacts, their ids, and the rows that cannot be used."""
        if isinstance(part, BadRow):
            return part
        number, names, arrays = part
        places = places_of(names, self.source.source)
        if DECISION not in places and LEDGER_ID in places:
            places[DECISION] = places.pop(LEDGER_ID)
        columns = [Column(array) for array in arrays]
        rows = len(columns[0]) if columns else 0
        faults: Faults = {}
        at = instants(columns, places, rows, faults, _SENT_AT, self._instant)
        kind = self._kinds(columns, places, rows, faults)
        named = columns[places[DECISION]] if DECISION in places else None
        decision = id_marks(named, rows, DECISION, faults)
        ids = keyed_ids(columns[places["contact_id"]] if "contact_id" in places else None, rows, faults)
        bad = [BadRow(self.source.source, number + row, *faults[row]) for row in sorted(faults)]
        kept = {fold: as_array(arrays[place]) for fold, place in places.items() if self._is_kept(fold)}
        with self._lock:
            self.names.update({fold: names[places[fold]].strip() for fold in kept if fold not in self.names})
        if faults:
            good = np.ones(rows, np.bool_)
            good[list(faults)] = False
            rest = np.flatnonzero(good)
            at, kind, decision = at[good], kind[good], decision[good]
            kept = {fold: array.take(number_array(rest, pa.int64())) for fold, array in kept.items()}
            ids = KeyedIds(ids.column.take(rest), ids.one[good], ids.two[good], ids.bad[good])
        numbers = RowNumbers(number, tuple(sorted(faults)))
        return TouchPart(np.zeros(0, np.int32), at, kind, decision, kept, numbers), ids, bad

    def _is_kept(self, fold: str) -> bool:
        return fold not in TOUCH_COLUMNS and (self._only is None or fold in self._only)

    def _kinds(self, columns: Sequence[Column], places: dict[str, int], rows: int, faults: Faults) -> np.ndarray:
        """What each touch is apart from whose and when; one that cannot be read is a fault of its row."""
        own = {name: columns[places[name]] for name in SHAPE if name in places}
        if not own:
            return np.full(rows, self._kind({}), np.int32)
        codes, examples = combinations(list(own.values()))
        numbers = np.zeros(max(1, len(examples)), np.int32)
        for place, values in enumerate(cells_at(list(own.values()), examples)):
            parts = shape_parts(zip(own, values, strict=True), self._readers)
            if isinstance(parts, tuple):
                faults.update((row, parts) for row in np.flatnonzero(codes == place).tolist() if row not in faults)
            else:
                numbers[place] = self._kind(parts)
        found: np.ndarray = numbers[codes]
        return found

    def _kind(self, parts: dict[str, Any]) -> int:
        with self._lock:
            number = self._number.setdefault(tuple(parts.items()), len(self.kinds))
            if number == len(self.kinds):
                self.kinds.append(parts)
        return number
