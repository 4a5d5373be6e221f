"""What goes wrong with a ledger: crowds, deaths, full disks, locks and lost connections."""

from __future__ import annotations

import csv
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from ledgers import DURABLE, database, ledger_of
from sqlalchemy import event

from journeykit import Arbiter, Claim, Contact, LedgerError, Playbook
from journeykit.job import Inputs, Job
from journeykit.ledger import Ledger, Reservation

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
WORKER = Path(__file__).with_name("ledger_worker.py")
FOLDERS = os.pathsep.join([*map(str, WORKER.parents[:2]), os.environ.get("PYTHONPATH", "")])
ANNA = Contact(id="anna", consent=["email"])
CLAIM = [Claim(campaign="launch", channel="email", weight=1)]
OPEN = Arbiter(Playbook())


def work(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, str(WORKER), *map(str, arguments)],
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", DURABLE)
def test_a_crowd_cannot_take_more_than_there_is(kind, tmp_path):
    """32 processes ask for the same 40 contacts with a cap of 2: exactly two are granted to each."""
    with ledger_of(kind, tmp_path) as ledger:
        work("crowd", ledger.url.render_as_string(hide_password=False))
        assert ledger.stats()["touches"] == {"reserved": 80}
        assert {len(ledger.reservations(f"p{number}")) for number in range(40)} == {2}


@pytest.mark.parametrize("kind", DURABLE)
def test_many_touches_are_written_whole_or_not_at_all(kind, tmp_path):
    """One at a time, a few by one statement, or many as a stream: the error is the same, and nothing of it is kept."""
    facts = {"status": "reserved", "numbers": {"risk": 0.5}, "topics": ("a", "b"), "counts_toward_caps": False}
    held = [Reservation(id=f"h{n}", contact="anna\t\\", at=AT, channel='"é\n', **facts) for n in range(40)]
    with ledger_of(kind, tmp_path) as ledger:
        for some in (held[:1], held[1:5], held[5:30]):
            with ledger.transaction() as transaction:
                transaction.add(some)
            with (
                pytest.raises(LedgerError, match="holds this reservation already"),
                ledger.transaction() as transaction,
            ):
                transaction.add([*held[30:], *some])
        assert ledger.reservations("anna\t\\") == held[:30]


@pytest.mark.parametrize(("kind", "engine"), [("sqlite", "one"), ("sqlite", "columns"), ("postgresql", "one")])
def test_a_run_that_is_killed_goes_on_without_a_trace(kind, engine, tmp_path):
    """Killed 15 times and begun again each time: the decisions of an undisturbed run, nothing twice or lost."""
    rng = Random(f"{kind} {engine}")
    shares = [round(rng.random(), 4) for _ in range(15)]
    with database(kind, tmp_path) as url, database(kind, tmp_path) as undisturbed:
        for own in (url, undisturbed):
            with Ledger(own) as made:
                made.upgrade()
        said = work("kill", engine, url, *shares, WORK=tmp_path, UNDISTURBED=undisturbed)
        assert "same True" in said, said
        assert "deaths 15" in said, said
        with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
            granted = [row["decision_id"] for row in csv.DictReader(file) if row["outcome"] == "granted"]
        with Ledger(url) as ledger, ledger.reading() as transaction:
            held = transaction.in_status("reserved", None, "night", 10**6)
        assert sorted(own.id for own in held) == sorted(granted)
        assert len(granted) == 320


def whole(ledger):
    """What stands in the ledger: nothing half-reserved."""
    held = ledger.reservations("anna")
    return len(held), ledger.stats()["answers"]


def test_a_locked_file_is_told_and_waited_for(tmp_path):
    """One who holds it for too long is named; then the next decision goes on."""
    with ledger_of("sqlite", tmp_path, patience=0.1) as ledger:
        other = sqlite3.connect(ledger.url.database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"held by another job for longer than 0.1 s: try again") as told:
            OPEN.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger, key="k")
        assert told.value.kind == "locked"
        other.execute("ROLLBACK")
        other.close()
        assert whole(ledger) == (0, 0)
        OPEN.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger, key="k")
        assert whole(ledger) == (1, 1)


