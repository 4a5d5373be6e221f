"""What a run counts, from the numbers that kernels give."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from journeykit.engine.data_needs import DATA_NEEDS
from journeykit.kernels.interface.codes import (
    NOT_IN_AUDIENCE,
    OPTED_OUT,
    RULE_OPTED_OUT,
    RULE_SUPPRESSED,
    SUPPRESSED,
    WRONG_ROLE,
    WRONG_STAGE,
)
from journeykit.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.kernels.interface.decision_arrays import DecisionCounts


REASONS = tuple(Reason)

OUTCOMES = tuple(Outcome)


class Counts:
    """What the kernels counted, by what a summary tells apart."""

    def __init__(self, layout: RulesetArrays) -> None:
        self.layout = layout
        self.labels = np.zeros((max(1, len(layout.list)), len(REASONS), 3), np.int64)
        self.rules: Counter[str] = Counter()
        self.stages = np.zeros((len(layout.stages.list) + 2, 3), np.int64)
        self.missing = np.zeros(len(DATA_NEEDS), np.int64)
        self.usage = np.zeros(len(layout.quotas.sides), np.int64)
        self.explored = np.zeros(2, np.int64)
        self.value = 0

    def add(self, tally: DecisionCounts, rules: Sequence[str]) -> None:
        """Add the counts of a chunk."""
        self.labels += tally.labels
        self.stages += tally.stages
        self.missing += tally.missing
        self.usage += tally.usage
        self.explored += tally.explored
        low, high = tally.sums.tolist()
        self.value += low + (high << 32)
        for rule in np.flatnonzero(tally.rules).tolist():
            self.rules[rules[rule]] += int(tally.rules[rule])

    def by_rule(self) -> Counter[str]:
        """How many losing claims each rule stops; of those that were not eligible, how many it stops first."""
        found = Counter(self.rules)
        texts, openings = self.layout.rules.list, self.layout.parts["openings"]
        places = {
            SUPPRESSED: [RULE_SUPPRESSED] * len(openings),
            OPTED_OUT: [RULE_OPTED_OUT] * len(openings),
            NOT_IN_AUDIENCE: openings["rule_audience"].tolist(),
            WRONG_STAGE: openings["rule_stage"].tolist(),
            WRONG_ROLE: openings["rule_role"].tolist(),
        }
        named = (openings["part_from"] < openings["part_to"]).tolist()
        for reason, rules in places.items():
            for opening, rule in enumerate(rules):
                if reason == NOT_IN_AUDIENCE and named[opening]:
                    continue  # by the rule that fails: the kernels count it
                found[texts[rule]] += int(self.labels[opening, reason].sum())
        return found

    def outcomes(self) -> Counter[str]:
        """How many claims have each outcome."""
        totals = self.labels.sum(axis=(0, 1))
        return Counter({outcome.value: int(totals[place]) for place, outcome in enumerate(OUTCOMES)})

    def reasons(self) -> Counter[str]:
        """How many claims have each reason."""
        totals = self.labels.sum(axis=(0, 2))
        return Counter({reason.value: int(totals[place]) for place, reason in enumerate(REASONS)})

    def by(self, names: Sequence[str | None]) -> dict[str | None, Counter[str]]:
        """By a name of each opening, how many claims have each outcome."""
        found: dict[str | None, Counter[str]] = {}
        for place, name in enumerate(names):
            own = found.setdefault(name, Counter())
            for number, outcome in enumerate(OUTCOMES):
                own[outcome.value] += int(self.labels[place, :, number].sum())
        return found

    def by_stage(self) -> dict[str | None, Counter[str]]:
        """By stage, how many claims have each outcome; all stages that nothing names are one, the text empty."""
        names: Mapping[int, str | None] = dict(enumerate([*self.layout.stages.list, "", None]))
        return {
            names[place]: Counter({o.value: int(self.stages[place, n]) for n, o in enumerate(OUTCOMES)})
            for place in range(len(self.stages))
        }
