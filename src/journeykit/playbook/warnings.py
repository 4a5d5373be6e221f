"""Warnings of a playbook: what is allowed, and can never do what it seems to be meant for.

A warning is sure: what contacts, touches and claims may bring from outside is taken to be possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from journeykit.basics.validation import BILLIONTH, is_number
from journeykit.errors import Problem, closest, path_text
from journeykit.model.campaign import EVERYWHERE, Team
from journeykit.model.quiet_hours import Schedule, is_for_all
from journeykit.playbook.experiment_arms import changed_rules
from journeykit.playbook.experiment_checks import find_experiment_warnings
from journeykit.playbook.exploration_warnings import find_exploration_warnings
from journeykit.playbook.partners import find_too_late
from journeykit.playbook.quota_warnings import find_quota_warnings
from journeykit.playbook.section_checks import scopes_of
from journeykit.playbook.sections import POLICIES
from journeykit.playbook.sendable import Sendable, sendables
from journeykit.playbook.time_warnings import find_time_warnings
from journeykit.playbook.vocabulary import hours_and_holidays, hours_of, names_of, unknown_words_asked
from journeykit.rule.expression import Expression
from journeykit.rule.named_rules import NamedRules

if TYPE_CHECKING:
    from journeykit.journey import Journey
    from journeykit.model.campaign import Campaign
    from journeykit.model.cap import Cap, Scope
    from journeykit.model.content import Content
    from journeykit.model.window import Window
    from journeykit.playbook.sections import Sections
    from journeykit.rule import Rule

_PERIOD_DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
_FEW = 50


def find_warnings(playbook: Sections) -> Iterator[Problem]:
    """What is allowed but probably not meant; what an arm of an experiment changes for the better is not told."""
    arms = [[arm.changes] for experiment in playbook.experiments for arm in experiment.arms if arm.changes.keys]
    told = [{(own.path, own.message) for own in _warnings_of(changed_rules(playbook, arm))} for arm in arms]
    yield from playbook.noted
    for own in _warnings_of(playbook):
        if all((own.path, own.message) in met for met in told):
            yield own
    yield from find_experiment_warnings(playbook)


def _warnings_of(playbook: Sections) -> Iterator[Problem]:
    """The same without regard to experiments."""
    if playbook.journey is not None:
        from journeykit.journey.checks import find_warnings as find_journey_warnings

        yield from find_journey_warnings(playbook.journey)
    for at, content in enumerate(playbook.content or ()):
        yield from _value_warnings(f"content[{at}].advances", content, playbook.journey)
    yield from _segment_warnings(playbook)
    yield from _team_warnings(playbook)
    yield from _tag_warnings(playbook)
    sent = sendables(playbook)
    yield from _spelling_warnings(playbook)
    yield from _word_warnings(playbook)
    yield from _audience_warnings(playbook)
    yield from _holdout_warnings(playbook)
    yield from find_exploration_warnings(playbook)
    yield from _cost_warnings(playbook)
    yield from _hours_warnings(playbook, sent)
    yield from find_time_warnings(playbook, sent)
    yield from find_quota_warnings(playbook, sent)
    if playbook.campaigns is None or sent is None:
        return
    yield from _scope_warnings(playbook, sent)
    yield from _channel_warnings(playbook, sent)
    openings = {
        campaign.id: [playbook.facets(campaign, content) for content in _contents(playbook, campaign)]
        for campaign in playbook.campaigns
    }
    for at, cap in enumerate(playbook.caps):
        yield from _cap_warnings(f"caps[{at}]", cap, sent)
        yield from _loose_cap(f"caps[{at}].max", cap, sent)
    for late in find_too_late(playbook):
        if not late.is_all:
            yield Problem.warning(f"requirements[{late.number}].with", f"some partners never do: {late.reason()}")
    for at, campaign in enumerate(playbook.campaigns):
        if not campaign.obeys_caps and campaign.repeat == 1:
            yield Problem.warning(
                f"campaigns[{at}].repeat",
                f"{campaign.id!r} obeys no caps, but each contact gets it once only (repeat: 1, the default): say "
                "repeat: null if it may go again, as a receipt may; claims with ids of their own count apart",
            )
        for reason in _hopeless(playbook, campaign, openings[campaign.id]):
            yield Problem.warning(f"campaigns[{at}]", f"{campaign.id!r} can never win: {reason}")


# Names


def _spelling_warnings(playbook: Sections) -> Iterator[Problem]:
    """Names of one kind that differ in case only: they are two names, and nearly always one was meant."""
    met: dict[tuple[str, str], dict[str, str]] = {}
    for kind, path, name in names_of(playbook):
        spellings = met.setdefault((kind, name.strip().casefold()), {})
        if name not in spellings and spellings:
            other, where = next(iter(spellings.items()))
            message = f"{kind} {name!r} differs in case only from {other!r} ({where}), and they are two"
            yield Problem.warning(path, message, other)
        spellings.setdefault(name, path)


def _word_warnings(playbook: Sections) -> Iterator[Problem]:
    """Stages and roles that rules compare with, and which the playbook does not name."""
    for path, kind, word, sight in unknown_words_asked(playbook):
        place = "the journey has no such stage" if kind == "stage" else "no content is for such a role"
        yield Problem.warning(path, f"{kind} is compared with {word!r}, and {place}", sight.nearest)


# Who


def _audience_warnings(playbook: Sections) -> Iterator[Problem]:
    from journeykit.rule.reasoning import can_be_true

    for path, what, rule in _audiences(playbook):
        if not can_be_true(rule):
            kind = "rule" if path.startswith("levers") else "audience"
            yield Problem.warning(path, f"{what}: its {kind} can be true of nobody: {rule}")
        if isinstance(rule, NamedRules):
            yield from _twice_named(path, rule)


def _twice_named(path: str, rules: NamedRules) -> Iterator[Problem]:
    """Named rules of an audience that ask for the same."""
    first: dict[str, str] = {}
    for name, rule in rules.parts:
        text = " ".join(rule.text.split())
        if text in first:
            yield Problem.warning(f"{path}.{name}", f"{name!r} is the same rule as {first[text]!r}: they are one")
        first.setdefault(text, name)


def _tag_warnings(playbook: Sections) -> Iterator[Problem]:
    """Tags that rules look for, and that no campaign or content has; some claims may, where any campaign will do."""
    tags = [tag for campaign in playbook.campaigns or () for tag in campaign.tags]
    known = dict.fromkeys([*tags, *(tag for content in playbook.content or () for tag in content.tags)])
    for steps, scope in scopes_of(playbook):
        for tag in (*scope.match.get("tag", ()), *scope.exclude.get("tag", ())):
            meant = None if tag in known else closest(tag, known)
            if meant is not None or (tag not in known and playbook.campaigns is not None):
                message = f"no campaign or content has the tag {tag!r}, and claims must bring it themselves"
                yield Problem.warning(path_text((*steps, "tag")), message, meant)


def _holdout_warnings(playbook: Sections) -> Iterator[Problem]:
    if playbook.holdout is not None and playbook.holdout.share == 1:
        message = "every contact is held out: only campaigns with needs_consent: false send anything"
        yield Problem.warning("holdout.share", message)
    for at, campaign in enumerate(playbook.campaigns or ()):
        own, general = campaign.holdout, playbook.holdout
        if own is None or not campaign.needs_consent:
            continue
        if own.share == 1:
            path = f"campaigns[{at}].holdout.share"
            yield Problem.warning(path, f"{campaign.id!r} can never win: every contact is held out")
        elif general is not None and general.seed == own.seed and own.share <= general.share:
            message = "the playbook's holdout has the same seed, and all of these contacts: give one another seed"
            yield Problem.warning(f"campaigns[{at}].holdout.seed", message)


def _segment_warnings(playbook: Sections) -> Iterator[Problem]:
    from journeykit.rule.reasoning import can_be_true

    first: dict[str, str] = {}
    named = [segment.name for segment in playbook.segments]
    for at, segment in enumerate(playbook.segments):
        path, text = f"segments[{at}].rule", " ".join(segment.rule.text.split())
        if text in first:
            yield Problem.warning(path, f"{segment.name!r} has the same rule as {first[text]!r}: they are one segment")
        first.setdefault(text, segment.name)
        if not can_be_true(segment.rule):
            yield Problem.warning(path, f"{segment.name!r} is always empty: its rule can be true of nobody")
    for path, rule in _rules_of_journey(playbook):
        for asked in rule.segments_asked:
            if asked in named:
                yield Problem.warning(
                    path,
                    f"{asked!r} in segments is asked of what contacts bring themselves: the rule of that segment is "
                    "not looked at here; repeat it",
                )
    segments = ((f"segments[{at}].rule", "", segment.rule) for at, segment in enumerate(playbook.segments))
    for path, _, rule in (*_audiences(playbook), *segments):
        for asked in rule.segments_asked:
            meant = None if asked in named else closest(asked, named)
            if meant is not None:
                yield Problem.warning(
                    path, f"no segment is called {asked!r}, and contacts must bring it themselves", meant
                )


def _rules_of_journey(playbook: Sections) -> Iterator[tuple[str, Rule]]:
    """The rules that do not see the playbook's segments."""
    journey = playbook.journey
    for at, stage in enumerate(journey.stages if journey else ()):
        if stage.qualified is not None:
            yield f"journey.stages[{at}].qualified", stage.qualified
    for at, way in enumerate(journey.transitions if journey else ()):
        if way.when is not None:
            yield f"journey.transitions[{at}].when", way.when


