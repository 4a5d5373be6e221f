"""Rates per message with intervals: Wilson's, the bootstrap by contact, and few contacts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from journeykit.measuring.ratio_interval import Draws, Ratio, cells_of

LEVELS = st.sampled_from([0.8, 0.95, 0.99])


def test_where_each_contact_counts_once_the_interval_is_wilsons():
    """Fifteen of 148 contacts with a message each."""
    part = np.zeros(148, np.int64)
    part[:15] = 1
    found = Ratio.of(np.ones(148, np.int64), part, Draws(), "")
    assert (found.method, round(found.low, 4), round(found.high, 4)) == ("wilson", 0.0624, 0.1605)


@given(st.integers(1, 400), st.floats(0, 1), LEVELS)
def test_it_is_statsmodels_interval(whole, share, level):
    """The same ends, of none and of all too."""
    count = round(share * whole)
    part = np.arange(whole) < count
    found = Ratio.of(np.ones(whole, np.int64), part.astype(np.int64), Draws(level=level), "")
    assert (found.low, found.high) == pytest.approx(
        proportion_confint(count, whole, 1 - level, method="wilson"), abs=1e-12
    )


def test_contacts_with_several_messages_are_drawn_as_a_whole():
    """Where a contact answers all or nothing, ten messages of each tell no more than one."""
    once = np.arange(400) % 4 == 0
    found = Ratio.of(np.full(400, 10), 10 * once.astype(np.int64), Draws(), "")
    plain = Ratio.of(np.ones(400, np.int64), once.astype(np.int64), Draws(), "")
    assert found.method == "bootstrap"
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.01)


def test_the_cells_give_what_drawing_contacts_gives():
    """Two thousand samples of contacts with replacement, drawn one contact at a time, have the same quantiles."""
    generator = np.random.default_rng(5)
    whole = generator.integers(1, 8, 300)
    part = generator.binomial(whole, generator.beta(1, 4, 300))
    drawn = generator.integers(0, 300, (2_000, 300))
    rates = part[drawn].sum(1) / whole[drawn].sum(1)
    found = Ratio.of(whole, part, Draws(number=2_000), "")
    assert (found.low, found.high) == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=0.004)
    value = part * generator.lognormal(1, 1, 300)
    rates = value[drawn].sum(1) / whole[drawn].sum(1)
    found = Ratio.of(whole, value, Draws(number=2_000), "", is_count=False)
    assert (found.low, found.high) == pytest.approx(np.quantile(rates, [0.025, 0.975]), rel=0.03)


def test_the_limit_of_the_bootstrap_is_near_it():
    """Values of so many contacts that the bootstrap is no longer drawn have an interval that continues it."""
    generator = np.random.default_rng(6)
    whole, value = generator.integers(1, 4, 1_900), generator.gamma(2, 3, 1_900)
    drawn = Ratio.of(whole, value, Draws(number=4_000), "", is_count=False)
    twice = Ratio.of(np.tile(whole, 2), np.concatenate([value, value + 1e-9]), Draws(), "", is_count=False)
    assert (drawn.method, twice.method) == ("bootstrap", "linear")
    width = (drawn.high - drawn.low) / (twice.high - twice.low)
    assert width == pytest.approx(np.sqrt(2), rel=0.05)


def test_the_seed_and_the_name_alone_choose_the_draws():
    """The same interval comes again; another name or seed draws another."""
    generator = np.random.default_rng(7)
    whole = generator.integers(1, 8, 500)
    part = generator.binomial(whole, 0.2)
    first = Ratio.of(whole, part, Draws(seed=3), "sale")
    assert Ratio.of(whole, part, Draws(seed=3), "sale") == first
    assert Ratio.of(whole, part, Draws(seed=4), "sale") != first
    assert Ratio.of(whole, part, Draws(seed=3), "click") != first


def test_none_of_few_contacts_is_not_nothing():
    """No response of three contacts with a hundred messages each: three contacts say little, and that is said."""
    found = Ratio.of(np.full(3, 100), np.zeros(3, np.int64), Draws(), "")
    assert (found.rate, found.low, found.is_small) == (0, 0, True)
    assert found.high == pytest.approx(Ratio.of(np.ones(3, np.int64), np.zeros(3, np.int64), Draws(), "").high)


def test_contacts_with_the_same_share_are_not_certain():
    """One of two messages of each contact: all samples are alike, and thirty contacts are still thirty."""
    found = Ratio.of(np.full(30, 2), np.ones(30, np.int64), Draws(), "")
    plain = Ratio.of(np.ones(30, np.int64), np.arange(30) % 2, Draws(), "")
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_nothing_has_no_rate():
    """No message, no rate, no interval."""
    found = Ratio.of(np.zeros(0, np.int64), np.zeros(0, np.int64), Draws(), "")
    assert (found.rate, found.low, found.high, found.method, found.is_small) == (None, None, None, "", True)


def test_what_is_never_negative_has_no_interval_below_zero():
    """One sale of many contacts; where money comes back, the interval may go below."""
    value = np.zeros(3_000)
    value[0] = 1_000.0
    whole = np.ones(3_000, np.int64)
    assert Ratio.of(whole, value, Draws(), "", is_count=False).low == 0
    back = np.random.default_rng(8).normal(0, 1, 3_000)
    assert Ratio.of(whole, back, Draws(), "", is_count=False).low < 0
    assert Ratio.of(whole, np.zeros(3_000), Draws(), "", is_count=False).low is None


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Of 300 samples of contacts who are unlike each other, about 95 in 100 hold the rate that they come from."""
    generator = np.random.default_rng(9)
    for contacts, rate in ((60, 0.02), (300, 0.1)):
        held = 0
        for seed in range(300):
            whole = generator.poisson(3, contacts) + 1
            part = generator.binomial(whole, generator.beta(5 * rate, 5 * (1 - rate), contacts))
            found = Ratio.of(whole, part, Draws(number=200, seed=seed), "")
            held += found.low <= rate <= found.high
        assert 0.91 <= held / 300 <= 0.99


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), min_size=1, max_size=60))
def test_cells_count_contacts(pairs):
    """Each pair of sums with how often it is there, whether counted by place or sorted."""
    whole, part = np.array(pairs, np.int64).T
    for own in (part, part.astype(np.float64)):
        counts, *sums = cells_of(whole, own)
        found = {(int(one), int(two)): int(count) for count, one, two in zip(counts, *sums, strict=True)}
        assert found == {pair: pairs.count(pair) for pair in set(pairs)}
