"""What is expected of messages by their campaign, from the messages of other contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 5
"""So many parts of the contacts: what is expected of those of one is learned from the others."""
_LIKE_ALL = 10
"""So many messages more count for a campaign, with the mean of all."""


def campaign_means(
    *,
    group: NDArray[np.int64],
    unit: NDArray[np.int64],
    is_sent: NDArray[np.bool_],
    outcome: NDArray[np.float64],
) -> NDArray[np.float64]:
    """By claim, the mean outcome of its campaign's messages to contacts of the other parts, drawn towards that of all.

    Args:
        group: by claim, the number of its campaign.
        unit: the number of its contact or account.
        is_sent: whether it was sent.
        outcome: what it brought; not read where it was not sent.

    Example:
        >>> unit = np.arange(10)
        >>> found = campaign_means(
        ...     group=unit * 0, unit=unit, is_sent=unit >= 0, outcome=(unit < 5).astype(float)
        ... )
        >>> found.tolist() == [0.5] * 10
        True
    """
    count = int(group.max()) + 1 if len(group) else 0
    fold = unit % FOLDS
    cell = fold[is_sent] * count + group[is_sent]
    sums, sizes = (
        np.bincount(cell, weights, FOLDS * count).reshape(FOLDS, count)
        for weights in (outcome[is_sent], np.ones(len(cell)))
    )
    rest, number = sums.sum(axis=0) - sums, sizes.sum(axis=0) - sizes
    overall = rest.sum(axis=1) / np.maximum(number.sum(axis=1), 1)
    means = (rest + _LIKE_ALL * overall[:, None]) / (number + _LIKE_ALL)
    found: NDArray[np.float64] = means[fold, group]
    return found
