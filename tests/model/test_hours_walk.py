"""Hours against a walk: minute by minute over a year of twelve zones, where clocks are set forward and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from journeykit import Arbiter, Claim, Contact, Playbook
from journeykit.basics.clock import DAY, MINUTE, SECOND, clock, day_number, micros, moment

ZONES = (
    "America/New_York",
    "America/Santiago",  # midnight is set back to 23:00, and forward to 01:00
    "America/Nuuk",  # clocks change on a Saturday evening
    "America/Havana",  # 01:00 is set back to midnight
    "Africa/Casablanca",  # set back for Ramadan
    "Africa/Cairo",  # set back to 23:00, and forward from midnight, on other weekdays than Sunday
    "Antarctica/Troll",  # two hours
    "Asia/Beirut",
    "Asia/Kathmandu",  # never changes
    "Australia/Lord_Howe",  # half an hour
    "Europe/Skopje",
    "Pacific/Chatham",
)
START = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = micros(START) // MINUTE
# A year, and some weeks in which the last hours end.
MINUTES = (365 + 40) * 1440
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LAST_SUNDAYS = "FREQ=MONTHLY;BYDAY=-1SU"

PLAYBOOKS = {
    "an hour of the night": {"quiet_hours": [{"from": "01:30", "to": "02:30"}]},
    "nights": {"quiet_hours": [{"from": "23:30", "to": "08:00"}]},
    "minutes before midnight": {"quiet_hours": [{"from": "23:15", "to": "00:20"}, {"from": "12:00", "to": "18:00"}]},
    "a night of the week": {"quiet_hours": [{"from": "22:00", "to": "07:30", "days": ["sat", "thu"]}]},
    "send hours": {"send_hours": [{"from": "00:30", "to": "01:15"}, {"from": "09:00", "to": "12:00", "days": ["mon"]}]},
    "send hours across midnight": {"send_hours": [{"from": "22:30", "to": "00:10", "days": ["sat", "sun", "fri"]}]},
    "holidays": {
        "quiet_hours": [{"from": "01:00", "to": "06:15"}],
        "holidays": [{"rrule": LAST_SUNDAYS}, {"date": "2026-11-01"}, {"date": "2026-04-04"}],
    },
}


@cache
def local_minutes(zone: str) -> np.ndarray:
    """The local minute, counted from 1970, of every minute of the year: what clocks of the zone show."""
    zoned = ZoneInfo(zone)
    # No zone changes but on a quarter of an hour.
    ahead = [
        (START + timedelta(minutes=15 * n)).astimezone(zoned).utcoffset() // timedelta(minutes=1)
        for n in range(MINUTES // 15)
    ]
    return FIRST + np.arange(MINUTES) + np.repeat(ahead, 15)


def covered(hours: dict, day: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Whether local minutes lie in a period, which belongs to the day on which it begins."""
    low, high = (int(hours[key][:2]) * 60 + int(hours[key][3:]) for key in ("from", "to"))
    begins = np.isin((day + 3) % 7, [WEEK.index(name) for name in hours.get("days", WEEK)])
    began = np.isin((day + 2) % 7, [WEEK.index(name) for name in hours.get("days", WEEK)])
    if low < high:
        return begins & (low <= time) & (time < high)
    return (begins & (low <= time)) | (began & (time < high))


