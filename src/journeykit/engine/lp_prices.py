"""The linear relaxation of a selection problem: what its rows are worth at the margin.

A plain primal simplex method on a condensed tableau (Dantzig 1963; Chvatal 1983, chapter 2), in floats. Nothing exact
rests on it: any prices that are not negative give a valid bound, and the caller works that bound out on ints. A good
price only makes the search short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TINY = 1e-9
_PIVOTS = 1_500
_PATIENCE = 60


def shadow_prices(values: Sequence[float], rows: Sequence[tuple[Mapping[int, float], float]]) -> list[float]:
    """The dual values of ``max values . x`` with ``row . x <= capacity`` for every row, and ``x >= 0``.

    Args:
        values: by item.
        rows: what items use of a row, and how much there is, at least 0; every item is in some row.

    Returns:
        One price for each row. Should the method not come to its end, the prices are those where it stopped.

    Example:
        >>> shadow_prices([5, 4, 4], [({0: 1, 1: 1}, 1), ({0: 1, 2: 1}, 1)])
        [4.0, 4.0]
    """
    count = len(values)
    table = [[float(row.get(item, 0)) for item in range(count)] for row, _ in rows]
    capacities = [float(capacity) for _, capacity in rows]
    gains = [float(value) for value in values]
    columns = list(range(count))
    basis = list(range(count, count + len(rows)))
    stalled = 0
    for _ in range(_PIVOTS):
        column = _entering(gains, columns, careful=stalled > _PATIENCE)
        row = None if column is None else _leaving(table, capacities, basis, column)
        if column is None or row is None:
            break
        stalled = 0 if capacities[row] > _TINY else stalled + 1
        _pivot(table, capacities, gains, row, column)
        columns[column], basis[row] = basis[row], columns[column]
    prices = [0.0] * len(rows)
    for column, name in enumerate(columns):
        if name >= count:
            prices[name - count] = max(0.0, -gains[column])
    return prices


def _entering(gains: list[float], columns: list[int], *, careful: bool) -> int | None:
    """The column to bring in: the largest gain; by Bland's rule where the method stalls, so that it cannot circle."""
    if careful:
        open_columns = [column for column, gain in enumerate(gains) if gain > _TINY]
        return min(open_columns, key=columns.__getitem__, default=None)
    best = max(gains, default=0.0)
    return gains.index(best) if best > _TINY else None


def _leaving(table: list[list[float]], capacities: list[float], basis: list[int], column: int) -> int | None:
    """The row that runs out of capacity first; ties by Bland's rule."""
    found, least = None, (float("inf"), 0)
    for row, line in enumerate(table):
        if line[column] > _TINY:
            ratio = (capacities[row] / line[column], basis[row])
            if ratio < least:
                found, least = row, ratio
    return found


def _pivot(table: list[list[float]], capacities: list[float], gains: list[float], row: int, column: int) -> None:
    pivot = table[row][column]
    line = [candidate / pivot for candidate in table[row]]
    line[column] = 1 / pivot
    capacity = capacities[row] / pivot
    for other, old in enumerate(table):
        factor = old[column]
        if other != row and factor:
            new = [candidate - factor * part for candidate, part in zip(old, line, strict=True)]
            new[column] = -factor / pivot
            table[other] = new
            capacities[other] = max(0.0, capacities[other] - factor * capacity)
    factor = gains[column]
    gains[:] = [candidate - factor * part for candidate, part in zip(gains, line, strict=True)]
    gains[column] = -factor / pivot
    table[row], capacities[row] = line, capacity
