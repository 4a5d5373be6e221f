"""The report of a simulation: as text, as a page, as plain data and as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from journeykit.basics.plain_data import with_schema
from journeykit.journey.measure.funnel_report import ReportTable, counted, page, text
from journeykit.simulating.seed_mean import SeedMean
from journeykit.simulating.simulated_world import FLOWS, LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


MEASURES = (*FLOWS, *LEVELS)
"""What is measured: the first are added up over the days, the others are levels at the end of a day."""
SIMULATIONS: Mapping[str, str] = {
    "playbook": "text",
    "arm": "text",
    "date": "text",
    "measure": "text",
    "mean": "number",
    "low": "number",
    "high": "number",
    "so_far": "number",
    "so_far_low": "number",
    "so_far_high": "number",
    "difference": "number",
    "difference_low": "number",
    "difference_high": "number",
}
"""The columns of the table of days, with the kind of each. What a row does not have is empty."""
_TITLES = {
    "messages": "messages",
    "responses": "answers",
    "value": "value",
    "opt_outs": "opt-outs",
    "base": "base",
    "lifetime": "lifetime value",
}
_UNKNOWN = "-"
_LONGEST = 40
_SHOWN_DAYS, _SHOWN_CAMPAIGNS = 10, 20
"""So many days and campaigns are in the text; all are in the table and the JSON."""


@frozen(eq=False, kw_only=True, repr=False)
class SimulatedPlaybook:
    """What came to pass under one playbook, in all worlds.

    Attributes:
        name: what the playbook is called.
        fingerprint: its fingerprint.
        dates: the nights, by their local dates.
        arms: the names of the arms; one empty name where there are none. Contacts in no arm have an empty one too.
        sizes: by arm, how many contacts are in it.
        days: by world, night, arm and measure of `MEASURES`, the amount of the day, or the level at its end.
        stages: the names of the stages.
        on_stages: by world, night and stage, how many contacts of the base are there at the end of the day.
        has_values: whether stages have values; without them there is no lifetime value.
        campaigns: the campaigns.
        sums: by world, campaign and measure of `FLOWS`, the sum.
        level: the level of confidence.
        said: what is to be said of it.
    """

    name: str
    fingerprint: str
    dates: tuple[date, ...]
    arms: tuple[str, ...]
    sizes: tuple[int, ...]
    days: NDArray[np.float64]
    stages: tuple[str, ...]
    on_stages: NDArray[np.int64]
    has_values: bool
    campaigns: tuple[str, ...]
    sums: NDArray[np.float64]
    level: float
    said: tuple[str, ...] = ()

    @property
    def measures(self) -> tuple[str, ...]:
        """What is measured of it."""
        return tuple(name for name in MEASURES if name != "lifetime" or self.has_values)

    def by_world(self, measure: str, arm: int | None = None) -> NDArray[np.float64]:
        """By world and night, the amount of the day, or the level at its end.

        Args:
            measure: which.
            arm: the place of an arm; None for all contacts.
        """
        place = MEASURES.index(measure)
        found: NDArray[np.float64] = self.days[:, :, :, place].sum(2) if arm is None else self.days[:, :, arm, place]
        return found

    def so_far(self, measure: str, arm: int | None = None) -> NDArray[np.float64]:
        """By world and night, the sum of the days so far, or the level at the end of the day."""
        found = self.by_world(measure, arm)
        return np.cumsum(found, axis=1) if measure in FLOWS else found

    def total(self, measure: str, arm: int | None = None) -> SeedMean:
        """The sum over all days, or the level at the end of the last, as a mean over worlds."""
        return self.until(measure, -1, arm)

    def until(self, measure: str, night: int, arm: int | None = None) -> SeedMean:
        """The sum until a night, or the level at the end of its day, as a mean over worlds."""
        return self._mean(self.so_far(measure, arm)[:, night], measure)

    def day(self, measure: str, night: int, arm: int | None = None) -> SeedMean:
        """The amount of one day, or the level at its end, as a mean over worlds."""
        return self._mean(self.by_world(measure, arm)[:, night], measure)

    def campaign(self, campaign: str, measure: str) -> SeedMean:
        """The sum of one campaign, as a mean over worlds."""
        place = self.campaigns.index(campaign), FLOWS.index(measure)
        return self._mean(self.sums[:, place[0], place[1]], measure)

    def less(self, other: SimulatedPlaybook, measure: str, night: int = -1) -> SeedMean:
        """How much more there is than under another playbook until a night, world by world; and its interval."""
        gap = self.so_far(measure)[:, night] - other.so_far(measure)[:, night]
        return SeedMean.of(gap, self.level)

    def _mean(self, values: NDArray[np.float64], measure: str) -> SeedMean:
        return SeedMean.of(values, self.level, least=-math.inf if measure in ("value", "lifetime") else 0.0)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        several = len(self.arms) > 1
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "totals": {name: self.total(name).to_dict() for name in self.measures},
            "arms": [self._arm(place) for place in range(len(self.arms))] if several else [],
            "campaigns": [
                {"campaign": own, **{name: self.campaign(own, name).to_dict() for name in FLOWS}}
                for own in self.campaigns
            ],
            "days": [self._day(night) for night in range(len(self.dates))],
            "notes": list(self.said),
        }

    def _arm(self, place: int) -> dict[str, Any]:
        totals = {name: self.total(name, place).to_dict() for name in self.measures}
        return {"arm": self.arms[place] or None, "contacts": self.sizes[place], "totals": totals}

    def _day(self, night: int) -> dict[str, Any]:
        stages = self.on_stages[:, night].mean(0).tolist()
        return {
            "date": self.dates[night].isoformat(),
            **{name: self.day(name, night).to_dict() for name in self.measures},
            "so_far": {name: self.until(name, night).to_dict() for name in FLOWS},
            "stages": dict(zip(self.stages, stages, strict=True)),
        }


@frozen(kw_only=True, repr=False)
class SimulationReport:
    """What days to come bring under playbooks.

    Print it for the text, show it in a notebook for tables, or take it as plain data.

    Attributes:
        at: the first night.
        until: the end.
        seeds: how many worlds were simulated for each playbook.
        seed: the first seed.
        level: the level of confidence of intervals.
        contacts: how many contacts there are.
        opt_outs: what an opt-out takes back.
        pressure: by how much each message of seven days multiplies the chance of an opt-out.
        playbooks: what came to pass under each; the others are compared with the first.
        chances: by stage, and by the stage to which a contact goes, the chance on a day without a message.
        notes: what is to be said of the tables.
    """

    at: datetime
    until: datetime
    seeds: int
    seed: int
    level: float
    contacts: int
    opt_outs: str
    pressure: float
    playbooks: tuple[SimulatedPlaybook, ...]
    chances: Mapping[str, Mapping[str, float]] = field(factory=dict)
    notes: tuple[str, ...] = field(default=())

    def of(self, name: str) -> SimulatedPlaybook:
        """What came to pass under one playbook.

        Raises:
            KeyError: for a name that none has.
        """
        for own in self.playbooks:
            if own.name == name:
                return own
        raise KeyError(name)

    def difference(self, name: str, measure: str, night: int = -1) -> SeedMean:
        """How much more there is under a playbook than under the first one, world by world, until a night."""
        return self.of(name).less(self.playbooks[0], measure, night)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; instants are ISO text."""
        found = {
            "at": self.at.isoformat(),
            "until": self.until.isoformat(),
            **{name: getattr(self, name) for name in ("seeds", "seed", "level", "contacts", "opt_outs", "pressure")},
            "playbooks": [own.to_dict() for own in self.playbooks],
            "differences": [
                {"playbook": own.name, "against": self.playbooks[0].name, "measure": measure, **gap.to_dict()}
                for own, measure, gap in self._differences()
            ],
            "chances": {stage: dict(row) for stage, row in self.chances.items()},
            "notes": list(self.notes),
        }
        return with_schema("simulation", found)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table of days, with the columns of `SIMULATIONS`: by playbook, arm, day and measure."""
        first = self.playbooks[0]
        for own in self.playbooks:
            arms = [None, *range(len(own.arms))] if len(own.arms) > 1 else [None]
            for arm in arms:
                for night, day in enumerate(own.dates):
                    for measure in own.measures:
                        sums = own.until(measure, night, arm)
                        row = {
                            **dict.fromkeys(SIMULATIONS),
                            "playbook": own.name,
                            "arm": None if arm is None else own.arms[arm] or "(none)",
                            "date": day.isoformat(),
                            "measure": measure,
                            **own.day(measure, night, arm).to_dict(),
                            **{f"so_far{end}": value for end, value in _ends(sums)},
                        }
                        if arm is None and own is not first and measure in first.measures and night < len(first.dates):
                            gap = own.less(first, measure, night)
                            row |= {f"difference{end}": value for end, value in _ends(gap)}
                        yield row

    def tables(self) -> Iterator[ReportTable]:
        """The results as tables."""
        yield ReportTable("In all", ("playbook", *_headings(MEASURES)), [_totals(own) for own in self.playbooks], 1)
        if len(self.playbooks) > 1:
            rows = [
                (short(own.name), _TITLES[measure], _number(gap.mean), _interval(gap))
                for own, measure, gap in self._differences()
            ]
            yield ReportTable(
                f"More than {short(self.playbooks[0].name)}", ("playbook", "", "difference", "interval"), rows, 2
            )
        for own in self.playbooks:
            yield from self._tables_of(own)
        if self.chances:
            moves = [
                (short(stage), short(to), f"{100 * chance:.3g} %")
                for stage, row in self.chances.items()
                for to, chance in row.items()
            ]
            yield ReportTable("Moves on a day without a message", ("from", "to", "chance"), moves, 2)

    def _tables_of(self, own: SimulatedPlaybook) -> Iterator[ReportTable]:
        if len(own.arms) > 1:
            rows = [
                (short(name) or "(none)", f"{size:,}", *(_cells(own.total(measure, place)) for measure in own.measures))
                for place, (name, size) in enumerate(zip(own.arms, own.sizes, strict=True))
            ]
            yield ReportTable(f"{short(own.name)}: arms", ("arm", "contacts", *_headings(own.measures)), rows, 1)
        rows = [_campaign(own, campaign) for campaign in _largest(own)]
        yield ReportTable(
            f"{short(own.name)}: campaigns{_cut(len(own.campaigns), _SHOWN_CAMPAIGNS, 'with the most messages')}",
            ("campaign", *_headings(FLOWS)),
            rows,
            1,
        )
        shown = _spread(len(own.dates))
        rows = [(own.dates[night].isoformat(), *_so_far(own, night)) for night in shown]
        cut = _cut(len(own.dates), len(shown), "all days are in the table")
        yield ReportTable(
            f"{short(own.name)}: so far, at the end of the day{cut}",
            ("day", *_headings(MEASURES)),
            rows,
            1,
        )

    def _differences(self) -> Iterator[tuple[SimulatedPlaybook, str, SeedMean]]:
        first = self.playbooks[0]
        for own in self.playbooks[1:]:
            for measure in own.measures:
                if measure in first.measures:
                    yield own, measure, own.less(first, measure)

    def _heading(self) -> Iterator[str]:
        nights = {len(own.dates) for own in self.playbooks}
        days = " or ".join(counted(count, "night") for count in sorted(nights))
        yield (
            f"{counted(self.contacts, 'contact')}, {days} from {self.at:%Y-%m-%d %H:%M} ({self.at.tzname()}); "
            f"means over {counted(self.seeds, 'world')}."
        )
        if self.seeds > 1:
            yield (f"Intervals are at {100 * self.level:g} %, for the luck of the draw: scores are taken to be right.")
        yield from self.notes
        shared = [line for line in self.playbooks[0].said if all(line in own.said for own in self.playbooks)]
        yield from shared
        for own in self.playbooks:
            yield from (f"{short(own.name)}: {line}" for line in own.said if line not in shared)

    def __str__(self) -> str:
        return text(self._heading(), self.tables())

    def __repr__(self) -> str:
        return f"<SimulationReport of {', '.join(own.name for own in self.playbooks)}>"

    def _repr_html_(self) -> str:
        return page(self._heading(), self.tables())


def short(name: str) -> str:
    """A name as tables for people have it: of a long one the beginning."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _headings(measures: Sequence[str]) -> tuple[str, ...]:
    return tuple(_TITLES[name] for name in measures)


