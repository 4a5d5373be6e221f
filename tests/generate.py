"""Seeded random situations: a playbook, a contact, their history, claims and a moment, small enough for brute force.

`situation(seed)` mixes every kind of window, rule and flag; `person(rng)` and `fussy_playbook(rng)` dwell on
eligibility. The same seed gives the same situation, on any machine.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from journeykit import (
    Arm,
    Campaign,
    Cap,
    CapChange,
    Channel,
    Claim,
    Conflict,
    Consent,
    Contact,
    Content,
    Experiment,
    Exploration,
    Holdout,
    Holiday,
    Hours,
    Journey,
    Lag,
    Lever,
    LeverChange,
    Limit,
    ModelError,
    OnMissing,
    Playbook,
    PlaybookError,
    Quota,
    Recurrence,
    Requirement,
    Rest,
    RuleChanges,
    Scope,
    Segment,
    SendAt,
    Series,
    Stage,
    Team,
    Touch,
    Transition,
    Window,
)
from journeykit.journey import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Europe/Skopje")
CHANNELS = ("email", "sms", "push")
TOPICS = ("news", "offers", "care")
SOLUTIONS = ("platform", "service")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
THEMES = ("leadership", "spring")
TAGS = ("push", "loud")
# Days on which something happens to a calendar: clocks change, or a week, month, quarter or year begins.
DAYS = (
    date(2026, 3, 7),
    date(2026, 3, 8),
    date(2026, 3, 9),
    date(2026, 3, 29),
    date(2026, 6, 30),
    date(2026, 10, 31),
    date(2026, 11, 1),
    date(2026, 11, 2),
    date(2026, 12, 31),
)
WEIGHTS = (1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 5.0, 0.5, 1.000001, 0.000001, 7.25)


@frozen(kw_only=True)
class Situation:
    """Everything that one decision is made from."""

    seed: int
    playbook: Playbook
    contact: Contact
    touches: tuple[Touch, ...]
    claims: tuple[Claim, ...] | None
    at: datetime
    until: datetime | None
    events: tuple[Event, ...] | None = None

    def but(self, **changes: Any) -> Situation:
        """The same situation with some parts changed."""
        return evolve(self, **changes)


def situation(seed: int) -> Situation:
    """A random situation with few claims and many rules."""
    rng = Random(seed)
    day = rng.choice(DAYS)
    zone = rng.choice(ZONES)
    time = rng.choice((0, 1, 1, 2, 2, 3, 9, 12, 23)), rng.choice((0, 0, 15, 30))
    at = datetime(day.year, day.month, day.day, *time, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    is_plan = rng.random() < 0.35
    until = at + timedelta(days=rng.choice((1, 1, 2)), hours=rng.choice((0, 0, 3, 12))) if is_plan else None
    playbook = advancing(seed, _playbook(rng, day, few=is_plan))
    contact = Contact(
        id=rng.choice(("anna", "ben", "cleo")),
        stage=rng.choice(("early", "early", "late")),
        role=rng.choice(("user", "user", "boss", None)),
        timezone=rng.choice((zone, zone, None)),
        consent=None if rng.random() < 0.1 else list(CHANNELS if rng.random() < 0.85 else CHANNELS[:2]),
        preferences={"sms": 0.5} if rng.random() < 0.2 else {},
        interests=["news"] if rng.random() < 0.5 else [],
        attributes={"weekly": rng.choice((0, 1, 2, 1.5, None)), "vip": rng.random() < 0.5}
        if rng.random() < 0.8
        else {},
    )
    claims = tuple(_claims(rng, playbook, at, few=is_plan)) if rng.random() < 0.65 else None
    touches = tuple(_touches(rng, playbook, at))
    if claims is not None and rng.random() < 0.15:
        playbook, claims = _gatekeeper(rng, playbook, claims)
    found = Situation(seed=seed, playbook=playbook, contact=contact, touches=touches, claims=claims, at=at, until=until)
    found = _with_ids(found) if claims is not None and seed % 4 < 2 else found
    found = _with_segments(found) if seed % 3 == 1 else found
    if seed % 6 == 2:
        return _with_gaps(found)
    return with_times(found) if is_plan and seed % 6 == 5 else found


def lively(seed: int) -> Situation:
    """A random situation, in nearly half of which campaigns are split, have dates of their own, or are series."""
    found = situation(seed)
    if seed % 9 == 4:
        found = _with_splits(found)
    if seed % 9 in (1, 7):
        found = _with_dates(found)
    if seed % 9 in (7, 8):
        found = _with_series(found)
    return found


def _with_splits(found: Situation) -> Situation:
    """The same with campaigns that split their contents, and claims that leave it open which of them; drawn apart."""
    rng = Random(f"splits of {found.seed}")
    playbook = found.playbook
    if playbook.campaigns is None:
        return found
    campaigns = [evolve(own, split=_split(rng, own.content)) for own in playbook.campaigns]
    split = {own.id for own in campaigns if own.split}
    claims = found.claims and tuple(
        evolve(claim, content=None) if claim.campaign in split else claim for claim in found.claims
    )
    return found.but(playbook=evolve(playbook, campaigns=campaigns), claims=claims)


def _with_dates(found: Situation) -> Situation:
    """The same with campaigns that have dates of their own; drawn apart."""
    rng = Random(f"dates of {found.seed}")
    playbook, day = found.playbook, found.at.date()
    if playbook.campaigns is None:
        return found
    campaigns = []
    for own in playbook.campaigns:
        dates: Any = own.dates
        if own.starts is None and own.ends is None and rng.random() < 0.6:
            dates = [day + timedelta(days=n) for n in rng.sample(range(-1, 6), rng.choice((1, 2, 3)))]
        elif rng.random() < 0.4:
            # Every weekday but one comes within any period of two days.
            dates = Recurrence(
                "FREQ=WEEKLY;BYDAY=" + ",".join(rng.sample(WEEKDAYS, 6 if own.starts or own.ends else 2))
            )
        campaigns.append(evolve(own, dates=dates) if _has_a_date(own, dates) else own)
    return found.but(playbook=evolve(playbook, campaigns=campaigns))


def _has_a_date(campaign: Campaign, dates: Any) -> bool:
    try:
        Playbook(campaigns=[Campaign(id="k", starts=campaign.starts, ends=campaign.ends, dates=dates)])
    except (ModelError, PlaybookError):
        return False
    return True


def _with_series(found: Situation) -> Situation:
    """The same with campaigns whose contents are steps, some of which have gone; drawn apart."""
    rng = Random(f"series of {found.seed}")
    playbook = found.playbook
    if playbook.campaigns is None:
        return found
    campaigns = [_as_series(rng, own) for own in playbook.campaigns]
    steps = [(own.id, step) for own in campaigns if own.series for step in own.content]
    touches = [evolve(own, content=rng.choice(_steps_of(campaigns, own) or (own.content,))) for own in found.touches]
    for campaign, step in rng.sample(steps, min(len(steps), rng.choice((0, 1, 1, 2)))):
        away = timedelta(minutes=15 * rng.choice((0, rng.randint(-20, 4), rng.randint(-96 * 3, 0))))
        status = rng.choice(("sent", "sent", "reserved", "planned", "failed"))
        touches.append(Touch(at=found.at + away, channel="email", campaign=campaign, content=step, status=status))
    return found.but(playbook=evolve(playbook, campaigns=campaigns), touches=tuple(touches))


def _steps_of(campaigns: list[Campaign], touch: Touch) -> tuple[str | None, ...]:
    return next(((None, *own.content) for own in campaigns if own.series and own.id == touch.campaign), ())


def _as_series(rng: Random, campaign: Campaign) -> Campaign:
    if len(campaign.content) == 1 and rng.random() < 0.6:
        return campaign
    gap, lost = rng.choice(("15m", "1h", "6h", "1d", "1d", "2d")), rng.choice(("defer", "drop", "skip", "skip"))
    return evolve(campaign, series=Series(gap=gap), if_lost=lost)


def _split(rng: Random, contents: tuple[str, ...]) -> dict[str, float] | None:
    if rng.random() < 0.2 or (len(contents) == 1 and rng.random() < 0.7):
        return None
    first = rng.choice((0.0, 0.2, 0.5, 1.0)) if len(contents) > 1 else 1.0
    return {name: first if not place else (1 - first) / (len(contents) - 1) for place, name in enumerate(contents)}


def _with_gaps(found: Situation) -> Situation:
    """The same with campaigns that need scores, interests in solutions, and caps that are waived; drawn apart."""
    rng = Random(f"gaps of {found.seed}")
    playbook = found.playbook
    campaigns = playbook.campaigns
    return found.but(
        playbook=evolve(
            playbook,
            campaigns=None
            if campaigns is None
            else [evolve(campaign, scored=rng.random() < 0.2) for campaign in campaigns],
            on_missing=evolve(playbook.on_missing, cap=rng.choice(("apply", "waive"))),
        ),
        contact=evolve(found.contact, interests=rng.choice((("platform",), ("news", "service"), ()))),
    )


def _with_ids(found: Situation) -> Situation:
    """The same with claims, and touches, that have ids and facets of their own, and caps that look at tags."""
    rng = Random(f"ids of {found.seed}")
    claims = [identified(rng, claim) for claim in found.claims or ()]
    if rng.random() < 0.4 and len(claims) < 6:
        claims.append(evolve(claims[0], id="again"))
    touches = [
        evolve(touch, claim=rng.choice(("a", "b", "again")), tags=tagged(rng)) if rng.random() < 0.5 else touch
        for touch in found.touches
    ]
    return found.but(playbook=with_tags(rng, found.playbook), claims=tuple(claims), touches=tuple(touches))


def tagged(rng: Random) -> list[str]:
    """Some tags."""
    return _some(rng, TAGS, 0.3)


def identified(rng: Random, claim: Claim) -> Claim:
    """A claim with an id, or with facets of its own, or without."""
    if rng.random() < 0.4:
        return claim
    return evolve(
        claim,
        id=rng.choice((None, "a", "b")),
        team=rng.choice((None, None, "alpha", "beta", "gamma")),
        goal=rng.choice((None, None, "launch")),
        topics=_some(rng, TOPICS, 0.2),
        solutions=_some(rng, SOLUTIONS, 0.2),
        theme=rng.choice((None, None, "spring")),
        tags=tagged(rng),
    )


def with_tags(rng: Random, playbook: Playbook) -> Playbook:
    """A playbook of which some caps look at tags."""

    def tagging(cap: Cap) -> Cap:
        return evolve(cap, by=("tag",)) if rng.random() < 0.3 else evolve(cap, where=Scope.of(tag=rng.choice(TAGS)))

    return evolve(playbook, caps=[tagging(cap) if rng.random() < 0.25 else cap for cap in playbook.caps])


SEGMENT_RULES = (
    "vip",
    "not vip",
    "weekly >= 1",
    "weekly is None",
    "stage == 'early' and role != 'boss'",
    "'news' in interests",
    "'own' in segments",
    "'s0' in segments",
    "length(segments) == 0",
    "hours_since('2026-10-31T12:00:00Z') > 24",
    "days_since('2026-11-01') >= 0",
)
ASKS_SEGMENTS = (
    "'s0' in segments",
    "'s1' not in segments",
    "'own' in segments or 's2' in segments",
    "length(segments) >= 2",
    "not ('s1' in segments) and weekly <= 1",
    "'nobody' not in segments",
    "length(segments) < 4",
    "'s3' not in segments or vip",
)


def named_segments(rules: Iterable[str]) -> list[Segment]:
    """Segments with some of `SEGMENT_RULES`; the first one does not ask for itself."""
    return [
        Segment(name=f"s{number}", rule=rule if number or "s0" not in rule else "'own' in segments")
        for number, rule in enumerate(rules)
    ]


def _with_segments(found: Situation) -> Situation:
    """The same with named segments, and with audiences that ask for them; drawn apart, so that the rest stays."""
    rng = Random(f"segments of {found.seed}")
    segments = named_segments(rng.sample(SEGMENT_RULES, rng.choice((1, 2, 3, 3, 4))))

    def asking(part: Any, chance: float) -> Any:
        return evolve(part, audience=rng.choice(ASKS_SEGMENTS)) if rng.random() < chance else part

    playbook, campaigns = found.playbook, found.playbook.campaigns
    return found.but(
        playbook=evolve(
            playbook,
            segments=segments,
            campaigns=None if campaigns is None else [asking(campaign, 0.2) for campaign in campaigns],
            caps=[asking(cap, 0.35) for cap in playbook.caps],
        ),
        contact=evolve(found.contact, segments=rng.choice(((), ("own",), ("own", "s0"), ("s1",)))),
    )


ASKS_TIME = (
    "hours_since(seen) < 30",
    "days_since(seen) >= 1",
    "vip or hours_since(seen) > 20",
    "not (days_since(met) < 1)",
    "days_since(met) >= 1 and weekly <= 2",
    "'fresh' in segments",
    "'fresh' not in segments and weekly is not None",
)


def times(rng: Random, at: datetime) -> dict[str, Any]:
    """Attributes that rules of time read: an instant and a date about the decision's own."""
    return {
        "seen": rng.choice(
            (None, at - timedelta(hours=rng.choice((0, 6, 18, 20, 29, 47, 80))), at + timedelta(hours=9))
        ),
        "met": rng.choice((None, (at - timedelta(hours=rng.choice((0, 9, 30)))).date())),
    }


