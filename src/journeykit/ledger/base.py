"""What every ledger can do, given transactions."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from journeykit.basics.clock import micros, moment
from journeykit.basics.validation import check_text
from journeykit.errors import LedgerError, ModelError
from journeykit.ledger.consent_word import ConsentWord, is_known, standing
from journeykit.ledger.event_keeping import HistoryIn
from journeykit.ledger.guard_keeping import GuardsIn
from journeykit.ledger.moved import FORGOTTEN, UNKNOWN, Moved
from journeykit.ledger.quota_state import QuotaState, quota_states
from journeykit.ledger.release_check import checked
from journeykit.ledger.reservation import (
    EXPIRED,
    MOVES,
    RELEASED,
    RESERVED,
    SENT,
    ReleaseCheck,
    Reservation,
    check_held,
    message_of,
    person_of,
    refused,
    unknown,
)
from journeykit.model.decision import Decision
from journeykit.model.outcome import Outcome, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from journeykit.engine.decider import HasDecider
    from journeykit.ledger.transaction import Transaction
    from journeykit.ledger.waiting_claim import WaitingClaim
    from journeykit.model.contact import Contact
    from journeykit.model.touch import Touch

Named = str | Reservation | Row | Decision
"""What names reservations: an id, the reservation, the row that was granted, or a decision, for all of them."""
_PIECE = 500


class BaseLedger(GuardsIn, HistoryIn):
    """A ledger; `Ledger` and `MemoryLedger` say where it is kept.

    Args:
        arbiter: whose playbook `release_check` looks at; None where it is given there.
    """

    def __init__(self, arbiter: HasDecider | None = None) -> None:
        self.arbiter = arbiter
        self.playbooks: set[str] = set()
        """Fingerprints of playbooks that are known to be kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What each kind of ledger has of its own

    def close(self) -> None:
        """Close what is open. The ledger may be used again."""

    def upgrade(self) -> int:
        """Create the schema, or take it to the version of this library; the version that it has now."""
        raise NotImplementedError

    def salt(self) -> str:
        """What ids are mixed with before they are hashed."""
        raise NotImplementedError

    def transaction(
        self,
        contacts: Sequence[str] = (),
        accounts: Sequence[str] = (),
        keys: Sequence[str] = (),
        *,
        exclusive: bool = False,
    ) -> AbstractContextManager[Transaction]:
        """One transaction: kept at the end of its block, taken back by whatever else leaves it.

        Args:
            contacts: ids of contacts whom nobody else may decide meanwhile.
            accounts: likewise, accounts.
            keys: likewise, keys of answers.
            exclusive: whether nobody else may write anything meanwhile.
        """
        raise NotImplementedError

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads, and waits for nobody."""
        raise NotImplementedError

    # Reservations

    def reservation(self, id_: str) -> Reservation:
        """A reservation by its id, which is the `decision_id` of the granted row.

        Raises:
            LedgerError: if there is none.
        """
        check_held("reservation id", id_)
        with self.reading() as transaction:
            return self._known(transaction.held([id_]), [id_])[0]

    def reservations(self, contact: str) -> list[Reservation]:
        """All that the ledger holds of a contact, by instant, whatever became of it."""
        check_names([contact])
        with self.reading() as transaction:
            return transaction.of_contacts([contact])

    def touches(self, contact: str) -> list[Touch]:
        """The history of a contact as an arbiter takes it: all that counts."""
        check_names([contact])
        with self.reading() as transaction:
            return [held.touch() for held in transaction.counting([contact])]

    def waiting(self, contact: str | None = None) -> list[WaitingClaim]:
        """The claims that wait: they were brought, lost, and may go later.

        A claim that was brought (``claims``) is kept if it is deferred; what campaigns ask for comes again by itself.
        ``decide(..., waiting=True)`` lets those that wait compete again. They leave when they are granted, when they
        have expired or their campaign is over, and where it says ``if_lost: drop``. `prune` removes what is over.

        Args:
            contact: the contact's id; None for all contacts.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit import Arbiter, Cap, Claim, Contact, Playbook, Touch, Window
            >>> from journeykit.ledger import MemoryLedger
            >>> arbiter = Arbiter(Playbook(caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))]))
            >>> anna, at = Contact(id="anna", consent=["email"]), datetime(2026, 11, 5, 10, tzinfo=UTC)
            >>> ledger, claim = MemoryLedger(), Claim(campaign="launch", channel="email", weight=8)
            >>> decision = arbiter.decide(anna, [Touch(at=at, channel="email")], [claim], at=at, ledger=ledger)
            >>> [(own.claim.campaign, own.since.isoformat()) for own in ledger.waiting("anna")]
            [('launch', '2026-11-05T10:00:00+00:00')]
        """
        from journeykit.ledger.waiting_claim import WaitingClaim

        if contact is not None:
            check_names([contact])
        with self.reading() as transaction:
            return [WaitingClaim.of(row) for row in transaction.waiting(None if contact is None else [contact])]

    def confirm(self, ids: Named | Iterable[Named]) -> Moved:
        """Record that the sender has accepted: what was reserved, or has expired by now, is sent.

        Of several, those that may be moved are moved, and the answer tells the state of the rest; one that was sent,
        bounced, failed, or forgotten with its contact does no harm to the others. The room of what had expired may be
        taken by now, also by a decision that is made at this very moment: what was sent counts all the same.

        Args:
            ids: one reservation or several, or their ids; or a decision, for all that it has granted. They are moved
                500 at a time, each in one transaction.

        Returns:
            The ids of those that this call has moved, and the state of the rest (`Moved`). One that was sent already
            is not among the ids: who confirms first and sends only these sends at most once.

        Raises:
            LedgerError: for one reservation, given by itself, that is not known, or was released and not sent.
            ModelError: for what names no reservation.
        """
        return self._move(ids, SENT)

    def confirm_many(self, ids: Iterable[Named]) -> Iterator[Moved]:
        """`confirm`, piece by piece as they come; nothing is kept, however many there are.

        Args:
            ids: reservations, their ids, rows or decisions.

        Returns:
            What became of each piece. A piece is moved when it is asked for: read all of them.
        """
        return self._move_pieces(ids, SENT)

    def release(self, ids: Named | Iterable[Named] | None = None, *, run_id: str | None = None) -> Moved:
        """Record that the sender did not accept, or was not asked: the room is free again.

        Args:
            ids: as for `confirm`.
            run_id: instead of ids, all that a run still has reserved.

        Returns:
            The ids of those that this call has moved, and the state of the rest.

        Raises:
            LedgerError: for one reservation, given by itself, that is not known, or was sent.
            ModelError: for both, or neither; and for an empty run_id.
        """
        if (ids is None) == (run_id is None):
            raise ModelError("give ids of reservations, or run_id for all that a run still has reserved", field="ids")
        if run_id is not None:
            check_text(run_id, "run_id")
            check_held("run", run_id)
            return Moved(RELEASED, tuple(self._move_all(RELEASED, None, run_id)))
        assert ids is not None  # noqa: S101  (one of the two is given)
        return self._move(ids, RELEASED)

    def release_many(self, ids: Iterable[Named]) -> Iterator[Moved]:
        """`release`, piece by piece as they come; see `confirm_many`."""
        return self._move_pieces(ids, RELEASED)

    def expire(self, before: datetime) -> int:
        """Free the room of reservations that were never confirmed.

        Args:
            before: an instant, aware; those that should have gone before it expire.

        Returns:
            How many did.
        """
        return sum(1 for _ in self._move_all(EXPIRED, micros(before, what="before"), None))

    def _move(self, given: Named | Iterable[Named], to: str) -> Moved:
        if isinstance(given, (str, Reservation, Row)):
            return self._move_one(given, to)
        return Moved.joined(to, self._move_pieces(dict.fromkeys(_ids(given)), to))

    def _move_one(self, given: str | Reservation | Row, to: str) -> Moved:
        """Move the one reservation that a caller names, or say what keeps it from moving."""
        found = Moved.joined(to, self._move_pieces([given], to))
        if found.refused:
            ((state, (id_,)),) = found.rest.items()
            raise unknown([id_]) if state == UNKNOWN else refused(id_, state, to)
        return found

    def _move_pieces(self, given: Iterable[Named], to: str) -> Iterator[Moved]:
        ids = _ids(given)
        while piece := list(dict.fromkeys(islice(ids, _PIECE))):
            yield self._move_piece(piece, to)

    def _move_piece(self, ids: Sequence[str], to: str) -> Moved:
        check_held("reservation id", *ids)
        with self.transaction() as transaction:
            found = transaction.held(ids)
            moved = [(found[id_], to) for id_ in ids if id_ in found and to in MOVES[found[id_].status]]
            transaction.move(moved)
            done = {held.id for held, _ in moved}
            rest = self._states(transaction, [id_ for id_ in ids if id_ not in done], found, to)
        return Moved(to, (held.id for held, _ in moved), rest)

    def _states(
        self, transaction: Transaction, ids: Sequence[str], found: Mapping[str, Reservation], to: str
    ) -> dict[str, list[str]]:
        """By state, reservations that are not moved."""
        states = {id_: found[id_].status for id_ in ids if id_ in found}
        # A send log may have told of a message by the id of a reservation that had been released: then it did go.
        named = {message_of(found[id_].contact, id_): id_ for id_ in states if states[id_] == RELEASED and to == SENT}
        if named:
            told = transaction.ids_of(list(named))
            sent = transaction.held(list(told.values()))
            states.update((named[name], sent[id_].status) for name, id_ in told.items())
        missing = [id_ for id_ in ids if id_ not in found]
        if missing:
            known = transaction.forgotten([self._trace(id_) for id_ in missing])
            states.update((id_, FORGOTTEN if self._trace(id_) in known else UNKNOWN) for id_ in missing)
        rest: dict[str, list[str]] = {}
        for id_ in ids:
            rest.setdefault(states[id_], []).append(id_)
        return rest

    def _trace(self, id_: str) -> str:
        """A hash of a reservation's id, which stays when its contact is forgotten."""
        return person_of(self.salt(), f"reservation {id_}")

    def _move_all(self, to: str, before: int | None, run_id: str | None) -> Iterator[str]:
        """Move all that is reserved, piece by piece."""
        while True:
            with self.transaction() as transaction:
                found = transaction.in_status(RESERVED, before, run_id, _PIECE)
                transaction.move((held, to) for held in found)
            yield from (held.id for held in found)
            if len(found) < _PIECE:
                return

    @staticmethod
    def _known(held: dict[str, Reservation], ids: Sequence[str]) -> list[Reservation]:
        missing = [id_ for id_ in ids if id_ not in held]
        if missing:
            raise unknown(missing)
        return [held[id_] for id_ in ids]

    # What was decided

    def decision(
        self,
        key: str | None = None,
        *,
        run_id: str | None = None,
        contact: str | None = None,
        arbiter: HasDecider | None = None,
        explain: bool = False,
    ) -> Decision:
        """What was decided then; nothing is decided or reserved by asking.

        The rows are those of then, decided again by the playbook of then, which the ledger keeps, and from what the
        contact, history, claims and scores were. Where the policy is your own, give an arbiter that has it.
        Without it, and for answers that an older journeykit kept once the playbook has changed, the rows are those of
        what was granted.

        Args:
            key: the key of a single decision; or, with the contact, of an account that was decided together.
            run_id: instead of a key, the run; and the contact.
            contact: the contact id: of an account's key; or of that run, one that was decided alone or anew, or any of
                a run over tables that keeps its decisions.
            arbiter: who knows policies of your own; None takes the ledger's arbiter, if it has one.
            explain: whether the rows tell also what was displaced and what weight would have won.

        Raises:
            LedgerError: where nothing is kept under this key, or of this run and contact.
            ModelError: for both a key and a run, or neither; or a run without a contact.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit import Arbiter, Claim, Contact, Playbook
            >>> from journeykit.ledger import MemoryLedger
            >>> ledger, at = MemoryLedger(), datetime(2026, 11, 5, 10, tzinfo=UTC)
            >>> asked = {"claims": [Claim(campaign="launch", channel="sms", weight=8)], "at": at, "ledger": ledger}
            >>> decision = Arbiter(Playbook()).decide(Contact(id="anna", consent=["email"]), key="k", **asked)
            >>> [(row.campaign, str(row.reason)) for row in ledger.decision("k").rows]
            [('launch', 'no_consent')]
        """
        from journeykit.ledger.kept_rows import kept_key
        from journeykit.ledger.repeated_decisions import account_key, given_again, key_of

        if (key is None) == (run_id is None):
            raise ModelError("give the key of a decision, or run_id and contact", field="key")
        if run_id is not None and contact is None:
            raise ModelError("run_id and contact go together", field="contact")
        check_held("key", key)
        check_held("run", run_id)
        check_held("contact id", contact)
        if key is not None:
            keys = [f"key {key}"] if contact is None else [account_key(key, contact), f"key {key}"]
        else:
            keys = [key_of(str(run_id), str(contact)), kept_key(str(run_id), str(contact))]
        judge = arbiter or self.arbiter
        with self.reading() as transaction:
            for own in keys:
                found = transaction.answer(own)
                if found is not None and contact in (None, found[0]):
                    return given_again(transaction, found[1], None if judge is None else judge.decider, explain=explain)
            if run_id is None:
                whose = "" if contact is None else f" of contact {contact!r}"
                more = "; where an account was decided together, give the contact too" if contact is None else ""
                raise LedgerError(f"the ledger keeps no decision{whose} under the key {key!r}{more}", kind="unknown")
            known = transaction.run(run_id) is not None
        raise LedgerError(
            f"the ledger keeps no decision of contact {contact!r} under the run {run_id!r}: "
            + (
                "a run over tables keeps its decisions where it is asked to (--keep-decisions, keep_decisions=True)"
                if known
                else "there is no such run"
            ),
            kind="unknown",
        )

    # At the moment of sending

    def release_check(
        self,
        reservation: str | Reservation,
        contact: Contact,
        at: datetime,
        *,
        arbiter: HasDecider | None = None,
        events: Iterable[Any] | None = None,
    ) -> ReleaseCheck:
        """Check once more who is eligible, at the moment of sending.

        All of eligibility is checked, on the contact as it is now: consent (their own, and the ledger's), pause,
        period and audience, fit, owner, holdouts, missing data, hours. Caps are not: the reservation holds the room.

        Args:
            reservation: which, or its id; its status is read anew.
            contact: to whom it goes, as known now.
            at: when, aware.
            arbiter: whose playbook; None takes the ledger's own.
            events: what the contact did besides what the ledger keeps, for audiences that ask for it: where neither
                knows of any event, these let nothing pass.

        Returns:
            What forbids it; true where nothing does and it is still reserved.

        Raises:
            ModelError: without an arbiter, and for another contact's reservation.
            LedgerError: for a reservation that is not known.
        """
        ids = [reservation if isinstance(reservation, str) else reservation.id]
        with self.reading() as transaction:
            held = self._known(transaction.held(ids), ids)[0]
            return checked(arbiter or self.arbiter, transaction, contact, self.person(contact.id), held, at, events)

    def quotas(
        self, arbiter: HasDecider | None = None, *, at: datetime, until: datetime | None = None
    ) -> list[QuotaState]:
        """What is used, and left, of a playbook's quotas with a window; nothing is counted or changed.

        Args:
            arbiter: whose playbook; None takes the ledger's own.
            at: an instant of the period that is asked for.
            until: for all periods from that one to the one of this instant; None for one.
        """
        with self.reading() as transaction:
            return quota_states(arbiter or self.arbiter, transaction, at, until)

    # People's rights

    def person(self, contact: str) -> str:
        """The hash by which the ledger knows a contact once they are forgotten."""
        check_names([contact])
        return person_of(self.salt(), contact)

    def opt_out(
        self,
        contact: str,
        *,
        at: datetime,
        channel: str | None = None,
        topic: str | None = None,
        suppressed: bool = False,
    ) -> None:
        """Record that a contact does not want to be written to, whatever the caller's data say.

        Every word of consent is kept with its own instant and scope. What holds is, for each scope, the latest word by
        its own instant, in whatever order words arrive; at equal instants the no wins.

        Args:
            contact: the contact's id.
            at: when the contact said so, aware.
            channel: the channel that the contact does not want; None for all.
            topic: the topic that the contact does not want; None for all.
            suppressed: whether nothing may go at all, not even what needs no consent.

        Raises:
            ModelError: for more than one of channel, topic and suppressed.
        """
        self._say(contact, at=moment(micros(at)), channel=channel, topic=topic, suppressed=suppressed)

    def opt_in(
        self,
        contact: str,
        *,
        channel: str | None = None,
        topic: str | None = None,
        suppressed: bool = False,
        at: datetime | None = None,
    ) -> bool:
        """Record that a contact wants to be written to again: earlier opt-outs of the same scope do not hold then.

        It is recorded also where nothing is known to take back, since an older opt-out may still arrive by a send log.
        It never adds consent to what the caller's data say.

        Args:
            contact: the contact's id.
            channel: as for `opt_out`.
            topic: as for `opt_out`.
            suppressed: as for `opt_out`.
            at: when the contact said so, aware; None is now.

        Returns:
            Whether it took an opt-out back: one held before, and does not any more.

        Raises:
            ModelError: for more than one of channel, topic and suppressed.
        """
        when = moment(micros(datetime.now(UTC) if at is None else at))
        return self._say(contact, at=when, channel=channel, topic=topic, suppressed=suppressed, taken_back=True)

    def _say(self, contact: str, **what: Any) -> bool:
        """Record a word of consent; whether it took an opt-out back."""
        word = ConsentWord(person=self.person(contact), contact=contact, **what)
        with self.transaction([contact]) as transaction:
            said = transaction.said([word.person])
            if is_known(word, said):
                return False
            transaction.say(word)
        held, holds = (any(no.what == word.what for no in standing(words)) for words in (said, [*said, word]))
        return held and not holds

    def opt_outs(self, contact: str) -> list[ConsentWord]:
        """The opt-outs of a contact that hold, forgotten or not: of each scope the latest word, where that is a no."""
        with self.reading() as transaction:
            return standing(transaction.said([self.person(contact)]))

    def forget(self, contact: str, *, keep_opt_outs: bool = True) -> dict[str, int]:
        """Remove a person: their touches, reservations, events, claims that wait, and kept answers.

        Args:
            contact: the id.
            keep_opt_outs: whether their opt-outs stay, under a hash of the id that is salted with a secret of the
                ledger: with both ledger and id one can still see that this person wants no messages, and nobody else
                can see who it is. False removes them too; then only the caller's own data protect them.

        Returns:
            How many touches, answers and events are gone, and opt-outs are kept.
        """
        person = self.person(contact)
        # Alone, so that no answer about a colleague who is being decided can mention them afterwards.
        with self.transaction(exclusive=True) as transaction:
            if keep_opt_outs:
                own = transaction.of_contacts([contact])
                transaction.leave_traces((self._trace(held.id), held.micros) for held in own if held.run_id is not None)
            return transaction.forget(contact, person, keep_opt_outs=keep_opt_outs)

    def export(self, contact: str) -> dict[str, Any]:
        """Everything that the ledger holds of a person, as plain data.

        Of answers about colleagues that mention them there are the keys only: the rest is about them.
        """
        from journeykit.ledger.exporting import export_contact

        check_names([contact])
        return export_contact(self, contact)

    def export_all(self, what: str = "touches") -> Iterator[dict[str, Any]]:
        """Everything of one kind, row by row, as plain data; nothing is held but one row.

        Args:
            what: ``touches`` (with the columns of a table of touches, so that they may be given as one), ``words`` of
                consent, ``answers``, ``runs``, ``events`` (likewise), or ``contacts``: for each what `export` gives.

        Raises:
            ModelError: for another kind.
        """
        from journeykit.ledger.exporting import export_rows

        return export_rows(self, what)

    def prune(self, older_than: datetime) -> dict[str, int]:
        """Remove touches, answers, runs and events of before an instant. What is still reserved stays: expire it first.

        Claims that wait stay as long as they may go; those that were over before the instant are removed.

        A cap with a longer window forgets with the ledger: keep at least the longest window of the playbook. Answers
        about plans go by the plan's end, and those about a contact stay while any of it from before the instant
        is still reserved.

        Args:
            older_than: the instant, aware.

        Returns:
            How many touches, answers, runs and events are gone.
        """
        with self.transaction(exclusive=True) as transaction:
            return transaction.prune(micros(older_than, what="older_than"))

    def stats(self) -> dict[str, Any]:
        """How much of what it holds: touches by status, contacts, opt-outs, answers, runs, claims that wait, events."""
        with self.reading() as transaction:
            return transaction.stats()


def check_names(contacts: Iterable[str] = (), accounts: Iterable[str] = (), keys: Iterable[str] = ()) -> None:
    """Refuse names that not every ledger can hold; see `check_held`."""
    check_held("contact id", *contacts)
    check_held("account id", *accounts)
    check_held("key", *keys)


def _ids(given: Named | Iterable[Named]) -> Iterator[str]:
    """The ids of reservations that are meant."""
    if isinstance(given, str):
        yield given
    elif isinstance(given, Reservation):
        yield given.id
    elif isinstance(given, Row):
        if given.outcome is Outcome.GRANTED:
            yield given.decision_id
    elif isinstance(given, Decision):
        yield from _ids(given.rows)
    else:
        try:
            several = iter(given)
        except TypeError:
            raise ModelError(
                f"expected reservations, their ids, or a decision, found {type(given).__name__}", field="ids"
            ) from None
        for one in several:
            yield from _ids(one)
