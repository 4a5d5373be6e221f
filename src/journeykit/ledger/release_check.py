"""What forbids a message at the moment of sending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.clock import clock, micros
from journeykit.errors import ModelError
from journeykit.ledger.consent_word import ConsentWord, left_alone, standing
from journeykit.ledger.event_keeping import joined_events
from journeykit.ledger.guard_keeping import paused_now
from journeykit.ledger.reservation import ReleaseCheck
from journeykit.model.outcome import Reason
from journeykit.model.touch import Touch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from journeykit.engine.decider import Decider, HasDecider
    from journeykit.journey import Event
    from journeykit.ledger.reservation import (
        Reservation,
    )
    from journeykit.ledger.transaction import Transaction
    from journeykit.model.contact import Contact


def checked(
    judge: HasDecider | None,
    transaction: Transaction,
    contact: Contact,
    person: str,
    held: Reservation,
    at: datetime,
    events: Iterable[Event] | None,
) -> ReleaseCheck:
    """What forbids a reservation of a contact at an instant; see `BaseLedger.release_check`.

    Raises:
        ModelError: without a playbook, and for another contact's reservation.
    """
    if judge is None:
        raise ModelError("a release check needs a playbook: give arbiter=, here or to the ledger", field="arbiter")
    if held.contact != contact.id:
        raise ModelError(f"reservation {held.id!r} is one of {held.contact!r}, not of {contact.id!r}", field="contact")
    decider, words = paused_now(judge.decider, transaction), standing(transaction.said([person]))
    if decider.ruleset.events_asked:
        told = joined_events(transaction, [contact.id], None if events is None else {contact.id: events})
        history = [own.touch() for own in transaction.counting([contact.id])]
        contact = decider.ruleset.with_events(contact, None if told is None else told[contact.id], at)
        contact = decider.ruleset.with_ignored(contact, history, micros(at))
    return ReleaseCheck(reservation=held, reasons=reasons_against(decider, contact, words, held, at))


def reasons_against(
    decider: Decider, contact: Contact, words: Sequence[ConsentWord], held: Reservation, at: datetime
) -> tuple[tuple[Reason, str], ...]:
    """Every check of who is eligible that a reservation fails for a contact at an instant, in their order."""
    from journeykit.engine.eligibility import Subject, failures, withdrawn_topics

    ruleset = decider.ruleset
    vocabulary = ruleset.vocabulary
    contact = left_alone(vocabulary.contact(contact), words, vocabulary)
    opening = ruleset.message_of(held.touch())
    if isinstance(opening, str):
        return ((Reason.CAMPAIGN_CLOSED, opening),)
    own = ruleset.clock if contact.timezone is None else clock(contact.timezone)
    now = micros(at)
    subject = Subject(contact, ruleset.playbook, own, now)
    over = held.expires_by if held.expires is not None and at > held.expires else None
    found = list(failures(subject, opening, now, expired=over))
    if opening.campaign.needs_consent:
        # It is about what was written down when it was decided. Of what the playbook has for it by now, a contact who
        # does not want to hear of that is not told either.
        today = ruleset.message_of(Touch(at=at, campaign=held.campaign, content=held.content, channel=held.channel))
        assert not isinstance(today, str)  # noqa: S101  (the playbook has the message)
        more = [topic for topic in today.topics if topic not in opening.topics]
        found += [(Reason.NO_CONSENT, rule) for rule in withdrawn_topics(contact, more, now)]
    order = list(Reason)
    return tuple(sorted(found, key=lambda failed: order.index(failed[0])))
