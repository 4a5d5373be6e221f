"""Folders of Parquet files as one table: columns that folders name, another order, one column more; both engines."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from journeykit.cli import DATA, DONE, main

WHEN = ("--at", "2026-11-05T10:00:00Z")
ENGINES = ("one", "columns")
OWN = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [
        {"id": "mk", "content": ["note"], "audience": "country == 'MK'"},
        {"id": "vip", "content": ["note"], "audience": "vip"},
        {"id": "many", "content": ["note"], "audience": "points >= 3"},
        {"id": "late", "content": ["note"], "audience": "year >= 2026"},
    ],
    "caps": [{"name": "one", "max": 1, "window": {"days": 30}}],
    "segments": [{"name": "macedonia", "rule": "country == 'MK'"}],
    "journey": {"stages": ["a", "b"], "transitions": [{"from": "a", "to": "b", "event": "buy"}]},
}


def written(path, **columns):
    """A Parquet file, with its folders."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text(json.dumps(OWN))
    at = ["2026-11-01T08:00:00Z"]
    written("c/year=2026/country=MK/part-0.parquet", contact_id=["a", "b"], consent=["email"] * 2, vip=[True, False])
    nobody_knows = "c/year=2025/country=__HIVE_DEFAULT_PARTITION__/p.parquet"
    written(nobody_knows, Vip=[True], Consent=["email"], points=[3], contact_id=["d"])
    written("c/year=2026/country=S%C3%A3o/p.parquet", contact_id=["e"], consent=["email"])
    written("c/_temporary/0/p.parquet", contact_id=["half"])
    written("t/contact_id=7/p.parquet", sent_at=at, channel=["email"])
    written("t/contact_id=d/p.parquet", channel=["email"], sent_at=at, campaign_id=["mk"])
    written("e/event=buy/p.parquet", contact_id=["a", "b"], at=at * 2)
    written("e/event=look/p.parquet", at=at, contact_id=["d"])


@pytest.mark.parametrize("engine", ENGINES)
def test_contacts_have_the_columns_of_all_files_and_folders(engine):
    """What a file lacks is missing; whole numbers in the names of folders are numbers; hidden folders are left out."""
    arguments = ("own.json", "--contacts", "c", *WHEN, "--engine", engine, "--all", "--out", "d.csv")
    assert main(["decide", *arguments]) == DONE
    rows = list(csv.DictReader(Path("d.csv").read_text().splitlines()))
    chosen = {(row["contact_id"], row["campaign_id"]) for row in rows if row["reason"] != "not_in_audience"}
    # Of `vip` and `points` nothing is known of those whose files lack them.
    assert chosen == {
        ("d", "vip"),
        ("d", "many"),
        *((own, "mk") for own in "ab"),
        ("a", "vip"),
        *((own, "late") for own in "abe"),
    }
    assert list(dict.fromkeys(row["contact_id"] for row in rows)) == ["d", "a", "b", "e"]


def test_both_engines_give_the_same_rows_of_folders():
    """Byte for byte, with touches whose contact only the folder names, and as many counted."""
    found = []
    for engine in ENGINES:
        tables = ("--contacts", "c", "--touches", "t", "--engine", engine, "--all", "--out", "d.csv")
        assert main(["decide", "own.json", *tables, *WHEN, "--summary", "s.json"]) == DONE
        rows = json.loads(Path("s.json").read_text())
        assert rows["rows"] == {"contacts": 4, "touches": 2}
        assert rows["unknown_touches"] == 1
        found.append(Path("d.csv").read_bytes())
    assert found[0] == found[1]
    of_d = [row for row in csv.DictReader(found[0].decode().splitlines()) if row["contact_id"] == "d"]
    assert "granted" not in {row["outcome"] for row in of_d}


@pytest.mark.parametrize("engine", ENGINES)
def test_other_commands_read_folders(engine, capsys):
    """Place, segments, plan, check, funnel and explain."""
    chosen = ("--engine", engine)
    tables = ("--contacts", "c", "--events", "e")
    assert main(["place", "own.json", *tables, *WHEN, *chosen, "--placed", "n.parquet", "--out", "s.csv"]) == DONE
    placed = pq.read_table("n.parquet").to_pylist()
    assert [(row["contact_id"], row["stage"], row["year"], row["country"], row["points"]) for row in placed] == [
        ("d", "a", 2025, None, 3),
        ("a", "b", 2026, "MK", None),
        ("b", "b", 2026, "MK", None),
        ("e", "a", 2026, "São", None),
    ]
    capsys.readouterr()
    assert main(["segments", "own.json", "--contacts", "c", *WHEN, *chosen, "--json"]) == DONE
    counted = json.loads(capsys.readouterr().out)
    assert (counted["contacts"], counted["segments"][0]["contacts"], counted["segments"][0]["unknown"]) == (4, 2, 1)
    plan = ("own.json", "--contacts", "c", *WHEN, "--until", "2026-11-06T10:00:00Z", *chosen, "--out", "d.csv")
    assert main(["plan", *plan]) == DONE
    assert main(["check", "own.json", "--contacts", "c", "--touches", "t", "--events", "e"]) == DONE
    assert "0 bad rows" in capsys.readouterr().out
    assert main(["funnel", "own.json", *tables, *WHEN, *chosen]) == DONE
    assert main(["place", "own.json", *tables, *WHEN, "--contact", "b"]) == DONE
    assert main(["explain", "own.json", "--contacts", "c", *WHEN, "--contact", "a"]) == DONE
    assert "mk" in capsys.readouterr().out


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_file_says_goes_before_its_folder(engine, capsys):
    """And whole numbers with leading zeros stay text; a folder without Parquet files is no table."""
    written("z/zip=010/p.parquet", contact_id=["a"], consent=["email"], country=["MK"])
    written("z/country=DE/zip=20/p.parquet", contact_id=["b"], Country=["MK"])
    own = {"content": OWN["content"], "campaigns": [{"id": "x", "content": ["note"], "audience": "zip == '010'"}]}
    Path("zip.json").write_text(json.dumps(own))
    arguments = ("--contacts", "z", *WHEN, "--engine", engine, "--out", "d.csv")
    assert main(["decide", "zip.json", *arguments]) == DONE
    assert [row["contact_id"] for row in csv.DictReader(Path("d.csv").read_text().splitlines())] == ["a"]
    assert main(["segments", "own.json", "--contacts", "z", *WHEN, "--engine", engine, "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["segments"][0]["contacts"] == 2
    Path("nothing").mkdir()
    assert main(["decide", "own.json", "--contacts", "nothing", *arguments[2:]]) == DATA
    assert "nothing: the folder holds no Parquet file" in capsys.readouterr().err