def test_a_locked_contact_is_told_and_waited_for(tmp_path):
    """On PostgreSQL only those wait who ask for the same contact."""
    with ledger_of("postgresql", tmp_path, patience=0.2) as ledger, ledger.transaction(["anna"]):
        with pytest.raises(LedgerError, match="try again") as told:
            OPEN.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger, key="k")
        assert told.value.kind == "locked"
        assert whole(ledger) == (0, 0)
        OPEN.decide(Contact(id="ben", consent=["email"]), claims=CLAIM, at=AT, ledger=ledger)
        assert len(ledger.reservations("ben")) == 1


def test_a_full_disk_keeps_nothing_half(tmp_path):
    """SQLite may take no more pages: the error says so, the next run goes on where this one stopped."""
    contacts = [{"contact_id": f"p{number}", "consent": "email"} for number in range(3000)]
    claims = [
        {"contact_id": row["contact_id"], "campaign_id": "a", "channel": "email", "weight": 1} for row in contacts
    ]

    def run(ledger):
        job = Job(OPEN, Inputs(contacts=contacts, claims=claims), at=AT, run_id="night", ledger=ledger)
        return job.write(tmp_path / "out.csv")

    with ledger_of("sqlite", tmp_path) as ledger:

        def limit(connection, *_):
            connection.execute("PRAGMA max_page_count=100")

        event.listen(ledger.engine, "connect", limit)
        ledger.close()
        with pytest.raises(LedgerError, match="no room left on its disk") as told:
            run(ledger)
        assert told.value.kind == "full"
        assert not (tmp_path / "out.csv").exists()
        held = ledger.stats()["touches"]["reserved"]
        assert held % 500 == 0
        assert 0 < held < 3000
        event.remove(ledger.engine, "connect", limit)
        ledger.close()
        assert run(ledger).outcomes == {"granted": 3000}
        assert ledger.stats()["touches"] == {"reserved": 3000}


