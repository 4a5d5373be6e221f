"""CSV files and files of JSON lines, read by Arrow's readers: the same cells as row by row, in a tenth of the time.

Arrow is more lenient than `journeykit.tables.read_rows`, and says less of what is wrong. So each block of a file is
looked at first, by a kernel: what is not plain in every respect is read row by row from there on.
"""

from __future__ import annotations

import gzip
import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from journeykit.kernels import is_plain_csv
from journeykit.kernels.interface.contact_arrays import TEXT_SCANS
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.adapters import array_of
from journeykit.tables.arrow.arrow_table import ArrowTable
from journeykit.tables.arrow.row_table import RowTable
from journeykit.tables.file_identity import FileIdentity
from journeykit.tables.formats import readable
from journeykit.tables.header import fold_name
from journeykit.tables.read_rows import PATIENT, ColumnKind, open_table

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from datetime import tzinfo

    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.formats import TableFile

BLOCK = 2**22
"""So many bytes of a file are read at a time."""
LONGEST = 2**20
"""No record of a plain file has more bytes."""
KEPT = 2**27
"""So many bytes of cells are kept from the reading that finds what kind each column is."""
_FEW = 2_000
_WHOLE = "^(0|-?[1-9][0-9]{0,14})$"
_BROKEN = r"^-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}$"


class NotPlainError(Exception):
    """A file of text is not of the kind that Arrow reads as the row reader does."""


def text_scan() -> np.ndarray:
    """The scan of a file, at its beginning."""
    found = np.zeros(1, TEXT_SCANS)
    found["longest"] = LONGEST
    return found


@contextmanager
def opened(identity: FileIdentity) -> Iterator[Any]:
    """The bytes of a file of text, packed by gzip or not.

    Raises:
        DataError: if the file is not the one that it was, now or once it was read.
    """
    path = identity.path
    with readable(path), open(path, "rb") as raw:  # noqa: PTH123  (a text is all that is needed)
        identity.check(raw.fileno())
        if path.lower().endswith(".gz"):
            with gzip.open(raw, "rb") as file:
                yield file
        else:
            yield raw
        identity.check(raw.fileno())


