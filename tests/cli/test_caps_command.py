"""The command line of caps that are learned: ``journeykit learn --caps``."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

from journeykit.cli import main

PLAYBOOK = """
content:
  - {id: letter, channel: email}
campaigns:
  - {id: news, content: [letter]}
responses:
  - {name: sale, event: purchase, within: 7d}
opt_out_cost: 3
"""
START = datetime(2026, 9, 1, 9, tzinfo=UTC)
LEARN = ("learn", "playbook.yaml", "--touches", "sent.csv", "--events", "events.csv", "--until", "2026-12-01T00:00Z")


def write(name, columns, rows):
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Forty contacts with a message a day for four days; a quarter is answered, one of twenty is the last."""
    monkeypatch.chdir(tmp_path)
    Path("playbook.yaml").write_text(PLAYBOOK, encoding="utf-8")
    sent = [(f"c{number % 40:02}", START + timedelta(days=number // 40)) for number in range(160)]
    write("sent.csv", ["contact_id", "sent_at", "campaign_id"], [(*own, "news") for own in sent])
    events = [(who, "purchase", at + timedelta(hours=5)) for who, at in sent[::4]]
    events += [(who, "opt_out", at + timedelta(hours=6)) for who, at in sent[::20]]
    write("events.csv", ["contact_id", "event", "at"], events)
    return tmp_path


def test_numbers_of_messages_are_written(capsys):
    """A row for each contact; what is said of them is printed, with the curve in the card of opt-outs."""
    assert main([*LEARN, "--caps", "caps.csv"]) == 0
    said = capsys.readouterr()
    assert "Opt-outs after a message, by how many others the contact had in the 7 days before" in said.out
    assert "for 40 contacts every message that was tried is worth its risk: their number is 4" in said.out
    assert "numbers of messages of 40 contacts written to caps.csv" in said.err
    with Path("caps.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["messages_a_week"] for row in rows} == {"4"}
    assert {row["opt_out_cost"] for row in rows} == {"3.0"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--caps", "caps.txt"], "--caps caps.txt: the ending of a table is one of"),
        (["--caps", "sent.csv"], "sent.csv"),
        (["--caps", "a.csv", "--out", "a.csv"], "a.csv"),
    ],
)
def test_what_cannot_be_written(options, words, capsys):
    """A file of no format, or one that is read or written too, is a fault of the command line."""
    assert main([*LEARN, *options]) == 2
    assert words in capsys.readouterr().err


def test_a_playbook_without_a_cost_is_refused(capsys):
    """Nothing is read before it is said."""
    Path("playbook.yaml").write_text(PLAYBOOK.replace("opt_out_cost: 3", ""), encoding="utf-8")
    Path("sent.csv").unlink()
    assert main([*LEARN, "--caps", "caps.csv"]) == 2
    assert "--caps needs what an opt-out costs: give opt_out_cost in the playbook" in capsys.readouterr().err
