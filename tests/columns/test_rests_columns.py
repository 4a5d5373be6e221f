"""Rests: both engines give the same rows and counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import generate
import pytest
import tabled
from generate import situation, with_rests
from test_one_equals_columns import assert_equal, assert_situation

from journeykit import Arbiter, Playbook
from journeykit.job import Inputs, Job, TableJob
from journeykit.ledger import MemoryLedger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
NOTE = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "news", "content": ["note"], "repeat": None}],
    "on_missing": {"consent": "allow"},
}

APART = {"name": "apart", "first": {"campaign": "news"}, "then": {"campaign": "other"}, "lag": "1h"}


def log(rng: Random, found) -> list[dict]:
    """The table of what some contacts did; the first did nothing."""
    campaigns = [own.id for own in found.playbook.campaigns]
    return tabled.log(rng, range(1, 8), lambda: generate.told(rng, found.at, campaigns))


@pytest.mark.parametrize("start", range(0, 80, 20))
def test_rests_are_decided_alike(start):
    """Random playbooks and tables, plans and claims that are brought among them."""
    for seed in range(start, start + 20):
        found = with_rests(situation(seed))
        assert_situation(found, lambda rng, found=found: log(rng, found))


@pytest.mark.parametrize("until", [None, AT + timedelta(days=3)])
@pytest.mark.parametrize("conflicts", [[], [APART]])
def test_who_rests_loses_to_nobody_in_columns(until, conflicts):
    """Neither of what is decided plainly nor of what conflicts: winners beside a rest take none of its room."""
    campaigns = [*NOTE["campaigns"], {"id": "receipt", "content": ["note"], "obeys_caps": False, "repeat": None}]
    campaigns += [{"id": "other", "content": ["note"], "repeat": None, "counts_toward_caps": False}]
    playbook = {
        **NOTE,
        "campaigns": campaigns,
        "conflicts": conflicts,
        "rests": [{"name": "rest", "event": "seen", "for": "9d"}],
    }
    rows = [{"contact_id": name} for name in "ab"]
    events = [{"contact_id": "a", "event": "seen", "at": AT - timedelta(days=1), "campaign_id": "other"}]
    assert_equal(Playbook.from_dict(playbook), rows, None, at=AT, until=until, events=events)
    job = TableJob(Arbiter(Playbook.from_dict(playbook)), rows, events=events, at=AT, until=until, everything=True)
    rested = [row for row in job.table().to_pylist() if row["reason"] == "resting"]
    assert {(row["contact_id"], row["campaign_id"]) for row in rested} == {("a", "news"), ("a", "other")}
    assert all(row["lost_to"] == [] for row in rested)


@pytest.mark.parametrize("start", range(3000, 3040, 20))
def test_rests_beside_quotas_are_decided_alike(start):
    """The prices of quotas move nobody who rests."""
    for seed in range(start, start + 20):
        found = with_rests(situation(seed))
        if found.playbook.campaigns is not None and found.until is None:
            rng = Random(seed)
            rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, found.playbook, found.at, 8)
            quotas = generate.quotas(rng, found.playbook, found.at.date())
            playbook = generate.evolve(found.playbook, quotas=quotas, on_infeasible="relax")
            assert_equal(playbook, rows, history, at=found.at, events=log(rng, found))


def test_most_rests_are_decided_by_columns():
    """A contact who rests does not fall back to the row engine."""
    playbook = Playbook.from_dict({**NOTE, "rests": [{"name": "rest", "event": "seen", "for": "9d"}]})
    rows = [{"contact_id": name} for name in "abc"]
    events = [{"contact_id": name, "event": "seen", "at": AT - timedelta(days=1)} for name in "ab"]
    job = TableJob(Arbiter(playbook), rows, events=events, at=AT, everything=True)
    decide, fallen = job._fallback.decide, []
    job._fallback.decide = lambda state, row: fallen.append(row) or decide(state, row)
    table = job.table()
    assert table["reason"].to_pylist() == ["resting", "resting", "granted"]
    assert table["retry_at"].to_pylist()[:2] == [AT + timedelta(days=8)] * 2
    assert fallen == []


def test_touches_of_long_ago_count_as_ignored():
    """They are read, though no cap looks so far back."""
    rest = {"name": "rest", "event": "ignored", "times": 2, "within": "100d", "for": "60d", "after": "30d"}
    playbook = Playbook.from_dict({**NOTE, "rests": [rest]})
    history = [
        {"contact_id": "a", "sent_at": AT - timedelta(days=days), "channel": "email", "campaign_id": "news"}
        for days in (120, 60)
    ]
    other = assert_equal(playbook, [{"contact_id": "a"}], history, at=AT, events=[])
    assert other.summary().reasons == {"resting": 1}


def test_a_run_with_a_ledger_obeys_rests():
    """Both engines, with what the ledger has sent."""
    rest = {"name": "rest", "event": "ignored", "for": "60d", "after": "2d"}
    arbiter = Arbiter(Playbook.from_dict({**NOTE, "rests": [rest]}))
    rows, found = [{"contact_id": name} for name in "ab"], []
    for kind in (Job, TableJob):
        ledger = MemoryLedger()
        for name, at in (("a", AT - timedelta(days=9)), ("b", AT - timedelta(days=1))):
            (grant,) = ledger_rows(arbiter, ledger, name, at)
            ledger.confirm([grant.decision_id])
        inputs = Inputs(contacts=rows, events=[{"contact_id": "b", "event": "x", "at": AT}])
        if kind is Job:
            job = Job(arbiter, inputs, at=AT, ledger=ledger, run_id="r")
            found.append({who.id: str(decision.rows[0].reason) for who, decision in job.decisions()})
        else:
            job = TableJob(arbiter, rows, events=inputs.events, at=AT, ledger=ledger, run_id="r", everything=True)
            table = job.table()
            found.append(dict(zip(table["contact_id"].to_pylist(), table["reason"].to_pylist(), strict=True)))
    assert found == [{"a": "resting", "b": "granted"}] * 2


def ledger_rows(arbiter: Arbiter, ledger: MemoryLedger, name: str, at: datetime):
    from journeykit import Contact

    return [row for row in arbiter.decide(Contact(id=name), at=at, ledger=ledger, events=[]).rows if row.send_at]
