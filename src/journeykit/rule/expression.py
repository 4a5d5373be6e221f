"""Weight expressions: arithmetic over a contact and a claim, such as ``2 * propensity * margin``.

An expression uses the grammar of Python expressions, like a rule, and never runs as Python. Its values are floats of 64
bits, and what is not known is NaN: so is all that is made of it, a division by zero, and what has no value, such as the
difference of infinities.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.rule.arithmetic import number_closure, read_expression
from journeykit.rule.tree import Name
from journeykit.rule.values import as_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeykit.rule.tree import Node

OF_CLAIM = ("propensity", "value", "cost")
"""The names that an expression reads of the claim; all others are the contact's."""


@frozen
class Expression:
    """What a message weighs, worked out for each contact and claim.

    It is made of numbers, names, ``+ - * /``, brackets, and the calls ``min``, ``max`` and ``coalesce``.
    ``propensity``, ``value`` and ``cost`` are those of the claim; every other name is an attribute of the contact, read
    as a number.
    Two expressions are equal when their texts are.

    Attributes:
        text: the expression as the user wrote it, at most 4,000 characters and nested at most 50 deep.

    Raises:
        RuleError: if the text is no expression, reads nothing, or divides by zero whatever the contact.

    Example:
        >>> worth = Expression("2 * propensity * coalesce(margin, 1)")
        >>> worth.value({"propensity": 0.5, "margin": "4"}), worth.value({"margin": 4})
        (4.0, nan)
        >>> Expression("margin / 0")
        Traceback (most recent call last):
            ...
        journeykit.errors.RuleError: this divides by zero, whatever the contact (column 10)
    """

    text: str

    def __attrs_post_init__(self) -> None:
        _ = self.tree

    @cached_property
    def tree(self) -> Node:
        """The expression as a tree, for engines that compile it their own way."""
        return read_expression(self.text)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that it reads.

        Example:
            >>> sorted(Expression("propensity * margin").names)
            ['margin', 'propensity']
        """
        return frozenset(node.path for node in self.tree.walk() if isinstance(node, Name))

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """The names that are attributes of the contact, in the order of their first appearance.

        Example:
            >>> Expression("propensity * margin - cost").attributes
            ('margin',)
        """
        paths = (node.path for node in self.tree.walk() if isinstance(node, Name))
        return tuple(path for path in dict.fromkeys(paths) if path not in OF_CLAIM)

    @cached_property
    def _closure(self) -> Any:
        return number_closure(self.tree)

    def value(self, values: Mapping[str, Any]) -> float:
        """What it comes to; NaN where it is unknown.

        Args:
            values: the contact's fields and attributes, and the claim's propensity, value and cost, by name.
        """
        found: float = self._closure(values, None)
        return found

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[Expression], tuple[str]]:
        return Expression, (self.text,)


def as_float(value: Any) -> float:
    """A value as a float of 64 bits; NaN where it is no number, or too large to be one.

    Example:
        >>> as_float("50.5"), as_float(True), as_float(10**400)
        (50.5, nan, nan)
    """
    number = as_number(value)
    try:
        return math.nan if number is None else float(number)
    except (OverflowError, ValueError):
        return math.nan
