"""Passes: what all contacts choose at given prices. Only prices go in, only usage and value come out.

At prices of the quotas every unit of a pool is solved on its own, exactly, with its values less the prices of what it
uses. So a pass can be split into pieces of any kind, and what the pieces give is added up in whole numbers: it does
not depend on how they were cut, or on who worked on them.
"""

from __future__ import annotations

import numpy as np

from journeykit.kernels.interface.problem_arrays import BLOCKS, LAMINAR, MOST_ROWS, TOP
from journeykit.kernels.interface.workspaces import CLAUSES, ITEMS, LINES, MEMBERS, PARTNERS
from journeykit.kernels.native.exact_search import solve
from journeykit.kernels.native.jit import entry_point, inlined, kernel

_STEPS = 2_000
"""So many steps the quick search may take before the one with the better bound goes to work."""


@inlined
def worth_of(pool, charges, price, item):
    """What an item is worth once a price is paid; never less than that, so that sums bound what is possible."""
    kind = pool.item.kind[item]
    worth = (pool.item.value[item] << charges.shift) - charges.kind[price, kind]
    for column in range(pool.column.shape[1]):
        slope = charges.slope[price, kind, column]
        if slope != 0:
            worth -= np.int64(np.floor(slope * pool.column[item, column])) - 1
    return worth


@kernel
def choose(pool, charges, price, unit, bench):
    """The best choice of a unit at prices: marked in `bench.by.chosen`; what it is worth, or a bound of that."""
    first, last = pool.first[unit], pool.first[unit + 1]
    by = bench.by
    count = np.int64(0)
    for item in range(first, last):
        by.chosen[item - first] = 0
    top = pool.unit.top[unit]
    bench.found[0] = 0
    if top <= 0:
        return np.int64(0)
    if pool.unit.form[unit] == TOP and top < 6:
        return _choose_few(pool, charges, price, first, last, top, bench)
    for item in range(first, last):
        worth = worth_of(pool, charges, price, item)
        by.worth[item - first] = worth
        if worth > 0:
            # The best first; of equal ones the first in the order of claims.
            at = count
            while at > 0 and by.worth[by.order[at - 1]] < worth:
                by.order[at] = by.order[at - 1]
                at -= 1
            by.order[at] = item - first
            count += 1
    if pool.unit.form[unit] <= LAMINAR:
        return _take_best_first(pool, unit, count, bench)
    return _search(pool, unit, last - first, count, bench)


@inlined
def _choose_few(pool, charges, price, first, last, top, bench):
    """The few best items, where nothing else matters."""
    by = bench.by
    count = np.int64(0)
    least = np.int64(0)
    for item in range(first, last):
        worth = worth_of(pool, charges, price, item)
        if worth > least:
            at = count if count < top else top - 1
            while at > 0 and by.worth[by.order[at - 1]] < worth:
                by.order[at] = by.order[at - 1]
                at -= 1
            by.order[at] = item - first
            by.worth[item - first] = worth
            if count < top:
                count += 1
            if count == top:
                least = by.worth[by.order[top - 1]]
    total = np.int64(0)
    for at in range(count):
        total += by.worth[by.order[at]]
        by.chosen[by.order[at]] = 1
    bench.found[0] = count
    return total


@kernel
def _take_best_first(pool, unit, count, bench):
    by = bench.by
    low, high = pool.unit.row_from[unit], pool.unit.row_to[unit]
    links = link_rows(pool, low, high, by, pool.first[unit + 1] - pool.first[unit])
    total = taken = np.int64(0)
    for at in range(count):
        if taken == pool.unit.top[unit]:
            break
        item = by.order[at]
        if links and not fits(by, item):
            continue
        take(by, item, 1)
        by.chosen[item] = 1
        total += by.worth[item]
        taken += 1
    bench.found[0] = taken
    return total


@kernel
def link_rows(pool, low, high, by, items):
    """For each item, a chain of the rows that it is in; the capacities of the rows. How many links there are."""
    for item in range(items):
        by.head[item] = -1
    links = np.int64(0)
    for row in range(low, high):
        by.room[row - low] = pool.line.room[row]
        for place in range(pool.line.start[row], pool.line.stop[row]):
            item = pool.member.pick[place]
            by.link[links], by.line[links], by.use[links] = by.head[item], row - low, pool.member.use[place]
            by.head[item] = links
            links += 1
    return links


