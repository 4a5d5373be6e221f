"""The tables of the ledger, in SQL, and how an older ledger becomes a newer one."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    inspect,
    select,
    text,
)

from journeykit.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

# SQLite numbers rows itself only where the column is a plain INTEGER.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
METADATA = MetaData()


def _seq() -> Column[int]:
    """The order in which rows were written; a number is never used again."""
    return Column("seq", _NUMBER, primary_key=True, autoincrement=True)


SETTINGS = Table(
    "jk_settings",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
TOUCHES = Table(
    "jk_touches",
    METADATA,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("contact_id", Text, nullable=False),
    Column("account_id", Text),
    Column("at", BigInteger, nullable=False),
    Column("channel", Text),
    Column("campaign_id", Text),
    Column("content_id", Text),
    Column("team", Text),
    Column("goal", Text),
    Column("topics", Text),
    Column("status", Text, nullable=False),
    Column("run_id", Text),
    Column("decided_at", BigInteger),
    Column("message", Text),
    # What became of each part of the message, where a send log tells parts apart, as JSON.
    Column("parts", Text),
    # What the message was when it was decided: caps of a later playbook count it as that.
    Column("solutions", Text),
    Column("theme", Text),
    Column("tags", Text),
    Column("campaign_ends", Integer),
    Column("counts_toward_caps", Boolean),
    Column("without", Text),
    Column("cost", Double),
    Column("propensity", Double),
    Column("weight", Double),
    Column("numbers", Text),
    Column("claim_id", Text),
    # What it uses of quotas that are counted over time, by key, as JSON.
    Column("uses", Text),
    # The last instant at which it may go, and the rule that says so.
    Column("expires", BigInteger),
    Column("expires_by", Text),
    # The arm of an experiment in which the contact was.
    Column("arm", Text),
    sqlite_autoincrement=True,
)
# Only what is looked for is in an index, so that a reservation costs few writes.
Index("jk_touches_contact", TOUCHES.c.contact_id)
Index(
    "jk_touches_account",
    TOUCHES.c.account_id,
    sqlite_where=TOUCHES.c.account_id.is_not(None),
    postgresql_where=TOUCHES.c.account_id.is_not(None),
)
Index(
    "jk_touches_message",
    TOUCHES.c.message,
    unique=True,
    sqlite_where=TOUCHES.c.message.is_not(None),
    postgresql_where=TOUCHES.c.message.is_not(None),
)
Index(
    "jk_touches_reserved",
    TOUCHES.c.at,
    sqlite_where=TOUCHES.c.status == "reserved",
    postgresql_where=TOUCHES.c.status == "reserved",
)
MOVES = Table(
    "jk_moves",
    METADATA,
    _seq(),
    Column("touch", _NUMBER, nullable=False, index=True),
    Column("was", Text, nullable=False),
    Column("became", Text, nullable=False),
    sqlite_autoincrement=True,
)
ANSWERS = Table(
    "jk_answers",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("contact_id", Text, nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("answer", Text, nullable=False),
)
ANSWER_CONTACTS = Table(
    "jk_answer_contacts",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("contact_id", Text, primary_key=True, index=True),
)
OPT_OUTS = Table(
    "jk_opt_outs",
    METADATA,
    _seq(),
    Column("person", Text, nullable=False),
    Column("contact_id", Text),
    Column("channel", Text),
    Column("suppressed", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    # A yes is a word of its own: whichever is later by its instant holds, in whatever order they were written.
    Column("taken_back", Boolean, nullable=False, server_default=text("false")),
    Column("topic", Text),
    sqlite_autoincrement=True,
)
Index("jk_opt_outs_person", OPT_OUTS.c.person)
TRACES = Table(
    "jk_traces",
    METADATA,
    # A salted hash of the id of a reservation whose contact was forgotten: to confirm it is harmless.
    Column("trace", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
)
RUNS = Table(
    "jk_runs",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("playbook", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("touches", BigInteger, nullable=False),
    Column("moves", BigInteger, nullable=False),
    Column("opt_outs", BigInteger, nullable=False),
    Column("alone", Boolean, nullable=False, server_default=text("false")),
    Column("waiting", BigInteger, nullable=False, server_default=text("0")),
    # What was used of quotas when it began, by key, as JSON.
    Column("used", Text),
    Column("events", BigInteger, nullable=False, server_default=text("0")),
)
# A log: of one key the last row holds, and a row without a claim says that it does not wait any more. So a run that is
# begun again sees what waited when it began.
WAITING = Table(
    "jk_waiting",
    METADATA,
    _seq(),
    Column("key", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("claim", Text),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("at", BigInteger, nullable=False),
    Column("run_id", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("jk_waiting_contact", WAITING.c.contact_id)
Index("jk_waiting_key", WAITING.c.key)

# By the rules of then an answer can be given again when the playbook has changed.
PLAYBOOKS = Table(
    "jk_playbooks",
    METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("playbook", Text, nullable=False),
)


# What is used of a quota in a period; that of a quota without a period says that the quota is counted.
QUOTA_USES = Table(
    "jk_quota_uses",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("used", BigInteger, nullable=False),
)


EVENTS = Table(
    "jk_events",
    METADATA,
    _seq(),
    # A hash of what tells an event from all others: the same one is kept once.
    Column("key", Text, nullable=False, unique=True),
    Column("contact_id", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event_id", Text),
    Column("properties", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("jk_events_contact", EVENTS.c.contact_id)


# What guards pause: of a guard and campaign one row. It stays when it is lifted, since only later responses count then.
GUARDS = Table(
    "jk_guards",
    METADATA,
    Column("guard", Text, primary_key=True),
    Column("campaign", Text, primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("lifted", BigInteger),
)


def _second(connection: Connection) -> None:
    for table, column in (("jk_opt_outs", "taken_back"), ("jk_runs", "alone")):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} BOOLEAN DEFAULT false NOT NULL")


def _third(connection: Connection) -> None:
    double = "DOUBLE PRECISION" if connection.dialect.name == "postgresql" else "DOUBLE"
    # What old rows lack is not known, and comes from the playbook.
    for column, kind in (
        ("solutions", "TEXT"),
        ("theme", "TEXT"),
        ("tags", "TEXT"),
        ("campaign_ends", "INTEGER"),
        ("counts_toward_caps", "BOOLEAN"),
        ("without", "TEXT"),
        ("cost", double),
        ("propensity", double),
        ("weight", double),
        ("numbers", "TEXT"),
        ("claim_id", "TEXT"),
        ("parts", "TEXT"),
    ):
        connection.exec_driver_sql(f"ALTER TABLE jk_touches ADD COLUMN {column} {kind}")
    connection.exec_driver_sql("ALTER TABLE jk_opt_outs ADD COLUMN topic TEXT")
    connection.exec_driver_sql(
        "CREATE TABLE jk_playbooks (fingerprint TEXT NOT NULL, playbook TEXT NOT NULL, PRIMARY KEY (fingerprint))"
    )
    connection.exec_driver_sql("CREATE TABLE jk_traces (trace TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (trace))")


def _fourth(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE jk_runs ADD COLUMN waiting BIGINT DEFAULT 0 NOT NULL")
    WAITING.create(connection)
    for column, kind in (("uses", "TEXT"), ("expires", "BIGINT"), ("expires_by", "TEXT")):
        connection.exec_driver_sql(f"ALTER TABLE jk_touches ADD COLUMN {column} {kind}")
    connection.exec_driver_sql("ALTER TABLE jk_runs ADD COLUMN used TEXT")
    connection.exec_driver_sql(
        "CREATE TABLE jk_quota_uses (key TEXT NOT NULL, used BIGINT NOT NULL, PRIMARY KEY (key))"
    )


def _fifth(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE jk_runs ADD COLUMN events BIGINT DEFAULT 0 NOT NULL")
    EVENTS.create(connection)


def _sixth(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE jk_touches ADD COLUMN arm TEXT")


def _seventh(connection: Connection) -> None:
    GUARDS.create(connection)


STEPS: tuple[Callable[[Connection], None], ...] = (_second, _third, _fourth, _fifth, _sixth, _seventh)
"""Each step takes the schema from one version to the next, the first of them from version 1 to 2."""
VERSION = 1 + len(STEPS)


def version_of(connection: Connection) -> int:
    """The version of the schema; 0 where there is none."""
    if not inspect(connection).has_table(SETTINGS.name):
        return 0
    found = connection.execute(select(SETTINGS.c.value).where(SETTINGS.c.name == "version")).scalar()
    return int(found or 0)


def upgrade(connection: Connection) -> None:
    """Take the schema to the version of this library, step by step."""
    found = version_of(connection)
    check_newest(found)
    if not found:
        METADATA.create_all(connection)
        # It makes hashes of ids worth nothing without the ledger itself.
        connection.execute(SETTINGS.insert().values(name="salt", value=secrets.token_hex(16)))
        connection.execute(SETTINGS.insert().values(name="version", value=str(VERSION)))
        return
    for step in STEPS[found - 1 :]:
        step(connection)
    connection.execute(SETTINGS.update().where(SETTINGS.c.name == "version").values(value=str(VERSION)))


def check_newest(found: int) -> None:
    """Refuse a schema of a later library."""
    if found > VERSION:
        raise LedgerError(
            f"the ledger's schema has version {found}, and this journeykit knows up to {VERSION}: install a newer one",
            kind="schema",
        )
