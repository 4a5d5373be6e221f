"""How one side of a comparison differs from the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from journeykit.comparing.group_outcomes import GroupChange
from journeykit.comparing.playbook_change import PlaybookChange, changes_told

if TYPE_CHECKING:
    from collections.abc import Iterator

FIGURES = ("contacts", "claims", "granted", "deferred", "denied", "value")
"""What is counted of a group."""


@frozen(kw_only=True)
class GroupFigures:
    """What one side decided of a group.

    Attributes:
        claims: how many claims.
        granted: how many of them were granted: messages.
        deferred: how many wait.
        denied: how many are denied.
        value: the weights of the messages.
        contacts: how many contacts are in the group; None for groups of claims.
    """

    claims: int = 0
    granted: int = 0
    deferred: int = 0
    denied: int = 0
    value: float = 0.0
    contacts: int | None = None


NO_FIGURES = GroupFigures()


@frozen(kw_only=True)
class GroupDifference:
    """A group before and after.

    Attributes:
        group: what it is called; None for what has no value.
        first: what the first side decided of it.
        other: what the other did.
    """

    group: str | None
    first: GroupFigures = NO_FIGURES
    other: GroupFigures = NO_FIGURES

    def cells(self) -> dict[str, Any]:
        """Both sides' figures by the names of the table's columns."""
        sides = (("first", self.first), ("other", self.other))
        return {f"{side}_{name}": getattr(own, name) for side, own in sides for name in FIGURES}

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"group": self.group, "first": asdict(self.first), "other": asdict(self.other)}


@frozen(kw_only=True)
class Swap:
    """Contacts who get one campaign from the first side and not from the other, and another one the other way round.

    Attributes:
        lost: the campaign that they get from the first side alone; None where they lose nothing.
        gained: the campaign that they get from the other alone; None where they gain nothing.
        contacts: how many.
        examples: the first of them: ``contact``; ``lost``, what the other side says of the campaign that is lost, and
            ``gained``, what the first says of the one that is gained: ``outcome``, ``reason`` and ``rule``, or None
            where it has no such claim.
    """

    lost: str | None
    gained: str | None
    contacts: int
    examples: tuple[Mapping[str, Any], ...] = ()

    def told(self) -> str:
        """The first example in words."""
        if not self.examples:
            return ""
        first = self.examples[0]
        parts = []
        if self.lost is not None:
            parts.append(f"then {_why(first['lost'])}")
        if self.gained is not None:
            parts.append(f"before {_why(first['gained'])}")
        return f"{cut(str(first['contact']))}: {', '.join(parts)}"

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        examples = [dict(own) for own in self.examples]
        return {"lost": self.lost, "gained": self.gained, "contacts": self.contacts, "examples": examples}


def _why(said: Mapping[str, Any] | None) -> str:
    if said is None:
        return "no claim"
    rule = said["rule"]
    return said["reason"] if rule is None else f"{said['reason']} ({cut(rule)})"


def cut(name: str) -> str:
    """A name that fits a sentence."""
    return name if len(name) <= 30 else f"{name[:27]}..."


@frozen(kw_only=True)
class StateChange:
    """Claims of a campaign whose answer is another one.

    Attributes:
        campaign: the campaign.
        before: outcome and reason of the first side, as ``denied: capped``; ``no claim`` where it has none.
        after: that of the other.
        claims: how many.
    """

    campaign: str | None
    before: str
    after: str
    claims: int

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


@frozen(kw_only=True)
class PairComparison:
    """How one side differs from the first.

    Attributes:
        first: what the first side is called.
        other: what the other is called.
        contacts: contacts of whom both have a decision.
        only_first: contacts of whom only the first has one.
        only_other: contacts of whom only the other has one.
        claims: claims of contacts of both that either has.
        changed: those of them whose outcome or reason differs, or that only one has.
        weights: those that both weigh, and differently.
        value_by_first: the value of the other's messages as the first weighs them, so that it can be compared.
        unweighed: messages of the other that the first does not weigh, such as those of new campaigns.
        moved: messages of both that go out at different instants.
        same: contacts of both who get the same messages.
        more: contacts who get more messages from the other.
        fewer: contacts who get fewer.
        instead: contacts who get as many, but others.
        richer: contacts whose messages are worth more by the other.
        poorer: contacts whose messages are worth less.
        by: by what groups are formed, the groups; the largest change of messages first.
        by_groups: by column of `compare(by=...)`, what the other changes for each group of contacts.
        by_messages: by number of messages of the first and of the other, how many contacts.
        swaps: what contacts get instead, the most frequent first.
        changes: claims whose answer changes, the most frequent first.
        rules: where the playbooks differ; None for tables of decisions.
    """

    first: str
    other: str
    contacts: int
    only_first: int
    only_other: int
    claims: int
    changed: int
    weights: int
    value_by_first: float
    unweighed: int
    moved: int
    same: int
    more: int
    fewer: int
    instead: int
    richer: int
    poorer: int
    by: Mapping[str, tuple[GroupDifference, ...]] = field(factory=dict)
    by_groups: Mapping[str, tuple[GroupChange, ...]] = field(factory=dict)
    by_messages: Mapping[tuple[int, int], int] = field(factory=dict)
    swaps: tuple[Swap, ...] = ()
    changes: tuple[StateChange, ...] = ()
    rules: tuple[PlaybookChange, ...] | None = None

    @property
    def is_changed(self) -> bool:
        """Whether anything that matters differs: a claim's outcome, reason, weight or instant, or the contacts."""
        return bool(self.changed or self.weights or self.moved or self.only_first or self.only_other)

    def verdict(self) -> str:
        """The finding in a sentence."""
        if not self.is_changed:
            return f"no change: {self.claims:,} claims of {self.contacts:,} contacts have the same answers"
        if not self.contacts:
            return "no contact is in both"
        if not (self.more or self.fewer or self.instead):
            return f"all {self.contacts:,} contacts get the same messages"
        return (
            f"of {self.contacts:,} contacts {self.more:,} get more messages, {self.fewer:,} fewer, "
            f"{self.instead:,} others instead, {self.same:,} the same"
        )

    def details(self) -> Iterator[str]:
        """What else differs, in sentences."""
        if self.rules is not None:
            told = changes_told(self.rules)
            is_silent = not self.is_changed and any(not own.is_wording for own in self.rules)
            yield f"{told}, which changes nothing for these contacts" if is_silent else told
        if self.moved:
            yield f"{self.moved:,} messages go out at another time"
        if self.changed:
            yield f"{self.changed:,} of {self.claims:,} claims have another answer"
        if self.weights:
            yield (
                f"{self.weights:,} claims weigh otherwise, so that the two values are not in one measure: as "
                f"{cut(self.first)} weighs them, the messages of {cut(self.other)} are worth {self.value_by_first:,.2f}"
            )
        if self.unweighed and self.contacts:
            yield f"{self.unweighed:,} messages of {cut(self.other)} have no weight by {cut(self.first)}"
        for count, name in ((self.only_first, self.first), (self.only_other, self.other)):
            if count:
                yield f"{count:,} contacts are in {cut(name)} alone"

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = ("first", "other", "is_changed", "contacts", "only_first", "only_other", "claims", "changed", "weights")
        more = ("value_by_first", "unweighed", "moved", "same", "more", "fewer", "instead", "richer", "poorer")
        return {
            **{name: getattr(self, name) for name in (*names, *more)},
            "verdict": self.verdict(),
            "details": list(self.details()),
            "by": {by: [own.to_dict() for own in groups] for by, groups in self.by.items()},
            "by_groups": {by: [own.to_dict() for own in groups] for by, groups in self.by_groups.items()},
            "by_messages": [
                {"first": one, "other": other, "contacts": count}
                for (one, other), count in sorted(self.by_messages.items())
            ],
            "swaps": [own.to_dict() for own in self.swaps],
            "changes": [own.to_dict() for own in self.changes],
            "rules": None if self.rules is None else [own.to_dict() for own in self.rules],
        }
