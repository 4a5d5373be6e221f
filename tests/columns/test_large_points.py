"""Points whose sum no 64-bit number holds: such a cap is full, for both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from test_one_equals_columns import assert_equal

from journeykit import Campaign, Cap, Conflict, Content, Lag, OnMissing, Playbook, Scope, Window

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
LARGE = 1e9
"""The most points of a touch; ten of these, in billionths, are more than a 64-bit number holds."""
WINDOWS = {
    "ever": Window.ever(),
    "rolling": Window.rolling(days=30),
    "days": Window.days(30),
    "month": Window.calendar("month"),
    "running": Window.running(),
}


def playbook_of(window, count, most=LARGE):
    """A cap by points; and a conflict, so that contacts are not settled plainly."""
    return Playbook(
        content=[Content(id="mail", channel="email"), Content(id="text", channel="sms")],
        campaigns=[
            Campaign(id=f"k{n}", content=["mail"], weight=1 + n % 3, ends=(AT + timedelta(days=9)).date())
            for n in range(count)
        ],
        caps=[Cap(name="points", max=most, window=window, points={"email": LARGE, "sms": LARGE / 2})],
        conflicts=[
            Conflict(name="rest", first=Scope.of(channel="sms"), then=Scope.of(channel="push"), lag=Lag.parse("1d"))
        ],
        on_missing=OnMissing(consent="allow"),
    )


def touches(count):
    """So many messages of the last minutes, in a campaign that still runs."""
    return [
        {"contact_id": "p1", "sent_at": AT - timedelta(minutes=n + 1), "channel": "email", "campaign_id": "k0"}
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [9, 10, 18, 19, 37])
@pytest.mark.parametrize("window", WINDOWS)
def test_a_history_of_very_many_points_leaves_no_room(window, count):
    """After ten messages of a billion points each the cap of a billion is full, not empty again."""
    told = assert_equal(playbook_of(WINDOWS[window], 2), [{"contact_id": "p1"}], touches(count), at=AT)
    assert told.summary().to_dict()["outcomes"].get("granted", 0) == 0


@pytest.mark.parametrize("count", [10, 19, 25])
@pytest.mark.parametrize("window", WINDOWS)
def test_of_claims_of_very_many_points_no_more_go_than_fit(window, count):
    """Twenty claims of a billion points each, of which one fits: one goes."""
    told = assert_equal(playbook_of(WINDOWS[window], count), [{"contact_id": "p1"}], None, at=AT)
    assert told.summary().to_dict()["outcomes"]["granted"] == 1


@pytest.mark.parametrize("window", ["rolling", "days", "running"])
def test_a_plan_of_very_many_points_keeps_its_caps(window):
    """In a plan of some days, of which each slot would fill the cap, one of twelve goes."""
    playbook = playbook_of(WINDOWS[window], 12)
    told = assert_equal(playbook, [{"contact_id": "p1"}], None, at=AT, until=AT + timedelta(days=3))
    assert told.summary().to_dict()["outcomes"]["granted"] == 1
