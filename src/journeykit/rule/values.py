"""What the values of a rule are, how they compare, and the functions that a rule may call.

A value has no type of its own that matters: a comparison reads it as the kind of what it is compared with, in every
format of tables alike. A missing value, None, NaN or a text of nothing but blanks is unknown, and so is a comparison
with one, or with a value that cannot be read as the kind that is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from numbers import Number
from operator import eq
from types import MappingProxyType
from typing import Any

from journeykit.errors import ModelError

Verdict = bool | None
Comparison = Callable[[Any, Any], Any]


class Held(tuple[str, ...]):  # noqa: SLOT001  (a tuple has no slots that hold anything)
    """The segments that a contact is in, and those of which that is unknown.

    Attributes:
        unknown: the names of those of which it is unknown.
        named: by segment of the playbook, what is said of the contact, for the rule of another segment: that sees them
            where it asks for one by its name, and else the segments that the contact brings.
    """

    unknown: frozenset[str] = frozenset()
    named: Mapping[str, Verdict] = MappingProxyType({})


LISTS = frozenset({list, tuple, set, frozenset, Held})

_KINDS: Mapping[type, str] = {
    bool: "boolean",
    int: "number",
    str: "text",
    date: "date",
    **dict.fromkeys(LISTS, "list"),
}
_UNKNOWN = (None, None)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (only ever subtracted from naive datetimes)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


def typed(value: Any) -> tuple[str | None, Any]:
    """The kind of a value, None where it is unknown, and the value as it compares.

    Example:
        >>> typed(40), typed("MK"), typed(float("nan"))
        (('number', 40), ('text', 'MK'), (None, None))
    """
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind, value
    if type(value) is float:
        return ("number", value) if value == value else _UNKNOWN  # noqa: PLR0124  (NaN is not itself)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # pandas' own, without pandas
        return _UNKNOWN
    if isinstance(value, datetime):
        instant = _since_epoch(value)
        return _UNKNOWN if instant is None else ("instant", instant)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _plain(value.item(), getattr(value.dtype, "kind", ""))
    if isinstance(value, float):
        return typed(float(value))
    if isinstance(value, Number) and hasattr(value, "is_nan"):  # a Decimal, without its import
        return _UNKNOWN if value.is_nan() else ("number", value)
    return next((kind for base, kind in _KINDS.items() if isinstance(value, base)), "other"), value


def _plain(value: Any, dtype: str) -> tuple[str | None, Any]:
    # NumPy's nanoseconds come out as a number, its other instants as naive datetimes: both lack a zone.
    if dtype in "mM" and isinstance(value, int):
        return _UNKNOWN
    return typed(value) if type(value).__module__ != "numpy" else ("other", value)


NUMBER, TRUTH, MOMENT, TEXT = "number", "boolean", "instant", "text"
"""The kinds as which a comparison reads values."""
Moment = timedelta | datetime | date
"""A point in time: an instant, as its distance from 1970; a local time, naive; or a local date."""

_NUMERAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_INFINITE = frozenset({"inf", "+inf", "-inf"})
_TRUTHS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "t", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "no", "f", "n", "0", "0.0"), False),
}
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(?: ?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?))?)?",
    re.ASCII,
)
_LONGEST_NUMERAL = 400


def as_number(value: Any) -> Any:
    """A value as a number; None where it is not one. Truth values, dates, ``50,5`` and ``50%`` are no numbers.

    Example:
        >>> as_number("01000"), as_number(" 50.5 "), as_number("50%"), as_number(True)
        (1000, 50.5, None, None)
    """
    own = type(value)
    if own is int:
        return value
    if own is float:
        return value if value == value else None  # noqa: PLR0124  (NaN is not itself)
    if own is str:
        return _numeral(value)
    kind, value = typed(value)
    return value if kind == NUMBER else _numeral(value) if kind == TEXT else None


def _numeral(text: str) -> int | float | None:
    text = text.strip()
    if len(text) > _LONGEST_NUMERAL:
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMERAL.fullmatch(text) or text.lower() in _INFINITE:
        return float(text)
    return None


def as_truth(value: Any) -> bool | None:
    """A value as true or false: also ``yes`` and ``no``, ``t`` and ``f``, ``y`` and ``n``, 1 and 0; else None.

    Example:
        >>> as_truth("Yes"), as_truth(0), as_truth("f"), as_truth("maybe"), as_truth(2)
        (True, False, False, None, None)
    """
    if value is True or value is False or value is None:
        return value
    if type(value) is str:
        return _TRUTHS.get(value.strip().lower())
    kind, value = typed(value)
    if kind == TRUTH:
        return bool(value)
    if kind == TEXT:
        return _TRUTHS.get(value.strip().lower())
    return bool(value) if kind == NUMBER and value in (0, 1) else None


def as_moment(value: Any) -> Moment | None:
    """A value as an instant or a date; None for any other, and for a time without a zone.

    Example:
        >>> as_moment("2026-11-05"), as_moment("1970-01-01T00:00:01Z"), as_moment("2026-W45"), as_moment(20261105)
        (datetime.date(2026, 11, 5), datetime.timedelta(seconds=1), None, None)
    """
    kind, value = typed(value)
    if kind == TEXT:
        value = moment_in(value)
        return None if isinstance(value, datetime) else value
    return value if kind in (MOMENT, "date") else None


def moment_in(text: str) -> Moment | None:
    """What a text says: an instant, a naive local time, or a date; None where it is none of them.

    Dates are written ``2026-11-05``: weeks (``2026-W45``) and other codes are texts.

    Example:
        >>> moment_in("2026-11-05 10:00:00.000 +00:00") == moment_in("2026-11-05T10:00Z")
        True
        >>> moment_in("2026-11-05 10:00")
        datetime.datetime(2026, 11, 5, 10, 0)
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    day, time, zone = found.groups()
    try:
        if time is None:
            return date.fromisoformat(day)
        whole, dot, parts = time.partition(".")
        naive = datetime.fromisoformat(f"{day}T{whole}{dot}{parts[:6].ljust(6, '0') if dot else ''}")
        if zone is None:
            return naive
        return _since_epoch(datetime.fromisoformat(f"{naive.isoformat()}{'Z' if zone in ('UTC', 'z') else zone}"))
    except ValueError:
        return None


