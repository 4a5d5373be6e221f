"""One contact's way along the journey: each transition at its exact instant, whenever and however it is asked for."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from generate_journeys import BEGIN, HORIZON, Situation, instant, situation
from hypothesis import given, settings
from hypothesis import strategies as st
from placing_oracle import Step, path_of, told_apart

from journeykit import Arbiter, Contact, Journey, ModelError, Playbook, Stage, Transition
from journeykit.journey import Event, Placement

DAY, HOUR, TICK = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
START = datetime(2026, 1, 1, 9, tzinfo=UTC)
LATER = START + 400 * DAY


def way(source: str, to: str, by: str | None = None, **parts: str) -> Transition:
    return Transition(source=source, to=to, event=by, **parts)


def on(day: float, event: str, **properties: Any) -> Event:
    """An event some days after the start."""
    return Event(event, START + day * DAY, properties)


def path(placement: Placement) -> list[tuple[str, float]]:
    """The stages with the days after the start on which they were entered."""
    return [(step.stage, (step.since - START) / DAY) for step in placement.path]


def placed(stages: list[str | Stage], ways: list[Transition], *events: Event, **given: Any) -> list[tuple[str, float]]:
    """The path of a contact, looked at long after."""
    return path(Journey(stages, ways).place(events, LATER, **given))


# Entering


def test_who_did_nothing_has_not_entered() -> None:
    """Without an event or a start there is no path, and the stage is the first one."""
    placement = Journey().place([], LATER)
    assert (placement.stage, placement.path, placement.since) == ("awareness", (), None)
    assert placement.stage_at(LATER) is None
    assert Journey().place([], LATER, stage="decision").stage == "decision"


def test_the_first_event_enters() -> None:
    """A contact enters at their first event, whatever it is, on the first stage or on the one that is given."""
    assert placed(["a", "b"], [way("a", "b", "x")], on(1, "hello"), on(2, "x")) == [("a", 1), ("b", 2)]
    assert placed(["a", "b"], [way("a", "b", "x")], on(1, "hello"), stage="b") == [("b", 1)]


def test_the_event_that_enters_may_lead_on_at_once() -> None:
    """The first event takes a transition like any other."""
    placement = Journey(["a", "b"], [way("a", "b", "x")]).place([on(1, "x")], LATER)
    assert path(placement) == [("a", 1), ("b", 1)]
    assert [str(step.evidence) for step in placement.path] == ["x", "x"]
    assert [step.transition is None for step in placement.path] == [True, False]


def test_a_start_enters_without_any_event() -> None:
    """With a start the contact enters then; what came before is known, and takes no transition."""
    ways = [way("a", "b", "x"), way("a", "c", when='count("x") >= 2')]
    assert placed(["a", "b", "c"], ways, start=START) == [("a", 0)]
    assert placed(["a", "b", "c"], ways, on(-3, "x"), start=START) == [("a", 0)]
    assert placed(["a", "b", "c"], ways, on(-3, "x"), on(-2, "x"), start=START) == [("a", 0), ("c", 0)]
    assert placed(["a", "b", "c"], ways, on(0, "x"), start=START) == [("a", 0), ("b", 0)]
    assert placed(["a"], [], on(0, "x"), start=LATER + DAY) == []


def test_a_silence_begins_at_the_start() -> None:
    """What happened before entering does not shorten a silence."""
    ways = [way("a", "b", after="5d")]
    assert placed(["a", "b"], ways, on(-3, "x"), start=START) == [("a", 0), ("b", 5)]


def test_an_unknown_stage_and_naive_instants_are_refused() -> None:
    """The message says which stages there are."""
    with pytest.raises(ModelError, match=r"no stage 'decison'; there is .*did you mean 'decision'"):
        Journey().place([], LATER, stage="decison")
    with pytest.raises(ModelError, match="naive"):
        Journey().place([], datetime(2026, 1, 1))
    with pytest.raises(ModelError, match="naive"):
        Event("x", datetime(2026, 1, 1))
    with pytest.raises(ModelError, match="events must be Events"):
        Journey().place(["x"], LATER)  # type: ignore[list-item]


# Which transition


def test_document_order_decides() -> None:
    """Of several transitions that could be taken the first in the journey is."""
    by_event, by_rule = way("a", "b", "x"), way("a", "c", when='count("x") >= 1')
    assert placed(["a", "b", "c"], [by_event, by_rule], on(1, "x"))[1:] == [("b", 1)]
    assert placed(["a", "b", "c"], [by_rule, by_event], on(1, "x"))[1:] == [("c", 1)]


def test_several_transitions_can_be_taken_at_one_instant() -> None:
    """The contact goes on until nothing more can be taken; events of one instant have no order among them."""
    ways = [way("a", "b", "x"), way("b", "c", "y"), way("c", "d", when='count("x") >= 1')]
    for events in ((on(1, "x"), on(1, "y")), (on(1, "y"), on(1, "x"))):
        assert placed(["a", "b", "c", "d"], ways, *events) == [("a", 1), ("b", 1), ("c", 1), ("d", 1)]


def test_an_event_takes_one_transition() -> None:
    """It is used up by it; the same event twice at one instant takes two."""
    ways = [way("a", "b", "x"), way("b", "c", "x")]
    assert placed(["a", "b", "c"], ways, on(1, "x"))[-1] == ("b", 1)
    assert placed(["a", "b", "c"], ways, on(1, "x", room=1), on(1, "x", room=2))[-1] == ("c", 1)


def test_an_event_does_not_wait() -> None:
    """What happened on an earlier stage, or while a gate was closed, takes no transition later."""
    stages: list[str | Stage] = ["a", "b", Stage("c", qualified='count("form") >= 1')]
    ways = [way("a", "b", "y"), way("b", "c", "x")]
    assert placed(stages, ways, on(1, "x"), on(2, "y"))[-1] == ("b", 2)
    assert placed(stages, ways, on(1, "y"), on(2, "x"), on(3, "form"))[-1] == ("b", 1)
    assert placed(stages, ways, on(1, "y"), on(2, "x"), on(2, "form"))[-1] == ("c", 2)


def test_a_rule_and_a_silence_wait_for_the_gate() -> None:
    """They are taken at the instant at which the gate opens."""
    stages: list[str | Stage] = ["a", Stage("b", qualified='count("form") >= 1')]
    for by in ({"when": 'count("x") >= 1'}, {"after": "1d", "without": "x"}):
        assert placed(stages, [way("a", "b", **by)], on(0, "x"), on(7, "form"))[-1] == ("b", 7)


def test_a_gate_that_only_time_opens_is_seen() -> None:
    """A stage may ask for quiet: it is entered when the last complaint is old enough."""
    stages: list[str | Stage] = ["a", Stage("b", qualified='count("complaint", "30d") == 0')]
    ways = [way("a", "b", when='count("x") >= 1')]
    assert placed(stages, ways, on(1, "complaint"), on(2, "x"))[-1] == ("b", 31)
    assert placed(stages, ways, on(1, "complaint"), on(2, "x"), on(9, "complaint"))[-1] == ("b", 39)


def test_moving_back_must_be_drawn() -> None:
    """A rule that is true no longer leads nobody back."""
    there = way("a", "b", when='count("x", "30d") >= 1')
    back = way("b", "a", when='count("x", "30d") == 0')
    assert placed(["a", "b"], [there], on(0, "x")) == [("a", 0), ("b", 0)]
    assert placed(["a", "b"], [there, back], on(0, "x")) == [("a", 0), ("b", 0), ("a", 30)]


def test_no_stage_is_entered_twice_at_one_instant() -> None:
    """Two rules that both stay true do not throw a contact to and fro."""
    ways = [way("a", "b", when="score > 3"), way("b", "a", when="score > 3")]
    assert placed(["a", "b"], ways, on(0, "x"), on(1, "x"), attributes={"score": 5}) == [("a", 0), ("b", 0)]


def test_what_was_passed_over_must_close_before_it_is_taken() -> None:
    """A transition back to where the contact just was is not taken while it stays open; once it opens again it is."""
    ways = [way("a", "b", when="score > 3"), way("b", "a", when='count("x", "5d") >= 1')]
    given = {"attributes": {"score": 5}}
    assert placed(["a", "b"], ways, on(0, "x"), on(4, "x"), **given) == [("a", 0), ("b", 0)]
    # At day 5 the window is empty; the next event opens the way, and the first rule leads back at once.
    assert placed(["a", "b"], ways, on(0, "x"), on(6, "x"), **given)[2:] == [("a", 6), ("b", 6)]


def test_a_way_to_itself_begins_the_stay_anew() -> None:
    """The time of entering is then that of the event, and time-outs count from it."""
    ways = [way("a", "a", "x"), way("a", "b", after="5d", without="y")]
    assert placed(["a", "b"], ways, on(0, "y"), on(3, "x")) == [("a", 0), ("a", 3), ("b", 8)]


# Rules: the exact instant


def test_a_rule_is_true_from_the_event_on_that_makes_it_so() -> None:
    """A count is reached at the instant of its last event."""
    placement = Journey(["a", "b"], [way("a", "b", when='count("x", "10d") >= 2')]).place(
        [on(0, "x"), on(10, "x"), on(19.5, "x")], LATER
    )
    assert path(placement)[-1] == ("b", 19.5)
    evidence = placement.path[-1].evidence
    assert (evidence.at, str(evidence)) == (START + 19.5 * DAY, 'count("x", "10d") = 2')


def test_the_end_of_a_window_makes_a_rule_true() -> None:
    """`count(...) == 0` is true exactly one length after the last event, and not a microsecond before."""
    journey = Journey(["a", "b"], [way("a", "b", when='count("x", "90d") == 0')])
    end = START + 97 * DAY
    log = [on(0, "x"), on(7, "x")]
    assert journey.place(log, end - TICK).stage == "a"
    assert (journey.place(log, end).stage, journey.place(log, LATER).since) == ("b", end)


@pytest.mark.parametrize(
    ("rule", "after"),
    [
        ('days_since("x") >= 30', 30 * DAY),
        ('days_since("x") > 30', 30 * DAY + TICK),
        ('hours_since("x") >= 1.5', 1.5 * HOUR),
        ('not (days_since("x") <= 30)', 30 * DAY + TICK),
        ('days_since("x") == 0.1', 2.4 * HOUR),
        ('30 <= days_since("x") < 40', 30 * DAY),
        ('days_since("x") >= score', 3 * DAY),
        ('days_since("x") > count("x")', DAY + TICK),
        ('days_since("x") >= 30 or hours_since("x") >= 5', 5 * HOUR),
        ('count("x", "7d") == 0 and days_since("x") < 9', 7 * DAY),
        ('sum("x.amount", "7d") <= 0', 7 * DAY),
    ],
)
def test_age_makes_a_rule_true(rule: str, after: timedelta) -> None:
    """Ages pass their bounds, and events leave their windows, at one microsecond."""
    placement = Journey(["a", "b"], [way("a", "b", when=rule)]).place([on(0, "x", amount=3)], LATER, {"score": 3})
    assert [step.since - START for step in placement.path] == [0 * DAY, after]


def test_a_moment_between_two_looks_is_not_missed() -> None:
    """A rule that is true for an instant alone is taken, however late anybody asks."""
    ways = [way("a", "b", when='days_since("x") == 3')]
    assert placed(["a", "b"], ways, on(0, "x"))[-1] == ("b", 3)


def test_sums_are_exact() -> None:
    """Ten times 0.1 is 1, whatever came and went in between."""
    log = [on(day / 10, "buy", amount=0.1) for day in range(10)]
    assert placed(["a", "b"], [way("a", "b", when='sum("buy.amount") == 1')], *log)[-1] == ("b", 0.9)
    gone = on(0, "buy", amount=1e9), *(on(5 + day / 10, "buy", amount=0.1) for day in range(3))
    assert placed(["a", "b"], [way("a", "b", when='sum("buy.amount", "5d") == 0.3')], *gone)[-1] == ("b", 5.2)


def test_what_is_no_number_is_not_added_and_noted() -> None:
    """A word, a truth or too large a number counts nothing and is told; what is missing is not told."""
    journey = Journey(["a", "b"], [way("a", "b", when='sum("buy.amount") >= 3')])
    odd = ["one", True, 1e300, None, float("nan"), "", "2"]
    placement = journey.place([on(day, "buy", amount=value) for day, value in enumerate(odd)], LATER)
    assert (placement.stage, placement.noted) == ("a", {"not_a_number": 3})


def test_the_last_value_stands() -> None:
    """That of the last event that has one."""
    journey = Journey(["a", "b"], [way("a", "b", when='last("form.role") == "boss"')])
    log = [on(0, "form", role="boss"), on(1, "form", role="user"), on(2, "form"), on(3, "form", role=None)]
    assert journey.place(log[1:], LATER).stage == "a"
    assert path(journey.place([*log, on(4, "form", role="boss")], LATER, start=START + 2 * DAY))[-1] == ("b", 4)


def test_of_last_values_at_one_instant_the_greatest_stands() -> None:
    """So that the order of the input does not matter: texts above numbers above truths."""
    values = [True, 3, 10, "boss", "ant"]
    for wanted, among in ((True, values[:1]), (10, values[:3]), ("boss", values)):
        rule = f'last("form.role") == {wanted!r}'
        for order in (among, among[::-1]):
            log = [on(0, "form", role=value) for value in order]
            assert placed(["a", "b"], [way("a", "b", when=rule)], *log)[-1] == ("b", 0), wanted
    noted = Journey(["a", "b"], [way("a", "b", when='last("form.role") is not None')]).place(
        [on(0, "form", role=["boss"])], LATER
    )
    assert (noted.stage, noted.noted) == ("a", {"not_comparable": 1})


@pytest.mark.parametrize(
    ("zone", "born", "hours"),
    [("UTC", date(2026, 3, 28), 24), ("Europe/Skopje", date(2026, 3, 28), 23), ("America/New_York", "2026-03-28", 28)],
)
def test_a_date_begins_in_the_contacts_zone(zone: str, born: date | str, hours: int) -> None:
    """Two local days after a date the rule is true from local midnight on, also where a day has 23 hours."""
    start = datetime(2026, 3, 29, tzinfo=UTC)
    journey = Journey(["a", "b"], [way("a", "b", when="days_since(born) >= 2")])
    placement = journey.place([Event("x", start)], LATER, {"born": born}, timezone=zone)
    midnight = {"UTC": 24, "Europe/Skopje": 22, "America/New_York": 28}[zone]
    assert placement.since == start + midnight * HOUR
    # The hours of that local day: the 29th has 23 in Skopje.
    day_long = Journey(["a", "b"], [way("a", "b", when=f"hours_since(born) >= {24 + hours}")])
    begun = datetime.fromisoformat("2026-03-28T00:00:00").replace(tzinfo=UTC)
    ahead = {"UTC": 0, "Europe/Skopje": -1, "America/New_York": 4}[zone]
    since = day_long.place([Event("x", begun - DAY)], LATER, {"born": born}, timezone=zone).since
    assert since == begun + (ahead + 24 + hours) * HOUR


def test_the_contact_himself_brings_his_zone_and_id() -> None:
    """Given as a contact, their fields can be read, and their dates begin where they live."""
    anna = Contact(id="anna", role="boss", timezone="Europe/Skopje", attributes={"born": date(2026, 1, 1)})
    journey = Journey(["a", "b"], [way("a", "b", when='role == "boss" and days_since(born) >= 1')])
    placement = journey.place([on(0, "x")], LATER, anna)
    assert (placement.contact, placement.since) == ("anna", datetime(2026, 1, 1, 23, tzinfo=UTC))
    assert journey.place([on(0, "x")], LATER, anna, timezone="UTC").since == datetime(2026, 1, 2, tzinfo=UTC)


# Silence


def test_silence_counts_from_the_last_event() -> None:
    """Any event breaks it, also one that the journey does not ask for; it ends at one exact instant."""
    journey = Journey(["a", "b"], [way("a", "b", after="90d")])
    log = [on(0, "x"), on(80, "newsletter opened")]
    assert journey.place(log, START + 170 * DAY - TICK).stage == "a"
    placement = journey.place(log, START + 170 * DAY)
    assert path(placement)[-1] == ("b", 170)
    assert str(placement.path[-1].evidence) == "no event since 2026-03-22 09:00"


def test_silence_counts_from_entering() -> None:
    """Where that is later than the last event."""
    ways = [way("a", "b", after="10d"), way("b", "c", after="20d")]
    assert placed(["a", "b", "c"], ways, on(0, "x")) == [("a", 0), ("b", 10), ("c", 30)]


def test_silence_of_one_event_is_broken_by_that_alone() -> None:
    """`without` names it; one that came before entering does not count."""
    ways = [way("a", "b", after="90d", without="webinar")]
    assert placed(["a", "b"], ways, on(0, "x"), on(80, "x"))[-1] == ("b", 90)
    placement = Journey(["a", "b"], ways).place([on(0, "x"), on(80, "webinar")], LATER)
    assert path(placement)[-1] == ("b", 170)
    assert placement.path[-1].evidence.silence == "webinar"
    assert placed(["a", "b"], ways, on(0, "x"), on(90, "x"))[-1] == ("b", 90)


def test_an_event_at_the_last_instant_breaks_a_silence() -> None:
    """All events of an instant are known before any transition is tried."""
    assert placed(["a", "b"], [way("a", "b", after="90d")], on(0, "x"), on(90, "x"))[-1] == ("b", 180)


def test_a_day_of_a_time_out_has_24_hours() -> None:
    """Also across the night in which clocks change: a path depends on no zone."""
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    journey = Journey(["a", "b"], [way("a", "b", after="1d")])
    for zone in ("UTC", "Europe/Skopje"):
        assert journey.place([Event("x", start)], LATER, timezone=zone).since == start + DAY


# Coming back


@pytest.mark.parametrize(
    ("reentry", "expected"),
    [("always", 2), ("never", None), ("1d", 2), ("2d", 3), ("3d", 6)],
)
def test_reentry_has_a_policy(reentry: str, expected: float | None) -> None:
    """A stage that was left may be entered again always, never, or after some time."""
    stages: list[str | Stage] = [Stage("a", reentry=reentry), "b"]
    ways = [way("a", "b", "go"), way("b", "a", "back")]
    log = [on(0, "hi"), on(1, "go"), on(2, "back"), on(3, "back"), on(6, "back")]
    assert placed(stages, ways, *log)[2:] == ([] if expected is None else [("a", expected)])


def test_a_rule_waits_until_one_may_come_back() -> None:
    """It is taken at the instant at which the time has passed."""
    stages: list[str | Stage] = [Stage("a", reentry="30d"), "b"]
    ways = [way("a", "b", "go"), way("b", "a", when='count("back") >= 1')]
    assert placed(stages, ways, on(0, "hi"), on(1, "go"), on(2, "back"))[-1] == ("a", 31)


# Events


def test_the_order_of_the_input_does_not_matter() -> None:
    """Nor is a duplicate taken twice; with an id of its own it is another event."""
    journey = Journey(["a", "b"], [way("a", "b", when='count("x") >= 2')])
    twice = [on(1, "x", n=1), on(1, "x", n=1), on(0, "hi")]
    placement = journey.place(twice, LATER)
    assert (placement.stage, placement.noted) == ("a", {"duplicate": 1, "unknown_event": 1})
    assert journey.place(twice[:1] * 3, LATER).noted == {"duplicate": 2}
    own = [Event("x", START, id=name) for name in "ab"]
    assert journey.place(own, LATER).stage == "b"
    again = [Event("x", START, id="a"), Event("x", START + DAY, id="a")]
    assert journey.place(again, LATER).noted == {"duplicate": 1}


def test_future_events_are_not_used_and_noted() -> None:
    """What lies after the instant did not happen yet."""
    placement = Journey(["a", "b"], [way("a", "b", "x")]).place([on(1, "x"), on(2, "x")], START + DAY)
    assert (path(placement), placement.noted) == ([("a", 1), ("b", 1)], {"future": 1})
    assert Journey(["a", "b"], [way("a", "b", "x")]).place([on(2, "x")], START).noted == {"future": 1}


def test_zones_of_events_are_one() -> None:
    """An instant is an instant, in whatever zone it is written."""
    here = START.astimezone(datetime.fromisoformat("2026-01-01T00:00+05:30").tzinfo)
    placement = Journey(["a"], []).place([Event("x", here), Event("x", START)], LATER)
    assert (placement.since, placement.noted) == (START, {"unknown_event": 1, "duplicate": 1})


def test_a_walk_takes_no_event_too_late() -> None:
    """Events come in the order of time, and not after somebody asked for a later instant."""
    walk = Journey(["a", "b"], [way("a", "b", "x")]).walk()
    walk.take(on(5, "x"))
    with pytest.raises(ModelError, match="comes too late"):
        walk.take(on(4, "x"))
    assert walk.stage_at(START + 6 * DAY) == "b"
    with pytest.raises(ModelError, match="comes too late"):
        walk.take(on(6, "x"))
    with pytest.raises(ModelError, match="lies before"):
        walk.placement(START + 5 * DAY)


# What never moves a stage


def test_losing_a_claim_never_moves_a_stage() -> None:
    """A decision reads the stage and does not change it; touches and outcomes are no part of a placement."""
    data = {
        "journey": {
            "stages": [{"name": "awareness"}, {"name": "decision"}],
            "transitions": [
                {"from": "awareness", "to": "decision", "event": "demo"},
                {"from": "decision", "to": "awareness", "after": "90d"},
            ],
        },
        "content": [{"id": "mail", "channel": "email", "stages": {"awareness": 1, "decision": 1}}],
        "campaigns": [{"id": name, "content": ["mail"], "weight": weight} for name, weight in (("k", 2), ("l", 1))],
        "caps": [{"name": "one", "max": 1, "window": "ever"}],
    }
    playbook = Playbook.from_dict(data)
    assert playbook.journey is not None
    log = [on(0, "hi"), on(1, "demo")]
    contact = Contact(id="anna", timezone="UTC", consent=None)
    before = playbook.journey.place(log, START + 9 * DAY, contact)
    known = before.applied_to(contact)
    lenient = Playbook.from_dict(data | {"on_missing": {"consent": "allow"}})
    decision = Arbiter(lenient).decide(known, at=START + 9 * DAY)
    assert [row.outcome for row in decision.rows].count("granted") == 1
    assert [row.reason for row in decision.rows if row.outcome != "granted"]
    assert (known.stage, before.applied_to(known).stage) == ("decision", "decision")
    assert playbook.journey.place(log, START + 9 * DAY, known) == before


# Properties


def asked(one: Situation, at: datetime | None = None) -> Placement:
    return one.journey.place(one.events, at or one.at, one.attributes, **one.given())


def steps(one: Situation, placement: Placement) -> list[Step]:
    """A path as the oracle tells it."""
    places = {id(way): place for place, way in enumerate(one.journey.transitions)}
    return [(step.stage, step.since, places.get(id(step.transition), -1)) for step in placement.path]


situations = st.integers(0, 2**48).map(situation)


@settings(max_examples=250)
@given(situations)
def test_a_naive_simulation_goes_the_same_way(one: Situation) -> None:
    """Minute by minute, with everything counted anew, an independent oracle finds the same path."""
    expected = path_of(one.journey, one.events, one.at, one.attributes, **one.given())
    assert steps(one, asked(one)) == expected


@settings(max_examples=150)
@given(situations, st.integers(0, HORIZON))
def test_a_path_is_the_beginning_of_every_later_one(one: Situation, minute: int) -> None:
    """The path up to an instant is the same whenever it is asked for."""
    early = min(one.at, BEGIN + minute * timedelta(minutes=1))
    late = steps(one, asked(one))
    assert steps(one, asked(one, early)) == [step for step in late if step[1] <= early]
    assert asked(one).stage_at(early) == (asked(one, early).stage if asked(one, early).path else None)


@settings(max_examples=150)
@given(situations, st.integers(0, 2**32))
def test_events_may_come_one_by_one(one: Situation, seed: int) -> None:
    """However the events are dealt out, and however often it is asked in between, the path is the same."""
    pick = random.Random(seed)
    walk = one.journey.walk(one.attributes, **one.given())
    questions = sorted(instant(pick) for _ in range(pick.randrange(6)))
    for event in sorted(told_apart([event for event in one.events if event.at <= one.at]), key=lambda event: event.at):
        while questions and questions[0] < event.at:
            walk.stage_at(questions.pop(0))
        walk.take(event)
    assert walk.placement(one.at).path == asked(one).path


@settings(max_examples=100)
@given(situations, st.randoms(use_true_random=False))
def test_the_order_of_a_log_does_not_matter(one: Situation, pick: random.Random) -> None:
    """Any order of the same events gives the same path, and notes the same."""
    shuffled = list(one.events)
    pick.shuffle(shuffled)
    again = one.journey.place(shuffled, one.at, one.attributes, **one.given())
    assert (again.path, dict(again.noted)) == (asked(one).path, dict(asked(one).noted))


@settings(max_examples=100)
@given(situations)
def test_each_step_leaves_the_stage_before(one: Situation) -> None:
    """A path is a walk on the graph, forward in time, and enters no stage twice at one instant."""
    path = asked(one).path
    for before, step in pairwise(path):
        assert step.transition is not None
        assert (step.transition.source, step.transition.to) == (before.stage, step.stage)
        assert before.since <= step.since <= one.at
    assert len({(step.stage, step.since) for step in path}) == len(path)
    if path:
        assert path[0].transition is None
        assert asked(one).stage == path[-1].stage


# Nothing is dropped without a word


def test_an_event_that_a_stage_refuses_is_told() -> None:
    """An event whose stage asks for what is not true takes no transition: it is counted, and stands in the path."""
    gate = Stage("decision", qualified="score >= 60")
    journey = Journey(["awareness", gate], [way("awareness", "decision", "demo")])
    placement = journey.place([on(1, "demo"), on(3, "demo")], LATER, attributes={"score": 40})
    assert (placement.stage, placement.noted) == ("awareness", {"not_qualified": 2})
    assert str(placement).splitlines()[1:] == [
        "  2026-01-02 09:00 awareness: entered the journey (demo)",
        "  2026-01-02 09:00 demo took no transition: 'decision' asks for score >= 60 (score = 40)",
        "  2026-01-04 09:00 demo took no transition: 'decision' asks for score >= 60 (score = 40)",
    ]
    assert [(own.event, own.stage, own.why, own.to) for own in placement.untaken[1:]] == [
        ("demo", "awareness", "not_qualified", "decision")
    ]


def test_an_event_of_another_stage_is_told() -> None:
    """A purchase of a contact who is not on the stage that it leaves takes no transition: it is counted and told."""
    ways = [way("awareness", "decision", "demo"), way("decision", "retention", "purchase")]
    journey = Journey(["awareness", "decision", "retention"], ways)
    placement = journey.place([on(1, "webinar"), on(2, "purchase"), on(3, "demo"), on(4, "demo")], LATER)
    assert (placement.stage, placement.noted) == ("decision", {"unknown_event": 1, "other_stage": 2})
    assert str(placement).splitlines()[1:] == [
        "  2026-01-02 09:00 awareness: entered the journey (webinar)",
        "  2026-01-03 09:00 purchase took no transition: it takes none from 'awareness'",
        "  2026-01-04 09:00 decision: demo",
        "  2026-01-05 09:00 demo took no transition: it takes none from 'decision'",
    ]
    # Before the contact has entered, there is no stage.
    early = journey.place([on(1, "demo")], LATER, start=START + 2 * DAY)
    assert (early.stage, early.noted) == ("awareness", {"other_stage": 1})
    assert str(early.untaken[0]).endswith("demo took no transition: the contact has not entered the journey yet")


def test_an_event_into_a_stage_that_cannot_be_entered_again_is_told() -> None:
    """A stage that may not be entered again, or was entered at this very instant, refuses too."""
    ways = [way("a", "b", "x"), way("b", "a", "y")]
    once = Journey(["a", Stage("b", reentry="never")], ways)
    placement = once.place([on(1, "x"), on(2, "y"), on(3, "x")], LATER)
    assert (path(placement), placement.noted) == ([("a", 1), ("b", 1), ("a", 2)], {"not_again": 1})
    assert str(placement.untaken[0]) == "2026-01-04 09:00 x took no transition: 'b' cannot be entered again then"
    together = Journey(["a", "b"], ways).place([on(1, "x"), on(1, "y")], LATER)
    assert (path(together), together.noted) == ([("a", 1), ("b", 1)], {"not_again": 1})


def test_an_event_that_a_rule_asks_for_is_not_dropped() -> None:
    """What a rule counts has its effect, though it takes no transition."""
    ways = [way("a", "b", when='count("x") >= 2'), way("b", "c", "x"), way("b", "a", after="90d", without="z")]
    placement = Journey(["a", "b", "c"], ways).place([on(1, "x"), on(2, "z")], LATER)
    assert (placement.noted, placement.untaken) == ({}, ())


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_every_event_for_a_transition_takes_one_or_is_told(start: int) -> None:
    """Random journeys: events that only take transitions are steps of the path, or are told, and the counts agree."""
    for seed in range(start, start + 50):
        found = situation(seed)
        placement = found.journey.place(found.events, found.at, found.attributes, **found.given())
        moves = found.journey.compiled_transitions.moves
        given = [event for event in told_apart(list(found.events)) if event.event in moves and event.at <= found.at]
        taken = [step for step in placement.path if step.transition is not None and step.transition.event in moves]
        told = [own for own in placement.untaken if own.event in moves]
        assert len(given) == len(taken) + len(told)
        reasons = ("not_qualified", "not_again", "other_stage")
        assert sum(placement.noted.get(why, 0) for why in reasons) == len(placement.untaken)
