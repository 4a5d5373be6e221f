"""What a playbook file looks like: its keys, read off the model's classes, and the JSON Schema made of them.

The loader (`journeykit.playbook.read`) takes its keys from here, so that the file format, the published schema and
the classes cannot drift apart. To publish the schema: ``python -m journeykit.playbook.json_schema >
docs/playbook.schema.json``.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from journeykit.basics.clock import PERIODS, WEEKDAYS
from journeykit.basics.validation import LARGEST, Bounds, OneOf
from journeykit.model.campaign import Campaign, Team
from journeykit.model.cap import FACETS, Cap, Limit, Scope
from journeykit.model.content import Gain
from journeykit.model.quiet_hours import Hours
from journeykit.model.recurrence import Recurrence
from journeykit.model.window import Lag, Window
from journeykit.playbook.keys import (
    DATE,
    DEFAULTS,
    NO_LIMIT,
    WINDOW_KEYS,
    WINDOW_WORDS,
    Key,
    item_of,
    keys_of,
    short_key_of,
)
from journeykit.playbook.playbook import Playbook
from journeykit.playbook.team_defaults import default_keys
from journeykit.rule import Rule
from journeykit.rule.expression import Expression
from journeykit.rule.named_rules import NamedRules


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a playbook file, whatever its format.

    Example:
        >>> json_schema()["properties"]["reserve"]["default"]
        0.0
    """
    definitions = {
        "window": _window_schema(),
        "scope": _scope_schema(),
        "texts": _TEXTS,
        "date": _DATE,
        "rule": _RULE,
        "lag": _LAG,
    }
    playbook = _class_schema(Playbook, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "journeykit playbook",
        **playbook,
        "$defs": dict(sorted(definitions.items())),
    }


_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"description": "A text, or a list of texts.", "anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_DATE = {
    "description": "A date, such as 2026-11-01.",
    "type": "string",
    "format": "date",
    "pattern": f"^{DATE}$",
}
_RULE = {"description": "An audience rule.", "type": "string", "minLength": 1, "maxLength": 4000}
_WEIGHT = {
    "description": "A weight expression, such as 2 * propensity * margin.",
    "type": "string",
    "minLength": 1,
    "maxLength": 4000,
}
_LAG = {
    "description": "A length of time: a whole number and m, h, d or w, such as 90d.",
    "type": "string",
    "pattern": r"^\s*[0-9]{1,9}\s*[mhdw]\s*$",
}
_POINTS = {"type": "number", "minimum": 0, "maximum": LARGEST}
_DEGREE = {"type": "number", "minimum": 0, "maximum": 1}
_GAIN = {"type": "number", "minimum": -1, "maximum": 1}


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "propertyNames": {"minLength": 1}, "additionalProperties": values}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


LEAVES: dict[Any, dict[str, Any]] = {
    str: _TEXT,
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    date: _ref("date"),
    Rule: _ref("rule"),
    Rule | NamedRules: {"anyOf": [_ref("rule"), {**_named(_ref("rule")), "minProperties": 1}]},
    float | Expression: {"anyOf": [{"type": "number", "minimum": -LARGEST, "maximum": LARGEST}, _WEIGHT]},
    float | Literal["stage_value"]: {"anyOf": [_POINTS, {"const": "stage_value"}]},
    Lag: _ref("lag"),
    Window: _ref("window"),
    Scope: _ref("scope"),
    tuple[str, ...]: _ref("texts"),
    str | tuple[str, ...]: _ref("texts"),
    tuple[date, ...]: {"type": "array", "items": _ref("date")},
    tuple[date, ...] | Recurrence: {
        "anyOf": [{"type": "array", "items": _ref("date")}, _ref("Recurrence")],
    },
    tuple[date, date]: {"type": "array", "items": _ref("date"), "minItems": 2, "maxItems": 2},
    Mapping[str, float]: {"anyOf": [_named(_DEGREE), _ref("texts")]},
    Mapping[str, Gain]: _named(_GAIN),
    float | Mapping[str, float]: {"anyOf": [_POINTS, _named(_POINTS)]},
    float | Limit: {"anyOf": [_POINTS, _ref("Limit")]},
}
"""The schema of every type of value that is no part of the model with keys of its own."""

_WORDS: dict[tuple[type, str], tuple[str, ...]] = {(Cap, "by"): FACETS, (Hours, "days"): WEEKDAYS}


