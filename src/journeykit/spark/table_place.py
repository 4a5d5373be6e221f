"""Where Spark reads a table, or writes decisions, as a command line names it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

from journeykit.errors import DataError, ModelError
from journeykit.spark.spark_errors import said_by_spark
from journeykit.tables.decision_columns import DECISIONS, LISTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.sql import DataFrame, SparkSession

    from journeykit.spark.output_folder import OutputFolder
    from journeykit.tables.partitioning import Partitioning

FORMATS = ("parquet", "csv", "json", "orc", "avro", "delta", "iceberg", "table")
"""What is written before a place that does not say it by its ending; ``table`` is one of the catalogue."""
_ENDINGS = {"jsonl": "json", "ndjson": "json"} | {name: name for name in ("parquet", "csv", "json", "orc", "avro")}
_PACKED = (".gz", ".bz2", ".zst")
_CSV = {"header": True, "escape": '"', "multiLine": True, "enforceSchema": False, "mode": "FAILFAST"}
"""CSV as the local reader takes it: quotes are doubled, cells may have line breaks, all is text; ragged rows fail."""
_INSTANTS = {"timeZone": "UTC", "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"}


@frozen
class TablePlace:
    """A path that Spark reaches, or a table of its catalogue.

    Attributes:
        path: such as ``s3://bucket/contacts/`` or ``shop.contacts``.
        form: one of `FORMATS`; None for the default of the session (``spark.sql.sources.default``, Parquet).

    Example:
        >>> TablePlace.of("s3://bucket/contacts.csv.gz").form, TablePlace.of("delta:s3://bucket/contacts").path
        ('csv', 's3://bucket/contacts')
    """

    path: str
    form: str | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """A place as a command line has it: a path, or ``FORMAT:PATH``, or ``table:NAME``.

        Raises:
            ModelError: for standard input, or an empty text.
        """
        form, mark, path = text.partition(":")
        if not (mark and form in FORMATS):
            form, path = "", text
        if path in ("", "-"):
            raise ModelError(f"{text!r} is no place that executors reach; give a path, or table:NAME")
        return cls(path, form or _form_of(path))

    def read(self, spark: SparkSession) -> DataFrame:
        """The table.

        Raises:
            DataError: where it cannot be read.
        """
        try:
            return self._read(spark)
        except Exception as error:
            raise DataError(f"the table cannot be read: {said_by_spark(error)}", source=self.path) from error

    def _read(self, spark: SparkSession) -> DataFrame:
        if self.form == "table":
            return spark.table(self.path)
        reader = spark.read if self.form is None else spark.read.format(self.form)
        if self.form == "csv":
            return _without_empty(reader.options(**_CSV).load(self.path))
        if self.form == "json":
            reader = reader.options(mode="FAILFAST")
        return reader.load(self.path)

    def write(
        self,
        decisions: DataFrame,
        *,
        columns: Iterable[str],
        overwrite: bool,
        partitioning: Partitioning | None = None,
    ) -> None:
        """Write decisions, or other rows, which is when they are made.

        Args:
            decisions: with the columns by which they are partitioned, too.
            columns: those that are written.
            overwrite: whether what is there is replaced; else nothing may be there.
            partitioning: by what they are put into folders; None for one folder.
        """
        chosen = tuple(columns)
        if self.form == "csv":
            decisions = _with_text_lists(decisions)
        if partitioning is not None:
            decisions, chosen = _with_value(decisions, partitioning), (*partitioning.columns(chosen), partitioning.by)
        writer = decisions.select(*chosen).write.mode("overwrite" if overwrite else "errorifexists")
        if partitioning is not None:
            writer = writer.partitionBy(partitioning.by)
        if self.form == "table":
            writer.saveAsTable(self.path)
            return
        if self.form in ("csv", "json"):
            writer = writer.options(**_INSTANTS)
        if self.form == "csv":
            writer = writer.options(header=True, escape='"')
        if self.form == "json":
            writer = writer.options(ignoreNullFields=False)
        with _plain_instants(decisions.sparkSession):
            (writer if self.form is None else writer.format(self.form)).save(self.path)

    def folder(self, spark: SparkSession) -> OutputFolder | None:
        """The folder of Parquet files that tasks write themselves; None where Spark writes.

        That is for all but Parquet, for what pyarrow does not reach, and for a path of which Spark's own settings say
        in which file system it is.
        """
        try:
            is_parquet = (self.form or spark.conf.get("spark.sql.sources.default")) == "parquet"
            if not is_parquet or not ("://" in self.path or spark.sparkContext.master.startswith("local")):
                return None
            from journeykit.spark.output_folder import OutputFolder

            return OutputFolder.of(self.path, tuple(DECISIONS), None, "UTC")
        except (ModelError, AttributeError):
            # Over Connect a session has no context.
            return None

    def harms(self, other: TablePlace) -> bool:
        """Whether writing here would replace, or become part of, what is read there."""
        if "table" in (self.form, other.form):
            return self == other
        mine, theirs = (os.path.normpath(place.path) for place in (self, other))
        return f"{mine}/".startswith(f"{theirs}/") or f"{theirs}/".startswith(f"{mine}/")


@contextmanager
def _plain_instants(spark: SparkSession) -> Iterator[None]:
    """Let Parquet files have instants that every reader knows to be in UTC, as those of a local run."""
    name = "spark.sql.parquet.outputTimestampType"
    before = spark.conf.get(name)
    spark.conf.set(name, "TIMESTAMP_MICROS")
    try:
        yield
    finally:
        spark.conf.set(name, before)


def _form_of(path: str) -> str | None:
    name = path.rstrip("/").lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return _ENDINGS.get(name.rpartition("/")[2].rpartition(".")[2]) if "." in name.rpartition("/")[2] else None


def _without_empty(frame: DataFrame) -> DataFrame:
    """CSV does not tell an empty text from none."""
    from pyspark.sql import functions as sql

    named = (f"`{name.replace('`', '``')}`" for name in frame.columns)
    return frame.select(
        *(sql.expr(f"nullif({name}, '')").alias(own) for name, own in zip(named, frame.columns, strict=True))
    )


def _with_text_lists(decisions: DataFrame) -> DataFrame:
    """Lists of names as the text that `journeykit.basics.validation.joined` gives, for formats without lists."""
    from pyspark.sql import functions as sql

    unsure = r"exists({0}, name -> contains(name, ';') or name rlike '^\\s|\\s$' or startswith(name, '['))"
    text = f"case when size({{0}}) > 0 then case when {unsure} then to_json({{0}}) else array_join({{0}}, ';') end end"
    found = {name: sql.expr(text.format(name)) for name in LISTS if name in decisions.columns}
    return decisions.withColumns(found) if found else decisions


def _with_value(decisions: DataFrame, partitioning: Partitioning) -> DataFrame:
    """The column by which rows are put into folders: it is there, but for the local day."""
    if partitioning.by != "day":
        return decisions
    from pyspark.sql import functions as sql

    # The date of a local clock, whatever the zone of the session.
    shifted = f"from_utc_timestamp(coalesce(send_at, retry_at), '{partitioning.zone}')"
    day: Any = sql.expr(f"date_from_unix_date(cast(floor(unix_micros({shifted}) / 86400000000) as int))")
    return decisions.withColumn("day", day)
