"""What tables hold that is no data: told in the same way by both engines and on the command line."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from ledgers import KINDS, ledger_of

from journeykit import Arbiter, DataError, ModelError, Playbook
from journeykit.cli import main
from journeykit.job import Inputs, Job, decide_one
from journeykit.job.table_job import TableJob
from journeykit.tables.arrow.column import Column
from journeykit.tables.arrow.open_arrow import open_source

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
EARLIER = AT - timedelta(days=1)
PLAYBOOK = Playbook.from_dict(
    {
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": "launch", "content": ["note"]}, {"id": "sale", "content": ["note"], "weight": 0.5}],
        "caps": [{"name": "one", "max": 1, "window": {"days": 30}}],
    }
)
ENGINES = ("one", "columns")
TEXT = pa.string()


def run(engine, contacts=None, touches=None, scores=None, claims=None, playbook=PLAYBOOK, **options):
    """All rows of a run, and its summary."""
    arbiter = Arbiter(playbook)
    if engine == "columns":
        told = []
        table = arbiter.decide_table(
            contacts, touches, scores, claims, at=AT, everything=True, summary=told.append, **options
        )
        table = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table)
        return table.to_pylist(), told[0]
    job = Job(arbiter, Inputs(contacts=contacts, touches=touches, scores=scores, claims=claims), at=AT, **options)
    rows = [row.to_dict() for _, decision in job.decisions() for row in decision.rows]
    return rows, job.summary()


def bad(summary):
    return [str(row) for row in summary.bad_first]


def both(*tables, **options):
    """What both engines say of tables, which must be the same: rows in short, and bad rows."""
    found = [run(engine, *tables, **options) for engine in ENGINES]
    short = [
        [
            (row.get("contact_id", row.get("contact")), row.get("campaign_id", row.get("campaign")), row["outcome"])
            for row in rows
        ]
        for rows, _ in found
    ]
    assert short[0] == short[1]
    assert bad(found[0][1]) == bad(found[1][1])
    return short[0], bad(found[0][1])


# Plans that end before they start


def test_a_plan_that_ends_before_it_starts_is_an_error_everywhere(tmp_path, capsys):
    """Tables were decided, and granted."""
    contacts = [{"contact_id": "anna", "consent": "email"}]
    arbiter = Arbiter(PLAYBOOK)
    for call in (
        lambda: arbiter.decide_table(contacts, at=AT, until=EARLIER),
        lambda: arbiter.decide_table(contacts, at=AT, until=EARLIER, run_id="mine", stream=True),
        lambda: arbiter.run_id(AT, EARLIER),
        lambda: Job(arbiter, Inputs(contacts=contacts), at=AT, until=EARLIER, run_id="mine"),
        lambda: decide_one(arbiter, Inputs(contacts=contacts), "anna", at=AT, until=EARLIER),
    ):
        with pytest.raises(ModelError, match="lies before at") as error:
            call()
        assert error.value.field == "until"
    for kind in ("decide", "plan", "explain"):
        arguments = [kind, "p.json", "--contacts", "c.csv", "--at", AT.isoformat(), "--until", EARLIER.isoformat()]
        more = ["--contact", "anna"] if kind == "explain" else ["--out", str(tmp_path / "d.csv")]
        assert main([*arguments, *more]) == 2
        assert "--until lies before --at" in capsys.readouterr().err


# Missing numbers


@pytest.mark.parametrize("written", ["parquet", "jsonl", "csv"])
def test_nan_in_scores_and_claims_is_missing(tmp_path, written):
    """These were bad rows, and the claims invalid."""
    nan = float("nan")
    scores = {
        "contact_id": ["anna", "boris"],
        "campaign_id": ["launch"] * 2,
        "propensity": [nan, 0.5],
        "value": [3.0, nan],
    }
    claims = {
        "contact_id": ["anna", "boris"],
        "campaign_id": ["launch", "sale"],
        "weight": [nan, 4.0],
        "propensity": [0.5, nan],
        "value": [nan, 2.0],
        "cost": [nan, nan],
        "extra": [nan, 1.0],
    }
    paths = []
    for name, rows in (("scores", scores), ("claims", claims)):
        path = tmp_path / f"{name}.{written}"
        if written == "parquet":
            pq.write_table(pa.table(rows), path)
        elif written == "csv":
            pd.DataFrame(rows).to_csv(path, index=False, na_rep="NaN")
        else:
            lines = (json.dumps(dict(zip(rows, values, strict=True))) for values in zip(*rows.values(), strict=True))
            path.write_text("\n".join(lines))
        paths.append(str(path))
    contacts = [{"contact_id": name, "consent": "email"} for name in ("anna", "boris")]
    rows, faults = both(contacts, None, *paths)
    assert faults == []
    assert rows == [("anna", "launch", "granted"), ("boris", "sale", "granted")]
    for engine in ENGINES:
        found, _ = run(engine, contacts, None, paths[0])
        without, _ = run(
            engine,
            contacts,
            None,
            [
                {"contact_id": "anna", "campaign_id": "launch", "value": 3.0},
                {"contact_id": "boris", "campaign_id": "launch", "propensity": 0.5},
            ],
        )
        assert [row["weight"] for row in found] == [row["weight"] for row in without]


# Frames of pandas


def test_two_columns_of_one_name_in_a_frame_are_an_error():
    """The last one stood in silence."""
    frame = pd.DataFrame([["anna", True, False]], columns=["contact_id", "consent_email", "consent_email"])
    with pytest.raises(DataError, match="contacts: two columns have the name 'consent_email'; rename one"):
        Arbiter(PLAYBOOK).decide_table(frame, at=AT)
    frame = pd.DataFrame([["anna", True, False]], columns=["contact_id", "consent_email", "Consent_Email"])
    with pytest.raises(DataError, match="two columns have one name: 'consent_email' and 'Consent_Email'"):
        Arbiter(PLAYBOOK).decide_table(frame, at=AT)
    with pytest.raises(DataError, match="the name of a column is text, found 1"):
        Arbiter(PLAYBOOK).decide_table(pd.DataFrame([["anna", 2]], columns=["contact_id", 1]), at=AT)


def test_a_mixed_column_spoils_no_other():
    """One column of mixed objects made a frame mappings, row by row; now it alone is a list."""
    frame = pd.DataFrame(
        {
            "contact_id": ["anna", "boris", "cveta"],
            "consent_email": [True, True, False],
            "notes": [1, "a", {"b": 2}],
            "score": [5, "7", pd.NA],
            "seen": [pd.Timestamp("2026-11-01", tz="UTC"), "never", pd.NaT],
        }
    )
    source = open_source(frame, "contacts")
    ((number, names, arrays),) = source.parts(lambda name: name != "notes")
    assert (number, names) == (1, ("contact_id", "consent_email", "score", "seen"))
    assert [isinstance(array, pa.Array) for array in arrays] == [True, True, False, False]
    assert arrays[2] == [5, "7", None]
    assert arrays[3][2] is None
    playbook = Playbook.from_dict(
        PLAYBOOK.to_dict() | {"campaigns": [{"id": "launch", "content": ["note"], "audience": "score >= 5"}]}
    )
    rows, summary = run("columns", frame, playbook=playbook)
    assert [(row["contact_id"], row["outcome"]) for row in rows] == [
        ("anna", "granted"),
        ("boris", "granted"),
        ("cveta", "denied"),
    ]
    assert summary.bad_rows == 0


# Instants


FAR = [253_402_300_800, -62_135_596_801, 9_000_000_000_000]


@pytest.mark.parametrize("seconds", FAR)
def test_an_instant_too_far_for_microseconds_is_a_bad_row(tmp_path, seconds):
    """It came round, and was 1969."""
    good = int(AT.timestamp())
    contacts = [{"contact_id": name, "consent": "email"} for name in ("anna", "boris")]
    faults = {}
    for unit, factor in (("ms", 1_000), ("s", 1)):
        kind = pa.timestamp(unit, "UTC")
        sent = pa.array([seconds * factor, (good - 60) * factor], pa.int64()).cast(kind)
        table = pa.table({"contact_id": ["anna", "boris"], "sent_at": sent, "channel": ["email"] * 2})
        if unit == "ms":
            # A Parquet file has no seconds.
            path = tmp_path / "touches.parquet"
            pq.write_table(table, path)
            rows, faults[unit] = both(contacts, str(path))
            assert [row for row in rows if row[2] == "granted"] == [("anna", "launch", "granted")]
        else:
            rows, summary = run("columns", contacts, table)
            faults[unit] = bad(summary)
            assert [row["contact_id"] for row in rows if row["outcome"] == "granted"] == ["anna"]
        found = f"row 1, field 'sent_at': found '{seconds * factor} {unit} since 1970'; allowed is an instant"
        assert len(faults[unit]) == 1
        assert found in faults[unit][0]
    path = tmp_path / "contacts.parquet"
    until = pa.array([seconds * 1_000, (good + 60) * 1_000], pa.int64()).cast(pa.timestamp("ms", "UTC"))
    pq.write_table(pa.table({"contact_id": ["anna", "boris"], "consent_until_email": until}), path)
    rows, found = both(str(path))
    assert len(found) == 1
    assert "row 1, field 'consent_until_email'" in found[0]
    assert {row[0] for row in rows} == {"boris"}


def test_the_edges_of_what_python_counts_are_read():
    edges = pa.array([253_402_300_799, -62_135_596_800, None], pa.timestamp("s", "UTC"))
    assert [str(value)[:19] for value in Column(edges).cells()] == [
        "9999-12-31 23:59:59",
        "0001-01-01 00:00:00",
        "None",
    ]
    assert Column(pa.array([None], pa.timestamp("ms"))).cells() == [None]


# Ids that are no text


def broken(texts, kind=TEXT):
    """Texts of any bytes, which Arrow takes a file's word for."""
    array = pa.array([text if isinstance(text, bytes) else text.encode() for text in texts], pa.binary())
    if kind == pa.large_string():
        array = array.cast(pa.large_binary())
    return pa.Array.from_buffers(kind, len(array), array.buffers())


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), "dictionary"])
def test_ids_that_are_not_utf8_are_bad_rows(tmp_path, kind):
    """The job failed, or two such ids became one contact."""
    ids = [b"an\xffna", b"an\xfena", "boris", "Љубица"]
    column = broken(ids).dictionary_encode() if kind == "dictionary" else broken(ids, kind)
    table = pa.table({"contact_id": column, "consent_email": [True] * 4})
    path = tmp_path / "contacts.parquet"
    pq.write_table(table, path)
    rows, faults = both(str(path))
    assert {row[0] for row in rows} == {"boris", "Љубица"}
    assert [fault.partition("; allowed is an id")[0] for fault in faults] == [
        f"{path}, row {row}, field 'contact_id': found {found}"
        for row, found in ((1, r"'an\udcffna'"), (2, r"'an\udcfena'"))
    ]
    rows, summary = run("columns", table)
    assert summary.bad_rows == 2


