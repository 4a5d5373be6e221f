"""What can be said of rules without asking them of anybody: whether one can be true, whether one implies another.

A rule is split into cases, each a list of demands on single operands, such as ``score >= 40``; a case is possible if
each operand has a value that meets all demands on it. What is not understood is taken to be possible, so that an
answer of "never" is sure, and one of "maybe" is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise, product
from math import ceil, floor
from operator import eq, ge, gt, itemgetter, le, lt, ne
from typing import TYPE_CHECKING, Any, NamedTuple

from journeykit.basics.clock import DAY, EPOCH, HOUR
from journeykit.rule.tree import (
    MIRRORED,
    NEVER,
    Aggregate,
    AtLeast,
    Call,
    Compare,
    In,
    IsNone,
    Junction,
    Literal,
    Name,
    Node,
    Not,
    Options,
)
from journeykit.rule.values import MOMENT, TEXT, Verdict, compare, kind_of, moment_in, typed

if TYPE_CHECKING:
    from journeykit.rule import Rule

_COMPARISONS = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MOST_CASES = 500
_MOST_WHOLE = 1_000

Known = Callable[[Node], Iterable[tuple[str, Any]]]
"""What else is known of an operand: pairs of a comparison and a value: ``(">=", 1)``; or ``("known", None)``."""


def nothing(_: Node) -> tuple[()]:
    """Nothing is known of any operand."""
    return ()


def can_be_true(*rules: Rule, known: Known = nothing) -> bool:
    """Whether rules can be true of one contact at one instant; False only where that is sure.

    Args:
        rules: which.
        known: what else is known of their operands.

    Example:
        >>> from journeykit.rule import Rule
        >>> can_be_true(Rule("score > 5 and score < 3")), can_be_true(Rule('count("webinar") < 0'))
        (False, False)
        >>> can_be_true(Rule("score > 5")), can_be_true(Rule("score > 5"), Rule('score == "high"'))
        (True, False)
    """
    return _possible([_Wanted(rule.tree, True, True) for rule in rules], known)


def implies(rules: Iterable[Rule], conclusion: Rule, known: Known = nothing) -> bool:
    """Whether a rule is true wherever all of some others are; True only where that is sure.

    Args:
        rules: the others; none of them: whether the conclusion is always true.
        conclusion: the rule.
        known: what else is known of their operands.

    Example:
        >>> from journeykit.rule import Rule
        >>> implies([Rule("score >= 60")], Rule("score >= 40")), implies([], Rule('count("webinar") >= 0'))
        (True, True)
        >>> implies([Rule('count("webinar", "30d") >= 1')], Rule('count("webinar", "90d") >= 1'))
        True
        >>> implies([Rule("not (score >= 60)")], Rule("score < 60 or vip")), implies([], Rule("score == score"))
        (True, False)
    """
    wanted_parts = [_Wanted(rule.tree, True, True) for rule in rules]
    return not _possible([*wanted_parts, _Wanted(conclusion.tree, False, False)], known)


# Cases


class _Wanted(NamedTuple):
    """That a part is true (or false), or, where not surely, that it is no worse than unknown."""

    node: Node
    wanted: bool
    surely: bool


class _Demand(NamedTuple):
    """What a case asks of an operand.

    `op` is a comparison with a value; ``in`` and ``lacks`` some values (the latter holds of what is unknown too);
    ``known`` or ``unknown``; or ``unlike``: unknown, or of another kind than the value.
    """

    node: Node
    op: str
    value: Any = None


_Case = tuple[_Demand, ...]
_ALWAYS: list[_Case] = [()]
_NEVER: list[_Case] = []


class _TooManyError(Exception):
    pass


def _possible(wanted_parts: Iterable[_Wanted], known: Known) -> bool:
    try:
        cases = _joined([_cases(part) for part in wanted_parts])
    except _TooManyError:
        return True
    return any(_holds(case, known) for case in cases)


def _joined(alternatives: list[list[_Case]]) -> list[_Case]:
    """The cases in which one of each list of cases holds."""
    number = 1
    for cases in alternatives:
        number *= len(cases)
        if number > _MOST_CASES:
            raise _TooManyError
    return [tuple(demand for case in chosen for demand in case) for chosen in product(*alternatives)]


def _cases(part: _Wanted) -> list[_Case]:
    node, wanted, surely = part
    match node:
        case Not():
            return _cases(_Wanted(node.part, not wanted, surely))
        case Junction():
            parts = [_cases(_Wanted(part, wanted, surely)) for part in node.parts]
            if (node.op == "and") is wanted:
                return _joined(parts)
            return [case for cases in parts for case in cases]
        case IsNone():
            return _of_is_none(node, wanted)
        case Compare():
            return _of_compare(node, wanted, surely)
        case In(among=Options()):
            return _of_in(node, wanted, surely)
        case AtLeast():
            return _of_at_least(node, wanted, surely)
        case Literal():
            return _settled(node.value if isinstance(node.value, bool) else None, wanted, surely)
    return _compared(node, "==", wanted, surely)


def _of_at_least(node: AtLeast, wanted: bool, surely: bool) -> list[_Case]:
    """A stage on one side of the order is one of several texts."""
    verdicts = {} if node.order is None else node.order.verdicts(node.least)
    if not verdicts:
        return _compared(node, "==", wanted, surely)
    stages = tuple(Literal(repr(name), 0, name) for name, verdict in verdicts.items() if verdict is wanted)
    return _of_in(In(node.text, node.column, node.stage, Options("", 0, stages), False), True, surely)


def _settled(verdict: Verdict, wanted: bool, surely: bool) -> list[_Case]:
    return _ALWAYS if verdict is wanted or (verdict is None and not surely) else _NEVER


def _compared(node: Node, op: str, value: Any, surely: bool) -> list[_Case]:
    cases: list[_Case] = [(_Demand(node, op, value),)]
    if not surely:
        cases.append((_Demand(node, "unlike", value),))
    return cases


def _of_is_none(node: IsNone, wanted: bool) -> list[_Case]:
    unknown = wanted is not node.negated
    if isinstance(node.item, Literal):
        return _ALWAYS if (node.item.value is None) is unknown else _NEVER
    return [(_Demand(node.item, "unknown" if unknown else "known"),)]


def _of_compare(node: Compare, wanted: bool, surely: bool) -> list[_Case]:
    left, op, right = node.left, node.op, node.right
    if isinstance(left, Literal):
        left, op, right = right, MIRRORED[op], left
    if isinstance(left, Literal) and isinstance(right, Literal):
        # Whether an instant is before a date depends on the contact's time zone.
        return _ALWAYS if node.kind == MOMENT else _settled(node.closure()({}, EPOCH), wanted, surely)
    if node.kind == NEVER:
        return _settled(None, wanted, surely)
    if isinstance(right, Literal):
        return _compared(left, op if wanted else _OPPOSITE[op], right.value, surely)
    if _key(left) == _key(right) and (op in ("==", "<=", ">=")) is not wanted and surely:
        return _NEVER
    return _compared(node, "==", wanted, surely)


def _of_in(node: In, wanted: bool, surely: bool) -> list[_Case]:
    assert isinstance(node.among, Options)  # noqa: S101  (as `_cases` has seen)
    values = tuple(literal.value for literal in node.among.literals)
    if isinstance(node.item, Literal):
        return _settled(node.closure()({}, EPOCH), wanted, surely)
    wanted = wanted is not node.negated
    if wanted:
        return [(_Demand(node.item, "in", values),)] if surely else _ALWAYS
    if not surely:
        return [(_Demand(node.item, "lacks", values),)]
    if not values:
        return _ALWAYS
    return [tuple(_Demand(node.item, "!=", value) for value in values)]


# Operands


def _key(node: Node) -> Any:
    """What tells operands apart, however they are spelt."""
    match node:
        case Name():
            return "name", node.path
        case Aggregate():
            return "aggregate", node.key
        case Literal():
            return "literal", type(node.value).__name__, node.value
        case Call():
            return "call", node.function, *map(_key, node.arguments)
    return type(node).__name__, node.text, *map(_key, node.children)


def _is_sure(node: Node) -> bool:
    """Whether an operand is never unknown."""
    match node:
        case Aggregate():
            return node.kind in ("count", "sum")
        case Call(function="coalesce"):
            return any(map(_is_sure, node.arguments))
        case Literal():
            return node.value is not None
    return isinstance(node, IsNone)


def _is_whole(node: Node) -> bool:
    return (isinstance(node, Aggregate) and node.kind == "count") or (
        isinstance(node, Call) and node.function == "length"
    )


def age_of(node: Node) -> tuple[str, int] | None:
    """The event whose age an operand is, and the unit in microseconds; None for what is no age of an event."""
    if isinstance(node, Call) and node.function in ("days_since", "hours_since"):
        (inner,) = node.arguments
        if isinstance(inner, Aggregate) and inner.kind == "latest":
            return inner.event, DAY if node.function == "days_since" else HOUR
    return None


class _Operand:
    """An operand of a case, and all that is demanded of it."""

    def __init__(self, node: Node, known: Known) -> None:
        self.node = node
        self.kind = node.reads_as
        self.sure, self.is_whole = _is_sure(node), _is_whole(node)
        facts = list(known(node))
        self.known, self.unknown = ("known", None) in facts, False
        self.unlike: list[Any] = []
        self.lacks: list[Any] = []
        self.options: list[tuple[Any, ...]] = []
        self.compared: list[tuple[str, Any]] = []
        # What holds of every value that it may have.
        self.bounds = [fact for fact in facts if fact[0] != "known"]
        if self.is_whole or age_of(node):
            self.bounds.append((">=", 0))

    def add(self, op: str, value: Any) -> None:
        if op in ("known", "unknown"):
            self.known, self.unknown = self.known or op == "known", self.unknown or op == "unknown"
        elif op in ("unlike", "lacks"):
            (self.unlike if op == "unlike" else self.lacks).extend([value] if op == "unlike" else value)
        elif op == "in":
            self.options.append(value)
        else:
            self.compared.append((op, value))

    @property
    def must_be_known(self) -> bool:
        return bool(self.sure or self.known or self.compared or self.options)

    def is_possible(self) -> bool:
        """Whether some value meets all demands."""
        if not self.must_be_known:
            return True
        if self.unknown:
            return False
        kinds = {self._kind_of(value) for _, value in self.compared}
        for options in self.options:
            # Where an option of one kind will do, those of another are no demand.
            own = {self._kind_of(value) for value in options if value is not None}
            kinds |= own if len(own) == 1 else set()
            if not own:
                return False
        if self.kind is not None:
            kinds.add(self.kind)
            if len(kinds) > 1:
                return False
        return (
            all(map(self._of_kind, kinds))
            and all(any(map(self._will_do, options)) for options in self.options)
            and self._one_text_will_do()
        )

    def _will_do(self, option: Any) -> bool:
        """Whether an option meets what is asked of its kind."""
        kind = self._kind_of(option)
        same = [(op, value) for op, value in self.compared if self._kind_of(value) == kind]
        return option is not None and (kind == MOMENT or _meets(option, same))

    def _kind_of(self, value: Any) -> str | None:
        """The kind as which the operand is compared with a value."""
        kind = kind_of(value)
        return self.kind if {self.kind, kind} == {TEXT, MOMENT} else kind

    def _one_text_will_do(self) -> bool:
        """Whether, where the operand must be one of some texts, one of them meets what is asked of other kinds too."""
        texts = [[value] for op, value in self.compared if op == "==" and self._kind_of(value) == TEXT]
        texts += [list(own) for own in self.options if all(self._kind_of(value) == TEXT for value in own)]
        if not texts:
            return True
        others = [(op, value) for op, value in self.compared if self._kind_of(value) not in (TEXT, MOMENT)]
        return any(
            all(compare(_COMPARISONS[op], text, value, kind_of(value)) for op, value in others) for text in texts[0]
        )

    def _of_kind(self, kind: str | None) -> bool:
        """Whether some value of a kind meets all that is asked of the kind."""
        if any(self._kind_of(value) == kind for value in self.unlike):
            return False
        conditions = [(op, value) for op, value in (*self.bounds, *self.compared) if self._kind_of(value) == kind]
        conditions += [("!=", value) for value in self.lacks if self._kind_of(value) == kind]
        options = [own for own in self.options if all(self._kind_of(value) == kind for value in own)]
        if kind == MOMENT:
            known = [moment_in(str(value)) for value in (*(v for _, v in conditions), *(v for o in options for v in o))]
            if len({type(value) for value in known}) > 1 or None in known:
                return True
            conditions = [(op, moment_in(value)) for op, value in conditions]
            options = [tuple(map(moment_in, own)) for own in options]
        fixed = [value for op, value in conditions if op == "=="]
        candidates: list[Any] = [fixed] if fixed else [[True, False]] if kind == "boolean" else []
        candidates += options
        if candidates:
            found = (value for value in candidates[0] if all(value in some for some in candidates[1:]))
            return any(_meets(value, conditions) for value in found if not self.is_whole or value == floor(value))
        return self._between(conditions)

    def _between(self, conditions: list[tuple[str, Any]]) -> bool:
        lows = [(value, op == ">") for op, value in conditions if op in (">", ">=")]
        highs = [(value, op == "<") for op, value in conditions if op in ("<", "<=")]
        if not lows or not highs:
            return True
        low, high = max(value for value, _ in lows), min(value for value, _ in highs)
        if self.is_whole:
            first, last = ceil(low), floor(high)
            return last - first > _MOST_WHOLE or any(_meets(value, conditions) for value in range(first, last + 1))
        return bool(low < high) or (low == high and _meets(low, conditions))

    # Of counts

    @property
    def least(self) -> int:
        """The least whole number that it can be."""
        return max(
            (
                floor(value) + 1 if op == ">" else ceil(value)
                for op, value in self._numbers()
                if op in (">", ">=", "==")
            ),
            default=0,
        )

    @property
    def most(self) -> int | None:
        """The greatest whole number that it can be; None where there is no end."""
        return min(
            (
                ceil(value) - 1 if op == "<" else floor(value)
                for op, value in self._numbers()
                if op in ("<", "<=", "==")
            ),
            default=None,
        )

    def _numbers(self) -> Iterator[tuple[str, Any]]:
        return ((op, value) for op, value in (*self.bounds, *self.compared) if typed(value)[0] == "number")


def _meets(value: Any, conditions: Iterable[tuple[str, Any]]) -> bool:
    return all(_COMPARISONS[op](value, other) for op, other in conditions)


def _holds(case: _Case, known: Known) -> bool:
    operands: dict[Any, _Operand] = {}
    for demand in case:
        key = _key(demand.node)
        if key not in operands:
            operands[key] = _Operand(demand.node, known)
        operands[key].add(demand.op, demand.value)
    _relate(list(operands.values()))
    return all(operand.is_possible() for operand in operands.values())


def _relate(operands: list[_Operand]) -> None:
    """What the counts and ages of one event say about each other."""
    counts: dict[str, list[tuple[float, _Operand]]] = {}
    for operand in operands:
        node = operand.node
        if isinstance(node, Aggregate) and node.kind == "count":
            length = float("inf") if node.length is None else node.length
            counts.setdefault(node.event, []).append((length, operand))
    for own in counts.values():
        own.sort(key=itemgetter(0))
        for (_, shorter), (_, longer) in pairwise(own):
            longer.bounds.append((">=", shorter.least))
        for (_, longer), (_, shorter) in pairwise(reversed(own)):
            if longer.most is not None:
                shorter.bounds.append(("<=", longer.most))
    for operand in operands:
        age = age_of(operand.node)
        for length, count in counts.get(age[0], ()) if age else ():
            _relate_age(operand, age[1], length, count)  # type: ignore[index]  # without an age there is no loop


def _relate_age(operand: _Operand, unit: int, length: float, count: _Operand) -> None:
    if count.least >= 1:
        operand.known = True
        # Ages of more than some thirty years may round up to the length.
        operand.bounds.append(("<" if length < 2**50 else "<=", length / unit))
    elif count.most == 0:
        operand.bounds.append((">=", length / unit))
