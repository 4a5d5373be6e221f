"""What is known of contacts, and since when: the table of contacts as of any instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from attrs import frozen
from numpy.typing import NDArray

from journeykit.errors import DataError, closest
from journeykit.learning.timeline import Timeline
from journeykit.measuring.cell_columns import as_array, instants, joined_arrays
from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.arrays import numbers as number_array
from journeykit.tables.arrow.arrays import one_piece
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.column_kinds import kind_of
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.cells import instant_reader, is_missing
from journeykit.tables.contact_table import is_attribute
from journeykit.tables.header import fold_name, missing_column, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import tzinfo

    from journeykit.measuring.cell_columns import Faults
    from journeykit.measuring.contact_numbers import ContactNumbers
    from journeykit.tables import TableSource
    from journeykit.tables.arrow.adapters import Part
    from journeykit.tables.arrow.arrow_table import ArrowTable
    from journeykit.tables.bad_row_list import BadRows

VALID_FROM = "valid_from"
"""The column that says from when on a row of contacts holds."""
_OWN = ("role", "persona", "stage", "timezone")
"""Fields of contacts that may be features as attributes are."""
_NO_FEATURE = "it is neither a number, nor true or false, nor text"
_EMPTY = {
    "text": pa.string(),
    "truth": pa.bool_(),
    "whole": pa.int64(),
    "number": pa.float64(),
    "nothing": pa.null(),
}
"""By kind of a column that may be a feature, its type."""
ALWAYS = -(2**62)
"""What holds from here on always did."""


@frozen(eq=False)
class AttributeColumn:
    """One attribute, by row of the table of contacts.

    Attributes:
        name: its name, as the table writes it.
        values: the numbers, or the places of the classes; nan where it is missing.
        classes: the classes of a category, sorted; None for a number.
    """

    name: str
    values: NDArray[np.float64]
    classes: tuple[str, ...] | None = None


@frozen(eq=False, kw_only=True)
class AttributeVersions:
    """The rows of contacts, by contact and in the order of the instants from which they hold.

    Attributes:
        columns: by folded name, the attributes that may be features.
        rows: by contact, their rows: the instants from which they hold, and as code the row of `columns`.
        given: the numbers of the contacts of the table, in the order in which they come there.
        is_dated: whether the table says from when on its rows hold.
        static: the folded names of the attributes that hold always.
        unusable: by column that is no attribute for learning, why.
    """

    columns: Mapping[str, AttributeColumn]
    rows: Timeline
    given: NDArray[np.int64]
    is_dated: bool
    static: frozenset[str] = frozenset()
    unusable: Mapping[str, str]

    @classmethod
    def read(
        cls,
        source: TableSource,
        numbers: ContactNumbers,
        *,
        zone: tzinfo | None,
        bad: BadRows,
        static: Iterable[str] = (),
        only: Collection[str] | None = None,
    ) -> Self:
        """Read a table of contacts.

        Of several rows of a contact that hold from one instant the first counts, and the others are bad rows. In a
        table without ``valid_from`` each contact has one row.

        Args:
            source: the table.
            numbers: the numbers of contacts; added to.
            zone: the zone in which instants without an offset are meant.
            bad: where bad rows are counted.
            static: the names of attributes that hold always.
            only: the folded names of the attributes that are kept; None for all.

        Raises:
            DataError: for a table that cannot be read, one of whose rows none can be used, too many bad rows, and where
                all attributes are kept, for a static one that it does not have.
        """
        found = _VersionReader(source, numbers, zone, bad, only)
        bad.rows[found.source] = found.rows
        bad.refuse_useless(found.source, found.good)
        named = frozenset(map(fold_name, static))
        for name in static:
            if only is None and fold_name(name) not in found.names:
                hint = closest(fold_name(name), list(found.names))
                more = f"did you mean {hint!r}?" if hint else f"there is {', '.join(sorted(found.names)) or 'none'}"
                raise DataError(f"contacts have no attribute {name!r}; {more}", source=found.source, field=name)
        made: Self = found.versions(cls, named)
        bad.check()
        return made

    def place_of(self, fold: str, contact: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row that says an attribute of contacts as of instants; -1 for none.

        What holds from an instant on is not known before it, nor at it. An attribute that holds always is that of the
        last row.
        """
        last = np.full(len(at), 2**62) if fold in self.static else at
        found = self.rows.last(np.maximum(contact, 0), last) if self.rows.owners else np.full(len(at), -1)
        return np.where((found < 0) | (contact < 0), -1, np.append(self.rows.code, 0)[found])


