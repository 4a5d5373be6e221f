"""Features: what was known before a message, and nothing of what came at its instant or later."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import Campaign, Content, DataError, Journey, Playbook, Response, Scope, Stage, Team, Transition
from journeykit.basics.clock import micros
from journeykit.learning import FeatureMaker, MessageHistory, PossibleMessages, examples_of, features_of

FIRST = datetime(2026, 11, 2, 9, tzinfo=UTC)  # a Monday
END = datetime(2027, 6, 1, tzinfo=UTC)


def on(day: float) -> datetime:
    return FIRST + timedelta(days=day)


def playbook(**more: object) -> Playbook:
    parts = {
        "teams": [Team(name="events", goal="event"), Team(name="news")],
        "content": [Content(id="letter", channel="email", theme="care"), Content(id="text", channel="sms")],
        "campaigns": [
            Campaign(id="meetup", team="events", content=["letter"]),
            Campaign(id="flash", team="news", content=["text"]),
        ],
        "responses": [Response(name="sale", event="purchase", value="amount", within="7d")],
    }
    return Playbook(**(parts | more))


def sent(*days: float, contact: str = "anna", campaign: str = "meetup") -> list[dict[str, object]]:
    return [{"contact_id": contact, "sent_at": on(day), "campaign_id": campaign} for day in days]


def did(*days: float, contact: str = "anna", event: str = "purchase", **more: object) -> list[dict[str, object]]:
    return [{"contact_id": contact, "event": event, "at": on(day), **more} for day in days]


def history(touches: object, events: object = (), **more: object) -> MessageHistory:
    rules = more.pop("playbook", None) or playbook()
    return MessageHistory.read(rules, touches, events or did(900, contact="nobody"), until=END, **more)


def column(found: object, name: str) -> list[float | None]:
    own = found.column(name)
    return [None if math.isnan(value) else round(value, 6) for value in own.tolist()]


def known_before(*args: object, **more: object) -> object:
    """The features of all messages."""
    return next(iter(examples_of(history(*args, **more), until=END).values())).matrix


def test_touches_before_a_message_are_counted():
    """In 7 and 30 days and ever, of its campaign and its channel; a message that is exactly seven days old counts."""
    found = known_before([*sent(0, 7, 20), *sent(20, campaign="flash"), *sent(1, contact="ben")])
    # Of one instant both are there: neither is before the other.
    assert found.texts("campaign") == ["meetup", "meetup", "flash", "meetup", "meetup"]
    assert column(found, "touches") == [0, 1, 2, 2, 0]
    assert column(found, "touches_7d") == [0, 1, 0, 0, 0]
    assert column(found, "touches_30d") == [0, 1, 2, 2, 0]
    assert column(found, "campaign_touches") == [0, 1, 0, 2, 0]
    assert column(found, "channel_touches_30d") == [0, 1, 0, 2, 0]
    assert column(found, "days_since_message") == [None, 7, 13, 13, None]


def test_what_a_message_is_comes_from_the_playbook():
    """Campaign, team, goal, channel and theme are those of its campaign and content; what it lacks is missing."""
    found = known_before([*sent(0), *sent(1.25, campaign="flash")])
    assert [found.texts(name) for name in ("team", "goal", "channel", "theme")] == [
        ["events", "news"],
        ["event", None],
        ["email", "sms"],
        ["care", None],
    ]
    assert (found.texts("weekday"), column(found, "hour")) == (["mon", "tue"], [9, 15])


def test_a_message_of_which_little_is_known_has_little_known():
    """Neither channel nor theme, of a campaign that the playbook does not have."""
    found = known_before([*sent(0, 1, campaign="gone"), {"contact_id": "anna", "sent_at": on(2)}])
    assert found.texts("campaign") == ["gone", "gone", None]
    assert found.texts("channel") == [None, None, None]
    assert (column(found, "campaign_touches"), column(found, "touches")) == ([0, 1, 0], [0, 1, 2])


def test_days_and_hours_are_those_of_the_playbooks_zone():
    """In Skopje it is an hour later, and two in summer."""
    found = known_before(sent(0.6, 200), playbook=playbook(timezone="Europe/Skopje"))
    assert (found.texts("weekday"), column(found, "hour")) == (["tue", "fri"], [0, 11])


def test_responses_before_a_message_are_counted():
    """Credited events count once for each response; one at the message's own instant is not before it."""
    linear = Response(name="sale", event="purchase", within="7d", credit="linear")
    late = Response(name="late", event="purchase", within="1d", where=Scope.of(campaign="meetup"))
    found = known_before(sent(0, 1, 2, 3), did(2, 2.5), playbook=playbook(responses=[linear, late]))
    assert column(found, "responses_sale") == [0, 0, 0, 2]
    assert column(found, "responses_late") == [0, 0, 0, 2]
    assert column(found, "days_since_response") == [None, None, None, 0.5]