@pytest.mark.parametrize("name", ["touches", "scores", "claims"])
def test_ids_of_other_tables_that_are_not_utf8_are_bad_rows(tmp_path, name):
    path = tmp_path / f"{name}.parquet"
    rows = {
        "contact_id": broken([b"\xff", "anna", "anna"]),
        "campaign_id": broken(["launch", b"l\xff", "launch"]),
        "channel": ["email"] * 3,
        "sent_at": [AT] * 3,
        "propensity": [0.5] * 3,
    }
    wanted = {"touches": rows.keys() - {"propensity"}, "scores": rows.keys() - {"sent_at", "channel"}}
    own = {key: rows[key] for key in rows if key in wanted.get(name, rows.keys() - {"sent_at", "propensity"})}
    pq.write_table(pa.table(own), path)
    contacts = [{"contact_id": "anna", "consent": "email"}]
    _, faults = (
        both(contacts, **{name: str(path)})
        if name == "touches"
        else both(contacts, None, *((str(path),) if name == "scores" else (None, str(path))))
    )
    assert [fault.split(":")[0] for fault in faults] == [
        f"{path}, row 1, field 'contact_id'",
        f"{path}, row 2, field 'campaign_id'",
    ]


# JSON lines and CSV


def test_keys_that_differ_in_case_alone_make_a_bad_row_that_names_them(tmp_path):
    """The columnar engine failed as a whole."""
    path = tmp_path / "contacts.jsonl"
    path.write_text(
        '{"contact_id": "anna", "consent": "email"}\n'
        '{"contact_id": "boris", "consent": "email", "City": "Ohrid", "city": "Bitola"}\n'
        '{"contact_id": "cveta", "consent": "email", "City": "Ohrid"}\n'
        '{"contact_id": "dimi", "consent": "email", "city": "Bitola"}\n'
    )
    allowed = "allowed is an object whose keys differ in more than their case"
    rows, faults = both(str(path))
    assert list(dict.fromkeys(row[0] for row in rows)) == ["anna", "cveta", "dimi"]
    assert faults == [f"{path}, row 2, field 'city': found the keys 'City' and 'city'; {allowed}"]
    rows, faults = both([json.loads(line) for line in path.read_text().splitlines()])
    assert faults == [f"contacts, row 2, field 'city': found the keys 'City' and 'city'; {allowed}"]


