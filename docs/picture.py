"""Draw what a command prints as an SVG, so that the README shows it as it is.

    journeykit demo | python docs/picture.py > docs/demo.svg

The picture holds the text itself: it can be searched and read aloud, and a test holds it to the command's output.
"""

from __future__ import annotations

import sys
from html import escape

LINE = 17
WIDTH = 7.83
MARGIN = 16


def draw(text: str) -> str:
    """An SVG of a text as a terminal would show it."""
    lines = text.rstrip("\n").split("\n")
    width = round(max(len(line) for line in lines) * WIDTH) + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    rows = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + (place + 1) * LINE - 4}"{_style(line)}>{escape(line)}</text>'
        for place, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        "<style>text { font: 13px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d8dee9;"
        " white-space: pre } .head { fill: #8fbcbb; font-weight: bold }</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#1f2430"/>\n{rows}\n</svg>\n'
    )


def _style(line: str) -> str:
    letters = [char for char in line if char.isalpha()]
    return ' class="head"' if letters and all(char.isupper() for char in letters) else ""


if __name__ == "__main__":
    sys.stdout.write(draw(sys.stdin.read()))
