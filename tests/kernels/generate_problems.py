"""Random problems for the kernels: of one contact, and pools of many under quotas."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.columns.problem_pool import own_groups
from journeykit.kernels.interface.array_bundle import ArrayBundle
from journeykit.kernels.interface.problem_arrays import (
    CLAUSE,
    ITEM,
    LINE,
    MEMBER,
    SEARCH,
    UNIT,
    Charges,
    ProblemPool,
    QuotaBudget,
)
from journeykit.kernels.interface.workspaces import SearchProblem, search_problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

KINDS = 4


def copied(value: Any) -> Any:
    """A bundle, array or number with memory of its own."""
    if isinstance(value, ArrayBundle):
        return type(value)(**{name: copied(getattr(value, name)) for name in value.fields})
    return value.copy() if isinstance(value, np.ndarray) else value


def random_problem(rng: Random, most: int) -> SearchProblem:
    """A problem with rows of plain counts or of uses, groups, levels and clauses, some of them out of the ordinary."""
    count = rng.choice((0, 1, 2, rng.randint(0, most), rng.randint(0, most)))
    problem = search_problem(max(1, count))
    items = problem.items
    order = list(range(count))
    rng.shuffle(order)
    largest = rng.choice((3, 100, 10**6, 10**6, 10**9, 2**58, 2**60, 2**62))
    levels = rng.choice((1, 1, 1, 2, 5))
    slots = rng.choice((1, 1, 2, 4))
    for item in range(count):
        items["order"][item] = order[item]
        items["value"][item] = rng.choice((0, rng.randint(-largest, largest), *[rng.randint(1, largest)] * 6))
        items["level"][item] = rng.choice((0, rng.randrange(levels))) - rng.choice((0, 0, 10**6)) * (levels > 2)
        items["group"][item] = item // slots
        items["shut"][item] = rng.random() < 0.1
    rows: list[tuple[list[int], list[int], int]] = []
    if slots > 1:
        members = [[item for item in range(count) if item // slots == own] for own in range(-(-count // slots))]
        rows += [(picks, [1] * len(picks), 1) for picks in members]
    unit = rng.choice((1, 1, 1, 1_000_000_000, 6))
    plain = rng.random() < 0.5
    for _ in range(rng.choice((0, 1, 2, 3, rng.randint(0, 12)))):
        picks = [item for item in range(count) if rng.random() < rng.choice((0.2, 0.7, 1.0))]
        if rng.random() < 0.2 and rows:
            picks = picks[: len(picks) // 2]
        uses = [unit * (1 if plain else rng.choice((0, 1, 1, 2, 3, rng.randint(1, 12)))) for _ in picks]
        room = rng.choice((0, unit, rng.randint(0, max(1, sum(uses))), rng.randint(0, max(1, sum(uses)))))
        rows.append((picks, uses, room - rng.choice((0, 0, 0, 0, 0, unit // 2, 2 * unit))))
    members = 0
    for number, (picks, uses, room) in enumerate(rows):
        problem.rows[number] = (members, members + len(picks), room)
        for pick, use in zip(picks, uses, strict=True):
            problem.members[members] = (pick, use)
            members += 1
    clauses = partners = 0
    if count and rng.random() < 0.4:
        for _ in range(rng.randint(1, 1 + count // 3)):
            wanted = [rng.randrange(count) for _ in range(rng.randint(0, 3))]
            problem.clauses[clauses] = (rng.randrange(count), partners, partners + len(wanted))
            problem.partners[partners : partners + len(wanted)] = wanted
            clauses, partners = clauses + 1, partners + len(wanted)
    problem.size[:] = count, len(rows), members, clauses, partners
    return problem


def random_rows(rng: Random, count: int, slots: int) -> list[tuple[list[int], list[int], int]]:
    """Rows of one unit, in smallest whole numbers: of slots, nested, crossing, or of uses."""
    rows = []
    if slots > 1:
        for own in range(0, count, slots):
            picks = [*range(own, min(own + slots, count))]
            rows.append((picks, [1] * len(picks), 1))
    shape = rng.choice(("none", "top", "nested", "nested", "crossing", "crossing", "uses"))
    for _ in range(0 if shape == "none" else rng.randint(1, 4)):
        start = 0 if shape == "top" else rng.randint(0, count)
        size = count if shape == "top" else rng.choice((2, 4, 8))
        if shape == "nested":
            start -= start % size
        picks = [*range(start, min(count, start + size))]
        if shape in ("crossing", "uses") and rng.random() < 0.5:
            picks = [item for item in range(count) if rng.random() < 0.5]
        uses = [rng.randint(1, 4) if shape == "uses" else 1 for _ in picks]
        unit = gcd(*uses) or 1
        rng.shuffle(picks)
        rows.append((picks, [use // unit for use in uses], rng.randint(0, max(1, len(picks)))))
    rng.shuffle(rows)
    return rows


def random_pool(rng: Random, units: int, most: int, columns: int) -> ProblemPool:
    """The problems of so many units, with empty ones among them; unclassified."""
    first, unit, item, level = [0], [], [], []
    group: list[int] = []
    line: list[tuple[int, int, int]] = []
    member: list[tuple[int, int]] = []
    clause: list[tuple[int, int, int]] = []
    partner: list[int] = []
    largest = rng.choice((5, 10**6, 10**8))
    for _ in range(units):
        count = rng.choice((0, 1, rng.randint(1, 6), rng.randint(1, 6), rng.randint(1, most)))
        slots = rng.choice((1, 1, 1, 3))
        row_from, clause_from = len(line), len(clause)
        for picks, uses, room in random_rows(rng, count, slots):
            line.append((len(member), len(member) + len(picks), room))
            member += zip(picks, uses, strict=True)
        if count and rng.random() < 0.15:
            for _ in range(rng.randint(1, 2)):
                wanted = [rng.randrange(count) for _ in range(rng.randint(0, 3))]
                clause.append((rng.randrange(count), len(partner), len(partner) + len(wanted)))
                partner += wanted
        worth = 0
        for own in range(count):
            worth = worth if own % slots and rng.random() < 0.8 else rng.randint(-largest // 10, largest)
            item.append((worth, rng.randrange(KINDS), own))
            group.append(own - own % slots)
            level.append(rng.randint(0, 2))
        first.append(len(item))
        unit.append((count, SEARCH, row_from, len(line), clause_from, len(clause)))
    sums = [[rng.randint(-50, 10 ** rng.randint(1, 9)) for _ in range(columns)] for _ in item]
    return ProblemPool(
        first=np.array(first, np.int64),
        unit=np.array(unit, UNIT),
        item=np.array(item, ITEM),
        group=own_groups(np.array(first, np.int64), np.array(group, np.int32)),
        column=np.array(sums, np.int64).reshape(len(item), columns),
        level=np.array(level, np.int64),
        line=np.array(line, LINE),
        member=np.array(member, MEMBER),
        clause=np.array(clause, CLAUSE),
        partner=np.array(partner, np.int32),
        key=np.array([rng.getrandbits(64) for _ in unit], np.uint64),
    )


def random_charges(rng: Random, pool: ProblemPool, prices: int) -> Charges:
    columns, shift = pool.column.shape[1], rng.choice((0, 3, 16))
    largest = 1 + (int(np.abs(pool.item["value"]).max(initial=0)) << shift)
    kind = [[rng.choice((0, rng.randint(0, largest))) for _ in range(KINDS)] for _ in range(prices)]
    slope = np.array([rng.choice((0.0, rng.random(), -rng.random())) for _ in range(prices * KINDS * columns)])
    return Charges(
        kind=np.array(kind, np.int64).reshape(prices, KINDS),
        slope=slope.reshape(prices, KINDS, columns) * (1 << shift),
        shift=shift,
    )


def random_budget(rng: Random, pool: ProblemPool, taken: np.ndarray) -> QuotaBudget:
    """Some of what is taken is too much, some leaves room."""
    rows, columns = rng.randint(0, 4), pool.column.shape[1]
    fixed = np.array([rng.choice((0, 1, 1, 7)) for _ in range(KINDS * rows)], np.int64).reshape(KINDS, rows)
    factor = np.array([rng.choice((0, 1, 3)) for _ in range(KINDS * rows)], np.int64).reshape(KINDS, rows)
    column = np.array([rng.randint(-1, columns - 1) for _ in range(rows)], np.int64)
    kind, row = np.nonzero((fixed != 0) | ((factor != 0) & (column >= 0)))
    used = fixed[pool.item["kind"]].T @ taken.astype(np.int64)
    return QuotaBudget(
        fixed=fixed,
        column=column,
        factor=factor,
        touched=np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(kind, minlength=KINDS))]),
        rows=row.astype(np.int64),
        left=np.array([rng.randint(-int(use) // 4 - 1, int(use) // 4 + 1) for use in used], np.int64),
        fine=np.array([rng.choice((0.0, rng.random() * 10**5, 10.0**7, np.inf)) for _ in range(rows)]),
        hard=np.array([rng.random() < 0.5 for _ in range(rows)], np.bool_),
        change=np.zeros(rows, np.int64),
    )


def pool_of(
    rng: Random,
    units: Sequence[tuple[int, int, Sequence[tuple[Sequence[int], int]], Sequence[tuple[int, Sequence[int]]]]],
) -> ProblemPool:
    """A pool of units given as how many items, how many slots of a claim, rows of plain counts, and clauses."""
    first, unit, item = [0], [], []
    group: list[int] = []
    line: list[tuple[int, int, int]] = []
    member: list[tuple[int, int]] = []
    clause: list[tuple[int, int, int]] = []
    partner: list[int] = []
    for count, slots, rows, clauses in units:
        row_from, clause_from = len(line), len(clause)
        for picks, room in rows:
            line.append((len(member), len(member) + len(picks), room))
            member += [(pick, 1) for pick in picks]
        for pick, wanted in clauses:
            clause.append((pick, len(partner), len(partner) + len(wanted)))
            partner += wanted
        item += [(rng.randint(-9, 99), rng.randrange(KINDS), own) for own in range(count)]
        group += [own - own % slots for own in range(count)]
        first.append(len(item))
        unit.append((count, SEARCH, row_from, len(line), clause_from, len(clause)))
    return ProblemPool(
        first=np.array(first, np.int64),
        unit=np.array(unit, UNIT),
        item=np.array(item, ITEM),
        group=own_groups(np.array(first, np.int64), np.array(group, np.int32)),
        column=np.array([[rng.randint(0, 9)] for _ in item], np.int64).reshape(len(item), 1),
        level=np.zeros(0, np.int64),
        line=np.array(line, LINE),
        member=np.array(member, MEMBER),
        clause=np.array(clause, CLAUSE),
        partner=np.array(partner, np.int32),
        key=np.array([rng.getrandbits(64) for _ in unit], np.uint64),
    )
