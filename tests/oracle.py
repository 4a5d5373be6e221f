"""The design, section by section, by brute force: slow, plain, and sharing nothing with the engine.

`Oracle(situation)` works out who may get what and when, every window there is, and then tries every set of
claims. It reads the model classes (facets, points, limits, the playbook's schedule) and nothing else.
"""

from __future__ import annotations

import operator
import re
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import cache, cached_property
from itertools import product
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from journeykit import (
    Campaign,
    Cap,
    Claim,
    Conflict,
    Content,
    Journey,
    Recurrence,
    Requirement,
    Rest,
    Team,
    Touch,
    Window,
)
from journeykit.basics.clock import MINUTE, day_number, micros
from journeykit.basics.validation import scaled
from journeykit.journey import Event
from journeykit.model.cap import Either
from journeykit.model.holdout import bucket
from journeykit.model.quiet_hours import Holiday
from journeykit.model.rest import micros_of_lag
from journeykit.playbook.vocabulary import Vocabulary
from journeykit.rule import Rule, StageOrder
from journeykit.rule.expression import Expression
from journeykit.rule.values import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from generate import Situation

MILLION = 1_000_000
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
MOST_ITEMS = 12
TIMED = {"campaign_closed", "quiet_hours"}
EPOCH = date(1970, 1, 1)
HISTORY = -1


class Maybe:
    """A number, or one that is not known: so is all that is made of it."""

    def __init__(self, value: float | None) -> None:
        self.value = None if value is None else float(value)

    def _with(self, other: Maybe | float, op: Callable[[float, float], float]) -> Maybe:
        right = other if isinstance(other, Maybe) else Maybe(other)
        if self.value is None or right.value is None:
            return Maybe(None)
        try:
            return Maybe(op(self.value, right.value))
        except ZeroDivisionError:
            return Maybe(None)

    def __add__(self, other: Maybe | float) -> Maybe:
        return self._with(other, operator.add)

    def __sub__(self, other: Maybe | float) -> Maybe:
        return self._with(other, operator.sub)

    def __mul__(self, other: Maybe | float) -> Maybe:
        return self._with(other, operator.mul)

    def __truediv__(self, other: Maybe | float) -> Maybe:
        return self._with(other, operator.truediv)

    def __rmul__(self, other: float) -> Maybe:
        return Maybe(other) * self

    def __neg__(self) -> Maybe:
        return Maybe(0) - self

    @staticmethod
    def all_of(parts: tuple[Maybe | float, ...]) -> list[float | None]:
        return [part.value if isinstance(part, Maybe) else float(part) for part in parts]

    @staticmethod
    def least(*parts: Maybe | float) -> Maybe:
        found = Maybe.all_of(parts)
        return Maybe(None if None in found else min(own for own in found if own is not None))

    @staticmethod
    def most(*parts: Maybe | float) -> Maybe:
        found = Maybe.all_of(parts)
        return Maybe(None if None in found else max(own for own in found if own is not None))

    @staticmethod
    def first(*parts: Maybe | float) -> Maybe:
        return Maybe(next((own for own in Maybe.all_of(parts) if own is not None), None))


class TooManyItemsError(Exception):
    """More than can be tried."""


# Civil time, said again


@cache
def on(local: str, at: datetime) -> date:
    """The local date of an instant."""
    return at.astimezone(ZoneInfo(local)).date()


@cache
def first_instant(local: str, day: date, time: tuple[int, int] = (0, 0)) -> datetime:
    """The first instant of a local date at which clocks show a time of day, or more."""
    shown = datetime(day.year, day.month, day.day, *time, tzinfo=ZoneInfo(local))
    wall = shown.astimezone(UTC)
    if wall.astimezone(ZoneInfo(local)).replace(tzinfo=None) == shown.replace(tzinfo=None):
        return wall
    # Clocks jump over it: look for the jump.
    wall = wall - timedelta(hours=3)
    while wall.astimezone(ZoneInfo(local)).replace(tzinfo=None) < shown.replace(tzinfo=None):
        wall += QUARTER
    return wall


@cache
def period_of(day: date, period: str, every: int, week_start: str) -> int:
    """The number of the block of periods in which a date lies, counted from the one of 1970-01-01."""
    days = (day - EPOCH).days
    first_day = (
        EPOCH.weekday() + (1 if week_start == "sunday" else 0)
    ) % 7  # 1970-01-01, counted from the week's first
    months = (day.year - 1970) * 12 + day.month - 1
    number = {
        "day": days,
        "week": (days + first_day) // 7,
        "month": months,
        "quarter": months // 3,
        "year": day.year - 1970,
    }
    return number[period] // every


@cache
def start_of_period(day: date, period: str, week_start: str) -> date:
    """The first date of the period in which a date lies: walk back until the period changes."""
    while period_of(day - DAY, period, 1, week_start) == period_of(day, period, 1, week_start):
        day -= DAY
    return day


@frozen
class Mark:
    """Something that stands in windows: a touch, or a claim at an instant."""

    at: datetime
    campaign: str | None
    ends: date | None
    facets: dict[str, tuple[str, ...]] = field(hash=False)
    is_counted: bool = True
    obeys: bool = True
    who: int = HISTORY
    claim: str | None = None


def window_zone(window: Window, contact_zone: str, playbook_zone: str) -> str:
    """Whose dates a window uses."""
    return {"contact": contact_zone, "playbook": playbook_zone}.get(window.zone, window.zone)


def counts(window: Window, zone: str, touch: Mark, at: datetime) -> bool:
    """The table of section 4: whether a touch counts against a claim at an instant that is not earlier.

    Dates are compared, where the window is one of dates: a touch later on the same date counts as well.
    """
    if window.kind in ("ever", "decision"):
        return True
    if window.kind == "rolling":
        return at - window.length < touch.at <= at
    if window.kind == "running":
        if touch.campaign is None:
            return False
        return touch.at <= at and (touch.ends is None or on(zone, at) <= touch.ends)
    s, t = on(zone, touch.at), on(zone, at)
    if window.kind == "between":
        return window.first <= s <= window.last and window.first <= t <= window.last
    if window.kind == "calendar":
        return period_of(s, window.period, window.every, window.week_start) == period_of(
            t, window.period, window.every, window.week_start
        )
    first = t - DAY * (window.day_count - 1)
    if window.stretch:
        first = start_of_period(first, window.stretch, window.week_start)
    return first <= s <= t


