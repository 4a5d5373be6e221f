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

    def meet(self, column: pa.Array) -> NDArray[np.int32]:
        """The numbers of a coded column's rows."""
        numbers = np.array([0, *map(self._of, column.dictionary.to_pylist())], np.int32)
        codes = as_numpy(column.indices).astype(np.int32)
        if column.null_count == len(column):
            return np.zeros(len(column), np.int32)
        if column.null_count:
            codes = np.where(is_known(column.indices), codes, np.int32(-1))
        found: NDArray[np.int32] = numbers[codes + 1]
        return found

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
        self._widths: tuple[int, ...] = ()
        self._table = np.zeros(0, np.int32)
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
        codes = [words.meet(columns[name]) for words, name in zip(self._words, _PARTS, strict=True)]
        widths = tuple(len(words.texts) for words in self._words)
        size = int(np.prod([float(width) for width in widths]))
        if size > _MOST:
            return self._looked_up(np.stack(codes, axis=1))
        if widths != self._widths:
            self._lay_out(widths, size)
        place = codes[0]
        for code, width in zip(codes[1:], widths[1:], strict=True):
            place = place * np.int32(width) + code
        found = self._table[place]
        if len(found) and found.min() < 0:
            for new in np.unique(place[found < 0]).tolist():
                self._table[new] = self._of(tuple(int(part) for part in np.unravel_index(new, widths)))
            found = self._table[place]
        return found

    def _lay_out(self, widths: tuple[int, ...], size: int) -> None:
        """A place for each combination of the words that are known by now."""
        self._widths = widths
        self._table = np.full(size, -1, np.int32)
        for parts, number in self._number.items():
            self._table[np.ravel_multi_index(parts, widths)] = number

    def _looked_up(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        distinct, back = np.unique(rows, axis=0, return_inverse=True)
        numbers = np.array([self._of(tuple(parts)) for parts in distinct.tolist()] or [0], np.int32)
        return numbers[back.reshape(-1)]

    def _of(self, parts: tuple[int, ...]) -> int:
        number = self._number.setdefault(parts, len(self.facets))
        if number == len(self.facets):
            self.facets.append(Facets(*(own.texts[part] for own, part in zip(self._words, parts, strict=True))))
            self._keys.append(self._key.setdefault(parts[:3], len(self._key)))
        return number
