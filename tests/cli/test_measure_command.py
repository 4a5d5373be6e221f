"""The command line of measures: ``journeykit measure``."""

from __future__ import annotations

import contextlib
import csv
import json
from pathlib import Path

import pytest

from journeykit.cli import main
from journeykit.ledger import Ledger

PLAYBOOK = """
campaigns:
  - {id: news, cost: 0.5}
responses:
  - {name: sale, event: purchase, value: amount, within: 7d}
"""
TOUCHES = """contact_id,sent_at,campaign_id,status,shard
anna,2026-11-02T09:00:00Z,news,sent,7
ben,2026-11-03T09:00:00Z,news,,7
cleo,2026-11-03T09:00:00Z,news,bounced,7
dan,someday,news,,7
"""
EVENTS = """contact_id,event,at,amount
anna,purchase,2026-11-04T09:00:00Z,30
anna,complaint,2026-11-05T09:00:00Z,
ben,purchase,2026-11-02T09:00:00Z,10
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("playbook.yaml", PLAYBOOK), ("touches.csv", TOUCHES), ("events.csv", EVENTS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


TABLES = ("--touches", "touches.csv", "--events", "events.csv")


def measure(*more):
    until = () if "--until" in more else ("--until", "2026-12-05T00:00Z")
    return main(["measure", "playbook.yaml", "--since", "2026-11-01T00:00Z", *until, *more])


def test_the_report_is_printed(capsys):
    """With what became of rows and events that are not used."""
    assert measure(*TABLES) == 0
    said = capsys.readouterr().out
    assert said.startswith("2 messages to 2 contacts, from 2026-11-01 00:00 to 2026-12-05 00:00 (UTC).")
    assert "touches that are no messages: bounced 1" in said
    assert "bad rows of touches.csv: 1; the first: row 4, field 'sent_at'" in said
    assert "sale: 1 of 2 events happened before the message, or at its instant (row 3)" in said
    assert "Opt-outs and complaints by messages before" in said


def test_bad_rows_are_told_by_table_and_row(folder, capsys):
    """Of each table the rows, the first of them first, however many another table has."""
    (folder / "events.csv").write_text(EVENTS + "anna,,2026-11-05T09:00:00Z,\nben,purchase,soon,1\n", encoding="utf-8")
    rows = "".join(f"c{number}\n" for number in (*range(150), *range(150)))
    (folder / "contacts.csv").write_text(f"contact_id\nanna\nben\n{rows}", encoding="utf-8")
    assert measure(*TABLES, "--contacts", "contacts.csv") == 0
    said = capsys.readouterr().out
    assert "bad rows of contacts.csv: 150 (rows 153, 154, 155, 156, 157, ...); the first: row 153" in said
    assert "bad rows of touches.csv: 1; the first: row 4, field 'sent_at'" in said
    assert "bad rows of events.csv: 2 (rows 4, 5); the first: row 4, field 'event'" in said


@pytest.mark.parametrize("relation", [False, True])
def test_bad_rows_are_kept_whole(folder, relation):
    """Each once, with what is wrong; events that are no response are looked at for the relationship alone."""
    (folder / "events.csv").write_text(EVENTS + "ben,purchase,soon,1\nben,visit,later,\n", encoding="utf-8")
    (folder / "contacts.csv").write_text("contact_id\nanna\nben\nanna\n", encoding="utf-8")
    more = ("--relation", "--silent", "10d") if relation else ()
    assert measure(*TABLES, "--contacts", "contacts.csv", "--bad-rows", "bad.jsonl", *more) == 0
    rows = [json.loads(line) for line in (folder / "bad.jsonl").read_text("utf-8").splitlines()]
    told = [(row["table"], row["row"], row["column"], row["found"]) for row in rows]
    events = [("events", 4, "at", "'soon'"), *([("events", 5, "at", "'later'")] if relation else [])]
    assert told == [("touches", 4, "sent_at", "'someday'"), *events, ("contacts", 3, "contact_id", "'anna'")]
    assert json.loads(rows[0]["cells"])["contact_id"] == "dan"


def test_bad_rows_are_kept_where_there_are_too_many(folder, capsys):
    """That is when they are looked for."""
    assert measure(*TABLES, "--max-bad", "0", "--bad-rows", "bad.csv") == 4
    assert "someday" in (folder / "bad.csv").read_text("utf-8")
    assert measure(*TABLES, "--bad-rows", "bad.txt") == 2
    assert "--bad-rows bad.txt: the ending of a table is one of" in capsys.readouterr().err


def test_what_is_true_of_several_responses_is_said_once(folder, capsys):
    """Also where the relationship is measured beside, and reads the same events."""
    more = "  - {name: buy, event: purchase, within: 7d}\n"
    (folder / "playbook.yaml").write_text(PLAYBOOK + more, encoding="utf-8")
    assert measure(*TABLES, "--relation", "--silent", "10d") == 0
    before = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    assert "sale, buy: 1 of 2 events happened before the message, or at its instant (row 3)" in before
    assert sum("happened before the message" in line for line in before) == 1
    assert len(set(before)) == len(before)


def test_everything_is_json(capsys):
    """With the counts of what was not used."""
    assert measure(*TABLES, "--json", "--level", "0.9", "--seed", "4", "--by", "channel*team,shard") == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["level"], data["seed"], list(data["by"])) == (0.9, 4, ["channel*team", "shard"])
    sale = data["all"]["responses"][0]
    assert (sale["response"], sale["rate"]["part"], sale["rate"]["whole"], sale["value_per_cost"]) == ("sale", 1, 2, 30)
    assert data["counts"]["messages"]["bad_rows"] == 1


def test_tables_are_written(capsys):
    """The measures, and which message each complaint followed; both or neither."""
    assert measure(*TABLES, "--out", "found.csv", "--harms", "harms.jsonl") == 0
    rows = list(csv.DictReader(Path("found.csv").read_text("utf-8").splitlines()))
    assert [(row["by"], row["group"], row["measure"], row["rate"]) for row in rows][:3] == [
        ("", "", "sale", "0.5"),
        ("", "", "complaint", "0.5"),
        ("campaign", "news", "sale", "0.5"),
    ]
    (harm,) = map(json.loads, Path("harms.jsonl").read_text("utf-8").splitlines())
    assert (harm["response"], harm["contact_id"], harm["campaign_id"]) == ("complaint", "anna", "news")
    assert harm["messages_before"] == 0
    capsys.readouterr()


def test_touches_and_events_of_a_ledger(capsys):
    """What is not given is taken from the ledger."""
    with Ledger("sqlite:///ledger.db") as ledger:
        ledger.upgrade()
        log = {"contact": "contact_id", "at": "sent_at", "campaign": "campaign_id", "message": "id"}
        row = {"contact_id": "anna", "sent_at": "2026-11-02T09:00:00Z", "campaign_id": "news", "id": "1"}
        ledger.import_log([row], log)
        ledger.record_events([{"contact_id": "anna", "event": "purchase", "at": "2026-11-03T09:00Z", "amount": 7}])
    assert measure("--ledger", "sqlite:///ledger.db", "--json") == 0
    assert json.loads(capsys.readouterr().out)["all"]["responses"][0]["value"] == 7
    assert measure("--ledger", "sqlite:///ledger.db", "--json", "--touches", "touches.csv") == 0
    assert json.loads(capsys.readouterr().out)["all"]["messages"] == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--events", "events.csv"), "--touches is needed, or --ledger"),
        ((*TABLES, "--ledger", "sqlite:///l.db"), "both are given"),
        ((*TABLES, "--until", "2026-10-01T00:00Z"), "--since must be before --until"),
        ((*TABLES, "--out", "found.txt"), "the ending of a table is one of"),
        ((*TABLES, "--out", "events.csv"), "--out events.csv would"),
        ((*TABLES, "--out", "a.csv", "--harms", "a.csv"), "--harms a.csv would"),
        ((*TABLES, "--by", "team,"), "by is names"),
        ((*TABLES, "--level", "2"), "no number between 0 and 1"),
        ((*TABLES, "--seed", "x"), "no whole number"),
    ],
)
def test_a_wrong_command_line_is_refused(more, said, capsys):
    """Before any work is done."""
    assert measure(*more) == 2
    assert said in capsys.readouterr().err


def test_tables_that_cannot_be_used(capsys):
    """Exit 4: too many bad rows, a facet that is nowhere."""
    assert measure(*TABLES, "--max-bad", "0") == 4
    assert measure(*TABLES, "--by", "colour") == 4
    assert "neither messages nor contacts have 'colour'" in capsys.readouterr().err


def test_the_relationship_is_measured_beside(capsys):
    """The parts of the relationship follow what messages did; in JSON each has its name."""
    assert measure(*TABLES, "--relation", "--silent", "10d", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["churn"]["silent"] == "10d"
    assert found["base_value"]["all"]["contacts_before"] >= 0
    assert measure(*TABLES, "--relation", "--silent", "10d", "--out", "found.csv") == 0
    assert "Churn by month" in capsys.readouterr().out
    assert any(
        row["measure"].startswith("churn ")
        for row in csv.DictReader(Path("found.csv").read_text(encoding="utf-8").splitlines())
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--silent", "90d"], "--silent belongs to --relation"),
        (["--relation", "--silent", "90x"], "--silent: '90x' is no length of time"),
        (["--relation", "--sales-within", "soon"], "--sales-within: 'soon'"),
        (["--relation", "--discount", "5"], "'5' is no rate from 0 to 1"),
        (["--relation", "--value", "salse"], "did you mean 'sale'"),
    ],
)
def test_what_cannot_be_asked_of_the_relationship(more, said, capsys):
    """Each mistake is a usage error with its own words."""
    with contextlib.suppress(SystemExit):
        assert measure(*TABLES, *more) == 2
    assert said in capsys.readouterr().err


def test_decisions_say_who_was_assigned(folder, capsys):
    """The contacts of a holdout, messaged or not."""
    rules = PLAYBOOK + "holdout: {share: 0.5}\n"
    (folder / "playbook.yaml").write_text(rules, encoding="utf-8")
    rows = [f"c{number},2026-11-01T09:00:00Z" for number in range(50)]
    (folder / "log.csv").write_text("\n".join(["contact_id,decided_at", *rows]), encoding="utf-8")
    assert measure(*TABLES, "--decisions", "log.csv", "--json") == 0
    arms = json.loads(capsys.readouterr().out)["arms"][0]["arms"]
    assert sum(arm["contacts"] for arm in arms) == 50
    assert measure(*TABLES, "--decisions", "log.csv", "--out", "log.csv") == 2
    assert "--out log.csv would" in capsys.readouterr().err
