"""Sources: whatever a table comes as, read as chunks of Arrow arrays. The only home of narwhals."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from journeykit.columns.arrows import texts
from journeykit.errors import DataError
from journeykit.fields import shown
from journeykit.tables.bad_rows import BadRow
from journeykit.tables.columns import PATIENCE, fold_name, missing_column
from journeykit.tables.formats import format_of, readable
from journeykit.tables.parquet import uuid_columns, uuid_texts
from journeykit.tables.reading import open_table

if TYPE_CHECKING:
    from datetime import tzinfo
    from types import TracebackType

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
    """A Parquet file, several of them, or a folder."""

    def __init__(self, name: str, paths: Sequence[str]) -> None:
        self.source = name
        self._paths = paths
        names: tuple[str, ...] | None = None
        self.count = 0
        # Where each group of rows lies: its file, its number there, and the number of its first row.
        self._groups: list[tuple[str, int, int]] = []
        self._metadata: list[Any] = []
        for path in paths:
            with _parquet(path) as file:
                found = tuple(file.schema_arrow.names)
                for group in range(file.metadata.num_row_groups):
                    self._groups.append((path, group, self.count + 1))
                    self.count += file.metadata.row_group(group).num_rows
                self._metadata.append(file.metadata)
            if names is not None and found != names:
                raise DataError(f"the columns differ from those of {paths[0]}", source=path)
            names = found
        if names is None:
            raise DataError("the folder holds no Parquet file", source=name)
        if len(set(names)) != len(names):
            twice = next(own for own in names if names.count(own) > 1)
            raise DataError(f"two columns have the name {twice!r}", source=name)
        self.columns = names

    def parts(self, wanted: Callable[[str], bool], groups: Sequence[int] | None = None) -> Iterator[Part | BadRow]:
        """The chunks in order; see `Source`."""
        names = [name for name in self.columns or () if wanted(name)]
        chosen = self._groups if groups is None else [self._groups[group] for group in groups]
        for path, own in groupby(chosen, key=itemgetter(0)):
            with _parquet(path) as file:
                uuids = uuid_columns(file)
                for _, group, number in own:
                    for batch in file.iter_batches(batch_size=CHUNK, row_groups=[group], columns=names):
                        arrays = [
                            texts(uuid_texts(array)) if name in uuids else array
                            for name, array in zip(names, batch.columns, strict=True)
                        ]
                        yield number, tuple(names), arrays
                        number += batch.num_rows  # noqa: PLW2901  (where the next batch begins)

    def ranges(self) -> list[Range] | None:
        """Between which ids each group of rows lies; None where the files do not say so."""
        column = next((name for name in self.columns or () if fold_name(name) == "contact_id"), None)
        if column is None:
            return None
        found = []
        for metadata in self._metadata:
            for group in range(metadata.num_row_groups):
                told = metadata.row_group(group)
                own = next(
                    (c for c in map(told.column, range(told.num_columns)) if c.path_in_schema == column),
                    None,
                )
                if own is None or own.statistics is None or not own.statistics.has_min_max or own.statistics.null_count:
                    return None
                found.append(Range(own.statistics.min, own.statistics.max, told.num_rows))
        return found if len({type(part) for own in found for part in own[:2]}) <= 1 else None


class _parquet:  # noqa: N801  (read as a function)
    """A Parquet file; what is wrong with it becomes our error."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> Any:
        self._readable = readable(self.path)
        self._readable.__enter__()
        try:
            self._file = pq.ParquetFile(self.path)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "_file"):
            self._file.close()
        if isinstance(error, pa.ArrowException) and not isinstance(error, OSError):
            message = f"the file is not readable Parquet: {error}"
            raise DataError(message, source=self.path) from error
        self._readable.__exit__(kind, error, trace)


class _Table(Source):
    """A table in memory."""

    def __init__(self, name: str, table: pa.Table) -> None:
        self.source = name
        self._table = table
        self.columns = tuple(table.column_names)
        self.count = table.num_rows
        if len(set(self.columns)) != len(self.columns):
            twice = next(own for own in self.columns if self.columns.count(own) > 1)
            raise DataError(f"two columns have the name {twice!r}", source=name)

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
            apart = not alike and (
                len(names) < len(columns) or any(written.get(fold, name) != name for fold, name in names.items())
            )
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
        return Files(path, files_in(path))
    if format_of(path) == "parquet":
        with readable(path):
            os.stat(path)  # noqa: PTH116  (whether it is there at all)
        return Files(path, [path])
    opened = open_table(path, name, typed=typed, texts=texts, zone=zone)
    return _Rows(name, opened, lambda: opened)


def files_in(path: str) -> list[str]:
    """The Parquet files of a folder and its folders, in the order in which they are read."""
    return sorted(
        os.path.join(folder, own)  # noqa: PTH118  (texts are all that is needed)
        for folder, _, names in os.walk(path)
        for own in names
        if own.lower().endswith(".parquet") and not own.startswith((".", "_"))
    )


def _from_dataset(source: Any, name: str) -> Source:
    import pyarrow.dataset as ds

    files = getattr(source, "files", None)
    if (
        files
        and isinstance(source.format, ds.ParquetFileFormat)
        and source.partition_expression.equals(ds.scalar(True))
    ):
        paths = [own for own in files if os.path.exists(own)]  # noqa: PTH110  (likewise)
        # Columns that come from the names of folders are known to the dataset alone.
        if len(paths) == len(files) and set(source.schema.names) == set(pq.read_schema(paths[0]).names):
            return Files(name, paths)
    return _Table(name, source.to_table())


def _arrow_table(source: Any) -> pa.Table | None:
    """A dataframe as an Arrow table; None where it is none."""
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if isinstance(source, pa.RecordBatchReader):
        return source.read_all()
    kind = type(source).__module__.partition(".")[0]
    if kind == "pandas":
        return _from_pandas(source)
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


def _from_pandas(frame: Any) -> pa.Table | None:
    """A frame of pandas, its index aside; None where a column holds things of several kinds."""
    if not hasattr(frame, "columns"):
        return None
    if not all(isinstance(name, str) for name in frame.columns):
        return None
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        return None


def _mappings(source: Any, name: str) -> Sequence[Mapping[str, Any]]:
    """Rows as mappings, in a list, so that they can be read again."""
    if type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "to_dict"):
        found: list[Mapping[str, Any]] = source.to_dict("records")
        return found
    if not isinstance(source, Iterable):
        raise DataError(
            "a table is a dataframe, a path, a dataset, or rows as mappings, found " + shown(source), source=name
        )
    return list(source)


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
