"""The customer journey: its stages, who is where, who hands over to whom, and what a stage is worth.

The only home of networkx.
"""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.journey.journey import Journey as Journey
    from journeykit.journey.measure.attribution import Attribution as Attribution
    from journeykit.journey.measure.attribution import attribute as attribute
    from journeykit.journey.measure.attribution import removal_effects as removal_effects
    from journeykit.journey.measure.chain import LEFT as LEFT
    from journeykit.journey.measure.chain import Chain as Chain
    from journeykit.journey.measure.estimates import Estimates as Estimates
    from journeykit.journey.measure.estimates import estimate as estimate
    from journeykit.journey.measure.funnel_report import FunnelStep as FunnelStep
    from journeykit.journey.measure.funnel_report import Move as Move
    from journeykit.journey.measure.funnel_report import Stays as Stays
    from journeykit.journey.measure.intervals import Share as Share
    from journeykit.journey.measure.sales import Sales as Sales
    from journeykit.journey.measure.sales import sales_of as sales_of
    from journeykit.journey.picture.diagram import Drawing as Drawing
    from journeykit.journey.picture.diagram import Volumes as Volumes
    from journeykit.journey.placement import Event as Event
    from journeykit.journey.placement import Evidence as Evidence
    from journeykit.journey.placement import Placement as Placement
    from journeykit.journey.placement import Step as Step
    from journeykit.journey.placement import Untaken as Untaken
    from journeykit.journey.stages import Stage as Stage
    from journeykit.journey.stages import Transition as Transition
    from journeykit.journey.walk import Walk as Walk

# Where each name lives. A name loads its module when it is touched: who decides claims estimates and draws nothing.
# Hand-overs and tables are layers above; their names are here too.
_HOMES = {
    "Answer": "handover.brief",
    "Attribution": "journey.measure.attribution",
    "Brief": "handover.brief",
    "Chain": "journey.measure.chain",
    "Drawing": "journey.picture.diagram",
    "Estimates": "journey.measure.estimates",
    "Event": "journey.placement",
    "Evidence": "journey.placement",
    "Funnel": "placing.funnel",
    "FunnelStep": "journey.measure.funnel_report",
    "HANDOVERS": "handover.handover",
    "Handover": "handover.handover",
    "Journey": "journey.journey",
    "LEFT": "journey.measure.chain",
    "Move": "journey.measure.funnel_report",
    "OpenClaim": "handover.brief",
    "Placement": "journey.placement",
    "Sales": "journey.measure.sales",
    "Sent": "handover.brief",
    "Share": "journey.measure.intervals",
    "Solution": "handover.brief",
    "Stage": "journey.stages",
    "Stays": "journey.measure.funnel_report",
    "Step": "journey.placement",
    "Transition": "journey.stages",
    "Untaken": "journey.placement",
    "Volumes": "journey.picture.diagram",
    "Walk": "journey.walk",
    "attribute": "journey.measure.attribution",
    "estimate": "journey.measure.estimates",
    "funnel_table": "placing.funnel",
    "handover_rows": "handover.handover",
    "handovers": "handover.handover",
    "removal_effects": "journey.measure.attribution",
    "sales_of": "journey.measure.sales",
}

__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
