"""The cookbook's playbook file that is replaced under a process that decides by it."""

from __future__ import annotations

import os
import threading

import pytest
from live_playbook import LivePlaybook

from journeykit import PlaybookError


def playbook(number):
    """A playbook of a hundred campaigns that all weigh the same: a mixture of two would show."""
    campaigns = "".join(f"  - {{id: c{n}, content: [note], weight: {number}}}\n" for n in range(100))
    return f"content: [{{id: note, channel: email}}]\ncampaigns:\n{campaigns}caps: []\n"


def replace(path, text):
    """Write a file beside it, and rename that."""
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)  # noqa: PTH105  (what the page shows)


@pytest.fixture
def live(tmp_path):
    """A live playbook whose campaigns weigh 1."""
    path = tmp_path / "playbook.yaml"
    path.write_text(playbook(1), encoding="utf-8")
    return LivePlaybook(path)


def test_a_new_file_is_taken_up_once(live):
    """A refresh without a change costs a look at the file."""
    assert not live.refresh()
    before = live.arbiter
    replace(live.path, playbook(2))
    assert [live.refresh(), live.refresh()] == [True, False]
    assert live.arbiter is not before
    assert live.problem is None


def test_a_file_of_the_same_meaning_is_no_change(live):
    """The fingerprint says so; a comment changes nothing."""
    before = live.arbiter.fingerprint
    replace(live.path, "# a comment\n" + playbook(1))
    assert not live.refresh()
    assert live.arbiter.fingerprint == before


@pytest.mark.parametrize("text", ["campaigns: [", "campaigns: [{idd: x}]", "caps: [{name: x, max: -1, window: ever}]"])
def test_a_file_that_cannot_be_used_leaves_the_one_of_before(live, text):
    """It is named until it is mended."""
    before = live.arbiter
    replace(live.path, text)
    assert not live.refresh()
    assert live.arbiter is before
    assert "playbook.yaml" in live.problem
    replace(live.path, playbook(3))
    assert live.refresh()
    assert live.problem is None


def test_a_file_that_goes_away_leaves_the_one_of_before(live):
    """A volume that is not mounted for a moment, say."""
    before = live.arbiter
    live.path.unlink()
    assert not live.refresh()
    assert (live.arbiter, "No such file" in live.problem) == (before, True)


def test_a_process_does_not_begin_without_a_playbook(tmp_path):
    """There is nothing to decide by."""
    path = tmp_path / "playbook.yaml"
    with pytest.raises(OSError, match=r"playbook\.yaml"):
        LivePlaybook(path)
    path.write_text("campaigns: [{idd: x}]", encoding="utf-8")
    with pytest.raises(PlaybookError, match="idd"):
        LivePlaybook(path)


def test_nobody_sees_half_a_playbook(live):
    """While one thread replaces the file, others load it and decide by it: every arbiter has one playbook whole."""
    ends, seen = threading.Event(), set()

    def reads():
        while not ends.is_set():
            live.refresh()
            assert live.problem is None
            seen.add(frozenset(campaign.weight for campaign in live.arbiter.playbook.campaigns))

    threads = [threading.Thread(target=reads) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(2, 12):
        replace(live.path, playbook(number))
    ends.set()
    for thread in threads:
        thread.join()
    assert all(len(weights) == 1 for weights in seen)
