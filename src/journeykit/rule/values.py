"""What the values of a rule are, how they compare, and the functions that a rule may call.

A missing value, None or NaN is unknown, so is a comparison with one or between values of unlike types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from numbers import Number
from operator import eq
from typing import Any

from journeykit.civil import iso_text
from journeykit.errors import ModelError

Verdict = bool | None
Comparison = Callable[[Any, Any], Any]

LISTS = frozenset({list, tuple, set, frozenset})

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


def compare(comparison: Comparison, left: Any, right: Any) -> Verdict:
    """What a function of `operator` says of two values; unknown unless they are of one kind that compares.

    Example:
        >>> compare(eq, 1, 1.0), compare(eq, 1, "1")
        (True, None)
    """
    if left is None or right is None:
        return None
    kind, left = typed(left)
    other, right = typed(right)
    if kind is None or kind != other or kind in ("list", "other"):
        return None
    try:
        return bool(comparison(left, right))
    except (TypeError, ValueError, ArithmeticError):
        return None


def member(item: Any, elements: Iterable[Any]) -> Verdict:
    """Whether one of the elements is equal: unknown where none is, but some comparison is unknown.

    Example:
        >>> member("b", ["a", "b", None]), member("c", ["a", "b", None])
        (True, None)
    """
    verdict: Verdict = False
    is_text = type(item) is str
    for element in elements:
        same = element == item if is_text and type(element) is str else compare(eq, item, element)
        if same:
            return True
        if same is None:
            verdict = None
    return verdict


def short(text: str) -> str:
    """A text as messages quote it, cut to 40 characters."""
    return text if len(text) <= 40 else f"{text[:37]}..."


def _since_epoch(instant: datetime) -> timedelta | None:
    # Not astimezone, which overflows near year 9999; not a comparison as it stands, which ignores offsets
    # within one zone and calls an instant in an autumn hour unequal to itself in another zone.
    offset = instant.utcoffset()
    return None if offset is None else instant.replace(tzinfo=None) - _EPOCH - offset


def _moment(value: Any) -> timedelta | date | None:
    """An instant as its distance from 1970, a date as itself; texts are parsed."""
    kind, value = typed(value)
    if kind == "text":
        kind, value = typed(_parsed(value))
    return value if kind in ("instant", "date") else None


def moment_of(value: Any) -> int | date | None:
    """What ``days_since`` looks at: an instant in microseconds since 1970, or a date; None where it is neither.

    Example:
        >>> moment_of("1970-01-02 00:00 UTC"), moment_of("1970-01-02"), moment_of("soon")
        (86400000000, datetime.date(1970, 1, 2), None)
    """
    found = _moment(value)
    return found // timedelta(microseconds=1) if isinstance(found, timedelta) else found


def _parsed(text: str) -> date | None:
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            return parse(iso_text(text.strip()))
        except (ValueError, OverflowError):
            continue
    return None


def is_moment(text: str) -> bool:
    """Whether a text reads as a date or an instant.

    Example:
        >>> is_moment("2026-11-05"), is_moment("webinar")
        (True, False)
    """
    return _parsed(text) is not None


def _aware(now: datetime) -> timedelta:
    since = _since_epoch(now)
    if since is None:
        raise ModelError("now must be an aware datetime, in the contact's zone", field="now")
    return since


def _days_since(value: Any, now: datetime) -> float | None:
    if type(value) is datetime and type(value.tzinfo) is timezone and now.tzinfo is not None:
        return (now - value) / _DAY  # exact, as one of the two offsets is fixed
    moment = _moment(value)
    if isinstance(moment, date):
        return (now.date() - moment).days
    return None if moment is None else (_aware(now) - moment) / _DAY


def _hours_since(value: Any, now: datetime) -> float | None:
    moment = _moment(value)
    if isinstance(moment, date):
        moment = _aware(datetime(moment.year, moment.month, moment.day, tzinfo=now.tzinfo))
    return None if moment is None else (_aware(now) - moment) / _HOUR


def _lower(value: Any, _now: datetime) -> str | None:
    kind, value = typed(value)
    return value.lower() if kind == "text" else None


def _length(value: Any, _now: datetime) -> int | None:
    kind, value = typed(value)
    return len(value) if kind in ("text", "list") else None


FUNCTIONS: Mapping[str, Callable[[Any, datetime], Any]] = {
    "days_since": _days_since,
    "hours_since": _hours_since,
    "lower": _lower,
    "length": _length,
}
"""The functions of one argument; ``coalesce`` takes several, see `journeykit.rule.tree.Call`."""
