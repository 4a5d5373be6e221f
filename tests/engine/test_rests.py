"""Rests: the row engine against brute force, and what each part of a rest says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from generate import situation, with_rests
from oracle import Oracle, TooManyItemsError

from journeykit import Arbiter, Contact, ModelError, Playbook, Rest, Touch
from journeykit.journey import Event
from journeykit.ledger import MemoryLedger
from journeykit.playbook.vocabulary import Vocabulary

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
FAR = timedelta(days=70)
ANNA = Contact(id="anna", consent=["email", "push"])
MILLION = 1_000_000
BOOK = {
    "content": [{"id": "note", "channel": "email"}, {"id": "ping", "channel": "push"}],
    "campaigns": [
        {"id": "news", "content": ["note"], "repeat": None},
        {"id": "launch", "content": ["ping"], "repeat": None},
        {"id": "receipt", "content": ["note"], "obeys_caps": False, "repeat": None},
    ],
}


def ago(days: float) -> datetime:
    return AT - timedelta(days=days)


def decided(rest: dict, touches=(), events=(), **how):
    """By campaign, the reason and, of those who rest, when they may go."""
    playbook = Playbook.from_dict({**BOOK, "rests": [{"name": "rest", **rest}]})
    decision = Arbiter(playbook).decide(ANNA, touches, at=AT, events=events, **how)
    assert Arbiter(playbook).audit(decision, ANNA, touches, events=events) == ()
    return {row.campaign: row.retry_at or str(row.reason) for row in decision.rows}


@pytest.mark.parametrize("start", range(0, 600, 100))
def test_rests_are_those_of_brute_force(start):
    """Grants, reasons and retries are those of brute force, plans among them, and the audit finds nothing."""
    for seed in range(start, start + 100):
        case = with_rests(situation(seed))
        try:
            oracle = Oracle(case)
        except TooManyItemsError:
            continue
        arbiter = Arbiter(case.playbook)
        how = {"at": case.at, "until": case.until, "events": case.events}
        decision = arbiter.decide(case.contact, case.touches, case.claims, **how)
        best = [(w.claim.campaign, w.claim.content, at, w.weight / MILLION) for w, at in oracle.winners]
        assert [(g.campaign, g.content, g.send_at, g.weight) for g in decision.granted] == best, seed
        rows = [row for row in decision.rows if row.note != "the same claim is there already"]
        told = {(row.campaign, row.content, row.channel, row.date, row.claim): row for row in rows}
        for wish in oracle.wishes:
            row = told[wish.key]
            if wish.is_twin:
                continue
            if case.until is None:
                assert oracle.reason(wish) == str(row.reason), (seed, wish.key)
            if str(row.reason) == "resting":
                assert row.retry_at == oracle.retry(wish, case.at + FAR) or row.retry_at > case.at + FAR, seed
                names = {name for at in wish.asked for name in oracle.rests(wish, at)}
                assert row.rule in names, seed
                assert names <= set(row.binding), seed
        assert arbiter.audit(decision, case.contact, case.touches, case.claims, events=case.events) == (), seed


def test_a_contact_rests_after_an_event():
    """For so long, whatever the campaign; but one that need not obey caps goes out."""
    found = decided({"event": "complaint", "for": "90d"}, events=[Event("complaint", ago(1))])
    assert found == {"news": ago(1) + timedelta(days=90), "launch": ago(1) + timedelta(days=90), "receipt": "granted"}
    assert decided({"event": "complaint", "for": "1d"}, events=[Event("complaint", ago(1))])["news"] == "granted"


def test_so_many_events_within_some_time():
    """The last of them begins the rest; those that are too far apart begin none."""
    rest = {"event": "seen", "times": 2, "within": "3d", "for": "10d"}
    assert decided(rest, events=[Event("seen", ago(n)) for n in (5, 2)])["news"] == "granted"
    assert decided(rest, events=[Event("seen", ago(n)) for n in (4, 2)])["news"] == ago(2) + timedelta(days=10)


def test_without_for_a_rest_is_a_cap_on_events():
    """Claims rest as long as so many events lie in the window: impressions, clicks."""
    rest = {"event": "impression", "times": 3, "within": "7d"}
    events = [Event("impression", ago(n)) for n in (6, 3, 2, 1)]
    assert decided(rest, events=events)["news"] == ago(3) + timedelta(days=7)
    assert decided(rest, events=events[:2])["news"] == "granted"
    assert decided(rest, events=events, until=AT + timedelta(days=6))["news"] == "granted"


def test_a_touch_without_a_response_is_ignored():
    """An event that names its campaign, in time, is a response; what is not late yet is not ignored."""
    rest = {"event": "ignored", "times": 2, "within": "30d", "for": "60d", "by": "campaign", "after": "7d"}
    sent = [Touch(at=ago(n), campaign="news", channel="email") for n in (20, 12)]
    rests = {"news": ago(5) + timedelta(days=60), "launch": "granted", "receipt": "granted"}
    assert decided(rest, sent) == rests
    assert decided(rest, sent, [Event("click", ago(11), {"campaign_id": "news"})])["news"] == "granted"
    assert decided(rest, sent, [Event("click", ago(11), {"campaign_id": "launch"})]) == rests
    assert decided(rest, sent, [Event("click", ago(12), {"campaign_id": "news"})]) == rests
    assert decided(rest, [sent[0], Touch(at=ago(6), campaign="news", channel="email")])["news"] == "granted"
    only = {**rest, "response": ["purchase"]}
    assert decided(only, sent, [Event("click", ago(11), {"campaign_id": "news"})]) == rests


def test_what_is_ignored_counts_in_its_own_channel():
    """Emails that are ignored let emails rest, where the scope says so."""
    rest = {"event": "ignored", "for": "60d", "where": {"channel": "email"}}
    assert decided(rest, [Touch(at=ago(9), campaign="launch", channel="push")])["news"] == "granted"
    assert decided(rest, [Touch(at=ago(9), campaign="launch", channel="email")])["news"] != "granted"


def test_rules_ask_for_what_was_ignored():
    """By what the first rest of that kind says; without one, after 7 days."""
    playbook = {**BOOK, "campaigns": [{**BOOK["campaigns"][0], "audience": 'count("ignored", "30d") < 2'}]}
    sent = [Touch(at=ago(n), campaign="news", channel="email") for n in (20, 12)]

    def granted(sections, touches=sent, events=()):
        arbiter = Arbiter(Playbook.from_dict({**playbook, **sections}))
        return bool(arbiter.decide(ANNA, touches, at=AT, events=events).granted)

    assert not granted({})
    assert granted({}, sent[1:])
    assert granted({}, events=[Event("open", ago(10), {"campaign_id": "news"})])
    slow = {"rests": [{"name": "slow", "event": "ignored", "times": 9, "within": "1d", "after": "14d"}]}
    assert granted(slow)


def test_without_events_at_hand_nobody_rests():
    """Every touch would look ignored."""
    playbook = Playbook.from_dict({**BOOK, "rests": [{"name": "rest", "event": "ignored", "for": "60d"}]})
    sent = [Touch(at=ago(20), campaign="news", channel="email")]
    assert len(Arbiter(playbook).decide(ANNA, sent, at=AT).granted) == 3
    assert len(Arbiter(playbook).decide(ANNA, sent, at=AT, events=[]).granted) == 1


@pytest.mark.parametrize(
    ("rest", "field"),
    [
        ({"event": "seen"}, "for"),
        ({"event": "seen", "rest": "0d"}, "for"),
        ({"event": "seen", "rest": "1d", "within": "0h"}, "within"),
        ({"event": "seen", "rest": "1d", "after": "7d"}, "after"),
        ({"event": "seen", "rest": "1d", "response": "click"}, "response"),
        ({"event": "seen", "rest": "1d", "times": 0}, "times"),
        ({"event": "", "rest": "1d"}, "event"),
        ({"event": "seen", "rest": "1d", "by": "campain"}, "campain"),
    ],
)
def test_a_rest_that_cannot_be_is_refused(rest, field):
    """With the name of the field."""
    with pytest.raises(ModelError) as caught:
        Rest(name="rest", **rest)
    assert caught.value.field == field


def test_an_event_about_a_campaign_outside_of_caps_begins_a_rest():
    """A complaint about a receipt is one; of what is ignored, what does not count toward caps does not count."""
    campaigns = [{**own, "counts_toward_caps": own["id"] != "receipt"} for own in BOOK["campaigns"]]
    for rest, event in (
        ({"event": "complaint", "for": "9d"}, Event("complaint", ago(1), {"campaign_id": "receipt"})),
        ({"event": "complaint", "for": "9d", "by": "channel"}, Event("complaint", ago(1), {"campaign_id": "receipt"})),
    ):
        playbook = Playbook.from_dict({**BOOK, "campaigns": campaigns, "rests": [{"name": "rest", **rest}]})
        arbiter = Arbiter(playbook)
        decision = arbiter.decide(ANNA, at=AT, events=[event])
        told = {row.campaign: str(row.reason) for row in decision.rows}
        assert told == {"news": "resting", "launch": "granted" if rest.get("by") else "resting", "receipt": "granted"}
        before = arbiter.decide(ANNA, at=AT, events=[])
        found = {violation.rule for violation in arbiter.audit(before, ANNA, events=[event])}
        assert found == {"rest"}
        assert arbiter.audit(decision, ANNA, events=[event]) == ()
    playbook = Playbook.from_dict(
        {**BOOK, "campaigns": campaigns, "rests": [{"name": "rest", "event": "ignored", "for": "90d"}]}
    )
    touch = Touch(at=ago(20), campaign="receipt", channel="email")
    decision = Arbiter(playbook).decide(ANNA, [touch], at=AT, events=[])
    assert {str(row.reason) for row in decision.rows} == {"granted"}


def test_an_event_without_a_campaign_counts_where_nothing_is_told_apart():
    """Whatever a rest's scope; one by channel does not count it."""
    complaint = Event("complaint", ago(1))
    rested = ago(1) + timedelta(days=9)
    for more, wanted in (
        ({}, {"news": rested, "launch": rested}),
        ({"where": {"channel": "push"}}, {"news": "granted", "launch": rested}),
        ({"by": "channel"}, {"news": "granted", "launch": "granted"}),
    ):
        found = decided({"event": "complaint", "for": "9d", **more}, events=[complaint])
        assert found == {**wanted, "receipt": "granted"}


