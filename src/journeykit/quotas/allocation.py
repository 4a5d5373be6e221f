"""Allocation: what the contacts of a run get so that the quotas hold and the total is as large as can be proven.

Prices first, for all contacts; then a small program for those whose choice the prices leave open; then what is left
is given away contact by contact. Whatever is found, the prices bound what could have been had. The contacts may lie in
many slices: all that is asked of these are sums, samples, and the few contacts whose choice is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from attrs import frozen

from journeykit.basics.validation import MILLIONTH
from journeykit.columns.capacity import Capacity
from journeykit.quotas.choices_at import EveryChoice
from journeykit.quotas.improvement import improved
from journeykit.quotas.master_problem import lines_of, solve_master
from journeykit.quotas.pool_parts import LocalPool, every_unit, itself
from journeykit.quotas.pricing import Passes, PriceSolution, find_prices
from journeykit.quotas.settlement import Settlement, TakenSums, UnitNumbers, no_numbers
from journeykit.quotas.undecided_units import AskUndecided, UndecidedUnits

if TYPE_CHECKING:
    from journeykit.quotas.choices_at import ChoicesAt
    from journeykit.quotas.master_problem import Lines
    from journeykit.quotas.pool_parts import GatheredUnits, PoolParts
    from journeykit.quotas.pool_slice import PoolSlice

_PRICES = 12
_ROUNDS, _KEPT_ROUNDS = 6, 6
_NEAR = 2e-6
_STUCK = 0.7
"""Where a round leaves more than this share of what was missing before, no more are made."""
_GAP = 1e-5
_BROKEN = 1e-7
_MARGIN = 2e-6
_FEW = 3_000
_NODES, _MANY_NODES = 40, 5_000
"""Nodes of the master's search: after a few it finds next to nothing better; where it looks at all choices it is let
come to its end."""


class Allocation(NamedTuple):
    """Who gets what.

    Attributes:
        settlement: what each unit gets.
        granted: what all of that comes to.
        prices: by row of the quotas, what one more unit of it would be worth.
        penalties: what soft quotas cost that do not hold.
        bound: no answer has a larger value less penalties.
        used: by row, what is used, in whole units.
        left_out: how many undecided contacts the master had no room for.
        unproven: for how many contacts the search was given up.
        passes: how many passes were made.
    """

    settlement: Settlement
    granted: TakenSums
    prices: np.ndarray
    penalties: float
    bound: float
    used: np.ndarray
    left_out: int
    unproven: int
    passes: int

    @property
    def value(self) -> int:
        """Weight less reserve of all that is granted, in millionths."""
        return self.granted.value

    @property
    def objective(self) -> float:
        """Value less penalties."""
        return self.value / MILLIONTH - self.penalties


class _OpenChoices(NamedTuple):
    """What a pool has said of its choices at prices.

    Attributes:
        choices: what units choose.
        undecided: the units that have several.
        lines: those of them that the master looks at.
    """

    choices: ChoicesAt | EveryChoice
    undecided: UndecidedUnits
    lines: Lines


def allocate(pools: PoolParts, room: Capacity, *, limit: int) -> Allocation:
    """Grant items so that the quotas hold and the total is large.

    Args:
        pools: the problems of the contacts.
        room: the rows of the quotas.
        limit: the most lines of the master.
    """
    facts, passes = pools.facts, Passes(pools, room, keeps=True)
    if not pools.is_here and (facts.items <= pools.few or facts.units <= _FEW or passes.share == 1.0):
        return _allocate_together(pools.some(every_unit), pools, room, limit=limit)
    pools.forget()
    free = np.zeros(room.rows)
    if not facts.units:
        nothing = TakenSums(np.zeros(pools.kinds, np.int64), np.zeros((pools.kinds, pools.columns), np.int64), 0)
        settlement = Settlement(None, no_numbers(), no_numbers())
        return _finish(room, passes, settlement, nothing, free, -_penalties(room, free))
    unpriced = passes.at(free)
    if (unpriced.used <= room.bound).all():
        # Nothing binds: each contact gets what is best for them.
        choices = passes.choices([free])
        best = _undecided(passes, choices, 0).first
        settlement = Settlement(choices, no_numbers(), no_numbers())
        return _finish(room, passes, settlement, best, free, unpriced.worth.sum(), unpriced.unproven)
    prices = find_prices(passes)
    every = _every(passes, limit=_FEW)
    if every is None:
        generate = _generate_kept if passes.keeps else _generate
        prices, asked = generate(passes, prices, limit)
    else:
        # So few choices that the master can look at all of them: its answer is the best there is.
        asked = every
    slack, nodes = (_GAP * abs(prices.bound), _NODES) if every is None else (0.0, _MANY_NODES)
    margin = _MARGIN if every is None else 0.0
    dear = _dear(passes)
    settlement, granted, proven = _settle(passes, asked, dear, slack=slack, nodes=nodes, margin=margin)
    if not margin and _breaks(room, granted):
        settlement, granted, _ = _settle(passes, asked, dear, slack=slack, nodes=nodes, margin=_MARGIN)
        proven = False
    left_out = asked.lines.left_out
    first = _finish(room, passes, settlement, granted, prices.best, prices.bound, prices.unproven, left_out)
    settlement, granted = improved(pools, room, settlement, granted, dear)
    found = _finish(room, passes, settlement, granted, prices.best, prices.bound, prices.unproven, left_out)
    if every is not None and proven and not (first.used > room.bound)[room.hard].any():
        # Nothing better is possible, but for the billionths that HiGHS takes for nothing.
        return found._replace(bound=max(first.objective, found.objective))
    return found


def _allocate_together(gathered: GatheredUnits, pools: PoolParts, room: Capacity, *, limit: int) -> Allocation:
    """The same of all units of a pool that are gathered here."""
    here = LocalPool([gathered.slice], pools.kinds, pools.columns)
    found = allocate(here, room, limit=limit)
    taken = found.settlement.taken(gathered.slice)
    changed = gathered.items(taken, np.ones(gathered.slice.pool.units, np.bool_))
    return found._replace(settlement=Settlement(None, no_numbers(), changed))


def conflicting(pools: PoolParts, room: Capacity) -> list[int]:
    """An irreducible set of hard rows that cannot hold together; none where they can.

    Whether they can is the linear relaxation's word: the least that must be broken, as a share of what is wanted, is
    bounded by prices. Rows without a price in that proof are not needed for it; the others are left out one by one.
    """
    hard = np.flatnonzero(room.hard)
    if (room.bound[hard] >= 0).all():
        return []  # who gets nothing breaks nothing
    if not pools.facts.units:
        return [int(hard[room.bound[hard] < 0][0])]
    worthless = pools.become(worth_nothing)
    broken, prices = _broken(worthless, room, hard.tolist())
    left = [row for row in hard.tolist() if prices[row] > 0] if broken else []
    for row in list(left):
        rest = [other for other in left if other != row]
        if rest and _broken(worthless, room, rest)[0]:
            left = rest
    return left


def worth_nothing(own: PoolSlice) -> PoolSlice:
    """A slice with items that are worth nothing."""
    item = own.pool.item.copy()
    item["value"] = 0
    return own.but(own.pool.but(item=item))


def _broken(worthless: PoolParts, room: Capacity, rows: list[int]) -> tuple[bool, np.ndarray]:
    """Whether some rows cannot hold together, and the prices that prove it."""
    size = np.maximum(np.abs(room.bound / room.unit), 1e-9)
    ceiling = np.zeros(room.rows)
    ceiling[rows] = 1.0 / np.where(room.bound == 0, 1.0, size)[rows]
    found = find_prices(Passes(worthless, room.but(ceiling=ceiling)), sizes=ceiling)
    return found.bound < -_BROKEN, np.where(found.best > 1e-9 * ceiling, found.best, 0.0)


@frozen(eq=False)
class WorthUse:
    """Changes slices so that items are worth what they use of a row, with the sign turned."""

    room: Capacity
    row: int

    def __call__(self, own: PoolSlice) -> PoolSlice:
        """A slice with these values."""
        room, row, pool = self.room, self.row, own.pool
        item = pool.item.copy()
        use = room.fixed[item["kind"], row].astype(np.float64)
        if room.column[row] >= 0:
            use = use + pool.column[:, room.column[row]] * room.factor[item["kind"], row]
        item["value"] = np.rint(-use / room.unit[row] * MILLIONTH).astype(np.int64)
        return own.but(pool.but(item=item))


def most_of(pools: PoolParts, room: Capacity, row: int, others: list[int]) -> float:
    """How much of a row can be had at most, in its quota's units, where other rows hold; of a least, its largest."""
    if not pools.facts.units:
        return 0.0
    ceiling = np.zeros(room.rows)
    ceiling[others] = np.inf
    return find_prices(Passes(pools.become(WorthUse(room, row)), room.but(ceiling=ceiling))).bound


