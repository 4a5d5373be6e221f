"""Random situations, and tables, of claims that expire."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from attrs import evolve

from journeykit import Claim, Playbook

if TYPE_CHECKING:
    from generate import Situation
    from tabled import Rows


def with_expiries(found: Situation) -> Situation:
    """The same with claims that expire, and campaigns whose claims wait for a while; drawn apart."""
    rng = Random(f"expiries of {found.seed}")
    claims = found.claims
    return found.but(
        playbook=waiting(rng, found.playbook),
        claims=None if claims is None else tuple(expiring(rng, claim, found.at) for claim in claims),
    )


def waiting(rng: Random, playbook: Playbook) -> Playbook:
    """A playbook some of whose campaigns let their claims wait for a while."""
    campaigns = playbook.campaigns
    if campaigns is None:
        return playbook
    waits = (None, None, "0d", "1d", "2d", "1w", "4h", "90m", "36h")
    return evolve(playbook, campaigns=[evolve(campaign, wait=rng.choice(waits)) for campaign in campaigns])


def expiring(rng: Random, claim: Claim, at: datetime) -> Claim:
    """A claim that expires at some time, or does not."""
    day = at.date()
    last = (None, at, at - timedelta(microseconds=1), at + timedelta(hours=rng.choice((1, 7, 20, 30, 72))))
    days = [day + timedelta(days=ahead) for ahead in (-1, 0, 1, 2)]
    asked = (claim.asked_at, claim.asked_at, at - timedelta(hours=rng.choice((1, 9, 25, 40, 80))))
    found = evolve(claim, expires=rng.choice((*last, *days)), asked_at=rng.choice(asked))
    return found if found.fault() is None else claim


def expiring_rows(rng: Random, rows: Rows, at: datetime, *, faults: bool = True) -> Rows:
    """Claims that expire, some of them before they want to go."""
    for row in rows:
        found = expiring(rng, Claim(campaign="any", at=row["at"] if row["at"] != "soon" else None), at)
        row |= {"expires": found.expires, "asked_at": found.asked_at or row["asked_at"]}
        if faults and rng.random() < 0.05:
            row["expires"] = rng.choice(("soon", at - timedelta(days=9), (at - timedelta(days=9)).date(), 7))
    return rows
