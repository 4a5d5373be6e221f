"""Quotas on Spark: the rows, the prices, the value and the bound of a local run, however the contacts lie."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pyarrow as pa
import pytest
from attrs import evolve
from generate import quotas
from parity import cases, collected, frames, in_order

from journeykit import Arbiter, InfeasibleError, ModelError, Playbook
from journeykit.quotas import allocation, improvement, pricing
from journeykit.spark import RunSummary, decide
from journeykit.spark.quota_frame import refuse_quotas
from journeykit.spark.spark_pool import SparkPool

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
SEATS = {
    "content": [{"id": "note", "channel": "email"}, {"id": "offer", "channel": "email"}],
    "campaigns": [
        {"id": "news", "content": ["note"], "weight": 1},
        {"id": "launch", "content": ["offer"], "weight": "1 + score / 100", "cost": 2},
    ],
    "caps": [{"name": "one a week", "max": 1, "window": {"rolling": "7d"}}],
    "quotas": [
        {"name": "seats", "max": 300, "where": {"campaign": "launch"}},
        {"name": "budget", "max": 500, "of": "cost"},
        {"name": "news", "min": 0.8, "of": "share", "where": {"campaign": "news"}},
    ],
}


def local(arbiter, tables, **options):
    """The rows of a local run, and its summary."""
    told = []
    rows = arbiter.decide_table(**({"contacts": None} | tables), **options, summary=told.append)
    return in_order(rows), said(told[0])


def said(summary):
    """A summary as data, but for what differs: seconds, and how bad rows are named."""
    return {name: value for name, value in summary.to_dict().items() if name not in ("durations", "bad_rows")}


def test_passes_over_slices_settle_as_one_pool(spark, monkeypatch):
    """A pool that stays where it is: sums, a sample and the few that are undecided come to the driver."""
    for name, value in (("_SAMPLE", 300), ("_STEPS", 8), ("_ROUNDS", 4)):
        monkeypatch.setattr(pricing, name, value)
    monkeypatch.setattr(allocation, "_FEW", 0)
    monkeypatch.setattr(improvement, "_LEAST", 50)
    monkeypatch.setattr(improvement, "_ITEMS", 300)
    monkeypatch.setattr(SparkPool, "few", 0)
    rng = Random(2)
    people = [
        {"contact_id": f"p{n}", "score": rng.randint(0, 90), "consent_email": rng.random() < 0.9} for n in range(900)
    ]
    tables, arbiter = {"contacts": pa.Table.from_pylist(people)}, Arbiter(Playbook.from_dict(SEATS))
    told = RunSummary()
    found = decide(spark, arbiter, **frames(spark, tables), at=AT, everything=True, partitions=3, summary=told)
    rows, summary = local(arbiter, tables, at=AT, everything=True)
    assert in_order(collected(found)) == rows
    assert said(told.get) == summary
    assert any(quota["price"] for quota in summary["quotas"])


@pytest.mark.parametrize("seed", [24])
def test_random_playbooks_keep_quotas_alike(spark, seed):
    """Tiers, experiments, claims that are given, a plan: as one local run."""
    case = next(cases([seed], people=25))
    rng = Random(seed)
    own = quotas(rng, case.arbiter.playbook, case.options["at"].date())
    arbiter = Arbiter(evolve(case.arbiter.playbook, quotas=own, on_infeasible="relax"))
    told, how = RunSummary(), case.options | {"partitions": 2, "order_by": "nr"}
    found = decide(spark, arbiter, **frames(spark, case.tables), **how, summary=told)
    rows, summary = local(arbiter, case.tables, **case.options)
    assert in_order(collected(found)) == rows
    for name in ("value", "bound", "gap", "penalties", "quotas", "prices", "outcomes", "arms", "contacts"):
        assert said(told.get).get(name) == summary.get(name), name


def test_what_cannot_hold_is_refused_before_rows_are_made(spark):
    """A hard quota that cannot hold, and caps per account beside quotas."""
    few = spark.createDataFrame([("a", 1, True), ("b", 2, True)], "contact_id string, score int, consent_email boolean")
    full = {**SEATS, "quotas": [{"name": "hall", "min": 3, "hard": True}]}
    with pytest.raises(InfeasibleError, match="no more than 2 can be had"):
        decide(spark, Arbiter(Playbook.from_dict(full)), few, at=AT, partitions=1)
    cap = {"name": "shared", "max": 2, "per": "account", "window": {"rolling": "2d"}}
    with pytest.raises(ModelError, match="caps per account are not settled on Spark"):
        decide(spark, Arbiter(Playbook.from_dict(SEATS | {"caps": [cap]})), few, at=AT)


@pytest.mark.parametrize("with_ledger", [False, True])
def test_quotas_over_time_are_refused_in_one_step(with_ledger):
    """They need a ledger, beside which quotas are refused: a run that has none is not asked for one first."""
    seats = {"name": "seats", "max": 2, "window": {"calendar": "day", "zone": "playbook"}}
    with pytest.raises(ModelError, match=r"a window \('seats'\) are counted in a ledger .* not settled on Spark"):
        refuse_quotas(Arbiter(Playbook.from_dict(SEATS | {"quotas": [seats]})), with_ledger=with_ledger)
