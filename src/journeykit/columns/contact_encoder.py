"""The contact encoder: a chunk of the table of contacts as the arrays that the kernels read.

Only regular rows are read here. A contact with any other cell is marked and falls back to the readers of
`journeykit.tables` and the row engine, which say what is wrong.
"""

from __future__ import annotations

import threading
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.basics.clock import DAY, clock, day_number, first_and_last, micros
from journeykit.columns.audience_tables import AudienceBits, AudienceTables
from journeykit.columns.chunk import Chunk, rule_columns
from journeykit.columns.expression_program import operands
from journeykit.columns.rule_masks import RuleMasks, SegmentMasks
from journeykit.columns.ruleset_arrays import packed
from journeykit.errors import ModelError
from journeykit.kernels import in_holdout
from journeykit.kernels.interface.codes import (
    AGREED,
    BAD,
    IS_OPTED_OUT,
    IS_SUPPRESSED,
    NO_LIMIT,
    NO_ZONE,
    UNKNOWN,
    WITHDRAWN,
)
from journeykit.kernels.interface.contact_arrays import PERSONS, Contacts
from journeykit.kernels.interface.records import records
from journeykit.model.cap import Limit
from journeykit.model.contact import ANY
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.cells import is_missing, read_degree, read_truth, read_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from journeykit.columns.name_numbers import Names
    from journeykit.columns.ruleset_arrays import RulesetArrays
    from journeykit.columns.zone_arrays import LocalKinds
    from journeykit.kernels.interface.contact_arrays import SlotTimes
    from journeykit.model.send_at import SendAt
    from journeykit.rule import Rule


