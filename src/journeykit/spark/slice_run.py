"""A run over tables of Spark whose rows are made slice by slice, each of whole contacts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import frozen

from journeykit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from journeykit.spark.grouped_tables import GroupedTables

    Work = Callable[[Mapping[str, pa.Table]], tuple[pa.Table, Any]]


@frozen
class SliceRun:
    """What a task does: makes rows of slice after slice. For ``mapInArrow``.

    Attributes:
        slices: makes slices of the batches that come.
        work: makes of a slice its rows, and what was counted.
        schema: the columns of the rows, as Spark takes them.
    """

    slices: Callable[[Iterable[pa.RecordBatch]], Iterator[dict[str, pa.Table]]]
    work: Work
    schema: pa.Schema

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of all slices of a task."""
        for tables in self.slices(batches):
            rows, _ = self.work(tables)
            yield from plain_table(rows, self.schema).to_batches()


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


def rows_of_slices(grouped: GroupedTables, work: Work, schema: pa.Schema) -> DataFrame:
    """The rows that are made of all slices, as a DataFrame of Spark.

    Args:
        grouped: the tables.
        work: makes of a slice its rows, and what was counted.
        schema: the columns of the rows.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    own = plain_types(schema)
    found: DataFrame = grouped.frame.mapInArrow(_function(SliceRun(grouped.slices, work, own)), from_arrow_schema(own))
    return found


def _function(run: SliceRun) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return run(batches)

    return rows


def need_frames(tables: Mapping[str, Any]) -> dict[str, DataFrame]:
    """The tables that are given, which are DataFrames of Spark, classic or Connect.

    Raises:
        DataError: for something else.
    """
    for name, table in tables.items():
        if table is not None and not (
            type(table).__module__.startswith("pyspark.sql.") and hasattr(table, "mapInArrow")
        ):
            raise DataError(
                f"a table is a DataFrame of Spark here, found {type(table).__name__}; read it with spark.read, or make "
                "it with spark.createDataFrame",
                source=name,
            )
    return {name: table for name, table in tables.items() if table is not None}