def test_stages_are_those_of_the_journey_before_the_message():
    """A contact who has not entered it is on its first stage; an event at the message's instant comes after it."""
    journey = Journey(
        stages=[Stage(name="new"), Stage(name="loyal")],
        transitions=[Transition(source="new", to="loyal", event="purchase")],
    )
    found = known_before(sent(0, 2, 3), did(2), playbook=playbook(journey=journey))
    assert found.texts("stage") == ["new", "new", "loyal"]


def test_an_attribute_counts_from_the_instant_from_which_it_is_valid():
    """Before its first row nothing is known of a contact; at the instant itself the row before still holds."""
    contacts = [
        {"contact_id": "anna", "valid_from": on(day), "city": city, "age": age, "vip": age > 30}
        for day, city, age in ((5, "Bitola", 31), (1, "Ohrid", 30))
    ]
    found = known_before(sent(0, 2, 5, 6), contacts=contacts)
    assert found.texts("city") == [None, "Ohrid", "Ohrid", "Bitola"]
    assert (column(found, "age"), column(found, "vip")) == ([None, 30, 30, 31], [None, 0, 0, 1])


def test_an_attribute_without_its_time_is_no_feature():
    """What is true today may be the label itself: without `valid_from` it is a feature only where it is named."""
    contacts = [{"contact_id": "anna", "bought": True, "born": 1980}]
    found = known_before(sent(0, 2), did(1), contacts=contacts)
    assert not {"bought", "born"} & {*found.names}
    found = known_before(sent(0, 2), did(1), contacts=contacts, static=["Born"])
    assert "bought" not in found.names
    assert column(found, "born") == [1980, 1980]


def test_a_static_attribute_that_contacts_lack_is_an_error():
    """It names what is there."""
    with pytest.raises(DataError, match=r"contacts have no attribute 'borne'; did you mean 'born'\?"):
        history(sent(0), contacts=[{"contact_id": "anna", "born": 1980}], static=["borne"])


def test_an_attribute_that_is_called_as_a_feature_is_told_apart():
    """An attribute `hour` is not the hour of the message."""
    found = known_before(sent(0), contacts=[{"contact_id": "anna", "hour": 17}], static=["hour"])
    assert (column(found, "hour"), column(found, "contact.hour")) == ([9], [17])


def test_rows_of_contacts_that_cannot_be_used_are_told():
    """Two rows from one instant, and a row that does not say from when it holds."""
    rows = [(0, "a"), (0, "b"), (None, "c")]
    contacts = [
        {"contact_id": "anna", "valid_from": None if day is None else on(day), "city": city} for day, city in rows
    ]
    found = history(sent(1), contacts=contacts)
    assert found.contacts.columns["city"].classes == ("a", "b")
    assert any("bad rows of contacts: 2 (rows 2, 3)" in note for note in found.notes)


_DAYS = st.integers(0, 80).map(lambda half: half / 2)
_TOUCHES = st.lists(
    st.tuples(st.sampled_from("ab"), _DAYS, st.sampled_from(["meetup", "flash"])), min_size=1, max_size=12
)
_EVENTS = st.lists(st.tuples(st.sampled_from("ab"), _DAYS), max_size=8)
_ROWS = st.lists(st.tuples(st.sampled_from("ab"), _DAYS, st.integers(1, 3)), max_size=5, unique_by=lambda own: own[:2])


