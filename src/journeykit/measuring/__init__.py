"""Measuring: which events are credited to which messages, and what messages did."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.measuring.always_valid import look_multiplier as look_multiplier
    from journeykit.measuring.arm_comparison import ArmComparison as ArmComparison
    from journeykit.measuring.arm_comparison import compare_arms as compare_arms
    from journeykit.measuring.arm_history import ArmHistory as ArmHistory
    from journeykit.measuring.arm_history import ShareChange as ShareChange
    from journeykit.measuring.arm_outcomes import ArmOutcomes as ArmOutcomes
    from journeykit.measuring.contact_credit import CreditedEvent as CreditedEvent
    from journeykit.measuring.contact_credit import credit_contact as credit_contact
    from journeykit.measuring.credits import Credits as Credits
    from journeykit.measuring.credits import credit as credit
    from journeykit.measuring.differences import Difference as Difference
    from journeykit.measuring.group_measures import FacetMeasures as FacetMeasures
    from journeykit.measuring.group_measures import GroupMeasures as GroupMeasures
    from journeykit.measuring.group_measures import ResponseMeasures as ResponseMeasures
    from journeykit.measuring.holdout_messages import HoldoutMessages as HoldoutMessages
    from journeykit.measuring.measure_report import MEASURES as MEASURES
    from journeykit.measuring.measure_report import MeasureReport as MeasureReport
    from journeykit.measuring.measure_report import ReportBlock as ReportBlock
    from journeykit.measuring.measurement import measure as measure
    from journeykit.measuring.message_table import MessageTable as MessageTable
    from journeykit.measuring.ratio_interval import Ratio as Ratio
    from journeykit.measuring.response_count import ResponseCount as ResponseCount
    from journeykit.measuring.sample_ratio import SampleRatio as SampleRatio

_HOMES = {
    "ArmComparison": "measuring.arm_comparison",
    "ArmHistory": "measuring.arm_history",
    "ArmOutcomes": "measuring.arm_outcomes",
    "CreditedEvent": "measuring.contact_credit",
    "Credits": "measuring.credits",
    "Difference": "measuring.differences",
    "FacetMeasures": "measuring.group_measures",
    "GroupMeasures": "measuring.group_measures",
    "HoldoutMessages": "measuring.holdout_messages",
    "MEASURES": "measuring.measure_report",
    "MeasureReport": "measuring.measure_report",
    "MessageTable": "measuring.message_table",
    "Ratio": "measuring.ratio_interval",
    "ReportBlock": "measuring.measure_report",
    "ResponseCount": "measuring.response_count",
    "ResponseMeasures": "measuring.group_measures",
    "SampleRatio": "measuring.sample_ratio",
    "ShareChange": "measuring.arm_history",
    "compare_arms": "measuring.arm_comparison",
    "credit": "measuring.credits",
    "credit_contact": "measuring.contact_credit",
    "look_multiplier": "measuring.always_valid",
    "measure": "measuring.measurement",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
__getattr__, __dir__ = lazy_names(__name__, _HOMES, {"numpy": "columns", "pyarrow": "columns"})
