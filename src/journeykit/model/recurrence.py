"""Recurrences: dates that come again by a rule, of campaigns and holidays."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.clock import day_date, day_number, falls_from, recurrences
from journeykit.basics.validation import required_text, shown
from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

_RRULE = re.compile(r"(RRULE:)?[A-Z]+=[-+A-Z0-9,]+(;[A-Z]+=[-+A-Z0-9,]+)*;?", re.ASCII)
_PART = re.compile(r"([A-Z]+)=([^;]+)")
_KEYS = frozenset(
    [
        "FREQ",
        "INTERVAL",
        "COUNT",
        "UNTIL",
        "WKST",
        "BYMONTH",
        "BYMONTHDAY",
        "BYYEARDAY",
        "BYWEEKNO",
        "BYDAY",
        "BYSETPOS",
        "BYEASTER",
    ]
)
_DAYS = frozenset(["BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY", "BYEASTER"])
"""The parts that say which days; without any of them, a rule falls on days like the first one."""
FAR = 40 * 366
"""So many days ahead the dates of a recurrence are looked for."""
_LAST_DAY = day_number(date(9000, 1, 1))
_CYCLE = 400
"""So many years later the same dates are the same weekdays."""


def parts_of(rule: str, what: str) -> dict[str, str]:
    """The parts of a recurrence rule of dates.

    Args:
        rule: the text of the rule.
        what: what recurs, as errors call it.

    Raises:
        ModelError: for what is no such rule.
    """
    parts = dict(_PART.findall(rule)) if _RRULE.fullmatch(rule) else {}
    if parts.get("FREQ") not in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY") or not _KEYS.issuperset(parts):
        raise ModelError(
            f"a recurrence of {what} is one RRULE of dates: FREQ=YEARLY, MONTHLY, WEEKLY or DAILY, with any of "
            f"{', '.join(sorted(_KEYS - {'FREQ'}))}; found {shown(rule)}",
            field="rrule",
        )
    if not re.fullmatch("[1-9][0-9]{0,3}", parts.get("INTERVAL", "1")):
        raise ModelError(f"INTERVAL is a whole number from 1 to 9999, found {shown(parts['INTERVAL'])}", field="rrule")
    return parts


def _is_rule(_: Any, __: Any, value: str) -> None:
    parts_of(value, "dates")


@frozen
class Recurrence:
    """Dates that come again by a rule.

    Attributes:
        rrule: the rule (RFC 5545), such as ``FREQ=WEEKLY;BYDAY=TU``.

    Example:
        >>> tuesdays = Recurrence("FREQ=WEEKLY;BYDAY=TU")
        >>> start = day_number(date(2026, 11, 1))
        >>> [str(day_date(day)) for day in tuesdays.days(start, start + 13)]
        ['2026-11-03', '2026-11-10']
    """

    rrule: str = field(validator=[required_text, _is_rule])

    @property
    def needs_start(self) -> bool:
        """Whether its dates depend on where it starts: every so many, so many times, or on days like the first one."""
        parts = parts_of(self.rrule, "dates")
        days = parts["FREQ"] == "DAILY" or not _DAYS.isdisjoint(parts)
        return parts.get("INTERVAL", "1") != "1" or "COUNT" in parts or not days

    def days(self, first: int, last: int, start: date | None = None) -> Iterator[int]:
        """Its dates from one to another, ends included, as day numbers in order.

        Args:
            first: the first day number.
            last: the last one.
            start: where the rule starts, if it depends on that; it has no date before.
        """
        anchor = start if start is not None and self.needs_start else None
        low = first if start is None else max(first, day_number(start))
        for year in range(day_date(low).year, day_date(last).year + 1) if low <= last else ():
            for day in _days_of_year(self.rrule, anchor, year):
                if low <= day <= last:
                    yield day

    def first_from(self, start: date) -> date | None:
        """Its first date from one on; None where it has none, which is found out without looking far."""
        parts = parts_of(self.rrule, "dates")
        endless = ";".join(f"{key}={part}" for key, part in parts.items() if key not in ("COUNT", "UNTIL"))
        if not _falls(endless, start):
            return None
        found = next(self.days(day_number(start), day_number(start) + FAR, start), None)
        return None if found is None else day_date(found)


@frozen
class OwnDates:
    """The dates on which a campaign goes out, within its period.

    Attributes:
        given: the dates, in order, or their recurrence.
        starts: the first date of the campaign, or None.
        ends: the last one, or None.
    """

    given: tuple[date, ...] | Recurrence
    starts: date | None
    ends: date | None
    _days: tuple[int, ...] = field(init=False, repr=False, eq=False)

    @_days.default
    def _list(self) -> tuple[int, ...]:
        return () if isinstance(self.given, Recurrence) else tuple(map(day_number, self.given))

    def __contains__(self, day: object) -> bool:
        return isinstance(day, int) and any(True for _ in self.between(day, day))

    def between(self, first: int, last: int) -> Iterator[int]:
        """The dates from one day number to another, ends included, in order."""
        first = first if self.starts is None else max(first, day_number(self.starts))
        last = last if self.ends is None else min(last, day_number(self.ends))
        if isinstance(self.given, Recurrence):
            yield from self.given.days(first, last, self.starts)
        else:
            yield from self._days[bisect_left(self._days, first) : bisect_right(self._days, last)]

    def first_from(self, day: int) -> int | None:
        """The first date from a day number on; None where none comes, or none of a recurrence within forty years."""
        return next(self.between(day, min(day + FAR, _LAST_DAY)), None)


@lru_cache(maxsize=2_048)
def own_dates(given: tuple[date, ...] | Recurrence, starts: date | None, ends: date | None) -> OwnDates:
    """The dates of a campaign, made once."""
    return OwnDates(given, starts, ends)


@lru_cache(maxsize=2_048)
def _falls(endless: str, start: date) -> bool:
    # The same dates are the same weekdays 400 years later, where the years end soon.
    shifted = start.replace(year=start.year + (9_959 - start.year) // _CYCLE * _CYCLE)
    return falls_from(endless, day_number(shifted))


@lru_cache(maxsize=2_048)
def _days_of_year(rule: str, start: date | None, year: int) -> tuple[int, ...]:
    """The dates of a year, in order; a rule that starts nowhere starts a year before, so that its weeks are whole."""
    first, last = day_number(date(year, 1, 1)), day_number(date(year, 12, 31))
    return tuple(recurrences(rule, first, last, start or date(year - 1, 1, 1)))
