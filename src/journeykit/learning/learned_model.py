"""All that was learned for a playbook, and its file."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from zipfile import ZipFile

from attrs import field, frozen

from journeykit.errors import DataError
from journeykit.journey.measure.intervals import Share
from journeykit.learning.chance_calibration import ChanceCalibration
from journeykit.learning.chance_spread import ChanceSpread
from journeykit.learning.feature_matrix import Feature
from journeykit.learning.learn_extra import need_learn
from journeykit.learning.level_encoder import FeatureLevels, LevelEncoder
from journeykit.learning.level_tables import LevelTables
from journeykit.learning.model_candidates import EstimatorScorer
from journeykit.learning.model_card import CalibrationGroup, CardPart, ModelCard, ModelScores, TriedModel
from journeykit.learning.model_manifest import ModelManifest, summary_of, versions
from journeykit.learning.pressure_curve import PressureCurve, PressureStep
from journeykit.learning.response_model import ResponseModel
from journeykit.learning.smoothed_rates import SmoothedRates
from journeykit.learning.uplift_card import CampaignUplift, TriedLearner, UpliftCard
from journeykit.learning.uplift_curve import MeanEffect, UpliftCurve
from journeykit.learning.uplift_learners import LearnedUplift
from journeykit.learning.uplift_model import UpliftModel
from journeykit.learning.uplift_trial import CampaignMeans
from journeykit.tables.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from journeykit.playbook.playbook import Playbook

_MANIFEST = "manifest.json"
_OWN = (
    CalibrationGroup,
    CampaignMeans,
    CampaignUplift,
    CardPart,
    ChanceCalibration,
    ChanceSpread,
    EstimatorScorer,
    Feature,
    FeatureLevels,
    LearnedUplift,
    LevelEncoder,
    LevelTables,
    MeanEffect,
    ModelCard,
    ModelScores,
    PressureCurve,
    PressureStep,
    ResponseModel,
    Share,
    SmoothedRates,
    TriedLearner,
    TriedModel,
    UpliftCard,
    UpliftCurve,
    UpliftModel,
)
"""The classes of which the file of a model consists, besides those of NumPy and scikit-learn."""


@frozen(eq=False, kw_only=True)
class LearnedModel:
    """All that was learned for a playbook.

    Attributes:
        responses: by name of each response, the model of the chance that a message is answered by it.
        opt_out: the model of the chance that a message is answered by an opt-out; None where that was not learned.
        uplift: by name of each response, the model of what a message adds; empty where that was not learned.
        playbook: the fingerprint of the playbook with which it was learned; empty for none.
        playbook_name: the name of that playbook.
        until: the instant up to which events were seen, in microseconds since 1970; None where that is not known.
        static: the attributes that were taken as they are, whenever a message was sent.
    """

    responses: Mapping[str, ResponseModel] = field(factory=dict)
    opt_out: ResponseModel | None = None
    uplift: Mapping[str, UpliftModel] = field(factory=dict)
    playbook: str = ""
    playbook_name: str = ""
    until: int | None = None
    static: tuple[str, ...] = ()

    @property
    def cards(self) -> dict[str, ModelCard | UpliftCard]:
        """By name of each response, what there is to know of its model; of uplift as ``uplift of NAME``."""
        return {name: own.card for name, own in self._models().items()}

    @property
    def manifest(self) -> ModelManifest:
        """What its file says of itself."""
        return ModelManifest(
            playbook=self.playbook,
            playbook_name=self.playbook_name,
            until=self.until,
            static=self.static,
            models={name: summary_of(own) for name, own in self._models().items()},
            versions=versions(),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file of skops: a zip archive with arrays, and the manifest as ``manifest.json`` beside them.

        The file appears whole or not at all.

        Raises:
            OSError: if it cannot be written.
        """
        need_learn("a model in a file")
        import skops.io as skops

        parts = {"responses": dict(self.responses), "opt_out": self.opt_out, "uplift": dict(self.uplift)}
        buffer = io.BytesIO(skops.dumps(parts))
        with ZipFile(buffer, "a") as archive:
            archive.writestr(_MANIFEST, self.manifest.to_json())
        with whole_file(path) as file:
            file.write(buffer.getvalue())

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], playbook: Playbook | None = None, *, trusted: Iterable[str] = ()
    ) -> LearnedModel:
        """Read it from a file; the manifest is checked before anything else is read.

        Args:
            path: the file.
            playbook: the playbook with which it is used; None for any.
            trusted: types that the file may hold besides those of journeykit and those that skops trusts, such as that
                of your own estimator: ``my_package.MyEstimator``. Loading runs their code.

        Raises:
            OSError: if there is no such file.
            DataError: if it is no model, is one of another playbook or version, or holds types that are not trusted.
        """
        need_learn("a model in a file")
        import skops.io as skops

        source = os.fspath(path)
        with open(path, "rb") as file:  # noqa: PTH123  (a descriptor is a path too)
            data = file.read()
        manifest = _manifest_of(data, source)
        manifest.check(playbook, source)
        names = {f"{own.__module__}.{own.__qualname__}" for own in _OWN}
        try:
            unknown = sorted({*skops.get_untrusted_types(data=data)} - names - {*trusted})
            parts = {} if unknown else skops.loads(data, trusted=sorted(names | {*trusted}))
            found = cls(
                **parts,
                playbook=manifest.playbook,
                playbook_name=manifest.playbook_name,
                until=manifest.until,
                static=manifest.static,
            )
            is_whole = found.manifest.models == manifest.models
        except Exception as error:  # a damaged file, or one that is made up, may raise anything
            raise DataError("the model in this file cannot be read: learn it again", source=source) from error
        if unknown:
            raise DataError(
                f"the file holds types that are not trusted: {', '.join(unknown)}. If you know where it comes from, "
                "name each (trusted in Python, --trust on the command line); loading runs their code",
                source=source,
            )
        if not is_whole:
            raise DataError("the manifest does not describe the model in this file: learn it again", source=source)
        return found

    def _models(self) -> dict[str, ResponseModel | UpliftModel]:
        plain = [*self.responses.values(), *([] if self.opt_out is None else [self.opt_out])]
        return {**{own.name: own for own in plain}, **{f"uplift of {name}": own for name, own in self.uplift.items()}}


def _manifest_of(data: bytes, source: str) -> ModelManifest:
    text = None
    # Of what is no archive, or a strange one, anything may be raised.
    with suppress(Exception), ZipFile(io.BytesIO(data)) as archive:
        # Nothing is compressed, so that a small file cannot fill the memory.
        if sum(own.file_size for own in archive.infolist()) <= len(data):
            text = archive.read(_MANIFEST).decode()
    if text is None:
        raise DataError("expected a model that 'journeykit learn' has written, found another file", source=source)
    return ModelManifest.from_json(text, source)
