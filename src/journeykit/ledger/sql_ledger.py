"""The ledger in SQL: SQLite and PostgreSQL, by SQLAlchemy Core."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    create_engine,
    event,
    exc,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url

from journeykit.basics.validation import is_number, shown
from journeykit.errors import LedgerError, MissingExtraError, ModelError
from journeykit.ledger.base import BaseLedger, check_names
from journeykit.ledger.sql_schema import (
    SETTINGS,
    VERSION,
    check_newest,
    upgrade,
    version_of,
)
from journeykit.ledger.sql_transaction import LOCK, SqlTransaction, locks_of
from journeykit.ledger.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Engine, TextClause

    from journeykit.engine.decider import HasDecider

_LOCKS = 2_000
"""A caller that needs more locks than this works alone: PostgreSQL has room for some thousand, of all jobs."""
_CONNECTIONS = 32
"""The most connections of one process, where nothing else is said."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.008
"""In seconds, how soon to look again whether a SQLite file is free: at first, and at most."""
_EVERYBODY = 0x6A6F75726E6579
"""The lock that writers share and the beginning of a run takes alone."""
_ALONE = text("SELECT pg_advisory_xact_lock(:everybody)")
_FEW = 8
"""So many locks at most are asked for together with everybody's; of more the rest are asked for by a statement more."""


