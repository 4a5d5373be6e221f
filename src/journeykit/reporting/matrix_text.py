"""A messaging matrix for people: as text, and as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from journeykit.basics.html_table import html_page, html_table
from journeykit.basics.text import clean, width_of
from journeykit.basics.text_table import text_table
from journeykit.reporting.matrix_tally import WHYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.reporting.matrix_parts import MatrixCell, MatrixFacts, MatrixGroup, MatrixMessage

_WIDE = 120
"""So many characters wide is the text at most."""
_CELL = 18
"""A column of the grid is at least so wide; those that find no place go on below."""
_NAME, _LABEL = 40, 24
"""So many characters of a name are shown, and of the name of a row."""
_MOST_ROWS, _MOST_COLUMNS, _MOST_LINES = 60, 24, 20
"""So many rows, columns of a channel, and lines of a list the text shows."""
_IN_CELL, _IN_CELL_OF_PAGE = 4, 20
"""So many contents of a cell are shown, in text and on a page."""


class MatrixList(NamedTuple):
    """A list below the grids: title, headings, rows, and which columns are numbers."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[int]


def matrix_text(matrix: MatrixFacts) -> str:
    """The matrix as text, cut with a count where it is long."""
    lines = [clean(line) for line in (*_heading(matrix), *matrix.notes)]
    for channel, values in _by_channel(matrix).items():
        lines += ["", f"by {short_name(channel)}", *_grids(matrix, channel, values)]
    for title, headings, rows, right in _lists(matrix):
        lines += ["", title]
        lines += text_table(headings, rows[:_MOST_LINES], right=right, widest=_widest(headings, rows, right))
        lines += [f"and {len(rows) - _MOST_LINES:,} more"] * (len(rows) > _MOST_LINES)
    return "\n".join(lines)


def _heading(matrix: MatrixFacts) -> Iterator[str]:
    when = "" if matrix.at is None else f", at {matrix.at:%Y-%m-%d %H:%M %Z}"
    rows = matrix.audience.replace("*", " and ")
    yield f"messaging matrix of {short_name(matrix.playbook)}: {rows} x channel x {matrix.by}{when}"
    counts = ""
    everybody = matrix.everybody
    if everybody is not None:
        unheard = sum(everybody.unheard.values())
        yield f"{_counted(everybody.contacts or 0, 'contact')}, of whom nobody can address {unheard:,}"
        counts = ": how many contacts it can address"
    granted = ", how many times it was granted" if matrix.has_decisions else ""
    yield f"in a cell: content, its fit below 1{counts}{granted}"


def _by_channel(matrix: MatrixFacts) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for channel, value in matrix.columns:
        found.setdefault(channel, []).append(value)
    return found


