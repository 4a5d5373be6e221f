"""Rows that uplift is learned from: contacts that could get a campaign's messages, and contacts held out from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from journeykit.errors import ModelError
from journeykit.learning.examples import Flags
from journeykit.learning.feature_matrix import FeatureMatrix


def _booleans(given: Any) -> Flags:
    return np.asarray(given, np.bool_)


def _numbers(given: Any) -> NDArray[np.int64]:
    return np.asarray(given, np.int64)


@frozen(eq=False, kw_only=True)
class UpliftRows:
    """Contacts and campaigns that a hash has dealt out: who could get the messages, and who was held out.

    A contact that could get them counts whether or not it got one: what compares is who was dealt to which side.

    Attributes:
        matrix: the features, as they were known when the contact was decided first.
        treated: whether the contact could get the campaign's messages, and was not held out.
        label: whether the contact responded within the time, messaged or not.
        contact: the number of the contact.
        campaign: the number of the campaign: a place in `campaigns`.
        campaigns: the ids of the campaigns.
        left_out: by reason, how many rows of the log are not here.

    Example:
        >>> from journeykit.learning import Feature
        >>> matrix = FeatureMatrix((Feature("age"),), [[31.0], [54.0]])
        >>> rows = UpliftRows(
        ...     matrix=matrix, treated=[True, False], label=[True, False], contact=[0, 1], campaign=[0, 0],
        ...     campaigns=("news",),
        ... )
        >>> len(rows), rows.select(rows.treated).contact.tolist()
        (2, [0])
    """

    matrix: FeatureMatrix
    treated: Flags = field(converter=_booleans)
    label: Flags = field(converter=_booleans)
    contact: NDArray[np.int64] = field(converter=_numbers)
    campaign: NDArray[np.int64] = field(converter=_numbers)
    campaigns: tuple[str, ...]
    left_out: Mapping[str, int] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for name in _BY_ROW:
            if getattr(self, name).shape != (len(self.matrix),):
                raise ModelError(f"expected one value for each of {len(self.matrix)} rows", field=name)

    def __len__(self) -> int:
        return len(self.label)

    def select(self, rows: Any) -> UpliftRows:
        """Some of them: their numbers, a mask or a slice."""
        chosen = {name: getattr(self, name)[rows] for name in _BY_ROW}
        return evolve(self, matrix=self.matrix.select(rows), **chosen)


_BY_ROW = ("treated", "label", "contact", "campaign")
