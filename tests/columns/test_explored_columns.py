"""Exploration over columns: drawn contacts and the chances of all contacts, as in the row engine."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pyarrow as pa
import pytest
import tabled
from attrs import evolve
from generate import lively, quotas, with_experiments, with_exploration
from generate_attention import with_attention
from test_one_equals_columns import assert_equal
from test_plain_contacts import many_campaigns, plain_situation

from journeykit import Arbiter, Exploration, InfeasibleError, Playbook
from journeykit.columns import columnar_engine
from journeykit.job import Inputs, RowJob, TableJob
from journeykit.ledger import MemoryLedger
from journeykit.model.exploration import claim_key, claim_number, dealt

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NAMES = "abcd"


def explored(start, number, **fixed):
    """Situations that explore, each with a table of contacts, of touches, of scores and of claims."""
    for seed in range(start, start + number):
        found = lively(seed)
        if found.playbook.campaigns is None:
            continue
        found = with_exploration(found, **fixed)
        rng, few = Random(seed), found.until is not None
        if seed % 3 == 2:
            # What an opt-out may cost is taken from drawn weights too.
            found = found.but(playbook=with_attention(Random(seed), found.playbook))
        rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
        scores = tabled.estimated(rng, tabled.scores(rng, found.playbook, 8)) if seed % 3 else None
        claims = tabled.claims(rng, found.playbook, found.at, 8, few=few, faults=False) if seed % 4 == 1 else None
        yield found, (rows, history, scores, claims)


@pytest.mark.parametrize("start", range(0, 40, 10))
def test_draws_and_chances_are_alike(start):
    """Random playbooks of every kind of rule, derived and given claims, plans, scores with spreads; both methods."""
    for found, tables in explored(start, 10):
        assert_equal(found.playbook, *tables, at=found.at, until=found.until, explain=found.seed % 5 == 0)


@pytest.mark.parametrize("start", [5_000, 5_004, 5_008])
def test_draws_under_quotas_and_in_arms_are_alike(start):
    """At the run's final prices; where quotas settle contacts otherwise, both engines say that nobody knows."""
    for found, (rows, history, scores, claims) in explored(start, 4, share=0.5, draws=5):
        own = with_experiments(found).playbook if found.seed % 2 else found.playbook
        own = evolve(own, quotas=quotas(Random(-found.seed), own, found.at.date()), on_infeasible="relax")
        try:
            assert_equal(own, rows, history, scores, claims, at=found.at, until=found.until)
        except InfeasibleError as error:
            assert "with their share" in str(error)  # noqa: PT017


def told(playbook, *tables, at):
    """All rows and the whole summary of a job, and how many contacts were settled plainly."""
    job = TableJob(Arbiter(playbook), *tables, at=at, run_id="run", everything=True, threads=1)
    table = job.table()
    worker = job.chunks._workers.get()
    return table, job.summary().to_dict(), int(worker.plain.used[2]) if hasattr(worker, "plain") else 0


@pytest.mark.parametrize("method", ["uniform", "thompson"])
def test_chances_of_plain_contacts_are_those_of_the_general_path(monkeypatch, method):
    """Contacts settled plainly, of many campaigns and of random playbooks, have the chances that the search finds."""
    settled = 0
    for seed in range(10):
        rng = Random(seed)
        rows = [{"contact_id": f"p{n}", "score": rng.randrange(100)} for n in range(20)]
        if seed % 2:
            found = plain_situation(seed)
            if found is None:
                continue
            playbook, at = found.playbook, found.at
            tables = tabled.contacts(rng, at, 10), tabled.touches(rng, playbook, at, 10)
        else:
            playbook, at = many_campaigns(rng.choice((5, 20, 70))), AT
            campaigns = [
                evolve(own, weight=rng.choice((1, 2, 2.5, 1 / 3)), tier=rng.choice((0, 0, 1)))
                for own in playbook.campaigns
            ]
            playbook = evolve(playbook, campaigns=campaigns, caps=playbook.caps[: seed % 3 + 1])
            when = [AT - timedelta(hours=rng.randrange(300)) for _ in range(20)]
            tables = rows, [{"contact_id": f"p{n}", "sent_at": at, "channel": "sms"} for n, at in enumerate(when)]
        scores = tabled.estimated(rng, tabled.scores(rng, playbook, 20)) or None
        playbook = with_exploration(lively(seed).but(playbook=playbook), method=method, share=0.1).playbook
        *plain, count = told(playbook, *tables, scores, at=at)
        settled += count
        with monkeypatch.context() as patch:
            patch.setattr(columnar_engine, "are_plain", lambda _: False)
            *wanted, count = told(playbook, *tables, scores, at=at)
        assert count == 0
        assert plain == wanted
    assert settled > 60


