"""Arms and holdouts that did not stay what they were: each is said, with how often, and has a defined answer."""

from datetime import UTC, date, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from journeykit.basics.clock import DAY, micros
from journeykit.measuring import ArmHistory, HoldoutMessages, compare_arms

START = micros(datetime(2026, 3, 1, 12, tzinfo=UTC))


def test_a_contact_in_two_arms_counts_in_the_first():
    """Rows in whatever order; rows of no arm say nothing."""
    found = ArmHistory.of(
        ["a", "b"],
        contacts=4,
        contact=[1, 0, 0, 2, 1, 0],
        arm=[1, 1, 0, -1, 1, 1],
        at=[START, START + DAY, START, START, START + 5 * DAY, START + 3 * DAY],
    )
    assert found.arm.tolist() == [0, 1, -1, -1]
    assert found.moves == {("a", "b"): 1}
    assert found.moved_rows == 2
    assert [*found.notes()] == [
        "1 contact in two arms (a to b 1), from 2026-03-02 to 2026-03-04; they count in the arm that they were in first"
    ]
    assert found.notes(counted_in="none")[0].endswith("they count in none")
    assert found.to_dict()["moved"] == [{"from": "a", "to": "b", "contacts": 1}]


ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 2), st.integers(0, 3)), max_size=30)


@given(ROWS)
def test_moves_are_those_of_a_plain_count(rows):
    """One contact after the other gives the same."""
    first, moves, wrong = {}, set(), 0
    for contact, arm, _ in sorted(rows, key=lambda row: (row[0], row[2], row[1])):
        if arm >= 0:
            start = first.setdefault(contact, arm)
            wrong += arm != start
            moves |= {(contact, start, arm)} if arm != start else set()
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    found = ArmHistory.of(["0", "1", "2"], contacts=5, contact=columns[0], arm=columns[1], at=columns[2])
    assert found.arm.tolist() == [first.get(contact, -1) for contact in range(5)]
    assert (found.moved, found.moved_rows) == (len(moves), wrong)
    assert found.changes == ()


def test_contacts_elsewhere_than_the_playbook_says():
    """An arm that changed its share while all contacts were there: those that the new shares deal out otherwise."""
    found = ArmHistory.of(["a", "b"], contacts=4, contact=[0, 1, 2], arm=[0, 0, 1], at=[START] * 3)
    assert found.elsewhere([0, 1, -1, 1]) == 2


def entering(*shares, per_day=40, days=30):
    """Contacts that come over the days, with the share of the second arm in each stretch of days."""
    generator = np.random.default_rng(3)
    share = np.repeat(shares, per_day * days)
    arm = (generator.random(len(share)) < share).astype(int)
    return arm, START + np.arange(len(share)) // per_day * DAY


def test_an_arm_that_changed_its_share_midway_is_found():
    """From the day on which it did, and the contacts from before and after are compared apart."""
    arm, at = entering(0.5, 0.2)
    found = ArmHistory.of(
        ["old", "new"], contacts=len(arm), contact=np.arange(len(arm)), arm=arm, at=at, all_assigned=True
    )
    (change,) = found.changes
    assert abs((change.day - date(2026, 3, 31)).days) <= 1
    assert np.bincount(found.stretch).tolist() == [
        change_at := 40 * (change.day - date(2026, 3, 1)).days,
        2_400 - change_at,
    ]
    assert 0.45 < change.before[1] < 0.55
    assert 0.15 < change.after[1] < 0.25
    assert found.notes()[0].startswith(f"shares of arms changed on {change.day}: old from ")
    # Contacts from before have had more time to respond: mixed, the arm that has more of them looks better.
    outcome = (np.arange(len(arm)) % 10 < np.where(found.stretch == 0, 6, 1)).astype(float)
    mixed = compare_arms(["old", "new"], found.arm, outcome, progress=1).difference("new")
    apart = compare_arms(["old", "new"], found.arm, outcome, stretch=found.stretch, progress=1).difference("new")
    assert mixed.is_found
    sizes = compare_arms(["old", "new"], found.arm, outcome, stretch=found.stretch, shares=[0.8, 0.2])
    assert sizes.ratio is None  # shares that changed explain the sizes
    assert apart.fixed[0] < 0 < apart.fixed[1]


def test_several_changes_are_found():
    """An arm that is added, then made larger."""
    arm, at = entering(0.0, 0.2, 0.5)
    found = ArmHistory.of(
        ["old", "new"], contacts=len(arm), contact=np.arange(len(arm)), arm=arm, at=at, all_assigned=True
    )
    assert len(found.changes) == 2
    assert found.changes[0].before == (1, 0)


def test_messages_say_nothing_of_shares():
    """An arm may send less, or later: who got a message says who is in an arm, and not how many should be."""
    arm, at = entering(0.5, 0.2)
    found = ArmHistory.of(["old", "new"], contacts=len(arm), contact=np.arange(len(arm)), arm=arm, at=at)
    assert (found.changes, found.stretch.max()) == ((), 0)


def test_chance_changes_no_share():
    """The same shares throughout: in 100 experiments none is said to have changed."""
    generator = np.random.default_rng(8)
    at = START + np.arange(2_000) // 40 * DAY
    for _ in range(100):
        arm = (generator.random(2_000) < 0.3).astype(int)
        assert (
            ArmHistory.of(
                ["old", "new"], contacts=2_000, contact=np.arange(2_000), arm=arm, at=at, all_assigned=True
            ).changes
            == ()
        )


def test_a_holdout_that_was_written_to():
    """How many messages, to how many contacts, since when."""
    found = HoldoutMessages.of([True, False, True, True], contact=[0, 1, 0, 3], at=[START + DAY, START, START, START])
    assert (found.held, found.contacts, found.messages) == (3, 2, 3)
    assert found.note() == (
        "holdout was written to: 3 messages to 2 of 3 contacts, the first on 2026-03-01; they stay in it"
    )
    assert HoldoutMessages.of([True, False], contact=[1, 1], at=[START, START]).note() is None
    assert HoldoutMessages.of([True], contact=[], at=[]).to_dict()["first_at"] is None
