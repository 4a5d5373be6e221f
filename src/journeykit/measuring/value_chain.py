"""What a contact on each stage is worth, from what was seen: probabilities, rewards, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from journeykit.errors import ModelError
from journeykit.journey.measure.chain import LEFT, Chain
from journeykit.journey.measure.intervals import student_quantile
from journeykit.measuring.stage_stays import is_first

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeykit.measuring.stage_stays import StageStays

GROUPS = 100
"""So many groups of contacts are left out in turn, to see how sure a figure is."""
_FEWEST = 20
"""With fewer contacts there is no interval."""


@frozen
class Estimated:
    """An estimated figure with its interval.

    Attributes:
        value: the figure.
        low: the lower end of the interval; None where there are too few contacts to say.
        high: its upper end.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"value": self.value, "low": self.low, "high": self.high}


def jackknifed(value: float, without: NDArray[np.float64], level: float) -> Estimated:
    """A figure with the interval that the delete-a-group jackknife gives it.

    Kott, "The delete-a-group jackknife", Journal of Official Statistics 17, 2001: each group of contacts is left out in
    turn; how the figure changes says how sure it is. Student's distribution, with a degree less than there are groups.

    Args:
        value: the figure of all contacts.
        without: the figure without each group.
        level: the level of confidence.

    Example:
        >>> found = jackknifed(2.0, np.array([1.5, 2.0, 2.5]), 0.95)
        >>> round(found.low, 3), round(found.high, 3)
        (-0.484, 4.484)
    """
    groups = len(without)
    if groups < 2 or not np.isfinite(without).all():
        return Estimated(value)
    error = math.sqrt((groups - 1) / groups * float(((without - without.mean()) ** 2).sum()))
    reach = student_quantile(level, groups - 1) * error
    return Estimated(value, value - reach, value + reach)


