"""Customer assignment: published instances as a playbook and claims, and a checker that knows only their tables.

The tables are described in tests/data/customer_assignment/README.md.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from journeykit import Playbook

DAY_ONE = date(2026, 1, 5)
"""A Monday; the instances count days from 1."""
HARD = ("Maximum assignment", "Budget")
SOFT = ("Minimum assignment", "Minimum sales", "Maximum sales")
MEASURE = {"assignment": "count", "Budget": "cost", "sales": "responses"}
CLOSE = 1e-6
"""Bounds are sums of decimal fractions that were made with binary ones."""


@dataclass(frozen=True)
class Activity:
    """What can be done on one day."""

    id: str
    day: int
    channel: str
    products: tuple[str, ...]
    cost: float


@dataclass(frozen=True)
class Option:
    """A possible assignment of a contact to an activity."""

    contact: str
    activity: str
    profit: float
    chance: float


@dataclass(frozen=True)
class Rule:
    """A bound on what happens in some days, on some channels, for some products (None for all)."""

    index: str
    kind: str
    start: int
    end: int
    channels: tuple[str, ...] | None
    products: tuple[str, ...] | None
    bound: float

    @property
    def name(self) -> str:
        return f"{self.index} {self.kind}"

    @property
    def of(self) -> str:
        return MEASURE[self.kind.split()[-1]]

    @property
    def least(self) -> bool:
        return self.kind.startswith("Minimum")

    def covers(self, activity: Activity) -> bool:
        return (
            self.start <= activity.day <= self.end
            and (self.channels is None or activity.channel in self.channels)
            and (self.products is None or any(product in self.products for product in activity.products))
        )

    def amount(self, activity: Activity, option: Option) -> float:
        return {"count": 1.0, "cost": activity.cost, "responses": option.chance}[self.of]


@dataclass(frozen=True)
class Ban:
    """No activity of the second kind within some days after one of the first; None for all channels or products."""

    index: str
    first: tuple[str | None, str | None]
    then: tuple[str | None, str | None]
    lag: int

    def forbids(self, one: Activity, other: Activity) -> bool:
        return 0 <= other.day - one.day <= self.lag and _is(self.first, one) and _is(self.then, other)


def _is(kind: tuple[str | None, str | None], activity: Activity) -> bool:
    channel, product = kind
    return channel in (None, activity.channel) and (product is None or product in activity.products)


@dataclass(frozen=True)
class Instance:
    """Four tables."""

    name: str
    activities: dict[str, Activity]
    options: list[Option]
    rules: list[Rule]
    bans: list[Ban]

    @classmethod
    def read(cls, folder: Path) -> Instance:
        activities, options, rules, bans = (_rows(folder / f"table{number}.csv") for number in (1, 2, 3, 4))
        return cls(
            folder.name,
            {
                row["Activity"]: Activity(
                    row["Activity"],
                    int(row["Day"]),
                    row["Channel"],
                    _names(row["TargetProducts"]) or (),
                    float(row["Cost"]),
                )
                for row in activities
            },
            [
                Option(
                    row["Customer"], row["Activity"], float(row["ExpectedProfit"]), float(row["ResponseProbability"])
                )
                for row in options
            ],
            [
                Rule(
                    row["Index"],
                    row["Type"],
                    int(row["StartDay"]),
                    int(row["EndDay"]),
                    _names(row["Channels"]),
                    _names(row["TargetProducts"]),
                    float(row["Bound"]),
                )
                for row in rules
            ],
            [
                Ban(
                    row["Index"],
                    (_any(row["Channel1"]), _any(row["TargetProduct1"])),
                    (_any(row["Channel2"]), _any(row["TargetProduct2"])),
                    int(row["Lag"]),
                )
                for row in bans
            ],
        )

    @cached_property
    def penalty(self) -> float:
        """What a unit of excess or shortfall of a soft rule costs: the largest expected profit."""
        return max(option.profit for option in self.options)

    @cached_property
    def by_contact(self) -> dict[str, list[Option]]:
        found = defaultdict(list)
        for option in self.options:
            found[option.contact].append(option)
        return dict(found)

    @cached_property
    def at(self) -> datetime:
        return instant(1)

    @cached_property
    def until(self) -> datetime:
        return instant(max(activity.day for activity in self.activities.values()))

    @cached_property
    def quotas(self) -> list[Rule]:
        """The rules over all contacts."""
        return [rule for rule in self.rules if rule.kind in (*HARD, *SOFT)]

    @cached_property
    def caps(self) -> list[Rule]:
        """The rules for each contact."""
        return [rule for rule in self.rules if rule.kind == "Maximum contact"]

    @cached_property
    def together(self) -> frozenset[tuple[str, str]]:
        """The pairs of activities, in both orders, that one contact may have."""
        acts = self.activities.values()
        return frozenset(
            (one.id, other.id)
            for one in acts
            for other in acts
            if one is not other and not any(ban.forbids(one, other) or ban.forbids(other, one) for ban in self.bans)
        )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [{name.rpartition("_")[2]: value for name, value in row.items()} for row in csv.DictReader(file)]


def _any(text: str) -> str | None:
    return None if text == "ALL" else text


def _names(text: str) -> tuple[str, ...] | None:
    return None if text == "ALL" else tuple(name.strip() for name in text.split(";"))


def local(day: int) -> date:
    return DAY_ONE + timedelta(days=day - 1)


def instant(day: int) -> datetime:
    return datetime.combine(local(day), time(9), UTC)


def playbook(instance: Instance) -> Playbook:
    """The rules of an instance: an activity is a campaign with a day of its own."""
    from journeykit import Playbook

    return Playbook.from_dict(
        {
            "name": instance.name,
            "timezone": "UTC",
            "content": [
                {"id": act.id, "channel": act.channel, "solutions": list(act.products)}
                for act in instance.activities.values()
            ],
            "campaigns": [
                {"id": act.id, "content": [act.id], "cost": act.cost, "repeat": 1, "dates": [str(local(act.day))]}
                for act in instance.activities.values()
            ],
            "caps": [
                {"name": rule.name, "max": rule.bound, "window": {"between": _during(rule)}, "where": _where(rule)}
                for rule in instance.caps
            ],
            "conflicts": [
                {
                    "name": f"conflict {ban.index}",
                    "first": _scope(*ban.first),
                    "then": _scope(*ban.then),
                    "lag": f"{ban.lag}d",
                }
                for ban in instance.bans
            ],
            "quotas": [_quota(instance, rule) for rule in instance.quotas],
            "on_missing": {"consent": "allow"},
        }
    )


def _quota(instance: Instance, rule: Rule) -> dict[str, Any]:
    quota = {"name": rule.name, "of": rule.of, "during": _during(rule), "where": _where(rule)}
    quota["min" if rule.least else "max"] = rule.bound
    quota["hard"] = rule.kind in HARD
    if not quota["hard"]:
        quota["penalty"] = instance.penalty
    return quota


def _during(rule: Rule) -> list[str]:
    return [str(local(rule.start)), str(local(rule.end))]


def _where(rule: Rule) -> dict[str, list[str]]:
    wanted = {"channel": rule.channels, "solution": rule.products}
    return {name: list(values) for name, values in wanted.items() if values is not None}


def _scope(channel: str | None, product: str | None) -> dict[str, str]:
    return {name: value for name, value in {"channel": channel, "solution": product}.items() if value is not None}


def claims(instance: Instance) -> Any:
    """The possible assignments as a table of claims."""
    import pyarrow as pa

    options = instance.options
    return pa.table(
        {
            "contact_id": [option.contact for option in options],
            "campaign_id": [option.activity for option in options],
            "at": [local(instance.activities[option.activity].day) for option in options],
            "weight": [option.profit for option in options],
            "propensity": [option.chance for option in options],
        }
    )


@dataclass
class Verdict:
    """What some assignments are worth, and the hard rules that they break."""

    profit: float
    penalties: float
    violations: list[str] = field(default_factory=list)

    @property
    def objective(self) -> float:
        return self.profit - self.penalties


def check(instance: Instance, granted: Iterable[tuple[str, str]]) -> Verdict:
    """Judge assignments, pairs of contact and activity, from the tables alone."""
    known = {(option.contact, option.activity): option for option in instance.options}
    violations, chosen, had = [], [], defaultdict(list)
    for contact, activity in granted:
        if (contact, activity) not in known:
            violations.append(f"{contact}: activity {activity} is not possible")
            continue
        chosen.append((instance.activities[activity], known[contact, activity]))
        had[contact].append(instance.activities[activity])
    for contact, acts in had.items():
        violations += [f"{contact}: {fault}" for fault in _faults(instance, acts)]
    penalties = []
    for rule in instance.quotas:
        used = math.fsum(rule.amount(act, option) for act, option in chosen if rule.covers(act))
        miss = max(0.0, rule.bound - used if rule.least else used - rule.bound)
        if rule.kind not in HARD:
            penalties.append(miss * instance.penalty)
        elif miss > CLOSE:
            violations.append(f"{rule.name}: {used} instead of {rule.bound}")
    return Verdict(math.fsum(option.profit for _, option in chosen), math.fsum(penalties), violations)


def _faults(instance: Instance, acts: list[Activity]) -> Iterable[str]:
    for rule in instance.caps:
        count = sum(rule.covers(act) for act in acts)
        if count > rule.bound:
            yield f"{rule.name}: {count} instead of {rule.bound}"
    for place, one in enumerate(acts):
        for other in acts[place + 1 :]:
            if one is other:
                yield f"activity {one.id} twice"
            elif (one.id, other.id) not in instance.together:
                yield f"activities {one.id} and {other.id} conflict"
