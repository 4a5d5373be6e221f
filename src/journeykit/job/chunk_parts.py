"""Chunks in smaller parts; and the claims and touches of some contacts, out of those of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.columns.chunk import Chunk
from journeykit.kernels.interface.contact_arrays import ESTIMATES, SCORES, ClaimArrays, ScoreArrays, TouchArrays

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.tables.arrow.adapters import Part

MOST_ROWS = 2**22
"""About so many rows are decided and made at once: what they take does not grow with the playbook, and the offsets of
their lists stay small numbers."""


def cut(part: Part | Chunk, row: int, claims: int, first: np.ndarray | None) -> Iterator[tuple[Part | Chunk, int]]:
    """A chunk in parts that have not too many claims, or whole where it has few; each with the number of its first row.

    Args:
        part: the chunk.
        row: the number of its first row.
        claims: how many claims a contact has, where all have as many.
        first: by contact, where their claims begin, and where the last ends; None where all have as many.
    """
    number, names, columns = (
        (part.number, tuple(part.plan.columns), [own.data for own in part.columns]) if isinstance(part, Chunk) else part
    )
    stop = row + (len(columns[0]) if columns else 0)
    low = row
    while low == row or low < stop:
        if first is None:
            end = low + MOST_ROWS // max(1, claims)
        else:
            end = int(np.searchsorted(first, first[low] + MOST_ROWS, "right")) - 1
        high = min(stop, max(end, low + 1))
        if low == row and high == stop:
            yield part, row
            return
        yield (number + low - row, names, [column[low - row : high - row] for column in columns]), low
        low = high


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
        estimate=claims.estimate[low:high],
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
        estimate=np.zeros(0, ESTIMATES),
        estimated=np.zeros(0, ESTIMATES),
    )


def dated_where_timely(claims: ClaimArrays, layout: RulesetArrays) -> np.ndarray:
    """The contacts with a claim of its own date or instant whose audience asks for time, which is asked then."""
    timely = layout.parts["openings"]["timely"][claims.asked["opening"]] >= 0
    contact = np.repeat(np.arange(len(claims.first) - 1), np.diff(claims.first))
    found: np.ndarray = np.bincount(contact[timely & (claims.asked["own"] >= 0)], minlength=len(claims.first) - 1) > 0
    return found


def maybe_replaced(
    history: TouchArrays, parts: Sequence[Mapping[str, Any]], engine: ColumnarEngine, *, brought: bool
) -> np.ndarray:
    """The contacts with a planned touch that weights look at, where it takes a look at each whether it is replaced.

    Args:
        history: the touches of the contacts.
        parts: their kinds.
        engine: the playbook as arrays.
        brought: whether claims are brought; else campaigns make them, on their own dates where they have any.
    """
    contacts = len(history.first) - 1
    patient, whole = engine.layout.patience, engine.decider.shows_history
    if not patient and not whole:
        return np.zeros(contacts, np.bool_)
    dated = {message.campaign.id for message in engine.layout.list if message.dates is not None}
    planned = [
        own.get("status") == "planned"
        and (whole or own.get("campaign") in patient)
        and (brought or own.get("campaign") in dated)
        for own in parts
    ]
    contact = np.repeat(np.arange(contacts), np.diff(history.first))
    chosen = np.array([*planned, False], np.bool_)[history.shape]
    found: np.ndarray = np.bincount(contact[chosen], minlength=contacts) > 0
    return found
