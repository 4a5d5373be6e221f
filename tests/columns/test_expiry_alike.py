"""Claims that expire: the columnar engine gives what the row engine gives, row for row."""

from __future__ import annotations

from random import Random

import pytest
import tabled
from expiring import expiring_rows, with_expiries
from generate import situation
from test_one_equals_columns import assert_equal


@pytest.mark.parametrize("start", range(2200, 2280, 20))
def test_claims_that_expire_are_decided_alike(start):
    """Claims that expire by instants and dates of their own, and by what their campaigns let them wait."""
    met = 0
    for seed in range(start, start + 20):
        found = with_expiries(situation(seed))
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
            claims = tabled.claims(rng, found.playbook, found.at, 8, few=found.until is not None, faults=False)
            claims = expiring_rows(rng, claims, found.at, faults=seed % 2 == 0)
            how = {"at": found.at, "until": found.until, "explain": seed % 4 < 2}
            other = assert_equal(found.playbook, rows, history, None, claims, **how)
            met += other.summary().reasons.get("expired", 0)
    assert met