def with_times(found: Situation) -> Situation:
    """The same with audiences whose answer changes within a plan; drawn apart, so that the rest stays."""
    rng = Random(f"times of {found.seed}")
    campaigns = found.playbook.campaigns
    asking = [
        evolve(campaign, audience=rng.choice(ASKS_TIME)) if rng.random() < 0.3 else campaign
        for campaign in campaigns or ()
    ]
    return found.but(
        playbook=evolve(
            found.playbook,
            segments=[Segment(name="fresh", rule="hours_since(seen) < 36")],
            campaigns=None if campaigns is None else asking,
        ),
        contact=evolve(found.contact, attributes={**found.contact.attributes, **times(rng, found.at)}),
    )


def with_decisions(found: Situation) -> Situation:
    """The same with caps on what one decision grants; drawn apart."""
    rng = Random(f"decisions of {found.seed}")
    caps = [
        evolve(cap, window=Window.decision()) if number == 0 or rng.random() < 0.4 else cap
        for number, cap in enumerate(found.playbook.caps)
    ]
    top = Cap(name="top", max=rng.choice((0, 1, 2, 2, 3)), window=Window.decision())
    return found.but(playbook=evolve(found.playbook, caps=[*caps, top]))


def with_send_times(found: Situation) -> Situation:
    """The same with times of day at which campaigns and channels send, some the contact's own; drawn apart."""
    rng = Random(f"send times of {found.seed}")

    def send_at() -> SendAt:
        time = rng.choice(("00:15", "02:30", "09:00", "12:00", "17:45", "23:30"))
        return SendAt(attribute=rng.choice((None, "hour", "hour")), default=time)

    campaigns = found.playbook.campaigns
    timed = [evolve(one, send_at=send_at()) if rng.random() < 0.5 else one for one in campaigns or ()]
    channels = [Channel(name=name, send_at=send_at()) for name in CHANNELS if rng.random() < 0.25]
    hour = rng.choice((None, 2.5, 7, 13.25, "21:10"))
    return found.but(
        playbook=evolve(found.playbook, campaigns=None if campaigns is None else timed, channels=channels),
        contact=evolve(found.contact, attributes={**found.contact.attributes, "hour": hour}),
    )


