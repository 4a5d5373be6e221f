"""A table written again as it was, with one column filled anew."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from journeykit.errors import DataError
from journeykit.model.bad_row import BadRow
from journeykit.tables.cells import id_or_none, is_missing
from journeykit.tables.files import text_file, whole_file
from journeykit.tables.formats import format_of
from journeykit.tables.header import fold_name
from journeykit.tables.read_rows import open_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def write_again(
    source: str, out: str, column: str, values: Mapping[str, str], empty: Mapping[str, str] | None = None
) -> None:
    """Write a table again, with a column of texts as it is now.

    Rows of contacts of whom nothing is known are written as they were.

    Args:
        source: a CSV, JSON lines or Parquet file with a column ``contact_id``.
        out: the file to write, of the same format; it appears whole or not at all.
        column: the column, which is added where the table has none.
        values: the new value, by contact.
        empty: the new value of an empty cell, by contact.

    Raises:
        DataError: for a table that cannot be read row by row.
    """
    form = format_of(out)
    if form == "parquet":
        from journeykit.tables.parquet import write_again as write_columns

        write_columns(source, out, column, values, empty or {})
        return
    with whole_file(out) as file, text_file(file, out) as text:
        write = _csv_rows(source, column, text) if form == "csv" else _json_rows(text)
        for cells in _rows(source):
            names = {fold_name(name): name for name in cells}
            key = id_or_none(cells.get(names.get("contact_id", ""))) or ""
            name = names.get(column, column)
            if key in values:
                cells[name] = values[key]
            elif key in (empty or {}) and is_missing(cells.get(name)):
                cells[name] = (empty or {})[key]
            write(cells)


def _rows(source: str) -> Iterator[dict[str, Any]]:
    for row in open_table(source, "contacts").rows():
        if isinstance(row, BadRow):
            raise DataError(f"the table cannot be written again: found {row.found}", source=row.source, row=row.row)
        _, columns, values = row
        yield dict(zip(columns, values, strict=True))


def _csv_rows(source: str, column: str, text: Any) -> Callable[[Mapping[str, Any]], object]:
    columns = list(open_table(source, "contacts").columns or ())
    if column not in map(fold_name, columns):
        columns.append(column)
    write = csv.writer(text, lineterminator="\n").writerow
    write(columns)
    return lambda cells: write([cells.get(name) for name in columns])


def _json_rows(text: Any) -> Callable[[Mapping[str, Any]], object]:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    return lambda cells: text.write(encode(cells) + "\n")
