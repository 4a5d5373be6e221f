"""Spark: the same decisions where contacts are kept in a warehouse or a lake, more than one machine holds."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.spark.decision_frame import decide as decide
    from journeykit.spark.executor_check import check_executors as check_executors

_HOMES = {
    "check_executors": "spark.executor_check",
    "decide": "spark.decision_frame",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
__getattr__, __dir__ = lazy_names(__name__, _HOMES, {"pyspark": "spark", "numpy": "spark", "pyarrow": "spark"})
