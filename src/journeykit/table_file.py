"""Files that hold tables: rows in and rows out, as CSV, JSON lines or Parquet. The only home of pyarrow here.

What the columns mean is `journeykit.tables`' work. Files are read as streams: memory does not grow with them.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import secrets
import stat
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from journeykit.errors import DataError, MissingExtraError
from journeykit.fields import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo
    from typing import BinaryIO

FORMATS = ("csv", "jsonl", "parquet")
"""The formats of tables."""
ENDINGS = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
    ".parquet": "parquet",
}
"""The endings of files, and the format each stands for."""
_LONGEST_LINE = 16 * 1024 * 1024
_BATCH = 8_192
_GROUP = 65_536
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_NO_NUMBER = ("nan", "inf", "-inf", "+inf")


@frozen
class BadRow:
    """A row, or a claim, that cannot be used; the others go on without it.

    Attributes:
        source: the table.
        row: which, counted from 1 without the header.
        field: the column that is wrong; empty where the whole row is.
        found: what stands there.
        allowed: what may stand there.

    Example:
        >>> print(BadRow("contacts.csv", 3, "timezone", "'Mars/Base'", "an IANA time zone"))
        contacts.csv, row 3, field 'timezone': found 'Mars/Base'; allowed is an IANA time zone
    """

    source: str
    row: int
    field: str
    found: str
    allowed: str

    def __str__(self) -> str:
        place = f", field {self.field!r}" if self.field else ""
        return f"{self.source}, row {self.row}{place}: found {self.found}; allowed is {self.allowed}"


RawRow = tuple[int, tuple[str, ...], Sequence[Any]]
"""The number of a row, the names of its columns, and its values."""


class TableFile(Protocol):
    """A table that is read row by row."""

    @property
    def source(self) -> str:
        """What messages call it."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of its columns; None where each row brings its own."""

    @property
    def count(self) -> int | None:
        """How many rows it has; None where that is not known."""

    @property
    def naive(self) -> tuple[str, ...]:
        """The columns of instants without an offset, which were read as text."""

    def rows(self) -> Iterator[RawRow | BadRow]:
        """The rows in order. A row that cannot be read comes as a `BadRow`."""
        ...


Source = str | os.PathLike[str] | Iterable[Mapping[str, Any]]
"""Where a table comes from: a file, or rows as mappings."""


def format_of(path: str | os.PathLike[str]) -> str | None:
    """The format that the ending of a file stands for, or None.

    Example:
        >>> format_of("decisions.csv.gz"), format_of("decisions.xlsx")
        ('csv', None)
    """
    name = os.fspath(path).lower()
    return next((form for ending, form in ENDINGS.items() if name.endswith(ending)), None)


def open_table(
    source: Source,
    name: str,
    *,
    typed: Callable[[str], bool] = lambda _: False,
    wanted: Callable[[str], bool] = lambda _: True,
    zone: tzinfo | None = None,
) -> TableFile:
    """A table to read.

    Args:
        source: the path of a file, or an iterable of mappings.
        name: what messages call rows that are in no file.
        typed: which columns of a CSV file are typed as a whole: boolean, number, instant, else text. Of the
            others every cell is text. An empty cell is None.
        wanted: which columns are needed; a format that can leaves the others unread.
        zone: the zone in which instants without an offset are meant.

    Raises:
        DataError: for a file that cannot be read, and for an unknown ending.
        MissingExtraError: for a Parquet file without the extra ``columns``.
    """
    if not isinstance(source, (str, os.PathLike)):
        return _Mappings(name, source)
    path = os.fspath(source)
    form = format_of(path)
    if form is None:
        raise DataError(f"the ending of a table is one of {', '.join(ENDINGS)}", source=path)
    with _readable(path):
        if form == "csv":
            return _Csv(path, typed, zone)
        return _Jsonl(path) if form == "jsonl" else _Parquet(path, wanted)


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """Whatever goes wrong with the file itself becomes our error."""
    try:
        yield
    except (OSError, EOFError, zlib.error, ValueError) as error:
        if isinstance(error, DataError):
            raise
        said = getattr(error, "strerror", None) or str(error)
        raise DataError(f"the file cannot be read: {said}", source=path) from error