@pytest.mark.parametrize("points", [{"sms": 3, "push": 1}, {"sms": 0, "push": 3}])
def test_a_cap_that_all_fit_into_takes_no_chance_away(points):
    """Where claims use a cap unevenly, and it has room for all of them, it binds nobody."""
    channels = dict(zip(NAMES, ("sms", "push", "email", "email"), strict=True))
    playbook = Playbook.from_dict({
        "content": [{"id": name, "channel": channel} for name, channel in channels.items()],
        "campaigns": [{"id": name, "content": [name], "weight": 4 - place} for place, name in enumerate(NAMES)],
        "caps": [
            {"name": "pressure", "max": 6, "window": {"rolling": "24h"}, "points": points},
            {"name": "letters", "max": 1, "window": {"rolling": "24h"}, "where": {"channel": "email"}},
        ],
        "on_missing": {"consent": "allow"},
        "explore": {"share": 0.1, "draws": 10},
    })  # fmt: skip
    assert_equal(playbook, [{"contact_id": f"c{place}"} for place in range(8)], [], at=AT)
    found = crowd(playbook, 8)
    assert set(found["a"].chance) == set(found["b"].chance) == {1.0}


def rivals(seed):
    """A playbook whose claims nearly all compete for little room, and its contacts and scores."""
    rng, channels = Random(f"rivals {seed}"), ("email", "sms", "push")
    names = [f"k{place}" for place in range(rng.choice((3, 5, 8)))]
    caps = [{"name": "any", "max": rng.choice((1, 2, 4)), "window": {"rolling": "24h"}}]
    points = {channel: rng.choice((0, 1, 2, 3)) for channel in channels}
    caps += [{"name": "points", "max": rng.choice((2, 4)), "window": {"calendar": "day"}, "points": points}]
    campaigns = [
        {"id": name, "content": [name], "weight": rng.choice((1, 2, 2, 2.5)), "tier": rng.choice((0, 0, 0, 1))}
        for name in names
    ]
    playbook = Playbook.from_dict({
        "content": [{"id": name, "channel": rng.choice(channels)} for name in names],
        "campaigns": campaigns,
        "caps": caps[rng.choice((0, 0, 1)) :],
        "on_missing": {"consent": "allow"},
        "opt_out_cost": rng.choice((None, 0.5)),
        "explore": {"share": 0.25, "draws": rng.choice((5, 20)), "method": ("uniform", "thompson")[seed % 2]},
    })  # fmt: skip
    rows = [{"contact_id": f"c{place}"} for place in range(8)]
    told = [("propensity", 1.0), ("spread", 0.25), ("opt_out", 0.1)]
    scores = [
        {"contact_id": row["contact_id"], "campaign_id": name} | {what: most * rng.random() for what, most in told}
        for row in rows
        for name in names
    ]
    return playbook, rows, scores


def test_claims_that_compete_have_alike_chances():
    """Many chances are neither 0 nor 1, under caps that count claims evenly and unevenly, with tiers and a cost."""
    open_ = 0
    for seed in range(16):
        playbook, rows, scores = rivals(seed)
        assert_equal(playbook, rows, [], scores, at=AT, explain=seed % 5 == 0)
        chances = Arbiter(playbook).decide_table(rows, scores=scores, at=AT, everything=True)["chance"].to_pylist()
        open_ += sum(0 < chance < 1 for chance in chances)
    assert open_ > 200


