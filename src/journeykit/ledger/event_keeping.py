"""What comes into a ledger from outside: send logs, and events that contacts did."""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.clock import clock, micros, moment
from journeykit.basics.validation import shown
from journeykit.errors import LedgerError
from journeykit.journey import Event
from journeykit.journey.walk import RANKS, identity
from journeykit.ledger.reservation import check_held
from journeykit.ledger.transaction import EventRow, check_lengths
from journeykit.model.bad_row import BadRow
from journeykit.rule.values import typed
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.event_log import is_property, read_events, spelt_by
from journeykit.tables.read_rows import open_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from journeykit.ledger.send_log import Imported, SendLog
    from journeykit.ledger.transaction import RunMark, Transaction
    from journeykit.tables import TableSource

_PIECE = 500
_SHOWN = 5
_EXACT = 2**53
_OWN = ("campaign_id", "content_id", "decision_id", "value")
"""Properties whose columns are read in whatever case."""


@frozen
class KeptEvents:
    """What became of the rows of a table of events.

    Attributes:
        rows: how many could be read.
        new: how many were events that the ledger did not know.
        repeated: how many it had already.
        bad_rows: how many could not be used.
        bad_first: the first of them.
    """

    rows: int
    new: int
    repeated: int
    bad_rows: int
    bad_first: tuple[BadRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "rows": self.rows,
            "new": self.new,
            "repeated": self.repeated,
            "bad_rows": self.bad_rows,
            "bad_first": [str(bad) for bad in self.bad_first],
        }

    def __str__(self) -> str:
        text = f"{self.rows:,} events: {self.new:,} new, {self.repeated:,} repeated"
        bad = [f"bad rows: {self.bad_rows:,}", *(f"  {bad}" for bad in self.bad_first[:_SHOWN])]
        return "\n".join([text, *(bad if self.bad_rows else ())])


