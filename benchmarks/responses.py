"""Offers under a budget and a floor on mean risk: a case with published answers.

    python benchmarks/responses.py                       # a million draws, of which 843,539 contacts are kept
    python benchmarks/responses.py --contacts 100000     # fewer; there is no published answer then
    python benchmarks/responses.py --highs-only

Each contact has a risk score, from 300 to 850, and a chance to respond to each of three offers, higher for a lower
score. It gets at most one offer. Wanted: the most expected responses for a budget, where the mean score of those who
respond is at least 700: a quota of the column `margin = chance x (risk - 700)` with the minimum 0. Contacts with equal
scores are alike, so that a linear problem of some 800 columns gives the answer a second time.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from typing import Any

import highs_model
import numpy as np

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
COSTS = (0.50, 0.25, 0.10)
LEAST = (0.001, 0.0001, 0.00001)
MORE = (0.299, 0.1999, 0.09999)
FLOOR = 700
SCALE = 1000
"""Weights are whole millionths inside; chances are small."""
PUBLISHED = {(1_000_000, 50_000): 760.356, (1_000_000, 250_000): 2539.522}
WANTED, WANTED_SECONDS = 0.999, 60


def risks(contacts: int) -> np.ndarray:
    """The scores of the contacts that are kept."""
    drawn = np.random.RandomState(2).beta(2.57956, 0.91493, contacts)
    risk = np.round(300 + 550 * drawn)
    return risk[risk >= 580]


def chances(risk: np.ndarray) -> np.ndarray:
    """The chance of a response: a row for each score, a column for each offer."""
    q = ((850 - risk) / 550) ** 3
    return np.array(LEAST) + np.array(MORE) * q[:, None]


def linear(risk: np.ndarray, budget: float) -> float:
    """The most expected responses, by a linear problem over the distinct scores."""
    scores, counts = np.unique(risk, return_counts=True)
    chance = chances(scores)
    offers, number = len(COSTS), np.arange(chance.size)
    rows = highs_model.Rows()
    rows.add(number // offers, number, np.ones(chance.size))
    rows.add(np.full(chance.size, len(scores)), number, np.tile(COSTS, len(scores)))
    margin = chance * (scores - FLOOR)[:, None]
    rows.add(np.full(chance.size, len(scores) + 1), number, margin.ravel())
    model = highs_model.Model(
        chance.ravel(),
        np.zeros(chance.size),
        np.repeat(counts, offers).astype(float),
        np.append(np.full(len(scores) + 1, -highs_model.INFINITE), 0.0),
        np.concatenate([counts, [budget, highs_model.INFINITE]]),
        *rows.by_columns(chance.size),
    )
    return highs_model.solve(model).objective


def playbook(budget: float) -> Any:
    """One offer each, the budget, the floor."""
    from journeykit import Playbook

    names = [f"offer {number}" for number in range(len(COSTS))]
    return Playbook.from_dict(
        {
            "name": "responses",
            "content": [{"id": name, "channel": "letter"} for name in names],
            "campaigns": [
                {"id": name, "content": [name], "cost": cost} for name, cost in zip(names, COSTS, strict=True)
            ],
            "caps": [{"name": "one offer", "max": 1, "window": "ever"}],
            "quotas": [
                {"name": "budget", "of": "cost", "max": budget, "hard": True},
                {"name": "mean risk", "of": "margin", "min": 0, "hard": True},
            ],
            "on_missing": {"consent": "allow"},
        }
    )


def claims(risk: np.ndarray) -> Any:
    """Each contact with each offer."""
    import pyarrow as pa

    chance = chances(risk)
    offers = np.tile(np.arange(len(COSTS), dtype=np.int8), len(risk))
    ids = pa.array([f"offer {number}" for number in range(len(COSTS))])
    return pa.table(
        {
            "contact_id": np.repeat(np.arange(len(risk), dtype=np.int32), len(COSTS)),
            "campaign_id": pa.DictionaryArray.from_arrays(offers, ids),
            "weight": SCALE * chance.ravel(),
            "margin": (chance * (risk - FLOOR)[:, None]).ravel(),
        }
    )


def ours(risk: np.ndarray, budget: float) -> tuple[float, float]:
    """Expected responses and seconds; prints what was found, counted from the draws alone."""
    import pyarrow.compute as pc

    from journeykit import Arbiter

    arbiter, asked, told, granted = Arbiter(playbook(budget)), claims(risk), [], []
    began = time.perf_counter()
    for table in arbiter.decide_table(None, claims=asked, at=AT, stream=True, summary=told.append):
        kept = table.filter(pc.equal(table["outcome"], "granted"))
        granted.append([kept[name].to_numpy() for name in ("contact_id", "campaign_id")])
    seconds = time.perf_counter() - began
    owner, offer = (np.concatenate(parts) for parts in zip(*granted, strict=True))
    number = np.array([int(name.split()[1]) for name in offer], int)
    owner = owner.astype(int)
    chance = chances(risk)[owner, number]
    cost = np.bincount(number, minlength=len(COSTS)) @ np.array(COSTS)
    mean = (chance @ risk[owner]) / chance.sum()
    summary = told[0].to_dict()
    print(
        f"  journeykit   {chance.sum():12,.3f} responses, {seconds:.1f} s; cost {cost:,.2f}, mean risk {mean:.4f};"
        f" bound {summary['bound'] / SCALE:,.3f}, gap {summary['gap']:.4%}"
    )
    if cost > budget + 1e-6 or mean < FLOOR - 1e-6 or len(np.unique(owner)) < len(owner):
        sys.exit("a hard rule is broken")
    return chance.sum(), seconds


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--highs-only", action="store_true", help="leave journeykit out")
    given = parser.parse_args()
    risk = risks(given.contacts)
    print(f"{given.contacts:,} draws, {len(risk):,} contacts kept, {len(np.unique(risk))} different scores")
    if not given.highs_only:
        ours(risk[:1000], 50)  # so that the kernels are warm
    reached = True
    for share in (0.05, 0.25):
        budget = share * given.contacts
        answer = linear(risk, budget)
        print(f"budget {budget:,.0f}, floor {FLOOR}")
        print(f"  HiGHS        {answer:12,.3f} responses")
        published = PUBLISHED.get((given.contacts, int(budget)))
        if published is not None:
            print(f"  published    {published:12,.3f} responses")
        if not given.highs_only:
            found, seconds = ours(risk, budget)
            print(f"  journeykit reaches {found / answer:.4%} (wanted {WANTED:.1%})")
            reached = reached and found >= WANTED * answer and seconds < WANTED_SECONDS
    if not reached:
        sys.exit(f"wanted: {WANTED:.1%} in {WANTED_SECONDS} s; missed")


if __name__ == "__main__":
    main()
