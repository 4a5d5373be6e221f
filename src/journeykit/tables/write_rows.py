"""Tables out, row by row: CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError
from journeykit.tables.files import packed_file, standard_output, utf8_text, whole_file
from journeykit.tables.formats import ENDINGS, format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime


@contextmanager
def output_file(path: str | os.PathLike[str], form: str | None) -> Iterator[tuple[str, Any]]:
    """A table's format, and the file to write it to, which appears whole or not at all; ``-`` is standard output.

    Raises:
        DataError: for an unknown ending.
        OSError: if the file cannot be written.
    """
    form = form or format_of(path)
    if form is None:
        raise DataError(f"the ending of a table is one of {', '.join(ENDINGS)}", source=os.fspath(path))
    if os.fspath(path) == "-":
        with standard_output() as file:
            yield form, file
        return
    with whole_file(path) as file, packed_file(file, path) as target:
        yield form, target


@contextmanager
def table_writer(
    path: str | os.PathLike[str], columns: Mapping[str, str], form: str | None = None
) -> Iterator[Callable[[Sequence[Any]], object]]:
    """A function that writes rows to a file, which appears whole or not at all.

    Args:
        path: the file; ``-`` is standard output.
        columns: the kind of each column by name: ``text``, ``number``, ``whole`` (a number), ``instant`` (aware, in
            UTC) or ``texts`` (several; in CSV joined by ``;``, in JSON lines and Parquet a list).
        form: ``csv``, ``jsonl`` or ``parquet``; None for what the ending says.

    Raises:
        DataError: for an unknown ending.
        OSError: if the file cannot be written.
        MissingExtraError: for a Parquet file without the extra ``columns``.
    """
    with output_file(path, form) as (kind, file), row_writer(kind)(file, columns) as write:
        yield write


def write_rows(path: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]], form: str | None = None) -> None:
    """Write rows to a file, which appears whole or not at all; ``-`` is standard output."""
    with table_writer(path, columns, form) as write:
        for row in rows:
            write(row)


@contextmanager
def line_writer(path: str | os.PathLike[str]) -> Iterator[Callable[[Mapping[str, Any]], object]]:
    """A function that writes mappings of any shape to a file of JSON lines, which appears whole or not at all.

    Args:
        path: the file; ``-`` is standard output.

    Raises:
        OSError: if the file cannot be written.
    """
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with output_file(path, "jsonl") as (_, file), utf8_text(file) as text:
        yield lambda row: text.write(encode(row) + "\n")


def row_writer(form: str) -> Any:
    """What writes rows in a format, given an open file and the columns."""
    if form == "parquet":
        from journeykit.tables.parquet import parquet_writer

        return parquet_writer
    return {"csv": _csv_writer, "jsonl": _jsonl_writer}[form]


def instant_text(instant: datetime) -> str:
    """An instant as text: UTC, microseconds.

    Example:
        >>> from datetime import UTC, datetime
        >>> instant_text(datetime(2026, 11, 5, 10, tzinfo=UTC))
        '2026-11-05T10:00:00.000000Z'
    """
    return instant.isoformat(timespec="microseconds")[:26] + "Z"


_CSV_CELLS: dict[str, Callable[[Any], object]] = {"instant": instant_text, "texts": ";".join, "number": repr}


@contextmanager
def _csv_writer(file: Any, columns: Mapping[str, str]) -> Iterator[Callable[[Sequence[Any]], object]]:
    special = [(place, _CSV_CELLS[kind]) for place, kind in enumerate(columns.values()) if kind in _CSV_CELLS]
    with utf8_text(file) as text:
        write = csv.writer(text, lineterminator="\n").writerow
        write(columns)

        def write_row(row: Sequence[Any]) -> None:
            cells = list(row)
            for place, cell in special:
                if cells[place] is not None:
                    cells[place] = cell(cells[place])
            write(cells)

        yield write_row


@contextmanager
def _jsonl_writer(file: Any, columns: Mapping[str, str]) -> Iterator[Callable[[Sequence[Any]], object]]:
    instants = [place for place, kind in enumerate(columns.values()) if kind == "instant"]
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

    def write_row(row: Sequence[Any]) -> None:
        cells = list(row)
        for place in instants:
            if cells[place] is not None:
                cells[place] = instant_text(cells[place])
        text.write(encode(dict(zip(columns, cells, strict=True))) + "\n")

    with utf8_text(file) as text:
        yield write_row
