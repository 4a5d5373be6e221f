"""Touches on their way into a ledger in SQL: one, a few, or many at once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc, insert, text

from journeykit.ledger.sql_schema import TOUCHES

if TYPE_CHECKING:
    from sqlalchemy import Connection, TextClause

_FEW = 8
"""So many touches are written by one statement."""
_ADD = insert(TOUCHES)
_NAMES = [own.name for own in TOUCHES.c if own.name != "seq"]
_QUOTED = ", ".join(f'"{name}"' for name in _NAMES)


def write_touches(connection: Connection, rows: list[dict[str, Any]], *, is_server: bool) -> None:
    """Write touches: a few by one statement, which a server is asked for once; many as a stream.

    Args:
        connection: in a transaction.
        rows: the touches, one or more; see `touch_row`.
        is_server: whether it is PostgreSQL.
    """
    if is_server and len(rows) > _FEW:
        _copy(connection, rows)
    elif is_server and len(rows) > 1:
        several = {f"{name}_{place}": value for place, row in enumerate(rows) for name, value in row.items()}
        connection.execute(_add_few(len(rows)), several)
    else:
        # For one alone there is a quicker way.
        connection.execute(_ADD, rows[0] if len(rows) == 1 else rows)


@cache
def _add_few(count: int) -> TextClause:
    """So many touches, by one statement. As text, since SQLAlchemy would put it together anew each time."""
    rows = (", ".join(f":{name}_{place}" for name in _NAMES) for place in range(count))
    return text(f"INSERT INTO {TOUCHES.name} ({_QUOTED}) VALUES {', '.join(f'({row})' for row in rows)}")  # noqa: S608


def _copy(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write many touches to PostgreSQL, in a third of the time that as many statements take."""
    statement = f"COPY {TOUCHES.name} ({_QUOTED}) FROM STDIN"
    driver: Any = connection.dialect.dbapi
    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(statement) as stream:
            for row in rows:
                stream.write_row([row[name] for name in _NAMES])
    except driver.Error as error:
        # As SQLAlchemy has it where it asks the driver itself.
        raise exc.DBAPIError.instance(statement, None, error, driver.Error) from error
