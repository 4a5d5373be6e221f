"""Tables of decisions of the same runs, joined by contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from attrs import evolve

from journeykit.comparing.decided_blocks import ComparedBlock
from journeykit.comparing.decided_rows import DecidedRows
from journeykit.errors import DataError
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.tables.arrow.arrays import as_numpy
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from journeykit.comparing.decided_rows import RowReader
    from journeykit.tables.arrow.decision_log import DecisionLog

_ODD = np.uint64(0x9E3779B97F4A7C15)
_CONTACTS = 1 << 12
"""So many contacts of tables make a block."""
_TELLING = ("content_id", "channel", "claim_id")
"""Columns that tell claims of a campaign apart, where all tables have them."""
_OPTIONAL = (*_TELLING, "team", "rule", "weight", "send_at")
_NEEDED = ("contact_id", "campaign_id", "outcome", "reason", "decided_at")


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
        self._blank = self._lacking(logs)
        read = [self._read(log) for log in logs]
        self.left_out += [
            f"{log.source} has no denied claims (decide --all writes them): what it lacks may be denied"
            for log in logs
            if log.rows and not log.outcomes.get("denied")
        ]
        self.playbooks = [tuple(log.fingerprints) for log in logs]
        self.instants = self._common(logs, [at for _, at in read])
        self._rows = [self._of_runs(log, *own) for log, own in zip(logs, read, strict=True)]

    def _lacking(self, logs: Sequence[DecisionLog]) -> tuple[str, ...]:
        """Columns that tell claims apart, and not all tables have."""
        found = []
        for log in logs:
            for name in (*_TELLING, "weight"):
                if log.columns and name not in log.columns:
                    without = "no message has a value" if name == "weight" else "claims are matched without it"
                    self.left_out.append(f"{log.source} has no column {name}: {without}")
                    found.append(name)
        return tuple(name for name in _TELLING if name in found)

    def _read(self, log: DecisionLog) -> tuple[DecidedRows, NDArray[np.int64]]:
        parts, instants = [], []
        for piece in log.pieces(_NEEDED, _OPTIONAL):
            faults: dict[int, tuple[str, str, str]] = {}
            contact = self._numbers.meet(Column(piece.column("contact_id").combine_chunks()), len(piece), faults)
            if faults:
                row, (field, found, allowed) = next(iter(sorted(faults.items())))
                raise DataError(f"found {found}; allowed is {allowed}", source=log.source, row=row, field=field)
            parts.append(self._reader.read(self._told(piece), contact))
            instants.append(as_numpy(piece.column("decided_at").cast(pa.int64()).combine_chunks()))
        rows, at = DecidedRows.joined(parts), np.concatenate(instants)
        if (rows.contact[1:] >= rows.contact[:-1]).all():
            return rows, at
        order = np.argsort(rows.contact, kind="stable")
        return rows.take(order), at[order]

    def _told(self, piece: pa.Table) -> pa.Table:
        """A piece without what other tables do not have."""
        for name in self._blank:
            place = piece.schema.get_field_index(name)
            piece = piece.set_column(place, name, pa.nulls(len(piece), piece.schema.field(place).type))
        return piece

    def _common(self, logs: Sequence[DecisionLog], instants: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """The instants at which all tables have decisions."""
        # A table without rows decided nothing in the runs of the others.
        told = [(log, own) for log, own in zip(logs, map(np.unique, instants), strict=True) if len(own)]
        found = told[0][1] if told else np.zeros(0, np.int64)
        for log, own in told[1:]:
            found = np.intersect1d(found, own)
            if not len(found):
                raise DataError(
                    f"no row was decided at an instant of {told[0][0].source}: compare decisions of the same runs",
                    source=log.source,
                    field="decided_at",
                )
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
