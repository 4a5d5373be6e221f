"""Slices of a run with quotas: their problems are laid out first, and decided once it is known what the run chooses."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import pyarrow as pa
from attrs import define, evolve, field, frozen

from journeykit.columns.problem_pool import GrowingPool
from journeykit.engine.quota_charges import QuotaCharges
from journeykit.errors import DataError
from journeykit.job.arm_chunks import ArmChunks
from journeykit.job.contact_problems import ArmProblems, ContactProblems
from journeykit.quotas.chosen_claims import ArmChoices, ChosenClaims
from journeykit.quotas.pool_slice import PoolSlice
from journeykit.spark.part_counts import noting
from journeykit.spark.slice_job import SliceDecider, SliceJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from journeykit.arbiter import Arbiter
    from journeykit.columns.columnar_engine import ColumnarEngine
    from journeykit.columns.quota_arrays import QuotaLayout
    from journeykit.spark.decision_files import DecisionFiles

POOLED = pa.schema(
    {
        "number": pa.int64(),
        "contacts": pa.int64(),
        "careful": pa.int64(),
        "mark": pa.int64(),
        "buckets": pa.list_(pa.int32()),
        "present": pa.list_(pa.int32()),
        "pools": pa.list_(pa.binary()),
        "chosen": pa.binary(),
        "tables": pa.binary(),
    }
)
"""A slice whose problems are laid out: its number; how many contacts it has, and for how many of them caps that count
campaigns count messages; a mark of its problems, by which it is known again; the buckets that its task has met so far;
the numbers of the arms that have contacts who can be read; the problems by number of an arm, of one where there are no
experiments; what is chosen already; and the tables."""
_MOST_SLICES = 2**32
_OTHER = (
    "the tables are other ones than when the quotas were settled: keep them as they are until the decisions are "
    "written, with DataFrame.persist, or decide anew"
)


class QuotaSliceJob(SliceJob):
    """A `TableJob` over a slice of a run with quotas, which does not choose by itself.

    Args:
        arbiter: the arbiter.
        asks: what all claims of the run ask for.
        arms: the numbers of the arms that the run has contacts of; none for all that there are.
        given: what a `SliceJob` takes.
    """

    def __init__(
        self, arbiter: Arbiter, *, asks: Sequence[tuple[Any, ...]] = (), arms: Sequence[int] = (), **given: Any
    ) -> None:
        super().__init__(arbiter, **given)
        self.reader.asks = asks
        self.given_choices: GivenChoices | None = None
        every = () if self.decider.arms is None else tuple(self.decider.arms.every)
        self.reader.arms = arms or range(len(every))

    def lay_out(self) -> None:
        """Read the slice and lay the playbook out for it."""
        self.reader.touches.begin()
        self._lay_out(self.reader.join(None), in_stretches=False)

    @property
    def engines(self) -> dict[int, ColumnarEngine]:
        """The rules as arrays, by number of an arm of the run; by 0 where there are no experiments."""
        if isinstance(self.chunks, ArmChunks):
            return {own.number: own.decider.engine for own in self.chunks.arms}
        return {0: self.chunks.engine}

    @property
    def present(self) -> list[int]:
        """The numbers of the arms that have contacts who can be read; none where there are no experiments."""
        return self.chunks.present(self.reader) if isinstance(self.chunks, ArmChunks) else []

    def problems(
        self, contest: int, chosen: Mapping[int, ChosenClaims], number: int, *, several: bool
    ) -> tuple[dict[int, PoolSlice], np.ndarray]:
        """The problems of the contacts by number of the arm, and by contact the place of the arm.

        Args:
            contest: 0 for claims that need not obey caps, 1 for the others.
            chosen: what is chosen already, by number of the arm.
            number: the number of the slice.
            several: whether there are several levels.
        """
        arms, arm_of = None, np.zeros(self.reader.count, np.int64)
        if isinstance(self.chunks, ArmChunks):
            arms = ArmProblems(self, self.reader, self.chunks, self._fallback)
            arm_of = arms.arm_of
        found = {}
        for place, (arm, engine) in enumerate(self.engines.items()):
            alone = ContactProblems(self, self.reader, self.chunks, self._fallback, self.reader.state)
            problems = alone if arms is None else arms.of(place)
            growing = GrowingPool(len(engine.layout.quotas.columns))
            for pool, contact in problems.pools(contest, chosen[arm], several=several):
                growing.add(pool, contact)
            found[arm] = PoolSlice(growing.pool, growing.contact, number=number)
        return found, arm_of

    def _choose(self) -> None:
        """Take what is chosen; without it, as for tables without rows, the slice is all there is."""
        given, choices = self.given_choices, self.choices
        if given is None or choices is None:
            super()._choose()
            return
        engines = self.engines
        for engine in engines.values():
            engine.charge(choices.charges.of_arm(engine.decider.arm))
        choices.used = np.sum([given.used(arm, own.layout.quotas) for arm, own in engines.items()], axis=0)


@frozen
class QuotaPooling:
    """What a worker does first: lays out the problems of slice after slice.

    Attributes:
        decider: what the tables are, and how they are decided.
        asks: what all claims of the run ask for.
        contest: 0 where some claims need not obey caps, whose problems are laid out; else 1.
        several: whether there are several levels.
        empty: a slice without rows.
    """

    decider: SliceDecider
    asks: tuple[tuple[Any, ...], ...]
    contest: int
    several: bool
    empty: Mapping[str, pa.Table]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Slices whose problems are laid out (`POOLED`)."""
        number, buckets = _first_number(), set[int]()
        for tables in self.decider.slices(noting(batches, buckets)):
            yield self._first(tables, number, buckets)
            number += 1
        # One more without rows, for buckets that have none.
        yield self._first(self.empty, number, buckets)

    def _first(self, tables: Mapping[str, pa.Table], number: int, buckets: set[int]) -> pa.RecordBatch:
        job = self.job(tables)
        job.lay_out()
        choices = {arm: ChosenClaims(job.reader.count) for arm in job.engines}
        chosen = GivenChoices(choices, np.zeros(job.reader.count, np.int64))
        return self.pooled(job, self.contest, chosen, number, buckets, tables)

    def job(self, tables: Mapping[str, pa.Table], arms: tuple[int, ...] = ()) -> QuotaSliceJob:
        """The job over a slice."""
        return QuotaSliceJob(self.decider.shipped.arbiter(), asks=self.asks, arms=arms, **self.decider.given(tables))

    def pooled(
        self,
        job: QuotaSliceJob,
        contest: int,
        chosen: GivenChoices,
        number: int,
        buckets: Iterable[int],
        tables: Mapping[str, pa.Table],
    ) -> pa.RecordBatch:
        """A slice with the problems of a contest (`POOLED`)."""
        pools, chosen.arm_of = job.problems(contest, chosen.arms, number, several=self.several)
        blobs = [pickle.dumps(pools[arm], 5) if arm in pools else None for arm in range(max(pools) + 1)]
        row = {
            "number": number,
            "contacts": job.reader.count,
            "careful": sum(own.careful for own in chosen.arms.values()),
            "mark": _mark(pools.values()),
            "buckets": sorted(buckets),
            "present": job.present,
            "pools": blobs,
            "chosen": pickle.dumps(chosen, 5),
            "tables": pickle.dumps(tables, 5),
        }
        return pa.RecordBatch.from_pylist([row], schema=POOLED)


