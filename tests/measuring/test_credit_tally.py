"""What is counted of parts of the contacts adds up to what is counted of all, and the credits are the same."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from attrs import evolve
from credited import DAY, PLAYBOOK, tables

from journeykit import Playbook, Response
from journeykit.measuring import MessageTable, credit
from journeykit.measuring.credit_tally import CreditTally
from journeykit.measuring.credits import EventReading
from journeykit.measuring.message_table import MessageReading
from journeykit.tables import BadRows

SINCE, UNTIL = DAY + timedelta(days=2), DAY + timedelta(days=8)


def part(touches: Any, events: Any, contacts: Any, *, is_part: bool) -> tuple[list[dict[str, Any]], CreditTally]:
    bad = BadRows(is_part=is_part)
    reading = MessageReading(PLAYBOOK, touches, contacts=contacts, zone=None, columns=(), bad=bad)
    messages = reading.table(MessageTable, since=round(SINCE.timestamp() * 1e6), until=round(UNTIL.timestamp() * 1e6))
    found = EventReading(PLAYBOOK, messages, events, zone=None, bad=bad).credit(messages)
    return found.table(messages).to_pylist(), CreditTally.of(messages, found, bad)


def strange(touches: list[dict[str, Any]], events: list[dict[str, Any]], pick: Random) -> None:
    """Names that few know, touches that are none, and rows that cannot be used."""
    for row in (*touches, *events):
        if pick.random() < 0.1:
            row["campaign_id"] = pick.choice(("rare", "rarer", "nowhere"))
        if pick.random() < 0.03:
            row["contact_id"] = pick.choice((None, " "))
    for row in touches:
        row["status"] = pick.choice((None, None, None, "bounced", "planned"))
    for row in events:
        row["event"] = pick.choice((row["event"], row["event"], "clik", "visit"))
        row["at"] = "soon" if pick.random() < 0.03 else row["at"]


@pytest.mark.parametrize("seed", range(12))
def test_parts_of_the_contacts_add_up(seed: int) -> None:
    """However contacts are parted, the same rows of credit and the same counts and notes, but for numbers of rows."""
    pick = Random(seed)
    touches, events = tables(seed, rows=120)
    strange(touches, events, pick)
    people = [{"contact_id": f"c{number}"} for number in range(5)] if seed % 2 else None
    credited, whole = part(touches, events, people, is_part=False)
    part_of: dict[Any, int] = {}
    mine: list[list[list[Any]]] = [[[], [], []] for _ in range(3)]
    for place, rows in enumerate((touches, events, people or ())):
        for row in rows:
            mine[part_of.setdefault(row["contact_id"], pick.randrange(3))][place].append(row)
    total, rows_of_parts = CreditTally(), []
    for own in pick.sample(mine, 3):
        rows, tally = part(own[0], own[1], None if people is None else own[2], is_part=True)
        rows_of_parts += rows
        total.merge(tally)
    assert sorted(map(repr, rows_of_parts)) == sorted(map(repr, credited))
    plain = [evolve(count, rows={}, no_number_rows=()) for count in whole.counts(PLAYBOOK)]
    assert list(total.counts(PLAYBOOK)) == plain
    whole.responses = {count.response: count for count in plain}
    assert whole.bad.kinds == total.bad.kinds
    whole.bad = total.bad = BadRows()
    assert total.summary(PLAYBOOK) == whole.summary(PLAYBOOK)
    assert total.summary(PLAYBOOK).to_dict()["messages"] == whole.messages


def test_an_event_may_name_a_campaign_whose_messages_other_contacts_got() -> None:
    """A part does not know the campaign; the whole does, and gives the reason that it always gave."""
    touches = [
        {"contact_id": name, "sent_at": DAY, "campaign_id": campaign} for name, campaign in (("a", "x"), ("b", "y"))
    ]
    events = [
        {"contact_id": "b", "event": "buy", "at": DAY + timedelta(hours=1), "campaign_id": name} for name in ("x", "z")
    ]
    rules = Playbook(responses=[Response(name="sale", event="buy", within="3d")])
    whole = credit(rules, MessageTable.read(rules, touches), events).counts[0]
    assert whole.reasons == {"unknown_campaign": 1, "out_of_scope": 1}
    total = CreditTally()
    for name in "ab":
        bad = BadRows(is_part=True)
        own = [[row for row in rows if row["contact_id"] == name] for rows in (touches, events)]
        messages = MessageReading(rules, own[0], contacts=None, zone=None, columns=(), bad=bad).table(
            MessageTable, since=None, until=None
        )
        total.merge(
            CreditTally.of(messages, EventReading(rules, messages, own[1], zone=None, bad=bad).credit(messages), bad)
        )
    assert total.counts(rules)[0].reasons == whole.reasons


def test_a_table_of_credits_has_a_row_for_each_event_and_message() -> None:
    """With what the message was, its value and the share; without credits it has its columns all the same."""
    rules = Playbook(responses=[Response(name="sale", event="buy", within="3d", credit="linear", value="amount")])
    touches = [{"contact_id": "a", "sent_at": DAY + timedelta(hours=hour), "campaign_id": "x"} for hour in (0, 1)]
    events = [{"contact_id": "a", "event": "buy", "at": DAY + timedelta(hours=2), "amount": 8}]
    messages = MessageTable.read(rules, touches)
    found = credit(rules, messages, events).table(messages)
    assert (
        found.select(["campaign_id", "response", "value", "share"]).to_pylist()
        == [{"campaign_id": "x", "response": "sale", "value": 8.0, "share": 0.5}] * 2
    )
    assert found["event_at"].to_pylist() == [DAY + timedelta(hours=2)] * 2
    assert credit(rules, messages, []).table(messages).schema == found.schema
