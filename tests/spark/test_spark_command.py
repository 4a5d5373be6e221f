"""The command ``python -m journeykit.spark``: the rows of `journeykit decide`, its errors and its exit codes."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import spark_session

import journeykit.spark
from journeykit.cli import DATA, FAILED, PLAYBOOK, USAGE
from journeykit.cli import main as local
from journeykit.job.summary_schema import summary_schema
from journeykit.spark import spark_command
from journeykit.spark.spark_command import main
from journeykit.tables.decision_columns import DECISIONS

AT = "2026-11-05T23:30:00Z"
PLAYBOOK_TEXT = """
timezone: Europe/Skopje
content:
  - {id: outlook, channel: email}
  - {id: note, channel: sms}
campaigns:
  - {id: nurture, content: [outlook], weight: 1, tags: [a, b]}
  - {id: launch, content: [outlook, note], weight: 8, audience: score >= 40}
caps:
  - {name: one a day, max: 1, window: {calendar: day}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a playbook, contacts as CSV, among them bad ones, and touches as JSON lines."""
    monkeypatch.chdir(tmp_path)
    Path("playbook.yaml").write_text(PLAYBOOK_TEXT, "utf-8")
    rows = [f"{at},{at % 100},email;sms,{'Mars/Base' if at % 50 == 7 else 'Europe/Berlin'}" for at in range(200)]
    Path("contacts.csv").write_text(
        "\n".join(["contact_id,score,consent,timezone", *rows, ",40,email,"]) + "\n", "utf-8"
    )
    touches = [{"contact_id": at, "campaign_id": "nurture", "channel": "sms", "sent_at": AT} for at in range(0, 200, 3)]
    Path("touches.jsonl").write_text("".join(json.dumps(touch) + "\n" for touch in touches), "utf-8")
    return tmp_path


def given(folder="."):
    """What all commands have; Java's working folder is not that of the test, and so paths are whole."""
    tables = ["--contacts", f"{folder}/contacts.csv", "--touches", f"{folder}/touches.jsonl"]
    return ["playbook.yaml", *tables, "--at", AT]


def rows_of(table):
    """The rows of a table of decisions in an order of their own."""
    plain = [{name: row[name] or None for name in DECISIONS} for row in table.to_pylist()]
    return sorted(plain, key=lambda row: row["decision_id"])


def counted(text):
    """A summary as JSON, but for what Spark has not, such as numbers of rows, and why contacts fell back."""
    found = json.loads(text)
    assert set(summary_schema()["required"]) <= set(found)
    for kind in found["bad_rows"]["kinds"]:
        del kind["source"]
    for table in found["tables"].values():
        del table["source"], table["columns"]
    bad = found["bad_rows"] | {"kinds": sorted(found["bad_rows"]["kinds"], key=str), "first": 0}
    return found | {"bad_rows": bad, "notes": 0}


@pytest.mark.usefixtures("folder")
def test_spark_submit_gives_the_rows_of_the_local_command(capfd):
    """A real `spark-submit` of the package's own file, on Parquet in folders by channel; the summary is the same."""
    spark_session.need()
    import pyspark

    assert local(["decide", *given(), "--all", "--json", "--quiet", "--out", "local.parquet"]) == 0
    wanted = counted(capfd.readouterr().out)
    program = str(Path(journeykit.spark.__file__).parent / "__main__.py")
    settings = [part for name, value in spark_session.SETTINGS.items() for part in ("--conf", f"{name}={value}")]
    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-submit"), "--master", "local[2]", *settings, program]
    with spark_session.environment():
        own = [*given(), "--all", "--summary", "summary.json", "--out", "decisions", "--partition", "channel"]
        done = subprocess.run([*command, *own], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = counted(Path("summary.json").read_text("utf-8"))
    assert {name: summary[name] for name in wanted} == wanted
    found = ds.dataset("decisions", partitioning="hive").to_table()
    assert {path.name for path in Path("decisions").iterdir() if path.is_dir()} == {"channel=email", "channel=sms"}
    assert rows_of(found) == rows_of(pq.read_table("local.parquet"))


@pytest.mark.usefixtures("spark")
def test_a_plan_has_its_calendar_and_too_many_bad_rows_are_an_error(folder, capfd):
    """The summary goes to a file, with the calendar; too many bad rows end the run with the code of unusable data."""
    own = [*given(folder), "--out", f"{folder}/decisions", "--until", "2026-11-12T23:30:00Z", "--quiet"]
    assert main([*own, "--summary", "summary.json"]) == 0
    found = json.loads(Path("summary.json").read_text("utf-8"))
    assert {"calendar", "engine", "contacts"} <= set(found)
    assert not capfd.readouterr().out
    assert main([*own, "--overwrite", "--max-bad", "1"]) == DATA
    assert "more bad rows than the 1 that are tolerated" in capfd.readouterr().err
    assert main([*own, "--summary", "playbook.yaml"]) == USAGE


@pytest.mark.usefixtures("spark")
def test_what_is_there_is_replaced_only_where_that_is_asked_for(folder, capfd):
    """The session that a process has is used, and stays; columns are written in the order in which they are named."""
    own = [*given(folder), "--granted", "--json", "--out", f"{folder}/decisions", "--columns", "send_at,contact_id"]
    assert main(own) == 0
    assert json.loads(capfd.readouterr().out)["contacts"] == 196
    assert pq.read_table("decisions").column_names == ["send_at", "contact_id"]
    assert main(own) == DATA
    assert "decisions: something is there; --overwrite replaces it" in capfd.readouterr().err
    assert main([*own, "--overwrite"]) == 0


@pytest.mark.usefixtures("spark")
def test_bad_rows_are_kept_whole_and_prices_are_saved_as_the_local_command_does_it(folder, capfd):
    """Bad rows as a table of texts; prices of quotas in a file that `Arbiter` takes."""
    assert local(["decide", *given(), "--quiet", "--out", "local.parquet", "--bad-rows", "local.csv"]) == 0
    own = [*given(folder), "--quiet", "--out", f"{folder}/decisions"]
    assert main([*own, "--bad-rows", f"{folder}/bad.csv"]) == 0
    # Cells of CSV are texts on Spark.
    names = ("table", "column", "found", "allowed")
    found, wanted = ([row for path in paths for row in csv_rows(path)] for paths in (bad_files(), ["local.csv"]))
    assert sorted([row[name] for name in names] for row in found) == sorted(
        [row[name] for name in names] for row in wanted
    )
    assert {row["contact_id"]: json.loads(row["cells"])["score"] for row in found if row["contact_id"] == "157"} == {
        "157": "57"
    }
    assert {row["contact_id"] for row in found} == {"7", "57", "107", "157", ""}
    assert main([*own, "--overwrite", "--bad-rows", f"{folder}/decisions/bad.csv"]) == USAGE
    assert "is where --out goes; write to another place" in capfd.readouterr().err
    shutil.rmtree("decisions")
    assert main([*own, "--bad-rows", f"{folder}/bad.csv"]) == DATA
    assert "bad.csv: something is there; --overwrite replaces it" in capfd.readouterr().err

    Path("playbook.yaml").write_text(
        PLAYBOOK_TEXT + "quotas: [{name: seats, max: 40, where: {campaign: launch}}]\n", "utf-8"
    )
    assert main([*own, "--bad-rows", f"{folder}/bad.csv"]) == USAGE
    assert "--bad-rows: of a run with quotas" in capfd.readouterr().err
    assert local(["decide", *given(), "--quiet", "--out", "local.parquet", "--save-prices", "local.json"]) == 0
    assert main([*own, "--overwrite", "--save-prices", "prices.json"]) == 0
    assert Path("prices.json").read_text("utf-8") == Path("local.json").read_text("utf-8")


def bad_files():
    """The files that Spark wrote."""
    return sorted(Path("bad.csv").glob("part-*"))


def csv_rows(path):
    """The rows of a CSV file, as mappings."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CASES = [
    (["--out", "{}/contacts.csv"], USAGE, "contacts.csv is where --contacts is read; write to another place"),
    (["--out", "decisions.csv", "--format", "json"], USAGE, "--out is a place for csv, and --format json"),
    (["--out", "out", "--scores", "-"], USAGE, "'-' is no place that executors reach"),
    (
        ["--out", "out", "--scores", "scores.parquet"],
        DATA,
        "scores.parquet: the table cannot be read: [PATH_NOT_FOUND]",
    ),
    (["--out", "out", "--scores", "csv:{}/playbook.yaml"], DATA, "scores, field 'contact_id': the column"),
    (["--out", "out", "--dry-run"], USAGE, "--dry-run is about a ledger: give --ledger too"),
    (["--out", "out", "--ledger", "mysql://root@db/x"], USAGE, "a ledger is not kept in 'mysql'"),
    (["--out", "out", "--ledger", "sqlite:///{}/none.db"], FAILED, "for a new ledger, run `journeykit ledger upgrade"),
    (["--out", "out", "--partitions", "0"], USAGE, "--partitions is '0'; it is a whole number from 1 on"),
    (["--out", "out", "--save-prices", "prices.json"], USAGE, "--save-prices: the playbook has no quotas"),
    (
        ["--out", "out", "--save-prices", "playbook.yaml"],
        USAGE,
        "--save-prices playbook.yaml would overwrite the playbook",
    ),
    (
        ["--out", "out", "--bad-rows", "{}/contacts.csv"],
        USAGE,
        "--bad-rows {}/contacts.csv is where --contacts is read",
    ),
    (["--out", "out", "--zone", "Mars/Base"], USAGE, "--zone"),
    (["--out", "out", "--policy", "own=nowhere:Policy"], USAGE, "the policy nowhere:Policy cannot be loaded"),
]


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize(("more", "code", "words"), CASES, ids=[" ".join(case[0][-2:]) for case in CASES])
def test_errors_are_one_message_with_the_exit_code_of_the_command_decide(folder, capfd, more, code, words):
    """Wrong usage is 2, a table that cannot be used is 4; nothing is written."""
    assert main([*given(folder), *(word.format(folder) for word in more)]) == code
    said = capfd.readouterr().err
    assert words.format(folder) in said
    assert said.count("journeykit: ") == 1
    assert not Path("out").exists()


@pytest.mark.usefixtures("folder")
def test_a_playbook_that_is_wrong_starts_no_spark(capfd, monkeypatch):
    """It is refused before a session is made, with all its faults."""
    monkeypatch.setattr(spark_command, "spark_session", None)
    Path("playbook.yaml").write_text("campaigns: [{id: a, content: [b]}]\nteam: 3\n", "utf-8")
    assert main([*given(), "--out", "out"]) == PLAYBOOK
    assert "playbook.yaml: 2 problems" in capfd.readouterr().err


@pytest.mark.usefixtures("spark")
def test_a_file_that_is_corrupt_is_said(folder, capfd):
    """A Parquet file that is broken in the middle of a folder ends the run with code 4, and says which file."""
    Path("broken").mkdir()
    Path("broken/part-0.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    own = ["playbook.yaml", "--contacts", f"parquet:{folder}/broken", "--at", AT, "--out", f"{folder}/out"]
    assert main(own) == DATA
    assert "broken/part-0.parquet" in capfd.readouterr().err
    Path("ragged.csv").write_text("contact_id,score\n1,20\n2,60,email\n", "utf-8")
    assert main(["playbook.yaml", "--contacts", f"{folder}/ragged.csv", "--at", AT, "--out", f"{folder}/out"]) == DATA
    said = next(line for line in capfd.readouterr().err.splitlines() if line.startswith("journeykit: "))
    assert re.search(r"a table cannot be read: .*ragged.csv: .*2,60,email; mend what is named, or leave it out$", said)
    assert "SQLSTATE" not in said


@pytest.mark.usefixtures("folder")
def test_without_pyspark_it_says_what_to_install(capfd, monkeypatch):
    """The extra, and no traceback of another library."""
    for name in ("pyspark", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main([*given(), "--out", "out"]) == FAILED
    assert "python -m journeykit.spark needs the extra 'spark': pip install" in capfd.readouterr().err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["numpy", "pyarrow"])
def test_without_what_the_columnar_engine_needs_it_says_what_to_install(name):
    """As where a managed service brings PySpark, and pip brought this library alone."""
    code = (
        f"import sys; sys.modules[{name!r}] = None; from journeykit.spark.spark_command import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, *given(), "--out", "out"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == FAILED, done.stderr
    assert "python -m journeykit.spark needs the extra 'spark': pip install" in done.stderr


@pytest.mark.usefixtures("folder")
def test_without_java_it_says_so(tmp_path):
    """Where no Java is on the path, the message says which one Spark needs."""
    spark_session.need()
    command = [sys.executable, "-m", "journeykit.spark", *given(), "--out", "out"]
    with spark_session.environment() as own:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=own | {"PATH": str(tmp_path)})
    assert done.returncode == FAILED
    assert "journeykit: Spark did not start: it needs Java" in done.stderr
    assert "Traceback" not in done.stderr
