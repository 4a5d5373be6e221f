"""A table written again as it was, with some columns filled anew."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError
from journeykit.model.bad_row import BadRow
from journeykit.rule.values import as_text
from journeykit.tables.cells import id_or_none, is_missing
from journeykit.tables.files import text_file, whole_file
from journeykit.tables.formats import format_of
from journeykit.tables.header import fold_name
from journeykit.tables.read_rows import open_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


def write_again(
    source: str,
    out: str,
    columns: Sequence[str],
    values: Mapping[str, Mapping[str, Any]],
    empty: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write a table again, with columns of texts and instants as they are now.

    Rows of contacts of whom nothing is known are written as they were.

    Args:
        source: a CSV, JSON lines or Parquet file with a column ``contact_id``.
        out: the file to write, of the same format; it appears whole or not at all.
        columns: the columns; one that the table does not have is added.
        values: the new values, by contact and column.
        empty: the new values of empty cells, likewise.

    Raises:
        DataError: for a table that cannot be read row by row.
    """
    form = format_of(out)
    if form == "parquet":
        from journeykit.tables.parquet import write_again as write_columns

        write_columns(source, out, columns, values, empty or {})
        return
    with whole_file(out) as file, text_file(file, out) as text:
        write = _csv_rows(source, columns, text) if form == "csv" else _json_rows(text)
        for cells in _rows(source):
            names = {fold_name(name): name for name in cells}
            key = id_or_none(cells.get(names.get("contact_id", ""))) or ""
            for column, value in values.get(key, {}).items():
                cells[names.get(column, column)] = _plain(value)
            for column, value in (empty or {}).get(key, {}).items():
                name = names.get(column, column)
                if is_missing(cells.get(name)):
                    cells[name] = _plain(value)
            write(cells)


def _plain(value: Any) -> Any:
    return as_text(value) if isinstance(value, datetime) else value


def _rows(source: str) -> Iterator[dict[str, Any]]:
    for row in open_table(source, "contacts").rows():
        if isinstance(row, BadRow):
            raise DataError(f"the table cannot be written again: found {row.found}", source=row.source, row=row.row)
        _, columns, values = row
        yield dict(zip(columns, values, strict=True))


def _csv_rows(source: str, columns: Sequence[str], text: Any) -> Callable[[Mapping[str, Any]], object]:
    known = list(open_table(source, "contacts").columns or ())
    folds = {fold_name(name) for name in known}
    known += (name for name in columns if name not in folds)
    write = csv.writer(text, lineterminator="\n").writerow
    write(known)
    return lambda cells: write([cells.get(name) for name in known])


def _json_rows(text: Any) -> Callable[[Mapping[str, Any]], object]:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    return lambda cells: text.write(encode(cells) + "\n")
