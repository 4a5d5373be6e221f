"""Learning from what messages brought: the chance that the next one is answered, and what it risks."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.learning.campaign_scoring import SCORES as SCORES
    from journeykit.learning.campaign_scoring import CampaignScores as CampaignScores
    from journeykit.learning.campaign_scoring import score as score
    from journeykit.learning.campaign_scoring import scores_of as scores_of
    from journeykit.learning.examples import Examples as Examples
    from journeykit.learning.feature_columns import feature_table as feature_table
    from journeykit.learning.feature_matrix import Feature as Feature
    from journeykit.learning.feature_matrix import FeatureMatrix as FeatureMatrix
    from journeykit.learning.history_features import FeatureMaker as FeatureMaker
    from journeykit.learning.history_features import PossibleMessages as PossibleMessages
    from journeykit.learning.history_features import features_of as features_of
    from journeykit.learning.learned_model import LearnedModel as LearnedModel
    from journeykit.learning.learner import learn as learn
    from journeykit.learning.learner import learn_from as learn_from
    from journeykit.learning.message_caps import MessageCaps as MessageCaps
    from journeykit.learning.message_caps import caps_of as caps_of
    from journeykit.learning.message_examples import examples_of as examples_of
    from journeykit.learning.message_history import MessageHistory as MessageHistory
    from journeykit.learning.model_candidates import estimator_columns as estimator_columns
    from journeykit.learning.model_card import ModelCard as ModelCard
    from journeykit.learning.model_manifest import ModelManifest as ModelManifest
    from journeykit.learning.pressure_curve import PressureCurve as PressureCurve
    from journeykit.learning.response_fit import fit_response as fit_response
    from journeykit.learning.response_model import ResponseModel as ResponseModel
    from journeykit.learning.uplift_card import UpliftCard as UpliftCard
    from journeykit.learning.uplift_learning import with_uplift as with_uplift
    from journeykit.learning.uplift_model import UpliftModel as UpliftModel
    from journeykit.learning.uplift_model import fit_uplift as fit_uplift
    from journeykit.learning.uplift_rows import UpliftRows as UpliftRows

_HOMES = {
    "CampaignScores": "learning.campaign_scoring",
    "Examples": "learning.examples",
    "Feature": "learning.feature_matrix",
    "FeatureMaker": "learning.history_features",
    "FeatureMatrix": "learning.feature_matrix",
    "LearnedModel": "learning.learned_model",
    "MessageCaps": "learning.message_caps",
    "MessageHistory": "learning.message_history",
    "ModelCard": "learning.model_card",
    "ModelManifest": "learning.model_manifest",
    "PossibleMessages": "learning.history_features",
    "PressureCurve": "learning.pressure_curve",
    "ResponseModel": "learning.response_model",
    "SCORES": "learning.campaign_scoring",
    "UpliftCard": "learning.uplift_card",
    "UpliftModel": "learning.uplift_model",
    "UpliftRows": "learning.uplift_rows",
    "caps_of": "learning.message_caps",
    "estimator_columns": "learning.model_candidates",
    "examples_of": "learning.message_examples",
    "feature_table": "learning.feature_columns",
    "features_of": "learning.history_features",
    "fit_response": "learning.response_fit",
    "fit_uplift": "learning.uplift_model",
    "learn": "learning.learner",
    "learn_from": "learning.learner",
    "score": "learning.campaign_scoring",
    "scores_of": "learning.campaign_scoring",
    "with_uplift": "learning.uplift_learning",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
_EXTRAS = dict.fromkeys(("numpy", "pyarrow", "scipy", "sklearn", "skops"), "learn")
__getattr__, __dir__ = lazy_names(__name__, _HOMES, _EXTRAS)
