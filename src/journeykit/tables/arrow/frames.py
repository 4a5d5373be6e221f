"""Dataframes and datasets as tables, and tables as the caller's kind of dataframe. The only home of narwhals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from journeykit.basics.validation import shown
from journeykit.errors import DataError
from journeykit.tables.arrow import arrow_table
from journeykit.tables.arrow.arrow_table import ArrowTable, need_different_names
from journeykit.tables.arrow.column_kinds import kind_of
from journeykit.tables.arrow.parquet_files import ParquetFiles
from journeykit.tables.arrow.sound_arrays import need_all_sound, need_sound
from journeykit.tables.file_identity import FileIdentity
from journeykit.tables.formats import readable
from journeykit.tables.outputs import local_paths
from journeykit.tables.read_rows import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeykit.model.bad_row import BadRow
    from journeykit.tables.arrow.adapters import Part


class MemoryTable(ArrowTable):
    """A table in memory."""

    def __init__(self, name: str, table: pa.Table) -> None:
        self.source = name
        self._table = table
        # The columns that are known to be sound: each is looked at before it is read first.
        self._sound: set[str] = set()
        self.columns = tuple(table.column_names)
        self.count = table.num_rows
        need_different_names(self.columns, name)

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of its columns."""
        return {field.name: kind_of(field.type) for field in self._table.schema}

    def bytes_read(self, names: Sequence[str], groups: Sequence[int] | None = None) -> int:  # noqa: ARG002
        """Nothing: it is in memory already."""
        return 0

    def batches(self, names: tuple[str, ...]) -> Iterator[Part | BadRow]:
        """The chunks in order, with some columns."""
        number = 1
        for name in names:
            if name not in self._sound:
                need_sound(self._table[name], name, self.source)
                self._sound.add(name)
        for batch in self._table.select(list(names)).to_batches(max_chunksize=arrow_table.CHUNK):
            yield number, names, list(batch.columns)
            number += batch.num_rows


class DatasetTable(ArrowTable):
    """A dataset that only its own scan reads right: with a filter, with columns from the names of folders, and so on.

    Args:
        name: what messages call it.
        dataset: the dataset of pyarrow.
    """

    def __init__(self, name: str, dataset: Any) -> None:
        self.source = name
        self._dataset = dataset
        self.columns = tuple(dataset.schema.names)
        # To count what a filter leaves would be a scan more.
        self.count = None
        with readable(name):
            self._identities = [FileIdentity(path) for path in local_paths(dataset) or ()]
        need_different_names(self.columns, name)

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of its columns."""
        return {field.name: kind_of(field.type) for field in self._dataset.schema}

    def batches(self, names: tuple[str, ...]) -> Iterator[Part | BadRow]:
        """The chunks in order, with some columns."""
        number = 1
        with readable(self.source):
            for identity in self._identities:
                identity.check()
        for batch in self._scanned(names):
            need_all_sound(names, batch.columns, self.source)
            yield number, names, list(batch.columns)
            number += batch.num_rows
        for identity in self._identities:
            identity.check_end()
        self.count = number - 1

    def _scanned(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Batches of about a chunk: a filter leaves little of each that was read."""
        waiting: list[pa.RecordBatch] = []
        rows = 0
        with readable(self.source):
            try:
                for batch in self._dataset.scanner(columns=list(names), batch_size=arrow_table.CHUNK).to_batches():
                    waiting.append(batch)
                    rows += batch.num_rows
                    if rows >= arrow_table.CHUNK:
                        yield from _joined(waiting)
                        waiting, rows = [], 0
                yield from _joined(waiting)
            except pa.ArrowException as error:
                raise DataError(f"the dataset cannot be read: {error}", source=self.source) from error


def _joined(batches: Sequence[pa.RecordBatch]) -> Sequence[pa.RecordBatch]:
    """Batches of a chunk's rows each, but for the last."""
    found: list[pa.RecordBatch] = []
    if any(batch.num_rows for batch in batches):
        found = pa.Table.from_batches(batches).combine_chunks().to_batches(arrow_table.CHUNK)
    return found


class FrameTable(ArrowTable):
    """A frame of pandas some of whose columns hold values of several kinds; these are lists, made when they are read.

    Args:
        name: what messages call it.
        names: the names of the columns.
        columns: Arrow arrays, and series of objects.
        rows: how many there are.
    """

    def __init__(self, name: str, names: Sequence[str], columns: Sequence[Any], rows: int) -> None:
        self.source = name
        self.columns = tuple(names)
        self.count = rows
        self._columns = dict(zip(names, columns, strict=True))

    def batches(self, names: tuple[str, ...]) -> Iterator[Part | BadRow]:
        """The chunks in order, with some columns."""
        need_all_sound(names, [self._columns[name] for name in names], self.source)
        for start in range(0, self.count or 0, arrow_table.CHUNK):
            yield start + 1, names, [_piece(self._columns[name], start) for name in names]


