"""Sharing: rows for which many contacts compete, settled by prices."""

from __future__ import annotations

from random import Random

import pytest

from journeykit.engine.price_decomposition import ProblemPart, joined, share, share_by_level
from journeykit.engine.selection import SelectionProblem

BUDGET = 50_000


def world(seed):
    """Contacts with few items and rows of their own, and rows that they share."""
    rng = Random(seed)
    parts, start = [], 0
    for _ in range(rng.randint(2, 6)):
        size = rng.randint(1, 4)
        own = tuple((dict.fromkeys(range(size), 1), rng.randint(1, 2)) for _ in range(rng.randint(0, 1)))
        clauses = ((0, frozenset([size - 1])),) if size > 1 and rng.random() < 0.3 else ()
        parts.append(ProblemPart(start, size, SelectionProblem(own, clauses=clauses)))
        start += size
    rows = []
    for _ in range(rng.randint(1, 3)):
        members = {item: rng.choice((1, 1, 2, 5)) for item in range(start) if rng.random() < 0.8}
        rows.append((members, rng.randint(1, 8)))
    values = [rng.randint(0, 9) * 1000 for _ in range(start)]
    order = sorted((item for item in range(start) if values[item]), key=lambda item: (-values[item], item))
    return parts, rows, values, order


def keeps(chosen, problem):
    """Whether a set keeps all rows and clauses of a problem."""
    return all(sum(members.get(item, 0) for item in chosen) <= room for members, room in problem.rows) and all(
        item not in chosen or partners & set(chosen) for item, partners in problem.clauses
    )


@pytest.mark.parametrize("seed", range(150))
def test_the_value_is_reached_and_the_bound_holds(seed):
    """What is found keeps every rule; the best set is worth no less, and no more than the bound."""
    parts, rows, values, order = world(seed)
    problem = joined(parts, rows)
    best = problem.solve(values, order, BUDGET)
    found = share(parts, rows, values, order, BUDGET)
    assert keeps(found.chosen, problem)
    assert found.value == sum(values[item] for item in found.chosen)
    assert found.value <= best.value <= found.bound


def test_most_small_ones_are_solved():
    """Among small problems the best set is nearly always found."""
    found = 0
    for seed in range(150):
        parts, rows, values, order = world(seed)
        best = joined(parts, rows).solve(values, order, BUDGET)
        found += share(parts, rows, values, order, BUDGET).value == best.value
    assert found >= 140


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_rows_and_contacts_does_not_matter(seed):
    """Rows and contacts in another order give the same choice and bound."""
    parts, rows, values, order = world(seed)
    rng = Random(seed)
    one = share(parts, rows, values, order, BUDGET)
    assert share(rng.sample(parts, len(parts)), rng.sample(rows, len(rows)), values, order, BUDGET) == one


@pytest.mark.parametrize("seed", range(50))
def test_the_first_level_goes_first(seed):
    """With levels, the first level gets what it would get alone, and the rest what is left."""
    parts, rows, values, order = world(seed)
    levels = {item: (item % 2, 0) for item in order}
    scale = sum(values) + 1
    combined = [value * (1 if item % 2 else scale) for item, value in enumerate(values)]
    found = share_by_level(parts, rows, combined, order, BUDGET, levels)
    assert keeps(found.chosen, joined(parts, rows))
    assert found.value <= found.bound
    alone = [0 if item % 2 else value for item, value in enumerate(values)]
    first = share(parts, rows, alone, [item for item in order if not item % 2], BUDGET)
    assert sum(alone[item] for item in found.chosen) >= 0.9 * first.value


def test_without_shared_rows_nothing_is_left_open():
    """Contacts that share nothing are solved one by one, and proven."""
    parts = [ProblemPart(0, 2, SelectionProblem(rows=(({0: 1, 1: 1}, 1),))), ProblemPart(2, 1, SelectionProblem())]
    found = share(parts, [], [5, 7, 2], [1, 0, 2], BUDGET)
    assert (found.chosen, found.value, found.bound) == ((1, 2), 9, 9)
