"""What one transaction of a ledger in SQL reads and writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve
from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    exc,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    union,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from journeykit.basics.clock import micros, moment
from journeykit.basics.ids import contact_key
from journeykit.ledger.consent_word import ConsentWord, standing
from journeykit.ledger.reservation import COUNTING, STATUSES, Reservation, added_up, held_already, used_after
from journeykit.ledger.sql_events import SqlEvents
from journeykit.ledger.sql_guards import SqlGuards
from journeykit.ledger.sql_rows import mark_of, reservation_of, touch_row, waiting_of, word_of
from journeykit.ledger.sql_schema import (
    ANSWER_CONTACTS,
    ANSWERS,
    EVENTS,
    MOVES,
    OPT_OUTS,
    PLAYBOOKS,
    QUOTA_USES,
    RUNS,
    TOUCHES,
    TRACES,
    WAITING,
    version_of,
)
from journeykit.ledger.sql_touches import write_touches
from journeykit.ledger.transaction import News, RunMark, WaitingRow, check_lengths, check_touch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Select

    from journeykit.ledger.transaction import AnswerRow

_MANY = 500
"""So many values are in one IN: SQLite has a limit."""
_IDLE = tuple(status for status in STATUSES if status not in COUNTING)
_T = TOUCHES.c

_HELD = select(TOUCHES).where(_T.id.in_(bindparam("ids", expanding=True)))
_BY_MESSAGE = select(_T.id, _T.message).where(_T.message.in_(bindparam("ids", expanding=True)))
_OF_ONE = select(TOUCHES).where(_T.contact_id == bindparam("contact"), _T.status.in_(COUNTING)).order_by(_T.seq)
_OF_MANY = (
    select(TOUCHES).where(_T.contact_id.in_(bindparam("ids", expanding=True)), _T.status.in_(COUNTING)).order_by(_T.seq)
)
_OF_ACCOUNTS = (
    select(TOUCHES).where(_T.account_id.in_(bindparam("ids", expanding=True)), _T.status.in_(COUNTING)).order_by(_T.seq)
)
_ANSWER = select(ANSWERS.c.contact_id, ANSWERS.c.answer).where(ANSWERS.c.key == bindparam("key"))
_OPT_OUTS = select(OPT_OUTS).where(OPT_OUTS.c.person.in_(bindparam("ids", expanding=True))).order_by(OPT_OUTS.c.seq)
_BEGIN_RUN = {
    "sqlite": sqlite.insert(RUNS).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(RUNS).on_conflict_do_nothing(),
}
_KEEP_ANSWERS = {
    "sqlite": sqlite.insert(ANSWERS).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(ANSWERS).on_conflict_do_nothing(),
}
_KEEP_PLAYBOOK = {
    "sqlite": sqlite.insert(PLAYBOOKS).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(PLAYBOOKS).on_conflict_do_nothing(),
}
_LEAVE_TRACE = {
    "sqlite": sqlite.insert(TRACES).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(TRACES).on_conflict_do_nothing(),
}
_W = WAITING.c
_WAITS = select(WAITING).where(_W.contact_id.in_(bindparam("ids", expanding=True))).order_by(_W.seq)
_USED = select(QUOTA_USES.c.key, QUOTA_USES.c.used).where(QUOTA_USES.c.key.in_(bindparam("ids", expanding=True)))
_ADD_USE = {
    name: made.on_conflict_do_update(
        index_elements=[QUOTA_USES.c.key], set_={"used": QUOTA_USES.c.used + made.excluded.used}
    )
    for name, made in (("sqlite", sqlite.insert(QUOTA_USES)), ("postgresql", postgresql.insert(QUOTA_USES)))
}
_TELL_USES = update(TOUCHES).where(_T.id == bindparam("touch_id")).values(uses=bindparam("told"))
LOCK = text(
    "SELECT count(pg_advisory_xact_lock(own)) FROM (SELECT unnest(CAST(:locks AS bigint[])) AS own OFFSET 0) AS sorted"
)
_MOVE = update(TOUCHES).where(_T.id == bindparam("touch_id")).values(status=bindparam("to"))
_TELL_PARTS = update(TOUCHES).where(_T.id == bindparam("touch_id")).values(parts=bindparam("told"))
_TELL = update(TOUCHES).where(_T.id == bindparam("touch_id")).values(message=bindparam("told"))


def locks_of(kind: str, names: Iterable[str]) -> list[int]:
    """The locks of names of a kind: 64 bits for each, signed, as PostgreSQL takes them."""
    return [contact_key(f"{kind}{name}")[0] - 2**63 for name in names]


class SqlTransaction(SqlEvents, SqlGuards):
    """One transaction on a connection; see `journeykit.ledger.transaction.Transaction`."""

    def __init__(self, connection: Connection, *, reads: bool = False) -> None:
        self.connection = connection
        # SQLite has no locks of rows and needs none; a reader waits for none.
        self._holds = connection.dialect.name != "sqlite" and not reads

    def _touches(self, statement: Select[Any], ids: Sequence[str]) -> Iterator[Reservation]:
        for some in _pieces(ids):
            for row in self.connection.execute(statement, {"ids": some}):
                yield reservation_of(row)

    def counting(self, contacts: Sequence[str], accounts: Sequence[str] = ()) -> list[Reservation]:
        """The touches that count, of contacts and of accounts."""
        if len(contacts) == 1 and not accounts:
            return [reservation_of(row) for row in self.connection.execute(_OF_ONE, {"contact": contacts[0]})]
        found = {touch.id: touch for touch in self._touches(_OF_MANY, contacts)}
        found.update((touch.id, touch) for touch in self._touches(_OF_ACCOUNTS, accounts))
        return list(found.values())

    def held(self, ids: Sequence[str]) -> dict[str, Reservation]:
        """Touches by id, held until the end of the transaction."""
        statement = _HELD.order_by(_T.id).with_for_update() if self._holds else _HELD
        return {touch.id: touch for touch in self._touches(statement, sorted(ids))}

    def ids_of(self, messages: Sequence[str]) -> dict[str, str]:
        """Touches by what a send log calls them."""
        return {m: id_ for some in _pieces(messages) for id_, m in self.connection.execute(_BY_MESSAGE, {"ids": some})}

    def of_contacts(self, contacts: Sequence[str]) -> list[Reservation]:
        """All touches of contacts, whatever became of them."""
        own = select(TOUCHES).where(_T.contact_id.in_(bindparam("ids", expanding=True))).order_by(_T.at, _T.seq)
        return list(self._touches(own, contacts))

    def of_run(self, run_id: str, contacts: Sequence[str]) -> list[Reservation]:
        """What a run has reserved for contacts."""
        own = select(TOUCHES).where(_T.contact_id.in_(bindparam("ids", expanding=True)), _T.run_id == run_id)
        return list(self._touches(own, contacts))

    def contacts_of(self, mark: RunMark) -> frozenset[str]:
        """The contacts for whom a run has reserved anything."""
        own = select(_T.contact_id).where(_T.seq > mark.touches, _T.run_id == mark.run_id).distinct()
        return frozenset(self.connection.execute(own).scalars())

    def in_status(self, status: str, before: int | None, run_id: str | None, count: int) -> list[Reservation]:
        """So many touches of a status, of a run, that lie before an instant."""
        wanted = select(TOUCHES).where(_T.status == status)
        if before is not None:
            wanted = wanted.where(_T.at < before)
        if run_id is not None:
            wanted = wanted.where(_T.run_id == run_id)
        wanted = wanted.order_by(_T.id).limit(count)
        if self._holds:
            wanted = wanted.with_for_update()
        return [reservation_of(row) for row in self.connection.execute(wanted)]

    def add(self, touches: Iterable[Reservation]) -> None:
        """Write touches."""
        rows = []
        uses = []
        for touch in touches:
            check_touch(touch)
            rows.append(touch_row(touch))
            if touch.uses:
                uses.append(touch.uses)
        if not rows:
            return
        try:
            write_touches(self.connection, rows, is_server=self._holds)
        except exc.IntegrityError as error:
            raise held_already(str(error.orig).strip().splitlines()[0]) from error
        self._use(added_up(uses))

    def used(self, quotas: Sequence[str], keys: Sequence[str]) -> dict[str, int]:
        """What is used of quotas, by key; nobody else decides by them meanwhile."""
        if self._holds and quotas:
            # In the order of names, for all: so no two wait for each other.
            self.connection.execute(LOCK, {"locks": locks_of("q", sorted(quotas))})
        return {key: used for some in _pieces(keys) for key, used in self.connection.execute(_USED, {"ids": some})}

    def decided(self) -> Iterator[Reservation]:
        """All touches that count and that a run or decision reserved, held until the end of the transaction."""
        wanted = select(TOUCHES).where(_T.run_id.is_not(None), _T.status.in_(COUNTING)).order_by(_T.id)
        return (reservation_of(row) for row in self._stream(wanted.with_for_update() if self._holds else wanted))

    def count_uses(self, marks: Sequence[str], uses: Iterable[tuple[Reservation, Mapping[str, int]]]) -> None:
        """Begin to count quotas."""
        given = list(uses)
        told = [{"touch_id": touch.id, "told": json.dumps({**touch.uses, **own})} for touch, own in given]
        if told:
            self.connection.execute(_TELL_USES, told)
        self._use(added_up([dict.fromkeys(marks, 0), *(own for _, own in given)]))

    def _use(self, uses: Mapping[str, int]) -> None:
        """Change what is used; in the order of keys, for all."""
        if uses:
            made = [{"key": key, "used": use} for key, use in uses.items()]
            self.connection.execute(_ADD_USE[self.connection.dialect.name], _given(made))

    def move(self, touches: Iterable[tuple[Reservation, str]]) -> None:
        """Give touches a new status; what they were is written down."""
        given = list(touches)
        made = [{"touch_id": touch.id, "to": to} for touch, to in given]
        if not made:
            return
        number = select(_T.seq).where(_T.id == bindparam("touch_id")).scalar_subquery()
        was = select(_T.status).where(_T.id == bindparam("touch_id")).scalar_subquery()
        self.connection.execute(insert(MOVES).values(touch=number, was=was, became=bindparam("to")), _given(made))
        self.connection.execute(_MOVE, _given(made))
        self._use(added_up(used_after(*own) for own in given))

    def tell_message(self, told: Iterable[tuple[str, str]]) -> None:
        """Give touches, by id, what a send log calls them."""
        made = [{"touch_id": id_, "told": message} for id_, message in told]
        for touch in made:
            check_lengths(message=touch["told"])
        if made:
            self.connection.execute(_TELL, made)

    def tell_parts(self, told: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """Give touches, by id, what became of their parts."""
        made = [{"touch_id": id_, "told": json.dumps(dict(parts))} for id_, parts in told]
        if made:
            self.connection.execute(_TELL_PARTS, made)

    def answer(self, key: str) -> tuple[str, str] | None:
        """Whose answer is kept under a key, and the answer."""
        found = self.connection.execute(_ANSWER, {"key": key}).first()
        return None if found is None else (found[0], found[1])

    def answers_of(self, keys: Sequence[str]) -> dict[str, str]:
        """Several answers by key."""
        wanted = select(ANSWERS.c.key, ANSWERS.c.answer).where(ANSWERS.c.key.in_(bindparam("ids", expanding=True)))
        return {key: answer for some in _pieces(keys) for key, answer in self.connection.execute(wanted, {"ids": some})}

    def keep_answer(self, key: str, contact: str, at: int, answer: str, others: Sequence[str]) -> None:
        """Keep an answer, and who else it tells of."""
        self.keep_answers([(key, contact, at, answer, others)])

    def keep_answers(self, answers: Sequence[AnswerRow]) -> None:
        """Keep several answers, and who else each tells of."""
        rows = [
            {"key": key, "contact_id": contact, "at": at, "answer": answer} for key, contact, at, answer, _ in answers
        ]
        for key, contact, *_ in answers:
            check_lengths(key=key, contact_id=contact)
        told = [{"key": key, "contact_id": name} for key, _, _, _, others in answers for name in others]
        if rows:
            self.connection.execute(insert(ANSWERS), _given(rows))
        if told:
            self.connection.execute(insert(ANSWER_CONTACTS), told)

    def keep_new_answers(self, answers: Iterable[tuple[str, str, int, str]]) -> None:
        """Keep answers whose keys are not known."""
        names = ("key", "contact_id", "at", "answer")
        made = [dict(zip(names, own, strict=True)) for own in answers]
        if made:
            self.connection.execute(_KEEP_ANSWERS[self.connection.dialect.name], made)

    def playbook(self, fingerprint: str) -> str | None:
        """The playbook of a fingerprint, as JSON."""
        wanted = select(PLAYBOOKS.c.playbook).where(PLAYBOOKS.c.fingerprint == fingerprint)
        found: str | None = self.connection.execute(wanted).scalar()
        return found

    def keep_playbook(self, fingerprint: str, playbook: str) -> None:
        """Keep a playbook."""
        own = {"fingerprint": fingerprint, "playbook": playbook}
        self.connection.execute(_KEEP_PLAYBOOK[self.connection.dialect.name], own)

    def said(self, persons: Sequence[str] | None = None, until: int | None = None) -> list[ConsentWord]:
        """The words of consent of persons, or of all; with ``until`` up to this number."""
        if persons is None:
            every = select(OPT_OUTS).order_by(OPT_OUTS.c.seq)
            if until is not None:
                every = every.where(OPT_OUTS.c.seq <= until)
            return [word_of(row) for row in self.connection.execute(every)]
        found = (row for some in _pieces(persons) for row in self.connection.execute(_OPT_OUTS, {"ids": some}))
        return [word_of(row) for row in found if until is None or row.seq <= until]

    def say(self, word: ConsentWord) -> None:
        """Write a word of consent."""
        self.connection.execute(
            insert(OPT_OUTS),
            {
                "person": word.person,
                "contact_id": word.contact,
                "channel": word.channel,
                "topic": word.topic,
                "suppressed": word.suppressed,
                "at": micros(word.at),
                "taken_back": word.taken_back,
            },
        )

    def waiting(self, contacts: Sequence[str] | None = None, until: int | None = None) -> list[WaitingRow]:
        """The claims that wait, of contacts or of all."""
        every: Iterable[Any] = self._stream(select(WAITING).order_by(_W.seq)) if contacts is None else ()
        some = (row for ids in _pieces(contacts or ()) for row in self.connection.execute(_WAITS, {"ids": ids}))
        found: dict[str, WaitingRow] = {}
        for row in every if contacts is None else some:
            if until is None or row.seq <= until:
                found.pop(row.key, None)
                found[row.key] = waiting_of(row)
        return [row for row in found.values() if row.claim is not None]

    def waiting_contacts(self, until: int | None = None) -> list[str]:
        """The contacts of whom anything waits."""
        wanted = select(_W.contact_id).where(_W.seq.in_(_last_waits(until)), _W.claim.is_not(None)).distinct()
        return [name for (name,) in self._stream(wanted.order_by(_W.contact_id))]

    def change_waiting(self, changes: Iterable[WaitingRow]) -> None:
        """Write changes of what waits."""
        made = []
        for row in changes:
            check_lengths(contact_id=row.contact)
            own = asdict(row)
            made.append({"contact_id": own.pop("contact"), **own})
        if made:
            self.connection.execute(insert(WAITING), made)

    def run(self, run_id: str) -> RunMark | None:
        """A run that was begun."""
        found = self.connection.execute(select(RUNS).where(RUNS.c.run_id == run_id)).first()
        return None if found is None else mark_of(found)

    def marked(self, mark: RunMark) -> RunMark:
        """A run with the last touch, move and opt-out that there are."""
        return evolve(
            mark,
            touches=self._last(TOUCHES),
            moves=self._last(MOVES),
            opt_outs=self._last(OPT_OUTS),
            waiting=self._last(WAITING),
            events=self._last(EVENTS),
        )

    def begin_run(self, mark: RunMark) -> RunMark:
        """Write a run down, with the last touch, move and opt-out that there are."""
        check_lengths(run=mark.run_id)
        begun = self.marked(mark)
        row = {**asdict(begun), "used": json.dumps(dict(begun.used)) if begun.used else None}
        self.connection.execute(_BEGIN_RUN[self.connection.dialect.name], row)
        return self.run(mark.run_id) or begun

    def _last(self, table: Any) -> int:
        return int(self.connection.execute(select(func.max(table.c.seq))).scalar() or 0)

    def news(self, mark: RunMark, contacts: Sequence[str], accounts: Sequence[str], persons: Sequence[str]) -> News:
        """Whose history others have added to since a run began."""
        ids: Any = bindparam("ids", expanding=True)
        others = or_(_T.run_id.is_(None), _T.run_id != mark.run_id)
        since = MOVES.c.seq > mark.moves, MOVES.c.was.in_(_IDLE), MOVES.c.became.in_(COUNTING)

        def whose(column: Any, names: Sequence[str]) -> frozenset[str]:
            late = select(column).where(column.in_(ids), _T.seq > mark.touches, others)
            again = select(column).join(MOVES, MOVES.c.touch == _T.seq).where(column.in_(ids), others, *since)
            return self._those(late, names) | self._those(again, names if moved else ())

        moved = self._last(MOVES) > mark.moves
        mine = select(_T.account_id, _T.contact_id).where(
            _T.account_id.in_(ids), _T.seq > mark.touches, _T.run_id == mark.run_id
        )
        here = set(contacts)
        elsewhere = {
            account
            for some in _pieces(accounts)
            for account, contact in self.connection.execute(mine, {"ids": some})
            if contact not in here
        }
        # Most often nobody has said anything: then it is not asked for each contact.
        if self._last(OPT_OUTS) <= mark.opt_outs:
            persons = ()
        word = OPT_OUTS.c
        return News(
            whose(_T.contact_id, contacts),
            whose(_T.account_id, accounts) | elsewhere,
            self._those(
                select(word.person).where(word.person.in_(ids), word.seq > mark.opt_outs, ~word.taken_back), persons
            ),
        )

    def _those(self, statement: Select[Any], ids: Sequence[str]) -> frozenset[str]:
        return frozenset(name for some in _pieces(ids) for (name,) in self.connection.execute(statement, {"ids": some}))

    def leave_traces(self, traces: Iterable[tuple[str, int]]) -> None:
        """Keep hashes of the ids of reservations that are to be forgotten."""
        made = [{"trace": trace, "at": at} for trace, at in traces]
        if made:
            self.connection.execute(_LEAVE_TRACE[self.connection.dialect.name], made)

    def forgotten(self, traces: Sequence[str]) -> frozenset[str]:
        """Which of some hashes are those of reservations that were forgotten."""
        return self._those(select(TRACES.c.trace).where(TRACES.c.trace.in_(bindparam("ids", expanding=True))), traces)

    def forget(self, contact: str, person: str, *, keep_opt_outs: bool) -> dict[str, int]:
        """Remove a contact; how many touches, answers and events there were, and opt-outs kept."""
        run = self.connection.execute
        run(delete(MOVES).where(MOVES.c.touch.in_(select(_T.seq).where(_T.contact_id == contact))))
        touches = run(delete(TOUCHES).where(_T.contact_id == contact)).rowcount
        own = select(ANSWERS.c.key).where(ANSWERS.c.contact_id == contact)
        keys = {*run(own).scalars(), *self.answers_telling(contact)}
        for some in _pieces(sorted(keys)):
            for table in (ANSWERS, ANSWER_CONTACTS):
                run(delete(table).where(table.c.key.in_(some)))

        run(delete(WAITING).where(_W.contact_id == contact))
        own_words = OPT_OUTS.c.person == person
        run(
            update(OPT_OUTS).where(own_words).values(contact_id=None)
            if keep_opt_outs
            else delete(OPT_OUTS).where(own_words)
        )
        kept = len(standing(self.said([person])))
        events = self._forget_events(contact)
        return {"touches": touches, "answers": len(keys), "events": events, "opt_outs_kept": kept}

    def answers_about(self, contact: str) -> list[tuple[str, str]]:
        """All kept answers about a contact, with their keys."""
        wanted = select(ANSWERS.c.key, ANSWERS.c.answer).where(ANSWERS.c.contact_id == contact).order_by(ANSWERS.c.key)
        return [(key, answer) for key, answer in self.connection.execute(wanted)]

    def answers_telling(self, contact: str) -> list[str]:
        """The keys of kept answers about others that tell of a contact."""
        told = ANSWER_CONTACTS.c
        return list(
            self.connection.execute(select(told.key).where(told.contact_id == contact).order_by(told.key)).scalars()
        )

    def moves_of(self, contact: str) -> list[tuple[str, str, str]]:
        """The moves of a contact's touches: id, what it was, what it became."""
        wanted = (
            select(_T.id, MOVES.c.was, MOVES.c.became)
            .join(MOVES, MOVES.c.touch == _T.seq)
            .where(_T.contact_id == contact)
            .order_by(MOVES.c.seq)
        )
        return [(id_, was, became) for id_, was, became in self.connection.execute(wanted)]

    def prune(self, before: int) -> dict[str, int]:
        """Remove what lies before an instant; how much of what."""
        run = self.connection.execute
        old = and_(_T.at < before, _T.status != "reserved")
        run(delete(MOVES).where(MOVES.c.touch.in_(select(_T.seq).where(old))))
        reserved = exists().where(_T.contact_id == ANSWERS.c.contact_id, _T.at < before, _T.status == "reserved")
        gone = and_(ANSWERS.c.at < before, ~reserved)
        run(delete(ANSWER_CONTACTS).where(ANSWER_CONTACTS.c.key.in_(select(ANSWERS.c.key).where(gone))))
        answers = run(delete(ANSWERS).where(gone)).rowcount
        run(delete(TRACES).where(TRACES.c.at < before))
        last = select(func.max(_W.seq)).group_by(_W.key)
        run(delete(WAITING).where(or_(_W.until < before, and_(_W.at < before, _W.seq.not_in(last)))))
        run(delete(WAITING).where(_W.at < before, _W.claim.is_(None)))
        return {
            "touches": run(delete(TOUCHES).where(old)).rowcount,
            "answers": answers,
            "runs": run(delete(RUNS).where(func.coalesce(RUNS.c.until, RUNS.c.at) < before)).rowcount,
            "events": self._prune_events(before),
        }

    def _stream(self, statement: Any) -> Iterator[Any]:
        """Rows as they come, not all at once."""
        # Options of the connection would hold for what is written later, too.
        with self.connection.execute(statement.execution_options(stream_results=True, yield_per=_MANY)) as found:
            yield from found

    def contacts(self) -> Iterator[str]:
        """All contacts of whom anything is held."""
        parts = [select(_T.contact_id), select(OPT_OUTS.c.contact_id).where(OPT_OUTS.c.contact_id.is_not(None))]
        parts += [select(ANSWERS.c.contact_id), select(ANSWER_CONTACTS.c.contact_id), select(_W.contact_id)]
        parts.append(select(EVENTS.c.contact_id))
        every = union(*parts).subquery()
        return (name for (name,) in self._stream(select(every.c.contact_id).order_by(every.c.contact_id)))

    def all_touches(self) -> Iterator[Reservation]:
        """All touches, in the order in which they were written."""
        return (reservation_of(row) for row in self._stream(select(TOUCHES).order_by(_T.seq)))

    def all_answers(self) -> Iterator[tuple[str, str, str]]:
        """All kept answers, by key."""
        wanted = select(ANSWERS.c.key, ANSWERS.c.contact_id, ANSWERS.c.answer).order_by(ANSWERS.c.key)
        return ((key, contact, answer) for key, contact, answer in self._stream(wanted))

    def all_runs(self) -> Iterator[RunMark]:
        """All runs, by name."""
        return (mark_of(row) for row in self._stream(select(RUNS).order_by(RUNS.c.run_id)))

    def stats(self) -> dict[str, Any]:
        """How much of what there is."""
        run = self.connection.execute
        statuses = run(select(_T.status, func.count()).group_by(_T.status).order_by(_T.status))
        by_status = {status: count for status, count in statuses}  # noqa: C416  (rows are no tuples to a checker)
        first, last, contacts = run(
            select(func.min(_T.at), func.max(_T.at), func.count(func.distinct(_T.contact_id)))
        ).one()
        return {
            "version": version_of(self.connection),
            "touches": by_status,
            "contacts": contacts,
            "first": None if first is None else moment(first).isoformat(),
            "last": None if last is None else moment(last).isoformat(),
            "opt_outs": len(standing(self.said())),
            "answers": run(select(func.count()).select_from(ANSWERS)).scalar_one(),
            "runs": run(select(func.count()).select_from(RUNS)).scalar_one(),
            "waiting": self._count_waiting(),
            "events": self._count_events(),
        }

    def _count_waiting(self) -> int:
        wanted = select(func.count()).select_from(WAITING).where(_W.seq.in_(_last_waits()), _W.claim.is_not(None))
        return int(self.connection.execute(wanted).scalar_one())

    def as_of(
        self, mark: RunMark, contacts: Sequence[str] | None = None, accounts: Sequence[str] = ()
    ) -> Iterator[Reservation]:
        """The touches that counted when a run began, of all or some, in the order in which they were written."""
        if contacts is None:
            every = _as_of(mark).execution_options(stream_results=True, yield_per=10_000)
            return (reservation_of(row) for row in self.connection.execute(every))
        ids: Any = bindparam("ids", expanding=True)
        own = {held.id: held for held in self._touches(_as_of(mark, _T.contact_id.in_(ids)), contacts)}
        own.update((held.id, held) for held in self._touches(_as_of(mark, _T.account_id.in_(ids)), accounts))
        return iter(own.values())


