"""Parquet tables, in and out, row by row."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError, MissingExtraError
from journeykit.rule.values import as_text
from journeykit.tables.cells import escaped, id_or_none, is_missing
from journeykit.tables.files import whole_file
from journeykit.tables.folders import cells_by_column, parts_of, united
from journeykit.tables.formats import called, readable
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from journeykit.model.bad_row import BadRow
    from journeykit.tables.formats import RawRow

_GROUP = 65_536


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("columns", "a Parquet file") from None
    return pa, pq


class ParquetRows:
    """A Parquet file, or a folder of them that is one table, read row by row."""

    naive = ()
    mixed = ()

    def __init__(self, path: str, wanted: Callable[[str], bool]) -> None:
        _pyarrow()
        from journeykit.tables.arrow.arrow_values import cells_of
        from journeykit.tables.arrow.parquet_files import files_at

        self._files, self._cells_of = files_at(path), cells_of
        self.source, self.columns = self._files.source, self._files.columns
        self.count: int | None = self._files.count
        self.wanted = tuple(name for name in self.columns or () if wanted(name))

    def rows(self) -> Iterator[RawRow | BadRow]:
        """The rows in order."""
        if not self.wanted:
            yield from ((number, (), ()) for number in range(1, (self.count or 0) + 1))
            return
        for part in self._files.batches(self.wanted):
            number, names, arrays = part
            for place, values in enumerate(zip(*map(self._cells_of, arrays), strict=True)):
                yield number + place, names, values


@contextmanager
def parquet_writer(
    file: Any, columns: Mapping[str, str], mark: Mapping[str, str] | None = None
) -> Iterator[Callable[[Sequence[Any]], object]]:
    """A function that writes rows to a Parquet file, with a mark in its metadata; see `table_writer`."""
    pa, pq = _pyarrow()
    from journeykit.tables.arrow.arrow_values import schema_of

    schema = schema_of(columns)
    waiting: list[Sequence[Any]] = []

    def write_waiting() -> None:
        places = zip(*waiting, strict=True) if waiting else [()] * len(schema)
        arrays = [_array(pa, values, own.type) for values, own in zip(places, schema, strict=True)]
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
        if mark:
            writer.add_key_value_metadata(dict(mark))


def _array(pa: Any, values: Sequence[Any], kind: Any) -> Any:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([_escaped(value) for value in values], kind)


def _escaped(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_escaped(own) for own in value]
    return escaped(value) if isinstance(value, str) else value


def write_again(
    source: str,
    out: str,
    columns: Sequence[str],
    values: Mapping[str, Mapping[str, Any]],
    empty: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write a Parquet file again with some columns anew; see `journeykit.tables.rewrite.write_again`."""
    pa, pq = _pyarrow()
    with readable(source):
        try:
            table = _whole_folder(source) if os.path.isdir(source) else pq.read_table(source)  # noqa: PTH112
        except pa.ArrowException as error:
            raise DataError(f"the file is not readable Parquet: {error}", source=called(source)) from error
    names = {fold_name(name): place for place, name in enumerate(table.column_names)}
    raw: Any = ParquetRows(source, lambda name: fold_name(name) == "contact_id").rows()
    keys = [id_or_none(cells[0]) or "" for _, _, cells in raw]
    for column in columns:
        place = names.get(column)
        before = [None] * table.num_rows if place is None else table.column(place).to_pylist()
        cells = [_renewed(column, values.get(key), empty.get(key), own) for key, own in zip(keys, before, strict=True)]
        if place is None:
            table = table.append_column(column, _filled(pa, cells))
        else:
            table = table.set_column(place, table.column_names[place], _filled(pa, cells))
    with whole_file(out) as file:
        pq.write_table(table, file)


def _renewed(column: str, values: Mapping[str, Any] | None, empty: Mapping[str, Any] | None, own: Any) -> Any:
    if values is not None and column in values:
        return values[column]
    return empty[column] if empty is not None and column in empty and is_missing(own) else own


def _filled(pa: Any, cells: list[Any]) -> Any:
    """A column of instants where all cells are instants, else of texts."""
    if any(cells) and all(cell is None or (isinstance(cell, datetime) and cell.tzinfo) for cell in cells):
        return pa.array(cells, pa.timestamp("us", "UTC"))
    return pa.array([None if cell is None else as_text(cell) or str(cell) for cell in cells], pa.string())


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
