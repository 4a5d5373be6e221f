"""The parts of learning, on small arrays: splits, levels, calibration, and anything at all as input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit

from journeykit import ModelError
from journeykit.learning import Examples, Feature, FeatureMatrix, fit_response
from journeykit.learning.chance_calibration import ChanceCalibration
from journeykit.learning.level_encoder import LevelEncoder
from journeykit.learning.model_candidates import EstimatorScorer, estimator_columns
from journeykit.learning.time_split import TimeSplit

FEATURES = (Feature("campaign", "category", ("a", "b", "c")), Feature("touches"), Feature("days"))


def test_messages_are_split_by_time():
    """No message to choose is earlier than one to fit, and messages of one instant are together."""
    at = np.random.default_rng(0).integers(0, 40, 1000)
    split = TimeSplit.of(at, np.arange(1000), seed=0)
    ends = [(at[split.part == part].min(), at[split.part == part].max()) for part in range(3)]
    assert split.by_time
    assert ends[0][1] < ends[1][0] <= ends[1][1] < ends[2][0]
    assert np.bincount(split.part) == pytest.approx([600, 200, 200], abs=40)


def test_contacts_are_split_where_time_does_not():
    """Each contact is in one part, and another seed splits them otherwise."""
    contact = np.arange(1000) % 300
    one, other = (TimeSplit.of(np.zeros(1000, int), contact, seed=seed) for seed in (0, 1))
    assert not one.by_time
    assert (one.part[:300] == one.part[300:600]).all()
    assert (one.part != other.part).any()


def test_chances_that_lie_too_far_apart_are_drawn_together():
    """Log-odds twice as far apart as they should be, and too high, get a slope of a half and the right mean."""
    rng = np.random.default_rng(4)
    truth = rng.normal(-2, 1, 20_000)
    label = rng.random(20_000) < expit(truth)
    found = ChanceCalibration.of(2 * truth + 3, label)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert expit(found.calibrated(2 * truth + 3)).mean() == pytest.approx(label.mean(), abs=1e-9)
    assert np.sqrt(found.variance(np.array([-1.0]))) == pytest.approx(0.025, abs=0.01)
    assert ChanceCalibration.of(truth[:100], label[:100]) is None


def test_chances_that_say_the_opposite_are_leveled():
    """A model that later messages contradict gives all the same chance, and not the opposite of what it learned."""
    rng = np.random.default_rng(5)
    log_odds = rng.normal(-2, 1, 2000)
    label = rng.random(2000) < expit(-2 - (log_odds + 2))
    found = ChanceCalibration.of(log_odds, label)
    assert found.slope == 0
    assert expit(found.calibrated(log_odds)) == pytest.approx(np.full(2000, label.mean()))


def test_log_odds_that_hardly_differ_are_left_alone():
    """What two campaigns of one rate differ by is chance, and no slope: the rate is kept."""
    log_odds = np.where(np.arange(2_000) % 2, -1.5, -1.5 + 1e-5)
    label = np.random.default_rng(3).random(2_000) < np.where(np.arange(2_000) % 2, 0.15, 0.2)
    found = ChanceCalibration.of(log_odds, label)
    assert found.slope == pytest.approx(1, abs=0.01)
    assert expit(found.calibrated(log_odds)) == pytest.approx(label.mean(), abs=1e-4)


def test_levels_of_numbers_part_what_differs():
    """Each of few values has a level of its own; of many, levels have about equally many values."""
    few = LevelEncoder.of(FeatureMatrix((Feature("touches"),), [[0.0], [0.0], [1.0], [7.0], [np.nan], [-np.inf]]))
    asked = FeatureMatrix((Feature("touches"),), [[-5.0], [0.4], [0.6], [3.0], [5.0], [np.nan], [np.inf]])
    assert few.levels(asked).tolist() == [[0, 0, 1, 1, 2, 3, 3]]
    values = np.random.default_rng(1).exponential(size=(10_000, 1))
    many = LevelEncoder.of(FeatureMatrix((Feature("days"),), values))
    counts = np.bincount(many.levels(FeatureMatrix((Feature("days"),), values))[0])
    assert len(counts) == 20
    assert counts == pytest.approx(np.full(20, 500), abs=2)


def test_an_estimator_gets_columns_without_gaps():
    """Two columns for each number, one for each level of a category."""
    values = [[0, 1.0, np.inf]] * 10 + [[1, 3.0, 2.0]] * 10 + [[2, np.nan, 2.0]]
    matrix = FeatureMatrix(FEATURES, values)
    encoder = LevelEncoder.of(matrix)
    found = estimator_columns(encoder, matrix, encoder.levels(matrix), np.array([0.0, 2.0, 5.0]))
    assert found[[0, 10, 20]].tolist() == [
        [1, 0, 0, 0, 1, 0, 5, 1],
        [0, 1, 0, 0, 3, 0, 2, 0],
        [0, 0, 0, 1, 2, 1, 2, 0],
    ]


def test_what_is_no_probability_is_an_error():
    """An estimator that gives what is no probability, or of three classes, does not compete."""

    class Wrong:
        def __init__(self, found):
            self.predict_proba = lambda columns: np.full((len(columns), len(found)), found)

    matrix = FeatureMatrix(FEATURES, [[0, 1.0, 2.0]])
    encoder = LevelEncoder.of(matrix)
    for given_chances, text in (([0.2, np.nan], "no probability"), ([0.2, 0.2, 0.6], "expected .1, 2.")):
        scorer = EstimatorScorer(Wrong(given_chances), encoder, np.zeros(3))
        with pytest.raises(ValueError, match=text):
            scorer.log_odds(matrix, encoder.levels(matrix))


def test_an_estimator_that_fails_when_it_is_asked_is_named():
    """Its model may have been read from a file, on another day, with another library."""

    class Gone:
        def predict_proba(self, columns):
            raise RuntimeError(f"no {len(columns)} rows")

    matrix = FeatureMatrix(FEATURES, [[0, 1.0, 2.0]])
    encoder = LevelEncoder.of(matrix)
    with pytest.raises(ModelError, match="predict_proba of Gone fails: RuntimeError: no 1 rows"):
        EstimatorScorer(Gone(), encoder, np.zeros(3)).log_odds(matrix, encoder.levels(matrix))


@st.composite
def any_messages(draw):
    """Messages with any numbers, missing and infinite ones too."""
    count = draw(st.integers(1, 60))
    numbers = st.floats(width=32) | st.just(np.nan) | st.integers(0, 3).map(float)
    campaign = draw(arrays(float, count, elements=st.sampled_from([0.0, 1.0, 2.0, np.nan])))
    others = draw(arrays(float, (count, 2), elements=numbers))
    return Examples(
        matrix=FeatureMatrix(FEATURES, np.column_stack([campaign, others])),
        label=draw(arrays(bool, count)),
        value=np.full(count, np.nan),
        at=draw(arrays(np.int64, count, elements=st.integers(-(2**53), 2**53))),
        contact=draw(arrays(np.int64, count, elements=st.integers(0, 9))),
        campaign=np.zeros(count, int),
        campaigns=("a",),
    )


@settings(max_examples=40)
@given(any_messages())
def test_any_messages_give_chances(examples):
    """Whatever the messages are, chances are between 0 and 1, spreads are 0 or more, and the card can be read."""
    model = fit_response("sale", examples)
    chance, spread = model.chances(examples.matrix)
    assert ((chance > 0) & (chance < 1) & (spread > 0) & np.isfinite(spread)).all()
    assert f"from {len(examples)} messages" in str(model.card)
    assert model.card.to_dict()["chosen"] == model.card.chosen


@pytest.mark.parametrize("seed", [0, 1])
def test_wild_numbers_break_no_model(seed):
    """Huge, infinite and missing numbers, and a feature that is always missing, are learned from like any others."""
    rng = np.random.default_rng(seed)
    days = rng.standard_cauchy(1500) * 1e300
    days[::5], days[1::7] = np.inf, np.nan
    features = (*FEATURES, Feature("nothing"))
    columns = [rng.integers(0, 3, 1500), rng.poisson(1, 1500), days, np.full(1500, np.nan)]
    examples = Examples(
        matrix=FeatureMatrix(features, np.column_stack(columns)),
        label=rng.random(1500) < expit(-1 + columns[1] - columns[0]),
        value=np.full(1500, np.nan),
        at=np.arange(1500),
        contact=np.arange(1500) // 2,
        campaign=columns[0],
        campaigns=("a", "b", "c"),
    )
    model = fit_response("sale", examples)
    chance, spread = model.chances(examples.matrix)
    assert model.card.chosen != "rates"
    assert [own.note for own in model.card.tried] == ["", "", ""]
    assert ((chance > 0) & (chance < 1) & (spread > 0)).all()
    assert "of no use: nothing" in str(model.card)
