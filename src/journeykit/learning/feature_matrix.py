"""What is known of messages before they are sent: a column for each feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from journeykit.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence


@frozen
class Feature:
    """One thing that is known of a message before it is sent.

    Attributes:
        name: its name: ``stage``, ``touches_7d``, ``city``.
        kind: ``number``, or ``category`` for one of several classes.
        classes: the classes of a category, sorted; a value is the place of its class here.

    Example:
        >>> Feature("channel", "category", ("email", "sms")).classes[1]
        'sms'
    """

    name: str
    kind: Literal["number", "category"] = "number"
    classes: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if list(self.classes) != sorted(set(self.classes)):
            raise ModelError(f"the classes of {self.name!r} must be sorted, each once", field="classes")
        if self.classes and self.kind == "number":
            raise ModelError(f"{self.name!r} is a number, which has no classes", field="classes")


@frozen(eq=False)
class FeatureMatrix:
    """The features of messages: a row for each message, a column for each feature.

    Attributes:
        features: what the columns are.
        values: the values, as 64-bit floats of shape (rows, features). NaN is missing; of a category it is a class
            that was never seen too.

    Example:
        >>> features = (Feature("stage", "category", ("aware", "loyal")), Feature("touches_7d"))
        >>> matrix = FeatureMatrix(features, np.array([[0.0, 2.0], [1.0, 0.0], [np.nan, 1.0]]))
        >>> len(matrix), matrix.select([2, 0]).column("touches_7d").tolist(), matrix.texts("stage")
        (3, [1.0, 2.0], ['aware', 'loyal', None])
    """

    features: tuple[Feature, ...]
    values: NDArray[np.float64] = field(converter=lambda given: np.asarray(given, np.float64))

    def __attrs_post_init__(self) -> None:
        names = [own.name for own in self.features]
        if len(set(names)) < len(names):
            raise ModelError("two features have one name", field="features")
        if self.values.ndim != 2 or self.values.shape[1] != len(names):
            raise ModelError(
                f"expected a column for each of {len(names)} features, found an array of shape {self.values.shape}",
                field="values",
            )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(own.name for own in self.features)

    def select(self, rows: Any) -> FeatureMatrix:
        """Some of the rows: their numbers, a mask or a slice."""
        return FeatureMatrix(self.features, self.values[rows])

    def only(self, names: Sequence[str]) -> FeatureMatrix:
        """Some of the features, in the order of their names."""
        places = [self.names.index(name) for name in names]
        return FeatureMatrix(tuple(self.features[place] for place in places), self.values[:, places])

    def column(self, name: str) -> NDArray[np.float64]:
        """The values of a feature.

        Raises:
            KeyError: for a feature that there is not.
        """
        if name not in self.names:
            raise KeyError(name)
        return self.values[:, self.names.index(name)]

    def texts(self, name: str) -> list[str | None]:
        """The classes of a category, row by row; None where it is missing."""
        classes = self.features[self.names.index(name)].classes
        return [None if own != own else classes[int(own)] for own in self.column(name).tolist()]  # noqa: PLR0124
