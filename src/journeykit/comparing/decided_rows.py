"""Rows of decisions as numbers that several tables share, so that they can be laid side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import fields, frozen
from numpy.typing import NDArray

from journeykit.comparing.claim_numbers import ClaimNumbers, WordNumbers
from journeykit.measuring.cell_columns import id_marks
from journeykit.model.outcome import Outcome, Reason
from journeykit.tables.arrow.arrays import as_numpy, is_known
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTCOMES, REASONS = tuple(Outcome), tuple(Reason)
STATES = len(OUTCOMES) * len(REASONS)
"""So many pairs of reason and outcome there are; a state is one of them: the outcome, and three times the reason."""
GRANTED = len(OUTCOMES) * REASONS.index(Reason.GRANTED)
READ = ("campaign_id", "content_id", "channel", "team", "outcome", "reason", "rule", "weight", "send_at", "claim_id")
"""The columns of decisions that are compared."""


@frozen(eq=False, kw_only=True)
class DecidedRows:
    """Rows of decisions, by contact.

    Attributes:
        contact: the number of the contact, ascending.
        claim: what it asks to send, by its number in `ClaimNumbers`.
        own: a mark of the claim's own id; 0 without one.
        state: outcome and reason.
        rule: the number of the first rule that stops it.
        weight: nan where it was not weighed.
        send_at: when it goes out, in microseconds since 1970; 0 where it does not.
    """

    contact: NDArray[np.int64]
    claim: NDArray[np.int32]
    own: NDArray[np.uint64]
    state: NDArray[np.int16]
    rule: NDArray[np.int32]
    weight: NDArray[np.float64]
    send_at: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.contact)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> DecidedRows:
        """Some of the rows."""
        return DecidedRows(**{own.name: getattr(self, own.name)[rows] for own in fields(DecidedRows)})

    def between(self, start: int, stop: int) -> DecidedRows:
        """The rows of contacts with these numbers."""
        first, last = np.searchsorted(self.contact, [start, stop])
        return self.take(slice(int(first), int(last)))

    @staticmethod
    def joined(parts: list[DecidedRows]) -> DecidedRows:
        """Several after each other; the list is empty then, so that what was in it can go."""
        if len(parts) == 1:
            return parts[0]
        names = [own.name for own in fields(DecidedRows)]
        held = {name: [getattr(part, name) for part in parts] for name in names}
        parts.clear()
        return DecidedRows(**{name: np.concatenate(held.pop(name)) for name in names})


class RowReader:
    """Reads rows of decisions; several tables share the numbers of their claims and rules.

    Attributes:
        claims: the numbers of claims.
        rules: the numbers of rules.
    """

    def __init__(self) -> None:
        self.claims = ClaimNumbers()
        self.rules = WordNumbers()
        self._reasons: dict[tuple[str, ...], NDArray[np.int16]] = {}

    def read(self, rows: pa.RecordBatch | pa.Table, contact: NDArray[np.integer]) -> DecidedRows:
        """Read rows with the columns of `READ`, of which claims' own ids and instants may be left out.

        Args:
            rows: the rows.
            contact: by row, the number of its contact.
        """
        columns = {name: _one(rows.column(name)) for name in READ if name in rows.schema.names}
        outcome, reason = _numbered(columns["outcome"], OUTCOMES), _numbered(columns["reason"], REASONS)
        return DecidedRows(
            contact=contact.astype(np.int64),
            claim=self.claims.meet(columns),
            own=_marks(columns.get("claim_id"), len(contact)),
            state=outcome + np.int16(len(OUTCOMES)) * reason,
            rule=self.rules.meet(columns["rule"]),
            weight=_known(columns["weight"], np.nan),
            send_at=_known(columns["send_at"], 0) if "send_at" in columns else np.zeros(len(contact), np.int64),
        )


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column


def _numbered(column: pa.Array, words: Sequence[str]) -> NDArray[np.int16]:
    """The places of a coded column's rows among some words."""
    order = {word: place for place, word in enumerate(words)}
    places = np.array([order.get(word, 0) for word in column.dictionary.to_pylist()] or [0], np.int16)
    found: NDArray[np.int16] = places[as_numpy(column.indices)]
    return found


def _known(column: pa.Array, missing: float) -> NDArray[Any]:
    """The numbers or instants of a column."""
    if column.null_count == len(column):
        return np.full(len(column), missing, np.float64 if np.isnan(missing) else np.int64)
    found = as_numpy(column)
    # A copy lets go of the memory of all that was read with it.
    return np.where(is_known(column), found, found.dtype.type(missing)) if column.null_count else found.copy()


def _marks(column: pa.Array | None, rows: int) -> NDArray[np.uint64]:
    """Marks of the claims' own ids."""
    if column is None or column.null_count == rows:
        return np.zeros(rows, np.uint64)
    return id_marks(Column(column), rows, "claim_id", {})
