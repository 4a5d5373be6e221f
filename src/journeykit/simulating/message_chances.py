"""The chances of messages: what scores say of an answer, of its worth and of an opt-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from journeykit.playbook.vocabulary import Vocabulary
from journeykit.tables.arrow.column import UNREAD, Column
from journeykit.tables.arrow.score_numbers import numbers_of_scores
from journeykit.tables.cells import read_id
from journeykit.tables.header import places_of
from journeykit.tables.score_table import SCORE_READERS, read_content
from journeykit.tables.words import spelling_reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from journeykit.measuring.contact_numbers import ContactNumbers
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.kept_table import KeptTable

Pair = tuple[str, str | None]
"""A campaign, and a content or None."""
_NUMBERS = ("propensity", "value", "opt_out")


class Chances(NamedTuple):
    """What is known of messages; NaN where nothing is.

    Attributes:
        propensity: the chance of an answer.
        value: what an answer is worth.
        opt_out: the chance of an opt-out.
    """

    propensity: NDArray[np.float64]
    value: NDArray[np.float64]
    opt_out: NDArray[np.float64]


class MessageChances:
    """Scores by contact, campaign and content. A score of the content goes before that of the campaign, as in weights.

    Attributes:
        rows: how many scores there are.
    """

    def __init__(
        self, pairs: Mapping[Pair, int], code: NDArray[np.int64], numbers: Sequence[NDArray[np.float64]]
    ) -> None:
        # Of several scores for one contact, campaign and content the first counts.
        self._pairs = dict(pairs)
        self._codes, first = np.unique(code, return_index=True)
        self._numbers = [np.append(own[first], np.nan) for own in numbers]
        self.rows = len(self._codes)

    @classmethod
    def of(cls, scores: KeptTable | None, contacts: ContactNumbers, playbook: Playbook) -> Self:
        """The scores of a table. What cannot be read is left out: the run that decides counts it.

        Args:
            scores: the table; None where there is none.
            contacts: the numbers of contacts.
            playbook: whose campaigns.
        """
        pairs: dict[Pair, int] = {}
        read = [_read(part, scores.source, contacts, playbook, pairs) for part in scores.chunks()] if scores else []
        width = len(pairs)
        code = [contact * width + pair for contact, pair, _ in read]
        numbers = [[own[place] for _, _, own in read] for place in range(len(_NUMBERS))]
        nothing = np.zeros(0)
        return cls(
            pairs,
            np.concatenate([np.zeros(0, np.int64), *code]),
            [np.concatenate([nothing, *own]) for own in numbers],
        )

    def of_messages(self, contact: NDArray[np.int64], kind: NDArray[np.int64], kinds: Sequence[Pair]) -> Chances:
        """What is known of messages.

        Args:
            contact: by message, the number of the contact.
            kind: by message, the place of its campaign and content.
            kinds: the campaigns and contents.
        """
        own = [self._pairs.get(pair, -1) for pair in kinds]
        whole = [self._pairs.get((campaign, None), -1) for campaign, _ in kinds]
        found = self._places(contact, np.array([*own, -1], np.int64)[kind])
        other = self._places(contact, np.array([*whole, -1], np.int64)[kind])
        place = np.where(found < 0, other, found)
        return Chances(*(numbers[place] for numbers in self._numbers))

    def _places(self, contact: NDArray[np.int64], pair: NDArray[np.int64]) -> NDArray[np.int64]:
        """By message, the place of the score; -1 where there is none."""
        wanted = contact * len(self._pairs) + pair
        place = np.searchsorted(self._codes, wanted)
        there = np.append(self._codes, -1)[place] == wanted
        return np.where(there & (pair >= 0), place, -1)


def _read(
    part: Part, source: str, contacts: ContactNumbers, playbook: Playbook, pairs: dict[Pair, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[NDArray[np.float64]]]:
    """By score that can be read, the contact, the pair and the numbers."""
    _, names, arrays = part
    places = places_of(names, source)
    columns = {name: Column(arrays[place]) for name, place in places.items()}
    rows = len(columns["contact_id"])
    contact = contacts.find(columns["contact_id"], rows, {}).astype(np.int64)
    pair = _pairs(columns, rows, playbook, pairs)
    good = (contact >= 0) & (pair >= 0)
    found = {name: numbers_of_scores(name, columns[name]) for name in SCORE_READERS if name in columns}
    for _, refused in found.values():
        good &= ~refused
    numbers = [found[name][0] if name in found else np.full(rows, np.nan) for name in _NUMBERS]
    return contact[good], pair[good], [own[good] for own in numbers]


def _pairs(columns: Mapping[str, Column], rows: int, playbook: Playbook, pairs: dict[Pair, int]) -> NDArray[np.int64]:
    """By row, the number of its campaign and content; -1 where they cannot be read, or are unknown."""
    if "campaign_id" not in columns:
        return np.full(rows, -1, np.int64)
    vocabulary = Vocabulary.of(playbook)
    known = {campaign.id for campaign in playbook.campaigns or ()}
    codes, campaigns = columns["campaign_id"].read(spelling_reader(read_id, vocabulary, "campaign"))
    contents: list[str | None] = [None]
    if "content_id" in columns:
        own, contents = columns["content_id"].read(spelling_reader(read_content, vocabulary, "content"))
        codes = codes * len(contents) + own
    met, codes = np.unique(codes, return_inverse=True)
    numbers = np.full(len(met), -1, np.int64)
    for place, both in enumerate(met.tolist()):
        campaign, content = campaigns[both // len(contents)], contents[both % len(contents)]
        if campaign in known and content is not UNREAD:
            numbers[place] = pairs.setdefault((campaign, content), len(pairs))
    return numbers[codes.reshape(-1)]
