"""The compiled search, shapes, passes and improvement give the bytes that the reference gives, on random problems."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from journeykit.kernels.interface.array_bundle import ArrayBundle
from journeykit.kernels.native import exact_search
from journeykit.kernels.native.exact_search import SearchProblem, SearchWorkspace, search_problem, search_workspace
from journeykit.kernels.native.jit import entry_point

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
    """Two values are the same to the byte, but for the padding of records."""
    if isinstance(one, ArrayBundle):
        for name in one.fields:
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
