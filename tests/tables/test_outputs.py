"""Outputs that would destroy what they are made from, or be read as a part of it the next time."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from journeykit import Arbiter, DataError, Playbook
from journeykit.cli import main
from journeykit.job import Inputs, Job
from journeykit.tables.outputs import harm_to

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "launch", "content": ["note"]}],
    "journey": {
        "stages": [{"name": "new"}, {"name": "known"}],
        "transitions": [{"from": "new", "to": "known", "event": "visit"}],
    },
}
CONTACTS = pa.table({"contact_id": ["anna", "boris"], "consent_email": [True, True]})


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of contacts in two files, with one in a folder below, a playbook, and the same contacts in a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people" / "country=MK").mkdir(parents=True)
    pq.write_table(CONTACTS.slice(0, 1), "people/part-0.parquet")
    pq.write_table(CONTACTS.slice(1), "people/country=MK/part-1.parquet")
    pq.write_table(CONTACTS, "contacts.parquet")
    (tmp_path / "playbook.json").write_text(json.dumps(PLAYBOOK))
    (tmp_path / "events.csv").write_text("contact_id,event,at\nanna,visit,2026-11-01T10:00Z\n")
    (tmp_path / "linked").symlink_to(tmp_path / "people")
    (tmp_path / "link.parquet").symlink_to(tmp_path / "contacts.parquet")
    os.link(tmp_path / "contacts.parquet", tmp_path / "hard.parquet")
    os.link(tmp_path / "people" / "part-0.parquet", tmp_path / "hard-part.parquet")
    return tmp_path


HARMS = [
    # The table, the output, and what that would do.
    ("contacts.parquet", "contacts.parquet", "overwrite"),
    ("contacts.parquet", "./people/../contacts.parquet", "overwrite"),
    ("contacts.parquet", "link.parquet", "overwrite"),
    ("link.parquet", "contacts.parquet", "overwrite"),
    ("contacts.parquet", "hard.parquet", "overwrite"),
    ("contacts.parquet", "decisions.parquet", None),
    ("people", "people/part-0.parquet", "overwrite a file of"),
    ("people", "linked/country=MK/part-1.parquet", "overwrite a file of"),
    ("people", "hard-part.parquet", "overwrite a file of"),
    ("people", "people/decisions.parquet", "become part of"),
    ("people", "linked/decisions.PARQUET", "become part of"),
    ("linked", "people/country=MK/new.parquet", "become part of"),
    # These are not read as parts of a folder.
    ("people", "people/decisions.csv", None),
    ("people", "people/_decisions.parquet", None),
    ("people", "people-decisions.parquet", None),
    ("people/*.parquet", "people/part-0.parquet", "overwrite a file of"),
    ("people/*.parquet", "people/decisions.parquet", "become part of"),
    ("people/*.parquet", "decisions.parquet", None),
    ("contacts.parquet", "-", None),
    (None, "decisions.parquet", None),
]


@pytest.mark.parametrize(("table", "out", "harm"), HARMS)
def test_harm_to_files_and_folders(here, table, out, harm):
    assert harm_to(table, out) == harm


def test_harm_to_lists_and_datasets(here):
    both = ["people/part-0.parquet", "people/country=MK/part-1.parquet"]
    for source in (both, ds.dataset("people"), ds.dataset("people").filter(ds.field("contact_id") == "anna")):
        assert harm_to(source, "linked/part-0.parquet") == "overwrite"
        assert harm_to(source, "people/decisions.parquet") == "become part of"
        assert harm_to(source, "decisions.parquet") is None
    # A file of its own beside others is no part of anything.
    assert harm_to(["people/part-0.parquet"], "people/decisions.parquet") is None
    assert harm_to(["contacts.parquet", "people"], "people/new.parquet") == "become part of"
    assert harm_to(["people/part-0.parquet", "contacts.parquet"], "decisions.parquet") is None
    system = fs.SubTreeFileSystem(str(here / "people"), fs.LocalFileSystem())
    part = ds.dataset("part-0.parquet", filesystem=system)
    assert harm_to(part, "people/part-0.parquet") == "overwrite"
    assert harm_to(ds.dataset([part, ds.dataset("contacts.parquet")]), "hard.parquet") == "overwrite"
    assert harm_to(CONTACTS, "contacts.parquet") is None


@pytest.mark.parametrize("name", ["contacts", "touches", "scores", "claims"])
@pytest.mark.parametrize("out", ["people/part-0.parquet", "people/decisions.parquet"])
def test_decide_table_refuses(here, name, out):
    """Destroyed the folder before, or decided its own decisions the next time."""
    before = {path: path.read_bytes() for path in here.rglob("*.parquet")}
    for source in ("people", ["people/part-0.parquet", "people/country=MK/part-1.parquet"], ds.dataset("people")):
        given = {"contacts": CONTACTS} | {name: source}
        with pytest.raises(DataError, match=f"the decisions would .* the {name}; write to another place"):
            Arbiter(Playbook.from_dict(PLAYBOOK)).decide_table(**given, at=AT, out=out)
    assert {path: path.read_bytes() for path in here.rglob("*.parquet")} == before


@pytest.mark.parametrize("link", ["contacts.parquet", "link.parquet", "hard.parquet"])
def test_a_job_that_decides_one_by_one_refuses(here, link):
    job = Job(Arbiter(Playbook.from_dict(PLAYBOOK)), Inputs(contacts="contacts.parquet"), at=AT)
    with pytest.raises(DataError, match="the decisions would overwrite the contacts"):
        job.write(link)


@pytest.mark.parametrize("command", ["decide", "plan"])
@pytest.mark.parametrize("engine", ["one", "columns"])
@pytest.mark.parametrize("out", ["people/part-0.parquet", "linked/new.parquet", "hard-part.parquet"])
def test_decide_and_plan_refuse(here, capsys, command, engine, out):
    arguments = [command, "playbook.json", "--contacts", "people", "--at", AT.isoformat(), "--out", out]
    until = ["--until", "2026-11-08T10:00Z"] if command == "plan" else []
    assert main([*arguments, *until, "--engine", engine]) == 2
    assert f"--out {out} would " in (said := capsys.readouterr().err)
    assert "the contacts; write to another place" in said


def test_the_ledger_and_the_prices_are_kept_too(here, capsys):
    (here / "ledger.db").write_bytes(b"")
    arguments = ["decide", "playbook.json", "--contacts", "contacts.parquet", "--at", AT.isoformat(), "--format", "csv"]
    assert main([*arguments, "--ledger", "sqlite:///ledger.db", "--out", "ledger.db"]) == 2
    assert "--out ledger.db would overwrite the ledger" in capsys.readouterr().err
    assert main([*arguments, "--out", "playbook.json"]) == 2
    assert "would overwrite the playbook" in capsys.readouterr().err
    assert main([*arguments, "--out", "d.csv", "--save-prices", "hard.parquet"]) == 2
    assert "would overwrite a file that is read or written" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--out", "--paths", "--handovers"])
@pytest.mark.parametrize("path", ["people/new.parquet", "hard-part.parquet", "people/part-0.parquet"])
def test_place_refuses(here, capsys, option, path):
    arguments = ["place", "playbook.json", "--events", "events.csv", "--contacts", "people", "--at", AT.isoformat()]
    assert main([*arguments, option, path]) == 2
    assert f"{option} {path} would " in capsys.readouterr().err


def test_place_does_not_write_one_output_over_another(here, capsys):
    (here / "a.csv").write_text("")
    os.link(here / "a.csv", here / "b.csv")
    arguments = ["place", "playbook.json", "--events", "events.csv", "--at", AT.isoformat()]
    assert main([*arguments, "--out", "a.csv", "--paths", "b.csv"]) == 2
    assert "--paths b.csv would overwrite --out" in capsys.readouterr().err


def test_funnel_and_graph_refuse(here, capsys):
    os.link(here / "events.csv", here / "log.csv")
    os.link(here / "playbook.json", here / "picture.svg")
    given = ["--events", "events.csv", "--at", AT.isoformat()]
    assert main(["funnel", "playbook.json", *given, "--out", "log.csv"]) == 2
    assert main(["graph", "playbook.json", *given, "--out", "picture.svg"]) == 2
    said = capsys.readouterr().err
    assert "--out log.csv would overwrite the events" in said
    assert "--out picture.svg would overwrite the playbook" in said


def test_an_output_beside_its_inputs_is_written(here):
    job = Job(Arbiter(Playbook.from_dict(PLAYBOOK)), Inputs(contacts="contacts.parquet"), at=AT)
    assert job.write("decisions.csv").written == 2
