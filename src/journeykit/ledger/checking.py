"""Checks for authors of stores: what a ledger relies on, tried at random beside a ledger in memory."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.basics.clock import micros
from journeykit.engine.decider import Decider
from journeykit.errors import LedgerError
from journeykit.ledger.base import BaseLedger
from journeykit.ledger.consent_word import ConsentWord
from journeykit.ledger.decide import decide
from journeykit.ledger.memory import MemoryLedger
from journeykit.ledger.reservation import MOVES, RESERVED, STATUSES, Reservation
from journeykit.ledger.store import StoreLedger
from journeykit.ledger.transaction import EventRow, GuardRow, RunMark, WaitingRow
from journeykit.model.claim import Claim
from journeykit.model.contact import Contact
from journeykit.playbook.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from journeykit.ledger.store import Store
    from journeykit.ledger.transaction import Transaction

_AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
_CONTACTS = ("anna", "ben", "čedo", "d;e'")
_ACCOUNTS = ("acme", "o\"r'g")
_RUNS = ("night", "day")
_KEYS = ("k1", "k2", "k3", "k4")
_QUOTAS = ("q1", "q2")
_STEPS = 25
_EVERY = [f"r{number}" for number in range(30)]
_ASKED = 12
_SEATS = 4


class _GiveUp(Exception):  # noqa: N818  (no error, but the end of a block)
    """What leaves a transaction that is to be taken back."""


def check(make: Callable[[], Store | BaseLedger], *, rounds: int, threads: int) -> None:
    """See `journeykit.testing.check_ledger`."""
    for seed in range(rounds):
        with _ledger(make()) as own, MemoryLedger() as reference:
            _compare(own, reference, Random(seed), seed)  # noqa: S311
    for what in (_check_salt, _check_contacts, _check_quota, _check_keys, _check_crossing, _check_exclusive):
        with _ledger(make()) as own:
            what(own, threads)


def _ledger(given: Store | BaseLedger) -> BaseLedger:
    """A new ledger, empty, with its schema."""
    own = given if isinstance(given, BaseLedger) else StoreLedger(given)
    own.upgrade()
    with own.reading() as transaction:
        _require(not list(transaction.all_touches()), "give a function that makes a new, empty store each time")
    return own


def _require(condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(message)


# Beside a ledger in memory


def _compare(own: BaseLedger, reference: BaseLedger, random: Random, seed: int) -> None:
    """Do the same to both, and look at both."""
    said = list[str]()
    for _ in range(_STEPS):
        name, step = random.choice(_WRITES)
        state = random.getstate()
        gives_up = random.random() < 0.15
        answers = []
        for ledger in (own, reference):
            random.setstate(state)
            random.random()
            answers.append(_done(ledger, step, random, gives_up=gives_up))
        said.append(name + " (taken back)" * gives_up)
        where = f"seed {seed}, after {', '.join(said[-4:])}"
        _require(answers[0] == answers[1], f"{where}: gives {answers[0]!r}, and should {answers[1]!r}")
        state = random.getstate()
        found = []
        for ledger in (own, reference):
            random.setstate(state)
            with ledger.reading() as transaction:
                found.append(_all_of(transaction, random))
        for what, wanted in found[1].items():
            _require(found[0][what] == wanted, f"{where}: {what} is {found[0][what]!r}, and should be {wanted!r}")


def _done(ledger: BaseLedger, step: Callable[[Transaction, Random], Any], random: Random, *, gives_up: bool) -> Any:
    """What a step gives, in a transaction of its own; the kind of the error where it is refused."""
    found: Any = None
    with suppress(_GiveUp):
        try:
            with ledger.transaction(_CONTACTS, _ACCOUNTS, exclusive=random.random() < 0.2) as transaction:
                found = step(transaction, random)
                _leave(gives_up=gives_up)
        except LedgerError:
            return "refused"
    return found


def _leave(*, gives_up: bool) -> None:
    if gives_up:
        raise _GiveUp


def _reservation(random: Random) -> Reservation:
    """One with any of its parts."""

    def maybe(value: Any) -> Any:
        return value if random.random() < 0.6 else None

    run_id = random.choice([None, *_RUNS])
    return Reservation(
        id=random.choice(_EVERY),
        contact=random.choice(_CONTACTS),
        account=random.choice([None, *_ACCOUNTS]),
        at=_AT + timedelta(days=random.randint(-40, 10), microseconds=random.randint(0, 3)),
        status=random.choice(["reserved", "reserved", "sent"]),
        channel=maybe("email"),
        campaign=maybe(random.choice(["launch", "news"])),
        content=maybe("note"),
        claim=maybe("receipt 7"),
        team=maybe("events"),
        goal=maybe("event"),
        topics=random.choice([(), ("golf",), ("golf", "te;nnis")]),
        solutions=random.choice([(), ("platform",)]),
        theme=maybe("care"),
        tags=random.choice([(), ("a", "b")]),
        campaign_ends=maybe(date(2026, 12, 31)),
        counts_toward_caps=random.choice([None, True, False]),
        without=random.choice([(), ("team", "goal")]),
        cost=maybe(0.1),
        propensity=maybe(1 / 3),
        weight=maybe(7.000001),
        numbers=random.choice([{}, {"risk": -12.5}]),
        uses=random.choice([{}, {}, {"q1 day": 10**9}, {"q1 day": 10**9, "q2 ever": -7}]),
        expires=None if run_id is None else _AT + timedelta(days=2, microseconds=7),
        expires_by=None if run_id is None else "wait",
        run_id=run_id,
        decided_at=None if run_id is None else _AT,
        message=None,
    )


def _add(transaction: Transaction, random: Random) -> None:
    transaction.add([_reservation(random) for _ in range(random.randint(1, 3))])


def _move(transaction: Transaction, random: Random) -> Any:
    held = transaction.held(random.sample(_EVERY, 12))
    moved = [(own, random.choice(MOVES[own.status])) for _, own in sorted(held.items()) if MOVES[own.status]]
    transaction.move(moved)
    return sorted((own.id, to) for own, to in moved)


def _tell(transaction: Transaction, random: Random) -> None:
    held = sorted(transaction.held(random.sample(_EVERY, 8)))
    transaction.tell_message((id_, f"message of {id_}") for id_ in held)
    transaction.tell_parts((id_, {"phone": "sent", "watch": "failed"}) for id_ in held[:2])


def _answer(transaction: Transaction, random: Random) -> None:
    key, contact = random.choice(_KEYS), random.choice(_CONTACTS)
    others = random.sample([name for name in _CONTACTS if name != contact], random.randint(0, 2))
    at = micros(_AT) + random.randint(-5, 5)
    if random.random() < 0.5:
        transaction.keep_new_answers([(key, contact, at, f'{{"of": "{contact}"}}')])
    elif transaction.answer(key) is None:
        transaction.keep_answers([(key, contact, at, f'{{"of": "{contact}"}}', others)])


def _say(transaction: Transaction, random: Random) -> None:
    name = random.choice(_CONTACTS)
    channel, topic, suppressed = random.choice([(None, None, False), ("sms", None, False), (None, "golf", False)])
    transaction.say(
        ConsentWord(
            person=f"hash of {name}",
            contact=name,
            channel=channel,
            topic=topic,
            suppressed=suppressed,
            at=_AT + timedelta(hours=random.randint(-9, 9)),
            taken_back=random.random() < 0.4,
        )
    )


def _wait(transaction: Transaction, random: Random) -> None:
    contact, at = random.choice(_CONTACTS), micros(_AT) + random.randint(-9, 9)
    row = WaitingRow(
        key=f"{contact} {random.randint(1, 2)}",
        contact=contact,
        claim=random.choice([None, '{"campaign": "launch"}']),
        since=at,
        until=random.choice([None, at + 5]),
        at=at,
        run_id=random.choice(_RUNS),
    )
    transaction.change_waiting([row])


def _keep_events(transaction: Transaction, random: Random) -> Any:
    rows = []
    for _ in range(random.randint(1, 3)):
        contact, number = random.choice(_CONTACTS), random.randint(1, 6)
        at = micros(_AT + timedelta(days=random.randint(-40, 5)))
        own = random.choice([None, f"e{number}"])
        properties = random.choice(["{}", '{"campaign_id": "news"}'])
        rows.append(
            EventRow(key=f"{contact} {number}", contact=contact, event="click", at=at, id=own, properties=properties)
        )
    return transaction.keep_events(rows)


def _keep_guards(transaction: Transaction, random: Random) -> None:
    rows = [
        GuardRow(
            guard=random.choice(["a", "B", "é"]),
            campaign=random.choice(["launch", "news"]),
            paused=random.random() < 0.5,
            until=micros(_AT),
            messages=random.randint(3, 9),
            answered=3,
            lifted=random.choice([None, micros(_AT)]),
        )
        for _ in range(2)
    ]
    transaction.keep_guards({row.key: row for row in rows}.values())


def _begin(transaction: Transaction, random: Random) -> Any:
    name = random.choice(_RUNS)
    until = random.choice([None, micros(_AT) + 9])
    used = random.choice([{}, {"q1 day": 5}])
    mark = RunMark(run_id=name, playbook="f00", at=micros(_AT), until=until, alone=name == "day", used=used)
    return _plain_mark(transaction.begin_run(mark))


def _keep_playbook(transaction: Transaction, random: Random) -> None:
    transaction.keep_playbook("f00", random.choice(['{"a": 1}', '{"b": 2}']))


def _forget(transaction: Transaction, random: Random) -> Any:
    name = random.choice(_CONTACTS)
    transaction.leave_traces([(f"trace of {name}", micros(_AT) + random.randint(-9, 9))])
    return transaction.forget(name, f"hash of {name}", keep_opt_outs=random.random() < 0.5)


def _prune(transaction: Transaction, random: Random) -> Any:
    return transaction.prune(micros(_AT + timedelta(days=random.randint(-30, 0))))


def _count(transaction: Transaction, random: Random) -> None:
    mark = random.choice(["mark 1", "mark 2"])
    if mark not in transaction.used(_QUOTAS, [mark]):
        transaction.count_uses([mark], [(held, {f"{mark} ever": 3}) for held in list(transaction.decided())])


_WRITES: tuple[tuple[str, Callable[[Transaction, Random], Any]], ...] = (
    *(("add", _add),) * 4,
    *(("move", _move),) * 3,
    ("tell_message and tell_parts", _tell),
    ("keep_answers", _answer),
    ("keep_answers", _answer),
    ("say", _say),
    ("say", _say),
    ("change_waiting", _wait),
    ("change_waiting", _wait),
    ("keep_events", _keep_events),
    ("keep_events", _keep_events),
    ("keep_guards", _keep_guards),
    ("begin_run", _begin),
    ("keep_playbook", _keep_playbook),
    ("leave_traces and forget", _forget),
    ("prune", _prune),
    ("count_uses", _count),
)


def _plain_mark(mark: RunMark | None) -> Any:
    """A run without the numbers by which a store looks back: these are its own."""
    return None if mark is None else evolve(mark, touches=0, moves=0, opt_outs=0, waiting=0, events=0)


def _by_id(held: Iterable[Reservation]) -> list[Reservation]:
    return sorted(held, key=lambda own: own.id)


def _all_of(transaction: Transaction, random: Random) -> dict[str, Any]:
    """What a transaction tells, by the method that tells it."""
    some = random.sample(_CONTACTS, 2)
    account = random.sample(_ACCOUNTS, 1)
    status, before = random.choice(STATUSES), random.choice([None, micros(_AT)])
    stats = transaction.stats()
    stats.pop("version", None)
    persons = [f"hash of {name}" for name in _CONTACTS]
    words = sorted(map(repr, transaction.said()))
    found: dict[str, Any] = {
        "counting": _by_id(transaction.counting(some)),
        "counting with accounts": _by_id(transaction.counting(some, account)),
        "held": transaction.held(_EVERY),
        "ids_of": transaction.ids_of([f"message of {id_}" for id_ in _EVERY]),
        "of_contacts": [(own.micros, own.contact) for own in transaction.of_contacts(_CONTACTS)],
        "of_run": _by_id(transaction.of_run("night", some)),
        "in_status": _by_id(transaction.in_status(status, before, random.choice([None, "night"]), 99)),
        "in_status, so many": len(transaction.in_status(RESERVED, None, None, 2)),
        "answer": [transaction.answer(key) for key in _KEYS],
        "answers_of": transaction.answers_of(_KEYS),
        "playbook": [transaction.playbook(name) for name in ("f00", "none")],
        "said": words,
        "said of some": sorted(map(repr, transaction.said(persons[:2]))),
        "waiting": transaction.waiting(),
        "waiting of some": transaction.waiting(some),
        "events": sorted(transaction.events(), key=lambda row: row.key),
        "events of some": sorted(transaction.events(some), key=lambda row: row.key),
        "has_events": transaction.has_events(),
        "guards": transaction.guards(),
        "waiting_contacts": sorted(transaction.waiting_contacts()),
        "run": [_plain_mark(transaction.run(name)) for name in (*_RUNS, "none")],
        "forgotten": transaction.forgotten([f"trace of {name}" for name in _CONTACTS]),
        "answers_about": [transaction.answers_about(name) for name in _CONTACTS],
        "answers_telling": [transaction.answers_telling(name) for name in _CONTACTS],
        "moves_of": [transaction.moves_of(name) for name in _CONTACTS],
        "contacts": list(transaction.contacts()),
        "all_touches": [own.id for own in transaction.all_touches()],
        "all_answers": list(transaction.all_answers()),
        "all_runs": [_plain_mark(mark) for mark in transaction.all_runs()],
        "decided": _by_id(transaction.decided()),
        "used": transaction.used((), ["q1 day", "q2 ever", "mark 1", "mark 2", "mark 1 ever", "mark 2 ever", "none"]),
        "stats": stats,
    }
    for name in _RUNS:
        mark = transaction.run(name)
        if mark is not None:
            found |= {
                f"contacts_of {name}": transaction.contacts_of(mark),
                f"news of {name}": transaction.news(mark, some, account, persons),
                f"as_of {name}": [own.id for own in transaction.as_of(mark)],
                f"as_of {name}, of some": _by_id(transaction.as_of(mark, some, account)),
                f"waiting until {name}": transaction.waiting(until=mark.waiting),
                f"events until {name}": sorted(row.key for row in transaction.events(until=mark.events)),
                f"has_events until {name}": transaction.has_events(mark.events),
                f"waiting_contacts until {name}": sorted(transaction.waiting_contacts(mark.waiting)),
                f"said until {name}": sorted(map(repr, transaction.said(until=mark.opt_outs))),
            }
    return found


# Many at once


class _Slow:
    """A policy that takes its time, so that decisions that do not wait for each other do overlap."""

    def weigh(self, claim: Claim, contact: Contact, context: Any) -> float:  # noqa: ARG002  (as of every policy)
        time.sleep(0.002)
        return 1.0


def _decider(**sections: Any) -> Decider:
    return Decider(Playbook.from_dict({"policy": "slow", **sections}), {"slow": _Slow()})


_ONE = _decider(caps=[{"name": "one", "max": 1, "window": "ever"}])
_FOUR = _decider(quotas=[{"name": "seats", "max": _SEATS, "where": {"campaign": "c0"}, "window": "ever"}])
_BOTH = _decider(
    caps=[{"name": "two", "max": 2, "per": "account", "window": {"rolling": "7d"}}],
    quotas=[{"name": f"q{n}", "max": 9, "where": {"campaign": ["c0", f"c{n}"]}, "window": "ever"} for n in (1, 2)],
)


def _at_once(threads: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(_ASKED)))


def _ask(decider: Decider, ledger: BaseLedger, contact: Contact, campaign: str, **more: Any) -> int:
    """How much is granted of one claim."""
    claims = {contact.id: [Claim(campaign=campaign, channel="email")]}
    (found,) = decide(decider, ledger, [contact], claims=claims, at=_AT, **more)
    return len(found.granted)


def _who(name: str, account: str | None = None) -> Contact:
    return Contact(id=name, account=account, consent=["email"])


def _check_salt(own: BaseLedger, _: int) -> None:
    _require(isinstance(own.salt(), str) and own.salt() == own.salt() != "", "salt() is one text, always the same")


def _check_contacts(own: BaseLedger, threads: int) -> None:
    granted = sum(_at_once(threads, lambda n: _ask(_ONE, own, _who("anna"), f"c{n}")))
    _require(
        granted == 1,
        f"under a cap of one, {granted} of {_ASKED} claims of one contact were granted that came at once: a "
        f"transaction must hold its contacts before it reads",
    )


def _check_quota(own: BaseLedger, threads: int) -> None:
    granted = sum(_at_once(threads, lambda n: _ask(_FOUR, own, _who(f"p{n}"), "c0")))
    _require(
        granted == _SEATS,
        f"{granted} of {_SEATS} seats were granted to {_ASKED} contacts who came at once: used() must hold the "
        f"quotas of these names until the end of its transaction, and then read",
    )


def _check_keys(own: BaseLedger, threads: int) -> None:
    granted = _at_once(threads, lambda _: _ask(_ONE, own, _who("anna"), "c0", key="once"))
    held = len(own.reservations("anna"))
    _require(
        set(granted) == {1} and held == 1,
        f"asked {_ASKED} times at once with one key, {sum(granted)} answers grant and {held} messages are reserved: "
        f"each should give what the first reserved",
    )


def _check_crossing(own: BaseLedger, threads: int) -> None:
    """Accounts, contacts and quotas, in orders of their own; every one comes to its end."""

    def work(number: int) -> None:
        random = Random(number)  # noqa: S311
        for _ in range(4):
            account = random.choice(_ACCOUNTS)
            some = [_who(f"{account} {name}", account) for name in random.sample("xyz", 2)]
            names = random.sample(["c0", "c1", "c2"], 3)
            claims = {who.id: [Claim(campaign=name, channel="email") for name in names] for who in some}
            found = decide(_BOTH, own, some, claims=claims, at=_AT)
            ids = [row.decision_id for decision in found for row in decision.rows if row.outcome == "granted"]
            own.release(ids[: random.randint(0, 2)])

    _at_once(threads, work)
    with own.reading() as transaction:
        held = [touch for touch in transaction.all_touches() if touch.counts]
        keys = sorted({key for touch in held for key in touch.uses})
        used = transaction.used((), keys)
    for key in keys:
        wanted = sum(touch.uses.get(key, 0) for touch in held)
        _require(used[key] == wanted, f"used() tells {used[key]} of {key!r}; the touches that count use {wanted}")
    for account in _ACCOUNTS:
        count = sum(touch.account == account for touch in held)
        _require(count <= 2, f"under a cap of two per account, {count} messages of {account!r} are reserved")


def _check_exclusive(own: BaseLedger, threads: int) -> None:
    """What has a smaller number than a run's mark is there when the run has begun."""

    def work(number: int) -> None:
        if number % 4:
            _ask(_ONE, own, _who(f"p{number}"), "c0")
            return
        with own.transaction(exclusive=True) as transaction:
            mark = transaction.begin_run(RunMark(run_id=f"run {number}", playbook="f00", at=micros(_AT), until=None))
            first = [held.id for held in transaction.as_of(mark)]
        marks[number] = mark, first

    marks: dict[int, tuple[RunMark, list[str]]] = {}
    _at_once(threads, work)
    with own.reading() as transaction, suppress(StopIteration):
        for mark, first in marks.values():
            later = [held.id for held in transaction.as_of(mark)]
            _require(
                later == first, f"as_of({mark.run_id!r}) told {first}, and tells {later} now: exclusive must be alone"
            )
