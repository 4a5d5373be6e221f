"""Events, put together by contact: chunk by chunk, so that what was taken of a chunk is let go once it is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.kernels import add_counts, contact_offsets
from journeykit.kernels.interface.journey_arrays import EventArrays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.placing.event_columns import Taken

_LARGEST_SUM = 9e18
"""Sums of a contact up to here, in millionths, are sure to be exact in 64 bits."""


class _Part(NamedTuple):
    """What is kept of a chunk; the columns of `EventArrays`."""

    contact: np.ndarray
    at: np.ndarray
    name: np.ndarray
    mark: np.ndarray
    number: Sequence[np.ndarray]
    state: Sequence[np.ndarray]
    value: Sequence[np.ndarray]


class ContactEvents:
    """Collects events.

    Args:
        numbers: how many properties are added up.
        values: of how many the last value is asked for.
    """

    def __init__(self, numbers: int, values: int) -> None:
        self._numbers = numbers
        self._values = values
        self._parts: list[_Part] = []
        # By property, the sum of all its numbers without their signs.
        self._sums = np.zeros(numbers, np.float64)

    def add(self, contact: np.ndarray, taken: Taken, good: np.ndarray) -> None:
        """Add some rows of a chunk: whose they are, and what was taken."""
        is_whole = bool(good.all())

        def kept(column: np.ndarray) -> np.ndarray:
            return column if is_whole else column[good]

        part = _Part(
            contact=kept(contact).astype(np.int32, copy=False),
            at=kept(taken.at),
            name=kept(taken.names),
            mark=kept(taken.marks),
            number=[kept(amount) for amount, _ in taken.numbers],
            state=[kept(state) for _, state in taken.numbers],
            value=[kept(code) for code in taken.values],
        )
        for own, amounts in enumerate(part.number):
            self._sums[own] += np.abs(amounts).sum(dtype=np.float64)
        self._parts.append(part)

    def renumber(self, contact_of: np.ndarray) -> None:
        """Give contacts other numbers."""
        self._parts = [part._replace(contact=contact_of[part.contact]) for part in self._parts]

    def too_large(self, contacts: int) -> np.ndarray:
        """The contacts one of whose sums may be too large for 64 bits."""
        found = np.zeros(contacts, np.bool_)
        # Where all numbers together are small enough, so are those of each contact.
        for own in np.flatnonzero(self._sums > _LARGEST_SUM).tolist():
            sums = np.zeros(contacts, np.float64)
            for part in self._parts:
                sums += np.bincount(part.contact, np.abs(part.number[own]).astype(np.float64), minlength=contacts)
            found |= sums > _LARGEST_SUM
        return np.flatnonzero(found)

    def arrays(self, contacts: int, but: np.ndarray) -> EventArrays:
        """The events by contact, those of some contacts aside. What was added is let go."""
        parts = self._parts
        if len(but):
            parts = [_without(part, but) for part in parts]
        self._parts = []
        first = np.zeros(contacts + 1, np.int64)
        for part in parts:
            add_counts(part.contact, first)
        np.cumsum(first, out=first)
        count = int(first[-1])
        made = EventArrays(
            first=first,
            order=np.arange(count, dtype=np.int64),
            at=np.empty(count, np.int64),
            name=np.empty(count, np.int16),
            mark=np.empty(count, np.uint64),
            number=np.empty((self._numbers, count), np.int64),
            state=np.empty((self._numbers, count), np.int8),
            value=np.empty((self._values, count), np.int32),
        )
        cursor = first[:-1].copy()
        parts.reverse()
        while parts:
            _put(parts.pop(), made, cursor)
        return made


def _without(part: _Part, but: np.ndarray) -> _Part:
    kept = ~np.isin(part.contact, but)
    return _Part(
        contact=part.contact[kept],
        at=part.at[kept],
        name=part.name[kept],
        mark=part.mark[kept],
        number=[amounts[kept] for amounts in part.number],
        state=[states[kept] for states in part.state],
        value=[codes[kept] for codes in part.value],
    )


def _put(part: _Part, made: EventArrays, cursor: np.ndarray) -> None:
    """Copy what was taken of a chunk to where it belongs."""
    place = np.empty(len(part.contact), np.int64)
    contact_offsets(part.contact, cursor, place)
    for name in ("at", "name", "mark"):
        getattr(made, name)[place] = getattr(part, name)
    for name in ("number", "state", "value"):
        for own, column in enumerate(getattr(part, name)):
            getattr(made, name)[own][place] = column
