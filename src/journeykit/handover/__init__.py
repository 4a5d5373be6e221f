"""Hand-overs: what the next department should know when a contact comes to it."""

from journeykit.handover.brief import Answer, Brief, OpenClaim, Sent, Solution
from journeykit.handover.handover import HANDOVERS, Handover, handover_rows, handovers

__all__ = [
    "HANDOVERS",
    "Answer",
    "Brief",
    "Handover",
    "OpenClaim",
    "Sent",
    "Solution",
    "handover_rows",
    "handovers",
]
