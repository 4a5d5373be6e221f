"""Eligibility: who may get what, and why not.

`failures` is the readable form: every check, in the order of the reasons. The engine's fast path asks the same
questions in a cheaper order and stops at the first no; a test holds the two together.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from journeykit.basics.clock import DAY, LAST, LAST_YEAR, Clock, day_number, micros
from journeykit.engine.message import foreign_owner, owner_of, owner_rule
from journeykit.model.contact import ANY
from journeykit.model.outcome import Reason
from journeykit.model.quiet_hours import NO_HOURS
from journeykit.model.segment import segmented
from journeykit.rule.named_rules import NamedRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from journeykit.engine.message import Message
    from journeykit.model.campaign import Campaign
    from journeykit.model.claim import Claim
    from journeykit.model.contact import Contact
    from journeykit.model.quiet_hours import Schedule
    from journeykit.model.send_at import SendAt
    from journeykit.playbook.playbook import Playbook
    from journeykit.rule import Rule

EXPIRES, WAIT = "expires", "wait"
"""The rules by which a claim is over: its own, and its campaign's."""
TIMED = frozenset({Reason.CAMPAIGN_CLOSED, Reason.QUIET_HOURS})
"""The reasons of eligibility that time alone can lift."""
NEEDS_SCORE = "score"
"""The rule that a claim breaks that needs a score and has none."""


class Subject:
    """A contact at the moment of a decision: what the checks look at."""

    __slots__ = (
        "_at",
        "_given",
        "_known",
        "_schedules",
        "_times",
        "clock",
        "contact",
        "local",
        "owner",
        "playbook",
        "values",
        "zoneless",
    )

    def __init__(self, contact: Contact, playbook: Playbook, clock: Clock, at: int) -> None:
        self.playbook = playbook
        self.clock = clock
        self.local: datetime = clock.moment(at)
        self._at = at
        self._given = contact
        self._known: dict[int, tuple[dict[str, Any], datetime]] = {}
        self._schedules: dict[tuple[Schedule, int], Schedule] = {}
        self._times: dict[SendAt, int] = {}
        # Segments come first: whatever looks at the contact sees them all.
        self.contact = segmented(playbook.segments, contact, self.local) if playbook.segments else contact
        self.values = self.contact.values()
        self.owner = owner_of(playbook.journey, contact.stage)
        self.zoneless = contact.timezone is None and playbook.on_missing.timezone == "deny"

    def schedule_of(self, message: Message, at: int | None = None) -> Schedule:
        """The hours and holidays of a message that protect the contact, or may; at the decision's instant or another.

        Their audiences are asked at that instant where the answer depends on it.
        """
        every = message.schedule
        if not every.audiences:
            return every
        if at is None or not every.asks_time:
            at = self._at
        found = self._schedules.get((every, at))
        if found is None:
            found = self._schedules[every, at] = every.protecting(partial(self.holds, at=at))
        return found

    def send_time(self, message: Message) -> int | None:
        """The local time of day at which a message goes to the contact, in microseconds; None for any.

        Raises:
            ModelError: if the contact's own is no time of day.
        """
        send_at = message.send_at
        if send_at is None:
            return None
        found = self._times.get(send_at)
        if found is None:
            found = self._times[send_at] = send_at.time_for(self.values)
        return found

    def holds(self, rule: Rule, at: int) -> bool | None:
        """Whether a rule is true of the contact at an instant; None where that is unknown."""
        return rule.compiled(*self._known_then(at))

    def is_in_audience(self, message: Message, at: int) -> bool:
        """Whether a message's audience has the contact at an instant, at which named segments are asked too."""
        if message.audience is None:
            return True
        if not message.timely or at == self._at:
            return message.audience(self.values, self.local) is True
        return message.audience(*self._known_at(message, at)) is True

    def rules_outside(self, message: Message, at: int) -> Iterable[str]:
        """Why a message's audience leaves the contact out at an instant: its rule, or the named ones that fail."""
        audience = message.campaign.audience
        if isinstance(audience, NamedRules):
            return (audience_label(name) for name in audience.failing(*self._known_at(message, at)))
        return (str(audience),)

    def _known_at(self, message: Message, at: int) -> tuple[dict[str, Any], datetime]:
        """What a message's audience reads at an instant."""
        return self._known_then(at if message.timely else self._at)

    def _known_then(self, at: int) -> tuple[dict[str, Any], datetime]:
        """What is known of the contact at an instant."""
        if at == self._at:
            return self.values, self.local
        if at not in self._known:
            local = self.clock.moment(at)
            self._known[at] = segmented(self.playbook.segments, self._given, local).values(), local
        return self._known[at]


