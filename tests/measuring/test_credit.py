"""Credit: which events are responses to which messages, and what is said of the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit import DataError, Playbook, Response, Scope, Touch
from journeykit.basics.clock import moment
from journeykit.journey import Event
from journeykit.measuring import Credits, MessageTable, credit, credit_contact

DAY = datetime(2026, 11, 1, 9, tzinfo=UTC)


def on(day: float) -> datetime:
    return DAY + timedelta(days=day)


def sent(*days: float, contact: str = "anna", **more: object) -> list[dict[str, object]]:
    return [{"contact_id": contact, "sent_at": on(day), **more} for day in days]


def did(*days: float, contact: str = "anna", event: str = "purchase", **more: object) -> list[dict[str, object]]:
    return [{"contact_id": contact, "event": event, "at": on(day), **more} for day in days]


def sale(**more: object) -> Playbook:
    return Playbook(responses=[Response(**{"name": "sale", "event": "purchase", "within": "14d", **more})])


def credited(playbook: Playbook, touches: object, events: object, **more: object) -> list[tuple[int, int, float]]:
    found = credit(playbook, MessageTable.read(playbook, touches, **more), events)
    return list(zip(found.event.tolist(), found.message.tolist(), found.share.tolist(), strict=True))


def reasons(playbook: Playbook, touches: object, events: object, **more: object) -> dict[str, int]:
    count = credit(playbook, MessageTable.read(playbook, touches, **more), events).counts[0]
    assert count.events == count.credited + sum(count.reasons.values())
    return dict(count.reasons)


@pytest.mark.parametrize(
    ("how", "expected"),
    [("last", [(1, 1, 1.0)]), ("first", [(1, 0, 1.0)]), ("linear", [(1, 0, 0.5), (1, 1, 0.5)])],
)
def test_an_event_is_credited_to_the_messages_it_follows(how, expected):
    """To the last of them, the first, or all in equal parts; one that comes later gets nothing."""
    assert credited(sale(credit=how), sent(0, 2, 5), did(4)) == expected


def test_an_event_follows_within_a_time_that_is_open_at_its_start():
    """An event at the message's instant is none of its responses; one exactly `within` later is."""
    events = did(0) + did(14) + did(14.001)
    found = credit(sale(), MessageTable.read(sale(), sent(0)), events)
    assert found.event.tolist() == [2]
    assert (found.counts[0].reasons, found.counts[0].rows) == (
        {"before": 1, "late": 1},
        {"before": (1,), "late": (3,)},
    )


def test_an_event_that_names_a_decision_is_credited_to_it_alone():
    """Whatever was sent later; one that names a decision of somebody else is credited to nobody."""
    touches = sent(0, decision_id="d1") + sent(1, decision_id="d2") + sent(1, contact="boris", decision_id="d3")
    assert credited(sale(), touches, did(2, decision_id="d1")) == [(1, 0, 1.0)]
    assert reasons(sale(), touches, did(2, decision_id="d3")) == {"unknown_decision": 1}


def test_an_event_that_names_a_campaign_is_credited_to_its_messages_alone():
    """Names are matched as the playbook writes them; a campaign that nobody knows is said to be unknown."""
    touches = sent(0, campaign_id="news") + sent(1, campaign_id="launch")
    assert credited(sale(), touches, did(2, campaign_id="news")) == [(1, 0, 1.0)]
    assert reasons(sale(), touches, did(2, campaign_id="newz")) == {"unknown_campaign": 1}


def test_only_messages_in_scope_are_credited():
    """`where` chooses them; without one in scope there is nothing to be credited to."""
    touches = sent(0, channel="email") + sent(1, channel="sms")
    playbook = sale(where=Scope.of(channel="email"))
    assert credited(playbook, touches, did(2)) == [(1, 0, 1.0)]
    assert reasons(playbook, touches[1:], did(2)) == {"out_of_scope": 1}


def test_a_response_without_events_is_told():
    """A misspelt event would let nothing be a response, ever."""
    messages = MessageTable.read(sale(), sent(0))
    assert list(credit(sale(), messages, did(1, event="purchases")).lines) == [
        "sale: no event has the name 'purchase'; did you mean 'purchases'?"
    ]
    assert list(credit(sale(), messages, []).lines) == ["sale: no event has the name 'purchase'"]


