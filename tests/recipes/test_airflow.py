"""The nightly job under Airflow: a night that is run again, and what another try may mend."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from test_docs import DOCS

from journeykit.ledger import Ledger

AT = datetime(2026, 11, 5, 1, tzinfo=UTC)
DONE = dict.fromkeys(("check", "decide", "send", "expire"), "success")


@pytest.fixture
def night(folder, monkeypatch):
    """The recipe, in its folder; its sender puts rows into the list `handed`."""
    monkeypatch.syspath_prepend(DOCS / "cookbook" / "airflow")
    module = import_module("night")
    monkeypatch.setattr(module, "FOLDER", folder)
    monkeypatch.setattr(module, "JOURNEYKIT", str(Path(sys.executable).with_name("journeykit")))
    monkeypatch.setattr(module, "handed", [], raising=False)
    monkeypatch.setattr(module, "hand_over", module.handed.append)
    return module


def run(night, at=AT):
    """The DAG for one night: what became of each task."""
    done = night.messages().test(run_after=at, logical_date=at)
    return {own.task_id: str(own.state) for own in done.get_task_instances()}


def ledger():
    return Ledger(os.environ["LEDGER"])


def test_nights_go_through_and_one_that_is_run_again_reserves_nothing_twice(night, folder):
    """Checked, decided, sent, confirmed; again with the same rows; and the next night counts it."""
    assert run(night) == DONE
    assert [row["contact_id"] for row in night.handed] == ["anna", "ben"]
    (file,) = folder.glob("decisions-*.csv")
    first = file.read_bytes()
    assert run(night) == DONE
    assert file.read_bytes() == first
    with ledger() as own:
        assert own.stats()["touches"] == {"sent": 2}
        assert run(night, AT + timedelta(days=1)) == DONE
        assert own.stats()["touches"] == {"sent": 4}
    # A sender gets the rows of a night that is run again once more, under the same ids.
    assert len({row["decision_id"] for row in night.handed}) == 4
    assert len(night.handed) == 6


def test_a_table_that_cannot_be_used_stops_the_night(night, folder):
    """Nothing is decided, and no try follows that would fail as well."""
    (folder / "contacts.csv").write_text("id\nanna\n", encoding="utf-8")
    found = run(night)
    assert (found["check"], found["decide"], found["send"]) == ("failed", "upstream_failed", "upstream_failed")
    with ledger() as own:
        assert own.stats()["touches"] == {}


@pytest.mark.parametrize(("code", "last"), [(75, False), (1, True), (3, True), (4, True)])
def test_only_a_ledger_that_is_busy_or_away_is_asked_again(night, monkeypatch, tmp_path, code, last):
    """By the exit code of the command."""
    stub = tmp_path / "stub"
    stub.write_text(f"#!/bin/sh\nexit {code}\n", encoding="utf-8")
    stub.chmod(0o755)
    monkeypatch.setattr(night, "JOURNEYKIT", str(stub))
    with pytest.raises(AirflowException) as error:
        night.journeykit("decide")
    assert isinstance(error.value, AirflowFailException) == last


def test_the_scheduler_reads_the_file_without_the_library():
    """It reads it every half minute."""
    code = "import sys, night; assert 'journeykit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=DOCS / "cookbook" / "airflow", check=True)
