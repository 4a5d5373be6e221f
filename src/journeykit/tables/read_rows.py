"""Tables in: CSV and JSON lines, read as streams, so that memory does not grow with the files."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import stat
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from journeykit.basics.validation import shown
from journeykit.errors import DataError
from journeykit.model.bad_row import BadRow
from journeykit.rule.values import as_text, moment_in
from journeykit.tables.cells import as_instant, is_number, is_unicode, plain_decimal
from journeykit.tables.file_identity import FileIdentity, changed_error
from journeykit.tables.formats import ENDINGS, RawRow, TableFile, TableSource, called, format_of, readable
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping
    from datetime import tzinfo

_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_PLAIN = frozenset({str, int, float, bool, type(None), datetime, date})
LONGEST_LINE = 16 * 1024 * 1024
PATIENT = 1_000
"""So many rows are looked at for numbers in a column that is text."""


def open_table(
    source: TableSource,
    name: str,
    *,
    typed: Callable[[str], bool] = lambda _: False,
    wanted: Callable[[str], bool] = lambda _: True,
    texts: Container[str] = (),
    zone: tzinfo | None = None,
) -> TableFile:
    """A table to read.

    Args:
        source: the path of a file or of a folder of Parquet files, or an iterable of mappings.
        name: what messages call rows that are in no file.
        typed: which columns of a CSV file are typed as a whole: boolean, number, instant, else text. Of the
            others every cell is text. An empty cell is None.
        texts: the folded names of columns whose text matters: they are typed only where that loses nothing of it, as
            leading zeros would be lost.
        wanted: which columns are needed; a format that can leaves the others unread.
        zone: the zone in which instants without an offset are meant.

    Raises:
        DataError: for a file that cannot be read, and for an unknown ending.
        MissingExtraError: for a Parquet file without the extra ``columns``.
    """
    if not isinstance(source, (str, os.PathLike)):
        return _Mappings(name, source)
    path = os.fspath(source)
    if os.path.isdir(path):  # noqa: PTH112  (a text is all that is needed)
        from journeykit.tables.parquet import ParquetRows

        with readable(path):
            return ParquetRows(path, wanted)
    form = format_of(path)
    if form is None:
        raise DataError(f"the ending of a table is one of {', '.join(ENDINGS)}", source=path)
    with readable(path):
        kind = os.stat(path).st_mode  # noqa: PTH116  (a text is all that is needed)
        if not stat.S_ISREG(kind):
            raise DataError("a table is read twice; give a regular file", source=path)
        if form == "csv":
            return _Csv(path, typed, zone, texts)
        if form == "jsonl":
            return _Jsonl(path)
        from journeykit.tables.parquet import ParquetRows

        return ParquetRows(path, wanted)


def plain_value(value: Any) -> Any:
    """A value of NumPy or pandas, or a list of them, as Python's own; a decimal as a number; pandas' nothing as None.

    Example:
        >>> plain_value([1, "a"]), plain_value(None)
        ([1, 'a'], None)
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Decimal):
        # NaN is the one that signals, too: any comparison with it is an error.
        return float("nan") if value.is_nan() else plain_decimal(value)
    if type(value) is list:
        return [plain_value(part) for part in value]
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    convert = getattr(value, "tolist", None)
    if convert is None:
        return value
    try:
        return convert()
    except Exception:  # noqa: BLE001  (foreign code; the value is then found bad where it matters)
        return value