def _class_schema(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    described = _descriptions(kind)
    properties = {}
    for name, key in keys_of(kind).items():
        schema: dict[str, Any] = {}
        if text := described.get(key.attribute.alias or key.name):
            # The classes say null for what a file leaves out.
            schema["description"] = text.replace("null for", "leave it out for") if key.left_out else text
        schema |= _value_schema(kind, key, definitions)
        if isinstance(key.attribute.default, str | int | float):
            schema["default"] = key.attribute.default
        properties[name] = schema
    if kind is Team:
        properties[DEFAULTS] = _defaults_schema(definitions)
    return {
        "description": (inspect.getdoc(kind) or "").split("\n", 1)[0],
        "type": "object",
        "properties": properties,
        "required": [name for name, key in keys_of(kind).items() if key.required],
        "additionalProperties": False,
    }


def _defaults_schema(definitions: dict[str, Any]) -> dict[str, Any]:
    """The keys of campaigns that a team says once for all of them."""
    campaign = _class_schema(Campaign, definitions)["properties"]
    return {
        "description": "Values that its campaigns have where they say nothing themselves; audiences must both hold.",
        "type": "object",
        "properties": {name: campaign[name] for name in default_keys()},
        "additionalProperties": False,
    }


def _value_schema(kind: type, key: Key, definitions: dict[str, Any]) -> dict[str, Any]:
    if (kind, key.name) in _WORDS:
        word = {"enum": list(_WORDS[kind, key.name])}
        return {"anyOf": [word, {"type": "array", "items": word}]}
    if part := item_of(key.type):
        return {"type": "array", "items": _part_schema(part, definitions)}
    if key.type is not Window and key.type is not Scope and key.type not in LEAVES:
        schema = _part_schema(key.type, definitions)
    else:
        schema = {**LEAVES[key.type], **_limits(key.attribute.validator)}
        for part in (Limit, Recurrence):
            if part in typing.get_args(key.type):
                _part_schema(part, definitions)
    if not key.nullable:
        return schema
    absent: dict[str, Any] = {"enum": [None, NO_LIMIT]} if key.no_limit else {"type": "null"}
    if key.word is not None:
        absent = {"enum": [key.word, None]}
    return {"anyOf": [*schema["anyOf"], absent]} if list(schema) == ["anyOf"] else {"anyOf": [schema, absent]}


def _part_schema(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}  # so that a class that holds itself would end
        definitions[kind.__name__] = _class_schema(kind, definitions)
    if short := short_key_of(kind):
        return {"anyOf": [LEAVES[short.type], _ref(kind.__name__)]}
    return _ref(kind.__name__)


def _limits(validator: Any) -> dict[str, Any]:
    """What a validator of the model tells about bounds and words."""
    validator = getattr(validator, "validator", validator)  # attrs' optional() wraps another
    if isinstance(validator, Bounds):
        return {"minimum": validator.low, "maximum": validator.high}
    return {"enum": list(validator.allowed)} if isinstance(validator, OneOf) else {}


def _descriptions(kind: type) -> dict[str, str]:
    """What the docstring of a class says about each of its attributes."""
    section = re.search(r"^Attributes:\n((?:    .*\n?|\n)+)", inspect.getdoc(kind) or "", re.MULTILINE)
    if not section:
        return {}
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section[1], re.MULTILINE)
    return {name: _prose(text) for name, text in entries}


def _prose(text: str) -> str:
    text = re.sub(r" \(``\w+``(?: in a playbook file)?\)", "", re.sub(r"\s+", " ", text))
    text = re.sub(r"\bNone\b", "null", text.replace("``", "").replace("`", ""))
    return text[:1].upper() + text[1:]


def _window_schema() -> dict[str, Any]:
    words: dict[str, dict[str, Any]] = {
        "stretch": {"enum": [*PERIODS, None], "default": None},
        "calendar": {"enum": list(PERIODS)},
        "week_start": {"enum": ["monday", "sunday"], "default": "monday"},
        "zone": {**_TEXT, "default": "contact", "description": "contact, playbook, or an IANA name."},
        "days": {"type": "integer", "minimum": 1},
        "every": {"type": "integer", "minimum": 1, "default": 1},
        "running": {"const": True},
        "ever": {"const": True},
        "decision": {"const": True},
    }
    kinds = [
        {
            "type": "object",
            "properties": {key: words.get(key) or LEAVES[kind] for key, kind in keys.items()},
            "required": [name],
            "additionalProperties": False,
        }
        for name, keys in WINDOW_KEYS.items()
    ]
    return {"description": "Which touches count together.", "anyOf": [{"enum": list(WINDOW_WORDS)}, *kinds]}


def _scope_schema() -> dict[str, Any]:
    facets = {name: _ref("texts") for name in FACETS}
    negated = {"description": "What matches this is out.", "type": "object", "properties": facets}
    return {
        "description": "Which touches and claims: all keys must match, a key matches if any value does.",
        "type": "object",
        "properties": {**facets, "not": {**negated, "additionalProperties": False}},
        "additionalProperties": False,
    }


def text() -> str:
    """The schema as it is published."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201  (this is how the schema is published)
