"""Sizes of arms beside their planned shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from journeykit.errors import ModelError
from journeykit.measuring import SampleRatio, compare_arms


@given(st.lists(st.tuples(st.integers(50, 5_000), st.floats(0.1, 1)), min_size=2, max_size=6))
def test_the_test_is_pearson_s(arms):
    """Statistic and probability are scipy's."""
    counts, shares = zip(*arms, strict=True)
    found = SampleRatio.of([str(number) for number in range(len(arms))], counts, shares)
    wanted = stats.chisquare(counts, [sum(counts) * share / sum(shares) for share in shares])
    assert found.statistic == pytest.approx(wanted.statistic)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-300)
    assert found.is_mismatch == (wanted.pvalue < 0.001)


def test_a_mismatch_is_named_first():
    """Arms that should be equal and are far from it: the first note, with the counts."""
    found = compare_arms(["old", "new"], [0] * 600 + [1] * 400, [0, 1] * 500, shares=[0.5, 0.5])
    assert found.notes()[0].startswith(
        "sample-ratio mismatch (p below 0.000001): old has 600, expected 500; new has 400"
    )
    assert "Find out why" in found.notes()[0]
    assert found.to_dict()["sample_ratio"]["mismatch"] is True


def test_shares_need_not_fill_the_whole():
    """Two arms of a tenth each, beside contacts of no arm, should be equal."""
    found = compare_arms(["old", "new"], [0] * 510 + [1] * 490 + [-1] * 9_000, [0] * 10_000, shares=[0.1, 0.1])
    assert found.ratio.expected == (500, 500)
    assert not found.ratio.is_mismatch
    assert found.ratio.note() is None


def test_few_contacts_say_nothing():
    """Where an arm should have fewer than five, there is no test."""
    found = SampleRatio.of(["old", "new"], [0, 8], [0.5, 0.5])
    assert (found.p, found.is_mismatch) == (None, False)


def test_an_arm_without_a_share_has_no_contact():
    """A share of 0 is fine where no contact is; one contact is a mismatch."""
    assert SampleRatio.of(["old", "new", "none"], [50, 50, 0], [0.5, 0.5, 0]).p == 1
    found = SampleRatio.of(["old", "new", "none"], [50, 50, 1], [0.5, 0.5, 0])
    assert found.is_mismatch
    assert found.to_dict()["chi_squared"] is None


def test_bad_shares_are_refused():
    """A share below 0, shares of nothing, one share for two arms."""
    with pytest.raises(ModelError, match="share of an arm must be 0 or more, found -1"):
        SampleRatio.of(["old", "new"], [5, 5], [1, -1])
    with pytest.raises(ModelError, match="shares of all arms are 0"):
        SampleRatio.of(["old", "new"], [5, 5], [0, 0])
    with pytest.raises(ModelError, match="2 arms, 2 counts and 1 shares"):
        SampleRatio.of(["old", "new"], [5, 5], [1])
