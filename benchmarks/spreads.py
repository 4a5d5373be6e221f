"""How often intervals of 95 %, chance plus and minus 1.96 spreads, hold the true chance, over simulated messages.

    python benchmarks/spreads.py         # 20 simulated sets of messages of each kind
    python benchmarks/spreads.py 100

Three kinds of worlds: chances depend on campaign and stage alone (cells), on many features each by itself (sums), or
on some of them together (pairs). Each set is learned as `journeykit learn` does, and asked about other messages. Prints
the models that were chosen, the share of messages whose interval holds the truth (over all sets, and the sets' 10 % and
90 % quantiles), and the mean error of chances beside their mean spread.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np

from journeykit.learning import Examples, Feature, FeatureMatrix, fit_response

CAMPAIGNS, STAGES, CITIES = 20, 5, 60
ASKED = 4_000


def category(name: str, size: int) -> Feature:
    """A category of so many classes."""
    return Feature(name, "category", tuple(f"{name} {number:02}" for number in range(size)))


FEATURES = (
    category("campaign", CAMPAIGNS),
    category("stage", STAGES),
    category("city", CITIES),
    Feature("touches_7d"),
    Feature("touches_30d"),
    Feature("days_since_message"),
    Feature("age"),
)


def messages(kind: str, count: int, seed: int) -> tuple[Examples, np.ndarray]:
    """Messages, and the true chance of each."""
    rng = np.random.default_rng(seed)
    campaign = np.minimum(rng.geometric(0.15, count), CAMPAIGNS) - 1
    stage, city = rng.integers(0, STAGES, count), rng.integers(0, CITIES, count)
    week = rng.poisson(1, count)
    month = week + rng.poisson(3, count)
    days = np.where(month == 0, np.nan, rng.exponential(20, count))
    age = rng.normal(45, 12, count)
    effect = rng.normal(0, 0.6, CAMPAIGNS)[campaign] + rng.normal(0, 0.4, STAGES)[stage]
    log_odds = -3 + effect
    if kind == "cells":
        log_odds += rng.normal(0, 0.3, (CAMPAIGNS, STAGES))[campaign, stage]
    else:
        log_odds += 0.02 * (age - 45) - 0.25 * week - 0.01 * np.nan_to_num(days, nan=30)
    if kind == "pairs":
        log_odds += 1.2 * ((stage == 2) & (age > 50)) - 1.0 * ((campaign % 3 == 0) & (week > 1))
    chances = 1 / (1 + np.exp(-log_odds))
    found = Examples(
        matrix=FeatureMatrix(FEATURES, np.column_stack([campaign, stage, city, week, month, days, age])),
        label=rng.random(count) < chances,
        value=np.full(count, np.nan),
        at=np.arange(count),
        contact=rng.integers(0, count // 4, count),
        campaign=campaign,
        campaigns=FEATURES[0].classes,
    )
    return found, chances


def main(sets: int = 20) -> None:
    """Print a line for each kind of world and number of messages."""
    for kind in ("cells", "sums", "pairs"):
        for count in (3_000, 20_000, 60_000):
            chosen, held, errors, spreads = Counter(), [], [], []
            for seed in range(sets):
                examples, truth = messages(kind, count + ASKED, seed)
                model = fit_response("sale", examples.select(slice(count)))
                chance, spread = model.chances(examples.matrix.select(slice(count, None)))
                error = np.abs(chance - truth[count:])
                chosen[model.card.chosen] += 1
                held.append((error < 1.96 * spread).mean())
                errors.append(np.sqrt((error**2).mean()))
                spreads.append(np.sqrt((spread**2).mean()))
            low, high = np.quantile(held, (0.1, 0.9))
            models = ", ".join(f"{name} {number}" for name, number in chosen.most_common())
            print(
                f"{kind:6} {count:7,} messages: {np.mean(held):.3f} ({low:.3f} to {high:.3f}) hold the truth; error "
                f"{np.mean(errors):.4f}, spread {np.mean(spreads):.4f}; {models}",
                flush=True,
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
