"""Hours and holidays of some messages, which protect some contacts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from generate import with_hours
from test_arbiter_oracle import assert_like_brute_force

from journeykit import Arbiter, Contact, Playbook, PlaybookError
from journeykit.audit import violations
from journeykit.model.outcome import Grant

NIGHT = datetime(2026, 11, 5, 23, tzinfo=UTC)


def playbook(**hours) -> Playbook:
    return Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}, {"id": "offer", "channel": "email", "topics": ["offers"]}],
            "campaigns": [{"id": "news", "content": ["note"]}, {"id": "sale", "content": ["offer"]}],
            "on_missing": {"consent": "allow"},
            **hours,
        }
    )


def reasons(rules: Playbook, contact: Contact, at: datetime = NIGHT) -> dict[str, str]:
    return {
        row.campaign: f"{row.reason} {row.rule or ''}".strip() for row in Arbiter(rules).decide(contact, at=at).rows
    }


def test_quiet_hours_of_some_messages_stop_no_others():
    """Offers do not go out at night; news does."""
    rules = playbook(quiet_hours=[{"from": "21:00", "to": "08:00", "where": {"topic": "offers"}}])
    assert reasons(rules, Contact(id="anna")) == {"news": "granted", "sale": "quiet_hours 21:00-08:00"}


@pytest.mark.parametrize(("minor", "protected"), [(True, True), (False, False), (None, True)])
def test_an_unknown_audience_protects(minor, protected):
    """Quiet hours and holidays protect those of whom it is unknown whether they are for them."""
    contact = Contact(id="anna", attributes={"minor": minor})
    for section in ({"quiet_hours": [{"from": "21:00", "to": "08:00", "audience": "minor"}]}, {"holidays": [HOLIDAY]}):
        told = reasons(playbook(**section), contact)
        assert all(reason.startswith("quiet_hours") for reason in told.values()) == protected


HOLIDAY = {"date": "2026-11-05", "audience": "minor"}
LATE = [
    {"from": "09:00", "to": "17:00", "name": "office"},
    {"from": "17:00", "to": "24:00", "audience": "night_owl", "name": "evening"},
]


def test_send_hours_of_an_unknown_audience_allow_nothing():
    """The evening is for night owls; of whom nobody knows it, the office hours hold."""
    told = {
        owl: reasons(playbook(send_hours=LATE), Contact(id="anna", attributes={"night_owl": owl}))["news"]
        for owl in (True, False, None)
    }
    closed = "quiet_hours outside office"
    assert told == {True: "granted", False: closed, None: closed}


def test_send_hours_that_may_hold_alone_forbid_what_is_outside():
    """Those of one audience hold together: what any of them allows goes out."""
    hours = [
        {"from": "22:00", "to": "24:00", "audience": "vip", "name": "late"},
        {"from": "06:00", "to": "09:00", "audience": "vip", "name": "early"},
    ]
    contact = Contact(id="anna")
    assert reasons(playbook(send_hours=hours), contact)["news"] == "granted"
    noon = NIGHT.replace(hour=12)
    row = Arbiter(playbook(send_hours=hours)).decide(contact, at=noon, explain=True).row("news")
    assert (row.reason, row.binding) == ("quiet_hours", ("outside late", "outside early"))
    assert row.retry_at == noon.replace(hour=22)
    hours[1]["audience"] = "fan"
    assert reasons(playbook(send_hours=hours), contact)["news"] == "quiet_hours outside early"


def test_the_audit_knows_whom_hours_protect():
    """A message inside quiet hours is a violation where they are about it and the contact."""
    hours = {"quiet_hours": [{"from": "21:00", "to": "08:00", "audience": "minor", "where": {"topic": "offers"}}]}
    decision = Arbiter(playbook()).decide(Contact(id="anna"), at=NIGHT)
    found = [v.message for v in violations(playbook(**hours), decision, Contact(id="anna"))]
    assert found == ["sale at 2026-11-05T23:00:00+00:00: 21:00-08:00"]
    adult = Contact(id="anna", attributes={"minor": False})
    assert list(violations(playbook(**hours), decision, adult)) == []
    assert isinstance(decision.granted[0], Grant)


def test_a_playbook_names_what_is_wrong():
    """References to nothing, rules that ask for events, and audiences that nobody can be in are told."""
    with pytest.raises(PlaybookError, match="unknown campaign 'nwes'"):
        playbook(holidays=[{"date": "2026-11-05", "where": {"campaign": "nwes"}}])
    told = [p.message for p in playbook(quiet_hours=[{"from": "21:00", "to": "08:00", "audience": "1 > 2"}]).check()]
    assert told == ["the quiet hours '21:00-08:00' can never bind: its audience can be true of nobody: 1 > 2"]


def test_it_comes_back_as_it_was_written():
    """What is not said is not written, so that fingerprints of older playbooks stay."""
    given = {"from": "21:00", "to": "08:00", "audience": "minor", "where": {"topic": "offers"}}
    rules = playbook(quiet_hours=[given, {"from": "01:00", "to": "02:00"}])
    first, second = rules.to_dict()["quiet_hours"]
    assert first["where"] == {"topic": ["offers"]}
    assert first["audience"] == "minor"
    assert {"where", "audience"}.isdisjoint(second)
    assert Playbook.from_dict(rules.to_dict()) == rules


@pytest.mark.parametrize("start", range(50_000, 50_200, 50))
def test_brute_force_agrees(start):
    """Grants and rows are those of brute force, which tries every case of what is unknown."""
    assert_like_brute_force(with_hours, start)
