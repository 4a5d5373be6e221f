"""Credit for one contact, one event after another: what columns must agree with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.clock import micros
from journeykit.basics.validation import LARGEST
from journeykit.engine.ruleset import Ruleset
from journeykit.journey.event_history import campaign_in
from journeykit.journey.walk import identity
from journeykit.measuring.cell_columns import id_mark
from journeykit.measuring.message_table import tie_text
from journeykit.measuring.response_count import (
    BEFORE,
    LATE,
    NO_MESSAGE,
    OUT_OF_SCOPE,
    REPEATED,
    UNKNOWN_CAMPAIGN,
    UNKNOWN_DECISION,
)
from journeykit.model.response import FIRST, LINEAR, WELL_KNOWN, Response, responses_of
from journeykit.rule.values import as_number, as_text, is_empty, typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.journey import Event
    from journeykit.model.touch import Touch
    from journeykit.playbook.playbook import Playbook

_SENT = "sent"


@frozen
class CreditedEvent:
    """What became of an event of one response.

    Attributes:
        response: the name of the response.
        event: the event: its place among those that were given.
        messages: the messages to which it is credited: their places among the touches that were given.
        share: the part of it that each of them gets.
        value: what it is worth; None where it has no value.
        why_not: why it is credited to nothing (`journeykit.measuring.response_count.WHY_NOT`); None where it is.
    """

    response: str
    event: int
    messages: tuple[int, ...] = ()
    share: float = 1.0
    value: float | None = None
    why_not: str | None = None


def credit_contact(
    playbook: Playbook,
    touches: Sequence[Touch],
    events: Sequence[Event],
    *,
    decisions: Sequence[str | None] | None = None,
    campaigns: Iterable[str] = (),
) -> tuple[CreditedEvent, ...]:
    """What became of the events of one contact, response by response, in the order in which they happened.

    Args:
        playbook: the rule set.
        touches: what the contact got, in any order; what was not sent is no message.
        events: what the contact did, in any order.
        decisions: by touch, the decision that it came from; None where none is known.
        campaigns: the campaigns that are known besides those of the playbook and of these touches.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook, Response, Touch
        >>> from journeykit.journey import Event
        >>> playbook = Playbook(responses=[Response(name="sale", event="purchase", within="14d", credit="linear")])
        >>> days = [datetime(2026, 11, day, tzinfo=UTC) for day in (2, 4, 5)]
        >>> sent = [Touch(at=day) for day in days[:2]]
        >>> [(own.messages, own.share) for own in credit_contact(playbook, sent, [Event("purchase", days[2])])]
        [((0, 1), 0.5)]
    """
    ruleset = Ruleset(playbook)
    sent = [place for place, touch in enumerate(touches) if touch.status == _SENT]
    facets = {place: ruleset.facets(touches[place]) for place in sent}
    named = [None] * len(touches) if decisions is None else decisions
    # Of one instant in the order of what they are: the last of them is the last message.
    sent.sort(key=lambda place: (touches[place].micros, tie_text(touches[place]), _mark(named[place])))
    known = {*campaigns, *(own.id for own in playbook.campaigns or ())}
    known.update(name for own in facets.values() for name in own.get("campaign", ()))

    def candidates(response: Response, event: Event) -> list[int] | str:
        """The messages that an event may follow, or why there are none."""
        decision = _text(event.properties.get("decision_id"))
        campaign = campaign_in(event.properties)
        campaign = None if campaign is None else ruleset.vocabulary.spelt("campaign", campaign)
        found = [place for place in sent if response.where.surely_matches(facets[place])]
        if not sent:
            return NO_MESSAGE
        if decision is not None:
            found = [place for place in found if named[place] == decision]
            if not any(named[place] == decision for place in sent):
                return UNKNOWN_DECISION
        elif campaign is not None:
            found = [place for place in found if campaign in facets[place].get("campaign", ())]
            if campaign not in known:
                return UNKNOWN_CAMPAIGN
        return found or OUT_OF_SCOPE

    def credited(response: Response, place: int) -> CreditedEvent:
        event = events[place]
        at = micros(event.at)
        found = candidates(response, event)
        if isinstance(found, str):
            return CreditedEvent(response.name, place, why_not=found)
        found = [own for own in found if touches[own].micros < at]
        if not found:
            return CreditedEvent(response.name, place, why_not=BEFORE)
        found = [own for own in found if at <= touches[own].micros + response.length]
        if not found:
            return CreditedEvent(response.name, place, why_not=LATE)
        if response.credit != LINEAR:
            found = found[:1] if response.credit == FIRST else found[-1:]
        value = None if response.value is None else _number(event.properties.get(response.value))
        return CreditedEvent(response.name, place, tuple(found), 1 / len(found), value)

    def told() -> Iterator[CreditedEvent]:
        asked = {response.event for response in (*playbook.responses, *WELL_KNOWN)}
        mine = [place for place, event in enumerate(events) if event.event in asked]
        order = sorted(mine, key=lambda place: (micros(events[place].at), place))
        for response in responses_of(playbook.responses, {event.event for event in events}):
            seen = set[Any]()
            for place in order:
                own = identity(events[place])
                is_new = own not in seen
                seen.add(own)
                if events[place].event == response.event:
                    yield (
                        credited(response, place) if is_new else CreditedEvent(response.name, place, why_not=REPEATED)
                    )

    return tuple(told())


def _mark(decision: str | None) -> int:
    return 0 if decision is None else id_mark(decision)


def _text(value: Any) -> str | None:
    found = as_text(value)
    return None if found is None or is_empty(found) else found


def _number(value: Any) -> float | None:
    kind, number = typed(value)
    if kind == "text":
        number = as_number(value)
    return float(number) if kind in ("number", "text") and number is not None and abs(number) <= LARGEST else None
