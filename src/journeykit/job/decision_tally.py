"""What a summary counts, kept small while the contacts pass."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from journeykit.basics.validation import MILLIONTH
from journeykit.engine.attention import STAGE_VALUE
from journeykit.engine.data_needs import DATA_NEEDS, LOSS, DataNeeds
from journeykit.engine.eligibility import NEEDS_SCORE
from journeykit.journey import Journey
from journeykit.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.engine.arm_deciders import ArmDeciders
    from journeykit.engine.decider import Decider
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.playbook.playbook import Playbook

NOTHING = "(none)"
_OTHER = "(other)"
KINDS = 100
"""So many kinds of faults are told apart; what comes later is another one."""
_SHOWN = 10
_COMPETED = frozenset(
    {Reason.RESTING, Reason.CAPPED, Reason.CONFLICT, Reason.REQUIRES, Reason.QUOTA_FULL, Reason.OUTBID}
)
"""The reasons for which a claim lost that was eligible, and worth it."""
_ELIGIBLE = _COMPETED | {Reason.GRANTED}
_DENIED_FOR = {NEEDS_SCORE: "score", STAGE_VALUE: LOSS}
"""What claims lack that are denied for it, by the rule."""


class DecisionTally:
    """What a summary counts, kept small while the contacts pass.

    Args:
        playbook: the rule set.
        arms: the rules of the contacts in each arm; None without experiments.
    """

    def __init__(self, playbook: Playbook, arms: ArmDeciders[Decider] | None = None) -> None:
        self.playbook = playbook
        self._arms = arms
        self._needs_in: dict[str, DataNeeds] = {}
        self._policies = (playbook.policy, *(() if arms is None else arms.policies))
        self.contacts = 0
        self.value = 0
        self.bound = 0
        self.unproven = 0
        self.drawn = 0
        self.without_chance = 0
        self.rows: Counter[tuple[str | None, ...]] = Counter()
        self.rules: Counter[str] = Counter()
        self._sums: list[Counter[str]] = [Counter(), Counter()]
        self._groups: list[dict[str | None, Counter[str]]] = [{}, {}, {}]
        self.missing: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._needs = DataNeeds(playbook)
        contents = playbook.content or ()
        self._stages = {stage.name for stage in (playbook.journey or Journey()).stages}
        self._stages.update(stage for content in contents for stage in content.stages or ())
        self._channels = {content.channel for content in contents}
        self._explores = playbook.explore is not None

    def count(self, contact: Contact, decision: Decision, counted: int = 0) -> str | None:
        """Count a contact, of whose claims so many are counted as bad rows already.

        Returns:
            What is wrong with a claim that is not counted as bad yet, where the policy is not at fault; else None.
        """
        self.contacts += 1
        # In millionths, so that the sum is exact in any order.
        self.value += round(decision.total * MILLIONTH)
        self.bound += round(decision.bound * MILLIONTH)
        self.unproven += not decision.optimal
        self.drawn += decision.vector is not None
        stage, rows = contact.stage, self.rows
        gaps = contact.timezone is None or stage is None or contact.role is None or self._lacks_consent(contact)
        needs = self._needs if decision.arm is None else self._needs_of(decision.arm)
        gaps = gaps or needs.values
        if stage is not None and stage not in self._stages:
            stage = _OTHER
        invalid = []
        for row in decision.rows:
            channel = row.channel
            if row.reason is Reason.INVALID:
                invalid.append(row.note)
                # A bad claim may say anything here.
                channel = channel if channel is None or channel in self._channels else _OTHER
            else:
                if gaps or channel is None:
                    self.missing.update(needs.gaps(contact, row))
                if row.reason is Reason.MISSING_DATA and row.rule in _DENIED_FOR:
                    self.missing[_DENIED_FOR[row.rule]] += 1
                self.without_chance += self._explores and row.chance is None and row.reason in _ELIGIBLE
            rows[row.outcome, row.reason, row.team, stage, channel] += 1
            if row.binding:
                # Of a claim that was not eligible the others are known only where rows explain.
                self.rules.update(row.binding if row.reason in _COMPETED else row.binding[:1])
        return self._count_faults(invalid, counted) if invalid else None

    def _needs_of(self, arm: str) -> DataNeeds:
        """What the claims of contacts in an arm need."""
        if arm not in self._needs_in:
            self._needs_in[arm] = self._needs if self._arms is None else DataNeeds(self._arms.named(arm).playbook)
        return self._needs_in[arm]

    def plus(
        self,
        sums: Sequence[Counter[str]],
        groups: Sequence[Mapping[str | None, Counter[str]]],
        missing: Mapping[str, int],
        value: int,
        explored: Sequence[int] = (0, 0),
    ) -> DecisionTally:
        """This tally and what was counted elsewhere.

        Args:
            sums: how many claims have each outcome and reason, and how many losing ones each rule stops.
            groups: by team, stage and channel, how many claims have each outcome.
            missing: how many claims lack which data.
            value: the value of what was granted, proven to be the best, in millionths.
            explored: how many contacts were drawn, and how many eligible claims have no chance.
        """
        found = DecisionTally(self.playbook, self._arms)
        vars(found).update(vars(self))
        found._sums = [Counter(more) for more in sums[:2]]
        found.rules = self.rules + Counter(sums[2])
        found._groups = [dict(group) for group in groups]
        stages: dict[str | None, Counter[str]] = {}
        for name, counts in groups[1].items():
            known = name if name is None or name in self._stages else _OTHER
            stages.setdefault(known, Counter()).update(counts)
        found._groups[1] = stages
        found.missing = self.missing + Counter(missing)
        found.value += value
        found.bound += value
        found.drawn += explored[0]
        found.without_chance += explored[1]
        return found

    def _count_faults(self, notes: list[str], counted: int) -> str | None:
        """Count by kind; neither the policy nor a cap is asked about a claim that is bad itself."""
        found = None
        for note in notes:
            kind = self._kind(note)
            if kind is None and counted:
                counted -= 1
                continue
            if not note.startswith("policy "):
                found = found or note[:200]
            kind = kind or note.partition(", found")[0][:80]
            if kind not in self.faults and len(self.faults) >= KINDS:
                kind = _OTHER
            self.faults[kind] += 1
            self._examples.setdefault(kind, note[:200])
        return found

    def _kind(self, note: str) -> str | None:
        failed = next((own for name in self._policies if note.startswith(own := f"policy {name!r} failed: ")), None)
        if failed is not None:
            return failed + note[len(failed) :].partition(":")[0][:80]
        if note.startswith("policy "):
            return "policy"
        return next((start for cap in self.playbook.caps if note.startswith(start := f"cap {cap.name!r}: ")), None)

    @staticmethod
    def _lacks_consent(contact: Contact) -> bool:
        return contact.consent is None or "*" not in contact.consent

    def by(self, place: int) -> dict[str, int]:
        """How many claims have each outcome (place 0) or reason (1)."""
        found: Counter[str] = Counter(self._sums[place])
        for key, count in self.rows.items():
            found[str(key[place] or NOTHING)] += count
        return _sorted(found)

    def by_rule(self) -> dict[str, int]:
        """How many losing claims each rule stops."""
        return _sorted(self.rules)

    def outcomes_by(self, place: int) -> dict[str, dict[str, int]]:
        """By team (place 2), stage (3) or channel (4), how many claims have each outcome."""
        found: dict[str, Counter[str]] = {}
        for name, counts in self._groups[place - 2].items():
            if counts.total():
                found.setdefault(str(name or NOTHING), Counter()).update(counts)
        for key, count in self.rows.items():
            found.setdefault(str(key[place] or NOTHING), Counter())[str(key[0])] += count
        return {name: {str(o): found[name][o] for o in Outcome if found[name][o]} for name in sorted(found)}

    def missing_data(self) -> dict[str, dict[str, Any]]:
        """How many claims lack which data, and what the playbook says to do then."""
        settings = self.playbook.on_missing
        fixed = {"score": "deny", LOSS: settings.stage}
        return {
            # Without a value of the stage, or a score that is needed, there is one thing to do, and so no setting.
            name: {
                "setting": getattr(settings, name, fixed.get(name, "allow")),
                "claims": self.missing[name],
            }
            for name in DATA_NEEDS
            if self.missing[name]
        }

    def notes(self) -> Iterator[str]:
        """What a person should look at."""
        how = self.playbook.explore
        if how is not None:
            yield f"explore: {self.drawn:,} of {self.contacts:,} contacts were drawn ({how.method}, {how.draws} draws)"
        if self.without_chance:
            yield (
                f"explore: {self.without_chance:,} eligible claims have no chance: the quotas settled their contacts "
                f"otherwise than prices alone would"
            )
        if self.unproven:
            yield f"the search for {self.unproven:,} contacts ended at the node budget, before the proof"
        for kind, count in self.faults.most_common(_SHOWN):
            yield f"{self._examples[kind]} ({count:,} claim{'s' * (count != 1)})"


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by name, the largest first."""
    return dict(sorted(((name, n) for name, n in counts.items() if n), key=lambda item: (-item[1], item[0])))
