"""The tables that a job reads: datasets as they are, and files that change while they are read."""

from __future__ import annotations

import csv
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from journeykit import Arbiter, DataError, Playbook
from journeykit.cli import main
from journeykit.job import Inputs, Job, TableJob, table_reader
from journeykit.job.table_reader import TableReader
from journeykit.tables.arrow.open_arrow import open_source
from journeykit.tables.arrow.parquet_files import ParquetFiles

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)
PLAYBOOK = Playbook.from_dict(
    {
        "content": [{"id": "note", "channel": "email"}],
        "campaigns": [{"id": "launch", "content": ["note"], "weight": 2}],
        "caps": [{"name": "one", "max": 1, "window": {"days": 30}}],
    }
)
PER_ACCOUNT = Playbook.from_dict(
    PLAYBOOK.to_dict() | {"caps": [{"name": "one", "max": 1, "window": {"rolling": "30d"}, "per": "account"}]}
)
CONTACTS = {
    "contact_id": ["anna", "boris", "cveta", "dimi"],
    "country": ["MK", "DE", "MK", "DE"],
    "consent_email": [True] * 4,
}


def granted(table) -> list[str]:
    return [row["contact_id"] for row in table.to_pylist() if row["outcome"] == "granted"]


def decide(contacts, touches=None, **options) -> list[str]:
    return granted(Arbiter(PLAYBOOK).decide_table(contacts, touches, at=AT, **options))


@pytest.fixture
def folder(tmp_path):
    """Contacts in two files of a folder."""
    where = tmp_path / "contacts"
    where.mkdir()
    table = pa.table(CONTACTS)
    pq.write_table(table.slice(0, 2), where / "a.parquet")
    pq.write_table(table.slice(2), where / "b.parquet")
    return where


# Datasets


def test_a_plain_dataset_is_read_as_its_files(folder):
    dataset = ds.dataset(folder)
    assert isinstance(open_source(dataset, "contacts"), ParquetFiles)
    assert decide(dataset) == CONTACTS["contact_id"]


def test_the_filter_of_a_dataset_of_contacts_holds(folder):
    """Decided all four before."""
    assert decide(ds.dataset(folder).filter(ds.field("country") == "MK")) == ["anna", "cveta"]


def test_the_filters_of_parts_put_together_hold(folder):
    dataset = ds.dataset(folder)
    assert len(dataset.files) == 2
    both = ds.dataset([ds.dataset(folder / "b.parquet"), ds.dataset(folder / "a.parquet")])
    assert decide(both) == ["cveta", "dimi", "anna", "boris"]
    assert decide(both.filter(ds.field("country") == "MK")) == ["cveta", "anna"]


def test_the_filter_of_a_dataset_of_touches_holds(folder, tmp_path):
    path = tmp_path / "touches.parquet"
    pq.write_table(
        pa.table(
            {
                "contact_id": ["anna", "boris"],
                "sent_at": [AT - timedelta(days=1)] * 2,
                "channel": ["email"] * 2,
                "tenant": ["ours", "theirs"],
            }
        ),
        path,
    )
    touches = ds.dataset(path)
    assert decide(str(folder), touches) == ["cveta", "dimi"]
    assert decide(str(folder), touches.filter(ds.field("tenant") == "ours")) == ["boris", "cveta", "dimi"]


def test_the_filters_of_scores_and_claims_hold(tmp_path):
    path = tmp_path / "claims.parquet"
    rows = {"contact_id": ["anna", "boris"], "campaign_id": ["launch"] * 2, "weight": [1.0, 2.0]}
    pq.write_table(pa.table(rows), path)
    claims = ds.dataset(path).filter(ds.field("weight") > 1)
    assert granted(Arbiter(PLAYBOOK).decide_table(pa.table(CONTACTS), claims=claims, at=AT)) == ["boris"]
    path = tmp_path / "scores.parquet"
    pq.write_table(pa.table({**rows, "propensity": [0.5, 0.25], "value": [4.0, 4.0]}), path)
    weights = {}
    for name, scores in (("all", ds.dataset(path)), ("some", ds.dataset(path).filter(ds.field("value") < 4))):
        table = Arbiter(PLAYBOOK).decide_table(pa.table(CONTACTS), scores=scores, at=AT)
        weights[name] = [row["weight"] for row in table.to_pylist()]
    assert weights["all"][0] != weights["some"][0] == weights["some"][2]


