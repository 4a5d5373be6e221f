"""Types come from the rules: one cell means one thing, in every format, by either engine and in Python."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from functools import cache
from random import Random

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from journeykit import Arbiter, Contact, Playbook
from journeykit.__main__ import main
from journeykit.job import Inputs, Job, TableJob

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
RULES = (
    "x >= 40",
    "x == 50",
    "x in (1, 50)",
    "40 <= x < 1001",
    "x",
    "not x",
    "x == True",
    "x and y",
    "x == '50'",
    "x == '01000'",
    "x != '50'",
    "x in ('MK', '50', 'true')",
    "x in ('MK', 50)",
    "x == '2026-W45'",
    "x >= '2026-11-02'",
    "x == '2026-11-02'",
    "x < '2026-11-01T12:00Z'",
    "x >= '2026-11-02 00:30'",
    "x in ('2026-11-01', '2026-11-02')",
    "days_since(x) >= 4",
    "x is None",
    "lower(x) == 'mk'",
    "length(x) == 2",
    "'vip' in x",
    "coalesce(x, 0) >= 40",
    "x < y",
    "x == y",
    "not (x >= y)",
    "'s' in segments",
)
PLAYBOOK = Playbook.from_dict(
    {
        "timezone": "America/New_York",
        "segments": [{"name": "s", "rule": "x >= 40 or x == 'MK'"}],
        "content": [{"id": "letter", "channel": "email"}],
        "campaigns": [{"id": rule, "content": ["letter"], "audience": rule} for rule in RULES],
        "on_missing": {"consent": "allow"},
    }
)
TEXTS = (
    *("50", "01000", "1000", " 50 ", "50.5", "5e1", "50,5", "50%", "-1", "1", "0", "yes", "No", "t", "F", "TRUE"),
    *("MK", "mk", "vip; early", "2026-W45", "2026-11-01", "2026-11-02", "20261102", "2026-11-02T01:30:00Z", "n/a"),
    *("2026-11-01T23:30:00+00:00", "2026-11-02 08:00:00.000 +00:00", "2026-11-02 08:00", " ", ""),
)
COLUMNS = {
    "text": (TEXTS, pa.string()),
    "whole": ((50, 1, 0, 40, 1000, -3), pa.int64()),
    "float": ((50.0, 1.0, 0.0, 50.5, 1000.0, 39.75), pa.float64()),
    "truth": ((True, False), pa.bool_()),
    "date": ((date(2026, 11, 1), date(2026, 11, 2), date(2026, 10, 30)), pa.date32()),
    "instant": (
        (datetime(2026, 11, 2, 1, 30, tzinfo=UTC), AT, datetime(2026, 11, 1, 12, tzinfo=UTC)),
        pa.timestamp("us", "UTC"),
    ),
}


def text_of(value):
    """A cell as a CSV file holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else str(value)


def rows_of(seed, first, second):
    rng = Random(seed)
    return [
        {
            "contact_id": f"p{number}",
            "timezone": rng.choice(("Europe/Skopje", "America/New_York", "Asia/Kolkata", None)),
            "x": rng.choice((None, *COLUMNS[first][0])),
            "y": rng.choice((None, *COLUMNS[second][0])),
        }
        for number in range(36)
    ]


@cache
def arbiter_of_rules():
    return Arbiter(PLAYBOOK)


def by_contact(rows):
    """Who is in which audience, as Python objects are judged."""
    arbiter = arbiter_of_rules()
    found = set()
    for row in rows:
        contact = Contact(id=row["contact_id"], timezone=row["timezone"], attributes={"x": row["x"], "y": row["y"]})
        found |= {(contact.id, grant.campaign) for grant in arbiter.decide(contact, at=AT).granted}
    return found


def by_columns(table):
    found = arbiter_of_rules().decide_table(table, at=AT)
    rows = pa.table(found).to_pylist() if not isinstance(found, pd.DataFrame) else found.to_dict("records")
    return {(row["contact_id"], row["campaign_id"]) for row in rows}


