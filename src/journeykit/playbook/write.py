"""The canonical form of a playbook: plain data, every default written out. It needs no reader of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Any

from attrs import Attribute, fields, has

from journeykit.model.cap import Scope
from journeykit.model.window import Lag, Window
from journeykit.playbook.keys import WINDOW_KEYS, key_of
from journeykit.rule import Rule
from journeykit.rule.expression import Expression
from journeykit.rule.named_rules import NamedRules


def to_dict(part: Any) -> dict[str, Any]:
    """A playbook, or a part of one, as plain data for JSON; sections that were left out stay out.

    Equal playbooks give equal data, and `journeykit.playbook.read.from_dict` gives the playbook back.

    Example:
        >>> from journeykit import OnMissing
        >>> to_dict(OnMissing())
        {'timezone': 'playbook', 'stage': 'deny', 'role': 'allow', 'consent': 'deny'}
    """
    kind: type = type(part)
    own = ((key, attribute, getattr(part, attribute.name)) for key, attribute in _written_fields(kind))
    return {key: plain(value) for key, attribute, value in own if _is_written(attribute, value)}


@cache
def _written_fields(kind: type) -> tuple[tuple[str, Attribute[Any]], ...]:
    return tuple((key_of(attribute), attribute) for attribute in fields(kind) if attribute.init)


def _is_written(attribute: Attribute[Any], value: Any) -> bool:
    if "later" in attribute.metadata:
        return bool(value != attribute.default)
    return value is not None or "left_out" not in attribute.metadata


def plain(value: Any) -> Any:
    """A value of a playbook as plain data."""
    kind: type = type(value)
    write = _writer_of(kind)
    return value if write is None else write(value)


@cache
def _writer_of(kind: type) -> Callable[[Any], Any] | None:
    """What writes values of a type; None where they are plain already."""
    own = (write for written, write in WRITERS.items() if issubclass(kind, written))
    return next(own, to_dict if has(kind) else None)


def plain_number(value: float) -> float:
    """A number as it is written: 1 for 1.0, so that equal playbooks are written alike."""
    return int(value) if value == int(value) else value


def _plain_scope(scope: Scope) -> dict[str, Any]:
    match: dict[str, Any] = plain(scope.match)
    return match | ({"not": plain(scope.exclude)} if scope.exclude else {})


def _plain_window(window: Window) -> dict[str, Any]:
    values: dict[str, Callable[[], Any]] = {
        "rolling": lambda: window.length_text,
        "days": lambda: window.day_count,
        "calendar": lambda: window.period,
        "between": lambda: [str(window.first), str(window.last)],
        "running": lambda: True,
        "ever": lambda: True,
        "decision": lambda: True,
    }
    rest = [key for key in WINDOW_KEYS[window.kind] if key != window.kind]
    return {window.kind: values[window.kind]()} | {key: getattr(window, key) for key in rest}


WRITERS: dict[type, Callable[[Any], Any]] = {
    str: str,
    float: plain_number,
    date: str,
    tuple: lambda parts: [plain(part) for part in parts],
    Mapping: lambda named: {name: plain(value) for name, value in named.items()},
    NamedRules: lambda rule: {name: str(part) for name, part in rule.parts},
    Rule: str,
    Expression: str,
    Lag: str,
    Window: _plain_window,
    Scope: _plain_scope,
}
