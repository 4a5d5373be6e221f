"""What is not known of a contact: limits of their own that are missing, and caps whose audience is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from journeykit import Arbiter, Cap, Contact, Limit, ModelError, Playbook, PlaybookError, Touch, Window
from journeykit.job import Inputs, Job, TableJob

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def playbook(rule, **more):
    return Playbook.from_dict(
        {
            "content": [{"id": "letter", "channel": "email"}],
            "campaigns": [{"id": "launch", "content": ["letter"]}],
            "caps": [{"name": "own", "window": {"ever": True}, **rule}],
            "on_missing": {"consent": "allow", **more},
        }
    )


def granted(book, rows):
    """Who gets something, by each of the engines."""
    arbiter = Arbiter(book)
    table = arbiter.decide_table(rows, at=AT)
    columns = set(table.column("contact_id").to_pylist())
    one = {
        row["contact_id"]
        for row in rows
        if arbiter.decide(
            Contact(id=row["contact_id"], attributes={k: v for k, v in row.items() if k != "contact_id"}), at=AT
        ).granted
    }
    assert one == columns
    return one


ROWS = [
    {"contact_id": "small", "employees": 10},
    {"contact_id": "large", "employees": 500},
    {"contact_id": "unknown", "employees": None},
]


def test_a_cap_protects_those_of_whom_its_audience_is_unknown():
    """By default the careful case holds; `waive` is the other one."""
    cap = {"max": 0, "audience": "employees < 50"}
    assert granted(playbook(cap), ROWS) == {"large"}
    assert granted(playbook(cap, cap="apply"), ROWS) == {"large"}
    assert granted(playbook(cap, cap="waive"), ROWS) == {"large", "unknown"}


def test_a_misspelt_column_lets_nobody_through():
    """The table has `employees`, the cap asks for `employes`: it protects all until somebody mends it."""
    assert granted(playbook({"max": 0, "audience": "employes < 50"}), ROWS) == set()


def test_a_missing_limit_takes_its_default():
    """A column that is not there, or an empty cell: the default holds."""
    rows = [{"contact_id": "a", "per_week": 5}, {"contact_id": "b", "per_week": None}]
    assert granted(playbook({"max": {"attribute": "per_weeek", "default": 0}}), rows) == set()
    assert granted(playbook({"max": {"attribute": "per_week", "default": 0}}), rows) == {"a"}
    assert granted(playbook({"max": {"attribute": "per_week", "default": None}}), rows) == {"a", "b"}


@pytest.mark.parametrize("limit", [{"attribute": "per_week"}, {"attribute": "per_week", "defualt": 2}])
def test_the_default_must_be_said(limit):
    """A limit without a default would be none where the attribute is missing."""
    with pytest.raises(PlaybookError, match="default"):
        playbook({"max": limit})
    with pytest.raises(TypeError, match="default"):
        Limit(attribute="per_week")
    with pytest.raises(ModelError, match="null for none"):
        Cap(name="own", max=limit, window=Window.ever())


def test_the_audit_is_careful_too():
    """A grant past a cap whose audience is unknown breaks the cap."""
    book = playbook({"max": 1, "audience": "employees < 50"})
    ben = Contact(id="ben")
    decision = Arbiter(book).decide(ben, at=AT)
    sent = [Touch(at=AT - timedelta(days=1), channel="email", campaign="other")]
    assert [broken.rule for broken in Arbiter(book).audit(decision, ben, sent)] == ["own"]
    waived = playbook({"max": 1, "audience": "employees < 50"}, cap="waive")
    assert Arbiter(waived).audit(Arbiter(waived).decide(ben, at=AT), ben, sent) == ()


def test_interests_meet_solutions_as_well_as_topics():
    """A content about a solution weighs more for those who care for it; both engines say so."""
    book = Playbook.from_dict(
        {
            "content": [
                {"id": "platform", "channel": "email", "solutions": ["platform"]},
                {"id": "news", "channel": "email", "topics": ["news"]},
            ],
            "campaigns": [{"id": name, "content": [name]} for name in ("platform", "news")],
            "interest_lift": 0.5,
            "on_missing": {"consent": "allow"},
        }
    )
    arbiter = Arbiter(book)
    rows = [{"contact_id": "a", "interests": "platform"}, {"contact_id": "b", "interests": "news"}]
    found = arbiter.decide_table(rows, at=AT).to_pylist()
    assert {(row["contact_id"], row["campaign_id"]): row["weight"] for row in found} == {
        ("a", "platform"): 1.5,
        ("a", "news"): 1.0,
        ("b", "platform"): 1.0,
        ("b", "news"): 1.5,
    }
    decision = arbiter.decide(Contact(id="a", interests=["platform"]), at=AT)
    assert {row.campaign: row.weight for row in decision.rows} == {"platform": 1.5, "news": 1.0}
    # A playbook that names no topic at all.
    alone = Arbiter(evolve(book, content=book.content[:1], campaigns=book.campaigns[:1]))
    assert alone.decide_table(rows[:1], at=AT).to_pylist()[0]["weight"] == 1.5


NAMED = {
    "segments": [{"name": "fragile", "rule": "complaints >= 1"}],
    "content": [{"id": "letter", "channel": "email"}],
    "campaigns": [
        {"id": "robust", "content": ["letter"], "audience": "'fragile' not in segments"},
        {"id": "all", "content": ["letter"]},
    ],
    "caps": [
        {
            "name": "spare",
            "max": 0,
            "window": {"ever": True},
            "where": {"campaign": "all"},
            "audience": "'fragile' in segments",
        }
    ],
    "on_missing": {"consent": "allow"},
}


def test_a_segment_that_is_unknown_of_a_contact_is_no_segment_that_it_is_not_in():
    """Caps of such segments protect, audiences without them do not select, and both are counted; by either engine."""
    rows = [
        {"contact_id": "calm", "complaints": 0},
        {"contact_id": "fragile", "complaints": 2},
        {"contact_id": "unknown", "complaints": None},
        {"contact_id": "own", "complaints": None, "segments": ["fragile"]},
    ]
    arbiter = Arbiter(Playbook.from_dict(NAMED))
    one = Job(arbiter, Inputs(contacts=rows), at=AT)
    found = {
        (contact.id, row.campaign): str(row.reason) for contact, decision in one.decisions() for row in decision.rows
    }
    assert found == {
        ("calm", "robust"): "granted",
        ("calm", "all"): "granted",
        **{(name, "robust"): "not_in_audience" for name in ("fragile", "unknown", "own")},
        **{(name, "all"): "capped" for name in ("fragile", "unknown", "own")},
    }
    columns = TableJob(arbiter, rows, at=AT, everything=True)
    table = columns.table().to_pylist()
    assert {(row["contact_id"], row["campaign_id"]): row["reason"] for row in table} == found
    unknown = {"audience of robust": 1, "audience of the cap 'spare'": 1}
    assert one.summary().unknown == columns.summary().unknown == unknown
