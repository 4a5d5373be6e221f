"""Bad rows: how many are tolerated, as a number or a share, and whole in a file."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from journeykit import Arbiter, DataError, Playbook
from journeykit.cli import DATA, DONE, USAGE, main
from journeykit.job import Inputs, Job, TableJob
from journeykit.model.bad_row import BadRow
from journeykit.tables.bad_row_list import BadRows

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
WHEN = ("--at", "2026-11-05T10:00:00Z")
NOTE = {"content": [{"id": "note", "channel": "email"}], "campaigns": [{"id": "launch", "content": ["note"]}]}
JOURNEY = {"journey": {"stages": ["a", "b"], "transitions": [{"from": "a", "to": "b", "event": "buy"}]}}
ENGINES = ("one", "columns")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text(json.dumps(NOTE | JOURNEY))
    rows = [f"p{number},Europe/Skopje,x{number}" for number in range(199)]
    Path("c.csv").write_text("\n".join(["contact_id,timezone,city", *rows, "last,Mars/Base,Ohrid"]) + "\n")
    touches = [{"contact_id": "p1", "sent_at": "2026-11-01T08:00:00Z", "channel": "email"}] * 3
    lines = [*map(json.dumps, touches), '{"contact_id": "p1", "sent_at": "soon", "note": "Љ"}', "no json"]
    Path("t.jsonl").write_text("\n".join(lines) + "\n")
    Path("e.csv").write_text("contact_id,event,at\nanna,buy,2026-11-01T08:00:00Z\nben,buy,soon\n")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("tables", "limit", "code"),
    [
        (["--contacts", "c.csv"], "0.5%", DONE),
        (["--contacts", "c.csv"], "0.4 %", DATA),
        (["--contacts", "c.csv"], "0%", DATA),
        (["--contacts", "c.csv"], "1", DONE),
        # A share is one of each table's own rows: many contacts do not make up for the touches.
        (["--contacts", "c.csv", "--touches", "t.jsonl"], "39%", DATA),
        (["--contacts", "c.csv", "--touches", "t.jsonl"], "40%", DONE),
    ],
)
def test_a_share_of_the_rows_may_be_bad(engine, tables, limit, code, capsys):
    """Of each table; where it is more there is no output."""
    assert (
        main(["decide", "own.json", *tables, *WHEN, "--engine", engine, "--out", "d.csv", "--max-bad", limit]) == code
    )
    assert Path("d.csv").exists() == (code == DONE)
    said = capsys.readouterr().err
    if code == DATA:
        assert ("2 of 5 rows are bad" if "t.jsonl" in tables else "1 of 200 rows are bad (0.500%)") in said


def test_a_share_is_taken_from_python_too():
    """As text; what is no share is refused before anything is read."""
    arbiter, rows = Arbiter(Playbook.from_dict(NOTE)), [{"contact_id": own} for own in ("a", "b", None)]
    assert arbiter.decide_table(rows, at=AT, max_bad="34%", everything=True).num_rows == 2
    with pytest.raises(DataError, match="1 of 3 rows"):
        arbiter.decide_table(rows, at=AT, max_bad="33%")
    with pytest.raises(DataError, match="1 of 3 rows"):
        list(Job(arbiter, Inputs(contacts=iter(rows)), at=AT, max_bad="33%").decisions())
    for wrong in ("1", "101%", "-1%", "%", "one"):
        with pytest.raises(DataError, match="write a whole number from 0, or a share as 1%"):
            TableJob(arbiter, rows, at=AT, max_bad=wrong)


@pytest.mark.parametrize("engine", ENGINES)
def test_placing_takes_a_share_too(engine, capsys):
    """Of events."""
    arguments = ("place", "own.json", "--events", "e.csv", *WHEN, "--engine", engine, "--max-bad")
    assert main([*arguments, "50%"]) == DONE
    assert main([*arguments, "49%"]) == DATA
    assert "e.csv: 1 of 2 rows are bad" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("engine", ENGINES)
def test_bad_rows_are_kept_whole(engine, form):
    """As they were read, with the table, the row's number, the column, what was found and what is allowed."""
    tables = ("--contacts", "c.csv", "--touches", "t.jsonl", "--engine", engine)
    assert main(["decide", "own.json", *tables, *WHEN, "--out", "d.csv", "--bad-rows", f"b.{form}"]) == DONE
    if form == "parquet":
        found = pq.read_table("b.parquet").to_pylist()
    elif form == "csv":
        found = list(csv.DictReader(Path("b.csv").read_text().splitlines()))
    else:
        found = list(map(json.loads, Path("b.jsonl").read_text().splitlines()))
    assert [(row["table"], row["source"], int(row["row"]), row["column"] or "") for row in found] == [
        ("contacts", "c.csv", 200, "timezone"),
        ("touches", "t.jsonl", 4, "sent_at"),
        ("touches", "t.jsonl", 5, ""),
    ]
    assert json.loads(found[0]["cells"]) == {"contact_id": "last", "timezone": "Mars/Base", "city": "Ohrid"}
    assert json.loads(found[1]["cells"]) == {"contact_id": "p1", "sent_at": "soon", "note": "Љ"}
    assert json.loads(found[2]["cells"]) == "no json"
    assert found[0]["found"] == "'Mars/Base'"
    assert "IANA time zone" in found[0]["allowed"]


