"""The extension's search finds the set that the readable one finds: the best, and of equal ones the first."""

from __future__ import annotations

import random
from itertools import chain

import pytest

from journeykit.engine import selection
from journeykit.engine.selection import SelectionProblem

pytest.importorskip("journeykit.kernels._core")

LARGEST = (2, 5, 100, 10**8, 10**8, 10**16, 10**25)
USES = {"plain": (1,), "points": (0, 1, 1, 2, 3, 5), "parts": (10**9, 2 * 10**9, 15 * 10**8)}


@pytest.fixture
def readable(monkeypatch):
    """Solve a problem by the readable search alone."""

    def solve(problem, values, order, budget=selection.NODE_BUDGET):
        with monkeypatch.context() as patch:
            patch.setattr(selection, "compiled_search", lambda: None)
            return problem.solve(values, order, budget)

    return solve


def compiled(problem, values, order, budget=selection.NODE_BUDGET):
    return problem._solve_compiled(values, order, budget)


def random_rows(rng, count, slots):
    """Rows as caps make them, of stretches of slots, and others."""
    uses = USES[rng.choice(list(USES))]
    for _ in range(rng.randint(0, 6)):
        low = rng.randrange(slots)
        high = rng.randint(low, slots - 1)
        share = 1 if slots > 1 and rng.random() < 0.5 else 0.5
        members = {
            item: rng.choice(uses) for item in range(count) if low <= item % slots <= high and rng.random() < share
        }
        if members:
            yield members, rng.randint(0, max(1, sum(members.values())))


