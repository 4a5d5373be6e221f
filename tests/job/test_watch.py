"""A job that can be watched: the log, the summary as a file, and exit codes that say what can be tried again."""

from __future__ import annotations

import json
import logging
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from journeykit import Arbiter, Playbook
from journeykit.basics.watch import Watch
from journeykit.cli import AGAIN, DONE, USAGE, main
from journeykit.cli.progress_bar import ProgressBar
from journeykit.errors import LedgerError
from journeykit.job import Inputs, Job, TableJob
from journeykit.ledger import Ledger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
WHEN = ("--at", "2026-11-05T10:00:00Z")
NOTE = {"content": [{"id": "note", "channel": "email"}], "campaigns": [{"id": "launch", "content": ["note"]}]}
JOURNEY = {"journey": {"stages": ["a", "b"], "transitions": [{"from": "a", "to": "b", "event": "buy"}]}}
ENGINES = ("one", "columns")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text(json.dumps(NOTE | JOURNEY))
    Path("c.csv").write_text("contact_id,consent\nanna,email\nben,email\n,email\n")
    Path("t.jsonl").write_text('{"contact_id": "anna", "sent_at": "2026-11-01T08:00:00Z", "channel": "email"}\nno\n')
    Path("e.csv").write_text("contact_id,event,at\nanna,buy,2026-11-01T08:00:00Z\n")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_summary_is_a_file_with_rows_version_engine_and_seconds(engine, capsys):
    """Of decide and plan; what is compared is the same for both engines, and holds no seconds."""
    tables = ("--contacts", "c.csv", "--touches", "t.jsonl")
    arguments = ("own.json", *tables, *WHEN, "--engine", engine, "--out", "d.csv", "--summary", "s.json")
    assert main(["decide", *arguments]) == DONE
    found = json.loads(Path("s.json").read_text())
    assert found["rows"] == {"contacts": 3, "touches": 2}
    assert (found["engine"], found["version"]) == (engine, "0.1.0")
    assert list(found["seconds"]) == ["reading", "deciding"]
    assert found["bad_rows"]["count"] == 2
    assert main(["plan", *arguments, "--until", "2026-11-06T10:00:00Z"]) == DONE
    assert json.loads(Path("s.json").read_text())["calendar"]
    capsys.readouterr()
    main(["decide", *arguments, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert "seconds" not in told
    assert told["rows"] == {"contacts": 3, "touches": 2}


def test_the_summary_of_placing_is_a_file(capsys):
    """By both engines alike, seconds and engine aside."""
    found = []
    for engine in ENGINES:
        arguments = ("own.json", "--events", "e.csv", *WHEN, "--engine", engine, "--summary", "s.json")
        assert main(["place", *arguments]) == DONE
        found.append(json.loads(Path("s.json").read_text()))
        assert found[-1].pop("engine") == engine
        assert list(found[-1].pop("seconds")) == ["placing", "writing"]
        assert found[-1]["rows"] == {"events": 1}
    assert found[0] == found[1]
    assert main(["place", "own.json", "--events", "e.csv", *WHEN, "--summary", "e.csv"]) == USAGE
    assert "would overwrite --events" in capsys.readouterr().err


def test_a_summary_overwrites_nothing_that_is_read_or_written(capsys):
    """Neither the playbook nor a table nor the output."""
    for path in ("own.json", "c.csv", "d.csv", "."):
        arguments = ("own.json", "--contacts", "c.csv", *WHEN, "--out", "d.csv", "--summary", path)
        assert main(["decide", *arguments]) == USAGE
        assert "--summary" in capsys.readouterr().err
    assert not Path("d.csv").exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_log_says_how_far_a_job_is(engine, caplog):
    """Under the name of the library; without a handler it is silent."""
    caplog.set_level(logging.INFO, "journeykit")
    logging.getLogger("journeykit").propagate = True
    arbiter, rows = Arbiter(Playbook.from_dict(NOTE)), [{"contact_id": f"p{number}"} for number in range(200)]
    watch = Watch(every=0)
    if engine == "one":
        job = Job(arbiter, Inputs(contacts=rows), at=AT, watch=watch)
        assert len(list(job.decisions())) == 200
    else:
        list(TableJob(arbiter, rows, at=AT, watch=watch).batches())
    assert {record.name for record in caplog.records} == {"journeykit"}
    said = caplog.messages[-1]
    assert said.startswith("deciding, ")
    assert "200 of 200 contacts done" in said


def test_a_heartbeat_comes_where_nothing_is_counted(caplog):
    """A thread looks after it, and ends with the work."""
    caplog.set_level(logging.INFO, "journeykit")
    logging.getLogger("journeykit").propagate = True
    watch = Watch(every=0.01)
    watch.begin("reading")
    watch.detail = lambda: "500 contacts reserved for"
    with watch.beating():
        while not caplog.messages:
            pass
    assert caplog.messages[0] == "reading, 0 s; 500 contacts reserved for"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_ledger_that_another_job_holds_can_be_tried_again(engine, capsys, monkeypatch):
    """75, as `sysexits.h` has it for what may succeed later; so is a lost connection."""
    ledger = Ledger("sqlite:///ledger.db")
    ledger.upgrade()
    monkeypatch.setattr(
        "journeykit.ledger.sql_ledger.Ledger.__init__.__kwdefaults__",
        {"arbiter": None, "patience": 0.1, "connections": 32},
    )
    held = sqlite3.connect("ledger.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    arguments = ("own.json", "--contacts", "c.csv", *WHEN, "--engine", engine, "--out", "d.csv")
    assert main(["decide", *arguments, "--ledger", "sqlite:///ledger.db"]) == AGAIN
    assert "try again" in capsys.readouterr().err
    held.execute("ROLLBACK")
    assert not Path("d.csv").exists()
    assert main(["decide", *arguments, "--ledger", "sqlite:///ledger.db"]) == DONE

    def lost(*_, **__):
        raise LedgerError("the connection broke", kind="lost")

    monkeypatch.setattr("journeykit.ledger.sql_ledger.Ledger.transaction", lost)
    assert main(["decide", *arguments, "--ledger", "sqlite:///ledger.db"]) == AGAIN
    monkeypatch.setattr("journeykit.ledger.sql_ledger.Ledger.reading", lost)
    assert main(["ledger", "show", "sqlite:///ledger.db", "anna"]) == AGAIN


def test_the_command_line_logs_to_standard_error(capsys, monkeypatch):
    """Where standard error is no terminal, a job says there how far it is, and takes its log handler away again."""
    before = logging.getLogger("journeykit").handlers[:]
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with ProgressBar() as bar:
        bar.watch.begin("reading")
        bar.watch._told -= 60
        bar.watch.beat()
    assert "reading, 0 s" in capsys.readouterr().err
    assert logging.getLogger("journeykit").handlers == before
