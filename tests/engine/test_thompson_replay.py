"""Thompson sampling on a published e-mail test: the replay keeps the customers who got by chance what it would send.

Two teams claim the customers' attention, each with an e-mail about its goods; to send nothing is the third choice. Each
batch is decided by scores from what was kept so far. See tests/data/hillstrom/README.md for the test.
"""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from journeykit import Arbiter, Contact, Playbook, Score

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CELLS = Path(__file__).parent.parent / "data" / "hillstrom" / "cells.csv"
ROWS = Path(__file__).parents[3] / "shared" / "data" / "hillstrom" / "rows.csv.gz"
ARMS = ("mens", "womens", "none")
UNIFORM = 0.1468
BATCH = 300
AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = Playbook.from_dict({
    "teams": [{"name": "mens goods"}, {"name": "womens goods"}],
    "content": [{"id": arm, "channel": "email"} for arm in ARMS],
    "campaigns": [
        {"id": "mens", "team": "mens goods", "content": ["mens"]},
        {"id": "womens", "team": "womens goods", "content": ["womens"]},
        {"id": "none", "content": ["none"]},
    ],
    "caps": [{"name": "one", "max": 1, "window": {"calendar": "day"}}],
    "explore": {"share": 1, "method": "thompson", "draws": 500},
})  # fmt: skip


class Replay:
    """What was kept: by arm, how many customers, and how many of them visited the shop."""

    def __init__(self) -> None:
        self.kept = dict.fromkeys(ARMS, 0)
        self.visits = dict.fromkeys(ARMS, 0)

    def run(self, customers: Sequence[tuple[str, bool]]) -> Replay:
        """Go through the customers, batch by batch."""
        arbiter = Arbiter(PLAYBOOK)
        for start in range(0, len(customers), BATCH):
            at, scores = AT + timedelta(days=start // BATCH), self._scores()
            for number, (arm, visited) in enumerate(customers[start : start + BATCH], start):
                contact = Contact(id=str(number), consent=["email"])
                if arbiter.decide(contact, scores=scores, at=at).granted[0].campaign == arm:
                    self.kept[arm] += 1
                    self.visits[arm] += visited
        return self

    def rate(self, arm: str) -> float:
        """The mean of the beta distribution after what was kept, from one visit in two."""
        return (1 + self.visits[arm]) / (2 + self.kept[arm])

    def _scores(self) -> dict[str, Score]:
        rates = {arm: self.rate(arm) for arm in ARMS}
        return {
            arm: Score(propensity=rate, spread=(rate * (1 - rate) / (3 + self.kept[arm])) ** 0.5)
            for arm, rate in rates.items()
        }

    @property
    def mean(self) -> float:
        """The share of those kept who visited."""
        return sum(self.visits.values()) / sum(self.kept.values())


def from_cells() -> Iterator[tuple[str, bool]]:
    """The customers, as the counts of the published test have them."""
    with CELLS.open(newline="") as file:
        for cell in csv.DictReader(file):
            visits = int(cell["visits"])
            yield from ((cell["arm"], number < visits) for number in range(int(cell["contacts"])))


def test_the_better_message_wins_and_lifts_the_mean():
    """In an order of chance: men's, women's, none; and more visits than with messages dealt out evenly."""
    customers = list(from_cells())
    assert len(customers) == 64_000
    assert sum(visited for _, visited in customers) / 64_000 == pytest.approx(UNIFORM, abs=1e-4)
    Random(4).shuffle(customers)
    found = Replay().run(customers[:4_000])
    assert found.rate("mens") > found.rate("womens") > found.rate("none")
    assert found.kept["mens"] > found.kept["womens"] > found.kept["none"]
    assert found.mean > UNIFORM


@pytest.mark.skipif(not ROWS.exists(), reason="the rows of the published test are not at hand")
def test_so_it_does_on_the_published_rows():
    """Every tenth of them, in their order."""
    with gzip.open(ROWS, "rt", newline="") as file:
        rows = list(csv.DictReader(file))[::10]
    arms = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "none"}
    found = Replay().run([(arms[row["segment"]], row["visit"] == "1") for row in rows])
    assert found.rate("mens") > found.rate("womens") > found.rate("none")
    assert found.mean > UNIFORM
