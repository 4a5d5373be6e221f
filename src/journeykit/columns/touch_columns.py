"""History over columns: the table of touches, joined to contacts without holding it as Python objects.

A touch is kept as the row of its contact, an instant and a shape: what it is apart from its contact and its instant.
"""

from __future__ import annotations

import threading
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from journeykit.basics.clock import DAY, EPOCH, day_number, micros
from journeykit.columns.chunk import id_keys, text_buffers
from journeykit.columns.word_counts import cells_at, combinations, count_words
from journeykit.engine.effects import Effects
from journeykit.kernels import add_counts, fill_touches, read_instants, take_touches
from journeykit.kernels.interface.contact_arrays import TouchArrays
from journeykit.model.bad_row import BadRow
from journeykit.model.mismatch import Mismatches
from journeykit.model.touch import Touch
from journeykit.tables.arrow.arrays import is_known
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.cells import BadCellError, instant_reader, read_id
from journeykit.tables.header import fold_name, missing_column, places_of
from journeykit.tables.touch_table import SHAPE, TOUCH_COLUMNS, shape_parts, shape_readers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import tzinfo

    from journeykit.columns.contact_index import ContactIndex
    from journeykit.engine.ruleset import Ruleset
    from journeykit.playbook.vocabulary import Vocabulary
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.words import Words

# The years that the engine takes, in UTC.
_FIRST_INSTANT = day_number(date(1000, 1, 1)) * DAY
_END_INSTANT = day_number(date(9001, 1, 1)) * DAY
MARK = "rest"
"""The part of a shape that says which cell of a rest it fills; no touch has one."""
_ROOM = 100_000
"""So many different shapes are remembered."""


class TouchShapes:
    """The shapes of touches, numbered."""

    def __init__(self) -> None:
        self.list: list[dict[str, Any]] = []
        self._number: dict[tuple[Any, ...], int] = {}

    def number(self, parts: dict[str, Any]) -> int:
        """The number of a shape."""
        number = self._number.setdefault(tuple(parts.items()), len(self.list))
        if number == len(self.list):
            self.list.append(parts)
        return number


def touches_and_marks(
    ruleset: Ruleset, shapes: Sequence[Mapping[str, Any]]
) -> tuple[list[Touch], list[Effects], np.ndarray]:
    """Shapes as touches at some instant, what they do, and which of them only begin a rest."""
    touches = [Touch(at=EPOCH, **({} if MARK in part else part)) for part in shapes]
    effects = [
        Effects.of_mark(*part[MARK]) if MARK in part else ruleset.effects(touch)
        for part, touch in zip(shapes, touches, strict=True)
    ]
    return touches, effects, np.array([MARK in part for part in shapes], np.bool_)


class TouchesTaken(NamedTuple):
    """What was taken of a chunk of touches.

    Attributes:
        rows: the contacts, by the row as which each was met.
        at: the instants.
        shapes: the shapes of the touches.
        good: how many could be read, whichever contact they belong to.
        known: how many of these belong to a contact of the run, whether they matter or not.
        bad: the rows that cannot be used.
        group: the group of rows from which they come, or -1.
        found: what is to be said of its words.
        span: the earliest and the latest instant of those that could be read; None without any.
    """

    rows: np.ndarray
    at: np.ndarray
    shapes: np.ndarray
    good: int
    known: int
    bad: list[BadRow]
    group: int
    found: Mismatches
    span: tuple[int, int] | None = None


def history_of(taken: list[TouchesTaken], contacts: int) -> TouchArrays:
    """The touches by contact; what was taken is let go on the way."""
    first = np.zeros(contacts + 1, np.int64)
    for part in taken:
        add_counts(part.rows, first)
    np.cumsum(first, out=first)
    at, shape = np.empty(first[-1], np.int64), np.empty(first[-1], np.int32)
    place = first[:-1].copy()
    taken.reverse()
    while taken:
        part = taken.pop()
        fill_touches(part.rows, part.at, part.shapes, place, at, shape)
    return TouchArrays(first=first, at=at, shape=shape)


