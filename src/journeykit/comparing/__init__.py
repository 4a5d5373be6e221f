"""Comparing: what another playbook decides otherwise, and what each rule costs."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.comparing.comparison import compare as compare
    from journeykit.comparing.comparison_report import COMPARISONS as COMPARISONS
    from journeykit.comparing.comparison_report import ComparedSide as ComparedSide
    from journeykit.comparing.comparison_report import Comparison as Comparison
    from journeykit.comparing.group_outcomes import GroupChange as GroupChange
    from journeykit.comparing.group_outcomes import GroupOutcome as GroupOutcome
    from journeykit.comparing.group_outcomes import GroupOutcomes as GroupOutcomes
    from journeykit.comparing.group_outcomes import MeanChange as MeanChange
    from journeykit.comparing.pair_comparison import GroupDifference as GroupDifference
    from journeykit.comparing.pair_comparison import GroupFigures as GroupFigures
    from journeykit.comparing.pair_comparison import PairComparison as PairComparison
    from journeykit.comparing.pair_comparison import StateChange as StateChange
    from journeykit.comparing.pair_comparison import Swap as Swap
    from journeykit.comparing.playbook_change import PlaybookChange as PlaybookChange
    from journeykit.comparing.playbook_change import playbook_changes as playbook_changes
    from journeykit.comparing.rule_number import RuleNumber as RuleNumber
    from journeykit.comparing.sensitivity_report import SENSITIVITIES as SENSITIVITIES
    from journeykit.comparing.sensitivity_report import RuleSensitivity as RuleSensitivity
    from journeykit.comparing.sensitivity_report import Sensitivity as Sensitivity
    from journeykit.comparing.sensitivity_report import ShiftEffect as ShiftEffect
    from journeykit.comparing.shifting import sensitivity as sensitivity

_HOMES = {
    "COMPARISONS": "comparing.comparison_report",
    "ComparedSide": "comparing.comparison_report",
    "Comparison": "comparing.comparison_report",
    "GroupChange": "comparing.group_outcomes",
    "GroupDifference": "comparing.pair_comparison",
    "GroupFigures": "comparing.pair_comparison",
    "GroupOutcome": "comparing.group_outcomes",
    "GroupOutcomes": "comparing.group_outcomes",
    "MeanChange": "comparing.group_outcomes",
    "PairComparison": "comparing.pair_comparison",
    "RuleNumber": "comparing.rule_number",
    "RuleSensitivity": "comparing.sensitivity_report",
    "SENSITIVITIES": "comparing.sensitivity_report",
    "Sensitivity": "comparing.sensitivity_report",
    "ShiftEffect": "comparing.sensitivity_report",
    "PlaybookChange": "comparing.playbook_change",
    "StateChange": "comparing.pair_comparison",
    "Swap": "comparing.pair_comparison",
    "compare": "comparing.comparison",
    "playbook_changes": "comparing.playbook_change",
    "sensitivity": "comparing.shifting",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
__getattr__, __dir__ = lazy_names(__name__, _HOMES, {"numpy": "columns", "pyarrow": "columns"})
