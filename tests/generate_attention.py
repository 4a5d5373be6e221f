"""Random playbooks that price attention: what an opt-out costs, and what a message must change at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from journeykit import Journey, Stage

if TYPE_CHECKING:
    from random import Random

    from journeykit import Playbook


def with_attention(rng: Random, playbook: Playbook) -> Playbook:
    """The playbook with a cost of opt-outs, values of stages and a least uplift of some campaigns."""
    named = [stage for own in playbook.content or () for stage in (*(own.stages or ()), *(own.advances or ()))]
    named += [stage for own in playbook.campaigns or () for stage in own.stages]
    names = dict.fromkeys(["awareness", *named])
    journey = playbook.journey or Journey(stages=[Stage(name) for name in names])
    valued = [evolve(own, value=rng.choice((None, -1.0, 0.0, 2.0, 8.0))) for own in journey.stages]
    valued[0] = evolve(valued[0], value=4.0)
    campaigns = tuple(
        evolve(own, scored=rng.random() < 0.2, min_uplift=rng.choice((None, None, 0.0, 0.25, -0.5)))
        for own in playbook.campaigns or ()
    )
    return evolve(
        playbook,
        journey=evolve(journey, stages=tuple(valued)),
        campaigns=campaigns if playbook.campaigns is not None else None,
        opt_out_cost=rng.choice((None, 2.0, 8, "stage_value", "stage_value", "stage_value")),
        on_missing=evolve(playbook.on_missing, stage=rng.choice(("deny", "deny", "allow"))),
    )
