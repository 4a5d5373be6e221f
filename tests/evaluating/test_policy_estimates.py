"""What other decisions would have brought: the smallest logs, published ones, and simulated ones."""

import csv
import math
from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit.errors import ModelError
from journeykit.evaluating import estimate_policy

DATA = Path(__file__).parents[1] / "data"


def mean(found, method="self_normalised"):
    """The mean of one estimator."""
    return found.by(method).found.mean


def test_a_message_stands_for_those_that_were_not_sent():
    """Sent with a chance of a quarter, it stands for four; sent with certainty, for itself."""
    found = estimate_policy(sent=[1, 1], chance=[0.25, 1], wanted=[1, 1], outcome=[1, 0])
    assert mean(found) == 4 / 5
    assert found.by("self_normalised").found.total == 2 * 4 / 5
    assert found.size == 25 / 17
    assert found.log.mean == 1 / 2
    assert found.by("self_normalised").difference.mean == pytest.approx(0.3)


def test_the_log_s_own_decisions_are_found_again():
    """Other decisions with the log's own chances bring what the log brought, and differ from it by nothing."""
    generator = np.random.default_rng(1)
    chance = generator.uniform(0.1, 0.9, 500)
    sent = generator.random(500) < chance
    answer = sent & (generator.random(500) < 0.3)
    found = estimate_policy(sent=sent, chance=chance, wanted=chance, outcome=answer, expected=np.full(500, 0.3))
    assert mean(found) == found.log.mean
    assert found.size == sent.sum()
    assert found.by("self_normalised").found.ends == found.log.ends
    assert found.by("self_normalised").difference.ends == pytest.approx((0, 0), abs=0.01)


def test_what_the_log_could_not_send_is_counted():
    """It says nothing of a message that it could not have sent; what is expected of it is all that is known."""
    told = {"sent": [1, 0, 0], "chance": [0.5, 0, math.nan], "wanted": [1, 1, 1], "outcome": [1, 9, 9]}
    found = estimate_policy(**told, expected=[0.4, 0.2, 0.3])
    assert found.unsupported == 2
    assert found.expected == 1
    assert mean(found) == 1
    assert mean(found, "doubly_robust") == pytest.approx((0.4 + 0.2 + 0.3 + 2 * (1 - 0.4)) / 3)


def test_without_a_common_message_nothing_is_known():
    """Other decisions that share no sent message with the log have no estimate, and no interval."""
    found = estimate_policy(sent=[1, 0], chance=[0.5, 0.5], wanted=[0, 1], outcome=[1, 0], expected=[0.5, 0.5])
    assert mean(found) is None
    assert mean(found, "doubly_robust") == 0.5
    assert found.by("doubly_robust").found.ends is None
    never = estimate_policy(sent=[1, 0], chance=[0.5, 0], wanted=[0, 1], outcome=[1, 0], expected=[0.5, 0.5])
    assert mean(never, "doubly_robust") is None
    assert found.size == 0
    own = found.by("self_normalised")
    assert own.found.ends is own.found.total is own.difference.mean is own.difference.ends is None
    assert found.log.mean == 1


def test_no_claim_at_all():
    """Of nothing nothing is known."""
    found = estimate_policy(sent=[], chance=[], wanted=[], outcome=[], expected=[])
    assert mean(found) is mean(found, "doubly_robust") is found.log.mean is None


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_doubly_robust_is_right_in_the_mean_whatever_is_expected(data):
    """Over all that chance may send, the mean of the estimates is the truth; by exact sums over all logs."""
    whole = st.integers(1, 4)
    chances = data.draw(st.lists(whole.map(lambda part: Fraction(part, 4)), min_size=1, max_size=4))
    size = len(chances)
    wanted = data.draw(st.lists(st.sampled_from([0, 1]), min_size=size, max_size=size).filter(any))
    outcome = data.draw(st.lists(st.integers(-3, 5), min_size=size, max_size=size))
    guess = data.draw(st.lists(st.integers(-3, 5), min_size=size, max_size=size))
    total = 0.0
    for sent in product([0, 1], repeat=size):
        likely = math.prod(p if own else 1 - p for p, own in zip(chances, sent, strict=True))
        if not likely:
            continue
        found = estimate_policy(
            sent=sent, chance=[float(p) for p in chances], wanted=wanted, outcome=[10 + own for own in outcome],
            expected=[10 + own for own in guess],
        )  # fmt: skip
        total += float(likely) * found.by("doubly_robust").found.total
    # Rates are cut to what rates can be, and these are none.
    truth = sum(q * (10 + own) for q, own in zip(wanted, outcome, strict=True))
    assert total == pytest.approx(truth)


