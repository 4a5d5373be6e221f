"""The price of attention: both engines give the same, and so does brute force."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
import tabled
from attrs import evolve
from generate import lively, with_exploration
from generate_attention import with_attention
from generate_weights import with_weights
from test_one_equals_columns import assert_equal
from test_weights_alike import ByRows, TiredColumns

from journeykit import Arbiter, Playbook
from journeykit.job import TableJob

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def priced(seed):
    """The situation of a seed, with a price of attention, and mostly more factors of weights."""
    found = lively(seed)
    rng = Random(f"attention {seed}")
    playbook = with_attention(rng, found.playbook)
    return found.but(playbook=with_weights(rng, playbook) if seed % 3 else playbook)


@pytest.mark.parametrize("start", range(0, 40, 10))
def test_derived_claims_are_decided_alike(start):
    """Claims that campaigns make, explained and not, at one instant and in plans."""
    for seed in range(start, start + 10):
        found = priced(seed)
        if found.playbook.campaigns:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
            scores = tabled.scores(rng, found.playbook, 8) if seed % 5 else None
            scores = scores and tabled.estimated(rng, scores)
            explain = seed % 4 == 0
            assert_equal(found.playbook, rows, history, scores, at=found.at, until=found.until, explain=explain)


@pytest.mark.parametrize("start", range(500, 530, 10))
def test_brought_claims_are_decided_alike(start):
    """Claims of a table, with weights and estimates of their own and without."""
    for seed in range(start, start + 10):
        found = priced(seed)
        if found.playbook.campaigns:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
            claims = tabled.claims(rng, found.playbook, found.at, 8, few=found.until is not None)
            claims = tabled.estimated(rng, claims) if seed % 3 else claims
            scores = tabled.estimated(rng, tabled.scores(rng, found.playbook, 8)) if seed % 2 else None
            playbook = evolve(found.playbook, campaigns=None) if seed % 7 == 0 else found.playbook
            assert_equal(playbook, rows, history, scores, claims, at=found.at, until=found.until)


@pytest.mark.parametrize("min_uplift", [None, 0.1], ids=["plain", "general"])
@pytest.mark.parametrize(("setting", "count"), [("deny", 2), ("allow", 4)])
def test_who_is_denied_for_want_of_a_value_is_counted(setting, count, min_uplift):
    """By the setting of the stage; what is denied for its score, or has no opt_out, is not denied for the value."""
    campaign = {"id": "offer", "content": ["note"], "min_uplift": min_uplift}
    playbook = Playbook.from_dict({
        "journey": {"stages": [{"name": "customer", "value": 80}, "lead"]},
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [campaign, {**campaign, "id": "needy", "scored": True}],
        "on_missing": {"consent": "allow", "stage": setting},
        "opt_out_cost": "stage_value",
    })  # fmt: skip
    contacts = [{"contact_id": name, "stage": stage} for name, stage in (("a", "lead"), ("b", None), ("c", "customer"))]
    score = {"contact_id": "a", "campaign_id": "offer", "propensity": 0.5, "opt_out": 0.1, "uplift": 0.5}
    scores = [{**score, "contact_id": name} for name in "abc"]
    for everything in (False, True):
        job = TableJob(Arbiter(playbook), contacts, (), scores, at=AT, everything=everything)
        job.table()
        assert job.summary().missing["opt_out_cost"] == {"setting": setting, "claims": count}
        assert job.summary().missing["score"]["claims"] == 3
        assert f"missing opt_out_cost: {count} claims, {setting}" in str(job.summary())
        assert "stage_value" not in job.summary().missing
    assert_equal(playbook, contacts, (), scores, at=AT)
    claims = [{"contact_id": name, "campaign_id": campaign} for name in "abc" for campaign in ("offer", "needy")]
    assert_equal(playbook, contacts, (), scores, claims, at=AT)


@pytest.mark.parametrize("uplift", [None, 0.2])
@pytest.mark.parametrize("is_brought", [False, True])
def test_a_least_uplift_that_nothing_is_compared_with_is_told(uplift, is_brought):
    """Where no score and no claim has an uplift, both engines name the campaigns that ask for one."""
    campaigns = [{"id": name, "content": ["note"], "min_uplift": 0.1} for name in ("offer", "news")]
    playbook = Playbook.from_dict({
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [*campaigns, {**campaigns[0], "id": "needy", "scored": True}, {"id": "x", "content": ["note"]}],
        "on_missing": {"consent": "allow"},
    })  # fmt: skip
    contacts = [{"contact_id": "a"}]
    scores = [{"contact_id": "a", "campaign_id": "offer", "propensity": 0.5, "uplift": uplift}]
    claims = [{"contact_id": "a", "campaign_id": own.id} for own in playbook.campaigns] if is_brought else None
    if is_brought:
        # What a claim brings itself is known as well.
        scores, claims[0]["uplift"] = None, uplift
    assert_equal(playbook, contacts, (), scores, claims, at=AT)
    job = TableJob(Arbiter(playbook), contacts, (), scores, claims, at=AT)
    job.table()
    (note,) = (own for own in job.summary().notes if "min_uplift" in own)
    names = "news" if uplift else "news, offer"
    assert note.startswith(f"min_uplift does nothing to claims of {names} that have no uplift: give scores")


@pytest.mark.parametrize("policy", [ByRows(), TiredColumns()], ids=["rows", "columns"])
def test_the_cost_is_taken_from_any_policy(policy):
    """Whatever weighs the claims, what an opt-out may cost is taken from it, and nothing multiplies it."""
    for seed in range(1_000, 1_008):
        found = priced(seed)
        if found.playbook.campaigns:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 6), tabled.touches(rng, found.playbook, found.at, 6)
            scores = tabled.estimated(rng, tabled.scores(rng, found.playbook, 6))
            playbook = evolve(found.playbook, policy="mine")
            own = {"mine": policy}
            assert_equal(playbook, rows, history, scores, at=found.at, until=found.until, policies=own)


@pytest.mark.parametrize("method", ["uniform", "thompson"])
def test_weights_that_are_drawn_bear_the_cost(method):
    """What an opt-out costs is taken from drawn weights too; chances are those of both engines."""
    drawn = 0
    for seed in range(3_000, 3_010):
        found = priced(seed)
        if not found.playbook.campaigns:
            continue
        found = with_exploration(found, method=method, share=0.5)
        playbook = evolve(found.playbook, quotas=())
        if seed % 2:
            # These are decided plainly.
            campaigns = [
                evolve(own, min_uplift=None, series=None, if_lost="defer", weight=9) for own in playbook.campaigns
            ]
            less = {"conflicts": (), "requirements": (), "quotas": (), "campaigns": campaigns}
            playbook = evolve(playbook, **less, opt_out_cost="stage_value")
        rng = Random(seed)
        rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
        scores = tabled.estimated(rng, tabled.scores(rng, playbook, 8))
        job = assert_equal(playbook, rows, history, scores, at=found.at, until=None if seed % 2 else found.until)
        drawn += any(note.startswith("explore: ") for note in job.summary().notes)
    assert drawn


def test_the_plain_path_bears_the_cost_too():
    """Where nothing but caps ties claims, contacts are decided plainly: with the same rows, and the same counts."""
    plain: list[bool] = []
    for seed in range(2_000, 2_010):
        found = priced(seed)
        if not found.playbook.campaigns:
            continue
        rng = Random(seed)
        change = {"min_uplift": None, "series": None, "weight": 1.5, "if_lost": "defer"}
        campaigns = [evolve(own, **change) for own in found.playbook.campaigns]
        less = {"conflicts": (), "requirements": (), "quotas": (), "campaigns": campaigns}
        playbook = evolve(found.playbook, opt_out_cost=rng.choice((2.0, "stage_value")), **less)
        rows, history = tabled.contacts(rng, found.at, 12), tabled.touches(rng, found.playbook, found.at, 12)
        scores = tabled.estimated(rng, tabled.scores(rng, playbook, 12))
        job = assert_equal(playbook, rows, history, scores, at=found.at)
        plain.append(job.chunks.engine.moment().plain is not None)
    assert sum(plain) > 1
