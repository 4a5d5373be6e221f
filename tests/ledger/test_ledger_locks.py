"""Who waits for whom on a PostgreSQL server: what is held by one is asked for by another, who has no patience."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic, sleep

import pytest
from attrs import evolve
from ledgers import database, ledger_of

from journeykit import Arbiter, Cap, Claim, Contact, LedgerError, Playbook, Window
from journeykit.job import Inputs, Job
from journeykit.ledger import Ledger, Reservation
from journeykit.ledger.ledger_run import LedgerRun
from journeykit.ledger.sql_ledger import _locks

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
ANNA, BEN, EVE = (Contact(id=name, account="acme", consent=["email"]) for name in ("anna", "ben", "eve"))
EVE = evolve(EVE, account="other")
CLAIMS = [Claim(campaign="launch", channel="email", weight=1)]
GATE = Arbiter(Playbook(caps=[Cap(name="one", max=1, window=Window.ever())]))
SHARED = Arbiter(Playbook(caps=[Cap(name="one", max=1, window=Window.ever(), per="account")]))
LOG = {
    "contact": "c",
    "at": "t",
    "message": "m",
    "channel_is": "email",
    "reservation": "r",
    "event": "e",
    "events": {"send": {}, "no": {"status": "opted_out"}},
}


@pytest.fixture
def ledger(tmp_path):
    with ledger_of("postgresql", tmp_path) as found:
        yield found


@pytest.fixture
def hasty(ledger):
    """The same ledger, of another job, which waits for nobody for long."""
    with Ledger(ledger.url, patience=0.3) as found:
        found.stats()
        yield found


@contextmanager
def waits():
    """What is done here waits for somebody."""
    with pytest.raises(LedgerError, match="held by another job") as told:
        yield
    assert told.value.kind == "locked"


def decide(ledger, contact, arbiter=GATE, **more):
    return arbiter.decide(contact, claims=CLAIMS, at=AT, ledger=ledger, **more)


def run(ledger, *contacts, arbiter=GATE):
    """A run over tables; its beginning waits for nobody here."""
    rows = [{"contact_id": own.id, "account_id": own.account, "consent": "email"} for own in contacts]
    claims = [{"contact_id": own.id, "campaign_id": "launch", "channel": "email", "weight": 1} for own in contacts]
    job = Job(arbiter, Inputs(contacts=rows, claims=claims), at=AT, ledger=ledger, run_id="night")
    return lambda: list(job.decisions())


def log(who, event="send", reservation=None):
    return [{"c": who.id, "t": AT, "m": 1, "e": event, "r": reservation}]


@pytest.mark.parametrize(
    "work",
    [
        decide,
        lambda ledger, who: ledger.opt_out(who.id, at=AT),
        lambda ledger, who: ledger.opt_in(who.id),
        lambda ledger, who: ledger.import_log(log(who), LOG),
        lambda ledger, who: ledger.import_log(log(who, "no"), LOG),
    ],
    ids=["decide", "opt out", "opt in", "import", "import an opt-out"],
)
def test_whoever_works_on_a_contact_works_alone(ledger, hasty, work):
    """And waits for nobody who works on another one."""
    with ledger.transaction(["anna"]):
        with waits():
            work(hasty, ANNA)
        work(hasty, EVE)


def test_a_piece_of_a_run_holds_its_contacts(ledger, hasty):
    """All of them at once."""
    mine, other = run(hasty, EVE, ANNA), None
    with ledger.transaction(["anna"]):
        with waits():
            mine()
        assert hasty.reservations("eve") == []
    other = run(hasty, EVE, ANNA)
    with ledger.transaction(["somebody else"]):
        assert len(other()) == 2


def test_a_decision_holds_its_contact_until_it_is_kept(ledger, hasty):
    """So does a run's piece, and an import: nobody else decides between what they read and what they write."""
    seen = []

    class Policy:
        def weigh(self, claim, contact, context):
            with waits():
                decide(hasty, contact)
            seen.append(contact.id)
            return 1.0

    arbiter = Arbiter(evolve(GATE.playbook, policy="own"), {"own": Policy()})
    assert arbiter.decide(ANNA, claims=[Claim(campaign="x", channel="email")], at=AT, ledger=ledger).granted
    assert seen == ["anna"]
    assert decide(hasty, ANNA).granted == ()


