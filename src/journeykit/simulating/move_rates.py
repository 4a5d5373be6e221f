"""The chances with which contacts move on a day without a message, estimated from what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.clock import DAY, clock, micros
from journeykit.errors import ModelError
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.simulating.journey_places import journey_places
from journeykit.simulating.sent_messages import SentMessages
from journeykit.tables.arrow.kept_table import KeptTable
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.event_log import is_property

if TYPE_CHECKING:
    from datetime import datetime

    from journeykit.journey.stages import Transition
    from journeykit.playbook.playbook import Playbook


def daily_chances(
    playbook: Playbook,
    events: Any,
    touches: Any = None,
    contacts: Any = None,
    *,
    until: datetime,
    zone: str | None = None,
) -> dict[str, dict[str, float]]:
    """Estimate how contacts move on a day without a message, for `simulate`.

    All events until an instant are placed on the journey. A move counts if an event or a rule made it, and no message
    is to be credited with it: its event is no response of the playbook, or no message was sent within the response's
    ``within`` before. Moves by time alone do not count, since the journey makes them in a simulation too. Of a stage
    with ``n`` such moves in ``d`` days of contacts there, without the days on which they got a message, contacts move
    at the rate ``n / d``; of several rates ``r`` the chance of a day is ``1 - exp(-sum of r)``, in parts as the rates
    are (competing risks with constant hazards).

    Args:
        playbook: the rule set, with a journey.
        events: what contacts did: whatever `Arbiter.decide_table` takes.
        touches: the messages that contacts got, likewise; None where there were none.
        contacts: contacts, likewise, where the journey's rules ask for attributes; None for all who did something.
        until: events and messages until this instant count, aware.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.

    Returns:
        By stage, and by the stage to which a contact goes, the chance; stages that nobody leaves so are left out.

    Raises:
        DataError: for a table that cannot be used.
        ModelError: for a playbook without a journey.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Playbook
        >>> playbook = Playbook.from_dict({
        ...     "journey": {"stages": ["lead", "customer"],
        ...                 "transitions": [{"from": "lead", "to": "customer", "event": "purchase"}]}
        ... })
        >>> log = [{"contact_id": name, "event": "visit", "at": "2026-11-01T09:00Z"} for name in ("anna", "ben")]
        >>> log.append({"contact_id": "anna", "event": "purchase", "at": "2026-11-05T09:00Z"})
        >>> found = daily_chances(playbook, log, contacts=[
        ...     {"contact_id": name, "entered_at": "2026-11-01T09:00Z"} for name in ("anna", "ben")
        ... ], until=datetime(2026, 11, 7, 9, tzinfo=UTC))
        >>> round(found["lead"]["customer"], 4)  # one move in ten days
        0.0952
    """
    journey = playbook.journey
    if journey is None:
        raise ModelError("the playbook has no journey on which contacts could move", field="playbook")
    known, end = None if zone is None else clock(zone).zone, micros(until)
    log = KeptTable.of(open_source(events, "events", typed=is_property, zone=known))
    found = journey_places(journey, log, contacts, until, zone=zone, timezone=playbook.timezone)
    stages, size = [stage.name for stage in journey.stages], len(journey.stages)
    contact, stage, since = (found.step(name).astype(np.int64) for name in ("contact", "stage", "since"))
    way = found.step("way").astype(np.int64)
    sent = SentMessages.of(touches, ContactNumbers.of(found.ids), end, known)
    is_next = np.append(contact[1:] == contact[:-1], np.False_)
    leaves = np.where(is_next, np.append(since[1:], end), end)
    days = np.bincount(stage, leaves - since, size) / DAY - sent.days_by(contact, stage, since, leaves, size)
    reach = np.array([_reach(own, playbook) for own in journey.transitions] or [0], np.int64)
    place = np.flatnonzero(is_next) + 1
    own = place[way[place] >= 0]
    own = own[reach[way[own]] >= 0]
    own = own[~sent.follows(contact[own], since[own], reach[way[own]])]
    moves = np.bincount(stage[own - 1] * size + stage[own], minlength=size * size).reshape(size, size)
    chances = {}
    for number, name in enumerate(stages):
        total = int(moves[number].sum())
        if total and days[number] > 0:
            whole = -np.expm1(-total / days[number])
            row = {to: float(whole * count / total) for to, count in zip(stages, moves[number].tolist(), strict=True)}
            chances[name] = {to: chance for to, chance in row.items() if chance}
    return chances


def _reach(way: Transition, playbook: Playbook) -> int:
    """How long after a message a move by a transition may be its doing; -1 for one that time alone makes."""
    if way.after is not None:
        return -1
    events = {way.event} if way.when is None else way.when.events
    return max((own.length for own in playbook.responses if own.event in events), default=0)
