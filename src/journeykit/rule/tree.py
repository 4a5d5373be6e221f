"""The parts of a rule: a tree of `Node` values, each of which knows its meaning as a closure.

The meaning is SQL's logic of true, false and unknown, and unknown is None.
"""

# ruff: noqa: D102  (the methods of the nodes are documented once, at Node)

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from attrs import evolve, frozen

from journeykit.rule.stage_order import StageOrder
from journeykit.rule.values import (
    FUNCTIONS,
    MOMENT,
    NUMBER,
    TEXT,
    TRUTH,
    Comparison,
    Held,
    Verdict,
    as_number,
    as_text,
    as_truth,
    compare,
    elements_of,
    is_empty,
    kind_of,
    local_time,
    member,
    typed,
)

Closure = Callable[[Mapping[str, Any], datetime], Any]

_COMPARISONS: Mapping[str, Comparison] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_KIND_OF_CALL = {"days_since": NUMBER, "hours_since": NUMBER, "length": NUMBER, "lower": TEXT}
_KIND_OF_AGGREGATE = {"count": NUMBER, "sum": NUMBER, "latest": MOMENT}
EVENTS = "\0events"
"""The name under which values hold what a contact did: no attribute has such a one."""
STAGE, STAGE_SINCE = "stage", "stage_since"
"""The fields of a contact that `stage_at_least` and `days_in_stage` look at."""
NEVER = "never"
"""The kind of a comparison between what is a number and what is a text, whatever the contact: always unknown."""


@frozen
class Node:
    """One part of a rule.

    Attributes:
        text: the part as the user wrote it.
        column: where it starts in the rule, counted from 1.
    """

    text: str
    column: int

    @property
    def children(self) -> tuple[Node, ...]:
        """The parts of this part."""
        return ()

    def closure(self) -> Closure:
        """A function of (values, now) that gives the value of this part."""
        raise NotImplementedError  # each kind of part has its own

    def truth(self) -> Closure:
        """Like `closure`, with anything that is neither true nor false turned into unknown."""
        return self.closure()

    @property
    def reads_as(self) -> str | None:
        """The kind of its values where that is known whatever the contact: a number, text, truth value or instant."""
        return TRUTH

    def walk(self) -> Iterator[Node]:
        """This part and all parts below it, from left to right."""
        yield self
        for child in self.children:
            yield from child.walk()


@frozen
class Value(Node):
    """A part whose value may be of any type: a literal, a name or a call."""

    @property
    def reads_as(self) -> str | None:
        return None

    def truth(self) -> Closure:
        read, can_be = self.closure(), self.reads_as in (None, TRUTH)
        return lambda values, now: as_truth(read(values, now)) if can_be else None


@frozen
class Literal(Value):
    """A number, a text, True, False or None."""

    value: Any

    @property
    def reads_as(self) -> str | None:
        return kind_of(self.value)

    def closure(self) -> Closure:
        value = local_time(self.value)
        return lambda _values, _now: value


@frozen
class Name(Value):
    """A field or attribute of the contact: ``country``, or ``address.city``."""

    path: str

    def closure(self) -> Closure:
        path = self.path
        if "." not in path:

            def get(values: Mapping[str, Any], _now: datetime) -> Any:
                value = values.get(path)
                return None if type(value) is str and is_empty(value) else value

            return get
        first, *rest = path.split(".")

        def walk(values: Mapping[str, Any], _now: datetime) -> Any:
            if path in values:
                value = values[path]
            else:
                value = values.get(first)
                for part in rest:
                    if not isinstance(value, Mapping):
                        return None
                    value = value.get(part)
            return None if type(value) is str and is_empty(value) else value

        return walk


@frozen
class Call(Value):
    """One of the functions a rule may call."""

    function: str
    arguments: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return self.arguments

    @property
    def reads_as(self) -> str | None:
        if self.function != "coalesce":
            return _KIND_OF_CALL[self.function]
        kinds = {part.reads_as for part in self.arguments}
        return kinds.pop() if len(kinds) == 1 else None

    def closure(self) -> Closure:
        reads = [part.closure() for part in self.arguments]
        if self.function != "coalesce":
            (read,), function = reads, FUNCTIONS[self.function]
            return lambda values, now: function(read(values, now), now)

        def coalesce(values: Mapping[str, Any], now: datetime) -> Any:
            for read in reads:
                value = read(values, now)
                if typed(value)[0] is not None:
                    return value
            return None

        return coalesce


