"""The audit of arms: which arms a contact is in, worked out anew, and the rules that hold there."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from journeykit.audit.violation import Violation
from journeykit.model.holdout import bucket
from journeykit.playbook.experiment_arms import changed_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.model.experiment import Arm, Experiment
    from journeykit.playbook.playbook import Playbook


class ArmAudit:
    """The arms of a contact.

    Attributes:
        rules: the playbook as these arms have it.
        named: the arms, as decisions name them; None for none.
    """

    def __init__(self, playbook: Playbook, contact: Contact) -> None:
        together = contact.account is not None and any(cap.per == "account" for cap in playbook.caps)
        key = contact.account if together and contact.account is not None else contact.id
        chosen = [(own.name, arm) for own in playbook.experiments if (arm := _arm_of(own, key)) is not None]
        self.named = ";".join(f"{name}:{arm.name}" for name, arm in chosen) or None
        self.rules = changed_rules(playbook, [arm.changes for _, arm in chosen]) if chosen else playbook

    def faults(self, decision: Decision) -> Iterator[Violation]:
        """What is wrong where a decision names other arms."""
        if self.named is None and decision.arm is None:
            return
        for found in dict.fromkeys([decision.arm, *(row.arm for row in decision.rows)]):
            if found != self.named:
                yield Violation(
                    "arm", f"decided in {found or 'no arm'}, and the contact is in {self.named or 'no arm'}"
                )


def _arm_of(experiment: Experiment, key: str) -> Arm | None:
    place = Fraction(str(bucket(experiment.seed or experiment.name, key)))
    end = Fraction(0)
    for arm in experiment.arms:
        end += Fraction(str(arm.share))
        if place < end:
            return arm
    return None
