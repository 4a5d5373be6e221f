"""The ruleset: a playbook, compiled: what every decision needs and no contact changes."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from attrs import evolve

from journeykit.basics.clock import DAY, FOREVER, Clock, clock, day_date
from journeykit.basics.validation import shown
from journeykit.engine.attention import Attention
from journeykit.engine.counted_quotas import CountedQuotas
from journeykit.engine.effects import Effects, counts_toward_caps, end_of
from journeykit.engine.message import ALWAYS, Message, edge, foreign_owner, owner_of
from journeykit.engine.pauses import paused, with_pauses
from journeykit.engine.rest_caps import Rests, with_rests
from journeykit.engine.window_usage import NO_CAMPAIGN, Gauge
from journeykit.model.campaign import Campaign
from journeykit.model.cap import Limit
from journeykit.model.claim import Claim
from journeykit.model.mismatch import UNKNOWN
from journeykit.model.quiet_hours import NO_HOURS, Schedule
from journeykit.model.quota import number_of
from journeykit.playbook.vocabulary import Vocabulary, rules_of
from journeykit.rule.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from journeykit.journey import Event
    from journeykit.journey.event_history import EventsAsked
    from journeykit.model.cap import Cap, Facets, Scope
    from journeykit.model.contact import Contact
    from journeykit.model.content import Content
    from journeykit.model.touch import Touch
    from journeykit.model.window import Window
    from journeykit.playbook.playbook import Playbook
    from journeykit.rule import Rule
    from journeykit.rule.named_rules import NamedRules

_ROOM_FOR_STRANGERS = 20_000
TOUCH_FACETS = {
    "channel": "channel",
    "content": "content",
    "team": "team",
    "goal": "goal",
    "theme": "theme",
    "topics": "topic",
    "solutions": "solution",
    "tags": "tag",
}
"""By attribute of a touch, the facet that it is."""
_PLACE = frozenset({"campaign", "channel", "content"})
"""The facets by which the playbook has a message; the others tell claims of it apart."""

Degrees = tuple[float, float, float, float | None]
"""Base weight, stage fit, role fit and stage gain."""
Fit = tuple[Message, Claim, Degrees]
"""A message for a stage and role, its claim, and how far it fits."""


AskedFor = frozenset[tuple[str | None, ...]]
"""What claims ask for: campaign, content, channel and id, each also with the last three left open."""


class Ruleset:
    """The messages of a playbook, and what its rules make of claims and touches.

    Args:
        playbook: the playbook.
        arm: the arms whose rules they are, or None.
        pauses: by id of a campaign that a guard pauses, the guard.
    """

    def __init__(self, playbook: Playbook, arm: str | None = None, pauses: Mapping[str, str] | None = None) -> None:
        self.arm = arm
        first_rest = len(playbook.caps)
        self.pauses = dict(pauses or {})
        self.playbook = playbook = with_rests(with_pauses(playbook, self.pauses))
        self.vocabulary = Vocabulary.of(playbook)
        self._schedules: dict[tuple[int, ...], Schedule] = {}
        self._all_hours = playbook.schedule
        self._send_at = {own.name: own.send_at for own in playbook.channels if own.send_at is not None}
        self.has_send_times = bool(self._send_at) or any(own.send_at for own in playbook.campaigns or ())
        self.clock = clock(playbook.timezone)
        self.teams = {team.name: team for team in playbook.teams or ()}
        self.contents = {content.id: content for content in playbook.content or ()}
        self.campaigns = {campaign.id: campaign for campaign in playbook.campaigns or ()}
        self.values = {} if playbook.journey is None else playbook.journey.values
        self._firsts = [conflict.first for conflict in playbook.conflicts]
        self._thens = [conflict.then for conflict in playbook.conflicts]
        self.counted = CountedQuotas(playbook, self.clock)
        self._own_columns = [(quota, quota.own_column) for quota in playbook.quotas if quota.own_column is not None]
        self.own_columns = tuple(dict.fromkeys(column for _, column in self._own_columns))
        self._partners = [requirement.partner for requirement in playbook.requirements]
        self.attention = Attention(playbook)
        self.series = frozenset(campaign.id for campaign in playbook.campaigns or () if campaign.series)
        self.dated = {own.id: own.own_dates for own in playbook.campaigns or () if own.own_dates is not None}
        self.has_splits = any(campaign.split for campaign in playbook.campaigns or ())
        self._of_decision = {number for number, cap in enumerate(playbook.caps) if cap.window.kind == "decision"}
        self.has_expressions = any(isinstance(own.weight, Expression) for own in playbook.campaigns or ())
        self.has_patience = any(campaign.patience is not None for campaign in playbook.campaigns or ())
        # Touches of these, and of none, matter to nothing that looks further back than `reach`.
        self.passing = frozenset(
            [None, *(own.id for own in playbook.campaigns or () if own.repeat is None and own.patience is None)]
        )
        self.counts_campaigns = any(cap.count == "campaigns" for cap in playbook.caps)
        self._numbers: dict[str, int] = {}
        self._next_number = count(1)
        self.has_own_limits = any(isinstance(cap.max, Limit) for cap in playbook.caps)
        self.per_account = frozenset(number for number, cap in enumerate(playbook.caps) if cap.per == "account")
        self.rests = Rests(playbook.rests, first_rest, self.rest_cells, self.vocabulary)
        self.reach = self._reach()
        self._timely_segments = any(segment.rule.asks_time for segment in playbook.segments)
        self.timely_hours = tuple(filter(self._is_timely, playbook.schedule.audiences))
        self.audiences = [None if cap.audience is None else cap.audience.compiled for cap in playbook.caps]
        self.messages_of = {
            campaign.id: tuple(
                self._open(campaign, self.contents[content], content, self.contents[content].channel)
                for content in campaign.content
            )
            for campaign in playbook.campaigns or ()
        }
        self.messages = tuple(message for messages in self.messages_of.values() for message in messages)
        self.claims = {message: _claim_for(message) for message in self.messages}
        self.stages = frozenset(
            [stage.name for stage in (playbook.journey.stages if playbook.journey else ())]
            + [stage for content in self.contents.values() for stage in content.stages or ()]
        )
        self.roles = frozenset(role for content in self.contents.values() for role in content.roles or ())
        self._fits: dict[tuple[str | None, str | None], tuple[tuple[str | None, tuple[Fit, ...]], ...]] = {}
        self._occasions: dict[tuple[Message, int], Claim] = {}
        self._gauges: dict[str, tuple[Gauge, ...]] = {}
        self._within: dict[str, tuple[Gauge | None, ...]] = {}
        self._strangers: dict[tuple[str, str | None, str | None], Message] = {}
        self._apart: dict[tuple[object, ...], Message] = {}
        self._effects: dict[tuple[object, ...], Effects] = {}

    @cached_property
    def asked_for(self) -> AskedFor:
        """What the claims that campaigns make ask for."""
        return asked_combinations((own.campaign.id, own.content_id, own.channel, None) for own in self.claims)

    @cached_property
    def events_asked(self) -> EventsAsked:
        """What rules and rests ask of events."""
        from journeykit.journey.event_history import EventsAsked

        return EventsAsked((rule for _, rule in rules_of(self.playbook)), self.playbook.rests)

    def notes_of(self, contact: Contact) -> tuple[str, ...]:
        """What a person should know of a decision on a contact: what was not at hand, and words that mean nothing."""
        found = self.events_asked.silence if contact.events is None else ()
        for kind, word in (("stage", contact.stage), ("role", contact.role)):
            sight = None if word is None else self.vocabulary.look(kind, word)
            if sight is not None and sight.kind == UNKNOWN:
                hint = f"; did you mean {sight.nearest!r}?" if sight.nearest else ""
                found += (f"the contact's {kind} {shown(word)} is not in {sight.place}{hint}",)
        return found

    def with_events(self, contact: Contact, events: Iterable[Event] | None, at: datetime) -> Contact:
        """A contact with what they did, as far as rules ask for it.

        Args:
            contact: who.
            events: what they did, in any order; None where nothing is at hand, which is not the same as nothing.
            at: the instant of the decision: what is later does not count.
        """
        from journeykit.journey.event_history import EventHistory

        asked = self.events_asked
        return contact.with_events(EventHistory.of(events, at, asked)) if asked and events is not None else contact

    def with_ignored(self, contact: Contact, touches: Sequence[Touch], now: int) -> Contact:
        """A contact with the touches that they ignored among what they did, where rules ask for it.

        Args:
            contact: who, with what they did.
            touches: their history.
            now: the instant of the decision.
        """
        how = self.events_asked.rules_ignore
        if how is None or contact.events is None:
            return contact
        found = self.rests.ignored(contact.events, touches, how, contact=contact.id, now=now)
        return contact.with_events(contact.events.with_ignored(at for at, _ in found))

    def _reach(self) -> int:
        """Microseconds after which a touch can matter to no cap, conflict or requirement."""
        if self.playbook.conflicts or self.playbook.requirements or self.series:
            return FOREVER
        return max((reach_of(cap.window) for cap in self.playbook.caps), default=0)

    def fits(self, stage: str | None, role: str | None) -> tuple[tuple[str | None, tuple[Fit, ...]], ...]:
        """The messages that fit a stage and a role, by channel, paused campaigns left out."""
        # A stage or role that nothing names is as good as any other such: so the table stays small.
        key = (
            stage if stage is None or stage in self.stages else "",
            role if role is None or role in self.roles else "",
        )
        found = self._fits.get(key)
        if found is None:
            by_channel: dict[str | None, list[Fit]] = {}
            for fit in self._fitting(*key):
                by_channel.setdefault(fit[0].channel, []).append(fit)
            found = self._fits[key] = tuple((channel, tuple(fits)) for channel, fits in by_channel.items())
        return found

    def _fitting(self, stage: str | None, role: str | None) -> Iterable[Fit]:
        on_missing = self.playbook.on_missing
        owner = owner_of(self.playbook.journey, stage)
        for message in self.messages:
            content = message.content
            if message.campaign.paused or foreign_owner(owner, message, stage) is not None:
                continue
            if stage is None and on_missing.stage == "deny" and content is not None and content.stages is not None:
                continue
            if role is None and on_missing.role == "deny" and content is not None and content.roles is not None:
                continue
            fit = self.fit(message, stage, role)
            if fit[2][1] > 0 and fit[2][2] > 0:
                yield fit

    def fit(self, message: Message, stage: str | None, role: str | None) -> Fit:
        """A message, its claim, and how far it fits a stage and role."""
        stage_fit, role_fit = message.stage_fit(stage), message.role_fit(role)
        claim = self.claims.get(message) or _claim_for(message)
        gain = message.stage_gain(stage, self.values)
        return message, claim, (message.scale * stage_fit * role_fit, stage_fit, role_fit, gain)

    def occasion(self, message: Message, day: int) -> Claim:
        """The claim that a message's campaign makes for one of its dates."""
        found = self._occasions.get((message, day))
        if found is None:
            if len(self._occasions) >= _ROOM_FOR_STRANGERS:
                self._occasions.clear()
            found = self._occasions[message, day] = evolve(self.claims[message], at=day_date(day))
        return found

    def messages_for(self, claim: Claim) -> tuple[Message, ...] | str:
        """The messages that a claim asks for, one for each content that it leaves open; or what is wrong with it."""
        found = self._messages_asked(claim)
        own = claim.facets
        return found if isinstance(found, str) or not own else tuple(self._told_apart(each, own) for each in found)

    def message_of(self, touch: Touch) -> Message | str:
        """The message that a touch is, told apart by what it was when it was decided; or why the playbook has none."""
        touch = self.vocabulary.touch(touch)
        claim = Claim(campaign=touch.campaign or "", content=touch.content, channel=touch.channel)
        found = self._messages_asked(claim)
        own = {name: values for name, values in touch.own_facets().items() if name not in _PLACE}
        return found if isinstance(found, str) else self._told_apart(found[0], own)

    def _messages_asked(self, claim: Claim) -> tuple[Message, ...] | str:
        campaign = self.campaigns.get(claim.campaign)
        if campaign is None:
            if self.playbook.campaigns is not None:
                near = self.vocabulary.nearest("campaign", claim.campaign)
                hint = "" if near is None else f"; did you mean {near!r}?"
                return f"unknown campaign {claim.campaign!r}{hint}"
            return (self._stranger(claim),)
        messages = self.messages_of[claim.campaign]
        if not messages:
            return (self._stranger(claim),)
        asked = tuple(message for message in messages if claim.content in (None, message.content_id))
        if not asked:
            return f"campaign {campaign.id!r} has no content {claim.content!r}; it has {', '.join(campaign.content)}"
        fitting = tuple(message for message in asked if claim.channel in (None, message.channel))
        return fitting or f"no content of campaign {campaign.id!r} goes by channel {claim.channel!r}"

    def lacking(self, messages: Iterable[Message], claim: Claim) -> str | None:
        """What a claim lacks that a quota adds up, or None."""
        for quota, column in self._own_columns:
            if number_of(claim, column) is None and any(quota.where.matches(message.facets) for message in messages):
                return f"{column} must be a number, since the quota {quota.name!r} adds it up; found none"
        return None

    def _stranger(self, claim: Claim) -> Message:
        """A message for a campaign, or content, that the playbook does not list."""
        key = (claim.campaign, claim.content, claim.channel)
        found = self._strangers.get(key)
        if found is None:
            if len(self._strangers) >= _ROOM_FOR_STRANGERS:
                self._strangers.clear()
            campaign = self.campaigns.get(claim.campaign) or self._strange_campaign(claim.campaign)
            content = self.contents.get(claim.content or "")
            channel = claim.channel or (content.channel if content else None)
            found = self._strangers[key] = self._open(campaign, content, claim.content, channel)
        return found

    def _strange_campaign(self, name: str) -> Campaign:
        return paused(Campaign(id=name, repeat=None), self.pauses)

    def _told_apart(self, message: Message, own: Facets) -> Message:
        """A message with what a claim, or touch, brings of team, goal, topics, solutions, theme and tags."""
        key = (message.campaign.id, message.content_id, message.channel, *own.items())
        found = self._apart.get(key)
        if found is None:
            if len(self._apart) >= _ROOM_FOR_STRANGERS:
                self._apart.clear()
            found = self._apart[key] = self._open(
                message.campaign, message.content, message.content_id, message.channel, own
            )
        return found

    def _open(
        self,
        campaign: Campaign,
        content: Content | None,
        content_id: str | None,
        channel: str | None,
        own: Facets | None = None,
    ) -> Message:
        facets = self.playbook.facets(campaign, content, own)
        if channel is not None:
            facets["channel"] = (channel,)
        if content_id is not None:
            facets["content"] = (content_id,)
        team = self.teams.get(facets.get("team", ("",))[0])
        schedule = self._schedule(facets, channel) if campaign.obeys_quiet_hours else NO_HOURS
        send_at = campaign.send_at or self._send_at.get(channel or "")
        local = bool(campaign.starts or campaign.ends or campaign.dates or schedule is not NO_HOURS or send_at)
        cells = self._cells(facets)
        if campaign.obeys_caps:
            local = local or any(self.playbook.caps[cap].window.is_local for cap, _, _ in cells)
        return Message(
            campaign=campaign,
            content=content,
            content_id=content_id,
            team=team,
            channel=channel,
            facets=facets,
            cells=cells,
            first=self._mask(facets, self._firsts),
            then=self._mask(facets, self._thens),
            needy=self._mask(facets, [requirement.claim for requirement in self.playbook.requirements]),
            partner=self._mask(facets, self._partners),
            starts=edge(campaign.starts, -ALWAYS),
            ends=edge(campaign.ends, ALWAYS),
            schedule=schedule,
            send_at=send_at,
            local=local,
            audience=None if campaign.audience is None else campaign.audience.compiled,
            timely=campaign.audience is not None and self._is_timely(campaign.audience),
            dates=campaign.own_dates,
            levers=tuple(lever for lever in self.playbook.levers if lever.where.matches(facets)),
            step=campaign.content.index(content_id or "") if campaign.series else -1,
            rare=bool(
                facets.get("topic")
                or campaign.holdout
                or campaign.split
                or self.playbook.holdout
                or channel is None
                or (local and self.playbook.on_missing.timezone == "deny")
            ),
            tie=(edge(campaign.ends, ALWAYS), campaign.id, content_id or "", channel or ""),
        )

    def _schedule(self, facets: Facets, channel: str | None) -> Schedule:
        """The hours and holidays of a kind of message; one for all that have the same."""
        found = self._all_hours.about(facets, channel) if self._all_hours else NO_HOURS
        if not found:
            return NO_HOURS
        if any(map(self._is_timely, found.audiences)):
            found = evolve(found, asks_time=True)
        return self._schedules.setdefault(tuple(map(id, (*found.hours, *found.holidays))), found)

    def _is_timely(self, audience: Rule | NamedRules) -> bool:
        """Whether the answer of an audience depends on the instant: its own, or that of segments."""
        return audience.asks_time or (self._timely_segments and "segments" in audience.names)

    def _points(self, cap: Cap, facets: Facets) -> int:
        """How much a touch or claim weighs in a cap, in billionths; where campaigns count, the campaign's number."""
        if cap.count == "touches":
            return cap.points_of(facets)
        campaign = facets.get("campaign", ("",))[0]
        return self._numbers.setdefault(campaign, next(self._next_number)) if campaign else NO_CAMPAIGN

    def _cells(self, facets: Facets, first: int = 0) -> tuple[tuple[int, tuple[str, ...], int], ...]:
        return tuple(
            (number, key, points)
            for number, cap in enumerate(self.playbook.caps[first:], first)
            if cap.where.matches(facets) and (points := self._points(cap, facets))
            for key in cap.keys_of(facets)
        )

    @staticmethod
    def _mask(facets: Facets, scopes: list[Scope]) -> int:
        return sum(1 << number for number, scope in enumerate(scopes) if scope.matches(facets))

    def effects(self, touch: Touch) -> Effects:
        """What a touch counts in: what it brings itself, and what it lacks from the playbook, one by one."""
        key = touch.facts
        found = self._effects.get(key)
        if found is None:
            if len(self._effects) >= _ROOM_FOR_STRANGERS:
                self._effects.clear()
            found = self._effects[key] = self._effects_of(self.vocabulary.touch(touch))
        return found

    def rest_cells(self, touch: Touch) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """The caps that are rests in which a touch counts, if it counts toward caps at all, with its groups."""
        touch = self.vocabulary.touch(touch)
        campaign = self.campaigns.get(touch.campaign or "")
        if not counts_toward_caps(touch, campaign):
            return ()
        facets, _ = self._spread(touch, campaign)
        return tuple((number, key) for number, key, _ in self._cells(facets, self.rests.first))

    def _facets_of(self, touch: Touch, campaign: Campaign | None) -> dict[str, tuple[str, ...]]:
        """What a touch is told apart by: what it brings itself, and what it lacks from the playbook."""
        content = self.contents.get(touch.content or "")
        if content is None and touch.content is None and campaign is not None and len(campaign.content) == 1:
            content = self.contents[campaign.content[0]]
        own = touch.own_facets()
        return {name: values for name, values in (self.playbook.facets(campaign, content) | own).items() if values}

    def told(self, touch: Touch) -> Touch:
        """A touch in the playbook's words, with what it lacks from the playbook."""
        found = self.vocabulary.touch(touch)
        facets = self._facets_of(found, self.campaigns.get(found.campaign or ""))
        changes: dict[str, Any] = {}
        for name, facet in TOUCH_FACETS.items():
            if not getattr(found, name) and (values := facets.get(facet)):
                changes[name] = values if name in ("topics", "solutions", "tags") else values[0]
        return evolve(found, **changes) if changes else found

    def _spread(self, touch: Touch, campaign: Campaign | None) -> tuple[dict[str, tuple[str, ...]], str | None]:
        """The same, with every channel by which it may have gone; and its channel where that is known."""
        facets = self._facets_of(touch, campaign)
        channel = facets.get("channel", (None,))[0]
        if "channel" not in touch.without:
            facets["channel"] = self.vocabulary.channels_of(channel, campaign, self.contents)
        return facets, channel

    def _effects_of(self, touch: Touch) -> Effects:
        campaign = self.campaigns.get(touch.campaign or "")
        facets, channel = self._spread(touch, campaign)
        cells = self._cells(facets) if counts_toward_caps(touch, campaign) else ()
        # No touch of the history is of this decision, and contacts rest because of events, not of touches.
        cells = tuple(cell for cell in cells if cell[0] not in self._of_decision and cell[0] < self.rests.first)
        if touch.campaign is None:
            # Without a campaign nothing runs.
            cells = tuple(cell for cell in cells if self.playbook.caps[cell[0]].window.kind != "running")
        return Effects(
            campaign=touch.campaign,
            content=facets.get("content", (None,))[0],
            channel=channel,
            ends=end_of(touch, campaign),
            cells=cells,
            first=self._mask(facets, self._firsts),
            then=self._mask(facets, self._thens),
            # Nobody is taken to have got what the touch may not have been.
            partner=sum(1 << number for number, scope in enumerate(self._partners) if scope.surely_matches(facets)),
        )

    def facets(self, touch: Touch) -> Facets:
        """What a touch is: what it brings itself, and what it lacks from the playbook, one by one."""
        touch = self.vocabulary.touch(touch)
        campaign = self.campaigns.get(touch.campaign or "")
        facets = self._facets_of(touch, campaign)
        if "channel" not in touch.without:
            channel = facets.get("channel", (None,))[0]
            facets["channel"] = self.vocabulary.channels_of(channel, campaign, self.contents)
        return facets

    def gauges(self, local: Clock) -> tuple[Gauge, ...]:
        """One gauge for each cap, for contacts of a time zone."""
        found = self._gauges.get(local.name)
        if found is None:
            found = self._gauges[local.name] = tuple(
                self._gauge(cap.window, local, _gauge_of(cap)) for cap in self.playbook.caps
            )
        return found

    def within(self, local: Clock) -> tuple[Gauge | None, ...]:
        """One gauge for each requirement that looks back, for contacts of a time zone."""
        found = self._within.get(local.name)
        if found is None:
            found = self._within[local.name] = tuple(
                None if requirement.within is None else self._gauge(requirement.within, local)
                for requirement in self.playbook.requirements
            )
        return found

    def _gauge(self, window: Window, local: Clock, kind: type[Gauge] = Gauge) -> Gauge:
        return kind(window, window.clock(local, self.clock))


