"""The command line of comparisons: ``journeykit compare``."""

import csv
import json
from pathlib import Path

import pytest

from journeykit.cli import main

PLAYBOOK = """
content: [{{id: note, channel: email}}, {{id: ad, channel: email}}]
campaigns:
  - {{id: news, content: [note], weight: 2}}
  - {{id: sale, content: [ad], weight: {weight}}}
caps: [{{name: one a day, max: 1, window: {{calendar: day}}}}]
"""
CONTACTS = """contact_id,consent_email,stage
anna,true,early
boris,true,late
"""
WHEN = ("--contacts", "contacts.csv", "--at", "2026-11-05T10:00:00Z")


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Two playbooks and two contacts, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    for name, weight in (("now.yaml", 1), ("next.yaml", 3)):
        Path(name).write_text(PLAYBOOK.format(weight=weight), "utf-8")
    Path("contacts.csv").write_text(CONTACTS, "utf-8")


def test_playbooks_are_compared(capsys):
    """The text says what contacts get instead."""
    assert main(["compare", "now.yaml", "next.yaml", *WHEN]) == 0
    told = capsys.readouterr().out
    assert (
        "next.yaml against now.yaml: of 2 contacts 0 get more messages, 0 fewer, 2 others instead, 0 the same" in told
    )
    assert "news  sale           2  anna: then outbid (one a day), before outbid (one a day)" in told


def test_json_says_what_it_is(capsys):
    """JSON begins with its schema."""
    assert main(["compare", "now.yaml", "next.yaml", *WHEN, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert next(iter(found.items())) == ("schema", "journeykit.comparison/1")
    assert found["pairs"][0]["swaps"][0]["contacts"] == 2


def test_tables_of_decisions_are_compared(capsys):
    """Decisions that were written are compared without deciding; groups go to a table."""
    for name in ("now", "next"):
        assert main(["decide", f"{name}.yaml", *WHEN, "--out", f"{name}.csv", "--quiet"]) == 0
    assert main(["compare", "now.csv", "next.csv", "--html", "--out", "groups.csv"]) == 0
    assert "<table" in capsys.readouterr().out
    with Path("groups.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(own["lost"], own["gained"]) for own in rows if own["by"] == "swap"] == [("news", "sale")]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["now.yaml"], "at least two"),
        (["now.yaml", "now.csv"], "playbooks with playbooks"),
        (["now.yaml", "next.yaml"], "give contacts"),
        (["now.yaml", "next.yaml", *WHEN, "--until", "2026-11-04T10:00:00Z"], "--until lies before --at"),
        (["now.yaml", "next.yaml", *WHEN, "--out", "contacts.csv"], "would overwrite the contacts"),
        (["now.yaml", "next.yaml", *WHEN, "--out", "groups.txt"], "the ending of a table"),
    ],
)
def test_wrong_usage_is_said(given, why, capsys):
    """What makes no comparison is exit 2, with the reason."""
    assert main(["compare", *given]) == 2
    assert why in capsys.readouterr().err