def _audiences(playbook: Sections) -> Iterator[tuple[str, str, Rule]]:
    """The rules that say whom rules are for: where, what it means if that is nobody, and the rule."""
    for at, campaign in enumerate(playbook.campaigns or ()):
        if campaign.audience is not None:
            yield f"campaigns[{at}].audience", f"{campaign.id!r} can never win", campaign.audience
    for at, cap in enumerate(playbook.caps):
        if cap.audience is not None:
            yield f"caps[{at}].audience", f"{cap.name!r} can never bind", cap.audience
    for at, lever in enumerate(playbook.levers):
        if lever.when is not None:
            yield f"levers[{at}].when", f"{lever.name!r} is never applied", lever.when
    for path, words, hours in hours_and_holidays(playbook):
        if hours.audience is not None:
            yield f"{path}.audience", f"the {words} {hours.label!r} can never bind", hours.audience


# When


def _hours_warnings(playbook: Sections, sent: list[Sendable] | None) -> Iterator[Problem]:
    """Channels by which nothing can ever go out."""
    channels = _channels(playbook, sent)
    told: set[str | None] = set()
    for path, hours in hours_of(playbook):
        if not is_for_all(hours):
            continue
        alone = Schedule((hours,)) if path.startswith("quiet") else Schedule((), (hours,))
        closed = [channel for channel in channels if hours.applies(channel) and not alone.is_ever_open(channel)]
        if closed:
            told.update(closed)
            message = f"{hours.label!r} is every hour of every day: nothing ever goes out{_by(closed)}"
            yield Problem.warning(path, message)
    schedule = _hours_of_all(playbook)
    closed = [channel for channel in channels if channel not in told and not schedule.is_ever_open(channel)]
    if closed:
        parts = [name for name in ("quiet_hours", "send_hours", "holidays") if getattr(playbook, name)]
        message = f"together {' and '.join(parts)} leave no time: nothing ever goes out{_by(closed)}"
        yield Problem.warning(parts[0], message)


