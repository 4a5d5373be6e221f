"""Situations with layers against brute force."""

from __future__ import annotations

import pytest
from generate import situation
from generate_layers import layered
from oracle import Oracle, TooManyItemsError
from test_arbiter_oracle import Counter, assert_best, decide, key_of, row_faults


@pytest.mark.parametrize("start", range(50_000, 50_240, 40))
def test_rows_of_layered_playbooks_are_those_of_brute_force(start):
    """Tags of campaigns and contents count in caps, conflicts and requirements, beside those that claims bring."""
    for seed in range(start, start + 40):
        case = layered(situation(seed))
        try:
            oracle = Oracle(case)
        except TooManyItemsError:
            continue
        decision = decide(case, explain=True)
        assert_best(seed, case, oracle, decision)
        assert Counter(map(key_of, decision.rows)) == Counter(wish.key for wish in oracle.wishes), seed
        told = {key_of(row): row for row in decision.rows if row.note != "the same claim is there already"}
        for wish in oracle.wishes:
            if not wish.is_twin:
                faults = list(row_faults(oracle, wish, told[wish.key]))
                assert not faults, (seed, wish.key, faults)