@frozen
class SettledSlices:
    """What became of the slices of a run since their problems were laid out.

    Attributes:
        contest: of which claims these problems were.
        marks: by number of a slice, the mark of its problems.
        arms: the numbers of the arms that share the quotas; none without experiments.
        changes: by number of an arm, what was done to its problems, the last of which says what is granted.
    """

    contest: int
    marks: Mapping[int, int]
    arms: tuple[int, ...]
    changes: Mapping[int, tuple[Callable[[PoolSlice], PoolSlice], ...]]

    def chosen(self, row: Mapping[str, Any]) -> GivenChoices:
        """What is chosen for the contacts of a slice.

        Raises:
            DataError: for a slice that is not the one whose problems were settled.
        """
        if self.marks.get(row["number"]) != row["mark"]:
            raise DataError(_OTHER, source="contacts")
        found: GivenChoices = pickle.loads(row["chosen"])  # noqa: S301  (made by this run)
        for arm, changes in self.changes.items():
            own = pickle.loads(row["pools"][arm])  # noqa: S301  (made by this run)
            found.take(arm, self.contest, reduce(lambda one, change: change(one), changes, own))
        return found


@define
class GivenChoices:
    """What is chosen for the contacts of a slice.

    Attributes:
        arms: the choices, by number of an arm.
        arm_of: by contact, the place of the contact's arm among these.
        kinds: by number of an arm, the kinds of the items that are granted.
        columns: likewise, what these have of each column.
    """

    arms: dict[int, ChosenClaims]
    arm_of: np.ndarray
    kinds: dict[int, list[np.ndarray]] = field(factory=dict)
    columns: dict[int, list[np.ndarray]] = field(factory=dict)

    def take(self, arm: int, contest: int, own: PoolSlice) -> None:
        """Take over what is granted to the contacts of an arm."""
        self.arms[arm].take(contest, [own])
        self.kinds.setdefault(arm, []).append(own.whole.item["kind"][own.taken])
        self.columns.setdefault(arm, []).append(own.whole.column[own.taken])

    def used(self, arm: int, quotas: QuotaLayout) -> np.ndarray:
        """By side of the quotas, what is granted to the contacts of an arm."""
        kind, column = np.concatenate(self.kinds[arm]), np.concatenate(self.columns[arm])
        found = quotas.fixed[kind].sum(axis=0)
        for side in np.flatnonzero(quotas.column >= 0).tolist():
            found[side] += (column[:, quotas.column[side]] * quotas.factor[kind, side]).sum()
        return found


