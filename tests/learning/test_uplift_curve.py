"""The uplift curve: what messages add when the best rows come first, without bias and with intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeykit.learning.uplift_curve import MeanEffect, RobustOutcomes, UpliftCurve, rows_behind

NUMBERS = st.integers(-3, 3).map(float)


def stepped(effect, guess):
    """The area under the curve, by walking from the best rows to the worst, ties in one straight step."""
    area, height = 0.0, 0.0
    for value in sorted(set(guess), reverse=True):
        own = [one for one, other in zip(effect, guess, strict=True) if other == value]
        step = sum(own) / len(effect)
        area += (height + step / 2) * len(own) / len(effect)
        height += step
    return area, height


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30))
def test_the_area_is_that_of_a_walk(rows):
    """The area is a mean over rows, the same as a walk along the curve finds; the curve ends at the whole effect."""
    effect, guess = (np.array(own) for own in zip(*rows, strict=True))
    area, height = stepped(effect.tolist(), guess.tolist())
    curve = UpliftCurve.of(effect, guess, np.arange(len(rows)))
    assert curve.area.mean == pytest.approx(area)
    assert curve.gain[0] == 0
    assert curve.gain[-1] == pytest.approx(height)
    assert curve.qini.mean == pytest.approx(area - height / 2)


@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_a_prediction_that_tells_no_rows_apart_is_chance(effect):
    """Where all predictions are equal the curve is the straight line, and there is nothing above it."""
    curve = UpliftCurve.of(np.array(effect), np.zeros(len(effect)), np.arange(len(effect)))
    assert curve.qini.mean == pytest.approx(0)
    assert np.diff(curve.gain) == pytest.approx(np.full(20, np.mean(effect) / 20))


def test_rows_behind_are_shares():
    """The best of four rows has three and a half behind it, counting half of itself."""
    assert rows_behind(np.array([3.0, 1.0, 2.0, 4.0])).tolist() == [0.625, 0.125, 0.375, 0.875]


def test_effects_of_a_coin_are_differences_of_means():
    """Where the sides' own rates are expected, the mean effect is the difference of the rates, whatever the chance."""
    treated = np.arange(100) < 80
    label = np.arange(100) % 4 == 0
    label[90:] = True
    rates = {side: label[treated == side].mean() for side in (True, False)}
    found = RobustOutcomes.of(
        label, treated, np.full(100, 0.8), messaged=np.full(100, rates[True]), held=np.full(100, rates[False])
    )
    assert found.effect.mean() == pytest.approx(rates[True] - rates[False])
    everyone = np.ones(100, np.bool_)
    assert found.value(everyone).mean() == pytest.approx(rates[True])
    assert found.value(~everyone).mean() == pytest.approx(rates[False])


def test_wrong_expectations_do_no_harm():
    """Whatever is expected, the mean of the effects over many draws is the true one, as the chances are known."""
    random = np.random.default_rng(5)
    rows = 200_000
    kind = random.random(rows) < 0.3
    treated = random.random(rows) < 0.9
    label = random.random(rows) < 0.1 + np.where(kind, 0.2, -0.05) * treated
    found = RobustOutcomes.of(
        label, treated, np.full(rows, 0.9), messaged=random.random(rows), held=np.where(kind, 0.9, 0.1)
    )
    mean = MeanEffect.of(found.effect, np.arange(rows))
    assert mean.low < 0.3 * 0.2 - 0.7 * 0.05 < mean.high
    assert mean.high - mean.low < 0.02


def test_rows_of_a_contact_are_one_observation():
    """Rows that say the same again make the interval no narrower."""
    effect = np.random.default_rng(1).normal(size=200)
    once = MeanEffect.of(effect, np.arange(200))
    twice = MeanEffect.of(np.repeat(effect, 2), np.repeat(np.arange(200), 2))
    assert twice.mean == pytest.approx(once.mean)
    assert twice.error == pytest.approx(once.error)
    assert (twice.rows, twice.units) == (400, 200)


def test_intervals_cover_the_mean():
    """Of 400 intervals from ten contacts each, 95 % hold the mean, as Student's distribution has it."""
    random = np.random.default_rng(9)
    held = 0
    for _ in range(400):
        found = MeanEffect.of(random.normal(0.3, 1.0, 10), np.arange(10))
        held += found.low < 0.3 < found.high
    assert 370 <= held <= 390


def test_nothing_has_no_mean():
    """Without rows there is no mean, and with one contact no interval; plain data has null for both."""
    assert MeanEffect.of(np.zeros(0), np.zeros(0, np.int64)).to_dict()["mean"] is None
    one = MeanEffect.of(np.ones(2), np.zeros(2, np.int64))
    assert (one.mean, one.to_dict()["low"]) == (1.0, None)
