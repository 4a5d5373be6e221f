"""Blocks and problems: what a kernel used before, or how much room there is, changes no answer."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import numpy as np
import pytest
import tabled
from attrs import evolve
from generate import quotas, situation

from journeykit import Arbiter, Campaign, Cap, Content, OnMissing, Playbook, Window
from journeykit.columns import worker
from journeykit.job import TableJob
from journeykit.kernels.interface.array_bundle import ArrayBundle
from journeykit.kernels.interface.problem_arrays import PoolPart

pytest.importorskip("journeykit.kernels._core")

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
WORKSPACE, CANDIDATES, ROWS, COUNTS, FALLBACK = 3, 4, 12, 13, 15
WRITTEN = CANDIDATES, ROWS, COUNTS, FALLBACK


def copied(value: Any) -> Any:
    """A bundle or array with memory of its own."""
    if isinstance(value, ArrayBundle):
        return type(value)(**{name: copied(getattr(value, name)) for name in value.fields})
    return value.copy() if isinstance(value, np.ndarray) else value


def weighed_anew(rng: Random, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same block with other ranks, weights, ids, tiers, limits and prices."""
    found = list(values)
    rules, claims = found[0], copied(found[CANDIDATES])
    used = int(claims.used[0])
    claims.claim["rank"][:used] = [rng.randrange(3) for _ in range(used)]
    claims.claim["weight"][:used] = [1_000_000 * rng.choice((-1, 0, 1, 1, 2, 5)) for _ in range(used)]
    claims.claim["id"][:used] = [rng.randrange(3) for _ in range(used)]
    openings, caps, quotas = rules.openings.copy(), rules.caps.copy(), rules.quotas
    openings["tier"] = [rng.randrange(3) for _ in openings]
    openings["repeats"] = [rng.choice((-1, 1, 2)) for _ in openings]
    caps["limit"] = [1_000_000_000 * rng.randrange(4) for _ in caps]
    if len(quotas.unit):
        price = np.array([rng.choice((0.0, 0.5, -0.5, 2.0)) for _ in range(quotas.price.size)])
        quotas = quotas.but(price=price.reshape(quotas.price.shape), run=rng.randrange(2))
    found[0] = rules.but(openings=openings, caps=caps, quotas=quotas)
    found[CANDIDATES] = claims
    return tuple(found)


def decided(kernel: Any, values: tuple[Any, ...]) -> dict[str, bytes]:
    """What a kernel gives and leaves of a block, in memory of its own."""
    own = list(values)
    for place in (WORKSPACE, CANDIDATES, ROWS, COUNTS, FALLBACK):
        own[place] = copied(own[place])
    count = kernel(*own)
    found = {"count": str(count).encode(), "fallback": own[FALLBACK].tobytes()}
    for bundle in (own[ROWS], own[COUNTS], own[CANDIDATES]):
        found |= {f"{type(bundle).__name__}.{name}": getattr(bundle, name).tobytes() for name in bundle.fields}
    return found


def tables_of(seed: int, kind: str):
    """A random playbook with tables for it; None where it lists no campaigns."""
    rng, found = Random(seed), situation(seed)
    playbook = found.playbook
    if playbook.campaigns is None:
        return None
    if kind == "quotas":
        playbook = evolve(playbook, quotas=quotas(Random(-seed), playbook, found.at.date()), on_infeasible="relax")
    contacts, touches = tabled.contacts(rng, found.at, 8), tabled.touches(rng, playbook, found.at, 8)
    claims = tabled.claims(rng, playbook, found.at, 8, few=found.until is not None) if kind == "claims" else None
    explain = kind == "explained" or seed % 4 == 0
    return TableJob(Arbiter(playbook), contacts, touches, None, claims, at=found.at, until=found.until, explain=explain)


@pytest.mark.parametrize("kind", ["derived", "explained", "claims", "quotas"])
def test_blocks_leave_nothing_behind(monkeypatch, kind):
    """Random playbooks, weights, tiers, limits and prices: a used workspace gives what a new one gives."""
    blocks = 0
    decide_block = worker.decide_block

    def twice(*values):
        nonlocal blocks
        blocks += 1
        fresh = copied(values[WORKSPACE])
        changed = weighed_anew(Random(blocks), values)
        for block in (values, changed):
            again = [fresh if place == WORKSPACE else own for place, own in enumerate(block)]
            wanted = decided(decide_block, tuple(again))
            decide_block(*[copied(own) if place in WRITTEN else own for place, own in enumerate(changed)])
            assert decided(decide_block, block) == wanted
        return decide_block(*values)

    monkeypatch.setattr(worker, "decide_block", twice)
    monkeypatch.setattr(worker, "BLOCK", 64)
    for seed in range(40):
        job = tables_of(seed, kind)
        if job is not None:
            list(job.batches())
    assert blocks


def test_problems_are_collected_alike_where_room_runs_out(monkeypatch):
    """With room for a few units, items, rows, members, clauses or partners only, what is chosen is the same."""
    full = 0

    def table(seed):
        job = tables_of(seed, "quotas")
        return None if job is None else (job.table().to_pylist(), job.summary().to_dict())

    seeds = range(30)
    wanted = [table(seed) for seed in seeds]
    collect = worker.collect_problems

    def with_less_room(*values):
        nonlocal full
        stop, part = values[8], values[14]
        pool = part.pool
        rng = Random(full)
        units = rng.choice((1, 2, 3))
        less = pool.but(unit=pool.unit[:units], first=pool.first[: units + 1], key=pool.key[:units])
        own = PoolPart(pool=less, contact=part.contact, used=part.used, mark=part.mark)
        end = collect(*values[:14], own, *values[15:])
        full += end < stop
        return end

    monkeypatch.setattr(worker, "collect_problems", with_less_room)
    assert [table(seed) for seed in seeds] == wanted
    assert full


def test_a_contact_that_falls_back_leaves_nothing_behind():
    """One whose problem is too large falls back to the row engine; the caps of the next one bind as ever."""
    playbook = Playbook(
        content=[Content(id="note", channel="email")],
        campaigns=[Campaign(id=f"k{number}", content=["note"]) for number in range(170)],
        caps=[Cap(name=f"cap {days}", max=1, by="campaign", window=Window.days(days)) for days in (7, 8, 9, 10)],
        on_missing=OnMissing(consent="allow"),
    )

    def asked(contact, campaigns):
        return [
            {"contact_id": contact, "campaign_id": f"k{number}", "claim_id": f"c{again}", "weight": 1.0 + again}
            for number in range(campaigns)
            for again in range(3)
        ]

    rows = Arbiter(playbook).decide_table(None, None, None, asked("anna", 170) + asked("ben", 2), at=AT).to_pylist()
    granted = [row["campaign_id"] for row in rows if row["contact_id"] == "ben" and row["outcome"] == "granted"]
    assert sorted(granted) == ["k0", "k1"]
