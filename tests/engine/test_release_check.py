"""The last check before a message goes: all of eligibility, on the contact as known now; a plan agrees with it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
import tabled
from generate import situation, with_timely_hours, with_times
from ledgers import KINDS, ledger_of
from test_ledger_runs import ENGINES, Run

from journeykit import (
    Arbiter,
    Campaign,
    Claim,
    Contact,
    Content,
    Holdout,
    Holiday,
    Hours,
    Journey,
    OnMissing,
    Playbook,
    Scope,
    Segment,
    Stage,
    Team,
)
from journeykit.basics.clock import moment
from journeykit.engine.contact_group import ContactGroup, ContactInputs
from journeykit.journey import Event
from journeykit.ledger import MemoryLedger, Reservation
from journeykit.tables import ContactTable
from journeykit.tables.column_names import Spellings

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
MICRO = timedelta(microseconds=1)
LEAD = {
    "id": "anna",
    "consent": ["email"],
    "stage": "lead",
    "role": "user",
    "attributes": {"score": 50, "ordered": AT - timedelta(days=20)},
}


def playbook(**campaign):
    return Playbook(
        timezone="UTC",
        journey=Journey(
            stages=[Stage(name="lead", owner="marketing"), Stage(name="deal", owner="sales"), Stage(name="customer")]
        ),
        teams=[Team(name="growth")],
        content=[
            Content(id="note", channel="email", topics=["promo"], stages={"lead": 1, "deal": 1}, roles={"user": 1})
        ],
        campaigns=[
            Campaign(
                **{
                    "id": "launch",
                    "team": "growth",
                    "content": ["note"],
                    "audience": "score >= 40 and days_since(ordered) < 30 and 'warm' in segments",
                    **campaign,
                }
            )
        ],
        segments=[Segment(name="warm", rule="days_since(ordered) >= 10 or 'hot' in segments")],
        quiet_hours=[Hours(channel=["email"], start="21:00", end="08:00")],
        on_missing=OnMissing(consent="deny"),
    )


@pytest.mark.parametrize(
    ("changed", "contact", "later", "reasons"),
    [
        ({}, {}, AT, []),
        ({}, {"suppressed": True}, AT, ["suppressed"]),
        ({}, {"opted_out": True}, AT, ["opted_out"]),
        ({}, {"consent": ["sms"]}, AT, ["no_consent"]),
        ({}, {"consent": None}, AT, ["missing_data"]),
        ({}, {"topic_consent": {"promo": False}}, AT, ["no_consent"]),
        ({"paused": True}, {}, AT, ["campaign_closed"]),
        ({"ends": date(2026, 11, 5)}, {}, AT + DAY, ["campaign_closed"]),
        ({"starts": date(2026, 11, 6)}, {}, AT, ["campaign_closed"]),
        ({"id": "other"}, {}, AT, ["campaign_closed"]),
        ({}, {"stage": "customer"}, AT, ["wrong_stage"]),
        ({}, {"stage": "deal"}, AT, ["wrong_owner"]),
        ({"stages": ["deal"]}, {"stage": "deal"}, AT, []),
        ({}, {"stage": None}, AT, ["missing_data"]),
        ({}, {"role": "boss"}, AT, ["wrong_role"]),
        ({}, {"attributes": {"score": 39, "ordered": AT - timedelta(days=20)}}, AT, ["not_in_audience"]),
        ({}, {}, AT + timedelta(days=10), ["not_in_audience"]),
        ({}, {"attributes": {"score": 50, "ordered": AT}}, AT, ["not_in_audience"]),
        ({}, {"attributes": {"score": 50, "ordered": AT}, "segments": ["hot"]}, AT, []),
        ({"holdout": Holdout(share=1)}, {}, AT, ["holdout"]),
        ({}, {}, AT + timedelta(hours=12), ["quiet_hours"]),
        ({"obeys_quiet_hours": False}, {}, AT + timedelta(hours=12), []),
        (
            {"needs_consent": False, "holdout": Holdout(share=1)},
            {"opted_out": True, "consent": None, "topic_consent": {"promo": False}},
            AT,
            [],
        ),
        (
            {},
            {"opted_out": True, "stage": "customer"},
            AT + timedelta(hours=12),
            ["opted_out", "wrong_stage", "quiet_hours"],
        ),
    ],
)
def test_all_of_eligibility_is_checked_again(changed, contact, later, reasons):
    """Whatever may have changed since the decision: the contact, the playbook, the hour."""
    ledger = MemoryLedger(Arbiter(playbook(**changed)))
    decision = Arbiter(playbook()).decide(Contact(**LEAD), at=AT, ledger=ledger)
    assert len(decision.granted) == 1
    (held,) = ledger.reservations("anna")
    found = ledger.release_check(held, Contact(**{**LEAD, **contact}), later)
    assert [str(code) for code, _ in found.reasons] == reasons
    assert found.clear is bool(found) is (not reasons)


@pytest.mark.parametrize("kind", KINDS)
def test_every_store_gives_the_check_what_it_needs(kind, tmp_path):
    """The words of consent of the ledger, and what it holds of the message."""
    with ledger_of(kind, tmp_path, arbiter=Arbiter(playbook())) as ledger:
        decision = Arbiter(playbook()).decide(Contact(**LEAD), at=AT, ledger=ledger)
        ledger.opt_out("anna", topic="promo", at=AT)
        found = ledger.release_check(decision.rows[0].decision_id, Contact(**{**LEAD, "stage": "customer"}), AT)
        assert [(str(code), rule) for code, rule in found.reasons] == [
            ("no_consent", "topic consent promo"),
            ("wrong_stage", "stages of note"),
        ]


def test_a_topic_that_the_message_had_when_it_was_decided_is_checked():
    """The playbook may have lost it by now."""
    ledger = MemoryLedger(Arbiter(playbook()))
    held = Reservation(
        id="r",
        contact="anna",
        at=AT,
        status="reserved",
        channel="email",
        campaign="launch",
        content="note",
        topics=("old",),
    )
    with ledger.transaction() as transaction:
        transaction.add([held])
    assert ledger.release_check("r", Contact(**LEAD), AT)
    ledger.opt_out("anna", topic="old", at=AT)
    assert [rule for _, rule in ledger.release_check("r", Contact(**LEAD), AT).reasons] == ["topic consent old"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_plan_asks_rules_of_time_at_each_slot(engine):
    """Ten days from the order on a contact is warm, and in the audience until thirty: the slot is one of these."""
    arbiter = Arbiter(playbook())
    rows = [
        {
            "contact_id": f"c{days}",
            "consent": "email",
            "stage": "lead",
            "role": "user",
            "score": 50,
            "ordered": AT - DAY * days,
        }
        for days in (7, 9, 10, 29, 30)
    ]
    found = Run(engine, arbiter, rows, MemoryLedger(), at=AT, until=AT + DAY * 2).rows()
    granted = {row[2]: row[14] for row in found if row[8] == "granted"}
    assert granted == {"c9": AT + DAY * 2 - timedelta(hours=2), "c10": AT, "c29": AT}
    assert {row[2]: row[9] for row in found if row[8] != "granted"} == {
        "c7": "not_in_audience",
        "c30": "not_in_audience",
    }


@pytest.mark.parametrize(
    ("change", "start"), [*((with_times, start) for start in range(2, 242, 60)), (with_timely_hours, 2)]
)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_plan_agrees_with_the_check_at_every_slot(engine, change, start):
    """What a plan grants is clear at its slot, in both engines; what its audience refuses fails at every slot."""
    clear = stopped = 0
    for seed in range(start, start + 60, 3):
        found = change(situation(seed))
        if found.playbook.campaigns is None:
            continue
        when = {"at": found.at, "until": found.until or found.at + DAY * 3}
        arbiter, ledger = Arbiter(found.playbook), MemoryLedger()
        rows = tabled.contacts(Random(seed), found.at, 8)
        known = {contact.id: contact for _, contact in ContactTable(rows, spellings=Spellings.of(found.playbook))}
        for row in Run(engine, arbiter, rows, ledger, **when).rows():
            who = known[row[2]]
            if row[8] == "granted":
                (held,) = [own for own in ledger.reservations(who.id) if own.id == row[0]]
                check = ledger.release_check(held, who, held.at, arbiter=arbiter)
                assert check.clear, (seed, row[2], row[4], check.reasons)
                clear += 1
            elif row[9] == "not_in_audience":
                for at in slots(arbiter, who, row, when):
                    assert not check_then(arbiter, who, row, at).clear, (seed, row[2], row[4], at)
                    stopped += 1
    assert min(clear, stopped) > (20 if change is with_times else 8)


def slots(arbiter, who, row, when):
    """The instants at which a claim of a plan could go."""
    group = ContactGroup((who,), {who.id: ContactInputs((), None, {})}, **when)
    (found,) = arbiter.decider.rounds(group).gathered
    wanted = row[4], row[5]
    return next(own.slots for own in found.everything if (own.claim.campaign, own.claim.content) == wanted)


def check_then(arbiter, who, row, at):
    """The check of a message at an instant."""
    ledger, at = MemoryLedger(), moment(at)
    held = Reservation(
        id="r", contact=who.id, at=at, status="reserved", channel=row[6], campaign=row[4], content=row[5]
    )
    with ledger.transaction() as transaction:
        transaction.add([held])
    return ledger.release_check("r", who, at, arbiter=arbiter)


NOTES = {"content": [Content(id="n", channel="email", topics=["promo"])], "timezone": "UTC"}
CAMPAIGN = Campaign(id="k", content=["n"], repeat=None)
NIGHT = datetime(2026, 11, 5, 23, tzinfo=UTC)


def hours(**where):
    return Hours(start="22:00", end="08:00", where=Scope.of(**where))


@pytest.mark.parametrize(
    ("rules", "claim", "later"),
    [
        ({"quiet_hours": [hours(tag="loud")]}, {"tags": ["loud"]}, NIGHT),
        ({"quiet_hours": [hours(topic="golf")]}, {"topics": ["golf"]}, NIGHT),
        ({"quiet_hours": [hours(topic="promo")]}, {"topics": ["golf"]}, NIGHT),
        ({"quiet_hours": [hours(solution="crm")]}, {"solutions": ["crm"]}, NIGHT),
        ({"quiet_hours": [hours(theme="xmas")]}, {"theme": "xmas"}, NIGHT),
        ({"quiet_hours": [hours(goal="retain")]}, {"goal": "retain"}, NIGHT),
        ({"quiet_hours": [hours(team="desk")]}, {"team": "desk"}, NIGHT),
        ({"quiet_hours": [hours(team="desk")]}, {}, NIGHT),
        ({"content": None, "campaigns": None, "quiet_hours": [hours(team="desk")]}, {"team": "desk"}, NIGHT),
        ({"holidays": [Holiday(date=date(2026, 11, 6), where=Scope.of(tag="loud"))]}, {"tags": ["loud"]}, AT + DAY),
        ({"journey": Journey([Stage("lead", owner="sales")])}, {"team": "desk"}, AT),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_message_is_what_its_claim_made_it(kind, rules, claim, later, tmp_path):
    """What a claim brings of team, goal, topics, solutions, theme and tags holds when it goes, as it was decided."""
    rules = {"campaigns": [CAMPAIGN], "teams": [Team(name="desk", department="sales")], **NOTES, **rules}
    arbiter = Arbiter(Playbook(**rules))
    contact, asked = (
        Contact(id="anna", consent=["email"], stage="lead"),
        [Claim(campaign="k", channel="email", **claim)],
    )
    with ledger_of(kind, tmp_path) as ledger:
        (row,) = arbiter.decide(contact, claims=asked, at=AT, ledger=ledger).rows
        found = ledger.release_check(row.decision_id, contact, later, arbiter=arbiter)
        (then,) = arbiter.decide(contact, claims=asked, at=later).rows
    expected = [] if str(then.outcome) == "granted" else [(then.reason, then.rule)]
    assert [*found.reasons] == expected
    assert found.clear is (not expected)


def test_what_a_message_was_known_not_to_have_it_does_not_have_today():
    """What is known to be none stays none, and what is not known comes from the playbook of today."""
    before = Arbiter(Playbook(**NOTES, campaigns=[CAMPAIGN]))
    today = Arbiter(
        Playbook(
            **NOTES,
            teams=[Team(name="desk")],
            campaigns=[Campaign(id="k", content=["n"], team="desk", tags=["loud"])],
            quiet_hours=[hours(team="desk"), Hours(start="21:00", end="08:00", where=Scope.of(tag="loud"))],
        )
    )
    ledger, anna = MemoryLedger(), Contact(id="anna", consent=["email"])
    (row,) = before.decide(anna, at=AT, ledger=ledger).rows
    found = ledger.release_check(row.decision_id, anna, NIGHT, arbiter=today)
    assert [rule for _, rule in found.reasons] == ["21:00-08:00"]


@pytest.mark.parametrize(
    ("claim", "wait", "last", "rule"),
    [
        ({"expires": AT + timedelta(hours=2)}, None, AT + timedelta(hours=2), "expires"),
        ({"expires": date(2026, 11, 5)}, None, datetime(2026, 11, 6, 5, tzinfo=UTC) - MICRO, "expires"),
        ({"asked_at": AT - DAY}, "30h", AT + timedelta(hours=6), "wait"),
        ({"asked_at": AT}, "1d", datetime(2026, 11, 7, 5, tzinfo=UTC) - MICRO, "wait"),
        ({"asked_at": AT, "expires": AT + timedelta(hours=3)}, "4h", AT + timedelta(hours=3), "expires"),
        ({"asked_at": AT, "expires": AT + timedelta(hours=3)}, "2h", AT + timedelta(hours=2), "wait"),
        ({}, "4h", None, None),
    ],
)
@pytest.mark.parametrize("engine", [*ENGINES, "alone"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_over_does_not_go(kind, engine, claim, wait, last, rule, tmp_path):
    """The last instant of a claim, by its own end and its campaign's `wait`, is kept with its reservation."""
    campaign = Campaign(id="k", content=["n"], wait=wait)
    arbiter = Arbiter(Playbook(**NOTES, campaigns=[campaign]))
    anna = Contact(id="anna", consent=["email"], timezone="America/New_York")
    with ledger_of(kind, tmp_path) as ledger:
        if engine == "alone":
            arbiter.decide(anna, claims=[Claim(campaign="k", **claim)], at=AT, ledger=ledger)
        else:
            rows = [{"contact_id": "anna", "consent": "email", "timezone": "America/New_York"}]
            claims = [{"contact_id": "anna", "campaign_id": "k", **claim}]
            Run(engine, arbiter, rows, ledger, at=AT, claims=claims).rows()
        (held,) = ledger.reservations("anna")
        assert (held.expires, held.expires_by) == (last, rule)
        if last is None:
            assert ledger.release_check(held, anna, AT + DAY * 30, arbiter=arbiter)
            return
        assert ledger.release_check(held, anna, last, arbiter=arbiter)
        found = ledger.release_check(held, anna, last + MICRO, arbiter=arbiter)
    assert [*found.reasons] == [("expired", rule)]


