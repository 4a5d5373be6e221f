"""The command line of evaluation: ``journeykit evaluate``."""

import csv
import json
from pathlib import Path

import pytest

from journeykit.cli import main

PLAYBOOK = """
responses:
  - {name: sale, event: purchase, within: 7d, value: amount}
  - {name: click, event: click, within: 2d}
"""
LOG = """contact_id,campaign_id,outcome,chance,decided_at
anna,news,granted,0.75,2026-11-02T09:00:00Z
anna,call,deferred,0.25,2026-11-02T09:00:00Z
ben,news,deferred,0.75,2026-11-02T09:00:00Z
ben,call,granted,0.25,2026-11-02T09:00:00Z
cleo,news,deferred,0.5,2026-11-02T09:00:00Z
cleo,call,granted,0.5,2026-11-02T09:00:00Z
"""
CALLS = """contact_id,campaign_id,outcome,chance,decided_at
anna,call,granted,,2026-11-02T09:00:00Z
ben,call,granted,,2026-11-02T09:00:00Z
cleo,call,granted,,2026-11-02T09:00:00Z
cleo,news,deferred,,2026-11-02T09:00:00Z
"""
EVENTS = """contact_id,event,at,amount
ben,purchase,2026-11-03T10:00:00Z,30
anna,visit,2026-12-03T10:00:00Z,
"""
TABLES = ("--log", "log.csv", "--decisions", "calls.csv", "--events", "events.csv")


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """A playbook, a log, decisions and events, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("playbook.yaml", PLAYBOOK), ("log.csv", LOG), ("calls.csv", CALLS), ("events.csv", EVENTS)):
        Path(name).write_text(text, "utf-8")


def evaluate(*more):
    """The exit code of the command."""
    return main(["evaluate", "playbook.yaml", *more])


def test_decisions_are_evaluated_by_a_log(capsys):
    """Of calls two thirds would have been answered, for all that three of them say."""
    assert evaluate(*TABLES) == 0
    said = capsys.readouterr().out
    assert said.startswith("3 contacts in 1 run, 2026-11-02 09:00; events until 2026-12-03 10:00 (UTC). ")
    assert "The log could have granted 6 claims." in said
    assert "The log sent 3 messages, the decisions send 3; the log could not have sent 0 of these (0.0 %)." in said
    assert "messages are taken to act alone" in said
    assert "66.67 %" in said


def test_the_response_the_end_and_the_level_are_chosen(capsys):
    """And everything is JSON where that is asked for."""
    more = ("--response", "sale", "--until", "2026-11-20T00:00Z", "--level", "0.8", "--json")
    assert evaluate(*TABLES, *more) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "journeykit.evaluation/1"
    assert [own["response"] for own in found["responses"]] == ["sale"]
    assert (found["until"], found["level"]) == ("2026-11-20T00:00:00+00:00", 0.8)
    assert found["responses"][0]["rate"]["found"][0]["total"] == pytest.approx(2)


def test_responses_are_named_at_once_or_one_by_one(capsys):
    """Both ways say the same."""
    assert evaluate(*TABLES, "--response", "click,sale") == 0
    at_once = capsys.readouterr().out
    assert evaluate(*TABLES, "--response", "click", "--response", "sale") == 0
    assert capsys.readouterr().out == at_once


def test_a_model_that_is_not_there(capsys):
    """Is bad data, as a file is that holds none."""
    pytest.importorskip("sklearn")
    assert evaluate(*TABLES, "--model", "model.skops") == 4
    assert "model.skops: the model cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("log.csv", LOG.split("\n", maxsplit=1)[0] + "\n", "log.csv: the log has no rows"),
        ("calls.csv", CALLS.split("\n", maxsplit=1)[0] + "\n", "calls.csv: the decisions have no rows"),
        (
            "log.csv",
            LOG + LOG.split("\n", 1)[1],
            "no claim is left that could be evaluated; left out: claims that a table has more than once: 11",
        ),
    ],
)
def test_tables_of_which_nothing_is_left(name, text, said, capsys):
    """The table is named, and why its rows do not count."""
    Path(name).write_text(text, "utf-8")
    assert evaluate(*TABLES) == 4
    assert said in capsys.readouterr().err


def test_messages_that_are_too_young_ask_for_the_end(capsys):
    """Where the last event comes before the end of all answers, and nothing says that observation went on."""
    Path("events.csv").write_text(EVENTS.rsplit("\n", 2)[0] + "\n", "utf-8")
    assert evaluate(*TABLES, "--response", "sale") == 0
    assert "at 2026-11-03 10:00 (UTC); if it went on, give its end (until in Python, --until" in capsys.readouterr().out
    assert evaluate(*TABLES, "--response", "sale", "--until", "2026-11-04T00:00Z") == 0
    assert "if it went on" not in capsys.readouterr().out


def test_of_what_the_log_never_sent_nothing_is_known():
    """Neither estimator has a number for it."""
    Path("calls.csv").write_text(CALLS.replace(",call,", ",letter,"), "utf-8")
    assert evaluate(*TABLES, "--out", "found.csv", "--response", "sale") == 0
    rows = list(csv.DictReader(Path("found.csv").read_text("utf-8").splitlines()))
    unknown = [row for row in rows if row["estimator"] != "log"]
    assert len(unknown) == 4
    assert {row[name] for row in unknown for name in ("mean", "low", "total", "difference")} == {""}


def test_the_estimates_are_written_as_a_table():
    """A row for the log and for each estimator."""
    assert evaluate(*TABLES, "--out", "found.csv") == 0
    rows = list(csv.DictReader(Path("found.csv").read_text("utf-8").splitlines()))
    assert [(row["response"], row["measure"], row["estimator"], row["mean"]) for row in rows][:2] == [
        ("sale", "rate", "log", "0.3333333333333333"),
        ("sale", "rate", "self_normalised", "0.6666666666666666"),
    ]


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--response", "sales"), 2, "no response 'sales'; did you mean 'sale'?"),
        (("--level", "1"), 2, "'1' is no number between 0 and 1"),
        (("--out", "found.txt"), 2, "--out found.txt: the ending of a table is one of"),
        (("--out", "log.csv"), 2, "--out log.csv would overwrite the log"),
        (("--zone", "Mars"), 2, "--zone"),
        (("--max-bad", "0"), 0, ""),
    ],
)
def test_a_wrong_command_line_is_told(capsys, more, code, words):
    """Before any work is done."""
    assert evaluate(*TABLES, *more) == code
    assert words in capsys.readouterr().err


def test_a_model_says_what_is_expected(capsys):
    """The model of this playbook; what it needs is of no use without it."""
    pytest.importorskip("sklearn")
    from datetime import UTC, datetime

    from journeykit import Playbook, learn

    past = [
        {"contact_id": f"c{number}", "sent_at": "2026-10-01T09:00:00Z", "campaign_id": "call"} for number in range(20)
    ]
    bought = [{"contact_id": f"c{number}", "event": "purchase", "at": "2026-10-02T09:00:00Z"} for number in range(10)]
    model = learn(Playbook.load("playbook.yaml"), past, bought, until=datetime(2026, 11, 1, tzinfo=UTC))
    model.save("model.skops")
    assert evaluate(*TABLES, "--model", "model.skops", "--response", "sale", "--json") == 0
    estimate = json.loads(capsys.readouterr().out)["responses"][0]["rate"]["found"][1]
    # A half is expected of each; Ben's call counts for four half answers more, and Cleo's for two half ones less.
    assert estimate["mean"] == pytest.approx((3 * 0.5 + 4 * 0.5 - 2 * 0.5) / 3, abs=0.01)
    assert evaluate(*TABLES, "--touches", "log.csv") == 2
    assert "--touches is for the model" in capsys.readouterr().err
    Path("playbook.yaml").write_text(PLAYBOOK + "timezone: Europe/Paris\n", "utf-8")
    assert evaluate(*TABLES, "--model", "model.skops") == 4
    assert "learned with another playbook" in capsys.readouterr().err


def test_a_log_without_chances_is_refused(capsys):
    """With what to do, and exit code 4."""
    assert evaluate("--log", "calls.csv", "--decisions", "calls.csv", "--events", "events.csv") == 4
    said = capsys.readouterr().err
    assert "calls.csv, field 'chance': the log has no chances" in said
    assert "decide with a playbook that has explore" in said
