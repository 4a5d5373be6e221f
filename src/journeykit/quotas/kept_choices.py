"""Kept choices: what contacts choose at every price that is tried, where choosing takes a search.

A pass over contacts with plans takes long, so none is made twice: its choices are kept, and the master looks at all of
them (column generation with all columns kept).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.validation import MILLIONTH
from journeykit.quotas.offers import Offers, usage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.capacity import Capacity
    from journeykit.kernels.interface.problem_arrays import ProblemPool

_CHOICES = 6
"""Of so many choices of a contact, the closest calls at the best prices, the master picks one."""


def distinct_choices(pool: ProblemPool, room: Capacity, order: Sequence[Offers], best: np.ndarray) -> Offers:
    """The distinct choices of units at several prices, those at the best prices first, then the closest calls.

    Args:
        pool: the problems.
        room: the rows of the quotas.
        order: what each unit chooses at each of the prices, of which the first are the best.
        best: the best prices.
    """
    offer = np.stack([own.offer for own in order])
    one, two = offer["one"].copy(), offer["two"].copy()
    worth = np.stack([_worths(pool, room, own, best) for own in order])
    offer["worth"] = worth
    known = np.zeros(worth.shape, np.bool_)
    for place in range(1, len(order)):
        same = (one[:place] == one[place]) & (two[:place] == two[place])
        known[place] = same.any(axis=0)
    # Ranked by what they are worth; the choice at the best prices stays in front, and what is known goes last.
    ranked = worth.copy()
    ranked[known] = -(2**62)
    ranked[0] = 2**62
    rank = np.argsort(-ranked, axis=0, kind="stable")[:_CHOICES].T
    units = np.broadcast_to(np.arange(rank.shape[0])[:, None], rank.shape)
    fresh = ~known[rank, units]
    shifts = np.cumsum([0, *(len(own.item) for own in order)])[:-1]
    found = offer[rank[fresh], units[fresh]]
    found["item_from"] += shifts[rank[fresh]]
    found["item_to"] += shifts[rank[fresh]]
    return Offers(found, np.concatenate([own.item for own in order]))


def _worths(pool: ProblemPool, room: Capacity, offers: Offers, prices: np.ndarray) -> np.ndarray:
    """By choice, what it is worth at prices, in millionths."""
    charged = usage_of(pool, room, offers) / room.unit @ prices
    return offers.offer["value"] - np.rint(charged * MILLIONTH).astype(np.int64)
