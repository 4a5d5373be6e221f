"""Parquet tables, in and out, a batch at a time. The only home of pyarrow among the tables."""

from __future__ import annotations

import os
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError, MissingExtraError
from journeykit.tables.cells import id_or_none, is_missing, plain_decimal
from journeykit.tables.file_identity import FileIdentity
from journeykit.tables.files import whole_file
from journeykit.tables.folders import cells_by_column, parts_of, united
from journeykit.tables.formats import called, readable
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from journeykit.model.bad_row import BadRow
    from journeykit.tables.formats import RawRow

# The years 1 to 9999, which Python knows, in seconds since 1970.
_FIRST_SECOND, _END_SECOND = -62_135_596_800, 253_402_300_800
_NOT_UTF8 = chr(0xDCFF)
_BATCH = 8_192
_GROUP = 65_536


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("columns", "a Parquet file") from None
    return pa, pq


def uuid_columns(file: Any) -> frozenset[str]:
    """The columns of an open Parquet file that hold UUIDs, which older versions of Arrow read as mere bytes."""
    schema = file.metadata.schema
    columns = map(schema.column, range(len(schema)))
    return frozenset(column.path for column in columns if column.logical_type.type == "UUID")


def is_uuid(kind: Any) -> bool:
    """Whether a type of Arrow is that of UUIDs."""
    return getattr(kind, "extension_name", "") == "arrow.uuid"


def uuid_texts(column: Any) -> list[str | None]:
    """The texts of UUIDs, which come as Arrow's own type or as 16 bytes each."""
    storage = getattr(column, "storage", column)
    return [None if value is None else _uuid_text(value.hex()) for value in storage.to_pylist()]


