"""The command line of the ledger, over a SQLite file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from journeykit.cli import main
from journeykit.ledger import Ledger

PLAYBOOK = """
content:
  - {id: note, channel: email}
campaigns:
  - {id: launch, content: [note], weight: 8}
  - {id: news, content: [note]}
caps:
  - {name: one a day, max: 1, window: {calendar: day}}
"""
AT = "2026-11-05T10:00:00Z"
URL = "sqlite:///ledger.db"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "playbook.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "contacts.csv").write_text("contact_id,consent\nanna,email\nben,email\n", encoding="utf-8")
    (tmp_path / "log.csv").write_text(
        "id,external_user_id,time,event_type,campaign_id,dispatch_id\n"
        "1,ben,1793872800,users.messages.email.Send,news,d\n2,,1,users.messages.email.Send,news,d\n",
        encoding="utf-8",
    )
    assert main(["ledger", "upgrade", URL]) == 0
    return tmp_path


def decide(*more, out="out.csv"):
    given = ["decide", "playbook.yaml", "--contacts", "contacts.csv", "--at", AT, "--out", out]
    return main([*given, "--ledger", URL, "--run", "night", *more])


def granted(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [row["decision_id"] for row in csv.DictReader(file) if row["outcome"] == "granted"]


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_a_night_from_history_to_confirmation(engine, folder, capsys):
    """Import, decide and reserve, confirm by the table of decisions, show, expire, count."""
    assert main(["ledger", "import", URL, "log.csv", "--columns", "braze"]) == 0
    assert "2 rows" not in (said := capsys.readouterr().out)
    assert "1 new" in said
    assert "bad rows: 1" in said
    assert decide("--engine", engine) == 0
    (only,) = granted(folder / "out.csv")
    assert decide("--engine", engine, out="again.csv") == 0
    assert (folder / "again.csv").read_bytes() == (folder / "out.csv").read_bytes()
    capsys.readouterr()
    assert main(["ledger", "confirm", URL, "--decisions", "out.csv"]) == 0
    assert main(["ledger", "confirm", URL, only]) == 0
    assert capsys.readouterr().out == "1 confirmed\n0 confirmed; the rest: 1 sent\n"
    assert main(["ledger", "show", URL, "anna"]) == 0
    assert f"sent      launch / note / email  {only}" in capsys.readouterr().out
    assert main(["ledger", "show", URL, "anna", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["touches"][0]["id"] == only
    assert main(["ledger", "stats", URL, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["touches"] == {"sent": 2}


def test_what_is_released_or_expires_is_counted(folder, capsys):
    """By id, by run, and by instant."""
    decide("--engine", "one")
    one, _ = granted(folder / "out.csv")
    capsys.readouterr()
    assert main(["ledger", "release", URL, one]) == 0
    assert main(["ledger", "release", URL, "--run", "night"]) == 0
    assert main(["ledger", "expire", URL, "--before", "2027-01-01T00:00:00Z"]) == 0
    assert main(["ledger", "prune", URL, "--older-than", "2027-01-01T00:00:00Z"]) == 0
    assert main(["ledger", "show", URL, "anna"]) == 0
    found = capsys.readouterr()
    assert found.out == "1 released\n1 released\n0 expired\n2 touches, 0 answers, 1 runs, 0 events removed\n"
    assert "holds nothing of contact 'anna'" in found.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["stats", "mysql://x"], 2, "allowed are sqlite:///FILE"),
        (["stats", "sqlite:///none/ledger.db"], 1, "there is no file"),
        (["upgrade", "sqlite:///none/ledger.db"], 1, "cannot be opened: look at its address"),
        (["stats", "sqlite:///new.db"], 1, "run `journeykit ledger upgrade URL`"),
        (["confirm", URL], 2, "give ids of reservations, or a table of --decisions\n"),
        (["confirm", URL, "x", "--decisions", "log.csv"], 2, "--decisions, and not both"),
        (["release", URL], 2, "a table of --decisions, or --run"),
        (["confirm", URL, "x"], 1, "1 could not be confirmed:\n  x  unknown\n"),
        (["release", URL, "--run", ""], 2, "--run is empty"),
        (["confirm", URL, "--decisions", "contacts.csv"], 4, "'decision_id' is missing"),
        (["release", URL, "x", "--run", "night"], 2, "give --run alone"),
        (["import", URL, "log.csv", "--columns", "brase"], 2, "braze, sfmc, or a JSON file"),
        (["import", URL, "log.csv", "--columns", "playbook.yaml"], 4, "no JSON"),
        (["import", URL, "log.csv", "--columns", "map.json"], 4, "did you mean 'contact'"),
        (["import", URL, "log.csv", "--columns", "braze", "--max-bad", "0"], 4, "more bad rows"),
        (["import", URL, "none.csv", "--columns", "braze"], 4, "none.csv"),
        (["expire", URL, "--before", "tomorrow"], 2, "no instant"),
    ],
)
def test_what_is_wrong_is_told_with_its_exit_code(arguments, code, said, folder, capsys):
    """1 the work failed, 2 wrong usage, 4 the data cannot be used."""
    (folder / "map.json").write_text('{"contct": "a"}', encoding="utf-8")
    assert main(["ledger", *arguments]) == code
    assert said in capsys.readouterr().err


def test_a_run_of_other_tables_says_how_to_go_on(folder, capsys):
    """The data cannot be used: nothing is written."""
    decide("--engine", "one")
    (folder / "contacts.csv").write_text("contact_id,consent,opted_out\nanna,email,\nben,email,yes\n", encoding="utf-8")
    for engine in ("one", "columns"):
        assert decide("--engine", engine, out="other.csv") == 4
        assert "reserved other messages for contact 'ben' before" in capsys.readouterr().err
    (folder / "playbook.yaml").write_text(PLAYBOOK.replace("weight: 8", "weight: 9"), encoding="utf-8")
    assert decide("--engine", "one", out="other.csv") == 4
    assert "begun with another playbook" in capsys.readouterr().err
    assert not (folder / "other.csv").exists()


def test_a_night_does_not_hang_on_one_row(folder, capsys):
    """What can be confirmed is; of the rest it is said what they are; only what contradicts the command is exit 1."""
    rows = [f"p{number},email" for number in range(6)]
    (folder / "contacts.csv").write_text("\n".join(["contact_id,consent", *rows, ""]), encoding="utf-8")
    assert decide("--engine", "one") == 0
    ids = granted(folder / "out.csv")
    ledger = Ledger(URL)
    ledger.confirm(ids[:2])
    log = {"contact": "who", "at": "at", "event": "what", "events": {"b": {"status": "bounced"}, "s": {}}}
    log |= {"message": "id", "reservation": "id"}
    ledger.import_log([{"who": "p1", "at": AT, "what": "b", "id": ids[1]}], log)
    ledger.release(ids[2])
    ledger.import_log([{"who": "p2", "at": AT, "what": "s", "id": ids[2]}], log)
    ledger.forget("p3")
    capsys.readouterr()
    assert main(["ledger", "confirm", URL, "--decisions", "out.csv"]) == 0, "released, but a log says that it was sent"
    assert capsys.readouterr().out == "2 confirmed; the rest: 1 bounced, 1 forgotten, 2 sent\n"
    ledger.release([own.id for own in ledger.reservations("p2")])
    with (folder / "out.csv").open("a", encoding="utf-8") as file:
        file.write("strange" + "," * 7 + ",granted" + "," * 16 + "\n")
    assert main(["ledger", "release", URL, "--decisions", "out.csv"]) == 1
    told = capsys.readouterr()
    assert told.out == "0 released; the rest: 1 bounced, 1 forgotten, 1 released, 3 sent, 1 unknown\n"
    assert told.err.splitlines()[0] == "4 could not be released:"
    assert "  strange  unknown" in told.err
    ledger.close()


def test_an_empty_name_of_a_run_is_refused(folder, capsys):
    """It would be that of a run without a name."""
    assert decide("--run", "") == 2
    assert "the name is empty" in capsys.readouterr().err
    assert not (folder / "out.csv").exists()


def test_what_is_left_of_quotas_is_shown(capsys):
    """By period, as text and as JSON."""
    window = "window: {calendar: day, zone: playbook}"
    Path("seats.yaml").write_text(
        "content: [{id: n, channel: email}]\ncampaigns: [{id: k, content: [n]}]\non_missing: {consent: allow}\n"
        f"quotas: [{{name: seats, max: 4, {window}}}]\n"
    )
    assert main(["ledger", "upgrade", URL]) == 0
    Path("two.csv").write_text("contact_id\nanna\nberta\n")
    at = "2026-11-05T10:00:00Z"
    decided = main(
        ["decide", "seats.yaml", "--contacts", "two.csv", "--at", at, "--out", "o.csv", "--ledger", URL, "--quiet"]
    )
    assert decided == 0
    capsys.readouterr()
    asked = ["ledger", "quotas", URL, "seats.yaml", "--at", at]
    assert main([*asked, "--until", "2026-11-06T10:00:00Z"]) == 0
    assert capsys.readouterr().out == (
        "seats  2026-11-05  used 2, 2 left, max 4\nseats  2026-11-06  used 0, 4 left, max 4\n"
    )
    assert main([*asked, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["quotas"]
    assert (told["name"], told["period"], told["used"], told["left"]) == ("seats", "2026-11-05", 2, 2)
    assert main([*asked, "--until", "2026-11-04T10:00:00Z"]) == 2
