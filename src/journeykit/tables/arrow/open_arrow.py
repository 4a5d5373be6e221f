"""Opening whatever a table comes as, to be read as batches of Arrow arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from journeykit.basics.validation import shown
from journeykit.errors import DataError
from journeykit.kernels import has_kernels
from journeykit.tables.arrow.adapters import batches_to_rows
from journeykit.tables.arrow.arrow_table import ArrowTable
from journeykit.tables.arrow.frames import MemoryTable, frame_of, from_dataset, from_pandas
from journeykit.tables.arrow.parquet_files import ParquetFiles, files_at
from journeykit.tables.arrow.row_table import RowTable
from journeykit.tables.formats import format_of
from journeykit.tables.header import missing_column, places_of
from journeykit.tables.read_rows import open_table

if TYPE_CHECKING:
    from datetime import tzinfo


def open_source(
    source: Any,
    name: str,
    *,
    typed: Callable[[str], bool] = lambda _: False,
    wanted: Callable[[str], bool] = lambda _: True,
    texts: Container[str] = (),
    zone: tzinfo | None = None,
) -> ArrowTable:
    """Whatever a table comes as.

    Args:
        source: the path of a CSV, JSON lines or Parquet file, or of a folder of Parquet files; a list of such paths;
            a dataset of pyarrow; a dataframe, or anything else that speaks Arrow's PyCapsule interface; or rows as
            mappings. What is opened already stays as it is.
        name: what messages call what is no file.
        typed: which columns of a CSV file are typed as a whole.
        wanted: which columns are needed; of the others the kind is not looked for.
        texts: the folded names of columns whose text matters; see `open_table`.
        zone: the zone in which instants without an offset are meant.

    Raises:
        DataError: for a table that cannot be read.
    """
    if isinstance(source, ArrowTable):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _from_path(os.fspath(source), name, typed, wanted, texts, zone)
    if type(source).__module__ == "pyarrow._dataset":
        return from_dataset(source, name)
    if isinstance(source, (list, tuple)) and source and all(isinstance(part, (str, os.PathLike)) for part in source):
        return ParquetFiles(name, [os.fspath(part) for part in source])
    if type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns"):
        return from_pandas(source, name)
    table = frame_of(source, name)
    if table is not None:
        return MemoryTable(name, table)
    rows = _mappings(source, name)
    opened = open_table(rows, name, typed=typed, zone=zone)
    return RowTable(name, opened, lambda: open_table(rows, name, typed=typed, zone=zone))


def open_with(source: Any, name: str, needed: Sequence[str], zone: tzinfo | None) -> ArrowTable:
    """Whatever a table comes as that must have some columns.

    Args:
        source: the table; see `open_source`.
        name: what messages call what is no file.
        needed: the columns that it must have. Where columns are known only row by row, each row is asked.
        zone: the zone in which instants without an offset are meant.

    Raises:
        DataError: for a table that cannot be read, or lacks one of them.
    """
    table = open_source(source, name, zone=zone)
    table.needed = tuple(needed)
    if table.columns is not None:
        places = places_of(table.columns, table.source)
        for column in needed:
            if column not in places:
                raise missing_column(column, table.columns, table.source)
    return table


def as_rows(table: Any, name: str) -> Any:
    """A table as the row engine reads it: a file, or rows as mappings; None for none.

    Args:
        table: the table; see `open_source`.
        name: what messages call what is no file.

    Raises:
        DataError: for a table that cannot be read.
    """
    if table is None:
        return None
    if isinstance(table, str | os.PathLike) and not os.path.isdir(table) and format_of(os.fspath(table)):  # noqa: PTH112
        return table
    return list(batches_to_rows(open_source(table, name).parts(lambda _: True)))


def _from_path(
    path: str,
    name: str,
    typed: Callable[[str], bool],
    wanted: Callable[[str], bool],
    texts: Container[str],
    zone: tzinfo | None,
) -> ArrowTable:
    if os.path.isdir(path) or format_of(path) == "parquet":  # noqa: PTH112  (a text is all that is needed)
        return files_at(path)
    if has_kernels() and os.path.isfile(path):  # noqa: PTH113  (likewise)
        # They read with kernels, and load where there are some.
        from journeykit.tables.arrow.json_files import JsonTable
        from journeykit.tables.arrow.text_files import CsvTable

        if format_of(path) == "csv":
            return CsvTable(path, name, typed=typed, wanted=wanted, texts=texts, zone=zone)
        if format_of(path) == "jsonl":
            return JsonTable(path, open_table(path, name))
    opened = open_table(path, name, typed=typed, texts=texts, zone=zone)
    return RowTable(name, opened, lambda: opened)


def _mappings(source: Any, name: str) -> Sequence[Mapping[str, Any]]:
    """Rows as mappings, in a list, so that they can be read again."""
    if not isinstance(source, Iterable):
        raise DataError(
            "a table is a dataframe, a path, a dataset, or rows as mappings, found " + shown(source), source=name
        )
    return list(source)
