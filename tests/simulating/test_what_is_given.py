"""What simulations are given: columns in any case, events of the future, chances, consents and scores that are bad."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from journeykit import DataError, ModelError, Playbook, simulate
from journeykit.simulating.simulation import MOST_NIGHTS, _nights
from journeykit.tables.arrow.kept_table import KeptTable

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
NEVER = 1e-5
PLAYBOOK = {
    "journey": {
        "stages": ["lead", "customer", "fan"],
        "transitions": [
            {"from": "lead", "to": "customer", "event": "purchase"},
            {"from": "customer", "to": "fan", "after": "5d"},
        ],
    },
    "content": [{"id": "letter", "channel": "email"}],
    "campaigns": [{"id": "news", "content": ["letter"], "repeat": None}],
    "caps": [{"name": "calm", "max": 1, "window": {"days": 2}}],
}
ANNA = {"contact_id": "anna", "consent_email": True, "stage": "lead"}


def nights(count, people=(ANNA,), *, more=None, **tables):
    """So many nights of a playbook."""
    found = simulate(
        Playbook.from_dict(PLAYBOOK | (more or {})),
        people if isinstance(people, KeptTable) else [*people],
        at=AT,
        until=AT + timedelta(days=count - 1),
        **tables,
    )
    return found.playbooks[0]


def scores(*rows):
    """Scores of Anna."""
    return [{"contact_id": "anna", "campaign_id": "news", "opt_out": 0.0, **own} for own in rows]


def test_the_history_may_write_its_columns_in_any_case() -> None:
    """What is sent follows it all the same."""
    names = ("Contact_ID", "SENT_AT", " channel")
    history = pa.table([["anna"], [AT - timedelta(days=1)], ["email"]], names=names)
    assert nights(4, touches=history).by_world("messages").tolist() == [[0, 1, 0, 1]]


@pytest.mark.parametrize("form", [list, pa.Table.from_pylist])
def test_events_of_the_future_are_left_out_and_told(form) -> None:
    """What contacts do from the first night on is drawn."""
    log = [{"contact_id": "anna", "event": "purchase", "at": AT + timedelta(hours=hours)} for hours in (0, 1, 30)]
    own = nights(3, events=form(log[1:]))
    assert own.on_stages[0].tolist() == [[1, 0, 0]] * 3
    assert nights(1, events=form(log)).on_stages[0].tolist() == [[0, 1, 0]]
    found = simulate(Playbook.from_dict(PLAYBOOK), [ANNA], events=form(log), at=AT, until=AT)
    assert "events later than the first night, which are left out: 2" in found.notes


@pytest.mark.parametrize(
    ("chances", "error", "said"),
    [
        ({"lead": 0.1}, ModelError, "those of 'lead' are a mapping by stage, found 0.1"),
        ([{"stage": "lead", "to": "fan", "chance": 1.5}], DataError, "row 1: a chance is a number from 0 to 1"),
        ([{"stage": "lead", "to": "fan", "chance": None}], DataError, "row 1: a chance is a number from 0 to 1"),
        ([{"stage": None, "to": "fan", "chance": 0.5}], DataError, "row 1 has no stage"),
    ],
)
def test_chances_that_cannot_be_are_refused_by_name(chances, error, said) -> None:
    """And the row is named."""
    with pytest.raises(error, match=said):
        nights(1, chances=chances)


@pytest.mark.parametrize("playbook", [PLAYBOOK, 5, "playbook.yaml"])
def test_what_is_no_playbook_is_refused_by_name(playbook) -> None:
    """Plain data and paths are not read."""
    with pytest.raises(ModelError, match="playbooks are playbooks or arbiters"):
        simulate(playbook, [ANNA], at=AT, until=AT)


def test_days_are_those_of_the_playbook() -> None:
    """Half past eleven at night in London is the next day in Skopje."""
    late = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
    playbook = Playbook.from_dict({**PLAYBOOK, "timezone": "Europe/Skopje"})
    found = simulate(playbook, [ANNA], at=late, until=late + timedelta(days=1))
    assert found.playbooks[0].dates == (date(2026, 11, 3), date(2026, 11, 4))


@pytest.mark.parametrize(
    ("consent", "here"),
    [
        ({"consent_email": True}, [1, 1, 1]),
        ({"consent_email": None}, [0, 0, 0]),
        ({}, [0, 0, 0]),
        ({"consent": ["email"]}, [1, 1, 1]),
        ({"consent": ["*"]}, [0, 0, 0]),
        ({"consent": ["phone"], "consent_email": True}, [1, 1, 1]),
        # The end of the second day comes after it.
        ({"consent_until_email": AT + timedelta(hours=30)}, [1, 0, 0]),
        ({"consent_email": True, "consent_until_email": AT + timedelta(hours=1)}, [0, 0, 0]),
    ],
)
def test_who_may_not_be_written_to_is_not_in_the_base(consent, here) -> None:
    """Whether consent was taken back, never given, or has ended; the arbiter sends nothing either."""
    own = nights(3, [{"contact_id": "anna", **consent}], more={"caps": []})
    assert own.by_world("base").tolist() == [here]
    # Decisions are at the beginning of a day, the base is that of its end.
    assert own.by_world("messages")[0].tolist()[1:] == here[:-1]


def test_without_a_word_the_base_is_whom_the_playbook_writes_to() -> None:
    """A playbook may write to contacts who said nothing."""
    own = nights(1, [{"contact_id": "anna"}], more={"on_missing": {"consent": "allow"}})
    assert own.by_world("base").tolist() == own.by_world("messages").tolist() == [[1]]


@pytest.mark.parametrize("bad", [{"spread": -1}, {"uplift": 9}, {"value": "much"}])
def test_scores_that_the_run_cannot_use_answer_nothing(bad) -> None:
    """The next score of the contact counts, as it does for the playbook that decides."""
    own = nights(1, scores=scores({"propensity": 1.0, **bad}, {"propensity": NEVER, "uplift": 0.1, "spread": 0.0}))
    assert own.total("messages").mean == 1
    assert own.total("responses").mean == 0


def chunk(first, *rows):
    """Rows of contacts as a chunk, whose first row has a number."""
    table = pa.Table.from_pylist([*rows])
    return first, tuple(table.column_names), [own.combine_chunks() for own in table.columns]


def test_since_when_contacts_are_on_their_stage_is_read_from_all_chunks() -> None:
    """One may lack the column: its contacts enter with the first night."""
    since = {"contact_id": "anna", "stage": "customer", "stage_since": AT - timedelta(days=3, hours=1)}
    people = KeptTable("contacts", [chunk(1, since), chunk(2, {"contact_id": "ben", "stage": "customer"})], None)
    own = nights(6, people, more={"on_missing": {"consent": "allow"}})
    # Five days after they have come they go on.
    assert own.on_stages[0, :, 2].tolist() == [0, 1, 1, 1, 2, 2]


def test_entries_of_contacts_without_a_stage_hold() -> None:
    """A stage in the table goes before the entry; who has none keeps theirs."""
    people = [ANNA, {"contact_id": "ben", "consent_email": True, "entry_stage": "customer", "entered_at": AT}]
    assert nights(6, people).on_stages[0].tolist() == [[1, 1, 0]] * 4 + [[1, 0, 1]] * 2


def test_a_contact_who_went_on_by_time_does_not_move_by_chance() -> None:
    """Chances are about the stage on which a contact is when the night begins."""
    people = [ANNA | {"stage": "customer", "stage_since": AT - timedelta(days=5, minutes=-30), "consent_email": None}]
    own = nights(2, people, chances={"customer": {"lead": 1.0}}, more={"on_missing": {"consent": "allow"}})
    assert own.stages == ("lead", "customer", "fan")
    # Half an hour after the night began, and half an hour before chance would move them.
    assert own.on_stages[0].tolist() == [[0, 0, 1]] * 2


def test_ten_years_are_simulated_at_most() -> None:
    """The last night may be the last of them."""
    assert len(_nights(Playbook(), AT, AT + timedelta(days=MOST_NIGHTS - 1))) == MOST_NIGHTS + 1
    with pytest.raises(ModelError, match="more than 3,660 nights"):
        _nights(Playbook(), AT, AT + timedelta(days=MOST_NIGHTS))
