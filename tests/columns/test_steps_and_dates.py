"""Series, dates and variants over columns: the columnar engine decides them by itself, as the row engine does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from test_one_equals_columns import assert_equal

from journeykit import Arbiter, Campaign, Cap, Content, Hours, Playbook, Quota, Recurrence, Scope, Series, Window
from journeykit.job import TableJob
from journeykit.job.fallback import Fallback

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)
STEPS = ("hello", "text", "tips", "offer")
PLAYBOOK = Playbook(
    content=[
        Content(id="hello", channel="email"),
        Content(id="text", channel="sms"),
        Content(id="tips", channel="email", roles=["user"]),
        Content(id="offer", channel="email"),
        Content(id="long", channel="email"),
        Content(id="short", channel="sms"),
    ],
    campaigns=[
        Campaign(id="welcome", content=STEPS, series=Series(gap="2d"), if_lost="skip", weight=3),
        Campaign(id="orders", content=["hello", "offer"], series=Series(gap="30h"), repeat=2, weight=2),
        Campaign(id="news", content=["long", "short"], dates=Recurrence("FREQ=WEEKLY;BYDAY=MO,TU,FR"), repeat=None),
        Campaign(id="fair", content=["short"], dates=[AT.date(), AT.date() + timedelta(days=9)], weight=5),
        Campaign(id="trial", content=["long", "short"], split={"long": 0.4, "short": 0.6}, weight=0.5),
    ],
    caps=[
        Cap(name="three in five days", max=3, window=Window.days(5)),
        Cap(name="two a day", max=2, window=Window.calendar("day")),
    ],
    quiet_hours=[Hours(start="20:00", end="08:00")],
)
PEOPLE = [
    {
        "contact_id": f"c{number}",
        "timezone": ("UTC", "Pacific/Auckland", "America/New_York", None)[number % 4],
        "role": ("user", "boss")[number % 5 == 0],
        "consent_email": number % 7 > 0,
        "consent_sms": number % 3 > 0,
    }
    for number in range(36)
]
HISTORY = [
    {
        "contact_id": f"c{number}",
        "sent_at": AT + timedelta(hours=(-100, -50, -30, -1, 30, 200)[(number + turn) % 6]),
        "channel": "email",
        "campaign_id": ("welcome", "orders", "news", "welcome")[(number + turn) % 4],
        "content_id": ("hello", "text", "offer", None, "tips")[(number * 3 + turn) % 5],
        "status": ("sent", "planned", "sent", "reserved")[number % 4],
    }
    for number in range(4, 36)
    for turn in range(number % 4)
]


@pytest.fixture
def no_fallback(monkeypatch):
    """Nothing is left to the row engine."""
    monkeypatch.setattr(Fallback, "decide", lambda *_: pytest.fail("a contact was left"))


@pytest.mark.usefixtures("no_fallback")
@pytest.mark.parametrize("days", [None, 10])
@pytest.mark.parametrize("explain", [False, True])
def test_they_are_decided_over_columns(days, explain):
    """At one instant and in a plan, with histories, zones and hours, no contact falls back."""
    until = None if days is None else AT + timedelta(days=days)
    assert_equal(PLAYBOOK, PEOPLE, HISTORY, at=AT, until=until, explain=explain)


@pytest.mark.usefixtures("no_fallback")
def test_quotas_over_them_are_chosen_over_columns():
    """A quota over steps and dates gives the rows of the row engine."""
    found = evolve(PLAYBOOK, quotas=[Quota(name="few", max=20), Quota(name="voice", min=0.2, of="share")])
    assert_equal(found, PEOPLE, HISTORY, at=AT, until=AT + timedelta(days=6))


@pytest.mark.usefixtures("no_fallback")
def test_claims_for_steps_are_decided_over_columns():
    """Claims of a table for a series, with ids and dates of their own."""
    claims = [
        {"contact_id": f"c{number}", "campaign_id": "orders", "claim_id": own, "at": at}
        for number in range(36)
        for own, at in (("one", None), (None, AT.date() + timedelta(days=number % 4)))
    ]
    assert_equal(PLAYBOOK, PEOPLE, HISTORY, None, claims, at=AT, until=AT + timedelta(days=6))


@pytest.mark.usefixtures("no_fallback")
def test_scores_of_a_campaign_hold_for_each_date():
    """A score of the campaign, or of its content, is that of each of its dates."""
    scores = [
        {"contact_id": f"c{number}", "campaign_id": "news", "content_id": content, "propensity": 0.2 + number / 100}
        for number in range(30)
        for content in (None, "long")
    ]
    assert_equal(PLAYBOOK, PEOPLE, HISTORY, scores, at=AT, until=AT + timedelta(days=6))


def test_what_recurs_farther_than_it_is_listed_falls_back():
    """A cap that opens in years: the date after that is found by the row engine."""
    lasting = [Cap(name="one in ten years", max=1, window=Window.days(3650), where=Scope({"campaign": "news"}))]
    history = [{"contact_id": "c1", "sent_at": AT - timedelta(days=1), "channel": "email", "campaign_id": "news"}]
    found = evolve(PLAYBOOK, caps=lasting)
    assert_equal(found, PEOPLE[:3], history, at=AT)
    rows = TableJob(Arbiter(found), PEOPLE[:3], history, at=AT, everything=True).batches()
    later = [row["retry_at"] for batch in rows for row in batch.to_pylist() if row["campaign_id"] == "news"]
    assert max(at for at in later if at is not None).year == 2036


@pytest.mark.usefixtures("no_fallback")
def test_steps_on_dates_are_passed_over_alike():
    """At one instant a step that is refused is passed over also where its claims are for dates."""
    dates = Recurrence("FREQ=WEEKLY;BYDAY=MO,TU")
    found = evolve(PLAYBOOK, campaigns=[evolve(own, dates=dates) for own in PLAYBOOK.campaigns[:2]])
    for hours in (0, 12):
        assert_equal(found, PEOPLE, HISTORY, at=AT + timedelta(hours=hours))
