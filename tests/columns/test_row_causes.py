"""Why contacts are decided by the row engine in a job of the columnar engine: the summary says it once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from test_one_equals_columns import assert_equal

from journeykit import Arbiter, Playbook
from journeykit.columns.row_causes import MOST_TOUCHES
from journeykit.job import TableJob
from journeykit.ledger import MemoryLedger

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)  # a Monday
ALL = "each contact was decided by the row engine, which takes longer: "
SOME = "contacts that fell back to the row engine: "
CONTACTS = [{"contact_id": name, "timezone": "UTC"} for name in ("anna", "ben", "cleo")]


def playbook(campaign=None, **more):
    campaigns = [{"id": "news", "content": ["note", "poem"], **(campaign or {})}, {"id": "plain", "content": ["note"]}]
    content = [{"id": name, "channel": "email"} for name in ("note", "poem")]
    return Playbook.from_dict({"content": content, "campaigns": campaigns, "on_missing": {"consent": "allow"}, **more})


def notes(rules, rows=CONTACTS, history=None, claims=None, **how):
    return assert_equal(rules, rows, history, None, claims, at=AT, **how).summary().notes


def cap(**more):
    return {"caps": [{"name": "few", "max": 2, "window": {"rolling": "7d"}} | more]}


ASKS_TIME = {"audience": "days_since(joined) > 3"}
CASES = [
    ({}, cap(count="campaigns"), 0, "caps count campaigns (count: campaigns): 'few'"),
    ({}, cap(per="account"), 0, "accounts are decided together, for the sake of caps per account: 'few'"),
    ({"send_at": "10:00"}, {}, 2, "send_at in a plan of less than three days: 'news'"),
    ({"send_at": "10:00", "series": {"gap": "1d"}}, {}, 5, "send_at and a series in one campaign: 'news'"),
    ({"send_at": "10:00", "dates": ["2026-11-04"]}, {}, 5, "send_at and dates in one campaign: 'news'"),
    (
        {"dates": ["2026-11-04"], "series": {"gap": "1d"}, "if_lost": "skip"},
        {},
        5,
        "dates and if_lost: skip in a plan: 'news'",
    ),
    ({"dates": ["2026-11-04"], **ASKS_TIME}, {}, 5, "dates and an audience that asks for time, in a plan: 'news'"),
    (
        {},
        {"quiet_hours": [{"from": "22:00", "to": "06:00", **ASKS_TIME}]},
        0,
        "hours or holidays whose audience asks for time: 'days_since(joined) > 3'",
    ),
]


@pytest.mark.parametrize(("campaign", "more", "days", "told"), CASES, ids=[case[3][:30] for case in CASES])
def test_a_playbook_that_falls_back_says_why(campaign, more, days, told):
    """With the rule or the campaign that is the cause."""
    until = AT + timedelta(days=days) if days else None
    assert [note for note in notes(playbook(campaign, **more), until=until) if note.startswith(ALL)] == [ALL + told]


def test_several_causes_are_said_together():
    """All of them, since one that is mended alone changes nothing."""
    rules = playbook({"send_at": "10:00"}, **cap(count="campaigns"))
    (note,) = (note for note in notes(rules, until=AT + timedelta(days=1)) if note.startswith(ALL))
    assert "count: campaigns" in note
    assert "less than three days" in note


@pytest.mark.parametrize("campaign", [{}, {"series": {"gap": "1d"}}, {"send_at": "10:00"}, {"dates": ["2026-11-04"]}])
def test_what_the_columnar_engine_takes_says_nothing(campaign):
    """Neither of the playbook, nor of contacts."""
    found = notes(playbook(campaign), until=AT + timedelta(days=5))
    assert not [note for note in found if "row engine" in note]


def test_contacts_that_fall_back_are_counted_by_cause():
    """Each by the first of its causes; what cannot be decided at all is a bad row, and no fallback."""
    rows = [*CONTACTS, {"contact_id": "anna", "timezone": "UTC"}]
    told = [
        {"contact_id": "ben", "channel": "email", "sent_at": AT - timedelta(hours=hour)}
        for hour in range(MOST_TOUCHES + 1)
    ]
    claims = [{"contact_id": name, "campaign_id": "plain"} for name in ("anna", "ben", "cleo", "cleo")]
    (note,) = notes(playbook(**cap(window={"rolling": "200d"})), rows, told, claims)
    twice = "1 for a claim that is there twice, is read one by one, or is of a campaign with split or if_lost: skip"
    assert note == f"{SOME}1 for more than 2,048 touches; {twice}"


def test_waiting_claims_are_a_cause():
    """What waits in the ledger is joined to what a table brings by the row engine."""
    arbiter, ledger = Arbiter(playbook(**cap(max=1))), MemoryLedger()
    claims = [{"contact_id": "anna", "campaign_id": name} for name in ("plain", "news")]
    list(TableJob(arbiter, CONTACTS, claims=claims, at=AT, ledger=ledger, run_id="one").batches())
    assert [own.contact for own in ledger.waiting()] == ["anna"]
    claims = [{"contact_id": "ben", "campaign_id": "plain"}]
    job = TableJob(arbiter, CONTACTS, claims=claims, at=AT, ledger=ledger, run_id="two", waiting=True)
    list(job.batches())
    assert f"{SOME}1 for claims that wait in the ledger" in job.summary().notes


class Slow:
    """A policy without `weigh_columns`."""

    def weigh(self, context, claim):
        """All claims weigh the same."""
        return 1.0


def test_arms_that_fall_back_are_counted():
    """Where the rules of one arm fall back and those of the other do not, the contacts of the arm are counted."""
    arms = [{"name": "as ever", "share": 0.5}, {"name": "slow", "share": 0.5, "with": {"policy": "slow"}}]
    rules = playbook(experiments=[{"name": "policies", "arms": arms}])
    rows = [{"contact_id": f"c{number}"} for number in range(20)]
    claims = [{"contact_id": row["contact_id"], "campaign_id": "plain"} for row in rows]
    job = assert_equal(rules, rows, None, None, claims, at=AT, policies={"slow": Slow()})
    (note,) = (note for note in job.summary().notes if note.startswith(SOME))
    found = re.fullmatch(r"(\d+) for an arm whose rules the columnar engine does not take", note.removeprefix(SOME))
    assert found is not None
    assert 4 < int(found[1]) < 16
