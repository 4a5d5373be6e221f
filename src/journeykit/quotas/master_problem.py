"""The master: the few contacts whose choice the prices leave open, settled together.

At good prices most contacts choose the same whatever the last digit of a price. Those that do not are given their
distinct choices, and a small program (HiGHS) picks one for each so that the quotas hold and the total is largest.
Contacts with equal choices are one line of it, with a number for how many take each. The program's own prices say
whether a further choice could help (column generation, Dantzig and Wolfe 1960).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.basics.threads import at_once
from journeykit.basics.validation import MILLIONTH
from journeykit.kernels import collect_offers_of, list_all
from journeykit.kernels.interface.problem_arrays import OFFER
from journeykit.kernels.interface.records import joined
from journeykit.quotas.highs import Matrix, maximise
from journeykit.quotas.offers import Offers, usage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.capacity import Capacity
    from journeykit.kernels.interface.problem_arrays import ProblemPool
    from journeykit.quotas.pricing import Passes

_ROOM_FOR_OFFERS = 65_536
_HASH = np.uint64(0x9E3779B97F4A7C15)


def collect_offers(passes: Passes, prices: Sequence[np.ndarray]) -> Offers:
    """The distinct choices of all units at several prices."""
    charges, pool = passes.charges(prices), passes.pool

    def work(piece: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
        start, stop = piece
        found = []
        workspace = passes.workspaces.get()
        try:
            most = max(_ROOM_FOR_OFFERS, 2 * len(prices))
            room = max(4 * most, 2 * len(prices) * pool.widest)
            while start < stop:
                offers, items, used = np.zeros(most, OFFER), np.zeros(room, np.int32), np.zeros(2, np.int64)
                start = collect_offers_of(pool, charges, passes.everyone, start, stop, workspace, offers, items, used)
                found.append((offers[: used[0]].copy(), items[: used[1]].copy()))
            return found
        finally:
            passes.workspaces.put(workspace)

    offers, items, shift = [np.zeros(0, OFFER)], [np.zeros(0, np.int32)], 0
    for parts in at_once(work, passes.pieces(passes.everyone), passes.threads):
        for offer, item in parts:
            offer["item_from"] += shift
            offer["item_to"] += shift
            shift += len(item)
            offers.append(offer)
            items.append(item)
    return Offers(joined(OFFER, offers), np.concatenate(items))


def all_offers(passes: Passes, most: int) -> Offers | None:
    """Every choice that the units have; None where there are more than so many."""
    pool = passes.pool
    if pool.units > most:
        return None
    offers, items, used = np.zeros(most, OFFER), np.zeros(16 * most, np.int32), np.zeros(2, np.int64)
    workspace = passes.workspaces.get()
    try:
        if not list_all(pool, workspace, offers, items, used):
            return None
    finally:
        passes.workspaces.put(workspace)
    return Offers(offers[: used[0]], items[: used[1]])


class Lines(NamedTuple):
    """The lines of a master: kinds of undecided units, and what each may choose.

    Attributes:
        size: by line, the number of units that it covers.
        first: where the choices of each line start, and one more.
        value: by choice, in millionths.
        usage: by choice and row.
        unit: the units, by line; `start` says where those of each line lie.
        start: where the units of each line start, and one more.
        offer: by unit, where its own choices start among all; -1 at the end of them means choosing nothing.
        width: by line, how many choices its units have of their own; one more is to choose nothing, where it is not
            among them.
        left_out: how many undecided units are not in the master.
    """

    size: np.ndarray
    first: np.ndarray
    value: np.ndarray
    usage: np.ndarray
    unit: np.ndarray
    start: np.ndarray
    offer: np.ndarray
    width: np.ndarray
    left_out: int


def lines_of(pool: ProblemPool, room: Capacity, offers: Offers, limit: int) -> Lines:
    """The undecided units in lines of equal choices; the closest calls where there are more than a limit."""
    first = offers.first
    widths = np.diff(first)
    several = np.flatnonzero(widths > 1)
    offer = offers.offer
    mixed = (offer["one"].astype(np.uint64) * _HASH) ^ offer["two"].astype(np.uint64)
    place = np.arange(len(offer)) - np.repeat(first[:-1], widths)
    mixed = mixed * (2 * place.astype(np.uint64) + np.uint64(1)) + (place.astype(np.uint64) << np.uint64(7))
    same = np.add.reduceat(mixed, first[:-1])[several] if len(offer) else np.zeros(0, np.uint64)
    unit = offer["unit"][first[:-1]][several]
    # How much the second best choice falls short of the best one: the closest calls come first.
    best = np.maximum.reduceat(offer["worth"], first[:-1])
    short = np.repeat(best, widths) - offer["worth"]
    short[offer["worth"] == np.repeat(best, widths)] = 2**62
    regret = np.minimum.reduceat(short, first[:-1])[several]
    regret[regret == 2**62] = 0
    _, line_of, counts = np.unique(same, return_inverse=True, return_counts=True)
    line_of = line_of.reshape(-1)
    order = np.lexsort((pool.key[unit], line_of))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    head = order[starts[:-1]]
    rank = np.lexsort((pool.key[unit[head]], regret[head]))[:limit]
    kept = np.concatenate([order[starts[line] : starts[line + 1]] for line in rank]) if len(rank) else order[:0]
    size = counts[rank].astype(np.int64)
    heads = several[head[rank]]
    own = np.concatenate([np.arange(first[one], first[one + 1]) for one in heads.tolist()] or [np.zeros(0, np.int64)])
    part = Offers(offer[own], offers.item)
    usage = usage_of(pool, room, part)
    width = widths[heads]
    begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(width)])
    nothing = np.concatenate([np.zeros(1, np.int64), np.cumsum(part.offer["item_to"] == part.offer["item_from"])])
    empty = nothing[begins[1:]] == nothing[begins[:-1]]
    # Where choosing nothing is not among the choices, it is one more.
    gaps = begins[1:][empty]
    value = np.insert(part.offer["value"], gaps, 0)
    usage = np.insert(usage, gaps, 0, axis=0)
    return Lines(
        size=size,
        first=np.concatenate([np.zeros(1, np.int64), np.cumsum(width + empty)]),
        value=value,
        usage=usage,
        unit=unit[kept],
        start=np.concatenate([np.zeros(1, np.int64), np.cumsum(size)]),
        offer=first[:-1][several[kept]],
        width=width,
        left_out=len(several) - len(kept),
    )


class Settled(NamedTuple):
    """An answer of the master.

    Attributes:
        counts: by choice, how many units take it.
        prices: by row of the quotas, the program's own price.
        objective: value less penalties, in weight, of the lines alone.
        broken: by row, what is used of it beyond its room, in the quota's units.
        proven: whether nothing better is possible, but for the slack that was allowed.
    """

    counts: np.ndarray
    prices: np.ndarray
    objective: float
    broken: np.ndarray
    proven: bool


def solve_master(
    room: Capacity,
    lines: Lines,
    left: np.ndarray,
    dear: float,
    *,
    whole: bool,
    slack: float = 0.0,
    nodes: int = 0,
    margin: float = 0.0,
) -> Settled | None:
    """The best choices for the lines.

    Args:
        room: the rows of the quotas.
        lines: the lines.
        left: by row, how much the decided units leave, in whole units.
        dear: what one unit of a broken hard row is taken to cost, times the row's scale.
        whole: whether only whole numbers of units will do.
        slack: how far below the best an answer in whole numbers may be.
        nodes: how many nodes of the search for one at most.
        margin: how much of each hard row of fractions is kept back, since HiGHS takes a little for nothing.
    """
    answer = _programmed(room, lines, left, dear, whole=whole, slack=slack, nodes=nodes, margin=margin, strict=True)
    if answer is None:
        # Not all hard rows can be kept by these lines: as little as can be is broken.
        answer = _programmed(
            room, lines, left, dear, whole=whole, slack=slack, nodes=nodes, margin=margin, strict=False
        )
    return answer


def _programmed(
    room: Capacity,
    lines: Lines,
    left: np.ndarray,
    dear: float,
    *,
    whole: bool,
    slack: float,
    nodes: int,
    margin: float,
    strict: bool,
) -> Settled | None:
    choices, rows, count = len(lines.value), room.rows, len(lines.size)
    usage = lines.usage / room.unit
    hard = room.hard
    typical = np.maximum(1e-9, np.abs(usage).max(axis=0, initial=0.0))
    penalty = np.where(hard, dear / typical, room.ceiling)
    # Values of the size of 1: what HiGHS takes for equal must not depend on the unit of weights.
    scale = 1.0 / max(1e-6, float(np.abs(lines.value).max(initial=0)) / MILLIONTH)
    gain = np.concatenate([lines.value / MILLIONTH, -penalty]) * scale
    one = Matrix(lines.first, np.arange(choices), np.ones(choices))
    quotas = Matrix.dense(np.hstack([usage.T, -np.eye(rows)]))
    split = (np.mod(lines.usage, room.unit) != 0).any(axis=0) & hard
    answer = maximise(
        gain,
        Matrix.stacked([one, quotas]),
        np.concatenate([lines.size.astype(np.float64), left / room.unit - margin * split]),
        low=np.zeros(choices + rows),
        high=np.concatenate(
            [
                np.repeat(lines.size, np.diff(lines.first)).astype(np.float64),
                np.where(hard & strict, 0.0, np.inf),
            ]
        ),
        least=np.concatenate([lines.size.astype(np.float64), np.full(rows, -np.inf)]),
        whole=np.concatenate([np.ones(choices, np.bool_), np.zeros(rows, np.bool_)]) if whole else None,
        slack=slack * scale,
        nodes=nodes,
    )
    if answer is None:
        return None
    counts = answer.values[:choices]
    return Settled(
        np.rint(counts).astype(np.int64) if whole else counts,
        np.clip(answer.prices[count:] / scale, 0.0, room.ceiling),
        answer.objective / scale,
        answer.values[choices:],
        answer.proven and strict,
    )
