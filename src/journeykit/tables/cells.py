"""Cells: the contents of a table, read as what they mean."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from journeykit.basics.clock import LAST_YEAR, clock, iso_text, micros
from journeykit.basics.validation import LARGEST, shown
from journeykit.errors import ModelError
from journeykit.rule.values import as_truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

_NUMERAL = re.compile(r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_NO_NUMBER = ("nan", "inf", "-inf", "+inf")
_TEXT = "text in UTF-8 that is not empty, without NUL"
IDENTIFIER = "an id: text, a whole number (as a float only below 2**53) or a UUID"
_EXACT = 2**53
_LONGEST_WHOLE = 10**76
"""No decimal of Arrow has more digits."""
_TRUTH = "true or false"
_INSTANT = "an instant with an offset or Z, such as 2026-11-05T10:00:00Z (or give --zone for those without)"
_INSTANT_OR_DATE = f"a date, or {_INSTANT}"
_WITHIN = "an instant in the years 1000 to 9000"
NUMBER = "a number from -1e9 to 1e9"
_COST = "a number from 0 to 1e9"
_DEGREE = "a number from 0 to 1"
_DIFFERENCE = "a number from -1 to 1"
_LIST = "a list of texts, or text separated by ';'"
_ZONE = "an IANA time zone such as 'Europe/Skopje'"


def is_unicode(text: str) -> bool:
    """Whether a text can be written in UTF-8: it has no lone surrogates.

    Example:
        >>> is_unicode("Љубица"), is_unicode(chr(0xD800))
        (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def escaped(text: str) -> str:
    r"""A text that can be written in UTF-8: lone surrogates are written as their escapes.

    Example:
        >>> escaped("h" + chr(0xD800))
        'h\\ud800'
    """
    return text if is_unicode(text) else text.encode("utf-8", "backslashreplace").decode()


def as_instant(text: str, zone: tzinfo | None = None) -> datetime | date | None:
    """A text as an instant, a naive datetime, or a date; None if it is none of them.

    With a zone, naive datetimes become instants in it; the first one where clocks show a time twice. A blank may
    come before the offset, and UTC or GMT for it, as warehouses print instants.

    Example:
        >>> as_instant("2026-11-05T10:00Z").isoformat(), as_instant("2026-11-05 10:00:00.000 UTC").isoformat()
        ('2026-11-05T10:00:00+00:00', '2026-11-05T10:00:00+00:00')
    """
    text = text.strip()
    try:
        if len(text) <= 10:
            return date.fromisoformat(text)
        found = datetime.fromisoformat(iso_text(text))
    except ValueError:
        return None
    return in_zone(found, zone) if found.tzinfo is None and zone is not None else found


def in_zone(naive: datetime, zone: tzinfo) -> datetime:
    """A naive datetime as the instant, in UTC, at which clocks of a zone show it."""
    try:
        return naive.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return naive.replace(tzinfo=UTC)


def is_number(text: str) -> bool:
    """Whether a text is written like a number. Leading zeros are not: 007 says more than 7.

    Example:
        >>> [text for text in ("12", "-1.5e3", ".5", "007", "1_000", "12a", "") if is_number(text)]
        ['12', '-1.5e3', '.5']
    """
    found = _NUMERAL.fullmatch(text) if len(text) <= 400 else None
    if found is None:
        return text.lower() in _NO_NUMBER
    return any(char.isdigit() for char in (found[1] or "") + (found[2] or ""))


class BadCellError(Exception):
    """A cell that does not say what its column should say; it becomes a `BadRow`."""

    def __init__(self, found: object, allowed: str) -> None:
        super().__init__()
        self.found = shown(found)
        self.allowed = allowed


def is_blank(value: Any) -> bool:
    """Whether a cell is null, or a text of nothing but blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: null, a text of blanks, or NaN, which is how some tables write nothing.

    Example:
        >>> [is_missing(value) for value in (None, " ", float("nan"), 0, False, [])]
        [True, True, True, False, False, False]
    """
    return is_blank(value) or _is_nan(value)


def _is_nan(value: Any) -> bool:
    try:
        return bool(value != value)  # noqa: PLR0124  (only NaN is not itself)
    except Exception:  # noqa: BLE001  (what cannot be compared, whatever it is, is no NaN)
        return False


def plain_decimal(value: Decimal | None) -> float | int | None:
    """A decimal as a float, or as a whole number where a float cannot hold it exactly: ids may be as large as that.

    Example:
        >>> plain_decimal(Decimal("7.5")), plain_decimal(Decimal(12345678901234567890))
        (7.5, 12345678901234567890)
    """
    if value is None:
        return None
    found = float(value)
    # Also where it is NaN, which is no number.
    if not _EXACT <= abs(found) < _LONGEST_WHOLE:
        return found
    return int(value) if value == value.to_integral_value() else found


def _as_id(value: Any) -> str | None:
    """A whole number, however it comes, or a UUID as its text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and -_EXACT < value < _EXACT else None
    if isinstance(value, Decimal):
        is_whole = value.is_finite() and abs(value) < _LONGEST_WHOLE and value == value.to_integral_value()
        return str(int(value)) if is_whole else None
    return str(value) if isinstance(value, UUID) else None


def read_text(value: Any) -> str | None:
    """A text; a whole number is taken as its text, so that 7 in one file and "7" in another are one id.

    101, 101.0 and Decimal(101) are one id, too, and a UUID is its text.
    """
    if type(value) is str:
        if "\0" in value or not (value.isascii() or is_unicode(value)):
            raise BadCellError(value, _TEXT)
        return value or None
    if value is None or _is_nan(value):
        return None
    found = _as_id(value)
    if found is None:
        raise BadCellError(value, _TEXT)
    return found


def read_id(value: Any) -> str:
    """An id, which is text: 007 stays 007."""
    try:
        found = read_text(value)
    except BadCellError as bad:
        raise BadCellError(value, IDENTIFIER) from bad
    if found is None:
        raise BadCellError(None, IDENTIFIER)
    return found


def id_or_none(value: Any) -> str | None:
    """An id, or None where there is none that can be read.

    Example:
        >>> id_or_none(101.0), id_or_none(1.5)
        ('101', None)
    """
    try:
        return read_id(value)
    except BadCellError:
        return None


def read_truth(value: Any) -> bool:
    """True or false, also as yes or no, t or f, y or n, or 1 or 0."""
    found = as_truth(value)
    if found is None:
        raise BadCellError(value, _TRUTH)
    return found


def read_number(value: Any) -> float:
    """A number within bounds; NaN is not a number."""
    found = value
    if isinstance(value, str) and is_number(value.strip()):
        found = float(value)
    if isinstance(found, (int, float)) and not isinstance(found, bool) and -LARGEST <= found <= LARGEST:
        return found
    raise BadCellError(value, NUMBER)


def read_cost(value: Any) -> float:
    """A number from 0."""
    try:
        found = read_number(value)
    except BadCellError as bad:
        raise BadCellError(value, _COST) from bad
    if found < 0:
        raise BadCellError(value, _COST)
    return found


def is_no_number(value: Any) -> bool:
    """Whether a cell that may hold a number holds none: an empty cell, and NaN, also where it is written out.

    Example:
        >>> [is_no_number(value) for value in ("8.5", "", "NaN", float("nan"), None)]
        [False, True, True, True, True]
    """
    return is_missing(value) or (isinstance(value, str) and value.strip().lower() == "nan")


def optional(read: Callable[[Any], float]) -> Callable[[Any], float | None]:
    """A reader of numbers that gives None where there is none."""
    return lambda value: None if is_no_number(value) else read(value)


def read_degree(value: Any) -> float:
    """A number from 0 to 1."""
    try:
        found = read_number(value)
    except BadCellError as bad:
        raise BadCellError(value, _DEGREE) from bad
    if not 0 <= found <= 1:
        raise BadCellError(value, _DEGREE)
    return found


def read_difference(value: Any) -> float:
    """A number from -1 to 1: by how much a chance changes."""
    try:
        found = read_number(value)
    except BadCellError as bad:
        raise BadCellError(value, _DIFFERENCE) from bad
    if not -1 <= found <= 1:
        raise BadCellError(value, _DIFFERENCE)
    return found


def read_list(value: Any) -> list[str]:
    """A list of texts, or text separated by semicolons; a semicolon alone is a list of none."""
    if isinstance(value, str):
        value = [part for part in map(str.strip, value.split(";")) if part]
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise BadCellError(value, _LIST)
    try:
        found = [read_text(part) for part in value]
    except BadCellError as bad:
        raise BadCellError(value, _LIST) from bad
    return [part for part in found if part is not None]


def read_zone(value: Any) -> str:
    """The name of a time zone that this machine knows."""
    try:
        name = read_text(value)
        clock(name or "")
    except (ModelError, BadCellError):
        raise BadCellError(value, _ZONE) from None
    return name or ""


def instant_reader(zone: tzinfo | None, *, dates: bool = False, bounded: bool = False) -> Callable[[Any], Any]:
    """A reader of instants, and of dates where they are allowed; with a zone, naive ones and dates are meant in it.

    Where it is bounded, instants so early or late that the engine refuses them are bad.
    """
    allowed = _INSTANT_OR_DATE if dates else _INSTANT

    def read(value: Any) -> Any:
        found = read_any(value)
        # These years are surely good, and cheap to tell.
        if isinstance(found, datetime) and not 1900 < found.year < 2200:
            try:
                # Here and in UTC, in which touches are kept, the year may differ.
                micros(found)
                micros(found.astimezone(UTC))
            except ModelError:
                raise BadCellError(value, _WITHIN) from None
        return found

    def read_any(value: Any) -> Any:
        found = as_instant(value) if isinstance(value, str) else value
        if isinstance(found, datetime):
            if found.tzinfo is not None:
                return found
            if zone is not None:
                return in_zone(found, zone)
        elif isinstance(found, date):
            if dates:
                return found
            if zone is not None:
                return in_zone(datetime(found.year, found.month, found.day), zone)  # noqa: DTZ001  (of the zone)
        raise BadCellError(value, allowed)

    return read if bounded else read_any


def expiry_reader(zone: tzinfo | None, *, dates: bool = False) -> Callable[[Any], Any]:
    """A reader of expiries: instants from the year 1000 on. One beyond the year 9000 is no expiry, and is good.

    Where dates are allowed they stay dates.
    """
    unbounded, bounded = (instant_reader(zone, dates=dates, bounded=bounded) for bounded in (False, True))

    def read(value: Any) -> Any:
        found = unbounded(value)
        return found if found.year > LAST_YEAR else bounded(value)

    return read


def attribute_reader(zone: tzinfo | None) -> Callable[[Any], Any]:
    """What an attribute is: any value; with a zone, a naive datetime is an instant in it."""
    if zone is None:
        return lambda value: value

    def read(value: Any) -> Any:
        found = value
        if type(value) is str and len(value) > 10 and value[4:5] == "-":
            found = as_instant(value)
        if isinstance(found, datetime) and found.tzinfo is None:
            return in_zone(found, zone)
        return value

    return read