@inlined
def fits(by, item):
    """Whether the rows of an item have room for it."""
    fits = True
    link = by.head[item]
    while link >= 0:
        fits = fits and by.use[link] <= by.room[by.line[link]]
        link = by.link[link]
    return fits


@inlined
def take(by, item, times):
    """Take what an item uses from its rows; with -1 for `times`, give it back."""
    link = by.head[item]
    while link >= 0:
        by.room[by.line[link]] -= times * by.use[link]
        link = by.link[link]


@kernel
def _search(pool, unit, items, count, bench):
    """Depth first, the best item first; the bound is what the next best items are worth, whatever the rows say."""
    by = bench.by
    top = pool.unit.top[unit]
    if pool.unit.clause_from[unit] == pool.unit.clause_to[unit] and not _has_slots(pool, unit, items):
        link_rows(pool, pool.unit.row_from[unit], pool.unit.row_to[unit], by, items)
        by.prefix[0] = 0
        for at in range(count):
            by.prefix[at + 1] = by.prefix[at] + by.worth[by.order[at]]
        best, value, taken, at = np.int64(-1), np.int64(0), np.int64(0), np.int64(0)
        steps = 0
        size = np.int64(0)
        while steps < _STEPS:
            steps += 1
            reach = min(count, at + top - taken)
            if at < count and taken < top and value + by.prefix[reach] - by.prefix[at] > best:
                item = by.order[at]
                if fits(by, item):
                    take(by, item, 1)
                    by.part[taken] = at
                    taken += 1
                    value += by.worth[item]
                at += 1
                continue
            if value > best:
                best, size = value, taken
                for place in range(taken):
                    by.best[place] = by.order[by.part[place]]
            if taken == 0:
                break
            taken -= 1
            at = by.part[taken]
            take(by, by.order[at], -1)
            value -= by.worth[by.order[at]]
            at += 1
        else:
            return _search_well(pool, unit, items, count, bench)
        for place in range(size):
            by.chosen[by.best[place]] = 1
        bench.found[0] = size
        return best
    return _search_well(pool, unit, items, count, bench)


@kernel
def _has_slots(pool, unit, items):
    """Whether some claim has several items: then what the next best items are worth says little."""
    first = pool.first[unit]
    for item in range(items):  # noqa: SIM110  (a kernel)
        if pool.item.group[first + item] != item:
            return True
    return False


@kernel
def _search_well(pool, unit, items, count, bench):
    """The search with a bound from prices of the rows; where that is given up, a greedy choice and a plain bound."""
    by, problem = bench.by, bench.problem
    low, high = pool.unit.row_from[unit], pool.unit.row_to[unit]
    for item in range(items):
        by.chosen[item] = 0
    small = items <= len(problem.items) and high - low < MOST_ROWS
    bench.work.terms[2] = 0
    if small and _put(pool, unit, items, bench) and solve(problem, bench.work, bench.taken):
        total = np.int64(0)
        size = 0
        for item in range(items):
            if bench.taken[item]:
                by.chosen[item] = 1
                total += problem.items.value[item]
                size += 1
        bench.found[0] = size
        bench.found[1] += bench.work.terms[2] > 0
        return total + bench.work.terms[2]
    bench.found[1] += 1
    link_rows(pool, low, high, by, items)
    taken = np.int64(0)
    for at in range(count):
        item = by.order[at]
        if taken < pool.unit.top[unit] and fits(by, item) and not _asks(pool, unit, item):
            take(by, item, 1)
            by.chosen[item] = 1
            taken += 1
    bench.found[0] = taken
    # No more than the best item of each claim, and of these no more than may go in all.
    total = taken = np.int64(0)
    for item in range(items):
        by.spare[item] = 0
    for at in range(count):
        group = pool.item.group[pool.first[unit] + by.order[at]]
        if not by.spare[group] and taken < pool.unit.top[unit]:
            by.spare[group] = 1
            total += by.worth[by.order[at]]
            taken += 1
    return total


@kernel
def _asks(pool, unit, item):
    """Whether an item needs a partner."""
    for clause in range(pool.unit.clause_from[unit], pool.unit.clause_to[unit]):
        if pool.clause.pick[clause] == item:
            return True
    return False


