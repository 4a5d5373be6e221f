"""What the tasks of a run on Spark count: each ships its own, and all of them together are what the run counts."""

from __future__ import annotations

import pickle
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from journeykit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from journeykit.job.inputs import Progress

    Parts = dict[frozenset[int], "PartCounts"]


class TaskCounts(Protocol):
    """What a task counts: a `RunCounts`, a `PlacingTally`, and so on; parts add up by their ``merge``."""

    @property
    def contacts(self) -> int:
        """How many contacts it has done."""


class PartCounts(NamedTuple):
    """What a task has counted, as it travels.

    Attributes:
        contacts: how many contacts it has done.
        counts: what it has counted, packed.
    """

    contacts: int
    counts: bytes

    @classmethod
    def of(cls, counts: TaskCounts) -> PartCounts:
        """What was counted, packed."""
        return cls(counts.contacts, zlib.compress(pickle.dumps(counts, pickle.HIGHEST_PROTOCOL), 1))

    def unpacked(self) -> Any:
        """What was counted."""
        found: TaskCounts = pickle.loads(zlib.decompress(self.counts))  # noqa: S301  (packed by a task of this run)
        return found


class PartsSum:
    """How Spark adds what tasks have counted, for an accumulator: by the buckets that a task has decided.

    A task that is done again, after a failure, for another action or beside a slow one, has the same buckets and
    counts, and changes nothing. Where another action shares the buckets among tasks otherwise, what it counts is in
    place of what was counted before.

    Args:
        progress: is called on the driver with the number of contacts that are done; None for nobody.

    Example:
        >>> first = {frozenset([1, 2]): PartCounts(5, b"")}
        >>> again = PartsSum().addInPlace(dict(first), first)
        >>> sum(part.contacts for part in again.values())
        5
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress

    def __getstate__(self) -> dict[str, Any]:
        # What the driver calls stays there.
        return {"_progress": None}

    def zero(self, value: Parts) -> Parts:  # noqa: ARG002  (as Spark asks)
        """Nothing counted."""
        return {}

    def addInPlace(self, parts: Parts, more: Parts) -> Parts:  # noqa: N802  (as Spark asks)
        """The parts with some more, which come last."""
        for buckets, part in more.items():
            parts.pop(buckets, None)
            parts[buckets] = part
        if self._progress is not None and more:
            self._progress(sum(part.contacts for part in parts.values()), None)
        return parts


def latest(parts: Parts) -> Parts:
    """The parts that came last, none of which has a bucket that another has."""
    found: Parts = {}
    met: set[int] = set()
    for buckets, part in reversed(parts.items()):
        if met.isdisjoint(buckets):
            found[buckets] = part
            met |= buckets
    return found


def all_parts(buckets: frozenset[int], parts: Parts) -> Iterator[Any]:
    """What all tasks of a run have counted.

    Args:
        buckets: of which all must be counted.
        parts: what was counted so far, by buckets.

    Raises:
        DataError: where some have not counted yet.
    """
    found = latest(parts)
    missing = len(buckets - set().union(*found))
    if missing:
        raise DataError(
            f"{missing:,} of {len(buckets):,} parts of the run were not done yet: make all of its rows first, as a "
            "write does; those of take, show or limit are not all"
        )
    for part in found.values():
        yield part.unpacked()


def noting(batches: Iterable[pa.RecordBatch], buckets: set[int]) -> Iterator[pa.RecordBatch]:
    """The same batches; of which buckets they are, is noted."""
    for batch in batches:
        buckets.update(batch.column(0).unique().to_pylist())
        yield batch
