"""The nightly job under Dagster: partitions that are made again, checks that stop the sending, tries that help."""

from __future__ import annotations

import os
from datetime import datetime
from importlib import import_module
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from test_docs import DOCS

from journeykit import LedgerError
from journeykit.ledger import Ledger


@pytest.fixture
def night(folder, monkeypatch):
    """The recipe, in its folder."""
    monkeypatch.syspath_prepend(DOCS / "cookbook" / "dagster")
    module = import_module("night")
    monkeypatch.setattr(module, "FOLDER", folder)
    return module


@pytest.fixture
def instance():
    """An instance of Dagster in memory."""
    with dg.instance_for_test() as own:
        yield own


def run(night, instance, key):
    """The job for one night."""
    job = night.definitions.resolve_job_def("nightly")
    return job.execute_in_process(partition_key=key, instance=instance, raise_on_error=False)


def ledger():
    return Ledger(os.environ["LEDGER"])


def test_a_night_is_decided_checked_and_sent(night, instance):
    """Its counts are the asset's metadata; what was granted is sent, and confirmed."""
    handed = []
    night.send = handed.append
    done = run(night, instance, "2026-11-05")
    assert done.success
    (made,) = done.asset_materializations_for_node("decisions")
    assert {name: made.metadata[name].value for name in ("contacts", "granted")} == {"contacts": 3, "granted": 2}
    assert [evaluation.passed for evaluation in done.get_asset_check_evaluations()] == [True]
    assert [row["contact_id"] for row in handed] == ["anna", "ben"]
    with ledger() as own:
        assert own.stats()["touches"] == {"sent": 2}


def test_a_night_that_is_made_again_has_the_same_rows(night, instance):
    """Nothing is reserved or sent twice, and the next night counts it."""
    handed = []
    night.send = handed.append
    assert run(night, instance, "2026-11-05").success
    first = night.decided("2026-11-05").read_bytes()
    assert run(night, instance, "2026-11-05").success
    assert night.decided("2026-11-05").read_bytes() == first
    assert len(handed) == 2
    assert run(night, instance, "2026-11-06").success
    with ledger() as own:
        assert own.stats()["touches"] == {"sent": 4}


def test_a_broken_table_of_contacts_stops_the_sending(night, instance, folder):
    """The check is blocking: where most lack consent, what was granted stays reserved."""
    rows = "".join(f"p{n},Europe/Skopje,\n" for n in range(20))
    (folder / "contacts.csv").write_text("contact_id,timezone,consent\nanna,,email\n" + rows, encoding="utf-8")
    assert not run(night, instance, "2026-11-05").success
    with ledger() as own:
        assert own.stats()["touches"] == {"reserved": 1}


def test_only_a_ledger_that_is_busy_or_away_is_asked_again(night, instance, folder):
    """A table that cannot be used fails at once."""
    assert isinstance(night.failure(LedgerError("held", kind="locked")), dg.RetryRequested)
    assert not night.failure(LedgerError("full", kind="full")).allow_retries
    (folder / "contacts.csv").write_text("id\nanna\n", encoding="utf-8")
    failed = run(night, instance, "2026-11-05")
    assert not failed.success
    assert [event.step_key for event in failed.get_step_failure_events()] == ["decisions"]
    assert not [event for event in failed.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]


def test_the_schedule_asks_for_the_night_that_begins(night, instance):
    """At two in the morning the partition of the day that has just begun."""
    schedule = night.definitions.resolve_schedule_def("nightly_schedule")
    at = datetime(2026, 11, 5, 2, tzinfo=ZoneInfo("Europe/Skopje"))
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        (asked,) = schedule.evaluate_tick(context).run_requests
    assert (asked.partition_key, schedule.cron_schedule) == ("2026-11-05", "0 2 * * *")