def with_campaign_counts(found: Situation) -> Situation:
    """The same with caps that count campaigns, of which several messages compete; drawn apart."""
    rng = Random(f"campaigns of {found.seed}")
    playbook = found.playbook

    def counting(cap: Cap, chance: float) -> Cap:
        by = tuple(name for name in cap.by if name != "campaign")
        return evolve(cap, count="campaigns", points=1, by=by) if rng.random() < chance else cap

    caps = [counting(cap, 0.6) for cap in playbook.caps]
    caps.append(
        Cap(name="campaigns", max=rng.choice((1, 1, 2, 2, 3)), window=window(rng, found.at.date()), count="campaigns")
    )
    campaigns = playbook.campaigns
    if campaigns is not None:
        campaigns = tuple(evolve(one, repeat=rng.choice((1, None, None, 2, 3))) for one in campaigns)
    claims = found.claims
    if claims is not None:
        claims = tuple(evolve(claim, id=rng.choice((None, "a", "b", "c"))) for claim in claims)
    return found.but(playbook=evolve(playbook, caps=caps, campaigns=campaigns), claims=claims)


def with_experiments(found: Situation) -> Situation:
    """The same with experiments, whose arms change caps, levers, the reserve and the policy; drawn apart."""
    playbook = found.playbook
    experiments = experiments_for(Random(f"experiments of {found.seed}"), playbook, found.at.date())
    return found.but(playbook=evolve(playbook, experiments=experiments))


