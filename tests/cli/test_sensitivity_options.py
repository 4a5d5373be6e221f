"""The options of ``journeykit compare`` that ask what each rule's number is worth."""

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
{more}
"""
CONTACTS = "contact_id,consent_email\nanna,true\nboris,true\n"
WHEN = ("--contacts", "contacts.csv", "--at", "2026-11-05T10:00:00Z")


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Playbooks and two contacts, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    seats = "quotas: [{name: seats, max: 1, where: {campaign: sale}}]"
    for name, weight, more in (("now", 1, ""), ("next", 3, ""), ("seats", 3, seats)):
        Path(f"{name}.yaml").write_text(PLAYBOOK.format(weight=weight, more=more), "utf-8")
    Path("contacts.csv").write_text(CONTACTS, "utf-8")


def test_one_playbook_is_asked(capsys):
    """The text says what one more and one less of each rule is worth."""
    assert main(["compare", "now.yaml", "--sensitivity", *WHEN]) == 0
    told = capsys.readouterr().out
    assert "2 contacts, 2026-11-05 10:00 UTC; 2 messages, worth 4 above the reserve." in told
    assert "one a day  max 1 ± 1" in told


def test_json_and_a_table_say_the_same(capsys):
    """JSON begins with its schema, and the table has a row for each shift."""
    more = ("--only", "one a day", "--json", "--out", "worth.csv")
    assert main(["compare", "now.yaml", "--sensitivity", *WHEN, *more]) == 0
    found = json.loads(capsys.readouterr().out)
    assert next(iter(found.items())) == ("schema", "journeykit.sensitivity/1")
    assert [own["name"] for own in found["rules"]] == ["one a day"]
    with Path("worth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    values = [found["rules"][0][shift]["value"] for shift in ("more", "less")]
    assert [(own["shift"], float(own["value"])) for own in rows] == [("more", values[0]), ("less", values[1])]


def test_several_playbooks_are_compared_and_asked(capsys):
    """The comparison comes first, then what the numbers of each are worth."""
    assert main(["compare", "now.yaml", "next.yaml", "--sensitivity", *WHEN, "--unit", "reserve=2.5"]) == 0
    told = capsys.readouterr().out
    assert told.index("next.yaml against now.yaml") < told.index("one a day  max 1 ± 1")
    assert told.count("reserve    above 0 ± 2.5") == 2
    assert main(["compare", "now.yaml", "next.yaml", "--sensitivity", *WHEN, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "journeykit.comparison/1"
    assert [own["rules"][0]["more"]["value"] for own in found["sensitivities"]] == [2.0, 4.0]
    assert main(["compare", "now.yaml", "--sensitivity", *WHEN, "--html"]) == 0
    assert "<table" in capsys.readouterr().out


def test_how_many_runs_there_are_is_told_first(caplog):
    """With quotas all contacts are decided again for each number, which takes a while."""
    caplog.set_level("INFO", "journeykit")
    assert main(["compare", "seats.yaml", "--sensitivity", *WHEN, "--only", "seats"]) == 0
    # The next ones begin less than half a minute later.
    assert caplog.messages == ["sensitivity of seats.yaml: run 1 of 3 over all contacts"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("now.yaml", "--only", "seats", *WHEN), "--only is about --sensitivity"),
        (("now.csv", "--sensitivity", *WHEN), "decides again, by a playbook (.yaml, .toml or .json); found now.csv"),
        (("now.yaml", "--sensitivity"), "give --contacts (or --claims) and --at"),
        (("now.yaml", "--sensitivity", *WHEN, "--unit", "reserve"), "--unit reserve: give the rule and a number"),
        (("now.yaml", "--sensitivity", *WHEN, "--ledger", "sqlite:///l.db"), "--sensitivity does not read a ledger"),
        (("now.yaml", "next.yaml", "--sensitivity", *WHEN, "--out", "o.csv"), "--out holds one table"),
        (("now.yaml", "--sensitivity", *WHEN, "--only", "one day"), "did you mean 'one a day'?"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(more, message, capsys):
    """The exit is 2, and the message says what to give."""
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main(["compare", *more]))
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
