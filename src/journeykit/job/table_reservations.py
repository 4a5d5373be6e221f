"""Reserving what a chunk grants; contacts of whom the ledger knows more by now are decided again, and only they."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from attrs import evolve

from journeykit.columns.claim_block import gathered
from journeykit.columns.decision_rows import less
from journeykit.job.chunk_state import ChunkState, Piece
from journeykit.job.ledger_tables import decisions_of, grants_of, mark_opt_outs, protect, touch_arrays
from journeykit.kernels.interface.codes import BAD
from journeykit.kernels.interface.contact_arrays import QuotaChoiceArrays
from journeykit.ledger.proposal import Proposal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from journeykit.engine.contact_group import ContactGroup
    from journeykit.job.chunk_state import DecidesChunks
    from journeykit.job.fallback import Fallback
    from journeykit.job.ledger_tables import Messages
    from journeykit.job.run import Run
    from journeykit.job.table_reader import TableReader
    from journeykit.kernels.interface.contact_arrays import Contacts, TouchArrays
    from journeykit.ledger.ledger_run import LedgerRun
    from journeykit.ledger.proposal import Again
    from journeykit.ledger.reservation import Reservation
    from journeykit.ledger.saved_decisions import DecisionInputs
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision


class TableReservations:
    """Reserves for the contacts of chunks.

    Args:
        run: the run.
        ledger: the same, in the ledger.
        reader: its tables.
        fallback: decides contacts again that the columnar engine cannot handle.
        messages: what the messages are.
    """

    def __init__(
        self,
        run: Run,
        ledger: LedgerRun,
        reader: TableReader,
        fallback: Fallback,
        messages: Messages,
    ) -> None:
        self._run = run
        self._ledger = ledger
        self._reader = reader
        self._fallback = fallback
        self._messages = messages

    def reserve(self, state: ChunkState) -> ChunkState:
        """Reserve what a chunk grants, by the columnar engine and by fallback; the chunk as it is then.

        Args:
            state: the chunk, decided.
        """
        ledger, names = self._ledger, state.chunk.ids.to_pylist()
        granted: dict[int, list[Reservation]] = {}
        for piece in state.pieces:
            granted |= grants_of(state, piece, self._messages)
        none = [name for row, name in enumerate(names) if row not in granted and not state.apart[row]]
        contacts: dict[int, Contact] = {}
        proposals = [
            Proposal((names[row],), None, own, partial(self._group, state, row, contacts))
            for row, own in granted.items()
        ]
        rows = {names[row]: row for row in granted}
        late: list[tuple[np.ndarray, Piece]] = []
        # What a run with quotas has chosen is judged contact by contact.
        together = None if self._run.choices is not None else partial(self._decide_late, state, rows, contacts, late)
        proposals += self._fallback_proposals(state, none)
        ledger.check_none(none)
        again = ledger.settle(sorted(proposals, key=lambda proposal: proposal.names), together)
        changed = np.array(sorted(rows[name] for name in again if name in rows), np.int64)
        by_columns = np.concatenate([np.zeros(0, np.int64), *(own for own, _ in late)])
        settled = set(by_columns.tolist())
        self._note(state, {name: again[name] for name in again if rows.get(name) not in settled})
        return state if not len(changed) else self._without(state, changed, by_columns, late)

    def _group(self, state: ChunkState, row: int, contacts: dict[int, Contact]) -> ContactGroup | None:
        """A contact as the row engine takes them, who is noted."""
        group = self._fallback.group_at(state, row)
        if group is not None:
            contacts[row] = group.contacts[0]
        return group

    def _fallback_proposals(self, state: ChunkState, none: list[str]) -> list[Proposal]:
        """What is granted to the contacts that fall back, whose decisions are known from here on.

        Args:
            state: the chunk.
            none: is given the contacts who are granted nothing.
        """
        found = []
        for row in np.flatnonzero(state.apart).tolist():
            decided = self._fallback.decide(state, row)
            self._fallback.known[state.start + row] = (
                None if decided is None else (decided.group.contacts[0], decided.decided[0])
            )
            proposal = None if decided is None else self._ledger.proposal(decided)
            if proposal is not None:
                found.append(proposal)
            elif decided is not None:
                none += [contact.id for contact in decided.group.contacts]
        return found

    def _note(self, state: ChunkState, again: Mapping[str, Decision]) -> None:
        """Note what the row engine decided again."""
        known = self._fallback.known
        for row, name in enumerate(state.chunk.ids.to_pylist() if again else ()):
            if name in again and not state.repeated[row]:
                before = known.get(state.start + row)
                contact, counted = (
                    (self._reader.contact(state, row), 0) if before is None else (before[0], before[1][1])
                )
                known[state.start + row] = contact, (again[name], counted)

    def _without(
        self,
        state: ChunkState,
        changed: np.ndarray,
        by_columns: np.ndarray,
        late: list[tuple[np.ndarray, Piece]],
    ) -> ChunkState:
        """A chunk with contacts decided anew: what was decided of them before has neither rows nor counts.

        Args:
            state: the chunk.
            changed: the rows of these contacts.
            by_columns: the rows of those that the columnar engine has decided again.
            late: what it has decided.
        """
        rest = [self._rest(state, piece, changed) for piece in state.pieces]
        apart = state.apart.copy()
        apart[changed] = True
        apart[by_columns] = False
        return evolve(state, apart=apart, pieces=(*rest, *(own for _, own in late)))

    def _rest(self, state: ChunkState, piece: Piece, changed: np.ndarray) -> Piece:
        """A piece of a chunk without some contacts, who are decided as before to know their part of the counts."""
        gone = np.isin(piece.contact, changed)
        rows = np.unique(piece.contact[gone])
        if not len(rows):
            return piece
        chunk = state.chunk.take(rows)
        people = piece.decider.engine.encoder.contacts(chunk)
        chunk.apart[protect(self._ledger, chunk, people)] = True
        own = self._some(state, rows, people, state.history_of(rows))
        again = piece.decider.decide(own, piece.shapes, _chosen_of(piece.given, rows)).answers.tally
        return piece._replace(
            batch=piece.batch.filter(pa.array(~gone)),
            contact=piece.contact[~gone],
            answers=piece.answers._replace(tally=less(piece.answers.tally, again)),
        )

    def _some(self, state: ChunkState, rows: np.ndarray, people: Contacts, history: TouchArrays) -> ChunkState:
        """Some contacts of a chunk, as a chunk of their own."""
        chunk = state.chunk.take(rows)
        return ChunkState(
            chunk=chunk,
            start=state.start,
            repeated=state.repeated[rows],
            people=people,
            history=history,
            scores=state.scores_of(rows),
            claims=state.claims_of(rows),
            apart=chunk.apart,
        )

    def _decide_late(
        self,
        state: ChunkState,
        rows_of: Mapping[str, int],
        contacts: Mapping[int, Contact],
        late: list[tuple[np.ndarray, Piece]],
        asks: Mapping[str, DecisionInputs],
        accept: Callable[[str, Decision], bool],
    ) -> Again:
        """Decide contacts of a chunk again, with what the ledger knows by now (`journeykit.ledger.proposal.Together`).

        Those that the kernels cannot decide fall back to the row engine.
        """
        known = {rows_of[name]: asked for name, asked in asks.items() if name in rows_of}
        again: dict[str, tuple[Decision, list[Reservation]]] = {}
        for before in state.pieces:
            # Contacts of one arm are decided together, by its rules.
            own = known if len(state.pieces) == 1 else {row: known[row] for row in _rows_in(before, known)}
            while own:
                rows, piece, found = self._decide_rows(state, contacts, own, before.decider)
                good = {
                    row: asked
                    for row, asked in own.items()
                    if row in found and accept(asked.contacts[0].id, found[row][0])
                }
                if len(good) == len(own):
                    late.append((rows, piece))
                    again |= {asked.contacts[0].id: found[row] for row, asked in own.items()}
                    break
                own = good
        return again

    def _decide_rows(
        self,
        state: ChunkState,
        contacts: Mapping[int, Contact],
        asks: Mapping[int, DecisionInputs],
        decider: DecidesChunks,
    ) -> tuple[np.ndarray, Piece, dict[int, tuple[Decision, list[Reservation]]]]:
        """Some contacts of a chunk, decided with other touches and opt-outs; those that the kernels can decide."""
        rows = np.array(sorted(asks), np.int64)
        chunk = state.chunk.take(rows)
        people = decider.engine.encoder.contacts(chunk)
        unable = chunk.apart | mark_opt_outs(people, [(contacts[row], asks[row].contacts[0]) for row in rows.tolist()])
        people.person["traits"][unable] |= BAD
        rules = decider.engine.decider
        history, parts = touch_arrays([asks[row] for row in rows.tolist()], rules.ruleset)
        own = decider.decide(self._some(state, rows, people, history), decider.shapes(parts))
        unable[own.answers.fallback] = True
        piece = own._replace(contact=rows[own.contact])
        able = {row: asks[row] for row in rows[~unable].tolist()}
        return rows, piece, decisions_of(grants_of(state, piece, self._messages), able, rules)


def _rows_in(piece: Piece, rows: Iterable[int]) -> list[int]:
    """The rows of some contacts, as far as they are in a piece, whose contacts ascend."""
    wanted = np.array(sorted(rows), np.int64)
    places = np.minimum(np.searchsorted(piece.contact, wanted), max(0, len(piece.contact) - 1))
    found: list[int] = wanted[piece.contact[places] == wanted].tolist() if len(piece.contact) else []
    return found


def _chosen_of(given: QuotaChoiceArrays, rows: np.ndarray) -> QuotaChoiceArrays:
    """What was chosen for some contacts of a chunk."""
    if not given.known:
        return given
    exempt_first, exempt = gathered(given.exempt_first, rows)
    main_first, main = gathered(given.main_first, rows)
    return QuotaChoiceArrays(
        known=given.known,
        exempt_first=exempt_first,
        exempt=given.exempt[exempt],
        main_first=main_first,
        main=given.main[main],
    )
