"""Content: the messages themselves, tagged by whom they fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from journeykit.errors import ModelError
from journeykit.fields import is_number, names, optional_text, required_text, shown


def _degrees(value: Mapping[str, float] | Iterable[str] | str | None) -> dict[str, float] | None:
    """A mapping of names to degrees of fit from 0 to 1; a list means 1 for each."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return dict.fromkeys(names(value), 1.0)
    for name, degree in value.items():
        if not isinstance(name, str) or not name:
            raise ModelError(f"a degree of fit is named by a stage or role, found {shown(name)}")
        if not is_number(degree) or not 0 <= degree <= 1:
            raise ModelError(f"the degree of fit for {name!r} must be a number from 0 to 1, found {shown(degree)}")
    return {name: float(degree) for name, degree in value.items()}


@frozen(kw_only=True)
class Content:
    """A message asset.

    Attributes:
        id: which.
        channel: how it travels: ``email``, ``sms``, ``push``, ``phone``, ... (an open set).
        stages: degree of fit by stage, from 0 to 1; one that is not listed has 0. None fits every stage with 1.
        roles: degree of fit by role in the decision unit, likewise.
        solutions: the products or services it is about.
        topics: what it is about; topic consent and interests look at these.
        theme: the campaign theme it belongs to.

    Example:
        >>> Content(id="outlook", channel="email", stages={"awareness": 1, "consideration": 0.4}).stage_fit("decision")
        0.0
    """

    id: str = field(validator=required_text)
    channel: str = field(validator=required_text)
    stages: Mapping[str, float] | None = field(default=None, converter=_degrees)
    roles: Mapping[str, float] | None = field(default=None, converter=_degrees)
    solutions: tuple[str, ...] = field(default=(), converter=names)
    topics: tuple[str, ...] = field(default=(), converter=names)
    theme: str | None = field(default=None, validator=optional_text)

    def stage_fit(self, stage: str | None) -> float:
        """Degree of fit for a stage, from 0 to 1."""
        return 1.0 if self.stages is None else self.stages.get(stage or "", 0.0)

    def role_fit(self, role: str | None) -> float:
        """Degree of fit for a role, from 0 to 1."""
        return 1.0 if self.roles is None else self.roles.get(role or "", 0.0)