def test_columns_that_only_the_folders_name_are_columns(tmp_path):
    for country, name in (("MK", "anna"), ("DE", "boris")):
        where = tmp_path / f"country={country}"
        where.mkdir()
        pq.write_table(pa.table({"contact_id": [name], "consent_email": [True]}), where / "part.parquet")
    playbook = Playbook.from_dict(
        PLAYBOOK.to_dict() | {"campaigns": [{"id": "launch", "content": ["note"], "audience": "country == 'MK'"}]}
    )
    found = Arbiter(playbook).decide_table(ds.dataset(tmp_path, partitioning="hive"), at=AT)
    assert granted(found) == ["anna"]


def test_the_schema_of_a_dataset_holds(folder):
    """A dataset that leaves a column out, or gives it as another kind, is scanned."""
    lean = ds.dataset(folder).replace_schema(pa.schema([("contact_id", pa.string()), ("country", pa.string())]))
    strict = Playbook.from_dict(PLAYBOOK.to_dict() | {"on_missing": {"consent": "deny"}})
    assert granted(Arbiter(strict).decide_table(ds.dataset(folder), at=AT)) == CONTACTS["contact_id"]
    assert granted(Arbiter(strict).decide_table(lean, at=AT)) == []


def test_some_groups_of_rows_are_not_all(tmp_path):
    path = tmp_path / "contacts.parquet"
    pq.write_table(pa.table(CONTACTS), path, row_group_size=1)
    dataset = ds.dataset(path)
    (fragment,) = dataset.get_fragments()
    some = ds.FileSystemDataset(
        [fragment.subset(row_group_ids=[1, 3])], dataset.schema, dataset.format, dataset.filesystem
    )
    assert decide(some) == ["boris", "dimi"]


def test_another_file_system_is_not_the_local_one(tmp_path, monkeypatch):
    """The relative path of a file elsewhere also exists here, with other contacts."""
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    for where, names in ((elsewhere, ["right"]), (here, ["wrong"])):
        where.mkdir()
        pq.write_table(pa.table({"contact_id": names, "consent_email": [True]}), where / "contacts.parquet")
    monkeypatch.chdir(here)
    system = fs.SubTreeFileSystem(str(elsewhere), fs.LocalFileSystem())
    assert decide(ds.dataset("contacts.parquet", filesystem=system)) == ["right"]
    memory = fs._MockFileSystem() if hasattr(fs, "_MockFileSystem") else None
    if memory is not None:
        with memory.open_output_stream("contacts.parquet") as file:
            pq.write_table(pa.table({"contact_id": ["mocked"], "consent_email": [True]}), file)
        assert decide(ds.dataset("contacts.parquet", filesystem=memory)) == ["mocked"]


def test_a_filter_that_leaves_little_of_many_groups_gives_few_chunks(tmp_path):
    path = tmp_path / "many.parquet"
    count = 3_000
    pq.write_table(
        pa.table({"contact_id": list(range(count)), "consent_email": [True] * count, "own": [1, 0, 0] * 1000}),
        path,
        row_group_size=10,
    )
    source = open_source(ds.dataset(path).filter(ds.field("own") == 1), "contacts")
    parts = list(source.parts(lambda name: name == "contact_id"))
    assert [(number, len(arrays[0])) for number, _, arrays in parts] == [(1, 1000)]
    assert parts[0][2][0].to_pylist() == list(range(0, count, 3))
    assert decide(ds.dataset(path).filter(ds.field("own") == 1)) == list(range(0, count, 3))


# Files that change


def write_contacts(path, names, *, steady=True):
    """Contacts to a file of any format; steadily: with the size and the times that it had."""
    before = Path(path).stat() if Path(path).exists() else None
    rows = [{"contact_id": name, "consent_email": True, "account_id": "acme", "own": name} for name in names]
    ending = str(path).rsplit(".", 1)[1]
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, compression="none", use_dictionary=False)
    elif ending == "csv":
        with Path(path).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if steady and before is not None:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


NAMES = [f"p{number:04d}" for number in range(1000)]
FORMATS = ("parquet", "csv", "jsonl")


@pytest.fixture
def swapped(monkeypatch):
    """Runs something once the contacts are met, before they are decided; they are too many to be kept until then."""
    monkeypatch.setattr(table_reader, "_HELD", -1)

    def set_up(change):
        index = TableReader._index

        def changed(self, stretch):
            found = index(self, stretch)
            change()
            return found

        monkeypatch.setattr(TableReader, "_index", changed)

    return set_up


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("touches", [None, [{"contact_id": "p0001", "sent_at": AT, "channel": "email"}]])
def test_contacts_in_another_order_are_an_error(tmp_path, swapped, ending, touches):
    """Granted to 1,000 wrong contacts before; here not even the file's size and times differ."""
    path = tmp_path / f"contacts.{ending}"
    write_contacts(path, NAMES)
    swapped(lambda: write_contacts(path, NAMES[::-1]))
    with pytest.raises(DataError, match=r"contacts\.\w+, row 1: .*'p0999' is where another one was") as error:
        decide(str(path), touches)
    assert error.value.source == str(path)


