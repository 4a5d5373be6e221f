"""Logs of runs: each adds a folder of its own, whole or not at all, and every reader finds all of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pyarrow.dataset as pads
import pytest

from journeykit import Arbiter, DataError, ModelError, Playbook
from journeykit.cli import DATA, DONE, USAGE, main
from journeykit.job import Inputs, Job, TableJob
from journeykit.ledger import Ledger
from journeykit.tables.arrow.decision_log import DecisionLog

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
OWN = {
    "content": [{"id": "note", "channel": "email"}, {"id": "ping", "channel": "sms"}],
    "campaigns": [
        {"id": "sale", "team": "growth", "content": ["note"]},
        {"id": "fair", "team": "events & co", "content": ["ping"]},
    ],
    "caps": [{"name": "one", "max": 1, "window": {"days": 30}}],
}
CONTACTS = [{"contact_id": name, "consent": "email;sms"} for name in ("anna", "ben", "carl")]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text(json.dumps(OWN))
    Path("c.csv").write_text("contact_id,consent\n" + "".join(f"{own['contact_id']},email;sms\n" for own in CONTACTS))


def arbiter(**more):
    return Arbiter(Playbook.from_dict(OWN | more))


def append(at=AT, *, engine="columns", contacts=CONTACTS, by=None, run=None, arbiter=arbiter(), log="log"):  # noqa: B008
    if engine == "columns":
        return TableJob(arbiter, contacts, at=at, run_id=run).write(log, partition=by, append=True)
    return Job(arbiter, Inputs(contacts=contacts), at=at, run_id=run).write(log, partition=by, append=True)


def rows(log="log"):
    return sorted(DecisionLog(log).table(["run_id", "contact_id", "campaign_id", "outcome"]).to_pylist(), key=str)


@pytest.mark.parametrize("by", [None, "day", "channel", "team"])
@pytest.mark.parametrize("engine", ["one", "columns"])
def test_each_run_adds_its_rows(engine, by):
    """Every reader finds the rows of all runs: ours, pyarrow and DuckDB."""
    found = []
    for day in range(3):
        append(AT + timedelta(days=day), engine=engine, by=by, run=f"night {day}/a")
        found.append(len(rows()))
    assert found == [6, 12, 18]
    assert sorted(own.name for own in Path("log").iterdir()) == [f"run=night%20{day}%2Fa" for day in range(3)]
    assert pads.dataset("log", partitioning="hive").count_rows() == 18
    query = "select run_id, count(*) from read_parquet('log/**/*.parquet', hive_partitioning = true) group by all"
    assert dict(duckdb.sql(query).fetchall()) == {f"night {day}/a": 6 for day in range(3)}
    assert not list(Path().glob(".*"))


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_run_that_is_repeated_replaces_itself(engine):
    """Its rows are there once, also where the contacts are others by now; other runs keep theirs."""
    append(AT - timedelta(days=1))
    append(engine=engine)
    before = rows()
    append(engine=engine)
    assert rows() == before
    append(engine=engine, contacts=CONTACTS[:1])
    assert len(rows()) == 6 + 2


def test_a_run_is_the_same_however_its_instant_is_written():
    """An offset says nothing of what was decided."""
    append(run="a")
    append(AT.astimezone(timezone(timedelta(hours=1))), run="a")
    assert len(rows()) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="other systems need not have what swaps two folders")
def test_a_run_that_is_replaced_is_there_all_the_time(monkeypatch):
    """Old and new change places at once: readers find one of them, also after a kill."""
    append(run="a")
    before = Path("log/run=a").stat().st_ino
    monkeypatch.setattr(Path, "rename", lambda *_: pytest.fail("a moment without the run"))
    append(run="a", contacts=CONTACTS[:1])
    assert Path("log/run=a").stat().st_ino != before
    assert len(rows()) == 2
    assert not list(Path().glob(".*"))


def test_a_run_is_replaced_where_folders_cannot_change_places(monkeypatch):
    """By two names, one after the other."""
    append(run="a")
    monkeypatch.setattr("journeykit.tables.files.swapped", lambda *_: False)
    append(run="a", contacts=CONTACTS[:1])
    assert len(rows()) == 2
    assert not list(Path().glob(".*"))


def test_a_log_is_not_replaced_by_a_table():
    """Who forgets to append does not lose all runs."""
    append()
    before = rows()
    for engine in ("one", "columns"):
        kind = (
            Job(arbiter(), Inputs(contacts=CONTACTS), at=AT)
            if engine == "one"
            else TableJob(arbiter(), CONTACTS, at=AT)
        )
        with pytest.raises(DataError, match="it is a log of runs, which append adds to; write to another place"):
            kind.write("log", partition="day")
    assert rows() == before


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_what_a_log_refuses_the_ledger_does_not_hear_of(engine):
    """The same name is free there for the run that it belongs to."""
    append(run="a")
    words = ["decide", "own.json", "--contacts", "c.csv", "--ledger", "sqlite:///own.db", "--out", "log", "--append"]
    with Ledger("sqlite:///own.db") as ledger:
        ledger.upgrade()
        assert main([*words, "--at", "2026-11-06T10:00:00Z", "--run", "a", "--quiet", "--engine", engine]) == DATA
        with pytest.raises(DataError, match="another run called 'a'"):
            arbiter().decide_table(
                CONTACTS, at=AT + timedelta(days=1), run_id="a", ledger=ledger, out="log", append=True
            )
        with ledger.reading() as transaction:
            assert transaction.run("a") is None


def test_both_engines_append_the_same_rows():
    """Rows, run and folder."""
    append(log="a", engine="one", by="team")
    append(log="b", engine="columns", by="team")
    assert rows("a") == rows("b")
    names = [sorted(str(own.relative_to(log)) for own in Path(log).rglob("*.parquet")) for log in "ab"]
    assert names[0] == names[1]


def test_another_run_of_the_same_name_is_refused():
    """Another instant, another end or another playbook: what was decided then would be lost."""
    append(run="nightly")
    before = rows()
    whose = arbiter().playbook.fingerprint[:12]
    said = (
        f"log: the log has another run called 'nightly', of 2026-11-05T10:00:00+00:00, playbook {whose}; give this one "
        "another name, or leave the name out"
    )
    for engine in ("one", "columns"):
        for how in ({"at": AT + timedelta(days=1)}, {"arbiter": arbiter(caps=[])}):
            with pytest.raises(DataError) as error:
                append(run="nightly", engine=engine, **how)
            assert str(error.value) == said
    with pytest.raises(DataError, match="another run called 'nightly'"):
        TableJob(arbiter(), CONTACTS, at=AT, until=AT + timedelta(days=2), run_id="nightly").write("log", append=True)
    assert rows() == before


def test_what_is_no_log_is_refused():
    """A folder with other things, a table of its own, a file, another partitioning."""
    Path("other").mkdir()
    Path("other/notes.txt").write_text("mine")
    TableJob(arbiter(), CONTACTS, at=AT).write("table", partition="team")
    Path("file").write_text("mine")
    append(by="team")
    for log, by, said in (
        ("other", None, "the folder holds 'notes.txt', and a log holds folders called run=...; give another folder"),
        ("table", None, "the folder holds 'team=events%20%26%20co', and a log holds folders called run=..."),
        ("file", None, "this is a file, and a log is a folder"),
        ("log", "day", "the runs of this log are partitioned by team, and this one would be partitioned by day"),
        ("log", None, "the runs of this log are partitioned by team, and this one would be not partitioned"),
    ):
        for engine in ("one", "columns"):
            with pytest.raises(DataError) as error:
                append(AT + timedelta(days=1), engine=engine, log=log, by=by)
            assert said in str(error.value)
    with pytest.raises(ModelError, match=r"append writes a folder of Parquet files"):
        append(log="d.csv")
    with pytest.raises(ModelError, match="append is about a folder that is written: give out too"):
        arbiter().decide_table(CONTACTS, at=AT, append=True)
    Path("log/run=mine").mkdir()
    Path("log/run=mine/mine.parquet").write_text("mine")
    with pytest.raises(DataError, match=r"the folder holds 'mine\.parquet', which is no part of a table of decisions"):
        append(run="mine", by="team")


def test_a_log_of_days_may_have_runs_without_any():
    """Nothing was granted or deferred in one of them: it has the folders of the others all the same."""
    nobody = [{"contact_id": "anna", "consent": "sms", "suppressed": True}]
    TableJob(arbiter(), nobody, at=AT, everything=True).write("log", partition="day", append=True)
    TableJob(arbiter(), CONTACTS, at=AT + timedelta(days=1), everything=True).write("log", partition="day", append=True)
    assert len(rows()) == 8
    query = "select count(*) from read_parquet('log/**/*.parquet', hive_partitioning = true)"
    assert duckdb.sql(query).fetchall() == [(8,)]


KILLED = """
import time
from journeykit.tables.folder_output import FolderOutput, RunOfLog
output = FolderOutput("log", None, RunOfLog("second", "then", None, "f" * 64))
with output.writers(lambda path: path.open("wb")) as writer:
    writer(None).write(b"half")
    print("half", flush=True)
    time.sleep(60)
