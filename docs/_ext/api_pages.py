"""One page for each public class, function and exception, written from a list when the documents are built.

``reference/python.md`` lists what is public in blocks such as

    ```{names}
    journeykit.Arbiter: members
    journeykit.Decision(): members
    journeykit.Window: rolling, days
    journeykit.journey.estimate
    ```

A line is a dotted name; brackets leave the constructor out, since the library makes the value itself; after the colon
come the members to show, or one of the words of `_OPTIONS`. Each name gets the page ``reference/api/NAME``, and the
block becomes a table of links. A name of the front door that no block lists ends the build.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sphinx.errors import ExtensionError

import journeykit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

LIST = "reference/python"
BLOCK = re.compile(r"^```\{names\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"([\w.]+)(\(\))?(?:: (.+))?")
_OPTIONS = {
    "": "",
    "members": "   :members:\n",
    "all members": "   :members:\n   :undoc-members:\n",
    "members, inherited": "   :members:\n   :inherited-members:\n",
}


@frozen
class Entry:
    """A public name: where it is, whether users call it, and the members to show."""

    path: str
    made_by_library: bool
    members: str

    @property
    def name(self) -> str:
        """The last part, which names the page."""
        return self.path.rsplit(".", 1)[1]

    @property
    def module(self) -> str:
        """Where users import it from."""
        return self.path.rsplit(".", 1)[0]

    @property
    def thing(self) -> Any:
        """The class, function, module or value itself."""
        try:
            return getattr(import_module(self.module), self.name)
        except (AttributeError, ImportError) as error:
            raise ExtensionError(f"{LIST}.md lists {self.path}, which is not there: {error}") from error

    @property
    def kind(self) -> str:
        """The directive that prints it."""
        thing = self.thing
        if inspect.ismodule(thing):
            return "module"
        if inspect.isclass(thing):
            return "exception" if issubclass(thing, Exception) else "class"
        return "function" if callable(thing) else "data"

    def page(self) -> str:
        """Its page, as reStructuredText."""
        title = self.name + ("()" if self.kind == "function" else "")
        options = _OPTIONS.get(self.members, f"   :members: {self.members}\n")
        call = "()" if self.made_by_library else ""
        return (
            f"{title}\n{'=' * len(title)}\n\n.. code-block:: python\n\n   from {self.module} import {self.name}\n\n"
            f".. currentmodule:: {self.module}\n\n.. auto{self.kind}:: {self.path}{call}\n{options}"
        )

    def row(self) -> str:
        """Its line in the table of the list."""
        said = "" if self.kind == "data" else (inspect.getdoc(self.thing) or "").split("\n\n", 1)[0].replace("\n", " ")
        said = re.sub(r"(?<!`)`(?!`)|``", "`", said).replace("|", "\\|")
        return f"| [{self.name}](api/{self.name}) | {said} |"


def entries(block: str) -> Iterator[Entry]:
    """What a block lists."""
    for line in filter(None, map(str.strip, block.splitlines())):
        found = LINE.fullmatch(line)
        if found is None:
            raise ExtensionError(f"{LIST}.md: {line!r} is no line of a list of names")
        yield Entry(found[1], bool(found[2]), found[3] or "")


def listed(text: str) -> list[Entry]:
    """What a page lists in all of its blocks."""
    return [entry for block in BLOCK.findall(text) for entry in entries(block)]


def write_pages(app: Sphinx) -> None:
    """Write the page of each name, and remove those of names that are gone."""
    source = Path(app.srcdir, f"{LIST}.md").read_text("utf-8")
    known = listed(source)
    missing = set(journeykit.__all__) - {entry.name for entry in known}
    if missing:
        raise ExtensionError(f"{LIST}.md does not list {', '.join(sorted(missing))}")
    folder = Path(app.srcdir, "reference", "api")
    folder.mkdir(exist_ok=True)
    wanted = {folder / f"{entry.name}.rst": entry.page() for entry in known}
    for path in set(folder.glob("*.rst")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text("utf-8") != text:  # what is unchanged need not be built again
            path.write_text(text, "utf-8")


def print_lists(_app: Sphinx, page: str, source: list[str]) -> None:
    """Turn each block into a table of links, and into a part of the contents."""
    if page == LIST:
        source[0] = BLOCK.sub(lambda found: _table(list(entries(found[1]))), source[0])


def _table(known: list[Entry]) -> str:
    rows = "\n".join(entry.row() for entry in known)
    pages = "\n".join(f"api/{entry.name}" for entry in known)
    return f"| name | meaning |\n| --- | --- |\n{rows}\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register both."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", print_lists)
    return {"parallel_read_safe": True}
