"""Events over columns: the table of events, put together by contact without a look at Python objects."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from journeykit.basics.validation import LARGEST, MILLIONTH, scaled
from journeykit.columns.chunk import id_keys, id_texts, ids_as_given, mapped, text_buffers
from journeykit.columns.touch_columns import instants_of_column
from journeykit.journey.walk import RANKS
from journeykit.kernels.interface.journey_arrays import BAD, EMPTY, GOOD, NO_VALUE, ODD_VALUE
from journeykit.model.bad_row import BadRow
from journeykit.placing.event_marks import kind_of, marks_of, stirred
from journeykit.placing.event_properties import properties_of
from journeykit.rule.values import as_number, typed
from journeykit.tables.arrow.arrays import is_known, texts
from journeykit.tables.arrow.column import Column
from journeykit.tables.cells import BadCellError, instant_reader, is_missing, read_id
from journeykit.tables.event_log import EVENT_COLUMNS, read_event, spelt_by
from journeykit.tables.header import missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from journeykit.placing.event_properties import EventProperties, Faults
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.arrow_table import ArrowTable

_BLANK, _NOT_ASCII = ord(" "), 0x80


class Taken(NamedTuple):
    """What was taken of a chunk of events; those that cannot be read are left out.

    Attributes:
        one: the first half of each contact's key.
        two: the second half.
        ids: the contacts' ids, as they came; none where they are not needed.
        at: the instants.
        names: the numbers of the names; one too many for a name that the journey does not ask for.
        marks: what tells an event from others.
        numbers: by property that is added up, the numbers in millionths, and whether they are good.
        values: by property of which the last is asked for, the codes of its values.
        bad: the rows that cannot be used.
    """

    one: np.ndarray
    two: np.ndarray
    ids: pa.Array
    at: np.ndarray
    names: np.ndarray
    marks: np.ndarray
    numbers: list[tuple[np.ndarray, np.ndarray]]
    values: list[np.ndarray]
    bad: list[BadRow]


class AsksEvents(Protocol):
    """What is asked of events: a journey's `Program`, or the `EventsAsked` of decisions.

    Attributes:
        events: the names of events; their places are their numbers.
        numbers: the properties that are added up, each with its number.
        values: those of which the last value is asked for, likewise.
    """

    @property
    def events(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def numbers(self) -> Mapping[str, int]: ...  # noqa: D102
    @property
    def values(self) -> Mapping[str, int]: ...  # noqa: D102
    def spelt(self, name: str, /) -> str:
        """The name of an event as what is asked writes it."""
        ...


class EventReader:
    """Reads chunks of a table of events. Chunks may be read at once.

    Args:
        source: the table.
        program: what is asked of events.
        zone: the zone in which instants without an offset are meant.
        needs_ids: whether the ids of contacts are asked for.

    Attributes:
        met: by name, how many events there are.
        properties: the properties that there are.
        known: by property of which the last is asked for, its distinct values, in the order of their codes.
        has_ids: whether events have ids of their own.
    """

    def __init__(self, source: ArrowTable, program: AsksEvents, zone: tzinfo | None, *, needs_ids: bool = True) -> None:
        self.source = source
        self._needs_ids = needs_ids
        self.met: Counter[str] = Counter()
        self.properties: set[str] = set()
        self.known: dict[str, list[Any]] = {part: [] for part in program.values}
        self.has_ids = source.columns is None
        self._codes: dict[str, dict[Any, int]] = {part: {} for part in program.values}
        self._sums = tuple(program.numbers)
        self._name_of = program.spelt
        self._number = {name: number for number, name in enumerate(program.events)}
        self._instant = instant_reader(zone, bounded=True)
        self._asked = {**program.numbers, **program.values}.keys()
        self._spelt = spelt_by(self._asked)
        self._lock = threading.Lock()
        source.needed = EVENT_COLUMNS[:3]
        if source.columns is not None:
            places = places_of(source.columns, source.source)
            self.has_ids = "event_id" in places
            for column in EVENT_COLUMNS[:3]:
                if column not in places:
                    raise missing_column(column, source.columns, source.source)

    @property
    def unknown(self) -> set[str]:
        """The names that are not asked for."""
        return self.met.keys() - self._number.keys()

    def read(self, part: Part | BadRow) -> Taken | BadRow:
        """What a chunk holds; a row that could not be read is handed on."""
        if isinstance(part, BadRow):
            return part
        number, names, arrays = part
        places = places_of(names, self.source.source)
        columns = [Column(array) for array in arrays]
        rows = len(columns[0]) if columns else 0
        faults: Faults = {}
        one, two = contact_keys(columns, places, rows, faults)
        name, called = self._names(columns, places, rows, faults)
        at = instants_of_column(columns, places, rows, faults, "at", self._instant)
        properties = properties_of(names, columns, places, faults, self._spelt, self._asked)
        marks = event_marks(columns, places, rows, faults, called, at, properties)
        sums = [_amounts(properties.columns.get(own), rows) for own in self._sums]
        values = [self._values(own, properties.columns.get(own), rows) for own in self.known]
        bad = [BadRow(self.source.source, number + row, *faults[row]) for row in sorted(faults)]
        good = np.ones(rows, np.bool_)
        good[list(faults)] = False
        self._meet(called, properties.names, good)
        ids = self._ids(columns, places, good) if self._needs_ids else texts([])
        if faults:
            one, two, at, name, marks = one[good], two[good], at[good], name[good], marks[good]
            sums = [(amount[good], state[good]) for amount, state in sums]
            values = [code[good] for code in values]
        return Taken(one, two, ids, at, name, marks, sums, values, bad)

    @staticmethod
    def _ids(columns: Sequence[Column], places: Mapping[str, int], good: np.ndarray) -> pa.Array:
        """The ids of contacts, as they came."""
        if "contact_id" not in places:
            return texts([])
        column = columns[places["contact_id"]]
        return ids_as_given(column, id_texts(column)[0], good)

    def _names(
        self, columns: Sequence[Column], places: Mapping[str, int], rows: int, faults: Faults
    ) -> tuple[np.ndarray, Column]:
        """The numbers of the names, and what they are called."""
        others = len(self._number)
        column = columns[places["event"]] if "event" in places else Column([None] * rows)
        called = mapped(column, read_event)
        refused = np.array([value is None for value in called.values], np.bool_)[called.codes]
        for row in np.flatnonzero(refused).tolist():
            try:
                read_event(column.value(row))
            except BadCellError as error:
                faults.setdefault(row, ("event", error.found, error.allowed))
        numbers = [others if v is None else self._number.get(self._name_of(v), others) for v in called.values]
        return np.array(numbers, np.int16)[called.codes], called

    def _meet(self, called: Column, properties: set[str], good: np.ndarray) -> None:
        """Remember the names that there are, and the properties."""
        used = np.bincount(called.codes[good], minlength=len(called.values)).tolist()
        with self._lock:
            for value, rows in zip(called.values, used, strict=True):
                if rows:
                    self.met[value] += rows
            self.properties.update(properties)

    def _values(self, part: str, column: Column | None, rows: int) -> np.ndarray:
        """The codes of a property's values."""
        if column is None:
            return np.full(rows, NO_VALUE, np.int32)
        found = []
        with self._lock:
            known, codes = self.known[part], self._codes[part]
            for value in column.values:
                kind, plain = kind_of(value)
                if kind not in RANKS:
                    found.append(NO_VALUE if kind is None else ODD_VALUE)
                    continue
                code = codes.setdefault((kind, plain), len(known))
                if code == len(known):
                    known.append(value)
                found.append(code)
        return np.array(found, np.int32)[column.codes]


