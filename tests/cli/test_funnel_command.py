"""The command line of estimation: ``journeykit funnel``."""

from __future__ import annotations

import csv
import json

import pytest

from journeykit.cli import main

PLAYBOOK = """
journey:
  stages: [{name: lead}, {name: talk}, {name: customer}]
  transitions:
    - {from: lead, to: talk, event: demo}
    - {from: talk, to: customer, event: purchase}
segments:
  - {name: big, rule: "employees >= 500"}
"""
CONTACTS = "contact_id,account_id,Industry,employees,segments\nanna,acme,bank,900,vip\nben,acme,shop,20,\ncleo,,,,\n"
EVENTS = """contact_id,event,at,amount,event_id
anna,visit,2026-01-01T00:00:00Z,,
anna,demo,2026-01-05T00:00:00Z,,
anna,purchase,2026-01-15T00:00:00Z,100,1
anna,purchase,2026-01-15T00:00:00Z,100,1
anna,purchase,2026-01-20T00:00:00Z,300,2
ben,visit,2026-01-02T00:00:00Z,,
ben,demo,2026-01-08T00:00:00Z,,
ben,lost,2026-01-09T00:00:00Z,,
cleo,visit,2026-01-03T00:00:00Z,,
cleo,purchase,2026-01-04T00:00:00Z,a lot,
cleo,purchase,yesterday,5,
cleo,purchase,2027-01-04T00:00:00Z,5,
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "playbook.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    (tmp_path / "events.csv").write_text(EVENTS, encoding="utf-8")
    return tmp_path


def funnel(*more):
    return main(["funnel", "playbook.yaml", "--events", "events.csv", "--at", "2026-02-01T00:00:00Z", *more])


def found(capsys, *more):
    assert funnel("--json", *more) == 0
    return json.loads(capsys.readouterr().out)


def test_the_funnel_is_printed(capsys):
    """The estimates go to standard output, what became of the rows to standard error."""
    assert funnel() == 0
    said = capsys.readouterr()
    assert said.out.startswith("3 contacts, 6 steps, until 2026-02-01 00:00 (UTC).")
    assert "\nlead            3         3        2  66.7 %  20.8 to 93.9 %         1" in said.out
    assert "Sales" not in said.out
    assert "could not be used" in said.err


def test_both_engines_say_the_same(capsys):
    """Contacts may be placed one by one or over columns."""
    given = ("--contacts", "contacts.csv", "--by", "industry", "--won", "purchase")
    assert funnel(*given, "--engine", "one") == 0
    wanted = capsys.readouterr()
    assert funnel(*given, "--engine", "columns") == 0
    assert capsys.readouterr() == wanted


def test_a_sale_is_told_from_others_as_in_placing(capsys, folder):
    """One sale written in three ways is one; a row that cannot be used takes no other row's place."""
    (folder / "events.csv").write_text(
        "contact_id,event,at,amount,event_id\n"
        "anna,purchase,2026-01-15T09:00:00Z,50,\n"
        "anna,purchase,2026-01-15T10:00:00+01:00,50,\n"
        "anna,purchase,2026-01-15T09:00Z,50.0,\n"
        "ben,purchase,yesterday,7,1\n"
        "ben,purchase,2026-01-16T09:00:00Z,7,1\n",
        encoding="utf-8",
    )
    data = found(capsys, "--won", "purchase", "--amount", "amount")
    assert (data["sales"]["won"], data["sales"]["average"]) == (2, 28.5)
    assert data["ignored"] == {"sale_bad_instant": 1, "sale_duplicate": 2}
    assert data["placed"]["noted"]["duplicate"] == 2


def test_a_stage_that_is_a_loss_is_no_step_of_the_funnel(capsys, folder):
    """`lost: true` on a stage, from the file to the table that is written."""
    stages = "[{name: lead}, {name: talk}, {name: gone, lost: true}, {name: customer}]"
    text = PLAYBOOK.replace("[{name: lead}, {name: talk}, {name: customer}]", stages)
    (folder / "playbook.yaml").write_text(
        text.replace("    - {from: talk", "    - {from: talk, to: gone, event: lost}\n    - {from: talk"), "utf-8"
    )
    data = found(capsys, "--out", "funnel.csv")
    assert [step["stage"] for step in data["funnel"]] == ["lead", "talk", "customer"]
    assert (data["funnel"][1]["reached"], data["funnel"][1]["left"]) == (2, 1)
    with (folder / "funnel.csv").open(encoding="utf-8") as file:
        assert [row["stage"] for row in csv.DictReader(file)] == ["lead", "talk", "customer"]


def test_sales_are_counted_once(capsys):
    """What repeats an event's id, lies in the future or has no instant is counted and left out; so is no amount."""
    data = found(capsys, "--won", "purchase", "--lost", "lost", "--amount", "Amount")
    sales = data["sales"]
    assert (sales["won"], sales["lost"], sales["amounts"], sales["average"]) == (3, 1, 2, 200)
    assert data["ignored"] == {"sale_bad_amount": 1, "sale_bad_instant": 1, "sale_duplicate": 1, "sale_future": 1}
    assert data["placed"]["contacts"] == 3
    assert found(capsys, "--won", "purchase")["sales"]["close_rate"] is None


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_sales_of_others_do_not_count(engine, folder, capsys):
    """Where contacts are given, a contact who is not among them has no path and no sales."""
    (folder / "contacts.csv").write_text("contact_id\nanna\n", encoding="utf-8")
    data = found(capsys, "--contacts", "contacts.csv", "--won", "purchase", "--engine", engine)
    assert (data["contacts"], data["sales"]["won"], data["ignored"]["sale_unknown_contact"]) == (1, 2, 3)
    assert data["placed"]["noted"]["unknown_contact"] == 6


