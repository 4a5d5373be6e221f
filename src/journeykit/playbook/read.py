"""Playbooks to data and back: YAML, TOML and JSON files of one schema. The only home of cattrs.

A file becomes plain data, the data become parts of the model, the parts a playbook. What goes wrong on the
way is collected and reported at once: a part that cannot be made is left aside, the rest is still checked,
and what refers to the part is not blamed for it.

The schema decides what a value is. In YAML a word without quotes is a text where a text is wanted (``no``,
``on``, ``21:00``, ``007``), a date where a date is, a number of YAML 1.2 where a number is. Null is an empty
value, ``null`` or ``~``; TOML, which has none, writes the text ``"null"`` where a number or null may stand.
A date may also be written as a text.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from attrs import has
from cattrs import ClassValidationError, Converter, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from journeykit.basics.validation import shown
from journeykit.errors import ModelError, PlaybookError, Problem
from journeykit.journey import Journey
from journeykit.model.cap import Limit
from journeykit.model.content import Gain
from journeykit.playbook import positions
from journeykit.playbook.keys import NO_LIMIT, Key, item_of, keys_of, short_key_of
from journeykit.playbook.playbook import Playbook
from journeykit.playbook.problems import Gaps, find_problems
from journeykit.playbook.sections import Sections
from journeykit.playbook.values import (
    READERS,
    Fault,
    FaultsError,
    expected_mapping,
    gathered,
    is_null,
    limit,
    listing,
    missing,
    model,
    number,
    text,
    unknown,
    whole_number,
    wrong,
)
from journeykit.playbook.yaml import read_yaml

if TYPE_CHECKING:
    Format = Literal["yaml", "toml", "json"]
    LineOf = Callable[[positions.Path], int | None]

ENDINGS: dict[str, Format] = {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json"}
LARGEST_FILE = 4 * 1024 * 1024
DEEPEST = 50
MOST_PROBLEMS = 1_000
MOST_VALUES = 200_000
_TOO_MANY = f"more than {MOST_VALUES:,} values"
# tomllib takes quadratic time for a dotted key.
_MOST_DOTS = 100


def load(path: str | os.PathLike[str]) -> Playbook:
    """Read a playbook from a YAML (``.yaml``, ``.yml``), TOML or JSON file; its ending says which.

    Raises:
        PlaybookError: with everything that is wrong, each fault with its path and line; also for a file
            that cannot be read, has another ending, or is larger than 4 MB.
        MissingExtraError: for a YAML file without the extra ``yaml``.
    """
    source = os.fspath(path)
    form = ENDINGS.get(Path(source).suffix.lower())
    if form is None:
        _refuse(f"the ending of a playbook file is one of {', '.join(ENDINGS)}", source)
    try:
        with open(path, "rb") as file:  # noqa: PTH123  (a path may be any object that has a path)
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        _refuse(f"the file cannot be read: {getattr(error, 'strerror', None) or error}", source)
    return loads(content, form, source=source)


def loads(text: str | bytes, format: Format, *, source: str = "playbook") -> Playbook:  # noqa: A002  (its name)
    """Read a playbook from the text of a file.

    Args:
        text: the text, or its bytes in UTF-8.
        format: ``yaml``, ``toml`` or ``json``.
        source: what errors call it.

    Raises:
        PlaybookError: with everything that is wrong.
        MissingExtraError: for YAML without the extra ``yaml``.

    Example:
        >>> loads('caps: [{name: one a day, max: 1, window: {calendar: day}}]', "yaml").caps[0].max
        1
    """
    if format not in ENDINGS.values():
        _refuse(f"the format is one of yaml, toml, json, found {shown(format)}", source)
    data, line_of = _PARSERS[format](_decoded(text, source), source)
    return _playbook(data, line_of, source)


def from_dict(data: Mapping[str, Any]) -> Playbook:
    """A playbook from plain data, as a file would hold it; dates may be dates or texts.

    Raises:
        PlaybookError: with everything that is wrong.

    Example:
        >>> from_dict({"name": "small", "teams": [{"name": "events"}]}).teams[0].department
        'marketing'
    """
    return _playbook(data, lambda _: None, "playbook")


# From text to data


def _refuse(message: str, source: str, line: int | None = None) -> NoReturn:
    raise PlaybookError([Problem("", message, line=line)], source=source)


def _decoded(text: str | bytes, source: str) -> str:
    if len(text) > LARGEST_FILE:
        _refuse(f"a playbook file has at most {LARGEST_FILE // 1024**2} MB", source)
    try:
        if isinstance(text, str):
            text.encode()
        else:
            text = bytes(text).decode()
    except UnicodeError as error:
        _refuse(
            f"the text is not UTF-8: {error.reason if isinstance(error, UnicodeDecodeError) else error}",
            source,
        )
    text = text.removeprefix("\ufeff")
    if not text.strip():
        _refuse("the file is empty", source)
    if text.count(",") > MOST_VALUES:
        _refuse(_TOO_MANY, source)
    return text


def _parse_yaml(text: str, source: str) -> tuple[Any, LineOf]:
    data = read_yaml(text, deepest=DEEPEST, most=MOST_VALUES, source=source)
    if data is None:
        _refuse("the file is empty", source)
    return data, lambda path: positions.remembered_line(data, path)


def _parse_json(text: str, source: str) -> tuple[Any, LineOf]:
    try:
        data = json.loads(text, object_pairs_hook=positions.Table.of_pairs, parse_int=whole_number)
    except json.JSONDecodeError as error:
        _refuse(f"this is not JSON: {error.msg} (column {error.colno})", source, error.lineno)
    except RecursionError:
        _refuse(f"nested more than {DEEPEST} deep", source)
    return data, _lazily(positions.json_lines, text)


def _parse_toml(text: str, source: str) -> tuple[Any, LineOf]:
    if any(piece.count(".") > _MOST_DOTS for piece in re.split(r"[\n,=\[\]{}]", text)):
        _refuse(f"a key has more than {_MOST_DOTS} dots", source)
    try:
        data = tomllib.loads(text)
    except ValueError as error:
        said, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        _refuse(f"this is not TOML: {said}", source, int(found[1]) if found else None)
    except RecursionError:
        _refuse(f"nested more than {DEEPEST} deep", source)
    if not data:
        _refuse("the file is empty", source)
    return data, _lazily(positions.toml_lines, text)


_PARSERS: dict[Format, Callable[[str, str], tuple[Any, LineOf]]] = {
    "yaml": _parse_yaml,
    "toml": _parse_toml,
    "json": _parse_json,
}


def _lazily(find: Callable[[str], dict[positions.Path, int]], text: str) -> LineOf:
    """Looks for lines in the text only when the first one is asked for."""
    found: dict[positions.Path, int] | None = None

    def line_of(path: positions.Path) -> int | None:
        nonlocal found
        if not path:
            return None
        if found is None:
            try:
                found = find(text)
            except RecursionError:  # nested as deep as a parser just about goes
                found = {}
        return positions.found_line(found, path)

    return line_of


# Parts of the model


@lru_cache(maxsize=1)
def _converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook_factory(has, lambda kind: _reader_of(kind, converter))
    return converter


def _reader_of(kind: type, converter: Converter) -> Callable[[Any, Any], Any]:
    hooks = {
        key.attribute.name: override(rename=key.name, struct_hook=_field_reader(key, converter))
        for key in keys_of(kind).values()
    }
    short = short_key_of(kind)
    structure: Any = make_dict_structure_fn(
        kind,
        converter,
        _cattrs_forbid_extra_keys=True,
        _cattrs_detailed_validation=True,
        **hooks,  # type: ignore[arg-type]  # mypy takes them for the switches, too
    )

    def read(value: Any, _: Any) -> Any:
        if short is not None and not isinstance(value, Mapping):
            value = {short.name: value}
        if not isinstance(value, Mapping):
            raise expected_mapping(keys_of(kind), value)
        try:
            return structure(value, kind)
        except ClassValidationError as error:
            raise FaultsError(*_faults_of(error, kind, value)) from None

    return read


def _faults_of(error: ClassValidationError, kind: type, value: Mapping[str, Any]) -> Iterator[Fault]:
    keys = {key.attribute.name: key for key in keys_of(kind).values()}
    noted, others = error.group_exceptions()
    for cause, note in noted:
        key = keys[note.name]
        if isinstance(cause, FaultsError):
            yield from (fault.under(key.name) for fault in cause.faults)
        elif isinstance(cause, KeyError) and key.name not in value:
            yield missing(key)
        else:
            raise cause
    for cause in others:
        if isinstance(cause, ForbiddenExtraKeysError):
            yield from (unknown(name, keys_of(kind), kind) for name in value if name in cause.extra_fields)
        elif isinstance(cause, ModelError):
            yield Fault(str(cause), (keys[cause.field].name,) if cause.field in keys else ())
        else:
            raise cause


def _field_reader(key: Key, converter: Converter) -> Callable[[Any, Any], Any]:
    """Reads one field and asks the model's own converter and validator: each field answers for itself."""
    reader = READERS.get(key.type) or (lambda value: converter.structure(value, key.type))
    if key.type == float | Limit:
        reader = _read_limit

    def one(name: str | None, item: Any) -> Any:
        return _checked(key, (text(item),) if name is None else {name: number(item)})

    def read(value: Any, _: Any = None) -> Any:
        if is_null(value) or (key.no_limit and value == NO_LIMIT):
            if not key.nullable:
                raise wrong("null is not allowed here" + ("" if key.required else "; leave the key out"))
            return None
        # First one by one, so that each name or item is blamed for itself.
        if isinstance(value, Mapping) and key.type in _NUMBERED:
            gathered((name, partial(one, name, given)) for name, given in value.items())
        elif isinstance(value, list | tuple) and key.type == tuple[str, ...]:
            gathered((at, partial(one, None, item)) for at, item in enumerate(value))
        return _checked(key, reader(value))

    return read


