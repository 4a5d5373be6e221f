"""Levers: factors on the weights of some claims, for some contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen, validators

from journeykit.basics.validation import instance, number, required_text
from journeykit.model.cap import Scope
from journeykit.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any


def _rule(value: Rule | str | None) -> Rule | None:
    return Rule(value) if isinstance(value, str) else value


@frozen(kw_only=True)
class Lever:
    """A factor on the weights of the claims in its scope, for the contacts of whom its rule is true.

    Attributes:
        name: how decisions refer to it, among the factors of a weight.
        factor: what the weights are multiplied with, from 0.
        when: the rule that selects contacts, asked at the instant of the decision; None for everybody. Where it is
            unknown the lever is not applied.
        where: which claims it is about.

    Example:
        >>> from datetime import UTC, datetime
        >>> spring = Lever(name="spring", when="season == 'spring'", factor=1.5)
        >>> spring.applies({"season": "spring"}, datetime(2026, 4, 1, tzinfo=UTC))
        True
    """

    name: str = field(validator=required_text)
    factor: float = field(validator=number(0))
    when: Rule | None = field(default=None, converter=_rule, validator=validators.optional(instance(Rule)))
    where: Scope = field(factory=Scope, validator=instance(Scope))

    def applies(self, values: Mapping[str, Any], now: datetime) -> bool:
        """Whether its rule is true of a contact with such values, at an instant in the contact's zone."""
        return self.when is None or self.when.compiled(values, now) is True
