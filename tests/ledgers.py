"""Ledgers for tests: in memory, in a SQLite file, and in a database of its own on a PostgreSQL server."""

from __future__ import annotations

import os
from contextlib import contextmanager
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
    """The address of a new database of a kind."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/{uuid4().hex}.db"
        return
    import psycopg
    from sqlalchemy.engine import make_url

    url = make_url(server())
    name = f"test_{uuid4().hex}"
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
