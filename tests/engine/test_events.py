"""Rules of decisions that ask for events: the row engine against brute force, and what is not at hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from generate import situation, with_events
from oracle import Oracle, TooManyItemsError

from journeykit import Arbiter, Cap, Claim, Contact, ModelError, Playbook, Window
from journeykit.journey import Event
from journeykit.ledger import Ledger, MemoryLedger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA = Contact(id="anna", consent=["email"])
MILLION = 1_000_000


def playbook(audience: str, **sections) -> Playbook:
    """One campaign, for those of whom a rule is true."""
    note = {"id": "note", "channel": "email"}
    return Playbook.from_dict(
        {"content": [note], "campaigns": [{"id": "launch", "content": ["note"], "audience": audience}], **sections}
    )


def told(event: str, days: float, **properties) -> Event:
    return Event(event, AT - timedelta(days=days), properties)


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_rules_about_events_are_asked_as_brute_force_asks_them(start):
    """Grants, reasons and totals are those of brute force, plans among them, and the audit finds nothing."""
    for seed in range(start, start + 100):
        case = with_events(situation(seed))
        try:
            oracle = Oracle(case)
        except TooManyItemsError:
            continue
        arbiter = Arbiter(case.playbook)
        decision = arbiter.decide(
            case.contact, case.touches, case.claims, at=case.at, until=case.until, events=case.events
        )
        best = [(w.claim.campaign, w.claim.content, at, w.weight / MILLION) for w, at in oracle.winners]
        assert [(g.campaign, g.content, g.send_at, g.weight) for g in decision.granted] == best, seed
        rows = [row for row in decision.rows if row.note != "the same claim is there already"]
        told = {(row.campaign, row.content, row.channel, row.date, row.claim): str(row.reason) for row in rows}
        for wish in oracle.wishes if case.until is None else ():
            assert wish.is_twin or oracle.reason(wish) == told[wish.key], (seed, wish.key)
        assert arbiter.audit(decision, case.contact, case.touches, case.claims, events=case.events) == (), seed


@pytest.mark.parametrize(
    ("rule", "selected"),
    [
        ('count("webinar") >= 2', True),
        ('count("webinar", "30d") >= 2', False),
        ('sum("purchase.amount", "7d") == 30', True),
        ('last("form.role") == "boss"', True),
        ('days_since("form") == 2', True),
        ('count("launch") == 0', True),
    ],
)
def test_an_audience_asks_what_the_contact_did(rule, selected):
    """Count, sum, last and days_since, as of the decision's instant."""
    did = [
        *(told("webinar", days) for days in (3, 30)),
        *(told("purchase", days, amount=days * 10) for days in (1, 2, 7)),
        *(told("form", days, role=role) for days, role in ((2, "boss"), (9, "user"))),
    ]
    decision = Arbiter(playbook(rule)).decide(ANNA, at=AT, events=did)
    assert bool(decision.granted) is selected


def test_the_future_does_not_count():
    """An event after the decision's instant is not known yet, in a plan neither."""
    arbiter = Arbiter(playbook('count("webinar") >= 1'))
    for until in (None, AT + timedelta(days=9)):
        assert not arbiter.decide(ANNA, at=AT, until=until, events=[told("webinar", -1)]).granted


def test_a_plan_asks_at_each_slots_instant():
    """An event that is old enough by then no longer counts."""
    arbiter = Arbiter(playbook('count("purchase", "10d") == 0'))
    (grant,) = arbiter.decide(ANNA, at=AT, until=AT + timedelta(days=9), events=[told("purchase", 4)]).granted
    assert grant.send_at == AT + timedelta(days=6)


def test_without_events_at_hand_a_call_is_unknown_and_not_0():
    """Nobody is selected for having done nothing where nobody looked; an empty list says that nothing was done."""
    arbiter = Arbiter(playbook('count("complaint", "90d") == 0'))
    decision = arbiter.decide(ANNA, at=AT, explain=True)
    (row,) = decision.rows
    assert (str(row.reason), row.note) == (
        "not_in_audience",
        'count("complaint", "90d") == 0 (count("complaint", "90d") is unknown)',
    )
    assert arbiter.decide(ANNA, at=AT, events=[]).granted


