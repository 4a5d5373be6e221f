"""Survival curves, against statsmodels, lifelines and the library's own pure-Python estimate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from journeykit.journey.measure.intervals import remaining
from journeykit.measuring.survival_curve import SurvivalCurve

LENGTHS = [50, 60, 60, 25, 40, 40, 70, 80, 90, 90, 30, 120]
ENDED = [1, 0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 0]
ENTERED = [0, 0, 20, 10, 0, 30, 0, 40, 0, 50, 25, 60]
# KaplanMeierFitter().fit(LENGTHS, ENDED, entry=...) of lifelines 0.30.3: the survival function and its interval.
LIFELINES = {
    "from the start": [
        (25, 0.916667, 0.538977, 0.987826),
        (30, 0.833333, 0.481715, 0.955509),
        (40, 0.666667, 0.337019, 0.859712),
        (50, 0.583333, 0.270139, 0.800940),
        (80, 0.437500, 0.131940, 0.713615),
        (90, 0.291667, 0.050519, 0.601377),
    ],
    "entered late": [
        (25, 0.857143, 0.334054, 0.978561),
        (30, 0.734694, 0.291004, 0.925890),
        (40, 0.524781, 0.178235, 0.785800),
        (50, 0.437318, 0.135979, 0.709740),
        (80, 0.327988, 0.078104, 0.614222),
        (90, 0.218659, 0.033571, 0.506146),
    ],
}


@pytest.mark.parametrize("name", LIFELINES)
def test_curves_are_those_of_lifelines(name) -> None:
    """Shares and intervals are those of lifelines, also where times began before they were observed."""
    curve = SurvivalCurve.of(LENGTHS, ENDED, ENTERED if name == "entered late" else None)
    found = zip(curve.lengths.tolist(), curve.share, curve.low, curve.high, strict=True)
    assert [(own[0], *(round(float(end), 6) for end in own[1:])) for own in found] == LIFELINES[name]


TIMES = st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.integers(0, 11)), min_size=1, max_size=25)


@given(TIMES)
@settings(max_examples=80, deadline=None)
def test_curves_are_those_of_statsmodels_and_of_pure_python(times) -> None:
    """The share after each time at which something ended is the same, and Greenwood's error is behind the interval."""
    lengths, ended = [own[0] for own in times], [own[1] for own in times]
    curve = SurvivalCurve.of(lengths, ended)
    own = remaining(
        [length for length, is_over in zip(lengths, ended, strict=True) if is_over],
        [length for length, is_over in zip(lengths, ended, strict=True) if not is_over],
    )
    assert list(zip(curve.lengths.tolist(), curve.share.tolist(), strict=True)) == [
        (length, pytest.approx(share, abs=1e-12)) for length, share in own
    ]
    if any(ended):
        other = SurvfuncRight(np.array(lengths), np.array(ended, int))
        assert curve.share == pytest.approx(other.surv_prob, abs=1e-12)
        inner = (curve.share > 1e-9) & (curve.share < 1)
        width = np.log(-np.log(curve.low[inner])) - np.log(-np.log(curve.share[inner]))
        error = other.surv_prob_se[inner] / (curve.share[inner] * -np.log(curve.share[inner]))
        assert width == pytest.approx(1.959964 * error, rel=1e-5)


@given(TIMES)
@settings(max_examples=80, deadline=None)
def test_intervals_hold_the_share_and_stay_between_0_and_1(times) -> None:
    """Also where nobody remains, and where times began unseen."""
    curve = SurvivalCurve.of(*([own[place] for own in times] for place in range(3)))
    assert (curve.low >= 0).all()
    assert (curve.high <= 1).all()
    assert (curve.low <= curve.share + 1e-12).all()
    assert (curve.share <= curve.high + 1e-12).all()
    assert (np.diff(curve.share) <= 0).all()
    assert (curve.at_risk >= curve.ended).all()


def test_what_is_asked_of_a_curve() -> None:
    """Before anything ended all remain; the median is where half are gone, if that is seen."""
    curve = SurvivalCurve.of([2, 4, 6, 8], [True, True, False, False])
    assert curve.after(1) == (1.0, 1.0, 1.0)
    assert curve.after(5)[0] == 0.5
    assert curve.median == 4
    assert (curve.fewest(1), curve.fewest(3), curve.fewest(9)) == (4, 4, 3)
    assert SurvivalCurve.of([2, 4], [False, False]).median is None
