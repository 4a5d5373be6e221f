"""The section `explore` of a playbook: what is read, refused and warned of."""

from __future__ import annotations

import pytest

from journeykit import Exploration, Playbook, PlaybookError
from journeykit.playbook.read import loads

WORLD = """
content:
  - {id: note, channel: email}
campaigns:
  - {id: launch, content: [note]}
  - {id: news, content: [note]}
"""
CAP = "caps: [{name: one a day, max: 1, window: {calendar: day}}]\n"


def read(text: str) -> Playbook:
    return loads(WORLD + text, "yaml", Playbook, source="playbook.yaml")


def test_the_section_is_read_and_written():
    """A playbook that explores comes back from its data; one that does not has the fingerprint that it had."""
    playbook = read("explore: {share: 0.05, method: thompson, draws: 20, seed: a}")
    assert playbook.explore == Exploration(share=0.05, method="thompson", draws=20, seed="a")
    assert Playbook.from_dict(playbook.to_dict()) == playbook
    assert playbook.to_dict()["explore"] == {"share": 0.05, "method": "thompson", "draws": 20, "seed": "a"}
    assert "explore" not in read("").to_dict()
    assert read("explore: {share: 0.05}").explore == Exploration(share=0.05, method="uniform", draws=50)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{method: uniform}", ".share: the key 'share' is required"),
        ("{share: 5}", ".share: share must be a number from 0 to 1, found 5"),
        ("{share: 5%}", ".share: "),
        ("{share: 0.1, method: thomson}", ".method: method is one of uniform, thompson, found 'thomson'"),
        ("{share: 0.1, draws: 1001}", ".draws: draws must be a whole number from 1 to 1000, found 1001"),
        (
            "{share: 0.1, draw: 5}",
            ".draw: unknown key 'draw'; allowed are share, method, draws, seed (did you mean 'draws'?)",
        ),
        ("0.1", ": "),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(text, message):
    """Each fault is told with its path and line."""
    with pytest.raises(PlaybookError) as caught:
        read(f"explore: {text}")
    assert f"line 7: explore{message}" in str(caught.value)


def test_arms_do_not_explore_otherwise():
    """What an arm changes is tried on contacts that are not drawn alike."""
    arms = "experiments: [{name: a, arms: [{name: b, share: 0.5, with: {explore: {share: 0.5}}}]}]"
    with pytest.raises(PlaybookError, match="unknown key 'explore'"):
        read(arms)


FIRST_COME = "draws nothing: the policy 'first_come' does not look at a propensity, and thompson draws propensities"


@pytest.mark.parametrize(
    ("more", "path", "warning"),
    [
        (CAP + "explore: {share: 0}", ".share", "no contact is drawn: nothing is explored, and every chance is 0 or 1"),
        (CAP + "explore: {share: 1}", ".share", "every contact is drawn: none is decided by the weights as they are"),
        (CAP + "explore: {share: 0.1, draws: 4}", ".draws", "a contact has 4 vectors of weights: chances come in"),
        ("explore: {share: 0.1}", "", "draws nothing: without caps, conflicts and quotas no claims compete"),
        (CAP + "policy: first_come\nexplore: {share: 0.1, method: thompson}", "", FIRST_COME),
    ],
)
def test_what_is_probably_not_meant_is_warned_of(more, path, warning):
    """Shares at the ends, few draws, and what draws nothing."""
    (found,) = read(more).check()
    assert str(found).startswith(f"explore{path}: {warning}")


def test_campaigns_that_obey_no_caps_do_not_take_part():
    """Where no other is, nothing is drawn."""
    world = {
        "content": [{"id": "receipt", "channel": "email"}],
        "campaigns": [{"id": "receipt", "content": ["receipt"], "obeys_caps": False, "repeat": None}],
        "explore": {"share": 0.1},
    }
    (found,) = Playbook.from_dict(world).check()
    assert str(found).startswith("explore: draws nothing: no campaign obeys caps (obeys_caps: false)")


def test_a_playbook_that_explores_is_not_warned_of():
    """Where claims compete; without caps the contents of one campaign do."""
    assert read(CAP + "explore: {share: 0.05}").check() == ()
    assert read("explore: {share: 0.05, method: thompson}").check() == ()
    world = {
        "content": [{"id": name, "channel": "email"} for name in "ab"],
        "campaigns": [{"id": "launch", "content": ["a", "b"]}],
        "explore": {"share": 0.1},
    }
    assert Playbook.from_dict(world).check() == ()
