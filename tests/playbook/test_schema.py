"""The published JSON Schema: it accepts what the loader accepts, and knows the same keys."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from journeykit.errors import PlaybookError
from journeykit.model.campaign import Campaign
from journeykit.playbook.json_schema import LEAVES, json_schema, text
from journeykit.playbook.keys import FILE_KEYS, WINDOW_KEYS, item_of, keys_of
from journeykit.playbook.playbook import Playbook
from journeykit.playbook.value_readers import READERS
from journeykit.playbook.yaml import read_yaml

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parents[1] / "data"
FILES = [DATA / "harmony.yaml", *sorted((DATA / "playbooks").iterdir())]
VALIDATOR = Draft202012Validator(json_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def plain(value):
    """Data as an editor sees them: dates are texts, and YAML's words are what YAML 1.2 makes of them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if type(value).__name__ == "Plain":
        try:
            return json.loads(value)
        except ValueError:
            return None if value in ("", "~") else str(value)
    return str(value) if isinstance(value, date) else value


def raw(path):
    """What a file holds, before anything is made of it."""
    content = path.read_text("utf-8")
    if path.suffix == ".yaml":
        return plain(read_yaml(content, deepest=50, most=10_000, source="test"))
    return plain(json.loads(content) if path.suffix == ".json" else tomllib.loads(content))


def classes(kind=Playbook):
    """The classes of the model that a file spells key by key."""
    found = [kind]
    for key in keys_of(kind).values():
        part = item_of(key.type) or key.type
        if part not in READERS and hasattr(part, "__attrs_attrs__"):
            found += classes(part)
    return found


def test_the_schema_is_a_schema():
    """It obeys its own draft."""
    Draft202012Validator.check_schema(json_schema())


# An editor takes 007 for a number; quotes please both. So this one is judged by what it means.
@pytest.mark.parametrize("path", [path for path in FILES if path.name != "words.yaml"], ids=lambda path: path.name)
def test_every_file_that_is_read_is_valid(path):
    """What the loader accepts, an editor does not underline."""
    assert Playbook.load(path)
    assert [error.message for error in VALIDATOR.iter_errors(raw(path))] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_playbook_written_out_is_valid(path):
    """The data of a playbook, every default written out, fit the schema."""
    assert [error.message for error in VALIDATOR.iter_errors(Playbook.load(path).to_dict())] == []


def test_the_schema_knows_the_keys_that_the_loader_knows():
    """Every class of the model, every key, and no other."""
    schema = json_schema()
    for kind in classes():
        described = schema if kind is Playbook else schema["$defs"][kind.__name__]
        assert list(described["properties"]) == [*keys_of(kind), *FILE_KEYS.get(kind, ())]
        assert described["additionalProperties"] is False
        assert described["required"] == [name for name, key in keys_of(kind).items() if key.required]
    assert set(LEAVES) - set(READERS) == {type_ for type_ in LEAVES if "Limit" in str(type_)}
    kinds = schema["$defs"]["window"]["anyOf"][1:]
    assert [list(kind["properties"]) for kind in kinds] == [list(keys) for keys in WINDOW_KEYS.values()]


def test_every_key_is_described():
    """An editor can show what each key means."""
    schema = json_schema()
    for kind in classes():
        described = schema if kind is Playbook else schema["$defs"][kind.__name__]
        assert [name for name, key in described["properties"].items() if not key.get("description")] == []


def spoilt(data):
    """The data again and again, each time with one key misspelt."""
    if isinstance(data, dict):
        for key in data:
            yield {f"{name}x" if name == key else name: value for name, value in data.items()}
            for inner in spoilt(data[key]):
                yield {**data, key: inner}
    elif isinstance(data, list):
        for at, item in enumerate(data):
            for inner in spoilt(item):
                yield [*data[:at], inner, *data[at + 1 :]]


OPEN = (
    {"awareness", "decision", "consideration"},
    {"user", "influencer", "decision_maker"},
    {"email", "sms"},
)


@pytest.mark.parametrize("name", ["harmony.yaml", "playbooks/everything.toml", "playbooks/windows.yaml"])
def test_a_misspelt_key_fails_in_both(name):
    """Any key of the format that is misspelt is refused by the schema and by the loader."""
    for data in spoilt(Playbook.load(DATA / name).to_dict()):
        if '"stagesx"' not in json.dumps(data) and any(f'"{word}x"' in json.dumps(data) for word in set().union(*OPEN)):
            continue  # the author's own names may be spelt in any way
        assert not VALIDATOR.is_valid(data)
        with pytest.raises(PlaybookError):
            Playbook.from_dict(data)


@pytest.mark.parametrize(
    "data",
    [
        {"caps": [{"name": "a", "window": "ever"}]},
        {"caps": [{"name": "a", "max": -1, "window": "ever"}]},
        {"caps": [{"name": "a", "max": 1, "window": {"calendar": "fortnight"}}]},
        {"caps": [{"name": "a", "max": 1, "window": {"days": 1, "calendar": "day"}}]},
        {"campaigns": [{"id": "a", "if_lost": "cry"}]},
        {"campaigns": [{"id": "a", "starts": "soon"}]},
        {"quiet_hours": [{"from": "21:00", "to": "08:00", "days": ["monday"]}]},
        {"teams": None},
        {"version": 2},
    ],
)
def test_what_the_schema_can_see_it_refuses(data):
    """Bounds, words, dates and missing keys are in the schema, too."""
    assert not VALIDATOR.is_valid(data)
    with pytest.raises(PlaybookError):
        Playbook.from_dict(data)


def test_bounds_and_words_come_from_the_model():
    """The schema of a field says what its validator says."""
    properties = json_schema()["$defs"]["Campaign"]["properties"]
    assert properties["tier"] == {
        "description": "0 goes first; the choice is optimal tier by tier.",
        "type": "integer",
        "minimum": 0,
        "maximum": 1000,
        "default": keys_of(Campaign)["tier"].attribute.default,
    }
    assert properties["if_lost"]["enum"] == ["defer", "drop", "skip"]


def test_the_published_schema_is_the_schema():
    """docs/playbook.schema.json is what the module prints."""
    printed = subprocess.run(
        [sys.executable, "-m", "journeykit.playbook.json_schema"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == text()
    published = (ROOT / "docs" / "playbook.schema.json").read_text("utf-8")
    assert published == text(), (
        "publish it again: python -m journeykit.playbook.json_schema > docs/playbook.schema.json"
    )
