"""Measuring: which events are credited to which messages, and what messages did."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.measuring.always_valid import look_multiplier as look_multiplier
    from journeykit.measuring.arm_comparison import ArmComparison as ArmComparison
    from journeykit.measuring.arm_comparison import compare_arms as compare_arms
    from journeykit.measuring.arm_outcomes import ArmOutcomes as ArmOutcomes
    from journeykit.measuring.contact_credit import CreditedEvent as CreditedEvent
    from journeykit.measuring.contact_credit import credit_contact as credit_contact
    from journeykit.measuring.credits import Credits as Credits
    from journeykit.measuring.credits import credit as credit
    from journeykit.measuring.differences import Difference as Difference
    from journeykit.measuring.message_table import MessageTable as MessageTable
    from journeykit.measuring.response_count import ResponseCount as ResponseCount
    from journeykit.measuring.sample_ratio import SampleRatio as SampleRatio

_HOMES = {
    "ArmComparison": "measuring.arm_comparison",
    "ArmOutcomes": "measuring.arm_outcomes",
    "CreditedEvent": "measuring.contact_credit",
    "Credits": "measuring.credits",
    "Difference": "measuring.differences",
    "MessageTable": "measuring.message_table",
    "ResponseCount": "measuring.response_count",
    "SampleRatio": "measuring.sample_ratio",
    "compare_arms": "measuring.arm_comparison",
    "credit": "measuring.credits",
    "credit_contact": "measuring.contact_credit",
    "look_multiplier": "measuring.always_valid",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
__getattr__, __dir__ = lazy_names(__name__, _HOMES, {"numpy": "columns", "pyarrow": "columns"})
