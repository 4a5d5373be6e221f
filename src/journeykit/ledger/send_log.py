"""Send logs: what a sender says it has sent, read into the history by a map of its columns.

What tells one message from another is a hash of the contact, the channel and the columns that the sender knows it by.
So the same row again, in this file or in a later one, changes nothing; and what is reported of a message later, or
earlier, meets what is known of it: a bounce undoes its send in whatever order the two arrive.

A message may have parts, such as the devices of a contact to which a push goes. It is one touch, and has failed only
where no part of it was delivered, in whatever order its rows arrive.

A message that the ledger itself has reserved must not count twice. Where the log has a column with the reservation's id
it is known by that, whatever else its rows say; else it is the nearest reservation of that contact, campaign and
channel within two days. Where the map names no campaign, no channel or no content, that is not looked at.

Words of consent need no message. Each is recorded with its own instant, and the latest of its scope holds, in whatever
order they arrive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import field, fields, frozen

from journeykit.basics.clock import clock, micros
from journeykit.basics.validation import names, one_of, optional_text, required_text, shown
from journeykit.errors import DataError, ModelError, closest
from journeykit.ledger.reservation import (
    BOUNCED,
    FAILED,
    SENT,
    Reservation,
    hashed,
)
from journeykit.ledger.send_log_presets import SEND_LOGS
from journeykit.ledger.send_log_writer import (
    CONSENT_STATUSES,
    OPTED_IN,
    OPTED_OUT,
    SUPPRESSED,
    TAKING_BACK,
    UNSUPPRESSED,
    LogEvent,
    write_events,
)
from journeykit.ledger.transaction import LONGEST, length_fault
from journeykit.model.bad_row import BadRow
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import (
    IDENTIFIER,
    BadCellError,
    in_zone,
    instant_reader,
    is_missing,
    is_number,
    read_id,
    read_text,
)
from journeykit.tables.header import RowLayout, fold_name
from journeykit.tables.read_rows import open_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import tzinfo

    from journeykit.ledger.send_log_writer import LogTarget
    from journeykit.tables import TableSource

_STATUSES = (SENT, BOUNCED, FAILED, *CONSENT_STATUSES)
_SCOPES = ("all", "channel", "topic")
_SCOPED = (OPTED_OUT, OPTED_IN)
_KEYS = ("channel", "status", "scope")
_UNITS = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}
_PIECE = 500
_BAD_SHOWN = 10


def _events(value: object) -> dict[str, dict[str, str]]:
    if not isinstance(value, Mapping):
        raise ModelError(f"events are by name, found {shown(value)}", field="events")
    for name, meaning in value.items():
        good = isinstance(meaning, Mapping) and set(meaning) <= set(_KEYS)
        if not good or meaning.get("status", SENT) not in _STATUSES:
            raise ModelError(
                f"the event {name!r} means {{channel: text, status: one of {', '.join(_STATUSES)}}}, "
                f"found {shown(meaning)}",
                field="events",
            )
        if "scope" in meaning and (meaning["scope"] not in _SCOPES or meaning.get("status") not in _SCOPED):
            raise ModelError(
                f"the event {name!r}: scope is one of {', '.join(_SCOPES)}, beside status {' or '.join(_SCOPED)}; "
                f"found {shown(meaning)}",
                field="events",
            )
    return {name: dict(meaning) for name, meaning in value.items()}


def _campaigns(value: object) -> dict[str, str]:
    """The playbook's ids of campaigns by those of the log, which JSON and YAML may hold as numbers."""
    if not isinstance(value, Mapping) or not all(isinstance(own, str) and own for own in value.values()):
        raise ModelError(
            f"campaigns are the playbook's ids by those of the log, found {shown(value)}", field="campaigns"
        )
    return {str(name): own for name, own in value.items()}


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
        events: by event's name, the ``channel`` and the ``status``: ``sent``, ``bounced``, ``failed``, or a word of
            consent: ``opted_out``, ``opted_in``, ``suppressed``, ``unsuppressed``. The ``scope`` of an opt-out or
            opt-in is ``channel`` (the default where a channel is known), ``topic`` or ``all``. An opt-out whose channel
            or topic is empty is one of more: of the channel, else of everything. An opt-in whose channel or topic is
            empty is a bad row. Other events are passed over.
        channel: the column with the channel, where events do not say it.
        channel_is: the channel of all rows, where neither does.
        campaign: the column with the campaign's id; of several the first that is not empty.
        campaigns: the playbook's ids by those of the log; others stay as they are.
        content: the column with the content's id.
        topic: the column with the topics, separated by ``;``: what a message is about, or a word of consent of the
            scope ``topic``.
        account: the column with the account's id.
        message: the columns that tell one message of a contact from another.
        part: the column that tells the parts of one message apart, such as the devices to which a push goes. Each is
            sent or fails by itself; the message has failed where no part of it was delivered. Where rows have names of
            events the column may be missing: only some events have parts.
        event_id: the column that tells one row from another, where those of ``message`` are empty.
        reservation: the column with the id of the reservation, if the sender hands it through.

    As plain data it may build on a preset: ``{"preset": "braze", "campaigns": {...}}`` is Braze's with these campaigns.

    Raises:
        ModelError: for an unknown unit or zone, or an event that means nothing.

    Example:
        >>> SendLog.of("sfmc").zone
        'Etc/GMT+6'
    """

    contact: tuple[str, ...] = field(converter=names)
    at: str = field(validator=required_text)
    unit: str = field(default="text", validator=one_of(*_UNITS, "text"))
    zone: str | None = field(default=None, validator=optional_text)
    formats: tuple[str, ...] = field(default=(), converter=names)
    event: str | None = field(default=None, validator=optional_text)
    events: Mapping[str, Mapping[str, str]] = field(factory=dict, converter=_events)
    channel: str | None = field(default=None, validator=optional_text)
    channel_is: str | None = field(default=None, validator=optional_text)
    campaign: tuple[str, ...] = field(default=(), converter=names)
    campaigns: Mapping[str, str] = field(factory=dict, converter=_campaigns)
    content: str | None = field(default=None, validator=optional_text)
    topic: str | None = field(default=None, validator=optional_text)
    account: str | None = field(default=None, validator=optional_text)
    message: tuple[str, ...] = field(default=(), converter=names)
    part: str | None = field(default=None, validator=optional_text)
    event_id: str | None = field(default=None, validator=optional_text)
    reservation: str | None = field(default=None, validator=optional_text)

    def __attrs_post_init__(self) -> None:
        if not self.contact:
            raise ModelError("contact is the column with the contact's id; give one or several", field="contact")
        if self.zone is not None:
            try:
                clock(self.zone)
            except ModelError as error:
                raise ModelError(f"zone: {error}", field="zone") from None
        if not self.message and self.event_id is None:
            raise ModelError("give message or event_id: what tells a row that comes twice", field="message")
        about = next((name for name, meaning in self.events.items() if meaning.get("scope") == "topic"), None)
        if about is not None and self.topic is None:
            raise ModelError(
                f"the event {about!r} has the scope topic: give topic, the column with the topics", field="topic"
            )

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
        if not isinstance(given, Mapping):
            raise ModelError(f"a send log is the name of a preset, or a mapping, found {shown(given)}", field="log")
        if "preset" in given:
            known = SEND_LOGS.get(str(given["preset"]))
            if known is None:
                raise ModelError(
                    f"preset is one of {', '.join(SEND_LOGS)}, found {shown(given['preset'])}", field="preset"
                )
            given = {**known, **{name: value for name, value in given.items() if name != "preset"}}
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
        opt_outs: how many were opt-outs or complaints that the ledger did not know.
        opt_ins: how many took such words back, and the ledger did not know them.
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
    opt_ins: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        found = {own.name: getattr(self, own.name) for own in fields(type(self))}
        return {**found, "bad_first": [str(bad) for bad in self.bad_first]}

    def __str__(self) -> str:
        text = (
            f"{self.rows:,} rows: {self.new:,} new, {self.matched:,} matched, {self.changed:,} changed, "
            f"{self.repeated:,} repeated, {self.opt_outs:,} opt-outs, {self.passed_over:,} passed over"
        ) + (f", {self.opt_ins:,} opt-ins" if self.opt_ins else "")
        bad = [f"bad rows: {self.bad_rows:,}", *(f"  {bad}" for bad in self.bad_first[:_BAD_SHOWN])]
        return "\n".join([text, *(bad if self.bad_rows else ())])


def read_log(
    ledger: LogTarget,
    source: TableSource,
    given: SendLog | str | Mapping[str, Any],
    *,
    max_bad: int | str | None = None,
) -> Imported:
    """Read a send log into a ledger; see `BaseLedger.import_log`."""
    log = SendLog.of(given)
    bad = BadRows(max_bad)
    counts: Counter[str] = Counter()
    piece: list[LogEvent] = []
    for event in LogReader(log, source, bad, counts).events():
        piece.append(event)
        if len(piece) == _PIECE:
            write_events(ledger, piece, counts, any_campaign=not log.campaign)
            piece = []
    if piece:
        write_events(ledger, piece, counts, any_campaign=not log.campaign)
    if bad.total and not counts["rows"]:
        raise DataError(f"none of its {bad.total:,} rows can be used; the first: {bad.first[0]}", source="send log")
    bad.check()
    told = ("rows", "new", "matched", "changed", "repeated", "opt_outs", "opt_ins", "passed_over")
    return Imported(**{name: counts[name] for name in told}, bad_rows=bad.total, bad_first=tuple(bad.first))


class LogReader:
    """Reads the rows of a send log as events."""

    def __init__(self, log: SendLog, source: TableSource, bad: BadRows, counts: Counter[str]) -> None:
        self.log = log
        self.bad = bad
        self.counts = counts
        self._zone: tzinfo | None = None if log.zone is None else clock(log.zone).zone
        self._instant = instant_reader(self._zone, bounded=True)
        self._file = open_table(source, "send log")
        # Of alternatives any will do; so it is with what tells rows apart, which is `message` or else `event_id`.
        needed = [(log.at,), log.contact, log.campaign, *((name,) for name in (log.event, log.channel) if name)]
        needed += [(name,) for name in log.message] if log.event_id is None else [(*log.message, log.event_id)]
        if log.part is not None and log.event is None:
            needed.append((log.part,))
        if self._file.columns is not None:
            # Rows that name their columns themselves leave out what is empty.
            needed += [(name,) for name in (log.content, log.topic, log.account, log.reservation) if name]
        self._table = RowLayout(self._file, [tuple(map(fold_name, names)) for names in needed if names], bad)

    def events(self) -> Iterator[LogEvent]:
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

    def _event(self, cell: Any) -> LogEvent | None:
        log = self.log
        meaning: Mapping[str, str] = {}
        if log.event is not None:
            name = self._read(log.event, cell, read_text)
            if name not in log.events:
                return None
            meaning = log.events[name]
        contact = self._first(log.contact, cell, _short(read_id))
        if contact is None:
            raise _noted(BadCellError(None, IDENTIFIER), log.contact[0])
        channel = meaning.get("channel") or self._read(log.channel, cell, read_text) or log.channel_is
        campaign = self._first(log.campaign, cell, read_text)
        status = meaning.get("status", SENT)
        reservation = self._read(log.reservation, cell, read_text)
        account = self._first(() if log.account is None else (log.account,), cell, _short(read_text))
        message = self._message(cell, contact, channel, needed=status not in CONSENT_STATUSES and reservation is None)
        topics = tuple(filter(None, map(str.strip, (self._read(log.topic, cell, read_text) or "").split(";"))))
        touch = Reservation(
            id=message,
            contact=contact,
            account=account,
            at=self._read(log.at, cell, self._when),
            status=status if status in (BOUNCED, FAILED) else SENT,
            channel=channel,
            campaign=None if campaign is None else log.campaigns.get(campaign, campaign),
            content=self._read(log.content, cell, read_text),
            topics=topics,
            message=message,
        )
        scopes = self._scopes(status, meaning.get("scope"), channel, topics) if status in CONSENT_STATUSES else ()
        part = self._read(log.part, cell, read_text)
        return LogEvent(touch, status, reservation, scopes, "" if part is None else hashed([part])[:16])

    def _scopes(
        self, status: str, scope: str | None, channel: str | None, topics: Sequence[str]
    ) -> Sequence[Mapping[str, Any]]:
        """What a word of consent is about. A no that does not say what it is about is about more, a yes about nothing.

        Raises:
            BadCellError: for a yes without its topic or channel.
        """
        if status in (SUPPRESSED, UNSUPPRESSED):
            return ({"suppressed": True},)
        if scope == "topic" and topics:
            return tuple({"topic": topic} for topic in topics)
        if scope == "topic" and status in TAKING_BACK:
            raise _noted(BadCellError(None, "the topics to which the contact opts in"), str(self.log.topic))
        if scope == "all":
            return ({},)
        if channel is None and status in TAKING_BACK and (scope == "channel" or self.log.channel is not None):
            raise _noted(BadCellError(None, "the channel to which the contact opts in"), self.log.channel or "channel")
        return ({"channel": channel},)

    def _message(self, cell: Any, contact: str, channel: str | None, *, needed: bool) -> str:
        """What the message is called; empty where nothing tells it from others, and nothing must."""
        log = self.log
        told = [self._read(name, cell, read_text) for name in log.message]
        if None in told or not told:
            told = ["event", self._read(log.event_id, cell, read_text)]
            if not told[1]:
                if needed:
                    missing = log.event_id or log.message[0]
                    raise _noted(BadCellError(None, "what tells this row from others"), missing)
                return ""
        return hashed([contact, channel, *told])

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
                forms = "".join(f", or as {form}" for form in self.log.formats)
                zone = "" if self._zone is not None else " with an offset or Z (or give the map a zone)"
                raise BadCellError(value, f"an instant{zone}{forms}") from None
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


def _short(read: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """A reader of ids that refuses those that no ledger keeps, so that one of them spoils its own row only."""

    def found(value: Any) -> str | None:
        text = read(value)
        if length_fault(text) is not None:
            raise BadCellError(value, f"an id of at most {LONGEST:,} bytes")
        return text

    return found


def _noted(bad: BadCellError, column: str) -> BadCellError:
    bad.add_note(column)
    return bad
