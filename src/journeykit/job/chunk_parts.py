"""The claims and touches of some contacts, out of those of all."""

from __future__ import annotations

import numpy as np

from journeykit.kernels.interface.contact_arrays import SCORES, ClaimArrays, ScoreArrays, TouchArrays


def claims_between(claims: ClaimArrays, start: int, stop: int) -> ClaimArrays:
    """The claims of the contacts from one row to another."""
    first = claims.first[start : stop + 1]
    low, high = int(first[0]), int(first[-1])
    return ClaimArrays(
        first=first - low,
        asked=claims.asked[low:high],
        extra=claims.extra[low:high],
        own=claims.own,
        number=claims.number[low:high],
    )


def touches_between(history: TouchArrays, start: int, stop: int) -> TouchArrays:
    """Their touches."""
    first = history.first[start : stop + 1]
    low, high = int(first[0]), int(first[-1])
    return TouchArrays(first=first - low, at=history.at[low:high], shape=history.shape[low:high])


def no_scores(rows: int, openings: int) -> ScoreArrays:
    """No scores for so many contacts."""
    return ScoreArrays(
        first=np.zeros(rows + 1, np.int64),
        score=np.zeros(0, SCORES),
        chance=np.full(openings + 1, np.nan),
        worth=np.full(openings + 1, np.nan),
    )
