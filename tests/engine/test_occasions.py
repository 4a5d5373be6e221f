"""Occasions: a campaign's own dates, each a claim of its own; and the recurrences that say them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from test_one_equals_columns import assert_equal

from journeykit import Arbiter, Campaign, Claim, Contact, ModelError, Playbook, PlaybookError, Recurrence, Touch
from journeykit.audit import violations
from journeykit.basics.clock import day_number

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)  # a Monday
ANNA = Contact(id="anna")
TUESDAYS = {"rrule": "FREQ=WEEKLY;BYDAY=TU"}
WEEKS = timedelta(days=20)


def playbook(dates=TUESDAYS, **more):
    parts = {name: more.pop(name) for name in ("caps", "quiet_hours", "holidays") if name in more}
    news = {"id": "news", "content": ["note"], "dates": dates, "repeat": None} | more
    return Playbook.from_dict(
        {"content": [{"id": "note", "channel": "email"}], "campaigns": [news], "on_missing": {"consent": "allow"}}
        | parts
    )


def told(decision):
    return [(row.date and row.date.isoformat()[5:], str(row.reason)) for row in decision.rows]


def test_each_date_of_a_plan_is_a_claim():
    """A newsletter on Tuesdays has a row, with an id of its own, for each Tuesday of the span, and all of them go."""
    decision = Arbiter(playbook()).decide(ANNA, at=AT, until=AT + WEEKS)
    assert told(decision) == [("11-03", "granted"), ("11-10", "granted"), ("11-17", "granted")]
    assert [grant.send_at.date() for grant in decision.granted] == [row.date for row in decision.rows]
    assert len({row.decision_id for row in decision.rows}) == 3
    assert not list(violations(playbook(), decision, ANNA))


def test_a_date_keeps_its_decision_id():
    """The date is part of the id: the same occasion in a run of the same id is the same decision."""
    arbiter = Arbiter(playbook())
    one, two = (arbiter.decide(ANNA, at=AT, until=until, run_id="r") for until in (AT + WEEKS, AT + WEEKS / 2))
    assert {row.decision_id for row in two.rows} <= {row.decision_id for row in one.rows}


def test_without_a_date_in_the_span_the_next_one_is_told():
    """One row, `campaign_closed`, with the next date as `retry_at`."""
    decision = Arbiter(playbook()).decide(ANNA, at=AT)
    (row,) = decision.rows
    assert (row.date, str(row.reason), str(row.outcome)) == (None, "campaign_closed", "deferred")
    assert row.retry_at == datetime(2026, 11, 3, tzinfo=UTC)


def test_on_a_date_the_claim_has_it():
    """At one instant of a date there is one claim, with the date as its own."""
    decision = Arbiter(playbook()).decide(ANNA, at=AT + timedelta(days=1))
    assert told(decision) == [("11-03", "granted")]


def test_dates_are_local():
    """In Auckland it is Tuesday already."""
    decision = Arbiter(playbook()).decide(Contact(id="anna", timezone="Pacific/Auckland"), at=AT + timedelta(hours=3))
    assert told(decision) == [("11-03", "granted")]


def test_repeat_limits_the_dates_together():
    """With `repeat: 1`, the default, one of the dates goes, and the earliest of equals."""
    decision = Arbiter(playbook(repeat=1)).decide(ANNA, at=AT, until=AT + WEEKS)
    assert told(decision) == [("11-03", "granted"), ("11-10", "outbid"), ("11-17", "outbid")]
    assert all(row.retry_at is None for row in decision.rows)
    assert not list(violations(playbook(repeat=1), decision, ANNA))


def test_a_date_that_loses_may_go_on_the_next_one_after_the_plan():
    """`retry_at` of a date that lost is a date after the span, since those within it have claims of their own."""
    caps = [{"name": "two a month", "max": 2, "window": {"calendar": "month"}}]
    decision = Arbiter(playbook(caps=caps)).decide(ANNA, at=AT, until=AT + WEEKS)
    assert told(decision) == [("11-03", "granted"), ("11-10", "granted"), ("11-17", "outbid")]
    assert decision.rows[-1].retry_at == datetime(2026, 12, 1, tzinfo=UTC)


def test_a_date_without_an_open_hour_says_so():
    """A holiday on a date keeps that one back, for the reason that it is."""
    decision = Arbiter(playbook(holidays=["2026-11-10"])).decide(ANNA, at=AT, until=AT + WEEKS)
    assert dict(told(decision)) == {"11-03": "granted", "11-10": "quiet_hours", "11-17": "granted"}


def test_a_planned_touch_is_replaced_by_its_own_date_only():
    """What was planned for a date in the span is decided again; what is planned for a later one counts."""
    caps = [{"name": "one in three weeks", "max": 1, "window": {"days": 21}}]
    planned = [
        Touch(at=AT + timedelta(days=days), channel="email", campaign="news", content="note", status="planned")
        for days in (1, 22)
    ]
    arbiter = Arbiter(playbook(caps=caps))
    assert len(arbiter.decide(ANNA, planned[:1], at=AT, until=AT + timedelta(days=2)).granted) == 1
    decision = arbiter.decide(ANNA, planned, at=AT, until=AT + WEEKS)
    assert [grant.send_at.day for grant in decision.granted] == [3]
    assert not list(violations(playbook(caps=caps), decision, ANNA, planned))


def test_a_claim_that_is_brought_is_one_claim():
    """A claim of a table is no occasion: it goes on one of the dates, or on its own."""
    arbiter = Arbiter(playbook())
    for at, days in ((None, [3]), (date(2026, 11, 10), [10])):
        decision = arbiter.decide(ANNA, (), [Claim(campaign="news", at=at)], at=AT, until=AT + WEEKS)
        assert [grant.send_at.day for grant in decision.granted] == days


def test_contents_of_one_date_exclude_each_other():
    """On each date the best of the contents goes."""
    found = playbook().to_dict()
    found["content"].append({"id": "text", "channel": "sms"})
    found["campaigns"][0]["content"] = ["note", "text"]
    decision = Arbiter(Playbook.from_dict(found)).decide(ANNA, at=AT, until=AT + WEEKS)
    assert [grant.content for grant in decision.granted] == ["note"] * 3
    assert {str(row.reason) for row in decision.rows if row.content == "text"} == {"outbid"}


@pytest.mark.parametrize(
    ("rule", "starts", "wanted"),
    [
        ("FREQ=WEEKLY;BYDAY=TU,TH", None, "03 05 10 12 17 19"),
        ("FREQ=MONTHLY;BYDAY=2TU", None, "10"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", None, "15"),
        ("FREQ=DAILY;UNTIL=20261104", None, "02 03 04"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "2026-11-02", "03 17"),
        ("FREQ=WEEKLY;COUNT=2", "2026-11-06", "06 13"),
        ("FREQ=DAILY;INTERVAL=5", "2026-11-01", "06 11 16 21"),
    ],
)
def test_recurrences_fall_on_their_days(rule, starts, wanted):
    """A rule is read as RFC 5545 says; one that counts does so from the campaign's start."""
    campaign = Campaign(id="k", dates=Recurrence(rule), starts=starts and date.fromisoformat(starts))
    first = day_number(date(2026, 11, 2))
    assert [day - first + 2 for day in campaign.own_dates.between(first, first + 20)] == [
        int(d) for d in wanted.split()
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"dates": {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}}, "falls on no day"),
        ({"dates": {"rrule": "FREQ=DAILY;INTERVAL=7;BYDAY=TU"}, "starts": "2026-11-02"}, "falls on no day"),
        ({"dates": {"rrule": "FREQ=WEEKLY;BYDAY=TU"}, "starts": "2026-11-04", "ends": "2026-11-09"}, "start and end"),
        ({"dates": {"rrule": "FREQ=SECONDLY"}}, "FREQ=YEARLY, MONTHLY, WEEKLY or DAILY"),
        ({"dates": {"rrule": "every Tuesday"}}, "one RRULE of dates"),
        ({"dates": {"rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"}}, "counts from the campaign's start"),
        ({"dates": {"rrule": "FREQ=WEEKLY"}}, "counts from the campaign's start"),
        ({"dates": {"rule": "FREQ=WEEKLY"}}, "unknown key 'rule'"),
        ({"dates": {}}, "the key 'rrule' is required"),
        ({"dates": "tuesday"}, "expected a list of dates, or a recurrence"),
        ({"dates": ["2026-11-03"], "ends": "2026-11-01"}, "none of the dates lies"),
    ],
)
def test_dates_that_never_come_are_refused_with_their_place(more, words):
    """A recurrence without a date, and one that cannot be read, are faults of the playbook."""
    with pytest.raises(PlaybookError) as found:
        playbook(**more)
    assert words in str(found.value)
    assert all(problem.path.startswith("campaigns[0].dates") for problem in found.value.problems)


