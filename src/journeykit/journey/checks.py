"""What is wrong with a journey as a whole, and what is allowed but probably not meant.

A verdict such as "can never be taken" is sure; what cannot be known is not told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.clock import FOREVER
from journeykit.errors import Problem, closest
from journeykit.journey.stages import ANY, unreachable
from journeykit.journey.transitions import CompiledTransition, CompiledTransitions, length_of
from journeykit.rule import Aggregate, Call, Node, Rule
from journeykit.rule.reasoning import Known, age_of, can_be_true, implies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from journeykit.journey.stages import StageGraph

_LONG = 10**9
"""An age, in any unit, of what happened before a silence without end."""


def check(journey: StageGraph) -> tuple[Problem, ...]:
    """Everything that is wrong with a journey, and what is probably not meant; see `Journey.check`."""
    missing = tuple(_missing(journey))
    return missing or (*find_problems(journey), *find_warnings(journey))


def _missing(journey: StageGraph) -> Iterator[Problem]:
    """Stages that are there twice, or not at all."""
    if not journey.stages:
        yield Problem.at(("journey", "stages"), "a journey needs at least one stage")
    first: dict[str, int] = {}
    for place, stage in enumerate(journey.stages):
        if first.setdefault(stage.name, place) != place:
            taken = f"journey.stages[{first[stage.name]}]"
            yield Problem.at(("journey", "stages", place, "name"), f"{stage.name!r} is already taken by {taken}")
    for place, way in enumerate(journey.transitions):
        for end, name in (*(("from", source) for source in way.leaves(first)), ("to", way.to)):
            if name not in first:
                message = f"unknown stage {name!r}; there is {', '.join(first) or 'none'}"
                yield Problem.at(("journey", "transitions", place, end), message, closest(name, first))


def find_problems(journey: StageGraph) -> Iterator[Problem]:
    """The faults of a journey whose transitions all lead from a stage to a stage."""
    names = [stage.name for stage in journey.stages]
    for name in unreachable(journey):
        message = f"no transition leads to {name!r} from the first stage, {names[0]!r}"
        yield Problem.at(("journey", "stages", names.index(name)), message)
    if any(way.after is not None and length_of(way.after) == 0 for way in journey.transitions):
        for circle in _circles([way for way in _ways(CompiledTransitions(journey)) if _takes_no_time(way)]):
            yield Problem.at(
                ("journey", "transitions", circle[0].place), f"these time-outs go round in no time: {_told(circle)}"
            )


def find_warnings(journey: StageGraph) -> Iterator[Problem]:
    """What is allowed, but probably not meant, in a journey without faults."""
    if journey.transitions:
        chart = _Chart(journey)
        yield from _stage_warnings(chart)
        # A rule on a look-alike is one finding, from however many stages the transition leads.
        yield from dict.fromkeys(found for way in chart.ways for found in _way_warnings(chart, way))
        for circle in _restless(chart):
            message = f"a contact of whom nothing more is heard may go round here for ever: {_told(circle)}"
            yield Problem.warning(_path(circle[0]), message)


def _path(way: CompiledTransition) -> str:
    return f"journey.transitions[{way.place}]"


def _told(circle: list[CompiledTransition]) -> str:
    ways = ", ".join(way.transition.label for way in circle)
    return f"{_route([_source(circle[0]), *(way.target for way in circle)])} ({ways})"


def _route(stages: Iterable[str]) -> str:
    return " -> ".join(map(repr, stages))


# Graphs. A transition here is an edge; networkx would take longer to import than all of this takes.


def _ways(compiled: CompiledTransitions) -> list[CompiledTransition]:
    """The transitions in document order, ready to be tried."""
    ways = (way for leaving in compiled.leaving.values() for way in leaving)
    return sorted(ways, key=lambda way: way.place)


def _source(way: CompiledTransition) -> str:
    return way.source


def _next(ways: Iterable[CompiledTransition]) -> dict[str, list[CompiledTransition]]:
    found: dict[str, list[CompiledTransition]] = {}
    for way in ways:
        found.setdefault(_source(way), []).append(way)
    return found


def _reached(
    start: str, leaving: Mapping[str, Iterable[CompiledTransition]], avoid: str | None = None
) -> dict[str, CompiledTransition | None]:
    """The stages that some ways lead to, the start included; each with the way by which it was first reached."""
    found: dict[str, CompiledTransition | None] = {} if start == avoid else {start: None}
    fresh = [*found]
    for here in fresh:
        for way in leaving.get(here, ()):
            if way.target not in found and way.target != avoid:
                found[way.target] = way
                fresh.append(way.target)
    return found


def _walked(to: str, reached: Mapping[str, CompiledTransition | None]) -> list[CompiledTransition]:
    """A shortest way to a stage that is reached."""
    found: list[CompiledTransition] = []
    while (way := reached[to]) is not None:
        found.append(way)
        to = _source(way)
    return found[::-1]


def _circles(ways: list[CompiledTransition]) -> Iterator[list[CompiledTransition]]:
    """Of each set of stages that some ways lead round in, a shortest circle."""
    leaving, told = _next(ways), set[str]()
    for way in ways:
        if _source(way) not in told:
            reached = _reached(way.target, leaving)
            if _source(way) in reached:
                circle = [way, *_walked(_source(way), reached)]
                told.update(stage for stage in reached if _source(way) in _reached(stage, leaving))
                yield circle


# What can never happen


def _takes_no_time(way: CompiledTransition) -> bool:
    return way.after == 0 and not way.limits and way.gate is None


@frozen
class _Rival:
    """A transition that is open whenever another one is, and is tried before it.

    Attributes:
        way: which.
        same: whether the other one is never open alone either.
        unless: where the other one is taken all the same; an empty text for nowhere.
    """

    way: CompiledTransition
    same: bool
    unless: str


class _Chart:
    """A journey, and what was found out about it.

    Attributes:
        ways: its transitions in document order.
        closed: the stages that nobody can enter, as what they ask for is never true.
        never: why a transition can never be taken; an empty text where another problem says it already.
        rivals: what is taken in place of a transition whenever that one could be.
        live: the transitions that can be taken, by the stage that they leave.
        reached: the stages that they lead to from the first one.
    """

    def __init__(self, journey: StageGraph) -> None:
        self.journey = journey
        self.compiled = CompiledTransitions(journey)
        self.leaving = self.compiled.leaving
        self.ways = _ways(self.compiled)
        gates = ((stage.name, stage.qualified) for stage in journey.stages)
        self.closed = {name for name, gate in gates if gate is not None and not can_be_true(gate)}
        self.never = {way: why for way in self.ways if (why := self._why_never(way)) is not None}
        self._at_once = _next(way for way in self.ways if way.after <= 0 and way not in self.never)
        self.rivals = {way: rival for way in self.ways if (rival := self._rival(way)) is not None}
        self.never |= {way: _told_of(rival) for way, rival in self.rivals.items() if not rival.unless}
        self.live = _next(way for way in self.ways if way not in self.never)
        self.reached = _reached(self.compiled.first, self.live)

    def from_stages(self, way: CompiledTransition) -> list[CompiledTransition]:
        """The same transition from all the stages that it leaves."""
        return [other for other in self.ways if other.place == way.place]

    def is_doubtful(self, way: CompiledTransition) -> bool:
        """Whether a transition can never be taken, or another one comes first."""
        return way in self.never or way in self.rivals

    def _why_never(self, way: CompiledTransition) -> str | None:
        when, gate, source = way.transition.when, way.gate, _source(way)
        if when is not None and not can_be_true(when):
            return f"its rule is never true: {when}"
        if way.target in self.closed:
            return ""
        if gate is not None and not can_be_true(*_needs(way), known=_known_at(way)):
            return f"when it could be, the condition of {way.target!r} for entering is not true: {gate.rule}"
        if way.limits and way.target == source:
            return f"it leads from {source!r} to itself, and its reentry is {self._reentry(source)}"
        first = self.compiled.first
        if way.reentry == FOREVER and self._is_behind(source, way.target):
            return f"contacts who entered at {first!r} have been on {way.target!r} before, and its reentry is never"
        return None

    def _is_behind(self, stage: str, gate: str) -> bool:
        """Whether every way from the first stage to some stage leads over another one."""
        first = self.compiled.first
        return stage in _reached(first, self.leaving) and stage not in _reached(first, self.leaving, avoid=gate)

    def _reentry(self, name: str) -> str:
        return next(stage.reentry for stage in self.journey.stages if stage.name == name)

    def _rival(self, way: CompiledTransition) -> _Rival | None:
        """The first transition that is always tried with success before this one could be; or most of the time."""
        found: _Rival | None = None
        if way in self.never:
            return None
        for other in self.leaving[_source(way)]:
            if other is way or other in self.never:
                continue
            unless = self._unless(other, way)
            if _is_open_before(other, way) or (not unless and _is_quicker(other, way)):
                same = _is_open_before(way, other, in_order=False)
                if not unless:
                    return _Rival(other, same, "")
                if same:
                    found = found or _Rival(other, same, unless)
        return found

    def _unless(self, rival: CompiledTransition, way: CompiledTransition) -> str:
        """Where a rival that is open cannot be taken, in words; an empty text for nowhere."""
        target, source = rival.target, _source(rival)
        found = []
        if rival.gate is not None and not implies(_needs(way), rival.gate.rule, _known_at(way)):
            found.append(f"{target!r} does not let the contact in")
        if rival.limits and target != way.target:
            found.append(f"{target!r} may not be entered again")
        if source in _reached(target, self._at_once) and not (rival.event is not None and target == way.target):
            found.append(f"{target!r} was entered at the same instant")
        return " or ".join(found)


def _told_of(rival: _Rival) -> str:
    what = "is taken by the same, and comes first" if rival.same else "is always taken before"
    return f"{_path(rival.way)} {what}"


def _needs(way: CompiledTransition) -> list[Rule]:
    """The rules that are true where a transition is taken."""
    gate = None if way.gate is None else way.gate.rule
    return [rule for rule in (way.transition.when, gate) if rule is not None]


def _known_at(way: CompiledTransition) -> Known:
    """What is known of the events so far when a transition is taken."""
    if way.event is not None:
        return lambda node: _of_event(node, way.event)
    return lambda node: _of_silence(node, way.after, way.without)


def _of_event(node: Node, event: str | None) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Aggregate) and node.kind == "count" and node.event == event:
        yield ">=", 1
    age = age_of(node)
    if age is not None and age[0] == event:
        yield from (("known", None), ("==", 0))


def _of_silence(node: Node, after: int, without: str | None) -> Iterator[tuple[str, Any]]:
    if after < 0:
        return
    length = node.length if isinstance(node, Aggregate) and without in (None, node.event) else None
    if length is not None and length <= after:
        yield "==", 0
    age = age_of(node)
    if age is not None and without in (None, age[0]):
        yield ">=", after / age[1]


def _is_open_before(rival: CompiledTransition, way: CompiledTransition, *, in_order: bool = True) -> bool:
    """Whether a rival is open whenever another is, gates and re-entry aside, and is tried first."""
    if in_order and rival.place > way.place:
        return False
    if rival.event is not None:
        return rival.event == way.event
    if rival.ask is not None:
        return implies(_needs(way), rival.ask.rule, _known_at(way))
    return rival.after == 0 or (way.after >= rival.after and _hears_no_more(rival, way))


def _hears_no_more(rival: CompiledTransition, way: CompiledTransition) -> bool:
    """Whether what breaks the silence of one time-out breaks that of another too."""
    return way.without is None or way.without == rival.without


def _is_quicker(rival: CompiledTransition, way: CompiledTransition) -> bool:
    """Whether a rival that nothing blocks is taken before the time of another has come, whatever their order."""
    if way.after <= 0 or rival.gate is not None or rival.limits:
        return False
    if rival.ask is not None:
        return implies([], rival.ask.rule)
    return rival.after == 0 or (0 < rival.after < way.after and _hears_no_more(rival, way))


# Warnings


def _stage_warnings(chart: _Chart) -> Iterator[Problem]:
    journey, first = chart.journey, chart.compiled.first
    drawn = _reached(first, chart.leaving)
    for place, stage in enumerate(journey.stages):
        path = f"journey.stages[{place}]"
        if stage.name in chart.closed:
            message = f"nobody can enter {stage.name!r}: its rule is never true: {stage.qualified}"
            yield Problem.warning(f"{path}.qualified", message)
        elif stage.name in drawn and stage.name not in chart.reached:
            yield Problem.warning(path, f"only transitions that can never be taken lead to {stage.name!r}")
        if stage.qualified is not None:
            yield from _look_alikes(chart, f"{path}.qualified", stage.qualified)
    yield from _traps(chart, [stage.name for stage in journey.stages])


def _traps(chart: _Chart, names: list[str]) -> Iterator[Problem]:
    """Stages, and sets of them, from which no final stage can be reached."""
    marked = {stage.name for stage in chart.journey.stages if stage.final}
    # A contact who is lost has come to an end too, if to no good one.
    marked |= {stage.name for stage in chart.journey.stages if stage.lost and marked}
    final = marked or {name for name in names if not chart.leaving[name]}
    if not final:
        return
    onward = {name: _reached(name, chart.live) for name in chart.reached}
    lost = {name for name, reached in onward.items() if final.isdisjoint(reached)}
    told = set[str]()
    for name in names:
        # A set is reported once, at its first stage, and only where nothing leads out of it.
        if name not in lost or name in told or any(name not in onward[other] for other in onward[name]):
            continue
        told.update(onward[name])
        yield _trap(chart, name, names, final, onward[name])


def _trap(chart: _Chart, name: str, names: list[str], final: set[str], inside: Collection[str]) -> Problem:
    entry = [way.target for way in _walked(name, chart.reached)]
    route = _route([chart.compiled.first, *entry])
    path = f"journey.stages[{names.index(name)}]"
    ends = ", ".join(repr(end) for end in names if end in final)
    if len(inside) == 1:
        message = f"no transition leaves {name!r}, and it is not final; {ends} is. The way there: {route}"
        return Problem.warning(path, message)
    within = ", ".join(repr(stage) for stage in names if stage in inside)
    return Problem.warning(path, f"no way leads from {within} to a final stage ({ends}). The way there: {route}")


def _way_warnings(chart: _Chart, way: CompiledTransition) -> Iterator[Problem]:
    path, source, why = _path(way), _source(way), chart.never.get(way)
    if way.transition.when is not None:
        yield from _look_alikes(chart, path, way.transition.when)
    if way.transition.source == ANY and not all(map(chart.is_doubtful, chart.from_stages(way))):
        return  # from some stages it is what is meant
    if why:
        yield Problem.warning(path, f"this transition ({_route([source, way.target])}) can never be taken: {why}")
    elif why is None and way in chart.rivals:
        rival = chart.rivals[way]
        message = f"ambiguous: {_path(rival.way)} is taken by the same, and comes first; this one is taken only where "
        yield Problem.warning(path, message + rival.unless)
    elif why is None and way.target == source and way.after < 0:
        yield Problem.warning(
            path, f"this transition leads from {source!r} to itself: all it does is to begin the stay anew"
        )


def _look_alikes(chart: _Chart, path: str, rule: Rule) -> Iterator[Problem]:
    """Attributes that are named like events."""
    for name in sorted(rule.names & chart.compiled.events):
        message = f"the rule reads an attribute {name!r} of the contact, and there is an event of that name"
        yield Problem.warning(path, message, f'count("{name}")')


# Circles in silence


def _restless(chart: _Chart) -> Iterator[list[CompiledTransition]]:
    """Circles of time-outs, and of rules that stay true, in which a contact goes round without any event."""
    times = [way for ways in chart.leaving.values() for way in _in_silence(chart, ways)]
    told = set[str]()
    for circle in _circles(sorted(times, key=lambda way: way.place)):
        told.update(map(_source, circle))
        if not all(map(_takes_no_time, circle)):
            yield circle
    # Rules of attributes alone are left aside: the owner of those attributes may change them.
    rules = [way for way in chart.ways if way.ask is not None and way.ask.events and _may_stay_open(chart, way)]
    leaving = _next([*times, *rules])
    for way in times:
        reached = _reached(way.target, leaving)
        if _source(way) not in reached or _source(way) in told:
            continue
        circle = [way, *_walked(_source(way), reached)]
        if can_be_true(*(rule for part in circle for rule in _needs(part)), known=_of_old):
            told.update(map(_source, circle))
            yield circle


def _in_silence(chart: _Chart, ways: Iterable[CompiledTransition]) -> Iterator[CompiledTransition]:
    """Of the transitions that leave a stage, the time-outs that may be the first to end a silence without end."""
    times = [way for way in ways if way.after >= 0 and _may_stay_open(chart, way)]
    for way in sorted(times, key=lambda way: (way.after, way.place)):
        yield way
        if way.gate is None and not way.limits:
            return


def _may_stay_open(chart: _Chart, way: CompiledTransition) -> bool:
    """Whether a transition can be taken again and again without any event."""
    return way not in chart.never and way.reentry != FOREVER and can_be_true(*_needs(way), known=_of_old)


def _of_old(node: Node) -> Iterator[tuple[str, Any]]:
    """What is known of operands after a silence without end."""
    if isinstance(node, Aggregate) and node.length is not None:
        yield "==", 0
    if isinstance(node, Call) and node.function in ("days_since", "hours_since"):
        yield ">=", _LONG
