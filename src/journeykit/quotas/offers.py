"""Offers: choices of contacts, among which the master picks one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from journeykit.columns.capacity import Capacity
    from journeykit.kernels.interface.problem_arrays import ProblemPool


class Offers(NamedTuple):
    """Choices of units, those of one unit together, the one at the first prices first.

    Attributes:
        offer: the choices (`OFFER`).
        item: their items, by their places in the unit.
    """

    offer: np.ndarray
    item: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """Where the choices of each unit start, and one more."""
        changes = np.flatnonzero(np.diff(self.offer["unit"])) + 1
        size = len(self.offer)
        return np.concatenate([np.zeros(min(size, 1), np.int64), changes, [size]]).astype(np.int64)


def usage_of(pool: ProblemPool, room: Capacity, offers: Offers) -> np.ndarray:
    """By choice and row, what it uses."""
    offer = offers.offer
    sizes = offer["item_to"] - offer["item_from"]
    owner = np.repeat(np.arange(len(offer)), sizes)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(offer["item_from"], sizes)
    item = pool.first[offer["unit"][owner]] + offers.item[place]
    kind = pool.item["kind"][item]
    found = np.zeros((len(offer), room.rows), np.int64)
    for row in range(room.rows):
        use = room.fixed[kind, row]
        if room.column[row] >= 0:
            use = use + pool.column[item, room.column[row]] * room.factor[kind, row]
        used = np.flatnonzero(use)
        np.add.at(found[:, row], owner[used], use[used])
    return found


def idle_items(pool: ProblemPool, room: Capacity) -> np.ndarray:
    """By item, whether it is worth nothing and no quota wants it: it is not granted but as a partner of another one."""
    kind, found = pool.item["kind"], pool.item["value"] <= 0
    for row in np.flatnonzero(room.ceiling > 0).tolist():
        use = room.fixed[kind, row]
        if room.column[row] >= 0:
            use = use + pool.column[:, room.column[row]] * room.factor[kind, row]
        found &= use >= 0
    return found
