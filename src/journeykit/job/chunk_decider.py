"""Deciding chunks by the columnar engine, several at once."""

from __future__ import annotations

from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from journeykit.columns.decision_rows import decision_batch
from journeykit.columns.worker import Worker
from journeykit.job.chunk_state import Piece
from journeykit.kernels.interface.contact_arrays import QuotaChoiceArrays

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.decision_rows import ClaimIds
    from journeykit.job.arm_counts import ArmCounts
    from journeykit.job.chunk_state import ChunkState
    from journeykit.kernels.interface.problem_arrays import ProblemPool
    from journeykit.quotas.chosen_claims import ChosenClaims

NOTHING_CHOSEN = QuotaChoiceArrays(
    known=0,
    exempt_first=np.zeros(1, np.int64),
    exempt=np.zeros(0, np.int32),
    main_first=np.zeros(1, np.int64),
    main=np.zeros(0, np.int32),
)


class ChunkDecider:
    """Decides the contacts of chunks that do not fall back to the row engine.

    Args:
        engine: the playbook as arrays.
        labels: what claims are called.
        claim_ids: the numbers of the claims' ids.
        columns: the columns of the table of decisions that are made.
        coded: whether lists of texts are coded, as those are that are written.
        threads: how many chunks are decided at once.
    """

    def __init__(
        self,
        engine: ColumnarEngine,
        labels: ClaimIds,
        claim_ids: Mapping[str, int],
        columns: Sequence[str],
        *,
        threads: int,
        coded: bool = False,
    ) -> None:
        self.engine = engine
        self.labels = labels
        self._columns = columns
        self._coded = coded
        self._claim_ids = claim_ids
        self._workers: SimpleQueue[Worker] = SimpleQueue()
        keys = labels.keys if engine.explore.draws else np.zeros(0, np.uint64)
        for _ in range(threads):
            self._workers.put(Worker(engine, columns, labels.names, keys))

    @property
    def names(self) -> list[str]:
        """The arms of experiments, as decisions name them."""
        return []

    @property
    def asked_by_rows(self) -> list[str]:
        """The names of the policies that are asked claim by claim."""
        return [self.engine.playbook.policy] if self.engine.weigher.by_rows else []

    def count(self, state: ChunkState, arms: ArmCounts) -> None:
        """Count what was decided of a chunk by arm; without arms, and where accounts are decided, nothing."""

    @property
    def causes(self) -> Sequence[str]:
        """Why the row engine decides all contacts; none where it does not."""
        return self.engine.causes

    def shapes(self, parts: list[dict[str, Any]]) -> Any:
        """Kinds of touches, for the kernels."""
        return self.engine.layout.shapes(parts, self._claim_ids)

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self._workers.get()
        try:
            yield worker
        finally:
            self._workers.put(worker)

    def decided(self, state: ChunkState, shapes: Any, run: ChosenClaims | None = None) -> ChunkState:
        """A chunk with what is decided of its contacts; those that the kernels give up fall back too.

        Args:
            state: the chunk.
            shapes: the kinds of touches.
            run: what the run has chosen for its contacts; None where it chose nothing, or accounts are decided.
        """
        piece = self.decide(state, shapes, NOTHING_CHOSEN if run is None else run.part(state.start, state.stop))
        apart = state.apart.copy()
        apart[piece.answers.fallback] = True
        return evolve(state, apart=apart, pieces=(piece,))

    def decide(self, state: ChunkState, shapes: Any, given: QuotaChoiceArrays = NOTHING_CHOSEN) -> Piece:
        """The decisions for the contacts of a chunk."""
        with self._worker() as worker:
            chunk = state.chunk
            answers = worker.decide(
                chunk, state.people, state.history, shapes, state.scores, state.claims, self.labels.when, given
            )
            batch = decision_batch(self.engine, self.labels, chunk, answers, self._columns, coded=self._coded)
            return Piece(batch, answers.contact, answers, self, shapes, given)

    def pool(
        self, state: ChunkState, shapes: Any, given: QuotaChoiceArrays, obeys: int, *, several: bool
    ) -> tuple[list[tuple[ProblemPool, np.ndarray]], list[int]]:
        """The problems of the contacts of a chunk, each with its contacts; and the rows that fall back.

        Args:
            state: the chunk.
            shapes: the kinds of touches.
            given: what the run has chosen for its contacts already.
            obeys: 0 for claims that need not obey caps, 1 for the others.
            several: whether there are several levels.
        """
        with self._worker() as worker:
            found, left = worker.pool(
                state.chunk,
                state.people,
                state.history,
                shapes,
                state.scores,
                state.claims,
                given,
                obeys,
                several=several,
            )
        pools = [(pool, contact + state.start) for pool, contact in found]
        return pools, sorted({*np.flatnonzero(state.apart).tolist(), *left.tolist()})
