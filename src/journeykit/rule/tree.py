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

from attrs import frozen

from journeykit.rule.values import FUNCTIONS, LISTS, Comparison, Verdict, compare, member, typed

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
_PLAIN_TYPES = {"number": (int, float), "text": (str,), "boolean": (bool,)}


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
        """Like `closure`, with anything that is no boolean turned into unknown."""
        return self.closure()

    def walk(self) -> Iterator[Node]:
        """This part and all parts below it, from left to right."""
        yield self
        for child in self.children:
            yield from child.walk()


@frozen
class Value(Node):
    """A part whose value may be of any type: a literal, a name or a call."""

    def truth(self) -> Closure:
        read = self.closure()

        def truth(values: Mapping[str, Any], now: datetime) -> Verdict:
            value = read(values, now)
            if value is True or value is False or value is None:
                return value
            kind, value = typed(value)
            return value if kind == "boolean" else None

        return truth


@frozen
class Literal(Value):
    """A number, a text, True, False or None."""

    value: Any

    def closure(self) -> Closure:
        value = self.value
        return lambda _values, _now: value


@frozen
class Name(Value):
    """A field or attribute of the contact: ``country``, or ``address.city``."""

    path: str

    def closure(self) -> Closure:
        path = self.path
        if "." not in path:
            return lambda values, _now: values.get(path)
        first, *rest = path.split(".")

        def walk(values: Mapping[str, Any], _now: datetime) -> Any:
            if path in values:
                return values[path]
            value = values.get(first)
            for part in rest:
                if not isinstance(value, Mapping):
                    return None
                value = value.get(part)
            return value

        return walk


@frozen
class Call(Value):
    """One of the functions a rule may call."""

    function: str
    arguments: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return self.arguments

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

    Whoever asks a rule works it out, and puts it among the values under `key`; where nobody does it is unknown.

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

    def closure(self) -> Closure:
        key = self.key
        return lambda values, _now: values.get(key)


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
        comparison, left, right = _COMPARISONS[self.op], self.left.closure(), self.right.closure()
        return lambda values, now: compare(comparison, left(values, now), right(values, now))


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
            return _in_literals(read, tuple(literal.value for literal in self.among.literals), wanted)
        return _in_list(read, self.among.closure(), wanted)


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


class _Simple(NamedTuple):
    """A comparison of a name with a literal; `kind` is the type whose values need no look at them."""

    name: str
    comparison: Comparison
    literal: Any
    kind: type


def _simple(node: Node) -> _Simple | None:
    """What a part such as ``score >= 40`` or ``40 <= score`` compares."""
    if not isinstance(node, Compare):
        return None
    left, op, right = node.left, node.op, node.right
    if isinstance(left, Literal):
        left, op, right = right, MIRRORED[op], left
    if not (isinstance(left, Name) and "." not in left.path and isinstance(right, Literal)):
        return None
    kind = int if type(right.value) is float else type(right.value)
    return _Simple(left.path, _COMPARISONS[op], right.value, kind)


def _compare_simple(simple: _Simple) -> Closure:
    name, comparison, literal, kind = simple
    is_number = kind is int

    def leaf(values: Mapping[str, Any], _now: datetime) -> Any:
        value = values.get(name)
        found = type(value)
        if found is kind or (is_number and found is float and value == value):  # noqa: PLR0124  (NaN is not itself)
            return comparison(value, literal)
        return compare(comparison, value, literal)

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
    first_name, first_comparison, first_literal, first_kind = simple
    second_name, second_comparison, second_literal, second_kind = other

    def both(values: Mapping[str, Any], now: datetime) -> Any:
        first, second = values.get(first_name), values.get(second_name)
        if type(first) is first_kind and type(second) is second_kind:
            return first_comparison(first, first_literal) and second_comparison(second, second_literal)
        return one_by_one(values, now)

    return both


def _in_literals(read: Closure, literals: tuple[Any, ...], wanted: bool) -> Closure:
    kinds = {typed(literal)[0] for literal in literals}
    plain = _PLAIN_TYPES.get(kinds.pop() or "", ()) if len(kinds) == 1 else ()
    options = frozenset(literals)

    def leaf(values: Mapping[str, Any], now: datetime) -> Verdict:
        value = read(values, now)
        if type(value) in plain and value == value:  # noqa: PLR0124  (NaN is not itself)
            return (value in options) is wanted
        found = member(value, literals)
        return None if found is None else found is wanted

    return leaf


def _in_list(read: Closure, read_list: Closure, wanted: bool) -> Closure:
    def leaf(values: Mapping[str, Any], now: datetime) -> Verdict:
        elements = read_list(values, now)
        if type(elements) not in LISTS and typed(elements)[0] != "list":
            return None
        found = member(read(values, now), elements)
        return None if found is None else found is wanted

    return leaf
