"""Parquet files as one table, batch by batch."""

from __future__ import annotations

import os
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from journeykit.errors import DataError
from journeykit.tables.arrow import arrow_table
from journeykit.tables.arrow.arrays import texts
from journeykit.tables.arrow.arrow_table import ArrowTable, Range, need_different_names
from journeykit.tables.arrow.arrow_values import uuid_columns, uuid_texts
from journeykit.tables.arrow.column_kinds import kind_of
from journeykit.tables.file_identity import FileIdentity
from journeykit.tables.folders import cells_by_column, parts_of, united
from journeykit.tables.formats import called, readable
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from journeykit.model.bad_row import BadRow
    from journeykit.tables.arrow.adapters import Arrays, Part

_FEW_TEXTS = 65_536
"""So many bytes the different texts of a column may take in each group of rows, for it to be read by code."""


class ParquetFiles(ArrowTable):
    """A Parquet file, several of them, or a folder: one table, with the columns of all of them.

    Args:
        name: what messages call it.
        paths: the files.
        cells: what the names of folders say of each file's rows.
    """

    def __init__(self, name: str, paths: Sequence[str], cells: Sequence[Mapping[str, str | int | None]] = ()) -> None:
        self.source = name
        self.paths = tuple(paths)
        self._identities: dict[str, FileIdentity] = {}
        self.count = 0
        # Where each group of rows lies: its file, its number there, how many rows it has, and that of its first row.
        self._groups: list[tuple[str, int, int, int]] = []
        self._metadata: list[Any] = []
        schemas = []
        for path in paths:
            with readable(path):
                self._identities[path] = FileIdentity(path)
            with open_parquet(self._identities[path]) as file:
                schemas.append(file.schema_arrow)
                need_different_names(file.schema_arrow.names, called(path))
                for group in range(file.metadata.num_row_groups):
                    rows = file.metadata.row_group(group).num_rows
                    self._groups.append((path, group, rows, self.count + 1))
                    self.count += rows
                self._metadata.append(file.metadata)
        found = united([schema.names for schema in schemas], cells)
        self.columns = found.columns
        self._own = dict(zip(paths, found.own, strict=True))
        self._cells = {path: cells_by_column(found.columns, own) for path, own in zip(paths, cells, strict=False)}
        # What a file lacks has the kind that it has in another one.
        self._kinds = {
            name: schema.field(column).type
            for schema, own in zip(schemas, found.own, strict=True)
            for name, column in own.items()
        }

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of its columns; of those that only folders name, what their names say."""
        told = {
            name: "whole" if isinstance(cell, int) else "text"
            for own in self._cells.values()
            for name, cell in own.items()
            if cell is not None
        }
        return told | {name: kind_of(kind) for name, kind in self._kinds.items()}

    def parts(self, wanted: Callable[[str], bool], groups: Sequence[int] | None = None) -> Iterator[Part | BadRow]:
        """The chunks in order; see `ArrowTable`."""
        chosen = self._groups if groups is None else [self._groups[group] for group in groups]
        return self._batches(tuple(name for name in self.columns or () if wanted(name)), chosen)

    def batches(self, names: tuple[str, ...]) -> Iterator[Part]:
        """All chunks in order, with some columns."""
        return self._batches(names, self._groups)

    def bytes_read(self, names: Sequence[str], groups: Sequence[int] | None = None) -> int:
        """About how many bytes some columns have once they are read; see `ArrowTable`."""
        chosen = self._groups if groups is None else [self._groups[group] for group in groups]
        rows = sum(own[2] for own in chosen)
        metadata = dict(zip(self.paths, self._metadata, strict=True))
        found = 0
        for path, own in groupby(chosen, key=itemgetter(0)):
            columns = _places(metadata[path], {self._own[path][name] for name in names if name in self._own[path]})
            for _, group, _, _ in own:
                told = metadata[path].row_group(group)
                found += sum(told.column(place).total_uncompressed_size for place in columns.values())
        # What is packed in the file takes eight bytes for each cell at most, besides the texts.
        return found + 8 * rows * len(names)

    def _coded(self, path: str, names: Sequence[str]) -> list[str]:
        """The columns of a file that hold few different texts: these are read as they are stored, by code."""
        metadata = self._metadata[self.paths.index(path)]
        schema, found = metadata.schema, []
        for name, place in _places(metadata, names).items():
            column = schema.column(place)
            if column.logical_type.type != "STRING" or fold_name(name) == "contact_id":
                continue
            told = [metadata.row_group(group).column(place) for group in range(metadata.num_row_groups)]
            if all(
                own.has_dictionary_page and own.total_uncompressed_size <= 2 * own.num_values + _FEW_TEXTS
                for own in told
            ):
                found.append(name)
        return found

    def _batches(self, names: tuple[str, ...], chosen: Sequence[tuple[str, int, int, int]]) -> Iterator[Part]:
        for path, own in groupby(chosen, key=itemgetter(0)):
            there = self._own[path]
            read = [there[name] for name in names if name in there]
            with open_parquet(self._identities[path], self._coded(path, read)) as file:
                uuids = uuid_columns(file)
                for _, group, rows, number in own:
                    for start, count, arrays in _read(file, group, rows, read):
                        found = {
                            name: texts(uuid_texts(array)) if name in uuids else array
                            for name, array in zip(read, arrays, strict=True)
                        }
                        columns = [
                            found[there[name]] if name in there else self._told(path, name, count) for name in names
                        ]
                        yield number + start, names, columns

    def _told(self, path: str, name: str, rows: int) -> Any:
        """A column that a file lacks: what its folder's name says, or nothing."""
        cell = self._cells.get(path, {}).get(name)
        if cell is None:
            return pa.nulls(rows, self._kinds.get(name, pa.large_string()))
        return pa.repeat(pa.scalar(cell, pa.int64() if isinstance(cell, int) else pa.large_string()), rows)

    def ranges(self) -> list[Range] | None:
        """Between which ids each group of rows lies; None where the files do not say so."""
        column = next((name for name in self.columns or () if fold_name(name) == "contact_id"), None)
        if column is None:
            return None
        found = []
        for path, metadata in zip(self.paths, self._metadata, strict=True):
            written = self._own[path].get(column)
            for group in range(metadata.num_row_groups):
                told = metadata.row_group(group)
                try:
                    own = next(
                        (c for c in map(told.column, range(told.num_columns)) if c.path_in_schema == written),
                        None,
                    )
                except UnicodeDecodeError:
                    # A damaged name: whether the rows can be read is for the reading to say.
                    return None
                if own is None or own.statistics is None or not own.statistics.has_min_max or own.statistics.null_count:
                    return None
                found.append(Range(own.statistics.min, own.statistics.max, told.num_rows))
        return found if len({type(part) for own in found for part in own[:2]}) <= 1 else None


