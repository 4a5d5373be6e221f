"""A run on Spark in a ledger: the driver begins it, and each slice reserves for its own contacts."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve

from journeykit.basics.clock import micros
from journeykit.basics.validation import shown
from journeykit.errors import ModelError, missing
from journeykit.job.ledger_options import paused_by_ledger
from journeykit.ledger import BaseLedger, MemoryLedger
from journeykit.ledger.begun_run import BegunRun
from journeykit.ledger.guard_keeping import rules_mark
from journeykit.ledger.ledger_run import LedgerRun
from journeykit.ledger.transaction import RunMark
from journeykit.spark.grouped_tables import shuffle_partitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from pyspark.sql import SparkSession

    from journeykit.engine.decider import Decider

_ALLOWED = "give a Ledger in PostgreSQL, or its address (postgresql+psycopg://USER@HOST/DATABASE)"


def ledger_for(spark: SparkSession, given: BaseLedger | str) -> BaseLedger:
    """A ledger that executors can open too.

    Args:
        spark: the session.
        given: a ledger, or the address of one.

    Raises:
        MissingExtraError: without the extra ``ledger``.
        ModelError: for a ledger that only this process has, and for a file where executors are on other machines.
    """
    if isinstance(given, str):
        try:
            from journeykit.ledger import Ledger
        except ImportError as error:
            raise missing(error.name, "ledger", "a ledger") from error
        given = Ledger(given)
    if not isinstance(given, BaseLedger):
        raise ModelError(f"ledger must be a Ledger or its address, found {type(given).__name__}", field="ledger")
    if isinstance(given, MemoryLedger):
        raise ModelError(
            f"a MemoryLedger is in this process alone, and executors are others: {_ALLOWED}", field="ledger"
        )
    if getattr(given, "is_sqlite", False) and not _is_local(spark):
        raise ModelError(
            f"a SQLite file is for jobs of one machine, and this session's master is {_master(spark)!r}: {_ALLOWED}",
            field="ledger",
        )
    try:
        pickle.dumps(given)
    except Exception as error:
        raise ModelError(f"{shown(given)} cannot be sent to executors ({error}): {_ALLOWED}", field="ledger") from error
    return given


@contextmanager
def opened_for(spark: SparkSession, given: BaseLedger | str | None) -> Iterator[BaseLedger | None]:
    """A ledger that executors can open too, or None without one; what is opened here, by its address, is closed.

    Args:
        spark: the session.
        given: as of `ledger_for`, or None.
    """
    store = None if given is None else ledger_for(spark, given)
    try:
        yield store
    finally:
        if store is not None and store is not given:
            store.close()


def nothing_begun(
    ledger: BaseLedger,
    decider: Decider,
    inputs: Iterable[str],
    *,
    at: datetime,
    until: datetime | None,
    run_id: str | None,
) -> BegunRun:
    """What a job gets that looks at options and columns alone: a run of which the ledger does not know.

    Args:
        ledger: the ledger.
        decider: the decider.
        inputs: the names of the tables.
        at: the instant of the decisions.
        until: the last instant of a plan, or None.
        run_id: the name of the run; None for the one that it has by default.
    """
    name = run_id or decider.run_id(at, until, tuple(own for own in inputs if own != "contacts"))
    last = None if until is None else micros(until, what="until")
    mark = RunMark(run_id=name, playbook=rules_mark(decider), at=micros(at), until=last)
    return BegunRun(ledger=ledger, mark=mark, pauses=dict(decider.ruleset.pauses))


def begun_in(
    spark: SparkSession,
    ledger: BaseLedger,
    decider: Decider,
    *,
    partitions: int | None = None,
    competes: bool | None = None,
    **how: Any,
) -> tuple[LedgerRun, BegunRun]:
    """Begin a run in a ledger, or go on with it.

    Args:
        spark: the session.
        ledger: the ledger; see `ledger_for`.
        decider: decides; campaigns that guards of the ledger pause are paused for the whole run.
        partitions: into how many tasks the contacts are put; None for what Spark says.
        competes: where claims are brought, whether those compete too that wait; else None.
        how: as for `LedgerRun`: ``run_id``, ``at``, ``until``, ``explain``, ``dry_run``, ``keep``.

    Returns:
        The run, which tells of all slices together; and what the job of each slice is given as ``ledger``.
    """
    paused = paused_by_ledger(decider, ledger, writes=not how.get("dry_run", False))
    run = LedgerRun(ledger, paused, **how)
    run.competes = competes
    begun = run.shared(_at_once(spark, partitions))
    return run, evolve(begun, ledger=_bare(ledger))


def _bare(ledger: BaseLedger) -> BaseLedger:
    """A ledger as it travels: without an arbiter, which is asked for nothing there, and with the whole path of a file.

    The workers of Spark have another working folder.
    """
    found: Any = pickle.loads(pickle.dumps(ledger))  # noqa: S301  (our own)
    found.arbiter = None
    if getattr(found, "is_sqlite", False) and not found.url.database.startswith("file:"):
        found.url = found.url.set(database=str(Path(found.url.database).absolute()))
    return cast("BaseLedger", found)


def _at_once(spark: SparkSession, partitions: int | None) -> int:
    """How many slices are decided at once, at most."""
    tasks = partitions or shuffle_partitions(spark)
    context = getattr(spark, "_jsc", None)
    grows = spark.conf.get("spark.dynamicAllocation.enabled", "false") == "true"
    return tasks if grows or context is None else min(tasks, spark.sparkContext.defaultParallelism)


def _master(spark: SparkSession) -> str:
    return str(spark.conf.get("spark.master", "unknown"))


def _is_local(spark: SparkSession) -> bool:
    """Whether executors are processes of this machine."""
    master = _master(spark)
    return master == "local" or master.startswith("local[")
