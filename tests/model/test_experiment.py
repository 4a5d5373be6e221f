"""Experiments: who is in which arm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeykit import Arm, CapChange, Experiment, ModelError
from journeykit.model.experiment import arm_text
from journeykit.model.holdout import bucket


def halves(**own) -> Experiment:
    return Experiment(name="tone", arms=[Arm(name="calm", share=0.5), Arm(name="bold", share=0.5)], **own)


def test_the_published_hash_says_the_arm():
    """The bucket of seed and id lies in one arm's share; without a seed the experiment's name is the seed."""
    for name in ("anna", "ben", "carla", "dan"):
        assert halves().arm_of(name).name == ("calm" if bucket("tone", name) < 0.5 else "bold")
        assert halves(seed="x").arm_of(name).name == ("calm" if bucket("x", name) < 0.5 else "bold")


def test_shares_are_kept():
    """Of many contacts each arm has its share, and what the shares leave of 1 is in no arm."""
    arms = [Arm(name="a", share=0.1), Arm(name="b", share=0.2), Arm(name="c", share=0.3)]
    trial = Experiment(name="trial", arms=arms)
    places = [trial.place_of(f"contact {number}") for number in range(20_000)]
    found = [places.count(place) / len(places) for place in (0, 1, 2, -1)]
    assert found == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.012)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.text(max_size=5))
def test_shares_that_add_up_to_one_leave_nobody_out(parts, name):
    """However the shares are rounded, everybody is in an arm."""
    shares = [part / sum(parts) for part in parts]
    trial = Experiment(name="trial", arms=[Arm(name=f"{n}", share=share) for n, share in enumerate(shares)])
    assert trial.place_of(name) >= 0


def test_other_seeds_choose_apart():
    """Who is in an arm says nothing of the arm in another experiment."""
    names = [f"contact {number}" for number in range(8_000)]
    both = sum(halves().place_of(name) == halves(seed="other").place_of(name) for name in names)
    assert both / len(names) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Experiment(name="a", arms=[]), "an experiment needs arms"),
        (lambda: Experiment(name="a:b", arms=[Arm(name="x", share=1)]), "have no blank at an end, and none of"),
        (lambda: Arm(name="x;y", share=1), "have no blank at an end, and none of"),
        (lambda: Experiment(name="a", arms=[Arm(name="x", share=0.6), Arm(name="y", share=0.5)]), "at most 1 together"),
        (lambda: Experiment(name="a", arms=[Arm(name="x", share=0.5)] * 2), "two arms have the name 'x'"),
        (lambda: Experiment(name="a", arms=[Arm(name="x", share=1)], horizon="0d"), "longer than nothing"),
        (lambda: CapChange(name="daily"), "what changes of the cap 'daily'"),
        (lambda: CapChange(name="daily", max=-1), "max is a number from 0"),
        (lambda: Arm(name="x", share=1.5), "share"),
    ],
)
def test_what_no_experiment_can_be_is_refused(make, message):
    """Names that a table could not tell apart, shares beyond 1, and changes of nothing."""
    with pytest.raises(ModelError, match=message):
        make()


def test_several_arms_are_one_text():
    """As decisions have them: one for each experiment, in the playbook's order."""
    assert arm_text([("tone", "bold"), ("pace", "slow")]) == "tone:bold;pace:slow"
    assert arm_text([]) is None
