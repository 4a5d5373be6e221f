"""Evaluating: what another playbook would have brought, from a log whose decisions were made by chance."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.evaluating.evaluation import evaluate as evaluate
    from journeykit.evaluating.evaluation_report import EVALUATIONS as EVALUATIONS
    from journeykit.evaluating.evaluation_report import EvaluationReport as EvaluationReport
    from journeykit.evaluating.evaluation_report import ResponseEvaluation as ResponseEvaluation
    from journeykit.evaluating.mean_estimate import MeanEstimate as MeanEstimate
    from journeykit.evaluating.mean_estimate import MeanGap as MeanGap
    from journeykit.evaluating.policy_estimates import PolicyEstimate as PolicyEstimate
    from journeykit.evaluating.policy_estimates import PolicyEstimates as PolicyEstimates
    from journeykit.evaluating.policy_estimates import estimate_policy as estimate_policy

_HOMES = {
    "EVALUATIONS": "evaluating.evaluation_report",
    "EvaluationReport": "evaluating.evaluation_report",
    "MeanEstimate": "evaluating.mean_estimate",
    "MeanGap": "evaluating.mean_estimate",
    "PolicyEstimate": "evaluating.policy_estimates",
    "PolicyEstimates": "evaluating.policy_estimates",
    "ResponseEvaluation": "evaluating.evaluation_report",
    "estimate_policy": "evaluating.policy_estimates",
    "evaluate": "evaluating.evaluation",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
__getattr__, __dir__ = lazy_names(__name__, _HOMES, {"numpy": "columns", "pyarrow": "columns"})
