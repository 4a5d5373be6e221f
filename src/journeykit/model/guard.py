"""Guards: what harm a campaign may do before it is paused."""

from __future__ import annotations

from attrs import field, frozen

from journeykit.basics.validation import instance, number, required_text
from journeykit.errors import ModelError
from journeykit.model.cap import Scope
from journeykit.model.rest import micros_of_lag
from journeykit.model.window import Lag

LEAST_RESPONSES = 3
"""Fewer responses than these trip no guard, however few the messages are."""


def _lag(value: Lag | str) -> Lag:
    return Lag.parse(value) if isinstance(value, str) else value


@frozen(kw_only=True)
class Guard:
    """How many responses of one kind, such as complaints, a campaign may have per message.

    It trips for a campaign with three responses or more in the window whose rate is above `max`. The rate is the
    messages with a credited response, of the campaign's messages in the window, the youngest included: harm counts at
    once. A campaign for which it trips is paused until a person lifts that; see `TrippedGuards`.

    Attributes:
        name: how decisions refer to it: the rule of the claims that it stops.
        response: the name of a response of the playbook, or ``opt_out`` or ``complaint``, which need no section.
        max: the highest rate that does not trip it, from 0 to 1.
        window: how far back messages count; a day has 24 hours.
        where: which messages count. The campaign is paused as a whole.

    Raises:
        ModelError: for a field that is not as above.

    Example:
        >>> guard = Guard(name="complaints", response="complaint", max=0.001, window="30d")
        >>> guard.trips(responses=3, answered=3, messages=3_000), guard.trips(responses=4, answered=4, messages=3_000)
        (False, True)
    """

    name: str = field(validator=required_text)
    response: str = field(validator=required_text)
    max: float = field(validator=number(0, 1))
    window: Lag = field(converter=_lag, validator=instance(Lag))
    where: Scope = field(factory=Scope, validator=instance(Scope))

    def __attrs_post_init__(self) -> None:
        if not self.length:
            raise ModelError(f"window is longer than nothing, found {self.window}", field="window")

    @property
    def length(self) -> int:
        """How far back messages count, in microseconds."""
        return micros_of_lag(self.window)

    def trips(self, *, responses: int, answered: int, messages: int) -> bool:
        """Whether it trips for a campaign.

        Args:
            responses: the events that are credited to its messages in the window.
            answered: how many of these messages have one.
            messages: how many messages it has in the window.
        """
        return responses >= LEAST_RESPONSES and answered / messages > self.max
