"""Unknowns: the contacts of which a rule is unknown, and which cells no comparison can read.

Both are counted in every run over tables: a rule that is unknown is not true, and nobody would see that.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from journeykit.basics.clock import EPOCH, clock, micros
from journeykit.basics.validation import shown
from journeykit.model.mismatch import WRONG_TYPE
from journeykit.playbook.vocabulary import hours_and_holidays, rules_of
from journeykit.rule.expression import Expression
from journeykit.rule.looks import looks_of
from journeykit.rule.tree import Name
from journeykit.rule.values import MOMENT, NUMBER, READERS, TEXT, TRUTH, is_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.engine.decider import Decider
    from journeykit.model.contact import Contact
    from journeykit.model.mismatch import Mismatches
    from journeykit.playbook.playbook import Playbook
    from journeykit.rule import Rule
    from journeykit.rule.tree import Closure

_ASKED: Mapping[str, str] = {
    NUMBER: "numbers such as 50.5",
    TRUTH: "true or false",
    MOMENT: "dates or instants such as 2026-11-05 or 2026-11-05T10:00:00Z",
    TEXT: "a text (what a list holds is asked with 'in')",
}
_LISTS = frozenset({"segments", "interests"})
"""Fields that are lists whatever the table: `Playbook.check` tells of a rule that compares them with one value."""


class Reading:
    """An attribute, and the kind as which rules read it.

    Attributes:
        path: the attribute.
        kind: the kind.
        part: the first comparison that asks.
        get: reads the attribute from the values of a contact.
        read: reads a value as the kind; None where it cannot be.
    """

    def __init__(self, path: str, kind: str, part: str) -> None:
        self.path = path
        self.kind = kind
        self.part = part
        self.get: Closure = Name(path, 1, path).closure()
        self.read: Callable[[Any], Any] = READERS[kind]


class CellCounts(NamedTuple):
    """What was counted of the cells of one reading.

    Attributes:
        filled: how many are not empty.
        wrong: how many of them cannot be read.
        example: of these the first by text.
    """

    filled: int
    wrong: int
    example: str | None

    def plus(self, other: CellCounts) -> CellCounts:
        """Both together."""
        examples = [own for own in (self.example, other.example) if own is not None]
        return CellCounts(self.filled + other.filled, self.wrong + other.wrong, min(examples, default=None))


class Readings:
    """Counts cells that cannot be read as what rules compare with.

    Attributes:
        list: the attributes and fields that rules read, each with the kind as which they do.

    Example:
        >>> from journeykit import Playbook
        >>> from journeykit.model.mismatch import Mismatches
        >>> playbook = Playbook.from_dict({"campaigns": [{"id": "launch", "audience": "score >= 40"}]})
        >>> readings, found = Readings(playbook), Mismatches()
        >>> readings.count({"score": "50%"}), readings.count({"score": "50"}), readings.tell(found)
        (None, None, None)
        >>> [(mismatch.column, mismatch.found, mismatch.rows) for mismatch in found]
        [('score', "'50%'", 1)]
    """

    def __init__(self, playbook: Playbook) -> None:
        self.list = list(_readings(playbook))
        # By place of the reading: cells that are not empty, those that cannot be read, and the first of these by text.
        self._filled = [0] * len(self.list)
        self._wrong = [0] * len(self.list)
        self._examples: list[str | None] = [None] * len(self.list)

    def count(self, values: Mapping[str, Any]) -> None:
        """Count the values of one contact."""
        for place, reading in enumerate(self.list):
            value = reading.get(values, EPOCH)
            if not is_empty(value):
                wrong = reading.read(value) is None
                self.add_cells(place, 1, int(wrong), shown(value) if wrong else None)

    def add_cells(self, place: int, filled: int, wrong: int, example: str | None) -> None:
        """Count some cells of a reading: those that are not empty, those that cannot be read, and one of these."""
        self._filled[place] += filled
        self._wrong[place] += wrong
        if example is not None:
            known = self._examples[place]
            self._examples[place] = example if known is None else min(known, example)

    def counted(self) -> list[CellCounts]:
        """What was counted so far, by place of the reading."""
        return [CellCounts(*own) for own in zip(self._filled, self._wrong, self._examples, strict=True)]

    def add(self, counted: Sequence[CellCounts]) -> None:
        """Count what was counted elsewhere, under the same playbook."""
        for place, own in enumerate(counted):
            self.add_cells(place, *own)

    def filled(self) -> dict[str, int]:
        """By attribute, how many cells are not empty."""
        found: dict[str, int] = {}
        for reading, filled in zip(self.list, self._filled, strict=True):
            found.setdefault(reading.path, filled)
        return found

    def tell(self, mismatches: Mismatches) -> None:
        """Tell of the cells that cannot be read."""
        for place, reading in enumerate(self.list):
            filled, wrong = self._filled[place], self._wrong[place]
            if wrong:
                effect = f"{reading.part!r} is unknown for these contacts"
                if 2 * wrong > filled:
                    effect += f", more than half of the {filled:,} whose cell is not empty"
                mismatches.add(
                    "contacts",
                    reading.path,
                    WRONG_TYPE,
                    self._examples[place] or "",
                    rows=wrong,
                    expected=_ASKED[reading.kind],
                    effect=effect,
                )


class Unknowns:
    """Counts contacts of whom an audience is unknown, and cells that cannot be read as what rules compare with.

    Args:
        decider: the playbook, compiled.
        at: the instant of the decisions, aware.

    Attributes:
        readings: the cells that cannot be read.
        rules: the audiences of campaigns, caps and hours, and the rules of levers, by their texts.
    """

    def __init__(self, decider: Decider, at: datetime) -> None:
        self.playbook = decider.playbook
        self._vocabulary = decider.ruleset.vocabulary
        self._now = micros(at)
        self.rules: dict[str, Rule] = {}
        for _, rule in self._labels():
            self.rules.setdefault(str(rule), rule)
        self.readings = Readings(self.playbook)
        self.unknown: Counter[str] = Counter()

    def count(self, contact: Contact) -> None:
        """Count one contact."""
        if not self.rules and not self.readings.list:
            return
        contact = self._vocabulary.contact(contact)
        local = clock(contact.timezone or self.playbook.timezone).moment(self._now)
        if self.playbook.segments:
            contact = self.playbook.segmented(contact, local)
        values = contact.values()
        for text, rule in self.rules.items():
            if rule.compiled(values, local) is None:
                self.unknown[text] += 1
        self.readings.count(values)

    def by_rule(self) -> dict[str, int]:
        """Of how many contacts each audience is unknown, where it is of any: of campaigns, caps, then hours."""
        found = {}
        for label, rule in self._labels():
            if self.unknown[str(rule)]:
                found[label] = self.unknown[str(rule)]
        return found

    def _labels(self) -> Iterator[tuple[str, Rule]]:
        for campaign in self.playbook.campaigns or ():
            if campaign.audience is not None:
                yield f"audience of {campaign.id}", campaign.audience
        for cap in self.playbook.caps:
            if cap.audience is not None:
                yield f"audience of the cap {cap.name!r}", cap.audience
        for lever in self.playbook.levers:
            if lever.when is not None:
                yield f"when of the lever {lever.name!r}", lever.when
        for _, words, hours in hours_and_holidays(self.playbook):
            if hours.audience is not None:
                yield f"audience of the {words} {hours.label!r}", hours.audience


def _readings(playbook: Playbook) -> Iterator[Reading]:
    met = set()
    for _, rule in rules_of(playbook):
        for path, kind, text in looks_of(rule.tree):
            if kind in _ASKED and path not in _LISTS and (path, kind) not in met:
                met.add((path, kind))
                yield Reading(path, str(kind), text)
    for campaign in playbook.campaigns or ():
        for path in campaign.weight.attributes if isinstance(campaign.weight, Expression) else ():
            if (path, NUMBER) not in met:
                met.add((path, NUMBER))
                yield Reading(path, NUMBER, f"the weight of {campaign.id}")