def with_exploration(found: Situation, **fixed: Any) -> Situation:
    """The same with weights that are drawn for some contacts; drawn apart.

    Args:
        found: the situation.
        fixed: fields of the exploration that are not drawn.
    """
    rng = Random(f"exploration of {found.seed}")
    drawn = {
        "share": rng.choice((0.05, 0.3, 0.5, 1)),
        "method": rng.choice(("uniform", "thompson")),
        "draws": rng.choice((1, 2, 5, 12)),
        "seed": f"seed {found.seed}",
    }
    return found.but(playbook=evolve(found.playbook, explore=Exploration(**{**drawn, **fixed})))


def experiments_for(rng: Random, playbook: Playbook, day: date) -> list[Experiment]:
    """One or two experiments that a playbook can have, which set no key twice."""
    keys: list[Any] = ["policy", "reserve", *((cap, "max") for cap in playbook.caps), *playbook.levers]
    keys += [(cap, "window") for cap in playbook.caps]
    rng.shuffle(keys)
    found = []
    for number in range(rng.choice((1, 1, 1, 2))):
        own, keys = (keys[: rng.randint(1, 4)], keys[4:])
        count = rng.choice((2, 2, 3))
        whole = rng.choice((1, 1, 0.7))
        parts = [rng.randint(1, 4) for _ in range(count)]
        shares = [round(whole * part / sum(parts), 6) for part in parts]
        arms = [
            Arm(
                name=f"arm {place}",
                share=share if place else round(whole - sum(shares[1:]), 6),
                changes=_changes_of([key for key in own if rng.random() < 0.7], rng, day) if place else RuleChanges(),
            )
            for place, share in enumerate(shares)
        ]
        found.append(Experiment(name=f"trial {number}", arms=arms, seed=f"{rng.random()}", horizon="60d"))
    return found


def _changes_of(keys: list[Any], rng: Random, day: date) -> RuleChanges:
    caps: dict[str, dict[str, Any]] = {}
    levers, parts = [], {}
    for key in keys:
        if key == "policy":
            parts["policy"] = rng.choice(("weighted", "ranked", "first_come"))
        elif key == "reserve":
            parts["reserve"] = rng.choice((0, 0.5, 1, 2, -1))
        elif isinstance(key, Lever):
            levers.append(LeverChange(name=key.name, factor=rng.choice((0, 0.5, 2, 3))))
        else:
            cap, what = key
            other: Any = rng.choice((0, 1, 2, 3, None, None, Limit(attribute="weekly", default=1)))
            if what == "window":
                other = window(rng, day)
                if cap.per == "account" and other.is_local:
                    other = Window.rolling("2d")
            caps.setdefault(cap.name, {})[what] = other
    return RuleChanges(**parts, levers=levers, caps=[CapChange(name=name, **own) for name, own in caps.items()])


HOUR_RULES = ("vip", "not vip", "weekly >= 1", "length(segments) > 0")


def with_hours(found: Situation) -> Situation:
    """The same with hours and holidays of some messages, that protect some contacts; drawn apart."""
    rng = Random(f"hours of {found.seed}")
    day = found.at.date()

    def narrow(own: Any) -> Any:
        where = rng.choice(
            (
                *(Scope(),) * 2,
                Scope.of(channel=rng.choice(CHANNELS)),
                Scope.of(exclude={"team": "alpha"}),
                Scope.of(topic=rng.choice(TOPICS)),
            )
        )
        return evolve(own, where=where, audience=rng.choice((None, *HOUR_RULES)))

    return found.but(
        playbook=evolve(
            found.playbook,
            quiet_hours=[narrow(_hours(rng, number)) for number in range(rng.choice((0, 1, 2, 2)))],
            send_hours=[
                narrow(Hours(start=start, end=end, name=f"send {start}"))
                for start, end in rng.sample(
                    (("08:00", "12:00"), ("11:00", "20:00"), ("22:00", "02:30")), rng.randint(0, 3)
                )
            ],
            holidays=[
                narrow(Holiday(date=day + timedelta(days=n), name=f"day {n}")) for n in range(2) if rng.random() < 0.3
            ],
        )
    )


def with_timely_hours(found: Situation) -> Situation:
    """The same with hours and holidays that protect other contacts as time goes by; drawn apart."""
    found = with_hours(with_times(found))
    rng = Random(f"timely hours of {found.seed}")

    def timely(own: Any) -> Any:
        return evolve(own, audience=rng.choice(ASKS_TIME)) if rng.random() < 0.7 else own

    playbook = found.playbook
    rules = {name: list(map(timely, getattr(playbook, name))) for name in ("quiet_hours", "send_hours", "holidays")}
    return found.but(playbook=evolve(playbook, **rules))


ASKS_EVENTS = (
    'count("click", "2d") >= 2',
    'count("click") == 0',
    'not (count("call", "36h") >= 1) or vip',
    'sum("buy.amount", "1d") > 10',
    'sum("buy.amount") <= 12.5 and weekly is not None',
    'last("buy.kind") == "gift"',
    'last("buy.kind") in ("gift", "1", "true") or last("buy.kind") is None',
    'days_since("click") < 1',
    'hours_since("call") > 20 or hours_since("call") is None',
    'count("click", "1d") > count("call", "3d")',
    "'keen' in segments",
    "'keen' not in segments and 'bought' not in segments",
)
AMOUNTS = (5, 10.25, "7.5", "many", None, True)
KINDS = ("gift", "own", 1, True, None)


