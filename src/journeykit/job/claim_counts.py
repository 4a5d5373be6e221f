"""What a run counts of claims: whole numbers, which parts of a run add up to exactly, in any order."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import Factory, define

from journeykit.engine.data_needs import DATA_NEEDS, LOSS
from journeykit.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeykit.playbook.playbook import Playbook

NOTHING = "(none)"
KINDS = 100
"""So many kinds of faults are told apart, the first in the order of their texts."""
_SHOWN = 10


class FaultCounts:
    """Claims that are bad themselves, by kind of fault, each with an example.

    Example:
        >>> faults = FaultCounts()
        >>> faults.add("a weight", "a weight is a number, found 'x'")
        >>> list(faults.notes())
        ["a weight is a number, found 'x' (1 claim)"]
    """

    def __init__(self) -> None:
        self._total = 0
        self._kinds: dict[str, tuple[int, str]] = {}

    def add(self, kind: str, example: str, claims: int = 1) -> None:
        """Count some claims of a kind."""
        known, first = self._kinds.get(kind, (0, example))
        self._kinds[kind] = known + claims, min(first, example)
        self._total += claims
        if len(self._kinds) > KINDS:
            # A kind that is let go never comes back: those that are kept are counted in full, in whatever order.
            del self._kinds[max(self._kinds)]

    def merge(self, other: FaultCounts) -> None:
        """Count what another has counted."""
        rest = other._total - sum(claims for claims, _ in other._kinds.values())
        for kind, (claims, example) in other._kinds.items():
            self.add(kind, example, claims)
        self._total += rest

    def notes(self) -> Iterator[str]:
        """What is wrong with the most claims."""
        found = sorted((-claims, kind, example) for kind, (claims, example) in self._kinds.items())[:_SHOWN]
        yield from (f"{example} ({_claims(-less)})" for less, _, example in found)
        rest = self._total - sum(claims for claims, _ in self._kinds.values())
        if rest:
            yield f"claims with other faults ({_claims(rest)})"


@define
class ClaimCounts:
    """What a run counts of contacts and their claims.

    Attributes:
        contacts: how many were decided.
        value: what was granted is worth, in millionths.
        bound: no choice is worth more, likewise.
        unproven: for how many contacts the search ended before the proof.
        drawn: how many contacts were drawn, where the playbook explores.
        without_chance: how many eligible claims have no chance then.
        outcomes: how many claims have each outcome.
        reasons: likewise, each reason.
        rules: how many losing claims each rule stops.
        teams: by team, how many claims have each outcome.
        stages: likewise, by the contact's stage.
        channels: likewise, by channel.
        missing: how many claims lack which data.
        faults: what is wrong with claims that are bad themselves.

    Example:
        >>> first, second = ClaimCounts(contacts=2), ClaimCounts(contacts=3)
        >>> first.merge(second)
        >>> first.contacts
        5
    """

    contacts: int = 0
    value: int = 0
    bound: int = 0
    unproven: int = 0
    drawn: int = 0
    without_chance: int = 0
    outcomes: Counter[str] = Factory(Counter)
    reasons: Counter[str] = Factory(Counter)
    rules: Counter[str] = Factory(Counter)
    teams: dict[str, Counter[str]] = Factory(dict)
    stages: dict[str, Counter[str]] = Factory(dict)
    channels: dict[str, Counter[str]] = Factory(dict)
    missing: Counter[str] = Factory(Counter)
    faults: FaultCounts = Factory(FaultCounts)

    def merge(self, other: ClaimCounts) -> None:
        """Count what was counted elsewhere."""
        for name in ("contacts", "value", "bound", "unproven", "drawn", "without_chance"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("outcomes", "reasons", "rules", "missing"):
            getattr(self, name).update(getattr(other, name))
        for name in ("teams", "stages", "channels"):
            own = getattr(self, name)
            for group, counts in getattr(other, name).items():
                own.setdefault(group, Counter()).update(counts)
        self.faults.merge(other.faults)

    def missing_data(self, playbook: Playbook) -> dict[str, dict[str, Any]]:
        """How many claims lack which data, and what the playbook says to do then."""
        settings = playbook.on_missing
        fixed = {"score": "deny", LOSS: settings.stage}
        return {
            # Without a value of the stage, or a score that is needed, there is one thing to do, and so no setting.
            name: {
                "setting": getattr(settings, name, fixed.get(name, "allow")),
                "claims": self.missing[name],
            }
            for name in DATA_NEEDS
            if self.missing[name]
        }

    def notes(self, playbook: Playbook) -> Iterator[str]:
        """What a person should look at."""
        how = playbook.explore
        if how is not None:
            yield f"explore: {self.drawn:,} of {self.contacts:,} contacts were drawn ({how.method}, {how.draws} draws)"
        if self.without_chance:
            yield (
                f"explore: {self.without_chance:,} eligible claims have no chance: the quotas settled their contacts "
                f"otherwise than prices alone would"
            )
        if self.unproven:
            yield f"the search for {self.unproven:,} contacts ended at the node budget, before the proof"
        yield from self.faults.notes()


def by_outcome(groups: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    """By group, in the order of names, how many claims have each outcome; groups without a claim are left out."""
    return {
        name: {str(own): groups[name][own] for own in Outcome if groups[name][own]}
        for name in sorted(groups)
        if groups[name].total()
    }


def largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by name, the largest first."""
    return dict(sorted(((name, n) for name, n in counts.items() if n), key=lambda item: (-item[1], item[0])))


def _claims(count: int) -> str:
    return f"{count:,} claim{'s' * (count != 1)}"