def test_a_recurrence_is_written_and_read_back():
    """A playbook with a recurrence has a canonical form, and the class refuses what the file reader refuses."""
    found = playbook()
    assert found.to_dict()["campaigns"][0]["dates"] == TUESDAYS
    assert Playbook.from_dict(found.to_dict()) == found
    with pytest.raises(ModelError):
        Recurrence("FREQ=HOURLY")


@pytest.mark.parametrize("days", [None, 1, 16])
@pytest.mark.parametrize("repeat", [1, 2, None])
def test_over_tables_the_dates_go_alike(days, repeat):
    """Both engines give the same rows, for contacts in several zones, with what was planned before."""
    caps = [{"name": "one in five days", "max": 1, "window": {"days": 5}}]
    found = playbook({"rrule": "FREQ=WEEKLY;BYDAY=MO,TU,FR"}, repeat=repeat, caps=caps)
    people = [
        {"contact_id": f"c{n}", "timezone": ("UTC", "Pacific/Auckland", "America/New_York", None)[n % 4]}
        for n in range(16)
    ]
    history = [
        {
            "contact_id": f"c{n}",
            "sent_at": AT + timedelta(days=(-3, 0, 1, 4, 18)[n % 5]),
            "channel": "email",
            "campaign_id": "news",
            "status": ("planned", "planned", "sent")[n % 3],
        }
        for n in range(3, 16)
    ]
    assert_equal(found, people, history, at=AT, until=None if days is None else AT + timedelta(days=days))
