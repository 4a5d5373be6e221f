"""What the fields of the model accept, and how they say no."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen, validators

from journeykit.errors import ModelError, closest

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import Attribute

    Validator = Callable[[Any, Attribute[Any], Any], None]

_Kind = TypeVar("_Kind")

MILLIONTH = 1_000_000
BILLIONTH = 1_000_000_000
LARGEST = 1e9
"""No weight, limit, point or bound is larger: each is a number of 64 bits, in millionths or billionths. A sum need not
be: kernels add points so that a sum which is too large stays larger than any limit, and values in two parts."""


def names(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """One text, or several, as a tuple without repeats; none is empty.

    Example:
        >>> names("email"), names(["a", "b", "a"])
        (('email',), ('a', 'b'))
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    found = listed(value, "a text or a list of texts")
    for name in found:
        if not isinstance(name, str) or not name:
            raise ModelError(f"expected texts that are not empty, found {shown(name)}")
    return tuple(dict.fromkeys(found))


def joined(names: Iterable[str]) -> str | None:
    """Names as one text, None for none: separated by semicolons, or a JSON list where a name has a semicolon.

    Example:
        >>> joined(["golf", "tennis"]), joined(["golf; tennis"]), joined([])
        ('golf;tennis', '["golf; tennis"]', None)
    """
    found = list(names)
    if any(";" in name or name != name.strip() or name.startswith("[") for name in found):
        return json.dumps(found, ensure_ascii=False)
    return ";".join(found) or None


def parted(text: str) -> list[str]:
    """The names that one text holds: a JSON list of texts, or names separated by semicolons.

    Example:
        >>> parted("golf; tennis"), parted('["golf; tennis"]'), parted(";")
        (['golf', 'tennis'], ['golf; tennis'], [])
    """
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(name, str) for name in found):
            return found
    return [part for part in map(str.strip, text.split(";")) if part]


def listed(value: object, expected: str = "a list") -> tuple[Any, ...]:
    """Converter: a list of anything as a tuple.

    Example:
        >>> listed([1, 2])
        (1, 2)
    """
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise ModelError(f"expected {expected}, found {shown(value)}")
    return tuple(value)


def shown(value: object) -> str:
    """A value for a message: short, in plain words, and whatever the value is.

    Dates, instants and numbers are written as people write them, not as Python does; texts are in quotes.

    Example:
        >>> from decimal import Decimal
        >>> print(shown(date(2026, 1, 5)), shown([Decimal("1.50"), "two"]))
        2026-01-05 [1.50, 'two']
        >>> shown("x" * 200) == "'" + "x" * 76 + "..."
        True
    """
    try:
        text = _plain(value)
    except Exception:  # noqa: BLE001  (a repr may do anything; the message must come out all the same)
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


_PLAIN = frozenset([str, int, float, bool, type(None)])


