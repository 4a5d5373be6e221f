"""The journey: placing a million contacts by ten million events, measuring it, and one contact at a time.

    python benchmarks/journey.py [DIR] [--contacts N] [--events N] [--sql]

DIR keeps the tables that are made (else they go to a temporary folder). Events are read with the amount as a column,
with no properties, and with texts of JSON objects of three members: the last two say what such texts cost. With
``--sql`` a window query in DuckDB does a part of the work in the same run, as a yardstick: the instant at which each
contact first had two webinars within 90 days.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
AT = BEGIN + timedelta(days=365)
NAMES = ("whitepaper", "webinar", "visit", "demo_requested", "purchase")
PLAYBOOK = """
journey:
  stages:
    - {name: awareness, owner: marketing}
    - {name: consideration, owner: marketing}
    - {name: decision, owner: sales}
    - {name: retention, owner: service}
    - {name: advocacy, owner: marketing}
  transitions:
    - {from: awareness, to: consideration, when: "count('whitepaper', '90d') >= 2 or count('webinar', '90d') >= 1"}
    - {from: consideration, to: decision, event: demo_requested}
    - {from: consideration, to: awareness, after: 90d}
    - {from: decision, to: retention, event: purchase}
    - {from: retention, to: advocacy, when: "nps >= 9 and sum('purchase.amount', '365d') >= 1000"}
    - {from: advocacy, to: retention, when: "days_since('purchase') > 180"}
"""


def make(folder: Path, contacts: int, events: int) -> None:
    """Tables of contacts and events, unless they are there."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    if (folder / "events.parquet").exists():
        return
    pick = np.random.default_rng(7)
    names = pa.DictionaryArray.from_arrays(pa.array(pick.integers(0, 5, events).astype(np.int32)), pa.array(NAMES))
    instants = np.sort(pick.integers(0, 365 * 86_400, events)) * 1_000_000 + int(BEGIN.timestamp()) * 1_000_000
    log = {
        "contact_id": pa.array(pick.integers(0, contacts, events)),
        "event": names,
        "at": pa.array(instants, pa.timestamp("us", "UTC")),
        "amount": pa.array(np.round(pick.gamma(2, 200, events), 2)),
    }
    pq.write_table(pa.table(log), folder / "events.parquet")
    people = {"contact_id": pa.array(np.arange(contacts)), "nps": pa.array(pick.integers(0, 11, contacts))}
    pq.write_table(pa.table(people), folder / "contacts.parquet")


