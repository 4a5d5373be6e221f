"""How one table of decisions differs from another, counted while the contacts pass."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from journeykit.comparing.claim_places import ABSENT
from journeykit.comparing.decided_rows import GRANTED, STATES
from journeykit.comparing.side_tally import millionths
from journeykit.comparing.swap_tally import SwapTally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from journeykit.comparing.claim_places import ClaimPlaces
    from journeykit.comparing.decided_blocks import ComparedBlock
    from journeykit.comparing.decided_rows import DecidedRows, RowReader

_WIDTH = STATES + 1
_MOST = 1 << 23
"""Up to so many codes are counted each in a place of its own."""
Change = tuple[int, int, int]
"""A campaign's number, and two states."""


class PairTally:
    """How a table differs from the first one.

    Args:
        other: the number of the table.
        reader: what reads the rows.

    Attributes:
        changes: by campaign's number, state in the first and state in the other table, how many claims; `ABSENT` for a
            claim that a table does not have.
        claims: how many claims either table has, of contacts that both have.
        weights: of how many claims that both weighed the weights differ.
        by_first: what the other's messages weigh by the first, in millionths.
        unweighed: how many of them the first did not weigh.
        moved: how many claims that both grant go out at another instant.
        swaps: what contacts get instead.
    """

    def __init__(self, other: int, reader: RowReader) -> None:
        self._other = other
        self._reader = reader
        self.changes: Counter[Change] = Counter()
        self.claims = self.weights = self.moved = self.by_first = self.unweighed = 0
        self.swaps = SwapTally(reader)
        self._touched: list[NDArray[np.bool_]] = []

    @property
    def touched(self) -> NDArray[np.bool_]:
        """By number of a contact, whether they get other messages."""
        return np.concatenate([np.zeros(0, np.bool_), *self._touched])

    def add(self, block: ComparedBlock, places: ClaimPlaces) -> None:
        """Compare what was decided of some contacts."""
        tables = [(0, block.rows[0]), (self._other, block.rows[self._other])]
        states = [places.laid(table, rows.state, ABSENT) for table, rows in tables]
        alone = self._alone(block, tables, places)
        self.claims += int(np.count_nonzero(((states[0] != ABSENT) | (states[1] != ABSENT)) & ~alone))
        self._count_weights(tables, places, alone)
        self._count_moved(tables, places)
        changed = (states[0] != states[1]) & ~alone
        touched = np.zeros(len(block.ids), np.bool_)
        if changed.any():
            self._count_changes(tables, states, changed, places)
            is_other = changed & ((states[0] == GRANTED) | (states[1] == GRANTED))
            self._count_swaps(block, tables, is_other, places, touched)
        self._touched.append(touched)

    def _alone(
        self, block: ComparedBlock, tables: list[tuple[int, DecidedRows]], places: ClaimPlaces
    ) -> NDArray[np.bool_]:
        """By place, whether it is a claim of a contact that one table alone has: these are counted apart."""
        found = np.zeros(places.size, np.bool_)
        both = block.decided[0] & block.decided[self._other]
        if not both.all():
            for table, rows in tables:
                found[places.places[table][~both[rows.contact - block.start]]] = True
        return found

    def _count_weights(
        self, tables: list[tuple[int, DecidedRows]], places: ClaimPlaces, alone: NDArray[np.bool_]
    ) -> None:
        one, other = (places.laid(table, rows.weight, np.nan) for table, rows in tables)
        # What is not a number differs from itself.
        granted = places.places[self._other][tables[1][1].state == GRANTED]
        held = one[granted]
        self.by_first += int(millionths(held).sum())
        self.unweighed += int(np.count_nonzero(np.isnan(held) & ~alone[granted]))
        self.weights += int(np.count_nonzero((one != other) & (one == one) & (other == other)))  # noqa: PLR0124

    def _count_moved(self, tables: list[tuple[int, DecidedRows]], places: ClaimPlaces) -> None:
        if not any(rows.send_at.any() for _, rows in tables):
            return
        laid = []
        for table, rows in tables:
            granted = np.flatnonzero(rows.state == GRANTED)
            instants = np.zeros(places.size, np.int64)
            instants[places.places[table][granted]] = rows.send_at[granted]
            laid.append(instants)
        self.moved += int(np.count_nonzero((laid[0] != laid[1]) & (laid[0] != 0) & (laid[1] != 0)))

    def _count_changes(
        self,
        tables: list[tuple[int, DecidedRows]],
        states: list[NDArray[np.int16]],
        changed: NDArray[np.bool_],
        places: ClaimPlaces,
    ) -> None:
        """Count the states of claims that changed, by campaign."""
        campaigns = self._reader.claims.campaigns
        campaign = np.zeros(places.size, np.int64)
        for table, rows in tables:
            campaign[places.places[table]] = campaigns[rows.claim]
        one, other = (own[changed].astype(np.int64) for own in states)
        code = (campaign[changed] * _WIDTH + one + 1) * _WIDTH + other + 1
        for own, count in _counted(code):
            rest, last = divmod(own, _WIDTH)
            self.changes[rest // _WIDTH, rest % _WIDTH - 1, last - 1] += count

    def _count_swaps(
        self,
        block: ComparedBlock,
        tables: list[tuple[int, DecidedRows]],
        is_other: NDArray[np.bool_],
        places: ClaimPlaces,
        touched: NDArray[np.bool_],
    ) -> None:
        """Count what contacts get instead, of whom a claim is granted by one table only."""
        for table, rows in tables:
            touched[rows.contact[is_other[places.places[table]]] - block.start] = True
        campaigns, width = self._reader.claims.campaigns, self._reader.claims.campaign_count
        got = []
        for _, rows in tables:
            granted = rows.take(np.flatnonzero(rows.state == GRANTED))
            contact = granted.contact - block.start
            mine = touched[contact]
            got.append(np.unique(contact[mine] * width + campaigns[granted.claim[mine]]))
        before, after = got
        lost = np.setdiff1d(before, after, assume_unique=True)
        gained = np.setdiff1d(after, before, assume_unique=True)
        self.swaps.add(lost, gained, width, block.start, block.ids, [rows for _, rows in tables])


def _counted(codes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Which codes there are, and how often."""
    if codes.max() < _MOST:
        counts = np.bincount(codes)
        own = np.flatnonzero(counts)
        counts = counts[own]
    else:
        own, counts = np.unique(codes, return_counts=True)
    yield from zip(own.tolist(), counts.tolist(), strict=True)
