"""What a measure says of tables that are not as they should be, and what it shows where a figure is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from journeykit import Campaign, Holdout, Playbook, Response
from journeykit.measuring import compare_arms, measure

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
SALE = Response(name="sale", event="purchase", value="amount", within="7d")
RULES = Playbook(campaigns=[Campaign(id="news", cost=0.5)], responses=[SALE])


def sent(contact, day, **more):
    return {"contact_id": contact, "sent_at": START + timedelta(days=day), "campaign_id": "news", **more}


def did(contact, day, event="purchase", **more):
    return {"contact_id": contact, "event": event, "at": START + timedelta(days=day), **more}


def measured(touches, events, playbook=RULES, **more):
    return measure(playbook, touches, events, **{"since": START, "until": END, **more})


@pytest.mark.parametrize("column", ["decision_id", "id"])
def test_harms_name_the_decision_of_their_message(column):
    """Whatever the measures are by, be the ids texts or numbers; of a message without one there is none."""
    touches = [sent("anna", 1, **{column: "d1"}), sent("ben", 2, **{column: None}), sent("cleo", 3, **{column: "d3"})]
    events = [did(name, 4, "opt_out") for name in ("anna", "ben", "cleo")]
    assert measured(touches, events).harms["decision_id"].to_pylist() == ["d1", None, "d3"]
    numbers = pa.Table.from_pylist([{**own, column: place + 7} for place, own in enumerate(touches)])
    assert measured(numbers, events).harms["decision_id"].to_pylist() == ["7", "8", "9"]


def test_a_value_of_which_nothing_is_known_is_unknown():
    """Not 0: it is shown as a dash, with what is wrong above; of some that are known it is their sum."""
    touches, events = [sent("anna", 1), sent("ben", 1)], [did("anna", 2, amount="12,0"), did("ben", 2, amount="x")]
    found = measured(touches, events, Playbook(holdout=Holdout(share=0.5), responses=[SALE]), contacts=touches)
    own = found.everything.responses[0]
    assert (own.events, own.value, own.worth, own.value_per_cost) == (2, None, None, None)
    assert "sale: 2 credited events have a value that is no number (rows 1, 2): its value is unknown" in found.notes
    assert {name for _, name, _ in found.block("arms").comparisons} == {"sale"}
    assert "per message" in str(found)
    some = measured(touches, [events[0], did("ben", 2, amount=3)])
    assert some.everything.responses[0].value == 3
    assert measured(touches, []).everything.responses[0].value == 0


def test_a_value_that_no_event_has_is_named():
    """With the property that may be meant, be it a column or in a cell of properties."""
    for more in ({"amonut": 3}, {"properties": '{"amonut": 3}'}):
        notes = measured([sent("anna", 1)], [did("anna", 2, **more)]).notes
        assert "sale: no event has the property 'amount', its value; did you mean 'amonut'?" in notes
        assert "sale: 1 credited events have no value: its value is unknown" in notes


def test_a_cost_below_zero_is_unknown():
    """It is no number from 0 on, and counted with those."""
    found = measured([sent("anna", 1, cost=-3), sent("ben", 1, cost=2)], [did("anna", 2, amount=5)])
    own = found.everything
    assert (own.cost, own.cost_unknown, own.responses[0].value_per_cost) == (2, 1, None)
    assert "messages whose cost is no number from 0 on, and is unknown: 1 (row 1)" in found.notes


def test_events_that_are_no_response_are_named():
    """Those near the name of a response come first, with it; an event of a response may be in another case too."""
    events = [did("anna", 2, name) for name in ("click", "click", "Opt_Out", "purchse")]
    notes = measured([sent("anna", 1)], events).notes
    told = "'Opt_Out' 1 (did you mean 'opt_out'?), 'purchse' 1 (did you mean 'purchase'?), 'click' 2"
    assert f"events that are no response: 4; {told}" in notes
    many = [did("anna", 2, f"event {number}") for number in range(1_200)]
    assert "events that are no response: 1,201" in measured([sent("anna", 1)], [*many, *events[:1]]).notes
    left = Playbook(responses=[Response(name="left", event="Opt_Out", within="7d")])
    assert "left: no event has the name 'Opt_Out'; did you mean 'opt_out'?" in (
        measured([sent("anna", 1)], [did("anna", 2, "opt_out")], left).notes
    )


# Arms

PACE = {
    "experiments": [
        {
            "name": "pace",
            "arms": [{"name": "now", "share": 0.5}, {"name": "slow", "share": 0.5, "with": {"reserve": 1}}],
        }
    ],
    "responses": [{"name": "sale", "event": "purchase", "within": "7d"}],
}
PEOPLE = [{"contact_id": f"c{number}"} for number in range(120)]


def with_arms(**more):
    return Playbook.from_dict({**PACE, **more})


def test_arms_that_the_playbook_does_not_have_are_named():
    """With how many messages have them; a column of the user's own says nothing where there are no experiments."""
    arms = ["pace:now", "weird", "pace:slw;weird", None, ""]
    touches = [sent(f"c{place}", 1, arm=arm) for place, arm in enumerate(arms)]
    notes = measured(touches, [], with_arms()).notes
    assert "messages of arm 'weird', which the playbook does not have: 2" in notes
    assert "messages of arm 'pace:slw', which the playbook does not have: 1; did you mean 'pace:slow'?" in notes
    assert not any("arm" in note for note in measured(touches, []).notes)


