"""Counts of contacts by their segments, and the report that they make."""

from __future__ import annotations

from itertools import combinations
from operator import add
from typing import TYPE_CHECKING

from journeykit.basics.clock import clock, moment
from journeykit.model.segment_report import Overlap, SegmentCount, SegmentReport, share_of
from journeykit.rule import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.model.bad_row import BadRow
    from journeykit.model.contact import Contact
    from journeykit.playbook.playbook import Playbook


class SegmentTally:
    """Counts contacts by their segments, of which there are so many."""

    def __init__(self, count: int) -> None:
        self.contacts = 0
        self.inside = [0] * count
        self.alone = [0] * count
        self.unknown = [0] * count
        self.by_number = [0] * (count + 1)
        self.pairs = [[0] * count for _ in range(count)]

    def add(self, inside: Sequence[int], unknown: Sequence[int]) -> None:
        """Count a contact: the places of the segments it is in, and of those of which it is not known."""
        self.contacts += 1
        self.by_number[len(inside)] += 1
        for place in inside:
            self.inside[place] += 1
        for place in unknown:
            self.unknown[place] += 1
        if len(inside) == 1:
            self.alone[inside[0]] += 1
        for one, other in combinations(inside, 2):
            self.pairs[one][other] += 1

    def merge(self, other: SegmentTally) -> None:
        """Count what another tally of the same segments has counted."""
        self.contacts += other.contacts
        for name in ("inside", "alone", "unknown", "by_number"):
            setattr(self, name, list(map(add, getattr(self, name), getattr(other, name))))
        self.pairs = [list(map(add, own, more)) for own, more in zip(self.pairs, other.pairs, strict=True)]

    def add_contact(self, playbook: Playbook, contact: Contact, now: int) -> None:
        """Count a contact; with ``now`` in microseconds since 1970."""
        values, local = contact.values(), clock(contact.timezone or playbook.timezone).moment(now)
        inside, unknown, known = [], [], dict[str, Verdict]()
        for place, segment in enumerate(playbook.segments):
            verdict = segment.verdict(values, local, known)
            if verdict is True or segment.name in contact.segments:
                inside.append(place)
            elif verdict is None:
                unknown.append(place)
        self.add(inside, unknown)

    def report(self, playbook: Playbook, now: int, bad_rows: int = 0, bad: Sequence[BadRow] = ()) -> SegmentReport:
        """What was counted."""
        names = [segment.name for segment in playbook.segments]
        most = max((number for number, contacts in enumerate(self.by_number) if contacts), default=0)
        overlaps = [
            Overlap(
                one=names[one],
                other=names[other],
                contacts=self.pairs[one][other],
                share=share_of(self.pairs[one][other], min(self.inside[one], self.inside[other])),
            )
            for one, other in combinations(range(len(names)), 2)
        ]
        return SegmentReport(
            at=moment(now),
            contacts=self.contacts,
            segments=tuple(
                SegmentCount(
                    name=name,
                    contacts=self.inside[place],
                    alone=self.alone[place],
                    unknown=self.unknown[place],
                    share=share_of(self.inside[place], self.contacts),
                )
                for place, name in enumerate(names)
            ),
            by_number=tuple(self.by_number[: most + 1]),
            overlaps=tuple(sorted(overlaps, key=lambda own: (-own.share, -own.contacts))),
            bad_rows=bad_rows,
            bad=tuple(bad),
        )
