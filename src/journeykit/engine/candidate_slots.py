"""Slots: the instants at which a candidate could go, as far as its own date, the span and the hours allow."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from journeykit.basics.clock import HOUR, MINUTE, day_number, micros
from journeykit.engine.eligibility import first_send_time, slot_of_day

if TYPE_CHECKING:
    from journeykit.engine.candidate import Candidate
    from journeykit.engine.contact_facts import ContactFacts
    from journeykit.engine.message import Message
    from journeykit.model.quiet_hours import Schedule
    from journeykit.model.send_at import SendAt


class CandidateSlots:
    """The slots of one contact's candidates.

    Args:
        facts: what is known of the contact.
    """

    __slots__ = ("_days", "facts")

    def __init__(self, facts: ContactFacts) -> None:
        self.facts = facts
        self._days: dict[tuple[Schedule, SendAt | None], list[int]] = {}

    def of(self, candidate: Candidate, message: Message) -> list[int]:
        """The instants of a candidate: its own, or one on each local day of the span."""
        facts, own = self.facts, candidate.claim.at
        if own is None:
            return self._of_span(candidate, message)
        if isinstance(own, datetime):
            at = micros(own)
        else:
            day, today = day_number(own), facts.clock.day(facts.now)
            # A time of day may lie after the one instant that is decided.
            at_once = facts.until is None and message.send_at is None
            slot = facts.now if at_once and day == today else self._slot(message, day)
            # On a day without a slot it asks for the day's start, where the check of the hours says why not.
            start = facts.clock.day_start(day)
            at = slot if slot is not None else max(start, facts.now) if day == today else start
        last = facts.last
        if message.send_at is not None and facts.until is None and not isinstance(own, datetime):
            last = facts.clock.day_start(facts.clock.day(facts.now) + 1) - 1
        if not facts.now <= at <= last:
            candidate.outside = "dates" if candidate.is_occasion else f"asked for {own.isoformat()}"
        return [at]

    def _of_span(self, candidate: Candidate, message: Message) -> list[int]:
        """The instants of a candidate without a date of its own."""
        facts = self.facts
        if facts.until is not None and (found := self._day_slots(message)):
            return found
        time = facts.subject.send_time(message)
        if time is None:
            return [facts.now]
        first = first_send_time(facts.clock, time, facts.now)
        if facts.until is not None:
            candidate.outside = f"send_at {time // HOUR:02}:{time % HOUR // MINUTE:02}"
        return [first]

    def _day_slots(self, message: Message) -> list[int]:
        """The slots of the span, one a local day, for a message's channel."""
        key = message.schedule, message.send_at
        slots = self._days.get(key)
        if slots is None:
            clock, last = self.facts.clock, self.facts.last
            days = range(clock.day(self.facts.now), clock.day(last) + 1)
            found = (self._slot(message, day) for day in days)
            slots = self._days[key] = [at for at in found if at is not None and at <= last]
        return slots

    def _slot(self, message: Message, day: int) -> int | None:
        return slot_of_day(self.facts.subject, message, day, self.facts.now)
