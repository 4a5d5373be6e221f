"""The pool: the problems that the contacts of a run make, kept together so that prices can be tried on all of them.

A problem is what `journeykit.contest` makes of one contact's claims (or of one account's): items, rows that say how
much of them goes together, and clauses that say which need a partner. Here they lie one after the other in a few
tables, small enough for millions of contacts, so that a pass over all of them takes no longer than reading them. The
items of a contact stand in the order of claims, whatever the order in which they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from journeykit.columns.bundle import Bundle, table
from journeykit.columns.jit import entry_point, kernel
from journeykit.columns.records import joined, record

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEM = np.dtype([("value", np.int64), ("kind", np.int32), ("number", np.int32), ("group", np.int32)], align=True)
"""A claim at an instant: weight less reserve in millionths; its kind, which says what it uses of the quotas; its place
in the order of claims of the contest that it comes from; and a number for its claim, of which one item goes."""
UNIT = record("top form row_from row_to clause_from clause_to")
"""A contact, or account: how many of its items can go in all; its form; and where its rows and clauses lie."""
LINE = record("start stop room")
"""A row: where its members lie, and how much there is in all."""
MEMBER = np.dtype([("pick", np.int32), ("use", np.int64)], align=True)
"""An item in a row, by its place in the unit, and what it uses."""
CLAUSE = record("pick start stop")
"""An item, by its place in the unit, and where its partners lie."""

TOP, LAMINAR, SEARCH = range(3)
"""The forms: the best few of all; taking the best first; anything else."""


class Pool(Bundle):
    """The problems of many contacts.

    Attributes:
        first: where the items of each unit start, and one more.
        unit: the units (`UNIT`).
        item: the items (`ITEM`), those of one unit in the order of claims.
        column: by item, what it has of each column that quotas add up, in whole numbers.
        level: by item, the policy's rank, or the number of tier and rank among all; empty where there is one level.
        line: the rows (`LINE`).
        member: their members (`MEMBER`).
        clause: the clauses (`CLAUSE`).
        partner: the partners, by their places in the unit.
        key: by unit, 64 bits of the hash of its id: the order in which units take turns.
    """

    fields: ClassVar = {
        "first": table(np.int64),
        "unit": table(UNIT),
        "item": table(ITEM),
        "column": table(np.int64, 2),
        "level": table(np.int64),
        "line": table(LINE),
        "member": table(MEMBER),
        "clause": table(CLAUSE),
        "partner": table(np.int32),
        "key": table(np.uint64),
    }

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.unit)

    @property
    def widest(self) -> int:
        """The most items of one unit."""
        return int(np.diff(self.first).max(initial=1))


def empty_pool(columns: int) -> Pool:
    """A pool without units."""
    return Pool(
        first=np.zeros(1, np.int64),
        unit=np.zeros(0, UNIT),
        item=np.zeros(0, ITEM),
        column=np.zeros((0, columns), np.int64),
        level=np.zeros(0, np.int64),
        line=np.zeros(0, LINE),
        member=np.zeros(0, MEMBER),
        clause=np.zeros(0, CLAUSE),
        partner=np.zeros(0, np.int32),
        key=np.zeros(0, np.uint64),
    )


def join_pools(pools: Sequence[Pool], columns: int) -> Pool:
    """Pools one after the other as one."""
    if len(pools) == 1:
        return pools[0]
    pools = [empty_pool(columns), *pools]
    units, lines, clauses = [], [], []
    first = [np.zeros(1, np.int64)]
    items = rows = members = wants = partners = 0
    for pool in pools:
        first.append(pool.first[1:] + items)
        unit, line, clause = pool.unit.copy(), pool.line.copy(), pool.clause.copy()
        for name, shift in (("row_from", rows), ("row_to", rows), ("clause_from", wants), ("clause_to", wants)):
            unit[name] += shift
        for name in ("start", "stop"):
            line[name] += members
            clause[name] += partners
        units.append(unit)
        lines.append(line)
        clauses.append(clause)
        items += len(pool.item)
        rows += len(pool.line)
        members += len(pool.member)
        wants += len(pool.clause)
        partners += len(pool.partner)
    several = any(len(pool.level) for pool in pools)
    levels = [pool.level if len(pool.level) else np.zeros(len(pool.item) * several, np.int64) for pool in pools]
    return Pool(
        first=np.concatenate(first),
        unit=joined(UNIT, units),
        item=joined(ITEM, [pool.item for pool in pools]),
        column=np.concatenate([pool.column for pool in pools]),
        level=np.concatenate(levels),
        line=joined(LINE, lines),
        member=joined(MEMBER, [pool.member for pool in pools]),
        clause=joined(CLAUSE, clauses),
        partner=np.concatenate([pool.partner for pool in pools]),
        key=np.concatenate([pool.key for pool in pools]),
    )


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
    """Whether a row stands before another: by its members, what they use, and how much there is."""
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
    """Whether a row has the members of another, which stands before it and so leaves no more room."""
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
def shape_all(pool, mark):
    """Say of all units what shape they are of."""
    for unit in range(len(pool.unit)):
        shape_of(pool, unit, pool.first[unit + 1] - pool.first[unit], mark)


def stage_of(pool: Pool, taken: np.ndarray, level: int) -> tuple[Pool, np.ndarray]:
    """The items of one level, in the room that what was taken of earlier levels leaves; and which items they are."""
    items, lines = len(pool.item), len(pool.line) + len(pool.unit)
    found = Pool(
        first=np.zeros(len(pool.unit) + 1, np.int64),
        unit=np.zeros(len(pool.unit), UNIT),
        item=np.zeros(items, ITEM),
        column=np.zeros_like(pool.column),
        level=np.zeros(0, np.int64),
        line=np.zeros(lines, LINE),
        member=np.zeros(len(pool.member) + items, MEMBER),
        clause=np.zeros(len(pool.clause), CLAUSE),
        partner=np.zeros(len(pool.partner), np.int32),
        key=np.zeros(len(pool.unit), np.uint64),
    )
    which, used = np.zeros(items, np.int64), np.zeros(6, np.int64)
    _reduce(pool, taken, level, found, which, np.zeros(pool.widest + 1, np.int64), used)
    units, items, lines, members, clauses, partners = used.tolist()
    return Pool(
        first=found.first[: units + 1].copy(),
        unit=found.unit[:units].copy(),
        item=found.item[:items].copy(),
        column=found.column[:items].copy(),
        level=found.level,
        line=found.line[:lines].copy(),
        member=found.member[:members].copy(),
        clause=found.clause[:clauses].copy(),
        partner=found.partner[:partners].copy(),
        key=found.key[:units].copy(),
    ), which[:items]


@entry_point
def _reduce(pool, taken, level, found, which, place, used):
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
