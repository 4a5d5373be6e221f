"""A chunk of contacts: a few thousand rows of a table as columns."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from journeykit.kernels import hash_ids
from journeykit.tables.arrow.arrays import as_numpy, flags, is_known, numbers, texts
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.cells import is_missing, read_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from journeykit.model.contact import Contact
    from journeykit.tables.contact_table import ContactPlan


_EXACT = 2.0**53
_FIELDS = ("account", "role", "stage", "persona", "timezone", "segments", "interests")


class Chunk:
    """Some rows of the table of contacts, with what is known of their ids.

    Attributes:
        number: the number of the first row in its table.
        ids: the ids as text.
        one: the first half of each id's key.
        two: the second half.
        suspect: the rows that the readers of cells must look at.
        unknown: by the text of an audience, of whom it is unknown.
        read: what rules can read of the contacts, once something has asked.
        events: what the contacts did (`journeykit.columns.event_counts.ChunkEvents`); None where no events are at hand.
    """

    events: Any = None

    def __init__(self, plan: ContactPlan, columns: Sequence[Any], number: int) -> None:
        self.plan = plan
        self.columns = [Column(array) for array in columns]
        self.number = number
        self.rows = len(self.columns[0]) if self.columns else 0
        self.apart = np.zeros(self.rows, np.bool_)
        self.unknown: dict[str, np.ndarray] = {}
        self.read: dict[str, Column] | None = None
        self.ids = self._ids()
        self.one, self.two = np.zeros(self.rows, np.uint64), np.zeros(self.rows, np.uint64)
        bad = np.zeros(self.rows, np.bool_)
        self.offsets, self.data = text_buffers(self.ids)
        hash_ids(self.offsets, self.data, self.one, self.two, bad)
        self.apart |= bad

    def _ids(self) -> pa.Array:
        if self.plan.id is None:
            self.apart[:] = True
            return texts([""] * self.rows)
        ids, suspect = id_texts(self.columns[self.plan.id])
        self.apart |= suspect
        return ids

    def take(self, rows: np.ndarray) -> Chunk:
        """Some of its rows, as a chunk of their own."""
        made = Chunk(self.plan, [column.take(rows).data for column in self.columns], self.number)
        if self.events is not None:
            made.events = self.events.take(rows)
        return made

    def contact(self, row: int) -> Contact:
        """One contact, read cell by cell.

        Raises:
            BadCellError: if a cell cannot be read.
            ModelError: if the row cannot be.
        """
        values = [column.value(row) for column in self.columns]
        key = read_id(None if self.plan.id is None else values[self.plan.id])
        return self.plan.contact(key, values)


def id_texts(column: Column) -> tuple[pa.Array, np.ndarray]:
    """Ids as text, and which of them the readers of cells must look at."""
    array = column.array
    suspect = np.zeros(len(column), np.bool_)
    if array is not None:
        kind = array.type
        if pa.types.is_dictionary(kind):
            array = array.dictionary_decode()
            kind = array.type
        if pa.types.is_float64(kind) or pa.types.is_float32(kind):
            array, suspect = _whole(array)
            kind = array.type
        if pa.types.is_integer(kind) or (
            (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and _is_utf8(array)
        ):
            if array.null_count:
                suspect |= ~is_known(array)
                array = array.fill_null("" if not pa.types.is_integer(kind) else 0)
            return array.cast(pa.large_string()), suspect
    codes, read = column.read(read_id)
    suspect |= np.array([value is UNREAD for value in read], np.bool_)[codes]
    found = texts(["" if value is UNREAD else value for value in read])
    return found.take(numbers(codes, pa.int64())), suspect


def _whole(array: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Floats, and so decimals, as whole numbers; and which of them have a fraction or are too large to be exact."""
    found = as_numpy(array)
    whole = is_known(array) & (np.abs(found) < _EXACT) & (found == np.floor(found))
    return numbers(np.where(whole, found, 0).astype(np.int64), pa.int64()), ~whole


