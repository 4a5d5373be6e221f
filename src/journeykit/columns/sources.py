"""Sources: whatever a table comes as, read as chunks of Arrow arrays. The only home of narwhals."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from journeykit.basics.validation import shown
from journeykit.columns.arrows import texts
from journeykit.columns.column import Column
from journeykit.errors import DataError
from journeykit.model.bad_row import BadRow
from journeykit.tables.bad_row_file import picked
from journeykit.tables.columns import PATIENCE, fold_name, missing_column, twin_row
from journeykit.tables.file_identity import FileIdentity
from journeykit.tables.folders import cells_by_column, parts_of, united
from journeykit.tables.formats import called, format_of, readable
from journeykit.tables.outputs import local_paths
from journeykit.tables.parquet import uuid_columns, uuid_texts
from journeykit.tables.reading import open_table, plain_value

if TYPE_CHECKING:
    from datetime import tzinfo
    from types import TracebackType

    from journeykit.tables.formats import RawRow

CHUNK = 65_536
Arrays = list[Any]
Part = tuple[int, tuple[str, ...], Arrays]
"""The number of a chunk's first row, the names of its columns, and the columns: Arrow arrays, or lists of values."""


class Source:
    """A table that can be read again and again.

    Attributes:
        source: what messages call it.
        columns: the names of its columns; None where each row brings its own.
        count: how many rows it has, where that is known.
        naive: the columns of instants without an offset, which were read as text.
        mixed: the columns of numbers that are text because of other cells; see `TableFile`.
        needed: the columns without which it cannot be used; set by its reader.
    """

    source: str
    columns: tuple[str, ...] | None
    count: int | None
    naive: tuple[str, ...] = ()
    mixed: tuple[tuple[str, int, str], ...] = ()
    needed: Sequence[str] = ()

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns, as far as they were met."""
        return self.columns or ()

    def parts(self, wanted: Callable[[str], bool], groups: Sequence[int] | None = None) -> Iterator[Part | BadRow]:
        """The chunks in order, with the columns that are wanted. A row that cannot be read comes as a `BadRow`.

        Args:
            wanted: which columns, by name.
            groups: which groups of rows of a Parquet file; None for all, and for what has no groups.
        """
        raise NotImplementedError  # each kind of table has its own


class Range(NamedTuple):
    """Between which ids a group of rows lies, and how many rows it has."""

    low: Any
    high: Any
    rows: int


class Files(Source):
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
            with _parquet(self._identities[path]) as file:
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

    def parts(self, wanted: Callable[[str], bool], groups: Sequence[int] | None = None) -> Iterator[Part | BadRow]:
        """The chunks in order; see `Source`."""
        names = tuple(name for name in self.columns or () if wanted(name))
        chosen = self._groups if groups is None else [self._groups[group] for group in groups]
        for path, own in groupby(chosen, key=itemgetter(0)):
            there = self._own[path]
            read = [there[name] for name in names if name in there]
            with _parquet(self._identities[path]) as file:
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
                own = next(
                    (c for c in map(told.column, range(told.num_columns)) if c.path_in_schema == written),
                    None,
                )
                if own is None or own.statistics is None or not own.statistics.has_min_max or own.statistics.null_count:
                    return None
                found.append(Range(own.statistics.min, own.statistics.max, told.num_rows))
        return found if len({type(part) for own in found for part in own[:2]}) <= 1 else None


def _read(file: Any, group: int, rows: int, columns: list[str]) -> Iterator[tuple[int, int, Arrays]]:
    """Some columns of a group of rows, chunk by chunk: the first row of each, how many there are, and the arrays."""
    if not columns:
        # There is nothing to read, and yet so many rows.
        yield from ((start, min(CHUNK, rows - start), []) for start in range(0, rows, CHUNK))
        return
    start = 0
    for batch in file.iter_batches(batch_size=CHUNK, row_groups=[group], columns=columns):
        yield start, batch.num_rows, [batch.column(name) for name in columns]
        start += batch.num_rows


class _parquet:  # noqa: N801  (read as a function)
    """A Parquet file; what is wrong with it becomes our error."""

    def __init__(self, identity: FileIdentity) -> None:
        self.path = identity.path
        self._identity = identity

    def __enter__(self) -> Any:
        self._readable = readable(self.path)
        self._readable.__enter__()
        try:
            self._file = pq.ParquetFile(self.path)
            self._identity.check()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "_file"):
            self._file.close()
        if error is None or isinstance(error, pa.ArrowException):
            self._identity.check_end()
        if isinstance(error, pa.ArrowException) and not isinstance(error, OSError):
            message = f"the file is not readable Parquet: {error}"
            raise DataError(message, source=called(self.path)) from error
        self._readable.__exit__(kind, error, trace)


class _Table(Source):
    """A table in memory."""

    def __init__(self, name: str, table: pa.Table) -> None:
        self.source = name
        self._table = table
        self.columns = tuple(table.column_names)
        self.count = table.num_rows
        need_different_names(self.columns, name)

    def parts(
        self,
        wanted: Callable[[str], bool],
        groups: Sequence[int] | None = None,  # noqa: ARG002  (there are none)
    ) -> Iterator[Part | BadRow]:
        names = tuple(name for name in self.columns or () if wanted(name))
        number = 1
        for batch in self._table.select(list(names)).to_batches(max_chunksize=CHUNK):
            yield number, names, list(batch.columns)
            number += batch.num_rows


class _Dataset(Source):
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

    def parts(
        self,
        wanted: Callable[[str], bool],
        groups: Sequence[int] | None = None,  # noqa: ARG002  (there are none)
    ) -> Iterator[Part | BadRow]:
        names = tuple(name for name in self.columns or () if wanted(name))
        number = 1
        with readable(self.source):
            for identity in self._identities:
                identity.check()
        for batch in self._batches(names):
            yield number, names, list(batch.columns)
            number += batch.num_rows
        for identity in self._identities:
            identity.check_end()
        self.count = number - 1

    def _batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Batches of about a chunk: a filter leaves little of each that was read."""
        waiting: list[pa.RecordBatch] = []
        rows = 0
        with readable(self.source):
            try:
                for batch in self._dataset.scanner(columns=list(names), batch_size=CHUNK).to_batches():
                    waiting.append(batch)
                    rows += batch.num_rows
                    if rows >= CHUNK:
                        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches(max_chunksize=CHUNK)
                        waiting, rows = [], 0
                if rows:
                    yield from pa.Table.from_batches(waiting).combine_chunks().to_batches(max_chunksize=CHUNK)
            except pa.ArrowException as error:
                raise DataError(f"the dataset cannot be read: {error}", source=self.source) from error