@pytest.mark.parametrize(
    ("by", "wanted"),
    [
        ("industry", {"bank": 1, "shop": 1, "(none)": 1}),
        ("INDUSTRY", {"bank": 1, "shop": 1, "(none)": 1}),
        ("account_id", {"acme": 2, "(none)": 1}),
        ("employees", {"20": 1, "900": 1, "(none)": 1}),
        ("segments", {"big": 1, "vip": 1, "(none)": 2}),
    ],
)
def test_contacts_are_told_apart(by, wanted, capsys):
    """By a column of theirs, whatever the case of its name, or by segments: their own, and those of the playbook."""
    data = found(capsys, "--contacts", "contacts.csv", "--by", by, "--won", "purchase")
    assert {own["segment"]: own["contacts"] for own in data["segments"]} == wanted
    assert {own["segment"]: own["sales"]["won"] for own in data["segments"]}["(none)"] == 1


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_the_funnel_is_written(ending, folder, capsys):
    """As a table with a row for each stage, of all contacts and of each segment; the same in every format."""
    import duckdb

    out = folder / f"funnel.{ending}"
    assert funnel("--contacts", "contacts.csv", "--by", "industry", "--out", str(out)) == 0
    read = {"csv": "read_csv", "parquet": "read_parquet", "jsonl": "read_json"}[ending]
    rows = duckdb.sql(f"select segment, stage, reached, converted, drop_off, between_days from {read}('{out}')")
    assert rows.fetchall()[:4] == [
        (None, "lead", 3, 2, 1, 4),
        (None, "talk", 2, 1, 1, 10),
        (None, "customer", 1, None, None, None),
        ("bank", "lead", 1, 1, 0, 4),
    ]
    assert len(rows) == 12
    if ending == "csv":
        with out.open(encoding="utf-8", newline="") as file:
            assert next(csv.reader(file))[:4] == ["segment", "stage", "to", "reached"]


def test_a_zone_for_instants_without_one(folder, capsys):
    """With --zone naive instants are meant in it, for paths and sales alike."""
    (folder / "events.csv").write_text("contact_id,event,at\nanna,purchase,2026-01-31T23:30:00\n", encoding="utf-8")
    data = found(capsys, "--won", "purchase", "--zone", "Europe/Skopje")
    assert (data["contacts"], data["sales"]["won"]) == (1, 1)
    data = found(capsys, "--won", "purchase", "--zone", "America/New_York")
    assert (data["contacts"], data["sales"]["won"], data["ignored"]["sale_future"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--by", "industry"], 2, "--by needs --contacts"),
        (["--lost", "lost"], 2, "need --won"),
        (["--out", "funnel.txt"], 2, "the ending of a table"),
        (["--contacts", "contacts.csv", "--out", "contacts.csv"], 2, "would overwrite the contacts"),
        (["--zone", "Mars"], 2, "--zone: unknown time zone"),
        (["--contacts", "contacts.csv", "--by", "indusry"], 4, "did you mean 'Industry'"),
        (["--contacts", "none.csv"], 4, "none.csv"),
        (["--max-bad", "0"], 4, "more bad rows"),
        (["--at", "tomorrow"], 2, "no instant"),
    ],
)
def test_what_is_wrong_is_told_with_its_exit_code(arguments, code, said, capsys):
    """2 wrong usage, 4 the data cannot be used."""
    assert funnel(*arguments) == code
    assert said in capsys.readouterr().err


def test_contacts_that_cannot_be_read_are_counted(folder, capsys):
    """Who has a row that cannot be read is in no segment, and the row is counted."""
    (folder / "contacts.csv").write_text(CONTACTS + ",acme,bank,1,\n", encoding="utf-8")
    data = found(capsys, "--contacts", "contacts.csv", "--by", "industry")
    assert data["ignored"] == {"contact_bad_row": 1}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_half_of_a_surrogate_pair_is_written_as_its_escape(ending, folder, capsys):
    """Of the column by which contacts are told apart."""
    (folder / "people.jsonl").write_text('{"contact_id": "anna", "industry": "h\\ud800"}\n', encoding="utf-8")
    out = folder / f"out.{ending}"
    assert funnel("--contacts", "people.jsonl", "--by", "industry", "--out", str(out)) == 0
    written = out.read_bytes()
    assert b"h\\ud800" in written
    capsys.readouterr()


@pytest.mark.parametrize("option", ["--by", "--won", "--lost", "--amount"])
def test_empty_names_are_wrong_usage(option, capsys):
    """They are not taken as if nothing was asked."""
    assert funnel("--contacts", "contacts.csv", option, "") == 2
    assert f"{option} is empty" in capsys.readouterr().err
