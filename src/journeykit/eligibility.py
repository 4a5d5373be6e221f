"""Eligibility: who may get what, and why not.

`failures` is the readable form: every check, in the order of the reasons. The engine's fast path asks the same
questions in a cheaper order and stops at the first no; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from journeykit.basics.clock import DAY, Clock, day_number
from journeykit.model.campaign import Campaign, Team
from journeykit.model.contact import ANY
from journeykit.model.content import Content
from journeykit.model.outcome import Reason
from journeykit.model.segment import segmented

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from journeykit.model.contact import Contact
    from journeykit.model.quiet_hours import Schedule
    from journeykit.playbook.playbook import Playbook

ALWAYS = 10**9
"""A day number that no date reaches."""
NEEDS_SCORE = "score"
"""The rule that a claim breaks that needs a score and has none."""


@frozen(eq=False)
class Opening:
    """One content of one campaign: what a claim asks to send.

    Attributes:
        campaign: the campaign.
        content: the content, or None where the playbook does not know it.
        content_id: its id, or None.
        team: the team, or None where the playbook does not know it.
        channel: the channel, or None.
        facets: what it is told apart by.
        cells: the caps in which it counts: number of the cap, group, and points in billionths.
        first: the conflicts whose ``first`` it is, as a bit mask.
        then: the conflicts whose ``then`` it is.
        needy: the requirements that it must meet.
        partner: the requirements for which it will do.
        starts: first day number.
        ends: last day number.
        local: whether the contact's time zone matters to it.
        audience: the campaign's rule as a function, or None.
        timely: whether the answer of that rule depends on the instant.
        dates: the campaign's own day numbers, or None.
        rare: whether a check applies that most openings are spared: topics, holdouts, a missing zone or channel.
        tie: its place in the order of claims, after weight and instant.
    """

    campaign: Campaign
    content: Content | None
    content_id: str | None
    team: Team | None
    channel: str | None
    facets: Mapping[str, tuple[str, ...]]
    cells: tuple[tuple[int, tuple[str, ...], int], ...]
    first: int
    then: int
    needy: int
    partner: int
    starts: int
    ends: int
    local: bool
    audience: Any
    timely: bool
    dates: frozenset[int] | None
    rare: bool
    tie: tuple[int, str, str, str]

    @property
    def department(self) -> str:
        """The department that speaks."""
        return self.team.department if self.team else "marketing"

    @property
    def topics(self) -> tuple[str, ...]:
        """What it is about."""
        return self.facets.get("topic", ())

    @property
    def team_name(self) -> str | None:
        """The name of the team, whether the playbook knows it or not."""
        return self.facets.get("team", (None,))[0]

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return self.facets.get("tag", ())

    @property
    def about(self) -> tuple[str, ...]:
        """What a contact's interests can meet: its topics and solutions."""
        return (*self.topics, *self.facets.get("solution", ()))

    def stage_fit(self, stage: str | None) -> float:
        """Degree of fit for the contact's stage; 1 where it is missing."""
        return 1.0 if self.content is None or stage is None else self.content.stage_fit(stage)

    def stage_gain(self, stage: str | None, values: Mapping[str, float]) -> float | None:
        """What the content is expected to bring by moving the contact on; None where that is not known."""
        return None if self.content is None else self.content.stage_gain(stage, values)

    def role_fit(self, role: str | None) -> float:
        """Degree of fit for the contact's role; 1 where it is missing."""
        return 1.0 if self.content is None or role is None else self.content.role_fit(role)


def edge(day: Any, default: int) -> int:
    """A date as a day number, or a default."""
    return default if day is None else day_number(day)


class Subject:
    """A contact at the moment of a decision: what the checks look at."""

    __slots__ = (
        "_at",
        "_given",
        "_known",
        "clock",
        "contact",
        "local",
        "owner",
        "playbook",
        "schedule",
        "values",
        "zoneless",
    )

    def __init__(self, contact: Contact, playbook: Playbook, schedule: Schedule, clock: Clock, at: int) -> None:
        self.playbook = playbook
        self.schedule = schedule
        self.clock = clock
        self.local: datetime = clock.moment(at)
        self._at = at
        self._given = contact
        self._known: dict[int, tuple[dict[str, Any], datetime]] = {}
        # Segments come first: whatever looks at the contact sees them all.
        self.contact = segmented(playbook.segments, contact, self.local) if playbook.segments else contact
        self.values = self.contact.values()
        self.owner = None if playbook.journey is None else playbook.journey.owner(contact.stage)
        self.zoneless = contact.timezone is None and playbook.on_missing.timezone == "deny"

    def is_in_audience(self, opening: Opening, at: int) -> bool:
        """Whether an opening's audience has the contact at an instant, at which named segments are asked too."""
        if opening.audience is None:
            return True
        known = self.values, self.local
        if opening.timely and at != self._at:
            if at not in self._known:
                local = self.clock.moment(at)
                self._known[at] = segmented(self.playbook.segments, self._given, local).values(), local
            known = self._known[at]
        return opening.audience(*known) is True


