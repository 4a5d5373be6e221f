"""Examples from the past: the messages that were sent, what was known before each, and which were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.clock import micros
from journeykit.learning.examples import Examples
from journeykit.learning.history_features import FeatureMaker, PossibleMessages, features_of, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from journeykit.learning.feature_matrix import Feature
    from journeykit.learning.message_history import MessageHistory
    from journeykit.model.response import Response

YOUNG = "younger than the response's within"
OUT_OF_SCOPE = "out of the response's scope"
BEFORE = "before the start"
NOT_DRAWN = "of contacts that were not drawn"
"""Why a message is no example."""
MOST_EXAMPLES = 1_000_000
"""So many messages are learned from; of more, those of some of the contacts."""


def examples_of(
    history: MessageHistory,
    *,
    until: datetime,
    since: datetime | None = None,
    features: Sequence[Feature] | None = None,
    most: int = MOST_EXAMPLES,
    seed: int = 0,
) -> dict[str, Examples]:
    """Messages as examples, by response.

    A message is an example of a response where the response is about it and its `within` is over at the end. Its
    features are what was known before it: nothing that happened at its instant or later is in them.

    Args:
        history: the past.
        until: the end of what is known.
        since: messages from this instant on are examples; None for all. Those before it still count as touches.
        features: the features; None for all that the past gives.
        most: so many messages at most; of more, those of some contacts are drawn.
        seed: of this draw.
    """
    table = history.table
    end = micros(until, what="until")
    first = None if since is None else micros(since, what="since")
    own = np.ones(len(table), np.bool_) if first is None else table.at >= first
    drawn = _drawn(table.contact, own, most, seed)
    rows = np.flatnonzero(own & drawn)
    possible = PossibleMessages.sent(table, rows)
    matrix = FeatureMaker(history, features_of(history) if features is None else features).matrix(possible)
    campaigns = tuple(sorted({name for kind in table.kinds for name in kind.get("campaign", ())}))
    campaign = places(table.kinds, "campaign", {name: place for place, name in enumerate(campaigns)})
    not_used = {BEFORE: int(np.count_nonzero(~own)), NOT_DRAWN: int(np.count_nonzero(own & ~drawn))}
    found = {}
    for response in history.credits.responses:
        is_young = possible.at > end - response.length
        in_scope = is_about(response, history)[possible.kind]
        kept = np.flatnonzero(~is_young & in_scope)
        label, value = answered(history, response)
        left = {OUT_OF_SCOPE: int(np.count_nonzero(~in_scope)), YOUNG: int(np.count_nonzero(is_young & in_scope))}
        found[response.name] = Examples(
            matrix=matrix.select(kept),
            label=label[rows[kept]],
            value=value[rows[kept]],
            at=possible.at[kept],
            contact=possible.contact[kept],
            campaign=campaign[possible.kind[kept]],
            campaigns=campaigns,
            left_out={why: count for why, count in (not_used | left).items() if count},
        )
    return found


def is_about(response: Response, history: MessageHistory) -> NDArray[np.bool_]:
    """By kind of message, whether a response is about it."""
    return np.array([response.where.surely_matches(own) for own in history.kinds], np.bool_)


def answered(history: MessageHistory, response: Response) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """By message, whether it was answered, and what that was worth; nan where the answer has no value."""
    count = len(history.table)
    label = np.zeros(count, np.bool_)
    if response.name not in history.responses:
        return label, np.full(count, np.nan)
    own = history.credits.of(response.name)
    label[own.message] = True
    known = ~np.isnan(own.value)
    message, worth = own.message[known], (own.value * own.share)[known]
    value = np.bincount(message, worth, count).astype(np.float64)
    value[np.bincount(message, minlength=count) == 0] = np.nan
    return label, value


def _drawn(contact: NDArray[np.int32], own: NDArray[np.bool_], most: int, seed: int) -> NDArray[np.bool_]:
    """By message, whether its contact is drawn: all where there are not too many messages, else about so many."""
    count = int(np.count_nonzero(own))
    if count <= most:
        return np.ones(len(own), np.bool_)
    draw = np.random.default_rng(seed).random(int(contact.max()) + 1)
    found: NDArray[np.bool_] = (draw < most / count)[contact]
    return found
