"""Groups of contacts by what they share, and the codes by which they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from journeykit.errors import DataError, closest
from journeykit.model.contact import Contact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from journeykit.playbook.playbook import Playbook

SEGMENT = "segment"
"""The facet of the segments of contacts: those they bring themselves, and those of the playbook."""
ALWAYS = frozenset({SEGMENT, *Contact(id="-").values()}) - {"segments"}
"""What every contact has, if only as nothing."""
_MOST_VALUES = 10_000
Label = tuple[str | None, ...]
"""What a group is called: one value for each facet; None for contacts without one."""


@frozen(eq=False)
class GroupFacet:
    """Groups of contacts.

    Attributes:
        names: the facets that tell them apart: one, or several together.
        labels: what the groups are called, a value for each facet.
        code: by number of a contact, the place of the groups they are in; -1 for a number that is nobody's.
        member: by code and label, whether contacts of the code are in the group.
    """

    names: tuple[str, ...]
    labels: tuple[Label, ...]
    code: NDArray[np.int32]
    member: NDArray[np.bool_]

    def sums(self, contact: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> NDArray[Any]:
        """By label, how many of some contacts are in it, or the sum of their weights.

        Args:
            contact: numbers of contacts, as `ContactGroups.find` gives them; those below zero are in no group. One
                that comes twice counts twice.
            weights: by contact, what is summed; None counts.
        """
        code = self.code[contact]
        known = (code >= 0) & (contact >= 0)
        own = None if weights is None else weights[known]
        by_code = np.bincount(code[known], own, minlength=len(self.member))
        return by_code @ self.member.astype(by_code.dtype)

    def contacts(self) -> NDArray[np.int64]:
        """By label, how many contacts are in it."""
        found: NDArray[np.int64] = np.bincount(self.code[self.code >= 0], minlength=len(self.member)) @ self.member
        return found

    def spread(self, contact: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The groups of some contacts: places among them, and for each place a label; one for each group.

        Args:
            contact: numbers of contacts; those below zero are in no group.
        """
        code = np.where(contact < 0, -1, self.code[contact]).astype(np.int64)
        many = np.append(self.member.sum(axis=1), 0)
        start = np.append(0, np.cumsum(many)[:-1])
        size = many[code]
        place = np.repeat(np.arange(len(code)), size)
        step = np.arange(len(place)) - np.repeat(np.cumsum(size) - size, size)
        return place, np.nonzero(self.member)[1][np.repeat(start[code], size) + step]

    def times(self, other: GroupFacet) -> GroupFacet:
        """The groups of those who share both.

        Example:
            >>> stage, role = FacetCodes("stage"), FacetCodes("role")
            >>> stage.codes.append(np.array([stage.code("decision")], np.int32))
            >>> role.codes.append(np.array([role.code("user")], np.int32))
            >>> stage.facet().times(role.facet()).labels
            (('decision', 'user'),)
        """
        size = max(1, len(other.member))
        pair = np.where(self.code < 0, -1, self.code.astype(np.int64) * size + other.code)
        used, code = np.unique(pair[pair >= 0], return_inverse=True)
        own, more = used // size, used % size
        member = (self.member[own][:, :, None] & other.member[more][:, None, :]).reshape(
            len(used), len(self.labels) * len(other.labels)
        )
        kept = np.flatnonzero(member.any(axis=0))
        labels = [(*self.labels[at // len(other.labels)], *other.labels[at % len(other.labels)]) for at in kept]
        pair[pair >= 0] = code.reshape(-1)
        return GroupFacet((*self.names, *other.names), tuple(labels), pair.astype(np.int32), member[:, kept])


class FacetCodes:
    """Gives codes to what contacts are in, as they come.

    Args:
        name: the facet.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._labels: dict[str | None, int] = {}
        self._sets: dict[tuple[str | None, ...], int] = {}
        self.codes: list[NDArray[np.int32]] = []

    def code(self, value: Any) -> int:
        """The code of a value: of a list, those who have all of it."""
        labels = _labels(value)
        found = self._sets.setdefault(labels, len(self._sets))
        if found == len(self._sets) - 1:
            for label in labels:
                self._labels.setdefault(label, len(self._labels))
            if self.name != SEGMENT and len(self._labels) > _MOST_VALUES:
                raise DataError(f"{self.name!r} has more than {_MOST_VALUES:,} values: too many to compare")
        return found

    def facet(self, order: Sequence[str] = ()) -> GroupFacet:
        """What was met, the labels in the order given, then as text, those without one last."""
        first = {name: place for place, name in enumerate(order)}
        labels = sorted(self._labels, key=lambda own: (own is None, first.get(own or "", len(first)), own or ""))
        place = {label: number for number, label in enumerate(labels)}
        member = np.zeros((len(self._sets), len(labels)), np.bool_)
        for code, own in enumerate(self._sets):
            member[code, [place[label] for label in own]] = True
        codes: NDArray[np.int32] = np.concatenate([np.zeros(0, np.int32), *self.codes])
        return GroupFacet((self.name,), tuple((label,) for label in labels), codes, member)


def _labels(value: Any) -> tuple[str | None, ...]:
    """The groups of a value: one, several of a list, and None of nothing."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(dict.fromkeys(str(part) for part in value)) or (None,)
    if value is None or value != value or value == "":  # noqa: PLR0124  (only NaN is not itself)
        return (None,)
    return (str(value),)


def need_columns(asked: Iterable[str], met: Collection[str], source: str) -> None:
    """Refuse columns by which contacts cannot be told apart.

    Raises:
        DataError: for one that no contact has.
    """
    for name in asked:
        if name not in ALWAYS and name not in met:
            there = sorted({*met, *ALWAYS})
            hint = closest(name, there)
            more = f"; did you mean {hint!r}?" if hint else f"; there is {', '.join(there)}"
            raise DataError(f"no contact has {name!r}{more}", source=source)


def orders_of(playbook: Playbook) -> dict[str, list[str]]:
    """By facet, the order in which the playbook names its values."""
    stages = () if playbook.journey is None else playbook.journey.stages
    return {SEGMENT: [segment.name for segment in playbook.segments], "stage": [stage.name for stage in stages]}
