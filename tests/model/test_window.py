"""Windows: what counts with what, exactly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeykit import Lag, ModelError, Window
from journeykit.basics.clock import DAY, clock, day_date, day_number, micros, moment, next_period, period_start

ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Skopje",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/St_Johns",
]
instants = st.integers(micros(datetime(2005, 1, 1, tzinfo=UTC)), micros(datetime(2030, 1, 1, tzinfo=UTC)))
days = st.integers(day_number(date(1950, 1, 1)), day_number(date(2080, 1, 1)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("window", "touch", "claim", "counts"),
    [
        (Window.rolling("24h"), "2026-11-04T09:00Z", "2026-11-05T08:59:59.999999Z", True),
        (Window.rolling("24h"), "2026-11-04T09:00Z", "2026-11-05T09:00Z", False),
        (Window.rolling(days=7), "2026-11-06T10:00Z", "2026-11-13T09:59Z", True),
        (Window.days(3), "2026-11-02T23:59Z", "2026-11-04T00:00Z", True),
        (Window.days(3), "2026-11-02T23:59Z", "2026-11-05T00:00Z", False),
        (Window.calendar("week"), "2026-11-01T23:59Z", "2026-11-02T00:00Z", False),
        (Window.calendar("week", week_start="sunday"), "2026-11-01T00:00Z", "2026-11-07T23:59Z", True),
        (Window.calendar("month"), "2026-07-31T10:00Z", "2026-08-01T10:00Z", False),
        (Window.calendar("month", every=2), "2026-08-31T10:00Z", "2026-09-01T10:00Z", False),
        (Window.calendar("month", every=2), "2026-09-01T10:00Z", "2026-10-31T10:00Z", True),
        (Window.calendar("quarter"), "2026-10-01T00:00Z", "2026-12-31T23:59Z", True),
        (Window.calendar("year"), "2026-12-31T23:59Z", "2027-01-01T00:00Z", False),
        (Window.days(14, stretch="month"), "2026-11-01T00:00Z", "2026-11-30T23:59Z", True),
        (Window.days(14, stretch="month"), "2026-11-01T00:00Z", "2026-12-13T23:59Z", True),
        (Window.days(14, stretch="month"), "2026-11-01T00:00Z", "2026-12-14T00:00Z", False),
        (Window.between(date(2026, 11, 1), date(2026, 11, 30)), "2026-11-01T00:00Z", "2026-11-30T23:59Z", True),
        (Window.between(date(2026, 11, 1), date(2026, 11, 30)), "2026-10-31T23:59Z", "2026-11-30T23:59Z", False),
        (Window.ever(), "1999-01-01T00:00Z", "2026-11-30T23:59Z", True),
    ],
    ids=str,
)
def test_the_window_table(window: Window, touch: str, claim: str, counts: bool) -> None:
    """Each kind of window counts what the table says, at its very edges."""
    assert window.counts(at(touch), at(claim)) is counts
    assert window.counts(at(claim), at(touch)) is counts


def test_local_dates_are_those_of_the_zone() -> None:
    """The same two instants share a day in one zone and not in another; a window can name its own."""
    touch, claim = at("2026-11-04T23:00-05:00"), at("2026-11-05T00:00-05:00")
    day = Window.calendar("day")
    assert not day.counts(touch, claim, timezone="America/New_York")
    assert day.counts(touch, claim, timezone="UTC")
    assert Window.calendar("day", zone="UTC").counts(touch, claim, timezone="America/New_York")


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        ("2026-03-08T00:00-05:00", "2026-03-08T23:59:59-04:00", 23),
        ("2026-11-01T00:00-04:00", "2026-11-01T23:59:59-05:00", 25),
    ],
)
def test_days_of_23_and_25_hours(first: str, last: str, hours: int) -> None:
    """A day on which clocks change is one day, however long."""
    assert (at(last) - at(first) + timedelta(seconds=1)) == timedelta(hours=hours)
    assert Window.calendar("day").counts(at(first), at(last), timezone="America/New_York")
    next_day = at(last) + timedelta(seconds=1)
    assert not Window.calendar("day").counts(at(first), next_day, timezone="America/New_York")


@given(instants, st.sampled_from(ZONES))
def test_local_days_are_pythons(instant: int, zone: str) -> None:
    """The local date of an instant is the one that Python's datetime gives."""
    local = moment(instant).astimezone(clock(zone).zone)
    assert day_date(clock(zone).day(instant)) == local.date()
    day, time = clock(zone).local(instant)
    assert (day_date(day), time // 1_000_000) == (local.date(), local.hour * 3600 + local.minute * 60 + local.second)


@given(instants, st.sampled_from(ZONES))
def test_a_day_starts_at_its_first_instant(instant: int, zone: str) -> None:
    """The first instant of a local date lies on it, and the microsecond before does not."""
    day = clock(zone).day(instant)
    start = clock(zone).day_start(day)
    assert start <= instant or zone == "America/St_Johns"  # clocks there were once set back over midnight
    assert clock(zone).day(start) == day
    assert clock(zone).day(start - 1) < day


@given(instants, st.sampled_from(ZONES))
def test_local_times_lead_back_to_their_instant(instant: int, zone: str) -> None:
    """The instants of a local time include the one it was read from."""
    assert instant in clock(zone).instants(*clock(zone).local(instant))


def test_a_time_that_clocks_jump_over_is_the_instant_of_the_jump() -> None:
    """Half past two does not exist when clocks go forward: it is when they do; in autumn one exists twice."""
    spring, autumn = day_number(date(2026, 3, 8)), day_number(date(2026, 11, 1))
    new_york = clock("America/New_York")
    assert [moment(i) for i in new_york.instants(spring, 5 * DAY // 48)] == [at("2026-03-08T07:00Z")]
    found = [moment(i) for i in new_york.instants(autumn, 3 * DAY // 48)]
    assert found == [at("2026-11-01T05:30Z"), at("2026-11-01T06:30Z")]


WINDOWS = st.one_of(
    st.integers(1, 200).map(lambda hours: Window.rolling(hours=hours)),
    st.integers(1, 60).map(Window.days),
    st.tuples(st.integers(1, 60), st.sampled_from(["week", "month", "quarter", "year"])).map(
        lambda pair: Window.days(pair[0], stretch=pair[1])
    ),
    st.tuples(st.sampled_from(["day", "week", "month", "quarter", "year"]), st.integers(1, 5), st.booleans()).map(
        lambda parts: Window.calendar(parts[0], every=parts[1], week_start="sunday" if parts[2] else "monday")
    ),
)


@given(WINDOWS, days, st.integers(0, 400))
def test_the_start_of_a_window_never_moves_back(window: Window, day: int, later: int) -> None:
    """A window that ends later does not start earlier, and holds its own end."""
    assert window.back(day) <= window.back(day + later)
    assert window.back(day) <= day


@given(WINDOWS, days)
def test_leaving_is_exact(window: Window, day: int) -> None:
    """A touch counts until just before the place at which it leaves the window, and not from there on."""
    leave = window.leave(day)
    assert leave is not None
    assert window.back(leave - 1) <= day < window.back(leave)


@given(days, st.sampled_from(["day", "week", "month", "quarter", "year"]), st.integers(1, 7), st.booleans())
def test_periods_are_blocks_counted_from_1970(day: int, period: str, every: int, sunday: bool) -> None:
    """A block starts at or before each of its days, the next one after; 1970-01-01 lies in a first period."""
    start_of_week = "sunday" if sunday else "monday"
    start = period_start(day, period, every, start_of_week)
    after = next_period(day, period, every, start_of_week)
    assert start <= day < after
    assert period_start(after - 1, period, every, start_of_week) == start
    assert period_start(0, period, every, start_of_week) == period_start(0, period, 1, start_of_week)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Window.rolling("24x"), "no length of time"),
        (lambda: Window.rolling("0h"), "above zero"),
        (Window.rolling, "above zero"),
        (lambda: Window.days(0), "from 1 to"),
        (lambda: Window.days(True), "from 1 to"),
        (lambda: Window.calendar("weak"), "did you mean 'week'"),
        (lambda: Window.calendar("week", every=0), "every"),
        (lambda: Window.calendar("week", week_start="friday"), "'monday' or 'sunday'"),
        (lambda: Window.calendar("day", zone="Mars/Phobos"), "unknown time zone"),
        (lambda: Window.between(date(2026, 2, 1), date(2026, 1, 1)), "before it starts"),
        (lambda: Window.days(3, stretch="fortnight"), "stretch is one of"),
        (lambda: Window.days(3).counts(datetime(2026, 1, 1), at("2026-01-01T00:00Z")), "naive"),
        (lambda: Window.running().counts(at("2026-01-01T00:00Z"), at("2026-01-01T00:00Z")), "campaigns"),
        (lambda: Lag.parse("soon"), "no length of time"),
    ],
)
def test_what_cannot_be_is_refused(make, message: str) -> None:
    """A window or lag that cannot be is refused, with what is allowed."""
    with pytest.raises(ModelError, match=message):
        make()


def test_lags_are_days_or_lengths() -> None:
    """Days and weeks are local days; hours and minutes are exact."""
    assert (Lag.parse("2w").days, Lag.parse("90d").days) == (14, 90)
    assert Lag.parse("36h").length == timedelta(hours=36)
    assert [str(Lag.parse(text)) for text in ("90d", "36h", "45m")] == ["90d", "36h", "45m"]
