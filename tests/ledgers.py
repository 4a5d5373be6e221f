"""Ledgers for tests: in memory, in a SQLite file, and in a database of its own on a PostgreSQL server."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import wraps
from importlib.util import find_spec
from uuid import uuid4

import pytest

KINDS = ("memory", "sqlite", "postgresql")
DURABLE = KINDS[1:]


def server() -> str:
    """The address of a PostgreSQL server; in CI there must be one, elsewhere the test is skipped."""
    url = os.environ.get("JOURNEYKIT_POSTGRES")
    if url:
        return url
    if os.environ.get("CI") == "true":
        pytest.fail("JOURNEYKIT_POSTGRES is not set: in CI the tests of the ledger need a PostgreSQL server")
    pytest.skip("no PostgreSQL server: set JOURNEYKIT_POSTGRES to the address that `.ci/postgres start FOLDER` prints")


@contextmanager
def database(kind, folder):
    """The address of an empty database of a kind."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/{uuid4().hex}.db"
        return
    url = server()
    name = _EMPTY.pop() if _EMPTY else _created(url)
    try:
        yield _address(url, name)
    finally:
        _empty(url, name)
        _EMPTY.append(name)


# To make a database takes longer than most tests: one that a test has left is emptied for the next one.
_EMPTY: list[str] = []


def _address(url, name, driver=None):
    from sqlalchemy.engine import make_url

    found = make_url(url).set(database=name) if name else make_url(url)
    return (found.set(drivername=driver) if driver else found).render_as_string(hide_password=False)


def _connected(url, name=None):
    import psycopg

    return psycopg.connect(_address(url, name, "postgresql"), autocommit=True)


def _created(url):
    name = f"test_{uuid4().hex}"
    with _connected(url) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return name


def _empty(url, name):
    """End what is still connected, and take away all that a test has made or set."""
    with _connected(url, name) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        own = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        ).fetchall()
        for (schema,) in own:
            connection.execute(f'DROP SCHEMA "{schema}" CASCADE')
        connection.execute("CREATE SCHEMA public")
        connection.execute(f"ALTER DATABASE {name} RESET ALL")


def wait_for_no_disk():
    """Files of SQLite are written as the library writes them, but nobody waits until a disk has them."""
    if find_spec("sqlalchemy") is None:
        return
    from journeykit.ledger import sql_ledger

    set_up = sql_ledger._set_up_sqlite

    @wraps(set_up)
    def set_up_quickly(connection, record):
        connection.execute("PRAGMA synchronous=OFF")
        set_up(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    sql_ledger._set_up_sqlite = set_up_quickly


def drop_databases():
    """Drop what this process has made; the end of the tests calls it."""
    while _EMPTY:
        with _connected(server()) as connection:
            connection.execute(f"DROP DATABASE {_EMPTY.pop()} WITH (FORCE)")


@contextmanager
def ledger_of(kind, folder, **more):
    """A ledger of a kind, with its schema; patient, so that a busy machine changes nothing."""
    from journeykit.ledger import Ledger, MemoryLedger

    if kind == "memory":
        yield MemoryLedger(**more)
        return
    with database(kind, folder) as url:
        ledger = Ledger(url, **{"patience": 900, **more})
        ledger.upgrade()
        try:
            yield ledger
        finally:
            ledger.close()
