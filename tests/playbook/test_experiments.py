"""Experiments of a playbook: how they are written, what is refused, and what is told."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeykit import Arm, CapChange, Experiment, LeverChange, Playbook, PlaybookError, RuleChanges, Window
from journeykit.playbook.experiment_arms import ArmAssignment, changed_rules

TEXT = """\
content: [{id: note, channel: email}]
campaigns: [{id: launch, content: [note], weight: 3}]
levers: [{name: spring, factor: 2}]
caps:
  - {name: daily, max: 1, window: {calendar: day}}
  - {name: weekly, max: 3, window: {calendar: week}}
experiments:
  - name: pressure
    horizon: 60d
    arms:
      - {name: as now, share: 0.5}
      - name: more
        share: 0.5
        with: {caps: [{name: daily, max: 2}]}
"""


@pytest.fixture
def load(tmp_path):
    """A playbook from a text that differs from the one above."""

    def read(*changes) -> Playbook:
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "playbook.yaml"
        path.write_text(text, "utf-8")
        return Playbook.load(path)

    return read


def faults(load, *changes) -> list[tuple[int | None, str, str]]:
    with pytest.raises(PlaybookError) as found:
        load(*changes)
    return [(own.line, own.path, own.message) for own in found.value.problems]


def test_what_is_written_is_read_back(load):
    """As data, pickled, and by the schema's keys; null is no limit, and leaving max out is not."""
    playbook = load(("{name: daily, max: 2}", "{name: daily, max: null}, {name: weekly, window: {days: 7}}"))
    assert Playbook.from_dict(playbook.to_dict()) == pickle.loads(pickle.dumps(playbook)) == playbook
    (experiment,) = playbook.to_dict()["experiments"]
    assert experiment["arms"][1]["with"]["caps"] == [
        {"name": "daily", "max": None},
        {"name": "weekly", "window": {"days": 7, "stretch": None, "zone": "contact", "week_start": "monday"}},
    ]
    assert "with" not in experiment["arms"][0]
    daily, weekly = changed_rules(playbook, [playbook.experiments[0].arms[1].changes]).caps
    assert (daily.max, weekly.max, weekly.window.kind) == (None, 3, "days")


def test_a_playbook_without_experiments_is_as_before(load):
    """Its fingerprint does not tell that there could be any; one with experiments has another."""
    playbook = load()
    plain = playbook.to_dict()
    del plain["experiments"]
    assert "experiments" not in Playbook.from_dict(plain).to_dict()
    assert Playbook.from_dict(plain).fingerprint != playbook.fingerprint


def test_an_arm_changes_what_it_names_alone():
    """The rest is the playbook's, and changes of several experiments come together."""
    playbook = Playbook.from_dict(
        {
            "caps": [{"name": name, "max": 1, "window": "ever"} for name in ("a", "b")],
            "levers": [{"name": "up", "factor": 2}, {"name": "down", "factor": 0.5}],
        }
    )
    changes = [
        RuleChanges(reserve=1, caps=[CapChange(name="b", max=4)]),
        RuleChanges(policy="ranked", levers=[LeverChange(name="up", factor=3)]),
        RuleChanges(caps=[CapChange(name="b", window=Window.days(2))]),
    ]
    found = changed_rules(playbook, changes)
    assert (found.reserve, found.policy) == (1, "ranked")
    assert [(cap.name, cap.max, cap.window.kind) for cap in found.caps] == [("a", 1, "ever"), ("b", 4, "days")]
    assert [(lever.name, lever.factor) for lever in found.levers] == [("up", 3), ("down", 0.5)]
    assert changed_rules(playbook, []) == playbook


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            [("{name: daily, max: 2}", "{name: dayly, max: 2}")],
            (14, "experiments[0].arms[1].with.caps[0].name", "unknown cap 'dayly'; there is daily, weekly"),
        ),
        (
            [("with: {caps: [{name: daily, max: 2}]}", "with: {levers: [{name: autumn, factor: 2}]}")],
            (14, "experiments[0].arms[1].with.levers[0].name", "unknown lever 'autumn'; there is spring"),
        ),
        (
            [("max: 2", "max: -2")],
            (14, "experiments[0].arms[1].with.caps[0].max", "max is a number from 0"),
        ),
        (
            [("with: {caps", "with: {cap")],
            (14, "experiments[0].arms[1].with.cap", "unknown key 'cap'; allowed are policy, reserve, levers, caps"),
        ),
        ([("share: 0.5\n", "share: 0.6\n")], (10, "experiments[0].arms", "at most 1 together, found 1.1")),
        (
            [("{name: daily, max: 2}", "{name: daily, max: 2}, {name: daily, max: 3}")],
            (14, "experiments[0].arms[1].with.caps[1].name", "'daily' is changed already"),
        ),
        (
            [("experiments:", "holdout: {share: 0.1, seed: pressure}\nexperiments:")],
            (9, "experiments[0].name", "the seed 'pressure' is that of the holdout"),
        ),
        (
            [
                ("{name: weekly, max: 3,", "{name: weekly, max: 3, per: account, "),
                ("window: {calendar: week}", "window: {rolling: 7d}"),
                ("{name: daily, max: 2}", "{name: weekly, window: {days: 7}}"),
            ],
            (14, "experiments[0].arms[1].with.caps[0].window", "the contacts of an account need not share"),
        ),
    ],
)
def test_what_cannot_be_is_told_with_its_place(load, changes, expected):
    """Each fault has its path and line."""
    (found,) = faults(load, *changes)
    assert found[:2] == expected[:2]
    assert expected[2] in found[2]


