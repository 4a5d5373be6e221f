"""The contacts of a simulation: as their table has them, and as opt-outs and moves between stages leave them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import field, frozen
from numpy.typing import NDArray

from journeykit.basics.clock import FOREVER, LAST_YEAR, micros
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.simulating.chance_draws import DrawKeys
from journeykit.tables.arrow.arrays import as_numpy, coded, flags, is_known, numbers, texts
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.arrow.kept_table import KeptTable, rows_of
from journeykit.tables.cells import expiry_reader, is_missing, read_list, read_truth
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo
    from typing import Self

    Flags = NDArray[np.bool_]
    Maker = Callable[[Any, int, int], Any]

INSTANT = pa.timestamp("us", "UTC")
AS_GIVEN = -1
"""The stage of a contact who is where the table of contacts says."""


@frozen(eq=False, kw_only=True)
class ContactBase:
    """The contacts as their table has them; each has a number, in the order in which their ids are met.

    Attributes:
        table: the table.
        known: their numbers by id.
        row: by row that can be read, the number of its contact; -1 where the id cannot be read.
        keys: what they are drawn by.
        is_out: by contact, whether they have opted out of everything, or are suppressed.
        withdrawn: by channel, and by contact, whether consent was withdrawn.
        closes: by channel, and by contact, the instant from which there is no consent, in microseconds since 1970: at
            once where there is none at the beginning.
    """

    table: KeptTable
    known: ContactNumbers
    row: NDArray[np.int64]
    keys: DrawKeys
    is_out: Flags
    withdrawn: Mapping[str, Flags]
    closes: Mapping[str, NDArray[np.int64]]

    @classmethod
    def of(cls, table: KeptTable, channels: Sequence[str], *, asks: bool = True, zone: tzinfo | None = None) -> Self:
        """The contacts of a table.

        Args:
            table: the table.
            channels: the channels on which they may be written to.
            asks: whether that takes their consent: without it, who has said nothing may be written to.
            zone: the zone in which instants without an offset are meant.
        """
        known = ContactNumbers()
        rows = [known.meet(_column(part, "contact_id"), rows_of(part), {}).astype(np.int64) for part in table.chunks()]
        row = np.concatenate([np.zeros(0, np.int64), *rows])
        out = np.zeros(known.count + 1, np.bool_)
        closed = {channel: np.zeros(known.count + 1, np.bool_) for channel in channels}
        closes = {channel: np.full(known.count + 1, FOREVER, np.int64) for channel in channels}
        for part, own in zip(table.chunks(), rows, strict=True):
            for name in ("opted_out", "suppressed"):
                # Of several rows of a contact each forbids what it forbids.
                out[own[_truths(_column(part, name), len(own), {True})]] = True
            for channel, found in closed.items():
                found[own[_refused(part, channel, len(own))]] = True
                np.minimum.at(closes[channel], own, _ends(part, channel, len(own), zone))
        told = {channel: _told(known.count, table, rows, channel) for channel in channels if asks}
        for channel, said in told.items():
            closes[channel][~said] = -FOREVER
        return cls(
            table=table,
            known=known,
            row=row,
            keys=DrawKeys.of(known.ids),
            is_out=out[:-1],
            withdrawn={channel: found[:-1] for channel, found in closed.items()},
            closes={channel: found[:-1] for channel, found in closes.items()},
        )

    @property
    def count(self) -> int:
        """How many there are."""
        return self.known.count

    def accounts(self) -> pa.Array | None:
        """By contact, the account as their first row has it; None where the table has no accounts."""
        columns = [_column(part, "account_id") for part in self.table.chunks()]
        if all(column is None for column in columns):
            return None
        found: list[str | None] = [None] * self.count
        cells = (
            cell
            for part, column in zip(self.table.chunks(), columns, strict=True)
            for cell in ([None] * rows_of(part) if column is None else column.cells())
        )
        for number, cell in zip(self.row[::-1].tolist(), [*cells][::-1], strict=True):
            if number >= 0:
                found[number] = None if is_missing(cell) else str(cell).strip()
        return texts(found)


@frozen(eq=False, kw_only=True)
class BaseState:
    """The contacts on one day: who has opted out of what since the beginning, and on which stage they are.

    Attributes:
        base: the contacts as they were.
        stages: the names of the journey's stages.
        gone: by contact, whether they have opted out of everything since.
        channels: by channel, who has withdrawn their consent since.
        topics: by topic, likewise.
        stage: by contact, the place of the stage; `AS_GIVEN` for that of the table.
        since: by contact, since when they are there; in microseconds since 1970.
    """

    base: ContactBase
    stages: tuple[str, ...]
    gone: Flags
    channels: dict[str, Flags] = field(factory=dict)
    topics: dict[str, Flags] = field(factory=dict)
    stage: NDArray[np.int64]
    since: NDArray[np.int64]

    @classmethod
    def of(cls, base: ContactBase, stages: Sequence[str]) -> Self:
        """The contacts as they were."""
        count = base.count
        return cls(
            base=base,
            stages=tuple(stages),
            gone=np.zeros(count, np.bool_),
            stage=np.full(count, AS_GIVEN, np.int64),
            since=np.zeros(count, np.int64),
        )

    def withdraw(self, contacts: NDArray[np.int64], channel: str | None = None, topic: str | None = None) -> None:
        """Let contacts opt out of a channel, of a topic, or else of everything."""
        if channel is not None:
            own = self.channels.setdefault(channel, np.zeros(len(self.gone), np.bool_))
        elif topic is not None:
            own = self.topics.setdefault(topic, np.zeros(len(self.gone), np.bool_))
        else:
            own = self.gone
        own[contacts] = True

    def is_withdrawn(self, contact: int, channel: str | None = None, topic: str | None = None) -> bool:
        """Whether a contact has opted out of a channel, of a topic, or else of everything."""
        if channel is None and topic is None:
            return bool(self.gone[contact] or self.base.is_out[contact])
        told: list[Mapping[Any, Flags]] = [self.topics] if channel is None else [self.channels, self.base.withdrawn]
        name = topic if channel is None else channel
        return bool(self.gone[contact]) or any(name in own and bool(own[name][contact]) for own in told)

    def reachable(self, at: int) -> Flags:
        """Who can still be written to at an instant: not suppressed, not opted out, and not without all consent."""
        found = ~self.base.is_out & ~self.gone
        if self.base.withdrawn:
            nothing = np.zeros(len(found), np.bool_)
            closed = [
                given | self.channels.get(name, nothing) | (self.base.closes[name] <= at)
                for name, given in self.base.withdrawn.items()
            ]
            found &= ~np.logical_and.reduce(closed)
        return found

    def table(self, *, tells_since: bool) -> KeptTable:
        """The table of contacts as it is now.

        Args:
            tells_since: whether it says since when they are on their stage.
        """
        changes: dict[str, Maker] = {}
        if self.gone.any():
            changes["opted_out"] = self._forced(self.gone, value=True)
        changes |= {f"consent_{name}": self._forced(own, value=False) for name, own in self.channels.items()}
        changes |= {f"topic_consent_{name}": self._forced(own, value=False) for name, own in self.topics.items()}
        if (self.stage != AS_GIVEN).any():
            changes["stage"] = self._staged
            if tells_since:
                changes["stage_since"] = self._dated
        return self.base.table.changed(changes) if changes else self.base.table

    def _of_rows(self, values: NDArray[Any], start: int, stop: int, missing: Any) -> NDArray[Any]:
        rows = self.base.row[start:stop]
        found: NDArray[Any] = np.append(values, missing)[rows]
        return found

    def _forced(self, which: Flags, *, value: bool) -> Maker:
        """A column that says something of some contacts, and of the others what it said."""

        def make(array: Any, start: int, stop: int) -> Any:
            forced = self._of_rows(which, start, stop, False)
            if array is None:
                codes = np.where(forced, int(value), -1)
                return pa.array([None if code < 0 else bool(code) for code in codes.tolist()], pa.bool_())
            if not forced.any():
                return None
            if isinstance(array, pa.Array) and pa.types.is_boolean(array.type):
                before = np.where(forced, value, as_numpy(array))
                found = flags(before)
                known = is_known(array) | forced
                return found if known.all() else pa.array(before.tolist(), pa.bool_(), mask=~known)
            cells = Column(array).cells()
            return [value if own else cell for own, cell in zip(forced.tolist(), cells, strict=True)]

        return make

    def _staged(self, array: Any, start: int, stop: int) -> Any:
        """The column of stages."""
        stage = self._of_rows(self.stage, start, stop, AS_GIVEN)
        if array is None:
            return coded(stage, texts(self.stages), missing=True)
        moved = stage != AS_GIVEN
        if not moved.any():
            return None
        column = Column(array)
        if not all(own is None or isinstance(own, str) for own in column.values):
            cells = zip(stage.tolist(), column.cells(), strict=True)
            return [cell if own == AS_GIVEN else self.stages[own] for own, cell in cells]
        values = [*column.values]
        places = np.array([-1 if own is None else place for place, own in enumerate(values)], np.int64)
        codes = np.where(moved, stage + len(values), places[column.codes])
        return coded(codes, texts([*(own or "" for own in values), *self.stages]), missing=True)

    def _dated(self, array: Any, start: int, stop: int) -> Any:
        """The column that says since when contacts are on their stage."""
        stage = self._of_rows(self.stage, start, stop, AS_GIVEN)
        since = self._of_rows(self.since, start, stop, 0)
        found = numbers(since, INSTANT, stage == AS_GIVEN)
        if array is None:
            return found
        moved = (stage != AS_GIVEN).tolist()
        if not any(moved):
            return None
        pairs = zip(moved, Column(array).cells(), found.to_pylist(), strict=True)
        return [own if is_moved else cell for is_moved, cell, own in pairs]


def stage_cells(base: ContactBase, stages: Sequence[str], read: Callable[[Any], Any]) -> NDArray[np.int64]:
    """By contact, the place of the stage that their first row says; -1 for none, and for one that there is not.

    Args:
        base: the contacts.
        stages: the names of the stages.
        read: reads a cell.
    """
    found = np.full(base.count + 1, -1, np.int64)
    number = {name: place for place, name in enumerate(stages)}
    start = 0
    told: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for part in base.table.chunks():
        stop = start + rows_of(part)
        column = _column(part, "stage")
        if column is not None:
            codes, values = column.read(lambda cell: None if is_missing(cell) else read(cell))
            places = np.array([-1 if own is UNREAD else number.get(own, -1) for own in values], np.int64)
            told.append((base.row[start:stop], places[codes]))
        start = stop
    for rows, places in reversed(told):
        # From the last row to the first, since of several the first one counts.
        found[rows[::-1]] = places[::-1]
    return found[:-1]


def _column(part: Any, name: str) -> Column | None:
    """A chunk's column of a folded name."""
    _, names, arrays = part
    return next((Column(array) for own, array in zip(names, arrays, strict=True) if fold_name(own) == name), None)


