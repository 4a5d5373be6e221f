"""Spark gives the rows of a local run, whatever the number of partitions and the size of batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import tabled
from generate import events, lively, with_events
from parity import Case, cases, collected, frames, in_order, table
from test_run_summary import assert_told_alike, local_job

from journeykit import Arbiter, DataError, ModelError, Playbook
from journeykit.policies import Weighted
from journeykit.spark import RunSummary, decide

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
TWO = {
    "content": [{"id": "note", "channel": "email"}, {"id": "offer", "channel": "email"}],
    "campaigns": [
        {"id": "news", "content": ["note"], "weight": 1},
        {"id": "launch", "content": ["offer"], "weight": 2, "audience": "score >= 40"},
    ],
    "caps": [{"name": "one a week", "max": 1, "window": {"rolling": "7d"}}],
}


@pytest.fixture
def small_batches(spark):
    """Batches of seven rows, so that what belongs to one contact comes in several."""
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "7")
    yield
    spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")


def test_a_few_rows(spark):
    """The smallest case: a contact, a touch that takes the place of a message, and one without."""
    contacts = spark.createDataFrame(
        [("a", 50, True), ("b", 60, True)], "contact_id string, score int, consent_email boolean"
    )
    touches = spark.createDataFrame(
        [("a", AT - timedelta(days=1), "email")], "contact_id string, sent_at timestamp, channel string"
    )
    found = decide(spark, Arbiter(Playbook.from_dict(TWO)), contacts, touches, at=AT, everything=True)
    rows = {(row.contact_id, row.campaign_id): (row.outcome, row.reason) for row in found.collect()}
    assert rows == {
        ("a", "news"): ("deferred", "capped"),
        ("a", "launch"): ("deferred", "capped"),
        ("b", "news"): ("deferred", "outbid"),
        ("b", "launch"): ("granted", "granted"),
    }


# Claims alone, of contacts or with scores; plans; tiers, arms, exploration, holdouts, segments, hours; with explain.
SEEDS = [(own.seed, (1, 3, 7)[place % 3]) for place, own in enumerate(cases((0, 4, 12, 15, 27, 35)))]


@pytest.mark.parametrize(("seed", "partitions"), SEEDS)
@pytest.mark.usefixtures("small_batches")
def test_random_playbooks_are_decided_alike(spark, seed, partitions):
    """Tables with faults, claims, scores, plans, arms and exploration: rows and summary are those of one local job."""
    assert_decided_alike(spark, Case(seed, people=30), partitions)


def assert_decided_alike(spark, case, partitions):
    """Every row, and all that the summary tells, of one local job."""
    how, told = case.options | {"partitions": partitions, "order_by": "nr"}, RunSummary()
    found = collected(decide(spark, case.arbiter, **frames(spark, case.tables), **how, summary=told))
    assert in_order(found) == in_order(case.decided())
    assert_told_alike(told, local_job(case.arbiter, case.tables, **case.options))


def test_accounts_are_decided_together(spark):
    """Caps per account: the contacts of one account come to one place, however they and their touches lie."""
    assert_decided_alike(spark, next(cases([7], people=20, accounts=True)), 3)


def test_events_count_alike(spark):
    """What contacts did, for rules that ask for it."""
    found = next(with_events(own) for own in map(lively, range(50)) if own.playbook.campaigns)
    people, rng = 12, Random(1)
    log = tabled.log(rng, range(people), lambda: events(rng, found.at))
    tables = {"contacts": table(tabled.contacts(rng, found.at, people)), "events": table(log)}
    arbiter, how = Arbiter(found.playbook), {"at": found.at, "until": found.until, "everything": True}
    wanted = arbiter.decide_table(**tables, **how)
    assert in_order(collected(decide(spark, arbiter, **frames(spark, tables), **how))) == in_order(wanted)


IDS = [7, 8, 9]


@pytest.mark.parametrize(
    ("contacts", "touches"),
    [
        (pa.array(IDS), pa.array(["7", " 8 ", "nobody"])),
        (pa.array(["7", " 8", "9"]), pa.array([7, 8, 77])),
        (pa.array([7, None, 8], pa.int32()), pa.array([None, "8", "7"])),
    ],
)
def test_ids_of_several_kinds_meet(spark, contacts, touches):
    """Whole numbers and text of one id are one contact; the id that is given is that of the contacts, as it came."""
    people = pa.table({"contact_id": contacts, "score": [50] * 3, "consent_email": [True] * 3})
    sent = pa.table({"contact_id": touches, "sent_at": [AT - timedelta(days=1)] * 3, "channel": ["email"] * 3})
    tables, how = {"contacts": people, "touches": sent}, {"at": AT, "everything": True}
    arbiter = Arbiter(Playbook.from_dict(TWO))
    found = collected(decide(spark, arbiter, **frames(spark, tables), **how, partitions=3))
    assert in_order(found) == in_order(arbiter.decide_table(**tables, **how))
    assert found.schema.field("contact_id").type == (
        pa.string() if pa.types.is_string(contacts.type) else contacts.type
    )


def test_of_doubles_the_same_row_stands(spark):
    """By order_by the row that a local run met first; without, one that no order of the input changes."""
    rows = [{"contact_id": "a", "score": own, "consent_email": True, "updated": own} for own in (30, 50, 40)]
    arbiter = Arbiter(Playbook.from_dict(TWO))
    wanted = arbiter.decide_table(sorted(rows, key=lambda row: -row["updated"]), at=AT, everything=True)
    for order_by in ("updated desc", ["updated desc"], ()):
        found = []
        for some in (rows, rows[::-1]):
            frame = spark.createDataFrame(table(some)).repartition(3)
            found.append(in_order(collected(decide(spark, arbiter, frame, at=AT, everything=True, order_by=order_by))))
        assert found[0] == found[1]
        assert not order_by or found[0] == in_order(wanted)


def test_rows_and_columns_are_chosen_as_locally(spark):
    """Options of what is given: outcomes, columns in their order, a name for the run, and a zone for instants."""
    tables = {
        "contacts": table([{"contact_id": name, "score": 50, "consent_email": True} for name in "ab"]),
        "touches": table([{"contact_id": "a", "sent_at": datetime(2026, 11, 5, 9), "channel": "email"}]),
    }
    arbiter = Arbiter(Playbook.from_dict(TWO))
    how = {
        "at": AT,
        "outcomes": "granted",
        "columns": ["run_id", "campaign_id"],
        "run_id": "night",
        "zone": "Europe/Skopje",
    }
    found = collected(decide(spark, arbiter, **frames(spark, tables), **how))
    assert found.to_pylist() == [{"run_id": "night", "campaign_id": "launch"}]
    assert in_order(found) == in_order(arbiter.decide_table(**tables, **how))


class Shouting(Weighted):
    """A policy of one's own, in a module that executors can import."""

    def weigh(self, claim, contact, context):
        """The better, the longer the id."""
        return super().weigh(claim, contact, context) * len(contact.id)


