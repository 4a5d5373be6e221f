"""Situations with layers: what parts of a playbook say of each other, by tags and the like.

`layered(found)` adds them to a situation of `generate`, drawn apart, so that all else of the situation stays.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from attrs import evolve
from generate import TAGS, _some

from journeykit import Cap, Scope

if TYPE_CHECKING:
    from generate import Situation

    from journeykit import Playbook


def layered(found: Situation) -> Situation:
    """The same situation with tags."""
    rng = Random(f"layers of {found.seed}")
    return found.but(playbook=with_tags(rng, found.playbook))


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