def _dear(passes: Passes) -> float:
    """A price that nothing is worth, not what any item is worth nor what it saves in penalties."""
    room, value = passes.room, passes.facts.largest / MILLIONTH
    soft = ~room.hard
    saved = (room.ceiling[soft] * passes.facts.largest_uses(room)[soft] / room.unit[soft]).sum()
    return 1000.0 * max(1e-6, value + float(saved))


def _undecided(passes: Passes, choices: ChoicesAt | EveryChoice, limit: int) -> UndecidedUnits:
    return UndecidedUnits.together(passes.pools.ask(AskUndecided(choices, passes.pools.kinds, limit)))


def _ask(passes: Passes, choices: ChoicesAt | EveryChoice, limit: int) -> _OpenChoices:
    """What the units choose, and the lines of those that have several choices."""
    undecided = _undecided(passes, choices, limit)
    return _OpenChoices(choices, undecided, lines_of(passes.room, undecided, limit))


def _every(passes: Passes, *, limit: int) -> _OpenChoices | None:
    """Every choice that the units have; None where there are too many."""
    room, units = passes.room, passes.facts.units
    if units > limit or any(own.all_offers(room, limit) is None for own in passes.pools.ask(itself)):
        return None
    return _ask(passes, EveryChoice(room, limit), units)


