"""Caps on one decision: the best so many of what competes now, whatever went before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from generate import with_decisions
from test_arbiter_oracle import assert_like_brute_force

from journeykit import Arbiter, Contact, Playbook, PlaybookError, Touch

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA = Contact(id="anna", account="acme")


def playbook(**cap) -> Playbook:
    return Playbook.from_dict(
        {
            "content": [{"id": f"c{n}", "channel": "email"} for n in range(3)],
            "campaigns": [{"id": f"k{n}", "content": [f"c{n}"], "weight": n + 1} for n in range(3)],
            "caps": [{"name": "top two", "max": 2, "window": "decision", **cap}],
            "on_missing": {"consent": "allow"},
        }
    )


def test_the_best_two_go_whatever_went_before():
    """No touch counts, of the past, of today or planned; the third is outbid, and may go with the next decision."""
    touches = [Touch(at=AT + timedelta(hours=n), channel="email", campaign="k9", contact="anna") for n in (-24, -1, 2)]
    decision = Arbiter(playbook()).decide(ANNA, touches, at=AT, explain=True)
    assert [grant.campaign for grant in decision.granted] == ["k2", "k1"]
    lost = decision.row("k0")
    assert (lost.reason, lost.rule, lost.lost_to, lost.needs) == ("outbid", "top two", ("k2", "k1"), 2.0)
    assert lost.retry_at == AT + timedelta(microseconds=1)


def test_a_plan_is_one_decision():
    """In a plan the whole plan counts, not each day."""
    decision = Arbiter(playbook()).decide(ANNA, at=AT, until=AT + timedelta(days=9))
    assert len(decision.granted) == 2
    assert decision.row("k0").retry_at == AT + timedelta(days=9, microseconds=1)


def test_contacts_of_an_account_are_one_decision():
    """Per account, what is granted to all of its contacts counts; per contact, what is granted to each."""
    contacts = [ANNA, Contact(id="ben", account="acme")]
    for per, count in (("contact", 4), ("account", 2)):
        rules = playbook(per=per)
        decisions = Arbiter(rules).decide_account(contacts, at=AT)
        assert sum(len(decision.granted) for decision in decisions) == count
        assert list(Arbiter(rules).audit_account(decisions, contacts)) == []


def test_a_limit_of_zero_is_zero_for_every_decision():
    """What no decision may grant has no time to go later."""
    row = Arbiter(playbook(max=0)).decide(ANNA, at=AT).row("k2")
    assert (row.reason, row.outcome, row.retry_at) == ("capped", "denied", None)


def test_a_requirement_does_not_look_back_into_a_decision():
    """What is granted together needs no window; a window of the decision is refused, with its path."""
    need = {"name": "pair", "claim": {"campaign": "k0"}, "with": {"campaign": "k1"}, "within": "decision"}
    with pytest.raises(PlaybookError, match=r"requirements\[0\].within"):
        Playbook.from_dict({**playbook().to_dict(), "requirements": [need]})


@pytest.mark.parametrize("start", range(51_000, 51_300, 50))
def test_brute_force_agrees(start):
    """Grants and rows are those of brute force."""
    assert_like_brute_force(with_decisions, start)