def test_an_event_counts_once_for_each_response():
    """The same event twice, by its id or in everything, counts once; two responses may both count it."""
    responses = [Response(name=name, event="purchase", within="14d") for name in ("sale", "any sale")]
    playbook = Playbook(responses=responses)
    events = did(1, event_id=7) + did(2, event_id=7) + did(3) + did(3)
    found = credit(playbook, MessageTable.read(playbook, sent(0)), events)
    assert (found.response.tolist(), found.event.tolist()) == ([0, 0, 1, 1], [1, 3, 1, 3])
    assert [count.reasons for count in found.counts] == [{"repeated": 2}] * 2


def test_an_id_that_events_of_another_name_have_too_is_no_repetition():
    """Events of names that no response asks for are no events here, one by one as over columns."""
    playbook = sale()
    events = [*did(1, event="click", event_id="7"), *did(2, event_id="7")]
    assert credited(playbook, sent(0), events) == [(2, 0, 1.0)]
    own = [Event(row["event"], row["at"], {}, row["event_id"]) for row in events]
    assert [found.messages for found in credit_contact(playbook, [Touch(at=on(0))], own)] == [(0,)]


def test_contacts_without_messages_are_told_apart():
    """Someone who is in a table and got nothing, and someone of whom nobody knows."""
    contacts = [{"contact_id": name} for name in ("anna", "boris")]
    events = did(1, contact="boris") + did(1, contact="clara")
    assert reasons(sale(), sent(0), events, contacts=contacts) == {"unknown_contact": 1, "no_message": 1}


def test_values_that_are_no_numbers_are_counted():
    """The event counts, without a value."""
    events = did(1, amount="12.5") + did(2, amount="much") + did(3)
    found = credit(sale(value="amount"), MessageTable.read(sale(), sent(0)), events)
    assert str(found.value.tolist()) == "[12.5, nan, nan]"
    assert list(found.lines) == [
        "sale: 1 credited events have a value that is no number (row 2): none is added",
        "sale: 1 credited events have no value",
    ]


@pytest.mark.parametrize("amounts", [(1e300, 5.0), ("1e300", "5"), (10**12, 5)])
def test_values_beyond_a_billion_are_no_numbers(amounts):
    """One slip of a table must not make the sum of all others meaningless; so it is of amounts everywhere."""
    events = [row for day, amount in enumerate(amounts) for row in did(day + 1, amount=amount)]
    found = credit(sale(value="amount"), MessageTable.read(sale(), sent(0)), events)
    assert (str(found.value.tolist()), found.counts[0].no_number) == ("[nan, 5.0]", 1)


def test_what_was_not_sent_is_no_message():
    """Planned, reserved, failed, bounced and released touches are counted apart; a word that is no status is sent."""
    statuses = ["sent", "Delivered", "reserved", "planned", "failed", "bounced", "released", "expired"]
    messages = MessageTable.read(Playbook(), [own for word in statuses for own in sent(0, status=word)])
    assert len(messages) == 2
    assert messages.not_sent == dict.fromkeys(sorted(statuses[2:]), 1)


def test_an_event_is_credited_to_an_earlier_message_before_the_start():
    """A message from before the start takes its events along: they are not those of a later message."""
    events = did(4)
    assert reasons(sale(credit="first"), sent(0, 3), events, since=on(2)) == {"earlier": 1}
    assert credited(sale(credit="linear"), sent(0, 3), events, since=on(2)) == [(1, 0, 0.5)]
    assert credited(sale(), sent(0, 3), events, since=on(2), until=on(4)) == [(1, 0, 1.0)]
    assert reasons(sale(), sent(0, 3), events, since=on(2), until=on(3.5)) == {"after_end": 1}


