"""Reservations in a ledger from Spark, beside a local job over the same contacts, in turns.

    python benchmarks/spark_ledger.py URL [CONTACTS] [TURNS]

Each contact has three messages in the ledger and is granted two of 50 campaigns. What is timed is deciding and
reserving, without the start of the session; rows are counted and not written. The ledger must be in PostgreSQL; its
tables are left behind in a schema of their own.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import timedelta

import pyarrow as pa
from ledger import AT, playbook
from pyspark.sql import SparkSession
from sqlalchemy import text
from sqlalchemy.engine import make_url

from journeykit import Arbiter
from journeykit.job import TableJob
from journeykit.ledger import Ledger, Reservation
from journeykit.spark import decide

CONTACTS, TURNS, PIECE = 40_000, 3, 5_000


def ledger_of_its_own(url: str) -> Ledger:
    """A ledger in a new schema."""
    name = f"bench_{time.time_ns()}"
    with Ledger(url).engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    found = Ledger(make_url(url).update_query_dict({"options": f"-csearch_path={name}"}))
    found.upgrade()
    return found


def fill(ledger: Ledger, count: int) -> None:
    """Three messages of long ago for each contact."""
    for start in range(0, count, PIECE):
        held = [
            Reservation(id=f"h{n}-{k}", contact=f"p{n}", at=AT - timedelta(days=40 + k), status="sent", channel="email")
            for n in range(start, min(start + PIECE, count))
            for k in range(3)
        ]
        with ledger.transaction() as transaction:
            transaction.add(held)


def locally(arbiter: Arbiter, contacts: pa.Table, ledger: Ledger, run: str) -> int:
    """How many messages a local job grants."""
    job = TableJob(arbiter, contacts, at=AT, run_id=run, ledger=ledger, outcomes="granted")
    return sum(batch.num_rows for batch in job.batches())


def on_spark(spark: SparkSession, arbiter: Arbiter, contacts: pa.Table, ledger: Ledger, run: str) -> int:
    """How many messages a run on Spark grants."""
    how = {"outcomes": "granted", "columns": ["contact_id"], "partitions": 4}
    return decide(spark, arbiter, spark.createDataFrame(contacts), at=AT, run_id=run, ledger=ledger, **how).count()


def main() -> None:
    """Print reservations a second of both, and of the same runs begun again."""
    count = int(sys.argv[2]) if len(sys.argv) > 2 else CONTACTS
    turns = int(sys.argv[3]) if len(sys.argv) > 3 else TURNS
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = spark.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    arbiter = Arbiter(playbook())
    names = [f"p{number}" for number in range(count)]
    contacts = pa.table({"contact_id": names, "consent_email": [True] * count, "consent_sms": [True] * count})
    with ledger_of_its_own(sys.argv[1]) as ledger:
        fill(ledger, count)
        kinds = {
            "local": lambda run: locally(arbiter, contacts, ledger, run),
            "Spark": lambda run: on_spark(spark, arbiter, contacts, ledger, run),
        }
        on_spark(spark, arbiter, contacts.slice(0, 10), ledger, "first")
        rates = {(kind, step): [] for kind in kinds for step in ("new", "again")}
        for turn in range(turns):
            for kind, run in kinds.items():
                for step in ("new", "again"):
                    begun = time.perf_counter()
                    granted = run(f"{kind} {turn}")
                    rates[kind, step].append(granted / (time.perf_counter() - begun))
                ledger.release(run_id=f"{kind} {turn}")
    for (kind, step), own in rates.items():
        print(f"{kind:6} {step:6} {statistics.median(own):8,.0f} reservations a second; best {max(own):8,.0f}")
    spark.stop()


if __name__ == "__main__":
    main()
