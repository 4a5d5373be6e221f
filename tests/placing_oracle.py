"""Where a contact is, worked out minute by minute: slow, and without any thought of when to look again.

Nothing is kept but the path: at every minute, and just after it, all that rules ask of events is counted anew over the
whole log. It holds for logs, journeys and attributes on whole minutes, such as `tests/generate_journeys.py` makes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeykit import Journey, Rule, Transition
    from journeykit.journey import Event
    from journeykit.rule import Aggregate

MINUTE, TICK = timedelta(minutes=1), timedelta(microseconds=1)
Step = tuple[str, datetime, int]
"""A stage, since when, and the place of the transition in the journey; -1 at entry."""


def path_of(
    journey: Journey,
    events: tuple[Event, ...],
    at: datetime,
    attributes: Mapping[str, Any],
    *,
    stage: str | None = None,
    start: datetime | None = None,
    timezone: str = "UTC",
) -> list[Step]:
    """The steps of a contact up to an instant."""
    log = told_apart([event for event in events if event.at <= at])
    begin = start or min((event.at for event in log), default=None)
    if begin is None or begin > at:
        return []
    contact = _Contact(journey, log, attributes, stage or journey.stages[0].name, begin, ZoneInfo(timezone))
    instant = begin
    while instant <= at:
        contact.live(instant)
        if instant + TICK <= at:
            contact.live(instant + TICK)
        instant += MINUTE
    return contact.path


def told_apart(events: list[Event]) -> list[Event]:
    """The events without those that are there twice."""
    found: list[Event] = []
    for event in events:
        if not any(_is_same(event, other) for other in found):
            found.append(event)
    return found


def _is_same(one: Event, other: Event) -> bool:
    if one.id is not None or other.id is not None:
        return one.id == other.id
    return (one.event, one.at) == (other.event, other.at) and _plain(one) == _plain(other)


def _plain(event: Event) -> dict[str, str]:
    """The properties that have a value; 3 and 3.0 are one, 1 and True are not."""
    values = ((name, float(v) if type(v) is int else v) for name, v in event.properties.items())
    return {name: repr(value) for name, value in values if value is not None and value == value}  # noqa: PLR0124


class _Contact:
    def __init__(
        self,
        journey: Journey,
        log: list[Event],
        attributes: Mapping[str, Any],
        stage: str,
        begin: datetime,
        zone: ZoneInfo,
    ) -> None:
        self.journey, self.log, self.attributes, self.zone = journey, log, attributes, zone
        self.path: list[Step] = [(stage, begin, -1)]
        self.left: dict[str, datetime] = {}
        self.used_up: set[int] = set()

    def live(self, now: datetime) -> None:
        """All that happens at an instant."""
        fresh = [event.event for event in self.log if event.at == now]
        known = [event for event in self.log if event.at <= now]
        while True:
            stage, since, _ = self.path[-1]
            entered = {step[0] for step in self.path if step[1] == now}
            for place, way in self.leaving(stage):
                if not self.is_open(way, since, known, fresh, now):
                    self.used_up.discard(place)
                elif way.to in entered:
                    if way.event is None:
                        self.used_up.add(place)
                elif place not in self.used_up:
                    if way.event is not None:
                        fresh.remove(way.event)
                    self.left[stage] = now
                    self.used_up = set()
                    self.path.append((way.to, now, place))
                    break
            else:
                return

    def leaving(self, stage: str) -> Iterator[tuple[int, Transition]]:
        return ((place, way) for place, way in enumerate(self.journey.transitions) if way.source == stage)

    def is_open(self, way: Transition, since: datetime, known: list[Event], fresh: list[str], now: datetime) -> bool:
        if way.event is not None:
            taken = way.event in fresh
        elif way.when is not None:
            taken = self.says(way.when, known, now)
        else:
            heard = [event.at for event in known if way.without in (None, event.event)]
            taken = now >= max([since, *heard]) + _length(str(way.after))
        return taken and self.may_enter(way, known, now)

    def may_enter(self, way: Transition, known: list[Event], now: datetime) -> bool:
        target = next(stage for stage in self.journey.stages if stage.name == way.to)
        left = now if way.to == way.source else self.left.get(way.to)
        barred = left is not None and target.reentry != "always"
        if barred and (target.reentry == "never" or now < left + _length(target.reentry)):
            return False
        return target.qualified is None or self.says(target.qualified, known, now)

    def says(self, rule: Rule, known: list[Event], now: datetime) -> bool:
        values = dict(self.attributes)
        for part in rule.aggregates:
            values[part.key] = _value(part, known, now)
        return rule.test(values, now.astimezone(self.zone)) is True


def _length(text: str) -> timedelta:
    unit = {"m": MINUTE, "h": 60 * MINUTE, "d": 1_440 * MINUTE}[text[-1]]
    return int(text[:-1]) * unit


def _value(part: Aggregate, known: list[Event], now: datetime) -> Any:
    own = [event for event in known if event.event == part.event]
    if part.length is not None:
        own = [event for event in own if event.at > now - timedelta(microseconds=part.length)]
    if part.kind == "count":
        return len(own)
    if part.kind == "latest":
        return max((event.at for event in own), default=None)
    values = [(event.at, event.properties.get(str(part.part))) for event in own]
    if part.kind == "sum":
        return float(sum(Decimal(str(value)) for _, value in values if _is_number(value)))
    values = [(at, value) for at, value in values if isinstance(value, str | bool) or _is_number(value)]
    for _, together in groupby(sorted(values, key=lambda found: found[0], reverse=True), lambda found: found[0]):
        return max((value for _, value in together), key=_rank)
    return None


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and value == value  # noqa: PLR0124  (NaN is not itself)


def _rank(value: Any) -> tuple[int, Any]:
    return (0 if isinstance(value, bool) else 2 if isinstance(value, str) else 1), value
