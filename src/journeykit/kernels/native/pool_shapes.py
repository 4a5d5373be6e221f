"""Which problems of a pool can be solved without a search."""

from __future__ import annotations

import numpy as np

from journeykit.kernels.interface.problem_arrays import LAMINAR, SEARCH, TOP
from journeykit.kernels.native.jit import entry_point, kernel


@kernel
def shape_of(pool, unit, items, mark):
    """Sort out the rows of a unit: drop those that follow from one over all items, and say what shape is left.

    Rows must be in smallest whole numbers. `mark` is room for one number by item, all 0.
    """
    units = pool.unit
    _sort_rows(pool, units.row_from[unit], units.row_to[unit])
    low, high = units.row_from[unit], units.row_to[unit]
    top = np.int64(items)
    for row in range(low, high):
        if pool.line.stop[row] - pool.line.start[row] == items and _is_plain(pool, row):
            top = min(top, pool.line.room[row])
    kept = low
    for row in range(low, high):
        start, stop, room = pool.line.start[row], pool.line.stop[row], pool.line.room[row]
        if _is_plain(pool, row) and (stop - start == items or room >= min(top, stop - start)):
            continue
        if kept > low and _is_same(pool, start, stop, kept - 1):
            continue
        pool.line.start[kept], pool.line.stop[kept], pool.line.room[kept] = start, stop, room
        kept += 1
    units.row_to[unit] = kept
    units.top[unit] = top
    if units.clause_from[unit] != units.clause_to[unit]:
        units.form[unit] = SEARCH
        return
    if kept == low:
        units.form[unit] = TOP
        return
    units.form[unit] = LAMINAR
    for row in range(low, kept):
        if not _is_plain(pool, row):
            units.form[unit] = SEARCH
            return
    for row in range(low, kept):
        for place in range(pool.line.start[row], pool.line.stop[row]):
            mark[pool.member.pick[place]] = 1
        size = pool.line.stop[row] - pool.line.start[row]
        for other in range(low, row):
            both = 0
            for place in range(pool.line.start[other], pool.line.stop[other]):
                both += mark[pool.member.pick[place]]
            if both and both != size and both != pool.line.stop[other] - pool.line.start[other]:
                units.form[unit] = SEARCH
        for place in range(pool.line.start[row], pool.line.stop[row]):
            mark[pool.member.pick[place]] = 0


@kernel
def _sort_rows(pool, low, high):
    """Put the members of rows, and the rows, in an order of their own, whichever engine made them."""
    member, line = pool.member, pool.line
    for row in range(low, high):
        for place in range(line.start[row] + 1, line.stop[row]):
            pick, use, at = member.pick[place], member.use[place], place
            while at > line.start[row] and member.pick[at - 1] > pick:
                member.pick[at], member.use[at] = member.pick[at - 1], member.use[at - 1]
                at -= 1
            member.pick[at], member.use[at] = pick, use
        start, stop, room, at = line.start[row], line.stop[row], line.room[row], row
        while at > low and _row_before(pool, start, stop, room, at - 1):
            line.start[at], line.stop[at], line.room[at] = line.start[at - 1], line.stop[at - 1], line.room[at - 1]
            at -= 1
        line.start[at], line.stop[at], line.room[at] = start, stop, room


@kernel
def _row_before(pool, start, stop, room, other):
    """Whether a row comes before another: by its members, what they use, and how much there is."""
    member, line = pool.member, pool.line
    begin, size, width = line.start[other], stop - start, line.stop[other] - line.start[other]
    for place in range(min(size, width)):
        if member.pick[start + place] != member.pick[begin + place]:
            return member.pick[start + place] < member.pick[begin + place]
        if member.use[start + place] != member.use[begin + place]:
            return member.use[start + place] < member.use[begin + place]
    if size != width:
        return size < width
    return room < line.room[other]


@kernel
def _is_same(pool, start, stop, other):
    """Whether a row has the members of another, which comes before it and so leaves no more capacity."""
    member, begin = pool.member, pool.line.start[other]
    if stop - start != pool.line.stop[other] - begin:
        return False
    for place in range(stop - start):
        if (
            member.pick[start + place] != member.pick[begin + place]
            or member.use[start + place] != member.use[begin + place]
        ):
            return False
    return True


@kernel
def _is_plain(pool, row):
    for place in range(pool.line.start[row], pool.line.stop[row]):  # noqa: SIM110  (a kernel)
        if pool.member.use[place] != 1:
            return False
    return True


@entry_point
def classify_problems(pool, mark):
    """Say of all units what shape they are of."""
    for unit in range(len(pool.unit)):
        shape_of(pool, unit, pool.first[unit + 1] - pool.first[unit], mark)


@entry_point
def reduce_problems(pool, taken, level, found, which, place, used):
    """Reduce problems to the items of one level, with what those taken before leave."""
    for unit in range(len(pool.unit)):
        first, last = pool.first[unit], pool.first[unit + 1]
        begin = used[1]
        count = gone = np.int64(0)
        for item in range(first, last):
            place[item - first] = -1
            if taken[item]:
                gone += 1
            elif pool.level[item] == level:
                own = begin + count
                place[item - first] = count
                found.item[own] = pool.item[item]
                for column in range(pool.column.shape[1]):
                    found.column[own, column] = pool.column[item, column]
                which[own] = item
                count += 1
        if count == 0:
            continue
        target = used[0]
        found.unit.row_from[target] = used[2]
        top = pool.unit.top[unit] - gone
        if top < count:
            found.line.start[used[2]] = used[3]
            for own in range(count):
                found.member.pick[used[3]], found.member.use[used[3]] = own, 1
                used[3] += 1
            found.line.stop[used[2]], found.line.room[used[2]] = used[3], max(0, top)
            used[2] += 1
        for row in range(pool.unit.row_from[unit], pool.unit.row_to[unit]):
            start, room, total = used[3], pool.line.room[row], np.int64(0)
            for at in range(pool.line.start[row], pool.line.stop[row]):
                item, use = pool.member.pick[at], pool.member.use[at]
                if taken[first + item]:
                    room -= use
                elif place[item] >= 0:
                    found.member.pick[used[3]], found.member.use[used[3]] = place[item], use
                    used[3] += 1
                    total += use
            if total <= room:
                used[3] = start
                continue
            found.line.start[used[2]], found.line.stop[used[2]], found.line.room[used[2]] = start, used[3], max(0, room)
            used[2] += 1
        found.unit.row_to[target] = used[2]
        found.unit.clause_from[target] = used[4]
        for clause in range(pool.unit.clause_from[unit], pool.unit.clause_to[unit]):
            item = place[pool.clause.pick[clause]]
            if item < 0:
                continue
            met, start = False, used[5]
            for at in range(pool.clause.start[clause], pool.clause.stop[clause]):
                partner = pool.partner[at]
                met = met or taken[first + partner]
                if place[partner] >= 0:
                    found.partner[used[5]] = place[partner]
                    used[5] += 1
            if met:
                used[5] = start
                continue
            found.clause.pick[used[4]], found.clause.start[used[4]] = item, start
            found.clause.stop[used[4]] = used[5]
            used[4] += 1
        found.unit.clause_to[target] = used[4]
        found.first[target] = begin
        for own in range(count):
            place[own] = 0
        shape_of(found, target, count, place)
        found.key[target] = pool.key[unit]
        used[0], used[1] = target + 1, begin + count
        found.first[target + 1] = begin + count
