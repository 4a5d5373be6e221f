"""Windows: what "three a week" means.

Every window answers one question: does a touch at one instant count against a claim at another? All kinds but
`running` do it the same way. They put instants on an axis (the instant itself, or its local date) and know, for a
window that ends at a place on that axis, where it starts. That one function, `Window.back`, is the whole
difference between a rolling week, three local days and a calendar month.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from attrs import field, fields, frozen

from journeykit.basics.clock import DAY, PERIODS, UNITS, Clock, clock, day_number, micros, next_period, period_start
from journeykit.basics.validation import shown
from journeykit.errors import ModelError, closest

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["rolling", "days", "calendar", "between", "running", "ever", "decision"]
_DURATION = re.compile(r"\s*(\d{1,9})\s*([a-z])\s*")
_MOST_DAYS = 100_000
# Which fields a kind of window has; a field that it does not use stays as it is, so that equal windows are equal.
_PARTS = {
    "rolling": ("kind", "length"),
    "days": ("kind", "day_count", "stretch", "zone", "week_start"),
    "calendar": ("kind", "period", "every", "zone", "week_start"),
    "between": ("kind", "first", "last", "zone"),
    "running": ("kind", "zone"),
    "ever": ("kind",),
    "decision": ("kind",),
}


def _split_duration(text: object, field_name: str) -> tuple[int, str]:
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not found or found[2] not in UNITS or not found[1].isascii():
        raise ModelError(
            f"{shown(text)} is no length of time; write a whole number and m, h, d or w, such as '24h'",
            field=field_name,
        )
    if int(found[1]) * UNITS[found[2]] > _MOST_DAYS * DAY:
        raise ModelError(f"{text!r} is too long: at most {_MOST_DAYS} days", field=field_name)
    return int(found[1]), found[2]


@frozen
class Lag:
    """A distance in time: either whole local days or an exact length.

    Attributes:
        days: local days, or None.
        length: an exact length, or None.

    Example:
        >>> str(Lag.parse("90d")), str(Lag.parse("36h"))
        ('90d', '36h')
    """

    days: int | None = None
    length: timedelta | None = None

    def __attrs_post_init__(self) -> None:
        if (self.days is None) == (self.length is None):
            raise ModelError("a lag is either days or a length, not both and not neither", field="lag")
        if self.days is not None and (type(self.days) is not int or not 0 <= self.days <= _MOST_DAYS):
            raise ModelError(f"a lag is from 0 to {_MOST_DAYS} days, found {shown(self.days)}", field="lag")
        if self.length is not None:
            length: object = self.length
            if not isinstance(length, timedelta) or not timedelta(0) <= length <= timedelta(days=_MOST_DAYS):
                raise ModelError(f"a lag is from 0 to {_MOST_DAYS} days long, found {shown(length)}", field="lag")
            _short(length)

    @classmethod
    def parse(cls, text: str) -> Lag:
        """Read ``90d`` or ``2w`` as local days and ``36h`` or ``30m`` as an exact length.

        Raises:
            ModelError: if the text is no length of time.
        """
        count, unit = _split_duration(text, "lag")
        if unit in "dw":
            return cls(days=count * (7 if unit == "w" else 1))
        return cls(length=timedelta(microseconds=count * UNITS[unit]))

    def __str__(self) -> str:
        return f"{self.days}d" if self.length is None else _short(self.length)


def _short(length: timedelta, units: str = "hm") -> str:
    whole = length // timedelta(microseconds=1)
    unit = next((unit for unit in units if whole % UNITS[unit] == 0), None)
    if unit is None:
        raise ModelError("a length of time is a whole number of minutes", field="window")
    return f"{whole // UNITS[unit]}{unit}"


def _positive(kind: str, name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_DAYS:
        raise ModelError(
            f"{name} of a {kind} window must be a whole number from 1 to {_MOST_DAYS}, found {shown(value)}",
            field=name,
        )


@frozen
class Window:
    """When touches count together.

    Make one with `rolling`, `days`, `calendar`, `between`, `running`, `ever` or `decision`.

    Attributes:
        kind: ``rolling``, ``days``, ``calendar``, ``between``, ``running``, ``ever`` or ``decision``.
        zone: whose local dates: ``contact``, ``playbook`` or an IANA name. A rolling window has no use for it.
        week_start: ``monday`` or ``sunday``.

    Example:
        >>> from datetime import UTC
        >>> monday, sunday = datetime(2026, 11, 2, 9, tzinfo=UTC), datetime(2026, 11, 8, 9, tzinfo=UTC)
        >>> Window.calendar("week").counts(monday, sunday)
        True
        >>> Window.days(3).counts(monday, sunday)
        False
    """

    kind: Kind
    length: timedelta | None = None
    day_count: int | None = None
    period: str | None = None
    every: int = 1
    stretch: str | None = None
    first: date | None = None
    last: date | None = None
    zone: str = "contact"
    week_start: str = "monday"
    # Derived once: the hot path reads these and no dates.
    _span: int = field(init=False, repr=False, eq=False, default=0)
    _edges: tuple[int, int] = field(init=False, repr=False, eq=False, default=(0, 0))

    def __attrs_post_init__(self) -> None:
        kind: object = self.kind
        if not isinstance(kind, str) or kind not in _PARTS:
            raise ModelError(f"unknown kind of window {shown(kind)}; there is {', '.join(_PARTS)}", field="kind")
        if self.week_start not in ("monday", "sunday"):
            raise ModelError(f"week_start is 'monday' or 'sunday', found {shown(self.week_start)}", field="week_start")
        zone: object = self.zone
        if not isinstance(zone, str):
            raise ModelError(f"zone is 'contact', 'playbook' or an IANA name, found {shown(zone)}", field="zone")
        if self.zone not in ("contact", "playbook"):
            clock(self.zone)
        for own in fields(Window):
            if own.init and own.name not in _PARTS[self.kind] and getattr(self, own.name) != own.default:
                raise ModelError(f"a window of kind {self.kind} has no use for {own.name}", field=own.name)
        if self.kind == "rolling":
            if not isinstance(self.length, timedelta) or not timedelta(0) < self.length <= timedelta(days=_MOST_DAYS):
                raise ModelError("a rolling window needs a length above zero, such as '24h'", field="rolling")
            _short(self.length)
            self._set("_span", self.length // timedelta(microseconds=1))
        elif self.kind == "days":
            _positive("days", "days", self.day_count)
            self._set("_span", self.day_count)
            if self.stretch is not None:
                _check_period(self.stretch, "stretch")
        elif self.kind == "calendar":
            _check_period(self.period, "calendar")
            _positive("calendar", "every", self.every)
        elif self.kind == "between":
            for name, day in (("first", self.first), ("last", self.last)):
                if not isinstance(day, date) or isinstance(day, datetime):
                    raise ModelError(f"{name} of a between window must be a date, found {shown(day)}", field="between")
            assert self.first is not None and self.last is not None  # noqa: S101, PT018  (checked just above)
            if self.last < self.first:
                raise ModelError(f"the window ends ({self.last}) before it starts ({self.first})", field="between")
            self._set("_edges", (day_number(self.first), day_number(self.last)))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def rolling(
        cls, text: str | None = None, *, weeks: int = 0, days: int = 0, hours: int = 0, minutes: int = 0
    ) -> Window:
        """The last hours, on instants; a touch exactly one length old no longer counts.

        Args:
            text: the length as text, such as ``24h`` or ``7d`` (a day is 24 hours here); or give the parts.
            weeks: of 7 x 24 hours.
            days: of 24 hours.
            hours: of the length.
            minutes: of the length.
        """
        length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
        if text is not None:
            count, unit = _split_duration(text, "rolling")
            length = timedelta(microseconds=count * UNITS[unit])
        return cls("rolling", length=length)

    @classmethod
    def days(
        cls, count: int, *, stretch: str | None = None, zone: str = "contact", week_start: str = "monday"
    ) -> Window:
        """The last local dates, today included; with ``stretch``, from the start of the period they begin in."""
        return cls("days", day_count=count, stretch=stretch, zone=zone, week_start=week_start)

    @classmethod
    def calendar(cls, period: str, *, every: int = 1, zone: str = "contact", week_start: str = "monday") -> Window:
        """The same local day, week, month, quarter or year, or block of ``every`` such."""
        return cls("calendar", period=period, every=every, zone=zone, week_start=week_start)

    @classmethod
    def between(cls, first: date, last: date, *, zone: str = "contact") -> Window:
        """From one local date to another, ends included."""
        return cls("between", first=first, last=last, zone=zone)

    @classmethod
    def running(cls, *, zone: str = "contact") -> Window:
        """The campaigns that run at once: from each touch to the last local date of its campaign."""
        return cls("running", zone=zone)

    @classmethod
    def ever(cls) -> Window:
        """Always: a lifetime limit."""
        return cls("ever")

    @classmethod
    def decision(cls) -> Window:
        """What one decision grants, a whole plan included, and nothing of the history: "the best three"."""
        return cls("decision")

    def counts(self, touch: datetime, claim: datetime, *, timezone: str = "UTC") -> bool:
        """Whether a touch at or before a claim shares a window with it; a later one, whether the claim does.

        Args:
            touch: the instant of the touch, aware.
            claim: the instant of the claim, aware.
            timezone: the contact's (or playbook's) zone, where the window does not name its own.

        Raises:
            ModelError: for a naive instant, or for a `running` window, which depends on campaigns too, or one of a
                `decision`, in which no touch counts.
        """
        if self.kind == "running":
            raise ModelError("what counts in a running window depends on the campaigns' last dates", field="kind")
        if self.kind == "decision":
            raise ModelError("in a window of one decision no touches count", field="kind")
        local = self.clock(clock(timezone), clock(timezone))
        axis = self.axis(local)
        early, late = sorted((micros(touch, what="touch"), micros(claim, what="claim")))
        start, end = axis(early), axis(late)
        return start is not None and end is not None and self.back(end) <= start

    def clock(self, contact: Clock, playbook: Clock) -> Clock:
        """The clock whose local dates this window uses."""
        if self.zone == "contact":
            return contact
        return playbook if self.zone == "playbook" else clock(self.zone)

    @property
    def length_text(self) -> str:
        """The length of a rolling window as a file writes it; 24 hours are a day here, but for the first."""
        length = self.length or timedelta()
        return _short(length, "dhm" if length > timedelta(days=1) else "hm")

    @property
    def is_local(self) -> bool:
        """Whether the contact's own time zone matters to this window."""
        return self.zone == "contact" and self.kind not in ("rolling", "ever", "decision")

    def axis(self, local: Clock) -> Callable[[int], int | None]:
        """Where an instant lies on this window's axis; None where the window never counts it."""
        if self.kind == "rolling":
            return _itself
        if self.kind in ("ever", "decision"):
            return _nowhere_else
        if self.kind == "between":
            first, last = self._edges
            return lambda at: day if first <= (day := local.day(at)) <= last else None
        return local.day

    def back(self, end: int) -> int:
        """Where the window that ends at a place on the axis starts; never falls as the end grows."""
        if self.kind == "rolling" or (self.kind == "days" and self.stretch is None):
            return end - self._span + 1
        if self.kind == "calendar":
            assert self.period is not None  # noqa: S101  (checked when made)
            return period_start(end, self.period, self.every, self.week_start)
        if self.kind == "days":
            assert self.stretch is not None  # noqa: S101  (the other kind of days is above)
            return period_start(end - self._span + 1, self.stretch, 1, self.week_start)
        return self._edges[0]

    def leave(self, place: int) -> int | None:
        """The first place on the axis after a touch's own at which it no longer counts; None for never."""
        if self.kind == "rolling" or (self.kind == "days" and self.stretch is None):
            return place + self._span
        if self.kind == "calendar":
            assert self.period is not None  # noqa: S101  (checked when made)
            return next_period(place, self.period, self.every, self.week_start)
        if self.kind == "days":
            assert self.stretch is not None  # noqa: S101  (the other kind of days is above)
            return next_period(place, self.stretch, 1, self.week_start) + self._span - 1
        return self._edges[1] + 1 if self.kind == "between" else None

    def opens(self, place: int, local: Clock) -> int:
        """The first instant at a place on the axis."""
        return place if self.kind == "rolling" else local.day_start(place)

    def __str__(self) -> str:
        text: dict[str, Callable[[], str]] = {
            "rolling": lambda: f"rolling {self.length_text}",
            "days": lambda: f"{self.day_count} days" + (f" stretched to the {self.stretch}" if self.stretch else ""),
            "calendar": lambda: (
                f"calendar {self.period}" if self.every == 1 else f"{self.every} calendar {self.period}s"
            ),
            "between": lambda: f"{self.first} to {self.last}",
            "running": lambda: "campaigns at once",
            "ever": lambda: "ever",
            "decision": lambda: "one decision",
        }
        return text[self.kind]()


def _itself(at: int) -> int:
    return at


def _nowhere_else(_: int) -> int:
    return 0


def _check_period(period: object, name: str) -> None:
    if not isinstance(period, str) or period not in PERIODS:
        hint = closest(period, PERIODS) if isinstance(period, str) else None
        raise ModelError(
            f"{name} is one of {', '.join(PERIODS)}, found {shown(period)}"
            + (f"; did you mean {hint!r}?" if hint else ""),
            field=name,
        )