@frozen
class Aggregate(Value):
    """What the events so far add up to: ``count("webinar", "90d")``, ``sum("purchase.amount")``, ``last("form.role")``.

    The caller of a rule puts it among the values under `key`; or, under `EVENTS`, what works it out for any instant
    (`journeykit.journey.event_history.EventHistory`). Otherwise it is unknown.

    Attributes:
        kind: ``count``, ``sum``, ``last``, or ``latest``: the instant of the last event, which ``days_since("event")``
            and ``hours_since("event")`` look at.
        event: the name of the events.
        part: the property that is added up, or looked at; None where the events themselves are.
        length: how far back events count, in microseconds, a day having 24 hours; None for all.
    """

    kind: str
    event: str
    part: str | None
    length: int | None

    @cached_property
    def key(self) -> str:
        """The name under which its value is found: no attribute has such a one."""
        return f"{self.kind}({self.event!r}, {self.part!r}, {self.length})"

    @property
    def reads_as(self) -> str | None:
        return _KIND_OF_AGGREGATE.get(self.kind)

    def closure(self) -> Closure:
        key = self.key

        def look(values: Mapping[str, Any], now: datetime) -> Any:
            events = values.get(EVENTS)
            return values.get(key) if events is None else events.value(self, now)

        return look


@frozen
class Compare(Node):
    """A comparison of two parts by ``==``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``."""

    op: str
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return self.left, self.right

    def closure(self) -> Closure:
        simple = _simple(self)
        if simple is not None:
            return _compare_simple(simple)
        kind = self.kind
        if kind == NEVER:
            return lambda _values, _now: None
        comparison, left, right = _COMPARISONS[self.op], self.left.closure(), self.right.closure()
        return lambda values, now: compare(comparison, left(values, now), right(values, now), kind, now)

    @property
    def kind(self) -> str | None:
        """The kind as which both sides are read; None for numbers where both are, else instants, else texts."""
        return common_kind(self.left, self.right)


@frozen
class AtLeast(Node):
    """Whether the contact's stage is a given one, or comes after it in the journey: ``stage_at_least("decision")``.

    It is unknown of a stage that the journey does not have, and of every stage as long as the rule is not part of a
    playbook, whose journey says the order.

    Attributes:
        stage: the contact's field.
        least: the stage that is asked for.
        order: the order of the stages; None where nobody has said it.
    """

    stage: Name
    least: str
    order: StageOrder | None = None

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.stage,)

    def closure(self) -> Closure:
        read, verdicts = self.stage.closure(), {} if self.order is None else self.order.verdicts(self.least)
        return lambda values, now: verdicts.get(as_text(read(values, now)) or "")


@frozen
class Options(Node):
    """The literals on the right side of ``in``."""

    literals: tuple[Literal, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return self.literals


@frozen
class In(Node):
    """Whether a value is among `Options`, or in a list of the contact's own."""

    item: Node
    among: Node
    negated: bool

    @property
    def children(self) -> tuple[Node, ...]:
        return self.item, self.among

    def closure(self) -> Closure:
        read, wanted = self.item.closure(), not self.negated
        if isinstance(self.among, Options):
            return _in_literals(read, self.item, self.among.literals, wanted)
        among = self.among.closure()
        if isinstance(self.item, Literal) and type(self.item.value) is str and isinstance(self.among, Name):
            among = _known_of(self.item.value, among)
        return _in_list(read, among, self.item.reads_as, wanted)


@frozen
class IsNone(Node):
    """Whether a value is unknown; itself never unknown."""

    item: Node
    negated: bool

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.item,)

    def closure(self) -> Closure:
        read, wanted = self.item.closure(), not self.negated
        return lambda values, now: (typed(read(values, now))[0] is None) is wanted


