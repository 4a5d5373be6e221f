"""Learning from what messages brought: the chance that the next one is answered, and what it risks."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.learning.examples import Examples as Examples
    from journeykit.learning.feature_matrix import Feature as Feature
    from journeykit.learning.feature_matrix import FeatureMatrix as FeatureMatrix

_HOMES = {
    "Examples": "learning.examples",
    "Feature": "learning.feature_matrix",
    "FeatureMatrix": "learning.feature_matrix",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
_EXTRAS = {"numpy": "columns", "pyarrow": "columns", "sklearn": "learn", "skops": "learn"}
__getattr__, __dir__ = lazy_names(__name__, _HOMES, _EXTRAS)
