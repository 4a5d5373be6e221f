"""Weights of many factors: both engines give the same, and so does brute force."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tabled
from attrs import evolve
from generate_weights import weighty
from oracle import MILLION, Oracle, TooManyItemsError
from test_one_equals_columns import assert_equal

from journeykit import Arbiter, Playbook
from journeykit.audit import violations
from journeykit.policies import Weighted

if TYPE_CHECKING:
    from generate import Situation

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


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


WEEK = timedelta(days=7)


class Tired(Weighted):
    """Weighs by the history: halved for each touch of the last week, and less for what the team has sent."""

    def weigh(self, claim, contact, context):
        recent = [touch for touch in context.touches if timedelta(0) <= context.at - touch.at < WEEK]
        team = context.team.name if context.team else None
        own = [touch for touch in context.touches if team is not None and touch.team == team]
        again = [touch for touch in recent if touch.channel is not None and touch.channel == claim.channel]
        return super().weigh(claim, contact, context) * 0.5 ** len(recent) - 0.125 * len(own) + 0.01 * len(again)


class TiredColumns(Tired):
    """The same, of many claims at once."""

    def weigh_columns(self, columns):
        age = columns.touches.age
        recent = (timedelta(0) <= age) & (age < WEEK)
        count = columns.touches.count
        own = count(same="team") * np.isin(columns.team, ["alpha", "beta"])
        return columns.product * 0.5 ** count(recent) - 0.125 * own + 0.01 * count(recent, same="channel")


@pytest.mark.parametrize("policy", [Tired(), TiredColumns()], ids=["rows", "columns"])
def test_policies_see_the_same_history(policy):
    """Touches of all ages, planned ones too, are shown alike: those that count, with what the playbook knows."""
    for seed in range(1_500, 1_530):
        found = weighty(seed)
        if found.playbook.campaigns is not None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 6), tabled.touches(rng, found.playbook, found.at, 6)
            few = found.until is not None
            claims = tabled.claims(rng, found.playbook, found.at, 6, few=few) if seed % 3 == 0 else None
            playbook = evolve(found.playbook, policy="mine")
            own = {"mine": policy}
            assert_equal(playbook, rows, history, None, claims, at=found.at, until=found.until, policies=own)


def test_a_policy_with_columns_is_not_asked_claim_by_claim():
    """What is shown of claims is what their campaigns, contents and contacts have."""
    seen = []

    class Nosy(Weighted):
        def weigh_columns(self, columns):
            names = ("content", "channel", "team", "goal", "stage", "role")
            seen.extend(
                zip(*(getattr(columns, name).tolist() for name in names), columns.contact.tolist(), strict=True)
            )
            assert columns.at == AT
            return columns.product

    playbook = Playbook.from_dict(
        {
            "policy": "nosy",
            "teams": [{"name": "events", "goal": "event"}],
            "content": [{"id": "note", "channel": "email"}, {"id": "text", "channel": "sms"}],
            "campaigns": [{"id": "meetup", "team": "events", "content": ["note"]}, {"id": "news", "content": ["text"]}],
            "on_missing": {"consent": "allow"},
        }
    )
    rows = [{"contact_id": "anna", "stage": " Decision", "role": "user"}, {"contact_id": "ben"}]
    Arbiter(playbook, {"nosy": Nosy()}).decide_table(rows, at=AT)
    assert seen == [
        ("note", "email", "events", "event", "decision", "user", 0),
        ("text", "sms", None, None, "decision", "user", 0),
        ("note", "email", "events", "event", None, None, 1),
        ("text", "sms", None, None, None, None, 1),
    ]