def test_opt_outs_and_complaints_need_no_section():
    """They are there where the table has such events; a response of the playbook takes their place."""
    messages = MessageTable.read(Playbook(), sent(0))
    events = did(1, event="opt_out") + did(40, event="complaint") + did(2, event="click")
    found = credit(Playbook(), messages, events)
    assert [(own.response, own.credited, own.reasons) for own in found.counts] == [
        ("opt_out", 1, {}),
        ("complaint", 0, {"late": 1}),
    ]
    assert found.others == 1
    own = Playbook(responses=[Response(name="opt_out", event="unsubscribe", within="1d")])
    assert [count.response for count in credit(own, messages, events).counts] == ["opt_out", "complaint"]


def test_tables_none_of_whose_rows_can_be_used_are_refused():
    """What they say would be lost without a word."""
    with pytest.raises(DataError, match="none of these touches can be used"):
        MessageTable.read(Playbook(), [{"contact_id": "anna", "sent_at": "soon"}])
    with pytest.raises(DataError, match="its only row cannot be used"):
        credit(sale(), MessageTable.read(sale(), sent(0)), [{"contact_id": "anna", "event": "purchase", "at": "soon"}])


def test_messages_say_what_the_playbook_and_the_contacts_know():
    """Team, goal, channel and cost come from the playbook where touches do not say them; contacts add their columns."""
    playbook = Playbook.from_dict(
        {
            "teams": [{"name": "events", "goal": "event"}],
            "content": [{"id": "note", "channel": "email", "theme": "care", "topics": ["hall"]}],
            "campaigns": [{"id": "meetup", "team": "events", "content": ["note"], "cost": 0.5}],
        }
    )
    touches = sent(1, campaign_id="Meetup", wave=3) + sent(0, campaign_id="meetup", team="product", cost="2")
    contacts = [{"contact_id": "anna", "account_id": "acme", "stage": "decision", "City": "Bar"}]
    messages = MessageTable.read(playbook, touches, contacts=contacts)
    rows = messages.rows.to_pylist()
    assert [(row["team"], row["goal"], row["channel"], row["cost"], row["wave"]) for row in rows] == [
        ("product", "event", "email", 2.0, None),
        ("events", "event", "email", 0.5, 3),
    ]
    assert {(row["account_id"], row["City"], tuple(row["topics"])) for row in rows} == {("acme", "Bar", ("hall",))}
    # The contact's stage is that of today, not that of the message.
    assert ({row["stage"] for row in rows}, messages.contacts["stage"].to_pylist()) == ({None}, ["decision"])
    assert MessageTable.read(playbook, touches, columns=["wave"]).rows.column_names[-2:] == ["topics", "wave"]


def test_ids_of_accounts_and_decisions_are_texts_however_they_come(tmp_path):
    """Whole numbers too, whether they come as numbers, with a point, or as texts; a ledger calls a decision `id`."""
    rows = ["contact_id,sent_at,account_id,id", "7,2026-11-01T09:00Z,007,010", "8,2026-11-01T09:00Z,7,11"]
    (tmp_path / "touches.csv").write_text("\n".join(rows) + "\n")
    messages = MessageTable.read(Playbook(), tmp_path / "touches.csv")
    assert messages.rows["account_id"].to_pylist() == ["007", "7"]
    assert messages.rows["decision_id"].to_pylist() == ["010", "11"]
    floats = [
        {"contact_id": "a", "sent_at": DAY, "account_id": 7.0},
        {"contact_id": "b", "sent_at": DAY, "account_id": None},
    ]
    messages = MessageTable.read(Playbook(), floats)
    assert (messages.rows["account_id"].to_pylist(), messages.account.tolist()) == (["7", None], [0, 2])
    events = [{"contact_id": 7, "event": "purchase", "at": on(1), "decision_id": "010"}]
    assert credited(sale(), tmp_path / "touches.csv", events) == [(1, 0, 1.0)]


def test_so_many_shared_events_that_they_fit_nowhere_are_refused(monkeypatch):
    """A contact that is no person may have a million messages and events, each of which follows all of them."""
    monkeypatch.setattr("journeykit.measuring.credit_columns.MOST", 5)
    with pytest.raises(DataError, match="'sale' is shared by 6 pairs of an event and a message, more than the 5"):
        credited(sale(credit="linear"), sent(0, 1, 2), did(3, 4))


# Columns against one event after another

