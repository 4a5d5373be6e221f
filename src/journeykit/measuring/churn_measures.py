"""Churn: how many contacts were lost, by month and segment, and how many remain after a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen

from journeykit.basics.clock import DAY, clock, day_date, moment, next_period, period_start
from journeykit.errors import ModelError
from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.journey.measure.intervals import Share
from journeykit.measuring.survival_curve import SurvivalCurve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from journeykit.measuring.relation_tables import RelationTables
    from journeykit.measuring.stage_stays import Spells

_UNKNOWN = "-"
_SHOWN_DAYS = (30, 90, 180, 365)
FEW_AT_RISK = 10
"""Where fewer contacts were observed at some time before, a share of a curve is said to be small."""
FEW_PRESENT = 30
"""With fewer contacts at its start a month is said to be small."""


@frozen(kw_only=True)
class ChurnMonth:
    """What became of contacts in a month.

    Attributes:
        month: which, such as ``2026-11``, in the playbook's time zone.
        since: when it began, or the time that is measured did.
        until: when it ended, or that time did.
        is_whole: whether that is the whole month.
        share: of the contacts who were there at its start, how many were lost in it.
        came: how many contacts came in it, or came back.
        came_and_left: how often one who came in it was lost in it again.
    """

    month: str
    since: datetime
    until: datetime
    is_whole: bool
    share: Share
    came: int
    came_and_left: int

    @property
    def is_small(self) -> bool:
        """Whether few contacts were there at its start."""
        return self.share.whole < FEW_PRESENT

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "month": self.month,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "is_whole": self.is_whole,
            "present": self.share.whole,
            "lost": self.share.part,
            "rate": self.share.rate,
            "low": self.share.low,
            "high": self.share.high,
            "came": self.came,
            "came_and_left": self.came_and_left,
            "is_small": self.is_small,
        }


@frozen(eq=False, kw_only=True)
class GroupChurn:
    """Churn of some contacts.

    Attributes:
        contacts: how many were there at some time.
        months: month by month.
        whole: of the contacts who were there at the start of the time, how many are not at its end.
        curve: how many remain how long after they came, as far as that was seen within the time. One who came before
            its start is observed from then on.
    """

    contacts: int
    months: tuple[ChurnMonth, ...]
    whole: Share
    curve: SurvivalCurve

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "contacts": self.contacts,
            "months": [own.to_dict() for own in self.months],
            "whole": self.whole.to_dict(),
            "curve": self.curve.to_dict(),
        }


@frozen(eq=False, kw_only=True, repr=False)
class ChurnMeasures:
    """Churn of all contacts and by segment.

    A contact is lost who enters a stage marked ``lost``, or of whom nothing is heard for a time. One who comes back is
    there again, and can be lost again.

    Print it for the text, show it in a notebook for tables, or take it as plain data.

    Attributes:
        lost: the stages that are a loss.
        silent: the time without a sign of life after which a contact is lost, in words; None where silence is no loss.
        everything: of all contacts.
        by_segment: by segment; a contact of several counts in each.
        level: the level of confidence of intervals.
    """

    lost: tuple[str, ...]
    silent: str | None
    everything: GroupChurn
    by_segment: Mapping[str, GroupChurn] = field(factory=dict)
    level: float

    name = "churn"

    def notes(self) -> Iterator[str]:
        """What is to be said of it, a line each."""
        ways = [f"enters {' or '.join(self.lost)}"] if self.lost else []
        if self.silent is not None:
            ways.append(f"is silent for {self.silent}")
        yield f"churn: a contact is lost who {' or '.join(ways)}"

    def _groups(self) -> Iterator[tuple[str, str, GroupChurn]]:
        yield "", "all", self.everything
        for name, own in self.by_segment.items():
            yield "segment", name, own

    def tables(self) -> Iterator[ReportTable]:
        """Churn by month, and how many remain, as tables."""
        rows = [(name, *_month_cells(month)) for _, name, own in self._groups() for month in own.months]
        headings = ("segment", "month", "at its start", "lost", "share", "interval", "came", "came and left", "")
        yield ReportTable("Churn by month", headings, rows, 2)
        days = tuple(f"{day} days" for day in _SHOWN_DAYS)
        spans = [(name, *_curve_cells(own.curve)) for _, name, own in self._groups()]
        yield ReportTable("Contacts who remain", ("segment", "observed", *days, "half by day"), spans, 1)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "lost": list(self.lost),
            "silent": self.silent,
            "level": self.level,
            "all": self.everything.to_dict(),
            "by_segment": {name: own.to_dict() for name, own in self.by_segment.items()},
        }

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """Rows of the table of measures: a row for each month and segment, then how many remain after some times."""
        for by, name, own in self._groups():
            for month in own.months:
                share = month.share
                counts = {"contacts": share.whole, "responded": share.part, "rate": share.rate}
                span = {"low": share.low, "high": share.high, "method": "wilson"}
                small = {"is_small": str(month.is_small).lower()}
                yield {"by": by, "group": name, "measure": f"churn {month.month}", **counts, **span, **small}
        for by, name, own in self._groups():
            for cells in _curve_rows(own.curve):
                yield {"by": by, "group": name, "contacts": own.curve.count, **cells}

    def __str__(self) -> str:
        return text((f"Intervals are at {100 * self.level:g} %.", *self.notes()), self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page(self.notes(), self.tables())


def churn_measures(tables: RelationTables) -> ChurnMeasures:
    """How many contacts were lost, by month and segment, and how many remain after a time.

    Args:
        tables: what was read.

    Raises:
        ModelError: where nothing says who is lost.
    """
    stays = tables.stays
    lost = tuple(name for name, is_lost in zip(stays.stages, stays.is_lost.tolist(), strict=True) if is_lost)
    if not lost:
        raise ModelError(
            "nothing says who is lost: mark a stage of the journey 'lost: true', or give silent, such as '90d'",
            field="silent",
        )
    spells, months = stays.spells(), list(_months(tables))

    def of(own: Spells) -> GroupChurn:
        return _of_group(tables, own, months)

    return ChurnMeasures(
        lost=lost if tables.silence is None else lost[:-1],
        silent=None if tables.silence is None else _in_words(tables.silence),
        everything=of(spells),
        by_segment={name: of(spells.of(members)) for name, members in tables.segments.items()},
        level=tables.level,
    )


def _months(tables: RelationTables) -> Iterator[tuple[str, int, int, bool]]:
    """The months of a time: what each is called, when it begins and ends within it, and whether it is whole."""
    local = clock(tables.playbook.timezone)
    day = period_start(local.day(tables.since), "month")
    while local.day_start(day) < tables.until:
        following = next_period(day, "month")
        begin, end = local.day_start(day), local.day_start(following)
        is_whole = begin >= tables.since and end <= tables.until
        yield f"{day_date(day):%Y-%m}", max(begin, tables.since), min(end, tables.until), is_whole
        day = following


def _of_group(tables: RelationTables, spells: Spells, months: list[tuple[str, int, int, bool]]) -> GroupChurn:
    level, since, until = tables.level, tables.since, tables.until
    seen = (spells.start <= until) & ((spells.end > since) | ~spells.is_over)
    start, end, is_over = spells.start[seen], spells.end[seen], spells.is_over[seen]
    whole = (start <= since) & (~is_over | (end > since))
    return GroupChurn(
        contacts=len(np.unique(spells.contact[seen])),
        months=tuple(_of_month(start, end, is_over, *month, level) for month in months),
        whole=Share.of(_gone(tables, spells, since), int(np.count_nonzero(whole)), level),
        curve=SurvivalCurve.of(end - start, is_over, np.where(start < since, since - start, -1), level),
    )


def _gone(tables: RelationTables, spells: Spells, since: int) -> int:
    """How many contacts who were there at the start are not at the end: who came back meanwhile is."""
    there = np.zeros(tables.stays.contacts, np.bool_)
    there[spells.contact[(spells.start <= since) & (~spells.is_over | (spells.end > since))]] = True
    there[spells.contact[~spells.is_over]] = False
    return int(np.count_nonzero(there))


def _of_month(
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    is_over: NDArray[np.bool_],
    name: str,
    begin: int,
    until: int,
    is_whole: bool,
    level: float,
) -> ChurnMonth:
    # One who is lost at the instant at which a month begins was there until then, and lost in the month before it.
    present = (start <= begin) & (~is_over | (end > begin))
    lost = is_over & (end > begin) & (end <= until)
    came = (start > begin) & (start <= until)
    return ChurnMonth(
        month=name,
        since=moment(begin),
        until=moment(until),
        is_whole=is_whole,
        share=Share.of(int(np.count_nonzero(present & lost)), int(np.count_nonzero(present)), level),
        came=int(np.count_nonzero(came)),
        came_and_left=int(np.count_nonzero(came & lost)),
    )


def _in_words(length: int) -> str:
    for unit, size in (("d", DAY), ("h", DAY // 24), ("m", DAY // 1_440)):
        if length % size == 0:
            return f"{length // size}{unit}"
    return f"{length / DAY:g}d"


def _month_cells(month: ChurnMonth) -> tuple[str, ...]:
    share = month.share
    rate, span = _UNKNOWN, _UNKNOWN
    if share.rate is not None and share.low is not None and share.high is not None:
        rate, span = f"{100 * share.rate:.1f} %", f"{100 * share.low:.1f} to {100 * share.high:.1f} %"
    said = ["small"] if month.is_small else []
    if not month.is_whole:
        said.append(f"from {month.since:%d %b} to {month.until:%d %b}")
    counts = f"{month.came:,}", f"{month.came_and_left:,}"
    return month.month, f"{share.whole:,}", f"{share.part:,}", rate, span, *counts, ", ".join(said)


def _curve_rows(curve: SurvivalCurve) -> Iterator[dict[str, Any]]:
    """The share that remains after each of the days that are shown, and the day after which half remain."""
    for day in _SHOWN_DAYS:
        if len(curve.lengths) and day * DAY <= curve.seen_until:
            share, low, high = curve.after(day * DAY)
            small = str(curve.fewest(day * DAY) < FEW_AT_RISK).lower()
            span = {"rate": share, "low": low, "high": high, "method": "kaplan-meier"}
            yield {"measure": f"remain {day} days", **span, "is_small": small}
    if curve.median is not None:
        yield {"measure": "remain: half by day", "value": curve.median / DAY}


def _curve_cells(curve: SurvivalCurve) -> tuple[str, ...]:
    found = [f"{curve.count:,}"]
    for day in _SHOWN_DAYS:
        if not len(curve.lengths) or day * DAY > curve.seen_until:
            found.append(_UNKNOWN)
            continue
        share, low, high = curve.after(day * DAY)
        few = curve.fewest(day * DAY) < FEW_AT_RISK
        found.append(f"{100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f}){' small' if few else ''}")
    return *found, _UNKNOWN if curve.median is None else f"{curve.median / DAY:,.0f}"
