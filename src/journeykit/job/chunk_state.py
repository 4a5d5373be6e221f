"""A chunk of contacts on its way: what belongs to them, then what was decided of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from attrs import field, frozen

from journeykit.basics.clock import moment
from journeykit.columns.chunk import Chunk
from journeykit.columns.claim_block import claim_arrays_at, gathered
from journeykit.columns.touch_columns import MARK
from journeykit.kernels.interface.contact_arrays import (
    ClaimArrays,
    Contacts,
    QuotaChoiceArrays,
    ScoreArrays,
    TouchArrays,
)
from journeykit.model.mismatch import Mismatches
from journeykit.model.touch import Touch
from journeykit.tables.score_table import key_of, score_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.worker import BlockResult
    from journeykit.engine.message import Message
    from journeykit.model.claim import Score


class DecidesChunks(Protocol):
    """What has decided a piece, and can decide some of its contacts again: a `journeykit.job.chunk_decider`."""

    engine: ColumnarEngine

    def shapes(self, parts: list[dict[str, Any]]) -> Any:
        """Kinds of touches, for the kernels."""

    def decide(self, state: ChunkState, shapes: Any, given: QuotaChoiceArrays = ...) -> Piece:
        """The decisions for the contacts of a chunk."""


class Piece(NamedTuple):
    """Decisions of the columnar engine.

    Attributes:
        batch: rows of the table of decisions.
        contact: for each of them, the row of its contact in the chunk.
        answers: what the rows are made of, and counts of all that was decided.
        decider: what decided them.
        shapes: the kinds of touches with which they were decided.
        given: what the run had chosen for the contacts of the chunk.
    """

    batch: pa.RecordBatch
    contact: np.ndarray
    answers: BlockResult
    decider: DecidesChunks
    shapes: Any
    given: QuotaChoiceArrays


@frozen(kw_only=True, eq=False)
class ChunkState:
    """A chunk of the table of contacts.

    Attributes:
        chunk: its rows.
        start: the number of its first contact.
        repeated: which rows are of a contact that an earlier row has.
        people: its contacts as the kernels read them.
        history: their touches.
        scores: what models say of them.
        claims: what is asked for; None where campaigns say it.
        apart: which contacts fall back to the row engine.
        cause: by contact, a `journeykit.columns.row_causes.RowCause`: why they fall back, if they do.
        mismatches: what was found in its cells.
        pieces: what the columnar engine has decided of the others, once it has.
    """

    chunk: Chunk
    start: int
    repeated: np.ndarray
    people: Contacts
    history: TouchArrays
    scores: ScoreArrays
    claims: ClaimArrays | None
    apart: np.ndarray
    cause: np.ndarray = field(factory=lambda: np.zeros(0, np.int8))
    mismatches: Mismatches = field(factory=Mismatches)
    pieces: tuple[Piece, ...] = ()

    @property
    def stop(self) -> int:
        """The number of the contact after its last one."""
        return self.start + self.chunk.rows

    def row_number(self, row: int) -> int:
        """The number of a row in its table."""
        return self.chunk.number + row

    def history_of(self, rows: np.ndarray) -> TouchArrays:
        """The touches of some of its contacts."""
        first, places = gathered(self.history.first, rows)
        return TouchArrays(first=first, at=self.history.at[places], shape=self.history.shape[places])

    def scores_of(self, rows: np.ndarray) -> ScoreArrays:
        """What models say of some of its contacts."""
        first, places = gathered(self.scores.first, rows)
        return own_scores(self.scores, first, places)

    def touches_of_one(self, row: int, kinds: Sequence[Mapping[str, Any]]) -> list[Touch]:
        """The touches of the contact of a row, for the row engine, which works rests out itself."""
        own = slice(int(self.history.first[row]), int(self.history.first[row + 1]))
        told = zip(self.history.at[own].tolist(), self.history.shape[own].tolist(), strict=True)
        return [Touch(at=moment(when), **kinds[what]) for when, what in told if MARK not in kinds[what]]

    def scores_of_one(self, row: int, openings: Sequence[Message]) -> dict[str | tuple[str, str | None], Score]:
        """What models say of the contact of a row, for the row engine; the scores are of some openings."""
        own = slice(int(self.scores.first[row]), int(self.scores.first[row + 1]))
        scores = self.scores.score[own].tolist()
        estimates = self.scores.estimate[own].tolist() or [()] * len(scores)
        return {
            key_of(openings[opening].campaign.id, openings[opening].content_id): score_of(propensity, value, estimate)
            for (opening, propensity, value), estimate in zip(scores, estimates, strict=True)
        }

    def claims_of(self, rows: np.ndarray) -> ClaimArrays | None:
        """The claims of some of its contacts."""
        return None if self.claims is None else claim_arrays_at(self.claims, rows)


def own_scores(scores: ScoreArrays, first: np.ndarray, places: np.ndarray | slice) -> ScoreArrays:
    """Some of the scores, with arrays to work on of their own: each thread has other contacts."""
    return type(scores)(
        first=first,
        score=scores.score[places],
        chance=scores.chance.copy(),
        worth=scores.worth.copy(),
        estimate=scores.estimate[places] if len(scores.estimate) else scores.estimate,
        estimated=scores.estimated.copy(),
    )