def test_only_columns_that_something_asks_for_are_read(tmp_path, monkeypatch):
    """Of a wide table those of the rules, and those with a meaning of their own; all for a policy of the user's."""
    path = tmp_path / "contacts.parquet"
    columns = CONTACTS | {"own": [1, 2, 3, 4], "other": [1, 2, 3, 4], "stage": ["early"] * 4}
    pq.write_table(pa.table(columns), path)
    read = []
    batches = ParquetFiles._batches

    def seen(self, names, chosen):
        read.append(set(names))
        return batches(self, names, chosen)

    monkeypatch.setattr(ParquetFiles, "_batches", seen)
    campaign = {"id": "launch", "content": ["note"], "audience": "own >= 2"}
    playbook = Playbook.from_dict(PLAYBOOK.to_dict() | {"campaigns": [campaign]})
    assert len(granted(Arbiter(playbook).decide_table(str(path), at=AT))) == 3
    assert read == [set(CONTACTS) - {"country"} | {"own", "stage"}]

    class Own:
        def weigh(self, claim, contact, context):
            return contact.attributes["other"]

    read.clear()
    own = Playbook.from_dict(playbook.to_dict() | {"policy": "own"})
    Arbiter(own, {"own": Own()}).decide_table(str(path), at=AT)
    assert read == [set(columns)]


def test_texts_of_which_there_are_few_are_read_by_code(tmp_path):
    """As the file has them; ids are not, however few they are."""
    path = tmp_path / "touches.parquet"
    table = pa.table({"contact_id": ["a", "b"] * 500, "channel": ["email", None] * 500, "own": list(range(1000))})
    pq.write_table(table, path)
    ((_, names, arrays),) = open_source(str(path), "touches").parts(lambda _: True)
    kinds = dict(zip(names, (array.type for array in arrays), strict=True))
    assert pa.types.is_dictionary(kinds["channel"])
    assert kinds["contact_id"] == pa.string()
    assert pa.table(dict(zip(names, arrays, strict=True))).to_pylist() == table.to_pylist()
    pq.write_table(table, path, use_dictionary=False)
    ((_, _, arrays),) = open_source(str(path), "touches").parts(lambda name: name == "channel")
    assert arrays[0].type == pa.string()


def test_contacts_that_are_kept_are_those_that_were_read(tmp_path, swapped, monkeypatch):
    """A table of moderate size is read once: whatever happens to its file then, the decisions are of one table."""
    path = tmp_path / "contacts.parquet"
    write_contacts(path, NAMES)
    swapped(lambda: write_contacts(path, NAMES[::-1]))
    monkeypatch.setattr(table_reader, "_HELD", 2**20)
    assert decide(str(path)) == NAMES


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("names", [NAMES[:10], NAMES + [f"q{n}" for n in range(60_000)]], ids=["shrunk", "grown"])
@pytest.mark.parametrize("steady", [True, False])
def test_contacts_that_became_more_or_fewer_are_an_error(tmp_path, swapped, ending, names, steady):
    """Ended the process before."""
    path = tmp_path / f"contacts.{ending}"
    write_contacts(path, NAMES)
    swapped(lambda: write_contacts(path, names, steady=steady))
    with pytest.raises(DataError, match=r"changed while the job was reading it: it had [\d,]+ bytes, and has"):
        decide(str(path))


def test_the_command_line_ends_with_4_and_writes_nothing(tmp_path, swapped, capsys):
    path, playbook, out = tmp_path / "contacts.parquet", tmp_path / "playbook.json", tmp_path / "out.csv"
    write_contacts(path, NAMES)
    playbook.write_text(json.dumps(PLAYBOOK.to_dict()))
    other = tmp_path / "new.parquet"
    write_contacts(other, NAMES[::-1])
    swapped(lambda: other.replace(path))
    arguments = ["decide", str(playbook), "--contacts", str(path), "--at", AT.isoformat(), "--out", str(out)]
    assert main([*arguments, "--engine", "columns"]) == 4
    assert (
        "contacts.parquet: the table changed while the job was reading it: it was replaced" in capsys.readouterr().err
    )
    assert not out.exists()


