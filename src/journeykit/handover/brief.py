"""What the receiving side needs to know of a contact who is handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, frozen

from journeykit.basics.clock import WEEKDAYS, clock, micros, moment
from journeykit.journey.placement import Event

if TYPE_CHECKING:
    from journeykit.model.contact import Contact
    from journeykit.model.content import Content
    from journeykit.model.decision import Decision
    from journeykit.model.outcome import Row
    from journeykit.model.touch import Touch
    from journeykit.playbook.playbook import Playbook

Decide = Callable[["Contact", datetime], "Decision"]
"""What decides a contact's claims at an instant: a function around `Arbiter.decide`."""
ANSWERS: Mapping[str, str] = {"opened": "opened", "clicked": "clicked", "replied": "replied"}
"""The events that answer a message, unless others are named, each with the word for it."""
MOST_SHOWN = 10
"""So many lines of a part of a brief are printed; the value has all."""
_LONGEST = 60
_COMING = ("reserved", "planned")
_NEVER_WENT = ("failed", "bounced", "released", "expired")
_LOST_ALL_THE_SAME = ("not_worth_it", "capped", "conflict", "requires", "quota_full", "outbid", "quiet_hours")


@frozen(kw_only=True)
class Answer:
    """What a contact did with a message.

    Attributes:
        at: when, in UTC.
        what: ``opened``, ``clicked``, ``replied``, ...
        campaign: the campaign that the event names, or that of the touch it answers; None where neither says.
        content: the content, likewise.
    """

    at: datetime
    what: str
    campaign: str | None = None
    content: str | None = None


@frozen(kw_only=True)
class Sent:
    """A touch up to the hand-over, with what came back.

    Attributes:
        at: when, in UTC.
        status: as in `Touch`; one that ``bounced`` did not arrive.
        channel: how it went.
        campaign: the campaign's id.
        content: the content's id.
        team: who sent it.
        answers: what the contact did with it, newest first.
    """

    at: datetime
    status: str
    channel: str | None = None
    campaign: str | None = None
    content: str | None = None
    team: str | None = None
    answers: tuple[Answer, ...] = ()


@frozen(kw_only=True)
class OpenClaim:
    """What still asks for the contact's attention at the hand-over.

    Attributes:
        outcome: ``granted`` and not sent yet, ``deferred``, or ``denied``.
        campaign: the campaign's id.
        content: the content's id.
        channel: how it would go.
        team: who asks.
        at: when it goes out, or may go after all, in UTC; None where neither is known.
        why: the reason in words.
    """

    outcome: str
    campaign: str | None
    content: str | None = None
    channel: str | None = None
    team: str | None = None
    at: datetime | None = None
    why: str = ""


@frozen(kw_only=True)
class Solution:
    """A product or service that a contact may want.

    Attributes:
        name: which.
        why: what speaks for it, the strongest first.
    """

    name: str
    why: tuple[str, ...]


