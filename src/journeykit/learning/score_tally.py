"""What is to be said of scores, as numbers that add up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from attrs import Factory, define

from journeykit.basics.clock import moment
from journeykit.learning.history_features import unseen_classes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from journeykit.learning.feature_matrix import Feature
    from journeykit.learning.message_history import MessageHistory

_NAMED = 5
"""So many strange classes are named."""


@define(kw_only=True)
class ScoreTally:
    """Who is scored, of all or of some of the contacts: parts add up to the whole, in any order.

    Attributes:
        contacts: how many are scored.
        gone: how many got messages and are not scored, as they are not in the table of contacts.
        unseen: by category of contacts, the classes that the model never saw, with how many contacts are of each.
    """

    contacts: int = 0
    gone: int = 0
    unseen: dict[str, Counter[str]] = Factory(dict)

    @classmethod
    def of(cls, history: MessageHistory, features: Iterable[Feature], whose: NDArray[np.int64], at: int) -> ScoreTally:
        """Count contacts.

        Args:
            history: their past.
            features: the features that models ask for, with the classes that any of them knows.
            whose: the numbers of the contacts that are scored.
            at: the instant, in microseconds since 1970.
        """
        got = np.diff(history.messages.first)[: len(history.table.ids)]
        here = np.zeros(len(history.ids), np.bool_)
        here[whose] = True
        unseen = unseen_classes(history, features, whose, at)
        return cls(
            contacts=len(whose),
            gone=int(np.count_nonzero((got > 0) & ~here[: len(got)])),
            unseen={name: Counter(counts) for name, counts in unseen.items()},
        )

    def merge(self, other: ScoreTally) -> None:
        """Count what a part has counted that has other contacts; it is not changed."""
        self.contacts += other.contacts
        self.gone += other.gone
        for name, counts in other.unseen.items():
            self.unseen.setdefault(name, Counter()).update(counts)

    def notes(self, features: Iterable[Feature], hour: int | None, at: int, until: int | None) -> Iterator[str]:
        """What is to be said of the contacts, and of the instant.

        Args:
            features: the features, in their order.
            hour: the hour for which scores are; None for that of the instant.
            at: the instant, in microseconds since 1970.
            until: that up to which the model has seen what happened; None where that is not known.
        """
        if self.gone:
            yield f"contacts of touches who are not in the table of contacts, and are not scored: {self.gone:,}"
        if hour is not None:
            yield f"hardly a message went at this hour of the day: scores are for {hour:02}:00, when most went"
        if until is not None and at < until:
            yield (
                f"the model was learned from what happened until {moment(until):%Y-%m-%d %H:%M} (UTC), and scores "
                f"are for {moment(at):%Y-%m-%d %H:%M}: it has seen what it is asked about"
            )
        for own in features:
            if own.name in self.unseen:
                yield self._unseen(own.name, self.unseen[own.name])

    def _unseen(self, name: str, counts: Counter[str]) -> str:
        """The classes of contacts that the model never saw."""
        order = sorted(counts, key=lambda own: (-counts[own], own))
        told = ", ".join(map(repr, order[:_NAMED])) + (", ..." if len(order) > _NAMED else "")
        return (
            f"{name}: the model never saw {told}; contacts of whom that is so: {sum(counts.values()):,} of "
            f"{self.contacts:,}, who are scored as those of rare classes"
        )