def _piece(column: Any, start: int) -> Any:
    """A chunk's rows of a column of a frame."""
    if isinstance(column, pa.Array):
        return column.slice(start, arrow_table.CHUNK)
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.slice(start, arrow_table.CHUNK).chunks)
    return list(map(plain_value, column.iloc[start : start + arrow_table.CHUNK].tolist()))


def from_dataset(source: Any, name: str) -> ArrowTable:
    """A dataset of pyarrow: its files, where they hold just what the dataset gives; else a scan of it."""
    import pyarrow.dataset as ds

    if not isinstance(source, ds.Dataset):
        # A scanner gives its rows once.
        return MemoryTable(name, source.to_table())
    if is_plain(source):
        return ParquetFiles(name, source.files)
    if not _is_filed(source):
        # Rows in memory, which perhaps can be read only once.
        return MemoryTable(name, source.to_table())
    return DatasetTable(name, source)


def is_plain(dataset: Any) -> bool:
    """Whether a dataset gives what its files hold, all of it and no more, so that the files can be read themselves."""
    import pyarrow.dataset as ds
    from pyarrow import fs

    if (
        not isinstance(dataset, ds.FileSystemDataset)
        or not isinstance(dataset.filesystem, fs.LocalFileSystem)
        or not dataset.format.equals(ds.ParquetFileFormat())
        # A dataset of a pyarrow that does not say whether it has a filter may have one.
        or getattr(dataset, "_scan_options", None) != {}
        or not dataset.partition_expression.equals(ds.scalar(True))
    ):
        return False
    fragments = list(dataset.get_fragments())
    return bool(fragments) and all(
        fragment.partition_expression.equals(ds.scalar(True))
        and fragment.physical_schema.equals(dataset.schema)
        and len(fragment.row_groups) == fragment.metadata.num_row_groups
        for fragment in fragments
    )


def _is_filed(dataset: Any) -> bool:
    import pyarrow.dataset as ds

    if isinstance(dataset, ds.UnionDataset):
        return all(map(_is_filed, dataset.children))
    return isinstance(dataset, ds.FileSystemDataset)


def frame_of(source: Any, name: str = "table") -> pa.Table | None:
    """A dataframe as an Arrow table; None where it is not one.

    Raises:
        DataError: for a column without a table, such as a series of pandas.
    """
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if isinstance(source, pa.RecordBatchReader):
        return source.read_all()
    kind = type(source).__module__.partition(".")[0]
    if hasattr(source, "__arrow_c_stream__"):
        try:
            reader = pa.RecordBatchReader.from_stream(source)
        except pa.ArrowInvalid:
            raise DataError(
                f"a table has columns with names, found one column, a {type(source).__name__} of {kind}; "
                "give a dataframe",
                source=name,
            ) from None
        return reader.read_all()
    if kind not in ("builtins", "types", "collections"):
        import narwhals as nw

        frame = nw.from_native(source, pass_through=True)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
        if isinstance(frame, nw.DataFrame):
            return frame.to_arrow()
    return None


def from_pandas(frame: Any, name: str) -> ArrowTable:
    """A frame of pandas, its index aside, column by column: one that holds values of several kinds is a list.

    Raises:
        DataError: for a column whose name is no text, and for two of one name.
    """
    names = list(frame.columns)
    for own in names:
        if not isinstance(own, str):
            raise DataError(f"the name of a column is text, found {shown(own)}", source=name)
    need_different_names(names, name)
    columns: list[Any] = []
    for own in names:
        series = frame[own]
        try:
            found = pa.Array.from_pandas(series)
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            found = series
        columns.append(found)
    if all(isinstance(own, pa.Array | pa.ChunkedArray) for own in columns):
        return MemoryTable(name, pa.table(dict(zip(names, columns, strict=True))))
    return FrameTable(name, names, columns, len(frame))


def native(table: pa.Table, like: Any) -> Any:
    """A table of the caller's kind: of pandas, Polars, DuckDB or Arrow; what is no dataframe gets one of Arrow."""
    kind = type(like).__module__.partition(".")[0]
    if kind == "_duckdb":
        kind = "duckdb"
    if kind == "duckdb":
        import importlib

        return importlib.import_module("duckdb").from_arrow(table)
    if kind in ("pandas", "polars", "modin"):
        import narwhals as nw

        found = nw.from_arrow(table, backend=kind)  # type: ignore[arg-type]  # one of those that were asked for
        if type(like).__name__ == "LazyFrame":
            return found.lazy().to_native()
        return found.to_native()
    return table