class TouchReader:
    """Reads chunks of a table of touches.

    Args:
        source: the table.
        parts: the shapes of touches.
        zone: the zone in which instants without an offset are meant.
        oldest: touches before this instant matter only by the number there are of a campaign.
        counted: whether that number matters, given what a touch is apart from its contact and its instant.
        vocabulary: the playbook's words; None leaves all words as they are.
        words: looks at the words of each chunk; None for nobody.
    """

    def __init__(
        self,
        source: ArrowTable,
        parts: TouchShapes,
        *,
        zone: tzinfo | None,
        oldest: int,
        counted: Callable[[Mapping[str, Any]], bool],
        vocabulary: Vocabulary | None = None,
        words: Words | None = None,
    ) -> None:
        self.source = source
        self._readers = shape_readers(vocabulary)
        self._words = words
        self.parts = parts
        self.oldest = oldest
        self._counted = counted
        self._counts: list[bool] = []
        self._known: dict[Any, int | tuple[str, str, str]] = {}
        self._instant = instant_reader(zone, bounded=True)
        self._lock = threading.Lock()
        source.needed = TOUCH_COLUMNS[:3]
        if source.columns is not None:
            places = places_of(source.columns, source.source)
            for column in TOUCH_COLUMNS[:3]:
                if column not in places:
                    raise missing_column(column, source.columns, source.source)

    @staticmethod
    def wanted(name: str) -> bool:
        """Whether a column is read at all."""
        return fold_name(name) in TOUCH_COLUMNS

    def read(self, given: tuple[Part, int], index: ContactIndex) -> TouchesTaken:
        """Take the touches of contacts who were met. Chunks may be read at once."""
        (number, names, arrays), group = given
        places = places_of(names, self.source.source)
        columns = [Column(array) for array in arrays]
        rows = len(columns[0]) if columns else 0
        found = Mismatches()
        if self._words is not None:
            count_words(self._words, places, columns, found)
        faults: dict[int, tuple[str, str, str]] = {}
        one, two, bad = self._keys(columns, places, rows, faults)
        at = instants_of_column(columns, places, rows, faults, "sent_at", self._instant)
        codes, shapes = self._shapes(columns, places, rows, faults)
        if faults:
            bad[list(faults)] = True
        # A touch that is too old for every window can still be one of those that a campaign may repeat.
        counts = np.array(self._counts or [False], np.bool_)
        owner, when, what = np.empty(rows, np.int32), np.empty(rows, np.int64), np.empty(rows, np.int32)
        known, count = take_touches(
            index.find(one, two), at, codes, shapes, bad, self.oldest, counts, owner, when, what
        )
        return TouchesTaken(
            owner[:count].copy(),
            when[:count].copy(),
            what[:count].copy(),
            rows - len(faults),
            known,
            [BadRow(self.source.source, number + row, *faults[row]) for row in sorted(faults)],
            group,
            found,
            span_of(at[~bad] if bad.any() else at),
        )

    def _keys(
        self, columns: Sequence[Column], places: Mapping[str, int], rows: int, faults: dict[int, tuple[str, str, str]]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The keys of the ids, and which cannot be used: these are faults."""
        place = places.get("contact_id")
        column = None if place is None else columns[place]
        one, two, bad = id_keys(column, rows)
        for row in np.flatnonzero(bad).tolist():
            try:
                read_id(None if column is None else column.value(row))
                bad[row] = False
            except BadCellError as error:
                faults.setdefault(row, ("contact_id", error.found, error.allowed))
        return one, two, bad

    def _shapes(
        self, columns: Sequence[Column], places: Mapping[str, int], rows: int, faults: dict[int, tuple[str, str, str]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """By touch, a code; and by code, the number of what it is apart from its contact and its instant."""
        own = {name: columns[places[name]] for name in SHAPE if name in places}
        if not own:
            return np.zeros(rows, np.int64), np.full(1, self._number({}), np.int32)
        # One row of each combination tells what it is.
        codes, examples = combinations(list(own.values()))
        numbers = np.zeros(max(1, len(examples)), np.int32)
        for place, values in enumerate(cells_at(list(own.values()), examples)):
            found = self._known_shape(tuple(own), values)
            if isinstance(found, int):
                numbers[place] = found
            else:
                for other in np.flatnonzero(codes == place).tolist():
                    faults.setdefault(other, found)
        return codes, numbers

    def _known_shape(self, names: tuple[str, ...], values: tuple[Any, ...]) -> int | tuple[str, str, str]:
        """The number of a shape, or what is wrong with it; each is read once, whatever chunks it is met in."""
        # 1, 1.0 and True are equal, and mean different things.
        key = names, values, tuple(map(type, values))
        try:
            found = self._known.get(key)
        except TypeError:  # a list has no hash
            return self._shape(zip(names, values, strict=True))
        if found is None:
            found = self._shape(zip(names, values, strict=True))
            if len(self._known) < _ROOM:
                self._known[key] = found
        return found

    def _shape(self, values: Iterable[tuple[str, Any]]) -> int | tuple[str, str, str]:
        parts = shape_parts(values, self._readers)
        return parts if isinstance(parts, tuple) else self._number(parts)

    def _number(self, parts: dict[str, Any]) -> int:
        """The number of a shape."""
        with self._lock:
            number = self.parts.number(parts)
            # Another reader may have met shapes that are new to this one.
            self._counts += map(self._counted, self.parts.list[len(self._counts) : number + 1])
        return number


def span_of(at: np.ndarray) -> tuple[int, int] | None:
    """The earliest and the latest of some instants; None without any."""
    return (int(at.min()), int(at.max())) if len(at) else None


def instants_of_column(
    columns: Sequence[Column],
    places: Mapping[str, int],
    rows: int,
    faults: dict[int, tuple[str, str, str]],
    name: str,
    read: Callable[[Any], Any],
) -> np.ndarray:
    """The instants of a column, in microseconds; a cell that cannot be read is a fault of its row.

    Args:
        columns: the columns of a chunk.
        places: their places, by folded name.
        rows: how many rows there are.
        faults: by row, the column that is wrong, what was found and what is allowed; added to.
        name: the column.
        read: a reader of instants, bounded.
    """
    place = places.get(name)
    found = None if place is None else columns[place].instants
    if found is not None:
        instants, known = found
        suspect = ~known | (instants < _FIRST_INSTANT) | (instants >= _END_INSTANT)
        rest = np.flatnonzero(suspect)
        if not len(rest):
            return instants
        instants = instants.copy()
    elif place is not None and columns[place].array is not None:
        instants, rest = _of_texts(columns[place], rows)
        if len(rest):
            codes, values = columns[place].take(rest).read(lambda value: micros(read(value)))
            instants[rest] = np.array([0 if value is UNREAD else value for value in values], np.int64)[codes]
            refused = np.array([value is UNREAD for value in values], np.bool_)
            rest = rest[refused[codes]]
    else:
        instants, rest = np.zeros(rows, np.int64), np.arange(rows)
    for row in rest.tolist():
        try:
            instants[row] = micros(read(None if place is None else columns[place].value(row)))
        except BadCellError as error:
            instants[row] = 0
            faults.setdefault(row, (name, error.found, error.allowed))
    return instants


def _of_texts(column: Column, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The instants of a column of texts of the usual form, and the rows that are for the reader of cells."""
    instants, known, array = np.zeros(rows, np.int64), np.zeros(rows, np.bool_), column.array
    if array is not None and array.type in (pa.string(), pa.large_string()) and rows:
        read_instants(*text_buffers(array), instants, known)
        if array.null_count:
            known &= is_known(array)
    return instants, np.flatnonzero(~known)