def event_marks(
    columns: Sequence[Column],
    places: Mapping[str, int],
    rows: int,
    faults: Faults,
    called: Column,
    at: np.ndarray,
    properties: EventProperties,
) -> np.ndarray:
    """What tells each event from others: its id or, where it has none, all that is known of it."""
    own, known = np.zeros(rows, np.uint64), np.zeros(rows, np.bool_)
    if "event_id" in places:
        own, known = _id_marks(columns[places["event_id"]], faults)
        if known.all():
            return own
    # Names that the journey does not ask for share one number; what they are called tells them apart.
    found = marks_of(called, "event") ^ stirred(at.view(np.uint64))
    return np.where(known, own, stirred(found + properties.marks()))


def rank_of(values: Sequence[Any]) -> np.ndarray:
    """The places of values in their order: booleans, then numbers, then texts."""
    ranked = [(RANKS[kind or ""], plain) for kind, plain in map(typed, values)]
    found = np.zeros(len(values), np.int64)
    found[sorted(range(len(values)), key=ranked.__getitem__)] = np.arange(len(values))
    return found


def _keys(
    columns: Sequence[Column], places: Mapping[str, int], rows: int, faults: Faults, name: str, *, needed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The keys of ids; one that cannot be read is a fault of its row."""
    column = columns[places[name]] if name in places else None
    one, two, bad = id_keys(column, rows)
    for row in np.flatnonzero(bad).tolist():
        value = None if column is None else column.value(row)
        if not needed and is_missing(value):
            continue
        try:
            read_id(value)
        except BadCellError as error:
            faults.setdefault(row, (name, error.found, error.allowed))
    return one, two


def contact_keys(
    columns: Sequence[Column], places: Mapping[str, int], rows: int, faults: Faults
) -> tuple[np.ndarray, np.ndarray]:
    """The keys of contacts' ids; one that cannot be read is a fault of its row."""
    return _keys(columns, places, rows, faults, "contact_id", needed=True)


def _id_marks(column: Column, faults: Faults) -> tuple[np.ndarray, np.ndarray]:
    one, two = _keys([column], {"event_id": 0}, len(column), faults, "event_id", needed=False)
    return one ^ stirred(two), _is_there(column)


def _is_there(column: Column) -> np.ndarray:
    """Where the cells of a column are not empty."""
    if column.numbers is not None:
        return column.numbers[1]
    array = column.array
    if array is None or array.type not in (pa.string(), pa.large_string()):
        return ~np.array([is_missing(value) for value in column.values], np.bool_)[column.codes]
    found = is_known(array)
    offsets, data = text_buffers(array)
    first = np.append(data, np.uint8(0))[offsets[:-1]]
    # Blanks begin with one of these bytes; so do other texts, but not many ids.
    for row in np.flatnonzero(found & ((np.diff(offsets) == 0) | (first <= _BLANK) | (first >= _NOT_ASCII))).tolist():
        found[row] = not is_missing(column.value(row))
    return found


def _amounts(column: Column | None, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers in millionths, and whether each is good, empty or bad."""
    if column is None:
        return np.zeros(rows, np.int64), np.full(rows, EMPTY, np.int8)
    plain = column.numbers
    if plain is not None:
        numbers, known = plain
        good = known & (numbers >= -LARGEST) & (numbers <= LARGEST)
        numbers = np.where(good, numbers, 0)
        amounts = numbers * MILLIONTH if numbers.dtype.kind == "i" else np.rint(numbers * float(MILLIONTH))
        state = np.where(known, np.where(good, GOOD, BAD), EMPTY)
        return amounts.astype(np.int64), state.astype(np.int8)
    found = [_amount(value) for value in column.values]
    codes = column.codes
    return (
        np.array([amount for amount, _ in found], np.int64)[codes],
        np.array([state for _, state in found], np.int8)[codes],
    )


def _amount(value: Any) -> tuple[int, int]:
    kind, number = kind_of(value)
    if kind is None:
        return 0, EMPTY
    if kind == "text":
        number = as_number(value)
    if kind not in ("number", "text") or number is None or not -LARGEST <= number <= LARGEST:
        return 0, BAD
    return scaled(number if type(number) is int else float(number), MILLIONTH), GOOD
