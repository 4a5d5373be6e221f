"""The numbers of contacts: each id has one, in the order in which they are met."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        made, column = cls(), Column(ids)
        if made._index is None:
            made._by_value(column, len(ids), {}, is_new=True)
        elif len(ids):
            one, two, _ = id_halves(column, len(ids))
            made._add(column, one, two)
        return made

    @property
    def ids(self) -> pa.Array:
        """The ids, by number."""
        return pa.concat_arrays([part.cast(pa.large_string()) for part in self._ids]) if self._ids else texts([])

    def meet(self, column: Column | None, rows: int, faults: Faults) -> np.ndarray:
        """The numbers of ids, new ones included; -1 for an id that cannot be read, which is a fault of its row."""
        return self._numbers(column, rows, faults, is_new=True)

    def find(self, column: Column | None, rows: int, faults: Faults) -> np.ndarray:
        """The numbers of ids that were met, else -1."""
        return self._numbers(column, rows, faults, is_new=False)

    def _numbers(self, column: Column | None, rows: int, faults: Faults, *, is_new: bool) -> np.ndarray:
        if column is None or self._index is None:
            return self._by_value(column, rows, faults, is_new=is_new)
        one, two, suspect = id_halves(column, rows)
        own: Faults = {}
        blame(column, np.flatnonzero(suspect), "contact_id", read_id, own)
        bad = np.zeros(rows, np.bool_)
        bad[list(own)] = True
        faults.update((row, fault) for row, fault in own.items() if row not in faults)
        found: np.ndarray = self._index.find(one, two)
        missing = np.flatnonzero((found < 0) & ~bad) if is_new else ()
        while len(missing):
            # Ids that share half of their key, of which there are hardly any, wait for the next turn.
            first = missing[np.sort(np.unique(one[missing], return_index=True)[1])]
            self._add(column.take(first), one[first], two[first])
            found[missing] = self._index.find(one[missing], two[missing])
            missing = missing[found[missing] < 0]
        found[bad] = -1
        return found.astype(np.int64)

    def _add(self, column: Column, one: np.ndarray, two: np.ndarray) -> None:
        from journeykit.columns.chunk import id_texts

        self._index.add(one, two, self.count, np.zeros(len(one), np.bool_))
        self._ids.append(id_texts(column)[0])
        self.count += len(one)

    def _by_value(self, column: Column | None, rows: int, faults: Faults, *, is_new: bool) -> np.ndarray:
        if column is None:
            blame(None, np.arange(rows), "contact_id", read_id, faults)
            return np.full(rows, -1, np.int64)
        codes, read = column.read(read_id)
        if is_new:
            used = np.zeros(len(read), np.bool_)
            used[codes] = True
            fresh = [own for own, is_used in zip(read, used, strict=True) if is_used and own is not UNREAD]
            fresh = [own for own in dict.fromkeys(fresh) if own not in self._of]
            self._of.update({own: self.count + place for place, own in enumerate(fresh)})
            self._ids.append(texts(fresh))
            self.count += len(fresh)
        refused = np.array([own is UNREAD for own in read], np.bool_)[codes]
        blame(column, np.flatnonzero(refused), "contact_id", read_id, faults)
        found: np.ndarray = np.array([-1 if own is UNREAD else self._of.get(own, -1) for own in read], np.int64)[codes]
        return found