def as_text(value: Any) -> str | None:
    """A value as text: that of a whole number has no point, that of true is ``true``; None for a list.

    Example:
        >>> as_text(50), as_text(50.0), as_text(True), as_text(date(2026, 11, 5))
        ('50', '50', 'true', '2026-11-05')
    """
    own = type(value)
    if own is str:
        return value  # type: ignore[no-any-return]  # as we have just seen
    if own is int:
        return _digits(value)
    if own is bool:
        return "true" if value else "false"
    kind, plain = typed(value)
    if kind in (None, "list"):
        return None
    if kind == TEXT:
        return str(plain)
    if kind == TRUTH:
        return "true" if plain else "false"
    if kind == NUMBER:
        return _number_text(plain)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value) if type(value).__name__ == "UUID" else None


def _number_text(number: Any) -> str | None:
    try:
        whole = int(number)
    except (OverflowError, ValueError):
        return repr(float(number))
    return _digits(whole) if whole == number and abs(whole) < 10**16 else repr(float(number))


def _digits(number: int) -> str | None:
    return str(number) if abs(number) < 10**_LONGEST_NUMERAL else None


READERS: Mapping[str, Callable[[Any], Any]] = {NUMBER: as_number, TRUTH: as_truth, MOMENT: as_moment, TEXT: as_text}
"""How a comparison of each kind reads a value."""


