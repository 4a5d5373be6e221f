"""A made-up base of readers and customers, and two teams that write to them. What is true of it is known.

Months have 30 days. At the end of each, a contact stays, goes on or is lost. Product makes an offer to every customer
in every month. The community asks how contacts are, except a quarter of them: its holdout. Who is asked is lost less
often, goes on more often, and would rather recommend us; purchases are the same for both.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa

from journeykit import Holdout
from journeykit.journey import Chain

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
MONTH = timedelta(days=30)
MONTHS = 11
END = START + MONTHS * MONTH
READERS, CUSTOMERS, NEW_READERS = 1_500, 1_000, 40
HOLDOUT = Holdout(share=0.25, seed="how-are-you")
STAGES = ("reader", "customer", "lost")
MOVES = {
    "not asked": {
        "reader": {"reader": 0.89, "customer": 0.04, "lost": 0.07},
        "customer": {"customer": 0.94, "lost": 0.06},
    },
    "asked": {
        "reader": {"reader": 0.91, "customer": 0.05, "lost": 0.04},
        "customer": {"customer": 0.97, "lost": 0.03},
    },
}
"""By arm and stage, the chance of each stage a month later."""
BUYS, BUYS_AFTER_OFFER, PRICES = 0.30, 0.05, (10, 30)
"""The chance that a customer buys on some day of a month; that they buy besides in
the week after an offer; and between which whole numbers the price lies."""
ANSWERS = {"not asked": (0.40, 0.35, 0.25), "asked": (0.50, 0.32, 0.18)}
"""By arm, the chances of promoters, passives and detractors, of those who answer."""
COST, DISCOUNT = 0.05, 0.01


def arm_of(contact: str) -> str:
    """Whether the community asks how a contact is."""
    return "not asked" if HOLDOUT.holds(contact) else "asked"


def contacts() -> pa.Table:
    """Who is when there: those of the start by arm, and newcomers."""
    start, whole = READERS + CUSTOMERS, READERS + CUSTOMERS + NEW_READERS * (MONTHS - 1)
    ids = [f"c{number:05}" for number in range(whole)]
    kinds = [arm_of(contact) if number < start else "newcomer" for number, contact in enumerate(ids)]
    return pa.table({"contact_id": ids, "kind": kinds})


def tables(seed: int) -> tuple[pa.Table, pa.Table]:
    """The touches and the events of all months."""
    chance = Random(seed)  # noqa: S311  (draws a made-up world)
    touches, events = list[dict[str, Any]](), list[dict[str, Any]]()
    own = contacts()["contact_id"].to_pylist()
    for number, contact in enumerate(own):
        newcomer = number - READERS - CUSTOMERS
        first = 0 if newcomer < 0 else newcomer // NEW_READERS + 1
        stage, arm = "customer" if READERS <= number < READERS + CUSTOMERS else "reader", arm_of(contact)
        events.append({"contact_id": contact, "event": "visit", "at": START + first * MONTH})
        if stage == "customer":
            events.append({"contact_id": contact, "event": "join", "at": START + first * MONTH})
        for month in range(first, MONTHS):
            start = START + month * MONTH
            if arm == "asked":
                sent = {"sent_at": start + timedelta(days=3), "campaign_id": "how-are-you", "channel": "email"}
                touches.append({"contact_id": contact, **sent})
            if stage == "customer":
                sent = {"sent_at": start + timedelta(days=10), "campaign_id": "offer", "channel": "email"}
                touches.append({"contact_id": contact, **sent})
                for buys, after, days in ((BUYS, 0, 30), (BUYS_AFTER_OFFER, 10, 7)):
                    if chance.random() < buys:
                        bought = start + timedelta(days=after, seconds=chance.randrange(1, days * 86_400))
                        price = {"amount": chance.randint(*PRICES)}
                        events.append({"contact_id": contact, "event": "purchase", "at": bought, **price})
            if month == MONTHS - 1 and chance.random() < 0.3:
                score = chance.choices((9, 8, 5), ANSWERS[arm])[0]
                answered = {"event": "survey", "at": start + timedelta(days=20), "score": score}
                events.append({"contact_id": contact, **answered})
            row = MOVES[arm][stage]
            before, stage = stage, chance.choices([*row], [*row.values()])[0]
            if stage != before:
                gone = {"event": {"customer": "join", "lost": "leave"}[stage], "at": start + MONTH}
                events.append({"contact_id": contact, **gone})
            if stage == "lost":
                break
    columns = ("contact_id", "event", "at", "amount", "score")
    return pa.Table.from_pylist(touches), pa.table({name: [row.get(name) for row in events] for name in columns})


def truth() -> dict[str, float]:
    """What the measures would say of endlessly many contacts, worked out without drawing any."""
    there = {
        arm: {stage: share * count for stage, count in (("reader", READERS), ("customer", CUSTOMERS))}
        for arm, share in (("asked", 1 - HOLDOUT.share), ("not asked", HOLDOUT.share))
    }
    start = {arm: dict(own) for arm, own in there.items()}
    moved = {stage: dict.fromkeys(STAGES, 0.0) for stage in STAGES[:2]}
    months, cost, found = dict.fromkeys(STAGES[:2], 0.0), dict.fromkeys(STAGES[:2], 0.0), {}
    for month in range(MONTHS):
        if month:
            there["asked"]["reader"] += (1 - HOLDOUT.share) * NEW_READERS
            there["not asked"]["reader"] += HOLDOUT.share * NEW_READERS
        lost = 0.0
        present = sum(sum(own.values()) for own in there.values())
        for arm, own in there.items():
            after = dict.fromkeys(STAGES[:2], 0.0)
            for stage, count in own.items():
                months[stage] += count
                cost[stage] += count * COST * ((arm == "asked") + (stage == "customer"))
                for to, move in MOVES[arm][stage].items():
                    moved[stage][to] += count * move
                    if to == "lost":
                        lost += count * move
                    else:
                        after[to] += count * move
            there[arm] = after
        found[f"churn of month {month + 1}"] = lost / present
    price = sum(PRICES) / 2
    rewards = {stage: -cost[stage] / months[stage] for stage in months}
    rewards["customer"] += (BUYS + BUYS_AFTER_OFFER) * price
    chances = {stage: {to: own / months[stage] for to, own in row.items()} for stage, row in moved.items()}
    values = Chain(STAGES, chances, rewards=rewards, discount=DISCOUNT).values()
    found |= {f"value of a {stage}": values[stage] for stage in months}
    found["kept per contact"] = _kept("asked", values) - _kept("not asked", values)
    for arm, (up, _, down) in ANSWERS.items():
        found[f"score of those {arm}"] = 100 * (up - down)
    week = 7 / 30 * BUYS * price
    found["value per cost of product"] = (week + BUYS_AFTER_OFFER * price) / COST
    found["value per cost of community"] = week / COST * _customer_share(start)
    return found


def _kept(arm: str, values: dict[str, float]) -> float:
    """What a contact of the start is worth at the end, less what they were worth at the start."""
    own = {"reader": READERS / (READERS + CUSTOMERS), "customer": CUSTOMERS / (READERS + CUSTOMERS), "lost": 0.0}
    first = sum(share * values[stage] for stage, share in own.items())
    for _ in range(MONTHS):
        after = dict.fromkeys(STAGES, 0.0)
        for stage, share in own.items():
            for to, move in MOVES[arm].get(stage, {"lost": 1.0}).items():
                after[to] += share * move
        own = after
    return sum(share * values[stage] for stage, share in own.items()) - first


def _customer_share(there: dict[str, dict[str, float]]) -> float:
    """Of the contacts whom the community asks, over all months, the share of customers."""
    own, customers, asked = dict(there["asked"]), 0.0, 0.0
    for month in range(MONTHS):
        own["reader"] += (1 - HOLDOUT.share) * NEW_READERS * (month > 0)
        customers, asked = customers + own["customer"], asked + sum(own.values())
        row = MOVES["asked"]
        own = {to: sum(own[stage] * row[stage].get(to, 0.0) for stage in own) for to in own}
    return customers / asked


def remaining(arm: str) -> list[float]:
    """The shares of the contacts of the start who are there after each month."""
    own = {"reader": READERS / (READERS + CUSTOMERS), "customer": CUSTOMERS / (READERS + CUSTOMERS)}
    found = []
    for _ in range(MONTHS):
        own = {to: sum(share * MOVES[arm][stage].get(to, 0.0) for stage, share in own.items()) for to in own}
        found.append(sum(own.values()))
    return found