@pytest.mark.parametrize("how", ["alone", "run"])
def test_whoever_works_on_an_account_works_alone(ledger, hasty, how):
    """Where caps per account hold; else colleagues do not wait for each other."""
    shared, own = run(hasty, BEN, arbiter=SHARED), None
    with ledger.transaction(["anna"], ["acme"]):
        with waits():
            shared() if how == "run" else decide(hasty, BEN, SHARED)
        assert decide(hasty, EVE, SHARED).granted
        own = decide(hasty, BEN)
    assert own.granted


def test_a_key_is_one_question_at_a_time(ledger, hasty):
    """Also where two ask for other contacts with it, of whom the second is told."""
    with ledger.transaction(keys=["key k"]):
        with waits():
            decide(hasty, ANNA, key="k")
        decide(hasty, ANNA, key="other")
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(decide, ledger, Contact(id=f"p{n}", consent=["email"]), key="k") for n in range(8)]
        errors = [type(future.exception()).__name__ for future in asked]
    assert sorted(errors) == [*["DataError"] * 7, "NoneType"]
    assert ledger.stats()["touches"] == {"reserved": 2}


@pytest.mark.parametrize(
    "work",
    [
        lambda ledger: LedgerRun(ledger, GATE.decider, run_id="new", at=AT, until=None),
        lambda ledger: ledger.prune(AT),
        lambda ledger: ledger.forget("nobody"),
        lambda ledger: ledger.upgrade(),
    ],
    ids=["begin a run", "prune", "forget", "upgrade"],
)
def test_what_is_about_all_waits_for_all(ledger, hasty, work):
    """For all who write, whatever it is; and not for those who read."""
    with ledger.transaction(["anna"]), waits():
        work(hasty)
    with ledger.reading():
        work(hasty)


def test_nobody_writes_beside_who_works_alone(ledger, hasty):
    """One who asks for more locks than the server has room for works alone too."""
    many = [f"p{number}" for number in range(20_000)]
    for own in ({"exclusive": True}, {"contacts": many}):
        with ledger.transaction(**own):
            with waits():
                decide(hasty, ANNA)
            hasty.reservations("anna")


def test_locks_are_asked_for_in_one_order():
    """One who asks: so no two jobs wait for each other."""
    names = [f"p{number}" for number in range(50)]
    assert _locks(names, ["a", "b"], ["k"]) == _locks(names[::-1], ["b", "a"], ["k", "k"])
    assert len(_locks(["x"], ["x"], ["x"])) == 3, "a contact, an account and a key of one name are three"


def test_two_crowds_of_contacts_do_not_wait_for_each_other_for_ever(ledger):
    """Pieces that overlap, given in other orders, all come through."""
    names = [f"p{number}" for number in range(40)]

    def work(turn):
        for step in range(15):
            with ledger.transaction(names[step:][:: 1 if turn % 2 else -1]):
                sleep(0.002)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == [None] * 6


# Rows


@pytest.fixture
def held(ledger):
    return decide(ledger, ANNA).rows[0].decision_id


@pytest.mark.parametrize("read", ["held", "in_status"])
@pytest.mark.parametrize("move", ["confirm", "release", "expire", "release run", "import", "import nearest"])
def test_a_reservation_moves_for_one_at_a_time(ledger, hasty, held, read, move):
    """One who has read its status, to move it, holds it until they have."""
    work = {
        "confirm": lambda: hasty.confirm(held),
        "release": lambda: hasty.release(held),
        "expire": lambda: hasty.expire(AT + timedelta(days=1)),
        "release run": lambda: hasty.release(run_id=hasty.reservation(held).run_id),
        "import": lambda: hasty.import_log(log(ANNA, reservation=held), LOG),
        "import nearest": lambda: hasty.import_log(log(ANNA), LOG),
    }[move]
    with ledger.transaction() as transaction:
        if read == "held":
            transaction.held([held])
        else:
            transaction.in_status("reserved", None, None, 10)
        with waits():
            work()
        # Who only reads waits for nobody.
        assert hasty.reservation(held).status == "reserved"
        assert hasty.release_check(held, ANNA, AT, arbiter=GATE)
    assert ledger.reservation(held).status == "reserved"
    work()
    assert ledger.reservation(held).status != "reserved"


