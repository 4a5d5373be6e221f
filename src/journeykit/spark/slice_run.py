"""A run over tables of Spark whose rows are made slice by slice, each of whole contacts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import frozen

from journeykit.errors import DataError
from journeykit.spark.arrow_types import ddl_of
from journeykit.spark.counts_told import CountsTold, counts_told
from journeykit.spark.part_counts import noting
from journeykit.spark.run_summary import check_summary
from journeykit.spark.slice_job import as_function
from journeykit.spark.tally_run import TallyRun
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame, SparkSession

    from journeykit.spark.grouped_tables import GroupedTables
    from journeykit.spark.run_summary import RunSummary

    Work = Callable[[Mapping[str, pa.Table]], tuple[pa.Table, Any]]


@frozen
class SliceRun:
    """What a task does: makes rows of slice after slice. For ``mapInArrow``.

    Attributes:
        slices: makes slices of the batches that come.
        work: makes of a slice its rows, and what was counted.
        schema: the columns of the rows, as Spark takes them.
        none: nothing counted.
        counted: takes what a task has counted, once it has given all of its rows; None for nobody.
    """

    slices: Callable[[Iterable[pa.RecordBatch]], Iterator[dict[str, pa.Table]]]
    work: Work
    schema: pa.Schema
    none: Any = None
    counted: CountsTold | None = None

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of all slices of a task."""
        total, buckets = deepcopy(self.none), set[int]()
        for tables in self.slices(noting(batches, buckets)):
            rows, tally = self.work(tables)
            for batch in plain_table(rows, self.schema).to_batches():
                yield batch if self.counted is None else self.counted.given(batch)
            if self.counted is not None:
                total.merge(tally)
        if self.counted is not None:
            yield from self.counted.tell(buckets, total, self.schema)


def plain_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table without coded texts, which Spark does not read."""
    columns = [column.cast(own.type) for column, own in zip(table.columns, schema, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def plain_types(schema: pa.Schema) -> pa.Schema:
    """The columns of a table as Spark takes them: plain texts."""
    return pa.schema([(own.name, _plain(own.type)) for own in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    return pa.string() if pa.types.is_large_string(kind) else kind


def rows_of_slices(
    spark: SparkSession,
    grouped: GroupedTables,
    work: Work,
    schema: pa.Schema,
    facts: Any,
    summary: RunSummary | None,
    max_bad: int | str | None,
) -> DataFrame:
    """The rows that are made of all slices, as a DataFrame of Spark.

    Args:
        spark: the session.
        grouped: the tables.
        work: makes of a slice its rows, and what was counted.
        schema: the columns of the rows.
        facts: makes a summary of what was counted.
        summary: has it, once all rows were made; None for none.
        max_bad: how many bad rows are tolerated.

    Raises:
        ModelError: for a limit of bad rows without a summary, and a summary that is that of another run.
    """
    check_summary(summary, max_bad)
    BadRows(max_bad)
    own = plain_types(schema)
    counted = None if summary is None else counts_told(spark)
    run = as_function(SliceRun(grouped.slices, work, own, facts.none(BadRows()), counted))
    if summary is None or counted is None:
        found: DataFrame = grouped.frame.mapInArrow(run, ddl_of(own))
        return found
    summary.begin(TallyRun(facts=facts, buckets=grouped.buckets, counted=counted, max_bad=max_bad))
    rows: DataFrame = counted.decisions(grouped.frame.mapInArrow(run, counted.widened(ddl_of(own))))
    return rows


def need_frames(tables: Mapping[str, Any]) -> dict[str, DataFrame]:
    """The tables that are given, which are DataFrames of Spark, classic or Connect.

    Raises:
        DataError: for something else, and for a stream.
    """
    for name, table in tables.items():
        if table is not None:
            _need_frame(name, table)
    return {name: table for name, table in tables.items() if table is not None}


def _need_frame(name: str, table: Any) -> None:
    kind = type(table)
    if not kind.__module__.startswith("pyspark.sql.") or not hasattr(table, "mapInArrow"):
        maker = kind.__module__.partition(".")[0]
        found = kind.__name__ if maker == "builtins" else f"a {kind.__name__} of {maker}"
        raise DataError(
            f"a table is a DataFrame of Spark here, found {found}; read it with spark.read, or make it with "
            "spark.createDataFrame",
            source=name,
        )
    if table.isStreaming:
        raise DataError("this DataFrame is a stream: decide its batches one by one, with foreachBatch", source=name)
