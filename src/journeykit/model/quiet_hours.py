"""Hours: when a message may go out: quiet hours, send hours and holidays, all in local time."""

from __future__ import annotations

import re
from datetime import date, time
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators

from journeykit.basics.clock import DAY, MINUTE, WEEKDAYS, Clock, day_date, day_number, falls_from, recurrences
from journeykit.basics.validation import calendar_date, instance, names, optional_text, shown
from journeykit.errors import ModelError, closest
from journeykit.model.cap import Scope
from journeykit.rule import Rule
from journeykit.rule.named_rules import NamedRules, audience_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from attrs import Attribute

    from journeykit.model.cap import Facets

_TIME = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)
# Beyond this many days of unbroken quiet, nothing is going to open any more.
HORIZON = 800
WEEKS = 28


def time_of_day(value: object, name: str = "from") -> int:
    """Minutes since midnight of a time that is written as ``HH:MM``, or ``H:MM``."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    minutes = int(found[1]) * 60 + int(found[2]) if found else 24 * 60 + 1
    if minutes > 24 * 60:
        # Some readers of YAML take 21:00 for a number of minutes.
        hint = "; write it in quotes" if isinstance(value, int) else ""
        raise ModelError(
            f"a time of day is written as 'HH:MM', from '00:00' to '24:00', found {shown(value)}{hint}", field=name
        )
    return minutes % (24 * 60)


def written_time(value: Any) -> Any:
    """A time of day as it is kept: ``9:15`` is ``09:15``, and a `datetime.time` its hours and minutes."""
    if type(value) is time:
        return value.isoformat("minutes") if value.isoformat().endswith(":00") else value
    return f"0{value}" if isinstance(value, str) and re.fullmatch(r"\d:[0-5]\d", value, re.ASCII) else value


def _check_time(_: Any, attribute: Attribute[Any], value: object) -> None:
    time_of_day(value, attribute.name)


def _days(value: str | Iterable[str] | None) -> tuple[str, ...]:
    found = names(value)
    for day in found:
        if day not in WEEKDAYS:
            hint = closest(day, WEEKDAYS)
            raise ModelError(
                f"a weekday is one of {', '.join(WEEKDAYS)}, found {day!r}"
                + (f"; did you mean {hint!r}?" if hint else ""),
                field="days",
            )
    return found


EVERYTHING = Scope()
"""The scope of hours and holidays that say no other."""


_AUDIENCE: Any = validators.optional(instance(Rule))


@frozen(kw_only=True)
class Hours:
    """A period of the day: as quiet hours nothing goes out in it, as send hours nothing goes out outside.

    Attributes:
        start: local time at which it begins (``from`` in a playbook file), ``HH:MM``.
        end: local time at which it ends (``to``), not included. Before the start it is the next day's; equal to
            the start means the whole day.
        channel: the channels it is about; none means all.
        days: the weekdays on which it begins, ``mon`` to ``sun``; none means all.
        name: how decisions refer to it; None makes one from the times.
        where: the messages that it is about; all by default.
        audience: the rule that says whom it protects; None for everybody. It protects those of whom it is unknown too.

    Example:
        >>> night = Hours(start="21:00", end="08:00", days=["fri"])
        >>> saturday = day_number(date(2026, 11, 7))
        >>> night.covers(saturday, 7 * 60 * MINUTE), night.covers(saturday, 22 * 60 * MINUTE)
        (True, False)
    """

    start: str = field(converter=written_time, validator=_check_time, metadata={"key": "from"})
    end: str = field(converter=written_time, validator=_check_time, metadata={"key": "to"})
    channel: tuple[str, ...] = field(default=(), converter=names)
    days: tuple[str, ...] = field(default=(), converter=_days)
    name: str | None = field(default=None, validator=optional_text)
    where: Scope = field(default=EVERYTHING, validator=instance(Scope), metadata={"later": True})
    audience: Rule | NamedRules | None = field(
        default=None, converter=audience_of, validator=_AUDIENCE, metadata={"later": True}
    )
    _from: int = field(init=False, repr=False, eq=False)
    _to: int = field(init=False, repr=False, eq=False)
    _weekdays: frozenset[int] = field(init=False, repr=False, eq=False)

    @_from.default
    def _start_micros(self) -> int:
        return time_of_day(self.start, "start") * MINUTE

    @_to.default
    def _end_micros(self) -> int:
        return time_of_day(self.end, "end") * MINUTE

    @_weekdays.default
    def _day_numbers(self) -> frozenset[int]:
        return frozenset(WEEKDAYS.index(day) for day in self.days or WEEKDAYS)

    @property
    def label(self) -> str:
        """Its name, or its times."""
        return self.name or f"{self.start}-{self.end}"

    @property
    def edges(self) -> tuple[int, int]:
        """The local times at which it begins and ends, in microseconds since midnight."""
        return self._from, self._to

    def applies(self, channel: str | None) -> bool:
        """Whether it is about a channel."""
        return not self.channel or channel in self.channel

    def begins(self, day: int) -> bool:
        """Whether it begins on a local date (a day number)."""
        return (day + 3) % 7 in self._weekdays  # 1970-01-01 was a Thursday

    def covers(self, day: int, time: int) -> bool:
        """Whether a local time (microseconds since midnight) of a local date lies in it."""
        start, end = self._from, self._to
        if start < end:
            return start <= time < end and self.begins(day)
        if start == end:
            return self.begins(day)
        return (time >= start and self.begins(day)) or (time < end and self.begins(day - 1))

    def touches(self, day: int) -> bool:
        """Whether any part of it lies on a local date."""
        return self.begins(day) or (self._from > self._to > 0 and self.begins(day - 1))


def _known_rule(_: Any, __: Any, value: str | None) -> None:
    if value is None:
        return
    from journeykit.model.recurrence import parts_of

    parts = parts_of(value, "holidays")
    if (
        parts["FREQ"] in ("DAILY", "WEEKLY")
        and parts.get("INTERVAL", "1") != "1"
        and any(key.startswith("BY") for key in parts)
    ):
        raise ModelError(
            f"every so many days or weeks, and of these some, is no holiday; found {shown(value)}", field="rrule"
        )
    # dateutil looks for the next date up to the year 9999, so that a rule without any takes seconds, each time it is
    # asked. Asked near that end, it says so at once; forty years hold every combination of weekday and leap year.
    bare = ";".join(f"{key}={part}" for key, part in parts.items() if key not in ("COUNT", "INTERVAL", "UNTIL"))
    _late(value.removeprefix("RRULE:"), 9996)
    if not _late(bare, 9996) and not _late(bare, 9960):
        raise ModelError(f"the recurrence rule {value!r} falls on no day", field="rrule")


def _late(rule: str, year: int) -> bool:
    """Whether a recurrence that starts with a late year falls on any day."""
    try:
        return falls_from(rule, day_number(date(year, 1, 1)))
    except ModelError as error:
        raise ModelError(str(error), field="rrule") from None


@frozen(kw_only=True)
class Holiday:
    """A local date, or a recurrence of dates, on which nothing goes out.

    Attributes:
        date: the date, or None.
        rrule: a recurrence rule (RFC 5545), such as ``FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1``, or None.
        name: how decisions refer to it; None makes one from the rest.
        where: the messages that it is about; all by default.
        audience: the rule that says whom it protects; None for everybody. It protects those of whom it is unknown too.
    """

    date: date | None = field(default=None, validator=validators.optional(calendar_date), metadata={"short": True})
    rrule: str | None = field(default=None, validator=[optional_text, _known_rule])
    name: str | None = field(default=None, validator=optional_text)
    where: Scope = field(default=EVERYTHING, validator=instance(Scope), metadata={"later": True})
    audience: Rule | NamedRules | None = field(
        default=None, converter=audience_of, validator=_AUDIENCE, metadata={"later": True}
    )

    def __attrs_post_init__(self) -> None:
        if (self.date is None) == (self.rrule is None):
            raise ModelError("a holiday is a date or an rrule", field="date")

    @property
    def label(self) -> str:
        """Its name, or its date."""
        return self.name or f"holiday {self.date or self.rrule}"

    def falls_on(self, day: int) -> bool:
        """Whether it falls on a local date (a day number)."""
        if self.date is not None:
            return day == day_number(self.date)
        assert self.rrule is not None  # noqa: S101  (one of the two is given)
        return day in _days_of_year(self.rrule, day_date(day).year)


def is_for_all(hours: Hours | Holiday) -> bool:
    """Whether hours are about every message and protect everybody."""
    return hours.audience is None and hours.where == EVERYTHING


@lru_cache(maxsize=512)
def _days_of_year(rule: str, year: int) -> frozenset[int]:
    return frozenset(recurrences(rule, day_number(date(year, 1, 1)), day_number(date(year, 12, 31))))


@frozen(eq=False)
class Schedule:
    """All quiet hours, send hours and holidays of a playbook, asked together.

    Attributes:
        quiet: the quiet hours.
        send: the send hours.
        holidays: the holidays.
        unsure: the send hours of which it is unknown whether they are about the contact. Where no others are about a
            channel, nothing goes out outside those of any one audience; they allow nothing that others forbid.
        asks_time: whether the instant makes a difference to whom they protect.
        audiences: the rules that say whom hours and holidays protect.

    Example:
        >>> from journeykit.basics.clock import clock, micros, moment
        >>> from datetime import UTC, datetime
        >>> nights = Schedule((Hours(start="22:00", end="06:00"),))
        >>> half_past_five = micros(datetime(2026, 11, 5, 5, 30, tzinfo=UTC))
        >>> nights.closed("email", half_past_five, clock("UTC"))
        ('22:00-06:00',)
        >>> moment(nights.opens("email", half_past_five, clock("UTC"))).isoformat()
        '2026-11-05T06:00:00+00:00'
    """

    quiet: tuple[Hours, ...] = ()
    send: tuple[Hours, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    unsure: tuple[Hours, ...] = ()
    asks_time: bool = False
    audiences: tuple[Rule, ...] = field(init=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.quiet or self.send or self.holidays or self.unsure)

    @property
    def hours(self) -> tuple[Hours, ...]:
        """All of its hours: the quiet hours, then the send hours."""
        return self.quiet + self.send + self.unsure

    @audiences.default
    def _rules(self) -> tuple[Rule, ...]:
        everything: tuple[Hours | Holiday, ...] = (*self.hours, *self.holidays)
        return tuple(dict.fromkeys(own.audience for own in everything if own.audience is not None))

    def about(self, facets: Facets, channel: str | None) -> Schedule:
        """What is about messages with some facets."""
        quiet = tuple(own for own in self.quiet if own.applies(channel) and own.where.matches(facets))
        send = tuple(own for own in self.send if own.applies(channel) and own.where.matches(facets))
        return Schedule(quiet, send, tuple(own for own in self.holidays if own.where.matches(facets)))

    def protecting(self, holds: Callable[[Rule], bool | None]) -> Schedule:
        """What protects a contact, given what each audience says of them: true, false or unknown."""

        def of(part: tuple[Any, ...], *answers: bool | None) -> tuple[Any, ...]:
            return tuple(own for own in part if (True if own.audience is None else holds(own.audience)) in answers)

        known, unknown = (True,), (True, None)
        return Schedule(
            of(self.quiet, *unknown), of(self.send, *known), of(self.holidays, *unknown), of(self.send, None)
        )

    def closed(self, channel: str | None, at: int, local: Clock) -> tuple[str, ...]:
        """The labels of all that forbids a channel at an instant (microseconds); none where it may go."""
        return tuple(self._closed(channel, *local.local(at)))

    def _closed(self, channel: str | None, day: int, time: int) -> Iterator[str]:
        for hours in self.quiet:
            if hours.applies(channel) and hours.covers(day, time):
                yield hours.label
        for hours in self._missed(channel, day, time):
            yield f"outside {hours.label}"
        for holiday in self.holidays:
            if holiday.falls_on(day):
                yield holiday.label

    def _missed(self, channel: str | None, day: int, time: int) -> list[Hours]:
        """The send hours outside of which a local time lies."""
        found = [hours for hours in self.send if hours.applies(channel)]
        if found:
            return [] if any(hours.covers(day, time) for hours in found) else found
        unsure = [hours for hours in self.unsure if hours.applies(channel)]
        # Those of one audience are about the contact together, or not at all.
        open_for = {hours.audience for hours in unsure if hours.covers(day, time)}
        return [hours for hours in unsure if hours.audience not in open_for]

    def concerns(self, channel: str | None) -> bool:
        """Whether anything is about a channel at all."""
        return bool(self.holidays) or any(hours.applies(channel) for hours in self.hours)

    def is_ever_open(self, channel: str | None) -> bool:
        """Whether there is any time at all at which nothing forbids a channel.

        Holidays that end some day, or are single dates, do not count.

        Example:
            >>> Schedule((Hours(start="00:00", end="24:00"),)).is_ever_open("email")
            False
            >>> Schedule((Hours(start="00:00", end="24:00", channel="sms", days=["sun"]),)).is_ever_open("sms")
            True
        """
        endless = [
            holiday.rrule for holiday in self.holidays if holiday.rrule and not re.search("COUNT|UNTIL", holiday.rrule)
        ]
        lasting = Schedule(self.quiet, self.send, tuple(Holiday(rrule=rule) for rule in endless))
        edges = sorted({0}.union(*(hours.edges for hours in self.hours)))
        monday = day_number(date(2024, 1, 1))
        # Hours repeat each week; eight years hold what recurs by the leap day too.
        days = range(monday, monday + (7 if not endless else 8 * 366))
        return any(not any(True for _ in lasting._closed(channel, day, time)) for day in days for time in edges)

    def restricts(self, channel: str | None, day: int) -> bool:
        """Whether anything restricts the hours of a channel on a local date."""
        return (
            any(hours.applies(channel) for hours in (*self.send, *self.unsure))
            or any(hours.applies(channel) and hours.touches(day) for hours in self.quiet)
            or any(holiday.falls_on(day) for holiday in self.holidays)
        )

    def opens(self, channel: str | None, at: int, local: Clock) -> int | None:
        """The first instant from ``at`` on that nothing forbids.

        None where none comes within two years with holidays, and some weeks without, since hours alone repeat each
        week.
        """
        if not self or not self.closed(channel, at, local):
            return at
        last = (at // DAY + (HORIZON if self.holidays else WEEKS)) * DAY
        return self._first_open(channel, at + 1, last, local)

    def slot(self, channel: str | None, day: int, since: int, local: Clock) -> int | None:
        """The earliest instant of a local date, from ``since`` on, that nothing forbids; None if there is none."""
        start = max(local.day_start(day), since)
        # No local date is longer, even where clocks are set back from it to the one before.
        return self._first_open(channel, start, local.day_start(day) + 2 * DAY, local, day)

    def _first_open(
        self, channel: str | None, low: int, high: int, local: Clock, date: int | None = None
    ) -> int | None:
        """The first open instant from one to another, where asked on a local date."""
        # Only at one of these local times, or where clocks change, can something begin or end.
        edges = sorted({0}.union(*(hours.edges for hours in self.hours)))
        for at in chain((low,), local.edges(edges, low, high)):
            day, time = local.local(at)
            if (date is None or day == date) and not any(True for _ in self._closed(channel, day, time)):
                return at
        return None


NO_HOURS = Schedule()
"""The schedule of what may go at any time."""