MOMENTS = st.integers(0, 8)
CAMPAIGNS = st.sampled_from([None, "news", "launch", "gone"])
TOUCH = st.tuples(
    st.sampled_from("ab"), MOMENTS, st.sampled_from([None, "news", "launch"]), st.sampled_from([None, *"xyz"])
)
EVENT = st.tuples(
    st.sampled_from("abc"),
    MOMENTS,
    st.sampled_from(["buy", "opt_out"]),
    CAMPAIGNS,
    st.sampled_from([None, *"xyz"]),
    st.sampled_from([None, 1, 2.5, -3, "4", "many", True, float("inf"), 10**12]),
)
RESPONSE = st.tuples(st.integers(1, 4), st.sampled_from(["last", "first", "linear"]), st.booleans())


PROPERTIES = ("campaign_id", "decision_id", "amount")


def table(column: str, names: str, rows: list[tuple[object, ...]]) -> list[dict[str, object]]:
    """Rows with a contact, an instant, and what else they have, left out where there is nothing."""
    found = [dict(zip(("contact_id", column, *names.split()), row, strict=True)) for row in rows]
    return [
        {name: value for name, value in {**row, column: on(row[column])}.items() if value is not None} for row in found
    ]


@settings(max_examples=60)
@given(st.lists(TOUCH, max_size=8), st.lists(EVENT, max_size=8), st.lists(RESPONSE, max_size=2))
def test_columns_credit_as_one_event_after_another(touches, events, given_responses):
    """The same credits and the same reasons, whatever the tables hold and in whatever order."""
    playbook = Playbook(
        responses=[
            Response(
                name=f"r{number}",
                event="buy",
                within=f"{days}d",
                credit=how,
                value="amount",
                where=Scope.of(campaign="news") if is_near else Scope(),
            )
            for number, (days, how, is_near) in enumerate(given_responses)
        ]
    )
    told = table("at", "event campaign_id decision_id amount", events)
    messages = MessageTable.read(playbook, table("sent_at", "campaign_id decision_id", touches))
    found = credit(playbook, messages, told)
    for turned in (1, -1):
        assert summary(found, messages) == one_by_one(playbook, touches[::turned], events[::turned])


def summary(found: Credits, messages: MessageTable) -> object:
    """What became of the events, whatever the order of the rows: credits by what they are, and reasons by response."""
    rows = messages.rows.select(["contact_id", "sent_at", "campaign_id", "decision_id"]).to_pylist()
    names = [own.name for own in found.responses]
    columns = (getattr(found, name).tolist() for name in ("response", "message", "at", "share", "value"))
    credits_ = sorted(
        (names[response], *map(str, rows[message].values()), str(moment(at)), round(share, 9), str(value))
        for response, message, at, share, value in zip(*columns, strict=True)
    )
    return credits_, {own.response: dict(own.reasons) for own in found.counts}


def one_by_one(playbook: Playbook, touches: list[tuple[object, ...]], events: list[tuple[object, ...]]) -> object:
    """The same from one contact after another."""
    known = {own[2] for own in touches if own[2]}
    credits_, why = [], {}
    names = {own.name for own in playbook.responses} | {event[2] for event in events if event[2] == "opt_out"}
    for contact in "abc":
        own = [touch for touch in touches if touch[0] == contact]
        given_events = [
            Event(
                name, on(day), {part: value for part, value in zip(PROPERTIES, parts, strict=True) if value is not None}
            )
            for whose, day, name, *parts in events
            if whose == contact
        ]
        told = credit_contact(
            playbook,
            [Touch(at=on(day), campaign=campaign) for _, day, campaign, _ in own],
            given_events,
            decisions=[decision for _, _, _, decision in own],
            campaigns=known,
        )
        for row in told:
            if row.why_not is not None:
                # A contact without touches is in no table at all.
                reason = row.why_not if own else "unknown_contact"
                why.setdefault(row.response, {}).setdefault(reason, 0)
                why[row.response][reason] += 1
            for message in row.messages:
                what = (contact, on(own[message][1]), own[message][2], own[message][3])
                at = given_events[row.event].at
                value = "nan" if row.value is None else str(row.value)
                credits_.append((row.response, *map(str, what), str(at), round(row.share, 9), value))
    return sorted(credits_), {name: why.get(name, {}) for name in names}
