"""Send logs of messages with parts: a push to several devices is one touch; it failed only where no part arrived."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import KINDS, ledger_of
from test_ledger_runs import Run

from journeykit import Arbiter, Cap, Claim, Contact, DataError, Playbook, Window
from journeykit.ledger import MemoryLedger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
SECONDS = int(AT.timestamp())
GATE = Arbiter(Playbook(caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))]))
ANNA = Contact(id="anna", consent=["push"])
CLAIM = [Claim(campaign="launch", channel="push", weight=1)]
LOG = {
    "contact": "who",
    "at": "at",
    "channel_is": "push",
    "campaign": "campaign",
    "event": "what",
    "events": {"sent": {}, "failed": {"status": "failed"}, "bounced": {"status": "bounced"}},
    "message": "m",
    "part": "device",
}


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


def push(event, device, who="anna"):
    """A row of Braze's."""
    return {
        "id": f"{event}-{device}",
        "external_user_id": who,
        "time": SECONDS,
        "event_type": f"users.messages.pushnotification.{event}",
        "campaign_id": "launch",
        "dispatch_id": "d1",
        "device_id": device,
    }


def row(event, device, who="anna"):
    return {"who": who, "at": AT, "campaign": "launch", "what": event, "m": "d1", "device": device}


def statuses(ledger, who="anna"):
    return [held.status for held in ledger.reservations(who)]


THREE = [push("Send", "old phone"), push("Send", "new phone"), push("Bounce", "old phone")]


@pytest.mark.parametrize("reserved", [False, True], ids=["new", "reserved"])
def test_a_push_to_two_phones_is_one_touch_in_any_order(ledger, reserved):
    """One of them bounced: it is sent. In one import or in several; what was reserved is that touch."""
    for number, order in enumerate(permutations(THREE)):
        for how, imports in (("one", [list(order)]), ("three", [[own] for own in order])):
            who = f"{how} {number}"
            if reserved:
                assert GATE.decide(Contact(id=who, consent=["push"]), claims=CLAIM, at=AT, ledger=ledger).granted
            for rows in [*imports, THREE]:
                ledger.import_log([{**own, "external_user_id": who} for own in rows], "braze")
            assert statuses(ledger, who) == ["sent"], order
            assert set(ledger.reservations(who)[0].parts.values()) == {"sent", "bounced"}
    ledger.import_log([push("Bounce", "new phone", "one 0")], "braze")
    assert statuses(ledger, "one 0") == ["bounced"]
    assert str(GATE.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger).rows[0].reason) == "granted"
    reason = GATE.decide(Contact(id="one 1", consent=["push"]), claims=CLAIM, at=AT, ledger=ledger).rows[0].reason
    assert str(reason) == "capped"


EVENT = st.tuples(st.sampled_from(["sent", "failed", "bounced"]), st.sampled_from([None, "a", "b"]))


@settings(max_examples=80, deadline=None)
@given(st.lists(EVENT, min_size=1, max_size=5), st.booleans(), st.randoms(use_true_random=False))
def test_no_order_of_rows_changes_what_became_of_a_message(events, reserved, rng):
    """It is sent if a part was sent and never failed; else it bounced, if any part did; to repeat changes nothing."""
    parts = {device: {what for what, other in events if other == device} for _, device in events}
    delivered = any(told == {"sent"} for told in parts.values())
    wanted = "sent" if delivered else "bounced" if any("bounced" in told for told in parts.values()) else "failed"
    orders = list(permutations(events))
    for order in rng.sample(orders, min(len(orders), 10)):
        ledger = MemoryLedger()
        if reserved:
            GATE.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger)
        cut = rng.randint(0, len(order))
        for some in (order[:cut], order[cut:], order[:1]):
            ledger.import_log([row(*event) for event in some], LOG)
        assert statuses(ledger) == [wanted]
        assert ledger.import_log([row(*event) for event in order], LOG).repeated == len(order)


def test_without_a_column_of_parts_a_bounce_fails_the_message():
    """A map that names none cannot tell devices apart."""
    ledger = MemoryLedger()
    ledger.import_log([row("sent", "a"), row("sent", "b"), row("bounced", "a")], {**LOG, "part": None})
    assert statuses(ledger) == ["bounced"]


def test_the_column_of_parts_must_be_there_where_every_row_is_a_send():
    """A misspelt one would fail messages that arrived. Where events have names, some have no parts."""
    plain = {name: value for name, value in LOG.items() if name not in ("event", "events")}
    with pytest.raises(DataError, match="'device' is missing"):
        MemoryLedger().import_log([{"who": "anna", "at": AT, "campaign": "x", "m": 1}], plain)
    email = {**push("Send", "x"), "event_type": "users.messages.email.Send"}
    del email["device_id"]
    ledger = MemoryLedger()
    assert ledger.import_log([email], "braze").new == 1
    assert not ledger.reservations("anna")[0].parts


def test_ids_of_devices_are_not_kept(ledger):
    """Only a hash of each, which goes with its contact."""
    ledger.import_log(THREE, "braze")
    assert "phone" not in str(ledger.export("anna"))
    assert len(ledger.export("anna")["touches"][0]["parts"]) == 2
    ledger.forget("anna")
    assert ledger.export("anna")["touches"] == []


def test_what_counts_again_is_news_to_a_run(ledger):
    """A bounce of one phone that a run has seen, and a send to the other that comes while it goes on."""
    ledger.import_log([push("Send", "old phone"), push("Bounce", "old phone")], "braze")
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "push"}],
            "campaigns": [{"id": "news", "content": ["note"]}],
            "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
        }
    )
    contacts = [{"contact_id": who, "consent": "push"} for who in ("anna", "ben")]
    run = Run("one", Arbiter(playbook), contacts, ledger, at=AT)
    ledger.import_log([push("Send", "new phone")], "braze")
    rows = run.rows()
    assert [(cells[2], cells[9]) for cells in rows] == [("anna", "capped"), ("ben", "granted")]
    assert Run("one", Arbiter(playbook), contacts, ledger, at=AT).rows() == rows
