"""Masks: an audience rule over columns, as the rows where it is surely true and those where it is surely false."""

from __future__ import annotations

import operator
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.clock import DAY, HOUR, clock, day_number, micros, moment
from journeykit.rule.tree import (
    MIRRORED,
    Aggregate,
    Call,
    Compare,
    In,
    Junction,
    Literal,
    Name,
    Node,
    Not,
    asks_for_dates,
)
from journeykit.rule.values import MOMENT, moment_in
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.columns.event_counts import ChunkEvents
    from journeykit.model.segment import Segment
    from journeykit.rule import Rule

Pair = tuple[np.ndarray, np.ndarray]
"""Where a rule is surely true, and where it is surely false; elsewhere it is unknown."""
_OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BEFORE, _AFTER = 15 * HOUR, 37 * HOUR
"""So long before a date's midnight in UTC, and after it, an instant may be on that date somewhere: clocks are between
12 hours behind UTC and 14 ahead of it."""
_EXACT = 2**53
_SEGMENTS_AT_ONCE = 30


class RuleMasks:
    """The rules of a chunk of contacts.

    Args:
        columns: the fields and attributes of the contacts by name; what is not there is unknown.
        rows: how many contacts there are.
        at: the instant of the decision, aware.
        zones: the names of the contacts' time zones.
        zone: by contact, which.
        instants: by time zone, the instant at which rules are asked instead.
        lasting: the masks of another instant, whose answers hold where no part of a rule asks for time.
        events: what the contacts did; None where no events are at hand: what is asked of them is then unknown.
    """

    def __init__(
        self,
        columns: Mapping[str, Column],
        rows: int,
        at: datetime,
        zones: Sequence[str],
        zone: np.ndarray,
        *,
        instants: np.ndarray | None = None,
        lasting: RuleMasks | None = None,
        events: ChunkEvents | None = None,
    ) -> None:
        self.columns = columns
        self.rows = rows
        # Other threads may meet more zones meanwhile.
        self.zones = list(zones) if instants is None else list(zones)[: len(instants)]
        self.instants = np.full(len(self.zones), micros(at), np.int64) if instants is None else instants
        # By contact, where it differs between zones.
        self.now: Any = micros(at) if instants is None else instants[zone]
        self.zone = zone
        self.lasting = lasting
        self._events = events
        self._counted: dict[str, Column] = {}
        self._leaves: dict[str, Pair] = {}

    def pair(self, rule: Rule) -> Pair:
        """Where a rule is surely true, and where it is surely false."""
        return self.pair_of(rule.tree)

    def pair_of(self, node: Node) -> Pair:
        """The same of a part of a rule."""
        if isinstance(node, Not):
            true, false = self.pair_of(node.part)
            return false, true
        if isinstance(node, Junction):
            pairs = [self.pair_of(part) for part in node.parts]
            both: Any = np.logical_and if node.op == "and" else np.logical_or
            either: Any = np.logical_or if node.op == "and" else np.logical_and
            true, false = pairs[0]
            for more_true, more_false in pairs[1:]:
                true, false = both(true, more_true), either(false, more_false)
            return true, false
        found = self._leaves.get(node.text)
        if found is None:
            lasting = None if asks_time(node) else self.lasting
            found = self._leaves[node.text] = self._leaf(node) if lasting is None else lasting.pair_of(node)
        return found

    def _column_of(self, node: Node) -> Column | None:
        """The column that a name is, or what is asked of events; None where there is none."""
        if isinstance(node, Aggregate) and self._events is not None:
            found = self._counted.get(node.key)
            if found is None:
                found = self._counted[node.key] = self._events.column(node, self.now)
            return found
        return self.columns.get(node.path) if isinstance(node, Name) else None

    def _leaf(self, node: Node) -> Pair:
        return self._held(node) or self._compared(node) or self._asked(node)

    def _held(self, node: Node) -> Pair | None:
        """Whether a text is among the segments, which are then not put together."""
        if not isinstance(node, In) or not isinstance(node.item, Literal) or not isinstance(node.among, Name):
            return None
        segments, name = self.columns.get(node.among.path), node.item.value
        if not isinstance(segments, SegmentMasks | BroughtSegments) or type(name) is not str:
            return None
        true, false = segments.pair(name)
        return (false, true) if node.negated else (true, false)

    def _compared(self, node: Node) -> Pair | None:
        """A number or an instant compared with a number, the way NumPy does it."""
        if not isinstance(node, Compare):
            return None
        left, op, right = node.left, node.op, node.right
        if isinstance(left, Literal):
            left, op, right = right, MIRRORED[op], left
        if isinstance(right, Literal) and node.kind == MOMENT:
            return self._before(left, op, right.value)
        if not isinstance(right, Literal) or type(right.value) not in (int, float):
            return None
        found = self._numbers(left)
        if found is None:
            return None
        numbers, known = found
        limit = right.value
        if isinstance(limit, int) and abs(limit) > _EXACT:
            return None
        if numbers.dtype.kind == "i" and isinstance(limit, float) and _furthest(numbers) > _EXACT:
            # NumPy compares as floats, Python exactly: the same as long as every number is a float.
            return None
        true = _OPERATORS[op](numbers, limit)
        return (true, ~true) if known is None else (true & known, ~true & known)

    def _numbers(self, node: Node) -> tuple[np.ndarray, np.ndarray | None] | None:
        if isinstance(node, (Name, Aggregate)):
            column = None if isinstance(node, Name) and "." in node.path else self._column_of(node)
            found = None if column is None else column.as_numbers
            return None if found is None else (found[0], None if found[1].all() else found[1])
        if isinstance(node, Call) and node.function in ("days_since", "hours_since"):
            (part,) = node.arguments
            column = self._column_of(part)
            if column is None or column.instants is None:
                return None
            past = self.now - column.instants[0]
            if _furthest(past) > _EXACT:
                return None
            return past / (DAY if node.function == "days_since" else HOUR), column.instants[1]
        return None

    def _before(self, left: Node, op: str, literal: str) -> Pair | None:
        """An instant compared with an instant or a date, the way NumPy does it where the time zone does not matter."""
        column = self.columns.get(left.path) if isinstance(left, Name) and "." not in left.path else None
        limit = moment_in(literal)
        if column is None or column.instants is None or limit is None or isinstance(limit, datetime):
            return None
        instants, known = column.instants
        compare = _OPERATORS[op]
        if isinstance(limit, timedelta):
            true = compare(instants, limit // timedelta(microseconds=1))
            return true & known, ~true & known
        day = day_number(limit) * DAY
        near = known & (instants >= day - _BEFORE) & (instants < day + _AFTER)
        if near.any():
            return None if near.sum() > len(near) // 4 else self._near(left, op, literal, near)
        true = compare(instants, day)
        return true & known, ~true & known

    def _near(self, left: Node, op: str, literal: str, near: np.ndarray) -> Pair:
        """The same where some instants are so near to a date that it depends on the zone: these are asked apart."""
        assert isinstance(left, Name)  # noqa: S101  (the caller looked)
        column, limit = self.columns[left.path], moment_in(literal)
        assert column.instants is not None and isinstance(limit, date)  # noqa: S101, PT018  (likewise)
        instants, known = column.instants
        true = _OPERATORS[op](instants, day_number(limit) * DAY)
        false = ~true & known
        true = true & known
        rows = np.flatnonzero(near)
        part = RuleMasks({left.path: column.take(rows)}, len(rows), moment(self.now), self.zones, self.zone[rows])
        node = Compare(f"{left.text} {op} {literal!r}", left.column, op, left, Literal(repr(literal), 0, literal))
        true[rows], false[rows] = part._asked(node)
        return true, false

    def _asked(self, node: Node) -> Pair:
        """Any part: its closure, asked once for each combination of values that occurs."""
        names = sorted({part.path for part in node.walk() if isinstance(part, Name)})
        known: dict[str, Column] = {}
        for name in names:
            # A dotted name is a column of its own or, where that has nothing, a part of another one's value.
            for key in dict.fromkeys((name, name.partition(".")[0])):
                if key in self.columns:
                    known[key] = self.columns[key]
        for part in node.walk():
            counted = self._column_of(part) if isinstance(part, Aggregate) else None
            if counted is not None and isinstance(part, Aggregate):
                known[part.key] = counted
        local = asks_for_dates(node) or any(
            isinstance(part, Call) and part.function in ("days_since", "hours_since") for part in node.walk()
        )
        parts = [column.codes for column in known.values()] + ([self.zone] if local else [])
        spans = [len(column.values) for column in known.values()] + ([len(self.zones)] if local else [])
        if len(parts) == 1 and spans[0] <= 4 * self.rows:
            chosen, places = np.arange(spans[0]).reshape(-1, 1), parts[0]
        elif parts:
            chosen, places = np.unique(np.stack(parts, axis=1), axis=0, return_inverse=True)
        else:
            chosen, places = np.zeros((1, 0), np.int64), np.zeros(self.rows, np.int64)
        ask = node.truth()
        verdicts = np.zeros((2, len(chosen)), np.bool_)
        for place, own in enumerate(chosen.tolist()):
            # Where no part asks for time any instant will do.
            now = clock(self.zones[own[-1]] if local else "UTC").moment(int(self.instants[own[-1] if local else 0]))
            cells = ((name, column.values[at]) for (name, column), at in zip(known.items(), own, strict=False))
            values = {name: value for name, value in cells if value is not None}
            verdict = ask(values, now)
            verdicts[:, place] = verdict is True, verdict is False
        places = places.reshape(-1)
        return verdicts[0][places], verdicts[1][places]


def asks_time(node: Node) -> bool:
    """Whether the answer may depend on the instant; the rules of named segments may ask for it."""
    return any(
        (isinstance(part, Call) and part.function in ("days_since", "hours_since"))
        or (isinstance(part, Aggregate) and part.length is not None)
        or (isinstance(part, Name) and part.path == "segments")
        for part in node.walk()
    )


def _furthest(numbers: np.ndarray) -> int:
    """How far the numbers lie from 0 at most."""
    return max(abs(int(numbers.max())), abs(int(numbers.min()))) if len(numbers) else 0


class BroughtSegments(Column):
    """The segments that contacts bring, as the rules of the playbook's segments see them.

    One that is asked for by its name may be one of the playbook's.

    Args:
        all_of_them: the segments of the contacts.
    """

    def __init__(self, all_of_them: SegmentMasks) -> None:
        super().__init__([])
        self.pair = all_of_them.pair
        self._own = all_of_them.own

    @cached_property
    def _coded(self) -> tuple[np.ndarray, list[Any]]:
        return self._own.codes, list(self._own.values)


class SegmentMasks(Column):
    """The segments of a chunk of contacts. A rule of a segment is asked when something asks for the segment.

    Args:
        own: the segments that the contacts bring themselves, as tuples.
        named: those of the playbook.
        masks: the contacts as they were given.
    """

    def __init__(self, own: Column, named: Sequence[Segment], masks: RuleMasks) -> None:
        super().__init__([])
        self.own = own
        self._named = {segment.name: segment for segment in named}
        self._masks = masks
        if any(segment.uses for segment in named):
            masks.columns = {**masks.columns, "segments": BroughtSegments(self)}
        self._pairs: dict[str, Pair] = {}

    def pair(self, name: str) -> Pair:
        """Who is surely in a segment, and who is surely not: for the rest it is unknown."""
        found = self._pairs.get(name)
        if found is None:
            brought = np.array([name in (value or ()) for value in self.own.values], np.bool_)[self.own.codes]
            if name in self._named:
                true, false = self._masks.pair(self._named[name].rule)
                found = brought | true, ~brought & false
            else:
                found = brought, ~brought
            self._pairs[name] = found
        return found

    @cached_property
    def _coded(self) -> tuple[np.ndarray, list[Any]]:
        """Every combination that occurs, once."""
        codes, values = self.own.codes, [value or () for value in self.own.values]
        names = list(self._named)
        for start in range(0, len(names), _SEGMENTS_AT_ONCE):
            some = names[start : start + _SEGMENTS_AT_ONCE]
            keys = codes << len(some)
            for place, name in enumerate(some):
                keys |= self.pair(name)[0].astype(np.int64) << place
            found, codes = _numbered(keys, len(values) << len(some))
            values = [
                (*own, *(name for place, name in enumerate(some) if key >> place & 1 and name not in own))
                for key in found.tolist()
                for own in (values[key >> len(some)],)
            ]
        return codes, values


def _numbered(keys: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray]:
    """The keys that occur, all less than a span, and by row which."""
    if span > 4 * len(keys):
        found, places = np.unique(keys, return_inverse=True)
        return found, places.reshape(-1)
    index = np.zeros(span, np.bool_)
    index[keys] = True
    found = np.flatnonzero(index)
    number = np.zeros(span, np.int64)
    number[found] = np.arange(len(found))
    return found, number[keys]
