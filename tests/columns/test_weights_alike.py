"""Weights of many factors: both engines give the same, and so does brute force."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest
import tabled
from attrs import evolve
from generate_weights import weighty
from oracle import MILLION, Oracle, TooManyItemsError
from test_one_equals_columns import assert_equal

from journeykit import Arbiter
from journeykit.audit import violations

if TYPE_CHECKING:
    from generate import Situation


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_derived_claims_weigh_alike(start):
    """Claims that campaigns make, with scores and without, explained and not, at one instant and in plans."""
    for seed in range(start, start + 20):
        found = weighty(seed)
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
            scores = tabled.scores(rng, found.playbook, 8) if seed % 2 else None
            explain = seed % 3 == 0
            assert_equal(found.playbook, rows, history, scores, at=found.at, until=found.until, explain=explain)


@pytest.mark.parametrize("start", range(500, 540, 20))
def test_brought_claims_weigh_alike(start):
    """Claims of a table, with weights of their own and without."""
    for seed in range(start, start + 20):
        found = weighty(seed)
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
            claims = tabled.claims(rng, found.playbook, found.at, 8, few=found.until is not None)
            scores = tabled.scores(rng, found.playbook, 8) if seed % 2 else None
            assert_equal(found.playbook, rows, history, scores, claims, at=found.at, until=found.until)


def test_the_best_set_is_that_of_brute_force():
    """What is granted is the best of all sets, at the weights that the factors give."""
    tried: Counter[bool] = Counter()
    for seed in range(2_000, 2_160):
        case = weighty(seed)
        try:
            oracle = Oracle(case)
        except TooManyItemsError:
            continue
        tried[_assert_best(seed, case, oracle)] += 1
    assert tried[True] > 40


def _assert_best(seed: int, case: Situation, oracle: Oracle) -> bool:
    decision = Arbiter(case.playbook).decide(case.contact, case.touches, case.claims, at=case.at, until=case.until)
    best = [(w.claim.campaign, w.claim.content, w.claim.channel, at, w.weight / MILLION) for w, at in oracle.winners]
    assert [(g.campaign, g.content, g.channel, g.send_at, g.weight) for g in decision.granted] == best, seed
    assert list(violations(case.playbook, decision, case.contact, case.touches, case.claims)) == [], seed
    return bool(best)


class ByRows:
    """A policy without `weigh_columns`, which shows all that its context says."""

    def weigh(self, claim, contact, context):
        return context.base * context.preference + 0.25 * len(context.levers)


class ByColumns(ByRows):
    """The same weight without levers, of many claims at once too."""

    def weigh(self, claim, contact, context):
        return context.base * context.preference

    def weigh_columns(self, columns):
        return columns.base * columns.preference


@pytest.mark.parametrize("policy", [ByRows(), ByColumns()], ids=["rows", "columns"])
def test_policies_see_the_same_of_a_claim(policy):
    """What a policy is told of a claim is the same in both engines."""
    for seed in range(1_000, 1_030):
        found = weighty(seed)
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 6), tabled.touches(rng, found.playbook, found.at, 6)
            playbook = evolve(found.playbook, policy="mine")
            assert_equal(playbook, rows, history, at=found.at, until=found.until, policies={"mine": policy})