def by_one(source):
    job = Job(arbiter_of_rules(), Inputs(contacts=source), at=AT)
    return {(contact.id, grant.campaign) for contact, decision in job.decisions() for grant in decision.granted}


def files_of(rows, arrow, folder):
    """The same rows in every format of files."""
    with (folder / "c.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        writer.writerows([text_of(cell) for cell in row.values()] for row in rows)
    lines = (
        json.dumps({name: text_of(cell) if isinstance(cell, date) else cell for name, cell in row.items()})
        for row in rows
    )
    (folder / "c.jsonl").write_text("\n".join(lines), encoding="utf-8")
    pq.write_table(arrow, folder / "c.parquet")
    return [str(folder / f"c.{ending}") for ending in ("csv", "jsonl", "parquet")]


@pytest.mark.parametrize("first", COLUMNS)
@pytest.mark.parametrize("second", ["text", "whole", "date", "instant"])
def test_every_format_gives_the_same_answer(first, second, tmp_path):
    """Random cells under all kinds of comparisons: files, frames, mappings and Python objects agree."""
    rows = rows_of(f"{first} {second}", first, second)
    schema = pa.schema(
        [
            ("contact_id", pa.string()),
            ("timezone", pa.string()),
            ("x", COLUMNS[first][1]),
            ("y", COLUMNS[second][1]),
        ]
    )
    arrow = pa.Table.from_pylist(rows, schema)
    expected = by_contact(rows)
    given = {
        "mappings": rows,
        "arrow": arrow,
        "dictionaries": arrow.set_column(2, "x", arrow["x"].combine_chunks().dictionary_encode()),
        "pandas": arrow.to_pandas(),
        "objects": pd.DataFrame(rows, dtype=object),
        "polars": pl.from_arrow(arrow),
    }
    files = files_of(rows, arrow, tmp_path)
    for name, table in (*given.items(), *((path, path) for path in files)):
        assert by_columns(table) == expected, name
    for source in (rows, *files):
        assert by_one(source) == expected, source


def test_a_cell_is_read_as_each_comparison_asks(tmp_path):
    """One column of a CSV file keeps its text, and is a number where a number is asked for."""
    book = tmp_path / "p.json"
    rules = {"text": "zip == '01000'", "number": "zip >= 1000", "week": "cohort == '2026-W45'", "vip": "vip"}
    book.write_text(
        json.dumps(
            {
                "content": [{"id": "letter", "channel": "email"}],
                "campaigns": [{"id": name, "content": ["letter"], "audience": rule} for name, rule in rules.items()],
                "on_missing": {"consent": "allow"},
            }
        )
    )
    (tmp_path / "c.csv").write_text("contact_id,zip,cohort,vip\na,01000,2026-W45,yes\nb,1000,2026-W46,1\nc,999,,no\n")
    for engine in ("one", "columns"):
        out = tmp_path / "out.csv"
        arguments = ["decide", str(book), "--contacts", str(tmp_path / "c.csv"), "--at", AT.isoformat()]
        assert main([*arguments, "--engine", engine, "--out", str(out)]) == 0
        with out.open() as file:
            found = {(row["contact_id"], row["campaign_id"]) for row in csv.DictReader(file)}
        assert found == {("a", "text"), ("a", "number"), ("b", "number"), ("a", "week"), ("a", "vip"), ("b", "vip")}


def test_a_limit_of_the_contacts_own_is_read_as_a_number():
    """A text of digits is one; a text that is no number makes the claim invalid, and is told."""
    book = Playbook.from_dict(
        {
            "content": [{"id": "letter", "channel": "email"}],
            "campaigns": [{"id": "launch", "content": ["letter"]}],
            "caps": [{"name": "own", "max": {"attribute": "limit", "default": 1}, "window": {"ever": True}}],
            "on_missing": {"consent": "allow"},
        }
    )
    rows = [{"contact_id": n, "limit": v} for n, v in (("a", "1"), ("b", "0"), ("c", " "), ("d", "two"), ("e", True))]
    job = TableJob(Arbiter(book), rows, at=AT, everything=True)
    found = {row["contact_id"]: row["reason"] for row in job.table().to_pylist()}
    assert found == {"a": "granted", "b": "capped", "c": "granted", "d": "invalid", "e": "invalid"}
    one = Job(Arbiter(book), Inputs(contacts=rows), at=AT)
    assert {who.id: str(decision.rows[0].reason) for who, decision in one.decisions()} == found


MESSY = [
    *({"contact_id": f"n{number}", "score": 50 + number, "vip": "yes"} for number in range(2)),
    {"contact_id": "comma", "score": "50,5", "vip": "often"},
    {"contact_id": "percent", "score": "50%", "vip": True},
    {"contact_id": "word", "score": "many", "vip": None},
    {"contact_id": "empty", "score": " ", "vip": 1},
    {"contact_id": "none", "score": None, "vip": 0},
]
MESSY_PLAYBOOK = {
    "content": [{"id": "letter", "channel": "email"}],
    "campaigns": [
        {"id": "rich", "content": ["letter"], "audience": "score >= 40"},
        {"id": "vip", "content": ["letter"], "audience": "vip"},
    ],
    "caps": [{"name": "spare", "max": 0, "window": {"ever": True}, "audience": "score >= 1000"}],
    "on_missing": {"consent": "allow"},
}


@pytest.mark.parametrize("engine", ["one", "columns"])
def test_what_cannot_be_read_is_counted_and_told(engine):
    """Cells that are no numbers, with an example; and of how many contacts an audience is unknown."""
    arbiter = Arbiter(Playbook.from_dict(MESSY_PLAYBOOK))
    if engine == "one":
        job = Job(arbiter, Inputs(contacts=MESSY), at=AT)
        list(job.decisions())
    else:
        job = TableJob(arbiter, MESSY, at=AT)
        job.table()
    summary = job.summary()
    assert summary.unknown == {
        "audience of rich": 5,
        "audience of vip": 2,
        "audience of the cap 'spare'": 5,
    }
    score, vip = summary.mismatches
    assert str(score) == (
        "contacts: 'score' has '50%' (3 rows), where the playbook compares with numbers such as 50.5; 'score >= 40' is "
        "unknown for these contacts, more than half of the 5 whose cell is not empty"
    )
    assert (vip.kind, vip.column, vip.found, vip.rows) == ("wrong_type", "vip", "'often'", 1)
    assert "more than half" not in str(vip)
    assert summary.to_dict()["unknown"] == dict(summary.unknown)
    assert "unknown (contacts): audience of rich 5, audience of vip 2, audience of the cap 'spare' 5" in str(summary)


def test_profile_fields_are_asked_like_attributes():
    """A contact's purchase insight and value proposition are read wherever they stand."""
    book = Playbook.from_dict(
        {
            "content": [{"id": "letter", "channel": "email"}],
            "campaigns": [
                {
                    "id": "launch",
                    "content": ["letter"],
                    "audience": "purchase_insight == 'price' and value_proposition == 'speed'",
                }
            ],
            "on_missing": {"consent": "allow"},
        }
    )
    arbiter = Arbiter(book)
    field = Contact(id="a", purchase_insight="price", value_proposition="speed")
    attribute = Contact(id="a", attributes={"purchase_insight": "price", "value_proposition": "speed"})
    both = Contact(id="a", purchase_insight="price", attributes={"purchase_insight": "x", "value_proposition": "speed"})
    assert all(arbiter.decide(who, at=AT).granted for who in (field, attribute, both))
    rows = [{"contact_id": "a", "purchase_insight": "price", "value_proposition": "speed"}]
    assert arbiter.decide_table(rows, at=AT).num_rows == 1
