"""History over columns: the touches that count, for weights."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from journeykit.basics.clock import moment
from journeykit.kernels.interface.codes import NONE

if TYPE_CHECKING:
    from journeykit.columns.ruleset_arrays import RulesetArrays, ShapeTables
    from journeykit.kernels.interface.contact_arrays import TouchArrays
    from journeykit.model.touch import Touch

_ALWAYS, _UNLESS_PAST = 1, 2
"""The codes of the statuses that count."""


class ChunkHistory:
    """The touches of a chunk of contacts that count at the instant of the decision.

    Args:
        layout: the playbook as arrays.
        history: the touches of the contacts.
        tables: the kinds of touches.
        now: the instant of the decision.
        derived: whether campaigns make the claims, which then replace the touches that are planned for them.

    Attributes:
        first: where the touches of each contact start, and one more.
        at: the instants.
        shape: their kinds.
        now: the instant of the decision.
    """

    def __init__(
        self, layout: RulesetArrays, history: TouchArrays, tables: ShapeTables, now: int, *, derived: bool
    ) -> None:
        start, stop = int(history.first[0]), int(history.first[-1])
        self._layout = layout
        self._tables = tables
        self.now, self._derived = now, derived
        self.first = history.first - start
        self.at, self.shape = history.at[start:stop], history.shape[start:stop]

    @cached_property
    def contact(self) -> np.ndarray:
        """By touch, the row of the contact."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    @cached_property
    def counts(self) -> np.ndarray:
        """Which touches count."""
        shapes = self._tables.shapes
        planned = shapes["status"] == _UNLESS_PAST
        if self._derived:
            planned &= shapes["replaced"] == 0
        found: np.ndarray = (shapes["status"] == _ALWAYS)[self.shape] | (planned[self.shape] & (self.at >= self.now))
        # Where a rest begins is no touch.
        return found & ~self._tables.marks[self.shape]

    def latest(self) -> np.ndarray:
        """By contact and campaign that has patience, the instant of the last touch, or `NONE`."""
        layout = self._layout
        # The two last places are those of no campaign, and of one that nothing asks for.
        places = np.full(len(layout.campaigns.list) + 2, -1, np.int64)
        places[[layout.campaigns.number[name] for name in layout.patience]] = np.arange(len(layout.patience))
        place = places[self._tables.shapes["campaign"]][self.shape]
        kept = self.counts & (place >= 0)
        found = np.full((len(self.first) - 1, len(layout.patience)), NONE, np.int64)
        np.maximum.at(found, (self.contact[kept], place[kept]), self.at[kept])
        return found

    @cached_property
    def told(self) -> list[Touch]:
        """By kind, a touch with all that the playbook knows of it."""
        return [self._layout.compiled.told(touch) for touch in self._tables.touches]

    def counting(self, rows: slice) -> np.ndarray:
        """The places of the touches of some contacts that count, contact by contact, oldest first."""
        first, last = int(self.first[rows.start]), int(self.first[rows.stop])
        found = np.flatnonzero(self.counts[first:last]) + first
        return found[np.lexsort((self.at[found], self.contact[found]))]

    def touches_of(self, row: int) -> tuple[Touch, ...]:
        """The touches of a contact that count, in the order of their instants."""
        ordered = self.counting(slice(row, row + 1))
        pairs: Any = zip(self.at[ordered].tolist(), self.shape[ordered].tolist(), strict=True)
        return tuple(evolve(self.told[shape], at=moment(at)) for at, shape in pairs)
