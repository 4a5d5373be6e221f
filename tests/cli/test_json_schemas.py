"""Every JSON that a command prints says first what it is, and its version."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from journeykit.cli import DONE, main
from journeykit.cli.main import _parser

OWN = {
    "journey": {"stages": ["new", "old"], "transitions": [{"from": "new", "to": "old", "event": "buy"}]},
    "segments": [{"name": "all", "rule": "points >= 0"}],
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "sale", "team": "a", "content": ["note"]}, {"id": "fair", "team": "b", "content": ["note"]}],
    "caps": [{"name": "one", "max": 1, "window": {"days": 30}}],
    "responses": [{"name": "sold", "event": "buy", "within": "7d"}],
}
AT = ("--at", "2026-11-05T10:00:00Z")
CONTACTS = ("--contacts", "c.csv")
LEDGER = "sqlite:///l.db"
COMMANDS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "check": ("check", ("own.json",)),
    "decide": ("summary", ("own.json", *CONTACTS, *AT, "--out", "d.csv")),
    "plan": ("summary", ("own.json", *CONTACTS, *AT, "--until", "2026-11-06T10:00:00Z", "--out", "d.csv")),
    "compare": ("comparison", None),
    "explain": ("decision", ("own.json", *CONTACTS, *AT, "--contact", "anna")),
    "place": ("placing", ("own.json", "--events", "e.csv", *AT)),
    "funnel": ("funnel", ("own.json", "--events", "e.csv", *AT)),
    "segments": ("segments", ("own.json", *CONTACTS, *AT)),
    "measure": (
        "measures",
        ("own.json", "--touches", "t.csv", "--events", "e.csv", "--since", "2026-09-01T00:00:00Z", "--until", AT[1]),
    ),
    "overlap": ("overlap", ("own.json", *CONTACTS, *AT)),
    "matrix": ("matrix", ("own.json",)),
    "ledger import": ("imported_touches", (LEDGER, "t.csv", "--columns", "map.json")),
    "ledger events": ("kept_events", (LEDGER, "--events", "e.csv")),
    "ledger show": ("ledger_contact", (LEDGER, "anna")),
    "ledger waiting": ("waiting_claims", (LEDGER,)),
    "ledger quotas": ("quota_usage", (LEDGER, "own.json")),
    "ledger guard list": ("tripped_guards", (LEDGER,)),
    "ledger stats": ("ledger", (LEDGER,)),
    # These take long; tests of their own look at what they print.
    "evaluate": ("evaluation", None),
    "learn": ("model_cards", None),
    "simulate": ("simulation", None),
    "report": ("report", None),
    "pressure": ("pressure", None),
    "ledger explain": ("decision", None),
}


def with_json(parser, name=""):
    """The commands that have the option."""
    for action in parser._actions:
        if "--json" in action.option_strings:
            yield name
        if isinstance(action, argparse._SubParsersAction):
            for own, below in action.choices.items():
                yield from with_json(below, f"{name} {own}".strip())


def test_all_commands_are_here():
    """A new command with JSON comes into the table above."""
    assert set(with_json(_parser())) - set(COMMANDS) == set()


@pytest.mark.parametrize("command", [name for name, (_, words) in COMMANDS.items() if words is not None])
def test_the_first_key_is_the_schema(tmp_path, monkeypatch, capsys, command):
    """`journeykit.WHAT/VERSION`, as a text."""
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text(json.dumps(OWN))
    Path("map.json").write_text(
        json.dumps({"contact": "contact_id", "at": "sent_at", "channel": "channel", "message": "id"})
    )
    Path("c.csv").write_text("contact_id,consent,points\nanna,email,3\nben,email,\n")
    Path("t.csv").write_text("contact_id,sent_at,channel,campaign_id,id\nanna,2026-10-01T08:00:00Z,email,sale,1\n")
    Path("e.csv").write_text("contact_id,event,at\nanna,buy,2026-10-02T08:00:00Z\n")
    if command.startswith("ledger"):
        pytest.importorskip("sqlalchemy")
        main(["ledger", "upgrade", LEDGER])
    what, words = COMMANDS[command]
    capsys.readouterr()
    assert main([*command.split(), *(words or ()), "--json"]) == DONE
    found = json.loads(capsys.readouterr().out)
    assert next(iter(found)) == "schema"
    assert found["schema"] == f"journeykit.{what}/1"
