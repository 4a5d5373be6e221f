"""The problems of the contacts of a columnar job, which are settled together where there are quotas."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.threads import at_once
from journeykit.errors import ModelError
from journeykit.model.bad_row import BadRow
from journeykit.quotas.round_problem import problem_of_round

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from journeykit.columns.chunk import Chunk
    from journeykit.job.arm_chunks import ArmChunks
    from journeykit.job.chunk_decider import ChunkDecider
    from journeykit.job.chunk_state import ChunkState
    from journeykit.job.fallback import Fallback
    from journeykit.job.run import Run
    from journeykit.job.table_reader import TableReader
    from journeykit.kernels.interface.problem_arrays import ProblemPool
    from journeykit.quotas.chosen_claims import ChosenClaims
    from journeykit.tables.arrow.adapters import Part


class ContactProblems:
    """Lays out the problems of the contacts of a table.

    Args:
        run: the run.
        reader: its tables.
        decider: lays out the problems of contacts.
        fallback: likewise, of those that the columnar engine cannot handle.
        state_of: gives a chunk for the kernels; the contacts whose problems are not wanted are marked `BAD`.
    """

    def __init__(
        self,
        run: Run,
        reader: TableReader,
        decider: ChunkDecider,
        fallback: Fallback,
        state_of: Callable[[tuple[Part | Chunk, int]], ChunkState],
    ) -> None:
        self._run = run
        self._state_of = state_of
        self._reader = reader
        self._decider = decider
        self._fallback = fallback
        self._shapes = decider.shapes(reader.parts.list)
        self._numbers: dict[object, int] = {
            opening: number for number, opening in enumerate(decider.engine.layout.list)
        }

    def pools(self, contest: int, chosen: ChosenClaims, *, several: bool) -> Iterator[tuple[ProblemPool, np.ndarray]]:
        """The problems, each pool with the numbers of its contacts, in the order of the table.

        Args:
            contest: 0 for claims that need not obey caps, 1 for the others.
            chosen: what is chosen already; it notes whom caps that count campaigns allow less.
            several: whether there are several levels.
        """

        def pool(given: tuple[Part | Chunk, int]) -> list[tuple[ProblemPool, np.ndarray]]:
            return self._pool(self._state_of(given), contest, chosen, several=several)

        parts = (part for part in self._reader.numbered_parts() if not isinstance(part, BadRow))
        for found in at_once(pool, parts, self._reader.threads):
            yield from found

    def _pool(
        self, state: ChunkState, contest: int, chosen: ChosenClaims, *, several: bool
    ) -> list[tuple[ProblemPool, np.ndarray]]:
        """The problems of a chunk's contacts, each with its contacts."""
        given = chosen.part(state.start, state.stop)
        pools, left = self._decider.pool(state, self._shapes, given, contest, several=several)
        for row in left:
            number = state.start + row
            group = self._fallback.group_at(state, row)
            try:
                rounds = None if group is None else self._run.decider.rounds(group, chosen.choice(number))
            except ModelError:
                continue
            own = None if rounds is None else rounds.main if contest else rounds.exempt
            if own is not None and own.items:
                quotas, key = self._decider.engine.layout.quotas, int(state.chunk.one[row])
                chosen.note_careful(number, own.problem)
                pool = problem_of_round(own, quotas, self._numbers, key, several=several)
                if pool.units and len(pool.item):
                    pools.append((pool, np.array([number])))
        return pools


class ArmProblems:
    """Lays out the problems of the contacts of each arm of an experiment.

    Args:
        run: the run.
        reader: its tables.
        chunks: lays out the problems of contacts, arm by arm.
        fallback: likewise, of those that the columnar engine cannot handle.

    Attributes:
        arm_of: by contact, the place of the contact's arm, once its problem was laid out.
    """

    def __init__(self, run: Run, reader: TableReader, chunks: ArmChunks, fallback: Fallback) -> None:
        self._run = run
        self._reader = reader
        self._chunks = chunks
        self._fallback = fallback
        self.arm_of = np.full(reader.count, -1, np.int64)

    def of(self, place: int) -> ContactProblems:
        """The problems of an arm, by its place among those of the run."""
        own = self._chunks.arms[place]
        return ContactProblems(self._run, self._reader, own.decider, self._fallback, partial(self._state, place))

    def _state(self, place: int, given: tuple[Part | Chunk, int]) -> ChunkState:
        state, own = self._reader.state(given), self._chunks.arms[place]
        mine = self._chunks.number_of(state.chunk) == own.number
        self.arm_of[state.start : state.stop][mine] = place
        return self._chunks.part(state, own, mine)
