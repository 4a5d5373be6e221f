"""Parts of a run in a ledger: decided by jobs of their own, at once, again and in any order, they end as one run."""

from __future__ import annotations

import pickle
from random import Random

import pytest
import tabled
from generate import situation
from ledgers import KINDS, ledger_of
from test_account_tables import world
from test_ledger_runs import AT, DAY, IN_ARMS, TWO, disturb, in_run, people, put, with_arms
from test_one_equals_columns import cells
from test_waiting import shop

from journeykit import Arbiter, Claim, Contact, ModelError, Playbook
from journeykit.job import TableJob
from journeykit.ledger import MemoryLedger
from journeykit.ledger.begun_run import piece_for
from journeykit.ledger.ledger_counts import LedgerCounts, waiting_notes
from journeykit.ledger.ledger_run import LedgerRun


def begun(arbiter, ledger, *, at=AT, until=None, parts=2, **how):
    """A run that is begun, and what its parts get."""
    run = LedgerRun(ledger, arbiter.decider, run_id="night", at=at, until=until, **how)
    return run, run.shared(parts)


def job_of(arbiter, shared, tables, *, at=AT, until=None, **how):
    """The job of a part."""
    how = {"run_id": "night", "everything": True, "threads": 1, **how}
    return TableJob(arbiter, **tables, at=at, until=until, ledger=shared, **how)


def cut(tables, account, count, rng):
    """The tables in parts, each of which has whole accounts, in any order."""
    places = {}

    def part_of(row):
        return places.setdefault(account.get(row["contact_id"]), rng.randrange(count))

    parts = [{name: [] for name, rows in tables.items() if rows is not None} for _ in range(count)]
    for name, rows in tables.items():
        for row in rows or ():
            parts[part_of(row)][name].append(row)
    return [part for part in parts if part["contacts"]]


def decided(arbiter, shared, parts, rng, **how):
    """The rows of parts, some of which are decided again; and what they count in the ledger."""
    rows, counts = [], LedgerCounts()
    for part in rng.sample(parts, len(parts)):
        for _ in range(rng.randint(0, 1)):
            list(job_of(arbiter, shared, part, **how).batches())
        job = job_of(arbiter, shared, part, **how)
        rows += cells(job.batches())
        counts.merge(job.ledger.counts)
    return sorted(rows), counts


@pytest.mark.parametrize("make", [situation, world, with_arms], ids=["plain", "accounts", "arms"])
def test_parts_of_a_run_end_as_the_whole(make):
    """Rows, reservations and what is told of them, while others reserve, release and opt out meanwhile."""
    for seed in range(4):
        found, rng = make(seed), Random(seed)
        if found.playbook.campaigns is None or found.playbook.quotas:
            continue
        arbiter, when = Arbiter(found.playbook), {"at": found.at, "until": found.until}
        contacts, history = tabled.contacts(rng, found.at, 12), tabled.touches(rng, found.playbook, found.at, 12)
        account = {row["contact_id"]: row["account_id"] or row["contact_id"] for row in contacts}
        ended = []
        for parts in (False, True):
            ledger = MemoryLedger()
            rest = put(ledger, history)
            tables = {"contacts": contacts, "touches": rest}
            if parts:
                run, shared = begun(arbiter, ledger, **when)
                disturb(arbiter, ledger, Random(seed), contacts, found.at)
                some = cut(tables, account, 3, rng)
                rows, run.counts = decided(arbiter, shared, some, rng, **when)
            else:
                job = TableJob(arbiter, **tables, **when, ledger=ledger, run_id="night", everything=True, threads=1)
                run = job.ledger
                disturb(arbiter, ledger, Random(seed), contacts, found.at)
                rows = sorted(cells(job.batches()))
            ended.append((rows, sorted(map(repr, in_run(ledger))), run.counts, list(run.notes())))
        assert ended[0] == ended[1], seed


@pytest.fixture(params=KINDS)
def ledger(request, tmp_path):
    with ledger_of(request.param, tmp_path) as found:
        yield found


@pytest.mark.parametrize("book", [TWO, IN_ARMS], ids=["all", "arms"])
def test_a_part_that_is_decided_twice_reserves_once(ledger, book):
    """Of two that are under way at once, each gives the rows that one alone gives; so it is with late conflicts."""
    run, shared = begun(book, ledger)
    for who in ("p1", "p7"):
        claims = [Claim(campaign="c0", content="note", channel="email")]
        book.decide(Contact(id=who, consent=["email"]), claims=claims, at=AT, ledger=ledger)
    ledger.opt_out("p2", at=AT)
    if not isinstance(ledger, MemoryLedger):
        shared = pickle.loads(pickle.dumps(shared))
    jobs = [job_of(book, shared, {"contacts": people(20)}) for _ in range(2)]
    one, other = (cells(job.batches()) for job in jobs)
    shared.ledger.close()
    assert one == other
    assert jobs[0].ledger.counts == jobs[1].ledger.counts
    assert len(in_run(ledger)) == sum(row[8] == "granted" for row in one)
    run.counts = jobs[0].ledger.counts
    assert any(note.startswith("ledger: 3 contacts were decided again, since others") for note in run.notes())


