"""Parts of the pages that are printed from the code, and help for docstrings.

A page says ``<!-- shown: name -->`` where a result of its own code is to stand as a notebook shows it (`gallery`), and
``<!-- printed from the code: reasons -->`` where the table of reasons is to stand. There is one function
here for each such part; no page keeps a copy of what the library knows itself.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs
import gallery
from pygments.lexers import TextLexer
from sphinx.domains.python import PyObject, PyXRefRole
from sphinx.pycode import ModuleAnalyzer

from journeykit import Cap, Playbook, Reason, Window, cli, tables
from journeykit.playbook.json_schema import json_schema
from journeykit.playbook.keys import WINDOW_KEYS, WINDOW_WORDS
from journeykit.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from docutils import nodes
    from sphinx.application import Sphinx

MARK = re.compile(r"^<!-- printed from the code: ([a-z ]+) -->$", re.MULTILINE)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(value: object) -> str:
    """A value as it is written in a file."""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


# Reasons and windows


def reasons() -> str:
    """Every reason, in the order in which they are looked for."""
    return table(["", "reason", "meaning"], [(n, code(r.value), r.meaning) for n, r in enumerate(Reason)])


def windows() -> str:
    """Every kind of window: its keys in a file, its spelling in Python, its meaning."""
    return table(["window", "keys", "in Python", "what it holds"], map(_window, WINDOW_KEYS))


def _window(kind: str) -> tuple[str, ...]:
    make = getattr(Window, kind)
    keys = ", ".join(map(code, WINDOW_KEYS[kind])) + (f", or the word `{kind}`" if kind in WINDOW_WORDS else "")
    parameters = [name for name in inspect.signature(make).parameters if name not in ("zone", "week_start")]
    meaning = (inspect.getdoc(make) or "").split("\n", 1)[0]
    return f"**{kind}**", keys, code(f"Window.{kind}({', '.join(parameters)})"), meaning[:1].lower() + meaning[1:]


# Presets


def presets() -> str:
    """Every preset: what its vendor settles, and its caps as a playbook file writes them."""
    said = ModuleAnalyzer.for_module("journeykit.presets").find_attr_docs()
    parts = []
    for name, caps in PRESETS.items():
        lines = "\n".join(
            "  - " + "\n    ".join(f"{key}: {_flow(value)}" for key, value in own.items()) for own in _short(caps)
        )
        parts.append(f"### {name}\n\n{' '.join(said['', name]).strip()}\n\n```yaml\ncaps:\n{lines}\n```")
    return "\n\n".join(parts)


def preset_table() -> str:
    """All caps of all presets side by side."""
    rows = []
    for name, caps in PRESETS.items():
        for own in _short(caps):
            window = own["window"]
            facts = [f"{key}: {_flow(own[key])}" for key in ("where", "by", "points", "audience") if key in own]
            rows.append((f"`{name}`", own["max"], code(_flow(window).strip("{}")), ", ".join(map(code, facts))))
    return table(["preset", "max", "window", "for"], rows)


def _short(caps: Sequence[Cap]) -> list[dict[str, Any]]:
    """Caps as plain data, without what would be so anyway."""
    plain = Playbook(caps=caps).to_dict()["caps"]
    usual = Playbook(caps=[Cap(name="usual", max=0, window=Window.calendar("day"))]).to_dict()["caps"][0]
    for own in plain:
        for key in [key for key, value in own.items() if key not in ("name", "max", "window") and value == usual[key]]:
            del own[key]
        usual_window = {**usual["window"], "stretch": None}
        own["window"] = {
            key: value
            for key, value in own["window"].items()
            if key == "calendar" or value != usual_window.get(key, "")
        }
        own["window"] = "ever" if own["window"] == {"ever": True} else own["window"]
    return plain


def _flow(value: Any) -> str:
    """Plain data as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return _flow(value[0]) if len(value) == 1 else "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return value if re.fullmatch(r"[\w ]+", value) else json.dumps(value)
    return json.dumps(value)


# The keys of a playbook


def playbook_keys() -> str:
    """Every key of every section of a playbook, from its schema."""
    schema = json_schema()
    named = schema["$defs"]
    parts = ["## The playbook", _keys(schema)]
    for name in _mentioned(schema["properties"], named, []):
        parts += [f"## {name[0].upper()}{name[1:]}", named[name]["description"], _keys(named[name])]
    simple = ((code(name), named[name]["description"]) for name in ("texts", "date", "rule", "lag"))
    return "\n\n".join([*parts, "## Small values", table(["value", "what it is"], simple)])


def _mentioned(part: Any, named: Mapping[str, Any], found: list[str]) -> list[str]:
    """The definitions with keys, each after the one that first mentions it."""
    for name in re.findall(r'"#/\$defs/(\w+)"', json.dumps(part)):
        if name not in found and "properties" in named[name]:
            found.append(name)
            _mentioned(named[name], named, found)
    return found


def _keys(schema: Mapping[str, Any]) -> str:
    needed = schema.get("required", [])
    rows = []
    for key, own in schema["properties"].items():
        default = "**needed**" if key in needed else code(own["default"]) if "default" in own else ""
        rows.append((code(key), _value(own), default, own.get("description", "")))
    return table(["key", "value", "default", "meaning"], rows)


