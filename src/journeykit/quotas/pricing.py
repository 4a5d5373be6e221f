"""Prices: what one more unit of each quota is worth, found by passes over the contacts.

With a price on each row of the quotas every contact is solved on its own, and what all of them are worth then, plus
the prices of the rooms, is no less than what any answer that keeps the quotas can be worth (Lagrangian relaxation,
Geoffrion 1974). The prices that make this bound least are looked for in two steps: first by scaled subgradient steps
with momentum on a hashed sample of the contacts, then on all of them by cutting planes in a box around the best
prices (the boxstep method of Marsten, Hogan and Blankenship 1975), with one plane for each block of contacts.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from attrs import frozen

from journeykit.basics.validation import MILLIONTH
from journeykit.kernels.interface.problem_arrays import BLOCKS, Charges
from journeykit.quotas.choices_at import ChoicesAt
from journeykit.quotas.highs import Matrix, maximise
from journeykit.quotas.pool_parts import UnitsBelow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.capacity import Capacity
    from journeykit.quotas.pool_parts import PoolParts
    from journeykit.quotas.pool_slice import PoolSlice

_SAMPLE = 12_000
_STEPS = 80
_ROUNDS, _MORE_ROUNDS = 40, 60
_HARD = 6_000
"""So many items that are hard to choose from can be asked again and again; with more, fewer passes must do: most of
the way to good prices is then made on a sample."""
_HARD_SAMPLE, _SAMPLE_STEPS, _SAMPLE_ROUNDS, _HARD_ROUNDS = 20_000, 60, 20, 10
_SAMPLE_NEAR, _HARD_NEAR = 1e-4, 1e-5
_NEAR = 2e-6
_MANY = 100_000
"""With more units than so many, prices must be as much closer: what is amiss at them is settled by the master, which
holds no more units than before."""
_LARGEST = 2**61


class Sums(NamedTuple):
    """What a pass gave.

    Attributes:
        worth: by block, what the choices are worth at the prices, in weight.
        usage: by block and row, what they use, in whole units.
        unproven: how many units could not be solved to the end; `worth` is a bound of theirs.
    """

    worth: np.ndarray
    usage: np.ndarray
    unproven: int

    @property
    def used(self) -> np.ndarray:
        """By row, what all choices use."""
        found: np.ndarray = self.usage.sum(axis=0)
        return found


@frozen(eq=False)
class SumsAt:
    """Asks what units choose at a price; see `journeykit.quotas.pool_slice.PoolSlice.sums`."""

    charges: Charges
    is_hard: bool
    keeps: bool = False

    def __call__(self, own: PoolSlice) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """What the units of a slice choose."""
        return own.sums(self.charges, is_hard=self.is_hard, keeps=self.keeps)


class Passes:
    """Passes over a pool.

    Args:
        pools: the problems.
        room: the rows of the quotas.
        keeps: whether passes over all units keep what these choose, where choosing is hard.

    Attributes:
        done: how many passes were made.
        kept: the prices of those that were kept.
    """

    def __init__(self, pools: PoolParts, room: Capacity, *, keeps: bool = False) -> None:
        self.pools = pools
        self.facts = facts = pools.facts
        self.room = room
        self.done = 0
        uses = facts.largest_uses(room) / room.unit
        with np.errstate(invalid="ignore", over="ignore"):
            dearest = np.where(np.isinf(room.ceiling), 0.0, room.ceiling * uses)
        # Sums of a unit's items must fit: millionths as fine as that leaves room for, and no price beyond it.
        self._most = _LARGEST // (max(1, facts.widest) * (room.rows + 1) * 2)
        need = max(float(facts.largest), min(float(dearest.max(initial=0)) * MILLIONTH, float(self._most)))
        self.shift = max(0, min(16, int(np.floor(np.log2(self._most / need)))))
        highest = (self._most >> self.shift) / MILLIONTH
        self.ceiling = np.minimum(room.ceiling, highest / np.maximum(uses, 1e-9))
        self.hard = facts.hard
        self.is_hard = self.hard > _HARD
        self.keeps = keeps and self.is_hard
        self.kept: list[np.ndarray] = []

    def few(self, most: int) -> int:
        """How many passes, or prices, to make do with where so many are wanted: fewer where choosing is hard."""
        return max(most // 10, 3, most * _HARD // max(_HARD, self.hard))

    def charges(self, many: Sequence[np.ndarray]) -> Charges:
        """Prices, in weight by unit of the quota, as charges; never more than what they are."""
        found = [self._charged(prices) for prices in many]
        kind, slope = (np.concatenate([own[place] for own in found]) for place in range(2))
        return Charges(kind=kind, slope=slope, shift=self.shift)

    def _charged(self, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What prices take, each list on its own: what is charged must not depend on which others there are."""
        room, scale = self.room, float(MILLIONTH << self.shift)
        rates = np.minimum(prices, self.ceiling)[None] / room.unit * scale
        fixed = np.einsum("kr,pr->pk", room.fixed.astype(np.float64), rates)
        # What takes nothing away adds nothing.
        fixed = np.where(fixed >= 0, np.maximum(np.floor(fixed) - 1, 0.0), np.floor(fixed) - 1)
        slope = np.zeros((1, len(room.fixed), self.pools.columns))
        for row in np.flatnonzero(room.column >= 0).tolist():
            slope[:, :, room.column[row]] += rates[:, row, None] * room.factor[None, :, row]
        return fixed.astype(np.int64), slope

    def choices(self, many: Sequence[np.ndarray], *, keeps: bool = False) -> ChoicesAt:
        """Asks for the distinct choices at several prices, of which the first are the best."""
        return ChoicesAt(self.charges(many), self.room, many[0], is_hard=self.is_hard, keeps=keeps)

    @property
    def share(self) -> float:
        """The share of the units that are a sample; all of them where it would be most of them."""
        wanted = _HARD_SAMPLE if self.is_hard else _HARD
        found = min(_SAMPLE / max(1, self.facts.units), wanted / max(1, self.hard))
        return 1.0 if found > 0.5 else found

    @cached_property
    def sample(self) -> PoolSlice | None:
        """The units of a hashed sample; None for all."""
        if self.share == 1.0:
            return None
        found = self.pools.some(UnitsBelow(int(2**64 * self.share))).slice
        return found if found.pool.units else None

    def at(self, prices: np.ndarray, sample: PoolSlice | None = None) -> Sums:
        """What the units choose at prices: those of a sample, or all."""
        keeps = self.keeps and sample is None
        ask = SumsAt(self.charges([prices]), self.is_hard, keeps)
        self.done += 1
        parts = self.pools.ask(ask) if sample is None else [ask(sample)]
        if keeps:
            self.kept.append(prices)
        counts = np.sum([part[0] for part in parts], axis=0)
        sums = np.sum([part[1] for part in parts], axis=0)
        totals = np.sum([part[2] for part in parts], axis=0)
        scale = MILLIONTH << self.shift
        worth = [float(Fraction((int(high) << 32) + int(low), scale)) for high, low in totals]
        return Sums(np.array(worth), self.room.usage(counts, sums), sum(part[3] for part in parts))


