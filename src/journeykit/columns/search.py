"""Search over columns: the exact choice among one contact's claims, as `journeykit.selection` makes it.

Where what binds is a laminar family of plain counts, taking the best first
is optimal; otherwise a branch and bound takes before it leaves, in the order of claims, so that the first of several
equal sets that it meets is the one wanted, and its bound is the Lagrangian relaxation of the rows. A search that is
not over after `NODES` nodes is given up: the one-contact engine then decides that contact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from journeykit.columns.jit import entry, kernel, leaf

from journeykit.columns.records import record

NODES = 5_000
_SWEEPS = 6
_LARGE = 2**60


ITEM = record("order value level group entry at shut")
"""A claim at an instant: in the order of claims, the item that stands in this place; what it is worth, 0 or less to be
left out; tier and rank as one number, the smaller decided first; of the items of one group one at most is taken; the
claim, the instant, and whether the history rules it out."""
ROW = record("start stop room")
"""What goes together: where its members lie, and how much there is in all."""
MEMBER = record("pick use")
"""An item in a row, and what it uses."""
CLAUSE = record("pick start stop")
"""An item, and where the partners lie of which one at least must be taken with it."""


class Problem(NamedTuple):
    """What goes together, among items.

    Attributes:
        items: what can be taken (`ITEM`).
        rows: what goes together (`ROW`).
        members: the members of the rows (`MEMBER`).
        clauses: what needs a partner (`CLAUSE`).
        partners: the partners.
    """

    items: np.ndarray
    rows: np.ndarray
    members: np.ndarray
    clauses: np.ndarray
    partners: np.ndarray


@kernel
def solve(problem, chosen):
    """Mark the best feasible set in `chosen`; False where the search was given up."""
    count, rows, clauses = len(problem.items), len(problem.rows), len(problem.clauses)
    live = np.zeros(count, np.bool_)
    for item in range(count):
        chosen[item] = False
        live[item] = problem.items.value[item] > 0
    if clauses:
        _drop_hopeless(problem, live)
    for row in range(rows):
        for place in range(problem.rows.start[row], problem.rows.stop[row]):
            if problem.members.use[place] > problem.rows.room[row]:
                live[problem.members.pick[place]] = False
    if clauses:
        _drop_hopeless(problem, live)
    binding = np.zeros(rows, np.bool_)
    bound = 0
    for row in range(rows):
        used = 0
        for place in range(problem.rows.start[row], problem.rows.stop[row]):
            if live[problem.members.pick[place]]:
                used += problem.members.use[place]
        binding[row] = used > problem.rows.room[row]
        bound += binding[row]
    if bound == 0 and clauses == 0:
        chosen[:count] = live
        return True
    part = _parts(problem, live, binding)
    for leader in range(count):
        if live[leader] and part[leader] == leader and not _solve_part(problem, live, binding, part, leader, chosen):
            return False
    return True


@leaf
def _drop_hopeless(problem, live):
    """Close the items whose partners are all closed."""
    changed = True
    while changed:
        changed = False
        for clause in range(len(problem.clauses)):
            item = problem.clauses.pick[clause]
            if live[item]:
                hope = False
                for place in range(problem.clauses.start[clause], problem.clauses.stop[clause]):
                    hope = hope or live[problem.partners[place]]
                if not hope:
                    live[item] = False
                    changed = True


@leaf
def _find(leader, item):
    while leader[item] != item:
        leader[item] = leader[leader[item]]
        item = leader[item]
    return item


@kernel
def _parts(problem, live, binding):
    """The items in groups that nothing connects: by item, the leader of its group."""
    leader = np.arange(len(problem.items))
    for row in range(len(problem.rows)):
        if binding[row]:
            first = -1
            for place in range(problem.rows.start[row], problem.rows.stop[row]):
                item = problem.members.pick[place]
                if live[item]:
                    if first < 0:
                        first = item
                    leader[_find(leader, item)] = _find(leader, first)
    for clause in range(len(problem.clauses)):
        item = problem.clauses.pick[clause]
        if live[item]:
            for place in range(problem.clauses.start[clause], problem.clauses.stop[clause]):
                partner = problem.partners[place]
                if live[partner]:
                    leader[_find(leader, partner)] = _find(leader, item)
    for item in range(len(problem.items)):
        _find(leader, item)
    found = np.empty_like(leader)
    for item in range(len(problem.items)):
        found[item] = _find(leader, item)
    return found


@kernel
def _solve_part(problem, live, binding, part, leader, chosen):
    count = len(problem.items)
    number = np.full(count, -1, np.int64)
    items = np.empty(count, np.int64)
    size = 0
    for place in range(count):
        item = problem.items.order[place]
        if live[item] and part[item] == leader:
            number[item] = size
            items[size] = item
            size += 1
    own = 0
    for row in range(len(problem.rows)):
        if binding[row] and _touches(problem, row, number):
            own += 1
    clauses = 0
    for clause in range(len(problem.clauses)):
        clauses += number[problem.clauses.pick[clause]] >= 0
    if own == 0 and clauses == 0:
        for place in range(size):
            chosen[items[place]] = True
        return True
    uses = np.zeros((own, size), np.int64)
    rooms = np.zeros(own, np.int64)
    own = 0
    for row in range(len(problem.rows)):
        if binding[row] and _touches(problem, row, number):
            for place in range(problem.rows.start[row], problem.rows.stop[row]):
                if number[problem.members.pick[place]] >= 0:
                    uses[own, number[problem.members.pick[place]]] = problem.members.use[place]
            rooms[own] = problem.rows.room[row]
            _shrink(uses[own], rooms, own)
            own += 1
    if clauses == 0 and _is_laminar(uses):
        _take_best_first(problem, items[:size], uses, rooms, chosen)
        return True
    values = np.empty(size, np.int64)
    if not _combine(problem, items[:size], values):
        return False
    return _search(problem, items[:size], number, values, uses, rooms, chosen)


@leaf
def _touches(problem, row, number):
    for place in range(problem.rows.start[row], problem.rows.stop[row]):
        if number[problem.members.pick[place]] >= 0:
            return True
    return False


@leaf
def _shrink(uses, rooms, row):
    """A row in smallest whole numbers."""
    unit = 0
    for use in uses:
        while use:
            unit, use = use, unit % use
    if unit > 1:
        rooms[row] //= unit
        for item in range(len(uses)):
            uses[item] //= unit


@leaf
def _is_laminar(uses):
    rows, size = uses.shape
    for row in range(rows):
        for item in range(size):
            if uses[row, item] > 1:
                return False
        for other in range(row):
            both = mine = theirs = 0
            for item in range(size):
                both += uses[row, item] & uses[other, item]
                mine += uses[row, item]
                theirs += uses[other, item]
            if both and both != mine and both != theirs:
                return False
    return True


@kernel
def _take_best_first(problem, items, uses, rooms, chosen):
    done = np.zeros(len(items), np.bool_)
    for _ in range(len(items)):
        best = -1
        for at in range(len(items)):
            if not done[at]:
                item = items[at]
                if best < 0:
                    best = at
                else:
                    rival = items[best]
                    if problem.items.level[item] < problem.items.level[rival] or (
                        problem.items.level[item] == problem.items.level[rival] and problem.items.value[item] > problem.items.value[rival]
                    ):
                        best = at
        done[best] = True
        fits = True
        for row in range(len(rooms)):
            fits = fits and uses[row, best] <= rooms[row]
        if fits:
            chosen[items[best]] = True
            for row in range(len(rooms)):
                rooms[row] -= uses[row, best]


@kernel
def _combine(problem, items, values):
    """One whole value for each item, so that sums compare level by level; False where they would be too large."""
    size = len(items)
    done = np.zeros(size, np.bool_)
    left = size
    unit = 1
    while left:
        last = -(2**62)
        for at in range(size):
            if not done[at]:
                last = max(last, problem.items.level[items[at]])
        total = 0
        for at in range(size):
            if not done[at] and problem.items.level[items[at]] == last:
                value = problem.items.value[items[at]]
                if value > _LARGE // unit:
                    return False
                values[at] = value * unit
                total += value
                done[at] = True
                left -= 1
        if left:
            if total + 1 > _LARGE // unit:
                return False
            unit *= total + 1
    total = 0
    for at in range(size):
        if values[at] > _LARGE - total:
            return False
        total += values[at]
    return True


@kernel
def _best_price(gain, use, count, room):
    """The price per unit at which the offers worth more than it just fill the room."""
    total = 0
    for at in range(count):
        total += use[at]
    if total <= room:
        return 0
    done = np.zeros(count, np.bool_)
    taken = 0
    for _ in range(count):
        best = -1
        for at in range(count):
            if not done[at] and (best < 0 or gain[at] // use[at] > gain[best] // use[best]):
                best = at
        done[best] = True
        taken += use[best]
        if taken > room:
            return gain[best] // use[best]
    return 0


@kernel
def _set_prices(values, uses, rooms, group, groups, free, prices, worth):
    """Prices of the rows by coordinate descent on the dual, and what the items are worth at them."""
    rows, size = uses.shape
    for item in range(size):
        worth[item] = values[item]
        for row in range(rows):
            worth[item] -= prices[row] * uses[row, item]
    gain = np.empty(groups, np.int64)
    spent = np.empty(groups, np.int64)
    outside = np.empty(groups, np.int64)
    for _ in range(_SWEEPS):
        moved = False
        for row in range(rows):
            old = prices[row]
            gain[:] = 0
            spent[:] = 0
            outside[:] = 0
            for item in range(size):
                if free[item]:
                    own = group[item]
                    if uses[row, item]:
                        inside = worth[item] + old * uses[row, item]
                        if inside > gain[own]:
                            gain[own] = inside
                            spent[own] = uses[row, item]
                    elif worth[item] > outside[own]:
                        outside[own] = worth[item]
            offers = 0
            for own in range(groups):
                if spent[own] and gain[own] > outside[own]:
                    gain[offers] = gain[own] - outside[own]
                    spent[offers] = spent[own]
                    offers += 1
            new = _best_price(gain, spent, offers, rooms[row])
            if new != old:
                moved = True
                prices[row] = new
                for item in range(size):
                    worth[item] += (old - new) * uses[row, item]
        if not moved:
            break


@leaf
def _bound_of(worth, group, best, free, rooms, prices):
    """What the free items can add at most."""
    total = 0
    for row in range(len(rooms)):
        total += prices[row] * rooms[row]
    best[:] = 0
    for item in range(len(worth)):
        if free[item] and worth[item] > best[group[item]]:
            best[group[item]] = worth[item]
    for own in range(len(best)):
        total += best[own]
    return total


@leaf
def _alive(problem, items, number, free, taken):
    """Drop free items that can have no partner any more; whether every item taken still can."""
    changed = True
    while changed:
        changed = False
        for clause in range(len(problem.clauses)):
            item = number[problem.clauses.pick[clause]]
            if item >= 0 and (free[item] or taken[item]):
                hope = False
                for place in range(problem.clauses.start[clause], problem.clauses.stop[clause]):
                    partner = number[problem.partners[place]]
                    hope = hope or (partner >= 0 and (free[partner] or taken[partner]))
                if not hope:
                    if taken[item]:
                        return False
                    free[item] = False
                    changed = True
    return True


@kernel
def _search(problem, items, number, values, uses, rooms, chosen):
    """Depth-first branch and bound: at each depth the first free item is taken, then left."""
    rows, size = uses.shape
    group = np.empty(size, np.int64)
    groups = 0
    for at in range(size):
        group[at] = -1
        for other in range(at):
            if problem.items.group[items[other]] == problem.items.group[items[at]]:
                group[at] = group[other]
                break
        if group[at] < 0:
            group[at] = groups
            groups += 1
    widest = 1
    for row in range(rows):
        for at in range(size):
            widest = max(widest, uses[row, at])
    total = 0
    for at in range(size):
        total += values[at]
    if total > 2**61 // widest // (rows + 1):
        return False
    for at in range(size):
        values[at] *= widest
    # The widest rows first: their prices, set first, leave the narrow ones least to do.
    width = np.zeros(rows, np.int64)
    for row in range(rows):
        for at in range(size):
            width[row] += uses[row, at] > 0
    for row in range(1, rows):
        at = row
        while at > 0 and width[at - 1] < width[at]:
            width[at - 1], width[at] = width[at], width[at - 1]
            rooms[at - 1], rooms[at] = rooms[at], rooms[at - 1]
            for item in range(size):
                uses[at - 1, item], uses[at, item] = uses[at, item], uses[at - 1, item]
            at -= 1
    prices, worth = np.zeros(rows, np.int64), np.empty(size, np.int64)
    best_of = np.empty(groups, np.int64)
    free = np.ones((size + 1, size), np.bool_)
    taken = np.zeros((size + 1, size), np.bool_)
    room = np.empty((size + 1, rows), np.int64)
    value = np.zeros(size + 1, np.int64)
    room[0] = rooms
    _set_prices(values, uses, rooms, group, groups, free[0], prices, worth)
    best = 0
    depth = 0
    nodes = 0
    while depth >= 0:
        nodes += 1
        if nodes > NODES:
            return False
        item = 0
        while item < size and not free[depth, item]:
            item += 1
        if item == size:
            if value[depth] > best:
                best = value[depth]
                for at in range(size):
                    chosen[items[at]] = taken[depth, at]
            depth -= 1
            continue
        bound = value[depth] + _bound_of(worth, group, best_of, free[depth], room[depth], prices)
        if bound <= best:
            depth -= 1
            continue
        free[depth, item] = False
        below = depth + 1
        free[below] = free[depth]
        taken[below] = taken[depth]
        room[below] = room[depth]
        taken[below, item] = True
        value[below] = value[depth] + values[item]
        for row in range(rows):
            use = uses[row, item]
            if use:
                room[below, row] -= use
                for other in range(item + 1, size):
                    if uses[row, other] > room[below, row]:
                        free[below, other] = False
        ok = True
        if len(problem.clauses):
            ok = _alive(problem, items, number, free[below], taken[below])
            if not _alive(problem, items, number, free[depth], taken[depth]):
                # Without the item one of those taken has no partner left: only the branch with it goes on.
                free[depth, :] = False
                value[depth] = 0
        if ok:
            depth = below
    return True
