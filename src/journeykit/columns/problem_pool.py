"""The pool: the problems that the contacts of a run make, kept together so that prices can be tried on all of them.

A problem is what `journeykit.engine.round` makes of the claims of one contact, or of one account: items, rows that say
how much of them goes together, and clauses that say which need a partner. Here they lie one after the other in a few
tables, small enough for millions of contacts, so that a pass over all of them takes no longer than reading them. The
items of a contact are in the order of claims, whatever the order in which they came.
"""

from __future__ import annotations

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


class GrowingPool:
    """A pool to which pools are added, one after the other; what was added need not be kept.

    Its tables grow in place, so that with millions of contacts nothing lies in memory twice.

    Args:
        columns: how many columns quotas add up.
    """

    def __init__(self, columns: int) -> None:
        empty = empty_pool(columns)
        self._tables = {name: _GrowingTable(getattr(empty, name)) for name in ProblemPool.fields}
        self._contact = _GrowingTable(np.zeros(0, np.int64))

    def add(self, pool: ProblemPool, contact: np.ndarray) -> None:
        """Add a pool, and the contact of each of its units."""
        tables = self._tables
        items, rows, clauses = (tables[name].size for name in ("item", "line", "clause"))
        members, partners = tables["member"].size, tables["partner"].size
        for name in ("level", "group"):
            own, table = getattr(pool, name), tables[name]
            # Empty means one level, or claims of one item each.
            if len(own) or table.size:
                fill = _own_places if name == "group" else _zeros
                if not table.size and items:
                    table.add(fill(self.pool.first))
                table.add(own if len(own) else fill(pool.first))
        tables["first"].add(pool.first[1:] + items)
        unit = tables["unit"].add(pool.unit)
        for name, shift in (("row_from", rows), ("row_to", rows), ("clause_from", clauses), ("clause_to", clauses)):
            unit[name] += shift
        for name, shift in (("line", members), ("clause", partners)):
            added = tables[name].add(getattr(pool, name))
            added["start"] += shift
            added["stop"] += shift
        for name in ("item", "column", "member", "partner", "key"):
            tables[name].add(getattr(pool, name))
        self._contact.add(contact)

    @property
    def pool(self) -> ProblemPool:
        """All that was added."""
        return ProblemPool(**{name: table.rows for name, table in self._tables.items()})

    @property
    def contact(self) -> np.ndarray:
        """By unit, its contact."""
        return self._contact.rows


class _GrowingTable:
    """A table that grows in place."""

    def __init__(self, start: np.ndarray) -> None:
        self._array = start.copy()
        self.size = len(start)

    def add(self, rows: np.ndarray) -> np.ndarray:
        """Add rows; where they lie now."""
        stop = self.size + len(rows)
        if stop > len(self._array):
            longer = max(stop, len(self._array) * 9 // 8, 1024)
            self._array.resize((longer, *self._array.shape[1:]), refcheck=False)
        found = self._array[self.size : stop]
        found[...] = rows
        self.size = stop
        return found

    @property
    def rows(self) -> np.ndarray:
        """What was added."""
        if len(self._array) > self.size:
            self._array.resize((self.size, *self._array.shape[1:]), refcheck=False)
        return self._array


def _own_places(first: np.ndarray) -> np.ndarray:
    """By item, its place in its unit."""
    return (np.arange(int(first[-1])) - np.repeat(first[:-1], np.diff(first))).astype(np.int32)


def _zeros(first: np.ndarray) -> np.ndarray:
    return np.zeros(int(first[-1]), np.int64)


def own_groups(first: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The groups of items, empty where each item is the only one of its claim."""
    return np.zeros(0, np.int32) if np.array_equal(group, _own_places(first)) else group.copy()


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


def spread(start: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The places of ranges that start so and are so long, one range after the other."""
    found: np.ndarray = np.arange(int(sizes.sum())) + np.repeat(start - np.cumsum(sizes) + sizes, sizes)
    return found


def units_of(pool: ProblemPool, units: np.ndarray) -> ProblemPool:
    """Some units of a pool, in the order in which they are given, as a pool of their own."""
    own, sizes = pool.unit[units], np.diff(pool.first)[units]
    item = spread(pool.first[units], sizes)
    tables: dict[str, np.ndarray] = {}
    for name, of, inner in (("row", "line", "member"), ("clause", "clause", "partner")):
        low, high = f"{name}_from", f"{name}_to"
        counts = own[high] - own[low]
        outer = getattr(pool, of)[spread(own[low], counts)]
        widths = outer["stop"] - outer["start"]
        tables[inner] = getattr(pool, inner)[spread(outer["start"], widths)]
        ends = np.cumsum(widths)
        outer["start"], outer["stop"] = ends - widths, ends
        tables[of] = outer
        ends = np.cumsum(counts)
        own[low], own[high] = ends - counts, ends
    return ProblemPool(
        first=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        unit=own,
        item=pool.item[item],
        group=pool.group[item] if len(pool.group) else pool.group,
        column=pool.column[item],
        level=pool.level[item] if len(pool.level) else pool.level,
        key=pool.key[units],
        **tables,
    )


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