def is_empty(value: Any) -> bool:
    """Whether a value is missing: None, NaN, or a text of nothing but blanks.

    Example:
        >>> [is_empty(value) for value in (None, float("nan"), " ", 0, False, [])]
        [True, True, True, False, False, False]
    """
    if type(value) is str:
        return not value or value.isspace()
    # A time without a zone is unknown, and no empty cell.
    return typed(value)[0] is None and (type(value).__name__ == "NaTType" or not isinstance(value, datetime))


def kind_of(literal: Any) -> str | None:
    """The kind as which a comparison with a literal reads values; None for the literal None.

    Example:
        >>> kind_of(40), kind_of("MK"), kind_of("2026-11-05"), kind_of("2026-W45"), kind_of(True)
        ('number', 'text', 'instant', 'text', 'boolean')
    """
    kind = typed(literal)[0]
    return MOMENT if kind == TEXT and moment_in(literal) is not None else kind


def compare(
    comparison: Comparison, left: Any, right: Any, kind: str | None = None, now: datetime | None = None
) -> Verdict:
    """What a function of `operator` says of two values, both read as one kind; unknown where one cannot be.

    Args:
        comparison: which.
        left: a value.
        right: another.
        kind: as which they are read; None for numbers where both are, else instants or dates, else texts.
        now: the moment, in the contact's zone, by whose dates an instant and a date compare; None for UTC.

    Example:
        >>> compare(eq, "1", 1.0, "number"), compare(eq, "01", 1, "text"), compare(eq, "MK", 1, "number")
        (True, False, None)
        >>> compare(eq, "01", 1), compare(eq, "2026-11-05T10:00Z", date(2026, 11, 5))
        (True, True)
    """
    if left is None or right is None:
        return None
    if kind is None:
        for reads in (as_number, as_moment):
            one, other = reads(left), reads(right)
            if one is not None and other is not None:
                return _compared(comparison, one, other, now)
        kind = TEXT
    if kind == MOMENT:
        return _compared(comparison, _moment_or_local(left), _moment_or_local(right), now)
    read = READERS[kind]
    return _compared(comparison, read(left), read(right), now)


def _moment_or_local(value: Any) -> Moment | None:
    # Only a literal is a naive time by now: see `local_time`.
    return value.naive if type(value) is LocalTime else as_moment(value)


class LocalTime(str):
    """A time without a zone, as a rule writes it: that of the contact's own clocks.

    Attributes:
        naive: what the text says.
    """

    __slots__ = ("naive",)
    naive: datetime


def local_time(literal: Any) -> Any:
    """A literal as comparisons take it: a naive time, which only a literal may be, is marked."""
    found = moment_in(literal) if type(literal) is str else None
    if not isinstance(found, datetime):
        return literal
    local = LocalTime(literal)
    local.naive = found
    return local


def _compared(comparison: Comparison, left: Any, right: Any, now: datetime | None) -> Verdict:
    if left is None or right is None:
        return None
    try:
        if type(left) is not type(right) and isinstance(left, Moment) and isinstance(right, Moment):
            left, right = _alike(left, right, now)
        return bool(comparison(left, right))
    except (TypeError, ValueError, ArithmeticError):
        return None


def _alike(left: Moment, right: Moment, now: datetime | None) -> tuple[Any, Any]:
    """Two moments of unlike kinds as dates of the contact, or as local times where neither is a date."""
    zone = UTC if now is None or now.tzinfo is None else now.tzinfo
    both = [
        (datetime(1970, 1, 1, tzinfo=UTC) + part).astimezone(zone).replace(tzinfo=None)
        if isinstance(part, timedelta)
        else part
        for part in (left, right)
    ]
    if all(isinstance(part, datetime) for part in both):
        return both[0], both[1]
    dates = [part.date() if isinstance(part, datetime) else part for part in both]
    return dates[0], dates[1]


