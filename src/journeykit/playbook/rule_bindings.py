"""Rules that ask for other parts of their playbook: for the order of its stages, and for its segments."""

from __future__ import annotations

import re
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import fields, has

from journeykit.journey import Journey
from journeykit.model.segment import Segment
from journeykit.playbook.keys import key_of
from journeykit.rule import Rule, StageOrder
from journeykit.rule.named_rules import NamedRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from attrs import Attribute

    from journeykit.errors import KeyPath
    from journeykit.playbook.sections import Sections

_PLAIN = (str, int, float, bool, type(None))


def order_of_stages(playbook: Sections) -> StageOrder:
    """The order of the stages; that of the default ones for a playbook without a journey."""
    stages = (playbook.journey or Journey()).stages
    return StageOrder(tuple(stage.name for stage in stages), frozenset(stage.name for stage in stages if stage.lost))


def bind_rules(playbook: Sections) -> None:
    """Give the rules of a playbook what they ask of its other parts: the order of its stages, and its segments."""
    order = order_of_stages(playbook)
    kind: type = type(playbook)
    for own in _holders(kind):
        value = getattr(playbook, own.name)
        bound = value if own.name == "journey" else _changed(value, lambda rule: rule.on_journey(order))
        if bound is not value:
            object.__setattr__(playbook, own.name, bound)
    if any(segment.uses for segment in playbook.segments) or any(used_by(playbook.segments).values()):
        object.__setattr__(playbook, "segments", _bound_segments(playbook.segments))


def used_by(segments: Sequence[Segment]) -> dict[str, tuple[str, ...]]:
    """By segment, the segments of the playbook for which its rule asks."""
    names = {segment.name for segment in segments}
    return {own.name: tuple(name for name in own.rule.segments_asked if name in names) for own in segments}


def circle_of(name: str, used: Mapping[str, Iterable[str]]) -> list[str] | None:
    """A shortest way from a segment over those for which rules ask back to it; None where there is none."""
    ways = [[name]]
    met = {name}
    for way in ways:
        for other in used[way[-1]]:
            if other == name:
                return [*way, name]
            if other not in met:
                met.add(other)
                ways.append([*way, other])
    return None


def _bound_segments(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments, each with those for which it asks; there are no circles."""
    given, used, bound = {own.name: own for own in segments}, used_by(segments), dict[str, Segment]()
    left = list(given)
    while left:
        for name in [name for name in left if all(other in bound for other in used[name])]:
            bound[name] = copy(given[name])
            object.__setattr__(bound[name], "uses", tuple(bound[other] for other in used[name]))
            left.remove(name)
    return tuple(bound[own.name] for own in segments)


def rules_in(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Rule]]:
    """The rules of a part of a playbook, with the steps that lead to each in a file."""
    if isinstance(value, NamedRules):
        yield from (((*path, name), rule) for name, rule in value.parts)
    elif isinstance(value, Rule):
        yield path, value
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            yield from rules_in(part, (*path, place))
    elif not isinstance(value, _PLAIN) and has(kind := type(value)):
        for own in _holders(kind):
            yield from rules_in(getattr(value, own.name), (*path, key_of(own)))


_RULELESS = frozenset(
    """Any Gain Iterable Lag Mapping None Scope Window bool bytes date datetime float int str time timedelta
    tuple""".split()  # noqa: SIM905
)
"""The words of annotations of fields that hold no rules."""


@cache
def _holders(kind: type) -> tuple[Attribute[Any], ...]:
    """The fields of a class that may hold rules, by what they are said to hold."""
    return tuple(own for own in fields(kind) if not {*re.findall(r"\w+", str(own.type))} <= _RULELESS)


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
    for own in _holders(kind):
        part = getattr(value, own.name)
        if (new := _changed(part, change)) is not part:
            # A copy: the parts have been checked, and what changes is the same to every check.
            made = copy(value) if made is value else made
            object.__setattr__(made, own.name, new)
    return made