def test_who_rests_loses_to_nobody():
    """A winner in the scope of a rest takes none of its room; a cap beside it that a winner fills names the winner."""
    campaigns = [
        {"id": "now", "content": ["note"], "repeat": None, "obeys_caps": False},
        {"id": "rested", "content": ["ping"], "repeat": None},
    ]
    rests = [{"name": "rest", "event": "seen", "for": "2d"}]
    caps = [{"name": "few", "max": 1, "window": {"calendar": "day"}}]
    for more, wanted in (({}, ()), ({"caps": caps}, ("now",))):
        playbook = Playbook.from_dict({**BOOK, "campaigns": campaigns, "rests": rests, **more})
        row = Arbiter(playbook).decide(ANNA, at=AT, events=[Event("seen", ago(1))]).row("rested")
        assert (str(row.reason), row.lost_to) == ("resting", wanted)


def test_a_single_decision_says_that_nobody_looked():
    """Without events nobody rests, and the decision has a note, as the summary of a job does."""
    rules = [{**own, "audience": 'count("seen") == 0'} for own in BOOK["campaigns"]]
    rests = [{"name": "rest", "event": "complaint", "for": "9d"}]
    silent = "no events are given, and so nobody rests: rest"
    arbiter = Arbiter(Playbook.from_dict({**BOOK, "rests": rests}))
    summaries = []
    for ledger in (None, MemoryLedger()):
        decision = arbiter.decide(ANNA, at=AT, ledger=ledger)
        assert decision.notes == (silent,)
        assert str(decision).endswith(f"note: {silent}")
        assert arbiter.decide(ANNA, at=AT, ledger=ledger, events=[]).notes == ()
    assert arbiter.decide_account([ANNA], at=AT)[0].notes == (silent,)
    rows = [{"contact_id": "anna", "consent": ["email"]}]
    arbiter.decide_table(rows, at=AT, summary=summaries.append)
    assert silent in summaries[0].notes
    (note,) = Arbiter(Playbook.from_dict({**BOOK, "campaigns": rules})).decide(ANNA, at=AT).notes
    assert note.startswith("rules ask for the events seen, and no events are given")
    assert Arbiter(Playbook.from_dict(BOOK)).decide(ANNA, at=AT).notes == ()


