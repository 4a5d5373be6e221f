"""Credit: which events are responses to which messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from attrs import field, frozen

from journeykit.basics.clock import clock
from journeykit.basics.threads import at_once
from journeykit.engine.ruleset import Ruleset
from journeykit.kernels import has_kernels
from journeykit.kernels.interface.credit_arrays import CREDITED, STRANGE_CAMPAIGN
from journeykit.measuring.cell_columns import thread_count
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.measuring.credit_columns import ColumnCredit
from journeykit.measuring.event_parts import EventPart, EventParts
from journeykit.measuring.message_table import FIRST_COLUMNS
from journeykit.measuring.response_count import (
    AFTER_END,
    CODES,
    OUT_OF_SCOPE,
    REPEATED,
    UNKNOWN_CONTACT,
    ResponseCount,
)
from journeykit.measuring.rows_by_contact import in_time, repeats
from journeykit.model.bad_row import BadRow
from journeykit.model.response import Response, responses_of
from journeykit.tables.arrow.arrays import coded, numbers, texts
from journeykit.tables.arrow.arrow_values import schema_of
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.measuring.credit_kernels import KernelCredit
    from journeykit.measuring.message_table import MessageTable
    from journeykit.model.cap import Facets
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import TableSource

CREDITS: dict[str, str] = {
    **dict.fromkeys(FIRST_COLUMNS, "text"),
    "sent_at": "instant",
    "cost": "number",
    "response": "text",
    "event_at": "instant",
    "value": "number",
    "share": "number",
}
"""The columns of a table of credits, with the kind of each; see `journeykit.tables.table_writer`."""
_SHOWN = 5
_FIELDS = (np.int64, np.int32, np.int64, np.int16, np.uint64, np.int32, np.uint64)
"""The kinds of the plain fields of an `EventPart`."""


@frozen(eq=False, kw_only=True)
class Credits:
    """Events that are credited to messages, by response, then by message, then by instant.

    An event that is credited to several messages (``linear``) is here once for each.

    Attributes:
        responses: the responses: the playbook's, then the well-known ones for whose events there are some.
        message: the row of the message in its `MessageTable`.
        response: the response: a place in `responses`.
        event: the number of the event's row in its table, counted from 1 without the header.
        at: the instant of the event, in microseconds since 1970.
        value: the event's value; nan where it has none.
        share: the part of the event that is credited to the message: 1, or less with ``linear``.
        counts: by response, what became of its events.
        others: how many events have a name that no response asks for.
        other_names: by these names, how many, as far as the names are few.
        seen: the names of events that there are, as far as they are those of responses.
        properties: the names of the properties that these events have.
        strange: by response, the campaigns that events name and nobody knows, with how many events do; only where a
            part of the contacts was read: other parts may have messages of them.
        bad: the first of the rows that could not be used.
        bad_rows: how many there are.
        bad_lines: what is to be said of them, a line for each table.
    """

    responses: tuple[Response, ...]
    message: np.ndarray
    response: np.ndarray
    event: np.ndarray
    at: np.ndarray
    value: np.ndarray
    share: np.ndarray
    counts: tuple[ResponseCount, ...]
    others: int = 0
    other_names: Mapping[str, int] = field(factory=dict)
    seen: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    strange: Mapping[str, Mapping[str, int]] = field(factory=dict)
    bad: tuple[BadRow, ...] = ()
    bad_rows: int = 0
    bad_lines: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.message)

    def of(self, name: str) -> Credits:
        """Those of one response.

        Raises:
            KeyError: for a response that there is not.
        """
        place = next((place for place, own in enumerate(self.responses) if own.name == name), None)
        if place is None:
            raise KeyError(name)
        low, high = np.searchsorted(self.response, [place, place + 1]).tolist()
        return Credits(
            responses=(self.responses[place],),
            **{own: getattr(self, own)[low:high] for own in ("message", "event", "at", "value", "share")},
            response=np.zeros(high - low, np.int16),
            counts=(self.counts[place],),
        )

    def table(self, messages: MessageTable) -> pa.Table:
        """A row for each event and message that it is credited to, in their order.

        Args:
            messages: the messages to which they are credited.

        Returns:
            An Arrow table with the columns of `CREDITS`: those of the message, then the name of the response, the
            instant of the event, its value (null where it has none) and the share of the message.

        Example:
            >>> from journeykit import Playbook, Response
            >>> from journeykit.measuring import MessageTable
            >>> playbook = Playbook(responses=[Response(name="sale", event="purchase", within="14d")])
            >>> messages = MessageTable.read(playbook, [{"contact_id": "anna", "sent_at": "2026-11-02T09:00Z"}])
            >>> bought = [{"contact_id": "anna", "event": "purchase", "at": "2026-11-05T10:00Z"}]
            >>> credit(playbook, messages, bought).table(messages).select(["contact_id", "response"]).to_pylist()
            [{'contact_id': 'anna', 'response': 'sale'}]
        """
        own = messages.rows.select(list(FIRST_COLUMNS)).take(numbers(self.message, pa.int64()))
        columns = {name: own[name] for name in FIRST_COLUMNS}
        columns["response"] = coded(self.response.astype(np.int64), texts([one.name for one in self.responses]))
        columns["event_at"] = numbers(self.at, pa.timestamp("us", "UTC"))
        columns["value"] = numbers(self.value, pa.float64(), np.isnan(self.value))
        columns["share"] = numbers(self.share, pa.float64())
        return pa.table(columns).cast(schema_of(CREDITS))

    @property
    def lines(self) -> Iterator[str]:
        """What is to be said of the events that are not credited, and of values that are no numbers.

        What is true of several responses is said once.
        """
        told: dict[str, list[str]] = {}
        for own in self.counts:
            for line in own.lines:
                told.setdefault(line.removeprefix(f"{own.response}: "), []).append(own.response)
        for said, names in told.items():
            yield f"{', '.join(names)}: {said}"


def credit(
    playbook: Playbook,
    messages: MessageTable,
    events: TableSource,
    *,
    zone: str | None = None,
    max_bad: int | str | None = None,
    threads: int | None = None,
) -> Credits:
    """Credit events to the messages that they follow.

    What a response is, `Response` says. An event that is in the table twice, by its ``event_id`` or in everything,
    counts once, at its first instant.

    Args:
        playbook: the rule set, whose `responses` say what is credited to what.
        messages: the messages.
        events: the events: whatever `Arbiter.decide_table` takes.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows are tolerated, as a number or as a share such as ``"1%"``.
        threads: how many threads work at once; None for one for each processor.

    Raises:
        DataError: for a table that cannot be read, too many bad rows, or events none of which can be used.

    Example:
        >>> from journeykit import Playbook, Response
        >>> from journeykit.measuring import MessageTable
        >>> playbook = Playbook(responses=[Response(name="sale", event="purchase", value="amount", within="14d")])
        >>> sent = [{"contact_id": "anna", "sent_at": f"2026-11-0{day}T09:00Z"} for day in (2, 4)]
        >>> bought = [{"contact_id": "anna", "event": "purchase", "at": "2026-11-05T10:00Z", "amount": 12}]
        >>> found = credit(playbook, MessageTable.read(playbook, sent), bought)
        >>> found.message.tolist(), found.value.tolist(), found.counts[0].credited
        ([1], [12.0], 1)
    """
    reading = EventReading(playbook, messages, events, zone=zone, bad=BadRows(max_bad), threads=threads)
    return reading.credit(messages)


class EventReading:
    """A table of events, read: they are credited to one table of messages after another.

    The arguments are those of `credit`; ``bad`` is where bad rows are counted. The tables of messages are all of one
    `journeykit.measuring.message_table.MessageReading`, so that contacts and kinds of messages have the same numbers.

    Attributes:
        parts: says which names of events and which values have which numbers.
        told: the events that responses ask for.
    """

    def __init__(
        self,
        playbook: Playbook,
        messages: MessageTable,
        events: TableSource,
        *,
        zone: str | None,
        bad: BadRows,
        threads: int | None = None,
    ) -> None:
        self._bad, self._threads = bad, thread_count(threads)
        self._campaigns = Campaigns(playbook, messages.kinds, is_part=bad.is_part)
        self.parts = parts = EventParts(
            events,
            playbook.responses,
            contacts=ContactNumbers.of(messages.ids),
            campaign_number=self._campaigns.number,
            zone=None if zone is None else clock(zone).zone,
            bad=bad,
            threads=self._threads,
        )
        read = list(parts)
        bad.rows[parts.source.source] = parts.rows
        bad.refuse_useless(parts.source.source)
        bad.check()
        self.told = _joined(read, len(parts.values))
        self._responses = responses_of(playbook.responses, parts.seen)

    def credit(self, messages: MessageTable) -> Credits:
        """Credit the events to messages."""
        crediting = _Crediting(messages, self.parts, self.told, self._campaigns)
        found = list(at_once(crediting.credit, enumerate(self._responses), self._threads))
        columns = [
            np.concatenate([own[place] for own, _ in found] or [np.zeros(0, kind)]) for place, kind in enumerate(_KINDS)
        ]
        return Credits(
            responses=self._responses,
            **dict(zip(_NAMES, columns, strict=True)),
            counts=tuple(count for _, count in found),
            others=self.parts.others,
            other_names=dict(self.parts.other_names),
            seen=frozenset(self.parts.seen),
            properties=frozenset(self.parts.properties),
            strange=crediting.strange,
            bad=tuple(self._bad.first),
            bad_rows=self._bad.total,
            bad_lines=tuple(self._bad.lines()),
        )


_NAMES = ("message", "response", "event", "at", "value", "share")
_KINDS = (np.int64, np.int16, np.int64, np.int64, np.float64, np.float64)


class Campaigns:
    """The numbers of campaigns, as messages and events name them.

    Args:
        playbook: whose campaigns are known.
        kinds: what the messages are, whose campaigns are known too.
        is_part: whether these are the messages of some of the contacts: what is strange here may be known elsewhere, so
            that strange names have numbers too.

    Attributes:
        known: how many are known; the numbers of strange ones follow.
    """

    def __init__(self, playbook: Playbook, kinds: Sequence[Facets], *, is_part: bool = False) -> None:
        self._vocabulary = Ruleset(playbook).vocabulary
        named = [own.id for own in playbook.campaigns or ()]
        named += [name for facets in kinds for name in facets.get("campaign", ())]
        self._number = {name: number for number, name in enumerate(dict.fromkeys(named))}
        self.known = len(self._number)
        self._is_part = is_part
        of = [next(iter(facets.get("campaign", ())), None) for facets in kinds]
        self.of_kind = np.array([-1 if name is None else self._number[name] for name in of], np.int32)

    def number(self, name: str) -> int:
        """The number of a campaign; `STRANGE_CAMPAIGN` for one that nobody knows."""
        own = self._vocabulary.spelt("campaign", name)
        if self._is_part:
            return self._number.setdefault(own, len(self._number))
        return self._number.get(own, STRANGE_CAMPAIGN)

    def strange(self, numbers: np.ndarray) -> Counter[str]:
        """The names of those that are not known, with how many numbers are theirs."""
        counts = np.bincount(numbers[numbers >= self.known]).tolist()
        return Counter({name: counts[own] for name, own in self._number.items() if own < len(counts) and counts[own]})


def _joined(read: list[EventPart], values: int) -> EventPart:
    """The events of all chunks as one; the chunks are let go on the way."""
    fields = [list(own) for own in zip(*read, strict=True)] if read else [[] for _ in EventPart._fields]
    read.clear()

    def whole(own: list[np.ndarray], kind: type) -> np.ndarray:
        found = np.concatenate(own or [np.zeros(0, kind)])
        own.clear()
        return found

    plain = [whole(own, kind) for own, kind in zip(fields, _FIELDS, strict=False)]
    lists = [[whole([part[place] for part in own], np.float64) for place in range(values)] for own in fields[-2:]]
    return EventPart(*plain, *lists)  # type: ignore[arg-type]


def _why_not(told: EventPart, until: int | None, repeated: np.ndarray) -> np.ndarray:
    """Of each event, why it is credited to nothing, whatever the response; `CREDITED` for no reason so far."""
    why = np.full(len(told.at), CREDITED, np.int8)
    why[told.contact < 0] = CODES[UNKNOWN_CONTACT]
    if until is not None:
        why[told.at > until] = CODES[AFTER_END]
    why[repeated] = CODES[REPEATED]
    return why


class _Crediting:
    """All that credits one response after another; several may be credited at once."""

    def __init__(self, messages: MessageTable, parts: EventParts, told: EventPart, campaigns: Campaigns) -> None:
        self.messages = messages
        self.parts = parts
        self.campaigns = campaigns
        self.strange: dict[str, Counter[str]] = {}
        self.told = told
        # The same event more than once: the first instant counts, and of one instant the first row.
        first, order = in_time(told.contact, len(messages.ids), told.at)
        self.why = _why_not(told, messages.until, repeats(first, order, told.mark))
        self.engine: ColumnCredit | KernelCredit
        if has_kernels():
            from journeykit.measuring.credit_kernels import KernelCredit

            self.engine = KernelCredit(messages, told, campaigns.of_kind, first, order)
        else:
            self.engine = ColumnCredit(messages, told, campaigns.of_kind)

    def credit(self, numbered: tuple[int, Response]) -> tuple[list[np.ndarray], ResponseCount]:
        """The credits of one response, and what became of its events."""
        place, response = numbered
        told, why, name = self.told, self.why.copy(), self.parts.names[response.event]
        scope = np.array([response.where.surely_matches(facets) for facets in self.messages.kinds], np.bool_)
        event, message, share = self.engine.credit(response, scope, name, why)
        number = None if response.value is None or not told.value else self.parts.values[response.value]
        value = np.full(len(event), np.nan) if number is None else told.value[number][event]
        columns = [message, np.full(len(event), place, np.int16), told.row[event], told.at[event], value, share]
        return columns, self._count(response, np.flatnonzero(told.name == name), why, number)

    def _count(self, response: Response, own: np.ndarray, why: np.ndarray, number: int | None) -> ResponseCount:
        reason = why[own]
        counts = np.bincount(reason, minlength=CREDITED + 1).tolist()
        named = {name: code for name, code in CODES.items() if counts[code]}
        missed = own[(reason == CODES[OUT_OF_SCOPE]) & (self.told.decision[own] == 0)]
        strange = self.campaigns.strange(self.told.campaign[missed])
        if strange:
            self.strange[response.name] = strange
        no_value, odd = 0, own[:0]
        if number is not None:
            credited = own[reason == CREDITED]
            odd = credited[np.flatnonzero(self.told.no_number[number][credited])]
            no_value = int(np.count_nonzero(np.isnan(self.told.value[number][credited]))) - len(odd)
        found = ResponseCount(
            response=response.name,
            events=len(own),
            credited=counts[CREDITED],
            reasons={name: counts[code] for name, code in named.items()},
            # Events are in the order of their rows.
            rows={
                name: tuple(self.told.row[own[np.flatnonzero(reason == code)[:_SHOWN]]].tolist())
                for name, code in named.items()
            },
            no_value=no_value,
            no_number=len(odd),
            no_number_rows=tuple(self.told.row[odd[:_SHOWN]].tolist()),
        )
        return found.hinted(response, {*self.parts.other_names, *self.parts.seen}, self.parts.properties)
