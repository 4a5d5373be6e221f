"""Kept choices: what contacts choose at every price that is tried, where choosing takes a search.

A pass over contacts with plans takes long, so none is made twice: its choices are kept, and the master looks at all of
them (column generation with all columns kept).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.basics.validation import MILLIONTH
from journeykit.kernels.interface.problem_arrays import OFFER
from journeykit.kernels.interface.records import joined
from journeykit.quotas.offers import Offers, usage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.capacity import Capacity
    from journeykit.kernels.interface.problem_arrays import ProblemPool

_CHOICES = 6
"""Of so many choices of a contact, the closest calls at the best prices, the master picks one."""


class KeptPass(NamedTuple):
    """What all units chose at prices.

    Attributes:
        prices: by row of the quotas.
        offers: by unit, its choice.
    """

    prices: np.ndarray
    offers: Offers


def kept_offers(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Offers:
    """The choices of pieces of the units as those of all."""
    shift = 0
    for offer, item in parts:
        offer["item_from"] += shift
        offer["item_to"] += shift
        shift += len(item)
    return Offers(
        joined(OFFER, [offer for offer, _ in parts]),
        np.concatenate([np.zeros(0, np.int32), *(item for _, item in parts)]),
    )


def distinct_choices(pool: ProblemPool, room: Capacity, kept: Sequence[KeptPass], best: np.ndarray) -> Offers:
    """The distinct choices of units at several prices, those at the best prices first, then the closest calls.

    Args:
        pool: the problems.
        room: the rows of the quotas.
        kept: the passes.
        best: the best prices, which are those of one of the passes.
    """
    order = sorted(kept, key=lambda own: not np.array_equal(own.prices, best))
    offer = np.stack([own.offers.offer for own in order])
    one, two = offer["one"].copy(), offer["two"].copy()
    worth = np.stack([_worths(pool, room, own.offers, best) for own in order])
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
    shifts = np.cumsum([0, *(len(own.offers.item) for own in order)])[:-1]
    found = offer[rank[fresh], units[fresh]]
    found["item_from"] += shifts[rank[fresh]]
    found["item_to"] += shifts[rank[fresh]]
    return Offers(found, np.concatenate([own.offers.item for own in order]))


def _worths(pool: ProblemPool, room: Capacity, offers: Offers, prices: np.ndarray) -> np.ndarray:
    """By choice, what it is worth at prices, in millionths."""
    charged = usage_of(pool, room, offers) / room.unit @ prices
    return offers.offer["value"] - np.rint(charged * MILLIONTH).astype(np.int64)
