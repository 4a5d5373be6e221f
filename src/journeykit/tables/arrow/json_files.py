"""Files of JSON lines, read by Arrow block by block; a block that is not plain is read line by line."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from journeykit.kernels import is_plain_jsonl
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.row_table import RowTable
from journeykit.tables.arrow.text_files import BLOCK, from_row, opened, text_scan
from journeykit.tables.file_identity import FileIdentity
from journeykit.tables.header import PATIENCE, fold_name, twin_names, twin_row
from journeykit.tables.read_rows import LONGEST_LINE, json_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.formats import RawRow

_EXACT = 2.0**53
_BRACE = ord("}")


class JsonTable(RowTable):
    """A file of JSON lines.

    Args:
        path: the file.
        file: the same, opened to be read row by row.
    """

    def __init__(self, path: str, file: Any) -> None:
        super().__init__(path, file, lambda: file)
        self._path = path
        self._identity = FileIdentity(path)

    def parts(
        self,
        wanted: Callable[[str], bool],
        groups: Sequence[int] | None = None,
    ) -> Iterator[Part | BadRow]:
        """The chunks in order; see `ArrowTable`."""
        number = 1
        # The columns of texts: Arrow would read some of them as instants. Each pass begins without, so that all passes
        # give the same.
        texts: dict[str, pa.DataType] = {}
        for block in self._blocks():
            table = None if block is None else self._table(block, texts)
            lines = _lines_of(block) if block is not None and table is None else None
            if (table is None and lines is None) or (number == 1 and (table is None or not self._has_needed(table))):
                # What is wrong with the file is said in the words of the row reader.
                yield from from_row(super().parts(wanted, groups), number)
                return
            if table is None:
                rows = list(self._line_by_line(lines or (), number))
                yield from self.chunked(rows, wanted)
                number += len(rows)
                continue
            self._met.update(dict.fromkeys(table.column_names))
            names = tuple(name for name in table.column_names if wanted(name))
            yield number, names, [pa.concat_arrays(table[name].chunks) for name in names]
            number += table.num_rows
        self.count = number - 1

    def _blocks(self) -> Iterator[bytes | None]:
        """Some lines at a time; None where the file is not one of lines in UTF-8."""
        with opened(self._identity) as file:
            rest = file.read(BLOCK).removeprefix(codecs.BOM_UTF8)
            while rest:
                more = file.read(BLOCK)
                end = rest.rfind(b"\n") + 1 if more else len(rest)
                if len(rest) - end > LONGEST_LINE:
                    yield None
                if end:
                    yield rest[:end]
                rest = rest[end:] + more

    def _table(self, block: bytes, texts: dict[str, pa.DataType]) -> pa.Table | None:
        """A block as Arrow reads it; None where that may not be what is written there.

        Args:
            block: some lines.
            texts: the columns that are texts in the blocks before; added to.
        """
        scan = text_scan()
        scan["longest"] = BLOCK
        if not is_plain_jsonl(np.frombuffer(block, np.uint8), scan) or scan["open"][0] or scan["last"][0] != _BRACE:
            return None
        for _ in range(2):
            try:
                table = arrow_json.read_json(
                    pa.BufferReader(block),
                    read_options=arrow_json.ReadOptions(block_size=2 * BLOCK),
                    parse_options=arrow_json.ParseOptions(explicit_schema=pa.schema(list(texts.items()))),
                )
            except pa.ArrowException:
                return None
            kinds = {field.name: field.type for field in table.schema}
            instants = [name for name, kind in kinds.items() if pa.types.is_timestamp(kind)]
            texts |= {name: pa.string() for name, kind in kinds.items() if kind == pa.string()}
            texts |= dict.fromkeys(instants, pa.string())
            if not instants:
                break
        good = table.num_rows == scan["rows"][0] and twin_names(table.column_names) is None
        if not good or not all(_is_exact(table[name]) for name in table.column_names):
            return None
        # Whose they are is what all rows say; where none does the row reader says so.
        return table if any(fold_name(name) == "contact_id" for name in table.column_names) else None

    def _has_needed(self, table: pa.Table) -> bool:
        """Whether the first rows surely have the columns without which the table cannot be used."""
        first = table.slice(0, PATIENCE)
        there = {fold_name(name) for name in table.column_names if first[name].null_count < first.num_rows}
        return all(name in there for name in self.needed)

    def _line_by_line(self, lines: Iterable[str], number: int) -> Iterator[RawRow | BadRow]:
        for line in lines:
            text = line.strip()
            if not text:
                continue
            row = json_row(text, self.source, number)
            if not isinstance(row, BadRow):
                self._met.update(dict.fromkeys(row[1]))
                row = twin_row(self.source, *row) or row
            yield row
            number += 1


def _lines_of(block: bytes) -> list[str] | None:
    """The lines of a block; None where the row reader refuses one."""
    try:
        lines = list(io.StringIO(block.decode(), newline=""))
    except UnicodeDecodeError:
        return None
    return None if any(len(line) >= LONGEST_LINE for line in lines) else lines


def _is_exact(column: pa.ChunkedArray) -> bool:
    """Whether the values are surely those of the lines: no whole number became a float, none has parts of its own."""
    kind = column.type
    if pa.types.is_list(kind):
        # Of a list with fractions nobody can tell which members were written as whole numbers.
        within = kind.value_type
        return not (pa.types.is_nested(within) or pa.types.is_timestamp(within) or pa.types.is_floating(within))
    if pa.types.is_floating(kind):
        return not pc.any(pc.greater_equal(pc.abs(column), _EXACT)).as_py()
    return not pa.types.is_nested(kind)