def test_a_file_that_may_not_grow_is_told(tmp_path):
    """The same by the limit of the operating system, in a process of its own."""
    code = """
import resource, signal, sys
from test_ledger_faults import *
ledger = Ledger(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for number in range(2000):
    try:
        OPEN.decide(Contact(id=f"p{number}", consent=["email"]), claims=CLAIM, at=AT, ledger=ledger, key=str(number))
    except LedgerError as error:
        print(number, error.kind, error)
        break
"""
    with ledger_of("sqlite", tmp_path) as ledger:
        done = subprocess.run(
            [sys.executable, "-c", code, ledger.url.render_as_string()],
            env={
                **os.environ,
                "PYTHONPATH": FOLDERS,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        number, kind, said = done.stdout.split(maxsplit=2)
        assert kind == "full", done.stderr
        assert "nothing of this transaction was kept" in said
        found = ledger.stats()
        assert found["touches"]["reserved"] == found["answers"] == int(number)
        OPEN.decide(Contact(id=f"p{number}", consent=["email"]), claims=CLAIM, at=AT, ledger=ledger, key=number)


class Breaks:
    """A policy in whose middle the server ends our connection."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.broken = False

    def weigh(self, claim, contact, context):
        if not self.broken:
            self.broken = True
            with self.ledger.engine.connect() as other:
                other.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        return 1.0


def test_a_lost_connection_keeps_nothing_half(tmp_path):
    """The error says so; asked again with the same key, it is decided."""
    with ledger_of("postgresql", tmp_path) as ledger:
        breaks = Breaks(ledger)
        arbiter = Arbiter(Playbook(policy="breaks"), {"breaks": breaks})
        claims = [Claim(campaign="launch", channel="email")]
        with pytest.raises(LedgerError, match="ask again with the same key or run") as told:
            arbiter.decide(ANNA, claims=claims, at=AT, ledger=ledger, key="k")
        assert told.value.kind == "lost"
        assert whole(ledger) == (0, 0)
        assert arbiter.decide(ANNA, claims=claims, at=AT, ledger=ledger, key="k").granted
        assert whole(ledger) == (1, 1)


def test_a_server_that_is_not_there_is_told():
    """Before anything is decided."""
    with Ledger("postgresql+psycopg://nobody@127.0.0.1:1/none") as ledger:
        with pytest.raises(LedgerError, match="cannot be reached") as told:
            OPEN.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger)
        assert told.value.kind == "lost"


def test_a_full_server_is_told():
    """By the code that PostgreSQL gives."""
    from psycopg.errors import DiskFull
    from sqlalchemy.exc import OperationalError

    with Ledger("postgresql+psycopg://nobody@127.0.0.1:1/none") as ledger:
        found = ledger._trouble(OperationalError("INSERT", {}, DiskFull("could not extend file")))
    assert found.kind == "full"
    assert "no room left" in str(found)


@pytest.mark.parametrize("when", ["before", "committing"])
def test_a_connection_that_is_lost_while_it_commits_promises_nothing(tmp_path, when):
    """Nobody knows whether it is kept; lost before, nothing is."""
    with ledger_of("postgresql", tmp_path) as ledger, Ledger(ledger.url) as other:
        other.stats()

        def end(*_):
            with other.engine.connect() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        def work():
            with ledger.transaction() as transaction:
                if when == "before":
                    end()
                transaction.of_contacts(["anna"])

        if when == "committing":
            event.listen(ledger.engine, "commit", end)
        with pytest.raises(LedgerError, match="ask again with the same key or run") as told:
            work()
        assert told.value.kind == "lost"
        assert ("nothing of this transaction was kept" in str(told.value)) is (when == "before")
        assert ("nobody knows" in str(told.value)) is (when == "committing")


def test_a_server_without_room_for_locks_is_no_full_disk():
    """What helps is told."""
    from psycopg.errors import OutOfMemory
    from sqlalchemy.exc import OperationalError

    with Ledger("postgresql+psycopg://nobody@127.0.0.1:1/none") as ledger:
        found = ledger._trouble(OperationalError("SELECT", {}, OutOfMemory("out of shared memory")))
    assert found.kind == "locked"
    assert "max_locks_per_transaction" in str(found)


def test_what_is_no_ledger_is_told(tmp_path):
    """A file of another kind, a folder, a database that there is not: to ask again helps in none of them."""
    (tmp_path / "letter.db").write_text("Dear all, " * 100, encoding="utf-8")
    for url in (f"sqlite:///{tmp_path}/letter.db", f"sqlite:///{tmp_path}"):
        with Ledger(url) as ledger, pytest.raises(LedgerError, match="cannot be opened: look at its address") as told:
            ledger.stats()
        assert told.value.kind == "place"
    with database("postgresql", tmp_path) as url:
        with Ledger(f"{url}x") as ledger, pytest.raises(LedgerError, match="cannot be opened") as told:
            ledger.stats()
        assert told.value.kind == "place"


def test_many_answers_are_forgotten_and_pruned_at_once(tmp_path):
    """With as little memory as PostgreSQL may have, that needs no look at each answer for each."""
    with ledger_of("postgresql", tmp_path) as ledger:
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {ledger.url.database} SET work_mem = '64kB'")
            connection.exec_driver_sql(f"ALTER DATABASE {ledger.url.database} SET statement_timeout = '10s'")
            connection.exec_driver_sql(
                "INSERT INTO jk_answers "
                "SELECT repeat('x', 60) || n, 'p' || n, n & 1, '{}' FROM generate_series(1, 60000) n"
            )
            connection.exec_driver_sql("INSERT INTO jk_answer_contacts SELECT key, 'q' FROM jk_answers")
            connection.exec_driver_sql(
                "INSERT INTO jk_touches (id, contact_id, at, status) "
                "SELECT contact_id, contact_id, 0, 'reserved' FROM jk_answers WHERE at = 0 LIMIT 20000"
            )
            connection.exec_driver_sql("ANALYZE")
        ledger.close()
        assert ledger.forget("p1")["answers"] == 1
        with ledger.transaction(exclusive=True) as transaction:
            assert transaction.prune(1)["answers"] == 10_000
        assert ledger.forget("q")["answers"] == 49_999


def test_a_ledger_is_used_after_a_fork(tmp_path):
    """Each process opens connections of its own."""
    with ledger_of("sqlite", tmp_path) as ledger:
        OPEN.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger)
        code = (
            "import os, sys; from test_ledger_faults import *; ledger = Ledger(sys.argv[1]); ledger.stats();"
            "child = os.fork(); OPEN.decide(ANNA, claims=CLAIM, at=AT, ledger=ledger);"
            "child and os.waitpid(child, 0); os._exit(0)"
        )
        environment = {
            **os.environ,
            "PYTHONPATH": FOLDERS,
        }
        subprocess.run([sys.executable, "-c", code, ledger.url.render_as_string()], env=environment, check=True)
        assert len(ledger.reservations("anna")) == 3
