"""The numbers of contacts: each id has one, in the order in which they are met."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from journeykit.kernels import has_kernels
from journeykit.measuring.cell_columns import blame, id_halves
from journeykit.tables.arrow.arrays import texts
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.cells import read_id

if TYPE_CHECKING:
    from typing import Any, Self

    from journeykit.measuring.cell_columns import Faults

_COLUMN = "contact_id"


class KeyedIds(NamedTuple):
    """A column of ids, with what they are looked up by.

    Attributes:
        column: the column.
        one: the first half of each id's key.
        two: the second half.
        bad: which ids cannot be read.
    """

    column: Column
    one: np.ndarray
    two: np.ndarray
    bad: np.ndarray


class ContactNumbers:
    """Which contacts were met.

    Example:
        >>> numbers = ContactNumbers()
        >>> numbers.meet(Column(["anna", "boris", "anna"]), 3, {}).tolist()
        [0, 1, 0]
        >>> numbers.find(Column(["clara"]), 1, {}).tolist()
        [-1]
    """

    def __init__(self) -> None:
        self.count = 0
        self._ids: list[pa.Array] = []
        self._of: dict[str, int] = {}
        self._index: Any = None
        if has_kernels():
            from journeykit.columns.contact_index import ContactIndex

            self._index = ContactIndex()

    @classmethod
    def of(cls, ids: pa.Array) -> Self:
        """The numbers of ids that all differ: their places."""
        made = cls()
        if len(ids):
            made._meet_new(keyed_ids(Column(ids), len(ids), {}), np.arange(len(ids)))
        return made

    @property
    def ids(self) -> pa.Array:
        """The ids, by number."""
        return pa.concat_arrays([part.cast(pa.large_string()) for part in self._ids]) if self._ids else texts([])

    def meet(self, column: Column | None, rows: int, faults: Faults) -> np.ndarray:
        """The numbers of ids, new ones included; -1 for an id that cannot be read, which is a fault of its row."""
        return self.numbers(keyed_ids(column, rows, faults))

    def find(self, column: Column | None, rows: int, faults: Faults) -> np.ndarray:
        """The numbers of ids that were met, else -1. Several threads may ask at once."""
        return self._known(keyed_ids(column, rows, faults))

    def numbers(self, ids: KeyedIds) -> np.ndarray:
        """The numbers of ids, new ones included; -1 for those that cannot be read."""
        found = self._known(ids)
        missing = np.flatnonzero((found < 0) & ~ids.bad)
        while len(missing):
            # Ids that share half of their key, of which there are hardly any, wait for the next turn.
            first = missing[np.sort(np.unique(ids.one[missing], return_index=True)[1])]
            self._meet_new(ids, first)
            found = self._known(ids)
            missing = missing[found[missing] < 0]
        return found

    def _known(self, ids: KeyedIds) -> np.ndarray:
        if self._index is not None:
            found: np.ndarray = self._index.find(ids.one, ids.two)
            found[ids.bad] = -1
            return found
        codes, read = ids.column.read(read_id)
        by_code = [-1 if own is UNREAD else self._of.get(own, -1) for own in read]
        numbers: np.ndarray = np.array(by_code or [-1], np.int32)[codes]
        return numbers

    def _meet_new(self, ids: KeyedIds, rows: np.ndarray) -> None:
        """Give ids that all differ the next numbers."""
        column = ids.column.take(rows) if len(rows) < len(ids.column) else ids.column
        if self._index is not None:
            from journeykit.columns.chunk import id_texts

            self._index.add(ids.one[rows], ids.two[rows], self.count, np.zeros(len(rows), np.bool_))
            self._ids.append(id_texts(column)[0])
        else:
            own = [read_id(value) for value in column.cells()]
            self._of.update({name: self.count + place for place, name in enumerate(own)})
            self._ids.append(texts(own))
        self.count += len(rows)


def keyed_ids(column: Column | None, rows: int, faults: Faults) -> KeyedIds:
    """A column of ids with their keys; an id that cannot be read is a fault of its row. Threads may ask at once."""
    one, two, suspect = id_halves(column, rows)
    own: Faults = {}
    blame(column, np.flatnonzero(suspect), _COLUMN, read_id, own)
    bad = np.zeros(rows, np.bool_)
    bad[list(own)] = True
    faults.update((row, fault) for row, fault in own.items() if row not in faults)
    return KeyedIds(Column([None] * rows) if column is None else column, one, two, bad)
