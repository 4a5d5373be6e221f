"""The messages that are measured: touches that were sent."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import field, frozen

from journeykit.basics.clock import EPOCH, clock, micros
from journeykit.engine.ruleset import Ruleset
from journeykit.measuring.cell_columns import floats, id_column, joined_arrays, thread_count
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.measuring.contact_rows import ContactRows
from journeykit.measuring.rows_by_contact import grouped, in_time, repeats
from journeykit.measuring.touch_parts import DECISION, TouchParts
from journeykit.model.bad_row import BadRow
from journeykit.model.cap import Either, Facets
from journeykit.model.response import WELL_KNOWN
from journeykit.model.touch import Touch
from journeykit.tables.arrow.arrays import as_numpy, coded, is_known, numbers, texts, words
from journeykit.tables.arrow.column import Column
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.header import fold_name
from journeykit.tables.touch_table import refuse_useless

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from journeykit.measuring.touch_parts import TouchPart
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import TableSource

_ONE = {"campaign": "campaign_id", "content": "content_id", "team": "team", "goal": "goal", "channel": "channel"}
_MANY = {"topic": "topics", "solution": "solutions", "tag": "tags"}
FIRST_COLUMNS = (
    "contact_id",
    "account_id",
    "sent_at",
    "campaign_id",
    "content_id",
    "decision_id",
    "team",
    "goal",
    "channel",
    "stage",
    "theme",
    "arm",
    "cost",
)
"""The columns that every table of messages has, in this order; nothing is in them where nothing is known."""
_SENT = "sent"
_SHOWN = 5


@frozen(eq=False, kw_only=True)
class MessageTable:
    """The touches that are messages, sorted by contact, then by instant.

    A message is a touch that was sent: one without a status, with ``sent``, or with a word that is no status. What is
    planned, reserved, failed, bounced, released or expired is no message; `not_sent` counts it. What a touch does not
    say of its team, goal, channel and so on is filled in from the playbook, by its campaign and content.

    Attributes:
        rows: the messages: first `FIRST_COLUMNS`, then ``topics``, ``solutions`` and ``tags`` as lists, then what else
            the touches and the contacts have, by their own names. Texts that repeat are dictionary-encoded.
        contact: by message, the number of the contact, ascending.
        account: by message, the number of the account; of its own for a contact without one.
        at: by message, the instant, in microseconds since 1970, ascending for each contact.
        kind: by message, what it is apart from its contact and its instant: a place in `kinds`.
        kinds: what messages are told apart by (campaign, channel, ...).
        decision: by message, the mark of its decision id (`journeykit.measuring.cell_columns.id_mark`); 0 without one.
        ids: the contacts' ids, by number, ascending. There are those of all touches, of the contacts that are given,
            and no others.
        known: by number, whether the contact is in the table of contacts; None where none was given.
        contacts: the table of contacts without its ids, by number of the contact, nothing where one is not in it; None
            where none was given.
        since: the instant from which messages count, in microseconds; None for all.
        until: the end, in microseconds: messages before it, and responses up to it; None for all.
        earlier: the messages before `since` to which an event may still be credited; None where there are none.
        not_sent: by status, how many touches are no messages.
        outside: how many messages are neither here nor in `earlier`, because of `since` and `until`.
        strangers: how many messages have contacts that the table of contacts lacks.
        no_cost: how many messages have a cost that is no number from 0 on, and so is unknown.
        no_cost_rows: the numbers of the first of their rows in the table of touches, counted from 1.
        repeated: how many messages have a decision id that another one of the same contact has too.
        alike: how many messages without a decision id are the same as one before in contact, instant and all that
            `kind` tells apart: of touches that were loaded twice, it is half of them.
        bad: the first of the rows that could not be used.
        bad_rows: how many there are.
        bad_lines: what is to be said of them, a line for each table.
    """

    rows: pa.Table
    contact: np.ndarray
    account: np.ndarray
    at: np.ndarray
    kind: np.ndarray
    kinds: tuple[Facets, ...]
    decision: np.ndarray
    ids: pa.Array
    known: np.ndarray | None = None
    contacts: pa.Table | None = None
    since: int | None = None
    until: int | None = None
    earlier: MessageTable | None = None
    not_sent: Mapping[str, int] = field(factory=dict)
    outside: int = 0
    strangers: int = 0
    no_cost: int = 0
    no_cost_rows: tuple[int, ...] = ()
    repeated: int = 0
    alike: int = 0
    bad: tuple[BadRow, ...] = ()
    bad_rows: int = 0
    bad_lines: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def read(
        cls,
        playbook: Playbook,
        touches: TableSource,
        *,
        contacts: TableSource | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str | None = None,
        columns: Iterable[str] | None = None,
        max_bad: int | str | None = None,
        threads: int | None = None,
    ) -> Self:
        """Read the messages of a table of touches.

        Args:
            playbook: the rule set, which knows what campaigns and contents are.
            touches: the touches: whatever `Arbiter.decide_table` takes.
            contacts: the contacts, whose columns are added to the messages, and who are then all that are known.
            since: messages from this instant on; those before it are kept apart (`earlier`) as long as an event may
                follow them.
            until: messages before this instant.
            zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
            columns: the names of the columns of touches and contacts that are kept besides `FIRST_COLUMNS`; None for
                all. Where they are named, ``decision_id``, which takes much memory, is kept only if it is among them.
            max_bad: how many bad rows are tolerated, as a number or as a share such as ``"1%"``.
            threads: how many threads work at once; None for one for each processor.

        Raises:
            DataError: for a table that cannot be read, too many bad rows, or touches none of which can be used.

        Example:
            >>> from journeykit import Playbook
            >>> sent = [{"contact_id": "anna", "sent_at": "2026-11-02T09:00Z", "campaign_id": "news"}]
            >>> sent += [{**sent[0], "status": "bounced"}]
            >>> messages = MessageTable.read(Playbook(), sent)
            >>> len(messages), messages.rows["campaign_id"].to_pylist(), messages.not_sent
            (1, ['news'], {'bounced': 1})
        """
        reading = MessageReading(
            playbook,
            touches,
            contacts=contacts,
            zone=zone,
            columns=columns,
            bad=BadRows(max_bad),
            threads=threads,
        )
        found: Self = reading.table(
            cls, since=None if since is None else micros(since), until=None if until is None else micros(until)
        )
        return found


def tie_text(touch: Touch) -> str:
    """What puts messages of one instant in order."""
    return repr((*touch.facts, touch.claim))


class MessageReading:
    """A table of touches, read: tables of messages of several times are made from it.

    The arguments are those of `MessageTable.read`; ``bad`` is where bad rows are counted.
    """

    def __init__(
        self,
        playbook: Playbook,
        touches: TableSource,
        *,
        contacts: TableSource | None,
        zone: str | None,
        columns: Iterable[str] | None,
        bad: BadRows,
        threads: int | None = None,
    ) -> None:
        only = None if columns is None else frozenset({"account_id", "stage", "arm", "cost", *map(fold_name, columns)})
        where = None if zone is None else clock(zone).zone
        contact_numbers = ContactNumbers()
        contact_rows = (
            None if contacts is None else ContactRows(contacts, contact_numbers, zone=where, bad=bad, only=only)
        )
        ruleset = Ruleset(playbook)
        before = bad.total
        parts = TouchParts(
            touches,
            contact_numbers,
            vocabulary=ruleset.vocabulary,
            zone=where,
            bad=bad,
            only=only,
            threads=thread_count(threads),
        )
        read = list(parts)
        refuse_useless(bad, before, sum(len(part.at) for part in read))
        bad.check()
        self._bad = bad
        self._ruleset = ruleset
        self._parts = parts
        self._contact_rows = contact_rows
        ids = contact_numbers.ids
        order = as_numpy(pc.sort_indices(ids)).astype(np.int64)
        self.ids = ids.take(numbers(order, pa.int64()))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        self._row_of = None if contact_rows is None else contact_rows.row_of(len(order))[order]
        self._statuses = [own.get("status", _SENT) for own in parts.kinds]
        self._touches = [Touch(at=EPOCH, **own) for own in parts.kinds]
        self.kinds = tuple(ruleset.facets(touch) for touch in self._touches)
        self.contact = rank[np.concatenate([part.contact for part in read] or [np.zeros(0, np.int64)])]
        self.at = np.concatenate([part.at for part in read] or [np.zeros(0, np.int64)])
        self.kind = np.concatenate([part.kind for part in read] or [np.zeros(0, np.int32)])
        self.decision = np.concatenate([part.decision for part in read] or [np.zeros(0, np.uint64)])
        self.columns = {fold: joined_arrays(_aligned(read, fold)) for fold in parts.names}
        self._first = np.cumsum([0, *(len(part.at) for part in read)])
        self._row_numbers = [part.numbers for part in read]

    def table(self, kind: type[Any], *, since: int | None, until: int | None) -> Any:
        """The table of messages between two instants.

        Args:
            kind: its class, a `MessageTable`.
            since: messages from this instant on, in microseconds; None for all.
            until: messages before this instant; None for all.
        """
        counts = np.bincount(self.kind, minlength=len(self._statuses)).tolist()
        not_sent: dict[str, int] = {}
        for status, count in zip(self._statuses, counts, strict=True):
            if status != _SENT and count:
                not_sent[status] = not_sent.get(status, 0) + count
        sent = np.array([status == _SENT for status in self._statuses], np.bool_)[self.kind]
        before = np.zeros(len(sent), np.bool_) if since is None else sent & (self.at < since)
        chosen = sent & ~before if until is None else sent & ~before & (self.at < until)
        earlier = None
        if since is not None and before.any():
            longest = max(own.length for own in (*self._ruleset.playbook.responses, *WELL_KNOWN))
            still = before & (self.at >= since - longest)
            earlier = self._chosen(kind, still, since=None, until=since) if still.any() else None
        return self._chosen(
            kind,
            chosen,
            since=since,
            until=until,
            earlier=earlier,
            not_sent=dict(sorted(not_sent.items())),
            outside=int(np.count_nonzero(sent) - np.count_nonzero(chosen)) - (0 if earlier is None else len(earlier)),
            bad=tuple(self._bad.first),
            bad_rows=self._bad.total,
            bad_lines=tuple(self._bad.lines()),
        )

    def _chosen(self, kind: type[Any], chosen: np.ndarray, **more: Any) -> Any:
        rows = np.flatnonzero(chosen)
        rows = rows[self._order(rows)]
        contact, at, kinds = self.contact[rows], self.at[rows], self.kind[rows]
        decision = self.decision[rows]
        columns, no_cost = self._columns(rows, contact, at, kinds)
        known = None if self._row_of is None else self._row_of >= 0
        strangers = 0 if known is None else int(np.count_nonzero(~known[contact]))
        return kind(
            rows=pa.table(columns),
            contact=contact,
            account=_accounts(columns["account_id"], contact),
            at=at,
            kind=kinds,
            kinds=self.kinds,
            decision=decision,
            ids=self.ids,
            known=known,
            contacts=self._contact_table(),
            strangers=strangers,
            no_cost=len(no_cost),
            no_cost_rows=self._first_numbers(no_cost),
            repeated=_repeated(contact, decision),
            alike=_alike(contact, at, kinds, decision),
            **more,
        )

    def _order(self, rows: np.ndarray) -> np.ndarray:
        """By contact and instant; those of one instant in the order of what they are, whatever that of the rows."""
        names = [tie_text(touch) for touch in self._touches]
        rank = np.empty(len(names), np.int32)
        rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
        contact, at, decision = self.contact[rows], self.at[rows], self.decision[rows]
        return in_time(contact, len(self.ids), at, rank[self.kind[rows]], decision)[1]

    def _columns(
        self, rows: np.ndarray, contact: np.ndarray, at: np.ndarray, kinds: np.ndarray
    ) -> tuple[dict[str, Any], np.ndarray]:
        """The columns, and of messages whose cost cannot be used the places among the touches."""
        own = {fold: column.take(numbers(rows, pa.int64())) for fold, column in self.columns.items()}
        others = self._of_contacts(contact)
        found: dict[str, Any] = {
            "contact_id": coded(contact, self.ids),
            "sent_at": numbers(at, pa.timestamp("us", "UTC")),
        }
        for facet, name in (*_ONE.items(), ("theme", "theme")):
            found[name] = _coded_texts(kinds, [_one(facets.get(facet, ())) for facets in self.kinds])
        accounts = [id_column(part.pop("account_id")) for part in (own, others) if "account_id" in part]
        found["account_id"] = pc.coalesce(*accounts) if accounts else pa.nulls(len(rows), pa.large_string())
        cost, bad = self._cost(own.pop("cost", None), kinds)
        found["cost"] = numbers(cost, pa.float64(), np.isnan(cost))
        found[DECISION] = _as_text(own.pop(DECISION)) if DECISION in own else pa.nulls(len(rows), pa.large_string())
        for name in ("stage", "arm"):
            given, theirs = own.pop(name, None), others.pop(name, None)
            # A contact's stage is that of today, and not that of the message.
            given = theirs if given is None and name != "stage" else given
            found[name] = pa.nulls(len(rows), pa.large_string()) if given is None else _as_text(given)
        made = {name: found[name] for name in FIRST_COLUMNS}
        for facet, name in _MANY.items():
            if any(facet in facets for facets in self.kinds):
                lists = _lists([facets.get(facet, ()) for facets in self.kinds])
                made[name] = lists.take(numbers(kinds, pa.int32()))
        names = {**({} if self._contact_rows is None else self._contact_rows.names), **self._parts.names}
        for fold, column in (*own.items(), *((fold, column) for fold, column in others.items() if fold not in own)):
            if names[fold] not in made:
                made[names[fold]] = column
        return made, rows[bad]

    def _first_numbers(self, places: np.ndarray) -> tuple[int, ...]:
        """The numbers of the first rows of some touches."""
        found = []
        for place in np.sort(places)[:_SHOWN].tolist():
            part = int(np.searchsorted(self._first, place, "right")) - 1
            found.append(self._row_numbers[part].of(place - int(self._first[part])))
        return tuple(found)

    def _of_contacts(self, contact: np.ndarray) -> dict[str, Any]:
        if self._contact_rows is None or self._row_of is None:
            return {}
        rows = self._row_of[contact]
        places = numbers(np.maximum(rows, 0), pa.int64(), rows < 0)
        return {fold: _taken(self._contact_rows.column(fold), places) for fold in self._contact_rows.names}

    def _contact_table(self) -> pa.Table | None:
        if self._contact_rows is None or self._row_of is None:
            return None
        places = numbers(np.maximum(self._row_of, 0), pa.int64(), self._row_of < 0)
        return pa.table(
            {name: _taken(self._contact_rows.column(fold), places) for fold, name in self._contact_rows.names.items()}
        )

    def _cost(self, given: Any, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What each message cost: its own, else the campaign's; and whether it has one that is no number from 0 on."""
        campaigns = self._ruleset.campaigns
        costs = [campaigns[name].cost if name in campaigns else None for name in map(_campaign, self.kinds)]
        planned = np.array([np.nan if cost is None else cost for cost in costs] or [np.nan], np.float64)[kinds]
        if given is None:
            return planned, np.zeros(len(kinds), np.bool_)
        own, bad = floats(Column(given.combine_chunks()), len(kinds))
        bad |= own < 0
        own[bad] = np.nan
        return np.where(np.isnan(own) & ~bad, planned, own), bad


