"""Audiences of named rules: all must hold, and the one that does not is named."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from journeykit import Arbiter, Campaign, Cap, Contact, Content, Playbook, PlaybookError, Rule, Window
from journeykit.columns import has_columns
from journeykit.job import Inputs, Job, TableJob
from journeykit.rule.named_rules import NamedRules, joined_audience

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
RULES = {"of age": "age >= 18", "suitable": "score >= 700 and country == 'MK'"}


def loan(audience, **changes) -> Playbook:
    """A playbook of one campaign."""
    content = [Content(id="note", channel="email")]
    campaigns = [Campaign(id="loan", content="note", audience=audience)]
    return Playbook(content=content, campaigns=campaigns, **changes)


def told(**known) -> tuple[str, str | None, tuple[str, ...]]:
    """The reason, the rule, and all rules that fail."""
    contact = Contact(id="anna", consent=["email"], attributes=known)
    (row,) = Arbiter(loan(RULES)).decide(contact, at=AT, explain=True).rows
    return str(row.reason), row.rule, row.binding


def test_the_rule_that_fails_is_named():
    """The first one is the rule; all of them bind; unknown fails too."""
    assert told(age=30, score=720, country="MK")[0] == "granted"
    assert told(age=16, score=720, country="MK")[1:] == ("audience: of age", ("audience: of age",))
    assert told(age=30, score=650, country="MK")[1:] == ("audience: suitable", ("audience: suitable",))
    assert told(age=16, score=650)[1:] == ("audience: of age", ("audience: of age", "audience: suitable"))
    assert told(score=720, country="MK")[1] == "audience: of age"


def test_the_explanation_shows_the_comparison_with_its_values():
    """Of what fails alone."""
    contact = Contact(id="anna", consent=["email"], attributes={"age": 30, "score": 650, "country": "MK"})
    decision = Arbiter(loan(RULES)).decide(contact, at=AT, explain=True)
    (row,) = decision.rows
    assert row.note == "suitable: score >= 700 (score = 650)"
    assert "suitable: score >= 700 (score = 650)" in " ".join(str(decision.explain()).split())


def test_files_hold_a_mapping():
    """It goes to data and back, and is pickled; a text stays a text."""
    playbook = loan(RULES)
    assert playbook.to_dict()["campaigns"][0]["audience"] == RULES
    for own in (Playbook.from_dict(playbook.to_dict()), pickle.loads(pickle.dumps(playbook))):
        assert own == playbook
        assert own.campaigns[0].audience.parts == playbook.campaigns[0].audience.parts
    assert loan("age >= 18").to_dict()["campaigns"][0]["audience"] == "age >= 18"
    assert loan(RULES) != loan(str(playbook.campaigns[0].audience))


def test_errors_name_the_rule_and_its_line(tmp_path):
    """What is no rule, an empty mapping, and a stage that is not there."""
    path = tmp_path / "playbook.yaml"
    path.write_text(
        "journey: {stages: [a]}\n"
        "campaigns:\n"
        "  - id: loan\n"
        "    audience:\n"
        "      of age: age >= 18\n"
        "      suitable: score => 700\n"
        "  - {id: other, audience: {}}\n"
        "  - id: third\n"
        "    audience:\n"
        "      far: stage_at_least('b')\n"
    )
    with pytest.raises(PlaybookError) as caught:
        Playbook.load(path)
    assert [(own.path, own.line) for own in caught.value.problems] == [
        ("campaigns[0].audience.suitable", 6),
        ("campaigns[1].audience", 7),
        ("campaigns[2].audience.far", 10),
    ]
    assert "at least one" in caught.value.problems[1].message


def test_caps_and_hours_take_named_rules_too():
    """All must hold for the cap to protect."""
    cap = Cap(name="none", max=0, window=Window.ever(), audience={"young": "age < 25", "new": "not client"})
    playbook = Playbook.from_dict(loan("True", caps=[cap]).to_dict())
    assert playbook.caps[0] == cap
    reasons = []
    for client in (True, False):
        contact = Contact(id="anna", consent=["email"], attributes={"age": 20, "client": client})
        reasons.append(str(Arbiter(playbook).decide(contact, at=AT).rows[0].reason))
    assert reasons == ["granted", "capped"]
    hours = {"quiet_hours": [{"from": "00:00", "to": "24:00", "audience": {"new": "not client"}}]}
    assert Playbook.from_dict(hours).quiet_hours[0].audience == NamedRules.of({"new": "not client"})


@pytest.mark.skipif(not has_columns(), reason="needs the extra columns")
@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize("days", [0, 2])
def test_columns_name_the_same_rules_and_count_them(everything, days):
    """One by one and in columns, at an instant and in a plan whose rules ask for time, the rows and counts agree."""
    rules = RULES | {"rested": "days_since(last) >= 3", "near": "'near' in segments"}
    playbook = Playbook.from_dict(
        loan(rules).to_dict()
        | {"segments": [{"name": "near", "rule": "hours_since(last) < 200"}]}
        | {"caps": [{"name": "one", "max": 1, "window": {"calendar": "day"}}]}
    )
    people = [
        {
            "contact_id": f"{number}",
            "consent": ["email"],
            "age": (16, 30, None)[number % 3],
            "score": (650, 720)[number // 3 % 2],
            "country": "MK",
            "last": AT - timedelta(days=number // 6 % 12, hours=number % 5),
        }
        for number in range(72)
    ]
    until = AT + timedelta(days=days) if days else None
    arbiter = Arbiter(playbook)
    for explain in (False, True):
        one = Job(arbiter, Inputs(contacts=people), at=AT, until=until, explain=explain)
        rows = [row for _, decision in one.decisions() for row in decision.rows]
        columns = TableJob(arbiter, people, at=AT, until=until, explain=explain, everything=everything)
        found = [row for batch in columns.batches() for row in batch.to_pylist()]
        kept = [row for row in rows if everything or str(row.outcome) != "denied"]
        assert [(row["contact_id"], row["reason"], row["rule"], row["binding"]) for row in found] == [
            (row.contact, str(row.reason), row.rule, list(row.binding)) for row in kept
        ]
        ours, theirs = one.summary().to_dict(), columns.summary().to_dict()
        for name in ("written", "notes"):
            ours.pop(name), theirs.pop(name)
        assert json.dumps(theirs, default=str) == json.dumps(ours, default=str)
    assert {row.rule for row in rows} >= {"audience: of age", "audience: suitable", "audience: rested"}


def test_the_same_rule_under_two_names_is_warned_of():
    """One of them says all that both do."""
    warnings = loan({"of age": "age >= 18", "adult": "age  >= 18", "other": "vip"}).check()
    assert [(own.path, own.message) for own in warnings] == [
        ("campaigns[0].audience.adult", "'adult' is the same rule as 'of age': they are one")
    ]


def test_two_audiences_are_joined():
    """Without names by and; with names, what has none is named by its text; two of a name are one."""
    assert joined_audience(Rule("a > 1"), Rule("b or c")) == Rule("(a > 1) and (b or c)")
    assert joined_audience(None, Rule("b")) == Rule("b") == joined_audience(Rule("b"), Rule("b"))
    named = joined_audience(NamedRules.of({"x": "a", "y": "b"}), NamedRules.of({"y": "b", "x": "c"}))
    assert named == NamedRules.of({"x": "(a) and (c)", "y": "b"})
    assert joined_audience(Rule(" a >\n 1"), NamedRules.of({"x": "c"})).parts[0][0] == "a > 1"
