"""The decisions of several playbooks, contact by contact in step."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from journeykit.comparing.decided_rows import DecidedRows, RowReader
    from journeykit.job import TableJob

_ROWS = 1 << 17
"""About so many rows of decisions are compared at a time."""


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