def id_keys(column: Column | None, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The keys of a column of ids, read where they lie: both halves, and which the readers of cells must look at."""
    one, two, bad = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64), np.ones(rows, np.bool_)
    if column is None:
        return one, two, bad
    array = column.array
    kind: Any = None if array is None else array.type
    if array is not None and kind in (pa.string(), pa.large_string()):
        hash_ids(*text_buffers(array), one, two, bad)
        if array.null_count:
            bad |= ~is_known(array)
    elif array is not None and pa.types.is_dictionary(kind) and kind.value_type in (pa.string(), pa.large_string()):
        # Each text is hashed once; the last place is that of a missing one.
        own = id_keys(Column(array.dictionary), len(array.dictionary))
        codes = as_numpy(array.indices).astype(np.int64)
        if array.indices.null_count:
            codes[~is_known(array.indices)] = -1
        one, two, bad = (np.append(part, part.dtype.type(1))[codes] for part in own)
    else:
        ids, suspect = id_texts(column)
        hash_ids(*text_buffers(ids), one, two, bad)
        bad |= suspect
    return one, two, bad


def _is_utf8(array: pa.Array) -> bool:
    """Whether texts are what they should be; Arrow takes a file's word for it."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def ids_as_given(column: Column | None, ids: pa.Array, good: np.ndarray) -> pa.Array:
    """The ids of good rows as they came, where they are whole numbers; else as text."""
    array = None if column is None else column.array
    if array is None or not pa.types.is_integer(array.type):
        array = ids
    return array.filter(flags(good))


def text_buffers(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The offsets and bytes of an array of strings or large strings; where it is null there may be anything."""
    _, offsets, data = array.buffers()
    kind = np.int32 if pa.types.is_string(array.type) else np.int64
    if offsets is None or not len(array):
        return np.zeros(1, kind), np.zeros(0, np.uint8)
    found = np.frombuffer(offsets, kind)[array.offset : array.offset + len(array) + 1]
    return found, np.zeros(0, np.uint8) if data is None or data.size == 0 else np.frombuffer(data, np.uint8)


def rule_columns(chunk: Chunk) -> dict[str, Column]:
    """What rules can read: the attributes and, before them, the contact's own fields."""
    if chunk.read is None:
        chunk.read = _rule_columns(chunk)
    return dict(chunk.read)


def _rule_columns(chunk: Chunk) -> dict[str, Column]:
    plan = chunk.plan
    found: dict[str, Column] = {}
    for place, names in plan.attributes:
        column = chunk.columns[place]
        if plan.has_zone:
            column = mapped(column, plan.attribute)
        found.update(dict.fromkeys(names, column))
    found["id"] = Column(chunk.ids)
    own = {name: chunk.columns[place] for place, name, _ in plan.fields}
    reads = {name: read for _, name, read in plan.fields}
    for name in _FIELDS:
        if name in own:
            found[name] = mapped(own[name], partial(_field, name, reads[name]))
        elif name in ("segments", "interests"):
            found[name] = _Mapped(np.zeros(chunk.rows, np.int64), [()])
        else:
            found.pop(name, None)
    return found


def mapped(column: Column, read: Callable[[Any], Any]) -> Column:
    """A column of what a reader makes of another's values; None where it refuses."""
    codes, values = column.read(read)
    return _Mapped(codes, [None if value is UNREAD else value for value in values])


def coded_values(codes: np.ndarray, values: list[Any]) -> Column:
    """A column of some values, by row which."""
    return _Mapped(codes, values)


def mapped_values(values: list[Any]) -> Column:
    """A column with a row for each of some values."""
    return _Mapped(np.arange(len(values)), values)


class _Mapped(Column):
    """A column whose distinct values are known."""

    def __init__(self, codes: np.ndarray, values: list[Any]) -> None:
        super().__init__([])
        self._known = codes, values

    def __len__(self) -> int:
        return len(self._known[0])

    @property
    def _coded(self) -> tuple[np.ndarray, list[Any]]:
        return self._known


def _field(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    """A field of a contact as rules see it."""
    found = None if is_missing(value) else read(value)
    if name in ("segments", "interests"):
        return tuple(dict.fromkeys(found or ()))
    return found
