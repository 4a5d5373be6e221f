"""Tables that are read row by row, as batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow import arrow_table
from journeykit.tables.arrow.adapters import rows_to_batch
from journeykit.tables.arrow.arrow_table import ArrowTable
from journeykit.tables.bad_row_file import picked
from journeykit.tables.header import PATIENCE, fold_name, missing_column, twin_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from journeykit.tables.arrow.adapters import Part
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
        return self.chunked(self._checked(), wanted)

    @staticmethod
    def chunked(rows: Iterable[RawRow | BadRow], wanted: Callable[[str], bool]) -> Iterator[Part | BadRow]:
        """Rows as chunks of those that follow each other and write the names of columns alike."""
        waiting: list[tuple[tuple[str, ...], Sequence[Any]]] = []
        first = expected = 0
        # By folded name, how the rows that wait write it: two columns whose case alone differs are not one.
        written: dict[str, str] = {}
        for row in rows:
            names: dict[str, str] = {}
            if not isinstance(row, BadRow) and not (waiting and row[1] == waiting[-1][0]):
                names = {fold_name(str(name)): name for name in row[1]}
            apart = any(written.get(fold, name) != name for fold, name in names.items())
            full = len(waiting) >= arrow_table.CHUNK
            if waiting and (isinstance(row, BadRow) or row[0] != expected or apart or full):
                yield rows_to_batch(first, waiting, wanted)
                waiting = []
            if isinstance(row, BadRow):
                yield row
                continue
            if not waiting:
                first, written = row[0], {}
            written.update(names)
            waiting.append(row[1:])
            expected = row[0] + 1
        if waiting:
            yield rows_to_batch(first, waiting, wanted)

    def _checked(self) -> Iterator[RawRow | BadRow]:
        """The rows; those with two columns of one name are bad. They end where a needed column is missing."""
        met: dict[str, None] = {}
        unsure = self.columns is None
        before: tuple[str, ...] | None = None
        count = number = 0
        for row in self.rows():
            count += 1
            twins = None
            if not isinstance(row, BadRow):
                number, columns, _ = row
                if unsure:
                    met.update(dict.fromkeys(columns))
                    unsure = number < PATIENCE or self._check(met)
                if self.columns is None and columns != before:
                    self._met.update(dict.fromkeys(columns))
                    twins = twin_row(self.source, number, columns, row[2])
                    before = columns if twins is None else None
            yield row if twins is None else twins
        if unsure and number:
            self._check(met)
        self.count = count

    def _check(self, met: Mapping[str, None]) -> bool:
        """Refuse a table none of whose first rows has a needed column; False, as that is then sure."""
        folded = {fold_name(str(name)) for name in met}
        for column in self.needed:
            if column not in folded:
                raise missing_column(column, [str(name) for name in met], self.source)
        return False

    def pick(self, wanted: frozenset[int]) -> Iterator[tuple[int, Any]]:
        """Rows of some numbers; in a chunk each row has all columns, those of the others too."""
        return picked(self.rows(), wanted)
