"""What became of the contacts that were assigned to each arm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from journeykit.basics.validation import shown
from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

FEW_UNITS = 100
"""With fewer contacts a ratio is said to be small."""
FEW_RESPONDING = 10
"""With fewer contacts who responded it is said to be small too."""


@frozen(kw_only=True)
class ArmOutcomes:
    """The outcomes of the contacts of an arm, messaged or not: how many, their mean, and how sure it is.

    Attributes:
        name: of the arm.
        contacts: how many contacts were assigned to it.
        units: how many were dealt out: contacts, or accounts.
        responding: contacts whose outcome is not 0.
        total: the sum of their outcomes.
        mean: the outcome per contact; None of no contacts.
        error: the standard error of the mean; None of fewer than two units.
        is_rate: whether every outcome is 0 or 1.
        size: as many contacts, each an independent unit, give a rate as sure as this one.
    """

    name: str
    contacts: int
    units: int
    responding: int
    total: float
    mean: float | None
    error: float | None
    is_rate: bool
    size: float

    @classmethod
    def of(cls, name: str, outcomes: ArrayLike) -> ArmOutcomes:
        """The outcomes of the contacts of one arm.

        Args:
            name: of the arm.
            outcomes: one number for each contact.

        Example:
            >>> ArmOutcomes.of("new", [0, 0, 3, 1]).mean
            1.0
        """
        own = np.asarray(outcomes, np.float64)
        return arm_outcomes([name], np.zeros(len(own), np.int64), own)[0]

    @classmethod
    def counted(
        cls, name: str, contacts: int, responding: int, total: float | None = None, squares: float | None = None
    ) -> ArmOutcomes:
        """The outcomes of the contacts of an arm from their sums alone.

        Args:
            name: of the arm.
            contacts: how many there are.
            responding: how many have an outcome other than 0.
            total: the sum of the outcomes; without it each is 1.
            squares: the sum of their squares.

        Raises:
            ModelError: for more responding contacts than contacts, or a total without squares.

        Example:
            >>> ArmOutcomes.counted("none", 20_000, 2_000).mean
            0.1
        """
        if not 0 <= responding <= contacts or (total is None) != (squares is None):
            raise ModelError(f"{responding} of {contacts} contacts with sums {shown(total)} and {shown(squares)}")
        whole = float(responding if total is None else total)
        squares = float(responding if squares is None else squares)
        about = max(squares - (whole * whole / contacts if contacts else 0.0), 0.0)
        return cls(
            name=name,
            contacts=contacts,
            units=contacts,
            responding=responding,
            total=whole,
            mean=whole / contacts if contacts else None,
            error=_error(about, contacts, contacts),
            is_rate=whole == squares == responding,
            size=float(contacts),
        )

    @property
    def is_small(self) -> bool:
        """Whether it rests on few contacts (or accounts), or on few that responded."""
        return self.units < FEW_UNITS or self.responding < FEW_RESPONDING

    def to_dict(self) -> dict[str, Any]:
        """The counts and the mean as plain data."""
        return {
            "arm": self.name,
            "contacts": self.contacts,
            "units": self.units,
            "responding": self.responding,
            "total": self.total,
            "mean": self.mean,
            "error": self.error,
            "is_small": self.is_small,
        }


def arm_outcomes(
    names: Sequence[str],
    arm: ArrayLike,
    outcomes: ArrayLike,
    *,
    accounts: ArrayLike | None = None,
    stretch: ArrayLike | None = None,
) -> tuple[ArmOutcomes, ...]:
    """The outcomes of contacts by the arm that they were assigned to.

    The error of a mean is that of independent units. Where accounts were dealt out, deviations are added up by account
    first (Cochran, "Sampling techniques", 3rd edition, 1977, section 9A: a ratio to the number of contacts). Where
    shares changed on the way, each stretch of time counts by its contacts in all arms, so each contact is weighted by
    one over the arm's share in its stretch (post-stratification; Cochran, section 5A.9).

    Args:
        names: of the arms.
        arm: by contact, the place of the arm in the names; -1 for contacts of no arm, which count nowhere.
        outcomes: by contact, what the contact did so far: 0 or 1, a number of responses, an amount.
        accounts: by contact, the number of the account, where accounts were dealt out and not contacts.
        stretch: by contact, the stretch of time in which it was assigned, 0, 1 and so on. One in which an arm has no
            contact compares nothing: give its contacts no arm.

    Raises:
        ModelError: for arrays of different lengths, an arm that has no name, or an outcome that is no finite number.

    Example:
        >>> old, new = arm_outcomes(["old", "new"], [0, 1, 0, 1, -1], [1, 0, 0, 0, 1])
        >>> old.responding, old.contacts, new.responding, new.contacts
        (1, 2, 0, 2)
    """
    place, value = _checked(len(names), arm, outcomes)
    kept = place >= 0
    place, value = place[kept], value[kept]
    numbers = np.zeros(len(place), np.int64) if stretch is None else np.asarray(stretch, np.int64)[kept]
    cell = place + len(names) * numbers
    counts = np.bincount(cell, minlength=len(names) * (int(numbers.max(initial=0)) + 1)).astype(np.float64)
    contacts = np.bincount(place, minlength=len(names))
    # A stretch counts by its contacts in all arms; what an arm has of it is weighted up or down to that.
    in_stretch = counts.reshape(-1, len(names)).sum(axis=1, keepdims=True) / max(len(place), 1)
    weight = (in_stretch * contacts).ravel()[cell] / counts[cell]
    means = np.bincount(cell, value, len(counts)) / np.maximum(counts, 1)
    deviation = weight * (value - means[cell])
    owner = place
    if accounts is not None:
        unit, number = np.unique(place + len(names) * np.asarray(accounts, np.int64)[kept], return_inverse=True)
        deviation, owner = np.bincount(number, deviation, len(unit)), unit % len(names)
    bare = accounts is None and stretch is None
    columns = zip(
        names,
        contacts.tolist(),
        np.bincount(owner, minlength=len(names)).tolist(),
        np.bincount(place[value != 0], minlength=len(names)).tolist(),
        np.bincount(place, value, len(names)).tolist(),
        np.bincount(place, weight * value, len(names)).tolist(),
        np.bincount(owner, deviation * deviation, len(names)).tolist(),
        np.bincount(place[(value != 0) & (value != 1)], minlength=len(names)).tolist(),
        strict=True,
    )
    return tuple(_arm(*column, bare=bare) for column in columns)


def _checked(arms: int, arm: ArrayLike, outcomes: ArrayLike) -> tuple[NDArray[np.int64], Numbers]:
    place, value = np.asarray(arm, np.int64), np.asarray(outcomes, np.float64)
    if place.shape != value.shape or place.ndim != 1:
        raise ModelError(f"arms and outcomes must be lists of one length, found {place.shape} and {value.shape}")
    if place.size and not -1 <= place.min() <= place.max() < arms:
        raise ModelError(f"an arm must be from -1 to {arms - 1}, found {place.min()} to {place.max()}", field="arm")
    if not np.isfinite(value).all():
        raise ModelError(f"{np.count_nonzero(~np.isfinite(value)):,} outcomes are no finite numbers", field="outcomes")
    return place, value


def _arm(
    name: str,
    contacts: int,
    units: int,
    responding: int,
    total: float,
    weighted: float,
    spread: float,
    other: int,
    *,
    bare: bool,
) -> ArmOutcomes:
    mean = weighted / contacts if contacts else None
    error = _error(spread, units, contacts)
    return ArmOutcomes(
        name=name,
        contacts=contacts,
        units=units,
        responding=responding,
        total=total,
        mean=mean,
        error=error,
        is_rate=not other,
        size=float(contacts) if bare else _size(mean, error, units, contacts),
    )


def _error(spread: float, units: int, contacts: int) -> float | None:
    return math.sqrt(spread * units / (units - 1)) / contacts if units > 1 else None


def _size(rate: float | None, error: float | None, units: int, contacts: int) -> float:
    """How many independent contacts give a rate with such an error; without an error to go by, one for each unit."""
    if not rate or not error or rate >= 1:
        return float(units)
    return min(rate * (1 - rate) / error**2, contacts)
