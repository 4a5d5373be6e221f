"""What a summary counts, kept small while the contacts pass."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from journeykit.basics.validation import MILLIONTH
from journeykit.engine.attention import STAGE_VALUE
from journeykit.engine.data_needs import LOSS, DataNeeds
from journeykit.engine.eligibility import NEEDS_SCORE
from journeykit.job.claim_counts import NOTHING, ClaimCounts
from journeykit.journey import Journey
from journeykit.model.outcome import Reason

if TYPE_CHECKING:
    from journeykit.engine.arm_deciders import ArmDeciders
    from journeykit.engine.decider import Decider
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.playbook.playbook import Playbook

_OTHER = "(other)"
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
        # By outcome, reason, team, stage and channel, how many claims there are.
        self._rows: Counter[tuple[str | None, ...]] = Counter()
        self._counts = ClaimCounts()
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
        own = self._counts
        own.contacts += 1
        # In millionths, so that the sum is exact in any order.
        own.value += round(decision.total * MILLIONTH)
        own.bound += round(decision.bound * MILLIONTH)
        own.unproven += not decision.optimal
        own.drawn += decision.vector is not None
        stage, rows = contact.stage, self._rows
        gaps = contact.timezone is None or stage is None or contact.role is None or self._lacks_consent(contact)
        needs = self._needs if decision.arm is None else self._needs_of(decision.arm)
        gaps = gaps or needs.values
        stage = self.stage_name(stage)
        invalid = []
        for row in decision.rows:
            channel = row.channel
            if row.reason is Reason.INVALID:
                invalid.append(row.note)
                # A bad claim may say anything here.
                channel = channel if channel is None or channel in self._channels else _OTHER
            else:
                if gaps or channel is None:
                    own.missing.update(needs.gaps(contact, row))
                if row.reason is Reason.MISSING_DATA and row.rule in _DENIED_FOR:
                    own.missing[_DENIED_FOR[row.rule]] += 1
                own.without_chance += self._explores and row.chance is None and row.reason in _ELIGIBLE
            rows[row.outcome, row.reason, row.team, stage, channel] += 1
            if row.binding:
                # Of a claim that was not eligible the others are known only where rows explain.
                own.rules.update(row.binding if row.reason in _COMPETED else row.binding[:1])
        return self._count_faults(invalid, counted) if invalid else None

    def _needs_of(self, arm: str) -> DataNeeds:
        """What the claims of contacts in an arm need."""
        if arm not in self._needs_in:
            self._needs_in[arm] = self._needs if self._arms is None else DataNeeds(self._arms.named(arm).playbook)
        return self._needs_in[arm]

    def stage_name(self, stage: str | None) -> str | None:
        """A stage as it is counted: all that the playbook does not name are one."""
        return stage if stage is None or stage in self._stages else _OTHER

    def add_contacts(self, count: int) -> None:
        """Count contacts whose claims are counted elsewhere."""
        self._counts.contacts += count

    @property
    def contacts(self) -> int:
        """How many contacts were counted."""
        return self._counts.contacts

    def counts(self) -> ClaimCounts:
        """What was counted so far, as a value of its own."""
        found = ClaimCounts()
        found.merge(self._counts)
        groups = (found.teams, found.stages, found.channels)
        for key, count in self._rows.items():
            outcome, reason, *names = (str(part or NOTHING) for part in key)
            found.outcomes[outcome] += count
            found.reasons[reason] += count
            for group, name in zip(groups, names, strict=True):
                group.setdefault(name, Counter())[outcome] += count
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
            self._counts.faults.add(kind or note.partition(", found")[0][:80], note[:200])
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