@frozen
class NextPooling:
    """What a worker does where some claims need not obey caps, once these are settled: the problems of the others.

    Attributes:
        pooling: what was done first.
        settled: what was granted since.
    """

    pooling: QuotaPooling
    settled: SettledSlices

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Slices whose problems are laid out (`POOLED`)."""
        for row in _rows(batches):
            tables = pickle.loads(row["tables"])  # noqa: S301  (made by this run)
            chosen = self.settled.chosen(row)
            job = self.pooling.job(tables, self.settled.arms)
            job.lay_out()
            yield self.pooling.pooled(job, 1, chosen, row["number"], row["buckets"], tables)


@frozen
class QuotaDecider:
    """What a worker does last: decides slices by what the run chooses.

    Attributes:
        pooling: what was done first.
        settled: what was granted.
        charges: what the prices take from claims.
    """

    pooling: QuotaPooling
    settled: SettledSlices
    charges: QuotaCharges

    def writing(self, files: DecisionFiles) -> QuotaDecider:
        """The same, where tasks write the rows themselves."""
        return evolve(self, pooling=evolve(self.pooling, decider=self.pooling.decider.writing(files)))

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of the table of decisions, in batches."""
        buckets = set[int]()
        return self.pooling.decider.decided(self._jobs(batches, buckets), buckets)

    def _jobs(self, batches: Iterable[pa.RecordBatch], buckets: set[int]) -> Iterator[QuotaSliceJob]:
        for row in _rows(batches):
            buckets.update(row["buckets"])
            tables = pickle.loads(row["tables"])  # noqa: S301  (made by this run)
            job = self.pooling.job(tables, self.settled.arms)
            job.given_choices = chosen = self.settled.chosen(row)
            job.choices = ArmChoices(list(chosen.arms.values()), chosen.arm_of, self.charges)
            yield job


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """The rows of batches, one after the other."""
    for batch in batches:
        for place in range(batch.num_rows):
            yield batch.slice(place, 1).to_pylist()[0]


def _mark(pools: Iterable[PoolSlice]) -> int:
    """A mark of problems."""
    found = 0
    for own in pools:
        for table in (own.pool.key, own.pool.first, own.pool.item, own.pool.column):
            found = crc32(table.tobytes(), found)
    return found


def _first_number() -> int:
    """The number of the first slice of a task: no other task has it, and a task that is done again has the same."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else context.partitionId() * _MOST_SLICES
