"""One contact's way along the journey: the reference that the columnar twin must equal, path by path."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.basics.clock import EPOCH, FOREVER, clock, micros, moment
from journeykit.basics.validation import LARGEST, MILLIONTH, scaled, shown
from journeykit.errors import ModelError, closest
from journeykit.journey.placement import (
    NOT_AGAIN,
    NOT_QUALIFIED,
    OTHER_STAGE,
    Event,
    Evidence,
    Placement,
    Step,
    Untaken,
)
from journeykit.journey.transitions import Ask, CompiledTransition, CompiledTransitions, crossings
from journeykit.rule import Operand
from journeykit.rule.values import as_number, is_empty, typed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from journeykit.rule import Aggregate

RANKS = {"boolean": 0, "number": 1, "text": 2}
"""Of several last values at one instant the greatest counts; values of different kinds rank in this order."""


class Walk:
    """A contact's way, as far as it is known; it goes on as events come in and time passes.

    However the events are dealt out, and however often it is asked in between, the path is the same. Events come in
    the order of time; those of one instant count together, once time has passed it or ``at`` asks for it.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit.journey import Event, Journey, Stage, Transition
        >>> journey = Journey(["awareness", "decision"], [Transition(source="awareness", to="decision", event="demo")])
        >>> walk = journey.walk()
        >>> walk.take(Event("webinar", datetime(2026, 11, 2, tzinfo=UTC)))
        >>> walk.take(Event("demo", datetime(2026, 11, 5, tzinfo=UTC)))
        >>> walk.stage_at(datetime(2026, 11, 4, tzinfo=UTC))
        Traceback (most recent call last):
            ...
        journeykit.errors.ModelError: 2026-11-04T00:00:00+00:00 lies before what the walk already knows
        >>> walk.stage_at(datetime(2026, 11, 5, tzinfo=UTC))
        'decision'
    """

    __slots__ = (
        "_asked",
        "_at",
        "_contact",
        "_entered",
        "_fresh",
        "_here",
        "_instants",
        "_last",
        "_lasts",
        "_latest",
        "_left",
        "_local",
        "_met",
        "_noted",
        "_path",
        "_refused",
        "_since",
        "_spent",
        "_stage",
        "_start",
        "_sums",
        "_timer",
        "_untaken",
        "_values",
        "_ways",
    )

    def __init__(
        self,
        ways: CompiledTransitions,
        attributes: Mapping[str, Any],
        *,
        contact: str | None = None,
        stage: str | None = None,
        start: datetime | None = None,
        timezone: str = "UTC",
    ) -> None:
        if stage is not None and stage not in ways.leaving:
            raise ModelError(_no_stage(stage, ways), field="stage")
        self._ways = ways
        self._contact = contact
        self._stage = ways.first if stage is None else stage
        self._start = None if start is None else micros(start, what="start")
        self._local = clock(timezone)
        self._values = dict(attributes)
        # The instant of the events that are not settled yet, how many there are of each name, and the last one asked.
        self._at = self._asked = -FOREVER
        self._fresh: dict[str, int] = {}
        # What tells events apart: the ids of all, and the events of this instant.
        self._met: set[str] = set()
        self._here: set[Any] = set()
        self._entered = False
        self._since = -FOREVER
        self._timer = FOREVER
        self._path: list[Step] = []
        self._left: dict[str, int] = {}
        self._spent: set[CompiledTransition] = set()
        # By event of this instant, the first of its transitions that could not be taken, and why.
        self._refused: dict[str, tuple[CompiledTransition, str]] = {}
        self._untaken: list[Untaken] = []
        self._last = -FOREVER
        self._latest: dict[str, int] = {}
        # By event, its instants in order; by property that is added up, the instants of its numbers and their sums.
        self._instants: dict[str, list[int]] = {name: [] for name in ways.events}
        self._sums: dict[tuple[str, str], tuple[list[int], list[int]]] = {
            (event, part): ([], [0]) for event, parts in ways.sums.items() for part in parts
        }
        # By property of which the last is asked for: its instant, its rank among those of that instant, its value.
        self._lasts: dict[tuple[str, str], tuple[int, tuple[int, Any], Any]] = {}
        self._noted: Counter[str] = Counter()

    # What comes in

    def take(self, event: Event) -> None:
        """Take the next event; one that was taken before is noted, and not taken again.

        Raises:
            ModelError: if it is earlier than one that was taken, or not later than an instant that was asked for.
        """
        known = self._met if event.id is not None else self._here
        own = identity(event)
        if own in known:
            self._noted["duplicate"] += 1
            return
        before = self._at
        self.learn(event)
        if self._at != before:
            self._here.clear()
        known.add(own)

    def learn(self, event: Event) -> None:
        """Take the next event, which is known to be none that was taken before; see `take`."""
        at = micros(event.at)
        if at <= self._asked or at < self._at:
            raise ModelError(f"the event {event.event!r} of {event.at.isoformat()} comes too late", field="at")
        if at != self._at:
            self._pass(at)
            self._at = at
        name = event.event
        self._fresh[name] = self._fresh.get(name, 0) + 1
        self._last = at
        instants = self._instants.get(name)
        if instants is None:
            self._noted["unknown_event"] += 1
            return
        instants.append(at)
        self._latest[name] = at
        for part in self._ways.sums.get(name, ()):
            self._add((name, part), event.properties.get(part), at)
        for part in self._ways.lasts.get(name, ()):
            self._replace((name, part), event.properties.get(part), at)

    def _add(self, key: tuple[str, str], value: object, at: int) -> None:
        kind, number = typed(value)
        if kind is None or is_empty(value):
            return
        if kind == "text":
            # As a comparison with a number reads it.
            number = as_number(value)
        if kind not in ("number", "text") or number is None or not -LARGEST <= number <= LARGEST:
            self._noted["not_a_number"] += 1
            return
        instants, sums = self._sums[key]
        instants.append(at)
        sums.append(sums[-1] + scaled(number if type(number) is int else float(number), MILLIONTH))

    def _replace(self, key: tuple[str, str], value: object, at: int) -> None:
        kind, plain = typed(value)
        if kind is None:
            return
        if kind not in RANKS:
            self._noted["not_comparable"] += 1
            return
        rank = RANKS[kind], plain
        known = self._lasts.get(key)
        if known is None or known[0] < at or known[1] < rank:
            self._lasts[key] = at, rank, value

    # What is asked

    def stage_at(self, at: datetime) -> str:
        """The stage on which the contact is at an instant, after all that happened then.

        Raises:
            ModelError: if the instant lies before what was taken or asked for.
        """
        instant = micros(at)
        if instant < self._asked or instant < self._at:
            raise ModelError(f"{at.isoformat()} lies before what the walk already knows", field="at")
        self._pass(instant + 1)
        self._asked = instant
        return self._stage

    def placement(self, at: datetime) -> Placement:
        """Where the contact is at an instant, and how they came there.

        Raises:
            ModelError: if the instant lies before what was taken or asked for.
        """
        stage = self.stage_at(at)
        return Placement(self._contact, stage, tuple(self._path), dict(self._noted), tuple(self._untaken))

    # Time passes

    def _pass(self, to: int) -> None:
        """Settle all that happens before an instant."""
        if self._fresh and self._at < to:
            self._settle(self._at)
        while (at := self._next()) < to:
            self._settle(at)

    def _next(self) -> int:
        """The next instant at which something may happen without an event."""
        if self._entered:
            return self._timer
        return FOREVER if self._start is None else self._start

    def _settle(self, at: int) -> None:
        """Let all happen that happens at an instant; its events are known already."""
        fresh, passed = self._fresh, set[str]()
        self._fresh = {}
        if not self._entered:
            if self._start is not None and at < self._start:
                self._leave_untaken(fresh, at)
                return
            self._enter(at, min(fresh) if fresh and self._start is None else None)
            passed.add(self._stage)
        while (way := self._open_way(at, fresh, passed)) is not None:
            self._go(way, at, fresh)
            passed.add(way.target)
        self._leave_untaken(fresh, at)
        self._timer = self._timer_after(at)

    def _leave_untaken(self, fresh: Mapping[str, int], at: int) -> None:
        """Note the events of an instant that took no transition, though that is what they are for."""
        for name, count in sorted(fresh.items()):
            if not count or (name not in self._refused and name not in self._ways.moves):
                continue
            way, why = self._refused.get(name, (None, OTHER_STAGE))
            stage = self._stage if self._entered else None
            gate = way.gate if way is not None and why == NOT_QUALIFIED else None
            rule, facts = (None, ()) if gate is None else (str(gate.rule), self._facts(gate, at))
            own = Untaken(name, moment(at), stage, why, None if way is None else way.target, rule, facts)
            self._untaken += [own] * count
            self._noted[why] += count
        self._refused.clear()

    def _enter(self, at: int, event: str | None) -> None:
        self._entered, self._since = True, at
        when = moment(at)
        self._path.append(Step(self._stage, when, None, Evidence(when if event else None, event)))

    def _open_way(self, at: int, fresh: Mapping[str, int], passed: set[str]) -> CompiledTransition | None:
        """The first transition that can be taken; no stage is entered twice at one instant.

        One that could be taken but for that is spent: it must close, and open again, before it is taken on this stay.
        Else two rules that both stay true would move a contact back and forth for ever.
        """
        for way in self._ways.leaving[self._stage]:
            # An event is over with its instant: it never stays open.
            if not self._is_open(way, at, fresh):
                self._spent.discard(way)
            elif way.target in passed:
                if way.event is None:
                    self._spent.add(way)
                else:
                    self._refused.setdefault(way.event, (way, NOT_AGAIN))
            elif way not in self._spent:
                return way
        return None

    def _is_open(self, way: CompiledTransition, at: int, fresh: Mapping[str, int]) -> bool:
        if way.event is not None:
            if not fresh.get(way.event):
                return False
        elif way.ask is not None:
            if self._asked_of(way.ask, at) is not True:
                return False
        elif at < self._due(way):
            return False
        if way.limits and at < self._back_at(way, at):
            return self._refuse(way, NOT_AGAIN)
        return way.gate is None or self._asked_of(way.gate, at) is True or self._refuse(way, NOT_QUALIFIED)

    def _refuse(self, way: CompiledTransition, why: str) -> bool:
        if way.event is not None:
            self._refused.setdefault(way.event, (way, why))
        return False

    def _due(self, way: CompiledTransition) -> int:
        """When a silence will have lasted long enough."""
        last = self._last if way.without is None else self._latest.get(way.without, -FOREVER)
        return max(self._since, last) + way.after

    def _back_at(self, way: CompiledTransition, at: int) -> int:
        """From when on the contact may enter a stage that they may not enter at any time; `FOREVER` for never."""
        left = at if way.target == self._stage else self._left.get(way.target)
        if left is None:
            return -FOREVER
        return FOREVER if way.reentry == FOREVER else left + way.reentry

    def _go(self, way: CompiledTransition, at: int, fresh: dict[str, int]) -> None:
        if way.event is not None:
            fresh[way.event] -= 1
            evidence = Evidence(moment(at), way.event)
        elif way.ask is not None:
            last = max((self._latest[name] for name in way.ask.events if name in self._latest), default=None)
            evidence = Evidence(None if last is None else moment(last), facts=self._facts(way.ask, at))
        else:
            last = self._latest.get(way.without) if way.without else self._last
            known = None if last in (None, -FOREVER) else moment(last)
            evidence = Evidence(known, silence=way.without or "event")
        self._left[self._stage] = at
        self._spent.clear()
        self._stage, self._since = way.target, at
        self._path.append(Step(way.target, moment(at), way.transition, evidence))

    # What rules say

    def _asked_of(self, ask: Ask, at: int) -> bool | None:
        self._fill(ask, at)
        return ask.test(self._values, self._local.moment(at) if ask.ages else EPOCH)

    def _fill(self, ask: Ask, at: int) -> None:
        for part in ask.aggregates:
            self._values[part.key] = self._value(part, at)

    def _value(self, part: Aggregate, at: int) -> Any:
        if part.kind == "count":
            instants = self._instants[part.event]
            return len(instants) - (0 if part.length is None else bisect_right(instants, at - part.length))
        if part.kind == "latest":
            last = self._latest.get(part.event)
            return None if last is None else moment(last)
        assert part.part is not None  # noqa: S101  (sums and lasts look at a property)
        if part.kind == "last":
            known = self._lasts.get((part.event, part.part))
            return None if known is None else known[2]
        instants, sums = self._sums[part.event, part.part]
        gone = 0 if part.length is None else sums[bisect_right(instants, at - part.length)]
        # Not a division of whole numbers, so that columns of float64 give the same.
        return float(sums[-1] - gone) / MILLIONTH

    def _facts(self, ask: Ask, at: int) -> tuple[Operand, ...]:
        self._fill(ask, at)
        now = self._local.moment(at)
        return tuple(Operand(text, read(self._values, now)) for text, read in ask.reads)

    # When to look again

    def _timer_after(self, at: int) -> int:
        """The next instant at which time alone may open a way: a superset of those at which it does."""
        found = FOREVER
        for way in self._ways.leaving[self._stage]:
            if not way.timed:
                continue
            if way.limits:
                back = self._back_at(way, at)
                if back == FOREVER:
                    continue
                if back > at:
                    found = min(found, back)
            if way.after >= 0 and (due := self._due(way)) > at:
                found = min(found, due)
            for ask in way.asks:
                found = min(found, self._change_after(ask, at))
        return found

    def _change_after(self, ask: Ask, at: int) -> int:
        found = FOREVER
        for part in ask.windows:
            instants = self._instants[part.event] if part.part is None else self._sums[part.event, part.part][0]
            assert part.length is not None  # noqa: S101  (windows have a length)
            oldest = bisect_right(instants, at - part.length)
            if oldest < len(instants):
                found = min(found, instants[oldest] + part.length)
        if ask.ages:
            self._fill(ask, at)
            later = (when for when in crossings(ask, self._values, self._local.moment(at), self._local) if when > at)
            found = min(found, min(later, default=FOREVER))
        return found


def place(
    ways: CompiledTransitions,
    events: Iterable[Event],
    at: datetime,
    attributes: Mapping[str, Any],
    **given: Any,
) -> Placement:
    """Where a contact is at an instant, from all events in any order; see `Journey.place`."""
    if not isinstance(events, Iterable):
        raise ModelError(f"events must be Events, found {shown(events)}", field="events")
    end, known, noted = micros(at), dict[Any, Event](), Counter[str]()
    for event in events:
        if not isinstance(event, Event):
            raise ModelError(f"events must be Events, found {shown(event)}", field="events")
        if micros(event.at) > end:
            noted["future"] += 1
        elif (own := identity(event)) in known:
            noted["duplicate"] += 1
        else:
            known[own] = event
    walk = Walk(ways, attributes, **given)
    # Not by comparing instants directly: within one zone Python compares what clocks show, twice the same in autumn.
    for event in sorted(known.values(), key=lambda event: micros(event.at)):
        walk.learn(event)
    placement = walk.placement(at)
    return evolve(placement, noted={**noted, **placement.noted}) if noted else placement


def identity(event: Event) -> Any:
    """What tells an event from others."""
    if event.id is not None:
        return event.id
    parts = (event.event, micros(event.at))
    if not event.properties:
        return parts
    known = ((name, *typed(value)) for name, value in event.properties.items())
    plain = ((name, kind, value if kind in RANKS else repr(value)) for name, kind, value in known if kind is not None)
    return *parts, *sorted(plain, key=itemgetter(0))


def _no_stage(stage: object, ways: CompiledTransitions) -> str:
    hint = closest(stage, ways.leaving) if isinstance(stage, str) else None
    return f"the journey has no stage {shown(stage)}; there is {', '.join(ways.leaving)}" + (
        f"; did you mean {hint!r}?" if hint else ""
    )
