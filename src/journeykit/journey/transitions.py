"""The transitions of a journey, made ready to be tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.clock import DAY, FOREVER, HOUR, Clock, day_number
from journeykit.errors import ModelError
from journeykit.journey.stages import ALWAYS, NEVER
from journeykit.model.window import Lag
from journeykit.rule import Aggregate, Call, Literal, Name, Rule
from journeykit.rule.values import as_number, moment_of, typed

if TYPE_CHECKING:
    from journeykit.journey.stages import StageGraph, Transition

NEAR = 2
"""Microseconds around a computed crossing within which the rounding of an age may make a rule true."""


def length_of(lag: Lag) -> int:
    """A lag in microseconds; on a journey a day has 24 hours, so that a path depends on no time zone.

    Example:
        >>> length_of(Lag.parse("2d")) == length_of(Lag.parse("48h"))
        True
    """
    return lag.days * DAY if lag.days is not None else micros_of(lag)


def micros_of(lag: Lag) -> int:
    """The exact length of a lag of hours or minutes, in microseconds."""
    assert lag.length is not None  # noqa: S101  (a lag has days or a length)
    return (lag.length.days * 86_400 + lag.length.seconds) * 1_000_000 + lag.length.microseconds


def reentry_of(text: str) -> int:
    """Microseconds that must pass before a contact may come back to a stage; `FOREVER` for never."""
    if text in (ALWAYS, NEVER):
        return 0 if text == ALWAYS else FOREVER
    return length_of(Lag.parse(text))


@frozen(eq=False)
class Age:
    """A call such as ``days_since(x)``: in which unit, and what it looks at."""

    unit: int
    read: Callable[[Mapping[str, Any], datetime], Any]


class Ask:
    """A rule, ready to be asked of a contact at many instants.

    Attributes:
        rule: which.
        events: the names of the events that may change what it says.
        aggregates: what it asks of events.
        windows: those of them that time alone changes.
        ages: its calls that look at the clock.
        reads: its names and calls, each with the function that reads it.
        still: how those are read that time alone does not change.
    """

    __slots__ = ("ages", "aggregates", "events", "numbers", "reads", "rule", "still", "test", "windows")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.test = rule.compiled
        self.events = rule.events
        self.aggregates = rule.aggregates
        self.windows = tuple(part for part in rule.aggregates if part.length is not None)
        nodes = list(rule.tree.walk())
        self.ages = tuple(_ages(nodes))
        operands = [part for part in nodes if isinstance(part, Name | Call | Aggregate) and not _is_latest(part)]
        self.reads = tuple({part.text: part.closure() for part in operands}.items())
        self.still = tuple(part.closure() for part in operands if not any(_ages(part.walk())))
        self.numbers = tuple({part.value for part in nodes if isinstance(part, Literal) and _is_number(part.value)})

    @property
    def is_timeless(self) -> bool:
        """Whether time alone never changes what it says."""
        return not self.windows and not self.ages


def _ages(nodes: Iterable[Any]) -> Iterator[Age]:
    for part in nodes:
        if isinstance(part, Call) and part.function in ("days_since", "hours_since"):
            unit = DAY if part.function == "days_since" else HOUR
            (inner,) = part.arguments
            yield Age(unit, inner.closure())


def _is_latest(part: object) -> bool:
    return isinstance(part, Aggregate) and part.kind == "latest"


def _is_number(value: object) -> bool:
    return typed(value)[0] == "number"


def _finite(value: Any) -> float | None:
    """A number that an age can reach; None for anything else."""
    try:
        number = as_number(value)
        return None if number is None else float(number)
    except OverflowError:
        return None


def crossings(ask: Ask, values: Mapping[str, Any], now: datetime, local: Clock) -> Iterator[int]:
    """The instants around which an age of a rule passes one of the numbers that the rule can compare it with.

    Those are its literals, and what its names and calls now are: a superset of the instants at which time alone can
    change what the rule says, as no rule of a journey compares one age with another.
    """
    found: list[Any] = [*ask.numbers]
    for read in ask.still:
        value = read(values, now)
        found += value if typed(value)[0] == "list" else [value]
    numbers = [number for value in found if (number := _finite(value)) is not None]
    for age in ask.ages:
        moment = moment_of(age.read(values, now))
        if isinstance(moment, date):
            yield from _of_date(age.unit, day_number(moment), numbers, local)
        elif moment is not None:
            for number in numbers:
                if abs(number) * age.unit < FOREVER:
                    yield from _around(moment + int(number * age.unit))


def _of_date(unit: int, day: int, numbers: Iterable[float], local: Clock) -> Iterator[int]:
    for number in numbers:
        if abs(number) * unit >= FOREVER // 4:
            continue
        if unit == DAY:
            yield from (local.day_start(day + int(number) + more) for more in (-1, 0, 1, 2))
        else:
            yield from _around(local.day_start(day) + int(number * unit))


def _around(instant: int) -> range:
    return range(instant - NEAR, instant + NEAR + 2)


class CompiledTransition:
    """A transition from one stage, ready to be tried.

    Attributes:
        place: its number in the journey.
        transition: itself.
        source: the stage that it leaves.
        target: the stage to which it leads.
        event: the event that takes it, or None.
        ask: the rule that takes it, or None.
        after: the time of silence that takes it, in microseconds; -1 where none does.
        without: the event whose absence counts as silence; None for any.
        gate: what must be true of contacts who enter its target, or None.
        reentry: microseconds that must pass before a contact may come back to its target; `FOREVER` for never.
        limits: whether its target may not be entered again at any time.
        asks: its rule and its gate, as far as time alone may change what they say.
    """

    __slots__ = (
        "after",
        "ask",
        "asks",
        "event",
        "gate",
        "limits",
        "place",
        "reentry",
        "source",
        "target",
        "timed",
        "transition",
        "without",
    )

    def __init__(self, place: int, transition: Transition, source: str, qualified: Rule | None, reentry: str) -> None:
        self.place = place
        self.transition = transition
        self.source = source
        self.target = transition.to
        self.event = transition.event
        self.ask = None if transition.when is None else Ask(transition.when)
        self.after = -1 if transition.after is None else length_of(transition.after)
        self.without = transition.without
        self.gate = None if qualified is None else Ask(qualified)
        self.reentry = reentry_of(reentry)
        self.limits = self.reentry > 0
        # An event does not wait for its gate to open; a rule and a time-out do.
        asks = () if self.event is not None else (self.ask, self.gate)
        self.asks = tuple(ask for ask in asks if ask is not None and not ask.is_timeless)
        self.timed = self.event is None and bool(self.asks or self.after >= 0 or self.limits)


class CompiledTransitions:
    """All transitions of a journey, by the stage that they leave, and what they ask for.

    Attributes:
        leaving: by stage, in document order.
        first: the stage on which contacts enter.
        events: the names of all events that the journey asks for.
        sums: by event, the properties that are added up.
        lasts: by event, the properties of which the last is asked for.
        moves: the events that take transitions, and that nothing else asks for.
    """

    def __init__(self, journey: StageGraph) -> None:
        if not journey.stages:
            raise ModelError("a journey without stages has no place for anybody", field="stages")
        stages = {stage.name: stage for stage in journey.stages}
        self.first = journey.stages[0].name
        self.leaving: dict[str, tuple[CompiledTransition, ...]] = dict.fromkeys(stages, ())
        for place, transition in enumerate(journey.transitions):
            target = stages[transition.to]
            for source in transition.leaves(stages):
                way = CompiledTransition(place, transition, source, target.qualified, target.reentry)
                self.leaving[source] += (way,)
        ways = [way for own in self.leaving.values() for way in own]
        asks = [ask for way in ways for ask in (way.ask, way.gate) if ask is not None]
        aggregates = [part for ask in asks for part in ask.aggregates]
        asked = {way.without for way in ways if way.without} | {part.event for part in aggregates}
        self.events = frozenset({way.event for way in ways if way.event} | asked)
        self.moves = self.events - asked
        self.sums = _parts(aggregates, "sum")
        self.lasts = _parts(aggregates, "last")


def _parts(aggregates: Iterable[Aggregate], kind: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for part in aggregates:
        if part.kind == kind and part.part is not None:
            found.setdefault(part.event, {})[part.part] = None
    return {event: tuple(parts) for event, parts in found.items()}