def jackknife_groups(keys: NDArray[np.uint64], unit: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """By contact, the group with which it is left out: equally large ones, by the rank of keys that look random.

    Args:
        keys: by contact, a number that depends on its id alone.
        unit: by contact, the number of its account, where contacts of one are left out together.
    """
    if unit is None:
        whose, own = np.arange(len(keys)), keys
    else:
        _, whose = np.unique(unit, return_inverse=True)
        own = np.full(int(whose.max(initial=-1)) + 1, np.iinfo(np.uint64).max, np.uint64)
        np.minimum.at(own, whose, keys)
    rank = np.empty(len(own), np.int64)
    rank[np.argsort(own, kind="stable")] = np.arange(len(own))
    groups = 1 if len(own) < _FEWEST else min(GROUPS, len(own))
    return (rank % groups)[whose]


@frozen(eq=False, kw_only=True)
class StageSums:
    """What a chain is estimated from, by group of contacts.

    Attributes:
        stages: the names of the stages.
        is_lost: by stage, whether a contact there is lost.
        moves: by group, stage and stage one period later, how often that was seen.
        periods: by group and stage, for how many periods contacts were there.
        money: by group and stage, what they brought there, less what they cost.
        elsewhere: what was brought, less what was spent, where contacts were lost or had not entered the journey.
    """

    stages: tuple[str, ...]
    is_lost: NDArray[np.bool_]
    moves: NDArray[np.float64]
    periods: NDArray[np.float64]
    money: NDArray[np.float64]
    elsewhere: float

    @classmethod
    def of(
        cls,
        stays: StageStays,
        group: NDArray[np.int64],
        period: int,
        contact: NDArray[np.int64],
        at: NDArray[np.int64],
        amount: NDArray[np.float64],
    ) -> StageSums:
        """The sums over stays, and amounts of money within their time.

        Args:
            stays: where contacts were.
            group: by contact, the group.
            period: its length, in microseconds.
            contact: by amount, the number of the contact.
            at: by amount, the instant.
            amount: what was brought; what was spent is below 0.
        """
        stages, groups = len(stays.stages), int(group.max(initial=0)) + 1
        size = groups * stages
        place = group[stays.contact] * stages + stays.stage
        periods = np.bincount(place, (stays.end - stays.start) / period, size)
        stage = stays.stages_at(contact, at)
        here = (stage >= 0) & ~stays.is_lost[stage]
        money = np.bincount(group[contact[here]] * stages + stage[here], amount[here], size)
        return cls(
            stages=stays.stages,
            is_lost=stays.is_lost,
            moves=_moves(stays, group, groups, period),
            periods=periods.astype(np.float64).reshape(groups, stages),
            money=money.astype(np.float64).reshape(groups, stages),
            elsewhere=float(amount[~here].sum()),
        )

    def without(self, group: int) -> StageSums:
        """The same without a group, all others together."""
        others = np.arange(len(self.moves)) != group
        parts = {name: getattr(self, name)[others].sum(0, keepdims=True) for name in ("moves", "periods", "money")}
        return StageSums(stages=self.stages, is_lost=self.is_lost, elsewhere=self.elsewhere, **parts)

    def chain(self, discount: float) -> Chain:
        """The chain of all groups together.

        A stage on which contacts are lost is an end, and worth nothing: one who comes back from there came anew. A
        stage on which nobody was seen for a period ends with the period.

        Raises:
            ModelError: for a discount that is no number from 0 on.
        """
        moves, periods, money = (own.sum(0) for own in (self.moves, self.periods, self.money))
        rows: dict[str, dict[str, float]] = {}
        rewards: dict[str, float] = {}
        for place, stage in enumerate(self.stages):
            if self.is_lost[place]:
                continue
            total = float(moves[place].sum())
            rows[stage] = {LEFT: 1.0}
            if total:
                rows[stage] = {to: float(moves[place, own]) / total for own, to in enumerate(self.stages)}
            if periods[place]:
                rewards[stage] = float(money[place] / periods[place])
        return Chain(self.stages, rows, rewards=rewards, discount=discount)


def _moves(stays: StageStays, group: NDArray[np.int64], groups: int, period: int) -> NDArray[np.float64]:
    """Pairs of stages one period apart, as `Estimates.period_counts` counts them, by group."""
    stages = len(stays.stages)
    look = -((stays.until - stays.start) // period)
    following = -((stays.until - stays.end) // period)
    following[is_first(stays.contact[::-1])[::-1]] = 1
    seen = following > look
    contact, stage, many = stays.contact[seen], stays.stage[seen], (following - look)[seen]
    own = group[contact]
    found = np.bincount((own * stages + stage) * stages + stage, many - 1, groups * stages * stages)
    same = contact[1:] == contact[:-1]
    pairs = (own[1:] * stages + stage[:-1]) * stages + stage[1:]
    found += np.bincount(pairs[same], minlength=len(found))
    return found.astype(np.float64).reshape(groups, stages, stages)


@frozen(eq=False, kw_only=True)
class StageValues:
    """What a contact on each stage is worth.

    Attributes:
        chain: the chain: probabilities, and rewards by period.
        values: by stage, the value.
        without: by group of contacts that is left out, the value of each stage; no row where there are too few.
        level: the level of confidence of intervals.
        seen: by stage, from how many moves over a period its probabilities are estimated.
        elsewhere: what was brought, less what was spent, where contacts were lost or had not entered the journey. It
            is in no value.
    """

    chain: Chain
    values: Mapping[str, float]
    without: NDArray[np.float64] = field(repr=False)
    level: float
    seen: Mapping[str, int]
    elsewhere: float

    @classmethod
    def of(cls, sums: StageSums, *, discount: float, horizon: int | None, level: float = 0.95) -> StageValues:
        """The values that sums give.

        Args:
            sums: what was seen.
            discount: the discount rate of a period.
            horizon: over how many periods after the present one values are added up; None for all.
            level: the level of confidence.

        Raises:
            ModelError: for a discount or horizon that cannot be, and where values have no end: see `Chain.values`.
        """
        chain = sums.chain(discount)
        groups = len(sums.moves)
        rows = [_values_or_nan(sums.without(group).chain(discount), horizon) for group in range(groups)]
        return cls(
            chain=chain,
            values=chain.values(horizon),
            without=np.array(rows if groups > 1 else [], np.float64).reshape(-1, len(sums.stages)),
            level=level,
            seen=dict(zip(sums.stages, sums.moves.sum((0, 2)).astype(int).tolist(), strict=True)),
            elsewhere=sums.elsewhere,
        )

    @property
    def array(self) -> NDArray[np.float64]:
        """The values in the order of the stages."""
        return np.array(list(self.values.values()), np.float64)

    def estimated(self, figure: Callable[[NDArray[np.float64]], float]) -> Estimated:
        """A figure that is made of the stages' values, with its interval.

        Args:
            figure: what it is, given the values in the order of the stages.
        """
        return jackknifed(figure(self.array), np.array([figure(row) for row in self.without]), self.level)

    def worth(self, weights: NDArray[np.float64]) -> Estimated:
        """The sum of the stages' values times weights, such as numbers of contacts."""
        return jackknifed(float(weights @ self.array), self.without @ weights, self.level)

    def worth_of(self, stage: str) -> Estimated:
        """The value of a contact on a stage.

        Raises:
            ValueError: for a stage that there is not.
        """
        one = np.zeros(len(self.values))
        one[self.chain.stages.index(stage)] = 1
        return self.worth(one)

    def to_dict(self) -> dict[str, Any]:
        """The values as plain data, by stage."""
        found = []
        for stage in self.chain.stages:
            own = {"stage": stage, **self.worth_of(stage).to_dict()}
            found.append({**own, "reward": self.chain.rewards.get(stage, 0.0), "seen": self.seen[stage]})
        return {"stages": found, "discount": self.chain.discount, "elsewhere": self.elsewhere}


def _values_or_nan(chain: Chain, horizon: int | None) -> list[float]:
    try:
        return list(chain.values(horizon).values())
    except ModelError:
        return [math.nan] * len(chain.stages)