def test_bad_rows_of_python_tables_are_kept():
    """Of rows that can be read once only, too; all of them, though a summary shows the first."""
    rows = [{"contact_id": None, "n": number} for number in range(300)] + [{"contact_id": "a"}]
    arbiter = Arbiter(Playbook.from_dict(NOTE))
    summaries = []
    arbiter.decide_table(rows, at=AT, bad_rows="b.jsonl", summary=summaries.append)
    job = Job(arbiter, Inputs(contacts=iter(rows)), at=AT, bad_rows="c.jsonl")
    assert len(list(job.decisions())) == 1
    assert Path("b.jsonl").read_text() == Path("c.jsonl").read_text()
    lines = list(map(json.loads, Path("b.jsonl").read_text().splitlines()))
    assert [json.loads(row["cells"])["n"] for row in lines] == list(range(300))
    assert len(summaries[0].bad_first) == len(job.summary().bad_first) == 100


def test_bad_rows_overwrite_nothing(capsys):
    """Nor go to a file of an unknown kind."""
    for path in ("c.csv", "d.csv", "b.txt"):
        arguments = ("own.json", "--contacts", "c.csv", *WHEN, "--out", "d.csv", "--bad-rows", path)
        assert main(["decide", *arguments]) == USAGE
        assert "--bad-rows" in capsys.readouterr().err


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("table", "text", "words"),
    [
        ("contacts", "contact_id,timezone\na,Mars/Base\n,UTC\n", "none of its 2 rows can be used"),
        ("claims", "contact_id,campaign_id\na,lunch\nb,launhc\n", "none of its 2 rows can be used"),
        # Claims of nobody who is known.
        ("claims", "contact_id,campaign_id\nzoe,launch\n", "its only row cannot be used"),
        ("scores", "contact_id,campaign_id,propensity\na,launch,45\n", "its only row cannot be used"),
    ],
)
def test_a_table_none_of_whose_rows_can_be_used_is_refused(engine, table, text, words, capsys):
    """Of whatever kind, by decide and plan; nothing is written, the file of bad rows aside. `check` says it before."""
    Path("x.csv").write_text(text)
    Path("good.csv").write_text("contact_id\na\n")
    tables = ("--contacts", "x.csv" if table == "contacts" else "good.csv")
    tables += () if table == "contacts" else (f"--{table}", "x.csv")
    arguments = ("own.json", *tables, *WHEN, "--engine", engine, "--out", "d.csv")
    assert main(["decide", *arguments, "--bad-rows", "b.jsonl"]) == DATA
    said = capsys.readouterr().err
    assert f"x.csv: {words}; bad rows:\n  x.csv, row 1, field" in said
    assert main(["plan", *arguments, "--until", "2026-11-06T10:00:00Z"]) == DATA
    assert not Path("d.csv").exists()
    assert len(Path("b.jsonl").read_text().splitlines()) == len(text.splitlines()) - 1
    capsys.readouterr()
    if "zoe" not in text:
        assert main(["check", "own.json", *tables]) == DATA
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("engine", ENGINES)
def test_claims_without_contacts_are_refused_likewise(engine):
    """One usable row is enough; an empty table is none whose rows are bad."""
    for text, code in (
        ("contact_id,campaign_id\na,lunch\n", DATA),
        ("contact_id,campaign_id\na,lunch\na,launch\n", DONE),
        ("contact_id,campaign_id\n", DONE),
    ):
        Path("x.csv").write_text(text)
        assert main(["decide", "own.json", "--claims", "x.csv", *WHEN, "--engine", engine, "--out", "d.csv"]) == code


@pytest.mark.parametrize("engine", ENGINES)
def test_placing_and_segments_refuse_them_too(engine, capsys):
    """Contacts and events."""
    Path("x.csv").write_text("contact_id,timezone\na,Mars/Base\n,UTC\n")
    Path("bad.csv").write_text("contact_id,event,at\nanna,buy,soon\n")
    chosen = (*WHEN, "--engine", engine)
    for command in (
        ("place", "own.json", "--events", "e.csv", "--contacts", "x.csv", "--out", "s.csv"),
        ("place", "own.json", "--events", "bad.csv", "--out", "s.csv"),
        ("funnel", "own.json", "--events", "bad.csv"),
        ("graph", "own.json", "--events", "bad.csv"),
        ("segments", "own.json", "--contacts", "x.csv"),
    ):
        assert main([*command, *chosen]) == DATA, command
        assert "can be used" in (said := capsys.readouterr().err) or "cannot be used" in said
    assert not Path("s.csv").exists()
    assert main(["check", "own.json", "--events", "bad.csv"]) == DATA


