"""Logs of decisions: tables that `journeykit decide` wrote, however they come, piece by piece with one schema."""

from __future__ import annotations

import copy
import os
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from journeykit.basics.clock import moment
from journeykit.errors import DataError
from journeykit.model.bad_row import BadRow
from journeykit.model.outcome import Outcome, Reason
from journeykit.tables.arrow.arrays import as_numpy, is_known
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.decision_cells import CellReader, TextNumbers
from journeykit.tables.arrow.decision_schema import TEXT, decision_schema
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.decision_columns import DECISIONS
from journeykit.tables.header import fold_name, missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from journeykit.playbook.playbook import Playbook
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.arrow_table import ArrowTable

_FACTS = ("playbook", "run_id", "decided_at", "outcome")
"""Columns that are read in every pass, where they are there."""
_FILLED = ("contact_id", "outcome", "reason", "decided_at")
"""Columns that have something in every row."""
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "outcome": tuple(own.value for own in Outcome),
    "reason": tuple(own.value for own in Reason),
}


class DecisionLog:
    """Decisions as they come, as Arrow tables of one schema, piece by piece, again and again.

    Every piece has the columns that are asked for, in their order, and nothing else. Of texts that come again and
    again a piece holds codes (a dictionary of Arrow), and a code means the same in all pieces of a pass. Ids of
    decisions, contacts, accounts and claims are plain texts. Numbers are floats, instants are in UTC, lists of texts
    are never null. So it is of every format: a CSV file gives what a Parquet file gives.

    Args:
        source: the path of a CSV, JSON lines or Parquet file, or of a folder of Parquet files, partitioned or not; a
            list of such paths, read one after the other; a dataframe, an Arrow table, or rows as mappings.
        name: what messages call what is no file.
        zone: the zone in which instants without an offset are meant.

    Attributes:
        source: what messages call it.
        rows: how many rows were met; this and what follows is of the last pass, as far as it went.
        fingerprints: of how many rows each playbook is the one that decided them, by its fingerprint; none where the
            column ``playbook`` is missing.
        runs: how many rows each run has, by its name; none where ``run_id`` is missing.
        outcomes: how many rows have each outcome; none where ``outcome`` is missing.
        instants: the earliest and the latest ``decided_at``; None without rows, or where the column is missing.

    Raises:
        DataError: for a table that cannot be read.

    Example:
        >>> row = {"contact_id": 7, "campaign_id": "news", "outcome": "granted", "lost_to": ""}
        >>> log = DecisionLog([row, {**row, "contact_id": 8, "lost_to": "sale;fair"}])
        >>> [piece.to_pylist() for piece in log.pieces(["contact_id", "lost_to"])]
        [[{'contact_id': '7', 'lost_to': []}, {'contact_id': '8', 'lost_to': ['sale', 'fair']}]]
        >>> log.rows, log.outcomes
        (2, {'granted': 2})
    """

    def __init__(self, source: Any, *, name: str = "decisions", zone: tzinfo | None = None) -> None:
        is_list = isinstance(source, list | tuple) and bool(source)
        are_paths = is_list and all(isinstance(own, str | os.PathLike) for own in source)
        self._tables = [open_source(own, name, zone=zone) for own in (source if are_paths else [source])]
        self.source = self._tables[0].source if len(self._tables) == 1 else name
        self._zone = zone
        self._wanted: str | None = None
        self._begin()

    def _begin(self) -> None:
        self._words = {name: TextNumbers() for name in DECISIONS if _kind(name) == TEXT}
        self._counts: dict[str, Counter[int]] = {name: Counter() for name in ("playbook", "run_id", "outcome")}
        self._instants: tuple[int, int] | None = None
        self.rows = 0

    @property
    def fingerprints(self) -> dict[str, int]:
        """How many rows each playbook decided, by fingerprint."""
        return self._counted("playbook")

    @property
    def runs(self) -> dict[str, int]:
        """How many rows each run has."""
        return self._counted("run_id")

    @property
    def outcomes(self) -> dict[str, int]:
        """How many rows have each outcome."""
        return self._counted("outcome")

    @property
    def instants(self) -> tuple[datetime, datetime] | None:
        """The earliest and the latest instant of decisions."""
        return None if self._instants is None else (moment(self._instants[0]), moment(self._instants[1]))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `DECISIONS` that all its tables have, as far as that is known before rows are read."""
        known = [{fold_name(str(name)) for name in table.names} for table in self._tables]
        return tuple(name for name in DECISIONS if all(name in own for own in known))

    def of_playbook(self, playbook: Playbook) -> Self:
        """The same log, which refuses rows that another playbook decided.

        Args:
            playbook: the playbook. The column ``playbook`` must be there.
        """
        found = copy.copy(self)
        found._wanted = playbook.fingerprint  # noqa: SLF001  (its own copy)
        found._begin()  # noqa: SLF001
        return found

    def need(self, columns: Sequence[str]) -> None:
        """Refuse tables that lack a column, where that is known before rows are read.

        Raises:
            DataError: naming the file, the column, what there is, and what writes it.
        """
        for table in self._tables:
            if table.columns is not None:
                places = places_of(table.columns, table.source)
                for name in columns:
                    if name not in places:
                        raise _lacks(name, table.columns, table.source)

    def table(self, columns: Sequence[str], optional: Sequence[str] = ()) -> pa.Table:
        """All pieces as one table; see `pieces`."""
        return pa.concat_tables(self.pieces(columns, optional)).unify_dictionaries()

    def pieces(self, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[pa.Table]:
        """The rows in their order, some ten thousand at a time. At least one piece, which may have no rows.

        Args:
            columns: columns of `DECISIONS` that it must have.
            optional: columns that it may lack; they are null then, lists empty.

        Raises:
            DataError: for a table that lacks a column, a cell that cannot be read, or a row of another playbook.
        """
        self._begin()
        names = (*columns, *(name for name in optional if name not in columns))
        needed = tuple(columns) if self._wanted is None else tuple(dict.fromkeys((*columns, "playbook")))
        schema = decision_schema(pa.large_string(), names)
        self.need(needed)
        count = 0
        for table in self._tables:
            for piece in self._pieces_of(table, needed, schema):
                count += 1
                yield piece
        if not count:
            yield schema.empty_table()

    def _pieces_of(self, table: ArrowTable, needed: Sequence[str], schema: pa.Schema) -> Iterator[pa.Table]:
        asked = {*schema.names, *needed, *_FACTS}
        cells = CellReader(table.source, self._zone)
        # Where rows bring their own columns, the first of them show which there are.
        lacking = needed
        for part in table.parts(lambda name: fold_name(name) in asked):
            if isinstance(part, BadRow):
                message = f"found {part.found}; allowed is {part.allowed}"
                raise DataError(message, source=part.source, row=part.row or None, field=part.field)
            places = places_of(part[1], table.source)
            for name in lacking:
                if name not in places:
                    raise _lacks(name, table.names, table.source)
            lacking = ()
            yield self._piece(part, places, schema, cells)

    def _piece(self, part: Part, places: Mapping[str, int], schema: pa.Schema, cells: CellReader) -> pa.Table:
        cells.number, _, arrays = part
        columns = {name: Column(arrays[place]) for name, place in places.items()}
        rows = max(map(len, columns.values()), default=0)
        found = {name: self._read(name, columns[name], cells) for name in columns if name in DECISIONS}
        self._count(found, rows, cells)
        return pa.Table.from_arrays(
            [found[name] if name in found else _nothing(rows, schema.field(name).type) for name in schema.names],
            schema=schema,
        )

    def _read(self, name: str, column: Column, cells: CellReader) -> pa.Array:
        """A column with the type that it has in every log."""
        kind = DECISIONS[name]
        if kind == "number":
            return cells.numbers(name, column)
        if kind == "instant":
            return cells.instants(name, column, is_filled=name in _FILLED)
        if kind == "texts":
            return cells.lists(name, column)
        if name not in self._words:
            return cells.texts(name, column, is_filled=name in _FILLED, large=name == "contact_id")
        return cells.coded(name, column, self._words[name], is_filled=name in _FILLED, allowed=_ALLOWED.get(name))

    def _count(self, found: Mapping[str, pa.Array], rows: int, cells: CellReader) -> None:
        """Count what every pass says; refuse rows of another playbook."""
        for name, counts in self._counts.items():
            if name in found:
                codes = as_numpy(found[name].indices)[is_known(found[name].indices)]
                for code in np.flatnonzero(own := np.bincount(codes)).tolist():
                    counts[code] += int(own[code])
        if self._wanted is not None and rows:
            self._need_wanted(found["playbook"] if "playbook" in found else _nothing(rows, TEXT), cells)
        if "decided_at" in found and rows:
            at = as_numpy(found["decided_at"])
            least, most = self._instants or (int(at[0]), int(at[0]))
            self._instants = min(least, int(at.min())), max(most, int(at.max()))
        self.rows += rows

    def _need_wanted(self, column: pa.Array, cells: CellReader) -> None:
        words = column.dictionary.to_pylist()
        codes = np.where(is_known(column.indices), as_numpy(column.indices), -1)
        own = words.index(self._wanted) if self._wanted in words else -2
        other = np.flatnonzero(codes != own)
        if len(other):
            code = int(codes[other[0]])
            found = "no playbook" if code < 0 else f"the playbook {words[code][:12]}..."
            raise DataError(
                f"decided by {found}, and {(self._wanted or '')[:12]}... is given; give the playbook that decided, or "
                "decide again with this one",
                source=cells.source,
                row=cells.number + int(other[0]),
                field="playbook",
            )

    def _counted(self, name: str) -> dict[str, int]:
        words = self._words[name].texts
        return {words[code]: count for code, count in sorted(self._counts[name].items())}


def _kind(name: str) -> pa.DataType:
    return decision_schema(pa.large_string(), [name]).field(name).type


def _nothing(rows: int, kind: pa.DataType) -> pa.Array:
    """A column that a table lacks."""
    return pa.array([[]] * rows, kind) if pa.types.is_list(kind) else pa.nulls(rows, kind)


def _lacks(name: str, columns: Sequence[Any], source: str) -> DataError:
    """The error for a column that is missing, with what writes it."""
    found = missing_column(name, [str(own) for own in columns], source)
    writes = "`journeykit decide` writes it, unless --columns leaves it out"
    return DataError(f"{found.message}; {writes}", source=source, field=name)
