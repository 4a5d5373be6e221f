"""The command line of learning: ``journeykit learn`` and ``journeykit score``."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from journeykit.cli import main
from journeykit.ledger import Ledger

PLAYBOOK = """
content:
  - {id: letter, channel: email}
campaigns:
  - {id: news, content: [letter]}
responses:
  - {name: sale, event: purchase, within: 7d}
"""
START = datetime(2026, 9, 1, 9, tzinfo=UTC)


def write(name, columns, rows):
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("playbook.yaml").write_text(PLAYBOOK, encoding="utf-8")
    sent = [(f"c{number % 20:02}", START + timedelta(days=number)) for number in range(60)]
    write("touches.csv", ["contact_id", "sent_at", "campaign_id"], [(*own, "news") for own in sent])
    bought = [(who, "purchase", at + timedelta(hours=5)) for who, at in sent[::4]]
    write("events.csv", ["contact_id", "event", "at"], bought)
    write("contacts.csv", ["contact_id", "region"], [(f"c{number:02}", "ns"[number % 2]) for number in range(21)])
    return tmp_path


TABLES = ("--touches", "touches.csv", "--events", "events.csv", "--contacts", "contacts.csv")
LEARN = ("learn", "playbook.yaml", *TABLES, "--until", "2026-12-01T00:00Z")
SCORE = ("score", "playbook.yaml", *TABLES, "--at", "2026-12-01T00:00Z", "--model", "model.skops")


def test_a_model_is_learned_and_scores(capsys):
    """The card is printed, the model is written, and its scores are those that learn writes at once."""
    assert main([*LEARN, "--static", "region", "--model", "model.skops", "--out", "at_once.csv"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("The chance of 'sale', by 'rates', from 60 messages to 20 contacts, 15 of them answered")
    assert "21 scores of 21 contacts written to at_once.csv" in said.err
    assert main([*SCORE, "--out", "scores.csv"]) == 0
    assert Path("scores.csv").read_bytes() == Path("at_once.csv").read_bytes()
    assert "21 scores of 21 contacts written to scores.csv" in capsys.readouterr().err


def test_the_card_as_json(capsys):
    """With the notes on rows that could not be used."""
    with Path("touches.csv").open("a", encoding="utf-8") as file:
        file.write("c01,someday,news\n")
    assert main([*LEARN, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "journeykit.model_cards/1"
    assert found["cards"]["sale"]["parts"][0]["messages"] == 60
    assert any("bad rows of touches.csv: 1" in note for note in found["notes"])


def test_scores_go_to_standard_output(capsys):
    """In the format that is named."""
    assert main([*LEARN, "--model", "model.skops"]) == 0
    capsys.readouterr()
    assert main([*SCORE, "--out", "-", "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "contact_id,campaign_id,propensity,spread"


def test_touches_and_events_of_a_ledger(capsys):
    """What is not given is taken from there."""
    with Ledger("sqlite:///ledger.db") as ledger:
        ledger.upgrade()
        ledger.record_events([{"contact_id": "c00", "event": "purchase", "at": START + timedelta(days=1)}])
    own = ("learn", "playbook.yaml", "--touches", "touches.csv", "--ledger", "sqlite:///ledger.db")
    assert main([*own, "--until", "2026-12-01T00:00Z"]) == 0
    assert "60 messages to 20 contacts, 1 of them answered" in capsys.readouterr().out


def test_an_estimator_of_the_users_own_is_loaded(capsys):
    """A class of it will do; with few messages it does not compete."""
    assert main([*LEARN, "--estimator", "mine=sklearn.naive_bayes:GaussianNB"]) == 0
    assert "Too few for a model" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (LEARN[:2] + LEARN[4:], "--touches is needed, or --ledger, which holds touches"),
        ((*LEARN, "--since", "2027-01-01T00:00Z"), "--since must be before --until"),
        ((*LEARN, "--out", "scores.txt"), "the ending of a table is one of"),
        ((*LEARN, "--out", "events.csv"), "would overwrite the events"),
        ((*LEARN, "--model", "playbook.yaml"), "would overwrite the playbook"),
        ((*LEARN, "--format", "csv"), "--format goes with --out"),
        ((*LEARN, "--response", "sales"), "no response 'sales'; did you mean 'sale'?"),
        ((*LEARN, "--estimator", "mine=nowhere:at_all"), "the estimator nowhere:at_all cannot be loaded"),
        ((*LEARN, "--estimator", "mine=math:pi"), "the estimator math:pi has no fit and no predict_proba"),
        ((*LEARN, "--estimator", "mine=math:sin"), "the estimator math:sin cannot be made: TypeError"),
        ((*LEARN, "--estimator", "mine=sklearn.svm:LinearSVC"), "sklearn.svm:LinearSVC has no predict_proba"),
        ((*LEARN, "--model", "model.pkl"), "--model model.pkl: the ending of a model is .skops"),
        ((*LEARN[:6], *LEARN[8:], "--static", "region"), "--static names attributes of contacts: give --contacts too"),
        ((*LEARN, "--zone", "Skopje"), "--zone: "),
        ((*SCORE, "--out", "-"), "--out - needs --format"),
    ],
)
def test_wrong_usage(capsys, given, said):
    """Is told before any work is done, with exit code 2."""
    assert main(list(given)) == 2
    assert said in capsys.readouterr().err


def test_a_static_attribute_that_is_not_there(capsys):
    """Is an error of the data."""
    assert main([*LEARN, "--static", "regio"]) == 4
    assert "contacts have no attribute 'regio'; did you mean 'region'?" in capsys.readouterr().err


def test_without_scikit_learn_the_extra_is_named(monkeypatch, capsys):
    """Before any table is read, for both commands."""
    monkeypatch.setattr("journeykit.learning.learn_extra.find_spec", lambda name: None)
    for given in ((*LEARN, "--model", "model.skops"), (*SCORE, "--out", "scores.csv")):
        assert main(list(given)) == 1
        assert f"{given[0]} needs the extra 'learn': pip install 'journeykit[learn]'" in capsys.readouterr().err


def test_a_playbook_of_which_nothing_is_scored(capsys):
    """Is refused before anything is learned."""
    for change in ("paused: true", "ends: 2026-11-29"):
        Path("playbook.yaml").write_text(PLAYBOOK.replace("{id: news", "{id: news, " + change), encoding="utf-8")
        assert main([*LEARN, "--out", "scores.csv"]) == 4
        said = capsys.readouterr()
        assert said.out == ""
        assert "the playbook has nothing to score: its campaigns are paused or over" in said.err


def test_a_model_of_another_playbook_is_refused(capsys):
    """With what to do."""
    assert main([*LEARN, "--model", "model.skops"]) == 0
    Path("playbook.yaml").write_text(PLAYBOOK.replace("7d", "8d"), encoding="utf-8")
    assert main([*SCORE, "--out", "scores.csv"]) == 4
    assert "learned with another playbook" in capsys.readouterr().err
    assert not Path("scores.csv").exists()


def test_a_model_that_is_not_there(capsys):
    """Is bad data, as a file is that holds none."""
    assert main([*SCORE, "--out", "scores.csv"]) == 4
    assert "model.skops: the model cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("contacts", "said"),
    [
        ([], "the model asks for 'region', an attribute of contacts: give the table of contacts (--contacts"),
        (["--contacts", "nobody.csv"], "the model asks for 'region', and the table has no rows"),
    ],
)
def test_contacts_that_a_model_asks_for(contacts, said, capsys):
    """Not given, or empty: each is told apart from a table that lacks the column."""
    assert main([*LEARN, "--static", "region", "--model", "model.skops"]) == 0
    write("nobody.csv", ["contact_id", "region"], [])
    assert main([*SCORE[:6], *contacts, *SCORE[8:], "--out", "scores.csv"]) == 4
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["learn", "score", "evaluate", "measure", "decide"])
def test_the_zone_is_for_tables(command, capsys):
    """Instants of the command line have an offset, in all commands alike."""
    assert main([command, "--help"]) == 0
    assert "zone in which instants of tables without an offset are meant" in " ".join(capsys.readouterr().out.split())
