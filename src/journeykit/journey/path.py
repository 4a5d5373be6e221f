"""What a contact did, and the way that it led him."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from journeykit.civil import micros
from journeykit.errors import ModelError
from journeykit.fields import optional_text, required_text, shown
from journeykit.journey.model import Transition


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
        text: in words: the event; what the names and calls of a rule were; since when there was silence.
        at: the instant of the last event that it rests on; None where there was none.
    """

    text: str
    at: datetime | None = None

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


@frozen
class Placement:
    """Where a contact is on the journey, and how he came there.

    Attributes:
        contact: his id, or None.
        stage: where he is.
        path: the stages that he entered, first to last; empty for one who has not entered the journey.
        ignored: what did not count, by why: ``future``, ``duplicate``, ...; only what occurred.
    """

    contact: str | None
    stage: str
    path: tuple[Step, ...] = ()
    ignored: Mapping[str, int] = field(factory=dict)

    @property
    def since(self) -> datetime | None:
        """When he entered the stage on which he is; None for one who has not entered the journey."""
        return self.path[-1].since if self.path else None

    def stage_at(self, at: datetime) -> str | None:
        """The stage on which he was at an instant of the past; None before he entered the journey."""
        return next((step.stage for step in reversed(self.path) if step.since <= at), None)