def _hours_of_all(playbook: Sections) -> Schedule:
    """What forbids some times to every message and contact; send hours of some allow more, where others are of all."""
    quiet, send, holidays = playbook.quiet_hours, playbook.send_hours, playbook.holidays
    return Schedule(
        tuple(filter(is_for_all, quiet)),
        send if any(map(is_for_all, send)) else (),
        tuple(filter(is_for_all, holidays)),
    )


def _by(channels: list[str | None]) -> str:
    known = [channel for channel in channels if channel is not None]
    return f" by {', '.join(known)}" if known and None not in channels else ""


def _channels(playbook: Sections, sent: list[Sendable] | None) -> list[str | None]:
    """The channels by which something is to go out that obeys the hours; None for one that nothing else names."""
    found: dict[str | None, None] = {}
    for own in sent or ():
        if own.obeys_hours:
            found |= dict.fromkeys(own.facets.get("channel", ()))
    if sent is None or any("channel" in own.unknown and own.obeys_hours for own in sent):
        found |= dict.fromkeys(name for _, hours in hours_of(playbook) for name in hours.channel)
        found[None] = None
    return list(found)


def _channel_warnings(playbook: Sections, sent: list[Sendable]) -> Iterator[Problem]:
    """Hours and points of channels that no content has."""
    if playbook.content is None or any("channel" in own.unknown for own in sent):
        return
    known = dict.fromkeys(content.channel for content in playbook.content)
    folded = {name.strip().casefold() for name in known}
    for path, hours in hours_of(playbook):
        unknown = [name for name in hours.channel if name.strip().casefold() not in folded]
        for name in unknown:
            meant = closest(name, known)
            # Hours of several channels, some of which have content, may be meant for what comes.
            if meant is not None or len(unknown) == len(hours.channel):
                message = f"no content has the channel {name!r}: {hours.label!r} stops nothing there"
                yield Problem.warning(f"{path}.channel", message, meant)
    for at, cap in enumerate(playbook.caps):
        for name in cap.points if isinstance(cap.points, Mapping) else ():
            if name.strip().casefold() not in folded:
                message = f"no content has the channel {name!r}: its points count for touches from elsewhere alone"
                yield Problem.warning(f"caps[{at}].points.{name}", message, closest(name, known))