def test_a_part_reads_of_its_contacts_alone(ledger):
    """History, words of consent and events of others are not read, however many there are."""
    playbook = Playbook.from_dict(
        {
            "content": [{"id": "note", "channel": "email"}],
            "campaigns": [{"id": "c0", "content": ["note"], "audience": "count('visit', '30d') >= 1"}],
            "caps": [{"name": "two a week", "max": 2, "window": {"rolling": "7d"}}],
        }
    )
    arbiter = Arbiter(playbook)
    names = [f"p{number}" for number in range(8)]
    ledger.record_events([{"contact_id": name, "event": "visit", "at": AT} for name in names[:6]])
    for name in names[4:]:
        ledger.opt_out(name, at=AT)
    for name in names[::2]:
        Arbiter(Playbook()).decide(
            Contact(id=name, consent=["email"]),
            claims=[Claim(campaign=f"x{n}", channel="email") for n in range(2)],
            at=AT,
            ledger=ledger,
        )
    _, shared = begun(arbiter, ledger)
    job = job_of(arbiter, shared, {"contacts": people(8)[2:6]})
    reasons = {row[2]: row[9] for row in cells(job.batches())}
    assert reasons == {"p2": "capped", "p3": "granted", "p4": "opted_out", "p5": "opted_out"}
    assert {own.contact for own in job.ledger.history()} == {"p2"}
    assert set(job.ledger._words) == {ledger.person(name) for name in ("p4", "p5")}


def test_what_waits_is_kept_up_to_date_by_parts(ledger):
    """What waited when the run began competes in the part of its contact; decided twice it changes once."""
    arbiter, contacts = Arbiter(shop()), people(4)
    claims = [{"contact_id": f"p{n}", "campaign_id": "news", "weight": 2} for n in range(4)]
    sent = [{"contact_id": row["contact_id"], "sent_at": AT, "channel": "email"} for row in contacts]
    TableJob(arbiter, contacts, sent, claims=claims[:2], at=AT, run_id="day", ledger=ledger).table()
    assert len(ledger.waiting()) == 2
    later = AT + DAY
    _, shared = begun(arbiter, ledger, at=later)
    counts, rows = LedgerCounts(), []
    for some, mine in ((contacts[:2], claims[1:2]), (contacts[2:], claims[3:])):
        # Of p0 a claim waits; of p1 too, and it is brought again; that of p3 is deferred.
        tables = {"contacts": some, "claims": mine, "touches": [{**sent[3], "sent_at": later}]}
        for _ in range(2):
            job = job_of(arbiter, shared, tables, at=later, waiting=True)
            told = cells(job.batches())
        rows += told
        counts.merge(job.ledger.counts)
    assert {(row[2], row[9]) for row in rows} == {("p0", "granted"), ("p1", "granted"), ("p3", "capped")}
    assert [own.contact for own in ledger.waiting()] == ["p3"]
    assert list(waiting_notes(counts, competes=True)) == [
        "ledger: 1 claims that were deferred wait from now on, and 2 do not wait any more"
    ]


def test_what_concerns_the_run_is_told_once(ledger):
    """Contacts that are in no part are those of a run of larger tables."""
    run, shared = begun(TWO, ledger)
    list(job_of(TWO, shared, {"contacts": people(9)}).batches())
    assert list(run.notes()) == []
    again, shared = begun(TWO, ledger)
    for some in (people(3), people(7)[3:]):
        job = job_of(TWO, shared, {"contacts": some})
        list(job.batches())
        assert list(job.ledger.notes()) == []
        again.counts.merge(job.ledger.counts)
    (note,) = again.notes()
    assert note.startswith("ledger: the run 'night' has reserved for 2 contacts who are not in these tables")


def test_a_part_of_another_run_is_refused():
    """Another name, another instant, or a rule set that has changed since."""
    ledger = MemoryLedger()
    _, shared = begun(TWO, ledger)
    with pytest.raises(ModelError, match="the run that was begun is 'night', not 'day'"):
        job_of(TWO, shared, {"contacts": people(1)}, run_id="day")
    with pytest.raises(Exception, match="begun with another playbook"):
        job_of(Arbiter(shop()), shared, {"contacts": people(1)})


def test_the_more_parts_the_fewer_contacts_each_holds_at_once():
    """PostgreSQL has room for some thousand locks, of all that work at once."""
    assert [piece_for(parts) for parts in (1, 8, 20, 100, 10_000)] == [500, 500, 200, 40, 20]
    assert list(waiting_notes(LedgerCounts(), competes=True)) == []
