"""Messages that were sent, with what was known before and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from journeykit.errors import ModelError
from journeykit.learning.feature_matrix import FeatureMatrix

Flags = NDArray[np.bool_]
"""True or false for each message."""


def _flags(given: Any) -> Flags:
    return np.asarray(given, np.bool_)


def _numbers(given: Any) -> NDArray[np.float64]:
    return np.asarray(given, np.float64)


def _places(given: Any) -> NDArray[np.int64]:
    return np.asarray(given, np.int64)


@frozen(eq=False, kw_only=True)
class Examples:
    """Messages with what was known before each of them, and whether it was answered.

    Attributes:
        matrix: the features, as of the instant before each message.
        label: whether it was answered.
        value: what the answer was worth; nan where there is none, or it has no value.
        at: when it was sent, in microseconds since 1970.
        contact: the number of its contact.
        campaign: the number of its campaign: a place in `campaigns`; -1 for none.
        campaigns: the ids of the campaigns.
        left_out: by reason, how many messages are no examples.

    Example:
        >>> from journeykit.learning import Feature
        >>> matrix = FeatureMatrix((Feature("touches_7d"),), [[0.0], [3.0]])
        >>> found = Examples(
        ...     matrix=matrix, label=[True, False], value=[12.0, np.nan], at=[0, 1], contact=[0, 0], campaign=[0, 0],
        ...     campaigns=("news",),
        ... )
        >>> len(found), found.select(found.label).value.tolist()
        (2, [12.0])
    """

    matrix: FeatureMatrix
    label: Flags = field(converter=_flags)
    value: NDArray[np.float64] = field(converter=_numbers)
    at: NDArray[np.int64] = field(converter=_places)
    contact: NDArray[np.int64] = field(converter=_places)
    campaign: NDArray[np.int64] = field(converter=_places)
    campaigns: tuple[str, ...]
    left_out: Mapping[str, int] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for name in _BY_ROW:
            if getattr(self, name).shape != (len(self.matrix),):
                raise ModelError(f"expected one value for each of {len(self.matrix)} messages", field=name)

    def __len__(self) -> int:
        return len(self.label)

    def select(self, rows: Any) -> Examples:
        """Some of them: their numbers, a mask or a slice."""
        chosen = {name: getattr(self, name)[rows] for name in _BY_ROW}
        return evolve(self, matrix=self.matrix.select(rows), **chosen)


_BY_ROW = ("label", "value", "at", "contact", "campaign")
