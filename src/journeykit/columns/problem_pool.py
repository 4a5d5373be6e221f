"""The pool: the problems that the contacts of a run make, kept together so that prices can be tried on all of them.

A problem is what `journeykit.engine.round` makes of the claims of one contact, or of one account: items, rows that say
how much of them goes together, and clauses that say which need a partner. Here they lie one after the other in a few
tables, small enough for millions of contacts, so that a pass over all of them takes no longer than reading them. The
items of a contact are in the order of claims, whatever the order in which they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.kernels import reduce_problems
from journeykit.kernels.interface.problem_arrays import (
    CLAUSE,
    ITEM,
    LINE,
    MEMBER,
    MOST_ITEMS,
    MOST_ROWS,
    UNIT,
    PoolPart,
    ProblemPool,
)
from journeykit.kernels.interface.records import joined

if TYPE_CHECKING:
    from collections.abc import Sequence


def empty_pool(columns: int) -> ProblemPool:
    """A pool without units."""
    return ProblemPool(
        first=np.zeros(1, np.int64),
        unit=np.zeros(0, UNIT),
        item=np.zeros(0, ITEM),
        group=np.zeros(0, np.int32),
        column=np.zeros((0, columns), np.int64),
        level=np.zeros(0, np.int64),
        line=np.zeros(0, LINE),
        member=np.zeros(0, MEMBER),
        clause=np.zeros(0, CLAUSE),
        partner=np.zeros(0, np.int32),
        key=np.zeros(0, np.uint64),
    )


def join_pools(pools: Sequence[ProblemPool], columns: int) -> ProblemPool:
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
    return ProblemPool(
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


def stage_of(pool: ProblemPool, taken: np.ndarray, level: int) -> tuple[ProblemPool, np.ndarray]:
    """The items of one level, in the room that what was taken of earlier levels leaves; and which items they are."""
    items, lines = len(pool.item), len(pool.line) + len(pool.unit)
    found = ProblemPool(
        first=np.zeros(len(pool.unit) + 1, np.int64),
        unit=np.zeros(len(pool.unit), UNIT),
        item=np.zeros(items, ITEM),
        group=np.zeros(len(pool.group), np.int32),
        column=np.zeros_like(pool.column),
        level=np.zeros(0, np.int64),
        line=np.zeros(lines, LINE),
        member=np.zeros(len(pool.member) + items, MEMBER),
        clause=np.zeros(len(pool.clause), CLAUSE),
        partner=np.zeros(len(pool.partner), np.int32),
        key=np.zeros(len(pool.unit), np.uint64),
    )
    which, used = np.zeros(items, np.int64), np.zeros(6, np.int64)
    reduce_problems(pool, taken, level, found, which, np.zeros(pool.widest + 1, np.int64), used)
    units, items, lines, members, clauses, partners = used.tolist()
    return ProblemPool(
        first=found.first[: units + 1].copy(),
        unit=found.unit[:units].copy(),
        item=found.item[:items].copy(),
        group=found.group[:items].copy(),
        column=found.column[:items].copy(),
        level=found.level,
        line=found.line[:lines].copy(),
        member=found.member[:members].copy(),
        clause=found.clause[:clauses].copy(),
        partner=found.partner[:partners].copy(),
        key=found.key[:units].copy(),
    ), which[:items]


_ROOM = 70_000


def part_for(units: int, items: int, columns: int, *, several: bool) -> PoolPart:
    """An empty part with room for so many units and items."""
    items += MOST_ITEMS
    pool = ProblemPool(
        first=np.zeros(units + 1, np.int64),
        unit=np.zeros(units, UNIT),
        item=np.zeros(items, ITEM),
        group=np.zeros(items, np.int32),
        column=np.zeros((items, columns), np.int64),
        level=np.zeros(items if several else 0, np.int64),
        line=np.zeros(items + MOST_ROWS, LINE),
        member=np.zeros(4 * items + _ROOM, MEMBER),
        clause=np.zeros(items + MOST_ROWS, CLAUSE),
        partner=np.zeros(4 * items + _ROOM, np.int32),
        key=np.zeros(units, np.uint64),
    )
    return PoolPart(
        pool=pool, contact=np.zeros(units, np.int64), used=np.zeros(6, np.int64), mark=np.zeros(items, np.int64)
    )


def taken_from(part: PoolPart) -> tuple[ProblemPool, np.ndarray]:
    """What a part holds, as a pool of its own, and the contacts of its problems; the part is empty again afterwards."""
    units, items, lines, members, clauses, partners = part.used.tolist()
    pool = part.pool
    found = ProblemPool(
        first=pool.first[: units + 1].copy(),
        unit=pool.unit[:units].copy(),
        item=pool.item[:items].copy(),
        group=own_groups(pool.first[: units + 1], pool.group[:items]),
        column=pool.column[:items].copy(),
        level=pool.level[:items].copy(),
        line=pool.line[:lines].copy(),
        member=pool.member[:members].copy(),
        clause=pool.clause[:clauses].copy(),
        partner=pool.partner[:partners].copy(),
        key=pool.key[:units].copy(),
    )
    part.used[:] = 0
    return found, part.contact[:units].copy()