class Ledger(BaseLedger):
    """The durable store of touches and reservations, in SQLite or PostgreSQL.

    It may be shared by threads, pickled, and used after a fork. A SQLite file is for jobs of one machine.

    Args:
        url: ``sqlite:///path`` or ``postgresql+psycopg://user@host/database``.
        arbiter: whose playbook `release_check` looks at; None where it is given there.
        patience: for how many seconds to wait for others that hold the same contact.
        connections: the most connections that are open at once, in this process; they are opened when they are needed,
            and kept. As many threads use the ledger at once; further ones wait, as long as the patience says.

    Raises:
        ModelError: for an address of another kind, a patience that is no number of seconds, or connections that are no
            whole number from 1 on.
        MissingExtraError: without the driver of PostgreSQL.

    Example:
        >>> from datetime import UTC, datetime
        >>> from journeykit import Arbiter, Cap, Claim, Contact, Playbook, Window
        >>> ledger = Ledger("sqlite:///journeykit.db")
        >>> ledger.upgrade()
        7
        >>> arbiter = Arbiter(Playbook(caps=[Cap(name="one a day", max=1, window=Window.calendar("day"))]))
        >>> anna, at = Contact(id="anna", consent=["email"]), datetime(2026, 11, 5, 10, tzinfo=UTC)
        >>> for campaign in ("launch", "news"):
        ...     claim = Claim(campaign=campaign, channel="email", weight=1)
        ...     print(arbiter.decide(anna, claims=[claim], at=at, ledger=ledger).rows[0].reason)
        granted
        capped
    """

    def __init__(
        self,
        url: str | URL,
        *,
        arbiter: HasDecider | None = None,
        patience: float = 30.0,
        connections: int = _CONNECTIONS,
    ) -> None:
        super().__init__(arbiter)
        self.url = _checked(url)
        if not is_number(patience) or patience < 0:
            raise ModelError(f"patience is a number of seconds, found {shown(patience)}", field="patience")
        if type(connections) is not int or connections < 1:
            raise ModelError(
                f"connections is a whole number from 1 on, found {shown(connections)}", field="connections"
            )
        if not self.is_sqlite and find_spec("psycopg") is None:
            raise MissingExtraError("postgres", "a ledger in PostgreSQL")
        self.patience = patience
        self.connections = connections
        self._salt: str | None = None
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._turns = Turns(connections)
        self._process = os.getpid()
        self._ready = False

    def __repr__(self) -> str:
        return f"Ledger({self.url.render_as_string()!r})"

    def __reduce__(self) -> tuple[object, ...]:
        url = self.url.render_as_string(hide_password=False)
        return _rebuild, (url, self.arbiter, self.patience, self.connections)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> Engine:
        """The engine of SQLAlchemy, one for each process."""
        if self._process != os.getpid():
            # What a parent process has opened is its own, and so is a lock that one of its threads held at the fork.
            if self._engine is not None:
                self._engine.dispose(close=False)
            self._engine, self._lock, self._process = None, threading.Lock(), os.getpid()
            self._turns = Turns(self.connections)
        with self._lock:
            if self._engine is None:
                self._engine = _engine(self.url, self.patience, self.connections)
            return self._engine

    def close(self) -> None:
        """Close what is open. The ledger may be used again."""
        if self._engine is not None and self._process == os.getpid():
            self._engine.dispose()

    def upgrade(self) -> int:
        """Create the schema, or take it to the version of this library.

        Returns:
            The version that it has now.

        Raises:
            LedgerError: for a schema of a later library.
        """
        with self._told(), self.engine.connect() as connection:
            self._begin(connection, exclusive=True, locks=())
            upgrade(connection)
            connection.commit()
        return VERSION

    def salt(self) -> str:
        """What ids are mixed with before they are hashed."""
        if self._salt is None:
            with self._told(), self._connected():
                pass  # the first connection reads it
        return str(self._salt)

    @contextmanager
    def transaction(
        self,
        contacts: Sequence[str] = (),
        accounts: Sequence[str] = (),
        keys: Sequence[str] = (),
        *,
        exclusive: bool = False,
    ) -> Iterator[SqlTransaction]:
        """One transaction that nobody disturbs who asks for the same contacts, accounts or keys; see `BaseLedger`."""
        check_names(contacts, accounts, keys)
        locks = _locks(contacts, accounts, keys)
        with self._told(), self._begun(lambda one: self._begin(one, exclusive=exclusive, locks=locks)) as connection:
            # Whatever leaves the block but its end closes the connection, which takes back all that was written.
            yield SqlTransaction(connection)
            with self._told(committing=True):
                connection.commit()

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """A transaction that only reads, and waits for nobody."""
        begin = "BEGIN" if self.is_sqlite else "SELECT 1"
        with self._told(), self._begun(lambda one: one.exec_driver_sql(begin)) as connection:
            yield SqlTransaction(connection, reads=True)

    @contextmanager
    def _begun(self, begin: Callable[[Connection], object]) -> Iterator[Connection]:
        """A connection on which a transaction has begun; where the one at hand is lost, another."""
        with ExitStack() as stack:
            connection = stack.enter_context(self._connected())
            try:
                begin(connection)
            except exc.DBAPIError as error:
                # A server that was restarted in the meantime. Nothing was done yet.
                if not error.connection_invalidated:
                    raise
                stack.close()
                connection = stack.enter_context(self._connected())
                begin(connection)
            yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection to a ledger that has its schema."""
        if not self._ready and self.is_sqlite and not _exists(str(self.url.database)):
            # SQLite would make an empty file, of which it would be hard to say what it is.
            raise LedgerError(
                f"there is no file {self.url.database!r}; for a new ledger, run `journeykit ledger upgrade URL`",
                kind="schema",
            )
        engine, turns = self.engine, self._turns
        if not turns.take(min(self.patience, threading.TIMEOUT_MAX)):
            raise LedgerError(
                f"the ledger has no connection free: all {self.connections} are in use, for longer than "
                f"{self.patience:g} s",
                kind="locked",
            )
        try:
            with engine.connect() as connection:
                if not self._ready:
                    self._check_schema(connection)
                yield connection
        finally:
            turns.give()

    def _check_schema(self, connection: Connection) -> None:
        found = version_of(connection)
        check_newest(found)
        if found != VERSION:
            what = "has no schema" if not found else f"has a schema of version {found}, not {VERSION}"
            raise LedgerError(
                f"the ledger {self.url.render_as_string()} {what}: run `journeykit ledger upgrade URL`",
                kind="schema",
            )
        # Read here, not when it is needed: within a transaction it would take a second connection, and where all
        # connections are in transactions, each would wait for the others.
        self._salt = str(connection.execute(select(SETTINGS.c.value).where(SETTINGS.c.name == "salt")).scalar_one())
        connection.rollback()
        self._ready = True

    def _begin(self, connection: Connection, *, exclusive: bool, locks: Sequence[int]) -> None:
        if self.is_sqlite:
            # The driver begins when it pleases; a decision must hold the file before it reads.
            self._begin_sqlite(connection)
            return
        if exclusive or len(locks) > _LOCKS:
            connection.execute(_ALONE, {"everybody": _EVERYBODY})
            return
        # Everybody's lock first, and the others in one order for all, so that two jobs never wait for each other.
        first, rest = locks[:_FEW], locks[_FEW:]
        named = {f"lock{place}": lock for place, lock in enumerate(first)}
        connection.execute(_share(len(first)), {"everybody": _EVERYBODY, **named})
        if rest:
            connection.execute(LOCK, {"locks": list(rest)})

    def _begin_sqlite(self, connection: Connection) -> None:
        """Wait for the file, and hold it.

        SQLite itself looks again after up to a tenth of a second, in which the file is often free: here a
        waiting caller looks sooner, at random moments, so that several do not look all at once.
        """
        end, pause = time.monotonic() + self.patience, _FIRST_PAUSE
        _be_patient(connection, 0)
        try:
            while True:
                try:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                except exc.OperationalError as error:
                    if _kind_of(error) != "locked" or time.monotonic() >= end:
                        raise
                else:
                    return
                time.sleep(random.uniform(0.25, 1) * min(pause, max(0.0, end - time.monotonic())))  # noqa: S311
                pause = min(pause * 1.25, _LONGEST_PAUSE)
        finally:
            _be_patient(connection, self.patience)

    @contextmanager
    def _told(self, *, committing: bool = False) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            raise self._trouble(error, committing=committing) from error
        except UnicodeEncodeError as error:
            raise LedgerError(
                f"the ledger {self.url.render_as_string()} cannot hold {shown(error.object)}, which is no Unicode "
                "text; nothing of this transaction was kept"
            ) from error
        except exc.TimeoutError as error:
            raise LedgerError(f"the ledger has no connection free: {error}", kind="locked") from error

    def _trouble(self, error: exc.DBAPIError, *, committing: bool = False) -> LedgerError:
        """What went wrong below, in words of ours."""
        where, said = self.url.render_as_string(), str(error.orig).strip().splitlines()[0]
        kind = _kind_of(error)
        meaning = {
            "locked": f"is held by another job for longer than {self.patience:g} s: try again",
            "full": "has no room left on its disk",
            "lost": "cannot be reached, or the connection broke; ask again with the same key or run",
            "place": "cannot be opened: look at its address, and at who may read and write there",
            "other": "refuses",
        }[kind]
        if getattr(error.orig, "sqlstate", None) == _NO_LOCKS:
            meaning = "has no room for more locks: try again when fewer jobs run, or raise max_locks_per_transaction"
        kept = "nothing of this transaction was kept"
        if kind == "lost" and committing:
            kept = "that was while it committed, so nobody knows whether this transaction was kept"
        return LedgerError(f"the ledger {where} {meaning} ({said}); {kept}", kind=kind)


@cache
def _share(locks: int) -> TextClause:
    """Everybody's lock, shared, and so many others, in their order."""
    others = "".join(f", pg_advisory_xact_lock(CAST(:lock{place} AS bigint))" for place in range(locks))
    return text(f"SELECT pg_advisory_xact_lock_shared(:everybody){others}")


