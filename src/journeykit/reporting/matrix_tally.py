"""The tally of a messaging matrix: what is counted of contacts, by row."""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from journeykit.reporting.matrix_layout import MatrixLayout, Profile

WHYS: Mapping[str, str] = {
    "suppressed": "suppressed",
    "opted_out": "opted out of all messages",
    "no_content": "no content fits their stage and role",
    "foreign_owner": "another department owns their stage",
    "no_campaign": "no campaign with such content is live",
    "not_in_audience": "in no such campaign's audience",
    "holdout": "held out",
    "no_consent": "no consent for such a channel or topic",
    "missing_data": "data is missing that the playbook asks for",
}
"""Why nobody can address a contact: the step at which the last message falls out, in this order."""


class MatrixTally:
    """Counts contacts by profile.

    A row of counts has, one after the other: the contacts, those whom a message can address, those whom none can by
    each of `WHYS`, those who can be reached by each channel, those whom each message can address, those whom some
    message of each column can, and those whom some message of each channel can.

    Attributes:
        counts: by profile, the counts.
        every: the counts of all contacts, each once.
        met: by conflict, first and then campaign, how many contacts both can address.
    """

    def __init__(self, layout: MatrixLayout) -> None:
        self.layout = layout
        self.counts: dict[Profile, list[int]] = {}
        channels = len(layout.channels)
        sizes = (1, 1, len(WHYS), channels, len(layout.messages), len(layout.columns), channels)
        ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
        self._parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        self.width = ends[-1]
        self.every = [0] * self.width
        self.met = [[[0] * len(then) for _ in first] for first, then in layout.sides]

    def add(self, profiles: Iterable[Profile], counts: Sequence[int]) -> None:
        """Count a contact, or several of one kind, in each of their rows; each profile is there once."""
        self.every = list(map(add, self.every, counts))
        for profile in profiles:
            self.add_to(profile, counts)

    def add_to(self, profile: Profile, counts: Sequence[int]) -> None:
        """Count contacts in one row, and not among all."""
        before = self.counts.get(profile)
        self.counts[profile] = list(counts) if before is None else list(map(add, before, counts))

    def counts_of(self, why: str | None, reach: Iterable[bool], eligible: Sequence[bool], number: int = 1) -> list[int]:
        """The counts of one contact.

        Args:
            why: why nobody can address them, one of `WHYS`; None where somebody can.
            reach: by channel, whether they can be reached.
            eligible: by message, whether it can address them.
            number: how many such contacts there are.
        """
        groups = (*self.layout.members, *self.layout.carried)
        some = (any(eligible[place] for place in members) for members in groups)
        whys = (why == name for name in WHYS)
        return [number * int(own) for own in (True, why is None, *whys, *reach, *eligible, *some)]

    def meet(self, eligible: Sequence[bool]) -> None:
        """Count the pairs of campaigns that a conflict keeps apart and that both can address a contact."""
        for table, (first, then) in zip(self.met, self.layout.sides, strict=True):
            inside = [any(eligible[place] for place in places) for places in then.values()]
            for row, places in zip(table, first.values(), strict=True):
                if any(eligible[place] for place in places):
                    row[:] = map(add, row, inside)

    def part(self, counts: Sequence[int], number: int) -> Sequence[int]:
        """A part of a row of counts, by its place in the order above."""
        return counts[self._parts[number]]
