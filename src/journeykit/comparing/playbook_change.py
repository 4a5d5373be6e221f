"""Where two playbooks differ, and whether that is more than wording."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from journeykit.playbook.playbook import Playbook

_RULES = ("audience", "when", "rule")
"""Keys whose texts are rules; blanks and brackets that change nothing are wording."""
_NAMED = ("caps", "rests", "conflicts", "requirements", "quotas", "levers")
"""Sections whose entries have names for people: another name alone changes no answer."""
_SCOPES = ("where", "first", "then", "claim", "with", "not")
"""Keys whose mappings say which messages are meant: of the names that they list the order has no meaning."""
_IN_ORDER = ("stages", "transitions", "experiments", "arms", "levers")
"""Lists of named entries whose order has a meaning."""
_IDS = ("id", "name")
_NOTHING = object()
ADDED, REMOVED, CHANGED, RENAMED, MOVED = "added", "removed", "changed", "renamed", "in another order"
"""What can be between two playbooks."""


@frozen(kw_only=True)
class PlaybookChange:
    """A place in which two playbooks differ.

    Attributes:
        where: the section, the entry and its key, separated by slashes.
        what: ``added``, ``removed``, ``changed``, ``renamed`` or ``in another order``.
        before: what the first has there, as plain data; None where it has nothing, and of whole entries.
        after: what the other has.
    """

    where: str
    what: str
    before: Any = None
    after: Any = None

    @property
    def is_wording(self) -> bool:
        """Whether it changes no answer."""
        return self.what == RENAMED

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self) | {"is_wording": self.is_wording}


def playbook_changes(first: Playbook, other: Playbook) -> tuple[PlaybookChange, ...]:
    """Where two playbooks differ, besides the order of keys, of names, of entries with names, and blanks in rules.

    Args:
        first: the playbook before.
        other: the playbook after.

    Example:
        >>> from journeykit import Cap, Playbook, Window
        >>> one, other = (Playbook(caps=[Cap(name="daily", max=n, window=Window.days(1))]) for n in (1, 2))
        >>> [(own.where, own.what, own.before, own.after) for own in playbook_changes(one, other)]
        [('caps / daily / max', 'changed', 1, 2)]
    """
    return tuple(_differences((), _meaning(first.to_dict()), _meaning(other.to_dict())))


def _meaning(data: Mapping[str, Any]) -> dict[str, Any]:
    """A playbook as plain data in one wording: without its name, rules as Python prints them."""
    return {key: _worded(key, value) for key, value in data.items() if key != "name"}


def _worded(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        # Of named rules each is one.
        found = {name: _worded(key if key in _RULES else name, own) for name, own in value.items() if name != "label"}
        return {name: _sorted(own) for name, own in found.items()} if key in _SCOPES else found
    if isinstance(value, list):
        listed = [_worded(key, own) for own in value]
        return _sorted(listed) if key == "tags" else listed
    return _printed(value) if key in _RULES and isinstance(value, str) else value


def _sorted(found: Any) -> Any:
    """Of texts that are listed, the same in alphabetical order."""
    is_list = isinstance(found, list) and all(isinstance(own, str) for own in found)
    return sorted(found) if is_list else found


def _printed(rule: str) -> str:
    try:
        return ast.unparse(ast.parse(rule, mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return rule


def _differences(path: tuple[str, ...], one: Any, other: Any) -> Iterator[PlaybookChange]:
    if one == other:
        return
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys((*one, *other)):
            yield from _differences((*path, key), one.get(key, _NOTHING), other.get(key, _NOTHING))
        return
    before, after = _entries(one), _entries(other)
    if before is not None and after is not None:
        yield from _of_entries(path, before, after)
        return
    what = ADDED if one is _NOTHING else REMOVED if other is _NOTHING else CHANGED
    told = [None if own is _NOTHING else own for own in (one, other)]
    yield PlaybookChange(where=" / ".join(path), what=what, before=told[0], after=told[1])


def _entries(found: Any) -> dict[str, Any] | None:
    """A list of entries with ids or names, by these; None for anything else."""
    if found is _NOTHING:
        return {}
    if not isinstance(found, list) or not all(isinstance(own, Mapping) for own in found):
        return None
    named = {own[key]: own for own in found for key in _IDS if isinstance(own.get(key), str)}
    return named if len(named) == len(found) else None


def _of_entries(path: tuple[str, ...], one: dict[str, Any], other: dict[str, Any]) -> Iterator[PlaybookChange]:
    renamed = _renamed(one, other) if path[-1] in _NAMED and len(path) == 1 else {}
    for name, new in renamed.items():
        yield PlaybookChange(where=" / ".join((*path, name)), what=RENAMED, before=name, after=new)
    for name in dict.fromkeys((*one, *other)):
        if name in renamed or name in renamed.values():
            continue
        where = " / ".join((*path, name))
        if name not in other:
            yield PlaybookChange(where=where, what=REMOVED)
        elif name not in one:
            yield PlaybookChange(where=where, what=ADDED)
        else:
            yield from _differences((*path, name), one[name], other[name])
    kept = [[renamed.get(name, name) for name in own if name in others] for own, others in ((one, other), (other, one))]
    if path[-1] in _IN_ORDER and kept[0] != kept[1]:
        yield PlaybookChange(where=" / ".join(path), what=MOVED, before=list(one), after=list(other))


def _renamed(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, str]:
    """Entries that only one has by this name, and the other has by another."""
    found: dict[str, str] = {}
    new = {name: _unnamed(own) for name, own in other.items() if name not in one}
    for name, own in one.items():
        if name not in other:
            same = next((held for held in new if held not in found.values() and new[held] == _unnamed(own)), None)
            if same is not None:
                found[name] = same
    return found


def _unnamed(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "name"}


def changes_told(changes: Sequence[PlaybookChange]) -> str:
    """In a sentence, how two playbooks differ."""
    if not changes:
        return "both playbooks say the same"
    meant = [own for own in changes if not own.is_wording]
    if not meant:
        return "the playbooks say the same in other words"
    return f"the playbooks differ in {len(meant):,} place{'s' * (len(meant) != 1)}"
