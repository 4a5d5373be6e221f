"""The command that simulates days to come."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime

import pytest

from journeykit import Playbook, simulate
from journeykit.__main__ import main

PLAYBOOK = {
    "name": "now",
    "journey": {
        "stages": ["lead", {"name": "customer", "value": 50}],
        "transitions": [{"from": "lead", "to": "customer", "event": "purchase"}],
    },
    "content": [{"id": "letter", "channel": "email"}],
    "campaigns": [{"id": "news", "content": ["letter"], "repeat": None}],
    "responses": [{"name": "sale", "event": "purchase", "within": "2d", "value": "amount"}],
}
CONTACTS = "contact_id,stage,consent_email\nanna,lead,true\nben,lead,true\n"
SCORES = "contact_id,campaign_id,propensity,value,opt_out\nanna,news,0.5,3,0.1\nben,news,0.5,3,0.1\n"
EVENTS = "contact_id,event,at\nanna,visit,2026-10-01T09:00Z\nben,purchase,2026-10-20T09:00Z\n"
TOUCHES = "contact_id,sent_at,channel\nanna,2026-10-02T09:00Z,email\n"
TIMES = ["--at", "2026-11-02T09:00Z", "--until", "2026-11-04T09:00Z"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The files, in the folder of the command."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "now.json").write_text(json.dumps(PLAYBOOK))
    (tmp_path / "new.json").write_text(json.dumps({key: own for key, own in PLAYBOOK.items() if key != "name"}))
    for name, text in (("contacts", CONTACTS), ("scores", SCORES), ("events", EVENTS), ("touches", TOUCHES)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def test_the_command_says_what_the_function_does(files, capsys) -> None:
    """Two playbooks, by their names or their files', as JSON and as a table."""
    command = ["simulate", "now.json", "new.json", "--contacts", "contacts.csv", "--scores", "scores.csv", *TIMES]
    assert main([*command, "--seeds", "3", "--json", "--out", "days.csv"]) == 0
    told = json.loads(capsys.readouterr().out)
    playbook = Playbook.from_dict(PLAYBOOK)
    found = simulate(
        [playbook, playbook],
        "contacts.csv",
        scores="scores.csv",
        at=datetime(2026, 11, 2, 9, tzinfo=UTC),
        until=datetime(2026, 11, 4, 9, tzinfo=UTC),
        seeds=3,
        names=["now", "new"],
    )
    assert next(iter(told)) == "schema"
    assert told["schema"] == "journeykit.simulation/1"
    assert [own["totals"] for own in told["playbooks"]] == [own["totals"] for own in found.to_dict()["playbooks"]]
    assert [own["name"] for own in told["playbooks"]] == ["now", "new"]
    with (files / "days.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # Three days of six measures under two playbooks.
    assert len(rows) == 36
    assert {float(row["difference"]) for row in rows if row["playbook"] == "new"} == {0.0}


def test_moves_are_estimated_from_events(files, capsys) -> None:
    """What a contact did without a message is a chance for all."""
    command = [
        "simulate",
        "now.json",
        "--contacts",
        "contacts.csv",
        "--events",
        "events.csv",
        "--touches",
        "touches.csv",
    ]
    assert main([*command, *TIMES, "--estimate-chances"]) == 0
    said = capsys.readouterr().out
    assert "Moves on a day without a message" in said
    assert "lead  customer" in said


def test_the_page_is_html(files, capsys) -> None:
    """For a notebook or a browser."""
    assert main(["simulate", "now.json", "--contacts", "contacts.csv", *TIMES, "--html"]) == 0
    assert capsys.readouterr().out.startswith("<div>")


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--until", "2026-11-01T09:00Z"], 2, "lies before at"),
        (["--out", "days.txt"], 2, "the ending of a table is one of"),
        (["--out", "contacts.csv"], 2, "would overwrite the contacts"),
        (["--estimate-chances"], 2, "give --events too"),
        (["--pressure", "much"], 2, "no number, such as 1.2"),
        (["--scores", "nowhere.csv"], 4, "nowhere.csv"),
        (["--touches", "scores.csv"], 4, "sent_at"),
    ],
)
def test_a_wrong_command_line_is_told(files, capsys, more, code, said) -> None:
    """By its exit code and in words."""
    times = TIMES if "--until" not in more else TIMES[:2]
    assert main(["simulate", "now.json", "--contacts", "contacts.csv", *times, *more]) == code
    assert said in capsys.readouterr().err
