"""How values are spelt in a playbook file: what is read, what is written, what is said when it is wrong.

Readers take what a file holds, plain data, and give a value of the model or raise `FaultsError`; writers go
back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any, Literal

from attrs import evolve, frozen

from journeykit.basics.clock import PERIODS
from journeykit.basics.validation import shown
from journeykit.errors import KeyPath, ModelError, RuleError, closest
from journeykit.model.cap import FACETS, Scope
from journeykit.model.content import Gain
from journeykit.model.recurrence import Recurrence
from journeykit.model.window import Lag, Window
from journeykit.playbook.keys import DATE, WINDOW_KEYS, WINDOW_WORDS, Key, keys_of
from journeykit.playbook.yaml import core_value, is_null
from journeykit.rule import Rule
from journeykit.rule.expression import Expression
from journeykit.rule.named_rules import NamedRules

STAGE_VALUE = "stage_value"
"""The word for the value of the contact's stage, where a cost is expected."""


@frozen
class Fault:
    """One thing that is wrong at a place, seen from where it was found."""

    message: str
    path: KeyPath = ()
    suggestion: str | None = None
    allowed: tuple[str, ...] = ()

    def meant(self) -> str | None:
        """What was probably meant; looked for only when it is asked for, because that takes its time."""
        key = self.path[-1] if self.allowed and self.path else None
        if self.suggestion or not isinstance(key, str) or len(key) > 100:
            return self.suggestion
        return closest(key, self.allowed)

    def under(self, *steps: str | int) -> Fault:
        """The same fault, seen from further up."""
        return evolve(self, path=(*steps, *self.path))


class FaultsError(Exception):
    """Carries faults up to where a part of the playbook begins. It never leaves this module."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults


def wrong(message: str, *path: str | int, suggestion: str | None = None) -> FaultsError:
    """What to raise for one fault."""
    return FaultsError(Fault(message, path, suggestion))


def gathered(reads: Iterable[tuple[str | int, Callable[[], Any]]]) -> dict[Any, Any]:
    """Do all of it, and only then complain: the results by their step."""
    found, faults = {}, []
    for step, read in reads:
        try:
            found[step] = read()
        except FaultsError as error:
            faults += [fault.under(step) for fault in error.faults]
    if faults:
        raise FaultsError(*faults)
    return found


def unknown(key: str, allowed: Iterable[str], kind: type | None = None) -> Fault:
    """The fault of a key that a mapping may not have."""
    allowed = list(allowed)
    meant = next((own.name for own in keys_of(kind).values() if own.attribute.name == key), None) if kind else None
    known = ", ".join(allowed)
    return Fault(f"unknown key {shown(key)}; allowed are {known}", (key,), meant, tuple(allowed))


def missing(key: Key) -> Fault:
    """The fault of a key that is not there."""
    return Fault(f"the key {key.name!r} is required" + (", if only as null" if key.nullable else ""), (key.name,))


def _described(value: object) -> str:
    value = core_value(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    kinds = {str: "the text ", int: "the number ", float: "the number "}
    return kinds.get(type(value), "") + shown(value)


_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def expected_mapping(keys: Iterable[str], value: object) -> FaultsError:
    """The error where a mapping with these keys is expected."""
    return expected(f"a mapping of {', '.join(keys)}", value)


def expected(what: str, value: object) -> FaultsError:
    """The error where something else is expected."""
    return wrong(f"expected {what}, found {_described(value)}")


def text(value: object) -> str:
    """Read a text that is not empty."""
    if not isinstance(value, str) or is_null(value):
        raise expected("a text", value)
    if not value:
        raise wrong("expected a text that is not empty")
    return str(value)


def number(value: object) -> float:
    """Read a number; its bounds are the model's to check."""
    found = core_value(value)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise expected("a number", value)
    return found


def _integer(value: object) -> int:
    found = core_value(value)
    if isinstance(found, bool) or not isinstance(found, int):
        raise expected("a whole number", value)
    return found


def _boolean(value: object) -> bool:
    found = core_value(value)
    if not isinstance(found, bool):
        meant = _BOOLEANS.get(value.lower()) if isinstance(value, str) else None
        raise wrong(f"expected true or false, found {_described(value)}", suggestion=meant)
    return found


