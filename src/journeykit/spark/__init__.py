"""Spark: the same decisions where contacts are kept in a warehouse or a lake, more than one machine holds."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names
from journeykit.errors import EXTENSION

if TYPE_CHECKING:
    from journeykit.spark.credited_frame import credit as credit
    from journeykit.spark.decision_frame import decide as decide
    from journeykit.spark.executor_check import check_executors as check_executors
    from journeykit.spark.history_frames import features as features
    from journeykit.spark.history_frames import score as score
    from journeykit.spark.placed_frame import place as place
    from journeykit.spark.run_summary import RunSummary as RunSummary
    from journeykit.spark.tally_facts import ScoreSummary as ScoreSummary

_HOMES = {
    "RunSummary": "spark.run_summary",
    "ScoreSummary": "spark.tally_facts",
    "check_executors": "spark.executor_check",
    "credit": "spark.credited_frame",
    "decide": "spark.decision_frame",
    "features": "spark.history_frames",
    "place": "spark.placed_frame",
    "score": "spark.history_frames",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
_EXTRAS = {
    **dict.fromkeys(("pyspark", "numpy", "pyarrow", EXTENSION), "spark"),
    **dict.fromkeys(("scipy", "sklearn", "skops"), "learn"),
}
__getattr__, __dir__ = lazy_names(__name__, _HOMES, _EXTRAS)
