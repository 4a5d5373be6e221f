"""Differences between arms: their intervals, what they are worth, and what other programs say of the same outcomes."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from journeykit.errors import ModelError
from journeykit.journey import Share
from journeykit.measuring import ArmOutcomes, Difference, compare_arms
from journeykit.measuring.arm_outcomes import arm_outcomes
from journeykit.measuring.differences import wilson
from journeykit.measuring.tails import chi_squared_tail, student_reach

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])
COUNTS = st.integers(1, 500).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


def test_a_difference_of_two_small_arms():
    """Two of four respond in one arm, one of four in the other: a quarter, and hardly known."""
    found = compare_arms(["old", "new"], [0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 0, 0, 1, 1, 0, 0]).difference("new")
    assert found.difference == 0.25
    assert found.worth == 1
    low, high = found.fixed
    assert low < 0 < high
    assert found.always is None


@given(COUNTS, COUNTS, LEVELS)
def test_rates_have_newcombe_s_interval(one, other, level):
    """Differences of rates have the interval that statsmodels calls `newcomb`."""
    found = Difference.between(
        ArmOutcomes.counted("new", one[1], one[0]), ArmOutcomes.counted("old", other[1], other[0]), level=level
    )
    wanted = confint_proportions_2indep(*one, *other, method="newcomb", compare="diff", alpha=1 - level)
    assert found.fixed == pytest.approx(wanted, abs=1e-12)
    assert -1 <= found.fixed[0] <= found.difference <= found.fixed[1] <= 1


@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=30),
    st.lists(st.floats(-100, 100), min_size=2, max_size=30),
    LEVELS,
)
def test_means_have_welch_s_interval(one, other, level):
    """Differences of means have Welch's interval, with degrees of freedom that are no whole number."""
    one, other = [*one, -3.0, 5.0], [*other, 0.5, 9.0]
    found = Difference.between(ArmOutcomes.of("new", one), ArmOutcomes.of("old", other), level=level)
    wanted = CompareMeans(DescrStatsW(one), DescrStatsW(other)).tconfint_diff(alpha=1 - level, usevar="unequal")
    assert found.fixed == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    assert found.arm.error == pytest.approx(stats.sem(one))


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_tails_are_those_of_scipy(level):
    """Student's quantiles for any degrees of freedom, and the tail of chi-squared."""
    for degrees in (1, 1.3, 2, 2.5, 10.2, 400.1, 1_000.5, 1e6):
        assert student_reach(level, degrees) == pytest.approx(stats.t.ppf(0.5 + level / 2, degrees), rel=1e-5)
    for degrees in range(1, 9):
        for value in (0, 0.1, 1, 7.5, 60, 3_000):
            assert chi_squared_tail(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), rel=1e-9)


@given(COUNTS)
def test_wilson_s_interval_is_that_of_a_share(count):
    """Wilson's interval at a number of standard errors is that of `Share` at its level."""
    share = Share.of(*count, 0.95)
    reach = stats.norm.ppf(0.975)
    assert wilson(count[0] / count[1], count[1], reach) == pytest.approx((share.low, share.high), abs=1e-12)


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 3)), min_size=3, max_size=40))
def test_arrays_and_sums_give_the_same(rows):
    """Arms from arrays of contacts are those from each arm's own outcomes and from their sums."""
    arm, outcome = np.array(rows).T
    for number, found in enumerate(arm_outcomes(["a", "b", "c"], arm, outcome)):
        own = outcome[arm == number]
        counted = ArmOutcomes.counted(found.name, len(own), np.count_nonzero(own), own.sum(), np.square(own).sum())
        for field in ("contacts", "units", "responding", "total", "is_rate", "size"):
            assert getattr(found, field) == getattr(counted, field)
        assert found.mean == pytest.approx(counted.mean)
        assert found.error == pytest.approx(counted.error, abs=1e-12)


def test_accounts_are_the_units_where_they_were_dealt_out():
    """Contacts of an account who do the same are one piece of evidence, not five."""
    generator = np.random.default_rng(4)
    account = np.repeat(np.arange(200), 5)
    arm, visits = (account % 2), np.repeat(generator.random(200) < 0.4, 5).astype(float)
    together = compare_arms(["old", "new"], arm, visits, accounts=account).difference("new")
    apart = compare_arms(["old", "new"], arm, visits).difference("new")
    one_each = compare_arms(["old", "new"], arm[::5], visits[::5]).difference("new")
    assert together.difference == apart.difference == one_each.difference
    assert together.arm.units == 100
    assert together.arm.contacts == 500
    assert together.arm.error == pytest.approx(one_each.arm.error)
    width = [own.fixed[1] - own.fixed[0] for own in (together, one_each, apart)]
    assert width[0] == pytest.approx(width[1], rel=0.01)
    assert width[0] > 2 * width[2]