# What goes together


def _scope_warnings(playbook: Sections, sent: list[Sendable]) -> Iterator[Problem]:
    """Conflicts, requirements and quotas that nothing can ever meet; touches may come from elsewhere."""

    def is_sent(scope: Scope) -> bool:
        return any(own.may_match(scope) for own in sent)

    nothing = "matches no campaign's content"
    for at, conflict in enumerate(playbook.conflicts):
        if not is_sent(conflict.first) and not is_sent(conflict.then):
            yield Problem.warning(
                f"conflicts[{at}]", "neither first nor then matches a campaign's content: the rule can never apply"
            )
    for at, requirement in enumerate(playbook.requirements):
        if not is_sent(requirement.claim):
            yield Problem.warning(f"requirements[{at}].claim", f"{nothing}: the rule can never apply")
        elif requirement.within is None and not is_sent(requirement.partner):
            message = f"{nothing}: what needs it is never sent; with within, a touch from elsewhere would do"
            yield Problem.warning(f"requirements[{at}].with", message)
    for at, quota in enumerate(playbook.quotas):
        if not is_sent(quota.where):
            yield Problem.warning(f"quotas[{at}].where", f"{nothing}: the rule can never apply")
    for at, lever in enumerate(playbook.levers):
        if not is_sent(lever.where):
            yield Problem.warning(f"levers[{at}].where", f"{nothing}: {lever.name!r} is never applied")
    for at, rest in enumerate(playbook.rests):
        if not is_sent(rest.where):
            yield Problem.warning(f"rests[{at}].where", f"{nothing}: nothing rests by {rest.name!r}")
    for at, response in enumerate(playbook.responses):
        if not is_sent(response.where):
            yield Problem.warning(f"responses[{at}].where", f"{nothing}: nothing is credited to {response.name!r}")
    for at, guard in enumerate(playbook.guards):
        if not is_sent(guard.where):
            yield Problem.warning(f"guards[{at}].where", f"{nothing}: {guard.name!r} never trips")
        if guard.max == 0:
            message = f"{guard.name!r} trips at three responses, however many messages there are"
            yield Problem.warning(f"guards[{at}].max", message)
        elif guard.max == 1:
            yield Problem.warning(f"guards[{at}].max", f"{guard.name!r} never trips: no rate is above 1")


