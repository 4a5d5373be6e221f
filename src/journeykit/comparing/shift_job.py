"""A run over tables that decides contacts again whom a shifted number may concern, chunk by chunk, in one pass."""

from __future__ import annotations

from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np

from journeykit.basics.validation import MILLIONTH, scaled
from journeykit.columns.worker import Worker
from journeykit.comparing.rule_number import ShiftedLimit
from journeykit.comparing.shift_reach import ChunkClaims, ShiftReach, millionths, shifted_limits
from journeykit.comparing.shift_sums import ShiftSum, is_stopped, may_concern, rows_of
from journeykit.job.arm_chunks import engine_by_rules
from journeykit.job.chunk_decider import NOTHING_CHOSEN
from journeykit.job.table_job import TableJob
from journeykit.kernels.interface.codes import BAD, GRANTED_OUTCOME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.contact_index import ContactIndex
    from journeykit.columns.worker import BlockResult
    from journeykit.comparing.rule_number import RuleNumber
    from journeykit.engine.contact_group import ContactGroup, QuotaChoice
    from journeykit.engine.decider import Decider, GroupDecision
    from journeykit.engine.quota_charges import QuotaCharges
    from journeykit.job.chunk_state import ChunkState
    from journeykit.job.run import RunOptions
    from journeykit.job.table_job import DecidedPart
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.partitions import Partition

_COLUMNS = ("contact_id", "outcome", "reason", "weight", "binding")


class Shift(NamedTuple):
    """A number of a playbook, a unit more or less.

    Attributes:
        number: the place of the number among those that are asked for.
        direction: 1 for a unit more, -1 for one less.
        decider: the playbook with it.
    """

    number: int
    direction: int
    decider: Decider


class ChunkShifts(NamedTuple):
    """What shifts change in a chunk.

    Attributes:
        binds: by number, how many contacts the rule stops in something.
        sums: by place of a shift, what changed, as keyword arguments of `ShiftSum.add`.
        left: by place of a shift, the rows of contacts that the row engine must decide again.
    """

    binds: list[int]
    sums: dict[int, dict[str, int]]
    left: dict[int, list[int]]


