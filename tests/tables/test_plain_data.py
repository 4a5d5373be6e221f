"""JSON that says what it is: written with its schema, read back only as what it is."""

from __future__ import annotations

import json

import pytest

from journeykit import DataError
from journeykit.basics.plain_data import read_json, with_schema, write_json


def test_what_is_written_is_read_back(tmp_path):
    """The schema is the first key."""
    data = with_schema("measures", {"teams": {}})
    assert list(data) == ["schema", "teams"]
    write_json(tmp_path / "m.json", data)
    assert read_json(tmp_path / "m.json", "measures") == data


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps(with_schema("summary", {})), "found the schema 'journeykit.summary/1'; allowed is 'journeykit.me"),
        (json.dumps(with_schema("measures", {}, 2)), "found the schema 'journeykit.measures/2'; allowed is 'journey"),
        ('{"teams": {}}', "found no schema; allowed is 'journeykit.measures/1'"),
        ("[1]", "found no schema"),
        ("{", "the file is not JSON"),
        ("[" * 100_000, "the file is not JSON"),
    ],
)
def test_what_is_something_else_is_refused(tmp_path, text, said):
    """With the file, what was found and what is allowed."""
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_json(path, "measures")
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """In the words of the system."""
    with pytest.raises(DataError, match=r"nothing\.json: the file cannot be read: No such file"):
        read_json(tmp_path / "nothing.json", "measures")
