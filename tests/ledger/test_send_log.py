"""Send logs: two vendors' formats as data, a map of columns of one's own, and events that come twice, late or early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from ledgers import KINDS, ledger_of

from journeykit import Arbiter, Cap, Claim, Contact, DataError, ModelError, Playbook, Window
from journeykit.ledger import MemoryLedger, SendLog
from journeykit.ledger.send_log_presets import SEND_LOGS

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
SECONDS = int(AT.timestamp())
GATE = Arbiter(Playbook(caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))]))


def braze(event="Send", who="anna", **more):
    row = {
        "id": f"{event}-{who}",
        "external_user_id": who,
        "time": SECONDS,
        "event_type": f"users.messages.email.{event}",
        "campaign_id": "launch",
        "canvas_id": None,
        "dispatch_id": "d1",
    }
    return row | more


def sfmc(**more):
    row = {
        "JobID": 77,
        "ListID": 5,
        "BatchID": 1,
        "SubscriberID": 1001,
        "SubscriberKey": "anna",
        "EventDate": "11/5/2026 4:00:00 AM",
        "Domain": "example.com",
    }
    return row | more


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


def told(ledger, who="anna"):
    return [(held.at, held.channel, held.campaign, held.status) for held in ledger.reservations(who)]


def test_an_id_that_no_ledger_keeps_spoils_its_own_row(ledger):
    """The rows around it are in, and the report says what is allowed."""
    found = ledger.import_log([braze(), braze(who="x" * 1_001), braze(who="ben")], "braze")
    (bad,) = found.bad_first
    assert "1,000 bytes" in str(bad)
    assert len(told(ledger)) == len(told(ledger, "ben")) == 1


def test_braze_tells_seconds_and_the_channel_in_the_name(ledger):
    """Sends and bounces of several channels, opt-outs and complaints; what means nothing here is passed over."""
    rows = [
        braze(),
        braze("Open"),
        braze(who="ben", event_type="users.messages.sms.Send", campaign_id=None, canvas_id="journey-7"),
        braze("Unsubscribe", who="cora"),
        braze("MarkAsSpam", who="dan"),
    ]
    found = ledger.import_log(rows, "braze")
    assert (found.rows, found.new, found.opt_outs, found.passed_over) == (5, 2, 2, 1)
    assert told(ledger) == [(AT, "email", "launch", "sent")]
    assert told(ledger, "ben") == [(AT, "sms", "journey-7", "sent")]
    assert [wish.channel for wish in ledger.opt_outs("cora")] == ["email"]
    assert [wish.suppressed for wish in ledger.opt_outs("dan")] == [True]
    news = [Claim(campaign="news", channel="email", weight=1)]
    assert str(
        GATE.decide(Contact(id="anna", consent=["email"]), claims=news, at=AT, ledger=ledger).rows[0].reason
    ) == ("capped")


def test_marketing_cloud_is_six_hours_behind_all_the_year(ledger):
    """Its dates know no daylight saving, and a row is told apart by four columns."""
    rows = [
        sfmc(),
        sfmc(JobID=78, EventDate="2026-07-01 04:00:00.250"),
        sfmc(JobID=79, EventDate="Nov  5 2026  4:00AM"),
        sfmc(JobID=79, BatchID=2, EventDate="11/06/2026 16:00:00"),
    ]
    assert ledger.import_log(rows, "sfmc").new == 4
    assert told(ledger) == [
        (datetime(2026, 7, 1, 10, 0, 0, 250_000, UTC), "email", "78", "sent"),
        (AT, "email", "77", "sent"),
        (AT, "email", "79", "sent"),
        (AT + timedelta(hours=36), "email", "79", "sent"),
    ]
    assert ledger.import_log(rows, "sfmc").repeated == 4


def test_the_same_rows_again_change_nothing(ledger):
    """In one file or in two, in any order."""
    rows = [braze(), braze(), braze(who="ben"), braze("Bounce", who="ben")]
    assert ledger.import_log(rows, "braze").repeated == 1
    before = told(ledger), told(ledger, "ben")
    again = ledger.import_log(rows[::-1], "braze")
    assert (again.new, again.changed, again.repeated) == (0, 0, 4)
    assert (told(ledger), told(ledger, "ben")) == before


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_bounce_undoes_its_send_in_whatever_order_they_come(order):
    """Early or late, told once or twice."""
    ledger = MemoryLedger()
    rows = [braze(), braze("Bounce", time=SECONDS + 60), braze()]
    for place in order:
        ledger.import_log([rows[place]], "braze")
    assert [status for *_, status in told(ledger)] == ["bounced"]
    assert ledger.touches("anna") == []


def test_a_message_that_the_ledger_has_reserved_counts_once(ledger):
    """The nearest reservation of that contact, campaign and channel is what the log tells of."""
    arbiter = Arbiter(Playbook())
    anna = Contact(id="anna", consent=["email"])
    claims = [Claim(campaign="launch", channel="email", weight=1)]
    for hours in (0, 5, 100):
        arbiter.decide(anna, claims=claims, at=AT + timedelta(hours=hours), ledger=ledger)
    first, second, third = ledger.reservations("anna")
    ledger.confirm(first)
    found = ledger.import_log([braze(time=SECONDS + 4 * 3600), braze(time=SECONDS + 60, dispatch_id="d2")], "braze")
    assert (found.matched, found.new) == (2, 0)
    assert [held.status for held in ledger.reservations("anna")] == ["sent", "sent", "reserved"]
    assert ledger.import_log([braze(), braze(dispatch_id="d2")], "braze").repeated == 2
    # What is too far from any, or of another campaign, is a message that the ledger did not know.
    far = braze(dispatch_id="d3", time=SECONDS + 30 * 86400)
    assert ledger.import_log([far, braze(dispatch_id="d4", campaign_id="other")], "braze").new == 2
    assert ledger.reservation(third.id).status == "reserved"
    assert ledger.reservation(second.id).message is not None


def test_an_expired_reservation_that_was_sent_after_all_counts(ledger):
    """A late event is as good as a late confirmation."""
    anna = Contact(id="anna", consent=["email"])
    GATE.decide(anna, claims=[Claim(campaign="launch", channel="email", weight=1)], at=AT, ledger=ledger)
    ledger.expire(AT + timedelta(days=1))
    assert ledger.import_log([braze(time=SECONDS + 5)], "braze").matched == 1
    assert [touch.status for touch in ledger.touches("anna")] == ["sent"]


def test_a_column_with_the_reservation_is_believed(ledger):
    """Where the sender hands the id through, neither campaign nor time are looked at."""
    anna = Contact(id="anna", consent=["email"])
    decision = GATE.decide(anna, claims=[Claim(campaign="launch", channel="email", weight=1)], at=AT, ledger=ledger)
    log = {"contact": "who", "at": "sent", "event_id": "row", "channel_is": "email", "reservation": "ref"}
    row = {"who": "anna", "sent": "2026-12-24T10:00Z", "row": 1, "ref": decision.rows[0].decision_id}
    assert ledger.import_log([row], log).matched == 1
    assert [held.status for held in ledger.reservations("anna")] == ["sent"]


def test_a_map_of_columns_of_ones_own():
    """Names, unit, zone, events and ids of campaigns, as data."""
    ledger = MemoryLedger()
    log = {
        "contact": ["customer", "email"],
        "at": "ts",
        "unit": "milliseconds",
        "event": "what",
        "events": {"delivered": {"status": "sent"}, "failed": {"status": "failed"}},
        "channel": "medium",
        "campaign": "mailing",
        "campaigns": {"4711": "launch"},
        "content": "creative",
        "account": "company",
        "message": ["mailing", "wave"],
    }
    rows = [
        {
            "Customer": None,
            "EMAIL": "a@example.com",
            "TS": str(SECONDS * 1000 + 250),
            "what": "delivered",
            "medium": "email",
            "mailing": 4711,
            "wave": 1,
            "creative": "note",
            "company": "acme",
        }
    ]
    assert ledger.import_log(rows, log).new == 1
    (held,) = ledger.reservations("a@example.com")
    assert (held.at, held.channel, held.campaign) == (AT + timedelta(milliseconds=250), "email", "launch")
    assert (held.content, held.account, held.run_id) == ("note", "acme", None)


def test_bad_rows_are_isolated_and_counted(tmp_path):
    """A contact, an instant, or what tells the row from others may be missing; the other rows go on."""
    ledger = MemoryLedger()
    rows = [
        braze(),
        braze(external_user_id=""),
        braze(time="yesterday"),
        braze(time=10**20),
        braze(dispatch_id=None, id=None),
        braze(dispatch_id=None, who="ben"),
    ]
    found = ledger.import_log(rows, "braze")
    assert (found.new, found.bad_rows) == (2, 4)
    assert [bad.field for bad in found.bad_first] == ["external_user_id", "time", "time", "id"]
    assert "seconds since 1970" in str(found)
    with pytest.raises(DataError, match="more bad rows than the 1"):
        MemoryLedger().import_log(rows, "braze", max_bad=1)


def test_presets_are_data_and_maps_are_checked():
    """What is misspelt is told, with what is allowed."""
    assert {name: SendLog.of(name).unit for name in SEND_LOGS} == {"braze": "seconds", "sfmc": "text"}
    for given, said in (
        ("brase", "did you mean 'braze'"),
        ({"contact": "a", "at": "b", "evnt": "c"}, "did you mean 'event'"),
        ({"contact": "a"}, "needs 'at'"),
        ({"contact": "a", "at": "b"}, "message or event_id"),
        ({"contact": "a", "at": "b", "event_id": "c", "unit": "days"}, "unit"),
        ({"contact": "a", "at": "b", "event_id": "c", "zone": "Mars"}, "^zone: .*Mars"),
        ({"contact": "a", "at": ["b"], "event_id": "c"}, "at must be a text"),
        ({"contact": "a", "at": "b", "event_id": "c", "event": 5}, "event must be a text"),
        ({"contact": [], "at": "b", "event_id": "c"}, "contact is the column"),
        ({"contact": "a", "at": "b", "event_id": "c", "campaigns": {"a": 1}}, "campaigns are the playbook's ids"),
        (5, "found 5"),
        ({"contact": "a", "at": "b", "event_id": "c", "events": {"x": {"status": "lost"}}}, "one of sent"),
    ):
        with pytest.raises(ModelError, match=said):
            SendLog.of(given)


# Whose message it is


REFERRED = {
    "contact": "who",
    "at": "sent",
    "event": "what",
    "events": {"send": {"channel": "email"}, "bounce": {"channel": "email", "status": "bounced"}},
    "event_id": "row",
    "reservation": "ref",
}


def referred(what, row, ref, sent=AT, who="anna"):
    return {"who": who, "sent": sent.isoformat(), "what": what, "row": row, "ref": ref}


def reserve(ledger, who="anna", campaign="launch", at=AT):
    """The id of a new reservation."""
    contact = Contact(id=who, consent=["email"])
    claims = [Claim(campaign=campaign, channel="email", weight=1)]
    return Arbiter(Playbook()).decide(contact, claims=claims, at=at, ledger=ledger).rows[0].decision_id


def test_all_rows_of_one_reservation_are_one_message(ledger):
    """Whatever else tells them apart: its bounce undoes its send, and a second send counts once."""
    ref = reserve(ledger)
    rows = [referred("send", 1, ref), referred("send", 2, ref), referred("bounce", 3, ref), referred("bounce", 4, ref)]
    found = ledger.import_log(rows, REFERRED)
    assert (found.matched, found.changed, found.repeated, found.new) == (1, 1, 2, 0)
    assert told(ledger) == [(AT, "email", "launch", "bounced")]
    assert ledger.import_log(rows, REFERRED).repeated == 4


def test_a_reservation_that_was_sent_though_it_was_released_is_one_message(ledger):
    """It stays released, and what went out counts beside it, once."""
    ref = reserve(ledger)
    ledger.release(ref)
    rows = [referred("send", 1, ref), referred("send", 2, ref)]
    found = ledger.import_log(rows, REFERRED)
    assert (found.new, found.repeated) == (1, 1)
    assert sorted(status for *_, status in told(ledger)) == ["released", "sent"]
    assert ledger.import_log([*rows, referred("bounce", 3, ref)], REFERRED).changed == 1
    assert sorted(status for *_, status in told(ledger)) == ["bounced", "released"]


def test_a_reservation_that_the_ledger_does_not_know_tells_rows_apart(ledger):
    """Where there is nothing else: another ledger's, or one that was pruned, or another contact's."""
    others = reserve(ledger, who="ben")
    rows = [referred("send", None, "unknown"), referred("send", None, "unknown"), referred("send", None, others)]
    found = ledger.import_log(rows, REFERRED)
    assert (found.new, found.repeated) == (2, 1)
    assert [status for *_, status in told(ledger, "ben")] == ["reserved"]


def test_a_reservation_is_told_of_by_a_message_that_is_known(ledger):
    """Where a row without its id has given its name to the nearest, the two are kept apart."""
    first, second = reserve(ledger), reserve(ledger, at=AT + timedelta(hours=1))
    log = {"contact": "who", "at": "sent", "channel_is": "email", "message": "row", "reservation": "ref"}
    assert ledger.import_log([referred("", 1, None)], log).matched == 1
    assert ledger.import_log([referred("", 1, second)], log).matched == 1
    assert [status for *_, status in told(ledger)] == ["sent", "sent"]
    again = ledger.import_log([referred("", 1, None), referred("", 1, second), referred("", 1, first)], log)
    assert again.repeated == 3


def test_a_log_that_says_no_campaign_matches_any(ledger):
    """What the map does not name is not looked at; a row that should name one and does not is of none."""
    reserve(ledger)
    plain = {"contact": "c", "at": "t", "channel_is": "email", "message": "m"}
    row = {"c": "anna", "t": AT, "m": 1, "k": None}
    assert ledger.import_log([row], plain).matched == 1
    reserve(ledger, campaign="news")
    assert ledger.import_log([row | {"m": 2}], {**plain, "campaign": "k"}).new == 1


def test_a_contact_opts_out_without_a_message(ledger):
    """Only sends and bounces need what tells them from others."""
    log = {
        "contact": "c",
        "at": "t",
        "event": "e",
        "events": {"unsub": {"channel": "email", "status": "opted_out"}, "spam": {"status": "suppressed"}, "send": {}},
        "message": "m",
    }
    rows = [{"c": "anna", "t": AT, "e": event, "m": None} for event in ("unsub", "spam", "unsub", "send")]
    found = ledger.import_log(rows, log)
    assert (found.opt_outs, found.repeated, found.bad_rows) == (2, 1, 1)
    assert [(wish.channel, wish.suppressed) for wish in ledger.opt_outs("anna")] == [("email", False), (None, True)]


def test_an_old_opt_out_does_not_come_back(ledger):
    """It is recorded; but one that is older than the opt-in does not hold, whether a log or a person tells it."""
    rows = [braze("Unsubscribe"), braze("Unsubscribe", time=SECONDS - 60, id="older")]
    assert ledger.import_log(rows, "braze").opt_outs == 2
    assert ledger.opt_in("anna", channel="email", at=AT + timedelta(hours=1))
    found = ledger.import_log([*rows, braze("Unsubscribe", time=SECONDS + 3599, id="late")], "braze")
    assert (found.opt_outs, found.repeated) == (1, 2)
    ledger.opt_out("anna", channel="email", at=AT)
    assert ledger.opt_outs("anna") == []
    assert ledger.import_log([braze("Unsubscribe", time=SECONDS + 3601, id="later")], "braze").opt_outs == 1
    assert [(no.channel, no.at) for no in ledger.opt_outs("anna")] == [("email", AT + timedelta(seconds=3601))]
    assert ledger.opt_in("anna", channel="email", at=AT + timedelta(hours=2))
    assert [said["taken_back"] for said in ledger.export("anna")["opt_outs"]] == [
        False,
        False,
        True,
        False,
        False,
        True,
    ]


def test_an_opt_in_that_says_no_instant_is_of_now():
    """In its zone, as all instants are."""
    ledger = MemoryLedger()
    ledger.opt_out("anna", at=AT)
    before = datetime.now(UTC)
    ledger.opt_in("anna")
    with ledger.reading() as transaction:
        assert before <= transaction.said()[-1].at <= datetime.now(UTC)


# What a map says


def test_a_map_may_build_on_a_preset():
    """The vendor's ids of campaigns, and the column of the reservation, on top of what the vendor always says."""
    log = SendLog.of({"preset": "braze", "campaigns": {"7c1e": "launch"}, "reservation": "ref"})
    assert (log.unit, log.campaigns, log.reservation) == ("seconds", {"7c1e": "launch"}, "ref")
    ledger = MemoryLedger()
    reserve(ledger)
    assert ledger.import_log([braze(campaign_id="7c1e")], {"preset": "braze", "campaigns": {"7c1e": "launch"}}).matched
    with pytest.raises(ModelError, match="preset is one of braze, sfmc"):
        SendLog.of({"preset": "brase"})


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({"campaign": "campain"}, "campain"),
        ({"channel": "chanel"}, "chanel"),
        ({"reservation": "ref"}, "ref"),
        ({"content": "text"}, "text"),
        ({"account": "company"}, "company"),
        ({"message": ["m", "wave"]}, "wave"),
        ({"contact": ["x", "y"]}, "x"),
        ({"campaign": ["x", "k"], "message": ["wave"], "event_id": "m"}, None),
    ],
)
def test_a_column_that_the_map_names_must_be_there(more, missing, tmp_path):
    """Else a misspelt one is silently nothing; of alternatives one is enough."""
    path = tmp_path / "log.csv"
    path.write_text("c,t,m,k\nanna,2026-11-05T10:00:00Z,1,launch\n", encoding="utf-8")
    log = {"contact": "c", "at": "t", "message": "m", **more}
    if missing is None:
        assert MemoryLedger().import_log(path, log).new == 1
    else:
        with pytest.raises(DataError, match=f"the column '{missing}' is missing; there is c, t, m, k"):
            MemoryLedger().import_log(path, log)