class ShiftJob(TableJob):
    """Tables to decide, each contact again by those shifts that may concern them.

    For a playbook without quotas, experiments, exploration and caps per account.

    Args:
        decider: the playbook, compiled.
        numbers: the numbers that are asked for.
        shifts: the shifts.
        tables: as for `TableJob`.
        options: likewise.

    Attributes:
        sums: by shift, what it changes.
        binds: by number, how many contacts the rule stops in something.
    """

    def __init__(
        self,
        decider: Decider,
        numbers: Sequence[RuleNumber],
        shifts: Sequence[Shift],
        *tables: Any,
        zone: str | None = None,
        threads: int | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        self.numbers, self.shifts = numbers, shifts
        self.sums = [ShiftSum() for _ in shifts]
        self.binds = [0] * len(numbers)
        self._reserve = scaled(decider.playbook.reserve, MILLIONTH)
        options |= {"outcomes": "all", "columns": _COLUMNS}
        super().__init__(decider, *tables, zone=zone, threads=threads, **options)

    def _lay_out(self, met: ContactIndex, *, in_stretches: bool) -> None:
        super()._lay_out(met, in_stretches=in_stretches)
        engine = self.chunks.engine
        # Claims that are not eligible are counted, and have no rows.
        engine.everything = False
        self._again = _DecidedAgain(self, engine)

    def _decided(self, stretch: Partition | None, last: dict[str, int] | None) -> Iterator[DecidedPart]:
        """The rows of the contacts that are joined now; what shifts change is added up meanwhile."""
        assert last is None  # noqa: S101  (accounts are not decided together)
        shapes = self.chunks.shapes(self.reader.parts.list)

        def decide(given: tuple[Part | Chunk, int]) -> tuple[ChunkState, ChunkShifts]:
            state = self.chunks.decided(self.reader.state(given), shapes)
            return state, self._again.changes(state, shapes)

        for state, found in self.reader.at_once(decide, self.reader.numbered_parts(stretch)):
            yield self._finished(state)
            self._add(state, found)

    def _add(self, state: ChunkState, found: ChunkShifts) -> None:
        self.binds = [before + more for before, more in zip(self.binds, found.binds, strict=True)]
        for place, own in found.sums.items():
            self.sums[place].add(**own, reserve=self._reserve)
        for place, rows in found.left.items():
            for row in rows:
                group = self._fallback.group_at(state, row)
                if group is not None:
                    self._decide_again(
                        place, group, self.decider.decide_group(group, explain=False, run_id=self.run_id)
                    )

    def decide(self, group: ContactGroup, chosen: tuple[QuotaChoice, QuotaCharges] | None = None) -> GroupDecision:
        """Decide contacts that the columnar engine cannot handle, and again by the shifts that may concern them."""
        found = super().decide(group, chosen)
        for place, own in enumerate(self.numbers):
            self.binds[place] += any(is_stopped(own, row) for row in rows_of(found))
        for place, (number, direction, _) in enumerate(self.shifts):
            if may_concern(self.numbers[number], direction, found, is_plan=self.until is not None):
                self._decide_again(place, group, found)
        return found

    def _decide_again(self, place: int, group: ContactGroup, before: GroupDecision) -> None:
        after = self.shifts[place].decider.decide_group(group, explain=False, run_id=self.run_id)
        self.sums[place].add_group(before, after, self._reserve)


class _DecidedAgain:
    """Decides contacts of chunks again."""

    def __init__(self, job: ShiftJob, base: ColumnarEngine) -> None:
        self._numbers, self._shifts = job.numbers, job.shifts
        self._reach = ShiftReach(base)
        self._engines = [_engine_of(own.decider, base, job) for own in job.shifts]
        self._names = job.chunks.labels
        self._openings = np.array(self._names.opening, np.int64)
        keys = np.zeros(0, np.uint64)
        self._workers: SimpleQueue[Worker] = SimpleQueue()
        for _ in range(job.reader.threads):
            self._workers.put(Worker(base, ("weight",), self._names.names, keys))

    @contextmanager
    def _worker(self, engine: ColumnarEngine) -> Iterator[Worker]:
        """A worker, whose arrays fit each of the engines: nothing but numbers tells these apart."""
        worker = self._workers.get()
        try:
            worker.engine = engine
            yield worker
        finally:
            self._workers.put(worker)

    def changes(self, state: ChunkState, shapes: Any) -> ChunkShifts:
        """What shifts change in a chunk that is decided."""
        claims = ChunkClaims.of(state.pieces[0].answers, state.chunk.rows, self._openings)
        binds = [int(np.count_nonzero(self._reach.binds(number, claims))) for number in self._numbers]
        sums: dict[int, dict[str, int]] = {}
        left: dict[int, list[int]] = {}
        for place, (number, direction, _) in enumerate(self._shifts):
            wanted = self._reach.concerns(self._numbers[number], direction, state, shapes, claims)
            if not wanted.any():
                continue
            engine = self._engines[place]
            if not engine.can:
                left[place] = np.flatnonzero(wanted).tolist()
                continue
            answers = self._decided(engine, state, shapes, wanted)
            if len(answers.fallback):
                left[place] = answers.fallback.tolist()
                wanted[answers.fallback] = False
            sums[place] = _changed(claims, answers, wanted, len(self._openings))
        return ChunkShifts(binds, sums, left)

    def _decided(self, engine: ColumnarEngine, state: ChunkState, shapes: Any, wanted: np.ndarray) -> BlockResult:
        """What some contacts get."""
        person = state.people.person.copy()
        person["traits"][~wanted] |= BAD
        people = state.people.but(person=person)
        for cap in engine.layout.own_limits:
            if isinstance(cap.max, ShiftedLimit):
                column = engine.layout.own_limits.index(cap)
                people = people.but(limit=shifted_limits(people.limit, column, cap.max))
        with self._worker(engine) as worker:
            return worker.decide(
                state.chunk,
                people,
                state.history,
                shapes,
                state.scores,
                state.claims,
                self._names.when,
                NOTHING_CHOSEN,
            )


def _engine_of(decider: Decider, base: ColumnarEngine, job: ShiftJob) -> ColumnarEngine:
    """The playbook with a shift as arrays; of the decisions only what is granted is wanted."""
    engine = engine_by_rules(decider, base, job.reader, job.sides)
    # Contacts are read once: of their own limits, shifted ones too are known.
    engine.encoder, engine.zones = base.encoder, base.zones
    engine.last_outcome = GRANTED_OUTCOME
    return engine


def _changed(claims: ChunkClaims, answers: BlockResult, wanted: np.ndarray, labels: int) -> dict[str, int]:
    """What changed for some contacts."""
    old = claims.granted & wanted[claims.contact]
    size = answers.size
    contact = answers.rows.contact[:size].astype(np.int64)
    # Those that were left in the middle have rows too.
    new = wanted[contact]
    before = claims.contact[old] * labels + claims.label[old]
    after = contact[new] * labels + answers.rows.label[:size][new]
    weights = millionths(answers.rows.weight[:size])
    return {
        "weight": int(weights[new].sum()) - int(claims.weight[old].sum()),
        "messages": len(after) - len(before),
        "contacts": len(np.unique(np.setxor1d(before, after) // max(1, labels))),
        "decided": int(np.count_nonzero(wanted)),
    }
