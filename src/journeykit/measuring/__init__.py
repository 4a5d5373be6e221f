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
    from journeykit.measuring.base_value import BaseValue as BaseValue
    from journeykit.measuring.base_value import ValueChange as ValueChange
    from journeykit.measuring.churn_measures import ChurnMeasures as ChurnMeasures
    from journeykit.measuring.churn_measures import ChurnMonth as ChurnMonth
    from journeykit.measuring.churn_measures import GroupChurn as GroupChurn
    from journeykit.measuring.contact_credit import CreditedEvent as CreditedEvent
    from journeykit.measuring.contact_credit import credit_contact as credit_contact
    from journeykit.measuring.credit_tally import CreditSummary as CreditSummary
    from journeykit.measuring.credits import CREDITS as CREDITS
    from journeykit.measuring.credits import Credits as Credits
    from journeykit.measuring.credits import credit as credit
    from journeykit.measuring.differences import Difference as Difference
    from journeykit.measuring.facet_measures import FacetMeasures as FacetMeasures
    from journeykit.measuring.group_measures import GroupMeasures as GroupMeasures
    from journeykit.measuring.group_measures import ResponseMeasures as ResponseMeasures
    from journeykit.measuring.guard_measures import GuardMeasures as GuardMeasures
    from journeykit.measuring.holdout_messages import HoldoutMessages as HoldoutMessages
    from journeykit.measuring.measure_report import MEASURES as MEASURES
    from journeykit.measuring.measure_report import MeasureReport as MeasureReport
    from journeykit.measuring.measure_report import ReportBlock as ReportBlock
    from journeykit.measuring.measurement import measure as measure
    from journeykit.measuring.message_table import MessageTable as MessageTable
    from journeykit.measuring.promoter_score import PromoterScore as PromoterScore
    from journeykit.measuring.ratio_interval import Ratio as Ratio
    from journeykit.measuring.relation_report import RelationReport as RelationReport
    from journeykit.measuring.relation_report import measure_relation as measure_relation
    from journeykit.measuring.response_count import ResponseCount as ResponseCount
    from journeykit.measuring.sale_cohorts import CohortSales as CohortSales
    from journeykit.measuring.sale_cohorts import GroupCohorts as GroupCohorts
    from journeykit.measuring.sale_cohorts import SaleCohorts as SaleCohorts
    from journeykit.measuring.sample_ratio import SampleRatio as SampleRatio
    from journeykit.measuring.survey_scores import ArmScores as ArmScores
    from journeykit.measuring.survey_scores import SurveyScores as SurveyScores
    from journeykit.measuring.survey_scores import TeamScores as TeamScores
    from journeykit.measuring.survival_curve import SurvivalCurve as SurvivalCurve
    from journeykit.measuring.two_returns import KeptValue as KeptValue
    from journeykit.measuring.two_returns import MoneyReturn as MoneyReturn
    from journeykit.measuring.two_returns import TwoReturns as TwoReturns
    from journeykit.measuring.value_chain import Estimated as Estimated
    from journeykit.measuring.value_chain import StageValues as StageValues

_HOMES = {
    "ArmComparison": "measuring.arm_comparison",
    "ArmHistory": "measuring.arm_history",
    "ArmOutcomes": "measuring.arm_outcomes",
    "ArmScores": "measuring.survey_scores",
    "BaseValue": "measuring.base_value",
    "CREDITS": "measuring.credits",
    "ChurnMeasures": "measuring.churn_measures",
    "ChurnMonth": "measuring.churn_measures",
    "CohortSales": "measuring.sale_cohorts",
    "CreditSummary": "measuring.credit_tally",
    "CreditedEvent": "measuring.contact_credit",
    "Credits": "measuring.credits",
    "Difference": "measuring.differences",
    "Estimated": "measuring.value_chain",
    "FacetMeasures": "measuring.facet_measures",
    "GroupChurn": "measuring.churn_measures",
    "GroupCohorts": "measuring.sale_cohorts",
    "GroupMeasures": "measuring.group_measures",
    "GuardMeasures": "measuring.guard_measures",
    "HoldoutMessages": "measuring.holdout_messages",
    "KeptValue": "measuring.two_returns",
    "MEASURES": "measuring.measure_report",
    "MeasureReport": "measuring.measure_report",
    "MessageTable": "measuring.message_table",
    "MoneyReturn": "measuring.two_returns",
    "PromoterScore": "measuring.promoter_score",
    "Ratio": "measuring.ratio_interval",
    "RelationReport": "measuring.relation_report",
    "ReportBlock": "measuring.measure_report",
    "ResponseCount": "measuring.response_count",
    "ResponseMeasures": "measuring.group_measures",
    "SaleCohorts": "measuring.sale_cohorts",
    "SampleRatio": "measuring.sample_ratio",
    "ShareChange": "measuring.arm_history",
    "StageValues": "measuring.value_chain",
    "SurveyScores": "measuring.survey_scores",
    "SurvivalCurve": "measuring.survival_curve",
    "TeamScores": "measuring.survey_scores",
    "TwoReturns": "measuring.two_returns",
    "ValueChange": "measuring.base_value",
    "compare_arms": "measuring.arm_comparison",
    "credit": "measuring.credits",
    "credit_contact": "measuring.contact_credit",
    "look_multiplier": "measuring.always_valid",
    "measure": "measuring.measurement",
    "measure_relation": "measuring.relation_report",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
__getattr__, __dir__ = lazy_names(__name__, _HOMES, {"numpy": "columns", "pyarrow": "columns"})
