"""Net promoter scores and their intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from journeykit.measuring.promoter_score import PromoterScore

COUNT = st.integers(0, 40)


def test_a_score_is_promoters_less_detractors() -> None:
    """9 and 10 promote, 0 to 6 detract, 7 and 8 are in between; 8.5 is an 8."""
    found = PromoterScore.of([10, 9, 8.5, 7, 6, 0, 9, 9])
    assert (found.promoters, found.passives, found.detractors, found.score) == (4, 2, 2, 25.0)


@given(COUNT, COUNT, COUNT, st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_the_interval_holds_the_score_and_stays_in_its_bounds(up, middle, down, level) -> None:
    """Whatever the answers, the interval is within -100 to 100 and has the score in it."""
    found = PromoterScore.counted(up, middle, down, level)
    if not found.answers:
        assert (found.score, found.low, found.high) == (None, None, None)
    else:
        assert -100 <= found.low <= found.score <= found.high <= 100
        assert found.low < found.high


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_the_interval_is_that_of_a_mean_with_three_answers_more(up, middle, down) -> None:
    """It is the normal interval of the weighted mean of 1, 0 and -1, as statsmodels gives it."""
    weights = [up + 0.75, middle + 1.5, down + 0.75]
    found = PromoterScore.counted(up, middle, down)
    mean = DescrStatsW([1, 0, -1], weights=weights)
    # statsmodels divides by one less than there are answers.
    number = sum(weights)
    half = (mean.zconfint_mean()[1] - mean.mean) * ((number - 1) / number) ** 0.5
    low, high = max(-1, mean.mean - half), min(1, mean.mean + half)
    assert (found.low, found.high) == pytest.approx((100 * low, 100 * high), rel=1e-9)


def test_intervals_of_small_samples_hold_the_truth() -> None:
    """With ten answers the interval holds the truth in about 95 % of samples; Wald's without added answers does not."""
    chances = {"up": 0.75, "middle": 0.2, "down": 0.05}
    from math import comb, sqrt

    held = plain = 0.0
    for up in range(11):
        for down in range(11 - up):
            middle = 10 - up - down
            chance = comb(10, up) * comb(10 - up, down)
            chance *= chances["up"] ** up * chances["down"] ** down * chances["middle"] ** middle
            found = PromoterScore.counted(up, middle, down)
            held += chance * (found.low <= 70 <= found.high)
            score = found.score / 100
            half = 1.96 * sqrt(max((up + down) / 10 - score**2, 0) / 10)
            plain += chance * (score - half <= 0.7 <= score + half)
    assert held > 0.93
    assert plain < 0.9
