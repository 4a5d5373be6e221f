"""The horizon: plans of 14 days for many contacts, over columns: what they cost, and what it takes to find the best.

    python benchmarks/horizon.py [N]        # 20,000 contacts where no number is given

Two rule sets: caps that hold for all messages alike, and caps that cross (by channel and by team). The yardstick is the
decision of the same contacts for the first instant alone, in the same run.

"Needed a search" is the share of a sample for which neither taking the best first nor the bounds at the root were
enough. The row engine counts it, untimed: with a node budget of 0 it proves what needs no search, and nothing else.
"Left" is the share of all contacts that the columns left to that engine in the timed run.
"""

from __future__ import annotations

import argparse
import random
import time
from datetime import UTC, datetime, timedelta
from unittest import mock

import pyarrow as pa
from plans import CROSSING, PLAIN

from journeykit import Arbiter, Campaign, Content, Hours, Playbook, Team
from journeykit.job import Inputs, Job
from journeykit.job.fallback import Fallback

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
UNTIL = AT + timedelta(days=13)
CAMPAIGNS = 20
ZONES = ("Europe/Skopje", "Europe/Skopje", "Europe/London", "America/New_York")
SAMPLE = 300


def playbook(caps) -> Playbook:
    """Twenty campaigns on three channels, of four teams; each is for some of the contacts, and some have dates."""
    rng = random.Random(7)
    days = [(AT + timedelta(days=day)).date() for day in range(14)]
    return Playbook(
        timezone="Europe/Skopje",
        teams=[Team(name=f"team {number}") for number in range(4)],
        content=[Content(id=f"m{n}", channel=f"channel {rng.randrange(3)}") for n in range(CAMPAIGNS)],
        campaigns=[
            Campaign(
                id=f"k{n}",
                content=[f"m{n}"],
                team=f"team {rng.randrange(4)}",
                weight=round(rng.uniform(1, 100), 3),
                audience=f"score >= {rng.randrange(20, 90)}",
                starts=days[rng.randrange(7)] if n % 4 == 0 else None,
                ends=days[rng.randrange(7, 14)] if n % 4 == 1 else None,
            )
            for n in range(CAMPAIGNS)
        ],
        caps=caps,
        quiet_hours=[Hours(start="21:00", end="08:00")],
    )


def tables(count: int) -> tuple[pa.Table, pa.Table]:
    """Contacts with a score, a zone and consents, and two touches each in the fortnight before."""
    rng = random.Random(8)
    contacts = {
        "contact_id": range(count),
        "score": [rng.randrange(100) for _ in range(count)],
        "timezone": [rng.choice(ZONES) for _ in range(count)],
    }
    contacts |= {f"consent_channel {n}": [rng.random() < 0.8 for _ in range(count)] for n in range(3)}
    touches = {
        "contact_id": [rng.randrange(count) for _ in range(2 * count)],
        "sent_at": [AT - timedelta(minutes=rng.randrange(14 * 24 * 60)) for _ in range(2 * count)],
        "channel": [f"channel {rng.randrange(3)}" for _ in range(2 * count)],
        "campaign_id": [f"k{rng.randrange(CAMPAIGNS)}" for _ in range(2 * count)],
    }
    return pa.table(contacts), pa.table(touches)


def timed(arbiter: Arbiter, contacts: pa.Table, touches: pa.Table, until: datetime | None) -> tuple[float, int, int]:
    """Seconds of a decision, how many messages it grants, and how many contacts were left to the row engine."""
    summaries = []
    with mock.patch.object(Fallback, "decide", autospec=True, side_effect=Fallback.decide) as left:
        began = time.perf_counter()
        for _ in arbiter.decide_table(contacts, touches, at=AT, until=until, stream=True, summary=summaries.append):
            pass
        seconds = time.perf_counter() - began
    return seconds, summaries[0].outcomes["granted"], left.call_count


def searched(rules: Playbook, contacts: pa.Table, touches: pa.Table, until: datetime | None) -> float:
    """The share of contacts for which taking the best first is not enough."""
    whose = {row["contact_id"] for row in contacts.to_pylist()}
    history = [row for row in touches.to_pylist() if row["contact_id"] in whose]
    job = Job(Arbiter(rules, node_budget=0), Inputs(contacts=contacts.to_pylist(), touches=history), at=AT, until=until)
    return sum(not decision.optimal for _, decision in job.decisions()) / len(whose)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contacts", nargs="?", type=int, default=20_000)
    count = parser.parse_args().contacts
    contacts, touches = tables(count)
    sample = contacts.slice(0, SAMPLE)
    print(f"{count:,} contacts x {CAMPAIGNS} campaigns; searches counted over {sample.num_rows} of them")
    for name, caps in {"caps alike for all": PLAIN, "caps that cross": CROSSING}.items():
        rules = playbook(caps)
        arbiter = Arbiter(rules)
        for until in (None, UNTIL):
            timed(arbiter, contacts.slice(0, 100), touches, until)
        yardstick = 0.0
        for what, until in (("an instant", None), ("14 days", UNTIL)):
            seconds, granted, left = timed(arbiter, contacts, touches, until)
            yardstick = yardstick or seconds
            share = searched(rules, sample, touches, until)
            print(
                f"{name + ', ' + what:32} {count / seconds:10,.0f} contacts/s {seconds / yardstick:8.1f} x"
                f"   {granted / count:.2f} granted each; needed a search {share:.1%}; left {left / count:.2%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