_NUMBERED = (Mapping[str, float], Mapping[str, Gain], float | Mapping[str, float])


def _checked(key: Key, value: Any) -> Any:
    attribute = key.attribute
    converter: Any = attribute.converter
    validator: Any = attribute.validator
    if converter is not None:
        value = model(converter, value)
    if validator is not None:
        model(validator, None, attribute, value)
    return value


def _read_limit(value: Any) -> float | Limit:
    return _converter().structure(value, Limit) if isinstance(value, Mapping) else limit(value)


# The whole


def _playbook(data: object, line_of: LineOf, source: str) -> Playbook:
    faults, sound = _survey(data)
    reading = _Reading()
    if sound:
        reading.playbook(data)
        faults += reading.faults
        left = max(0, MOST_PROBLEMS + 1 - len(faults))
        for problem in islice(find_problems(Sections(**reading.parts), reading.gaps()), left):
            faults.append(Fault(problem.message, _steps(data, problem.path), problem.suggestion))
    if not faults:
        return Playbook(**reading.parts)
    order = _order(data)
    trimmed = ((_trimmed(data, fault.path), fault) for fault in faults[:MOST_PROBLEMS])
    ordered = sorted(trimmed, key=lambda found: order(found[0]))
    problems = [
        Problem(_path_text(path), fault.message, line=line_of(path), suggestion=fault.meant())
        for path, fault in ordered
    ]
    if len(faults) > MOST_PROBLEMS:
        problems.append(Problem("", f"there is more: only the first {MOST_PROBLEMS} problems are listed"))
    raise PlaybookError(problems, source=source)


