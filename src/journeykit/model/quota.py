"""Quotas: what holds over all contacts."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen, validators

from journeykit.basics.clock import day_number
from journeykit.basics.validation import (
    BILLIONTH,
    MILLIONTH,
    boolean,
    instance,
    listed,
    number,
    required_text,
    scaled,
    shown,
)
from journeykit.errors import ModelError
from journeykit.model.cap import Scope
from journeykit.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from journeykit.model.campaign import Campaign
    from journeykit.model.cap import Facets
    from journeykit.model.claim import Claim

BUILT_IN = ("count", "cost", "responses", "value", "share")
"""What a quota can add up without a column of the claims table."""


def _span(value: Iterable[date] | None) -> tuple[date, date] | None:
    if value is None:
        return None
    days = listed(value, "a first and a last date")
    if len(days) != 2 or any(not isinstance(day, date) or isinstance(day, datetime) for day in days):
        raise ModelError(f"during is a first and a last date, found {shown(value)}", field="during")
    return days[0], days[1]


_OVER_RUNS = ("calendar", "between", "ever")


def _window(value: Any) -> Window | None:
    """The window over runs; the word for the run itself is None."""
    if value is None or (isinstance(value, str) and value == "run"):
        return None
    if not isinstance(value, Window):
        raise ModelError(f"window is 'run' or a Window, found {shown(value)}", field="window")
    if value.kind not in _OVER_RUNS:
        raise ModelError(
            f"a quota counts by calendar periods, between two dates, or ever; found a window of kind {value.kind}",
            field="window",
        )
    if value.is_local:
        raise ModelError(
            "a quota counts the messages of all contacts, whose dates differ: give its window the zone 'playbook' or "
            "an IANA name",
            field="window",
        )
    return value


def _unit_of(value: Any) -> Any:
    """What is added up; the words for what there always is are known whatever their case."""
    folded = value.strip().casefold() if isinstance(value, str) else value
    return folded if folded in BUILT_IN else value


@frozen(kw_only=True)
class Quota:
    """A maximum or minimum over all contacts: seats, calls, budget, a team's share.

    Attributes:
        name: how runs refer to it.
        where: which granted claims count.
        max: the most, or None.
        min: the least, or None.
        of: what is added up: ``count``; ``cost`` of the claim, else of its campaign, else 0; ``responses``, the sum of
            propensities, 1 for a claim without one; ``value``, the sum of weights; ``share`` of all that is granted; or
            a numeric column of the claims table.
        during: first and last local date of what counts; None for the whole run.
        hard: whether it holds exactly; with None a max is hard and a min is soft.
        window: over which messages it counts: those of the run (None, ``run`` in a playbook file), or those of all runs
            and single decisions in a calendar period, between two local dates, or ever. Each period is a quota of its
            own. Another than the run's needs a ledger, where what is used is kept.
        penalty: of a soft quota, what one unit of excess or shortfall costs; one unit of a share is one message;
            None takes the largest weight of the run.
    """

    name: str = field(validator=required_text)
    where: Scope = field(factory=Scope, validator=instance(Scope))
    max: float | None = field(default=None, validator=validators.optional(number()))
    min: float | None = field(default=None, validator=validators.optional(number()))
    of: str = field(default="count", converter=_unit_of, validator=required_text)
    during: tuple[date, date] | None = field(default=None, converter=_span)
    hard: bool | None = field(default=None, validator=validators.optional(boolean))
    penalty: float | None = field(default=None, validator=validators.optional(number(0)))
    window: Window | None = field(default=None, converter=_window, metadata={"later": True, "word": "run"})

    def __attrs_post_init__(self) -> None:
        if self.max is None and self.min is None:
            raise ModelError("a quota needs a max, a min, or both", field="max")
        if self.max is not None and self.min is not None and self.min > self.max:
            raise ModelError(f"no number is at least {self.min} and at most {self.max}", field="min")
        if self.of == "share" and any(bound is not None and not 0 <= bound <= 1 for bound in (self.max, self.min)):
            raise ModelError("a share is a number from 0 to 1", field="max" if self.max is not None else "min")
        if self.during is not None and self.during[1] < self.during[0]:
            raise ModelError(f"the quota ends ({self.during[1]}) before it starts ({self.during[0]})", field="during")
        if self.during is not None and self.window is not None:
            raise ModelError(
                "during is about one run, and window about all of them: give one; for the dates of all runs, "
                "a window of between",
                field="window",
            )

    @property
    def sides(self) -> Iterator[Side]:
        """The most and the least, as far as there are such."""
        if self.max is not None:
            yield Side(self, is_max=True)
        if self.min is not None:
            yield Side(self, is_max=False)

    @property
    def own_column(self) -> str | None:
        """The column of the claims table that is added up, or None."""
        return None if self.of in BUILT_IN else self.of

    def has_day(self, day: int) -> bool:
        """Whether what goes out on a local date (a day number) counts."""
        return self.during is None or day_number(self.during[0]) <= day <= day_number(self.during[1])


@frozen
class Side:
    """One side of a quota: the most, or the least. What is used of it is a whole number of its smallest unit.

    A least is a most with its sign turned: so whatever the side, no more may be used than there is.

    Attributes:
        quota: the quota.
        is_max: whether it is the most.
        period: of a quota with a window, the period that it is about, for people; else None.
        span: the first instant of that period, and the first after it; None for all of them.
        spent: what was used of it in that period before, in smallest units; above 0 for what leaves less.
        counted: how many messages were counted in that period before; of a share only.
        ahead: whether the period begins after the run's last instant.
        part: of the contacts in an arm of an experiment, their part of what there is, in smallest units; None for all
            contacts.
    """

    quota: Quota
    is_max: bool
    period: str | None = None
    span: tuple[int, int] | None = None
    spent: int = 0
    counted: int = 0
    ahead: bool = False
    part: int | None = None

    @property
    def sign(self) -> int:
        """1 for the most, -1 for the least."""
        return 1 if self.is_max else -1

    @property
    def limit(self) -> float:
        """The number that is wanted, as the playbook has it."""
        found = self.quota.max if self.is_max else self.quota.min
        assert found is not None  # noqa: S101  (only sides that there are are made)
        return found

    @property
    def hard(self) -> bool:
        """Whether it holds exactly."""
        return self.is_max if self.quota.hard is None else self.quota.hard

    @property
    def unit(self) -> int:
        """How many of its smallest units make one."""
        return MILLIONTH if self.quota.of == "value" else BILLIONTH

    @property
    def bound(self) -> int:
        """How much there is, in smallest units; a share is measured against what is granted, and so is 0.

        What was used before is taken off. A maximum that is exceeded already allows nothing more, and nothing else.
        """
        if self.part is not None:
            return self.part
        whole = 0 if self.quota.of == "share" else self.sign * scaled(self.limit, self.unit)
        if not self.spent:
            return whole
        over = self.is_max or (self.hard and self.quota.of == "share")
        return max(0, whole - self.spent) if over else whole - self.spent

    @property
    def wanted(self) -> float:
        """The number that is wanted, less what was used before; of an arm, its part of that."""
        is_whole = self.quota.of == "share" or (not self.spent and self.part is None)
        return self.limit if is_whole else self.sign * self.bound / self.unit

    def counts_at(self, day: int, at: int) -> bool:
        """Whether what goes out at an instant, on a local date (a day number), counts."""
        return self.quota.has_day(day) and (self.span is None or self.span[0] <= at < self.span[1])

    def fixed(self, campaign: Campaign, facets: Facets, day: int, at: int) -> int:
        """What a message of a campaign uses at an instant, whatever the claim; 0 where the claim says how much."""
        quota = self.quota
        if not self.counts_at(day, at):
            return 0
        matches = quota.where.matches(facets)
        if quota.of == "share":
            return self.sign * (matches * self.unit - scaled(self.limit, self.unit))
        if not matches:
            return 0
        if quota.of == "count":
            return self.sign * self.unit
        return self.sign * scaled(campaign.cost or 0.0, self.unit) if quota.of == "cost" else 0

    def amount(self, claim: Claim, weight: int) -> int | None:
        """What a claim has of what is added up, in smallest units; None where that is the same for all claims.

        Args:
            claim: the claim.
            weight: its weight, in millionths.
        """
        of = self.quota.of
        if of == "value":
            return weight
        if of == "responses":
            return scaled(1.0 if claim.propensity is None else claim.propensity, self.unit)
        if of == "cost":
            return None if claim.cost is None else scaled(claim.cost, self.unit)
        if of in BUILT_IN:
            return None
        found = number_of(claim, of)
        return None if found is None else scaled(found, self.unit)

    def use(self, campaign: Campaign, facets: Facets, claim: Claim, weight: int, day: int, at: int) -> int:
        """What a claim uses that goes out at an instant, on a local date (a day number), in smallest units.

        Example:
            >>> from journeykit import Campaign, Claim
            >>> budget = Quota(name="budget", max=100, of="cost")
            >>> side = next(budget.sides)
            >>> side.use(Campaign(id="mailing", cost=0.7), {}, Claim(campaign="mailing"), 1_000_000, 20_000, 0)
            700000000
        """
        amount = self.amount(claim, weight)
        if amount is None:
            return self.fixed(campaign, facets, day, at)
        return self.sign * amount if self.counts_at(day, at) and self.quota.where.matches(facets) else 0


_OF_CLAIM = ("propensity", "spread", "opt_out", "uplift")
"""The columns of claims that models fill, which a quota can add up like a column of one's own."""


