"""The events of a send log, written into a ledger: what each means for the message that it is about."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from journeykit.ledger.consent_word import ConsentWord, is_known
from journeykit.ledger.reservation import (
    BOUNCED,
    EXPIRED,
    FAILED,
    RELEASED,
    RESERVED,
    SENT,
    Reservation,
    message_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from journeykit.ledger.transaction import Transaction

OPTED_OUT, OPTED_IN, SUPPRESSED, UNSUPPRESSED = CONSENT_STATUSES = "opted_out", "opted_in", "suppressed", "unsuppressed"
TAKING_BACK = (OPTED_IN, UNSUPPRESSED)
_WITHIN = timedelta(days=2)


class LogTarget(Protocol):
    """What reading a send log needs of a ledger."""

    def person(self, contact: str) -> str:
        """The hash by which the ledger knows a contact."""

    def transaction(self, contacts: Sequence[str] = ()) -> AbstractContextManager[Transaction]:
        """One transaction, in which nobody else may decide some contacts."""


class LogEvent:
    """One row of a send log."""

    __slots__ = ("named", "part", "reservation", "scopes", "status", "touch")

    def __init__(
        self, touch: Reservation, status: str, reservation: str | None, scopes: Sequence[Mapping[str, Any]], part: str
    ) -> None:
        # What the message is called where its reservation's id is all that is known of it.
        self.named = None if reservation is None else message_of(touch.contact, reservation)
        self.touch = touch if touch.id or self.named is None else evolve(touch, id=self.named, message=self.named)
        self.status = status
        self.reservation = reservation
        # Of a word of consent, what it is about; of one about several topics, each of them.
        self.scopes = scopes
        # Of a message, which part of it this is; empty where it has none.
        self.part = part


def write_events(ledger: LogTarget, events: Sequence[LogEvent], counts: Counter[str], *, any_campaign: bool) -> None:
    """Write one piece of a log, in one transaction.

    Args:
        ledger: the ledger.
        events: the piece.
        counts: how many events there were of each kind, which is added to.
        any_campaign: whether the log tells no campaigns.
    """
    contacts = list(dict.fromkeys(event.touch.contact for event in events))
    own: Counter[str] = Counter()
    with ledger.transaction(contacts) as transaction:
        writer = EventWriter(ledger, transaction, events, any_campaign=any_campaign)
        for event in events:
            own[writer.write(event)] += 1
    counts.update(own)


_WORSE = {SENT: 0, FAILED: 1, BOUNCED: 2}


def _parts_of(known: Reservation) -> dict[str, str]:
    """What is known of the parts of a message; one that has none is a part itself."""
    if known.parts or known.message is None:
        return dict(known.parts)
    return {"": known.status} if known.status in _WORSE else {}


class EventWriter:
    """Writes events, and knows what the ledger holds of their messages and contacts."""

    def __init__(
        self, ledger: LogTarget, transaction: Transaction, events: Sequence[LogEvent], *, any_campaign: bool
    ) -> None:
        self.ledger = ledger
        self.transaction = transaction
        self.any_campaign = any_campaign
        contacts = list(dict.fromkeys(event.touch.contact for event in events))
        called = {name for event in events for name in (event.touch.id, event.named) if name}
        # By what a log calls it, the id of each message that is known.
        self.ids = transaction.ids_of(sorted(called))
        # Only what a decision has reserved, and no log has told of yet, can be what a row is about.
        near = [own.id for own in transaction.of_contacts(contacts) if own.run_id is not None and not own.message]
        ids = {*self.ids.values(), *near, *(event.reservation for event in events if event.reservation)}
        # By id, as they are now; all at once, so that no two jobs wait for each other.
        self.held = transaction.held(sorted(ids))
        self.open: dict[str, dict[str, Reservation]] = {contact: {} for contact in contacts}
        for held in map(self.held.__getitem__, near):
            if held.status in (RESERVED, SENT, EXPIRED):
                self.open[held.contact][held.id] = held
        self.said: dict[str, list[ConsentWord]] = {}
        speakers = dict.fromkeys(event.touch.contact for event in events if event.status in CONSENT_STATUSES)
        for word in transaction.said([ledger.person(contact) for contact in speakers]):
            self.said.setdefault(word.person, []).append(word)

    def write(self, event: LogEvent) -> str:
        """Write one event; what it was."""
        if event.status in CONSENT_STATUSES:
            return self._say(event)
        known = self._named(event) or self.held.get(self.ids.get(event.touch.id, ""))
        if known is not None and (known.message is not None or known.run_id is None):
            return self._move(known, event, "changed")
        match = known or self._nearest(event.touch)
        if match is None:
            touch = evolve(event.touch, parts={event.part: event.status} if event.part else {})
            self.transaction.add([touch])
            self.ids[touch.id] = touch.id
            self.held[touch.id] = touch
            return "new"
        # Another message may be called so: then the reservation's id is what it is known by.
        called = event.touch.id if event.touch.id not in self.ids else str(event.named)
        self.transaction.tell_message([(match.id, called)])
        self.ids[called] = match.id
        self.open[match.contact].pop(match.id, None)
        self._move(match, event, "matched")
        self.held[match.id] = evolve(self.held[match.id], message=called)
        return "matched"

    def _named(self, event: LogEvent) -> Reservation | None:
        """The message whose reservation's id a row carries; that of a released one is a message of its own."""
        told = self.held.get(event.reservation or "")
        if told is None or told.contact != event.touch.contact:
            return None
        if told.status != RELEASED:
            return told
        event.touch = evolve(event.touch, id=str(event.named), message=event.named)
        return None

    def _move(self, known: Reservation, event: LogEvent, what: str) -> str:
        """Take what is known of a message as far as an event says; what it was."""
        before = _parts_of(known)
        parts = before | {event.part: max(before.get(event.part, SENT), event.status, key=_WORSE.__getitem__)}
        # It has failed where no part of it was delivered.
        told = parts.values()
        status = SENT if SENT in told else max(told, key=_WORSE.__getitem__)
        moved = known
        if known.status in (RESERVED, EXPIRED):
            self.transaction.move([(known, SENT)])
            moved = evolve(known, status=SENT)
        if moved.status != status:
            self.transaction.move([(moved, status)])
            moved = evolve(moved, status=status)
        if parts != before and set(parts) != {""}:
            self.transaction.tell_parts([(known.id, parts)])
            moved = evolve(moved, parts=parts)
        self.held[known.id] = moved
        return "repeated" if moved is known else what

    def _nearest(self, touch: Reservation) -> Reservation | None:
        """The reservation that a row without its id is most likely about, or None."""
        near = [
            held
            for held in self.open[touch.contact].values()
            if (self.any_campaign or held.campaign == touch.campaign)
            and touch.channel in (None, held.channel)
            and touch.content in (None, held.content)
            and abs(held.at - touch.at) <= _WITHIN
        ]
        return min(near, key=lambda held: (abs(held.at - touch.at), held.micros, held.id), default=None)

    def _say(self, event: LogEvent) -> str:
        person = self.ledger.person(event.touch.contact)
        said = self.said.setdefault(person, [])
        found = "repeated"
        for scope in event.scopes:
            word = ConsentWord(
                person=person,
                contact=event.touch.contact,
                at=event.touch.at,
                taken_back=event.status in TAKING_BACK,
                **scope,
            )
            if not is_known(word, said):
                self.transaction.say(word)
                said.append(word)
                found = "opt_ins" if word.taken_back else "opt_outs"
        return found