def test_a_cell_of_a_megabyte_is_read(tmp_path):
    """Fields of more than 128 kB were called an open quote."""
    path = tmp_path / "contacts.csv"
    long = "Ж" * 1_000_000
    path.write_text(f'contact_id,consent,notes\nanna,email,"{long}\n{long}"\nboris,email,short\n')
    rows, faults = both(str(path))
    assert faults == []
    assert {row[0] for row in rows} == {"anna", "boris"}
    path.write_text('contact_id,consent,notes\nanna,email,"' + "x" * 17_000_000)
    for engine in ENGINES:
        with pytest.raises(DataError, match=r"longer than 16,777,216 characters|is a quote left open"):
            run(engine, str(path))


# Ids in a ledger


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_that_a_database_has_no_room_for_is_refused_by_every_ledger(tmp_path, kind):
    """PostgreSQL failed by the size of its index row, the others kept it."""
    from journeykit import Contact
    from journeykit.errors import LedgerError

    long = "".join(chr(0x4E00 + number % 5000) for number in range(3_400))
    contact = Contact(id=long, consent={"email": True})
    arbiter = Arbiter(PLAYBOOK)
    with ledger_of(kind, tmp_path) as ledger:
        with pytest.raises(LedgerError, match=r"contact id '.* has 10,200 bytes; a ledger keeps ids of at most 1,000"):
            arbiter.decide(contact, at=AT, ledger=ledger, key="k")
        with pytest.raises(LedgerError, match=r"key '.* has 10,204 bytes"):
            arbiter.decide(Contact(id="anna", consent={"email": True}), at=AT, ledger=ledger, key=long)
        fits = "ж" * 498
        assert arbiter.decide(Contact(id=fits, consent={"email": True}), at=AT, ledger=ledger, key=fits).granted
        contacts = [{"contact_id": name, "consent": "email"} for name in ("boris", long)]
        for engine in ENGINES:
            rows, summary = run(engine, contacts, ledger=ledger, run_id=f"run {engine}")
            assert {row.get("contact_id", row.get("contact")) for row in rows} == {"boris"}
            (fault,) = bad(summary)
            assert fault.startswith("contacts, row 2, field 'contact_id': the contact id '")
            assert fault.endswith("a ledger keeps ids of at most 1,000 bytes; the row is left out")
        with pytest.raises(LedgerError, match=r"run '.* has 10,200 bytes"):
            run("one", contacts, ledger=ledger, run_id=long)


