"""Crediting events to messages on Spark: DataFrames in, a DataFrame of credits out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.clock import micros
from journeykit.measuring.credits import CREDITS
from journeykit.spark.credit_work import CreditWork
from journeykit.spark.executor_check import check_executors
from journeykit.spark.grouped_tables import GroupedTables
from journeykit.spark.slice_run import need_frames, rows_of_slices
from journeykit.spark.tally_facts import CreditFacts
from journeykit.tables.arrow.arrow_values import schema_of
from journeykit.tables.header import fold_name
from journeykit.tables.touch_table import TOUCH_COLUMNS

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from journeykit.playbook.playbook import Playbook
    from journeykit.spark.run_summary import RunSummary

_OWN = ("account_id", "arm", "stage", "cost", "decision_id", "id")
"""What else is read of touches; the first two of contacts too, where touches do not say them."""


def credit(
    spark: SparkSession,
    playbook: Playbook,
    touches: DataFrame,
    events: DataFrame,
    contacts: DataFrame | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    partitions: int | None = None,
    zone: str | None = None,
    max_bad: int | str | None = None,
    summary: RunSummary | None = None,
) -> DataFrame:
    """Credit events to the messages that they follow, on Spark: the rows that `Credits.table` gives.

    Args:
        spark: the session.
        playbook: the rule set, whose `responses` say what is credited to what.
        touches: the touches, with the columns of `MessageTable.read`. The table of decisions will do as well once it
            says when messages were sent.
        events: what contacts did, with the columns of `credit`.
        contacts: the contacts, who are then all that are known; the account and the arm of a message that does not say
            them are theirs.
        since: messages from this instant on, aware; None for all. An event may still be credited to an earlier one, and
            is then no credit of these.
        until: messages before this instant, and events up to it; None for all.
        partitions: into how many tasks the contacts are put; None for what ``spark.sql.shuffle.partitions`` says.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None for
            any number. They are counted when `summary` is asked, which refuses then; whatever was written is there.
        summary: has the `journeykit.measuring.CreditSummary`, once all rows were made.

    Returns:
        A row for each event and message that it is credited to, in no order, with the columns of
        `journeykit.measuring.CREDITS`: what the message was, then ``response``, ``event_at``, ``value`` and ``share``.

    Raises:
        ExecutorError: where an executor lacks what the work needs.
        DataError: for a table that is no DataFrame of Spark, or lacks a column that is needed.
        ModelError: for an instant without an offset.

    Example:
        >>> sales = credit(spark, playbook, touches, events, until=at)  # doctest: +SKIP
        >>> sales.groupBy("campaign_id", "response").agg({"share": "sum"}).show()  # doctest: +SKIP
    """
    check_executors(spark)
    work = CreditWork(
        playbook=playbook,
        since=None if since is None else micros(since, what="since"),
        until=None if until is None else micros(until, what="until"),
        zone=zone,
        columns=("decision_id",),
    )
    tables = need_frames({"contacts": contacts, "touches": touches, "events": events})
    grouped = GroupedTables(tables, wanted=is_read, partitions=partitions)
    work(grouped.empty)
    facts = CreditFacts(playbook=playbook, tables=frozenset(tables))
    return rows_of_slices(spark, grouped, work, schema_of(CREDITS), facts, summary, max_bad)


def is_read(table: str, name: str) -> bool:
    """Whether a column is read; of events all are, as they tell one from another."""
    fold = fold_name(name)
    if table == "contacts":
        return fold in _OWN[:2]
    return table != "touches" or fold in (*TOUCH_COLUMNS, *_OWN)
