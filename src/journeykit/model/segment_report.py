"""The report on segments: how many contacts are in each, in none, and in several."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from journeykit.basics.html_table import html_page, html_table
from journeykit.basics.text import clean
from journeykit.basics.text_table import text_table
from journeykit.model.bad_row import BadRow

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_OVERLAPS = 20


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
        one: the one that comes first in the playbook.
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
        return share_of(contacts, self.contacts)

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
            parts += ["", *text_table(headings, rows, right=_numbers(rows), ruled=False)]
        remarks = list(self._remarks())
        parts += ["", *map(clean, remarks)] if remarks else []
        return "\n".join(parts)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        tables = [html_table(headings, rows, right=_numbers(rows)) for headings, rows in self._tables()]
        return html_page([self._heading()], tables, self._remarks())


def _numbers(rows: list[list[str]]) -> list[int]:
    """The columns of numbers."""
    return [at for at, cell in enumerate(rows[0]) if at and cell[:1] in "<>0123456789"]


def share_of(part: int, whole: int) -> float:
    """A part of a whole, 0 where there is none."""
    return part / whole if whole else 0.0


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'s' * (number != 1)}"


def _percent(share: float) -> str:
    """A share in percent; what is not quite nothing, or not quite all, does not look it."""
    shown = f"{100 * share:.1f}%"
    if shown == "0.0%" and share > 0:
        return "<0.1%"
    return ">99.9%" if shown == "100.0%" and share < 1 else shown
