"""Rows grouped by contact, by the kernels where these are built."""

from __future__ import annotations

import numpy as np

from journeykit.kernels import has_kernels

_NO_RANK, _NO_TIE = np.zeros(0, np.int32), np.zeros(0, np.uint64)


def grouped(contact: np.ndarray, contacts: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows by contact.

    Args:
        contact: by row, the number of the contact; rows of -1 are left out.
        contacts: how many contacts there are.

    Returns:
        Where the rows of each contact start in the order, and one more; and the rows, in their order.

    Example:
        >>> first, order = grouped(np.array([1, -1, 0, 1]), 2)
        >>> first.tolist(), order.tolist()
        ([0, 1, 3], [2, 0, 3])
    """
    first = np.zeros(contacts + 1, np.int64)
    if has_kernels():
        from journeykit.kernels import group_rows

        order = np.empty(len(contact), np.int64)
        group_rows(contact.astype(np.int32, copy=False), first, order)
        return first, order[: int(first[-1])]
    order = np.argsort(contact, kind="stable")
    order = order[np.count_nonzero(contact < 0) :]
    np.cumsum(np.bincount(contact[order], minlength=contacts), out=first[1:])
    return first, order


def in_time(
    contact: np.ndarray, contacts: int, at: np.ndarray, rank: np.ndarray = _NO_RANK, tie: np.ndarray = _NO_TIE
) -> tuple[np.ndarray, np.ndarray]:
    """Rows by contact, those of each in the order of their instants, then of their ranks, their ties, and as they come.

    Args:
        contact: by row, the number of the contact; rows of -1 are left out.
        contacts: how many contacts there are.
        at: the instants.
        rank: what puts those of one instant in order; empty for nothing.
        tie: likewise, those of one rank.

    Returns:
        As of `grouped`.
    """
    first, order = grouped(contact, contacts)
    if has_kernels():
        from journeykit.kernels import sort_groups

        sort_groups(first, order, at, rank, tie)
        return first, order
    keys = [own[order] for own in (tie, rank, at, contact) if len(own)]
    return first, order[np.lexsort(keys)] if len(order) else order


def repeats(first: np.ndarray, order: np.ndarray, mark: np.ndarray) -> np.ndarray:
    """The rows of a contact that have the mark of an earlier one in their order; 0 is no mark.

    Args:
        first: as of `grouped`.
        order: likewise.
        mark: by row, its mark.

    Example:
        >>> marks = np.array([7, 7, 0, 0], np.uint64)
        >>> repeats(*grouped(np.zeros(4, np.int32), 1), marks).tolist()
        [1]
    """
    if has_kernels():
        from journeykit.kernels import mark_repeats

        again = np.zeros(len(mark), np.bool_)
        mark_repeats(first, order, mark, again)
        return np.flatnonzero(again)
    owner, own = np.repeat(np.arange(len(first) - 1), np.diff(first)), mark[order]
    place = np.lexsort((np.arange(len(order)), own, owner))
    owner, own = owner[place], own[place]
    same = (owner[1:] == owner[:-1]) & (own[1:] == own[:-1]) & (own[1:] != 0)
    return np.sort(order[place[1:][same]])
