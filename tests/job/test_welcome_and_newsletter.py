"""A worked case: a welcome series, a weekly newsletter and a launch, planned for twenty contacts and three weeks."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from attrs import evolve
from test_one_equals_columns import assert_equal

from journeykit import (
    Arbiter,
    Campaign,
    Cap,
    Contact,
    Content,
    Hours,
    Playbook,
    Quota,
    Recurrence,
    Series,
    Touch,
    Window,
)

MONDAY = datetime(2026, 11, 2, 8, tzinfo=UTC)
UNTIL = MONDAY + timedelta(days=20)
DAYS = [MONDAY.date() + timedelta(days=day) for day in range(20)]
LAUNCH = date(2026, 11, 19)
STEPS = [f"welcome {step}" for step in range(1, 6)]
NAMES = [f"c{number:02}" for number in range(20)]
PLAYBOOK = Playbook(
    content=[Content(id=name, channel="email") for name in (*STEPS, "newsletter", "launch")],
    campaigns=[
        Campaign(id="welcome", content=STEPS, series=Series(gap="3d"), weight=2),
        Campaign(id="newsletter", content=["newsletter"], dates=Recurrence("FREQ=WEEKLY;BYDAY=TU"), repeat=None),
        Campaign(id="launch", content=["launch"], dates=[LAUNCH], weight=5),
    ],
    caps=[
        Cap(name="two a week", max=2, window=Window.calendar("week")),
        Cap(name="one a day", max=1, window=Window.calendar("day")),
    ],
    send_hours=[Hours(start="09:00", end="12:00")],
)
BEFORE = [
    {
        "contact_id": name,
        "sent_at": MONDAY - timedelta(days=days),
        "channel": "email",
        "campaign_id": "welcome",
        "content_id": step,
    }
    for name in NAMES[1::2]
    for days, step in ((7, STEPS[0]), (4, STEPS[1]))
]
PEOPLE = [{"contact_id": name, "consent": ["email"]} for name in NAMES]


def messages(playbook):
    """What goes out, by contact, in order; the rows of both engines are compared on the way."""
    assert_equal(playbook, PEOPLE, BEFORE, at=MONDAY, until=UNTIL)
    found = defaultdict(list)
    rows = Arbiter(playbook).decide_table(PEOPLE, BEFORE, at=MONDAY, until=UNTIL).to_pylist()
    for row in rows:
        if row["outcome"] == "granted":
            found[row["contact_id"]].append((row["send_at"], row["content_id"]))
    return {name: sorted(own) for name, own in found.items()}


def test_the_series_goes_in_order_the_newsletter_on_tuesdays_and_the_launch_on_its_day():
    """Steps keep their order and gaps, no week has more than two messages, and the launch is on its date."""
    found = messages(PLAYBOOK)
    assert sorted(found) == NAMES
    for number, name in enumerate(NAMES):
        own = found[name]
        steps = [content for _, content in own if content in STEPS]
        assert steps == STEPS[2 * (number % 2) :]
        going = [at.date() for at, content in own if content in STEPS]
        assert all((later - earlier).days >= 3 for earlier, later in pairwise(going))
        assert [at.date() for at, content in own if content == "launch"] == [LAUNCH]
        assert {at.weekday() for at, content in own if content == "newsletter"} <= {1}
        assert max(Counter(at.date().isocalendar().week for at, _ in own).values()) <= 2
        # Six messages fit into three weeks; what the welcome leaves, the newsletter has.
        assert (len(own), len(own) - len(steps) - 1) == (6, 2 * (number % 2))
    assert {at.time().hour for own in found.values() for at, _ in own} == {9}


def test_each_tuesday_has_a_row():
    """A newsletter that loses says so for each of its dates, and when the next one is."""
    decision = Arbiter(PLAYBOOK).decide(Contact(id="c00", consent=["email"]), at=MONDAY, until=UNTIL)
    rows = sorted(
        (row.date, str(row.reason), row.retry_at.date()) for row in decision.rows if row.campaign == "newsletter"
    )
    assert rows == [(date(2026, 11, day), "outbid", date(2026, 11, 24)) for day in (3, 10, 17)]


def test_the_audit_finds_nothing():
    """Checked from scratch, the plans break no rule."""
    for name in NAMES[:4]:
        contact = Contact(id=name, consent=["email"])
        touches = [
            Touch(at=row["sent_at"], channel="email", campaign="welcome", content=row["content_id"])
            for row in BEFORE
            if row["contact_id"] == name
        ]
        arbiter = Arbiter(PLAYBOOK)
        assert not arbiter.audit(arbiter.decide(contact, touches, at=MONDAY, until=UNTIL), contact, touches)


@pytest.mark.parametrize("most", [8, 6])
def test_with_a_daily_quota_the_mornings_fill_evenly(most):
    """As many messages go out as without it, and no morning but that of the launch has more than the quota allows."""
    quotas = [Quota(name=str(day), max=most, during=(day, day)) for day in DAYS if day != LAUNCH]
    plain, evenly = messages(PLAYBOOK), messages(evolve(PLAYBOOK, quotas=quotas))
    counts = Counter(at.date() for own in evenly.values() for at, _ in own)
    assert max(count for day, count in counts.items() if day != LAUNCH) <= most
    assert len(counts) > len({at.date() for own in plain.values() for at, _ in own})
    if most == 8:
        assert sum(counts.values()) == sum(map(len, plain.values()))
    for own in evenly.values():
        steps = [content for _, content in own if content in STEPS]
        assert steps == STEPS[STEPS.index(steps[0]) :][: len(steps)]
