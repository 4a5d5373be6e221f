"""What a run counts by arm of its experiments."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from journeykit.basics.validation import MILLIONTH
from journeykit.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeykit.model.decision import Decision

IN_NONE = "(none)"
"""The name of those who are in no arm."""


class ArmCounts:
    """Contacts, their claims by outcome, and the value of what was granted, by arm."""

    def __init__(self) -> None:
        self._contacts: Counter[str | None] = Counter()
        self._values: Counter[str | None] = Counter()
        self._outcomes: dict[str | None, Counter[str]] = {}

    def count(self, decision: Decision) -> None:
        """Count a contact."""
        outcomes = Counter(str(row.outcome) for row in decision.rows)
        self.add(decision.arm, 1, round(decision.total * MILLIONTH), outcomes)

    def add(self, arm: str | None, contacts: int, value: int, outcomes: Mapping[str, int]) -> None:
        """Count several contacts of an arm; the value in millionths."""
        self._contacts[arm] += contacts
        self._values[arm] += value
        self._outcomes.setdefault(arm, Counter()).update(outcomes)

    def merge(self, other: ArmCounts) -> None:
        """Count what another has counted."""
        for arm, outcomes in other._outcomes.items():
            self.add(arm, other._contacts[arm], other._values[arm], outcomes)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """By arm, in the order of names: ``contacts``, ``value`` and the claims with each outcome."""
        return {
            arm or IN_NONE: {
                "contacts": self._contacts[arm],
                "value": self._values[arm] / MILLIONTH,
                **{str(own): self._outcomes[arm][own] for own in Outcome if self._outcomes[arm][own]},
            }
            for arm in sorted(self._outcomes, key=lambda name: (name is None, name))
            if self._contacts[arm]
        }
