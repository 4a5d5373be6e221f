"""The steps that a message takes to a contact: it fits, it is live, they are in its audience, and they agreed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.clock import clock, micros
from journeykit.engine.eligibility import Subject, failures
from journeykit.model.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from journeykit.engine.message import Message
    from journeykit.model.contact import Contact
    from journeykit.reporting.matrix_layout import MatrixLayout, Profile
    from journeykit.reporting.matrix_tally import MatrixTally

STEPS: dict[str, frozenset[Reason]] = {
    "suppressed": frozenset({Reason.SUPPRESSED}),
    "opted_out": frozenset({Reason.OPTED_OUT}),
    "no_content": frozenset({Reason.WRONG_STAGE, Reason.WRONG_ROLE}),
    "foreign_owner": frozenset({Reason.WRONG_OWNER}),
    "no_campaign": frozenset({Reason.CAMPAIGN_CLOSED}),
    "not_in_audience": frozenset({Reason.NOT_IN_AUDIENCE}),
    "holdout": frozenset({Reason.HOLDOUT}),
    "no_consent": frozenset({Reason.NO_CONSENT}),
    "missing_data": frozenset({Reason.MISSING_DATA}),
}
"""The steps in their order, each with the reasons for which a message falls out there."""


class ContactSteps:
    """Which messages can address a contact, one contact at a time.

    Args:
        layout: the messages.
        at: the instant, aware.
    """

    def __init__(self, layout: MatrixLayout, at: datetime) -> None:
        self.layout = layout
        self.at = micros(at)
        self._playbook = layout.ruleset.playbook

    def add_to(self, tally: MatrixTally, contact: Contact) -> None:
        """Count a contact."""
        subject = Subject(contact, self._playbook, clock(contact.timezone or self._playbook.timezone), self.at)
        failed = [self._failed(subject, message) for message in self.layout.messages]
        eligible = [not own for own in failed]
        counts = tally.counts_of(why_none(failed), self._reach(contact), eligible)
        tally.add(self._profiles(subject), counts)
        tally.meet(eligible)

    def _failed(self, subject: Subject, message: Message) -> frozenset[Reason]:
        """Why a message cannot address the contact; quiet hours pass."""
        found = {reason for reason, _ in failures(subject, message, self.at)} - {Reason.QUIET_HOURS}
        if message.campaign.split is not None and message.campaign.variant_of(subject.contact.id) != message.content_id:
            # Another variant is theirs.
            found |= STEPS["no_content"]
        return frozenset(found)

    def _reach(self, contact: Contact) -> Iterator[bool]:
        """Whether a message that needs consent reaches the contact by each channel."""
        is_open = not (contact.suppressed or contact.opted_out)
        needed = self._playbook.on_missing.consent == "deny"
        for channel in self.layout.channels:
            agreed = contact.consent_for(channel, self.at)
            yield is_open and (agreed is True or (agreed is None and not needed))

    def _profiles(self, subject: Subject) -> Iterator[Profile]:
        contact, layout = subject.contact, self.layout
        stage, role = layout.stage_of(contact.stage), layout.role_of(contact.role)
        if layout.audience != "segment":
            yield None, stage, role
            return
        for segment in contact.segments or (None,):
            yield segment, stage, role


def why_none(failed: list[frozenset[Reason]]) -> str | None:
    """The step at which the last message falls out; None where one comes through.

    Example:
        >>> why_none([frozenset({Reason.WRONG_STAGE}), frozenset({Reason.CAMPAIGN_CLOSED, Reason.NO_CONSENT})])
        'no_campaign'
    """
    left = failed
    if not left:
        return "no_content"
    for name, reasons in STEPS.items():
        left = [own for own in left if not own & reasons]
        if not left:
            return name
    return None
