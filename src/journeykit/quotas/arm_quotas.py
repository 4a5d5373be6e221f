"""Quotas of a playbook with experiments: the contacts of each arm are decided apart, on its share of each quota.

Each arm has prices of its own, so that what one arm does with its messages takes nothing from another: that is what
makes them comparable. Several experiments make combinations of arms, each with the product of their shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from attrs import evolve

from journeykit.engine.quota_charges import QuotaCharges
from journeykit.errors import InfeasibleError
from journeykit.model.prices import Prices
from journeykit.quotas.quota_run import QuotaRun, choose_together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from journeykit.engine.contact_group import ContactGroup, QuotaChoice
    from journeykit.engine.decider import Decider
    from journeykit.kernels.interface.contact_arrays import QuotaChoiceArrays
    from journeykit.ledger.fallen import Fallen
    from journeykit.model.quota import Side, Usage


class ArmRun(NamedTuple):
    """What is chosen for the contacts of one arm, or of one combination of arms.

    Attributes:
        arm: the arms, as decisions name them; None for no arm.
        share: its share of each quota.
        run: what is chosen.
    """

    arm: str | None
    share: float
    run: QuotaRun


def parts_of(whole: int, shares: Sequence[float], unit: int) -> list[int]:
    """A whole number in parts by shares that add up to 1: multiples of a unit, as near to the shares as can be.

    The parts add up to the whole, so that no maximum is exceeded by rounding. What is left when all parts are rounded
    down goes to those that lost most by it, a unit each.

    Example:
        >>> parts_of(5, [0.5, 0.5], 1), parts_of(-7, [0.1, 0.9], 1)
        ([3, 2], [-1, -6])
    """
    sign, units, rest = (1 if whole >= 0 else -1), *divmod(abs(whole), unit)
    exact = [units * share for share in shares]
    parts = [int(part) for part in exact]
    order = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in order[: max(0, units - sum(parts))]:
        parts[place] += 1
    found = [part * unit for part in parts]
    if rest:
        found[max(range(len(found)), key=lambda place: (shares[place], -place))] += rest
    return [sign * part for part in found]


def sides_of_arms(sides: Sequence[Side], shares: Sequence[float]) -> list[list[Side]]:
    """The sides of the quotas by arm: each has its part of every one.

    Args:
        sides: those of all contacts.
        shares: by arm with contacts in the run, its share of all contacts. What arms without contacts would have, the
            others share.
    """
    whole = sum(shares)
    known = [share / whole for share in shares] if whole > 0 else [1 / len(shares)] * len(shares)
    found: list[list[Side]] = [[] for _ in shares]
    for side in sides:
        # Of messages each part is a whole number, as long as the whole is.
        unit = side.unit if side.quota.of == "count" else 1
        for own, part in zip(found, parts_of(side.bound, known, unit), strict=True):
            # Of a share, what was used before is counted with what is granted.
            own.append(evolve(side, part=part) if side.quota.of == "share" else evolve(side, part=part, spent=0))
    return found


def dearest(given: Iterable[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Of prices by quota and side the largest.

    Example:
        >>> dearest([{"seats": {"max": 1.0}}, {"seats": {"max": 2.0, "min": 0.5}}])
        {'seats': {'max': 2.0, 'min': 0.5}}
    """
    found: dict[str, dict[str, float]] = {}
    for prices in given:
        for name, sides in prices.items():
            own = found.setdefault(name, {})
            own.update({side: max(price, own.get(side, 0.0)) for side, price in sides.items()})
    return found