def _campaign(facets: Facets) -> str | None:
    return _one(facets.get("campaign", ()))


def _one(values: Sequence[str]) -> str | None:
    """The value of a facet that has one; None where nobody knows which it is."""
    return values[0] if values and not (isinstance(values, Either) and len(values) > 1) else None


def _aligned(read: Sequence[TouchPart], fold: str) -> list[pa.Array]:
    return [part.columns.get(fold, pa.nulls(len(part.at))) for part in read]


def _taken(column: pa.ChunkedArray, places: pa.Array) -> Any:
    return column.take(places) if len(column) else pa.nulls(len(places), column.type)


def _as_text(column: Any) -> Any:
    """A column as texts; whole numbers are written without a point, whatever they come as."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        with suppress(pa.ArrowInvalid):
            column = column.cast(pa.int64())
    return column.cast(pa.large_string())


def _coded_texts(codes: np.ndarray, values: Sequence[str | None]) -> pa.Array:
    """A dictionary-encoded column of texts, by the code of a row."""
    known = sorted({value for value in values if value is not None})
    place = {value: number for number, value in enumerate(known)}
    of = np.array([-1 if value is None else place[value] for value in values] or [-1], np.int32)
    return coded(of[codes], texts(known), missing=True)


def _accounts(column: Any, contact: np.ndarray) -> np.ndarray:
    """The numbers of accounts: those of contacts without one follow the others."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole.dictionary_encode()
    count = len(encoded.dictionary)
    rank = np.empty(count, np.int64)
    rank[as_numpy(pc.sort_indices(encoded.dictionary)).astype(np.int64)] = np.arange(count)
    known = is_known(encoded.indices)
    found = count + contact
    found[known] = rank[as_numpy(encoded.indices)[known]]
    return found


def _lists(values: Sequence[Sequence[str]]) -> pa.Array:
    """A column of lists of texts."""
    ends = numbers(np.cumsum([0, *map(len, values)]).astype(np.int32), pa.int32())
    return pa.ListArray.from_arrays(ends, words([own for several in values for own in several]))


def _repeated(contact: np.ndarray, decision: np.ndarray) -> int:
    if not decision.any():
        return 0
    return len(repeats(*grouped(contact, int(contact[-1]) + 1), decision))


def _alike(*columns: np.ndarray) -> int:
    """How many rows are the same as the one before in all columns, the last of which, a mark, is 0."""
    same = columns[-1][1:] == 0
    for column in columns:
        same &= column[1:] == column[:-1]
    return int(np.count_nonzero(same))
