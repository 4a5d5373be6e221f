"""Situations with layers: both engines give the same rows."""

from __future__ import annotations

from random import Random

import pytest
import tabled
from generate import situation
from generate_layers import layered, stage_since
from test_one_equals_columns import assert_equal


@pytest.mark.parametrize("start", range(51_000, 51_060, 20))
def test_layered_playbooks_are_decided_alike(start):
    """Derived claims, and every third time those of a table."""
    for seed in range(start, start + 20):
        found = layered(situation(seed))
        if found.playbook.campaigns is None:
            continue
        rng = Random(seed)
        rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
        for number, row in enumerate(rows):
            row["stage_since"] = stage_since(Random(f"{seed} {number}"), found.at)
            if Random(f"gone {seed} {number}").random() < 0.2:
                row["stage"] = rng.choice(("gone", "middle", " Late"))
        claims = tabled.claims(rng, found.playbook, found.at, 8, few=found.until is not None) if seed % 3 == 0 else None
        assert_equal(found.playbook, rows, history, None, claims, at=found.at, until=found.until)