"""


def test_a_run_that_is_killed_leaves_nothing_in_the_log():
    """Readers never see it; the next run takes away what it left, and it can be run again."""
    append()
    before = rows()
    killed = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "half\n"
    query = "select count(*) from 'log/**/*.parquet'"
    assert rows() == before
    assert duckdb.sql(query).fetchall() == [(6,)]
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert rows() == before
    (left,) = Path().glob(".log.*.tmp")
    old = time.time() - 60
    os.utime(left, (old, old))
    append(AT + timedelta(days=1), run="second")
    assert len(rows()) == 12
    assert not list(Path().glob(".log.*.tmp"))


@pytest.mark.parametrize("other", ["a", "b"])
def test_two_runs_at_once_both_stay(other):
    """Of two names both; of one name twice, one of them, whole."""
    first = TableJob(arbiter(), CONTACTS, at=AT, run_id="a")
    batches = first.batches

    def meanwhile():
        yield from batches()
        append(run=other)

    first.batches = meanwhile
    first.write("log", append=True)
    assert {own.name for own in Path("log").iterdir()} == {"run=a", f"run={other}"}
    assert len(rows()) == (6 if other == "a" else 12)


def test_another_run_of_the_name_that_came_in_between_stays():
    """What is decided meanwhile under the same name is not replaced."""
    first = TableJob(arbiter(), CONTACTS, at=AT + timedelta(days=1), run_id="a")
    batches = first.batches

    def meanwhile():
        yield from batches()
        append(run="a")

    first.batches = meanwhile
    with pytest.raises(DataError, match="another run called 'a'"):
        first.write("log", append=True)
    assert DecisionLog("log").table(["decided_at"])["decided_at"].to_pylist() == [AT] * 6


def test_measures_read_a_log(capsys):
    """Assignments of all its runs, or of one."""
    for day in range(2):
        append(AT + timedelta(days=day), run=f"n{day}", by="day")
    Path("t.csv").write_text("contact_id,sent_at,channel,campaign_id\nanna,2026-11-05T10:00:00Z,email,sale\n")
    Path("e.csv").write_text("contact_id,event,at\nanna,opt_out,2026-11-05T12:00:00Z\n")
    words = ["measure", "own.json", "--touches", "t.csv", "--events", "e.csv", "--since", "2026-11-01T00:00:00Z"]
    for log in ("log", "log/run=n0"):
        assert main([*words, "--until", "2026-12-01T00:00:00Z", "--decisions", log, "--json"]) == DONE
        assert json.loads(capsys.readouterr().out)["schema"] == "journeykit.measures/1"


def test_the_command_appends_and_refuses(capsys):
    """Exit codes and words; the calendar of a plan is printed all the same."""
    words = ["own.json", "--contacts", "c.csv", "--out", "log", "--append", "--quiet"]
    assert main(["decide", *words, "--at", "2026-11-05T10:00:00Z", "--run", "x"]) == DONE
    assert main(["decide", *words, "--at", "2026-11-05T10:00:00Z", "--run", "x"]) == DONE
    assert main(["decide", *words, "--at", "2026-11-06T10:00:00Z", "--run", "x"]) == DATA
    assert "the log has another run called 'x', of 2026-11-05T10:00:00+00:00" in capsys.readouterr().err
    plan = ["--at", "2026-11-06T10:00:00Z", "--until", "2026-11-08T10:00:00Z"]
    assert main(["plan", *words, *plan]) == DONE
    assert len(rows()) == 12
    words[4] = "log.csv"
    assert main(["decide", *words, "--at", "2026-11-05T10:00:00Z"]) == USAGE
    assert "--append writes a folder of Parquet files; give the name of a folder" in capsys.readouterr().err


def test_a_run_may_read_what_others_wrote_but_not_its_own():
    """Its own folder would be overwritten."""
    append(run="a")
    job = TableJob(arbiter(), CONTACTS, claims="log/run=a", at=AT + timedelta(days=1), run_id="b")
    job.write("log", append=True)
    with pytest.raises(DataError, match="the decisions would overwrite the claims"):
        TableJob(arbiter(), CONTACTS, claims="log/run=a", at=AT, run_id="a").write("log", append=True)
    with pytest.raises(DataError, match="the decisions would become part of the claims"):
        TableJob(arbiter(), CONTACTS, claims="log", at=AT, run_id="c").write("log", append=True)