@pytest.mark.parametrize(("cap", "granted"), [("apply", 0), ("waive", 1)])
def test_a_cap_whose_audience_asks_for_events_that_are_not_at_hand_protects(cap, granted):
    """Unless the playbook waives such caps."""
    sections = {
        "caps": [{"name": "rest", "max": 0, "window": "ever", "audience": 'count("complaint") >= 1'}],
        "on_missing": {"cap": cap},
    }
    assert len(Arbiter(playbook("True", **sections)).decide(ANNA, at=AT).granted) == granted
    assert Arbiter(playbook("True", **sections)).decide(ANNA, at=AT, events=[]).granted


def test_an_event_that_is_told_twice_counts_once():
    """By its id, or where it has none by all that is known of it."""
    arbiter = Arbiter(playbook('count("webinar") == 1'))
    same = [told("webinar", 1), told("webinar", 1)]
    assert arbiter.decide(ANNA, at=AT, events=same).granted
    named = [evolve(told("webinar", days), id="e1") for days in (1, 2)]
    assert arbiter.decide(ANNA, at=AT, events=named).granted


def test_contacts_of_an_account_have_events_of_their_own():
    """By contact id; a contact who is not named did nothing."""
    cap = Cap(name="one", max=1, per="account", window=Window.rolling("7d"))
    book = evolve(playbook('count("webinar") >= 1'), caps=[cap])
    people = [Contact(id=name, account="acme", consent=["email"]) for name in ("anna", "ben")]
    found = Arbiter(book).decide_account(people, at=AT, events={"ben": [told("webinar", 1)]})
    assert [len(decision.granted) for decision in found] == [0, 1]
    assert Arbiter(book).audit_account(found, people, events={"ben": [told("webinar", 1)]}) == ()


def test_many_contacts_bring_their_events():
    """As the last part of their tuple."""
    given = [(ANNA, (), None, [told("webinar", 1)]), (ANNA, (), None), ANNA]
    found = Arbiter(playbook('count("webinar") >= 1')).decide_many(given, at=AT)
    assert [len(decision.granted) for decision in found] == [1, 0, 0]


def test_what_is_no_event_is_refused():
    """With the name of the argument."""
    with pytest.raises(ModelError, match="events must be Event objects"):
        Arbiter(playbook('count("webinar") >= 1')).decide(ANNA, at=AT, events=["webinar"])


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_kept_decision_is_given_again_with_the_events_of_then(kind, tmp_path):
    """Its rows are worked out from what it was made from, events included."""
    arbiter = Arbiter(playbook('count("webinar", "30d") >= 2 and last("form.role") == "boss" and sum("buy.x") > 1'))
    did = [told("webinar", 1), told("webinar", 2), told("form", 1, role="boss"), told("buy", 1, x=2)]
    ledger = MemoryLedger()
    if kind == "sqlite":
        ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
        ledger.upgrade()
    first = arbiter.decide(ANNA, at=AT, events=did, ledger=ledger, key="k")
    again = arbiter.decide(ANNA, at=AT, ledger=ledger, key="k")
    assert first.granted
    assert again.replayed
    assert [row.to_dict() for row in again.rows] == [row.to_dict() for row in first.rows]
    assert not arbiter.decide(ANNA, at=AT, events=did, ledger=ledger).granted  # it was reserved


def test_brought_claims_are_asked_at_their_own_instant():
    """As other rules that ask for time are."""
    arbiter = Arbiter(playbook('count("purchase", "10d") == 0'))
    days = [(AT + timedelta(days=days)).date() for days in (3, 7)]
    decision = arbiter.decide(
        ANNA,
        claims=[Claim(campaign="launch", at=day) for day in days],
        at=AT,
        until=AT + timedelta(days=9),
        events=[told("purchase", 4)],
    )
    reasons = {row.date: str(row.reason) for row in decision.rows}
    assert reasons == {days[0]: "not_in_audience", days[1]: "granted"}