def random_problem(rng):
    """A problem, the values of its items, and the order of claims."""
    count = rng.randint(1, rng.choice((6, 12, 20, 30)))
    slots = rng.choice((1, 1, 2, 4, 7))
    groups = [tuple(range(first, min(count, first + slots))) for first in range(0, count, slots)]
    pairs = [
        (one, other) for one in range(count) for other in range(one + 1, count) if rng.random() < rng.choice((0, 0.1))
    ]
    clauses = []
    if rng.random() < 0.3:
        needy = sorted({rng.randrange(count) for _ in range(4)})
        clauses = [(item, frozenset(rng.randrange(count) for _ in range(rng.randint(0, 3))) - {item}) for item in needy]
    largest = rng.choice(LARGEST)
    worth = [rng.randint(1, largest) for _ in groups]
    values = [worth[item // slots] if rng.random() < 0.95 else 0 for item in range(count)]
    if clauses:
        values = [value if rng.random() < 0.8 else -(value // 3) for value in values]
    problem = SelectionProblem(
        tuple(random_rows(rng, count, slots)),
        tuple(group for group in groups if len(group) > 1),
        tuple(pairs),
        tuple(clauses),
    )
    order = sorted((item for item in range(count) if values[item]), key=lambda item: (-values[item], item))
    return problem, values, order


@pytest.mark.parametrize("seed", range(6))
def test_both_searches_choose_the_same(seed, readable):
    """Two of three campaigns fit in a week: both take the same two, at the same days."""
    rng = random.Random(seed)
    for _ in range(150):
        problem, values, order = random_problem(rng)
        expected = readable(problem, values, order)
        assert compiled(problem, values, order) == expected
        assert expected.value == expected.bound


def test_of_equal_sets_the_first_is_taken():
    """Claims of one weight, one a day: each goes as early as it can."""
    days = 14
    slots = [(claim, day) for claim in range(6) for day in range(days)]
    number = {slot: item for item, slot in enumerate(slots)}
    rows = [({number[claim, day]: 1 for claim in range(6)}, 1) for day in range(days)]
    weeks = range(days - 6)
    rows += [({number[claim, first + day]: 1 for claim in range(6) for day in range(7)}, 3) for first in weeks]
    groups = tuple(tuple(number[claim, day] for day in range(days)) for claim in range(6))
    problem = SelectionProblem(tuple(rows), groups)
    found = compiled(problem, [10] * len(slots), list(range(len(slots))))
    assert [slots[item] for item in found.chosen] == [(0, 0), (1, 1), (2, 2), (3, 7), (4, 8), (5, 9)]
    assert found.value == found.bound == 60


def test_a_spent_budget_leaves_a_sound_set_and_a_true_bound(readable):
    """A search that may visit one node says what it has seen, and what nothing exceeds."""
    rng = random.Random(3)
    spent = 0
    for _ in range(200):
        problem, values, order = random_problem(rng)
        best = readable(problem, values, order)
        found = compiled(problem, values, order, 1)
        assert found.value <= best.value <= found.bound
        for members, capacity in problem.rows:
            assert sum(members.get(item, 0) for item in found.chosen) <= capacity
        for one, other in problem.pairs:
            assert not {one, other} <= set(found.chosen)
        spent += found.value < found.bound
    assert spent


def assert_sound(problem, found, values):
    """What was found keeps every rule, and is worth what it says."""
    chosen = set(found.chosen)
    assert sum(values[item] for item in chosen) == found.value <= found.bound
    for members, capacity in problem.rows:
        assert sum(members.get(item, 0) for item in chosen) <= capacity
    for group in problem.groups:
        assert len(chosen.intersection(group)) <= 1
    for one, other in problem.pairs:
        assert not {one, other} <= chosen
    for item, partners in problem.clauses:
        assert item not in chosen or chosen & partners


def heavy_and_light(heavy, light, capacity):
    """Items that use two, and items that use one and are worth more for it: the light ones go instead."""
    uses = {item: 2 if item < heavy else 1 for item in range(heavy + light)}
    return SelectionProblem(((uses, capacity),)), [4] * heavy + [3] * light


@pytest.mark.parametrize("sizes", [(300, 520, 504), (500, 1200, 990), (200, 700, 640), (2, 3000, 1500)])
def test_more_may_be_taken_than_at_first(sizes):
    """Of heavy items 300 would go at first, of light ones 504 go: the search ends in bounds, with the best it knows."""
    problem, values = heavy_and_light(*sizes)
    found = compiled(problem, values, list(range(len(values))))
    assert_sound(problem, found, values)
    assert found.value == 3 * sizes[2]


def test_neither_search_goes_deeper_than_it_can(readable):
    """One item that uses half of a row, or a thousand small ones: each search ends, with a true bound."""
    count = 998
    problem = SelectionProblem((({0: count // 2 + 1, **dict.fromkeys(range(1, count + 2), 1)}, count),))
    values = [count // 2] + [1] * (count + 1)
    for search in (readable, compiled):
        found = search(problem, values, list(range(len(values))))
        assert_sound(problem, found, values)
        assert found.bound >= count


def large_problem(rng):
    """A problem of very many items, in a few wide rows; and some pairs, clauses and groups."""
    count = rng.randint(500, 3_000)
    uses = rng.choice(((1, 2), (1, 2, 3), (1, 1, 1, 40), (10**9, 2 * 10**9)))
    rows = []
    for _ in range(rng.randint(1, 3)):
        share = rng.choice((1, 0.9, 0.5))
        members = {item: rng.choice(uses) for item in range(count) if rng.random() < share}
        rows.append((members, int(sum(members.values()) * rng.choice((0.2, 0.3, 0.5, 0.7)))))
    pairs = [tuple(rng.sample(range(count), 2)) for _ in range(rng.choice((0, 0, 3)))]
    clauses = [(rng.randrange(1, count), frozenset({0, rng.randrange(count)})) for _ in range(rng.choice((0, 0, 3)))]
    clauses = [(item, partners - {item}) for item, partners in clauses]
    groups = [tuple(range(first, first + 3)) for first in range(0, rng.choice((0, 60)), 3)]
    values = [rng.choice((3, 4, 4, 5)) for _ in range(count)]
    if clauses:
        values = [value if rng.random() < 0.9 else -value for value in values]
    return SelectionProblem(tuple(rows), tuple(groups), tuple(pairs), tuple(clauses)), values


@pytest.mark.parametrize("seed", range(4))
def test_problems_of_very_many_items_end_in_bounds(seed):
    """An account of 3,000 items, of which hundreds go: what is found keeps every rule."""
    rng = random.Random(seed)
    for _ in range(6):
        problem, values = large_problem(rng)
        order = sorted(range(len(values)), key=lambda item: (-values[item] if rng.random() < 0.9 else 0, item))
        assert_sound(problem, compiled(problem, values, order, 2_000), values)


@pytest.mark.parametrize(
    ("values", "clauses", "chosen"),
    [
        ([3, -3], [(0, {1})], ()),
        ([5, 3, -3], [(1, {2})], (0,)),
        ([3, 4, -3, -4], [(0, {2}), (1, {3})], ()),
        ([3, 4, -7], [(0, {2}), (1, {2})], ()),
    ],
)
def test_what_costs_all_that_it_brings_is_left(values, clauses, chosen, readable):
    """A claim worth 3 that needs one of cost 3: neither goes, as in the readable search."""
    problem = SelectionProblem(clauses=tuple((item, frozenset(partners)) for item, partners in clauses))
    order = list(range(len(values)))
    found = compiled(problem, values, order)
    assert found == readable(problem, values, order)
    assert found.chosen == chosen


@pytest.mark.parametrize("seed", range(3))
def test_ties_of_worth_nothing_are_settled_alike(seed, readable):
    """Many small problems in which what is needed often costs as much as it brings."""
    rng = random.Random(seed)
    for _ in range(150):
        count = rng.randint(2, 10)
        values = [rng.choice((1, 2, 3, -1, -2, -3)) for _ in range(count)]
        clauses = [
            (item, frozenset(rng.sample(range(count), 2)) - {item}) for item in range(count) if rng.random() < 0.6
        ]
        rows = [({item: 1 for item in range(count) if rng.random() < 0.7}, rng.randint(1, 3))]
        problem = SelectionProblem(tuple(rows), clauses=tuple(clauses))
        order = rng.sample(range(count), count)
        assert compiled(problem, values, order) == readable(problem, values, order)


def test_numbers_too_large_for_the_extension_are_searched_readably(readable):
    """Levels that many put values above 127 bits: the readable search works with numbers of any size."""
    rows = (({0: 1, 1: 1}, 1), ({1: 1, 2: 1}, 1), ({0: 1, 2: 1}, 1))
    problem = SelectionProblem(rows)
    values = [10**60, 2 * 10**60, 3]
    assert compiled(problem, values, [1, 0, 2]) is None
    assert problem.solve(values, [1, 0, 2]) == readable(problem, values, [1, 0, 2])
    points = SelectionProblem((({0: 10**30, 1: 10**30, 2: 1}, 10**30), ({1: 1, 2: 1}, 1)))
    assert compiled(points, [2, 3, 1], [1, 0, 2]) is None
    assert points.solve([2, 3, 1], [1, 0, 2]).chosen == (1,)


def test_what_is_no_problem_is_refused():
    """An item that is not there would be read from beyond the list."""
    with pytest.raises(IndexError, match="no such item"):
        compiled(SelectionProblem((({0: 1, 7: 1}, 1),)), [1, 2], [0, 1])


def test_a_large_problem_goes_to_the_extension_at_once(readable):
    """A plan of many slots: the answers of both are one."""
    rng = random.Random(5)
    days, claims = 10, 9
    number = {slot: item for item, slot in enumerate((claim, day) for claim in range(claims) for day in range(days))}
    weights = [rng.randint(1, 50) for _ in range(claims)]
    values = list(chain.from_iterable([weight] * days for weight in weights))
    rows = [({number[claim, day]: 1 for claim in range(claims)}, 1) for day in range(days)]
    rows += [
        ({number[claim, day + more]: 1 for claim in range(claims) if claim % 3 == kind for more in range(4)}, 1)
        for kind in range(3)
        for day in range(days - 3)
    ]
    groups = tuple(tuple(number[claim, day] for day in range(days)) for claim in range(claims))
    problem = SelectionProblem(tuple(rows), groups)
    order = sorted(range(len(values)), key=lambda item: (-values[item], item % days, item))
    assert problem.solve(values, order) == readable(problem, values, order)
