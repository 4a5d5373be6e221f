"""Unknowns: of which contacts a rule cannot be told, and which cells no comparison can read.

Both are counted in every run over tables: a rule that is unknown is not true, and nobody would see that.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from journeykit.civil import clock, micros
from journeykit.fields import shown
from journeykit.mismatch import WRONG_TYPE
from journeykit.rule.tree import Name, looks_of
from journeykit.rule.values import MOMENT, NUMBER, READERS, TRUTH, is_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from journeykit.arbiter import Arbiter
    from journeykit.contact import Contact
    from journeykit.mismatch import Mismatches
    from journeykit.playbook import Playbook
    from journeykit.rule import Rule
    from journeykit.rule.tree import Closure

_ASKED: Mapping[str, str] = {
    NUMBER: "numbers such as 50.5",
    TRUTH: "true or false",
    MOMENT: "dates or instants such as 2026-11-05 or 2026-11-05T10:00:00Z",
}
_OWN_FIELDS = frozenset({"id", "account", "role", "stage", "segments", "timezone", "interests", "persona"})


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


class Unknowns:
    """Counts contacts of whom an audience is unknown, and cells that cannot be read as what rules compare with.

    Args:
        arbiter: whose playbook it is.
        at: the instant of the decisions, aware.

    Attributes:
        readings: the attributes that rules read as numbers, truth values or instants.
        rules: the audiences of campaigns and caps, by their texts.
    """

    def __init__(self, arbiter: Arbiter, at: datetime) -> None:
        self.playbook = arbiter.playbook
        self._vocabulary = arbiter.compiled.vocabulary
        self._now = micros(at)
        self.rules: dict[str, Rule] = {}
        for _, rule in self._labels():
            self.rules.setdefault(str(rule), rule)
        self.readings = list(_readings(self.playbook))
        self.unknown: Counter[str] = Counter()
        # By place of the reading: cells that are not empty, those that cannot be read, and the first of these by text.
        self._filled = [0] * len(self.readings)
        self._wrong = [0] * len(self.readings)
        self._examples: list[str | None] = [None] * len(self.readings)

    def count(self, contact: Contact) -> None:
        """Count one contact."""
        if not self.rules and not self.readings:
            return
        contact = self._vocabulary.contact(contact)
        local = clock(contact.timezone or self.playbook.timezone).moment(self._now)
        if self.playbook.segments:
            contact = self.playbook.segmented(contact, local)
        values = contact.values()
        for text, rule in self.rules.items():
            if rule.compiled(values, local) is None:
                self.unknown[text] += 1
        for place, reading in enumerate(self.readings):
            value = reading.get(values, local)
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

    def by_rule(self) -> dict[str, int]:
        """Of how many contacts each audience is unknown, where it is of any: by campaign, then by cap."""
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

    def tell(self, mismatches: Mismatches) -> None:
        """Tell of the cells that cannot be read."""
        for place, reading in enumerate(self.readings):
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


def _readings(playbook: Playbook) -> Iterator[Reading]:
    rules = [campaign.audience for campaign in playbook.campaigns or ()]
    rules += [cap.audience for cap in playbook.caps]
    rules += [segment.rule for segment in playbook.segments]
    met = set()
    for rule in rules:
        for path, kind, text in () if rule is None else looks_of(rule.tree):
            if kind in _ASKED and path not in _OWN_FIELDS and (path, kind) not in met:
                met.add((path, kind))
                yield Reading(path, str(kind), text)
