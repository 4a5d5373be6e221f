"""Mending: contact by contact, in a hashed order, what can be had of the room that the others leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from journeykit.basics.validation import MILLIONTH
from journeykit.columns.bundle import Bundle, table
from journeykit.columns.jit import entry_point, inlined, kernel
from journeykit.columns.passes import fits, link_rows, take

if TYPE_CHECKING:
    from journeykit.columns.passes import Bench
    from journeykit.columns.pool import Pool
    from journeykit.columns.pricing import Room

_MOVES = 8
_NEVER = -1e300
_EARLIER = 0.6
_FEW = 1000
"""Where fewer than one unit of so many moves, no further sweep is made."""


class Purse(Bundle):
    """What is left of the quotas, and what it costs to go beyond.

    Attributes:
        fixed: by kind and row, what any item of the kind uses.
        column: by row, the column that is added up, or -1.
        factor: by kind and row, what it is multiplied with.
        touched: by kind, where its rows lie in `rows`, and one more.
        rows: the rows that items of a kind use.
        left: by row, how much is left; less than nothing where it is broken.
        fine: by row, what one whole unit beyond the room costs, in millionths.
        hard: by row, whether it must hold.
        change: room, by row.
    """

    fields: ClassVar = {
        "fixed": table(np.int64, 2),
        "column": table(np.int64),
        "factor": table(np.int64, 2),
        "touched": table(np.int64),
        "rows": table(np.int64),
        "left": table(np.int64),
        "fine": table(np.float64),
        "hard": table(np.bool_),
        "change": table(np.int64),
    }


def purse_for(room: Room, left: np.ndarray, dear: float) -> Purse:
    """The rows of quotas of which so much is left; a broken hard row costs `dear` for one unit of it."""
    uses = (room.fixed != 0) | ((room.factor != 0) & (room.column >= 0))
    kind, row = np.nonzero(uses)
    fine = np.where(room.hard, dear, room.ceiling) * MILLIONTH / room.unit
    return Purse(
        fixed=room.fixed,
        column=room.column,
        factor=room.factor,
        touched=np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(kind, minlength=len(uses)))]),
        rows=row.astype(np.int64),
        left=left.copy(),
        fine=fine,
        hard=room.hard,
        change=np.zeros(room.rows, np.int64),
    )


@inlined
def _use(pool, purse, item, times):
    """Add to the change what an item uses."""
    kind = pool.item.kind[item]
    for place in range(purse.touched[kind], purse.touched[kind + 1]):
        row = purse.rows[place]
        used = purse.fixed[kind, row]
        if purse.column[row] >= 0:
            used += purse.factor[kind, row] * pool.column[item, purse.column[row]]
        purse.change[row] += times * used


@inlined
def _judge(pool, purse, item):
    """What the change costs in the rows of an item, which are cleared: a gain, or never."""
    kind = pool.item.kind[item]
    gain = 0.0
    for place in range(purse.touched[kind], purse.touched[kind + 1]):
        row = purse.rows[place]
        change = purse.change[row]
        purse.change[row] = 0
        if change == 0:
            continue
        left = purse.left[row]
        if purse.hard[row] and change > 0 and left - change < 0:
            gain = _NEVER
        gain += purse.fine[row] * (min(left - change, 0) - min(left, 0))
    return gain


@kernel
def _gain(pool, purse, comes, goes):
    """What it is worth that one item comes and another goes, -1 for none."""
    gain = 0.0
    if comes >= 0:
        gain += pool.item.value[comes]
        _use(pool, purse, comes, 1)
    if goes >= 0:
        gain -= pool.item.value[goes]
        _use(pool, purse, goes, -1)
    if comes >= 0:
        gain += _judge(pool, purse, comes)
    if goes >= 0:
        gain += _judge(pool, purse, goes)
    return gain


@inlined
def _is_earlier(pool, item, other):
    """Whether two items are slots of one claim; the first in the order of claims is the earlier one."""
    return pool.item.group[item] == pool.item.group[other] and pool.item.value[item] == pool.item.value[other]


@inlined
def _move(pool, purse, taken, item, times):
    taken[item] = times > 0
    kind = pool.item.kind[item]
    for place in range(purse.touched[kind], purse.touched[kind + 1]):
        row = purse.rows[place]
        used = purse.fixed[kind, row]
        if purse.column[row] >= 0:
            used += purse.factor[kind, row] * pool.column[item, purse.column[row]]
        purse.left[row] -= times * used


@entry_point
def mend(pool, purse, units, taken, bench):
    """Let items come, go or change places, unit by unit, as long as it pays; how many moves were made.

    Args:
        pool: the problems.
        purse: what is left of the quotas.
        units: the units, in the order in which they take turns.
        taken: by item, whether it is chosen.
        bench: room.
    """
    by = bench.by
    moves = 0
    for place in range(len(units)):
        unit = units[place]
        if pool.unit.clause_from[unit] != pool.unit.clause_to[unit]:
            continue
        first, last = pool.first[unit], pool.first[unit + 1]
        top = pool.unit.top[unit]
        link_rows(pool, pool.unit.row_from[unit], pool.unit.row_to[unit], by, last - first)
        size = 0
        for item in range(first, last):
            if taken[item]:
                take(by, item - first, 1)
                size += 1
        for _ in range(_MOVES):
            best, comes, goes = 0.5, np.int64(-1), np.int64(-1)
            for item in range(first, last):
                if taken[item]:
                    gain = _gain(pool, purse, -1, item)
                    if gain > best:
                        best, comes, goes = gain, -1, item
                elif size < top and fits(by, item - first):
                    gain = _gain(pool, purse, item, -1)
                    if gain > best:
                        best, comes, goes = gain, item, -1
                else:
                    for other in range(first, last):
                        if not taken[other]:
                            continue
                        take(by, other - first, -1)
                        if fits(by, item - first):
                            gain = _gain(pool, purse, item, other)
                            if item < other and -0.5 < gain <= 0.5 and _is_earlier(pool, item, other):
                                # Another slot of the same claim: the earlier one, where it makes no difference.
                                gain = _EARLIER
                            if gain > best:
                                best, comes, goes = gain, item, other
                        take(by, other - first, 1)
            if best <= 0.5:
                break
            moves += 1
            if goes >= 0:
                _move(pool, purse, taken, goes, -1)
                take(by, goes - first, -1)
                size -= 1
            if comes >= 0:
                _move(pool, purse, taken, comes, 1)
                take(by, comes - first, 1)
                size += 1
    return moves


def by_hash(pool: Pool) -> np.ndarray:
    """The units in the order of their keys."""
    return np.argsort(pool.key, kind="stable")


def mend_all(pool: Pool, purse: Purse, taken: np.ndarray, bench: Bench, sweeps: int) -> int:
    """Mend all units, again and again as long as it pays, so many times at most; how many moves were made."""
    units = by_hash(pool)
    total = 0
    for _ in range(sweeps):
        moves = mend(pool, purse, units, taken, bench)
        total += int(moves)
        if moves * _FEW <= len(units):
            break
    return total
