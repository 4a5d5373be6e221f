"""The compiled kernel collects problems as the reference does, to the byte, also where room runs out."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import tabled
from attrs import evolve
from generate import quotas, situation
from test_core_deciding import weighed_anew
from test_core_search import both

from journeykit import Arbiter
from journeykit.columns import worker
from journeykit.job import TableJob
from journeykit.kernels.interface.problem_arrays import PoolPart
from journeykit.kernels.native.collect_problems import collect_problems

core = pytest.importorskip("journeykit.kernels._core")

START, STOP, OBEYS, DOUBT, PART, FALLBACK = 7, 8, 9, 13, 14, 15


def with_less_room(rng: Random, part: PoolPart) -> PoolPart:
    """The same part with room for a few units, items, rows, members, clauses or partners only."""
    pool = part.pool
    name = rng.choice(("unit", "item", "line", "member", "clause", "partner"))
    size = min(len(getattr(pool, name)), rng.choice((0, 1, 5, 20)))
    less = {name: getattr(pool, name)[:size].copy()}
    if name == "unit":
        less |= {"first": pool.first[: size + 1].copy(), "key": pool.key[:size].copy()}
    if name == "item":
        less |= {"column": pool.column[:size].copy(), "level": pool.level[:size].copy()}
    return PoolPart(pool=pool.but(**less), contact=part.contact, used=part.used, mark=part.mark)


def changed(rng: Random, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same contacts with other weights and caps, some of them left out or doubtful, and little room."""
    found = list(weighed_anew(rng, values))
    found[PART] = with_less_room(rng, found[PART]) if rng.random() < 0.5 else found[PART]
    found[OBEYS] = rng.randrange(2)
    found[DOUBT] = found[DOUBT].copy()
    found[DOUBT][:] = [rng.random() < 0.1 for _ in found[DOUBT]]
    if rng.random() < 0.3:
        found[START] = rng.randint(found[START], found[STOP])
        found[STOP] = rng.randint(found[START], found[STOP])
    return tuple(found)


def test_problems_are_collected_alike(monkeypatch):
    """Random playbooks with quotas; each piece as it is, and with other weights, caps, ranges and less room."""
    calls = full = units = fallbacks = 0

    def compared(*values: Any) -> int:
        nonlocal calls, full, units, fallbacks
        calls += 1
        for turn in range(5):
            own = changed(Random(calls + 10_000 * turn), values) if turn else values
            end, after = both(collect_problems, core.collect_problems, *own)
            full += end < own[STOP]
            units += int(after[PART].used[0])
            fallbacks += int(after[FALLBACK][0] - own[FALLBACK][0])
        return int(core.collect_problems(*values))

    monkeypatch.setattr(worker, "collect_problems", compared)
    for seed in range(60):
        rng, found = Random(seed), situation(seed)
        if found.playbook.campaigns is None:
            continue
        limits = quotas(Random(-seed), found.playbook, found.at.date())
        playbook = evolve(found.playbook, quotas=limits, on_infeasible="relax")
        contacts, touches = tabled.contacts(rng, found.at, 12), tabled.touches(rng, playbook, found.at, 12)
        claims = tabled.claims(rng, playbook, found.at, 12, few=found.until is not None) if seed % 2 else None
        job = TableJob(Arbiter(playbook), contacts, touches, None, claims, at=found.at, until=found.until)
        list(job.batches())
    assert calls
    assert full
    assert units
    assert fallbacks
