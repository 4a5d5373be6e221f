"""Candidates and winners: the claims of one contact, before and after."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import TYPE_CHECKING

from journeykit.basics.clock import micros

if TYPE_CHECKING:
    from datetime import date

    from journeykit.engine.effects import Effects
    from journeykit.engine.message import Message
    from journeykit.engine.ruleset import Degrees
    from journeykit.model.claim import Claim

Level = tuple[int, int]
"""Tier and rank: the smaller is decided first."""


Group = Hashable
"""A claim, by its number, or by its campaign and date; and the step of a series."""


class Candidate:
    """One claim, or one of the contents that it leaves open.

    Attributes:
        message: what it asks to send; None where that is not known.
        claim: the claim.
        group: claims of one group exclude each other: the contents of one claim.
        slots: the instants at which it could go if it were eligible.
        instants: those at which it is.
        weight: in millionths, or None where it was not weighed.
        obeys_caps: whether caps can stop it.
        level: tier and rank.
        fit: how far it fits the contact, once that has been asked.
        fault: what is wrong with it, or None.
        own_date: its own date or instant as a text, which tells apart claims that ask for the same thing; or nothing.
        claim_id: its own id, which does so too; or nothing.
        contact: the contact's id where an account is decided together; else nothing.
        duplicate: its number among claims that ask for the same thing; 0 for the one that is decided.
        outside: its own date, where that lies outside the decision's span.
        refused: the names of the checks that do not allow it, once they have been asked.
        expiry: the last instant at which it may go, and the rule that says so; None where there is none.
        is_occasion: whether it is for one of the campaign's own dates, without being asked for.
        before: in a series, the step that must go before it; None for one that need not wait.
        passed: in a series, the later step that has gone, where it was passed over and is not gone back to; or None.
    """

    __slots__ = (
        "before",
        "claim",
        "claim_id",
        "contact",
        "duplicate",
        "expiry",
        "fault",
        "fit",
        "group",
        "instants",
        "is_occasion",
        "level",
        "message",
        "obeys_caps",
        "outside",
        "own_date",
        "passed",
        "refused",
        "slots",
        "weight",
    )

    def __init__(
        self, message: Message | None, claim: Claim, group: Group, slots: list[int], *, fault: str | None = None
    ) -> None:
        self.message = message
        self.obeys_caps = True
        self.claim = claim
        self.group: Group = group
        self.slots = slots
        self.instants: list[int] = []
        self.weight: int | None = None
        self.level: Level = (0, 0)
        self.fault = fault
        self.fit: Degrees | None = None
        self.outside: str | None = None
        self.refused: tuple[str, ...] | None = None
        self.expiry: tuple[int, str] | None = None
        self.own_date = "" if claim.at is None or fault is not None else _own_date(claim.at)
        self.claim_id = "" if claim.id is None or fault is not None else claim.id
        self.duplicate = 0
        self.contact = ""
        self.is_occasion = False
        self.before: Message | None = None
        self.passed: Message | None = None
        if message is not None:
            self.obeys_caps = message.campaign.obeys_caps
            if message.step >= 0:
                # The steps of a series do not exclude each other.
                self.group = group, message.step

    @property
    def is_step(self) -> bool:
        """Whether it is a step of a series that others come before."""
        return self.before is not None or self.passed is not None

    @property
    def source(self) -> Hashable:
        """The claim that it is of, by its number, or by its campaign."""
        return self.group[0] if isinstance(self.group, tuple) else self.group

    @property
    def repeat_key(self) -> tuple[str, str | None, int]:
        """What tells apart claims that repeat each other: campaign and id, and the step of a series."""
        return self.claim.campaign, self.claim.id, -1 if self.message is None else self.message.step

    def expired(self, at: int) -> str | None:
        """The rule by which it is over at an instant; None where it may still go."""
        return self.expiry[1] if self.expiry is not None and at > self.expiry[0] else None


class Winner:
    """A granted claim: when it goes, and what it does to others."""

    __slots__ = ("at", "candidate", "effects", "number")

    def __init__(self, candidate: Candidate, at: int, effects: Effects, number: int) -> None:
        self.candidate = candidate
        self.at = at
        self.effects = effects
        self.number = number


def _own_date(at: datetime | date) -> str:
    return str(micros(at)) if isinstance(at, datetime) else at.isoformat()


def message_of(candidate: Candidate) -> Message:
    """What a candidate asks to send, for one that is known to be sound."""
    assert candidate.message is not None  # noqa: S101  (a candidate without a message is faulty, and never gets this far)
    return candidate.message


def claim_order(candidate: Candidate, at: int) -> tuple[int, str, int, tuple[int, str, str, str], str, str]:
    """The place of a candidate, at an instant, in the order of claims."""
    tie = message_of(candidate).tie
    return -(candidate.weight or 0), candidate.contact, at, tie, candidate.own_date, candidate.claim_id
