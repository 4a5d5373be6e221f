"""What contacts get instead: pairs of a campaign that is lost and one that is gained, with the first contacts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from journeykit.comparing.decided_rows import GRANTED, OUTCOMES, REASONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from journeykit.comparing.decided_rows import DecidedRows, RowReader

NOTHING = -1
"""No campaign: something is lost and nothing gained, or the other way round."""
EXAMPLES = 3
"""So many contacts are given as examples of each pair."""
_PAIRS = 100
"""Of so many pairs of each block examples are looked for: the most frequent ones."""
Pair = tuple[int, int]


class SwapTally:
    """Counts the contacts who get a campaign from one table and another from the other.

    A contact who loses two campaigns and gains one is in two pairs.

    Args:
        reader: what reads the rows, and so knows the names of claims and rules.

    Attributes:
        counts: by numbers of the campaign lost and of that gained, how many contacts.
        examples: likewise, the first contacts.
    """

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader
        self.counts: Counter[Pair] = Counter()
        self.examples: dict[Pair, list[dict[str, Any]]] = {}

    def add(
        self, lost: NDArray[np.int64], gained: NDArray[np.int64], width: int, start: int, ids: pa.Array,
        rows: Sequence[DecidedRows],
    ) -> None:  # fmt: skip
        """Count what some contacts lose and gain.

        Args:
            lost: what they lose: the contact, counted from the first one, times ``width``, plus the campaign's number;
                ascending.
            gained: what they gain, likewise.
            width: more than any number of a campaign.
            start: the number of the first contact.
            ids: the ids of the contacts.
            rows: what both tables decided of them.
        """
        contact, one, other = _pairs(lost, gained, width, len(ids))
        code = (one + 1) * (width + 1) + other + 1
        own, first, counts = np.unique(code, return_index=True, return_counts=True)
        order = np.lexsort((first, -counts))
        for place in order.tolist():
            pair = int(own[place]) // (width + 1) - 1, int(own[place]) % (width + 1) - 1
            self.counts[pair] += int(counts[place])
        for place in order[:_PAIRS].tolist():
            pair = int(own[place]) // (width + 1) - 1, int(own[place]) % (width + 1) - 1
            held = self.examples.setdefault(pair, [])
            if len(held) < EXAMPLES:
                met = np.sort(contact[code == own[place]])[: EXAMPLES - len(held)]
                held += [self._example(ids[at].as_py(), at + start, pair, rows) for at in met.tolist()]

    def _example(self, contact: str, number: int, pair: Pair, rows: Sequence[DecidedRows]) -> dict[str, Any]:
        first, other = (own.between(number, number + 1) for own in rows)
        return {
            "contact": contact,
            "lost": None if pair[0] == NOTHING else self._said(other, first, pair[0]),
            "gained": None if pair[1] == NOTHING else self._said(first, other, pair[1]),
        }

    def _said(self, rows: DecidedRows, granting: DecidedRows, campaign: int) -> dict[str, Any] | None:
        """What a table that does not grant a campaign says of it; None where it has no such claim.

        Of several claims of the campaign it is that which the other table grants, where there is that one.
        """
        claims = self._reader.claims
        own = np.flatnonzero(claims.campaigns[rows.claim] == campaign)
        if not len(own):
            return None
        granted = granting.take((granting.state == GRANTED) & (claims.campaigns[granting.claim] == campaign))
        is_same = np.isin(claims.keys[rows.claim[own]], claims.keys[granted.claim])
        is_same &= np.isin(rows.own[own], granted.own)
        row = int(own[int(np.argmax(is_same))])
        state = int(rows.state[row])
        return {
            "outcome": OUTCOMES[state % len(OUTCOMES)].value,
            "reason": REASONS[state // len(OUTCOMES)].value,
            "rule": self._reader.rules.texts[int(rows.rule[row])],
        }


def _pairs(
    lost: NDArray[np.int64], gained: NDArray[np.int64], width: int, contacts: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Each contact with each pair of what they lose and gain; `NOTHING` where they lose or gain nothing."""
    loser, gainer = lost // width, gained // width
    losses, gains = (np.bincount(own, minlength=contacts) for own in (loser, gainer))
    start = np.cumsum(gains) - gains
    times = np.maximum(gains[loser], 1)
    place = np.repeat(np.arange(len(lost)), times)
    turn = np.arange(len(place)) - np.repeat(np.cumsum(times) - times, times)
    partner = np.append(gained % width, NOTHING)
    contact = loser[place]
    other = np.where(gains[contact] > 0, partner[np.minimum(start[contact] + turn, len(gained))], NOTHING)
    alone = losses[gainer] == 0
    nothing = np.full(int(np.count_nonzero(alone)), NOTHING)
    return (
        np.append(contact, gainer[alone]),
        np.append((lost % width)[place], nothing),
        np.append(other, (gained % width)[alone]),
    )
