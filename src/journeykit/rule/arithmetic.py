"""Reading arithmetic: the parts of an expression besides those of a rule."""

# ruff: noqa: D102  (the methods of the nodes are documented once, at Node)

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.errors import closest
from journeykit.rule.reader import Reader, text_of
from journeykit.rule.tree import Closure, Literal, Name, Node, Value
from journeykit.rule.values import NUMBER, as_number, short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_CALLS = ("min", "max", "coalesce")
_ALLOWED = f"a weight is made of numbers, names, + - * /, brackets, and the calls {', '.join(_CALLS)}"


@frozen
class Operation(Value):
    """Two parts, or several of a call: ``+``, ``-``, ``*``, ``/``, ``min``, ``max`` or ``coalesce``.

    Attributes:
        op: which.
        parts: two, or more of a call, which takes them from the left, two at a time.
    """

    op: str
    parts: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return self.parts

    @property
    def reads_as(self) -> str | None:
        return NUMBER

    def closure(self) -> Closure:
        first, *rest = (number_closure(part) for part in self.parts)
        op = self.op

        def operate(values: Mapping[str, Any], now: datetime) -> float:
            found: float = first(values, now)
            for read in rest:
                found = combine(op, found, read(values, now))
            return found

        return operate


def number_closure(node: Node) -> Closure:
    """A function of (values, now) that gives the value of a part as a float; NaN where it is unknown."""
    if isinstance(node, Operation):
        return node.closure()
    read = node.closure()

    def number(values: Mapping[str, Any], now: datetime) -> float:
        value = as_number(read(values, now))
        try:
            return math.nan if value is None else float(value)
        except (OverflowError, ValueError):
            return math.nan

    return number


def combine(op: str, left: float, right: float) -> float:
    """What two floats come to; NaN where one is, but for ``coalesce``, and for a division by zero.

    Example:
        >>> combine("/", 1.0, 0.0), combine("max", 1.0, 2.0), combine("coalesce", math.nan, 2.0)
        (nan, 2.0, 2.0)
    """
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return math.nan if right == 0 else left / right
        case "coalesce":
            return right if math.isnan(left) else left
    if math.isnan(left) or math.isnan(right):
        return math.nan
    return (min(left, right)) if op == "min" else (max(left, right))


def read_expression(text: str) -> Node:
    """The tree of an expression.

    Raises:
        RuleError: if the text is no expression, reads nothing, or divides by zero whatever the contact.

    Example:
        >>> [type(node).__name__ for node in read_expression("2 * margin").walk()]
        ['Operation', 'Literal', 'Name']
    """
    text_of(text, "a weight")
    return _ArithmeticReader(text).tree()


class _ArithmeticReader(Reader):
    what = "weight"

    def whole(self, node: ast.expr) -> Node:
        found = self.node(node, 0)
        if not any(isinstance(part, Name) for part in found.walk()):
            raise self.refusal("this is the same for every contact: write the number itself, without quotes", node)
        return found

    def node(self, node: ast.expr, depth: int) -> Node:
        self.check_depth(depth, node)
        match node:
            case ast.BinOp() if type(node.op) in _SIGNS:
                parts = self.node(node.left, depth + 1), self.node(node.right, depth + 1)
                return self.checked(Operation(*self.where(node), _SIGNS[type(node.op)], parts), node.right)
            case ast.UnaryOp(op=ast.USub()) if not isinstance(node.operand, ast.Constant):
                zero = Literal("0", self.where(node)[1], 0)
                return Operation(*self.where(node), "-", (zero, self.node(node.operand, depth + 1)))
            case ast.Constant() | ast.UnaryOp(op=ast.USub()):
                literal = self.literal(node, depth)
                if type(literal.value) in (int, float):
                    return literal
            case ast.Name() | ast.Attribute():
                return Name(*self.where(node), self.path(node, depth))
            case ast.Call():
                return self.operation(node, depth)
        raise self.refusal(f"{short(self.where(node)[0])} is not allowed; {_ALLOWED}", node)

    def operation(self, node: ast.Call, depth: int) -> Operation:
        name = node.func.id if isinstance(node.func, ast.Name) else self.where(node.func)[0]
        if name not in _CALLS:
            hint = closest(name, _CALLS)
            suggestion = f"; did you mean {hint!r}?" if hint else ""
            raise self.refusal(f"unknown function {short(name)}, only {', '.join(_CALLS)} exist{suggestion}", node)
        if node.keywords:
            raise self.refusal(f"{name} takes no keyword arguments", node.keywords[0])
        if len(node.args) < 2:
            raise self.refusal(f"{name} takes at least 2 arguments, found {len(node.args)}", node)
        return Operation(*self.where(node), name, tuple(self.node(own, depth + 1) for own in node.args))

    def checked(self, operation: Operation, divisor: ast.expr) -> Operation:
        right = operation.parts[1]
        is_fixed = not any(isinstance(part, Name) for part in right.walk())
        if operation.op == "/" and is_fixed and number_closure(right)({}, None) == 0:  # type: ignore[arg-type]
            raise self.refusal("this divides by zero, whatever the contact", divisor)
        return operation