# Streams and disks


def shell(line, folder, **options):
    """Run journeykit by a shell, which can close streams."""
    command = f'exec "{sys.executable}" -m journeykit {line}'
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, capture_output=True, timeout=600, check=False, **options
    )


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "playbook.json").write_text(json.dumps(PLAYBOOK.to_dict()))
    rows = "".join(f"p{number:05d},email\n" for number in range(400))
    (tmp_path / "contacts.csv").write_text(f"contact_id,consent\n{rows}")
    return tmp_path


DECIDE = f"decide playbook.json --contacts contacts.csv --at {AT.isoformat()} --engine one"


def test_a_closed_error_stream_is_no_fault(tables):
    """It ended with a traceback, after the work; or what should go there went to the output."""
    for out in ("d.csv", "d.jsonl", "d.parquet"):
        done = shell(f"{DECIDE} --out {out} 2>&-", tables)
        assert (done.returncode, done.stdout) == (0, b"")
    assert (tables / "d.csv").read_text().startswith("decision_id,")
    assert "note" in (tables / "d.csv").read_text()
    assert shell(f"{DECIDE} --out d.csv 2>/dev/full", tables).returncode == 0
    # A fault keeps its exit code, though nobody hears of it.
    assert shell("decide 2>&-", tables).returncode == 2
    assert shell("check nothing.json 2>&-", tables).returncode == 3
    done = shell(f"{DECIDE} --out - --format csv 2>&-", tables)
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 801)


def test_a_closed_standard_output_fails_where_it_is_needed(tables):
    assert shell(f"{DECIDE} --out d.csv >&-", tables).returncode == 0
    for line in ("check playbook.json >&-", f"{DECIDE} --out - --format csv >&-", f"{DECIDE} --out d.csv --json >&-"):
        done = shell(line, tables)
        assert done.returncode == 1
        assert done.stderr.startswith(b"journeykit: standard output: ")