def _survey(data: object) -> tuple[list[Fault], bool]:
    """The faults of the data as such, whatever they mean, and whether they can be read at all."""
    faults: list[Fault] = []
    sound = True
    left: list[tuple[positions.Path, Any]] = [((), data)]
    seen = 0
    while left:
        path, value = left.pop()
        if len(path) > DEEPEST:
            return [Fault(f"nested more than {DEEPEST} deep")], False
        seen += len(value) if isinstance(value, Mapping | list | tuple) else 0
        if seen > MOST_VALUES:
            return [Fault(_TOO_MANY)], False
        if isinstance(value, str) and not _encodable(value):
            faults.append(Fault(f"half of a surrogate pair is no text, found {shown(str(value))}", path))
        elif isinstance(value, Mapping):
            faults += [Fault("the key is given twice", (*path, key)) for key in getattr(value, "twice", ())]
            for key, item in value.items():
                if not isinstance(key, str) or not _encodable(key):
                    faults.append(Fault(f"a key is a text, found {shown(key)}", path))
                    sound = False
                else:
                    left.append(((*path, key), item))
        elif isinstance(value, list | tuple):
            left += (((*path, at), item) for at, item in enumerate(value))
    return faults, sound


def _encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


class _Reading:
    """Reads a playbook part by part; what cannot be read leaves a gap."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}
        self.faults: list[Fault] = []
        self._places: dict[str, list[int]] = {}
        self._taken: dict[str, list[str]] = {}
        self._unsure: set[str] = set()

    def gaps(self) -> Gaps:
        return Gaps(self._places, self._taken, frozenset(self._unsure))

    def playbook(self, data: object) -> None:
        self.parts = self._sections(data, Playbook, ()) or {}

    def _try(self, path: positions.Path, read: Callable[..., Any], *given: Any) -> tuple[Any, ...]:
        """What was read, as a tuple of one; an empty one where it could not be."""
        try:
            return (read(*given),)
        except FaultsError as error:
            self.faults += [fault.under(*path) for fault in error.faults]
            return ()

    def _sections(self, data: object, kind: type, path: positions.Path) -> dict[str, Any] | None:
        keys = keys_of(kind)
        if not isinstance(data, Mapping):
            self.faults += [fault.under(*path) for fault in expected_mapping(keys, data).faults]
            return None
        strange = (unknown(name, keys, kind).under(*path) for name in data if name not in keys)
        self.faults += islice(strange, MOST_PROBLEMS + 1)
        found = {}
        for name, key in keys.items():
            if name in data:
                for value in self._section((*path, name), key, data[name]):
                    found[key.attribute.name] = value
        return found

    def _section(self, path: positions.Path, key: Key, value: object) -> tuple[Any, ...]:
        if part := item_of(key.type):
            return self._items(path, part, value)
        if key.type is Journey:
            inner = self._sections(value, Journey, path)
            return () if inner is None else (Journey(**inner),)
        return self._try(path, _field_reader(key, _converter()), value)

    def _items(self, path: positions.Path, kind: type, value: object) -> tuple[Any, ...]:
        section = ".".join(map(str, path))
        rows = self._try(path, listing, value)
        if not rows:
            self._unsure.add(section)
            self._places[section] = []
            return ((),)
        made, places = [], []
        for place, item in enumerate(rows[0]):
            if len(self.faults) > MOST_PROBLEMS:
                break
            for part in self._item((*path, place), kind, item):
                made.append(part)
                places.append(place)
            if not places or places[-1] != place:
                self._gap(section, kind, item)
                self._places[section] = places
        return (tuple(made),)

    def _item(self, path: positions.Path, kind: type, item: object) -> tuple[Any, ...]:
        """The part, if need be without its faulty keys, so that what it refers to is checked all the same."""
        try:
            return (_converter().structure(item, kind),)
        except FaultsError as error:
            self.faults += [fault.under(*path) for fault in error.faults]
            faulty = {fault.path[0] for fault in error.faults if fault.path}
        if not isinstance(item, Mapping):
            return ()
        try:
            rest = {name: value for name, value in item.items() if name not in faulty}
            return (_converter().structure(rest, kind),)
        except FaultsError:
            return ()

    def _gap(self, section: str, kind: type, item: object) -> None:
        name = item.get("id" if "id" in keys_of(kind) else "name") if isinstance(item, Mapping) else item
        if isinstance(name, str) and name:
            self._taken.setdefault(section, []).append(str(name))
        else:
            self._unsure.add(section)


# Paths


def _path_text(path: positions.Path) -> str:
    """A path as problems write it: ``campaigns[2].team``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step[:100]}" for step in path).removeprefix(".")


