"""Crediting the events of a slice to its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from journeykit.measuring.credit_tally import CreditTally
from journeykit.measuring.credits import Credits, EventReading
from journeykit.measuring.message_table import MessageReading, MessageTable
from journeykit.playbook.playbook import Playbook
from journeykit.spark.row_order import rows_in_order
from journeykit.spark.slice_bad_rows import SliceBadRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from journeykit.tables.bad_row_list import BadRows


@frozen(kw_only=True)
class CreditWork:
    """Credits the events of slices.

    Attributes:
        playbook: the rule set.
        since: messages from this instant on, in microseconds since 1970; None for all.
        until: messages before this instant; None for all.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        columns: the columns of touches and contacts that are read besides those that say what a touch is.
    """

    playbook: Playbook
    since: int | None = None
    until: int | None = None
    zone: str | None = None
    columns: tuple[str, ...] = ()

    def __call__(self, tables: Mapping[str, pa.Table]) -> tuple[pa.Table, CreditTally]:
        """The credits of a slice as a table, and what was counted."""
        tables = rows_in_order(tables)
        bad = SliceBadRows(tables)
        messages = self.messages(tables["touches"], tables.get("contacts"), bad)
        found = self.credits(messages, tables["events"], bad)
        return found.table(messages), CreditTally.of(messages, found, bad.told())

    def messages(self, touches: pa.Table, contacts: pa.Table | None, bad: BadRows) -> MessageTable:
        """The messages of a slice."""
        reading = MessageReading(
            self.playbook,
            touches,
            contacts=contacts,
            zone=self.zone,
            columns=self.columns,
            bad=bad,
            threads=1,
        )
        found: MessageTable = reading.table(MessageTable, since=self.since, until=self.until)
        return found

    def credits(self, messages: MessageTable, events: pa.Table, bad: BadRows) -> Credits:
        """What is credited to the messages of a slice."""
        return EventReading(self.playbook, messages, events, zone=self.zone, bad=bad, threads=1).credit(messages)