def _date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.fullmatch(DATE, value, re.ASCII):
        raise expected("a date such as 2026-11-01", value)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise wrong(f"there is no date {shown(str(value))}") from None


def _rule(value: object) -> Rule:
    try:
        return Rule(text(value))
    except RuleError as error:
        raise wrong(str(error)) from None


def _audience(value: object) -> Rule:
    if isinstance(value, Rule):
        return value
    if not isinstance(value, Mapping):
        return _rule(value)
    parts = gathered((name, partial(_rule, given)) for name, given in value.items())
    found: Rule = model(NamedRules.of, parts)
    return found


def _weight(value: object) -> float | Expression:
    if isinstance(value, Expression):
        return value
    if not isinstance(value, str) or isinstance(core_value(value), int | float):
        return number(value)
    try:
        return Expression(text(value))
    except RuleError as error:
        raise wrong(str(error)) from None


def _cost(value: object) -> float | str:
    if value == STAGE_VALUE:
        return STAGE_VALUE
    if isinstance(value, str) and not isinstance(core_value(value), int | float):
        raise expected(f"a number from 0, or {STAGE_VALUE!r}", value)
    return number(value)


def _lag(value: object) -> Lag:
    if not isinstance(value, str):
        raise expected("a length of time such as '24h' or '90d'", value)
    found: Lag = model(Lag.parse, text(value))
    return found