class _Mappings:
    """Rows that are mappings already."""

    columns = None
    count = None
    naive = ()
    mixed = ()

    def __init__(self, source: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.source = source
        self._rows = rows

    def rows(self) -> Iterator[RawRow | BadRow]:
        for number, row in enumerate(self._rows, 1):
            try:
                columns, values = (
                    tuple(row),
                    [value if type(value) in _PLAIN else plain_value(value) for value in row.values()],
                )
            except (TypeError, AttributeError):
                yield BadRow(self.source, number, "", shown(row), "a mapping of column names to values", row)
                continue
            yield number, columns, values


def _lines(identity: FileIdentity) -> Iterator[str]:
    """The lines of a text file in UTF-8, with or without a byte order mark, packed by gzip or not."""
    path = identity.path
    opened: Any = gzip.open if path.lower().endswith(".gz") else open
    # What is not UTF-8 comes as lone surrogates, so that the message can name the line.
    with opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        identity.check(file.fileno())
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise DataError(f"line {number} is longer than {LONGEST_LINE:,} characters", source=called(path))
            if not line.isascii() and not is_unicode(line):
                raise DataError(f"line {number} is not UTF-8; save the file as UTF-8", source=called(path))
            yield line
        identity.check(file.fileno())


class ColumnKind:
    """What the cells of one CSV column have in common."""

    __slots__ = ("exact", "kind", "naive", "not_a_number", "number", "whole", "zone")

    def __init__(self, zone: tzinfo | None, *, exact: bool) -> None:
        # Whether it is text where anything of the text would be lost.
        self.exact = exact
        self.kind = ""
        self.whole = True
        self.naive = False
        # Whether a cell is a number, and the first one that is not, with its row.
        self.number = False
        self.not_a_number: tuple[int, str] | None = None
        self.zone = zone

    def look(self, cell: str, row: int) -> bool:
        """Take a cell into account; False once the column is known to be text."""
        text = cell.strip()
        if not text:
            return True
        kind = self._kind(text)
        if self.exact and kind != "text" and _text_of(text, kind, self.zone) != cell:
            kind = "text"
        self.kind = kind if self.kind in ("", kind) else "text"
        if kind == "number":
            self.number = True
        elif self.not_a_number is None:
            self.not_a_number = row, text
        return self.kind != "text" or row < PATIENT

    def _kind(self, text: str) -> str:
        if text.lower() in ("true", "false"):
            return "boolean"
        if is_number(text):
            self.whole = self.whole and _WHOLE.fullmatch(text) is not None
            return "number"
        if moment_in(text) is None:
            # Not every text that could be a date is one: 2026-W45 is a week.
            return "text"
        found = as_instant(text, self.zone)
        if isinstance(found, datetime) and found.tzinfo is None:
            self.naive = self.naive or self.kind == ""
            return "text"
        return "text" if found is None else "instant"

    def convert(self, cell: str) -> Any:
        """A cell as the kind of the column; None where it is empty.

        Raises:
            ValueError: if it is not of that kind.
        """
        text = cell.strip()
        if not text:
            return None
        if self.kind == "boolean":
            return text.lower() == "true"
        if self.kind == "number":
            return int(text) if self.whole else float(text)
        return as_instant(text, self.zone)


def _text_of(text: str, kind: str, zone: tzinfo | None) -> str | None:
    """The text of what a cell is typed as."""
    if kind == "boolean":
        return text.lower()
    if kind == "number":
        return as_text(int(text) if _WHOLE.fullmatch(text) else float(text))
    return as_text(as_instant(text, zone))


class _Csv:
    """A CSV file; one pass over it types the columns, where any is to be typed."""

    def __init__(
        self, path: str, typed: Callable[[str], bool], zone: tzinfo | None, texts: Container[str] = ()
    ) -> None:
        self.source = called(path)
        self._identity = FileIdentity(path)
        # The module's own limit, 128 kB a field, is one for the whole process: it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
        records = self._records()
        _, header = next(records, (0, None))
        if header is None:
            raise DataError("the file is empty; a CSV file begins with the names of its columns", source=self.source)
        self.columns = tuple(header)
        columns = {
            place: ColumnKind(zone, exact=fold_name(name) in texts) for place, name in enumerate(header) if typed(name)
        }
        self.count: int | None = None
        if columns:
            self.count = self._survey(records, columns)
        self.naive = tuple(header[place] for place, column in columns.items() if column.naive)
        self.mixed = tuple(
            (header[place], *column.not_a_number)
            for place, column in columns.items()
            if column.kind == "text" and column.number and column.not_a_number is not None
        )
        self._typed = [(place, column) for place, column in columns.items() if column.kind not in ("", "text")]

    @staticmethod
    def _survey(records: Iterator[tuple[int, list[str]]], columns: Mapping[int, ColumnKind]) -> int:
        open_ = list(columns.items())
        number = 0
        for number, record in records:
            settled = [column for place, column in open_ if not column.look(record[place], number)]
            if settled:
                open_ = [(place, column) for place, column in open_ if column not in settled]
        return number

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The header as record 0, then the rows; lines without anything on them do not count."""
        path, width, number = self.source, 0, -1
        reader = csv.reader(_lines(self._identity), strict=True)
        with readable(path):
            try:
                for record in reader:
                    if not record:
                        continue
                    number += 1
                    width = width or len(record)
                    if len(record) != width:
                        fields = "field" if len(record) == 1 else "fields"
                        raise DataError(f"{len(record)} {fields} in a table of {width}", source=path, row=number)
                    yield number, record
            except csv.Error as error:
                row = number + 1 or None
                message = f"the file is not CSV: {error} (line {reader.line_num}); is a quote left open?"
                raise DataError(message, source=path, row=row) from error

    def rows(self) -> Iterator[RawRow | BadRow]:
        columns, typed = self.columns, self._typed
        records = self._records()
        next(records)
        for number, record in records:
            values: list[Any] = [cell or None for cell in record]
            for place, column in typed:
                try:
                    values[place] = column.convert(record[place])
                except ValueError:
                    found = f"field {columns[place]!r} was a {column.kind} throughout, and is {shown(record[place])}"
                    raise changed_error(self.source, found, number) from None
            yield number, columns, values


class _RepeatedKeyError(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKeyError
    return found


class _Jsonl:
    """A file of JSON objects, one a line."""

    columns = None
    count = None
    naive = ()
    mixed = ()

    def __init__(self, path: str) -> None:
        self.source = called(path)
        self._identity = FileIdentity(path)
        with open(path, "rb"):  # noqa: PTH123  (whether it can be read at all is said now, not at the first row)
            pass

    def rows(self) -> Iterator[RawRow | BadRow]:
        number = 0
        with readable(self.source):
            for line in _lines(self._identity):
                text = line.strip()
                if not text:
                    continue
                number += 1
                yield json_row(text, self.source, number)


_decode = json.JSONDecoder(object_pairs_hook=_object).decode


def json_row(text: str, source: str, number: int) -> RawRow | BadRow:
    """A line of a file of JSON lines as a row."""
    try:
        row = _decode(text)
    except _RepeatedKeyError:
        pairs = tuple(json.loads(text, object_pairs_hook=list))
        return BadRow(source, number, "", shown(text), "a JSON object whose keys all differ", text, pairs)
    except (ValueError, RecursionError):
        row = text
    if isinstance(row, dict):
        return number, tuple(row), list(row.values())
    return BadRow(source, number, "", shown(row), "one JSON object a line", row)