class _Frame(Source):
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

    def parts(
        self,
        wanted: Callable[[str], bool],
        groups: Sequence[int] | None = None,  # noqa: ARG002  (there are none)
    ) -> Iterator[Part | BadRow]:
        names = tuple(name for name in self.columns or () if wanted(name))
        for start in range(0, self.count or 0, CHUNK):
            yield start + 1, names, [_piece(self._columns[name], start) for name in names]


def _piece(column: Any, start: int) -> Any:
    """A chunk's rows of a column of a frame."""
    if isinstance(column, pa.Array):
        return column.slice(start, CHUNK)
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.slice(start, CHUNK).chunks)
    return list(map(plain_value, column.iloc[start : start + CHUNK].tolist()))


class _Rows(Source):
    """CSV, JSON lines, and rows that are mappings: read row by row."""

    def __init__(self, name: str, opened: Any, again: Callable[[], Any]) -> None:
        self.source = opened.source if opened.columns is not None or isinstance(opened.source, str) else name
        self._again = again
        self.columns = opened.columns
        self.count = opened.count
        self.naive = opened.naive
        self.mixed = opened.mixed
        self._met: dict[str, None] = {}

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns, as far as they were met."""
        return self.columns or tuple(self._met)

    def rows(self) -> Iterator[RawRow | BadRow]:
        """The rows, one by one."""
        found: Iterator[RawRow | BadRow] = self._again().rows()
        return found

    def parts(
        self,
        wanted: Callable[[str], bool],
        groups: Sequence[int] | None = None,  # noqa: ARG002  (there are none)
    ) -> Iterator[Part | BadRow]:
        waiting: list[tuple[tuple[str, ...], Sequence[Any]]] = []
        first = expected = 0
        # By folded name, how the rows that wait write it: two columns whose case alone differs are not one.
        written: dict[str, str] = {}
        met: dict[str, None] = {}
        unsure = self.columns is None
        count = 0
        for row in self._again().rows():
            count += 1
            if isinstance(row, BadRow):
                if waiting:
                    yield _part(first, waiting, wanted)
                    waiting = []
                yield row
                continue
            number, columns, values = row
            if unsure:
                met.update(dict.fromkeys(columns))
                unsure = number < PATIENCE or self._check(met)
            alike = bool(waiting) and columns == waiting[-1][0]
            if not alike and self.columns is None:
                self._met.update(dict.fromkeys(columns))
            names = {} if alike else {fold_name(str(name)): name for name in columns}
            if not alike and len(names) < len(columns) and self.columns is None:
                if waiting:
                    yield _part(first, waiting, wanted)
                    waiting = []
                twins = twin_row(self.source, number, columns)
                assert twins is not None  # noqa: S101  (two names are one)
                yield twins
                continue
            apart = not alike and any(written.get(fold, name) != name for fold, name in names.items())
            if waiting and (number != expected or apart or len(waiting) >= CHUNK):
                yield _part(first, waiting, wanted)
                waiting = []
            if not waiting:
                first, written = number, {}
            written.update(names)
            waiting.append((columns, values))
            expected = number + 1
        if unsure and expected:
            self._check(met)
        if waiting:
            yield _part(first, waiting, wanted)
        self.count = count

    def _check(self, met: Mapping[str, None]) -> bool:
        """Refuse a table none of whose first rows has a needed column; False, as that is then sure."""
        folded = {fold_name(str(name)) for name in met}
        for column in self.needed:
            if column not in folded:
                raise missing_column(column, [str(name) for name in met], self.source)
        return False


def _part(number: int, rows: list[tuple[tuple[str, ...], Sequence[Any]]], wanted: Callable[[str], bool]) -> Part:
    """Rows as a chunk; where some have columns that others lack, these have nothing there."""
    names = rows[0][0]
    if all(columns == names for columns, _ in rows):
        columns = list(zip(*(values for _, values in rows), strict=True))
    else:
        names = tuple(dict.fromkeys(name for own, _ in rows for name in own))
        cells = [dict(zip(own, values, strict=True)) for own, values in rows]
        columns = [tuple(row.get(name) for row in cells) for name in names]
    if not any(fold_name(str(name)) == "contact_id" for name in names):
        # Whose they are is what all tables say: without it the rows are bad, and are counted as such.
        names, columns = (*names, "contact_id"), [*columns, (None,) * len(rows)]
    kept = [place for place, name in enumerate(names) if wanted(str(name))]
    return number, tuple(names[place] for place in kept), [_arrow(list(columns[place])) for place in kept]


def _arrow(values: list[Any]) -> Any:
    """Values of one plain kind as an Arrow array, which is quicker; others as they are."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {str}:
        try:
            return texts(values)
        except (pa.ArrowException, UnicodeEncodeError):
            return values
    if kinds in ({bool}, {float}):
        return pa.array(values)
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pa.array(values, pa.int64())
    return values


