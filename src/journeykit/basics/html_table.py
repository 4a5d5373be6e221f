"""What results look like in notebooks: tables and lines as HTML that takes its colours from the page around it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from journeykit.basics.text import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

LONGEST = 400
"""So many characters of a cell are shown at most; where there are more, all of them are its tooltip."""
LONGEST_HEADING = 60
"""Likewise, of the heading of a column."""
_SHORT, _LONG_WORD = 20, 40
# No colour but see-through greys and blues: a notebook may be light or dark, and its own style sheet says nothing
# against the style of a single element.
_EDGE = "border:0;border-bottom:1px solid rgba(128,128,128,"
_CELL = "padding:3px 12px 3px 4px;vertical-align:top;max-width:36em;"
_NUMBER = "white-space:nowrap;font-variant-numeric:tabular-nums;"


def html_page(heading: Iterable[str], parts: Iterable[str] = (), notes: Iterable[str] = ()) -> str:
    """A result: lines of heading, the first of them bold; its tables; and what is to be said below them.

    Args:
        heading: lines of plain text.
        parts: HTML, as `html_table` gives it.
        notes: paragraphs of plain text.

    Example:
        >>> html_page(["3 contacts", "at <noon>"])
        '<div><p><strong>3 contacts</strong><br>at &lt;noon&gt;</p></div>'
    """
    first, *others = [_text(line) for line in heading] or [""]
    lines = "<br>".join([f"<strong>{first}</strong>", *others])
    top = f"<p>{lines}</p>" if first else ""
    below = "".join(f"<p>{_text(note)}</p>" for note in notes)
    return f"<div>{top}{''.join(parts)}{below}</div>"


def html_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    right: Collection[int] = (),
    heat: Sequence[Sequence[float]] = (),
) -> str:
    """A table of plain text, which scrolls in its own box where it is wider than its place.

    Args:
        headings: what is above each column.
        rows: their cells, one for each column.
        title: what the table shows.
        right: the places of the columns of numbers, counted from 0; they are aligned at the right.
        heat: for each row, by column, how strongly the cell is shaded, from 0 to 1; empty for no shades.

    Example:
        >>> "<td" in html_table(["team", "messages"], [["events", "7"]], right=[1])
        True
    """
    caption = f'<caption style="text-align:left;padding:4px"><strong>{_text(title)}</strong></caption>' if title else ""
    head = "".join(_heading(name, right=at in right) for at, name in enumerate(headings))
    body = "".join(
        f"<tr>{''.join(_cell(cell, right=at in right, heat=_of(heat, line, at)) for at, cell in enumerate(row))}</tr>"
        for line, row in enumerate(rows)
    )
    return scroll_box(
        '<table style="border-collapse:collapse;border:0;margin:0">'
        f"{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def scroll_box(part: str) -> str:
    """A part of a page in a box of its own, which scrolls where the part is wider, by the keyboard too.

    Example:
        >>> scroll_box("wide")
        '<div tabindex="0" style="overflow-x:auto;margin-bottom:1em">wide</div>'
    """
    return f'<div tabindex="0" style="overflow-x:auto;margin-bottom:1em">{part}</div>'


def _heading(name: str, *, right: bool) -> str:
    align = "right" if right else "left"
    own, text, style = _shown(name, LONGEST_HEADING)
    return f'<th scope="col"{own} style="{_CELL}text-align:{align};font-weight:600;{style}{_EDGE}.6)">{text}</th>'


def _cell(cell: str, *, right: bool, heat: float) -> str:
    own, text, style = _shown(cell, LONGEST)
    style += f"text-align:right;{_NUMBER}" if right else "text-align:left;"
    if not right and len(cell) <= _SHORT:
        style += "white-space:nowrap;"
    shade = f";background:rgba(36,115,167,{0.5 * heat:.2f})" if heat > 0 else ""
    return f'<td{own} style="{_CELL}{style}{_EDGE}.25){shade}">{text}</td>'


def _shown(text: str, most: int) -> tuple[str, str, str]:
    """A text of a cell: attributes of its own, the text as HTML, and how it breaks."""
    # Names of other scripts run in their own direction, and turn nothing of what is beside them.
    own = "" if text.isascii() else ' dir="auto"'
    # A long word is broken rather than widen the table.
    style = "overflow-wrap:anywhere;" if any(len(word) > _LONG_WORD for word in text.split()) else ""
    if len(text) <= most:
        return own, _text(text), style
    return f'{own} title="{_text(text)}"', f"{_text(text[:most])}…", style


def _of(heat: Sequence[Sequence[float]], line: int, at: int) -> float:
    return heat[line][at] if heat else 0.0


def _text(text: str) -> str:
    return html.escape(clean(text))
