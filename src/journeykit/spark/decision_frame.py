"""Deciding on Spark: DataFrames in, a DataFrame of decisions out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from attrs import evolve

from journeykit.columns.touch_columns import TouchReader
from journeykit.errors import ModelError
from journeykit.job.inputs import TABLES
from journeykit.job.ledger_options import check_ledger_options
from journeykit.spark.arrow_types import ddl_of
from journeykit.spark.bad_row_frame import bad_row_frame
from journeykit.spark.begun_ledger import begun_in, ledger_for, nothing_begun
from journeykit.spark.claims_survey import asked_for
from journeykit.spark.counts_told import counts_told
from journeykit.spark.executor_check import check_executors
from journeykit.spark.grouped_tables import GroupedTables, arrow_schema
from journeykit.spark.output_folder import OutputFolder, decided_into
from journeykit.spark.quota_frame import quotas_settled, refuse_quotas
from journeykit.spark.run_summary import RunSummary, ToldRun
from journeykit.spark.scores_survey import scored_campaigns
from journeykit.spark.shipped_arbiter import ShippedArbiter
from journeykit.spark.slice_job import SliceDecider, SliceJob, as_function, plain_schema
from journeykit.spark.slice_run import need_frames
from journeykit.spark.strict_survey import refuse_mismatches
from journeykit.tables.header import fold_name, places_of
from journeykit.tables.score_table import SCORE_COLUMNS

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from journeykit.arbiter import Arbiter
    from journeykit.job.inputs import Progress
    from journeykit.ledger import BaseLedger
    from journeykit.spark.quota_slices import QuotaDecider


def decide(
    spark: SparkSession,
    arbiter: Arbiter,
    contacts: DataFrame | None,
    touches: DataFrame | None = None,
    scores: DataFrame | None = None,
    claims: DataFrame | None = None,
    *,
    at: datetime,
    until: datetime | None = None,
    events: DataFrame | None = None,
    order_by: str | Sequence[str] = (),
    partitions: int | None = None,
    explain: bool = False,
    everything: bool = False,
    outcomes: str | None = None,
    columns: Iterable[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    partition: str | None = None,
    zone: str | None = None,
    run_id: str | None = None,
    strict: bool = False,
    ledger: BaseLedger | str | None = None,
    dry_run: bool = False,
    keep_decisions: bool = False,
    waiting: bool = False,
    max_bad: int | str | None = None,
    progress: Progress | None = None,
    summary: RunSummary | None = None,
) -> Any:
    """Decide tables on Spark: the rows that `Arbiter.decide_table` gives, whatever the number of partitions.

    The playbook travels in its canonical form, and your own policies and checks by the names under which executors
    import them. Tables are grouped by contact and decided by the columnar engine where they are, many contacts at a
    time. Nothing is decided before Spark needs the rows. At once options, columns, playbook and executors are checked,
    scores are read for the campaigns that they are about, and quotas are settled.

    Quotas are the exception: what they leave to each contact is settled at once, by a few dozen passes over problems
    that executors keep, in memory and on disk, until the session ends or `spark.catalog.clearCache` is called.

    Args:
        spark: the session.
        arbiter: the arbiter.
        contacts: who, with the columns of the file formats; None where claims are given, whose contacts are then taken.
        touches: the history.
        scores: what models say.
        claims: what is asked for; None makes one claim of every campaign's every content.
        at: the instant of the decisions, aware.
        until: the last instant of a plan, aware.
        events: what contacts did, for rules that ask for it; of those with one ``event_id`` the earliest counts.
        order_by: names of columns of the contacts: which of several rows with one id comes first, and is taken.
            ``"updated_at desc"`` begins with the latest. Where they say nothing, the order is that of the cells, for
            Spark has no first row.
        partitions: into how many tasks the contacts are put; None for what ``spark.sql.shuffle.partitions`` says.
        explain: whether the columns ``displaced`` and ``needs`` are filled.
        everything: whether denied claims are given too, not only granted and deferred ones.
        outcomes: ``granted`` for granted claims alone; ``all`` as ``everything``; None for granted and deferred ones.
        columns: the names of the columns, in the order in which they are given; None for all.
        out: a folder, to which the tasks write Parquet files themselves, at once, which costs less than Spark's writer;
            it appears whole or not at all, as that of a local run, and replaces a table of decisions that is there. A
            path that all machines share, or an address that `pyarrow.fs.FileSystem.from_uri` knows (``hdfs://``,
            ``s3://``, ``gs://``), which executors reach with credentials of their own. In a store without folders,
            such as S3, files are put in their place one by one, and the file ``_SUCCESS`` last.
        partition: with ``out``, ``day``, ``channel`` or ``team``: files are in folders like ``channel=email``.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        run_id: a name for the run; by default a hash of playbook, ``at`` and ``until``, as for a local run.
        strict: whether tables that do not match the playbook are refused before anything is decided, as of
            `Arbiter.decide_table`. Their cells are read once more for it, at once.
        ledger: where the history is read, beside the touches that are given, and what is granted is reserved: a ledger
            in PostgreSQL, or its address; in a SQLite file only where all executors are this machine's. The run begins
            in it at once, and each task reserves for its own contacts when Spark decides them: a task that is done
            again, or twice at once, reserves once, and gives the same rows. So does the DataFrame that is read again.
        dry_run: with a ledger, whether it is a rehearsal: nothing is reserved, and no mark of the run is left.
        keep_decisions: with a ledger, whether it keeps what was decided of each contact, denied claims too.
        waiting: with a ledger, whether claims that wait there compete, beside those of ``claims``; needs contacts.
        max_bad: how many bad rows are tolerated, as a number or as a share of each table's rows (``"1%"``); None for
            any number. With ``out`` nothing is written where there are more. Else where one task alone has more than
            such a number, the action fails; all rows together are counted when `summary` is asked, which refuses then,
            and whatever was written is there.
        progress: is called, whenever a task is done, with the number of contacts that are done, and with None; not
            over Spark Connect.
        summary: has the summary, and the calendar of a plan, once all rows were made.

    Returns:
        The table of decisions, a DataFrame, in no order. Ids are whole numbers where the contacts' are, else text.
        With ``out`` the summary, as `Arbiter.decide_table` gives it; ids are text in files.

    Raises:
        DataError: for a table that is no DataFrame of Spark, or lacks a column that is needed.
        ModelError: for an argument that cannot be, and for quotas beside caps per account or a ledger.
        InfeasibleError: where hard quotas cannot hold together, unless the playbook says to relax them.
        PolicyError: for a policy or check that executors cannot import.
        ExecutorError: for executors that cannot do the work; see `check_executors`.
        LedgerError: where the ledger cannot be used.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Playbook
        >>> playbook = Playbook.from_dict({
        ...     "content": [{"id": "note", "channel": "email"}],
        ...     "campaigns": [{"id": "launch", "content": ["note"], "audience": "score >= 40"}],
        ... })
        >>> rows = [(1, 20, True), (2, 40, True)]
        >>> contacts = spark.createDataFrame(rows, "contact_id long, score int, consent_email boolean")
        >>> decisions = decide(spark, Arbiter(playbook), contacts, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
        >>> decisions.select("contact_id", "campaign_id", "outcome").collect()
        [Row(contact_id=2, campaign_id='launch', outcome='granted')]
    """
    given = {"contacts": contacts, "touches": touches, "scores": scores, "claims": claims, "events": events}
    tables = need_frames({name: given[name] for name in TABLES})
    if partition is not None and out is None:
        raise ModelError("partition is about a folder that is written: give out too", field="partition")
    if max_bad is not None and summary is None and out is None:
        raise ModelError("all bad rows are counted when the summary is asked: give summary too", field="max_bad")
    shipped = ShippedArbiter.of(arbiter)
    refuse_quotas(arbiter, with_ledger=ledger is not None)
    output = None if columns is None else tuple(columns)
    options: dict[str, Any] = {
        "at": at,
        "until": until,
        "explain": explain,
        "everything": everything,
        "outcomes": outcomes,
        "columns": output,
        "zone": zone,
        "run_id": run_id,
        "max_bad": max_bad,
    }
    told = {"dry_run": dry_run, "keep_decisions": keep_decisions, "waiting": waiting}
    store = None if ledger is None else ledger_for(spark, ledger)
    check_ledger_options(store, **told)
    if store is not None:
        if waiting and contacts is None:
            raise ModelError("waiting needs a table of contacts on Spark: give the contacts too", field="waiting")
        options |= told
        options["ledger"] = nothing_begun(store, arbiter.decider, tables, at=at, until=until, run_id=run_id)
    schemas = {name: arrow_schema(name, frame) for name, frame in tables.items()}
    job = _rehearsed(arbiter, schemas, options | {"strict": strict})
    options["run_id"] = job.run_id
    folder = None
    if out is not None:
        folder = OutputFolder.of(out, job.output.columns, partition, arbiter.playbook.timezone)
        folder.need_apart(tables)
        folder.check()
        summary = summary or RunSummary()
    check_executors(spark, shipped.modules)
    wanted = _wanted(job)
    if strict:
        refuse_mismatches(shipped, tables, wanted, zone)
    # Slices with quotas are read several times, and must be the same ones each time.
    tasks = _shuffled(spark) if partitions is None and arbiter.playbook.quotas else partitions
    parted: dict[str, Any] = {"order_by": order_by, "partitions": tasks, "by_account": arbiter.decider.by_account}
    grouped = GroupedTables(tables, wanted=wanted, **parted)
    schema = plain_schema(_kind_of_ids(tables), job.output.columns)
    scored = scored_campaigns(shipped, scores) if scores is not None else frozenset()
    facts, begun = job.facts, None
    if store is not None:
        competes = None if claims is None else waiting
        how: dict[str, Any] = {"run_id": job.run_id, "at": at, "until": until, "explain": explain, "dry_run": dry_run}
        how |= {"keep": keep_decisions, "competes": competes, "partitions": partitions}
        begun, options["ledger"] = begun_in(spark, store, arbiter.decider, **how)
        facts = evolve(facts, decider=begun.decider)
        if store is not ledger:
            store.close()
    counted = None if summary is None and progress is None else counts_told(spark, progress)
    decider = SliceDecider(shipped, grouped.slices, options, schema, scored, counted)

    frame, settled = grouped.frame, None
    deciding: SliceDecider | QuotaDecider = decider
    if arbiter.playbook.quotas:
        asks = asked_for(claims, arbiter.playbook) if claims is not None else ()
        found = quotas_settled(grouped.frame, decider, grouped.empty, asks)
        frame, deciding, settled = found.frame, found.decider, found.run
    if counted is None:
        return frame.mapInArrow(as_function(deciding), ddl_of(schema))
    if summary is not None:
        run = ToldRun(
            facts=facts,
            none=job.counts(),
            buckets=grouped.buckets,
            counted=counted,
            bad_rows=lambda: bad_row_frame(decider, GroupedTables(tables, **parted)),
            ledger=begun,
            quotas=settled,
            max_bad=max_bad,
        )
        summary.begin(run)
        if folder is not None:
            return decided_into(folder, frame, deciding, counted, summary)
    return counted.decisions(frame.mapInArrow(as_function(deciding), counted.widened(ddl_of(schema))))


def _shuffled(spark: SparkSession) -> int:
    """Into how many tasks Spark puts rows that it moves."""
    return max(1, int(spark.conf.get("spark.sql.shuffle.partitions") or 1))


def _rehearsed(arbiter: Arbiter, schemas: Mapping[str, pa.Schema], options: Mapping[str, Any]) -> SliceJob:
    """The run over tables of these columns without a row: whatever is wrong with options and columns is said now."""
    job = SliceJob(arbiter, **{name: schema.empty_table() for name, schema in schemas.items()}, **options, threads=1)
    for _ in job.batches():
        pass
    return job


def _wanted(job: SliceJob) -> Callable[[str, str], bool]:
    """Whether a column of a table is read."""
    is_needed = {
        "contacts": job.reader.is_needed,
        "touches": TouchReader.wanted,
        "scores": lambda name: fold_name(name) in SCORE_COLUMNS,
    }
    return lambda table, name: table not in is_needed or is_needed[table](name)


def _kind_of_ids(tables: Mapping[str, DataFrame]) -> pa.DataType:
    """What the ids of decisions are: as those of the contacts where these are whole numbers, else text."""
    if "contacts" in tables:
        schema = arrow_schema("contacts", tables["contacts"])
        kind = schema.field(places_of(schema.names, "contacts")["contact_id"]).type
        if pa.types.is_integer(kind):
            return kind
    return pa.string()
