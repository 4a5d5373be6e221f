"""Places that a command line names: what Spark reads there, and how it writes decisions."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from journeykit import Arbiter, DataError, LedgerError, ModelError, Playbook
from journeykit.spark.spark_errors import error_behind
from journeykit.spark.table_place import TablePlace
from journeykit.tables.decision_columns import DECISIONS
from journeykit.tables.partitioning import Partitioning

AT = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)
PLAYBOOK = {
    "timezone": "Europe/Skopje",
    "content": [{"id": "outlook", "channel": "email"}, {"id": "news", "channel": "email"}],
    "campaigns": [
        {"id": "nurture", "content": ["outlook"], "weight": 1, "tags": ["a", "b; c"]},
        {"id": "launch", "content": ["news"], "weight": 8},
    ],
    "caps": [{"name": "one a day", "max": 1, "window": {"calendar": "day"}}],
}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://bucket/contacts", TablePlace("s3://bucket/contacts")),
        ("s3://bucket/v1.2/contacts/", TablePlace("s3://bucket/v1.2/contacts/")),
        ("contacts.CSV.gz", TablePlace("contacts.CSV.gz", "csv")),
        ("events.ndjson", TablePlace("events.ndjson", "json")),
        ("abfss://lake/contacts.parquet/", TablePlace("abfss://lake/contacts.parquet/", "parquet")),
        ("delta:s3://bucket/contacts", TablePlace("s3://bucket/contacts", "delta")),
        ("table:shop.contacts", TablePlace("shop.contacts", "table")),
    ],
)
def test_a_place_says_its_format(text, place):
    """By its ending, or before a colon; else it is what Spark reads by default."""
    assert TablePlace.of(text) == place


@pytest.mark.parametrize("text", ["-", "", "csv:"])
def test_executors_cannot_read_standard_input(text):
    """A place is one that all executors reach."""
    with pytest.raises(ModelError, match="is no place that executors reach"):
        TablePlace.of(text)


def test_an_output_is_apart_from_what_is_read():
    """Neither may lie in the other; tables of the catalogue are told by their names."""
    contacts = TablePlace.of("s3://bucket/contacts/")
    assert TablePlace.of("s3://bucket/contacts").harms(contacts)
    assert TablePlace.of("s3://bucket/contacts/out").harms(contacts)
    assert TablePlace.of("s3://bucket").harms(contacts)
    assert not TablePlace.of("s3://bucket/contacts2").harms(contacts)
    assert not TablePlace.of("table:shop.contacts").harms(TablePlace.of("table:shop.decisions"))


def test_csv_is_read_as_text_as_the_local_reader_reads_it(spark, tmp_path):
    """Quotes are doubled, cells have line breaks, an empty cell is none; a row with too many cells ends the run."""
    (tmp_path / "contacts.csv").write_text('contact_id,a `b`,c\n007,"say ""hi""\nthere",\n8,"",é\n', "utf-8")
    found = TablePlace.of(str(tmp_path / "contacts.csv")).read(spark)
    assert [tuple(row) for row in found.collect()] == [("007", 'say "hi"\nthere', None), ("8", None, "é")]
    assert found.columns == ["contact_id", "a `b`", "c"]
    (tmp_path / "ragged.csv").write_text("contact_id,a\n1,2,3\n", "utf-8")
    with pytest.raises(Exception, match="MALFORMED") as told:
        TablePlace.of(str(tmp_path / "ragged.csv")).read(spark).collect()
    assert isinstance(error_behind(told.value), DataError)


def test_what_cannot_be_read_is_said_with_its_place(spark, tmp_path):
    """A folder that is not there, a table that is none, and a format that this Spark lacks."""
    for text, words in [
        (f"{tmp_path}/nothing.parquet", "PATH_NOT_FOUND"),
        ("table:shop.nothing", "TABLE_OR_VIEW_NOT_FOUND"),
        (f"delta:{tmp_path}", "DATA_SOURCE_NOT_FOUND"),
    ]:
        with pytest.raises(DataError, match=rf"the table cannot be read: .*{words}") as told:
            TablePlace.of(text).read(spark)
        assert told.value.source == TablePlace.of(text).path


def test_an_error_of_a_worker_comes_back_as_what_it_was():
    """Of a trace that Spark gives as text; of a ledger's error the kind too, which says whether another try helps."""
    locked = LedgerError("another job holds it", kind="locked")
    said = "".join(traceback.format_exception(locked))
    found = error_behind(RuntimeError(f"Job aborted\n{said} SQLSTATE: 38000\n\tat org.apache.spark.X"))
    assert (type(found), str(found), found.kind) == (LedgerError, "another job holds it", "locked")


@pytest.fixture(scope="module")
def decisions(spark):
    """Decisions as the local engine makes them, plain and on Spark."""
    contacts = [{"contact_id": name, "consent": "email"} for name in ("anna", "ben")]
    table = Arbiter(Playbook.from_dict(PLAYBOOK)).decide_table(contacts, at=AT, everything=True)
    plain = pa.table({name: table[name].cast(kind) for name, kind in _plain(table.schema)})
    return plain, spark.createDataFrame(plain)


def _plain(schema):
    return [
        (own.name, getattr(own.type, "value_type", own.type) if pa.types.is_dictionary(own.type) else own.type)
        for own in schema
    ]


def test_csv_of_decisions_is_read_as_that_of_a_local_run(spark, decisions, tmp_path):
    """Lists are one text, instants are in UTC."""
    table, frame = decisions
    TablePlace.of(f"csv:{tmp_path}/out").write(frame, partitioning=None, columns=DECISIONS, overwrite=False)
    found = TablePlace.of(f"csv:{tmp_path}/out").read(spark)
    rows = {row["decision_id"]: row for row in found.collect()}
    assert found.columns == list(DECISIONS)
    sent = {row["send_at"] for row in rows.values()} - {None}
    assert sent == {"2026-11-05T23:30:00.000000Z"}
    assert {row["tags"] for row in rows.values()} == {None, '["a","b; c"]'}
    assert {row["lost_to"] for row in rows.values()} == {None, "launch"}
    assert set(rows) == set(table["decision_id"].to_pylist())


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_days_of_folders_are_those_of_the_playbook(spark, decisions, tmp_path, zone):
    """A row lies in the folder of the local day on which it goes out or could go, whatever the zone of the session."""
    _, frame = decisions
    by_day = Partitioning.of("day", "Europe/Skopje")
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        TablePlace.of(f"{tmp_path}/out").write(
            frame, partitioning=by_day, columns=["contact_id", "send_at"], overwrite=False
        )
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
    found = ds.dataset(tmp_path / "out", partitioning="hive").to_table()
    assert {str(day) for day in found["day"].to_pylist()} == {"2026-11-06", "2026-11-07"}
    assert found.column_names == ["contact_id", "send_at", "day"]
