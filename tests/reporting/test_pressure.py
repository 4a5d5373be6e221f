"""Pressure: messages per contact, and what messages displaced, by group, channel and rule."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from random import Random

import duckdb
import pyarrow as pa
import pytest
import tabled
from generate import situation
from hypothesis import given, settings
from hypothesis import strategies as st

import journeykit
from journeykit import Arbiter, DataError, Playbook, pressure
from journeykit.cli import main
from journeykit.reporting import PRESSURES

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


def playbook(**more) -> Playbook:
    """Three campaigns by two channels, one message a day, and one email in three days."""
    return Playbook.from_dict(
        {
            "segments": [{"name": "big", "rule": "employees >= 500"}],
            "content": [{"id": "mail", "channel": "email"}, {"id": "tip", "channel": "push"}],
            "campaigns": [
                {"id": "launch", "content": ["mail"], "weight": 8},
                {"id": "news", "content": ["mail"], "weight": 3},
                {"id": "tips", "content": ["tip"], "weight": 1},
            ],
            "caps": [
                {"name": "one a day", "max": 1, "window": {"calendar": "day"}},
                {"name": "emails", "max": 1, "window": {"days": 3}, "where": {"channel": "email"}},
            ],
            **more,
        }
    )


def contact(number, consent="email;push", **more):
    """A row of a table of contacts."""
    return {"contact_id": f"c{number}", "consent": consent, **more}


def test_messages_are_counted_by_contact_group_and_channel():
    """Contacts who get nothing count too, and those in no segment have a group of their own."""
    rows = [contact(0, employees=700), contact(1, "push"), contact(2, "")]
    found = pressure(playbook(), rows, at=AT)
    assert (found.every.contacts, found.every.messages, found.every.by_number) == (3, 2, (1, 2))
    assert found.of("big").by_number == (0, 1)
    assert found.of(None, channel="push").by_number == (1, 1)
    assert found.of(channel="email").by_number == (2, 1)
    assert found.every.mean == pytest.approx(2 / 3)


def test_what_a_message_displaced_is_laid_at_the_rules_between():
    """News was stopped by both caps, the tip by one: each cap has its part, and the parts add up to the whole."""
    found = pressure(playbook(), [contact(0)], at=AT)
    assert found.every.displaced == 3
    assert found.every.by_rule == {"one a day": 1.5, "emails": 1.5}
    assert [(own.rule, own.kind, own.stopped, own.outbid, own.contacts, own.weight) for own in found.rules] == [
        ("one a day", "cap", 2, 2, 1, 4),
        ("emails", "cap", 1, 1, 1, 3),
    ]
    assert found.rules[0].mean_displaced == 1.5


def test_what_the_history_stops_is_stopped_and_displaced_by_nobody():
    """A claim that a cap stops by the history alone lost to no message."""
    sent = [{"contact_id": "c0", "sent_at": "2026-11-04T10:00Z", "channel": "email"}]
    found = pressure(playbook(), [contact(0)], sent, at=AT)
    emails = next(own for own in found.rules if own.rule == "emails")
    assert (emails.stopped, emails.outbid, emails.displaced) == (2, 0, 0)
    assert found.every.displaced == 0


def test_decisions_that_are_given_say_the_same():
    """Whole and explained decisions, in whatever order their rows are."""
    rows = [contact(0, employees=700), contact(1, "push"), contact(2)]
    decisions = Arbiter(playbook()).decide_table(rows, at=AT, everything=True, explain=True)
    now = pressure(playbook(), rows, at=AT)
    assert pressure(playbook(), rows, decisions=decisions).to_dict() == now.to_dict()
    order = list(range(decisions.num_rows))
    Random(7).shuffle(order)
    assert pressure(playbook(), rows, decisions=decisions.take(order)).to_dict() == now.to_dict()
    alone = pressure(playbook(), decisions=decisions)
    assert alone.every.by_number == (0, 3)
    assert "without a table of contacts" in str(alone)


def test_decisions_that_do_not_say_enough_are_told():
    """Without --explain nobody knows what was displaced, without --all not what lost."""
    decisions = Arbiter(playbook()).decide_table([contact(0)], at=AT, outcomes="granted")
    found = pressure(playbook(), [contact(0)], decisions=decisions)
    assert found.every.displaced is None
    assert found.every.messages == 1
    assert "decide --explain" in str(found)
    assert "decide --all" in str(found)
    with pytest.raises(DataError, match="decided by the playbook"):
        pressure(playbook(caps=[]), decisions=decisions)


def test_tables_that_are_read_once_will_do():
    """An iterator of rows is kept; decisions without rows are told."""
    assert pressure(playbook(), iter([contact(0)]), at=AT).every.contacts == 1
    nothing = Arbiter(playbook()).decide_table([contact(0)], at=AT).slice(0, 0)
    assert "the decisions have no rows" in str(pressure(playbook(), [contact(0)], decisions=nothing))


def test_runs_do_not_mix():
    """What lost in one run did not lose to a message of another."""
    first = Arbiter(playbook()).decide_table([contact(0)], at=AT, everything=True, explain=True, run_id="a")
    later = AT + timedelta(days=1)
    second = Arbiter(playbook()).decide_table([contact(0, "push")], at=later, everything=True, explain=True, run_id="b")
    found = pressure(playbook(), [contact(0)], decisions=pa.concat_tables([first, second]).unify_dictionaries())
    assert found.every.by_number == (0, 0, 1)
    assert found.every.by_rule == {"one a day": 1.5, "emails": 1.5}
    assert "2 runs" in str(found)


def test_empty_tables_hostile_names_and_many_groups():
    """All of them have a report that is narrow and plain."""
    nothing = pressure(playbook(), pa.table({"contact_id": pa.array([], pa.string())}), at=AT)
    assert nothing.every.by_number == (0,)
    assert nothing.every.mean is None
    name = "<script>alert(1)</script>" * 400
    rows = [contact(number, segments=f"{name}{number}") for number in range(30)]
    found = pressure(playbook(), rows, at=AT)
    assert max(map(len, str(found).splitlines())) <= 120
    assert "10 more in --json" in str(found)
    assert "<script>" not in found._repr_html_()
    assert set(next(found.rows())) == set(PRESSURES)


def test_the_command_prints_and_writes(tmp_path, capsys):
    """Text, JSON and a table; decisions of a file."""
    rules, people, log, out = (tmp_path / name for name in ("p.json", "c.csv", "d.csv", "o.csv"))
    rules.write_text(json.dumps(playbook().to_dict()))
    people.write_text("contact_id,consent,stage\nanna,email;push,decision\n")
    given_words = [str(rules), "--contacts", str(people)]
    decide = ["decide", *given_words, "--at", AT.isoformat(), "--out", str(log), "--all", "--explain", "--quiet"]
    assert main(decide) == 0
    assert main(["pressure", *given_words, "--decisions", str(log), "--by", "stage", "--json", "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "journeykit.pressure/1"
    assert found["cells"][0]["displaced"] == 3
    assert [own["group"] for own in found["cells"][:2]] == [[], ["decision"]]
    assert out.read_text().splitlines()[0] == ",".join(PRESSURES)
    assert main(["pressure", *given_words, "--at", AT.isoformat()]) == 0
    assert "What rules stop" in capsys.readouterr().out
    assert main(["pressure", *given_words, "--decisions", str(log), "--at", AT.isoformat()]) == 2


def test_pressure_is_on_the_front_door():
    """The function is where the others are."""
    assert journeykit.pressure is pressure


@pytest.mark.parametrize("seed", [17, 22, 55])
def test_parts_are_those_of_a_loop_over_rows(seed):
    """Random rules: by contact, each message's value is dealt to the rules of the rows that lost to its campaign."""
    own = situation(seed)
    people = tabled.contacts(Random(f"pressure {seed}"), own.at, 25)
    table = Arbiter(own.playbook).decide_table(people, at=own.at, until=own.until, everything=True, explain=True)
    found = pressure(own.playbook, people, decisions=table)
    rows, expected, messages = table.to_pylist(), defaultdict(float), Counter()
    for row in rows:
        if row["outcome"] != "granted":
            continue
        messages[row["contact_id"]] += 1
        losers = [
            other
            for other in rows
            if other["contact_id"] == row["contact_id"] and row["campaign_id"] in other["lost_to"]
        ]
        rules = {name for loser in losers for name in loser["binding"]}
        for name in rules or {""}:
            expected[name] += (row["displaced"] or 0) / len(rules or {""})
    assert found.every.by_rule == pytest.approx({name: value for name, value in expected.items() if value})
    assert found.every.messages == sum(messages.values())
    assert (found.every.displaced or 0) == pytest.approx(sum(expected.values()))


_ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["launch", "news", "tips"]), st.sampled_from(["email", "push"])),
    max_size=30,
    unique_by=lambda row: row[:2],
)


@given(_ROWS)
@settings(max_examples=20, deadline=None)
def test_counts_are_those_of_sql(rows):
    """DuckDB groups the messages by contact, and then by their number."""
    same = {"outcome": "granted", "reason": "granted", "playbook": playbook().fingerprint, "decided_at": AT}
    nothing = {"lost_to": [], "binding": []}
    granted = pa.Table.from_pylist(
        [
            {"contact_id": f"c{who}", "campaign_id": name, "channel": channel, **same, **nothing}
            for who, name, channel in [*rows, (9, "launch", "email")]
        ],
        schema=pa.schema(
            [
                *(
                    (name, pa.string())
                    for name in ("contact_id", "campaign_id", "channel", "playbook", "outcome", "reason")
                ),
                ("decided_at", pa.timestamp("us", "UTC")),
                ("lost_to", pa.list_(pa.string())),
                ("binding", pa.list_(pa.string())),
            ]
        ),
    )
    found = pressure(playbook(), [contact(number) for number in range(10)], decisions=granted)
    for channel, where in ((None, "true"), ("email", "channel = 'email'")):
        by_number = dict(
            duckdb.sql(
                "select n, count(*) from (select contact_id, count(*) as n from granted "
                f"where {where} group by all) group by all"
            ).fetchall()
        )
        own = found.of(channel=channel)
        assert {n: count for n, count in enumerate(own.by_number) if n and count} == by_number
        assert own.contacts == 10
