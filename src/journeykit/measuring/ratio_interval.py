"""Ratios over messages with their intervals, where the unit is the contact: Wilson's, or a bootstrap by contact."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from attrs import evolve, frozen

from journeykit.journey.measure.intervals import Share, normal_quantile
from journeykit.measuring.arm_outcomes import FEW_RESPONDING, FEW_UNITS
from journeykit.measuring.differences import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPARSE = 20
"""With fewer contacts on one side a bootstrap sees too little; Wilson's interval at an effective number does better."""
_MOST_CELLS = 2_000
"""With more distinct contacts than this the bootstrap has come to its limit, which has a formula."""
_AT_ONCE = 1 << 22
"""So many drawn numbers are held at once."""


@frozen
class Draws:
    """How the bootstrap draws.

    Attributes:
        number: how many samples.
        seed: another seed draws others; the same one draws the same, whatever else is measured beside it.
        level: the level of confidence.
    """

    number: int = 1_000
    seed: int = 0
    level: float = 0.95

    def generator(self, name: str) -> np.random.Generator:
        """The draws of one interval, by its name."""
        return np.random.default_rng([self.seed, crc32(name.encode("utf-8", "surrogatepass"))])


@frozen(kw_only=True)
class Ratio:
    """A sum over messages per message, with an interval for what is behind it.

    Attributes:
        part: the sum: messages that were answered, or their value.
        whole: how many messages.
        units: of how many contacts (or accounts) they are.
        active: how many of these have a part that is not 0.
        low: the lower end of the interval; None of no messages, and of values that are all 0.
        high: its upper end.
        method: ``wilson``, where each contact counts once; ``bootstrap``, by contact; ``effective``, Wilson's interval
            at the effective number of messages, where few contacts responded, all but a few, or each in the same
            share; ``linear``, the limit of the bootstrap, where the values of very many contacts differ; empty without
            an interval.

    Example:
        >>> ratio = Ratio.of(np.array([1, 1, 1, 1]), np.array([1, 0, 0, 1]), Draws(), "an example")
        >>> ratio.rate, round(ratio.low, 3), ratio.method, ratio.is_small
        (0.5, 0.15, 'wilson', True)
    """

    part: float
    whole: int
    units: int
    active: int
    low: float | None = None
    high: float | None = None
    method: str = ""

    @classmethod
    def of(
        cls, whole: NDArray[np.int64], part: NDArray[Any], draws: Draws, name: str, *, is_count: bool = True
    ) -> Ratio:
        """The ratio of two sums over contacts.

        Args:
            whole: by contact, how many messages; at least 1.
            part: by contact, how many of them were answered; or their value.
            draws: how the bootstrap draws.
            name: the name of the draws.
            is_count: whether ``part`` counts messages, of which there are no more than ``whole``.
        """
        bare = cls(
            part=part.sum().item() if len(part) else 0,
            whole=int(whole.sum()),
            units=len(whole),
            active=int(np.count_nonzero(part)),
        )
        if not len(whole):
            return bare
        if is_count:
            return _of_counts(bare, whole, part, draws, name)
        if not bare.active:
            return bare
        low, high, method = _resampled(whole, part, bare, draws, name)
        # What is never negative has no interval below zero.
        return evolve(bare, low=max(low, 0.0) if part.min() >= 0 else low, high=high, method=method)

    @property
    def rate(self) -> float | None:
        """The ratio; None of no messages."""
        return self.part / self.whole if self.whole else None

    @property
    def is_small(self) -> bool:
        """Whether it rests on few contacts, or on few that responded."""
        return self.units < FEW_UNITS or self.active < FEW_RESPONDING

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        names = ("part", "whole", "units", "active", "rate", "low", "high", "method", "is_small")
        return {name: getattr(self, name) for name in names}


