"""The master: the few contacts whose choice the prices leave open, settled together.

At good prices most contacts choose the same whatever the last digit of a price. Those that do not are given their
distinct choices, and a small program (HiGHS) picks one for each so that the quotas hold and the total is largest.
Contacts with equal choices are one line of it, with a number for how many take each. The program's own prices say
whether a further choice could help (column generation, Dantzig and Wolfe 1960).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.basics.validation import MILLIONTH
from journeykit.columns.problem_pool import spread
from journeykit.quotas.highs import Matrix, maximise
from journeykit.quotas.settlement import TakenSums

if TYPE_CHECKING:
    from journeykit.columns.capacity import Capacity
    from journeykit.quotas.undecided_units import LineHeads, UndecidedUnits


class Lines(NamedTuple):
    """The lines of a master: kinds of undecided units, and what each may choose.

    Attributes:
        size: by line, the number of units that it covers.
        first: where the choices of each line start, and one more.
        value: by choice, in millionths.
        usage: by choice and row.
        width: by line, how many choices its units have of their own; one more is to choose nothing, where it is not
            among them.
        heads: the choices of a unit of each line.
        own: by choice, whether it is one of these; else it is to choose nothing.
        unit: the units by line, as places among the undecided ones; those of a line in the order of their turns.
        left_out: how many undecided units are not in the master.
    """

    size: np.ndarray
    first: np.ndarray
    value: np.ndarray
    usage: np.ndarray
    width: np.ndarray
    heads: LineHeads
    own: np.ndarray
    unit: np.ndarray
    left_out: int

    def sums(self, counts: np.ndarray, like: TakenSums) -> TakenSums:
        """What the choices come to, of each of which so many are taken; by kind and column as another one has them."""
        times = counts[self.own]
        item = np.repeat(times, np.diff(self.heads.start))
        found, sums = np.zeros_like(like.counts), np.zeros_like(like.sums)
        np.add.at(found, self.heads.kind, item)
        np.add.at(sums, self.heads.kind, item[:, None] * self.heads.column)
        return TakenSums(found, sums, int(times @ self.heads.value))


def lines_of(room: Capacity, undecided: UndecidedUnits, limit: int) -> Lines:
    """The undecided units in lines of equal choices; the closest calls where there are more than a limit."""
    own = undecided
    _, line_of, counts = np.unique(own.same, return_inverse=True, return_counts=True)
    line_of = line_of.reshape(-1)
    order = np.lexsort((own.unit, own.number, own.key, line_of))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    head = order[starts[:-1]]
    rank = np.lexsort((own.key[head], own.regret[head]))[:limit]
    kept = order[spread(starts[rank], counts[rank])]
    heads = own.heads.some(_places(own, head[rank]))
    width = np.diff(heads.first)
    # Where choosing nothing is not among the choices, it is one more.
    nothing = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.diff(heads.start) == 0)])
    empty = nothing[heads.first[1:]] == nothing[heads.first[:-1]]
    gaps = heads.first[1:][empty]
    return Lines(
        size=counts[rank].astype(np.int64),
        first=np.concatenate([np.zeros(1, np.int64), np.cumsum(width + empty)]),
        value=np.insert(heads.value, gaps, 0),
        usage=np.insert(heads.usage(room), gaps, 0, axis=0),
        width=width,
        heads=heads,
        own=np.insert(np.ones(len(heads.value), np.bool_), gaps, values=False),
        unit=kept,
        left_out=len(own.unit) - len(kept),
    )


def _places(undecided: UndecidedUnits, wanted: np.ndarray) -> np.ndarray:
    """The places of undecided units among the heads of lines."""
    heads = undecided.heads
    known = {pair: place for place, pair in enumerate(zip(heads.number.tolist(), heads.unit.tolist(), strict=True))}
    pairs = zip(undecided.number[wanted].tolist(), undecided.unit[wanted].tolist(), strict=True)
    return np.array([known[pair] for pair in pairs], np.int64)


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
