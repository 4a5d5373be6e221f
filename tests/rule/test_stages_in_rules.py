"""Rules that ask how far a contact is on the journey, and for how long they have been on their stage."""

from __future__ import annotations

import json
import pickle
import sqlite3
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Contact,
    Content,
    Journey,
    ModelError,
    Playbook,
    PlaybookError,
    Rule,
    RuleError,
    Segment,
    Stage,
    Window,
)
from journeykit.cli import main
from journeykit.journey import Event, Transition

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
STAGES = ("awareness", "decision", "retention")
JOURNEY = Journey([*STAGES, Stage("lost", lost=True)])


def shop(audience: str, **changes) -> Playbook:
    """A playbook of one campaign."""
    content = [Content(id="note", channel="email")]
    campaigns = [Campaign(id="note", content="note", audience=audience)]
    return Playbook(**{"journey": JOURNEY, "content": content, "campaigns": campaigns} | changes)


def said(audience: str, stage: str | None, **known) -> bool | None:
    """What a playbook's audience says of a contact on a stage."""
    rule = shop(audience).campaigns[0].audience
    return rule.test(Contact(id="anna", stage=stage, **known).values(), AT)


def test_a_stage_is_at_least_those_before_it():
    """A lost contact is at none; of a stage that the journey does not have, and of none, it is unknown."""
    asked = "stage_at_least('decision')"
    assert [said(asked, stage) for stage in (*STAGES, "lost", "elsewhere", None)] == [
        *(False, True, True),
        *(False, None, None),
    ]
    assert [said(f"not {asked}", stage) for stage in ("awareness", "lost", "elsewhere", None)] == [
        *(True, True),
        *(None, None),
    ]


def test_the_days_on_a_stage_are_days_since():
    """An instant counts by the clock, a date by local days; without either it is unknown."""
    asked = "days_in_stage() >= 3"
    for since, verdict in (
        (AT - timedelta(days=3), True),
        (AT - timedelta(days=2.9), False),
        (date(2026, 11, 2), True),
    ):
        assert said(asked, "decision", stage_since=since) is verdict
    assert said(asked, "decision") is None
    assert Rule(asked).names == {"stage_since"}
    assert Rule(asked).asks_time


def test_playbooks_from_data_and_from_parts_know_the_order():
    """So do playbooks that were pickled, or changed: the order is that of their own journey."""
    playbook = shop("stage_at_least('decision')")
    read = Playbook.from_dict(playbook.to_dict())
    assert read == playbook
    assert read.fingerprint == playbook.fingerprint
    for own in (playbook, read, pickle.loads(pickle.dumps(playbook)), Playbook.from_dict(read.to_dict())):
        assert own.campaigns[0].audience.test({"stage": "retention"}, AT) is True
    assert Rule("stage_at_least('decision')").test({"stage": "retention"}, AT) is None


def test_caps_and_segments_ask_it_too():
    """A cap of those who are far; a segment of them."""
    cap = Cap(name="spare buyers", max=0, window=Window.ever(), audience="stage_at_least('retention')")
    playbook = shop("'far' in segments", segments=[Segment(name="far", rule="stage_at_least('decision')")], caps=[cap])
    arbiter = Arbiter(playbook)

    def reason(stage: str) -> str:
        (row,) = arbiter.decide(Contact(id="anna", stage=stage, consent=["email"]), at=AT).rows
        return str(row.reason)

    assert [reason(stage) for stage in STAGES] == ["not_in_audience", "granted", "capped"]


def test_without_a_journey_the_default_stages_are_in_order():
    """A playbook without a journey has the default ones."""
    rule = shop("stage_at_least('retention')", journey=None).campaigns[0].audience
    assert [rule.test({"stage": name}, AT) for name in ("decision", "advocacy", "trial")] == [False, True, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stage_at_least('decison')", "unknown stage 'decison'; there is awareness, decision, retention"),
        ("vip or stage_at_least('lost')", "'lost' is marked lost, and has no place in the order"),
    ],
)
def test_a_stage_without_a_place_in_the_order_is_an_error(text, message):
    """With the path, and the line in a file."""
    with pytest.raises(PlaybookError) as caught:
        shop(text)
    (problem,) = caught.value.problems
    assert problem.path == "campaigns[0].audience"
    assert message in problem.message


def test_the_error_has_the_line_of_the_file(tmp_path):
    """Of a cap's audience, too."""
    path = tmp_path / "playbook.yaml"
    path.write_text(
        "journey:\n  stages: [a, b]\ncaps:\n  - name: one\n    max: 1\n    window: ever\n"
        "    audience: stage_at_least('c')\n"
    )
    with pytest.raises(PlaybookError) as caught:
        Playbook.load(path)
    assert [(own.path, own.line) for own in caught.value.problems] == [("caps[0].audience", 7)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("days_in_stage(stage) > 3", "days_in_stage takes no arguments, found 1"),
        ("stage_at_least() ", "stage_at_least takes the name of a stage"),
        ("stage_at_least(stage)", "stage_at_least takes the name of a stage"),
        ("stage_at_leat('a')", "did you mean 'stage_at_least'?"),
    ],
)
def test_calls_that_cannot_be_are_refused(text, message):
    """The error names the call, and what it takes."""
    with pytest.raises(RuleError, match=message.replace("(", r"\(").replace(")", r"\)").replace("?", r"\?")):
        Rule(text)


