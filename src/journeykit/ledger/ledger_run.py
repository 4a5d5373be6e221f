"""A run over tables with a ledger: the history as of its beginning in, reservations out, piece by piece.

What makes a run that was killed and begun again end like one that nobody disturbed:

- The ledger remembers up to which touch, move, word of consent and event the run looks back. Begun again it reads the
  same history, without what it has reserved itself meanwhile, and so decides the same.
- Contacts are reserved for in pieces, each in one transaction. What a piece has reserved is found by the ids of its
  rows, which are the same each time; it is neither reserved twice nor decided anew.
- A contact whose history others have added to since the run began, or who has opted out since, is decided again under
  the contact's lock, with the history of that moment; those of a piece together, where the engine can. Where there are
  quotas, such a contact gets only what the run had chosen for it. Only this answer cannot be worked out again from the
  run's beginning, and so it is kept.

Contacts who are granted nothing leave no trace in the ledger and need none.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from journeykit.basics.clock import clock, first_and_last, micros
from journeykit.basics.validation import shown
from journeykit.errors import DataError, ModelError
from journeykit.ledger.begun_run import PIECE, BegunRun, piece_for
from journeykit.ledger.consent_word import forbids, left_alone, standing, tell_unknown
from journeykit.ledger.decide import answer_row, informed, informed_each, keep_playbook, reservations_of
from journeykit.ledger.fallen import Fallen
from journeykit.ledger.guard_keeping import check_begun, rules_mark
from journeykit.ledger.kept_rows import arm_in, kept_key, kept_text
from journeykit.ledger.ledger_counts import LedgerCounts, waiting_notes
from journeykit.ledger.proposal import Again, Proposal, Together, changed, check_same, has_news, pieces_of
from journeykit.ledger.quota_usage import RoomOfQuotas, keep_to, usage_now, with_uses
from journeykit.ledger.repeated_decisions import given_again, key_of
from journeykit.ledger.reservation import EXPIRED, RELEASED, RESERVED, can_hold, check_held
from journeykit.ledger.saved_decisions import (
    DecisionInputs,
    asked_in,
    claims_fingerprint,
    granted_in,
    saved_fingerprint,
)
from journeykit.ledger.transaction import RunMark, length_fault
from journeykit.model.touch import Touch
from journeykit.tables.touch_table import SHAPE, shape_parts, shape_readers, touch_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from journeykit.basics.clock import Clock
    from journeykit.engine.arbitration import TwoRounds
    from journeykit.engine.contact_group import ContactGroup, QuotaChoice
    from journeykit.engine.decider import Decider, GroupDecision
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.ledger.base import BaseLedger
    from journeykit.ledger.consent_word import ConsentWord
    from journeykit.ledger.reservation import Reservation
    from journeykit.ledger.transaction import AnswerRow, News, Transaction
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.model.mismatch import Mismatches
    from journeykit.model.quota import Side


class DecidedSince(Protocol):
    """Knows which claims that waited when a run began others have decided since."""

    def over(self, transaction: Transaction, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """By contact, the keys of those claims."""


class LedgerRun:
    """One run over tables, in a ledger.

    Args:
        ledger: where.
        decider: decides.
        run_id: its name; that of a run that was begun before goes on with it.
        at: the instant of the decisions.
        until: the last instant of a plan, or None.
        explain: whether rows tell what was displaced and what weight would have won.
        dry_run: whether it is a rehearsal: it reads, and reserves and writes nothing.
        keep: whether what is decided of each contact is kept in the ledger.

    Attributes:
        mark: what it decides, and up to where it looks back.
        goes_on: whether it was begun before.
        contacts: the ids of the contacts, where these are a part of the run's; None for all.
        counts: what became of the contacts so far.
        piece: for how many contacts it reserves in one transaction.
        competes: where claims are brought, whether those compete too that wait; else None.
        charges: what prices of the run's quotas take from claims that are decided again; None without quotas.
        waiting: what waits, where claims are brought; else None.

    Raises:
        DataError: for a run of this name with another playbook, ``at`` or ``until``.
        LedgerError: where the ledger cannot be used.
    """

    contacts: list[str] | None = None

    def __init__(
        self,
        ledger: BaseLedger,
        decider: Decider,
        *,
        run_id: str,
        at: datetime,
        until: datetime | None,
        explain: bool = False,
        dry_run: bool = False,
        keep: bool = False,
    ) -> None:
        check_held("run", run_id)
        self.dry_run = dry_run
        self.keeps = keep and not dry_run
        self.piece = PIECE
        self.competes: bool | None = None
        self._keeps_playbook = False
        self.ledger = ledger
        self.decider = decider
        self.at = at
        self.until = until
        self.explain = explain
        self.charges: QuotaCharges | None = None
        self.waiting: DecidedSince | None = None
        self.counts = LedgerCounts()
        self._readers = shape_readers(decider.ruleset.vocabulary)
        self._parts: dict[tuple[Any, ...], dict[str, Any]] = {}
        wanted = RunMark(
            run_id=run_id,
            playbook=rules_mark(decider),
            at=micros(at),
            until=None if until is None else micros(until, what="until"),
        )
        self.mark, words = self._begin(wanted)
        if self.mark.alone:
            raise DataError(
                f"under the run {run_id!r} contacts were decided one by one; give a run over tables another name",
                source="ledger",
            )
        check_begun(self.mark, wanted)
        self._words: dict[str, list[ConsentWord]] = {}
        for word in words:
            self._words.setdefault(word.person, []).append(word)
        self._by_name = {word.contact: self._words[word.person] for word in words if word.contact is not None}
        self._some_forgotten = any(word.contact is None for word in words)

    def _begin(self, wanted: RunMark) -> tuple[RunMark, list[ConsentWord]]:
        """Begin the run, or go on with it; the words of consent that held when it began."""
        # Alone, so that whatever has a smaller number than the mark is in the ledger by now.
        with self.ledger.reading() if self.dry_run else self.ledger.transaction(exclusive=True) as transaction:
            begun = transaction.run(wanted.run_id)
            self.goes_on = begun is not None
            if begun is None and self.decider.ruleset.counted:
                wanted = evolve(wanted, used=self._used_now(transaction))
            mark = begun or (transaction.marked(wanted) if self.dry_run else transaction.begin_run(wanted))
            return mark, standing(transaction.said(until=mark.opt_outs))

    def shared(self, parts: int) -> BegunRun:
        """The run, for jobs that decide parts of its contacts, so many at once."""
        return BegunRun(
            ledger=self.ledger, mark=self.mark, pauses=dict(self.decider.ruleset.pauses), piece=piece_for(parts)
        )

    # What the ledger knew when the run began

    def _used_now(self, transaction: Transaction) -> dict[str, int]:
        """What is used of the counted quotas in the periods of the run."""
        ruleset = self.decider.ruleset
        names = [counted.quota.name for counted in ruleset.counted.every]
        keys = ruleset.counted.keys(*first_and_last(self.at, self.until))
        return usage_now(transaction, ruleset, names, keys, writes=not self.dry_run)

    @property
    def sides(self) -> list[Side]:
        """The sides of the quotas: what is left of them in the run's periods."""
        first, last = first_and_last(self.at, self.until)
        return self.decider.ruleset.counted.sides(first, last, self.mark.used)

    def keep_to(self, rounds: TwoRounds) -> TwoRounds:
        """Rounds in which no more is granted than was left of counted quotas when the run began."""
        return keep_to(self.decider, rounds, self.mark.used)

    def history(self, contacts: Sequence[str] | None = None) -> Iterator[Reservation]:
        """The touches that counted, of all or some contacts."""
        with self.ledger.reading() as transaction:
            yield from transaction.as_of(self.mark, contacts)

    def colleagues(self, group: ContactGroup) -> list[Touch]:
        """The touches of an account's contacts who are not decided now; they count in caps per account."""
        account = self._account(group.contacts[0])
        if account is None:
            return []
        with self.ledger.reading() as transaction:
            held = list(transaction.as_of(self.mark, (), [account]))
        return [own.touch() for own in held if own.contact not in group.inputs]

    def opt_outs(self, contact: str) -> Sequence[ConsentWord]:
        """The opt-outs of a contact that held."""
        if not self._words:
            return ()
        found = self._by_name.get(contact)
        if found is None and self._some_forgotten and can_hold(contact):
            found = self._words.get(self.ledger.person(contact))
        return found or ()

    def tell(self, found: Mismatches) -> None:
        """Count the opt-outs that held whose channel or topic the playbook does not know."""
        words = (word for own in self._words.values() for word in own)
        tell_unknown(words, self.decider.ruleset.vocabulary, found)

    def _forbidden_since(self) -> int:
        """The number of contacts with messages reserved by this run that a word since its beginning forbids."""
        with self.ledger.reading() as transaction:
            new = [
                word
                for word in standing(transaction.said())
                if word.contact is not None and word.what not in {own.what for own in self._words.get(word.person, ())}
            ]
            names = sorted({word.contact for word in new if word.contact is not None})
            held = transaction.of_run(self.mark.run_id, names) if names else []
        said: dict[str | None, list[ConsentWord]] = {}
        for word in new:
            said.setdefault(word.contact, []).append(word)
        compiled = self.decider.ruleset
        return len(
            {
                own.contact
                for own in held
                if own.status == RESERVED and any(forbids(word, own, compiled) for word in said[own.contact])
            }
        )

    def _unmet(self) -> int:
        """The number of contacts for whom it has reserved before it went on, and who are not in the tables now."""
        if not self.goes_on:
            return 0
        with self.ledger.reading() as transaction:
            return max(0, len(transaction.contacts_of(self.mark)) - self.counts.held)

    def protected(self, contact: Contact) -> Contact:
        """A contact for whom the opt-outs of the ledger have won over the row.

        Raises:
            ModelError: for an id that is too long for a ledger.
        """
        for name, own in (("contact_id", contact.id), ("account_id", contact.account)):
            fault = length_fault(own)
            if fault is not None:
                raise ModelError(f"the {name[:-3]} id {shown(own)} {fault}", field=name)
        return left_alone(contact, self.opt_outs(contact.id), self.decider.ruleset.vocabulary)

    def _account(self, contact: Contact) -> str | None:
        return contact.account if self.decider.ruleset.per_account else None

    def progress(self) -> str:
        """For how many contacts it has reserved so far, for those who wait."""
        return f"{self.counts.reserved:,} contacts reserved for" if self.counts.reserved else ""

    def notes(self) -> Iterator[str]:
        """What a person should know of contacts who were decided again, and of messages that stay or went."""
        late, unmet = self._forbidden_since(), self._unmet()
        playbook, run_id = self.decider.playbook, self.mark.run_id
        yield from self.counts.notes(playbook, run_id, dry_run=self.dry_run, late=late, unmet=unmet)
        if self.competes is not None:
            yield from waiting_notes(self.counts, competes=self.competes)

    @property
    def fallen(self) -> Fallen | None:
        """What of the run's choice was not reserved; None without quotas."""
        if self.counts.fallen is None and self.charges is not None:
            self.counts.fallen = Fallen.none(self.charges)
        return self.counts.fallen

    def _count_fallen(self, proposal: Proposal, left: Mapping[str, Sequence[Reservation]]) -> None:
        """Count what of a proposal was not reserved, after its contacts were decided again."""
        if self.charges is None or self.fallen is None:
            return
        kept = [own for name in proposal.names for own in left.get(name, ())]
        self.counts.fell += len(proposal.reservations) - len(kept)
        compiled = self.decider.ruleset
        zones = {who.id: who.timezone for who in proposal.group().contacts}

        def local(name: str) -> Clock:
            return compiled.clock if zones[name] is None else clock(str(zones[name]))

        self.counts.fallen = self.fallen.with_less(compiled, self.charges, proposal.reservations, kept, local)

    # Reserving

    def decided(
        self, groups: Sequence[ContactGroup], chosen: Sequence[tuple[QuotaChoice, QuotaCharges] | None] | None = None
    ) -> list[GroupDecision]:
        """Decide groups, as a run over many chose for them where it did, and reserve what is granted."""
        found = [
            self.decider.decide_group(
                group,
                explain=self.explain,
                run_id=self.mark.run_id,
                choice=None if own is None else own[0],
                charges=None if own is None else own[1],
            )
            for group, own in zip(groups, chosen or [None] * len(groups), strict=True)
        ]
        proposals = [(own, self.proposal(own)) for own in found]
        self.check_none(
            [contact.id for own, proposal in proposals if proposal is None for contact in own.group.contacts]
        )
        again = self.settle([proposal for _, proposal in proposals if proposal is not None])
        for own in found:
            own.decided = [
                (again.get(contact.id, decision), bad_claims)
                for contact, (decision, bad_claims) in zip(own.group.contacts, own.decided, strict=True)
            ]
        return found

    def proposal(self, found: GroupDecision) -> Proposal | None:
        """What was granted to a group; None for nothing."""
        group = found.group
        reservations = [
            held
            for contact, (decision, _) in zip(group.contacts, found.decided, strict=True)
            if not isinstance(decision, ModelError) and decision.granted
            for held in reservations_of(found.arbitrations[contact.id], self.mark.run_id)
        ]
        if not reservations:
            return None
        names = tuple(contact.id for contact in group.contacts)
        return Proposal(names, self._account(group.contacts[0]), reservations, lambda: group)

    def check_none(self, names: Sequence[str]) -> None:
        """Refuse to go on where contacts who are granted nothing were granted something before the run was killed."""
        if self.goes_on and names:
            with self.ledger.reading() as transaction:
                held = transaction.of_run(self.mark.run_id, list(filter(can_hold, names)))
            if held:
                raise changed(self.mark.run_id, held[0].contact)

    def settle(self, proposals: Sequence[Proposal], together: Together | None = None) -> dict[str, Decision]:
        """Reserve what was granted, piece by piece.

        Args:
            proposals: what was granted.
            together: decides many of these contacts again at once, as far as it can; the row engine decides
                the others.

        Returns:
            By contact id, what was decided of those who had to be decided again.

        Raises:
            DataError: where the run has reserved something else for a contact before.
        """
        again: dict[str, Decision] = {}
        for piece in pieces_of(proposals, self.piece):
            names = [name for proposal in piece for name in proposal.names]
            accounts = sorted({proposal.account for proposal in piece if proposal.account is not None})
            left: dict[str, list[Reservation]] = {}
            locked = self.ledger.transaction(names, accounts)
            with self.ledger.reading() if self.dry_run else locked as transaction:
                again.update(self._settle(transaction, piece, names, accounts, left, together))
            if self._keeps_playbook:
                self.ledger.playbooks.add(self.decider.fingerprint)
            self.counts.reserved += len(names)
            for proposal in piece:
                if any(name in again for name in proposal.names):
                    self._count_fallen(proposal, left)
        self.counts.again += len(again)
        return again

    def _settle(
        self,
        transaction: Transaction,
        piece: Sequence[Proposal],
        names: Sequence[str],
        accounts: Sequence[str],
        left: dict[str, list[Reservation]],
        together: Together | None,
    ) -> dict[str, Decision]:
        """Reserve one piece; `left` is given, by contact, what is reserved of those who are decided again."""
        run_id = self.mark.run_id
        held: dict[str, set[str]] = {}
        for own in transaction.of_run(run_id, names):
            held.setdefault(own.contact, set()).add(own.id)
            left.setdefault(own.contact, []).append(own)
            self.counts.gone += own.status in (RELEASED, EXPIRED)
        kept = transaction.answers_of([key_of(run_id, name) for name in names])
        persons = {name: self.ledger.person(name) for name in names}
        news = self._in_force(transaction, transaction.news(self.mark, names, accounts, list(persons.values())))
        kept_ones, good, late = [], [], []
        new: list[Reservation] = []
        for proposal in piece:
            if any(key_of(run_id, name) in kept for name in proposal.names):
                kept_ones.append(proposal)
            elif any(name in held for name in proposal.names):
                check_same(run_id, proposal, held)
            elif has_news(proposal, news, persons):
                late.append(proposal)
            else:
                good.append(proposal)
        room = self._room(transaction, [*good, *late])
        for proposal in good:
            if room is None or room.takes(proposal.reservations):
                new += proposal.reservations
            else:
                late.append(proposal)
                self.counts.full += 1
        again = self._answered(transaction, kept_ones, kept, together)
        again |= self._decide_again(transaction, late, left, together, room)
        if not self.dry_run:
            transaction.add(with_uses(self.decider.ruleset, new))
        reserved = {name for name, own in left.items() if own} | {own.contact for own in new}
        self.counts.held += len(held if self.dry_run else reserved)
        return again

    def _room(self, transaction: Transaction, proposals: Sequence[Proposal]) -> RoomOfQuotas | None:
        """What is left of counted quotas to proposals; None where none is counted."""
        if not self.decider.ruleset.counted.capped or not proposals:
            return None
        return RoomOfQuotas.of(
            transaction, self.decider, [own for each in proposals for own in each.reservations], writes=not self.dry_run
        )

    def keep(self, decided: Iterable[tuple[str, str, Sequence[Sequence[Any]]]]) -> None:
        """Keep what was decided of contacts, whether anything was granted or not; once for each.

        Args:
            decided: contacts, each with the time zone and the rows of the table of decisions, denied ones too.
        """
        last = self.mark.at if self.mark.until is None else self.mark.until
        kept = [
            (
                kept_key(self.mark.run_id, contact),
                contact,
                last,
                kept_text(contact, zone, self.at, self.until, rows, self.decider.in_arm(arm_in(rows)).playbook.reserve),
            )
            for contact, zone, rows in decided
        ]
        for start in range(0, len(kept), self.piece):
            some = kept[start : start + self.piece]
            with self.ledger.transaction([contact for _, contact, _, _ in some]) as transaction:
                transaction.keep_new_answers(some)

    def _in_force(self, transaction: Transaction, news: News) -> News:
        """News, of words of consent only where one forbids now what the run took for allowed.

        A no that was recorded since may be older than a yes, or repeat a no that the run knows.
        """
        if not news.persons:
            return news
        known = {word.what for person in news.persons for word in self._words.get(person, ())}
        now = standing(transaction.said(sorted(news.persons)))
        return evolve(news, persons=frozenset(word.person for word in now if word.what not in known))

    def _answered(
        self,
        transaction: Transaction,
        proposals: Sequence[Proposal],
        kept: Mapping[str, str],
        together: Together | None,
    ) -> dict[str, Decision]:
        """What was decided again before the run was killed."""
        answers: dict[str, str] = {}
        for proposal in proposals:
            claims = _claims_of(proposal.group())
            for name in proposal.names:
                answer = kept.get(key_of(self.mark.run_id, name))
                wanted = claims_fingerprint(None if claims is None else claims.get(name, ()))
                if answer is None or saved_fingerprint(answer, name) != wanted:
                    raise changed(self.mark.run_id, name)
                answers[name] = answer
        found: dict[str, Decision] = {}
        if together is not None:
            asks = {name: asked_in(answer) for name, answer in answers.items()}
            again = together(asks, lambda name, decision: decision.granted == granted_in(answers[name]))
            found = {name: decision for name, (decision, _) in again.items()}
        for name, answer in answers.items():
            if name not in found:
                found[name] = given_again(transaction, answer, self.decider, explain=self.explain, charges=self.charges)
        return found

    def _decide_again(
        self,
        transaction: Transaction,
        proposals: Sequence[Proposal],
        left: dict[str, list[Reservation]],
        together: Together | None,
        room: RoomOfQuotas | None = None,
    ) -> dict[str, Decision]:
        """Decide contacts again, with all that the ledger knows by now."""
        if not proposals:
            return {}
        groups: list[ContactGroup] = [proposal.group() for proposal in proposals]
        told = self._told(transaction, groups)
        asks = [self._asked(*pair, told) for pair in zip(proposals, groups, strict=True)]
        if self.waiting is not None:
            over = self.waiting.over(transaction, [name for group in groups for name in group.inputs])
            asks = [evolve(own, over={n: over[n] for n in (own.claims or ()) if n in over}) for own in asks]
        accounts = [proposal.account for proposal in proposals]
        if any(account is not None for account in accounts):
            asks = [
                informed(self.ledger, self.decider, transaction, asked, [] if account is None else [account])
                for asked, account in zip(asks, accounts, strict=True)
            ]
        else:
            asks = informed_each(self.ledger, self.decider, transaction, asks)
        again: Again = {}
        if together is not None:
            again = together({asked.contacts[0].id: asked for asked in asks}, lambda _, __: True)
        found: dict[str, Decision] = {}
        new: list[Reservation] = []
        answers: list[AnswerRow] = []
        for given in asks:
            asked = given if room is None else evolve(given, used=dict(room.used))
            for name, (decision, reservations) in self._settled_again(asked, again):
                if room is not None:
                    room.take(reservations)
                new += reservations
                left[name] = reservations
                key = key_of(self.mark.run_id, name)
                answers.append(answer_row(key, asked, decision, self.decider))
                found[name] = decision
        if not self.dry_run:
            transaction.add(with_uses(self.decider.ruleset, new))
            keep_playbook(self.ledger, transaction, self.decider)
            transaction.keep_answers(answers)
            self._keeps_playbook = True
        return found

    def _settled_again(
        self, asked: DecisionInputs, again: Again
    ) -> Iterator[tuple[str, tuple[Decision, list[Reservation]]]]:
        """What was decided together, else what the row engine decides."""
        known = again.get(asked.contacts[0].id)
        if known is not None:
            yield asked.contacts[0].id, known
            return
        for name, own in asked.arbitrations(self.decider, self.charges).items():
            decision = self.decider.decision(own, explain=self.explain, run_id=self.mark.run_id)
            yield name, (decision, reservations_of(own, self.mark.run_id))

    def _asked(self, proposal: Proposal, group: ContactGroup, told: Mapping[str, Sequence[Touch]]) -> DecisionInputs:
        return DecisionInputs(
            contacts=tuple(group.contacts),
            touches=tuple(touch for name in group.inputs for touch in told.get(name, ())),
            claims=_claims_of(group),
            scores={name: own.scores for name, own in group.inputs.items()},
            scored=tuple(sorted(group.scored, key=str)),
            at=self.at,
            until=self.until,
            run_id=self.mark.run_id,
            chosen=None if self.charges is None else {own.id: own.at for own in proposal.reservations},
        )

    def _as_read(self, held: Reservation) -> Touch:
        """A touch of the ledger as the tables of this run have it: in the playbook's words."""
        row = touch_cells(held.touch())
        cells = tuple((name, row[name]) for name in SHAPE if name in row)
        parts = self._parts.get(cells)
        if parts is None:
            found = shape_parts(cells, self._readers)
            # What cannot be read is a bad row, and the tables do not have it.
            parts = self._parts[cells] = found if isinstance(found, dict) else {}
        return Touch(at=held.at, **parts)

    def _told(self, transaction: Transaction, groups: Sequence[ContactGroup]) -> dict[str, list[Touch]]:
        """By contact, the touches that the caller tells, and not the ledger."""
        known: Counter[tuple[Any, ...]] = Counter()
        for own in transaction.as_of(self.mark, [name for group in groups for name in group.inputs]):
            known[own.contact, *_what(self._as_read(own))] += 1
        found: dict[str, list[Touch]] = {}
        for group in groups:
            for name, inputs in group.inputs.items():
                for touch in inputs.touches:
                    if known[name, *_what(touch)] > 0:
                        known[name, *_what(touch)] -= 1
                    else:
                        found.setdefault(name, []).append(evolve(touch, contact=name))
        return found


def _what(touch: Touch) -> tuple[Any, ...]:
    return touch.micros, touch.status, touch.claim, *touch.facts


def _claims_of(group: ContactGroup) -> dict[str, Any] | None:
    asked = {name: tuple(own.claims) for name, own in group.inputs.items() if own.claims is not None}
    return asked or None