def test_of_two_who_confirm_at_once_one_is_told(ledger, held):
    """The other one finds it sent, and sends nothing."""
    begun = Event()
    with ThreadPoolExecutor(1) as pool:
        with ledger.transaction() as transaction:
            (known,) = transaction.held([held]).values()
            other = pool.submit(lambda: (begun.set(), ledger.confirm(held))[1])
            begun.wait()
            sleep(0.3)
            assert not other.done()
            transaction.move([(known, "sent")])
        assert other.result() == ()
    assert ledger.export("anna")["moves"] == [{"id": held, "was": "reserved", "became": "sent"}]


def test_what_others_move_meanwhile_does_not_end_a_release(ledger):
    """Of two pieces the first is short of one that another job confirms just then; the second goes all the same."""
    ids = [f"r{number:03}" for number in range(600)]
    with ledger.transaction() as transaction:
        transaction.add(Reservation(id=id_, contact=id_, at=AT, status="reserved", run_id="night") for id_ in ids)
    with ThreadPoolExecutor(1) as pool:
        with ledger.transaction() as transaction:
            known = transaction.held(ids[:1])
            other = pool.submit(ledger.release, run_id="night")
            wait_for(ledger, 1)
            transaction.move([(known[ids[0]], "sent")])
        assert sorted(other.result()) == ids[1:]
    assert ledger.stats()["touches"] == {"released": 599, "sent": 1}


# What the server says


def test_the_isolation_of_the_server_does_not_matter(tmp_path):
    """One who waited for a lock reads what was committed before they got it."""
    import psycopg

    with database("postgresql", tmp_path) as url:
        plain = url.replace("+psycopg", "")
        for level in ("repeatable read", "serializable"):
            with psycopg.connect(plain, autocommit=True) as connection:
                connection.execute(
                    f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET default_transaction_isolation = '{level}'"
                )
            with Ledger(url) as ledger:
                ledger.upgrade()
                who = Contact(id=level, consent=["email"])
                first = Reservation(id=level, contact=level, at=AT, status="reserved", campaign="a", channel="email")
                with ThreadPoolExecutor(1) as pool:
                    with ledger.transaction([level]) as transaction:
                        other = pool.submit(decide, ledger, who)
                        wait_for(ledger, 1)
                        transaction.add([first])
                    assert other.result().granted == ()


def wait_for(ledger, count):
    """Until so many wait for a lock."""
    end = monotonic() + 30
    with ledger.engine.connect() as connection:
        while monotonic() < end:
            found = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ).scalar()
            if found == count:
                return
            # Within one transaction the server says the same again.
            connection.rollback()
            sleep(0.02)
    raise AssertionError("nobody waits")


def test_connections_that_died_while_idle_are_renewed(ledger):
    """A server that was restarted in the night is no error in the morning."""
    decide(ledger, ANNA)
    with Ledger(ledger.url) as other, other.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert decide(ledger, BEN).granted


def test_an_address_keeps_its_options(ledger):
    """The schema that it names holds the tables; patience is added."""
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA mine")
    url = ledger.url.update_query_dict({"options": "-csearch_path=mine", "connect_timeout": "3"})
    with Ledger(url, patience=0) as own:
        own.upgrade()
        with own.engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW search_path").scalar() == "mine"
            # 0 would be for ever.
            assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "1ms"
            assert connection.exec_driver_sql("SELECT count(*) FROM mine.jk_touches").scalar() == 0
        assert decide(own, ANNA).granted
    assert ledger.reservations("anna") == []


def test_a_fork_leaves_the_connections_of_its_parent_alone(ledger):
    """A transaction that the parent has open goes on."""
    with ledger.transaction(["anna"]) as transaction:
        child = os.fork()
        if not child:
            try:
                decide(ledger, BEN)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        transaction.add([Reservation(id="own", contact="anna", at=AT, status="reserved")])
    assert [len(ledger.reservations(own.id)) for own in (ANNA, BEN)] == [1, 1]
