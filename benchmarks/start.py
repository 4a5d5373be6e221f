"""What it takes to start: importing journeykit, and loading a playbook of 200 campaigns.

    python benchmarks/start.py

Each figure is the best of several fresh interpreters, less the time of an interpreter that does nothing; beside it
stands the standard library's `import json, decimal, asyncio`, measured in the same run.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 9
STAGES = ["awareness", "consideration", "decision", "retention", "advocacy"]


def playbook(campaigns: int) -> str:
    """A YAML playbook with an audience rule and degrees of fit for each campaign."""
    rng = random.Random(5)
    lines = ["version: 1", "name: large", "journey:", "  stages:", *(f"    - {{name: {s}}}" for s in STAGES)]
    lines += ["teams: [{name: team, goal: promotion}]", "content:"]
    for number in range(campaigns):
        fit = ", ".join(f"{stage}: {rng.random():.3f}" for stage in STAGES)
        lines.append(f"  - {{id: m{number}, channel: email, stages: {{{fit}}}}}")
    lines.append("campaigns:")
    for number in range(campaigns):
        rule = f"score >= {rng.randrange(80)} and country in ('MK', 'DE')"
        lines.append(
            f'  - {{id: k{number}, team: team, content: [m{number}], weight: {rng.random():.3f}, audience: "{rule}"}}'
        )
    lines += ["caps:", "  - {name: two a week, max: 2, window: {calendar: week}}"]
    return "\n".join(lines) + "\n"


def best(code: str) -> float:
    """Milliseconds of the fastest of several fresh interpreters."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.yaml"
        path.write_text(playbook(200), "utf-8")
        nothing = best("pass")
        figures = {
            "import json, decimal, asyncio": "import json, decimal, asyncio",
            "import journeykit": "import journeykit",
            "import journeykit, touch Arbiter": "from journeykit import Arbiter",
            "load a YAML playbook, 200 campaigns": f"from journeykit import Playbook; Playbook.load({str(path)!r})",
            "load it and make an Arbiter": "from journeykit import Arbiter, Playbook; "
            f"Arbiter(Playbook.load({str(path)!r}))",
        }
        print(f"{'an interpreter that does nothing':40} {nothing:8.0f} ms")
        for name, code in figures.items():
            print(f"{name:40} {best(code) - nothing:8.0f} ms")


if __name__ == "__main__":
    main()
