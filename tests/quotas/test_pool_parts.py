"""A pool in parts: however the contacts of a run are cut, they get what they get as one pool, at the same prices."""

from __future__ import annotations

import pickle
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from journeykit.kernels.interface.problem_arrays import ProblemPool

pytest.importorskip("highspy")

import tabled
from attrs import evolve
from generate import quotas, situation
from generate_problems import KINDS, random_pool

from journeykit import Arbiter, InfeasibleError
from journeykit.columns.capacity import Capacity
from journeykit.columns.problem_pool import units_of
from journeykit.job import TableJob
from journeykit.kernels import classify_problems
from journeykit.quotas import allocation, improvement, pricing, quota_run
from journeykit.quotas.allocation import allocate, conflicting, most_of
from journeykit.quotas.pool_parts import LocalPool, itself
from journeykit.quotas.pool_slice import PoolSlice
from journeykit.quotas.settlement import Granted


class CutPool(LocalPool):
    """A pool in slices that remember nothing: they and what they are asked travel each time."""

    def ask(self, question):
        sent = pickle.dumps((question, self.slices))
        question, slices = pickle.loads(sent)
        return [pickle.loads(pickle.dumps(question(own))) for own in slices]

    def become(self, change):
        sent = pickle.dumps((change, self.slices))
        change, slices = pickle.loads(sent)
        return CutPool([change(own) for own in slices], self.kinds, self.columns)

    @property
    def is_here(self):
        return False


def cut(rng: Random, pool: ProblemPool, contact: np.ndarray, kinds: int) -> CutPool:
    """The pool in one to five slices, some of which may be empty, their units in any order."""
    slices = rng.randint(1, 5)
    own = np.array([rng.randrange(slices) for _ in range(pool.units)], np.int64)
    parts = []
    for number in range(slices):
        units = np.flatnonzero(own == number)
        rng.shuffle(units)
        parts.append(PoolSlice(units_of(pool, units), contact[units], number=7 * number))
    rng.shuffle(parts)
    return CutPool(parts, kinds, pool.column.shape[1])


def problems(seed: int) -> tuple[ProblemPool, Capacity]:
    """The problems of a few dozen contacts, and rows of every kind, some of which bind."""
    rng = Random(seed)
    pool = random_pool(rng, rng.choice((0, 1, 30, 60)), 8, 1)
    pool = pool.but(level=np.zeros(0, np.int64))
    classify_problems(pool, np.zeros(len(pool.item) + 1, np.int64))
    rows = rng.randint(1, 4)
    fixed = np.array([[rng.choice((0, 1, 1, 3)) for _ in range(rows)] for _ in range(KINDS)], np.int64)
    factor = np.zeros((KINDS, rows), np.int64)
    column = np.full(rows, -1, np.int64)
    if rng.random() < 0.5:
        fixed[:, 0], factor[:, 0], column[0] = 0, [rng.choice((0, 1)) for _ in range(KINDS)], 0
    bound = [rng.randint(-3, 25) if rng.random() < 0.1 else rng.randint(3, 40) for _ in range(rows)]
    sign = np.array([rng.choice((1, 1, -1)) for _ in range(rows)], np.int64)
    room = Capacity(
        fixed=fixed * sign,
        column=column,
        factor=factor * sign,
        bound=np.array(bound, np.int64) * np.where(sign < 0, -1, 1) * np.where(column >= 0, 10**6, 1),
        unit=np.where(column >= 0, 1e6, 1.0),
        ceiling=np.array([rng.choice((np.inf, np.inf, 0.5, 3.0)) for _ in range(rows)]),
    )
    return pool, room


def told(pools: LocalPool, room: Capacity, limit: int) -> dict[str, object]:
    """What an allocation comes to, and who gets what, by the keys of the units."""
    found = allocate(pools, room, limit=limit)
    granted = {}
    for own in pools.become(Granted(found.settlement)).ask(itself):
        spans = pairwise(own.whole.first.tolist())
        for key, (low, high) in zip(own.whole.key.tolist(), spans, strict=True):
            granted[key] = own.taken[low:high].tolist()
    return {
        "granted": granted,
        "prices": found.prices.tolist(),
        "value": found.value,
        "counts": found.granted.counts.tolist(),
        "bound": found.bound,
        "penalties": found.penalties,
        "used": found.used.tolist(),
        "left out": found.left_out,
        "unproven": found.unproven,
        "passes": found.passes,
    }


