"""Ten million messages and ten million events, measured: `journeykit measure`, the whole process, Parquet in.

    python benchmarks/measures.py                        # 10 M touches, 10 M events, a million contacts
    python benchmarks/measures.py --million 1            # a tenth of it
    python benchmarks/measures.py --by campaign,stage --by segment

Contacts get messages of 50 campaigns within 90 days; a third of the events are clicks, a few are purchases, opt-outs
and complaints, the rest has names that no response asks for. Prints wall time, CPU time and peak memory of each call.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = np.datetime64("2026-08-01T00:00:00", "us").astype(np.int64)
DAY = 86_400_000_000
NAMES = ("visit", "click", "purchase", "opt_out", "complaint")
CHANCES = (0.6, 0.33, 0.06, 0.008, 0.002)


def instants(generator: np.random.Generator, count: int, days: int) -> pa.Array:
    """Instants within some days."""
    return pa.array(START + generator.integers(0, days * DAY, count), pa.timestamp("us", "UTC"))


def ids(generator: np.random.Generator, count: int, contacts: int) -> pa.Array:
    """Ids of contacts, drawn evenly."""
    names = pa.array([f"contact-{number:07}" for number in range(contacts)])
    return names.take(pa.array(generator.integers(0, contacts, count)))


def write(folder: Path, million: float) -> None:
    """Write the playbook and the tables."""
    generator, count = np.random.default_rng(1), round(million * 1_000_000)
    contacts = max(1, count // 10)
    campaign = pa.array([f"campaign-{number:02}" for number in range(50)])
    touches = {
        "contact_id": ids(generator, count, contacts),
        "sent_at": instants(generator, count, 90),
        "campaign_id": campaign.take(pa.array(generator.integers(0, 50, count))),
    }
    pq.write_table(pa.table(touches), folder / "touches.parquet")
    name = generator.choice(len(NAMES), count, p=CHANCES)
    events = {
        "contact_id": ids(generator, count, contacts),
        "event": pa.array(NAMES).take(pa.array(name)),
        "at": instants(generator, count, 97),
        "amount": pa.array(np.where(name == 2, generator.lognormal(3, 1, count).round(2), np.nan), from_pandas=True),
    }
    pq.write_table(pa.table(events), folder / "events.parquet")
    regions = pa.array(["north", "south", "east", "west"])
    people = {
        "contact_id": pa.array([f"contact-{number:07}" for number in range(contacts)]),
        "region": regions.take(pa.array(generator.integers(0, 4, contacts))),
        "employees": pa.array(generator.integers(1, 1_000, contacts)),
    }
    pq.write_table(pa.table(people), folder / "contacts.parquet")
    teams = [f"team-{number}" for number in range(5)]
    playbook = {
        "teams": [{"name": team} for team in teams],
        "campaigns": [{"id": f"campaign-{n:02}", "team": teams[n % 5], "cost": 0.01} for n in range(50)],
        "journey": {
            "stages": ["lead", "customer"],
            "transitions": [{"from": "lead", "to": "customer", "event": "purchase"}],
        },
        "segments": [{"name": "large", "rule": "employees >= 500"}],
        "responses": [
            {"name": "sale", "event": "purchase", "value": "amount", "within": "14d"},
            {"name": "click", "event": "click", "within": "3d"},
        ],
    }
    (folder / "playbook.json").write_text(json.dumps(playbook), "utf-8")


def main() -> int:
    """Write the tables, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", type=float, default=10, help="millions of touches, and of events (10)")
    parser.add_argument("--by", action="append", help="the facets of a call; may be repeated")
    parser.add_argument("--folder", type=Path, help="keep the tables there, and use them if they are there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as beside:
        folder = given.folder or Path(beside)
        folder.mkdir(exist_ok=True)
        if not (folder / "playbook.json").exists():
            write(folder, given.million)
        for by in given.by or ("campaign", "campaign,team*region,segment", "stage"):
            command = [sys.executable, "-m", "journeykit", "measure", str(folder / "playbook.json"), "--by", by]
            for table in ("touches", "events", "contacts"):
                command += [f"--{table}", str(folder / f"{table}.parquet")]
            command += ["--since", "2026-08-01T00:00Z", "--until", "2026-11-06T00:00Z"]
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"--by {by}: {time.perf_counter() - began:.1f} s, {cpu:.1f} s CPU, {after.ru_maxrss / 2**20:.2f} GB")
            print(said.splitlines()[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
