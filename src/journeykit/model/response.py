"""Responses: which events are credited to which messages."""

from __future__ import annotations

from attrs import evolve, field, frozen

from journeykit.basics.validation import instance, one_of, optional_text, required_text
from journeykit.errors import ModelError
from journeykit.model.cap import Scope
from journeykit.model.rest import Rest, micros_of_lag
from journeykit.model.touch import IGNORED
from journeykit.model.window import Lag

LAST, FIRST, LINEAR = "last", "first", "linear"
CREDITS = (LAST, FIRST, LINEAR)
"""The ways in which an event is credited."""


def _lag(value: Lag | str) -> Lag:
    return Lag.parse(value) if isinstance(value, str) else value


@frozen(kw_only=True)
class Response:
    """Events of one name, credited to the messages that they follow.

    An event is credited to messages of its contact that are in scope, earlier than the event, and at most `within`
    earlier. One that names a campaign (``campaign_id``) is credited to messages of this campaign alone, and one that
    names a message (``decision_id``) to that message alone. A day has 24 hours.

    Attributes:
        name: how measures refer to it. ``opt_out`` and ``complaint`` are well known: see `WELL_KNOWN`.
        event: the name of the events.
        within: how long after a message an event still is a response to it.
        value: the property of the events that says what one is worth; None where they have no value.
        where: which messages can be credited.
        credit: to which message an event is credited where it follows several: the ``last``, the ``first``, or
            all of them in equal parts (``linear``).

    Raises:
        ModelError: for a field that is not as above.

    Example:
        >>> sale = Response(name="sale", event="purchase", value="amount", within="14d")
        >>> sale.credit, str(sale.within)
        ('last', '14d')
    """

    name: str = field(validator=required_text)
    event: str = field(validator=required_text)
    within: Lag = field(converter=_lag, validator=instance(Lag))
    value: str | None = field(default=None, validator=optional_text)
    where: Scope = field(factory=Scope, validator=instance(Scope))
    credit: str = field(default=LAST, validator=one_of(*CREDITS))

    def __attrs_post_init__(self) -> None:
        if not self.length:
            raise ModelError(f"within is longer than nothing, found {self.within}", field="within")
        if self.event == IGNORED:
            raise ModelError(f"{IGNORED!r} is a message without a response, and no event of a table", field="event")

    @property
    def length(self) -> int:
        """How long after a message an event still is a response to it, in microseconds."""
        return micros_of_lag(self.within)


WELL_KNOWN = tuple(Response(name=name, event=name, within="30d") for name in ("opt_out", "complaint"))
"""The responses that there are without a section: events of these names, within 30 days, the last message credited.

A response of a playbook that has one of these names takes its place.
"""


def rests_by_event(rests: tuple[Rest, ...], given: tuple[Response, ...]) -> tuple[Rest, ...]:
    """Rests that name events as their responses, where they name responses of a playbook.

    Args:
        rests: the playbook's.
        given: its responses.

    Example:
        >>> sale = Response(name="sale", event="purchase", within="14d")
        >>> rest = Rest(name="quiet", event="ignored", rest="30d", response=["sale", "click"])
        >>> rests_by_event((rest,), (sale,))[0].response
        ('purchase', 'click')
    """
    events = {own.name: own.event for own in given}
    return tuple(
        evolve(own, response=tuple(dict.fromkeys(events.get(name, name) for name in own.response)))
        if not events.keys().isdisjoint(own.response)
        else own
        for own in rests
    )


def responses_of(given: tuple[Response, ...], events: frozenset[str] | set[str]) -> tuple[Response, ...]:
    """The responses of a playbook, and after them the well-known ones for whose events there are some.

    Args:
        given: the playbook's.
        events: the names of the events that there are.

    Example:
        >>> [own.name for own in responses_of((), {"opt_out", "click"})]
        ['opt_out']
    """
    named = {own.name for own in given}
    return (*given, *(own for own in WELL_KNOWN if own.name not in named and own.event in events))
