"""Grouped tables: whole contacts, or accounts, in slices; each row once, whatever the batches and partitions."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pyarrow as pa
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from journeykit.errors import DataError, ModelError
from journeykit.spark.bucket_labels import bucket_labels, partition_of
from journeykit.spark.bucketing import AccountBucketing, Bucketing
from journeykit.spark.grouped_tables import shuffle_partitions
from journeykit.spark.row_order import in_order
from journeykit.spark.slice_reader import SliceReader

CONTACTS = pa.schema([("contact_id", pa.string()), ("account_id", pa.string()), ("score", pa.int64())])
TOUCHES = pa.schema([("contact_id", pa.int64()), ("sent_at", pa.timestamp("us", "UTC")), ("channel", pa.string())])
SCHEMAS = {"contacts": CONTACTS, "touches": TOUCHES}
READER = SliceReader(SCHEMAS, {name: tuple(schema.names) for name, schema in SCHEMAS.items()}, least=1)
IDS = st.integers(1, 9)
CONTACT = st.fixed_dictionaries(
    {
        "contact_id": st.none() | IDS.map(str),
        "account_id": st.sampled_from([None, "", "acme", "bolt"]),
        "score": st.integers(0, 3),
    }
)
TOUCH = st.fixed_dictionaries(
    {
        "contact_id": st.none() | IDS,
        "sent_at": st.just(None),
        "channel": st.sampled_from(["email", "sms"]),
    }
)


def batches(rows, schema, size):
    """A table in batches of so many rows."""
    return pa.Table.from_pylist(rows, schema).to_batches(max_chunksize=size)


def sorted_buckets(found):
    """Buckets as Spark gives them: sorted by their labels, in batches of three."""
    table = pa.Table.from_batches(found).sort_by("bucket") if found else pa.table({})
    return table.to_batches(max_chunksize=3)


def slices(contacts, touches, buckets, size, accounts=False):
    """The slices that come of two tables."""
    labels = range(buckets)
    found = [*Bucketing(0, labels, CONTACTS.names)(batches(contacts, CONTACTS, size))]
    found += Bucketing(1, labels, TOUCHES.names)(batches(touches, TOUCHES, size))
    if accounts:
        found = [*AccountBucketing(READER, labels)(sorted_buckets(found))]
    return [*pickle.loads(pickle.dumps(READER))(sorted_buckets(found))]


def counted(rows):
    """How often each row comes."""
    return Counter(tuple(sorted(row.items())) for row in rows)


@given(
    st.lists(CONTACT, max_size=30), st.lists(TOUCH, max_size=30), st.integers(1, 5), st.integers(1, 9), st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_each_row_arrives_once_and_a_contact_in_one_slice(contacts, touches, buckets, size, accounts):
    """Numbers and texts of one id meet; rows without an id arrive too."""
    found = slices(contacts, touches, buckets, size, accounts)
    for name, rows in (("contacts", contacts), ("touches", touches)):
        assert counted(row for tables in found for row in tables[name].to_pylist()) == counted(rows)
    homes: dict[str, set[int]] = {}
    accounts_of: dict[str, set[int]] = {}
    for number, tables in enumerate(found):
        first: dict[str, str] = {}
        for row in tables["contacts"].to_pylist():
            if row["contact_id"] is not None:
                homes.setdefault(row["contact_id"], set()).add(number)
                first.setdefault(row["contact_id"], row["account_id"])
        for account in filter(None, first.values()):
            accounts_of.setdefault(account, set()).add(number)
        for row in tables["touches"].to_pylist():
            if row["contact_id"] is not None:
                homes.setdefault(str(row["contact_id"]), set()).add(number)
    assert all(len(own) == 1 for own in homes.values())
    assert not accounts or all(len(own) == 1 for own in accounts_of.values())


@given(st.lists(CONTACT, min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_rows_of_a_contact_are_in_one_order_however_they_come(contacts, chance):
    """By the columns that are named first, then by all."""
    shuffled = chance.sample(contacts, len(contacts))
    one, two = (in_order(pa.Table.from_pylist(rows, CONTACTS), [("Score", True)]) for rows in (contacts, shuffled))
    assert one.equals(two)
    scores: dict[str, list[int]] = {}
    for row in one.to_pylist():
        scores.setdefault(row["contact_id"], []).append(row["score"])
    assert all(own == sorted(own, reverse=True) for name, own in scores.items() if name is not None)


def test_lists_in_rows_of_one_contact_are_put_in_order_as_they_are_written():
    """What has no order of its own has one here."""
    schema = pa.schema([("contact_id", pa.string()), ("segments", pa.list_(pa.string()))])
    rows = [{"contact_id": "a", "segments": own} for own in (["y"], None, ["x", "z"])]
    found = in_order(pa.Table.from_pylist(rows, schema))
    assert found["segments"].to_pylist() == [None, ["x", "z"], ["y"]]


def test_cells_of_any_type_put_rows_in_order():
    """Truths, dates, decimals, bytes, floats, structures and columns without a cell."""
    cells = {
        "truth": pa.array([True, False, None]),
        "day": pa.array([date(2026, 11, 5), None, date(2026, 11, 4)]),
        "price": pa.array([Decimal("1.50"), Decimal("-2.00"), None]),
        "bytes": pa.array([b"\xff\x00", b"a", None]),
        "share": pa.array([math.nan, 1.5, None]),
        "nothing": pa.nulls(3),
        "parts": pa.array([{"a": 1}, {"a": 0}, None]),
        "at": pa.array([None, 2, 1], pa.timestamp("us", "Europe/Skopje")),
    }
    for name, column in cells.items():
        for key in ("a", None):
            table = pa.table({"contact_id": pa.array([key] * 3, pa.string()), name: column})
            one, two = in_order(table), in_order(table.take([2, 0, 1]))
            assert sorted(map(repr, one[name].to_pylist())) == sorted(map(repr, column.to_pylist()))
            assert repr(one.to_pylist()) == repr(two.to_pylist())


def test_rows_without_an_id_are_spread():
    """A thousand rows without an id are not all in one bucket."""
    rows = [{"contact_id": None, "account_id": None, "score": number} for number in range(1000)]
    sizes = [tables["contacts"].num_rows for tables in slices(rows, [], 4, 100)]
    assert len(sizes) == 4
    assert min(sizes) > 150


def test_rows_without_an_id_may_say_what_is_no_text():
    """Bytes, lists and words of another encoding do not stop what spreads them; bytes spread them too."""
    rows = [
        {"contact_id": own, "photo": bytes([255, number]), "tags": ["x"]} for number in range(60) for own in (None,)
    ]
    schema = pa.schema([("contact_id", pa.binary()), ("photo", pa.binary()), ("tags", pa.list_(pa.string()))])
    table = pa.Table.from_pylist([*rows, {"contact_id": b"\xff", "photo": b"", "tags": None}], schema)
    found = [*Bucketing(0, range(4), schema.names)(table.to_batches())]
    assert sum(batch.num_rows for batch in found) == 4
    streams = [pa.ipc.open_stream(own.as_py()).read_all() for batch in found for own in batch["rows"]]
    assert sum(own.num_rows for own in streams) == len(table)


@given(st.permutations(range(8)), st.booleans())
@settings(max_examples=20, deadline=None)
def test_events_with_one_id_are_in_one_order_however_they_come(places, by_number):
    """The first of them counts: by the columns that are named first, then the earliest, then by their cells."""
    schema = pa.schema([("contact_id", pa.string()), ("event_id", pa.string()), ("at", pa.int64()), ("nr", pa.int64())])
    rows = [
        {"contact_id": "a", "event_id": "one" if number < 6 else None, "at": -number // 2, "nr": number}
        for number in range(8)
    ]
    reader = SliceReader({"events": schema}, {"events": tuple(schema.names)}, (("NR", False),) if by_number else ())
    table = pa.Table.from_pylist([rows[place] for place in places], schema)
    (found,) = reader(Bucketing(0, [0], schema.names)(table.to_batches(max_chunksize=3)))
    numbers = [row["nr"] for row in found["events"].to_pylist()]
    assert [own for own in numbers if own < 6] == ([0, 1, 2, 3, 4, 5] if by_number else [5, 3, 4, 1, 2, 0])
    assert sorted(numbers) == [*range(8)]


def test_an_account_of_very_many_contacts_is_one_slice_and_the_others_stay_small():
    """A bucket is no smaller than its largest account; no other is larger for it."""
    contacts = [{"contact_id": str(n), "account_id": "acme" if n % 2 else None, "score": 0} for n in range(20_000)]
    touches = [{"contact_id": n, "sent_at": None, "channel": "email"} for n in range(20_000)]
    found = slices(contacts, touches, 8, 5_000, accounts=True)
    sizes = sorted(tables["contacts"].num_rows for tables in found)
    assert len(sizes) == 8
    assert sum(sizes) == 20_000
    assert sizes[-1] > 10_000
    assert sizes[-2] < 2_000
    assert all(tables["contacts"].num_rows == tables["touches"].num_rows for tables in found)


def test_small_buckets_make_one_slice():
    """Slices are as large as is worth a job."""
    found = [
        *Bucketing(0, range(8), CONTACTS.names)(batches([{"contact_id": str(n)} for n in range(100)], CONTACTS, 100))
    ]
    assert len([*evolve(READER, least=2**20)(sorted_buckets(found))]) == 1
    assert len([*READER(sorted_buckets(found))]) == 8


def test_a_platform_may_leave_the_number_of_partitions_to_itself():
    """Where it says auto, there are as many buckets as Spark would have by default."""
    for said, wanted in (("auto", 200), ("7", 7), ("0", 1), (None, 200)):
        assert shuffle_partitions(SimpleNamespace(conf={"spark.sql.shuffle.partitions": said})) == wanted


def test_labels_fill_each_partition():
    """Each partition gets one label."""
    for partitions in (1, 2, 7, 200):
        assert [partition_of(label, partitions) for label in bucket_labels(partitions)] == [*range(partitions)]


def test_a_table_of_spark_comes_in_slices(spark):
    """Columns that are not wanted are empty; buckets are one to a partition; names may have dots."""
    from journeykit.spark.grouped_tables import GroupedTables

    contacts = spark.range(1000).selectExpr("id as Contact_ID", "id * 2 as `a.b`", "id as other")
    touches = spark.range(3000).selectExpr("string(id % 1000) as contact_id", "timestamp '2026-11-01' as sent_at")
    wanted = lambda table, column: column not in ("other", "months")  # noqa: E731
    tables = {"contacts": contacts, "touches": touches}
    grouped = GroupedTables(tables, wanted=wanted, partitions=3, order_by="a.b desc")
    assert grouped.empty["contacts"].schema == pa.schema([(n, pa.int64()) for n in ("Contact_ID", "a.b", "other")])
    found = grouped.frame.mapInArrow(SliceSizes(grouped.slices), "contacts long, touches long, twice long, none long")
    rows = [tuple(row) for row in found.collect()]
    assert len(rows) == 3
    assert [sum(column) for column in zip(*rows, strict=True)] == [1000, 3000, 999_000, 0]
    assert min(rows)[0] > 200
    assert all(3 * one == two for one, two, *_ in rows)
    with pytest.raises(DataError, match="'contact_id' is missing"):
        GroupedTables({"contacts": contacts.drop("Contact_ID")})
    with pytest.raises(DataError, match="'upated' is missing"):
        GroupedTables({"contacts": contacts}, order_by=["upated desc"])
    months = contacts.selectExpr("*", "make_ym_interval(1) as months")
    assert GroupedTables({"contacts": months}, wanted=wanted).empty["contacts"].schema.names[-1] == "months"
    with pytest.raises(DataError, match="the column 'months' is of the type interval"):
        GroupedTables({"contacts": months})
    with pytest.raises(ModelError, match="from 1 on"):
        GroupedTables({"contacts": contacts}, partitions=0)


class SliceSizes:
    """How large slices are."""

    def __init__(self, slices):
        self.slices = slices

    def __call__(self, batches):
        """A row for each slice."""
        for tables in self.slices(batches):
            contacts, touches = tables["contacts"], tables["touches"]
            twice = sum(contacts["a.b"].to_pylist())
            filled = len(contacts) - contacts["other"].null_count
            yield pa.RecordBatch.from_pylist(
                [{"contacts": len(contacts), "touches": len(touches), "twice": twice, "none": filled}]
            )
