"""Whom a shifted number may concern: contacts that it surely leaves as they are need not be decided again.

A contact's choice is the best of the sets that keep all rules. Where a rule forbids less, another set can be best only
if the rule forbade it before; where it forbids more, only if the set that was best breaks it now. Both are asked of
what the rules could hold at most, so that nobody is missed, and some are decided again for nothing.

Where the rules are nested, and count all their claims alike, claims taken best first are the best set (a laminar
matroid). A rule then keeps a claim out only if, with the winners, the claim would break it, and would break no rule
that lies inside it; and the order of claims does not depend on the reserve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.basics.clock import FOREVER
from journeykit.basics.validation import BILLIONTH, MILLIONTH, scaled
from journeykit.comparing.rule_number import CAP, RESERVE, SERIES, ShiftedLimit
from journeykit.engine.ruleset import reach_of
from journeykit.kernels.interface.codes import (
    CAPPED,
    CONFLICT,
    DEFERRED_OUTCOME,
    GRANTED_OUTCOME,
    NO_LIMIT,
    NOT_WORTH_IT,
    OUTBID,
    REQUIRES,
)
from journeykit.model.cap import Limit

if TYPE_CHECKING:
    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.ruleset_arrays import ShapeTables
    from journeykit.columns.worker import BlockResult
    from journeykit.comparing.rule_number import RuleNumber
    from journeykit.job.chunk_state import ChunkState

_LOST = np.zeros(32, np.bool_)
_LOST[[CAPPED, CONFLICT, REQUIRES, OUTBID]] = True
"""The reasons of claims that could be granted if other rules, or other winners, let them."""
_EXACT = 2.0**53
"""Sums from here on are not exact as floating-point numbers."""


class ChunkClaims(NamedTuple):
    """What was decided of the claims of a chunk that were eligible, as arrays by claim.

    Attributes:
        rows: how many contacts the chunk has.
        contact: the row of the contact.
        label: the number of the claim's name.
        opening: what it asks for.
        weight: its weight in millionths.
        granted: whether it is granted.
        lost: whether it could be granted if other rules or winners let it.
        hopeless: whether its weight is not above the reserve.
        capped: whether the history alone uses up a cap.
        waits: whether it is a step of a series whose turn comes later.
        bound: by pair of a claim and a rule that stops it, the claim's place.
        rule: and the rule.
    """

    rows: int
    contact: np.ndarray
    label: np.ndarray
    opening: np.ndarray
    weight: np.ndarray
    granted: np.ndarray
    lost: np.ndarray
    hopeless: np.ndarray
    capped: np.ndarray
    waits: np.ndarray
    bound: np.ndarray
    rule: np.ndarray

    @classmethod
    def of(cls, answers: BlockResult, rows: int, openings: np.ndarray) -> ChunkClaims:
        """What the answers say; ``openings`` has the opening of each label."""
        size, found = answers.size, answers.rows
        reason, outcome = found.reason[:size], found.outcome[:size]
        label, first = found.label[:size], found.bind_first
        # Without a row there is no end of the last list either.
        counts = np.diff(first[: size + 1]) if size else np.zeros(0, np.int64)
        return cls(
            rows=rows,
            contact=found.contact[:size].astype(np.int64),
            label=label,
            opening=openings[label] if size else np.zeros(0, np.int64),
            weight=millionths(found.weight[:size]),
            granted=outcome == GRANTED_OUTCOME,
            lost=_LOST[reason],
            hopeless=reason == NOT_WORTH_IT,
            capped=reason == CAPPED,
            waits=(reason == REQUIRES) & (outcome == DEFERRED_OUTCOME),
            bound=np.repeat(np.arange(size), counts),
            rule=found.bind[: int(counts.sum())],
        )

    def contacts(self, which: np.ndarray) -> np.ndarray:
        """By contact, whether they have one of some claims, given as a mask or by their places."""
        found = np.zeros(self.rows, np.bool_)
        found[self.contact[which]] = True
        return found

    def stopped_by(self, rules: np.ndarray) -> np.ndarray:
        """The claims that any of some rules stops, as a mask; the rules are given likewise."""
        found = np.zeros(len(self.contact), np.bool_)
        found[self.bound[rules[self.rule]]] = True
        return found


def millionths(weights: np.ndarray) -> np.ndarray:
    """Weights as whole numbers; those of claims without one are 0."""
    found = np.clip(np.nan_to_num(weights) * MILLIONTH, -(2.0**62), 2.0**62)
    whole: np.ndarray = np.rint(found).astype(np.int64)
    return whole


class ShiftReach:
    """Finds the contacts of chunks whom a rule binds, and those whom its number, shifted, may concern.

    Args:
        engine: the playbook as arrays.
    """

    def __init__(self, engine: ColumnarEngine) -> None:
        self._engine = engine
        parts, layout = engine.layout.parts, engine.layout
        self._openings = openings = parts["openings"]
        self._caps = parts["cell_cap"]
        self._rule, self._same = parts["rule"], parts["same"]
        self._points = self._uses(parts["cells"], openings["cell_from"], openings["cell_to"])
        self._is_plan = engine.until is not None
        # Of a cap each of whose cells is for one claim alone, no two claims are in each other's way.
        widest = np.zeros(len(layout.compiled.playbook.caps) + 1, np.int64)
        counts = np.bincount(parts["cells"]["cell"], minlength=len(self._caps))
        np.maximum.at(widest, self._caps, counts)
        self._is_single = (widest <= 1) & engine.derived & (not self._is_plan)
        self._inner: dict[int, np.ndarray] = {}
        plain = engine.moment().plain
        self._is_nested = engine.derived and plain is not None and bool(plain.nested)
        reaches = [reach_of(cap.window) for cap in layout.compiled.playbook.caps]
        self._since = [-FOREVER if reach >= FOREVER else engine.now - reach for reach in reaches]
        self._shapes: tuple[ShapeTables, np.ndarray] | None = None

    def _uses(self, cells: np.ndarray, first: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """By cap, and by opening or kind of touch, what it uses of all cells together, in billionths."""
        found = np.zeros((len(self._engine.layout.compiled.playbook.caps), len(first)))
        owner = np.repeat(np.arange(len(first)), stop - first)
        if len(owner):
            np.add.at(found, (self._caps[cells["cell"]], owner), cells["points"].astype(np.float64))
        return found

    def binds(self, number: RuleNumber, claims: ChunkClaims) -> np.ndarray:
        """By contact, whether the rule stops one of their claims."""
        if number.kind == RESERVE:
            return claims.contacts(claims.hopeless)
        if number.kind == SERIES:
            return claims.contacts(claims.waits & self._of_campaign(number)[claims.opening])
        return claims.contacts(claims.stopped_by(self._rule_of(number)))

    def _rule_of(self, number: RuleNumber) -> np.ndarray:
        """By rule, whether it is that of a number."""
        found = np.zeros(len(self._engine.layout.rules.list), np.bool_)
        found[self._same[self._rule[0 if number.kind == CAP else 3] + number.place]] = True
        return found

    def _inside(self, place: int) -> np.ndarray:
        """By rule, whether it is a cap that lies inside another one: what breaks it there is kept out all the same."""
        known = self._inner.get(place)
        if known is None:
            known = self._inner[place] = self._find_inside(place)
        return known

    def _find_inside(self, place: int) -> np.ndarray:
        found = np.zeros(len(self._engine.layout.rules.list), np.bool_)
        named = np.bincount(self._same, minlength=len(found))
        members = self._members()
        own = members[self._caps == place]
        for other in np.flatnonzero((self._points > 0).any(axis=1)).tolist():
            rule = self._rule[0] + other
            if other == place or named[self._same[rule]] > 1:
                continue
            theirs = members[self._caps == other]
            both = own @ theirs.T
            found[rule] = not ((both > 0) & (both < theirs.sum(axis=1))).any()
        return found

    def _members(self) -> np.ndarray:
        """By cell and opening, 1 where the opening uses the cell."""
        cells = self._engine.layout.parts["cells"]
        found = np.zeros((len(self._caps), len(self._openings)), np.float32)
        owner = np.repeat(np.arange(len(self._openings)), self._openings["cell_to"] - self._openings["cell_from"])
        uses = cells["points"] > 0
        found[cells["cell"][uses], owner[uses]] = 1
        return found

    def _of_campaign(self, number: RuleNumber) -> np.ndarray:
        """By opening, whether it is of the campaign that a series is."""
        campaign = self._engine.layout.campaigns.find(number.name)
        found: np.ndarray = self._openings["campaign"] == campaign
        return found

    def concerns(
        self, number: RuleNumber, direction: int, state: ChunkState, shapes: ShapeTables, claims: ChunkClaims
    ) -> np.ndarray:
        """By contact, whether a number that is a unit more (1) or less (-1) may change what they get."""
        eases = direction == number.eases
        if number.kind == RESERVE:
            return self._by_reserve(number, direction, claims)
        if number.kind != CAP:
            held = self._of_campaign(number) if number.kind == SERIES else self._in_conflict(number.place)
            return claims.contacts(held[claims.opening] & self._movable(claims, eases=eases))
        if eases and self._is_nested:
            inner = claims.stopped_by(self._inside(number.place))
            return claims.contacts(claims.stopped_by(self._rule_of(number)) & claims.lost & ~inner)
        if eases and self._is_single[number.place]:
            return claims.contacts(claims.stopped_by(self._rule_of(number)) & claims.capped)
        used = self._used(number.place, state, shapes, claims, eases=eases)
        limit = self._limits(number, state, 0 if eases else direction * number.unit)
        over = (used > limit) | (used >= _EXACT)
        mine = self._points[number.place][claims.opening] > 0
        return claims.contacts(mine & self._movable(claims, eases=eases)) & over

    def _movable(self, claims: ChunkClaims, *, eases: bool) -> np.ndarray:
        """The claims of which one must be concerned: one that lost where a rule eases, else one that is granted.

        In a plan, what is granted may also go on another day.
        """
        if not eases:
            return claims.granted
        return claims.lost | claims.granted if self._is_plan else claims.lost

    def _in_conflict(self, place: int) -> np.ndarray:
        """By opening, whether it is in one of the scopes of a conflict."""
        masks = self._openings["first"] | self._openings["then"]
        found: np.ndarray = masks >> place & 1 != 0
        return found

    def _by_reserve(self, number: RuleNumber, direction: int, claims: ChunkClaims) -> np.ndarray:
        assert not isinstance(number.now, str)  # noqa: S101  (the reserve is a number)
        reserve = scaled(number.now + direction * number.unit, MILLIONTH)
        if direction < 0:
            crossed = claims.contacts(claims.hopeless & (claims.weight > reserve))
        else:
            crossed = claims.contacts(claims.granted & (claims.weight <= reserve))
        if not self._is_nested:
            # One message may be worth more than two together, once each must be worth more, and the other way round.
            crossed = crossed | claims.contacts(claims.lost)
        return crossed

    def _used(
        self, place: int, state: ChunkState, shapes: ShapeTables, claims: ChunkClaims, *, eases: bool
    ) -> np.ndarray:
        """By contact, what may be used of a cap at most, all its windows and groups together."""
        counted = claims.granted | claims.lost if eases else claims.granted
        own = np.where(counted, self._points[place][claims.opening], 0.0)
        found: np.ndarray = np.bincount(claims.contact, own, claims.rows)
        history = state.history
        if len(history.at):
            told = self._of_shapes(shapes)[place][history.shape]
            told = np.where(history.at >= self._since[place], told, 0.0)
            owner = np.repeat(np.arange(claims.rows), np.diff(history.first))
            found = found + np.bincount(owner, told, claims.rows)
        return found

    def _of_shapes(self, shapes: ShapeTables) -> np.ndarray:
        known = self._shapes
        if known is None or known[0] is not shapes:
            table = shapes.shapes
            # Two threads may make it at once: either will do.
            known = self._shapes = shapes, self._uses(shapes.cells, table["cell_from"], table["cell_to"])
        return known[1]

    def _limits(self, number: RuleNumber, state: ChunkState, by: float) -> np.ndarray:
        """By contact, the limit of a cap in billionths, so much more or less; infinity for no limit."""
        cap = self._engine.layout.compiled.playbook.caps[number.place]
        if not isinstance(cap.max, Limit):
            assert cap.max is not None  # noqa: S101  (a cap without a limit has no number)
            return np.full(state.chunk.rows, float(scaled(max(0.0, cap.max + by), BILLIONTH)))
        column = self._engine.layout.parts["caps"]["own"][number.place]
        own: np.ndarray = state.people.limit[:, column].astype(np.float64)
        shifted: np.ndarray = np.where(own == NO_LIMIT, np.inf, np.maximum(own + scaled(by, BILLIONTH), 0.0))
        return shifted


def shifted_limits(limits: np.ndarray, column: int, by: ShiftedLimit) -> np.ndarray:
    """Contacts' own limits, with those of one cap shifted."""
    found = limits.copy()
    own = limits[:, column]
    found[:, column] = np.where(own == NO_LIMIT, NO_LIMIT, np.maximum(own + scaled(by.by, BILLIONTH), 0))
    return found
