"""Ids as people have them: whole numbers of any kind and UUIDs, spelled alike in all tables and engines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from journeykit import Arbiter, Playbook
from journeykit.job import Inputs, Job, TableJob
from journeykit.tables.cells import BadCellError, read_id
from journeykit.tables.rewrite import write_again

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = Playbook.from_dict(
    {
        "version": 1,
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": "7", "content": ["note"]}],
        "caps": [{"name": "one ever", "max": 1, "window": "ever"}],
        "on_missing": {"consent": "allow"},
    }
)
LARGE = 2**53 + 1
LARGEST = 12345678901234567890123
ONE, TWO = UUID(int=0x1234567812345678123456781234567A), UUID(int=5)


def whole(*numbers: int) -> pa.Array:
    return pa.array([Decimal(number) for number in numbers], pa.decimal128(38, 0))


def uuids(*ids: UUID) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array([own.bytes for own in ids], pa.binary(16)))


SMALL = {
    "text": pa.array(["101", "102"]),
    "whole numbers": pa.array([101, 102]),
    "unsigned": pa.array([101, 102], pa.uint8()),
    "floats": pa.array([101.0, 102.0]),
    "short floats": pa.array([101.0, 102.0], pa.float32()),
    "decimals": whole(101, 102),
    "decimals with a scale": whole(101, 102).cast(pa.decimal128(38, 9)),
    "wide decimals": pa.array([Decimal(101), Decimal(102)], pa.decimal256(76, 0)),
    "coded whole numbers": pa.array([101, 102]).dictionary_encode(),
    "coded floats": pa.array([101.0, 102.0]).dictionary_encode(),
    "coded decimals": whole(101, 102).dictionary_encode(),
    "rows of numbers": [{"contact_id": 101}, {"contact_id": 102.0}],
    "rows of decimals": [{"contact_id": Decimal(101)}, {"contact_id": Decimal("102.00")}],
    "mixed objects": pd.DataFrame({"contact_id": pd.Series([101.0, 102], dtype="object")}),
    "mixed objects with a decimal": pd.DataFrame({"contact_id": pd.Series([101.0, Decimal(102)], dtype="object")}),
}
GREAT = {
    "text": pa.array([str(LARGE), str(LARGEST)]),
    "decimals": whole(LARGE, LARGEST),
    "coded decimals": whole(LARGE, LARGEST).dictionary_encode(),
    "rows of numbers": [{"contact_id": LARGE}, {"contact_id": LARGEST}],
    "rows of decimals": [{"contact_id": Decimal(LARGE)}, {"contact_id": Decimal(LARGEST)}],
}
UNIQUE = {
    "text": pa.array([str(ONE), str(TWO)]),
    "Arrow's own": uuids(ONE, TWO),
    "rows": [{"contact_id": ONE}, {"contact_id": TWO}],
    "objects": pd.DataFrame({"contact_id": [ONE, TWO]}),
}


def with_columns(kind, **columns):
    """A table of two contacts with further columns."""
    if isinstance(kind, list):
        return [row | {name: values[at] for name, values in columns.items()} for at, row in enumerate(kind)]
    if isinstance(kind, pd.DataFrame):
        return kind.assign(**columns)
    return pa.table({"contact_id": kind, **columns})


def as_rows(table):
    """The same for the row engine, which reads no dataframes."""
    if isinstance(table, pd.DataFrame):
        return table.to_dict("records")
    return table.to_pylist() if isinstance(table, pa.Table) else table


def outcomes_of(rows) -> list[tuple]:
    return [(row["contact_id"], row["outcome"], row["rule"]) for row in rows]


def decide_both(contacts, touches, claims=None, scores=None):
    """By contact, what both engines decide, which must be one."""
    job = Job(
        Arbiter(PLAYBOOK),
        Inputs(contacts=contacts[0], touches=touches[0], claims=claims and claims[0], scores=scores and scores[0]),
        at=AT,
    )
    one = [(row.contact, row.outcome, row.rule) for _, decision in job.decisions() for row in decision.rows]
    other = TableJob(
        Arbiter(PLAYBOOK),
        contacts[1],
        touches[1],
        None if scores is None else scores[1],
        None if claims is None else claims[1],
        at=AT,
        everything=True,
    )
    table = pa.Table.from_batches(list(other.batches()))
    two = [(str(row["contact_id"]), row["outcome"], row["rule"]) for row in table.to_pylist()]
    assert two == one
    for summary in (job.summary(), other.summary()):
        assert summary.bad_rows == 0, summary
        assert (summary.unknown_touches, summary.unknown_scores) == (0, 0)
    return one


@pytest.mark.parametrize(
    ("kinds", "ids"),
    [(SMALL, ("101", "102")), (GREAT, (str(LARGE), str(LARGEST))), (UNIQUE, (str(ONE), str(TWO)))],
    ids=["small", "large", "uuid"],
)
def test_ids_of_any_kind_are_one_in_all_tables(kinds, ids):
    """Each kind as contacts, with touches, claims and scores of each of the others: nobody is taken for another."""
    names = list(kinds)
    wanted = [(ids[0], "denied", "one ever"), (ids[1], "denied", "one ever")]
    for place, name in enumerate(names):
        other, third = kinds[names[place - 1]], kinds[names[place - 2]]
        tables = [
            with_columns(kinds[name], x=[1, 2]),
            with_columns(other, sent_at=[AT, AT], channel=["email", "email"], campaign_id=["x", "x"]),
            with_columns(third, campaign_id=[7.0, 7.0], weight=[1.0, 2.0]),
            with_columns(other, campaign_id=[7, 7], value=[1.0, 2.0]),
        ]
        pairs = [(as_rows(table), table) for table in tables]
        assert decide_both(pairs[0], pairs[1]) == wanted, name
        assert decide_both(pairs[0], pairs[1], pairs[2]) == wanted, name
        assert decide_both(pairs[0], pairs[1], None, pairs[3]) == wanted, name
        # Contacts that are taken from the claims.
        assert decide_both((None, None), pairs[1], pairs[2]) == wanted, name


@pytest.mark.parametrize("kinds", [SMALL, GREAT, UNIQUE], ids=["small", "large", "uuid"])
def test_parquet_keeps_ids(tmp_path, kinds):
    """As files too, whatever the version of Arrow makes of UUIDs; and the id of an account, likewise."""
    ids = kinds["text"].to_pylist()
    for name, kind in kinds.items():
        if not isinstance(kind, pa.Array):
            continue
        path = str(tmp_path / f"{name}.parquet".replace(" ", "-"))
        pq.write_table(pa.table({"contact_id": kind, "account_id": kind}), path)
        touches = [{"contact_id": own, "sent_at": AT, "channel": "email"} for own in ids]
        found = decide_both((path, path), (touches, touches))
        assert [own for own, _, _ in found] == ids, name
        out = str(tmp_path / "out.parquet")
        TableJob(Arbiter(PLAYBOOK), path, at=AT, everything=True).write(out)
        assert pq.read_table(out)["account_id"].to_pylist() == ids, name
        again = str(tmp_path / "again.parquet")
        write_again(path, again, ["stage"], {key: {"stage": "late"} for key in ids})
        assert pq.read_table(again)["stage"].to_pylist() == ["late", "late"], name


def test_sixteen_bytes_that_parquet_calls_a_uuid_are_one(tmp_path):
    """Other writers store no type of Arrow: then the file's own type says what the bytes are."""
    path = str(tmp_path / "contacts.parquet")
    rows = f"VALUES ('{ONE}'::UUID), ('{TWO}'::UUID)"
    duckdb.execute(f"COPY (SELECT * FROM ({rows}) AS rows(contact_id)) TO '{path}' (FORMAT parquet)")
    assert pq.ParquetFile(path).metadata.schema.column(0).logical_type.type == "UUID"
    found = decide_both((path, path), ([], []))
    assert [own for own, _, _ in found] == [str(ONE), str(TWO)]


