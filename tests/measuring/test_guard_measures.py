"""Guards, asked: what trips them, what does not, and what a person has lifted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import Guard, Playbook, Response, Scope, TrippedGuards
from journeykit.cli import main
from journeykit.measuring import measure

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
GUARD = Guard(name="complaints", response="complaint", max=0.1, window="30d")
RULES = Playbook.from_dict({
    "content": [{"id": "note", "channel": "email"}, {"id": "ping", "channel": "push"}],
    "campaigns": [{"id": "launch", "content": ["note"]}, {"id": "news", "content": ["note", "ping"]}],
})  # fmt: skip
RULES = evolve(RULES, guards=[GUARD])


def sent(number, day, campaign="launch", content="note"):
    at = START + timedelta(days=day)
    return {"contact_id": f"c{number}", "sent_at": at, "campaign_id": campaign, "content_id": content}


def did(number, day, event="complaint", **more):
    return {"contact_id": f"c{number}", "event": event, "at": START + timedelta(days=day), **more}


def asked(touches, events, playbook=RULES, **more):
    report = measure(playbook, touches, events, **{"since": START, "until": END, "samples": 100, **more})
    return report.block("guards")


def trips(touches, events, playbook=RULES, **more):
    return [(own.guard, own.campaign, own.responses, own.answered, own.messages)
            for own in asked(touches, events, playbook, **more).tripped.trips]  # fmt: skip


TWENTY = [sent(number, 10) for number in range(20)]


def test_three_responses_and_a_rate_above_the_maximum_trip():
    """Two do not, whatever their rate; and the campaign that is not concerned does not either."""
    touches = [*TWENTY, *(sent(number, 10, "news") for number in range(100, 120))]
    three = [did(number, 11) for number in range(3)]
    assert trips(touches, three) == [("complaints", "launch", 3, 3, 20)]
    assert trips(touches, three[:2]) == []
    assert trips(touches[:2], three[:2]) == []


def test_the_maximum_itself_is_let_pass():
    """3 of 30 is 10 %, which is no more than the guard lets pass."""
    touches = [sent(number, 10) for number in range(30)]
    three = [did(number, 11) for number in range(3)]
    assert trips(touches, three) == []
    assert trips(touches[:29], three) == [("complaints", "launch", 3, 3, 29)]


def test_messages_younger_than_their_response_may_take_count():
    """Harm counts at once: all were sent in the last hours, and a complaint may take 30 days."""
    touches = [sent(number, 29.5) for number in range(20)]
    assert trips(touches, [did(number, 29.9) for number in range(3)]) == [("complaints", "launch", 3, 3, 20)]


def test_a_window_that_begins_before_the_report_is_looked_at_whole():
    """The report is on the last day alone; the guard on its 30 days, and no more."""
    old = [sent(number, 0.5) for number in range(50, 55)]
    events = [did(number, 11) for number in range(3)]
    late = END - timedelta(days=1)
    assert trips([*TWENTY, *old], events, since=late) == [("complaints", "launch", 3, 3, 25)]
    short = evolve(RULES, guards=[evolve(GUARD, window="20d")])
    assert trips([*TWENTY, *old], events, short, since=late) == [("complaints", "launch", 3, 3, 20)]
    assert trips([*TWENTY, *old], events, evolve(RULES, guards=[evolve(GUARD, window="19d")]), since=late) == []


def test_only_messages_in_scope_count():
    """Those of the guard's scope, to which its response can be credited at all."""
    playbook = evolve(
        RULES,
        responses=[Response(name="complaint", event="complaint", within="5d", where=Scope.of(channel="push"))],
        guards=[GUARD, evolve(GUARD, name="launches", where=Scope.of(campaign="launch"))],
    )
    pings = [sent(number, 10, "news", "ping") for number in range(20)]
    letters = [sent(number, 10, "news") for number in range(100, 150)]
    assert trips([*pings, *letters, *TWENTY], [did(number, 11) for number in range(3)], playbook) == [
        ("complaints", "news", 3, 3, 20)
    ]


def test_messages_without_a_campaign_trip_nothing():
    """There is nothing to pause."""
    touches = [{**own, "campaign_id": None} for own in TWENTY]
    assert trips(touches, [did(number, 11) for number in range(3)]) == []


def test_an_event_that_several_messages_share_is_one_response():
    """Of two events that six messages share each: two responses, six messages with one."""
    shared = Response(name="complaint", event="complaint", within="9d", credit="linear")
    touches = [sent(number, day) for number in range(2) for day in (8, 9, 10)]
    playbook = evolve(RULES, responses=[shared])
    assert trips(touches, [did(0, 11), did(1, 11)], playbook) == []
    assert trips(touches, [did(0, 11), did(1, 11), did(1, 12)], playbook) == [("complaints", "launch", 3, 6, 6)]


