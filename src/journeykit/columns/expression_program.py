"""Weight expressions as programs for the kernels, and what they read of contacts as numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.clock import EPOCH
from journeykit.kernels.interface.codes import (
    NAMES_PROPENSITY,
    NAMES_VALUE,
    OP_ADD,
    OP_ATTRIBUTE,
    OP_COALESCE,
    OP_COST,
    OP_DIVIDE,
    OP_MAX,
    OP_MIN,
    OP_MULTIPLY,
    OP_NUMBER,
    OP_PROPENSITY,
    OP_SUBTRACT,
    OP_VALUE,
)
from journeykit.rule.arithmetic import Operation
from journeykit.rule.expression import as_float
from journeykit.rule.tree import Literal, Name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.rule.expression import Expression
    from journeykit.rule.tree import Node
    from journeykit.tables.arrow.column import Column

_OPERATIONS = {
    "+": OP_ADD,
    "-": OP_SUBTRACT,
    "*": OP_MULTIPLY,
    "/": OP_DIVIDE,
    "min": OP_MIN,
    "max": OP_MAX,
    "coalesce": OP_COALESCE,
}
_OF_CLAIM = {"propensity": OP_PROPENSITY, "value": OP_VALUE, "cost": OP_COST}

Step = tuple[int, int, float]
"""An operation, the place of an attribute, and a number (`PROGRAM`)."""


def named_by(expression: Expression | None) -> int:
    """What an expression names that is no factor then."""
    names = () if expression is None else expression.names
    return NAMES_PROPENSITY * ("propensity" in names) + NAMES_VALUE * ("value" in names)


def program_of(expression: Expression, attributes: Sequence[str]) -> list[Step]:
    """The steps of an expression, operands before operations.

    Args:
        expression: which.
        attributes: the attributes that expressions read, each at its place.
    """
    found: list[Step] = []
    _add(expression.tree, list(attributes), found)
    return found


def _add(node: Node, attributes: list[str], found: list[Step]) -> None:
    if isinstance(node, Literal):
        found.append((OP_NUMBER, 0, float(node.value)))
    elif isinstance(node, Name):
        of_claim = _OF_CLAIM.get(node.path)
        found.append((OP_ATTRIBUTE, attributes.index(node.path), 0.0) if of_claim is None else (of_claim, 0, 0.0))
    elif isinstance(node, Operation):
        first, *rest = node.parts
        _add(first, attributes, found)
        for part in rest:
            _add(part, attributes, found)
            found.append((_OPERATIONS[node.op], 0, 0.0))


def operands(columns: Mapping[str, Column], attributes: Sequence[str], rows: int) -> np.ndarray:
    """By contact and attribute, its value as a number; NaN where it is unknown.

    Args:
        columns: what rules read of the contacts.
        attributes: the attributes.
        rows: how many contacts there are.
    """
    found = np.full((rows, len(attributes)), np.nan)
    for place, path in enumerate(attributes):
        # A dotted name is a column of its own, or a part of another one's value.
        key = path if path in columns else path.partition(".")[0]
        column = columns.get(key)
        if column is None:
            continue
        read = column.as_numbers if key == path else None
        if read is not None:
            found[:, place] = np.where(read[1], read[0].astype(np.float64), math.nan)
        else:
            get = Name(path, 1, path).closure()
            values = [as_float(get({key: value}, EPOCH)) for value in column.values]
            found[:, place] = np.array(values or [math.nan])[column.codes]
    return found