def test_json_lines_keep_ids(tmp_path):
    """Whole floats are what some writers make of whole numbers beside empty cells."""
    path = tmp_path / "contacts.jsonl"
    path.write_text("".join(json.dumps({"contact_id": own}) + "\n" for own in (101.0, 102, "103", LARGEST)))
    found = decide_both((str(path), str(path)), ([], []))
    assert [own for own, _, _ in found] == ["101", "102", "103", str(LARGEST)]
    again = tmp_path / "again.jsonl"
    write_again(str(path), str(again), ["stage"], {"101": {"stage": "late"}})
    assert json.loads(again.read_text().splitlines()[0]) == {"contact_id": 101.0, "stage": "late"}


def test_a_whole_number_and_its_float_are_one_contact():
    """The second of two rows is a double, whatever kind it is of."""
    rows = [{"contact_id": own} for own in (101, 101.0, Decimal(101), "101", -0.0, 0)]
    for job in (
        Job(Arbiter(PLAYBOOK), Inputs(contacts=rows), at=AT),
        TableJob(Arbiter(PLAYBOOK), rows, at=AT),
    ):
        list(job.decisions() if isinstance(job, Job) else job.batches())
        assert [(bad.row, bad.allowed) for bad in job.summary().bad_first] == [
            (row, "one row for each contact") for row in (2, 3, 4, 6)
        ]


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float(2**53),
        1e300,
        float("inf"),
        Decimal("1.5"),
        Decimal("Infinity"),
        Decimal("1e999999"),
        True,
        b"\0" * 16,
    ],
)
def test_what_may_have_lost_digits_is_no_id(value):
    """A float from 2**53 on may stand for several whole numbers: two people would be one."""
    with pytest.raises(BadCellError) as error:
        read_id(value)
    assert error.value.allowed == "an id: text, a whole number (as a float only below 2**53) or a UUID"
    for job in (
        Job(Arbiter(PLAYBOOK), Inputs(contacts=[{"contact_id": value}, {"contact_id": "a"}]), at=AT),
        TableJob(Arbiter(PLAYBOOK), [{"contact_id": value}, {"contact_id": "a"}], at=AT),
    ):
        list(job.decisions() if isinstance(job, Job) else job.batches())
        assert [bad.row for bad in job.summary().bad_first] == [1]
