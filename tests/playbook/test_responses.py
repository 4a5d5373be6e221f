"""Responses in a playbook: what is read, refused and warned of."""

from __future__ import annotations

import pytest

from journeykit import Playbook, PlaybookError, Response, Scope
from journeykit.playbook.read import loads

WORLD = """
content:
  - {id: note, channel: email}
campaigns:
  - {id: launch, content: [note]}
"""


def read(text: str) -> Playbook:
    return loads(WORLD + text, "yaml", Playbook, source="playbook.yaml")


def test_responses_are_read_and_written():
    """A playbook with responses comes back from its data, with the same fingerprint."""
    playbook = read("responses: [{name: sale, event: purchase, value: amount, where: {campaign: launch}, within: 14d}]")
    made = Response(
        name="sale", event="purchase", value="amount", where=Scope.of(campaign="launch"), within="14d", credit="last"
    )
    assert playbook.responses == (made,)
    again = Playbook.from_dict(playbook.to_dict())
    assert (again, again.fingerprint) == (playbook, playbook.fingerprint)


def test_a_playbook_without_responses_keeps_its_fingerprint():
    """What a playbook does not use is not written, so that older playbooks keep their fingerprint."""
    assert "responses" not in read("").to_dict()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{name: a, event: b, within: 1d}, {name: a, event: c, within: 1d}", "[1].name: 'a' is already taken"),
        ("{name: a, event: b}", "[0].within: the key 'within' is required"),
        ("{name: a, within: 1d}", "[0].event: the key 'event' is required"),
        ("{name: a, event: b, within: 0d}", "[0].within: within is longer than nothing, found 0d"),
        ("{name: a, event: ignored, within: 1d}", "[0].event: 'ignored' is a message without a response"),
        ("{name: a, event: b, within: 1d, credit: even}", "[0].credit: credit is one of last, first, linear"),
        ("{name: a, event: b, within: 1d, where: {campaign: x}}", "[0].where.campaign: unknown campaign 'x'"),
        ("{name: a, event: b, within: 1d, valeu: c}", "[0].valeu: unknown key 'valeu'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line(text, message):
    """Each fault is told with its path and line."""
    with pytest.raises(PlaybookError) as caught:
        read(f"responses: [{text}]")
    assert f"line 6: responses{message}" in str(caught.value)


def test_a_response_to_nothing_is_warned_of():
    """A scope that nothing is in."""
    playbook = read("responses: [{name: a, event: b, within: 1d, where: {channel: sms}}]")
    assert [str(warning) for warning in playbook.check()] == [
        "responses[0].where: matches no campaign's content: nothing is credited to 'a'"
    ]
