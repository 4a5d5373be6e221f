"""Quotas: what holds over all contacts, and how near the best that can be had comes."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
import tabled
from attrs import evolve
from generate import quotas, situation
from test_one_equals_columns import assert_equal

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def with_quotas(seed, columns=()):
    """A random situation whose playbook has quotas, those that cannot hold turned soft."""
    found = situation(seed)
    rng = Random(-seed)
    own = quotas(rng, found.playbook, found.at.date(), columns)
    return found, evolve(found.playbook, quotas=own, on_infeasible="relax")


@pytest.mark.parametrize("start", range(0, 120, 20))
def test_both_engines_keep_quotas_alike(start):
    """Random playbooks of every kind of rule, tiers, exempt claims and plans among them, with quotas of every kind."""
    for seed in range(start, start + 20):
        found, playbook = with_quotas(seed)
        if playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, playbook, found.at, 8)
            scores = tabled.scores(rng, playbook, 8) if seed % 3 == 0 else None
            assert_equal(playbook, rows, history, scores, at=found.at, until=found.until, explain=seed % 4 == 0)