def test_a_policy_of_ones_own_travels_by_name(spark):
    """It weighs on executors, where its module is imported."""
    arbiter = Arbiter(Playbook.from_dict(TWO | {"policy": "shouting"}), {"shouting": Shouting()})
    contacts = table([{"contact_id": "a" * own, "score": 50, "consent_email": True} for own in (1, 3)])
    found = collected(decide(spark, arbiter, spark.createDataFrame(contacts), at=AT))
    assert in_order(found) == in_order(arbiter.decide_table(contacts, at=AT))
    assert pc.max(found["weight"]).as_py() == 6


def test_connect_gives_the_same(connect):
    """A session of Spark Connect, whose tables and functions travel to a server."""
    assert_decided_alike(connect, next(cases([15], people=20)), 3)


def test_what_cannot_be_is_said_at_once(spark):
    """Before Spark does anything: tables of another kind, columns that are missing, options that cannot be."""
    arbiter = Arbiter(Playbook.from_dict(TWO))
    contacts = spark.createDataFrame([("a",)], "contact_id string")
    with pytest.raises(DataError, match="contacts: a table is a DataFrame of Spark here, found list"):
        decide(spark, arbiter, [{"contact_id": "a"}], at=AT)
    with pytest.raises(DataError, match="this DataFrame is a stream"):
        decide(spark, arbiter, spark.readStream.format("rate").load(), at=AT)
    with pytest.raises(DataError, match="either contacts or claims"):
        decide(spark, arbiter, None, at=AT)
    with pytest.raises(DataError, match="sent_at"):
        decide(spark, arbiter, contacts, contacts, at=AT)
    with pytest.raises(DataError, match="contact_id"):
        decide(spark, arbiter, contacts.withColumnRenamed("contact_id", "who"), at=AT)
    with pytest.raises(ModelError, match="outcomes is 'some'"):
        decide(spark, arbiter, contacts, at=AT, outcomes="some")
    with pytest.raises(ModelError, match="partitions is a whole number"):
        decide(spark, arbiter, contacts, at=AT, partitions=0)
    with pytest.raises(DataError, match="updatd"):
        decide(spark, arbiter, contacts, at=AT, order_by="updatd")
    with pytest.raises(ModelError, match="columns is a text; give a list of names"):
        decide(spark, arbiter, contacts, at=AT, columns="contact_id")
    with pytest.raises(ModelError, match=r"give RunSummary\(\)"):
        decide(spark, arbiter, contacts, at=AT, summary=RunSummary)


