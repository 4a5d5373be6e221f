"""Rules of decisions that ask for events: both engines give the same rows and counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
import tabled
from attrs import evolve
from generate import events, situation, with_events
from test_one_equals_columns import assert_equal, assert_situation

from journeykit import Arbiter, DataError, Playbook
from journeykit.job import Inputs, Job, TableJob

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_rules_about_events_are_asked_alike(start):
    """Random playbooks and tables, plans and claims that are brought among them."""
    for seed in range(start, start + 20):
        found = with_events(situation(seed))
        # The first two contacts did nothing, and somebody else did something.
        assert_situation(found, lambda rng, at=found.at: tabled.log(rng, range(2, 9), lambda: events(rng, at)))


def book(audience: str) -> Playbook:
    note = {"id": "note", "channel": "email"}
    campaign = {"id": "launch", "content": ["note"], "audience": audience}
    return Playbook.from_dict({"content": [note], "campaigns": [campaign], "on_missing": {"consent": "allow"}})


def test_sums_that_need_more_than_64_bits_are_exact():
    """As Python adds them."""
    log = [
        {"contact_id": "a", "event": "buy", "at": AT - timedelta(seconds=n), "amount": 1e9} for n in range(12_000)
    ] + [{"contact_id": "b", "event": "buy", "at": AT, "amount": 1}]
    rows = [{"contact_id": name} for name in "ab"]
    assert_equal(book('sum("buy.amount") == 12000000000000'), rows, None, at=AT, events=log)
    assert_equal(book('sum("buy.amount") > 12000000000000'), rows, None, at=AT, events=log)


def test_contacts_that_fall_back_have_their_events():
    """The row engine gets them from the columns."""
    rows = [{"contact_id": name, "timezone": zone} for name, zone in (("a", "Mars/Base"), ("b", None), ("c", None))]
    # A later row forbids something: the row engine decides.
    rows.append({"contact_id": "b", "topic_consent_other": False})
    log = [{"contact_id": name, "event": "click", "at": AT, "kind": "x", "n": 2} for name in "abc"]
    rule = (
        'count("click") == 1 and last("click.kind") == "x" and sum("click.n", "1d") == 2 and days_since("click") == 0'
    )
    other = assert_equal(book(rule), rows, None, at=AT, events=log)
    assert other.summary().outcomes == {"granted": 2}
    # Of the first nothing is decided: their event is nobody's.
    assert other.summary().to_dict()["tables"]["events"]["unknown"] == 1


def test_a_table_of_events_that_cannot_be_used_is_refused():
    """What it says is lost, and nobody would notice."""
    rows, log = [{"contact_id": "a"}], [{"contact_id": "a", "event": "click", "at": "soon"}]
    arbiter = Arbiter(book('count("click") == 0'))
    for run in (
        lambda: list(Job(arbiter, Inputs(contacts=rows, events=log), at=AT).decisions()),
        lambda: TableJob(arbiter, rows, events=log, at=AT).table(),
    ):
        with pytest.raises(DataError, match="its only row cannot be used"):
            run()


def test_events_come_as_a_table_of_any_kind():
    """Arrow tables, with properties in one cell or in columns of their own."""
    rows = pa.table({"contact_id": [1, 2, 3]})
    log = pa.table(
        {
            "contact_id": [1, 2],
            "event": ["buy", "buy"],
            "at": [AT, AT],
            "properties": ['{"amount": 3}', '{"amount": 9}'],
        }
    )
    found = Arbiter(book('sum("buy.amount") > 5')).decide_table(rows, at=AT, events=log)
    assert found["contact_id"].to_pylist() == [2]


def test_accounts_are_decided_with_the_events_of_each_contact():
    """Caps per account go the way of the row engine, contact by contact."""
    playbook = evolve(
        book('count("click") >= 1'),
        caps=Playbook.from_dict(
            {"caps": [{"name": "one", "max": 1, "per": "account", "window": {"rolling": "7d"}}]}
        ).caps,
    )
    rows = [{"contact_id": name, "account_id": "acme"} for name in "abc"]
    log = [{"contact_id": "b", "event": "click", "at": AT}]
    assert_equal(playbook, rows, None, at=AT, events=log)
