"""What one contact did, ready to be asked by the rules of decisions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, field, frozen

from journeykit.basics.clock import FOREVER, micros, moment
from journeykit.basics.validation import LARGEST, MILLIONTH, all_of, scaled
from journeykit.model.rest import IGNORED_AFTER, micros_of_lag
from journeykit.model.touch import IGNORED
from journeykit.rule.values import as_number, as_text, is_empty, typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from journeykit.journey.placement import Event
    from journeykit.model.rest import Rest
    from journeykit.rule import Aggregate, Rule

Part = tuple[str, str]
"""An event and a property of it."""
CAMPAIGN = "campaign_id"
"""The property by which an event names a campaign."""


class Ignoring(NamedTuple):
    """When a touch is ignored.

    Attributes:
        after: how long a response may take, in microseconds.
        response: the names of the events that are one; empty for all.
    """

    after: int
    response: frozenset[str]


_SHOWN = 10
_BY_DEFAULT = Ignoring(micros_of_lag(IGNORED_AFTER), frozenset())


class EventsAsked:
    """What rules and rests ask of events.

    Args:
        rules: the rules.
        rests: the rests. The first of them that is about touches that are ignored says when that is, for rules too.

    Attributes:
        events: the names of the events, in their order.
        by_rules: those that rules ask for.
        told: those of which it matters which campaign they name.
        rules_ignore: when a touch is ignored, where rules ask for that; else None.
        answers: whether events are asked for as responses to touches.
        any_answer: whether those of any name are.
        ignored_reach: how far back touches that are ignored may matter, in microseconds.
        sums: the properties that are added up, each with its event.
        lasts: those of which the last is asked for, likewise.
        numbers: the properties that are added up, whatever the event, each with its number.
        values: those of which the last is asked for, likewise.
        silence: what is to be said where no events are at hand: what rules ask is unknown, and nobody rests.

    Example:
        >>> from journeykit.rule import Rule
        >>> asked = EventsAsked([Rule('count("webinar", "90d") >= 2'), Rule('sum("purchase.amount") > 100')])
        >>> asked.events, asked.sums
        (('purchase', 'webinar'), (('purchase', 'amount'),))
    """

    def __init__(self, rules: Iterable[Rule], rests: Sequence[Rest] = ()) -> None:
        parts = {part.key: part for rule in rules for part in rule.aggregates}.values()
        names = {part.event for part in parts}
        self.by_rules = tuple(sorted(names))
        how = [self.ignoring(rest) for rest in rests if rest.event == IGNORED]
        self.rules_ignore = (how or [_BY_DEFAULT])[0] if IGNORED in names else None
        how += [] if self.rules_ignore is None else [self.rules_ignore]
        self.answers = bool(how)
        self.ignored_reach = max(
            (*map(_reach_of_rest, rests), *(_reach_of(p, self.rules_ignore) for p in parts)), default=0
        )
        self.any_answer = any(not own.response for own in how)
        self.told = frozenset(rest.event for rest in rests) - {IGNORED}
        self._responses = frozenset(name for own in how for name in own.response)
        self.events = tuple(sorted(names | self.told | self._responses))
        self.sums = _parts(parts, "sum")
        self.lasts = _parts(parts, "last")
        self.numbers = {name: number for number, name in enumerate(dict.fromkeys(name for _, name in self.sums))}
        told = [CAMPAIGN] if self.told or self.answers else []
        names_of = dict.fromkeys([*(name for _, name in self.lasts), *told])
        self.values = {name: number for number, name in enumerate(names_of)}
        self._folds = _folded(self.events)
        self.silence = tuple(_silence(self.by_rules, [rest.name for rest in rests]))

    def __bool__(self) -> bool:
        return bool(self.events) or self.answers

    @staticmethod
    def ignoring(rest: Rest) -> Ignoring:
        """When a touch is ignored, for a rest."""
        return Ignoring(rest.answer_within, frozenset(rest.response))

    def spelt(self, name: str) -> str:
        """The name of an event as rules and rests write it, like other words; one that they do not ask for as it is."""
        return name if name in self.events else self._folds.get(name.strip().casefold(), name)

    def unmet(self, names: Iterable[str]) -> Iterator[str]:
        """What is to be said of the events that rules or rests ask for, and that are none of those at hand."""
        met = {self.spelt(name) for name in names}
        lacking = [name for name in self.events if name not in met and name != IGNORED]
        if lacking:
            yield f"none of the events is {_some(lacking)}, which rules or rests ask for"

    def is_answer(self, name: str) -> bool:
        """Whether an event of a name may be a response."""
        return self.any_answer or name in self._responses


def _folded(names: Iterable[str]) -> dict[str, str]:
    """By folded name the one that is meant; those that mean several are left out."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.strip().casefold(), []).append(name)
    return {fold: own[0] for fold, own in found.items() if len(own) == 1}


