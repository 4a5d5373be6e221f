"""What estimates are made of, and their tables as text and as HTML."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from journeykit.basics.html_table import html_page, html_table
from journeykit.basics.text import clean, width_of
from journeykit.basics.text_table import text_table
from journeykit.journey.measure.intervals import Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.journey.measure.sales import Sales

_UNKNOWN = "-"
WIDEST = 130
"""So many characters wide is a table at most, as text; what is wider goes on below."""


Length = timedelta | None
"""How long; None where that is not known."""


@frozen
class Move:
    """How often contacts went from one stage to another.

    Attributes:
        source: the stage that they left.
        to: the stage that they entered next.
        share: how many did, of all who were seen to leave ``source`` for a stage of the journey.
    """

    source: str
    to: str
    share: Share

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"from": self.source, "to": self.to, **self.share.to_dict()}


@frozen(kw_only=True)
class Stays:
    """How long contacts stay on a stage.

    Attributes:
        stage: which.
        entered: how many times it was entered.
        ended: how many of these stays were seen to end with a move to a stage of the journey.
        going: how many go on: the contact is there still, and how long they will stay is not known.
        cut: how many are known to a part only, since what came after them could not be used.
        quartiles: the times by which a quarter, half and three quarters of all stays have ended, estimated from
            those that ended and those that did not yet (Kaplan and Meier, 1958); None where that many have not been
            seen to end.
        completed: the quartiles of the stays that ended, alone. They are too short where many go on.
    """

    stage: str
    entered: int
    ended: int
    going: int
    cut: int
    quartiles: tuple[Length, Length, Length]
    completed: tuple[Length, Length, Length]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; times are days of 24 hours."""
        counts = {name: getattr(self, name) for name in ("stage", "entered", "ended", "going", "cut")}
        times = {f"{name}_days": [days(time) for time in getattr(self, name)] for name in ("quartiles", "completed")}
        return counts | times


