"""The customer journey: its stages, who is where, who hands over to whom, and what a stage is worth.

The only home of networkx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.journey.attribution import Attribution, attribute, removal_effects
from journeykit.journey.brief import Answer, Brief, OpenClaim, Sent, Solution
from journeykit.journey.chain import LEFT, Chain
from journeykit.journey.estimate import Estimates, FunnelStep, Move, Stays, estimate
from journeykit.journey.handover import HANDOVERS, Handover, handover_rows, handovers
from journeykit.journey.model import Journey, Stage, Transition
from journeykit.journey.path import Event, Evidence, Placement, Step
from journeykit.journey.sales import Sales, sales_of
from journeykit.journey.shares import Share
from journeykit.journey.walk import Walk

if TYPE_CHECKING:
    from journeykit.journey.picture import Drawing, Volumes

__all__ = [
    "HANDOVERS",
    "LEFT",
    "Answer",
    "Attribution",
    "Brief",
    "Chain",
    "Drawing",
    "Estimates",
    "Event",
    "Evidence",
    "FunnelStep",
    "Handover",
    "Journey",
    "Move",
    "OpenClaim",
    "Placement",
    "Sales",
    "Sent",
    "Share",
    "Solution",
    "Stage",
    "Stays",
    "Step",
    "Transition",
    "Volumes",
    "Walk",
    "attribute",
    "estimate",
    "handover_rows",
    "handovers",
    "removal_effects",
    "sales_of",
]


def __getattr__(name: str) -> Any:
    if name not in ("Drawing", "Volumes"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Who decides claims draws nothing.
    from journeykit.journey import picture

    return getattr(picture, name)
