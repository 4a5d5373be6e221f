"""All that a ledger holds, row by row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from journeykit.basics.clock import moment
from journeykit.basics.validation import shown
from journeykit.errors import ModelError, closest
from journeykit.ledger.waiting_claim import WaitingClaim
from journeykit.tables.touch_table import touch_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from journeykit.ledger.consent_word import ConsentWord
    from journeykit.ledger.reservation import Reservation
    from journeykit.ledger.transaction import EventRow, RunMark, Transaction

EXPORTS: Mapping[str, Mapping[str, str]] = {
    "touches": {
        "contact_id": "text",
        "sent_at": "instant",
        "channel": "text",
        "campaign_id": "text",
        "content_id": "text",
        "claim_id": "text",
        "team": "text",
        "goal": "text",
        "topics": "text",
        "solutions": "text",
        "theme": "text",
        "tags": "text",
        "campaign_ends": "text",
        "counts_toward_caps": "text",
        "without": "text",
        "status": "text",
        "id": "text",
        "account_id": "text",
        "run_id": "text",
        "decided_at": "instant",
        "weight": "number",
        "propensity": "number",
        "cost": "number",
        "arm": "text",
        "numbers": "text",
        "message": "text",
        "parts": "text",
    },
    "words": {
        "person": "text",
        "contact_id": "text",
        "channel": "text",
        "topic": "text",
        "suppressed": "text",
        "at": "instant",
        "taken_back": "text",
    },
    "answers": {"key": "text", "contact_id": "text", "answer": "text"},
    "runs": {"run_id": "text", "playbook": "text", "at": "instant", "until": "instant", "alone": "text"},
    "events": {"contact_id": "text", "event": "text", "at": "instant", "event_id": "text", "properties": "text"},
    "contacts": {},
}
"""What can be exported, with the columns of each and what they hold; of contacts there are no columns, only JSON."""


class ExportedLedger(Protocol):
    """What an export needs of a ledger."""

    def person(self, contact: str) -> str:
        """The hash by which the ledger knows a contact."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads."""

    def export(self, contact: str) -> dict[str, Any]:
        """Everything that the ledger holds of a contact."""


def export_rows(ledger: ExportedLedger, what: str) -> Iterator[dict[str, Any]]:
    """Everything of one kind; see `BaseLedger.export_all`."""
    if what not in EXPORTS:
        hint = closest(str(what), EXPORTS)
        raise ModelError(
            f"what is one of {', '.join(EXPORTS)}, found {shown(what)}" + (f"; did you mean {hint!r}?" if hint else ""),
            field="what",
        )
    return _rows(ledger, what)


def _rows(ledger: ExportedLedger, what: str) -> Iterator[dict[str, Any]]:
    with ledger.reading() as transaction:
        found: Iterator[Any] = transaction.contacts() if what == "contacts" else _of_kind(transaction, what)
        try:
            for one in found:
                yield ledger.export(one) if what == "contacts" else one
        finally:
            # A reader that stops half-way leaves no cursor open.
            del found


def _of_kind(transaction: Transaction, what: str) -> Iterator[dict[str, Any]]:
    if what == "touches":
        return map(_touch, transaction.all_touches())
    if what == "words":
        return map(_word, transaction.said())
    if what == "events":
        return map(_event, transaction.events())
    if what == "runs":
        return map(_run, transaction.all_runs())
    return ({"key": key, "contact_id": contact, "answer": answer} for key, contact, answer in transaction.all_answers())


def _touch(held: Reservation) -> dict[str, Any]:
    ends, counts = held.campaign_ends, held.counts_toward_caps
    return {
        **touch_cells(held.touch()),
        "campaign_ends": None if ends is None else ends.isoformat(),
        "counts_toward_caps": None if counts is None else str(counts).lower(),
        "id": held.id,
        "account_id": held.account,
        "run_id": held.run_id,
        "decided_at": held.decided_at,
        "weight": held.weight,
        "propensity": held.propensity,
        "cost": held.cost,
        "arm": held.arm,
        "numbers": json.dumps(dict(held.numbers)) if held.numbers else None,
        "message": held.message,
        "parts": json.dumps(dict(held.parts)) if held.parts else None,
    }


def _word(word: ConsentWord) -> dict[str, Any]:
    return {
        "person": word.person,
        "contact_id": word.contact,
        "channel": word.channel,
        "topic": word.topic,
        "suppressed": str(word.suppressed).lower(),
        "at": word.at,
        "taken_back": str(word.taken_back).lower(),
    }


def _event(row: EventRow) -> dict[str, Any]:
    return {
        "contact_id": row.contact,
        "event": row.event,
        "at": moment(row.at),
        "event_id": row.id,
        "properties": row.properties,
    }


def _run(mark: RunMark) -> dict[str, Any]:
    return {
        "run_id": mark.run_id,
        "playbook": mark.playbook.partition(" ")[0],
        "at": moment(mark.at),
        "until": None if mark.until is None else moment(mark.until),
        "alone": str(mark.alone).lower(),
    }


def export_contact(ledger: ExportedLedger, contact: str) -> dict[str, Any]:
    """Everything that a ledger holds of a contact; see `BaseLedger.export`."""
    with ledger.reading() as transaction:
        return {
            "contact": contact,
            "touches": [held.to_dict() for held in transaction.of_contacts([contact])],
            "moves": [{"id": id_, "was": was, "became": became} for id_, was, became in transaction.moves_of(contact)],
            "opt_outs": [
                {
                    "channel": word.channel,
                    "topic": word.topic,
                    "suppressed": word.suppressed,
                    "at": word.at.isoformat(),
                    "taken_back": word.taken_back,
                }
                for word in transaction.said([ledger.person(contact)])
            ],
            "answers": [
                {"key": key, "answer": json.loads(answer)} for key, answer in transaction.answers_about(contact)
            ],
            "told_of_in": transaction.answers_telling(contact),
            "waiting": [WaitingClaim.of(row).to_dict() for row in transaction.waiting([contact])],
            "events": [
                {
                    "event": row.event,
                    "at": moment(row.at).isoformat(),
                    "event_id": row.id,
                    "properties": json.loads(row.properties),
                }
                for row in transaction.events([contact])
            ],
        }
