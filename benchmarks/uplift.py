"""Learning uplift: the time it takes from a large log, and how often its intervals hold the truth.

    python benchmarks/uplift.py                 # a log of five million rows
    python benchmarks/uplift.py --million 1
    python benchmarks/uplift.py --runs 200      # 200 simulated holdouts instead

The log has five campaigns for each contact, of which a tenth is held out from each by a draw of its own. What a message
adds to a chance of a response of 5 to 15 % lies between -2 and 6 %, by an attribute of the contact.

A simulated holdout has 4,000 contacts, a fifth of them held out. How often do the intervals of the card hold what is
true: the mean of what messages add, and what messages to contacts with uplift above 0 bring, less those to all and to
nobody? The latter two are asked of the model itself, for contacts drawn anew. It has learned from all contacts, and the
card speaks of models that have learned from two thirds: so the truth may well be above the interval, and should seldom
be below.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from journeykit import Playbook, Response
from journeykit.learning import Feature, FeatureMatrix, MessageHistory, UpliftRows, fit_uplift
from journeykit.learning.holdout_log import HoldoutLog
from journeykit.tables import BadRows

AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
UNTIL = AT + timedelta(days=30)
CAMPAIGNS = 5
SALE = Response(name="sale", event="purchase", within="14d")


def large_log(contacts: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    """A log of all campaigns, the contacts and the events."""
    random = np.random.default_rng(1)
    ids = pa.array([f"c{number:07}" for number in range(contacts)])
    age = random.integers(18, 80, contacts)
    held = random.random((contacts, CAMPAIGNS)) < 0.1
    who, campaign = np.divmod(np.arange(contacts * CAMPAIGNS), CAMPAIGNS)
    log = pa.table(
        {
            "contact_id": ids.take(pa.array(who)),
            "campaign_id": pa.array([f"campaign-{number}" for number in range(CAMPAIGNS)]).take(pa.array(campaign)),
            "decided_at": pa.array(np.full(len(who), int(AT.timestamp() * 1e6)), pa.timestamp("us", "UTC")),
            "reason": pa.array(["granted", "holdout"]).take(pa.array(held.ravel().astype(int))),
            "rule": pa.array([None, "holdout of one"]).take(pa.array(held.ravel().astype(int))),
        }
    )
    adds = np.where(held, 0.0, (age[:, None] - 33) / 600).sum(axis=1) / CAMPAIGNS
    rows = np.flatnonzero(random.random(contacts) < 0.05 + age / 800 + adds)
    at = int(AT.timestamp() * 1e6) + random.integers(1, 10**12, len(rows))
    events = pa.table(
        {
            "contact_id": ids.take(pa.array(rows)),
            "event": pa.array(["purchase"] * len(rows)),
            "at": pa.array(at, pa.timestamp("us", "UTC")),
        }
    )
    return log, pa.table({"contact_id": ids, "age": age}), events


def time_it(millions: float) -> None:
    """Learn from a large log, step by step."""
    log, contacts, events = large_log(int(millions * 1e6 / CAMPAIGNS))
    playbook = Playbook(responses=[SALE])
    touches = pa.table({"contact_id": ["c0000000"], "sent_at": [AT - timedelta(days=60)]})
    start, used = time.perf_counter(), time.process_time()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - start:6.1f} s, {time.process_time() - used:6.1f} s of processor time: {what}")

    history = MessageHistory.read(playbook, touches, events, until=UNTIL, contacts=contacts, static=["age"])
    say("the past is read")
    found = HoldoutLog.read(log, zone=None, bad=BadRows())
    say(f"the log is read: {log.num_rows:,} rows")
    rows = found.rows(SALE, history, events, until=UNTIL, zone=None, bad=BadRows())
    say(f"rows to compare: {len(rows):,}")
    model = fit_uplift("sale", rows)
    say(f"uplift is learned, by {model.card.chosen}")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB of memory at most")


def simulated(seed: int, contacts: int = 4_000) -> tuple[UpliftRows, np.ndarray]:
    """A holdout, and what a message adds to each contact."""
    random = np.random.default_rng(seed)
    kind, other = random.random(contacts) < 0.4, random.normal(size=contacts)
    treated = random.random(contacts) >= 0.2
    adds = np.where(kind, 0.12, -0.04) + 0.02 * np.tanh(other)
    label = random.random(contacts) < 0.15 + 0.05 * np.tanh(other) + adds * treated
    features = (Feature("kind"), Feature("other"), Feature("campaign", "category", ("news",)))
    rows = UpliftRows(
        matrix=FeatureMatrix(features, np.column_stack([kind, other, np.zeros(contacts)])),
        treated=treated,
        label=label,
        contact=np.arange(contacts),
        campaign=np.zeros(contacts),
        campaigns=("news",),
    )
    return rows, adds


def cover(runs: int) -> None:
    """How often intervals hold the truth."""
    others, truth = simulated(10**6, 200_000)
    names = ("mean uplift", "uplift above 0, less all", "uplift above 0, less nobody")
    sides = {name: np.zeros(3, int) for name in names}
    chosen: dict[str, int] = {}
    for seed in range(runs):
        rows, _ = simulated(seed)
        model = fit_uplift("sale", rows, seed=seed)
        card, send = model.card, model.uplift(others.matrix)[0] > 0
        said = (card.campaigns[0].effect, card.over_everyone, card.over_nobody)
        true = (truth.mean(), np.where(send, 0, -truth).mean(), np.where(send, truth, 0).mean())
        for name, own, value in zip(names, said, true, strict=True):
            sides[name][0 if value < own.low else 2 if value > own.high else 1] += 1
        chosen[card.chosen] = chosen.get(card.chosen, 0) + 1
    for name, counts in sides.items():
        below, within, above = (f"{100 * count / runs:.1f} %" for count in counts)
        print(f"{name}: of {runs} intervals of 95 % {within} hold the truth; it is below {below}, above {above}")
    print("chosen:", ", ".join(f"{name} {count}" for name, count in sorted(chosen.items())))


def main() -> None:
    """Ask for one or the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--million", type=float, default=5.0, help="so many million rows of the log (5)")
    parser.add_argument("--runs", type=int, help="simulate so many holdouts instead")
    given = parser.parse_args()
    if given.runs:
        cover(given.runs)
    else:
        time_it(given.million)


if __name__ == "__main__":
    main()
