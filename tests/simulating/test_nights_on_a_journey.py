"""Contacts on a journey, night by night: as the arbiter and the journey have them, with chances of 0 and 1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from journeykit import Arbiter, Contact, Playbook, Score, Touch, simulate
from journeykit.journey import Event

NEVER = 1e-5
NIGHTS = 8
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
CAMPAIGNS = {"news": "email", "care": "phone", "ping": "sms"}
WORTH = {"lead": 5, "trial": 7, "customer": 50, None: 0}
PLAYBOOK = Playbook.from_dict(
    {
        "journey": {
            "stages": [
                *({"name": own, "value": WORTH[own]} for own in ("lead", "trial", "customer")),
                {"name": "gone", "lost": True},
            ],
            "transitions": [
                {"from": "lead", "to": "trial", "event": "click"},
                {"from": "trial", "to": "customer", "when": "count('purchase', '4d') >= 2"},
                {"from": "customer", "to": "lead", "after": "3d"},
                {"from": "trial", "to": "gone", "after": "6d"},
            ],
        },
        "content": [{"id": own, "channel": channel} for own, channel in CAMPAIGNS.items()],
        "campaigns": [
            {"id": "news", "content": ["news"], "repeat": None},
            {"id": "care", "content": ["care"], "repeat": 3, "audience": "stage != 'lead'", "weight": 3},
            {
                "id": "ping",
                "content": ["ping"],
                "repeat": None,
                "audience": "days_in_stage() >= 1 and count('purchase') < 4",
            },
        ],
        "caps": [
            {"name": "two", "max": 2, "window": {"calendar": "day"}},
            {"name": "five", "max": 5, "window": {"days": 4}},
        ],
        "responses": [
            {"name": "click", "event": "click", "within": "1h", "where": {"channel": "email"}},
            {"name": "sale", "event": "purchase", "within": "7d", "value": "amount"},
        ],
    }
)


class Walker:
    """One contact, who does what is certain."""

    def __init__(self, row, scores, events) -> None:
        self.row, self.scores, self.events = row, scores, events
        self.history, self.closed = [], set()

    def place(self, at):
        """The stage at an instant, and since when."""
        stage, since = self.row["stage"], self.row["stage_since"]
        start = AT if since is None else since + timedelta(microseconds=1)
        entry = {"stage": stage, "start": start} if stage else {}
        path = PLAYBOOK.journey.place(self.events, at, **entry).path
        if not path or (stage and len(path) == 1):
            return stage, since
        return path[-1].stage, path[-1].since

    def night(self, arbiter, at):
        """Messages, answers, their value, and opt-outs of channels."""
        stage, since = self.place(at)
        contact = Contact(
            id=self.row["contact_id"],
            consent={own: own not in self.closed for own in CAMPAIGNS.values()},
            stage=stage,
            stage_since=since,
        )
        scores = {own: Score(propensity=row[0], value=row[1], opt_out=row[2]) for own, row in self.scores.items()}
        scored = {(own, name) for own in scores for name in ("propensity", "opt_out")}
        found = arbiter.decide(contact, self.history, at=at, scores=scores, scored=scored, events=self.events)
        sums = [0, 0, 0, 0]
        for row in [own for own in found.rows if own.outcome == "granted"]:
            answer, value, leaves = self.scores[row.campaign]
            self.history.append(Touch(at=row.send_at, channel=row.channel, campaign=row.campaign, content=row.content))
            told = {"campaign_id": row.campaign}
            if answer == 1:
                name, delay = ("click", 30) if row.channel == "email" else ("purchase", 60)
                self.events.append(Event(name, row.send_at + timedelta(minutes=delay), told))
            for place, amount in enumerate((1, answer == 1, value * (answer == 1), leaves == 1)):
                sums[place] += amount
            if leaves:
                # It breaks a silence, as all that contacts do.
                self.events.append(Event("opt_out", row.send_at + timedelta(hours=1), told))
                self.closed.add(row.channel)
        return sums

    def worth(self, at):
        """Whether they are in the base at an instant, and what their stage is worth."""
        stage, _ = self.place(at)
        here = stage != "gone" and not self.closed >= set(CAMPAIGNS.values())
        return [int(here), WORTH[stage] if here else 0]


@pytest.mark.parametrize("seed", [1, 2])
def test_nights_are_those_of_the_arbiter_and_the_journey(seed) -> None:
    """Answers and time move contacts, rules ask for stages and answers, and opt-outs close channels one by one."""
    rng = Random(seed)
    names = [f"c{number}" for number in range(8)]
    walkers = []
    for name in names:
        stage = rng.choice(["lead", "trial", "customer", None])
        since = AT - timedelta(hours=rng.randint(1, 100)) if stage and rng.random() < 0.5 else None
        row = {"contact_id": name, "stage": stage, "stage_since": since}
        scores = {
            own: (1.0 if rng.random() < 0.5 else NEVER, rng.randint(1, 9), float(rng.random() < 0.15))
            for own in CAMPAIGNS
        }
        events = [
            Event(rng.choice(["visit", "click", "purchase"]), AT - timedelta(hours=rng.randint(1, 90)))
            for _ in range(rng.randint(0, 2))
        ]
        walkers.append(Walker(row, scores, events))
    own = simulate(
        PLAYBOOK,
        [who.row | {f"consent_{channel}": True for channel in CAMPAIGNS.values()} for who in walkers],
        scores=[
            {
                "contact_id": who.row["contact_id"],
                "campaign_id": campaign,
                "propensity": row[0],
                "value": row[1],
                "opt_out": row[2],
            }
            for who in walkers
            for campaign, row in who.scores.items()
        ],
        events=[
            {"contact_id": who.row["contact_id"], "event": event.event, "at": event.at}
            for who in walkers
            for event in who.events
        ],
        at=AT,
        until=AT + timedelta(days=NIGHTS - 1),
        opt_outs="channel",
    ).playbooks[0]
    arbiter, expected = Arbiter(PLAYBOOK), []
    for night in range(NIGHTS):
        at = AT + timedelta(days=night)
        days = [who.night(arbiter, at) + who.worth(at + timedelta(days=1)) for who in walkers]
        expected.append([sum(own) for own in zip(*days, strict=True)])
    found = [own.by_world(name)[0].tolist() for name in own.measures]
    assert [list(day) for day in zip(*found, strict=True)] == expected
    assert len({tuple(day[4:]) for day in expected}) > 2
