"""The report on segments: who is in which, who is in none, and which overlap."""

from __future__ import annotations

import html
import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import combinations
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.civil import clock, micros, moment
from journeykit.contact import Contact
from journeykit.errors import ModelError
from journeykit.tables.bad_rows import BadRow
from journeykit.terminal import clean, padded, width_of
from journeykit.vocabulary import Vocabulary

if TYPE_CHECKING:
    from journeykit.playbook import Playbook

_MOST_OVERLAPS = 20
_CELL = "padding:2px 10px;text-align:left"


@frozen(kw_only=True)
class SegmentCount:
    """How many contacts are in a segment.

    Attributes:
        name: which.
        contacts: how many are in it.
        alone: how many of them are in no other.
        unknown: of how many its rule is unknown, for want of data; they are not in it.
        share: of all contacts, how much is in it; 0 where there are none.
    """

    name: str
    contacts: int
    alone: int
    unknown: int
    share: float


@frozen(kw_only=True)
class Overlap:
    """How many contacts two segments share.

    Attributes:
        one: the one that stands first in the playbook.
        other: the other one.
        contacts: how many are in both.
        share: of the smaller one, how much lies in the other; 0 where the smaller one is empty.
    """

    one: str
    other: str
    contacts: int
    share: float


@frozen(kw_only=True)
class SegmentReport:
    """The segments of a playbook over many contacts. All shares are from 0 to 1.

    Attributes:
        at: the instant at which the rules were asked, in UTC.
        contacts: how many contacts there are.
        segments: each segment, in the playbook's order.
        by_number: how many contacts are in none, in one, in two segments, and so on up to the most that occur.
        overlaps: every pair of segments, those that share most first.
        bad_rows: how many rows of a table could not be used; they are not counted.
        bad: the first of them.
    """

    at: datetime
    contacts: int
    segments: tuple[SegmentCount, ...]
    by_number: tuple[int, ...]
    overlaps: tuple[Overlap, ...]
    bad_rows: int = 0
    bad: tuple[BadRow, ...] = field(default=(), eq=False)

    @property
    def none(self) -> int:
        """How many contacts are in no segment."""
        return self.by_number[0]

    @property
    def one(self) -> int:
        """How many contacts are in exactly one segment."""
        return sum(self.by_number[1:2])

    @property
    def several(self) -> int:
        """How many contacts are in more than one segment."""
        return sum(self.by_number[2:])

    def share(self, contacts: int) -> float:
        """How much of all contacts some of them are; 0 where there are none."""
        return _share(contacts, self.contacts)

    @property
    def empty(self) -> tuple[str, ...]:
        """The segments that nobody is in."""
        return tuple(segment.name for segment in self.segments if not segment.contacts)

    @property
    def full(self) -> tuple[str, ...]:
        """The segments that everybody is in, if there is anybody."""
        return tuple(segment.name for segment in self.segments if 0 < segment.contacts == self.contacts)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        counts = {name: getattr(self, name) for name in ("none", "one", "several")}
        return {
            "at": self.at.isoformat(),
            "contacts": self.contacts,
            "in": {name: {"contacts": count, "share": self.share(count)} for name, count in counts.items()},
            "by_number": list(self.by_number),
            "segments": [
                {name: getattr(own, name) for name in ("name", "contacts", "share", "alone", "unknown")}
                for own in self.segments
            ],
            "overlaps": [
                {"one": own.one, "other": own.other, "contacts": own.contacts, "share": own.share}
                for own in self.overlaps
            ],
            "empty": list(self.empty),
            "full": list(self.full),
            "bad_rows": self.bad_rows,
            "bad": [str(row) for row in self.bad],
        }

    # As text and as a page

    def _tables(self) -> Iterator[tuple[list[str], list[list[str]]]]:
        """The headings and cells of each table."""
        numbers = (("in none", self.none), ("in one", self.one), ("in several", self.several))
        yield ["contacts", "", ""], [[name, f"{count:,}", _percent(self.share(count))] for name, count in numbers]
        if self.segments:
            yield (
                ["segment", "contacts", "", "in no other", "unknown"],
                [
                    [own.name, f"{own.contacts:,}", _percent(own.share), f"{own.alone:,}", f"{own.unknown:,}"]
                    for own in self.segments
                ],
            )
        shared = [own for own in self.overlaps if own.contacts]
        if shared:
            yield (
                ["in both", "", "contacts", "of the smaller"],
                [[own.one, own.other, f"{own.contacts:,}", _percent(own.share)] for own in shared[:_MOST_OVERLAPS]],
            )

    def _remarks(self) -> Iterator[str]:
        more = sum(1 for own in self.overlaps if own.contacts) - _MOST_OVERLAPS
        if more > 0:
            yield f"and {more} more pairs that overlap"
        if self.empty:
            yield f"empty: {', '.join(self.empty)}"
        if self.full:
            yield f"holds everybody: {', '.join(self.full)}"
        if self.bad_rows:
            yield f"rows that could not be used: {self.bad_rows:,}"

    def _heading(self) -> str:
        counted = f"{_counted(len(self.segments), 'segment')}, {_counted(self.contacts, 'contact')}"
        return f"{counted}, at {self.at:%Y-%m-%d %H:%M} UTC"

    def __str__(self) -> str:
        parts = [self._heading()]
        for headings, rows in self._tables():
            parts += ["", *_aligned(headings, rows)]
        remarks = list(self._remarks())
        parts += ["", *map(clean, remarks)] if remarks else []
        return "\n".join(parts)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        tables = "".join(
            f'<table style="border-collapse:collapse;margin-bottom:1em"><thead>{_row("th", headings)}</thead>'
            f"<tbody>{''.join(_row('td', row) for row in rows)}</tbody></table>"
            for headings, rows in self._tables()
        )
        remarks = "".join(f"<p>{html.escape(clean(remark))}</p>" for remark in self._remarks())
        return f"<div><p><strong>{html.escape(self._heading())}</strong></p>{tables}{remarks}</div>"


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'s' * (number != 1)}"


def _percent(share: float) -> str:
    """A share in percent; what is not quite nothing, or not quite all, does not look it."""
    shown = f"{100 * share:.1f}%"
    if shown == "0.0%" and share > 0:
        return "<0.1%"
    return ">99.9%" if shown == "100.0%" and share < 1 else shown


def _aligned(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    table = [[clean(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(width_of, column)) for column in zip(*table, strict=True)]
    are_numbers = [cell[:1] in "<>0123456789" for cell in rows[0]]
    are_numbers[0] = False
    return [
        "  ".join(
            padded(cell, width, right=right) for cell, width, right in zip(row, widths, are_numbers, strict=True)
        ).rstrip()
        for row in table
    ]


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag} style={_CELL!r}>{html.escape(clean(cell))}</{tag}>' for cell in cells)}</tr>"


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