def failures(subject: Subject, opening: Opening, at: int, *, lacks_score: bool = False) -> Iterator[tuple[Reason, str]]:
    """Every check that an opening fails for a contact at an instant, in order, with the rule that says so.

    Args:
        subject: the contact.
        opening: what a claim asks to send.
        at: the instant, in microseconds.
        lacks_score: whether the claim needs a score that it does not have.
    """
    contact, campaign, playbook = subject.contact, opening.campaign, subject.playbook
    if contact.suppressed:
        yield Reason.SUPPRESSED, "suppressed"
    if campaign.needs_consent:
        if contact.opted_out:
            yield Reason.OPTED_OUT, "opted_out"
        for rule in withdrawn(contact, opening, at):
            yield Reason.NO_CONSENT, rule
    closed = campaign.closed(subject.clock.day(at))
    if closed is not None:
        yield Reason.CAMPAIGN_CLOSED, closed
    if not subject.is_in_audience(opening, at):
        yield Reason.NOT_IN_AUDIENCE, str(campaign.audience)
    if opening.stage_fit(contact.stage) <= 0:
        yield Reason.WRONG_STAGE, f"stages of {opening.content_id}"
    if opening.role_fit(contact.role) <= 0:
        yield Reason.WRONG_ROLE, f"roles of {opening.content_id}"
    owner = foreign_owner(subject.owner, opening, contact.stage)
    if owner is not None:
        yield Reason.WRONG_OWNER, f"owner {owner}"
    if campaign.needs_consent:
        for holdout, rule in ((playbook.holdout, "holdout"), (campaign.holdout, f"holdout of {campaign.id}")):
            if holdout is not None and holdout.holds(contact.id):
                yield Reason.HOLDOUT, rule
    for rule in missing(subject, opening, at):
        yield Reason.MISSING_DATA, rule
    if lacks_score:
        yield Reason.MISSING_DATA, NEEDS_SCORE
    if campaign.obeys_quiet_hours and subject.schedule:
        for rule in subject.schedule.closed(opening.channel, at, subject.clock):
            yield Reason.QUIET_HOURS, rule


def withdrawn(contact: Contact, opening: Opening, at: int) -> Iterator[str]:
    """The consents, of the channel and the topics, that are withdrawn or expired at an instant."""
    if opening.channel is not None and contact.consent_for(opening.channel, at) is False:
        yield f"consent {opening.channel}"
    yield from withdrawn_topics(contact, opening.topics, at)


def withdrawn_topics(contact: Contact, topics: Iterable[str], at: int) -> Iterator[str]:
    """The consents of topics that are withdrawn or expired at an instant."""
    for topic in topics:
        entry = contact.topic_consent.get(topic) or contact.topic_consent.get(ANY)
        if entry is not None and not entry.holds_at(at):
            yield f"topic consent {topic}"


def foreign_owner(owner: str | None, opening: Opening, stage: str | None) -> str | None:
    """The stage's owner, where that is another department and the campaign does not name the stage; else None."""
    if owner is None or stage in opening.campaign.stages:
        return None
    return owner if owner != opening.department else None


def missing(subject: Subject, opening: Opening, at: int) -> Iterator[str]:
    """The data that the opening tests, the contact lacks, and the playbook does not excuse."""
    contact, on_missing = subject.contact, subject.playbook.on_missing
    if on_missing.consent == "deny" and opening.campaign.needs_consent:
        channel = opening.channel
        if channel is None or contact.consent_for(channel, at) is None:
            yield f"consent {channel or '(no channel)'}"
    if opening.content is not None:
        if on_missing.stage == "deny" and contact.stage is None and opening.content.stages is not None:
            yield "stage"
        if on_missing.role == "deny" and contact.role is None and opening.content.roles is not None:
            yield "role"
    if subject.zoneless and opening.local:
        yield "timezone"


def slot_of_day(subject: Subject, opening: Opening, day: int, since: int) -> int | None:
    """The instant at which a claim may go on a local date, from ``since`` on; None where there is none.

    Where something restricts the hours it is the first instant that is allowed; else the local time of ``since``.
    """
    clock, schedule = subject.clock, subject.schedule
    if opening.campaign.obeys_quiet_hours and schedule and schedule.restricts(opening.channel, day):
        return schedule.slot(opening.channel, day, since, clock)
    today, time = clock.local(since)
    if day == today:
        return since
    found = clock.instants(day, time % DAY)[0] if day > today else None
    # A date that clocks skip has no instants.
    return found if found is not None and clock.day(found) == day else None