def open_source(
    source: Any,
    name: str,
    *,
    typed: Callable[[str], bool] = lambda _: False,
    texts: Container[str] = (),
    zone: tzinfo | None = None,
) -> Source:
    """Whatever a table comes as.

    Args:
        source: the path of a CSV, JSON lines or Parquet file, or of a folder of Parquet files; a list of such paths;
            a dataset of pyarrow; a dataframe, or anything else that speaks Arrow's PyCapsule interface; or rows as
            mappings.
        name: what messages call what is no file.
        typed: which columns of a CSV file are typed as a whole.
        texts: the folded names of columns whose text matters; see `open_table`.
        zone: the zone in which instants without an offset are meant.

    Raises:
        DataError: for a table that cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        return _from_path(os.fspath(source), name, typed, texts, zone)
    if type(source).__module__ == "pyarrow._dataset":
        return _from_dataset(source, name)
    if isinstance(source, (list, tuple)) and source and all(isinstance(part, (str, os.PathLike)) for part in source):
        return Files(name, [os.fspath(part) for part in source])
    if type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns"):
        return _from_pandas(source, name)
    table = _arrow_table(source)
    if table is not None:
        return _Table(name, table)
    rows = _mappings(source, name)
    opened = open_table(rows, name, typed=typed, zone=zone)
    return _Rows(name, opened, lambda: open_table(rows, name, typed=typed, zone=zone))


def _from_path(
    path: str, name: str, typed: Callable[[str], bool], texts: Container[str], zone: tzinfo | None
) -> Source:
    if os.path.isdir(path):  # noqa: PTH112  (a text is all that is needed)
        parts = parts_of(path)
        return Files(path, [part.path for part in parts], [part.cells for part in parts])
    if format_of(path) == "parquet":
        with readable(path):
            os.stat(path)  # noqa: PTH116  (whether it is there at all)
        return Files(called(path), [path])
    opened = open_table(path, name, typed=typed, texts=texts, zone=zone)
    return _Rows(name, opened, lambda: opened)


def _from_dataset(source: Any, name: str) -> Source:
    """A dataset of pyarrow: its files, where they hold just what the dataset gives; else a scan of it."""
    import pyarrow.dataset as ds

    if not isinstance(source, ds.Dataset):
        # A scanner gives its rows once.
        return _Table(name, source.to_table())
    if is_plain(source):
        return Files(name, source.files)
    if not _is_filed(source):
        # Rows in memory, which perhaps can be read only once.
        return _Table(name, source.to_table())
    return _Dataset(name, source)


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


def need_different_names(names: Sequence[str], source: str) -> None:
    """Refuse a table two columns of which have one name.

    Raises:
        DataError: naming the column.
    """
    if len(set(names)) != len(names):
        twice = next(own for own in names if list(names).count(own) > 1)
        raise DataError(f"two columns have the name {twice!r}; rename one or leave it out", source=source)


def _arrow_table(source: Any) -> pa.Table | None:
    """A dataframe as an Arrow table; None where it is none."""
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if isinstance(source, pa.RecordBatchReader):
        return source.read_all()
    kind = type(source).__module__.partition(".")[0]
    if hasattr(source, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(source).read_all()
    if kind not in ("builtins", "types", "collections"):
        import narwhals as nw

        frame = nw.from_native(source, pass_through=True)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
        if isinstance(frame, nw.DataFrame):
            return frame.to_arrow()
    return None


def _from_pandas(frame: Any, name: str) -> Source:
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
        return _Table(name, pa.table(dict(zip(names, columns, strict=True))))
    return _Frame(name, names, columns, len(frame))


def _mappings(source: Any, name: str) -> Sequence[Mapping[str, Any]]:
    """Rows as mappings, in a list, so that they can be read again."""
    if not isinstance(source, Iterable):
        raise DataError(
            "a table is a dataframe, a path, a dataset, or rows as mappings, found " + shown(source), source=name
        )
    return list(source)


def batches_to_rows(batches: Iterable[Part | BadRow]) -> Iterator[dict[str, Any]]:
    """The rows of batches as mappings; rows that could not be read are left out."""
    for batch in batches:
        if not isinstance(batch, BadRow):
            _, names, arrays = batch
            for values in zip(*(Column(array).cells() for array in arrays), strict=True):
                yield dict(zip(names, values, strict=True))


def picker(source: Source) -> Callable[[frozenset[int]], Iterator[tuple[int, Any]]]:
    """How rows of some numbers are read again; see `journeykit.tables.bad_row_file`."""

    def pick(wanted: frozenset[int]) -> Iterator[tuple[int, Any]]:
        if isinstance(source, _Rows):
            # In a chunk each row has all columns, those of the others too.
            yield from picked(source.rows(), wanted)
            return
        for part in source.parts(lambda _: True):
            if isinstance(part, BadRow):
                continue
            number, names, arrays = part
            columns = [Column(array) for array in arrays]
            for row in range(len(columns[0]) if columns else 0):
                if number + row in wanted:
                    yield number + row, {name: own.value(row) for name, own in zip(names, columns, strict=True)}

    return pick


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