def test_what_a_person_has_lifted_does_not_trip_by_the_same_responses():
    """Only those after it do: two more are not enough, three are."""
    before = [did(number, 11) for number in range(5)]
    lifts = {("complaints", "launch"): START + timedelta(days=12)}
    assert trips(TWENTY, before, lifts=lifts) == []
    after = [did(number, 13) for number in range(10, 13)]
    assert trips(TWENTY, [*before, *after[:2]], lifts=lifts) == []
    assert trips(TWENTY, [*before, *after], lifts=lifts) == [("complaints", "launch", 3, 3, 20)]
    assert trips(TWENTY, before, lifts={("complaints", "news"): END}) != []


def test_old_messages_do_not_hide_what_new_ones_do():
    """After it is lifted the rate of the messages since counts, where it is higher."""
    old = [sent(number, 10) for number in range(100, 400)]
    new = [sent(number, 20) for number in range(20)]
    events = [did(number, 11) for number in range(100, 150)] + [did(number, 21) for number in range(3)]
    lifts = {("complaints", "launch"): START + timedelta(days=15)}
    assert trips([*old, *new], events, lifts=lifts) == [("complaints", "launch", 3, 3, 20)]


def test_without_events_of_its_response_a_guard_cannot_be_asked():
    """That is told, and it is not among those that were asked."""
    found = asked(TWENTY, [did(1, 11, "click")])
    assert (found.tripped.asked, found.unasked) == ((), {"complaints": "the events have no 'complaint'"})
    assert list(found.notes()) == [
        "guard 'complaints' cannot be asked, and pauses nothing: the events have no 'complaint'"
    ]
    assert asked(TWENTY, []).unasked == found.unasked
    assert asked(TWENTY, [did(1, 11)], evolve(RULES, guards=())) is None


def test_the_report_has_the_guards():
    """As text, as plain data that an arbiter takes, as rows of the table, with the instant of the third last."""
    events = [did(number, 11 + number) for number in range(4)]
    report = measure(RULES, TWENTY, events, since=START, until=END, samples=100)
    assert "guard 'complaints' tripped for campaign 'launch': 4 of 20 messages have a response (20 %)" in str(report)
    assert "Guards that tripped" in report._repr_html_()
    data = TrippedGuards.from_dict(json.loads(json.dumps(report.to_dict()["guards"])))
    assert data == report.block("guards").tripped
    assert data.trips[0].third_last_at == START + timedelta(days=12)
    (row,) = [row for row in report.rows() if row["by"] == "guard"]
    assert (row["group"], row["measure"], row["messages"], row["responded"]) == ("launch", "complaints", 20, 4)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 35), st.sampled_from(["launch", "news"])), max_size=25),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 35)), min_size=1, max_size=12, unique=True),
    st.integers(0, 31),
    st.integers(1, 40),
    st.sampled_from([0.0, 0.2, 0.5]),
    st.none() | st.integers(0, 35),
)
def test_guards_trip_as_counted_by_hand(messages, complaints, since, window, most, lifted):
    """Against a count one by one, of any messages, complaints, windows and beginnings of the report."""
    touches = [sent(number, day + 0.01 * place, name) for place, (number, day, name) in enumerate(messages)]
    events = [did(number, day + 0.5) for number, day in complaints]
    guard = evolve(GUARD, max=most, window=f"{window}d")
    lifts = {} if lifted is None else {("complaints", "launch"): START + timedelta(days=lifted)}
    end = START + timedelta(days=32)
    found = trips(
        touches,
        events,
        evolve(RULES, guards=[guard]),
        since=START + timedelta(days=since),
        until=end,
        lifts=lifts,
    )
    wanted = []
    for name in ("launch", "news"):
        lift = lifts.get(("complaints", name))
        tries = []
        for first in {end - timedelta(days=window), *([lift] if lift else [])}:
            inside = [
                own
                for own in touches
                if own["campaign_id"] == name and end - timedelta(days=window) <= own["sent_at"] < end
                and (lift is None or first != lift or own["sent_at"] > lift)
            ]  # fmt: skip
            hits = []
            for event in events:
                earlier = [
                    own
                    for own in touches
                    if own["contact_id"] == event["contact_id"]
                    and timedelta(0) < event["at"] - own["sent_at"] <= timedelta(days=30)
                ]
                last = max(earlier, key=lambda own: own["sent_at"], default=None)
                if last in inside and event["at"] <= end and (lift is None or event["at"] > lift):
                    hits.append(last["sent_at"])
            if len(hits) >= 3 and len(set(hits)) / len(inside) > most:
                tries.append(
                    (len(set(hits)) / len(inside), ("complaints", name, len(hits), len(set(hits)), len(inside)))
                )
        if tries:
            wanted.append(max(tries, key=lambda own: own[0])[1])
    assert found == wanted


