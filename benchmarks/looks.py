"""Looking at an experiment every day: how often intervals find a difference that is not there, and one that is.

    python benchmarks/looks.py                 # 2,000 runs of each case
    python benchmarks/looks.py --runs 200

10,000 contacts are dealt out to two arms. Each gets a message every fifth day for 60 days, twelve in all, and answers
each with a chance of its own (3 % in the mean, from a beta distribution whose middle is 1.8 %), so that those who
answered once are likely to answer again. On each of the 60 days both intervals of `Difference` are looked at: that for
one look, and that which holds at every look, with a horizon of 60 days. They are asked for the share of contacts that
answered at all, for the number of answers per contact, and for an amount per contact: each answer brings one, lognormal
with the mean 1 and the deviation 1.3 (sigma 1), so that a few bring much of it.

With no difference an interval that leaves out 0 on any day is an error. With one (a quarter more answers in the new
arm) it is a find, and one that leaves out the true difference of that day is an error.

The pace of answers is even, unless a case says otherwise: `early` has half of them in the first five days, `faster`
has them grow a thousandfold from the first day to the last, `late wave` has nine tenths in the last twelve days, and
`entering` has contacts come evenly over the 60 days, each of whom gets messages from then on.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from attrs import frozen

from journeykit.measuring import ArmOutcomes, Difference

DAYS, EVERY, MESSAGES = 60, 5, 12
CONTACTS = 10_000
CHANCE, SHAPE = 0.03, 1.2
"""Chances are from a beta distribution with this mean and this first parameter."""
SPLITS = (0.5, 0.1)
LIFT = 1.25
WANTED = 0.05
SIGMA = 1.0
KINDS = ("contacts that answered", "answers per contact", "amount per contact")
PACES = {
    "even": np.ones_like,
    "early": lambda day: np.exp(-day / 7.2),
    "faster": lambda day: np.exp(day * np.log(1_000) / DAYS),
    "late wave": lambda day: np.where(day < 48, 0.1 / 48, 0.9 / 12),
}


@frozen
class Case:
    """One way in which contacts answer.

    Attributes:
        share: of the new arm.
        lift: by what a chance is multiplied there.
        pace: a name of `PACES`, or ``entering``.
    """

    share: float
    lift: float
    pace: str

    @property
    def first_days(self) -> int:
        """On how many days, from the first on, contacts get their first message."""
        return DAYS if self.pace == "entering" else EVERY

    @property
    def factor(self) -> np.ndarray:
        """By day, how much likelier an answer is than in the mean."""
        factor = PACES.get(self.pace, PACES["even"])(np.arange(DAYS, dtype=float))
        return factor / factor.mean()

    @property
    def truth(self) -> np.ndarray:
        """By day, the true difference of answers per contact; all contacts are there from the first day on."""
        return CHANCE * (self.lift - 1) * np.cumsum(self.factor) / EVERY


def run(case: Case, generator: np.random.Generator) -> np.ndarray:
    """By arm and day: contacts assigned so far, those that answered, answers and their squares, amounts and theirs."""
    is_old = (generator.random(CONTACTS) >= case.share).astype(int)
    first_day = generator.integers(0, case.first_days, CONTACTS)
    own = generator.beta(SHAPE, SHAPE * (1 - CHANCE) / CHANCE, CONTACTS) * np.where(is_old, 1, case.lift)
    days = first_day[:, None] + EVERY * np.arange(MESSAGES)
    chance = own[:, None] * np.append(case.factor, np.zeros(DAYS))[days]
    contact, message = np.nonzero(generator.random(days.shape, dtype=np.float32) < chance)
    amount = generator.lognormal(-SIGMA * SIGMA / 2, SIGMA, len(contact))
    # Answers lie by contact, then by day: what each had before is the sum so far, less that before their first answer.
    is_first = np.append(True, contact[1:] != contact[:-1])
    number, total = np.arange(len(contact)), np.cumsum(amount) - amount
    start = np.maximum.accumulate(np.where(is_first, number, 0))
    before, amount_before = number - start, total - total[start]
    more = is_first, np.ones(len(contact)), 2 * before + 1, amount, (2 * amount_before + amount) * amount
    cell = is_old[contact] * DAYS + days[contact, message]
    sums = [np.bincount(cell, of, 2 * DAYS) for of in more]
    came = np.where(case.first_days == EVERY, 0, first_day)
    sums.insert(0, np.bincount(is_old * DAYS + came, minlength=2 * DAYS))
    return np.cumsum(np.reshape(sums, (6, 2, DAYS)), axis=2)


def looked(case: Case, sums: np.ndarray) -> np.ndarray:
    """What daily looks find: by kind, day and interval, whether it leaves out 0; and the truth."""
    found = np.zeros((len(KINDS), DAYS, 2, 2), bool)
    truth = case.truth
    for day in range(DAYS):
        arms = sums[:, :, day].T.tolist()
        for kind in range(len(KINDS)):
            pair = [
                ArmOutcomes.counted("", int(contacts), int(some), *(rest[2 * kind - 2 : 2 * kind] if kind else ()))
                for contacts, some, *rest in arms
            ]
            own = Difference.between(*pair, progress=(day + 1) / DAYS)
            if own.always is None:
                continue  # neither is looked at before 20 contacts of each arm have answered
            for place, (low, high) in enumerate((own.fixed, own.always)):
                found[kind, day, place] = not low <= 0 <= high, not low <= truth[day] <= high
    return found


def show(case: Case, runs: int) -> bool:
    """Print what a case gives; whether the interval that holds at every look errs no more often than it may."""
    places = sorted([*PACES, "entering"])
    generator = np.random.default_rng([int(100 * case.share), int(100 * case.lift), places.index(case.pace)])
    found = np.array([looked(case, run(case, generator)) for _ in range(runs)])
    once, days = found[:, :, -1].mean(axis=0), found.any(axis=2).mean(axis=0)
    sound = True
    for kind, name in enumerate(KINDS):
        start = f"  {round(100 * case.share)}/{round(100 - 100 * case.share)}  {case.pace:9}  {name:22} "
        if case.lift == 1:
            print(f"{start} {once[kind, 0, 0]:8.2%} {days[kind, 0, 0]:8.2%} {days[kind, 1, 0]:8.2%}")
            sound = sound and days[kind, 1, 0] <= WANTED
            continue
        own = found[:, kind, :, 1, 0]
        half = np.median(own.argmax(axis=1)[own.any(axis=1)]) + 1
        print(f"{start} {once[kind, 0, 0]:8.2%} {'':8} {days[kind, 1, 0]:8.2%}   day {half:.0f}", end="")
        if kind:
            print(f"   {days[kind, 0, 1]:8.2%} {days[kind, 1, 1]:8.2%}", end="")
            sound = sound and days[kind, 1, 1] <= WANTED
        print()
    return bool(sound)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000)
    given = parser.parse_args()
    began = time.process_time()
    print(f"no difference: found all the same, in {given.runs:,} runs each")
    print(f"  {'arms':5}  {'pace':9}  {'of':22} {'one look':>8} {'':8} {'every':>8}\n  {'':41} once daily look")
    sound = [show(Case(share, 1.0, pace), given.runs) for pace in (*PACES, "entering") for share in SPLITS]
    print(f"{LIFT - 1:.0%} more answers in the new arm: found, half of them by, truth left out on any day")
    sound += [show(Case(share, LIFT, "even"), given.runs) for share in SPLITS]
    print(f"{time.process_time() - began:.0f} s of processor time")
    if not all(sound):
        sys.exit(f"wanted: at most {WANTED:.0%} errors; missed")


if __name__ == "__main__":
    main()