def holidays(hours: dict) -> list[int]:
    """The day numbers of a playbook's holidays."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(420)]
    found = []
    for holiday in hours.get("holidays", ()):
        if "rrule" in holiday:
            found += [day for day in days if day.weekday() == 6 and (day + timedelta(days=7)).month != day.month]
        else:
            found.append(date.fromisoformat(holiday["date"]))
    return [day_number(day) for day in found]


@cache
def walk(name: str, zone: str) -> tuple[np.ndarray, np.ndarray]:
    """By minute whether a message may go, and the first minute from it on at which one may."""
    hours = PLAYBOOKS[name]
    day, time = np.divmod(local_minutes(zone), 1440)
    may = ~np.isin(day, holidays(hours))
    for quiet in hours.get("quiet_hours", ()):
        may &= ~covered(quiet, day, time)
    if "send_hours" in hours:
        may &= np.logical_or.reduce([covered(send, day, time) for send in hours["send_hours"]])
    ways = np.where(may, np.arange(MINUTES), MINUTES * 2)
    return may, np.minimum.accumulate(ways[::-1])[::-1]


def first_open(name: str, zone: str, at: int) -> int:
    """The first instant from one on at which a message may go, by the walk."""
    may, first = walk(name, zone)
    place = at // MINUTE - FIRST
    return at if may[place] else int(FIRST + first[place]) * MINUTE


def slot_by_walk(name: str, zone: str, day: int, at: int) -> int | None:
    """The instant of a plan's slot on a local date, by the walk."""
    hours, shown = PLAYBOOKS[name], local_minutes(zone)
    wall = np.full(1440, day), np.arange(1440)
    if "send_hours" in hours or day in holidays(hours) or any(covered(q, *wall).any() for q in hours["quiet_hours"]):
        may = walk(name, zone)[0] & (shown // 1440 == day)
        may[: max(0, -(-at // MINUTE) - FIRST)] = False
        now = at // MINUTE - FIRST
        if at % MINUTE and walk(name, zone)[0][now] and shown[now] // 1440 == day:
            return at
        return int(FIRST + may.argmax()) * MINUTE if may.any() else None
    today, time = divmod(int(shown[at // MINUTE - FIRST]), 1440)
    if day <= today:
        return at if day == today else None
    # Where clocks skip the time, the minute at which they do.
    there = np.flatnonzero((shown // 1440 == day) & (shown % 1440 >= time))
    exact = np.flatnonzero(shown == day * 1440 + time)
    return int(FIRST + (exact if len(exact) else there)[0]) * MINUTE + (at % MINUTE if len(exact) else 0)


def changes(zone: str) -> list[int]:
    """The instants of the year at which clocks of a zone change."""
    shown = local_minutes(zone)[: 365 * 1440]
    return [int(FIRST + n + 1) * MINUTE for n in np.flatnonzero(np.diff(shown) != 1)]


def instants(zone: str) -> list[int]:
    """Instants to ask at: many around the changes of a zone's clocks, some of the rest of the year."""
    around = [change + step * 20 * MINUTE for change in changes(zone) for step in range(-45, 45)]
    rng = Random(zone)
    rest = [micros(START) + rng.randrange(365 * 1440) * MINUTE for _ in range(300)]
    return [at for at in around + rest if at >= micros(START)]


def playbook(name: str, **more) -> Playbook:
    campaigns = [{"id": "launch", "content": ["note"]}]
    return Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": campaigns,
            "on_missing": {"consent": "allow"},
        }
        | PLAYBOOKS[name]
        | more
    )


def test_the_zones_change_as_they_should() -> None:
    """The test is about something: eleven zones change their clocks twice in the year."""
    assert [len(changes(zone)) for zone in ZONES] == [0 if zone == "Asia/Kathmandu" else 2 for zone in ZONES]


@pytest.mark.parametrize("name", PLAYBOOKS)
@pytest.mark.parametrize("zone", ZONES)
def test_the_first_open_instant_is_that_of_the_walk(name: str, zone: str) -> None:
    """`Schedule.opens`, asked through a year, and often around the changes."""
    schedule, local = playbook(name).schedule, clock(zone)
    for at in instants(zone):
        for asked in (at, at + 17 * SECOND):
            assert schedule.opens("email", asked, local) == first_open(name, zone, asked), moment(asked)


@pytest.mark.parametrize("name", PLAYBOOKS)
@pytest.mark.parametrize("zone", ZONES)
def test_the_slot_of_each_day_is_that_of_the_walk(name: str, zone: str) -> None:
    """`Schedule.slot` on each day of the year: the first open minute of that local date."""
    schedule, local = playbook(name).schedule, clock(zone)
    may, shown = walk(name, zone)[0], local_minutes(zone)
    open_minutes = np.flatnonzero(may)
    days, places = np.unique(shown[open_minutes] // 1440, return_index=True)
    first = dict(zip(days.tolist(), ((FIRST + open_minutes[places]) * MINUTE).tolist(), strict=True))
    low = day_number(START.date()) + 1
    found = {day: schedule.slot("email", day, 0, local) for day in range(low, low + 364)}
    assert found == {day: first.get(day) for day in found}


def asked_instants(name: str) -> list[int]:
    """Some instants around each change of any zone; every third of them for each of the playbooks, in turn."""
    found = {change + step * 25 * MINUTE for zone in ZONES for change in changes(zone) for step in (-1, 0)}
    return sorted(found)[[*PLAYBOOKS].index(name) % 3 :: 3]


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_both_engines_retry_when_the_walk_opens(name: str) -> None:
    """`retry_at` of what quiet hours hold back: the first open minute, in one engine as in the other."""
    arbiter = Arbiter(playbook(name))
    rows = [{"contact_id": zone, "timezone": zone} for zone in ZONES]
    for at in asked_instants(name):
        wanted = {zone: first_open(name, zone, at) for zone in ZONES}
        when = moment(at)
        one = {zone: arbiter.decide(Contact(id=zone, timezone=zone), at=when).rows[0] for zone in ZONES}
        assert {zone: micros(row.send_at or row.retry_at) for zone, row in one.items()} == wanted, when
        table = arbiter.decide_table(rows, at=when, everything=True).to_pylist()
        assert {row["contact_id"]: micros(row["send_at"] or row["retry_at"]) for row in table} == wanted, when


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_both_engines_plan_by_the_slots_of_the_walk(name: str) -> None:
    """A plan over the days around a change: the claim of each date goes out in that day's slot, or not at all."""
    days = range(-1, 4)
    campaigns = [{"id": f"day {n}", "content": ["note"]} for n in days]
    arbiter = Arbiter(playbook(name, campaigns=campaigns))
    for zone in ZONES:
        for change in changes(zone):
            at = change - DAY - 7 * 37 * MINUTE
            until = change + 3 * DAY
            today = clock(zone).day(at)
            dates = {f"day {n}": today + n for n in days}
            wanted = {}
            for name_of, day in dates.items():
                slot = slot_by_walk(name, zone, day, at)
                wanted[name_of] = slot if slot is not None and at <= slot <= until else None
            claims = [Claim(campaign=c, at=date(1970, 1, 1) + timedelta(days=day)) for c, day in dates.items()]
            contact = Contact(id="anna", timezone=zone)
            one = arbiter.decide(contact, claims=claims, at=moment(at), until=moment(until))
            found = {row.campaign: None if row.send_at is None else micros(row.send_at) for row in one.rows}
            assert found == wanted, (zone, moment(change))
            table = arbiter.decide_table(
                [{"contact_id": "anna", "timezone": zone}],
                claims=[{"contact_id": "anna", "campaign_id": c.campaign, "at": c.at} for c in claims],
                at=moment(at),
                until=moment(until),
                everything=True,
            ).to_pylist()
            other = {row["campaign_id"]: row["send_at"] and micros(row["send_at"]) for row in table}
            assert other == wanted, (zone, moment(change))


@pytest.mark.parametrize(
    ("zone", "hours", "at", "wanted"),
    [
        ("America/New_York", ("01:30", "02:30"), "2026-11-01T05:45Z", "2026-11-01T06:00Z"),
        ("America/Santiago", ("23:30", "08:00"), "2026-04-05T02:45Z", "2026-04-05T03:00Z"),
    ],
)
def test_hours_that_were_over_begin_again(zone: str, hours: tuple, at: str, wanted: str) -> None:
    """Where clocks are set back out of quiet hours, a message may go at that very instant, retried or planned."""
    arbiter = Arbiter(playbook("nights", timezone=zone, quiet_hours=[dict(zip(("from", "to"), hours, strict=True))]))
    when, right = datetime.fromisoformat(at), datetime.fromisoformat(wanted)
    contact, rows = Contact(id="anna"), [{"contact_id": "anna"}]
    until = when + timedelta(days=2)
    assert arbiter.decide(contact, at=when).rows[0].retry_at == right
    assert arbiter.decide(contact, at=when, until=until).rows[0].send_at == right
    assert arbiter.decide_table(rows, at=when, everything=True).to_pylist()[0]["retry_at"] == right
    assert arbiter.decide_table(rows, at=when, until=until).to_pylist()[0]["send_at"] == right
