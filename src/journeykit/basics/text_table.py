"""Tables as text: aligned columns on any terminal."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from journeykit.basics.text import clean, padded, width_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def text_table(
    headings: Sequence[str | Sequence[str]],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[int] = (),
    ruled: bool = True,
    widest: int | None = None,
    first: int = 0,
) -> list[str]:
    r"""The lines of a table: its headings, a rule below them, and its rows.

    Args:
        headings: what is above each column; a heading of several lines ends right above the rule.
        rows: their cells, one for each column.
        right: the places of the columns that are aligned at the right, counted from 0.
        ruled: whether there is a rule.
        widest: cells of rows that are longer continue on the lines below, broken between words; None for no limit.
        first: the least width of the first column.

    Example:
        >>> print("\n".join(text_table(["team", "mailings"], [["events", "7"], ["sales", "12"]], right=[1])))
        team    mailings
        ------  --------
        events         7
        sales         12
    """
    tops = [[heading] if isinstance(heading, str) else [*heading] for heading in headings]
    tall = max(map(len, tops))
    head = [*zip(*([""] * (tall - len(top)) + top for top in tops), strict=True)]
    body = [line for row in rows for line in _lines(row, widest)]
    widths = [max(map(width_of, column)) for column in zip(*head, *body, strict=True)]
    widths[0] = max(widths[0], first)
    rule = [["-" * width for width in widths]] if ruled else []
    return [
        "  ".join(padded(cell, widths[at], right=at in right) for at, cell in enumerate(line)).rstrip()
        for line in (*head, *rule, *body)
    ]


def _lines(row: Sequence[str], widest: int | None) -> list[tuple[str, ...]]:
    cells = ([clean(cell)] if widest is None else _wrapped(clean(cell), widest) for cell in row)
    return [*zip_longest(*cells, fillvalue="")]


def _wrapped(text: str, widest: int) -> list[str]:
    lines: list[str] = []
    for word in text.split(" "):
        if lines and width_of(lines[-1]) + 1 + width_of(word) <= widest:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