def events(rng: Random, at: datetime) -> tuple[Event, ...]:
    """What a contact did about an instant, some of it later, some of it told twice."""
    found = [
        Event(
            name,
            at - timedelta(hours=rng.choice((-30, -1, 0, 0, 1, 12, 24, 36, 47, 48, 49, 100))),
            {"amount": rng.choice(AMOUNTS), "kind": rng.choice(KINDS)} if rng.random() < 0.7 else {},
            rng.choice((None, None, None, f"{name} 1", f"{name} 2")),
        )
        for name in rng.choices(("click", "click", "call", "buy", "other"), k=rng.choice((0, 1, 3, 6, 9)))
    ]
    return (*found, *rng.sample(found, min(len(found), rng.choice((0, 1)))))


def with_events(found: Situation) -> Situation:
    """The same with rules that ask for events, of campaigns, caps and segments; drawn apart, so that the rest stays."""
    rng = Random(f"events of {found.seed}")
    playbook, campaigns = found.playbook, found.playbook.campaigns

    def asking(part: Any, chance: float) -> Any:
        return evolve(part, audience=rng.choice(ASKS_EVENTS)) if rng.random() < chance else part

    segments = [
        Segment(name="keen", rule='count("click", "3d") >= 2'),
        Segment(name="bought", rule='sum("buy.amount") > 0 and days_since("buy") <= 2'),
    ]
    return found.but(
        playbook=evolve(
            playbook,
            segments=segments,
            campaigns=None if campaigns is None else [asking(campaign, 0.5) for campaign in campaigns],
            caps=[asking(cap, 0.4) for cap in playbook.caps],
            quiet_hours=[asking(own, 0.4) for own in playbook.quiet_hours],
            send_hours=[asking(own, 0.4) for own in playbook.send_hours],
            levers=[Lever(name="keen ones", when="'keen' in segments or count('call') == 1", factor=1.5)],
        ),
        events=None if rng.random() < 0.1 else events(rng, found.at),
    )


def told(rng: Random, at: datetime, campaigns: Sequence[str]) -> tuple[Event, ...]:
    """What a contact did about an instant, with the campaigns because of which they did."""
    return tuple(
        Event(
            rng.choice(("click", "click", "seen", "seen", "complaint")),
            at - timedelta(hours=rng.choice((-3, 0, 0, 1, 5, 12, 24, 25, 36, 48, 60, 100))),
            {"campaign_id": rng.choice((None, "elsewhere", *campaigns, *campaigns))},
        )
        for _ in range(rng.choice((0, 2, 4, 8)))
    )


def rest(rng: Random, number: int, scope: Any) -> Rest:
    event = rng.choice(("ignored", "ignored", "seen", "click", "complaint"))
    of_touches = event == "ignored"
    within, length = rng.choice(("1d", "3d", None)), rng.choice(("12h", "2d", "5d", None))
    return Rest(
        name=f"rest {number}",
        event=event,
        times=rng.choice((1, 1, 2, 2, 3)),
        within=within if length or within else "2d",
        rest=length,
        where=scope(),
        by=rng.choice(((), (), ("campaign",), ("channel",), ("topic",), ("team", "channel"))),
        after=rng.choice((None, "1h", "6h", "1d")) if of_touches else None,
        response=rng.choice(((), ("click",), ("click", "seen"))) if of_touches else (),
    )


def with_rests(found: Situation) -> Situation:
    """The same with rests; drawn apart, so that the rest stays."""
    rng = Random(f"rests of {found.seed}")
    playbook, campaigns = found.playbook, found.playbook.campaigns or ()
    scope = _scopes(rng, playbook.content or (), campaigns)
    segments = [Segment(name="tired", rule='count("ignored", "2d") >= 1'), *playbook.segments]
    asking = [
        evolve(own, audience=rng.choice(("'tired' not in segments", 'count("ignored") < 2')))
        if rng.random() < 0.2
        else own
        for own in campaigns
    ]
    return found.but(
        playbook=evolve(
            playbook,
            segments=segments,
            campaigns=None if playbook.campaigns is None else asking,
            rests=[rest(rng, number, scope) for number in range(rng.choice((1, 2, 3)))],
        ),
        events=None if rng.random() < 0.05 else told(rng, found.at, [own.id for own in campaigns]),
    )


def _playbook(rng: Random, day: date, *, few: bool) -> Playbook:
    teams = (
        Team(name="alpha", goal="nurture", lever=rng.choice((1.0, 1.0, 1.5))),
        Team(name="beta", goal="event", department=rng.choice(("marketing", "marketing", "sales"))),
    )
    content = tuple(_content(rng, number) for number in range(rng.randint(2, 5)))
    most = 4 if few else 7
    campaigns = tuple(_campaign(rng, number, content, day) for number in range(rng.randint(1, most)))
    scope = _scopes(rng, content, campaigns)
    requirements: list[Requirement] = []
    found = Playbook(
        timezone=rng.choice(ZONES),
        journey=_journey(rng) if rng.random() < 0.3 else None,
        teams=teams,
        content=content,
        campaigns=campaigns,
        caps=tuple(_cap(rng, number, scope, day) for number in range(rng.choice((0, 1, 1, 2, 2, 3, 4)))),
        conflicts=tuple(_conflict(rng, number, scope) for number in range(rng.choice((0, 0, 0, 1, 1, 2)))),
        requirements=requirements.extend(_requirements(rng, scope, day)) or (),
        quiet_hours=tuple(_hours(rng, number) for number in range(rng.choice((0, 0, 0, 1, 2)))),
        send_hours=(Hours(start="08:00", end=rng.choice(("20:00", "02:00"))),) if rng.random() < 0.08 else (),
        holidays=(Holiday(date=day + timedelta(days=rng.randint(0, 2))),) if rng.random() < 0.06 else (),
        holdout=Holdout(share=0.5) if rng.random() < 0.05 else None,
        policy=rng.choice(("weighted", "weighted", "weighted", "ranked", "first_come")),
        reserve=rng.choice((0.0, 0.0, 0.0, 1.0, 0.75, -1.0)),
        interest_lift=rng.choice((0.0, 0.5)),
        on_missing=OnMissing(consent=rng.choice(("allow", "deny"))),
    )
    return evolve(found, requirements=needs) if (needs := _possible(found, requirements)) else found


