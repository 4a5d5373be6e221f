"""The table of touches, held by contact."""

from __future__ import annotations

from array import array
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import micros, moment, wider
from journeykit.basics.validation import joined, parted
from journeykit.errors import DataError
from journeykit.model.bad_row import BadRow
from journeykit.model.mismatch import Mismatches
from journeykit.model.touch import FACTS, STATUSES, Touch
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import (
    BadCellError,
    as_instant,
    instant_reader,
    is_missing,
    read_id,
    read_list,
    read_text,
    read_truth,
)
from journeykit.tables.header import PATIENCE, RowLayout, cell_of, fold_name
from journeykit.tables.read_rows import open_table
from journeykit.tables.words import KINDS, Words, spelling_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import tzinfo

    from journeykit.playbook.vocabulary import Vocabulary
    from journeykit.tables.formats import TableSource

SENT = "sent"


def _status(value: Any) -> str:
    # Send logs write it in any case, and have words of their own: to refuse one would be to forget a message.
    found = (read_text(value) or "").strip().lower()
    return found if found in STATUSES else SENT


def _names(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(read_list(parted(value) if isinstance(value, str) else value)))


def _date(value: Any) -> date:
    found = as_instant(value) if isinstance(value, str) else value
    if isinstance(found, datetime) and (found.hour, found.minute, found.second, found.microsecond) == (0, 0, 0, 0):
        # Some formats and dataframes know no dates without a time.
        return found.date()
    if not isinstance(found, date) or isinstance(found, datetime):
        raise BadCellError(value, "a date such as 2026-11-30")
    return found


def _without(value: Any) -> tuple[str, ...]:
    found = tuple({"topic": "topics"}.get(name.lower(), name.lower()) for name in _names(value))
    if not set(found) <= set(FACTS):
        raise BadCellError(value, f"a list of some of {', '.join(FACTS)}")
    return tuple(sorted(set(found)))


SHAPE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "channel": ("channel", read_text),
    "campaign_id": ("campaign", read_text),
    "content_id": ("content", read_text),
    "claim_id": ("claim", read_text),
    "team": ("team", read_text),
    "goal": ("goal", read_text),
    "topic": ("topics", _names),
    "topics": ("topics", _names),
    "solutions": ("solutions", _names),
    "theme": ("theme", read_text),
    "tags": ("tags", _names),
    "campaign_ends": ("campaign_ends", _date),
    "counts_toward_caps": ("counts_toward_caps", read_truth),
    "without": ("without", _without),
    "status": ("status", _status),
}
_KINDS = {column: kind for column, kind in KINDS["touches"].items() if kind != "status"}


def shape_readers(vocabulary: Vocabulary | None) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """By column, which part of a touch it is and how it is read, in the words of a playbook."""
    return {
        column: (part, spelling_reader(read, vocabulary, _KINDS[column]) if column in _KINDS else read)
        for column, (part, read) in SHAPE.items()
    }


_SCALARS = frozenset({str, int, float, bool, type(None)})
TOUCH_COLUMNS = ("contact_id", "sent_at", *SHAPE)


def shape_parts(
    values: Iterable[tuple[str, Any]], readers: Mapping[str, tuple[str, Callable[[Any], Any]]] = SHAPE
) -> dict[str, Any] | tuple[str, str, str]:
    """What a touch is besides whose and when, as `Touch` takes it.

    Args:
        values: names of columns of `SHAPE`, each with its cell.
        readers: how they are read, as of `shape_readers`.

    Returns:
        The arguments; or the column that is wrong, what it holds and what is allowed.
    """
    parts: dict[str, Any] = {}
    for name, value in values:
        field, read = readers[name]
        if is_missing(value):
            continue
        try:
            found = read(value)
        except BadCellError as bad:
            return name, bad.found, bad.allowed
        if isinstance(found, tuple):
            # A table may have both `topic` and `topics`; an empty list says nothing.
            found = tuple(dict.fromkeys((*parts.get(field, ()), *found)))
        if found is not None and found != ():
            parts[field] = found
    both = next((name for name in parts.get("without", ()) if name in parts), None)
    if both is not None:
        return "without", repr(both), f"no column that has a value in the same row, as {both} does"
    return parts


def touch_cells(touch: Touch) -> dict[str, Any]:
    """A touch as a row of the table of touches."""
    lists = ("topics", "solutions", "tags", "without")
    return {
        "contact_id": touch.contact,
        "sent_at": touch.at,
        **{column: getattr(touch, part) for column, (part, _) in SHAPE.items() if column != "topic"},
        **{name: joined(getattr(touch, name)) for name in lists},
    }