def failures(
    subject: Subject,
    message: Message,
    at: int,
    *,
    lacks: Iterable[str] = (),
    refused: Callable[[], Iterable[str]] = tuple,
    expired: str | None = None,
) -> Iterator[tuple[Reason, str]]:
    """Every check that a message fails for a contact at an instant, in order, with the rule that says so.

    Args:
        subject: the contact.
        message: what a claim asks to send.
        at: the instant, in microseconds.
        lacks: the rules by which the claim lacks data of its own.
        refused: gives the names of the checks of somebody else's that do not allow the claim.
        expired: the rule by which the claim is over at that instant, or None.
    """
    contact, campaign, playbook = subject.contact, message.campaign, subject.playbook
    if contact.suppressed:
        yield Reason.SUPPRESSED, "suppressed"
    if campaign.needs_consent:
        if contact.opted_out:
            yield Reason.OPTED_OUT, "opted_out"
        for rule in withdrawn(contact, message, at):
            yield Reason.NO_CONSENT, rule
    closed = campaign.closed(subject.clock.day(at))
    if closed is not None:
        yield Reason.CAMPAIGN_CLOSED, closed
    if expired is not None:
        yield Reason.EXPIRED, expired
    if not subject.is_in_audience(message, at):
        for rule in subject.rules_outside(message, at):
            yield Reason.NOT_IN_AUDIENCE, rule
    if message.stage_fit(contact.stage) <= 0:
        yield Reason.WRONG_STAGE, f"stages of {message.content_id}"
    if message.role_fit(contact.role) <= 0:
        yield Reason.WRONG_ROLE, f"roles of {message.content_id}"
    owner = foreign_owner(subject.owner, message, contact.stage)
    if owner is not None:
        yield Reason.WRONG_OWNER, owner_rule(owner)
    if campaign.needs_consent:
        for holdout, rule in ((playbook.holdout, "holdout"), (campaign.holdout, f"holdout of {campaign.id}")):
            if holdout is not None and holdout.holds(contact.id):
                yield Reason.HOLDOUT, rule
    for rule in missing(subject, message, at):
        yield Reason.MISSING_DATA, rule
    for rule in lacks:
        yield Reason.MISSING_DATA, rule
    for rule in refused():
        yield Reason.REFUSED, rule
    if message.schedule is not NO_HOURS:
        for rule in subject.schedule_of(message, at).closed(message.channel, at, subject.clock):
            yield Reason.QUIET_HOURS, rule


def expiry(claim: Claim, campaign: Campaign, clock: Clock) -> tuple[int, str] | None:
    """The last instant at which a brought claim may go, and the rule that says so; None where nothing does."""
    found = []
    wait, asked_at, expires = campaign.wait, claim.asked_at, claim.expires
    if wait is not None and asked_at is not None:
        asked = micros(asked_at)
        length = None if wait.length is None else wait.length // timedelta(microseconds=1)
        last = _day_end(clock, clock.day(asked) + (wait.days or 0)) if length is None else asked + length
        found.append((last, WAIT))
    if expires is not None and expires.year <= LAST_YEAR:
        last = micros(expires) if isinstance(expires, datetime) else _day_end(clock, day_number(expires))
        found.append((last, EXPIRES))
    return min(found, key=lambda own: own[0], default=None)


def _day_end(clock: Clock, day: int) -> int:
    """The last instant of a local date."""
    return LAST if day >= LAST // DAY else clock.day_start(day + 1) - 1


def audience_label(name: str) -> str:
    """How the rows of a decision call a named rule of an audience."""
    return f"audience: {name}"