def test_the_error_of_a_plain_mean_is_the_usual_one():
    """With equal weights and one message each: the variance over the number, and Wilson's interval."""
    generator = np.random.default_rng(2)
    amounts = generator.lognormal(0, 1, 400)
    found = estimate_policy(sent=np.ones(400), chance=np.full(400, 0.2), wanted=np.ones(400), outcome=amounts)
    own = found.by("self_normalised").found
    assert own.mean == pytest.approx(amounts.mean())
    assert own.error == pytest.approx(amounts.std() / 20)
    low, high = own.ends
    assert low < own.mean - 1.9 * own.error < own.mean + 1.9 * own.error < high
    assert high - own.mean > own.mean - low


def test_messages_of_one_contact_tell_less():
    """Five messages of a contact who always does the same are one piece of evidence."""
    generator = np.random.default_rng(3)
    answer = np.repeat(generator.random(200) < 0.3, 5)
    told = {"sent": np.ones(1_000), "chance": np.full(1_000, 0.5), "wanted": np.ones(1_000), "outcome": answer}
    apart = estimate_policy(**told).by("self_normalised").found
    together = estimate_policy(**told, unit=np.repeat(np.arange(200), 5)).by("self_normalised").found
    assert together.mean == apart.mean
    assert together.error == pytest.approx(apart.error * math.sqrt(5))


@pytest.mark.parametrize("answers", [0, 30])
def test_none_or_all_still_have_an_interval(answers):
    """Of 30 messages none or all of which were answered, Wilson's interval: 0 to 11.4 %, or 88.6 to 100 %."""
    outcome = np.arange(30) < answers
    found = estimate_policy(sent=np.ones(30), chance=np.full(30, 0.5), wanted=np.ones(30), outcome=outcome)
    low, high = found.by("self_normalised").found.ends
    assert (low, high) == pytest.approx((0, 0.1135) if not answers else (0.8865, 1), abs=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"chance": [0.5, 1.5]}, "chance is from 0 to 1, found 1.5"),
        ({"wanted": [1, -1]}, "wanted is from 0 to 1, found -1"),
        ({"wanted": [1, math.nan]}, "wanted is from 0 to 1, found nan"),
        ({"chance": [0, 0.5]}, "a claim that was sent had a chance above 0"),
        ({"outcome": [math.inf, 0]}, "outcome must be finite numbers"),
        ({"expected": [0, math.nan]}, "expected must be finite numbers"),
        ({"unit": [0, -1]}, "unit is a number from 0 on, found -1"),
        ({"outcome": [1]}, "lists of one length"),
        ({"kind": "money"}, "kind is one of rate, amount, number, found 'money'"),
        ({"kind": "rate", "outcome": [2, 0]}, "not of kind 'rate'"),
        ({"level": 1}, "level must be a number between 0 and 1"),
    ],
)
def test_bad_arrays_are_refused(change, words):
    """What cannot be is said, with what was found."""
    told = {"sent": [1, 0], "chance": [0.5, 0.5], "wanted": [1, 1], "outcome": [1, 0]}
    with pytest.raises(ModelError, match=words):
        estimate_policy(**{**told, **change})