def asked_combinations(asked: Iterable[tuple[str, str | None, str | None, str | None]]) -> AskedFor:
    """What claims ask for, also with content, channel and id left open."""
    return frozenset(
        (campaign, own, way, name)
        for campaign, content, channel, claim in set(asked)
        for own in (content, None)
        for way in (channel, None)
        for name in (claim, None)
    )


def _claim_for(message: Message) -> Claim:
    return Claim(campaign=message.campaign.id, content=message.content_id, channel=message.channel)


def _gauge_of(cap: Cap) -> type[Gauge]:
    """What measures the windows of a cap."""
    if cap.count == "touches":
        return Gauge
    from journeykit.engine.campaign_usage import CampaignGauge

    return CampaignGauge


_LONGEST_PERIOD = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


def reach_of(window: Window) -> int:
    """Microseconds after which a touch surely shares no window with a claim; two days more than civil time needs."""
    if window.kind == "rolling":
        assert window.length is not None  # noqa: S101  (checked when made)
        return window.length // timedelta(microseconds=1)
    if window.kind in ("calendar", "days"):
        period = window.period or window.stretch
        days = (window.day_count or 0) + window.every * (_LONGEST_PERIOD[period] if period else 0)
        return (days + 2) * DAY
    return 0 if window.kind == "decision" else FOREVER
