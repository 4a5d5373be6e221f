"""Batches of Arrow arrays as rows, and rows as batches. Nothing is opened here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from journeykit.model.bad_row import BadRow
from journeykit.tables.arrow.arrays import texts
from journeykit.tables.arrow.column import Column
from journeykit.tables.header import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np


Arrays = list[Any]
Part = tuple[int, tuple[str, ...], Arrays]
"""The number of a chunk's first row, the names of its columns, and the columns: Arrow arrays, or lists of values."""


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


def some_rows(batch: Part, rows: np.ndarray) -> Part:
    """Some rows of a batch, by their places."""
    number, names, arrays = batch
    return number, names, [Column(array).take(rows).data for array in arrays]
