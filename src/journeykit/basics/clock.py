"""Civil time: instants, local days and periods. The only home of python-dateutil.

Inside the library an instant is an int of microseconds since 1970-01-01T00:00Z, and a local date is an int of
days since 1970-01-01. Both are exact, compare fast, and mean the same to the row engine and to columns.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from journeykit.basics.validation import shown
from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FOREVER = 2**63 - 1

UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
"""The letters after a length of time, in microseconds."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DATE = date(1970, 1, 1)
FIRST_YEAR, LAST_YEAR = 1000, 9000
_EPOCH_ORDINAL = EPOCH_DATE.toordinal()
# A day inside the first and last year that Python can write, so that no zone offset can carry a date over the edge.
_FIRST_DAY = date(1, 1, 3).toordinal() - _EPOCH_ORDINAL
_LAST_DAY = date(9999, 12, 29).toordinal() - _EPOCH_ORDINAL

LAST = _LAST_DAY * DAY
"""No instant that is asked for lies this late: what would begin then never does."""

PERIODS = ("day", "week", "month", "quarter", "year")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OFFSET = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S*?) ?(UTC|GMT|Z|[+-]\d\d(?::?\d\d)?)", re.IGNORECASE | re.ASCII)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def wider(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    """The span of time, from its first to its last instant, that has all of two; None is one without any instant.

    Example:
        >>> wider((3, 5), (4, 9)), wider(None, (4, 9))
        ((3, 9), (4, 9))
    """
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def micros(moment: datetime, *, what: str = "at") -> int:
    """Microseconds since the epoch of an aware datetime.

    Raises:
        ModelError: if the datetime is naive, or no datetime at all.

    Example:
        >>> micros(datetime(1970, 1, 2, tzinfo=UTC))
        86400000000
    """
    if not isinstance(moment, datetime):
        raise ModelError(f"{what} must be an aware datetime, found {shown(moment)}", field=what)
    try:
        past = moment - EPOCH
    except TypeError:
        raise ModelError(
            f"{what} must be an aware datetime, found a naive one: {moment.isoformat()}; add a tzinfo",
            field=what,
        ) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ModelError(
            f"{what} must lie in the years {FIRST_YEAR} to {LAST_YEAR}, found {moment.isoformat()}", field=what
        )
    return (past.days * 86_400 + past.seconds) * SECOND + past.microseconds


def iso_text(text: str) -> str:
    """An instant as warehouses print it, in the form of ISO 8601: no blank before the offset, and Z for UTC and GMT.

    Example:
        >>> iso_text("2026-11-01 08:00:00.000 UTC"), iso_text("2026-11-01 08:00:00 +0000"), iso_text("soon")
        ('2026-11-01 08:00:00.000Z', '2026-11-01 08:00:00+0000', 'soon')
    """
    found = _OFFSET.fullmatch(text)
    return text if found is None else found[1] + (found[2] if found[2][0] in "+-" else "Z")


def first_and_last(at: datetime, until: datetime | None) -> tuple[int, int]:
    """The span of a decision in microseconds since the epoch; a single instant where there is no plan.

    Raises:
        ModelError: for a naive datetime, and for an end before the start.

    Example:
        >>> first_and_last(datetime(1970, 1, 2, tzinfo=UTC), None)
        (86400000000, 86400000000)
    """
    first = micros(at)
    last = first if until is None else micros(until, what="until")
    if last < first:
        raise ModelError(f"until ({until}) lies before at ({at}); a plan ends at or after its start", field="until")
    return first, last


def moment(at: int) -> datetime:
    """The aware UTC datetime of an instant; those beyond Python's years are held at the edge."""
    return EPOCH + timedelta(microseconds=min(max(at, _FIRST_DAY * DAY), _LAST_DAY * DAY))


def day_number(day: date) -> int:
    """Days since 1970-01-01.

    Example:
        >>> day_number(date(1970, 1, 31))
        30
    """
    return day.toordinal() - _EPOCH_ORDINAL


def day_date(number: int) -> date:
    """The date of a day number; those beyond Python's years are held at the edge."""
    return date.fromordinal(min(max(number, _FIRST_DAY), _LAST_DAY) + _EPOCH_ORDINAL)


