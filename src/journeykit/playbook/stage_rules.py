"""Rules that ask how far a contact is: they take the order of the stages from the playbook's journey."""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import fields, has

from journeykit.journey import Journey
from journeykit.playbook.keys import key_of
from journeykit.rule import Rule, StageOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from journeykit.errors import KeyPath
    from journeykit.playbook.sections import Sections

_PLAIN = (str, int, float, bool, type(None))


def order_of_stages(playbook: Sections) -> StageOrder:
    """The order of the stages; that of the default ones for a playbook without a journey."""
    stages = (playbook.journey or Journey()).stages
    return StageOrder(tuple(stage.name for stage in stages), frozenset(stage.name for stage in stages if stage.lost))


def bind_stages(playbook: Sections) -> None:
    """Give the rules of a playbook that ask for it the order of its stages."""
    order = order_of_stages(playbook)
    kind: type = type(playbook)
    for name in _names(kind):
        value = getattr(playbook, name)
        bound = value if name == "journey" else _changed(value, lambda rule: rule.on_journey(order))
        if bound is not value:
            object.__setattr__(playbook, name, bound)


def rules_in(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Rule]]:
    """The rules of a part of a playbook, with the steps that lead to each in a file."""
    if isinstance(value, Rule):
        yield path, value
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            yield from rules_in(part, (*path, place))
    elif has(type(value)):
        for own in fields(type(value)):
            part = getattr(value, own.name)
            if not isinstance(part, _PLAIN):
                yield from rules_in(part, (*path, key_of(own)))


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(own.name for own in fields(kind))


def _changed(value: Any, change: Callable[[Rule], Rule]) -> Any:
    """A part of a playbook with its rules changed; the same one where none is."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Rule):
        return change(value)
    if isinstance(value, tuple):
        parts = tuple(_changed(part, change) for part in value)
        return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    kind: type = type(value)
    return _changed_fields(value, kind, change) if has(kind) else value


def _changed_fields(value: Any, kind: type, change: Callable[[Rule], Rule]) -> Any:
    made = value
    for name in _names(kind):
        part = getattr(value, name)
        if (new := _changed(part, change)) is not part:
            # A copy: the parts have been checked, and what changes is the same to every check.
            made = copy(value) if made is value else made
            object.__setattr__(made, name, new)
    return made