@frozen
class Not(Node):
    """The opposite; unknown stays unknown."""

    part: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.part,)

    def closure(self) -> Closure:
        ask = self.part.truth()

        def negate(values: Mapping[str, Any], now: datetime) -> Verdict:
            verdict = ask(values, now)
            return None if verdict is None else not verdict

        return negate


@frozen
class Junction(Node):
    """Conditions joined by ``and`` or by ``or``; evaluated from the left until one settles it."""

    op: str
    parts: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return self.parts

    def closure(self) -> Closure:
        settled = self.op == "or"
        asks = tuple(part.truth() for part in self.parts) if settled else tuple(_asks(self.parts))
        if len(asks) == 1:
            return asks[0]
        if len(asks) == 2:
            return _either(*asks) if settled else _both(*asks)

        def junction(values: Mapping[str, Any], now: datetime) -> Verdict:
            verdict: Verdict = not settled
            for ask in asks:
                found: Verdict = ask(values, now)
                if found is settled:
                    return settled
                if found is None:
                    verdict = None
            return verdict

        return junction


# The closures that most rules are made of. Each gives what the general one would, with fewer calls.


def _both(left: Closure, right: Closure) -> Closure:
    def both(values: Mapping[str, Any], now: datetime) -> Verdict:
        first = left(values, now)
        if first is False:
            return False
        second: Verdict = right(values, now)
        return second if first or second is False else None

    return both


def _either(left: Closure, right: Closure) -> Closure:
    def either(values: Mapping[str, Any], now: datetime) -> Verdict:
        first = left(values, now)
        if first:
            return True
        second: Verdict = right(values, now)
        return second if first is False or second else None

    return either


def common_kind(left: Node, right: Node) -> str | None:
    """The kind as which two parts are compared; None where neither says it."""
    one, other = left.reads_as, right.reads_as
    if one is None or other is None or one == other:
        return one or other
    # A text that reads as a date is one only for what is compared with dates.
    for literal, kind in ((left, other), (right, one)):
        if isinstance(literal, Literal) and literal.reads_as in (TEXT, MOMENT) and kind in (TEXT, MOMENT):
            return kind
    return NEVER


def asks_for_dates(node: Node) -> bool:
    """Whether what a part says may depend on the time zone in which dates are meant.

    Example:
        >>> from journeykit.rule import Rule
        >>> asks_for_dates(Rule("signup >= '2026-11-01'").tree), asks_for_dates(Rule("score >= 40").tree)
        (True, False)
    """
    for part in node.walk():
        if isinstance(part, Compare) and part.kind in (None, MOMENT):
            return True
        if isinstance(part, In) and isinstance(part.among, Options):
            if any(common_kind(part.item, literal) in (None, MOMENT) for literal in part.among.literals):
                return True
        elif isinstance(part, In) and part.item.reads_as in (None, MOMENT):
            return True
    return False


def with_stages(node: Node, order: StageOrder) -> Node:
    """A part of a rule with the order of stages filled in."""
    match node:
        case AtLeast():
            return evolve(node, order=order)
        case Junction(parts=parts):
            return evolve(node, parts=tuple(with_stages(part, order) for part in parts))
        case Not(part=part):
            return evolve(node, part=with_stages(part, order))
        case Compare(left=left, right=right):
            return evolve(node, left=with_stages(left, order), right=with_stages(right, order))
        case In(item=item, among=among):
            return evolve(node, item=with_stages(item, order), among=with_stages(among, order))
        case IsNone(item=item):
            return evolve(node, item=with_stages(item, order))
        case Call(arguments=arguments):
            return evolve(node, arguments=tuple(with_stages(part, order) for part in arguments))
    return node


class _Simple(NamedTuple):
    """A comparison of a name with a literal; `plain` is the type whose values need no look at them."""

    name: str
    comparison: Comparison
    literal: Any
    plain: Any
    kind: str


def _simple(node: Node) -> _Simple | None:
    """What a part such as ``score >= 40`` or ``40 <= score`` compares."""
    if not isinstance(node, Compare):
        return None
    left, op, right = node.left, node.op, node.right
    if isinstance(left, Literal):
        left, op, right = right, MIRRORED[op], left
    if not (isinstance(left, Name) and "." not in left.path and isinstance(right, Literal)):
        return None
    kind = right.reads_as
    if kind not in (NUMBER, TRUTH, TEXT):
        return None
    plain = int if kind == NUMBER else type(right.value)
    return _Simple(left.path, _COMPARISONS[op], right.value, plain, kind)


