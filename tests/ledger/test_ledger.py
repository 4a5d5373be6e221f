"""The ledger, of each kind: reservations and their moves, decisions that are given once, people's rights."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from ledgers import DURABLE, KINDS, database, ledger_of

from journeykit import (
    Arbiter,
    Cap,
    Claim,
    Consent,
    Contact,
    DataError,
    LedgerError,
    ModelError,
    Playbook,
    Score,
    Touch,
    Window,
)
from journeykit.ledger import Ledger, MemoryLedger, Reservation, saved_decisions, sql_ledger
from journeykit.ledger.ledger_run import LedgerRun
from journeykit.ledger.repeated_decisions import key_of
from journeykit.ledger.sql_schema import VERSION

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
ONE_A_DAY = Cap(name="one a day", max=1, window=Window.calendar("day"))
GATE = Arbiter(Playbook(caps=[ONE_A_DAY]))
ANNA = Contact(id="anna", consent=["email", "sms"])
MANY = Arbiter(Playbook(caps=[Cap(name="many", max=99, window=Window.ever(), per="account")]))
URL = "sqlite:///ledger.db"


def claim(campaign="launch", **more):
    return Claim(campaign=campaign, channel="email", weight=1, **more)


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


def granted(decision):
    return [grant.campaign for grant in decision.granted]


def reasons(decision):
    return [str(row.reason) for row in decision.rows]


def test_what_is_granted_is_reserved_and_counts(ledger):
    """The next decision finds the reservation of the one before in its history."""
    first = GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger)
    (held,) = ledger.reservations("anna")
    assert (held.id, held.status, held.at) == (first.rows[0].decision_id, "reserved", AT)
    assert ledger.reservation(held.id) == held
    assert reasons(GATE.decide(ANNA, claims=[claim("news")], at=AT, ledger=ledger)) == ["capped"]
    assert [touch.status for touch in ledger.touches("anna")] == ["reserved"]


def test_a_released_or_expired_reservation_does_not_count(ledger):
    """Its room is free again."""
    first = GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger)
    assert ledger.release(first.rows[0].decision_id) == (first.rows[0].decision_id,)
    assert granted(GATE.decide(ANNA, claims=[claim("news")], at=AT, ledger=ledger)) == ["news"]
    assert ledger.expire(AT) == 0
    assert ledger.expire(AT + timedelta(seconds=1)) == 1
    assert granted(GATE.decide(ANNA, claims=[claim("care")], at=AT, ledger=ledger)) == ["care"]


def test_a_confirmed_reservation_counts(ledger):
    """What was sent is the history."""
    first = GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger)
    ledger.confirm(first.rows[0].decision_id)
    assert [touch.status for touch in ledger.touches("anna")] == ["sent"]
    assert reasons(GATE.decide(ANNA, claims=[claim("news")], at=AT, ledger=ledger)) == ["capped"]


def test_moves_repeat_without_error_and_tell_who_made_them(ledger):
    """Only the call that moved a reservation is told so; that is what at most once hangs on."""
    (held,) = (GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger), ledger.reservations("anna"))[1]
    assert ledger.confirm(held) == (held.id,)
    assert ledger.confirm([held, held.id]) == ()


def test_a_move_that_may_not_be_says_what_is_allowed(ledger):
    """Of one reservation it is an error; of several the others move, and the answer tells the state of each."""
    arbiter = Arbiter(Playbook())
    rows = [arbiter.decide(ANNA, claims=[claim(name)], at=AT, ledger=ledger).rows[0] for name in "ab"]
    first, second = (row.decision_id for row in rows)
    ledger.confirm(first)
    with pytest.raises(LedgerError, match="is sent and cannot become released; allowed is bounced or failed") as told:
        ledger.release(first)
    assert told.value.kind == "move"
    found = ledger.release([second, first])
    assert (found.ids, found.rest, found.refused) == ((second,), {"sent": (first,)}, (first,))
    with pytest.raises(LedgerError, match="allowed is nothing more"):
        ledger.confirm(second)
    with pytest.raises(LedgerError, match="holds no reservation 'c'") as told:
        ledger.confirm("c")
    assert told.value.kind == "unknown"
    found = ledger.confirm([first, "c", second])
    assert (found.ids, found.rest) == ((), {"released": (second,), "sent": (first,), "unknown": ("c",)})
    assert set(found.refused) == {"c", second}
    assert str(found) == "0 confirmed; the rest: 1 released, 1 sent, 1 unknown"


def test_a_late_confirmation_of_an_expired_reservation_counts(ledger):
    """The message did go out."""
    held = GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger).rows[0].decision_id
    ledger.expire(AT + DAY)
    assert ledger.confirm(held) == (held,)
    assert [touch.status for touch in ledger.touches("anna")] == ["sent"]


def test_touches_of_the_caller_add_to_those_of_the_ledger(ledger):
    """Both count; the caller tells what the ledger does not know."""
    two = Arbiter(Playbook(caps=[Cap(name="two", max=2, window=Window.ever())]))
    told = [Touch(at=AT - DAY, channel="email")]
    assert granted(two.decide(ANNA, told, [claim()], at=AT, ledger=ledger)) == ["launch"]
    assert reasons(two.decide(ANNA, told, [claim("news")], at=AT, ledger=ledger)) == ["capped"]


def test_the_same_key_gives_the_same_decision(ledger):
    """Row for row, whatever the history and the contact are by then, and nothing is reserved twice."""
    contact = Contact(
        id="anna",
        consent={"email": Consent(True, until=AT + DAY)},
        timezone="Europe/Skopje",
        interests=["wine"],
        attributes={"born": date(1980, 1, 2), "seen": AT, "tags": ["a", ("b",)], "score": 2.5, "vip": True},
    )
    asked = {
        "claims": [claim("launch", value=3.5), Claim(campaign="care", content="x", channel="email", at=AT + DAY)],
        "at": AT,
        "until": AT + 3 * DAY,
        "scores": {"launch": Score(propensity=0.5)},
        "key": "request-1",
        "ledger": ledger,
    }
    first = GATE.decide(contact, [Touch(at=AT - DAY, channel="email", topics=["x"])], **asked)
    GATE.decide(ANNA, claims=[claim("other")], at=AT + 5 * DAY, ledger=ledger)
    ledger.confirm(ledger.reservations("anna")[0])
    again = GATE.decide(Contact(id="anna", opted_out=True), **asked)
    assert again.granted == first.granted
    assert again.rows == first.rows
    assert len(ledger.reservations("anna")) == 2


def test_a_key_is_the_key_of_one_question(ledger):
    """Asked with it for another contact, or for other claims, it says so."""
    GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger, key="k")
    with pytest.raises(DataError, match="has decided contact 'anna' before, and not 'ben'"):
        GATE.decide(Contact(id="ben"), claims=[claim()], at=AT, ledger=ledger, key="k")
    with pytest.raises(DataError, match="other claims"):
        GATE.decide(ANNA, claims=[claim("news")], at=AT, ledger=ledger, key="k")
    with pytest.raises(ModelError, match="key or run_id"):
        GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger, key="k", run_id="r")
    with pytest.raises(ModelError, match="needs a ledger"):
        GATE.decide(ANNA, claims=[claim()], at=AT, key="k")


def test_a_run_decides_a_contact_once(ledger):
    """The run and the contact are a key, and its rows are named after the run."""
    first = GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger, run_id="night")
    again = GATE.decide(ANNA, claims=[claim()], at=AT + DAY, ledger=ledger, run_id="night")
    assert again.rows == first.rows
    assert first.rows[0].run_id == "night"
    assert len(ledger.reservations("anna")) == 1


def test_what_was_granted_stands_when_the_playbook_changes(ledger):
    """The rows are those of then, by the playbook of then, which the ledger keeps."""
    first = GATE.decide(ANNA, claims=[claim(), claim("news")], at=AT, ledger=ledger, key="k")
    other = Arbiter(Playbook(caps=[Cap(name="none", max=0, window=Window.ever())]))
    again = other.decide(ANNA, claims=[claim(), claim("news")], at=AT, ledger=ledger, key="k")
    assert again.granted == first.granted
    assert again.rows == first.rows
    assert again.rows[0].playbook == GATE.fingerprint


def test_an_answer_that_cannot_be_kept_reserves_nothing(ledger):
    """An attribute of a strange kind is told by its value."""
    strange = Contact(id="anna", consent=["email"], attributes={"x": object()})
    with pytest.raises(DataError, match="found object"):
        GATE.decide(strange, claims=[claim()], at=AT, ledger=ledger, key="k")
    assert ledger.reservations("anna") == []


def test_decisions_without_a_key_are_each_of_their_own(ledger):
    """Two of one instant, for the same claim, are two reservations with ids of their own."""
    arbiter = Arbiter(Playbook())
    rows = [arbiter.decide(ANNA, claims=[claim()], at=AT, ledger=ledger).rows[0] for _ in range(2)]
    assert {row.decision_id for row in rows} == {held.id for held in ledger.reservations("anna")}
    assert len(ledger.reservations("anna")) == 2


def test_a_plan_reserves_its_slots(ledger):
    """A reservation stands at the instant at which it goes out."""
    decision = GATE.decide(ANNA, claims=[claim("a"), claim("b")], at=AT, until=AT + 2 * DAY, ledger=ledger)
    assert [held.at for held in ledger.reservations("anna")] == sorted(grant.send_at for grant in decision.granted)
    assert len(decision.granted) == 2


def test_an_error_in_the_middle_keeps_nothing(ledger):
    """Whatever leaves the transaction but its end takes back all of it."""
    held = GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger).rows[0].decision_id
    before = ledger.export("anna")

    def break_off():
        with ledger.transaction(["anna"]) as transaction:
            known = ledger.reservation(held) if isinstance(ledger, MemoryLedger) else transaction.held([held])[held]
            transaction.keep_answer("k", "anna", 0, "{}", ["ben"])
            transaction.move([(known, "sent")])
            transaction.tell_message([(held, "m")])
            transaction.forget("anna", "x", keep_opt_outs=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert ledger.export("anna") == before


def test_a_read_in_the_middle_of_a_transaction_keeps_nothing_either():
    """In memory both are of one thread; what was written before the read is taken back all the same."""
    ledger = MemoryLedger()

    def break_off():
        with ledger.transaction() as transaction:
            transaction.add([Reservation(id="r", contact="anna", at=AT, status="reserved")])
            assert len(ledger.reservations("anna")) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert ledger.reservations("anna") == []


def test_an_expired_reservation_does_not_count_as_a_touch():
    """Neither in the ledger nor for the engine."""
    held = Reservation(id="r", contact="anna", at=AT, status="expired")
    assert held.touch().status == "expired"
    assert not held.counts
    assert not held.touch().counts_at(0)


# Caps per account

FAMILY = Arbiter(Playbook(caps=[Cap(name="one for all", max=1, window=Window.rolling("7d"), per="account")]))


def test_colleagues_share_the_caps_of_their_account(ledger):
    """Their touches come from the ledger."""
    one, two = (Contact(id=name, account="acme", consent=["email"]) for name in ("anna", "ben"))
    assert granted(FAMILY.decide(one, claims=[claim()], at=AT, ledger=ledger)) == ["launch"]
    assert reasons(FAMILY.decide(two, claims=[claim()], at=AT, ledger=ledger, key="k")) == ["capped"]
    assert granted(FAMILY.decide(Contact(id="eve", consent=["email"]), claims=[claim()], at=AT, ledger=ledger))
    assert ledger.export("anna")["told_of_in"] == ["key k"]
    ledger.forget("anna")
    assert ledger.export("ben")["answers"] == [], "an answer that tells of a forgotten colleague is gone too"


def test_an_account_is_decided_and_reserved_together(ledger):
    """One transaction: the best for both, with the history of their colleague; once for each key, and for each run."""
    anna, ben, cleo = (Contact(id=name, account="acme", consent=["email"]) for name in ("anna", "ben", "cleo"))
    asked = {"anna": [claim()], "ben": [evolve(claim("news"), weight=8)]}
    when = {"at": AT, "ledger": ledger}
    wanted = FAMILY.decide_account([anna, ben], claims=asked, at=AT)
    found = FAMILY.decide_account([anna, ben], claims=asked, key="k", **when)
    assert [reasons(one) for one in found] == [reasons(one) for one in wanted] == [["outbid"], ["granted"]]
    assert [held.id for held in ledger.reservations("ben")] == [found[1].rows[0].decision_id]
    assert reasons(FAMILY.decide(cleo, claims=[claim()], **when)) == ["capped"], "it is the account's only one"
    again = FAMILY.decide_account([anna, ben], claims=asked, key="k", **when)
    assert [one.rows for one in again] == [one.rows for one in found]
    assert len(ledger.reservations("anna") + ledger.reservations("ben")) == 1
    assert [ledger.decision("k", contact=name).rows for name in ("anna", "ben")] == [one.rows for one in found]
    with pytest.raises(LedgerError, match="no decision of contact 'cleo' under the key 'k'"):
        ledger.decision("k", contact="cleo")
    rehearsed = FAMILY.decide_account(
        [anna, cleo], claims={"cleo": [claim()], "anna": [claim()]}, dry_run=True, key="x", **when
    )
    assert [reasons(one) for one in rehearsed] == [["capped"], ["capped"]]
    assert ledger.reservations("cleo") == []
    with pytest.raises(DataError, match="some of these contacts before, and not 'cleo'"):
        FAMILY.decide_account([anna, cleo], claims=asked, key="k", **when)
    with pytest.raises(DataError, match="other claims"):
        FAMILY.decide_account([anna, ben], claims={"anna": [claim("x")], "ben": asked["ben"]}, key="k", **when)
    late = FAMILY.decide_account([anna, ben], claims=asked, run_id="r", **when)
    assert [reasons(one) for one in late] == [["capped"], ["capped"]]
    assert [one.rows for one in FAMILY.decide_account([anna, ben], claims=asked, run_id="r", **when)] == [
        one.rows for one in late
    ]
    ledger.opt_out("ben", at=AT)
    ledger.release(found[1])
    freed = FAMILY.decide_account([anna, ben], claims=asked, **when)
    assert [reasons(one) for one in freed] == [["granted"], ["opted_out"]]
    assert FAMILY.decide_account([], ledger=ledger, at=AT) == ()
    with pytest.raises(ModelError, match="a key needs a ledger"):
        FAMILY.decide_account([anna], at=AT, key="k")


def test_contacts_without_caps_of_their_account_are_reserved_together_too(ledger):
    """Nothing but the transaction joins them then."""
    one, two = (Contact(id=name, account="acme", consent=["email"]) for name in ("anna", "ben"))
    found = GATE.decide_account([one, two], claims={"anna": [claim()], "ben": [claim()]}, at=AT, ledger=ledger, key="k")
    assert [granted(decision) for decision in found] == [["launch"], ["launch"]]
    again = GATE.decide_account([one, two], claims={"anna": [claim()], "ben": [claim()]}, at=AT, ledger=ledger, key="k")
    assert [decision.rows for decision in again] == [decision.rows for decision in found]
    with pytest.raises(ModelError, match="are of one account"):
        GATE.decide_account([one, Contact(id="eve", account="other")], at=AT, ledger=ledger)
    assert [len(ledger.reservations(name)) for name in ("anna", "ben", "eve")] == [1, 1, 0]


# At the moment of sending


def test_a_release_check_reads_the_ledger(ledger):
    """Opt-outs of the ledger forbid, and so does a reservation that is reserved no more."""
    held = GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger).rows[0].decision_id
    with pytest.raises(ModelError, match="needs a playbook"):
        ledger.release_check(held, ANNA, AT)
    with pytest.raises(ModelError, match="is one of 'anna', not of 'ben'"):
        ledger.release_check(held, Contact(id="ben"), AT, arbiter=GATE)
    ledger.opt_out("anna", channel="email", at=AT)
    assert [rule for _, rule in ledger.release_check(held, ANNA, AT, arbiter=GATE).reasons] == ["consent email"]
    ledger.opt_in("anna", channel="email")
    assert ledger.release_check(held, ANNA, AT, arbiter=GATE)
    ledger.confirm(held)
    assert not ledger.release_check(held, ANNA, AT, arbiter=GATE)


# People's rights


def test_opt_outs_of_the_ledger_win_over_the_contact(ledger):
    """Of everything, of one channel, and suppression; until they are taken back."""
    for wish, reason in (({}, "opted_out"), ({"channel": "email"}, "no_consent"), ({"suppressed": True}, "suppressed")):
        ledger.opt_out("anna", at=AT, **wish)
        ledger.opt_out("anna", at=AT, **wish)
        assert len(ledger.opt_outs("anna")) == 1
        assert reasons(GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger)) == [reason]
        assert ledger.opt_in("anna", **wish)
        assert not ledger.opt_in("anna", **wish)
    assert granted(GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger)) == ["launch"]
    with pytest.raises(ModelError, match="at most one of"):
        ledger.opt_out("anna", at=AT, channel="sms", suppressed=True)


def test_a_forgotten_person_is_gone_and_still_left_alone(ledger):
    """Only a salted hash stays, for their wish to be left alone; and nothing at all where that is asked."""
    GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger, key="k")
    ledger.confirm(ledger.reservations("anna"))
    ledger.opt_out("anna", at=AT)
    assert ledger.forget("anna") == {"touches": 1, "answers": 1, "events": 0, "opt_outs_kept": 1}
    with ledger.reading() as transaction:
        assert [wish.contact for wish in transaction.said()] == [None]
    found = ledger.export("anna")
    assert (found["touches"], found["moves"], found["answers"]) == ([], [], [])
    assert reasons(GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger)) == ["opted_out"]
    ledger.forget("anna", keep_opt_outs=False)
    assert ledger.opt_outs("anna") == []


def test_an_export_is_everything_as_plain_data(ledger):
    """Touches with what became of them, opt-outs, and answers with what they were made from."""
    GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger, key="k")
    ledger.confirm(ledger.reservations("anna"))
    ledger.opt_out("anna", at=AT, channel="sms")
    found = json.loads(json.dumps(ledger.export("anna")))
    (touch,) = found["touches"]
    assert (touch["campaign"], touch["status"], touch["at"]) == ("launch", "sent", AT.isoformat())
    assert found["moves"] == [{"id": touch["id"], "was": "reserved", "became": "sent"}]
    assert found["opt_outs"] == [
        {"channel": "sms", "topic": None, "suppressed": False, "at": AT.isoformat(), "taken_back": False}
    ]
    assert found["answers"][0]["key"] == "key k"


def test_pruning_removes_what_is_old_and_not_reserved(ledger):
    """What is reserved stays until it is confirmed, released or expired."""
    for days in (0, 1, 2):
        GATE.decide(ANNA, claims=[claim()], at=AT + days * DAY, ledger=ledger, key=f"k{days}")
    first, second, _ = ledger.reservations("anna")
    ledger.confirm(first)
    assert ledger.prune(AT + 2 * DAY) == {"touches": 1, "answers": 0, "runs": 0, "events": 0}
    assert [held.id for held in ledger.reservations("anna")][:1] == [second.id]
    found = ledger.stats()
    assert (found["touches"], found["contacts"], found["answers"]) == ({"reserved": 2}, 1, 3)
    assert found["first"] == (AT + DAY).isoformat()
    ledger.expire(AT + 2 * DAY)
    assert ledger.prune(AT + 2 * DAY) == {"touches": 1, "answers": 2, "runs": 0, "events": 0}


def test_an_answer_about_a_plan_stays_until_its_end(ledger):
    """Pruned before, what was released would be granted anew and reserved for nobody."""
    asked = {"claims": [claim(at=AT + 20 * DAY)], "at": AT, "until": AT + 30 * DAY, "ledger": ledger, "key": "k"}
    first = GATE.decide(ANNA, **asked)
    ledger.release(first)
    assert ledger.prune(AT + 10 * DAY) == {"touches": 0, "answers": 0, "runs": 0, "events": 0}
    assert GATE.decide(ANNA, **asked).rows == first.rows
    assert ledger.prune(AT + 31 * DAY) == {"touches": 1, "answers": 1, "runs": 0, "events": 0}


def test_a_run_is_pruned_by_its_end(ledger):
    """While its plan goes on it may be begun again."""
    LedgerRun(ledger, GATE.decider, run_id="plan", at=AT, until=AT + 5 * DAY)
    LedgerRun(ledger, GATE.decider, run_id="night", at=AT, until=None)
    assert ledger.prune(AT + DAY)["runs"] == 1
    with ledger.reading() as transaction:
        assert transaction.run("night") is None
        assert transaction.run("plan").until is not None


def test_what_is_reserved_is_never_dropped_in_silence(ledger):
    """An id that the ledger holds already is an error, and nothing is kept."""
    held = GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger, key="k").rows[0].decision_id
    known = ledger.reservation(held)

    def add():
        with ledger.transaction() as transaction:
            transaction.add([evolve(known, id="new")])
            transaction.add([known])

    with pytest.raises(LedgerError, match="holds this reservation already"):
        add()
    assert [own.id for own in ledger.reservations("anna")] == [held]


def test_forgetting_and_pruning_leave_nothing_behind(ledger):
    """Neither moves nor the names of those whom an answer tells of; what is of others stays."""

    def fill():
        for name, moved in (("anna", True), ("ben", True), ("eve", False)):
            who = Contact(id=name, account="acme", consent=["email"])
            decision = MANY.decide(who, claims=[claim()], at=AT, ledger=ledger, key=f"{name} {uuid4()}")
            if moved:
                ledger.confirm(decision)
        ledger.opt_out("anna", at=AT)

    fill()
    # Ben's answer tells of anna, and eve's of both.
    assert ledger.export("anna")["told_of_in"] == sorted(
        answer["key"] for name in ("ben", "eve") for answer in ledger.export(name)["answers"]
    )
    assert ledger.forget("anna", keep_opt_outs=False) == {"touches": 1, "answers": 3, "events": 0, "opt_outs_kept": 0}
    assert rows_of(ledger) == {"touches": 2, "moves": 1, "answers": 0, "told of": 0, "said": 0}
    assert not any(ledger.export("anna")[name] for name in ("touches", "moves", "answers", "opt_outs", "told_of_in"))
    fill()
    ledger.expire(AT + DAY)
    assert ledger.prune(AT + DAY)["answers"] == 3
    assert rows_of(ledger) == {"touches": 0, "moves": 0, "answers": 0, "told of": 0, "said": 1}


def rows_of(ledger):
    """How many rows there are of each kind, of all contacts."""
    if isinstance(ledger, MemoryLedger):
        with ledger.reading() as held:
            assert all(held._by_contact.values()), "an id that stands for nothing is one left behind"
            told = sum(len(answer[3]) for answer in held._answers.values())
            counts = [len(held._touches), len(held._moves), len(held._answers), told, len(held._said)]
    else:
        tables = ("touches", "moves", "answers", "answer_contacts", "opt_outs")
        with ledger.engine.connect() as connection:
            counts = [connection.exec_driver_sql(f"SELECT count(*) FROM jk_{name}").scalar() for name in tables]
    return dict(zip(("touches", "moves", "answers", "told of", "said"), counts, strict=True))


@pytest.mark.parametrize("kind", DURABLE)
def test_a_number_is_never_used_again(kind, tmp_path):
    """Else a run that was begun before would take what is new for what it knows."""
    with ledger_of(kind, tmp_path) as ledger:
        GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger)
        run = LedgerRun(ledger, GATE.decider, run_id="night", at=AT, until=None)
        ledger.forget("anna")
        GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger)
        with ledger.reading() as transaction:
            assert transaction.news(run.mark, ["anna"], [], []).contacts == {"anna"}


def test_all_that_a_run_reserved_is_moved_however_much_it_is(ledger):
    """Beyond one piece, of a run and by instant."""
    put(ledger, 1001)
    assert len(ledger.release(run_id="bulk")) == 1001
    assert ledger.stats()["touches"] == {"released": 1001}
    put(ledger, 501, run_id="other")
    assert ledger.expire(AT + DAY) == 501
    assert ledger.stats()["touches"] == {"expired": 501, "released": 1001}


def put(ledger, count, run_id="bulk"):
    """Reservations of a run."""
    held = [
        Reservation(id=f"{run_id} {n}", contact=f"p{n}", at=AT, status="reserved", run_id=run_id) for n in range(count)
    ]
    with ledger.transaction() as transaction:
        transaction.add(held)


@pytest.mark.parametrize("named", ["decision", "row", "rows"])
def test_a_decision_stands_for_what_it_has_granted(ledger, named):
    """As do its rows: that is what a caller has in hand."""
    decision = GATE.decide(ANNA, claims=[claim(), claim("news")], at=AT, ledger=ledger)
    given = {"decision": decision, "row": decision.row("launch"), "rows": decision.rows}[named]
    assert ledger.confirm(given) == (decision.row("launch").decision_id,)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda ledger: ledger.confirm(None), "found NoneType"),
        (lambda ledger: ledger.confirm([1]), "found int"),
        (lambda ledger: ledger.release(), "give ids of reservations, or run_id"),
        (lambda ledger: ledger.release(["x"], run_id="r"), "give ids of reservations, or run_id"),
        (lambda ledger: ledger.import_log([], None), "found None"),
        (lambda ledger: GATE.decide(ANNA, claims=[], at=AT, ledger=ledger, key=""), "key must be a text"),
        (lambda ledger: GATE.decide(ANNA, claims=[], at=AT, ledger=ledger, key=5), "key must be a text"),
        (lambda _: GATE.decide(ANNA, claims=[], at=AT, ledger=URL), "must be a Ledger, found str"),
        (lambda _: Ledger(URL, patience="x"), "patience is a number"),
        (lambda _: Ledger(URL, patience=-1), "patience is a number"),
        (lambda _: Ledger(URL, connections=0), "connections is a whole number"),
        (lambda _: Ledger(URL, connections=True), "connections is a whole number"),
    ],
)
def test_what_is_meant_wrongly_is_told(call, said):
    """By a ModelError, before anything is done."""
    with pytest.raises(ModelError, match=said):
        call(MemoryLedger())


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("contact id", lambda ledger, bad: GATE.decide(Contact(id=bad), claims=[], at=AT, ledger=ledger)),
        ("key", lambda ledger, bad: GATE.decide(ANNA, claims=[], at=AT, ledger=ledger, key=bad)),
        ("key", lambda ledger, bad: GATE.decide(ANNA, claims=[], at=AT, ledger=ledger, run_id=bad)),
        ("campaign id", lambda ledger, bad: GATE.decide(ANNA, claims=[claim(bad)], at=AT, ledger=ledger)),
        (
            "account id",
            lambda ledger, bad: GATE.decide(evolve(ANNA, account=bad), claims=[claim()], at=AT, ledger=ledger),
        ),
        (
            "run",
            lambda ledger, bad: GATE.decide_table([{"contact_id": "anna"}], at=AT, ledger=ledger, run_id=bad),
        ),
        ("contact id", lambda ledger, bad: ledger.opt_out(bad, at=AT)),
        ("channel of a word", lambda ledger, bad: ledger.opt_out("anna", channel=bad, at=AT)),
        ("topic of a word", lambda ledger, bad: ledger.opt_in("anna", topic=bad)),
        ("contact id", lambda ledger, bad: ledger.opt_outs(bad)),
        ("contact id", lambda ledger, bad: ledger.forget(bad)),
        ("contact id", lambda ledger, bad: ledger.export(bad)),
        ("contact id", lambda ledger, bad: ledger.touches(bad)),
        ("contact id", lambda ledger, bad: ledger.reservations(bad)),
        ("reservation id", lambda ledger, bad: ledger.reservation(bad)),
        ("reservation id", lambda ledger, bad: ledger.confirm(bad)),
        ("reservation id", lambda ledger, bad: ledger.release(["x", bad])),
        ("run", lambda ledger, bad: ledger.release(run_id=bad)),
    ],
)
def test_what_not_every_ledger_can_hold_is_refused_by_each(ledger, what, call):
    """With the same error: NUL, which PostgreSQL cannot hold, and what is no Unicode text."""
    for bad, fault in (("x\0y", "it has the character NUL"), ("x\ud800", "it is no Unicode text")):
        with pytest.raises(LedgerError, match=f"a ledger cannot hold the {what}.*: {fault}"):
            call(ledger, bad)
    assert ledger.stats()["touches"] == {}


def test_a_key_does_not_depend_on_the_zone_of_an_instant(ledger):
    """The same instant, written in another zone, is the same question."""
    asked = {"at": AT, "until": AT + 2 * DAY, "ledger": ledger, "key": "k"}
    first = GATE.decide(ANNA, claims=[claim(at=(AT + DAY).astimezone(ZoneInfo("Europe/Skopje")))], **asked)
    assert GATE.decide(ANNA, claims=[claim(at=AT + DAY)], **asked).rows == first.rows
    with pytest.raises(DataError, match="other claims"):
        GATE.decide(ANNA, claims=[claim(at=AT + 2 * DAY)], **asked)


def test_what_a_table_may_hold_can_be_kept(ledger):
    """Decimals, times, spans, bytes, and words of an enumeration; read again they are equal."""

    class Colour(StrEnum):
        RED = "red"

    attributes = {
        "price": Decimal("2.50"),
        "opens": time(9, 30),
        "span": timedelta(days=1, microseconds=5),
        "raw": b"x",
        "uuid": uuid4(),
        "colour": Colour.RED,
        "nested": [Decimal(1), {"a": time(1)}],
    }
    anna = Contact(id="anna", consent=["email"], attributes=attributes)
    first = GATE.decide(anna, claims=[claim()], at=AT, ledger=ledger, key="k")
    assert GATE.decide(anna, claims=[claim()], at=AT, ledger=ledger, key="k").rows == first.rows
    with ledger.reading() as transaction:
        kept = json.loads(transaction.answer("key k")[1])["asked"]["contacts"]
    assert saved_decisions._unplain(kept)[0].attributes == attributes


def test_runs_and_contacts_share_no_key():
    """Whatever words their names are made of."""
    names = ["a", "b", "contact", "a contact b", "b contact c", "c", " contact ", "contact b"]
    assert len({key_of(run, contact) for run in names for contact in names}) == len(names) ** 2


# At once


def test_twenty_threads_with_one_key_make_one_reservation(ledger):
    """All of them get the same decision."""
    arbiter = Arbiter(Playbook())
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(arbiter.decide, ANNA, claims=[claim()], at=AT, ledger=ledger, key="k") for _ in range(20)]
        rows = [future.result().rows for future in asked]
    assert all(own == rows[0] for own in rows)
    assert len(ledger.reservations("anna")) == 1


# Where it is kept


@pytest.mark.parametrize("kind", DURABLE)
def test_the_schema_is_made_once_and_kept(kind, tmp_path):
    """To upgrade twice changes nothing; without a schema the error says what to do; a later one is refused."""
    with database(kind, tmp_path) as url:
        ledger = Ledger(url)
        with pytest.raises(LedgerError, match="run `journeykit ledger upgrade URL`") as told:
            ledger.stats()
        assert told.value.kind == "schema"
        assert ledger.upgrade() == ledger.upgrade() == VERSION
        GATE.decide(ANNA, claims=[claim()], at=AT, ledger=ledger)
        other = pickle.loads(pickle.dumps(ledger))
        assert len(other.reservations("anna")) == 1
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE jk_settings SET value = '99' WHERE name = 'version'")
        with pytest.raises(LedgerError, match="install a newer one"):
            ledger.upgrade()
        ledger.close()
        other.close()


@pytest.mark.parametrize("kind", DURABLE)
def test_a_later_schema_asks_for_a_later_library(kind, tmp_path):
    """To upgrade would not help."""
    with ledger_of(kind, tmp_path) as ledger:
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE jk_settings SET value = '99' WHERE name = 'version'")
        with Ledger(ledger.url) as late, pytest.raises(LedgerError, match="install a newer one"):
            late.stats()


def test_a_misspelt_path_makes_no_file(tmp_path):
    """Only an upgrade makes a new ledger."""
    with Ledger(f"sqlite:///{tmp_path}/typo.db") as ledger:
        with pytest.raises(LedgerError, match="there is no file") as told:
            ledger.stats()
        assert told.value.kind == "schema"
        assert list(tmp_path.iterdir()) == []
        assert ledger.upgrade() == VERSION


def test_a_sqlite_file_is_durable_and_erases(tmp_path, monkeypatch):
    """What is committed survives a loss of power; what is forgotten is overwritten."""
    monkeypatch.setattr(sql_ledger, "_set_up_sqlite", sql_ledger._set_up_sqlite.__wrapped__)
    with ledger_of("sqlite", tmp_path) as ledger, ledger.engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "secure_delete")]
        assert found == [2, 1]
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@pytest.mark.parametrize(
    "url",
    ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true", "nonsense", ""],
)
def test_an_address_of_another_kind_says_what_is_allowed(url):
    """SQLite in memory is what MemoryLedger is for."""
    with pytest.raises(ModelError, match=r"sqlite:///FILE"):
        Ledger(url)