def _silence(events: Sequence[str], rests: Sequence[str]) -> Iterator[str]:
    if events:
        yield (
            f"rules ask for the events {_some(events)}, and no events are given: what they ask is unknown, which "
            "selects nobody, and caps protect"
        )
    if rests:
        yield f"no events are given, and so nobody rests: {_some(rests)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def _reach_of_rest(rest: Rest) -> int:
    """How far back touches may matter to a rest."""
    if rest.event != IGNORED:
        return 0
    if rest.times > 1 and rest.within is None:
        return FOREVER
    close = 0 if rest.within is None else micros_of_lag(rest.within)
    return rest.answer_within + close + (0 if rest.rest is None else rest.length)


def _reach_of(part: Aggregate, how: Ignoring | None) -> int:
    """How far back touches may matter to what a rule asks of those that are ignored."""
    if part.event != IGNORED or how is None:
        return 0
    return FOREVER if part.length is None else part.length + how.after


def _parts(aggregates: Iterable[Aggregate], kind: str) -> tuple[Part, ...]:
    found = ((own.event, own.part) for own in aggregates if own.kind == kind and own.part is not None)
    return tuple(dict.fromkeys(found))


@frozen(eq=False)
class EventHistory:
    """What one contact did, as far as rules ask for it.

    Attributes:
        instants: by event, the instants, in their order, in microseconds.
        sums: by event and property, the instants of its numbers, and these added up, in millionths.
        lasts: by event and property, the instants of its values, in their order, and the values.
        campaigns: by event that rests count, the instants, in their order, and the campaign that each names.
        answers: the events that may be responses: instant, name and campaign, in the order of time.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit.journey import Event
        >>> from journeykit.rule import Rule
        >>> from journeykit.rule.tree import EVENTS
        >>> rule = Rule('count("webinar", "30d") >= 2')
        >>> days = [datetime(2026, 11, day, tzinfo=UTC) for day in (2, 4, 9)]
        >>> events = EventHistory.of([Event("webinar", day) for day in days], days[1], EventsAsked([rule]))
        >>> rule.explain({EVENTS: events}, days[1]).line
        'count("webinar", "30d") >= 2 (count("webinar", "30d") = 2)'
    """

    instants: Mapping[str, tuple[int, ...]] = field(factory=dict)
    sums: Mapping[Part, tuple[tuple[int, ...], tuple[int, ...]]] = field(factory=dict)
    lasts: Mapping[Part, tuple[tuple[int, ...], tuple[Any, ...]]] = field(factory=dict)
    campaigns: Mapping[str, tuple[tuple[int, str | None], ...]] = field(factory=dict)
    answers: tuple[tuple[int, str, str], ...] = ()

    @classmethod
    def of(cls, events: Iterable[Event], at: datetime, asked: EventsAsked) -> EventHistory:
        """The events of a contact.

        Args:
            events: what the contact did, in any order; one that is later than `at` does not count, and of two that are
                one, by id or in everything, the first counts.
            at: the instant of the decision.
            asked: what rules ask for.

        Raises:
            ModelError: for what is no event.
        """
        # Who decides without events places nobody on a journey.
        from journeykit.journey.placement import Event
        from journeykit.journey.walk import identity

        end, met, known = micros(at), set[Any](), list[tuple[int, Event]]()
        for event in all_of(Event, events, "events"):
            instant = micros(event.at)
            name = asked.spelt(event.event)
            wanted = name in asked.events or asked.any_answer
            if wanted and name != IGNORED and instant <= end and (own := identity(event)) not in met:
                met.add(own)
                known.append((instant, event if name == event.event else evolve(event, event=name)))
        known.sort(key=lambda pair: pair[0])
        return cls(
            instants={name: tuple(at for at, event in known if event.event == name) for name in asked.events},
            sums={part: _added(_numbers(known, *part)) for part in asked.sums},
            lasts={part: _split(sorted(_values(known, *part), key=lambda own: own[:2])) for part in asked.lasts},
            campaigns={
                name: tuple((at, campaign_in(event.properties)) for at, event in known if event.event == name)
                for name in sorted(asked.told)
            },
            answers=tuple(_answers(known, asked)) if asked.answers else (),
        )

    def with_ignored(self, instants: Iterable[int]) -> EventHistory:
        """The same with the instants at which touches were known to be ignored."""
        return evolve(self, instants={**self.instants, IGNORED: tuple(sorted(instants))})

    def value(self, part: Aggregate, now: datetime) -> Any:
        """What the events so far add up to; None where that is unknown.

        Args:
            part: what is asked.
            now: the instant at which, aware.
        """
        at = micros(now)
        if part.kind in ("count", "latest"):
            instants = self.instants.get(part.event, ())
            end = bisect_right(instants, at)
            if part.kind == "latest":
                return moment(instants[end - 1]) if end else None
            return end - (0 if part.length is None else bisect_right(instants, at - part.length))
        key = part.event, part.part or ""
        if part.kind == "last":
            instants, values = self.lasts.get(key, ((), ()))
            end = bisect_right(instants, at)
            return values[end - 1] if end else None
        instants, sums = self.sums.get(key, ((), (0,)))
        gone = 0 if part.length is None else sums[bisect_right(instants, at - part.length)]
        # Not a division of whole numbers, so that columns of float64 give the same.
        return float(sums[bisect_right(instants, at)] - gone) / MILLIONTH


