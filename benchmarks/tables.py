"""The columnar engine: a night's job against hand-written SQL, and the engine alone.

    python benchmarks/tables.py DIR              # DIR as made by the yardstick: contacts, touches, playbook.yaml
    python benchmarks/tables.py DIR --sql FILE   # runs the yardstick, FILE run DIR, in the same run
    python benchmarks/tables.py DIR --sketch FILE    # and a bare sketch of the work, FILE DIR [granted], in turns

Figures are ratios in one run; the machine may be shared and slow. The engine alone is measured with the playbook's
campaigns, and with ten of each, of which a contact may get one. The granted sets must be equal but for ties made by
rounding: where they differ, the script fails.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from journeykit import Playbook

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)


TURNS = 5


class Cost(NamedTuple):
    """What a process takes, its start included: seconds, seconds of the processors, and megabytes at its peak."""

    seconds: float
    processor: float
    peak: float


def run(command: list[str]) -> Cost:
    """Run a process to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return Cost(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def job(folder: Path, *more: str) -> Cost:
    """The whole command."""
    command = [sys.executable, "-m", "journeykit", "decide", str(folder / "playbook.yaml")]
    command += ["--contacts", str(folder / "contacts.parquet"), "--touches", str(folder / "touches.parquet")]
    command += ["--at", "2026-11-21T09:00Z", "--engine", "columns", "--out", str(folder / "decisions.parquet")]
    return run([*command, *more])


def sketch(script: str, folder: Path) -> None:
    """The command and the bare sketch in turns, all rows and granted ones alone."""
    taken: dict[str, list[Cost]] = {name: [] for name in ("ours", "sketch", "ours, granted", "sketch, granted")}
    for _ in range(TURNS):
        taken["ours"].append(job(folder))
        taken["sketch"].append(run([sys.executable, script, str(folder)]))
        taken["ours, granted"].append(job(folder, "--granted"))
        taken["sketch, granted"].append(run([sys.executable, script, str(folder), "granted"]))
    middle = {name: Cost(*map(median, zip(*costs, strict=True))) for name, costs in taken.items()}
    for name, cost in middle.items():
        print(f"{name}: {cost.seconds:.2f} s, processors {cost.processor:.2f} s, peak {cost.peak:,.0f} MB")
    for name in ("ours", "ours, granted"):
        ours, theirs = middle[name], middle[name.replace("ours", "sketch")]
        print(
            f"{name} over the sketch: {ours.seconds / theirs.seconds:.2f} times the seconds, "
            f"{ours.processor / theirs.processor:.2f} times those of the processors"
        )


def sql(script: str, folder: Path) -> float:
    """Seconds of the faster of the two runs that the yardstick makes of its SQL, its own start not included."""
    done = subprocess.run([sys.executable, script, "run", str(folder)], check=True, capture_output=True, text=True)
    print(done.stdout, end="")
    return min(float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("seconds"))


def compare(folder: Path) -> None:
    """What both granted, and where they differ."""
    import duckdb

    ours, theirs = folder / "decisions.parquet", folder / "sql_decisions.parquet"
    granted = f"(select contact_id, campaign_id, weight from '{ours}' where outcome = 'granted')"
    rows = duckdb.sql(f"""
        select count(*) filter (where o.contact_id is not null and s.contact_id is not null) same,
               count(*) filter (where s.contact_id is null) only_ours,
               count(*) filter (where o.contact_id is null) only_theirs
        from {granted} o full join '{theirs}' s using (contact_id, campaign_id)""").fetchall()[0]
    print(f"granted by both {rows[0]:,}, by us alone {rows[1]:,}, by the SQL alone {rows[2]:,}")
    totals = duckdb.sql(f"""
        select abs(sum(weight) - (select sum(score) from '{theirs}')) / sum(weight) from {granted}""").fetchall()[0]
    print(f"totals differ by {totals[0]:.1e} of the whole")
    # Scores that are equal once rounded to millionths may be granted in another order; anything else is a fault.
    if rows[1] + rows[2] > rows[0] / 10_000 or totals[0] > 1e-6:
        sys.exit("the granted sets differ")


def engine(folder: Path) -> None:
    """Contacts a second, tables in memory and decisions in memory."""
    import pyarrow.parquet as pq

    from journeykit import Arbiter, Playbook

    contacts, touches = (pq.read_table(folder / f"{name}.parquet") for name in ("contacts", "touches"))
    playbook = Playbook.load(folder / "playbook.yaml")
    cpu = {}
    for many in (playbook, tenfold(playbook)):
        arbiter, count = Arbiter(many), len(many.campaigns or ())
        arbiter.decide_table(contacts.slice(0, 1000), touches.slice(0, 1000), at=AT)
        best = None
        for _ in range(3):
            began = time.perf_counter(), time.process_time()
            found = arbiter.decide_table(contacts, touches, at=AT)
            seconds = time.perf_counter() - began[0], time.process_time() - began[1]
            best = seconds if best is None else tuple(map(min, best, seconds))
        cpu[count] = best[1]
        print(
            f"engine alone, {count} campaigns: {contacts.num_rows / best[0]:,.0f} contacts/s, {found.num_rows:,} rows, "
            f"{best[0]:.2f} s, processors {best[1]:.2f} s"
        )
    few, tens = cpu.values()
    print(f"ten times as many campaigns cost {tens / few:.2f} times as much")
    bare = began = time.perf_counter()
    for table in (contacts, touches, found):
        for column in table.columns:
            for chunk in column.chunks:
                for buffer in chunk.buffers():
                    if buffer is not None:
                        memoryview(buffer).tobytes()
    bare = time.perf_counter() - began
    size = sum(table.nbytes for table in (contacts, touches, found))
    print(f"bytes read and written: {size / 1e6:,.0f} MB; copying them once takes {bare:.2f} s")


def tenfold(playbook: Playbook) -> Playbook:
    """The playbook with ten of each campaign, for ten scores each: as many rows come of it."""
    from attrs import evolve

    campaigns = []
    for campaign in playbook.campaigns or ():
        for digit in range(10):
            scores = ", ".join(str(ten + digit) for ten in range(0, 101, 10))
            audience = f"({campaign.audience}) and score in ({scores})"
            campaigns.append(evolve(campaign, id=f"{campaign.id}x{digit}", audience=audience))
    return evolve(playbook, campaigns=campaigns)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sql", help="the yardstick")
    parser.add_argument("--sketch", help="a bare sketch of the same work")
    given = parser.parse_args()
    if given.sketch:
        sketch(given.sketch, given.folder)
    granted = min(job(given.folder, "--granted").seconds for _ in range(2))
    costs = [job(given.folder) for _ in range(2)]
    ours = min(cost.seconds for cost in costs)
    peak = max(cost.peak for cost in costs)
    print(f"journeykit decide: {ours:.2f} s, with --granted {granted:.2f} s, peak memory {peak:,.0f} MB")
    if given.sql:
        theirs = sql(given.sql, given.folder)
        print(
            f"SQL, without its start, {theirs:.2f} s: journeykit is {theirs / ours:.2f} times as fast, "
            f"with --granted {theirs / granted:.2f} times"
        )
        compare(given.folder)
    engine(given.folder)


if __name__ == "__main__":
    main()