class HistoryIn:
    """The part of a ledger that reads history: a send log, and events."""

    def transaction(
        self,
        contacts: Sequence[str] = (),
        accounts: Sequence[str] = (),
        keys: Sequence[str] = (),
        *,
        exclusive: bool = False,
    ) -> AbstractContextManager[Transaction]:
        """One transaction; see `BaseLedger`."""
        raise NotImplementedError

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads, and waits for nobody."""
        raise NotImplementedError

    def person(self, contact: str) -> str:
        """The hash by which the ledger knows a contact."""
        raise NotImplementedError

    def import_log(
        self, source: TableSource, log: SendLog | str | Mapping[str, Any], *, max_bad: int | str | None = None
    ) -> Imported:
        """Read a send log into the history; to read it again changes nothing.

        Args:
            source: a file (CSV, JSON lines, Parquet), or rows as mappings.
            log: what its columns mean, or the name of a preset: ``braze`` or ``sfmc``.
            max_bad: how many bad rows are tolerated, as a number or as a share of the rows (``"1%"``), which is known
                at the end; None for any number.

        Returns:
            What became of the rows.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows; the rows before them are in.
            ModelError: for an unknown preset.
        """
        from journeykit.ledger.send_log import read_log

        return read_log(self, source, log, max_bad=max_bad)

    def record_events(
        self, source: TableSource, *, zone: str | None = None, max_bad: int | str | None = None
    ) -> KeptEvents:
        """Keep what contacts did; the same event twice is one.

        Rests, and rules that ask ``count``, ``sum``, ``last`` or ``days_since`` of events, read these events in every
        decision with this ledger, beside those that are given with it.

        Args:
            source: a table of events, as a file (CSV, JSON lines, Parquet) or as rows: ``contact_id``, ``event``,
                ``at``, ``event_id`` where there is one, and whatever else is known, such as ``campaign_id``,
                ``content_id`` or ``value``. An event with the ``event_id`` of an earlier one of this contact is that
                one; without, one that equals an earlier one in everything.
            zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
            max_bad: how many bad rows are tolerated, as for `import_log`.

        Returns:
            What became of the rows.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows; the rows before them are in.

        Example:
            >>> from journeykit.ledger import MemoryLedger
            >>> ledger = MemoryLedger()
            >>> rows = [{"contact_id": "anna", "event": "complaint", "at": "2026-11-02T09:00Z"}]
            >>> print(ledger.record_events(rows))
            1 events: 1 new, 0 repeated
            >>> print(ledger.record_events(rows))
            1 events: 0 new, 1 repeated
        """
        bad, new, count = BadRows(max_bad), 0, 0
        file = open_table(source, "events", typed=is_property, zone=None if zone is None else clock(zone).zone)
        told = read_events(file, None if zone is None else clock(zone).zone, bad, spelt_by(_OWN), set())
        rows = _held(told, bad, file.source)
        while piece := list(islice(rows, _PIECE)):
            count += len(piece)
            with self.transaction() as transaction:
                new += transaction.keep_events(piece)
        bad.refuse_useless(file.source, count)
        bad.check()
        return KeptEvents(count, new, count - new, bad.total, tuple(bad.first))

    def events(self, contact: str) -> list[Event]:
        """The events that the ledger keeps of a contact, by instant."""
        check_held("contact id", contact)
        with self.reading() as transaction:
            return sorted(map(event_of, transaction.events([contact])), key=lambda event: event.at)


def _held(events: Iterable[tuple[int, str, Event]], bad: BadRows, source: str) -> Iterator[EventRow]:
    """Events as they are kept; one that a ledger cannot hold is a bad row."""
    for number, contact, event in events:
        try:
            row = event_row(contact, event)
        except LedgerError as error:
            bad.add(BadRow(source, number, "", shown(contact), f"an event that every ledger can hold: {error}"))
        else:
            yield row


def event_row(contact: str, event: Event) -> EventRow:
    """An event of a contact as it is kept.

    Raises:
        LedgerError: for what not every ledger can hold.
    """
    check_held("contact id", contact)
    check_held("event", event.event)
    check_held("event id", event.id)
    check_lengths(contact_id=contact, event=event.event, event_id=event.id)
    plain = {name: _plain(value) for name, value in event.properties.items()}
    properties = {name: plain[name] for name in sorted(plain) if plain[name] is not None}
    own = identity(Event(event.event, event.at, properties, event.id))
    return EventRow(
        key=sha256(repr((contact, event.id is not None, own)).encode("utf-8", "surrogatepass")).hexdigest()[:32],
        contact=contact,
        event=event.event,
        at=micros(event.at),
        id=event.id,
        properties=json.dumps(properties, default=str),
    )


def _plain(value: Any) -> Any:
    """A value as JSON has it; None for one that is not known."""
    kind, own = typed(value)
    if kind is None:
        return None
    if kind == "number" and type(own) is not int:
        number = float(own)
        return int(number) if number.is_integer() and abs(number) < _EXACT else number
    return own if kind in RANKS else value if kind == "list" or isinstance(value, dict) else str(value)


def event_of(row: EventRow) -> Event:
    """An event that is kept."""
    return Event(row.event, moment(row.at), json.loads(row.properties), row.id)


def had_events(ledger: HistoryIn, mark: RunMark) -> bool:
    """Whether a ledger had kept any event when a run began."""
    with ledger.reading() as transaction:
        return transaction.has_events(mark.events)


def events_as_of(ledger: HistoryIn, mark: RunMark, contacts: Sequence[str] | None = None) -> Iterator[EventRow]:
    """The events that a ledger had kept when a run began, of all or some contacts."""
    with ledger.reading() as transaction:
        yield from transaction.events(contacts, mark.events)


def joined_events(
    transaction: Transaction, contacts: Sequence[str], given: Mapping[str, Iterable[Event]] | None
) -> dict[str, list[Event]] | None:
    """By contact, the events that are given and those that the ledger keeps; None where none are at hand.

    Args:
        transaction: what the ledger knows.
        contacts: their ids.
        given: by contact id, what the caller knows; None for nothing at hand.
    """
    found = {name: list(() if given is None else given.get(name, ())) for name in contacts}
    kept = list(transaction.events(contacts))
    if given is None and not kept and not transaction.has_events():
        return None
    for row in kept:
        found[row.contact].append(event_of(row))
    return found