class _VersionReader:
    """A table of contacts while it is read."""

    def __init__(
        self,
        source: TableSource,
        numbers: ContactNumbers,
        zone: tzinfo | None,
        bad: BadRows,
        only: Collection[str] | None,
    ) -> None:
        self._numbers = numbers
        self._bad = bad
        self._only = only
        self._instant = instant_reader(zone, bounded=True)
        self._owner: list[NDArray[np.int64]] = []
        self._since: list[NDArray[np.int64]] = []
        self._row: list[NDArray[np.int64]] = []
        self._columns: dict[str, list[pa.Array]] = {}
        self.rows = 0
        self.good = 0
        self.names: dict[str, str] = {}
        self.is_dated = False
        table = open_source(source, "contacts", typed=is_attribute, zone=zone)
        self.source = table.source
        table.needed = ["contact_id"]
        if table.columns is not None and "contact_id" not in places_of(table.columns, table.source):
            raise missing_column("contact_id", table.columns, table.source)
        for part in table.parts(self._wanted):
            if isinstance(part, BadRow):
                bad.add(part)
            else:
                self._take(part)
        if not self.rows:
            self._take_columns(table)

    def _wanted(self, name: str) -> bool:
        return fold_name(name) in ("contact_id", VALID_FROM) or self._is_kept(name)

    def _is_kept(self, name: str) -> bool:
        fold = fold_name(name)
        if fold == VALID_FROM or not (is_attribute(name) or fold in _OWN):
            return False
        return self._only is None or fold in self._only

    def _take_columns(self, table: ArrowTable) -> None:
        """The columns of a table without rows."""
        places = places_of(table.columns or (), table.source)
        self.is_dated = VALID_FROM in places
        for fold in filter(self._is_kept, places):
            name = (table.columns or ())[places[fold]]
            kind = _EMPTY.get(table.kinds.get(name, ""))
            if kind is not None:
                self._columns[fold] = [pa.array([], kind)]
                self.names[fold] = name.strip()

    def _take(self, part: Part) -> None:
        number, names, arrays = part
        places = places_of(names, self.source)
        columns = [Column(array) for array in arrays]
        rows = len(columns[0]) if columns else 0
        self.rows += rows
        faults: Faults = {}
        owner = self._numbers.meet(columns[places["contact_id"]] if "contact_id" in places else None, rows, faults)
        since = np.full(rows, ALWAYS)
        if VALID_FROM in places:
            self.is_dated = True
            since = instants(columns, places, rows, faults, VALID_FROM, self._instant)
        for row in sorted(faults):
            self._bad.add(BadRow(self.source, number + row, *faults[row]))
        good = np.ones(rows, np.bool_)
        good[list(faults)] = False
        kept = np.flatnonzero(good)
        self._owner.append(owner[kept].astype(np.int64))
        self._since.append(since[kept])
        self._row.append(kept + number)
        for fold, place in places.items():
            if self._is_kept(fold):
                # Parts before this one may have lacked the column.
                own = self._columns.setdefault(fold, [pa.nulls(self.good)] if self.good else [])
                own.append(_known_kind(columns[place]).take(number_array(kept, pa.int64())))
                self.names.setdefault(fold, names[place].strip())
        self.good += len(kept)
        for own in self._columns.values():
            lacking = self.good - sum(map(len, own))
            if lacking:
                own.append(pa.nulls(lacking))

    def versions(self, kind: Callable[..., Any], static: frozenset[str]) -> Any:
        """What was read, in order."""
        owner = np.concatenate([np.zeros(0, np.int64), *self._owner])
        since = np.concatenate([np.zeros(0, np.int64), *self._since])
        rows = Timeline.of(owner, since, np.arange(len(owner)), self._numbers.count)
        whose = np.repeat(np.arange(rows.owners), np.diff(rows.first))
        again = np.zeros(len(whose), np.bool_)
        again[1:] = (whose[1:] == whose[:-1]) & (rows.at[1:] == rows.at[:-1])
        self._blame(np.sort(rows.code[again]))
        rows = Timeline.of(whose[~again], rows.at[~again], rows.code[~again], rows.owners)
        _, first = np.unique(owner, return_index=True)
        columns, unusable = {}, {}
        for fold, name in self.names.items():
            found = attribute_column(name, one_piece(joined_arrays(self._columns[fold])))
            if isinstance(found, str):
                unusable[name] = found
            else:
                columns[fold] = found
        return kind(
            columns=columns,
            rows=rows,
            given=owner[np.sort(first)],
            is_dated=self.is_dated,
            static=static,
            unusable=unusable,
        )

    def _blame(self, again: NDArray[np.int64]) -> None:
        """Count the rows of contacts whose row there is already."""
        if not len(again):
            return
        row = np.concatenate(self._row)
        owner = np.concatenate(self._owner)
        allowed = "one row for each contact and valid_from" if self.is_dated else "one row for each contact"
        ids = self._numbers.ids
        for place in again.tolist():
            self._bad.add(
                BadRow(self.source, int(row[place]), "contact_id", repr(ids[int(owner[place])].as_py()), allowed)
            )


def _known_kind(column: Column) -> pa.Array:
    """A column as an array; of values that are no numbers, truths or texts one of lists, which is no feature."""
    plain = (str, int, float, type(None))
    if column.array is None and not all(isinstance(value, plain) for value in column.values):
        return pa.array([[]] * len(column), pa.list_(pa.null()))
    return as_array(column.data)


def attribute_column(name: str, array: pa.Array) -> AttributeColumn | str:
    """A column as numbers or classes, or why it is neither.

    Example:
        >>> found = attribute_column("city", pa.array(["Ohrid", None, "Bitola"]))
        >>> found.classes, found.values.tolist()
        (('Bitola', 'Ohrid'), [1.0, nan, 0.0])
    """
    column = Column(array)
    if column.numbers is not None:
        values, known = column.numbers
        finite = known & np.isfinite(values.astype(np.float64))
        return AttributeColumn(name, np.where(finite, values, np.nan).astype(np.float64))
    told: list[Any] = [None if is_missing(value) else value for value in column.values]
    if all(value is None for value in told):
        # What a column is does not depend on the rows that there are.
        kind = kind_of(array.type)
        nothing = np.full(len(array), np.nan)
        return AttributeColumn(name, nothing, () if kind == "text" else None) if kind in _EMPTY else _NO_FEATURE
    if all(value is None or isinstance(value, bool) for value in told):
        found = np.array([np.nan if value is None else float(value) for value in told] or [np.nan])
        return AttributeColumn(name, found[column.codes])
    if not all(value is None or isinstance(value, str) for value in told):
        return _NO_FEATURE
    classes: tuple[str, ...] = tuple(sorted({value for value in told if value is not None}))
    place = {name: float(number) for number, name in enumerate(classes)}
    codes = np.array([np.nan if value is None else place[value] for value in told])
    return AttributeColumn(name, codes[column.codes], classes)