@kernel
def _put(pool, unit, items, bench):
    """A unit as a problem of `search`; False where it is too large."""
    by, problem = bench.by, bench.problem
    first = pool.first[unit]
    for item in range(items):
        problem.items.order[item] = item
        # Worth nothing it may still be a partner: one fine unit more keeps it in the game, and the sums a bound.
        problem.items.value[item] = by.worth[item] or 1
        problem.items.level[item] = 0
        problem.items.group[item] = pool.item.group[first + item]
        problem.items.shut[item] = 0
    members = lines = 0
    if pool.unit.top[unit] < items:
        problem.rows.start[0], problem.rows.stop[0], problem.rows.room[0] = 0, items, pool.unit.top[unit]
        for item in range(items):
            problem.members.pick[item], problem.members.use[item] = item, 1
        members, lines = items, 1
    for row in range(pool.unit.row_from[unit], pool.unit.row_to[unit]):
        if members + items > len(problem.members):
            return False
        problem.rows.start[lines], problem.rows.room[lines] = members, pool.line.room[row]
        for place in range(pool.line.start[row], pool.line.stop[row]):
            problem.members.pick[members], problem.members.use[members] = (
                pool.member.pick[place],
                pool.member.use[place],
            )
            members += 1
        problem.rows.stop[lines] = members
        lines += 1
    partners = clauses = 0
    for clause in range(pool.unit.clause_from[unit], pool.unit.clause_to[unit]):
        if clauses >= len(problem.clauses) or partners + items > len(problem.partners):
            return False
        problem.clauses.pick[clauses], problem.clauses.start[clauses] = pool.clause.pick[clause], partners
        for place in range(pool.clause.start[clause], pool.clause.stop[clause]):
            problem.partners[partners] = pool.partner[place]
            partners += 1
        problem.clauses.stop[clauses] = partners
        clauses += 1
    problem.size[ITEMS], problem.size[LINES], problem.size[MEMBERS] = items, lines, members
    problem.size[CLAUSES], problem.size[PARTNERS] = clauses, partners
    return True


@entry_point
def price_pass(pool, charges, units, start, stop, bench, counts, sums, totals):
    """What the units choose at prices.

    Args:
        pool: the problems.
        charges: the prices, as charges.
        units: the numbers of the units to ask; none asks all from `start` to `stop`.
        start: the first of them.
        stop: where they end.
        bench: room.
        counts: by block and kind, how many items were chosen; added up.
        sums: by block, kind and column, what they have of it; likewise.
        totals: by block, what the choices are worth, in two parts; likewise.
    """
    for place in range(start, stop):
        unit = units[place] if len(units) else place
        worth = choose(pool, charges, 0, unit, bench)
        block = np.int64(pool.key[unit] % np.uint64(BLOCKS))
        totals[block, 0] += worth >> 32
        totals[block, 1] += worth & 0xFFFFFFFF
        if bench.found[0] == 0:
            continue
        first = pool.first[unit]
        for item in range(first, pool.first[unit + 1]):
            if bench.by.chosen[item - first]:
                kind = pool.item.kind[item]
                counts[block, kind] += 1
                for column in range(pool.column.shape[1]):
                    sums[block, kind, column] += pool.column[item, column]


@entry_point
def list_all(pool, bench, offers, items, used):
    """Every choice that the units have; False where there is no room for all of them. See `collect`."""
    by = bench.by
    for unit in range(len(pool.unit)):
        first = pool.first[unit]
        count = pool.first[unit + 1] - first
        link_rows(pool, pool.unit.row_from[unit], pool.unit.row_to[unit], by, count)
        top, taken, at = pool.unit.top[unit], np.int64(0), np.int64(0)
        for item in range(count):
            by.chosen[item] = 0
        steps = 0
        while True:
            steps += 1
            if steps > 64 * len(offers):
                return False
            if at < count:
                if taken < top and fits(by, at):
                    take(by, at, 1)
                    by.chosen[at] = 1
                    by.part[taken] = at
                    taken += 1
                at += 1
                continue
            if _keeps_clauses(pool, unit, by):
                if used[0] >= len(offers) or used[1] + taken > len(items):
                    return False
                _put_offer(pool, unit, by, taken, offers, items, used)
            if taken == 0:
                break
            taken -= 1
            at = by.part[taken]
            take(by, at, -1)
            by.chosen[at] = 0
            at += 1
    return True


@kernel
def _keeps_clauses(pool, unit, by):
    for clause in range(pool.unit.clause_from[unit], pool.unit.clause_to[unit]):
        if by.chosen[pool.clause.pick[clause]]:
            met = False
            for place in range(pool.clause.start[clause], pool.clause.stop[clause]):
                met = met or by.chosen[pool.partner[place]] != 0
            if not met:
                return False
    return True


