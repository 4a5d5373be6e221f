"""A growing pool: pools that are added one after the other are one pool."""

from random import Random

import numpy as np
from generate_problems import random_pool

from journeykit.columns.problem_pool import GrowingPool
from journeykit.kernels.interface.problem_arrays import ProblemPool


def _units(pool: ProblemPool, unit: int) -> ProblemPool:
    """One unit of a pool as a pool of its own."""
    low, high = int(pool.first[unit]), int(pool.first[unit + 1])
    own = pool.unit[unit : unit + 1].copy()
    rows, clauses = (slice(int(own[f"{name}_from"][0]), int(own[f"{name}_to"][0])) for name in ("row", "clause"))
    line, clause = pool.line[rows].copy(), pool.clause[clauses].copy()
    member = [pool.member[int(row["start"]) : int(row["stop"])] for row in line]
    partner = [pool.partner[int(row["start"]) : int(row["stop"])] for row in clause]
    for table, lists in ((line, member), (clause, partner)):
        table["stop"] = np.cumsum([len(own) for own in lists])
        table["start"] = table["stop"] - [len(own) for own in lists]
    for name, count in (("row", len(line)), ("clause", len(clause))):
        own[f"{name}_from"], own[f"{name}_to"] = 0, count
    group = pool.group[low:high]
    return ProblemPool(
        first=np.array([0, high - low], np.int64),
        unit=own,
        item=pool.item[low:high],
        group=group if (group != np.arange(high - low)).any() else group[:0],
        column=pool.column[low:high],
        level=pool.level[low:high],
        line=line,
        member=np.concatenate([pool.member[:0], *member]),
        clause=clause,
        partner=np.concatenate([pool.partner[:0], *partner]),
        key=pool.key[unit : unit + 1],
    )


def test_pools_that_are_added_are_one_pool():
    """Whatever its units have: rows, clauses, claims of several items; the first ones may have none of that."""
    for seed in range(30):
        pool = random_pool(Random(seed), 40, 12, 1)
        growing = GrowingPool(1)
        for unit in range(pool.units):
            growing.add(_units(pool, unit), np.array([7 * unit]))
        assert growing.contact.tolist() == [7 * unit for unit in range(pool.units)]
        for name in ProblemPool.fields:
            assert getattr(growing.pool, name).tolist() == getattr(pool, name).tolist(), name
