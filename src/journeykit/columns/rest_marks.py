"""Rests over columns: where each contact's rests began, as touches that fill the caps which the rests are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.basics.clock import EPOCH
from journeykit.columns.claim_block import gathered
from journeykit.columns.touch_columns import MARK, TouchesTaken
from journeykit.journey.event_history import CAMPAIGN
from journeykit.model.mismatch import Mismatches
from journeykit.model.rest import micros_of_lag
from journeykit.model.touch import IGNORED, Touch
from journeykit.rule.values import as_text, is_empty

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.columns.event_counts import EventCounts
    from journeykit.columns.touch_columns import TouchShapes
    from journeykit.engine.rest_caps import RestCell
    from journeykit.engine.ruleset import Ruleset
    from journeykit.journey.event_history import Ignoring
    from journeykit.model.rest import Rest


class _Told(NamedTuple):
    """Events that rests count: whose, when, and the code of what tells their groups."""

    contact: np.ndarray
    at: np.ndarray
    code: np.ndarray


class RestMarks:
    """The rests of a run's contacts.

    Args:
        ruleset: the rules.
        events: what the contacts did.
        taken: their touches, as far as they matter.
        shapes: the shapes of touches; those of marks are added.
        now: the instant of the decisions, in microseconds since 1970.
    """

    def __init__(
        self, ruleset: Ruleset, events: EventCounts, taken: Sequence[TouchesTaken], shapes: TouchShapes, now: int
    ) -> None:
        self._ruleset = ruleset
        self._events = events
        self._shapes = shapes
        self._now = now
        self._touches = _Told(
            *(np.concatenate([getattr(part, name) for part in taken] or [np.zeros(0, np.int64)]) for name in _PARTS)
        )
        self._campaigns: dict[str, int] = {}
        known = events.known.get(CAMPAIGN, ())
        # By code of an event's campaign, its name; the last is for none.
        self._names = [*map(_campaign, known), None]

    def marks(self) -> Iterator[TouchesTaken]:
        """What fills the caps of rests."""
        for number, rest in self._ruleset.rests.numbered():
            is_ignored = rest.event == IGNORED
            told = self.ignored(self._ruleset.events_asked.ignoring(rest)) if is_ignored else self._told(rest)
            codes = len(self._shapes.list) if is_ignored else len(self._names)
            used = np.bincount(told.code, minlength=codes) > 0
            cells = self._cells_of_shape if is_ignored else self._cells_of_name
            yield from self._begun(rest, told, [cells(number, code) if used[code] else () for code in range(codes)])

    def _cells_of_shape(self, number: int, code: int) -> Sequence[RestCell]:
        return self._ruleset.rests.cells(number, Touch(at=EPOCH, **self._shapes.list[code]))

    def _cells_of_name(self, number: int, code: int) -> Sequence[RestCell]:
        return self._ruleset.rests.cells_of_event(number, self._names[code])

    def ignored(self, how: Ignoring) -> _Told:
        """The touches to which no response came in time: whose, when that was known, and the shapes of the touches."""
        shapes = self._shapes.list
        campaigns = np.array([self._number(parts.get("campaign")) for parts in shapes], np.int64)
        sent = np.array([parts.get("status", "sent") == "sent" for parts in shapes], np.bool_)
        sent &= campaigns >= 0
        touches = self._touches
        good = sent[touches.code] & (touches.at + how.after <= self._now)
        touches = _Told(*(part[good] for part in touches))
        answered = self._answered(touches, campaigns[touches.code], how)
        return _Told(touches.contact[~answered], touches.at[~answered] + how.after, touches.code[~answered])

    def _answered(self, touches: _Told, campaign: np.ndarray, how: Ignoring) -> np.ndarray:
        """To which touches a response came in time."""
        log = self._events.log
        owner, events = self._events.everything
        code = log.value[self._events.asked.values[CAMPAIGN]][events]
        good = (code >= 0) & (log.name[events] >= 0)
        if how.response:
            wanted = [number for name, number in self._events.number.items() if name in how.response]
            good &= np.isin(log.name[events], wanted)
        owner, events, code = owner[good], events[good], code[good]
        named = np.array([self._number(name) for name in self._names], np.int64)[code]
        contact = np.concatenate([owner, touches.contact.astype(np.int64)])
        what = np.concatenate([named, campaign])
        at = np.concatenate([log.at[events], touches.at])
        is_touch = np.arange(len(at)) >= len(events)
        # An event of the very instant of a touch comes before it, and is no response.
        order = np.lexsort((is_touch, at, what, contact))
        none = len(order)
        places = np.where(is_touch[order], none, np.arange(none))
        later = np.minimum.accumulate(places[::-1])[::-1]
        after = order[np.minimum(later, none - 1)] if none else later
        same = (later < none) & (contact[after] == contact[order]) & (what[after] == what[order])
        found = np.zeros(none, np.bool_)
        found[order] = same & (at[after] <= at[order] + how.after)
        return found[is_touch]

    def _told(self, rest: Rest) -> _Told:
        """The events that a rest counts."""
        log = self._events.log
        owner, events = self._events.everything
        own = np.flatnonzero(log.name[events] == self._events.number[rest.event])
        code = log.value[self._events.asked.values[CAMPAIGN]][events[own]]
        return _Told(owner[own], log.at[events[own]], np.where(code >= 0, code, len(self._names) - 1))

    def _begun(self, rest: Rest, told: _Told, groups: Sequence[Iterable[RestCell]]) -> Iterator[TouchesTaken]:
        """Where a rest began, by contact and group.

        Args:
            rest: which.
            told: the events.
            groups: by code, the cells in which they count.
        """
        cells = dict.fromkeys(cell for own in groups for cell in own)
        number = {cell: place for place, cell in enumerate(cells)}
        firsts = np.cumsum([0, *(len(tuple(own)) for own in groups)], dtype=np.int64)
        starts, places = gathered(firsts, told.code)
        rows = np.repeat(np.arange(len(told.code)), np.diff(starts))
        cell = np.array([number[own] for group in groups for own in group] or [0], np.int64)[places]
        contact, at = told.contact[rows], told.at[rows]
        order = np.lexsort((at, cell, contact))
        contact, cell, at = contact[order], cell[order], at[order]
        before = np.arange(len(at)) - (rest.times - 1)
        enough = before >= 0
        before = np.maximum(before, 0)
        enough &= (contact[before] == contact) & (cell[before] == cell)
        is_last = np.ones(len(at), np.bool_)
        if rest.rest is None:
            is_last[:-1] = (contact[1:] != contact[:-1]) | (cell[1:] != cell[:-1])
            begins = at[before]
        else:
            if rest.within is not None:
                enough &= at - at[before] < micros_of_lag(rest.within)
            begins = at
        found = np.flatnonzero(enough & is_last)
        if rest.rest is not None and len(found):
            # Of several in a group, the last.
            last = np.ones(len(found), np.bool_)
            last[:-1] = (contact[found[1:]] != contact[found[:-1]]) | (cell[found[1:]] != cell[found[:-1]])
            found = found[last]
        found = found[begins[found] + rest.length > self._now]
        if not len(found):
            return
        shapes = np.array([self._shapes.number({MARK: own}) for own in cells], np.int32)
        none: list[Any] = []
        yield TouchesTaken(
            contact[found].astype(np.int32), begins[found], shapes[cell[found]], 0, 0, none, -1, Mismatches()
        )

    def _number(self, campaign: str | None) -> int:
        """The number of a campaign; -1 for none."""
        if campaign is None:
            return -1
        spelt = self._ruleset.vocabulary.spelt("campaign", campaign)
        return self._campaigns.setdefault(spelt, len(self._campaigns))


_PARTS = ("rows", "at", "shapes")


def _campaign(value: Any) -> str | None:
    found = as_text(value)
    return None if found is None or is_empty(found) else found


def ignored_and_rests(
    ruleset: Ruleset, events: EventCounts, taken: Sequence[TouchesTaken], shapes: TouchShapes, now: int
) -> list[TouchesTaken]:
    """Work out which touches were ignored, where rules ask for it; what fills the caps of rests is given.

    The arguments are those of `RestMarks`.
    """
    asked = ruleset.events_asked
    if not ruleset.rests and asked.rules_ignore is None:
        return []
    marks = RestMarks(ruleset, events, taken, shapes, now)
    if asked.rules_ignore is not None:
        told = marks.ignored(asked.rules_ignore)
        events.set_ignored(told.contact, told.at)
    return list(marks.marks())