def one_of_four(**explore):
    """Four campaigns that weigh 4, 3, 2 and 1, of which a contact gets one."""
    return Playbook.from_dict({
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": name, "content": ["note"], "weight": 4 - place} for place, name in enumerate(NAMES)],
        "caps": [{"name": "one", "max": 1, "window": {"rolling": "24h"}}],
        "on_missing": {"consent": "allow"},
        "explore": explore,
    })  # fmt: skip


def crowd(playbook, number):
    """Everything decided of so many contacts, by campaign: chances, and who is granted it."""
    contacts = pa.table({"contact_id": [f"c{place}" for place in range(number)]})
    found = Arbiter(playbook).decide_table(contacts, at=AT, everything=True).to_pandas()
    return {name: own.set_index("contact_id") for name, own in found.groupby("campaign_id")}


def test_chances_are_the_numbers_of_vectors_that_grant():
    """Each vector dealt by the published hashes, and its best claim taken: exactly the chances of the table."""
    explore = Exploration(share=0.25, draws=40, seed="x")
    found = crowd(one_of_four(share=0.25, draws=40, seed="x"), 30)
    keys = [claim_key(name, "note", "email", None, None) for name in NAMES]
    micros = int(AT.timestamp() * 1_000_000)
    for contact in found["a"].index:
        start = explore.start(contact, micros)
        deals = [dealt([4, 3, 2, 1], [claim_number(start, j, key) for key in keys]) for j in range(40)]
        times = Counter(NAMES[deal.index(4)] for deal in deals)
        for name in NAMES:
            assert found[name].chance[contact] == explore.chance(granted=name == "a", times=times[name])
        vector = explore.vector(start)
        winner = "a" if vector is None else NAMES[deals[vector].index(4)]
        assert found[winner].outcome[contact] == "granted"


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (3, 3, 1, 1), (2, 1.000001, 1, 1), (1e9, 1e9, 1e9, 0)])
@pytest.mark.parametrize("most", [1, 2])
def test_claims_of_equal_weight_are_drawn_alike(weights, most):
    """Weights that tie are a millionth apart where they are dealt: each claim is tried, as the row engine does it."""
    playbook = one_of_four(share=0.4, draws=60)
    campaigns = [evolve(own, weight=weight) for own, weight in zip(playbook.campaigns, weights, strict=True)]
    playbook = evolve(playbook, campaigns=campaigns, caps=[evolve(playbook.caps[0], max=most)])
    assert_equal(playbook, [{"contact_id": f"c{place}"} for place in range(12)], [], at=AT)
    found = crowd(playbook, 12)
    assert all(0 < found[name].chance.mean() < 1 for name, weight in zip(NAMES, weights, strict=True) if weight)


def test_ten_thousand_contacts_get_what_chances_say():
    """Grants agree with the sum of chances, and a deal gives each claim each weight equally often: within 4 sigma."""
    found = crowd(one_of_four(share=0.5, draws=20), 10_000)
    for name in NAMES:
        own = found[name]
        granted = (own.outcome == "granted").sum()
        assert abs(granted - own.chance.sum()) < 4 * np.sqrt((own.chance * (1 - own.chance)).sum())
        dealt_to = own.weight[own.weight != 4 - NAMES.index(name)].value_counts()
        # Half of the contacts are drawn, and a quarter of these get each weight.
        assert all(abs(count - 1250) < 4 * np.sqrt(1250 * 7 / 8) for count in dealt_to)
        assert len(dealt_to) == 3
    assert abs(sum(own.chance for own in found.values()) - 1).max() < 1e-12


