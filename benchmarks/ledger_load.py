"""The ledger under load: many requests at once decide and reserve, each for a contact of its own.

    python benchmarks/ledger_load.py URL [CLIENTS ...]

URL is a PostgreSQL server, whose tables are left behind, or a SQLite file. So many clients (32 and 200) ask at once:
threads of a few processes, as a web service has them, each of which waits for its answer before it asks again. Three
playbooks are tried: without quotas, with a quota over time that no claim uses, and with one that every claim uses,
which decisions hold one after the other. `python benchmarks/service.py` measures the same through HTTP.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from journeykit import Arbiter, Contact, Playbook
from journeykit.ledger import Ledger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
CAMPAIGNS = 20
PROCESSES = max(2, os.cpu_count() or 1)
CONNECTIONS = 16
REQUESTS = 3_200
DAY = {"calendar": "day", "zone": "UTC"}
CASES: dict[str, list[dict[str, Any]]] = {
    "no quota": [],
    "a quota that no claim uses": [{"name": "calls", "max": 9, "where": {"channel": "phone"}, "window": DAY}],
    "a quota that each claim uses": [{"name": "all", "max": 10**9, "window": DAY}],
}


def arbiter(quotas: list[dict[str, Any]]) -> Arbiter:
    """Twenty campaigns under three caps, and quotas."""
    return Arbiter(
        Playbook.from_dict(
            {
                "content": [{"id": f"note-{n}", "channel": ("email", "sms")[n % 2]} for n in range(CAMPAIGNS)],
                "campaigns": [{"id": f"c{n}", "content": [f"note-{n}"], "weight": 1 + n % 7} for n in range(CAMPAIGNS)],
                "caps": [
                    {"name": "two a week", "max": 2, "window": {"calendar": "week"}},
                    {"name": "one a day", "max": 1, "by": "channel", "window": {"calendar": "day"}},
                    {"name": "thirty a quarter", "max": 30, "window": {"calendar": "quarter"}},
                ],
                "quotas": quotas,
            }
        )
    )


def serve(url: str, case: str, run: str, threads: int, times: int, gate: Any) -> tuple[list[float], float]:
    """What one process does: the wait of each request in ms, and the seconds of the processor."""
    judge = arbiter(CASES[case])
    seen: list[float] = []
    with Ledger(url, connections=min(threads, CONNECTIONS)) as ledger:

        def client(number: int) -> None:
            for n in range(times):
                who = Contact(id=f"{run}-{number}-{n}", consent=["email", "sms"], timezone="Europe/Skopje")
                begun = time.perf_counter()
                judge.decide(who, at=AT, ledger=ledger, key=f"{run}-{number}-{n}")
                seen.append((time.perf_counter() - begun) * 1e3)

        # The first requests open connections and load what is needed.
        warm = Contact(id=f"{run}-warm", consent=["email"])
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda n: judge.decide(warm, at=AT, ledger=ledger, key=f"{run}-warm-{n}"), range(threads)))
            seen.clear()
            gate.wait()
            before = resource.getrusage(resource.RUSAGE_SELF)
            list(pool.map(client, range(threads)))
    after = resource.getrusage(resource.RUSAGE_SELF)
    return seen, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(url: str, case: str, clients: int) -> None:
    """Print the figures of a number of clients."""
    threads, times = clients // PROCESSES, max(4, REQUESTS // clients)
    run = f"r{time.time_ns()}"
    with multiprocessing.Manager() as manager, multiprocessing.Pool(PROCESSES) as pool:
        gate = manager.Barrier(PROCESSES + 1)
        found = pool.starmap_async(
            serve, [(url, case, f"{run}-{number}", threads, times, gate) for number in range(PROCESSES)]
        )
        gate.wait()
        begun = time.perf_counter()
        parts = found.get()
        seconds = time.perf_counter() - begun
    seen = [wait for part, _ in parts for wait in part]
    cuts = statistics.quantiles(seen, n=100)
    spent = sum(own for _, own in parts) / len(seen) * 1e3
    print(
        f"  {clients:3} clients, {case + ':':29} {len(seen) / seconds:6,.0f} a second; p50 {cuts[49]:6.1f} ms, "
        f"p99 {cuts[98]:6.1f} ms; {spent:.2f} ms of processor time each",
        flush=True,
    )


def main() -> None:
    """Print the figures."""
    url, *clients = sys.argv[1:]
    with Ledger(url) as ledger:
        ledger.upgrade()
        print(f"{ledger.url.get_backend_name()}: {PROCESSES} processes, up to {CONNECTIONS} connections each")
    for count in map(int, clients or ("32", "200")):
        for case in CASES:
            measure(url, case, count)


if __name__ == "__main__":
    main()