def _generate(passes: Passes, prices: PriceSolution, limit: int) -> tuple[PriceSolution, _OpenChoices]:
    """The undecided contacts and their choices, asked again at the master's own prices while that helps."""
    room = passes.room
    bound = room.bound / room.unit
    most = passes.few(_PRICES)
    tried = [prices.best, *prices.others][:most]
    best, short = prices, np.inf
    for _ in range(passes.few(_ROUNDS)):
        asked = _ask(passes, passes.choices(tried), limit)
        left, value = _decided(room, asked)
        answer = solve_master(room, asked.lines, left, _dear(passes), whole=False)
        if answer is None:
            break
        reached = value + answer.objective
        if best.bound - reached <= _NEAR * abs(best.bound) or best.bound - reached > _STUCK * short:
            break
        short = best.bound - reached
        found = passes.at(answer.prices)
        total = found.worth.sum() + answer.prices @ bound
        if any(np.array_equal(answer.prices, own) for own in tried):
            break
        if total < best.bound:
            best = best._replace(best=answer.prices, bound=float(total), used=found.used, unproven=found.unproven)
            tried = [answer.prices, *tried][:most]
        else:
            tried = [tried[0], answer.prices, *tried[1:]][:most]
    return best, asked


def _generate_kept(passes: Passes, prices: PriceSolution, limit: int) -> tuple[PriceSolution, _OpenChoices]:
    """The same where choosing is hard: of all choices so far, and those of a pass more at the master's own prices."""
    room = passes.room
    bound = room.bound / room.unit
    best, short = prices, np.inf
    for left_over in range(_KEPT_ROUNDS, -1, -1):
        first = best.best
        order = sorted(passes.kept, key=lambda own, first=first: not np.array_equal(own, first))  # type: ignore[misc]
        asked = _ask(passes, passes.choices(order, keeps=True), limit)
        if not left_over:
            break
        left, value = _decided(room, asked)
        answer = solve_master(room, asked.lines, left, _dear(passes), whole=False)
        if answer is None:
            break
        reached = value + answer.objective
        if best.bound - reached <= _GAP * abs(best.bound) or best.bound - reached > _STUCK * short:
            break
        if any(np.array_equal(answer.prices, own) for own in passes.kept):
            break
        short = best.bound - reached
        found = passes.at(answer.prices)
        total = found.worth.sum() + answer.prices @ bound
        if total < best.bound:
            best = best._replace(best=answer.prices, bound=float(total), used=found.used, unproven=found.unproven)
    return best, asked


