"""Showing what was decided: overlap, room, pressure, the messaging matrix, pictures and the report."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.reporting.campaign_overlap import OVERLAPS as OVERLAPS
    from journeykit.reporting.campaign_overlap import CampaignCount as CampaignCount
    from journeykit.reporting.campaign_overlap import CampaignOverlap as CampaignOverlap
    from journeykit.reporting.campaign_overlap import CampaignPair as CampaignPair
    from journeykit.reporting.campaign_overlap import overlap as overlap

_HOMES = {
    "CampaignCount": "reporting.campaign_overlap",
    "CampaignOverlap": "reporting.campaign_overlap",
    "CampaignPair": "reporting.campaign_overlap",
    "OVERLAPS": "reporting.campaign_overlap",
    "overlap": "reporting.campaign_overlap",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
__getattr__, __dir__ = lazy_names(__name__, _HOMES, {"numpy": "columns", "pyarrow": "columns"})
