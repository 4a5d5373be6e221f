"""The command line of uplift: ``journeykit learn --uplift``."""

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
holdout: {share: 0.4}
responses:
  - {name: sale, event: purchase, within: 7d}
"""
AT = datetime(2026, 9, 1, 9, tzinfo=UTC)
TABLES = ("--touches", "sent.csv", "--events", "events.csv", "--contacts", "contacts.csv")
LEARN = ("learn", "playbook.yaml", *TABLES, "--until", "2026-12-01T00:00Z")


def write(name, columns, rows):
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A night's decisions of forty contacts, of whom every second responded who got the news, and nobody else."""
    monkeypatch.chdir(tmp_path)
    Path("playbook.yaml").write_text(PLAYBOOK, encoding="utf-8")
    write("contacts.csv", ["contact_id", "consent_email"], [(f"c{number:02}", "true") for number in range(40)])
    decide = ("decide", "playbook.yaml", "--contacts", "contacts.csv", "--at", AT.isoformat())
    assert main([*decide, "--all", "--out", "log.csv"]) == 0
    assert main([*decide, "--out", "decisions.csv"]) == 0
    with Path("decisions.csv").open(encoding="utf-8") as file:
        sent = [(row["contact_id"], row["send_at"], row["campaign_id"]) for row in csv.DictReader(file)]
    write("sent.csv", ["contact_id", "sent_at", "campaign_id"], sent)
    bought = [(who, "purchase", (AT + timedelta(days=1)).isoformat()) for who, *_ in sent[::2]]
    write("events.csv", ["contact_id", "event", "at"], bought)
    return tmp_path


def test_uplift_is_learned_and_scored(capsys):
    """The card says what messages add; scores have it, from the file as at once."""
    assert main([*LEARN, "--uplift", "--log", "log.csv", "--model", "model.skops", "--out", "at_once.csv"]) == 0
    said = capsys.readouterr().out
    assert "What messages add to the chance of 'sale', by campaign means, from 40 contacts." in said
    score = ("score", "playbook.yaml", *TABLES, "--at", "2026-12-01T00:00Z", "--model", "model.skops")
    assert main([*score, "--out", "scores.csv"]) == 0
    assert Path("scores.csv").read_bytes() == Path("at_once.csv").read_bytes()
    with Path("scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    assert len({row["uplift"] for row in rows}) == 1
    assert float(rows[0]["uplift"]) == pytest.approx(0.5, abs=0.05)
    assert rows[0]["propensity"] == rows[0]["uplift"]


def test_campaigns_that_were_never_sent_or_are_misspelt_are_told(capsys):
    """The card says of whom nothing is known, and which rows of the log belong to no campaign."""
    log = Path("log.csv").read_text(encoding="utf-8")
    Path("misspelt.csv").write_text(log + log.split("\n", 1)[1].replace(",news,", ",newz,"), encoding="utf-8")
    assert main([*LEARN, "--uplift", "--log", "misspelt.csv"]) == 0
    said = capsys.readouterr().out
    assert "contacts of the log of campaign 'newz', which the playbook does not have: 40; did you mean 'news'?" in said
    assert "newz: none of the" in said
    assert "news: none of the" not in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--uplift"], "--uplift needs --log"),
        (["--log", "log.csv"], "--log belongs to --uplift"),
        (["--uplift", "--log", "log.csv", "--out", "log.csv"], "log.csv"),
    ],
)
def test_what_cannot_be_asked(options, words, capsys):
    """An option without the other, or a log that would be written over, is a fault of the command line."""
    assert main([*LEARN, *options]) == 2
    assert words in capsys.readouterr().err


def test_a_log_without_a_holdout_is_refused(capsys):
    """A log of granted rows alone is bad data, and the error says what a log must have."""
    assert main([*LEARN, "--uplift", "--log", "decisions.csv"]) == 4
    assert "A log for uplift has all rows of a playbook with a holdout: decide --all" in capsys.readouterr().err
