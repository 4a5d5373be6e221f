"""What one more and one less of each rule is worth, for a million contacts: over one run of the same tables.

    python benchmarks/sensitivities.py DIR [--caps N] [--turns N] [--cross]    # DIR as for tables.py

The playbook of the folder gets caps of other scopes and windows until it has N (20); with --cross, some of them are of
teams, which cross those of channels, so that taking claims best first is not enough. Whole processes in turns,
`journeykit decide` against `journeykit compare --sensitivity`: seconds of the processors, memory, and their ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

CHANNELS = ("email", "sms", "push", "phone")
TEAMS = 6
WINDOWS = ({"rolling": "3d"}, {"days": 5}, {"calendar": "month"}, {"rolling": "14d"})


def run(command: list[str]) -> tuple[float, float]:
    """Seconds of the processors and megabytes of a process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def with_caps(source: Path, count: int, out: Path, *, cross: bool) -> None:
    """The playbook with so many caps."""
    from journeykit import Playbook

    data = Playbook.load(source).to_dict()
    caps: list[dict[str, Any]] = list(data.get("caps", []))
    if cross:
        data["teams"] = [{"name": f"team {number}"} for number in range(TEAMS)]
        for number, campaign in enumerate(data["campaigns"]):
            campaign["team"] = f"team {number % TEAMS}"
    for place in range(len(caps), count):
        channel = CHANNELS[place // 2 % len(CHANNELS)]
        where: dict[str, Any] = {"where": {"channel": channel}} if place % 2 else {}
        if cross and place % 4 == 0:
            where = {"where": {"team": f"team {place // 4 % TEAMS}"}}
        caps.append({"name": f"cap {place}", "max": 2 + place % 4, "window": WINDOWS[place % len(WINDOWS)], **where})
    out.write_text(json.dumps(data | {"caps": caps[:count]}), "utf-8")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--caps", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--cross", action="store_true")
    asked = parser.parse_args()
    tables = ["--contacts", str(asked.folder / "contacts.parquet"), "--touches", str(asked.folder / "touches.parquet")]
    tables += ["--at", "2026-11-21T09:00Z", "--quiet"]
    command = [sys.executable, "-m", "journeykit"]
    with tempfile.TemporaryDirectory() as folder:
        playbook, out = Path(folder) / "playbook.json", Path(folder) / "decisions.parquet"
        with_caps(asked.folder / "playbook.yaml", asked.caps, playbook, cross=asked.cross)
        whole, again = [], []
        for _ in range(asked.turns):
            whole.append(run([*command, "decide", str(playbook), *tables, "--out", str(out)]))
            again.append(run([*command, "compare", str(playbook), "--sensitivity", *tables]))
    for name, costs in (("decide", whole), ("sensitivity", again)):
        seconds, peak = (median(own) for own in zip(*costs, strict=True))
        print(f"{name}: processors {seconds:.2f} s, peak {peak:,.0f} MB")
    ratios = sorted(one[0] / other[0] for one, other in zip(again, whole, strict=True))
    print(f"{asked.caps} caps and the reserve: {median(ratios):.2f} runs ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
