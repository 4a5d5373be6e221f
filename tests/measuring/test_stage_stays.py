"""Where contacts were, and of whom nothing was heard: columns against contact by contact."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit.measuring.stage_stays import NOWHERE, SILENT, StageStays

STAGES, LOST = ("lead", "customer", "gone"), (False, False, True)


def stays(rows, until=20, contacts=3):
    contact, stage, start = (
        (np.array(column, np.int64) for column in zip(*rows, strict=True)) if rows else [np.zeros(0, np.int64)] * 3
    )
    return StageStays.of(STAGES, LOST, contact, stage, start, contacts=contacts, until=until)


def listed(found: StageStays):
    return [
        (contact, found.stages[stage], start, end)
        for contact, stage, start, end in zip(
            *(own.tolist() for own in (found.contact, found.stage, found.start, found.end)), strict=True
        )
    ]


def signs(rows):
    return [np.array([row[place] for row in rows], np.int64) for place in range(2)]


def test_a_contact_is_on_a_stage_until_the_next_one() -> None:
    """Stays follow each other without a gap, and the last one goes on."""
    found = stays([(0, 0, 1), (0, 1, 5), (2, 0, 3), (2, 1, 25)])
    assert listed(found) == [(0, "lead", 1, 5), (0, "customer", 5, 20), (2, "lead", 3, 20)]
    assert found.stage_at(4).tolist() == [0, NOWHERE, 0]
    assert found.stage_at(5).tolist() == [1, NOWHERE, 0]
    assert found.stage_at(20).tolist() == [1, NOWHERE, 0]


def test_silence_is_a_stage_until_something_is_heard() -> None:
    """Anna is silent from three days after a sign of life until the next one, Ben from then on."""
    found = stays([(0, 0, 1), (1, 0, 15), (1, 2, 16)]).with_silence(*signs([(0, 2), (0, 9), (0, 12)]), 3)
    assert listed(found) == [
        (0, "lead", 1, 5),
        (0, SILENT, 5, 9),
        (0, "lead", 9, 15),
        (0, SILENT, 15, 20),
        (1, "lead", 15, 16),
        (1, "gone", 16, 20),
    ]


def one_by_one(rows, heard, silence, until, at):
    """The oracle: where each contact is at an instant."""
    found = []
    for contact in range(3):
        path = sorted((own for own in rows if own[0] == contact), key=lambda own: own[2])
        here = [stage for _, stage, start in path if start <= at]
        if not here:
            found.append("-")
            continue
        last = max([path[0][2], *(when for whose, when in heard if whose == contact and path[0][2] < when <= at)])
        later = [when for whose, when in heard if whose == contact and at < when <= until]
        # What is heard at the very end of the silence breaks it.
        is_silent = at - last >= silence and not (at - last == silence and last + silence in later)
        found.append(SILENT if is_silent and not LOST[here[-1]] else STAGES[here[-1]])
    return found


@st.composite
def paths(draw):
    """Paths without two steps of a contact at one instant, as the paths of the oracle need."""
    starts = draw(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 22)), max_size=9))
    return [(contact, draw(st.integers(0, 2)), start) for contact, start in sorted(starts)]


@given(paths(), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 22)), max_size=8), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_columns_say_what_one_by_one_says(rows, heard, silence) -> None:
    """At every instant every contact is where the readable oracle has them; spells are the times without loss."""
    found = stays(rows).with_silence(*signs(heard), silence)
    spells = found.spells()
    for at in range(21):
        names = ["-" if own == NOWHERE else found.stages[own] for own in found.stage_at(at).tolist()]
        assert names == one_by_one(rows, heard, silence, 20, at)
        present = [name not in ("-", "gone", SILENT) for name in names]
        assert found.is_present(at).tolist() == present
        inside = (spells.start <= at) & ((spells.end > at) | ((spells.end == 20) & ~spells.is_over))
        assert sorted(spells.contact[inside].tolist()) == np.flatnonzero(present).tolist()


@given(paths(), st.integers(0, 10), st.integers(10, 20))
@settings(max_examples=60, deadline=None)
def test_clipping_changes_nothing_inside(rows, since, until) -> None:
    """Within a time, everybody is where they were."""
    whole = stays(rows)
    part = whole.clipped(since, until)
    for at in range(since, until + 1):
        assert part.stage_at(at).tolist() == whole.stage_at(at).tolist()
    assert (part.start >= since).all()
    assert (part.end <= until).all()
