"""Search over columns: the exact choice among one contact's claims, as `journeykit.engine.selection` makes it.

Where what binds is a laminar family of plain counts, taking the best first
is optimal; otherwise a branch and bound takes before it leaves, in the order of claims, so that the first of several
equal sets that it meets is the one wanted, and its bound is the Lagrangian relaxation of the rows, with prices from
coordinate descent and, where the search is long, from the linear relaxation. A search that is not over after `NODES`
nodes is given up: the row engine then decides that contact.
"""

from __future__ import annotations

import numpy as np

from journeykit.kernels.interface.workspaces import CLAUSES, ITEMS, LINES
from journeykit.kernels.native.jit import kernel

_PATIENCE = 100
"""After so many nodes better prices are worth their time."""
_PIVOTS = 1_500
_STALLED = 60
_TINY = 1e-9
_SWEEPS = 6
_LARGE = 2**60


@kernel
def solve(problem, work, chosen):
    """Mark the best feasible set in `chosen`; False where the search was given up."""
    count, rows, clauses = problem.size[ITEMS], problem.size[LINES], problem.size[CLAUSES]
    live, binding = work.live, work.binding
    for item in range(count):
        chosen[item] = False
        # What costs more than it is worth can still be the partner that something else needs.
        value = problem.items.value[item]
        live[item] = value > 0 or (value < 0 and clauses > 0 and not problem.items.shut[item])
    if clauses:
        _drop_hopeless(problem, live)
    for row in range(rows):
        for place in range(problem.rows.start[row], problem.rows.stop[row]):
            if problem.members.use[place] > problem.rows.room[row]:
                live[problem.members.pick[place]] = False
    if clauses:
        _drop_hopeless(problem, live)
    bound = 0
    for row in range(rows):
        used = 0
        for place in range(problem.rows.start[row], problem.rows.stop[row]):
            if live[problem.members.pick[place]]:
                used += problem.members.use[place]
        binding[row] = used > problem.rows.room[row]
        bound += binding[row]
    if bound == 0 and clauses == 0:
        for item in range(count):
            chosen[item] = live[item]
        return True
    _part(problem, work)
    for leader in range(count):
        if live[leader] and work.by.part[leader] == leader and not _solve_part(problem, work, leader, chosen):
            return False
    return True


@kernel
def _drop_hopeless(problem, live):
    """Close the items whose partners are all closed, and those that only a partner's use could have kept open."""
    changed = True
    while changed:
        changed = False
        for clause in range(problem.size[CLAUSES]):
            item = problem.clauses.pick[clause]
            if live[item]:
                hope = False
                for place in range(problem.clauses.start[clause], problem.clauses.stop[clause]):
                    hope = hope or live[problem.partners[place]]
                if not hope:
                    live[item] = False
                    changed = True
        for item in range(problem.size[ITEMS]):
            if live[item] and problem.items.value[item] < 0 and not _is_wanted(problem, live, item):
                live[item] = False
                changed = True


@kernel
def _is_wanted(problem, live, item):
    """Whether an item will do as the partner of one that is open."""
    for clause in range(problem.size[CLAUSES]):
        if live[problem.clauses.pick[clause]]:
            for place in range(problem.clauses.start[clause], problem.clauses.stop[clause]):
                if problem.partners[place] == item:
                    return True
    return False


@kernel
def _find(leader, item):
    while leader[item] != item:
        leader[item] = leader[leader[item]]
        item = leader[item]
    return item


@kernel
def _part(problem, work):
    """The items in groups that nothing connects: by item, the leader of its group."""
    leader, live = work.by.leader, work.live
    for item in range(problem.size[ITEMS]):
        leader[item] = item
    for row in range(problem.size[LINES]):
        if work.binding[row]:
            first = -1
            for place in range(problem.rows.start[row], problem.rows.stop[row]):
                item = problem.members.pick[place]
                if live[item]:
                    if first < 0:
                        first = item
                    leader[_find(leader, item)] = _find(leader, first)
    for clause in range(problem.size[CLAUSES]):
        item = problem.clauses.pick[clause]
        if live[item]:
            for place in range(problem.clauses.start[clause], problem.clauses.stop[clause]):
                partner = problem.partners[place]
                if live[partner]:
                    leader[_find(leader, partner)] = _find(leader, item)
    for item in range(problem.size[ITEMS]):
        work.by.part[item] = _find(leader, item)


