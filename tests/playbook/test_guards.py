"""Guards in a playbook: what is read, refused and warned of; and the file of those that tripped."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from attrs import evolve

from journeykit import DataError, Guard, GuardTrip, ModelError, Playbook, PlaybookError, TrippedGuards
from journeykit.playbook.read import loads

WORLD = """
content:
  - {id: note, channel: email}
campaigns:
  - {id: launch, content: [note]}
"""
AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
TRIP = GuardTrip(guard="a", campaign="launch", messages=900, answered=4, responses=5, third_last_at=AT)


def read(text: str) -> Playbook:
    return loads(WORLD + text, "yaml", Playbook, source="playbook.yaml")


def test_guards_are_read_and_written():
    """A playbook with guards comes back from its data, with the same fingerprint."""
    playbook = read("guards: [{name: a, response: complaint, max: 0.001, window: 30d}]")
    assert playbook.guards == (Guard(name="a", response="complaint", max=0.001, window="30d"),)
    again = Playbook.from_dict(playbook.to_dict())
    assert (again, again.fingerprint) == (playbook, playbook.fingerprint)
    assert "guards" not in read("").to_dict()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{name: a, response: complaint, max: 0.1, window: 1d}, {name: a, response: complaint, max: 0, window: 1d}",
         "[1].name: 'a' is already taken"),
        ("{name: a, response: complain, max: 0.1, window: 1d}",
         "[0].response: unknown response 'complain'; there is opt_out, complaint (did you mean 'complaint'?)"),
        ("{name: a, response: complaint, window: 1d}", "[0].max: the key 'max' is required"),
        ("{name: a, response: complaint, max: 0.1}", "[0].window: the key 'window' is required"),
        ("{name: a, response: complaint, max: 10, window: 1d}", "[0].max: max must be a number from 0 to 1, found 10"),
        ("{name: a, response: complaint, max: -0.1, window: 1d}", "[0].max: max must be a number from 0 to 1"),
        ("{name: a, response: complaint, max: 0.1, window: 0d}", "[0].window: window is longer than nothing, found 0d"),
        ("{name: a, response: complaint, max: 0.1, window: 1d, where: {campaign: x}}",
         "[0].where.campaign: unknown campaign 'x'"),
        ("{name: a, response: complaint, max: 0.1, window: 1d, were: {}}", "[0].were: unknown key 'were'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line(text, message):
    """Each fault is told with its path and line."""
    with pytest.raises(PlaybookError) as caught:
        read(f"guards: [{text}]")
    assert f"line 6: guards{message}" in str(caught.value)


def test_responses_of_the_playbook_may_be_guarded():
    """Beside the well-known ones."""
    text = "responses: [{name: left, event: unfollow, within: 7d}]\n"
    assert read(text + "guards: [{name: a, response: left, max: 0.1, window: 1d}]").check() == ()


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        ("max: 0", "guards[0].max: 'a' trips at three responses, however many messages there are"),
        ("max: 1", "guards[0].max: 'a' never trips: no rate is above 1"),
        ("max: 0.1, where: {channel: sms}", "guards[0].where: matches no campaign's content: 'a' never trips"),
    ],
)
def test_what_is_probably_not_meant_is_warned_of(more, warning):
    """A maximum at an end of its range, and a scope that nothing is in."""
    playbook = read(f"guards: [{{name: a, response: complaint, window: 1d, {more}}}]")
    assert [str(found) for found in playbook.check()] == [warning]


def test_three_responses_and_a_rate_above_the_maximum_trip():
    """Neither alone does; the maximum itself is let pass."""
    guard = Guard(name="a", response="complaint", max=0.001, window="30d")
    assert not guard.trips(responses=2, answered=2, messages=2)
    assert not guard.trips(responses=3, answered=3, messages=3_000)
    assert guard.trips(responses=3, answered=3, messages=2_999)


def test_tripped_guards_are_saved_and_read(tmp_path):
    """A file comes back as it was; instants may have any offset."""
    tripped = TrippedGuards(playbook="0" * 64, until=AT, asked=["a", "b"], trips=[TRIP])
    tripped.save(tmp_path / "guards.json")
    assert TrippedGuards.load(tmp_path / "guards.json") == tripped
    data = json.loads((tmp_path / "guards.json").read_text())
    assert TrippedGuards.from_dict({**data, "until": "2026-11-05T12:00:00+02:00"}) == tripped


@pytest.mark.parametrize(
    "change",
    [
        {"trips": None},
        {"trips": [{}]},
        {"trips": ["launch"]},
        {"trips": [{**TRIP.to_dict(), "messages": 0}]},
        {"trips": [{**TRIP.to_dict(), "third_last_at": "2026-11-05"}]},
        {"trips": [{**TRIP.to_dict(), "third_last_at": "soon"}]},
        {"trips": [TRIP.to_dict(), TRIP.to_dict()]},
        {"until": None},
        {"until": 5},
        {"playbook": ""},
        {"asked": [""]},
        {"more": 1},
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path, change):
    """Never an arbiter without guards."""
    tripped = TrippedGuards(playbook="0" * 64, until=AT, asked=["a"], trips=[TRIP])
    path = tmp_path / "guards.json"
    path.write_text(json.dumps({**tripped.to_dict(), **change}))
    with pytest.raises(DataError, match=r"guards\.json: no tripped guards can be read"):
        TrippedGuards.load(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"trips": []}'])
def test_what_is_no_such_file_is_an_error(tmp_path, text):
    """A file of something else, or half of one."""
    (tmp_path / "guards.json").write_text(text)
    with pytest.raises(DataError, match="no tripped guards can be read"):
        TrippedGuards.load(tmp_path / "guards.json")
    with pytest.raises(DataError, match="no tripped guards can be read"):
        TrippedGuards.load(tmp_path / "missing.json")


def test_what_does_not_fit_the_playbook_is_told():
    """Another playbook, unknown guards and campaigns, guards that were not asked."""
    playbook = read("guards: [{name: a, response: complaint, max: 0.1, window: 1d}]")
    tripped = TrippedGuards(playbook=playbook.fingerprint, until=AT, asked=["a"], trips=[TRIP])
    assert list(tripped.notes(playbook)) == []
    strange = evolve(TRIP, guard="b", campaign="lunch")
    assert list(TrippedGuards(playbook="0", until=AT, trips=[strange]).notes(playbook)) == [
        "guards: they were asked by another playbook, whose trips hold here too: measure again with this one",
        "guards: the playbook has no guard 'b'; what it tripped for is paused all the same",
        "guards: 'a' was not asked: it pauses nothing; measure with the events of its response",
        "guards: the playbook has no campaign 'lunch'; did you mean 'launch'?; so nothing of it is paused",
    ]


def test_what_is_no_trip_is_refused():
    """Of a guard without a name, say."""
    with pytest.raises(ModelError, match="guard"):
        evolve(TRIP, guard="")
    with pytest.raises(ModelError, match="twice"):
        TrippedGuards(playbook="0", until=AT, trips=[TRIP, evolve(TRIP, messages=5)])
