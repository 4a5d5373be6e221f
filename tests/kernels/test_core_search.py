"""The compiled search, shapes, passes and improvement give the bytes that the reference gives, on random problems."""

from __future__ import annotations

from math import gcd
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from journeykit.columns.problem_pool import empty_pool
from journeykit.kernels.interface.array_bundle import ArrayBundle
from journeykit.kernels.interface.problem_arrays import (
    BLOCKS,
    CLAUSE,
    ITEM,
    LAMINAR,
    LINE,
    MEMBER,
    OFFER,
    SEARCH,
    TOP,
    UNIT,
    Charges,
    ProblemPool,
    QuotaBudget,
)
from journeykit.kernels.interface.workspaces import (
    PriceWorkspace,
    SearchProblem,
    SearchWorkspace,
    price_workspace,
    search_problem,
    search_workspace,
)
from journeykit.kernels.native import exact_search, improve, pool_shapes, price_pass
from journeykit.kernels.native.jit import entry_point

if TYPE_CHECKING:
    from collections.abc import Sequence

core = pytest.importorskip("journeykit.kernels._core")


@entry_point
def reference_solve(problem, work, chosen):
    return exact_search.solve(problem, work, chosen)


def copied(value: Any) -> Any:
    """A bundle, array or number with memory of its own."""
    if isinstance(value, ArrayBundle):
        return type(value)(**{name: copied(getattr(value, name)) for name in value.fields})
    return value.copy() if isinstance(value, np.ndarray) else value


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Two values are the same to the byte, but for the padding of records and the sizes of a problem in a workspace."""
    if isinstance(one, ArrayBundle):
        for name in one.fields:
            # What does not fit as a problem leaves its sizes as they were, or not.
            if not where.endswith(".problem") or name != "size":
                assert_same(getattr(one, name), getattr(other, name), f"{where}.{name}")
    elif isinstance(one, np.ndarray) and one.dtype.names:
        for name in one.dtype.names:
            assert_same(one[name], other[name], f"{where}.{name}")
    elif isinstance(one, np.ndarray):
        assert one.tobytes() == other.tobytes(), (where, np.flatnonzero((one != other).reshape(-1))[:9])
    else:
        assert one == other, where


def both(kernel: Any, compiled: Any, *arguments: Any) -> Any:
    """Run the reference and the compiled kernel on the same inputs; what both return."""
    mine = [copied(argument) for argument in arguments]
    theirs = [copied(argument) for argument in arguments]
    expected = kernel(*mine)
    found = compiled(*theirs)
    assert found == expected
    for place, (one, other) in enumerate(zip(mine, theirs, strict=True)):
        assert_same(one, other, f"argument {place}")
    return expected, mine


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


def random_workspace(rng: Random, problem: SearchProblem) -> SearchWorkspace:
    nodes, settles = rng.choice(((5_000, False), (150, True), (rng.randint(1, 30), True), (rng.randint(1, 300), False)))
    return search_workspace(max(1, len(problem.items)), nodes=nodes, settles=settles)


@pytest.mark.parametrize(("seed", "most", "problems"), [(1, 8, 1_500), (2, 25, 1_500), (3, 70, 500), (4, 300, 40)])
def test_search(seed, most, problems):
    """What is chosen, and every number that the search worked with."""
    rng = Random(seed)
    solved = settled = 0
    for _ in range(problems):
        problem = random_problem(rng, most)
        work = random_workspace(rng, problem)
        is_solved, (_, after, _) = both(
            reference_solve, core.solve, problem, work, np.zeros(int(problem.size[0]) + 1, np.bool_)
        )
        solved += is_solved
        settled += after.terms[2] > 0
    assert problems * 0.6 < solved < problems
    assert settled


def test_search_with_one_workspace():
    """What an earlier search leaves behind changes nothing."""
    rng = Random(5)
    mine, theirs = search_workspace(40), search_workspace(40)
    for _ in range(1_000):
        problem = random_problem(rng, 40)
        chosen, found = np.zeros(41, np.bool_), np.zeros(41, np.bool_)
        other = copied(problem)
        assert reference_solve(problem, mine, chosen) == core.solve(other, theirs, found)
        assert chosen.tobytes() == found.tobytes()
    assert_same(mine, theirs)


KINDS = 4


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
            item.append((worth, rng.randrange(KINDS), own, own - own % slots))
            level.append(rng.randint(0, 2))
        first.append(len(item))
        unit.append((count, SEARCH, row_from, len(line), clause_from, len(clause)))
    sums = [[rng.randint(-50, 10 ** rng.randint(1, 9)) for _ in range(columns)] for _ in item]
    return ProblemPool(
        first=np.array(first, np.int64),
        unit=np.array(unit, UNIT),
        item=np.array(item, ITEM),
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
        item += [(rng.randint(-9, 99), rng.randrange(KINDS), own, own - own % slots) for own in range(count)]
        first.append(len(item))
        unit.append((count, SEARCH, row_from, len(line), clause_from, len(clause)))
    return ProblemPool(
        first=np.array(first, np.int64),
        unit=np.array(unit, UNIT),
        item=np.array(item, ITEM),
        column=np.array([[rng.randint(0, 9)] for _ in item], np.int64).reshape(len(item), 1),
        level=np.zeros(0, np.int64),
        line=np.array(line, LINE),
        member=np.array(member, MEMBER),
        clause=np.array(clause, CLAUSE),
        partner=np.array(partner, np.int32),
        key=np.array([rng.getrandbits(64) for _ in unit], np.uint64),
    )


def test_units_that_are_too_large_for_a_search():
    """More items, rows, members or clauses than a search takes: a greedy choice and a plain bound."""
    rng = Random(7)
    crossing = [(range(300), 20), (range(200, 600), 30)]
    many = [(sorted(rng.sample(range(400), 250)), 3) for _ in range(300)]
    rows = [((own, own + 1), 1) for own in range(530)]
    clauses = [(own % 300, [own * 7 % 300]) for own in range(600)]
    pool = classified(
        pool_of(
            rng,
            [
                (600, 2, crossing, []),
                (512, 2, [(range(300), 20), (range(200, 512), 30)], []),
                (400, 2, many, []),
                (540, 2, rows, []),
                (500, 2, rows[:499], []),
                (300, 1, [], clauses),
                (300, 1, [], clauses[:100]),
                (0, 1, [], []),
            ],
        )
    )
    assert set(pool.unit["form"].tolist()) == {SEARCH, TOP}
    work, charges = price_workspace(pool), random_charges(rng, pool, 1)
    counts, totals = np.zeros((BLOCKS, KINDS), np.int64), np.zeros((BLOCKS, 2), np.int64)
    sums = np.zeros((BLOCKS, KINDS, 1), np.int64)
    everyone = np.zeros(0, np.int64)
    for unit in range(pool.units):
        arguments = pool, charges, everyone, unit, unit + 1, work, counts, sums, totals
        _, mine = both(price_pass.price_pass, core.price_pass, *arguments)
        assert mine[5].found[0] or unit in (5, 7)
        assert mine[5].found[1] == 1 or unit not in (0, 2, 3, 5)


def classified(pool: ProblemPool) -> ProblemPool:
    mark = np.zeros(pool.widest + 1, np.int64)
    _, (pool, _) = both(pool_shapes.classify_problems, core.classify_problems, pool, mark)
    return pool


POOLS = [
    (seed, units, most, columns)
    for seed, (units, most, columns) in enumerate(
        [(0, 1, 0), (0, 1, 2), (1, 1, 1), (40, 1, 1), (300, 9, 0), (300, 9, 1), (200, 20, 2), (60, 45, 1), (20, 90, 0)]
    )
]


@pytest.mark.parametrize(("seed", "units", "most", "columns"), POOLS)
def test_pools(seed, units, most, columns):
    """Shapes, passes, offers, sums, reductions and improvements of random pools, with odd sizes and empty tables."""
    rng = Random(seed)
    pool = classified(random_pool(rng, units, most, columns))
    if units >= 300:
        assert {TOP, LAMINAR, SEARCH} == set(pool.unit["form"].tolist())
    prices = 4
    charges = random_charges(rng, pool, prices)
    work = price_workspace(pool)
    chosen_from = np.array([unit for unit in range(units) if rng.random() < 0.5], np.int64)
    for units_of, start, stop in (
        (np.zeros(0, np.int64), 0, units),
        (np.zeros(0, np.int64), units // 3, units // 2),
        (chosen_from, 0, len(chosen_from)),
    ):
        counts, totals = np.zeros((BLOCKS, KINDS), np.int64), np.zeros((BLOCKS, 2), np.int64)
        sums = np.zeros((BLOCKS, KINDS, columns), np.int64)
        arguments = pool, charges, units_of, start, stop, work
        both(price_pass.price_pass, core.price_pass, *arguments, counts, sums, totals)
        for offers, items in ((1 + prices * units, 1 + prices * len(pool.item)), (prices * units // 2, 40)):
            room = np.zeros(offers, OFFER), np.zeros(items, np.int32), np.zeros(2, np.int64)
            both(price_pass.collect_offers_of, core.collect_offers_of, *arguments, *room)
    for offers in (0, 10, 3_000):
        room = np.zeros(offers, OFFER), np.zeros(4 * offers, np.int32), np.zeros(2, np.int64)
        both(price_pass.list_all, core.list_all, pool, work, *room)
    both(price_pass.hard_items, core.hard_items, pool)
    counts, values = np.zeros(KINDS, np.int64), np.zeros((KINDS, 2), np.int64)
    sums = np.zeros((KINDS, columns), np.int64)
    both(price_pass.sizes_by_kind, core.sizes_by_kind, pool, counts, values, sums)
    some = np.array([item for item in range(len(pool.item)) if rng.random() < 0.3], np.int64)
    both(price_pass.add_up, core.add_up, pool, some, counts, sums)
    _compare_improvements(rng, pool, work)
    _compare_reductions(rng, pool)


def _choice(pool: ProblemPool, charges: Charges, work: PriceWorkspace) -> np.ndarray:
    """What the units choose at prices, by item."""
    room = np.zeros(pool.units + 1, OFFER), np.zeros(len(pool.item) + 1, np.int32), np.zeros(2, np.int64)
    core.collect_offers_of(pool, charges, np.zeros(0, np.int64), 0, pool.units, copied(work), *room)
    taken = np.zeros(len(pool.item), np.bool_)
    for offer in room[0][: room[2][0]]:
        taken[pool.first[offer["unit"]] + room[1][offer["item_from"] : offer["item_to"]]] = True
    return taken


def _compare_improvements(rng: Random, pool: ProblemPool, work: PriceWorkspace) -> None:
    units, total = np.argsort(pool.key, kind="stable"), 0
    for _ in range(5):
        taken = _choice(pool, random_charges(rng, pool, 1), work)
        budget = random_budget(rng, pool, taken)
        moves, _ = both(improve.improve, core.improve, pool, budget, units, taken, work)
        total += moves
    assert total or pool.units < 60


def _compare_reductions(rng: Random, pool: ProblemPool) -> None:
    columns, items = pool.column.shape[1], len(pool.item)
    taken = _choice(pool, random_charges(rng, pool, 1), price_workspace(pool))
    taken &= pool.level == 0
    found = empty_pool(columns).but(
        first=np.zeros(pool.units + 1, np.int64),
        unit=np.zeros(pool.units, UNIT),
        item=np.zeros(items, ITEM),
        column=np.zeros_like(pool.column),
        line=np.zeros(len(pool.line) + pool.units, LINE),
        member=np.zeros(len(pool.member) + items, MEMBER),
        clause=np.zeros(len(pool.clause), CLAUSE),
        partner=np.zeros(len(pool.partner), np.int32),
        key=np.zeros(pool.units, np.uint64),
    )
    room = np.zeros(items, np.int64), np.zeros(pool.widest + 1, np.int64), np.zeros(6, np.int64)
    for level in (1, 2, 7):
        both(pool_shapes.reduce_problems, core.reduce_problems, pool, taken, level, found, *room)
