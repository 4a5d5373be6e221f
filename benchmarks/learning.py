"""A million contacts and 20 campaigns: `journeykit learn` and `journeykit score`, whole processes, Parquet in and out.

    python benchmarks/learning.py                        # a million contacts, 5 M touches, 5 M events
    python benchmarks/learning.py --million 0.1          # a tenth of it

Contacts get messages of 20 campaigns within 180 days; some buy within a week, sooner on the stage of a customer and
of some campaigns, and some opt out, sooner after many messages. Prints wall time, CPU time and peak memory of each
call.
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

START = np.datetime64("2026-05-01T00:00:00", "us").astype(np.int64)
DAY = 86_400_000_000
DAYS = 180
CAMPAIGNS = 20
TABLES = ("contacts", "touches", "events")


def instants(at: np.ndarray) -> pa.Array:
    """Instants from microseconds."""
    return pa.array(at, pa.timestamp("us", "UTC"))


def write(folder: Path, million: float) -> None:
    """Write the playbook and the tables."""
    generator, contacts = np.random.default_rng(1), round(million * 1_000_000)
    ids = pa.array([f"contact-{number:07}" for number in range(contacts)])
    count = 5 * contacts
    contact, at = generator.integers(0, contacts, count), START + generator.integers(0, DAYS * DAY, count)
    order = np.lexsort((at, contact))
    contact, at = contact[order], at[order]
    campaign = generator.integers(0, CAMPAIGNS, count)
    region, born = generator.integers(0, 8, contacts), generator.integers(1940, 2008, contacts)
    near = np.zeros(count, np.bool_)
    near[1:] = (contact[1:] == contact[:-1]) & (at[1:] - at[:-1] < 7 * DAY)
    buys = generator.random(count) < 0.02 + 0.004 * (campaign % 5) + 0.01 * (region[contact] % 2) - 0.01 * near
    leaves = generator.random(count) < 0.001 + 0.003 * near
    touches = {
        "contact_id": ids.take(pa.array(contact)),
        "sent_at": instants(at),
        "campaign_id": pa.array([f"campaign-{number:02}" for number in range(CAMPAIGNS)]).take(pa.array(campaign)),
    }
    pq.write_table(pa.table(touches), folder / "touches.parquet")
    others = count - int(buys.sum()) - int(leaves.sum())
    whose = np.concatenate([contact[buys], contact[leaves], generator.integers(0, contacts, others)])
    when = np.concatenate([at[buys], at[leaves], START + generator.integers(0, DAYS * DAY, others)])
    when[: count - others] += generator.integers(1, 6 * DAY, count - others)
    name = np.repeat([0, 1, 2], [buys.sum(), leaves.sum(), others])
    events = {
        "contact_id": ids.take(pa.array(whose)),
        "event": pa.array(["purchase", "opt_out", "visit"]).take(pa.array(name)),
        "at": instants(when),
    }
    pq.write_table(pa.table(events), folder / "events.parquet")
    regions = pa.array([f"region-{number}" for number in range(8)])
    people = {"contact_id": ids, "region": regions.take(pa.array(region)), "born": pa.array(born)}
    pq.write_table(pa.table(people), folder / "contacts.parquet")
    channels = ("email", "sms", "push", "letter")
    playbook = {
        "teams": [{"name": f"team-{number}"} for number in range(5)],
        "content": [{"id": f"text-{number}", "channel": channels[number % 4]} for number in range(CAMPAIGNS)],
        "campaigns": [
            {"id": f"campaign-{number:02}", "team": f"team-{number % 5}", "content": [f"text-{number}"]}
            for number in range(CAMPAIGNS)
        ],
        "journey": {
            "stages": ["lead", "customer"],
            "transitions": [
                {"from": "lead", "to": "customer", "event": "purchase"},
                {"from": "customer", "to": "lead", "after": "90d"},
            ],
        },
        "responses": [{"name": "sale", "event": "purchase", "within": "7d"}],
    }
    (folder / "playbook.json").write_text(json.dumps(playbook), "utf-8")


def main() -> int:
    """Write the tables, learn, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", type=float, default=1, help="millions of contacts (1)")
    parser.add_argument("--folder", type=Path, help="keep the tables there, and use them if they are there")
    parser.add_argument("--calls", default="learn,score", help="which commands (learn,score)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as beside:
        folder = given.folder or Path(beside)
        folder.mkdir(exist_ok=True)
        if not (folder / "playbook.json").exists():
            write(folder, given.million)
        tables = [word for name in TABLES for word in (f"--{name}", str(folder / f"{name}.parquet"))]
        model = ["--model", str(folder / "model.skops")]
        own = {
            "learn": ["--until", "2026-10-28T00:00Z", "--static", "region,born"],
            "score": ["--at", "2026-10-28T00:00Z", "--out", str(folder / "scores.parquet")],
        }
        for name in given.calls.split(","):
            command = [sys.executable, "-m", "journeykit", name, str(folder / "playbook.json")]
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run([*command, *tables, *model, *own[name]], check=True, capture_output=True, text=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            peak = after.ru_maxrss / 2**20
            print(f"{name}: {time.perf_counter() - began:.1f} s, {cpu:.1f} s CPU, at most {peak:.2f} GB so far")
            print(done.stdout + done.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
