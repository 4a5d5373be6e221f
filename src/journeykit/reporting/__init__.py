"""Showing what was decided: overlap, room, pressure, the messaging matrix, pictures and the report."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.reporting.calendar_picture import CalendarPicture as CalendarPicture
    from journeykit.reporting.calendar_picture import draw_calendar as draw_calendar
    from journeykit.reporting.campaign_overlap import OVERLAPS as OVERLAPS
    from journeykit.reporting.campaign_overlap import CampaignCount as CampaignCount
    from journeykit.reporting.campaign_overlap import CampaignOverlap as CampaignOverlap
    from journeykit.reporting.campaign_overlap import CampaignPair as CampaignPair
    from journeykit.reporting.campaign_overlap import overlap as overlap
    from journeykit.reporting.contact_pressure import PRESSURES as PRESSURES
    from journeykit.reporting.contact_pressure import ContactPressure as ContactPressure
    from journeykit.reporting.contact_pressure import PressureCell as PressureCell
    from journeykit.reporting.contact_pressure import RulePressure as RulePressure
    from journeykit.reporting.contact_pressure import pressure as pressure
    from journeykit.reporting.decision_report import DecisionReport as DecisionReport
    from journeykit.reporting.decision_report import report as report
    from journeykit.reporting.matrix_builder import messaging_matrix as messaging_matrix
    from journeykit.reporting.matrix_parts import ConflictPair as ConflictPair
    from journeykit.reporting.matrix_parts import CrowdedRow as CrowdedRow
    from journeykit.reporting.matrix_parts import MatrixCell as MatrixCell
    from journeykit.reporting.matrix_parts import MatrixGroup as MatrixGroup
    from journeykit.reporting.matrix_parts import MatrixMessage as MatrixMessage
    from journeykit.reporting.matrix_parts import ThemeThread as ThemeThread
    from journeykit.reporting.matrix_value import MATRIX as MATRIX
    from journeykit.reporting.matrix_value import MessagingMatrix as MessagingMatrix
    from journeykit.reporting.page_parts import PageChart as PageChart
    from journeykit.reporting.page_parts import PageColumn as PageColumn
    from journeykit.reporting.page_parts import PagePart as PagePart
    from journeykit.reporting.page_parts import PageTable as PageTable
    from journeykit.reporting.slot_report import SLOTS as SLOTS
    from journeykit.reporting.slot_report import BarredSlots as BarredSlots
    from journeykit.reporting.slot_report import FreeSlots as FreeSlots
    from journeykit.reporting.slot_report import GroupSlots as GroupSlots
    from journeykit.reporting.slot_report import free_slots as free_slots

_HOMES = {
    "BarredSlots": "reporting.slot_report",
    "CalendarPicture": "reporting.calendar_picture",
    "CampaignCount": "reporting.campaign_overlap",
    "CampaignOverlap": "reporting.campaign_overlap",
    "CampaignPair": "reporting.campaign_overlap",
    "ConflictPair": "reporting.matrix_parts",
    "ContactPressure": "reporting.contact_pressure",
    "CrowdedRow": "reporting.matrix_parts",
    "DecisionReport": "reporting.decision_report",
    "FreeSlots": "reporting.slot_report",
    "GroupSlots": "reporting.slot_report",
    "MATRIX": "reporting.matrix_value",
    "MatrixCell": "reporting.matrix_parts",
    "MatrixGroup": "reporting.matrix_parts",
    "MatrixMessage": "reporting.matrix_parts",
    "MessagingMatrix": "reporting.matrix_value",
    "OVERLAPS": "reporting.campaign_overlap",
    "PRESSURES": "reporting.contact_pressure",
    "PageChart": "reporting.page_parts",
    "PageColumn": "reporting.page_parts",
    "PagePart": "reporting.page_parts",
    "PageTable": "reporting.page_parts",
    "PressureCell": "reporting.contact_pressure",
    "RulePressure": "reporting.contact_pressure",
    "SLOTS": "reporting.slot_report",
    "ThemeThread": "reporting.matrix_parts",
    "draw_calendar": "reporting.calendar_picture",
    "free_slots": "reporting.slot_report",
    "messaging_matrix": "reporting.matrix_builder",
    "overlap": "reporting.campaign_overlap",
    "pressure": "reporting.contact_pressure",
    "report": "reporting.decision_report",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
_EXTRAS = {"altair": "report", "numpy": "columns", "pyarrow": "columns", "vl_convert": "report"}
__getattr__, __dir__ = lazy_names(__name__, _HOMES, _EXTRAS)
