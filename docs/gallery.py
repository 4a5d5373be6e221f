"""What the gallery shows: the results of the code on its page, as a notebook would show them.

    python docs/gallery.py OUT.html

writes them to a page by themselves.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "gallery.md"
SHOWN = re.compile(r"^<!-- shown: (\w+) -->$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# file: (\S+)\n")


def displays(text: str) -> dict[str, str]:
    """Run the code of a page in a folder of its own; by name, the HTML of what the page shows."""
    names: dict[str, Any] = {"__name__": "gallery"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for kind, body in _BLOCK.findall(text):
            if found := _FILE.match(body):
                Path(found[1]).write_text(body[found.end() :], "utf-8")
            elif kind == "python":
                exec(compile(body, "gallery.md", "exec"), names)  # noqa: S102  (the page is ours)
    return {name: _one_block(names[name]._repr_html_()) for name in SHOWN.findall(text)}


def shown(text: str) -> str:
    """A page with its results in it."""
    if not SHOWN.search(text):
        return text
    found = displays(text)
    return SHOWN.sub(lambda match: f'<div class="shown">{found[match[1]]}</div>', text)


def page() -> str:
    """All results by themselves, as a page."""
    from journeykit.reporting.chart_files import page_of

    return page_of("Gallery", "What results look like in a notebook.", *displays(PAGE.read_text("utf-8")).values())


def _one_block(html: str) -> str:
    """Markdown takes HTML up to the first empty line."""
    return re.sub(r"\n\s*\n", "\n", html)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