def _compare_simple(simple: _Simple) -> Closure:
    name, comparison, literal, plain, kind = simple
    is_number = plain is int

    def leaf(values: Mapping[str, Any], _now: datetime) -> Any:
        value: Any = values.get(name)
        found = type(value)
        if found is plain or (is_number and found is float and value == value):  # noqa: PLR0124  (NaN is not itself)
            # A text of nothing but blanks is missing.
            return None if found is str and not value.strip() else comparison(value, literal)
        return compare(comparison, value, literal, kind)

    return leaf


def _asks(parts: tuple[Node, ...]) -> Iterator[Closure]:
    """What ``and`` has to ask: simple comparisons two at a time, all else one by one."""
    waiting = list(parts)
    while waiting:
        pair = _both_simple(*waiting[:2]) if len(waiting) > 1 else None
        yield pair or waiting[0].truth()
        del waiting[: 2 if pair else 1]


def _both_simple(left: Node, right: Node) -> Closure | None:
    """Two simple comparisons in one call where their values have the plain type, else one by one."""
    simple, other = _simple(left), _simple(right)
    if simple is None or other is None:
        return None
    one_by_one = _both(left.closure(), right.closure())
    first_name, first_comparison, first_literal, first_plain, _ = simple
    second_name, second_comparison, second_literal, second_plain, _ = other
    first_text, second_text = first_plain is str, second_plain is str

    def both(values: Mapping[str, Any], now: datetime) -> Any:
        first: Any = values.get(first_name)
        second: Any = values.get(second_name)
        if type(first) is first_plain and type(second) is second_plain:
            if (first_text and not first.strip()) or (second_text and not second.strip()):
                return one_by_one(values, now)
            return first_comparison(first, first_literal) and second_comparison(second, second_literal)
        return one_by_one(values, now)

    return both


_READ: Mapping[str, Callable[[Any], Any]] = {NUMBER: as_number, TRUTH: as_truth, TEXT: as_text}


def _in_literals(read: Closure, item: Node, literals: tuple[Literal, ...], wanted: bool) -> Closure:
    by_kind: dict[str | None, list[Any]] = {}
    for literal in literals:
        by_kind.setdefault(None if literal.value is None else common_kind(item, literal), []).append(literal.value)
    if not by_kind:
        # Nothing is among no values, whether it is known or not.
        return lambda _values, _now: not wanted
    (first, *more) = by_kind
    if not more and first in _READ:
        convert, options = _READ[str(first)], frozenset(by_kind[first])

        def quick(values: Mapping[str, Any], now: datetime) -> Verdict:
            value = convert(read(values, now))
            return None if value is None else (value in options) is wanted

        return quick
    groups = [(kind, [local_time(value) for value in own]) for kind, own in by_kind.items()]

    def leaf(values: Mapping[str, Any], now: datetime) -> Verdict:
        value = read(values, now)
        found: Verdict = False
        for kind, own in groups:
            same = None if kind in (None, NEVER) else member(value, own, kind, now)
            if same:
                return wanted
            if same is None:
                found = None
        return None if found is None else not wanted

    return leaf


def _known_of(name: str, read_list: Closure) -> Closure:
    """A list of segments as the question for one of them sees it: unknown where the contact may be in that one."""

    def read(values: Mapping[str, Any], now: datetime) -> Any:
        found = read_list(values, now)
        if type(found) is not Held:
            return found
        if name in found.named:
            verdict = found.named[name]
            return None if verdict is None else (name,) if verdict else ()
        return None if name in found.unknown else found

    return read


def _in_list(read: Closure, read_list: Closure, kind: str | None, wanted: bool) -> Closure:
    def leaf(values: Mapping[str, Any], now: datetime) -> Verdict:
        elements = elements_of(read_list(values, now))
        if elements is None:
            return None
        found = member(read(values, now), elements, kind, now)
        return None if found is None else found is wanted

    return leaf