@kernel
def _solve_part(problem, work, leader, chosen):
    count = problem.size[ITEMS]
    number, items = work.by.number, work.by.place
    size = 0
    for place in range(count):
        number[place] = -1
    for place in range(count):
        item = problem.items.order[place]
        if work.live[item] and work.by.part[item] == leader:
            number[item] = size
            items[size] = item
            size += 1
    rows = 0
    for row in range(problem.size[LINES]):
        if work.binding[row] and _touches(problem, row, number):
            for item in range(size):
                work.use[rows, item] = 0
            for place in range(problem.rows.start[row], problem.rows.stop[row]):
                if number[problem.members.pick[place]] >= 0:
                    work.use[rows, number[problem.members.pick[place]]] = problem.members.use[place]
            work.left.room[rows] = problem.rows.room[row]
            _shrink(work, rows, size)
            rows += 1
    clauses = 0
    for clause in range(problem.size[CLAUSES]):
        clauses += number[problem.clauses.pick[clause]] >= 0
    if rows == 0 and clauses == 0:
        for place in range(size):
            chosen[items[place]] = True
        return True
    if clauses == 0 and _is_laminar(work, rows, size):
        _take_best_first(problem, work, rows, size, chosen)
        return True
    return _combine(problem, work, size) and _search(problem, work, rows, size, chosen)


@kernel
def _touches(problem, row, number):
    for place in range(problem.rows.start[row], problem.rows.stop[row]):
        if number[problem.members.pick[place]] >= 0:
            return True
    return False


@kernel
def _shrink(work, row, size):
    """A row in smallest whole numbers."""
    unit = 0
    for item in range(size):
        use = work.use[row, item]
        if use == unit:
            continue
        while use:
            unit, use = use, unit % use
    if unit > 1:
        work.left.room[row] //= unit
        for item in range(size):
            work.use[row, item] //= unit


@kernel
def _is_laminar(work, rows, size):
    use = work.use
    for row in range(rows):
        for item in range(size):
            if use[row, item] > 1:
                return False
        for other in range(row):
            both = mine = theirs = 0
            for item in range(size):
                both += use[row, item] & use[other, item]
                mine += use[row, item]
                theirs += use[other, item]
            if both and both != mine and both != theirs:
                return False
    return True


@kernel
def _take_best_first(problem, work, rows, size, chosen):
    items, done = work.by.place, work.done
    for at in range(size):
        done[at] = False
    for _ in range(size):
        best = -1
        for at in range(size):
            if not done[at]:
                item = items[at]
                if best < 0:
                    best = at
                else:
                    rival = items[best]
                    if problem.items.level[item] < problem.items.level[rival] or (
                        problem.items.level[item] == problem.items.level[rival]
                        and problem.items.value[item] > problem.items.value[rival]
                    ):
                        best = at
        done[best] = True
        fits = True
        for row in range(rows):
            fits = fits and work.use[row, best] <= work.left.room[row]
        if fits:
            chosen[items[best]] = True
            for row in range(rows):
                work.left.room[row] -= work.use[row, best]


@kernel
def _combine(problem, work, size):
    """One whole value for each item, so that sums compare level by level; False where they would be too large."""
    items, done, values = work.by.place, work.done, work.by.value
    for at in range(size):
        done[at] = False
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
                total += max(0, value)
                done[at] = True
                left -= 1
        if left:
            if total + 1 > _LARGE // unit:
                return False
            unit *= total + 1
    total = 0
    for at in range(size):
        if abs(values[at]) > _LARGE - total:
            return False
        total += abs(values[at])
    return True


