"""Patience: a campaign that a contact has not got for long weighs more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from journeykit import Arbiter, Claim, Contact, Patience, Playbook, PlaybookError, Touch
from journeykit.audit import violations

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA = Contact(id="anna", consent=["email"])


def world(weight: float = 2, factor: float = 1.5) -> Playbook:
    return Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [
                {
                    "id": "news",
                    "content": ["note"],
                    "weight": weight,
                    "repeat": None,
                    "patience": {"after": "14d", "factor": factor},
                }
            ],
            "reserve": -10,
        }
    )


def sent(ago: timedelta, **more: str) -> Touch:
    return Touch(at=AT - ago, **{"campaign": "news", "channel": "email", **more})


@pytest.mark.parametrize(
    ("touches", "weight"),
    [
        ([], 2.0),
        ([sent(timedelta(days=14))], 2.0),
        ([sent(timedelta(days=14, microseconds=1))], 3.0),
        ([sent(timedelta(days=90)), sent(timedelta(days=3))], 2.0),
        ([sent(timedelta(days=90)), sent(timedelta(days=-3), status="reserved")], 2.0),
        ([sent(timedelta(days=90)), sent(timedelta(days=3), status="bounced")], 3.0),
        ([sent(timedelta(days=90)), sent(timedelta(days=-3), status="planned")], 3.0),
        ([sent(timedelta(days=90), campaign="other")], 2.0),
    ],
)
def test_the_last_touch_that_counts_decides(touches, weight):
    """It must be longer ago than said; a reservation is one, a bounce and a plan that is made anew are none."""
    (row,) = Arbiter(world()).decide(ANNA, touches, at=AT).rows
    assert row.weight == weight
    assert row.factors.get("patience", 1.0) == weight / 2


def test_a_claim_that_was_brought_may_have_waited():
    """Without a touch it is the instant of asking that counts; and a weight of its own is multiplied too."""
    long, short = AT - timedelta(days=20), AT - timedelta(days=2)
    arbiter = Arbiter(world())
    for asked, own, weight in ((long, None, 3.0), (short, None, 2.0), (long, 8.0, 12.0), (short, 8.0, 8.0)):
        claims = [Claim(campaign="news", asked_at=asked, weight=own)]
        decision = arbiter.decide(ANNA, (), claims, at=AT)
        assert decision.rows[0].weight == weight
        assert list(violations(arbiter.playbook, decision, ANNA, (), claims)) == []
    assert arbiter.decide(ANNA, (), [Claim(campaign="news", asked_at=long, weight=8.0)], at=AT).rows[0].factors == {
        "weight": 8.0,
        "patience": 1.5,
    }
    # A touch is looked at first.
    claims = [Claim(campaign="news", asked_at=long)]
    assert arbiter.decide(ANNA, [sent(timedelta(days=1))], claims, at=AT).rows[0].weight == 2.0


def test_what_is_worth_nothing_stays_so():
    """A weight below 0 is not multiplied, by which it would lose even more."""
    (row,) = Arbiter(world(weight=-2)).decide(ANNA, [sent(timedelta(days=90))], at=AT).rows
    assert row.weight == -2.0
    assert "patience" not in row.factors
    claims = [Claim(campaign="news", asked_at=AT - timedelta(days=90), value=-1.0)]
    assert Arbiter(world()).decide(ANNA, (), claims, at=AT).rows[0].weight == -2.0


@pytest.mark.parametrize("after", ["14 days", "", "x"])
def test_a_length_that_cannot_be_is_refused(after):
    """With its path."""
    data = world().to_dict()
    data["campaigns"][0]["patience"] = {"after": after, "factor": 2}
    with pytest.raises(PlaybookError, match=r"campaigns\[0\].patience.after: "):
        Playbook.from_dict(data)


def test_a_factor_is_more_than_nothing():
    """A factor of 0 would be no patience."""
    with pytest.raises(PlaybookError, match=r"campaigns\[0\].patience.factor: factor must be a number from"):
        world(factor=0)
    assert str(Patience(after="36h", factor=2).after) == "36h"
