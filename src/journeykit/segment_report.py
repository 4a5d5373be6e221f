"""The report on segments: who is in which, who is in none, and which overlap."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from itertools import combinations
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import clock, micros, moment
from journeykit.errors import ModelError
from journeykit.model.contact import Contact
from journeykit.model.segment_report import Overlap, SegmentCount, SegmentReport, _share
from journeykit.playbook.vocabulary import Vocabulary

if TYPE_CHECKING:
    from datetime import datetime

    from journeykit.model.bad_row import BadRow
    from journeykit.playbook.playbook import Playbook


# Counting


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

    def add_contact(self, playbook: Playbook, contact: Contact, now: int) -> None:
        """Count a contact; with ``now`` in microseconds since 1970."""
        values, local = contact.values(), clock(contact.timezone or playbook.timezone).moment(now)
        inside, unknown = [], []
        for place, segment in enumerate(playbook.segments):
            verdict = segment.rule.compiled(values, local)
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
                share=_share(self.pairs[one][other], min(self.inside[one], self.inside[other])),
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
                    share=_share(self.inside[place], self.contacts),
                )
                for place, name in enumerate(names)
            ),
            by_number=tuple(self.by_number[: most + 1]),
            overlaps=tuple(sorted(overlaps, key=lambda own: (-own.share, -own.contacts))),
            bad_rows=bad_rows,
            bad=tuple(bad),
        )


def segment_report(
    playbook: Playbook,
    contacts: Any,
    *,
    at: datetime,
    zone: str | None = None,
    max_bad: int | str | None = None,
    engine: str | None = None,
) -> SegmentReport:
    """Count contacts by segment; see `Playbook.segment_report`.

    Args:
        playbook: whose segments.
        contacts: objects, or a table of them.
        at: the instant at which the rules are asked, aware.
        zone: IANA name of the zone in which instants of a table without an offset are meant.
        max_bad: how many bad rows of a table are tolerated, as a number or as a share of its rows (``"1%"``).
        engine: ``one`` or ``columns``; both count the same. None for columns, where the extra is installed.

    Raises:
        DataError: for a table that cannot be used, or too many bad rows.
        ModelError: for a naive ``at``, and for contacts that are none.
    """
    now = micros(at)
    objects = _objects(contacts)
    if objects is not None:
        tally, vocabulary = SegmentTally(len(playbook.segments)), Vocabulary.of(playbook)
        for contact in objects:
            if not isinstance(contact, Contact):
                raise ModelError(f"contacts must be Contact objects, found {contact!r}", field="contacts")
            tally.add_contact(playbook, vocabulary.contact(contact), now)
        return tally.report(playbook, now)
    known = all(importlib.util.find_spec(name) is not None for name in ("numpy", "numba", "narwhals", "pyarrow"))
    if engine == "columns" or (engine is None and known):
        from journeykit.columns.segment_report import count_table

        return count_table(playbook, contacts, now=now, zone=zone, max_bad=max_bad)
    return _count_rows(playbook, contacts, now, zone, max_bad)


def _objects(contacts: Any) -> Iterable[Any] | None:
    """The contacts as objects; None where they are a table, which may be rows as mappings or a list of paths."""
    if isinstance(contacts, Iterator):
        return contacts
    if isinstance(contacts, str | os.PathLike) or not isinstance(contacts, Sequence | AbstractSet | ValuesView):
        return None
    return contacts if isinstance(next(iter(contacts), None), Contact | None) else None


def _count_rows(
    playbook: Playbook, contacts: Any, now: int, zone: str | None, max_bad: int | str | None
) -> SegmentReport:
    from journeykit.tables import BadRows, Contacts, Spellings

    bad = BadRows(max_bad)
    found = Contacts(
        contacts, spellings=Spellings.of(playbook), zone=None if zone is None else clock(zone).zone, bad=bad
    )
    tally = SegmentTally(len(playbook.segments))
    for _, contact in found:
        tally.add_contact(playbook, contact, now)
    bad.refuse_useless(found.source, tally.contacts)
    bad.check()
    return tally.report(playbook, now, bad.total, bad.first)
