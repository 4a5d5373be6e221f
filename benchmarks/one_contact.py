"""One contact, 50 campaigns, 20 touches: what a decision costs, in a web request.

    python benchmarks/one_contact.py

The playbook and the contacts are those of the yardstick in `benchmarks/README.md`: 50 campaigns over 4 channels and
6 stages, each with an audience rule; two caps of seven rolling days; 20 touches in the last 120 days. Times are
medians over many contacts. Beside them stands a bare loop of Python, timed in the same run, since machines differ and
neighbours disturb.
"""

from __future__ import annotations

import random
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from journeykit import Arbiter, Contact, Playbook, Touch

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES = ["awareness", "consideration", "decision", "retention", "advocacy", "lapsed"]
CHANNELS = ["email", "sms", "push", "phone"]
COUNTRIES = ["MK", "DE", "US", "FR"]
AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
CONTACTS = 200


def make_playbook(rng: random.Random, campaigns: int = 50) -> Playbook:
    """Campaigns with a weight, a channel, degrees of fit and an audience each."""
    content, claims = [], []
    for number in range(campaigns):
        country = rng.choice([*COUNTRIES, None])
        rule = f"score >= {rng.randrange(80)}" + (f" and country == '{country}'" if country else "")
        stages = {stage: round(rng.random(), 6) for stage in STAGES if rng.random() < 0.5}
        content.append({"id": f"m{number}", "channel": rng.choice(CHANNELS), "stages": stages})
        weight = round(rng.random() * 10, 6)
        claims.append(
            {
                "id": f"k{number}",
                "team": "team",
                "content": [f"m{number}"],
                "weight": weight,
                "repeat": None,
                "audience": rule,
            }
        )
    return Playbook.from_dict(
        {
            "journey": {"stages": [{"name": stage, "owner": "marketing"} for stage in STAGES]},
            "teams": [{"name": "team", "goal": "promotion"}],
            "content": content,
            "campaigns": claims,
            "caps": [
                {"name": "two a week", "max": 2, "window": {"rolling": "7d"}},
                {"name": "one a week per channel", "max": 1, "by": "channel", "window": {"rolling": "7d"}},
            ],
        }
    )


def make_contact(rng: random.Random, number: int) -> tuple[Contact, list[Touch]]:
    """A contact and a history of 20 touches."""
    consent = {channel: rng.random() < share for channel, share in zip(CHANNELS, (0.9, 0.4, 0.5, 0.2), strict=True)}
    attributes = {"country": rng.choice(COUNTRIES), "score": rng.randrange(100)}
    contact = Contact(id=f"c{number:08}", stage=rng.choice(STAGES), consent=consent, attributes=attributes)
    touches = [
        Touch(
            at=AT - timedelta(seconds=rng.randrange(120 * 86_400)),
            channel=rng.choice(CHANNELS),
            campaign=f"k{rng.randrange(50)}",
        )
        for _ in range(20)
    ]
    return contact, touches


def median(calls: list[Callable[[], object]], rounds: int = 9) -> float:
    """Microseconds of a call: the fastest of several rounds for each contact, and the median over the contacts."""
    fastest = [float("inf")] * len(calls)
    for _ in range(rounds):
        for number, call in enumerate(calls):
            start = time.perf_counter()
            call()
            fastest[number] = min(fastest[number], time.perf_counter() - start)
    return statistics.median(fastest) * 1e6


def bare_loop() -> None:
    """The yardstick: a thousand turns of an empty loop with an addition."""
    total = 0
    for turn in range(1000):
        total += turn


def main() -> None:
    """Print the figures."""
    rng = random.Random(3)
    arbiter = Arbiter(make_playbook(rng))
    cases = [make_contact(rng, number) for number in range(CONTACTS)]
    decisions = [arbiter.decide(contact, touches, at=AT) for contact, touches in cases]
    eligible = statistics.mean(sum(row.weight is not None for row in decision.rows) for decision in decisions)
    granted = statistics.mean(len(decision.granted) for decision in decisions)
    loop = median([bare_loop] * CONTACTS)
    figures = {
        "decide, read granted": [lambda c=c, t=t: arbiter.decide(c, t, at=AT).granted for c, t in cases],
        "decide, read every row": [lambda c=c, t=t: arbiter.decide(c, t, at=AT).rows for c, t in cases],
        "decide with explain, read every row": [
            lambda c=c, t=t: arbiter.decide(c, t, at=AT, explain=True).rows for c, t in cases
        ],
    }
    print(
        f"50 campaigns, 20 touches; {CONTACTS} contacts: {eligible:.1f} claims eligible and {granted:.2f} granted each"
    )
    print(f"{'bare loop of 1,000 additions':40} {loop:9.1f} us   1.0 x")
    for name, work in figures.items():
        took = median(work)
        print(f"{name:40} {took:9.1f} us {took / loop:5.1f} x")


if __name__ == "__main__":
    main()
