"""A run over tables of Spark: what is found out before any row is decided, and then the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import evolve

from journeykit.columns.touch_columns import TouchReader
from journeykit.errors import ModelError
from journeykit.spark.arrow_types import ddl_of
from journeykit.spark.bad_row_frame import bad_row_frame
from journeykit.spark.begun_ledger import begun_in, nothing_begun
from journeykit.spark.claims_survey import asked_for
from journeykit.spark.counts_told import counts_told
from journeykit.spark.executor_check import check_executors
from journeykit.spark.grouped_tables import GroupedTables, arrow_schema, shuffle_partitions
from journeykit.spark.output_folder import OutputFolder, decided_into
from journeykit.spark.quota_frame import quotas_settled, refuse_quotas
from journeykit.spark.run_summary import RunSummary, ToldRun
from journeykit.spark.scores_survey import scored_campaigns
from journeykit.spark.shipped_arbiter import ShippedArbiter
from journeykit.spark.slice_job import SliceDecider, SliceJob, as_function, plain_schema
from journeykit.spark.strict_survey import refuse_mismatches
from journeykit.tables.header import fold_name, places_of
from journeykit.tables.score_table import SCORE_COLUMNS

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from journeykit.arbiter import Arbiter
    from journeykit.job.inputs import Progress
    from journeykit.ledger import BaseLedger
    from journeykit.ledger.begun_run import BegunRun
    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.quotas.quota_run import QuotaRun
    from journeykit.spark.counts_told import CountsTold
    from journeykit.spark.quota_slices import QuotaDecider


class SparkRun:
    """A run over tables of Spark. Whatever is wrong with it is said when it is made, and it begins in its ledger.

    Args:
        spark: the session.
        arbiter: the arbiter.
        tables: DataFrames by name.
        options: those of a `TableJob`, but for tables and ledger; with a ledger those that are about it, too.
        strict: whether tables that do not match the playbook are refused.
        order_by: as of `GroupedTables`.
        partitions: likewise.
        store: the ledger, or None.
        folder: the folder to which tasks write, and by what it is parted; None for either.
    """

    def __init__(
        self,
        spark: SparkSession,
        arbiter: Arbiter,
        tables: Mapping[str, DataFrame],
        options: Mapping[str, Any],
        *,
        strict: bool,
        order_by: str | Sequence[str],
        partitions: int | None,
        store: BaseLedger | None,
        folder: tuple[str | os.PathLike[str] | None, str | None],
    ) -> None:
        self._spark, self._arbiter, self._tables, self._options = spark, arbiter, tables, dict(options)
        self._shipped = ShippedArbiter.of(arbiter)
        refuse_quotas(arbiter, with_ledger=store is not None)
        if store is not None:
            self._options["ledger"] = self._nothing_begun(store)
        self._schemas = {name: arrow_schema(name, frame) for name, frame in tables.items()}
        self._job = self._rehearsed(strict=strict)
        self._options["run_id"] = self._job.run_id
        self._folder = self._checked_folder(*folder)
        check_executors(spark, self._shipped.modules)
        if strict:
            refuse_mismatches(self._shipped, tables, self._is_wanted, options["zone"])
        self._grouping: dict[str, Any] = {
            "order_by": order_by,
            "partitions": self._tasks(partitions),
            "by_account": arbiter.decider.by_account,
        }
        self._grouped = self._in_groups(self._is_wanted)
        self._scored = scored_campaigns(self._shipped, tables["scores"]) if "scores" in tables else frozenset()
        self._begun: LedgerRun | None = None
        if store is not None:
            self._begun, self._options["ledger"] = self._begun_in(store, partitions)

    def decisions(self, summary: RunSummary | None, progress: Progress | None) -> Any:
        """The table of decisions, or the summary where tasks write them to a folder; quotas are settled now.

        Args:
            summary: gets the counts of the run; None for nobody.
            progress: is called with the number of contacts that are done; None for nobody.
        """
        if self._folder is not None:
            summary = summary or RunSummary()
        counted = None if summary is None and progress is None else counts_told(self._spark, progress)
        schema = plain_schema(self._kind_of_ids(), self._job.output.columns)
        decider = SliceDecider(self._shipped, self._grouped.slices, self._options, schema, self._scored, counted)
        frame, deciding, settled = self._settled(decider)
        if counted is None:
            return frame.mapInArrow(as_function(deciding), ddl_of(schema))
        if summary is not None:
            summary.begin(self._told(decider, counted, settled))
            if self._folder is not None:
                return decided_into(self._folder, frame, deciding, counted, summary)
        return counted.decisions(frame.mapInArrow(as_function(deciding), counted.widened(ddl_of(schema))))

    def _rehearsed(self, *, strict: bool) -> SliceJob:
        """The run over tables of these columns without a row, which finds what is wrong with options and columns."""
        tables = {name: schema.empty_table() for name, schema in self._schemas.items()}
        job = SliceJob(self._arbiter, **tables, **self._options, strict=strict, threads=1)
        for _ in job.batches():
            pass
        return job

    def _checked_folder(self, out: str | os.PathLike[str] | None, partition: str | None) -> OutputFolder | None:
        """The folder to which tasks write, if any."""
        if out is None:
            return None
        found = OutputFolder.of(out, self._job.output.columns, partition, self._arbiter.playbook.timezone)
        found.need_apart(self._tables)
        found.check()
        return found

    def _is_wanted(self, table: str, name: str) -> bool:
        """Whether a column of a table is read."""
        if table == "contacts":
            return self._job.reader.is_needed(name)
        if table == "touches":
            return TouchReader.wanted(name)
        return table != "scores" or fold_name(name) in SCORE_COLUMNS

    def _tasks(self, partitions: int | None) -> int | None:
        """Into how many tasks the contacts are put."""
        if partitions is None and self._arbiter.playbook.quotas:
            # Slices with quotas are read several times, and must be the same ones each time.
            return shuffle_partitions(self._spark)
        return partitions

    def _in_groups(self, wanted: Callable[[str, str], bool] | None) -> GroupedTables:
        return GroupedTables(self._tables, wanted=wanted, **self._grouping)

    def _kind_of_ids(self) -> pa.DataType:
        """What the ids of decisions are: as those of the contacts where these are whole numbers, else text."""
        if "contacts" in self._schemas:
            schema = self._schemas["contacts"]
            kind = schema.field(places_of(schema.names, "contacts")["contact_id"]).type
            if pa.types.is_integer(kind):
                return kind
        return pa.string()

    # With a ledger

    def _nothing_begun(self, store: BaseLedger) -> BegunRun:
        """What the rehearsal has as its ledger."""
        if self._options["waiting"] and "contacts" not in self._tables:
            raise ModelError("waiting needs a table of contacts on Spark: give the contacts too", field="waiting")
        how = {name: self._options[name] for name in ("at", "until", "run_id")}
        return nothing_begun(store, self._arbiter.decider, self._tables, **how)

    def _begun_in(self, store: BaseLedger, partitions: int | None) -> tuple[LedgerRun, BegunRun]:
        """The run in the ledger, which begins there, and what each slice gets of it."""
        how = {name: self._options[name] for name in ("run_id", "at", "until", "explain", "dry_run")}
        how["keep"] = self._options["keep_decisions"]
        how["competes"] = self._options["waiting"] if "claims" in self._tables else None
        return begun_in(self._spark, store, self._arbiter.decider, partitions=partitions, **how)

    # With quotas, and with a summary

    def _settled(self, decider: SliceDecider) -> tuple[DataFrame, SliceDecider | QuotaDecider, QuotaRun | None]:
        """The slices, what decides them, and what was chosen where there are quotas."""
        if not self._arbiter.playbook.quotas:
            return self._grouped.frame, decider, None
        claims = self._tables.get("claims")
        asks = () if claims is None else asked_for(claims, self._arbiter.playbook)
        found = quotas_settled(self._grouped.frame, decider, self._grouped.empty, asks)
        return found.frame, found.decider, found.run

    def _told(self, decider: SliceDecider, counted: CountsTold, settled: QuotaRun | None) -> ToldRun:
        """The run, as its summary knows it."""
        facts = self._job.facts
        return ToldRun(
            facts=facts if self._begun is None else evolve(facts, decider=self._begun.decider),
            none=self._job.counts(),
            buckets=self._grouped.buckets,
            counted=counted,
            bad_rows=lambda: bad_row_frame(decider, self._in_groups(None)),
            ledger=self._begun,
            quotas=settled,
            max_bad=self._options["max_bad"],
        )
