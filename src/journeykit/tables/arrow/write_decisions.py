"""Writing tables of decisions, column by column."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from journeykit.basics.clock import DAY, clock, day_date
from journeykit.basics.threads import Background
from journeykit.kernels.interface.codes import NONE
from journeykit.tables.arrow.arrays import as_numpy, is_known, numbers
from journeykit.tables.arrow.decision_schema import TEXT, coded_lists, decision_schema
from journeykit.tables.arrow.text_lines import TextLines
from journeykit.tables.decision_columns import DECISIONS, LISTS
from journeykit.tables.write_rows import output_file

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from journeykit.tables.folder_output import FolderOutput
    from journeykit.tables.partitioning import Partitioning

GROUP = 262_144
"""Rows of one group of a Parquet file: fixed, so that its bytes do not depend on how the work was cut."""
PART_GROUP = 65_536
"""Likewise of a file of a folder, of which many are written at once."""
_STATISTICS = ("contact_id", "send_at", "retry_at")
_PLAIN = ("decision_id", "contact_id", "account_id", "claim_id", "chance", "retry_at", *LISTS)
"""Columns without a dictionary: what differs from row to row."""
_LEVELS = 8_192
"""So many rows of lists are laid out at a time."""


@contextmanager
def batch_writer(
    path: str | os.PathLike[str],
    form: str | None,
    dictionaries: Callable[[], Mapping[str, pa.Array]],
    columns: Sequence[str] = tuple(DECISIONS),
) -> Iterator[Callable[[pa.RecordBatch], object]]:
    """A function that writes batches of decisions to a file, which appears whole or not at all.

    A thread of its own writes, while the caller makes the next batch; few batches wait.

    Args:
        path: the file; ``-`` is standard output.
        form: ``csv``, ``jsonl`` or ``parquet``; None for what the ending says.
        dictionaries: the run's own dictionaries, by column; asked for at the first batch.
        columns: the columns of the table, in their order.

    Raises:
        DataError: for an unknown ending.
        OSError: if the file cannot be written.
    """
    with output_file(path, form) as (kind, file):
        if kind == "parquet":
            with (
                ParquetGroups(file, dictionaries, columns) as groups,
                Background[pa.RecordBatch](groups.write) as background,
            ):
                yield background.put
        else:
            lines = TextLines(kind, columns)
            file.write(lines.head())
            with Background[pa.RecordBatch](lambda batch: file.writelines(lines.lines(batch))) as background:
                yield background.put


@contextmanager
def folder_batch_writer(
    output: FolderOutput,
    dictionaries: Callable[[], Mapping[str, pa.Array]],
    columns: Sequence[str],
) -> Iterator[Callable[[pa.RecordBatch], object]]:
    """A function that writes batches of decisions to a folder of Parquet files, which appears whole or not at all.

    Args:
        output: the folder.
        dictionaries: the run's own dictionaries, by column; asked for at the first batch.
        columns: the columns of the table, in their order; batches have those too that say where a row goes.

    Raises:
        DataError: for a folder that holds other things, too many values or names that are too long.
        OSError: if the folder cannot be written.
    """
    kept, partitioning = output.columns(columns), output.partitioning
    group = GROUP if partitioning is None else PART_GROUP

    @contextmanager
    def open_part(part: Path) -> Iterator[Callable[[pa.RecordBatch], None]]:
        with part.open("wb") as file, ParquetGroups(file, dictionaries, kept, group, output.mark) as groups:
            yield groups.write

    with output.writers(open_part) as writer:

        def write(batch: pa.RecordBatch) -> None:
            parts = [(None, batch)] if partitioning is None else rows_by_value(batch, partitioning)
            for value, own in parts:
                writer(value)(own.select(list(kept)))

        with Background[pa.RecordBatch](write) as background:
            yield background.put


def rows_by_value(batch: pa.RecordBatch, partitioning: Partitioning) -> Iterator[tuple[str | None, pa.RecordBatch]]:
    """The rows of a batch by the value that says where they go, each in their order."""
    codes, name = _days(batch, partitioning.zone) if partitioning.by == "day" else _words(batch.column(partitioning.by))
    order = np.argsort(codes, kind="stable")
    batch, codes = batch.take(numbers(order, pa.int64())), codes[order]
    first = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)] if len(codes) else []
    for start, stop in pairwise(first):
        yield name(int(codes[start])), batch.slice(start, stop - start)


def _words(column: pa.Array) -> tuple[np.ndarray, Callable[[int], str | None]]:
    """Numbers of the words of a column, and what they mean; -1 means no word."""
    words = column.dictionary.to_pylist()
    codes = np.where(is_known(column.indices), as_numpy(column.indices), -1)
    return codes, lambda code: None if code < 0 else words[code]


def _days(batch: pa.RecordBatch, zone: str) -> tuple[np.ndarray, Callable[[int], str | None]]:
    """The local day on which a row goes out, or could go after all, as a number, and its date; `NONE` means no day."""
    sent, later = batch.column("send_at"), batch.column("retry_at")
    known = is_known(sent) | is_known(later)
    at = np.where(is_known(sent), as_numpy(sent), as_numpy(later))
    days = np.full(len(at), NONE, np.int64)
    if known.any():
        own = at[known]
        since, ahead = np.array(clock(zone).offsets(int(own.min()), int(own.max())), np.int64).T
        days[known] = (own + ahead[np.searchsorted(since, own, side="right") - 1]) // DAY
    return days, lambda day: None if day == NONE else day_date(day).isoformat()


class ParquetGroups:
    """A Parquet file that is written in groups of a fixed number of rows.

    Args:
        file: the file, open for bytes.
        dictionaries: the run's own dictionaries, by column; asked for at each group.
        columns: the columns of the table, in their order.
        group: the rows of a group.
        mark: what the metadata of the file says besides.
    """

    def __init__(
        self,
        file: Any,
        dictionaries: Callable[[], Mapping[str, pa.Array]],
        columns: Sequence[str],
        group: int = GROUP,
        mark: Mapping[str, str] | None = None,
    ) -> None:
        self._file = file
        self._group = group
        self._dictionaries = dictionaries
        self._columns = columns
        self._mark = mark
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            while self._rows >= self._group:
                self._write_group(self._group)
            if self._rows or self._writer is None:
                self._write_group(self._rows)
        if self._writer is not None:
            if self._mark:
                self._writer.add_key_value_metadata(dict(self._mark))
            self._writer.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows, once there are enough of them for a group."""
        self._waiting.append(ids_as_text(batch))
        self._rows += batch.num_rows
        while self._rows >= self._group:
            self._write_group(self._group)

    def _write_group(self, rows: int) -> None:
        taken, self._rows = [], self._rows - rows
        while rows:
            batch = self._waiting[0]
            if batch.num_rows <= rows:
                taken.append(self._waiting.pop(0))
            else:
                taken.append(batch.slice(0, rows))
                self._waiting[0] = batch.slice(rows)
            rows -= taken[-1].num_rows
        known = self._dictionaries()
        schema = decision_schema(pa.large_string(), self._columns, coded=True)
        columns = [
            _column([batch.column(name) for batch in taken], schema.field(name).type, known.get(name))
            for name in self._columns
        ]
        table = pa.Table.from_arrays(columns, schema=schema)
        if self._writer is None:
            coded = [name for name in self._columns if name not in _PLAIN]
            leaves = {name: _leaf(name) for name in self._columns}
            self._writer = pq.ParquetWriter(
                self._file,
                schema,
                use_dictionary=[*coded, *(leaves[name] for name in LISTS if name in leaves)],
                compression={leaf: "NONE" if leaf == "decision_id" else "SNAPPY" for leaf in leaves.values()},
                write_statistics=[name for name in _STATISTICS if name in leaves],
                store_schema=False,
                write_batch_size=_LEVELS,
            )
        self._writer.write_table(table)