def _decided(room: Capacity, asked: _OpenChoices) -> tuple[np.ndarray, float]:
    """What the units that are not in the master leave of the quotas, and what they are worth."""
    first, lines = asked.undecided.first, asked.lines
    heads = lines.first[:-1]
    used = room.usage(first.counts, first.sums) - lines.size @ lines.usage[heads]
    return room.bound - used, (first.value - int(lines.size @ lines.value[heads])) / MILLIONTH


def _settle(
    passes: Passes, asked: _OpenChoices, dear: float, *, slack: float, nodes: int, margin: float
) -> tuple[Settlement, TakenSums, bool]:
    """Choices for all: those of the master for its units, those at the best prices for the others.

    And what they come to, and whether the master has proven its own to be the best, but for a slack.
    """
    room, lines, own = passes.room, asked.lines, asked.undecided
    left, _ = _decided(room, asked)
    answer = solve_master(room, lines, left, dear, whole=True, slack=slack, nodes=nodes, margin=margin)
    if answer is None:
        return Settlement(asked.choices, no_numbers(), no_numbers()), own.first, False
    choice = np.repeat(np.arange(len(answer.counts)), answer.counts)
    line = np.repeat(np.arange(len(lines.size)), np.diff(lines.first))[choice]
    place = choice - lines.first[line]
    place = np.where(place < lines.width[line], place, -1)
    other = place != 0
    unit = lines.unit[other]
    picked = UnitNumbers(own.number[unit], own.unit[unit], place[other])
    granted = own.first.plus(lines.sums(answer.counts, own.first)).plus(lines.sums(_firsts(lines), own.first), -1)
    return Settlement(asked.choices, picked, no_numbers()), granted, answer.proven


def _firsts(lines: Lines) -> np.ndarray:
    """By choice, how many units take it where all take their first one."""
    found = np.zeros(len(lines.value), np.int64)
    found[lines.first[:-1]] = lines.size
    return found


def _breaks(room: Capacity, granted: TakenSums) -> bool:
    """Whether what is granted breaks a hard row."""
    return bool((room.usage(granted.counts, granted.sums) > room.bound)[room.hard].any())


def _penalties(room: Capacity, used: np.ndarray) -> float:
    """What the soft rows cost of which so much is used."""
    over, soft = np.maximum(used - room.bound, 0) / room.unit, ~room.hard
    return float((over[soft] * room.ceiling[soft]).sum())


def _finish(
    room: Capacity,
    passes: Passes,
    settlement: Settlement,
    granted: TakenSums,
    prices: np.ndarray,
    bound: float,
    unproven: int = 0,
    left_out: int = 0,
) -> Allocation:
    used = room.usage(granted.counts, granted.sums)
    return Allocation(
        settlement, granted, prices, _penalties(room, used), float(bound), used, left_out, unproven, passes.done
    )