SECOND = """\
  - name: second
    arms: [{name: a, share: 0.5}, {name: b, share: 0.5, with: %s}]
"""


def test_two_experiments_may_not_set_one_key(load, tmp_path):
    """Nobody could tell whose effect is whose; other keys, of the same cap too, may be set."""
    path = tmp_path / "two.yaml"

    def read(changes) -> Playbook:
        path.write_text(TEXT + SECOND % changes, "utf-8")
        return Playbook.load(path)

    with pytest.raises(PlaybookError) as found:
        read("{caps: [{name: daily, max: 5}]}")
    (problem,) = found.value.problems
    assert (problem.line, problem.path) == (16, "experiments[1].arms[1].with.caps[0].max")
    assert problem.message == (
        "max of 'daily' is set by the experiment 'pressure' already (experiments[0].arms[1]): two experiments may not "
        "set one key"
    )
    read("{caps: [{name: weekly, max: 5}]}")
    read("{caps: [{name: daily, window: {days: 2}}]}")
    path.write_text(
        TEXT.replace("with: {caps: [{name: daily, max: 2}]}", "with: {reserve: 2}") + SECOND % "{reserve: 1}"
    )
    with pytest.raises(PlaybookError, match=r"arms\[1\]\.with\.reserve: reserve is set"):
        Playbook.load(path)
    path.write_text(TEXT + SECOND.replace("name: second", "name: second\n    seed: pressure") % "{reserve: 1}")
    with pytest.raises(PlaybookError, match="is that of the experiment 'pressure'"):
        Playbook.load(path)


def test_too_many_combinations_are_refused():
    """Each is a rule set of its own."""
    many = [
        Experiment(name=f"trial {number}", arms=[Arm(name=f"{arm}", share=0.2) for arm in range(5)])
        for number in range(3)
    ]
    with pytest.raises(PlaybookError, match="the arms have 125 combinations"):
        Playbook(experiments=many)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((), []),
        ([("    horizon: 60d\n", "")], ["'pressure' has no horizon"]),
        (
            [("max: 2", "max: 1")],
            ["'more' changes nothing of max of 'daily'", "'more' decides as 'as now' does"],
        ),
        ([("name: as now, share: 0.5", "name: as now, share: 0.004")], ["'as now' has 40 of 10,000 contacts"]),
        ([("name: as now, share: 0.5", "name: as now, share: 0.00001")], ["'as now' may have no contacts"]),
        (
            [("      - {name: as now, share: 0.5}\n", ""), ("share: 0.5", "share: 1")],
            ["all contacts are in the arm 'more'"],
        ),
    ],
)
def test_what_can_hardly_show_anything_is_told(load, changes, expected):
    """Arms that change nothing, tiny shares, no horizon, nothing to compare with."""
    found = [own.message for own in load(*changes).check()]
    assert len(found) == len(expected)
    assert all(part in message for part, message in zip(expected, found, strict=True))


def test_a_warning_of_the_playbook_holds_in_all_arms(load):
    """A campaign that can win in an arm is not said never to win."""
    none = ("daily, max: 1", "daily, max: 0")
    assert not any("can never win" in own.message for own in load(none).check())
    other = ("with: {caps: [{name: daily, max: 2}]}", "with: {reserve: 2}")
    assert any("can never win" in own.message for own in load(none, other).check())


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_combinations_share_everybody(first, second):
    """The shares of all combinations add up to 1, and each contact is in one of them."""
    trials = [
        Experiment(
            name=name, arms=[Arm(name=f"{n}", share=part / max(1, sum(parts) + rest)) for n, part in enumerate(parts)]
        )
        for name, parts, rest in (("one", first, 3), ("two", second, 0))
    ]
    assignment = ArmAssignment(Playbook(experiments=trials))
    every = dict(assignment.every)
    assert sum(every.values()) == pytest.approx(1)
    assert all(assignment.places_of(f"contact {n}", None) in every for n in range(200))
