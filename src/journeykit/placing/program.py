"""A journey as arrays: its transitions, and its rules as small programs of three-valued logic.

What a rule asks of attributes alone is asked beforehand, contact by contact or column by column: events and time do
not change it. What is left is made of a few kinds of conditions. A rule that needs another is refused, and its
journey placed by the row engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.clock import DAY, EPOCH, HOUR
from journeykit.kernels.interface.journey_arrays import (
    AGE,
    AND,
    EQUAL,
    GREATER,
    GREATER_EQUAL,
    KNOWN,
    LAST,
    LESS,
    LESS_EQUAL,
    NEVER,
    NOT,
    OR,
    SAID,
    TOTAL,
    UNEQUAL,
    Routes,
)
from journeykit.rule import Aggregate, Call, Compare, IsNone, Junction, Literal, Name, Node, Not
from journeykit.rule.tree import MIRRORED, asks_for_dates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.journey import Journey
    from journeykit.journey.transitions import Ask, CompiledTransition


_OPERATORS = {"<": LESS, "<=": LESS_EQUAL, ">": GREATER, ">=": GREATER_EQUAL, "==": EQUAL, "!=": UNEQUAL}
_EXACT = 2**53


class NotColumnarError(Exception):
    """A rule that has a condition which programs do not know."""


class Program:
    """A journey's transitions and rules, collected.

    Attributes:
        events: the names of events that the journey asks for; their places are their numbers.
        sums: the (event, property) pairs that are added up, each with its number.
        lasts: those of which the last value is asked for, likewise.
        numbers: the properties that are added up, whatever the event, each with its number.
        values: those of which the last value is asked for, likewise.
        said: the conditions that look at attributes alone.
    """

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.events = sorted(journey.compiled_transitions.events)
        self._event = {name: number for number, name in enumerate(self.events)}
        self._totals: dict[tuple[int, int, int], int] = {}
        self.sums: dict[tuple[str, str], int] = {}
        self.lasts: dict[tuple[str, str], int] = {}
        self.numbers: dict[str, int] = {}
        self.values: dict[str, int] = {}
        self.said: dict[str, tuple[int, Node]] = {}
        self._looks: list[tuple[int, Node, Aggregate]] = []
        self._ops: list[tuple[int, int, int, int, float]] = []
        self._starts = [0]
        self._asked, self._asked_events = [0], list[int]()
        self.ways: list[CompiledTransition] = []
        self._programs: list[tuple[int, int]] = []
        for stage in journey.stages:
            for way in journey.compiled_transitions.leaving[stage.name]:
                self.ways.append(way)
                self._programs.append((self._compiled(way.ask), self._compiled(way.gate)))
        self._widest = max(1, len(self._ops))

    @staticmethod
    def spelt(name: str) -> str:
        """The name of an event as the journey writes it, which takes names as they come."""
        return name

    def _compiled(self, ask: Ask | None) -> int:
        if ask is None:
            return -1
        # Where a rule has ages it is asked in the contact's own zone, and so are its dates.
        self._has_zone = bool(ask.ages)
        self._compile(ask.rule.tree)
        self._starts.append(len(self._ops))
        self._asked_events += sorted(self._event[name] for name in ask.events)
        self._asked.append(len(self._asked_events))
        return len(self._starts) - 2

    def _compile(self, node: Node) -> None:
        aggregates = [part for part in node.walk() if isinstance(part, Aggregate)]
        if not aggregates:
            self._compile_said(node)
        elif isinstance(node, Not):
            self._compile(node.part)
            self._ops.append((NOT, 0, 0, 0, 0.0))
        elif isinstance(node, Junction):
            for part in node.parts:
                self._compile(part)
            self._ops.append((AND if node.op == "and" else OR, len(node.parts), 0, 0, 0.0))
        elif not (self._compare(node) or self._known(node) or self._looked_up(node, aggregates)):
            raise NotColumnarError(node.text)

    def _compile_said(self, node: Node) -> None:
        if any(isinstance(part, Call) and part.function in ("days_since", "hours_since") for part in node.walk()):
            raise NotColumnarError(node.text)
        if self._has_zone and asks_for_dates(node):
            raise NotColumnarError(node.text)
        number, _ = self.said.setdefault(node.text, (len(self.said), node))
        self._ops.append((SAID, number, 0, 0, 0.0))

    def _compare(self, node: Node) -> bool:
        """A number that events or time change, compared with a literal."""
        if not isinstance(node, Compare):
            return False
        left, op, right = node.left, node.op, node.right
        if isinstance(left, Literal):
            left, op, right = right, MIRRORED[op], left
        if not isinstance(right, Literal) or type(right.value) not in (int, float) or abs(right.value) > _EXACT:
            return False
        limit, operator = float(right.value), _OPERATORS[op]
        if isinstance(left, Aggregate) and left.kind in ("count", "sum"):
            self._ops.append((TOTAL, self._total(left), operator, 0, limit))
            return True
        found = _age(left)
        if found is None:
            return False
        event, unit = found
        self._ops.append((AGE, self._event[event], operator, unit, limit))
        return True

    def _total(self, part: Aggregate) -> int:
        number = -1
        if part.part is not None:
            self.sums.setdefault((part.event, part.part), len(self.sums))
            number = self.numbers.setdefault(part.part, len(self.numbers))
        key = self._event[part.event], number, -1 if part.length is None else part.length
        return self._totals.setdefault(key, len(self._totals))

    def _known(self, node: Node) -> bool:
        """Whether there was an event at all."""
        found = _age(node.item) if isinstance(node, IsNone) else None
        if found is None or not isinstance(node, IsNone):
            return False
        self._ops.append((KNOWN, self._event[found[0]], int(node.negated), 0, 0.0))
        return True

    def _looked_up(self, node: Node, aggregates: Sequence[Aggregate]) -> bool:
        """Any condition on one last value alone: what it says is looked up."""
        keys = {part.key for part in aggregates}
        if len(keys) != 1 or aggregates[0].kind != "last":
            return False
        ages = (part for part in node.walk() if isinstance(part, Call) and part.function.endswith("_since"))
        if any(isinstance(part, Name) for part in node.walk()) or any(ages):
            return False
        if self._has_zone and asks_for_dates(node):
            return False
        own = aggregates[0]
        assert own.part is not None  # noqa: S101  (the last value is one of a property)
        number = self.lasts.setdefault((own.event, own.part), len(self.lasts))
        self.values.setdefault(own.part, len(self.values))
        self._looks.append((len(self._ops), node, own))
        self._ops.append((LAST, number, 0, 0, 0.0))
        return True

    def routes(self, values: Mapping[str, Sequence[Any]]) -> Routes:
        """The arrays.

        Args:
            values: by property, its distinct values that a last value may have, in the order of their codes.
        """
        verdicts: list[int] = []
        for at, node, own in self._looks:
            op, number, _, unit, limit = self._ops[at]
            self._ops[at] = op, number, len(verdicts), unit, limit
            ask = node.truth()
            said = (ask({own.key: value}, EPOCH) for value in (None, *values[own.part or ""]))
            verdicts += [2 if verdict is None else int(verdict) for verdict in said]
        leaving = np.cumsum(
            [0, *(len(self.journey.compiled_transitions.leaving[stage.name]) for stage in self.journey.stages)]
        )
        stages = {stage.name: number for number, stage in enumerate(self.journey.stages)}
        totals = list(self._totals)

        def whole(found: Sequence[int]) -> np.ndarray:
            return np.array(found, np.int64)

        ops = list(zip(*self._ops, strict=True)) if self._ops else [(), (), (), (), ()]
        return Routes(
            leaving=whole(leaving.tolist()),
            place=whole([way.place for way in self.ways]),
            target=whole([stages[way.target] for way in self.ways]),
            event=whole([-1 if way.event is None else self._event[way.event] for way in self.ways]),
            rule=whole([rule for rule, _ in self._programs]),
            after=whole([way.after for way in self.ways]),
            without=whole([-1 if way.without is None else self._event[way.without] for way in self.ways]),
            gate=whole([gate for _, gate in self._programs]),
            reentry=whole([min(way.reentry, NEVER) for way in self.ways]),
            timed=np.array([way.timed for way in self.ways], np.bool_),
            program=whole(self._starts),
            op=whole(ops[0]),
            a=whole(ops[1]),
            b=whole(ops[2]),
            unit=whole(ops[3]),
            limit=np.array(ops[4], np.float64),
            asked=whole(self._asked),
            asked_event=whole(self._asked_events),
            total_event=whole([event for event, _, _ in totals]),
            total_part=whole([part for _, part, _ in totals]),
            sum_event=whole([self._event[event] for event, _ in self.sums]),
            sum_part=whole([self.numbers[part] for _, part in self.sums]),
            total_length=whole([length for _, _, length in totals]),
            last_event=whole([self._event[event] for event, _ in self.lasts]),
            last_part=whole([self.values[part] for _, part in self.lasts]),
            verdicts=np.array(verdicts, np.int8),
            moves=np.array([name in self.journey.compiled_transitions.moves for name in self.events], np.bool_),
            events=len(self.events),
            stages=len(stages),
        )

    @property
    def total_count(self) -> int:
        """How many totals are kept."""
        return len(self._totals)

    @property
    def depth(self) -> int:
        """How many verdicts a program keeps at once, at most."""
        return self._widest


def _age(node: Node) -> tuple[str, int] | None:
    """The event and the unit of ``days_since("event")``."""
    if not isinstance(node, Call) or node.function not in ("days_since", "hours_since"):
        return None
    (inner,) = node.arguments
    if not isinstance(inner, Aggregate) or inner.kind != "latest":
        return None
    return inner.event, DAY if node.function == "days_since" else HOUR