def _grids(matrix: MatrixFacts, channel: str, values: Sequence[str | None]) -> Iterator[str]:
    """The rows and columns of a channel, in as many grids as its columns need."""
    cells = {(id(own.group), own.value): own for own in matrix.cells if own.channel == channel}
    groups = matrix.groups[:_MOST_ROWS]
    fixed = [_row_names(matrix, channel, group) for group in groups]
    names = matrix.audience.split("*")
    left = [*names, *_counts_headings(matrix)]
    used = sum(max(width_of(cell) for cell in column) + 2 for column in zip(left, *fixed, strict=True))
    number = max(1, (_WIDE - used + 2) // (_CELL + 2))
    shown = values[:_MOST_COLUMNS]
    for start in range(0, len(shown), number):
        some = shown[start : start + number]
        width = max(_CELL, (_WIDE - used + 2) // len(some) - 2)
        rows = [
            [*names, *(_cell_text(cells[id(group), value], width) for value in some)]
            for group, names in zip(groups, fixed, strict=True)
        ]
        headings = [*left, *(_value_name(matrix, value, width) for value in some)]
        yield from [""] * bool(start)
        yield from text_table(headings, rows, right=range(len(names), len(left)), widest=width)
    hidden = len(values) - len(shown)
    if hidden:
        yield f"and {hidden:,} more columns"
    if len(matrix.groups) > _MOST_ROWS:
        yield f"and {len(matrix.groups) - _MOST_ROWS:,} more rows"


def _counts_headings(matrix: MatrixFacts) -> list[str]:
    return [] if matrix.everybody is None else ["contacts", "reach"]


def _row_names(matrix: MatrixFacts, channel: str, group: MatrixGroup) -> list[str]:
    counts = [] if matrix.everybody is None else [f"{group.contacts:,}", f"{group.reach.get(channel, 0):,}"]
    return [*(short_name(label, _LABEL) for label in group.labels), *counts]


def _value_name(matrix: MatrixFacts, value: str | None, width: int) -> str:
    return f"no {matrix.by}" if value is None else short_name(value, width)


def _cell_text(cell: MatrixCell, width: int, most: int = _IN_CELL) -> str:
    if not cell.messages:
        return "-"
    ids = [own.content for own in cell.messages]
    shown = [_message_text(own, ids.count(own.content) > 1, width) for own in cell.messages[:most]]
    more = len(cell.messages) - len(shown)
    return "; ".join(shown) + (f"; and {more:,} more" if more else "")


def _message_text(own: MatrixMessage, is_double: bool, width: int) -> str:
    """A content in a cell: its name, fit, and how many it can address."""
    name = short_name(f"{own.campaign}/{own.content}" if is_double else own.content, width)
    eligible = "" if own.eligible is None else f": {own.eligible:,}"
    granted = "" if own.granted is None else f", {own.granted:,} granted"
    return f"{name}{_fit_text(own)}{'' if own.live else ' (not live)'}{eligible}{granted}"


def _fit_text(own: MatrixMessage) -> str:
    low, high = f"{own.fit_low:.2g}", f"{own.fit_high:.2g}"
    if low != high:
        return f" {low} to {high}"
    return "" if low == "1" else f" {low}"


def _lists(matrix: MatrixFacts) -> Iterator[MatrixList]:
    """The other parts."""
    name = matrix.audience.replace("*", ", ")
    silent = [own for own in matrix.groups if own.silence]
    if silent:
        rows = [[short_name(own.label), WHYS[own.silence or ""]] for own in silent]
        yield MatrixList("no live message speaks to them", [name, "why"], rows, ())
    unheard = [own for own in matrix.groups if own.unheard]
    if unheard:
        rows = [
            [short_name(own.label), f"{own.contacts:,}", f"{sum(own.unheard.values()):,}", _whys(own)]
            for own in unheard
        ]
        yield MatrixList("nobody can address them", [name, "contacts", "unheard", "why"], rows, (1, 2))
    if matrix.crowded:
        rows = [
            [
                short_name(own.group.label),
                short_name(own.channel),
                f"{own.messages:,}",
                *([] if own.contacts is None else [f"{own.contacts:,}", f"{own.wanted or 0:,.1f}"]),
                *([] if own.granted is None else [f"{own.granted:,}", f"{own.lost:,}"]),
                *([] if own.slots is None else [f"{own.slots:,}"]),
            ]
            for own in matrix.crowded
        ]
        counted = [] if matrix.everybody is None else ["contacts", "for each of them"]
        counted += ["granted", "lost"] if matrix.has_decisions else []
        counted += ["free slots"] if matrix.until is not None else []
        headings = [name, "channel", "messages", *counted]
        yield MatrixList("several ask for the same contacts", headings, rows, range(2, len(headings)))
    if matrix.pairs:
        rows = [
            [short_name(own.conflict), short_name(own.first), short_name(own.then)]
            + ([] if own.met is None else [f"{own.met:,}"])
            + ([] if own.both is None else ["-" if own.stopped is None else f"{own.stopped:,}", f"{own.both:,}"])
            for own in matrix.pairs
        ]
        met = [] if matrix.everybody is None else ["contacts"]
        met += ["stopped", "got both"] if matrix.has_decisions else []
        headings = ["conflict", "first", "not then", *met]
        yield MatrixList("kept apart by a conflict", headings, rows, range(3, len(headings)))
    yield from _theme_list(matrix)


def _theme_list(matrix: MatrixFacts) -> Iterator[MatrixList]:
    if matrix.threads:
        headings = ["theme", "where it speaks", "broken off"]
        yield MatrixList("themes along the journey", headings, _threads(matrix), ())


def _whys(group: MatrixGroup) -> str:
    return "; ".join(f"{WHYS[why]}: {count:,}" for why, count in group.unheard.items())


def _threads(matrix: MatrixFacts) -> list[list[str]]:
    found = []
    for own in matrix.threads:
        where = "; ".join(f"{short_name(stage)}: {_names(by)}" for stage, by in own.stages.items() if by)
        broken = [f"nothing on {_names(own.gaps)}"] if own.gaps else []
        broken += [f"ends after {short_name(own.ends_after)}"] if own.ends_after else []
        broken += [f"not by {short_name(by)} on {_names(stages)}" for by, stages in own.channel_gaps.items()]
        found.append([short_name(own.theme), where, "; ".join(broken)])
    return found


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(short_name, names))


def _widest(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]) -> int:
    """How wide cells of text may be for the table to fit."""
    columns = [*zip(headings, *rows, strict=True)]
    texts = [place for place in range(len(columns)) if place not in right]
    numbers = sum(max(map(width_of, columns[place])) + 2 for place in right if place < len(columns))
    long = [place for place in texts if max(map(width_of, columns[place])) > _NAME]
    short = sum(max(map(width_of, columns[place])) + 2 for place in texts if place not in long)
    return max(_NAME, (_WIDE - numbers - short) // max(1, len(long)) - 2)


def short_name(name: str, width: int = _NAME) -> str:
    """A name as the matrix shows it: cut where it is long, and unable to break a line."""
    shown = clean(name)
    return shown if width_of(shown) <= width else f"{shown[: max(1, width - 3)]}..."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


# As a page


def matrix_page(matrix: MatrixFacts) -> str:
    """The matrix as HTML: a table for each channel, and the lists."""
    tables = [_channel_table(matrix, channel, values) for channel, values in _by_channel(matrix).items()]
    return html_page(_heading(matrix), [*tables, *map(_html_list, _lists(matrix))], matrix.notes)


def matrix_grids(matrix: MatrixFacts) -> str:
    """The tables by channel and the themes alone, as HTML: what charts do not show."""
    tables = [_channel_table(matrix, channel, values) for channel, values in _by_channel(matrix).items()]
    notes = [*list(_heading(matrix))[-1:], *matrix.notes]
    return html_page([], [*tables, *map(_html_list, _theme_list(matrix))], notes)


def _html_list(table: MatrixList) -> str:
    return html_table(table.headings, table.rows, title=table.title, right=table.right)


def _channel_table(matrix: MatrixFacts, channel: str, values: Sequence[str | None]) -> str:
    """A channel; cells are shaded by how much of their row is addressed there, holes are not."""
    cells = {(id(own.group), own.value): own for own in matrix.cells if own.channel == channel}
    names = [*matrix.audience.split("*"), *_counts_headings(matrix)]
    headings = [*names, *(_value_name(matrix, value, _NAME) for value in values)]
    rows, heat = [], []
    for group in matrix.groups:
        own = [cells[id(group), value] for value in values]
        rows.append([*_row_names(matrix, channel, group), *(_cell_text(cell, _NAME, _IN_CELL_OF_PAGE) for cell in own)])
        heat.append([*[0.0] * len(names), *map(_heat, own)])
    right = range(len(matrix.audience.split("*")), len(names))
    return html_table(headings, rows, title=f"by {short_name(channel)}", right=right, heat=heat)


def _heat(cell: MatrixCell) -> float:
    """How strongly a cell is shaded, from 0 to 1."""
    if cell.eligible is None:
        return 0.0 if cell.is_hole else 0.5
    return cell.eligible / cell.group.contacts if cell.group.contacts else 0.0