def member(item: Any, elements: Iterable[Any], kind: str | None = None, now: datetime | None = None) -> Verdict:
    """Whether one of the elements is equal: unknown where none is, but some comparison is unknown.

    Args:
        item: what is looked for.
        elements: where.
        kind: as which both are read, as for `compare`.
        now: likewise.

    Example:
        >>> member("b", ["a", "b", None]), member("c", ["a", "b", None])
        (True, None)
    """
    verdict: Verdict = False
    for element in elements:
        same = compare(eq, item, element, kind, now)
        if same:
            return True
        if same is None:
            verdict = None
    return verdict


def elements_of(value: Any) -> Iterable[Any] | None:
    """The elements of a list; a text is one whose parts ``;`` separates, and any other value a list of itself.

    Example:
        >>> elements_of("vip; early"), elements_of(("vip",)), elements_of(7), elements_of(None)
        (['vip', 'early'], ('vip',), (7,), None)
    """
    if type(value) in LISTS:
        return value  # type: ignore[no-any-return]  # a list of some kind
    if type(value) is str:
        return [part for part in map(str.strip, value.split(";")) if part]
    kind, plain = typed(value)
    if kind is None:
        return None
    return plain if kind == "list" else elements_of(plain) if kind == TEXT else (value,)


def short(text: str) -> str:
    """A text as messages quote it, cut to 40 characters."""
    return text if len(text) <= 40 else f"{text[:37]}..."


def _since_epoch(instant: datetime) -> timedelta | None:
    # Not astimezone, which overflows near year 9999; not a plain comparison, which ignores offsets
    # within one zone and calls an instant in an autumn hour unequal to itself in another zone.
    offset = instant.utcoffset()
    return None if offset is None else instant.replace(tzinfo=None) - _EPOCH - offset


def moment_of(value: Any) -> int | date | None:
    """What ``days_since`` looks at: an instant in microseconds since 1970, or a date; None where it is neither.

    Example:
        >>> moment_of("1970-01-02 00:00 UTC"), moment_of("1970-01-02"), moment_of("soon")
        (86400000000, datetime.date(1970, 1, 2), None)
    """
    found = as_moment(value)
    return found // timedelta(microseconds=1) if isinstance(found, timedelta) else found


def is_moment(text: str) -> bool:
    """Whether a text reads as a date or an instant.

    Example:
        >>> is_moment("2026-11-05"), is_moment("webinar")
        (True, False)
    """
    return moment_in(text) is not None


def _aware(now: datetime) -> timedelta:
    since = _since_epoch(now)
    if since is None:
        raise ModelError("now must be an aware datetime, in the contact's zone", field="now")
    return since


def _days_since(value: Any, now: datetime) -> float | None:
    if type(value) is datetime and type(value.tzinfo) is timezone and now.tzinfo is not None:
        return (now - value) / _DAY  # exact, as one of the two offsets is fixed
    moment = as_moment(value)
    if isinstance(moment, date):
        return (now.date() - moment).days
    return None if moment is None else (_aware(now) - moment) / _DAY


def _hours_since(value: Any, now: datetime) -> float | None:
    moment = as_moment(value)
    if isinstance(moment, date):
        moment = _aware(datetime(moment.year, moment.month, moment.day, tzinfo=now.tzinfo))
    return None if moment is None else (_aware(now) - moment) / _HOUR


def _lower(value: Any, _now: datetime) -> str | None:
    text = as_text(value)
    return None if text is None else text.lower()


def _length(value: Any, _now: datetime) -> int | None:
    if type(value) in LISTS:
        return len(value)
    kind, plain = typed(value)
    text = as_text(value)
    return len(plain) if kind == "list" else None if text is None else len(text)


FUNCTIONS: Mapping[str, Callable[[Any, datetime], Any]] = {
    "days_since": _days_since,
    "hours_since": _hours_since,
    "lower": _lower,
    "length": _length,
}
"""The functions of one argument; ``coalesce`` takes several, see `journeykit.rule.tree.Call`."""
