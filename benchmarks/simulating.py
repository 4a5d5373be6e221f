"""Simulating 90 nights of 100,000 contacts and 20 campaigns: seconds, processor time and memory.

    python benchmarks/simulating.py                          # one playbook, one seed
    python benchmarks/simulating.py --nights 10 --seeds 3
    python benchmarks/simulating.py --contacts 1000000

The contacts have a history of three messages each, scores for all campaigns (two million rows) and two channels. The
playbook has a journey of three stages, two responses, and caps by day, by seven days and by campaign; contacts to whom
no message came move by a daily chance. The time is that of `journeykit.simulate` alone, with tables in memory.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from journeykit import Playbook, simulate

AT = datetime(2026, 11, 5, 9, tzinfo=UTC)
CAMPAIGNS = 20
PLAYBOOK = {
    "timezone": "Europe/Skopje",
    "journey": {
        "stages": [{"name": "lead", "value": 5}, {"name": "trial", "value": 20}, {"name": "customer", "value": 100}],
        "transitions": [
            {"from": "lead", "to": "trial", "event": "click"},
            {"from": "trial", "to": "customer", "event": "purchase"},
            {"from": "customer", "to": "lead", "after": "60d"},
        ],
    },
    "content": [{"id": f"content {n}", "channel": "email" if n % 2 else "sms"} for n in range(CAMPAIGNS)],
    "campaigns": [
        {"id": f"campaign {n}", "content": [f"content {n}"], "audience": f"score >= {4 * n}", "repeat": None}
        for n in range(CAMPAIGNS)
    ],
    "responses": [
        {"name": "click", "event": "click", "within": "7d", "where": {"channel": "email"}},
        {"name": "sale", "event": "purchase", "within": "7d", "value": "amount"},
    ],
    "caps": [
        {"name": "one a day", "max": 1, "window": {"calendar": "day"}},
        {"name": "two in seven days", "max": 2, "window": {"days": 7}},
        {"name": "a campaign a month", "max": 1, "by": "campaign", "window": {"days": 30}},
    ],
}


def coded(random: np.random.Generator, names: list[str], count: int) -> pa.Array:
    """Names drawn evenly."""
    return pa.DictionaryArray.from_arrays(pa.array(random.integers(0, len(names), count), pa.int32()), pa.array(names))


def tables(contacts: int) -> dict[str, pa.Table]:
    """Contacts, touches and scores."""
    random = np.random.default_rng(1)
    ids = pa.array([f"contact {n}" for n in range(contacts)])
    own = {"contact_id": ids, "stage": coded(random, ["lead", "trial", "customer"], contacts)}
    own |= {f"consent_{name}": pa.array(np.ones(contacts, np.bool_)) for name in ("email", "sms")}
    people = pa.table({**own, "score": random.integers(0, 100, contacts)})
    names = [f"campaign {n}" for n in range(CAMPAIGNS)]
    sent = np.int64(AT.timestamp() * 1e6) - random.integers(0, 30 * 86_400, 3 * contacts) * 1_000_000
    touches = pa.table(
        {
            "contact_id": ids.take(pa.array(random.integers(0, contacts, 3 * contacts))),
            "sent_at": pa.array(sent).cast(pa.timestamp("us", "UTC")),
            "channel": coded(random, ["email", "sms"], 3 * contacts),
            "campaign_id": coded(random, names, 3 * contacts),
        }
    )
    each = contacts * CAMPAIGNS
    campaigns = pa.DictionaryArray.from_arrays(pa.array(np.tile(np.arange(CAMPAIGNS, dtype=np.int32), contacts)), names)
    scores = pa.table(
        {
            "contact_id": ids.take(pa.array(np.repeat(np.arange(contacts), CAMPAIGNS))),
            "campaign_id": campaigns,
            "propensity": random.random(each) * 0.1,
            "value": np.full(each, 10.0),
            "opt_out": random.random(each) * 0.01,
        }
    )
    return {"contacts": people, "touches": touches, "scores": scores}


def main() -> None:
    """Simulate, and print what it took."""
    parser = argparse.ArgumentParser(description="Simulate days to come.")
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--nights", type=int, default=90)
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    playbook = Playbook.from_dict(PLAYBOOK)
    given = tables(asked.contacts)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    began, used = time.perf_counter(), time.process_time()
    until = AT + timedelta(days=asked.nights - 1)
    found = simulate(playbook, **given, at=AT, until=until, seeds=asked.seeds, chances={"trial": {"lead": 0.01}})
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sent = found.playbooks[0].total("messages").mean
    print(f"{asked.contacts:,} contacts, {asked.nights} nights, {asked.seeds} seeds, {sent:,.0f} messages a world")
    print(f"{seconds:.1f} s, {processor:.1f} s of the processor, {memory:,} MB at most ({before:,} MB before)")


if __name__ == "__main__":
    main()
