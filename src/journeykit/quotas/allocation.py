"""Allocation: what the contacts of a run get so that the quotas hold and the total is as large as can be proven.

Prices first, for all contacts; then a small program for those whose choice the prices leave open; then what is left
is given away contact by contact. Whatever is found, the prices bound what could have been had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.basics.validation import MILLIONTH
from journeykit.kernels import add_up
from journeykit.quotas.improvement import improve_all, quota_budget
from journeykit.quotas.kept_choices import distinct_choices
from journeykit.quotas.master_problem import all_offers, collect_offers, lines_of, solve_master
from journeykit.quotas.pricing import Passes, PriceSolution, find_prices, largest_uses

if TYPE_CHECKING:
    from journeykit.columns.capacity import Capacity
    from journeykit.kernels.interface.problem_arrays import ProblemPool
    from journeykit.quotas.master_problem import Lines
    from journeykit.quotas.offers import Offers

_PRICES = 12
_ROUNDS, _KEPT_ROUNDS = 6, 6
_NEAR = 2e-6
_STUCK = 0.7
"""Where a round leaves more than this share of what was missing before, no more are made."""
_GAP = 1e-5
_SWEEPS = 4
_BROKEN = 1e-7
_MARGIN = 2e-6
_FEW = 3_000
_NODES, _MANY_NODES = 40, 5_000
"""Nodes of the master's search: after a few it finds next to nothing better; where it looks at all choices it is let
come to its end."""


class Allocation(NamedTuple):
    """Who gets what.

    Attributes:
        taken: by item, whether it is granted.
        prices: by row of the quotas, what one more unit of it would be worth.
        value: weight less reserve of all that is granted, in millionths.
        penalties: what soft quotas cost that do not hold.
        bound: no answer has a larger value less penalties.
        used: by row, what is used, in whole units.
        left_out: how many undecided contacts the master had no room for.
        unproven: for how many contacts the search was given up.
        passes: how many passes were made.
    """

    taken: np.ndarray
    prices: np.ndarray
    value: int
    penalties: float
    bound: float
    used: np.ndarray
    left_out: int
    unproven: int
    passes: int

    @property
    def objective(self) -> float:
        """Value less penalties."""
        return self.value / MILLIONTH - self.penalties


def allocate(pool: ProblemPool, room: Capacity, *, limit: int, threads: int) -> Allocation:
    """Grant items so that the quotas hold and the total is large.

    Args:
        pool: the problems of the contacts.
        room: the rows of the quotas.
        limit: the most lines of the master.
        threads: how many pieces of the contacts are worked on at once.
    """
    passes = Passes(pool, room, threads, keeps=True)
    free = np.zeros(room.rows)
    if not pool.units:
        return _finish(pool, room, passes, np.zeros(0, np.bool_), free, -_penalties(room, free), 0, 0)
    unpriced = passes.at(free)
    if (unpriced.used <= room.bound).all():
        # Nothing binds: each contact gets what is best for them.
        offers = collect_offers(passes, [free])
        taken = _taken(pool, offers, offers.first[:-1])
        return _finish(pool, room, passes, taken, free, unpriced.worth.sum(), unpriced.unproven, 0)
    prices = find_prices(passes)
    every = all_offers(passes, _FEW)
    if every is None:
        generate = _generate_kept if passes.keeps else _generate
        prices, offers, lines = generate(passes, prices, limit)
    else:
        # So few choices that the master can look at all of them: its answer is the best there is.
        offers, lines = every, lines_of(pool, room, every, len(every.offer))
    slack, nodes = (_GAP * abs(prices.bound), _NODES) if every is None else (0.0, _MANY_NODES)
    margin = _MARGIN if every is None else 0.0
    taken, proven = _settle(passes, offers, lines, slack=slack, nodes=nodes, margin=margin)
    if not margin and ((room.bound - _used(pool, room, np.flatnonzero(taken)))[room.hard] < 0).any():
        taken, proven = _settle(passes, offers, lines, slack=slack, nodes=nodes, margin=_MARGIN)[0], False
    first = _finish(pool, room, passes, taken, prices.best, prices.bound, prices.unproven, lines.left_out)
    budget = quota_budget(room, room.bound - first.used, _dear(pool, room))
    workspace = passes.workspaces.get()
    improve_all(pool, budget, taken, workspace, _SWEEPS)
    found = _finish(pool, room, passes, taken, prices.best, prices.bound, prices.unproven, lines.left_out)
    if every is not None and proven and not (first.used > room.bound)[room.hard].any():
        # Nothing better is possible, but for the billionths that HiGHS takes for nothing.
        return found._replace(bound=max(first.objective, found.objective))
    return found


def conflicting(pool: ProblemPool, room: Capacity, threads: int) -> list[int]:
    """An irreducible set of hard rows that cannot hold together; none where they can.

    Whether they can is the linear relaxation's word: the least that must be broken, as a share of what is wanted, is
    bounded by prices. Rows without a price in that proof are not needed for it; the others are left out one by one.
    """
    hard = np.flatnonzero(room.hard)
    if (room.bound[hard] >= 0).all():
        return []  # who gets nothing breaks nothing
    if not pool.units:
        return [int(hard[room.bound[hard] < 0][0])]
    broken, prices = _broken(pool, room, hard.tolist(), threads)
    left = [row for row in hard.tolist() if prices[row] > 0] if broken else []
    for row in list(left):
        rest = [other for other in left if other != row]
        if rest and _broken(pool, room, rest, threads)[0]:
            left = rest
    return left


def _broken(pool: ProblemPool, room: Capacity, rows: list[int], threads: int) -> tuple[bool, np.ndarray]:
    """Whether some rows cannot hold together, and the prices that prove it."""
    size = np.maximum(np.abs(room.bound / room.unit), 1e-9)
    ceiling = np.zeros(room.rows)
    ceiling[rows] = 1.0 / np.where(room.bound == 0, 1.0, size)[rows]
    item = pool.item.copy()
    item["value"] = 0
    found = find_prices(Passes(pool.but(item=item), room.but(ceiling=ceiling), threads), sizes=ceiling)
    return found.bound < -_BROKEN, np.where(found.best > 1e-9 * ceiling, found.best, 0.0)


def most_of(pool: ProblemPool, room: Capacity, row: int, others: list[int], threads: int) -> float:
    """How much of a row can be had at most, in its quota's units, where other rows hold; of a least, its largest."""
    if not pool.units:
        return 0.0
    item = pool.item.copy()
    use = room.fixed[item["kind"], row].astype(np.float64)
    if room.column[row] >= 0:
        use = use + pool.column[:, room.column[row]] * room.factor[item["kind"], row]
    item["value"] = np.rint(-use / room.unit[row] * MILLIONTH).astype(np.int64)
    ceiling = np.zeros(room.rows)
    ceiling[others] = np.inf
    return find_prices(Passes(pool.but(item=item), room.but(ceiling=ceiling), threads)).bound


