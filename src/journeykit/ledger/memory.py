"""The ledger in memory: the same protocol without a database, for tests and small jobs of one process."""

from __future__ import annotations

import secrets
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.ledger.base import BaseLedger, check_names
from journeykit.ledger.consent_word import ConsentWord, standing
from journeykit.ledger.reservation import COUNTING, RESERVED, Reservation, held_already, used_after
from journeykit.ledger.transaction import (
    EventRow,
    GuardRow,
    News,
    RunMark,
    WaitingRow,
    check_lengths,
    check_touch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from journeykit.engine.decider import HasDecider
    from journeykit.ledger.transaction import AnswerRow


class MemoryLedger(BaseLedger):
    """A ledger in the memory of one process; threads may share it.

    Args:
        arbiter: whose playbook `release_check` looks at; None where it is given there.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Claim, Contact, Playbook
        >>> ledger, arbiter = MemoryLedger(), Arbiter(Playbook())
        >>> claim = Claim(campaign="launch", channel="email", weight=8)
        >>> anna, at = Contact(id="anna", consent=["email"]), datetime(2026, 11, 5, 10, tzinfo=UTC)
        >>> decision = arbiter.decide(anna, claims=[claim], at=at, ledger=ledger)
        >>> [(held.campaign, held.status) for held in ledger.reservations("anna")]
        [('launch', 'reserved')]
    """

    def __init__(self, arbiter: HasDecider | None = None) -> None:
        super().__init__(arbiter)
        self._lock = threading.RLock()
        self._salt = secrets.token_hex(16)
        self._transaction = MemoryTransaction()

    def upgrade(self) -> int:
        """There is no schema; the version is 1."""
        return 1

    def salt(self) -> str:
        """What ids are mixed with before they are hashed."""
        return self._salt

    @contextmanager
    def transaction(
        self,
        contacts: Sequence[str] = (),
        accounts: Sequence[str] = (),
        keys: Sequence[str] = (),
        *,
        exclusive: bool = False,  # noqa: ARG002
    ) -> Iterator[MemoryTransaction]:
        """One transaction, alone; see `BaseLedger`."""
        # One lock is for all; the names are only looked at.
        check_names(contacts, accounts, keys)
        with self._lock:
            try:
                yield self._transaction
            except BaseException:
                self._transaction.take_back()
                raise
            self._transaction.done.clear()

    @contextmanager
    def reading(self) -> Iterator[MemoryTransaction]:
        """A transaction that only reads."""
        with self._lock:
            yield self._transaction


class MemoryTransaction:
    """What the ledger holds, and how to take back what a transaction did to it.

    See `journeykit.ledger.transaction.Transaction`.
    """

    def __init__(self) -> None:
        self.done: list[Callable[[], object]] = []
        self._number = 0
        # By id, each with its number: the order in which they were written.
        self._touches: dict[str, tuple[int, Reservation]] = {}
        self._by_contact: dict[str, dict[str, None]] = {}
        self._moves: list[tuple[int, str, str, str]] = []
        self._answers: dict[str, tuple[str, int, str, frozenset[str]]] = {}
        self._said: list[tuple[int, ConsentWord]] = []
        self._runs: dict[str, RunMark] = {}
        self._waiting: dict[str, list[tuple[int, WaitingRow]]] = {}
        # By contact, then by key.
        self._events: dict[str, dict[str, tuple[int, EventRow]]] = {}
        self._playbooks: dict[str, str] = {}
        self._traces: dict[str, int] = {}
        self._used: dict[str, int] = {}
        self._guards: dict[tuple[str, str], GuardRow] = {}

    def take_back(self) -> None:
        """Undo all that was done since the transaction began."""
        while self.done:
            self.done.pop()()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _put(self, id_: str, held: tuple[int, Reservation] | None) -> None:
        """Give an id what it holds, or nothing, and remember what it held."""
        before = self._touches.get(id_)
        self.done.append(lambda: self._set(id_, before))
        self._set(id_, held)

    def _set(self, id_: str, held: tuple[int, Reservation] | None) -> None:
        gone = self._touches.pop(id_, None)
        if gone is not None:
            own = self._by_contact[gone[1].contact]
            del own[id_]
            if not own:
                del self._by_contact[gone[1].contact]
        if held is not None:
            self._touches[id_] = held
            self._by_contact.setdefault(held[1].contact, {})[id_] = None

    def _replace(self, name: str, value: Any) -> None:
        """Give one of the small tables a new value."""
        before = getattr(self, name)
        self.done.append(lambda: setattr(self, name, before))
        setattr(self, name, value)

    def _numbered(self) -> list[tuple[int, Reservation]]:
        return sorted(self._touches.values(), key=lambda held: held[0])

    def _of(self, contacts: Iterable[str]) -> list[tuple[int, Reservation]]:
        found = [self._touches[id_] for name in dict.fromkeys(contacts) for id_ in self._by_contact.get(name, ())]
        return sorted(found, key=lambda held: held[0])

    def counting(self, contacts: Sequence[str], accounts: Sequence[str] = ()) -> list[Reservation]:
        """The touches that count, of contacts and of accounts."""
        if not accounts:
            return [touch for _, touch in self._of(contacts) if touch.counts]
        return [
            touch
            for _, touch in self._numbered()
            if touch.counts and (touch.contact in contacts or touch.account in accounts)
        ]

    def held(self, ids: Sequence[str]) -> dict[str, Reservation]:
        """Touches by id."""
        return {id_: self._touches[id_][1] for id_ in ids if id_ in self._touches}

    def ids_of(self, messages: Sequence[str]) -> dict[str, str]:
        """Touches by what a send log calls them."""
        wanted = set(messages)
        return {touch.message: id_ for id_, (_, touch) in self._touches.items() if touch.message in wanted}

    def of_contacts(self, contacts: Sequence[str]) -> list[Reservation]:
        """All touches of contacts."""
        return [touch for _, touch in sorted(self._of(contacts), key=lambda held: (held[1].micros, held[0]))]

    def of_run(self, run_id: str, contacts: Sequence[str]) -> list[Reservation]:
        """What a run has reserved for contacts."""
        return [touch for _, touch in self._of(contacts) if touch.run_id == run_id]

    def contacts_of(self, mark: RunMark) -> frozenset[str]:
        """The contacts for whom a run has reserved anything."""
        return frozenset(
            touch.contact
            for number, touch in self._touches.values()
            if number > mark.touches and touch.run_id == mark.run_id
        )

    def in_status(self, status: str, before: int | None, run_id: str | None, count: int) -> list[Reservation]:
        """So many touches of a status, of a run, that lie before an instant."""
        return [
            touch
            for _, touch in self._numbered()
            if touch.status == status and (before is None or touch.micros < before) and run_id in (None, touch.run_id)
        ][:count]

    def add(self, touches: Iterable[Reservation]) -> None:
        """Write touches."""
        for touch in touches:
            touch.check_held()
            check_touch(touch)
            if touch.id in self._touches:
                raise held_already(touch.id)
            self._put(touch.id, (self._next(), touch))
            self._use(touch.uses)

    def used(self, quotas: Sequence[str], keys: Sequence[str]) -> dict[str, int]:  # noqa: ARG002  (one lock is for all)
        """What is used of quotas, by key."""
        return {key: self._used[key] for key in keys if key in self._used}

    def decided(self) -> Iterator[Reservation]:
        """All touches that count and that a run or decision reserved."""
        return (held for _, (_, held) in sorted(self._touches.items()) if held.counts and held.run_id is not None)

    def count_uses(self, marks: Sequence[str], uses: Iterable[tuple[Reservation, Mapping[str, int]]]) -> None:
        """Begin to count quotas."""
        self._use(dict.fromkeys(marks, 0))
        for touch, own in uses:
            number, known = self._touches[touch.id]
            self._put(touch.id, (number, evolve(known, uses={**known.uses, **own})))
            self._use(own)

    def _use(self, uses: Mapping[str, int]) -> None:
        """Change what is used."""
        for key, use in uses.items():
            before = self._used.get(key)
            self.done.append(partial(self._set_used, key, before))
            self._set_used(key, use + (before or 0))

    def _set_used(self, key: str, used: int | None) -> None:
        if used is None:
            self._used.pop(key, None)
        else:
            self._used[key] = used

    def move(self, touches: Iterable[tuple[Reservation, str]]) -> None:
        """Give touches a new status."""
        for touch, to in touches:
            number, known = self._touches[touch.id]
            self._put(touch.id, (number, evolve(known, status=to)))
            self._use(used_after(known, to))
            self._moves.append((self._next(), touch.id, known.status, to))
            self.done.append(self._moves.pop)

    def tell_message(self, told: Iterable[tuple[str, str]]) -> None:
        """Give touches, by id, what a send log calls them."""
        for id_, message in told:
            check_lengths(message=message)
            number, known = self._touches[id_]
            self._put(id_, (number, evolve(known, message=message)))

    def tell_parts(self, told: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """Give touches, by id, what became of their parts."""
        for id_, parts in told:
            number, known = self._touches[id_]
            self._put(id_, (number, evolve(known, parts=dict(parts))))

    def answer(self, key: str) -> tuple[str, str] | None:
        """Whose answer is kept under a key, and the answer."""
        found = self._answers.get(key)
        return None if found is None else (found[0], found[2])

    def answers_of(self, keys: Sequence[str]) -> dict[str, str]:
        """Several answers by key."""
        return {key: self._answers[key][2] for key in keys if key in self._answers}

    def keep_answer(self, key: str, contact: str, at: int, answer: str, others: Sequence[str]) -> None:
        """Keep an answer, and who else it tells of."""
        check_lengths(key=key, contact_id=contact)
        self._answers[key] = contact, at, answer, frozenset(others)
        self.done.append(lambda: self._answers.pop(key, None))

    def keep_answers(self, answers: Sequence[AnswerRow]) -> None:
        """Keep several answers."""
        for answer in answers:
            self.keep_answer(*answer)

    def keep_new_answers(self, answers: Iterable[tuple[str, str, int, str]]) -> None:
        """Keep answers whose keys are not known."""
        for key, contact, at, answer in answers:
            if key not in self._answers:
                self.keep_answer(key, contact, at, answer, ())

    def playbook(self, fingerprint: str) -> str | None:
        """The playbook of a fingerprint, as JSON."""
        return self._playbooks.get(fingerprint)

    def keep_playbook(self, fingerprint: str, playbook: str) -> None:
        """Keep a playbook."""
        self._replace("_playbooks", {fingerprint: playbook, **self._playbooks})

    def said(self, persons: Sequence[str] | None = None, until: int | None = None) -> list[ConsentWord]:
        """The words of consent of persons, or of all."""
        return [
            word
            for number, word in self._said
            if (persons is None or word.person in persons) and (until is None or number <= until)
        ]

    def say(self, word: ConsentWord) -> None:
        """Write a word of consent."""
        self._said.append((self._next(), word))
        self.done.append(self._said.pop)

    def waiting(self, contacts: Sequence[str] | None = None, until: int | None = None) -> list[WaitingRow]:
        """The claims that wait, of contacts or of all."""
        names = self._waiting if contacts is None else dict.fromkeys(contacts)
        rows = (held for name in names for held in self._waiting.get(name, ()))
        found: dict[str, WaitingRow] = {}
        for number, row in sorted(rows, key=lambda held: held[0]):
            if until is None or number <= until:
                found.pop(row.key, None)
                found[row.key] = row
        return [row for row in found.values() if row.claim is not None]

    def waiting_contacts(self, until: int | None = None) -> list[str]:
        """The contacts of whom anything waits."""
        return list(dict.fromkeys(row.contact for row in self.waiting(until=until)))

    def change_waiting(self, changes: Iterable[WaitingRow]) -> None:
        """Write changes of what waits."""
        for row in changes:
            check_lengths(contact_id=row.contact)
            own = self._waiting.setdefault(row.contact, [])
            own.append((self._next(), row))
            self.done.append(own.pop)

    def keep_events(self, rows: Sequence[EventRow]) -> int:
        """Write events, but those whose key is known; how many were new."""
        new = 0
        for row in rows:
            check_lengths(contact_id=row.contact)
            own = self._events.setdefault(row.contact, {})
            if row.key not in own:
                own[row.key] = self._next(), row
                self.done.append(partial(own.pop, row.key))
                new += 1
        return new

    def events(self, contacts: Sequence[str] | None = None, until: int | None = None) -> Iterator[EventRow]:
        """The events of contacts, or of all; up to a number."""
        for contact in list(self._events) if contacts is None else dict.fromkeys(contacts):
            for number, row in self._events.get(contact, {}).values():
                if until is None or number <= until:
                    yield row

    def has_events(self, until: int | None = None) -> bool:
        """Whether there is any event, up to a number."""
        return next(self.events(until=until), None) is not None

    def guards(self) -> list[GuardRow]:
        """The guards that tripped, by name and campaign."""
        return [row for _, row in sorted(self._guards.items())]

    def keep_guards(self, rows: Iterable[GuardRow]) -> None:
        """Write guards that tripped, or were lifted."""
        for row in rows:
            check_lengths(guard=row.guard, campaign_id=row.campaign)
            self._replace("_guards", {**self._guards, row.key: row})

    def run(self, run_id: str) -> RunMark | None:
        """A run that was begun."""
        return self._runs.get(run_id)

    def marked(self, mark: RunMark) -> RunMark:
        """A run with the last number that there is."""
        last = self._number
        return evolve(mark, touches=last, moves=last, opt_outs=last, waiting=last, events=last)

    def begin_run(self, mark: RunMark) -> RunMark:
        """Write a run down."""
        check_lengths(run=mark.run_id)
        self._replace("_runs", {mark.run_id: self.marked(mark), **self._runs})
        return self._runs[mark.run_id]

    def news(self, mark: RunMark, contacts: Sequence[str], accounts: Sequence[str], persons: Sequence[str]) -> News:
        """Whose history others have added to since a run began."""
        again = {
            id_
            for number, id_, was, became in self._moves
            if number > mark.moves and was not in COUNTING and became in COUNTING
        }
        late = [
            touch
            for number, touch in self._touches.values()
            if touch.run_id != mark.run_id and (number > mark.touches or touch.id in again)
        ]
        mine = [
            touch
            for number, touch in self._touches.values()
            if touch.run_id == mark.run_id and number > mark.touches and touch.contact not in contacts
        ]
        said = [word for number, word in self._said if number > mark.opt_outs and not word.taken_back]
        return News(
            frozenset(touch.contact for touch in late).intersection(contacts),
            frozenset(touch.account for touch in (*late, *mine) if touch.account is not None).intersection(accounts),
            frozenset(word.person for word in said).intersection(persons),
        )

    def leave_traces(self, traces: Iterable[tuple[str, int]]) -> None:
        """Keep hashes of the ids of reservations that are to be forgotten."""
        self._replace("_traces", self._traces | dict(traces))

    def forgotten(self, traces: Sequence[str]) -> frozenset[str]:
        """Which of some hashes are those of reservations that were forgotten."""
        return frozenset(self._traces).intersection(traces)

    def forget(self, contact: str, person: str, *, keep_opt_outs: bool) -> dict[str, int]:
        """Remove a contact."""
        own = [touch.id for touch in self.of_contacts([contact])]
        for id_ in own:
            self._put(id_, None)
        self._replace("_moves", [move for move in self._moves if move[1] not in own])
        answers = {
            key: answer for key, answer in self._answers.items() if contact != answer[0] and contact not in answer[3]
        }
        gone = len(self._answers) - len(answers)
        self._replace("_answers", answers)
        self._replace("_waiting", {name: own for name, own in self._waiting.items() if name != contact})
        said = [(n, evolve(w, contact=None) if w.person == person else w) for n, w in self._said]
        if not keep_opt_outs:
            said = [held for held in said if held[1].person != person]
        self._replace("_said", said)
        events = self._events.get(contact, {})
        self._replace("_events", {name: held for name, held in self._events.items() if name != contact})
        kept = len(standing(self.said([person])))
        return {"touches": len(own), "answers": gone, "events": len(events), "opt_outs_kept": kept}

    def answers_about(self, contact: str) -> list[tuple[str, str]]:
        """All kept answers about a contact."""
        return sorted((key, text) for key, (whose, _, text, _) in self._answers.items() if whose == contact)

    def answers_telling(self, contact: str) -> list[str]:
        """The keys of kept answers about others that tell of a contact."""
        return sorted(key for key, (_, _, _, others) in self._answers.items() if contact in others)

    def moves_of(self, contact: str) -> list[tuple[str, str, str]]:
        """The moves of a contact's touches."""
        return [(id_, was, became) for _, id_, was, became in self._moves if id_ in self._by_contact.get(contact, ())]

    def prune(self, before: int) -> dict[str, int]:
        """Remove what lies before an instant."""
        old = [touch.id for _, touch in self._numbered() if touch.micros < before and touch.status != RESERVED]
        for id_ in old:
            self._put(id_, None)
        gone = set(old)
        self._replace("_moves", [move for move in self._moves if move[1] not in gone])
        open_ = {touch.contact for _, touch in self._touches.values() if touch.micros < before}
        answers = {key: answer for key, answer in self._answers.items() if answer[1] >= before or answer[0] in open_}
        runs = {name: mark for name, mark in self._runs.items() if (mark.until or mark.at) >= before}
        counts = {
            "touches": len(old),
            "answers": len(self._answers) - len(answers),
            "runs": len(self._runs) - len(runs),
        }
        events = {
            name: {key: held for key, held in own.items() if held[1].at >= before} for name, own in self._events.items()
        }
        counts["events"] = sum(map(len, self._events.values())) - sum(map(len, events.values()))
        self._replace("_events", {name: own for name, own in events.items() if own})
        self._replace("_answers", answers)
        self._replace("_runs", runs)
        self._replace("_traces", {trace: at for trace, at in self._traces.items() if at >= before})
        self._replace("_waiting", {name: _lasting(own, before) for name, own in self._waiting.items()})
        return counts

    def contacts(self) -> Iterator[str]:
        """All contacts of whom anything is held."""
        said = {word.contact for _, word in self._said if word.contact is not None}
        told = (name for own in self._answers.values() for name in (own[0], *own[3]))
        did = (name for name, own in self._events.items() if own)
        waited = (name for name, own in self._waiting.items() if own)
        return iter(sorted({*self._by_contact, *said, *told, *waited, *did}))

    def all_touches(self) -> Iterator[Reservation]:
        """All touches, in the order in which they were written."""
        return (touch for _, touch in self._numbered())

    def all_answers(self) -> Iterator[tuple[str, str, str]]:
        """All kept answers, by key."""
        return ((key, own[0], own[2]) for key, own in sorted(self._answers.items()))

    def all_runs(self) -> Iterator[RunMark]:
        """All runs, by name."""
        return (mark for _, mark in sorted(self._runs.items()))

    def stats(self) -> dict[str, Any]:
        """How much of what there is."""
        touches = [touch for _, touch in self._numbered()]
        statuses = sorted({touch.status for touch in touches})
        instants = sorted(touch.at for touch in touches)
        return {
            "version": 1,
            "touches": {status: sum(touch.status == status for touch in touches) for status in statuses},
            "contacts": len({touch.contact for touch in touches}),
            "first": instants[0].isoformat() if instants else None,
            "last": instants[-1].isoformat() if instants else None,
            "opt_outs": len(standing(self.said())),
            "answers": len(self._answers),
            "runs": len(self._runs),
            "waiting": len(self.waiting()),
            "events": sum(map(len, self._events.values())),
        }

    def as_of(
        self, mark: RunMark, contacts: Sequence[str] | None = None, accounts: Sequence[str] = ()
    ) -> Iterator[Reservation]:
        """The touches that counted when a run began, of all or some."""
        was: dict[str, str] = {}
        for number, id_, before, _ in self._moves:
            if number > mark.moves:
                was.setdefault(id_, before)
        for number, touch in self._of(contacts) if contacts is not None and not accounts else self._numbered():
            wanted = contacts is None or touch.contact in contacts or touch.account in accounts
            if not wanted or number > mark.touches:
                continue
            found = evolve(touch, status=was[touch.id]) if touch.id in was else touch
            if found.counts:
                yield found


def _lasting(held: Sequence[tuple[int, WaitingRow]], before: int) -> list[tuple[int, WaitingRow]]:
    """What is left of a contact's claims that wait, without what was over before an instant."""
    last = {row.key: number for number, row in held}
    return [
        (number, row)
        for number, row in held
        if (row.at >= before or (row.claim is not None and number == last[row.key]))
        and not (row.until is not None and row.until < before)
    ]
