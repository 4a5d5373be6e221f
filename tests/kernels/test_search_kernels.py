"""The compiled search and passes: the best there is where all can be tried, and what holds of any answer elsewhere."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest
from generate_problems import KINDS, copied, pool_of, random_budget, random_charges, random_pool, random_problem

from journeykit.columns.problem_pool import empty_pool
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
)
from journeykit.kernels.interface.workspaces import PriceWorkspace, SearchProblem, price_workspace, search_workspace

core = pytest.importorskip("journeykit.kernels._core")


def is_allowed(problem: SearchProblem, taken: np.ndarray) -> bool:
    """Whether a choice keeps the rows, the groups and the clauses."""
    _, rows, _, clauses, _ = problem.size.tolist()
    for start, stop, room in problem.rows[:rows].tolist():
        members = problem.members[start:stop]
        if int(members["use"][taken[members["pick"]]].sum()) > room:
            return False
    groups = problem.items["group"][: len(taken)][taken]
    if len(set(groups.tolist())) < len(groups):
        return False
    for pick, start, stop in problem.clauses[:clauses].tolist():
        if taken[pick] and not taken[problem.partners[start:stop]].any():
            return False
    return True


def worth(problem: SearchProblem, taken: np.ndarray) -> list[int]:
    """What a choice is worth, level by level."""
    items = problem.items[: len(taken)]
    levels = sorted(set(items["level"].tolist()))
    return [int(items["value"][taken & (items["level"] == level)].sum()) for level in levels]


def best_of_all(problem: SearchProblem, count: int) -> list[int]:
    """The best by trying every choice."""
    items = problem.items[:count]
    # With clauses, what costs something may be taken as a partner of what is worth more.
    live = (items["value"] > 0) | ((items["value"] < 0) & (items["shut"] == 0) & (problem.size[3] > 0))
    best: list[int] = []
    for bits in product((False, True), repeat=count):
        taken = np.array(bits, np.bool_)
        if not (taken & ~live).any() and is_allowed(problem, taken):
            best = max(best, worth(problem, taken))
    return best


def sound(problem: SearchProblem) -> bool:
    """Whether a problem has no row that is broken from the start; with such a row nothing of it goes."""
    return bool((problem.rows["room"][: problem.size[1]] >= 0).all()) and int(problem.items["value"].max()) < 10**10


@pytest.mark.parametrize("seed", range(3))
def test_small_problems_are_solved_to_the_best(seed):
    rng = Random(seed)
    solved = 0
    for _ in range(150):
        problem = random_problem(rng, 8)
        count = int(problem.size[0])
        if count > 8 or not sound(problem):
            continue
        chosen = np.zeros(count + 1, np.bool_)
        if not core.solve(problem, search_workspace(max(1, count)), chosen):
            continue  # its numbers are too large for the search
        assert is_allowed(problem, chosen[:count])
        assert worth(problem, chosen[:count]) == best_of_all(problem, count)
        solved += 1
    assert solved > 55


@pytest.mark.parametrize(("seed", "most", "problems"), [(2, 25, 600), (3, 70, 300), (4, 300, 30)])
def test_large_problems_are_solved_within_the_rules(seed, most, problems):
    """Whatever is chosen is allowed; what an earlier search left in its workspace changes nothing."""
    rng, used = Random(seed), search_workspace(max(most, 1))
    solved = 0
    for _ in range(problems):
        problem = random_problem(rng, most)
        count = int(problem.size[0])
        chosen, again = np.zeros(most + 1, np.bool_), np.zeros(most + 1, np.bool_)
        fresh = search_workspace(max(most, 1))
        done = core.solve(problem, fresh, chosen)
        assert core.solve(copied(problem), used, again) == done
        assert chosen.tobytes() == again.tobytes()
        if done and sound(problem):
            assert is_allowed(problem, chosen[:count])
            solved += 1
    assert solved > problems // 4


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
        work.found[:] = 0
        core.price_pass(*arguments)
        assert work.found[0] or unit in (5, 7)
        assert work.found[1] == 1 or unit not in (0, 2, 3, 5)


def classified(pool: ProblemPool) -> ProblemPool:
    core.classify_problems(pool, np.zeros(pool.widest + 1, np.int64))
    return pool


POOLS = [
    (seed, units, most, columns)
    for seed, (units, most, columns) in enumerate(
        [(0, 1, 0), (0, 1, 2), (1, 1, 1), (40, 1, 1), (300, 9, 0), (300, 9, 1), (200, 20, 2), (60, 45, 1), (20, 90, 0)]
    )
]


def keeps_rules(pool: ProblemPool, unit: int, picks: list[int]) -> bool:
    """Whether a choice of a unit keeps its rows and clauses, and takes no more than may go in all."""
    own, taken = pool.unit[unit], set(picks)
    for start, stop, room in pool.line[own["row_from"] : own["row_to"]].tolist():
        if sum(use for pick, use in pool.member[start:stop].tolist() if pick in taken) > room:
            return False
    for pick, start, stop in pool.clause[own["clause_from"] : own["clause_to"]].tolist():
        if pick in taken and taken.isdisjoint(pool.partner[start:stop].tolist()):
            return False
    return len(taken) <= own["top"]


@pytest.mark.parametrize(("seed", "units", "most", "columns"), POOLS)
def test_pools(seed, units, most, columns):
    """A pass adds up what the offers say; offers keep the rules; what is cut into pieces adds up to the same."""
    rng = Random(seed)
    pool = classified(random_pool(rng, units, most, columns))
    if units >= 300:
        assert {TOP, LAMINAR, SEARCH} == set(pool.unit["form"].tolist())
    charges, work, everyone = random_charges(rng, pool, 1), price_workspace(pool), np.zeros(0, np.int64)

    def passed(*pieces: tuple[int, int]) -> list[np.ndarray]:
        found = [np.zeros((BLOCKS, KINDS), np.int64), np.zeros((BLOCKS, KINDS, columns), np.int64)]
        found.append(np.zeros((BLOCKS, 2), np.int64))
        for start, stop in pieces:
            core.price_pass(pool, charges, everyone, start, stop, work, *found)
        return found

    whole = passed((0, units))
    cut = units // 3
    for one, other in zip(whole, passed((cut, units), (0, cut)), strict=True):
        assert one.tobytes() == other.tobytes()
    offers, items, used = np.zeros(units + 1, OFFER), np.zeros(len(pool.item) + 1, np.int32), np.zeros(2, np.int64)
    assert core.collect_offers_of(pool, charges, everyone, 0, units, work, offers, items, used) == units
    counts = np.zeros(KINDS, np.int64)
    for offer in offers[: used[0]]:
        picks = items[offer["item_from"] : offer["item_to"]].tolist()
        assert keeps_rules(pool, offer["unit"], picks)
        own = pool.item[pool.first[offer["unit"]] + np.array(picks, np.int64)]
        assert offer["value"] == own["value"].sum()
        counts += np.bincount(own["kind"], minlength=KINDS)
    assert counts.tolist() == whole[0].sum(axis=0).tolist()
    _check_kept(pool, charges, whole, offers[: used[0]], items)
    _check_improvement(rng, pool, work)
    _check_reduction(rng, pool)


def test_offers_stop_where_the_room_ends():
    """With little room a call ends before a unit, and the next one goes on there; nothing is lost or doubled."""
    rng = Random(11)
    pool = classified(random_pool(rng, 120, 12, 1))
    charges, work, everyone = random_charges(rng, pool, 3), price_workspace(pool), np.zeros(0, np.int64)

    def collected(offers: int, items: int) -> list[tuple[int, ...]]:
        start = turns = 0
        found: list[tuple[int, ...]] = []
        while start < pool.units and turns <= pool.units:
            room = np.zeros(offers, OFFER), np.zeros(items, np.int32), np.zeros(2, np.int64)
            start = core.collect_offers_of(pool, charges, everyone, start, pool.units, work, *room)
            found += [
                (int(offer["unit"]), *room[1][offer["item_from"] : offer["item_to"]].tolist())
                for offer in room[0][: room[2][0]]
            ]
            turns += 1
        return found

    assert collected(12, 80) == collected(1_000, 10_000)


def _choice(pool: ProblemPool, charges, work: PriceWorkspace) -> np.ndarray:
    """What the units choose at prices, by item."""
    room = np.zeros(pool.units + 1, OFFER), np.zeros(len(pool.item) + 1, np.int32), np.zeros(2, np.int64)
    core.collect_offers_of(pool, charges, np.zeros(0, np.int64), 0, pool.units, work, *room)
    taken = np.zeros(len(pool.item), np.bool_)
    for offer in room[0][: room[2][0]]:
        taken[pool.first[offer["unit"]] + room[1][offer["item_from"] : offer["item_to"]]] = True
    return taken


def test_what_is_worth_nothing_is_chosen_as_a_partner_alone():
    """Two claims with two slots each, whose days tie them together: what is worth nothing took room of later tiers."""
    rows = [((0, 2), 1), ((0, 1, 2, 3), 1), ((0, 1), 1), ((2, 3), 1)]
    alone = pool_of(Random(1), [(4, 2, rows, ())])
    paired = pool_of(Random(1), [(5, 1, [((0, 1, 2, 3), 1)], [(4, (1,))])])
    cases = [(alone, [0] * 4, []), (paired, [0, 0, 0, 0, 5], [1, 4]), (paired, [0, 0, 0, 0, -5], [])]
    for pool, values, wanted in cases:
        pool.item["value"], pool.column[:] = values, 0
        # A price takes nothing of what uses nothing of its column, and adds nothing either.
        for price in (0.0, 0.5):
            charges = Charges(kind=np.zeros((1, KINDS), np.int64), slope=np.full((1, KINDS, 1), price), shift=0)
            assert np.flatnonzero(_choice(pool, charges, price_workspace(pool))).tolist() == wanted


def _check_improvement(rng: Random, pool: ProblemPool, work: PriceWorkspace) -> None:
    """Moves keep the rules of each unit, break no hard quota more than before, and what is left is what is left."""
    units = np.argsort(pool.key, kind="stable")
    taken = _choice(pool, random_charges(rng, pool, 1), work)
    budget = random_budget(rng, pool, taken)
    before, left = taken.copy(), budget.left.copy()
    core.improve(pool, budget, units, taken, work)

    def use(chosen: np.ndarray) -> np.ndarray:
        kinds = pool.item["kind"][chosen]
        own = budget.fixed[kinds].sum(axis=0)
        for row, column in enumerate(budget.column.tolist()):
            if column >= 0:
                own[row] += (budget.factor[kinds, row] * pool.column[chosen, column]).sum()
        return own

    assert (budget.left - left).tolist() == (use(before) - use(taken)).tolist()
    assert (budget.left >= np.minimum(left, 0))[budget.hard].all()
    for unit in range(pool.units):
        assert keeps_rules(pool, unit, np.flatnonzero(taken[pool.first[unit] : pool.first[unit + 1]]).tolist())


def _check_kept(
    pool: ProblemPool, charges: Charges, whole: list[np.ndarray], offers: np.ndarray, items: np.ndarray
) -> None:
    """A pass that keeps what units choose adds up the same, and keeps what the offers say."""
    found = [np.zeros_like(array) for array in whole]
    kept, own, used = np.zeros(pool.units, OFFER), np.zeros(len(pool.item), np.int32), np.zeros(2, np.int64)
    core.price_pass_kept(pool, charges, 0, pool.units, price_workspace(pool), *found, kept, own, used)
    assert [array.tobytes() for array in found] == [array.tobytes() for array in whole]
    assert used.tolist() == [pool.units, sum(len(picks) for picks in _picks(offers, items))]
    assert _picks(kept, own) == _picks(offers, items)
    assert kept[["value", "one", "two"]].tolist() == offers[["value", "one", "two"]].tolist()
    # Without room for all of them it ends early, and writes no further.
    less = np.zeros(2, np.int64)
    core.price_pass_kept(pool, charges, 0, pool.units, price_workspace(pool), *found, kept[:3], own[:2], less)
    assert (less <= [3, 2]).all()


def _picks(offers: np.ndarray, items: np.ndarray) -> list[list[int]]:
    return [items[offer["item_from"] : offer["item_to"]].tolist() for offer in offers]


def _check_reduction(rng: Random, pool: ProblemPool) -> None:
    """What a level has decided is gone, and what is left of the next one has the rows that are left."""
    columns, items = pool.column.shape[1], len(pool.item)
    taken = _choice(pool, random_charges(rng, pool, 1), price_workspace(pool)) & (pool.level == 0)
    found = empty_pool(columns).but(
        first=np.zeros(pool.units + 1, np.int64),
        unit=np.zeros(pool.units, UNIT),
        item=np.zeros(items, ITEM),
        group=np.zeros(len(pool.group), np.int32),
        column=np.zeros_like(pool.column),
        line=np.zeros(len(pool.line) + pool.units, LINE),
        member=np.zeros(len(pool.member) + items, MEMBER),
        clause=np.zeros(len(pool.clause), CLAUSE),
        partner=np.zeros(len(pool.partner), np.int32),
        key=np.zeros(pool.units, np.uint64),
    )
    places, used = np.zeros(items, np.int64), np.zeros(6, np.int64)
    core.reduce_problems(pool, taken, 1, found, places, np.zeros(pool.widest + 1, np.int64), used)
    for place, own in zip(places[: used[1]].tolist(), found.item[: used[1]], strict=True):
        assert pool.level[place] == 1
        assert not taken[place]
        assert own["value"] == pool.item["value"][place]
    if not len(pool.group):
        return
    for first, last in zip(found.first[: used[0]].tolist(), found.first[1 : used[0] + 1].tolist(), strict=True):
        # Items of one claim are still of one claim, which has the number of its first item.
        before = pool.group[places[first:last]].tolist()
        assert found.group[first:last].tolist() == [before.index(group) for group in before]
