"""Choosing for all contacts of a columnar job together, so that the quotas hold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from journeykit.basics.threads import at_once
from journeykit.engine.contact_group import grouped
from journeykit.errors import InfeasibleError, ModelError
from journeykit.job.arm_chunks import ArmChunks
from journeykit.model.bad_row import BadRow
from journeykit.quotas.arm_quotas import ArmQuotaRun, ArmRun, choose_for_groups, said_of_arm
from journeykit.quotas.quota_run import QuotaRun, pooled
from journeykit.quotas.round_problem import problem_of_round

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeykit.columns.chunk import Chunk
    from journeykit.engine.contact_group import ContactGroup
    from journeykit.job.chunk_decider import ChunkDecider
    from journeykit.job.chunk_state import ChunkState
    from journeykit.job.fallback import Fallback
    from journeykit.job.run import Run
    from journeykit.job.table_reader import TableReader
    from journeykit.kernels.interface.problem_arrays import ProblemPool
    from journeykit.model.contact import Contact
    from journeykit.tables.arrow.adapters import Part


def choose_for_all(run: Run, reader: TableReader, decider: ChunkDecider, fallback: Fallback) -> QuotaRun:
    """What the run chooses; where the playbook has caps per account, by the row engine, account by account."""
    if run.decider.by_account:
        return _choose_by_account(run, reader, fallback)
    if isinstance(decider, ArmChunks):
        return _choose_by_arm(run, reader, decider, fallback)
    found = TableQuotas(run, reader, decider, fallback, reader.state)
    found.choose()
    return found.quota_run


def _choose_by_arm(run: Run, reader: TableReader, chunks: ArmChunks, fallback: Fallback) -> QuotaRun:
    """What the run chooses, for the contacts of each arm apart."""
    arm_of = np.full(reader.count, -1, np.int64)

    def state_of(place: int, given: tuple[Part | Chunk, int]) -> ChunkState:
        state = reader.state(given)
        mine = chunks.number_of(state.chunk) == chunks.arms[place].number
        arm_of[state.start : state.stop][mine] = place
        return chunks.part(state, chunks.arms[place], mine)

    arms = []
    for place, own in enumerate(chunks.arms):
        found = TableQuotas(run, reader, own.decider, fallback, partial(state_of, place))
        arm = own.decider.engine.decider.arm
        try:
            found.choose()
        except InfeasibleError as error:
            raise said_of_arm(error, arm) from None
        arms.append(ArmRun(arm, own.share, found.quota_run))
    return ArmQuotaRun(arms, arm_of, run.sides, fingerprint=run.decider.fingerprint)


class TableQuotas:
    """Pools the problems of the contacts of a table, and allocates them.

    Args:
        run: the run.
        reader: its tables.
        decider: lays out the problems of contacts.
        fallback: likewise, of those that the columnar engine cannot handle.
        state_of: gives a chunk for the kernels; the contacts that are not chosen for here are marked `BAD`.

    Attributes:
        quota_run: what is chosen.
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
        engine = decider.engine
        self._shapes = decider.shapes(reader.parts.list)
        self._numbers: dict[object, int] = {opening: number for number, opening in enumerate(engine.layout.list)}
        self.quota_run = QuotaRun(
            engine.playbook,
            engine.layout,
            fingerprint=run.decider.fingerprint,
            contacts=reader.count,
            threads=reader.threads,
            ranks=engine.weigher.ranker is not None,
        )

    def choose(self) -> None:
        """Choose, first for the claims that need not obey caps."""
        for obeys in self.quota_run.contests:

            def pool(given: tuple[Part | Chunk, int], obeys: int = obeys) -> list[tuple[ProblemPool, np.ndarray]]:
                return self._pool(self._state_of(given), obeys)

            parts = (part for part in self._reader.numbered_parts() if not isinstance(part, BadRow))
            self.quota_run.choose(obeys, pooled(at_once(pool, parts, self._reader.threads)))
        self._decider.engine.charge(self.quota_run.charges)

    def _pool(self, state: ChunkState, obeys: int) -> list[tuple[ProblemPool, np.ndarray]]:
        """The problems of a chunk's contacts, each with its contacts."""
        run = self.quota_run
        given = run.part(state.start, state.stop)
        pools, left = self._decider.pool(state, self._shapes, given, obeys, several=run.several)
        for row in left:
            number = state.start + row
            group = self._fallback.group_at(state, row)
            try:
                rounds = None if group is None else self._run.decider.rounds(group, run.choice(number))
            except ModelError:
                continue
            own = None if rounds is None else rounds.main if obeys else rounds.exempt
            if own is not None and own.items:
                quotas, key = self._decider.engine.layout.quotas, int(state.chunk.one[row])
                run.note_careful(number, own.problem)
                pool = problem_of_round(own, quotas, self._numbers, key, several=run.several)
                if pool.units and len(pool.item):
                    pools.append((pool, np.array([number])))
        return pools


def _choose_by_account(run: Run, reader: TableReader, fallback: Fallback) -> QuotaRun:
    alone: dict[str, ContactGroup] = {}
    for given in reader.numbered_parts():
        if isinstance(given, BadRow):
            continue
        state = reader.state(given)
        for row in range(state.chunk.rows):
            group = fallback.group_at(state, row)
            if group is not None:
                alone[group.contacts[0].id] = group

    def together(contacts: list[Contact]) -> ContactGroup:
        return run.group_of(contacts, {own.id: alone[own.id].inputs[own.id] for own in contacts})

    groups = grouped((group.contacts[0] for group in alone.values()), together, by_account=True)
    return choose_for_groups(run.decider, groups, claims=run.claims_given, threads=reader.threads, sides=run.sides)