def variants(folder: Path) -> None:
    """The events with no properties, and with properties as texts of JSON objects, unless they are there."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if (folder / "events-json.parquet").exists():
        return
    log = pq.read_table(folder / "events.parquet")
    bare = log.drop_columns("amount")
    pq.write_table(bare, folder / "events-bare.parquet")
    amounts = pc.cast(log["amount"], pa.string())
    orders = pc.cast(pa.chunked_array([pa.array(range(len(log)))]), pa.string())
    parts = ['{"amount": ', amounts, ', "channel": "web", "order": "A-', orders, '"}']
    texts = pc.binary_join_element_wise(*(pa.scalar(part) if isinstance(part, str) else part for part in parts), "")
    pq.write_table(bare.append_column("properties", texts), folder / "events-json.parquet")


def run(folder: Path, command: str, *more: str, events: str = "events") -> tuple[float, float, str]:
    """A whole command, process start included: its seconds, its processor time, and the first line of what it says."""
    (folder / "playbook.yaml").write_text(PLAYBOOK)
    whole = [sys.executable, "-m", "journeykit", command, str(folder / "playbook.yaml")]
    whole += ["--events", str(folder / f"{events}.parquet"), "--contacts", str(folder / "contacts.parquet")]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [*whole, "--at", AT.isoformat(), *more],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, used, done.stderr.splitlines()[0]


def table(folder: Path, events: int) -> None:
    """The commands, and what texts of objects cost."""
    seconds, used, said = run(folder, "place", "--out", str(folder / "stages.parquet"))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(said)
    print(f"journeykit place: {seconds:.1f} s, of the processor {used:.1f} s, peak {peak:.2f} GB")
    sales = ("--won", "purchase", "--amount", "amount")
    for more in (sales, (*sales, "--by", "nps")):
        seconds, used, _ = run(folder, "funnel", *more)
        print(f"journeykit funnel {' '.join(more)}: {seconds:.1f} s, of the processor {used:.1f} s")
    bare, texts = [], []
    for _ in range(2):
        bare.append(run(folder, "place", "--out", str(folder / "stages.parquet"), events="events-bare")[1])
        texts.append(run(folder, "place", "--out", str(folder / "stages.parquet"), events="events-json")[1])
    cost = (min(texts) - min(bare)) / events * 1e6
    print(f"properties as texts of three members: {cost:.2f} us of the processor an event more than none")


def sql(folder: Path) -> None:
    """A part of the work in DuckDB."""
    import duckdb

    began = time.perf_counter()
    found = duckdb.sql(f"""
        select count(*) from (
          select contact_id, min("at") from (
            select contact_id, "at", count(*) over (
              partition by contact_id order by "at" range between interval 90 days preceding and current row) n
            from '{folder / "events.parquet"}' where event = 'webinar') where n >= 2 group by 1)""").fetchall()
    print(f"DuckDB, one of the rules alone: {time.perf_counter() - began:.1f} s ({found[0][0]:,} contacts)")


def one_by_one() -> None:
    """The readable engine: one event more and the question where they are now; and whole logs."""
    from journeykit import Playbook
    from journeykit.journey import Event, Journey
    from journeykit.playbook.read import loads

    journey = loads(PLAYBOOK, "yaml", Playbook).journey or Journey()
    pick = Random(1)
    logs = [
        sorted(
            (
                Event(pick.choice(NAMES), BEGIN + timedelta(minutes=pick.randrange(500_000)), {"amount": 400})
                for _ in range(10)
            ),
            key=lambda event: event.at,
        )
        for _ in range(2_000)
    ]
    checks, places = [], []
    for _ in range(5):
        began, count = time.perf_counter(), 0
        for log in logs:
            walk = journey.walk({"nps": 9})
            for event in {event.at: event for event in log}.values():
                walk.take(event)
                walk.stage_at(event.at)
                count += 1
        checks.append(count / (time.perf_counter() - began))
        began = time.perf_counter()
        for log in logs:
            journey.place(log, AT, {"nps": 9})
        places.append((time.perf_counter() - began) / len(logs))
    print(f"one event more, and the stage: {statistics.median(checks):,.0f} checks/s")
    print(f"Journey.place of ten events: {statistics.median(places) * 1e6:.0f} us")


def load_and_check() -> None:
    """A journey of 50 stages and 200 transitions, from YAML to its checks."""
    from journeykit import Playbook
    from journeykit.playbook.read import loads

    pick = Random(3)
    stages = "\n".join(f"    - {{name: s{place}, owner: marketing}}" for place in range(50))
    ways = [f"    - {{from: s{place}, to: s{place + 1}, event: e{place}}}" for place in range(49)]
    for place in range(151):
        source, to = pick.randrange(50), pick.randrange(50)
        what = (f"event: x{place}", f"when: \"count('y{place}', '90d') >= {place % 5}\"", f"after: {place + 1}d")
        ways.append(f"    - {{from: s{source}, to: s{to}, {what[place % 3]}}}")
    text = f"journey:\n  stages:\n{stages}\n  transitions:\n" + "\n".join(ways)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        playbook = loads(text, "yaml", Playbook)
        warnings = playbook.check()
        seconds.append(time.perf_counter() - began)
    print(f"50 stages, 200 transitions, loaded and checked: {min(seconds):.3f} s ({len(warnings)} warnings)")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--sql", action="store_true")
    given = parser.parse_args()
    load_and_check()
    one_by_one()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        make(folder, given.contacts, given.events)
        variants(folder)
        table(folder, given.events)
        if given.sql:
            sql(folder)


if __name__ == "__main__":
    main()
