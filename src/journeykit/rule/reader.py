"""From text to tree: Python's parser reads the grammar, and what is not on a short list is refused."""

# ruff: noqa: D102  (its methods are named after what they read)

from __future__ import annotations

import ast
import re
import warnings
from types import NoneType

from journeykit.basics.clock import UNITS
from journeykit.errors import RuleError, closest
from journeykit.rule.tree import (
    STAGE,
    STAGE_SINCE,
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
from journeykit.rule.values import FUNCTIONS, is_moment, short

_LONGEST = 4_000
_DEEPEST = 50
_LONGEST_WINDOW = 100_000 * UNITS["d"]
_NEWLINE = re.compile(r"\r\n?|\n")
_TOKEN = re.compile(
    r"""(?P<prefix>\b(?:[bft]r?|r[bft]))?
        (?:'{3}(?:\\.|[^\\])*?(?:'{3}|\\?\Z) | "{3}(?:\\.|[^\\])*?(?:"{3}|\\?\Z)
          |'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\\?\Z) | "(?:\\.|[^"\\\n])*(?:"|(?=\n)|\\?\Z))
      | \#[^\r\n]*
      | (?P<date>(?<![\w.])[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?![0-9]))
      | (?P<bracket>[()\[\]{}])""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
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
_PHRASES: dict[type[ast.expr], str] = {
    ast.BinOp: "arithmetic",
    ast.IfExp: "'if ... else'",
    ast.Lambda: "a lambda",
    ast.NamedExpr: "':='",
    ast.Starred: "'*'",
    ast.Tuple: "a tuple outside 'in'",
    ast.UnaryOp: "a sign before anything but a number",
}
_AGGREGATES = {"count": "count", "sum": "sum", "last": "last", "days_since": "latest", "hours_since": "latest"}
_LENGTH = re.compile(r"([1-9][0-9]{0,8})([mhdw])")
_EXAMPLES = {"count": 'count("webinar", "90d")', "sum": 'sum("purchase.amount", "365d")', "last": 'last("form.role")'}
_STAGES = {"days_in_stage": "days_in_stage()", "stage_at_least": 'stage_at_least("decision")'}
_CALLS = ("coalesce", *FUNCTIONS, *_EXAMPLES, *_STAGES)
_ALLOWED = (
    "a rule is made of and, or, not, comparisons, in, is None, names, numbers, texts, True, False, tuples of "
    f"literals, and the calls {', '.join(_CALLS)}"
)


def read(text: str) -> Node:
    """The tree of a rule.

    Raises:
        RuleError: if the text is no rule.

    Example:
        >>> [type(node).__name__ for node in read("not (score >= 40)").walk()]
        ['Not', 'Compare', 'Name', 'Literal']
    """
    text_of(text, "a rule")
    return Reader(text).tree()


def text_of(text: object, what: str) -> None:
    """Refuse what is no text, an empty one, and one that is too long."""
    if not isinstance(text, str):
        raise RuleError(f"{what} is a text, found {type(text).__name__}")
    if not text.strip():
        raise RuleError(f"{what} is a text that is not empty", text=text)
    if len(text) > _LONGEST:
        raise RuleError(f"{what} has at most {_LONGEST} characters, found {len(text)}", text=text)


class Reader:
    """Reads a rule; a reader of something else says what it calls it, and how it reads the whole."""

    what = "rule"

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
            column = self.column(error.lineno or 0, error.offset) if error.offset else 0
            why = "use == to compare" if "'=='" in error.msg else error.msg.split(". ")[0]
            raise RuleError(f"this {self.what} cannot be read: {why}", text=self.text, column=column) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise RuleError(f"this {self.what} cannot be read: {error}", text=self.text) from None
        return self.whole(root)

    def whole(self, node: ast.expr) -> Node:
        return self.condition(node, 0)

    def check_brackets(self) -> None:
        opened: list[int] = []
        for token in _TOKEN.finditer(self.text):
            column, bracket = token.start() + 1, token["bracket"]
            if token["prefix"]:
                raise self.refusal(f"a text has no prefix here, found {token['prefix']!r}", column)
            if token["date"]:
                year, month, day = token["date"].split("-")
                raise self.refusal(f"a date is written in quotes: '{year}-{month:0>2}-{day:0>2}'", column)
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

    # Positions in the text. Python counts lines from 1 and, on the first, the bracket that `tree` put before the text.

    def column(self, line: int, column: int) -> int:
        """A line and a column in characters, both counted from 1, as a column of the whole text."""
        start = self.lines[line - 1] if 0 < line <= len(self.lines) else len(self.text)
        return max(1, min(start + column - (line == 1), len(self.text)))

    def index(self, line: int, byte: int) -> int:
        """A line counted from 1 and a byte counted from 0 as an index into the whole text."""
        if line > len(self.lines):
            return len(self.text)
        start = self.lines[line - 1]
        return start + len(self.text[start:].encode()[: max(0, byte - (line == 1))].decode())

    def where(self, node: ast.expr | ast.keyword) -> tuple[str, int]:
        """The text and the column of a part."""
        start = self.index(node.lineno, node.col_offset)
        end = self.index(node.end_lineno or 0, node.end_col_offset or 0)
        return self.text[start:end], start + 1

    def refusal(self, message: str, place: ast.expr | ast.keyword | int) -> RuleError:
        column = place if isinstance(place, int) else self.where(place)[1]
        return RuleError(message, text=self.text, column=column)

    # What is read. The depth is that of the part in the tree.

    def check_depth(self, depth: int, node: ast.expr) -> None:
        if depth > _DEEPEST:
            raise self.refusal(f"the {self.what} is nested deeper than {_DEEPEST}", node)

    def condition(self, node: ast.expr, depth: int) -> Node:
        found = self.node(node, depth)
        if isinstance(found, Literal) and not isinstance(found.value, bool):
            raise self.refusal(
                f"{short(found.text)} is neither true nor false; compare a name with it (x == ...), or with "
                "several values (x in (..., ...))",
                node,
            )
        if isinstance(found, Aggregate) and found.kind in ("count", "sum"):
            raise self.refusal(f"{short(found.text)} is a number; compare it with one, as in {found.text} >= 1", node)
        return found

    def node(self, node: ast.expr, depth: int) -> Node:
        self.check_depth(depth, node)
        match node:
            case ast.Constant() | ast.UnaryOp(op=ast.USub()):
                return self.literal(node, depth)
            case ast.UnaryOp(op=ast.Not()):
                return Not(*self.where(node), self.condition(node.operand, depth + 1))
            case ast.BoolOp():
                op = "and" if isinstance(node.op, ast.And) else "or"
                return Junction(*self.where(node), op, tuple(self.condition(part, depth + 1) for part in node.values))
            case ast.Compare():
                return self.comparisons(node, depth + 1)
            case ast.Name() | ast.Attribute():
                return Name(*self.where(node), self.path(node, depth))
            case ast.Call():
                return self.call(node, depth + 1)
        phrase = _PHRASES.get(type(node), f"this ({type(node).__name__})")
        raise self.refusal(f"{phrase} is not allowed; {_ALLOWED}", node)

    def literal(self, node: ast.expr, depth: int) -> Literal:
        sign, inner = 1, node
        while isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.USub):
            sign, inner, depth = -sign, inner.operand, depth + 1
        self.check_depth(depth, node)
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
        self.check_depth(depth + len(parts), node)
        if not isinstance(inner, ast.Name):
            raise self.refusal("a dot is allowed only between the parts of a name, such as address.city", node)
        parts = [inner.id, *reversed(parts)]
        if any(part.startswith("_") for part in parts):
            raise self.refusal("no part of a name may begin with an underscore", node)
        path = ".".join(parts)
        if path in ("true", "false", "null", "none"):
            hint = "None" if path in ("null", "none") else path.title()
            raise self.refusal(f"{path!r} would be read as a name; did you mean {hint}?", node)
        return path

    def call(self, node: ast.Call, depth: int) -> Call | Aggregate | AtLeast:
        allowed = ", ".join(_CALLS)
        if not isinstance(node.func, ast.Name):
            raise self.refusal(f"only these can be called: {allowed}, as in lower(x)", node)
        name = node.func.id
        if name not in _CALLS:
            hint = closest(name, _CALLS)
            suggestion = f"; did you mean {hint!r}?" if hint else ""
            raise self.refusal(f"unknown function {short(name)}, only {allowed} exist{suggestion}", node)
        if node.keywords:
            raise self.refusal(f"{name} takes no keyword arguments", node.keywords[0])
        if name in _EXAMPLES:
            return self.aggregate(node, name)
        if name in _STAGES:
            return self.of_stage(node, name)
        arguments = tuple(self.node(argument, depth) for argument in node.args)
        if len(arguments) < 2 if name == "coalesce" else len(arguments) != 1:
            needed = "at least 2 arguments" if name == "coalesce" else "exactly 1 argument"
            raise self.refusal(f"{name} takes {needed}, found {len(arguments)}", node)
        if name in _AGGREGATES and isinstance(arguments[0], Literal) and isinstance(arguments[0].value, str):
            text, column, event = arguments[0].text, arguments[0].column, arguments[0].value
            # A text that reads as a date or an instant is that one; any other is the name of an event.
            if event and not is_moment(event):
                arguments = (Aggregate(text, column, _AGGREGATES[name], event, None, None),)
        return Call(*self.where(node), name, arguments)

    def of_stage(self, node: ast.Call, name: str) -> Call | AtLeast:
        """A look at the contact's stage: how far it is, or for how long they have been there."""
        text, column = self.where(node)
        if name == "days_in_stage":
            if node.args:
                raise self.refusal(f"{name} takes no arguments, found {len(node.args)}", node)
            return Call(text, column, "days_since", (Name(STAGE_SINCE, column, STAGE_SINCE),))
        stages = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if len(node.args) != 1 or not stages or not stages[0]:
            raise self.refusal(f"{name} takes the name of a stage, as in {_STAGES[name]}", node)
        return AtLeast(text, column, Name(STAGE, column, STAGE), stages[0])

    def aggregate(self, node: ast.Call, name: str) -> Aggregate:
        """A look at the events so far."""
        example = _EXAMPLES[name]
        most = 1 if name == "last" else 2
        texts = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if not 1 <= len(node.args) <= most or len(texts) != len(node.args) or not texts[0]:
            raise self.refusal(f"{name} takes texts, as in {example}", node)
        event, part = texts[0], None
        if name != "count":
            event, dot, part = texts[0].rpartition(".")
            if not (event and dot and part):
                raise self.refusal(f"{name} needs an event and a property of it, as in {example}", node.args[0])
        length = None
        if len(texts) == 2:
            found = _LENGTH.fullmatch(texts[1])
            length = int(found[1]) * UNITS[found[2]] if found else 0
            if not 0 < length <= _LONGEST_WINDOW:
                raise self.refusal(
                    f"{short(repr(texts[1]))} is no length of time; write a whole number from 1 and m, h, d or w, at "
                    "most 100000 days, such as '90d'",
                    node.args[1],
                )
        return Aggregate(*self.where(node), _AGGREGATES[name], event, part, length)

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

    def check_middle(self, part: Node, node: ast.expr) -> None:
        # The middle of a chain is read twice: chains inside chains would double the work at every level.
        if not all(isinstance(inner, Value) for inner in part.walk()):
            raise self.refusal(
                "the middle of a chained comparison must be a plain value; join two comparisons by 'and'", node
            )

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
            column = right.column if is_none else left.column
            raise self.refusal(f"nothing can be compared with None; use '{hint} None'", column)
        elif symbol in ("in", "not in") and isinstance(right, Literal):
            raise self.refusal(
                f"'{symbol}' needs several values or a list; a tuple of one is ({short(right.text)},)", node
            )
        return right


def _comparison(place: tuple[str, int], left: Node, symbol: str, right: Node) -> Node:
    if symbol in ("is", "is not"):
        return IsNone(*place, left, symbol == "is not")
    if symbol in ("in", "not in"):
        return In(*place, left, right, symbol == "not in")
    return Compare(*place, symbol, left, right)


def _bracketed(node: Node) -> str:
    return node.text if isinstance(node, Value | Options) else f"({node.text})"
