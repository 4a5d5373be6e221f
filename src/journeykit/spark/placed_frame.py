"""Placing contacts on their journey, on Spark: DataFrames in, a DataFrame of stages or of paths out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.errors import ModelError
from journeykit.placing.journey_columns import spellings_of, wanted_of
from journeykit.spark.executor_check import check_executors
from journeykit.spark.grouped_tables import GroupedTables
from journeykit.spark.placing_work import PlacingWork
from journeykit.spark.slice_run import need_frames, rows_of_slices
from journeykit.spark.tally_facts import PlacingFacts
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from journeykit.journey import Journey
    from journeykit.spark.run_summary import RunSummary


def place(
    spark: SparkSession,
    journey: Journey,
    events: DataFrame,
    contacts: DataFrame | None = None,
    *,
    at: datetime,
    paths: bool = False,
    order_by: str | Sequence[str] = (),
    partitions: int | None = None,
    zone: str | None = None,
    timezone: str = "UTC",
    max_bad: int | str | None = None,
    summary: RunSummary | None = None,
) -> DataFrame:
    """Place all contacts on their journey, on Spark: the rows that `Journey.place_table` gives.

    Args:
        spark: the session.
        journey: the journey.
        events: what contacts did, with the columns of `Journey.place_table`.
        contacts: who is placed, with the attributes that the rules read; None places everybody who has an event.
        at: the instant for which they are placed, aware.
        paths: whether to give a row for each step of each path, and not one for each contact.
        order_by: names of columns of the contacts: which of several rows with one id comes first, and counts.
        partitions: into how many tasks the contacts are put; None for what ``spark.sql.shuffle.partitions`` says.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        timezone: in which the dates among attributes begin, of a contact without a time zone of their own.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None for
            any number. They are counted when `summary` is asked, which refuses then; whatever was written is there.
        summary: has the `PlacingSummary`, once all rows were made.

    Returns:
        The columns of `TablePlacements.table` or, of paths, of `TablePlacements.paths`, in no order. Of events with
        one ``event_id`` the earliest counts, for Spark has no first row.

    Raises:
        ExecutorError: where an executor lacks what the work needs.
        DataError: for a table that is no DataFrame of Spark, or lacks a column that is needed.
        ModelError: for an argument that cannot be.

    Example:
        >>> stages = place(spark, playbook.journey, events, contacts, at=at)  # doctest: +SKIP
        >>> decisions = decide(spark, arbiter, contacts.drop("stage").join(stages, "contact_id"), at=at)
        ... # doctest: +SKIP
    """
    check_executors(spark)
    tables = need_frames({"contacts": contacts, "events": events})
    if order_by and contacts is None:
        raise ModelError("order_by says which of several rows of a contact counts: give contacts", field="order_by")
    is_wanted = wanted_of(spellings_of(journey))
    grouped = GroupedTables(
        tables,
        wanted=lambda table, name: table == "events" or is_wanted(fold_name(name)),
        order_by=order_by,
        partitions=partitions,
    )
    work = PlacingWork(journey=journey, at=at, zone=zone, timezone=timezone, has_paths=paths)
    # Tables without rows show what is wrong with columns, and what the result has.
    empty = work.placed(grouped.empty, BadRows(is_part=True))
    facts = PlacingFacts(journey=journey, at=at, tables=frozenset(tables), notes=empty.summary.notes)
    return rows_of_slices(spark, grouped, work, work.schema(empty, grouped.empty), facts, summary, max_bad)
