"""Quotas on Spark: many contacts, 50 campaigns, 50 capacities on `local[2]`; against the local run of the same tables.

    python benchmarks/spark_quotas.py                      # 1,000,000 contacts, 35 claims each
    python benchmarks/spark_quotas.py --contacts 100000 --partitions 4 --json

The claims are those of `quotas.py`, read from Parquet by both. Value, bound and rows must be the same to the last
unit. Seconds are those of the clock, with the session started before: of settling, which `decide` does at once, by
passes over the slices; and of deciding, which is the count of the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from quotas import AT, Instance

from journeykit import Arbiter


def local(arbiter: Arbiter, claims: str) -> tuple[float, int, dict[str, Any]]:
    """The seconds of a local run, its rows, and its summary as data."""
    told: list[Any] = []
    began = time.perf_counter()
    rows = sum(len(part) for part in arbiter.decide_table(None, claims=claims, at=AT, stream=True, summary=told.append))
    return time.perf_counter() - began, rows, told[0].to_dict()


def on_spark(arbiter: Arbiter, claims: str, partitions: int, memory: str) -> tuple[float, float, int, dict[str, Any]]:
    """The seconds of settling and of deciding on Spark, the rows, and the summary as data."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    from journeykit.spark import RunSummary, decide

    build = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = build.config("spark.driver.memory", memory).config("spark.sql.session.timeZone", "UTC").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.range(1).count()
    told = RunSummary()
    began = time.perf_counter()
    table = spark.read.parquet(claims)
    decisions = decide(spark, arbiter, None, claims=table, at=AT, partitions=partitions, summary=told)
    settled = time.perf_counter()
    rows = decisions.count()
    done = time.perf_counter()
    found = told.get.to_dict()
    spark.stop()
    return settled - began, done - settled, rows, found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument("--memory", default="6g", help="Java's heap")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    instance = Instance(given.contacts)
    arbiter = Arbiter(instance.playbook())
    with tempfile.TemporaryDirectory() as folder:
        claims = str(Path(folder, "claims.parquet"))
        table = instance.claims()
        pq.write_table(table.set_column(1, "campaign_id", table["campaign_id"].cast(pa.string())), claims)
        del table
        settling, deciding, rows, there = on_spark(arbiter, claims, given.partitions, given.memory)
        seconds, own_rows, here = local(arbiter, claims)
    same = rows == own_rows and all(
        there[name] == here[name] for name in ("value", "bound", "gap", "quotas", "outcomes")
    )
    found = {
        "contacts": given.contacts,
        "claims": len(instance.owner),
        "settling": round(settling, 1),
        "deciding": round(deciding, 1),
        "local": round(seconds, 1),
        "value": there["value"],
        "bound": there["bound"],
        "gap": there["gap"],
        "same": same,
    }
    if given.json:
        print(json.dumps(found), flush=True)
    else:
        print(
            f"{given.contacts:,} contacts, {found['claims']:,} claims: settled in {settling:.1f} s, decided in"
            f" {deciding:.1f} s on local[2]; {seconds:.1f} s by the local run; value {there['value']:,.3f}, bound"
            f" {there['bound']:,.3f}, gap {there['gap']:.4%}; {'the same' if same else 'NOT the same'} as the local run"
        )
    if not same:
        sys.exit("Spark and the local run differ")


if __name__ == "__main__":
    main()