def _read(file: Any, group: int, rows: int, columns: list[str]) -> Iterator[tuple[int, int, Arrays]]:
    """Some columns of a group of rows, chunk by chunk: the first row of each, how many there are, and the arrays."""
    if not columns:
        # There is nothing to read, and yet so many rows.
        yield from ((start, min(arrow_table.CHUNK, rows - start), []) for start in range(0, rows, arrow_table.CHUNK))
        return
    start = 0
    for batch in file.iter_batches(batch_size=arrow_table.CHUNK, row_groups=[group], columns=columns):
        yield start, batch.num_rows, [batch.column(name) for name in columns]
        start += batch.num_rows


def _places(metadata: Any, names: Collection[str]) -> dict[str, int]:
    """The places of plain columns among those of a file."""
    schema = metadata.schema
    paths = [schema.column(place).path for place in range(len(schema))]
    return {path: place for place, path in enumerate(paths) if path in names}


@contextmanager
def open_parquet(identity: FileIdentity, coded: Sequence[str] = ()) -> Iterator[Any]:
    """A Parquet file, some columns of texts by code; what is wrong with it becomes our error."""
    with readable(identity.path):
        try:
            with pq.ParquetFile(identity.path, read_dictionary=list(coded)) as file:
                identity.check()
                yield file
            identity.check_end()
        except pa.ArrowException as error:
            identity.check_end()
            if isinstance(error, OSError):
                raise
            message = f"the file is not readable Parquet: {error}"
            raise DataError(message, source=called(identity.path)) from error


def files_at(path: str) -> ParquetFiles:
    """The Parquet file at a path, or the files of a folder."""
    if os.path.isdir(path):  # noqa: PTH112  (a text is all that is needed)
        parts = parts_of(path)
        return ParquetFiles(path, [part.path for part in parts], [part.cells for part in parts])
    with readable(path):
        os.stat(path)  # noqa: PTH116  (whether it is there at all)
    return ParquetFiles(called(path), [path])
