"""The summary of a run on Spark is that of a local run, whatever is done again and however it is cut."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from parity import Case, cases, collected, frames
from test_parts_of_a_run import said_by_contact

from journeykit import Arbiter, DataError, ModelError, Playbook
from journeykit.job import TableJob
from journeykit.spark import RunSummary, decide
from journeykit.tables import BadRows

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


SEEDS = [(own.seed, (1, 3, 7)[place % 3]) for place, own in enumerate(cases((0, 3, 9, 13)))]


@pytest.mark.parametrize(("seed", "partitions"), SEEDS)
def test_summaries_are_those_of_a_local_run(spark, seed, partitions):
    """Random playbooks and tables with faults, plans, arms and claims: all that a run tells."""
    case, told = Case(seed, people=30), RunSummary()
    how = case.options | {"partitions": partitions, "order_by": "nr"}
    collected(decide(spark, case.arbiter, **frames(spark, case.tables), **how, summary=told))
    assert_told_alike(told, local_job(case.arbiter, case.tables, **case.options))