def _inside(data: Any, step: str | int) -> Any:
    """What a step leads to; None where it leads nowhere."""
    if isinstance(data, Mapping):
        return data.get(step)
    return data[step] if isinstance(data, list | tuple) and isinstance(step, int) and step < len(data) else None


def _steps(data: Any, text: str) -> positions.Path:
    """The path that a text means in these data, as far as they go: names may hold dots and brackets."""
    steps: list[str | int] = []
    while text:
        if isinstance(data, Mapping):
            fits = [key for key in data if text == key or text.startswith((f"{key}.", f"{key}["))]
            if not fits:
                break
            step: str | int = max(fits, key=len)
            text = text[len(str(step)) :].removeprefix(".")
        else:
            found = re.match(r"\[(\d+)\]\.?", text) if isinstance(data, list | tuple) else None
            if not found:
                break
            step, text = int(found[1]), text[found.end() :]
        steps.append(step)
        data = _inside(data, step)
    return tuple(steps)


def _trimmed(data: Any, path: positions.Path) -> positions.Path:
    """A path up to where these data hold no mapping or list that its next step could lead into."""
    for at, step in enumerate(path):
        if not isinstance(data, Mapping if isinstance(step, str) else list | tuple):
            return path[:at]
        data = _inside(data, step)
    return path


def _order(data: Any) -> Callable[[positions.Path], tuple[int, ...]]:
    """Says where a path stands in the file, to compare; a missing key stands at the end of its mapping."""
    places: dict[int, dict[str, int]] = {}

    def order(path: positions.Path) -> tuple[int, ...]:
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