def windows(window: Window, zone: str, marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    """What every window holds, for windows that end with one of the marks: no other holds more."""
    seen = set()
    for last in marks:
        inside = [place for place, mark in enumerate(marks) if counts(window, zone, mark, last.at)]
        if tuple(inside) not in seen:
            seen.add(tuple(inside))
            yield [marks[place] for place in inside]


def cap_windows(cap: Cap, zone: str, marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    """What the windows of a cap hold that can be over its limit.

    Where campaigns count, a window that begins later, and holds less, can be over where a wider one holds the campaign
    already: so any window is tried.
    """
    if cap.count == "touches":
        yield from windows(cap.window, zone, marks)
        return
    window, seen = cap.window, set()
    for inside in _held_somewhere(window, zone, marks):
        key = tuple(place for place, mark in enumerate(marks) if any(mark is other for other in inside))
        if key not in seen:
            seen.add(key)
            yield inside


def _held_somewhere(window: Window, zone: str, marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    if window.kind == "rolling":
        ends = {mark.at for mark in marks} | {mark.at + window.length for mark in marks}
        for end in ends:
            yield [mark for mark in marks if counts(window, zone, mark, end)]
    elif window.kind == "running":
        lasts = {first_instant(zone, mark.ends + DAY) for mark in marks if mark.ends is not None}
        for instant in {mark.at for mark in marks} | lasts:
            yield [mark for mark in marks if counts(window, zone, mark, instant)]
    elif window.kind == "days":
        days = {on(zone, mark.at) for mark in marks}
        last = max(days, default=EPOCH) + DAY * (window.day_count + 40)
        end = min(days, default=last)
        while end <= last:
            noon = first_instant(zone, end, (12, 0))
            yield [mark for mark in marks if counts(window, zone, mark, noon)]
            end += DAY
    else:
        for own in marks:
            yield [mark for mark in marks if counts(window, zone, mark, own.at)]


def used_of(cap: Cap, held: Sequence[Mark]) -> int:
    """How much of a cap's limit some marks use, in billionths."""
    if cap.count == "campaigns":
        return len({mark.campaign or (id(mark),) for mark in held}) * 1_000_000_000
    return sum(cap.points_of(mark.facets) for mark in held)


def adds_to(cap: Cap, others: Iterable[Mark], own: Mark) -> bool:
    """Whether a mark needs room beside others in a window."""
    return cap.count == "touches" or all(other.campaign != own.campaign for other in others)


def spoils(conflict: Conflict, zone: str, first: datetime, then: datetime) -> bool:
    """Whether a ``then`` at one instant follows a ``first`` at another by 0 to the lag."""
    if conflict.lag.length is not None:
        return timedelta(0) <= then - first <= conflict.lag.length
    return 0 <= (on(zone, then) - on(zone, first)).days <= conflict.lag.days


def clash(conflict: Conflict, zone: str, one: Mark, other: Mark) -> bool:
    """Whether two marks may not both be."""
    for a, b in ((one, other), (other, one)):
        if conflict.first.matches(a.facets) and conflict.then.matches(b.facets):
            if spoils(conflict, zone, a.at, b.at):
                return True
            if conflict.both_ways and spoils(conflict, zone, b.at, a.at):
                return True
    return False


# Claims


class Wish:
    """A claim for one content, and what becomes of it."""

    def __init__(self, group: int, claim: Claim, campaign: Campaign, content: Content | None) -> None:
        self.group: Any = group
        self.claim = claim
        self.campaign = campaign
        self.content = content
        self.team: Team | None = None
        self.facets: dict[str, tuple[str, ...]] = {}
        self.is_open = False
        self.is_twin = False
        self.asked: list[datetime] = []
        self.is_outside = False
        self.weight = 0
        self.level = (0, 0)

    @property
    def key(self) -> tuple[Any, ...]:
        """What its row is known by."""
        return self.claim.campaign, self.claim.content, self.claim.channel, self.claim.at, self.claim.id


class Oracle:
    """A decision by brute force."""

    def __init__(self, situation: Situation) -> None:
        self.playbook = situation.playbook
        self.contact = situation.contact
        self.at = situation.at.astimezone(UTC)
        self.last = (situation.until or situation.at).astimezone(UTC)
        self.is_plan = situation.until is not None
        self.is_derived = False
        self.zone = self.contact.timezone or self.playbook.timezone
        self.events = situation.events
        self.touches = situation.touches
        self.reserve = scaled(self.playbook.reserve, MILLION)
        self.teams = {team.name: team for team in self.playbook.teams or ()}
        self.contents = {content.id: content for content in self.playbook.content or ()}
        self.campaigns = {campaign.id: campaign for campaign in self.playbook.campaigns or ()}
        self._closed: dict[tuple[Any, ...], bool] = {}
        self._slots: dict[tuple[Any, ...], datetime | None] = {}
        self.wishes = list(self._wishes(situation.claims))
        self._mark_twins()
        self.history = [self._mark(touch) for touch in situation.touches if self._happened(touch)]
        for wish in self.wishes:
            self._weigh(wish)
            self._ask(wish)
        self.open = {
            wish: [] if wish.is_twin or wish.is_outside else [at for at in wish.asked if not self.failures(wish, at)]
            for wish in self.wishes
        }
        self.items = self._items()
        if len(self.items) > MOST_ITEMS:
            raise TooManyItemsError
        self.limits = [self._limit(cap) for cap in self.playbook.caps]

    # Section 3 and 15: which claims there are

    def _wishes(self, claims: Sequence[Claim] | None) -> Iterator[Wish]:
        if claims is None:
            self.is_derived = True
            claims = [claim for campaign in self.playbook.campaigns or () for claim in self._derived(campaign)]
        for group, claim in enumerate(claims):
            campaign = self.campaigns.get(claim.campaign)
            for content_id, channel in self._contents_of(campaign, claim):
                content = self.contents.get(content_id or "")
                known = campaign or Campaign(id=claim.campaign, repeat=None)
                wish = Wish(group, evolve(claim, content=content_id, channel=channel), known, content)
                wish.team = self.teams.get(claim.team or known.team or "")
                own = {"channel": channel, "content": content_id}
                named = {name: (value,) for name, value in own.items() if value is not None}
                wish.facets = self.playbook.facets(known, content) | named | claim.facets
                if claim.team is not None and claim.goal is None and known.goal is None:
                    # The goal is that of the team that the claim brings.
                    goal = wish.team.goal if wish.team else None
                    wish.facets = {name: own for name, own in wish.facets.items() if name != "goal"}
                    wish.facets |= {"goal": (goal,)} if goal else {}
                wish.is_open = campaign is not None and claim.content is None
                if known.series:
                    # The steps of a series do not exclude each other.
                    wish.group = group, content_id
                yield wish

    def _derived(self, campaign: Campaign) -> list[Claim]:
        """The claims that a campaign makes: one for each of its dates, if there are any within the span."""
        found, day = [], on(self.zone, self.at)
        while campaign.dates is not None and day <= on(self.zone, self.last):
            inside = (campaign.starts or day) <= day <= (campaign.ends or day)
            found += [Claim(campaign=campaign.id, at=day)] if inside and day in self._dates(campaign) else []
            day += DAY
        return found or [Claim(campaign=campaign.id)]

    def _dates(self, campaign: Campaign) -> Sequence[date]:
        """The dates of a campaign, as far as an oracle looks: those of a rule are weekdays."""
        if not isinstance(campaign.dates, Recurrence):
            return campaign.dates or ()
        days = campaign.dates.rrule.removeprefix("FREQ=WEEKLY;BYDAY=").split(",")
        start = on(self.zone, self.at)
        span = [start + DAY * n for n in range(-1, 120)]
        return [day for day in span if ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[day.weekday()] in days]

    def _contents_of(self, campaign: Campaign | None, claim: Claim) -> Iterator[tuple[str | None, str | None]]:
        """The contents that a claim asks for, each with its channel."""
        if campaign is None:
            content = self.contents.get(claim.content or "")
            yield claim.content, claim.channel or (content.channel if content else None)
            return
        for content_id in campaign.content:
            channel = self.contents[content_id].channel
            if campaign.split and content_id != self._variant(campaign):
                continue
            if claim.content in (None, content_id) and claim.channel in (None, channel):
                yield content_id, channel

    def _variant(self, campaign: Campaign) -> str:
        """The content in whose share of the numbers from 0 to 1 the contact's bucket lies."""
        place, end = bucket(campaign.id, self.contact.id), 0.0
        for content in campaign.content:
            end += (campaign.split or {})[content]
            if place < end:
                return content
        raise AssertionError

    def _mark_twins(self) -> None:
        """Of the same claim, the one of the highest own weight stands."""
        seen = set()
        for wish in sorted(self.wishes, key=_standing):
            wish.is_twin = wish.key in seen
            seen.add(wish.key)

    # Section 9: when they could go

    def closed(self, wish: Wish, at: datetime) -> bool:
        """Whether quiet hours, send hours or holidays forbid a message at an instant.

        Where it is unknown whom some protect, whatever forbids it in any case that can be does.
        """
        about = self._hours_about(wish)
        key = (wish.claim.channel, *map(id, about), at)
        if key not in self._closed:
            local = at.astimezone(ZoneInfo(self.zone))
            unknown = [rule for rule in {own.audience for own in about} if rule and self._is(rule, at) is None]
            worlds = product((True, False), repeat=len(unknown))
            self._closed[key] = any(
                self._closed_in(about, dict(zip(unknown, world, strict=True)), local) for world in worlds
            )
        return self._closed[key]

    def _hours_about(self, wish: Wish) -> list[Any]:
        playbook = self.playbook
        hours = [own for own in (*playbook.quiet_hours, *playbook.send_hours) if own.applies(wish.claim.channel)]
        return [own for own in (*hours, *playbook.holidays) if own.where.matches(wish.facets)]

    def _is(self, rule: Rule, at: datetime) -> bool | None:
        return rule.test(self.values_at(at), at.astimezone(ZoneInfo(self.zone)))

    def _closed_in(self, about: Sequence[Any], world: Mapping[Rule, bool], local: datetime) -> bool:
        day, time = day_number(local.date()), (local.hour * 60 + local.minute) * MINUTE
        mine = [own for own in about if own.audience is None or world.get(own.audience, self._is(own.audience, local))]
        sent = [own for own in self.playbook.send_hours if any(own is other for other in mine)]
        if sent and not any(own.covers(day, time) for own in sent):
            return True
        rest = [own for own in mine if not any(own is other for other in sent)]
        return any(own.falls_on(day) if isinstance(own, Holiday) else own.covers(day, time) for own in rest)

    def _slot(self, wish: Wish, day: date) -> datetime | None:
        timed = self._send_time(wish)
        key = (wish.claim.channel, wish.campaign.obeys_quiet_hours, timed, *map(id, self._hours_about(wish)), day)
        if key not in self._slots:
            self._slots[key] = self._find_slot(wish, day)
        return self._slots[key]

    def _send_time(self, wish: Wish) -> tuple[int, int] | None:
        """The time of day at which a message goes."""
        of_channel = {channel.name: channel.send_at for channel in self.playbook.channels}
        found = wish.campaign.send_at or of_channel.get(wish.claim.channel or "")
        if found is None:
            return None
        own = self.contact.attributes.get(found.attribute or "")
        if isinstance(own, int | float):
            return int(own), round(own % 1 * 60)
        hour, minute = (own or found.default).split(":")
        return int(hour), int(minute)

    def _first_at(self, time: tuple[int, int]) -> datetime:
        """The first instant from the decision's on at which clocks show a time of day."""
        local = self.at.astimezone(ZoneInfo(self.zone)).date()
        days = [first_instant(self.zone, local + DAY * n, time) for n in range(4)]
        return min(at for at in (*days, *(day + timedelta(hours=1) for day in days)) if self._shows(at, time))

    def _shows(self, at: datetime, time: tuple[int, int]) -> bool:
        local = at.astimezone(ZoneInfo(self.zone))
        skipped = at == first_instant(self.zone, local.date(), time)
        return at >= self.at and (skipped or local.time() == time_of_day(*time))

    def _find_slot(self, wish: Wish, day: date) -> datetime | None:
        time = self._send_time(wish)
        if time is not None:
            early = first_instant(self.zone, day, time)
            shown = [at for at in (early, early + timedelta(hours=1)) if self._shows(at, time)]
            return min((at for at in shown if on(self.zone, at) == day), default=None)
        start, end = first_instant(self.zone, day), first_instant(self.zone, day + DAY)
        instants = sorted(
            {start + QUARTER * n for n in range((end - start) // QUARTER)}
            | ({self.at} if start <= self.at < end else set())
        )
        if not wish.campaign.obeys_quiet_hours or not any(self.closed(wish, at) for at in instants):
            # Nothing restricts the hours of this day: the decision's local time.
            if end <= self.at:
                return None
            local = self.at.astimezone(ZoneInfo(self.zone))
            return max(first_instant(self.zone, day, (local.hour, local.minute)), self.at)
        return next((at for at in instants if at >= self.at and not self.closed(wish, at)), None)

    def _ask(self, wish: Wish) -> None:
        own = wish.claim.at
        if own is None and not self.is_plan:
            time = self._send_time(wish)
            wish.asked = [self.at if time is None else self._first_at(time)]
        elif own is None:
            day, days = on(self.zone, self.at), []
            while day <= on(self.zone, self.last):
                days.append(self._slot(wish, day))
                day += DAY
            wish.asked = [at for at in days if at is not None and at <= self.last]
            time = self._send_time(wish)
            if not wish.asked and time is not None:
                wish.is_outside = True
                wish.asked = [self._first_at(time)]
            wish.asked = wish.asked or [self.at]
        else:
            if isinstance(own, datetime):
                at = own.astimezone(UTC)
            elif not self.is_plan and own == on(self.zone, self.at):
                is_timed = self._send_time(wish) is not None
                at = (self._slot(wish, own) or self.at) if is_timed else self.at
            elif own < on(self.zone, self.at):
                at = first_instant(self.zone, own)
            else:
                # Where the day has no slot, it asks for the first instant that is left of it.
                at = self._slot(wish, own) or max(first_instant(self.zone, own), self.at)
            wish.asked = [at]
            is_today = not self.is_plan and own == on(self.zone, self.at)
            wish.is_outside = not is_today and not self.at <= at <= self.last

    # Section 5: who is eligible

    @cached_property
    def values(self) -> dict[str, Any]:
        """What caps read of the contact: the playbook's segments beside the contact's own."""
        return self.values_at(self.at)

    def values_at(self, at: datetime) -> dict[str, Any]:
        """What audiences read of the contact at an instant."""
        given, local = self.contact.values() | self.counts(at), at.astimezone(ZoneInfo(self.zone))
        found = list(self.contact.segments)
        said = {name: rule.test(given, local) for name, rule in self.segment_rules.items() if name not in found}
        held = Held((*found, *(name for name, verdict in said.items() if verdict is True)))
        held.unknown = frozenset(name for name, verdict in said.items() if verdict is None)
        return {**given, "segments": held}

    @cached_property
    def segment_rules(self) -> dict[str, Rule]:
        """The rules of segments, with those of others that they ask for written out."""
        order = StageOrder(
            tuple(stage.name for stage in (self.playbook.journey or Journey()).stages),
            frozenset(stage.name for stage in (self.playbook.journey or Journey()).stages if stage.lost),
        )
        texts = {segment.name: segment.rule.text for segment in self.playbook.segments}

        def written_out(text: str) -> str:
            def other(found: re.Match[str]) -> str:
                name, denied = found[1], found[2] == "not in"
                if name not in texts:
                    return found[0]
                return f"({'not ' * denied}('{name}' in segments or ({written_out(texts[name])})))"

            return re.sub(r"'(\w+)' (not in|in) segments", other, text)

        return {name: Rule(written_out(text)).on_journey(order) for name, text in texts.items()}

    def counts(self, at: datetime) -> dict[str, Any]:
        """What rules ask of events at an instant: of those that have happened when the decision is made."""
        if self.events is None:
            return {}
        sections = (
            self.playbook.campaigns or (),
            self.playbook.caps,
            self.playbook.quiet_hours,
            self.playbook.send_hours,
        )
        rules = [part.audience for own in sections for part in own]
        rules += [lever.when for lever in self.playbook.levers]
        rules += [segment.rule for segment in self.playbook.segments]
        parts = [part for rule in rules if rule is not None for part in rule.aggregates]
        events = [*self.met, *(Event("ignored", when) for when, _ in self.ignored(self._first_ignored))]
        return {part.key: _counted(part, events, at) for part in parts}

    @cached_property
    def met(self) -> list[Event]:
        """The events that have happened when the decision is made, each once."""
        found: list[Event] = []
        for event in self.events or ():
            known = [other for other in found if (event.id, other.id) == (None, None) and _same(event, other)]
            if not known and (event.id is None or event.id not in [other.id for other in found]):
                found += [event] if event.at <= self.at else []
        return found

    @property
    def _first_ignored(self) -> Rest:
        default = Rest(name="default", event="ignored", rest="1d")
        return next((rest for rest in self.playbook.rests if rest.event == "ignored"), default)

    # Section 18: rests

    def ignored(self, rest: Rest) -> Iterator[tuple[datetime, Mark]]:
        """The touches to which no response came in time, each with the instant at which that was known."""
        after = timedelta(microseconds=rest.answer_within)
        for touch in self.touches:
            at = touch.at.astimezone(UTC)
            if touch.status != "sent" or touch.campaign is None or at + after > self.at:
                continue
            responses = [
                event
                for event in self.met
                if event.properties.get("campaign_id") == touch.campaign
                and at < event.at <= at + after
                and (not rest.response or event.event in rest.response)
            ]
            if not responses:
                yield at + after, self._mark(touch)

    def rest_instants(self, rest: Rest, key: tuple[str, ...]) -> list[datetime]:
        """The instants of the events that a rest counts for one group."""
        if rest.event == "ignored":
            known: list[tuple[datetime, Mark | None]] = [*self.ignored(rest)]
        else:
            known = [
                (event.at.astimezone(UTC), self._of_campaign(event.properties.get("campaign_id")))
                for event in self.met
                if event.event == rest.event
            ]
        return sorted(
            at
            for at, mark in known
            if (mark is None and not rest.by)
            or (
                mark is not None
                and mark.is_counted
                and rest.where.matches(mark.facets)
                and key in _keys(rest.by, mark.facets)
            )
        )

    def _of_campaign(self, campaign: str | None) -> Mark | None:
        return None if campaign is None else self._mark(Touch(at=self.at, campaign=campaign, counts_toward_caps=True))

    def rests(self, wish: Wish, at: datetime) -> list[str]:
        """The rests that keep a claim back at an instant."""
        if self.events is None or not wish.campaign.obeys_caps:
            return []
        return [
            rest.name
            for rest in self.playbook.rests
            if rest.where.matches(wish.facets)
            and any(_rests(rest, self.rest_instants(rest, key), at) for key in _keys(rest.by, wish.facets))
        ]

    def failures(self, wish: Wish, at: datetime) -> list[str]:
        """Every check that fails, in the order of the reasons."""
        contact, campaign, content = self.contact, wish.campaign, wish.content
        consent = contact.consent_for(wish.claim.channel, micros(at)) if wish.claim.channel else None
        found = []
        if contact.suppressed:
            found.append("suppressed")
        if campaign.needs_consent and contact.opted_out:
            found.append("opted_out")
        if campaign.needs_consent and (
            consent is False or any(self._denied(topic, at) for topic in wish.facets.get("topic", ()))
        ):
            found.append("no_consent")
        if wish.is_outside or not self.is_open(campaign, at):
            found.append("campaign_closed")
        if self.is_over(wish, at):
            found.append("expired")
        if (
            campaign.audience is not None
            and campaign.audience.test(self.values_at(at), at.astimezone(ZoneInfo(self.zone))) is not True
        ):
            found.append("not_in_audience")
        if (
            content is not None
            and content.stages is not None
            and contact.stage is not None
            and not content.stages.get(contact.stage)
        ):
            found.append("wrong_stage")
        if (
            content is not None
            and content.roles is not None
            and contact.role is not None
            and not content.roles.get(contact.role)
        ):
            found.append("wrong_role")
        owner = self._owner()
        if (
            owner is not None
            and owner != (wish.team.department if wish.team else "marketing")
            and (wish.team is None or not {owner, "everywhere"} & {*wish.team.speaks})
            and contact.stage not in campaign.stages
        ):
            found.append("wrong_owner")
        if campaign.needs_consent and any(
            h is not None and h.holds(contact.id) for h in (self.playbook.holdout, campaign.holdout)
        ):
            found.append("holdout")
        if self._lacks_data(wish, consent):
            found.append("missing_data")
        if campaign.obeys_quiet_hours and self.closed(wish, at):
            found.append("quiet_hours")
        least, uplift = campaign.min_uplift, wish.claim.uplift
        if least is not None and uplift is not None and uplift < least:
            found.append("not_worth_it")
        return found

    def _denied(self, topic: str, at: datetime) -> bool:
        entry = self.contact.topic_consent.get(topic)
        return entry is not None and (not entry.granted or (entry.until is not None and entry.until <= at))

    def is_open(self, campaign: Campaign, at: datetime) -> bool:
        """Whether a campaign is open at an instant."""
        day = on(self.zone, at)
        return not (
            campaign.paused
            or (campaign.starts is not None and day < campaign.starts)
            or (campaign.ends is not None and day > campaign.ends)
            or (campaign.dates is not None and day not in self._dates(campaign))
        )

    def is_over(self, wish: Wish, at: datetime) -> bool:
        """Whether a claim has expired, by itself or by what its campaign lets it wait, at an instant."""
        expires, asked, wait = wish.claim.expires, wish.claim.asked_at, wish.campaign.wait
        last = expires.astimezone(UTC) if isinstance(expires, datetime) else expires
        found = last is not None and (at if isinstance(last, datetime) else on(self.zone, at)) > last
        if asked is None or wait is None:
            return found
        if wait.days is None:
            return found or at > asked + wait.length
        return found or on(self.zone, at) > on(self.zone, asked) + wait.days * DAY

    def _owner(self) -> str | None:
        stages = self.playbook.journey.stages if self.playbook.journey else ()
        if self.contact.stage is None or all(stage.owner is None for stage in stages):
            return None
        # A stage that the journey does not have is nobody's, so no department's own.
        return next((stage.owner for stage in stages if stage.name == self.contact.stage), "")

    def _lacks_data(self, wish: Wish, consent: bool | None) -> bool:
        on_missing, campaign, content = self.playbook.on_missing, wish.campaign, wish.content
        tests_zone = (
            campaign.starts
            or campaign.ends
            or campaign.dates
            or self._send_time(wish) is not None
            or (campaign.obeys_quiet_hours and self._hours_about(wish))
            or (
                campaign.obeys_caps
                and any(self._cells(cap, wish.facets) and cap.window.is_local for cap in self.playbook.caps)
            )
        )
        return bool(
            (campaign.scored and wish.claim.propensity is None and wish.claim.weight is None)
            or (campaign.scored and wish.claim.uplift is None and campaign.min_uplift is not None)
            or self._lacks_cost(wish)
            or (wish.claim.weight is None and self._campaign_weight(wish) is None)
            or (on_missing.consent == "deny" and campaign.needs_consent and consent is None)
            or (on_missing.stage == "deny" and self.contact.stage is None and content and content.stages is not None)
            or (on_missing.role == "deny" and self.contact.role is None and content and content.roles is not None)
            or (on_missing.timezone == "deny" and self.contact.timezone is None and tests_zone)
        )

    def _lacks_cost(self, wish: Wish) -> bool:
        """Whether it is not known how likely an opt-out is, or what it costs."""
        campaign, claim = wish.campaign, wish.claim
        if self.playbook.opt_out_cost is None or claim.weight is not None or not campaign.needs_consent:
            return False
        if claim.opt_out is None:
            return campaign.scored
        return self._opt_out_cost() is None and self.playbook.on_missing.stage == "deny"

    def _opt_out_cost(self) -> float | None:
        """What it costs to lose the contact; None where that is not known."""
        cost = self.playbook.opt_out_cost
        if cost != "stage_value":
            return cost
        stages = self.playbook.journey.stages if self.playbook.journey else ()
        values = [stage.value for stage in stages if stage.name == self.contact.stage and stage.value is not None]
        return max(values[0], 0) if values else None

    def _risk(self, wish: Wish) -> float:
        is_free = wish.claim.weight is not None or not wish.campaign.needs_consent
        return 0.0 if is_free else (wish.claim.opt_out or 0.0) * (self._opt_out_cost() or 0.0)

    # Section 6: weights

    def _weigh(self, wish: Wish) -> None:
        claim, campaign = wish.claim, wish.campaign
        weight = self._product(wish, 1.0) if claim.weight is None else claim.weight
        patience = self._patience(wish)
        if patience is not None and weight > 0:
            weight = self._product(wish, patience) if claim.weight is None else weight * patience
        wish.weight = scaled(weight - self._risk(wish), MILLION)
        rank: Any = 0
        if self.playbook.policy == "ranked":
            rank = campaign.priority
        elif self.playbook.policy == "first_come":
            asked = claim.asked_at
            if asked is None and campaign.starts is not None:
                asked = datetime(campaign.starts.year, campaign.starts.month, campaign.starts.day, tzinfo=UTC)
            rank = micros(asked) if asked else -(2**62)
        wish.level = (campaign.tier, rank)

    def _product(self, wish: Wish, patience: float) -> float:
        claim, campaign, content, contact = wish.claim, wish.campaign, wish.content, self.contact
        weight = self._campaign_weight(wish) or 0.0
        named = campaign.weight.names if isinstance(campaign.weight, Expression) else frozenset()
        weight = weight * (content.weight if content else 1.0) * (wish.team.lever if wish.team else 1.0)
        for lever in self.playbook.levers:
            if lever.where.matches(wish.facets) and (lever.when is None or self._is_true(lever.when)):
                weight *= lever.factor
        weight *= patience
        weight *= (
            1.0
            if content is None or content.stages is None or contact.stage is None
            else content.stages.get(contact.stage, 0)
        )
        weight *= (
            1.0
            if content is None or content.roles is None or contact.role is None
            else content.roles.get(contact.role, 0)
        )
        weight *= contact.preferences.get(claim.channel or "", 1.0)
        weight *= (
            1 + self.playbook.interest_lift
            if any(set(contact.interests) & set(wish.facets.get(own, ())) for own in ("topic", "solution"))
            else 1.0
        )
        weight *= 1.0 if claim.propensity is None or "propensity" in named else claim.propensity
        if "value" not in named:
            weight *= self._gain(content) if claim.value is None else claim.value
        return weight

    def _campaign_weight(self, wish: Wish) -> float | None:
        """The campaign's weight; None where it is not known."""
        weight, claim = wish.campaign.weight, wish.claim
        if not isinstance(weight, Expression):
            return weight
        gain = self._gain(wish.content) if self._advances(wish.content) else None
        known = {"propensity": claim.propensity, "value": gain if claim.value is None else claim.value}
        known["cost"] = wish.campaign.cost if claim.cost is None else claim.cost
        values = {name: self.values.get(name) for name in weight.names} | known
        numbers = {name: Maybe(value if type(value) in (int, float) else None) for name, value in values.items()}
        found: Maybe = eval(weight.text, {"min": Maybe.least, "max": Maybe.most, "coalesce": Maybe.first}, numbers)
        return found.value

    def _patience(self, wish: Wish) -> float | None:
        """What a campaign's patience multiplies with, where its last touch is long ago."""
        patience = wish.campaign.patience
        touched = [mark.at for mark in self.history if mark.campaign == wish.campaign.id]
        since = max(touched, default=wish.claim.asked_at)
        if patience is None or since is None:
            return None
        lag = patience.after
        length = timedelta(days=lag.days) if lag.length is None else lag.length
        return patience.factor if self.at - since > length else None

    def _is_true(self, rule: Rule) -> bool:
        return rule.test(self.values, self.at.astimezone(ZoneInfo(self.zone))) is True

    def _gain(self, content: Content | None) -> float:
        """What moving the contact to other stages is worth; 1 where that is not known."""
        worth, advances = self._worth(), self._advances(content)
        if not advances:
            return 1.0
        return sum(chance * (worth[to] - worth[self.contact.stage]) for to, chance in advances.items())

    def _worth(self) -> dict[str, float]:
        stages = self.playbook.journey.stages if self.playbook.journey else ()
        return {stage.name: stage.value for stage in stages if stage.value is not None}

    def _advances(self, content: Content | None) -> dict[str, float]:
        """To which stages a content moves the contact; none where their values are not known."""
        advances = {} if content is None or content.advances is None else dict(content.advances)
        return advances if {self.contact.stage, *advances} <= set(self._worth()) else {}

    def position(self, item: tuple[Wish, datetime]) -> tuple[Any, ...]:
        """Its place in the total order of claims."""
        wish, at = item
        claim, own = wish.claim, wish.claim.at
        # Claims that only their own dates tell apart: the one without goes first.
        when = "" if own is None else str(micros(own)) if isinstance(own, datetime) else own.isoformat()
        ends = wish.campaign.ends or date.max
        return -wish.weight, at, ends, claim.campaign, claim.content or "", claim.channel or "", when, claim.id or ""

    # Section 4: history

    def _happened(self, touch: Touch) -> bool:
        if touch.status == "planned":
            replaced = any(
                touch.campaign == wish.claim.campaign
                and touch.content in (None, content)
                and touch.channel in (None, channel)
                and touch.claim in (None, wish.claim.id)
                and self._is_occasion(wish, on(self.zone, touch.at))
                for wish in self.wishes
                for content, channel in self._planned_as(wish)
            )
            return touch.at >= self.at and not replaced
        return touch.status in ("sent", "reserved")

    def _is_occasion(self, wish: Wish, day: date) -> bool:
        """Whether a claim is for a date: those for others have nothing to do with what was planned for it."""
        return not self.is_derived or wish.campaign.dates is None or wish.claim.at == day

    def _planned_as(self, wish: Wish) -> list[tuple[str | None, str | None]]:
        """What a claim may have been planned as: with a split, any of the variants."""
        if wish.campaign.split:
            return [(content, self.contents[content].channel) for content in wish.campaign.content]
        return [(wish.claim.content, wish.claim.channel)]

    def _mark(self, touch: Touch) -> Mark:
        campaign = self.campaigns.get(touch.campaign or "")
        content = self.contents.get(touch.content or "")
        if touch.content is None and campaign is not None and len(campaign.content) == 1:
            content = self.contents[campaign.content[0]]
        facets = self.playbook.facets(campaign, content)
        for name in ("channel", "campaign", "content", "team", "goal", "theme"):
            if getattr(touch, name) is not None:
                facets[name] = (getattr(touch, name),)
        if touch.topics:
            facets["topic"] = touch.topics
        if touch.solutions:
            facets["solution"] = touch.solutions
        if touch.tags:
            facets["tag"] = touch.tags
        if "channel" not in facets:
            # Nobody knows how it went: by a channel of its campaign, or else by any.
            own = {self.contents[name].channel for name in (campaign.content if campaign else ())}
            known = sorted(own or Vocabulary.of(self.playbook).words.get("channel", ()))
            facets["channel"] = tuple(known) if own and len(known) == 1 else Either(known)
        for name in touch.without:
            facets.pop({"topics": "topic", "solutions": "solution", "tags": "tag"}.get(name, name), None)
        ends = campaign.ends if campaign else None
        if touch.campaign_ends or "campaign_ends" in touch.without:
            ends = touch.campaign_ends
        counts = touch.counts_toward_caps
        if counts is None:
            counts = campaign is None or campaign.counts_toward_caps
        return Mark(touch.at.astimezone(UTC), touch.campaign, ends, facets, counts, claim=touch.claim)

    def mark(self, wish: Wish, at: datetime, who: int = 0) -> Mark:
        """A claim at an instant as something that stands in windows."""
        campaign = wish.campaign
        counts, obeys = campaign.counts_toward_caps, campaign.obeys_caps
        return Mark(at, campaign.id, campaign.ends, wish.facets, counts, obeys, who, wish.claim.id)

    def _limit(self, cap: Cap) -> int | None:
        local = self.at.astimezone(ZoneInfo(self.zone))
        if cap.audience is not None:
            verdict = cap.audience.test(self.values, local)
            if verdict is False or (verdict is None and self.playbook.on_missing.cap == "waive"):
                return None
        return cap.limit_for(self.values)

    @staticmethod
    def _cells(cap: Cap, facets: dict[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
        return cap.keys_of(facets) if cap.where.matches(facets) and cap.points_of(facets) else ()

    def loads(
        self, marks: Iterable[Mark], own: Mark | None = None, *, later: bool = False
    ) -> Iterator[tuple[Cap, int, list[Mark]]]:
        """Every window of every cap that binds: the cap, its limit, and what the window holds.

        With a mark of one's own, only those that could hold it; later, of a decision of its own.
        """
        marks = list(marks)
        for cap, limit in zip(self.playbook.caps, self.limits, strict=True):
            if limit is None or (own is not None and not self._cells(cap, own.facets)):
                continue
            zone = window_zone(cap.window, self.zone, self.playbook.timezone)
            cells: dict[tuple[str, ...], list[Mark]] = {}
            for mark in marks:
                if cap.window.kind == "decision" and (mark.who == HISTORY or (later and mark is not own)):
                    continue
                for key in self._cells(cap, mark.facets):
                    cells.setdefault(key, []).append(mark)
            for inside in cells.values():
                for held in cap_windows(cap, zone, inside) if own is None or own in inside else ():
                    yield cap, limit, held

    # Section 3: the choice

    def _items(self) -> list[tuple[Wish, datetime]]:
        return [
            (wish, at)
            for wish, instants in self.open.items()
            if wish.weight > self.reserve
            for at in instants
            if not self.rests(wish, at)
        ]

    @cached_property
    def chosen(self) -> tuple[list[tuple[Wish, datetime]], list[tuple[Wish, datetime]]]:
        """The exempt winners and the others."""
        exempt = self.best([item for item in self.items if not item[0].campaign.obeys_caps], [])
        return exempt, self.best([item for item in self.items if item[0].campaign.obeys_caps], exempt)

    @cached_property
    def winners(self) -> list[tuple[Wish, datetime]]:
        """All winners, in the order of claims."""
        return sorted([*self.chosen[0], *self.chosen[1]], key=self.position)

    def worth(self, items: Iterable[tuple[Wish, datetime]]) -> int:
        """Weight less reserve, summed up, in millionths."""
        return sum(wish.weight - self.reserve for wish, _ in items)

    def best(
        self, items: list[tuple[Wish, datetime]], before: list[tuple[Wish, datetime]]
    ) -> list[tuple[Wish, datetime]]:
        """The best of all sets that keep every rule, after some winners that were settled before."""
        items = sorted(items, key=self.position)
        sets = _Sets(self, items, before)
        levels = sorted({wish.level for wish, _ in items})

        def merit(places: tuple[int, ...]) -> tuple[Any, ...]:
            totals = [
                sum(items[p][0].weight - self.reserve for p in places if items[p][0].level == level) for level in levels
            ]
            return [-total for total in totals], places

        return [items[place] for place in min(sets.feasible(), key=merit)]

    def is_sound(self, items: Sequence[tuple[Wish, datetime]]) -> bool:
        """Whether a set of claims at instants keeps every rule, the contact's and its own."""
        for wish, at in items:
            if wish.is_twin or wish.is_outside or wish.weight <= self.reserve or self.failures(wish, at):
                return False
            if self.rests(wish, at):
                return False
        exempt = sorted((item for item in items if not item[0].campaign.obeys_caps), key=self.position)
        others = sorted((item for item in items if item[0].campaign.obeys_caps), key=self.position)
        return _Sets(self, exempt, []).holds_whole and _Sets(self, others, exempt).holds_whole

    def wins_with(self, wish: Wish, weight: int) -> bool:
        """Whether a claim would be granted if it had another weight, in millionths."""
        before, wish.weight = wish.weight, weight
        try:
            exempt = self.chosen[0]
            items = [item for item in self._items() if item[0].campaign.obeys_caps == wish.campaign.obeys_caps]
            found = self.best(items, exempt if wish.campaign.obeys_caps else [])
        finally:
            wish.weight = before
        return any(winner is wish for winner, _ in found)

    def displaced(self, wish: Wish) -> int:
        """The best total of the others without a winner, less their total with it, in millionths."""
        left = [item for item in self.items if item[0] is not wish]
        exempt = self.best([item for item in left if not item[0].campaign.obeys_caps], [])
        others = self.best([item for item in left if item[0].campaign.obeys_caps], exempt)
        return (
            self.worth(exempt) + self.worth(others) - self.worth(item for item in self.winners if item[0] is not wish)
        )

    # Section 7: the reasons

    def stops(
        self, wish: Wish, at: datetime, winners: Sequence[tuple[Wish, datetime]], *, later: bool = False
    ) -> Iterator[tuple[str, str, set[int]]]:
        """Every rule that adding a claim would break: its kind, its name, and the places of the winners in it.

        Kinds are ``cap``, ``repeat``, ``sibling``, ``conflict`` and ``requires``.
        """
        own = self.mark(wish, at, who=len(winners))
        standing = [*self.history, *(self.mark(rival, when, who) for who, (rival, when) in enumerate(winners))]
        yield from (("rest", name, set()) for name in self.rests(wish, at))
        same = {who for who, (rival, _) in enumerate(winners) if repeats(wish, rival)}
        if wish.campaign.repeat is not None and self._touched(wish) + len(same) >= wish.campaign.repeat:
            yield "repeat", f"repeat of {wish.campaign.id}", same
        siblings = {who for who, (rival, _) in enumerate(winners) if rival.group == wish.group}
        if siblings:
            yield "sibling", f"one content of {wish.campaign.id}", siblings
        for conflict in self.playbook.conflicts:
            rivals = [mark for mark in standing if clash(conflict, self.zone, own, mark)]
            if rivals:
                yield "conflict", conflict.name, {mark.who for mark in rivals if mark.who >= 0}
        if (waits_for := self.waits_for(wish, at, winners)) is not None:
            yield "requires", f"step {waits_for} of {wish.campaign.id}", set()
        for requirement in self.playbook.requirements:
            if requirement.claim.matches(wish.facets) and not self.has_partner(requirement, wish, at, winners):
                yield "requires", requirement.name, set()
        if wish.campaign.obeys_caps:
            # Within one decision a claim that obeys but does not count is checked as if it did; later it is history.
            marks = [
                *(mark for mark in standing if mark.is_counted or (mark.who >= 0 and mark.obeys and not later)),
                own,
            ]
            crowds: dict[str, set[int]] = {}
            for cap, limit, held in self.loads(marks, own, later=later):
                others = [mark for mark in held if mark is not own]
                if own in held and used_of(cap, held) > limit and adds_to(cap, others, own):
                    crowds.setdefault(cap.name, set()).update(m.who for m in held if m.who >= 0 and m is not own)
            for name, crowd in crowds.items():
                yield "cap", name, crowd

    def _touched(self, wish: Wish) -> int:
        """How many touches a claim repeats: where one of the two has no id, they could be the same message."""
        own = wish.claim.id
        return sum(
            mark.campaign == wish.campaign.id
            and (own is None or mark.claim in (None, own))
            and (not wish.campaign.series or mark.facets.get("content") == (wish.claim.content,))
            for mark in self.history
        )

    def has_partner(
        self, requirement: Requirement, wish: Wish, at: datetime, winners: Iterable[tuple[Wish, datetime]]
    ) -> bool:
        """Whether a winner, or a touch of the history, will do for a requirement."""
        for rival, when in winners:
            is_exempt = not rival.campaign.obeys_caps
            is_early = rival.campaign.tier <= wish.campaign.tier
            # Exempt claims are settled before tier 0, and among themselves.
            is_early = is_exempt or is_early if wish.campaign.obeys_caps else is_exempt and is_early
            if rival is not wish and requirement.partner.surely_matches(rival.facets) and when <= at and is_early:
                return True
        if requirement.within is None:
            return False
        zone = window_zone(requirement.within, self.zone, self.playbook.timezone)
        return any(
            mark.at <= at
            and requirement.partner.surely_matches(mark.facets)
            and counts(requirement.within, zone, mark, at)
            for mark in self.history
        )

    # Section 17: the steps of a series

    def waits_for(self, wish: Wish, at: datetime, winners: Iterable[tuple[Wish, datetime]]) -> str | None:
        """The step that a step waits for at an instant; None where it is its turn."""
        before, has_passed = self.step_before(wish)
        if before is None or has_passed:
            return before
        assert wish.campaign.series is not None
        gap = wish.campaign.series.gap
        instants = [mark.at for mark in self._gone(wish, before)]
        instants += [when for rival, when in winners if self._is_step(rival, wish, before)]
        for when in instants:
            if gap.length is not None and at - when >= gap.length:
                return None
            if gap.days is not None and (on(self.zone, at) - on(self.zone, when)).days >= gap.days:
                return None
        return before

    def step_before(self, wish: Wish) -> tuple[str | None, bool]:
        """The step that must go before a claim, or None; or a later one that has gone already, and True."""
        if wish.campaign.series is None:
            return None, False
        place = wish.campaign.content.index(wish.claim.content or "")
        before, later = wish.campaign.content[:place], wish.campaign.content[place + 1 :]
        if wish.campaign.if_lost == "skip":
            passed = [step for step in later if self._gone(wish, step)]
            if passed and not self._gone(wish, wish.claim.content or ""):
                return passed[0], True
            while before and not self._gone(wish, before[-1]) and self._is_refused(wish.campaign, before[-1]):
                before = before[:-1]
        return (before[-1] if before else None), False

    def _gone(self, wish: Wish, step: str) -> list[Mark]:
        return [
            mark
            for mark in self.history
            if mark.campaign == wish.campaign.id
            and mark.facets.get("content") == (step,)
            and wish.claim.id in (None, mark.claim)
        ]

    @staticmethod
    def _is_step(rival: Wish, wish: Wish, step: str) -> bool:
        own = wish.campaign.id, step, wish.claim.id
        return (rival.campaign.id, rival.claim.content, rival.claim.id) == own

    def _is_refused(self, campaign: Campaign, step: str) -> bool:
        """Whether the contact is refused a step whatever the time."""
        asked = [own for own in self.wishes if own.campaign is campaign and own.claim.content == step]
        asked = [own for own in asked if not own.is_twin]
        if not asked:
            content = self.contents[step]
            claim = Claim(campaign=campaign.id, content=step, channel=content.channel)
            other = Wish(0, claim, campaign, content)
            other.team = self.teams.get(campaign.team or "")
            other.facets = self.playbook.facets(campaign, content)
            self._ask(other)
            asked = [other]
        harmless = {*TIMED, "not_worth_it"}
        return all(set(self.failures(own, at)) - harmless for own in asked for at in own.asked)

    def reason(self, wish: Wish) -> str:
        """The reason of a claim that has one instant only."""
        (at,) = wish.asked
        if wish.is_twin:
            return "invalid"
        failed = self.failures(wish, at)
        if failed:
            return failed[0]
        if (wish, at) in self.winners:
            return "granted"
        if wish.weight <= self.reserve:
            return "not_worth_it"
        if self.rests(wish, at):
            return "resting"
        before = self.chosen[0] if wish.campaign.obeys_caps else []
        kinds = {kind for kind, _, _ in self.stops(wish, at, before)}
        if kinds & {"cap", "repeat"} and any(
            kind == "cap" or self._touched(wish) >= (wish.campaign.repeat or 0)
            for kind, _, _ in self.stops(wish, at, before)
            if kind in ("cap", "repeat")
        ):
            return "capped"
        if "conflict" in kinds:
            return "conflict"
        rivals = [item for item in self.items if item[0].campaign.obeys_caps == wish.campaign.obeys_caps]
        rivals.sort(key=self.position)
        place = rivals.index((wish, at))
        if not any(place in places for places in _Sets(self, rivals, before).feasible()):
            return "requires"
        kinds = {kind for kind, _, _ in self.stops(wish, at, self.winners)}
        return next((kind for kind in ("conflict", "requires") if kind in kinds), "outbid")

    # Section 7: when it may go

    def fits(self, wish: Wish, at: datetime) -> bool:
        """Whether a loser alone fits the history and what was granted, at a later instant; never beside a sibling."""
        if not self.is_open(wish.campaign, at) or self.is_over(wish, at):
            return False
        if wish.campaign.obeys_quiet_hours and self.closed(wish, at):
            return False
        time = self._send_time(wish)
        if time is not None and not self._shows(at, time):
            return False
        return not any(True for _ in self.stops(wish, at, self.winners, later=True))

    def retry(self, wish: Wish, horizon: datetime) -> datetime | None:
        """The first instant after the span, up to a horizon, at which a loser alone fits."""
        start = self.earliest(wish)
        if start is None:
            return None
        points = {start, *(at for at in self.turning_points(horizon) if at > start)}
        return next((at for at in sorted(points) if at <= horizon and self.fits(wish, at)), None)

    def earliest(self, wish: Wish) -> datetime | None:
        """The first instant for which a claim was not considered; None where its own has passed."""
        last = wish.asked[-1]
        if wish.is_outside:
            return None if last < self.at else max(self.last + TICK, last)
        if wish.claim.at is not None:
            return self.last + TICK if self.is_derived else last + TICK
        if last > self.last:
            return last + TICK
        # A plan's last instant is as good as any later one to what was not asked there.
        return self.last + TICK if last == self.last else self.last

    def _edges(self, day: date) -> set[datetime]:
        """When hours begin and end on a local date; where clocks are set back, an hour later again."""
        hours = (*self.playbook.quiet_hours, *self.playbook.send_hours)
        times = {tuple(map(int, text.split(":"))) for one in hours for text in (one.start, one.end)}
        times |= {time for wish in self.wishes if (time := self._send_time(wish)) is not None}
        first = {first_instant(self.zone, day, (hour, minute)) for hour, minute in times}
        return first | {at + timedelta(hours=1) for at in first}

    def turning_points(self, until: datetime) -> list[datetime]:
        """Every instant of the span and after it, up to another, at which a rule could change its mind."""
        marks = [*(mark.at for mark in self.history), *(at for _, at in self.winners)]
        found = {self.last + TICK, *marks, *(at + TICK for at in marks)}
        for window in [cap.window for cap in self.playbook.caps] + [
            r.within for r in self.playbook.requirements if r.within
        ]:
            if window.kind == "rolling":
                found |= {at + window.length for at in marks}
        for rest in self.playbook.rests:
            length = timedelta(microseconds=rest.length)
            known = [event.at.astimezone(UTC) for event in self.met] + [when for when, _ in self.ignored(rest)]
            found |= {at + length for at in known}
        for conflict in self.playbook.conflicts:
            if conflict.lag.length is not None:
                found |= {at + conflict.lag.length + TICK for at in marks}
        gaps = [own.series.gap.length for own in self.campaigns.values() if own.series and own.series.gap.length]
        found |= {at + gap for gap in gaps for at in marks}
        zones = {
            self.zone,
            self.playbook.timezone,
            *(cap.window.zone for cap in self.playbook.caps if "/" in cap.window.zone),
        }
        dates = {day for own in self.campaigns.values() for day in self._dates(own)}
        zones |= {r.within.zone for r in self.playbook.requirements if r.within and "/" in r.within.zone}
        for zone in zones:
            day = on(zone, self.at)
            while (start := first_instant(zone, day)) <= until:
                # Further off, only the days on which a month begins somewhere matter, as no short window reaches so
                # far; and the dates of campaigns.
                begins = 1 in (day.day, (day - DAY).day, (day + DAY).day)
                if start - self.last < 36 * DAY or begins or day in dates:
                    found.add(start)
                    if zone == self.zone:
                        found |= self._edges(day)
                day += DAY
        return sorted(at for at in found if self.at < at <= until)


def _keys(by: Sequence[str], facets: dict[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [*product(*(facets.get(name, ()) for name in by))]


def _rests(rest: Rest, instants: Sequence[datetime], at: datetime) -> bool:
    within = None if rest.within is None else timedelta(microseconds=micros_of_lag(rest.within))
    if rest.rest is None:
        assert within is not None
        return sum(at - within < when <= at for when in instants) >= rest.times
    length = timedelta(microseconds=micros_of_lag(rest.rest))
    return any(
        when <= at < when + length
        and sum((within is None or when - within < other) for other in instants[: place + 1]) >= rest.times
        for place, when in enumerate(instants)
    )


def _same(event: Event, other: Event) -> bool:
    def parts(of: Event) -> Any:
        told = {name: (type(value) in (int, float), str(value)) for name, value in of.properties.items()}
        return of.event, of.at, {name: own for name, own in told.items() if of.properties[name] is not None}

    return bool(parts(event) == parts(other))


def _counted(part: Any, events: Sequence[Event], at: datetime) -> Any:
    own = [event for event in events if event.event == part.event and event.at <= at]
    if part.length is not None:
        own = [event for event in own if event.at > at - timedelta(microseconds=part.length)]
    if part.kind == "count":
        return len(own)
    if part.kind == "latest":
        return max((event.at for event in own), default=None)
    values = [(event.at, event.properties.get(part.part)) for event in own]
    if part.kind == "sum":
        numbers = [float(value) for _, value in values if value is not None and value is not True and value != "many"]
        return sum(round(number * MILLION) for number in numbers) / MILLION
    kinds = {bool: 0, int: 1, str: 2}
    known = [(when, kinds[type(value)], value) for when, value in values if value is not None]
    return max(known, key=lambda one: (one[0], one[1], str(one[2])))[2] if known else None


def repeats(wish: Wish, rival: Wish) -> bool:
    """Whether two claims are of one campaign, or step of a series, and have the same id or none."""
    steps = [own.claim.content if own.campaign.series else None for own in (wish, rival)]
    return (wish.campaign.id, wish.claim.id, steps[0]) == (rival.campaign.id, rival.claim.id, steps[1])


def _standing(wish: Wish) -> tuple[Any, ...]:
    """Which of several same claims stands: none is told apart by its place in the input."""
    claim = wish.claim
    asked_at = claim.asked_at and micros(claim.asked_at)
    parts = (claim.propensity, claim.value, asked_at, claim.spread, claim.opt_out, claim.uplift)
    own = float("inf") if claim.weight is None else -claim.weight
    expires = "" if claim.expires is None else claim.expires.isoformat()
    return own, *((part is None, part or 0) for part in parts), expires, wish.is_open, sorted(claim.facets.items())


class _Sets:
    """All the sets of items that keep every rule."""

    def __init__(self, oracle: Oracle, items: list[tuple[Wish, datetime]], before: list[tuple[Wish, datetime]]) -> None:
        self.oracle = oracle
        self.items = items
        self.before = before
        marks = [oracle.mark(wish, at, who) for who, (wish, at) in enumerate(items)]
        standing = [*oracle.history, *(oracle.mark(wish, at, -2) for wish, at in before)]
        # Windows: how much is left of the limit, and what each item uses.
        self.rooms: list[tuple[int, dict[int, int]]] = []
        self.classes: list[tuple[int, dict[int, str | None]]] = []
        for cap, limit, held in oracle.loads([*(m for m in standing if m.is_counted), *(m for m in marks if m.obeys)]):
            uses = {mark.who: cap.points_of(mark.facets) for mark in held if mark.who >= 0}
            if uses and cap.count == "campaigns":
                known = [mark for mark in held if mark.who < 0]
                new = {mark.who: mark.campaign for mark in held if mark.who >= 0 and adds_to(cap, known, mark)}
                self.classes.append((limit // 1_000_000_000 - used_of(cap, known) // 1_000_000_000, new))
            elif uses:
                left = limit - sum(cap.points_of(mark.facets) for mark in held if mark.who < 0)
                self.rooms.append((left, uses))
        zone, conflicts = oracle.zone, oracle.playbook.conflicts
        self.barred = {
            place
            for place, mark in enumerate(marks)
            if any(clash(c, zone, mark, other) for c in conflicts for other in standing)
        }
        self.pairs = {
            (a, b)
            for a in range(len(items))
            for b in range(a)
            if items[a][0].group == items[b][0].group or any(clash(c, zone, marks[a], marks[b]) for c in conflicts)
        }

    @property
    def holds_whole(self) -> bool:
        """Whether all the items together keep every rule."""
        places = tuple(range(len(self.items)))
        grown = all(self._keeps_rules(places[: place + 1]) for place in places)
        return grown and all(check(places) for _, check in self._needy())

    def feasible(self) -> Iterator[tuple[int, ...]]:
        """The places of the items of each set."""
        needy = self._needy()
        for places in self._grow((), 0):
            if all(check(places) for place, check in needy if place in places):
                yield places

    def _grow(self, places: tuple[int, ...], start: int) -> Iterator[tuple[int, ...]]:
        # What a set breaks a larger one breaks too, partners aside.
        yield places
        for place in range(start, len(self.items)):
            more = (*places, place)
            if self._keeps_rules(more):
                yield from self._grow(more, place + 1)

    def _keeps_rules(self, places: tuple[int, ...]) -> bool:
        new = places[-1]
        if new in self.barred or any((new, other) in self.pairs for other in places[:-1]):
            return False
        own = self.items[new][0]
        campaign = own.campaign
        if campaign.repeat is not None:
            granted = [self.items[place] for place in places] + self.before
            of_it = sum(repeats(own, wish) for wish, _ in granted)
            if self.oracle._touched(own) + of_it > campaign.repeat:
                return False
        for left, campaigns in self.classes:
            if new in campaigns and len({campaigns[place] for place in places if place in campaigns}) > left:
                return False
        return all(sum(uses.get(place, 0) for place in places) <= left for left, uses in self.rooms if new in uses)

    def _needy(self) -> list[tuple[int, Callable[[tuple[int, ...]], bool]]]:
        found = []
        for place, (wish, at) in enumerate(self.items):
            if wish.campaign.series is not None:

                def has_turn(places: tuple[int, ...], w: Wish = wish, t: datetime = at) -> bool:
                    winners = [*self.before, *(self.items[p] for p in places)]
                    return self.oracle.waits_for(w, t, winners) is None

                found.append((place, has_turn))
        for requirement in self.oracle.playbook.requirements:
            for place, (wish, at) in enumerate(self.items):
                if requirement.claim.matches(wish.facets):

                    def check(
                        places: tuple[int, ...], r: Requirement = requirement, w: Wish = wish, t: datetime = at
                    ) -> bool:
                        return self.oracle.has_partner(r, w, t, [*self.before, *(self.items[p] for p in places)])

                    found.append((place, check))
        return found
