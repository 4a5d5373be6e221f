"""The night's decisions under Dagster: a table for each night, a check of it, and what was sent of it."""

# Without `from __future__ import annotations`: Dagster reads the types of arguments.

import os
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow.compute as pc
import pyarrow.parquet as pq

from journeykit import Arbiter, JourneykitError, LedgerError, Playbook
from journeykit.ledger import Ledger

FOLDER = Path(os.environ.get("MESSAGES", "."))
ZONE = "Europe/Skopje"
# A night belongs to the day that it begins: the partition of a day is there from its first minute on.
NIGHTS = dg.DailyPartitionsDefinition(start_date="2026-11-01", timezone=ZONE, end_offset=1)


def decided(night: str) -> Path:
    """The file of a night's decisions."""
    return FOLDER / "decisions" / f"{night}.parquet"


def ledger() -> Ledger:
    """The ledger, as the environment says."""
    return Ledger(os.environ["LEDGER"])


def failure(error: JourneykitError) -> Exception:
    """Another try where that may help; with the same input all else would fail again."""
    if isinstance(error, LedgerError) and error.kind in ("locked", "lost"):
        return dg.RetryRequested(max_retries=5, seconds_to_wait=60)
    return dg.Failure(str(error), allow_retries=False)


@dg.asset(partitions_def=NIGHTS)
def decisions(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Who gets what. Made again, a partition has the same rows, and nothing is reserved twice."""
    night = context.partition_key
    decided(night).parent.mkdir(exist_ok=True)
    try:
        arbiter = Arbiter(Playbook.load(FOLDER / "playbook.yaml"))
        with ledger() as own:
            summary = arbiter.decide_table(
                str(FOLDER / "contacts.csv"),
                at=datetime.combine(date.fromisoformat(night), time(6), ZoneInfo(ZONE)),
                run_id=f"night {night}",
                ledger=own,
                everything=True,
                max_bad="1%",
                out=decided(night),
            )
    except JourneykitError as error:
        raise failure(error) from error
    return dg.MaterializeResult(metadata={"summary": str(summary), "contacts": summary.contacts, **summary.outcomes})


@dg.asset_check(asset=decisions, partitions_def=NIGHTS, blocking=True)
def few_lack_data(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """A jump of `missing_data` is the first sign of a broken table of contacts; then nothing is sent."""
    reasons = pq.read_table(decided(context.partition_key), columns=["reason"])["reason"]
    share = pc.mean(pc.equal(reasons, "missing_data")).as_py() or 0.0
    return dg.AssetCheckResult(passed=share <= 0.5, metadata={"share": share})


@dg.asset(partitions_def=NIGHTS, deps=[decisions])
def sent(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Hand over what was granted, and confirm it."""
    rows = pq.read_table(decided(context.partition_key), filters=[("outcome", "=", "granted")]).to_pylist()
    try:
        with ledger() as own:
            # Those that an earlier try has sent are confirmed, and do not go again.
            waiting = [row for row in rows if own.reservation(row["decision_id"]).status == "reserved"]
            for row in waiting:
                send(row)
                own.confirm(row["decision_id"])
    except JourneykitError as error:
        raise failure(error) from error
    return dg.MaterializeResult(metadata={"sent": len(waiting)})


def send(row: dict[str, Any]) -> None:
    """Here your sender sends. Give it the `decision_id`: a sender that remembers it sends nothing twice."""


nightly = dg.define_asset_job("nightly", [decisions, sent], partitions_def=NIGHTS)
definitions = dg.Definitions(
    assets=[decisions, sent],
    asset_checks=[few_lack_data],
    jobs=[nightly],
    schedules=[dg.build_schedule_from_partitioned_job(nightly, hour_of_day=2)],
)
