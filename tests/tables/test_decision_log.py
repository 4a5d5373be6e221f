"""Logs of decisions: of every format the same pieces; what is missing or cannot be read is named."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journeykit import DataError, Playbook
from journeykit.cli import DONE, main
from journeykit.model.outcome import Outcome, Reason
from journeykit.tables import table_writer
from journeykit.tables.arrow.decision_log import DecisionLog
from journeykit.tables.arrow.decision_schema import decision_schema
from journeykit.tables.decision_columns import DECISIONS

OWN = {
    "content": [{"id": "note", "channel": "email"}, {"id": "ping", "channel": "sms"}],
    "campaigns": [
        {"id": "sale", "team": "growth", "content": ["note"], "tags": ["loud", "new"]},
        {"id": "fair", "team": "events & co", "content": ["ping"], "audience": "points >= 3"},
        {"id": "vip", "team": "growth", "content": ["note"], "audience": "points >= 5"},
    ],
    "caps": [{"name": "one", "max": 1, "window": {"days": 30}}],
}
AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text(json.dumps(OWN))
    points = "".join(f"0{number},email;sms,{number}\n" for number in range(8))
    Path("c.csv").write_text(f"contact_id,consent,points\n{points}")


def decided(out, *more):
    arguments = ("own.json", "--contacts", "c.csv", "--at", "2026-11-05T10:00:00Z", "--all", "--explain")
    assert main(["decide", *arguments, "--quiet", "--out", out, *more]) == DONE
    return out


def whole(source, *, ordered=True):
    """All rows of a log, which has the one schema."""
    found = DecisionLog(source).table(list(DECISIONS))
    assert found.schema.equals(decision_schema(pa.large_string(), DECISIONS))
    rows = found.to_pylist()
    return rows if ordered else sorted(rows, key=lambda row: row["decision_id"])


def test_all_formats_say_the_same():
    """Lists, instants, numbers and nothing come out of a CSV file as they come out of a Parquet file."""
    expected = whole(decided("d.parquet"))
    assert len(expected) == 24
    assert {row["outcome"] for row in expected} == {"granted", "deferred", "denied"}
    assert any(row["lost_to"] for row in expected)
    assert any(row["displaced"] for row in expected)
    for name in ("d.csv", "d.csv.gz", "d.jsonl"):
        assert whole(decided(name)) == expected
    table = pq.read_table("d.parquet")
    assert whole(table) == expected
    assert whole(table.to_pandas()) == expected
    assert whole(table.to_pylist()) == expected
    assert whole(pa.Table.from_pylist(table.to_pylist())) == expected


@pytest.mark.parametrize("by", ["day", "channel", "team"])
def test_a_partitioned_folder_is_the_same_table(by):
    """What folders are called is a column again."""
    expected = sorted(whole(decided("d.parquet")), key=lambda row: row["decision_id"])
    assert whole(decided("d", "--partition", by), ordered=False) == expected


def test_several_files_are_one_log():
    """One after the other, whatever their formats; a code means the same text in all pieces."""
    files = [decided("a.csv", "--run", "a"), decided("b.parquet", "--run", "b"), decided("c", "--partition", "team")]
    log = DecisionLog(files)
    pieces = list(log.pieces(["team", "run_id"]))
    assert sum(map(len, pieces)) == log.rows == 72
    assert [log.runs[name] for name in "ab"] == [24, 24]
    known = {}
    for piece in pieces:
        for chunk in piece["team"].chunks:
            for code, text in zip(chunk.indices.to_pylist(), chunk.to_pylist(), strict=True):
                assert known.setdefault(code, text) == text
    assert set(known.values()) == {"growth", "events & co"}


def test_a_pass_says_what_it_met():
    """Runs, playbooks, outcomes and instants; each pass anew."""
    log = DecisionLog(decided("d.csv", "--run", "tuesday"))
    for _ in range(2):
        assert len(log.table(["contact_id"])) == log.rows == 24
        assert log.runs == {"tuesday": 24}
        assert log.fingerprints == {Playbook.load("own.json").fingerprint: 24}
        assert log.instants == (AT, AT)
        assert sum(log.outcomes.values()) == 24


def test_rows_of_another_playbook_are_refused():
    """By its name, with what is wanted; the right one is read."""
    decided("d.csv")
    log = DecisionLog("d.csv")
    own = Playbook.load("own.json")
    assert len(log.of_playbook(own).table(["contact_id"])) == 24
    other = Playbook()
    with pytest.raises(DataError) as error:
        log.of_playbook(other).table(["contact_id"])
    assert str(error.value) == (
        f"d.csv, row 1, field 'playbook': decided by the playbook {own.fingerprint[:12]}..., and "
        f"{other.fingerprint[:12]}... is given; give the playbook that decided, or decide again with this one"
    )
    assert len(log.table(["contact_id"])) == 24


def test_an_empty_table_is_one_piece_without_rows():
    """What adds up pieces needs no case of its own for it."""
    decided("d.csv")
    header = Path("d.csv").read_text().splitlines()[0]
    Path("d.csv").write_text(header + "\n")
    empty = pa.table({name: pa.array([], pa.string()) for name in DECISIONS})
    pq.write_table(empty, "d.parquet")
    Path("d.jsonl").write_text("")
    for source in ("d.csv", "d.parquet", "d.jsonl", empty, []):
        log = DecisionLog(source).of_playbook(Playbook())
        assert [len(piece) for piece in log.pieces(["contact_id", "binding"])] == [0]
        assert (log.rows, log.runs, log.instants) == (0, {}, None)


def test_a_missing_column_is_named_with_what_writes_it():
    """Of a file before a row is read; what is optional may be missing."""
    decided("d.csv", "--columns", "contact_id,campaign_id,outcome")
    for source in ("d.csv", arrow_csv.read_csv("d.csv").to_pylist()):
        with pytest.raises(DataError) as error:
            next(DecisionLog(source).pieces(["contact_id", "displaced"]))
        assert "field 'displaced': the column 'displaced' is missing; there is contact_id, campaign_id" in str(
            error.value
        )
        assert "`journeykit decide` writes it, unless --columns leaves it out" in str(error.value)
    log = DecisionLog("d.csv")
    assert log.columns == ("contact_id", "campaign_id", "outcome")
    row = log.table(["contact_id"], ["displaced", "tags", "team", "send_at"]).to_pylist()[0]
    assert row == {"contact_id": "00", "displaced": None, "tags": [], "team": None, "send_at": None}
    assert log.fingerprints == {}
    with pytest.raises(DataError, match="the column 'playbook' is missing"):
        log.of_playbook(Playbook()).table(["contact_id"])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("outcome", "grantd", "found 'grantd'; allowed is one of granted, deferred, denied; did you mean 'granted'?"),
        ("reason", "", "found nothing; allowed is one of "),
        ("contact_id", " ", "found nothing; allowed is an id"),
        ("decided_at", "2026-11-05T10:00:00", "found '2026-11-05T10:00:00'; allowed is an instant with an offset or Z"),
        ("decided_at", "", "found nothing; allowed is an instant"),
        ("weight", "much", "found 'much'; allowed is a number"),
        ("weight", "1e400", "found '1e400'; allowed is a number"),
        ("send_at", "soon", "found 'soon'; allowed is an instant"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(column, value, said):
    """By file, row and column: what journeykit wrote has none, so the file is damaged or another one."""
    rows = whole(decided("d.parquet"))
    rows[4] |= {column: value}
    lines = [{name: own.isoformat() if isinstance(own, datetime) else own for name, own in row.items()} for row in rows]
    Path("d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    for source, name in ((rows, "decisions"), ("d.jsonl", "d.jsonl")):
        with pytest.raises(DataError) as error:
            DecisionLog(source).table(list(DECISIONS))
        assert str(error.value).startswith(f"{name}, row 5, field '{column}': {said}")


def test_ids_that_are_numbers_are_texts_and_zones_are_heeded():
    """A frame's whole numbers, UUIDs, instants without an offset."""
    rows = [
        {"contact_id": 7, "decided_at": "2026-11-05T10:00:00", "weight": 1, "outcome": "granted"},
        {"contact_id": 8, "decided_at": "2026-11-05T10:00:00", "weight": None, "outcome": "denied"},
    ]
    table = DecisionLog(rows, zone=UTC).table(["contact_id", "decided_at", "weight"])
    assert table.to_pylist() == [
        {"contact_id": "7", "decided_at": AT, "weight": 1.0},
        {"contact_id": "8", "decided_at": AT, "weight": None},
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6).filter(lambda text: text.strip())
MEMBER = TEXT.map(str.strip).filter(lambda text: ";" not in text)
MOMENT = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
CELLS = {
    "text": st.none() | TEXT,
    "number": st.none() | st.floats(-1e9, 1e9),
    "instant": st.none() | MOMENT,
    "texts": st.lists(MEMBER, max_size=3),
}
FIXED = {
    "contact_id": TEXT.map(str.strip),
    "outcome": st.sampled_from([own.value for own in Outcome]),
    "reason": st.sampled_from([own.value for own in Reason]),
    "decided_at": MOMENT,
}
ROW = st.fixed_dictionaries({name: FIXED.get(name, CELLS[kind]) for name, kind in DECISIONS.items()})


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, max_size=3))
def test_what_is_written_comes_out_of_each_format(rows):
    """Whatever letters, numbers and lists there are."""
    for name in ("p.csv", "p.jsonl", "p.parquet"):
        with table_writer(name, DECISIONS) as write:
            for row in rows:
                write([row[name] for name in DECISIONS])
        log = DecisionLog(name)
        assert log.table(list(DECISIONS)).to_pylist() == rows
        assert log.outcomes == Counter(row["outcome"] for row in rows)
        assert log.rows == len(rows)
