"""Audience rules: small, safe questions about a contact, such as ``country == "MK" and score >= 40``.

A rule uses the grammar of Python expressions, but never runs as Python: the text is parsed, every node that
is not on a short list is refused, and the rest becomes a tree of `Node` values, which becomes a function or
SQL. A comparison reads a value as the kind of its literal: a number, a truth value, a date or instant, or a text. The
meaning is SQL's logic of true, false and unknown: a missing value, None, NaN or a text of blanks is unknown, so is a
comparison with one or with what cannot be read as the kind that is asked for, and only a rule that is true selects.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.validation import shown
from journeykit.errors import RuleError
from journeykit.rule.reader import read
from journeykit.rule.sql import condition
from journeykit.rule.stage_order import StageOrder
from journeykit.rule.tree import (
    Aggregate,
    AtLeast,
    Call,
    Closure,
    Compare,
    In,
    IsNone,
    Junction,
    Literal,
    Name,
    Node,
    Not,
    Options,
    with_stages,
)
from journeykit.rule.values import Verdict, short, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

__all__ = [
    "Aggregate",
    "AtLeast",
    "Call",
    "Closure",
    "Compare",
    "In",
    "IsNone",
    "Junction",
    "Literal",
    "Name",
    "Node",
    "Not",
    "Operand",
    "Options",
    "Rule",
    "RuleExplanation",
    "StageOrder",
    "Verdict",
]

_MOST_BITS = 14_000
"""Python does not print integers of more than 4,300 digits."""
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
        if typed(self.value)[0] is None:
            return f"{self.text} is unknown"
        if isinstance(self.value, int) and self.value.bit_length() > _MOST_BITS:
            return f"{self.text} is a very long number"
        return f"{self.text} = {short(shown(self.value))}"


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
        return "\n".join(_lines(self, ""))

    def failing(self) -> tuple[RuleExplanation, ...]:
        """The smallest parts because of which the rule is not true.

        Example:
            >>> from datetime import UTC, datetime
            >>> now = datetime(2026, 11, 2, tzinfo=UTC)
            >>> told = Rule("vip and score >= 40").explain({"vip": True, "score": 12}, now)
            >>> [part.line for part in told.failing()]
            ['score >= 40 (score = 12)']
        """
        if self.value is True:
            return ()
        # What is denied fails because it holds, or is not known: it is shown unchanged.
        found = [part for own in self.parts for part in own.failing()]
        return tuple(found) or (self,)

    @property
    def line(self) -> str:
        """The part and the values in it, in one line."""
        operands = ", ".join(dict.fromkeys(map(str, _operands(self))))
        return " ".join(self.text.split()) + (f" ({operands})" if operands else "")

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists; the values of operands stay as they are."""
        return {
            "text": self.text,
            "value": self.value,
            "operands": [{"text": operand.text, "value": operand.value} for operand in self.operands],
            "parts": [part.to_dict() for part in self.parts],
        }


def _operands(told: RuleExplanation) -> Iterator[Operand]:
    yield from told.operands
    for part in told.parts:
        yield from _operands(part)


def _lines(told: RuleExplanation, indent: str) -> Iterator[str]:
    text = re.sub(r"\s*[\r\n]\s*", " ", told.text.strip())
    operands = f"  ({', '.join(map(str, told.operands))})" if told.operands else ""
    yield f"{indent}{_VERDICTS[told.value]}: {text}{operands}"
    for part in told.parts:
        yield from _lines(part, indent + "  ")


def _explainer(node: Node) -> Callable[[Mapping[str, Any], datetime], RuleExplanation]:
    """What explains a part of a rule, compiled once."""
    ask, text = node.truth(), node.text
    if isinstance(node, Junction | Not):
        explainers = [_explainer(part) for part in node.children]

        def explain_parts(values: Mapping[str, Any], now: datetime) -> RuleExplanation:
            return RuleExplanation(text, ask(values, now), parts=tuple(told(values, now) for told in explainers))

        return explain_parts
    closures = {part.text: part.closure() for part in node.walk() if isinstance(part, Name | Call | Aggregate)}

    def explain(values: Mapping[str, Any], now: datetime) -> RuleExplanation:
        operands = tuple(Operand(own, closure(values, now)) for own, closure in closures.items())
        return RuleExplanation(text, ask(values, now), operands=operands)

    return explain