@pytest.mark.parametrize(("event", "reason"), [("purchase", "granted"), ("sale", "resting"), ("click", "resting")])
def test_a_rest_may_name_a_response_of_the_playbook(event, reason):
    """It then means the response's events, in both engines, in the audit, and among the words that the playbook has."""
    rest = {"name": "rest", "event": "ignored", "for": "60d", "response": ["sale"], "by": "campaign"}
    sale = {"name": "sale", "event": "purchase", "within": "14d"}
    arbiter = Arbiter(Playbook.from_dict({**BOOK, "rests": [rest], "responses": [sale]}))
    touch = Touch(at=ago(10), campaign="news", channel="email")
    events = [Event(event, ago(8), {"campaign_id": "news"})]
    decision = arbiter.decide(ANNA, [touch], at=AT, events=events)
    assert {row.campaign: str(row.reason) for row in decision.rows}["news"] == reason
    assert arbiter.audit(decision, ANNA, [touch], events=events) == ()
    table = arbiter.decide_table(
        [{"contact_id": "anna", "consent": ["email", "push"]}],
        [{"contact_id": "anna", "sent_at": ago(10), "campaign_id": "news", "channel": "email"}],
        events=[{"contact_id": "anna", "event": event, "at": ago(8), "campaign_id": "news"}],
        at=AT,
    )
    rows = zip(table["campaign_id"].to_pylist(), table["reason"].to_pylist(), strict=True)
    assert dict(rows)["news"] == reason
    assert arbiter.playbook.rests[0].response == ("sale",)
    assert Vocabulary.of(arbiter.playbook).words["event"] == {"purchase"}
