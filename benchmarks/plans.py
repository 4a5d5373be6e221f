"""Plans: one contact, 20 campaigns, 14 days: what the search costs, and how often it comes to its end.

    python benchmarks/plans.py

Two rule sets: caps that hold for all messages alike, and caps that cross (by channel and by team), which make the
problem hard. A plan whose search is ended by the node budget is sound, but says `optimal=False` and gives its bound.
The same for an account of five contacts, who together get four messages a week.
"""

from __future__ import annotations

import random
import statistics
import time
from datetime import UTC, datetime, timedelta

from journeykit import Arbiter, Campaign, Cap, Contact, Content, OnMissing, Playbook, Window

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
PLAIN = (
    Cap(name="three a week", max=3, window=Window.days(7)),
    Cap(name="one a day", max=1, window=Window.calendar("day")),
)
CROSSING = (
    *PLAIN,
    Cap(name="one a week on each channel", max=1, by="channel", window=Window.days(7)),
    Cap(name="one in five days of each team", max=1, by="team", window=Window.days(5)),
)


SHARED = Cap(name="four a week for an account", max=4, per="account", window=Window.days(7, zone="playbook"))


def arbiter(rng: random.Random, caps: tuple[Cap, ...]) -> Arbiter:
    """Twenty campaigns on three channels, of four teams, with weights of their own."""
    return Arbiter(
        Playbook(
            content=[Content(id=f"m{n}", channel=f"channel {rng.randrange(3)}") for n in range(20)],
            campaigns=[
                Campaign(
                    id=f"k{n}", content=[f"m{n}"], team=f"team {rng.randrange(4)}", weight=round(rng.uniform(1, 100), 3)
                )
                for n in range(20)
            ],
            caps=caps,
            on_missing=OnMissing(consent="allow"),
        )
    )


def main() -> None:
    """Print the figures."""
    start = time.perf_counter()
    total = 0
    for turn in range(1_000_000):
        total += turn
    loop = time.perf_counter() - start
    print(f"{'a bare loop of 1,000,000 additions':44} {loop * 1000:8.0f} ms   1.0 x")
    rules = {"caps alike for all": PLAIN, "caps that cross": CROSSING}
    one = [Contact(id="anna")]
    five = [Contact(id=f"c{number}", account="acme") for number in range(5)]
    for name, caps in rules.items():
        report(f"20 campaigns x 14 days, {name}", caps, one, loop)
    for name, caps in rules.items():
        report(f"an account of five, {name}", (*caps, SHARED), five, loop)


def report(what: str, caps: tuple[Cap, ...], contacts: list[Contact], loop: float) -> None:
    """Print what the plans of some contacts take, who are decided together."""
    times, proven, gaps = [], 0, []
    for seed in range(30):
        decider = arbiter(random.Random(seed), caps)
        start = time.perf_counter()
        found = decider.decide_account(contacts, at=AT, until=AT + timedelta(days=13))
        times.append(time.perf_counter() - start)
        proven += all(decision.optimal for decision in found)
        gaps.append(1 - sum(own.total for own in found) / sum(own.bound for own in found))
    median = statistics.median(times)
    print(
        f"{what:44} {median * 1000:8.0f} ms {median / loop:5.1f} x"
        f"   slowest {max(times):.1f} s; proven {proven} of 30; largest gap {max(gaps):.2%}"
    )


if __name__ == "__main__":
    main()
