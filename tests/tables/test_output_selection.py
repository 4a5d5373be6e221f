"""Which rows and columns are written: those that are asked for, and nothing else changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import tabled
from generate import situation

from journeykit import Arbiter, DataError, ModelError, Playbook
from journeykit.cli import main
from journeykit.job import Inputs, Job, TableJob
from journeykit.ledger import MemoryLedger
from journeykit.model.outcome import Outcome
from journeykit.tables import DECISIONS, decision_cells
from journeykit.tables.output_selection import OutputSelection

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = {
    "content": [{"id": "note", "channel": "email"}, {"id": "text", "channel": "sms"}],
    "campaigns": [
        {"id": "launch", "content": ["note"], "team": "growth", "weight": 3},
        {"id": "sale", "content": ["text"], "team": "shop", "weight": 2},
        {"id": "vip", "content": ["note"], "team": "shop", "audience": "vip"},
    ],
    "caps": [{"name": "one a day", "max": 1, "window": {"days": 1}}],
}
CONTACTS = [{"contact_id": name, "consent": "email;sms", "vip": name == "anna"} for name in ("anna", "ben", "carl")]
THREE = ["campaign_id", "contact_id", "send_at"]
NOT_COMPARED = {"written": 0, "output": None}
"""What a summary says of the selection."""


def arbiter(**more):
    return Arbiter(Playbook.from_dict({**PLAYBOOK, **more}))


def rows_of(job, selection):
    """The rows of the row engine, as a selection has them."""
    places = [list(DECISIONS).index(name) for name in selection.columns]
    rows = [decision_cells(row) for _, decision in job.decisions() for row in selection.rows(decision.rows)]
    return [{name: row[place] for name, place in zip(selection.columns, places, strict=True)} for row in rows]


def plain(rows):
    return [{name: list(cell) if isinstance(cell, tuple) else cell for name, cell in row.items()} for row in rows]


def test_only_what_goes_out_is_given():
    """Granted rows alone, with the columns that are asked for, in their order; the summary counts all claims."""
    told = []
    table = arbiter().decide_table(CONTACTS, at=AT, outcomes="granted", columns=THREE, summary=told.append)
    assert table.column_names == THREE
    assert [(row["contact_id"], row["campaign_id"]) for row in table.to_pylist()] == [
        ("anna", "launch"),
        ("ben", "launch"),
        ("carl", "launch"),
    ]
    assert (told[0].written, told[0].outcomes) == (3, {"deferred": 4, "granted": 3, "denied": 2})


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_both_engines_write_the_same_selection(tmp_path, form):
    """To each format; what is written is a selection of the whole table, and the summary is that of the whole run."""
    one, two, whole = (tmp_path / f"{name}.{form}" for name in ("one", "two", "whole"))
    inputs, options = Inputs(contacts=CONTACTS), {"at": AT, "outcomes": "granted", "columns": THREE}
    first = Job(arbiter(), inputs, **options).write(one)
    second = TableJob(arbiter(), CONTACTS, **options).write(two)
    all_of_it = TableJob(arbiter(), CONTACTS, at=AT, everything=True).write(whole)
    if form == "parquet":
        assert pq.read_table(one).to_pylist() == pq.read_table(two).to_pylist()
        kept = [row for row in pq.read_table(whole).to_pylist() if row["outcome"] == "granted"]
        assert pq.read_table(two).to_pylist() == [{name: row[name] for name in THREE} for row in kept]
    else:
        assert one.read_bytes() == two.read_bytes()
    assert list(first.to_dict()["output"]["columns"]) == list(THREE)
    assert first.to_dict()["output"] == second.to_dict()["output"]
    told = [own.to_dict() | NOT_COMPARED for own in (first, second, all_of_it)]
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("start", range(0, 30, 10))
def test_a_selection_leaves_rows_and_columns_out_and_changes_none(start):
    """Random playbooks and plans, claims with faults, contacts that fall back: both engines."""
    for seed in range(start, start + 10):
        found, rng = situation(seed), Random(seed)
        if found.playbook.campaigns is None:
            continue
        rows = tabled.contacts(rng, found.at, 6, faults=seed % 2 == 0)
        history = tabled.touches(rng, found.playbook, found.at, 6)
        few = found.until is not None
        claims = tabled.claims(rng, found.playbook, found.at, 6, few=few, faults=True) if seed % 3 == 0 else None
        names = rng.sample(list(DECISIONS), rng.randint(1, 6))
        outcomes = rng.choice(["granted", None, "all"])
        own, when = Arbiter(found.playbook), {"at": found.at, "until": found.until}
        job = Job(own, Inputs(contacts=rows, touches=history, claims=claims), **when)
        wanted = plain(rows_of(job, OutputSelection.of(outcomes, names)))
        other = TableJob(own, rows, history, None, claims, **when, outcomes=outcomes, columns=names)
        assert other.table().to_pylist() == wanted
        assert other.written == len(wanted)
        if few:
            assert other.calendar() == job.calendar()


def test_what_is_not_asked_for_is_not_made(monkeypatch):
    """No ids of decisions, for example."""
    from journeykit.columns import decision_rows

    monkeypatch.setattr(decision_rows, "decision_ids", lambda *_: pytest.fail("ids were made"))
    table = arbiter().decide_table(CONTACTS, at=AT, columns=["contact_id", "reason"])
    assert table.num_rows == 7


def test_the_ledger_and_quotas_see_all_of_it():
    """A selection changes neither what is reserved, nor what is kept, nor how quotas are used."""
    kept = {}
    for options in ({}, {"outcomes": "granted", "columns": ["contact_id"]}):
        ledger, told = MemoryLedger(), []
        own = arbiter(quotas=[{"name": "few", "max": 2, "where": {"campaign": "launch"}}])
        table = own.decide_table(
            CONTACTS, at=AT, ledger=ledger, run_id="night", keep_decisions=True, summary=told.append, **options
        )
        held = [ledger.reservations(own["contact_id"]) for own in CONTACTS]
        one = ledger.decision(run_id="night", contact="anna")
        kept[bool(options)] = (held, [decision_cells(row) for row in one.rows], told[0].to_dict() | NOT_COMPARED)
        assert table.num_rows == (3 if options else 6)
    assert kept[True] == kept[False]


def test_a_plan_counts_what_is_deferred_all_the_same():
    """The calendar has days of rows that are not given."""
    calendars = []
    for outcomes in (None, "granted"):
        arbiter().decide_table(
            CONTACTS, at=AT, until=AT + timedelta(days=2), outcomes=outcomes, calendar=calendars.append
        )
    assert calendars[0] == calendars[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outcomes": "grated"}, "outcomes is 'grated'; allowed are granted, all, .*; did you mean 'granted'?"),
        ({"columns": ["contact_id", "sent_at"]}, "has no column 'sent_at'; did you mean 'send_at'?"),
        ({"columns": ["zzz"]}, "has no column 'zzz'; there are decision_id, run_id, contact_id"),
        ({"columns": ["weight", "weight"]}, "column 'weight' is named twice"),
        ({"columns": []}, "columns is empty; name at least one column"),
        ({"columns": "weight"}, "columns is a text; give a list of names"),
        ({"outcomes": "granted", "everything": True}, "contradict"),
    ],
)
def test_an_unknown_word_is_told_before_the_work(options, message):
    """What cannot be selected is an error that says what there is."""
    with pytest.raises(ModelError, match=message):
        arbiter().decide_table(CONTACTS, at=AT, **options)


def test_the_command_takes_granted_and_columns(tmp_path, monkeypatch, capsys):
    """`--granted` and `--columns`; a wrong name, or both of `--all` and `--granted`, is wrong usage."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "playbook.json").write_text(json.dumps(PLAYBOOK))
    (tmp_path / "contacts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in CONTACTS))
    given = ["decide", "playbook.json", "--contacts", "contacts.jsonl", "--at", "2026-11-05T10:00Z"]
    wanted = "contact_id,campaign_id\n" + "".join(f"{name},launch\n" for name in ("anna", "ben", "carl"))
    for engine in ("one", "columns"):
        more = ["--out", "out.csv", "--granted", "--columns", "Contact_ID, campaign_id", "--engine", engine]
        assert main([*given, *more]) == 0
        assert (tmp_path / "out.csv").read_text() == wanted
    for more, message in (
        (["--columns", "contact_id, ,send_at,"], "has an empty name"),
        (["--columns", "contact"], "has no column 'contact'; did you mean 'contact_id'?"),
        (["--all", "--granted"], "not allowed with argument"),
    ):
        capsys.readouterr()
        assert main([*given, "--out", "out.csv", *more]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outcomes": ["granted"]}, r"outcomes is \['granted'\]; allowed are granted, all"),
        ({"columns": {"contact_id"}}, "a set, which has no order"),
        ({"columns": 5}, "columns is 5; give a list of names"),
        ({"columns": [5]}, "the name of a column is text, found 5"),
        ({"columns": ["contact_id", " "]}, "has an empty name"),
        ({"columns": ["contact_id", "CONTACT_ID"]}, "named twice"),
        ({"out": "dq.csv", "partition": "day"}, "writes a folder of Parquet files; give the name of a folder"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, message, tmp_path, monkeypatch):
    """With what is allowed, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=message):
        arbiter().decide_table(CONTACTS, at=AT, **options)
    assert not list(tmp_path.iterdir())


def test_names_of_columns_come_as_they_like():
    """From anything that has an order, read once, whatever their case."""
    for columns in (iter(THREE), dict.fromkeys(THREE).keys(), [name.upper() for name in THREE]):
        assert arbiter().decide_table(CONTACTS, at=AT, columns=columns).column_names == THREE


def test_a_column_is_no_table():
    """A series of pandas or Polars speaks Arrow, but has no names of columns."""
    for series in (pd.Series(["anna"]), pl.Series(["anna"])):
        with pytest.raises(DataError, match=r"found one column, a Series of (pandas|polars); give a dataframe"):
            arbiter().decide_table(series, at=AT)


def test_outcomes_go_in_their_order():
    """The order in which outcomes are defined is the one that a selection means."""
    assert [outcome.value for outcome in Outcome] == ["granted", "deferred", "denied"]
    assert OutputSelection.of("granted").last_number == 0
    assert OutputSelection.of().last_number == 1
