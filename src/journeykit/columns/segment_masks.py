"""Segments: the contacts' own, and the named ones of the playbook, as a column that rules read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.columns.column import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeykit.columns.rule_masks import Pair, RuleMasks
    from journeykit.model.segment import Segment

_AT_ONCE = 30


class SegmentMasks(Column):
    """The segments of a chunk of contacts. A rule of a segment is asked when something asks for the segment.

    Args:
        own: the segments that the contacts bring themselves, as tuples.
        named: those of the playbook.
        masks: the contacts as they were given.
    """

    def __init__(self, own: Column, named: Sequence[Segment], masks: RuleMasks) -> None:
        super().__init__([])
        self.own = own
        self._named = {segment.name: segment for segment in named}
        self._masks = masks
        self._pairs: dict[str, Pair] = {}

    def pair(self, name: str) -> Pair:
        """Who is surely in a segment, and who is surely not: for the rest it is unknown."""
        found = self._pairs.get(name)
        if found is None:
            brought = np.array([name in (value or ()) for value in self.own.values], np.bool_)[self.own.codes]
            if name in self._named:
                true, false = self._masks.pair(self._named[name].rule)
                found = brought | true, ~brought & false
            else:
                found = brought, ~brought
            self._pairs[name] = found
        return found

    @cached_property
    def _coded(self) -> tuple[np.ndarray, list[Any]]:
        """Every combination that occurs, once."""
        codes, values = self.own.codes, [value or () for value in self.own.values]
        names = list(self._named)
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            keys = codes << len(some)
            for place, name in enumerate(some):
                keys |= self.pair(name)[0].astype(np.int64) << place
            found, codes = _numbered(keys, len(values) << len(some))
            values = [
                (*own, *(name for place, name in enumerate(some) if key >> place & 1 and name not in own))
                for key in found.tolist()
                for own in (values[key >> len(some)],)
            ]
        return codes, values


def _numbered(keys: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray]:
    """The keys that occur, all less than a span, and by row which."""
    if span > 4 * len(keys):
        found, places = np.unique(keys, return_inverse=True)
        return found, places.reshape(-1)
    met = np.zeros(span, np.bool_)
    met[keys] = True
    found = np.flatnonzero(met)
    number = np.zeros(span, np.int64)
    number[found] = np.arange(len(found))
    return found, number[keys]