def _possible(playbook: Playbook, requirements: list[Requirement]) -> list[Requirement]:
    """The requirements whose partners do not all go after what needs them."""
    kept: list[Requirement] = []
    for requirement in requirements:
        try:
            evolve(playbook, requirements=[*kept, requirement])
        except PlaybookError:
            continue
        kept.append(requirement)
    return kept


def _gatekeeper(rng: Random, playbook: Playbook, claims: tuple[Claim, ...]) -> tuple[Playbook, tuple[Claim, ...]]:
    """A playbook of caps and the like that lists no campaigns, and claims that say themselves what they are."""
    wild = tuple(
        evolve(
            claim, channel=rng.choice((*CHANNELS, *CHANNELS, None)), content=rng.choice((claim.content, None, "new"))
        )
        for claim in claims
    )
    if rng.random() < 0.5:
        return evolve(playbook, campaigns=None), wild
    return evolve(playbook, campaigns=None, content=None, teams=None), wild


def _journey(rng: Random) -> Journey:
    return Journey(
        stages=(Stage(name="early"), Stage(name="late", owner=rng.choice(("sales", "marketing")))),
        transitions=(Transition(source="early", to="late", event="won"),),
    )


def advancing(seed: int, playbook: Playbook) -> Playbook:
    """The playbook, in some situations with stages of known or unknown value and content that moves contacts on.

    It draws from a stream of its own, so that everything else stays what it was.
    """
    rng = Random(f"advances {seed}")
    if rng.random() < 0.6:
        return playbook
    stages = {stage.name: stage for stage in (playbook.journey or Journey(["early", "late"])).stages}
    values = {name: rng.choice((0.0, 1.0, 3.0, 20.0, None)) for name in stages}
    journey = Journey(
        [evolve(stage, value=values[name]) for name, stage in stages.items()],
        playbook.journey.transitions if playbook.journey else (),
    )
    gains = ({"late": 0.5}, {"late": 0.25, "early": -0.5}, {"early": 1.0}, {"late": -0.125}, {}, None, None)
    content = [evolve(one, advances=rng.choice(gains)) for one in playbook.content or ()]
    return evolve(playbook, journey=rng.choice((journey, journey, journey, playbook.journey)), content=content)


def _some(rng: Random, values: tuple[str, ...], chance: float = 0.4) -> list[str]:
    return [value for value in values if rng.random() < chance]


def _content(rng: Random, number: int) -> Content:
    return Content(
        id=f"c{number}",
        channel=rng.choice(CHANNELS),
        stages={"early": rng.choice((1.0, 0.4)), "late": rng.choice((1.0, 0.0))} if rng.random() < 0.15 else None,
        roles={"user": 1.0, "boss": 0.5} if rng.random() < 0.15 else None,
        topics=_some(rng, TOPICS),
        solutions=_some(rng, SOLUTIONS, 0.3),
        theme=rng.choice((*THEMES, None)),
    )


def _campaign(rng: Random, number: int, content: tuple[Content, ...], day: date) -> Campaign:
    several = rng.sample(content, min(len(content), rng.choice((1, 1, 1, 1, 2, 3))))
    starts = day + timedelta(days=rng.choice((-3, 0, 0, 1))) if rng.random() < 0.15 else None
    ends = day + timedelta(days=rng.choice((0, 1, 1, 3, 10))) if rng.random() < 0.4 else None
    if starts and ends and ends < starts:
        ends = None
    dates = None
    if starts is None and ends is None and rng.random() < 0.08:
        dates = [day + timedelta(days=rng.randint(0, 4)) for _ in range(2)]
    return Campaign(
        id=f"k{number}",
        team=rng.choice(("alpha", "alpha", "beta", None)),
        content=[one.id for one in several],
        weight=rng.choice(WEIGHTS),
        audience="vip" if rng.random() < 0.07 else None,
        starts=starts,
        ends=ends,
        dates=dates,
        stages=["late"] if rng.random() < 0.15 else (),
        goal=rng.choice((None, None, "launch")),
        tier=rng.choice((0, 0, 0, 0, 0, 1, 2)),
        priority=rng.choice((0, 0, 1, 2)),
        repeat=rng.choice((1, 1, None, None, 2)),
        paused=rng.random() < 0.03,
        if_lost=rng.choice(("defer", "defer", "drop")),
        obeys_caps=rng.random() < 0.88,
        counts_toward_caps=rng.random() < 0.88,
        needs_consent=rng.random() < 0.9,
        obeys_quiet_hours=rng.random() < 0.85,
    )


def _scopes(rng: Random, content: tuple[Content, ...], campaigns: tuple[Campaign, ...]) -> Any:
    """A function that makes a random scope of what the playbook holds."""
    values = {
        "channel": list(CHANNELS),
        "team": ["alpha", "beta"],
        "goal": ["nurture", "event", "launch"],
        "campaign": [campaign.id for campaign in campaigns],
        "content": [one.id for one in content],
        "topic": list(TOPICS),
        "solution": list(SOLUTIONS),
        "theme": list(THEMES),
    }

    def part() -> dict[str, list[str]]:
        facet = rng.choice([*values, "campaign", "channel"])
        return {facet: rng.sample(values[facet], min(len(values[facet]), rng.choice((1, 1, 2))))}

    def scope(*, narrow: bool = False) -> Scope:
        match = part() if narrow or rng.random() < 0.5 else {}
        return Scope(match, part() if rng.random() < 0.12 else {})

    return scope


