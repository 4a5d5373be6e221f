"""Quotas: many contacts, 50 campaigns, 50 capacities; against HiGHS on the same linear problem.

    python benchmarks/quotas.py                                # 100,000 contacts; and journeykit on 1,000,000
    python benchmarks/quotas.py --contacts 10000 --highs 120   # HiGHS is stopped after 120 seconds
    python benchmarks/quotas.py --solver ipm                   # only this solver of HiGHS's

Every campaign may reach at most so many contacts, and a contact gets at most two messages. Weights are made of how
appealing the campaign is, how much the contact likes messages at all, how well the campaign's topic suits the contact's
segment, and noise. The linear problem has whole corners for each contact, so that its optimum is the bound that
journeykit certifies. HiGHS gets it as arrays; the seconds are those of its run alone, by one thread: with the solver
that it chooses, which is the yardstick, and with its interior point method, the quickest of the others here.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from datetime import UTC, datetime
from typing import Any

import highs_model
import numpy as np

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
CAMPAIGNS, EACH, SEGMENTS = 50, 2, 8
FULL = 0.6
"""All capacities together, as a share of what the contacts could take."""
BLOCK = 50_000
WANTED_GAP, WANTED_RATIO = 0.0001, 100


class Instance:
    """Who may get what, what it is worth, and how often each campaign may go out; more contacts only add to fewer."""

    def __init__(self, contacts: int, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        appeal = rng.lognormal(0, 0.5, CAMPAIGNS)
        fit = rng.lognormal(0, 0.5, (SEGMENTS, CAMPAIGNS))
        share = rng.lognormal(0, 0.6, CAMPAIGNS)
        owners, campaigns, weights = [], [], []
        for start in range(0, contacts, BLOCK):
            count = min(BLOCK, contacts - start)
            block = np.random.default_rng([seed, start])
            affinity = block.lognormal(0, 0.5, BLOCK)
            segment = block.integers(0, SEGMENTS, BLOCK)
            eligible = block.random((BLOCK, CAMPAIGNS), np.float32)[:count] < 0.7
            noise = np.exp(0.4 * block.standard_normal((BLOCK, CAMPAIGNS), np.float32))[:count]
            weight = (appeal * fit[segment[:count]] * affinity[:count, None]).astype(np.float32) * noise
            contact, campaign = np.nonzero(eligible)
            owners.append((contact + start).astype(np.int32))
            campaigns.append(campaign.astype(np.int8))
            weights.append(weight[eligible])
        self.contacts = contacts
        self.owner = np.concatenate(owners)
        self.campaign = np.concatenate(campaigns)
        self.weight = np.concatenate(weights)
        self.capacity = np.ceil(share / share.sum() * FULL * EACH * contacts).astype(int)

    def claims(self) -> Any:
        """The table of claims."""
        import pyarrow as pa

        ids = pa.array([f"k{number}" for number in range(CAMPAIGNS)])
        return pa.table(
            {
                "contact_id": self.owner,
                "campaign_id": pa.DictionaryArray.from_arrays(self.campaign, ids),
                "weight": self.weight,
            }
        )

    def playbook(self) -> Any:
        """The rules."""
        from journeykit import Playbook

        names = [f"k{number}" for number in range(CAMPAIGNS)]
        return Playbook.from_dict(
            {
                "name": "capacities",
                "content": [{"id": name, "channel": "email"} for name in names],
                "campaigns": [{"id": name, "content": [name]} for name in names],
                "caps": [{"name": "two each", "max": EACH, "window": "ever"}],
                "quotas": [
                    {"name": f"seats of {name}", "max": int(most), "where": {"campaign": name}}
                    for name, most in zip(names, self.capacity, strict=True)
                ],
                "on_missing": {"consent": "allow"},
            }
        )

    def model(self) -> highs_model.Model:
        """The linear problem: a column for each claim, a row for each contact and each campaign."""
        count = len(self.owner)
        rows = np.empty(2 * count, np.int32)
        rows[0::2] = self.owner
        rows[1::2] = self.contacts + self.campaign.astype(np.int32)
        row_count = self.contacts + CAMPAIGNS
        return highs_model.Model(
            self.weight.astype(np.float64),
            np.zeros(count),
            np.ones(count),
            np.full(row_count, -highs_model.INFINITE),
            np.concatenate([np.full(self.contacts, float(EACH)), self.capacity.astype(float)]),
            np.arange(0, 2 * count + 1, 2, dtype=np.int32),
            rows,
            np.ones(2 * count),
        )


def highs(instance: Instance, limit: float, solver: str, threads: int) -> highs_model.Solved:
    """HiGHS on the linear problem."""
    found = highs_model.solve(instance.model(), limit=limit, solver=solver, threads=threads)
    prices = found.duals[instance.contacts :]
    print(
        f"HiGHS ({solver}, {threads} thread{'s' if threads > 1 else ''}) on {instance.contacts:,} contacts,"
        f" {len(instance.owner):,} columns: {found.seconds:.1f} s, {found.status}, objective {found.objective:,.3f},"
        f" {found.iterations:,} iterations, {int((prices > 1e-9).sum())} capacities bind"
    )
    return found


def ours(instance: Instance) -> tuple[float, dict[str, Any]]:
    """The seconds of `decide_table`, and its summary as data; prints what was found and what the checker says."""
    import pyarrow.compute as pc

    from journeykit import Arbiter

    arbiter, asked, told = Arbiter(instance.playbook()), instance.claims(), []
    granted = []
    began = time.perf_counter()
    for table in arbiter.decide_table(None, claims=asked, at=AT, stream=True, summary=told.append):
        kept = table.filter(pc.equal(table["outcome"], "granted"))
        granted.append([kept[name].to_numpy() for name in ("contact_id", "campaign_id", "weight")])
    seconds = time.perf_counter() - began
    owner, campaign, weight = (np.concatenate(parts) for parts in zip(*granted, strict=True))
    number = np.array([int(name[1:]) for name in campaign])
    usage = np.bincount(number, minlength=CAMPAIGNS)
    over = int((usage > instance.capacity).sum())
    crowded = int((np.bincount(owner.astype(np.int64)) > EACH).sum())
    summary = told[0].to_dict()
    print(
        f"journeykit on {instance.contacts:,} contacts, {len(instance.owner):,} claims: {seconds:.1f} s,"
        f" {instance.contacts / seconds:,.0f} contacts/s, value {summary['value']:,.3f}, bound {summary['bound']:,.3f},"
        f" gap {summary['gap']:.4%} (wanted {WANTED_GAP:.2%}); the weights granted add up to"
        f" {weight.sum():,.3f}; capacities broken {over}, contacts with too many {crowded}"
    )
    if over or crowded:
        sys.exit("a hard rule is broken")
    return seconds, summary


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--highs", type=float, default=600, metavar="SECONDS", help="when to stop HiGHS")
    parser.add_argument("--solver", nargs="+", default=["choose", "ipm"], help="HiGHS's: choose, simplex, ipm, pdlp")
    parser.add_argument("--threads", type=int, default=1, help="HiGHS's")
    parser.add_argument("--highs-only", action="store_true", help="leave journeykit out")
    given = parser.parse_args()
    instance = Instance(given.contacts)
    if not given.highs_only:
        ours(Instance(1000))  # so that the kernels are warm
        seconds, summary = ours(instance)
    for solver in given.solver:
        found = highs(instance, given.highs, solver, given.threads)
        if not given.highs_only:
            least = "" if found.optimal else "at least "
            print(f"  journeykit is {least}{found.seconds / seconds:,.1f} times as fast (wanted {WANTED_RATIO})")
            if found.optimal:
                print(f"  journeykit reaches {summary['value'] / found.objective:.4%} of the linear optimum")
    if not given.highs_only:
        contacts = 10 * instance.contacts
        del instance, found
        gc.collect()
        ours(Instance(contacts))


if __name__ == "__main__":
    main()
