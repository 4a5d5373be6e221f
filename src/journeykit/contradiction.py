"""Contradictions: rules that can be true of nobody, where that is plain from the text."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from journeykit.rule.tree import Call, Compare, In, IsNone, Junction, Literal, Name, Node, Not, Options
from journeykit.rule.values import compare, member, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.rule import Rule

_OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}

_Wish = tuple[str, str, Any]
"""What must hold of a name or call: its text, a word, and what it is compared with."""


def is_never_true(rule: Rule) -> bool:
    """Whether a rule can be true of nobody. Only what is plain is found: False says nothing.

    Example:
        >>> from journeykit import Rule
        >>> is_never_true(Rule("score >= 60 and score < 40")), is_never_true(Rule("score >= 40 and score < 60"))
        (True, False)
    """
    return _never(rule.tree)


def _never(node: Node) -> bool:
    if isinstance(node, Junction) and node.op == "or":
        return all(_never(part) for part in node.parts)
    parts = list(_joined(node))
    if parts != [node] and any(_never(part) for part in parts):
        return True
    wishes = [wish for part in parts for wish in _wishes(part)]
    return any(_clash([own for own in wishes if own[0] == text]) for text in dict.fromkeys(wish[0] for wish in wishes))


def _joined(node: Node) -> Iterator[Node]:
    """The conditions that ``and`` joins."""
    if isinstance(node, Junction) and node.op == "and":
        for part in node.parts:
            yield from _joined(part)
    else:
        yield node


def _wishes(node: Node, *, opposite: bool = False) -> Iterator[_Wish]:
    """What a condition asks of one name or call, where it asks it of one alone."""
    if isinstance(node, Not):
        yield from _wishes(node.part, opposite=not opposite)
    elif isinstance(node, Literal):
        yield "", "==", node.value is not opposite
    elif isinstance(node, Name | Call):
        yield node.text, "==", not opposite
    elif isinstance(node, IsNone):
        yield node.item.text, "unknown" if node.negated is opposite else "known", None
    elif isinstance(node, In) and isinstance(node.among, Options):
        yield node.item.text, "in" if node.negated is opposite else "not in", [own.value for own in node.among.literals]
    elif isinstance(node, Compare):
        left, op, right = node.left, node.op, node.right
        if isinstance(left, Literal):
            left, op, right = right, _MIRRORED[op], left
        if isinstance(right, Literal):
            yield left.text, _OPPOSITE[op] if opposite else op, right.value


def _clash(wishes: list[_Wish]) -> bool:
    """Whether no value has all that is asked of it."""
    asked = [(word, value) for _, word, value in wishes]
    words = {word for word, _ in asked}
    if words == {"=="} and wishes[0][0] == "":
        return not all(value for _, value in asked)
    if "unknown" in words:
        return len(words) > 1
    kinds = {typed(value)[0] for word, value in asked if word in _OPERATORS}
    if len(kinds) > 1 or None in kinds:
        return True
    chosen = [[value] if word == "==" else value for word, value in asked if word in ("==", "in")]
    if chosen:
        return not any(all(_holds(own, *other) for other in asked) for own in chosen[0])
    lows = [(word, value) for word, value in asked if word in (">", ">=")]
    return any(_is_apart(low, (word, high)) for low in lows for word, high in asked if word in ("<", "<="))


def _holds(value: Any, word: str, other: Any) -> bool:
    if word in ("in", "not in"):
        found = member(value, other)
        return found is (word == "in")
    return word == "known" or compare(_OPERATORS[word], value, other) is True


def _is_apart(low: tuple[str, Any], high: tuple[str, Any]) -> bool:
    """Whether nothing lies above the one and below the other."""
    strict = low[0] == ">" or high[0] == "<"
    return compare(operator.ge if strict else operator.gt, low[1], high[1]) is True