def tables(touches, events, rows):
    return (
        [own for who, day, what in touches for own in sent(day, contact=who, campaign=what)],
        [own for who, day in events for own in did(day, contact=who)],
        [{"contact_id": who, "valid_from": on(day), "level": level} for who, day, level in rows]
        or [{"contact_id": "z", "valid_from": on(0), "level": 1}],
    )


JOURNEY = Journey(
    stages=[Stage(name="new"), Stage(name="loyal")],
    transitions=[
        Transition(source="new", to="loyal", event="purchase"),
        Transition(source="loyal", to="new", after="5d"),
    ],
)


@settings(max_examples=25, deadline=None)
@given(_TOUCHES, _EVENTS, _ROWS)
def test_what_comes_later_changes_no_feature(touches, events, rows):
    """Without all that happened at a message's instant or later, its features are the same: nothing leaks."""
    rules = playbook(journey=JOURNEY)
    sent_, done, contacts = tables(touches, events, rows)
    whole = history(sent_, done, contacts=contacts, playbook=rules)
    features = features_of(whole)
    ids = whole.ids.to_pylist()
    place = {name: number for number, name in enumerate(ids)}
    for who, day, what in touches[:2]:
        cut = [[own for own in several if own[at] < on(day)] for several, at in ((sent_, "sent_at"), (done, "at"))]
        kept = [own for own in contacts if own["valid_from"] < on(day)]
        lone = history(
            [*cut[0], *sent(day, contact=who, campaign=what)],
            cut[1],
            contacts=kept or [{"contact_id": "z", "valid_from": on(0), "level": 1}],
            playbook=rules,
        )
        known = {name: number for number, name in enumerate(lone.ids.to_pylist())}
        values = []
        for own, number in ((whole, place[who]), (lone, known[who])):
            asked = PossibleMessages(
                contact=np.array([number]),
                at=np.array([micros(on(day))]),
                moment=np.array([0]),
                kind=np.array([0]),
                kinds=[kind for kind in own.kinds if kind["campaign"] == (what,)],
            )
            values.append(FeatureMaker(own, features).matrix(asked).values)
        np.testing.assert_array_equal(*values)


@settings(max_examples=60, deadline=None)
@given(_TOUCHES, _EVENTS, _ROWS)
def test_features_are_what_a_plain_loop_counts(touches, events, rows):
    """Counted one by one over all touches and events."""
    sent_, done, contacts = tables(touches, events, rows)
    found = examples_of(history(sent_, done, contacts=contacts), until=END)["sale"]
    order = sorted(touches, key=lambda own: (own[0], own[1], own[2]))
    assert found.matrix.texts("campaign") == [what for _, _, what in order]
    # An event of the same instant and contact counts once.
    credited = {own for own in events if any(own[0] == who and 0 < own[1] - day <= 7 for who, day, _ in touches)}
    for row, (who, day, what) in enumerate(order):
        mine = [own for own in touches if own[0] == who and own[1] < day]
        answers = [own[1] for own in credited if own[0] == who and own[1] < day]
        levels = [own for own in rows if own[0] == who and own[1] < day]
        expected = {
            "touches": len(mine),
            "touches_7d": sum(day - own[1] <= 7 for own in mine),
            "touches_30d": sum(day - own[1] <= 30 for own in mine),
            "campaign_touches": sum(own[2] == what for own in mine),
            "campaign_touches_7d": sum(own[2] == what and day - own[1] <= 7 for own in mine),
            "channel_touches_30d": sum(own[2] == what and day - own[1] <= 30 for own in mine),
            "days_since_message": day - max((own[1] for own in mine), default=math.nan),
            "days_since_response": day - max(answers, default=math.nan),
            "responses_sale": len(answers),
            "level": max(levels, key=lambda own: own[1], default=(0, 0, math.nan))[2],
        }
        got = {name: found.matrix.column(name)[row] for name in expected}
        np.testing.assert_allclose([*got.values()], [*expected.values()], rtol=1e-9, err_msg=str(expected))