def test_a_full_disk_names_the_file(tables):
    """Only "No space left on device" was said."""
    for form in ("csv", "jsonl", "parquet"):
        done = shell(f"{DECIDE} --out /dev/full --format {form}", tables)
        assert (done.returncode, done.stderr) == (1, b"journeykit: /dev/full: No space left on device\n")
    done = shell(f"{DECIDE} --out - --format csv >/dev/full", tables)
    assert (done.returncode, done.stderr) == (1, b"journeykit: standard output: No space left on device\n")
    done = shell("check playbook.json >/dev/full", tables)
    assert (done.returncode, done.stderr) == (1, b"journeykit: standard output: No space left on device\n")


def test_a_limit_of_a_file_names_it_and_leaves_nothing(tables):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    for out in ("d.csv", "d.jsonl", "d.parquet"):
        done = shell(f"{DECIDE} --out {out}", tables, preexec_fn=limited)
        assert (done.returncode, done.stderr) == (1, f"journeykit: {out}: File too large\n".encode())
    assert sorted(path.name for path in tables.iterdir()) == ["contacts.csv", "playbook.json"]


def made(kind, values, data=b"abcdef"):
    """An array of three texts or lists whose offsets nobody has looked at."""
    offsets = pa.py_buffer(np.array(values, np.int64 if "large" in str(kind) else np.int32))
    if pa.types.is_list(kind):
        return pa.Array.from_buffers(kind, 3, [None, offsets], children=[pa.array(["a", "b", "c"])])
    return pa.Array.from_buffers(kind, 3, [None, offsets, pa.py_buffer(data)])


OUT_OF_ORDER, FAR, NEGATIVE = [0, 2, 1, 3], [0, 2**30, 3, 3], [0, -5, 3, 3]
BROKEN = {
    "out of order": made(pa.string(), OUT_OF_ORDER),
    "far": made(pa.string(), FAR),
    "negative": made(pa.string(), NEGATIVE),
    "large": made(pa.large_string(), FAR),
    "bytes": made(pa.binary(), OUT_OF_ORDER),
    "lists": made(pa.list_(pa.string()), FAR),
    "codes": pa.DictionaryArray.from_arrays(pa.array([0, 5, 1], pa.int8()), pa.array(["a", "b"]), safe=False),
    "negative codes": pa.DictionaryArray.from_arrays(pa.array([0, -1, 1], pa.int8()), pa.array(["a"]), safe=False),
    "values": pa.DictionaryArray.from_arrays(pa.array([0, 2, 1]), made(pa.string(), FAR), safe=False),
}
SOUND = {
    "contact_id": pa.array(["p", "q", "r"]),
    "sent_at": pa.array([EARLIER] * 3),
    "channel": pa.array(["email"] * 3),
}


@pytest.mark.parametrize("column", ["contact_id", "channel", "sent_at"])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_arrow_arrays_are_refused(name, column):
    """What a foreign library hands over is looked at before it is read."""
    touches = pa.table({**SOUND, column: BROKEN[name]})
    with pytest.raises(DataError, match=f"touches, field '{column}': the Arrow array is broken"):
        run("columns", [{"contact_id": "p"}], touches)


def test_a_broken_column_that_nobody_reads_is_none_of_ours(tmp_path):
    """Of a contact's columns only those that something asks for are looked at; those of a dataset likewise."""
    contacts = pa.table({"contact_id": SOUND["contact_id"], "other": BROKEN["far"]})
    assert len(run("columns", contacts)[0]) == 6
    with pytest.raises(DataError, match="contacts, field 'contact_id'"):
        run("columns", pa.table({"contact_id": BROKEN["codes"]}))
    with pytest.raises(DataError, match="contacts, field 'contact_id'"):
        run("columns", ds.dataset(pa.table({"contact_id": BROKEN["far"]})))


@pytest.mark.parametrize("kind", ["text", "large", "dictionary", "list"])
def test_texts_that_are_not_utf8_are_no_broken_arrays(kind):
    """They are bad cells where they are ids, and slices of arrays are as good as arrays."""
    ids = made(pa.string(), [0, 1, 2, 3], b"a\xffc")
    given = {
        "text": ids,
        "large": made(pa.large_string(), [0, 1, 2, 3], b"a\xffc"),
        "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), ids, safe=False),
        "list": pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), ids),
    }[kind]
    table = pa.table({"contact_id": SOUND["contact_id"] if kind == "list" else given, "segments": given})
    job = TableJob(Arbiter(PLAYBOOK), table.slice(1), at=AT, everything=True)
    assert sum(batch.num_rows for batch in job.batches()) + 2 * job.summary().bad_rows == 4
    assert job.summary().bad_rows == 1