def _ends(found: SeedMean) -> tuple[tuple[str, float | None], ...]:
    return ("", found.mean), ("_low", found.low), ("_high", found.high)


def _number(value: float) -> str:
    """A number with as many digits as tell something."""
    return f"{value:,.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:,.4g}"


def _interval(found: SeedMean) -> str:
    return _UNKNOWN if found.low is None or found.high is None else f"{_number(found.low)} to {_number(found.high)}"


def _cells(found: SeedMean) -> str:
    """A mean, and how far its interval reaches."""
    if found.low is None or found.high is None:
        return _number(found.mean)
    return f"{_number(found.mean)} ± {_number(found.high - found.mean)}"


def _totals(own: SimulatedPlaybook) -> tuple[str, ...]:
    known = own.measures
    return short(own.name), *(_cells(own.total(name)) if name in known else _UNKNOWN for name in MEASURES)


def _campaign(own: SimulatedPlaybook, campaign: str) -> tuple[str, ...]:
    return short(campaign), *(_number(own.campaign(campaign, name).mean) for name in FLOWS)


def _so_far(own: SimulatedPlaybook, night: int) -> Iterator[str]:
    for name in MEASURES:
        known = name in own.measures
        yield _number(float(own.so_far(name)[:, night].mean())) if known else _UNKNOWN


def _largest(own: SimulatedPlaybook) -> list[str]:
    """The campaigns with the most messages."""
    sent = own.sums[:, :, 0].sum(0)
    order = np.argsort(-sent, kind="stable")[:_SHOWN_CAMPAIGNS]
    return [own.campaigns[place] for place in order.tolist()]


def _spread(nights: int) -> list[int]:
    """Some nights, evenly spread; the last one is among them."""
    count = min(nights, _SHOWN_DAYS)
    return [((place + 1) * nights) // count - 1 for place in range(count)]


def _cut(count: int, shown: int, which: str) -> str:
    return "" if count <= shown else f" ({shown} of {count:,}, {which})"
