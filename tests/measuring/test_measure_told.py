"""What a measure says of tables that are not as they should be, and what it shows where a figure is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from journeykit import Campaign, Holdout, Playbook, Response
from journeykit.measuring import measure

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
    assert "sale: 2 credited events have a value that is no number: its value is unknown" in found.notes
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
    assert "messages whose cost is no number from 0 on, and is unknown: 1" in found.notes


def test_events_that_are_no_response_are_named():
    """Those near the name of a response come first, with it; an event of a response may be in another case too."""
    events = [did("anna", 2, name) for name in ("click", "click", "Opt_Out", "purchse")]
    notes = measured([sent("anna", 1)], events).notes
    told = "'Opt_Out' 1 (did you mean 'opt_out'?), 'purchse' 1 (did you mean 'purchase'?), 'click' 2"
    assert f"events that are no response: 4; {told}" in notes
    left = Playbook(responses=[Response(name="left", event="Opt_Out", within="7d")])
    assert "left: no event has the name 'Opt_Out'; did you mean 'opt_out'?" in (
        measured([sent("anna", 1)], [did("anna", 2, "opt_out")], left).notes
    )
