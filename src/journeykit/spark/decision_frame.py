"""Deciding on Spark: DataFrames in, a DataFrame of decisions out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.errors import ModelError
from journeykit.job.ledger_options import check_ledger_options
from journeykit.spark.begun_ledger import opened_for
from journeykit.spark.run_summary import RunSummary, check_summary
from journeykit.spark.slice_run import need_frames
from journeykit.spark.spark_run import SparkRun
from journeykit.tables.output_selection import OutputSelection

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from journeykit.arbiter import Arbiter
    from journeykit.job.inputs import Progress
    from journeykit.ledger import BaseLedger


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
    if partition is not None and out is None:
        raise ModelError("partition is about a folder that is written: give out too", field="partition")
    check_summary(summary, max_bad if out is None else None)
    given = {"contacts": contacts, "touches": touches, "scores": scores, "claims": claims, "events": events}
    tables = need_frames(given)
    options: dict[str, Any] = {
        "at": at,
        "until": until,
        "explain": explain,
        "everything": everything,
        "outcomes": outcomes,
        "columns": None if columns is None else OutputSelection.of(None, columns).columns,
        "zone": zone,
        "run_id": run_id,
        "max_bad": max_bad,
    }
    in_ledger = {"dry_run": dry_run, "keep_decisions": keep_decisions, "waiting": waiting}
    how: dict[str, Any] = {"strict": strict, "order_by": order_by, "partitions": partitions, "folder": (out, partition)}
    with opened_for(spark, ledger) as store:
        check_ledger_options(store, **in_ledger)
        run = SparkRun(spark, arbiter, tables, options if store is None else options | in_ledger, store=store, **how)
    return run.decisions(summary, progress)
