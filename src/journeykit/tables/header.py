"""Columns: their places in a table, whatever the case of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeykit.basics.validation import shown
from journeykit.errors import DataError, closest
from journeykit.model.bad_row import BadRow

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from journeykit.tables.bad_row_list import BadRows
    from journeykit.tables.formats import TableFile

PATIENCE = 1_000
"""After so many rows, a needed column that none of them has is missing."""


def fold_name(name: str) -> str:
    """The name of a column without its case."""
    return name.strip().casefold()


def places_of(columns: Sequence[str], source: str) -> dict[str, int]:
    """The places of the columns, by folded name."""
    found: dict[str, int] = {}
    for place, name in enumerate(columns):
        if not isinstance(name, str):
            raise DataError(f"the name of a column is text, found {shown(name)}", source=source)
        fold = fold_name(name)
        if fold in found:
            twin = columns[found[fold]]
            raise DataError(f"two columns have one name: {twin!r} and {name!r}", source=source, field=name)
        found[fold] = place
    return found


def twin_names(columns: Sequence[Any]) -> tuple[str, str] | None:
    """The first two columns that have one name, their case aside; None where there are none.

    Example:
        >>> twin_names(["contact_id", "City", "city"])
        ('City', 'city')
    """
    found: dict[str, str] = {}
    for name in map(str, columns):
        twin = found.setdefault(fold_name(name), name)
        if twin is not name:
            return twin, name
    return None


def twin_row(source: str, number: int, columns: Sequence[Any], values: Sequence[Any]) -> BadRow | None:
    """The bad row that is one because two of its keys are one name; None where there are none."""
    twins = twin_names(columns)
    if twins is None:
        return None
    allowed = "an object whose keys differ in more than their case"
    pairs = tuple(zip(columns, values, strict=False))
    return BadRow(source, number, twins[1], f"the keys {twins[0]!r} and {twins[1]!r}", allowed, pairs=pairs)


def missing_column(column: str, columns: Sequence[str], source: str) -> DataError:
    """The error that says which column is missing, and what there is."""
    shown_columns = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    message = f"the column {column!r} is missing; there is {shown_columns or 'none'}"
    mark = next((mark for mark in (";", "\t", "|") if mark in columns[0]), None) if len(columns) == 1 else None
    hint = closest(column, [fold_name(name) for name in columns])
    if mark:
        message += f"; the file is separated by {mark!r}, a CSV file is by commas"
    elif hint:
        message += f"; did you mean {hint!r}?"
    return DataError(message, source=source, field=column)


class RowLayout:
    """A table with the places of its columns, for every way in which its rows name them.

    Args:
        table: the table.
        needed: the columns that it must have, by folded name; of several in one, any.
        bad: counts the rows that cannot be read.
    """

    def __init__(self, table: TableFile, needed: Sequence[str | tuple[str, ...]], bad: BadRows) -> None:
        self.table = table
        self.needed = needed
        self.bad = bad
        if table.columns is not None:
            self._check(places_of(table.columns, table.source), table.columns)

    def rows(self) -> Iterator[tuple[int, tuple[str, ...], dict[str, int], Sequence[Any]]]:
        """Number, columns, places and values of each row that can be read at all.

        Where rows bring their own columns, a needed column that none of the first thousand has is missing.
        """
        table = self.table
        known: dict[tuple[str, ...], dict[str, int]] = {}
        met: dict[str, None] = {}
        unsure = table.columns is None
        number = count = 0
        for row in table.rows():
            count += 1
            if isinstance(row, BadRow):
                self.bad.add(row)
                continue
            number, columns, values = row
            places = known.get(columns)
            if places is None:
                twins = None if table.columns is not None else twin_row(table.source, number, columns, values)
                if twins is not None:
                    self.bad.add(twins)
                    continue
                try:
                    places = places_of(columns, table.source)
                except DataError as error:
                    allowed = "an object whose keys are text"
                    self.bad.add(BadRow(table.source, number, error.field, shown(columns), allowed))
                    continue
                if len(known) >= PATIENCE:
                    known.clear()
                known[columns] = places
                if unsure:
                    met.update(dict.fromkeys(columns))
            if unsure and number >= PATIENCE:
                unsure = self._check_met(met)
            yield number, columns, places, values
        if unsure and number:
            self._check_met(met)
        self.bad.rows[table.source] = count

    def _check_met(self, met: Mapping[str, None]) -> bool:
        self._check({fold_name(name) for name in met}, list(met))
        return False

    def _check(self, there: Container[str], columns: Sequence[str]) -> None:
        for needed in self.needed:
            names = (needed,) if isinstance(needed, str) else needed
            if not any(name in there for name in names):
                raise missing_column(names[0], columns, self.table.source)


def cell_of(places: Mapping[str, int], name: str, values: Sequence[Any]) -> Any:
    """What a row has in a column; None where the table has no such column."""
    place = places.get(name)
    return None if place is None else values[place]