def campaign_in(properties: Mapping[str, Any]) -> str | None:
    """The campaign that an event names, as a text; None for none."""
    found = as_text(properties.get(CAMPAIGN))
    return None if found is None or is_empty(found) else found


def _answers(known: Iterable[tuple[int, Event]], asked: EventsAsked) -> Iterable[tuple[int, str, str]]:
    for at, event in known:
        campaign = campaign_in(event.properties) if asked.is_answer(event.event) else None
        if campaign is not None:
            yield at, event.event, campaign


def _numbers(known: Iterable[tuple[int, Event]], name: str, part: str) -> Iterable[tuple[int, int]]:
    """The numbers of a property, in millionths, each with its instant."""
    for at, event in known:
        value = event.properties.get(part) if event.event == name else None
        kind, number = typed(value)
        if kind == "text":
            # As a comparison with a number reads it.
            number = as_number(value)
        if kind in ("number", "text") and not is_empty(value) and number is not None and -LARGEST <= number <= LARGEST:
            yield at, scaled(number if type(number) is int else float(number), MILLIONTH)


def _added(numbers: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    instants, sums = list[int](), [0]
    for at, number in numbers:
        instants.append(at)
        sums.append(sums[-1] + number)
    return tuple(instants), tuple(sums)


def _values(known: Iterable[tuple[int, Event]], name: str, part: str) -> Iterable[tuple[int, tuple[int, Any], Any]]:
    """The values of a property, each with its instant and its rank among those of one instant."""
    from journeykit.journey.walk import RANKS

    for at, event in known:
        value = event.properties.get(part) if event.event == name else None
        kind, plain = typed(value)
        if kind in RANKS:
            yield at, (RANKS[kind], plain), value


def _split(ranked: Iterable[tuple[int, tuple[int, Any], Any]]) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    found = list(ranked)
    return tuple(at for at, _, _ in found), tuple(value for _, _, value in found)
