"""Hours: when something may go out, in local time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeykit import Campaign, Holiday, Hours, ModelError, Playbook, SendAt
from journeykit.basics.clock import DAY, MINUTE, WEEKDAYS, clock, day_number, micros, moment
from journeykit.model.quiet_hours import Schedule

SKOPJE = clock("Europe/Skopje")


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text))


def test_a_period_across_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    """Monday 21:00 to 09:00 covers Monday evening and Tuesday morning, not Monday morning."""
    night = Schedule((Hours(start="21:00", end="09:00", days=["mon"]),))
    expected = {"2026-11-02T08:00+01:00": False, "2026-11-02T22:00+01:00": True, "2026-11-03T08:59+01:00": True}
    expected |= {"2026-11-03T09:00+01:00": False, "2026-11-03T22:00+01:00": False}
    assert {when: bool(night.closed("email", at(when), SKOPJE)) for when in expected} == expected


def test_from_equal_to_to_means_the_whole_day() -> None:
    """A period that ends where it begins is the whole local day."""
    sundays = Schedule((Hours(start="00:00", end="24:00", days=["sun"]),))
    assert sundays.closed("email", at("2026-11-08T00:00+01:00"), SKOPJE)
    assert sundays.closed("email", at("2026-11-08T23:59+01:00"), SKOPJE)
    assert not sundays.closed("email", at("2026-11-09T00:00+01:00"), SKOPJE)


def test_send_hours_close_what_lies_outside() -> None:
    """With send hours for a channel nothing goes outside them; other channels are free."""
    office = Schedule(send=(Hours(start="09:00", end="18:00", channel="phone", days=WEEKDAYS[:5]),))
    assert not office.closed("phone", at("2026-11-06T17:59+01:00"), SKOPJE)
    assert office.closed("phone", at("2026-11-06T18:00+01:00"), SKOPJE) == ("outside 09:00-18:00",)
    assert not office.closed("email", at("2026-11-06T18:00+01:00"), SKOPJE)
    assert moment(office.opens("phone", at("2026-11-06T18:00+01:00"), SKOPJE)) == datetime(2026, 11, 9, 8, tzinfo=UTC)


def test_holidays_are_dates_or_recurrences() -> None:
    """A holiday closes the whole local day, each year where it is a recurrence."""
    holidays = Schedule(
        holidays=(
            Holiday(date=date(2026, 12, 8), name="St Clement"),
            Holiday(rrule="FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1"),
        )
    )
    assert holidays.closed("email", at("2026-12-08T12:00+01:00"), SKOPJE) == ("St Clement",)
    assert holidays.closed("email", at("2029-01-01T12:00+01:00"), SKOPJE)
    assert not holidays.closed("email", at("2029-01-02T12:00+01:00"), SKOPJE)


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY;BYDAY=SA,SU", 104),
        ("FREQ=WEEKLY", 52),
        ("FREQ=WEEKLY;BYMONTH=1;BYDAY=MO", 4),
        ("FREQ=DAILY;BYDAY=SU", 52),
        ("FREQ=MONTHLY;BYDAY=-1SU", 12),
        ("FREQ=DAILY;UNTIL=20260110", 10),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31", 1),
    ],
)
def test_weekends_and_the_like_are_holidays_too(rule: str, days: int) -> None:
    """Recurrences by the week and the day are taken, though the last year that there is ends within a week."""
    first = day_number(date(2026, 1, 2))
    assert sum(Holiday(rrule=rule).falls_on(day) for day in range(first, first + 364)) == days - ("UNTIL" in rule)


def test_hours_that_never_end_open_never() -> None:
    """Where nothing is ever open, the answer is none, and it comes quickly."""
    assert Schedule((Hours(start="00:00", end="00:00"),)).opens("email", at("2026-11-05T12:00Z"), SKOPJE) is None


TIMES = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30, 59])).map(lambda t: f"{t[0]:02}:{t[1]:02}")
HOURS = st.builds(
    lambda start, end, days: Hours(start=start, end=end, days=days),
    TIMES,
    TIMES,
    st.lists(st.sampled_from(WEEKDAYS), max_size=3, unique=True),
)
ZONES = st.sampled_from(["UTC", "America/New_York", "Europe/Skopje", "Australia/Lord_Howe"])
INSTANTS = st.integers(at("2026-03-01T00:00Z"), at("2026-04-10T00:00Z")) | st.integers(
    at("2026-10-20T00:00Z"), at("2026-11-10T00:00Z")
)


@given(st.lists(HOURS, max_size=3), st.lists(HOURS, max_size=2), ZONES, INSTANTS)
def test_the_first_open_instant_is_the_first(quiet, send, zone, instant) -> None:
    """Nothing forbids the instant that is found; something forbids every quarter of an hour before it."""
    schedule, local = Schedule(tuple(quiet), tuple(send)), clock(zone)
    found = schedule.opens("email", instant, local)
    if found is None:
        return
    assert not schedule.closed("email", found, local)
    if found > instant:
        assert schedule.closed("email", found - 1, local)
        first_quarter = instant - instant % (15 * MINUTE) + 15 * MINUTE
        for probe in [instant, *range(first_quarter, min(found, instant + 3 * DAY), 15 * MINUTE)]:
            assert schedule.closed("email", probe, local)


@given(HOURS, st.integers(day_number(date(2026, 1, 1)), day_number(date(2026, 12, 31))))
def test_a_day_that_a_period_touches_holds_some_of_it(hours: Hours, day: int) -> None:
    """`touches` is true exactly for the days some minute of which is covered."""
    assert hours.touches(day) == any(hours.covers(day, minute * MINUTE) for minute in range(24 * 60))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Hours(start="9:0", end="10:00"), "HH:MM"),
        (lambda: Hours(start="24:30", end="10:00"), "HH:MM"),
        (lambda: Hours(start="09:00", end="10:00", days=["monday"]), "did you mean 'mon'"),
        (Holiday, "a date or an rrule"),
        (lambda: Holiday(rrule="FREQ=SOMETIMES"), "RRULE"),
        (lambda: Holiday(date=datetime(2026, 1, 1)), "must be a date"),
    ],
)
def test_hours_that_cannot_be_are_refused(make, message: str) -> None:
    """A time, weekday or holiday that cannot be is refused, with what is allowed."""
    with pytest.raises(ModelError, match=message):
        make()


def test_a_slot_is_the_first_open_instant_of_its_day() -> None:
    """The slot of a day is its first open instant from a given one on; a day that is closed throughout has none."""
    schedule = Schedule((Hours(start="21:00", end="08:00"), Hours(start="00:00", end="00:00", days=["sun"])))
    noon = at("2026-11-05T12:00+01:00")
    day = SKOPJE.day(noon)
    assert schedule.slot("email", day, noon, SKOPJE) == noon
    assert schedule.slot("email", day + 1, noon, SKOPJE) == at("2026-11-06T08:00+01:00")
    assert schedule.slot("email", day + 3, noon, SKOPJE) is None
    assert schedule.slot("email", day, noon + timedelta(hours=10) // timedelta(microseconds=1), SKOPJE) is None


def test_a_time_may_have_one_digit_of_hours() -> None:
    """`9:15` is `09:15`, and so is a `datetime.time`: of hours and of send times."""
    for written in ("9:15", "09:15", time(9, 15)):
        hours = Hours(start=written, end="24:00")
        assert (hours.start, hours.label, hours.edges[0]) == ("09:15", "09:15-24:00", (9 * 60 + 15) * MINUTE)
        assert Campaign(id="k", send_at=written).send_at == SendAt(default="09:15")
        assert SendAt(default="10:00", attribute="best").time_for({"best": written}) == hours.edges[0]
    book = {"quiet_hours": [{"from": "9:15", "to": "10:00"}], "channels": [{"name": "email", "send_at": "7:05"}]}
    padded = {"quiet_hours": [{"from": "09:15", "to": "10:00"}], "channels": [{"name": "email", "send_at": "07:05"}]}
    assert Playbook.from_dict(book).fingerprint == Playbook.from_dict(padded).fingerprint


@pytest.mark.parametrize(
    "written", ["9:5", "24:01", "9", "9:60", " 9:15", "009:15", "٩:15", time(9, 15, 30), 1260, None]
)
def test_what_is_no_time_is_refused(written) -> None:
    """Of hours and send times; where a number was read, how to write it is told."""
    for make in (lambda: Hours(start=written, end="10:00"), lambda: SendAt(default=written)):
        with pytest.raises(ModelError) as refused:
            make()
        if written == 1260 and "HH:MM" in str(refused.value):
            assert str(refused.value).endswith("found 1260; write it in quotes")
