"""A layout as a page of SVG: plain attributes for every viewer, and a style sheet for dark backgrounds."""

from __future__ import annotations

import hashlib
import math
from html import escape
from typing import TYPE_CHECKING

from attrs import frozen

from journeykit.journey.picture.layout import (
    LABEL_LINE,
    LABEL_SIZE,
    MARGIN,
    NAME_LINE,
    NAME_SIZE,
    SMALL,
    SMALL_LINE,
    TITLE_LINE,
    TITLE_SIZE,
    Box,
    Diagram,
    DiagramNode,
    Layout,
    PlacedArrow,
    PlacedNode,
    Point,
    head_of,
    small_lines,
)
from journeykit.journey.picture.text_metrics import counted, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@frozen
class Colour:
    """How the stages of an owner are drawn: on a light page, and on a dark one."""

    fill: str
    line: str
    dark_fill: str
    dark_line: str


COLOURS = (
    Colour("#dbeafe", "#2563eb", "#1e3a5f", "#7db3ff"),
    Colour("#ffedd5", "#c2570c", "#4f3016", "#fdae6b"),
    Colour("#d1fae5", "#0b8a5b", "#14432f", "#5fd3a3"),
    Colour("#f3e8ff", "#8b3fd9", "#412060", "#cf9dff"),
    Colour("#fef3c7", "#a16207", "#483c10", "#f2cf4a"),
    Colour("#cffafe", "#0e7490", "#113f4b", "#5fd4ec"),
    Colour("#ffe4e6", "#be123c", "#551a2a", "#ff93a5"),
    Colour("#ecfccb", "#4d7c0f", "#31440f", "#b1e058"),
)
"""Of the owners, in their order; more owners than colours share them, and their names tell them apart."""
NOBODY = Colour("#f1f5f9", "#64748b", "#2a3340", "#94a3b8")
"""Of stages without owner."""
_PAPER, _INK, _FAINT, _WAY, _BACK = "#ffffff", "#1f2937", "#526071", "#64748b", "#c2416b"
_DARK = {
    "paper": "fill:#12161c",
    "ink": "fill:#e8ecf1",
    "faint": "fill:#aab6c4",
    "way": "stroke:#8fa0b3",
    "back": "stroke:#f08aa9",
    "way-head": "fill:#8fa0b3",
    "back-head": "fill:#f08aa9",
}
_FONT = "'Helvetica Neue',Arial,'Liberation Sans','Noto Sans',sans-serif"
_ROUND = 16


def svg_of(layout: Layout) -> str:
    """The page."""
    body = "\n".join(_body(layout))
    told_title = told(layout.diagram.title or "Customer journey")
    said = escape(description(layout.diagram))
    # Two pictures on one page must not share names, and the same picture must always be the same text.
    key = "jk" + hashlib.sha256(f"{told_title}{said}{body}".encode()).hexdigest()[:10]
    width, height = _number(layout.width), _number(layout.height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="journeykit" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}t" aria-describedby="{key}d"'
        f' font-family="{_FONT}" style="max-width:100%;height:auto">\n'
        f'<title id="{key}t">{escape(told_title)}</title>\n<desc id="{key}d">{said}</desc>\n'
        f"<style>{_style(layout.diagram)}</style>\n{body}\n</svg>\n"
    )


def description(diagram: Diagram) -> str:
    """What the picture shows, in words, for who cannot see it."""
    parts = [f"{counted(len(diagram.nodes), 'stage')}, {counted(len(diagram.arrows), 'transition')}."]
    for node in diagram.nodes:
        facts = [f"owned by {told(node.owner)}"] if node.owner else []
        facts += ["first stage"] * node.first + ["final stage"] * node.final
        facts += [] if node.contacts is None else [counted(node.contacts, "contact")]
        parts.append(f"{told(node.name)}: {', '.join(facts)}." if facts else f"{told(node.name)}.")
    for arrow in diagram.arrows:
        source, to = told(diagram.nodes[arrow.source].name), told(diagram.nodes[arrow.to].name)
        moves = "" if arrow.moves is None else f", {counted(arrow.moves, 'move')}"
        parts.append(f"From {source} to {to}: {told(arrow.label)}{moves}.")
    return " ".join(parts)