_LINKED = {"window": "windows.md#all-windows", "rule": "rules.md"} | dict.fromkeys(
    ("texts", "date", "lag"), "#small-values"
)


def _value(schema: Mapping[str, Any]) -> str:
    """What may stand as a value, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}]({_LINKED.get(name, '#' + name.lower())})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_value, schema["anyOf"])))
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return ", ".join(code("null" if word is None else word) for word in dict.fromkeys(schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_value(schema['items'])}"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"mapping of names to {_value(values)}" if values else "mapping"
    return _bounded(schema)


_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true`, `false`",
    "null": "`null`",
}


def _bounded(schema: Mapping[str, Any]) -> str:
    word = _WORDS[schema["type"]]
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and low == high:
        return code(low)
    low = None if low is None or low <= -1e6 else low
    high = None if high is None or high >= 1e6 else high
    return word + (f" from {low:g}" if low is not None else "") + (f" to {high:g}" if high is not None else "")


# Tables and the command line


def decision_columns() -> str:
    """The columns of a table of decisions."""
    return table(["column", "holds"], [(code(name), kind) for name, kind in tables.DECISIONS.items()])


def command_line() -> str:
    """What every command says of itself."""
    said = help_of()
    parts = [f"```none\n{said}\n```"]
    for name in _commands(said):
        own = help_of(name)
        parts.append(f"## journeykit {name}\n\n```none\n{own}\n```")
        parts += [
            f"### journeykit {name} {inner}\n\n```none\n{help_of(name, inner)}\n```"
            for inner in (_commands(own) if "\ncommands:" in own else ())
        ]
    return "\n\n".join(parts)


def _commands(said: str) -> list[str]:
    """The commands that a help names."""
    return re.findall(r"^    (\w+)  ", said, re.MULTILINE)


def help_of(*command: str) -> str:
    """The help of the command line or of one of its commands."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), mock.patch.dict(os.environ, COLUMNS="88"):
        cli.main([*command, "--help"])
    return said.getvalue().strip()


def journey_picture() -> str:
    """The picture that the commands of the page on drawing make."""
    page = (Path(__file__).parents[1] / "howto" / "draw-a-journey.md").read_text("utf-8")
    command = re.findall(r"^journeykit (graph .+)$", page, re.MULTILINE)[1].split()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
        for name, text in re.findall(r"^```\w+\n# file: (\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
            Path(name).write_text(text, "utf-8")
        if cli.main(command):
            raise ValueError(f"journeykit {' '.join(command)} failed")
        return Path(command[command.index("--out") + 1]).read_text("utf-8")


PARTS: dict[str, Callable[[], str]] = {
    "reasons": reasons,
    "windows": windows,
    "presets": presets,
    "preset table": preset_table,
    "playbook keys": playbook_keys,
    "decision columns": decision_columns,
    "command line": command_line,
    "journey picture": journey_picture,
}


def print_parts(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put the parts where a page wants them."""
    source[0] = gallery.shown(MARK.sub(lambda found: PARTS[found[1]](), source[0]))


# Docstrings


class Thing(PyXRefRole):
    """Links to whatever in the library has this name, wherever it lives."""

    def process_link(  # noqa: D102  (what Sphinx asks for)
        self, env: Any, refnode: nodes.Element, has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        refnode["refdomain"], refnode["reftype"], refnode["refspecific"] = "py", "obj", True
        return super().process_link(env, refnode, has_explicit_title, title, target)


def tell_types(_app: Sphinx, _what: str, _name: str, thing: Any, _options: Any, lines: list[str]) -> None:
    """Add the type of every documented field of a class of the model."""
    if inspect.isclass(thing) and attrs.has(thing):
        told = [line.split(":")[1].removeprefix("ivar ") for line in lines if line.startswith(":ivar ")]
        first = next((place for place, line in enumerate(lines) if line.startswith(":ivar ")), 0)
        hints = inspect.get_annotations(thing)
        lines[first:first] = [f":vartype {name}: {hints[name]}" for name in told if name in hints]


def keep_colons(_app: Sphinx, what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Keep the first sentence of a property whole: what is before a colon would be taken for its type."""
    if what == "property" and lines:
        lines[0] = re.sub(r"^([^`:]*): ", r"\1; ", lines[0])


def hide_factories(
    _app: Sphinx, _what: str, _name: str, _thing: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Say ``...`` where a default is made anew each time."""
    return (signature and signature.replace("=NOTHING", "=...").replace(" = NOTHING", " = ..."), returns)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all of it."""
    app.connect("source-read", print_parts)
    app.connect("autodoc-process-docstring", keep_colons, priority=100)
    app.connect("autodoc-process-docstring", tell_types, priority=900)
    app.connect("autodoc-process-signature", hide_factories)
    app.add_role("thing", Thing())
    app.add_lexer("csv", TextLexer)
    for part in PyObject.doc_field_types:
        if part.name == "variable":
            part.label = "Attributes"
    return {"parallel_read_safe": True}
