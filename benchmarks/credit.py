"""Credit: ten million touches and ten million events, which event answers which message.

    python benchmarks/credit.py [DIR] [--touches N] [--events N] [--contacts N] [--sql]

DIR keeps the tables that are made (else they go to a temporary folder): a send log and a log of events in the order of
time, as Parquet, ids as texts. A fifth of the events names a message by its decision, a fifth a campaign. Seconds,
processor time and memory are those of a whole process that reads both tables. With ``--sql`` an as-of join of DuckDB
does a part of the work in a process of its own, as a yardstick: the last message before each purchase, whatever its
age.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CAMPAIGNS, DAYS, DAY = 50, 365, 86_400_000_000
NAMES = ("open", "click", "purchase", "visit", "opt_out", "complaint")
CHANCES = (0.3, 0.25, 0.2, 0.23, 0.015, 0.005)


def playbook() -> str:
    """Fifty campaigns of five teams, and responses of each kind."""
    contents = [f"  - {{id: content-{n}, channel: {('email', 'push', 'sms')[n % 3]}}}" for n in range(CAMPAIGNS)]
    campaigns = [
        f"  - {{id: campaign-{n}, team: team-{n % 5}, content: [content-{n}], cost: 0.02}}" for n in range(CAMPAIGNS)
    ]
    teams = [f"  - {{name: team-{n}, goal: nurture}}" for n in range(5)]
    responses = """
  - {name: opened, event: open, within: 7d}
  - {name: clicked, event: click, within: 3d, where: {channel: email}, credit: first}
  - {name: sale, event: purchase, value: amount, within: 14d}
  - {name: share of sale, event: purchase, value: amount, within: 30d, credit: linear}"""
    parts = {"teams": teams, "content": contents, "campaigns": campaigns, "responses": [responses.lstrip("\n")]}
    return "".join(f"{name}:\n" + "\n".join(lines) + "\n" for name, lines in parts.items())


def make(folder: Path, contacts: int, touches: int, events: int) -> None:
    """The tables, unless they are there."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    (folder / "playbook.yaml").write_text(playbook())
    if (folder / "events.parquet").exists():
        return
    pick = np.random.default_rng(7)
    start = int(BEGIN.timestamp()) * 1_000_000
    people = pa.array([f"c{n:08}" for n in range(contacts)])

    def ids(numbers: np.ndarray) -> pa.Array:
        return people.take(pa.array(numbers))

    def decisions(numbers: np.ndarray) -> pa.Array:
        return pc.binary_join_element_wise("d", pc.cast(pa.array(numbers), pa.string()), "")

    def words(codes: np.ndarray, names: list[str], missing: np.ndarray | None = None) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=missing), pa.array(names))

    def instants(count: int) -> np.ndarray:
        return np.sort(pick.integers(0, DAYS * DAY, count)) + start

    owner, campaign, sent = pick.integers(0, contacts, touches), pick.integers(0, CAMPAIGNS, touches), instants(touches)
    log = {
        "contact_id": ids(owner),
        "sent_at": pa.array(sent, pa.timestamp("us", "UTC")),
        "channel": words(campaign % 3, ["email", "push", "sms"]),
        "campaign_id": words(campaign, [f"campaign-{n}" for n in range(CAMPAIGNS)]),
        "decision_id": decisions(np.arange(touches)),
        "status": words((pick.random(touches) < 0.02).astype(int), ["sent", "bounced"]),
    }
    pq.write_table(pa.table(log), folder / "touches.parquet")
    # Most events are of somebody who got a message not long before.
    of = pick.integers(0, touches, events)
    at = sent[of] + (pick.exponential(5, events) * DAY).astype(np.int64) - DAY // 4
    order = np.argsort(at)
    of, at = of[order], at[order]
    kind = pick.random(events)
    told = {
        "contact_id": ids(owner[of]),
        "event": words(pick.choice(len(NAMES), events, p=CHANCES), list(NAMES)),
        "at": pa.array(at, pa.timestamp("us", "UTC")),
        "event_id": pa.array(np.arange(events)),
        "amount": pa.array(np.round(pick.gamma(2, 200, events), 2)),
        "campaign_id": words(campaign[of], [f"campaign-{n}" for n in range(CAMPAIGNS)], (kind < 0.2) | (kind >= 0.4)),
        "decision_id": pc.if_else(pa.array(kind < 0.2), decisions(of), pa.scalar(None, pa.string())),
    }
    pq.write_table(pa.table(told), folder / "events.parquet")


def work(folder: Path) -> None:
    """Read both tables and credit, and say how long each took."""
    from journeykit import Playbook
    from journeykit.measuring import MessageTable, credit

    began = time.perf_counter()
    rules = Playbook.load(folder / "playbook.yaml")
    messages = MessageTable.read(rules, folder / "touches.parquet", columns=[])
    read = time.perf_counter()
    found = credit(rules, messages, folder / "events.parquet")
    done = time.perf_counter()
    print(
        f"messages {read - began:.1f} s, credit {done - read:.1f} s: {len(messages):,} messages, {len(found):,} credits"
    )
    for count in found.counts:
        print(f"  {count.response}: {count.credited:,} of {count.events:,}; {dict(count.reasons)}")


def sql(folder: Path) -> None:
    """A part of the work in DuckDB."""
    import duckdb

    began = time.perf_counter()
    found = duckdb.sql(f"""
        set threads = 2;
        select count(t.sent_at), max(e.at - t.sent_at) from
          (select * from '{folder / "events.parquet"}' where event = 'purchase') e asof left join
          (select * from '{folder / "touches.parquet"}' where status = 'sent') t
          on e.contact_id = t.contact_id and e.at > t.sent_at""").fetchall()
    print(f"DuckDB, as-of join of purchases: {time.perf_counter() - began:.1f} s ({found[0][0]:,})")


def process(step: str, folder: Path) -> None:
    """A step in a process of its own: its seconds, its processor time and its memory, start included."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, __file__, str(folder), "--step", step])
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(1)
    spent, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6
    print(f"{step}, whole process: {seconds:.1f} s, of the processor {spent:.1f} s, peak {peak:.2f} GB")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--touches", type=int, default=10_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--sql", action="store_true")
    parser.add_argument("--step", choices=["make", "work", "sql"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step is not None:
        steps = {"make": lambda f: make(f, given.contacts, given.touches, given.events), "work": work, "sql": sql}
        steps[given.step](given.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        made = [str(folder), "--step", "make", "--contacts", str(given.contacts)]
        made += ["--touches", str(given.touches), "--events", str(given.events)]
        subprocess.run([sys.executable, __file__, *made], check=True)
        process("work", folder)
        if given.sql:
            process("sql", folder)


if __name__ == "__main__":
    main()
