"""Batches of Arrow arrays as rows, and rows as batches. Nothing is opened here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow import arrow_table
from journeykit.tables.arrow.arrays import texts
from journeykit.tables.arrow.arrow_table import ArrowTable, Part
from journeykit.tables.arrow.column import Column
from journeykit.tables.bad_row_file import picked
from journeykit.tables.header import PATIENCE, fold_name, missing_column, twin_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from journeykit.tables.formats import RawRow


class RowTable(ArrowTable):
    """CSV, JSON lines, and rows that are mappings: read row by row."""

    def __init__(self, name: str, opened: Any, again: Callable[[], Any]) -> None:
        self.source = opened.source if opened.columns is not None or isinstance(opened.source, str) else name
        self._again = again
        self.columns = opened.columns
        self.count = opened.count
        self.naive = opened.naive
        self.mixed = opened.mixed
        self._met: dict[str, None] = {}

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns, as far as they were met."""
        return self.columns or tuple(self._met)

    def rows(self) -> Iterator[RawRow | BadRow]:
        """The rows, one by one."""
        found: Iterator[RawRow | BadRow] = self._again().rows()
        return found

    def parts(
        self,
        wanted: Callable[[str], bool],
        groups: Sequence[int] | None = None,  # noqa: ARG002  (there are none)
    ) -> Iterator[Part | BadRow]:
        """The chunks in order; see `ArrowTable`."""
        waiting: list[tuple[tuple[str, ...], Sequence[Any]]] = []
        first = expected = 0
        # By folded name, how the rows that wait write it: two columns whose case alone differs are not one.
        written: dict[str, str] = {}
        met: dict[str, None] = {}
        unsure = self.columns is None
        count = 0
        for row in self._again().rows():
            count += 1
            if isinstance(row, BadRow):
                if waiting:
                    yield rows_to_batch(first, waiting, wanted)
                    waiting = []
                yield row
                continue
            number, columns, values = row
            if unsure:
                met.update(dict.fromkeys(columns))
                unsure = number < PATIENCE or self._check(met)
            alike = bool(waiting) and columns == waiting[-1][0]
            if not alike and self.columns is None:
                self._met.update(dict.fromkeys(columns))
            names = {} if alike else {fold_name(str(name)): name for name in columns}
            if not alike and len(names) < len(columns) and self.columns is None:
                if waiting:
                    yield rows_to_batch(first, waiting, wanted)
                    waiting = []
                twins = twin_row(self.source, number, columns)
                assert twins is not None  # noqa: S101  (two names are one)
                yield twins
                continue
            apart = not alike and any(written.get(fold, name) != name for fold, name in names.items())
            if waiting and (number != expected or apart or len(waiting) >= arrow_table.CHUNK):
                yield rows_to_batch(first, waiting, wanted)
                waiting = []
            if not waiting:
                first, written = number, {}
            written.update(names)
            waiting.append((columns, values))
            expected = number + 1
        if unsure and expected:
            self._check(met)
        if waiting:
            yield rows_to_batch(first, waiting, wanted)
        self.count = count

    def _check(self, met: Mapping[str, None]) -> bool:
        """Refuse a table none of whose first rows has a needed column; False, as that is then sure."""
        folded = {fold_name(str(name)) for name in met}
        for column in self.needed:
            if column not in folded:
                raise missing_column(column, [str(name) for name in met], self.source)
        return False


def rows_to_batch(
    number: int, rows: list[tuple[tuple[str, ...], Sequence[Any]]], wanted: Callable[[str], bool]
) -> Part:
    """Rows as a chunk; where some have columns that others lack, these have nothing there."""
    names = rows[0][0]
    if all(columns == names for columns, _ in rows):
        columns = list(zip(*(values for _, values in rows), strict=True))
    else:
        names = tuple(dict.fromkeys(name for own, _ in rows for name in own))
        cells = [dict(zip(own, values, strict=True)) for own, values in rows]
        columns = [tuple(row.get(name) for row in cells) for name in names]
    if not any(fold_name(str(name)) == "contact_id" for name in names):
        # Whose they are is what all tables say: without it the rows are bad, and are counted as such.
        names, columns = (*names, "contact_id"), [*columns, (None,) * len(rows)]
    kept = [place for place, name in enumerate(names) if wanted(str(name))]
    return number, tuple(names[place] for place in kept), [array_of(list(columns[place])) for place in kept]


def array_of(values: list[Any]) -> Any:
    """Values of one plain kind as an Arrow array, which is quicker; others as they are."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {str}:
        try:
            return texts(values)
        except (pa.ArrowException, UnicodeEncodeError):
            return values
    if kinds in ({bool}, {float}):
        return pa.array(values)
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pa.array(values, pa.int64())
    return values


def batches_to_rows(batches: Iterable[Part | BadRow]) -> Iterator[dict[str, Any]]:
    """The rows of batches as mappings; rows that could not be read are left out."""
    for batch in batches:
        if not isinstance(batch, BadRow):
            _, names, arrays = batch
            for values in zip(*(Column(array).cells() for array in arrays), strict=True):
                yield dict(zip(names, values, strict=True))


def picker(source: ArrowTable) -> Callable[[frozenset[int]], Iterator[tuple[int, Any]]]:
    """How rows of some numbers are read again; see `journeykit.tables.bad_row_file`."""

    def pick(wanted: frozenset[int]) -> Iterator[tuple[int, Any]]:
        if isinstance(source, RowTable):
            # In a chunk each row has all columns, those of the others too.
            yield from picked(source.rows(), wanted)
            return
        for part in source.parts(lambda _: True):
            if isinstance(part, BadRow):
                continue
            number, names, arrays = part
            columns = [Column(array) for array in arrays]
            for row in range(len(columns[0]) if columns else 0):
                if number + row in wanted:
                    yield number + row, {name: own.value(row) for name, own in zip(names, columns, strict=True)}

    return pick