def _plain(value: Any) -> str:
    if type(value) in _PLAIN:
        return repr(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    # Few values are of these, and not every start needs to wait for them.
    from decimal import Decimal
    from fractions import Fraction
    from uuid import UUID

    if isinstance(value, (Decimal, Fraction, timedelta, tzinfo)):
        return str(value)
    if isinstance(value, UUID):
        return repr(str(value))
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return _plain(value.item())
    if type(value) is list:
        return f"[{', '.join(map(_plain, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(_plain, value))}{',' if len(value) == 1 else ''})"
    if type(value) is dict:
        return f"{{{', '.join(f'{_plain(key)}: {_plain(own)}' for key, own in value.items())}}}"
    if type(value) in (set, frozenset):
        return f"{{{', '.join(sorted(map(_plain, value)))}}}"
    return repr(value)


def _refusal(attribute: Attribute[Any], allowed: str, value: object) -> ModelError:
    return ModelError(f"{attribute.alias} {allowed}, found {shown(value)}", field=attribute.name)


def required_text(_: Any, attribute: Attribute[Any], value: object) -> None:
    """Validator: a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise _refusal(attribute, "must be a text that is not empty", value)


def check_text(value: object, what: str) -> None:
    """Refuse what is no text, or an empty one."""
    if not isinstance(value, str) or not value:
        raise ModelError(f"{what} must be a text that is not empty, found {shown(value)}", field=what)


def optional_text(_: Any, attribute: Attribute[Any], value: object) -> None:
    """Validator: a text that is not empty, or None."""
    if value is not None and (not isinstance(value, str) or not value):
        raise _refusal(attribute, "must be a text that is not empty, or left out", value)


def boolean(_: Any, attribute: Attribute[Any], value: object) -> None:
    """Validator: True or False."""
    if not isinstance(value, bool):
        raise _refusal(attribute, "must be true or false", value)


def is_number(value: object) -> bool:
    """Whether a value is a finite real number and no boolean."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= LARGEST if isinstance(value, int) else math.isfinite(value)


def is_between(value: Any, low: float = -LARGEST, high: float = LARGEST) -> bool:
    """Whether a value is a number between bounds, ends included, and no boolean.

    Example:
        >>> is_between(3), is_between(-1, 0), is_between(1e10), is_between(float("nan"))
        (True, False, False, False)
    """
    return is_number(value) and low <= value <= high


@frozen
class Bounds:
    """Validator: a number between bounds, ends included; a schema can read them."""

    low: float
    high: float
    whole: bool = False

    def __call__(self, _: object, attribute: Attribute[Any], value: Any) -> None:
        """Refuse anything else."""
        right = isinstance(value, int) and not isinstance(value, bool) if self.whole else is_number(value)
        if not right or not self.low <= value <= self.high:
            kind, low, high = _words(self)
            raise _refusal(attribute, f"must be {kind} from {low} to {high}", value)


def _words(bounds: Bounds) -> tuple[str, str, str]:
    if bounds.whole:
        return "a whole number", f"{bounds.low:.0f}", f"{bounds.high:.0f}"
    return "a number", f"{bounds.low:g}", f"{bounds.high:g}"


def number(low: float = -LARGEST, high: float = LARGEST) -> Validator:
    """Validator: a finite number between bounds, ends included; never beyond 1e9."""
    return Bounds(low, high)


def whole(low: int, high: int) -> Validator:
    """Validator: a whole number between bounds, ends included."""
    return Bounds(low, high, whole=True)


@frozen
class OneOf:
    """Validator: one of some words; a schema can read them."""

    allowed: tuple[str, ...]

    def __call__(self, _: object, attribute: Attribute[Any], value: object) -> None:
        """Refuse anything else."""
        if not isinstance(value, str) or value not in self.allowed:
            hint = closest(value, self.allowed) if isinstance(value, str) else None
            raise ModelError(
                f"{attribute.name} is one of {', '.join(self.allowed)}, found {shown(value)}"
                + (f"; did you mean {hint!r}?" if hint else ""),
                field=attribute.name,
            )


def one_of(*allowed: str) -> Validator:
    """Validator: one of these words."""
    return OneOf(allowed)


def instance(kind: type) -> Validator:
    """Validator: an object of one class."""

    def check(_: object, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, kind):
            raise _refusal(attribute, f"must be a {kind.__name__}", value)

    return check


def instances(kind: type) -> Any:
    """Validator: a tuple of objects of one class."""
    return validators.deep_iterable(instance(kind))


def calendar_date(_: Any, attribute: Attribute[Any], value: object) -> None:
    """Validator: a date without a time."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _refusal(attribute, "must be a date", value)


def scaled(value: float, scale: int) -> int:
    """A number as a whole count of its smallest part, rounded half to even as NumPy's ``rint`` does.

    Example:
        >>> scaled(0.1, MILLIONTH)
        100000
    """
    return round(value * scale)


def all_of(kind: type[_Kind], given: Iterable[_Kind], name: str) -> tuple[_Kind, ...]:
    """What was given as a tuple, once it is known to hold nothing else."""
    try:
        found = tuple(given)
    except TypeError:
        raise ModelError(
            f"{name} must be a list of {kind.__name__} objects, found {shown(given)}", field=name
        ) from None
    # Nearly always all are of the very kind, which is quickly told.
    for each in () if {kind}.issuperset(map(type, found)) else found:
        if not isinstance(each, kind):
            raise ModelError(f"{name} must be {kind.__name__} objects, found {shown(each)}", field=name)
    return found
