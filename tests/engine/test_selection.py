"""The exact choice of one contact's claims, against every subset there is."""

from __future__ import annotations

import random
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit.engine.lp_prices import shadow_prices
from journeykit.engine.selection import Choice, SelectionProblem, combine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHUNKS = 8
PROBLEMS = 2400
LARGER = 800
STARVED = 800


def is_feasible(problem: SelectionProblem, chosen: set[int]) -> bool:
    """Whether a set keeps every row, group, pair and clause."""
    return (
        all(sum(use for item, use in members.items() if item in chosen) <= room for members, room in problem.rows)
        and all(len(chosen.intersection(group)) <= 1 for group in problem.groups)
        and not any(a in chosen and b in chosen for a, b in problem.pairs)
        and all(partners & chosen for item, partners in problem.clauses if item in chosen)
    )


def feasible_sets(problem: SelectionProblem, values: Sequence[int]) -> Iterator[set[int]]:
    """Every set of items of value that keeps all rules."""
    worthy = [item for item, value in enumerate(values) if value > 0]
    for mask in range(1 << len(worthy)):
        chosen = {item for place, item in enumerate(worthy) if mask >> place & 1}
        if is_feasible(problem, chosen):
            yield chosen


def best_set(problem: SelectionProblem, values: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """The set of the largest value; of several, the one whose places in the order come first."""
    place = {item: at for at, item in enumerate(order)}

    def merit(chosen: set[int]) -> tuple[int, list[int]]:
        return -sum(values[item] for item in chosen), sorted(place[item] for item in chosen)

    return tuple(sorted(min(feasible_sets(problem, values), key=merit)))


def random_problem(rng: Random, most: int = 9) -> tuple[SelectionProblem, list[int], list[int]]:
    """A problem of every kind of rule, with values of one or several levels, and an order of claims."""
    size = rng.randint(1, most)
    items = range(size)
    rows = []
    for _ in range(rng.choice((0, 1, 1, 2, 3, 4))):
        uses = rng.choice(((1,), (1,), (1, 2, 3), (0, 5), (5 * 10**8, 10**9, 1_250_000_000)))
        members = {item: rng.choice(uses) for item in items if rng.random() < rng.choice((0.3, 0.7, 1))}
        rows.append((members, rng.randint(0, max(1, sum(members.values())))))
    density = rng.choice((0, 0, 0, 0.15, 0.5))
    pairs = [(a, b) for a in items for b in range(a) if rng.random() < density]
    needy = rng.choice((0, 0, 0, 0.2, 0.5))
    clauses = [
        (item, frozenset(other for other in items if other != item and rng.random() < 0.25))
        for item in items
        if rng.random() < needy
    ]
    groups, left = [], rng.sample(items, size)
    while left and rng.random() < 0.4:
        width = rng.randint(1, 3)
        groups.append(tuple(left[:width]))
        left = left[width:]
    levels = [(rng.randint(0, rng.choice((0, 0, 2))),) for _ in items]
    worth = [rng.choice((0, 1, 1, 2, 3, 7, 10**6, 2 * 10**6)) for _ in items]
    worthy = [item for item in items if worth[item]]
    values = [0] * size
    if worthy:
        combined = combine([levels[item] for item in worthy], [worth[item] for item in worthy])
        for item, value in zip(worthy, combined, strict=True):
            values[item] = value
    # In the order of claims the heavier goes first, but levels know nothing of that: any order must do.
    order = rng.sample(items, size)
    if rng.random() < 0.5:
        order.sort(key=lambda item: -worth[item])
    return SelectionProblem(tuple(rows), tuple(groups), tuple(pairs), tuple(clauses)), values, order


@pytest.mark.parametrize("number", range(CHUNKS))
def test_the_choice_is_the_best_of_all_subsets(number):
    """The chosen set is the one that trying every subset finds, ties included, and it knows that it is optimal."""
    rng = Random(number)
    for _ in range(PROBLEMS // CHUNKS):
        problem, values, order = random_problem(rng)
        found = problem.solve(values, order)
        assert found.chosen == best_set(problem, values, order), (problem, values, order)
        assert found.value == found.bound == sum(values[item] for item in found.chosen)


def best_by_walking(problem: SelectionProblem, values: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """The same for more items: taking before leaving, and turning back where not even all the rest would help."""
    plain = SelectionProblem(problem.rows, problem.groups, problem.pairs)
    worthy = [item for item in order if values[item] > 0]
    best: tuple[int, set[int]] = (-1, set())

    def walk(at: int, chosen: set[int], value: int) -> None:
        nonlocal best
        if value + sum(values[item] for item in worthy[at:]) <= best[0]:
            return
        if at == len(worthy):
            if is_feasible(problem, chosen):
                best = value, chosen
            return
        more = chosen | {worthy[at]}
        if is_feasible(plain, more):
            walk(at + 1, more, value + values[worthy[at]])
        walk(at + 1, chosen, value)

    walk(0, set(), 0)
    return tuple(sorted(best[1]))


@pytest.mark.parametrize("number", range(CHUNKS))
def test_more_items_are_chosen_from_as_exactly(number):
    """Problems large enough to sharpen prices, and to meet the same choice twice, are solved exactly too."""
    rng = Random(1000 + number)
    for _ in range(LARGER // CHUNKS):
        problem, values, order = random_problem(rng, most=17)
        found = problem.solve(values, order)
        assert found.chosen == best_by_walking(problem, values, order), (problem, values, order)
        assert found.bound == found.value


@pytest.mark.parametrize("number", range(CHUNKS))
def test_a_starved_search_is_honest(number):
    """With next to no nodes, the set still keeps the rules, and the bound is no lower than the best value there is."""
    rng = Random(2000 + number)
    for _ in range(STARVED // CHUNKS):
        problem, values, order = random_problem(rng)
        found = problem.solve(values, order, budget=rng.choice((0, 1, 2, 5)))
        best = sum(values[item] for item in best_set(problem, values, order))
        assert is_feasible(problem, set(found.chosen)), (problem, values, order)
        assert all(values[item] > 0 for item in found.chosen)
        assert found.value == sum(values[item] for item in found.chosen)
        assert found.value <= best <= found.bound, (problem, values, order)


@pytest.mark.parametrize("number", range(4))
def test_the_numbering_of_items_does_not_matter(number):
    """Items that are numbered otherwise, and rules that come in another order, lead to the same choice."""
    rng = Random(3000 + number)
    for _ in range(300):
        problem, values, order = random_problem(rng)
        other = rng.sample(range(len(values)), len(values))
        renamed = SelectionProblem(
            tuple(({other[i]: use for i, use in m.items()}, r) for m, r in rng.sample(problem.rows, len(problem.rows))),
            tuple(tuple(other[i] for i in group) for group in reversed(problem.groups)),
            tuple((other[b], other[a]) for a, b in reversed(problem.pairs)),
            tuple((other[i], frozenset(other[p] for p in partners)) for i, partners in reversed(problem.clauses)),
        )
        moved = [0] * len(values)
        for item, value in enumerate(values):
            moved[other[item]] = value
        found = renamed.solve(moved, [other[item] for item in order])
        assert found.chosen == tuple(sorted(other[item] for item in problem.solve(values, order).chosen))


leveled = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 10**15)), min_size=1, max_size=8)


@given(leveled, st.data())
def test_combined_values_compare_level_by_level(parts, data):
    """Of two sets, the one with the larger sum of combined values has the larger totals, the first level first."""
    levels, values = [(level,) for level, _ in parts], [value for _, value in parts]
    combined = combine(levels, values)
    places = st.sets(st.integers(0, len(parts) - 1))
    one, other = data.draw(places), data.draw(places)

    def totals(chosen: set[int]) -> list[int]:
        return [sum(values[at] for at in chosen if levels[at] == level) for level in sorted(set(levels))]

    def total(chosen: set[int]) -> int:
        return sum(combined[at] for at in chosen)

    assert (totals(one) > totals(other)) == (total(one) > total(other))
    assert (totals(one) == totals(other)) == (total(one) == total(other))


uses = st.dictionaries(st.integers(0, 5), st.integers(0, 4), max_size=6)


@settings(max_examples=150)
@given(st.lists(st.tuples(uses, st.integers(0, 8)), max_size=3), st.lists(st.integers(0, 9), min_size=6, max_size=6))
def test_more_room_never_lowers_the_value(rows, values):
    """A row with more room leaves the best value as it is or raises it."""
    order = sorted(range(6), key=lambda item: -values[item])
    before = SelectionProblem(tuple(rows)).solve(values, order).value
    for at, (members, room) in enumerate(rows):
        wider = [*rows[:at], (members, room + 1), *rows[at + 1 :]]
        assert SelectionProblem(tuple(wider)).solve(values, order).value >= before


def test_nothing_to_choose_is_an_empty_choice():
    """Without items, or with none of value, nothing is chosen."""
    assert SelectionProblem().solve([], []) == Choice((), 0, 0)
    assert SelectionProblem().solve([0, 0], [0, 1]) == Choice((), 0, 0)


def test_a_circle_is_taken_whole_or_not_at_all():
    """Two items that need each other go together, or neither goes."""
    circle = ((0, frozenset({1})), (1, frozenset({0})))
    assert SelectionProblem(clauses=circle).solve([1, 1], [0, 1]).chosen == (0, 1)
    assert SelectionProblem(rows=(({0: 1, 1: 1}, 1),), clauses=circle).solve([9, 9], [0, 1]).chosen == ()


def test_a_tie_goes_to_the_earlier_in_the_order_of_claims():
    """Of equal sets the one wins whose first member comes first, however few it has."""
    either = SelectionProblem(pairs=((0, 1), (0, 2)))
    assert either.solve([2, 1, 1], [0, 1, 2]).chosen == (0,)
    assert either.solve([2, 1, 1], [1, 0, 2]).chosen == (1, 2)


@pytest.mark.parametrize("seed", range(60))
def test_shadow_prices_bound_every_choice(seed):
    """Whatever the prices, room at those prices and what items are worth beyond them bound the best whole choice."""
    rng = random.Random(seed)
    count = rng.randint(1, 9)
    values = [rng.randint(1, 1000) for _ in range(count)]
    rows = [
        ({item: rng.randint(1, 3) for item in range(count) if rng.random() < 0.6}, rng.randint(0, 5)) for _ in range(4)
    ]
    rows += [({item: 1}, 1) for item in range(count)]
    prices = shadow_prices(values, rows)
    assert all(price >= 0 for price in prices)
    bound = sum(price * room for price, (_, room) in zip(prices, rows, strict=True))
    for item, value in enumerate(values):
        assert sum(price * row.get(item, 0) for price, (row, _) in zip(prices, rows, strict=True)) >= value - 1e-6
    best = SelectionProblem(tuple(rows)).solve(values, list(range(count))).value
    assert bound >= best - 1e-6
