"""What a contact did, and the way that it led him."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from journeykit.civil import micros
from journeykit.errors import ModelError
from journeykit.fields import optional_text, required_text, shown
from journeykit.journey.model import Transition
from journeykit.rule import Operand

if TYPE_CHECKING:
    from journeykit.contact import Contact


def _aware(_: Any, __: Any, value: datetime) -> None:
    micros(value)


def _properties(_: Any, __: Any, value: object) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ModelError(f"properties must be a mapping of names to values, found {shown(value)}", field="properties")


@frozen
class Event:
    """Something that a contact did, or that happened to him.

    Attributes:
        event: its name: ``webinar``, ``form``, ``purchase``, ...
        at: when, an aware datetime.
        properties: what else is known of it: ``{"amount": 120}``.
        id: what tells it from others; without one, two events that are equal in everything are one.

    Raises:
        ModelError: for a naive instant or an empty name.

    Example:
        >>> from datetime import UTC, datetime
        >>> Event("purchase", datetime(2026, 11, 5, 10, tzinfo=UTC), {"amount": 120}).properties["amount"]
        120
    """

    event: str = field(validator=required_text)
    at: datetime = field(validator=_aware)
    properties: Mapping[str, Any] = field(factory=dict, validator=_properties)
    id: str | None = field(default=None, validator=optional_text)


@frozen
class Evidence:
    """What a step rests on.

    Attributes:
        at: the instant of the last event that it rests on, in UTC; None where there was none.
        event: the event that took the transition, or brought the contact into the journey.
        facts: what a rule read, where a rule was true.
        silence: where a time-out ended: what did not happen, an event's name or ``event`` for any.
    """

    at: datetime | None = None
    event: str | None = None
    facts: tuple[Operand, ...] = ()
    silence: str | None = None

    @property
    def text(self) -> str:
        """The same in words."""
        if self.event is not None:
            return self.event
        if self.silence is not None:
            return f"no {self.silence}" + (f" since {self.at:%Y-%m-%d %H:%M}" if self.at else " at all")
        return ", ".join(map(str, self.facts)) or "given"

    def __str__(self) -> str:
        return self.text


@frozen
class Step:
    """A stage that a contact entered.

    Attributes:
        stage: which.
        since: when he entered, in UTC.
        transition: what led him there; None for the stage on which he entered the journey.
        evidence: what it rests on.
    """

    stage: str
    since: datetime
    transition: Transition | None
    evidence: Evidence

    def __str__(self) -> str:
        way = "entered the journey" if self.transition is None else self.transition.label
        why = "" if self.evidence.text == way else f" ({self.evidence})"
        return f"{self.since:%Y-%m-%d %H:%M} {self.stage}: {way}{why}"


@frozen
class Placement:
    """Where a contact is on the journey, and how he came there.

    Attributes:
        contact: his id, or None.
        stage: where he is.
        path: the stages that he entered, first to last; empty for one who has not entered the journey.
        noted: what was noted of his events, by what; only what occurred. ``future`` and ``duplicate`` ones were not
            used, nor was a property where a number was needed and it had another value (``not_a_number``); a name
            that the journey does not ask for (``unknown_event``) breaks a silence all the same.
    """

    contact: str | None
    stage: str
    path: tuple[Step, ...] = ()
    noted: Mapping[str, int] = field(factory=dict)

    @property
    def since(self) -> datetime | None:
        """When he entered the stage on which he is; None for one who has not entered the journey."""
        return self.path[-1].since if self.path else None

    def stage_at(self, at: datetime) -> str | None:
        """The stage on which he was at an instant of the past; None before he entered the journey."""
        return next((step.stage for step in reversed(self.path) if step.since <= at), None)

    def applied_to(self, contact: Contact) -> Contact:
        """The contact with the stage on which he is here: what an arbiter decides on.

        Raises:
            ModelError: if the placement is that of somebody else.

        Example:
            >>> from journeykit import Contact
            >>> Placement("anna", "decision").applied_to(Contact(id="anna", stage="awareness")).stage
            'decision'
        """
        if self.contact not in (None, contact.id):
            raise ModelError(
                f"the placement is that of {self.contact!r}, the contact is {contact.id!r}", field="contact"
            )
        return evolve(contact, stage=self.stage)

    def __str__(self) -> str:
        return "\n".join([f"{self.contact or 'the contact'} is on {self.stage}", *(f"  {step}" for step in self.path)])
