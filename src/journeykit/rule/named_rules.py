"""Rules with names, all of which must hold: an audience that says which part of it a contact fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from journeykit.errors import ModelError
from journeykit.rule import Rule, StageOrder
from journeykit.rule.tree import Junction, Node


@frozen
class NamedRules(Rule):
    """Several rules with names: it is true where all of them are.

    Attributes:
        parts: the rules with their names, in their order.

    Example:
        >>> from datetime import UTC, datetime
        >>> suitable = NamedRules.of({"of age": "age >= 18", "suitable": "score >= 700"})
        >>> print(suitable)
        (age >= 18) and (score >= 700)
        >>> suitable.failing({"age": 30, "score": 650}, datetime(2026, 11, 2, tzinfo=UTC))
        ('suitable',)
    """

    parts: tuple[tuple[str, Rule], ...] = field(default=(), kw_only=True)

    @classmethod
    def of(cls, parts: Mapping[str, Rule | str] | Iterable[tuple[str, Rule | str]]) -> NamedRules:
        """Rules by their names.

        Raises:
            ModelError: for no rule at all, and for a name that is no text or empty.
            RuleError: for a text that is no rule.
        """
        pairs = parts.items() if isinstance(parts, Mapping) else parts
        return cls._of(tuple((name, rule if isinstance(rule, Rule) else Rule(rule)) for name, rule in pairs))

    @classmethod
    def _of(cls, parts: tuple[tuple[str, Rule], ...], stages: StageOrder | None = None) -> NamedRules:
        if not parts:
            raise ModelError("an audience of named rules has at least one", field="audience")
        for name, _ in parts:
            given: object = name
            if not isinstance(given, str) or not given:
                raise ModelError(f"a rule of an audience is named by a text, found {name!r}", field="audience")
        text = parts[0][1].text if len(parts) == 1 else " and ".join(f"({rule})" for _, rule in parts)
        return cls(text, stages, parts=parts)

    def _read(self) -> Node:
        trees = tuple(rule.tree for _, rule in self.parts)
        return trees[0] if len(trees) == 1 else Junction(self.text, 1, "and", trees)

    def on_journey(self, stages: StageOrder) -> Rule:
        """The rules with the order of a journey's stages; see `Rule.on_journey`."""
        if self.stages == stages or not self.stages_asked:
            return self
        return self._of(tuple((name, rule.on_journey(stages)) for name, rule in self.parts), stages)

    def failing(self, values: Mapping[str, Any], now: Any) -> tuple[str, ...]:
        """The names of the rules that are not true of a contact; the arguments are those of `test`."""
        return tuple(name for name, rule in self.parts if rule.compiled(values, now) is not True)

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> Any:
        return NamedRules._of, (self.parts, self.stages)


def joined_audience(first: Rule | None, then: Rule | None) -> Rule | None:
    """Two audiences, both of which must hold; None is everybody's.

    Where either has named rules, a rule without a name is named by its own text. Two rules of one name become one that
    asks for both.

    Raises:
        RuleError: if the two are too long together.

    Example:
        >>> print(joined_audience(Rule("age >= 18"), Rule("vip or score > 3")))
        (age >= 18) and (vip or score > 3)
        >>> [name for name, _ in joined_audience(Rule("age >= 18"), NamedRules.of({"suitable": "score > 3"})).parts]
        ['age >= 18', 'suitable']
    """
    if first is None or then is None or first == then:
        return first or then
    if not isinstance(first, NamedRules) and not isinstance(then, NamedRules):
        return Rule(f"({first}) and ({then})")
    found: dict[str, Rule] = {}
    for name, rule in (*_named(first), *_named(then)):
        known = found.get(name, rule)
        found[name] = rule if known == rule else Rule(f"({known}) and ({rule})")
    return NamedRules.of(found)


def _named(rule: Rule) -> tuple[tuple[str, Rule], ...]:
    return rule.parts if isinstance(rule, NamedRules) else ((" ".join(rule.text.split()), rule),)


def audience_of(value: Rule | Mapping[str, Rule | str] | str | None) -> Rule | None:
    """An audience from a rule, a text, or a mapping of named rules."""
    if isinstance(value, str):
        return Rule(value)
    return NamedRules.of(value) if isinstance(value, Mapping) else value
