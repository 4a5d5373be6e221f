"""Spreads: chances are off by about as much as their spreads say."""

from __future__ import annotations

import numpy as np
import pytest
from learned import example_messages
from scipy.special import expit

from journeykit.learning import Feature, FeatureMatrix, fit_response
from journeykit.learning.chance_spread import ChanceSpread
from journeykit.learning.level_tables import LevelTables
from journeykit.learning.model_candidates import TrainingRows, fit_boosting, fit_logistic
from journeykit.learning.smoothed_rates import SmoothedRates


def covered(chance, spread, truth):
    """The share of intervals of 95 % that hold the truth."""
    return (np.abs(chance - truth) < 1.96 * spread).mean()


def test_spreads_of_rates_hold_the_truth():
    """Where chances depend on campaign and stage alone, 95 % of the cells' intervals hold them."""
    rng, found = np.random.default_rng(3), []
    features = (
        Feature("campaign", "category", tuple("abcdefghij")),
        Feature("stage", "category", ("early", "late")),
    )
    cells = np.array([(one, other) for one in range(10) for other in range(2)], float)
    for _ in range(40):
        truth = expit(-2 + rng.normal(0, 0.5, 10)[:, None] + rng.normal(0, 0.3, (10, 2)))
        values = np.column_stack([rng.geometric(0.3, 3000).clip(max=10) - 1, rng.integers(0, 2, 3000)]).astype(float)
        label = rng.random(3000) < truth[values[:, 0].astype(int), values[:, 1].astype(int)]
        rates = SmoothedRates.of(FeatureMatrix(features, values), label)
        chance, variance = rates.rates(FeatureMatrix(features, cells))
        found.append(covered(chance, np.sqrt(variance), truth.ravel()))
    assert 0.92 < np.mean(found) <= 1


def test_spreads_of_models_hold_the_truth():
    """Where log-odds are sums, intervals of logistic regression hold the truth as often as they say."""
    found = []
    for seed in range(3):
        examples, truth = example_messages(4000, seed)
        rows = TrainingRows.of(examples.matrix, examples.label)
        log_odds = fit_logistic(rows, 0).sums(rows.levels)
        spread = ChanceSpread.of(rows, log_odds, examples.contact, 0)
        chance = expit(log_odds)
        found.append(covered(chance, chance * (1 - chance) * np.sqrt(spread.variance(rows.levels)), truth))
    assert 0.92 < np.mean(found) <= 1


def test_what_was_seldom_seen_is_less_sure():
    """A level that no message had has the widest spread, and many such levels do not pass a limit."""
    examples, _ = example_messages(4000)
    rows = TrainingRows.of(examples.matrix, examples.label)
    spread = ChanceSpread.of(rows, fit_logistic(rows, 0).sums(rows.levels), examples.contact, 0)
    levels = rows.levels[:, :1].repeat(3, axis=1)
    levels[0, 1] = rows.encoder.features[0].size + 1
    levels[:, 2] = [own.size + 1 for own in rows.encoder.features]
    seen, campaign, everything = spread.variance(levels)
    assert seen < 0.5 * campaign < everything <= 0.1 * 4 + 0.01


def test_messages_of_one_contact_are_one_witness():
    """Ten copies of each message, of the same contact, leave chances as unsure as one does."""
    examples, _ = example_messages(2000)
    rows = TrainingRows.of(examples.matrix, examples.label)
    log_odds, contact = fit_logistic(rows, 0).sums(rows.levels), np.arange(2000)
    once = ChanceSpread.of(rows, log_odds, contact, 0)
    ten = ChanceSpread.of(rows.drawn(np.tile(contact, 10)), np.tile(log_odds, 10), np.tile(contact, 10), 0)
    assert ten.variance(rows.levels).mean() == pytest.approx(once.variance(rows.levels).mean(), rel=0.05)


def test_tables_are_the_trees(monkeypatch):
    """Boosting is kept as tables, which give what scikit-learn's trees give, for any levels that messages had."""
    examples, _ = example_messages(3000)
    rows = TrainingRows.of(examples.matrix, examples.label)
    trees, tables_of = [], LevelTables.of
    monkeypatch.setattr(LevelTables, "of", lambda own, *rest: trees.append(own) or tables_of(own, *rest))
    tables = fit_boosting(rows, 0)
    rng = np.random.default_rng(2)
    levels = np.stack([rng.choice(np.unique(own), 2000) for own in rows.levels])
    assert tables.pairs
    for own in (rows.levels, levels):
        assert np.allclose(tables.sums(own), trees[0](own), atol=1e-9)


def test_boosting_takes_what_no_message_had_for_the_average():
    """Trees send a class that they never saw the way of the more frequent one; it is like none of them."""
    examples, _ = example_messages(3000)
    rows = TrainingRows.of(examples.matrix, examples.label)
    tables, campaign = fit_boosting(rows, 0), rows.levels[0]
    never = rows.encoder.features[0].size + 1
    assert not (campaign == never).any()
    as_new, like = rows.levels[:, :1].copy(), np.repeat(rows.levels[:, :1], rows.levels.shape[1], axis=1)
    as_new[0], like[0] = never, campaign
    assert tables.sums(as_new) == pytest.approx(tables.sums(like).mean())


def test_a_campaign_is_never_surer_than_its_own_messages():
    """A new campaign has at least the spread that campaigns' rates have among each other."""
    examples, _ = example_messages(6000)
    model = fit_response("sale", examples)
    values = examples.matrix.values[:200].copy()
    values[:, 0] = np.nan
    new = FeatureMatrix(examples.matrix.features, values)
    chance, spread = model.chances(new)
    floor = np.sqrt(model.rates.own_variance(new)) * model.calibration.slope
    assert (spread / (chance * (1 - chance)) >= 0.999 * floor).all()