def _uuid_text(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class ParquetTable:
    """A Parquet file, read a batch at a time."""

    naive = ()
    mixed = ()

    def __init__(self, path: str, wanted: Callable[[str], bool]) -> None:
        self.source = called(path)
        self._pa, self._pq = _pyarrow()
        self._identity = FileIdentity(path)
        with self._open() as file:
            self.columns = tuple(file.schema_arrow.names)
            self.count: int | None = file.metadata.num_rows
        if len(set(self.columns)) != len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise DataError(f"two columns have the name {twice!r}; rename one or leave it out", source=self.source)
        self.wanted = [name for name in self.columns if wanted(name)]

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with readable(self.source):
            try:
                with self._pq.ParquetFile(self._identity.path) as file:
                    self._identity.check()
                    yield file
                    self._identity.check_end()
            except self._pa.ArrowException as error:
                raise DataError(f"the file is not readable Parquet: {error}", source=self.source) from error

    def rows(self) -> Iterator[RawRow | BadRow]:
        """The rows in order."""
        names = tuple(self.wanted)
        number = 0
        with self._open() as file:
            uuids = uuid_columns(file)
            for batch in file.iter_batches(batch_size=_BATCH, columns=self.wanted):
                columns = [
                    uuid_texts(column) if name in uuids else self._values(column)
                    for name, column in zip(names, batch.columns, strict=True)
                ]
                rows = zip(*columns, strict=True) if names else repeat((), batch.num_rows)
                for values in rows:
                    number += 1
                    yield number, names, values

    def _values(self, column: Any) -> list[Any]:
        pa, kind = self._pa, column.type
        if pa.types.is_timestamp(kind):
            found = in_microseconds(column)
            if found is None:
                return [python_value(cell) for cell in column]
            column = found
        elif pa.types.is_decimal(kind):
            return [plain_decimal(value) for value in column.to_pylist()]
        elif is_uuid(kind):
            return uuid_texts(column)
        return python_values(column)


class ParquetFolder:
    """A folder of Parquet files that are one table; see `journeykit.tables.folders.parts_of`."""

    naive = ()
    mixed = ()

    def __init__(self, folder: str, wanted: Callable[[str], bool]) -> None:
        self.source = folder
        parts = parts_of(folder)
        self._files = [ParquetTable(part.path, wanted) for part in parts]
        found = united([file.columns for file in self._files], [part.cells for part in parts])
        self.columns = found.columns
        self.count: int | None = sum(file.count or 0 for file in self._files)
        self._wanted = tuple(name for name in self.columns if wanted(name))
        self._own = found.own
        self._cells = [cells_by_column(self._wanted, part.cells) for part in parts]

    def rows(self) -> Iterator[RawRow | BadRow]:
        """The rows in order, those of one file after those of another; what a file lacks is missing."""
        names = self._wanted
        number = 0
        for file, own, cells in zip(self._files, self._own, self._cells, strict=True):
            # The place of each column in the file's rows, or else what its folder says.
            places = {name: place for place, name in enumerate(file.wanted)}
            sources = [(places[own[name]] if name in own else -1, cells.get(name)) for name in names]
            row: Any
            for row in file.rows():
                number += 1
                values = row[2]
                yield number, names, [told if place < 0 else values[place] for place, told in sources]


def in_microseconds(array: Any) -> Any | None:
    """Timestamps as microseconds in UTC, which Python counts; None where some are too far from today for these."""
    pa, _ = _pyarrow()
    kind = array.type
    per_second = {"s": 1, "ms": 1_000}.get(kind.unit)
    if per_second is not None and len(array):
        import pyarrow.compute as pc

        edges = pc.min_max(array.cast(pa.int64())).as_py()
        least, most = edges["min"], edges["max"]
        if least is not None and (least // per_second < _FIRST_SECOND or most // per_second >= _END_SECOND):
            return None
    # Rules know no zone but UTC.
    return array.cast(pa.timestamp("us", "UTC" if kind.tz else None), safe=False)


def python_values(array: Any) -> list[Any]:
    """The values of an array as Python's own; what Python cannot hold as text that is bad where it matters."""
    pa, _ = _pyarrow()
    try:
        found: list[Any] = array.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        found = [python_value(cell) for cell in array]
    return found


def python_value(cell: Any) -> Any:
    """One value; what Python cannot hold comes as a text, which is then found bad where it matters."""
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return _undecoded(cell)
    except Exception as error:  # noqa: BLE001  (pyarrow lets many errors through: of dates, texts and zones)
        value, unit = getattr(cell, "value", None), getattr(cell.type, "unit", None)
        return f"<{type(error).__name__}>" if value is None or unit is None else f"{value} {unit} since 1970"


def _undecoded(cell: Any) -> str:
    """Text that is not UTF-8: with lone surrogates, so that two such texts stay two and none passes for an id."""
    own = getattr(cell, "value", cell)
    buffer = getattr(own, "as_buffer", lambda: None)()
    return _NOT_UTF8 if buffer is None else bytes(buffer).decode("utf-8", "surrogateescape")


@contextmanager
def parquet_writer(file: Any, columns: Mapping[str, str]) -> Iterator[Callable[[Sequence[Any]], object]]:
    """A function that writes rows to a Parquet file; see `table_writer`."""
    pa, pq = _pyarrow()
    kinds = {
        "text": pa.string(),
        "number": pa.float64(),
        "whole": pa.int64(),
        "instant": pa.timestamp("us", "UTC"),
        "texts": pa.list_(pa.string()),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    waiting: list[Sequence[Any]] = []

    def write_waiting() -> None:
        places = zip(*waiting, strict=True) if waiting else [()] * len(schema)
        arrays = [pa.array(values, own.type) for values, own in zip(places, schema, strict=True)]
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        waiting.clear()

    def write_row(row: Sequence[Any]) -> None:
        waiting.append(row)
        if len(waiting) >= _GROUP:
            write_waiting()

    with pq.ParquetWriter(file, schema) as writer:
        yield write_row
        if waiting:
            write_waiting()


def write_again(source: str, out: str, column: str, values: Mapping[str, str], empty: Mapping[str, str]) -> None:
    """Write a Parquet file again with a column of texts; see `journeykit.tables.rewrite.write_again`."""
    pa, pq = _pyarrow()
    with readable(source):
        try:
            table = _whole_folder(source) if os.path.isdir(source) else pq.read_table(source)  # noqa: PTH112
        except pa.ArrowException as error:
            raise DataError(f"the file is not readable Parquet: {error}", source=called(source)) from error
    names = {fold_name(name): place for place, name in enumerate(table.column_names)}
    place = names.get(column)
    before = [None] * table.num_rows if place is None else table.column(place).to_pylist()
    kind = ParquetFolder if os.path.isdir(source) else ParquetTable  # noqa: PTH112  (a text is enough)
    raw: Any = kind(source, lambda name: fold_name(name) == "contact_id").rows()
    keys = (id_or_none(cells[0]) or "" for _, _, cells in raw)
    cells = [values.get(key, empty.get(key) if is_missing(own) else own) for key, own in zip(keys, before, strict=True)]
    filled = pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
    if place is None:
        table = table.append_column(column, filled)
    else:
        table = table.set_column(place, table.column_names[place], filled)
    with whole_file(out) as file:
        pq.write_table(table, file)


def _whole_folder(folder: str) -> Any:
    """All files of a folder as one table of Arrow, with the columns that the names of folders give."""
    pa, pq = _pyarrow()
    parts = parts_of(folder)
    # A file by itself: what its path says is said here.
    tables = [pq.ParquetFile(part.path).read() for part in parts]
    found = united([table.column_names for table in tables], [part.cells for part in parts])
    made = []
    for part, table, own in zip(parts, tables, found.own, strict=True):
        named = {name: table[column] for name, column in own.items()}
        for name, cell in cells_by_column(found.columns, part.cells).items():
            kind = pa.null() if cell is None else pa.int64() if isinstance(cell, int) else pa.string()
            named.setdefault(name, pa.array([cell] * table.num_rows, kind))
        made.append(pa.table(named))
    return pa.concat_tables(made, promote_options="permissive").select(list(found.columns))
