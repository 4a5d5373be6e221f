"""Counting a calendar over columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.clock import DAY
from journeykit.model.outcome import Outcome
from journeykit.tables.arrow.arrays import as_numpy, is_known

if TYPE_CHECKING:
    import pyarrow as pa

    from journeykit.job.calendar import DayTally

COUNTED = ("team", "outcome", "send_at", "retry_at")
"""The columns of the table of decisions from which days are counted."""


def count_days(tally: DayTally, batch: pa.RecordBatch) -> None:
    """Count the rows of a piece of the table of decisions."""
    outcome, team = batch.column("outcome"), batch.column("team")
    # The last place is that of no team.
    teams = [*team.dictionary.to_pylist(), None]
    whose = np.where(is_known(team.indices), as_numpy(team.indices), len(teams) - 1)
    outcomes, codes = outcome.dictionary.to_pylist(), as_numpy(outcome.indices)
    for name, column in ((Outcome.GRANTED, "send_at"), (Outcome.DEFERRED, "retry_at")):
        if name.value in outcomes:
            chosen = codes == outcomes.index(name.value)
            _count(tally, name, teams, whose[chosen], as_numpy(batch.column(column))[chosen])


def _count(tally: DayTally, outcome: Outcome, teams: list[str | None], whose: np.ndarray, at: np.ndarray) -> None:
    late = at > tally.last
    if late.any():
        for place, count in _counted(whose[late]):
            tally.add(None, teams[place], outcome, count)
        whose, at = whose[~late], at[~late]
    if len(at):
        day = _local_days(tally, at)
        first = int(day.min())
        for place, count in _counted((day - first) * len(teams) + whose):
            tally.add(first + place // len(teams), teams[place % len(teams)], outcome, count)


def _counted(numbers: np.ndarray) -> list[tuple[int, int]]:
    """Each number from 0 that is there, and how often."""
    counts = np.bincount(numbers)
    found = np.flatnonzero(counts)
    return list(zip(found.tolist(), counts[found].tolist(), strict=True))


def _local_days(tally: DayTally, at: np.ndarray) -> np.ndarray:
    """The local dates of instants in the calendar's zone, as day numbers."""
    since, ahead = np.array(tally.clock.offsets(int(at.min()), int(at.max())), np.int64).T
    return (at + ahead[np.searchsorted(since, at, side="right") - 1]) // DAY
