"""Decisions on Spark: Parquet to Parquet in `local[2]`, beside what Spark alone takes; and how cost grows.

    python benchmarks/spark.py DIR                      # DIR as for tables.py: contacts, touches, playbook.yaml
    python benchmarks/spark.py DIR --millions 1 2 5 10  # the same with so many million contacts, made of these
    python benchmarks/spark.py DIR --skew               # a contact with a million touches, a million rows without an id

The limit is a million contacts through `mapInArrow` with an empty body, Parquet to Parquet. "Grouping" brings contacts
and touches together, and counts them. "By tasks" says that tasks write the files themselves (`decide` with `out`).
The session's start is not measured, nor the first turn, in which Java compiles. Seconds of the processors are those of
Java and of Python's workers. `--json` prints all figures.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
SENDER = ["decision_id", "contact_id", "campaign_id", "content_id", "channel", "send_at"]
"""What a sender needs."""


class Cost(NamedTuple):
    """What a run takes: seconds, and seconds of the processors."""

    seconds: float
    processors: float


class SliceCount:
    """Counts the rows of slices, for ``mapInArrow``."""

    def __init__(self, slices: Callable[[Iterable[Any]], Iterator[dict[str, Any]]]) -> None:
        self.slices = slices

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """A row for each slice."""
        import pyarrow as pa

        for tables in self.slices(batches):
            yield pa.record_batch({"rows": pa.array([sum(table.num_rows for table in tables.values())], pa.int64())})


def empty(batches: Iterable[Any]) -> Iterator[Any]:
    """An empty body."""
    yield from batches


def session(memory: str, folder: Path) -> Any:
    """Spark in `local[2]`, on the loopback."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    made = SparkSession.builder.master("local[2]").appName("benchmark")
    settings = {
        "spark.driver.memory": memory,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.local.dir": str(folder / "spark"),
    }
    for name, value in settings.items():
        made = made.config(name, value)
    found = made.getOrCreate()
    found.sparkContext.setLogLevel("ERROR")
    return found


