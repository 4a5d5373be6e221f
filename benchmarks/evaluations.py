"""How often intervals of evaluations cover the truth: logs of contacts of whom each gets one of four campaigns.

``python benchmarks/evaluations.py [LOGS]``

A log sends each contact the campaign that it takes for best, but for a share whose contacts get one by uniform draws;
other decisions take another campaign for best where they score otherwise. Chances of an answer differ by contact and
campaign, and are known here, so what the other decisions would have brought is known too.
"""

import sys

import numpy as np

from journeykit.evaluating import estimate_policy

CAMPAIGNS, DRAWS = 4, 50
CASES = [
    # contacts, messages of each, share drawn, mean chance of an answer
    (1_000, 1, 1.0, 0.08),
    (1_000, 1, 0.5, 0.08),
    (2_000, 1, 0.2, 0.08),
    (5_000, 1, 0.1, 0.08),
    (20_000, 1, 0.05, 0.03),
    (1_000, 1, 0.2, 0.3),
    (1_000, 4, 0.3, 0.08),
]


def simulate(generator, contacts, messages, share, base):
    """One log as the arrays of `estimate_policy`, and what is true."""
    rows = contacts * messages
    liking = np.repeat(generator.normal(0, 0.5, contacts), messages)[:, None]
    spread = generator.normal(0, 0.4, (rows, CAMPAIGNS))
    answers = np.clip(base * np.exp(liking + spread) * np.linspace(0.6, 1.4, CAMPAIGNS), 0, 0.9)
    worth = np.linspace(10, 40, CAMPAIGNS)
    own, others = (np.argmax(answers * np.exp(generator.normal(0, s, answers.shape)), axis=1) for s in (0.6, 0.3))
    every = np.arange(rows)
    chance = share * generator.multinomial(DRAWS, np.full(CAMPAIGNS, 1 / CAMPAIGNS), rows) / DRAWS
    chance[every, own] += 1 - share
    sent = (generator.random((rows, 1)) > chance.cumsum(axis=1)[:, :-1]).sum(axis=1)
    sent = np.eye(CAMPAIGNS, dtype=bool)[sent]
    wanted = np.eye(CAMPAIGNS)[others]
    answered = sent & (generator.random(answers.shape) < answers)
    value = answered * worth * generator.lognormal(-0.5, 1, answers.shape)
    unit = np.repeat(np.arange(contacts), messages * CAMPAIGNS)
    arrays = {"sent": sent.ravel(), "chance": chance.ravel(), "wanted": wanted.ravel(), "unit": unit}
    chosen = [answers[every, others].mean(), (answers * worth)[every, others].mean()]
    log = [(chance * answers).sum(axis=1).mean(), (chance * answers * worth).sum(axis=1).mean()]
    return arrays, (answered.ravel(), value.ravel()), chosen, log


def expected(arrays, outcome):
    """By claim, the mean outcome of its campaign among the contacts of the other half."""
    campaign = np.tile(np.arange(CAMPAIGNS), len(outcome) // CAMPAIGNS)
    half, found = arrays["unit"] % 2, np.zeros(len(outcome))
    for part in range(2):
        learnt = arrays["sent"] & (half != part)
        overall = outcome[learnt].mean()
        sums = np.bincount(campaign[learnt], outcome[learnt], CAMPAIGNS) + 10 * overall
        found[half == part] = (sums / (np.bincount(campaign[learnt], minlength=CAMPAIGNS) + 10))[campaign[half == part]]
    return found


def cover(number, case, seed=0):
    """The shares of logs whose intervals cover the truth, by what is estimated; and the mean effective sample size."""
    generator = np.random.default_rng([seed, *(int(1_000 * part) for part in case)])
    counts, size = {}, 0.0
    for _ in range(number):
        arrays, outcomes, chosen, log = simulate(generator, *case)
        for what, outcome, truth, before in zip(("rate", "value"), outcomes, chosen, log, strict=True):
            found = estimate_policy(**arrays, outcome=outcome, expected=expected(arrays, outcome))
            size += found.size / number / 2
            for own in found.found:
                for name, ends, true in (
                    ("", own.found.ends, truth),
                    (" less the log's", own.difference.ends, truth - before),
                ):
                    key = f"{own.method} {what}{name}"
                    counts[key] = counts.get(key, 0) + (ends is not None and ends[0] <= true <= ends[1])
    return {name: count / number for name, count in counts.items()}, size


if __name__ == "__main__":
    logs = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for case in CASES:
        covered, size = cover(logs, case)
        contacts, messages, drawn, answer = case
        print(
            f"{contacts:,} contacts, {messages} messages each, {drawn:.0%} drawn, {answer:.0%} answer: size {size:,.0f}"
        )
        for name, share in covered.items():
            print(f"  {name:40} {share:6.1%}", flush=True)
