"""The keys of a playbook file, read off the classes of the model.

The metadata of a field says what its type does not: ``key`` is its key in a file, where Python has taken the word;
``short`` marks the one field that a bare value fills; ``left_out`` marks a section that means something else when it is
left out than when it is empty; ``later`` marks a field that is not written where it has its default, so that playbooks
from before there was such a field keep their fingerprint; ``word`` is a word that says what leaving the key out says.
"""

from __future__ import annotations

import functools
import operator
import typing
from datetime import date
from types import NoneType, UnionType
from typing import Any

from attrs import NOTHING, Attribute, fields, frozen, has

from journeykit.model import campaign
from journeykit.model.campaign import Team
from journeykit.model.window import Lag
from journeykit.playbook import sections

NO_LIMIT = "null"
"""The word for null where a number is expected: TOML has no null of its own."""


WINDOW_KEYS: dict[str, dict[str, Any]] = {
    "rolling": {"rolling": Lag},
    "days": {"days": int, "stretch": str, "zone": str, "week_start": str},
    "calendar": {"calendar": str, "every": int, "zone": str, "week_start": str},
    "between": {"between": tuple[date, date], "zone": str},
    "running": {"running": bool, "zone": str},
    "ever": {"ever": bool},
    "decision": {"decision": bool},
}
"""The keys of each kind of window, the one that names it first, with the types of their values."""


DEFAULTS = "defaults"
FILE_KEYS: dict[type, tuple[str, ...]] = {Team: (DEFAULTS,)}
"""The keys of a file that no class has: the reader turns them into others."""


WINDOW_WORDS = ("running", "ever", "decision")
"""The kinds of window that a bare word names."""


DATE = r"\d{4}-\d{2}-\d{2}"


@frozen
class Key:
    """One key of a mapping in a file.

    Attributes:
        name: as the file has it.
        attribute: the field of the class that it fills.
        type: what it holds, null aside.
        nullable: whether null is allowed.
    """

    name: str
    attribute: Attribute[Any]
    type: Any
    nullable: bool

    @property
    def required(self) -> bool:
        """Whether the key may not be left out."""
        return self.attribute.default is NOTHING

    @property
    def left_out(self) -> bool:
        """Whether a section that is left out means something else than an empty one."""
        return "left_out" in self.attribute.metadata

    @property
    def word(self) -> str | None:
        """A word that says what leaving the key out says, or None."""
        found: str | None = self.attribute.metadata.get("word")
        return found

    @property
    def no_limit(self) -> bool:
        """Whether null means that there is no limit, while leaving the key out does not."""
        return self.nullable and self.attribute.default is not None


@functools.cache
def keys_of(kind: type) -> dict[str, Key]:
    """The keys of a class in a file, by name.

    Example:
        >>> from journeykit.journey import Transition
        >>> list(keys_of(Transition))
        ['from', 'to', 'event', 'when', 'after', 'without', 'label']
    """
    for module in (sections, campaign):
        for name in module.part_names():
            module.load_part(name)
    hints = typing.get_type_hints(kind)
    found = {}
    for attribute in fields(kind):
        if attribute.init:
            name = key_of(attribute)
            bare, nullable = _without_null(hints[attribute.name])
            # Where leaving the key out is what null would say, a file leaves it out.
            nullable = nullable and "left_out" not in attribute.metadata
            found[name] = Key(name, attribute, bare, nullable)
    return found


def key_of(attribute: Attribute[Any]) -> str:
    """The key of a field in a file."""
    return str(attribute.metadata.get("key", attribute.alias))


def short_key_of(kind: type) -> Key | None:
    """The key of which a bare value, in place of a mapping, is the value; None for a class without one.

    Example:
        >>> from journeykit import Stage
        >>> short_key_of(Stage).name
        'name'
    """
    return next((key for key in keys_of(kind).values() if "short" in key.attribute.metadata), None)


def _without_null(hint: Any) -> tuple[Any, bool]:
    if not isinstance(hint, UnionType) and typing.get_origin(hint) is not typing.Union:
        return hint, False
    parts = typing.get_args(hint)
    return functools.reduce(operator.or_, (part for part in parts if part is not NoneType)), NoneType in parts


def item_of(kind: Any) -> type | None:
    """The class of the items, where a type is a list of parts of the model.

    Example:
        >>> from journeykit import Cap
        >>> item_of(tuple[Cap, ...]) is Cap
        True
    """
    parts = typing.get_args(kind)
    return parts[0] if typing.get_origin(kind) is tuple and parts and has(parts[0]) else None
