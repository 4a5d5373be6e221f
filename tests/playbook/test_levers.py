"""Levers and weights of content in a playbook: what is read, refused and warned of."""

from __future__ import annotations

import pytest

from journeykit import Lever, Playbook, PlaybookError, Scope
from journeykit.playbook.read import loads

WORLD = """
content:
  - {id: note, channel: email}
campaigns:
  - {id: launch, content: [note]}
"""


def read(text: str) -> Playbook:
    return loads(WORLD + text, "yaml", Playbook, source="playbook.yaml")


def test_levers_are_read_and_written():
    """A playbook with levers and weights of content comes back from its data, with the same fingerprint."""
    playbook = read("levers: [{name: near, when: days <= 60, where: {campaign: launch}, factor: 0.5}]")
    assert playbook.levers == (Lever(name="near", when="days <= 60", where=Scope.of(campaign="launch"), factor=0.5),)
    again = Playbook.from_dict(playbook.to_dict())
    assert again == playbook
    assert again.fingerprint == playbook.fingerprint


def test_a_playbook_without_levers_keeps_its_fingerprint():
    """What a playbook does not use is not written, so that older playbooks keep their fingerprint."""
    data = read("").to_dict()
    assert "levers" not in data
    assert "weight" not in data["content"][0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "levers: [{name: near, factor: 2}, {name: near, factor: 3}]",
            "levers[1].name: 'near' is already taken by levers[0]",
        ),
        ("levers: [{name: near, factor: -1}]", "levers[0].factor: factor must be a number from 0"),
        ("levers: [{name: b, factor: 2, where: {campaign: x}}]", "levers[0].where.campaign: unknown campaign 'x'"),
        ("levers: [{name: near, factor: 2, when: days < }]", "levers[0].when: this rule cannot be read"),
        ("levers: [{name: near, wen: days < 1, factor: 2}]", "levers[0].wen: unknown key 'wen'"),
        ("levers: [{name: near}]", "levers[0].factor: "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line(text, message):
    """Each fault is told with its path and line."""
    with pytest.raises(PlaybookError) as caught:
        read(text)
    assert f"line 6: {message}" in str(caught.value)


def test_a_lever_that_is_never_applied_is_warned_of():
    """A rule that is true of nobody, and a scope that nothing is in."""
    playbook = read(
        "levers: [{name: a, factor: 2, when: x > 5 and x < 3}, {name: b, factor: 2, where: {channel: sms}}]"
    )
    assert [str(warning) for warning in playbook.check()] == [
        "levers[0].when: 'a' is never applied: its rule can be true of nobody: x > 5 and x < 3",
        "levers[1].where: matches no campaign's content: 'b' is never applied",
    ]


def test_content_that_weighs_nothing_never_wins():
    """Where all contents of a campaign weigh 0, it can never win."""
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email", "weight": 0}],
            "campaigns": [{"id": "launch", "content": ["note"]}],
        }
    )
    assert [str(warning) for warning in playbook.check()] == [
        "campaigns[0]: 'launch' can never win: its weight is 0 and the reserve 0"
    ]
