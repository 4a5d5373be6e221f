"""The chances of moves on a day without a message, as they are estimated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp
from random import Random

import pytest

from journeykit import ModelError, Playbook
from journeykit.journey import Event
from journeykit.simulating import daily_chances

START = datetime(2026, 9, 1, tzinfo=UTC)
UNTIL = START + timedelta(days=60)
PLAYBOOK = Playbook.from_dict(
    {
        "journey": {
            "stages": ["lead", "trial", "customer"],
            "transitions": [
                {"from": "lead", "to": "trial", "when": "count('visit', '20d') >= 2"},
                {"from": "trial", "to": "customer", "event": "purchase"},
                {"from": "trial", "to": "lead", "event": "cancel"},
                {"from": "customer", "to": "lead", "after": "15d"},
            ],
        },
        "responses": [{"name": "sale", "event": "purchase", "within": "3d"}],
    }
)


def plain(events, touches):
    """The same, contact by contact and step by step."""
    moves, days = {}, {}
    for name, own in events.items():
        path = PLAYBOOK.journey.place(own, at=UNTIL).path
        for step, after in zip(path, [*path[1:], None], strict=False):
            end = UNTIL if after is None else after.since
            days[step.stage] = days.get(step.stage, 0.0) + (end - step.since) / timedelta(days=1)
            days[step.stage] -= len({at.date() for at in touches[name] if step.since <= at < end})
            if after is None or after.transition.after is not None:
                continue
            is_sale = after.transition.event == "purchase"
            if is_sale and any(timedelta() <= after.since - at <= timedelta(days=3) for at in touches[name]):
                continue
            moves[step.stage, after.stage] = moves.get((step.stage, after.stage), 0) + 1
    found = {}
    for (stage, to), count in moves.items():
        total = sum(other for (source, _), other in moves.items() if source == stage)
        found.setdefault(stage, {})[to] = (1 - exp(-total / days[stage])) * count / total
    return found


@pytest.mark.parametrize("seed", range(3))
def test_moves_that_no_message_made_are_counted(seed) -> None:
    """Moves by events and rules, over the days on which contacts were there and got no message."""
    rng = Random(seed)
    names = [f"c{number}" for number in range(30)]

    def instants(count):
        return sorted(START + timedelta(minutes=rng.randrange(60 * 24 * 60)) for _ in range(rng.randrange(count)))

    events = {
        name: [Event(rng.choice(["visit", "visit", "purchase", "cancel"]), at) for at in instants(25)] for name in names
    }
    touches = {name: instants(6) for name in names}
    log = [{"contact_id": name, "event": own.event, "at": own.at} for name in names for own in events[name]]
    sent = [{"contact_id": name, "sent_at": at} for name in names for at in touches[name]]
    found = daily_chances(PLAYBOOK, log, sent, until=UNTIL)
    expected = plain(events, touches)
    assert found.keys() == expected.keys() == {"lead", "trial"}
    for stage, row in expected.items():
        assert found[stage] == pytest.approx(row)


def test_a_playbook_without_a_journey_has_no_moves() -> None:
    """It is said."""
    with pytest.raises(ModelError, match="no journey"):
        daily_chances(Playbook(), [], until=UNTIL)