def test_stretches_of_other_shares_are_compared_each_for_itself():
    """Where shares change while rates do too, the mixed contacts would show a difference that no stretch has."""
    # Early contacts respond at 40 % and 90 % of them are old; late ones at 10 %, and 90 % of them are new.
    arm = np.concatenate([np.repeat([0, 1], [900, 100]), np.repeat([0, 1], [100, 900])])
    responds = [np.arange(size) < share * size for size, share in ((900, 0.4), (100, 0.4), (100, 0.1), (900, 0.1))]
    outcome = np.concatenate(responds).astype(float)
    stretch = np.repeat([0, 1], 1_000)
    mixed = compare_arms(["old", "new"], arm, outcome).difference("new")
    apart = compare_arms(["old", "new"], arm, outcome, stretch=stretch).difference("new")
    assert mixed.fixed[1] < 0
    assert apart.difference == pytest.approx(0, abs=1e-12)
    assert apart.fixed[0] < -0.05
    assert apart.fixed[1] > 0.05
    error = [
        math.hypot(*(0.5 * math.sqrt(p * (1 - p) / n) for p, n in arm))
        for arm in ([(0.4, 900), (0.1, 100)], [(0.4, 100), (0.1, 900)])
    ]
    assert apart.against.error == pytest.approx(error[0], rel=0.01)
    assert apart.arm.error == pytest.approx(error[1], rel=0.01)


def test_a_stretch_without_an_arm_compares_nothing():
    """Contacts who came when an arm had nobody are left out, and counted."""
    found = compare_arms(["old", "new"], [0, 0, 0, 1, 0, 1, -1], [1, 1, 0, 1, 0, 0, 1], stretch=[0, 0, 1, 1, 1, 1, 0])
    assert found.left_out == 2
    assert [own.contacts for own in found.arms] == [2, 2]
    assert "2 contacts left out" in "; ".join(found.notes())


def test_what_is_not_known_has_no_interval():
    """No contact, one contact, and outcomes that are all alike say nothing of their error."""
    nobody, one, some = (ArmOutcomes.of("a", own) for own in ([], [2.5], [1.0, 2.5, 4.0]))
    assert Difference.between(some, nobody, progress=1).to_dict()["difference"] is None
    assert Difference.between(some, one, progress=1).fixed is None
    assert Difference.between(some, ArmOutcomes.of("a", [3.0, 3.0])).fixed is None
    low, high = Difference.between(ArmOutcomes.counted("a", 10, 0), ArmOutcomes.counted("b", 10, 0)).fixed
    assert low == -high < -0.2


@pytest.mark.parametrize(
    ("arm", "outcome", "words"),
    [
        ([0, 2], [1, 0], "an arm must be from -1 to 1, found 0 to 2"),
        ([0, 1], [1, math.nan], "1 outcomes are no finite numbers"),
        ([0, 1, 1], [1, 0], "lists of one length"),
    ],
)
def test_bad_arrays_are_refused(arm, outcome, words):
    """What cannot be is said, with what was found."""
    with pytest.raises(ModelError, match=words):
        compare_arms(["old", "new"], arm, outcome)


def test_an_unknown_arm_is_refused():
    """With what was probably meant."""
    with pytest.raises(ModelError, match="no arm 'holdot'; did you mean 'holdout'"):
        compare_arms(["holdout", "messaged"], [0, 1], [0, 1], against="holdot")


def hillstrom():
    """By arm, the sums of the published test: see the note beside the file."""
    arms = {}
    path = Path(__file__).parents[1] / "data" / "hillstrom" / "cells.csv"
    for row in csv.DictReader(line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")):
        own = arms.setdefault(row["arm"], {"contacts": 0, "visits": 0, "conversions": 0, "spend": 0.0})
        for name in own:
            own[name] += type(own[name])(row[name])
    return arms


def test_hillstrom_s_three_arms():
    """64,000 customers, two e-mails and none: the published shares of visits, with the intervals of statsmodels."""
    arms = hillstrom()
    found = {name: ArmOutcomes.counted(name, own["contacts"], own["visits"]) for name, own in arms.items()}
    assert {name: round(own.mean, 6) for name, own in found.items()} == {
        "mens": 0.182757,
        "womens": 0.151400,
        "none": 0.106167,
    }
    assert {name: round(own["spend"] / own["contacts"], 6) for name, own in arms.items()} == {
        "mens": 1.422617,
        "womens": 1.077202,
        "none": 0.652789,
    }
    for name in ("mens", "womens"):
        pair = [arms[name], arms["none"]]
        for of in ("visits", "conversions"):
            counts = [(own[of], own["contacts"]) for own in pair]
            own = Difference.between(*(ArmOutcomes.counted(of, n, k) for k, n in counts), progress=1)
            wanted = confint_proportions_2indep(*counts[0], *counts[1], method="newcomb", compare="diff")
            assert own.fixed == pytest.approx(wanted, abs=1e-12)
            assert own.is_found
            assert own.always[0] < own.fixed[0] < own.difference < own.fixed[1] < own.always[1]


def test_hillstrom_s_spend():
    """What they spent, from sums of the published rows: the intervals of Welch that statsmodels finds in those rows."""
    sums = {
        "none": (21_306, 122, 13_908.33, 2_870_050.3621),
        "mens": (21_307, 267, 30_311.69, 6_759_024.4973),
        "womens": (21_387, 189, 23_038.11, 4_911_446.5763),
    }
    assert {name: round(own["spend"], 2) for name, own in hillstrom().items()} == {
        name: total for name, (_, _, total, _) in sums.items()
    }
    found = {name: ArmOutcomes.counted(name, *own) for name, own in sums.items()}
    for name, wanted in (("mens", (0.48513973, 1.05451458)), ("womens", (0.16895679, 0.67986764))):
        own = Difference.between(found[name], found["none"], progress=1)
        assert own.fixed == pytest.approx(wanted, abs=1e-8)
        assert own.is_found