def model(make: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Make a part of the model; what it refuses is a fault."""
    try:
        return make(*given, **named)
    except ModelError as error:
        raise wrong(str(error)) from None


def listing(value: object, what: str = "a list") -> list[Any] | tuple[Any, ...]:
    """Read a list of anything."""
    if not isinstance(value, list | tuple):
        raise expected(what, value)
    return value


def _each(read: Callable[[Any], Any], values: Iterable[Any]) -> tuple[Any, ...]:
    found = gathered((at, partial(read, value)) for at, value in enumerate(values))
    return tuple(found.values())


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (text(value),)
    return _each(text, listing(value, "a text or a list of texts"))


def _dates(value: object) -> tuple[date, ...]:
    return _each(_date, listing(value, "a list of dates"))


def _own_dates(value: object) -> Any:
    if isinstance(value, Mapping):
        parts = _known(value, ("rrule",), lambda _, given: text(given))
        if not parts:
            raise wrong("the key 'rrule' is required")
        try:
            return Recurrence(**parts)
        except ModelError as error:
            raise wrong(str(error), "rrule") from None
    return _each(_date, listing(value, "a list of dates, or a recurrence such as {rrule: 'FREQ=WEEKLY;BYDAY=TU'}"))


def _span(value: object) -> tuple[date, date]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise expected("a first and a last date, such as [2026-11-01, 2026-11-30]", value)
    first, last = _dates(value)
    return first, last


def _numbers(value: Mapping[str, Any]) -> dict[str, float]:
    return gathered((name, partial(number, given)) for name, given in value.items())


def _degrees(value: object) -> Any:
    if isinstance(value, str | list | tuple):
        return _texts(value)
    if not isinstance(value, Mapping):
        raise expected("a mapping of names to degrees from 0 to 1, or a list of names", value)
    return _numbers(value)


def _gains(value: object) -> Any:
    if not isinstance(value, Mapping):
        raise expected("a mapping of stages to numbers from -1 to 1", value)
    return _numbers(value)


def _points(value: object) -> Any:
    if isinstance(value, list | tuple):
        raise expected("a number, or a mapping of channels to numbers", value)
    return _numbers(value) if isinstance(value, Mapping) else number(value)


def limit(value: object) -> float:
    """Read a limit that is not the contact's own."""
    if isinstance(value, list | tuple):
        raise expected("a number, null for no limit, or {attribute: ..., default: ...}", value)
    return number(value)


def _scope(value: object) -> Scope:
    if not isinstance(value, Mapping):
        raise expected(f"a mapping of {', '.join(FACETS)}", value)

    def read(key: str, given: object) -> Any:
        if key == "not":
            return _scope_part(given, FACETS)
        return _texts(given)

    parts = _known(value, (*FACETS, "not"), read)
    return Scope({key: found for key, found in parts.items() if key != "not"}, parts.get("not") or {})


def _scope_part(value: object, allowed: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise expected(f"a mapping of {', '.join(FACETS)}", value)
    return _known(value, allowed, lambda _, given: _texts(given))


def _known(value: Mapping[str, Any], allowed: Iterable[str], read: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Read every key of a mapping, of which only some are allowed."""
    allowed = tuple(allowed)
    strange = [unknown(key, allowed) for key in value if key not in allowed]
    try:
        reads = ((key, partial(read, key, value[key])) for key in value if key in allowed)
        found = gathered(reads)
    except FaultsError as error:
        raise FaultsError(*error.faults, *strange) from None
    if strange:
        raise FaultsError(*strange)
    return found


_WINDOWS = (
    "one of {rolling: 24h}, {days: 3}, {calendar: week}, {between: [2026-11-01, 2026-11-30]}, "
    "running, ever and decision"
)


def _window(value: object) -> Window:
    if isinstance(value, str):
        word = str(value)
        if word in WINDOW_WORDS:
            named: Window = getattr(Window, word)()
            return named
        meant = f"{{calendar: {word}}}" if word in PERIODS else closest(word, WINDOW_WORDS)
        if re.fullmatch(r"\d+ ?[mhdw]", word):
            meant = f"{{rolling: {word}}}"
        raise wrong(f"expected {_WINDOWS}, found {_described(value)}", suggestion=meant)
    if not isinstance(value, Mapping):
        raise expected(_WINDOWS, value)
    kinds = [kind for kind in WINDOW_KEYS if kind in value]
    if len(kinds) != 1:
        everything = dict.fromkeys(key for keys in WINDOW_KEYS.values() for key in keys)
        strange = [unknown(key, everything) for key in value if key not in everything]
        found = "none of them" if not kinds else " and ".join(kinds)
        raise FaultsError(*(strange or [Fault(f"expected {_WINDOWS}, found {found}")]))
    (kind,) = kinds
    keys = WINDOW_KEYS[kind]
    parts = _known(value, keys, lambda key, given: _window_value(keys[key], key, given))
    return _built_window(kind, parts.pop(kind), parts)


def _window_value(kind: Any, key: str, value: object) -> Any:
    if key == "stretch" and is_null(value):
        return None
    if kind is Lag:
        _lag(value)
        return text(value)
    return READERS[kind](value)


_HARMLESS: dict[str, Any] = {
    "days": 1,
    "calendar": "day",
    "between": (date(1970, 1, 1),) * 2,
    "running": True,
}


def _built_window(kind: str, first: Any, rest: dict[str, Any]) -> Window:
    def make(first: Any, **rest: Any) -> Window:
        made: Window
        if kind == "between":
            made = Window.between(*first, **rest)
        elif kind in WINDOW_WORDS:
            if not first:
                raise ModelError(f"{kind} is true, or another kind of window is meant")
            made = getattr(Window, kind)(**rest)
        else:
            made = getattr(Window, kind)(first, **rest)
        return made

    # First one key at a time, so that each is blamed for itself.
    reads: list[tuple[str, Callable[[], Any]]] = [(kind, partial(model, make, first))]
    reads += [(key, partial(model, make, _HARMLESS[kind], **{key: value})) for key, value in rest.items()]
    gathered(reads)
    return make(first, **rest)


READERS: dict[Any, Callable[[Any], Any]] = {
    str: text,
    int: _integer,
    float: number,
    bool: _boolean,
    date: _date,
    Rule: _rule,
    Rule | NamedRules: _audience,
    float | Expression: _weight,
    float | Literal["stage_value"]: _cost,
    Lag: _lag,
    Window: _window,
    Scope: _scope,
    tuple[str, ...]: _texts,
    str | tuple[str, ...]: _texts,
    tuple[date, ...]: _dates,
    tuple[date, ...] | Recurrence: _own_dates,
    tuple[date, date]: _span,
    Mapping[str, float]: _degrees,
    Mapping[str, Gain]: _gains,
    float | Mapping[str, float]: _points,
}
