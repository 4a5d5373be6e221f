"""The web service of the cookbook under load: many requests at once over HTTP, on the loopback.

    python benchmarks/service.py URL [WORKERS ...]

URL is the ledger: a PostgreSQL server, whose tables are left behind. For each number of worker processes the service is
started with uvicorn, and asked by up to 200 callers at once, each of which waits for its answer before it asks again;
in the end the same requests come again. It needs FastAPI and uvicorn.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from journeykit.ledger import Ledger

CALLERS = 200
CAMPAIGNS = 20
TIMES = 20
CONTACTS = 20_000
SERVICE = Path(__file__).parents[1] / "docs" / "cookbook" / "service"
PORT = 8765
KNOWN = {"timezone": "Europe/Skopje", "consent": {"email": True, "sms": True}, "attributes": {"score": 50}}


def playbook() -> dict[str, object]:
    """Twenty campaigns under three caps."""
    return {
        "content": [{"id": f"note-{n}", "channel": ("email", "sms")[n % 2]} for n in range(CAMPAIGNS)],
        "campaigns": [
            {"id": f"c{n}", "content": [f"note-{n}"], "weight": 1 + n % 7, "audience": f"score >= {n}"}
            for n in range(CAMPAIGNS)
        ],
        "caps": [
            {"name": "two a week", "max": 2, "window": {"calendar": "week"}},
            {"name": "one a day", "max": 1, "by": "channel", "window": {"calendar": "day"}},
            {"name": "thirty a quarter", "max": 30, "window": {"calendar": "quarter"}},
        ],
    }


async def ask(contact: str, request: str, seen: list[float], said: list[int]) -> None:
    """One request, by a connection of its own that is kept."""
    reader, writer = await connection()
    body = json.dumps(KNOWN)
    head = f"POST /contacts/{contact}/decide HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    begun = time.perf_counter()
    writer.write(f"{head}Idempotency-Key: {request}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    await reader.readexactly(int(answer.split("content-length: ")[1].split("\r\n")[0]))
    seen.append((time.perf_counter() - begun) * 1e3)
    said.append(int(answer.split()[1]))
    OPEN.append((reader, writer))


OPEN: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []


async def connection() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """One that is free, or a new one."""
    return OPEN.pop() if OPEN else await asyncio.open_connection("127.0.0.1", PORT)


async def load(run: str, callers: int, times: int) -> tuple[float, list[float], list[int]]:
    """So many callers, so many requests each: requests a second, the wait of each in ms, the status of each."""
    seen: list[float] = []
    said: list[int] = []

    async def caller(number: int) -> None:
        for n in range(times):
            name = f"{run}-{(number * times + n) % CONTACTS}"
            await ask(name, f"request-{number}-{n}", seen, said)

    begun = time.perf_counter()
    await asyncio.gather(*map(caller, range(callers)))
    return callers * times / (time.perf_counter() - begun), seen, said


def seconds_of(pids: list[int]) -> float:
    """The processor time of processes."""
    told = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(own[11]) + int(own[12]) for own in told) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and those that it has started."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(own for child in below for own in family(int(child)))]


def measure(url: str, workers: int, folder: Path) -> None:
    """Print the figures for a number of worker processes."""
    environment = {**os.environ, "PLAYBOOK": str(folder / "playbook.json"), "LEDGER": url}
    command = ["uvicorn", "--factory", "service:create_app", "--workers", str(workers), "--port", str(PORT)]
    server = subprocess.Popen(
        [sys.executable, "-m", *command, "--log-level", "error", "--app-dir", str(SERVICE)], env=environment
    )
    try:
        asyncio.run(begin_to_answer())
        pids = family(server.pid)
        run = f"r{time.time_ns()}"
        asyncio.run(warm(run))
        for callers in (1, 32, CALLERS):
            times = 2 * CALLERS if callers == 1 else TIMES
            before = seconds_of(pids)
            rate, seen, said = asyncio.run(fresh(load(f"{run}-{callers}", callers, times)))
            spent = (seconds_of(pids) - before) / len(seen) * 1e3
            cuts = statistics.quantiles(seen, n=100)
            print(
                f"  {workers} processes, {callers:3} callers: {rate:6,.0f} a second; p50 {cuts[49]:6.1f} ms, "
                f"p99 {cuts[98]:6.1f} ms; {spent:.2f} ms of processor time each; {refused(said)}"
            )
        rate, _, said = asyncio.run(fresh(load(f"{run}-{CALLERS}", CALLERS, TIMES)))
        print(f"  {workers} processes, the same requests again:  {rate:6,.0f} a second; {refused(said)}")
    finally:
        server.terminate()
        server.wait()


def refused(said: list[int]) -> str:
    """How many requests had another answer than a decision."""
    return f"{sum(code != 200 for code in said):,} of {len(said):,} not answered"


async def fresh(work):
    """Do it with connections of its own."""
    OPEN.clear()
    found = await work
    for _, writer in OPEN:
        writer.close()
    return found


async def begin_to_answer() -> None:
    """Wait until the service takes connections."""
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise SystemExit("the service did not start")


async def warm(run: str) -> None:
    """Some requests that are not measured."""
    await fresh(load(f"{run}-warm", 32, 5))


def main() -> None:
    """Print the figures."""
    url, *workers = sys.argv[1:]
    with Ledger(url) as ledger:
        ledger.upgrade()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "playbook.json").write_text(json.dumps(playbook()), "utf-8")
        for count in map(int, workers or ["1", "2"]):
            measure(url, count, Path(folder))


if __name__ == "__main__":
    main()