def _of_counts(bare: Ratio, whole: NDArray[np.int64], part: NDArray[np.int64], draws: Draws, name: str) -> Ratio:
    if bare.whole == bare.units:
        share = Share.of(int(bare.part), bare.whole, draws.level)
        return evolve(bare, low=share.low, high=share.high, method="wilson")
    others = int(np.count_nonzero(whole - part))
    if min(bare.active, others) < _SPARSE or _are_alike(whole, part):
        low, high = wilson(bare.part / bare.whole, _effective(whole, part), normal_quantile(draws.level))
        return evolve(bare, low=low, high=high, method="effective")
    low, high, method = _resampled(whole, part, bare, draws, name)
    return evolve(bare, low=max(low, 0.0), high=min(high, 1.0), method=method)


def _effective(whole: NDArray[np.int64], part: NDArray[np.int64]) -> float:
    """How many messages of as many contacts would tell as much: their number over the design effect, at least 1.

    Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data", Survey Methodology 24, 1998. Where each contact has the same share, such as none or all, nothing
    is known of the effect, and each contact counts as one message.
    """
    messages = int(whole.sum())
    rate = part.sum() / messages
    if _are_alike(whole, part):
        return len(whole)
    plain = rate * (1 - rate) / messages
    return float(messages / max(1.0, linearised_variance(whole, part) / plain))


def _are_alike(whole: NDArray[np.int64], part: NDArray[np.int64]) -> bool:
    """Whether each contact has the same share: samples are then all alike too, as if nothing else could be."""
    return bool((part * whole.sum() == whole * part.sum()).all())


def linearised_variance(whole: NDArray[np.int64], part: NDArray[Any]) -> float:
    """The variance of a ratio of sums over contacts, linearised: Cochran, "Sampling Techniques", 1977, section 6.3."""
    messages, number = whole.sum(), len(whole)
    residual = part - part.sum() / messages * whole
    return float((residual * residual).sum() / messages**2 * (number / max(number - 1, 1)))


def _resampled(
    whole: NDArray[np.int64], part: NDArray[Any], bare: Ratio, draws: Draws, name: str
) -> tuple[float, float, str]:
    """The ends of the percentile interval of a bootstrap by contact, and how they were found.

    Contacts with equal sums are one cell, and a sample of as many contacts with replacement is multinomial over the
    cells: the very distribution of the bootstrap over contacts, at the cost of its few cells.
    """
    counts, cell_whole, cell_part = cells_of(whole, part)
    if len(counts) > _MOST_CELLS:
        half = normal_quantile(draws.level) * math.sqrt(linearised_variance(whole, part))
        rate = bare.part / bare.whole
        return rate - half, rate + half, "linear"
    generator, chance = draws.generator(name), counts / bare.units
    step = max(1, _AT_ONCE // len(counts))
    rates = np.empty(draws.number)
    for start in range(0, draws.number, step):
        drawn = generator.multinomial(bare.units, chance, size=min(step, draws.number - start))
        rates[start : start + len(drawn)] = (drawn @ cell_part) / (drawn @ cell_whole)
    tail = (1 - draws.level) / 2
    low, high = np.quantile(rates, [tail, 1 - tail])
    return float(low), float(high), "bootstrap"


def cells_of(
    whole: NDArray[np.int64], part: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Contacts with equal sums together: how many there are of each kind, and their sums, in ascending order.

    Example:
        >>> [own.tolist() for own in cells_of(np.array([2, 1, 2]), np.array([1, 0, 1]))]
        [[1, 2], [1.0, 2.0], [0.0, 1.0]]
    """
    if part.dtype.kind == "i":
        wide = int(part.max()) + 1
        key = whole * wide + part
        size = int(key.max()) + 1
        if size <= max(4 * len(key), 1_024):
            counted = np.bincount(key, minlength=size)
            kinds = np.flatnonzero(counted)
            counts = counted[kinds]
        else:
            kinds, counts = np.unique(key, return_counts=True)
        return counts, (kinds // wide).astype(np.float64), (kinds % wide).astype(np.float64)
    order = np.lexsort((part, whole))
    ordered_whole, ordered_part = whole[order], part[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (ordered_whole[1:] != ordered_whole[:-1]) | (ordered_part[1:] != ordered_part[:-1])
    starts = np.flatnonzero(first)
    counts = np.diff(np.append(starts, len(order)))
    return counts, ordered_whole[starts].astype(np.float64), ordered_part[starts].astype(np.float64)
