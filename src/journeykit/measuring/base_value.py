"""The lifetime value of the base at two ends of a time, and what changed it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen

from journeykit.basics.clock import moment
from journeykit.journey.measure.funnel_report import ReportTable, page, text
from journeykit.measuring.stage_stays import NOWHERE
from journeykit.measuring.value_chain import Estimated, StageValues

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from journeykit.measuring.stage_stays import StageStays

_UNKNOWN = "-"


@frozen(kw_only=True)
class ValueChange:
    """The lifetime value of some contacts at both ends of a time, and what changed it.

    ``after`` is ``before`` and ``came`` and ``moved`` less ``left``, at the same stage values; so is each interval that
    of the stage values. A contact is there who has entered the journey and is not lost.

    Attributes:
        contacts_before: how many were there at the start.
        contacts_came: how many were there at the end and not at the start.
        contacts_left: how many were there at the start and not at the end.
        contacts_moved: how many were there at both ends, on different stages.
        contacts_after: how many were there at the end.
        before: what those at the start were worth.
        came: what those who came are worth.
        moved: what those who stayed are worth more at the end than at the start, by their stages.
        left: what those who left were worth.
        after: what those at the end are worth.
        change: ``after`` less ``before``.
        revaluation: what those at the start were worth more, or less, at these stage values than at those that could
            be estimated at the start; None where nothing could. It is no part of the change.
    """

    contacts_before: int
    contacts_came: int
    contacts_left: int
    contacts_moved: int
    contacts_after: int
    before: Estimated
    came: Estimated
    moved: Estimated
    left: Estimated
    after: Estimated
    change: Estimated
    revaluation: Estimated | None

    @classmethod
    def of(cls, pairs: NDArray[np.int64], values: StageValues, earlier: StageValues | None = None) -> ValueChange:
        """The change that pairs of stages make.

        Args:
            pairs: by stage at the start and stage at the end, how many contacts; the last of both is for those who
                were not there.
            values: what a contact on each stage is worth.
            earlier: what could be estimated of that at the start.
        """
        here = pairs[:-1, :-1]
        start, end = pairs[:-1].sum(1).astype(np.float64), pairs[:, :-1].sum(0).astype(np.float64)
        came, left = pairs[-1, :-1].astype(np.float64), pairs[:-1, -1].astype(np.float64)
        revaluation = None
        if earlier is not None:
            # Both estimates are from the same contacts: those left out are left out of both.
            gain = values.array - earlier.array
            both = len(values.without) == len(earlier.without)
            without = values.without - earlier.without if both else values.without[:0]
            revaluation = _worth_of(start, gain, without, values)
        return cls(
            contacts_before=int(start.sum()),
            contacts_came=int(came.sum()),
            contacts_left=int(left.sum()),
            contacts_moved=int(here.sum() - np.trace(here)),
            contacts_after=int(end.sum()),
            before=values.worth(start),
            came=values.worth(came),
            moved=values.worth((here.sum(0) - here.sum(1)).astype(np.float64)),
            left=values.worth(left),
            after=values.worth(end),
            change=values.worth(end - start),
            revaluation=revaluation,
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        counts = ("before", "came", "left", "moved", "after")
        amounts = ("before", "came", "moved", "left", "after", "change", "revaluation")
        found: dict[str, Any] = {f"contacts_{name}": getattr(self, f"contacts_{name}") for name in counts}
        for name in amounts:
            own: Estimated | None = getattr(self, name)
            found[name] = None if own is None else own.to_dict()
        return found


def _worth_of(
    weights: NDArray[np.float64], value: NDArray[np.float64], without: NDArray[np.float64], values: StageValues
) -> Estimated:
    from journeykit.measuring.value_chain import jackknifed

    return jackknifed(float(weights @ value), without @ weights, values.level)


def stage_pairs(stays: StageStays, since: int, contacts: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """By stage at an instant and stage at the end, how many contacts; the last of both is for those not there.

    Args:
        stays: where contacts were.
        since: the instant.
        contacts: by contact, whether it counts; by default all do.
    """
    stages = len(stays.stages)
    ends = []
    for at in (since, stays.until):
        stage = stays.stage_at(at)
        ends.append(np.where((stage == NOWHERE) | stays.is_lost[stage], stages, stage))
    pairs = ends[0] * (stages + 1) + ends[1]
    if contacts is not None:
        pairs = pairs[contacts]
    return np.bincount(pairs, minlength=(stages + 1) ** 2).reshape(stages + 1, stages + 1)


@frozen(kw_only=True, repr=False)
class BaseValue:
    """The lifetime value of the base at two ends of a time, and what changed it, for all contacts and by segment.

    Print it for the text, show it in a notebook for tables, or take it as plain data.

    Attributes:
        since: the start.
        until: the end.
        period: the length of a period of the chain, such as ``30d``.
        values: what a contact on each stage is worth: estimated once, and used at both ends.
        everything: the change over all contacts.
        by_segment: the change by segment; a contact of several counts in each.
        said: what is to be said of it.
    """

    since: datetime
    until: datetime
    period: str
    values: StageValues
    everything: ValueChange
    by_segment: Mapping[str, ValueChange] = field(factory=dict)
    said: tuple[str, ...] = ()

    name = "base_value"

    def notes(self) -> tuple[str, ...]:
        """What is to be said of it, a line each."""
        return self.said

    def tables(self) -> Iterator[ReportTable]:
        """The values of stages, and the change, as tables."""
        yield ReportTable(
            f"Value of a contact by stage (periods of {self.period}, discount {self.values.chain.discount:g})",
            ("stage", "reward", "stays", "lost", "value", "interval", "moves seen"),
            [_stage_cells(own, self.values) for own in self.values.to_dict()["stages"]],
            1,
        )
        groups = [("all", self.everything), *self.by_segment.items()]
        rows = [cells for name, change in groups for cells in _change_cells(name, change)]
        yield ReportTable("Lifetime value of the base", ("segment", "", "contacts", "value", "interval"), rows, 2)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "period": self.period,
            "level": self.values.level,
            "values": self.values.to_dict(),
            "all": self.everything.to_dict(),
            "by_segment": {name: own.to_dict() for name, own in self.by_segment.items()},
            "notes": list(self.said),
        }

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """Rows of the table of measures: a row for each part of the change."""
        for by, name, change in [("", "all", self.everything), *(("segment", *own) for own in self.by_segment.items())]:
            for part, contacts, amount in _parts(change):
                cells: dict[str, Any] = {"by": by, "group": name, "measure": f"base_value.{part}", "contacts": contacts}
                yield {**cells, "value": amount.value, "value_low": amount.low, "value_high": amount.high}

    def _heading(self) -> Iterable[str]:
        since, until = (f"{at:%Y-%m-%d %H:%M}" for at in (self.since, self.until))
        return (f"From {since} to {until} (UTC); intervals are at {100 * self.values.level:g} %.", *self.said)

    def __str__(self) -> str:
        return text(self._heading(), self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page(self._heading(), self.tables())


def base_value(
    stays: StageStays,
    since: int,
    values: StageValues,
    *,
    earlier: StageValues | None = None,
    period: str,
    segments: Mapping[str, NDArray[np.bool_]] | None = None,
) -> BaseValue:
    """The lifetime value of the base from an instant to the end of observation.

    Args:
        stays: where contacts were.
        since: the instant, in microseconds.
        values: what a contact on each stage is worth.
        earlier: what could be estimated of that at the start.
        period: the length of a period, in words.
        segments: by name, which contacts are in a segment.
    """
    return BaseValue(
        since=moment(since),
        until=moment(stays.until),
        period=period,
        values=values,
        everything=ValueChange.of(stage_pairs(stays, since), values, earlier),
        by_segment={
            name: ValueChange.of(stage_pairs(stays, since, own), values, earlier)
            for name, own in (segments or {}).items()
        },
        said=tuple(_said(values)),
    )


def _said(values: StageValues) -> Iterator[str]:
    unseen = [stage for stage in values.chain.probabilities if not values.seen[stage]]
    if unseen:
        yield f"nobody was seen on {', '.join(unseen)} for a whole period: its value is that of one period"
    if values.elsewhere:
        yield f"{values.elsewhere:,.2f} was brought, or spent, where contacts were lost or not on the journey yet"


def _parts(change: ValueChange) -> Iterator[tuple[str, int | None, Estimated]]:
    yield "before", change.contacts_before, change.before
    yield "came", change.contacts_came, change.came
    yield "moved", change.contacts_moved, change.moved
    yield "left", change.contacts_left, change.left
    yield "after", change.contacts_after, change.after
    yield "change", change.contacts_after - change.contacts_before, change.change
    if change.revaluation is not None:
        yield "revaluation", change.contacts_before, change.revaluation


_SAID = {
    "before": "at the start",
    "came": "+ came",
    "moved": "+ moved",
    "left": "- left",
    "after": "= at the end",
    "change": "change",
    "revaluation": "revaluation, apart",
}


def _change_cells(name: str, change: ValueChange) -> Iterator[tuple[str, ...]]:
    for part, contacts, amount in _parts(change):
        yield name, _SAID[part], _UNKNOWN if contacts is None else f"{contacts:,}", *amount_cells(amount)
        name = ""


def amount_cells(amount: Estimated | None) -> tuple[str, str]:
    """A figure and its interval for people."""
    if amount is None:
        return _UNKNOWN, _UNKNOWN
    span = _UNKNOWN if amount.low is None or amount.high is None else f"{amount.low:,.2f} to {amount.high:,.2f}"
    return f"{amount.value:,.2f}", span


def _stage_cells(own: Mapping[str, Any], values: StageValues) -> tuple[str, ...]:
    row = values.chain.probabilities.get(own["stage"])
    if row is None:
        return own["stage"], _UNKNOWN, _UNKNOWN, _UNKNOWN, "lost", _UNKNOWN, _UNKNOWN
    lost = sum(chance for to, chance in row.items() if to not in values.chain.probabilities)
    amount = Estimated(own["value"], own["low"], own["high"])
    chances = (f"{100 * row.get(own['stage'], 0.0):.1f} %", f"{100 * lost:.1f} %")
    return own["stage"], f"{own['reward']:,.2f}", *chances, *amount_cells(amount), f"{own['seen']:,}"
