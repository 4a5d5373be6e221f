"""Tables of Arrow as lines of CSV or JSON, column by column; the bytes are those of `journeykit.tables.write_rows`."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from journeykit.kernels import copy_cells, copy_lists, measure_cells, measure_lists
from journeykit.tables.arrow.arrays import as_numpy, is_known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROWS = 32_768
"""So many rows become text at a time."""
_NO_CODES = np.zeros(0, np.int32)


class _Cells(NamedTuple):
    """A column as texts.

    Attributes:
        codes: by row, which of the texts it has; none where each row has a text of its own.
        first: where each text begins.
        data: the texts, one after the other.
        before: what comes before each cell; and so is after what comes after it.
        lists: where each row's list begins among the codes, where cells are lists.
        between: what comes between the members of a list.
    """

    codes: np.ndarray
    first: np.ndarray
    data: np.ndarray
    before: bytes
    after: bytes = b""
    lists: np.ndarray | None = None
    between: bytes = b""


class TextLines:
    """Turns batches into lines.

    Args:
        form: ``csv`` or ``jsonl``.
        columns: the names of the columns.
    """

    def __init__(self, form: str, columns: Sequence[str]) -> None:
        self._columns = columns
        self._is_json = form == "jsonl"
        # A line of CSV that would be empty has quotes: what an only column has is always looked at as a line.
        self._is_alone = len(columns) == 1 and not self._is_json
        self._encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
        special = b'"\\' + bytes(range(32)) if self._is_json else b',"' + bytes(range(32))
        self._is_special = np.zeros(256, np.bool_)
        self._is_special[list(special)] = True

    def head(self) -> bytes:
        """The first line, where there is one."""
        return b"" if self._is_json else _csv_line(self._columns) + b"\n"

    def lines(self, batch: pa.RecordBatch) -> Iterator[memoryview]:
        """The lines of a batch, some at a time."""
        for start in range(0, batch.num_rows, _ROWS):
            yield self._some_lines(batch.slice(start, _ROWS))

    def _some_lines(self, batch: pa.RecordBatch) -> memoryview:
        cells = [self._cells(place, column) for place, column in enumerate(batch.columns)]
        lengths = np.full(batch.num_rows, 2 if self._is_json else 1, np.int64)
        for own in cells:
            around = len(own.before) + len(own.after)
            if own.lists is None:
                measure_cells(own.codes, own.first, around, lengths)
            else:
                measure_lists(own.lists, own.codes, own.first, around, len(own.between), lengths)
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        out, ends = np.empty(int(ends[-1]), np.uint8), ends[:-1]
        for own in cells:
            edges = _bytes(own.before), _bytes(own.after)
            if own.lists is None:
                copy_cells(own.codes, own.first, own.data, *edges, ends, out)
            else:
                between = _bytes(own.between)
                copy_lists(own.lists, own.codes, own.first, own.data, edges[0], between, edges[1], ends, out)
        copy_cells(
            np.zeros(batch.num_rows, np.int32), *_texts([b"}\n" if self._is_json else b"\n"]), *_NOTHING, ends, out
        )
        return out.data

    def _cells(self, place: int, column: pa.Array) -> _Cells:
        """A column as texts."""
        before = f"{'{,'[place > 0]}{self._encode(self._columns[place])}:" if self._is_json else "," * (place > 0)
        if pa.types.is_list(column.type):
            return self._lists(column, before.encode())
        if pa.types.is_integer(column.type):
            column = column.cast(pa.string())
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            own = self._plain(column, before)
            if own is not None:
                return own
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        codes = as_numpy(column.indices)
        texts = self._distinct(column.dictionary)
        if column.null_count:
            codes = np.where(is_known(column.indices), codes, len(texts))
            texts.append(self._text(None))
        return _Cells(codes.astype(np.int32, copy=False), *_texts(texts), before.encode())

    def _plain(self, column: pa.Array, before: str) -> _Cells | None:
        """Texts that are all known and need no quotes or escapes; else None."""
        if column.null_count or self._is_alone:
            return None
        _, offsets, data = column.buffers()
        kind = np.int64 if pa.types.is_large_string(column.type) else np.int32
        first = np.frombuffer(offsets, kind)[column.offset : column.offset + len(column) + 1].astype(np.int64)
        # Nothing is allocated for no texts.
        text = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
        text = text[int(first[0]) : int(first[-1])]
        if self._is_special[text].any():
            return None
        quote = '"' * self._is_json
        return _Cells(_NO_CODES, first - first[0], text, (before + quote).encode(), quote.encode())

    def _lists(self, column: pa.Array, before: bytes) -> _Cells:
        """Lists of texts."""
        values = column.flatten()
        if not pa.types.is_dictionary(values.type):
            values = values.dictionary_encode()
        lists = as_numpy(column.offsets)
        lists = (lists - lists[0]).astype(np.int32, copy=False)
        codes, names = as_numpy(values.indices).astype(np.int32, copy=False), values.dictionary.to_pylist()
        if self._is_json:
            texts = [self._encode(name).encode() for name in names]
            return _Cells(codes, *_texts(texts), before + b"[", b"]", lists, b",")
        texts = [name.encode() for name in names]
        if self._is_alone or any(self._is_special[list(text)].any() for text in texts):
            # Such a cell is quoted as a whole.
            texts = [self._text(";".join(own)) for own in column.to_pylist()]
            return _Cells(_NO_CODES, *_texts(texts), before)
        return _Cells(codes, *_texts(texts), before, b"", lists, b";")

    def _distinct(self, values: pa.Array) -> list[bytes]:
        """Distinct values as cells: instants and numbers, of which there may be many, need no quotes."""
        quote = '"' * self._is_json
        if pa.types.is_timestamp(values.type):
            texts = np.datetime_as_string(as_numpy(values).view("M8[us]"), unit="us").tolist()
            return [f"{quote}{text}Z{quote}".encode() for text in texts]
        if pa.types.is_floating(values.type) and not self._is_json:
            return [repr(value).encode() for value in values.to_pylist()]
        return [self._text(value) for value in values.to_pylist()]

    def _text(self, value: Any) -> bytes:
        """A cell as the text of a line."""
        if self._is_json:
            return self._encode(value).encode()
        # With another cell after it an empty one is nothing.
        return _csv_line([value]) if self._is_alone else _csv_line([value, ""])[:-1]


_NOTHING = (np.zeros(0, np.uint8), np.zeros(0, np.uint8))


def _csv_line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()[:-1].encode()


def _texts(texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Where each text begins, and all of them, one after the other."""
    first = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=first[1:])
    return first, _bytes(b"".join(texts))


def _bytes(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)
