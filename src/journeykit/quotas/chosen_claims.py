"""Chosen claims: what a run has chosen for each of its contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.engine.class_rows import classes_of
from journeykit.kernels.interface.contact_arrays import QuotaChoiceArrays

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from journeykit.engine.contact_group import QuotaChoice
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.engine.selection import SelectionProblem
    from journeykit.quotas.pool_slice import PoolSlice


class ChosenClaims:
    """What is chosen for contacts: first among claims that need not obey caps, then among the others.

    Args:
        contacts: how many contacts there are.
        charges: what the prices take from claims, once there are prices.

    Attributes:
        used: by side of the quotas, what all of it uses.
        elsewhere: how many contacts there are elsewhere for whom caps that count campaigns count messages.
    """

    def __init__(self, contacts: int, charges: QuotaCharges | None = None) -> None:
        self.contacts = contacts
        self.used: np.ndarray = np.zeros(0, np.int64)
        self._charges = charges
        self.elsewhere = 0
        self._careful: set[int] = set()
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

    def of_arm(self, place: int) -> ChosenClaims:  # noqa: ARG002  (where there are experiments, it is asked)
        """What is chosen for contacts of an arm, given the place of the arm among those of the run."""
        return self

    def note_careful(self, number: int, problem: SelectionProblem) -> None:
        """Note a contact for whom caps that count campaigns count messages, which allows less."""
        if classes_of(problem):
            self._careful.add(number)

    @property
    def careful(self) -> int:
        """How many contacts there are for whom caps that count campaigns count messages."""
        return len(self._careful) + self.elsewhere

    @property
    def charges(self) -> QuotaCharges:
        """What the prices take from claims."""
        assert self._charges is not None  # noqa: S101  (asked once all is chosen)
        return self._charges

    def confirm(self, used: Sequence[int]) -> None:
        """Compare what the rows use, added up once more, with what was meant to be granted.

        Raises:
            AssertionError: where they differ: that should not happen.
        """
        if not np.array_equal(used, self.used):
            raise AssertionError(f"the rows use {list(used)} of the quotas, not {self.used.tolist()}")

    @property
    def done(self) -> bool:
        """Whether all is chosen."""
        return self._known == 2


class ArmChoices(ChosenClaims):
    """What is given as chosen for contacts, arm by arm.

    Args:
        arms: what is chosen for the contacts of each arm; of all contacts, where there are no experiments.
        arm_of: by contact, the place of the contact's arm among these.
        charges: what the prices take from claims.
    """

    def __init__(self, arms: Sequence[ChosenClaims], arm_of: np.ndarray, charges: QuotaCharges) -> None:
        super().__init__(len(arm_of), charges)
        self._arms = arms
        self._arm_of = arm_of

    def of_arm(self, place: int) -> ChosenClaims:
        """What is chosen for contacts of an arm."""
        return self._arms[place]

    def part(self, start: int, stop: int) -> QuotaChoiceArrays:
        """What was chosen for some contacts, where all are of one arm."""
        return self._arms[0].part(start, stop)

    def choice(self, contact: int) -> QuotaChoice:
        """What was chosen for one contact, for the row engine."""
        return self._arms[int(self._arm_of[contact])].choice(contact)