@pytest.mark.parametrize("playbook", ["quotas", "accounts"])
def test_every_further_reading_is_compared(tmp_path, swapped, playbook):
    path = tmp_path / "contacts.parquet"
    write_contacts(path, NAMES)
    swapped(lambda: write_contacts(path, NAMES[::-1]))
    data = PLAYBOOK.to_dict() | {"quotas": [{"name": "seats", "max": 5}]}
    own = Playbook.from_dict(data) if playbook == "quotas" else PER_ACCOUNT
    with pytest.raises(DataError, match="'p0999' is where another one was"):
        Arbiter(own).decide_table(str(path), at=AT)


def test_touches_that_change_before_they_are_counted_again_are_an_error(tmp_path, monkeypatch):
    """Touches of contacts that cannot be decided are counted in a second reading."""
    path = tmp_path / "touches.jsonl"
    row = json.dumps({"contact_id": "anna", "sent_at": AT.isoformat(), "channel": "email"}) + "\n"
    path.write_text(row)
    lost = TableReader._touches_lost

    def changed(self):
        path.write_text(row * 2)
        return lost(self)

    monkeypatch.setattr(TableReader, "_touches_lost", changed)
    with pytest.raises(DataError, match=r"touches\.jsonl: the table changed"):
        decide([{"contact_id": "anna", "timezone": "Mars/Base"}], str(path))


def test_a_dataset_that_is_scanned_twice_is_compared_too(folder, swapped):
    def change():
        table = pa.table(CONTACTS | {"contact_id": ["anna", "boris", "DIMI", "cvet"]})
        before = (folder / "b.parquet").stat()
        pq.write_table(table.slice(2), folder / "b.parquet")
        os.utime(folder / "b.parquet", ns=(before.st_atime_ns, before.st_mtime_ns))

    swapped(change)
    with pytest.raises(DataError, match="changed while the job was reading it"):
        decide(ds.dataset(folder).filter(ds.field("contact_id") != "anna"))


@pytest.mark.parametrize("ending", FORMATS)
def test_a_job_that_decides_one_by_one_looks_too(tmp_path, ending):
    """Where caps hold for accounts the contacts are read twice."""
    path = tmp_path / f"contacts.{ending}"
    write_contacts(path, NAMES)
    job = Job(Arbiter(PER_ACCOUNT), Inputs(contacts=str(path)), at=AT)
    # The same bytes in size and time, so that only the ids tell.
    write_contacts(path, NAMES[::-1])
    with pytest.raises(DataError, match=r"row 1: the table changed .*'p0999' is where another one was"):
        list(job.decisions())
    for names in (NAMES[:10], [*NAMES, "more"]):
        write_contacts(path, NAMES, steady=False)
        job = Job(Arbiter(PER_ACCOUNT), Inputs(contacts=str(path)), at=AT)
        write_contacts(path, names)
        with pytest.raises(DataError, match="changed while the job was reading it"):
            list(job.decisions())


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_that_is_written_to_while_it_is_read_is_an_error(tmp_path, ending):
    path = tmp_path / f"contacts.{ending}"
    write_contacts(path, [f"q{n}" for n in range(2_500)])
    job = Job(Arbiter(PLAYBOOK), Inputs(contacts=str(path)), at=AT)
    decisions = job.decisions()
    next(decisions)
    with path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(DataError, match="changed while the job was reading it"):
        list(decisions)


def test_a_stretch_of_touches_from_another_file_is_an_error(tmp_path, monkeypatch):
    """Of files in order, groups of rows are read by what the first look at them said."""
    monkeypatch.setattr("journeykit.tables.arrow.partitions.ROWS", 100)
    contacts, touches = tmp_path / "contacts.parquet", tmp_path / "touches.parquet"
    write_contacts(contacts, NAMES)
    pq.write_table(pq.read_table(contacts), contacts, row_group_size=100)
    rows = pa.table({"contact_id": NAMES, "sent_at": [AT] * 1000, "channel": ["email"] * 1000})
    pq.write_table(rows, touches, row_group_size=100)
    assert decide(str(contacts), str(touches)) == []
    job = TableJob(Arbiter(PLAYBOOK), str(contacts), str(touches), at=AT)
    batches = job.batches()
    pq.write_table(rows.slice(500), touches, row_group_size=100)
    with pytest.raises(DataError, match=r"touches\.parquet: the table changed"):
        list(batches)
