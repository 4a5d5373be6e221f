"""A small store of somebody's own: plain lists, one lock for all, and a copy that is put in place at the end.

It shares nothing with the stores of journeykit. A real one keeps its rows in a database, and holds contacts, accounts,
keys and quotas by name.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from copy import deepcopy

from attrs import evolve

from journeykit import LedgerError
from journeykit.ledger import News
from journeykit.ledger.consent_word import standing


class ListStore:
    """Rows in lists. Every row that may be looked back to has a number."""

    def __init__(self):
        self.rows = Rows()
        self.lock = threading.Lock()

    def upgrade(self):
        return 1

    def salt(self):
        return "pepper"

    def close(self):
        pass

    @contextmanager
    def transaction(self, contacts=(), accounts=(), keys=(), *, exclusive=False):
        with self.lock:
            rows = deepcopy(self.rows)
            yield rows
            self.rows = rows

    @contextmanager
    def reading(self):
        yield deepcopy(self.rows)


class Rows:
    """All that the store holds: one transaction works on a copy of it."""

    def __init__(self):
        self.number = 0
        self.touches = []  # [number, reservation]
        self.moves = []  # [number, id, was, became]
        self.words = []  # [number, word]
        self.waits = []  # [number, change]
        self.did = {}  # key: (number, event)
        self.tripped = {}  # guard and campaign: row
        self.answers = {}  # key: (contact, at, text, others)
        self.runs, self.playbooks, self.traces, self.uses = {}, {}, {}, {}

    def next(self):
        self.number += 1
        return self.number

    # Touches

    def where(self, test):
        return [touch for _, touch in self.touches if test(touch)]

    def counting(self, contacts, accounts=()):
        return self.where(lambda own: own.counts and (own.contact in contacts or own.account in accounts))

    def held(self, ids):
        return {own.id: own for own in self.where(lambda own: own.id in ids)}

    def ids_of(self, messages):
        return {own.message: own.id for own in self.where(lambda own: own.message in messages)}

    def of_contacts(self, contacts):
        return sorted(self.where(lambda own: own.contact in contacts), key=lambda own: own.micros)

    def of_run(self, run_id, contacts):
        return self.where(lambda own: own.run_id == run_id and own.contact in contacts)

    def contacts_of(self, mark):
        return frozenset(own.contact for n, own in self.touches if n > mark.touches and own.run_id == mark.run_id)

    def in_status(self, status, before, run_id, count):
        found = self.where(lambda own: own.status == status and run_id in (None, own.run_id))
        return [own for own in found if before is None or own.micros < before][:count]

    def decided(self):
        return iter(sorted(self.where(lambda own: own.counts and own.run_id is not None), key=lambda own: own.id))

    def add(self, touches):
        for touch in touches:
            if self.held([touch.id]):
                raise LedgerError(f"the store holds {touch.id!r} already")
            self.touches.append([self.next(), touch])
            self.use(touch.uses)

    def change(self, id_, **what):
        for row in self.touches:
            if row[1].id == id_:
                row[1] = evolve(row[1], **what)

    def move(self, touches):
        for touch, to in touches:
            was = self.held([touch.id])[touch.id]
            self.change(touch.id, status=to)
            self.moves.append([self.next(), touch.id, was.status, to])
            sign = evolve(was, status=to).counts - was.counts
            self.use({key: sign * use for key, use in was.uses.items()})

    def tell_message(self, told):
        for id_, message in told:
            self.change(id_, message=message)

    def tell_parts(self, told):
        for id_, parts in told:
            self.change(id_, parts=dict(parts))

    # Quotas

    def use(self, uses):
        for key, use in uses.items():
            self.uses[key] = self.uses.get(key, 0) + use

    def used(self, quotas, keys):
        return {key: self.uses[key] for key in keys if key in self.uses}

    def count_uses(self, marks, uses):
        self.use(dict.fromkeys(marks, 0))
        for touch, own in uses:
            self.change(touch.id, uses={**touch.uses, **own})
            self.use(own)

    # Answers, playbooks, words of consent

    def answer(self, key):
        return (self.answers[key][0], self.answers[key][2]) if key in self.answers else None

    def answers_of(self, keys):
        return {key: self.answers[key][2] for key in keys if key in self.answers}

    def keep_answer(self, key, contact, at, answer, others):
        self.answers[key] = contact, at, answer, frozenset(others)

    def keep_answers(self, answers):
        for own in answers:
            self.keep_answer(*own)

    def keep_new_answers(self, answers):
        for own in answers:
            if own[0] not in self.answers:
                self.keep_answer(*own, ())

    def answers_about(self, contact):
        return sorted((key, own[2]) for key, own in self.answers.items() if own[0] == contact)

    def answers_telling(self, contact):
        return sorted(key for key, own in self.answers.items() if contact in own[3])

    def playbook(self, fingerprint):
        return self.playbooks.get(fingerprint)

    def keep_playbook(self, fingerprint, playbook):
        self.playbooks.setdefault(fingerprint, playbook)

    def said(self, persons=None, until=None):
        return [
            word
            for number, word in self.words
            if (persons is None or word.person in persons) and (until is None or number <= until)
        ]

    def say(self, word):
        self.words.append([self.next(), word])

    def waiting(self, contacts=None, until=None):
        found = {}
        for number, row in self.waits:
            if (until is None or number <= until) and (contacts is None or row.contact in contacts):
                found.pop(row.key, None)
                found[row.key] = row
        return [row for row in found.values() if row.claim is not None]

    def waiting_contacts(self, until=None):
        return list(dict.fromkeys(row.contact for row in self.waiting(until=until)))

    def change_waiting(self, changes):
        self.waits += ([self.next(), row] for row in changes)

    # Events

    def keep_events(self, rows):
        before = len(self.did)
        for row in rows:
            self.did.setdefault(row.key, (self.next(), row))
        return len(self.did) - before

    def events(self, contacts=None, until=None):
        for number, row in self.did.values():
            if (contacts is None or row.contact in contacts) and (until is None or number <= until):
                yield row

    def has_events(self, until=None):
        return any(True for _ in self.events(until=until))

    def drop_events(self, gone):
        before = len(self.did)
        self.did = {key: own for key, own in self.did.items() if not gone(own[1])}
        return before - len(self.did)

    # Guards

    def guards(self):
        return [row for _, row in sorted(self.tripped.items())]

    def keep_guards(self, rows):
        self.tripped |= {row.key: row for row in rows}

    # Runs

    def run(self, run_id):
        return self.runs.get(run_id)

    def marked(self, mark):
        last = self.number
        return evolve(mark, touches=last, moves=last, opt_outs=last, waiting=last, events=last)

    def begin_run(self, mark):
        return self.runs.setdefault(mark.run_id, self.marked(mark))

    def came_back(self, mark):
        """The ids of touches that count again since a run began."""
        idle = ("released", "expired", "bounced", "failed")
        return {id_ for number, id_, was, to in self.moves if number > mark.moves and was in idle and to not in idle}

    def news(self, mark, contacts, accounts, persons):
        again = self.came_back(mark)
        late = [
            own
            for number, own in self.touches
            if own.run_id != mark.run_id and (number > mark.touches or own.id in again)
        ]
        mine = [
            own
            for number, own in self.touches
            if own.run_id == mark.run_id and number > mark.touches and own.contact not in contacts
        ]
        said = {word.person for number, word in self.words if number > mark.opt_outs and not word.taken_back}
        return News(
            frozenset(own.contact for own in late).intersection(contacts),
            frozenset(own.account for own in late + mine).intersection(accounts),
            frozenset(said).intersection(persons),
        )

    def as_of(self, mark, contacts=None, accounts=()):
        was = {}
        for number, id_, before, _ in self.moves:
            if number > mark.moves:
                was.setdefault(id_, before)
        for number, own in self.touches:
            then = evolve(own, status=was.get(own.id, own.status))
            wanted = contacts is None or own.contact in contacts or own.account in accounts
            if wanted and number <= mark.touches and then.counts:
                yield then

    # People's rights, and what is old

    def leave_traces(self, traces):
        self.traces.update(traces)

    def forgotten(self, traces):
        return frozenset(self.traces).intersection(traces)

    def drop(self, gone):
        """Remove touches, and their moves."""
        ids = {own.id for own in gone}
        self.touches = [row for row in self.touches if row[1].id not in ids]
        self.moves = [row for row in self.moves if row[1] not in ids]

    def forget(self, contact, person, *, keep_opt_outs):
        gone = self.where(lambda own: own.contact == contact)
        self.drop(gone)
        kept = {key: own for key, own in self.answers.items() if own[0] != contact and contact not in own[3]}
        answers, self.answers = len(self.answers) - len(kept), kept
        self.waits = [row for row in self.waits if row[1].contact != contact]
        words = [[number, evolve(w, contact=None) if w.person == person else w] for number, w in self.words]
        self.words = [row for row in words if keep_opt_outs or row[1].person != person]
        holding = standing(self.said([person]))
        events = self.drop_events(lambda row: row.contact == contact)
        return {"touches": len(gone), "answers": answers, "events": events, "opt_outs_kept": len(holding)}

    def prune(self, before):
        old = self.where(lambda own: own.micros < before and own.status != "reserved")
        self.drop(old)
        waits = {own.contact for own in self.where(lambda own: own.micros < before)}
        answers = {key: own for key, own in self.answers.items() if own[1] >= before or own[0] in waits}
        runs = {name: mark for name, mark in self.runs.items() if (mark.until or mark.at) >= before}
        counts = len(old), len(self.answers) - len(answers), len(self.runs) - len(runs)
        self.answers, self.runs = answers, runs
        self.traces = {trace: at for trace, at in self.traces.items() if at >= before}
        last = {row.key: number for number, row in self.waits}
        holds = lambda number, row: row.at >= before or (row.claim is not None and number == last[row.key])  # noqa: E731
        self.waits = [own for own in self.waits if holds(*own) and (own[1].until or before) >= before]
        events = self.drop_events(lambda row: row.at < before)
        return dict(zip(("touches", "answers", "runs", "events"), (*counts, events), strict=True))

    # Everything

    def moves_of(self, contact):
        own = {touch.id for touch in self.where(lambda touch: touch.contact == contact)}
        return [tuple(row[1:]) for row in self.moves if row[1] in own]

    def contacts(self):
        told = (name for contact, _, _, others in self.answers.values() for name in (contact, *others))
        said = (word.contact for _, word in self.words if word.contact is not None)
        told = (*told, *(row.contact for _, row in self.waits), *(row.contact for row in self.events()))
        return iter(sorted({*told, *said, *(own.contact for _, own in self.touches)}))

    def all_touches(self):
        return (own for _, own in self.touches)

    def all_answers(self):
        return ((key, own[0], own[2]) for key, own in sorted(self.answers.items()))

    def all_runs(self):
        return (mark for _, mark in sorted(self.runs.items()))

    def stats(self):
        touches = [own for _, own in self.touches]
        instants = sorted(own.at for own in touches)
        statuses = sorted({own.status for own in touches})
        return {
            "version": 1,
            "touches": {status: sum(own.status == status for own in touches) for status in statuses},
            "contacts": len({own.contact for own in touches}),
            "first": instants[0].isoformat() if instants else None,
            "last": instants[-1].isoformat() if instants else None,
            "opt_outs": len(standing(self.said())),
            "answers": len(self.answers),
            "runs": len(self.runs),
            "waiting": len(self.waiting()),
            "events": len(self.did),
        }