@pytest.mark.parametrize("engine", ENGINES)
def test_segments_graph_and_import_take_a_share(engine, capsys):
    """As decide does."""
    chosen = (*WHEN, "--engine", engine, "--max-bad")
    for command, right, wrong in (
        (("segments", "own.json", "--contacts", "c.csv"), "0.5%", "0.4%"),
        (("graph", "own.json", "--events", "e.csv"), "50%", "49%"),
    ):
        assert main([*command, *chosen, right]) == DONE
        assert main([*command, *chosen, wrong]) == DATA
        assert "rows are bad" in capsys.readouterr().err
    Path("log.csv").write_text("who,when,what,id\na,2026-11-01T08:00:00Z,launch,1\nb,soon,launch,2\n")
    Path("map.json").write_text(
        json.dumps({"contact": "who", "at": "when", "campaign": "what", "message": "id", "channel_is": "email"})
    )
    assert main(["ledger", "upgrade", "sqlite:///l.db"]) == DONE
    for limit, code in (("50%", DONE), ("49%", DATA), ("many", USAGE)):
        arguments = ("sqlite:///l.db", "log.csv", "--columns", "map.json", "--max-bad", limit)
        assert main(["ledger", "import", *arguments]) == code


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_what_is_not_utf_8_is_kept_as_its_escape(engine, form):
    """It is why the row is bad."""
    bad = {"h": '{"contact_id":"h\\ud800"}', "b": '{"contact_id":"b","account_id":"h\\ud800"}'}
    Path("c.jsonl").write_text("\n".join(['{"contact_id":"a","consent":"email"}', *bad.values()]) + "\n")
    out = f"bad.{form}"
    given = ["decide", "own.json", "--contacts", "c.jsonl", *WHEN, "--engine", engine, "--out", "d.csv"]
    assert main([*given, "--bad-rows", out]) == DONE
    if form == "parquet":
        rows = pq.read_table(out).to_pylist()
    elif form == "csv":
        rows = list(csv.DictReader(Path(out).read_text(encoding="utf-8").splitlines()))
    else:
        rows = [json.loads(line) for line in Path(out).read_text(encoding="utf-8").splitlines()]
    assert [row["found"] for row in rows] == ["'h\\ud800'"] * 2
    assert [row["cells"].replace(" ", "") for row in rows] == list(bad.values())
    assert rows[1]["allowed"] == "text in UTF-8 that is not empty, without NUL"


@pytest.mark.parametrize("engine", ENGINES)
def test_contacts_without_rows_are_named(engine, capsys):
    """Where contacts come from claims, a contact's number is that of no row: a bad row says who it is."""
    long = "long" * 300
    rows = ["ann,launch,note", "ben,launch,note", "ben,launch,", f"{long},launch,note"]
    Path("claims.csv").write_text("\n".join(["contact_id,campaign_id,content_id", *rows]) + "\n")
    given = ("--claims", "claims.csv", "--ledger", "sqlite:///l.db", "--engine", engine, "--bad-rows", "b.jsonl")
    assert main(["ledger", "upgrade", "sqlite:///l.db"]) == DONE
    assert main(["decide", "own.json", *given, *WHEN, "--out", "d.csv"]) == DONE
    found = [json.loads(line) for line in Path("b.jsonl").read_text().splitlines()]
    named = [(bad["row"], json.loads(bad["cells"])["contact_id"]) for bad in found]
    assert named == [(0, "ben"), (0, long), (4, long)]
    said = capsys.readouterr().err
    assert "claims.csv, contact 'ben': found the same claim is there already" in said
    assert "claims.csv, contact 'longlong" in said


def test_lines_number_the_rows_that_have_numbers():
    """Of those that have none, the first says whose it is."""
    bad = BadRows()
    for contact in ("ann", "ben"):
        bad.add(BadRow("claims", 0, "at", "'x'", "a date", contact=contact))
    (line,) = bad.lines()
    assert line == "bad rows of claims: 2; the first: contact 'ann', field 'at': found 'x'; allowed is a date"
    bad.add(BadRow("claims", 7, "at", "'x'", "a date"))
    (line,) = bad.lines()
    assert line.startswith("bad rows of claims: 3 (rows 7, ...); the first: contact 'ann'")
