"""Content: the messages themselves, tagged by whom they fit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NewType

from attrs import field, frozen

from journeykit.basics.validation import is_number, names, number, optional_text, required_text, shown
from journeykit.errors import ModelError

Gain = NewType("Gain", float)
"""A change of a probability, from -1 to 1."""


def _gains(value: Mapping[str, float] | None) -> dict[str, Gain] | None:
    """A mapping of stages to changes of a probability; an empty one says as little as none."""
    if value is None:
        return None
    given: Any = value
    if not isinstance(given, Mapping):
        raise ModelError(f"advances must be a mapping of stages to numbers from -1 to 1, found {shown(value)}")
    for stage, gain in given.items():
        if not isinstance(stage, str) or not stage:
            raise ModelError(f"a gain is named by a stage, found {shown(stage)}")
        if not is_number(gain) or not -1 <= gain <= 1:
            raise ModelError(f"the gain for {stage!r} must be a number from -1 to 1, found {shown(gain)}")
    return {stage: Gain(float(gain)) for stage, gain in value.items()} or None


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
        advances: by stage, how much more likely it makes it that a contact gets there, from -1 to 1; less likely where
            it is negative, as for a stage of those who are lost. Where the stages have values, the policy ``weighted``
            multiplies the weight with what this gains.
        tags: words of your own, for caps and other rules.
        weight: a factor on the weight of its claims, from 0: which of several contents of a campaign is worth more.

    Example:
        >>> outlook = Content(id="outlook", channel="email", stages={"awareness": 1}, advances={"decision": 0.02})
        >>> outlook.stage_fit("decision")
        0.0
        >>> outlook.stage_gain("awareness", {"awareness": 10, "decision": 60})
        1.0
    """

    id: str = field(validator=required_text)
    channel: str = field(validator=required_text)
    stages: Mapping[str, float] | None = field(default=None, converter=_degrees)
    roles: Mapping[str, float] | None = field(default=None, converter=_degrees)
    solutions: tuple[str, ...] = field(default=(), converter=names)
    topics: tuple[str, ...] = field(default=(), converter=names)
    theme: str | None = field(default=None, validator=optional_text)
    advances: Mapping[str, Gain] | None = field(default=None, converter=_gains, metadata={"later": True})
    tags: tuple[str, ...] = field(default=(), converter=names, metadata={"later": True})
    weight: float = field(default=1.0, validator=number(0), metadata={"later": True})

    def stage_fit(self, stage: str | None) -> float:
        """Degree of fit for a stage, from 0 to 1."""
        return 1.0 if self.stages is None else self.stages.get(stage or "", 0.0)

    def role_fit(self, role: str | None) -> float:
        """Degree of fit for a role, from 0 to 1."""
        return 1.0 if self.roles is None else self.roles.get(role or "", 0.0)

    def stage_gain(self, stage: str | None, values: Mapping[str, float]) -> float | None:
        """What it is expected to bring to have it sent to a contact of a stage, given the stages' values.

        The sum over what it advances to of the gain in probability times the gain in value. None where it advances to
        nothing, and where the value of the contact's stage, or of one that it advances to, is not known.
        """
        if self.advances is None or stage is None or not values.keys() >= {stage, *self.advances}:
            return None
        here = values[stage]
        # Exactly rounded, so that the order of the stages in a file does not matter.
        return math.fsum(gain * (values[to] - here) for to, gain in self.advances.items())