def test_touches_that_are_in_the_table_twice_are_told():
    """They count, as two messages of one instant may be meant; those of another decision or channel are others."""
    touches = [sent("anna", 1), sent("anna", 2), sent("ben", 1)]
    found = measured([*touches, *touches], [])
    told = [note for note in found.notes if "twice" in note]
    assert found.everything.messages == 6
    assert len(told) == 1
    assert "another: 3; each counts" in told[0]
    others = [
        sent("anna", 1, decision_id=own, channel=channel) for own, channel in (("d1", "x"), ("d2", "x"), ("", "y"))
    ]
    assert measured([*touches[1:], *others], []).counts["messages"]["alike"] == 0


def test_without_a_plain_arm_the_base_is_said():
    """Where one has no `with`, it is the base, and nothing need be said."""
    both = [{"name": name, "share": 0.5, "with": {"reserve": at}} for at, name in enumerate(("now", "slow"))]
    found = measured([], [did("c1", 1)], with_arms(experiments=[{"name": "pace", "arms": both}]), contacts=PEOPLE)
    said = "pace: every arm has a 'with': the others are compared with the first, 'now'"
    assert said in str(found)
    assert said not in str(measured([], [did("c1", 1)], with_arms(), contacts=PEOPLE))


def test_arms_of_few_are_small():
    """In the table, in plain data, and in rows; a difference is as small as the smaller of the two."""
    arm = [0] * 100 + [1] * 99
    outcome = [1] * 10 + [0] * 90 + [1] * 20 + [0] * 79
    found = compare_arms(["large", "few"], arm, outcome)
    assert [own.is_small for own in found.arms] == [False, True]
    assert str(found).splitlines()[-1].endswith("small")
    assert [own["is_small"] for own in found.to_dict()["arms"]] == [False, True]
    assert compare_arms(["a", "b"], [0] * 100 + [1] * 100, [1] * 9 + [0] * 91 + [1] * 20 + [0] * 80).arms[0].is_small
    rows = [row for row in measured([], [did("c1", 1)], with_arms(), contacts=PEOPLE).rows() if row["by"] == "pace"]
    assert {row["is_small"] for row in rows} == {"true"}