@pytest.mark.parametrize(
    "audience", ["days_in_stage() >= 1", "'settled' in segments", "hours_since(joined) >= 26", 'count("x", "1d") == 0']
)
@pytest.mark.parametrize("holiday", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_plan_asks_whom_hours_protect_at_each_slot(engine, holiday, audience):
    """New contacts are not protected; a day later they are, and the plan's slots agree with the check."""
    rules = (
        {"holidays": [Holiday(date=date(2026, 11, 6), audience=audience)]}
        if holiday
        else {"quiet_hours": [Hours(start="09:00", end="12:00", audience=audience)]}
    )
    arbiter = Arbiter(
        Playbook(
            **NOTES,
            **rules,
            segments=[Segment(name="settled", rule="days_in_stage() >= 1")],
            campaigns=[Campaign(id=f"k{day}", content=["n"], starts=date(2026, 11, day)) for day in (5, 6, 7)],
        )
    )
    known = {"stage": "lead", "stage_since": AT - timedelta(hours=2)}
    anna = Contact(id="anna", consent=["email"], attributes={"joined": AT - timedelta(hours=2)}, **known)
    events = [{"contact_id": "anna", "event": "x", "at": AT - timedelta(hours=2)}]
    rows = [{"contact_id": "anna", "consent": "email", "joined": AT - timedelta(hours=2), **known}]
    ledger = MemoryLedger()
    found = Run(engine, arbiter, rows, ledger, at=AT, until=AT + DAY * 3, events=events).rows()
    slots = {row[4]: row[14] for row in found if row[8] == "granted"}
    if holiday:
        assert slots == {"k5": AT, "k6": AT + DAY * 2, "k7": AT + DAY * 2}
    else:
        noon, midnight = AT + DAY + timedelta(hours=2), datetime(2026, 11, 7, tzinfo=UTC)
        assert slots == {"k5": AT, "k6": noon, "k7": midnight}
    for held in ledger.reservations("anna"):
        check = ledger.release_check(held, anna, held.at, arbiter=arbiter, events=[Event("x", AT - timedelta(hours=2))])
        assert check.clear, (held.campaign, held.at, check.reasons)
