"""Looks: how a rule reads its names, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from journeykit.rule.tree import AtLeast, Call, Compare, In, IsNone, Junction, Name, Node, Not, Options, common_kind
from journeykit.rule.values import MOMENT, TEXT, TRUTH

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST = "list"
"""What ``in`` asks of an attribute on its right side."""


class Look(NamedTuple):
    """How a rule reads a name.

    Attributes:
        path: the name.
        kind: the kind as which it is read, or `LIST`; None where the other side, or each of several literals, says it.
        text: the comparison, or the part that asks whether it is true, as the user wrote it.
    """

    path: str
    kind: str | None
    text: str


def looks_of(node: Node) -> Iterator[Look]:
    """How a rule reads its names: each use of each, from left to right.

    Example:
        >>> from journeykit.rule import Rule
        >>> [look[:2] for look in looks_of(Rule('vip and score >= 40 and (zip == "01000" or not "a" in tags)').tree)]
        [('vip', 'boolean'), ('score', 'number'), ('zip', 'text'), ('tags', 'list')]
    """
    match node:
        case Junction() | Not():
            for part in node.children:
                yield from looks_of(part)
        case Compare(left=left, right=right):
            for side in (left, right):
                yield from _looks_at(side, node.kind, node.text)
        case In(item=item, among=Options(literals=literals)):
            kinds = {common_kind(item, literal) for literal in literals if literal.value is not None}
            yield from _looks_at(item, kinds.pop() if len(kinds) == 1 else None, node.text)
        case In(item=item, among=among):
            yield from _looks_at(item, item.reads_as, node.text)
            yield from _looks_at(among, LIST, node.text)
        case IsNone(item=item):
            yield from _looks_at(item, "", node.text)
        case AtLeast(stage=stage):
            yield Look(stage.path, TEXT, node.text)
        case _:
            yield from _looks_at(node, TRUTH, node.text)


def _looks_at(node: Node, kind: str | None, text: str) -> Iterator[Look]:
    """The names whose values one side of a comparison is; a kind that is empty asks for nothing."""
    match node:
        case Name():
            if kind != "":
                yield Look(node.path, kind, text)
        case Call(function="coalesce"):
            for part in node.arguments:
                yield from _looks_at(part, kind, text)
        case Call():
            asked = {"lower": TEXT, "length": None}.get(node.function, MOMENT)
            for part in node.arguments:
                yield from _looks_at(part, asked, text)
        case Compare() | In() | IsNone() | Not() | Junction() | AtLeast():
            yield from looks_of(node)
