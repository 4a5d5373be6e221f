"""Situations with layers: what parts of a playbook say of each other, by tags and the like.

`layered(found)` adds them to a situation of `generate`, drawn apart, so that all else of the situation stays.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from attrs import evolve
from generate import TAGS, _some

from journeykit import Cap, Journey, Scope, Segment, Stage

if TYPE_CHECKING:
    from generate import Situation

    from journeykit import Playbook


def layered(found: Situation) -> Situation:
    """The same situation with tags, named audiences, and questions for stages and for segments of segments."""
    rng = Random(f"layers of {found.seed}")
    playbook = with_tags(rng, found.playbook)
    if rng.random() < 0.6:
        playbook = asking_for_stages(rng, playbook)
    if rng.random() < 0.5:
        playbook = speaking(rng, playbook)
    if rng.random() < 0.5:
        playbook = nesting(rng, playbook)
    if rng.random() < 0.5:
        playbook = naming(rng, playbook)
    contact = evolve(found.contact, stage_since=stage_since(rng, found.at))
    return found.but(playbook=playbook, contact=contact)


def stage_since(rng: Random, at: datetime) -> datetime | date | None:
    """When a contact entered their stage."""
    since = at - timedelta(hours=rng.choice((0, 10, 30, 47, 48, 49, 200)))
    return rng.choice((None, since, since, since.date()))


ASKS_STAGES = (
    "stage_at_least('late')",
    "not stage_at_least('late')",
    "stage_at_least('early') and (vip or days_in_stage() >= 1)",
    "stage_at_least('late') or weekly >= 1",
    "stage_at_least('middle')",
    "days_in_stage() < 2",
    "days_in_stage() > 1 and stage_at_least('early')",
    "not (days_in_stage() >= 2)",
)


def asking_for_stages(rng: Random, playbook: Playbook) -> Playbook:
    """A playbook with a journey of four stages, one of them lost, and audiences that ask for their order."""
    stages = (playbook.journey or Journey(["early", "late"])).stages
    journey = Journey([stages[0], "middle", *stages[1:], Stage("gone", lost=True)])

    def asking(part: Any, chance: float) -> Any:
        return evolve(part, audience=rng.choice(ASKS_STAGES)) if rng.random() < chance else part

    return evolve(
        playbook,
        journey=journey,
        campaigns=None if playbook.campaigns is None else [asking(campaign, 0.3) for campaign in playbook.campaigns],
        caps=[asking(cap, 0.3) for cap in playbook.caps],
        segments=[
            *playbook.segments,
            *([Segment(name="far", rule="stage_at_least('late')")] if rng.random() < 0.5 else []),
        ],
    )


def speaking(rng: Random, playbook: Playbook) -> Playbook:
    """A playbook whose teams may speak on stages of other departments, all of which are owned."""
    speaks = ((), (), "everywhere", ["sales"], ["service", "sales"])
    teams = playbook.teams and [
        evolve(team, speaks=rng.choice(speaks), department=rng.choice(("marketing", "sales")))
        for team in playbook.teams
    ]
    journey = playbook.journey and Journey(
        [evolve(stage, owner=rng.choice(("marketing", "sales", "service", None))) for stage in playbook.journey.stages],
        playbook.journey.transitions,
    )
    return evolve(playbook, teams=teams, journey=journey)


NESTED = (
    "'s0' in segments and weekly >= 1",
    "'n0' not in segments",
    "'n0' in segments or 'n1' in segments or 'own' in segments",
    "'far' not in segments and 's1' not in segments",
    "length(segments) > 0 and 'n2' in segments",
)


def nesting(rng: Random, playbook: Playbook) -> Playbook:
    """A playbook of which some segments are built on others, whatever their order, and some audiences ask for them."""
    count = rng.choice((1, 2, 3, 5))
    segments = [*playbook.segments, *(Segment(name=f"n{number}", rule=NESTED[number]) for number in range(count))]
    asks = [f"'n{number}' {word} segments" for number in range(count) for word in ("in", "not in")]

    def asking(part: Any, chance: float) -> Any:
        return evolve(part, audience=rng.choice(asks)) if rng.random() < chance else part

    return evolve(
        playbook,
        segments=rng.sample(segments, len(segments)),
        campaigns=None if playbook.campaigns is None else [asking(campaign, 0.3) for campaign in playbook.campaigns],
        caps=[asking(cap, 0.3) for cap in playbook.caps],
    )


def naming(rng: Random, playbook: Playbook) -> Playbook:
    """A playbook some of whose audiences are made of named rules."""
    rules = (
        "vip",
        "weekly >= 1",
        "role != 'boss'",
        "hours_since(seen) < 30",
        "days_since(met) >= 1",
        "stage == 'early'",
    )

    def named(part: Any, chance: float) -> Any:
        if rng.random() >= chance:
            return part
        own = {} if part.audience is None else {"own": str(part.audience)}
        more = {f"r{number}": rule for number, rule in enumerate(rng.sample(rules, rng.choice((1, 1, 2, 3))))}
        return evolve(part, audience=own | more)

    return evolve(
        playbook,
        campaigns=None if playbook.campaigns is None else [named(campaign, 0.4) for campaign in playbook.campaigns],
        caps=[named(cap, 0.2) for cap in playbook.caps],
    )


def with_tags(rng: Random, playbook: Playbook) -> Playbook:
    """A playbook whose contents and campaigns have tags, and rules that look at them."""

    def tagged(parts: Any) -> Any:
        return None if parts is None else [evolve(part, tags=_some(rng, TAGS, 0.4)) for part in parts]

    def scope() -> Scope:
        own = {"tag": rng.sample(TAGS, rng.choice((1, 1, 2)))}
        return Scope(own) if rng.random() < 0.7 else Scope({}, own)

    def asking(cap: Cap) -> Cap:
        return evolve(cap, by=("tag",)) if rng.random() < 0.4 else evolve(cap, where=scope())

    return evolve(
        playbook,
        content=tagged(playbook.content),
        campaigns=tagged(playbook.campaigns),
        caps=[asking(cap) if rng.random() < 0.5 else cap for cap in playbook.caps],
        conflicts=[evolve(one, first=scope()) if rng.random() < 0.4 else one for one in playbook.conflicts],
        quotas=[evolve(one, where=scope()) if rng.random() < 0.4 else one for one in playbook.quotas],
    )