def window(rng: Random, day: date) -> Window:
    """A window of any kind."""
    zone = rng.choice(("contact", "contact", "contact", "playbook", "Asia/Kolkata", "America/New_York"))
    start = rng.choice(("monday", "sunday"))
    kind = rng.choice(
        ("rolling", "rolling", "days", "days", "stretch", "calendar", "calendar", "between", "running", "ever")
    )
    if kind == "rolling":
        return Window.rolling(rng.choice(("4h", "24h", "36h", "2d", "7d", "90m")))
    if kind == "days":
        return Window.days(rng.choice((1, 2, 3, 7)), zone=zone)
    if kind == "stretch":
        stretch = rng.choice(("week", "month", "day"))
        return Window.days(rng.choice((1, 2, 5)), stretch=stretch, zone=zone, week_start=start)
    if kind == "calendar":
        period = rng.choice(("day", "week", "month", "quarter", "year"))
        return Window.calendar(period, every=rng.choice((1, 1, 2, 3)), zone=zone, week_start=start)
    if kind == "between":
        first = day + timedelta(days=rng.randint(-3, 2))
        return Window.between(first, first + timedelta(days=rng.randint(0, 4)), zone=zone)
    return Window.running(zone=zone) if kind == "running" else Window.ever()


def _cap(rng: Random, number: int, scope: Any, day: date) -> Cap:
    most: Any = rng.choice((0, 1, 1, 1, 1, 2, 2, 3, 1.5, 2.5, None))
    if rng.random() < 0.12:
        most = Limit(attribute="weekly", default=rng.choice((1, 2, None)))
    by = rng.choice(
        ((), (), (), ("channel",), ("team",), ("content",), ("campaign",), ("topic",), ("channel", "topic"))
    )
    points: Any = 1
    if rng.random() < 0.25:
        points = rng.choice((0.5, {"email": 0.5, "sms": 1.25}, {"email": 0, "push": 2}, {"sms": 0.1, "push": 0.3}))
    return Cap(
        name=f"cap {number}",
        max=most,
        window=window(rng, day),
        where=scope(),
        by=by,
        points=points,
        audience=rng.choice(("vip", "not vip")) if rng.random() < 0.12 else None,
    )


def _conflict(rng: Random, number: int, scope: Any) -> Conflict:
    return Conflict(
        name=f"conflict {number}",
        first=scope(narrow=rng.random() < 0.9),
        then=scope(narrow=True),
        lag=Lag.parse(rng.choice(("0d", "1d", "2d", "1w", "0h", "12h", "36h", "90m"))),
        both_ways=rng.random() < 0.35,
    )


def _requirements(rng: Random, scope: Any, day: date) -> list[Requirement]:
    found: list[Requirement] = []
    for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2))):
        claim, partner = scope(narrow=True), scope(narrow=True)
        within = window(rng, day) if rng.random() < 0.4 else None
        found.append(Requirement(name=f"requirement {len(found)}", claim=claim, partner=partner, within=within))
        if rng.random() < 0.4:  # a circle
            found.append(Requirement(name=f"requirement {len(found)}", claim=partner, partner=claim))
    return found


def _hours(rng: Random, number: int) -> Hours:
    start, end = rng.choice(
        (("21:00", "08:00"), ("22:30", "06:15"), ("00:00", "02:30"), ("12:00", "14:00"), ("09:00", "09:00"))
    )
    return Hours(
        start=start,
        end=end,
        channel=_some(rng, CHANNELS, 0.6) if rng.random() < 0.5 else (),
        days=["sun"] if start == end else rng.choice(((), (), ("sat", "sun"), ("fri", "sat", "mon"))),
        name=f"hours {number}",
    )


def _claims(rng: Random, playbook: Playbook, at: datetime, *, few: bool) -> list[Claim]:
    found = []
    for _ in range(rng.randint(1, 4 if few else 8)):
        campaign = rng.choice(playbook.campaigns or ())
        own: datetime | date | None = None
        if rng.random() < 0.2:
            own = rng.choice(
                (at, at.date(), at.date() + timedelta(days=1), at + timedelta(hours=rng.choice((-1, 5, 20))))
            )
        found.append(
            Claim(
                campaign=campaign.id,
                content=rng.choice((*campaign.content, None, None)) if rng.random() < 0.7 else None,
                at=own,
                weight=rng.choice(WEIGHTS) if rng.random() < 0.8 else None,
                propensity=rng.choice((None, None, 0.25)),
                asked_at=at - timedelta(hours=rng.randint(0, 5)) if rng.random() < 0.3 else None,
            )
        )
    return found


def _touches(rng: Random, playbook: Playbook, at: datetime) -> list[Touch]:
    found = []
    for _ in range(rng.choice((0, 0, 1, 2, 3, 4, 6))):
        campaign = rng.choice(playbook.campaigns or ())
        away = timedelta(
            minutes=15 * rng.choice((0, rng.randint(-8, 8), rng.randint(-96 * 3, 96 * 3), rng.randint(-96 * 12, 96)))
        )
        found.append(
            Touch(
                at=at + away,
                channel=rng.choice((*CHANNELS, None)),
                campaign=campaign.id if rng.random() < 0.7 else rng.choice((None, "stranger")),
                content=rng.choice((*campaign.content, None)),
                team=rng.choice((None, None, None, "beta")),
                topics=(topics := ("offers",) if rng.random() < 0.1 else ()),
                **_facts(Random(f"{at} {away} {campaign.id}"), at, about_offers=bool(topics)),
                status=rng.choice(
                    ("sent", "sent", "sent", "sent", "reserved", "planned", "failed", "bounced", "released")
                ),
            )
        )
    return found