@frozen(kw_only=True)
class FunnelStep:
    """How many contacts came to a stage, and on to the next one.

    ``reached`` is the sum of ``converted``, ``skipped``, ``waiting`` and ``left``.

    Attributes:
        stage: which.
        to: the next stage of the funnel; None for the last.
        reached: contacts who were ever on the stage, wherever they came from.
        in_order: those of them who had been on all stages of the funnel before it, in their order; whatever happened
            in between. This is the ordered funnel of event analytics, which never rises.
        converted: how many of ``reached`` were on the next stage later, directly or not; None for the last stage.
        skipped: those who were not, but came to a stage further on.
        waiting: those who came no further, and are on the stage still.
        left: those who came no further, and are elsewhere.
        between: the median time from the first time on the stage to the next time on the next one, of those converted;
            of an even number of them the smaller one of the two in the middle.
    """

    stage: str
    to: str | None
    reached: int
    in_order: int
    converted: Share | None
    skipped: int
    waiting: int
    left: int
    between: Length

    @property
    def drop_off(self) -> int | None:
        """How many of those who reached the stage were not on the next one later; None for the last stage."""
        return None if self.converted is None else self.reached - self.converted.part

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; times are days of 24 hours."""
        return {
            "stage": self.stage,
            "to": self.to,
            "reached": self.reached,
            "in_order": self.in_order,
            "converted": None if self.converted is None else self.converted.to_dict(),
            "drop_off": self.drop_off,
            "skipped": self.skipped,
            "waiting": self.waiting,
            "left": self.left,
            "between_days": days(self.between),
        }


def days(length: Length) -> float | None:
    """A time in days of 24 hours."""
    return None if length is None else length / timedelta(days=1)


class ReportTable(NamedTuple):
    """A table for people: a title, headings, rows, and how many columns, from the first on, are names.

    Where the table is too wide for one piece of text, each piece has the names again, and the columns of ``again``.
    What is no name is aligned at the right, but for the columns of ``left``, which are text.
    """

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    names: int
    again: tuple[int, ...] = ()
    left: tuple[int, ...] = ()

    def right(self, columns: Sequence[int]) -> list[int]:
        """The places among some columns of those that are aligned at the right."""
        return [at for at, own in enumerate(columns) if own >= self.names and own not in self.left]


def text(heading: Iterable[str], tables: Iterable[ReportTable]) -> str:
    """The estimates as text."""
    lines = [*heading]
    for table in tables:
        lines += ["", table.title]
        for number, columns in enumerate(_pieces(table)):
            headings = [table.headings[column] for column in columns]
            rows = [[row[column] for column in columns] for row in table.rows]
            lines += [""] * bool(number)
            lines += text_table(headings, rows, right=table.right(columns))
    return "\n".join(lines)


def _pieces(table: ReportTable) -> Iterator[list[int]]:
    """The columns of each piece of a table of which none is wider than `WIDEST`, as far as that can be."""
    widths = [
        max(width_of(clean(cell)) for cell in cells) + 2 for cells in zip(table.headings, *table.rows, strict=True)
    ]
    first = list(range(table.names))
    found, width = list(first), sum(widths[: table.names])
    kept = sorted({*first, *table.again})
    for column in range(table.names, len(widths)):
        if width + widths[column] - 2 > WIDEST and len(found) > len(kept):
            yield found
            found = [own for own in kept if own < column]
            width = sum(widths[own] for own in found)
        found.append(column)
        width += widths[column]
    yield found


def page(heading: Iterable[str], tables: Iterable[ReportTable]) -> str:
    """The estimates as HTML, for notebooks."""
    return html_page(heading, map(_html, tables))


def funnel_table(groups: Sequence[tuple[str, Iterable[FunnelStep]]]) -> ReportTable:
    """The steps of the funnel; where there is more than one group, each below the name of its segment."""
    who = ("segment",) if len(groups) > 1 else ()
    rows = [
        (
            *((name,) if who else ()),
            step.stage,
            f"{step.reached:,}",
            f"{step.in_order:,}",
            _UNKNOWN if step.converted is None else f"{step.converted.part:,}",
            *_share(step.converted),
            _UNKNOWN if step.drop_off is None else f"{step.drop_off:,}",
            f"{step.skipped:,}",
            f"{step.waiting:,}",
            f"{step.left:,}",
            _days(step.between),
        )
        for name, steps in groups
        for step in steps
    ]
    headings = ("stage", "reached", "in order", "went on", "share", "interval", "drop-off", "skipped it", "waiting")
    return ReportTable("Funnel", (*who, *headings, "left", "median days"), rows, len(who) + 1)


def moves_table(moves: Iterable[Move]) -> ReportTable:
    """How often contacts went from stage to stage."""
    rows = [(move.source, move.to, f"{move.share.part:,}", *_share(move.share)) for move in moves]
    return ReportTable("Moves", ("from", "to", "moves", "share", "interval"), rows, 2)


def stays_table(stays: Iterable[Stays]) -> ReportTable:
    """How long contacts stay on each stage."""
    rows = [
        (
            own.stage,
            *(f"{count:,}" for count in (own.entered, own.ended, own.going, own.cut)),
            *map(_days, own.quartiles),
        )
        for own in stays
    ]
    headings = ("stage", "entered", "ended", "going on", "cut", "25 % by day", "50 % by day", "75 % by day")
    return ReportTable("Time on the stage", headings, rows, 1)


def sales_table(groups: Iterable[tuple[str, Sales]]) -> ReportTable:
    """What was won and lost, by segment."""
    headings = ("segment", "won", "lost", "close rate", "interval", "amounts", "average sale", "its interval")
    return ReportTable("Sales", headings, [(name, *_sold(sales)) for name, sales in groups], 1)


def _sold(sales: Sales) -> tuple[str, ...]:
    span = _UNKNOWN if sales.low is None else f"{sales.low:,.2f} to {sales.high:,.2f}"
    average = _UNKNOWN if sales.average is None else f"{sales.average:,.2f}"
    return f"{sales.won:,}", f"{sales.lost:,}", *_share(sales.close_rate), f"{sales.amounts:,}", average, span


def _share(share: Share | None) -> tuple[str, str]:
    if share is None or share.rate is None or share.low is None or share.high is None:
        return _UNKNOWN, _UNKNOWN
    return f"{100 * share.rate:.1f} %", f"{100 * share.low:.1f} to {100 * share.high:.1f} %"


def _days(length: timedelta | None) -> str:
    """A time in days: one decimal, and for parts of a day the two digits that tell most."""
    if length is None:
        return _UNKNOWN
    days = length / timedelta(days=1)
    return f"{days:.2g}" if 0 < days < 0.95 else f"{days:,.1f}"


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "step"), counted(2_000, "step")
        ('1 step', '2,000 steps')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _html(table: ReportTable) -> str:
    right = table.right(range(len(table.headings)))
    return html_table(table.headings, table.rows, title=table.title, right=right)