def _as_of(mark: RunMark, *which: Any) -> Select[Any]:
    """The touches, all or some, that counted when a run began."""
    since = select(MOVES.c.touch, func.min(MOVES.c.seq).label("seq")).where(MOVES.c.seq > mark.moves)
    if which:
        # Others may have moved by the million.
        since = since.where(MOVES.c.touch.in_(select(_T.seq).where(*which)))
    first = since.group_by(MOVES.c.touch).subquery()
    status = func.coalesce(MOVES.c.was, _T.status)
    return (
        select(*(own for own in TOUCHES.c if own.name != "status"), status.label("status"))
        .outerjoin(first, first.c.touch == _T.seq)
        .outerjoin(MOVES, MOVES.c.seq == first.c.seq)
        .where(_T.seq <= mark.touches, status.in_(COUNTING), *which)
        .order_by(_T.seq)
    )


def _last_waits(until: int | None = None) -> Select[Any]:
    """By what is asked for, the last word of whether it waits; up to a number."""
    last = select(func.max(_W.seq)).group_by(_W.key)
    return last if until is None else last.where(_W.seq <= until)


def _given(rows: list[dict[str, Any]]) -> Any:
    """Rows as they are given to be written: for one alone there is a quicker way."""
    return rows[0] if len(rows) == 1 else rows


def _pieces(ids: Sequence[str]) -> Iterator[list[str]]:
    given = list(ids)
    return (given[start : start + _MANY] for start in range(0, len(given), _MANY))
