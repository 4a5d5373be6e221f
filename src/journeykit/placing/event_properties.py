"""The properties of a chunk of events: those with a column of their own, and those that come together in one cell.

Texts of JSON objects are read by a kernel; what it leaves is read cell by cell.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from journeykit.columns.chunk import text_buffers
from journeykit.kernels import mark_members, put_texts, read_members
from journeykit.kernels.interface.journey_arrays import (
    FALSE_VALUE,
    FLOAT,
    NESTED,
    TEXT,
    TRUE_VALUE,
    WHOLE,
    Members,
)
from journeykit.placing.event_marks import marks_of, marks_of_values
from journeykit.tables.arrow.arrays import numbers
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.cells import BadCellError, is_missing
from journeykit.tables.event_log import is_property, read_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

Faults = dict[int, tuple[str, str, str]]
_EXACT = 2**53
_COLON = ord(":")


class EventProperties(NamedTuple):
    """What is known of the properties of a chunk.

    Attributes:
        columns: those that were asked for or have a column of their own, by name.
        others: what tells events apart by the others: their marks, added up.
        names: the names of all.
    """

    columns: dict[str, Column]
    others: np.ndarray
    names: set[str]

    def marks(self) -> np.ndarray:
        """What tells events apart by their properties."""
        found = self.others
        for label, column in self.columns.items():
            found = found + marks_of(column, label)
        return found


def properties_of(
    names: Sequence[str],
    columns: Sequence[Column],
    places: Mapping[str, int],
    faults: Faults,
    spelt: Callable[[str], tuple[str, ...]],
    asked: Collection[str],
) -> EventProperties:
    """The properties of a chunk by name: those that come together, and before them those with their own column.

    Args:
        names: the names of the columns.
        columns: the columns.
        places: their places, by folded name.
        faults: by row, the column that is wrong, what was found and what is allowed; added to.
        spelt: how the properties of columns are written.
        asked: the properties that are needed as columns.
    """
    rows = len(columns[0]) if columns else 0
    own: dict[str, list[Column]] = {}
    for name, column in zip(names, columns, strict=True):
        for label in spelt(name) if is_property(name) else ():
            own.setdefault(label, []).append(column)
    found, others, met = _together(columns, places, rows, faults, {*asked, *own})
    for label, given in own.items():
        for column in given:
            found[label] = _filled(column, found[label], rows) if label in found else column
    return EventProperties(found, others, met | own.keys())


def _together(
    columns: Sequence[Column], places: Mapping[str, int], rows: int, faults: Faults, kept: set[str]
) -> tuple[dict[str, Column], np.ndarray, set[str]]:
    """Of the properties in one cell: those that are kept as columns, the marks of the others, and all names."""
    others = np.zeros(rows, np.uint64)
    if "properties" not in places:
        return {}, others, set()
    column = columns[places["properties"]]
    objects = JsonObjects.of(column)
    if objects is not None:
        others += objects.marks(kept)
        labels = objects.labels
        found = {label: objects.column(label) for label in kept & labels}
        told, rest = objects.unread, [column.value(row) for row in objects.unread.tolist()]
        read = [_read(value) for value in rest]
        codes = np.arange(len(told))
    else:
        labels, found = set(), {}
        codes, read = column.read(read_properties)
        told, rest = np.arange(rows), column.values
    for place, value in enumerate(read):
        if value is UNREAD:
            for row in told[codes == place].tolist():
                _blame(column.value(row), faults, row)
    together = [{} if value is UNREAD else value for value in read]
    more = dict.fromkeys(label for own in together for label in own)
    for label in more:
        cells = [own.get(label) for own in together]
        if label not in kept:
            others[told] += marks_of(Column(cells), label)[codes] if cells else np.uint64(0)
            continue
        values: list[Any] = found[label].cells() if label in found else [None] * rows
        for row, code in zip(told.tolist(), codes.tolist(), strict=True):
            if cells[code] is not None:
                values[row] = cells[code]
        found[label] = Column(values)
    return found, others, labels | more.keys()


def _read(value: Any) -> Any:
    try:
        return read_properties(value)
    except BadCellError:
        return UNREAD


def _blame(value: Any, faults: Faults, row: int) -> None:
    try:
        read_properties(value)
    except BadCellError as error:
        faults.setdefault(row, ("properties", error.found, error.allowed))


def _filled(column: Column, before: Column, rows: int) -> Column:
    """A column with the cells of another one where its own are empty."""
    cells = [column.value(row) for row in range(rows)]
    return Column([before.value(row) if is_missing(cell) else cell for row, cell in enumerate(cells)])


class JsonObjects:
    """Objects of JSON, of which each text holds one.

    Args:
        texts: the texts, in UTF-8 and without nulls, as large strings.

    Attributes:
        unread: the rows whose texts were not read: those that are no objects, and what is rare in one.
        labels: the names of all members of the others.
    """

    def __init__(self, texts: pa.Array) -> None:
        offsets, self._data = text_buffers(texts)
        part = self._data[offsets[0] : offsets[-1]]
        most = int(np.count_nonzero(part == _COLON))
        room = {name: np.empty(most, kind) for name, (kind, _) in Members.fields.items()}
        self._members = Members(**room | {"text": np.empty(len(part), np.uint8)})
        odd = np.zeros(len(texts), np.bool_)
        self._count, count = read_members(offsets, self._data, self._members, odd)
        self._rows = len(texts)
        self.unread = np.flatnonzero(odd)
        starts, ends = self._members.name_start[:count].tolist(), self._members.name_end[:count].tolist()
        names = [self._data[low:high].tobytes().decode() for low, high in zip(starts, ends, strict=True)]
        used = np.zeros(count, np.bool_)
        used[self._members.name[: self._count]] = True
        self._number = {name: number for number, name in enumerate(names)}
        self.labels = {name for name, is_used in zip(names, used.tolist(), strict=True) if is_used}

    @classmethod
    def of(cls, column: Column) -> JsonObjects | None:
        """The objects of a column; None where it holds no texts, or some that are not in UTF-8."""
        array = column.array
        if array is not None and pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if array is None or not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
            return None
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            return None
        return cls((array.fill_null("") if array.null_count else array).cast(pa.large_string()))

    def marks(self, but: Collection[str]) -> np.ndarray:
        """By row, what tells it apart by its members, those of some names aside."""
        found = np.zeros(self._rows, np.uint64)
        wanted = np.array([name not in but for name in self._number], np.bool_)
        mark_members(self._data, self._members, self._count, wanted, found)
        kinds, names = self._members.kind[: self._count], self._members.name[: self._count]
        nested = np.flatnonzero(kinds == NESTED)
        nested = nested[wanted[names[nested]]]
        for number in np.unique(names[nested]).tolist():
            own = nested[names[nested] == number]
            column = Column(self._texts(own))
            values = [json.loads(text) for text in column.values if text is not None]
            marks = marks_of_values(values, int(self._members.salt[number]))
            np.add.at(found, self._members.row[own], marks[column.codes])
        return found

    def column(self, label: str) -> Column:
        """The values of one name; nothing where a row has none."""
        own = np.flatnonzero(self._members.name[: self._count] == self._number[label])
        rows, kinds, words = (getattr(self._members, name)[own] for name in ("row", "kind", "word"))
        missing = np.ones(self._rows, np.bool_)
        missing[rows] = False
        there = set(np.unique(kinds).tolist())
        if there == {TEXT}:
            place = np.zeros(self._rows, np.int64)
            place[rows] = np.arange(len(own))
            return Column(self._texts(own).take(numbers(place, pa.int64(), missing)))
        if there == {WHOLE}:
            whole = np.zeros(self._rows, np.int64)
            whole[rows] = words
            return Column(numbers(whole, pa.int64(), missing))
        if there <= {WHOLE, FLOAT} and not np.any((kinds == WHOLE) & (np.abs(words) > _EXACT)):
            float_ = np.zeros(self._rows, np.float64)
            float_[rows] = np.where(kinds == WHOLE, words.astype(np.float64), words.view(np.float64))
            return Column(numbers(float_, pa.float64(), missing))
        return Column(self._values(own))

    def _texts(self, members: np.ndarray) -> pa.Array:
        """The texts of some members, or of nested ones as they are written."""
        sizes = self._members.end[members] - self._members.word[members]
        offsets = np.zeros(len(members) + 1, np.int64)
        np.cumsum(sizes, out=offsets[1:])
        out = np.empty(int(offsets[-1]), np.uint8)
        put_texts(self._data, self._members, members, offsets, out)
        return pa.Array.from_buffers(pa.large_string(), len(members), [None, pa.py_buffer(offsets), pa.py_buffer(out)])

    def _values(self, members: np.ndarray) -> list[Any]:
        """The values of members of several kinds, by row."""
        found: list[Any] = [None] * self._rows
        texts = self._texts(members[np.isin(self._members.kind[members], (TEXT, NESTED))]).to_pylist()
        texts.reverse()
        kinds, words = self._members.kind[members], self._members.word[members]
        floats = words.view(np.float64).tolist()
        rows = self._members.row[members].tolist()
        for place, (row, kind, word) in enumerate(zip(rows, kinds.tolist(), words.tolist(), strict=True)):
            if kind in (TRUE_VALUE, FALSE_VALUE):
                found[row] = kind == TRUE_VALUE
            elif kind in (TEXT, NESTED):
                text = texts.pop()
                found[row] = text if kind == TEXT else json.loads(text)
            else:
                found[row] = word if kind == WHOLE else floats[place]
        return found
