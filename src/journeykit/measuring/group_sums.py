"""Sums over the messages of groups, by contact: what every ratio is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator


@frozen
class MessageGroups:
    """Messages told apart: each is in one group, in several, or in none.

    Attributes:
        facets: what tells them apart, such as ``("team", "stage")``.
        names: by group, the value of each facet; None where a message has none.
        message: the messages, by their places; one that is in several groups is there several times.
        group: of each of these, its group.
        notes: what is to be said of it.
    """

    facets: tuple[str, ...]
    names: tuple[tuple[str | None, ...], ...]
    message: NDArray[np.int64]
    group: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    @classmethod
    def everything(cls, messages: int) -> MessageGroups:
        """All messages in one group."""
        return cls((), ((),), np.arange(messages), np.zeros(messages, np.int64))

    def times(self, other: MessageGroups) -> MessageGroups:
        """Both together: a group for each pair of groups that share a message.

        Example:
            >>> ones = MessageGroups(("a",), (("x",), ("y",)), np.array([0, 1, 1]), np.array([0, 0, 1]))
            >>> both = ones.times(MessageGroups(("b",), (("z",),), np.array([1]), np.array([0])))
            >>> both.names, both.message.tolist(), both.group.tolist()
            ((('x', 'z'), ('y', 'z')), [1, 1], [0, 1])
        """
        left, right = np.argsort(self.message, kind="stable"), np.argsort(other.message, kind="stable")
        mine, theirs = self.message[left], other.message[right]
        low, high = np.searchsorted(theirs, mine, "left"), np.searchsorted(theirs, mine, "right")
        many = high - low
        at_left = np.repeat(np.arange(len(mine)), many)
        at_right = np.arange(len(at_left)) - np.repeat(np.cumsum(many) - many, many) + low[at_left]
        key = self.group[left][at_left] * len(other.names) + other.group[right][at_right]
        kinds, group = np.unique(key, return_inverse=True)
        names = tuple(
            (*self.names[kind // len(other.names)], *other.names[kind % len(other.names)]) for kind in kinds.tolist()
        )
        notes = tuple(dict.fromkeys((*self.notes, *other.notes)))
        return MessageGroups((*self.facets, *other.facets), names, mine[at_left], group.astype(np.int64), notes)


class GroupSums:
    """Sums over messages by group and, within it, by unit: the contact, or the account.

    Args:
        groups: the groups.
        unit: by message, the number of its unit.

    Example:
        >>> sums = GroupSums(MessageGroups.everything(3), np.array([0, 0, 1]))
        >>> sums.by_unit(np.array([1, 0, 1])).tolist(), [own.tolist() for own in sums.slices(np.array([5, 7]))]
        ([1, 1], [[5, 7]])
    """

    def __init__(self, groups: MessageGroups, unit: NDArray[np.int64]) -> None:
        group, message = groups.group, groups.message
        own = unit[message]
        if len(own) and (own[1:] < own[:-1]).any():
            order = np.argsort(own, kind="stable")
            group, message, own = group[order], message[order], own[order]
        if len(groups.names) > 1:
            # Codes of two bytes are sorted by counting them.
            narrow = group.astype(np.uint16) if len(groups.names) <= 1 << 16 else group
            order = np.argsort(narrow, kind="stable")
            group, message, own = group[order], message[order], own[order]
        first = np.ones(len(own), np.bool_)
        first[1:] = (own[1:] != own[:-1]) | (group[1:] != group[:-1])
        # Sums over all messages in their order need no look at each.
        self._message = None if len(message) == len(unit) and is_in_order(message) else message
        self._pair = np.cumsum(first, dtype=np.int32) - np.int32(1)
        starts = np.flatnonzero(first)
        self._ends = np.cumsum(np.bincount(group[starts], minlength=len(groups.names)))
        self._bounds = np.append(starts, len(own))[self._ends]

    def _taken(self, values: NDArray[Any]) -> NDArray[Any]:
        """The messages' values in the order of groups and units."""
        return values if self._message is None else values[self._message]

    def by_unit(self, values: NDArray[Any]) -> NDArray[Any]:
        """The sums of the messages' values, by group and unit; of truth values how many are true."""
        taken = self._taken(values)
        pairs = int(self._ends[-1]) if len(self._ends) else 0
        # Most messages have no response: the others are looked at alone.
        rows = np.flatnonzero(taken)
        weights = None if taken.dtype == np.bool_ else taken[rows]
        found = np.bincount(self._pair[rows], weights, pairs)
        return found.astype(np.int64, copy=False) if taken.dtype.kind != "f" else found.astype(np.float64, copy=False)

    def slices(self, sums: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """Sums by unit, as of `by_unit`, for each group in turn."""
        start = 0
        for end in self._ends.tolist():
            yield sums[start:end]
            start = end

    def by_group(self, values: NDArray[Any]) -> list[Any]:
        """The sums of the messages' values, by group; of truth values how many are true."""
        taken, start, found = self._taken(values), 0, []
        for end in self._bounds.tolist():
            own = taken[start:end]
            found.append(int(np.count_nonzero(own)) if own.dtype == np.bool_ else own.sum().item())
            start = end
        return found

    def units(self) -> list[int]:
        """How many units each group has."""
        found: list[int] = np.diff(self._ends, prepend=0).tolist()
        return found


def is_in_order(message: NDArray[np.int64]) -> bool:
    """Whether messages are all of them, one after the other."""
    return bool((message == np.arange(len(message))).all())
