"""A ledger on Spark: reservations and rows are those of one local run, whatever dies, comes twice or is done again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ledgers import database, ledger_of
from mortal_ledger import MortalLedger
from parity import collected, frames, in_order
from test_run_summary import lose_shuffles

from journeykit import Arbiter, Claim, Contact, ModelError, Playbook
from journeykit.ledger import Ledger, MemoryLedger, StoreLedger
from journeykit.spark import RunSummary, decide
from journeykit.spark.spark_command import main

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
PEOPLE = 600
NIGHT = Arbiter(
    Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}, {"id": "visit", "channel": "email"}],
            "campaigns": [
                {"id": "c0", "content": ["note"], "weight": 1},
                {"id": "c1", "content": ["note"], "weight": 2, "audience": "count('visit', '30d') >= 1"},
                {"id": "c2", "content": ["note", "visit"], "weight": 3},
            ],
            "caps": [{"name": "two a week", "max": 2, "window": {"rolling": "7d"}}],
        }
    )
)
TABLES = {
    "contacts": pa.table({"contact_id": [f"p{n}" for n in range(PEOPLE)], "consent_email": [True] * PEOPLE}),
    "touches": pa.table(
        {"contact_id": [f"p{n}" for n in range(0, PEOPLE, 4)], "sent_at": [AT - DAY] * 150, "channel": ["email"] * 150}
    ),
}


def history(ledger):
    """What the ledger knows before the run: messages of some, opt-outs, and events."""
    other = Arbiter(Playbook())
    for number in range(0, 60, 3):
        who = Contact(id=f"p{number}", consent=["email"])
        other.decide(who, claims=[Claim(campaign="c0", content="note", channel="email")], at=AT - DAY, ledger=ledger)
    for number in range(0, 40, 8):
        ledger.opt_out(f"p{number}", at=AT - DAY)
    ledger.opt_out("nobody", at=AT - DAY, topic="knitting")
    visits = [{"contact_id": f"p{number}", "event": "visit", "at": AT - DAY} for number in range(0, PEOPLE, 2)]
    ledger.record_events([*visits, {"contact_id": "nobody", "event": "visit", "at": AT}])


def disturb(ledger):
    """What others do once the run has begun."""
    other = Arbiter(Playbook())
    for number in range(5, 45, 4):
        who = Contact(id=f"p{number}", consent=["email"])
        other.decide(who, claims=[Claim(campaign="x", content="note", channel="email")], at=AT, ledger=ledger)
    ledger.opt_out("p7", at=AT)
    ledger.opt_out("nobody", at=AT, topic="sailing")


def held(ledger, run_id="night"):
    """All that a run has reserved, as the ledger keeps it, each once."""
    with ledger.reading() as transaction:
        found = transaction.in_status("reserved", None, run_id, 10**6)
    assert len({own.id for own in found}) == len(found)
    return sorted(map(repr, found))


def local(ledger, **how):
    """A local run, with the same disturbance once it has begun: its rows, what it has reserved, and what it tells."""
    from journeykit.job import TableJob

    job = TableJob(NIGHT, **TABLES, at=AT, run_id="night", ledger=ledger, everything=True, **how)
    disturb(ledger)
    return in_order(job.table()), held(ledger), job.summary().to_dict()


def on_spark(spark, ledger, **how):
    """The decisions of a run on Spark, which has begun."""
    how = {"at": AT, "run_id": "night", "everything": True, "partitions": 3, **how}
    return decide(spark, NIGHT, **frames(spark, TABLES), ledger=ledger, **how)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """What a local run gives."""
    with ledger_of("postgresql", tmp_path_factory.mktemp("wanted")) as ledger:
        history(ledger)
        return local(ledger)


def test_a_worker_that_is_killed_changes_nothing(spark, tmp_path, wanted):
    """It dies with half of a transaction done; its task is tried again and finds what it has reserved."""
    with database("postgresql", tmp_path) as url, Ledger(url, patience=900) as ledger:
        ledger.upgrade()
        history(ledger)
        token = tmp_path / "token"
        token.touch()
        with MortalLedger(url, token, 2, patience=900) as mortal:
            told = RunSummary()
            found = on_spark(spark, mortal, summary=told)
            disturb(ledger)
            pairs = found.rdd.map(lambda row: (row.reason, 1)).reduceByKey(lambda one, two: one + two, 2)
            reasons = dict(pairs.collect())
            assert not token.exists(), "one has died"
            assert (held(ledger), told.get.to_dict()) == wanted[1:]
            lose_shuffles(spark)
            assert dict(pairs.collect()) == reasons == told.get.reasons, "a stage is done again"
            assert (in_order(collected(found)), held(ledger), told.get.to_dict()) == wanted
        # The run is begun again, by another program.
        told = RunSummary()
        assert in_order(collected(on_spark(spark, url, partitions=2, summary=told))) == wanted[0]
        assert (held(ledger), told.get.to_dict()) == wanted[1:]


def test_twice_at_once_reserves_once(spark, tmp_path, wanted):
    """Two jobs of one run, as with speculative tasks: each gives all rows."""
    with ledger_of("postgresql", tmp_path) as ledger:
        history(ledger)
        both = [on_spark(spark, ledger, partitions=partitions) for partitions in (2, 3)]
        disturb(ledger)
        with ThreadPoolExecutor(2) as pool:
            one, other = (in_order(own) for own in pool.map(collected, both))
        assert (one, held(ledger)) == (other, held(ledger)) == wanted[:2]
        # A rehearsal of another run counts what is reserved now, and reserves nothing.
        rehearsal = collected(on_spark(spark, ledger, run_id="day", dry_run=True, outcomes="granted", everything=False))
        assert (rehearsal.num_rows, held(ledger, "day")) == (0, [])


def test_decisions_are_kept_and_claims_wait(spark, tmp_path):
    """What a ledger keeps besides reservations, once: answers for `explain`, and claims that were deferred."""
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [{"id": "news", "content": ["note"], "repeat": None}],
            "caps": [{"name": "one", "max": 1, "window": {"calendar": "day"}}],
        }
    )
    arbiter, names = Arbiter(playbook), [f"p{number}" for number in range(40)]
    contacts = {"contact_id": names, "consent_email": [True] * 40}
    claims = {"contact_id": names[::2], "campaign_id": ["news"] * 20, "weight": [2.0] * 20}
    touches = {"contact_id": names[::4], "sent_at": [AT] * 10, "channel": ["email"] * 10}
    tables = {"contacts": contacts, "claims": claims, "touches": touches}
    given = frames(spark, {name: pa.table(own) for name, own in tables.items()})
    with ledger_of("sqlite", tmp_path) as ledger:
        how = {"ledger": ledger, "keep_decisions": True, "partitions": 2, "everything": True}
        first = decide(spark, arbiter, **given, at=AT, run_id="night", **how)
        rows = in_order(collected(first))
        assert in_order(collected(first)) == rows
        assert {own.contact for own in ledger.waiting()} == set(names[::4])
        assert len(held(ledger)) == 10
        assert [row.reason for row in ledger.decision(run_id="night", contact="p4").rows] == ["capped"]
        given["claims"] = given["claims"].limit(0)
        given["touches"] = given["touches"].limit(0)
        again = decide(spark, arbiter, **given, at=AT + DAY, run_id="next", waiting=True, **how)
        assert collected(again).num_rows == 10
        assert ledger.waiting() == []


@pytest.mark.usefixtures("spark")
def test_the_command_reserves(tmp_path, monkeypatch):
    """`python -m journeykit.spark --ledger`: begun again with the same run, it goes on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "playbook.json").write_text(json.dumps(NIGHT.playbook.to_dict()), "utf-8")
    for name, table in TABLES.items():
        pq.write_table(table.slice(0, 50), f"{name}.parquet")
    tables = [part for name in TABLES for part in (f"--{name}", str(tmp_path / f"{name}.parquet"))]
    with ledger_of("sqlite", tmp_path) as ledger:
        own = [
            "--out",
            str(tmp_path / "out"),
            "--granted",
            "--run",
            "night",
            "--ledger",
            f"sqlite:///{Path(ledger.url.database).name}",
        ]
        for more in ([], ["--overwrite"]):
            assert main(["playbook.json", *tables, "--at", AT.isoformat(), *own, *more]) == 0
            assert pq.read_table("out").num_rows == len(held(ledger)) > 0