def _style(diagram: Diagram) -> str:
    colours = [(f"o{place}", COLOURS[place % len(COLOURS)]) for place in range(len(diagram.owners))]
    rules = dict(_DARK)
    for name, colour in [*colours, ("nobody", NOBODY)]:
        rules[name] = f"fill:{colour.dark_fill};stroke:{colour.dark_line}"
        rules[f"{name}-line"] = f"stroke:{colour.dark_line}"
    dark = "".join(f".journeykit .{name}{{{rule}}}" for name, rule in rules.items())
    return f"@media (prefers-color-scheme:dark){{{dark}}}"


def _body(layout: Layout) -> Iterator[str]:
    yield f'<rect class="paper" width="{_number(layout.width)}" height="{_number(layout.height)}" fill="{_PAPER}"/>'
    for place, line in enumerate(layout.title):
        yield _text(MARGIN, MARGIN + TITLE_SIZE + TITLE_LINE * place, line, TITLE_SIZE, bold=True)
    if not layout.nodes:
        yield _text(MARGIN, layout.height / 2 + 4, "This journey has no stages.", LABEL_SIZE, ink="faint")
    # Ways back below the others; labels above all lines.
    for placed in sorted(layout.arrows, key=lambda placed: not placed.arrow.back):
        yield from _line(placed)
    for stage in layout.nodes:
        yield from _stage(stage, layout.diagram)
    for placed in layout.arrows:
        yield from _label(placed)
    for kind, text, box in layout.legend:
        yield from _explained(kind, text, box)


# Ways


def _line(placed: PlacedArrow) -> Iterator[str]:
    head = head_of(placed.width)
    points = [*placed.points[:-1], _towards(placed.points[-1], placed.points[-2], head - 1)]
    name, colour = ("back", _BACK) if placed.arrow.back else ("way", _WAY)
    dashes = f' stroke-dasharray="{_number(max(5, placed.width))} 4"' if placed.arrow.kind == "time" else ""
    faint = ' opacity="0.55"' if placed.arrow.moves == 0 else ""
    yield f"<g{faint}><title>{escape(told(placed.arrow.label))}</title>"
    yield (
        f'<path class="{name}" d="{_path(points)}" fill="none" stroke="{colour}"'
        f' stroke-width="{_number(placed.width)}"{dashes}/>'
    )
    head_path = _head(placed.points[-1], placed.points[-2], placed.width)
    yield f'<path class="{name}-head" d="{head_path}" fill="{colour}"/></g>'


def _path(points: Sequence[Point]) -> str:
    """A line with round corners."""
    parts = [f"M{_at(points[0])}"]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_ROUND, math.dist(before, here) / 2, math.dist(here, after) / 2)
        parts.append(f"L{_at(_towards(here, before, radius))}Q{_at(here)} {_at(_towards(here, after, radius))}")
    return "".join([*parts, f"L{_at(points[-1])}"])


def _towards(point: Point, other: Point, far: float) -> Point:
    whole = math.dist(point, other)
    if whole == 0:
        return point
    return point[0] + (other[0] - point[0]) * far / whole, point[1] + (other[1] - point[1]) * far / whole


def _head(tip: Point, before: Point, width: float) -> str:
    foot = _towards(tip, before, head_of(width))
    across = 3.4 + width * 0.8
    turned = (foot[1] - tip[1]) / head_of(width) * across, (tip[0] - foot[0]) / head_of(width) * across
    one, other = (foot[0] + turned[0], foot[1] + turned[1]), (foot[0] - turned[0], foot[1] - turned[1])
    return f"M{_at(tip)}L{_at(one)}L{_at(other)}Z"


def _label(placed: PlacedArrow) -> Iterator[str]:
    box, arrow = placed.label, placed.arrow
    x, anchor = (box.x + 2, "start") if placed.beside else (box.middle, "middle")
    yield f"<g><title>{escape(told(arrow.label))}</title>"
    y = box.y + 12
    if arrow.moves is not None:
        yield _text(x, y, f"{arrow.moves:,}", LABEL_SIZE, bold=True, anchor=anchor)
        y += LABEL_LINE
    for line in placed.lines:
        yield _text(x, y, line, LABEL_SIZE, anchor=anchor)
        y += LABEL_LINE
    yield "</g>"


