"""The numbers of claims and words, which several tables of decisions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.tables.arrow.arrays import as_numpy, is_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

_MOST = 1 << 22
"""So many combinations of words have a place of their own; more are looked up one by one."""
_PARTS = ("campaign_id", "content_id", "channel", "team")


class Facets(NamedTuple):
    """What a claim asks to send.

    Attributes:
        campaign: the campaign's id.
        content: the content's id.
        channel: the channel.
        team: the team's name.
    """

    campaign: str | None
    content: str | None
    channel: str | None
    team: str | None


class WordNumbers:
    """Gives each text a number, in the order in which they are met; a missing one is 0."""

    def __init__(self) -> None:
        self.texts: list[str | None] = [None]
        self._number: dict[str, int] = {}
        # Pieces of one table share their words.
        self._held: tuple[pa.Array, NDArray[np.int32]] | None = None

    def meet(self, column: pa.Array) -> NDArray[np.int32]:
        """The numbers of a coded column's rows."""
        if column.null_count == len(column):
            return np.zeros(len(column), np.int32)
        found: NDArray[np.int32] = self.numbers(column.dictionary)[codes_of(column)]
        return found

    def numbers(self, words: pa.Array) -> NDArray[np.int32]:
        """The numbers of some words; last comes that of a missing one."""
        if self._held is None or not _are_same(self._held[0], words):
            self._held = words, np.array([*map(self._of, words.to_pylist()), 0], np.int32)
        return self._held[1]

    def _of(self, text: str | None) -> int:
        if text is None:
            return 0
        number = self._number.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number


class ClaimNumbers:
    """Gives each campaign, content, channel and team of claims a number.

    Two tables may name different teams for one campaign: the claims are the same, and have one key.

    Attributes:
        facets: by number, what the claim asks to send.
    """

    def __init__(self) -> None:
        self._words = [WordNumbers() for _ in _PARTS]
        self._number: dict[tuple[int, ...], int] = {}
        self._key: dict[tuple[int, ...], int] = {}
        self._keys: list[int] = []
        self.facets: list[Facets] = []

    @property
    def keys(self) -> NDArray[np.int64]:
        """By number, the number of its campaign, content and channel."""
        return np.array(self._keys, np.int64)

    @property
    def campaigns(self) -> NDArray[np.int64]:
        """By number, the number of its campaign."""
        return np.array([parts[0] for parts in self._number], np.int64)

    @property
    def campaign_count(self) -> int:
        """How many numbers of campaigns there are; the first is that of none."""
        return len(self._words[0].texts)

    def campaign(self, number: int) -> str | None:
        """The campaign with a number."""
        return self._words[0].texts[number]

    @property
    def key_count(self) -> int:
        """How many campaigns with content and channel there are."""
        return len(self._key)

    def meet(self, columns: Mapping[str, pa.Array]) -> NDArray[np.int32]:
        """The numbers of rows of a table of decisions."""
        rows, own = len(columns["outcome"]), [columns[name] for name in _PARTS]
        # Where a column has the codes of another one, as where each campaign has one content, they are read once.
        told = {_place_of(column): column for column in own if column.null_count < rows}
        place, size = np.zeros(rows, np.int32), 1
        widths: list[int] = []
        for column in told.values():
            width = len(column.dictionary) + 1
            size, widths = size * width, [*widths, width]
            if size > _MOST:
                return self._looked_up([words.meet(column) for words, column in zip(self._words, own, strict=True)])
            codes = codes_of(column)
            place = place * np.int32(width) + (codes if not column.null_count else codes % np.int32(width))
        table = np.full(size, -1, np.int32)
        table[_occurring(place, size)] = 0
        there = np.flatnonzero(table == 0)
        codes_at = dict(zip(told, np.unravel_index(there, widths), strict=True)) if told else {}
        parts = [
            self._numbers_at(words, column, codes_at, len(there))
            for words, column in zip(self._words, own, strict=True)
        ]
        table[there] = [self._of(tuple(one)) for one in zip(*(part.tolist() for part in parts), strict=True)]
        found: NDArray[np.int32] = table[place]
        return found

    @staticmethod
    def _numbers_at(
        words: WordNumbers, column: pa.Array, codes: Mapping[int, NDArray[np.int64]], count: int
    ) -> NDArray[np.int32]:
        """The numbers of a column's words, by the combinations of codes that occur."""
        own = codes.get(_place_of(column))
        found: NDArray[np.int32] = np.zeros(count, np.int32) if own is None else words.numbers(column.dictionary)[own]
        return found

    def _looked_up(self, codes: list[NDArray[np.int32]]) -> NDArray[np.int32]:
        distinct, back = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
        numbers = np.array([self._of(tuple(parts)) for parts in distinct.tolist()] or [0], np.int32)
        return numbers[back.reshape(-1)]

    def _of(self, parts: tuple[int, ...]) -> int:
        number = self._number.setdefault(parts, len(self.facets))
        if number == len(self.facets):
            self.facets.append(Facets(*(own.texts[part] for own, part in zip(self._words, parts, strict=True))))
            self._keys.append(self._key.setdefault(parts[:3], len(self._key)))
        return number


def codes_of(column: pa.Array) -> NDArray[np.int32]:
    """The codes of a coded column; -1 where it has none."""
    codes: NDArray[np.int32] = as_numpy(column.indices).astype(np.int32, copy=False)
    return codes if not column.null_count else np.where(is_known(column.indices), codes, np.int32(-1))


def _are_same(one: pa.Array, other: pa.Array) -> bool:
    """Whether two arrays of words are the same piece of memory, or hold the same few words."""
    return one is other or (len(one) == len(other) and bool(one.equals(other)))


def _place_of(column: pa.Array) -> int:
    """Where the codes of a column are in memory; another number for each column without any."""
    data = column.indices.buffers()[1]
    return id(column) if data is None or column.null_count else int(data.address)


def _occurring(place: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    found = np.zeros(size, np.bool_)
    found[place] = True
    return np.flatnonzero(found)
