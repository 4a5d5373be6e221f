"""Send times: claims that go at a time of day, the same for all or the contact's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from generate import with_send_times
from test_arbiter_oracle import assert_like_brute_force

from journeykit import Arbiter, Claim, Contact, Playbook, PlaybookError

AT = datetime(2026, 11, 5, 11, tzinfo=UTC)
BEST = {"attribute": "best_hour", "default": "10:00"}


def playbook(send_at=BEST, **sections) -> Playbook:
    return Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}, {"id": "text", "channel": "sms"}],
            "campaigns": [
                {"id": "news", "content": ["note"], **({} if send_at is None else {"send_at": send_at})},
                {"id": "alert", "content": ["text"]},
            ],
            "on_missing": {"consent": "allow"},
            **sections,
        }
    )


def anna(hour=None) -> Contact:
    return Contact(id="anna", attributes={"best_hour": hour})


@pytest.mark.parametrize(
    ("hour", "goes"),
    [
        (None, "06 10:00"),
        (18, "05 18:00"),
        ("9.5", "06 09:30"),
        ("17:45", "05 17:45"),
        (11, "05 11:00"),
        (24, "06 00:00"),
    ],
)
def test_it_goes_at_the_first_such_time(hour, goes):
    """Without a plan too: today, or tomorrow where that time is over; campaigns without one go at once."""
    decision = Arbiter(playbook()).decide(anna(hour), at=AT)
    assert f"{decision.row('news').send_at:%d %H:%M}" == goes
    assert decision.row("alert").send_at == AT
    assert list(Arbiter(playbook()).audit(decision, anna(hour))) == []


def test_in_a_plan_it_is_the_slot_of_each_day():
    """Where the first day is closed, it goes at that time of the next; a plan that has no such time has no slot."""
    rules = playbook(holidays=["2026-11-06"])
    decision = Arbiter(rules).decide(anna(), at=AT, until=AT + timedelta(days=3))
    assert decision.row("news").send_at == datetime(2026, 11, 7, 10, tzinfo=UTC)
    row = Arbiter(rules).decide(anna(), at=AT, until=AT + timedelta(hours=2)).row("news")
    assert (row.reason, row.rule, row.retry_at) == (
        "campaign_closed",
        "send_at 10:00",
        datetime(2026, 11, 7, 10, tzinfo=UTC),
    )


def test_a_channel_has_one_for_its_campaigns():
    """The campaign's own comes first; others go by their channel's."""
    rules = playbook(channels=[{"name": "sms", "send_at": "16:00"}, {"name": "email", "send_at": "20:00"}])
    decision = Arbiter(rules).decide(anna(), at=AT)
    assert [f"{decision.row(name).send_at:%d %H}" for name in ("news", "alert")] == ["06 10", "05 16"]


def test_retries_keep_it():
    """A loser may go again at that time of day only."""
    rules = playbook(
        caps=[{"name": "one a day", "max": 1, "window": {"calendar": "day"}, "where": {"channel": "email"}}]
    )
    claims = [Claim(campaign="news", id=name, weight=weight) for name, weight in (("a", 2.0), ("b", 1.0))]
    decision = Arbiter(rules).decide(anna(18), claims=claims, at=AT)
    lost = next(row for row in decision.rows if row.claim == "b")
    assert (lost.reason, lost.retry_at) == ("outbid", datetime(2026, 11, 6, 18, tzinfo=UTC))


def test_quiet_hours_hold_at_that_time():
    """What would go in quiet hours does not; another day, open at that time, will do."""
    rules = playbook(quiet_hours=[{"from": "17:00", "to": "23:00", "days": ["thu"]}])
    row = Arbiter(rules).decide(anna(18), at=AT).row("news")
    assert (row.reason, row.retry_at) == ("quiet_hours", datetime(2026, 11, 6, 18, tzinfo=UTC))


def test_claims_with_an_instant_of_their_own_keep_it():
    """A date of its own is taken at that time; an instant is an instant."""
    rules = playbook()
    for at, goes in ((AT, AT), (date(2026, 11, 5), AT.replace(hour=18))):
        decision = Arbiter(rules).decide(anna(18), claims=[Claim(campaign="news", at=at)], at=AT)
        assert decision.row("news").send_at == goes
        assert list(Arbiter(rules).audit(decision, anna(18), claims=[Claim(campaign="news", at=at)])) == []


@pytest.mark.parametrize("hour", ["noon", -1, 25, True])
def test_what_is_no_time_of_day_makes_its_claims_invalid(hour):
    """It says so, by its attribute; other campaigns go on."""
    decision = Arbiter(playbook()).decide(anna(hour), at=AT)
    row = decision.row("news")
    assert row.reason == "invalid"
    assert "best_hour must be a time of day such as '10:00', or hours from 0 to 24" in (row.note or "")
    assert decision.row("alert").reason == "granted"


def test_the_audit_knows_the_time():
    """A message at another time of day is a violation."""
    decision = Arbiter(playbook(None)).decide(anna(18), at=AT, until=AT + timedelta(hours=9))
    assert decision.row("news").send_at == AT
    later = Arbiter(playbook("12:00")).decide(anna(18), at=AT, until=AT + timedelta(hours=9))
    assert [broken.rule for broken in Arbiter(playbook()).audit(later, anna(18))] == ["send_at"]


def test_a_playbook_names_what_is_wrong():
    """Times that are none, a default that is missing, and a channel that is there twice."""
    with pytest.raises(PlaybookError) as caught:
        playbook({"attribute": "best_hour"}, channels=[{"name": "sms", "send_at": "25:00"}])
    told = str(caught.value)
    assert "channels[0].send_at: a time of day is written as 'HH:MM'" in told
    assert "campaigns[0].send_at.default: the key 'default' is required" in told
    with pytest.raises(PlaybookError, match="already taken by channels"):
        playbook(channels=[{"name": "sms"}, {"name": "sms"}])
    rules = playbook("09:00")
    assert Playbook.from_dict(rules.to_dict()) == rules
    assert "channels" not in rules.to_dict()


@pytest.mark.parametrize("start", range(52_000, 52_200, 50))
def test_brute_force_agrees(start):
    """Grants and rows are those of brute force."""
    assert_like_brute_force(with_send_times, start)