class _PlainBytes(io.RawIOBase):
    """The bytes of a CSV file, as long as they are plain."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._scan = text_scan()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found: bytes = self._file.read(size)
        if not is_plain_csv(np.frombuffer(found, np.uint8), self._scan) or (not found and not self._ends_well()):
            raise NotPlainError
        return found

    def _ends_well(self) -> bool:
        place, is_open = int(self._scan["place"][0]), int(self._scan["open"][0])
        return place in (0, 1, 3) and not is_open


class CsvTable(ArrowTable):
    """A CSV file.

    Args:
        path: the file.
        name: what messages call what is in no file.
        typed: which columns are typed as a whole; see `open_table`.
        wanted: which columns are read at all.
        texts: the folded names of columns whose text matters; see `open_table`.
        zone: the zone in which instants without an offset are meant.
    """

    columns: tuple[str, ...]

    def __init__(
        self,
        path: str,
        name: str,
        *,
        typed: Callable[[str], bool],
        wanted: Callable[[str], bool],
        texts: Container[str],
        zone: tzinfo | None,
    ) -> None:
        self._path = path
        header = open_table(path, name, zone=zone)
        self.source, self.columns, self.count = header.source, header.columns or (), None
        self._identity = FileIdentity(path)
        self._open: Callable[[], TableFile] = lambda: open_table(path, name, typed=typed, texts=texts, zone=zone)
        self._rows: RowTable | None = None
        self._kept: list[pa.RecordBatch] | None = None
        self._kinds = {
            own: ColumnKind(zone, exact=fold_name(own) in texts) for own in self.columns if typed(own) and wanted(own)
        }
        if len(set(map(fold_name, self.columns))) < len(self.columns):
            self._by_row()
        elif self._kinds:
            self._survey([own for own in self.columns if wanted(own)])

    def _by_row(self) -> RowTable:
        """The file, read row by row from here on."""
        if self._rows is None:
            file = self._open()
            self._rows = RowTable(self.source, file, lambda: file)
            self._kept = None
            self.count, self.naive, self.mixed = file.count, file.naive, file.mixed
        return self._rows

    # What kinds the columns are

    def _survey(self, names: Sequence[str]) -> None:
        """Look what kind each column is; the cells are kept where they are few enough."""
        kept: list[pa.RecordBatch] | None = []
        number = size = 0
        try:
            for batch in self._read(names):
                for name, kind in self._kinds.items():
                    look_at(kind, batch.column(name), number)
                number += batch.num_rows
                size += batch.nbytes
                if kept is not None:
                    kept = [*kept, batch] if size <= KEPT else None
        except NotPlainError:
            self._by_row()
            return
        self._kept, self.count = kept, number
        kinds = self._kinds.items()
        self.naive = tuple(name for name, kind in kinds if kind.naive)
        self.mixed = tuple(
            (name, *kind.not_a_number)
            for name, kind in kinds
            if kind.kind == "text" and kind.number and kind.not_a_number is not None
        )

    # Reading

    def bytes_read(self, names: Sequence[str], groups: Sequence[int] | None = None) -> int | None:  # noqa: ARG002
        """About how many bytes the columns have once they are read; see `ArrowTable`."""
        if self._kept is not None:
            return 0
        return None if self._path.lower().endswith(".gz") else 2 * os.stat(self._path).st_size  # noqa: PTH116

    def parts(
        self,
        wanted: Callable[[str], bool],
        groups: Sequence[int] | None = None,  # noqa: ARG002  (there are none)
    ) -> Iterator[Part | BadRow]:
        """The chunks in order; see `ArrowTable`."""
        names = tuple(name for name in self.columns if wanted(name))
        number = 1
        if self._rows is None and names:
            try:
                for batch in self._batches(names):
                    if batch.num_rows:
                        yield number, names, [self._typed(name, batch.column(name)) for name in names]
                        number += batch.num_rows
                self.count = number - 1
            except NotPlainError:
                self._by_row()
            else:
                return
        rows = self._by_row()
        yield from from_row(rows.parts(wanted), number)
        self.count = rows.count

    def _batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        kept = self._kept
        if kept is not None and (not kept or set(names) <= set(kept[0].schema.names)):
            return iter(kept)
        return self._read(names)

    def _read(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns as text, empty cells as null.

        Raises:
            NotPlainError: at the first block that is not plain.
            DataError: if the file is not the one that it was.
        """
        with opened(self._identity) as file:
            try:
                options = arrow_csv.ConvertOptions(
                    include_columns=list(names),
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    check_utf8=False,
                )
                yield from arrow_csv.open_csv(
                    pa.PythonFile(_PlainBytes(file), mode="r"),
                    read_options=arrow_csv.ReadOptions(block_size=BLOCK),
                    parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
                    convert_options=options,
                )
            except GeneratorExit:
                raise
            except Exception as error:
                # Whatever it is, the row reader says it better.
                raise NotPlainError from error

    def _typed(self, name: str, array: pa.Array) -> Any:
        kind = self._kinds.get(name)
        if kind is None or kind.kind in ("", "text"):
            return array
        if kind.kind == "number":
            try:
                return array.cast(pa.int64() if kind.whole else pa.float64())
            except pa.ArrowInvalid:
                pass  # blanks around it, or a number of more digits
        coded = array.dictionary_encode()
        values = array_of([kind.convert(cell) for cell in coded.dictionary.to_pylist()])
        if isinstance(values, pa.Array):
            return values.take(coded.indices)
        return [None if code is None else values[code] for code in coded.indices.to_pylist()]

    def pick(self, wanted: frozenset[int]) -> Iterator[tuple[int, Any]]:
        """Rows of some numbers, read again as mappings; see `journeykit.tables.bad_row_file`."""
        file = self._open()
        return RowTable(self.source, file, lambda: file).pick(wanted)


def from_row(parts: Iterator[Part | BadRow], number: int) -> Iterator[Part | BadRow]:
    """The chunks from a row on."""
    for part in parts:
        if isinstance(part, BadRow):
            if part.row >= number:
                yield part
            continue
        first, names, arrays = part
        rows = len(arrays[0]) if arrays else 0
        if first >= number:
            yield part
        elif first + rows > number:
            yield number, names, [array[number - first :] for array in arrays]


def look_at(kind: ColumnKind, array: pa.Array, rows: int) -> None:
    """Take the next cells of a column into account, after so many rows; the same as cell by cell.

    Args:
        kind: what is known of the column.
        array: its cells as text, null where they are empty.
        rows: how many rows were looked at before.
    """
    early = max(0, min(len(array), PATIENT - rows))
    for number, cell in enumerate(array[:early].to_pylist(), rows + 1):
        if cell is not None and not kind.look(cell, number):
            return
    rest = array[early:]
    if kind.kind == "text" or not len(rest):
        return
    cells = rest.unique()
    if len(cells) > _FEW and kind.kind in ("", "number"):
        whole, broken = pc.match_substring_regex(cells, _WHOLE), pc.match_substring_regex(cells, _BROKEN)
        if pc.all(whole).as_py() or (not kind.exact and pc.all(pc.or_(whole, broken)).as_py()):
            # Surely numbers, which say no more than one of each kind does.
            ones = [cells.filter(pc.fill_null(own, fill_value=False))[:1] for own in (whole, broken)]
            cells = pa.concat_arrays(ones)
    for cell in cells.to_pylist():
        if cell is None:
            continue
        unsure = kind.not_a_number is None
        goes_on = kind.look(cell, rows + early + 1)
        if unsure and kind.not_a_number is not None:
            kind.not_a_number = rows + early + 1 + pc.index(rest, cell).as_py(), kind.not_a_number[1]
        if not goes_on:
            return
