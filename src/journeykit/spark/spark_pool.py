"""A pool that lies in the memory of executors: each question to it is a small job."""

from __future__ import annotations

import os
import pickle
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from journeykit.quotas.pool_parts import PoolParts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyspark.sql import DataFrame

    from journeykit.quotas.pool_slice import PoolSlice

_Answer = TypeVar("_Answer")
_POOL = pa.schema({"pool": pa.binary()})


class SparkPool(PoolParts):
    """A pool in slices that are rows of a DataFrame.

    Args:
        frame: has a column ``pool``, a pickled slice in each row.
        kinds: how many kinds of items there are.
        columns: how many columns quotas add up.

    Attributes:
        changes: what the slices became since they were laid out.
    """

    few = 2_000_000

    def __init__(self, frame: DataFrame, kinds: int, columns: int) -> None:
        super().__init__(kinds, columns, min(4, os.cpu_count() or 1))
        self._frame = frame
        self._since: tuple[Callable[[PoolSlice], PoolSlice], ...] = ()
        self.changes: tuple[Callable[[PoolSlice], PoolSlice], ...] = ()
        self.kept: tuple[DataFrame, ...] = ()

    def ask(self, question: Callable[[PoolSlice], _Answer]) -> list[_Answer]:
        """The answers of all slices: one job."""
        rows = self._mapped(question).collect()
        return [pickle.loads(row["pool"]) for row in rows]  # noqa: S301  (made by this run)

    def become(self, change: Callable[[PoolSlice], PoolSlice]) -> SparkPool:
        """The pool with all slices changed, whenever they are asked."""
        found = SparkPool(self._frame, self.kinds, self.columns)
        found._since, found.changes, found.kept = (*self._since, change), (*self.changes, change), self.kept
        return found

    def keep(self) -> SparkPool:
        """The pool with slices that are kept as they are now."""
        found = SparkPool(self._mapped(_itself).persist(), self.kinds, self.columns)
        found.changes, found.kept = self.changes, (*self.kept, found._frame)
        return found

    def let_go(self) -> None:
        """Let go what was kept on the way."""
        for frame in self.kept:
            frame.unpersist()

    def _mapped(self, question: Callable[[PoolSlice], Any]) -> DataFrame:
        changes = self._since

        def answers(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for slice_ in batch.column(0):
                    own = reduce(lambda one, change: change(one), changes, pickle.loads(slice_.as_buffer()))  # noqa: S301
                    yield pa.RecordBatch.from_pydict({"pool": [pickle.dumps(question(own), 5)]}, schema=_POOL)

        return self._frame.mapInArrow(answers, "pool binary")


def _itself(own: PoolSlice) -> PoolSlice:
    return own
