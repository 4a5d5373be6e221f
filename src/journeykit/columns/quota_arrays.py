"""Quotas over columns: what the claims of a run use of them, as arrays."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.clock import day_number
from journeykit.basics.validation import LARGEST, scaled
from journeykit.columns.capacity import Capacity
from journeykit.engine.quota_charges import slot_of
from journeykit.errors import DataError
from journeykit.kernels.interface.rules import NUMBER, PROPENSITY, WEIGHT, Quotas
from journeykit.model.quota import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.engine.message import Message
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.model.claim import Claim
    from journeykit.model.quota import Side
    from journeykit.playbook.playbook import Playbook

_MOST = 2**62


class QuotaLayout:
    """The quotas of a playbook, laid out for the openings of a run.

    Args:
        playbook: the rule set.
        openings: what can be asked for.
        numbers: the columns of numbers that the claims table has, their names folded.
        sides: the sides of the quotas as a run has them; None for those of the playbook.

    Attributes:
        sides: the sides of the quotas.
        columns: what is added up claim by claim: ``value``, ``responses``, ``cost``, or a column's folded name.
        numbers: those of them that come from the claims table.
        edges: the days at which what counts can change.
        changes: the instants at which it can change, where quotas have periods.
        times: a day and an instant of each interval between edges, and between changes.
        slots: the slots of the openings' campaigns.
    """

    def __init__(
        self,
        playbook: Playbook,
        openings: Sequence[Message],
        numbers: Sequence[str] = (),
        sides: Sequence[Side] | None = None,
    ) -> None:
        own = (side for quota in playbook.quotas for side in quota.sides)
        self.sides: list[Side] = list(own if sides is None else sides)
        self.openings = openings
        kinds = dict.fromkeys(fold(side.quota.of) for side in self.sides)
        self.columns = [of for of in kinds if of in ("value", "responses") or of in numbers or of not in BUILT_IN]
        self.numbers = [of for of in self.columns if of not in ("value", "responses")]
        spans = [side.quota.during for side in self.sides if side.quota.during is not None]
        self.edges = sorted({day for a, b in spans for day in (day_number(a), day_number(b) + 1)})
        self.changes = sorted({at for side in self.sides if side.span is not None for at in side.span})
        self.slots = sorted({slot_of(opening.campaign) for opening in openings})
        self._lay()

    def _lay(self) -> None:
        # One day for each interval between two edges, any that lies in it; and so for instants.
        days = [self.edges[0] - 1, *self.edges] if self.edges else [0]
        instants = [self.changes[0] - 1, *self.changes] if self.changes else [0]
        times = self.times = [(day, at) for day in days for at in instants]
        shape = len(self.openings) * len(times), len(self.sides)
        self.fixed, self.factor = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.column = np.full(len(self.sides), -1, np.int64)
        for number, side in enumerate(self.sides):
            of = fold(side.quota.of)
            if of in self.columns:
                self.column[number] = self.columns.index(of)
            for place, opening in enumerate(self.openings):
                for interval, (day, at) in enumerate(times):
                    kind = place * len(times) + interval
                    if self.column[number] < 0:
                        self.fixed[kind, number] = side.fixed(opening.campaign, opening.facets, day, at)
                    elif side.counts_at(day, at) and side.quota.where.matches(opening.facets):
                        self.factor[kind, number] = side.sign

    def kind(self, opening: int, day: int, at: int) -> int:
        """The kind of what an opening sends at an instant, on a day."""
        on = int(np.searchsorted(self.edges, day, side="right"))
        then = bisect_right(self.changes, at)
        return opening * len(self.times) + on * (len(self.changes) + 1) + then

    def quotas(self, rules: Sequence[int], tariff: QuotaCharges | None) -> Quotas:
        """The sides for the kernels, at prices; given the numbers of the rules that they are."""
        sources = {"value": WEIGHT, "responses": PROPENSITY}
        kind, side = np.nonzero((self.fixed != 0) | (self.factor != 0))
        price = np.zeros((max(1, len(self.slots)), len(self.sides)))
        for place, slot in enumerate(self.slots if tariff is not None else ()):
            assert tariff is not None  # noqa: S101  (looked at before)
            price[place] = tariff.prices.get(slot) or tariff.prices[None]
        return Quotas(
            edge=np.array(self.edges, np.int64),
            change=np.array(self.changes, np.int64),
            fixed=self.fixed,
            factor=self.factor,
            column=self.column,
            source=np.array(
                [sources[of] if of in sources else NUMBER + self.numbers.index(of) for of in self.columns], np.int64
            ),
            number=np.zeros((0, len(self.numbers)), np.int64),
            slot=np.array([self.slots.index(slot_of(opening.campaign)) for opening in self.openings], np.int64),
            price=price,
            unit=np.array([float(side.unit) for side in self.sides]),
            rule=np.array(rules, np.int64),
            touched=np.concatenate([[0], np.cumsum(np.bincount(kind, minlength=len(self.fixed)))]).astype(np.int64),
            sides=side.astype(np.int64),
            hard=np.array([side.hard for side in self.sides], np.bool_),
            charged=int(tariff is not None),
            run=int(tariff is not None and tariff.run),
        )

    def room(self, counts: np.ndarray, sums: np.ndarray, largest: float) -> Capacity:
        """The rows of the quotas.

        Args:
            counts: by kind, how many items there are.
            sums: by column, what all items have of it, without sign.
            largest: the default penalty: the largest weight of the run.

        Raises:
            DataError: for numbers whose sum no whole number of 64 bits can hold.
        """
        penalty = [
            np.inf if side.hard else largest if side.quota.penalty is None else side.quota.penalty
            for side in self.sides
        ]
        room = Capacity(
            fixed=self.fixed,
            column=self.column,
            factor=self.factor,
            bound=np.array([side.bound for side in self.sides], np.int64),
            unit=np.array([float(side.unit) for side in self.sides]),
            ceiling=np.array(penalty, np.float64),
        )
        for number, side in enumerate(self.sides):
            total = counts.astype(np.float64) @ np.abs(self.fixed[:, number].astype(np.float64))
            if self.column[number] >= 0:
                total += sums[self.column[number]]
            if total >= _MOST:
                raise DataError(
                    f"what the quota {side.quota.name!r} adds up comes to {total / side.unit:.3g}; the numbers must "
                    f"add up to less than {_MOST / side.unit:.3g}: give them in a larger unit",
                    field=side.quota.of,
                )
        return room

    def amounts(self, opening: Message, claim: Claim, weight: int) -> list[int]:
        """What one claim has of each column, in smallest units."""
        found = []
        for of in self.columns:
            side = next(side for side in self.sides if fold(side.quota.of) == of)
            amount = side.amount(claim, weight)
            found.append(scaled(cost_of(opening), side.unit) if amount is None else amount)
        return found

    def numbers_of(self, values: dict[str, np.ndarray], costs: np.ndarray) -> np.ndarray:
        """The further numbers of claims in smallest units, given them by column, and the costs of their campaigns."""
        found = np.zeros((len(costs), len(self.numbers)), np.int64)
        for place, name in enumerate(self.numbers):
            own = values[name]
            own = np.where(np.isnan(own), costs if name == "cost" else 0.0, own)
            # What is larger makes its claim invalid anyway.
            own = np.clip(own, -LARGEST, LARGEST)
            found[:, place] = np.rint(own * self._unit(name)).astype(np.int64)
        return found

    def needs(self, name: str) -> np.ndarray:
        """By opening, whether some quota adds up a column of its claims."""
        mine = self.column == self.columns.index(name)
        by_kind = (self.factor[:, mine] != 0).any(axis=1)
        found: np.ndarray = by_kind.reshape(len(self.openings), -1).any(axis=1)
        return found

    def _unit(self, name: str) -> int:
        return next(side.unit for side in self.sides if fold(side.quota.of) == name)


def fold(name: str) -> str:
    """The name of what a quota adds up, without regard to case where it is a column."""
    return name if name in BUILT_IN else name.strip().casefold()


def cost_of(opening: Message) -> float:
    """What a message of an opening costs where the claim does not say."""
    return opening.campaign.cost or 0.0


def need_no_columns(playbook: Playbook) -> None:
    """Refuse quotas that add up a column of a claims table where there is none.

    Raises:
        DataError: naming the first of them.
    """
    for quota in playbook.quotas:
        if quota.own_column is not None:
            raise DataError(
                f"the quota {quota.name!r} adds up the column {quota.of!r} of the claims, but no claims are given; "
                f"without them there are {', '.join(BUILT_IN)}",
                source="claims",
                field=quota.of,
            )
