"""Chosen claims: what a run has chosen for each of its contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.kernels.interface.contact_arrays import QuotaChoiceArrays

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.engine.contact_group import QuotaChoice
    from journeykit.quotas.pool_slice import PoolSlice


class ChosenClaims:
    """What is chosen for contacts: first among claims that need not obey caps, then among the others.

    Args:
        contacts: how many contacts there are.
    """

    def __init__(self, contacts: int) -> None:
        self.contacts = contacts
        self._known = 0
        self._first = [np.zeros(contacts + 1, np.int64) for _ in range(2)]
        self._item = [np.zeros(0, np.int32) for _ in range(2)]

    def take(self, obeys: int, slices: Iterable[PoolSlice]) -> None:
        """Take over what is granted of claims that need not obey caps (0), or of the others (1)."""
        owners, numbers = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
        for own in slices:
            item = np.flatnonzero(own.taken)
            owners.append(own.contact[np.searchsorted(own.whole.first, item, side="right") - 1])
            numbers.append(own.whole.item["number"][item])
        owner, number = np.concatenate(owners), np.concatenate(numbers)
        counts = np.bincount(owner, minlength=self.contacts)
        self._first[obeys] = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        self._item[obeys] = number[np.lexsort((number, owner))].astype(np.int32)
        self._known = obeys + 1

    def part(self, start: int, stop: int) -> QuotaChoiceArrays:
        """What was chosen for some contacts, for the kernels."""
        firsts, items = [], []
        for place in range(2):
            first = self._first[place][start : stop + 1]
            firsts.append(first - first[0])
            items.append(self._item[place][int(first[0]) : int(first[-1])])
        return QuotaChoiceArrays(
            known=self._known, exempt_first=firsts[0], exempt=items[0], main_first=firsts[1], main=items[1]
        )

    def choice(self, contact: int) -> QuotaChoice:
        """What was chosen for one contact, for the row engine."""
        found = []
        for place in range(2):
            first = self._first[place]
            own = self._item[place][int(first[contact]) : int(first[contact + 1])]
            found.append(frozenset(own.tolist()) if self._known > place else None)
        return found[0], found[1]

    @property
    def done(self) -> bool:
        """Whether all is chosen."""
        return self._known == 2