def _truths(column: Column | None, rows: int, wanted: set[bool]) -> Flags:
    """In which rows a column says what is wanted."""
    if column is None:
        return np.zeros(rows, np.bool_)
    codes, values = column.read(lambda cell: None if is_missing(cell) else read_truth(cell))
    said: Flags = np.array([own is not UNREAD and own in wanted for own in values], np.bool_)[codes]
    return said


def _refused(part: Any, channel: str, rows: int) -> Flags:
    """In which rows consent for a channel is withdrawn; a column of its own goes before a list of channels."""
    found = np.zeros(rows, np.bool_)
    listed = _column(part, "consent")
    if listed is not None:
        codes, values = listed.read(lambda cell: None if is_missing(cell) else read_list(cell))
        found = np.array([_lacks(own, channel) for own in values], np.bool_)[codes]
    own = _column(part, fold_name(f"consent_{channel}"))
    return (found & ~_truths(own, rows, {True})) | _truths(own, rows, {False})


def _told(size: int, table: KeptTable, rows: Sequence[NDArray[np.int64]], channel: str) -> Flags:
    """By contact, and for ids that cannot be read, whether their first row tells of consent for a channel."""
    found = np.zeros(size + 1, np.bool_)
    names = (
        "consent",
        *(fold_name(f"{kind}{own}") for kind in ("consent_", "consent_until_") for own in (channel, "*")),
    )
    for part, own in reversed([*zip(table.chunks(), rows, strict=True)]):
        said = np.zeros(len(own), np.bool_)
        for column in filter(None, (_column(part, name) for name in names)):
            said |= np.array([not is_missing(cell) for cell in column.values] or [False], np.bool_)[column.codes]
        # From the last row to the first, since of several the first one counts.
        found[own[::-1]] = said[::-1]
    return found


def _ends(part: Any, channel: str, rows: int, zone: tzinfo | None) -> NDArray[np.int64]:
    """By row, the instant from which consent for a channel no longer holds."""
    column = _column(part, fold_name(f"consent_until_{channel}"))
    if column is None:
        return np.full(rows, FOREVER, np.int64)
    read = expiry_reader(zone)
    codes, values = column.read(lambda cell: None if is_missing(cell) else read(cell))
    ends = [FOREVER if own is None or own is UNREAD or own.year > LAST_YEAR else micros(own) for own in values]
    found: NDArray[np.int64] = np.array(ends or [FOREVER], np.int64)[codes]
    return found


def _lacks(channels: Any, channel: str) -> bool:
    if not isinstance(channels, list):
        return False
    return channel.casefold() not in {own.strip().casefold() for own in channels}