def whole(pool: ProblemPool, contact: np.ndarray) -> LocalPool:
    return LocalPool([PoolSlice(pool, contact, threads=2)], KINDS, pool.column.shape[1])


@pytest.mark.parametrize(
    ("few", "hard", "limit"), [(0, 6_000, 5_000), (0, 1, 5_000), (3_000, 6_000, 40), (0, 6_000, 3)]
)
def test_any_cut_is_allocated_as_one(monkeypatch, few, hard, limit):
    """By prices and a master, where choosing takes a search, of few units, and where the master has too little room."""
    monkeypatch.setattr(allocation, "_FEW", few)
    monkeypatch.setattr(pricing, "_HARD", hard)
    monkeypatch.setattr(pricing, "_SAMPLE", 12)
    monkeypatch.setattr(pricing, "_HARD_SAMPLE", 40)
    for seed in range(8):
        pool, room = problems(seed)
        contact = np.arange(pool.units)
        parts = cut(Random(-seed), pool, contact, KINDS)
        assert told(parts, room, limit) == told(whole(pool, contact), room, limit), seed


def test_any_cut_is_mended_alike(monkeypatch):
    """Where only the first of very many contacts take turns, they are the first of all slices."""
    monkeypatch.setattr(allocation, "_FEW", 0)
    monkeypatch.setattr(improvement, "_LEAST", 4)
    monkeypatch.setattr(improvement, "_ITEMS", 12)
    # A master of no lines leaves much to mend.
    for seed in range(16):
        pool, room = problems(seed)
        contact = np.arange(pool.units)
        parts = cut(Random(-seed), pool, contact, KINDS)
        assert told(parts, room, 0) == told(whole(pool, contact), room, 0), seed


def test_any_cut_says_alike_what_cannot_hold():
    """The rows that cannot hold together, and how much of each can be had."""
    hard = 0
    for seed in range(0, 24, 3):
        pool, room = problems(seed)
        contact = np.arange(pool.units)
        room = room.but(ceiling=np.full(room.rows, np.inf), bound=room.bound - np.where(room.bound < 0, 300, 0))
        one, parts = whole(pool, contact), cut(Random(seed), pool, contact, KINDS)
        hard += bool(found := conflicting(one, room))
        assert conflicting(parts, room) == found
        assert most_of(parts, room, 0, found[1:]) == most_of(one, room, 0, found[1:])
    assert hard > 1


@pytest.mark.parametrize("start", [0, 600])
def test_a_run_in_parts_is_the_run(monkeypatch, start):
    """Random playbooks with tiers, exempt claims and plans: rows and summary are the same."""
    monkeypatch.setattr(allocation, "_FEW", 3)
    seen = set()

    def run(playbook, tables, found):
        job = TableJob(Arbiter(playbook), *tables, at=found.at, until=found.until, everything=True, threads=1)
        try:
            rows = [row for batch in job.batches() for row in batch.to_pylist()]
        except InfeasibleError as error:
            return str(error)
        seen.add((job.quota_run.several, len(job.quota_run.contests)))
        return rows, job.summary().to_dict() | {"durations": None}

    for seed in range(start, start + 20, 2):
        found = situation(seed)
        rng = Random(seed)
        playbook = found.playbook
        if playbook.campaigns is None:
            continue
        playbook = evolve(
            playbook, quotas=quotas(rng, playbook, found.at.date()), on_infeasible=rng.choice(("relax", "refuse"))
        )
        tables = tabled.contacts(rng, found.at, 12), tabled.touches(rng, playbook, found.at, 12)
        with monkeypatch.context() as patched:
            own = Random(seed)
            patched.setattr(
                quota_run,
                "LocalPool",
                lambda slices, kinds, columns, own=own: cut(own, slices[0].whole, slices[0].contact, kinds),
            )
            parts = run(playbook, tables, found)
        assert parts == run(playbook, tables, found), seed
    assert len(seen) > 1
