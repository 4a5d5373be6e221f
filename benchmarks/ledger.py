"""The ledger: one decide-and-reserve against a bare durable insert, and reservations in bulk.

    python benchmarks/ledger.py [URL]

SQLite writes to a file in the current directory, so that the disk that is measured is one of your choice. With the
address of a PostgreSQL server its figures stand beside; its tables are left behind.
"""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from journeykit import Arbiter, Campaign, Cap, Contact, Content, Playbook, Touch, Window
from journeykit.job import Inputs, Job
from journeykit.ledger import Ledger
from journeykit.ledger.reservation import Reservation

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
TIMES = 500
BULK = 20_000
CAMPAIGNS = 50
BURST = 200


def playbook() -> Playbook:
    """50 campaigns under three caps."""
    return Playbook(
        content=[Content(id=f"note-{n}", channel=("email", "sms")[n % 2]) for n in range(CAMPAIGNS)],
        campaigns=[Campaign(id=f"c{n}", content=[f"note-{n}"], weight=1 + n % 7) for n in range(CAMPAIGNS)],
        caps=[
            Cap(name="two a week", max=2, window=Window.calendar("week")),
            Cap(name="one a day", max=1, window=Window.calendar("day"), by="channel"),
            Cap(name="thirty a quarter", max=30, window=Window.calendar("quarter")),
        ],
    )


def contact(run: str, number: int) -> Contact:
    """One who may get anything."""
    return Contact(id=f"{run}-p{number}", consent=["email", "sms"], timezone="Europe/Skopje")