@pytest.fixture
def tables(tmp_path):
    """A playbook, touches and events as files."""
    (tmp_path / "playbook.json").write_text(json.dumps(RULES.to_dict()))
    lines = [f"{own['contact_id']},{own['sent_at'].isoformat()},{own['campaign_id']},note" for own in TWENTY]
    (tmp_path / "touches.csv").write_text("\n".join(["contact_id,sent_at,campaign_id,content_id", *lines]) + "\n")
    (tmp_path / "contacts.csv").write_text("contact_id,consent_email\nzoe,true\n")
    write_events(tmp_path, [did(number, 11) for number in range(3)])
    return tmp_path


def write_events(path, events):
    lines = [f"{own['contact_id']},{own['event']},{own['at'].isoformat()}" for own in events]
    (path / "events.csv").write_text("\n".join(["contact_id,event,at", *lines]) + "\n")


def run(path, *more):
    own = [str(path / "playbook.json"), "--touches", str(path / "touches.csv"), "--events", str(path / "events.csv")]
    return main(["measure", *own, "--since", START.isoformat(), "--until", END.isoformat(), *more])


def test_the_command_exits_with_5_and_decide_pauses_what_tripped(tables, capsys):
    """All output is written all the same, and the campaigns are named."""
    out, guards = tables / "out.csv", tables / "guards.json"
    assert run(tables, "--out", str(out), "--guards-out", str(guards), "--json") == 5
    told = capsys.readouterr()
    assert json.loads(told.out)["guards"] == json.loads(guards.read_text())
    assert "journeykit: guard 'complaints' tripped for campaign 'launch'" in told.err
    assert "guard,launch,complaints" in out.read_text()
    own = [str(tables / "playbook.json"), "--contacts", str(tables / "contacts.csv"), "--at", END.isoformat()]
    decide = ["decide", *own, "--out", "-", "--format", "csv", "--all", "--columns", "campaign_id,reason,rule"]
    for engine in ("one", "columns"):
        assert main([*decide, "--quiet", "--engine", engine, "--guards", str(guards), "--strict"]) == 0
        assert "launch,campaign_closed,complaints\n" in capsys.readouterr().out.replace("\r", "")
    assert main(["explain", *own, "--contact", "zoe", "--guards", str(guards)]) == 0
    assert "complaints" in capsys.readouterr().out


def test_the_command_exits_with_0_where_nothing_tripped(tables):
    """And writes a file that says so."""
    write_events(tables, [did(1, 11)])
    assert run(tables, "--guards-out", str(tables / "guards.json")) == 0
    found = TrippedGuards.load(tables / "guards.json")
    assert (found.asked, found.trips) == (("complaints",), ())


def test_a_strict_command_fails_where_guards_cannot_be_asked(tables, capsys):
    """Once all is written; else it is only told."""
    write_events(tables, [did(1, 11, "click")])
    assert run(tables) == 0
    assert run(tables, "--strict", "--guards-out", str(tables / "guards.json")) == 4
    assert "guard 'complaints' cannot be asked" in capsys.readouterr().err
    assert TrippedGuards.load(tables / "guards.json").asked == ()


def test_a_command_line_that_cannot_be_is_refused(tables, capsys):
    """A playbook without guards, a file that is no JSON, one that is read, and guards that cannot be read."""
    assert run(tables, "--guards-out", str(tables / "guards.csv")) == 2
    assert run(tables, "--guards-out", str(tables / "playbook.json")) == 2
    own = ["decide", str(tables / "playbook.json"), "--contacts", str(tables / "contacts.csv")]
    own += ["--at", END.isoformat(), "--out", str(tables / "out.csv"), "--guards", str(tables / "missing.json")]
    assert main(own) == 4
    assert not (tables / "out.csv").exists()
    assert "no tripped guards can be read" in capsys.readouterr().err
    (tables / "playbook.json").write_text(json.dumps(evolve(RULES, guards=()).to_dict()))
    assert run(tables, "--guards-out", str(tables / "guards.json")) == 2
