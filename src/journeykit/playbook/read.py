"""Playbooks to data and back: YAML, TOML and JSON files of one schema. The only home of cattrs.

A file becomes plain data, the data become parts of the model, the parts a playbook. What goes wrong on the
way is collected and reported at once: a part that cannot be made is left aside, the rest is still checked,
and what refers to the part is not blamed for it.

The schema decides what a value is. In YAML a word without quotes is a text where a text is wanted (``no``,
``on``, ``21:00``, ``007``), a date where a date is, a number of YAML 1.2 where a number is. Null is an empty
value, ``null`` or ``~``; TOML, which has none, writes the text ``"null"`` where a number or null is allowed.
A date may also be written as a text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import has
from cattrs import Converter, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from journeykit.basics.validation import shown
from journeykit.errors import KeyPath, ModelError, PlaybookError, Problem, path_text
from journeykit.journey.journey import Journey
from journeykit.model.cap import Limit
from journeykit.model.content import Gain
from journeykit.playbook.keys import FILE_KEYS, NO_LIMIT, Key, item_of, keys_of, short_key_of
from journeykit.playbook.parse import DEEPEST, ENDINGS, LARGEST_FILE, MOST_VALUES, TOO_MANY, parse, refuse
from journeykit.playbook.positions import order_of, trimmed
from journeykit.playbook.rule_bindings import bind_rules
from journeykit.playbook.section_checks import UnreadParts, find_problems
from journeykit.playbook.sections import Sections
from journeykit.playbook.team_defaults import TeamDefaults
from journeykit.playbook.value_readers import (
    READERS,
    Fault,
    FaultsError,
    expected_mapping,
    gathered,
    limit,
    listing,
    missing,
    model,
    number,
    text,
    unknown,
    wrong,
)
from journeykit.playbook.yaml import is_null

if TYPE_CHECKING:
    from journeykit.playbook.parse import Format, LineOf

MOST_PROBLEMS = 1_000
_Made = TypeVar("_Made", bound=Sections)


def load(path: str | os.PathLike[str], make: type[_Made]) -> _Made:
    """Read a playbook from a YAML (``.yaml``, ``.yml``), TOML or JSON file; its ending says which.

    Args:
        path: the file.
        make: the class of the playbook.

    Raises:
        PlaybookError: with everything that is wrong, each fault with its path and line; also for a file
            that cannot be read, has another ending, or is larger than 4 MB.
        MissingExtraError: for a YAML file without the extra ``yaml``.
    """
    source = os.fspath(path)
    form = ENDINGS.get(Path(source).suffix.lower())
    if form is None:
        refuse(f"the ending of a playbook file is one of {', '.join(ENDINGS)}", source)
    try:
        with open(path, "rb") as file:  # noqa: PTH123  (a path may be any object that has a path)
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        refuse(f"the file cannot be read: {getattr(error, 'strerror', None) or error}", source)
    return loads(content, form, make, source=source)


def loads(text: str | bytes, format: Format, make: type[_Made], *, source: str = "playbook") -> _Made:  # noqa: A002
    """Read a playbook from the text of a file.

    Args:
        text: the text, or its bytes in UTF-8.
        format: ``yaml``, ``toml`` or ``json``.
        make: the class of the playbook.
        source: what errors call it.

    Raises:
        PlaybookError: with everything that is wrong.
        MissingExtraError: for YAML without the extra ``yaml``.

    Example:
        >>> from journeykit import Playbook
        >>> loads('caps: [{name: one a day, max: 1, window: {calendar: day}}]', "yaml", Playbook).caps[0].max
        1
    """
    if format not in ENDINGS.values():
        refuse(f"the format is one of yaml, toml, json, found {shown(format)}", source)
    return _playbook(*parse(text, format, source), source, make)


def from_dict(data: Mapping[str, Any], make: type[_Made]) -> _Made:
    """A playbook from plain data, as a file would hold it; dates may be dates or texts.

    Raises:
        PlaybookError: with everything that is wrong.

    Example:
        >>> from journeykit import Playbook
        >>> from_dict({"name": "small", "teams": [{"name": "events"}]}, Playbook).teams[0].department
        'marketing'
    """
    return _playbook(data, lambda _: None, "playbook", make)


# Parts of the model


@lru_cache(maxsize=1)
def _converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook_factory(has, lambda kind: _reader_of(kind, converter))
    return converter


def _reader_of(kind: type, converter: Converter) -> Callable[[Any, Any], Any]:
    keys, short = keys_of(kind), short_key_of(kind)
    structure: Any = make_dict_structure_fn(
        kind,
        converter,
        _cattrs_forbid_extra_keys=True,
        _cattrs_detailed_validation=False,
        **{key.attribute.name: _hook(key) for key in keys.values()},
    )

    def read(value: Any, _: Any) -> Any:
        if short is not None and not isinstance(value, Mapping):
            value = {short.name: value}
        if not isinstance(value, Mapping):
            raise expected_mapping((*keys, *FILE_KEYS.get(kind, ())), value)
        try:
            return structure(value, kind)
        except (FaultsError, ModelError, KeyError, ForbiddenExtraKeysError) as error:
            raise FaultsError(*(_faults_of(kind, value) or _fault_of(kind, error))) from None

    return read


def _hook(key: Key) -> Any:
    return override(rename=key.name, struct_hook=lambda value, _: _field(key, value))


def _faults_of(kind: type, value: Mapping[str, Any]) -> list[Fault]:
    """Everything that is wrong with the keys of a part, each by itself."""
    keys, faults = keys_of(kind), list[Fault]()
    for name, key in keys.items():
        if name in value:
            try:
                _checked(key, value[name])
            except FaultsError as error:
                faults += (fault.under(name) for fault in error.faults)
        elif key.required:
            faults.append(missing(key))
    allowed = (*keys, *FILE_KEYS.get(kind, ()))
    return faults + [unknown(name, allowed, kind) for name in value if name not in keys]


def _fault_of(kind: type, error: Exception) -> list[Fault]:
    """What is wrong with a part each of whose keys is right by itself."""
    if not isinstance(error, ModelError):
        raise error
    return [Fault(str(error), tuple(name for name, key in keys_of(kind).items() if key.attribute.name == error.field))]


def _field(key: Key, value: Any) -> Any:
    """A field's value from plain data; whether it is allowed, the model says."""
    if is_null(value) or (key.no_limit and value == NO_LIMIT):
        if not key.nullable:
            raise wrong("null is not allowed here" + ("" if key.required else "; leave the key out"))
        return None
    if key.word is not None and value == key.word:
        return None
    read = _READERS.get(key.type)
    if read is None and (part := item_of(key.type)) is not None:
        items = listing(value)
        return tuple(
            gathered((at, partial(_converter().structure, item, part)) for at, item in enumerate(items)).values()
        )
    return _converter().structure(value, key.type) if read is None else read(value)


