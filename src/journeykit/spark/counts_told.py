"""How the counts of tasks come to the driver: by an accumulator, or over Spark Connect by rows of the same pass."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from journeykit.errors import ModelError
from journeykit.spark.part_counts import PartCounts, PartsSum

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from journeykit.job.inputs import Progress
    from journeykit.spark.part_counts import Parts, TaskCounts

COUNTED = "journeykit_counts"
"""The column of rows that are no decisions, but what a task has counted."""


class CountsTold(Protocol):
    """Takes what a task has counted to the driver. Tasks have it pickled."""

    def widened(self, ddl: str) -> str:
        """The columns that tasks give, where the table of decisions has these."""

    def given(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of decisions, as tasks give them."""

    def tell(self, buckets: set[int], counts: TaskCounts, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Take what a task has counted of its buckets; rows that it gives besides, if any."""

    def decisions(self, frame: Any) -> Any:
        """The table of decisions, out of what tasks give."""

    def parts(self) -> Parts:
        """On the driver: what was counted so far, by buckets."""


class AccumulatedCounts:
    """Counts that an accumulator brings, on classic Spark: of all actions, and of each task that succeeds.

    Args:
        spark: the session.
        progress: is called on the driver with the number of contacts that are done; None for nobody.
    """

    def __init__(self, spark: Any, progress: Progress | None) -> None:
        self._sum = spark.sparkContext.accumulator({}, PartsSum(progress))

    def widened(self, ddl: str) -> str:
        """The columns of decisions alone."""
        return ddl

    def given(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows as they are."""
        return batch

    def tell(self, buckets: set[int], counts: TaskCounts, schema: pa.Schema) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """Take what a task has counted; no rows."""
        self._sum.add({frozenset(buckets): PartCounts.of(counts)})
        return iter(())

    def decisions(self, frame: Any) -> Any:
        """All that tasks give."""
        return frame

    def parts(self) -> Parts:
        """What was counted so far, by buckets."""
        found: Parts = dict(self._sum.value)
        return found


class ObservedCounts:
    """Counts that come as rows of the pass itself, which an observation takes out: Connect has no accumulators.

    Spark tells what it has observed of the first action alone.
    """

    def __init__(self) -> None:
        from pyspark.sql.connect.observation import Observation

        self._seen: Any = Observation()

    def __getstate__(self) -> dict[str, Any]:
        # What the driver asks stays there.
        return {}

    def widened(self, ddl: str) -> str:
        """The columns of decisions, and one for what was counted."""
        return f"{ddl}, {COUNTED} binary"

    def given(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows, with nothing counted."""
        return batch.append_column(COUNTED, pa.nulls(batch.num_rows, pa.binary()))

    def tell(self, buckets: set[int], counts: TaskCounts, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """One more row, with what a task has counted."""
        told = pickle.dumps((frozenset(buckets), PartCounts.of(counts)))
        arrays = [pa.nulls(1, own.type) for own in schema]
        yield pa.RecordBatch.from_arrays([*arrays, pa.array([told], pa.binary())], names=[*schema.names, COUNTED])

    def decisions(self, frame: Any) -> Any:
        """The rows that are decisions."""
        from pyspark.sql.connect import functions

        told = functions.collect_list(COUNTED).alias(COUNTED)
        return frame.observe(self._seen, told).where(f"{COUNTED} is null").drop(COUNTED)

    def parts(self) -> Parts:
        """What was counted by the first action, by buckets."""
        rows = self._seen.get.get(COUNTED) or ()
        return dict(pickle.loads(bytes(own)) for own in rows)  # noqa: S301  (packed by tasks of this run)


def counts_told(spark: SparkSession, progress: Progress | None = None) -> CountsTold:
    """What brings the counts of tasks to the driver.

    Args:
        spark: the session, classic or Connect.
        progress: is called on the driver with the number of contacts that are done; None for nobody.

    Raises:
        ModelError: for what Spark Connect cannot do.
    """
    if not type(spark).__module__.startswith("pyspark.sql.connect"):
        return AccumulatedCounts(spark, progress)
    if progress is not None:
        raise ModelError("Spark Connect does not tell how many contacts are done: leave out progress", field="progress")
    return ObservedCounts()
