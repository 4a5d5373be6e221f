"""Draws by hash: what chance decides for a contact on a day, the same whatever else is simulated."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.basics.ids import STIR_FIRST, STIR_SECOND
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

_SHIFT = np.uint64(33)
_LOW = np.uint64(11)
_SPAN = 2.0**-53
"""Of a hash the first 53 bits make a number: so many hold in a float, each exactly."""


class DrawKeys(NamedTuple):
    """What contacts are drawn by: both halves of the keys of their ids."""

    one: NDArray[np.uint64]
    two: NDArray[np.uint64]

    @classmethod
    def of(cls, ids: pa.Array) -> DrawKeys:
        """The keys of ids, all of which can be read."""
        from journeykit.measuring.cell_columns import id_halves

        one, two, _ = id_halves(Column(ids), len(ids))
        return cls(one, two)

    def take(self, places: NDArray[np.int64]) -> DrawKeys:
        """Those of some contacts."""
        return DrawKeys(self.one[places], self.two[places])

    def draws(self, *what: str | int | None) -> NDArray[np.float64]:
        """By contact, a number from 0 to 1, without 1, that depends on the contact and on what is drawn, alone.

        Args:
            what: what is drawn, such as the seed, the day, a campaign and a content.

        Example:
            >>> import pyarrow as pa
            >>> keys = DrawKeys.of(pa.array(["anna", "ben"]))
            >>> keys.draws(0, "answer", "launch", "letter", 3).round(4).tolist()
            [0.7372, 0.3487]
        """
        digest = sha256(json.dumps(what).encode()).digest()
        first, second = (np.uint64(int.from_bytes(digest[at : at + 8], "big")) for at in (0, 8))
        mixed = _stirred(_stirred(self.one ^ first) ^ self.two ^ second)
        return (mixed >> _LOW).astype(np.float64) * _SPAN

    def draws_by_kind(
        self, kind: NDArray[np.int64], kinds: Sequence[Sequence[str | None]], *what: str | int
    ) -> NDArray[np.float64]:
        """The same where what is drawn differs from row to row.

        Args:
            kind: by row, which of the kinds.
            kinds: what is drawn besides, by kind.
            what: what is drawn of all of them.
        """
        found = np.zeros(len(kind), np.float64)
        for number, own in enumerate(kinds):
            rows = np.flatnonzero(kind == number)
            if len(rows):
                found[rows] = self.take(rows).draws(*what, *own)
        return found


def _stirred(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Murmur's finalizer, of each: see `journeykit.basics.ids.stir`."""
    found: NDArray[np.uint64] = values ^ (values >> _SHIFT)
    found *= np.uint64(STIR_FIRST)
    found ^= found >> _SHIFT
    found *= np.uint64(STIR_SECOND)
    found ^= found >> _SHIFT
    return found
