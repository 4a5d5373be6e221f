"""What a contact did, and the path on which it led them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from journeykit.basics.clock import micros
from journeykit.basics.validation import optional_text, required_text, shown
from journeykit.errors import ModelError
from journeykit.journey.stages import Transition
from journeykit.rule import Operand

if TYPE_CHECKING:
    from journeykit.model.contact import Contact


def _aware(_: Any, __: Any, value: datetime) -> None:
    micros(value)


def _properties(_: Any, __: Any, value: object) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ModelError(f"properties must be a mapping of names to values, found {shown(value)}", field="properties")


@frozen
class Event:
    """Something that a contact did, or that happened to them.

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
        since: when the contact entered, in UTC.
        transition: what led them there; None for the stage on which they entered the journey.
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


NOT_QUALIFIED, NOT_AGAIN, OTHER_STAGE = "not_qualified", "not_again", "other_stage"
"""Why an event took no transition."""


@frozen
class Untaken:
    """An event that was to take a transition, and took none.

    Attributes:
        event: its name.
        at: when, in UTC.
        stage: the stage on which the contact was; None before the contact entered the journey.
        why: ``not_qualified``, where the stage that it leads to asks for what was not true (`Stage.qualified`);
            ``not_again``, where that stage could not be entered again then; or ``other_stage``, where it takes no
            transition from the contact's stage.
        to: the stage that did not let the contact in; None for ``other_stage``.
        rule: what that stage asks for, where ``not_qualified``.
        facts: what that rule read.
    """

    event: str
    at: datetime
    stage: str | None
    why: str
    to: str | None = None
    rule: str | None = None
    facts: tuple[Operand, ...] = ()

    def __str__(self) -> str:
        if self.why == NOT_QUALIFIED:
            read = f" ({', '.join(map(str, self.facts))})" if self.facts else ""
            why = f"{self.to!r} asks for {self.rule}{read}"
        elif self.why == NOT_AGAIN:
            why = f"{self.to!r} cannot be entered again then"
        elif self.stage is None:
            why = "the contact has not entered the journey yet"
        else:
            why = f"it takes none from {self.stage!r}"
        return f"{self.at:%Y-%m-%d %H:%M} {self.event} took no transition: {why}"


@frozen
class Placement:
    """Where a contact is on the journey, and how they came there.

    Attributes:
        contact: the id, or None.
        stage: where they are.
        path: the stages that they entered, first to last; empty for one who has not entered the journey.
        noted: what was noted of their events, by what; only what occurred. ``future`` and ``duplicate`` ones were not
            used, nor was a property where a number was needed and it had another value (``not_a_number``); a name
            that the journey does not ask for (``unknown_event``) breaks a silence all the same. Events that took no
            transition are counted by the reason, as `Untaken.why` says.
        untaken: the events that were to take a transition, and took none.
    """

    contact: str | None
    stage: str
    path: tuple[Step, ...] = ()
    noted: Mapping[str, int] = field(factory=dict)
    untaken: tuple[Untaken, ...] = ()

    @property
    def since(self) -> datetime | None:
        """When they entered the stage on which they are; None for one who has not entered the journey."""
        return self.path[-1].since if self.path else None

    def stage_at(self, at: datetime) -> str | None:
        """The stage on which they were at an instant of the past; None before they entered the journey."""
        return next((step.stage for step in reversed(self.path) if step.since <= at), None)

    def applied_to(self, contact: Contact) -> Contact:
        """The contact with the stage on which they are here, and since when: what an arbiter decides on.

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
        return evolve(contact, stage=self.stage, stage_since=self.since)

    def __str__(self) -> str:
        told = [(step.since, f"  {step}") for step in self.path] + [(own.at, f"  {own}") for own in self.untaken]
        lines = [line for _, line in sorted(told, key=itemgetter(0))]
        return "\n".join([f"{self.contact or 'the contact'} is on {self.stage}", *lines])