def withdrawn(contact: Contact, message: Message, at: int) -> Iterator[str]:
    """The consents, of the channel and the topics, that are withdrawn or expired at an instant."""
    if message.channel is not None and contact.consent_for(message.channel, at) is False:
        yield f"consent {message.channel}"
    if message.topics:
        yield from withdrawn_topics(contact, message.topics, at)


def withdrawn_topics(contact: Contact, topics: Iterable[str], at: int) -> Iterator[str]:
    """The consents of topics that are withdrawn or expired at an instant."""
    for topic in topics:
        candidate = contact.topic_consent.get(topic) or contact.topic_consent.get(ANY)
        if candidate is not None and not candidate.holds_at(at):
            yield f"topic consent {topic}"


def missing(subject: Subject, message: Message, at: int) -> Iterator[str]:
    """The data that the message tests, the contact lacks, and the playbook does not excuse."""
    contact, on_missing = subject.contact, subject.playbook.on_missing
    if on_missing.consent == "deny" and message.campaign.needs_consent:
        channel = message.channel
        if channel is None or contact.consent_for(channel, at) is None:
            yield f"consent {channel or '(no channel)'}"
    if message.content is not None:
        if on_missing.stage == "deny" and contact.stage is None and message.content.stages is not None:
            yield "stage"
        if on_missing.role == "deny" and contact.role is None and message.content.roles is not None:
            yield "role"
    if subject.zoneless and message.local:
        yield "timezone"


def slot_of_day(subject: Subject, message: Message, day: int, since: int) -> int | None:
    """The instant at which a claim may go on a local date, from ``since`` on; None where there is none.

    Where it goes at a time of day it is then; where something restricts the hours it is the first instant that is
    allowed; else the local time of ``since``.
    """
    send_time = subject.send_time(message)
    if send_time is not None:
        return _at_time(subject.clock, day, send_time, since)
    clock = subject.clock
    start = max(clock.day_start(day), since) if message.schedule.asks_time else None
    schedule = subject.schedule_of(message, start)
    if schedule and schedule.restricts(message.channel, day):
        return _open_slot(subject, message, day, since)
    found = _same_time(clock, day, since)
    if found is None or not message.schedule.asks_time or not _is_closed(subject, message, found):
        return found
    # They are protected by the time of day at which it would go.
    return _open_slot(subject, message, day, found)


def _is_closed(subject: Subject, message: Message, at: int) -> bool:
    return bool(subject.schedule_of(message, at).closed(message.channel, at, subject.clock))


def _open_slot(subject: Subject, message: Message, day: int, since: int) -> int | None:
    """The first instant of a local date that the hours allow as they are about the contact then."""
    clock, timely = subject.clock, message.schedule.asks_time
    start = max(clock.day_start(day), since) if timely else None
    found = subject.schedule_of(message, start).slot(message.channel, day, since, clock)
    while timely and found is not None and _is_closed(subject, message, found):
        # By then others protect the contact: it is looked for anew from there.
        found = subject.schedule_of(message, found).slot(message.channel, day, found, clock)
    return found


def _same_time(clock: Clock, day: int, since: int) -> int | None:
    """The instant of a local date at the local time of another; None where it is over, or the date is skipped."""
    today, time = clock.local(since)
    if day == today:
        return since
    found = clock.instants(day, time % DAY)[0] if day > today else None
    # A date that clocks skip has no instants.
    return found if found is not None and clock.day(found) == day else None


def _at_time(clock: Clock, day: int, time: int, since: int) -> int | None:
    """The first instant from one on at which clocks show a time of a local date; None where it is over or skipped."""
    return next((at for at in clock.instants(day, time) if at >= since and clock.day(at) == day), None)


def first_send_time(clock: Clock, time: int, since: int) -> int:
    """The first instant from one on at which local clocks show a time of day."""
    day = clock.day(since)
    found = _at_time(clock, day, time, since)
    while found is None:
        # Clocks may skip a time of day, or a whole date.
        day += 1
        found = _at_time(clock, day, time, since)
    return found
