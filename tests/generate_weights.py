"""Random situations whose weights depend on more than campaign, team and fit; drawn apart, so that the rest stays."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from attrs import evolve
from generate import CHANNELS, Situation, situation

from journeykit import Campaign, Lever, Patience, Scope

if TYPE_CHECKING:
    from journeykit import Playbook

RULES = (
    None,
    "vip",
    "weekly >= 1",
    "stage == 'early'",
    "'own' in segments",
    "hours_since(seen) < 30",
    "days_since('2026-11-01') >= 0",
)
EXPRESSIONS = (
    "weekly",
    "2 * weekly + 1",
    "weekly * 1.1 - 0.3 * coalesce(propensity, 0.25)",
    "propensity * 10",
    "coalesce(value, weekly, 3) / (weekly - 1)",
    "max(weekly, 1, coalesce(cost, 0)) * -(0.5 - 2)",
    "min(coalesce(weekly, 2), value) + propensity",
    "coalesce(cost, 4) / 3",
)
FACTORS = (2.0, 0.5, 1.3, 0.1, 3, 0.0)


def weighty(seed: int) -> Situation:
    """The situation of a seed, with weights of more factors."""
    found = situation(seed)
    return found.but(playbook=with_weights(Random(f"weights of {seed}"), found.playbook))


def with_weights(rng: Random, playbook: Playbook) -> Playbook:
    """The playbook with levers, weights of contents, patience and weights that are worked out."""
    contents, campaigns = playbook.content, playbook.campaigns
    if contents is not None:
        contents = [evolve(content, weight=rng.choice((1.0, 1.0, 0.5, 1.1, 3.0))) for content in contents]
    if campaigns is not None:
        campaigns = tuple(evolve(own, patience=_patience(rng)) for own in campaigns)
        chance = rng.choice((0, 0, 0.5))
        campaigns = tuple(
            evolve(own, weight=rng.choice(EXPRESSIONS)) if rng.random() < chance else own for own in campaigns
        )
    levers = [_lever(rng, number, campaigns or ()) for number in range(rng.choice((0, 1, 2, 2, 3)))]
    return evolve(playbook, content=contents, campaigns=campaigns, levers=levers)


def _patience(rng: Random) -> Patience | None:
    if rng.random() < 0.5:
        return None
    return Patience(after=rng.choice(("0h", "3h", "1d", "2d", "1w")), factor=rng.choice((1.5, 0.7, 10, 3.3)))


def _lever(rng: Random, number: int, campaigns: tuple[Campaign, ...]) -> Lever:
    scopes = [Scope(), Scope.of(channel=rng.choice(CHANNELS)), Scope.of(topic="news"), Scope.of(team="alpha")]
    scopes += [Scope.of(campaign=campaign.id) for campaign in campaigns[:1]]
    scopes += [Scope.of(channel="email", exclude={"topic": "news"})]
    return Lever(name=f"lever {number}", when=rng.choice(RULES), where=rng.choice(scopes), factor=rng.choice(FACTORS))