@lru_cache(maxsize=65_536)
def period_start(day: int, period: str, every: int = 1, week_start: str = "monday") -> int:
    """First day of the block of ``every`` periods in which a day lies.

    Blocks are counted from the period of 1970-01-01, a Thursday.

    Example:
        >>> day_date(period_start(day_number(date(2026, 11, 19)), "week")).isoformat()
        '2026-11-16'
        >>> day_date(period_start(day_number(date(2026, 11, 19)), "quarter")).isoformat()
        '2026-10-01'
    """
    return _block_start(_block(day, period, every, week_start), period, every, week_start)


@lru_cache(maxsize=65_536)
def next_period(day: int, period: str, every: int = 1, week_start: str = "monday") -> int:
    """First day of the block after the one in which a day lies."""
    return _block_start(_block(day, period, every, week_start) + 1, period, every, week_start)


def _week_shift(week_start: str) -> int:
    # 1970-01-01 was the fourth day of a week from Monday and the fifth of one from Sunday.
    return 3 if week_start == "monday" else 4


def _block(day: int, period: str, every: int, week_start: str) -> int:
    if period == "day":
        return day // every
    if period == "week":
        return (day + _week_shift(week_start)) // 7 // every
    when = day_date(day)
    months = (when.year - 1970) * 12 + when.month - 1
    return months // _MONTHS[period] // every


def _block_start(block: int, period: str, every: int, week_start: str) -> int:
    if period == "day":
        return block * every
    if period == "week":
        return block * every * 7 - _week_shift(week_start)
    try:
        start = EPOCH_DATE + relativedelta(months=block * every * _MONTHS[period])
    except (OverflowError, ValueError):
        return _LAST_DAY if block > 0 else _FIRST_DAY
    return day_number(start)


