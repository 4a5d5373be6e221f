"""Comparing two playbooks, against one run of the first: the commands as they are typed, in turns.

    python benchmarks/comparing.py                     # a million contacts, 50 campaigns, 333,000 touches
    python benchmarks/comparing.py --contacts 100000 --turns 5

The second playbook lets three messages a week go and not two, and weighs a third of its campaigns more. The run is
`journeykit decide`, which writes granted and deferred claims to Parquet; beside it the run that writes all claims, as
many as a comparison looks at, and the run that writes messages alone. Seconds of the processors and memory at the peak
are those of whole processes, their start included; the median of the turns.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median

import exploring
import pyarrow.parquet as pq
from tables import Cost, run

AT = exploring.AT.isoformat()
RUNS = ("decide", "decide --all", "decide --granted", "compare", "compare of tables")


def write(folder: Path, contacts: int) -> None:
    """Write the tables and both playbooks."""
    people, touches, _ = exploring.tables(contacts)
    pq.write_table(people, folder / "contacts.parquet")
    pq.write_table(touches, folder / "touches.parquet")
    rules = exploring.playbook().to_dict()
    (folder / "a.json").write_text(json.dumps(rules), "utf-8")
    rules["caps"][0]["max"] = 3
    for own in rules["campaigns"][::3]:
        own["weight"] *= 1.5
    (folder / "b.json").write_text(json.dumps(rules), "utf-8")


def commands(folder: Path) -> dict[str, list[str]]:
    """The commands by name."""
    tables = ["--contacts", str(folder / "contacts.parquet"), "--touches", str(folder / "touches.parquet"), "--at", AT]
    first, other = str(folder / "a.json"), str(folder / "b.json")
    start = [sys.executable, "-m", "journeykit"]
    decide = [*start, "decide", first, *tables, "--quiet", "--out", str(folder / "a.parquet")]
    return {
        "decide": decide,
        "decide --all": [*decide, "--all"],
        "decide --granted": [*decide, "--granted"],
        "compare": [*start, "compare", first, other, *tables, "--quiet"],
        "compare of tables": [*start, "compare", str(folder / "a.parquet"), str(folder / "b.parquet")],
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, given.contacts)
        asked = commands(folder)
        taken: dict[str, list[Cost]] = {own: [] for own in RUNS}
        other = [part.replace("a.json", "b.json").replace("a.parquet", "b.parquet") for part in asked["decide"]]
        run(other)
        for _ in range(given.turns):
            for own in ("decide --all", "decide --granted", "decide", "compare", "compare of tables"):
                # The tables that are compared are those of the last plain run.
                taken[own].append(run(asked[own]))
    middle = {own: Cost(*map(median, zip(*costs, strict=True))) for own, costs in taken.items()}
    for own, cost in middle.items():
        ratio = cost.processor / middle["decide"].processor
        print(f"{own}: processors {cost.processor:.1f} s, {ratio:.2f} runs, peak {cost.peak:,.0f} MB")
    for own in ("decide --all", "decide --granted"):
        print(f"compare is {middle['compare'].processor / middle[own].processor:.2f} times {own}")


if __name__ == "__main__":
    main()