def _be_patient(connection: Connection, patience: float) -> None:
    """For how many seconds SQLite itself waits."""
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int(patience * 1000)}")


def _rebuild(url: str, arbiter: HasDecider | None, patience: float, connections: int) -> Ledger:
    return Ledger(url, arbiter=arbiter, patience=patience, connections=connections)


def _checked(given: str | URL) -> URL:
    allowed = "allowed are sqlite:///FILE and postgresql+psycopg://USER@HOST/DATABASE"
    try:
        url = make_url(given)
    except exc.ArgumentError:
        raise ModelError(f"{given!r} is no address of a ledger; {allowed}", field="url") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise ModelError(f"a ledger is not kept in {url.drivername!r}; {allowed}", field="url")
    memory = url.database in (None, "", ":memory:", "file::memory:") or url.query.get("mode") == "memory"
    if url.get_backend_name() == "sqlite" and memory:
        raise ModelError("a ledger in memory is a MemoryLedger; a Ledger needs a file: sqlite:///FILE", field="url")
    return url


def _engine(url: URL, patience: float, connections: int) -> Engine:
    # All are kept: to open one takes as long as several decisions.
    pool = {"pool_size": connections, "max_overflow": 0, "pool_timeout": patience}
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": patience}, **pool)
        event.listen(engine, "connect", _set_up_sqlite)
        return engine
    own = url.query.get("options", ())
    # To PostgreSQL a patience of 0 is one without end.
    options = [*([own] if isinstance(own, str) else own), f"-c lock_timeout={max(1, int(patience * 1000))}"]
    return create_engine(
        url.difference_update_query(["options"]),
        # What is read once a lock is held must be what others have committed before they gave it away.
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": url.query.get("connect_timeout", 10), "options": " ".join(options)},
        **pool,
    )


def _exists(path: str) -> bool:
    """Whether there is a file; of an address of SQLite's own kind only SQLite knows."""
    return path.startswith("file:") or Path(path).exists()


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # Transactions are begun by us; see `Ledger._begin`.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _locks(contacts: Iterable[str], accounts: Iterable[str], keys: Iterable[str]) -> list[int]:
    """64 bits for each, in one order for all: accounts, contacts, keys; quotas are held after these."""
    ordered = (locks_of("a", sorted(accounts)), locks_of("c", sorted(contacts)), locks_of("k", sorted(keys)))
    return list(dict.fromkeys(own for several in ordered for own in several))


_FULL = ("full", "disk i/o error", "no space", "file too large")
_PLACE = ("unable to open", "not a database", "malformed", "readonly", "does not exist", "authentication failed")
_LOST = ("closed", "connection", "terminat")
_NO_LOCKS = "53200"


def _kind_of(error: exc.DBAPIError) -> str:
    """What kind of trouble an error of a driver is."""
    said = str(error.orig).lower()
    state = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error.orig, sqlite3.Error):
        if "locked" in said or "busy" in said:
            return "locked"
        kinds = (("full", _FULL), ("place", _PLACE), ("lost", _LOST))
        return next((kind for kind, words in kinds if any(word in said for word in words)), "other")
    if state in ("55P03", "40P01", "40001", _NO_LOCKS):
        return "locked"
    if state == "53100":
        return "full"
    if not state and any(word in said for word in _PLACE):
        return "place"
    if (
        error.connection_invalidated
        or state[:2] in ("08", "57")
        or (not state and isinstance(error, exc.OperationalError))
    ):
        return "lost"
    return "other"
