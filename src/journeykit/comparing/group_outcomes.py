"""What groups of contacts get from one side, and whether that is more or less than what all others get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from journeykit.basics.validation import MILLIONTH
from journeykit.measuring.arm_outcomes import ArmOutcomes
from journeykit.measuring.differences import Difference
from journeykit.measuring.ratio_interval import Draws, Ratio
from journeykit.measuring.tails import student_reach

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from journeykit.segments.group_facet import GroupFacet

    Numbers = NDArray[np.int64]


@frozen(kw_only=True)
class GroupOutcome:
    """What a group of contacts gets.

    Attributes:
        group: what it is called; None for contacts without a value.
        contacts: how many contacts are in it.
        rate: of the claims that could be granted, how many were; the interval is by contact.
        reached: the share of contacts who get a message, less that of all other contacts.
        messages: messages per contact, less those of all others.
        value: the value of the messages per contact, less that of all others.
    """

    group: str | None
    contacts: int
    rate: Ratio
    reached: Difference
    messages: Difference
    value: Difference

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        found = {name: _plain(getattr(self, name)) for name in ("reached", "messages", "value")}
        return {"group": self.group, "contacts": self.contacts, "rate": self.rate.to_dict(), **found}


def _plain(found: Difference) -> dict[str, Any]:
    low, high = found.fixed or (None, None)
    named = {"mean": found.arm.mean, "others": found.against.mean, "difference": found.difference}
    return {**named, "low": low, "high": high}


@frozen(kw_only=True)
class GroupOutcomes:
    """What groups of contacts get from one side.

    Attributes:
        by: the column that tells them apart.
        side: what the side is called.
        level: the level of confidence of the intervals.
        groups: the groups.
    """

    by: str
    side: str
    level: float
    groups: tuple[GroupOutcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        groups = [own.to_dict() for own in self.groups]
        return {"by": self.by, "side": self.side, "level": self.level, "groups": groups}


@frozen(kw_only=True)
class MeanChange:
    """How much more each contact of a group gets from one side than from the first, on average.

    Attributes:
        mean: the mean over the contacts.
        low: the lower end of its interval, by Student's distribution; None of fewer than two contacts, and where all
            contacts change alike.
        high: its upper end.
    """

    mean: float
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"mean": self.mean, "low": self.low, "high": self.high}


@frozen(kw_only=True)
class GroupChange:
    """What another side changes for a group of contacts.

    Attributes:
        group: what it is called; None for contacts without a value.
        contacts: how many of its contacts both sides decided.
        messages: how many more messages a contact gets.
        value: how much more their messages are worth, each side's by its own weights.
    """

    group: str | None
    contacts: int
    messages: MeanChange
    value: MeanChange

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        changes = {"messages": self.messages.to_dict(), "value": self.value.to_dict()}
        return {"group": self.group, "contacts": self.contacts, **changes}


def group_outcomes(
    facet: GroupFacet, contact: Numbers, counts: Mapping[str, Numbers], *, by: str, side: str, level: float = 0.95
) -> GroupOutcomes:
    """Compare each group of contacts with all contacts that are not in it.

    Shares have Newcombe's interval, means have Welch's (`journeykit.measuring.Difference`); each contact is one unit.

    Args:
        facet: the groups.
        contact: the contacts, by their numbers in the groups.
        counts: by contact, the claims that could be granted (``eligible``), those that were (``granted``), and their
            ``value`` in millionths.
        by: the column that tells the groups apart.
        side: what decided.
        level: the level of confidence.

    Raises:
        ModelError: for a level that is not between 0 and 1.
    """
    granted, value = counts["granted"].astype(np.float64), counts["value"] / MILLIONTH
    means = {
        "reached": _against_others(facet, contact, (granted > 0).astype(np.float64), level),
        "messages": _against_others(facet, contact, granted, level),
        "value": _against_others(facet, contact, value, level),
    }
    rates = _rates(facet, contact, counts["eligible"], counts["granted"], Draws(level=level))
    sizes = facet.sums(contact).tolist()
    return GroupOutcomes(
        by=by,
        side=side,
        level=level,
        groups=tuple(
            GroupOutcome(
                group=group_name(label),
                contacts=sizes[place],
                rate=rates[place],
                **{name: found[place] for name, found in means.items()},
            )
            for place, label in enumerate(facet.labels)
            if sizes[place]
        ),
    )


def group_changes(
    facet: GroupFacet, contact: Numbers, messages: Numbers, value: Numbers, level: float
) -> tuple[GroupChange, ...]:
    """What another side changes for each group of contacts: the mean of the differences of each contact.

    Args:
        facet: the groups.
        contact: the contacts that both sides decided, by their numbers in the groups.
        messages: by contact, how many more messages there are.
        value: by contact, how much more they are worth, in millionths.
        level: the level of confidence.
    """
    more = _mean_changes(facet, contact, messages.astype(np.float64), level)
    worth = _mean_changes(facet, contact, value / MILLIONTH, level)
    return tuple(
        GroupChange(group=group_name(label), contacts=count, messages=more[place], value=worth[place])
        for place, (label, count) in enumerate(zip(facet.labels, facet.sums(contact).tolist(), strict=True))
        if count
    )


def group_name(label: tuple[str | None, ...]) -> str | None:
    """What a group is called."""
    return label[0] if len(label) == 1 else " * ".join("(none)" if part is None else part for part in label)


def _against_others(facet: GroupFacet, contact: Numbers, values: NDArray[np.float64], level: float) -> list[Difference]:
    """By group, the mean of its contacts less that of all others."""
    parts = [(facet.sums(contact, own), own.sum()) for own in _moments(values)]
    found = []
    for place in range(len(facet.labels)):
        own = [float(sums[place]) for sums, _ in parts]
        rest = [float(whole - sums[place]) for sums, whole in parts]
        found.append(Difference.between(_outcomes("group", own), _outcomes("others", rest), level=level))
    return found


def _moments(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """What sums are made of: one for each contact, whether there is something, how much, and its square."""
    return np.ones(len(values)), (values != 0).astype(np.float64), values, values * values


_ROUNDING = 1e-10
"""A spread below this share of the squares is that of rounding: such values are alike."""


def _outcomes(name: str, sums: list[float]) -> ArmOutcomes:
    contacts, some, total, squares = sums
    alike = total * total / contacts if contacts else 0.0
    if abs(squares - alike) <= _ROUNDING * squares:
        squares = alike
    return ArmOutcomes.counted(name, round(contacts), round(some), total, squares)


def _mean_changes(facet: GroupFacet, contact: Numbers, values: NDArray[np.float64], level: float) -> list[MeanChange]:
    sums = [facet.sums(contact, own) for own in _moments(values)]
    return [
        _mean_change(_outcomes("group", [float(own[place]) for own in sums]), level)
        for place in range(len(facet.labels))
    ]


def _mean_change(found: ArmOutcomes, level: float) -> MeanChange:
    mean = found.mean or 0.0
    if not found.error:
        return MeanChange(mean=mean, low=None, high=None)
    half = student_reach(level, found.contacts - 1) * found.error
    return MeanChange(mean=mean, low=mean - half, high=mean + half)


def _rates(facet: GroupFacet, contact: Numbers, whole: Numbers, part: Numbers, draws: Draws) -> list[Ratio]:
    """By group, of the claims that could be granted how many were."""
    place, label = facet.spread(contact)
    kept = whole[place] > 0
    place, label = place[kept], label[kept]
    order = np.argsort(label, kind="stable")
    ends = np.searchsorted(label[order], np.arange(len(facet.labels) + 1))
    return [
        Ratio.of(whole[own], part[own], draws, f"{place}")
        for place, own in enumerate(np.split(place[order], ends[1:-1]) if len(facet.labels) else [])
    ]
