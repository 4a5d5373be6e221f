"""Whatever a playbook has: the nights of a simulation are those of a job that is run night after night."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
import tabled
from attrs import evolve
from generate import lively

from journeykit import Arbiter, simulate
from journeykit.job import Inputs, Job


def messages_of(arbiter, rows, history, scores, at):
    """What one night's job grants, contact by contact."""
    job = Job(arbiter, Inputs(contacts=rows, touches=history, scores=scores), at=at)
    granted = (row for _, decision in job.decisions() for row in decision.rows if row.outcome == "granted")
    return [
        {
            "contact_id": row.contact,
            "sent_at": row.send_at,
            "channel": row.channel,
            "campaign_id": row.campaign,
            "content_id": row.content,
        }
        for row in granted
    ]


@pytest.mark.parametrize("start", range(0, 15, 5))
def test_nights_are_those_of_the_job(start) -> None:
    """Random playbooks of every kind of rule, eight contacts with gaps and histories, three nights, the row engine."""
    sent = 0
    for seed in range(start, start + 5):
        found = lively(seed)
        if not found.playbook.campaigns:
            continue
        journey = None if found.playbook.journey is None else evolve(found.playbook.journey, transitions=())
        playbook = evolve(found.playbook, journey=journey)
        arbiter, rng = Arbiter(playbook), Random(seed)
        rows, history = tabled.contacts(rng, found.at, 8), tabled.touches(rng, playbook, found.at, 8)
        # Nobody opts out, and no rule asks for answers.
        scores = [row | {"opt_out": 0.0} for row in tabled.scores(rng, playbook, 8)] if seed % 2 else None
        found_days = simulate(arbiter, rows, history, scores, at=found.at, until=found.at + timedelta(days=2))
        own = found_days.playbooks[0]
        counts = []
        for night in range(len(own.dates)):
            at = found.at if not night else found.at.astimezone(at_zone(playbook)) + timedelta(days=night)
            messages = messages_of(arbiter, rows, history, scores, at)
            counts.append(len(messages))
            history = [*history, *messages]
        assert own.by_world("messages")[0].tolist() == counts, seed
        sent += sum(counts)
    assert sent > 10


def at_zone(playbook):
    """The time zone of a playbook."""
    return ZoneInfo(playbook.timezone)
