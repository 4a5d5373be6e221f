"""Features and scores on Spark: DataFrames in, a DataFrame of features or of scores out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from journeykit.basics.clock import clock, micros
from journeykit.basics.validation import names
from journeykit.errors import ModelError
from journeykit.learning.campaign_scoring import models_of
from journeykit.learning.feature_columns import feature_table
from journeykit.learning.history_features import attribute_names, usable_attributes, usual_hour
from journeykit.spark.credit_work import CreditWork
from journeykit.spark.credited_frame import is_read
from journeykit.spark.executor_check import check_executors
from journeykit.spark.grouped_tables import GroupedTables
from journeykit.spark.history_work import FeatureWork, HistoryWork, HourCount, ScoringWork
from journeykit.spark.slice_run import need_frames, rows_of_slices
from journeykit.spark.tally_facts import CreditFacts, ScoreFacts
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from journeykit.learning.learned_model import LearnedModel
    from journeykit.playbook.playbook import Playbook
    from journeykit.spark.run_summary import RunSummary


LEARNING = ("journeykit.learning.learned_model",)
"""What executors must be able to import for features and scores, besides the library: the extra ``learn``."""


def features(
    spark: SparkSession,
    playbook: Playbook,
    touches: DataFrame,
    events: DataFrame,
    contacts: DataFrame | None = None,
    *,
    until: datetime,
    since: datetime | None = None,
    static: str | Iterable[str] = (),
    order_by: str | Iterable[str] = (),
    partitions: int | None = None,
    zone: str | None = None,
    max_bad: int | str | None = None,
    summary: RunSummary | None = None,
) -> DataFrame:
    """The features of the messages that were sent, on Spark: the rows that `journeykit.learning.feature_table` gives.

    They say what was known before each message, nothing that came at its instant or later, and what it brought.

    Args:
        spark: the session.
        playbook: the rule set, with its ``responses`` and its journey.
        touches: the touches.
        events: the events.
        contacts: the contacts, whose attributes are features where the table says by ``valid_from`` since when they
            hold, or where they are named in `static`.
        until: what was sent and done before this instant, aware.
        since: messages from this instant on; None for all. Those before it count as touches all the same.
        static: the attributes that are taken as they are, whenever a message was sent.
        order_by: names of columns of the contacts: which of several rows with one id (and one ``valid_from``) counts.
        partitions: into how many tasks the contacts are put; None for what ``spark.sql.shuffle.partitions`` says.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None for
            any number. They are counted when `summary` is asked, which refuses then; whatever was written is there.
        summary: has the `journeykit.measuring.CreditSummary`, once all rows were made.

    Returns:
        The columns of `journeykit.learning.feature_table`, in no order. A category has all of its classes, also of more
        than 200, of which `journeykit.learn` keeps the most frequent.

    Raises:
        ExecutorError: where an executor lacks what the work needs.
        DataError: for a table that is no DataFrame of Spark, lacks a column that is needed, or a static attribute.
        ModelError: for an argument that cannot be.

    Example:
        >>> features(spark, playbook, touches, events, until=at).write.parquet("features")  # doctest: +SKIP
    """
    check_executors(spark, LEARNING)
    static = names(static)
    tables = need_frames({"contacts": contacts, "touches": touches, "events": events})
    grouped = GroupedTables(tables, wanted=_wanted(None), order_by=_order(order_by, tables), partitions=partitions)
    past, _ = HistoryWork(playbook=playbook, until=until, zone=zone, static=static).read(grouped.empty)
    attributes = usable_attributes(past)
    history = HistoryWork(
        playbook=playbook, until=until, zone=zone, static=static, only=frozenset(map(fold_name, attributes))
    )
    work = FeatureWork(history=history, since=since, attributes=attributes)
    schema = feature_table(past, until=until, since=since, attributes=attributes).schema
    facts = CreditFacts(playbook=playbook, tables=frozenset(tables), notes=past.notes)
    return rows_of_slices(spark, grouped, work, schema, facts, summary, max_bad)


def score(
    spark: SparkSession,
    playbook: Playbook,
    model: LearnedModel,
    contacts: DataFrame | None,
    touches: DataFrame,
    events: DataFrame,
    *,
    at: datetime,
    response: str | None = None,
    order_by: str | Iterable[str] = (),
    partitions: int | None = None,
    zone: str | None = None,
    max_bad: int | str | None = None,
    summary: RunSummary | None = None,
) -> DataFrame:
    """Score every contact for every campaign that is neither paused nor over, on Spark: the rows that `score` gives.

    The model is learned on one machine, from the messages of some contacts, and travels to where the contacts are.

    Args:
        spark: the session.
        playbook: the rule set with which the model was learned.
        model: the model.
        contacts: who is scored; None for all who have a touch or an event.
        touches: the touches: what was sent before the instant.
        events: the events: what contacts did before it.
        at: the instant, aware.
        response: the response whose chance is the propensity; None for the first of the playbook that is about the
            message.
        order_by: names of columns of the contacts: which of several rows with one id (and one ``valid_from``) counts.
        partitions: into how many tasks the contacts are put; None for what ``spark.sql.shuffle.partitions`` says.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None for
            any number. They are counted when `summary` is asked, which refuses then; whatever was written is there.
        summary: has the `ScoreSummary`, once all rows were made.

    Returns:
        The scores, in no order, with the columns that `CampaignScores.columns` names: what `decide` takes as scores.

    Raises:
        ExecutorError: where an executor lacks what the work needs.
        DataError: for a table that is no DataFrame of Spark, lacks what the model asks for, or a response that was not
            learned.
        ModelError: for an argument that cannot be.

    Example:
        >>> scores = score(spark, playbook, model, contacts, touches, events, at=at)  # doctest: +SKIP
        >>> decisions = decide(spark, arbiter, contacts, touches, scores, at=at)  # doctest: +SKIP
    """
    check_executors(spark, LEARNING)
    only = attribute_names(own.features for own in models_of(model))
    tables = need_frames({"contacts": contacts, "touches": touches, "events": events})
    grouped = GroupedTables(tables, wanted=_wanted(only), order_by=_order(order_by, tables), partitions=partitions)
    history = HistoryWork(playbook=playbook, until=at, zone=zone, static=model.static, only=only)
    scores, _ = ScoringWork(history=history, model=model, response=response).scores(grouped.empty)
    schema = scores.table().schema
    hour = _hour(playbook, touches, at, zone)
    work = ScoringWork(history=history, model=model, response=response, hour=hour)
    facts = ScoreFacts(playbook=playbook, tables=frozenset(tables), scores=scores, hour=hour)
    return rows_of_slices(spark, grouped, work, schema, facts, summary, max_bad)


def _order(given: str | Iterable[str], tables: dict[str, DataFrame]) -> tuple[str, ...]:
    """By what rows of contacts are put in order."""
    order = names(given)
    if order and "contacts" not in tables:
        raise ModelError("order_by says which of several rows of a contact counts: give contacts", field="order_by")
    return order


def _wanted(only: frozenset[str] | None) -> Callable[[str, str], bool]:
    """Whether a column of a table is read; of contacts, some attributes or all."""
    return lambda table, name: (
        only is None or fold_name(name) in (*only, "valid_from") if table == "contacts" else is_read(table, name)
    )


def _hour(playbook: Playbook, touches: DataFrame, at: datetime, zone: str | None) -> int | None:
    """The hour of the day for which scores are: one pass over the touches where they are, without a shuffle."""
    count = HourCount(CreditWork(playbook=playbook, until=micros(at), zone=zone))

    def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = np.zeros(24, np.int64)
        for batch in batches:
            found += count(pa.Table.from_batches([batch]))
        yield pa.record_batch({"hour": np.arange(24, dtype=np.int32), "messages": found})

    read = touches.select([f"`{own.replace('`', '``')}`" for own in touches.columns if is_read("touches", own)])
    rows = read.mapInArrow(counted, "hour int, messages bigint").groupBy("hour").sum("messages").collect()
    counts = np.zeros(24, np.int64)
    for hour, messages in rows:
        counts[hour] = messages
    return usual_hour(clock(playbook.timezone), counts, micros(at))
