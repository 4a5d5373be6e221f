"""The customer journey: its stages, who is where, who hands over to whom, and what a stage is worth.

The only home of networkx.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from journeykit.journey.attribution import Attribution as Attribution
    from journeykit.journey.attribution import attribute as attribute
    from journeykit.journey.attribution import removal_effects as removal_effects
    from journeykit.journey.brief import Answer as Answer
    from journeykit.journey.brief import Brief as Brief
    from journeykit.journey.brief import OpenClaim as OpenClaim
    from journeykit.journey.brief import Sent as Sent
    from journeykit.journey.brief import Solution as Solution
    from journeykit.journey.chain import LEFT as LEFT
    from journeykit.journey.chain import Chain as Chain
    from journeykit.journey.estimates import Estimates as Estimates
    from journeykit.journey.estimates import FunnelStep as FunnelStep
    from journeykit.journey.estimates import Move as Move
    from journeykit.journey.estimates import Stays as Stays
    from journeykit.journey.estimates import estimate as estimate
    from journeykit.journey.handover import HANDOVERS as HANDOVERS
    from journeykit.journey.handover import Handover as Handover
    from journeykit.journey.handover import handover_rows as handover_rows
    from journeykit.journey.handover import handovers as handovers
    from journeykit.journey.model import Journey as Journey
    from journeykit.journey.model import Stage as Stage
    from journeykit.journey.model import Transition as Transition
    from journeykit.journey.path import Event as Event
    from journeykit.journey.path import Evidence as Evidence
    from journeykit.journey.path import Placement as Placement
    from journeykit.journey.path import Step as Step
    from journeykit.journey.path import Untaken as Untaken
    from journeykit.journey.picture import Drawing as Drawing
    from journeykit.journey.picture import Volumes as Volumes
    from journeykit.journey.sales import Sales as Sales
    from journeykit.journey.sales import sales_of as sales_of
    from journeykit.journey.shares import Share as Share
    from journeykit.journey.walk import Walk as Walk

# Where each name lives. A name loads its module when it is touched: who decides claims estimates and draws nothing.
_HOMES = {
    "Answer": "brief",
    "Attribution": "attribution",
    "Brief": "brief",
    "Chain": "chain",
    "Drawing": "picture",
    "Estimates": "estimates",
    "Event": "path",
    "Evidence": "path",
    "FunnelStep": "estimates",
    "HANDOVERS": "handover",
    "Handover": "handover",
    "Journey": "model",
    "LEFT": "chain",
    "Move": "estimates",
    "OpenClaim": "brief",
    "Placement": "path",
    "Sales": "sales",
    "Sent": "brief",
    "Share": "shares",
    "Solution": "brief",
    "Stage": "model",
    "Stays": "estimates",
    "Step": "path",
    "Transition": "model",
    "Untaken": "path",
    "Volumes": "picture",
    "Walk": "walk",
    "attribute": "attribution",
    "estimate": "estimates",
    "handover_rows": "handover",
    "handovers": "handover",
    "removal_effects": "attribution",
    "sales_of": "sales",
}

__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