def test_a_strict_run_refuses_what_the_playbook_does_not_know(spark):
    """Columns that are missing are refused without a look at the rows; words and kinds of cells, by one pass."""
    arbiter = Arbiter(Playbook.from_dict(TWO | {"journey": {"stages": [{"name": "decision"}]}}))
    rows = [{"contact_id": own, "score": "50", "stage": "decision", "consent_email": True} for own in "abc"]
    assert decide(spark, arbiter, spark.createDataFrame(table(rows)), at=AT, strict=True).count()
    for change in ({"stage": "Decison"}, {"score": "50%"}):
        contacts = table([*rows, rows[0] | {"contact_id": "d"} | change])
        with pytest.raises(DataError) as local:
            arbiter.decide_table(contacts, at=AT, strict=True)
        with pytest.raises(DataError) as error:
            decide(spark, arbiter, spark.createDataFrame(contacts), at=AT, strict=True)
        assert str(error.value) == str(local.value)
    with pytest.raises(DataError, match="there is no column 'score'"):
        decide(spark, arbiter, spark.createDataFrame(table(rows).drop_columns("score")), at=AT, strict=True)


def test_skew_changes_nothing(spark):
    """An account with most of the contacts, a contact with most of the touches, and many rows without an id."""
    playbook = Playbook.from_dict(
        TWO | {"caps": [{"name": "five", "max": 5, "per": "account", "window": {"rolling": "7d"}}]}
    )
    arbiter = Arbiter(playbook)
    ids = [*map(str, range(400)), *[None] * 2000]
    rows = [
        {"contact_id": own, "account_id": "big" if place % 8 else f"a{place}", "score": 50, "consent_email": True}
        for place, own in enumerate(ids)
    ]
    sent = [{"contact_id": "8", "sent_at": AT - timedelta(minutes=own), "channel": "email"} for own in range(5000)]
    tables, how = {"contacts": table(rows), "touches": table(sent)}, {"at": AT, "outcomes": "granted"}
    found = in_order(collected(decide(spark, arbiter, **frames(spark, tables), **how, partitions=3)))
    assert found == in_order(arbiter.decide_table(**tables, **how))
    assert len(found) == 5 + 2 * 49


def test_a_part_that_cannot_be_read_fails_the_run(spark, tmp_path):
    """A file of a table that is broken: Spark's error, and no decisions without it."""
    folder = tmp_path / "contacts"
    spark.range(20, numPartitions=2).selectExpr("id as contact_id", "true as consent_email").write.parquet(str(folder))
    broken = min(folder.glob("*.parquet"))
    broken.write_bytes(broken.read_bytes()[:200])
    frame = spark.read.schema("contact_id long, consent_email boolean").parquet(str(folder))
    found = decide(spark, Arbiter(Playbook.from_dict(TWO)), frame, at=AT)
    with pytest.raises(Exception, match=r"(?i)parquet"):
        found.collect()