@frozen(kw_only=True)
class Brief:
    """What the receiving side needs to know of a contact, as of the hand-over.

    Attributes:
        account: the company or household of the contact.
        role: the role in the decision unit.
        persona: the kind of person.
        segments: the contact's own, and those of the playbook that hold for them.
        interests: the topics that the contact cares about.
        purchase_insight: what is known of how they buy.
        value_proposition: what to promise them.
        unwilling: they opted out, or nothing may be sent to them.
        solutions: those of interest, the best founded first.
        sent: the touches up to the hand-over, newest first.
        answers: what they did with messages, newest first; also with those that ``sent`` does not know.
        events: what else they did, newest first.
        claims: what still asks for their attention.
        missing: what is not known, in plain words.
        timezone: IANA name of the zone in which instants are shown.
    """

    account: str | None = None
    role: str | None = None
    persona: str | None = None
    segments: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    purchase_insight: str | None = None
    value_proposition: str | None = None
    unwilling: bool = False
    solutions: tuple[Solution, ...] = ()
    sent: tuple[Sent, ...] = ()
    answers: tuple[Answer, ...] = ()
    events: tuple[Event, ...] = ()
    claims: tuple[OpenClaim, ...] = ()
    missing: tuple[str, ...] = ()
    timezone: str = "UTC"

    def sections(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The brief in words: headings, each with its lines; those that have nothing to say are left out."""
        known = {
            "Who": list(self._who()),
            "Solutions of interest": [f"{solution.name}: {', '.join(solution.why)}" for solution in self.solutions],
            "Sent": [self._sent(sent) for sent in self.sent],
            "Answered too": [f"{self.when(answer.at)} {_answer(answer)}" for answer in self._unasked()],
            "Did": [f"{self.when(event.at)} {event.event}{_properties(event)}" for event in self.events],
            "Open claims": [self._claim(claim) for claim in self.claims],
            "Missing": list(self.missing),
        }
        return tuple((heading, _most(lines)) for heading, lines in known.items() if lines)

    def _who(self) -> Iterator[str]:
        if self.role or self.account:
            yield " of ".join(part for part in (self.role or "somebody", self.account) if part)
        for name, value in (
            ("segments", ", ".join(self.segments)),
            ("persona", self.persona),
            ("interests", ", ".join(self.interests)),
            ("buys", self.purchase_insight),
            ("promise", self.value_proposition),
        ):
            if value:
                yield f"{name}: {value}"
        if self.unwilling:
            yield "nothing may be sent: opted out or suppressed"

    def _unasked(self) -> list[Answer]:
        """The answers to what is not known to have been sent; the others are with what they answer."""
        told = {id(answer) for sent in self.sent for answer in sent.answers}
        return [answer for answer in self.answers if id(answer) not in told]

    def _sent(self, sent: Sent) -> str:
        came_back = [sent.status, *(f"{answer.what} {self.when(answer.at)}" for answer in reversed(sent.answers))]
        return f"{self.when(sent.at)} {_what(sent)}: {', '.join(came_back)}"

    def _claim(self, claim: OpenClaim) -> str:
        timing = "" if claim.at is None else f", {'goes' if claim.outcome == 'granted' else 'may go'} "
        when = "" if claim.at is None else self.when(claim.at)
        return f"{_what(claim)}: {claim.outcome}{timing}{when}" + (f" ({claim.why})" if claim.why else "")

    def when(self, instant: datetime) -> str:
        """An instant for people, in the brief's time zone."""
        local = clock(self.timezone).moment(micros(instant))
        # Not strftime: its answer depends on the locale of the machine.
        return f"{WEEKDAYS[local.weekday()].capitalize()} {local.isoformat(' ', 'minutes')[:16]}"

    def to_dict(self) -> dict[str, Any]:
        """The brief as plain data: texts, numbers, lists; instants as ISO 8601."""
        found: dict[str, Any] = plain(asdict(self))
        return found

    def __str__(self) -> str:
        return "\n".join(line for heading, lines in self.sections() for line in (heading, *(f"  {x}" for x in lines)))


def plain(value: Any) -> Any:
    """A value as data that JSON knows."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _most(lines: Sequence[str]) -> tuple[str, ...]:
    more = len(lines) - MOST_SHOWN
    return (*lines[:MOST_SHOWN], *([f"and {more} more"] if more > 0 else []))


def _what(part: Sent | OpenClaim) -> str:
    """A message: its campaign and content, and how it travels."""
    ids = " / ".join(name for name in (part.campaign, part.content) if name) or "a message"
    return f"{ids} ({part.channel})" if part.channel else ids


def _answer(answer: Answer) -> str:
    ids = " / ".join(name for name in (answer.campaign, answer.content) if name)
    return f"{answer.what} {ids or 'something'}"


def _properties(event: Event) -> str:
    known = [f"{name} {_short(value)}" for name, value in event.properties.items() if value is not None]
    return f" ({', '.join(known)})" if known else ""


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


class Known:
    """All that was given of a contact: what briefs are made from.

    Args:
        playbook: the contents and campaigns; None where they are not known.
        contact: the contact; None where they are not known.
        touches: their touches; None where they are not known.
        events: what they did; None where it is not known.
        answers: by event that answers a message, the word for it.
        recent: so many other events belong to a brief.
    """

    def __init__(
        self,
        playbook: Playbook | None,
        contact: Contact | None,
        touches: Iterable[Touch] | None,
        events: Iterable[Event] | None,
        answers: Mapping[str, str] | Iterable[str],
        recent: int,
    ) -> None:
        self.contact = contact
        self.timezone = (contact and contact.timezone) or (playbook.timezone if playbook else "UTC")
        self._recent = recent
        self._playbook = playbook
        self._words = answers if isinstance(answers, Mapping) else {name: name for name in answers}
        self._content: dict[str, Content] = {own.id: own for own in (playbook and playbook.content) or ()}
        self._campaigns = {own.id: own for own in (playbook and playbook.campaigns) or ()}
        self._touches = None if touches is None else sorted(filter(self._is_his, touches), key=_newest_touch)
        self._events = None if events is None else _newest_events(events)

    def _is_his(self, touch: Touch) -> bool:
        return touch.contact is None or self.contact is None or touch.contact == self.contact.id

    def brief(self, at: datetime, stage: str, decision: Decision | None, no_decision: str) -> Brief:
        """What is known at an instant.

        Args:
            at: the hand-over.
            stage: where it leads them.
            decision: the one that tells of open claims; None where there is none.
            no_decision: why there is none.
        """
        instant = micros(at)
        events = [event for event in self._events or () if micros(event.at) <= instant]
        touches = [self._sent(touch) for touch in self._touches or () if touch.micros <= instant]
        answers = [self._answer(event, touches) for event in events if event.event in self._words]
        sent = tuple(_with_answers(touch, answers) for touch in touches)
        answered = tuple(answer for answer, _ in answers)
        solutions = tuple(self._solutions(events, answered, sent))
        brief = Brief(
            **self._profile(at, stage),
            solutions=solutions,
            sent=sent,
            answers=answered,
            events=tuple(event for event in events if event.event not in self._words)[: self._recent],
            claims=tuple(self._claims(instant, decision)),
            timezone=self.timezone,
        )
        return evolve(brief, missing=tuple(self._missing(brief, no_decision)))

    def _profile(self, at: datetime, stage: str) -> dict[str, Any]:
        contact = self.contact
        if contact is None:
            return {}
        names = ("account", "role", "persona", "interests", "purchase_insight", "value_proposition")
        return {
            **{name: getattr(contact, name) for name in names},
            "segments": self._playbook.segments_of(evolve(contact, stage=stage), at)
            if self._playbook
            else contact.segments,
            "unwilling": contact.opted_out or contact.suppressed,
        }

    # Touches and answers

    def _sent(self, touch: Touch) -> Sent:
        """A touch, with what it lacks from the playbook."""
        campaign = self._campaigns.get(touch.campaign or "")
        content = touch.content
        if content is None and campaign is not None and len(campaign.content) == 1:
            content = campaign.content[0]
        known = self._content.get(content or "")
        return Sent(
            at=moment(touch.micros),
            status=touch.status,
            channel=touch.channel or (known.channel if known else None),
            campaign=touch.campaign,
            content=content,
            team=touch.team or (campaign.team if campaign else None),
        )

    def _answer(self, event: Event, touches: Sequence[Sent]) -> tuple[Answer, Sent | None]:
        """What an event answers: the last touch before it of the campaign and content that it names."""
        campaign, content = (_named(event, name) for name in ("campaign", "content"))
        touch = next((sent for sent in touches if _is_answered(sent, event.at, campaign, content)), None)
        answer = Answer(
            at=moment(micros(event.at)),
            what=self._words[event.event],
            campaign=campaign or (touch.campaign if touch else None),
            content=content or (touch.content if touch else None),
        )
        return answer, touch

    # Solutions

    def _solutions(
        self, events: Sequence[Event], answers: Sequence[Answer], sent: Sequence[Sent]
    ) -> Iterator[Solution]:
        found: dict[str, dict[str, None]] = {}
        for names, why in self._hints(events, answers, sent):
            for name in names:
                found.setdefault(name, {})[why] = None
        for name, reasons in found.items():
            yield Solution(name=name, why=tuple(reasons))

    def _hints(
        self, events: Sequence[Event], answers: Sequence[Answer], sent: Sequence[Sent]
    ) -> Iterator[tuple[Iterable[str], str]]:
        """Solutions, each with what speaks for it, the strongest first."""
        for event in events:
            yield _texts(event.properties.get("solution", event.properties.get("solutions"))), f"named in {event.event}"
        for answer in answers:
            yield self._solutions_of(answer.content), f"{answer.what} {answer.content}"
        for interest in self.contact.interests if self.contact else ():
            for content in self._content.values():
                if interest in content.solutions:
                    yield (interest,), "interest"
                if interest in content.topics:
                    yield content.solutions, f"interest in {interest}"
        for touch in sent:
            if touch.status not in _NEVER_WENT:
                yield self._solutions_of(touch.content), f"was sent {touch.content}"

    def _solutions_of(self, content: str | None) -> tuple[str, ...]:
        known = self._content.get(content or "")
        return known.solutions if known else ()

    # Claims

    def _claims(self, at: int, decision: Decision | None) -> Iterator[OpenClaim]:
        coming = [self._sent(touch) for touch in self._touches or () if touch.micros > at and touch.status in _COMING]
        told = {(sent.campaign, sent.content) for sent in coming}
        for sent in reversed(coming):
            yield OpenClaim(
                outcome="granted",
                campaign=sent.campaign,
                content=sent.content,
                channel=sent.channel,
                team=sent.team,
                at=sent.at,
                why=sent.status,
            )
        for row in decision.rows if decision else ():
            if self._is_open(row, at) and (row.campaign, row.content) not in told:
                yield _claim(row)

    def _is_open(self, row: Row, at: int) -> bool:
        """Whether a claim still asks for attention: not sent yet, put off, beaten, or stopped by the hand-over."""
        if row.send_at is None:
            return row.outcome == "deferred" or row.reason in (*_LOST_ALL_THE_SAME, "wrong_owner")
        if micros(row.send_at) > at:
            return True
        # It was to go before the hand-over: open as long as no touch says that it went.
        return self._touches is None or not any(
            touch.campaign == row.campaign
            and touch.content in (None, row.content)
            and touch.micros >= micros(row.decided_at)
            and touch.status != "planned"
            for touch in self._touches
        )

    # What is missing

    def _missing(self, brief: Brief, no_decision: str) -> Iterator[str]:
        if self.contact is None:
            yield "no contact record"
        else:
            for name in ("account", "role", "persona"):
                if getattr(brief, name) is None:
                    yield f"{name} unknown"
            if not brief.segments:
                yield "in no segment"
        if self._playbook is None or self._playbook.content is None:
            yield "the contents are not known, so that nothing is known of their solutions"
        named = {sent.content for sent in brief.sent} | {answer.content for answer in brief.answers}
        unknown = {name for name in named if name and name not in self._content}
        if self._content and unknown:
            yield f"the playbook does not have the content {', '.join(sorted(unknown))}"
        if not brief.solutions:
            yield "no solution of interest is known"
        if self._touches is None:
            yield "what was sent is not known"
        elif not brief.sent:
            yield "nothing was sent"
        if self._events is None:
            yield "events and answers unknown"
        elif not brief.answers:
            yield "no answers"
        if no_decision:
            yield f"open claims are not known: {no_decision}"


def _with_answers(touch: Sent, answers: Iterable[tuple[Answer, Sent | None]]) -> Sent:
    own = tuple(answer for answer, answered in answers if answered is touch)
    return evolve(touch, answers=own) if own else touch


def _newest_touch(touch: Touch) -> tuple[Any, ...]:
    return -touch.micros, touch.campaign or "", touch.content or "", touch.channel or "", touch.status


def _newest_events(events: Iterable[Event]) -> list[Event]:
    """Events without repeats, newest first; those of one instant by name."""
    known: dict[Any, Event] = {}
    for event in events:
        parts = tuple(sorted((name, repr(value)) for name, value in event.properties.items()))
        known.setdefault(event.id or (event.event, micros(event.at), parts), event)
    return sorted(known.values(), key=lambda event: (-micros(event.at), event.event))


def _named(event: Event, name: str) -> str | None:
    """The campaign or content that an event names, under either spelling of the column."""
    value = event.properties.get(name, event.properties.get(f"{name}_id"))
    return value if isinstance(value, str) and value else None


def _is_answered(sent: Sent, at: datetime, campaign: str | None, content: str | None) -> bool:
    if campaign is None and content is None:
        return False  # which message it answers would be a guess
    same = campaign in (None, sent.campaign) and content in (None, sent.content)
    return same and sent.at <= at and sent.status not in _NEVER_WENT


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part for part in (text.strip() for text in value.split(";")) if part)
    return tuple(part for part in value if isinstance(part, str)) if isinstance(value, list | tuple) else ()


def _claim(row: Row) -> OpenClaim:
    from journeykit.model.decision import why

    return OpenClaim(
        outcome=row.outcome.value,
        campaign=row.campaign,
        content=row.content,
        channel=row.channel,
        team=row.team,
        at=row.send_at or row.retry_at,
        why="" if row.send_at else why(row),
    )