def hillstrom():
    """By customer: what they had bought, the e-mail that they got, whether they visited, and the mean spend."""
    rows = list(csv.DictReader((DATA / "hillstrom" / "cells.csv").read_text("utf-8").splitlines()))
    sizes = [int(row["contacts"]) for row in rows]
    visits = np.concatenate([np.arange(size) < int(row["visits"]) for size, row in zip(sizes, rows, strict=True)])
    spend = np.repeat([float(row["spend"]) / int(row["contacts"]) for row in rows], sizes)
    bought, arm = (np.repeat([row[name] for row in rows], sizes) for name in ("bought", "arm"))
    return bought, arm, visits.astype(float), spend


def test_hillstrom_s_policies():
    """64,000 customers, a third each at random: the women's e-mail to buyers of women's goods alone, else the men's."""
    bought, arm, visits, spend = hillstrom()
    mixed = np.where(bought == "womens", "womens", "mens")
    wanted = {"mixed": mixed, "mens": "mens", "womens": "womens", "none": "none"}
    told = {"sent": np.ones(len(arm)), "chance": np.full(len(arm), 1 / 3)}
    found = {
        name: [estimate_policy(**told, wanted=arm == own, outcome=outcome) for outcome in (visits, spend)]
        for name, own in wanted.items()
    }
    assert {name: tuple(round(mean(own), 6) for own in both) for name, both in found.items()} == {
        "mixed": (0.184233, 1.428628),
        "mens": (0.182757, 1.422617),
        "womens": (0.151400, 1.077202),
        "none": (0.106167, 0.652789),
    }
    assert round(found["mixed"][0].size) == 21_386
    low, high = found["mixed"][0].by("self_normalised").found.ends
    assert low < 0.182757 < high  # the gain over the men's alone is not found by this test
    assert found["mixed"][0].by("self_normalised").difference.ends[0] > 0


def shown(policy):
    """What a policy showed: the chance of each item shown, and whether it was clicked."""
    path = DATA / "open_bandit" / "shown.csv"
    rows = [row for row in csv.DictReader(path.read_text("utf-8").splitlines()) if row["policy"] == policy]
    sizes = [int(row["shown"]) for row in rows]
    clicks = np.concatenate([np.arange(size) < int(row["clicks"]) for size, row in zip(sizes, rows, strict=True)])
    return np.repeat([float(row["chance"]) for row in rows], sizes), clicks


def test_the_open_bandit_s_policies_give_their_click_rates():
    """By the log of each policy, its own chances give its click rate: 38 and 42 clicks of 10,000 items."""
    for policy, rate in (("random", 0.0038), ("bts", 0.0042)):
        chance, clicks = shown(policy)
        found = estimate_policy(sent=np.ones(len(clicks)), chance=chance, wanted=chance, outcome=clicks)
        assert mean(found) == rate
        assert found.size == 10_000
        low, high = found.by("self_normalised").found.ends
        assert low < rate < high


def test_the_open_bandit_s_thompson_log_evaluates_uniform_chance():
    """By the log of Thompson sampling uniform chance has .0023 clicks an item; the true .0038 is in the interval."""
    chance, clicks = shown("bts")
    uniform = np.full(len(clicks), 1 / 80)
    found = estimate_policy(sent=np.ones(len(clicks)), chance=chance, wanted=uniform, outcome=clicks)
    assert round(mean(found), 6) == 0.002334
    assert round(found.size, 1) == 340.4
    # 10,000 items shown by uniform chance would weigh 10,000 in the mean.
    assert abs(found.weight - 10_000) < 2_000
    low, high = found.by("self_normalised").found.ends
    assert low < 0.0038 < high


def test_intervals_cover_the_truth():
    """Over simulated logs of which the truth is known, the intervals hold it as often as they say."""
    path = Path(__file__).parents[2] / "benchmarks" / "evaluations.py"
    spec = spec_from_file_location("evaluations", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    covered, size = module.cover(200, (500, 2, 0.3, 0.15))
    assert size > 100
    for name, share in covered.items():
        assert share >= 0.92, name
        assert share <= 0.995, name
