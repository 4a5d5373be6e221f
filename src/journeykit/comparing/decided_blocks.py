"""The decisions of several playbooks or tables, contact by contact in step."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from attrs import evolve

from journeykit.comparing.decided_rows import DecidedRows, RowReader
from journeykit.errors import DataError
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.tables.arrow.arrays import as_numpy
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from journeykit.job import TableJob
    from journeykit.tables.arrow.decision_log import DecisionLog

_ODD = np.uint64(0x9E3779B97F4A7C15)
_CONTACTS = 1 << 16
"""So many contacts of tables make a block."""
_ROWS = 1 << 17
"""About so many rows of decisions are compared at a time."""
_OPTIONAL = ("content_id", "channel", "team", "rule", "weight", "send_at", "claim_id")
_NEEDED = ("contact_id", "campaign_id", "outcome", "reason", "decided_at")


class SidePart(NamedTuple):
    """Contacts, and what one side decided of them.

    Attributes:
        start: the number of the first contact.
        ids: their ids.
        decided: which of them have a decision.
        rows: the decisions.
    """

    start: int
    ids: pa.Array
    decided: NDArray[np.bool_]
    rows: DecidedRows

    @property
    def stop(self) -> int:
        """The number after that of the last contact."""
        return self.start + len(self.ids)

    def between(self, start: int, stop: int) -> SidePart:
        """The part of contacts with these numbers."""
        own = slice(start - self.start, stop - self.start)
        return SidePart(start, self.ids[own], self.decided[own], self.rows.between(start, stop))


class ComparedBlock(NamedTuple):
    """Contacts with what each side decided of them.

    Attributes:
        start: the number of the first contact.
        ids: their ids.
        decided: by side, which of them have a decision.
        rows: by side, the decisions.
    """

    start: int
    ids: pa.Array
    decided: list[NDArray[np.bool_]]
    rows: list[DecidedRows]


def blocks_of_jobs(jobs: Sequence[TableJob], reader: RowReader) -> Iterator[ComparedBlock]:
    """What jobs over the same contacts decide, in step: no job is more than a chunk ahead."""
    sides = [_job_parts(job, reader) for job in jobs]
    held: list[deque[SidePart]] = [deque() for _ in sides]
    while True:
        for side, own in zip(sides, held, strict=True):
            if not own and (part := next(side, None)) is not None:
                own.append(part)
        if not all(held):
            return
        stop = min(own[0].stop for own in held)
        yield _block([_taken(own, stop) for own in held])


def _job_parts(job: TableJob, reader: RowReader) -> Iterator[SidePart]:
    """What a job decides, a few contacts at a time, so that their rows stay in the processor's cache."""
    for part in job.parts():
        chunk, rows = part.state.chunk, max(1, part.batch.num_rows)
        decided = np.ones(chunk.rows, np.bool_)
        decided[part.undecided] = False
        step = max(1, chunk.rows * _ROWS // rows)
        for start in range(0, chunk.rows, step):
            stop = min(start + step, chunk.rows)
            ends = np.array([start, stop], part.contact.dtype)
            first, last = np.searchsorted(part.contact, ends).tolist()
            contact = part.contact[first:last].astype(np.int64) + part.state.start
            own = reader.read(part.batch.slice(first, last - first), contact)
            yield SidePart(part.state.start + start, chunk.ids[start:stop], decided[start:stop], own)


def _taken(held: deque[SidePart], stop: int) -> SidePart:
    """The part of the first contacts that a side holds; the rest goes back."""
    part = held.popleft()
    if part.stop > stop:
        held.appendleft(part.between(stop, part.stop))
    return part.between(part.start, stop)


def _block(parts: Sequence[SidePart]) -> ComparedBlock:
    return ComparedBlock(parts[0].start, parts[0].ids, [own.decided for own in parts], [own.rows for own in parts])


class DecisionTables:
    """Tables of decisions of the same runs, joined by contact.

    Args:
        logs: the tables.
        reader: reads their rows.

    Attributes:
        left_out: what was left out, for people.
        instants: the instants at which all of them decided, in microseconds.
        playbooks: by table, the fingerprints of the playbooks that decided.
    """

    def __init__(self, logs: Sequence[DecisionLog], reader: RowReader) -> None:
        self._numbers = ContactNumbers()
        self._reader = reader
        self.left_out: list[str] = []
        read = [self._read(log) for log in logs]
        self.playbooks = [tuple(log.fingerprints) for log in logs]
        self.instants = self._common(logs, [at for _, at in read])
        self._rows = [self._of_runs(log, *own) for log, own in zip(logs, read, strict=True)]

    def _read(self, log: DecisionLog) -> tuple[DecidedRows, NDArray[np.int64]]:
        parts, instants = [], []
        for piece in log.pieces(_NEEDED, _OPTIONAL):
            faults: dict[int, tuple[str, str, str]] = {}
            contact = self._numbers.meet(Column(piece.column("contact_id").combine_chunks()), len(piece), faults)
            if faults:
                row, (field, found, allowed) = next(iter(sorted(faults.items())))
                raise DataError(f"found {found}; allowed is {allowed}", source=log.source, row=row, field=field)
            parts.append(self._reader.read(piece, contact))
            instants.append(as_numpy(piece.column("decided_at").cast(pa.int64()).combine_chunks()))
        rows, at = DecidedRows.joined(parts), np.concatenate(instants)
        order = np.argsort(rows.contact, kind="stable")
        return rows.take(order), at[order]

    def _common(self, logs: Sequence[DecisionLog], instants: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """The instants at which all tables have decisions."""
        found = np.unique(instants[0])
        for log, own in zip(logs[1:], instants[1:], strict=True):
            both = np.intersect1d(found, own)
            if len(found) and len(own) and not len(both):
                raise DataError(
                    f"no row was decided at an instant of {logs[0].source}: compare decisions of the same runs",
                    source=log.source,
                    field="decided_at",
                )
            found = both
        return found

    def _of_runs(self, log: DecisionLog, rows: DecidedRows, at: NDArray[np.int64]) -> DecidedRows:
        """The rows of the runs that all have; of several runs a claim of each is another claim."""
        kept = np.isin(at, self.instants)
        if not kept.all():
            self.left_out.append(f"{log.source}: rows of runs that not all tables have, left out: {(~kept).sum():,}")
            rows, at = rows.take(kept), at[kept]
        if len(self.instants) > 1:
            rows = evolve(rows, own=rows.own ^ (at.astype(np.uint64) * _ODD))
        return rows

    def blocks(self) -> Iterator[ComparedBlock]:
        """The decisions, some contacts at a time, in the order in which contacts are met."""
        ids = self._numbers.ids
        for start in range(0, max(1, len(ids)), _CONTACTS):
            stop = min(start + _CONTACTS, len(ids))
            rows = [own.between(start, stop) for own in self._rows]
            decided = []
            for own in rows:
                met = np.zeros(stop - start, np.bool_)
                met[own.contact - start] = True
                decided.append(met)
            yield ComparedBlock(start, ids[start:stop], decided, rows)
