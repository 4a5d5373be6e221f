"""Holdouts: the published hash, and what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from journeykit import Holdout
from journeykit.model.holdout import bucket

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "growthbook_hash.json").read_text("utf-8"))["hash"]


@pytest.mark.parametrize(("seed", "key", "expected"), [(s, k, e) for s, k, version, e in VECTORS if version == 2])
def test_the_hash_is_the_published_one(seed: str, key: str, expected: float) -> None:
    """Version 2 of the hash gives the numbers that its authors publish."""
    assert bucket(seed, key) == expected


def test_a_holdout_leaves_out_about_its_share() -> None:
    """Of many contacts a tenth is held out, and the same ones each time."""
    holdout = Holdout(share=0.1, seed="autumn")
    held = [holdout.holds(f"contact-{number}") for number in range(20_000)]
    assert 0.09 < sum(held) / len(held) < 0.11
    assert held == [holdout.holds(f"contact-{number}") for number in range(20_000)]


def test_shares_at_the_ends() -> None:
    """A share of 0 holds nobody out, a share of 1 everybody."""
    assert not any(Holdout(share=0).holds(str(number)) for number in range(1000))
    assert all(Holdout(share=1).holds(str(number)) for number in range(1000))
