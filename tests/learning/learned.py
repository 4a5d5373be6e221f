"""Messages with known chances of an answer, to learn from."""

from __future__ import annotations

import numpy as np

from journeykit.learning import Examples, Feature, FeatureMatrix

CAMPAIGNS = tuple(f"campaign-{number}" for number in range(8))
STAGES = ("aware", "decided", "loyal")
DAY = 86_400_000_000
START = 1_767_225_600_000_000  # 2026-01-01


def example_messages(count, seed=7):
    """So many messages, and the chance of each that it is answered."""
    rng = np.random.default_rng(seed)
    campaign, stage = rng.integers(0, 8, count), rng.integers(0, 3, count)
    touches, age = rng.poisson(2, count).astype(float), rng.normal(45, 12, count)
    age[::9] = np.nan
    effect = np.linspace(-0.6, 0.6, 8)[campaign] + np.array([0.4, 0.0, -0.4])[stage]
    log_odds = -1.6 + effect - 0.45 * touches + 0.04 * (np.nan_to_num(age, nan=50) - 45)
    chances = 1 / (1 + np.exp(-log_odds))
    matrix = FeatureMatrix(
        (
            Feature("campaign", "category", CAMPAIGNS),
            Feature("stage", "category", STAGES),
            Feature("touches_7d"),
            Feature("age"),
        ),
        np.column_stack([campaign, stage, touches, age]),
    )
    examples = Examples(
        matrix=matrix,
        label=rng.random(count) < chances,
        value=np.full(count, np.nan),
        at=START + np.arange(count) * (DAY // 100),
        contact=rng.integers(0, max(count // 5, 1), count),
        campaign=campaign,
        campaigns=CAMPAIGNS,
    )
    return examples, chances
