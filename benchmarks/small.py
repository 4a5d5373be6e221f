"""Small tables: which engine is quicker, process start included; and the first decision on a new machine.

    python benchmarks/small.py

Each command runs in turns with the others, five times; medians. Contacts and touches are random, seeded; the playbook
has 50 campaigns and two caps.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

CAMPAIGNS, TURNS = 50, 5
STAGES = ["awareness", "consideration", "decision", "retention"]
CHANNELS = ["email", "sms", "push", "phone"]


def write_tables(folder: Path, contacts: int) -> None:
    """Contacts and three touches for each, as CSV."""
    rng = random.Random(contacts)
    with (folder / f"contacts{contacts}.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["contact_id", "stage", "score", "consent"])
        for n in range(contacts):
            consent = ";".join(channel for channel in CHANNELS if rng.random() < 0.6)
            rows.writerow([f"c{n}", rng.choice(STAGES), rng.randrange(100), consent])
    with (folder / f"touches{contacts}.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["contact_id", "sent_at", "channel", "campaign_id"])
        for _ in range(3 * contacts):
            day = f"2026-10-{rng.randrange(1, 31):02d}T09:00:00Z"
            rows.writerow([f"c{rng.randrange(contacts)}", day, rng.choice(CHANNELS), f"k{rng.randrange(CAMPAIGNS)}"])


def write_playbook(folder: Path) -> None:
    """Fifty campaigns with an audience each, and two caps."""
    rng = random.Random(3)
    content = [
        {"id": f"m{n}", "channel": rng.choice(CHANNELS), "stages": dict.fromkeys(rng.sample(STAGES, 2), 0.5)}
        for n in range(CAMPAIGNS)
    ]
    campaigns = [
        {"id": f"k{n}", "content": [f"m{n}"], "weight": n + 1, "audience": f"score >= {rng.randrange(80)}"}
        for n in range(CAMPAIGNS)
    ]
    caps = [
        {"name": "two a week", "max": 2, "window": {"rolling": "7d"}},
        {"name": "one a week per channel", "max": 1, "by": "channel", "window": {"rolling": "7d"}},
    ]
    stages = [{"name": name, "owner": "marketing"} for name in STAGES]
    journey = {
        "stages": stages,
        "transitions": [{"from": a, "to": b, "event": "next"} for a, b in pairwise(STAGES)],
    }
    playbook = {"journey": journey, "content": content, "campaigns": campaigns, "caps": caps}
    (folder / "play.json").write_text(json.dumps(playbook))


def seconds(folder: Path, contacts: int, engine: str | None) -> float:
    """One run, as a process of its own."""
    command = [sys.executable, "-m", "journeykit", "decide", "play.json", "--contacts", f"contacts{contacts}.csv"]
    command += ["--touches", f"touches{contacts}.csv", "--at", "2026-11-01T09:00Z", "--out", "out.csv"]
    start = time.perf_counter()
    subprocess.run(command + (["--engine", engine] if engine else []), cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Print a line for each size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_playbook(folder)
        for contacts in (10, 100, 300, 1_000, 2_000):
            write_tables(folder, contacts)
            took: dict[str | None, list[float]] = {"one": [], "columns": [], None: []}
            for _ in range(TURNS):
                for engine, found in took.items():
                    found.append(seconds(folder, contacts, engine))
            one, columns, chosen = (median(found) for found in took.values())
            print(
                f"{contacts:6,} contacts: row engine {one:.2f} s, columns {columns:.2f} s, by default {chosen:.2f} s: "
                f"{chosen / min(one, columns):.2f} times the quicker one"
            )


if __name__ == "__main__":
    main()