def _dear(pool: ProblemPool, room: Capacity) -> float:
    """A price that nothing is worth, not what any item is worth nor what it saves in penalties."""
    values = pool.item["value"]
    value = float(max(values.max(initial=1), -values.min(initial=-1))) / MILLIONTH
    soft = ~room.hard
    saved = (room.ceiling[soft] * largest_uses(pool, room)[soft] / room.unit[soft]).sum()
    return 1000.0 * max(1e-6, value + float(saved))


def _generate(passes: Passes, prices: PriceSolution, limit: int) -> tuple[PriceSolution, Offers, Lines]:
    """The undecided contacts and their choices, asked again at the master's own prices while that helps."""
    pool, room = passes.pool, passes.room
    bound = room.bound / room.unit
    most = passes.few(_PRICES)
    tried = [prices.best, *prices.others][:most]
    best, short = prices, np.inf
    for _ in range(passes.few(_ROUNDS)):
        offers = collect_offers(passes, tried)
        lines = lines_of(pool, room, offers, limit)
        left, value = _decided(passes, offers, lines)
        answer = solve_master(room, lines, left, _dear(pool, room), whole=False)
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
    return best, offers, lines


def _generate_kept(passes: Passes, prices: PriceSolution, limit: int) -> tuple[PriceSolution, Offers, Lines]:
    """The same where choosing is hard: of all choices so far, and those of a pass more at the master's own prices."""
    pool, room = passes.pool, passes.room
    bound = room.bound / room.unit
    best, short = prices, np.inf
    for left_over in range(_KEPT_ROUNDS, -1, -1):
        offers = distinct_choices(pool, room, passes.kept, best.best)
        lines = lines_of(pool, room, offers, limit)
        if not left_over:
            break
        left, value = _decided(passes, offers, lines)
        answer = solve_master(room, lines, left, _dear(pool, room), whole=False)
        if answer is None:
            break
        reached = value + answer.objective
        if best.bound - reached <= _GAP * abs(best.bound) or best.bound - reached > _STUCK * short:
            break
        if any(np.array_equal(answer.prices, own.prices) for own in passes.kept):
            break
        short = best.bound - reached
        found = passes.at(answer.prices)
        total = found.worth.sum() + answer.prices @ bound
        if total < best.bound:
            best = best._replace(best=answer.prices, bound=float(total), used=found.used, unproven=found.unproven)
    return best, offers, lines


