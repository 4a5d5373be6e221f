"""The JSON Schema of summaries holds for what commands print and write."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from journeykit.cli import DONE, main
from journeykit.job.summary_schema import summary_schema

ROOT = Path(__file__).parents[2]
OWN = {
    "journey": {"stages": ["new", "old"]},
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "sale", "content": ["note"], "audience": "points >= 3"}, {"id": "fair", "content": ["note"]}],
    "caps": [{"name": "one", "max": 1, "window": {"days": 30}}],
}
QUOTAS = {"quotas": [{"name": "seats", "max": 1, "where": {"campaign": ["fair"]}}]}
ARMS = {
    "experiments": [
        {
            "name": "tone",
            "arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "with": {"policy": "ranked"}}],
        }
    ]
}
TABLES = ("--contacts", "c.csv", "--touches", "t.csv", "--scores", "s.csv", "--events", "e.csv")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_text("contact_id,consent,points,stage\nanna,email,3,new\nben,email,,lod\n,email,1,\nanna,,,\n")
    Path("t.csv").write_text("contact_id,sent_at,channel\nanna,2026-10-01T08:00:00Z,email\nx,never,email\n")
    Path("s.csv").write_text("contact_id,campaign_id,propensity\nanna,sale,0.5\nx,fair,0.5\n")
    Path("e.csv").write_text("contact_id,event,at\nanna,visit,2026-10-01T08:00:00Z\n")


@pytest.mark.parametrize("engine", ["one", "columns"])
@pytest.mark.parametrize("more", [{}, QUOTAS, ARMS])
def test_what_commands_print_is_valid(capsys, engine, more):
    """Of a run and a plan, printed and written; each key of the schema is there, and no other."""
    Path("own.json").write_text(json.dumps(OWN | more))
    schema = summary_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    words = ["own.json", *TABLES, "--at", "2026-11-05T10:00:00Z", "--engine", engine, "--out", "d.csv"]
    for command, span in (("decide", ()), ("plan", ("--until", "2026-11-07T10:00:00Z"))):
        assert main([command, *words, *span, "--json", "--summary", "s.json"]) == DONE
        for found in (json.loads(capsys.readouterr().out), json.loads(Path("s.json").read_text())):
            jsonschema.validate(found, schema, jsonschema.Draft202012Validator)
            assert found.keys() <= schema["properties"].keys()
            assert found["tables"]["contacts"]["rows"] == 4
        known = schema["properties"]["tables"]["additionalProperties"]["properties"].keys()
        assert all(own.keys() == known for own in found["tables"].values())


def test_the_published_schema_is_that_of_the_module(capsys):
    """docs/summary.schema.json is what ``journeykit schema summary`` prints."""
    assert main(["schema", "summary"]) == DONE
    printed = capsys.readouterr().out
    assert json.loads(printed) == summary_schema()
    assert (ROOT / "docs" / "summary.schema.json").read_text("utf-8") == printed
