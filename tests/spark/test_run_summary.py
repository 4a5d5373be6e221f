"""The summary of a run on Spark is that of a local run, whatever is done again and however it is cut."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from parity import Case, cases, collected, frames
from test_parts_of_a_run import said_by_contact

from journeykit import Arbiter, DataError, ModelError, Playbook
from journeykit.job import TableJob
from journeykit.spark import RunSummary, decide
from journeykit.tables import BadRows
from journeykit.tables.bad_row_file import by_contact

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NOTE = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "launch", "content": ["note"]}],
    "on_missing": {"consent": "allow"},
}


def local_job(arbiter, tables, **options):
    """A local run over the same tables, which has decided all of its contacts and kept all bad rows."""
    job = TableJob(arbiter, **tables, **options)
    job.bad.keep = None
    for _ in job.batches():
        pass
    return job


def counts_of(job):
    """What a local job has counted, with bad rows that say whose they are, the first contacts first."""
    counts = said_by_contact(job)
    bad = BadRows()
    bad.merge(counts.bad)
    counts.bad = bad
    return counts


def assert_told_alike(told, job):
    """The same summary, calendar and bad rows as a local run."""
    assert told.get.to_dict() == job.facts.summary(counts_of(job)).to_dict()
    if job.until is not None:
        assert told.calendar == job.calendar()


SEEDS = [(own.seed, (1, 7)[place]) for place, own in enumerate(cases((0, 9)))]


@pytest.mark.parametrize(("seed", "partitions"), SEEDS)
def test_summaries_are_those_of_a_local_run(spark, seed, partitions):
    """Random playbooks and tables with faults, plans, arms and claims: all that a run tells."""
    case, told = Case(seed, people=30), RunSummary()
    how = case.options | {"partitions": partitions, "order_by": "nr"}
    collected(decide(spark, case.arbiter, **frames(spark, case.tables), **how, summary=told))
    assert_told_alike(told, local_job(case.arbiter, case.tables, **case.options))


@pytest.fixture(scope="module")
def case():
    """A playbook with tables that have faults, and the local run over them."""
    own = Case(13, people=30)
    return own, local_job(own.arbiter, own.tables, **own.options)


def decisions_of(spark, case, told, **options):
    """The decisions of the case, in three tasks."""
    how = case.options | {"partitions": 3, "order_by": "nr", **options}
    return decide(spark, case.arbiter, **frames(spark, case.tables), **how, summary=told)


def flaky(batches):
    """The same batches, from a task that fails at its end the first time that it is done."""
    from pyspark import TaskContext

    yield from batches
    if TaskContext.get().attemptNumber() == 0:
        raise OSError("the machine is gone")


def test_what_is_done_again_is_counted_once(spark, case):
    """Tasks that fail once they have decided all, further actions, and stages whose shuffles are lost."""
    own, job = case
    told, done = RunSummary(), []
    frame = decisions_of(spark, own, told, progress=lambda contacts, total: done.append((contacts, total)))
    frame.mapInArrow(flaky, frame.schema).count()
    assert_told_alike(told, job)
    assert done[-1] == (told.get.contacts, None)
    pairs = frame.rdd.map(lambda row: (row.team, 1)).reduceByKey(lambda one, two: one + two, 2)
    rows = dict(pairs.collect())
    lose_shuffles(spark)
    assert dict(pairs.collect()) == rows
    assert_told_alike(told, job)
    assert done[-1] == (told.get.contacts, None)


def lose_shuffles(spark):
    """Remove all files of shuffles, as if the machine that has them were gone."""
    found = list(Path(spark.sparkContext.getConf().get("spark.local.dir")).rglob("shuffle_*"))
    assert found
    for path in found:
        path.unlink()


def test_a_part_of_a_run_has_no_summary(spark, case):
    """What take or limit makes is not all; once the rest is made too, it is counted once."""
    own, job = case
    told = RunSummary()
    with pytest.raises(ModelError, match="give it to decide as summary="):
        _ = told.get
    frame = decisions_of(spark, own, told)
    with pytest.raises(DataError, match="3 of 3 parts of the run were not done yet: make all of its rows"):
        _ = told.get
    assert frame.take(1)
    with pytest.raises(DataError, match="of 3 parts of the run were not done yet"):
        _ = told.get
    collected(frame)
    assert_told_alike(told, job)
    with pytest.raises(ModelError, match="this summary is that of another run: make one for each"):
        decisions_of(spark, own, told)


def test_no_rows_are_counted_too(spark):
    """Empty tables are a run of nobody."""
    arbiter, told = Arbiter(Playbook.from_dict(NOTE)), RunSummary()
    tables = {"contacts": pa.table({"contact_id": pa.array([], pa.int64()), "stage": pa.array([], pa.string())})}
    assert not decide(spark, arbiter, **frames(spark, tables), at=AT, summary=told).collect()
    assert_told_alike(told, local_job(arbiter, tables, at=AT))
    assert told.get.contacts == 0


def test_too_many_bad_rows_are_refused_when_the_summary_is_asked(spark):
    """A share is known once all is counted, and so is a table of which no row can be used."""
    contacts = spark.createDataFrame([("a", "UTC"), ("b", "Mars/Base")], "contact_id string, timezone string")
    arbiter, told = Arbiter(Playbook.from_dict(NOTE)), RunSummary()
    with pytest.raises(ModelError, match="all bad rows are counted when the summary is asked: give summary too"):
        decide(spark, arbiter, contacts, at=AT, max_bad=1)
    assert decide(spark, arbiter, contacts, at=AT, max_bad="10%", summary=told).count() == 1
    with pytest.raises(DataError, match="1 of 2 rows are bad") as raised:
        _ = told.get
    assert "contacts, contact 'b', field 'timezone': found 'Mars/Base'" in str(raised.value)
    useless = RunSummary()
    assert decide(spark, arbiter, contacts.where("timezone != 'UTC'"), at=AT, summary=useless).count() == 0
    with pytest.raises(DataError, match="its only row cannot be used"):
        _ = useless.get


def test_bad_rows_are_kept_whole(spark, case):
    """Each bad row of the run, once, as the table has it."""
    own, job = case
    told = RunSummary()
    decisions_of(spark, own, told)
    found = told.bad_rows.collect()
    tables = [(source, job.picker(name)) for name, source in job.sources.items()]
    wanted = [
        (bad.source, str(bad.contact), bad.field, bad.found, bad.allowed) for bad in by_contact(job.bad.first, tables)
    ]
    rows = [(row.table, str(row.contact_id), row.column or "", row.found, row.allowed) for row in found]
    assert sorted(rows) == sorted(wanted)
    for row in found:
        cells = json.loads(row.cells)
        assert list(cells) == own.tables[row.table].column_names
        assert row.contact_id == cells["contact_id"]


def test_connect_tells_the_same(connect, case):
    """Spark Connect has no accumulators: the counts come as rows of the same pass, which nobody else sees."""
    own, job = case
    told = RunSummary()
    frame = decisions_of(connect, own, told)
    assert tuple(frame.columns) == job.output.columns
    found = collected(frame)
    assert found.num_rows == job.written
    assert_told_alike(told, job)
    with pytest.raises(ModelError, match="Spark Connect does not tell how many contacts are done"):
        decisions_of(connect, own, None, progress=print)