def millis(work) -> float:
    """How long something takes."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def history(ledger: Ledger, run: str) -> None:
    """Five touches each, months ago."""
    held = [
        Reservation(
            id=f"{run}-{n}-{k}",
            contact=f"{run}-p{n}",
            at=AT - timedelta(days=40 + k),
            status="sent",
            channel="email",
            campaign="old",
        )
        for n in range(TIMES)
        for k in range(5)
    ]
    with ledger.transaction() as transaction:
        transaction.add(held)


def singles(ledger: Ledger, folder: Path, run: str) -> dict[str, float]:
    """Medians of one decision, with and without a key, of the decision alone, and of a bare durable insert."""
    arbiter = Arbiter(playbook())
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, contact TEXT, at INTEGER)")
    seen: dict[str, list[float]] = {"bare": [], "alone": [], "reserve": [], "key": []}
    touches = [Touch(at=AT - timedelta(days=40 + k), channel="email", campaign="old") for k in range(5)]
    for n in range(TIMES):
        who = contact(run, n)
        # In turns, so that all of them have the machine's good and bad moments alike.
        seen["bare"].append(millis(lambda n=n: bare.execute("INSERT INTO t (contact, at) VALUES (?, ?)", ("p", n))))
        seen["alone"].append(millis(lambda who=who: arbiter.decide(who, touches, at=AT).granted))
        seen["reserve"].append(millis(lambda who=who: arbiter.decide(who, at=AT, ledger=ledger)))
        other = contact(run, TIMES + n)
        seen["key"].append(millis(lambda who=other, n=n: arbiter.decide(who, at=AT, ledger=ledger, key=f"{run}-{n}")))
    bare.close()
    return {name: statistics.median(values) for name, values in seen.items()}


def bulk(ledger: Ledger, run: str) -> tuple[float, float]:
    """Reservations a second: of the ledger alone, and of a whole job of the row engine."""
    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.ledger.proposal import Proposal

    arbiter = Arbiter(playbook())
    made = LedgerRun(ledger, arbiter.decider, run_id=f"{run}-bulk", at=AT, until=None)
    proposals = [
        Proposal(
            (f"{run}-b{n}",),
            None,
            [
                Reservation(
                    id=f"{run}-b{n}",
                    contact=f"{run}-b{n}",
                    at=AT,
                    status="reserved",
                    channel="email",
                    campaign="c1",
                    content="note-1",
                    run_id=f"{run}-bulk",
                    decided_at=AT,
                )
            ],
            None,
        )
        for n in range(BULK)
    ]
    begun = time.perf_counter()
    made.settle(proposals)
    alone = BULK / (time.perf_counter() - begun)
    contacts = [{"contact_id": f"{run}-j{n}", "consent": "email;sms"} for n in range(1000)]
    job = Job(arbiter, Inputs(contacts=contacts), at=AT, ledger=ledger, run_id=f"{run}-job")
    begun = time.perf_counter()
    count = sum(len(decision.granted) for _, decision in job.decisions())
    return alone, count / (time.perf_counter() - begun)


def columns(ledger: Ledger, run: str) -> float | None:
    """Reservations a second of a whole job of the columnar engine; None without the extra."""
    try:
        from journeykit.job import TableJob
    except ImportError:
        return None
    contacts = [{"contact_id": f"{run}-k{n}", "consent": "email;sms"} for n in range(BULK)]
    arbiter = Arbiter(playbook())
    for size in (10, BULK):
        # The small one loads the kernels.
        job = TableJob(arbiter, contacts[:size], at=AT, ledger=ledger, run_id=f"{run}-columns-{size}")
        begun = time.perf_counter()
        found = job.table()
        seconds = time.perf_counter() - begun
    return sum(outcome == "granted" for outcome in found["outcome"].to_pylist()) / seconds


def burst(url: str, name: str) -> None:
    """One process of several that decide and reserve as fast as they can, once it is told to."""
    ledger, arbiter = Ledger(url), Arbiter(playbook())
    arbiter.decide(contact(name, BURST), at=AT, ledger=ledger)
    print("ready", flush=True)
    sys.stdin.readline()
    seen = [millis(lambda n=n: arbiter.decide(contact(name, n), at=AT, ledger=ledger)) for n in range(BURST)]
    print(statistics.median(seen), max(seen), flush=True)


def bursts(url: str, count: int) -> tuple[float, float, float]:
    """Decisions a second of so many processes at once, and the median and longest wait of any, in ms."""
    command = [sys.executable, __file__, "--burst", url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    made = [subprocess.Popen([*command, f"burst-{time.time_ns()}-{n}"], **pipes) for n in range(count)]
    for process in made:
        process.stdout.readline()
    begun = time.perf_counter()
    for process in made:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [[float(word) for word in process.stdout.readline().split()] for process in made]
    seconds = time.perf_counter() - begun
    for process in made:
        process.wait()
    return BURST * count / seconds, max(own[0] for own in told), max(own[1] for own in told)


def show(name: str, ledger: Ledger, folder: Path) -> None:
    """Print the figures of a ledger."""
    run = f"bench-{time.time_ns()}"
    ledger.upgrade()
    history(ledger, run)
    found = singles(ledger, folder, run)
    over = found["reserve"] - found["bare"]
    print(f"{name}, {CAMPAIGNS} campaigns, medians of {TIMES}:")
    print(f"  a bare durable insert (SQLite)          {found['bare']:6.2f} ms")
    print(f"  decide alone                            {found['alone']:6.2f} ms")
    print(f"  decide and reserve                      {found['reserve']:6.2f} ms, {over:+.2f} ms over the bare insert")
    print(f"  decide and reserve with a key           {found['key']:6.2f} ms, {found['key'] - found['bare']:+.2f} ms")
    alone, job = bulk(ledger, run)
    print(f"  reservations in bulk, ledger alone      {alone:8,.0f} a second")
    print(f"  the same within a job, one contact each {job:8,.0f} a second")
    # In turns, so that both have the machine's good and bad moments alike.
    found_bursts = {1: [], 2: []}
    for _ in range(2):
        for count, rates in found_bursts.items():
            rates.append(bursts(ledger.url.render_as_string(hide_password=False), count))
    one, two = (max(rates) for rates in found_bursts.values())
    print(f"  one process, as fast as it can          {one[0]:8,.0f} a second; longest {one[2]:,.0f} ms")
    print(f"  two processes on the same ledger        {two[0]:8,.0f} a second; longest {two[2]:,.0f} ms")
    print(f"  two processes over one                  {two[0] / one[0]:8.2f}")
    over_columns = columns(ledger, run)
    if over_columns is not None:
        print(f"  the same within a job, over columns     {over_columns:8,.0f} a second")


def main() -> None:
    """Print the figures of SQLite, and of the servers that are given."""
    if sys.argv[1:2] == ["--burst"]:
        burst(*sys.argv[2:])
        return
    with tempfile.TemporaryDirectory(dir=".") as folder:
        with Ledger(f"sqlite:///{folder}/ledger.db") as ledger:
            show("SQLite file", ledger, Path(folder))
        for url in sys.argv[1:]:
            with Ledger(url) as ledger:
                show("PostgreSQL", ledger, Path(folder))


if __name__ == "__main__":
    main()
