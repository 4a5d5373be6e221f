"""The guards that a ledger in SQL keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import asdict
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from journeykit.ledger.sql_schema import GUARDS
from journeykit.ledger.transaction import GuardRow, check_lengths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

_G = GUARDS.c
_EVERY = select(GUARDS).order_by(_G.guard, _G.campaign)
_KEEP = {
    name: made.on_conflict_do_update(
        index_elements=[_G.guard, _G.campaign],
        set_={own.name: made.excluded[own.name] for own in _G if not own.primary_key},
    )
    for name, made in (("sqlite", sqlite.insert(GUARDS)), ("postgresql", postgresql.insert(GUARDS)))
}


class SqlGuards:
    """The part of a transaction that is about guards; see `journeykit.ledger.transaction.Transaction`."""

    connection: Connection

    def guards(self) -> list[GuardRow]:
        """The guards that tripped, by name and campaign."""
        found = [GuardRow(**row._mapping) for row in self.connection.execute(_EVERY)]  # noqa: SLF001  (its public name)
        # A server may have an order of its own for texts.
        return sorted(found, key=lambda row: row.key)

    def keep_guards(self, rows: Iterable[GuardRow]) -> None:
        """Write guards that tripped, or were lifted; of a guard and campaign the last word holds."""
        # In one order for all, so that no two that write the same guards wait for each other.
        for row in sorted(rows, key=lambda row: row.key):
            check_lengths(guard=row.guard, campaign_id=row.campaign)
            self.connection.execute(_KEEP[self.connection.dialect.name], asdict(row))
