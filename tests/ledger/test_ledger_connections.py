"""How many connections a ledger has, and threads that wait for them."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier, get_ident

import pytest
from ledgers import DURABLE, ledger_of
from sqlalchemy import event

from journeykit import Arbiter, Claim, Contact, LedgerError, Playbook
from journeykit.ledger import Ledger

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
CLAIM = [Claim(campaign="launch", channel="email", weight=1)]
OPEN = Arbiter(Playbook())


def decide(ledger, name):
    return OPEN.decide(Contact(id=name, consent=["email"]), claims=CLAIM, at=AT, ledger=ledger)


@pytest.mark.parametrize("kind", DURABLE)
def test_threads_that_begin_at_once_do_not_wait_for_each_other(kind, tmp_path):
    """In a process that has just begun, each thread needs one connection and no second one."""
    with ledger_of(kind, tmp_path) as made, Ledger(made.url, patience=20, connections=2) as ledger:
        begin, seen = Barrier(2), set()

        def first_together(*_):
            if get_ident() not in seen:
                seen.add(get_ident())
                begin.wait(20)

        event.listen(ledger.engine, "checkout", first_together)
        with ThreadPoolExecutor(2) as threads:
            found = list(threads.map(lambda name: decide(ledger, name), ["anna", "ben"]))
        assert [len(decision.granted) for decision in found] == [1, 1]


@pytest.mark.parametrize("kind", DURABLE)
def test_no_more_connections_are_open_than_it_says(kind, tmp_path):
    """Ten threads share three connections, which are kept."""
    with ledger_of(kind, tmp_path) as made, Ledger(made.url, patience=60, connections=3) as ledger:
        opened = []
        event.listen(ledger.engine, "connect", lambda *own: opened.append(own))
        with ThreadPoolExecutor(10) as threads:
            found = list(threads.map(lambda number: decide(ledger, f"p{number}"), range(40)))
        assert sum(len(decision.granted) for decision in found) == 40
        assert 1 <= len(opened) <= 3


def test_a_thread_that_gets_no_connection_is_told_after_its_patience(tmp_path):
    """It is `locked`, which is worth another try; nothing is reserved."""
    with ledger_of("sqlite", tmp_path) as made, Ledger(made.url, patience=0.05, connections=1) as ledger:
        with ledger.reading(), pytest.raises(LedgerError, match="no connection free") as error:
            decide(ledger, "anna")
        assert error.value.kind == "locked"
        assert ledger.reservations("anna") == []


def test_the_number_of_connections_is_kept_by_a_copy(tmp_path):
    """A pickled ledger is the same one elsewhere."""
    copy = pickle.loads(pickle.dumps(Ledger(f"sqlite:///{tmp_path}/ledger.db", patience=5, connections=7)))
    assert (copy.patience, copy.connections) == (5, 7)