def test_responses_to_one_event_have_one_table_of_arms():
    """What is said of a response to messages alone says nothing of arms; plain data and rows have each."""
    responses = [
        *PACE["responses"],
        {"name": "pushed", "event": "purchase", "within": "1d", "where": {"channel": "push"}},
    ]
    responses.append({"name": "click", "event": "click", "within": "1d"})
    events = [did("c1", 1), did("c2", 9), did("c3", 9, "click")]
    found = measured([], events, with_arms(responses=responses), contacts=PEOPLE).block("arms")
    titles = [table.title.split(":")[0] for table in found.tables()]
    assert titles == ["pace, sale, pushed", "pace, click"]
    assert [own["response"] for own in found.to_dict()] == ["sale", "pushed", "click"]


def test_rates_over_stretches_are_said_to_be_weighted():
    """Responding by contacts is another figure there; in one stretch it is the rate."""
    arm, stretch = np.array([0] * 30 + [1] * 30 + [0] * 10 + [1] * 90), np.array([0] * 60 + [1] * 100)
    outcome = np.arange(160) % 3 == 0
    found = compare_arms(["old", "new"], arm, outcome, stretch=stretch)
    assert "weighted rate" in str(found)
    assert any(note.startswith("rates are not responding by contacts") for note in found.notes())
    assert found.to_dict()["is_weighted"]
    alone = compare_arms(["old", "new"], arm, outcome, stretch=0 * stretch)
    assert (alone.is_weighted, alone.arms[0].mean) == (False, alone.arms[0].responding / alone.arms[0].contacts)


def test_contacts_of_the_holdout_are_in_no_arm_of_decisions():
    """Two counts of contacts in two arms are of the same contacts, be they decided or hashed."""
    rules = with_arms(holdout={"share": 0.5})
    log = [
        {
            **own,
            "decided_at": START + timedelta(days=day),
            "reason": "granted",
            "campaign_id": "news",
            "arm": f"pace:{arm}",
        }
        for own in PEOPLE
        for day, arm in ((1, "now"), (2, "slow"))
    ]
    found = measured([], [did("c1", 3)], rules, decisions=log, contacts=PEOPLE)
    free = sum(not rules.holdout.holds(own["contact_id"]) for own in PEOPLE)
    assert f"pace: {free} contacts in two arms (now to slow {free})" in str(found)


def test_costs_that_are_no_numbers_are_told_with_their_rows():
    """Rows that cannot be used and touches that are no messages count as rows; beyond five there are more."""
    touches = [sent("anna", 1), {**sent("anna", 1), "sent_at": "soon"}, sent("anna", 2, status="bounced", cost="x")]
    touches += [sent("ben", day, cost="dear") for day in range(1, 7)]
    found = measured(touches, [])
    assert "messages whose cost is no number from 0 on, and is unknown: 6 (rows 4, 5, 6, 7, 8, ...)" in found.notes
    assert found.to_dict()["counts"]["messages"]["cost_rows"] == [4, 5, 6, 7, 8]


def test_measures_by_a_facet_are_shown_as_their_table():
    """As text in Python, and as a table in a notebook."""
    own = measured([sent("anna", 1), sent("ben", 2)], [did("anna", 3, amount=5)]).by("campaign")
    assert repr(own) == str(own)
    assert str(own).splitlines()[0] == "By campaign"
    assert str(own).splitlines()[3].startswith("news             2         2")
    assert "<table" in own._repr_html_()


def test_wide_tables_go_on_below():
    """What is too wide for a terminal is in pieces, each with the group and the response; nothing is left out."""
    events = [did("anna", 3, amount=5_000_000), did("anna", 4, "opt_out"), did("ben", 4, "complaint")]
    touches = [sent(name, 1, cost=0.125, theme="a theme of which there is much to be said") for name in ("anna", "ben")]
    found = measured(touches, events, by="theme*campaign")
    lines = str(found).splitlines()
    assert max(map(len, lines[3:])) <= 130
    headings = [line.split() for line in lines if line.startswith("theme")]
    assert [heading[2] for heading in headings] == ["messages", "response", "response"]
    assert {"messages", "rate", "value", "cost"} <= {word for heading in headings for word in heading}