def _cap_warnings(path: str, cap: Cap, sent: list[Sendable]) -> Iterator[Problem]:
    scoped = [own for own in sent if own.may_match(cap.where)]
    if cap.max is None:
        yield Problem.warning(f"{path}.max", f"{cap.name!r} can never bind: it has no limit")
    elif not scoped:
        yield Problem.warning(f"{path}.where", f"{cap.name!r} can never bind: it matches no campaign's content")
    elif not any(_says_only_the_claim(cap, own) or cap.keys_of(own.facets) for own in scoped):
        yield Problem.warning(
            f"{path}.by", f"{cap.name!r} can never bind: nothing in its scope has {' and '.join(cap.by)}"
        )
    elif cap.count == "campaigns" and "campaign" in cap.by and is_number(cap.max) and cap.max >= 1:  # type: ignore[operator]
        yield Problem.warning(f"{path}.by", f"{cap.name!r} can never bind: it counts campaigns, of each campaign apart")
    elif not any(_may_weigh(cap, own) for own in scoped):
        yield Problem.warning(f"{path}.points", f"{cap.name!r} can never bind: everything in its scope weighs 0 points")


def _says_only_the_claim(cap: Cap, own: Sendable) -> bool:
    """Whether only a claim says in which of a cap's groups it counts."""
    return not set(cap.by).isdisjoint(own.unknown)


def _may_weigh(cap: Cap, own: Sendable) -> bool:
    if "channel" in own.unknown and isinstance(cap.points, Mapping):
        return True
    return cap.points_of(own.facets) > 0


def _loose_cap(path: str, cap: Cap, sent: list[Sendable]) -> Iterator[Problem]:
    """A cap far above all that the playbook's campaigns can send to one contact."""
    if not is_number(cap.max) or cap.per != "contact":
        return
    if cap.count == "campaigns":
        return
    limit = float(cap.max)  # type: ignore[arg-type]  # no limit, and one of the contact's own, are no numbers
    scoped = [own for own in sent if own.may_match(cap.where)]
    if any(own.repeat is None or _says_only_the_claim(cap, own) for own in scoped):
        return
    most: dict[tuple[str, ...], dict[str, float]] = {}
    for own in scoped:
        for key in cap.keys_of(own.facets):
            by_campaign = most.setdefault(key, {})
            points = (own.repeat or 0) * _points(cap, own)
            by_campaign[own.campaign] = max(by_campaign.get(own.campaign, 0.0), points)
    reach = max((sum(points.values()) for points in most.values()), default=0.0)
    heaviest = max(cap.points.values(), default=1.0) if isinstance(cap.points, Mapping) else float(cap.points)
    # Touches from elsewhere count too: only where there would have to be very many of them can it not be meant.
    if reach and limit - reach >= max(_FEW, _days(cap.window)) * max(heaviest, 1.0):
        what = "points" if cap.points != 1 else "messages"
        message = f"the playbook's campaigns give a contact at most {reach:g} {what}, and {limit:g} are allowed"
        yield Problem.warning(path, f"{cap.name!r} can never bind by itself: {message}")


def _points(cap: Cap, own: Sendable) -> float:
    if isinstance(cap.points, Mapping) and "channel" in own.unknown:
        return max(1.0, *cap.points.values())
    return cap.points_of(own.facets) / BILLIONTH


def _days(window: Window) -> float:
    """About how many days a window has; a year for one without an end."""
    if window.length is not None:
        days = window.length.total_seconds() / 86_400
    elif window.day_count is not None:
        days = window.day_count
    elif window.period is not None:
        days = _PERIOD_DAYS[window.period] * window.every
    else:
        days = _PERIOD_DAYS["year"]
    return min(days, _PERIOD_DAYS["year"])


# Campaigns and content


def _contents(playbook: Sections, campaign: Campaign) -> list[Content]:
    return [content for content in playbook.content or () if content.id in campaign.content]