def processor_seconds() -> float:
    """Of this process and all below it, those that have ended included; Linux only."""
    own: dict[int, tuple[int, float]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        own[int(path.parent.name)] = int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    known, below = {os.getpid()}, [os.getpid()]
    while below:
        below = [number for number, (parent, _) in own.items() if parent in below and number not in known]
        known.update(below)
    return sum(own[number][1] for number in known if number in own)


def cost(work: Callable[[], object]) -> Cost:
    """What some work takes."""
    began = time.perf_counter(), processor_seconds()
    work()
    return Cost(time.perf_counter() - began[0], processor_seconds() - began[1])


def works(spark: Any, folder: Path, out: Path, partitions: int | None) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    from journeykit import Arbiter, Playbook
    from journeykit.spark import decide
    from journeykit.spark.grouped_tables import GroupedTables

    contacts, touches = (spark.read.parquet(str(folder / f"{name}.parquet")) for name in ("contacts", "touches"))
    arbiter = Arbiter(Playbook.load(folder / "playbook.yaml"))

    def write(frame: Any) -> None:
        # What was there is none that `decide` would replace.
        shutil.rmtree(out, ignore_errors=True)
        frame.write.mode("overwrite").parquet(str(out))

    def decisions(**options: Any) -> Any:
        if "out" in options:
            shutil.rmtree(out, ignore_errors=True)
        return decide(spark, arbiter, contacts, touches, at=AT, partitions=partitions, **options)

    def grouping() -> None:
        grouped = GroupedTables({"contacts": contacts, "touches": touches}, partitions=partitions)
        grouped.frame.mapInArrow(SliceCount(grouped.slices), "rows long").agg({"rows": "sum"}).collect()

    return {
        "limit": lambda: write(contacts.mapInArrow(empty, contacts.schema)),
        "grouping": grouping,
        "granted": lambda: write(decisions(outcomes="granted")),
        "granted, six columns": lambda: write(decisions(outcomes="granted", columns=SENDER)),
        "full": lambda: write(decisions()),
        "granted, by tasks": lambda: decisions(outcomes="granted", out=out),
        "granted, six columns, by tasks": lambda: decisions(outcomes="granted", columns=SENDER, out=out),
        "full, by tasks": lambda: decisions(out=out),
    }


def measured(todo: dict[str, Callable[[], object]], turns: int, *, is_warm: bool) -> dict[str, Cost]:
    """What each takes: the middle of so many turns, after one that does not count unless Java is warm already."""
    taken: dict[str, list[Cost]] = {name: [] for name in todo}
    for turn in range(1 if is_warm else 0, turns + 1):
        for name, work in todo.items():
            found = cost(work)
            print(f"turn {turn}, {name}: {found.seconds:.2f} s, processors {found.processors:.2f} s", file=sys.stderr)
            taken[name] += [found] if turn else []
    return {name: Cost(*map(median, zip(*costs, strict=True))) for name, costs in taken.items()}


def grown(spark: Any, folder: Path, millions: int, work: Path) -> Path:
    """Tables of so many million contacts, made of those of a million: ids with a number behind."""
    from pyspark.sql.functions import broadcast, concat, lit

    found = work / f"{millions}m"
    found.mkdir()
    shutil.copy(folder / "playbook.yaml", found)
    for name in ("contacts", "touches"):
        table = spark.read.parquet(str(folder / f"{name}.parquet"))
        times = spark.range(millions).withColumnRenamed("id", "time")
        ids = concat("contact_id", lit("-"), "time")
        made = table.join(broadcast(times)).withColumn("contact_id", ids).drop("time")
        made.write.parquet(str(found / f"{name}.parquet"))
    return found


def skewed(spark: Any, folder: Path, work: Path) -> Path:
    """The tables, with a million touches of one contact and a million rows without an id besides."""
    from pyspark.sql.functions import lit

    found = work / "skewed"
    found.mkdir()
    shutil.copy(folder / "playbook.yaml", found)
    contacts, touches = (spark.read.parquet(str(folder / f"{name}.parquet")) for name in ("contacts", "touches"))
    one, nobody = lit(contacts.first()["contact_id"]), lit(None).cast("string")
    contacts.union(contacts.withColumn("contact_id", nobody)).write.parquet(str(found / "contacts.parquet"))
    million = touches.limit(1_000_000).withColumn("contact_id", one)
    touches.union(million).write.parquet(str(found / "touches.parquet"))
    return found


def told(found: dict[str, Cost], contacts: int, title: str) -> dict[str, Any]:
    """Print what was measured; the same as values."""
    limit = found["limit"]
    print(f"{title}: {contacts:,} contacts")
    for name, own in found.items():
        print(
            f"  {name}: {own.seconds:.2f} s, processors {own.processors:.2f} s, {contacts / own.seconds:,.0f} "
            f"contacts/s, {own.seconds / limit.seconds:.2f} times the limit's seconds, "
            f"{own.processors / limit.processors:.2f} times those of its processors"
        )
    return {"contacts": contacts, **{name: own._asdict() for name, own in found.items()}}


def main() -> None:
    """Measure."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--millions", type=int, nargs="+", default=[])
    asked.add_argument("--skew", action="store_true")
    asked.add_argument("--only", nargs="+", metavar="NAME", help="these alone, and the limit")
    asked.add_argument("--turns", type=int, default=3)
    asked.add_argument("--partitions", type=int)
    asked.add_argument("--memory", default="3g")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        spark = session(given.memory, work)
        folders = {"as given": given.folder}
        if given.millions:
            folders = {f"{millions} million": grown(spark, given.folder, millions, work) for millions in given.millions}
        if given.skew:
            folders["skewed"] = skewed(spark, given.folder, work)
        for title, folder in folders.items():
            count = spark.read.parquet(str(folder / "contacts.parquet")).count()
            todo = works(spark, folder, work / "out", given.partitions)
            if given.only:
                todo = {name: todo[name] for name in ("limit", *given.only)}
            found = measured(todo, given.turns, is_warm=bool(figures))
            figures[title] = told(found, count, title)
        spark.stop()
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