def test_rows_that_name_their_columns_may_leave_some_out():
    """JSON often has no key for what is empty; what must stand in some row is told."""
    log = {"contact": "c", "at": "t", "message": "m", "campaign": "k", "content": "x", "account": "y"}
    rows = [{"c": "anna", "t": AT, "m": 1}, {"c": "ben", "t": AT, "m": 1, "k": "launch"}]
    assert MemoryLedger().import_log(rows, log).new == 2
    with pytest.raises(DataError, match="'k' is missing"):
        MemoryLedger().import_log(rows[:1], log)


def test_a_file_of_bad_rows_alone_is_an_error():
    """Whatever is tolerated: nothing of it was read."""
    with pytest.raises(DataError, match=r"none of its 2 rows can be used; the first: .*'time'"):
        MemoryLedger().import_log([braze(time="x"), braze(time="y")], "braze")
    assert MemoryLedger().import_log([], "braze").rows == 0


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ({}, r"an instant with an offset or Z \(or give the map a zone\)"),
        ({"zone": "Europe/Skopje", "formats": ["%d.%m.%Y"]}, "an instant, or as %d.%m.%Y"),
    ],
)
def test_an_instant_that_cannot_be_read_says_what_the_map_allows(more, allowed):
    """Its zone and its formats."""
    log = {"contact": "c", "at": "t", "message": "m", **more}
    rows = [{"c": "anna", "t": "2026-11-05 10:00" if not more else "5/11/2026", "m": 1}]
    with pytest.raises(DataError, match=allowed):
        MemoryLedger().import_log(rows, log)