class ContactEncoder:
    """Reads chunks of contacts for a layout.

    Args:
        layout: the playbook as arrays.
        at: the instant of the decisions, aware.
        zones: numbers of time zones, the playbook's first, and of kinds of contacts by zone and hours; more are added
            as they are met.
        until: the last instant of a plan, or None.
        slots: gives the slots of a plan, for all kinds that were met; None where there is one instant only.
    """

    def __init__(
        self,
        layout: RulesetArrays,
        at: datetime,
        zones: LocalKinds,
        slots: Callable[[], SlotTimes] | None = None,
        until: datetime | None = None,
    ) -> None:
        self._slots = slots if layout.timely else None
        self.layout = layout
        self.playbook = layout.compiled.playbook
        self.at = at
        self._span = first_and_last(at, until)
        self.zones = zones
        self._lock = threading.Lock()
        openings = layout.list
        rules = self._rules = [*layout.audiences, *layout.careful, *layout.hour_rules]
        audience = layout.parts["openings"]["audience"]
        outside = packed([audience == number for number in range(len(rules))], len(openings))
        self._words = outside.shape[1]
        self._hour_rules = range(len(rules) - len(layout.hour_rules), len(rules))
        self._careful = packed([len(layout.audiences) <= n < self._hour_rules.start for n in range(len(rules))])
        self._tables = AudienceTables(rules, outside, at)
        self._dated = np.array([day is not None for day in layout.own_days], np.bool_)
        self._topics = [set(opening.about) for opening in openings]
        self._interests = bool(self.playbook.interest_lift) and any(self._topics)

    def contacts(self, chunk: Chunk) -> Contacts:
        """The contacts of a chunk; those that the row engine must decide are marked `BAD`."""
        plan = chunk.plan
        fields = {name: chunk.columns[place] for place, name, _ in plan.fields}
        reads = {name: read for _, name, read in plan.fields}
        stage = self._named(chunk, fields.get("stage"), self.layout.stages, reads.get("stage"))
        role = self._named(chunk, fields.get("role"), self.layout.roles, reads.get("role"))
        zone, flags = self._zones(chunk, fields.get("timezone"))
        for name, bit in (("suppressed", IS_SUPPRESSED), ("opted_out", IS_OPTED_OUT)):
            if name in fields:
                codes, values = self._read(chunk, fields[name], read_truth)
                flags |= np.array([bit if value is True else 0 for value in values], np.int64)[codes]
        for name in ("account", "persona", "segments"):
            if name in fields:
                self._read(chunk, fields[name], reads[name])
        consent, until = self._consents(chunk)
        codes, interested = self._interest(chunk, fields.get("interests"), reads.get("interests"))
        zone, audience, outside, timely = self._audiences(chunk, zone, self._send_times(chunk))
        contacts = Contacts(
            person=records(PERSONS, stage=stage, role=role, zone=zone, traits=flags, interest=codes),
            consent=consent,
            consent_until=until,
            topic=self._topic_consents(chunk),
            preference=self._preferences(chunk),
            interested=interested,
            audience=audience,
            outside=outside,
            absent=self._absent(chunk, zone),
            timely=timely,
            limit=self._limits(chunk),
            holdout=self._holdouts(chunk),
            latest=np.zeros((chunk.rows, 0), np.int64),
            operand=self._operands(chunk),
        )
        contacts.person["traits"][chunk.apart] |= BAD
        return contacts

    def _read(self, chunk: Chunk, column: Column, read: Callable[[Any], Any]) -> tuple[np.ndarray, list[Any]]:
        """What a reader makes of a column, None where it is empty; marks the rows that it refuses."""
        codes, values = column.read(lambda value: None if is_missing(value) else read(value))
        refused = np.array([value is UNREAD for value in values], np.bool_)
        if refused.any():
            chunk.apart |= refused[codes]
        return codes, [None if value is UNREAD else value for value in values]

    def _named(
        self, chunk: Chunk, column: Column | None, names: Names, read: Callable[[Any], Any] | None
    ) -> np.ndarray:
        """Numbers of names; the last but one for all others, the last for none."""
        others = len(names.list)
        if column is None or read is None:
            return np.full(chunk.rows, others + 1, np.int64)
        codes, values = self._read(chunk, column, read)
        places = [others + 1 if value is None else names.number.get(value, others) for value in values]
        return np.array(places, np.int64)[codes]

    def _zones(self, chunk: Chunk, column: Column | None) -> tuple[np.ndarray, np.ndarray]:
        if column is None:
            return np.zeros(chunk.rows, np.int64), np.full(chunk.rows, NO_ZONE, np.int64)
        codes, values = self._read(chunk, column, read_zone)
        index = np.bincount(codes, minlength=len(values)) > 0
        # Other threads may meet a zone at the same time.
        with self._lock:
            places = [
                0 if value is None or not used else self.zones.add(value)
                for value, used in zip(values, index, strict=True)
            ]
        missing = [NO_ZONE if value is None else 0 for value in values]
        return np.array(places, np.int64)[codes], np.array(missing, np.int64)[codes]

    def _consents(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        """By channel, what a list of channels says, then what single columns say; and until when it holds."""
        plan, names = chunk.plan, self.layout.channels
        rows, width = chunk.rows, len(names.list)
        found = np.full((rows, width), UNKNOWN, np.int8)
        listed = np.zeros(rows, np.bool_)
        if plan.consent is not None:
            codes, lists = self._read(chunk, chunk.columns[plan.consent], plan.channels)
            table = np.array(
                [
                    [UNKNOWN if own is None else AGREED if name in own else WITHDRAWN for name in names.list]
                    for own in lists
                ],
                np.int8,
            ).reshape(len(lists), width)
            # A list with a star in it speaks for channels that it does not name.
            chunk.apart |= np.array([own is not None and ANY in own for own in lists], np.bool_)[codes]
            listed = np.array([own is not None for own in lists], np.bool_)[codes]
            found = table[codes]
        for channel, column in self._columns_of(chunk, "consent_", names):
            codes, values = self._read(chunk, column, read_truth)
            states = np.array([-1 if v is None else AGREED if v else WITHDRAWN for v in values], np.int8)[codes]
            if channel >= 0:
                found[:, channel] = np.where(states < 0, found[:, channel], states)
        ends = list(self._columns_of(chunk, "consent_until_", names))
        until = np.full((rows, width if ends else 0), _NEVER, np.int64)
        for channel, column in ends:
            instants, known = self._instants(chunk, column)
            if channel >= 0:
                state = found[:, channel]
                found[:, channel] = np.where(
                    known & (state == UNKNOWN), np.where(listed, WITHDRAWN, AGREED), state
                ).astype(np.int8)
                until[:, channel] = np.where(known, instants, until[:, channel])
        return found, until

    def _instants(self, chunk: Chunk, column: Column) -> tuple[np.ndarray, np.ndarray]:
        found = column.instants
        if found is None:
            codes, values = self._read(chunk, column, chunk.plan.expiry)
            read = [_micros(value) for value in values]
            known = np.array([value is not None for value in values], np.bool_)[codes]
            chunk.apart |= np.array([at is None for at in read], np.bool_)[codes] & known
            return np.array([at or 0 for at in read], np.int64)[codes], known
        instants, known = found
        # What lies outside the years that the engine takes is looked at one by one.
        chunk.apart |= known & ((instants < _FIRST_GOOD) | (instants >= _PYTHON_ENDS))
        return np.where(instants >= _FOR_EVER, _NEVER, instants), known

    def _columns_of(self, chunk: Chunk, prefix: str, names: Names) -> list[tuple[int, Column]]:
        """The columns named after something, with its number, -1 where nothing else knows it; none twice."""
        found = []
        for place, spelt in chunk.plan.named[prefix]:
            for name in spelt:
                if name == ANY:
                    chunk.apart[:] = True
                found.append((names.find(name), chunk.columns[place]))
        return found

    def _topic_consents(self, chunk: Chunk) -> np.ndarray:
        names = self.layout.topics
        found = np.full((chunk.rows, len(names.list)), UNKNOWN, np.int8)
        for topic, column in self._columns_of(chunk, "topic_consent_", names):
            codes, values = self._read(chunk, column, read_truth)
            states = [UNKNOWN if v is None else AGREED if v else WITHDRAWN for v in values]
            if topic >= 0:
                found[:, topic] = np.array(states, np.int8)[codes]
        return found

    def _preferences(self, chunk: Chunk) -> np.ndarray:
        names = self.layout.channels
        columns = self._columns_of(chunk, "prefer_", names)
        found = np.ones((chunk.rows, len(names.list) if columns else 0), np.float64)
        for channel, column in columns:
            own_numbers = column.numbers
            if own_numbers is None:
                codes, values = self._read(chunk, column, read_degree)
                own = np.array([1.0 if value is None else value for value in values], np.float64)[codes]
            else:
                degrees, known = own_numbers
                chunk.apart |= known & ~((degrees >= 0) & (degrees <= 1))
                own = np.where(known, degrees, 1.0).astype(np.float64)
            if channel >= 0:
                found[:, channel] = own
        return found

    def _interest(
        self, chunk: Chunk, column: Column | None, read: Callable[[Any], Any] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Codes of sets of interests, and by set and opening what they make a claim weigh."""
        width = len(self._topics)
        if column is None or read is None:
            return np.zeros(chunk.rows, np.int64), np.ones((1, 0), np.float64)
        codes, lists = self._read(chunk, column, read)
        if not self._interests:
            return np.zeros(chunk.rows, np.int64), np.ones((1, 0), np.float64)
        lift = self.playbook.interest_lift
        rows = [[1.0 if topics.isdisjoint(own or ()) else 1.0 + lift for topics in self._topics] for own in lists]
        return codes, np.array(rows, np.float64).reshape(len(lists), width)

    def _send_times(self, chunk: Chunk) -> np.ndarray:
        """By contact, the times of day at which claims go; contacts whose own cannot be read are marked."""
        own = self.layout.send_times
        found = np.zeros((chunk.rows, len(own)), np.int64)
        columns = rule_columns(chunk) if own else {}
        for place, send_at in enumerate(own):
            column = columns.get(send_at.attribute or "")
            if column is None:
                found[:, place] = send_at.time_for({})
                continue
            times = [_time(send_at, value) for value in column.values]
            chunk.apart |= np.array([time is None for time in times], np.bool_)[column.codes]
            found[:, place] = np.array([time or 0 for time in times], np.int64)[column.codes]
        return found

    def _audiences(
        self, chunk: Chunk, zone: np.ndarray, times: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """By contact, the kind; whom rules are true of; whom audiences of openings leave out; `People.timely`."""
        rules = self._rules
        if not rules:
            none = np.zeros((chunk.rows, 0), np.int64), np.zeros((chunk.rows, self._words), np.int64)
            zone = self._kinds(chunk, zone, None, times) if times.shape[1] else zone
            return zone, *none, np.zeros((chunk.rows, 0, 0, 0), np.int64)
        columns = rule_columns(chunk)
        if self.playbook.segments and any("segments" in rule.names for rule in rules):
            columns["segments"] = self._segments(chunk, columns, zone)
        masks = self._masks(chunk, columns, rules, zone)
        bits = self._tables.bits(columns, masks)
        for number in bits.unsure:
            word, bit = number >> 6, _BITS[number & 63]
            chunk.unknown[str(rules[number])] = (bits.true[:, word] | bits.false[:, word]) & bit == 0
        # Rules of caps that protect hold where they are not surely false.
        found = bits.true & ~self._careful | ~bits.false & self._careful
        if self._hour_rules or times.shape[1]:
            zone = self._kinds(chunk, zone, bits, times)
        return zone, found, bits.outside, self._timely(chunk, zone, masks)

    def _kinds(self, chunk: Chunk, zone: np.ndarray, bits: AudienceBits | None, times: np.ndarray) -> np.ndarray:
        """The kinds of contacts by their zones, what the audiences of hours say of them, and their send times.

        Of very many kinds those that come late fall back to the row engine.
        """
        codes = zone
        for own in times.T:
            named = np.unique(own, return_inverse=True)[1]
            codes = np.unique(named + len(own) * codes, return_inverse=True)[1]
        for number in self._hour_rules:
            assert bits is not None  # noqa: S101  (where there are such rules they were asked)
            word, bit = number >> 6, _BITS[number & 63]
            true, false = bits.true[:, word] & bit != 0, bits.false[:, word] & bit != 0
            # Numbered anew each time, so that they stay small.
            codes = np.unique(np.where(true, 1, np.where(false, 0, 2)) + 3 * codes, return_inverse=True)[1]
        _, rows, codes = np.unique(codes, return_index=True, return_inverse=True)
        places = []
        with self._lock:
            for row in rows.tolist():
                own = self.zones.list[int(zone[row])].zone
                answers = () if bits is None else tuple(_answer(bits, row, number) for number in self._hour_rules)
                is_full = len(self.zones.list) >= _MOST_KINDS
                places.append(-1 if is_full else self.zones.add(own, answers, tuple(times[row].tolist())))
        found = np.array(places, np.int64)[codes]
        chunk.apart |= found < 0
        return np.where(found < 0, zone, found)

    def _timely(self, chunk: Chunk, zone: np.ndarray, now: RuleMasks) -> np.ndarray:
        """By kind of opening and rule that asks for time, at which slots of a plan it is true (`People.timely`)."""
        if self._slots is None:
            return np.zeros((chunk.rows, 0, 0, 0), np.int64)
        rules, slots = self.layout.timely, self._slots()
        found = np.zeros((chunk.rows, slots.kinds, len(rules), (slots.longest + 63) // 64), np.int64)
        columns = rule_columns(chunk)
        named = bool(self.playbook.segments) and any("segments" in rule.names for rule in rules)
        # Other threads may meet more zones meanwhile; those of this chunk have their slots.
        zones = (len(slots.first) - 1) // slots.kinds
        for kind in range(slots.kinds):
            wanted = self.layout.timely_of(slots.kind == kind)
            if not wanted:
                continue
            firsts = slots.first[np.arange(zones) * slots.kinds + kind]
            ends = slots.first[np.arange(zones) * slots.kinds + kind + 1]
            for slot in range(int((ends - firsts).max(initial=0))):
                there = firsts + slot < ends
                instants = np.full(zones, now.now, np.int64)
                instants[there] = slots.at[firsts[there] + slot]
                own = dict(columns)
                if named:
                    own["segments"] = self._segments(chunk, columns, zone, instants)
                masks = self._masks(chunk, own, rules, zone, instants=instants, lasting=now)
                for rule in wanted:
                    found[masks.pair(rules[rule])[0], kind, rule, slot >> 6] |= _BITS[slot & 63]
        return found

    def segments(self, chunk: Chunk, zone: np.ndarray) -> SegmentMasks:
        """The segments of the contacts, their own and the playbook's; by contact, the number of its time zone."""
        return self._segments(chunk, rule_columns(chunk), zone)

    def _segments(
        self, chunk: Chunk, columns: dict[str, Column], zone: np.ndarray, instants: np.ndarray | None = None
    ) -> SegmentMasks:
        named = self.playbook.segments
        masks = self._masks(chunk, columns, [segment.rule for segment in named], zone, instants=instants)
        return SegmentMasks(columns["segments"], named, masks)

    def _masks(
        self, chunk: Chunk, columns: dict[str, Column], rules: Sequence[Rule], zone: np.ndarray, **when: Any
    ) -> RuleMasks:
        wanted = {part for rule in rules for name in rule.names for part in (name, name.partition(".")[0])}
        read = {name: column for name, column in columns.items() if name in wanted}
        return RuleMasks(read, chunk.rows, self.at, self.zones.names, zone, events=chunk.events, **when)

    def _limits(self, chunk: Chunk) -> np.ndarray:
        """The contacts' own limits; a limit that cannot be read marks the contact."""
        own = self.layout.own_limits
        found = np.full((chunk.rows, len(own)), NO_LIMIT, np.int64)
        columns = rule_columns(chunk) if own else {}
        for place, cap in enumerate(own):
            assert isinstance(cap.max, Limit)  # noqa: S101  (those are the caps that are listed)
            column = columns.get(cap.max.attribute)
            if column is None:
                found[:, place] = _limit(cap, None) or 0
                continue
            limits = [_limit(cap, value) for value in column.values]
            chunk.apart |= np.array([limit is None for limit in limits], np.bool_)[column.codes]
            found[:, place] = np.array([limit or 0 for limit in limits], np.int64)[column.codes]
        return found

    def _absent(self, chunk: Chunk, zone: np.ndarray) -> np.ndarray:
        """By opening, whether there is no such claim: variants that a split does not choose, dates of others; bits."""
        splits = self.layout.splits
        if not splits and not self._dated.any():
            return np.zeros((chunk.rows, 0), np.int64)
        zones, place = np.unique(zone, return_inverse=True)
        names = self.zones.names
        absent = np.array([self._absent_in(names[number]) for number in zones.tolist()], np.bool_)[place.reshape(-1)]
        for campaign, openings in splits.items():
            seed, started = _points(campaign), np.zeros(chunk.rows, np.bool_)
            for own, end in openings:
                ended = np.empty(chunk.rows, np.bool_)
                in_holdout(seed, chunk.offsets, chunk.data, end, ended)
                absent[:, own] |= (started | ~ended)[:, None]
                started = ended
        return packed(absent, len(self.layout.list))

    def _absent_in(self, zone: str) -> np.ndarray:
        """In a time zone, the dates outside of the span, and the claims without a date of campaigns that have one."""
        first, last = (clock(zone).day(at) for at in self._span)
        days = self.layout.own_days
        inside = np.array([day is not None and first <= day <= last for day in days], np.bool_)
        ids = [own.campaign.id for own in self.layout.list]
        claimed = {name for name, there in zip(ids, inside.tolist(), strict=True) if there}
        undated = np.array([day is None and name in claimed for name, day in zip(ids, days, strict=True)], np.bool_)
        return self._dated & ~inside | undated

    def _operands(self, chunk: Chunk) -> np.ndarray:
        """What weight expressions read of the contacts."""
        attributes = self.layout.operands
        return operands(rule_columns(chunk), attributes, chunk.rows) if attributes else np.zeros((chunk.rows, 0))

    def _holdouts(self, chunk: Chunk) -> np.ndarray:
        holdouts = self.layout.holdouts
        found = np.zeros((chunk.rows, len(holdouts)), np.bool_)
        for place, holdout in enumerate(holdouts):
            if holdout is not None:
                seed = _points(holdout.seed)
                inside = np.empty(chunk.rows, np.bool_)
                in_holdout(seed, chunk.offsets, chunk.data, holdout.share, inside)
                found[:, place] = inside
        return found


_NEVER = 2**62
_BITS = (np.uint64(1) << np.arange(64, dtype=np.uint64)).view(np.int64)
_MOST_KINDS = 3_000
_FIRST_GOOD = day_number(date(1000, 1, 2)) * DAY
# The last years of the calendar are how tables write "for ever".
_FOR_EVER = day_number(date(9001, 1, 1)) * DAY
_PYTHON_ENDS = day_number(date(9999, 12, 31)) * DAY


def _points(text: str) -> np.ndarray:
    return np.array([ord(char) for char in text], np.int64)


def _micros(value: Any) -> int | None:
    if value is None:
        return None
    try:
        return _NEVER if value.year > 9000 else micros(value)
    except ModelError:
        return None


def _limit(cap: Any, value: Any) -> int | None:
    """A limit of a contact's own, in billionths; None where it cannot be."""
    try:
        found = cap.limit_for({cap.max.attribute: value})
    except ModelError:
        return None
    return NO_LIMIT if found is None else found


def _time(send_at: SendAt, value: Any) -> int | None:
    """The time of day that a value says; None where it says none."""
    try:
        return send_at.time_for({send_at.attribute or "": value})
    except ModelError:
        return None


def _answer(bits: AudienceBits, row: int, number: int) -> bool | None:
    """What a rule says of a contact."""
    word, bit = number >> 6, int(_BITS[number & 63])
    if int(bits.true[row, word]) & bit:
        return True
    return False if int(bits.false[row, word]) & bit else None
