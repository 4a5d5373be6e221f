"""A playbook with two campaigns, and what became of their messages: little data to learn from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from journeykit import Campaign, Content, Journey, Playbook, Response, Stage, Transition

FIRST = datetime(2026, 9, 7, 9, tzinfo=UTC)
AT = datetime(2026, 11, 30, tzinfo=UTC)


def on(day: float) -> datetime:
    return FIRST + timedelta(days=day)


def playbook(**more: object) -> Playbook:
    parts = {
        "name": "letters",
        "content": [Content(id="letter", channel="email", theme="care"), Content(id="text", channel="sms")],
        "campaigns": [Campaign(id="meetup", content=["letter"]), Campaign(id="flash", content=["text"])],
        "responses": [Response(name="sale", event="purchase", within="7d")],
        "journey": Journey(
            stages=[Stage(name="new"), Stage(name="loyal")],
            transitions=[Transition(source="new", to="loyal", event="purchase")],
        ),
    }
    return Playbook(**(parts | more))


def tables(contacts: int = 40, seed: int = 1) -> dict[str, list[dict[str, object]]]:
    """Contacts who got messages, and some of whom bought or left."""
    chance = Random(seed)
    touches, events = [], []
    for number in range(contacts):
        name = f"c{number:03}"
        for day in sorted(chance.sample(range(80), 4)):
            campaign = chance.choice(["meetup", "flash"])
            touches.append({"contact_id": name, "sent_at": on(day), "campaign_id": campaign})
            if chance.random() < (0.3 if campaign == "meetup" else 0.1):
                events.append({"contact_id": name, "event": "purchase", "at": on(day + 0.5)})
            if chance.random() < 0.1:
                events.append({"contact_id": name, "event": "opt_out", "at": on(day + 0.2)})
    people = [{"contact_id": f"c{number:03}", "born": 1950 + number} for number in range(contacts)]
    return {"touches": touches, "events": events, "contacts": people}