def _facts(rng: Random, at: datetime, *, about_offers: bool) -> dict[str, Any]:
    """What else a touch itself says of what it was: most say nothing, and some also what they were not."""
    found: dict[str, Any] = {
        "goal": rng.choice((None, None, None, "event")),
        "solutions": SOLUTIONS[:1] if rng.random() < 0.1 else (),
        "theme": rng.choice((None, None, None, THEMES[0])),
        "campaign_ends": (at + timedelta(days=rng.randint(-2, 9))).date() if rng.random() < 0.15 else None,
        "counts_toward_caps": rng.choice((None, None, None, None, True, False)),
    }
    none = [name for name, value in found.items() if not value and name != "counts_toward_caps" and rng.random() < 0.1]
    none += ["topics"] if not about_offers and rng.random() < 0.1 else []
    return {**found, "without": tuple(sorted(none))}


def fussy_playbook(rng: Random) -> Playbook:
    """A playbook without caps, with every check of eligibility somewhere in it."""
    content = tuple(
        Content(
            id=f"c{number}",
            channel=rng.choice(CHANNELS),
            stages=rng.choice((None, None, {"early": 1.0, "late": 0.0}, {"late": 0.5})),
            roles=rng.choice((None, None, {"user": 1.0}, {"boss": 0.3, "user": 0.0})),
            topics=_some(rng, TOPICS, 0.3),
        )
        for number in range(4)
    )
    day = rng.choice(DAYS)
    campaigns = tuple(
        Campaign(
            id=f"k{number}",
            team=rng.choice(("alpha", "beta", None)),
            content=[one.id for one in rng.sample(content, rng.choice((1, 2)))],
            audience=rng.choice((None, None, "vip", "score >= 3", "not (score >= 3)")),
            starts=rng.choice((None, None, day - timedelta(days=1), day + timedelta(days=1))),
            ends=rng.choice((None, None, day + timedelta(days=1), day + timedelta(days=2))),
            dates=[day, day + timedelta(days=1)] if rng.random() < 0.1 else None,
            stages=["late"] if rng.random() < 0.3 else (),
            paused=rng.random() < 0.1,
            obeys_caps=rng.random() < 0.8,
            needs_consent=rng.random() < 0.75,
            obeys_quiet_hours=rng.random() < 0.75,
            holdout=Holdout(share=0.5, seed="own") if rng.random() < 0.15 else None,
        )
        for number in range(5)
    )
    return Playbook(
        timezone=rng.choice(ZONES),
        journey=rng.choice((None, _journey(rng))),
        teams=(Team(name="alpha"), Team(name="beta", department="sales")),
        content=content,
        campaigns=campaigns,
        caps=(Cap(name="loose", max=99, window=Window.calendar("day")),) if rng.random() < 0.3 else (),
        quiet_hours=(_hours(rng, 0),) if rng.random() < 0.5 else (),
        send_hours=(Hours(start="08:00", end="20:00", channel="sms"),) if rng.random() < 0.2 else (),
        holidays=(Holiday(date=day),) if rng.random() < 0.1 else (),
        holdout=Holdout(share=0.3) if rng.random() < 0.2 else None,
        on_missing=OnMissing(
            timezone=rng.choice(("playbook", "deny")),
            stage=rng.choice(("allow", "deny")),
            role=rng.choice(("allow", "deny")),
            consent=rng.choice(("allow", "deny")),
        ),
    )


def moment(rng: Random) -> datetime:
    """An instant on one of the remarkable days, on a quarter of an hour."""
    day = rng.choice(DAYS)
    return datetime(day.year, day.month, day.day, rng.randrange(24), rng.choice((0, 15, 30, 45)), tzinfo=UTC)


def person(rng: Random, at: datetime) -> Contact:
    """A contact with any data missing, withdrawn or expired."""

    def entry() -> bool | Consent:
        until = rng.choice((None, at, at - timedelta(days=1), at + timedelta(microseconds=1)))
        return rng.choice((True, True, False, Consent(True, until=until)))

    return Contact(
        id=f"p{rng.randrange(1000)}",
        stage=rng.choice(("early", "late", "elsewhere", None)),
        role=rng.choice(("user", "boss", "stranger", None)),
        timezone=rng.choice((*ZONES, None, None)),
        opted_out=rng.random() < 0.1,
        suppressed=rng.random() < 0.05,
        consent=rng.choice((None, _some(rng, CHANNELS, 0.7), {name: entry() for name in _some(rng, CHANNELS, 0.7)})),
        topic_consent={name: entry() for name in _some(rng, TOPICS, 0.3)},
        attributes=rng.choice(({}, {"vip": True}, {"score": 3}, {"score": 2, "vip": False}, {"score": None})),
    )


def quotas(rng: Random, playbook: Playbook, day: date, columns: tuple[str, ...] = ()) -> tuple[Quota, ...]:
    """Quotas of every kind, some of which surely bind among a few contacts."""
    scope = _scopes(rng, playbook.content or (), playbook.campaigns or ())
    found = []
    for number in range(rng.choice((1, 1, 2, 3))):
        of = rng.choice(("count", "count", "count", "cost", "responses", "value", "share", *columns))
        largest = {"count": 8, "cost": 6, "responses": 5, "value": 30, "share": 1}.get(of, 3)
        low, high = sorted((rng.random() * largest, rng.random() * largest))
        if of == "count" and rng.random() < 0.7:
            low, high = float(round(low)), float(round(high))
        sides = rng.choice(("max", "max", "max", "min", "both"))
        during = None
        if rng.random() < 0.2:
            during = day + timedelta(days=rng.randint(-1, 1)), day + timedelta(days=rng.randint(1, 3))
        found.append(
            Quota(
                name=f"quota {number}",
                where=scope(),
                max=None if sides == "min" else high,
                min=None if sides == "max" else low,
                of=of,
                during=during,
                hard=rng.choice((None, None, None, True, False)),
                penalty=rng.choice((None, None, 0.5, 5.0)),
            )
        )
    return tuple(found)