def _decided(passes: Passes, offers: Offers, lines: Lines) -> tuple[np.ndarray, float]:
    """What the units that are not in the master leave of the quotas, and what they are worth."""
    inside = np.zeros(passes.pool.units, np.bool_)
    inside[lines.unit] = True
    heads = offers.first[:-1]
    heads = heads[~inside[offers.offer["unit"][heads]]]
    used = _used(passes.pool, passes.room, _items(passes.pool, offers, heads))
    return passes.room.bound - used, int(offers.offer["value"][heads].sum()) / MILLIONTH


def _settle(
    passes: Passes, offers: Offers, lines: Lines, *, slack: float, nodes: int, margin: float
) -> tuple[np.ndarray, bool]:
    """Choices for all: those of the master for its units, those at the best prices for the others.

    And whether the master has proven its own to be the best, but for a slack.
    """
    pool, room = passes.pool, passes.room
    picked = offers.first[:-1].copy()
    left, _ = _decided(passes, offers, lines)
    answer = solve_master(room, lines, left, _dear(pool, room), whole=True, slack=slack, nodes=nodes, margin=margin)
    if answer is not None:
        number = np.full(pool.units, -1, np.int64)
        number[offers.offer["unit"][picked]] = np.arange(len(picked))
        choice = np.repeat(np.arange(len(answer.counts)), answer.counts)
        line = np.repeat(np.arange(len(lines.size)), np.diff(lines.first))[choice]
        place = choice - lines.first[line]
        own = lines.offer + place
        picked[number[lines.unit]] = np.where(place < lines.width[line], own, -1)
    return _taken(pool, offers, picked[picked >= 0]), answer is not None and answer.proven


def _taken(pool: ProblemPool, offers: Offers, picked: np.ndarray) -> np.ndarray:
    """By item, whether it is in one of the choices."""
    taken = np.zeros(len(pool.item), np.bool_)
    taken[_items(pool, offers, picked)] = True
    return taken


def _items(pool: ProblemPool, offers: Offers, picked: np.ndarray) -> np.ndarray:
    """The items of some choices."""
    offer = offers.offer[picked]
    sizes = offer["item_to"] - offer["item_from"]
    owner = np.repeat(np.arange(len(offer)), sizes)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(offer["item_from"], sizes)
    found: np.ndarray = pool.first[offer["unit"][owner]] + offers.item[place]
    return found


def _used(pool: ProblemPool, room: Capacity, items: np.ndarray) -> np.ndarray:
    """By row, what some items use."""
    counts = np.zeros(len(room.fixed), np.int64)
    sums = np.zeros((len(room.fixed), pool.column.shape[1]), np.int64)
    add_up(pool, items, counts, sums)
    return room.usage(counts, sums)


def _penalties(room: Capacity, used: np.ndarray) -> float:
    """What the soft rows cost of which so much is used."""
    over, soft = np.maximum(used - room.bound, 0) / room.unit, ~room.hard
    return float((over[soft] * room.ceiling[soft]).sum())


def _finish(
    pool: ProblemPool,
    room: Capacity,
    passes: Passes,
    taken: np.ndarray,
    prices: np.ndarray,
    bound: float,
    unproven: int,
    left_out: int,
) -> Allocation:
    used = _used(pool, room, np.flatnonzero(taken))
    return Allocation(
        taken,
        prices,
        int(pool.item["value"][taken].sum()),
        _penalties(room, used),
        float(bound),
        used,
        left_out,
        unproven,
        passes.done,
    )