def _read_limit(value: Any) -> float | Limit:
    return _converter().structure(value, Limit) if isinstance(value, Mapping) else limit(value)


_READERS = {**READERS, float | Limit: _read_limit}
_NUMBERED = (Mapping[str, float], Mapping[str, Gain], float | Mapping[str, float])


def _checked(key: Key, value: Any) -> Any:
    """A field's value, if the model allows it: each field answers for itself, and so does each name or item."""

    def one(name: str | None, item: Any) -> Any:
        return _allowed(key, (text(item),) if name is None else {name: number(item)})

    if isinstance(value, Mapping) and key.type in _NUMBERED:
        gathered((name, partial(one, name, given)) for name, given in value.items())
    elif isinstance(value, list | tuple) and key.type == tuple[str, ...]:
        gathered((at, partial(one, None, item)) for at, item in enumerate(value))
    found = _field(key, value)
    return None if found is None else _allowed(key, found)


def _allowed(key: Key, value: Any) -> Any:
    converter: Any = key.attribute.converter
    validator: Any = key.attribute.validator
    if converter is not None:
        value = model(converter, value)
    if validator is not None:
        model(validator, None, key.attribute, value)
    return value


# The whole


def _playbook(data: object, line_of: LineOf, source: str, make: type[_Made]) -> _Made:
    faults, sound = _survey(data)
    reading = _Reading()
    defaults = TeamDefaults(data if sound and isinstance(data, Mapping) else {}, _checked)
    if sound:
        reading.playbook(defaults.data or data, make)
    faults += [*defaults.faults, *map(defaults.told, reading.faults)]
    playbook = make.unchecked(reading.parts)
    problems = islice(find_problems(playbook, reading.unread()), max(0, MOST_PROBLEMS + 1 - len(faults)))
    found = (
        Fault(problem.message, trimmed(data, defaults.steps(problem.steps), existing=True), problem.suggestion)
        for problem in problems
    )
    # A default is wrong once, however many campaigns take it.
    faults += dict.fromkeys(found)
    if faults:
        raise PlaybookError(_problems(faults, data, line_of), source=source)
    bind_rules(playbook)
    object.__setattr__(playbook, "noted", tuple(defaults.warnings()))
    return playbook


def _problems(faults: list[Fault], data: object, line_of: LineOf) -> list[Problem]:
    """The faults in the order of the file."""
    order = order_of(data)
    placed = ((trimmed(data, fault.path), fault) for fault in faults[:MOST_PROBLEMS])
    problems = [
        Problem(path_text(path), fault.message, line=line_of(path), suggestion=fault.meant(), steps=path)
        for path, fault in sorted(placed, key=lambda found: order(found[0]))
    ]
    if len(faults) > MOST_PROBLEMS:
        problems.append(Problem("", f"there is more: only the first {MOST_PROBLEMS} problems are listed"))
    return problems


def _survey(data: object) -> tuple[list[Fault], bool]:
    """The faults of the data as such, whatever they mean, and whether they can be read at all."""
    faults: list[Fault] = []
    sound = True
    left: list[tuple[KeyPath, Any]] = [((), data)]
    seen = 0
    while left:
        path, value = left.pop()
        if len(path) > DEEPEST:
            return [Fault(f"nested more than {DEEPEST} deep")], False
        seen += len(value) if isinstance(value, Mapping | list | tuple) else 0
        if seen > MOST_VALUES:
            return [Fault(TOO_MANY)], False
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

    def unread(self) -> UnreadParts:
        return UnreadParts(self._places, self._taken, frozenset(self._unsure))

    def playbook(self, data: object, make: type) -> None:
        self.parts = self._sections(data, make, ()) or {}

    def _try(self, path: KeyPath, read: Callable[..., Any], *given: Any) -> tuple[Any, ...]:
        """What was read, as a tuple of one; an empty one where it could not be."""
        try:
            return (read(*given),)
        except FaultsError as error:
            self.faults += [fault.under(*path) for fault in error.faults]
            return ()

    def _sections(self, data: object, kind: type, path: KeyPath) -> dict[str, Any] | None:
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

    def _section(self, path: KeyPath, key: Key, value: object) -> tuple[Any, ...]:
        if part := item_of(key.type):
            return self._items(path, part, value)
        if key.type is Journey:
            inner = self._sections(value, Journey, path)
            return () if inner is None else (Journey(**inner),)
        return self._try(path, _checked, key, value)

    def _items(self, path: KeyPath, kind: type, value: object) -> tuple[Any, ...]:
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

    def _item(self, path: KeyPath, kind: type, item: object) -> tuple[Any, ...]:
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
