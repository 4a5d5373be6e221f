"""Attribution: removal effects, against a chain without the touchpoint, in fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_chain import exactly

from journeykit import ModelError
from journeykit.journey import attribute, removal_effects

THREE = [(["C1", "C2", "C3"], True), (["C1"], False), (["C2", "C3"], False)]
PATHS = st.lists(
    st.tuples(st.lists(st.sampled_from("ABCD"), max_size=5), st.booleans(), st.integers(0, 5)), min_size=1, max_size=8
)


def without(paths, gone: str | None) -> Fraction:
    """The probability of a conversion if a contact who comes to a touchpoint is lost there, in fractions."""
    steps: dict[str, dict[str, int]] = {}
    for points, converted, count in paths:
        way = ["start", *points, "conversion" if converted else "null"]
        for one, two in pairwise(way):
            steps.setdefault(one, {}).setdefault(two, 0)
            steps[one][two] += count
    states = [state for state in steps if state != gone and sum(steps[state].values())]
    rows, right = [], []
    for state in states:
        total = sum(steps[state].values())
        rows.append([(state == to) - Fraction(steps[state].get(to, 0), total) for to in states])
        right.append(Fraction(steps[state].get("conversion", 0), total))
    return dict(zip(states, exactly(rows, right), strict=True))["start"]


def test_the_known_case() -> None:
    """Three paths: removal effects 0.5, 1, 1, and shares of 20, 40 and 40 %."""
    assert removal_effects(THREE) == pytest.approx({"C1": 0.5, "C2": 1, "C3": 1}, rel=1e-15)
    found = attribute(THREE)
    assert found.shares == pytest.approx({"C1": 0.2, "C2": 0.4, "C3": 0.4}, rel=1e-15)
    assert found.conversion == pytest.approx(1 / 3)


@given(PATHS)
@settings(max_examples=150, deadline=None)
def test_a_removal_effect_is_what_would_be_lost(paths) -> None:
    """Each effect is that of solving the chain anew without the touchpoint."""
    assume(any(converted and count for _, converted, count in paths))
    found = attribute(paths)
    whole = without(paths, None)
    assert found.conversion == pytest.approx(float(whole), rel=1e-12)
    for name, effect in found.removal.items():
        assert effect == pytest.approx(float(1 - without(paths, name) / whole), rel=1e-12, abs=1e-15)
        assert 0 <= effect <= 1 + 1e-12


@given(PATHS)
@settings(max_examples=60, deadline=None)
def test_everything_is_shared_out(paths) -> None:
    """Shares sum to one, all conversions with touchpoints are shared, and counts are as good as repeats."""
    assume(any(converted and count and points for points, converted, count in paths))
    found = attribute(paths)
    assert sum(found.shares.values()) == pytest.approx(1)
    wanted = sum(count for points, converted, count in paths if converted and points)
    assert sum(found.conversions.values()) == pytest.approx(wanted)
    repeated = attribute([(points, converted) for points, converted, count in paths for _ in range(count)])
    assert repeated.removal == pytest.approx(found.removal)


def test_values_are_shared_like_conversions() -> None:
    """What the conversions are worth is shared out; what a path without a conversion says it is worth is not."""
    found = attribute([(["A"], True, 3, 100), (["B", "B"], True, 1, 20), (["B"], False, 5, 1000)])
    assert found.values == pytest.approx({"A": 240, "B": 80})
    assert found.conversions == pytest.approx({"A": 3, "B": 1})


def test_conversions_without_touchpoints_are_nobodys() -> None:
    """A conversion that nothing led to makes every effect smaller, and is not shared out."""
    found = attribute([(["A"], True), ([], True, 3)])
    assert (found.removal, found.shares, found.conversions) == ({"A": 0.25}, {"A": 1.0}, {"A": 1.0})
    assert (found.direct, found.conversion) == (3, 1)
    assert attribute([([], True)]).shares == {}


def test_without_conversions_there_is_nothing_to_attribute() -> None:
    """No conversion at all is an error, and so is no path."""
    for paths in ([], [(["A"], False)], [(["A"], True, 0)]):
        with pytest.raises(ModelError, match="no path converts"):
            attribute(paths)


def test_bad_paths_are_told_at_once() -> None:
    """Every fault names its path; a text is no list of touchpoints."""
    with pytest.raises(ModelError) as caught:
        attribute([(["A"], True), ("A > B", True), (["A", ""], "yes", -1, float("nan")), ["A"]])  # type: ignore[list-item]
    said = str(caught.value)
    for part in (
        "6 faults in the paths",
        "path 1: touchpoints must be a list of texts, found 'A > B'",
        "path 2: touchpoints must be",
        "path 2: converted must be true or false, found 'yes'",
        "path 2: count must be a number from 0 to 1e+09, found -1",
        "path 2: value must be a number up to 1e+09, found nan",
        "path 3: it must be touchpoints, converted",
    ):
        assert part in said
    with pytest.raises(ModelError, match=r"30 faults[\s\S]*and 10 more"):
        attribute([("x", True)] * 30)  # type: ignore[list-item]
