"""Send logs: what a sender says it has sent, read into the history by a map of its columns.

What tells one message from another is a hash of the contact, the channel and the columns that the sender knows it by.
So the same row again, in this file or in a later one, changes nothing; and what comes of a message later, or is told
earlier, meets what is known of it: a bounce undoes its send in whatever order the two arrive.

A message that the ledger itself has reserved must not count twice. Where the log has a column with the reservation's id
it is found by that; else it is the nearest reservation of that contact, campaign and channel within two days.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, fields, frozen

from journeykit.civil import clock, micros
from journeykit.errors import ModelError, closest
from journeykit.fields import names, one_of
from journeykit.ledger.reservation import BOUNCED, EXPIRED, FAILED, RESERVED, SENT, OptOut, Reservation
from journeykit.ledger.vendors import SEND_LOGS
from journeykit.tables.bad_rows import BadRow, BadRows
from journeykit.tables.cells import BadCellError, in_zone, instant_reader, is_missing, is_number, read_id, read_text
from journeykit.tables.columns import PlacedRows, fold_name
from journeykit.tables.reading import open_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from journeykit.ledger.base import BaseLedger
    from journeykit.ledger.transaction import Transaction
    from journeykit.tables import Source

OPTED_OUT, SUPPRESSED = "opted_out", "suppressed"
_STATUSES = (SENT, BOUNCED, FAILED, OPTED_OUT, SUPPRESSED)
_UNITS = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}
_PIECE = 500
_WITHIN = timedelta(days=2)
_BAD_SHOWN = 10


def _events(value: object) -> dict[str, dict[str, str]]:
    if not isinstance(value, Mapping):
        raise ModelError(f"events are by name, found {value!r}", field="events")
    for name, meaning in value.items():
        good = isinstance(meaning, Mapping) and set(meaning) <= {"channel", "status"}
        if not good or meaning.get("status", SENT) not in _STATUSES:
            raise ModelError(
                f"the event {name!r} means {{channel: text, status: one of {', '.join(_STATUSES)}}}, found {meaning!r}",
                field="events",
            )
    return {name: dict(meaning) for name, meaning in value.items()}


@frozen(kw_only=True)
class SendLog:
    """What the columns of a send log mean. Names of columns are found whatever their case.

    Attributes:
        contact: the column with the contact's id; of several the first that is not empty.
        at: the column with the instant.
        unit: how it is written: ``seconds``, ``milliseconds`` or ``microseconds`` since 1970 in UTC, or ``text``.
        zone: IANA name of the zone of instants without an offset; None makes them bad.
        formats: formats of `datetime.strptime` that are tried where a text is not ISO 8601.
        event: the column with the event's name; None where every row is a send.
        events: by event's name, the ``channel`` and the ``status``: ``sent``, ``bounced``, ``failed``, ``opted_out``
            (of the channel) or ``suppressed``. Other events are passed over.
        channel: the column with the channel, where events do not say it.
        channel_is: the channel of all rows, where neither does.
        campaign: the column with the campaign's id; of several the first that is not empty.
        campaigns: the playbook's ids by those of the log; others stay as they are.
        content: the column with the content's id.
        account: the column with the account's id.
        message: the columns that tell one message of a contact from another.
        event_id: the column that tells one row from another, where those of ``message`` are empty.
        reservation: the column with the id of the reservation, if the sender hands it through.

    Raises:
        ModelError: for an unknown unit or zone, or an event that means nothing.

    Example:
        >>> SendLog.of("sfmc").zone
        'Etc/GMT+6'
    """

    contact: tuple[str, ...] = field(converter=names)
    at: str
    unit: str = field(default="text", validator=one_of(*_UNITS, "text"))
    zone: str | None = None
    formats: tuple[str, ...] = field(default=(), converter=names)
    event: str | None = None
    events: Mapping[str, Mapping[str, str]] = field(factory=dict, converter=_events)
    channel: str | None = None
    channel_is: str | None = None
    campaign: tuple[str, ...] = field(default=(), converter=names)
    campaigns: Mapping[str, str] = field(factory=dict)
    content: str | None = None
    account: str | None = None
    message: tuple[str, ...] = field(default=(), converter=names)
    event_id: str | None = None
    reservation: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.zone is not None:
            clock(self.zone)
        if not self.message and self.event_id is None:
            raise ModelError("give message or event_id: what tells a row that comes twice", field="message")

    @classmethod
    def of(cls, given: SendLog | str | Mapping[str, Any]) -> SendLog:
        """A map of columns from the name of a preset, or from plain data.

        Raises:
            ModelError: for an unknown preset or key.
        """
        if isinstance(given, SendLog):
            return given
        if isinstance(given, str):
            if given not in SEND_LOGS:
                hint = closest(given, SEND_LOGS)
                raise ModelError(
                    f"no send log is called {given!r}; known are {', '.join(SEND_LOGS)}"
                    + (f"; did you mean {hint!r}?" if hint else ""),
                    field="log",
                )
            return cls(**SEND_LOGS[given])
        allowed = [own.name for own in fields(cls)]
        for name in given:
            if name not in allowed:
                hint = closest(str(name), allowed)
                raise ModelError(
                    f"a send log has no {name!r}; allowed are {', '.join(allowed)}"
                    + (f"; did you mean {hint!r}?" if hint else ""),
                    field=str(name),
                )
        for name in ("contact", "at"):
            if name not in given:
                raise ModelError(f"a send log needs {name!r}: the column with it", field=name)
        return cls(**given)


@frozen(kw_only=True)
class Imported:
    """What became of the rows of a send log.

    Attributes:
        rows: how many could be read.
        new: how many were messages that the ledger did not know.
        matched: how many were of reservations of the ledger's own.
        changed: how many changed what was known of a message, such as bounces.
        repeated: how many told nothing new.
        opt_outs: how many were opt-outs or complaints.
        passed_over: how many were of events that mean nothing here.
        bad_rows: how many could not be used.
        bad_first: the first of them.
    """

    rows: int
    new: int
    matched: int
    changed: int
    repeated: int
    opt_outs: int
    passed_over: int
    bad_rows: int
    bad_first: tuple[BadRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        found = {own.name: getattr(self, own.name) for own in fields(type(self))}
        return {**found, "bad_first": [str(bad) for bad in self.bad_first]}

    def __str__(self) -> str:
        text = (
            f"{self.rows:,} rows: {self.new:,} new, {self.matched:,} matched, {self.changed:,} changed, "
            f"{self.repeated:,} repeated, {self.opt_outs:,} opt-outs, {self.passed_over:,} passed over"
        )
        bad = [f"bad rows: {self.bad_rows:,}", *(f"  {bad}" for bad in self.bad_first[:_BAD_SHOWN])]
        return "\n".join([text, *(bad if self.bad_rows else ())])


class _Event:
    """One row of a send log."""

    __slots__ = ("reservation", "status", "touch")

    def __init__(self, touch: Reservation, status: str, reservation: str | None) -> None:
        self.touch = touch
        self.status = status
        self.reservation = reservation


def read_log(
    ledger: BaseLedger, source: Source, given: SendLog | str | Mapping[str, Any], *, max_bad: int | None = None
) -> Imported:
    """Read a send log into a ledger; see `BaseLedger.import_log`."""
    log = SendLog.of(given)
    bad = BadRows(max_bad)
    counts: Counter[str] = Counter()
    piece: list[_Event] = []
    for event in _Reader(log, source, bad, counts).events():
        piece.append(event)
        if len(piece) == _PIECE:
            _write(ledger, piece, counts)
            piece = []
    if piece:
        _write(ledger, piece, counts)
    told = ("rows", "new", "matched", "changed", "repeated", "opt_outs", "passed_over")
    return Imported(**{name: counts[name] for name in told}, bad_rows=bad.total, bad_first=tuple(bad.first))


class _Reader:
    """Reads the rows of a send log as events."""

    def __init__(self, log: SendLog, source: Source, bad: BadRows, counts: Counter[str]) -> None:
        self.log = log
        self.bad = bad
        self.counts = counts
        self._zone: tzinfo | None = None if log.zone is None else clock(log.zone).zone
        self._instant = instant_reader(self._zone, bounded=True)
        self._file = open_table(source, "send log")
        # Of alternatives any will do.
        needed = [log.at, *([log.event] if log.event else []), *(log.contact if len(log.contact) == 1 else ())]
        self._table = PlacedRows(self._file, [fold_name(name) for name in needed], bad)

    def events(self) -> Iterator[_Event]:
        """The rows that mean something, in their order."""
        for number, _, places, values in self._table.rows():

            def cell(name: str | None, places: Mapping[str, int] = places, values: Sequence[Any] = values) -> Any:
                place = None if name is None else places.get(fold_name(name))
                return None if place is None else values[place]

            try:
                found = self._event(cell)
            except BadCellError as error:
                column = getattr(error, "__notes__", [""])[0]
                self.bad.add(BadRow(self._file.source, number, column, error.found, error.allowed))
                continue
            self.counts["rows"] += 1
            if found is None:
                self.counts["passed_over"] += 1
            else:
                yield found

    def _event(self, cell: Any) -> _Event | None:
        log = self.log
        meaning: Mapping[str, str] = {}
        if log.event is not None:
            name = self._read(log.event, cell, read_text)
            if name not in log.events:
                return None
            meaning = log.events[name]
        contact = self._first(log.contact, cell, read_id)
        if contact is None:
            raise _noted(BadCellError(None, "an id: text or a whole number"), log.contact[0])
        channel = meaning.get("channel") or self._read(log.channel, cell, read_text) or log.channel_is
        campaign = self._first(log.campaign, cell, read_text)
        told = [self._read(name, cell, read_text) for name in log.message]
        if None in told or not told:
            told = ["event", self._read(log.event_id, cell, read_text) or ""]
            if not told[1]:
                missing = log.event_id or log.message[0]
                raise _noted(BadCellError(None, "what tells this row from others"), missing)
        message = sha256(json.dumps([contact, channel, *told]).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        status = meaning.get("status", SENT)
        touch = Reservation(
            id=message,
            contact=contact,
            account=self._read(log.account, cell, read_text),
            at=self._read(log.at, cell, self._when),
            status=status if status in (BOUNCED, FAILED) else SENT,
            channel=channel,
            campaign=None if campaign is None else log.campaigns.get(campaign, campaign),
            content=self._read(log.content, cell, read_text),
            message=message,
        )
        return _Event(touch, status, self._read(log.reservation, cell, read_text))

    def _first(self, columns: Sequence[str], cell: Any, read: Any) -> Any:
        for name in columns:
            if not is_missing(cell(name)):
                return self._read(name, cell, read)
        return None

    @staticmethod
    def _read(column: str | None, cell: Any, read: Any) -> Any:
        if column is None or (is_missing(cell(column)) and read is read_text):
            return None
        try:
            return read(cell(column))
        except BadCellError as bad:
            raise _noted(bad, column) from None

    def _when(self, value: Any) -> datetime:
        """An instant, to whole microseconds in UTC."""
        if self.log.unit == "text":
            return self._text(value)
        allowed = f"{self.log.unit} since 1970"
        number = value
        if isinstance(value, str) and is_number(value.strip()):
            number = float(value) if "." in value or "e" in value.lower() else int(value)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise BadCellError(value, allowed)
        try:
            found = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=round(number * _UNITS[self.log.unit]))
            micros(found)
        except (OverflowError, ValueError, ModelError):
            raise BadCellError(value, allowed) from None
        return found

    def _text(self, value: Any) -> datetime:
        try:
            found: datetime = self._instant(value)
        except BadCellError:
            found_ = self._formatted(value)
            if found_ is None:
                raise
            found = found_
        return found.astimezone(UTC)

    def _formatted(self, value: Any) -> datetime | None:
        for form in self.log.formats if isinstance(value, str) else ():
            try:
                # Blanks in a row are how some databases pad a day of one figure.
                found = datetime.strptime(" ".join(value.split()), form)  # noqa: DTZ007  (its zone comes next)
            except ValueError:
                continue
            if found.tzinfo is not None:
                return found
            return None if self._zone is None else in_zone(found, self._zone)
        return None


def _noted(bad: BadCellError, column: str) -> BadCellError:
    bad.add_note(column)
    return bad


def _write(ledger: BaseLedger, events: Sequence[_Event], counts: Counter[str]) -> None:
    """Write one piece, in one transaction."""
    contacts = list(dict.fromkeys(event.touch.contact for event in events))
    own: Counter[str] = Counter()
    with ledger.transaction(contacts) as transaction:
        writer = _Writer(ledger, transaction, events)
        for event in events:
            own[writer.write(event)] += 1
    counts.update(own)


class _Writer:
    """Writes events, and knows what the ledger holds of their messages and contacts."""

    def __init__(self, ledger: BaseLedger, transaction: Transaction, events: Sequence[_Event]) -> None:
        self.ledger = ledger
        self.transaction = transaction
        messages = list(dict.fromkeys(event.touch.id for event in events))
        self.known = transaction.held_by_message(messages)
        self.reserved = transaction.held([event.reservation for event in events if event.reservation])
        # Only what a decision has reserved, and no log has told of yet, can be what a row is about.
        self.open: dict[str, list[Reservation]] = {}
        for contact in dict.fromkeys(event.touch.contact for event in events):
            found = [held for held in transaction.of_contact(contact) if held.run_id is not None and not held.message]
            self.open[contact] = [held for held in found if held.status in (RESERVED, SENT, EXPIRED)]

    def write(self, event: _Event) -> str:
        """Write one event; what it was."""
        if event.status in (OPTED_OUT, SUPPRESSED):
            return self._opt_out(event)
        touch = event.touch
        known = self.known.get(touch.id)
        if known is not None:
            return self._move(known, event.status, "changed")
        match = self._match(event)
        if match is None:
            self.transaction.add([touch])
            self.known[touch.id] = touch
            return "new"
        self.transaction.tell_message([(match.id, touch.id)])
        self.open[touch.contact] = [held for held in self.open[touch.contact] if held.id != match.id]
        self._move(evolve(match, message=touch.id), event.status, "matched")
        return "matched"

    def _move(self, known: Reservation, status: str, what: str) -> str:
        """Take what is known of a message as far as an event says."""
        moved = known
        if known.status in (RESERVED, EXPIRED):
            self.transaction.move([(known, SENT)])
            moved = evolve(known, status=SENT)
        if moved.status == SENT and status != SENT:
            self.transaction.move([(moved, status)])
            moved = evolve(moved, status=status)
        self.known[str(known.message)] = moved
        return "repeated" if moved is known else what

    def _match(self, event: _Event) -> Reservation | None:
        """The reservation that an event is about, or None."""
        touch = event.touch
        told = self.reserved.get(event.reservation or "")
        if told is not None and told.contact == touch.contact:
            return next((held for held in self.open[touch.contact] if held.id == told.id), None)
        near = [
            held
            for held in self.open[touch.contact]
            if held.campaign == touch.campaign
            and touch.channel in (None, held.channel)
            and touch.content in (None, held.content)
            and abs(held.at - touch.at) <= _WITHIN
        ]
        return min(near, key=lambda held: (abs(held.at - touch.at), held.micros, held.id), default=None)

    def _opt_out(self, event: _Event) -> str:
        touch = event.touch
        suppressed = event.status == SUPPRESSED
        self.transaction.add_opt_out(
            OptOut(
                person=self.ledger.person(touch.contact),
                contact=touch.contact,
                channel=None if suppressed else touch.channel,
                suppressed=suppressed,
                at=touch.at,
            )
        )
        return "opt_outs"
