"""Whatever a table holds, a run ends in an answer or an error, and both engines end in the same."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from attrs import evolve

from journeykit import Arbiter, Campaign, Cap, Content, OnMissing, Playbook, Window
from journeykit.errors import JourneykitError
from journeykit.job import Job
from journeykit.job.inputs import Inputs
from journeykit.job.table_job import TableJob
from journeykit.tables.decision_columns import decision_cells

AT = datetime(2026, 11, 5, 9, tzinfo=UTC)
PLAYBOOK = Playbook(
    content=[Content(id="note", channel="email"), Content(id="call", channel="phone", stages={"early": 1})],
    campaigns=[
        Campaign(id="news", content=["note"], audience="own >= 2 or own == 'x'"),
        Campaign(id="talk", content=["call"], weight=2),
    ],
    caps=[Cap(name="one a day", max=1, window=Window.days(1)), Cap(name="rare", max=2, window=Window.ever())],
    on_missing=OnMissing(consent="allow", stage="allow"),
)


def ended(run):
    """What becomes of a run: its rows and what is counted, or the error."""
    try:
        return run()
    except JourneykitError as error:
        return type(error).__name__, str(error)


def by_row(playbook, tables):
    job = Job(Arbiter(playbook), Inputs(**tables), at=AT)
    rows = [tuple(map(str, decision_cells(row)[2:])) for _, decision in job.decisions() for row in decision.rows]
    return sorted(rows), counted(job.summary())


def by_column(playbook, tables):
    job = TableJob(Arbiter(playbook), **tables, at=AT, everything=True, threads=2)
    batches = list(job.batches())
    rows = [tuple(map(str, list(row.values())[2:])) for batch in batches for row in batch.to_pylist()]
    return len(rows), counted(job.summary())


def counted(summary):
    told = summary.to_dict()
    return told["outcomes"], told["reasons"], summary.bad_rows, summary.unknown_touches, told["mismatches"]


def check(tables, playbook=PLAYBOOK):
    """Both engines end alike."""
    one, two = ended(lambda: by_row(playbook, tables)), ended(lambda: by_column(playbook, tables))
    if isinstance(one[0], list):
        one = len(one[0]), one[1]
    assert two == one
    return two


def column(kind, values):
    return pa.array([values[row % len(values)] for row in range(6)], kind)


def dictionary(kind, values):
    return pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0, 1, 0], pa.int8()), pa.array(values, kind))


WHEN = datetime(2026, 11, 1)
COLUMNS = {
    "binary": column(pa.binary(), [b"x", b"\xff", None]),
    "large binary": column(pa.large_binary(), [b"x", b"\xff", None]),
    "fixed binary": column(pa.binary(2), [b"x1", b"\xff\xff", None]),
    "large string": column(pa.large_string(), ["x", "", None]),
    "decimal": column(pa.decimal128(20, 2), [Decimal("1.50"), Decimal("7.00"), None]),
    "whole decimal": column(pa.decimal128(38, 0), [Decimal(7), Decimal(10**30), None]),
    "wide decimal": column(pa.decimal256(60, 0), [Decimal(7), Decimal(10**50), None]),
    "date": column(pa.date32(), [WHEN.date(), None]),
    "date64": column(pa.date64(), [WHEN.date(), None]),
    "time": column(pa.time32("ms"), [WHEN.time(), None]),
    "time64": column(pa.time64("us"), [WHEN.time(), None]),
    "duration": column(pa.duration("us"), [timedelta(days=2), None]),
    "seconds": column(pa.timestamp("s", "UTC"), [AT, None]),
    "milliseconds": column(pa.timestamp("ms", "Europe/Skopje"), [AT, None]),
    "nanoseconds": column(pa.timestamp("ns", "UTC"), [AT, None]),
    "naive": column(pa.timestamp("us"), [WHEN, None]),
    "list": column(pa.list_(pa.string()), [["x"], [], None]),
    "list of lists": column(pa.list_(pa.list_(pa.int64())), [[[1]], [], None]),
    "struct": column(pa.struct([("x", pa.int64())]), [{"x": 1}, {"x": None}, None]),
    "map": column(pa.map_(pa.string(), pa.int64()), [[("x", 1)], [], None]),
    "nothing": pa.nulls(6),
    "truth": column(pa.bool_(), [True, False, None]),
    "small": column(pa.int8(), [1, -1, None]),
    "large": column(pa.uint64(), [2**64 - 1, 1, None]),
    "half": column(pa.float16(), [1.5, 2.0, None]),
    "float": column(pa.float64(), [float("nan"), 2.0, 1e300, None]),
    "texts by code": dictionary(pa.string(), ["x", "y"]),
    "numbers by code": dictionary(pa.int64(), [7, 8]),
    "bytes by code": dictionary(pa.binary(), [b"x", b"\xff"]),
    "instants by code": dictionary(pa.timestamp("us", "UTC"), [AT, AT]),
    "decimals by code": dictionary(pa.decimal128(10, 1), [Decimal("1.5"), Decimal("2.0")]),
    "nothing by code": dictionary(pa.string(), [None, "y"]),
}
VIEWS = {
    "string view": column(pa.string(), ["x", "a text that is too long for a view", None]).cast(pa.string_view()),
    "binary view": column(pa.binary(), [b"x", b"\xff", None]).cast(pa.binary_view()),
}
IDS = [f"c{row}" for row in range(6)]


def given(part, odd):
    """Tables one of whose columns is odd."""
    contacts = {"contact_id": IDS, "stage": ["early"] * 6, "own": [1, 2, 3, 4, 5, 6]}
    touches = {"contact_id": [*IDS[:5], "nobody"], "sent_at": [AT - timedelta(days=1)] * 6, "channel": ["email"] * 6}
    for name, table in (("contacts", contacts), ("touches", touches)):
        table.update({own: odd for own in table if f"{name}.{own}" in part})
    return {"contacts": pa.table(contacts), "touches": pa.table(touches)}


PARTS = {
    "ids": ("contacts.contact_id", "touches.contact_id"),
    "ids of touches": ("touches.contact_id",),
    "what rules read": ("contacts.own", "contacts.stage"),
    "instants": ("touches.sent_at",),
    "channels": ("touches.channel",),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("odd", COLUMNS)
def test_a_column_of_any_type_is_an_answer_or_an_error(tmp_path, part, odd):
    """Nested, decimal, binary, times and dictionaries of anything; the same from files for both engines."""
    tables = given(PARTS[part], COLUMNS[odd])
    ended(lambda: by_column(PLAYBOOK, tables))
    paths = {}
    try:
        for name, table in tables.items():
            pq.write_table(table, tmp_path / f"{name}.parquet")
            paths[name] = str(tmp_path / f"{name}.parquet")
    except pa.ArrowException:
        pytest.skip("Parquet has no such column")
    check(paths)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("odd", VIEWS)
def test_views_are_read(part, odd):
    """In memory only."""
    as_texts = pa.large_string() if odd == "string view" else pa.large_binary()
    one = ended(lambda: by_column(PLAYBOOK, given(PARTS[part], VIEWS[odd])))
    assert one == ended(lambda: by_column(PLAYBOOK, given(PARTS[part], VIEWS[odd].cast(as_texts))))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("odd", [*COLUMNS, *VIEWS])
def test_a_slice_of_a_column_is_that_column(part, odd):
    """Arrays that begin in the middle of their buffers."""
    whole = (COLUMNS | VIEWS)[odd]
    longer = pa.concat_arrays([whole[3:], whole, whole[:2]]) if not pa.types.is_dictionary(whole.type) else whole
    if longer is whole:
        indices = pa.concat_arrays([whole.indices[3:], whole.indices, whole.indices[:2]])
        longer = pa.DictionaryArray.from_arrays(indices, whole.dictionary)
    one = ended(lambda: by_column(PLAYBOOK, given(PARTS[part], whole)))
    assert one == ended(lambda: by_column(PLAYBOOK, given(PARTS[part], longer[3:9])))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    tables = given((), None)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize("name", ["contacts", "touches"])
@pytest.mark.parametrize("seed", range(15))
def test_a_broken_file_is_an_error(tmp_path, plain, name, seed):
    """Cut off, or with bytes that are others."""
    rng = random.Random(seed)
    data = bytearray((plain / f"{name}.parquet").read_bytes())
    if seed % 3:
        for _ in range(rng.choice([1, 4, 50])):
            data[rng.randrange(len(data))] = rng.randrange(256)
    else:
        del data[rng.randrange(len(data)) :]
    path = tmp_path / "broken.parquet"
    path.write_bytes(bytes(data))
    paths = {own: str(plain / f"{own}.parquet") for own in ("contacts", "touches")} | {name: str(path)}
    one, two = ended(lambda: by_row(PLAYBOOK, paths)), ended(lambda: by_column(PLAYBOOK, paths))
    assert isinstance(one[0], str) == isinstance(two[0], str)


def test_a_damaged_name_in_a_footer_only_costs_a_shortcut(tmp_path):
    """The name that a group of rows gives its column is asked for the ranges of ids alone."""
    path = tmp_path / "contacts.parquet"
    table = pa.table({"contact_id": [f"c{n:04d}" for n in range(300)], "own": list(range(300))})
    pq.write_table(table, path, compression="none", row_group_size=100)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"contact_id", 0, data.rindex(b"own"))] = 0xB8
    path.write_bytes(bytes(data))
    touches = [{"contact_id": "c0001", "campaign_id": "news", "channel": "email", "sent_at": AT - timedelta(hours=1)}]
    assert check({"contacts": str(path), "touches": touches})[0] == 600


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_tables_without_rows_or_columns(tmp_path, ending):
    """No contacts are no decisions; no columns are an error that says so."""
    contacts, touches = tmp_path / f"contacts.{ending}", tmp_path / f"touches.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table({"contact_id": pa.array([], pa.string())}), contacts)
        pq.write_table(pa.table({}), touches)
    else:
        contacts.write_text("contact_id\n" if ending == "csv" else "")
        touches.write_text("")
    assert check({"contacts": str(contacts)})[0] == 0
    check({"contacts": str(contacts), "touches": str(touches)})
    check({"contacts": str(touches)})
    if ending == "csv":
        touches.write_text("contact_id,sent_at,channel\n")
        check({"contacts": str(contacts), "touches": str(touches)})


def test_ids_of_ten_thousand_bytes(tmp_path):
    """Told apart by their last byte."""
    ids = ["ü" * 5_000 + end for end in "abc"]
    path, touches = tmp_path / "contacts.parquet", tmp_path / "touches.parquet"
    pq.write_table(pa.table({"contact_id": ids}), path)
    pq.write_table(pa.table({"contact_id": [ids[1]], "sent_at": [AT], "channel": ["email"]}), touches)
    rows, found = check({"contacts": str(path), "touches": str(touches)})
    assert rows == 6
    assert found[0]["deferred"] + found[0].get("denied", 0) == 4


def test_two_hundred_thousand_touches_of_one_contact():
    """Sorted once, and counted."""
    tables = {
        "contacts": [{"contact_id": "a"}, {"contact_id": "b"}],
        "touches": pa.table(
            {
                "contact_id": ["a"] * 200_000,
                "sent_at": pa.array(
                    [AT - timedelta(seconds=9 * row) for row in range(200_000)], pa.timestamp("us", "UTC")
                ),
                "channel": ["email"] * 200_000,
            }
        ),
    }
    rows, found = by_column(PLAYBOOK, tables)
    assert rows == 4
    assert found[1]["capped"] == 1


def test_five_thousand_claims_of_one_contact():
    """One of them goes out."""
    claims = [
        {"contact_id": "a", "campaign_id": f"c{row}", "content_id": f"m{row}", "channel": "email", "weight": row + 1.0}
        for row in range(5_000)
    ]
    playbook = Playbook(caps=[Cap(name="one", max=1, window=Window.days(1))], on_missing=OnMissing(consent="allow"))
    tables = {"contacts": [{"contact_id": "a"}], "claims": claims}
    rows, found = by_column(playbook, tables)
    assert rows == 5_000
    assert found[0]["granted"] == 1


def test_ten_thousand_campaigns_and_a_thousand_caps():
    """Each contact gets one message of those."""
    campaigns = [Campaign(id=f"c{row:05d}", content=["note"], weight=row + 1) for row in range(10_000)]
    playbook = evolve(PLAYBOOK, campaigns=campaigns)
    tables = {"contacts": pa.table({"contact_id": ["a", "b"]})}
    assert by_column(playbook, tables)[1][0]["granted"] == 2
    caps = [Cap(name=f"cap {row}", max=1 + row % 3, window=Window.days(1 + row)) for row in range(1_000)]
    check({"contacts": [{"contact_id": "a", "own": 2}]}, evolve(PLAYBOOK, caps=caps))