class ArmQuotaRun(QuotaRun):
    """What a run chooses for its contacts, arm by arm. As a `QuotaRun` it is about all of them together.

    Args:
        arms: what is chosen for the contacts of each arm.
        arm_of: by contact, the place of the contact's arm among these.
        sides: the sides of the quotas as they are for all contacts.
        fingerprint: of the playbook.
    """

    def __init__(self, arms: Sequence[ArmRun], arm_of: np.ndarray, sides: Sequence[Side], *, fingerprint: str) -> None:
        self.arms = list(arms)
        self.fingerprint = fingerprint
        self.sides = list(sides)
        self.contacts = len(arm_of)
        self._arm_of = arm_of
        total = sum(own.share for own in arms) or 1.0
        runs = [own.run for own in arms]
        self.used = np.array([run.used for run in runs], np.int64).sum(axis=0)
        self.value = sum(run.value for run in runs)
        self.passes = sum(run.passes for run in runs)
        # One unit more of a quota is shared out like the quota.
        self.slot_prices = {None: np.sum([own.share / total * own.run.slot_prices[None] for own in arms], axis=0)}
        self.share_costs = {
            row: sum(run.share_costs.get(row, 0.0) for run in runs) for run in runs for row in run.share_costs
        }

    @property
    def done(self) -> bool:
        """Whether all is chosen."""
        return all(own.run.done for own in self.arms)

    def granted_of(self, side: Side) -> int:
        """How many messages were granted on the days of a quota."""
        return sum(own.run.granted_of(side) for own in self.arms)

    def of_arm(self, place: int) -> QuotaRun:
        """What is chosen for contacts of an arm."""
        return self.arms[place].run

    def _run_of(self, contact: int) -> QuotaRun:
        return self.arms[int(self._arm_of[contact])].run

    def choice(self, contact: int) -> QuotaChoice:
        """What was chosen for one contact, for the row engine."""
        return self._run_of(contact).choice(contact)

    def part(self, start: int, stop: int) -> QuotaChoiceArrays:
        """Contacts are decided arm by arm: the run of their arm says what was chosen for some."""
        raise NotImplementedError

    @property
    def charges(self) -> QuotaCharges:
        """What the prices take from claims, by arm."""
        arms = {own.arm: own.run.charges for own in self.arms}
        return QuotaCharges(self.sides, {None: self.slot_prices[None].tolist()}, run=True, arms=arms)

    @property
    def prices(self) -> Prices:
        """The prices by arm, for decisions on single contacts."""
        by_arm = {own.arm: own.run.prices.quotas for own in self.arms}
        # Contacts of arms that this run has nobody of are not free of prices.
        others = by_arm.pop(None) if None in by_arm else dearest(by_arm.values())
        return Prices(self.fingerprint, others, arms={str(arm): prices for arm, prices in by_arm.items()})

    @property
    def bound(self) -> float:
        """What no choice is worth more than, value less penalties, if each arm keeps to its share of the quotas."""
        return float(sum(own.run.bound for own in self.arms))

    @property
    def penalties(self) -> float:
        """What the soft quotas cost that do not hold, arm by arm."""
        return float(sum(own.run.penalties for own in self.arms))

    def usages(self, fallen: Fallen | None = None) -> tuple[Usage, ...]:
        """What became of each quota: for all contacts together, then for those of each arm."""
        by_arm = [(own.arm or "", own.run.usages()) for own in self.arms]
        found: list[Usage] = []
        for usage in super().usages(fallen):
            mine = [
                evolve(own, arm=arm)
                for arm, usages in by_arm
                for own in usages
                if (own.name, own.period) == (usage.name, usage.period)
            ]
            found.append(evolve(usage, penalty=sum(own.penalty for own in mine)))
            found += mine
        return tuple(found)

    def _remarks(self, rows: Sequence[int], over: dict[bool, float]) -> Iterator[str]:  # noqa: ARG002
        """What is to be said is said of each arm."""
        return iter(())

    def _penalty_of(self, row: int) -> float:  # noqa: ARG002
        """Penalties are those of the arms."""
        return 0.0

    def notes(self) -> Iterator[str]:
        """What a person should look at, arm by arm."""
        for own in self.arms:
            yield from (f"{own.arm or 'in no arm'}: {note}" for note in own.run.notes())


def said_of_arm(error: InfeasibleError, arm: str | None) -> InfeasibleError:
    """An error of the quotas, with the arm in which they cannot hold."""
    where = "the contacts in no arm" if arm is None else f"the contacts in {arm}"
    return InfeasibleError(f"for {where}, with their share: {error}", quotas=error.quotas, missing=error.missing)


def choose_for_groups(
    decider: Decider,
    groups: Sequence[ContactGroup],
    *,
    claims: bool,
    threads: int,
    sides: Sequence[Side] | None = None,
) -> QuotaRun:
    """What contacts get so that the quotas hold, arm by arm where there are experiments.

    The arguments are those of `journeykit.quotas.quota_run.choose_together`.

    Raises:
        InfeasibleError: where hard quotas cannot hold together, unless the playbook says to relax them.
        DataError: for a quota of a column of claims where no claims are given.
    """
    if decider.arms is None or not groups:
        return choose_together(decider, groups, claims=claims, threads=threads, sides=sides)
    whole = list(sides) if sides is not None else [own for quota in decider.playbook.quotas for own in quota.sides]
    members: dict[Decider, list[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(decider.of(group.contacts[0]), []).append(number)
    present = [(own, share) for _, own, share in decider.arms.every if own in members]
    arm_of = np.full(len(groups), -1, np.int64)
    arms = []
    for place, ((own, share), mine) in enumerate(
        zip(present, sides_of_arms(whole, [share for _, share in present]), strict=True)
    ):
        numbers = members[own]
        arm_of[numbers] = place
        try:
            run = choose_together(
                own,
                [groups[number] for number in numbers],
                claims=claims,
                threads=threads,
                sides=mine,
                numbers=numbers,
                contacts=len(groups),
            )
        except InfeasibleError as error:
            raise said_of_arm(error, own.arm) from None
        arms.append(ArmRun(own.arm, share, run))
    return ArmQuotaRun(arms, arm_of, whole, fingerprint=decider.fingerprint)
