"""Contacts that the columnar engine cannot handle: they fall back, one by one, to the row engine.

It cannot handle a cell that is hard to read, a claim that is there twice, very many touches, or a search that is too
long for the kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from journeykit.columns.decision_rows import ids_as_given
from journeykit.errors import ModelError
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.decision_batches import rows_batch
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.cells import BadCellError

if TYPE_CHECKING:
    from journeykit.engine.contact_group import ContactGroup
    from journeykit.engine.decider import Decided, GroupDecision
    from journeykit.job.chunk_state import ChunkState
    from journeykit.job.run import Run
    from journeykit.job.table_reader import TableReader
    from journeykit.model.contact import Contact
    from journeykit.model.decision import Decision
    from journeykit.tables.output_selection import OutputSelection


class Fallback:
    """Decides contacts of chunks by the row engine.

    Args:
        run: the run.
        reader: its tables.

    Attributes:
        known: by number of a contact, what is decided already and not counted yet; None where it cannot be decided.
        counted: likewise, what is counted too.
    """

    def __init__(self, run: Run, reader: TableReader) -> None:
        self.run = run
        self.reader = reader
        self.known: dict[int, tuple[Contact, Decided] | None] = {}
        self.counted: dict[int, Decision | None] = {}

    def contact(self, state: ChunkState, row: int) -> Contact | None:
        """The contact of a row; None, and a bad row is counted, where it cannot be read."""
        run, number = self.run, state.row_number(row)
        try:
            return self.reader.contact(state, row)
        except BadCellError as bad:
            column = getattr(bad, "__notes__", ["contact_id"])[0]
            found = BadRow(run.contact_source, number, column, bad.found, bad.allowed)
        except ModelError as error:
            found = BadRow.of_error(run.contact_source, number, error)
        run.bad.add(run.of_contact(found, state.chunk.ids[row].as_py()))
        return None

    def _group(self, state: ChunkState, row: int, contact: Contact, bad: BadRows | None = None) -> ContactGroup:
        """The contact of a row alone, with what belongs to them; bad claims are counted in `bad`, or in the run."""
        return self.run.group_of([contact], {contact.id: self.reader.contact_inputs(state, row, contact.id, bad)})

    def group_at(self, state: ChunkState, row: int) -> ContactGroup | None:
        """The contact of a row alone; None where it cannot be read, which is counted when its rows are written."""
        try:
            contact = self.reader.contact(state, row)
        except (BadCellError, ModelError):
            return None
        return self._group(state, row, contact, BadRows())

    def decide(self, state: ChunkState, row: int) -> GroupDecision | None:
        """What is decided of a row; None, and a bad row is counted, where it cannot be read."""
        contact = self.contact(state, row)
        if contact is None:
            return None
        return self.run.decide(self._group(state, row, contact), self.run.chosen(state.start + row))

    def decision(self, state: ChunkState, row: int) -> Decision | None:
        """What is decided of a row, counted; None where it cannot be decided."""
        number = state.start + row
        if number in self.counted:
            return self.counted.pop(number)
        if number in self.known:
            known = self.known.pop(number)
        else:
            found = self.decide(state, row)
            known = None if found is None else (found.group.contacts[0], found.decided[0])
        return None if known is None else self.run.count(state.row_number(row), *known)

    def merged(self, state: ChunkState, made: OutputSelection) -> tuple[pa.RecordBatch, np.ndarray, list[int]]:
        """All decisions of a chunk in the order of its contacts, of each the row of its contact; and who has none.

        Args:
            state: the chunk.
            made: which rows there are.
        """
        rows: list[Any] = []
        places: list[int] = []
        undecided = []
        for row in np.flatnonzero(state.apart).tolist():
            found = self.decision(state, row)
            if found is None:
                undecided.append(row)
                continue
            kept = made.rows(found.rows)
            rows += kept
            places += [row] * len(kept)
        pieces = [(piece.batch, piece.contact) for piece in state.pieces]
        if rows:
            ids = ids_as_given(state.chunk).take(pa.array(places)).to_pylist()
            pieces.append((rows_batch(rows, ids, state.pieces[0].batch.schema), np.array(places)))
        if len(pieces) == 1:
            return *pieces[0], undecided
        if not any(batch.num_rows for batch, _ in pieces):
            # Several arms, none of which has a row.
            return *pieces[0], undecided
        table = pa.Table.from_batches([batch for batch, _ in pieces]).unify_dictionaries()
        contact = np.concatenate([contact for _, contact in pieces])
        order = np.argsort(contact, kind="stable")
        return table.take(pa.array(order)).combine_chunks().to_batches()[0], contact[order], undecided
