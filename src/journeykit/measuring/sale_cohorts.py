"""Close rate and average sale of contacts by when they came: month by month, or before and after a date."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen

from journeykit.basics.clock import clock, day_date, micros, period_start
from journeykit.basics.validation import LARGEST
from journeykit.errors import ModelError
from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.journey.measure.intervals import Share
from journeykit.journey.measure.sales import Sales, SalesReader
from journeykit.measuring.arm_outcomes import ArmOutcomes
from journeykit.measuring.differences import Difference
from journeykit.measuring.relation_tables import length_of
from journeykit.measuring.stage_stays import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from numpy.typing import NDArray

    from journeykit.measuring.relation_tables import RelationTables

_UNKNOWN = "-"
EARLIER = "earlier"
"""The cohort of contacts who came before the time that is measured, where all their sales in it count."""
FEW_SALES = 30
"""With fewer sales a cohort is said to be small."""


@frozen(kw_only=True)
class CohortSales:
    """The sales of contacts who came at one time.

    Attributes:
        cohort: when they came: a month such as ``2026-11``, ``before 2026-11-01``, ``from 2026-11-01``, or ``earlier``.
        contacts: how many they are; with a time within which sales count, those of whom that time is over.
        young: how many others there are, of whom it is not; their sales do not count.
        buyers: how many of the contacts bought: each counts once.
        sales: what was won and lost.
    """

    cohort: str
    contacts: int
    young: int
    buyers: Share
    sales: Sales

    @property
    def is_small(self) -> bool:
        """Whether there were few sales."""
        return self.sales.won + self.sales.lost < FEW_SALES

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "cohort": self.cohort,
            "contacts": self.contacts,
            "young": self.young,
            "buyers": self.buyers.to_dict(),
            **self.sales.to_dict(),
            "is_small": self.is_small,
        }


@frozen(kw_only=True)
class GroupCohorts:
    """The cohorts of some contacts.

    Attributes:
        cohorts: one for each time at which contacts came, in order.
        close_rate: with a date, how much more often sales to those who came after it were won; intervals take sales as
            independent. None where losses are not recorded, or a side has no sale.
        average: likewise, by how much a sale to them brings more.
    """

    cohorts: tuple[CohortSales, ...]
    close_rate: Difference | None = None
    average: Difference | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "cohorts": [own.to_dict() for own in self.cohorts],
            "close_rate": None if self.close_rate is None else self.close_rate.to_dict(),
            "average": None if self.average is None else self.average.to_dict(),
        }


@frozen(kw_only=True, repr=False)
class SaleCohorts:
    """Close rate and average sale by when contacts came, for all contacts and by segment.

    Print it for the text, show it in a notebook for tables, or take it as plain data.

    Attributes:
        won: the event of a sale that was won.
        lost: the event of one that was lost; None where these are not recorded.
        before: the date that tells cohorts apart, as a text; None for months.
        within: the time after a contact came within which sales count, in words; None for all.
        everything: of all contacts.
        by_segment: by segment; a contact of several counts in each.
        level: the level of confidence of intervals.
        not_used: how much was not used, by why: ``unknown_contact``, ``not_entered`` and ``outside`` (of the time, or
            of that within which sales count), which are sales, and ``no_number``, whose sale counts without an amount.
    """

    won: str
    lost: str | None
    before: str | None
    within: str | None
    everything: GroupCohorts
    by_segment: Mapping[str, GroupCohorts] = field(factory=dict)
    level: float
    not_used: Mapping[str, int] = field(factory=dict)

    name = "cohorts"

    def notes(self) -> Iterator[str]:
        """What is to be said of it, a line each."""
        if self.within is None:
            yield "cohorts: those who came late had less time to buy; give a time within which sales count"
        else:
            yield f"cohorts: sales within {self.within} of when a contact came; contacts who came later are young"
        if self.not_used:
            told = ", ".join(f"{why.replace('_', ' ')} {count:,}" for why, count in self.not_used.items())
            yield f"sales that are not used, and amounts that are no numbers: {told}"

    def _groups(self) -> Iterator[tuple[str, str, GroupCohorts]]:
        yield "", "all", self.everything
        for name, own in self.by_segment.items():
            yield "segment", name, own

    def tables(self) -> Iterator[ReportTable]:
        """The cohorts as tables."""
        rows = [(name, *_cells(own)) for _, name, group in self._groups() for own in group.cohorts]
        headings = ("segment", "came", "contacts", "young", "bought", "share", "won", "lost", "close rate", "interval")
        yield ReportTable("Sales by when contacts came", (*headings, "average sale", "its interval", ""), rows, 2)
        if self.before is not None:
            found = [(name, *cells) for _, name, own in self._groups() for cells in _difference_cells(own)]
            names = ("segment", "", "difference", "interval")
            yield ReportTable(f"From {self.before} on, less before", names, found, 2)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "won": self.won,
            "lost": self.lost,
            "before": self.before,
            "within": self.within,
            "level": self.level,
            "all": self.everything.to_dict(),
            "by_segment": {name: own.to_dict() for name, own in self.by_segment.items()},
            "not_used": dict(self.not_used),
        }

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """Rows of the table of measures: of each cohort the close rate, and the average sale as value."""
        for by, name, group in self._groups():
            for own in group.cohorts:
                rate, sales = own.sales.close_rate, own.sales
                cells: dict[str, Any] = {"by": by, "group": name, "measure": f"sales {own.cohort}"}
                cells |= {"contacts": own.contacts, "young": own.young, "events": sales.won + sales.lost}
                if rate is not None:
                    cells |= {"rate": rate.rate, "low": rate.low, "high": rate.high, "method": "wilson"}
                span = {"value_low": sales.low, "value_high": sales.high}
                yield {**cells, "value": sales.average, **span, "is_small": str(own.is_small).lower()}

    def __str__(self) -> str:
        return text((f"Intervals are at {100 * self.level:g} %.", *self.notes()), self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page(self.notes(), self.tables())


def sale_cohorts(
    tables: RelationTables,
    *,
    won: str,
    lost: str | None = None,
    amount: str | None = None,
    before: datetime | None = None,
    within: str | None = None,
) -> SaleCohorts:
    """Close rate and average sale of contacts by when they were first placed on the journey.

    Args:
        tables: what was read, with ``amount`` among its numbers.
        won: the event of a sale that was won.
        lost: the event of one that was lost; None where these are not recorded.
        amount: the property that says what was paid; None where it does not matter.
        before: an aware instant that parts contacts into those who came before it and those who came from it on; by
            default they are told apart by the month.
        within: the time after a contact came within which sales count, such as ``90d``. Then those who came early and
            those who came late had the same time; those of whom it is not over are young.

    Raises:
        ModelError: for a naive ``before``, one event for both, and for what is no length of time.
    """
    if won == lost:
        raise ModelError("won and lost are one event: a sale is won or lost", field="lost")
    length = None if within is None else length_of(within, "within")
    part = None if before is None else (micros(before, what="before"), f"{before:%Y-%m-%d}")
    if before is not None and part is not None and not tables.since < part[0] < tables.until:
        raise ModelError(f"before must be between since and until, found {before.isoformat()}", field="before")
    names, cohort, entry = _cohorts(tables, part)
    young = np.zeros(len(cohort), np.bool_)
    if length is not None:
        # Of those who came before the start, a part of that time was not seen.
        cohort = np.where(cohort > 0, cohort, NOWHERE)
        young = (cohort > 0) & (entry + length > tables.until)
    sales, counts = _sales(tables, won, lost, amount, cohort, entry, young, length)

    def of(members: NDArray[np.bool_]) -> GroupCohorts:
        return _of_group(names, cohort, young, members, sales, tables.level, is_parted=part is not None)

    return SaleCohorts(
        won=won,
        lost=lost,
        before=None if part is None else part[1],
        within=within,
        everything=of(np.ones(len(cohort), np.bool_)),
        by_segment={name: of(members) for name, members in tables.segments.items()},
        level=tables.level,
        not_used={name: count for name, count in counts.items() if count},
    )


_CohortSale = tuple["NDArray[np.int64]", "NDArray[np.bool_]", "NDArray[np.float64]"]
"""By sale, the number of the contact, whether it was won, and what was paid, nan where that is not known."""


def _cohorts(
    tables: RelationTables, part: tuple[int, str] | None
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """The names of cohorts; and by contact, the cohort, -1 for one who has not entered, and when they entered."""
    stays = tables.stays
    entry = np.full(stays.contacts, tables.until + 1, np.int64)
    # Stays are in order of time: written last to first, the first of a contact is kept.
    entry[stays.contact[::-1]] = stays.start[::-1]
    entered = entry <= tables.until
    if part is not None:
        at, day = part
        names: tuple[str, ...] = (EARLIER, f"before {day}", f"from {day}")
        edges = [tables.since, at]
    else:
        local = clock(tables.playbook.timezone)
        days = [local.day(own) for own in entry[entered & (entry >= tables.since)].tolist()]
        first = sorted({period_start(day, "month") for day in days})
        names = (EARLIER, *(f"{day_date(day):%Y-%m}" for day in first))
        edges = [max(tables.since, local.day_start(day)) for day in first]
    place = np.searchsorted(np.array(edges, np.int64), entry, "right")
    return names, np.where(entered, place, -1), entry


def _sales(
    tables: RelationTables,
    won: str,
    lost: str | None,
    amount: str | None,
    cohort: NDArray[np.int64],
    entry: NDArray[np.int64],
    young: NDArray[np.bool_],
    length: int | None,
) -> tuple[_CohortSale, dict[str, int]]:
    log = tables.events
    own = np.flatnonzero(log.is_named(won, *([] if lost is None else [lost])))
    contact, at = log.contact[own], log.at[own]
    good = contact >= 0
    counts = {"unknown_contact": int(np.count_nonzero(~good))}
    entered = good & (entry[contact] <= tables.until)
    counts["not_entered"] = int(np.count_nonzero(good & ~entered))
    inside = entered & (cohort[contact] >= 0) & (at >= tables.since) & (at <= tables.until)
    if length is not None:
        inside &= (at <= entry[contact] + length) & ~young[contact]
    counts["outside"] = int(np.count_nonzero(entered & ~inside))
    own = own[inside]
    is_won = log.is_named(won)[own]
    paid = np.full(len(own), np.nan)
    if amount is not None:
        paid = log.numbers[amount][own]
        bad = log.no_number[amount][own] | (np.abs(paid) > LARGEST)
        paid = np.where(bad | ~is_won, np.nan, paid)
        counts["no_number"] = int(np.count_nonzero(bad & is_won))
    return (log.contact[own], is_won, paid), counts


def _of_group(
    names: tuple[str, ...],
    cohort: NDArray[np.int64],
    young: NDArray[np.bool_],
    members: NDArray[np.bool_],
    sales: _CohortSale,
    level: float,
    *,
    is_parted: bool,
) -> GroupCohorts:
    contact, is_won, paid = sales
    reader, amounts = SalesReader(0, None), {}
    mine = members[contact]
    for place, name in enumerate(names):
        own = mine & (cohort[contact] == place)
        amounts[name] = paid[own & ~np.isnan(paid)]
        won = int(np.count_nonzero(own & is_won))
        reader.add((name,), won, int(np.count_nonzero(own)) - won, array("d", amounts[name].tolist()))
    found = reader.parts(level, names)
    bought = np.zeros(len(cohort), np.bool_)
    bought[contact[is_won]] = True
    cohorts = []
    for place, name in enumerate(names):
        own = members & (cohort == place)
        settled = own & ~young
        count = int(np.count_nonzero(settled))
        if not own.any():
            continue
        buyers = Share.of(int(np.count_nonzero(settled & bought)), count, level)
        waiting = int(np.count_nonzero(own & young))
        cohorts.append(CohortSales(cohort=name, contacts=count, young=waiting, buyers=buyers, sales=found[name]))
    if not is_parted:
        return GroupCohorts(cohorts=tuple(cohorts))
    return GroupCohorts(cohorts=tuple(cohorts), **_differences(names, found, amounts, level))


def _differences(
    names: tuple[str, ...], found: Mapping[str | None, Sales], amounts: Mapping[str, NDArray[np.float64]], level: float
) -> dict[str, Difference | None]:
    """How sales differ between those who came after a date and those who came before it."""
    _, before, after = names
    pairs: dict[str, list[ArmOutcomes]] = {"close_rate": [], "average": []}
    for name in (after, before):
        share = found[name].close_rate
        if share is not None and share.whole:
            pairs["close_rate"].append(ArmOutcomes.counted(name, share.whole, share.part))
        if len(amounts[name]):
            pairs["average"].append(ArmOutcomes.of(name, amounts[name]))
    return {
        name: Difference.between(*own, level=level) if len(own) == len((before, after)) else None
        for name, own in pairs.items()
    }


def _cells(own: CohortSales) -> tuple[str, ...]:
    sales, rate, span = own.sales, _UNKNOWN, _UNKNOWN
    share = sales.close_rate
    if share is not None and share.rate is not None and share.low is not None and share.high is not None:
        rate, span = f"{100 * share.rate:.1f} %", f"{100 * share.low:.1f} to {100 * share.high:.1f} %"
    bought = _UNKNOWN if own.buyers.rate is None else f"{100 * own.buyers.rate:.1f} %"
    average = _UNKNOWN if sales.average is None else f"{sales.average:,.2f}"
    its = _UNKNOWN if sales.low is None or sales.high is None else f"{sales.low:,.2f} to {sales.high:,.2f}"
    counts = (
        f"{own.contacts:,}",
        f"{own.young:,}",
        f"{own.buyers.part:,}",
        bought,
        f"{sales.won:,}",
        f"{sales.lost:,}",
    )
    return own.cohort, *counts, rate, span, average, its, "small" if own.is_small else ""


def _difference_cells(own: GroupCohorts) -> Iterator[tuple[str, ...]]:
    for said, found, scale, unit in (("close rate", own.close_rate, 100, " %"), ("average sale", own.average, 1, "")):
        if found is None or found.difference is None:
            yield said, _UNKNOWN, _UNKNOWN
            continue
        span = _UNKNOWN
        if found.fixed is not None:
            span = f"{scale * found.fixed[0]:+,.2f} to {scale * found.fixed[1]:+,.2f}{unit}"
        yield said, f"{scale * found.difference:+,.2f}{unit}", span