def _leaf(name: str) -> str:
    return f"{name}.list.element" if name in LISTS else name


def ids_as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Ids as text, as the format says."""
    place = batch.schema.get_field_index("contact_id")
    if place < 0 or batch.schema.field(place).type == pa.large_string():
        return batch
    return batch.set_column(place, "contact_id", batch.column(place).cast(pa.large_string()))


def _column(arrays: list[pa.Array], kind: pa.DataType, known: pa.Array | None) -> pa.ChunkedArray:
    """Pieces of a column, coded by the run's own dictionary; else by one that depends on these rows alone."""
    if known is None:
        return pa.chunked_array(arrays, kind)
    if kind == pa.list_(TEXT):
        if not all(array.values.dictionary.equals(known) for array in arrays):
            plain = pa.chunked_array([_plain_lists(array) for array in arrays]).combine_chunks()
            arrays = [coded_lists(plain, known)]
    elif pa.types.is_dictionary(kind) and not all(array.dictionary.equals(known) for array in arrays):
        texts = pa.chunked_array([array.dictionary_decode() for array in arrays], pa.string()).combine_chunks()
        codes = pc.index_in(texts, known)
        if codes.null_count == texts.null_count:
            arrays = [pa.DictionaryArray.from_arrays(codes, known)]
        else:
            arrays = [texts.dictionary_encode()]
    return pa.chunked_array(arrays, kind)


def _plain_lists(lists: pa.ListArray) -> pa.ListArray:
    first = as_numpy(lists.offsets)
    return pa.ListArray.from_arrays(numbers(first - first[0], pa.int32()), lists.flatten().dictionary_decode())
