"""Intervals that hold at every look: how wide they are, and that they hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeykit.errors import ModelError
from journeykit.measuring import ArmOutcomes, Difference, look_multiplier

LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


@given(LEVELS, st.floats(0.01, 20))
def test_it_is_the_mixture_s_boundary_with_rho_put_at_the_horizon(level, progress):
    """The root of (x + 1) / x log((x + 1) / alpha^2), where x is narrowest at the horizon and even in time."""
    alpha = 1 - level
    x = look_multiplier(1, level) ** 2 - 1
    assert x - math.log(x + 1) == pytest.approx(-2 * math.log(alpha))
    scaled = x * progress
    assert look_multiplier(progress, level) == pytest.approx(
        math.sqrt((scaled + 1) / scaled * math.log((scaled + 1) / alpha**2))
    )
    assert look_multiplier(progress, level) >= look_multiplier(1, level)


def test_the_published_form_of_rho_is_near():
    """-2 log(alpha) + log(-2 log(alpha)) + 1, over the time: a little wider at the horizon than the exact place."""
    doubt = -2 * math.log(0.05)
    x = doubt + math.log(doubt) + 1
    published = math.sqrt((x + 1) / x * math.log((x + 1) / 0.05**2))
    assert look_multiplier(1) <= published < 1.001 * look_multiplier(1)


@pytest.mark.parametrize(("progress", "level"), [(0, 0.95), (-1, 0.95), (math.inf, 0.95), ("a", 0.95), (1, 1), (1, 0)])
def test_what_cannot_be_is_refused(progress, level):
    """A horizon that has not begun, and a level that is none."""
    with pytest.raises(ModelError):
        look_multiplier(progress, level)


def looks(share, lift, runs):
    """By run and day, whether the interval for one look and that for every look leave out 0."""
    generator = np.random.default_rng(17)
    for _ in range(runs):
        # Contacts answer with rates of their own, and again and again.
        new = generator.random(2_000) < share
        rates = generator.gamma(0.8, 0.5, 2_000) * np.where(new, lift, 1)
        outcomes = np.cumsum(generator.poisson(rates[:, None] / 60, (2_000, 60)), axis=1).astype(float)
        arms = np.array([~new, new], float)
        sums = [arms @ of for of in (np.minimum(outcomes, 1), outcomes, outcomes**2)]
        found = []
        for day in range(60):
            pair = [
                ArmOutcomes.counted("", int(arms[arm].sum()), int(some[arm, day]), total[arm, day], squares[arm, day])
                for some, total, squares in [sums]
                for arm in (1, 0)
            ]
            own = Difference.between(*pair, progress=(day + 1) / 60)
            if own.always is not None:
                found.append([not low <= 0 <= high for low, high in (own.fixed, own.always)])
        yield np.any(found, axis=0)


def test_daily_looks_find_nothing_where_there_is_nothing():
    """Arms of 10 and 90 % that do the same: daily looks with the usual interval find a difference all the same."""
    one, every = np.mean([*looks(0.1, 1, 80)], axis=0)
    assert one > 0.15
    assert every <= 0.05


def test_daily_looks_find_what_there_is():
    """Half as many answers again in one of two equal arms."""
    _, every = np.mean([*looks(0.5, 1.5, 40)], axis=0)
    assert every > 0.95


def test_an_arm_that_lacks_the_large_amounts_is_not_taken_to_be_sure():
    """Few contacts of small amounts have a small error of their own; every look goes by that of both arms."""
    large = [0.0] * 6_000 + [1.0] * 2_500 + [100.0] * 500
    small = [0.0] * 700 + [1.0] * 300
    found = Difference.between(ArmOutcomes.of("new", small), ArmOutcomes.of("old", large), progress=1)
    assert found.fixed[1] < found.difference + 1
    assert found.difference + 2 < found.always[1]
    low, high = found.always
    assert high - low == pytest.approx(
        2 * look_multiplier(1) * math.sqrt((np.var(large) * 9 + np.var(small)) / 10 * (1 / 9_000 + 1 / 1_000)), rel=1e-3
    )


def test_too_few_responding_contacts_have_no_such_interval():
    """Below 20 in an arm, whatever the other has."""
    many = ArmOutcomes.counted("old", 1_000, 300)
    assert Difference.between(ArmOutcomes.counted("new", 1_000, 19), many, progress=1).always is None
    assert Difference.between(ArmOutcomes.counted("new", 1_000, 20), many, progress=1).always is not None
    assert Difference.between(ArmOutcomes.counted("new", 1_000, 20), many).always is None
