"""Contact facts: what the rules, the clock and the history say of one contact at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.basics.clock import Clock, clock, first_and_last
from journeykit.basics.once import once
from journeykit.basics.validation import MILLIONTH, all_of, scaled
from journeykit.engine.candidate import message_of
from journeykit.engine.eligibility import Subject
from journeykit.engine.history import PartnerTouches, TouchHistory, bars_of, clashes, counting, holds
from journeykit.engine.quota_charges import whole
from journeykit.engine.rest_caps import FULL
from journeykit.model.touch import Touch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

    from journeykit.engine.candidate import Candidate, Winner
    from journeykit.engine.counted_quotas import QuotaCapacity, Use
    from journeykit.engine.effects import Effects
    from journeykit.engine.message import Message
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.engine.ruleset import AskedFor, Ruleset
    from journeykit.engine.window_usage import Gauge, Span
    from journeykit.model.contact import Contact
    from journeykit.model.quota import Side
    from journeykit.model.recurrence import OwnDates

Touched = tuple[int, "date | None", int]
"""A touch that counts in a window: its instant, the last date of its campaign, and its points."""
Placed = tuple["Winner", int]
"""A winner that counts in a window, and its points."""


class ContactFacts:
    """What the rules, the clock and the history say of one contact at one moment.

    Attributes:
        ruleset: the rules.
        playbook: the playbook that they come from.
        at: the instant of the decision.
        until: the last instant of a plan, or None.
        now: the instant of the decision, in microseconds.
        last: the last instant of the decision's span.
        clock: the contact's clock.
        subject: the contact as the checks of eligibility look at it.
        contact: the contact, with its segments.
        reserve: what a claim must be worth more than, in millionths.
        gauges: one gauge for each cap.
        charges: what the prices of quotas take from claims, or None.
        budget: the most nodes one search visits.
        capacity: what is left of quotas that are counted over time, where that binds the decision; else None.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        contact: Contact,
        touches: Iterable[Touch],
        *,
        at: datetime,
        until: datetime | None,
        charges: QuotaCharges | None,
        budget: int,
        asked_for: Callable[[], AskedFor],
        derived: bool,
    ) -> None:
        """Read the contact.

        Args:
            ruleset: the rules.
            contact: the contact.
            touches: its history, in any order.
            at: the instant of the decision.
            until: the last instant of a plan, or None.
            charges: what the prices of quotas take from claims, or None.
            budget: the most nodes one search visits.
            asked_for: gives what the claims ask for; a planned touch that is among it is decided again.
            derived: whether campaigns make the claims: a planned touch of one with dates is decided again on these.
        """
        self.ruleset = ruleset
        self.playbook = ruleset.playbook
        self.at = at
        self.until = until
        self.now, self.last = first_and_last(at, until)
        touches = all_of(Touch, touches, "touches")
        contact = ruleset.with_ignored(ruleset.vocabulary.contact(contact), touches, self.now)
        self.clock: Clock = ruleset.clock if contact.timezone is None else clock(contact.timezone)
        self.subject = Subject(contact, self.playbook, self.clock, self.now)
        self.contact = self.subject.contact
        self.reserve = scaled(self.playbook.reserve, MILLIONTH)
        self.gauges = ruleset.gauges(self.clock)
        self.charges = charges
        self.budget = budget
        self.capacity: QuotaCapacity | None = None
        self._touches = touches
        self._asked_for = asked_for
        self._dated = ruleset.dated if derived else {}
        self._limits: dict[int, int | None] = {}
        self._bars: dict[tuple[int, int], dict[int, list[tuple[int, int]]]] = {}
        self._partners: dict[int, PartnerTouches | None] = {}

    # Caps

    @once
    def history(self) -> TouchHistory:
        """The history, read when something asks for it: a contact whom nobody may address needs none."""
        found = TouchHistory(self.ruleset, self.contact.id, self._touches, self.now, self._is_decided_again)
        if self.ruleset.rests:
            marks = self.ruleset.rests.marks(self.contact.events, self._touches, self.contact.id, self.now)
            for cap, key, at in marks:
                found.spans.setdefault((cap, key), []).append((at, None, FULL))
        return found

    @once
    def counting(self) -> tuple[Touch, ...]:
        """The touches of the contact that count, in the order of their instants."""
        found = counting(self.ruleset, self.contact.id, self._touches, self.now, self._is_decided_again)
        return tuple(sorted(found, key=lambda touch: touch.micros))

    def _is_decided_again(self, touch: Touch) -> bool:
        """Whether a planned touch is one of the claims, and so replaced by it."""
        dates = self._dated.get(touch.campaign or "")
        if dates is not None and not self._has_occasion(dates, touch):
            return False
        return (touch.campaign, touch.content, touch.channel, touch.claim) in self._asked_for()

    def _has_occasion(self, dates: OwnDates, touch: Touch) -> bool:
        """Whether a touch is of one of a campaign's own dates within the span."""
        day = self.clock.day(touch.micros)
        return self.clock.day(self.now) <= day <= self.clock.day(self.last) and day in dates

    def limit(self, cap: int) -> int | None:
        """The limit of a cap for this contact, in billionths; None where it does not bind the contact.

        Raises:
            ModelError: if it is an invalid limit of the contact's own.
        """
        if cap not in self._limits:
            protects = self.is_protected_by(cap)
            self._limits[cap] = self.playbook.caps[cap].limit_for(self.subject.values) if protects else None
        return self._limits[cap]

    def is_protected_by(self, cap: int) -> bool:
        """Whether the contact is in a cap's audience; where that is unknown, the playbook says what holds."""
        audience = self.ruleset.audiences[cap]
        if audience is None:
            return True
        found = audience(self.subject.values, self.subject.local)
        return found is True or (found is None and self.playbook.on_missing.cap == "apply")

    def touched(self, cap: int, key: tuple[str, ...]) -> Sequence[Touched]:
        """The touches that count in a cap's windows."""
        return self.history.spans.get((cap, key), ())

    # Value

    def worth(self, candidate: Candidate) -> int:
        """Weight less reserve, in millionths."""
        return (candidate.weight or 0) - self.reserve

    def charge(self, candidate: Candidate, at: int, *, free: bool = False) -> int:
        """What the prices of quotas take from a candidate that goes at an instant; or, free, only what they add."""
        if self.charges is None:
            return 0
        return whole(min(term, 0.0) if free else term for _, term in self.terms(candidate, at))

    def terms(self, candidate: Candidate, at: int) -> list[tuple[Side, float]]:
        """What each side of a quota takes from a candidate that goes at an instant, in weight."""
        if self.charges is None:
            return []
        day, weight = self.clock.day(at), candidate.weight or 0
        return self.charges.terms(message_of(candidate), candidate.claim, weight, day, at)

    def uses(self, candidate: Candidate, at: int) -> list[Use]:
        """What a candidate that goes at an instant uses of quotas of which so much is left, and no more."""
        if self.capacity is None:
            return []
        return self.capacity.uses(message_of(candidate), candidate.claim, candidate.weight or 0, at)

    # Conflicts and requirements

    def clashes(self, message: Message, effects: Effects, at: int) -> list[tuple[int, int, int]]:
        """The conflicts of a message with a touch or winner at an instant: number, first and last instant it bars."""
        return clashes(self.playbook.conflicts, message, effects, at, self.clock)

    def bars(self, message: Message) -> dict[int, list[tuple[int, int]]]:
        """By number, the instants that the conflicts of a message with the history bar, as merged spans."""
        key = message.first, message.then
        if key == (0, 0):
            return {}
        found = self._bars.get(key)
        if found is None:
            conflicts = self.playbook.conflicts
            found = self._bars[key] = bars_of(conflicts, message, self.history.touches, self.now, self.clock)
        return found

    def barred_by_history(self, message: Message, at: int) -> bool:
        """Whether a conflict with the history bars a message at an instant."""
        return any(holds(spans, at) for spans in self.bars(message).values())

    def met_by_history(self, requirement: int, at: int) -> bool:
        """Whether a touch of the history meets a requirement at an instant."""
        partners = self.partners_in_history(requirement)
        return partners is not None and partners.meet(at)

    def partners_in_history(self, requirement: int) -> PartnerTouches | None:
        """The touches of the history that meet a requirement; None where none ever does."""
        if requirement not in self._partners:
            gauge, bit = self.ruleset.within(self.clock)[requirement], 1 << requirement
            touches = (touch for touch in self.history.touches if touch[1].partner & bit)
            self._partners[requirement] = None if gauge is None else PartnerTouches(gauge, touches)
        return self._partners[requirement]


def spans_of(gauge: Gauge, touches: Iterable[Touched], winners: Sequence[Placed] = ()) -> list[Span]:
    """What touches and winners put into the windows of a gauge."""
    found = [gauge.span(at, ends, points) for at, ends, points in touches]
    if winners:
        found += [gauge.span(winner.at, winner.effects.ends, points, winner.number) for winner, points in winners]
    return [span for span in found if span is not None]


def by_cell(winners: Iterable[Winner]) -> dict[tuple[int, tuple[str, ...]], list[Placed]]:
    """By cap and group of it, the winners that count there, and their points."""
    found: dict[tuple[int, tuple[str, ...]], list[Placed]] = {}
    for winner in winners:
        for cap, key, points in winner.effects.cells:
            found.setdefault((cap, key), []).append((winner, points))
    return found