@kernel
def _best_price(work, count, room):
    """The price per unit at which the offers worth more than it just fill the room."""
    gain, spent, done = work.by.gain, work.by.spent, work.done
    total = 0
    for at in range(count):
        total += spent[at]
        done[at] = False
    if total <= room:
        return 0
    taken = 0
    for _ in range(count):
        best = -1
        for at in range(count):
            if not done[at] and (best < 0 or gain[at] // spent[at] > gain[best] // spent[best]):
                best = at
        done[best] = True
        taken += spent[best]
        if taken > room:
            return gain[best] // spent[best]
    return 0


@kernel
def _set_prices(work, rows, size, groups):
    """Prices of the rows by coordinate descent on the dual, and what the items are worth at them."""
    values, worth, group = work.by.value, work.by.worth, work.by.group
    gain, spent, outside = work.by.gain, work.by.spent, work.by.outside
    for item in range(size):
        worth[item] = values[item]
    for row in range(rows):
        work.left.price[row] = 0
    for _ in range(_SWEEPS):
        moved = False
        for row in range(rows):
            old = work.left.price[row]
            for own in range(groups):
                gain[own] = spent[own] = outside[own] = 0
            for item in range(size):
                own = group[item]
                if work.use[row, item]:
                    inside = worth[item] + old * work.use[row, item]
                    if inside > gain[own]:
                        gain[own] = inside
                        spent[own] = work.use[row, item]
                elif worth[item] > outside[own]:
                    outside[own] = worth[item]
            offers = 0
            for own in range(groups):
                if spent[own] and gain[own] > outside[own]:
                    gain[offers] = gain[own] - outside[own]
                    spent[offers] = spent[own]
                    offers += 1
            new = _best_price(work, offers, work.left.room[row])
            if new != old:
                moved = True
                work.left.price[row] = new
                for item in range(size):
                    worth[item] += (old - new) * work.use[row, item]
        if not moved:
            break


@kernel
def _sharpen(work, rows, size, groups):
    """Better prices from the linear relaxation, where coordinate descent is stuck at a corner.

    The prices may be rough, as floats are: the bound is worked out on whole numbers, and so is true at any prices.
    """
    values, left, columns, profit = work.by.value, work.left, work.by.column, work.by.profit
    before = _first_bound(work, rows, size, groups)
    largest = 1
    for item in range(size):
        largest = max(largest, values[item])
    for item in range(size):
        columns[item], profit[item] = item, values[item] / largest
        for row in range(rows):
            work.tableau[row, item] = work.use[row, item]
        for group in range(groups):
            work.tableau[rows + group, item] = work.by.group[item] == group
    for row in range(rows):
        work.lines.space[row] = left.room[row]
        left.kept[row], left.price[row] = left.price[row], 0
    for group in range(groups):
        work.lines.space[rows + group] = 1
    _relax(work, rows + groups, size)
    for column in range(size):
        row = columns[column] - size
        if 0 <= row < rows and profit[column] < 0:
            # No row is worth more than the best item: so no sum is larger than before.
            left.price[row] = np.int64(min(1.0, -profit[column]) * largest)
    _set_worths(work, rows, size)
    if _first_bound(work, rows, size, groups) > before:
        for row in range(rows):
            left.price[row] = left.kept[row]
        _set_worths(work, rows, size)


@kernel
def _set_worths(work, rows, size):
    """What the items are worth at the prices."""
    values, worth = work.by.value, work.by.worth
    for item in range(size):
        worth[item] = values[item]
    for row in range(rows):
        for item in range(size):
            worth[item] -= work.left.price[row] * work.use[row, item]


@kernel
def _first_bound(work, rows, size, groups):
    """What all items can reach at most."""
    best, worth, group = work.by.best, work.by.worth, work.by.group
    total = 0
    for row in range(rows):
        total += work.left.price[row] * work.left.room[row]
    for own in range(groups):
        best[own] = 0
    for item in range(size):
        best[group[item]] = max(best[group[item]], worth[item])
    for own in range(groups):
        total += best[own]
    return total


@kernel
def _relax(work, lines, size):
    """The simplex method on a condensed tableau, as in `journeykit.engine.lp_prices`."""
    columns, profit = work.by.column, work.by.profit
    basis, space, tableau = work.lines.basis, work.lines.space, work.tableau
    for line in range(lines):
        basis[line] = size + line
    stalled = 0
    for _ in range(_PIVOTS):
        # The largest profit; where the method stalls, Bland's rule, so that it cannot circle.
        enters = -1
        for column in range(size):
            if profit[column] > _TINY and (
                enters < 0
                or (columns[column] < columns[enters] if stalled > _STALLED else profit[column] > profit[enters])
            ):
                enters = column
        if enters < 0:
            break
        leaves = -1
        least = 0.0
        for line in range(lines):
            if tableau[line, enters] > _TINY:
                ratio = space[line] / tableau[line, enters]
                if leaves < 0 or ratio < least or (ratio == least and basis[line] < basis[leaves]):
                    leaves, least = line, ratio
        if leaves < 0:
            break
        stalled = 0 if space[leaves] > _TINY else stalled + 1
        _pivot(work, lines, size, leaves, enters)
        columns[enters], basis[leaves] = basis[leaves], columns[enters]


@kernel
def _pivot(work, lines, size, leaves, enters):
    profit, space, tableau = work.by.profit, work.lines.space, work.tableau
    pivot = tableau[leaves, enters]
    for column in range(size):
        tableau[leaves, column] /= pivot
    tableau[leaves, enters] = 1 / pivot
    space[leaves] /= pivot
    for line in range(lines):
        factor = tableau[line, enters]
        if line != leaves and factor:
            tableau[line, enters] = 0
            for column in range(size):
                tableau[line, column] -= factor * tableau[leaves, column]
            space[line] = max(0.0, space[line] - factor * space[leaves])
    factor = profit[enters]
    profit[enters] = 0
    for column in range(size):
        profit[column] -= factor * tableau[leaves, column]


@kernel
def _bound_of(work, depth, rows, size, groups):
    """What the free items can add at most."""
    best, worth, group = work.by.best, work.by.worth, work.by.group
    total = 0
    for row in range(rows):
        total += work.left.price[row] * work.room[depth, row]
    for own in range(groups):
        best[own] = 0
    for item in range(size):
        if work.free[depth, item] and worth[item] > best[group[item]]:
            best[group[item]] = worth[item]
    for own in range(groups):
        total += best[own]
    return total


@kernel
def _alive(problem, work, depth):
    """Drop free items that can have no partner any more; whether every item taken still can."""
    number, free, taken = work.by.number, work.free, work.taken
    changed = True
    while changed:
        changed = False
        for clause in range(problem.size[CLAUSES]):
            item = number[problem.clauses.pick[clause]]
            if item >= 0 and (free[depth, item] or taken[depth, item]):
                hope = False
                for place in range(problem.clauses.start[clause], problem.clauses.stop[clause]):
                    partner = number[problem.partners[place]]
                    hope = hope or (partner >= 0 and (free[depth, partner] or taken[depth, partner]))
                if not hope:
                    if taken[depth, item]:
                        return False
                    free[depth, item] = False
                    changed = True
    return True


@kernel
def _search(problem, work, rows, size, chosen):
    """Depth-first branch and bound: at each depth the first free item is taken, then left."""
    items, values, group = work.by.place, work.by.value, work.by.group
    free, taken, room, total = work.free, work.taken, work.room, work.by.total
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
    worth = 0
    for at in range(size):
        worth += abs(values[at])
        for row in range(rows):
            widest = max(widest, work.use[row, at])
    if worth > 2**61 // widest // (rows + 1):
        return False
    for at in range(size):
        values[at] *= widest
    # The widest rows first: their prices, set first, leave the narrow ones least to do.
    for row in range(rows):
        work.left.width[row] = 0
        for at in range(size):
            work.left.width[row] += work.use[row, at] > 0
        at = row
        while at > 0 and work.left.width[at - 1] < work.left.width[at]:
            _swap(work, at - 1, at, size)
            at -= 1
    _set_prices(work, rows, size, groups)
    for at in range(size):
        free[0, at], taken[0, at] = True, False
    for row in range(rows):
        room[0, row] = work.left.room[row]
    total[0] = 0
    best = 0
    depth = 0
    nodes = 0
    most = _bound_of(work, 0, rows, size, groups)
    while depth >= 0:
        nodes += 1
        if nodes > work.terms[0]:
            if not work.terms[1]:
                return False
            work.terms[2] += (max(0, min(most, _first_bound(work, rows, size, groups)) - best) + widest - 1) // widest
            return True
        if nodes == _PATIENCE:
            _sharpen(work, rows, size, groups)
        item = 0
        while item < size and not free[depth, item]:
            item += 1
        if item == size:
            if total[depth] > best:
                best = total[depth]
                for at in range(size):
                    chosen[items[at]] = taken[depth, at]
            depth -= 1
            continue
        if total[depth] + _bound_of(work, depth, rows, size, groups) <= best:
            depth -= 1
            continue
        free[depth, item] = False
        below = depth + 1
        for at in range(size):
            free[below, at] = free[depth, at]
            taken[below, at] = taken[depth, at]
        taken[below, item] = True
        total[below] = total[depth] + values[item]
        for row in range(rows):
            use = work.use[row, item]
            room[below, row] = room[depth, row] - use
            if use:
                for other in range(item + 1, size):
                    if work.use[row, other] > room[below, row]:
                        free[below, other] = False
        ok = True
        if problem.size[CLAUSES]:
            ok = _alive(problem, work, below)
            if not _alive(problem, work, depth):
                # Without the item one of those taken has no partner left: only the branch with it goes on.
                for at in range(size):
                    free[depth, at] = False
                total[depth] = 0
        if ok:
            depth = below
    return True


@kernel
def _swap(work, one, other, size):
    left = work.left
    left.room[one], left.room[other] = left.room[other], left.room[one]
    left.width[one], left.width[other] = left.width[other], left.width[one]
    for item in range(size):
        work.use[one, item], work.use[other, item] = work.use[other, item], work.use[one, item]
