"""Spans and counters of OpenTelemetry: of a run, its phases and its tables, where the process gathers them."""

from __future__ import annotations

import gc
import subprocess
import sys
from datetime import UTC, datetime

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from journeykit import Arbiter, DataError, Playbook
from journeykit.job import Inputs, Job, TableJob
from journeykit.job.row_job import decide_one

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
OWN = {"content": [{"id": "note", "channel": "email"}], "campaigns": [{"id": "sale", "content": ["note"]}]}
TABLES = {
    "contacts": [{"contact_id": "anna", "consent": "email"}, {"contact_id": "ben"}, {"contact_id": ""}],
    "touches": [{"contact_id": "anna", "sent_at": AT, "channel": "email"}],
    "scores": [{"contact_id": "anna", "campaign_id": "sale", "propensity": 0.5}],
}


@pytest.fixture(scope="module")
def providers():
    """A process sets them up once."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traced = TracerProvider()
    traced.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(traced)
    metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
    return spans, reader


@pytest.fixture
def gathered(providers):
    spans, reader = providers
    spans.clear()
    return spans, reader


def job(engine, **tables):
    arbiter = Arbiter(Playbook.from_dict(OWN))
    if engine == "columns":
        return TableJob(arbiter, **tables, at=AT, run_id="r")
    return Job(arbiter, Inputs(**tables), at=AT, run_id="r")


def counted(reader):
    """What was counted so far, by counter and kind."""
    found = {}
    for own in reader.get_metrics_data().resource_metrics:
        for metric in (metric for scope in own.scope_metrics for metric in scope.metrics):
            for point in metric.data.data_points:
                found[metric.name, point.attributes.get("journeykit.kind", "")] = point.value
    return found


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_run_has_spans_and_counters(gathered, tmp_path, engine):
    """The run above its phases, these above the tables that are read in them."""
    spans, reader = gathered
    before = counted(reader) if reader.get_metrics_data() else {}
    job(engine, **TABLES).write(tmp_path / "d.csv")
    found = {span.name: span for span in spans.get_finished_spans()}
    run, reading = found["journeykit.run"], found["journeykit.phase.reading"]
    assert {"journeykit.phase.deciding", "journeykit.table.touches", "journeykit.table.scores"} <= found.keys()
    assert run.parent is None
    assert reading.parent.span_id == run.context.span_id
    assert found["journeykit.table.touches"].parent.span_id in {
        span.context.span_id for span in spans.get_finished_spans() if span.name == "journeykit.phase.reading"
    }
    told = {"run_id": "r", "engine": engine, "contacts": 2, "claims": 2, "written": 1, "bad_rows": 1}
    assert run.attributes.items() >= {f"journeykit.{name}": value for name, value in told.items()}.items()
    assert run.status.is_ok or run.status.status_code is trace.StatusCode.UNSET
    after = counted(reader)
    more = {key: value - before.get(key, 0) for key, value in after.items()}
    assert more["journeykit.contacts", ""] == 2
    assert more["journeykit.claims", "granted"] == 1
    assert more["journeykit.bad_rows", "contacts"] == 1


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_run_that_fails_says_why(gathered, tmp_path, engine):
    """In its status; one that is given up is no success either."""
    spans, _ = gathered
    with pytest.raises(DataError):
        job(engine, contacts=[{"contact_id": ""}]).write(tmp_path / "d.csv")
    (run,) = (span for span in spans.get_finished_spans() if span.name == "journeykit.run")
    assert run.status.status_code is trace.StatusCode.ERROR
    assert "DataError" in run.status.description
    spans.clear()
    given_up = job(engine, **TABLES)
    del given_up
    gc.collect()
    (run,) = (span for span in spans.get_finished_spans() if span.name == "journeykit.run")
    assert run.status.description == "the run did not come to its end"


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_run_whose_tables_or_output_fail_says_why(gathered, tmp_path, engine):
    """Whether a table cannot be read before anything is decided, or the decisions cannot be put in their place."""
    spans, _ = gathered
    with pytest.raises(DataError):
        job(engine, contacts=TABLES["contacts"], scores=str(tmp_path / "none.csv"))
    own = job(engine, **TABLES)
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(IsADirectoryError):
        own.write(tmp_path / "d.csv")
    gc.collect()
    read, written = (span for span in spans.get_finished_spans() if span.name == "journeykit.run")
    for run, error in ((read, "DataError"), (written, "IsADirectoryError")):
        assert run.status.status_code is trace.StatusCode.ERROR
        assert run.status.description.startswith(error)


def test_one_contact_that_is_explained_is_no_failure(gathered):
    """Who come after are not decided, as nobody asks."""
    spans, _ = gathered
    decide_one(Arbiter(Playbook.from_dict(OWN)), Inputs(contacts=TABLES["contacts"][:2]), "anna", at=AT)
    gc.collect()
    (run,) = (span for span in spans.get_finished_spans() if span.name == "journeykit.run")
    assert run.status.status_code is trace.StatusCode.UNSET


def test_nothing_is_loaded_where_nobody_gathers_spans():
    """A run does not import OpenTelemetry: the process that has set it up did."""
    code = (
        "import sys; from datetime import datetime, UTC; from journeykit import Arbiter, Playbook\n"
        "from journeykit.job import Inputs, Job\n"
        "job = Job(Arbiter(Playbook()), Inputs(contacts=[{'contact_id': 'a'}]), at=datetime(2026, 1, 1, tzinfo=UTC))\n"
        "assert len(list(job.decisions())) == 1\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
