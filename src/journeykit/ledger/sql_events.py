"""The events that a ledger in SQL keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from journeykit.ledger.sql_schema import EVENTS
from journeykit.ledger.transaction import EventRow, check_lengths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Row

_MANY = 500
_E = EVENTS.c
_KEEP = {
    "sqlite": sqlite.insert(EVENTS).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(EVENTS).on_conflict_do_nothing(),
}
_KNOWN = select(_E.key).where(_E.key.in_(bindparam("ids", expanding=True)))
_OF_SOME = select(EVENTS).where(_E.contact_id.in_(bindparam("ids", expanding=True))).order_by(_E.seq)


class SqlEvents:
    """The part of a transaction that is about events; see `journeykit.ledger.transaction.Transaction`."""

    connection: Connection

    def keep_events(self, rows: Sequence[EventRow]) -> int:
        """Write events, but those whose key is known; how many were new."""
        run, new = self.connection.execute, 0
        # In one order for all, so that no two that write the same events wait for each other.
        for some in _pieces(sorted({row.key: row for row in reversed(rows)}.values(), key=lambda row: row.key)):
            known = set(run(_KNOWN, {"ids": [row.key for row in some]}).scalars())
            made = [_cells(row) for row in some if row.key not in known]
            if made:
                run(_KEEP.get(self.connection.dialect.name, insert(EVENTS)), made)
            new += len(made)
        return new

    def events(self, contacts: Sequence[str] | None = None, until: int | None = None) -> Iterator[EventRow]:
        """The events of contacts, or of all, in the order in which they were written; up to a number."""
        if contacts is None:
            every = select(EVENTS).order_by(_E.seq).execution_options(stream_results=True, yield_per=10_000)
            wanted = every if until is None else every.where(_E.seq <= until)
            with self.connection.execute(wanted) as found:
                yield from map(_event, found)
            return
        for ids in _pieces(list(dict.fromkeys(contacts))):
            for row in self.connection.execute(_OF_SOME, {"ids": ids}):
                if until is None or row.seq <= until:
                    yield _event(row)

    def has_events(self, until: int | None = None) -> bool:
        """Whether there is any event, up to a number."""
        wanted = select(_E.seq).order_by(_E.seq).limit(1)
        first = self.connection.execute(wanted).scalar()
        return first is not None and (until is None or first <= until)

    def _forget_events(self, contact: str) -> int:
        return self.connection.execute(delete(EVENTS).where(_E.contact_id == contact)).rowcount

    def _prune_events(self, before: int) -> int:
        return self.connection.execute(delete(EVENTS).where(_E.at < before)).rowcount

    def _count_events(self) -> int:
        return int(self.connection.execute(select(func.count()).select_from(EVENTS)).scalar_one())


def _cells(row: EventRow) -> dict[str, Any]:
    check_lengths(contact_id=row.contact)
    return {
        "key": row.key,
        "contact_id": row.contact,
        "event": row.event,
        "at": row.at,
        "event_id": row.id,
        "properties": row.properties,
    }


def _event(row: Row[Any]) -> EventRow:
    return EventRow(
        key=row.key, contact=row.contact_id, event=row.event, at=row.at, id=row.event_id, properties=row.properties
    )


def _pieces(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start : start + _MANY] for start in range(0, len(rows), _MANY))
