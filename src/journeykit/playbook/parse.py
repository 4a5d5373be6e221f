"""The text of a playbook file as plain data, and where in it each value is."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from journeykit.errors import KeyPath, PlaybookError, Problem
from journeykit.playbook.positions import Table, found_line, json_lines, remembered_line, toml_lines
from journeykit.playbook.yaml import read_yaml, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

    Format = Literal["yaml", "toml", "json"]
    LineOf = Callable[[KeyPath], int | None]

ENDINGS: dict[str, Format] = {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json"}
LARGEST_FILE = 4 * 1024 * 1024
DEEPEST = 50
MOST_VALUES = 200_000
TOO_MANY = f"more than {MOST_VALUES:,} values"
# tomllib takes quadratic time for a dotted key.
_MOST_DOTS = 100


def parse(text: str | bytes, form: Format, source: str) -> tuple[Any, LineOf]:
    """The data of a text, and what tells the line of each of them.

    Raises:
        PlaybookError: for a text that is not of its format, or larger than a playbook can be.
        MissingExtraError: for YAML without the extra ``yaml``.
    """
    return _PARSERS[form](_decoded(text, source), source)


def refuse(message: str, source: str, line: int | None = None) -> NoReturn:
    """Refuse a file as a whole."""
    raise PlaybookError([Problem("", message, line=line)], source=source)


def _decoded(text: str | bytes, source: str) -> str:
    if len(text) > LARGEST_FILE:
        refuse(f"a playbook file has at most {LARGEST_FILE // 1024**2} MB", source)
    try:
        if isinstance(text, str):
            text.encode()
        else:
            text = bytes(text).decode()
    except UnicodeError as error:
        refuse(
            f"the text is not UTF-8: {error.reason if isinstance(error, UnicodeDecodeError) else error}",
            source,
        )
    text = text.removeprefix("\ufeff")
    if not text.strip():
        refuse("the file is empty", source)
    if text.count(",") > MOST_VALUES:
        refuse(TOO_MANY, source)
    return text


def _parse_yaml(text: str, source: str) -> tuple[Any, LineOf]:
    data = read_yaml(text, deepest=DEEPEST, most=MOST_VALUES, source=source)
    if data is None:
        refuse("the file is empty", source)
    return data, lambda path: remembered_line(data, path)


def _parse_json(text: str, source: str) -> tuple[Any, LineOf]:
    try:
        data = json.loads(text, object_pairs_hook=Table.of_pairs, parse_int=whole_number)
    except json.JSONDecodeError as error:
        refuse(f"this is not JSON: {error.msg} (column {error.colno})", source, error.lineno)
    except RecursionError:
        refuse(f"nested more than {DEEPEST} deep", source)
    return data, _lazily(json_lines, text)


def _parse_toml(text: str, source: str) -> tuple[Any, LineOf]:
    if any(piece.count(".") > _MOST_DOTS for piece in re.split(r"[\n,=\[\]{}]", text)):
        refuse(f"a key has more than {_MOST_DOTS} dots", source)
    try:
        data = tomllib.loads(text)
    except ValueError as error:
        said, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        refuse(f"this is not TOML: {said}", source, int(found[1]) if found else None)
    except RecursionError:
        refuse(f"nested more than {DEEPEST} deep", source)
    if not data:
        refuse("the file is empty", source)
    return data, _lazily(toml_lines, text)


_PARSERS: dict[Format, Callable[[str, str], tuple[Any, LineOf]]] = {
    "yaml": _parse_yaml,
    "toml": _parse_toml,
    "json": _parse_json,
}


def _lazily(find: Callable[[str], dict[KeyPath, int]], text: str) -> LineOf:
    """Looks for lines in the text only when the first one is asked for."""
    found: dict[KeyPath, int] | None = None

    def line_of(path: KeyPath) -> int | None:
        nonlocal found
        if not path:
            return None
        if found is None:
            try:
                found = find(text)
            except RecursionError:  # nested as deep as a parser just about goes
                found = {}
        return found_line(found, path)

    return line_of
