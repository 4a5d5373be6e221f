"""The compiled kernel decides blocks as the reference does, to the byte."""

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
from journeykit.kernels.native.decide_block import decide_block

core = pytest.importorskip("journeykit.kernels._core")

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
WORKSPACE, CANDIDATES, ROWS, COUNTS, FALLBACK = 3, 4, 12, 13, 15


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


@pytest.mark.parametrize("kind", ["derived", "explained", "claims", "quotas"])
def test_blocks_are_decided_alike(monkeypatch, kind):
    """Random playbooks; each block as it is, and with other weights, tiers, limits and prices."""
    blocks = 0

    def both(*values):
        nonlocal blocks
        blocks += 1
        for block in (values, weighed_anew(Random(blocks), values)):
            assert decided(core.decide_block, block) == decided(decide_block, block)
        return decide_block(*values)

    monkeypatch.setattr(worker, "decide_block", both)
    monkeypatch.setattr(worker, "BLOCK", 64)
    for seed in range(40):
        rng, found = Random(seed), situation(seed)
        playbook = found.playbook
        if playbook.campaigns is None:
            continue
        if kind == "quotas":
            playbook = evolve(playbook, quotas=quotas(Random(-seed), playbook, found.at.date()), on_infeasible="relax")
        contacts, touches = tabled.contacts(rng, found.at, 8), tabled.touches(rng, playbook, found.at, 8)
        claims = tabled.claims(rng, playbook, found.at, 8, few=found.until is not None) if kind == "claims" else None
        explain = kind == "explained" or seed % 4 == 0
        arbiter = Arbiter(playbook)
        job = TableJob(arbiter, contacts, touches, None, claims, at=found.at, until=found.until, explain=explain)
        list(job.batches())
    assert blocks


def test_a_contact_that_falls_back_leaves_nothing_behind(monkeypatch):
    """One whose problem is too large falls back to the row engine; the caps of the next one bind as ever."""
    monkeypatch.setattr(worker, "decide_block", core.decide_block)
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
