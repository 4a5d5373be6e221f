"""How good the tables of a run were: counted alike by both engines, for whatever watches runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from journeykit import Arbiter, Playbook
from journeykit.cli import DONE, main
from journeykit.job import Inputs, Job, TableJob

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
OWN = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [
        {"id": "sale", "content": ["note"], "audience": "points >= 3 and City == 'Skopje'"},
        {"id": "fair", "content": ["note"], "audience": "count('visit') >= 1"},
    ],
    "caps": [{"name": "one", "max": 1, "window": {"days": 30}}],
}
CONTACTS = """contact_id,consent,points,city,shoe
anna,email,3,Skopje,38
ben,email,,Skopje,
carl,email,x,,
anna,email,4,Ohrid,
,email,5,Ohrid,
dora,email,1, ,
"""
TOUCHES = """contact_id,sent_at,channel,note
anna,2026-11-01T08:00:00Z,email,a
nobody,2025-01-01T08:00:00+01:00,email,b
ben,yesterday,email,c
carl,2026-11-09T08:00:00Z,email,d
"""
EVENTS = """contact_id,event,at,page
anna,visit,2026-11-01T08:00:00Z,/a
nobody,visit,2026-10-01T08:00:00Z,/b
anna,,2026-10-01T08:00:00Z,/b
"""
TEXT = "text"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text(json.dumps(OWN))
    for name, text in (("c.csv", CONTACTS), ("t.csv", TOUCHES), ("e.csv", EVENTS)):
        Path(name).write_text(text)


def found(engine, **tables):
    """The summary of a run as plain data."""
    arbiter = Arbiter(Playbook.from_dict(OWN))
    job = TableJob(arbiter, **tables, at=AT) if engine == "columns" else Job(arbiter, Inputs(**tables), at=AT)
    return json.loads(json.dumps(job.write("d.csv").to_dict()))


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_each_table_says_how_good_it_is(engine):
    """Rows, columns, what nothing asks for, bad rows by column, who is unknown, what is missing, and the instants."""
    told = found(engine, contacts="c.csv", touches="t.csv", events="e.csv")
    contacts, touches, events = (told["tables"][name] for name in ("contacts", "touches", "events"))
    assert contacts == {
        "source": "c.csv",
        "rows": 6,
        "columns": dict.fromkeys(["contact_id", "consent", "points", "city", "shoe"], TEXT),
        "unused": ["shoe"],
        "bad_rows": 2,
        "bad": [
            {"field": "contact_id", "allowed": contacts["bad"][0]["allowed"], "count": 1},
            {"field": "contact_id", "allowed": "one row for each contact", "count": 1},
        ],
        "unknown": None,
        "repeated": 1,
        "missing": {"points": {"count": 1, "share": 0.25}, "City": {"count": 2, "share": 0.5}},
        "first": None,
        "last": None,
    }
    assert (touches["rows"], touches["bad_rows"], touches["unknown"], touches["unused"]) == (4, 1, 1, ["note"])
    assert (touches["first"], touches["last"]) == ("2025-01-01T07:00:00+00:00", "2026-11-09T08:00:00+00:00")
    assert (events["rows"], events["bad_rows"], events["unknown"], events["unused"]) == (3, 1, 1, ["page"])
    assert (events["first"], events["last"]) == ("2026-10-01T08:00:00+00:00", "2026-11-01T08:00:00+00:00")
    assert told["output"]["columns"]["lost_to"] == "texts"


def test_both_engines_say_the_same_of_every_format():
    """CSV, JSON lines, Parquet, and rows in memory."""
    rows = [
        {"contact_id": 1, "points": 3.5, "City": "Skopje", "tags": ["a"], "on": AT},
        {"contact_id": 2, "points": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), "c.parquet")
    Path("c.jsonl").write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
    for given in ("c.csv", "c.parquet", "c.jsonl", rows):
        one, columns = (found(engine, contacts=given, touches="t.csv")["tables"] for engine in ("one", "columns"))
        assert one == columns
        names = [*columns["contacts"]["columns"]]
        assert names == sorted(["contact_id", "consent", "points", "city", "shoe"] if given == "c.csv" else rows[0])
        if given == "c.parquet":
            kinds = ["text", "whole", "instant", "number", "texts"]
            assert [*columns["contacts"]["columns"].values()] == kinds
            assert columns["contacts"]["unused"] == ["on", "tags"]


def test_a_table_that_nothing_asks_for_is_not_read():
    """Events where no rule counts them: no rows, no columns."""
    arbiter = Arbiter(Playbook.from_dict(OWN | {"campaigns": OWN["campaigns"][:1]}))
    tables = {"contacts": "c.csv", "events": "e.csv"}
    for job in (TableJob(arbiter, **tables, at=AT), Job(arbiter, Inputs(**tables), at=AT)):
        told = job.write("d.csv").to_dict()["tables"]["events"]
        assert (told["columns"], told["unused"], told["first"]) == ({}, [], None)


def test_an_empty_table_has_no_shares(capsys):
    """Nothing is divided by nobody."""
    Path("c.csv").write_text("contact_id,consent,points,city\n")
    words = ["decide", "own.json", "--contacts", "c.csv", "--at", "2026-11-05T10:00:00Z", "--out", "d.csv", "--json"]
    assert main(words) == DONE
    told = json.loads(capsys.readouterr().out)
    assert next(iter(told)) == "schema"
    assert told["schema"] == "journeykit.summary/1"
    assert told["tables"]["contacts"]["missing"]["points"] == {"count": 0, "share": 0.0}


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_tables_without_rows_and_events_that_nobody_asks_for(engine, monkeypatch):
    """The columns of a table are known without a row; a table that was not read has no number of rows."""
    own = {**OWN, "campaigns": [{"id": "sale", "content": ["note"]}]}
    monkeypatch.setitem(globals(), "OWN", own)
    Path("s.csv").write_text("contact_id,campaign_id,propensity\n")
    Path("l.csv").write_text("contact_id,campaign_id,weight\n")
    for name, tables in (("scores", {"scores": "s.csv"}), ("claims", {"claims": "l.csv"})):
        quality = found(engine, contacts="c.csv", **tables)["tables"][name]
        assert (quality["rows"], len(quality["columns"]), quality["unused"]) == (0, 3, [])
    pq.write_table(pa.table({"contact_id": ["anna"], "event": ["visit"], "at": [AT]}), "e.parquet")
    for events in ("e.csv", "e.parquet"):
        summary = found(engine, contacts="c.csv", events=events)
        assert (summary["tables"]["events"]["rows"], summary["rows"]) == (None, {"contacts": 6})