class TouchTable:
    """Touches by contact, packed: sixteen bytes each, and the rest of what they are only once.

    Attributes:
        good: how many rows could be used.
        span: the earliest and the latest of their instants, in microseconds; None without any.

    Example:
        >>> history = TouchTable.read([{"contact_id": "anna", "sent_at": "2026-11-02T09:00Z", "channel": "email"}])
        >>> len(history), [touch.channel for touch in history.take("anna")], len(history)
        (1, ['email'], 0)
    """

    def __init__(self) -> None:
        self._of: dict[str, array[int]] = {}
        self._shapes: list[dict[str, Any]] = []
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._count = 0
        self.good = 0
        self.span: tuple[int, int] | None = None

    @classmethod
    def read(
        cls,
        source: TableSource,
        *,
        zone: tzinfo | None = None,
        bad: BadRows | None = None,
        only: frozenset[str] | None = None,
        vocabulary: Vocabulary | None = None,
        words: Words | None = None,
        found: Mismatches | None = None,
    ) -> TouchTable:
        """Read a table of touches; arguments and errors are those of `ContactTable`, the vocabulary is the playbook's.

        A touch of a status that nobody knows counts as sent.
        """
        history = cls()
        found = found if found is not None else Mismatches()
        readers = shape_readers(vocabulary)
        bad = bad if bad is not None else BadRows()
        file = open_table(source, "touches", wanted=lambda name: fold_name(name) in TOUCH_COLUMNS, zone=zone)
        if words is not None:
            words.name(file.columns or ())
        instant = instant_reader(zone, bounded=True)
        plans: dict[tuple[str, ...], _Plan] = {}
        for number, columns, places, values in RowLayout(file, TOUCH_COLUMNS[:3], bad).rows():
            plan = plans.get(columns)
            if plan is None:
                if len(plans) >= PATIENCE:
                    plans.clear()
                plan = plans[columns] = _Plan(places, readers)
            if words is not None:
                words.row(places, values, found, columns)
            column = "contact_id"
            try:
                key = read_id(cell_of(places, column, values))
                if only is not None and key not in only:
                    continue
                column = "sent_at"
                at = micros(instant(cell_of(places, column, values)))
            except BadCellError as error:
                bad.add(BadRow(file.source, number, column, error.found, error.allowed))
                continue
            shape = plan.shape(values, history)
            if isinstance(shape, int):
                history.good += 1
                history.span = wider(history.span, (at, at))
                history._add(key, at, shape)
            else:
                bad.add(BadRow(file.source, number, *shape))
        return history

    def shape_of(self, parts: dict[str, Any]) -> int:
        """The number of a shape: what a touch is besides whose and when."""
        number = self._numbers.setdefault(tuple(parts.items()), len(self._shapes))
        if number == len(self._shapes):
            self._shapes.append(parts)
        return number

    def _add(self, key: str, at: int, shape: int) -> None:
        packed = self._of.get(key)
        if packed is None:
            packed = self._of[key] = array("q")
        packed.append(at)
        packed.append(shape)
        self._count += 1

    def take(self, contact: str) -> list[Touch]:
        """The touches of a contact, which are then let go."""
        packed = self._of.pop(contact, None)
        if packed is None:
            return []
        self._count -= len(packed) // 2
        return [
            Touch(at=moment(at), **self._shapes[shape]) for at, shape in zip(packed[::2], packed[1::2], strict=True)
        ]

    def __len__(self) -> int:
        return self._count


class _Plan:
    """What a touch is besides whose and when: made once of each combination that a table has."""

    def __init__(self, places: Mapping[str, int], readers: Mapping[str, tuple[str, Callable[[Any], Any]]]) -> None:
        self._readers = readers
        found = {name: places[name] for name in SHAPE if name in places}
        self._names = tuple(found)
        self._places = tuple(found.values())
        self._known: dict[tuple[Any, ...], int | tuple[str, str, str]] = {}

    def shape(self, values: Sequence[Any], history: TouchTable) -> int | tuple[str, str, str]:
        """The number of a shape, or which column is bad, what it has and what is allowed."""
        raw = tuple([values[place] for place in self._places])
        # 1, 1.0 and True are equal, and mean different things.
        kinds = tuple(map(type, raw))
        if not _SCALARS.issuperset(kinds):
            return self._made(raw, history)
        known = self._known.get((raw, kinds))
        if known is None:
            known = self._known[raw, kinds] = self._made(raw, history)
        return known

    def _made(self, raw: tuple[Any, ...], history: TouchTable) -> int | tuple[str, str, str]:
        parts = shape_parts(zip(self._names, raw, strict=True), self._readers)
        return parts if isinstance(parts, tuple) else history.shape_of(parts)


def refuse_useless(bad: BadRows, before: int, good: int) -> None:
    """Refuse touches that have rows, none of which can be used: caps would protect nobody.

    Args:
        bad: the rows that cannot be used, of this table and others.
        before: how many of them were there before this table was read.
        good: how many rows of it can be used.

    Raises:
        DataError: with the first of the bad rows.
    """
    if good or bad.total == before:
        return
    message = "none of these touches can be used, and without a history caps, conflicts and repeats protect nobody"
    shown_rows = "".join(f"\n  {row}" for row in bad.first[before : before + 5])
    more = bad.total - min(bad.total, before + 5)
    raise DataError(f"{message}; bad rows:{shown_rows}" + (f"\n  ... and {more:,} more" if more else ""))
