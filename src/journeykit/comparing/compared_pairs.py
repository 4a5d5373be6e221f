"""Comparing sides while their contacts pass, and what comes of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.validation import MILLIONTH
from journeykit.comparing.claim_places import ABSENT, ClaimPlaces
from journeykit.comparing.comparison_report import ComparedSide
from journeykit.comparing.decided_rows import GRANTED, OUTCOMES, REASONS
from journeykit.comparing.group_outcomes import group_changes, group_name, group_outcomes
from journeykit.comparing.pair_comparison import (
    GroupDifference,
    GroupFigures,
    PairComparison,
    StateChange,
    Swap,
)
from journeykit.comparing.pair_tally import PairTally
from journeykit.comparing.playbook_change import playbook_changes
from journeykit.comparing.side_tally import COUNTS, ELIGIBLE, SideTally
from journeykit.comparing.swap_tally import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from journeykit.comparing.decided_blocks import ComparedBlock
    from journeykit.comparing.decided_rows import RowReader
    from journeykit.comparing.group_outcomes import GroupChange, GroupOutcomes
    from journeykit.comparing.playbook_change import PlaybookChange
    from journeykit.playbook.playbook import Playbook
    from journeykit.segments.contact_facets import ContactGroups

    Numbers = NDArray[np.int64]

FACETS = ("team", "channel", "campaign")
"""What claims are told apart by; contacts are by segment and stage besides, where their table is given."""


class ComparedPairs:
    """Compares several sides with the first of them.

    Args:
        reader: what reads their rows.
        names: what they are called.
        groups: the contacts by segment, stage and whatever else is asked for; None without their table.
        by: what contacts are told apart by.
        compared: the columns whose groups are compared with each other.
        level: the level of confidence of their intervals.
    """

    def __init__(
        self,
        reader: RowReader,
        names: Sequence[str],
        groups: ContactGroups | None,
        by: Sequence[str],
        compared: Sequence[str] = (),
        level: float = 0.95,
    ) -> None:
        self._reader = reader
        self._names = names
        self._groups = groups
        self._by = by
        self._compared = compared
        self._level = level
        self.tallies = [SideTally(counts_eligible=bool(compared)) for _ in names]
        self._pairs = [PairTally(other, reader) for other in range(1, len(names))]
        self._found: list[NDArray[np.int64]] = []

    def add(self, blocks: Iterable[ComparedBlock]) -> None:
        """Compare what was decided of contacts."""
        claims = self._reader.claims
        for block in blocks:
            for tally, rows, decided in zip(self.tallies, block.rows, block.decided, strict=True):
                tally.add(rows, block.start, decided, len(claims.facets))
            stop = block.start + len(block.ids)
            if self._pairs:
                places = ClaimPlaces.of(block.rows, claims.keys, claims.key_count, block.start, stop)
                for pair in self._pairs:
                    pair.add(block, places)
            self._found.append(self._group_numbers(block.ids))

    def _group_numbers(self, ids: pa.Array) -> NDArray[np.int64]:
        return np.zeros(0, np.int64) if self._groups is None else self._groups.find(ids)

    def notes(self) -> Iterator[str]:
        """What is to be said of the contacts."""
        if self._groups is None:
            return
        decided = np.logical_or.reduce([tally.decided for tally in self.tallies])
        unknown = int(np.count_nonzero((self._contact < 0) & decided))
        if unknown:
            yield f"contacts that the table of contacts does not have, in no segment and on no stage: {unknown:,}"
        if self._groups.bad_rows:
            yield f"{self._groups.source}: rows that cannot be used: {self._groups.bad_rows:,}"

    def side(self, place: int, playbooks: Sequence[str], notes: Sequence[str]) -> ComparedSide:
        """What one side decided."""
        tally = self.tallies[place]
        states = tally.states.sum(axis=0).reshape(len(REASONS), len(OUTCOMES))
        outcomes = {own.value: int(n) for own, n in zip(OUTCOMES, states.sum(axis=0), strict=True)}
        reasons = {own.value: int(n) for own, n in zip(REASONS, states.sum(axis=1), strict=True) if n}
        return ComparedSide(
            name=self._names[place],
            playbooks=tuple(playbooks),
            contacts=int(np.count_nonzero(tally.decided)),
            reached=int(np.count_nonzero(tally.by_contact("granted"))),
            outcomes=outcomes,
            reasons=dict(sorted(reasons.items(), key=lambda own: (-own[1], own[0]))),
            value=int(tally.value.sum()) / MILLIONTH,
            notes=tuple(notes),
        )

    def groups(self) -> tuple[GroupOutcomes, ...]:
        """What groups of contacts get from each side."""
        found: list[GroupOutcomes] = []
        groups = self._groups
        if groups is None:
            return ()
        for by in self._compared:
            for name, tally in zip(self._names, self.tallies, strict=True):
                facet, decided = groups.facet(by), tally.decided
                counts = {name: tally.by_contact(name)[decided] for name in (ELIGIBLE, "granted", "value")}
                contact = self._contact[decided]
                found.append(group_outcomes(facet, contact, counts, by=by, side=name, level=self._level))
        return tuple(found)

    def _changes_by_group(
        self, both: NDArray[np.bool_], more: Numbers, worth: Numbers
    ) -> Mapping[str, tuple[GroupChange, ...]]:
        if self._groups is None:
            return {}
        contact = self._contact[both]
        return {by: group_changes(self._groups.facet(by), contact, more, worth, self._level) for by in self._compared}

    @property
    def _contact(self) -> Numbers:
        """The numbers of contacts among the groups."""
        return np.concatenate([np.zeros(0, np.int64), *self._found])

    def pairs(self, playbooks: Sequence[Playbook] = ()) -> tuple[PairComparison, ...]:
        """How each of the others differs from the first.

        Args:
            playbooks: what the sides decide by, where that is known.
        """
        rules: list[tuple[PlaybookChange, ...] | None] = [None] * len(self._pairs)
        if playbooks:
            rules = [playbook_changes(playbooks[0], other) for other in playbooks[1:]]
        return tuple(self._pair(place, *own) for place, own in enumerate(zip(self._pairs, rules, strict=True), 1))

    def _pair(self, place: int, pair: PairTally, rules: tuple[PlaybookChange, ...] | None) -> PairComparison:
        first, other = self.tallies[0], self.tallies[place]
        both = first.decided & other.decided
        got = [own.by_contact("granted")[both] for own in (first, other)]
        worth = [own.by_contact("value")[both] for own in (first, other)]
        touched = pair.touched[both]
        return PairComparison(
            first=self._names[0],
            other=self._names[place],
            contacts=int(np.count_nonzero(both)),
            only_first=int(np.count_nonzero(first.decided & ~other.decided)),
            only_other=int(np.count_nonzero(other.decided & ~first.decided)),
            claims=pair.claims,
            changed=sum(pair.changes.values()),
            weights=pair.weights,
            value_by_first=pair.by_first / MILLIONTH,
            unweighed=pair.unweighed,
            moved=pair.moved,
            same=int(np.count_nonzero(~touched)),
            more=int(np.count_nonzero(got[1] > got[0])),
            fewer=int(np.count_nonzero(got[1] < got[0])),
            instead=int(np.count_nonzero(touched & (got[1] == got[0]))),
            richer=int(np.count_nonzero(worth[1] > worth[0])),
            poorer=int(np.count_nonzero(worth[1] < worth[0])),
            by=self._by_group(first, other),
            by_groups=self._changes_by_group(both, got[1] - got[0], worth[1] - worth[0]),
            by_messages=_by_number(*got),
            swaps=self._swaps(pair),
            changes=self._changes(pair),
            rules=rules,
        )

    def _by_group(self, first: SideTally, other: SideTally) -> Mapping[str, tuple[GroupDifference, ...]]:
        found = {by: _joined(self._of_claims(first, by), self._of_claims(other, by)) for by in FACETS}
        if self._groups is not None:
            found |= {by: _joined(self._of_contacts(first, by), self._of_contacts(other, by)) for by in self._by}
        return found

    def _of_claims(self, tally: SideTally, by: str) -> dict[str | None, GroupFigures]:
        """What was decided, by campaign, team or channel."""
        states = tally.states.reshape(len(tally.states), len(REASONS), len(OUTCOMES)).sum(axis=1)
        found: dict[str | None, list[int]] = {}
        for facets, counts, value in zip(
            self._reader.claims.facets, states.tolist(), tally.value.tolist(), strict=False
        ):
            own = found.setdefault(getattr(facets, by), [0] * (len(OUTCOMES) + 1))
            for place, count in enumerate((*counts, value)):
                own[place] += count
        return {name: _figures(sum(own[:-1]), *own) for name, own in found.items() if any(own[:-1])}

    def _of_contacts(self, tally: SideTally, by: str) -> dict[str | None, GroupFigures]:
        """What was decided, by what contacts are told apart by."""
        assert self._groups is not None  # noqa: S101  (else nothing tells them apart)
        facet = self._groups.facet(by)
        contact = self._contact
        known = tally.decided
        counts = [tally.by_contact(name).astype(np.float64) for name in COUNTS]
        sums = [facet.sums(contact[known]), *(np.rint(facet.sums(contact, own)).astype(np.int64) for own in counts)]
        return {
            group_name(label): _figures(claims, granted, deferred, claims - granted - deferred, value, contacts)
            for label, contacts, claims, granted, deferred, value in zip(
                facet.labels, *(own.tolist() for own in sums), strict=True
            )
            if contacts
        }

    def _swaps(self, pair: PairTally) -> tuple[Swap, ...]:
        campaign = self._reader.claims.campaign
        found = [
            Swap(
                lost=None if lost == NOTHING else campaign(lost),
                gained=None if gained == NOTHING else campaign(gained),
                contacts=count,
                examples=tuple(pair.swaps.examples.get((lost, gained), ())),
            )
            for (lost, gained), count in pair.swaps.counts.items()
        ]
        return tuple(sorted(found, key=lambda own: (-own.contacts, own.lost or "", own.gained or "")))

    def _changes(self, pair: PairTally) -> tuple[StateChange, ...]:
        campaign = self._reader.claims.campaign
        found = [
            StateChange(campaign=campaign(own), before=_said(before), after=_said(after), claims=count)
            for (own, before, after), count in pair.changes.items()
        ]
        return tuple(sorted(found, key=lambda own: (-own.claims, own.campaign or "", own.before, own.after)))


def _figures(
    claims: int, granted: int, deferred: int, denied: int, value: int, contacts: int | None = None
) -> GroupFigures:
    return GroupFigures(
        claims=claims, granted=granted, deferred=deferred, denied=denied, value=value / MILLIONTH, contacts=contacts
    )


def _joined(
    first: Mapping[str | None, GroupFigures], other: Mapping[str | None, GroupFigures]
) -> tuple[GroupDifference, ...]:
    """Groups before and after, the largest change of messages first."""
    found = [
        GroupDifference(group=name, first=first.get(name, GroupFigures()), other=other.get(name, GroupFigures()))
        for name in {**first, **other}
    ]

    def order(own: GroupDifference) -> tuple[float, ...]:
        return -abs(own.other.granted - own.first.granted), -own.first.granted, -own.first.claims

    return tuple(sorted(sorted(found, key=lambda own: (own.group is None, own.group or "")), key=order))


def _by_number(first: NDArray[np.int64], other: NDArray[np.int64]) -> Mapping[tuple[int, int], int]:
    """By number of messages of both, how many contacts."""
    width = int(other.max(initial=0)) + 1
    counts = np.bincount(first * width + other) if len(first) else np.zeros(0, np.int64)
    return Counter({divmod(own, width): int(counts[own]) for own in np.flatnonzero(counts).tolist()})


def _said(state: int) -> str:
    if state == ABSENT:
        return "no claim"
    if state == GRANTED:
        return "granted"
    return f"{OUTCOMES[state % len(OUTCOMES)].value}: {REASONS[state // len(OUTCOMES)].value}"
