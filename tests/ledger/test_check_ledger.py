"""What a store of one's own must do, and that the check finds out where it does not."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from copy import deepcopy
from uuid import uuid4

import pytest
from attrs import evolve
from ledgers import database
from list_store import ListStore, Rows

from journeykit.ledger import Ledger, MemoryLedger
from journeykit.testing import check_ledger


def test_the_ledger_in_memory_passes():
    """The reference agrees with itself, also when many ask at once."""
    check_ledger(MemoryLedger, rounds=4)


def test_a_sqlite_file_passes(tmp_path):
    """SQLite tells the same as memory."""
    check_ledger(lambda: Ledger(f"sqlite:///{tmp_path}/{uuid4().hex}.db"), rounds=6)


def test_postgresql_passes(tmp_path):
    """PostgreSQL tells the same as memory."""
    with database("postgresql", tmp_path) as url:
        check_ledger(lambda: emptied(url), rounds=4)


def emptied(url):
    """A ledger in a database that is used again, without what was in it."""
    from journeykit.ledger.sql_schema import METADATA

    ledger = Ledger(url)
    METADATA.drop_all(ledger.engine)
    return ledger


def test_a_store_of_lists_passes():
    """A store that shares nothing with ours."""
    check_ledger(ListStore, rounds=20)


class Forgetful(ListStore):
    """Keeps what should be taken back."""

    @contextmanager
    def transaction(self, *given, **more):
        with self.lock:
            yield self.rows


class Unlocked(ListStore):
    """Lets two decisions read the same history."""

    def __init__(self):
        super().__init__()
        self.lock = nullcontext()


class NeverFree(Rows):
    """Gives no room back."""

    def use(self, uses):
        super().use({key: max(0, use) for key, use in uses.items()})


class ShortMemory(Rows):
    """Tells a run what has become of touches since it began."""

    def as_of(self, mark, contacts=None, accounts=()):
        return iter(own for own in super().as_of(evolve(mark, moves=self.number), contacts, accounts))


class Careless(Rows):
    """Answers a key anew."""

    def keep_new_answers(self, answers):
        for own in answers:
            self.keep_answer(*own, ())


class Lossy(Rows):
    """Forgets what a message was."""

    def add(self, touches):
        super().add(evolve(touch, tags=()) for touch in deepcopy(list(touches)))


def of_rows(kind):
    """A store with rows of a kind."""

    def make():
        store = ListStore()
        store.rows = kind()
        return store

    return make


@pytest.mark.parametrize("kind", [NeverFree, ShortMemory, Careless, Lossy])
def test_a_fault_of_rows_is_found(kind):
    """The message says after which steps, and which method."""
    with pytest.raises(AssertionError, match=r"seed .*, after .*: .* is .*, and should be"):
        check_ledger(of_rows(kind), rounds=20)


@pytest.mark.parametrize("kind", [Forgetful, Unlocked])
def test_a_transaction_that_is_none_is_found(kind):
    """One that keeps what was taken back, and one that holds nothing."""
    with pytest.raises(AssertionError):
        check_ledger(kind, rounds=10)
