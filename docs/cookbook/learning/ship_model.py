"""Put a new model into use, where the evaluation says that it is no worse; else yesterday's stays."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

ESTIMATOR = "doubly_robust"
FEWEST = 50
"""So many messages at least must tell something: the effective sample size."""


def is_no_worse(estimates: Path, response: str, margin: float = 0.01) -> bool:
    """Whether new decisions lose at most `margin` answers per message, by the interval of the evaluation.

    Args:
        estimates: the table that `journeykit evaluate --out` wrote, as CSV.
        response: the response that counts.
        margin: the loss that is let pass, in answers per message. With 0, the new decisions must be better for sure.
    """
    with estimates.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["response"] == response and row["measure"] == "rate"]
    found = [row for row in rows if row["estimator"] == ESTIMATOR and row["difference_low"]]
    if not found or float(found[0]["effective_size"]) < FEWEST:
        return False  # nothing is known: nothing changes
    return float(found[0]["difference_low"]) >= -margin


def ship(candidate: Path, current: Path, estimates: Path, response: str, margin: float = 0.01) -> bool:
    """Move the candidate into the place of the current model, or leave both where they are.

    The move is one step of the file system: a job that reads the model at that moment reads the old or the new one.
    """
    if not is_no_worse(estimates, response, margin):
        return False
    candidate.replace(current)
    return True


if __name__ == "__main__":
    files = [Path(name) for name in sys.argv[1:4]]
    is_shipped = ship(*files, sys.argv[4])
    sys.stdout.write("shipped\n" if is_shipped else "not shipped: yesterday's model stays\n")