@kernel
def _put_offer(pool, unit, by, taken, offers, items, used):
    first, offer, low = pool.first[unit], used[0], used[1]
    value = np.int64(0)
    one, two = np.uint64(17), np.uint64(71)
    for place in range(taken):
        item = by.part[place]
        items[low + place] = item
        value += pool.item.value[first + item]
        one = _mix(one, np.uint64(pool.item.kind[first + item]))
        two = _mix(two, np.uint64(pool.item.value[first + item]))
        for column in range(pool.column.shape[1]):
            two = _mix(two, np.uint64(pool.column[first + item, column]))
    offers.unit[offer], offers.value[offer], offers.worth[offer] = unit, value, 0
    offers.item_from[offer], offers.item_to[offer] = low, low + taken
    offers.one[offer], offers.two[offer] = np.int64(one), np.int64(two)
    used[0], used[1] = offer + 1, low + taken


@entry_point
def hard_items(pool):
    """How many items the units have that take a search with a good bound: claims with slots, or partners."""
    total = 0
    for unit in range(len(pool.unit)):
        items = pool.first[unit + 1] - pool.first[unit]
        if pool.unit.form[unit] > LAMINAR and (
            pool.unit.clause_from[unit] != pool.unit.clause_to[unit] or _has_slots(pool, unit, items)
        ):
            total += items
    return total


@entry_point
def sizes_by_kind(pool, counts, values, columns):
    """By kind: how many items there are; how much they are worth in all, without sign; and what they have of columns.

    Sums of worth are in two parts, the first in units of 2**20, so that no order of items changes them.
    """
    for item in range(len(pool.item)):
        kind = pool.item.kind[item]
        value = abs(pool.item.value[item])
        counts[kind] += 1
        values[kind, 0] += value >> 20
        values[kind, 1] += value & 0xFFFFF
        for column in range(pool.column.shape[1]):
            columns[kind, column] += abs(pool.column[item, column])


@entry_point
def add_up(pool, items, counts, sums):
    """By kind, how many of some items there are; and by kind and column, what they have of it; added up."""
    for place in range(len(items)):
        item = items[place]
        kind = pool.item.kind[item]
        counts[kind] += 1
        for column in range(pool.column.shape[1]):
            sums[kind, column] += pool.column[item, column]


@inlined
def _mix(one, two):
    """A hash of two numbers: Murmur's finalizer over their sum."""
    value = np.uint64(one) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(two)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@entry_point
def collect_offers_of(pool, charges, units, start, stop, bench, offers, items, used):
    """The distinct choices of units at several prices, those at the first prices first.

    Ends with the unit before which the room runs out; the place of the next one.

    Args:
        pool: the problems.
        charges: the prices, as charges.
        units: the numbers of the units to ask; none asks all from `start` to `stop`.
        start: the first of them.
        stop: where they end.
        bench: room.
        offers: the choices (`OFFER`).
        items: the items chosen, by their places in the unit.
        used: how many offers and items there are.
    """
    by, prices = bench.by, len(charges.kind)
    for place in range(start, stop):
        unit = units[place] if len(units) else place
        first, last = pool.first[unit], pool.first[unit + 1]
        if used[0] + prices > len(offers) or used[1] + prices * (last - first) > len(items):
            return place
        own = used[0]
        for price in range(prices):
            choose(pool, charges, price, unit, bench)
            offer, low = used[0], used[1]
            count = low
            value, worth = np.int64(0), np.int64(0)
            one, two = np.uint64(17), np.uint64(71)
            for item in range(first, last):
                if by.chosen[item - first]:
                    items[count] = item - first
                    count += 1
                    value += pool.item.value[item]
                    worth += worth_of(pool, charges, 0, item)
                    one = _mix(one, np.uint64(pool.item.kind[item]))
                    two = _mix(two, np.uint64(pool.item.value[item]))
                    for column in range(pool.column.shape[1]):
                        two = _mix(two, np.uint64(pool.column[item, column]))
            known = False
            for other in range(own, offer):
                if offers.item_to[other] - offers.item_from[other] == count - low:
                    same = True
                    for at in range(count - low):
                        same = same and items[offers.item_from[other] + at] == items[low + at]
                    known = known or same
            if known:
                continue
            offers.unit[offer], offers.worth[offer], offers.value[offer] = unit, worth, value
            offers.item_from[offer], offers.item_to[offer] = low, count
            offers.one[offer], offers.two[offer] = np.int64(one), np.int64(two)
            used[0], used[1] = offer + 1, count
    return stop
