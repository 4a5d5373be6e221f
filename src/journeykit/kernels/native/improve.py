"""Local search over chosen items under quotas."""

from __future__ import annotations

import numpy as np

from journeykit.kernels.native.jit import entry_point, inlined, kernel
from journeykit.kernels.native.price_pass import fits, link_rows, take

_MOVES = 8
_NEVER = -1e300
_EARLIER = 0.6


@inlined
def _use(pool, budget, item, times):
    """Add to the change what an item uses."""
    kind = pool.item.kind[item]
    for place in range(budget.touched[kind], budget.touched[kind + 1]):
        row = budget.rows[place]
        used = budget.fixed[kind, row]
        if budget.column[row] >= 0:
            used += budget.factor[kind, row] * pool.column[item, budget.column[row]]
        budget.change[row] += times * used


@inlined
def _judge(pool, budget, item):
    """What the change costs in the rows of an item, which are cleared: a gain, or never."""
    kind = pool.item.kind[item]
    gain = 0.0
    for place in range(budget.touched[kind], budget.touched[kind + 1]):
        row = budget.rows[place]
        change = budget.change[row]
        budget.change[row] = 0
        if change == 0:
            continue
        left = budget.left[row]
        if budget.hard[row] and change > 0 and left - change < 0:
            gain = _NEVER
        gain += budget.fine[row] * (min(left - change, 0) - min(left, 0))
    return gain


@kernel
def _gain(pool, budget, comes, goes):
    """What it is worth that one item comes and another goes, -1 for none."""
    gain = 0.0
    if comes >= 0:
        gain += pool.item.value[comes]
        _use(pool, budget, comes, 1)
    if goes >= 0:
        gain -= pool.item.value[goes]
        _use(pool, budget, goes, -1)
    if comes >= 0:
        gain += _judge(pool, budget, comes)
    if goes >= 0:
        gain += _judge(pool, budget, goes)
    return gain


@inlined
def _is_earlier(pool, item, other):
    """Whether two items are slots of one claim; the first in the order of claims is the earlier one."""
    return pool.item.group[item] == pool.item.group[other] and pool.item.value[item] == pool.item.value[other]


@inlined
def _move(pool, budget, taken, item, times):
    taken[item] = times > 0
    kind = pool.item.kind[item]
    for place in range(budget.touched[kind], budget.touched[kind + 1]):
        row = budget.rows[place]
        used = budget.fixed[kind, row]
        if budget.column[row] >= 0:
            used += budget.factor[kind, row] * pool.column[item, budget.column[row]]
        budget.left[row] -= times * used


@entry_point
def improve(pool, budget, units, taken, bench):
    """Let items come, go or change places, unit by unit, as long as it pays; how many moves were made.

    Args:
        pool: the problems.
        budget: the capacity that the quotas have left.
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
                    gain = _gain(pool, budget, -1, item)
                    if gain > best:
                        best, comes, goes = gain, -1, item
                elif size < top and fits(by, item - first):
                    gain = _gain(pool, budget, item, -1)
                    if gain > best:
                        best, comes, goes = gain, item, -1
                else:
                    for other in range(first, last):
                        if not taken[other]:
                            continue
                        take(by, other - first, -1)
                        if fits(by, item - first):
                            gain = _gain(pool, budget, item, other)
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
                _move(pool, budget, taken, goes, -1)
                take(by, goes - first, -1)
                size -= 1
            if comes >= 0:
                _move(pool, budget, taken, comes, 1)
                take(by, comes - first, 1)
                size += 1
    return moves
