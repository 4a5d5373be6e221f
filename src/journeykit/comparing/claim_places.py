"""Claims of several tables laid side by side: each claim of a contact has one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.comparing.decided_rows import DecidedRows

ABSENT = -1
"""The state of a claim that a table does not have."""
_SPARSE = 8
"""With more cells than so many times the rows, only claims that are there have a place."""


@frozen(eq=False)
class ClaimPlaces:
    """Where the claims of tables are laid.

    Attributes:
        size: how many places there are.
        places: by table and row, its place; no two rows of a table share one.
    """

    size: int
    places: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(
        cls, tables: Sequence[DecidedRows], keys: NDArray[np.int64], key_count: int, start: int, stop: int
    ) -> ClaimPlaces:
        """Lay the claims of some contacts side by side.

        Args:
            tables: the rows of each table.
            keys: by number of a claim, that of its campaign, content and channel.
            key_count: how many of these there are.
            start: the number of the first contact.
            stop: the number after that of the last one.
        """
        if _are_alike(tables):
            return cls(len(tables[0]), (np.arange(len(tables[0])),) * len(tables))
        own, marks = _own_numbers(tables)
        told = [
            ((rows.contact - start) * key_count + keys[rows.claim]) * marks + mark
            for rows, mark in zip(tables, own, strict=True)
        ]
        size, places = _numbered(told, (stop - start) * key_count * marks)
        if any(_has_twins(each, size) for each in places):
            # Claims that nothing tells apart are told apart by their order.
            turns = [_turns(each) for each in places]
            most = 1 + max(int(turn.max(initial=0)) for turn in turns)
            size, places = _numbered([at * most + turn for at, turn in zip(places, turns, strict=True)], size * most)
        return cls(size, tuple(places))

    def laid(self, table: int, values: NDArray[Any], missing: Any) -> NDArray[Any]:
        """Values of a table's rows, by place."""
        found = np.full(self.size, missing, values.dtype)
        found[self.places[table]] = values
        return found


def _are_alike(tables: Sequence[DecidedRows]) -> bool:
    """Whether all tables have the same claims in the same order."""
    first = tables[0]
    return all(
        len(rows) == len(first)
        and np.array_equal(rows.claim, first.claim)
        and np.array_equal(rows.contact, first.contact)
        and np.array_equal(rows.own, first.own)
        for rows in tables[1:]
    )


def _own_numbers(tables: Sequence[DecidedRows]) -> tuple[list[NDArray[np.int64]], int]:
    """By row the number of the claim's own id among those of all, and how many there are."""
    if not any(rows.own.any() for rows in tables):
        return [np.zeros(1, np.int64) for _ in tables], 1
    marks = np.unique(np.concatenate([rows.own for rows in tables]))
    return [np.searchsorted(marks, rows.own) for rows in tables], len(marks)


def _numbered(told: Sequence[NDArray[np.int64]], size: int) -> tuple[int, list[NDArray[np.int64]]]:
    """Places for numbers: themselves, or where few of them occur, their order."""
    if size <= _SPARSE * max(map(len, told)) + 1024:
        return size, list(told)
    there = np.unique(np.concatenate(told))
    return len(there), [np.searchsorted(there, own) for own in told]


def _has_twins(places: NDArray[np.int64], size: int) -> bool:
    met = np.zeros(size, np.bool_)
    met[places] = True
    return int(np.count_nonzero(met)) < len(places)


def _turns(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """By row, how many rows before it have the same place."""
    order = np.argsort(places, kind="stable")
    is_new = np.append(True, np.diff(places[order]) != 0)[: len(order)]
    first = np.maximum.accumulate(np.where(is_new, np.arange(len(order)), 0))
    found = np.zeros(len(order), np.int64)
    found[order] = np.arange(len(order)) - first
    return found