@frozen
class Rule:
    """A question about a contact that is true, false or unknown.

    Two rules are equal when their texts are. As in Python, names are compared in Unicode's form NFKC.

    Attributes:
        text: the rule as the user wrote it, at most 4,000 characters and nested at most 50 deep.
        stages: the order of the stages, which `stage_at_least` asks for. A playbook gives its rules that of its
            journey; in a rule without it, such a call is unknown.

    Raises:
        RuleError: if the text is no rule; the error says what is wrong, what is allowed, and the column,
            counted from 1 over the whole text.

    Example:
        >>> from datetime import UTC, datetime
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
    stages: StageOrder | None = field(default=None, eq=False, repr=False)

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
        return self._read()

    def _read(self) -> Node:
        tree = read(self.text)
        return tree if self.stages is None else with_stages(tree, self.stages)

    def on_journey(self, stages: StageOrder) -> Rule:
        """The rule with the order of a journey's stages, where it asks for that; else the rule itself.

        Example:
            >>> from datetime import UTC, datetime
            >>> order = StageOrder(("awareness", "decision", "lost"), frozenset(["lost"]))
            >>> rule, now = Rule('stage_at_least("decision")').on_journey(order), datetime(2026, 11, 2, tzinfo=UTC)
            >>> [rule.test({"stage": stage}, now) for stage in ("decision", "awareness", "lost", "elsewhere")]
            [True, False, False, None]
        """
        return Rule(self.text, stages) if self.stages != stages and self.stages_asked else self

    @cached_property
    def stages_asked(self) -> tuple[AtLeast, ...]:
        """The calls of `stage_at_least`."""
        return tuple(node for node in self.tree.walk() if isinstance(node, AtLeast))

    @cached_property
    def names(self) -> frozenset[str]:
        """The fields and attributes of the contact that the rule reads.

        Example:
            >>> sorted(Rule('address.city == "Ohrid" and vip').names)
            ['address.city', 'vip']
        """
        return frozenset(node.path for node in self.tree.walk() if isinstance(node, Name))

    @cached_property
    def segments_asked(self) -> tuple[str, ...]:
        """The segments for which the rule asks by their names, as in ``"vip" in segments``."""
        asked = (
            node.item.value
            for node in self.tree.walk()
            if isinstance(node, In)
            and isinstance(node.item, Literal)
            and isinstance(node.item.value, str)
            and isinstance(node.among, Name)
            and node.among.path == "segments"
        )
        return tuple(dict.fromkeys(asked))

    @cached_property
    def asks_time(self) -> bool:
        """Whether the answer depends on the instant at which the rule is asked.

        Example:
            >>> Rule("days_since(last_order) < 90").asks_time, Rule("score >= 40").asks_time
            (True, False)
        """
        return any(
            (isinstance(node, Call) and node.function in ("days_since", "hours_since"))
            or (isinstance(node, Aggregate) and node.length is not None)
            for node in self.tree.walk()
        )

    @cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """What the rule asks of events, each once, in the order of their first appearance."""
        found = {node.key: node for node in self.tree.walk() if isinstance(node, Aggregate)}
        return tuple(found.values())

    @cached_property
    def events(self) -> frozenset[str]:
        """The names of the events that the rule asks about.

        Example:
            >>> sorted(Rule('count("webinar", "90d") >= 2 or days_since("demo") < 7').events)
            ['demo', 'webinar']
        """
        return frozenset(node.event for node in self.aggregates)

    @cached_property
    def compiled(self) -> Callable[[Mapping[str, Any], datetime], Verdict]:
        """The rule as a function of (values, now): the same as `test`, and faster to call often.

        Example:
            >>> from datetime import UTC, datetime
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
            >>> from datetime import UTC, date, datetime
            >>> now = datetime(2026, 11, 2, 9, tzinfo=UTC)
            >>> Rule("days_since(last_order) < 90").test({"last_order": date(2026, 10, 1)}, now)
            True
        """
        return self.compiled(values, now)

    def selects(self, values: Mapping[str, Any], now: datetime) -> bool:
        """Whether the rule is true: unknown does not select.

        Example:
            >>> from datetime import UTC, datetime
            >>> Rule("not (score >= 40)").selects({"score": None}, datetime(2026, 11, 2, tzinfo=UTC))
            False
        """
        return self.compiled(values, now) is True

    @cached_property
    def _explain(self) -> Callable[[Mapping[str, Any], datetime], RuleExplanation]:
        return _explainer(self.tree)

    def explain(self, values: Mapping[str, Any], now: datetime) -> RuleExplanation:
        """What every part of the rule says about one contact; the arguments are those of `test`.

        Example:
            >>> from datetime import UTC, datetime
            >>> now = datetime(2026, 11, 2, 9, tzinfo=UTC)
            >>> print(Rule('score >= 40 and not country == "MK"').explain({"country": "MK"}, now))
            false: score >= 40 and not country == "MK"
              unknown: score >= 40  (score is unknown)
              false: not country == "MK"
                true: country == "MK"  (country = 'MK')
        """
        return self._explain(values, now)

    def to_sql(self) -> str:
        """The rule as an SQL condition that SQLite and DuckDB both take.

        It means the same over columns of one type each. A dotted name is one column, ``"address.city"``.
        SQLite lowers only ASCII letters. ``stage_at_least`` needs the order of the stages: that of a playbook's rules
        is known.

        Raises:
            RuleError: for what the dialects do not share: a look into a list, ``days_since`` and
                ``hours_since``, integers of more than 64 bits, operands of unlike types.

        Example:
            >>> print(Rule('country in ("MK", "RS") and not (score >= 40 or group is None)').to_sql())
            country IN ('MK', 'RS') AND NOT (score >= 40 OR "group" IS NULL)
        """
        try:
            return condition(self.tree)
        except RuleError as error:
            raise RuleError(error.message, text=self.text, column=error.column) from None

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[Rule], tuple[str, StageOrder | None]]:
        return Rule, (self.text, self.stages)
