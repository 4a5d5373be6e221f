"""What is drawn: hashes that are written down, shares, and weights that are dealt."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeykit import Exploration, ModelError
from journeykit.model.exploration import (
    PARTS,
    claim_key,
    claim_number,
    dealt,
    drawn_propensity,
    normal_quantiles,
    set_apart,
)

AT = 1_793_872_800_000_000


def test_the_hash_is_as_it_is_documented():
    """Pinned: another number here means that other contacts are drawn, and logs of before mean something else."""
    how = Exploration(share=0.05)
    start = how.start("anna", AT)
    assert start == 0x3C46306F8C7703A8
    assert how.vector_drawn(start) == 37
    key = claim_key("launch", "note", "email", None, None)
    assert key == 0xE3A2D83EC14D3501
    assert [claim_number(start, vector, key) for vector in (0, 1)] == [0xAE5591D0ED05FE60, 0x5A303B62D270F48E]
    assert claim_key("launch", "note", "email", "2026-11-05", "r-1") == 0x26530A018B2A61E4


def test_another_seed_contact_or_instant_draws_anew():
    """Nothing else is needed to draw others."""
    how = Exploration(share=0.5)
    starts = {how.start("anna", AT), how.start("ben", AT), how.start("anna", AT + 1)}
    starts |= {Exploration(share=0.5, seed="b").start("anna", AT), how.start("anna", -AT)}
    assert len(starts) == 5


def test_about_the_share_is_drawn_and_each_vector_as_often():
    """Within four standard deviations, of 20,000 contacts."""
    how = Exploration(share=0.2, draws=5)
    vectors = Counter(how.vector(how.start(f"c{number}", AT)) for number in range(20_000))
    assert abs(vectors.pop(None) - 16_000) < 4 * (20_000 * 0.2 * 0.8) ** 0.5
    assert sorted(vectors) == [0, 1, 2, 3, 4]
    assert all(abs(count - 800) < 4 * (4_000 * 0.2 * 0.8) ** 0.5 for count in vectors.values())


def test_each_claim_gets_each_weight_equally_often():
    """All six orders of three weights come about as often: chi-square of five degrees of freedom, at 1 in 10,000."""
    start, keys = Exploration(share=1).start("anna", AT), [claim_key(name, None, None, None, None) for name in "abc"]
    orders = Counter(
        tuple(dealt([3, 2, 1], [claim_number(start, vector, key) for key in keys])) for vector in range(6_000)
    )
    assert set(orders) == set(permutations([1, 2, 3]))
    assert sum((count - 1_000) ** 2 / 1_000 for count in orders.values()) < 25.7


@given(st.lists(st.tuples(st.integers(1, 10), st.integers(0, 2**64 - 1)), max_size=8))
def test_dealing_keeps_the_weights_and_follows_the_numbers(claims):
    """The weights are the same ones; the smaller the number, the larger the weight."""
    weights = sorted((weight for weight, _ in claims), reverse=True)
    numbers = [number for _, number in claims]
    found = dealt(weights, numbers)
    assert sorted(found, reverse=True) == weights
    assert [found[place] for place in sorted(range(len(found)), key=numbers.__getitem__)] == weights


@given(st.lists(st.integers(0, 5), max_size=8))
def test_weights_are_set_apart_by_the_least_that_does(weights):
    """No two are equal, the order stays, and none is more than it must be above the next."""
    ordered, found = sorted(weights, reverse=True), set_apart(weights)
    assert found == sorted(set(found), reverse=True)
    assert len(found) == len(ordered)
    assert all(own >= weight for own, weight in zip(found, ordered, strict=True))
    for place, (own, weight) in enumerate(zip(found, ordered, strict=True)):
        assert own == weight or own == found[place + 1] + 1


def test_weights_that_differ_stay_as_they_are():
    """Nothing is added where nothing ties, and ties do not reach those above."""
    assert set_apart([1, 30, 7]) == [30, 7, 1]
    assert set_apart([7, 7, 8, 30]) == [30, 9, 8, 7]


def test_propensities_are_drawn_around_the_score():
    """Normal, with the score's spread, and cut to 0 to 1; without a spread they stay."""
    drawn = [drawn_propensity(0.5, 0.1, part << 52) for part in range(PARTS)]
    assert sum(drawn) / PARTS == pytest.approx(0.5)
    assert sum((own - 0.5) ** 2 for own in drawn) / PARTS == pytest.approx(0.01, rel=1e-3)
    assert drawn == sorted(drawn)
    assert {drawn_propensity(0.5, 0, part << 52) for part in range(PARTS)} == {0.5}
    assert drawn_propensity(0.5, None, 7) == 0.5
    assert (drawn_propensity(0.01, 1, 0), drawn_propensity(0.99, 1, 2**64 - 1)) == (0, 1)


def test_the_quantiles_are_those_of_the_middles_of_equal_parts():
    """4,096 of them, the upper half the lower one mirrored."""
    found, normal = normal_quantiles(), NormalDist()
    assert len(found) == PARTS
    assert [found[0], found[2047]] == [normal.inv_cdf(0.5 / 4096), normal.inv_cdf(2047.5 / 4096)]
    assert [-own for own in reversed(found)] == list(found)
    assert normal.cdf(found[4000]) == pytest.approx(4000.5 / 4096)


@given(st.floats(0, 1), st.integers(1, 1_000))
def test_what_is_always_granted_has_a_chance_of_one(share, draws):
    """To the bit; what never is has none."""
    how = Exploration(share=share, draws=draws)
    assert (how.chance(granted=True, times=draws), how.chance(granted=False, times=0)) == (1, 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"share": 1.5}, "share must be a number from 0 to 1, found 1.5"),
        ({"share": -0.1}, "share must be a number from 0 to 1"),
        ({"share": float("nan")}, "share must be"),
        ({"share": 0.1, "method": "greedy"}, "method is one of uniform, thompson, found 'greedy'"),
        ({"share": 0.1, "draws": 0}, "draws must be"),
        ({"share": 0.1, "draws": 1_001}, "draws must be a whole number from 1 to 1000, found 1001"),
        ({"share": 0.1, "draws": 2.5}, "draws must be"),
        ({"share": 0.1, "seed": ""}, "seed must be"),
    ],
)
def test_what_cannot_be_is_refused(fields, message):
    """Shares beyond 0 to 1, unknown methods, too many draws."""
    with pytest.raises(ModelError) as caught:
        Exploration(**fields)
    assert message in str(caught.value)
