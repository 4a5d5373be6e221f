"""Decisions as a folder of Parquet files by day, channel or team: the same rows, found again by every reader."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
import tabled
from generate import situation

from journeykit import Arbiter, DataError, ModelError, Playbook
from journeykit.cli import main
from journeykit.job import Inputs, Job, TableJob
from journeykit.tables.files import whole_folder
from journeykit.tables.folders import parts_of
from journeykit.tables.partitioning import Partitioning

AT = datetime(2026, 11, 5, 22, 30, tzinfo=UTC)
PLAYBOOK = {
    "timezone": "Europe/Skopje",
    "content": [{"id": "note", "channel": "email"}, {"id": "text", "channel": "sms"}],
    "teams": [{"name": "growth & co/é"}, {"name": "__HIVE_DEFAULT_PARTITION__"}],
    "campaigns": [
        {"id": "launch", "content": ["note"], "team": "growth & co/é", "weight": 3},
        {"id": "sale", "content": ["text"], "team": "__HIVE_DEFAULT_PARTITION__", "weight": 2},
        {"id": "vip", "content": ["note"], "audience": "vip"},
    ],
    "caps": [{"name": "one a day", "max": 1, "window": {"days": 1}}],
}
CONTACTS = [{"contact_id": name, "consent": "email;sms", "vip": name == "anna"} for name in ("anna", "ben", "carl")]


def arbiter():
    return Arbiter(Playbook.from_dict(PLAYBOOK))


def as_found(folder, by):
    """The rows of a folder, with what its folders say, in a fixed order."""
    rows = []
    for part in parts_of(str(folder)):
        rows += [row | part.cells for row in pq.ParquetFile(part.path).read().to_pylist()]
    assert all(by in row for row in rows)
    return sorted(rows, key=lambda row: row["decision_id"])


@pytest.mark.parametrize("by", ["day", "channel", "team"])
def test_both_engines_write_the_same_folder(tmp_path, by):
    """The files have the rows of the single file; what they are put by is in the names of their folders alone."""
    TableJob(arbiter(), CONTACTS, at=AT, everything=True).write(tmp_path / "whole.parquet")
    TableJob(arbiter(), CONTACTS, at=AT, everything=True).write(tmp_path / "columns", partition=by)
    Job(arbiter(), Inputs(contacts=CONTACTS), at=AT).write(tmp_path / "one", partition=by, everything=True)
    wanted = sorted(pq.read_table(tmp_path / "whole.parquet").to_pylist(), key=lambda row: row["decision_id"])
    for row in wanted:
        # Days are those of the playbook's zone, where it is half past eleven in the evening.
        at = row["send_at"] or row["retry_at"]
        row["day"] = None if at is None else (at + timedelta(hours=1)).date().isoformat()
    for engine in ("columns", "one"):
        found = as_found(tmp_path / engine, by)
        assert [
            {**row, "day": row.get("day", other["day"])} for row, other in zip(found, wanted, strict=True)
        ] == wanted
        assert not any(by in pq.ParquetFile(own).schema_arrow.names for own in (tmp_path / engine).glob("*/*"))
    names = [
        sorted(str(own.relative_to(tmp_path / engine)) for own in (tmp_path / engine).glob("*/*"))
        for engine in ("columns", "one")
    ]
    assert names[0] == names[1]


def test_days_are_readable_by_others(tmp_path):
    """By PyArrow and DuckDB; deferred rows are under the day on which they could go after all."""
    arbiter().decide_table(CONTACTS, at=AT, out=tmp_path / "days", partition="day")
    table = pq.read_table(tmp_path / "days")
    found = sorted((str(row["day"]), row["outcome"]) for row in table.to_pylist())
    assert found == [("2026-11-05", "granted")] * 3 + [("2026-11-06", "deferred")] * 4
    query = f"SELECT day, outcome, count(*) FROM read_parquet('{tmp_path}/days/*/*.parquet') GROUP BY ALL ORDER BY ALL"
    assert [(str(day), *rest) for day, *rest in duckdb.sql(query).fetchall()] == [
        ("2026-11-05", "granted", 3),
        ("2026-11-06", "deferred", 4),
    ]


def test_random_plans_lose_no_row(tmp_path):
    """Every row of the table is in one file, in the order of the table."""
    for seed in range(12):
        found, rng = situation(seed), Random(seed)
        if found.playbook.campaigns is None:
            continue
        rows, by = tabled.contacts(rng, found.at, 6), rng.choice(["day", "channel", "team"])
        own, when = Arbiter(found.playbook), {"at": found.at, "until": found.until, "everything": True}
        table = TableJob(own, rows, **when).table()
        TableJob(own, rows, **when).write(tmp_path / str(seed), partition=by)
        parts = [pq.ParquetFile(own.path).read() for own in parts_of(str(tmp_path / str(seed)))]
        assert sorted(i for part in parts for i in part["decision_id"].to_pylist()) == sorted(
            table["decision_id"].to_pylist()
        )
        order = {name: place for place, name in enumerate(table["decision_id"].to_pylist())}
        for part in parts:
            places = [order[name] for name in part["decision_id"].to_pylist()]
            assert places == sorted(places)


def test_columns_and_rows_that_are_chosen_are_those_of_the_files(tmp_path):
    """The column by which rows are put into folders need not be among them."""
    summary = arbiter().decide_table(
        CONTACTS,
        at=AT,
        out=tmp_path / "out",
        partition="channel",
        outcomes="granted",
        columns=["contact_id", "send_at"],
    )
    table = pq.read_table(tmp_path / "out")
    assert (table.column_names, summary.written) == (["contact_id", "send_at", "channel"], 3)
    with pytest.raises(ModelError, match="'channel' alone cannot be partitioned by it"):
        arbiter().decide_table(CONTACTS, at=AT, out=tmp_path / "out", partition="channel", columns=["channel"])
    with pytest.raises(ModelError, match=r"partition is 'chanel'; .*did you mean 'channel'"):
        arbiter().decide_table(CONTACTS, at=AT, out=tmp_path / "out", partition="chanel")
    with pytest.raises(ModelError, match="give out too"):
        arbiter().decide_table(CONTACTS, at=AT, partition="channel")


def test_no_rows_are_a_folder_all_the_same(tmp_path):
    """Readers find the columns, and no row."""
    for engine in ("one", "columns"):
        out = tmp_path / engine
        if engine == "one":
            Job(arbiter(), Inputs(contacts=[{"contact_id": "x", "opted_out": True}]), at=AT).write(
                out, partition="team"
            )
        else:
            TableJob(arbiter(), [{"contact_id": "x", "opted_out": True}], at=AT).write(out, partition="team")
        assert pq.read_table(out).num_rows == 0
        assert [own.name for own in out.iterdir()] == ["part-0.parquet"]


def test_a_folder_is_replaced_whole_or_kept(tmp_path):
    """A run that fails changes nothing; one that is done replaces all; what is no such folder is refused."""
    out = tmp_path / "out"
    arbiter().decide_table(CONTACTS, at=AT, out=out, partition="channel")
    before = sorted(out.rglob("*"))
    with pytest.raises(DataError):
        arbiter().decide_table([*CONTACTS, {"contact_id": None}], at=AT, out=out, partition="channel", max_bad=0)
    assert sorted(out.rglob("*")) == before
    arbiter().decide_table(CONTACTS, at=AT, out=out, partition="channel", outcomes="granted")
    assert [own.name for own in out.iterdir()] == ["channel=email"]
    assert [own.name for own in tmp_path.iterdir()] == ["out"]
    (out / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds 'notes.txt', which is no part of a table of decisions"):
        arbiter().decide_table(CONTACTS, at=AT, out=out, partition="channel")
    assert (out / "notes.txt").exists()


@pytest.mark.parametrize("write", [Job.write, TableJob.write])
def test_folders_of_others_are_kept(tmp_path, write):
    """Others call their files and folders so too; only what journeykit has marked is replaced."""

    def job():
        return (
            Job(arbiter(), Inputs(contacts=CONTACTS), at=AT)
            if write is Job.write
            else TableJob(arbiter(), CONTACTS, at=AT)
        )

    table = pa.table({"contact_id": ["anna"], "team": ["shop"]})
    for partitioning in (None, ["team"]):
        out = tmp_path / f"others {partitioning}"
        pads.write_dataset(
            table, out, format="parquet", partitioning=partitioning, partitioning_flavor=partitioning and "hive"
        )
        with pytest.raises(DataError, match=r"part-0.parquet', which is no part of a table of decisions"):
            write(job(), out, partition="team")
        assert pq.read_table(out).num_rows == 1
    own = tmp_path / "own"
    write(job(), own, partition="team")
    for note in ("_SUCCESS", ".DS_Store"):
        (own / note).write_text("mine")
    write(job(), own, partition="channel")
    assert {found.name for found in own.iterdir()} == {"_SUCCESS", ".DS_Store", "channel=email", "channel=sms"}
    (own / "channel=sms" / "part-0.parquet").write_text("no Parquet")
    with pytest.raises(DataError, match="channel=sms"):
        write(job(), own, partition="channel")


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        ("people", "people", "overwrite the contacts"),
        ("people", ".", "overwrite the contacts"),
        ("people", "people/out", "become part of the contacts"),
        ("people/p.parquet", "people", "overwrite the contacts"),
    ],
)
def test_inputs_are_not_written_over(tmp_path, monkeypatch, source, out, message):
    """Nor does the output become a part of what is read."""
    monkeypatch.chdir(tmp_path)
    Path("people").mkdir()
    pq.write_table(pa.table({"contact_id": ["anna"]}), "people/p.parquet")
    with pytest.raises(DataError, match=message):
        arbiter().decide_table(source, at=AT, out=out, partition="channel")
    assert [own.name for own in Path("people").iterdir()] == ["p.parquet"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    """As it was asked for."""
    out = tmp_path / "nodir" / "sub" / "d"
    with pytest.raises(FileNotFoundError) as error:
        arbiter().decide_table(CONTACTS, at=AT, out=out, partition="team")
    assert error.value.filename == str(out)


def test_names_of_folders_are_safe():
    """What a file system would read as something else is escaped; a name that is too long is told."""
    own = Partitioning.of("team", "UTC")
    assert own.folder("../x\x00=é") == "team=..%2Fx%00%3D%C3%A9"
    assert own.folder(None) == "team=__HIVE_DEFAULT_PARTITION__"
    assert own.folder("__HIVE_DEFAULT_PARTITION__") == "team=%5F_HIVE_DEFAULT_PARTITION__"
    with pytest.raises(DataError, match="too long for the name of a folder"):
        own.folder("x" * 300)


def test_the_command_writes_folders(tmp_path, monkeypatch, capsys):
    """`--partition`; a file as output is wrong usage."""
    monkeypatch.chdir(tmp_path)
    Path("playbook.json").write_text(json.dumps(PLAYBOOK))
    Path("contacts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in CONTACTS))
    given = ["decide", "playbook.json", "--contacts", "contacts.jsonl", "--at", "2026-11-05T10:00Z", "--granted"]
    for engine in ("one", "columns"):
        assert main([*given, "--out", "out", "--partition", "channel", "--engine", engine]) == 0
        assert pq.read_table("out").num_rows == 3
    for out in ("out.csv", "-"):
        capsys.readouterr()
        assert main([*given, "--out", out, "--partition", "channel"]) == 2
        assert "writes a folder of Parquet files" in capsys.readouterr().err


FILLER = """
import sys, time
from journeykit.tables.files import whole_folder
with whole_folder(sys.argv[1]) as folder:
    (folder / "day=1").mkdir()
    print("writing", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_next_run_removes_what_a_killed_one_left(tmp_path, monkeypatch):
    """But not what another process still writes."""
    from journeykit.tables import files

    works = [
        subprocess.Popen([sys.executable, "-c", FILLER, str(tmp_path / "out")], stdout=subprocess.PIPE) for _ in "ab"
    ]
    try:
        assert all(work.stdout.readline() == b"writing\n" for work in works)
        works[0].send_signal(signal.SIGKILL)
        works[0].communicate()
        monkeypatch.setattr(files, "_MAKING", -1.0)
        time.sleep(0.05)
        with whole_folder(tmp_path / "out"):
            pass
        left = [own.name for own in tmp_path.iterdir() if own.name != "out"]
        assert len(left) == 1
    finally:
        works[1].kill()
        works[1].communicate()
