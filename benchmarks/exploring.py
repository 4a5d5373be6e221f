"""What exploration costs: the same contacts decided with and without it, by the columnar engine.

    python benchmarks/exploring.py                    # a million contacts, 50 campaigns, 5 % drawn, 50 draws
    python benchmarks/exploring.py --contacts 100000 --draws 200

Each contact may get some of 50 campaigns; two caps let two messages a week go, one of each channel. A third of the
contacts had a message. The chance of each eligible claim is found for all contacts, drawn or not. The second part has a
fifth of the contacts, with scores and spreads of 12 campaigns each. Tables and decisions are in memory, one thread;
processor seconds, in turns, the least of three. Ratios are to the same playbook without `explore`.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from attrs import evolve

from journeykit import Arbiter, Exploration, Playbook

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
CHANNELS = ("email", "sms", "push", "phone")
CAMPAIGNS, SCORED = 50, 12
TURNS = 3


def playbook() -> Playbook:
    """Fifty campaigns in four channels, of different weights and audiences."""
    rng = np.random.default_rng(1)
    return Playbook.from_dict({
        "content": [{"id": f"c{n}", "channel": CHANNELS[n % 4]} for n in range(CAMPAIGNS)],
        "campaigns": [
            {
                "id": f"k{n}",
                "content": [f"c{n}"],
                "weight": round(float(rng.uniform(1, 10)), 4),
                "audience": f"score >= {rng.integers(40, 100)}",
                "repeat": None,
            }
            for n in range(CAMPAIGNS)
        ],
        "caps": [
            {"name": "two a week", "max": 2, "window": {"rolling": "7d"}},
            {"name": "one of each channel", "max": 1, "by": "channel", "window": {"rolling": "7d"}},
        ],
        "on_missing": {"consent": "allow"},
    })  # fmt: skip


def tables(count: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Contacts, touches, and scores with spreads of some campaigns for a fifth of the contacts."""
    rng = np.random.default_rng(2)
    names = np.array([f"contact {n}" for n in range(count)])
    contacts = pa.table({"contact_id": names, "score": rng.integers(0, 100, count)})
    some = rng.choice(count, count // 3, replace=False)
    days = rng.integers(1, 20, len(some))
    touches = pa.table({
        "contact_id": names[some],
        "sent_at": [AT - timedelta(days=int(day)) for day in days],
        "channel": rng.choice(CHANNELS, len(some)),
    })  # fmt: skip
    rows = np.repeat(np.arange(count // 5), SCORED)
    scores = pa.table({
        "contact_id": names[rows],
        "campaign_id": [f"k{n}" for n in (rng.integers(0, CAMPAIGNS, len(rows)) + np.arange(len(rows))) % CAMPAIGNS],
        "propensity": rng.uniform(0, 0.2, len(rows)),
        "spread": rng.uniform(0, 0.1, len(rows)),
    })  # fmt: skip
    return contacts, touches, scores


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=50)
    given = parser.parse_args()
    contacts, touches, scores = tables(given.contacts)
    base = playbook()
    scored = contacts.slice(0, given.contacts // 5)
    for named, people, told in (("without scores", contacts, None), ("with scores", scored, scores)):
        seconds: dict[str, list[float]] = {}
        for _ in range(TURNS):
            for method in (None, "uniform") if told is None else (None, "uniform", "thompson"):
                how = None if method is None else Exploration(share=0.05, draws=given.draws, method=method)
                arbiter = Arbiter(evolve(base, explore=how))
                began = time.process_time()
                found = arbiter.decide_table(people, touches, told, at=AT, threads=1)
                seconds.setdefault(method or "none", []).append(time.process_time() - began)
                rows = found.num_rows / people.num_rows
        least = {name: min(own) for name, own in seconds.items()}
        for name, own in least.items():
            ratio = own / least["none"]
            print(f"{named}, {name}: {own:.2f} s of the processor, {ratio:.2f} times; {rows:.1f} rows a contact")


if __name__ == "__main__":
    main()
