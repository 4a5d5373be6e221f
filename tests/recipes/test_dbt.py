"""The nightly job as a Python model of dbt: nights that are built again, the ledger, and tables that cannot be used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from test_docs import DOCS

from journeykit.ledger import Ledger

TOUCHES = "contact_id,sent_at,channel,campaign_id\nanna,2026-11-04T10:00:00Z,email,nurture\n"


@pytest.fixture
def project(folder):
    """The recipe beside the playbook; its seeds are the contacts and the touches."""
    shutil.copytree(DOCS / "cookbook" / "dbt", folder, dirs_exist_ok=True)
    (folder / "seeds").mkdir()
    (folder / "contacts.csv").rename(folder / "seeds" / "contacts.csv")
    (folder / "seeds" / "touches.csv").write_text(TOUCHES, encoding="utf-8")
    return folder


def build(day, **environment):
    """What dbt says of a night, and how it ends."""
    variables = json.dumps({"at": f"2026-11-{day:02}T06:00:00+00:00"})
    return subprocess.run(
        [Path(sys.executable).with_name("dbt"), "build", "--no-use-colors", "--vars", variables],
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def rows():
    """The table of decisions: by night, contact and campaign, the reason."""
    with duckdb.connect("warehouse.duckdb") as warehouse:
        found = warehouse.sql("SELECT day(decided_at), contact_id, campaign_id, reason FROM decisions ORDER BY ALL")
        return found.fetchall()


def test_nights_are_added_and_one_that_is_built_again_replaces_its_own(project):
    """Touches of the warehouse are the history."""
    first = build(5, LEDGER="")
    assert first.returncode == 0, first.stdout
    assert "granted 2" in first.stdout
    night = rows()
    assert [own[1:] for own in night if own[3] == "granted"] == [
        ("anna", "launch", "granted"),
        ("ben", "launch", "granted"),
    ]
    assert build(5, LEDGER="").returncode == 0
    assert rows() == night
    with (project / "seeds" / "touches.csv").open("a", encoding="utf-8") as touches:
        touches.write("anna,2026-11-05T06:00:00Z,email,launch\n")
    assert build(6, LEDGER="").returncode == 0
    assert rows()[: len(night)] == night
    assert [own[3] for own in rows()[len(night) :] if own[1] == "anna"] == ["capped", "capped"]


def test_with_a_ledger_what_is_granted_is_reserved_once(project):
    """The ledger is the history then."""
    for _ in range(2):
        assert build(5).returncode == 0
        with Ledger(os.environ["LEDGER"]) as ledger:
            assert ledger.stats()["touches"] == {"reserved": 2}


def test_a_table_with_too_many_bad_rows_ends_the_build(project):
    """The message names file and row, and no row is written."""
    (project / "seeds" / "contacts.csv").write_text("contact_id,timezone\nanna,Mars/Base\nben,\n", encoding="utf-8")
    failed = build(5, LEDGER="")
    assert failed.returncode == 1
    assert "contacts, row 1, field 'timezone'" in failed.stdout
    with pytest.raises(duckdb.CatalogException):
        rows()