class _Mappings:
    """Rows that are mappings already."""

    columns = None
    count = None
    naive = ()

    def __init__(self, source: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.source = source
        self._rows = rows

    def rows(self) -> Iterator[RawRow | BadRow]:
        for number, row in enumerate(self._rows, 1):
            try:
                columns, values = tuple(row), list(row.values())
            except (TypeError, AttributeError):
                yield BadRow(self.source, number, "", shown(row), "a mapping of column names to values")
                continue
            yield number, columns, values


# Text


def _lines(path: str) -> Iterator[str]:
    """The lines of a text file in UTF-8, with or without a byte order mark, packed by gzip or not."""
    opened: Any = gzip.open if path.lower().endswith(".gz") else open
    # What is not UTF-8 comes as lone surrogates, so that the message can name the line.
    with opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if len(line) == _LONGEST_LINE:
                raise DataError(f"line {number} is longer than {_LONGEST_LINE:,} characters", source=path)
            if not line.isascii() and not is_unicode(line):
                raise DataError(f"line {number} is not UTF-8; save the file as UTF-8", source=path)
            yield line


def is_unicode(text: str) -> bool:
    """Whether a text can be written in UTF-8: it has no lone surrogates.

    Example:
        >>> is_unicode("Љубица"), is_unicode(chr(0xD800))
        (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_instant(text: str, zone: tzinfo | None = None) -> datetime | date | None:
    """A text as an instant, a naive datetime, or a date; None if it is none of them.

    With a zone, naive datetimes become instants in it; the first one where clocks show a time twice.

    Example:
        >>> as_instant("2026-11-05T10:00Z").isoformat()
        '2026-11-05T10:00:00+00:00'
    """
    text = text.strip()
    try:
        if len(text) <= 10:
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return in_zone(found, zone) if found.tzinfo is None and zone is not None else found


def in_zone(naive: datetime, zone: tzinfo) -> datetime:
    """A naive datetime as the instant, in UTC, at which clocks of a zone show it."""
    try:
        return naive.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return naive.replace(tzinfo=UTC)


def is_number(text: str) -> bool:
    """Whether a text is written like a number. Leading zeros are not: 007 says more than 7.

    Example:
        >>> [text for text in ("12", "-1.5e3", ".5", "007", "1_000", "12a", "") if is_number(text)]
        ['12', '-1.5e3', '.5']
    """
    found = _NUMBER.fullmatch(text) if len(text) <= 400 else None
    if found is None:
        return text.lower() in _NO_NUMBER
    return any(char.isdigit() for char in (found[1] or "") + (found[2] or ""))


class _Column:
    """What the cells of one CSV column have in common."""

    __slots__ = ("kind", "naive", "whole", "zone")

    def __init__(self, zone: tzinfo | None) -> None:
        self.kind = ""
        self.whole = True
        self.naive = False
        self.zone = zone

    def look(self, cell: str) -> bool:
        """Take a cell into account; False once the column is known to be text."""
        text = cell.strip()
        if not text:
            return True
        kind = self._kind(text)
        self.kind = kind if self.kind in ("", kind) else "text"
        return self.kind != "text"

    def _kind(self, text: str) -> str:
        if text.lower() in ("true", "false"):
            return "boolean"
        if is_number(text):
            self.whole = self.whole and _WHOLE.fullmatch(text) is not None
            return "number"
        found = as_instant(text, self.zone)
        if isinstance(found, datetime) and found.tzinfo is None:
            self.naive = self.kind == ""
            return "text"
        return "text" if found is None else "instant"

    def convert(self, cell: str) -> Any:
        text = cell.strip()
        if not text:
            return None
        if self.kind == "boolean":
            return text.lower() == "true"
        if self.kind == "number":
            return int(text) if self.whole else float(text)
        return as_instant(text, self.zone)


class _Csv:
    """A CSV file; one pass over it types the columns, where any is to be typed."""

    def __init__(self, path: str, typed: Callable[[str], bool], zone: tzinfo | None) -> None:
        self.source = path
        records = self._records()
        _, header = next(records, (0, None))
        if header is None:
            raise DataError("the file is empty; a CSV file begins with the names of its columns", source=path)
        self.columns = tuple(header)
        columns = {place: _Column(zone) for place, name in enumerate(header) if typed(name)}
        self.count: int | None = None
        if columns:
            self.count = self._survey(records, columns)
        self.naive = tuple(header[place] for place, column in columns.items() if column.naive)
        self._typed = [(place, column) for place, column in columns.items() if column.kind not in ("", "text")]

    @staticmethod
    def _survey(records: Iterator[tuple[int, list[str]]], columns: Mapping[int, _Column]) -> int:
        open_ = list(columns.items())
        number = 0
        for number, record in records:  # noqa: B007  (the last one is the count)
            settled = False
            for place, column in open_:
                if not column.look(record[place]):
                    settled = True
            if settled:
                open_ = [(place, column) for place, column in open_ if column.kind != "text"]
        return number

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The header as record 0, then the rows; lines without anything on them do not count."""
        path, width, number = self.source, 0, -1
        reader = csv.reader(_lines(path), strict=True)
        with _readable(path):
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
                values[place] = column.convert(record[place])
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

    def __init__(self, path: str) -> None:
        self.source = path
        with open(path, "rb"):  # noqa: PTH123  (whether it can be read at all is said now, not at the first row)
            pass

    def rows(self) -> Iterator[RawRow | BadRow]:
        decode = json.JSONDecoder(object_pairs_hook=_object).decode
        number = 0
        with _readable(self.source):
            for line in _lines(self.source):
                text = line.strip()
                if not text:
                    continue
                number += 1
                try:
                    row = decode(text)
                except _RepeatedKeyError:
                    yield BadRow(self.source, number, "", shown(text), "a JSON object whose keys all differ")
                    continue
                except (ValueError, RecursionError):
                    row = text
                if isinstance(row, dict):
                    yield number, tuple(row), list(row.values())
                else:
                    yield BadRow(self.source, number, "", shown(row), "one JSON object a line")


# Parquet


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("columns", "a Parquet file") from None
    return pa, pq


class _Parquet:
    """A Parquet file, read a batch at a time."""

    naive = ()

    def __init__(self, path: str, wanted: Callable[[str], bool]) -> None:
        self.source = path
        self._pa, self._pq = _pyarrow()
        with self._open() as file:
            self.columns = tuple(file.schema_arrow.names)
            self.count: int | None = file.metadata.num_rows
        if len(set(self.columns)) != len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise DataError(f"two columns have the name {twice!r}", source=path)
        self._wanted = [name for name in self.columns if wanted(name)]

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with _readable(self.source):
            try:
                with self._pq.ParquetFile(self.source) as file:
                    yield file
            except self._pa.ArrowException as error:
                raise DataError(f"the file is not readable Parquet: {error}", source=self.source) from error

    def rows(self) -> Iterator[RawRow | BadRow]:
        names = tuple(self._wanted)
        number = 0
        with self._open() as file:
            for batch in file.iter_batches(batch_size=_BATCH, columns=self._wanted):
                columns = [self._values(column) for column in batch.columns]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield number, names, values

    def _values(self, column: Any) -> list[Any]:
        pa, kind = self._pa, column.type
        if pa.types.is_timestamp(kind):
            # Python counts microseconds, and rules know no zone but UTC.
            column = column.cast(pa.timestamp("us", "UTC" if kind.tz else None), safe=False)
        elif pa.types.is_decimal(kind):
            column = column.cast(pa.float64())
        try:
            values: list[Any] = column.to_pylist()
        except (ValueError, OverflowError, pa.ArrowException):
            values = [_value(cell) for cell in column]
        return values


def _value(cell: Any) -> Any:
    """One value; what Python cannot hold comes as a text, which is then found bad where it matters."""
    try:
        return cell.as_py()
    except Exception as error:  # noqa: BLE001  (pyarrow lets many errors through: of dates, texts and zones)
        return f"<{type(error).__name__}>"


# Writing


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write that appears whole or not at all: written beside, then renamed.

    What is no regular file, such as a pipe or ``/dev/null``, is written as it stands.

    Raises:
        OSError: if it cannot be written; nothing is left behind.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        with target.open("wb") as file:
            yield file
        return
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        # Unlike those of the module tempfile, this file gets the rights that a new file usually gets.
        with beside.open("xb") as file:
            if target.exists():
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


@contextmanager
def table_writer(
    path: str | os.PathLike[str], columns: Mapping[str, str], form: str | None = None
) -> Iterator[Callable[[Sequence[Any]], object]]:
    """A function that writes rows to a file, which appears whole or not at all.

    Args:
        path: the file; ``-`` is standard output.
        columns: the kind of each column by name: ``text``, ``number``, ``instant`` (aware, in UTC) or ``texts``
            (several; in CSV joined by ``;``, in JSON lines and Parquet a list).
        form: ``csv``, ``jsonl`` or ``parquet``; None for what the ending says.

    Raises:
        DataError: for an unknown ending.
        OSError: if the file cannot be written.
        MissingExtraError: for a Parquet file without the extra ``columns``.
    """
    form = form or format_of(path)
    if form is None:
        raise DataError(f"the ending of a table is one of {', '.join(ENDINGS)}", source=os.fspath(path))
    opened = {"csv": _csv_writer, "jsonl": _jsonl_writer, "parquet": _parquet_writer}[form]
    if os.fspath(path) == "-":
        sys.stdout.flush()
        with opened(sys.stdout.buffer, columns) as write:
            yield write
        return
    with whole_file(path) as file, _packed(file, path) as target, opened(target, columns) as write:
        yield write


@contextmanager
def _packed(file: BinaryIO, path: str | os.PathLike[str]) -> Iterator[Any]:
    if not os.fspath(path).lower().endswith(".gz"):
        yield file
        return
    # Without a name and a time the same rows give the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        yield packed


@contextmanager
def _text(file: Any) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield text
        text.flush()
    finally:
        text.detach()


def instant_text(instant: datetime) -> str:
    """An instant as text: UTC, microseconds.

    Example:
        >>> instant_text(datetime(2026, 11, 5, 10, tzinfo=UTC))
        '2026-11-05T10:00:00.000000Z'
    """
    return instant.isoformat(timespec="microseconds")[:26] + "Z"


_CSV_CELLS: dict[str, Callable[[Any], object]] = {"instant": instant_text, "texts": ";".join, "number": repr}


@contextmanager
def _csv_writer(file: Any, columns: Mapping[str, str]) -> Iterator[Callable[[Sequence[Any]], object]]:
    special = [(place, _CSV_CELLS[kind]) for place, kind in enumerate(columns.values()) if kind in _CSV_CELLS]
    with _text(file) as text:
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

    with _text(file) as text:
        yield write_row


@contextmanager
def _parquet_writer(file: Any, columns: Mapping[str, str]) -> Iterator[Callable[[Sequence[Any]], object]]:
    pa, pq = _pyarrow()
    kinds = {
        "text": pa.string(),
        "number": pa.float64(),
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