def test_a_session_of_connect_reserves_too(connect, tmp_path):
    """Its executors are those of a server, which says whether it is this machine."""
    contacts = connect.createDataFrame(TABLES["contacts"].slice(0, 30))
    with ledger_of("sqlite", tmp_path) as ledger:
        how = {"at": AT, "run_id": "night", "ledger": ledger, "outcomes": "granted", "partitions": 2}
        for _ in range(2):
            assert decide(connect, NIGHT, contacts, **how).count() == len(held(ledger)) == 60


def test_ledgers_that_executors_do_not_have_are_refused(spark, tmp_path):
    """By name, before anything is begun; so are options that need something else."""
    contacts = frames(spark, {"contacts": TABLES["contacts"]})["contacts"]
    for given, fault in (
        (MemoryLedger(), "a MemoryLedger is in this process"),
        (StoreLedger(MemoryLedger()), "cannot be sent to executors"),
        (7, "ledger must be a Ledger or its address, found int"),
        ("mysql://root@host/x", "is not kept in 'mysql'"),
    ):
        with pytest.raises(ModelError, match=fault):
            decide(spark, NIGHT, contacts, at=AT, ledger=given)
    with ledger_of("sqlite", tmp_path) as ledger:
        claims = spark.createDataFrame([("p1", "c0")], "contact_id string, campaign_id string")
        with pytest.raises(ModelError, match="waiting needs a table of contacts on Spark"):
            decide(spark, NIGHT, None, claims=claims, at=AT, ledger=ledger, waiting=True)
        with pytest.raises(ModelError, match="keeps nothing"):
            decide(spark, NIGHT, contacts, at=AT, ledger=ledger, dry_run=True, keep_decisions=True)
        assert ledger.stats()["runs"] == 0
        with pytest.raises(ModelError, match="dry_run is about a ledger"):
            decide(spark, NIGHT, contacts, at=AT, dry_run=True)