class Clock:
    """Local time of one zone, on instants as ints.

    Use `clock` to get one: the same zone gives the same object, which remembers the offsets it has met.
    """

    __slots__ = ("_ends", "_offsets", "_starts", "name", "zone")

    def __init__(self, name: str, zone: ZoneInfo) -> None:
        self.name = name
        self.zone = zone
        # One offset per UTC day; None marks a day on which it changes.
        self._offsets: dict[int, int | None] = {}
        self._starts: dict[int, int] = {}
        # By UTC day, the offset of its last microsecond: each job of a process asks for nearly the same days.
        self._ends: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"clock({self.name!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return clock, (self.name,)

    def offset(self, at: int) -> int:
        """Microseconds by which local time is ahead of UTC at an instant."""
        day = at // DAY
        try:
            known = self._offsets[day]
        except KeyError:
            first, last = self._exact(day * DAY), self._exact(day * DAY + DAY - 1)
            known = self._offsets[day] = first if first == last else None
        return self._exact(at) if known is None else known

    def _exact(self, at: int) -> int:
        offset = moment(at).astimezone(self.zone).utcoffset()
        assert offset is not None  # noqa: S101  (a ZoneInfo always knows its offset)
        return (offset.days * 86_400 + offset.seconds) * SECOND + offset.microseconds

    def offsets(self, low: int, high: int) -> list[tuple[int, int]]:
        """The offsets from one instant to another: each with the instant from which it holds.

        Example:
            >>> [(moment(at).date().isoformat(), ahead // HOUR) for at, ahead in clock("Europe/Skopje").offsets(
            ...     micros(datetime(2026, 7, 1, tzinfo=UTC)), micros(datetime(2026, 12, 1, tzinfo=UTC)))]
            [('2026-07-01', 2), ('2026-10-25', 1)]
        """
        found = [(low, self._exact(low))]
        for day in range(low // DAY, high // DAY + 1):
            at = (day + 1) * DAY - 1
            if (ahead := self._ends.get(day)) is None:
                ahead = self._ends[day] = self._exact(at)
            while ahead != found[-1][1]:
                since = self._jump(max(day * DAY - 1, found[-1][0]), at)
                found.append((since, self._exact(since)))
        return found

    def edges(self, times: Sequence[int], low: int, high: int) -> Iterator[int]:
        """The instants from one to another, the latter not included, at which clocks show given times, and change.

        Ascending. Times are microseconds since local midnight. Whatever depends on the local date and time alone, and
        changes at these times only, changes at none but these instants: where clocks are set back, a time that was
        over begins again without showing any of its edges.

        Example:
            >>> night = clock("America/New_York").edges([2 * HOUR], *(
            ...     micros(datetime(2026, 11, day, 4, tzinfo=UTC)) for day in (1, 2)))
            >>> [moment(at).strftime("%H:%M") for at in night]
            ['06:00', '07:00']
        """
        for day in range(low // DAY, -(-high // DAY)):
            begin, end = day * DAY, (day + 1) * DAY
            ahead = self.offset(begin)
            if self._offsets[day] is not None and self.offset(begin - 1) == ahead:
                found = sorted(begin + (time - ahead) % DAY for time in times)
            else:
                runs = self.offsets(begin - 1, end - 1)
                changes = [since for since, _ in runs[1:]]
                found = sorted(
                    {
                        at
                        for (since, own), until in zip(runs, [*changes, end], strict=True)
                        for at in (begin + (time - own) % DAY for time in times)
                        if max(since, begin) <= at < until
                    }.union(changes)
                )
            yield from (at for at in found if low <= at < high)

    def day(self, at: int) -> int:
        """Local date of an instant, as a day number."""
        return (at + self.offset(at)) // DAY

    def local(self, at: int) -> tuple[int, int]:
        """Local date and time of day of an instant, as a day number and microseconds since midnight."""
        return divmod(at + self.offset(at), DAY)

    def moment(self, at: int) -> datetime:
        """The aware local datetime of an instant."""
        return moment(at).astimezone(self.zone)

    def instants(self, day: int, time: int = 0) -> list[int]:
        """The instants at which local clocks show this time on this day, earliest first.

        One on most days; two where clocks are set back over it. Where they are set forward over it, the one
        instant at which they jump.
        """
        wall = day * DAY + time
        offsets = {self.offset(wall - DAY), self.offset(wall + DAY), self.offset(wall)}
        found = sorted(wall - offset for offset in offsets if self.offset(wall - offset) == offset)
        return found or [self._jump(wall - max(offsets), wall - min(offsets))]

    def _jump(self, low: int, high: int) -> int:
        """The instant in (low, high] at which the offset changes."""
        before = self.offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == before:
                low = middle
            else:
                high = middle
        return high

    def day_start(self, day: int) -> int:
        """The first instant of a local date."""
        start = self._starts.get(day)
        if start is None:
            start = self._starts[day] = self.instants(day)[0]
        return start


@lru_cache(maxsize=1024)
def clock(name: str) -> Clock:
    """The clock of a time zone, by its IANA name.

    Raises:
        ModelError: if the time zone database of this machine does not know the name.

    Example:
        >>> day_date(clock("Asia/Tokyo").day(micros(datetime(2026, 11, 5, 20, tzinfo=UTC)))).isoformat()
        '2026-11-06'
    """
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError, UnicodeError):
        raise ModelError(
            f"unknown time zone {name!r}; use an IANA name such as 'Europe/Skopje' "
            "(on a machine without a time zone database, install the package tzdata)",
            field="timezone",
        ) from None
    return Clock(name, zone)


def recurrences(rule: str, first: int, last: int, start: date = EPOCH_DATE) -> Iterator[int]:
    """The local days from first to last, ends included, on which a recurrence rule falls that starts on a date."""
    low, high = (datetime.combine(day_date(day), datetime.min.time()) for day in (first, last))
    try:
        for when in _recurrence(rule, start).between(low, high, inc=True):
            yield day_number(when.date())
    except (ValueError, TypeError, OverflowError) as error:
        raise _unreadable(rule, error) from None


def falls_from(rule: str, start: int) -> bool:
    """Whether a recurrence rule that starts on a late day falls on any, up to the last that there is."""
    found = _recurrence(rule, day_date(start))
    try:
        return next(iter(found), None) is not None
    except (ValueError, OverflowError):
        # Looking for the next week or day, it went beyond the last year.
        return False


def _recurrence(rule: str, start: date) -> Any:
    from dateutil.rrule import rrulestr

    try:
        return rrulestr(rule, dtstart=datetime.combine(start, datetime.min.time()), ignoretz=True)
    except (ValueError, TypeError, OverflowError, KeyError, IndexError, AttributeError) as error:
        raise _unreadable(rule, error) from None


def _unreadable(rule: str, error: Exception) -> ModelError:
    return ModelError(f"the recurrence rule {rule!r} cannot be read: {error}", field="rrule")