# Stages


def _stage(stage: PlacedNode, diagram: Diagram) -> Iterator[str]:
    node, box = stage.node, stage.box
    name, colour = _colour(node, diagram)
    yield f"<g><title>{escape(_said(node))}</title>"
    if node.first:
        y = box.y + box.height / 2
        yield from _way_in(box.x, y)
    yield _rect(box, name, colour)
    if node.final:
        inner = Box(box.x + 4, box.y + 4, box.width - 8, box.height - 8)
        yield _rect(inner, f"{name}-line", colour, hollow=True)
    below = small_lines(node)
    y = box.y + (box.height - len(stage.lines) * NAME_LINE - len(below) * SMALL_LINE) / 2 + 13.5
    for line in stage.lines:
        yield _text(box.middle, y, line, NAME_SIZE, bold=True, anchor="middle")
        y += NAME_LINE
    y -= 1.5
    for line in below:
        yield _text(box.middle, y, line, SMALL, anchor="middle", ink="faint" if line != _number_line(node) else "ink")
        y += SMALL_LINE
    yield "</g>"


def _number_line(node: DiagramNode) -> str | None:
    return None if node.contacts is None else counted(node.contacts, "contact")


def _said(node: DiagramNode) -> str:
    return told(node.name) + (f" ({told(node.owner)})" if node.owner else "")


def _colour(node: DiagramNode, diagram: Diagram) -> tuple[str, Colour]:
    if not node.owner:
        return "nobody", NOBODY
    place = diagram.owners.index(node.owner)
    return f"o{place}", COLOURS[place % len(COLOURS)]


def _way_in(x: float, y: float) -> Iterator[str]:
    yield f'<circle class="way-head" cx="{_number(x - 28)}" cy="{_number(y)}" r="4.5" fill="{_WAY}"/>'
    yield f'<path class="way" d="M{_at((x - 28, y))}L{_at((x - 8, y))}" stroke="{_WAY}" stroke-width="1.6"/>'
    yield f'<path class="way-head" d="{_head((x, y), (x - 28, y), 1.6)}" fill="{_WAY}"/>'


def _rect(box: Box, name: str, colour: Colour, *, hollow: bool = False) -> str:
    fill = "none" if hollow else colour.fill
    return (
        f'<rect class="{name}" x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}"'
        f' height="{_number(box.height)}" rx="{5 if hollow else 8}" fill="{fill}" stroke="{colour.line}"'
        f' stroke-width="{1 if hollow else 1.6}"/>'
    )


# The legend


def _explained(kind: str, text: str, box: Box) -> Iterator[str]:
    y = box.y + box.height / 2
    swatch = Box(box.x, box.y + 2, 22, 14)
    if kind.startswith("owner"):
        place = int(kind.split()[1])
        yield _rect(swatch, f"o{place}", COLOURS[place % len(COLOURS)])
    elif kind == "nobody":
        yield _rect(swatch, "nobody", NOBODY)
    elif kind == "final":
        yield _rect(swatch, "nobody", NOBODY)
        yield _rect(Box(swatch.x + 3, swatch.y + 3, 16, 8), "nobody-line", NOBODY, hollow=True)
    elif kind == "first":
        yield from _way_in(box.x + 28, y)
    else:
        name, colour = ("back", _BACK) if kind == "back" else ("way", _WAY)
        dashes = ' stroke-dasharray="5 4"' if kind == "time" else ""
        yield f'<path class="{name}" d="M{_at((box.x, y))}h26" stroke="{colour}" stroke-width="2"{dashes}/>'
    yield _text(box.x + 32, y + 4, text, SMALL, ink="faint")


# Small parts


def _text(
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    bold: bool = False,
    anchor: str = "start",
    ink: str = "ink",
) -> str:
    colour = _INK if ink == "ink" else _FAINT
    more = ' font-weight="bold"' if bold else ""
    more += f' text-anchor="{anchor}"' if anchor != "start" else ""
    return (
        f'<text class="{ink}" x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}" fill="{colour}"{more}>'
        f"{escape(text)}</text>"
    )


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _at(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"
