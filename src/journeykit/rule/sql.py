"""A rule as an SQL condition that SQLite and DuckDB both take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from journeykit.errors import RuleError
from journeykit.rule.tree import (
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
    Value,
)
from journeykit.rule.values import short, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

# The words that SQLite or DuckDB does not take for a column without quotes, found by asking both.
_WORDS = frozenset(
    """add all alter analyse analyze and anti any array as asc asof asymmetric at authorization
    autoincrement between binary both by case cast check collate collation column commit concurrently
    constraint create cross current_date current_time current_timestamp default deferrable delete desc
    describe distinct do drop else end escape except exists false fetch for foreign freeze from full
    glob group having ilike in index initially inner insert intersect into is isnull join lambda lateral
    leading left like limit natural not nothing notnull null offset on only or order outer overlaps
    pivot pivot_longer pivot_wider placing positional primary qualify raise references returning right
    select semi set show similar some summarize symmetric table tablesample then to trailing transaction
    true union unique unpack unpivot update using values variadic verbose when where window with""".split()  # noqa: SIM905
)
_SYMBOLS = {"==": "=", "!=": "<>"}


def condition(node: Node) -> str:
    """A part as an SQL condition.

    Raises:
        RuleError: for what the dialects do not share; it knows the column, not the text of the whole rule.
    """
    if _kind(node) not in ("boolean", None):
        raise _refusal(node, f"{short(node.text)} is no condition")
    return _sql(node)


def _sql(node: Node) -> str:
    match node:
        case Literal():
            return _literal(node)
        case Name(path=path):
            return path if re.fullmatch("[a-z][a-z0-9_]*", path) and path not in _WORDS else f'"{path}"'
        case Aggregate():
            raise _refusal(node, "an aggregate looks at events, not at columns")
        case Call(function="days_since" | "hours_since" as function):
            raise _refusal(node, f"{function} depends on the moment and on the contact's zone")
        case Call(function=function, arguments=arguments):
            _check_alike(node, *map(_kind, arguments), None if function == "coalesce" else "text")
            return f"{function}({', '.join(map(_operand, arguments))})"
        case AtLeast(order=order, least=least):
            return _reached(node, {} if order is None else order.verdicts(least))
        case Compare(op=op, left=left, right=right):
            _check_alike(node, _kind(left), _kind(right))
            return f"{_operand(left)} {_SYMBOLS.get(op, op)} {_operand(right)}"
        case In(item=item, among=Options(literals=literals), negated=negated):
            if not literals:
                return "TRUE" if negated else "FALSE"
            _check_alike(node, _kind(item), *map(_kind, literals))
            return f"{_operand(item)} {'NOT ' * negated}IN ({', '.join(map(_literal, literals))})"
        case In():
            raise _refusal(node, "the dialects differ in how they look into a list")
        case IsNone(item=item, negated=negated):
            return f"{_operand(item)} IS {'NOT ' * negated}NULL"
        case Not(part=Literal() | Name() as part):
            return f"NOT {condition(part)}"
        case Not(part=part):
            return f"NOT ({condition(part)})"
        case Junction(op=op, parts=parts):
            return f" {op.upper()} ".join(map(_joined, parts))
    # Only a kind of part that is added without its SQL comes here.
    raise NotImplementedError(type(node).__name__)


def _reached(node: AtLeast, verdicts: Mapping[str, bool]) -> str:
    """A stage in the order of a journey: false before it, and unknown of what is no stage of it."""
    if not verdicts:
        raise _refusal(node, f"{short(node.text)} needs the order of the stages; take the rule from a playbook")
    column = _sql(node.stage)
    cases = []
    for verdict in (True, False):
        stages = [_literal(Literal(repr(name), node.column, name)) for name in verdicts if verdicts[name] is verdict]
        cases += [f"WHEN {column} IN ({', '.join(stages)}) THEN {str(verdict).upper()}"] if stages else []
    return f"CASE {' '.join(cases)} END"


def _operand(node: Node) -> str:
    return _sql(node) if isinstance(node, Value) else f"({_sql(node)})"


def _joined(part: Node) -> str:
    return f"({condition(part)})" if isinstance(part, Junction) else condition(part)


def _literal(node: Literal) -> str:
    match node.value:
        case None:
            return "NULL"
        case bool(value):
            return str(value).upper()
        case str(value):
            if "\0" in value or re.search("[\ud800-\udfff]", value):
                raise _refusal(node, "the text has a character that SQL texts cannot hold")
            return "'" + value.replace("'", "''") + "'"
        case int(value) if not -(2**63) <= value < 2**63:
            raise _refusal(node, "the number has more than 64 bits")
    digits = repr(node.value)
    # DuckDB takes a long number without an exponent for a decimal, and rounds it.
    return digits + "e0" if isinstance(node.value, float) and len(digits) > 16 and "e" not in digits else digits


def _kind(node: Node) -> str | None:
    """The type of a part's value where the text alone tells it, else None."""
    match node:
        case Literal(value=value):
            return typed(value)[0]
        case Name():
            return None
        case Call(function="coalesce", arguments=arguments):
            return next(filter(None, map(_kind, arguments)), None)
        case Call(function=function):
            return "text" if function == "lower" else "number"
    return "boolean"


def _check_alike(node: Node, *kinds: str | None) -> None:
    if len({*kinds} - {None}) > 1:
        raise _refusal(node, f"{node.text} mixes types, which SQL converts and a rule does not")


def _refusal(node: Node, why: str) -> RuleError:
    return RuleError(f"this rule cannot be written as SQL: {why}", column=node.column)
