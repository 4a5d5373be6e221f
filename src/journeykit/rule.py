"""Audience rules: small, safe questions about a contact, such as ``country == "MK" and score >= 40``.

A rule uses the grammar of Python expressions, but never runs as Python: the text is parsed, every node that
is not on a short list is refused, and the rest becomes a tree of `Node` values. Each node knows its meaning
(`closure`) and its SQL (`sql`). The meaning is SQL's logic of true, false and unknown: a missing value,
None or NaN is unknown, so is a comparison with one or between values of unlike types, and only a rule that
is true selects.
"""

# ruff: noqa: D102  (the methods of the nodes are documented once, at Node)

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from numbers import Number
from types import NoneType
from typing import Any, NoReturn

from attrs import frozen

from journeykit.errors import ModelError, RuleError, closest

Verdict = bool | None
Closure = Callable[[Mapping[str, Any], datetime], Any]

_LONGEST = 4_000
_DEEPEST = 50
_NEWLINE = re.compile(r"\r\n?|\n")
_TOKEN = re.compile(
    r"""(?P<prefix>\b(?:[bft]r?|r[bft]))?
        (?:'{3}(?:\\.|[^\\])*?(?:'{3}|\\?\Z) | "{3}(?:\\.|[^\\])*?(?:"{3}|\\?\Z)
          |'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\\?\Z) | "(?:\\.|[^"\\\n])*(?:"|(?=\n)|\\?\Z))
      | \#[^\r\n]*
      | (?P<bracket>[()\[\]{}])""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_PHRASES = {
    "BinOp": "arithmetic",
    "IfExp": "'if ... else'",
    "Lambda": "a lambda",
    "NamedExpr": "':='",
    "Starred": "'*'",
    "Subscript": "an index",
    "Tuple": "a tuple outside 'in'",
    "UnaryOp": "a sign before anything but a number",
}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
# The words that SQLite or DuckDB does not take for a column without quotes, found by asking both.
_SQL_WORDS = frozenset(
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


# What values are, and how they compare.

_KINDS: dict[type, str] = {
    bool: "boolean",
    int: "number",
    str: "text",
    date: "date",
    list: "list",
    tuple: "list",
    set: "list",
    frozenset: "list",
}
_LISTS = frozenset(kind for kind, name in _KINDS.items() if name == "list")
_UNKNOWN = (None, None)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (only ever subtracted from naive datetimes)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


def _typed(value: Any) -> tuple[str | None, Any]:
    """The kind of a value, None where it is unknown, and the value as it compares."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind, value
    if type(value) is float:
        return ("number", value) if value == value else _UNKNOWN  # noqa: PLR0124  (NaN is not itself)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # pandas' own, without pandas
        return _UNKNOWN
    if isinstance(value, datetime):
        instant = _since_epoch(value)
        return _UNKNOWN if instant is None else ("instant", instant)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _plain(value.item(), getattr(value.dtype, "kind", ""))
    if isinstance(value, float):
        return _typed(float(value))
    if isinstance(value, Number) and hasattr(value, "is_nan"):  # a Decimal, without its import
        return _UNKNOWN if value.is_nan() else ("number", value)
    return next((kind for base, kind in _KINDS.items() if isinstance(value, base)), "other"), value


def _plain(value: Any, dtype: str) -> tuple[str | None, Any]:
    # NumPy's nanoseconds come out as a number, its other instants as naive datetimes: both lack a zone.
    if dtype in "mM" and isinstance(value, int):
        return _UNKNOWN
    return _typed(value) if type(value).__module__ != "numpy" else ("other", value)


def _since_epoch(instant: datetime) -> timedelta | None:
    # Not astimezone, which overflows near year 9999; not a comparison as it stands, which ignores offsets
    # within one zone and calls an instant in an autumn hour unequal to itself in another zone.
    offset = instant.utcoffset()
    return None if offset is None else instant.replace(tzinfo=None) - _EPOCH - offset


def _compare(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> Verdict:
    if left is None or right is None:
        return None
    kind, left = _typed(left)
    other, right = _typed(right)
    if kind is None or kind != other or kind in ("list", "other"):
        return None
    try:
        return bool(compare(left, right))
    except (TypeError, ValueError, ArithmeticError):
        return None


def _member(item: Any, elements: Iterable[Any]) -> Verdict:
    verdict: Verdict = False
    is_text = type(item) is str
    for element in elements:
        same = element == item if is_text and type(element) is str else _compare(operator.eq, item, element)
        if same:
            return True
        if same is None:
            verdict = None
    return verdict


def _moment(value: Any) -> timedelta | date | None:
    """An instant as its distance from 1970, a date as itself; texts are parsed."""
    kind, value = _typed(value)
    if kind == "text":
        kind, value = _typed(_parsed(value))
    return value if kind in ("instant", "date") else None


def _parsed(text: str) -> date | None:
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            return parse(text)
        except (ValueError, OverflowError):
            continue
    return None


def _elapsed(start: timedelta, now: datetime) -> timedelta:
    end = _since_epoch(now)
    if end is None:
        raise ModelError("now must be an aware datetime, in the contact's zone", field="now")
    return end - start


def _days_since(value: Any, now: datetime) -> float | None:
    if type(value) is datetime and type(value.tzinfo) is timezone and now.tzinfo is not None:
        return (now - value) / _DAY  # exact, as one of the two offsets is fixed
    moment = _moment(value)
    if isinstance(moment, timedelta):
        return _elapsed(moment, now) / _DAY
    return None if moment is None else (now.date() - moment).days


def _hours_since(value: Any, now: datetime) -> float | None:
    moment = _moment(value)
    if isinstance(moment, date):
        moment = (
            _since_epoch(datetime(moment.year, moment.month, moment.day, tzinfo=now.tzinfo)) or timedelta()
        )
    return None if moment is None else _elapsed(moment, now) / _HOUR


def _lower(value: Any, _now: datetime) -> str | None:
    kind, value = _typed(value)
    return value.lower() if kind == "text" else None


def _length(value: Any, _now: datetime) -> int | None:
    kind, value = _typed(value)
    return len(value) if kind in ("text", "list") else None


_CALLS: dict[str, Callable[[Any, datetime], Any]] = {
    "days_since": _days_since,
    "hours_since": _hours_since,
    "lower": _lower,
    "length": _length,
}
_CALL_NAMES = ("coalesce", *_CALLS)
_ALLOWED = (
    "a rule is made of and, or, not, comparisons, in, is None, names, numbers, texts, True, False, tuples of "
    f"literals, and the calls {', '.join(_CALL_NAMES)}"
)


# The tree.


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
    def kind(self) -> str | None:
        """The type of its value where the text alone tells it, else None."""
        return "boolean"

    @property
    def children(self) -> tuple[Node, ...]:
        """The parts of this part."""
        return ()

    def closure(self) -> Closure:
        """A function of (values, now) that gives the value of this part."""
        raise NotImplementedError

    def sql(self) -> str:
        """This part as SQL."""
        raise NotImplementedError

    def walk(self) -> Iterator[Node]:
        """This part and all parts below it, from left to right."""
        yield self
        for child in self.children:
            yield from child.walk()

    def truth(self) -> Closure:
        """Like `closure`, with anything that is no boolean turned into unknown."""
        return self.closure()

    def truth_sql(self) -> str:
        """This part as an SQL condition, to stand beside others."""
        if self.kind not in ("boolean", None):
            self.refuse_sql(f"{_short(self.text)} is no condition")
        return self.operand_sql() if isinstance(self, Junction) else self.sql()

    def operand_sql(self) -> str:
        """This part as an SQL operand."""
        return f"({self.sql()})"

    def refuse_sql(self, why: str) -> NoReturn:
        """Say why this part has no SQL."""
        raise RuleError(f"this rule cannot be written as SQL: {why}", column=self.column)


@frozen
class Literal(Node):
    """A number, a text, True, False or None."""

    value: Any

    @property
    def kind(self) -> str | None:
        return _typed(self.value)[0]

    def closure(self) -> Closure:
        value = self.value
        return lambda _values, _now: value

    def sql(self) -> str:
        value = self.value
        if value is None or isinstance(value, bool):
            return "NULL" if value is None else str(value).upper()
        if isinstance(value, str):
            if "\0" in value or re.search("[\ud800-\udfff]", value):
                self.refuse_sql("the text has a character that SQL texts cannot hold")
            return "'" + value.replace("'", "''") + "'"
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            self.refuse_sql("the number has more than 64 bits")
        digits = repr(value)
        # DuckDB takes a long number without an exponent for a decimal, and rounds it.
        return (
            digits + "e0" if isinstance(value, float) and len(digits) > 16 and "e" not in digits else digits
        )

    def operand_sql(self) -> str:
        return self.sql()


class _Operand(Node):
    __slots__ = ()

    def truth(self) -> Closure:
        read = self.closure()

        def truth(values: Mapping[str, Any], now: datetime) -> Verdict:
            value = read(values, now)
            if value is True or value is False or value is None:
                return value
            kind, value = _typed(value)
            return value if kind == "boolean" else None

        return truth

    def operand_sql(self) -> str:
        return self.sql()


@frozen
class Name(_Operand):
    """A field or attribute of the contact: ``country``, or ``address.city``."""

    path: str

    @property
    def kind(self) -> str | None:
        return None

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

    def sql(self) -> str:
        if re.fullmatch("[a-z][a-z0-9_]*", self.path) and self.path not in _SQL_WORDS:
            return self.path
        return f'"{self.path}"'


@frozen
class Call(_Operand):
    """One of the functions a rule may call."""

    function: str
    arguments: tuple[Node, ...]

    @property
    def kind(self) -> str | None:
        if self.function == "coalesce":
            return next((part.kind for part in self.arguments if part.kind), None)
        return "text" if self.function == "lower" else "number"

    @property
    def children(self) -> tuple[Node, ...]:
        return self.arguments

    def closure(self) -> Closure:
        reads = [part.closure() for part in self.arguments]
        if self.function != "coalesce":
            (read,), function = reads, _CALLS[self.function]
            return lambda values, now: function(read(values, now), now)

        def coalesce(values: Mapping[str, Any], now: datetime) -> Any:
            for read in reads:
                value = read(values, now)
                if _typed(value)[0] is not None:
                    return value
            return None

        return coalesce

    def sql(self) -> str:
        if self.function in ("days_since", "hours_since"):
            self.refuse_sql(f"{self.function} depends on the moment and on the contact's zone")
        _check_alike(self, self.arguments, None if self.function == "coalesce" else "text")
        return f"{self.function}({', '.join(part.operand_sql() for part in self.arguments)})"


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
            return _name_against_literal(*simple)
        compare, left, right = _OPERATORS[self.op], self.left.closure(), self.right.closure()
        return lambda values, now: _compare(compare, left(values, now), right(values, now))

    def sql(self) -> str:
        _check_alike(self, self.children)
        op = {"==": "=", "!=": "<>"}.get(self.op, self.op)
        return f"{self.left.operand_sql()} {op} {self.right.operand_sql()}"


@frozen
class Options(Node):
    """The literals on the right side of ``in``."""

    literals: tuple[Literal, ...]

    @property
    def kind(self) -> str | None:
        return "list"

    @property
    def children(self) -> tuple[Node, ...]:
        return self.literals

    def sql(self) -> str:
        return f"({', '.join(literal.sql() for literal in self.literals)})"


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
        if not isinstance(self.among, Options):
            return _in_list(read, self.among.closure(), wanted)
        literals = tuple(literal.value for literal in self.among.literals)
        kinds = {literal.kind for literal in self.among.literals}
        if len(kinds) == 1 and None not in kinds:
            return _in_alike_literals(read, literals, wanted)

        def in_literals(values: Mapping[str, Any], now: datetime) -> Verdict:
            found = _member(read(values, now), literals)
            return None if found is None else found is wanted

        return in_literals

    def sql(self) -> str:
        if not isinstance(self.among, Options):
            self.refuse_sql("the dialects differ in how they look into a list")
        if not self.among.literals:
            return "TRUE" if self.negated else "FALSE"
        _check_alike(self, (self.item, *self.among.literals))
        return f"{self.item.operand_sql()} {'NOT ' * self.negated}IN {self.among.sql()}"


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
        return lambda values, now: (_typed(read(values, now))[0] is None) is wanted

    def sql(self) -> str:
        return f"{self.item.operand_sql()} IS {'NOT ' * self.negated}NULL"


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

    def sql(self) -> str:
        condition = self.part.truth_sql()
        return (
            f"NOT {condition}" if isinstance(self.part, Literal | Name | Junction) else f"NOT ({condition})"
        )


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
            return _both(*asks) if self.op == "and" else _either(*asks)

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

    def sql(self) -> str:
        return f" {self.op.upper()} ".join(part.truth_sql() for part in self.parts)


def _check_alike(node: Node, parts: Iterable[Node], kind: str | None = None) -> None:
    kinds = {part.kind for part in parts} | {kind}
    if len(kinds - {None}) > 1:
        node.refuse_sql(f"{node.text} mixes types, which SQL converts and a rule does not")


# The closures that most rules are made of.


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


def _simple(node: Node) -> tuple[str, Callable[[Any, Any], Any], Any] | None:
    """The name, comparison and literal of a part such as ``score >= 40`` or ``40 <= score``."""
    if not isinstance(node, Compare):
        return None
    left, op, right = node.left, node.op, node.right
    if isinstance(left, Literal):
        left, op, right = right, _MIRRORED[op], left
    if isinstance(left, Name) and "." not in left.path and isinstance(right, Literal):
        return left.path, _OPERATORS[op], right.value
    return None


def _asks(parts: tuple[Node, ...]) -> Iterator[Closure]:
    """What ``and`` has to ask: simple comparisons two at a time, all else one by one."""
    index = 0
    while index < len(parts):
        pair = _both_simple(*parts[index : index + 2]) if index + 1 < len(parts) else None
        yield pair or parts[index].truth()
        index += 2 if pair else 1


def _name_against_literal(name: str, compare: Callable[[Any, Any], Any], literal: Any) -> Closure:
    kind = int if type(literal) is float else type(literal)
    is_number = kind is int

    def leaf(values: Mapping[str, Any], _now: datetime) -> Any:
        value = values.get(name)
        found = type(value)
        if found is kind:
            return compare(value, literal)
        if is_number and found is float and value == value:  # noqa: PLR0124  (NaN is not itself)
            return compare(value, literal)
        return _compare(compare, value, literal)

    return leaf


def _both_simple(left: Node, right: Node) -> Closure | None:
    """Two simple comparisons in one call where their values have the plain type, else one by one."""
    first, second = _simple(left), _simple(right)
    if first is None or second is None:
        return None
    exact = _both(left.closure(), right.closure())
    (first_name, first_compare, first_literal), (second_name, second_compare, second_literal) = first, second
    first_kind = int if type(first_literal) is float else type(first_literal)
    second_kind = int if type(second_literal) is float else type(second_literal)

    def both(values: Mapping[str, Any], now: datetime) -> Any:
        first, second = values.get(first_name), values.get(second_name)
        if type(first) is first_kind and type(second) is second_kind:
            return first_compare(first, first_literal) and second_compare(second, second_literal)
        return exact(values, now)

    return both


def _in_alike_literals(read: Closure, literals: tuple[Any, ...], wanted: bool) -> Closure:
    kinds = {int, float} if type(literals[0]) in (int, float) else {type(literals[0])}
    options = frozenset(literals)

    def leaf(values: Mapping[str, Any], now: datetime) -> Verdict:
        value = read(values, now)
        if type(value) in kinds and value == value:  # noqa: PLR0124  (NaN is not itself)
            is_among = value in options
            return is_among is wanted
        found = _member(value, literals)
        return None if found is None else found is wanted

    return leaf


def _in_list(read: Closure, read_list: Closure, wanted: bool) -> Closure:
    def leaf(values: Mapping[str, Any], now: datetime) -> Verdict:
        elements = read_list(values, now)
        if type(elements) not in _LISTS and _typed(elements)[0] != "list":
            return None
        found = _member(read(values, now), elements)
        return None if found is None else found is wanted

    return leaf


# From text to tree.


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = [0, *(found.end() for found in _NEWLINE.finditer(text))]

    def tree(self) -> Node:
        self.check_brackets()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # The brackets let a rule run over several lines.
                root = ast.parse(f"({self.text}\n)", mode="eval").body
        except SyntaxError as error:
            column = self.place(error.lineno or 0, error.offset or 0) if error.offset else 0
            raise RuleError(_say(error), text=self.text, column=column) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise RuleError(f"this rule cannot be read: {error}", text=self.text) from None
        return self.condition(root, 0)

    def check_brackets(self) -> None:
        opened: list[int] = []
        for token in _TOKEN.finditer(self.text):
            column, bracket = token.start() + 1, token["bracket"]
            if token["prefix"]:
                raise self.refusal(f"a text has no prefix here, found {token['prefix']!r}", column)
            if bracket in ("[", "]", "{", "}"):
                raise self.refusal(f"{bracket!r} is not allowed; list values as ('a', 'b')", column)
            if bracket == ")" and not opened:
                raise self.refusal("this bracket closes what was never opened", column)
            if bracket == ")":
                opened.pop()
            elif bracket == "(":
                opened.append(column)
            if len(opened) > _DEEPEST:
                raise self.refusal(f"brackets are nested deeper than {_DEEPEST}", column)
        if opened:
            raise self.refusal("this bracket is never closed", opened[-1])

    def place(self, line: int, column: int) -> int:
        """A place in characters, both counted from 1, as a column of the whole text."""
        start = self.lines[line - 1] if 0 < line <= len(self.lines) else len(self.text)
        return max(1, min(start + column - (line == 1), len(self.text)))

    def offset(self, line: int, byte: int) -> int:
        if line > len(self.lines):
            return len(self.text)
        start = self.lines[line - 1]
        return start + len(self.text[start:].encode()[: max(0, byte - (line == 1))].decode())

    def where(self, node: ast.expr | ast.keyword) -> tuple[str, int]:
        start = self.offset(node.lineno, node.col_offset)
        end = self.offset(node.end_lineno or 0, node.end_col_offset or 0)
        return self.text[start:end], start + 1

    def refusal(self, message: str, place: ast.expr | ast.keyword | int) -> RuleError:
        column = place if isinstance(place, int) else self.where(place)[1]
        return RuleError(message, text=self.text, column=column)

    def condition(self, node: ast.expr, depth: int) -> Node:
        found = self.node(node, depth)
        if isinstance(found, Literal) and not isinstance(found.value, bool):
            raise self.refusal(
                f"{_short(found.text)} is neither true nor false; compare a name with it (x == ...), or with "
                "several values (x in (..., ...))",
                node,
            )
        return found

    def node(self, node: ast.expr, depth: int) -> Node:
        if depth > _DEEPEST:
            raise self.refusal(f"the rule is nested deeper than {_DEEPEST}", node)
        below = depth + 1
        match node:
            case ast.Constant() | ast.UnaryOp(op=ast.USub()):
                return self.literal(node, depth)
            case ast.UnaryOp(op=ast.Not()):
                return Not(*self.where(node), self.condition(node.operand, below))
            case ast.BoolOp():
                op = "and" if isinstance(node.op, ast.And) else "or"
                return Junction(
                    *self.where(node), op, tuple(self.condition(part, below) for part in node.values)
                )
            case ast.Compare():
                return self.comparisons(node, below)
            case ast.Name() | ast.Attribute():
                return Name(*self.where(node), self.path(node, depth))
            case ast.Call():
                return self.call(node, below)
        phrase = _PHRASES.get(type(node).__name__, f"this ({type(node).__name__})")
        raise self.refusal(f"{phrase} is not allowed; {_ALLOWED}", node)

    def literal(self, node: ast.expr, depth: int) -> Literal:
        sign, inner = 1, node
        while isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.USub):
            sign, inner, depth = -sign, inner.operand, depth + 1
        if depth > _DEEPEST:
            raise self.refusal(f"the rule is nested deeper than {_DEEPEST}", node)
        value = inner.value if isinstance(inner, ast.Constant) else ...
        if inner is not node and type(value) not in (int, float):
            raise self.refusal("minus is allowed only before a number", node)
        if type(value) not in (int, float, str, bool, NoneType):
            raise self.refusal(f"{self.where(inner)[0]} is not allowed; {_ALLOWED}", inner)
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            raise self.refusal("this number is too large", inner)
        return Literal(*self.where(node), value if inner is node else sign * value)  # type: ignore[operator]

    def path(self, node: ast.expr, depth: int) -> str:
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if depth + len(parts) > _DEEPEST:
            raise self.refusal(f"the rule is nested deeper than {_DEEPEST}", node)
        if not isinstance(inner, ast.Name):
            raise self.refusal(
                "a dot is allowed only between the parts of a name, such as address.city", node
            )
        parts = [inner.id, *reversed(parts)]
        if any(part.startswith("_") for part in parts):
            raise self.refusal("no part of a name may begin with an underscore", node)
        path = ".".join(parts)
        if path in ("true", "false", "null", "none"):
            hint = "None" if path in ("null", "none") else path.title()
            raise self.refusal(f"{path!r} would be read as a name; did you mean {hint}?", node)
        return path

    def call(self, node: ast.Call, depth: int) -> Call:
        if not isinstance(node.func, ast.Name):
            raise self.refusal(f"only these can be called: {', '.join(_CALL_NAMES)}, as in lower(x)", node)
        name = node.func.id
        if name not in _CALL_NAMES:
            hint = closest(name, _CALL_NAMES)
            suggestion = f"; did you mean {hint!r}?" if hint else ""
            raise self.refusal(
                f"unknown function {_short(name)}, only {', '.join(_CALL_NAMES)} exist{suggestion}", node
            )
        if node.keywords:
            raise self.refusal(f"{name} takes no keyword arguments", node.keywords[0])
        arguments = tuple(self.node(argument, depth) for argument in node.args)
        if len(arguments) < 2 if name == "coalesce" else len(arguments) != 1:
            needed = "at least 2 arguments" if name == "coalesce" else "exactly 1 argument"
            raise self.refusal(f"{name} takes {needed}, found {len(arguments)}", node)
        return Call(*self.where(node), name, arguments)

    def comparisons(self, node: ast.Compare, depth: int) -> Node:
        place, left, parts = self.where(node), self.node(node.left, depth), list[Node]()
        for index, (op, comparator) in enumerate(zip(node.ops, node.comparators, strict=True)):
            if index:
                self.check_middle(left, node.comparators[index - 1])
            symbol = _SYMBOLS[type(op)]
            right = self.right_side(left, symbol, comparator, depth)
            if len(node.ops) > 1:
                place = f"{_bracketed(left)} {symbol} {_bracketed(right)}", left.column
            parts.append(_comparison(place, left, symbol, right))
            left = right
        return parts[0] if len(parts) == 1 else Junction(*self.where(node), "and", tuple(parts))

    def right_side(self, left: Node, symbol: str, node: ast.expr, depth: int) -> Node:
        if symbol in ("in", "not in") and isinstance(node, ast.Tuple):
            return Options(*self.where(node), tuple(self.literal(part, depth + 1) for part in node.elts))
        right = self.node(node, depth)
        is_none = isinstance(right, Literal) and right.value is None
        if symbol in ("is", "is not"):
            if not is_none:
                raise self.refusal("'is' is only for None; use == or != to compare", node)
        elif is_none or (isinstance(left, Literal) and left.value is None):
            hint = "is not" if symbol in ("!=", "not in") else "is"
            raise self.refusal(
                f"nothing can be compared with None; use '{hint} None'",
                right.column if is_none else left.column,
            )
        elif symbol in ("in", "not in") and isinstance(right, Literal):
            raise self.refusal(
                f"'{symbol}' needs several values or a list; a tuple of one is ({_short(right.text)},)", node
            )
        return right

    def check_middle(self, part: Node, node: ast.expr) -> None:
        # The middle of a chain is read twice: chains inside chains would double the work at every level.
        if any(not isinstance(inner, Literal | Name | Call) for inner in part.walk()):
            raise self.refusal(
                "the middle of a chained comparison must be a plain value; join two comparisons by 'and'",
                node,
            )


def _comparison(place: tuple[str, int], left: Node, symbol: str, right: Node) -> Node:
    if symbol in ("is", "is not"):
        return IsNone(*place, left, symbol == "is not")
    if symbol in ("in", "not in"):
        return In(*place, left, right, symbol == "not in")
    return Compare(*place, symbol, left, right)


def _bracketed(node: Node) -> str:
    return node.text if isinstance(node, Literal | Name | Call | Options) else f"({node.text})"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _say(error: SyntaxError) -> str:
    if "'=='" in error.msg:
        return "this rule cannot be read: use == to compare"
    return f"this rule cannot be read: {error.msg.split('. ')[0]}"


# What a user holds.

_VERDICTS = {True: "true", False: "false", None: "unknown"}


@frozen
class Operand:
    """A name or call inside a condition, with the value it had.

    Attributes:
        text: the name or call as the user wrote it.
        value: its value; None where it is missing.
    """

    text: str
    value: Any

    def __str__(self) -> str:
        if _typed(self.value)[0] is None:
            return f"{self.text} is unknown"
        try:
            return f"{self.text} = {_short(repr(self.value))}"
        except ValueError:  # Python does not print integers of more than 4,300 digits
            return f"{self.text} is a very long number"


@frozen
class RuleExplanation:
    """What a rule, or a part of it, said about one contact, and why.

    Attributes:
        text: the rule or its part, as the user wrote it.
        value: True, False, or None for unknown.
        operands: the names and calls with their values; only a condition without parts has them.
        parts: the explanations of what ``and``, ``or`` or ``not`` joins.
    """

    text: str
    value: Verdict
    operands: tuple[Operand, ...] = ()
    parts: tuple[RuleExplanation, ...] = ()

    def __str__(self) -> str:
        return "\n".join(self._lines(""))

    def _lines(self, indent: str) -> Iterator[str]:
        text = re.sub(r"\s*[\r\n]\s*", " ", self.text.strip())
        operands = f"  ({', '.join(map(str, self.operands))})" if self.operands else ""
        yield f"{indent}{_VERDICTS[self.value]}: {text}{operands}"
        for part in self.parts:
            yield from part._lines(indent + "  ")  # noqa: SLF001  (its own kind)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists; the values of operands stay as they are."""
        return {
            "text": self.text,
            "value": self.value,
            "operands": [{"text": operand.text, "value": operand.value} for operand in self.operands],
            "parts": [part.to_dict() for part in self.parts],
        }


def _explain(node: Node, values: Mapping[str, Any], now: datetime) -> RuleExplanation:
    value: Verdict = node.truth()(values, now)
    if isinstance(node, Junction | Not):
        parts = tuple(_explain(part, values, now) for part in node.children)
        return RuleExplanation(node.text, value, parts=parts)
    readers = {part.text: part.closure() for part in node.walk() if isinstance(part, Name | Call)}
    operands = tuple(Operand(text, read(values, now)) for text, read in readers.items())
    return RuleExplanation(node.text, value, operands=operands)


@frozen
class Rule:
    """A question about a contact that is true, false or unknown.

    Two rules are equal when their texts are. As in Python, names are compared in Unicode's form NFKC.

    Attributes:
        text: the rule as the user wrote it, at most 4,000 characters and nested at most 50 deep.

    Raises:
        RuleError: if the text is no rule; the error says what is wrong, what is allowed, and the column,
            counted from 1 over the whole text.

    Example:
        >>> from datetime import UTC
        >>> rule = Rule('country in ("MK", "RS") and score >= 40')
        >>> now = datetime(2026, 11, 2, 9, tzinfo=UTC)
        >>> rule.selects({"country": "MK", "score": 55}, now)
        True
        >>> print(rule.test({"country": "MK"}, now))
        None
        >>> Rule("score => 40")
        Traceback (most recent call last):
            ...
        journeykit.errors.RuleError: this rule cannot be read: invalid syntax (column 7)
    """

    text: str

    def __attrs_post_init__(self) -> None:
        _ = self.tree

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule; the same as ``Rule(text)``.

        Raises:
            RuleError: if the text is no rule.

        Example:
            >>> str(Rule.parse("vip or score > 3"))
            'vip or score > 3'
        """
        return cls(text)

    @cached_property
    def tree(self) -> Node:
        """The rule as a tree, for engines that compile it their own way.

        Example:
            >>> rule = Rule("score >= 40")
            >>> rule.tree.left.path, rule.tree.op, rule.tree.right.value
            ('score', '>=', 40)
        """
        if not isinstance(self.text, str):
            raise RuleError(f"a rule is a text, found {type(self.text).__name__}")
        if not self.text.strip():
            raise RuleError("a rule is a text that is not empty", text=self.text)
        if len(self.text) > _LONGEST:
            raise RuleError(
                f"a rule has at most {_LONGEST} characters, found {len(self.text)}", text=self.text
            )
        return _Reader(self.text).tree()

    @cached_property
    def names(self) -> frozenset[str]:
        """The fields and attributes of the contact that the rule reads.

        Example:
            >>> sorted(Rule('address.city == "Ohrid" and vip').names)
            ['address.city', 'vip']
        """
        return frozenset(node.path for node in self.tree.walk() if isinstance(node, Name))

    @cached_property
    def compiled(self) -> Callable[[Mapping[str, Any], datetime], Verdict]:
        """The rule as a function of (values, now): the same as `test`, and faster to call often.

        Example:
            >>> from datetime import UTC
            >>> ask = Rule("score >= 40").compiled
            >>> ask({"score": 55}, datetime(2026, 11, 2, tzinfo=UTC))
            True
        """
        return self.tree.truth()

    def test(self, values: Mapping[str, Any], now: datetime) -> Verdict:
        """What the rule says about one contact: True, False, or None for unknown.

        Args:
            values: the contact's fields and attributes by name. ``a.b`` is looked up as the key ``a.b``, and
                where there is none as ``b`` of ``a``. Booleans, numbers (int, float, Decimal and NumPy's),
                texts, aware datetimes, dates and lists (also tuples and sets) have a meaning; naive datetimes
                are unknown.
            now: the moment, aware, in the contact's zone.

        Raises:
            ModelError: if the rule asks ``days_since`` or ``hours_since`` and ``now`` is naive.

        Example:
            >>> from datetime import UTC
            >>> now = datetime(2026, 11, 2, 9, tzinfo=UTC)
            >>> Rule("days_since(last_order) < 90").test({"last_order": date(2026, 10, 1)}, now)
            True
        """
        return self.compiled(values, now)

    def selects(self, values: Mapping[str, Any], now: datetime) -> bool:
        """Whether the rule is true: unknown does not select.

        Example:
            >>> from datetime import UTC
            >>> Rule("not (score >= 40)").selects({"score": None}, datetime(2026, 11, 2, tzinfo=UTC))
            False
        """
        return self.compiled(values, now) is True

    def explain(self, values: Mapping[str, Any], now: datetime) -> RuleExplanation:
        """What every part of the rule says about one contact; the arguments are those of `test`.

        Example:
            >>> from datetime import UTC
            >>> now = datetime(2026, 11, 2, 9, tzinfo=UTC)
            >>> print(Rule('score >= 40 and not country == "MK"').explain({"country": "MK"}, now))
            false: score >= 40 and not country == "MK"
              unknown: score >= 40  (score is unknown)
              false: not country == "MK"
                true: country == "MK"  (country = 'MK')
        """
        return _explain(self.tree, values, now)

    def to_sql(self) -> str:
        """The rule as an SQL condition that SQLite and DuckDB both take.

        It means the same over columns of one type each. A dotted name is one column, ``"address.city"``.
        SQLite lowers only ASCII letters.

        Raises:
            RuleError: for what the dialects do not share: a look into a list, ``days_since`` and
                ``hours_since``, integers of more than 64 bits, operands of unlike types.

        Example:
            >>> print(Rule('country in ("MK", "RS") and not (score >= 40 or group is None)').to_sql())
            country IN ('MK', 'RS') AND NOT (score >= 40 OR "group" IS NULL)
        """
        try:
            return self.tree.truth_sql() if not isinstance(self.tree, Junction) else self.tree.sql()
        except RuleError as error:
            raise RuleError(error.message, text=self.text, column=error.column) from None

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[Rule], tuple[str]]:
        return Rule, (self.text,)
