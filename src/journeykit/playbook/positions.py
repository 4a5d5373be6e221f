"""Positions in the text of a playbook: containers that remember, and finders for JSON and TOML.

A path is a tuple of keys and places, such as ``("campaigns", 2, "team")``. The parsers of JSON and TOML tell
no positions, so the finders here go over the text once more. They may trust it: it has just been parsed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from journeykit.errors import KeyPath


class Plain(str):
    """A YAML scalar without quotes: what it means is up to the schema."""

    __slots__ = ()


class Table(dict[str, Any]):
    """A mapping that remembers the keys given twice and, from YAML, the line of each key."""

    __slots__ = ("lines", "twice")

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}
        self.twice: list[str] = []

    @classmethod
    def of_pairs(cls, pairs: list[tuple[str, Any]]) -> Table:
        """A mapping of pairs as a JSON parser finds them."""
        table = cls()
        for key, value in pairs:
            if key in table:
                table.twice.append(key)
            table[key] = value
        return table


class Rows(list[Any]):
    """A list that remembers, from YAML, the line of each item."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


def remembered_line(data: object, path: KeyPath) -> int | None:
    """The line of what a path leads to, or of the last thing on the way, from what the containers remember.

    Example:
        >>> table = Table.of_pairs([("teams", 1)])
        >>> table.lines["teams"] = 7
        >>> remembered_line(table, ("teams", 0, "name"))
        7
    """
    line = None
    for step in path:
        if isinstance(data, Table) and isinstance(step, str) and step in data.lines:
            line, data = data.lines[step], data[step]
            continue
        if not isinstance(data, Rows) or not isinstance(step, int) or step >= len(data.lines):
            break
        line, data = data.lines[step], data[step]
    return line


def found_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of a path, or of the nearest one above it."""
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None)


_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


def json_lines(text: str) -> dict[KeyPath, int]:
    r"""The line of every key and item of a JSON text; of a key given twice, the last.

    Example:
        >>> json_lines('{"teams":\n [{"name": "events"}]}')
        {('teams',): 1, ('teams', 0): 2, ('teams', 0, 'name'): 2}
    """
    lines: dict[KeyPath, int] = {}
    path: list[Any] = []
    # Whether each open container is a list, and whether a key comes next in the innermost one.
    lists: list[bool] = []
    awaits_key = False
    line, seen = 1, 0
    for token in _JSON_TOKEN.finditer(text):
        line, seen = line + text.count("\n", seen, token.start()), token.start()
        mark = token[0]
        if mark in "]}":
            path.pop()
            lists.pop()
            awaits_key = False
        elif mark == ",":
            awaits_key = not lists[-1]
            if lists[-1]:
                path[-1] += 1
        elif mark == ":":
            awaits_key = False
        elif awaits_key:
            path[-1] = json.loads(mark)
            lines[tuple(path)] = line
        else:
            if lists and lists[-1]:
                lines[tuple(path)] = line
            if mark in "[{":
                lists.append(mark == "[")
                path.append(0 if mark == "[" else "")
                awaits_key = mark == "{"
    return lines


_TOML_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*|\n|[\[\]{},=.]|[^\s\[\]{},=.\#"']+''',
    re.DOTALL,
)


def toml_lines(text: str) -> dict[KeyPath, int]:
    r"""The line of every table, key and item of a TOML text.

    Example:
        >>> toml_lines('[[teams]]\nname = "events"\n')
        {('teams',): 1, ('teams', 0): 1, ('teams', 0, 'name'): 2}
    """
    return _TomlLines(text).lines


class _TomlLines:
    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.counts: dict[KeyPath, int] = {}
        self.tokens = self._tokens(text.replace("\r\n", "\n"))
        self.mark, self.line = "", 1
        self._next()
        table: KeyPath = ()
        while self.mark:
            if self.mark == "\n":
                self._next()
            elif self.mark == "[":
                table = self._header()
            else:
                self._pair(table)

    @staticmethod
    def _tokens(text: str) -> Iterator[tuple[str, int]]:
        line, seen = 1, 0
        for token in _TOML_TOKEN.finditer(text):
            line, seen = line + text.count("\n", seen, token.start()), token.start()
            if not token[0].startswith("#"):
                yield token[0], line

    def _next(self) -> None:
        self.mark, self.line = next(self.tokens, ("", self.line))

    def _skip_newlines(self) -> None:
        while self.mark == "\n":
            self._next()

    def _key(self, base: KeyPath) -> KeyPath:
        """Read a key, dotted or not, under a table; of an array of tables, the last one is meant."""
        while True:
            quoted = self.mark.startswith(("'", '"'))
            name = next(iter(tomllib.loads(f"{self.mark}=0"))) if quoted else self.mark
            base = (*self._latest(base), name)
            self.lines.setdefault(base, self.line)
            self._next()
            if self.mark != ".":
                return base
            self._next()

    def _latest(self, path: KeyPath) -> KeyPath:
        return (*path, self.counts[path] - 1) if path in self.counts else path

    def _header(self) -> KeyPath:
        self._next()
        many = self.mark == "["
        if many:
            self._next()
        line = self.line
        path = self._key(())
        if many:
            self.counts[path] = self.counts.get(path, 0) + 1
            self.lines[self._latest(path)] = line
            self._next()
        self._next()
        return self._latest(path)

    def _pair(self, table: KeyPath) -> None:
        path = self._key(table)
        self._next()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self.mark not in ("[", "{"):
            # A number or a date may come in pieces; the value ends where its line or container does.
            while self.mark not in ("", "\n", ",", "]", "}"):
                self._next()
            return
        many, place = self.mark == "[", 0
        self._next()
        self._skip_newlines()
        while self.mark not in ("]", "}"):
            if many:
                self.lines[*path, place] = self.line
                self._value((*path, place))
            else:
                self._pair(path)
            place += 1
            self._skip_newlines()
            if self.mark == ",":
                self._next()
                self._skip_newlines()
        self._next()


# Paths in data


def _inside(data: Any, step: str | int) -> Any:
    """What a step leads to; None where it leads nowhere."""
    if isinstance(data, Mapping):
        return data.get(step)
    return data[step] if isinstance(data, list | tuple) and isinstance(step, int) and step < len(data) else None


def trimmed(data: Any, path: KeyPath, *, existing: bool = False) -> KeyPath:
    """A path up to where these data hold no mapping or list for its next step; with ``existing``, no such key."""
    for at, step in enumerate(path):
        if not isinstance(data, Mapping if isinstance(step, str) else list | tuple):
            return path[:at]
        if existing and (step not in data if isinstance(step, str) else step >= len(data)):
            return path[:at]
        data = _inside(data, step)
    return path


def order_of(data: Any) -> Callable[[KeyPath], tuple[int, ...]]:
    """The position of a path in the file, to compare; a missing key is at the end of its mapping."""
    places: dict[int, dict[str, int]] = {}

    def order(path: KeyPath) -> tuple[int, ...]:
        inner, found = data, []
        for step in path:
            if isinstance(step, int):
                found.append(step)
            else:
                if id(inner) not in places:
                    places[id(inner)] = {key: place for place, key in enumerate(inner)}
                found.append(places[id(inner)].get(step, len(inner)))
            inner = _inside(inner, step)
        return tuple(found)

    return order