@pytest.mark.parametrize("rule", ["stage_at_least('b')", "days_in_stage() > 9"])
def test_a_journeys_rule_cannot_ask_for_the_stage(rule):
    """A transition starts from its own."""
    with pytest.raises(ModelError, match="cannot ask for stage"):
        Transition(source="a", to="b", when=rule)


@pytest.mark.parametrize("negated", [False, True])
def test_as_sql_it_says_the_same(negated):
    """True, false and unknown, in SQLite and in DuckDB."""
    text = "not stage_at_least('decision')" if negated else "stage_at_least('decision')"
    rule = shop(text).campaigns[0].audience
    stages = [*STAGES, "lost", "elsewhere", None]
    verdicts = [rule.test({"stage": stage}, AT) for stage in stages]
    for connect in (sqlite3.connect, duckdb.connect):
        found = [connect(":memory:").execute(f"SELECT {rule.to_sql()} FROM (SELECT ? AS stage)", [s]) for s in stages]
        assert [None if own is None else bool(own) for (own,) in (one.fetchone() for one in found)] == verdicts
    with pytest.raises(RuleError, match="needs the order of the stages"):
        Rule(text).to_sql()


def test_an_audience_that_can_be_true_of_nobody_is_warned_of():
    """Nobody is before the first stage."""
    (warning,) = shop("not stage_at_least('awareness') and stage == 'decision'").check()
    assert "can be true of nobody" in warning.message
    assert shop("stage_at_least('decision') and stage == 'retention'").check() == ()


def test_an_explanation_shows_the_stage():
    """The comparison, and what was found."""
    told = shop("stage_at_least('decision')").campaigns[0].audience.explain({"stage": "awareness"}, AT)
    assert told.line == "stage_at_least('decision') (stage = 'awareness')"


def test_placing_says_since_when(tmp_path):
    """A placement gives the contact stage and instant; `place --placed` writes both columns, in every format."""
    ways = [Transition(source="awareness", to="decision", event="demo")]
    journey = Journey(["awareness", "decision"], ways)
    placement = journey.place([Event("demo", AT - timedelta(days=4))], at=AT)
    anna = placement.applied_to(Contact(id="anna"))
    assert (anna.stage, anna.stage_since) == ("decision", AT - timedelta(days=4))
    playbook = tmp_path / "playbook.json"
    playbook.write_text(json.dumps(Playbook(journey=journey).to_dict()))
    events = tmp_path / "events.csv"
    events.write_text("contact_id,event,at\nanna,demo,2026-11-01T10:00:00Z\n")
    for name, text in (
        ("contacts.csv", "contact_id,stage\nanna,awareness\nben,decision\n"),
        ("contacts.jsonl", '{"contact_id": "anna"}\n{"contact_id": "ben", "stage": "decision"}\n'),
    ):
        contacts, placed = tmp_path / name, tmp_path / f"placed {name}"
        contacts.write_text(text)
        given = ["place", str(playbook), "--events", str(events), "--contacts", str(contacts)]
        assert main([*given, "--at", AT.isoformat(), "--placed", str(placed)]) == 0
        lines = placed.read_text().splitlines()
        assert next(line for line in lines if "anna" in line).count("2026-11-01T10:00:00Z") == 1
        assert [line for line in lines if "ben" in line] == [
            "ben,decision," if name.endswith("csv") else '{"contact_id":"ben","stage":"decision"}'
        ]
        again = Arbiter(shop("days_in_stage() >= 4", journey=journey)).decide_table(str(placed), at=AT, everything=True)
        assert again.column("reason").to_pylist() == ["missing_data", "not_in_audience"]


def test_placed_parquet_has_a_column_of_instants(tmp_path):
    """Beside the columns that were there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from journeykit.tables.rewrite import write_again

    path, out = str(tmp_path / "contacts.parquet"), str(tmp_path / "out.parquet")
    pq.write_table(pa.table({"contact_id": ["anna", "ben"], "Stage": ["x", None]}), path)
    write_again(
        path, out, ("stage", "stage_since"), {"anna": {"stage": "a", "stage_since": AT}}, {"ben": {"stage": "b"}}
    )
    assert pq.read_table(out).to_pylist() == [
        {"contact_id": "anna", "Stage": "a", "stage_since": AT},
        {"contact_id": "ben", "Stage": "b", "stage_since": None},
    ]


def test_a_moment_may_be_a_text():
    """As JSON has it."""
    assert Contact(id="anna", stage_since="2026-11-01").stage_since == date(2026, 11, 1)
    assert Contact(id="anna", stage_since="2026-11-05T10:00:00Z").stage_since == AT


@pytest.mark.parametrize("since", ["2026-11-01T10:00", "soon", 3, AT.replace(tzinfo=None)])
def test_a_moment_that_is_none_is_refused(since):
    """A naive instant, and a text that says none."""
    with pytest.raises(ModelError):
        Contact(id="anna", stage_since=since)
