"""Runs with quotas on Spark: what all contacts get is settled by passes over slices, and then each slice is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.errors import InfeasibleError, ModelError
from journeykit.quotas.arm_quotas import ArmQuotaRun, ArmRun, said_of_arm
from journeykit.quotas.quota_run import QuotaRun
from journeykit.spark.arrow_types import ddl_of
from journeykit.spark.quota_slices import POOLED, NextPooling, QuotaDecider, QuotaPooling, QuotaSliceJob, SettledSlices
from journeykit.spark.slice_job import as_function
from journeykit.spark.spark_pool import SparkPool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame

    from journeykit.arbiter import Arbiter
    from journeykit.quotas.pool_slice import PoolSlice
    from journeykit.spark.slice_job import SliceDecider

_DDL = ddl_of(POOLED)


class QuotaFrame(NamedTuple):
    """Slices of a run with quotas, once these are settled.

    Attributes:
        frame: the slices.
        decider: what decides them, for ``frame.mapInArrow``.
        run: what the run chose.
    """

    frame: DataFrame
    decider: QuotaDecider
    run: QuotaRun


def quotas_settled(
    buckets: DataFrame,
    decider: SliceDecider,
    tables: Mapping[str, Any],
    asks: Sequence[tuple[Any, ...]],
) -> QuotaFrame:
    """Settle the quotas of a run: a few dozen small jobs, over problems that executors keep.

    Args:
        buckets: the tables, grouped.
        decider: makes slices of them.
        tables: the same tables without a row.
        asks: what all claims ask for.

    Raises:
        InfeasibleError: where hard quotas cannot hold together, unless the playbook says to relax them.
    """
    arbiter = decider.shipped.arbiter()

    def rehearsed(arms: tuple[int, ...]) -> QuotaSliceJob:
        job = QuotaSliceJob(arbiter, asks=asks, arms=arms, **decider.given(tables))
        job.lay_out()
        return job

    job = rehearsed(())
    runs = _runs(job, 0)
    contests = sorted({contest for run in runs.values() for contest in run.contests})
    pooling = QuotaPooling(decider, tuple(asks), contests[0], any(run.several for run in runs.values()), tables)
    frame = buckets.mapInArrow(as_function(pooling), _DDL).persist()
    told = _told(frame)
    arms = tuple(sorted({arm for row in told for arm in row["present"]}))
    if arbiter.decider.arms is not None:
        job = rehearsed(arms or (0,))
    runs = _runs(job, sum(row["contacts"] for row in told))
    for contest in contests:
        changes = {arm: _settle(job, arm, run, contest, frame) for arm, run in runs.items()}
        settled = SettledSlices(contest, {row["number"]: row["mark"] for row in told}, tuple(job.reader.arms), changes)
        if contest != contests[-1]:
            frame = frame.mapInArrow(as_function(NextPooling(pooling, settled)), _DDL).persist()
            told = _told(frame)
    whole = _whole(job, runs)
    for run in runs.values():
        run.elsewhere = sum(row["careful"] for row in told)
    return QuotaFrame(frame, QuotaDecider(pooling, settled, whole.charges), whole)


def refuse_quotas(arbiter: Arbiter, *, with_ledger: bool) -> None:
    """Refuse quotas where they are not settled on Spark.

    Raises:
        ModelError: beside caps per account or a ledger, and for quotas with a window, which a ledger counts.
    """
    counted = arbiter.decider.ruleset.counted
    if counted:
        raise ModelError(
            f"quotas with a window ({counted.names}) are counted in a ledger over all runs, and quotas with a ledger "
            "are not settled on Spark: decide with Arbiter.decide_table, or leave them out",
            field="quotas",
        )
    beside = "caps per account" if arbiter.decider.by_account else "a ledger" if with_ledger else None
    if arbiter.playbook.quotas and beside is not None:
        raise ModelError(
            f"quotas together with {beside} are not settled on Spark: decide with Arbiter.decide_table, or leave out "
            "one of the two",
            field="quotas",
        )


def _told(frame: DataFrame) -> list[Any]:
    """What slices say of themselves; now their problems are laid out."""
    return frame.select("number", "contacts", "careful", "mark", "present").collect()


def _runs(job: QuotaSliceJob, contacts: int) -> dict[int, QuotaRun]:
    """What chooses for the contacts of each arm."""
    return {
        arm: QuotaRun(
            engine.playbook,
            engine.layout,
            fingerprint=job.decider.fingerprint,
            contacts=contacts,
            threads=1,
            ranks=engine.weigher.ranker is not None,
        )
        for arm, engine in job.engines.items()
    }


def _settle(
    job: QuotaSliceJob, arm: int, run: QuotaRun, contest: int, frame: DataFrame
) -> tuple[Callable[[PoolSlice], PoolSlice], ...]:
    """Settle one contest of one arm; what became of its slices."""
    if contest not in run.contests:
        return ()
    pool = SparkPool(frame.selectExpr(f"pools[{arm}] AS pool"), len(run.layout.fixed), len(run.layout.columns))
    try:
        settled = run.settle(contest, pool)
    except InfeasibleError as error:
        name = job.engines[arm].decider.arm
        raise (error if job.decider.arms is None else said_of_arm(error, name)) from None
    assert isinstance(settled, SparkPool)  # noqa: S101  (it was one)
    settled.let_go()
    return settled.changes


def _whole(job: QuotaSliceJob, runs: Mapping[int, QuotaRun]) -> QuotaRun:
    """What the run chose for all contacts together."""
    if job.decider.arms is None:
        return runs[0]
    from journeykit.job.arm_chunks import ArmChunks

    assert isinstance(job.chunks, ArmChunks)  # noqa: S101  (there are experiments)
    arms = [ArmRun(own.decider.engine.decider.arm, own.share, runs[own.number]) for own in job.chunks.arms]
    contacts = max(run.contacts for run in runs.values())
    return ArmQuotaRun(arms, np.broadcast_to(np.int64(-1), contacts), job.sides, fingerprint=job.decider.fingerprint)