def number_of(claim: Claim, column: str) -> float | None:
    """A further number of a claim, by its column's name without regard to case; None where there is none."""
    found = number_in(claim.numbers, column)
    if found is None and column.strip().casefold() in _OF_CLAIM:
        found = getattr(claim, column.strip().casefold())
    return None if found is None or found != found else found  # noqa: PLR0124  (NaN is no number)


def number_in(numbers: Mapping[str, float], column: str) -> float | None:
    """The same of further numbers by column."""
    found = numbers.get(column)
    if found is None:
        wanted = column.strip().casefold()
        found = next((value for name, value in numbers.items() if name.strip().casefold() == wanted), None)
    return None if found is None or found != found else found  # noqa: PLR0124  (NaN is no number)


def hard_maxima(quotas: Iterable[Quota]) -> str:
    """The quotas with a maximum that must hold exactly, by name, for people; empty where there is none.

    Example:
        >>> hard_maxima([Quota(name="seats", max=60), Quota(name="voice", min=5)])
        "'seats' (at most 60)"
    """
    found = [(quota, side) for quota in quotas for side in quota.sides if side.is_max and side.hard]
    return ", ".join(f"{quota.name!r} (at most {side.limit:g})" for quota, side in found)


@frozen(kw_only=True)
class Usage:
    """What a run made of one quota. Numbers are in the quota's own unit; of a share they are shares.

    Attributes:
        name: the quota's name.
        of: what it adds up.
        max: the most, or None.
        min: the least, or None.
        usage: what the run's choice uses.
        period: of a quota with a window, the period, such as its first date; else None.
        before: what other runs and single decisions had used of that period when the run began; part of the usage.
        reserved: with a ledger, what of it is reserved: less, where contacts had to be decided again because others
            had reserved for them, or they had opted out, since the run began. None without a ledger.
        price: what one unit more of the room would have been worth: above 0 where the most binds, below 0 where the
            least does. One unit of a share is one message.
        excess: how much more than the most was used.
        shortfall: how much less than the least.
        penalty: what that cost in the run's objective.
        cost: of a least share with a price: what keeping it costs in value; else None.
        note: for people, where something is to be said; else an empty text.
        arm: of the contacts in an arm of an experiment, which, as decisions name it (empty for those in none); max and
            min are then its part of them. None for all contacts.
    """

    name: str
    of: str
    max: float | None
    min: float | None
    usage: float
    price: float = 0.0
    excess: float = 0.0
    shortfall: float = 0.0
    penalty: float = 0.0
    cost: float | None = None
    note: str = ""
    reserved: float | None = None
    period: str | None = None
    before: float = 0.0
    arm: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; what is about a period, or an arm, only where there is one."""
        found = asdict(self)
        if self.arm is None:
            del found["arm"]
        if self.period is None:
            del found["period"], found["before"]
        return found