def _cost_warnings(playbook: Sections) -> Iterator[Problem]:
    """A cost of opt-outs that is taken from no message, or is not known on some stages."""
    if playbook.opt_out_cost is None:
        return
    if playbook.opt_out_cost == 0:
        yield Problem.warning("opt_out_cost", "an opt-out that costs 0 takes nothing from any weight")
    if playbook.campaigns and not any(own.needs_consent for own in playbook.campaigns):
        yield Problem.warning(
            "opt_out_cost", "it takes nothing: only messages of campaigns that need consent bear it, and none does"
        )
    if playbook.opt_out_cost == "stage_value" and playbook.journey is not None:
        unknown = [stage.name for stage in playbook.journey.stages if stage.value is None]
        if unknown:
            denied = playbook.on_missing.stage == "deny"
            what = "messages with an opt_out are denied there (missing_data)" if denied else "nothing is taken there"
            yield Problem.warning("opt_out_cost", f"{what}: {_valueless(unknown)}")


def _value_warnings(path: str, content: Content, journey: Journey | None) -> Iterator[Problem]:
    """Gains that do not count, since the value of a stage is not known."""
    values = {} if journey is None else journey.values
    unknown = [stage for stage in content.advances or () if stage not in values]
    if unknown:
        yield Problem.warning(path, f"the gain never counts: {_valueless(unknown)}")
    elif content.advances:
        stages = [stage.name for stage in (journey.stages if journey else ()) if content.stage_fit(stage.name)]
        without = [stage for stage in stages if stage not in values]
        if without:
            yield Problem.warning(path, f"the gain does not count for contacts there: {_valueless(without)}")


def _valueless(stages: list[str]) -> str:
    return f"the journey has no value for the stage{'s' * (len(stages) > 1)} {', '.join(map(repr, stages))}"


def _hopeless(playbook: Sections, campaign: Campaign, openings: list[dict[str, tuple[str, ...]]]) -> Iterator[str]:
    if campaign.paused:
        yield "it is paused"
    contents = _contents(playbook, campaign)
    if not contents:
        # Without a section of content, a claim says how it travels.
        if playbook.content is not None:
            yield "it has no content, so that only a claims table with a channel can ask for it"
        return
    team = next((team for team in playbook.teams or () if team.name == campaign.team), None)
    lever = team.lever if team else 1.0
    most = None
    if not isinstance(campaign.weight, Expression):
        most = campaign.weight * max(content.weight for content in contents) * lever
    # A policy of one's own may weigh by other things, and a quota's minimum may pay for what is not worth it.
    weighed = playbook.policy in POLICIES and not any(quota.min for quota in playbook.quotas)
    if weighed and most is not None and most <= 0 <= playbook.reserve:
        yield f"its weight is {most:g} and the reserve {playbook.reserve:g}"
    if all(content.stages is not None and not any(content.stages.values()) for content in contents):
        yield "its content fits no stage"
    elif not any(_open_stage(playbook, campaign, team, content) for content in contents):
        yield "every stage that its content fits is owned by another department"
    if all(content.roles is not None and not any(content.roles.values()) for content in contents):
        yield "its content fits no role"
    if campaign.obeys_caps:
        for cap in playbook.caps:
            everywhere = cap.window.kind != "between" and cap.audience is None and cap.max == 0
            if everywhere and all(cap.where.matches(f) and cap.keys_of(f) and cap.points_of(f) for f in openings):
                yield f"the cap {cap.name!r} forbids it"


def _open_stage(playbook: Sections, campaign: Campaign, team: Team | None, content: Content) -> bool:
    if content.stages is None or playbook.journey is None:
        return True
    speaker, journey = team or Team(name="any"), playbook.journey
    owners = {stage: journey.owner(stage) for stage, degree in content.stages.items() if degree > 0}
    return any(stage in campaign.stages or owner is None or speaker.speaks_to(owner) for stage, owner in owners.items())


def _team_warnings(playbook: Sections) -> Iterator[Problem]:
    """Departments on whose stages a team may speak, and that own none."""
    if playbook.journey is None:
        return
    owners = {stage.owner: None for stage in playbook.journey.stages if stage.owner is not None}
    for at, team in enumerate(playbook.teams or ()):
        for place, name in enumerate(team.speaks):
            if name != EVERYWHERE and name not in owners:
                message = f"{team.name!r} may speak on the stages of {name!r}, and no stage is owned by it"
                yield Problem.warning(f"teams[{at}].speaks[{place}]", message, closest(name, owners))
