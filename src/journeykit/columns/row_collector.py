"""Collects the decision rows of a chunk as columns, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.kernels import add_rows
from journeykit.kernels.interface.codes import KNOWN_NAMES
from journeykit.kernels.interface.decision_arrays import RowColumns

if TYPE_CHECKING:
    from collections.abc import Collection

    from journeykit.kernels.interface.decision_arrays import DecisionRows

_OF = {
    "outcome": "outcome",
    "reason": "reason",
    "rule": "rule",
    "weight": "weight",
    "price": "price",
    "displaced": "displaced",
    "needs": "needs",
    "chance": "chance",
    "send_at": "send_at",
    "retry_at": "retry_at",
    "lost_first": "lost_to",
    "bind_first": "binding",
}
"""By array, the column of the table of decisions that it is for; contact and label are for several."""
_LISTS = {"lost": ("lost_to", 1), "bind": ("binding", 2)}
_SPARE = 1.1
_LEAST = 1024
_MOST = 2**31 - 1
"""Offsets of lists are numbers of 32 bits."""


class RowCollector:
    """Collects the rows of a chunk; what it holds becomes arrays of Arrow without a copy.

    Args:
        columns: the columns of the table of decisions that are made.
        names: by kind of name and label, what a claim is called, as a code; one below 0 is no name.
        each: about how many rows, campaigns that won instead and rules there are for a contact.

    Attributes:
        each: the same, as it was found.
    """

    def __init__(
        self, columns: Collection[str], names: np.ndarray, each: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> None:
        self._asked = frozenset(columns)
        self._names = names
        self.each = each
        self._sizes = [0, 0, 0]
        self._used = np.zeros(3, np.int64)
        self._columns = self._made({}, [0, 0, 0])

    def add(self, rows: DecisionRows, contact: int, contacts: int) -> None:
        """Add the rows of a block.

        Args:
            rows: the rows.
            contact: how many contacts of the chunk are settled with this block.
            contacts: how many the chunk has.
        """
        needed = [int(own) for own in self._used + rows.used]
        if max(needed) > _MOST:
            raise OverflowError(f"contacts that are decided at once have {max(needed):,} rules or campaigns to tell")
        self.each = (needed[0] / contact, needed[1] / contact, needed[2] / contact)
        if any(need > size for need, size in zip(needed, self._sizes, strict=True)):
            guesses = (int(own * contacts * _SPARE) for own in self.each)
            grown = (2 * size for size in self._sizes)
            self._grow([max(*own, _LEAST) for own in zip(needed, guesses, grown, strict=True)])
        add_rows(rows, self._names, self._columns)

    def _grow(self, sizes: list[int]) -> None:
        """Move to larger arrays."""
        before = self._columns
        self._columns = self._made({name: getattr(before, name) for name in before.fields}, sizes)
        self._sizes = sizes

    def _made(self, before: dict[str, np.ndarray], sizes: list[int]) -> RowColumns:
        """Arrays for so many rows, campaigns and rules, with what is there already."""
        rows, used = sizes[0], int(self._used[0])
        made: dict[str, Any] = {}
        for name, (kind, dimensions) in RowColumns.fields.items():
            if dimensions == 1 and name not in ("counts", "used"):
                column, part = _LISTS.get(name, (_OF.get(name), 0))
                size = sizes[part] if column is None or column in self._asked else 0
                # One more, for the end of the last list.
                size += name.endswith("_first") and size > 0
                made[name] = array = np.empty(size, kind)
                if before and size:
                    count = int(self._used[part])
                    array[:count] = before[name][:count]
        made["name"] = np.empty((len(self._names), rows), np.int32)
        # Each bitmap begins where a processor likes to read.
        made["known"] = np.zeros((KNOWN_NAMES + len(self._names), (rows + 511) // 512 * 64), np.uint8)
        if before:
            made["name"][:, :used] = before["name"][:, :used]
            made["known"][:, : (used + 7) // 8] = before["known"][:, : (used + 7) // 8]
        made["counts"] = before["counts"] if before else np.zeros(KNOWN_NAMES + len(self._names), np.int64)
        made["used"] = self._used
        return RowColumns(**made)

    def collected(self) -> RowColumns:
        """All rows that were added."""
        for name, part in (("lost", 1), ("bind", 2)):
            first = getattr(self._columns, f"{name}_first")
            if len(first):
                first[int(self._used[0])] = self._used[part]
        return self._columns