def test_without_exploration_there_are_no_chances():
    """The column stays empty, and nothing is said of it."""
    playbook = evolve(one_of_four(share=0), explore=None)
    job = TableJob(Arbiter(playbook), [{"contact_id": "a"}], at=AT)
    assert job.table()["chance"].to_pylist() == [None] * 4
    assert not any(note.startswith("explore") for note in job.summary().notes)


def test_no_explanation_of_what_was_drawn():
    """Of contacts who are drawn nothing is displaced or needed; of the others it is."""
    playbook = one_of_four(share=0.5)
    contacts = [{"contact_id": f"c{place}"} for place in range(40)]
    rows = Arbiter(playbook).decide_table(contacts, at=AT, explain=True).to_pylist()
    explore, micros = playbook.explore, int(AT.timestamp() * 1_000_000)
    vectors = {own["contact_id"]: explore.vector(explore.start(own["contact_id"], micros)) for own in contacts}
    drawn = {contact for contact, vector in vectors.items() if vector is not None}
    granted = {row["contact_id"]: row["displaced"] for row in rows if row["outcome"] == "granted"}
    assert {contact for contact, displaced in granted.items() if displaced is None} == drawn
    assert 10 < len(drawn) < 30


class Doubled:
    """Twice the propensity and a share of what `weighted` would give; no weight where the propensity is 1."""

    def weigh(self, claim, contact, context):
        chance = 0.25 if claim.propensity is None else claim.propensity
        return float("nan") if chance == 1 else 2 * chance + 0.125 * context.base

    def rank(self, claim, contact, context):
        return int(claim.campaign == "d")


class DoubledColumns(Doubled):
    """The same over columns."""

    def weigh_columns(self, columns):
        chance = np.where(np.isnan(columns.propensity), 0.25, columns.propensity)
        return np.where(chance == 1, np.nan, 2 * chance + 0.125 * columns.base)

    def rank_columns(self, columns):
        return (columns.campaign == "d").astype(np.int64)


@pytest.mark.parametrize("method", ["uniform", "thompson"])
@pytest.mark.parametrize(
    "policy", [Doubled(), DoubledColumns(), "ranked", "first_come"], ids=["rows", "columns", "ranked", "first_come"]
)
def test_other_policies_are_explored_alike(method, policy):
    """What they give for drawn propensities; one that is asked claim by claim is asked by the row engine."""
    rng = Random(2)
    named = policy if isinstance(policy, str) else "own"
    caps = [evolve(one_of_four(share=0).caps[0], max=2)]
    playbook = evolve(one_of_four(share=0.5, method=method, draws=8), policy=named, caps=caps)
    rows = [{"contact_id": f"c{place}"} for place in range(12)]
    scores = [
        {"contact_id": row["contact_id"], "campaign_id": name, "propensity": rng.random() / 2, "spread": 0.3}
        for row in rows
        for name in NAMES
    ]
    job = assert_equal(playbook, rows, None, scores, at=AT, policies={} if named == policy else {"own": policy})
    assert bool(job.chunks.causes) == (method == "thompson" and type(policy) is Doubled)


def test_a_ledger_keeps_what_columns_drew():
    """A run with a ledger reserves what was drawn; a later run of another instant draws others."""
    playbook = one_of_four(share=0.5, draws=6)
    rows = [{"contact_id": f"c{place}"} for place in range(30)]
    kept = {}
    for kind in (RowJob, TableJob):
        with MemoryLedger() as ledger:
            inputs = (Inputs(contacts=rows),) if kind is RowJob else (rows,)
            job = kind(Arbiter(playbook), *inputs, at=AT, ledger=ledger, keep_decisions=True, run_id="run")
            sum(1 for _ in (job.decisions() if kind is RowJob else job.batches()))
            job.finish()
            found = [ledger.decision(run_id="run", contact=row["contact_id"]) for row in rows]
            kept[kind] = [[(row.campaign, row.outcome, row.chance) for row in own.rows] for own in found]
    assert kept[TableJob] == kept[RowJob]