class PriceSolution(NamedTuple):
    """Prices that were found.

    Attributes:
        best: by row, the price.
        bound: what no answer can be worth more than.
        used: by row, what is used at these prices.
        others: further prices near the best ones, whose choices mixed keep the quotas best; the weightiest first.
        unproven: how many contacts could not be solved to the end.
    """

    best: np.ndarray
    bound: float
    used: np.ndarray
    others: list[np.ndarray]
    unproven: int


def find_prices(passes: Passes, start: np.ndarray | None = None, *, sizes: np.ndarray | None = None) -> PriceSolution:
    """The prices that make the bound least.

    Args:
        passes: over the contacts.
        start: prices to start from; None to look for some.
        sizes: of what size prices are, by row; None to see that from the values.
    """
    room = passes.room
    scale = passes.facts.scales(room) if sizes is None else sizes
    prices = np.zeros(room.rows) if start is None else np.clip(start, 0.0, passes.ceiling)
    if start is None:
        prices = _approach(passes, prices, scale)
        if passes.is_hard and passes.sample is not None:
            prices = _close_in(passes, prices, scale, passes.sample).best
    return _close_in(passes, prices, scale)


def _approach(passes: Passes, prices: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Scaled subgradient steps with momentum, on a sample."""
    room, sample = passes.room, passes.sample
    share = 1.0 if sample is None else sample.pool.units / passes.facts.units
    bound = room.bound / room.unit * share
    momentum = np.zeros(room.rows)
    best, least = prices, np.inf
    steps = _SAMPLE_STEPS if passes.is_hard and sample is not None else passes.few(_STEPS)
    for step in range(steps):
        found = passes.at(prices, sample)
        used = found.used / room.unit
        total = found.worth.sum() + prices @ bound
        if total < least:
            best, least = prices, total
        # How far off, as a share of all that is there: alike for quotas of all sizes.
        off = (used - bound) / (np.abs(used) + np.abs(bound) + 1e-12)
        momentum = 0.6 * momentum + off
        prices = np.clip(prices + 0.5 * 0.95 ** (step * _STEPS / steps) * scale * momentum, 0.0, passes.ceiling)
    return best


def _close_in(passes: Passes, prices: np.ndarray, scale: np.ndarray, sample: PoolSlice | None = None) -> PriceSolution:
    """Cutting planes in a box around the best prices; of a sample of the units, or of all."""
    room, units = passes.room, passes.facts.units
    bound = room.bound / room.unit * (1.0 if sample is None else sample.pool.units / units)
    found = passes.at(prices, sample)
    tried, cuts = [prices], [found]
    best, least, used, unproven = prices, found.worth.sum() + prices @ bound, found.used, found.unproven
    reach = 0.1 * np.abs(prices) + 0.02 * scale
    weights = np.ones(1)
    near = _NEAR * min(1.0, _MANY / units)
    rounds = passes.few(_ROUNDS if units <= _MANY else _MORE_ROUNDS)
    if passes.is_hard:
        near = _HARD_NEAR if sample is None else _SAMPLE_NEAR
        rounds = max(_HARD_ROUNDS, rounds) if sample is None else _SAMPLE_ROUNDS
    for _ in range(rounds):
        answer = _lowest(room, passes.ceiling, bound, tried, cuts, best, reach)
        if answer is None:
            break
        prices, low, weights = answer
        hoped = least - low
        if hoped <= near * max(1e-3, abs(least)):
            at_edge = (np.abs(prices - best) > 0.99 * reach) & (prices > 0) & (prices < passes.ceiling)
            if not at_edge.any():
                break
            # The planes know of nothing better here: they are asked farther out.
            reach = np.where(at_edge, reach * 8.0, reach)
            continue
        found = passes.at(prices, sample)
        total = found.worth.sum() + prices @ bound
        tried.append(prices)
        cuts.append(found)
        if total < least - 0.1 * hoped:
            at_edge = np.abs(prices - best) > 0.99 * reach
            reach = np.where(at_edge, reach * 2.0, np.maximum(reach * 0.7, 3 * np.abs(prices - best)))
        else:
            reach = reach * 0.5
        if total < least:
            best, least, used, unproven = prices, total, found.used, found.unproven
    order = np.argsort(-weights, kind="stable")
    others = [tried[place] for place in order.tolist() if weights[place] > 1e-6 and tried[place] is not best]
    return PriceSolution(best, float(least), used, others, unproven)


def _lowest(
    room: Capacity,
    ceiling: np.ndarray,
    bound: np.ndarray,
    tried: Sequence[np.ndarray],
    cuts: Sequence[Sums],
    centre: np.ndarray,
    reach: np.ndarray,
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Where the planes lie lowest within the box; how low; and the weight of each pass there."""
    rows, blocks = room.rows, BLOCKS
    # The largest of minus the bound: columns are the prices, then one level for each block.
    gain = np.concatenate([-bound, -np.ones(blocks)])
    low = np.concatenate([np.maximum(0.0, centre - reach), np.full(blocks, -np.inf)])
    high = np.concatenate([np.minimum(ceiling, centre + reach), np.full(blocks, np.inf)])
    usage = np.stack([cut.usage / room.unit for cut in cuts]).reshape(-1, rows)
    worth = np.stack([cut.worth for cut in cuts]).reshape(-1)
    there = np.repeat(np.stack(tried), blocks, axis=0)
    # level >= worth - usage x (prices - there)
    matrix = np.hstack([-usage, -np.tile(np.eye(blocks), (len(cuts), 1))])
    least = -worth - (usage * there).sum(axis=1)
    answer = maximise(gain, Matrix.dense(matrix), least, low=low, high=high)
    if answer is None:
        return None
    weights = np.abs(answer.prices).reshape(len(cuts), blocks).mean(axis=1)
    return answer.values[:rows], -answer.objective, weights
