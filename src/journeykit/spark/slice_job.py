"""Slices: a part of a run over tables, decided where the contacts are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import evolve, frozen

from journeykit.columns.decision_rows import dictionaries
from journeykit.job import TableJob
from journeykit.job.run_counts import RunCounts
from journeykit.model.outcome import Outcome
from journeykit.spark.counts_told import CountsTold
from journeykit.spark.decision_files import WRITTEN, DecisionFiles
from journeykit.spark.part_counts import noting
from journeykit.spark.shipped_arbiter import ShippedArbiter
from journeykit.tables.arrow.decision_schema import decision_schema
from journeykit.tables.decision_columns import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from journeykit.arbiter import Arbiter
    from journeykit.model.claim import Scored

    Slices = Callable[[Iterable[pa.RecordBatch]], Iterator[dict[str, pa.Table]]]

MOST_GIVEN = 2**16
"""A batch of decisions has so many rows at most, some 25 MB."""


class SliceJob(TableJob):
    """A `TableJob` over a slice of the tables of a run; what is asked of whole tables is known before.

    Args:
        arbiter: the arbiter.
        scored: the campaigns for which the table of scores has what, as pairs.
        given: tables and options of a `TableJob`.
    """

    is_part = True

    def __init__(self, arbiter: Arbiter, *, scored: Scored = (), **given: Any) -> None:
        super().__init__(arbiter, **given)
        self.reader.scored = scored

    def to_write(self, needs: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """The rows of the table of decisions as they are written: all texts coded.

        Args:
            needs: columns that say where a row goes, which the rows have too.
        """
        with self.writing():
            self.given = self.output.widened(Outcome.GRANTED, needs)
            self.made = self._made()
            yield from self.batches()

    @property
    def codes(self) -> dict[str, pa.Array]:
        """By which the texts of rows are coded, by column."""
        return dictionaries(self.chunks.engine, self.chunks.labels, self.chunks.names)


@frozen
class SliceDecider:
    """What a worker does: decides slice after slice, and gives rows as Spark takes them.

    Attributes:
        shipped: the arbiter.
        slices: makes tables of the batches that come.
        options: those of a `TableJob`.
        schema: the schema of the rows.
        scored: the campaigns for which the table of scores has what, as pairs.
        counted: takes what a task has counted, once it has given all of its rows; None for nobody.
        files: where tasks write the rows themselves, and give what they have written; None where they give rows.
    """

    shipped: ShippedArbiter
    slices: Slices
    options: Mapping[str, Any]
    schema: pa.Schema
    scored: frozenset[Any] = frozenset()
    counted: CountsTold | None = None
    files: DecisionFiles | None = None

    def writing(self, files: DecisionFiles) -> SliceDecider:
        """The same, where tasks write the rows themselves."""
        return evolve(self, files=files, schema=WRITTEN)

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of the table of decisions, in batches."""
        buckets = set[int]()
        return self.decided(self.jobs(batches, buckets), buckets)

    def decided(self, jobs: Iterable[SliceJob], buckets: set[int]) -> Iterator[pa.RecordBatch]:
        """The rows of a task, and what it has counted.

        Args:
            jobs: one over each slice, made when it is asked for.
            buckets: those that the task has, once all jobs are done.
        """
        counts, begun = RunCounts(), self.options.get("ledger")
        # Its connections are those of this task.
        with nullcontext() if begun is None else begun.ledger:
            for batch in self._rows(jobs, counts):
                yield self._given(batch)
        if self.counted is not None:
            yield from self.counted.tell(buckets, counts, self.schema)

    def _rows(self, jobs: Iterable[SliceJob], counts: RunCounts) -> Iterator[pa.RecordBatch]:
        """The rows of slices, or of the files in which they are; what is counted is added."""
        with nullcontext() if self.files is None else self.files.begin() as attempt:
            for job in jobs:
                if attempt is None or self.files is None:
                    yield from (plain(batch, self.schema) for batch in in_small_batches(job.batches()))
                else:
                    for batch in job.to_write(self.files.needs):
                        attempt.write(batch, job.codes)
                if self.counted is not None:
                    counts.merge(job.counts())
        if attempt is not None:
            yield attempt.written()

    def jobs(self, batches: Iterable[pa.RecordBatch], buckets: set[int]) -> Iterator[SliceJob]:
        """The jobs of the slices, one after the other; the buckets of slices are noted."""
        arbiter = self.shipped.arbiter()
        for tables in self.slices(noting(batches, buckets)):
            yield SliceJob(arbiter, **self.given(tables))

    def given(self, tables: Mapping[str, pa.Table]) -> dict[str, Any]:
        """What a `SliceJob` takes besides the arbiter."""
        return {**tables, **self.options, "scored": self.scored, "threads": 1}

    def _given(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch if self.counted is None else self.counted.given(batch)


def as_function(work: Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]) -> Any:
    """What a worker does, as a function: Spark takes no other object."""

    def function(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return work(batches)

    return function


def in_small_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches that Java can take: it has each whole outside of its heap, and none of 2 GB."""
    for batch in batches:
        yield from (batch.slice(start, MOST_GIVEN) for start in range(0, batch.num_rows, MOST_GIVEN))


def plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch of decisions without coded texts, which Spark does not read."""
    return pa.RecordBatch.from_arrays(
        [column.cast(own.type) for column, own in zip(batch.columns, schema, strict=True)], schema=schema
    )


def plain_schema(ids: pa.DataType, columns: Iterable[str] = tuple(DECISIONS)) -> pa.Schema:
    """The schema of decisions as Spark takes them: no coded texts."""
    schema = decision_schema(ids, columns)
    return pa.schema(
        [(own.name, own.type.value_type if pa.types.is_dictionary(own.type) else own.type) for own in schema]
    )
