"""Tables from standard input: their format by the first bytes, read as often as needed, and gone at the end."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from journeykit.cli import DATA, DONE, USAGE, main

WHEN = ("--at", "2026-11-05T10:00:00Z")
ENGINES = ("one", "columns")
OWN = {
    "content": [{"id": "note", "channel": "email"}],
    "campaigns": [{"id": "launch", "content": ["note"]}],
    "journey": {"stages": ["a", "b"], "transitions": [{"from": "a", "to": "b", "event": "buy"}]},
}
CONTACTS = [{"contact_id": "anna", "consent": "email"}, {"contact_id": "ben", "consent": ""}]
EVENTS = "contact_id,event,at\nanna,buy,2026-11-01T08:00:00Z\nben,buy,soon\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text(json.dumps(OWN))
    Path("kept").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "kept"))


def as_bytes(form):
    """The contacts, as a program would send them."""
    if form == "parquet":
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(CONTACTS), file)
        return file.getvalue()
    if form.startswith("jsonl"):
        text = "\n" + "".join(json.dumps(row) + "\n" for row in CONTACTS)
    else:
        text = "contact_id,consent\n" + "".join(f"{row['contact_id']},{row['consent']}\n" for row in CONTACTS)
    return gzip.compress(text.encode()) if form.endswith(".gz") else ("\ufeff" + text).encode()


def given(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "csv.gz", "jsonl.gz"])
def test_the_first_bytes_say_the_format(engine, form, monkeypatch, capsys):
    """The same rows as from a file; nothing is left behind."""
    given(monkeypatch, as_bytes(form))
    Path(f"c.{form}").write_bytes(as_bytes(form))
    found = []
    for source in ("-", f"c.{form}"):
        arguments = ("--contacts", source, *WHEN, "--engine", engine, "--all", "--out", "-", "--format", "csv")
        assert main(["decide", "own.json", *arguments]) == DONE
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]
    assert "anna" in found[0]
    assert not list(Path("kept").iterdir())


@pytest.mark.parametrize("engine", ENGINES)
def test_messages_call_it_standard_input(engine, monkeypatch, capsys):
    """And not by the name of a file that nobody knows; of bad rows in a file too, which are read again."""
    arguments = (*WHEN, "--engine", engine)
    given(monkeypatch, b"contact_id,timezone\nanna,Mars/Base\nben,UTC\n")
    decide = ("decide", "own.json", "--contacts", "-", *arguments, "--out", "d.csv")
    assert main([*decide, "--bad-rows", "b.jsonl", "--summary", "s.json"]) == DONE
    assert "standard input, row 1, field 'timezone'" in capsys.readouterr().err
    bad = json.loads(Path("b.jsonl").read_text())
    assert (bad["table"], bad["source"], json.loads(bad["cells"])["contact_id"]) == (
        "contacts",
        "standard input",
        "anna",
    )
    assert json.loads(Path("s.json").read_text())["rows"] == {"contacts": 2}
    for data, words in (
        (b"", "standard input: the file is empty"),
        (b"id\nanna\n", "standard input, field 'contact_id': the column 'contact_id' is missing"),
        (b"PAR1 and no more", "standard input: the file is not readable Parquet"),
        (b"\x1f\x8bnothing", "standard input: the file cannot be read"),
        (b"contact_id\n\xff\n", "standard input: line 2 is not UTF-8"),
    ):
        given(monkeypatch, data)
        assert main(list(decide)) == DATA
        said = capsys.readouterr().err
        assert words in said
        assert "journeykit-" not in said
    given(monkeypatch, EVENTS.encode())
    assert main(["place", "own.json", "--events", "-", *arguments]) == DONE
    assert "standard input, row 2, field 'at'" in capsys.readouterr().out


def test_all_commands_read_it(monkeypatch, capsys):
    """Check, plan, explain, place, segments and funnel; two tables of one command cannot both be it."""
    until = ("--until", "2026-11-06T10:00:00Z")
    for command in (
        ("check", "own.json", "--contacts", "-"),
        ("plan", "own.json", "--contacts", "-", *WHEN, *until, "--out", "d.csv"),
        ("explain", "own.json", "--contacts", "-", *WHEN, "--contact", "anna"),
        ("segments", "own.json", "--contacts", "-", *WHEN),
    ):
        given(monkeypatch, as_bytes("csv"))
        assert main(list(command)) == DONE, command
    for command in (
        ("funnel", "own.json", "--events", "-", *WHEN),
        ("graph", "own.json", "--events", "-", *WHEN),
        ("place", "own.json", "--events", "-", *WHEN, "--contact", "anna"),
    ):
        given(monkeypatch, EVENTS.encode())
        assert main(list(command)) == DONE, command
    capsys.readouterr()
    assert main(["decide", "own.json", "--contacts", "-", "--touches", "-", *WHEN, "--out", "d.csv"]) == USAGE
    assert "--contacts and --touches cannot both be standard input" in capsys.readouterr().err
    assert not list(Path("kept").iterdir())


@pytest.mark.parametrize(("end", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_nothing_is_left_after_a_signal(end, code):
    """While it is still being kept; the exit codes are those of the shell, and a line says what happened."""
    arguments = ("decide", "own.json", "--contacts", "-", *WHEN, "--out", "d.csv", "--engine", "one")
    process = subprocess.Popen(
        [sys.executable, "-m", "journeykit", *arguments],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": "kept"},
        text=True,
    )
    process.stdin.write("contact_id,consent\n" + "anna,email\n" * 20_000)
    process.stdin.flush()
    patience = time.monotonic() + 60
    while not list(Path("kept").glob("*/*")) and time.monotonic() < patience:
        time.sleep(0.02)
    assert list(Path("kept").glob("*/*"))
    process.send_signal(end)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert end.name in said
    assert not list(Path("kept").iterdir())
    assert not Path("d.csv").exists()
