"""What waits, after a chunk is decided: claims that the columnar engine defers, and those that do not wait any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from journeykit.columns.decision_counts import OUTCOMES
from journeykit.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeykit.job.chunk_state import ChunkState, Piece
    from journeykit.job.table_reader import TableReader
    from journeykit.ledger.run_waiting import RunWaiting
    from journeykit.ledger.transaction import WaitingRow
    from journeykit.ledger.waiting_claim import WaitingChanges

_DEFERRED, _GRANTED = OUTCOMES.index(Outcome.DEFERRED), OUTCOMES.index(Outcome.GRANTED)


class TableWaiting:
    """Tells what waits of the contacts that the columnar engine has decided.

    Args:
        waiting: what waits.
        reader: the tables.
        zones: the names of time zones, by number.
    """

    def __init__(self, waiting: RunWaiting, reader: TableReader) -> None:
        self.waiting = waiting
        self.reader = reader
        self._changes: dict[str, WaitingChanges] = {}

    @property
    def _steps(self) -> np.ndarray:
        """By opening, whether it is a step of a series."""
        openings = self.reader.engine.layout.list
        return np.array([own.campaign.series is not None for own in openings], np.bool_)

    def decided(self, state: ChunkState) -> None:
        """Tell what changes once a chunk is decided."""
        if not self.waiting.run.dry_run:
            self.waiting.add(self._found(state))

    def _found(self, state: ChunkState) -> Iterator[WaitingRow]:
        table, names = self.reader.claims, state.chunk.ids.to_pylist()
        assert table is not None  # noqa: S101  (claims are given)
        deferred: dict[int, list[int]] = {}
        for piece in state.pieces:
            deferred |= self._deferred(state, piece)
        # Of contacts of whom something waits, every claim that is brought replaces what asks for the same.
        brought = {
            row: table.rows_of(state.start + row)
            for row in range(state.chunk.rows)
            if names[row] in self.waiting and not state.apart[row]
        }
        wanted = deferred | brought
        self.waiting.read(names[row] for row in wanted)
        claims = table.claims_in(sorted({one for own in wanted.values() for one in own}))
        for row, own in wanted.items():
            changes, waiting = self._changes_of(state, row), self.waiting.of(names[row])
            late = set(deferred.get(row, ()))
            for one in own:
                (claim,) = changes.sound([claims[one]])
                known = waiting.same(claim)
                if one in late:
                    yield from changes.kept(names[row], claim, known)
                elif known is not None:
                    yield changes.gone(known)

    def _changes_of(self, state: ChunkState, row: int) -> WaitingChanges:
        zones = self.reader.engine.zones.list
        zone = str(zones[int(state.people.person["zone"][row])][0])
        if zone not in self._changes:
            self._changes[zone] = self.waiting.changes(zone)
        return self._changes[zone]

    def _deferred(self, state: ChunkState, piece: Piece) -> Mapping[int, list[int]]:
        """By row of a contact, the rows of its claims that are deferred: a content of each is, and none goes.

        The steps of a series do not exclude each other: there one that is deferred is enough.
        """
        assert self.reader.asked is not None and state.claims is not None  # noqa: S101, PT018  (claims are given)
        answers, own = piece.answers, state.claims
        outcome = answers.rows.outcome[: answers.size]
        contact = answers.contact if len(piece.contact) != answers.size else piece.contact
        places = np.flatnonzero((outcome == _DEFERRED) | (outcome == _GRANTED))
        places = places[np.isin(contact[places], piece.contact)]
        owner = np.repeat(np.arange(len(own.first) - 1), np.diff(own.first))
        width = int(own.asked["label"].max(initial=0)) + 1
        keys = owner * width + own.asked["label"]
        order = np.argsort(keys, kind="stable")
        found = order[np.searchsorted(keys[order], contact[places] * width + answers.rows.label[places])]
        group = own.asked["group"][found]
        alone = ~self._steps[own.asked["opening"][found]]
        gone = group[(outcome[places] == _GRANTED) & alone]
        late = np.unique(group[(outcome[places] == _DEFERRED) & ~np.isin(group, gone)])
        rows: dict[int, list[int]] = {}
        by_group = dict(zip(group.tolist(), contact[places].tolist(), strict=True))
        for one in late.tolist():
            rows.setdefault(by_group[one], []).append(int(self.reader.asked.order[one]))
        return rows
