"""To decide and to reserve, in one transaction."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import uuid4

from attrs import evolve

from journeykit.basics.clock import clock, first_and_last, micros, moment
from journeykit.basics.validation import MILLIONTH, check_text
from journeykit.engine.candidate import message_of
from journeykit.errors import DataError, ModelError
from journeykit.ledger.base import BaseLedger
from journeykit.ledger.consent_word import left_alone, standing
from journeykit.ledger.event_keeping import joined_events
from journeykit.ledger.facts import end_of, facts_of, numbers_of
from journeykit.ledger.guard_keeping import paused_now
from journeykit.ledger.quota_recheck import id_of
from journeykit.ledger.quota_usage import left_for, with_uses
from journeykit.ledger.repeated_decisions import account_key, given_again, key_of
from journeykit.ledger.reservation import Reservation
from journeykit.ledger.saved_decisions import (
    DecisionInputs,
    answer_text,
    claims_fingerprint,
    contact_in,
    saved_fingerprint,
)
from journeykit.ledger.transaction import RunMark
from journeykit.ledger.waiting_claim import Waiting, WaitingChanges, WaitingClaim, has_deferred
from journeykit.model.outcome import Grant
from journeykit.model.quota import hard_maxima

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.engine.arbitration import Arbitration
    from journeykit.engine.decider import Decider
    from journeykit.journey import Event
    from journeykit.ledger.consent_word import ConsentWord
    from journeykit.ledger.transaction import AnswerRow, Transaction, WaitingRow
    from journeykit.model.claim import Claim, Scored, Scores
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.model.touch import Touch


def decide(
    decider: Decider,
    ledger: BaseLedger,
    contacts: Sequence[Contact],
    touches: Iterable[Touch] = (),
    claims: Mapping[str, Iterable[Claim]] | None = None,
    scores: Mapping[str, Scores] | None = None,
    *,
    at: datetime,
    until: datetime | None = None,
    scored: Scored = (),
    explain: bool = False,
    run_id: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
    together: bool = False,
    waiting: bool = False,
    events: Mapping[str, Iterable[Event]] | None = None,
) -> tuple[Decision, ...]:
    """Decide a group with the history of a ledger, and reserve what is granted; see `Arbiter.decide`.

    Args:
        decider: decides.
        ledger: where the history is.
        contacts: the contacts: of one account, or one.
        touches: what the ledger does not know.
        claims: by contact id.
        scores: by contact id.
        at: the instant of the decision; and so on as for `Arbiter.decide`.
        until: the last instant of a plan.
        scored: the campaigns whose claims need a score.
        explain: whether the rows tell more.
        run_id: the run.
        key: the key.
        dry_run: whether nothing is reserved.
        together: whether a key is that of an account, under which each contact has an answer of its own.
        waiting: whether claims that wait compete too.
        events: by contact id, what the contacts did, beside what the ledger keeps; None where nothing is given.
    """
    if key is not None and run_id is not None:
        raise ModelError("give key or run_id: each of them makes the decision one that is given once", field="key")
    if key is not None:
        check_text(key, "key")
    if not isinstance(ledger, BaseLedger):
        raise ModelError(f"ledger must be a Ledger, found {type(ledger).__name__}", field="ledger")
    asked = DecisionInputs(
        contacts=tuple(contacts),
        touches=tuple(touches),
        claims=None if claims is None else {name: tuple(own) for name, own in claims.items()},
        scores={} if scores is None else dict(scores),
        scored=tuple(sorted(scored, key=str)),
        at=at,
        until=until,
        run_id=_name(run_id, key),
    )
    names = [contact.id for contact in contacts]
    kept = _keys(run_id, key, names, together=together)
    account = contacts[0].account if decider.by_account else None
    accounts = [] if account is None else [account]
    locked = ledger.transaction(names, accounts, list(kept.values()))
    with ledger.reading() if dry_run else locked as transaction:
        answers = transaction.answers_of(list(kept.values())) if kept else {}
        if answers:
            _check_answers(answers, kept, asked, key or run_id)
            again = [given_again(transaction, answers[kept[name]], decider, explain=explain) for name in names]
            return tuple(again)
        if run_id is not None:
            _check_alone(transaction, run_id, decider, asked, dry_run=dry_run)
        decider = paused_now(decider, transaction, writes=not dry_run)
        asked = informed(ledger, decider, transaction, asked, accounts)
        if decider.ruleset.events_asked:
            asked = _with_events(decider, transaction, asked, events)
        held = {} if asked.claims is None else waiting_in(transaction, decider, names)
        if waiting:
            asked = competing(asked, held)
        rounds = asked.rounds(decider)
        if decider.ruleset.counted:
            asked = evolve(asked, used=left_for(transaction, decider, rounds, writes=not dry_run))
        settled = asked.settled(rounds, decider)
        made = (decider.decision(settled[name], explain=explain, run_id=asked.run_id) for name in names)
        found = [_noted(decision, decider) for decision in made]
        if dry_run:
            return tuple(found)
        reservations = [own for name in names for own in reservations_of(settled[name], asked.run_id)]
        transaction.add(with_uses(decider.ruleset, reservations))
        if asked.claims is not None:
            transaction.change_waiting(_changes(decider, asked, held, found, competed=waiting))
        if kept:
            keep_playbook(ledger, transaction, decider)
            transaction.keep_answers([answer_row(kept[own.contact], asked, own, decider) for own in found])
    if kept:
        ledger.playbooks.add(decider.fingerprint)
    return tuple(found)


def _with_events(
    decider: Decider, transaction: Transaction, asked: DecisionInputs, given: Mapping[str, Iterable[Event]] | None
) -> DecisionInputs:
    """What is asked, with what the contacts did, as the caller and the ledger know it."""
    told = joined_events(transaction, [contact.id for contact in asked.contacts], given)
    if told is None:
        return asked
    contacts = (decider.ruleset.with_events(contact, told[contact.id], asked.at) for contact in asked.contacts)
    return evolve(asked, contacts=tuple(contacts))


def waiting_in(transaction: Transaction, decider: Decider, names: Sequence[str]) -> dict[str, Waiting]:
    """By contact id, the claims that wait."""
    words = decider.ruleset.vocabulary
    found = {name: Waiting(name, words) for name in names}
    rows: dict[str, list[WaitingClaim]] = {}
    for row in transaction.waiting(names):
        rows.setdefault(row.contact, []).append(WaitingClaim.of(row))
    return found | {name: Waiting(name, words, held) for name, held in rows.items()}


def competing(asked: DecisionInputs, held: Mapping[str, Waiting]) -> DecisionInputs:
    """What is asked, with the claims that wait."""
    told, more = {}, {}
    for name, own in held.items():
        told[name], rest = own.joined(asked.claims_of(name) or ())
        if rest:
            more[name] = tuple(rest)
    return evolve(asked, claims={name: tuple(claims) for name, claims in told.items()}, waiting=more)


def _changes(
    decider: Decider,
    asked: DecisionInputs,
    held: Mapping[str, Waiting],
    decisions: Sequence[Decision],
    *,
    competed: bool,
) -> Iterator[WaitingRow]:
    """What changes of what waits."""
    at, last = first_and_last(asked.at, asked.until)
    for decision in decisions:
        own, claims = held[decision.contact], asked.claims_of(decision.contact) or ()
        if own.held or (claims and has_deferred(decision)):
            changes = WaitingChanges(decider.ruleset, clock(decision.timezone), at, last, asked.run_id)
            yield from changes.after(own, claims, decision.rows, competed=competed)


def _keys(run_id: str | None, key: str | None, names: Sequence[str], *, together: bool) -> dict[str, str]:
    """By contact id, the key under which the answer is kept; none where nothing makes the decision one given once."""
    if run_id is not None:
        return {name: key_of(run_id, name) for name in names}
    if key is None:
        return {}
    return {name: account_key(key, name) if together else f"key {key}" for name in names}


def _check_answers(answers: Mapping[str, str], kept: Mapping[str, str], asked: DecisionInputs, key: str | None) -> None:
    """Answers are given again only to the question that they answer."""
    lacking = next((name for name, own in kept.items() if own not in answers), None)
    if lacking is not None:
        raise DataError(
            f"{key!r} has decided some of these contacts before, and not {lacking!r}; ask for the "
            "same contacts together, or with another key or run",
            source="ledger",
        )
    for name, own in kept.items():
        _check_same(own, name, asked, answers[own])


def _noted(decision: Decision, decider: Decider) -> Decision:
    """A decision that says which quotas it does not enforce."""
    notes = []
    names = hard_maxima(quota for quota in decider.playbook.quotas if quota.window is None)
    if names:
        notes.append(
            f"a single decision does not enforce quotas: {names} may be exceeded by single decisions, which nobody "
            f"counts together; runs over tables keep a maximum, each for itself"
        )
    rest = ", ".join(
        repr(counted.quota.name)
        for counted in decider.ruleset.counted.every
        if counted.cap is None or counted.quota.min is not None
    )
    if rest:
        notes.append(f"minima, shares and soft quotas bind runs over tables only: {rest}; this decision is counted")
    return evolve(decision, notes=(*decision.notes, *notes)) if notes else decision


def _name(run_id: str | None, key: str | None) -> str:
    """The name of the run in the rows. Without run or key no two decisions share one, and so no ids."""
    if run_id is not None:
        return run_id
    return uuid4().hex if key is None else sha256(f"key {key}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _check_alone(
    transaction: Transaction, run_id: str, decider: Decider, asked: DecisionInputs, *, dry_run: bool
) -> None:
    """Write a run of single decisions down, which a run over tables is not; in a rehearsal only look."""
    begun = transaction.run(run_id)
    if begun is None and dry_run:
        return
    if begun is None:
        until = None if asked.until is None else micros(asked.until, what="until")
        own = RunMark(run_id=run_id, playbook=decider.fingerprint, at=micros(asked.at), until=until, alone=True)
        begun = transaction.begin_run(own)
    if not begun.alone:
        raise DataError(
            f"the run {run_id!r} is one over tables, which has decided its contacts: their rows are in its output; "
            f"decide a contact alone under another run, or with a key",
            source="ledger",
        )


def _check_same(kept: str, asker: str, asked: DecisionInputs, answer: str) -> None:
    """A key means one question."""
    contact = contact_in(answer)
    if contact != asker:
        raise DataError(
            f"{kept!r} has decided contact {contact!r} before, and not {asker!r}; a key is one question's",
            source="ledger",
        )
    if saved_fingerprint(answer, contact) != claims_fingerprint(asked.claims_of(contact)):
        raise DataError(
            f"{kept!r} has decided other claims of contact {contact!r} before; ask for the same, or with another key",
            source="ledger",
        )


def informed(
    ledger: BaseLedger, decider: Decider, transaction: Transaction, asked: DecisionInputs, accounts: Sequence[str]
) -> DecisionInputs:
    """What is asked, with what the ledger knows of the contacts: their history and their opt-outs.

    The touches that are asked with are those that the ledger does not know: both count.
    """
    names = [contact.id for contact in asked.contacts]
    persons = [ledger.person(name) for name in names]
    words = standing(transaction.said(persons))
    history = [held.touch() for held in transaction.counting(names, accounts)]
    contacts = asked.contacts
    if words:
        contacts = tuple(
            left_alone(contact, [word for word in words if word.person == person], decider.ruleset.vocabulary)
            for contact, person in zip(contacts, persons, strict=True)
        )
    return evolve(asked, contacts=contacts, touches=(*history, *asked.touches))


def informed_each(
    ledger: BaseLedger, decider: Decider, transaction: Transaction, asks: Sequence[DecisionInputs]
) -> list[DecisionInputs]:
    """The same for many that are decided apart, none of them by account: the ledger is asked once for all."""
    persons = {contact.id: ledger.person(contact.id) for asked in asks for contact in asked.contacts}
    words: dict[str, list[ConsentWord]] = {}
    for word in standing(transaction.said(sorted(persons.values()))):
        words.setdefault(word.person, []).append(word)
    history: dict[str | None, list[Touch]] = {}
    for held in transaction.counting(sorted(persons)):
        history.setdefault(held.contact, []).append(held.touch())
    found = []
    for asked in asks:
        contacts = tuple(
            left_alone(contact, words.get(persons[contact.id], ()), decider.ruleset.vocabulary)
            for contact in asked.contacts
        )
        known = [touch for contact in asked.contacts for touch in history.get(contact.id, ())]
        found.append(evolve(asked, contacts=contacts, touches=(*known, *asked.touches)))
    return found


def keep_playbook(ledger: BaseLedger, transaction: Transaction, decider: Decider) -> None:
    """Keep the playbook of answers, once."""
    if decider.fingerprint not in ledger.playbooks:
        transaction.keep_playbook(decider.fingerprint, json.dumps(decider.playbook.to_dict()))


def answer_row(key: str, asked: DecisionInputs, decision: Decision, decider: Decider) -> AnswerRow:
    """An answer as it is kept under a key, and the other contacts that are named in it."""
    names = {contact.id for contact in asked.contacts} | {touch.contact for touch in asked.touches}
    others = sorted(name for name in names if name not in (None, decision.contact))
    text = answer_text(asked, decision, decider)
    # An answer lasts as long as what it grants may last.
    last = micros(asked.at) if asked.until is None else micros(asked.until, what="until")
    return key, decision.contact, last, text, [str(name) for name in others]


def reservations_of(own: Arbitration, run_id: str) -> list[Reservation]:
    """What an arbitration grants, as reservations, without working out all its rows."""
    facts, found = own.facts, []
    contact, decided_at = facts.contact, moment(facts.now)
    for winner in own.winners:
        claim, message = winner.candidate.claim, message_of(winner.candidate)
        weight = (winner.candidate.weight or 0) / MILLIONTH
        grant = Grant(claim.campaign, claim.content, claim.channel, moment(winner.at), weight, claim.id)
        held = Reservation.of(
            grant,
            {
                **facts_of(facts.ruleset, message),
                **numbers_of(facts.ruleset, message, claim),
                **end_of(winner.candidate.expiry),
            },
            id_=id_of(run_id, contact.id, claim),
            contact=contact.id,
            account=contact.account,
            run_id=run_id,
            at=decided_at,
            arm=facts.ruleset.arm,
        )
        found.append(held)
    return found
