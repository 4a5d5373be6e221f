"""What the file of a model says of itself, in plain JSON: read and checked before anything else of the file is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from journeykit.basics.version import VERSION
from journeykit.errors import DataError

if TYPE_CHECKING:
    from journeykit.learning.response_model import ResponseModel
    from journeykit.learning.uplift_model import UpliftModel
    from journeykit.playbook.playbook import Playbook

FORMAT = 1
"""The layout of the file; a file of another one is not read."""
_LIBRARIES = ("scikit-learn", "skops", "numpy")


@frozen(kw_only=True)
class ModelManifest:
    """What the file of a model says of itself.

    Attributes:
        playbook: the fingerprint of the playbook with which it was learned; empty for none.
        playbook_name: the name of that playbook.
        until: the instant up to which events were seen, in microseconds since 1970; None where that is not known.
        static: the attributes that were taken as they are, whenever a message was sent.
        models: by name of each response, the model that was chosen, and the features that it needs with their kinds
            and classes.
        versions: of the libraries with which it was made.
        format: the layout of the file.
    """

    playbook: str = ""
    playbook_name: str = ""
    until: int | None = None
    static: tuple[str, ...] = ()
    models: Mapping[str, Any] = field(factory=dict)
    versions: Mapping[str, str] = field(factory=dict)
    format: int = FORMAT

    @classmethod
    def from_json(cls, text: str, source: str) -> ModelManifest:
        """The manifest that a file holds.

        Raises:
            DataError: if it cannot be read, or is of another layout.
        """
        try:
            data = json.loads(text)
            # A later layout may have other parts.
            if data["format"] != FORMAT:
                raise DataError(
                    f"the file has layout {data['format']}, and this version of journeykit reads layout {FORMAT}: "
                    "learn the model again",
                    source=source,
                )
            found = cls(**{**data, "static": (*data["static"],), "versions": {**data["versions"]}})
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError("the manifest of this model cannot be read", source=source) from error
        texts = (found.playbook, found.playbook_name, *found.static, *found.versions.values())
        if not all(isinstance(own, str) for own in texts) or not isinstance(found.until, int | None):
            raise DataError("the manifest of this model cannot be read", source=source)
        return found

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(asdict(self), indent=1)

    def check(self, playbook: Playbook | None, source: str) -> None:
        """Refuse a model of another version of scikit-learn, or of another playbook.

        Raises:
            DataError: which says what differs, and what to do.
        """
        own, here = self.versions.get("scikit-learn", "none"), version("scikit-learn")
        if own.split(".")[:2] != here.split(".")[:2]:
            raise DataError(
                f"the model was made with scikit-learn {own}, and {here} is installed: install that version, or learn "
                "the model again",
                source=source,
            )
        if playbook is not None and playbook.fingerprint != self.playbook:
            raise DataError(
                f"the model was learned with another playbook: {_called(self.playbook_name, self.playbook)}, and this "
                f"one is {_called(playbook.name, playbook.fingerprint)}: learn it again with this playbook",
                source=source,
            )


def _called(name: str, fingerprint: str) -> str:
    return f"{name!r} ({fingerprint[:12]})" if fingerprint else "none"


def versions() -> dict[str, str]:
    """The versions of the libraries that make a model."""
    return {"journeykit": VERSION, **{name: version(name) for name in _LIBRARIES}}


def summary_of(model: ResponseModel | UpliftModel) -> dict[str, Any]:
    """What the manifest says of one model."""
    features = [{**asdict(own), "classes": list(own.classes)} for own in model.features]
    return {"chosen": model.card.chosen, "features": features}
